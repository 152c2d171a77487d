"""Conversion of dates, durations and rates to whole microseconds, and back.

An engine measures time in whole microseconds since 00:00 of the scenario's first date, in local wall-clock time without
a zone. Files have dates, "27 minutes" and "0.02 per year". Only this module converts between them. A length is
rounded once, when it is read, so 09:00 plus 30 minutes is exactly 09:30.
"""

from __future__ import annotations

import calendar
import itertools
import math
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import NamedTuple

from workflow.errors import InputError, Problem, nearest
from workflow.files.dates import kind_of
from workflow.predicates.calendar_days import EPOCH, add_months

MICROSECONDS_PER_SECOND = 1_000_000
MICROSECONDS_PER_MINUTE = 60 * MICROSECONDS_PER_SECOND
MICROSECONDS_PER_HOUR = 60 * MICROSECONDS_PER_MINUTE
MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR
MICROSECONDS_PER_YEAR = 1461 * MICROSECONDS_PER_DAY // 4
"""365.25 days. A month is a twelfth of it, also a whole number of seconds."""

UNITS = {
    "second": MICROSECONDS_PER_SECOND,
    "minute": MICROSECONDS_PER_MINUTE,
    "hour": MICROSECONDS_PER_HOUR,
    "day": MICROSECONDS_PER_DAY,
    "week": 7 * MICROSECONDS_PER_DAY,
    "month": MICROSECONDS_PER_YEAR // 12,
    "year": MICROSECONDS_PER_YEAR,
    "working day": MICROSECONDS_PER_DAY,
}
"""Units of time in files, with their lengths in microseconds."""
_MONTHS_IN = {"month": 1, "year": 12}
_UNIT_WORDS = {word: unit for unit in UNITS for word in (unit, unit + "s")}
_UNITS_TEXT = "seconds, minutes, hours, days, weeks, months, years, working days"
_LONGEST_YEARS = 1000
_DIGITS = 60
"""Decimal digits used to scale a number from a file."""

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_DIVISOR = re.compile(r"/ ?([0-9]{1,15})(?![.0-9]) ?")
_NOT_FINITE = re.compile(r"[-+]?\.?(?:nan|inf|infinity)\b", re.IGNORECASE)
_CLOCK_TIME = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?"
_HOURS = re.compile(rf"{_CLOCK_TIME} ?- ?{_CLOCK_TIME}")
_RATE_EXAMPLES = "'0.02 per year' or '16.5% within 3 years'"


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of calendar time, or of working days."""

    microseconds: int
    """At least 0; 24 hours for each working day if `working`."""

    working: bool = False
    """Whether it counts the working days of a calendar."""

    months: int | None = field(default=None, compare=False, repr=False)
    """The number of calendar months, if it is given as a whole number of months or years."""

    in_months: bool = field(default=False, compare=False, repr=False)
    """Whether it is given in months or years."""


class WorkingInterval(NamedTuple):
    """A half-open working interval, in microseconds since 00:00 of the date on which it starts."""

    start: int
    """At least 0 and less than 24 hours."""

    end: int
    """Later than `start`; beyond 24 hours if the interval crosses midnight."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Time 0 of a run: 00:00 of the scenario's first date.

    Examples
    --------
    >>> epoch = Epoch(date(2011, 12, 5))
    >>> epoch.instant(epoch.microseconds(datetime(2011, 12, 6, 9, 30)))
    datetime.datetime(2011, 12, 6, 9, 30)
    """

    start: date

    def __post_init__(self) -> None:
        if isinstance(self.start, datetime):
            raise InputError([f"'{self.start}' has a time of day; a scenario starts at 00:00 of a date"])

    @property
    def since_1970(self) -> int:
        """Return the microseconds from 1970 to the start."""
        return self.day * MICROSECONDS_PER_DAY

    def microseconds(self, instant: date) -> int:
        """Return the microseconds from the start to a naive datetime, or to 00:00 of a date."""
        at = instant if isinstance(instant, datetime) else datetime.combine(instant, time())
        return (at - datetime.combine(self.start, time())) // timedelta(microseconds=1)

    def months_later(self, microseconds: int, months: int) -> int:
        """Return the same time of day on the same day of another month, or on the last day of a shorter month.

        Examples
        --------
        >>> epoch = Epoch(date(2024, 1, 31))
        >>> str(epoch.instant(epoch.months_later(MICROSECONDS_PER_HOUR, 1)))
        '2024-02-29 01:00:00'
        """
        day = microseconds // MICROSECONDS_PER_DAY
        later: int = add_months(day + self.day, months) - self.day
        return microseconds + (later - day) * MICROSECONDS_PER_DAY

    @property
    def day(self) -> int:
        """Return the first date in days since 1970."""
        return self.start.toordinal() - EPOCH

    def end_of(self, day: date) -> int:
        """Return 24:00 of a date in microseconds since the start."""
        return ((day.toordinal() - self.start.toordinal()) + 1) * MICROSECONDS_PER_DAY

    def instant(self, microseconds: int) -> datetime:
        """Return the exact wall-clock time of whole microseconds since the start."""
        return datetime.combine(self.start, time()) + timedelta(microseconds=operator.index(microseconds))

    def date(self, microseconds: int) -> date:
        """Return the date of microseconds since the start; 24:00 belongs to the next date."""
        return date.fromordinal(self.start.toordinal() + operator.index(microseconds) // MICROSECONDS_PER_DAY)


def _text(value: object, what: str, example: str) -> str:
    """Return a string with single spaces; a bare number passes, for a message about its unit."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError([f"expected {what} such as '{example}', got {kind_of(value)}"])
    return " ".join(str(value).split())


