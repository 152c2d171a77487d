"""Does a log hang together? Laws that every run must keep, checked on every log.

They are computed from the rows by another way than the measures are: by adding up, not by looking up. A
law that fails is a fault of the engine, and the run stops; a queue that only grows is no fault, and is told.

References
----------
Little, J. D. C. (1961). A proof for the queuing formula L = lambda W. Operations Research 9(3), 383-387.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from simulations.eventlog import NEVER, EventLog
from simulations.measures import pool_times
from workflow.definition import Kind
from workflow.errors import DocketsimError

__all__ = ["BrokenLaw", "check_log", "growing_queues"]


class BrokenLaw(DocketsimError, AssertionError):
    """A log breaks a law that every run must keep: a fault of the engine, please report it."""


def check_log(log: EventLog) -> None:
    """Check conservation, contiguous histories, state times, Little's law and busy time.

    Raises
    ------
    BrokenLaw
        Naming the law, and the first case or pool that breaks it.
    """
    _histories(log)
    _little(log)
    _busy(log)


def _histories(log: EventLog) -> None:
    """Every case goes on where it was, in time, and is at the end in a final state or counted as open; its state times add up to its age."""
    columns, cases = log.columns, log.cases
    order = np.argsort(columns["case_id"], kind="stable")
    case, start, end, at = (columns[n][order] for n in ("case_id", "from_state", "to_state", "happened_at"))
    first = np.concatenate([[True], case[1:] != case[:-1]]) if len(case) else np.zeros(0, bool)
    before = np.where(first, cases.state[case], np.concatenate([[0], end[:-1]]) if len(end) else 0)
    since = np.where(first, np.maximum(cases.arrived[case], 0), np.concatenate([[0], at[:-1]]) if len(at) else 0)
    _all(start == before, case, "a case moves from a state in which it is not")
    _all(at >= since, case, "a case moves back in time")
    seen = np.zeros(len(cases), bool)
    seen[case] = True
    horizon = cases.scenario.horizon
    _all(seen | (cases.arrived > horizon), np.arange(len(cases)), "a case has no row, not even one at the end")
    last = np.concatenate([first[1:], [True]]) if len(case) else first
    kinds = [s.kind for s in cases.scenario.workflow.states.values()]
    final = np.array([k is Kind.FINAL for k in kinds])
    closed = final[end[last]] | (at[last] == horizon)
    _all(closed, case[last], "a case is neither in a final state nor counted as open at the end")
    spent = np.zeros(len(cases), np.int64)
    np.add.at(spent, case, at - since)
    whole = np.zeros(len(cases), np.int64)
    whole[case[last]] = at[last] - np.maximum(cases.arrived[case[last]], 0)
    _all(
        spent == whole,
        np.arange(len(cases)),
        "the times that a case spent in its states do not add up to its time in the system",
    )


def _little(log: EventLog) -> None:
    """Check that the cases waiting, added up over time, are the waiting times, added up over cases (Little's law, in sums)."""
    columns = log.columns
    for k, pool in enumerate(log.words.pool):
        mine = (columns["pool"] == k) & (columns["enabled_at"] > NEVER)
        enabled = columns["enabled_at"][mine]
        left = np.where(columns["started_at"][mine] > NEVER, columns["started_at"][mine], columns["happened_at"][mine])
        times = np.concatenate([enabled, left])
        steps = np.concatenate([np.ones(len(enabled), np.int64), -np.ones(len(left), np.int64)])
        order = np.lexsort((-steps, times))
        length = steps[order].cumsum()
        if len(length) and length.min() < 0:
            raise BrokenLaw(f"Little's law: the queue of {pool!r} has at some time fewer than no cases")
        area = int((length[:-1] * np.diff(times[order])).sum())
        waited = int((left - enabled).sum())
        if area != waited:
            raise BrokenLaw(
                f"Little's law fails for {pool!r}: queue over time {area}, waiting over cases {waited} microseconds"
            )


def _busy(log: EventLog) -> None:
    """Nobody works more than the time on shift, but for servers that finish after a cut in size."""
    scenario = log.cases.scenario
    for name in scenario.pools:
        shrinks = any(b < a for sizes in log.sizes(name) for (_, a), (_, b) in itertools.pairwise(sizes))
        busy, shift = pool_times(log, name, 0, scenario.horizon)
        if not shrinks and (busy > shift).any():
            raise BrokenLaw(f"{name!r} is busy for {int(busy.max())} microseconds in {int(shift.min())} on shift")


def growing_queues(log: EventLog) -> list[str]:
    """Return the pools whose queue only grows: whoever waits for them waits ever longer.

    A queue is said to grow if at the end of each of the last four fifths of the run it is longer than a
    fifth before, and it ends with more than ten cases.
    """
    columns, horizon = log.columns, log.cases.scenario.horizon
    found = []
    for k, pool in enumerate(log.words.pool):
        mine = (columns["pool"] == k) & (columns["enabled_at"] > NEVER)
        enabled = columns["enabled_at"][mine]
        left = np.where(
            columns["started_at"][mine] > NEVER, columns["started_at"][mine], columns["happened_at"][mine] + 1
        )
        marks = [horizon * part // 5 for part in range(1, 6)]
        lengths = [int(((enabled <= t) & (left > t)).sum()) for t in marks]
        if lengths[-1] > 10 and all(b > a for a, b in itertools.pairwise(lengths)):
            found.append(pool)
    return found


def _all(holds: NDArray[np.bool_], case: NDArray[np.int64], what: str) -> None:
    if not holds.all():
        raise BrokenLaw(f"{what}: case {int(case[int(np.argmin(holds))])}")
