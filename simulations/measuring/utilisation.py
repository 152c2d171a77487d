"""Utilisation: time on shift, busy time and overtime of the servers of each station of a pool."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog, Sizes
from simulations.measuring.frame import Frame
from simulations.measuring.measured import ByCourt
from simulations.measuring.sums import ratio
from simulations.scenarios.scenario import Pool
from simulations.timing.calendars import Calendar
from simulations.timing.clock import MICROSECONDS_PER_HOUR

_MARK, _STARTED = 1, 2
"""At one instant, ends of work (0) come first, then marks, then starts of work."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PoolTime:
    """Time of the servers of one station of a pool, in server-microseconds.

    Attributes
    ----------
    shift : int
        Time on shift.
    busy : int
        Time on shift that they work.
    overtime : int
        Time that they work off shift, or above the size of the pool after a cut.
    """

    shift: int
    busy: int
    overtime: int

    def __add__(self, other: PoolTime) -> PoolTime:
        return PoolTime(self.shift + other.shift, self.busy + other.busy, self.overtime + other.overtime)


def pool_times(log: EventLog, pool: str, since: int, untils: Sequence[int]) -> dict[int, list[PoolTime]]:
    """Return the times of each station of a pool from `since` until each instant; zeros for instants before `since`."""
    spec = log.cases.scenario.pools[pool]
    times = {until: [PoolTime(0, 0, 0)] * len(spec.calendars) for until in untils}
    later = sorted(until for until in times if until > since)
    for station in range(len(spec.calendars) if later else 0):
        rows, bounds = log.served(pool, station), np.array([since, *later], np.int64)
        started, ended = (log.columns[name].take(rows) for name in ("started_at", "happened_at"))
        parts = time_between(spec, station, log.sizes(pool), started, ended, bounds)
        for until, time in zip(later, itertools.accumulate(parts), strict=True):
            times[until][station] = time
    return times


def times_by_instant(frame: Frame, pools: Sequence[str]) -> dict[str, list[list[PoolTime]]]:
    """Return the times of these pools by instant and station, with all courts last."""
    by_pool: dict[str, list[list[PoolTime]]] = {}
    for name in pools:
        pool = frame.log.cases.scenario.pools[name]
        times = pool_times(frame.log, name, max(frame.since, 0), frame.untils.tolist()).values()
        whole = [sum(stations, start=PoolTime(0, 0, 0)) for stations in times]
        by_pool[name] = [[*(stations if pool.at_court else ()), all_] for stations, all_ in zip(times, whole, strict=True)]
    return by_pool


def utilisation(times: Mapping[str, Sequence[Sequence[PoolTime]]]) -> dict[str, ByCourt]:
    """Return the utilisation of each pool, and its overtime in hours."""
    values: dict[str, ByCourt] = {}
    for pool, by_instant in times.items():
        shift, busy, overtime = (
            np.array([[[float(getattr(time, part))] for time in stations] for stations in by_instant])
            for part in ("shift", "busy", "overtime")
        )
        values[f"utilisation.{pool}"] = ratio(busy, shift)
        values[f"overtime.{pool}"] = overtime / MICROSECONDS_PER_HOUR
    return values


def time_between(spec: Pool, station: int, sizes: Sizes, started: Integers, ended: Integers, bounds: Integers) -> list[PoolTime]:
    """Return the times of a station of a pool between successive instants.

    Parameters
    ----------
    spec : Pool
    station : int
    sizes : Sizes
        The sizes of every station of the pool.
    started, ended : ndarray of int
        Start and end of each piece of work at this station, in microseconds since the start of the run.
    bounds : ndarray of int
        At least two instants, increasing.
    """
    marks, on, size = _marks(spec.calendars[station], sizes[station], tuple(bounds.tolist()))
    # After the last mark there is no time.
    first = np.minimum(np.searchsorted(marks, bounds[:-1]), len(marks) - 1)
    shift = np.add.reduceat(size * on * np.diff(marks, append=bounds[-1]), first)
    at, kind, working = _working(started, ended, marks)
    marked = np.flatnonzero(kind == _MARK)
    length, n_entries = np.diff(at, append=bounds[-1]), np.diff(marked, append=len(at))
    busy = np.minimum(working, np.repeat(size * on, n_entries))
    effort = working * np.repeat(on, n_entries) if spec.at_shift_end == "suspend" else working
    sums = [shift, *(np.add.reduceat(part * length, marked[first]) for part in (busy, effort - busy))]
    return [PoolTime(*parts) for parts in zip(*(part.tolist() for part in sums), strict=True)]


