"""The visits of cases to states, up to a day, with courts, servers and what ended them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.life_cycle import NO_START
from workflow.auditing.log import AuditLog, Options
from workflow.errors import InputError
from workflow.files.table import n_of
from workflow.files.validation import format_names
from workflow.model.definition import StateKind, Workflow

Integers = NDArray[np.int64]
Truths = NDArray[np.bool_]

DAY = 86_400_000_000


@dataclass(frozen=True)
class Visits:
    """The visits that began before a day; one row each, sorted by case and time.

    Attributes
    ----------
    case : ndarray of int64
        Index into the cases of the log.
    state : ndarray of int64
    entered, left : ndarray of int64
        Instants in microseconds; `left` of an open visit is the day.
    ended : ndarray of bool
        Whether the visit ended before the day.
    row : ndarray of int64
        The row of the log that ended it; -1 if it is open.
    started_at : ndarray of int64
        When its work started; `NO_START` where the log does not say.
    court, server : ndarray of object
    first : ndarray of bool
        Whether it is the first visit of its case.
    arrived : ndarray of int64, shape (n_cases,)
        When each case arrived; `NO_START` for cases that arrive later than the day.
    home : ndarray of object, shape (n_cases,)
        The court at which each case arrived.
    """

    log: AuditLog
    as_of: int
    begin: int
    case: Integers
    state: Integers
    entered: Integers
    left: Integers
    ended: Truths
    row: Integers
    started_at: Integers
    court: NDArray[Any]
    server: NDArray[Any]
    first: Truths
    arrived: Integers
    home: NDArray[Any]

    @property
    def workflow(self) -> Workflow:
        """Return the workflow."""
        return self.log.workflow

    @property
    def length(self) -> Integers:
        """Return how long each visit lasted, or has lasted by the day."""
        return self.left - self.entered

    @property
    def transition(self) -> Integers:
        """Return the transition that ended each visit; -1 for none."""
        return np.where(self.row >= 0, self.log.transition[np.maximum(self.row, 0)], -1)

    def in_states(self, names: Any) -> Truths:
        """Return the visits to one of these states."""
        states = list(self.workflow.states)
        return np.isin(self.state, [states.index(name) for name in names])


def visits_of(log: AuditLog, as_of: int) -> Visits:
    """Return the visits that began before an instant.

    Raises
    ------
    InputError
        If no case has arrived by then, the log ends before, or no row is a step of the workflow.
    """
    _check_known(log)
    last = max(log.end or 0, int(log.at.max(initial=0)))
    first = int(log.at.min()) if len(log) else 0
    if not len(log) or as_of <= first or as_of > last + DAY:
        period = f"{np.datetime64(first, 'us').astype('datetime64[D]')} to {np.datetime64(last, 'us').astype('datetime64[D]')}"
        raise InputError(
            [f"--as-of {np.datetime64(as_of, 'us').astype('datetime64[D]')}: the log runs from {period}; choose a day in it"]
        )
    arrived = _arrivals(log)
    workflow, around = log.workflow, log.surroundings
    assert around is not None
    moving = np.array([*(t.target is not None for t in log.in_force.transitions), False])
    known = log.unknown[: len(log)]
    rows = np.flatnonzero((log.at < as_of) & moving[log.transition] & ~known)
    case = log.case[rows]
    final = np.array([state.kind is StateKind.FINAL for state in workflow.states.values()])
    before, after = _states(log, log.before["state"]), _states(log, log.after["state"])
    present = np.flatnonzero((arrived != NO_START) & (arrived < as_of))
    n_moves = np.bincount(case, minlength=len(log.names))
    previous = np.concatenate([[-1], rows[:-1]])
    is_first = np.concatenate([[True], case[1:] != case[:-1]]) if len(rows) else np.zeros(0, bool)
    previous = np.where(is_first, -1, previous)
    entered = np.where(previous >= 0, log.at[previous], arrived[case])
    state = np.where(previous >= 0, after[previous], before[rows])
    court = np.where(around.court[rows] == "", around.home[case], around.court[rows])
    # the visit in which each case is at the end
    last_row = np.full(len(log.names), -1)
    last_row[case] = rows
    begun = _begins(log, before)
    at = last_row[present]
    open_state = np.where(at >= 0, after[at], begun[present])
    open_entered = np.where(at >= 0, log.at[at], arrived[present])
    moved_to = around.to_court[at]
    last_court = np.where(moved_to != "", moved_to, np.where(around.court[at] != "", around.court[at], around.home[present]))
    open_court = np.where(at >= 0, last_court, around.home[present])
    started = np.full(len(log), NO_START) if log.started_at is None else log.started_at
    stays = ~final[open_state]
    cat = np.concatenate
    columns: Mapping[str, NDArray[Any]] = {
        "case": cat([case, present[stays]]), "state": cat([state, open_state[stays]]), "entered": cat([entered, open_entered[stays]]),
        "left": cat([log.at[rows], np.full(stays.sum(), as_of)]), "ended": cat([np.ones(len(rows), bool), np.zeros(stays.sum(), bool)]),
        "row": cat([rows, np.full(stays.sum(), -1)]), "started_at": cat([started[rows], np.full(stays.sum(), NO_START)]),
        "court": cat([court, open_court[stays]]), "server": cat([around.server[rows], np.full(stays.sum(), "", object)]),
        "first": cat([is_first, (n_moves[present] == 0)[stays]]),
    }  # fmt: skip
    order = np.lexsort((columns["left"], columns["ended"] == False, columns["entered"], columns["case"]))  # noqa: E712
    chosen = {name: values[order] for name, values in columns.items()}
    first_court = np.full(len(log.names), "", object)
    first_court[chosen["case"][::-1]] = chosen["court"][::-1]
    home = np.where(around.home == "", first_court, around.home)
    home[home == ""] = "court"
    chosen["court"] = np.where(chosen["court"] == "", home[chosen["case"]], chosen["court"])
    arrived = np.where(arrived < as_of, arrived, NO_START)
    return Visits(log, as_of, _begin(log, arrived), **chosen, arrived=arrived, home=home)


def _check_known(log: AuditLog) -> None:
    """Refuse a log of another workflow: none of its rows is a transition or an event of this one."""
    if len(log) and log.unknown[: len(log)].all():
        found = format_names(dict.fromkeys(log.unknown_names.values()), 6)
        steps = format_names(dict.fromkeys((t.log_names or (t.name,))[0] for t in log.workflow.transitions), 6)
        message = f"no row of the log is a transition or an event of the workflow {log.workflow.name}: the log has {found}"
        raise InputError([f"{message}; the workflow has {steps}. Give --name STEP=NAME, a mapping, or another --workflow"])


def _begin(log: AuditLog, arrived: Integers) -> int:
    """Return when the log began to be kept: at the first row."""
    return int(log.at.min())


def _arrivals(log: AuditLog) -> Integers:
    """Return when each case arrived: as a column says, else at the start of its first work, else with its first row."""
    assert log.surroundings is not None
    arrived = log.surroundings.arrived_at.copy()
    has_rows = np.diff(log.first) > 0
    first = log.first[:-1][has_rows]
    at = log.at[first]
    if log.started_at is not None:
        at = np.where(log.started_at[first] == NO_START, at, log.started_at[first])
    given = arrived[has_rows]
    arrived[has_rows] = np.where(given == NO_START, at, np.minimum(given, at))
    return arrived


def _states(log: AuditLog, column: Any) -> Integers:
    """Return the state in each row; where the log leaves several open, the first in which cases begin, or the first."""
    if not isinstance(column, Options):
        return np.asarray(column, np.int64)
    states = list(log.workflow.states)
    entry = list(log.workflow.entry_states)
    of_sets = [states.index(next((s for s in entry if s in each), str(next(iter(each), states[0])))) for each in column.sets]
    return np.array(of_sets, np.int64)[column.of]


def _begins(log: AuditLog, before: Integers) -> Integers:
    """Return the initial state of each case."""
    states = list(log.workflow.states)
    begun = np.full(len(log.names), states.index(log.workflow.entry_states[0]))
    if "state" in log.begins:
        begun = _states(log, log.begins["state"]).copy()
    has_rows = np.flatnonzero(np.diff(log.first) > 0)
    begun[has_rows] = before[log.first[has_rows]]
    return begun


def check_enough(visits: Visits) -> None:
    """Refuse a log from which nothing can be estimated.

    Raises
    ------
    InputError
        If fewer than two cases have arrived by the day, or no visit has ended.
    """
    n = int((visits.arrived != NO_START).sum())
    day = np.datetime64(visits.as_of, "us").astype("datetime64[D]")
    if n < 2:
        raise InputError(
            [f"--as-of {day}: by then the log has only {n_of(n, 'case')}; at least 2 are needed to estimate anything from it"]
        )
    if not (visits.ended & (visits.length > 0)).any():
        raise InputError(
            [f"--as-of {day}: by then the log has no usable duration: no case has stayed in a state for a time and left it"]
        )