def _split_number(text: str, what: str, example: str) -> tuple[Decimal, str]:
    """Split a string into its leading number and the rest."""
    if _NOT_FINITE.match(text):
        raise InputError([f"'{text}' is not {what}: its number must be finite; write for example '{example}'"])
    match = _NUMBER.match(text)
    if match is None:
        raise InputError([f"'{text}' does not start with a number; write for example '{example}'"])
    rest = text[match.end() :].strip()
    if rest.startswith(","):
        raise InputError([f"'{text}' has a comma in its number; write for example '1000.5' for a thousand and a half"])
    number = Decimal(match[0])
    if number < 0:
        raise InputError([f"'{text}' is negative; {what} is at least 0"])
    return number, rest


def _split_fraction(text: str, what: str, example: str) -> tuple[Decimal, int, str]:
    """Split a string into its leading number, the whole number after a slash (1 without one), and the rest."""
    number, rest = _split_number(text, what, example)
    match = _DIVISOR.match(rest)
    if match is None:
        return number, 1, rest
    if number != int(number) or int(match[1]) == 0:
        message = "a fraction is of whole numbers, the second not 0; write for example '60/19 per hour'"
        raise InputError([f"'{text}' is not {what}: {message}"])
    return number, int(match[1]), rest[match.end() :]


def _unit(word: str, text: str) -> str:
    """Return the unit of a singular or plural word."""
    unit = _UNIT_WORDS.get(word.lower())
    if unit is None:
        hint = nearest(word.lower(), _UNIT_WORDS)
        raise InputError([f"'{word}' in '{text}' is not a unit of time (units: {_UNITS_TEXT}).{hint}"])
    return unit


def parse_duration(text: object) -> Duration:
    """Read a length of time with its unit.

    Parameters
    ----------
    text : str
        A number with a unit (seconds, minutes, hours, days, weeks, months, years, working days), singular or plural;
        from 0 to 1,000 years. A year has 365.25 days, a month is a twelfth of it; `Duration.months` has the calendar months.

    Returns
    -------
    Duration
        Rounded once, half to even, to whole microseconds.

    Raises
    ------
    InputError
        If it is not a length of time or has no unit; the message has no position.

    Examples
    --------
    >>> parse_duration("1.5 hours")
    Duration(microseconds=5400000000, working=False)
    >>> parse_duration("3 working days").working
    True
    """
    text = _text(text, "a duration", "27 minutes")
    number, word = _split_number(text, "a duration", "27 minutes")
    if not word:
        raise InputError([f"'{text}' has no unit; write for example '{text} minutes' ({_UNITS_TEXT})"])
    unit = _unit(word, text)
    with localcontext() as context:
        context.prec = _DIGITS
        length = number * UNITS[unit]
        if length > _LONGEST_YEARS * MICROSECONDS_PER_YEAR:
            raise InputError([f"'{text}' is longer than {_LONGEST_YEARS} years, the longest duration"])
        in_months = number * _MONTHS_IN[unit] if unit in _MONTHS_IN else None
        months = int(in_months) if in_months is not None and in_months == int(in_months) else None
        whole = int(length.to_integral_value(ROUND_HALF_EVEN))
        return Duration(whole, unit == "working day", months, in_months is not None)


def _rate_span(span: str, text: str) -> int:
    """Return the microseconds of the span after "per" or "within" in a rate."""
    if not span:
        raise InputError([f"'{text}' has no unit of time; write for example '0.02 per year'"])
    length = parse_duration(span if span[0] in "+-.0123456789" else f"1 {_unit(span, text)}")
    if length.working:
        raise InputError([f"'{text}' counts working days; a rate counts calendar time, for example '0.2 per day'"])
    if length.microseconds == 0:
        raise InputError([f"'{text}' has a span of zero length; write for example '0.02 per year'"])
    return length.microseconds


