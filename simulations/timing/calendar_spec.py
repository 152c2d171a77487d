"""Weekly hours, holidays, closures and extra days: a calendar as a scenario file gives it.

`parse_calendar` reads it; `CalendarSpec.compile` applies it to the dates of a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from simulations.timing.calendars import Calendar
from simulations.timing.clock import MICROSECONDS_PER_DAY, Epoch, WorkingInterval, format_hours, kind_of, parse_date, parse_hours
from workflow.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    from holidays import HolidayBase

__all__ = ["CalendarSpec", "HolidayRules", "parse_calendar"]

_DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOLIDAY_KEYS = ("country", "state", "observed", "categories")
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class HolidayRules:
    """Public holidays of a country or state, from the `holidays` package."""

    country: str
    """ISO 3166 code."""

    state: str | None = None
    """State, province or land; ``None`` for the country's own holidays (in the US, the federal ones)."""

    observed: bool = True
    """Whether a weekend holiday also closes the weekday on which it is observed."""

    categories: tuple[str, ...] = ()
    """Categories of the package; empty means its default ones. A holiday closes the whole date."""

    def dates(self, first: date, last: date) -> dict[date, str]:
        """Return the holidays from `first` to `last`, both included, in order, with English names if available.

        Raises
        ------
        InputError
            If the package does not cover these years.
        """
        known = self._known()
        if first.year < known.start_year or last.year > known.end_year:
            raise InputError([f"holidays: those of '{self.country}' are known for {known.start_year} to {known.end_year} only"])
        # An adjacent year can observe its holiday in ours: New Year's Day on a Saturday is observed on 31 December.
        names = self._known(range(first.year - 1, last.year + 2))
        return {day: str(names[day]) for day in sorted(names) if first <= day <= last}

    def _known(self, years: Iterable[int] = ()) -> HolidayBase:
        import holidays

        # Without a language the names in the manifest would depend on the locale.
        plain = holidays.country_holidays(self.country)
        language = "en_US" if "en_US" in plain.supported_languages else plain.default_language
        return holidays.country_holidays(
            self.country,
            subdiv=self.state,
            years=list(years),
            expand=False,
            observed=self.observed,
            categories=self.categories or None,
            language=language,
        )


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """A calendar as written in a file, not yet applied to the dates of a run."""

    weekly: tuple[tuple[WorkingInterval, ...], ...]
    """The hours of Monday to Sunday."""

    holidays: HolidayRules | None = None
    closed: tuple[tuple[date, date], ...] = ()
    """Closures: first and last date, both included."""

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
        if ends < epoch.start:
            raise InputError([f"ends: '{ends}' lies before the start, '{epoch.start}'"])
        # An interval crosses at most one midnight, so one date before the start is enough.
        first = epoch.start - _ONE_DAY if epoch.start > date.min else epoch.start
        holidays = {} if self.holidays is None else self.holidays.dates(first, ends)
        closed = {day for start, end in self.closed for day in _days(max(start, first), min(end, ends))}
        extra = dict(self.extra)
        intervals: list[tuple[int, int]] = []
        days: list[int] = []
        for day in _days(first, ends):
            off = day in closed or day in holidays
            midnight = epoch.microseconds(day)
            for interval in extra.get(day, () if off else self.weekly[day.weekday()]):
                start, end = midnight + interval.start, midnight + interval.end
                if intervals and start < intervals[-1][1]:
                    where = next((f"open: {d}" for d in (day, day - _ONE_DAY) if d in extra), "hours")
                    raise InputError(
                        [f"{where}: the hours of {day} ({format_hours([interval])}) overlap those of the day before"]
                    )
                intervals.append((start, end))
                days.append(midnight // MICROSECONDS_PER_DAY)
        in_run = [(max(0, start), end, day) for (start, end), day in zip(intervals, days, strict=True) if end > 0]
        return Calendar.build(
            name,
            [(start, end) for start, end, _ in in_run],
            tuple(day for *_, day in in_run),
            self._longest(epoch.start),
            holidays=tuple((day.isoformat(), text) for day, text in holidays.items() if day >= epoch.start),
            closed=tuple(day.isoformat() for day in sorted(closed) if day >= epoch.start),
            extra=tuple((d.isoformat(), format_hours(h)) for d, h in sorted(self.extra) if epoch.start <= d <= ends),
        )

    def working_dates(self, first: date, last: date) -> list[date]:
        """Return the dates from first to last, both included, on which an interval starts."""
        days = self.compile("", Epoch(first), last).days
        return [first + timedelta(days=day) for day in sorted(set(days)) if day >= 0]

    def _longest(self, start: date) -> int:
        """Return the longest interval of the weekly hours and of the extra days from the start on."""
        dated = (hours for day, hours in self.extra if day >= start)
        return max((interval.end - interval.start for hours in (*self.weekly, *dated) for interval in hours), default=0)


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
        Dates, and ranges such as "2011-12-24 to 2012-01-02", both included.
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
        _parse_holidays(holidays, problems),
        _parse_closed(closed, problems),
        _parse_open(open, problems),
    )
    if problems:
        raise InputError(problems)
    return spec


