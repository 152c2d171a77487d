"""Pending and unfinished cases at the end of a day, their ages, and the flow onto and off the docket."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog
from simulations.measuring.counts import one_of
from simulations.measuring.descriptors import WORKING_AGE
from simulations.measuring.frame import Frame
from simulations.measuring.measured import ByCourt
from simulations.measuring.sums import ratio
from simulations.measuring.workdays import days_before, working_days
from simulations.scenarios.population import ORIGINS, Cases
from simulations.scenarios.scenario import Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.model.definition import StateKind

_ROWS_AT_ONCE = 1 << 20

FLOWS = frozenset({"inflow", "disposals", "clearance_rate"})
TRANSFERS = frozenset({"transfers_in", "transfers_out"})
STANDING = frozenset({"pending", "unfinished", "unfinished_age.mean", WORKING_AGE})

Integers = NDArray[np.int64]


def states_at(log: EventLog, n_rows: Integers) -> Iterator[NDArray[Any]]:
    """Yield the state of each case after each number of rows; its initial state if it has not moved or not arrived.

    The same array is reused each time.
    """
    case, to_state = log.columns["case_id"], log.columns["to_state"]
    state, begin = log.cases.state.astype(to_state.dtype), 0
    for end in n_rows.tolist():
        for start in range(begin, end, _ROWS_AT_ONCE):
            part = slice(start, min(start + _ROWS_AT_ONCE, end))
            state[case[part].astype(np.intp)] = to_state[part]  # numpy keeps the last of several assignments
        begin = end
        yield state


class Standing:
    """Count pending and unfinished cases at an instant, and measure the ages of unfinished cases."""

    def __init__(self, cases: Cases, wanted: Set[str]) -> None:
        self._cases = cases
        self.wanted = wanted & STANDING
        self._off, self._final = _off_docket(cases.scenario), _codes(cases.scenario, StateKind.FINAL)
        self._days = working_days(cases)
        self._days_before = days_before(cases, self._days)

    def at(self, until: int, n_rows: int, state: NDArray[Any], frame: Frame) -> dict[str, ByCourt]:
        """Return the measures at an instant by court and group, given the state of each case then, after `n_rows` rows."""
        if not self.wanted:
            return {}
        cases, here = self._cases, self._cases.arrived <= until
        slot, values = frame.slot_after(n_rows), dict[str, ByCourt]()
        if "pending" in self.wanted:
            values["pending"] = frame.add_up(np.flatnonzero(here & ~one_of(state, self._off)), slot=slot)
        if self.wanted == {"pending"}:
            return values
        open_ = np.flatnonzero(here & ~one_of(state, self._final))
        unfinished, age = frame.add_up(open_, slot=slot), frame.add_up(open_, until - cases.arrived[open_], slot)
        values |= {"unfinished": unfinished, "unfinished_age.mean": ratio(age, unfinished * MICROSECONDS_PER_DAY)}
        if self._days:
            courts = frame.log.courts_after(n_rows)
            counted = open_[np.isin(courts[open_], list(self._days))]
            by_now = np.zeros(frame.shape[0], np.int64)
            before = self._days_before.copy()
            for court, begin in self._days.items():
                by_now[court] = np.searchsorted(begin, until)
                moved = np.flatnonzero((courts == court) & (cases.court != court))
                before[moved] = np.searchsorted(begin, cases.arrived[moved])
            worked = by_now[courts[counted]] - before[counted]
            values[WORKING_AGE] = ratio(frame.add_up(counted, worked, slot), frame.add_up(counted, slot=slot))
        return values


@dataclass(frozen=True)
class Crossings:
    """The rows at which cases return to the docket, those at which they leave it, and those at which they change their court.

    A case that leaves the docket with the same row changes no court as far as the docket is concerned.
    """

    back: Integers
    left: Integers
    moved: Integers
    to_court: Integers

    @classmethod
    def of(cls, log: EventLog) -> Crossings:
        """Return the crossings of a log."""
        off = _off_docket(log.cases.scenario)
        was_off, is_off = (one_of(log.columns[name], off) for name in ("from_state", "to_state"))
        moved, to_court = log.transfers[~is_off[log.transfers[:, 0]]].T
        return cls(np.flatnonzero(was_off & ~is_off), np.flatnonzero(is_off & ~was_off), moved, to_court)


def flows(frame: Frame, crossings: Crossings) -> dict[str, ByCourt]:
    """Return inflow, disposals and clearance rate. Initial backlog plus inflow equals pending plus disposals."""
    cases = frame.log.cases
    counted = (rows[np.searchsorted(rows, frame.n_before) :] for rows in (crossings.back, crossings.left))
    back, left = np.moveaxis(frame.count_rows(*counted), 1, 0)
    new = (cases.origin != ORIGINS.index("backlog")) & (cases.arrived >= frame.since)
    new &= ~one_of(cases.state, _off_docket(cases.scenario))
    arriving = np.flatnonzero(new)
    inflow = back + frame.count_cases(arriving, cases.arrived[arriving])
    return {"inflow": inflow, "disposals": left, "clearance_rate": ratio(left, inflow)}


def transfers(frame: Frame, crossings: Crossings) -> dict[str, ByCourt]:
    """Return how many cases came from and went to other courts.

    Initial backlog plus inflow plus transfers in equals pending plus disposals plus transfers out, at each court.
    """
    kept = np.searchsorted(crossings.moved, frame.n_before)
    rows, to_court = crossings.moved[kept:], crossings.to_court[kept:]
    out = frame.count_rows(rows)[:, 0]
    slot = to_court * frame.shape[1] + frame.grouping.of_case.take(frame.log.columns["case_id"][rows])
    into = frame.count(slot, frame.first_row_until(rows))[:, 0]
    return {"transfers_in": into.astype(float), "transfers_out": out.astype(float)}


def daily(log: EventLog, crossings: Crossings, exclude: set[dt.date]) -> tuple[NDArray[np.datetime64], NDArray[np.int64]]:
    """Return every day except those in `exclude`, and `pending` at its end, with a column for each court and one for all."""
    scenario, cases, happened = log.cases.scenario, log.cases, log.columns["happened_at"]
    n_days, n_courts = (scenario.ends - scenario.starts).days + 1, len(scenario.courts)

    def counted(at: Integers, court: NDArray[np.integer[Any]]) -> Integers:
        counts = np.zeros(n_days * n_courts, np.int64)
        for start in range(0, len(at), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            day = np.maximum(0, (at[part] + MICROSECONDS_PER_DAY - 1) // MICROSECONDS_PER_DAY - 1)
            inside = np.flatnonzero(day < n_days)
            counts += np.bincount(day.take(inside) * n_courts + court[part].take(inside), minlength=n_days * n_courts)
        return counts

    arriving = np.flatnonzero(~one_of(cases.state, _off_docket(scenario)))
    change = counted(np.maximum(cases.arrived[arriving], 0), cases.court[arriving])
    for rows, sign in ((crossings.back, 1), (crossings.left, -1)):
        change += sign * counted(happened[rows], log.court_at(rows))
    if len(crossings.moved):
        change += counted(happened[crossings.moved], crossings.to_court)
        change -= counted(happened[crossings.moved], log.court_at(crossings.moved))
    pending = change.reshape(n_days, n_courts).cumsum(axis=0)
    days = np.datetime64(scenario.starts, "D") + np.arange(n_days)
    kept = np.ones(n_days, bool)
    kept[[(day - scenario.starts).days for day in exclude if scenario.starts <= day <= scenario.ends]] = False
    return days[kept], np.column_stack([pending, pending.sum(axis=1)])[kept]


def _off_docket(scenario: Scenario) -> list[int]:
    return _codes(scenario, StateKind.FINAL, StateKind.RESTING)


def _codes(scenario: Scenario, *kinds: StateKind) -> list[int]:
    """Return the codes of the states of these kinds."""
    return [code for code, state in enumerate(scenario.workflow.states.values()) if state.kind in kinds]
