"""Measures of hearing dates: lead times, cases that are booked again, and the days until the next free date."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog
from simulations.log.row import BY_BOOKING, BY_CLOSED_DATE, BY_HORIZON, BY_NOT_CALLED, NEVER
from simulations.measuring.frame import Frame
from simulations.measuring.measured import ByCourt
from simulations.measuring.sums import ratio
from simulations.scenarios.hearing_dates import HearingDates
from simulations.scenarios.scenario import Scenario
from simulations.timing.calendars import FAR
from simulations.timing.clock import MICROSECONDS_PER_DAY

Integers = NDArray[np.int64]


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
        values |= _next_free(frame, booked)
    return {name: by_court for name, by_court in values.items() if name in wanted}


def _lead_times(frame: Frame, rows: Integers) -> ByCourt:
    """Return the mean number of days from booking to the hearing date."""
    log = frame.log
    days = log.columns["booked_for"][rows] - log.columns["happened_at"][rows] // MICROSECONDS_PER_DAY
    first = np.searchsorted(frame.n_rows - 1, rows)
    cell = frame.cell(frame.slot_of(rows), first)
    sums = frame.so_far(np.bincount(cell, days, minlength=frame.n_cells(1)), 1)[:, 0]
    return ratio(sums, frame.count_rows(rows)[:, 0])


def _next_free(frame: Frame, booked: BookedDates) -> dict[str, ByCourt]:
    """Return the days from the end of each day to the next date with a free slot, as it was then known; NaN without one."""
    log, values = frame.log, dict[str, ByCourt]()
    scenario, freed = log.cases.scenario, booked.freed(frame.log)
    uses = _uses(log, booked)
    for pool, station, dates, mine in _stations(scenario, log, booked):
        days = np.full(len(frame.untils), np.nan)
        day = log.columns["booked_for"][booked.rows[mine]]
        place = np.searchsorted(dates.days, day)
        for k, (until, n_rows) in enumerate(zip(frame.untils.tolist(), frame.n_rows.tolist(), strict=True)):
            taken = (day >= 0) & (booked.rows[mine] < n_rows) & (freed[mine] >= n_rows)
            used = np.bincount(place[taken], uses[mine][taken], minlength=len(dates.days))[: len(dates.days)]
            known = (dates.closed_from <= until) | (dates.suspended_from <= until)
            free = np.flatnonzero((dates.slots - used >= 1) & ~known & (dates.days * MICROSECONDS_PER_DAY >= until))
            if len(free):
                days[k] = dates.days[free[0]] - (until // MICROSECONDS_PER_DAY - 1)
        by_court = values.setdefault(
            f"next_free.{pool}", np.full((len(frame.untils), len(scenario.pools[pool].calendars), 1), np.nan)
        )
        by_court[:, station, 0] = days
    for pool in scenario.hearing_dates:
        if scenario.pools[pool].at_court:
            by_court = values[f"next_free.{pool}"]
            values[f"next_free.{pool}"] = np.concatenate([by_court, by_court.mean(axis=1, keepdims=True)], axis=1)
    return values


def _uses(log: EventLog, booked: BookedDates) -> Integers:
    """Return the slots that each booking takes."""
    works = (log.cases.scenario.work.get(name) for name in log.labels.activity)
    uses = [0 if work is None or work.appointment is None else work.appointment.uses for work in works]
    return np.array([*uses, 0], np.int64)[booked.activity]


def check_dates(log: EventLog) -> tuple[NDArray[np.bool_], Integers]:
    """Return, for each booking, whether its date has the slots that are taken, and no case is called on another date; and the cases."""
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
    return good, np.asarray(log.columns["case_id"][booked.rows], np.int64)
