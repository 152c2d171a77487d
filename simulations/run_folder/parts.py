"""The parts of a run: what is in their files, and where these are.

In the Parquet parts text columns are dictionary-encoded and instants are timestamps in whole microseconds. The
same log gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.measured import Measured
from simulations.run_folder.database import cursor, enum
from simulations.run_folder.whole_files import whole_file
from simulations.scenarios.population import ORIGINS, Cases
from simulations.scenarios.scenario import Scenario

__all__ = [
    "KINDS",
    "part_path",
    "record_path",
    "sha256",
    "unfinished_files",
    "write_cases",
    "write_events",
    "write_measures",
]

_SQL_TYPES = {
    "bool": "boolean", "int8": "tinyint", "int16": "smallint", "int32": "integer", "int64": "bigint", "uint32": "uinteger", "float64": "double",
    "datetime64[us]": "timestamp",
}  # fmt: skip

KINDS = ("cases", "events", "measures")


def part_path(folder: Path, kind: str, replication: int) -> Path:
    """Return the file of a kind and a replication."""
    return folder / kind / f"replication={replication}.parquet"


def record_path(folder: Path, replication: int) -> Path:
    """Return the file that says that a replication is finished, until the manifest says so."""
    return folder / "measures" / f"replication={replication}.json"


def unfinished_files(folder: Path) -> list[Path]:
    """Return what a killed process has left of files that it was writing."""
    return [path for place in (folder, *(folder / kind for kind in KINDS)) for path in place.glob(".*.tmp")]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_cases(path: Path, cases: Cases, replication: int) -> None:
    """Write the case table: replication, case_id, court, origin, arrived_at, initial_state, as_of, every fact, the record at the start."""
    scenario = cases.scenario
    n = len(cases)
    columns: dict[str, Any] = {"case_id": np.arange(n, dtype=np.uint32)}
    select = [f"{replication}::integer as replication", "case_id::bigint as case_id"]
    columns["court"], words = cases.court, _words(scenario.courts)
    select.append(f"{words}[court + 1] as court")
    columns["origin"] = cases.origin
    select.append(f"{_words(ORIGINS)}[origin + 1] as origin")
    columns["arrived_at"] = cases.arrived
    columns["initial_state"] = cases.state
    select += [
        _instant("arrived_at", scenario),
        f"{_words(scenario.workflow.states)}[initial_state + 1] as initial_state",
    ]
    for name in ("as_of", *scenario.workflow.facts, *scenario.workflow.record):
        field = scenario.namespace.fields[name]
        column, key = cases.columns.values[name], f"v_{name}"
        columns[key] = column.astype("datetime64[us]") if field.kind == "date" else column
        value = (
            f"{_words(field.values)}[{key} + 1]"
            if field.kind == "enum"
            else f"{key}::date"
            if field.kind == "date"
            else key
        )
        if name in cases.columns.missing:
            columns[f"m_{name}"] = cases.columns.missing[name]
            value = f"case when m_{name} then null else {value} end"
        select.append(f'{value} as "{name}"')
    _write(path, columns, select)


def write_events(path: Path, log: EventLog, replication: int) -> None:
    """Write the event log, a row in the order in which it happened."""
    columns = dict(log.columns)
    columns["sequence"] = np.arange(len(log), dtype=np.uint32)
    columns["court"] = log.cases.court.astype(np.int16)[log.columns["case_id"]]
    instants = {name: _instant(name, log.cases.scenario) for name in columns if name.endswith("_at")}
    words = {
        name: f"{_words(log.words.column(name))}[{name} + 1] as {name}"
        for name in ("transition", "cause", "from_state", "to_state", "activity", "pool", "outcome")
    }
    select = [
        f"{replication}::integer as replication", "sequence::bigint as sequence", "case_id::bigint as case_id",
        f"{_words(log.cases.scenario.courts)}[court + 1] as court", instants["happened_at"],
        *(words[n] for n in ("transition", "cause", "from_state", "to_state", "activity", "pool")),
        "case when server < 0 then null else server end as server", *(instants[n] for n in ("enabled_at", "started_at", "completed_at")), words["outcome"],
    ]  # fmt: skip
    _write(path, columns, select)


def write_measures(path: Path, measured: Measured, replication: int) -> None:
    """Write measures: replication, measure, court, by, group, at, unit, value."""
    columns, words = measured.columns()
    select = [f"{replication}::integer as replication"]
    for name in columns:
        code = f"{_words(words[name])}[{name}_ + 1]" if name in words else f"{name}_"
        said = {"at": "at_::date", "value": "case when isnan(value_) then null else value_ end"}.get(name, code)
        select.append(f'{said} as "{name}"')
    columns["at"] = columns["at"].astype("datetime64[us]")
    _write(path, {f"{name}_": column for name, column in columns.items()}, select)


def _words(words: Iterable[str | None]) -> str:
    return enum(tuple(str(word) for word in words))


def _instant(column: str, scenario: Scenario) -> str:
    """Return the SQL expression of a column of microseconds since the start as a timestamp."""
    start = np.datetime64(scenario.epoch.start, "us").astype(np.int64)
    return f"make_timestamp(nullif({column}, {NEVER}) + {start}) as {column}"


def _write(path: Path, columns: dict[str, Any], select: Sequence[str]) -> None:
    same = {name: _literal(column) for name, column in list(columns.items())[1:]}  # the first has the length
    alike = {name: value for name, value in same.items() if value is not None}
    source = ", ".join(["*", *(f"{value} as {name}" for name, value in alike.items())])
    with whole_file(path) as unfinished, cursor() as connection:
        connection.register("given", {name: column for name, column in columns.items() if name not in alike})
        target = str(unfinished).replace("'", "''")
        connection.execute(
            f"copy (select {', '.join(select)} from (select {source} from given)) to '{target}'"
            " (format parquet, compression zstd)"
        )


def _literal(column: NDArray[Any]) -> str | None:
    """Return the SQL of the value that a column has everywhere, if there is one: DuckDB takes long to look at an array."""
    if not len(column) or not all((some == column[0]).all() for some in (column[:99], column)):  # mostly known at once
        return None
    return f"'{column[0]}'::{_SQL_TYPES[column.dtype.name]}"