def wrong_starts(
    calendar: Calendar, sizes: tuple[tuple[int, int], ...], horizon: int, started: Integers, ended: Integers
) -> tuple[Integers, Integers]:
    """Return the instants at which work of a station starts off shift, and those at which it starts without a free server.

    Starts outside the run are moved to -1 or to one microsecond after the horizon.
    """
    marks, on, size = _marks(calendar, sizes, (-1, horizon + 1))
    at, kind, working = _working(started, ended, marks)
    n_entries, starts = np.diff(np.flatnonzero(kind == _MARK), append=len(at)), kind == _STARTED
    # Of several starts at one instant, the last one has the total number of busy servers.
    off_shift = starts & np.repeat(on == 0, n_entries)
    return at[off_shift], at[starts & (working > np.repeat(size, n_entries))]


def beyond_size(
    calendar: Calendar, sizes: tuple[tuple[int, int], ...], horizon: int, started: Integers, ended: Integers
) -> Integers:
    """Return the openings of a station at which more work is in hand than its size."""
    opens = calendar.arrays()[0]
    opens = opens[opens <= horizon]
    times, size = np.array(sizes, np.int64).reshape(-1, 2).T
    in_hand = so_far(started, opens) - so_far(ended, opens)
    return np.asarray(opens[in_hand > size[np.maximum(so_far(times, opens) - 1, 0)]])


@lru_cache(maxsize=256)
def _marks(
    calendar: Calendar, sizes: tuple[tuple[int, int], ...], bounds: tuple[int, ...]
) -> tuple[Integers, NDArray[np.int32], NDArray[np.int32]]:
    """Return when the shift or the size of a station changes.

    Returns
    -------
    marks : array of int64
        The instants of a change within the bounds, and the bounds, in increasing order, in microseconds.
    on : array of int32
        From each mark on, 1 on shift and 0 off shift.
    size : array of int32
        From each mark on, the number of servers.
    """
    opens, closes, _ = calendar.arrays()
    times, size = np.array(sizes, np.int64).reshape(-1, 2).T
    marks = distinct(np.clip(np.concatenate([times, opens, closes, bounds]), bounds[0], bounds[-1]))
    on = so_far(opens, marks) - so_far(closes, marks)
    return marks, on.astype(np.int32), size[np.maximum(so_far(times, marks) - 1, 0)].astype(np.int32)


def _working(started: Integers, ended: Integers, marks: Integers) -> tuple[Integers, NDArray[np.int8], NDArray[np.int32]]:
    """Return the instants of ends of work, marks and starts of work, the kind of each, and the number of busy servers after it.

    Of several entries at one instant, the last one has the number that holds from there on.
    """
    at = np.concatenate([ended, marks, started])
    np.clip(at, marks[0], marks[-1], out=at)
    # Put the kind into the two low bits of each instant: np.sort is several times as fast as np.argsort. A stable sort uses
    # that the ends are in order, and the starts nearly so.
    at <<= 2
    at[len(ended) :] += _MARK
    at[len(ended) + len(marks) :] += _STARTED - _MARK
    at.sort(kind="stable")
    kind = (at & 3).astype(np.int8)
    at >>= 2
    working = np.cumsum((kind - np.int8(_MARK)).astype(np.int32), dtype=np.int32)
    begin = int(np.argmax(kind == _MARK))
    return at[begin:], kind[begin:], working[begin:]


def distinct(instants: Integers) -> Integers:
    """Return instants in increasing order, without duplicates."""
    ordered = np.sort(instants)
    keep = np.append(True, ordered[1:] > ordered[:-1])  # np.unique takes several times as long
    return np.asarray(ordered[keep])


def so_far(instants: Integers, at: Integers) -> Integers:
    """Return the number of instants at or before each time."""
    return np.asarray(np.searchsorted(np.sort(instants), at, side="right"))