def _add(problems: list[Problem], key: str, error: InputError) -> None:
    """Add the problems of an error, each with its key."""
    problems.extend(Problem(f"{key}: {problem.message}") for problem in error.problems)


def _parse_weekly(hours: object, problems: list[Problem]) -> tuple[tuple[WorkingInterval, ...], ...]:
    weekly: dict[int, tuple[WorkingInterval, ...]] = {}
    named: dict[int, object] = {}
    if not isinstance(hours, Mapping):
        problems.append(Problem(f"hours: expected hours by weekday such as {{mon-fri: '08:00-16:30'}}, got {kind_of(hours)}"))
        return ()
    for key, value in hours.items():
        try:
            weekdays = _parse_weekdays(key)
            for weekday in weekdays:
                if weekday in named:
                    both = f"both '{named[weekday]}' and '{key}' contain" if named[weekday] != key else f"'{key}' repeats"
                    raise InputError([f"{both} the weekday '{_DAY_NAMES[weekday]}'"])
                named[weekday] = key
        except InputError as error:
            _add(problems, f"hours: {key}", error)
            weekdays = []
        try:
            weekly.update(dict.fromkeys(weekdays, parse_hours(value)))
        except InputError as error:
            _add(problems, f"hours: {key}", error)
    return tuple(weekly.get(weekday, ()) for weekday in range(7))


def _parse_weekdays(key: object) -> list[int]:
    """Return the weekdays, Monday 0, of "mon-fri" or "mon,wed"; "sat-mon" wraps around the end of the week."""
    weekdays: list[int] = []
    for part in str(key).lower().split(","):
        ends = [_weekday(word.strip(), key) for word in part.split("-", 1)]
        weekdays.extend((ends[0] + k) % 7 for k in range((ends[-1] - ends[0]) % 7 + 1))
    return weekdays


def _weekday(word: str, key: object) -> int:
    if word not in _DAY_NAMES:
        where = "" if str(key).lower() == word else f" in '{key}'"
        hint = nearest(word, _DAY_NAMES)
        raise InputError([f"'{word}'{where} is not a weekday ({', '.join(_DAY_NAMES)}, or a range 'mon-fri').{hint}"])
    return _DAY_NAMES.index(word)


