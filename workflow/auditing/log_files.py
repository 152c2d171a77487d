"""Event logs to audit: a run folder, or a Parquet, CSV or XES file with any column names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.foreign_log import read_foreign
from workflow.auditing.log import AuditLog
from workflow.auditing.log_columns import filled, places, run_column
from workflow.deciding.records import Rows, records_along
from workflow.errors import InputError
from workflow.model.definition import BUILT_IN_FACTS, COMPLETE, Workflow

__all__ = ["read_log"]

Integers = NDArray[np.int64]


def read_log(path: Path, workflow: Workflow, columns: Mapping[str, str] | None = None) -> AuditLog:
    """Read a log.

    Parameters
    ----------
    path : Path
        A run folder, or a ``.parquet``, ``.csv`` or ``.xes`` file.
    columns : mapping, optional
        For a file: the columns of the ``case``, the ``activity`` (a transition or an event), the ``time``, and of facts and
        record fields. Columns with these names are found without an entry.

    Raises
    ------
    InputError
        If the log does not exist, a column is missing, or a value is invalid.
    """
    if path.is_dir():
        if columns:
            raise InputError([f"--map: does not apply to a run folder ({path}), whose columns are known"])
        return _run_folder(path, workflow)
    if not path.is_file():
        raise InputError([f"{path}: not found; give a run folder, or a Parquet, CSV or XES file"])
    return read_foreign(path, workflow, columns or {})


def _run_folder(path: Path, workflow: Workflow) -> AuditLog:
    import duckdb

    if not list((path / "events").glob("*.parquet")):
        raise InputError([f"{path}: is not a run folder with an event log (it has no events/*.parquet)"])
    with duckdb.connect() as connection:
        events = connection.execute(
            "select replication, case_id, transition, cause, from_state, to_state, outcome, epoch_us(happened_at) as at"
            " from read_parquet(?) order by replication, case_id, sequence", [str(path / "events" / "*.parquet")],
        ).fetchnumpy()  # fmt: skip
        cases = connection.execute(
            "select * exclude (arrived_at), arrived_at::date as arrived from read_parquet(?) order by replication, case_id",
            [str(path / "cases" / "*.parquet")],
        ).fetchnumpy()
    names = np.array(
        [f"{r}:{c}" for r, c in zip(cases["replication"].tolist(), cases["case_id"].tolist(), strict=True)], object
    )
    n = len(names)
    per_case = _counts(events, cases)
    first = np.concatenate([[0], np.cumsum(per_case)]).astype(np.int64)
    transition = places(filled(events["transition"]), [t.name for t in workflow.transitions])
    cause = filled(events["cause"])
    event = places(cause, list(workflow.events))
    closing = cause == "horizon"
    given = filled(events["transition"])
    unknown = ((given != "") & (transition < 0)) | ((given == "") & (event < 0) & ~closing)
    states = list(workflow.states)
    seen = {"state": places(filled(events["from_state"]), states)}
    after = {"state": places(filled(events["to_state"]), states)}
    facts = {name: run_column(cases[name], declared) for name, declared in workflow.facts.items() if name in cases}
    for name in BUILT_IN_FACTS:
        facts[name] = (np.asarray(cases[name]).astype("datetime64[D]"), None)
    begins: dict[str, NDArray[Any]] = {"state": places(filled(cases["initial_state"]), states)}
    outcome = filled(events["outcome"])
    at = np.asarray(events["at"], np.int64)
    declared_events = tuple(workflow.events.values())
    rows = Rows(
        workflow,
        first,
        transition,
        event,
        seen["state"],
        cause == COMPLETE,
        outcome,
        workflow.transitions,
        declared_events,
    )
    for name, declared in workflow.record.items():
        if name in cases:
            begins[name] = run_column(cases[name], declared)[0]
            seen[name], after[name] = records_along(rows, name, begins[name])
    keep = ~closing
    end = int(at.max()) if len(at) else None
    kept = np.concatenate([[0], np.cumsum(keep)])[first].astype(np.int64)
    assert len(kept) == n + 1
    return AuditLog(
        workflow, names, kept, transition[keep], event[keep], unknown[keep], at[keep], end, facts,
        {k: v[keep] for k, v in seen.items()}, {k: v[keep] for k, v in after.items()}, begins,
        words=dict(zip(np.flatnonzero(unknown[keep]).tolist(), np.where(given == "", cause, given)[unknown].tolist(), strict=True)),
    )  # fmt: skip


def _counts(events: Mapping[str, Any], cases: Mapping[str, Any]) -> Integers:
    """Return the number of rows of each case; both tables are sorted by replication and case."""
    place = {
        pair: i for i, pair in enumerate(zip(cases["replication"].tolist(), cases["case_id"].tolist(), strict=True))
    }
    rows = np.array(
        [place[pair] for pair in zip(events["replication"].tolist(), events["case_id"].tolist(), strict=True)], np.int64
    )
    return np.bincount(rows, minlength=len(place))
