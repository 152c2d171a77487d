"""Query a run folder in SQL, read-only.

The views `cases`, `events` and `measures` are the parts of all finished replications; `series` has the daily pending cases of
`measures`. The views ``pm4py.log`` [1]_,
``ocel.*`` (the tables of OCEL 2.0 [2]_) and ``vidigi.event_log`` [3]_ give the same log the names that other tools expect.
Only a SELECT is accepted, and DuckDB cannot read files outside the run folder.

References
----------
.. [1] https://processintelligence.solutions/pm4py, the columns of a log as a data frame.
.. [2] OCEL 2.0 Specification, 2023, the relational format. arXiv:2403.01975
.. [3] https://github.com/hsma-tools/vidigi, the columns of an event log.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulations.log.row import COLUMNS, HORIZON, NOT_STEPS
from simulations.run_folder.folders import finished_in, recorded_contents
from simulations.run_folder.manifest import read_manifest
from simulations.run_folder.parts import KINDS
from workflow.errors import InputError, nearest
from workflow.files.validation import format_names, format_value
from workflow.files.yaml_tree import read_yaml
from workflow.model.columns import TABLES
from workflow.run_files.manifest import part_files
from workflow.run_files.policies import number_in_force, recorded_policies
from workflow.run_files.tables import add_table, recorded_workflow
from workflow.sql.quoting import identifier, text
from workflow.sql.reading import connect

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

NAME = "coalesce(transition, cause)"
"""SQL: the name of an event for other tools."""

STEP_KIND = "case when transition is null then 'event' else 'transition' end"
"""SQL: whether a row is an event alone, or a transition, which an event may have triggered (then its `cause`)."""

POLICY = "policy_in_force"
"""The column of exports with the name of the workflow that decided a row."""

RESOURCES = "resources"
"""The column of exports with every server of a row, for runs whose work may need several."""

OBSERVED_UNTIL = "(select max(happened_at) from events)"
"""SQL: the end of the run, until which each case was observed."""

HAPPENED = f"cause not in ({', '.join(map(text, NOT_STEPS))})"
"""SQL: the row is a step of the case. It does not just close the case at the end of the run, interrupt its work or book a date."""

ATTRIBUTES = ("court", *(c.name for c in COLUMNS if c.kind != "instant" and c.name not in ("case_id", "transition")))
"""Columns of the events that other tools get as attributes, besides the name, the case and the instants."""

_BATCH = 10_000
_OF_EVENTS = ("pm4py", "vidigi", "ocel", "transitions", "holds")  # names or schemas of views that need the event log
_OF_MEASURES = {
    "series": """select replication, court, "at" as day, value as pending from measures
    where measure = 'pending' and "by" is null and "at" is not null""",
    "next_free": """select replication, substr(measure, 11) as pool, court, "at" as day, value as days from measures
    where starts_with(measure, 'next_free.') and "by" is null and "at" is not null""",
}
_UNQUOTED = re.compile(r"(?<!\")\b(at|by|group)\b(?!\")(?!\s+by\b)", re.IGNORECASE)
_READ_ONLY = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_QUERYING = {"query", "query_table", "json_execute_serialized_sql"}  # functions that run a query given as a string
_NAMES = ("series", "next_free", "pm4py.log", "vidigi.event_log", "ocel.event", "ocel.object", "ocel.event_object", "ocel.object_object", "ocel.event_map_type", "ocel.object_map_type", "ocel.object_case", "transitions")  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """The result of a query: the names of its columns, and its rows, which are fetched in batches."""

    columns: list[str]
    rows: Iterator[tuple[Any, ...]]


class RunTables:
    """The tables of a run folder as views of a database in memory. Each is checked and made when it is needed.

    It can be used by several threads: each query has its own cursor.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    InputError
        If it is not a run folder, or a part is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = _files(folder)
        self._connection = connect([path for paths in self._files.values() for path in paths], threads=1)
        self._made: set[str] = set()
        self._making = threading.Lock()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def need(self, *kinds: str) -> None:
        """Make the views of these tables, unless they exist.

        Raises
        ------
        InputError
            With every part that has other columns than declared; or if the run has no event log.
        """
        with self._making:
            for kind in kinds:
                if kind in self._made:
                    continue
                if kind not in self._files:
                    raise InputError([f"{self.folder}: this run has no {kind}; --keep {kind} (keep='{kind}') writes them"])
                add_table(self._connection, self.folder, kind, self._files[kind])
                self._made.add(kind)

    def table(self, name: str) -> DuckDBPyRelation:
        """Return a table: ``cases``, ``events``, ``measures`` or ``series``."""
        kind = "measures" if name in _OF_MEASURES else name
        self.need(kind)
        relation: DuckDBPyRelation = self._connection.cursor().sql(_OF_MEASURES.get(name, f"select * from {kind}"))
        return relation

    def sql(self, query: str) -> DuckDBPyRelation:
        """Return the result of a query, which runs when it is read.

        Raises
        ------
        InputError
            If the query is wrong, or does more than read. The message suggests the nearest name.
        """
        with self._cursor(query) as cursor:
            relation: DuckDBPyRelation = cursor.sql(query)
        return relation

    @contextmanager
    def answer(self, query: str) -> Iterator[Answer]:
        """Yield the result of a query, whose rows are fetched in batches; see `sql` for its mistakes."""
        with self._cursor(query) as cursor:
            cursor.execute(query)
            yield Answer([column[0] for column in cursor.description or ()], _rows(cursor))

    @contextmanager
    def _cursor(self, query: str) -> Iterator[Any]:
        """Yield a cursor with every view that a query mentions, and explain the mistakes of the query."""
        import duckdb

        self.need(*self._files)
        cursor = self._connection.cursor()
        _check_single_select(cursor, query)
        with self._making:
            self._made |= _make_views(cursor, self.folder, query.lower(), self._made)
        try:
            yield cursor
        except duckdb.Error as error:
            raise InputError([_describe(cursor, self.folder, self._files, error, query)]) from None


