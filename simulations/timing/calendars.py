"""Calendars: working time in whole microseconds.

A calendar is a sequence of half-open working intervals. W(t), the working time from the start up to t, is piecewise
linear, so the end of suspended work is a look-up: the least t with W(t) = W(s) + p.
`simulations.timing.calendar_spec` builds calendars from weekly hours and dates.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulations.timing.clock import MICROSECONDS_PER_DAY

FAR: Final = 2**62
"""Close of an endless interval: 146,000 years, so that sums with it still fit into 64 bits."""


class ShiftEnd(StrEnum):
    """Treatment of work in progress when its shift ends."""

    SUSPEND = "suspend"
    """Work stops, and resumes at the next opening."""

    FINISH = "finish"
    """Work is completed; the part off shift is overtime."""

    FIT = "fit"
    """Work starts only if it ends within the working interval."""

    RESTART = "restart"
    """Work is interrupted, and begins again."""

    RESAMPLE = "resample"
    """Work is interrupted, and begins again with a length that is drawn anew."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working intervals of one calendar during a run.

    Times are whole microseconds since the scenario's start. `CalendarSpec.compile` and `always_open` build one.
    """

    name: str
    """As in the scenario file."""

    opens: tuple[int, ...]
    """Start of each interval, at least 0, increasing."""

    closes: tuple[int, ...]
    """End of each interval, exclusive, at most the next opening. Touching intervals are separate."""

    worked: tuple[int, ...]
    """Working time before each interval, and the total as the last entry."""

    days: tuple[int, ...]
    """Date of each interval, in days since the start: -1 if it began on the evening before."""

    longest: int
    """Length of the longest interval, including those after the end of the run, so that `fit` does not depend on it."""

    holidays: tuple[tuple[str, str], ...] = ()
    """Holidays in the run: ISO date and name, also on weekdays without hours."""

    closed: tuple[str, ...] = ()
    """Closures in the run: ISO dates."""

    extra: tuple[tuple[str, str], ...] = ()
    """Dates in the run with hours of their own: ISO date and hours."""

    @classmethod
    def always_open(cls, name: str = "always open") -> Calendar:
        """Return one endless interval: the calendar of a pool without one."""
        return cls.build(name, ((0, FAR),), (0,), FAR)

    @classmethod
    def build(
        cls, name: str, intervals: Sequence[tuple[int, int]], days: tuple[int, ...], longest: int, **dates_used: object
    ) -> Calendar:
        """Return a calendar of ordered intervals, with the date of each and the length of the longest."""
        worked = itertools.accumulate((end - start for start, end in intervals), initial=0)
        opens, closes = tuple(start for start, _ in intervals), tuple(end for _, end in intervals)
        return cls(name, opens, closes, tuple(worked), days, longest, **dates_used)  # type: ignore[arg-type]

    def working_time(self, t: int) -> int:
        """Return W(t): the microseconds worked from the start up to t."""
        k = bisect_right(self.opens, t) - 1
        if k < 0:
            return 0
        return self.worked[k] + min(t, self.closes[k]) - self.opens[k]

    def interval_at(self, t: int) -> int | None:
        """Return the index of the interval that contains t, ``None`` if t is off shift."""
        k = bisect_right(self.opens, t) - 1
        return k if k >= 0 and t < self.closes[k] else None

    def next_opening(self, t: int) -> int | None:
        """Return the first opening later than t, ``None`` if there is none in the run; t = -1 gives the first."""
        k = bisect_right(self.opens, t)
        return self.opens[k] if k < len(self.opens) else None

    def complete(self, start: int, length: int, rule: str = ShiftEnd.SUSPEND) -> int | None:
        """Return when work completes.

        Parameters
        ----------
        start : int
            Start in microseconds; on shift, except for delays.
        length : int
            Processing time in microseconds, at least 0. Work of length 0 ends at its start.
        rule : ShiftEnd or str
            ``suspend``: the least t >= start with W(t) = W(start) + length. The others: start + length;
            with ``fit``, check `fits` first.

        Returns
        -------
        int or None
            The completion in microseconds; ``None`` if the calendar ends before the work.

        Examples
        --------
        Friday 16:00 plus an hour, on Monday to Friday 08:00-16:30, is Monday 08:30:

        >>> from datetime import date
        >>> from simulations.timing.calendar_spec import parse_calendar
        >>> from simulations.timing.clock import Epoch
        >>> epoch = Epoch(date(2022, 6, 24))
        >>> office = parse_calendar({"mon-fri": "08:00-16:30"}).compile("office", epoch, date(2022, 6, 30))
        >>> str(epoch.instant(office.complete(16 * 3_600_000_000, 3_600_000_000)))
        '2022-06-27 08:30:00'
        """
        if length <= 0:
            if length < 0:
                raise ValueError(f"calendar '{self.name}': work of length {length} microseconds; it is at least 0")
            return start
        if rule != "suspend":
            if rule not in tuple(ShiftEnd):
                raise ValueError(f"'{rule}' is not a rule for the end of a shift ({', '.join(ShiftEnd)})")
            return start + length
        opens, worked = self.opens, self.worked
        k = bisect_right(opens, start)
        target = worked[k] + length
        if k:
            rest = self.closes[k - 1] - start
            if length <= rest:
                return start + length
            if rest > 0:
                target -= rest
        if target > worked[-1]:
            return None
        j = bisect_left(worked, target, k + 1) - 1
        return opens[j] + target - worked[j]

    def fits(self, start: int, length: int) -> bool:
        """Return whether work may start under ``fit``.

        It may if it ends within the interval that contains `start`. Work longer than the longest interval
        may start at an opening, and runs over.
        """
        k = self.interval_at(start)
        if k is None:
            return False
        return start + length <= self.closes[k] or (length > self.longest and start == self.opens[k])

    def working_days(self) -> Calendar:
        """Return the calendar of delays in working days: whole days, on each date on which an interval starts."""
        if self._endless:
            return self
        dates = tuple(sorted({day for day in self.days if day >= 0}))
        intervals = [(day * MICROSECONDS_PER_DAY, (day + 1) * MICROSECONDS_PER_DAY) for day in dates]
        used = {"holidays": self.holidays, "closed": self.closed, "extra": self.extra}
        return self.build(self.name, intervals, dates, MICROSECONDS_PER_DAY, **used)

    @property
    def _endless(self) -> bool:
        return self.closes[-1:] == (FAR,)

    @property
    def dates_used(self) -> dict[str, list[str] | list[list[str]]]:
        """Holidays, closures and extra days within the run, as plain data for a manifest."""
        return {
            "holidays": [list(pair) for pair in self.holidays],
            "closed": list(self.closed),
            "open": [list(pair) for pair in self.extra],
        }

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return `opens`, `closes` and `worked` as int64 arrays, for a kernel."""
        opens, closes, worked = (np.array(x, dtype=np.int64) for x in (self.opens, self.closes, self.worked))
        return opens, closes, worked


def common_calendar(calendars: Sequence[Calendar]) -> Calendar:
    """Return the calendar of the working intervals that calendars have in common. Each of their openings begins an interval.

    Examples
    --------
    >>> days = [Calendar.build("a", [(0, 9)], (0,), 9), Calendar.build("b", [(2, 5), (5, 12)], (0, 0), 7)]
    >>> common_calendar(days).opens, common_calendar(days).closes
    ((2, 5), (5, 9))
    """
    common, *others = dict.fromkeys(calendars)
    for other in others:
        common = _common(common, other)
    return common


def _common(one: Calendar, other: Calendar) -> Calendar:
    intervals, days = [], []
    i = j = 0
    while i < len(one.opens) and j < len(other.opens):
        begin, end = max(one.opens[i], other.opens[j]), min(one.closes[i], other.closes[j])
        if begin < end:
            intervals.append((begin, end))
            days.append(one.days[i])
        if one.closes[i] <= other.closes[j]:
            i += 1
        else:
            j += 1
    longest = max((end - begin for begin, end in intervals), default=0)
    return Calendar.build(f"{one.name} and {other.name}", intervals, tuple(days), longest)
