"""Read times: durations in calendar time, times within the run, and values that change on dates."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable
from typing import TypeVar

from simulations.loading.context import Context
from simulations.scenarios.quantities import Choice, Length
from simulations.scenarios.tables import BEFORE_THE_START
from simulations.timing.clock import parse_duration
from workflow.errors import InputError, nearest
from workflow.files.dates import parse_instant
from workflow.files.validation import format_names, format_value
from workflow.files.yaml_tree import Node
from workflow.loading.reading import Keys
from workflow.predicates import Namespace

T = TypeVar("T")

_DATE = re.compile(r"\d{4}-\d\d?-\d\d?\b")

DAYS_AND_LONGER = ("day", "days", "week", "weeks", "month", "months", "year", "years")


def read_calendar_time(context: Context, node: Node, what: str) -> Length | None:
    """Read a length in calendar time."""
    length = context.reader.length(node, what)
    if length is not None and length.working:
        context.wrong(node, f"{what}: counts calendar time, not working days")
        return None
    return length


def check_working_days(context: Context, path: Keys, key: str, what: str, lengths: Choice[Length], calendar: str | None) -> bool:
    """Check that lengths in working days have a calendar, and that a calendar has only such lengths.

    Parameters
    ----------
    path, key
        The entry, and the key of the lengths in it; `calendar` is the value of its key ``calendar``.
    """
    working = [length.working for length in lengths.leaves()]
    if any(working) and calendar is None:
        message = f"working days need a calendar: add calendar: (known: {format_names(context.file.calendars)})"
        context.wrong((*path, key), f"{what}: {key}: {message}")
    elif calendar is not None and not all(working):
        message = f"is for working days; give {key}: in working days everywhere, or leave calendar: out"
        context.wrong((*path, "calendar"), f"{what}: calendar: {message}")
    else:
        return True
    return False


def read_time(context: Context, node: Node, what: str, before: str = BEFORE_THE_START) -> int | None:
    """Read a time within the run: a duration since the start, or a date with a time.

    Parameters
    ----------
    before : str
        Advice for a time before the start, for the message.

    Returns
    -------
    int or None
        Microseconds since the start.
    """
    value = node.value
    try:
        time = _since_start(context, value)
    except InputError as error:
        context.wrong(node, f"{what}: {error.problems[0].message}")
        return None
    if time < 0:
        context.wrong(node, f"{what}: {format_value(value)} is before the start, {context.file.starts}; {before}")
        return None
    if context.dates_fit and time > context.epoch.end_of(context.file.ends):
        context.wrong(node, f"{what}: {format_value(value)} is after the end, {context.file.ends}")
        return None
    return time


def _since_start(context: Context, value: object) -> int:
    text = value if isinstance(value, str) else ""
    if isinstance(value, dt.date) or (text[:4].isdigit() and text[4:5] == "-"):
        return context.epoch.microseconds(parse_instant(value))
    if not text[:1].isdigit():
        examples = "a date such as 2024-01-31 or '2024-01-31 09:30', or a duration since the start"
        raise InputError([f"must be {examples}, not {format_value(value)}"])
    length = parse_duration(text)
    if length.working:
        raise InputError([f"{format_value(value)} counts working days; a time since the start is in calendar time"])
    if length.in_months and length.months is None:
        raise InputError([f"{format_value(value)} is not a whole number of calendar months; give days"])
    return length.microseconds if length.months is None else context.epoch.months_later(0, length.months)


def has_days(node: Node) -> bool:
    """Return whether a length, or a value of it, is given in days or longer units."""
    if isinstance(node.value, dict):
        return any(has_days(child) for child in node.value.values())
    if isinstance(node.value, list):
        return any(has_days(child) for child in node.value)
    return isinstance(node.value, str) and node.value.split()[-1:] in [[unit] for unit in DAYS_AND_LONGER]


def read_by_date(
    context: Context, node: Node, leaf: Callable[[Node, str], T | None], what: str, which: str, or_court: bool = False
) -> tuple[tuple[int, T], ...] | None:
    """Read one value for all times, or values from dates on.

    Parameters
    ----------
    leaf : callable
        Reads one value, or reports a mistake and returns ``None``.
    which : str
        The values that change on dates, such as ``"rates"``, for messages.
    or_court : bool
        Whether courts are allowed in place of dates, for messages.

    Returns
    -------
    tuple of (microseconds since the start, value), or None
        May begin before the start, and be empty.
    """
    if not isinstance(node.value, dict):
        value = leaf(node, what)
        return None if value is None else ((0, value),)
    if not _are_dates(context, node, what, which, or_court):
        return None
    steps: list[tuple[int, T]] = []
    for date, child in node.value.items():
        value = leaf(child, f"{what}: {date}")
        if value is None:
            return None
        steps.append((context.epoch.microseconds(date), value))
    return tuple(steps)


def _are_dates(context: Context, node: Node, what: str, which: str, or_court: bool) -> bool:
    """Return whether the keys of a mapping are increasing dates, or report a mistake."""
    for earlier, key in itertools.pairwise((dt.date.min, *node.value)):
        if isinstance(key, dt.datetime) or not isinstance(key, dt.date):
            court = " and not a court" if or_court and len(context.courts) > 1 else ""
            example = "such as 2012-01-16, without quotes and without a time of day"
            message = (
                f"{format_value(key)} is not a date{court}; {which} change on dates, {example}.{nearest(key, context.courts)}"
            )
        elif key < earlier:
            message = f"{key} is below {earlier}; the dates must increase"
        else:
            continue
        context.wrong(node.keys[key], f"{what}: {message}")
        return False
    return True


def read_choice_by_date(
    context: Context,
    node: Node,
    leaf: Callable[[Node, str], T | None],
    what: str,
    which: str,
    names_allowed: Namespace | None = None,
    shares: bool = False,
) -> Choice[T] | None:
    """Read a value that may differ between cases and may change on dates; the dates stand outside `by:`.

    See `read_by_date` and `simulations.scenarios.quantities.Reader.choice`.

    Parameters
    ----------
    shares : bool
        Whether a value may be a mapping of texts to shares; then a date in quotes is such a text.
    """

    def outside(node: Node, what: str, by: str) -> None:
        date = next(key for key in node.value if _is_date(key, shares))
        context.wrong(node, f"{what}: dates stand outside by:, such as {{{date}: {{by: {by}, ...}}, ...}}")

    def without_dates(node: Node, what: str) -> T | None:
        if not _has_date(node, shares):
            return leaf(node, what)
        outside(node, what, "...")
        return None

    def choice(node: Node, what: str) -> Choice[T] | None:
        return context.reader.choice(node, without_dates, what, names_allowed)

    if not _has_date(node, shares):
        return choice(node, what)
    if "by" in node.value:
        outside(node, what, format_value(node.value["by"].plain()).strip("'"))
        return None
    steps = read_by_date(context, node, choice, what, which)
    if steps is None:
        return None
    if steps[0][0] > 0:
        context.wrong(node, f"{what}: has no value from the start, {context.file.starts}, to {next(iter(node.value))}")
        return None
    return Choice(steps=steps)


def _has_date(node: Node, shares: bool) -> bool:
    return isinstance(node.value, dict) and any(_is_date(key, shares) for key in node.value)


def _is_date(key: object, shares: bool) -> bool:
    """Return whether a key is a date, or, where texts are no values, is written like one."""
    return isinstance(key, dt.date) or (not shares and _DATE.match(str(key)) is not None)
