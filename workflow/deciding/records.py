"""The record of every case before and after each row of a log: the last value written to each field.

A log has moves, events and outcomes; the workflow defines what they write. So the record at any row follows from the
log and from the initial records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.model.definition import INCREMENT, Event, Giver, Transition, Value, Workflow
from workflow.predicates import Field

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """The rows of a log, sorted by case and time.

    Attributes
    ----------
    first : ndarray of int64, shape (n_cases + 1,)
        The first row of each case; the last entry is the number of rows.
    transition, event : ndarray of int64, shape (n_rows,)
        Indices into `transitions` and `events`, -1 for none.
    from_state : ndarray of int64
        Indices into the workflow's states.
    completes : ndarray of bool
        Rows that complete an activity.
    outcome : ndarray of str
        What the activity or the event gave, as the log writes it.
    transitions, events : tuple
        Those of the workflow, or of several policies one after another.
    """

    workflow: Workflow
    first: Integers
    transition: Integers
    event: Integers
    from_state: Integers
    completes: NDArray[np.bool_]
    outcome: NDArray[Any]
    transitions: tuple[Transition, ...]
    events: tuple[Event, ...]


def records_along(rows: Rows, name: str, begins: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return a record field before each row, as the guards of its transition read it, and after the row.

    Parameters
    ----------
    name : str
        The record field.
    begins : ndarray, shape (n_cases,)
        Its initial values; for an enum, the indices of its values.

    Returns
    -------
    before, seen, after : ndarray, shape (n_rows,)
        Coded like `begins`.
    """
    workflow, n = rows.workflow, len(rows.transition)
    declared = workflow.record[name]
    values = list(declared.domain())
    # Two entries a row: the value given or the event's effect, which the guards read, then the transition's effect.
    written = np.full(2 * n, -1, np.int64)
    counts = np.zeros(2 * n, bool)
    given, effects = written[0::2], written[1::2]
    for i, state in enumerate(workflow.states.values()):
        activity = workflow.activities.get(state.activity or "")
        if activity is not None and name in activity.fields:
            mine = rows.completes & (rows.from_state == i)
            given[mine] = _given(rows.outcome[mine], activity, name, values)
    for index, all_effects, target, counted in (
        (rows.event, [event.effects for event in rows.events], given, counts[0::2]),
        (rows.transition, [transition.effects for transition in rows.transitions], effects, counts[1::2]),
    ):
        for i, own in enumerate(all_effects):
            literal = dict(own).get(name)
            if literal == INCREMENT:
                counted[index == i] = True
            elif literal is not None:
                target[index == i] = values.index(literal)
    for i, event in enumerate(rows.events):
        if name in event.fields:
            mine = rows.event == i
            given[mine] = _given(rows.outcome[mine], event, name, values)
    codes = _codes(begins, declared)
    filled = _carry(written, counts, rows.first * 2, codes, len(values) - 1)
    seen, after = filled[0::2], filled[1::2]
    before = np.empty_like(after)
    before[1:] = after[:-1]
    opens = np.diff(rows.first) > 0
    before[rows.first[:-1][opens]] = codes[opens]
    decoded = np.array(values) if declared.kind != "enum" else np.arange(len(values))
    return decoded[before], decoded[seen], decoded[after]


def _given(outcomes: NDArray[Any], giver: Giver, name: str, values: list[Value]) -> Integers:
    """Return the index in `values` of what each outcome writes to a field; -1 where there is no outcome."""
    labels = [giver.label(outcome) for outcome in giver.outcomes]
    index = [values.index(dict(giver.written(outcome))[name]) for outcome in giver.outcomes]
    return np.array([*index, -1], np.int64)[indices_of(outcomes, labels)]


def indices_of(values: NDArray[Any], labels: list[str]) -> Integers:
    """Return the index of each string in a list, -1 if it is absent."""
    distinct, inverse = np.unique(values.astype(str), return_inverse=True)
    index = {label: i for i, label in enumerate(labels)}
    return np.array([index.get(value, -1) for value in distinct.tolist()], np.int64)[inverse]


def _carry(written: Integers, counts: NDArray[np.bool_], first: Integers, begins: Integers, maximum: int) -> Integers:
    """Carry the last value written forward within each case; add 1 where `counts`, up to a maximum."""
    n = len(written)
    if not n:
        return written
    case = np.repeat(np.arange(len(first) - 1), np.diff(first))
    last = np.maximum.accumulate(np.where(written >= 0, np.arange(n), -1))
    initial = last < first[case]
    carried = np.where(initial, begins[case], written[np.maximum(last, 0)])
    if counts.any():
        total = np.cumsum(counts)
        base = np.where(initial, np.concatenate([[0], total])[first[case]], total[np.maximum(last, 0)])
        carried = np.minimum(carried + total - base, maximum)
    return np.asarray(carried, np.int64)


def _codes(values: NDArray[Any], declared: Field) -> Integers:
    """Return the index of each value in its domain."""
    offset = int(declared.minimum) if declared.kind == "integer" else 0  # type: ignore[arg-type]
    return np.asarray(values, np.int64) - offset
