"""How much do people work? Time on shift, busy time and overtime of the servers of each place of a pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.eventlog import NEVER, EventLog

__all__ = ["PoolTime", "pool_times", "so_far"]


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
    scenario = log.cases.scenario
    spec, columns = scenario.pools[pool], log.columns
    mine = (columns["pool"] == list(scenario.pools).index(pool)) & (columns["started_at"] > NEVER)
    started, ended = columns["started_at"][mine], columns["happened_at"][mine]
    court = log.cases.court[columns["case_id"][mine]] if spec.at_court else np.zeros(len(started), np.int64)
    found = []
    for k, (calendar, sizes) in enumerate(zip(spec.calendars, log.sizes(pool), strict=True)):
        opens, closes, _ = calendar.arrays()
        times = np.array([t for t, _ in sizes], np.int64)
        # At every instant at which anything changes: how many work, how many there are, and whether it is a shift.
        marks = [started[court == k], ended[court == k], times, opens, closes, np.array([since, until])]
        at = np.unique(np.clip(np.concatenate(marks), since, until))
        working = so_far(started[court == k], at) - so_far(ended[court == k], at)
        size = np.array([n for _, n in sizes], np.int64)[np.maximum(so_far(times, at) - 1, 0)]
        on = so_far(opens, at) - so_far(closes, at)
        length = np.diff(at, append=until)
        busy = np.minimum(working, size) * on
        effort = working * on if spec.at_shift_end == "suspend" else working
        found.append(
            PoolTime(int((size * on * length).sum()), int((busy * length).sum()), int(((effort - busy) * length).sum()))
        )
    return found


def so_far(instants: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of some instants lie at or before each of others."""
    return np.asarray(np.searchsorted(np.sort(instants), at, side="right"))
