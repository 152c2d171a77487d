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

from simulations.eventlog import NEVER, EventLog, order_of
from simulations.lengths import add_up
from simulations.utilisation import so_far
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
    since = log.since()
    _histories(log, since)
    _little(log, since)
    del since
    _busy(log)


def _histories(log: EventLog, since: NDArray[np.int64]) -> None:
    """Every case goes on where it was, in time, and is at the end in a final state or counted as open; its state times add up to its age."""
    columns, cases, by_case = log.columns, log.cases, log.by_case
    order = by_case.order
    case, start, end, at = (columns[n][order] for n in ("case_id", "from_state", "to_state", "happened_at"))
    before = np.empty_like(end)
    before[1:] = end[:-1]
    before[by_case.opening] = cases.state[np.diff(by_case.first) > 0]
    _all(start == before, case, "a case moves from a state in which it is not")
    spans = at - since
    _all(spans >= 0, case, "a case moves back in time")
    horizon = cases.scenario.horizon
    seen = np.diff(by_case.first) > 0
    _all(seen | (cases.arrived > horizon), np.arange(len(cases)), "a case has no row, not even one at the end")
    last = by_case.first[1:][seen] - 1
    kinds = [s.kind for s in cases.scenario.workflow.states.values()]
    final = np.array([k is Kind.FINAL for k in kinds])
    closed = final[end[last]] | (at[last] == horizon)
    _all(closed, case[last], "a case is neither in a final state nor counted as open at the end")
    spent = np.add.reduceat(spans, by_case.opening) if len(case) else at
    whole = at[last] - np.maximum(cases.arrived[seen], 0)
    _all(
        spent == whole,
        case[last],
        "the times that a case spent in its states do not add up to its time in the system",
    )


def _little(log: EventLog, since: NDArray[np.int64]) -> None:
    """Check that the cases present, added up over time, are the times of their stays, added up over cases (Little's law, in sums).

    How many are present follows from the states that cases enter and leave; how long each stays from when its
    work was enabled and ended.
    """
    columns = log.columns
    enabled, started, ended = (columns[n] for n in ("enabled_at", "started_at", "happened_at"))
    stays = enabled > NEVER
    _all(~stays | (started == NEVER) | (started >= enabled), columns["case_id"], "work starts before it is enabled")
    order = log.by_case.order
    length = ended[order] - since
    states = list(log.cases.scenario.workflow.states.values())
    present = _sums(columns["from_state"][order], length, len(states))
    stayed = _sums(columns["activity"][stays], ended[stays] - enabled[stays], len(log.words.activity))
    for k, activity in enumerate(log.words.activity):
        within = sum(int(n) for n, s in zip(present, states, strict=True) if s.activity == activity)
        if activity in log.cases.scenario.work and within != stayed[k]:
            raise BrokenLaw(
                f"Little's law fails for {activity!r}: cases present over time {within}, stays over cases {stayed[k]} microseconds"
            )


def _sums(codes: NDArray[np.int64], lengths: NDArray[np.int64], n: int) -> list[int]:
    """Add up lengths by code, without rounding."""
    return [int(total) for total in add_up(codes.astype(np.int64), (n, 1), lengths)[:-1, 0]]


def _busy(log: EventLog) -> None:
    """Work starts only on shift and with a free server, and no server does two things at once."""
    for name, pool in log.cases.scenario.pools.items():
        served = log.served[name]
        for place, (calendar, sizes) in enumerate(zip(pool.calendars, log.sizes(name), strict=True)):
            here = served.at(place)
            case, server, begun, ended = (t[here] for t in (served.case, served.server, served.started, served.ended))
            # Work that a server does one after the other also ends so: as it stands in the log.
            order = order_of(server, int(server.max(initial=0)) + 1)
            same = np.diff(server[order]) == 0
            _all(
                ~same | (begun[order][1:] >= ended[order][:-1]),
                case[order][1:],
                f"a server of {name!r} does two things at once",
            )
            opens, closes, _ = calendar.arrays()
            spell = so_far(opens, begun) - 1
            _all((spell >= 0) & (begun < np.append(closes, 0)[spell]), case, f"work of {name!r} starts off shift")
            # Of several that start at one instant the last counts: by then, so many work.
            in_time = np.sort(begun)
            work = so_far(in_time, in_time) - so_far(ended, in_time)
            changes = np.array([t for t, _ in sizes], np.int64)
            size = np.array([n for _, n in sizes], np.int64)[so_far(changes, in_time) - 1]
            if not (work <= size).all():
                at = in_time[int(np.argmin(work <= size))]
                _all(begun != at, case, f"work of {name!r} starts without a free server")


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
