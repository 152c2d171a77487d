"""How much do people work? Time on shift, busy time and overtime of the servers of each place of a pool."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog, Sizes
from simulations.scenarios.scenario import Pool

__all__ = ["PoolTime", "pool_times", "so_far", "time_between"]

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
    spec, served = log.cases.scenario.pools[pool], log.served[pool]
    found = {until: [PoolTime(0, 0, 0)] * len(spec.calendars) for until in untils}
    later = sorted(until for until in found if until > since)
    for place in range(len(spec.calendars) if later else 0):
        here, bounds = served.at(place), np.array([since, *later], np.int64)
        parts = time_between(spec, place, log.sizes(pool), served.started[here], served.ended[here], bounds)
        for until, time in zip(later, itertools.accumulate(parts), strict=True):
            found[until][place] = time
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
    # At every instant at which anything changes: how many work, how many there are, and whether it is a shift.
    at = np.sort(np.clip(np.concatenate([started, ended, times, opens, closes, bounds]), bounds[0], bounds[-1]))
    at = at[np.diff(at, prepend=at[0] - 1) > 0]  # np.unique takes several times as long
    working = so_far(started, at) - so_far(ended, at)
    size = np.array([n for _, n in sizes[place]], np.int64)[np.maximum(so_far(times, at) - 1, 0)]
    on = so_far(opens, at) - so_far(closes, at)
    length = np.diff(at, append=bounds[-1])
    busy = np.minimum(working, size) * on
    effort = working * on if spec.at_shift_end == "suspend" else working
    first = np.minimum(np.searchsorted(at, bounds[:-1]), len(at) - 1)  # where a bound lies behind the last: nothing
    sums = [np.add.reduceat(part * length, first).tolist() for part in (size * on, busy, effort - busy)]
    return [PoolTime(*parts) for parts in zip(*sums, strict=True)]


def so_far(instants: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of some instants lie at or before each of others."""
    return np.asarray(np.searchsorted(np.sort(instants), at, side="right"))
