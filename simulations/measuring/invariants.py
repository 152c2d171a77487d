"""Log invariants: what must hold for the log of every run. Every log is checked.

The checks add up rows and share little code with the measures. A broken invariant is an error in the engine and stops the
run. A queue that only grows is not an error; `simulations.measuring.trends` looks for it.

References
----------
Little, J. D. C. (1961). A proof for the queuing formula L = lambda W. Operations Research 9(3), 383-387.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, ByCase, EventLog, order_of
from simulations.log.row import BY_HORIZON, BY_INTERRUPTION
from simulations.measuring.counts import one_of
from simulations.measuring.hearing_dates import check_dates
from simulations.measuring.sums import add_up
from simulations.measuring.utilisation import beyond_size, wrong_starts
from simulations.scenarios.scenario import Pool
from simulations.timing.calendars import Calendar, ShiftEnd
from workflow.errors import DocketsimError
from workflow.model.definition import StateKind

_ROWS_AT_ONCE = 1 << 19


class BrokenInvariant(DocketsimError, AssertionError):
    """A log breaks an invariant. This is an error in the engine; please report it."""


def check_log(log: EventLog) -> None:
    """Check conservation, contiguous histories, Little's law and busy time.

    Raises
    ------
    BrokenInvariant
        With the invariant, and the first case or pool that breaks it.
    """
    activities, states = log.labels.activity, list(log.cases.scenario.workflow.states.values())
    present, stayed = _present(log, len(states)), [0] * len(activities)
    for start in range(0, len(log), _ROWS_AT_ONCE):
        stayed = _added(stayed, *_stays(log, slice(start, start + _ROWS_AT_ONCE)))
    # Little's law as an identity of two sums: time in a state, from the states that cases enter and leave, and stays, from the
    # times at which work was enabled and ended.
    for k, activity in enumerate(activities):
        within = sum(n for n, s in zip(present, states, strict=True) if s.activity == activity)
        if activity in log.cases.scenario.work and within != stayed[k]:
            raise BrokenInvariant(
                f"Little's law fails for {activity!r}: cases present over time {within}, stays over cases {stayed[k]} microseconds"
            )
    _busy(log)
    _conserved(log)
    _together(log)


def _present(log: EventLog, n_states: int) -> list[int]:
    """Check the history of each case, and return the time that all cases were in each state."""
    present = [0] * n_states
    for cases, by_case in _parts(log):
        present = _added(present, *_histories(log, cases, by_case))
    return present


def _together(log: EventLog) -> None:
    """Check that cases of one batch begin at the same time with the same server, and are no more than the pool serves together."""
    rows, batch = log.batches.T
    if not len(rows):
        return
    first = np.full(int(batch.max()) + 1, -1, np.int64)
    first[batch[::-1]] = rows[::-1]  # numpy keeps the last of several assignments
    for name in ("pool", "server", "started_at"):
        column = log.columns[name]
        _all(column[rows] == column[first[batch]], log, rows, f"cases that are served together differ in {name}")
    most = np.array([0 if pool.batch is None else pool.batch.most for pool in log.cases.scenario.pools.values()])
    within = np.bincount(batch)[batch] <= most[log.columns["pool"][rows]]
    _all(within, log, rows, "more cases are served together than the pool allows")


def _conserved(log: EventLog) -> None:
    """Check that cases change their courts only as the scenario says, and that each court has the cases that it should.

    The cases that began at a court and those that came, less those that went and those that ended there, are open there at the
    end. A case changes its court only with a transition that transfers cases, to a court that has a share.
    """
    scenario, rows, to_court = log.cases.scenario, *log.transfers.T
    n = len(scenario.courts)
    before = log.court_at(rows)
    _all(before != to_court, log, rows, "a case goes to the court at which it is")
    for name in set(log.columns["transition"][rows].tolist()):
        shares = scenario.transfers.get(log.labels.transition[name] if name >= 0 else "")
        possible = set[int]() if shares is None else {court for each in shares.leaves() for court in each.possible()}
        mine = log.columns["transition"][rows] == name
        _all(np.isin(to_court[mine], list(possible)), log, rows[mine], "a case goes to a court to which no transfer leads")
    final = [k for k, state in enumerate(scenario.workflow.states.values()) if state.kind is StateKind.FINAL]
    ended = np.flatnonzero(one_of(log.columns["to_state"], final) & ~one_of(log.columns["from_state"], final))
    open_ = np.flatnonzero(log.columns["cause"] == BY_HORIZON)
    still = ~one_of(log.columns["to_state"][rows], final)  # a case that ends with the same row ends at the court before it
    began = np.flatnonzero(log.cases.arrived <= scenario.horizon)
    start = np.bincount(log.cases.court.take(began), minlength=n)
    counts = (to_court[still], before[still], log.court_at(ended), log.court_at(open_))
    came, went, closed, there = (np.bincount(courts, minlength=n) for courts in counts)
    for k, court in enumerate(scenario.courts):
        if start[k] + came[k] != went[k] + closed[k] + there[k]:
            raise BrokenInvariant(
                f"the cases of {court!r} are not conserved: {start[k]} began there, {came[k]} came, {went[k]} went, {closed[k]} ended,"
                f" {there[k]} are there at the end"
            )


def _parts(log: EventLog) -> Iterator[tuple[slice, ByCase]]:
    """Yield consecutive cases with their rows. The rows of a large log are sorted a part at a time, which bounds memory."""
    n, n_parts = len(log.cases), -(-len(log) // _ROWS_AT_ONCE)
    if n_parts <= 1:
        yield slice(0, n), log.by_case
        return
    case, size = log.columns["case_id"], -(-n // n_parts)
    for begin in range(0, n, size):
        part = slice(begin, min(begin + size, n))
        rows = np.flatnonzero((case >= part.start) & (case < part.stop))
        by_case = ByCase.of(case.take(rows) - part.start, part.stop - part.start)
        yield part, ByCase(rows.take(by_case.order), by_case.first)


def _histories(log: EventLog, part: slice, by_case: ByCase) -> tuple[NDArray[np.integer[Any]], NDArray[np.int64]]:
    """Check the history of each case of a part; return the state that each row leaves, and how long the case had been in it.

    Each row begins in the state in which the row before it ended, and not earlier. The last row is in a final state or at
    the horizon.
    """
    rows, first = by_case.order, by_case.first
    cases = log.cases
    start, end, at = (log.columns[name].take(rows) for name in ("from_state", "to_state", "happened_at"))
    has_rows = np.diff(first) > 0
    seen = slice(None) if has_rows.all() else has_rows
    arrived, opening, last = cases.arrived[part], first[:-1][seen], first[1:][seen] - 1
    before, since = np.empty_like(end), np.empty_like(at)
    before[1:], since[1:] = end[:-1], at[:-1]
    before[opening], since[opening] = cases.state[part][seen], np.maximum(arrived[seen], 0)
    _all(start == before, log, rows, "a case leaves a state in which it is not")
    spans: NDArray[np.int64] = at - since
    _all(spans >= 0, log, rows, "a case moves back in time")
    horizon = cases.scenario.horizon
    if not has_rows.all():
        expected = has_rows | (arrived > horizon)
        if not expected.all():
            raise BrokenInvariant(f"a case has no row, not even one at the end: case {part.start + int(np.argmin(expected))}")
    final = np.array([s.kind is StateKind.FINAL for s in cases.scenario.workflow.states.values()])
    closed = final.take(end[last]) | (at[last] == horizon)
    _all(closed, log, rows, "a case is neither in a final state nor counted as open at the end", last)
    return start, spans


def _stays(log: EventLog, part: slice) -> tuple[NDArray[np.integer[Any]], NDArray[np.int64]]:
    """Check the order of the times of work in a batch of rows; return the activity and the length of each stay."""
    activity, enabled, started, ended = (
        log.columns[name][part] for name in ("activity", "enabled_at", "started_at", "happened_at")
    )
    in_time = (started == NEVER) | ((started >= enabled) & (started <= ended))
    _all(in_time, log, part, "work starts before it is enabled, or after it ends")
    known = enabled > NEVER
    _all(~known | ((activity >= 0) & (ended >= enabled)), log, part, "a stay is for no work, or ends before it begins")
    stopped = log.columns["cause"][part] == BY_INTERRUPTION
    if stopped.any():
        in_hand = (started > NEVER) & (log.columns["completed_at"][part] == NEVER)
        _all(~stopped | (in_hand & (activity >= 0)), log, part, "a row interrupts work that is not in hand")
    stays = np.flatnonzero(known)
    return activity[stays], (ended - enabled)[stays]


def _added(totals: list[int], codes: NDArray[np.integer[Any]], lengths: NDArray[np.int64]) -> list[int]:
    """Add lengths to totals by code, without rounding."""
    sums = add_up(codes, (len(totals), 1), lengths)[:-1, 0]
    return [total + int(more) for total, more in zip(totals, sums, strict=True)]


def _busy(log: EventLog) -> None:
    """Check that work starts only on shift and with a free server, and that no server does two things at once.

    Under ``suspend``, no more work resumes at an opening than the size allows. Without ``preempt:``, work is interrupted only
    there, or at the end of a shift if it then begins again.
    """
    horizon, in_time = log.cases.scenario.horizon, np.zeros(len(log), bool)
    for name, pool in log.cases.scenario.pools.items():
        for station, (calendar, sizes) in enumerate(zip(pool.calendars, log.sizes(name), strict=True)):
            rows, servers = log.servers(name, station)
            _one_at_a_time(log, rows, servers, name)
            started, ended = (log.columns[column].take(rows) for column in ("started_at", "happened_at"))
            off_shift, not_free = wrong_starts(calendar, sizes, horizon, started, ended)
            for wrong, what in ((off_shift, "off shift"), (not_free, "without a free server")):
                if len(wrong):
                    others = np.clip(started, -1, horizon + 1) != wrong[0]
                    _all(others, log, rows, f"work of {name!r} starts {what}")
            _resumed(log, rows, pool, calendar, sizes)
            if len(log.interruptions.rows):
                in_time[rows] |= _may_interrupt(pool, calendar, log.columns["happened_at"][rows])
    if log.cases.scenario.hearing_dates:
        good, booked = check_dates(log)
        _all(good, log, booked, "a hearing date has more cases than slots, or a case is called on another date")
    interrupted = log.interruptions.rows  # work of a team is interrupted by one of its pools
    _all(in_time[interrupted], log, interrupted, "work is interrupted during a shift")


def _may_interrupt(pool: Pool, calendar: Calendar, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether a station of a pool may interrupt work at each instant."""
    opens, closes, _ = calendar.arrays()
    if pool.preempt is not None:
        return np.ones(len(at), bool)
    if pool.begins_again:
        return np.isin(at, closes)
    return np.isin(at, opens) & (pool.at_shift_end == ShiftEnd.SUSPEND)


