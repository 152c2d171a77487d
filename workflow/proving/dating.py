"""The times of the rows of a path: as late as the bounds allow, for each date on which the obligation may open.

Each condition on times says that one instant is at most, or at least, so long after another. All of them are monotone:
a later begin allows a later end. So if two choices of times meet all conditions, their later instants do too, and the
latest choice is found by moving every instant down until all conditions hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow.model.time_limits import DAY
from workflow.proving.lengths import NEVER, LengthOfTime
from workflow.proving.timed_search import Late
from workflow.proving.timing import OBLIGATION, Step, Timing

Integers = NDArray[np.int64]

_MORE_ROUNDS = 8  # beyond one for each instant, before a path counts as impossible


@dataclass(frozen=True)
class Dated:
    """The times of a path on which an obligation is late.

    Attributes
    ----------
    times : tuple of int
        The beginning of the case, each row with or without a move, and the end of the last stay, as instants.
    opened : int
        The number of the row that opens the obligation, from 1.
    due : int
        The last instant at which it is in time.
    """

    times: tuple[int, ...]
    opened: int
    due: int

    @property
    def late(self) -> int:
        """Return the microseconds between the due time and the end."""
        return self.times[-1] - self.due


def dated(timing: Timing, late: Late, around: int) -> Dated | None:
    """Return the times of a path with the longest obligation, if it is late on any date.

    Parameters
    ----------
    around : int
        A day since 1970. If all dates are equal, the case begins on this day, else not before it if possible.
    """
    course = _Course(timing, late.steps)
    if timing.dates.any_date:
        first = _worst(timing, course, np.array([around]), around)
        if first is None:
            return None
        begun = first.times[0] // DAY
        return _worst(timing, course, np.array([2 * around - begun]), around) or first
    return _worst(timing, course, timing.dates.days, around)


def _worst(timing: Timing, course: _Course, days: Integers, around: int) -> Dated | None:
    """Return the slowest course of those that open the obligation on some days and are late."""
    best: tuple[tuple[int, bool, int], Dated] | None = None
    for of_day in timing.times_of_day:
        opened = days * DAY + of_day
        times = course.latest(opened)
        due = timing.length(timing.within).last(opened)
        possible = (times[course.opened] == opened) & (times[-1] < NEVER) & (times[0] > -NEVER // 2)
        overdue = np.where(possible, times[-1] - due, -1)
        if overdue.max() <= 0:
            continue
        took = np.where(overdue > 0, times[-1] - opened, -1)
        slowest = np.flatnonzero(took == took.max())
        after = slowest[times[0][slowest] >= around * DAY]
        k = int(after[0] if len(after) else slowest[0])
        found = Dated(tuple(int(each[k]) for each in times), course.opened, int(due[k]))
        key = (int(took[k]), bool(len(after)), -found.times[0])
        if best is None or key > best[0]:
            best = key, found
    return None if best is None else best[1]


class _Course:
    """The conditions on the times of a path. Instant 0 is the beginning; instant k is row k, or the end.

    Attributes
    ----------
    opened : int
        The number of the row that opens the obligation.
    """

    def __init__(self, timing: Timing, steps: Sequence[Step]) -> None:
        self.n_instants = len(steps) + 1
        self.same: list[tuple[int, int]] = []
        self.upper: list[tuple[int, int, LengthOfTime]] = []
        self.lower: list[tuple[int, int, LengthOfTime]] = []
        since: dict[int, int] = {}
        for k, step in enumerate(steps, start=1):
            if step.waits is None:
                self.same.append((k - 1, k))
            self.upper += [(since.get(clock, 0), k, timing.length(limit)) for clock, limit in step.waits or ()]
            self.lower += [(since.get(clock, 0), k, timing.length(limit)) for clock, limit in step.needs]
            since |= dict.fromkeys(step.restarts, k)
        self.opened = since.get(OBLIGATION, 0)

    def latest(self, opened: Integers) -> Integers:
        """Return the latest instants, one row for each; that of the opening is earlier than asked if it cannot be so."""
        times = np.full((self.n_instants, len(opened)), NEVER, np.int64)
        times[self.opened] = opened
        for _ in range(self.n_instants + _MORE_ROUNDS):
            before = times.copy()
            for start, end, length in self.upper:
                np.minimum(times[end], length.last(times[start]), out=times[end])
            for start, end, length in self.lower:
                np.minimum(times[start], length.latest_start(times[end]), out=times[start])
            for one, other in self.same:
                times[one] = times[other] = np.minimum(times[one], times[other])
            for k in range(self.n_instants - 2, -1, -1):
                np.minimum(times[k], times[k + 1], out=times[k])
            if (times == before).all():
                return times
        times[self.opened, (times != before).any(axis=0)] = -NEVER  # no end of moving down: impossible
        return times