def _parse_closed(closed: object, problems: list[Problem]) -> tuple[tuple[date, date], ...]:
    if closed is None:
        return ()
    if not isinstance(closed, list | tuple):
        problems.append(Problem(f"closed: expected a list of dates such as [2011-12-23], got {kind_of(closed)}"))
        return ()
    ranges = []
    for value in closed:
        try:
            parts = re.split(r"\s+to\s+", value.strip()) if isinstance(value, str) else [value]
            if isinstance(value, str) and (len(parts) > 2 or len(re.findall(r"\d{4}-\d\d", value)) > len(parts)):
                raise InputError([f"'{value}' is not a range of dates; write '2011-12-24 to 2012-01-02'"])
            first, last = parse_date(parts[0]), parse_date(parts[-1])
            if last < first:
                raise InputError([f"'{value}' ends before it starts"])
            ranges.append((first, last))
        except InputError as error:
            _add(problems, "closed", error)
    return tuple(ranges)


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
            _add(problems, "open", error)
            continue
        try:
            dates[day] = parse_hours(value)
        except InputError as error:
            _add(problems, f"open: {day}", error)
    return tuple(sorted(dates.items()))


def _parse_holidays(value: object, problems: list[Problem]) -> HolidayRules | None:
    if value is None:
        return None
    messages: list[str] = []
    if isinstance(value, str):
        country, _, state = value.partition("-")
        rules = HolidayRules(country, state or None)
    elif isinstance(value, Mapping):
        rules = _holiday_mapping(value, messages)
    else:
        messages.append(f"expected a country such as 'US', or 'US-CO', or a mapping with 'country', got {kind_of(value)}")
    if not messages:
        messages = _unknown_holidays(rules)
    problems.extend(Problem(f"holidays: {message}") for message in messages)
    return None if messages else rules


def _holiday_mapping(value: Mapping[object, object], messages: list[str]) -> HolidayRules:
    """Return the rules in a mapping, and add its mistakes to `messages`."""
    for key in value:
        if key not in _HOLIDAY_KEYS:
            messages.append(f"'{key}' is not a key ({', '.join(_HOLIDAY_KEYS)}).{nearest(key, _HOLIDAY_KEYS)}")
    country, state = value.get("country"), value.get("state")
    observed, categories = value.get("observed", True), value.get("categories") or ()
    if not isinstance(country, str):
        messages.append("'country' is missing; write for example {country: US, state: CO}")
    if state is not None and not isinstance(state, str | int):
        messages.append(f"state: expected a code such as 'CO', got {kind_of(state)}")
    if not isinstance(observed, bool):
        messages.append(f"observed: expected true or false, got {kind_of(observed)}")
    listed = [categories] if isinstance(categories, str) else categories
    if not isinstance(listed, list | tuple):
        messages.append(f"categories: expected a list such as [public], got {kind_of(categories)}")
        listed = ()
    return HolidayRules(str(country), None if state is None else str(state), bool(observed), tuple(map(str, listed)))


def _unknown_holidays(rules: HolidayRules) -> list[str]:
    """Return a message for each country, state or category that the `holidays` package does not have."""
    import holidays

    # Listing the countries takes half a second: only for the message.
    if re.fullmatch("[A-Z]{2,3}", rules.country) is None or not hasattr(holidays, rules.country):
        hint = nearest(rules.country.upper(), holidays.list_supported_countries())
        return [f"'{rules.country}' is not a country code (ISO 3166, such as 'US', or 'US-CO' with a state).{hint}"]
    known = holidays.country_holidays(rules.country)
    messages = []
    states = [*known.subdivisions, *known.subdivisions_aliases]
    if rules.state is not None and rules.state not in states:
        near = nearest(rules.state, states) or nearest(rules.state.upper(), states)
        allowed = f"allowed: {', '.join(known.subdivisions)}" if known.subdivisions else "it has none"
        messages.append(f"'{rules.state}' is not a state of '{rules.country}' ({allowed}).{near}")
    for category in rules.categories:
        if category not in known.supported_categories:
            allowed = ", ".join(known.supported_categories)
            near = nearest(category, known.supported_categories)
            messages.append(f"'{category}' is not a category of '{rules.country}' (allowed: {allowed}).{near}")
    return messages
