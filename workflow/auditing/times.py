"""The times of a log: instants that order its rows, and the local clocks that its days are read from.

A time with an offset keeps its local date and clock. A time without one is a local time as written. A time in UTC says
no local time, so a time zone may give one; without it, the clock is that of UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
from numpy.typing import NDArray

from workflow.errors import InputError, nearest

__all__ = ["Times", "read_times", "time_zone"]

Integers = NDArray[np.int64]

_QUARTER = 900_000_000
_NAIVE, _OFFSET, _UTC = range(3)
_SUFFIXES = ("z", "utc", "gmt")


@dataclass(frozen=True)
class Times:
    """The times of one column.

    Attributes
    ----------
    at : ndarray of int64
        Instants, in microseconds since 1970 in UTC; of times without an offset, their local clock.
    local : ndarray of int64
        The local clock, in microseconds since 1970-01-01 00:00 of that clock.
    first_naive, first_zoned, first_utc : int or None
        The first row without an offset, with one or in UTC, and in UTC.
    """

    at: Integers
    local: Integers
    first_naive: int | None = None
    first_zoned: int | None = None
    first_utc: int | None = None

    @property
    def days(self) -> NDArray[np.datetime64]:
        """Return the local dates."""
        return self.local.astype("datetime64[us]").astype("datetime64[D]")


def time_zone(name: str, option: str) -> ZoneInfo:
    """Return a time zone by name.

    Raises
    ------
    InputError
        If there is none of this name; the message begins with the option that gives the name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = nearest(name, sorted(available_timezones()))
        raise InputError([f"{option} {name}: is not a time zone, such as America/Denver or UTC.{hint}"]) from None


def read_times(values: NDArray[Any], in_utc: bool, zone: ZoneInfo | None, wrong: Callable[[int], InputError]) -> Times:
    """Read a column of times, none of them missing.

    Parameters
    ----------
    values : ndarray
        datetime64, or ISO 8601 strings.
    in_utc : bool
        Whether values of type datetime64 are instants in UTC rather than local times.
    zone : ZoneInfo or None
        The time zone of the local clock of times in UTC. `+00:00` is UTC too, unless the column has other offsets.
    wrong : callable
        Returns the error for a row whose value is not a time.

    Raises
    ------
    InputError
        For the first value that is not a time.
    """
    if values.dtype.kind == "M":
        local, offset = values.astype("datetime64[us]").astype(np.int64), np.zeros(len(values), np.int64)
        kind = np.full(len(values), _UTC if in_utc else _NAIVE, np.int8)
    else:
        local, offset, kind = _parsed(values, wrong)
    if not offset.any():
        kind[kind == _OFFSET] = _UTC
    at = local - offset
    utc = kind == _UTC
    if zone is not None and utc.any():
        local[utc] += _offsets(at[utc], zone)
    return Times(at, local, _first(kind == _NAIVE), _first(kind != _NAIVE), _first(utc))


def _parsed(values: NDArray[Any], wrong: Callable[[int], InputError]) -> tuple[Integers, Integers, NDArray[np.int8]]:
    """Return the clock as written, its offset from UTC, and the kind of each time."""
    clocks: list[dt.datetime] = []
    offset, kind = np.zeros(len(values), np.int64), np.zeros(len(values), np.int8)
    known: dict[dt.tzinfo, int] = {}
    for i, value in enumerate(values.tolist()):
        text = str(value).strip()
        if text[-1:].isalpha():
            suffix = next((s for s in _SUFFIXES if text.lower().endswith(s)), "")
            text, kind[i] = text[: len(text) - len(suffix)].rstrip(), _UTC
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            raise wrong(i) from None
        if moment.tzinfo is not None:
            if moment.tzinfo not in known:
                known[moment.tzinfo] = (moment.utcoffset() or dt.timedelta()) // dt.timedelta(microseconds=1)
            offset[i], kind[i] = known[moment.tzinfo], _OFFSET
            moment = moment.replace(tzinfo=None)
        clocks.append(moment)
    return np.array(clocks, "datetime64[us]").astype(np.int64), offset, kind


def _offsets(at: Integers, zone: ZoneInfo) -> Integers:
    """Return the offset of a time zone from UTC at instants, which is the same within a quarter of an hour."""
    quarters, index = np.unique(at // _QUARTER, return_inverse=True)
    begin, microsecond = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(microseconds=1)
    offsets = []
    for quarter in quarters.tolist():
        local = (begin + dt.timedelta(microseconds=quarter * _QUARTER)).astimezone(zone)
        offsets.append((local.utcoffset() or dt.timedelta()) // microsecond)
    return np.array(offsets, np.int64)[index]


def _first(rows: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(rows)) if rows.any() else None