@contextmanager
def query_run(folder: Path, sql: str) -> Iterator[Answer]:
    """Query a run folder.

    Parameters
    ----------
    folder : Path
    sql : str
        A single SELECT (also WITH, FROM, DESCRIBE, SUMMARIZE, SHOW).

    Raises
    ------
    InputError
        If the folder is not a run folder, or the query is wrong. The message suggests the nearest name.
    """
    with closing(RunTables(folder)) as tables, tables.answer(sql) as answer:
        yield answer


def _files(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each kind of all finished replications."""
    records = finished_in(folder, read_manifest(folder))
    files = {kind: part_files(folder, kind, records) for kind in KINDS}
    return {kind: paths for kind, paths in files.items() if paths}


def _check_single_select(connection: Any, sql: str) -> None:
    """Accept one query that only reads. DuckDB also allows COPY and INSERT inside a SELECT."""
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        hint = ' The columns at, by and group are also SQL keywords: write "at".' if _UNQUOTED.search(sql) else ""
        raise InputError([f"sql: {_first_line(error)}.{hint}"]) from None
    if len(statements) != 1:
        raise InputError([f"sql: give one query, not {len(statements)}"])
    if statements[0].type == duckdb.StatementType.SELECT:
        tree = json.loads(connection.execute("select json_serialize_sql(?)", [sql]).fetchall()[0][0])
        if not tree.get("error", True) and _reads_only(tree):
            return
    raise InputError(["sql: a run folder is read-only: the query must be a SELECT that contains no other statement"])


def _reads_only(part: Any) -> bool:
    if isinstance(part, list):
        return all(_reads_only(each) for each in part)
    if not isinstance(part, dict):
        return True
    kind = str(part.get("type", ""))
    if (kind.endswith("_NODE") and kind not in _READ_ONLY) or str(part.get("function_name")).lower() in _QUERYING:
        return False
    return all(_reads_only(each) for each in part.values())


# views -----------------------------------------------------------------------------------------------


def _make_views(connection: Any, folder: Path, sql: str, made: Collection[str]) -> set[str]:
    """Make the views that a query mentions, and return what was made. Some need to read other files of the run."""
    wanted = {name for name in (*_OF_EVENTS, *_OF_MEASURES) if name in sql and name not in made}
    for name in wanted & {*_OF_MEASURES}:
        connection.execute(f"create or replace view {name} as {_OF_MEASURES[name]}")
    if "events" not in made:
        return wanted & {*_OF_MEASURES}
    if "pm4py" in wanted:
        _pm4py(connection, folder)
    if "vidigi" in wanted:
        _vidigi(connection, folder)
    if "ocel" in wanted:
        _ocel(connection, folder)
    if "transitions" in wanted:
        _transitions(connection, folder)
    if "holds" in wanted:  # without teams, each row of the events has its only server, and the run has no such parts
        columns = ", ".join(TABLES["holds"])
        connection.execute(f"create view holds as select {columns} from events where server is not null")
    return wanted


def _pm4py(connection: Any, folder: Path) -> None:
    connection.execute("create schema pm4py")
    columns = [row[0] for row in connection.execute("describe cases").fetchall()]
    shown = ("court", "origin", *columns[columns.index("initial_state") :])
    case_columns = ", ".join(f"c.{identifier(name)} as {identifier(f'case:{name}')}" for name in shown)
    servers = servers_of(folder, "e")
    resources = "" if servers is None else f"{servers} as {RESOURCES}, "
    connection.execute(
        f"""create view pm4py.log as select e.replication || ':' || e.case_id as "case:concept:name",
            coalesce(e.transition, e.cause) as "concept:name", e.happened_at as "time:timestamp",
            e.started_at, {server_name(folder, "e")} as "org:resource",
            'complete' as "lifecycle:transition", {resources}e.activity, e.outcome, e.from_state, e.to_state, e.cause,
            {STEP_KIND} as step_kind, {policy_name(folder, "e")} as {POLICY}, c.arrived_at::date as "case:arrived", {OBSERVED_UNTIL} as "case:observed_until",
            {case_columns}
        from events e join cases c using (replication, case_id) where e.{HAPPENED}
        order by e.replication, e.sequence"""
    )


def policy_name(folder: Path, rows: str) -> str:
    """Return SQL for the name of the workflow that decided a row of a table of events."""
    policies = recorded_policies(folder)
    names = [read_yaml(folder / file).plain().get("workflow") for file in ("workflow.yaml", *(p.file for p in policies))]
    return f"[{', '.join(text(str(name)) for name in names)}][1 + {number_in_force(policies, rows)}]"


def event_attributes(folder: Path) -> dict[str, str]:
    """Return the columns of the events that other tools get as attributes, each with its SQL."""
    moved = ("current_court", "to_court") if recorded_contents(folder)["scenario"].get("transfers") else ()
    columns = {name: name for name in (*ATTRIBUTES, *moved)} | {"step_kind": STEP_KIND, POLICY: policy_name(folder, "events")}
    servers = servers_of(folder, "events")
    return columns if servers is None else columns | {RESOURCES: servers}


def server_name(folder: Path, rows: str) -> str:
    """Return SQL for the name of the server in a row of a table: pool, court unless the pool is of the nation, and number.

    The court is that of the server: of the table ``h`` of holds, or the one at which the case of an event was.
    """
    pools = recorded_contents(folder)["scenario"].get("pools")
    entries = pools.items() if isinstance(pools, dict) else ()
    local = [str(name) for name, entry in entries if isinstance(entry, dict) and entry.get("at") == "court"]
    of_server = f"{rows}.court" if rows == "h" else f"{rows}.current_court"
    court = f"case when {rows}.pool in ({', '.join(map(text, local))}) then {of_server} || '/' else '' end || " if local else ""
    return f"{rows}.pool || '/' || {court}{rows}.server"


def servers_of(folder: Path, rows: str) -> str | None:
    """Return SQL for the names of all servers in a row of the events, the first one first; ``None`` if each row has one only."""
    if not _files(folder).get("holds"):
        return None
    names = f"string_agg({server_name(folder, 'h')}, ', ' order by h.pool <> {rows}.pool, h.pool, h.server)"
    return f"(select {names} from holds h where h.replication = {rows}.replication and h.sequence = {rows}.sequence)"


def _vidigi(connection: Any, folder: Path) -> None:
    starts = recorded_contents(folder)["scenario"].get("starts")
    if not isinstance(starts, dt.date):
        raise InputError([f"{folder / 'scenario.yaml'}: starts: must be a date, not {format_value(starts)}"])
    minutes = f"greatest(date_diff('microsecond', timestamp '{starts.isoformat()}', {{}}), 0) / 60e6"
    work = "from events where pool is not null and enabled_at is not null"
    connection.execute("create schema vidigi")
    connection.execute(
        f"""create view vidigi.event_log as select replication as run_number, case_id as entity_id, court as pathway,
            event_type, event, {minutes.format("instant")} as "time", resource_id
        from (
            select replication, case_id, court, 'arrival_departure' as event_type, 'arrival' as event, arrived_at as instant,
                null as resource_id, 0 as step, -1 as sequence from cases
            union all select replication, case_id, court, 'queue', activity || '_wait_begins', enabled_at, null, 1, sequence {work}
            union all select replication, case_id, court, 'resource_use', activity || '_begins', started_at, server, 2, sequence
                {work} and started_at is not null
            union all select replication, case_id, court, 'resource_use_end', activity || '_ends', coalesce(completed_at, happened_at),
                server, 3, sequence {work} and started_at is not null and cause <> '{HORIZON}'
            union all select replication, case_id, court, 'arrival_departure', 'depart', max(happened_at), null, 4, max(sequence)
                from events group by all having bool_and(cause <> '{HORIZON}')
        ) order by replication, instant, sequence, step"""
    )


def _ocel(connection: Any, folder: Path) -> None:
    attributes = ", ".join(f"{value} as {name}" for name, value in event_attributes(folder).items())
    distinct = connection.execute(f"select distinct {NAME} from events where {HAPPENED} order by 1")
    types = [name for (name,) in distinct.fetchall()]
    connection.execute("create schema ocel")
    event, case = "replication || ':' || sequence", "replication || ':' || case_id"
    kinds = f"[{', '.join(map(text, types))}]"
    for name, select in {
        "event": f"select {event} as ocel_id, {NAME} as ocel_type from events where {HAPPENED}",
        "object": f"select {case} as ocel_id, 'case' as ocel_type from cases",
        "event_object": f"select {event} as ocel_event_id, {case} as ocel_object_id, 'case' as ocel_qualifier"
        f" from events where {HAPPENED}",
        "object_object": "select '' as ocel_source_id, '' as ocel_target_id, '' as ocel_qualifier where false",
        "event_map_type": f"select unnest({kinds}::varchar[]) as ocel_type, ocel_type as ocel_type_map",
        "object_map_type": "select 'case' as ocel_type, 'case' as ocel_type_map",
        "object_case": f"select {case} as ocel_id, arrived_at as ocel_time, null::varchar as ocel_changed_field,"
        " * exclude (replication, case_id, arrived_at) from cases",
    }.items():
        connection.execute(f"create view ocel.{name} as {select}")
    for kind in types:
        connection.execute(
            f"create view ocel.{identifier(f'event_{kind}')} as select {event} as ocel_id, happened_at as ocel_time,"
            f" {attributes} from events where {HAPPENED} and {NAME} = {text(kind)}"
        )


def _transitions(connection: Any, folder: Path) -> None:
    """Make a table of the transitions of the workflow and the policies, with their guards and legal sources."""
    contents = recorded_contents(folder)
    rows = []
    for k in range(1, len(contents["policies"]) + 1):
        recorded_workflow(folder, f"policy-{k}.yaml")  # raises if it is none
    for workflow in (contents["workflow"], *contents["policies"]):
        for entry in workflow.get("transitions", []):
            sources, guard = entry.get("from"), entry.get("when")
            states = ", ".join(map(str, sources)) if isinstance(sources, list) else sources
            guard = None if guard is None else str(guard)
            name = entry["transition"]
            rows.append((workflow["workflow"], name, states, entry.get("to"), guard, entry.get("source")))
    columns = ("workflow", "transition", "from_states", "to_state", "guard", "source")
    connection.execute(f"create table transitions ({', '.join(f'{name} varchar' for name in columns)})")
    if rows:
        connection.executemany("insert into transitions values (?, ?, ?, ?, ?, ?)", rows)


# answers and errors ------------------------------------------------------------------------------------


def _rows(connection: Any) -> Iterator[tuple[Any, ...]]:
    while batch := connection.fetchmany(_BATCH):
        yield from batch


def _describe(connection: Any, folder: Path, files: dict[str, list[Path]], error: Exception, sql: str) -> str:
    """Return a message of one line about a wrong query, with the nearest name."""
    text = str(error)
    if "pytz" in text:
        return "sql: a column is a timestamp with a time zone; cast it, as in now()::timestamp"
    table = re.search(r"Table with name (\S+) does not exist", text)
    if table is not None:
        if "events" not in files and table[1] in ("events", "log", "event_log"):
            return "sql: this run has no event log; --keep events (keep='events') writes it"
        if "cases" not in files and table[1] == "cases":
            return "sql: this run has no cases; --keep cases (keep='cases') writes them"
        known, name = [*KINDS, *_NAMES], table[1].strip('"')
        if "events" not in files and "'events'" in nearest(name, known):
            return "sql: this run has no event log; --keep events (keep='events') writes it"
        return f"sql: there is no view {name!r}.{nearest(name, known) or f' Known: {format_names(known, 20)}.'}"
    column = re.search(r'column "([^"]+)" not found|not have a column named "([^"]+)"', text)
    if column is not None:
        name = column[1] or column[2]
        if re.search(rf'(?:[=<>]|\bin\s*\(|\blike\b)\s*"?{re.escape(name)}\b', sql, re.IGNORECASE):
            return f"sql: there is no column {name!r} here. A text is written in single quotes: '{name}'."
        views = _column_names(connection)
        if name in views:
            return f"sql: there is no column {name!r} here; {format_names(views[name])} {'have' if len(views[name]) > 1 else 'has'} it."
        return f"sql: there is no column {name!r} here.{nearest(name, views) or f' Known: {format_names(views, 60)}.'}"
    function = re.search(r'Function with name (\S+) does not exist!\nDid you mean "([^"]+)"', text)
    if function is not None:
        return f"sql: there is no function {function[1]!r}. Did you mean {function[2]!r}?"
    if any(record.damaged(folder) for record in finished_in(folder, read_manifest(folder)).values()):
        return f"sql: {_first_line(error)}; docketsim verify {folder} lists damaged files, --resume (resume=True) restores them"
    return f"sql: {_first_line(error)}"


def _column_names(connection: Any) -> dict[str, list[str]]:
    """Return the columns of all views, each with the views that have it; also of those that no query has mentioned yet."""
    for name, select in _OF_MEASURES.items():
        connection.execute(f"create or replace view {name} as {select}")
    names = connection.execute(
        "select column_name, list_sort(list(if(table_schema = 'main', '', table_schema || '.') || table_name))"
        " from information_schema.columns where table_catalog = current_database() group by all order by all"
    )
    return dict(names.fetchall())


def _first_line(error: Exception) -> str:
    return re.sub(r"^[A-Z]\w+( \w+)? Error: ", "", str(error).splitlines()[0])
