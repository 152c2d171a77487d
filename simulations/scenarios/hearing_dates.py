"""The hearing dates of a station: how many slots each date holds, and when a closure or a suspension of it becomes known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from simulations.timing.calendars import FAR
from simulations.timing.clock import MICROSECONDS_PER_DAY
from simulations.timing.hearing_dates import DatesAhead

Integers = NDArray[np.int64]
_WEEK = 7 * MICROSECONDS_PER_DAY


@dataclass(frozen=True, eq=False, slots=True)
class HearingDates:
    """The dates for which a station books cases, in order, as arrays.

    Times are microseconds since the scenario's start.

    Attributes
    ----------
    days, opens, closes : ndarray of int64
        The day since the start, the first opening and the last close of each date.
    slots : ndarray of int64
        The number of slots that cases may take.
    closed_from, suspended_from : ndarray of int64
        When it becomes known that the date is closed, or suspended for cases that are not exempt; `FAR` if it is not.
    """

    days: Integers
    opens: Integers
    closes: Integers
    slots: Integers
    closed_from: Integers
    suspended_from: Integers

    def announced(self, horizon: int) -> list[int]:
        """Return the instants of a run, after its start, at which dates become known to be closed or suspended."""
        at = np.unique(np.concatenate([self.closed_from, self.suspended_from]))
        return [int(instant) for instant in at[(at > 0) & (at <= horizon)]]

    def held(self, horizon: int) -> list[int]:
        """Return the indices of the dates of a run that are open."""
        return [int(k) for k in np.flatnonzero((self.closed_from == FAR) & (self.opens <= horizon))]


def hearing_dates(
    ahead: DatesAhead,
    sizes: Sequence[tuple[int, int]],
    slots: Integers,
    overbook: float,
    suspensions: Sequence[tuple[int, int, int]],
    weekly_until: int | None,
) -> HearingDates:
    """Return the hearing dates of a station.

    Parameters
    ----------
    ahead : DatesAhead
    sizes : sequence of (microseconds, servers)
        The size from each time on.
    slots : ndarray of int64
        The slots of a server on each date.
    overbook : float
        The cases that are booked for a date, as a multiple of its slots.
    suspensions : sequence of (int, int, int)
        Start, end, and the time from which each suspension is known.
    weekly_until : int or None
        The end of the run, if sizes repeat by weekday after it: they are those of the last week of the run.
    """
    days, opens, closes = (np.array(times, np.int64) for times in (ahead.days, ahead.opens, ahead.closes))
    back = np.zeros(len(days), np.int64)
    if weekly_until is not None:
        back = -(-np.maximum(closes - weekly_until, 0) // _WEEK) * _WEEK
    share = Fraction(str(overbook))
    capacity = slots * _largest(sizes, opens - back, closes - back) * share.numerator // share.denominator
    suspended_from = np.full(len(days), FAR)
    for start, end, known in suspensions:
        hit = (days * MICROSECONDS_PER_DAY >= start) & (days * MICROSECONDS_PER_DAY < end)
        suspended_from[hit] = np.minimum(suspended_from[hit], known)
    return HearingDates(days, opens, closes, capacity, np.array(ahead.closed_from, np.int64), suspended_from)


def _largest(sizes: Sequence[tuple[int, int]], opens: Integers, closes: Integers) -> Integers:
    """Return the largest size between an opening and a close."""
    times, size = np.array(sizes, np.int64).reshape(-1, 2).T
    first = np.maximum(np.searchsorted(times, opens, side="right") - 1, 0)
    last = np.maximum(np.searchsorted(times, closes, side="left") - 1, first)
    largest = size[first]
    for k in np.flatnonzero(last > first):
        largest[k] = size[first[k] : last[k] + 1].max()
    return largest
