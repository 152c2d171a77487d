"""Read dates and local times of day in files."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import date, datetime, time

from workflow.errors import InputError

_INSTANT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[ T]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?)?")
_ZONE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+ ?(?:Z|z|UTC|[-+][0-9]{2}:?[0-9]{2})")
_NO_ZONE = "names a time zone; times are local wall-clock, for example '2022-06-21 13:22'"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def kind_of(value: object) -> str:
    """Describe a value that is not a string as it appears in YAML."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"'{str(value).lower()}'"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else f"'{value}'"


def _checked_date(year: int, month: int, day: int, text: str) -> date:
    """Return a date, or raise with the reason why it does not exist."""
    if year == 0:
        raise InputError([f"'{text}' is not a date: years are 0001 to 9999"])
    if not 1 <= month <= 12:
        raise InputError([f"'{text}' is not a date: months are 01 to 12"])
    days = calendar.monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise InputError([f"'{text}' is not a date: {_MONTHS[month - 1]} {year} has {days} days"])
    return date(year, month, day)


def parse_instant(value: object) -> datetime:
    """Read a local wall-clock time; a date alone means 00:00.

    Parameters
    ----------
    value : date, datetime or str
        "2022-06-21", "2022-06-21 13:22" or "2022-06-21 13:22:30", with up to six decimals of a second.

    Returns
    -------
    datetime
        Naive.

    Raises
    ------
    InputError
        If it does not exist or names a time zone; the message has no position.

    Examples
    --------
    >>> parse_instant("2022-06-21 13:22:30")
    datetime.datetime(2022, 6, 21, 13, 22, 30)
    """
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise InputError([f"'{value}' {_NO_ZONE}"])
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if not isinstance(value, str):
        raise InputError([f"expected a date such as '2022-06-21', got {kind_of(value)}"])
    text = " ".join(value.split())
    if _ZONE.fullmatch(text):
        raise InputError([f"'{text}' {_NO_ZONE}"])
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise InputError([f"'{text}' is not a date; write for example '2022-06-21' or '2022-06-21 13:22:30'"])
    day = _checked_date(int(match[1]), int(match[2]), int(match[3]), text)
    hour, minute, second = (int(part or 0) for part in match.group(4, 5, 6))
    if hour > 23 or minute > 59 or second > 59:
        raise InputError([f"'{text}' is not a time of day; times are 00:00:00 to 23:59:59"])
    return datetime.combine(day, time(hour, minute, second, int((match[7] or "0").ljust(6, "0"))))


def parse_date(value: object) -> date:
    """Read a date; a time of day other than 00:00 is an error.

    Examples
    --------
    >>> parse_date("2011-12-26")
    datetime.date(2011, 12, 26)
    """
    at = parse_instant(value)
    if at.time() != time():
        raise InputError([f"'{value}' has a time of day; expected a date alone, for example '{at.date()}'"])
    return at.date()
