"""How much do people work? Time on shift, busy time and overtime of the servers of each place of a pool."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog, Sizes
from simulations.measuring.frame import Frame
from simulations.measuring.measured import Places
from simulations.measuring.sums import ratio
from simulations.scenarios.scenario import Pool
from simulations.timing.calendars import Calendar
from simulations.timing.clock import MICROSECONDS_PER_HOUR

__all__ = [
    "PoolTime",
    "distinct",
    "pool_times",
    "so_far",
    "time_between",
    "times_by_instant",
    "utilisation",
    "wrong_starts",
]

_MARK, _STARTED = 1, 2
"""Entries for one instant are in this order, after those of work that ends."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PoolTime:
    """Time of the servers of one place of a pool, in server-microseconds.

    Attributes
    ----------
    shift : int
        Servers times the time that they are on shift.
    busy : int
        Of that, what they work.
    overtime : int
        What they work off shift, or above the size after a cut.
    """

    shift: int
    busy: int
    overtime: int

    def __add__(self, other: PoolTime) -> PoolTime:
        return PoolTime(self.shift + other.shift, self.busy + other.busy, self.overtime + other.overtime)


def pool_times(log: EventLog, pool: str, since: int, untils: Sequence[int]) -> dict[int, list[PoolTime]]:
    """Return the times of the servers of each place of a pool from one instant until each of some others; none before it."""
    spec = log.cases.scenario.pools[pool]
    found = {until: [PoolTime(0, 0, 0)] * len(spec.calendars) for until in untils}
    later = sorted(until for until in found if until > since)
    for place in range(len(spec.calendars) if later else 0):
        rows, bounds = log.served(pool, place), np.array([since, *later], np.int64)
        started, ended = (log.columns[name][rows] for name in ("started_at", "happened_at"))
        parts = time_between(spec, place, log.sizes(pool), started, ended, bounds)
        for until, time in zip(later, itertools.accumulate(parts), strict=True):
            found[until][place] = time
    return found


def times_by_instant(frame: Frame) -> dict[str, list[list[PoolTime]]]:
    """Return the times of each pool's servers until each instant, place by place, those of all courts last."""
    found: dict[str, list[list[PoolTime]]] = {}
    for name, pool in frame.log.cases.scenario.pools.items():
        times = pool_times(frame.log, name, max(frame.since, 0), frame.untils.tolist()).values()
        whole = [sum(places, start=PoolTime(0, 0, 0)) for places in times]
        found[name] = [[*(places if pool.at_court else ()), all_] for places, all_ in zip(times, whole, strict=True)]
    return found


def utilisation(times: Mapping[str, Sequence[Sequence[PoolTime]]]) -> dict[str, Places]:
    """Return the use of each pool: the share of its time on shift that it works, and hours of overtime."""
    found: dict[str, Places] = {}
    for pool, by_instant in times.items():
        shift, busy, overtime = (
            np.array([[[float(getattr(time, part))] for time in places] for places in by_instant])
            for part in ("shift", "busy", "overtime")
        )
        found[f"utilisation.{pool}"] = ratio(busy, shift)
        found[f"overtime.{pool}"] = overtime / MICROSECONDS_PER_HOUR
    return found


def time_between(
    spec: Pool,
    place: int,
    sizes: Sizes,
    started: Integers,
    ended: Integers,
    bounds: Integers,
) -> list[PoolTime]:
    """Return the times of the servers of one place of a pool between each two instants that follow each other.

    Parameters
    ----------
    spec : Pool
    place : int
    sizes : Sizes
        Of every place of the pool.
    started, ended : ndarray of int
        When each piece of work of this place was begun, and when it ended, in microseconds since the start.
    bounds : ndarray of int
        Two or more instants, increasing.
    """
    marks, on, size = _marks(spec.calendars[place], sizes[place], tuple(bounds.tolist()))
    # Where a bound lies behind the last mark there is nothing.
    first = np.minimum(np.searchsorted(marks, bounds[:-1]), len(marks) - 1)
    shift = np.add.reduceat(size * on * np.diff(marks, append=bounds[-1]), first)
    at, kind, working = _working(started, ended, marks)
    marked = np.flatnonzero(kind == _MARK)
    length, so_many = np.diff(at, append=bounds[-1]), np.diff(marked, append=len(at))
    busy = np.minimum(working, np.repeat(size * on, so_many))
    effort = working * np.repeat(on, so_many) if spec.at_shift_end == "suspend" else working
    sums = [shift, *(np.add.reduceat(part * length, marked[first]) for part in (busy, effort - busy))]
    return [PoolTime(*parts) for parts in zip(*(part.tolist() for part in sums), strict=True)]


def wrong_starts(
    calendar: Calendar, sizes: tuple[tuple[int, int], ...], horizon: int, started: Integers, ended: Integers
) -> tuple[Integers, Integers]:
    """Return when work of one place of a pool starts off shift, and when it starts without a free server, in order.

    What starts before the run or after it is said to start just before or after.
    """
    marks, on, size = _marks(calendar, sizes, (-1, horizon + 1))
    at, kind, working = _working(started, ended, marks)
    so_many, starts = np.diff(np.flatnonzero(kind == _MARK), append=len(at)), kind == _STARTED
    # Of several that start at one instant the last one counts: by then, so many work.
    off_shift = starts & np.repeat(on == 0, so_many)
    return at[off_shift], at[starts & (working > np.repeat(size, so_many))]


@lru_cache(maxsize=256)
def _marks(
    calendar: Calendar, sizes: tuple[tuple[int, int], ...], bounds: tuple[int, ...]
) -> tuple[Integers, NDArray[np.int32], NDArray[np.int32]]:
    """Return the instants at which anything changes by itself, and from each on whether it is a shift, and how many servers there are."""
    opens, closes, _ = calendar.arrays()
    times, size = np.array(sizes, np.int64).reshape(-1, 2).T
    marks = distinct(np.clip(np.concatenate([times, opens, closes, bounds]), bounds[0], bounds[-1]))
    on = so_far(opens, marks) - so_far(closes, marks)
    return marks, on.astype(np.int32), size[np.maximum(so_far(times, marks) - 1, 0)].astype(np.int32)


def _working(
    started: Integers, ended: Integers, marks: Integers
) -> tuple[Integers, NDArray[np.int8], NDArray[np.int32]]:
    """Return every instant from the first mark to the last at which work ends, there is a mark, or work starts; which it is; and how many work.

    Of several entries for one instant the last one counts.
    """
    at = np.concatenate([ended, marks, started])
    np.clip(at, marks[0], marks[-1], out=at)
    # Below each instant stands what happens at it: numpy sorts numbers several times as fast as it finds their order.
    at <<= 2
    at[len(ended) :] += _MARK
    at[len(ended) + len(marks) :] += _STARTED - _MARK
    at.sort()
    kind = (at & 3).astype(np.int8)
    at >>= 2
    working = np.cumsum((kind - np.int8(_MARK)).astype(np.int32), dtype=np.int32)
    begin = int(np.argmax(kind == _MARK))
    return at[begin:], kind[begin:], working[begin:]


def distinct(instants: Integers) -> Integers:
    """Return some instants in their order, each once."""
    found = np.sort(instants)
    keep = np.append(True, found[1:] > found[:-1])  # np.unique takes several times as long
    return np.asarray(found[keep])


def so_far(instants: Integers, at: Integers) -> Integers:
    """Return how many of some instants lie at or before each of others."""
    return np.asarray(np.searchsorted(np.sort(instants), at, side="right"))
