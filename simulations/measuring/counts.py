"""The measures that a workflow declares: numbers of cases, each case counted once, their parts, and dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog
from simulations.log.row import BY_COMPLETION
from simulations.measuring.frame import Frame, Slots
from simulations.measuring.measured import ByCourt
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.files.format import MeasureEntry
from workflow.files.validation import split_names
from workflow.model.definition import Giver, Value
from workflow.predicates import vector

Integers = NDArray[np.int64]


class Firsts:
    """The rows of a log at which a transition or an event first happens to a case. Results are cached.

    Parameters
    ----------
    log : EventLog
    n_before : int
        Number of rows before the end of the warm-up.
    """

    def __init__(self, log: EventLog, n_before: int) -> None:
        self.log, self._n_before = log, n_before
        self._rows: dict[tuple[str | bool | None, ...], Integers] = {}

    def of(
        self, names: Sequence[str], giving: Value | Mapping[str, Value] = None, if_: str | None = None, warm: bool = True
    ) -> Integers:
        """Return the first row of each case with one of these transitions or events.

        Parameters
        ----------
        names : sequence of str
            Transitions or events.
        giving : value, or mapping of record field to value, optional
            Only rows with this outcome.
        if_ : str, optional
            Only cases that meet this condition.
        warm : bool
            Leave out rows before the end of the warm-up.
        """
        key = (*names, None if giving is None else str(giving), if_, warm)
        if key not in self._rows:
            labels, columns = self.log.labels, self.log.columns
            named = one_of(columns["transition"], _codes(labels.transition, names))
            named |= one_of(columns["cause"], _codes(labels.cause, names))
            named[: self._n_before if warm else 0] = False
            rows = np.flatnonzero(named)
            if giving is not None:
                rows = rows[self._gave(rows, giving)]
            rows = self._first(rows)
            if if_ is not None:
                rows = rows[self._condition(if_)[columns["case_id"][rows]]]
            self._rows[key] = rows
        return self._rows[key]

    def _gave(self, rows: Integers, giving: Value | Mapping[str, Value]) -> NDArray[np.bool_]:
        """Return whether the activity or the event of each row gave this outcome."""
        labels, workflow = self.log.labels, self.log.cases.scenario.workflow
        activity, cause, outcome = (self.log.columns[name][rows] for name in ("activity", "cause", "outcome"))
        givers: list[tuple[Giver, NDArray[np.bool_]]] = [
            *((a, (cause == BY_COMPLETION) & (activity == i)) for i, a in enumerate(workflow.activities.values())),
            *((e, cause == labels.cause.index(e.name)) for e in workflow.events.values()),
        ]
        gave = np.zeros(len(rows), bool)
        for giver, mine in givers:
            gave |= mine & one_of(outcome, _codes(labels.outcome, giver.labels_giving(giving)))
        return gave

    def leaving(self, state: int) -> Integers:
        """Return the row at which each case that began in a state first leaves it."""
        columns, cases = self.log.columns, self.log.cases
        rows = np.flatnonzero((columns["from_state"] == state) & (columns["to_state"] != state))
        return self._first(rows[cases.state.take(columns["case_id"][rows]) == state])

    def _first(self, rows: Integers) -> Integers:
        case = self.log.columns["case_id"].take(rows).astype(np.intp)
        first = np.empty(len(self.log.cases), np.int64)
        first[case[::-1]] = rows[::-1]  # numpy keeps the last of several assignments
        first_rows: Integers = rows[first[case] == rows]
        return first_rows

    def _condition(self, text: str) -> NDArray[np.bool_]:
        """Return whether each case meets the condition of a measure."""
        cases, expression = self.log.cases, self.log.cases.scenario.measured_if[text]
        return np.broadcast_to(vector(expression, cases.columns.values, cases.columns.missing), len(cases))


class Split:
    """The parts of a measure, at successive instants.

    Parameters
    ----------
    entry : MeasureEntry
        A measure with parts.
    firsts : Firsts
    wanted : set of str
        The parts to compute, among other measures.
    """

    def __init__(self, entry: MeasureEntry, firsts: Firsts, wanted: Set[str]) -> None:
        self._log, self._firsts = firsts.log, firsts
        parts: Mapping[str, Any] = entry.split or {}
        self._wanted = [part for part in parts if part in wanted]
        ruled = [part for part, rule in parts.items() if rule != "rest"]
        if all(part in ruled for part in self._wanted):
            del ruled[max(map(ruled.index, self._wanted)) + 1 :]  # a case is of the first part whose rule it meets
        self._rules = {part: parts[part] for part in ruled}
        self._counted = firsts.of(entry.cases or [])
        self._within = _codes(self._log.labels.state, entry.within or [])

    def slot(self, frame: Frame) -> Slots | None:
        """Return the slot of each case in the row that the measure counts; ``None`` for the home court of each."""
        if not len(self._log.transfers):
            return None
        slot = frame.slot.copy()
        slot[self._log.columns["case_id"][self._counted]] = frame.slot_of(self._counted)
        return slot

    def cases_at(self, n_rows: int, state: NDArray[Any]) -> dict[str, Integers]:
        """Return the cases of each part after the first `n_rows` rows, given the state of each case then."""
        unassigned = self._log.columns["case_id"][_up_to(self._counted, n_rows)].astype(np.intp)
        cases = {}
        for part, rule in self._rules.items():
            meets = self._meeting(rule, n_rows, state)[unassigned]
            cases[part], unassigned = unassigned[meets], unassigned[~meets]
        return {part: cases.get(part, unassigned) for part in self._wanted}

    def _meeting(self, rule: Mapping[str, Any], n_rows: int, state: NDArray[Any]) -> NDArray[np.bool_]:
        """Return whether each case meets the rule of a part."""
        if "now" in rule:
            return one_of(state, self._within)
        case, meets = self._log.columns["case_id"], np.zeros(len(state), bool)
        if "ever" in rule:
            meets[case[_up_to(self._firsts.of(split_names(rule["ever"]), warm=False), n_rows)]] = True
        else:
            rows, transitions = _up_to(self._leaving, n_rows), self._log.labels.transition
            named = one_of(self._log.columns["transition"][rows], _codes(transitions, split_names(rule["left_by"])))
            meets[case[rows]] = named  # numpy keeps the last of several assignments
        return meets

    @cached_property
    def _leaving(self) -> Integers:
        """Return the rows at which a case leaves the states in ``within``."""
        left, came = (one_of(self._log.columns[name], self._within) for name in ("from_state", "to_state"))
        return np.flatnonzero(left & ~came)


def emptied(state: str, frame: Frame, firsts: Firsts) -> ByCourt:
    """Return when the last of the cases that began in a state first left it, in days since the start, by instant and home court."""
    cases, columns = frame.log.cases, frame.log.columns
    code = frame.log.labels.state.index(state)
    began, rows = np.flatnonzero(cases.state == code), firsts.leaving(code)
    still = frame.count_cases(began, cases.arrived[began]) - frame.count_rows(rows, home=True)[:, 0]
    slot, left_at = frame.slot_of(rows, home=True), columns["happened_at"].take(rows)
    last, last_left, n_counted = [], np.full(int(np.prod(frame.shape)), NEVER), np.searchsorted(rows, frame.n_rows)
    for n in n_counted:
        last_left[slot[:n]] = left_at[:n]  # numpy keeps the last of several assignments
        table = last_left.reshape(frame.shape)
        last.append(np.vstack([table, table.max(axis=0)]))
    left = np.array(last).reshape(still.shape)
    return np.where((still > 0) | (left == NEVER), np.nan, left / MICROSECONDS_PER_DAY)


def one_of(codes: NDArray[Any], wanted: Iterable[int]) -> NDArray[np.bool_]:
    """Return whether each code is wanted. For few wanted codes this is much faster than `numpy.isin`."""
    mask = np.zeros(len(codes), bool)
    for code in wanted:
        mask |= codes == code
    return mask


def _codes(labels: Sequence[str], names: Sequence[str]) -> list[int]:
    return [code for code, label in enumerate(labels) if label in names]


def _up_to(rows: Integers, n_rows: int) -> Integers:
    """Return the rows with numbers below `n_rows`; `rows` is increasing."""
    return rows[: np.searchsorted(rows, n_rows)]