def _resumed(log: EventLog, rows: NDArray[np.int64], pool: Pool, calendar: Calendar, sizes: tuple[tuple[int, int], ...]) -> None:
    """Check that no more work resumes at an opening than the size allows."""
    if pool.at_shift_end == ShiftEnd.SUSPEND and any(later < size for (_, size), (_, later) in itertools.pairwise(sizes)):
        started, ended = (log.columns[column].take(rows) for column in ("started_at", "happened_at"))
        for opening in beyond_size(calendar, sizes, log.cases.scenario.horizon, started, ended)[:1]:
            in_hand = (started <= opening) & (ended > opening)
            _all(~in_hand, log, rows, f"more work of {pool.name!r} resumes than it has servers")


def _one_at_a_time(log: EventLog, rows: NDArray[np.int64], server: NDArray[np.int64], pool: str) -> None:
    """Check that each piece of work of a server starts after the one before it in the log has ended."""
    order = order_of(server, int(server.max(initial=0)) + 1)
    rows, server = rows[order], server[order]
    started, ended = (log.columns[column].take(rows) for column in ("started_at", "happened_at"))
    free = (server[1:] != server[:-1]) | (started[1:] >= ended[:-1])
    _all(free, log, rows[1:], f"a server of {pool!r} does two things at once")


def _all(
    holds: NDArray[np.bool_],
    log: EventLog,
    rows: NDArray[np.int64] | slice,
    what: str,
    of: NDArray[np.int64] | slice = slice(None),
) -> None:
    """Raise with the case of the first row for which a check does not hold; `of` selects the checked rows among `rows`."""
    if not holds.all():
        raise BrokenInvariant(f"{what}: case {int(log.columns['case_id'][rows][of][int(np.argmin(holds))])}")
