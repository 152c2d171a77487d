"""Read the dates and times of a column, in ISO 8601 or as people and spreadsheets write them.

The order of day and month is decided for a column as a whole. If several orders fit every value and give different
dates, the column is ambiguous, and the user has to say which order is meant.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.errors import InputError, format_names, nearest

LOCAL = np.iinfo(np.int64).min
"""The offset of a time that is written without one."""

ORDERS = {"day-first": "dmy", "month-first": "mdy"}
"""Short forms of a time format: any date with numbers, in this order."""

_NUMBERS: dict[str, tuple[dt.datetime, float]] = {
    "excel": (dt.datetime(1899, 12, 30), 86400e6),
    "unix": (dt.datetime(1970, 1, 1), 1e6),
    "unix-ms": (dt.datetime(1970, 1, 1), 1e3),
}
"""Formats of times that are numbers: the instant of 0, and the microseconds of one unit."""

_EPOCH = dt.datetime(1970, 1, 1)
_QUARTER = 900_000_000
_QUARTERS = (-69_000_000, 281_000_000)  # of the years 3 to 9983, within those of `datetime`
_UTC = ("z", "utc", "gmt")
_MICROSECOND = dt.timedelta(microseconds=1)
_MONTHS = {
    name: i % 12 + 1
    for i, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
}
_LONG = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]
_MONTHS |= {name: i + 1 for i, name in enumerate(_LONG)} | {"sept": 9}
EXAMPLE = "a time such as 2024-01-31 or 2024-01-31T09:30:00"

_ISO = re.compile(r"\d{4}-\d\d-\d\d|(19|20)\d{6}(T|$)")
"""The texts that are passed to `datetime.fromisoformat`. It would also accept week dates and times of day."""

_WRITTEN = re.compile(
    r"(?P<a>\d{1,4}|[A-Za-z]{3,9})(?P<gap>[-/. ]\s*|\.\s+)(?P<b>\d{1,2}|[A-Za-z]{3,9})(?:,?\s+|\.?[-/.]\s*)(?P<c>\d{4}|\d{2})"
    r"(?:(?:T|,?\s+)(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<half>[ap]\.?\s?m\.?)?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Times:
    """The times of distinct values.

    Attributes
    ----------
    wall : ndarray of int64
        The date and the clock as written, in microseconds since 1970-01-01 00:00.
    offset : ndarray of int64
        Microseconds east of UTC; `LOCAL` for a time without an offset.
    utc : ndarray of bool
        Whether the time is written as one in UTC, such as ``Z``; `+00:00` is an offset.
    problems : list of (int, str)
        The values that are no times, by index, with what is wrong. Their time is 1970.
    """

    wall: NDArray[np.int64]
    offset: NDArray[np.int64]
    utc: NDArray[np.bool_]
    problems: list[tuple[int, str]]


def check_time_format(text: str, option: str) -> None:
    """Raise `InputError` if a text is no format of `strptime` and no short form."""
    known = (*ORDERS, *_NUMBERS)
    message = ""
    if "%" not in text:
        message = f"must be a format such as '%d.%m.%Y %H:%M', or one of {format_names(known)}.{nearest(text, known)}"
        message = "" if text in known else message
    else:
        try:
            dt.datetime.strptime("", text)
        except (ValueError, re.error) as error:
            message = f"is not a format: {error}" if "does not match" not in str(error) else ""
    if message:
        raise InputError([f"{option} {text}: {message}"])


def read_times(
    values: Sequence[Any],
    formats: Iterable[str] = (),
    option: str = "--time-format",
    serial: dt.datetime | None = None,
    what: str = EXAMPLE,
) -> Times:
    """Read the distinct values of a column as times.

    Parameters
    ----------
    values : sequence
        Strings, dates, datetimes, or numbers.
    formats : iterable of str
        Formats of `strptime`, or keys of `ORDERS`, or ``excel``, ``unix`` and ``unix-ms``. ISO 8601 is always read.
    option : str
        What the user gives to name a format, for messages.
    serial : datetime, optional
        The instant that the number 0 stands for, in a spreadsheet.
    what : str
        What a value should be, for messages.
    """
    return _Column(list(values), tuple(formats), option, serial, what).read()


@dataclass(frozen=True, slots=True)
class _Column:
    values: list[Any]
    formats: tuple[str, ...]
    option: str
    serial: dt.datetime | None
    what: str

    def read(self) -> Times:
        """Read the values: first those that have one meaning, then the others in the order of day and month that fits all."""
        instants: list[dt.datetime | None] = []
        later: list[tuple[int, re.Match[str]]] = []
        problems = []
        for i, value in enumerate(self.values):
            instant = self._plain(value)
            instants.append(instant)
            if instant is None:
                match = _WRITTEN.fullmatch(" ".join(str(value).split()))
                if match is None:
                    problems.append((i, self._wrong(value)))
                else:
                    later.append((i, match))
        if later:
            read, ambiguous = self._ordered([match for _, match in later])
            for k, ((i, _), instant) in enumerate(zip(later, read, strict=True)):
                instants[i] = instant
                if ambiguous is not None and k == ambiguous[0]:
                    problems.append((i, ambiguous[1]))
                elif instant is None:
                    problems.append((i, self._wrong(self.values[i])))
        return self._times(instants, sorted(problems))

    def _times(self, instants: list[dt.datetime | None], problems: list[tuple[int, str]]) -> Times:
        offset, utc = np.full(len(instants), LOCAL), np.zeros(len(instants), bool)
        known: dict[dt.tzinfo, int] = {}
        clocks = []
        for i, (value, instant) in enumerate(zip(self.values, instants, strict=True)):
            if instant is None:
                clocks.append(_EPOCH)
                continue
            if instant.tzinfo is not None:
                if instant.tzinfo not in known:
                    known[instant.tzinfo] = (instant.utcoffset() or dt.timedelta()) // _MICROSECOND
                offset[i] = known[instant.tzinfo]
                instant = instant.replace(tzinfo=None)
            if isinstance(value, str) and value.rstrip()[-1:].isalpha() and value.rstrip().lower().endswith(_UTC):
                offset[i], utc[i] = 0, True
            clocks.append(instant)
        return Times(np.array(clocks, "datetime64[us]").astype(np.int64), offset, utc, problems)

    def _plain(self, value: Any) -> dt.datetime | None:
        """Return the time of a value that has one meaning: typed, in a given format, or in ISO 8601."""
        if isinstance(value, dt.datetime):
            return value
        if isinstance(value, dt.date):
            return dt.datetime.combine(value, dt.time())
        if isinstance(value, int | float) and not _ISO.match(str(value)):
            zero, unit = self._number()
            return None if zero is None else _after(zero, float(value) * unit)
        text = str(value).strip()
        for form in self.formats:
            if (read := self._formatted(text, form)) is not None:
                return read
        if not _ISO.match(text):
            return None
        try:
            return dt.datetime.fromisoformat(text)
        except ValueError:
            return None

    def _number(self) -> tuple[dt.datetime | None, float]:
        form = next((f for f in self.formats if f in _NUMBERS), None)
        return _NUMBERS[form] if form is not None else (self.serial, 86400e6)

    def _formatted(self, text: str, form: str) -> dt.datetime | None:
        try:
            if form in _NUMBERS:
                zero, unit = _NUMBERS[form]
                return _after(zero, float(text.replace(",", ".")) * unit)
            return None if form in ORDERS else dt.datetime.strptime(text, form)
        except (ValueError, OverflowError):
            return None

    def _ordered(self, matches: list[re.Match[str]]) -> tuple[list[dt.datetime | None], tuple[int, str] | None]:
        """Read dates in the order that fits all of them; also return the first date that has two meanings, and both."""
        given = [ORDERS[form] for form in self.formats if form in ORDERS]
        by_order: dict[str, list[dt.datetime | None]] = {}
        for order in given or ("ymd", "dmy", "mdy"):
            by_order[order] = [_in_order(match, order) for match in matches]
        fitting = {order: read for order, read in by_order.items() if None not in read}
        if not fitting:
            return max(by_order.values(), key=lambda read: sum(one is not None for one in read)), None
        first = next(iter(fitting.values()))
        for order, read in fitting.items():
            for k, (match, one, other) in enumerate(zip(matches, first, read, strict=True)):
                if one != other and one is not None and other is not None:
                    formats = " or ".join(_format_of(match, o) for o in (next(iter(fitting)), order))
                    message = f"{match[0]!r} may be {one:%-d %B %Y} or {other:%-d %B %Y}, and no date of the column tells which"
                    return first, (k, f"{message}; give {self.option} {formats}")
        return first, None

    def _wrong(self, value: Any) -> str:
        text = repr(value) if isinstance(value, str) else str(value)
        given = f" and does not fit {self.option} {format_names(self.formats)}" if self.formats else ""
        try:
            number = float(text.strip("'"))
        except ValueError:
            number = 0
        hint = ""
        if not self.formats and 10_000 < number < 100_000:
            hint = f"; if it is the number of a day in a spreadsheet, give {self.option} excel"
        elif not self.formats and number > 1e8:
            hint = f"; if it counts seconds or milliseconds since 1970, give {self.option} unix or unix-ms"
        return f"{text} is not {self.what}{given}{hint}"


def _after(zero: dt.datetime, microseconds: float) -> dt.datetime | None:
    """Return an instant, rounded to a millisecond, which is what a spreadsheet keeps."""
    try:
        return zero + dt.timedelta(milliseconds=round(microseconds / 1000))
    except (OverflowError, ValueError):
        return None


def _in_order(match: re.Match[str], order: str) -> dt.datetime | None:
    """Return the time of a match whose date is written in an order; ``None`` if it does not exist."""
    a, b, c = match.group("a", "b", "c")
    if a.isalpha() or b.isalpha():
        name, other = (a, b) if a.isalpha() else (b, a)
        year, day = (other, c) if len(other) == 4 else (c, other)
        parts = {"y": year, "m": str(_MONTHS.get(name.lower(), 0)), "d": day}
    else:
        parts = dict(zip(order, (a, b, c), strict=True))
    if not all(part.isdigit() for part in parts.values()) or len(parts["y"]) not in (2, 4) or len(parts["m"] + parts["d"]) > 4:
        return None
    if order == "ymd" and len(parts["y"]) == 2 and "." in match["gap"]:
        return None  # with dots, the year comes last
    year = int(parts["y"]) + (0 if len(parts["y"]) == 4 else 2000 if int(parts["y"]) < 69 else 1900)
    return _instant(match, year, int(parts["m"]), int(parts["d"]))


def _instant(match: re.Match[str], year: int, month: int, day: int) -> dt.datetime | None:
    hour, minute, second = (int(part or 0) for part in match.group("hour", "minute", "second"))
    if half := match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0].lower() == "p" else 0)
    fraction = int((match["fraction"] or "0").ljust(6, "0")[:6])
    try:
        return dt.datetime(year, month, day, hour, minute, second, fraction, _zone(match["zone"]))
    except ValueError:
        return None


def _zone(text: str | None) -> dt.timezone | None:
    if text is None:
        return None
    if text.upper() in ("Z", "UTC", "GMT"):
        return dt.UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return dt.timezone(offset if text[0] == "+" else -offset)


def _format_of(match: re.Match[str], order: str) -> str:
    """Return the format of `strptime` in which a date is written."""
    gap = match["gap"].strip() or " "
    parts = {"d": "%d", "m": "%m", "y": "%Y" if len(match["c" if order != "ymd" else "a"]) == 4 else "%y"}
    text = gap.join(parts[key] for key in order)
    if match["hour"] is not None:
        clock = "%I" if match["half"] else "%H"
        text += f" {clock}:%M" + (":%S" if match["second"] else "") + (".%f" if match["fraction"] else "")
        text += " %p" if match["half"] else ""
    return f"'{text}'"


def offsets_of(at: NDArray[np.int64], zone: dt.tzinfo) -> NDArray[np.int64]:
    """Return the offset of a time zone from UTC at instants, in microseconds; it is the same within a quarter of an hour."""
    quarters, index = np.unique(np.clip(at // _QUARTER, *_QUARTERS), return_inverse=True)
    begin, microsecond = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(microseconds=1)
    offsets = []
    for quarter in quarters.tolist():
        local = (begin + dt.timedelta(microseconds=quarter * _QUARTER)).astimezone(zone)
        offsets.append((local.utcoffset() or dt.timedelta()) // microsecond)
    return np.array(offsets, np.int64)[index]
