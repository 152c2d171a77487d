"""What keeps cases waiting for a station over time, and when a case has its first chance to start there.

A station is closed, suspended, without staff, out of slots, or open. Every piece of a timeline has one of these causes.
Times are whole microseconds since the start of the run.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog
from simulations.measuring.descriptors import CAPACITY_PARTS
from simulations.measuring.slots import slots_begin, slots_taken
from simulations.measuring.utilisation import distinct, so_far
from simulations.scenarios.scenario import Pool
from simulations.timing.calendars import FAR, Calendar, ShiftEnd
from simulations.timing.clock import MICROSECONDS_PER_DAY, Epoch

_CODES = {cause: code for code, cause in enumerate(CAPACITY_PARTS)}
_OPEN = _CODES["no_free_server"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Timeline:
    """The cause of waiting for a station over time.

    Attributes
    ----------
    at : ndarray of int64, shape (n,)
        The instants at which the cause may change; the first is 0.
    cause : ndarray of int8, shape (n,)
        Index into `CAPACITY_PARTS` of the cause from each instant on.
    total : mapping of str to ndarray of int64, shape (n,)
        Total time that each cause has held before each instant.
    """

    at: Integers
    cause: NDArray[np.int8]
    total: Mapping[str, Integers]

    @classmethod
    def of(cls, at: Integers, cause: NDArray[np.int8]) -> Timeline:
        """Return a timeline without the instants at which the cause stays the same."""
        changes = np.append(True, cause[1:] != cause[:-1])
        at, cause = at[changes], cause[changes]
        length, names = np.diff(at), tuple(CAPACITY_PARTS)
        codes = np.unique(cause).tolist()
        return cls(at, cause, {names[c]: np.append(0, np.cumsum(length * (cause[:-1] == c))) for c in codes})

    def split(self, *instants: Integers) -> Iterator[tuple[str, list[Integers]]]:
        """Yield each cause with the times that it held between successive instants of each case."""
        rest = [later - earlier for earlier, later in itertools.pairwise(instants)]
        *causes, last_cause = self.total
        places = [self._place(times) for times in instants] if causes else []
        here = [
            (place, self.cause.take(place), times - self.at.take(place)) for place, times in zip(places, instants, strict=False)
        ]
        for cause in causes:
            before = [self.total[cause].take(place) + (now == _CODES[cause]) * since for place, now, since in here]
            held = [later - earlier for earlier, later in itertools.pairwise(before)]
            for left, length in zip(rest, held, strict=True):
                left -= length
            yield cause, held
        yield last_cause, rest

    def holds(self, cause: str, times: Integers) -> NDArray[np.bool_]:
        """Return whether a cause holds at each time."""
        return np.asarray(self.cause.take(self._place(times)) == _CODES[cause])

    def _place(self, times: Integers) -> Integers:
        return np.asarray(np.searchsorted(self.at, times, side="right") - 1)


@dataclass(frozen=True)
class _Windows:
    """The times at which a station is open, has staff and is not suspended, in order. The last window lies after the run.

    Attributes
    ----------
    begin, end : ndarray of int64, shape (n,)
        Half-open; each window lies in one working interval.
    interval : ndarray of int64, shape (n,)
        Index of the working interval.
    opening, close : ndarray of int64, shape (n,)
        Of the working interval.
    """

    begin: Integers
    end: Integers
    interval: Integers
    opening: Integers
    close: Integers

    def until(self, end: Integers) -> _Windows:
        """Return the windows that end at these times, without the empty ones."""
        k = np.flatnonzero(end > self.begin)
        return _Windows(self.begin[k], end[k], self.interval[k], self.opening[k], self.close[k])


@dataclass(frozen=True)
class StationTimes:
    """The timeline of a station, and its windows for starting work.

    Attributes
    ----------
    windows : _Windows
        Without regard to slots.
    with_slots : _Windows or None
        As long as slots are left. ``None`` if the pool has no slots.
    fit : bool
        Whether work must fit into a working interval.
    """

    calendar: Calendar
    timeline: Timeline
    windows: _Windows
    with_slots: _Windows | None
    fit: bool

    def first_chance(self, enabled: Integers, since: Integers, length: Integers) -> Integers:
        """Return the first instant at or after `since` at which each case could start if no other case were there.

        The pool is open, has staff and is not suspended. In the interval in which the work was enabled it also has a slot
        left. Under ``fit`` the work fits.

        Parameters
        ----------
        enabled, since : ndarray of int64, shape (n,)
            `since` is not before `enabled`.
        length : ndarray of int64, shape (n,)
            Of the work; read only under ``fit``.
        """
        windows = self.windows
        if self.with_slots is None and not self.fit:
            return np.maximum(windows.begin.take(np.searchsorted(windows.end, since, side="right")), since)
        here = self._interval(enabled)
        now = windows if self.with_slots is None else self.with_slots
        k = np.searchsorted(now.end, since, side="right")
        chance = np.maximum(now.begin.take(k), since)
        found = (now.interval.take(k) == here) & self._fits(now, k, chance, length)
        later = np.flatnonzero(~found)
        chance[later] = self._in_later_interval(here[later], since[later], length[later])
        return chance

    def end_of_interval(self, enabled: Integers) -> Integers:
        """Return the close of the working interval that contains each time, or the last close before it; 0 for none."""
        closes = np.array((*self.calendar.closes, 0), np.int64)
        return closes.take(self._interval(enabled))

    def _interval(self, times: Integers) -> Integers:
        """Return the index of the last working interval that opens at or before each time, -1 for none."""
        return np.asarray(np.searchsorted(np.array(self.calendar.opens, np.int64), times, side="right") - 1)

    def _in_later_interval(self, interval: Integers, since: Integers, length: Integers) -> Integers:
        """Return the first chance at or after `since` in an interval after this one. Slots do not count there."""
        windows = self.windows
        k = np.maximum(
            np.searchsorted(windows.interval, interval, side="right"), np.searchsorted(windows.end, since, side="right")
        )
        chance = np.maximum(windows.begin.take(k), since)
        unfit = np.flatnonzero(~self._fits(windows, k, chance, length))
        chance[unfit] = self._next_that_fits(k[unfit] + 1, length[unfit])
        return chance

    def _fits(self, windows: _Windows, k: Integers, at: Integers, length: Integers) -> NDArray[np.bool_]:
        if not self.fit:
            return np.ones(len(at), bool)
        long = (length > self.calendar.longest) & (at == windows.opening.take(k))
        return np.asarray(long | (at + length <= windows.close.take(k)))

    def _next_that_fits(self, k: Integers, length: Integers) -> Integers:
        """Return the begin of the first window from the k-th on in which each work fits."""
        windows, last = self.windows, len(self.windows.begin) - 1
        room = windows.close - windows.begin
        rooms = distinct(room)
        # Work longer than every interval needs an opening; other work needs room. Rooms have few distinct lengths.
        needed = np.where(length > self.calendar.longest, -1, np.searchsorted(rooms, length))
        chance = np.empty(len(k), np.int64)
        for kind in np.unique(needed).tolist():
            fitting = windows.begin == windows.opening if kind < 0 else room >= np.append(rooms, FAR + 1)[kind]
            at, mine = np.append(np.flatnonzero(fitting), last), np.flatnonzero(needed == kind)
            chance[mine] = windows.begin[at[np.searchsorted(at, np.minimum(k[mine], last))]]
        return chance


def station_times(log: EventLog, pool: Pool, station: int, suspensions: tuple[tuple[int, int], ...]) -> StationTimes:
    """Return the times of a station with these suspensions: half-open, and none for cases that are exempt."""
    scenario, fit = log.cases.scenario, pool.at_shift_end == ShiftEnd.FIT
    base = _base(pool.calendars[station], scenario.starts, scenario.horizon, log.sizes(pool.name)[station], suspensions)
    if pool.slots is None and not fit:
        return StationTimes(pool.calendars[station], base.timeline, base.windows, None, False)
    rows = log.served(pool.name, station)
    used_up, at = np.full(len(base.at), FAR), base.at
    if pool.slots is not None:
        new = rows[~np.isin(rows, log.interruptions.following)]  # interrupted work uses no slot
        started = np.repeat(log.columns["started_at"][new], slots_taken(scenario, log.columns["activity"][new]))
        calendar = pool.calendars[station]
        opens, interval = calendar.arrays()[0], so_far(calendar.arrays()[0], base.at) - 1
        days = np.append(calendar.days, 0)[interval]
        opening = np.append(opens[slots_begin(pool, station)], -1)[interval]
        used_up = base.slots_used_up(pool.slots_on(days), np.sort(started), opening)
        at = np.append(at, np.maximum(used_up, at)[used_up < FAR])
    if fit:
        started, ended = (log.columns[name][rows] for name in ("started_at", "happened_at"))
        at = np.concatenate([at, started, ended])
    at = distinct(at)
    piece = np.searchsorted(base.at, at, side="right") - 1
    cause = base.cause[piece]
    is_open = cause == _OPEN
    if fit:
        cause[is_open & (base.size[piece] > so_far(started, at) - so_far(ended, at))] = _CODES["does_not_fit"]
    cause[is_open & (used_up[piece] <= at)] = _CODES["slots_used_up"]
    with_slots = None
    if pool.slots is not None:
        of_windows = np.append(used_up[base.cause == _OPEN], FAR)
        with_slots = base.windows.until(np.minimum(base.windows.end, of_windows + 1))
    return StationTimes(pool.calendars[station], Timeline.of(at, cause), base.windows, with_slots, fit)


@dataclass(frozen=True)
class _Base:
    """What does not depend on the cases: pieces of time with one cause, one size and one working interval."""

    at: Integers
    cause: NDArray[np.int8]
    size: Integers
    opening: Integers
    close: Integers
    timeline: Timeline
    windows: _Windows

    def slots_used_up(self, slots: Integers, started: Integers, opening: Integers) -> Integers:
        """Return when the slots of the working interval of each piece are used up; `FAR` if they are not, or it is closed.

        `slots` has those of a server in each piece, `started` the start of new work, once for each slot that it used, and `opening` the
        instant from which the slots of each piece count.
        """
        is_open = self.cause == _OPEN
        last = np.searchsorted(started, opening) + slots * self.size - 1
        at = np.append(started, FAR).take(np.clip(last, 0, len(started)))
        at = np.where(slots == 0, self.opening, at)
        return np.where(is_open & (at < self.close), at, FAR)


@lru_cache(maxsize=256)
def _base(
    calendar: Calendar,
    starts: dt.date,
    horizon: int,
    sizes: tuple[tuple[int, int], ...],
    suspensions: tuple[tuple[int, int], ...],
) -> _Base:
    """Return the pieces of time of a station with this calendar, these sizes and these suspensions."""
    opens, closes, _ = calendar.arrays()
    times, size = np.array(sizes, np.int64).reshape(-1, 2).T
    suspended, closed = np.array(suspensions, np.int64).reshape(-1, 2), _closed_days(calendar, Epoch(starts))
    at = distinct(np.concatenate([opens, closes, times, closed.ravel(), suspended.ravel(), [0]]))
    at = at[(at >= 0) & (at < horizon)]
    size = size[np.maximum(so_far(times, at) - 1, 0)]
    interval = so_far(opens, at) - 1
    opening, close = (np.append(ends, -1)[interval] for ends in (opens, closes))
    cause = np.where(_within(closed, at), _CODES["holiday"], _CODES["off_shift"]).astype(np.int8)
    cause[at < close] = _OPEN
    cause[(at < close) & (size == 0)] = _CODES["no_staff"]
    cause[_within(suspended, at)] = _CODES["suspended"]
    ends, k = np.append(at[1:], FAR), np.flatnonzero(cause == _OPEN)
    columns = ((at[k], FAR), (ends[k], FAR + 1), (interval[k], len(opens)), (opening[k], FAR), (close[k], FAR))
    windows = _Windows(*(np.append(values, after) for values, after in columns))
    return _Base(at, cause, size, opening, close, Timeline.of(at, cause), windows)


def _closed_days(calendar: Calendar, epoch: Epoch) -> Integers:
    """Return holidays and closures as intervals, except dates with hours of their own."""
    own = {day for day, _ in calendar.extra}
    days = sorted({day for day, _ in calendar.holidays} | set(calendar.closed))
    starts = [epoch.microseconds(dt.date.fromisoformat(day)) for day in days if day not in own]
    return np.array([[t, t + MICROSECONDS_PER_DAY] for t in starts], np.int64).reshape(-1, 2)


def _within(intervals: Integers, at: Integers) -> NDArray[np.bool_]:
    """Return whether each instant lies in at least one of the half-open intervals."""
    return so_far(intervals[:, 0], at) > so_far(intervals[:, 1], at)
