"""Event logs to audit: a run folder, or a Parquet, CSV or XES file with any column names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.foreign_log import read_foreign
from workflow.auditing.log import AuditLog
from workflow.auditing.log_columns import domain_indices, filled, indices_of, run_column
from workflow.auditing.mapping import LogMapping
from workflow.auditing.policies import policy_notes
from workflow.auditing.replay import Said, replay
from workflow.deciding.in_force import InForce
from workflow.errors import InputError
from workflow.files.arguments import check_arguments, entry_problems
from workflow.loading.policies import conflicts
from workflow.model.arguments import workflow_problems
from workflow.model.definition import BUILT_IN_FACTS, NOT_STEPS, Workflow
from workflow.run_files.manifest import part_files, read_manifest, read_records
from workflow.run_files.policies import RecordedPolicy, number_in_force, policy_workflows, recorded_policies, recorded_start
from workflow.run_files.tables import open_tables, recorded_workflow

Integers = NDArray[np.int64]


IMPORTED = "import.json"
"""The file that makes a folder an imported log, which `docketsim import` has written; its events are in `EVENTS`."""

EVENTS = "events.parquet"


def events_of(path: Path) -> Path:
    """Return the events of an imported log, and any other path as it is."""
    return path / EVENTS if (path / IMPORTED).is_file() else path


def read_log(
    path: str | Path, workflow: Workflow, mapping: LogMapping | Mapping[str, str] | None = None, time_zone: str | None = None,
    policies: Sequence[Workflow] = (), surroundings: bool = False,
) -> AuditLog:  # fmt: skip
    """Read a log.

    Parameters
    ----------
    path : path
        A run folder, or a CSV, Parquet, Excel or XES file.
    mapping : LogMapping or mapping of str to str, optional
        For a file: how its columns and names map to the workflow; or only the columns of the ``case``, the ``activity`` (a
        transition or an event), the ``time``, and of facts and record fields. Columns with these names are found without an
        entry.
    time_zone : str, optional
        For a file: the time zone of the local clock of times that are written in UTC; default: UTC.
    policies : sequence of Workflow
        For a file: the other workflows that decided rows of it, as its column ``policy_in_force`` says.
    surroundings : bool
        For a file: also read courts, servers and times of arrival, from columns with their usual names.

    Raises
    ------
    InputError
        If an argument is of another kind, the log does not exist, a column is missing, or a value is invalid.
    """
    is_path = isinstance(path, str | os.PathLike)
    wrong = [] if is_path else ["path: must be a path; of a result, give its folder: read_log(result.folder, workflow)"]
    check_arguments(
        [*wrong, *workflow_problems(workflow=workflow), *entry_problems(Workflow, "a list of workflows", policies=policies)]
    )
    if not isinstance(mapping, LogMapping):
        mapping = LogMapping(mapping or {})
    path = events_of(Path(path))
    if path.is_dir():
        if mapping != LogMapping():
            raise InputError([f"mapping: does not apply to a run folder ({path}), whose columns are known"])
        if time_zone is not None:
            raise InputError([f"time zone: does not apply to a run folder ({path}), whose times are local times"])
        if policies:
            raise InputError([f"policies: do not apply to a run folder ({path}), which has its policies"])
        return _run_folder(path, workflow)
    if not path.exists():
        raise InputError([f"{path}: not found; give a run folder, or a CSV, Parquet, Excel or XES file"])
    return read_foreign(path, workflow, mapping, time_zone, policies, surroundings)


def _run_folder(path: Path, workflow: Workflow) -> AuditLog:
    records = read_records(path, read_manifest(path))
    parts = {kind: part_files(path, kind, records) for kind in ("cases", "events")}
    if not parts["events"]:
        raise InputError([f"{path}: this run has no event log"])
    recorded = recorded_policies(path)
    policies, in_force = _policies(path, workflow, recorded)
    with open_tables(path, parts) as connection:
        events = connection.execute(
            "select replication, case_id, transition, cause, from_state, outcome, epoch_us(happened_at) as at,"
            f" {number_in_force(recorded, 'events')} as policy from events order by replication, case_id, sequence"
        ).fetchnumpy()
        cases = connection.execute(
            "select * exclude (arrived_at), arrived_at::date as arrived, epoch_us(arrived_at) as begun_at"
            " from cases order by replication, case_id"
        ).fetchnumpy()
    names = np.array([f"{r}:{c}" for r, c in zip(cases["replication"].tolist(), cases["case_id"].tolist(), strict=True)], object)
    first = np.concatenate([[0], np.cumsum(_counts(path, events, cases))]).astype(np.int64)
    keep = ~np.isin(filled(events["cause"]).astype(str), NOT_STEPS)
    first = np.concatenate([[0], np.cumsum(keep)])[first].astype(np.int64)
    end = int(np.asarray(events["at"], np.int64).max()) if len(keep) else None
    rows = {name: column[keep] for name, column in events.items()}
    cause, label, at = filled(rows["cause"]), filled(rows["transition"]), np.asarray(rows["at"], np.int64)
    policy = in_force[np.asarray(rows["policy"], np.int64)]
    workflows = InForce((workflow, *policies))
    labels, causes = (list(dict.fromkeys(names)) for names in ((t.name for t in workflows.transitions), workflow.events))
    transition = workflows.transition_codes(labels)[policy, indices_of(label, labels)]
    event = workflows.event_codes(causes)[policy, indices_of(cause, causes)]
    unknown = ((label != "") & (transition < 0)) | ((label == "") & (event < 0))
    facts = {name: run_column(cases[name], declared) for name, declared in workflow.facts.items() if name in cases}
    for name in BUILT_IN_FACTS:
        facts[name] = (np.asarray(cases[name]).astype("datetime64[D]"), None)
    states, outcomes = list(workflow.states), workflow.outcome_labels
    begins = {"state": indices_of(filled(cases["initial_state"]), states)}
    for name, declared in workflow.record.items():
        if name in cases:
            begins[name] = domain_indices(declared, run_column(cases[name], declared)[0])
    given = {"state": indices_of(filled(rows["from_state"]), states)}
    outcome = indices_of(filled(rows["outcome"]), outcomes)
    replayed = replay(Said(workflows, first, transition, event, outcome, outcomes, given, begins))
    return AuditLog(
        workflow, names, first, transition, event, unknown, at, at, end, end, facts,
        replayed.before, replayed.seen, replayed.after, replayed.begins,
        unknown_names={int(i): str(label[i] or cause[i]) for i in np.flatnonzero(unknown)},
        begun_at=np.asarray(cases["begun_at"], np.int64), watched_from=recorded_start(path), notes=tuple(policy_notes(workflows, policy)), policies=policies,
    )  # fmt: skip


def _policies(path: Path, workflow: Workflow, recorded: Sequence[RecordedPolicy]) -> tuple[tuple[Workflow, ...], Integers]:
    """Return the policies that replace a workflow, and for each number of a recorded policy the number of its workflow.

    A workflow that was not in force in the run judges all of it.
    """
    own = recorded_workflow(path) if recorded else workflow
    in_run = (own, *policy_workflows(path, recorded))
    if workflow.name not in [each.name for each in in_run]:
        return (), np.zeros(len(in_run), np.int64)
    others = {each.name: each for each in in_run if each.name != workflow.name}
    wrong = [f"{path}: {message}" for _, message in conflicts(workflow, list(others.values()))]
    if wrong:
        raise InputError(wrong)  # the workflow has been changed since the run
    numbers = {name: k for k, name in enumerate((workflow.name, *others))}
    return tuple(others.values()), np.array([numbers[each.name] for each in in_run], np.int64)


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
