"""A run folder as a database: which views it has, and one query over them that can change nothing.

`cases`, `events` and `measures` are the parts of all finished replications. The same log stands under the names
that other tools expect: ``pm4py.log`` [1]_, ``ocel.*`` with the tables of OCEL 2.0 [2]_, ``vidigi.event_log`` [3]_.
Only SELECT is let through, and DuckDB is closed to every file outside the run.

References
----------
.. [1] https://processintelligence.solutions/pm4py, the columns of a log as a data frame.
.. [2] OCEL 2.0 Specification, 2023, the relational format. arXiv:2403.01975
.. [3] https://github.com/hsma-tools/vidigi, the columns of an event log.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulations.run_folder.folders import finished_replications
from simulations.run_folder.manifest import read_manifest
from simulations.run_folder.parts import KINDS, part_path
from workflow.errors import InputError, nearest
from workflow.files.validation import format_names
from workflow.files.yaml_tree import parse_yaml

__all__ = ["Answer", "ask"]

_BATCH = 10_000
_UNQUOTED = re.compile(r"(?<!\")\b(at|by|group)\b(?!\")(?!\s+by\b)", re.IGNORECASE)
_READING = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_HIDING = {"query", "query_table", "json_execute_serialized_sql"}  # they run a query that they are given as a text
_NAMES = ("pm4py.log", "vidigi.event_log", "ocel.event", "ocel.object", "ocel.event_object", "ocel.object_object", "ocel.event_map_type", "ocel.object_map_type", "ocel.object_case", "transitions")  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What a query gives: the names of its columns, and its rows, read as they are taken."""

    columns: list[str]
    rows: Iterator[tuple[Any, ...]]