def parse_rate(text: object) -> float:
    """Read a rate of events, or a constant hazard from its probability within a span.

    Parameters
    ----------
    text : str
        "0.02 per year", "60/19 per hour", "250 per month" (any calendar unit), or "16.5% within 3 years": the hazard h with
        1 - exp(-h * span) = 0.165.

    Returns
    -------
    float
        Events per day of 24 hours, at least 0.

    Raises
    ------
    InputError
        If it is neither; the message has no position.

    Examples
    --------
    >>> parse_rate("0.2 per minute")
    288.0
    >>> parse_rate("60/19 per hour") == 60 / 19 * 24
    True
    >>> round(parse_rate("16.5% within 3 years") * 365.25, 6)  # -ln(1 - 0.165) / 3 per year
    0.060108
    """
    text = _text(text, "a rate", "0.02 per year")
    number, divisor, rest = _split_fraction(text, "a rate", "0.02 per year")
    percent = rest.startswith("%")
    word, _, span = rest.removeprefix("%").strip().partition(" ")
    if word not in ("per", "within"):
        if not word:
            raise InputError([f"'{text}' has no unit; write for example {_RATE_EXAMPLES}"])
        hint = nearest(word, ("per", "within"))
        raise InputError([f"'{text}' is not a rate; write for example {_RATE_EXAMPLES}.{hint}"])
    if percent and word == "per":
        raise InputError([f"'{text}' is a share, not a number of events; write for example {_RATE_EXAMPLES}"])
    microseconds = _rate_span(span, text)
    if word == "within":
        p_event = float(number) / (100 * divisor if percent else divisor)
        if p_event >= 1:
            raise InputError([f"'{text}' is not a probability below 1 (below 100%), as a constant hazard needs"])
        return -math.log1p(-p_event) / (microseconds / MICROSECONDS_PER_DAY)
    with localcontext() as context:
        context.prec = _DIGITS
        per_microsecond = number / (divisor * microseconds)
        if per_microsecond > 1:
            raise InputError([f"'{text}' is more than one event per microsecond, the resolution of time"])
        return float(per_microsecond * MICROSECONDS_PER_DAY)


class PerPeriod(NamedTuple):
    """A number of events in each day, calendar month or calendar year; within working hours also hour or week."""

    number: float
    period: str
    """``hour``, ``day``, ``week``, ``month`` or ``year``."""


def parse_arrival_rate(text: object) -> PerPeriod:
    """Read a rate of arrivals as `parse_rate` does. A rate per month or year follows the calendar.

    Examples
    --------
    >>> parse_arrival_rate("310 per month")
    PerPeriod(number=310.0, period='month')
    >>> parse_arrival_rate("12 per hour")
    PerPeriod(number=288.0, period='day')
    """
    words = str(text).split()
    if "working" in words:
        raise InputError([f"'{text}' counts working days; give the stream a calendar:, or a rate in calendar time"])
    per_day = parse_rate(text)
    period = words[-1].lower().removesuffix("s")
    if period not in ("month", "year") or "per" not in words:
        return PerPeriod(per_day, "day")
    return PerPeriod(per_day * (UNITS[period] / MICROSECONDS_PER_DAY), period)


def parse_working_rate(text: object) -> PerPeriod:
    """Read a rate of arrivals within working hours: per working hour, working day, week, month or year.

    Returns
    -------
    PerPeriod
        The period of minutes and seconds is ``hour``.

    Examples
    --------
    >>> parse_working_rate("9 per working day")
    PerPeriod(number=9.0, period='day')
    >>> parse_working_rate("0.2 per minute")
    PerPeriod(number=12.0, period='hour')
    """
    words = _text(text, "a rate", "9 per day").split()
    if "within" in words:
        raise InputError([f"'{text}' is a probability; within working hours write for example '9 per day' or '2 per hour'"])
    per_day = parse_rate(" ".join(word for word in words if word != "working"))
    unit = _unit(words[-1], str(text))
    period = "hour" if UNITS[unit] < MICROSECONDS_PER_DAY else unit
    return PerPeriod(per_day * (UNITS[period] / MICROSECONDS_PER_DAY), period)


def parse_count_per_period(text: object) -> PerPeriod:
    """Read an exact number of arrivals in each calendar month or year.

    Raises
    ------
    InputError
        If the number is not whole, or the unit is another; the message has no position.

    Examples
    --------
    >>> parse_count_per_period("310 per month")
    PerPeriod(number=310.0, period='month')
    """
    rate = parse_arrival_rate(text)
    number = round(rate.number, 6)
    if rate.period == "day" or not number.is_integer():
        example = "write for example '310 per month'"
        raise InputError([f"'{text}' is not a whole number of cases per month or year; {example}"])
    return PerPeriod(number, rate.period)


