"""The moves of a log that the workflow does not allow, and those that the log does not tell enough about."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.conditions import bounds
from workflow.auditing.log import AuditLog, Options, Record
from workflow.auditing.paths import Integers, off_the_map
from workflow.model.definition import DecisionPoint, Workflow
from workflow.predicates import Expression
from workflow.predicates.tree import And, Not


def moves_not_allowed(log: AuditLog) -> tuple[Integers, Integers]:
    """Return the rows whose move the workflow does not allow, and those of which the log leaves it open.

    A transition must leave a possible state of the case, on a trigger that has it there; its guard must hold, and no earlier
    guard may hold. An event must happen in one of its states, where its own guard holds; it may stand alone only where no
    guard of its transitions holds.
    """
    possibly, surely = np.zeros(len(log), bool), np.ones(len(log), bool)
    for rows, conditions in _ways(log):
        low, high = np.True_, np.True_
        for condition, record in conditions:
            if condition is not None:
                one_low, one_high = bounds(log, condition, rows, record)
                low, high = low & one_low, high & one_high
        possibly[rows] |= high
        surely[rows] &= low
    bad = log.unknown | ~possibly
    bad[off_the_map(log)] = True
    open_ = ~surely
    if log.unnamed is not None and log.unnamed.any():  # a step without a name may have led anywhere
        open_ |= (bad & ~log.unknown) & log.unnamed[log.case]
        bad &= log.unknown | ~log.unnamed[log.case]
    return np.flatnonzero(bad), np.flatnonzero(open_ & ~bad)


def _ways(log: AuditLog) -> Iterator[tuple[Integers, list[tuple[Expression | None, Record]]]]:
    """Yield each way in which a row may be allowed: its rows, and the conditions for it with the record that they read."""
    rows_of = _by_transition(log)
    first_transition = first_event = 0
    for workflow in log.in_force.workflows:
        yield from _ways_of(log, workflow, rows_of, first_transition, first_event)
        first_transition += len(workflow.transitions)
        first_event += len(workflow.events)


def _ways_of(
    log: AuditLog, workflow: Workflow, rows_of: list[Integers], first_transition: int, first_event: int
) -> Iterator[tuple[Integers, list[tuple[Expression | None, Record]]]]:
    """Yield the ways of one workflow, whose transitions and events begin at these codes."""
    events = list(workflow.events)
    points = {(p.state, p.trigger): p for p in workflow.decision_points}
    for event in workflow.events.values():
        for state in event.states:
            points.setdefault((state, event.name), DecisionPoint(state, event.name, (), must_move=False))
    for point in points.values():
        event_index = first_event + events.index(point.trigger) if point.trigger in workflow.events else -1
        before = [(workflow.events[point.trigger].guard, log.before)] if event_index >= 0 else []
        earlier: list[Expression] = []
        for i in (*point.candidates, -1):
            if i < 0 and event_index < 0:  # only an event may stand alone
                continue
            guard = workflow.transitions[i].guard if i >= 0 else None
            rows = _here(log, rows_of[first_transition + i + 1 if i >= 0 else 0], i, event_index, point.state)
            if len(rows):
                parts = ([guard] if guard is not None else []) + [Not(each) for each in earlier]
                condition = None if not parts else parts[0] if len(parts) == 1 else And(tuple(parts))
                yield rows, [*before, (condition, log.seen)]
            if guard is None:  # nothing after it is ever taken
                break
            earlier.append(guard)


def _by_transition(log: AuditLog) -> list[Integers]:
    """Return the rows without a transition, and the rows of each transition."""
    order = np.argsort(log.transition.astype(np.int16), kind="stable")
    starts = np.searchsorted(log.transition[order], np.arange(len(log.in_force.transitions)))
    return np.split(order, starts)


def _here(log: AuditLog, rows: Integers, transition: int, event: int, state: str) -> Integers:
    """Return those rows of a transition that may be upon an event, in a state."""
    of_event = log.event[rows]
    fits: NDArray[np.bool_] = of_event == event
    if event >= 0 and transition >= 0:  # where the log does not tell the event, it may be any
        fits |= of_event < 0
    rows, column = rows[fits], log.seen["state"]
    if isinstance(column, Options):
        fits = np.array([state in states for states in column.sets], bool)[column.of[rows]]
    else:
        fits = column[rows] == list(log.workflow.states).index(state)
    here: Integers = rows[fits]
    return here
