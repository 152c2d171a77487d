"""Time limits of rules: hours and minutes are elapsed time, longer units are counted in local days.

A period in days, weeks, months, years or working days runs to the end of its last local day, whatever the clock showed
when it began: the day on which it begins is not counted. A month or year ends on the same day of the month, or on the
last day of a shorter month.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from workflow.model.working_days import WorkingDays
from workflow.predicates.calendar_days import PLAIN, VECTOR, add_months

Integers = NDArray[np.int64]

DAY = 86_400_000_000

ELAPSED = {"minutes": DAY // 1440, "hours": DAY // 24}
"""Units of elapsed time, in microseconds."""

_DAYS = {"days": 1, "weeks": 7}
_MONTHS = {"months": 1, "years": 12}

UNITS = (*ELAPSED, *_DAYS, *_MONTHS, "working days")
"""The units of a time limit."""

MAX_YEARS = 100


@dataclass(frozen=True)
class TimeLimit:
    """The time that a rule allows.

    Attributes
    ----------
    number : int, float or Fraction
        At least 0; whole, except for hours and minutes.
    unit : str
        One of `UNITS`.
    calendar : WorkingDays or None
        For working days.
    """

    number: int | float | Fraction
    unit: str
    calendar: WorkingDays | None = None

    def __str__(self) -> str:
        return f"{float(self.number):g} {self.unit if self.number != 1 else self.unit.removesuffix('s')}"

    @property
    def is_elapsed(self) -> bool:
        """Return whether it counts elapsed time rather than local days."""
        return self.unit in ELAPSED

    @property
    def is_too_long(self) -> bool:
        """Return whether it is longer than a hundred years."""
        days = {**{unit: length / DAY for unit, length in ELAPSED.items()}, "days": 1, "weeks": 7, "months": 30.4, "years": 365}
        return self.number * days.get(self.unit, 1) > MAX_YEARS * 366

    def ends(self, begun: Integers) -> Integers:
        """Return the last microsecond of the periods that begin at some times.

        Parameters
        ----------
        begun : ndarray of int64
            In microseconds: instants for elapsed time, else local clocks since 1970-01-01 00:00.

        Raises
        ------
        InputError
            If the holidays of a year are not known.
        """
        if self.is_elapsed:
            return begun + self._elapsed
        day = begun // DAY
        if self.unit in _DAYS:
            last = day + int(self.number) * _DAYS[self.unit]
        elif self.unit in _MONTHS:
            last = add_months(day, int(self.number) * _MONTHS[self.unit], VECTOR)
        else:
            assert self.calendar is not None
            last = self.calendar.after(day, int(self.number))
        return np.asarray((last + 1) * DAY - 1, np.int64)

    def end(self, begun: int) -> int:
        """Return the last microsecond of the period that begins at a time, as `ends` does."""
        if self.is_elapsed:
            return begun + self._elapsed
        return (_last_day(self, begun // DAY) + 1) * DAY - 1

    def is_reached(self, begun: int, at: int) -> bool:
        """Return whether as much has passed: elapsed time exactly, longer units from the beginning of their last day on."""
        return at >= self.end(begun) if self.is_elapsed else at // DAY >= self.end(begun) // DAY

    @property
    def _elapsed(self) -> int:
        return math.floor(self.number * ELAPSED[self.unit])


@lru_cache(maxsize=100_000)
def _last_day(limit: TimeLimit, day: int) -> int:
    """Return the last day of a period, of a day since 1970."""
    if limit.unit in _MONTHS:
        return int(add_months(day, int(limit.number) * _MONTHS[limit.unit], PLAIN))
    return int(limit.ends(np.array([day * DAY]))[0]) // DAY
