"""Read when cases arrive: rates, counts, intervals and times, within the working hours of a calendar or at all times."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from simulations.loading.context import Context
from simulations.loading.rotas import RotaFormat, is_rota, read_changing
from simulations.loading.times import has_days, read_by_date, read_calendar_time, read_time
from simulations.scenarios.format import ArrivalEntry
from simulations.scenarios.quantities import Shares
from simulations.scenarios.scenario import CountIn, Draw
from simulations.timing.calendar_spec import CalendarSpec
from simulations.timing.calendars import Calendar
from simulations.timing.clock import (
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_HOUR,
    PerPeriod,
    parse_arrival_rate,
    parse_count_per_period,
    parse_working_rate,
    period_of,
    periods,
)
from workflow.errors import InputError
from workflow.files.validation import format_value
from workflow.files.yaml_tree import Node
from workflow.loading.reading import Keys

TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
ONE_DAY = dt.timedelta(days=1)

Spans: TypeAlias = list[tuple[int, int, PerPeriod]]
"""From when until when each number of arrivals holds, within the run, in order."""


@dataclass(frozen=True)
class _Hours:
    """The working intervals in which cases arrive.

    Attributes
    ----------
    last : int or None
        The time of day, in microseconds, at which arrivals end.
    """

    context: Context
    spec: CalendarSpec
    name: str
    last: int | None

    @property
    def first(self) -> dt.date:
        """Return the date before the start: its last interval may end in the run."""
        starts = self.context.file.starts
        return starts - ONE_DAY if starts > dt.date.min else starts

    def between(self, first: dt.date, last: dt.date) -> list[tuple[int, int, int]]:
        """Return (start, end, day) of the intervals that start on the dates from first to last, up to the last hour."""
        every = self.spec.intervals(self.context.epoch, first, last)
        cut = [(start, min(end, self._last(start, end, day)), day) for start, end, day in every]
        return [(start, end, day) for start, end, day in cut if start < end]

    def _last(self, start: int, end: int, day: int) -> int:
        """Return when the arrivals of an interval end: the last hour of its date, or of the next if it lasts so long."""
        if self.last is None:
            return end
        at = day * MICROSECONDS_PER_DAY + self.last
        return at + MICROSECONDS_PER_DAY if at <= start and at + MICROSECONDS_PER_DAY < end else at

    def of_run(self) -> list[tuple[int, int, int]]:
        """Return the intervals that have time in the run."""
        file = self.context.file
        return [each for each in self.between(self.first, file.ends) if each[1] > 0]

    def lengths(self, period: str) -> Callable[[int], int]:
        """Return a function from a day to the working time of its day, week, month or year, also outside the run."""
        file = self.context.file
        if period == "hour":
            return lambda day: MICROSECONDS_PER_HOUR
        begin, _ = period_of(period, self.first)
        last, n_days = period_of(period, file.ends)
        intervals = self.between(begin, last + (n_days - 1) * ONE_DAY)
        days = [day for *_, day in intervals]
        worked = list(itertools.accumulate((end - start for start, end, _ in intervals), initial=0))

        def length(day: int) -> int:
            first, n_days = period_of(period, self.context.epoch.date(day * MICROSECONDS_PER_DAY))
            begin = first.toordinal() - file.starts.toordinal()
            return worked[bisect_left(days, begin + n_days)] - worked[bisect_left(days, begin)]

        return length


def read_arrival_times(
    context: Context, entry: ArrivalEntry, path: Keys, what: str, specs: Mapping[str, CalendarSpec]
) -> dict[str, Any] | None:
    """Return the fields of a `Stream` that give its arrival times; those of a table are not read here."""
    n_problems = len(context.problems)
    until, last = _until(context, entry, path, what)
    batch = None if entry.batch is None else _batch(context, context.at(*path, "batch"), f"{what}: batch")
    hours = _hours(context, entry, path, what, specs, last)
    if len(context.problems) > n_problems or (hours is None and entry.calendar is not None):
        return None
    try:
        times = _times(context, entry, path, what, hours)
    except InputError as error:  # a year whose holidays are unknown
        context.wrong((*path, "calendar"), f"{what}: calendar {entry.calendar!r}: {error.problems[0].message}")
        return None
    return None if times is None else {**times, "until": until, "batch": batch}


def _times(context: Context, entry: ArrivalEntry, path: Keys, what: str, hours: _Hours | None) -> dict[str, Any] | None:
    if entry.rate is not None:
        parse = parse_arrival_rate if hours is None else parse_working_rate
        spans = _by_period(context, context.at(*path, "rate"), parse, f"{what}: rate", "rates")
        if spans is None:
            return None
        return {"rate": tuple(_calendar_rate(context, spans) if hours is None else _working_rate(spans, hours))}
    if entry.counts_per_period:
        node = context.at(*path, "count")
        spans = _by_period(context, node, parse_count_per_period, f"{what}: count", "counts")
        return None if spans is None else _counts(context, spans, hours, node, what)
    if entry.at is not None:
        read = [read_time(context, context.at(*path, "at", k), f"{what}: at") for k in range(len(entry.at))]
        times = sorted(time for time in read if time is not None)
        return {"at": tuple(times)} if len(times) == len(read) else None
    return _interarrival(context, entry, path, what, hours)


def _interarrival(context: Context, entry: ArrivalEntry, path: Keys, what: str, hours: _Hours | None) -> dict[str, Any] | None:
    node = context.at(*path, "interarrival")
    length = read_calendar_time(context, node, f"{what}: interarrival")
    if length is None:
        return None
    if length.distribution.support[1] <= 0 and entry.count is None:
        context.wrong((*path, "interarrival"), f"{what}: interarrival: of length zero needs count:")
    first = None if entry.first is None else read_time(context, context.at(*path, "first"), f"{what}: first")
    if hours is None:
        return {"interarrival": length, "first": first}
    if has_days(node):
        message = "a day of working time is ambiguous: 24 hours or a shift; give hours or minutes with a calendar"
        context.wrong(node, f"{what}: interarrival: {message}")
    intervals = [(max(start, 0), end) for start, end, _ in hours.of_run()]
    calendar = Calendar.build(hours.name, intervals, (), 0)
    if first is not None and calendar.interval_at(first) is None:
        shown = format_value(context.at(*path, "first").value)
        message = f"{shown} is outside the working hours of the calendar {hours.name!r}"
        context.wrong((*path, "first"), f"{what}: first: {message}")
    return {"interarrival": length, "first": first, "hours": calendar}


# keys of all kinds of streams ------------------------------------------------------------------------


def _until(context: Context, entry: ArrivalEntry, path: Keys, what: str) -> tuple[int | None, int | None]:
    """Read when arrivals end: the time of the last one, or the time of day."""
    if entry.until is None:
        return None, None
    node = context.at(*path, "until")
    match = TIME_OF_DAY.fullmatch(node.value) if isinstance(node.value, str) else None
    if match is not None:
        if entry.calendar is None:
            message = f"{format_value(node.value)} is a time of day; add calendar:, whose working hours then end at it"
            context.wrong(node, f"{what}: until: {message}")
        return None, (int(match[1]) * 60 + int(match[2])) * (MICROSECONDS_PER_HOUR // 60)
    time = read_time(context, node, f"{what}: until", "arrivals are those of the run")
    is_date = isinstance(node.value, dt.date) and not isinstance(node.value, dt.datetime)
    if time is not None and (is_date or (isinstance(node.value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", node.value))):
        time += MICROSECONDS_PER_DAY
    return None if time is None else min(time, context.epoch.end_of(context.file.ends)), None


def _batch(context: Context, node: Node, what: str) -> Draw | None:
    """Read a number of cases, shares of numbers, or a distribution of numbers."""
    if not isinstance(node.value, dict):
        if type(node.value) is not int or node.value < 1:
            message = f"must be a whole number of cases, 1 or more, or shares such as {{1: 0.7, 4: rest}}, not {format_value(node.value)}"
            context.wrong(node, f"{what}: {message}")
            return None
        return Draw(shares=Shares((node.value,), (1.0,)))
    if any(type(key) is int for key in node.value):
        for key in node.value:
            if type(key) is not int or key < 1:
                message = f"{format_value(key)} is not a size of a batch; it is a whole number, 1 or more"
                context.wrong(node.keys[key], f"{what}: {message}")
                return None
        shares = context.reader.shares(node, None, what)
        return None if shares is None else Draw(shares=shares)
    read = context.reader.distribution(node, "number", what)
    if read is None:
        return None
    if read[0].support[0] < 1:
        message = f"a batch has at least 1 case, but {read[0].family} goes below 1; give shares such as {{1: 0.7, 4: rest}}"
        context.wrong(node, f"{what}: {message}")
        return None
    return Draw(distribution=read[0])


def _hours(
    context: Context, entry: ArrivalEntry, path: Keys, what: str, specs: Mapping[str, CalendarSpec], last: int | None
) -> _Hours | None:
    """Return the working hours of a stream with a calendar."""
    if entry.calendar is None:
        return None
    context.known(entry.calendar, context.file.calendars, (*path, "calendar"), f"{what}: calendar", "a calendar")
    if entry.calendar not in specs or not context.dates_fit:
        return None
    return _Hours(context, specs[entry.calendar], entry.calendar, last)


# rates and counts --------------------------------------------------------------------------------------


def _by_period(context: Context, node: Node, parse: Callable[[object], PerPeriod], what: str, which: str) -> Spans | None:
    """Read numbers of arrivals per period."""
    if isinstance(node.value, dict) and ("by" in node.value or any(court in node.value for court in context.courts)):
        message = "is the same for all courts of a stream; to vary it, give each court its own stream"
        context.wrong(node, f"{what}: {message}")
        return None
    if which != "rates":
        steps = read_by_date(context, node, partial(_number, context, parse), what, which)
    else:
        number = partial(_rate_of_rota, context, parse) if _has_rota(node) else partial(_number, context, parse)
        steps = read_changing(context, node, RotaFormat("rate", number, PerPeriod(0.0, "day"), which), what)
    return None if steps is None else list(_spans(context, steps))


def _has_rota(node: Node) -> bool:
    return is_rota(node) or (isinstance(node.value, dict) and any(is_rota(child) for child in node.value.values()))


def _rate_of_rota(context: Context, parse: Callable[[object], PerPeriod], node: Node, what: str) -> PerPeriod | None:
    """Read a rate that holds for some hours or days."""
    number = _number(context, parse, node, what)
    if number is not None and number.period not in ("hour", "day"):
        message = f"{format_value(node.value)}: the rates of a rota are per hour or per day"
        context.wrong(node, f"{what}: {message}")
        return None
    return number


def _number(context: Context, parse: Callable[[object], PerPeriod], node: Node, what: str) -> PerPeriod | None:
    try:
        return parse(node.value)
    except InputError as error:
        context.wrong(node, f"{what}: {error.problems[0].message}")
        return None


def _spans(context: Context, steps: tuple[tuple[int, PerPeriod], ...]) -> Iterator[tuple[int, int, PerPeriod]]:
    """Yield from when until when each number of arrivals holds, within the run."""
    ends = context.epoch.end_of(context.file.ends)
    for (since, number), until in itertools.zip_longest(steps, (since for since, _ in steps[1:])):
        begin, end = max(since, 0), ends if until is None else min(until, ends)
        if begin < end:
            yield begin, end, number


def _calendar_rate(context: Context, spans: Spans) -> Iterator[tuple[int, float]]:
    """Yield events per microsecond from each time on. Each calendar month or year has its own rate."""
    for since, until, (number, period) in spans:
        if period == "day":
            yield since, number / MICROSECONDS_PER_DAY
        else:
            for begin, end in periods(context.epoch, period, since, until):
                yield max(begin, since), number / (end - begin)


def _working_rate(spans: Spans, hours: _Hours) -> Iterator[tuple[int, float]]:
    """Yield events per microsecond from each time on: even within the working time of each period, and none outside."""
    lengths = {period: hours.lengths(period) for period in {number.period for *_, number in spans}}
    if spans and spans[0][0] > 0:
        yield 0, 0.0
    for start, end, day in hours.of_run():
        for since, until, (number, period) in _within(spans, start, end):
            yield max(since, start), number / lengths[period](day)
            if until >= end:
                yield end, 0.0


def _within(spans: Spans, start: int, end: int) -> Iterable[tuple[int, int, PerPeriod]]:
    """Return the spans that have time in an interval."""
    first = bisect_left(spans, start + 1, key=lambda span: span[1])
    return itertools.takewhile(lambda span: span[0] < end, spans[first:])


def _counts(context: Context, spans: Spans, hours: _Hours | None, node: Node, what: str) -> dict[str, Any] | None:
    """Return the number of cases in each calendar month or year, and the hours in which they arrive."""
    counts: list[CountIn] = []
    within: tuple[tuple[int, int], ...]
    for since, until, (number, period) in spans:
        for begin, end in periods(context.epoch, period, since, until):
            within, close = ((begin, end),), min(end, until)
            if hours is not None:
                first = context.epoch.date(begin)
                intervals = hours.between(first, context.epoch.date(end - 1))
                within = tuple((start, stop) for start, stop, _ in intervals)
                close = max([end, *(stop for _, stop in within)]) if until >= end else until
                if number and not within:
                    message = (
                        f"no case can arrive in the {period} from {first}: the calendar {hours.name!r} has no working hours in it"
                    )
                    context.wrong(node, f"{what}: count: {message}")
                    return None
            counts.append(CountIn(within, max(begin, since), close, int(number)))
    return {"counts": tuple(counts)}
