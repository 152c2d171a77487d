"""Read lengths of time in workflow and rules files: time limits of rules, bounds on time, and the calendars that they name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from workflow.errors import InputError, Problem, nearest
from workflow.files.validation import format_names, format_value
from workflow.files.yaml_tree import Node
from workflow.model.time_bounds import TimeRange
from workflow.model.time_limits import ELAPSED, MAX_YEARS, UNITS, TimeLimit
from workflow.model.working_days import WorkingDays, parse_working_days

_OTHER_UNITS = {"seconds": " The shortest is a minute."}
_NUMBER = r"[0-9]{1,300}(?:\.[0-9]+)?"
_UNIT = r"[^\W\d][^\d]*?"
_LENGTH = re.compile(rf"\s*({_NUMBER})\s*({_UNIT})\s*")
_RANGE = re.compile(
    rf"\s*(?:at\s+most\s+(?P<most>{_NUMBER}\s*{_UNIT})|at\s+least\s+(?P<least>{_NUMBER}\s*{_UNIT})"
    rf"|(?P<from>{_NUMBER}\s*(?:{_UNIT})??)\s*\bto\b\s*(?P<to>{_NUMBER}\s*{_UNIT})|(?P<exactly>{_NUMBER}\s*{_UNIT}))\s*"
)

Calendars = Mapping[str, WorkingDays]


def read_calendars(
    entries: Mapping[str, object], node: Node, problems: list[Problem], known: Calendars | None = None
) -> Calendars:
    """Read the section ``calendars:`` of a file: working days by name.

    Parameters
    ----------
    node : Node
        The file.
    known : mapping, optional
        The calendars of the workflow, to which those of a rules file are added.
    """
    calendars = dict(known or {})
    for name, value in entries.items():
        try:
            calendars[name] = parse_working_days(value)
        except InputError as error:
            position = node.position_of(("calendars", name))
            problems += [Problem(f"calendars: {name}: {problem.message}", position) for problem in error.problems]
    return calendars


def read_calendar(value: object, calendars: Calendars) -> WorkingDays:
    """Read the calendar of a length of time: one that the file names, or one that is written as in `parse_working_days`.

    Raises
    ------
    InputError
        With all mistakes; the messages have no position.
    """
    if isinstance(value, str) and value in calendars:
        return calendars[value]
    try:
        return parse_working_days(value)
    except InputError:
        if isinstance(value, str) and (hint := nearest(value, calendars)):
            raise InputError([f"'{value}' is not a calendar.{hint}"]) from None
        raise


def read_limit(text: str, calendar: WorkingDays | None, has_calendar: bool) -> TimeLimit:
    """Read a length of time, such as ``90 days``.

    Parameters
    ----------
    has_calendar : bool
        Whether a calendar is given; `calendar` is ``None`` if it has a mistake.

    Raises
    ------
    InputError
        With a message that has no position.
    """
    match = _LENGTH.fullmatch(text)
    given = format_value(text)
    if match is None:
        raise InputError([f"must be a length of time such as '90 days' or '10 working days', not {given}"])
    number, unit = float(match[1]), match[2].removesuffix("s") + "s"
    if unit not in UNITS:
        hint = _OTHER_UNITS.get(unit) or nearest(unit, UNITS)
        message = f"{match[2]!r} in {given} is not a unit of time (units: {format_names(UNITS)}).{hint}"
    elif unit not in ELAPSED and not number.is_integer():
        message = f"{given} must be a whole number of {unit}, because it runs to the end of a day; write a smaller unit"
    elif (limit := TimeLimit(number if unit in ELAPSED else int(number), unit, calendar)).is_too_long:
        message = f"must be at most {MAX_YEARS} years, not {given}"
    elif unit == "working days" and not has_calendar:
        message = f"{given} needs a calendar; add calendar: weekdays, or a country such as US-CO, whose holidays do not count"
    elif unit != "working days" and has_calendar:
        message = f"{given} counts all days; write working days, or leave calendar: out"
    else:
        return limit
    raise InputError([message])


def read_range(text: str, calendar: WorkingDays | None, has_calendar: bool) -> TimeRange:
    """Read a bound on time: ``at most 60 days``, ``20 to 455 days``, ``at least 3 days``, or ``30 days`` exactly.

    Raises
    ------
    InputError
        As `read_limit` does.
    """
    match = _RANGE.fullmatch(text)
    if match is None:
        examples = "such as 'at most 60 days', '20 to 455 days', 'at least 3 days', or '30 days' for exactly so long"
        raise InputError([f"must be a bound on time {examples}, not {format_value(text)}"])

    def limit(part: str) -> TimeLimit:
        return read_limit(part, calendar, has_calendar)

    return _range(match, limit)


def _range(match: re.Match[str], limit: Callable[[str], TimeLimit]) -> TimeRange:
    if match["to"] is not None:
        most, low = limit(match["to"]), match["from"]
        unit = re.sub(r"^[0-9.]+\s*", "", match["to"].strip())
        least = limit(low if re.search(r"[^\W\d]", low) else f"{low} {unit}")
        if least.unit == most.unit and least.number > most.number:
            raise InputError([f"the lower bound, {least}, is above the upper bound, {most}"])
        return TimeRange(least, most)
    if match["exactly"] is not None:
        exactly = limit(match["exactly"])
        return TimeRange(exactly, exactly)
    if match["most"] is not None:
        return TimeRange(most=limit(match["most"]))
    return TimeRange(least=limit(match["least"]))
