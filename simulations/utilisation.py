"""How much do people work? Time on shift, busy time and overtime of the servers of each place of a pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.eventlog import EventLog

__all__ = ["PoolTime", "pool_times", "so_far"]

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


def pool_times(log: EventLog, pool: str, since: int, until: int) -> list[PoolTime]:
    """Return the times of the servers of each place of a pool between two instants."""
    spec, served = log.cases.scenario.pools[pool], log.served[pool]
    found = []
    for k, (calendar, sizes) in enumerate(zip(spec.calendars, log.sizes(pool), strict=True)):
        here = served.at(k)
        started, ended = (np.clip(t[here], since, until) for t in (served.started, served.ended))
        opens, closes, _ = calendar.arrays()
        times = np.array([t for t, _ in sizes], np.int64)
        servers = np.array([n for _, n in sizes], np.int64)
        # From each of these instants on: is it a shift, for how long so far, and how many servers are there?
        at = np.unique(np.clip(np.concatenate([times, opens, closes, np.array([since, until])]), since, until))
        on = so_far(opens, at) - so_far(closes, at)
        shift = np.concatenate([[0], np.cumsum(np.diff(at) * on[:-1])])
        size = servers[np.maximum(so_far(times, at) - 1, 0)]
        worked = int((_so_long(at, on, shift, ended) - _so_long(at, on, shift, started)).sum())
        busy = worked if not (np.diff(servers) < 0).any() else _up_to_size(started, ended, at, on, size)
        effort = worked if spec.at_shift_end == "suspend" else int((ended - started).sum())
        found.append(PoolTime(int((size[:-1] * np.diff(shift)).sum()), busy, effort - busy))
    return found


def _so_long(at: Integers, on: Integers, shift: Integers, instants: Integers) -> Integers:
    """Return for how long there has been a shift, up to each of some instants."""
    k = np.searchsorted(at, instants, side="right") - 1
    return np.asarray(shift[k] + (instants - at[k]) * on[k])


def _up_to_size(started: Integers, ended: Integers, at: Integers, on: Integers, size: Integers) -> int:
    """Add up what is worked on shift, where after a cut more may be at work than there are to be."""
    marks = np.unique(np.concatenate([started, ended, at]))
    k = np.searchsorted(at, marks, side="right") - 1
    working = so_far(started, marks) - so_far(ended, marks)
    return int((np.minimum(working, size[k]) * on[k] * np.diff(marks, append=at[-1])).sum())


def so_far(instants: Integers, at: Integers) -> Integers:
    """Return how many of some instants lie at or before each of others."""
    return np.asarray(np.searchsorted(np.sort(instants), at, side="right"))
