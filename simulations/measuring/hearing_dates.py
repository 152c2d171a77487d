"""Measures of hearing dates: lead times, cases that are booked again, and the days until the next free date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog
from simulations.log.row import BY_BOOKING, BY_CLOSED_DATE, BY_HORIZON, BY_NOT_CALLED, NEVER
from simulations.measuring.frame import Frame
from simulations.measuring.measured import ByCourt, Daily
from simulations.measuring.selection import Selection
from simulations.measuring.sums import ratio
from simulations.scenarios.hearing_dates import HearingDates
from simulations.scenarios.scenario import Scenario
from simulations.timing.calendars import FAR
from simulations.timing.clock import MICROSECONDS_PER_DAY

Integers = NDArray[np.int64]
_DATES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class BookedDates:
    """The bookings of a log, in the order of cases and of time.

    Attributes
    ----------
    rows, following : ndarray of int64, shape (n,)
        The row of each booking, and the next row that books the same case again, or that ends its wait or a part of its work.
    activity : ndarray of int64, shape (n,)
        The code of the activity that the case waits for.
    """

    rows: Integers
    following: Integers
    activity: Integers

    @classmethod
    def of(cls, log: EventLog) -> BookedDates:
        """Find the bookings of a log."""
        order = log.by_case.order
        cause, enabled = log.columns["cause"][order], log.columns["enabled_at"][order]
        booking = (cause >= BY_BOOKING) & (cause <= BY_CLOSED_DATE)
        ends = np.flatnonzero(booking | (enabled > NEVER))
        at = np.flatnonzero(booking)
        following = ends[np.searchsorted(ends, at, side="right")] if len(at) else at
        states = log.cases.scenario.workflow.states.values()
        of_state = np.array([-1 if s.activity is None else log.labels.activity.index(s.activity) for s in states], np.int64)
        return cls(order[at], order[following], of_state[log.columns["from_state"][order[at]]])

    def freed(self, log: EventLog) -> Integers:
        """Return the row from which the slots of each booking are free again; the number of rows if they were used."""
        booked_again = np.isin(log.columns["cause"][self.following], (BY_NOT_CALLED, BY_CLOSED_DATE))
        left = (log.columns["started_at"][self.following] == NEVER) & (log.columns["cause"][self.following] != BY_HORIZON)
        return np.where(booked_again | left, self.following, len(log))


def called_from(log: EventLog, ends: Integers) -> Integers:
    """Return when the case of each wait was first to be called: the beginning of its hearing date.

    Parameters
    ----------
    ends : ndarray of int64, shape (n_waits,)
        The rows that end the waits.

    Returns
    -------
    ndarray of int64
        Microseconds since the start; `NEVER` without a hearing date and after an interruption, `FAR` if no date was free.
    """
    begins = np.full(len(log) + 1, NEVER, np.int64)
    booked = BookedDates.of(log)
    last = booked.following.copy()
    again = np.isin(log.columns["cause"][last], (BY_NOT_CALLED, BY_CLOSED_DATE))
    by_row = np.full(len(log), -1, np.int64)
    by_row[booked.rows] = np.arange(len(booked.rows))
    for k in np.flatnonzero(again)[::-1].tolist():
        last[k] = last[by_row[last[k]]]
    came = log.columns["cause"][booked.following] != BY_CLOSED_DATE  # the date was not closed before it began
    opens = _openings(log, booked)
    begins[last[came][::-1]] = opens[came][::-1]  # of several, the first counts
    return begins[ends]


def _openings(log: EventLog, booked: BookedDates) -> Integers:
    """Return the first opening of the date of each booking; `FAR` if it has none."""
    scenario = log.cases.scenario
    opens = np.full(len(booked.rows), FAR, np.int64)
    for _, _, dates, mine in _stations(scenario, log, booked):
        day = log.columns["booked_for"][booked.rows[mine]]
        k = np.searchsorted(dates.days, day)
        opens[mine] = np.where(day < 0, FAR, dates.opens[np.minimum(k, len(dates.days) - 1)])
    return opens


def _stations(scenario: Scenario, log: EventLog, booked: BookedDates) -> list[tuple[str, int, HearingDates, Integers]]:
    """Return the stations with hearing dates: pool, number, dates, and the indices of their bookings."""
    pool_of = np.array([_pool_index(scenario, name) for name in log.labels.activity] + [-1], np.int64)[booked.activity]
    court, found = log.court_at(booked.rows), []
    for pool, of_pool in scenario.hearing_dates.items():
        here = pool_of == list(scenario.pools).index(pool)
        for station, dates in enumerate(of_pool):
            mine = np.flatnonzero(here & (court == station) if scenario.pools[pool].at_court else here)
            found.append((pool, station, dates, mine))
    return found


def _pool_index(scenario: Scenario, activity: str) -> int:
    work = scenario.work.get(activity)
    return -1 if work is None or work.pool is None else list(scenario.pools).index(work.pool)


def measure_dates(frame: Frame, wanted: Set[str]) -> dict[str, ByCourt]:
    """Return the measures of hearing dates by instant, court and group; the next free date not for groups of cases."""
    log, values = frame.log, dict[str, ByCourt]()
    scenario = log.cases.scenario
    with_dates = [name for name, work in scenario.work.items() if work.appointment is not None]
    names = {f"{kind}.{name}" for kind in ("lead_time", "rebookings") for name in with_dates}
    names |= {f"next_free.{pool}" for pool in scenario.hearing_dates}
    if wanted.isdisjoint(names):
        return {}
    booked = BookedDates.of(log)
    cause = log.columns["cause"][booked.rows]
    counted = booked.rows >= frame.n_before
    for name in with_dates:
        mine = counted & (booked.activity == log.labels.activity.index(name))
        first = booked.rows[mine & (cause == BY_BOOKING)]
        values[f"lead_time.{name}"] = _lead_times(frame, first[log.columns["booked_for"][first] >= 0])
        values[f"rebookings.{name}"] = frame.count_rows(booked.rows[mine & (cause != BY_BOOKING)])[:, 0].astype(float)
    if frame.grouping.by is None:
        free = _next_free(log, booked, frame.untils, frame.n_rows)
        values |= {f"next_free.{pool}": of_stations[:, :, np.newaxis] for pool, of_stations in free.items()}
    return {name: by_court for name, by_court in values.items() if name in wanted}


def _lead_times(frame: Frame, rows: Integers) -> ByCourt:
    """Return the mean number of days from booking to the hearing date."""
    log = frame.log
    days = log.columns["booked_for"][rows] - log.columns["happened_at"][rows] // MICROSECONDS_PER_DAY
    first = np.searchsorted(frame.n_rows - 1, rows)
    cell = frame.cell(frame.slot_of(rows), first)
    sums = frame.so_far(np.bincount(cell, days, minlength=frame.n_cells(1)), 1)[:, 0]
    return ratio(sums, frame.count_rows(rows)[:, 0])


def daily_next_free(log: EventLog, days: Sequence[dt.date | None], selection: Selection) -> list[Daily]:
    """Return the days until the next free date of each chosen pool, at the end of every day of the run but these."""
    scenario = log.cases.scenario
    courts = {pool: (*scenario.courts, "all") if scenario.pools[pool].at_court else ("all",) for pool in scenario.hearing_dates}
    chosen = {pool: [k for k, c in enumerate(courts[pool]) if selection.has(f"next_free.{pool}", c)] for pool in courts}
    if not any(chosen.values()):
        return []
    every_day = np.datetime64(scenario.starts, "D") + np.arange((scenario.ends - scenario.starts).days + 1)
    every_day = every_day[~np.isin(every_day, np.array([day for day in days if day is not None], "datetime64[D]"))]
    untils = ((every_day - np.datetime64(scenario.starts, "D")).astype(np.int64) + 1) * MICROSECONDS_PER_DAY
    n_rows = np.searchsorted(log.columns["happened_at"], untils, side="right")
    found = _next_free(log, BookedDates.of(log), untils, n_rows)
    return [
        Daily(f"next_free.{pool}", "days", every_day, tuple(courts[pool][k] for k in columns), found[pool][:, columns])
        for pool, columns in chosen.items()
        if columns
    ]


def _next_free(log: EventLog, booked: BookedDates, untils: Integers, n_rows: Integers) -> dict[str, NDArray[np.float64]]:
    """Return the days from the end of each day to the next date with a free slot, as it was then known; NaN without one.

    Parameters
    ----------
    untils : ndarray of int64, shape (n_days,)
        The ends of the days, increasing.
    n_rows : ndarray of int64, shape (n_days,)
        The number of rows up to each.

    Returns
    -------
    dict of str to ndarray, shape (n_days, n_stations)
        For each pool, by station; of a pool at each court also the mean of all, last.
    """
    scenario, freed, uses = log.cases.scenario, booked.freed(log), _uses(log, booked)
    values = {pool: np.full((len(untils), len(stations)), np.nan) for pool, stations in scenario.hearing_dates.items()}
    for pool, station, dates, mine in _stations(scenario, log, booked):
        day = log.columns["booked_for"][booked.rows[mine]]
        mine, day = mine[day >= 0], day[day >= 0]
        rows, place = np.concatenate([booked.rows[mine], freed[mine]]), np.tile(np.searchsorted(dates.days, day), 2)
        order = np.argsort(rows, kind="stable")
        change, place = np.concatenate([uses[mine], -uses[mine]])[order], place[order]
        until_row = np.searchsorted(rows[order], n_rows)
        values[pool][:, station] = _first_free(dates, untils, place, change, until_row)
    for pool, of_stations in values.items():
        if scenario.pools[pool].at_court:
            values[pool] = np.column_stack([of_stations, of_stations.mean(axis=1)])
    return values


def _first_free(
    dates: HearingDates, untils: Integers, place: Integers, change: Integers, n_changes: Integers
) -> NDArray[np.float64]:
    """Return the days from each instant to the first free date, given the changes of used slots, and their number up to each instant."""
    found, free = np.full(len(untils), np.nan), dates.slots.copy()
    known_from, starts = np.minimum(dates.closed_from, dates.suspended_from), dates.days * MICROSECONDS_PER_DAY
    first, done = np.searchsorted(starts, untils), 0
    for k, (until, n) in enumerate(zip(untils.tolist(), n_changes.tolist(), strict=True)):
        np.subtract.at(free, place[done:n], change[done:n])
        done = n
        for begin in range(int(first[k]), len(free), _DATES_AT_ONCE):
            part = slice(begin, begin + _DATES_AT_ONCE)
            here = np.flatnonzero((free[part] >= 1) & (known_from[part] > until))
            if len(here):
                found[k] = dates.days[begin + int(here[0])] - (until // MICROSECONDS_PER_DAY - 1)
                break
    return found


def _uses(log: EventLog, booked: BookedDates) -> Integers:
    """Return the slots that each booking takes."""
    works = (log.cases.scenario.work.get(name) for name in log.labels.activity)
    uses = [0 if work is None or work.appointment is None else work.appointment.uses for work in works]
    return np.array([*uses, 0], np.int64)[booked.activity]


def check_dates(log: EventLog) -> tuple[NDArray[np.bool_], Integers]:
    """Return, for each booking, whether its date has the slots that are taken, and no case is called on another date; and the rows."""
    booked, scenario = BookedDates.of(log), log.cases.scenario
    good = np.ones(len(booked.rows), bool)
    freed, uses = booked.freed(log), _uses(log, booked)
    for pool, station, dates, mine in _stations(scenario, log, booked):
        day, rows, end = log.columns["booked_for"][booked.rows[mine]], booked.rows[mine], booked.following[mine]
        place = np.searchsorted(dates.days, day)
        at = np.concatenate([rows, freed[mine]])
        order = np.lexsort((at, np.tile(place, 2)))
        change = np.concatenate([uses[mine], -uses[mine]])[order]
        total = np.cumsum(change)  # every booking is freed in the end, so each date begins at 0
        most = np.append(dates.slots, 0)[np.minimum(np.tile(place, 2)[order], len(dates.slots))]
        over = np.zeros(2 * len(mine), bool)
        over[order] = (total > most) & (np.tile(day, 2)[order] >= 0)
        started = log.columns["started_at"][end]
        calendar = scenario.pools[pool].calendars[station]
        interval = np.searchsorted(calendar.arrays()[0], started, side="right") - 1
        days = np.array([*calendar.days, -1], np.int64)
        called = started > NEVER
        good[mine] = ~over[: len(mine)] & (~called | (days[np.where(called, interval, -1)] == day))
    return good, booked.rows
