"""The parts of a run: Parquet files of cases, events and measures, and their paths.

A part has the rows of one replication, or of many small ones, one after another. Text columns are dictionary-encoded and
instants are timestamps in microseconds. The same logs give the same bytes.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog, Labels
from simulations.log.row import COLUMNS, LABELLED, NEVER, Column
from simulations.measuring.measured import Measured
from simulations.run_folder.database import enum
from simulations.run_folder.parquet import Columns, stacked, write_parquet
from simulations.scenarios.population import ORIGINS, Cases
from simulations.scenarios.scenario import Scenario
from workflow.predicates import Field
from workflow.run_files.manifest import KINDS, Span, kinds_of, part_path
from workflow.sql.quoting import identifier

__all__ = [
    "KINDS", "SCRATCH", "Span", "delete_scratch", "kinds_of", "part_path", "record_path", "sha256", "unfinished_files", "write_cases", "write_events", "write_holds",
    "write_measures",
]  # fmt: skip


_ROWS_AT_ONCE = 1 << 17


def record_path(folder: Path, span: Span) -> Path:
    """Return the path of the record of finished replications, which exists until the manifest includes it."""
    return folder / "measures" / f"{span.name}.json"


def unfinished_files(folder: Path) -> list[Path]:
    """Return temporary files that a killed process left."""
    return [path for parent in (folder, *(folder / kind for kind in KINDS)) for path in parent.glob(".*.tmp")]


SCRATCH = ".part-"
"""The beginning of the names of folders in a run folder in which workers of a cluster make parts."""


def delete_scratch(folder: Path) -> None:
    """Delete the folders of workers that were killed while they made a part."""
    for path in folder.glob(f"{SCRATCH}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_cases(path: Path, scenario: Scenario, cases: Mapping[int, Cases]) -> None:
    """Write the case table of replications: ids, court, origin, arrival, initial state, as_of, facts and the initial record."""
    select = [
        "replication", "case_id::bigint as case_id", _label("court", scenario.courts), _label("origin", ORIGINS),
        _instant("arrived_at", scenario), _label("initial_state", scenario.workflow.states),
        *(_fact(scenario.namespace.fields[name]) for name in _facts(scenario)),
    ]  # fmt: skip
    write_parquet(path, _case_tables(cases), select, len(cases))


def _facts(scenario: Scenario) -> tuple[str, ...]:
    return ("as_of", *scenario.workflow.facts, *scenario.workflow.record)


def _fact(field: Field) -> str:
    """Return the SQL expression of a fact or a field of the record."""
    value = key = f"v_{field.name}"
    if field.kind == "enum":
        value = f"{_label_list(field.values)}[{key}]"
    elif field.kind == "date":
        value = f"{key}::date"
    if field.optional:
        value = f"case when m_{field.name} then null else {value} end"
    return f"{value} as {identifier(field.name)}"


def _case_tables(cases: Mapping[int, Cases]) -> Iterator[Columns]:
    """Yield the cases of each replication, those of a large one in several tables."""
    for replication, each in cases.items():
        for start in range(0, max(1, len(each)), _ROWS_AT_ONCE):
            yield _case_columns(replication, each, slice(start, start + _ROWS_AT_ONCE))


def _case_columns(replication: int, cases: Cases, part: slice) -> Columns:
    facts, fields = cases.columns, cases.scenario.namespace.fields
    case_id = np.arange(len(cases), dtype=np.uint32)[part]
    columns: dict[str, Any] = {
        "replication": _constant(replication, len(case_id)),
        "case_id": case_id,
        "court": cases.court[part] + 1,
        "origin": cases.origin[part] + 1,
        "arrived_at": cases.arrived[part],
        "initial_state": cases.state[part] + 1,
    }
    for name in _facts(cases.scenario):
        column = facts.values[name][part]
        if fields[name].kind == "enum":
            column = column + 1
        elif fields[name].kind == "date":
            column = column.astype("datetime64[us]")
        columns[f"v_{name}"] = column
        if name in facts.missing:
            columns[f"m_{name}"] = facts.missing[name][part]
    return columns


def write_events(path: Path, scenario: Scenario, logs: Mapping[int, Iterable[EventLog]]) -> None:
    """Write event logs in order of time: replication, sequence, case, court and instant, then the other columns.

    Parameters
    ----------
    logs : mapping of int to iterable of EventLog
        By replication: its log, or parts of it with consecutive rows.
    """
    labels = Labels.of(scenario)
    select = [
        "replication",
        "sequence::bigint as sequence",
        "case_id::bigint as case_id",
        _label("court", scenario.courts),
        _label("current_court" if scenario.transfers else "court", scenario.courts, "current_court"),
        _label("to_court" if scenario.transfers else "0", scenario.courts, "to_court"),
        "nullif(batch, -1)::integer as batch" if scenario.batches else "null::integer as batch",
        _instant("happened_at", scenario),
        *(_column(column, scenario, labels) for column in COLUMNS if column.name not in ("case_id", "happened_at")),
    ]
    write_parquet(path, _event_tables(logs), select, len(logs))


def _event_tables(logs: Mapping[int, Iterable[EventLog]]) -> Iterator[Columns]:
    for replication, parts in logs.items():
        first, court = 0, np.zeros(0, np.int16)
        for part in parts:
            if not first and part.cases.scenario.transfers:
                court = (part.cases.court + 1).astype(np.int16)
            yield {
                **part.columns,
                **{name: part.columns[name] + 1 for name in LABELLED},
                "replication": _constant(replication, len(part)),
                "sequence": np.arange(first, first + len(part), dtype=np.uint32),
                "court": (part.cases.court.take(part.columns["case_id"]) + 1).astype(np.int16),
                **_courts(part, court),
                **_batches(part),
            }
            first += len(part)


def _courts(part: EventLog, court: NDArray[np.int16]) -> dict[str, NDArray[np.int16]]:
    """Return the court at which the case of each row was before it, and the court to which the row moves it, if cases move.

    Parameters
    ----------
    court : ndarray of int16, shape (n_cases,)
        The court of each case, counted from 1, before these rows; it is changed to that after them. Not read if no case moves.
    """
    if not part.cases.scenario.transfers:
        return {}
    case, n, (row, to) = part.columns["case_id"], len(part), part.transfers.T
    to_court = np.zeros(n, np.int16)
    to_court[row] = to + 1
    before = court[case]
    if len(row):
        at = case.astype(np.int64) * n + np.arange(n)  # in the order of cases
        moved = row[np.argsort(at[row])]
        last = np.searchsorted(at[moved], at) - 1  # of the moves of the same case before each row
        known = np.flatnonzero((last >= 0) & (case[moved[last]] == case))
        before[known] = to_court[moved[last[known]]]
        court[case[row]] = to_court[row]  # numpy keeps the last of several assignments
    return {"current_court": before, "to_court": to_court}


def _batches(log: EventLog) -> dict[str, NDArray[np.int32]]:
    """Return the batch of each row, -1 for none, if cases are served together."""
    if not log.cases.scenario.batches:
        return {}
    batch = np.full(len(log), -1, np.int32)
    batch[log.batches[:, 0]] = log.batches[:, 1]
    return {"batch": batch}


def write_holds(path: Path, scenario: Scenario, logs: Mapping[int, EventLog]) -> None:
    """Write every server that works in a row of the event logs: replication, sequence of the row, pool, court and server."""
    select = [
        "replication",
        "sequence",
        _label("pool", scenario.pools),
        _label("court", scenario.courts),
        "server::integer as server",
    ]
    write_parquet(path, (_hold_columns(k, log) for k, log in logs.items()), select, len(logs))


def _hold_columns(replication: int, log: EventLog) -> Columns:
    own = np.flatnonzero((log.columns["server"] >= 0) & (log.columns["started_at"] > NEVER))
    row, pool, server = np.concatenate(
        [np.array([own, log.columns["pool"][own], log.columns["server"][own]], np.int64).T, log.further]
    ).T
    order = np.argsort(row, kind="stable")
    return {
        "replication": _constant(replication, len(row)),
        "sequence": row[order],
        "pool": pool[order] + 1,
        "court": (log.court_at(row[order]) + 1).astype(np.int16),
        "server": server[order],
    }


def _column(column: Column, scenario: Scenario, labels: Labels) -> str:
    """Return the SQL expression of a column of the log."""
    name = column.name
    if column.kind == "label":
        return _label(name, labels.column(name))
    if column.kind == "instant":
        return _instant(name, scenario)
    if column.kind == "date":
        start = np.datetime64(scenario.starts, "D").astype(np.int64)
        return f"case when {name} < 0 then null else date '1970-01-01' + ({name} + {start})::integer end as {name}"
    return f"case when {name} < 0 then null else {name} end as {name}"


def write_measures(path: Path, _scenario: Scenario, measured: Mapping[int, Measured]) -> None:
    """Write the measures of replications: replication, measure, court, by, group, at, unit, value."""
    tables, labels = _with_common_labels([each.columns() for each in measured.values()])
    columns = stacked(tables)
    given = {"replication": np.repeat(np.array([*measured], np.int32), [len(table["value"]) for table in tables])}
    select = ["replication"]
    for name, column in columns.items():
        key, value = f"{name}_", f"{name}_"
        if name in labels:
            column, value = column + 1, f"{_label_list(labels[name])}[{key}]"
        elif name == "at":
            column = column.astype("datetime64[D]").astype(np.int64)
            value = f"date '1970-01-01' + nullif({key}, {NEVER})::integer"
        elif name == "value":
            value = f"case when isnan({key}) then null else {key} end"
        given[key] = column
        select.append(f"{value} as {identifier(name)}")
    write_parquet(path, [given], select, len(tables))


def _with_common_labels(
    tables: Sequence[tuple[Mapping[str, NDArray[Any]], Mapping[str, list[str]]]],
) -> tuple[list[dict[str, NDArray[Any]]], dict[str, list[str]]]:
    """Return columns of codes with the same labels in every table; replications may differ in their groups."""
    common = {name: list(dict.fromkeys(label for _, labels in tables for label in labels[name])) for name in tables[0][1]}
    recoded = []
    for columns, labels in tables:
        table = dict(columns)
        for name in common:
            if labels[name] != common[name]:
                codes = np.array([*(common[name].index(label) for label in labels[name]), -1], np.int32)
                table[name] = codes[table[name]]  # the last is for -1, no label
        recoded.append(table)
    return recoded, common


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
