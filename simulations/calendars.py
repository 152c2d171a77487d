"""When is work done? Weekly hours, holidays, closures and extra days, compiled to exact working time.

A calendar is a set of half-open working spells. W(t), the time worked from the start up to t, is
piecewise linear and whole, so the end of suspended work is a look-up: the least t with
W(t) = W(s) + p. `parse_calendar` reads what the scenario file says, `CalendarSpec.compile` lays it over
the dates of a run, and `Calendar` answers the engines.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from simulations.clock import MICROSECONDS_PER_DAY, Epoch, Spell, format_hours, parse_date, parse_hours
from workflow.errors import InputError, Problem, nearest

if TYPE_CHECKING:
    from holidays import HolidayBase

__all__ = ["FAR", "Calendar", "CalendarSpec", "HolidayRules", "ShiftEnd", "parse_calendar"]

FAR: Final = 2**62
"""Where an endless spell closes: 146,000 years, so that sums with it still fit into 64 bits."""

_DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOLIDAY_KEYS = ("country", "state", "observed", "categories")
_ONE_DAY = timedelta(days=1)


class ShiftEnd(StrEnum):
    """What becomes of work in hand when its shift ends."""

    SUSPEND = "suspend"
    """It rests off shift and goes on at the next opening."""

    FINISH = "finish"
    """It is finished; what lies off shift is overtime."""

    FIT = "fit"
    """It is started only if it ends within the spell."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working spells of one calendar over a run.

    Times are whole microseconds since the scenario's start. Build one with `CalendarSpec.compile`,
    `from_spells` or `always_open`.
    """

    name: str
    """As in the scenario file."""

    opens: tuple[int, ...]
    """Start of each spell, at least 0, increasing."""

    closes: tuple[int, ...]
    """End of each spell, itself outside; at most the next opening. Touching spells are separate."""

    worked: tuple[int, ...]
    """Working time before each spell, and after them all as one entry more."""

    days: tuple[int, ...]
    """The date each spell belongs to, in days since the start: -1 for one begun the evening before."""

    longest: int
    """Length of the longest spell, also of those after the run's end: a longer run changes no decision of `fit`."""

    holidays: tuple[tuple[str, str], ...] = ()
    """Holidays in the run: ISO date and name, whether or not the weekday has hours."""

    closed: tuple[str, ...] = ()
    """Closures in the run: ISO dates."""

    extra: tuple[tuple[str, str], ...] = ()
    """Dates in the run with hours of their own: ISO date and hours."""

    @classmethod
    def from_spells(cls, name: str, spells: Iterable[tuple[int, int]]) -> Calendar:
        """Return the calendar of given spells.

        Parameters
        ----------
        name : str
            What messages call it.
        spells : iterable of (int, int)
            Opening and closing of each, in microseconds since the start, in order; at least 0.

        Raises
        ------
        InputError
            If a spell is empty, starts before 0, or before the end of the one before it.

        Examples
        --------
        >>> Calendar.from_spells("bench", [(5, 10), (15, 30)]).complete(9, 3)
        17
        """
        listed = tuple((int(start), int(end)) for start, end in spells)
        for before, (start, end) in zip((0, *(end for _, end in listed)), listed, strict=False):
            if not before <= start < end:
                raise InputError(
                    [f"calendar '{name}': the spell from {start} to {end} is empty, or starts before {before}"]
                )
        days = tuple(start // MICROSECONDS_PER_DAY for start, _ in listed)
        return cls._build(name, listed, days, max((end - start for start, end in listed), default=0))

    @classmethod
    def always_open(cls, name: str = "always open") -> Calendar:
        """Return one endless spell: the calendar of a pool that names none."""
        return cls._build(name, ((0, FAR),), (0,), FAR)

    @classmethod
    def _build(
        cls, name: str, spells: Sequence[tuple[int, int]], days: tuple[int, ...], longest: int, **dates_used: object
    ) -> Calendar:
        worked = itertools.accumulate((end - start for start, end in spells), initial=0)
        opens, closes = tuple(start for start, _ in spells), tuple(end for _, end in spells)
        return cls(name, opens, closes, tuple(worked), days, longest, **dates_used)  # type: ignore[arg-type]

    def working_time(self, t: int) -> int:
        """Return W(t): the microseconds worked from the start up to t."""
        k = bisect_right(self.opens, t) - 1
        if k < 0:
            return 0
        return self.worked[k] + min(t, self.closes[k]) - self.opens[k]

    def spell_at(self, t: int) -> int | None:
        """Return the index of the spell that contains t, ``None`` if t is off shift."""
        k = bisect_right(self.opens, t) - 1
        return k if k >= 0 and t < self.closes[k] else None

    def next_opening(self, t: int) -> int | None:
        """Return the first opening later than t, ``None`` if there is none in the run; -1 asks for the first of all."""
        k = bisect_right(self.opens, t)
        return self.opens[k] if k < len(self.opens) else None

    def complete(self, start: int, length: int, rule: str = ShiftEnd.SUSPEND) -> int | None:
        """Return when work completes.

        Parameters
        ----------
        start : int
            When it is started, in microseconds; on shift, except that a delay may start at any time.
        length : int
            Its processing time in microseconds, at least 0. Work of length 0 ends at its start.
        rule : ShiftEnd or str
            ``suspend``: the least t >= start with W(t) = W(start) + length. ``finish`` and ``fit``:
            start + length; for ``fit`` ask `fits` first.

        Returns
        -------
        int or None
            The completion in microseconds; ``None`` if the calendar's spells end before the work does.

        Examples
        --------
        Friday 16:00 plus an hour, on Monday to Friday 08:00-16:30, is Monday 08:30:

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
            if rule != "finish" and rule != "fit":
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

        It may if it ends within the spell that contains `start`; work longer than the longest spell of
        the whole calendar may start at an opening, and runs over.
        """
        k = self.spell_at(start)
        if k is None:
            return False
        return start + length <= self.closes[k] or (length > self.longest and start == self.opens[k])

    def overtime(self, start: int, completion: int) -> int:
        """Return the microseconds of [start, completion) that lie off shift."""
        return completion - start - (self.working_time(completion) - self.working_time(start))

    def working_days(self) -> Calendar:
        """Return whole-day spells on the dates on which a spell starts: the calendar of a delay in working days."""
        if self._endless:
            return self
        dates = tuple(sorted({day for day in self.days if day >= 0}))
        spells = [(day * MICROSECONDS_PER_DAY, (day + 1) * MICROSECONDS_PER_DAY) for day in dates]
        used = {"holidays": self.holidays, "closed": self.closed, "extra": self.extra}
        return self._build(self.name, spells, dates, MICROSECONDS_PER_DAY, **used)

    def n_working_days(self, start: int, end: int) -> int:
        """Return how many working dates begin (at 00:00) in [start, end), both in microseconds.

        Examples
        --------
        >>> Calendar.always_open().n_working_days(0, 7 * MICROSECONDS_PER_DAY)
        7
        """
        first, last = -(-start // MICROSECONDS_PER_DAY), -(-end // MICROSECONDS_PER_DAY)
        if self._endless:
            return max(0, last - first)
        return len(set(self.days[bisect_left(self.days, first) : bisect_left(self.days, last)]))

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


@dataclass(frozen=True, slots=True)
class HolidayRules:
    """Public holidays of a country, or of a state in it, as the `holidays` package knows them."""

    country: str
    """ISO 3166 code."""

    state: str | None = None
    """State, province or land; ``None`` for the country's own holidays (in the US, the federal ones)."""

    observed: bool = True
    """Whether the weekday on which a weekend holiday is kept is a holiday as well as the day itself."""

    categories: tuple[str, ...] = ()
    """The package's categories; empty means its usual ones. A holiday closes the whole date."""

    def dates(self, first: date, last: date) -> dict[date, str]:
        """Return the holidays from `first` to `last`, both included, in order, with their English names if known.

        Raises
        ------
        InputError
            If the package does not know the holidays of these years.
        """
        known = self._known()
        if first.year < known.start_year or last.year > known.end_year:
            raise InputError(
                [f"holidays: those of '{self.country}' are known for {known.start_year} to {known.end_year} only"]
            )
        # A neighbouring year may move its holiday into ours: New Year's Day on a Saturday is kept on 31 December.
        found = self._known(range(first.year - 1, last.year + 2))
        return {day: str(found[day]) for day in sorted(found) if first <= day <= last}

    def _known(self, years: Iterable[int] = ()) -> HolidayBase:
        import holidays

        # Without a language the names would follow the environment's locale, and the manifest with them.
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
    """A calendar as written, without a clock yet."""

    weekly: tuple[tuple[Spell, ...], ...]
    """The hours of Monday to Sunday."""

    holidays: HolidayRules | None = None
    closed: tuple[tuple[date, date], ...] = ()
    """Closures: first and last date, both included."""

    extra: tuple[tuple[date, tuple[Spell, ...]], ...] = ()
    """Dates whose hours replace the weekly ones, holidays and closures."""

    def compile(self, name: str, epoch: Epoch, ends: date) -> Calendar:
        """Lay the calendar over the dates of a run.

        A spell belongs to the date on which it starts, for holidays and closures too. One begun the
        evening before the start counts from time 0; one begun on the last date keeps its full length.

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
            If spells overlap, `ends` lies before the start, or the holidays of a year are not known.
        """
        if ends < epoch.start:
            raise InputError([f"ends: '{ends}' lies before the start, '{epoch.start}'"])
        # Nothing reaches further than one midnight, so one date before the start is enough.
        first = epoch.start - _ONE_DAY if epoch.start > date.min else epoch.start
        holidays = {} if self.holidays is None else self.holidays.dates(first, ends)
        closed = {day for start, end in self.closed for day in _days(max(start, first), min(end, ends))}
        extra = dict(self.extra)
        spells: list[tuple[int, int]] = []
        days: list[int] = []
        for day in _days(first, ends):
            off = day in closed or day in holidays
            midnight = epoch.microseconds(day)
            for spell in extra.get(day, () if off else self.weekly[day.weekday()]):
                start, end = midnight + spell.start, midnight + spell.end
                if spells and start < spells[-1][1]:
                    raise InputError(
                        [f"hours: those of {day} ({format_hours([spell])}) overlap those of the day before"]
                    )
                spells.append((start, end))
                days.append(midnight // MICROSECONDS_PER_DAY)
        reached = [(max(0, start), end, day) for (start, end), day in zip(spells, days, strict=True) if end > 0]
        return Calendar._build(
            name,
            [(start, end) for start, end, _ in reached],
            tuple(day for *_, day in reached),
            self._longest(epoch.start),
            holidays=tuple((day.isoformat(), text) for day, text in holidays.items() if day >= epoch.start),
            closed=tuple(day.isoformat() for day in sorted(closed) if day >= epoch.start),
            extra=tuple((d.isoformat(), format_hours(h)) for d, h in sorted(self.extra) if epoch.start <= d <= ends),
        )

    def _longest(self, start: date) -> int:
        """Return the longest spell of the weekly hours and of the extra days not before the start."""
        dated = (hours for day, hours in self.extra if day >= start)
        return max((spell.end - spell.start for hours in (*self.weekly, *dated) for spell in hours), default=0)


def _days(first: date, last: date) -> Iterable[date]:
    """Yield the dates from first to last, both included."""
    return map(date.fromordinal, range(first.toordinal(), last.toordinal() + 1))


def parse_calendar(hours: object, *, holidays: object = None, closed: object = (), open: object = None) -> CalendarSpec:
    """Read a calendar as a scenario file gives it.

    Parameters
    ----------
    hours : mapping
        Working hours (see `parse_hours`) by weekday: "mon", a range "mon-fri", a list "mon,wed". Days that
        are not named have none; no day may be named twice.
    holidays : str or mapping, optional
        "US", "US-CO", or a mapping with `country` and perhaps `state`, `observed`, `categories`.
    closed : list, optional
        Dates, and ranges such as "2011-12-24 to 2012-01-02", both included.
    open : mapping, optional
        Working hours by date. They replace whatever the date would have had.

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
    """Take over an error's problems, each under its key."""
    problems.extend(Problem(f"{key}: {problem.message}") for problem in error.problems)


def _parse_weekly(hours: object, problems: list[Problem]) -> tuple[tuple[Spell, ...], ...]:
    weekly: dict[int, tuple[Spell, ...]] = {}
    named: dict[int, object] = {}
    if not isinstance(hours, Mapping):
        problems.append(Problem(f"hours: expected hours by weekday such as {{mon-fri: '08:00-16:30'}}, got '{hours}'"))
        return ()
    for key, value in hours.items():
        try:
            weekdays = _parse_weekdays(key)
            for weekday in weekdays:
                if weekday in named:
                    both = f"'{named[weekday]}' and '{key}'" if named[weekday] != key else f"'{key}'"
                    raise InputError([f"'{_DAY_NAMES[weekday]}' is named twice, in {both}"])
                named[weekday] = key
        except InputError as error:
            _add(problems, "hours", error)
            weekdays = []
        try:
            weekly.update(dict.fromkeys(weekdays, parse_hours(value)))
        except InputError as error:
            _add(problems, f"hours: {key}", error)
    return tuple(weekly.get(weekday, ()) for weekday in range(7))


def _parse_weekdays(key: object) -> list[int]:
    """Return the weekdays, Monday 0, that "mon-fri" or "mon,wed" names; "sat-mon" goes round the week's end."""
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
        problems.append(Problem(f"closed: expected a list of dates such as [2011-12-23], got '{closed}'"))
        return ()
    ranges = []
    for value in closed:
        try:
            parts = re.split(r"\s+to\s+", value.strip()) if isinstance(value, str) else [value]
            if len(parts) > 2:
                raise InputError([f"'{value}' is not a range of dates; write '2011-12-24 to 2012-01-02'"])
            first, last = parse_date(parts[0]), parse_date(parts[-1])
            if last < first:
                raise InputError([f"'{value}' ends before it starts"])
            ranges.append((first, last))
        except InputError as error:
            _add(problems, "closed", error)
    return tuple(ranges)


def _parse_open(extra: object, problems: list[Problem]) -> tuple[tuple[date, tuple[Spell, ...]], ...]:
    if extra is None:
        return ()
    if not isinstance(extra, Mapping):
        problems.append(Problem(f"open: expected hours by date such as {{2011-12-10: '08:00-16:30'}}, got '{extra}'"))
        return ()
    dates: dict[date, tuple[Spell, ...]] = {}
    for key, value in extra.items():
        try:
            day = parse_date(key)
            if day in dates:
                raise InputError([f"'{day}' is named twice"])
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
    found: list[str] = []
    if isinstance(value, str):
        country, _, state = value.partition("-")
        rules = HolidayRules(country, state or None)
    elif isinstance(value, Mapping):
        rules = _holiday_mapping(value, found)
    else:
        found.append(f"expected a country such as 'US', or 'US-CO', or a mapping with 'country', got '{value}'")
    if not found:
        found = _unknown_holidays(rules)
    problems.extend(Problem(f"holidays: {message}") for message in found)
    return None if found else rules


def _holiday_mapping(value: Mapping[object, object], found: list[str]) -> HolidayRules:
    """Return the rules a mapping gives; what is wrong with it goes into `found`."""
    for key in value:
        if key not in _HOLIDAY_KEYS:
            found.append(f"'{key}' is not a key ({', '.join(_HOLIDAY_KEYS)}).{nearest(key, _HOLIDAY_KEYS)}")
    country, state = value.get("country"), value.get("state")
    observed, categories = value.get("observed", True), value.get("categories") or ()
    if not isinstance(country, str):
        found.append("'country' is missing; write for example {country: US, state: CO}")
    if state is not None and not isinstance(state, str | int):
        found.append(f"state: expected a code such as 'CO', got '{state}'")
    if not isinstance(observed, bool):
        found.append(f"observed: expected true or false, got '{observed}'")
    listed = [categories] if isinstance(categories, str) else categories
    if not isinstance(listed, list | tuple):
        found.append(f"categories: expected a list such as [public], got '{categories}'")
        listed = ()
    return HolidayRules(str(country), None if state is None else str(state), bool(observed), tuple(map(str, listed)))


def _unknown_holidays(rules: HolidayRules) -> list[str]:
    """Return what the `holidays` package does not know about a country, its state or its categories."""
    import holidays

    # Listing the countries loads them all, half a second: only for the message.
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