def period_of(period: str, day: date) -> tuple[date, int]:
    """Return the first date of the day, week (from Monday), calendar month or year of a date, and its number of days."""
    if period == "day":
        return day, 1
    if period == "week":
        return day - timedelta(days=day.weekday()), 7
    if period == "month":
        return day.replace(day=1), calendar.monthrange(day.year, day.month)[1]
    return day.replace(month=1, day=1), 365 + calendar.isleap(day.year)


def periods(epoch: Epoch, period: str, since: int, until: int) -> Iterator[tuple[int, int]]:
    """Yield the begin and the end of each calendar month or year that has time in [since, until), in microseconds."""
    at = since
    while at < until:
        first, n_days = period_of(period, epoch.date(at))
        begin = epoch.microseconds(first)
        at = begin + n_days * MICROSECONDS_PER_DAY
        yield begin, at


def _time_of_day(hours: str, minutes: str, seconds: str | None, text: str) -> int:
    """Return microseconds since 00:00; 24:00 is allowed."""
    hour, minute, second = int(hours), int(minutes), int(seconds or 0)
    if minute > 59 or second > 59 or (hour, minute, second) > (24, 0, 0):
        raise InputError([f"'{text}' is not a working interval: times of day are 00:00 to 24:00"])
    return (hour * 3600 + minute * 60 + second) * MICROSECONDS_PER_SECOND


def _parse_interval(text: str) -> WorkingInterval:
    match = _HOURS.fullmatch(text)
    if match is None:
        raise InputError([f"'{text}' is not a working interval; write for example '08:00-16:30'"])
    start = _time_of_day(match[1], match[2], match[3], text)
    end = _time_of_day(match[4], match[5], match[6], text)
    if start == MICROSECONDS_PER_DAY:
        raise InputError([f"'{text}' starts at 24:00; write 00:00 on the next day instead"])
    if start == end:
        raise InputError([f"'{text}' starts and ends at the same time; a whole day is '00:00-24:00'"])
    return WorkingInterval(start, end if end > start else end + MICROSECONDS_PER_DAY)


def parse_hours(value: object) -> tuple[WorkingInterval, ...]:
    """Read the working hours of a date: one or more intervals.

    Parameters
    ----------
    value : str or list of str
        "08:00-16:30"; "08:00-12:00, 13:00-17:00" or a list of such; "22:00-06:00" ends on the next date;
        "00:00-24:00" is a whole day; "closed" or an empty list means no hours.

    Returns
    -------
    tuple of WorkingInterval
        In order of time; touching intervals stay separate.

    Raises
    ------
    InputError
        If an interval cannot be read, or two overlap; all mistakes at once, without positions.

    Examples
    --------
    >>> [hours] = parse_hours("08:00-16:30")
    >>> (hours.end - hours.start) / MICROSECONDS_PER_HOUR
    8.5
    """
    if not isinstance(value, str | list | tuple) or not all(isinstance(part, str) for part in value):
        raise InputError([f"expected working hours such as '08:00-16:30', or 'closed', got {kind_of(value)}"])
    if value == "closed":
        return ()
    intervals: list[WorkingInterval] = []
    problems: list[Problem] = []
    for text in (part.strip() for line in ([value] if isinstance(value, str) else value) for part in line.split(",")):
        try:
            intervals.append(_parse_interval(text))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    intervals.sort()
    for earlier, later in itertools.pairwise(intervals):
        if later.start < earlier.end:
            raise InputError([f"the hours {format_hours([earlier])} and {format_hours([later])} overlap"])
    return tuple(intervals)


def format_hours(intervals: list[WorkingInterval] | tuple[WorkingInterval, ...]) -> str:
    """Return working hours as `parse_hours` reads them.

    Examples
    --------
    >>> format_hours(parse_hours(["22:00-06:00", "8:00-12:00"]))
    '08:00-12:00, 22:00-06:00'
    """
    return ", ".join(f"{_clock_text(s.start)}-{_clock_text(s.end)}" for s in intervals) or "closed"


def _clock_text(microseconds: int) -> str:
    if microseconds > MICROSECONDS_PER_DAY:
        microseconds -= MICROSECONDS_PER_DAY
    minutes, seconds = divmod(microseconds // MICROSECONDS_PER_SECOND, 60)
    text = f"{minutes // 60:02}:{minutes % 60:02}"
    return f"{text}:{seconds:02}" if seconds else text
