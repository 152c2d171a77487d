"""What work costs that does not fit into a shift: servers that are idle behind it, and its overtime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.frame import Frame
from simulations.measuring.measured import ByCourt
from simulations.measuring.timelines import station_times
from simulations.measuring.utilisation import distinct, so_far
from simulations.scenarios.scenario import Pool
from simulations.timing.calendars import Calendar
from simulations.timing.clock import MICROSECONDS_PER_HOUR

Integers = NDArray[np.int64]


def unfit(frame: Frame, pools: Sequence[str]) -> dict[str, ByCourt]:
    """Return the hours that servers were idle behind work that did not fit, and the overtime of long work, by instant."""
    values: dict[str, ByCourt] = {}
    since, untils = max(frame.since, 0), frame.untils
    for name in pools:
        pool = frame.log.cases.scenario.pools[name]
        stations = range(len(pool.calendars))
        idle, overtime = (
            np.array([measure(frame.log, pool, station, since, untils) for station in stations]).T
            for measure in (_idle, _overtime_of_long_work)
        )
        for measure, hours in ((f"idle_behind_unfit.{name}", idle), (f"overtime_of_long_work.{name}", overtime)):
            whole = hours.sum(axis=1, keepdims=True)
            by_court = np.concatenate([hours, whole], axis=1) if pool.at_court else whole
            values[measure] = by_court[:, :, np.newaxis] / MICROSECONDS_PER_HOUR
    return values


def _idle(log: EventLog, pool: Pool, station: int, since: int, untils: Integers) -> list[int]:
    """Return the time until each instant in which a server was free and on shift while the first case did not fit.

    Under ``fit`` nothing else keeps a case waiting then, outside suspensions and with a slot left. Of several free servers,
    as many count as there are cases that wait.
    """
    sizes = np.array(log.sizes(pool.name)[station], np.int64).reshape(-1, 2)
    rows = _rows_at(log, pool.name, station)
    enabled, begun, left = (log.columns[column][rows] for column in ("enabled_at", "started_at", "happened_at"))
    served = begun > NEVER
    started, ended, waited = begun[served], left[served], np.where(served, begun, left)
    suspensions = tuple((s.start, s.end) for s in log.cases.scenario.suspensions_at(pool.name, station))
    timeline = station_times(log, pool, station, suspensions).timeline
    at = np.concatenate([timeline.at, sizes[:, 0], enabled, waited, started, ended, untils, [since]])
    at = distinct(np.clip(at, since, int(untils[-1])))
    free = sizes[np.maximum(so_far(sizes[:, 0], at) - 1, 0), 1] - (so_far(started, at) - so_far(ended, at))
    waiting = so_far(enabled, at) - so_far(waited, at)
    idle = np.minimum(np.maximum(free, 0), waiting) * timeline.holds("does_not_fit", at)
    total = np.append(0, np.cumsum(idle[:-1] * np.diff(at)))
    return [int(total[np.searchsorted(at, until)]) if until > since else 0 for until in untils.tolist()]


def _overtime_of_long_work(log: EventLog, pool: Pool, station: int, since: int, untils: Integers) -> list[int]:
    """Return the time off shift until each instant of work that is longer than every interval; unfinished work as observed."""
    calendar, rows = pool.calendars[station], log.served(pool.name, station)
    started, ended = (log.columns[column][rows] for column in ("started_at", "happened_at"))
    hours = []
    for until in untils.tolist():
        end = np.minimum(ended, until)
        long = end - started > calendar.longest
        begin, end = np.maximum(started[long], since), np.maximum(end[long], since)
        hours.append(int((end - begin - _worked(calendar, end) + _worked(calendar, begin)).sum()))
    return hours


def _worked(calendar: Calendar, at: Integers) -> Integers:
    """Return the working time of a calendar up to each time."""
    opens, closes, worked = calendar.arrays()
    if not len(opens):
        return np.zeros(len(at), np.int64)
    k = np.searchsorted(opens, at, side="right") - 1
    return np.where(k < 0, 0, worked[k] + np.minimum(at, closes[k]) - opens[k])


def _rows_at(log: EventLog, pool: str, station: int) -> Integers:
    """Return the rows that belong to a station of a pool."""
    for name, each in log.cases.scenario.pools.items():
        if name == pool:
            break
        station += len(each.calendars)
    by_station = log.by_station
    return by_station.rows[by_station.first[station] : by_station.first[station + 1]]