@contextmanager
def ask(folder: Path, query: str) -> Iterator[Answer]:
    """Ask a run folder one question in SQL.

    Parameters
    ----------
    folder : Path
    query : str
        A single SELECT (also WITH, FROM, DESCRIBE, SUMMARIZE, SHOW).

    Raises
    ------
    InputError
        If the folder is no run folder, or the query is wrong; with the nearest name where one is misspelt.
    """
    import duckdb

    files = _files(folder)
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as connection:
        connection.execute("set threads = 1")  # sums of fractions are then the same every time
        connection.execute("set autoinstall_known_extensions = false")
        connection.execute("set autoload_known_extensions = false")
        connection.execute(f"set temp_directory = {_quoted(scratch)}")
        _check_single_select(connection, query)
        _make_views(connection, folder, files, query.lower())
        places = ", ".join(_quoted(str((folder / kind).resolve())) for kind in files)
        connection.execute(f"set allowed_directories = [{places}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        try:
            connection.execute(query)
            yield Answer([column[0] for column in connection.description or ()], _rows(connection))
        except duckdb.Error as error:
            raise InputError([_told(connection, folder, files, error)]) from None


def _files(folder: Path) -> dict[str, list[str]]:
    """Return the files of each kind of all finished replications."""
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError([f"{folder}: is no run folder (it has no readable manifest.json)"])
    records = finished_replications(folder, manifest)
    found = {
        kind: [str(part_path(folder, kind, k).resolve()) for k, record in records.items() if kind in record.parts]
        for kind in KINDS
    }
    found = {kind: paths for kind, paths in found.items() if paths}
    if not found:
        raise InputError([f"{folder}: not a single replication is finished; go on with docketsim run ... --resume"])
    gone = [path for paths in found.values() for path in paths if not Path(path).is_file()]
    if gone:
        raise InputError([f"{gone[0]}: is missing; docketsim verify {folder} lists what is, --resume brings it back"])
    return found


def _check_single_select(connection: Any, query: str) -> None:
    """Let one query through that reads: DuckDB takes COPY and INSERT within a SELECT, too."""
    import duckdb

    try:
        statements = connection.extract_statements(query)
    except duckdb.Error as error:
        hint = ' The columns at, by and group are words of SQL, too: write "at".' if _UNQUOTED.search(query) else ""
        raise InputError([f"sql: {_first_line(error)}.{hint}"]) from None
    if len(statements) != 1:
        raise InputError([f"sql: give one query, not {len(statements)}"])
    if statements[0].type == duckdb.StatementType.SELECT:
        tree = json.loads(connection.execute("select json_serialize_sql(?)", [query]).fetchone()[0])
        if not tree.get("error", True) and _reads_only(tree):
            return
    raise InputError(["sql: a run is read only: the query must be a SELECT, and nothing else within it"])


def _reads_only(part: Any) -> bool:
    if isinstance(part, list):
        return all(_reads_only(each) for each in part)
    if not isinstance(part, dict):
        return True
    kind = str(part.get("type", ""))
    if (kind.endswith("_NODE") and kind not in _READING) or str(part.get("function_name")).lower() in _HIDING:
        return False
    return all(_reads_only(each) for each in part.values())


# views -----------------------------------------------------------------------------------------------


def _make_views(connection: Any, folder: Path, files: dict[str, list[str]], query: str) -> None:
    """Make the views that a query asks for; some cost a look into the run's files."""
    for kind, paths in files.items():
        quoted = ", ".join(_quoted(path) for path in paths)
        connection.execute(f"create view {kind} as select * from read_parquet([{quoted}])")
    if "events" not in files:
        return
    if "pm4py" in query:
        _pm4py(connection)
    if "vidigi" in query:
        _vidigi(connection, folder)
    if "ocel" in query:
        _ocel(connection)
    if "transitions" in query:
        _transitions(connection, folder)


def _attributes(connection: Any) -> list[str]:
    """Return the names of the facts and of the record in the case table."""
    columns = [row[0] for row in connection.execute("describe cases").fetchall()]
    return columns[columns.index("initial_state") :]


def _pm4py(connection: Any) -> None:
    connection.execute("create schema pm4py")
    of_case = ", ".join(f'c."{name}" as "case:{name}"' for name in ("court", "origin", *_attributes(connection)))
    connection.execute(
        f"""create view pm4py.log as select e.replication || ':' || e.case_id as "case:concept:name",
            coalesce(e.transition, e.cause) as "concept:name", e.happened_at as "time:timestamp",
            e.started_at, e.pool || '/' || e.court || '/' || e.server as "org:resource",
            'complete' as "lifecycle:transition", e.activity, e.outcome, e.from_state, e.to_state, {of_case}
        from events e join cases c using (replication, case_id) where e.cause <> 'horizon'
        order by e.replication, e.sequence"""
    )


def _vidigi(connection: Any, folder: Path) -> None:
    starts = _read(folder / "scenario.yaml")["starts"]
    minutes = f"greatest(date_diff('microsecond', timestamp '{starts}', {{}}), 0) / 60e6"
    work = "from events where pool is not null and enabled_at is not null"
    connection.execute("create schema vidigi")
    connection.execute(
        f"""create view vidigi.event_log as select replication as run_number, case_id as entity_id, court as pathway,
            event_type, event, {minutes.format("moment")} as "time", resource_id
        from (
            select replication, case_id, court, 'arrival_departure' as event_type, 'arrival' as event, arrived_at as moment,
                null as resource_id, 0 as place, -1 as sequence from cases
            union all select replication, case_id, court, 'queue', activity || '_wait_begins', enabled_at, null, 1, sequence {work}
            union all select replication, case_id, court, 'resource_use', activity || '_begins', started_at, server, 2, sequence
                {work} and started_at is not null
            union all select replication, case_id, court, 'resource_use_end', activity || '_ends', coalesce(completed_at, happened_at),
                server, 3, sequence {work} and started_at is not null and cause <> 'horizon'
            union all select replication, case_id, court, 'arrival_departure', 'depart', max(happened_at), null, 4, max(sequence)
                from events group by all having not bool_or(cause = 'horizon')
        ) order by replication, moment, sequence, place"""
    )


def _ocel(connection: Any) -> None:
    types = [row[0] for row in connection.execute(f"select distinct {_TYPE} from events where {_HAPPENED} order by 1").fetchall()]  # fmt: skip
    connection.execute("create schema ocel")
    event, case = "replication || ':' || sequence", "replication || ':' || case_id"
    for name, select in {
        "event": f"select {event} as ocel_id, {_TYPE} as ocel_type from events where {_HAPPENED}",
        "object": f"select {case} as ocel_id, 'case' as ocel_type from cases",
        "event_object": f"select {event} as ocel_event_id, {case} as ocel_object_id, 'case' as ocel_qualifier from events where {_HAPPENED}",
        "object_object": "select '' as ocel_source_id, '' as ocel_target_id, '' as ocel_qualifier where false",
        "event_map_type": f"select unnest({types}::varchar[]) as ocel_type, ocel_type as ocel_type_map",
        "object_map_type": "select 'case' as ocel_type, 'case' as ocel_type_map",
        "object_case": f"select {case} as ocel_id, arrived_at as ocel_time, null::varchar as ocel_changed_field,"
        " * exclude (replication, case_id, arrived_at) from cases",
    }.items():
        connection.execute(f"create view ocel.{name} as {select}")
    for kind in types:
        connection.execute(
            f'create view ocel."event_{kind}" as select {event} as ocel_id, happened_at as ocel_time, court, cause, from_state, to_state,'
            f" activity, pool, server, outcome from events where {_HAPPENED} and {_TYPE} = {_quoted(kind)}"
        )


_TYPE = "coalesce(transition, cause)"
_HAPPENED = "cause <> 'horizon'"


def _transitions(connection: Any, folder: Path) -> None:
    """Make a table of the workflow's transitions: which guard allowed a move, and by which source."""
    rows = []
    for path in (folder / "workflow.yaml", *sorted(folder.glob("policy-*.yaml"))):
        content = _read(path)
        for entry in content.get("transitions", []):
            from_ = entry.get("from")
            states = ", ".join(map(str, from_)) if isinstance(from_, list) else from_
            rows.append((content["workflow"], entry["transition"], states, entry.get("to"), _text(entry.get("when")), entry.get("source")))  # fmt: skip
    connection.execute(
        "create table transitions (workflow varchar, transition varchar, from_states varchar, to_state varchar, guard varchar, source varchar)"
    )
    if rows:
        connection.executemany("insert into transitions values (?, ?, ?, ?, ?, ?)", rows)


def _read(path: Path) -> Any:
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), str(path)).plain()
    except OSError as error:
        raise InputError([f"{path}: is not readable: {error.strerror}"]) from None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# answers and errors ------------------------------------------------------------------------------------


