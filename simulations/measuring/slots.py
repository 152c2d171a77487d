"""The share of the slots of each pool that cases used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import Sizes
from simulations.measuring.descriptors import slots_name
from simulations.measuring.frame import Frame
from simulations.measuring.measured import ByCourt
from simulations.measuring.sums import ratio
from simulations.measuring.utilisation import distinct, so_far
from simulations.scenarios.scenario import Pool

Integers = NDArray[np.int64]


def slots_used(frame: Frame, pools: Sequence[str]) -> dict[str, ByCourt]:
    """Return the share of slots that were used, of the shifts that began after the warm-up, by instant."""
    values: dict[str, ByCourt] = {}
    log, since = frame.log, max(frame.since, 0)
    for name in pools:
        pool = log.cases.scenario.pools[name]
        stations = []
        for station in range(len(pool.calendars)):
            rows = log.served(name, station)
            started = log.columns["started_at"][rows[~np.isin(rows, log.interruptions.following)]]
            by_instant = [
                slots_between(pool, station, log.sizes(name), started[started <= t], (since, max(t, since)))
                for t in frame.untils.tolist()
            ]
            stations.append(np.array(by_instant)[:, :, 0])
        of_stations = np.array(stations)
        whole = of_stations.sum(axis=0, keepdims=True)
        used, slots = (np.concatenate([of_stations, whole]) if pool.at_court else whole).transpose(2, 1, 0)[..., np.newaxis]
        values[slots_name(name)] = ratio(used, slots)
    return values


def slots_between(pool: Pool, station: int, sizes: Sizes, started: Integers, bounds: Sequence[int]) -> tuple[Integers, Integers]:
    """Return the cases that took a slot and the slots, of the shifts that begin between successive instants.

    Parameters
    ----------
    pool : Pool
        With slots.
    station : int
    sizes : Sizes
        The sizes of every station of the pool.
    started : ndarray of int64
        When new work started at this station.
    bounds : sequence of int
        Increasing; a shift that begins at one of them belongs to the time after it.
    """
    opens, closes, _ = pool.calendars[station].arrays()
    first = np.searchsorted(opens, bounds)
    cases = np.bincount(np.maximum(so_far(opens, started) - 1, 0), minlength=len(opens))
    times, size = np.array(sizes[station], np.int64).reshape(-1, 2).T
    at = distinct(np.append(opens, times))
    shift = so_far(opens, at) - 1
    on = np.flatnonzero((shift >= 0) & (at < np.append(closes, 0)[shift]))
    largest = np.zeros(len(opens), np.int64)
    np.maximum.at(largest, shift[on], size[np.maximum(so_far(times, at[on]) - 1, 0)])
    totals = (np.append(0, np.cumsum(of_shifts)) for of_shifts in (cases[: len(opens)], largest * (pool.slots or 0)))
    used, slots = (np.diff(total[first]) for total in totals)
    return used, slots
