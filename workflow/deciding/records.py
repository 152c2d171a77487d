"""What stood in the record of every case, before and after each row of a log: the last thing written to it.

A log tells moves, events and outcomes; what these write the workflow says. So the record at any row follows from
the log and the records at the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.model.definition import INCREMENT, Event, Transition, Workflow, as_written
from workflow.predicates import Field

__all__ = ["Rows", "records_along"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """The rows of a log, sorted by case and time.

    Attributes
    ----------
    first : ndarray of int64, shape (n_cases + 1,)
        The first row of each case; the last entry is the number of rows.
    transition, event : ndarray of int64, shape (n_rows,)
        Places in `transitions` and `events`, -1 for none.
    from_state : ndarray of int64
        Places in the workflow's states.
    completes : ndarray of bool
        Rows that end work.
    outcome : ndarray of str
        What the work or the event gave, as the log writes it.
    transitions, events : tuple
        Those of the workflow; or, where several have decided, those of all of them one after another.
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


def records_along(rows: Rows, name: str, begins: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a record field as the guards saw it, and after each row.

    Parameters
    ----------
    rows : Rows
    name : str
    begins : ndarray, shape (n_cases,)
        The field at the start; the places of its values if it is an enum.

    Returns
    -------
    seen, after : ndarray, shape (n_rows,)
        Of the kind of `begins`.
    """
    workflow, n = rows.workflow, len(rows.transition)
    declared = workflow.record[name]
    values = list(declared.domain())
    # Two writings a row: what is found or happens, which the guards see, and then the effects of the transition.
    written = np.full(2 * n, -1, np.int64)
    counts = np.zeros(2 * n, bool)
    found, effects = written[0::2], written[1::2]
    for place, state in enumerate(workflow.states.values()):
        activity = workflow.activities.get(state.activity or "")
        if activity is not None and activity.gives == name:
            _write(found, rows.completes & (rows.from_state == place), rows.outcome, values)
    for i, event in enumerate(rows.events):
        mine = rows.event == i
        literal = dict(event.effects).get(name)
        if literal == INCREMENT:
            counts[0::2][mine] = True
        elif literal is not None:
            found[mine] = values.index(literal)
        if event.gives == name:
            _write(found, mine, rows.outcome, values)
    for i, transition in enumerate(rows.transitions):
        literal = dict(transition.effects).get(name)
        if literal == INCREMENT:
            counts[1::2][rows.transition == i] = True
        elif literal is not None:
            effects[rows.transition == i] = values.index(literal)
    filled = _carried(written, counts, rows.first * 2, _codes(begins, declared), len(values) - 1)
    shelf = np.array(values) if declared.kind != "enum" else np.arange(len(values))
    return shelf[filled[0::2]], shelf[filled[1::2]]


def _write(target: NDArray[Any], rows: NDArray[np.bool_], outcome: NDArray[Any], values: list[Any]) -> None:
    said = {as_written(v): i for i, v in enumerate(values)}
    words, places = np.unique(outcome[rows].astype(str), return_inverse=True)
    target[rows] = np.array([said.get(str(w), -1) for w in words], np.int64)[places] if len(words) else -1


def _carried(written: Integers, counts: NDArray[np.bool_], first: Integers, begins: Integers, most: int) -> Integers:
    """Carry the last value written forward within each case; where `counts`, one more than before."""
    n = len(written)
    case = np.repeat(np.arange(len(first) - 1), np.diff(first))
    last = np.maximum.accumulate(np.where(written >= 0, np.arange(n), -1)) if n else written
    fresh = last < first[case] if n else np.zeros(0, bool)
    found = np.where(fresh, begins[case], written[np.maximum(last, 0)]) if n else written
    if counts.any():
        ticks = np.cumsum(counts)
        base = np.where(fresh, np.concatenate([[0], ticks])[first[case]], ticks[np.maximum(last, 0)])
        found = np.minimum(found + ticks - base, most)
    return np.asarray(found, np.int64)


def _codes(values: NDArray[Any], declared: Field) -> Integers:
    """Return the place of each value in its domain."""
    if declared.kind == "integer":
        return np.asarray(np.asarray(values, np.int64) - int(declared.minimum), np.int64)  # type: ignore[arg-type]
    return np.asarray(values, np.int64)
