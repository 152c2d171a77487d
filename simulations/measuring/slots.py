"""The share of the slots of each pool that cases used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import Sizes
from simulations.measuring.descriptors import slots_name
from simulations.measuring.frame import Frame
from simulations.measuring.measured import ByCourt
from simulations.measuring.sums import ratio
from simulations.measuring.utilisation import distinct, so_far
from simulations.scenarios.scenario import Pool, Scenario

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
            new = rows[~np.isin(rows, log.interruptions.following)]
            started = np.repeat(log.columns["started_at"][new], slots_taken(log.cases.scenario, log.columns["activity"][new]))
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


def slots_taken(scenario: Scenario, activities: NDArray[Any]) -> Integers:
    """Return the number of slots that new work of each activity, given by its code in the log, uses of a server."""
    works = (scenario.work.get(name) for name in scenario.workflow.activities)
    uses = [1 if work is None or work.appointment is None else work.appointment.uses for work in works]
    taken: Integers = np.array([*uses, 1], np.int64)[activities]
    return taken


def slots_begin(pool: Pool, station: int) -> Integers:
    """Return, for each shift of a station, the index of the shift from whose opening its slots count.

    That is the shift itself, or with hearing dates the first shift of its date.
    """
    days = np.array(pool.calendars[station].days, np.int64)
    return np.searchsorted(days, days) if pool.dates else np.arange(len(days))


def slots_between(pool: Pool, station: int, sizes: Sizes, started: Integers, bounds: Sequence[int]) -> tuple[Integers, Integers]:
    """Return the slots that were used and the slots, of the shifts that begin between successive instants.

    With hearing dates, the slots are those of a date, and count from its first shift on.

    Parameters
    ----------
    pool : Pool
        With slots.
    station : int
    sizes : Sizes
        The sizes of every station of the pool.
    started : ndarray of int64
        When new work started at this station, once for each slot that it used.
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
    begins = slots_begin(pool, station)
    if pool.dates and len(opens):
        dates = np.flatnonzero(begins == np.arange(len(opens)))
        of_dates = np.maximum.reduceat(largest, dates)
        largest[:] = 0
        largest[dates] = of_dates
    totals = (
        np.append(0, np.cumsum(of_shifts))
        for of_shifts in (cases[: len(opens)], largest * pool.slots_on(pool.calendars[station].days))
    )
    used, slots = (np.diff(total[first]) for total in totals)
    return used, slots
