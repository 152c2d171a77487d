"""The policy in force at each row of a log: a workflow that replaces the audited one from a date on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workflow.deciding.in_force import InForce
from workflow.errors import InputError, format_names
from workflow.files.table import Table, n_of
from workflow.loading.policies import conflicts
from workflow.model.definition import Workflow

Integers = NDArray[np.int64]


def policy_notes(in_force: InForce, policy: Integers) -> Iterator[str]:
    """Yield how many rows each policy judges, given the number of the workflow of each row."""
    counts = np.bincount(policy, minlength=len(in_force.workflows)).tolist()
    for workflow, n in zip(in_force.workflows[1:], counts[1:], strict=True):
        if n:
            yield f"{n_of(n, 'row')} judged by {workflow.name}, the policy in force"


def checked_policies(workflow: Workflow, policies: Sequence[Workflow]) -> tuple[Workflow, ...]:
    """Return the policies that may replace a workflow, each once.

    Raises
    ------
    InputError
        With every reason why one cannot.
    """
    wrong = [message for _, message in conflicts(workflow, policies)]
    if wrong:
        raise InputError([f"--policy: {message}" for message in wrong])
    return tuple({policy.name: policy for policy in policies if policy.name != workflow.name}.values())


def policy_of_rows(table: Table, column: str | None, in_force: InForce) -> tuple[Integers, list[str], list[str]]:
    """Return the number of the workflow that decided each row, the mistakes of the column, and how it was read.

    A log that names none of the workflows is judged by the audited one as a whole.
    """
    names = [workflow.name for workflow in in_force.workflows]
    everywhere = np.zeros(len(table), np.int64)
    if column is None:
        missing = f"{table.path} does not say which policy was in force; give --map policy_in_force=COLUMN, or leave --policy out"
        return everywhere, [f"--policy {names[1]}: {missing}"] if len(names) > 1 else [], []
    texts, codes = table.columns[column].texts(), table.columns[column].codes
    used = np.bincount(codes[codes >= 0], minlength=len(texts))
    found = [name for name, n in zip(texts, used.tolist(), strict=True) if n]
    if not set(names).intersection(found):
        note = f"in force was {format_names(found, 3)}; {names[0]} judges all rows in its place, unless --policy FILE gives it"
        return everywhere, [], [note] if found else []
    index = {name: k for k, name in enumerate(names)}
    wrong = [
        (i, f"the policy {name!r} was in force; give its workflow with --policy FILE")
        for i, name in enumerate(texts)
        if name not in index
    ]
    numbers = np.array([*(index.get(name, 0) for name in texts), 0], np.int64)
    return numbers[codes], table.problems(column, wrong), []
