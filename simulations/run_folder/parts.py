"""The parts of a run: Parquet files of cases, events and measures, and their paths.

Text columns are dictionary-encoded and instants are timestamps in microseconds. The same log gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog
from simulations.log.row import COLUMNS, LABELLED, NEVER, Column
from simulations.measuring.measured import Measured
from simulations.run_folder.database import enum
from simulations.run_folder.parquet import write_parquet
from simulations.scenarios.population import ORIGINS, Cases
from simulations.scenarios.scenario import Scenario
from workflow.run_files.manifest import KINDS, kinds_of, part_path
from workflow.sql.quoting import identifier

__all__ = [
    "KINDS", "kinds_of", "part_path", "record_path", "sha256", "unfinished_files", "write_cases", "write_events", "write_holds",
    "write_measures",
]  # fmt: skip


def record_path(folder: Path, replication: int) -> Path:
    """Return the path of the record of a finished replication, which exists until the manifest includes it."""
    return folder / "measures" / f"replication={replication}.json"


def unfinished_files(folder: Path) -> list[Path]:
    """Return temporary files that a killed process left."""
    return [path for parent in (folder, *(folder / kind for kind in KINDS)) for path in parent.glob(".*.tmp")]


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_cases(path: Path, cases: Cases, replication: int) -> None:
    """Write the case table: ids, court, origin, arrival, initial state, as_of, facts and the initial record."""
    scenario, n = cases.scenario, len(cases)
    columns: dict[str, Any] = {
        "replication": _constant(replication, n),
        "case_id": np.arange(n, dtype=np.uint32),
        "court": cases.court + 1,
        "origin": cases.origin + 1,
        "arrived_at": cases.arrived,
        "initial_state": cases.state + 1,
    }
    select = [
        "replication", "case_id::bigint as case_id", _label("court", scenario.courts), _label("origin", ORIGINS),
        _instant("arrived_at", scenario), _label("initial_state", scenario.workflow.states),
    ]  # fmt: skip
    for name in ("as_of", *scenario.workflow.facts, *scenario.workflow.record):
        field, column, key = scenario.namespace.fields[name], cases.columns.values[name], f"v_{name}"
        value = key
        if field.kind == "enum":
            column, value = column + 1, f"{_label_list(field.values)}[{key}]"
        elif field.kind == "date":
            column, value = column.astype("datetime64[us]"), f"{key}::date"
        columns[key] = column
        if name in cases.columns.missing:
            columns[f"m_{name}"] = cases.columns.missing[name]
            value = f"case when m_{name} then null else {value} end"
        select.append(f"{value} as {identifier(name)}")
    write_parquet(path, columns, select)


def write_events(path: Path, log: EventLog, replication: int) -> None:
    """Write the event log in order of time: replication, sequence, case, court and instant, then the other columns."""
    scenario = log.cases.scenario
    columns = {
        **log.columns,
        **{name: log.columns[name] + 1 for name in LABELLED},
        "replication": _constant(replication, len(log)),
        "sequence": np.arange(len(log), dtype=np.uint32),
        "court": (log.cases.court + 1).astype(np.int16)[log.columns["case_id"]],
        **_courts(log),
        **_batches(log),
    }
    select = [
        "replication",
        "sequence::bigint as sequence",
        "case_id::bigint as case_id",
        _label("court", scenario.courts),
        _label("current_court" if len(log.transfers) else "court", scenario.courts, "current_court"),
        _label("to_court" if len(log.transfers) else "0", scenario.courts, "to_court"),
        "nullif(batch, -1)::integer as batch" if len(log.batches) else "null::integer as batch",
        _instant("happened_at", scenario),
        *(_column(column, log) for column in COLUMNS if column.name not in ("case_id", "happened_at")),
    ]
    write_parquet(path, columns, select)


def _courts(log: EventLog) -> dict[str, NDArray[np.int16]]:
    """Return the court at which the case of each row was before it, and the court to which the row moves it, if cases move."""
    if not len(log.transfers):
        return {}
    to_court = np.zeros(len(log), np.int16)
    to_court[log.transfers[:, 0]] = log.transfers[:, 1] + 1
    return {"current_court": (log.court_at(np.arange(len(log))) + 1).astype(np.int16), "to_court": to_court}


def _batches(log: EventLog) -> dict[str, NDArray[np.int32]]:
    """Return the batch of each row, -1 for none, if cases are served together."""
    if not len(log.batches):
        return {}
    batch = np.full(len(log), -1, np.int32)
    batch[log.batches[:, 0]] = log.batches[:, 1]
    return {"batch": batch}


def write_holds(path: Path, log: EventLog, replication: int) -> None:
    """Write every server that works in a row of the event log: replication, sequence of the row, pool, court and server."""
    scenario = log.cases.scenario
    own = np.flatnonzero((log.columns["server"] >= 0) & (log.columns["started_at"] > NEVER))
    row, pool, server = np.concatenate(
        [np.array([own, log.columns["pool"][own], log.columns["server"][own]], np.int64).T, log.further]
    ).T
    order = np.argsort(row, kind="stable")
    columns = {
        "replication": _constant(replication, len(row)),
        "sequence": row[order],
        "pool": pool[order] + 1,
        "court": (log.court_at(row[order]) + 1).astype(np.int16),
        "server": server[order],
    }
    select = [
        "replication",
        "sequence",
        _label("pool", scenario.pools),
        _label("court", scenario.courts),
        "server::integer as server",
    ]
    write_parquet(path, columns, select)


def _column(column: Column, log: EventLog) -> str:
    """Return the SQL expression of a column of the log."""
    name = column.name
    if column.kind == "label":
        return _label(name, log.labels.column(name))
    if column.kind == "instant":
        return _instant(name, log.cases.scenario)
    if column.kind == "date":
        start = np.datetime64(log.cases.scenario.starts, "D").astype(np.int64)
        return f"case when {name} < 0 then null else date '1970-01-01' + ({name} + {start})::integer end as {name}"
    return f"case when {name} < 0 then null else {name} end as {name}"


def write_measures(path: Path, measured: Measured, replication: int) -> None:
    """Write measures: replication, measure, court, by, group, at, unit, value."""
    columns, labels = measured.columns()
    given = {"replication": _constant(replication, len(columns["value"]))}
    select = ["replication"]
    for name, column in columns.items():
        key, value = f"{name}_", f"{name}_"
        if name in labels:
            column, value = column + 1, f"{_label_list(labels[name])}[{key}]"
        elif name == "at":
            column, value = column.astype("datetime64[us]"), f"{key}::date"
        elif name == "value":
            value = f"case when isnan({key}) then null else {key} end"
        given[key] = column
        select.append(f"{value} as {identifier(name)}")
    write_parquet(path, given, select)


def _constant(number: int, n: int) -> NDArray[np.int32]:
    return np.broadcast_to(np.int32(number), n)


def _label(column: str, labels: Iterable[str | None], named: str | None = None) -> str:
    """Return the SQL expression that turns a column of codes, counted from 1, into labels; 0 gives null."""
    return f"{_label_list(labels)}[{column}] as {named or column}"


def _label_list(labels: Iterable[str | None]) -> str:
    return enum(tuple(str(label) for label in labels))


def _instant(column: str, scenario: Scenario) -> str:
    """Return the SQL expression of a column of microseconds since the start as a timestamp."""
    start = np.datetime64(scenario.epoch.start, "us").astype(np.int64)
    return f"make_timestamp(nullif({column}, {NEVER}) + {start}) as {column}"
