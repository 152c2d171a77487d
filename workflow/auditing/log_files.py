"""Event logs to audit: a run folder, or a Parquet, CSV or XES file with any column names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.foreign_log import read_foreign
from workflow.auditing.log import AuditLog
from workflow.auditing.log_columns import filled, run_column
from workflow.auditing.mapping import LogMapping
from workflow.deciding.records import Rows, indices_of, records_along
from workflow.errors import InputError
from workflow.model.definition import BUILT_IN_FACTS, COMPLETE, HORIZON, INTERRUPTED, Workflow
from workflow.run_files.manifest import part_files, read_manifest, read_records
from workflow.run_files.tables import open_tables

Integers = NDArray[np.int64]


def read_log(
    path: Path, workflow: Workflow, mapping: LogMapping | Mapping[str, str] | None = None, time_zone: str | None = None
) -> AuditLog:
    """Read a log.

    Parameters
    ----------
    path : Path
        A run folder, or a CSV, Parquet, Excel or XES file.
    mapping : LogMapping or mapping of str to str, optional
        For a file: how its columns and names map to the workflow; or only the columns of the ``case``, the ``activity`` (a
        transition or an event), the ``time``, and of facts and record fields. Columns with these names are found without an
        entry.
    time_zone : str, optional
        For a file: the time zone of the local clock of times that are written in UTC; default: UTC.

    Raises
    ------
    InputError
        If the log does not exist, a column is missing, or a value is invalid.
    """
    if not isinstance(mapping, LogMapping):
        mapping = LogMapping(mapping or {})
    if path.is_dir():
        if mapping != LogMapping():
            raise InputError([f"--map: does not apply to a run folder ({path}), whose columns are known"])
        if time_zone is not None:
            raise InputError([f"--time-zone: does not apply to a run folder ({path}), whose times are local times"])
        return _run_folder(path, workflow)
    if not path.exists():
        raise InputError([f"{path}: not found; give a run folder, or a CSV, Parquet, Excel or XES file"])
    return read_foreign(path, workflow, mapping, time_zone)


def _run_folder(path: Path, workflow: Workflow) -> AuditLog:
    records = read_records(path, read_manifest(path))
    parts = {kind: part_files(path, kind, records) for kind in ("cases", "events")}
    if not parts["events"]:
        raise InputError([f"{path}: this run has no event log"])
    with open_tables(path, parts) as connection:
        events = connection.execute(
            "select replication, case_id, transition, cause, from_state, to_state, outcome, epoch_us(happened_at) as at"
            " from events order by replication, case_id, sequence"
        ).fetchnumpy()
        cases = connection.execute(
            "select * exclude (arrived_at), arrived_at::date as arrived, epoch_us(arrived_at) as begun_at"
            " from cases order by replication, case_id"
        ).fetchnumpy()
    names = np.array([f"{r}:{c}" for r, c in zip(cases["replication"].tolist(), cases["case_id"].tolist(), strict=True)], object)
    first = np.concatenate([[0], np.cumsum(_counts(path, events, cases))]).astype(np.int64)
    cause, label = filled(events["cause"]), filled(events["transition"])
    transition = indices_of(label, [t.name for t in workflow.transitions])
    event = indices_of(cause, list(workflow.events))
    keep = (cause != HORIZON) & (cause != INTERRUPTED)  # the other rows are not steps of a case
    unknown = ((label != "") & (transition < 0)) | ((label == "") & (event < 0) & keep)
    states = list(workflow.states)
    seen = {"state": indices_of(filled(events["from_state"]), states)}
    after, before = {"state": indices_of(filled(events["to_state"]), states)}, dict(seen)
    facts = {name: run_column(cases[name], declared) for name, declared in workflow.facts.items() if name in cases}
    for name in BUILT_IN_FACTS:
        facts[name] = (np.asarray(cases[name]).astype("datetime64[D]"), None)
    begins: dict[str, NDArray[Any]] = {"state": indices_of(filled(cases["initial_state"]), states)}
    at = np.asarray(events["at"], np.int64)
    rows = Rows(
        workflow, first, transition, event, seen["state"], cause == COMPLETE, filled(events["outcome"]),
        workflow.transitions, tuple(workflow.events.values()),
    )  # fmt: skip
    for name, declared in workflow.record.items():
        if name in cases:
            begins[name] = run_column(cases[name], declared)[0]
            before[name], seen[name], after[name] = records_along(rows, name, begins[name])
    end = int(at.max()) if len(at) else None
    kept = np.concatenate([[0], np.cumsum(keep)])[first].astype(np.int64)
    unknown_rows, unknown_names = np.flatnonzero(unknown[keep]).tolist(), np.where(label == "", cause, label)[unknown & keep]

    def kept_of(record: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {name: values[keep] for name, values in record.items()}

    return AuditLog(
        workflow, names, kept, transition[keep], event[keep], unknown[keep], at[keep], at[keep], end, end, facts,
        kept_of(before), kept_of(seen), kept_of(after), begins,
        unknown_names=dict(zip(unknown_rows, unknown_names.tolist(), strict=True)),
        begun_at=np.asarray(cases["begun_at"], np.int64),
    )  # fmt: skip


def _counts(path: Path, events: Mapping[str, Any], cases: Mapping[str, Any]) -> Integers:
    """Return the number of rows of each case; both tables are sorted by replication and case."""
    of_cases, of_rows = (zip(t["replication"].tolist(), t["case_id"].tolist(), strict=True) for t in (cases, events))
    index = {pair: i for i, pair in enumerate(of_cases)}
    if len(index) < len(cases["case_id"]):
        raise InputError([f"{path}: cases: a case is listed twice; docketsim verify {path} checks the parts"])
    rows = [index.get(pair, -1) for pair in of_rows]
    if -1 in rows:
        raise InputError([f"{path}: events: a row belongs to no case of the run; docketsim verify {path} checks the parts"])
    return np.bincount(np.array(rows, np.int64), minlength=len(index))
