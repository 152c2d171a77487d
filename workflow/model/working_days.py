"""Working days: the days of the week on which an office is open, without its holidays and closed days.

Time limits of rules count them. The calendars of scenarios have hours as well, and read days and holidays with the same
functions.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workflow.errors import InputError, Problem, nearest
from workflow.files.dates import kind_of, parse_date
from workflow.files.validation import format_value
from workflow.imports import bare_package
from workflow.predicates.calendar_days import EPOCH

if TYPE_CHECKING:
    from holidays import HolidayBase

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOSURE_KEYS = ("from", "to", "announced")
_HOLIDAY_KEYS = ("country", "state", "observed", "categories")


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
        return dict(_dates(self, first, last))

    def _dates(self, first: date, last: date) -> dict[date, str]:
        known = self._known()
        if first.year < known.start_year or last.year > known.end_year:
            raise InputError([f"holidays: those of '{self.country}' are known for {known.start_year} to {known.end_year} only"])
        # An adjacent year can observe its holiday in ours: New Year's Day on a Saturday is observed on 31 December.
        names = self._known(range(first.year - 1, last.year + 2))
        return {day: str(names[day]) for day in sorted(names) if first <= day <= last}

    @property
    def years(self) -> tuple[int, int]:
        """Return the first and the last year whose holidays are known."""
        known = self._known()
        return known.start_year, known.end_year

    def _known(self, years: Iterable[int] = ()) -> HolidayBase:
        import holidays

        # Without a language the names in the manifest would depend on the locale.
        plain = _of_country(self.country)
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


@functools.lru_cache(maxsize=1000)
def _dates(rules: HolidayRules, first: date, last: date) -> dict[date, str]:
    """Return the holidays between two dates. Calendars and variants of a scenario often have the same ones."""
    return rules._dates(first, last)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The days that count as working days."""

    weekdays: tuple[int, ...]
    """Monday is 0."""

    holidays: HolidayRules | None = None
    closed: tuple[tuple[date, date], ...] = ()
    """First and last day, both included."""

    open: tuple[date, ...] = ()
    """Days that count in any case."""

    def days(self, first: int, last: int) -> NDArray[np.int64]:
        """Return the working days from one day to another, both included, in days since 1970.

        Raises
        ------
        InputError
            If the holidays of a year are not known, or a day is outside the calendar.
        """
        try:
            begin, end = date.fromordinal(first + EPOCH), date.fromordinal(last + EPOCH)
        except (ValueError, OverflowError):
            raise InputError(["working days: are known for the years 1 to 9999 only"]) from None
        days = np.arange(first, last + 1)
        works = np.isin((days + 3) % 7, self.weekdays)  # 1970-01-01 was a Thursday
        off = [] if self.holidays is None else [day.toordinal() - EPOCH for day in self.holidays.dates(begin, end)]
        works[np.isin(days, off)] = False
        for start, stop in self.closed:
            works[max(start.toordinal() - EPOCH - first, 0) : max(stop.toordinal() - EPOCH - first + 1, 0)] = False
        works[np.isin(days, [day.toordinal() - EPOCH for day in self.open])] = True
        return days[works]

    def after(self, days: NDArray[np.int64], n: int) -> NDArray[np.int64]:
        """Return the n-th working day after each day; the day itself for n = 0.

        Parameters
        ----------
        days : ndarray of int64
            In days since 1970.

        Raises
        ------
        InputError
            As `days` does.
        """
        if n == 0 or not len(days):
            return days
        first, last = int(days.min()), int(days.max())
        reach = 2 * n + 30
        while True:
            working = self.days(first, last + reach)
            place = np.searchsorted(working, days, side="right") + n - 1
            if int(place.max()) < len(working):
                return working[place]
            reach *= 2


BUILT_IN = "weekdays"
"""The name of the calendar of Monday to Friday without holidays."""


