"""The policies of a run: the workflows that came into force on a date, and which of them decided each row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workflow.errors import InputError
from workflow.files.validation import format_value
from workflow.files.yaml_tree import read_yaml
from workflow.model.definition import Workflow
from workflow.model.time_limits import DAY
from workflow.run_files.tables import recorded_workflow
from workflow.sql.quoting import text


@dataclass(frozen=True, slots=True)
class RecordedPolicy:
    """An entry of `policies:` in the scenario of a run folder.

    Attributes
    ----------
    file : str
        The file in the run folder that has the workflow.
    begins : datetime
        The instant from which it decides.
    pinned : bool
        Whether it decides only cases that arrive from then on.
    """

    file: str
    begins: dt.datetime
    pinned: bool


def recorded_policies(folder: Path) -> tuple[RecordedPolicy, ...]:
    """Read the policies of a run, in the order of their dates.

    Raises
    ------
    InputError
        If the scenario of the folder has policies that no run writes.
    """
    path = folder / "scenario.yaml"
    scenario = read_yaml(path).plain()
    entries = scenario.get("policies") if isinstance(scenario, dict) else None
    if not isinstance(entries or [], list):
        raise InputError([f"{path}: policies: must be a list, not {format_value(entries)}"])
    policies = []
    for k, entry in enumerate(entries or (), start=1):
        begins = entry.get("from") if isinstance(entry, dict) else None
        if not isinstance(begins, dt.date):
            raise InputError([f"{path}: policies: entry {k}: from: must be a date, not {format_value(begins)}"])
        start = dt.datetime(begins.year, begins.month, begins.day)
        policies.append(RecordedPolicy(f"policy-{k}.yaml", start, entry.get("in_flight") == "pinned"))
    return tuple(policies)


def recorded_start(folder: Path) -> int | None:
    """Return the start of a run in microseconds since 1970; ``None`` if its scenario does not say it."""
    scenario = read_yaml(folder / "scenario.yaml").plain()
    starts = scenario.get("starts") if isinstance(scenario, dict) else None
    return (starts - dt.date(1970, 1, 1)).days * DAY if type(starts) is dt.date else None


def policy_workflows(folder: Path, policies: Sequence[RecordedPolicy]) -> tuple[Workflow, ...]:
    """Load the workflows of the policies of a run."""
    return tuple(recorded_workflow(folder, policy.file) for policy in policies)


def number_in_force(policies: Sequence[RecordedPolicy], rows: str) -> str:
    """Return SQL for the policy that is in force at a row: 0 for the run's own workflow, k for its k-th policy.

    Parameters
    ----------
    rows : str
        The name of the table of events in the query. The table of cases is named ``cases``.
    """
    arrived = f"(select c.arrived_at from cases c where c.replication = {rows}.replication and c.case_id = {rows}.case_id)"
    whens = []
    for k, policy in reversed(list(enumerate(policies, start=1))):
        start = f"timestamp {text(policy.begins.isoformat(' '))}"
        condition = f"{rows}.happened_at >= {start}{f' and {arrived} >= {start}' if policy.pinned else ''}"
        whens.append(f"when {condition} then {k}")
    return f"case {' '.join(whens)} else 0 end" if whens else "0"
