"""How much do people work? Time on shift, busy time and overtime of the servers of each place of a pool."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog, Sizes
from simulations.measuring.frame import Frame
from simulations.measuring.measured import Places
from simulations.measuring.sums import ratio
from simulations.scenarios.scenario import Pool
from simulations.timing.clock import MICROSECONDS_PER_HOUR

__all__ = ["PoolTime", "pool_times", "so_far", "time_between", "times_by_instant", "utilisation"]


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
    spec, served = log.cases.scenario.pools[pool], log.served[pool]
    found = {until: [PoolTime(0, 0, 0)] * len(spec.calendars) for until in untils}
    later = sorted(until for until in found if until > since)
    for place in range(len(spec.calendars) if later else 0):
        here, bounds = served.at(place), np.array([since, *later], np.int64)
        parts = time_between(spec, place, log.sizes(pool), served.started[here], served.ended[here], bounds)
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
    started: NDArray[np.int64],
    ended: NDArray[np.int64],
    bounds: NDArray[np.int64],
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
    opens, closes, _ = spec.calendars[place].arrays()
    times = np.array([t for t, _ in sizes[place]], np.int64)
    # At every instant at which either changes: how many servers there are, and whether it is a shift.
    marks = np.unique(np.clip(np.concatenate([times, opens, closes, bounds]), bounds[0], bounds[-1]))
    size = np.array([n for _, n in sizes[place]], np.int64)[np.maximum(so_far(times, marks) - 1, 0)]
    on = so_far(opens, marks) - so_far(closes, marks)
    first = np.minimum(
        np.searchsorted(marks, bounds[:-1]), len(marks) - 1
    )  # where a bound lies behind the last: nothing
    shift = np.add.reduceat(size * on * np.diff(marks, append=bounds[-1]), first)
    at, marked, working = _working(started, ended, marks)
    length, so_many = np.diff(at, append=bounds[-1]), np.diff(marked, append=len(at))
    busy = np.minimum(working, np.repeat(size * on, so_many))
    effort = working * np.repeat(on, so_many) if spec.at_shift_end == "suspend" else working
    sums = [shift, *(np.add.reduceat(part * length, marked[first]) for part in (busy, effort - busy))]
    return [PoolTime(*parts) for parts in zip(*(part.tolist() for part in sums), strict=True)]


def _working(
    started: NDArray[np.int64], ended: NDArray[np.int64], marks: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return some instants, in their order, at which work begins or ends or there is a mark; which are the marks; and how many work.

    Of several entries for one instant the last one counts. Before the first mark and after the last there are none.
    """
    at = np.concatenate([ended, marks, started])
    np.clip(at, marks[0], marks[-1], out=at)
    at <<= (
        2  # below each instant, what happens at it: numpy sorts numbers several times as fast as it finds their order
    )
    at[len(ended) :] += 1
    at[len(ended) + len(marks) :] += 1
    at.sort()
    kind = (at & 3).astype(np.int8)
    marked = np.flatnonzero(kind == 1)
    working = np.cumsum(kind - 1, dtype=np.int64)
    return at[marked[0] :] >> 2, marked - marked[0], working[marked[0] :]


def so_far(instants: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of some instants lie at or before each of others."""
    return np.asarray(np.searchsorted(np.sort(instants), at, side="right"))