@functools.cache
def named_working_days(name: str) -> WorkingDays:
    """Return a built-in calendar: `weekdays`, or Monday to Friday without the holidays of a country, such as `US-CO`.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name == BUILT_IN:
        return WorkingDays(tuple(range(5)))
    allowed = (
        f"A calendar is {BUILT_IN} (Monday to Friday), a country (Monday to Friday without its holidays),"
        " or a mapping such as {days: mon-fri, holidays: US-CO, closed: [2024-12-24]}"
    )
    if re.fullmatch("[A-Za-z]{2,3}(-.*)?", name) is None:
        scenario = (
            "A rule does not read the calendars of a scenario, because it holds in all of them: copy the mapping of one here"
        )
        raise InputError([f"'{name}' is not a calendar.{nearest(name, [BUILT_IN])} {allowed}. {scenario}"])
    problems: list[Problem] = []
    rules = parse_holidays(name, problems)
    if problems:
        raise InputError([f"{problems[0].message.removeprefix('holidays: ')} {allowed}"])
    return WorkingDays(tuple(range(5)), rules)


_KEYS = ("days", "holidays", "closed", "open")


def parse_working_days(value: object) -> WorkingDays:
    """Read the working days of a time limit.

    Parameters
    ----------
    value : str or mapping
        A built-in name (see `named_working_days`), or `days` (such as mon-fri), and optionally `holidays`, `closed` and `open`
        as in the calendars of scenarios. A calendar of a scenario may be copied: of its `hours`, only the days are read.

    Raises
    ------
    InputError
        With all mistakes; the messages have no position.

    Examples
    --------
    >>> parse_working_days({"days": "mon-thu", "closed": ["2024-12-24 to 2024-12-31"]}).weekdays
    (0, 1, 2, 3)
    """
    if isinstance(value, str):
        return named_working_days(value)
    if not isinstance(value, Mapping):
        raise InputError([f"must be a name such as US-CO, or a mapping with days and holidays, not {format_value(value)}"])
    problems: list[Problem] = []
    entry = dict(value)
    hours = entry.pop("hours", None)
    if isinstance(hours, Mapping) and "days" not in entry:
        entry["days"] = [day for day, times in hours.items() if times not in ("closed", [])]
    problems += [Problem(f"'{key}' is not a key ({', '.join(_KEYS)}).{nearest(key, _KEYS)}") for key in entry if key not in _KEYS]
    weekdays: list[int] = []
    given = entry.get("days", "mon-fri")
    for key in given if isinstance(given, list | tuple) else [given]:
        try:
            weekdays += parse_weekdays(key)
        except InputError as error:
            add_problems(problems, "days", error)
    opened = entry.get("open")
    opened = list(opened) if isinstance(opened, Mapping) else opened
    days = WorkingDays(
        tuple(sorted(set(weekdays))),
        parse_holidays(entry.get("holidays"), problems),
        parse_closed(entry.get("closed"), problems, "closed"),
        tuple(first for first, _ in parse_closed(opened, problems, "open")),
    )
    if not weekdays and not problems:
        problems.append(Problem("days: must name at least one day of the week"))
    if problems:
        raise InputError(problems)
    return days


def add_problems(problems: list[Problem], key: str, error: InputError) -> None:
    """Add the problems of an error, each with its key."""
    problems.extend(Problem(f"{key}: {problem.message}") for problem in error.problems)


def parse_weekdays(key: object) -> list[int]:
    """Return the weekdays, Monday 0, of "mon-fri" or "mon,wed"; "sat-mon" wraps around the end of the week."""
    weekdays: list[int] = []
    for part in str(key).lower().split(","):
        ends = [_weekday(word.strip(), key) for word in part.split("-", 1)]
        weekdays.extend((ends[0] + k) % 7 for k in range((ends[-1] - ends[0]) % 7 + 1))
    return weekdays


def _weekday(word: str, key: object) -> int:
    if word not in DAY_NAMES:
        where = "" if str(key).lower() == word else f" in '{key}'"
        hint = nearest(word, DAY_NAMES)
        raise InputError([f"'{word}'{where} is not a weekday ({', '.join(DAY_NAMES)}, or a range 'mon-fri').{hint}"])
    return DAY_NAMES.index(word)


def parse_closed(closed: object, problems: list[Problem], key: str = "closed") -> tuple[tuple[date, date], ...]:
    """Read dates, ranges of dates, and closures that are announced; both ends are included."""
    if closed is None:
        return ()
    if not isinstance(closed, list | tuple):
        problems.append(Problem(f"{key}: expected a list of dates such as [2011-12-23], got {kind_of(closed)}"))
        return ()
    ranges = []
    for value in closed:
        try:
            if isinstance(value, Mapping):
                ranges.append(_announced_closure(value)[:2])
                continue
            parts = re.split(r"\s+to\s+", value.strip()) if isinstance(value, str) else [value]
            if isinstance(value, str) and (len(parts) > 2 or len(re.findall(r"\d{4}-\d\d", value)) > len(parts)):
                raise InputError([f"'{value}' is not a range of dates; write '2011-12-24 to 2012-01-02'"])
            first, last = parse_date(parts[0]), parse_date(parts[-1])
            if last < first:
                raise InputError([f"'{value}' ends before it starts"])
            ranges.append((first, last))
        except InputError as error:
            add_problems(problems, key, error)
    return tuple(ranges)


def parse_announced(closed: object) -> tuple[tuple[date, date, date], ...]:
    """Read the closures that have a date on which they are announced: first and last date, and that date.

    `parse_closed` reports mistakes.
    """
    announced = []
    for value in closed if isinstance(closed, list | tuple) else ():
        with suppress(InputError):
            if isinstance(value, Mapping):
                announced.append(_announced_closure(value))
    return tuple(announced)


def _announced_closure(value: Mapping[object, object]) -> tuple[date, date, date]:
    """Read ``{from: date, to: date, announced: date}``; without `to`, it is one day."""
    for key in value:
        if key not in _CLOSURE_KEYS:
            raise InputError(
                [f"'{key}' is not a key of a closure ({', '.join(_CLOSURE_KEYS)}).{nearest(str(key), _CLOSURE_KEYS)}"]
            )
    missing = next((key for key in ("from", "announced") if key not in value), None)
    if missing is not None:
        example = "{from: 2024-03-25, to: 2024-03-29, announced: 2024-03-20}, or '2024-03-25 to 2024-03-29'"
        raise InputError([f"{missing}: is missing; write {example}"])
    first, announced = parse_date(value["from"]), parse_date(value["announced"])
    last = parse_date(value["to"]) if "to" in value else first
    if last < first:
        raise InputError([f"to: {last} is before from: {first}"])
    if announced > first:
        raise InputError(
            [f"announced: {announced} is after from: {first}; a closure is announced on its first day at the latest"]
        )
    return first, last, announced


def parse_holidays(value: object, problems: list[Problem]) -> HolidayRules | None:
    """Read a country, a state of it, or a mapping."""
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


def _of_country(code: str) -> HolidayBase:
    """Return the holidays of a country. The first one would import all countries, which takes longer than a small run."""
    import holidays

    with bare_package("holidays.countries"):
        return holidays.country_holidays(code)


def _unknown_holidays(rules: HolidayRules) -> list[str]:
    """Return a message for each country, state or category that the `holidays` package does not have."""
    import holidays

    # Listing the countries takes half a second: only for the message.
    if re.fullmatch("[A-Z]{2,3}", rules.country) is None or not hasattr(holidays, rules.country):
        hint = nearest(rules.country.upper(), holidays.list_supported_countries())
        return [f"'{rules.country}' is not a country code (ISO 3166, such as 'US', or 'US-CO' with a state).{hint}"]
    known = _of_country(rules.country)
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
