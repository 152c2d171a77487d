"""Weekly hours, holidays, closures and extra days: a calendar as a scenario file gives it.

`parse_calendar` reads it; `CalendarSpec.compile` applies it to the dates of a run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from simulations.timing.calendars import Calendar
from simulations.timing.clock import MICROSECONDS_PER_DAY, Epoch, WorkingInterval, format_hours, parse_hours
from workflow.errors import InputError, Problem
from workflow.files.dates import kind_of, parse_date
from workflow.model.working_days import (
    DAY_NAMES,
    HolidayRules,
    add_problems,
    parse_announced,
    parse_closed,
    parse_holidays,
    parse_weekdays,
)

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """A calendar as written in a file, not yet applied to the dates of a run."""

    weekly: tuple[tuple[WorkingInterval, ...], ...]
    """The hours of Monday to Sunday."""

    holidays: HolidayRules | None = None
    closed: tuple[tuple[date, date], ...] = ()
    """Closures: first and last date, both included."""

    announced: tuple[tuple[date, date, date], ...] = ()
    """The closures that are announced on a date: first and last date, and the date from which they are known."""

    extra: tuple[tuple[date, tuple[WorkingInterval, ...]], ...] = ()
    """Dates whose hours replace the weekly ones, holidays and closures."""

    def compile(self, name: str, epoch: Epoch, ends: date) -> Calendar:
        """Apply the calendar to the dates of a run.

        An interval belongs to the date on which it starts, also for holidays and closures. An interval that
        began on the evening before the start counts from time 0. One that begins on the last date keeps its
        full length.

        Parameters
        ----------
        name : str
            The calendar's name in the scenario.
        epoch : Epoch
            The scenario's start.
        ends : date
            Its last date, not before the first.

        Raises
        ------
        InputError
            If intervals overlap, `ends` lies before the start, or the holidays of a year are unknown.
        """
        return _compiled(self, name, epoch, ends)

    def _compile(self, name: str, epoch: Epoch, ends: date) -> Calendar:
        if ends < epoch.start:
            raise InputError([f"ends: '{ends}' lies before the start, '{epoch.start}'"])
        # An interval crosses at most one midnight, so one date before the start is enough.
        first = epoch.start - _ONE_DAY if epoch.start > date.min else epoch.start
        holidays, closed = self._off(first, ends)
        in_run = [(max(0, start), end, day) for start, end, day in self.intervals(epoch, first, ends) if end > 0]
        return Calendar.build(
            name,
            [(start, end) for start, end, _ in in_run],
            tuple(day for *_, day in in_run),
            self._longest(epoch.start),
            holidays=tuple((day.isoformat(), text) for day, text in holidays.items() if day >= epoch.start),
            closed=tuple(day.isoformat() for day in sorted(closed) if day >= epoch.start),
            extra=tuple((d.isoformat(), format_hours(h)) for d, h in sorted(self.extra) if epoch.start <= d <= ends),
        )

    def intervals(self, epoch: Epoch, first: date, last: date) -> list[tuple[int, int, int]]:
        """Return the working intervals that start on the dates from first to last, both included.

        Returns
        -------
        list of (start, end, day)
            In microseconds and in days since the epoch; they may lie before it.

        Raises
        ------
        InputError
            If intervals overlap, or the holidays of a year are unknown.
        """
        holidays, closed = self._off(first, last)
        extra = dict(self.extra)
        found: list[tuple[int, int, int]] = []
        for day in _days(first, last):
            off = day in closed or day in holidays
            midnight = epoch.microseconds(day)
            for interval in extra.get(day, () if off else self.weekly[day.weekday()]):
                start, end = midnight + interval.start, midnight + interval.end
                if found and start < found[-1][1]:
                    where = next((f"open: {d}" for d in (day, day - _ONE_DAY) if d in extra), "hours")
                    raise InputError(
                        [f"{where}: the hours of {day} ({format_hours([interval])}) overlap those of the day before"]
                    )
                found.append((start, end, midnight // MICROSECONDS_PER_DAY))
        return found

    def _off(self, first: date, last: date) -> tuple[dict[date, str], set[date]]:
        """Return the holidays and the closures between two dates."""
        holidays = {} if self.holidays is None else self.holidays.dates(first, last)
        return holidays, {day for start, end in self.closed for day in _days(max(start, first), min(end, last))}

    def n_intervals(self, first: date, last: date) -> int:
        """Return the number of intervals of the weekly hours and the extra days between two dates, holidays included."""
        weeks = (last - first).days // 7 + 1
        return weeks * sum(len(hours) for hours in self.weekly) + sum(len(hours) for _, hours in self.extra)

    def working_dates(self, first: date, last: date) -> list[date]:
        """Return the dates from first to last, both included, on which an interval starts."""
        days = self.compile("", Epoch(first), last).days
        return [first + timedelta(days=day) for day in sorted(set(days)) if day >= 0]

    def _longest(self, start: date) -> int:
        """Return the longest interval of the weekly hours and of the extra days from the start on."""
        dated = (hours for day, hours in self.extra if day >= start)
        return max((interval.end - interval.start for hours in (*self.weekly, *dated) for interval in hours), default=0)


@lru_cache(maxsize=32)
def _compiled(spec: CalendarSpec, name: str, epoch: Epoch, ends: date) -> Calendar:
    """Return a calendar of a run. The variants of a scenario mostly have the same ones."""
    return spec._compile(name, epoch, ends)


def _days(first: date, last: date) -> Iterable[date]:
    """Yield the dates from first to last, both included."""
    return map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))


def parse_calendar(hours: object, *, holidays: object = None, closed: object = (), open: object = None) -> CalendarSpec:
    """Read a calendar as a scenario file gives it.

    Parameters
    ----------
    hours : mapping
        Working hours (see `parse_hours`) by weekday: "mon", a range "mon-fri", a list "mon,wed". Other
        days are closed; no day may be named twice.
    holidays : str or mapping, optional
        "US", "US-CO", or a mapping with `country` and optionally `state`, `observed`, `categories`.
    closed : list, optional
        Dates, and ranges such as "2011-12-24 to 2012-01-02", both included; or mappings with `from`, `to` and `announced`.
    open : mapping, optional
        Working hours by date. They replace the regular hours, holidays and closures of the date.

    Returns
    -------
    CalendarSpec

    Raises
    ------
    InputError
        With all mistakes at once; each message starts with the key it is about and has no position.

    Examples
    --------
    >>> spec = parse_calendar({"mon-fri": "08:00-16:30"}, holidays="US", closed=["2011-12-23"])
    >>> spec.compile("office", Epoch(date(2011, 12, 23)), date(2011, 12, 31)).dates_used["holidays"]
    [['2011-12-25', 'Christmas Day'], ['2011-12-26', 'Christmas Day (observed)']]
    """
    problems: list[Problem] = []
    spec = CalendarSpec(
        _parse_weekly(hours, problems),
        parse_holidays(holidays, problems),
        parse_closed(closed, problems),
        parse_announced(closed),
        _parse_open(open, problems),
    )
    if problems:
        raise InputError(problems)
    return spec


def _parse_weekly(hours: object, problems: list[Problem]) -> tuple[tuple[WorkingInterval, ...], ...]:
    weekly: dict[int, tuple[WorkingInterval, ...]] = {}
    named: dict[int, object] = {}
    if not isinstance(hours, Mapping):
        problems.append(Problem(f"hours: expected hours by weekday such as {{mon-fri: '08:00-16:30'}}, got {kind_of(hours)}"))
        return ()
    for key, value in hours.items():
        try:
            weekdays = parse_weekdays(key)
            for weekday in weekdays:
                if weekday in named:
                    both = f"both '{named[weekday]}' and '{key}' contain" if named[weekday] != key else f"'{key}' repeats"
                    raise InputError([f"{both} the weekday '{DAY_NAMES[weekday]}'"])
                named[weekday] = key
        except InputError as error:
            add_problems(problems, f"hours: {key}", error)
            weekdays = []
        try:
            weekly.update(dict.fromkeys(weekdays, parse_hours(value)))
        except InputError as error:
            add_problems(problems, f"hours: {key}", error)
    return tuple(weekly.get(weekday, ()) for weekday in range(7))


def _parse_open(extra: object, problems: list[Problem]) -> tuple[tuple[date, tuple[WorkingInterval, ...]], ...]:
    if extra is None:
        return ()
    if not isinstance(extra, Mapping):
        problems.append(Problem(f"open: expected hours by date such as {{2011-12-10: '08:00-16:30'}}, got {kind_of(extra)}"))
        return ()
    dates: dict[date, tuple[WorkingInterval, ...]] = {}
    for key, value in extra.items():
        try:
            day = parse_date(key)
            if day in dates:
                raise InputError([f"the date '{day}' is listed twice"])
            dates[day] = ()
        except InputError as error:
            add_problems(problems, "open", error)
            continue
        try:
            dates[day] = parse_hours(value)
        except InputError as error:
            add_problems(problems, f"open: {day}", error)
    return tuple(sorted(dates.items()))