def _rows(connection: Any) -> Iterator[tuple[Any, ...]]:
    while batch := connection.fetchmany(_BATCH):
        yield from batch


def _told(connection: Any, folder: Path, files: dict[str, list[str]], error: Exception) -> str:
    """Return what is wrong with a query in one line, with the nearest name."""
    text = str(error)
    if "pytz" in text:
        return "sql: a column is a timestamp with a time zone; cast it, as in now()::timestamp"
    if "parquet" in text.lower() and ("magic" in text or "corrupt" in text.lower() or "too small" in text):
        return f"sql: {_first_line(error)}; docketsim verify {folder} lists what is damaged, --resume runs it again"
    table = re.search(r"Table with name (\S+) does not exist", text)
    if table is not None:
        if "events" not in files and table[1] in ("events", "log", "event_log"):
            return "sql: this run has no event log (--no-events)"
        known, name = [*files, *_NAMES], table[1].strip('"')
        return f"sql: there is no view {name!r}.{nearest(name, known) or f' Known: {format_names(known, 20)}.'}"
    column = re.search(r'column "([^"]+)" not found|not have a column named "([^"]+)"', text)
    if column is not None:
        name = column[1] or column[2]
        known = _columns(connection, files)
        return f"sql: there is no column {name!r} here.{nearest(name, known) or f' Known: {format_names(known, 60)}.'}"
    function = re.search(r'Function with name (\S+) does not exist!\nDid you mean "([^"]+)"', text)
    if function is not None:
        return f"sql: there is no function {function[1]!r}. Did you mean {function[2]!r}?"
    return f"sql: {_first_line(error)}"


def _columns(connection: Any, files: dict[str, list[str]]) -> list[str]:
    found: Sequence[tuple[str]] = connection.execute(
        "select distinct column_name from information_schema.columns where table_catalog = current_database()"
    ).fetchall()
    return sorted(name for (name,) in found)


def _first_line(error: Exception) -> str:
    return re.sub(r"^[A-Z]\w+( \w+)? Error: ", "", str(error).splitlines()[0])
