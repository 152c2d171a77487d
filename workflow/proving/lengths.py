"""Lengths of time as whole numbers: what a time limit allows, over all dates on which it may begin.

An *instant* is a local time in microseconds since 1970. A day has 24 hours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workflow.model.time_limits import DAY, TimeLimit
from workflow.predicates.calendar_days import EPOCH
from workflow.proving.budget import LimitReached

Integers = NDArray[np.int64]

NEVER = 2**62
"""Later than every instant."""

_FIRST, _LAST = dt.date(2000, 1, 1), dt.date(2399, 12, 31)
"""In these 400 years every course of months, leap days and days of the week occurs."""
_AROUND = 40_200  # days before and after, into which a history may reach
_IN_DAYS = {"days": 1, "weeks": 7}


def _day(date: dt.date) -> int:
    return date.toordinal() - EPOCH


def _reach(limit: TimeLimit) -> int:
    """Return a number of days in which a number of working days surely ends, but for long closures."""
    return 2 * int(limit.number) + 60


class StartDates:
    """The dates on which something may begin, and on which a question has to be decided.

    One date stands for all if every length is a number of days or elapsed time. Else there are 400 years, or as many as have
    known holidays.

    Attributes
    ----------
    days : ndarray of int64
        In days since 1970.

    Raises
    ------
    LimitReached
        If working days reach beyond the years whose holidays are known.
    """

    def __init__(self, limits: Iterable[TimeLimit]) -> None:
        irregular = [limit for limit in limits if not limit.is_elapsed and limit.unit not in _IN_DAYS]
        self.any_date = not irregular
        first, last = _day(_FIRST), _day(_LAST)
        self.first, self.last = first - _AROUND, last + _AROUND
        for limit in irregular:
            rules = None if limit.calendar is None else limit.calendar.holidays
            if rules is not None:
                earliest, latest = rules.years
                self.first = max(self.first, _day(dt.date(max(earliest, _FIRST.year - 20) + 1, 1, 1)))
                self.last = min(self.last, _day(dt.date(latest, 1, 1)))
                first = max(first, self.first)
                last = min(last, self.last - _reach(limit) - min(3_653, (self.last - first) // 2))
        if last < first:
            raise LimitReached("working days reach beyond the years whose holidays are known")
        self.days: Integers = np.arange(first, first + 1 if self.any_date else last + 1, dtype=np.int64)

    def __str__(self) -> str:
        if (self.last > self.days[-1] + 2 * 365 and self.days[-1] == _day(_LAST)) or self.any_date:
            return "every start date"
        first, last = (dt.date.fromordinal(int(day) + EPOCH) for day in (self.days[0], self.days[-1]))
        return f"every start date from {first} to {last}"


class LengthOfTime:
    """A time limit as functions of the instant at which it begins.

    Parameters
    ----------
    limit : TimeLimit
    dates : StartDates
    """

    def __init__(self, limit: TimeLimit, dates: StartDates) -> None:
        self.limit, self.dates = limit, dates
        self._elapsed = limit.end(0) if limit.is_elapsed else None
        self._days = int(limit.number) * _IN_DAYS[limit.unit] if limit.unit in _IN_DAYS else None

    @cached_property
    def _last_days(self) -> Integers:
        """Return the last day of the period for each day of begin from the first on, as far as known."""
        first, last = self.dates.first, self.dates.last
        if self.limit.calendar is not None and self.limit.calendar.holidays is not None:
            last -= _reach(self.limit)
        return self.limit.ends(np.arange(first, last + 1, dtype=np.int64) * DAY) // DAY

    def _last_day(self, day: Integers) -> Integers:
        if self._days is not None:
            return day + self._days
        known = self._last_days
        index = day - self.dates.first
        found = known[np.clip(index, 0, len(known) - 1)]
        return np.where(index < 0, day, np.where(index >= len(known), NEVER // DAY, found))

    def last(self, begun: Integers) -> Integers:
        """Return the last instant of the periods that begin at some instants."""
        if self._elapsed is not None:
            return np.where(begun >= NEVER, NEVER, begun + self._elapsed)
        last = self._last_day(begun // DAY)
        return np.where((begun >= NEVER) | (last >= NEVER // DAY), NEVER, (last + 1) * DAY - 1)

    def first(self, begun: Integers) -> Integers:
        """Return the first instant at which as much has passed: for days, the beginning of the last one."""
        if self._elapsed is not None:
            return np.where(begun >= NEVER, NEVER, begun + self._elapsed)
        last = self._last_day(begun // DAY)
        return np.where((begun >= NEVER) | (last >= NEVER // DAY), NEVER, np.maximum(last * DAY, begun))

    def latest_start(self, until: Integers) -> Integers:
        """Return the latest instants of begin after which as much has passed by some instants."""
        if self._elapsed is not None:
            return np.where(until >= NEVER, NEVER, until - self._elapsed)
        day = until // DAY
        if self._days is not None:
            start = day - self._days
        else:
            start = self.dates.first + np.searchsorted(self._last_days, day, side="right") - 1
        return np.where(until >= NEVER, NEVER, np.minimum((start + 1) * DAY - 1, until))

    @cached_property
    def _spans(self) -> tuple[int, int]:
        """Return the least and the greatest number of days until the last day."""
        if self._days is not None:
            return self._days, self._days
        days = self.dates.days
        spans = self._last_day(days) - days
        return int(spans.min()), int(spans.max())

    def in_unit(self, elapsed: bool) -> tuple[int, int, int]:
        """Return the least and the greatest length until its end, and the least after which as much has passed.

        Parameters
        ----------
        elapsed : bool
            Whether lengths are in microseconds, else in days.
        """
        if self._elapsed is not None:
            return self._elapsed, self._elapsed, self._elapsed
        least, most = self._spans
        if not elapsed:
            return least, most, least
        return least * DAY, (most + 1) * DAY - 1, max(0, (least - 1) * DAY + 1)
