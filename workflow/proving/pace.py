"""Can too many steps happen in one length of time? Decide rules with ``per:`` that some history breaks if its time is short enough."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from workflow.deciding.machine import plain_machine
from workflow.deciding.monitor import Monitor
from workflow.model.definition import ENTER, StateKind, Workflow
from workflow.model.rules import Rule
from workflow.model.time_bounds import Bounds
from workflow.model.time_limits import TimeLimit
from workflow.proving.lengths import LengthOfTime, StartDates
from workflow.proving.verdict import Deadline, History


def is_fast_enough(workflow: Workflow, rule: Rule, history: History, bounds: Bounds) -> tuple[bool, Deadline]:
    """Return whether a history breaks a rule with ``per:`` within the bounds on time, and the states that nothing bounds.

    Where an upper bound is stated and no lower one, a case may leave at once. Where none is stated, nothing is known.

    Parameters
    ----------
    history : History
        It ends with one step more than `rule` allows in its length of time, however long it takes.

    Raises
    ------
    LimitReached
        If working days reach beyond the years whose holidays are known.
    """
    assert rule.per is not None
    counted, limit = _counted(workflow, rule, history)
    begun = counted[-1 - limit]
    between = [step for step in history.steps[begun + 1 :] if step.trigger != ENTER]
    stays = [step.state for step in between if workflow.states[step.state].kind is not StateKind.INSTANT]
    missing = tuple(dict.fromkeys(state for state in stays if not bounds.most(state)))
    timed = any(step.trigger in bounds.clocks and bounds.clocks[step.trigger].time.least is not None for step in between)
    least = [limit for state in stays for limit in bounds.least(state)]
    fits = not timed and (not least or _longest(least) <= _shortest(rule.per))
    return fits and not missing, Deadline(missing=missing)


def _counted(workflow: Workflow, rule: Rule, history: History) -> tuple[list[int], int]:
    """Return the indices of the rows with the steps that a rule counts, each as often as it has some, and how many it allows."""
    machine, monitor = plain_machine(workflow), Monitor(rule, workflow)
    case = SimpleNamespace(state=history.state, facts=tuple(history.facts.values()), record=list(history.record))
    q, rows = monitor.start(case.facts, case.record, case.state), list[int]()
    limit = rule.limits[q]
    for i, row in enumerate(history.steps):
        taken = machine.take(case, row.trigger, row.given)
        for step in taken.heard if taken is not None else ():
            if monitor.matches(q, case.facts, step) & rule.subject_bits:
                rows.append(i)
            q = monitor.advance(q, case.facts, [step])
    return rows, limit


def _longest(limits: Sequence[TimeLimit]) -> int:
    """Return how long some lengths of time take together at most, in microseconds."""
    dates = StartDates(limits)
    return sum(LengthOfTime(limit, dates).in_unit(elapsed=True)[1] for limit in limits)


def _shortest(limit: TimeLimit) -> int:
    """Return how long a length of time takes at least, from any time of its first day, in microseconds."""
    return LengthOfTime(limit, StartDates([limit])).in_unit(elapsed=True)[0]
