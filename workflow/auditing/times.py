"""The times of a log: instants that order its rows, and the local clocks that its days are read from.

A time with an offset keeps its local date and clock. A time without one is a local time as written. A time in UTC says
no local time, so a time zone may give one; without it, the clock is that of UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
from numpy.typing import NDArray

from workflow.errors import InputError, nearest
from workflow.files.times import LOCAL, offsets_of
from workflow.files.times import Times as WrittenTimes

Integers = NDArray[np.int64]


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


def clocks_of(times: WrittenTimes, given: NDArray[np.bool_], zone: ZoneInfo | None) -> Times:
    """Return the instants and local clocks of a column of times.

    Parameters
    ----------
    times : workflow.files.times.Times
        As they are written.
    given : ndarray of bool
        The rows that have a time.
    zone : ZoneInfo or None
        The time zone of the local clock of times in UTC. `+00:00` is UTC too, unless the column has other offsets.
    """
    naive = times.offset == LOCAL
    offset = np.where(naive, 0, times.offset)
    utc = times.utc | (~naive if not offset.any() else False)
    at, local = times.wall - offset, times.wall.copy()
    rows = np.flatnonzero(utc & given)
    if zone is not None and len(rows):
        local[rows] += offsets_of(at[rows], zone)
    return Times(at, local, _first(naive & given), _first(~naive & given), _first(utc & given))


def _first(rows: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(rows)) if rows.any() else None
