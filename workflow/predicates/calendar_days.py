"""Months and years of the Gregorian calendar, computed alike for whole numbers, numpy arrays and Z3 terms.

A day is a number of days since 1970-01-01. The functions extend the calendar before the year 1 and after the year 9999.
Years begin in March here, so that a leap day is the last day of its year, and a day is split into 400 years, century,
four years, year and month. Each part has few values, which Z3 needs to decide about months.

References
----------
E. M. Reingold, N. Dershowitz, Calendrical Calculations (2018), chapter 2.
"""

from __future__ import annotations

import datetime as dt
import operator
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

EPOCH = dt.date(1970, 1, 1).toordinal()
"""The ordinal of day 0."""

_MARCH = -719_468
"""The day 0000-03-01."""
_CENTURIES = (0, 36_524, 73_048, 109_572)
_YEARS = (0, 365, 730, 1095)
_MONTHS = tuple((153 * month + 2) // 5 for month in range(12))
"""The first day of each month from March on, in days since 1 March."""
_LENGTHS = (31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 28)


@dataclass(frozen=True, slots=True)
class Readings:
    """The operations that Python, numpy and Z3 write in different ways.

    Attributes
    ----------
    div : callable
        Floor division by a positive whole number.
    choose : callable
        Condition, value if it holds, value if it does not.
    part : callable
        Value and increasing numbers that begin with 0 -> index of the last of these that is at most the value, and that number.
    pick : callable
        Index and numbers -> number.
    """

    div: Callable[[Any, int], Any]
    choose: Callable[[Any, Any, Any], Any]
    part: Callable[[Any, Sequence[int]], tuple[Any, Any]]
    pick: Callable[[Any, Sequence[int]], Any]


def _plain_part(value: int, starts: Sequence[int]) -> tuple[int, int]:
    index = bisect_right(starts, value) - 1
    return index, starts[index]


def _vector_part(value: Any, starts: Sequence[int]) -> tuple[Any, Any]:
    index = np.searchsorted(starts, value, side="right") - 1
    return index, np.asarray(starts)[index]


PLAIN = Readings(operator.floordiv, lambda holds, yes, no: yes if holds else no, _plain_part, lambda i, numbers: numbers[i])
VECTOR = Readings(np.floor_divide, np.where, _vector_part, lambda i, numbers: np.asarray(numbers)[i])


def symbolic_readings(z3: Any, context: Any) -> Readings:
    """Return the operations on Z3 terms of a context."""

    def part(value: Any, starts: Sequence[int]) -> tuple[Any, Any]:
        index = first = z3.IntVal(0, context)
        for i, start in enumerate(starts[1:], start=1):
            index, first = z3.If(value >= start, i, index), z3.If(value >= start, start, first)
        return index, first

    def pick(index: Any, numbers: Sequence[int]) -> Any:
        term = z3.IntVal(numbers[0], context)
        for i, number in enumerate(numbers[1:], start=1):
            term = z3.If(index == i, number, term)
        return term

    return Readings(operator.truediv, z3.If, part, pick)  # Z3 rounds down for a positive divisor


def days_of(dates: Any) -> Any:
    """Return datetime64 values as days since 1970."""
    return np.asarray(dates, "datetime64[D]").astype(np.int64)


def _split(day: Any, on: Readings) -> tuple[Any, Any, Any]:
    """Return the year that begins in March, the month from March on (0 to 11), and the day of the month from 0 on."""
    since = day - _MARCH
    era = on.div(since, 146_097)
    of_era = since - 146_097 * era
    century, first = on.part(of_era, _CENTURIES)
    of_century = of_era - first
    quad = on.div(of_century, 1461)
    of_quad = of_century - 1461 * quad
    year, first = on.part(of_quad, _YEARS)
    of_year = of_quad - first
    month, first = on.part(of_year, _MONTHS)
    return 400 * era + 100 * century + 4 * quad + year, month, of_year - first


def year(day: Any, on: Readings = PLAIN) -> Any:
    """Return the calendar year of a day.

    Examples
    --------
    >>> year(-1), year(0)
    (1969, 1970)
    """
    since_march, month, _ = _split(day, on)
    return since_march + on.choose(month >= 10, 1, 0)


def add_months(day: Any, months: Any, on: Readings = PLAIN) -> Any:
    """Return the same day of another month, at most its last day.

    Examples
    --------
    >>> january = dt.date(2024, 1, 31).toordinal() - EPOCH
    >>> dt.date.fromordinal(add_months(january, 1) + EPOCH)
    datetime.date(2024, 2, 29)
    """
    year, month, of_month = _split(day, on)
    more_years = on.div(months, 12)
    more_months = months - 12 * more_years
    carried = month >= 12 - more_months
    year = year + more_years + on.choose(carried, 1, 0)
    month = month + more_months - on.choose(carried, 12, 0)
    return _of_march(year, on) + on.pick(month, _MONTHS) + _clipped(year, month, of_month, on)


def _of_march(year: Any, on: Readings) -> Any:
    """Return 1 March of a year."""
    return _MARCH + 365 * year + on.div(year, 4) - on.div(year, 100) + on.div(year, 400)


def _clipped(year: Any, month: Any, of_month: Any, on: Readings) -> Any:
    """Return a day of the month from 0 on, at most the last one of the month."""
    leap = [on.div(year + 1, n) * n == year + 1 for n in (4, 100, 400)]
    leap_day = on.choose(leap[0], on.choose(leap[1], on.choose(leap[2], 1, 0), 1), 0)
    last = on.pick(month, _LENGTHS) - 1 + on.choose(month >= 11, leap_day, 0)
    return on.choose(of_month < last, of_month, last)


def age(born: Any, at: Any, on: Readings = PLAIN) -> Any:
    """Return the completed years: the largest n for which the day of birth plus n years is not after a day.

    So who was born on 29 February completes a year on 28 February, except in leap years.

    Examples
    --------
    >>> born, day_before, birthday = (dt.date(*d).toordinal() for d in ((2004, 2, 29), (2022, 2, 27), (2022, 2, 28)))
    >>> age(born - EPOCH, day_before - EPOCH), age(born - EPOCH, birthday - EPOCH)
    (17, 18)
    """
    year, month, of_month = _split(at, on)
    first_year, first_month, first_of_month = _split(born, on)
    passed = _clipped(year, first_month, first_of_month, on)
    before = on.choose(of_month < passed, 1, 0)
    early = on.choose(month < first_month, 1, on.choose(month == first_month, before, 0))
    return year - first_year - early
