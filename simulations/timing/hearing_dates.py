"""The dates on which a calendar has working time, as they are known before and after its closures are announced.

Cases are booked for dates after the end of a run, too, so the dates go on for `YEARS_AHEAD` years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

from simulations.timing.calendar_spec import CalendarSpec
from simulations.timing.calendars import FAR, Calendar
from simulations.timing.clock import MICROSECONDS_PER_DAY, Epoch

YEARS_AHEAD = 30
"""Number of years after the end of a run for which cases are booked, as far as the holidays are known."""


@dataclass(frozen=True, slots=True)
class DatesAhead:
    """The dates of a calendar, in order: those that are open, and those with a closure that is announced during the run.

    Times are whole microseconds since the scenario's start.
    """

    days: tuple[int, ...]
    """Of each date, in days since the start, at least 0."""

    opens: tuple[int, ...]
    """The first opening of each date."""

    closes: tuple[int, ...]
    """The last close of each date."""

    closed_from: tuple[int, ...]
    """When the closure of each date is announced; `simulations.timing.calendars.FAR` if the date is open."""

    working_days: Calendar
    """Whole days, on each date that is open."""


@lru_cache(maxsize=64)
def dates_ahead(name: str, spec: CalendarSpec, epoch: Epoch, ends: date) -> DatesAhead:
    """Return the dates of a calendar from the start of a run until `YEARS_AHEAD` years after its end.

    Parameters
    ----------
    name : str
        The calendar's name in the scenario.
    ends : date
        The last date of the run.
    """
    last = _last(spec, ends)
    announced = [(first, end, at) for first, end, at in spec.announced if at > epoch.start]
    known = replace(spec, closed=tuple(days for days in spec.closed if days not in [(a, b) for a, b, _ in announced]))
    spans = _by_day(known.intervals(epoch, epoch.start, last))
    open_ = sorted(day for day in _by_day(spec.intervals(epoch, epoch.start, last)))
    is_open = set(open_)
    days = sorted(spans)
    closed_from = tuple(FAR if day in is_open else _announced(day, epoch, announced) for day in days)
    whole = [(day * MICROSECONDS_PER_DAY, (day + 1) * MICROSECONDS_PER_DAY) for day in open_]
    working = Calendar.build(name, whole, tuple(open_), MICROSECONDS_PER_DAY)
    opens, closes = (tuple(spans[day][end] for day in days) for end in (0, 1))
    return DatesAhead(tuple(days), opens, closes, closed_from, working)


def _last(spec: CalendarSpec, ends: date) -> date:
    """Return the last date for which a case is booked."""
    year = min(ends.year + YEARS_AHEAD, date.max.year - 1)
    if spec.holidays is not None:
        year = min(year, spec.holidays.years[1])
    return max(ends, date(year, 12, 31))


def _by_day(intervals: Sequence[tuple[int, int, int]]) -> dict[int, tuple[int, int]]:
    """Return the first opening and the last close of each day."""
    spans: dict[int, tuple[int, int]] = {}
    for start, end, day in intervals:
        spans[day] = (spans.get(day, (start, end))[0], end)
    return spans


def _announced(day: int, epoch: Epoch, announced: Sequence[tuple[date, date, date]]) -> int:
    """Return when the closure of a day is first announced."""
    at = epoch.start + timedelta(days=day)
    return min(epoch.microseconds(known) for first, last, known in announced if first <= at <= last)
