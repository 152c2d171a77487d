"""How many cases has something happened to? The measures that a workflow declares, each case counted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.frame import Frame
from simulations.measuring.measured import Places
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.files.format import MeasureEntry
from workflow.files.validation import split_names
from workflow.model.definition import Value, as_written
from workflow.predicates import vector

__all__ = ["Firsts", "Split", "emptied", "one_of"]

Integers = NDArray[np.int64]


class Firsts:
    """The rows of a log at which something first happens to a case; what is asked for again is looked for once.

    Parameters
    ----------
    log : EventLog
    n_before : int
        How many rows lie before the end of the warm-up.
    """

    def __init__(self, log: EventLog, n_before: int) -> None:
        self.log, self._n_before = log, n_before
        self._found: dict[tuple[str | bool | None, ...], Integers] = {}

    def of(
        self, names: Sequence[str], giving: Value | None = None, if_: str | None = None, warm: bool = True
    ) -> Integers:
        """Return the first row of each case, after the warm-up if asked for, that is one of these transitions or events."""
        word = None if giving is None else as_written(giving)
        key = (*names, word, if_, warm)
        if key not in self._found:
            words, columns = self.log.labels, self.log.columns
            some = one_of(columns["transition"], _codes(words.transition, names))
            some |= one_of(columns["cause"], _codes(words.cause, names))
            some[: self._n_before if warm else 0] = False
            rows = np.flatnonzero(some)
            if word is not None:
                rows = rows[columns["outcome"][rows] == words.outcome.index(word)]
            rows = self._first(rows)
            if if_ is not None:
                rows = rows[self._condition(if_)[columns["case_id"][rows]]]
            self._found[key] = rows
        return self._found[key]

    def leaving(self, state: int) -> Integers:
        """Return the first row of each case that began in a state at which it leaves it."""
        columns, cases = self.log.columns, self.log.cases
        rows = np.flatnonzero((columns["from_state"] == state) & (columns["to_state"] != state))
        return self._first(rows[cases.state.take(columns["case_id"][rows]) == state])

    def _first(self, rows: Integers) -> Integers:
        case = self.log.columns["case_id"][rows].astype(np.intp)
        first = np.empty(len(self.log.cases), np.int64)
        first[case[::-1]] = rows[::-1]  # of several the last one stays
        found: Integers = rows[first[case] == rows]
        return found

    def _condition(self, text: str) -> NDArray[np.bool_]:
        """Say for each case whether a measure is of it."""
        cases, expression = self.log.cases, self.log.cases.scenario.measured_if[text]
        return np.broadcast_to(vector(expression, cases.columns.values, cases.columns.missing), len(cases))


class Split:
    """The parts of a measure: which of the cases that it counts belong to which, at one instant after another.

    Parameters
    ----------
    entry : MeasureEntry
        One that has parts.
    firsts : Firsts
    """

    def __init__(self, entry: MeasureEntry, firsts: Firsts) -> None:
        self._log, self._firsts = firsts.log, firsts
        self._parts: Mapping[str, Any] = entry.split or {}
        self._counted = firsts.of(entry.cases or [])
        self._within = _codes(self._log.labels.state, entry.within or [])

    def cases_at(self, n_rows: int, state: NDArray[Any]) -> dict[str, Integers]:
        """Return the cases of each part when so many rows have happened, and each case is in its state."""
        left_over = self._log.columns["case_id"][_up_to(self._counted, n_rows)].astype(np.intp)
        found = {}
        for part, rule in self._parts.items():
            if rule != "rest":
                mine = self._meeting(rule, n_rows, state)[left_over]
                found[part], left_over = left_over[mine], left_over[~mine]
        return {part: found.get(part, left_over) for part in self._parts}

    def _meeting(self, rule: Mapping[str, Any], n_rows: int, state: NDArray[Any]) -> NDArray[np.bool_]:
        """Say for each case whether it meets the rule of a part."""
        if "now" in rule:
            return one_of(state, self._within)
        case, found = self._log.columns["case_id"], np.zeros(len(state), bool)
        if "ever" in rule:
            found[case[_up_to(self._firsts.of(split_names(rule["ever"]), warm=False), n_rows)]] = True
        else:
            rows, transitions = _up_to(self._leaving, n_rows), self._log.labels.transition
            named = one_of(self._log.columns["transition"][rows], _codes(transitions, split_names(rule["left_by"])))
            found[case[rows]] = named  # of several the last one stays
        return found

    @cached_property
    def _leaving(self) -> Integers:
        """Return the rows at which a case leaves the states that the parts speak of."""
        left, came = (one_of(self._log.columns[name], self._within) for name in ("from_state", "to_state"))
        return np.flatnonzero(left & ~came)


def emptied(state: str, frame: Frame, firsts: Firsts) -> Places:
    """Return when the last case that began in a state had left it for the first time, in days since the start, by instant."""
    cases, columns = frame.log.cases, frame.log.columns
    code = frame.log.labels.state.index(state)
    began, rows = np.flatnonzero(cases.state == code), firsts.leaving(code)
    still = frame.count_cases(began, cases.arrived[began]) - frame.count_rows(rows)[:, 0]
    place, left_at = frame.place_of(rows), columns["happened_at"][rows]
    last, in_place, n_counted = [], np.full(int(np.prod(frame.shape)), NEVER), np.searchsorted(rows, frame.n_rows)
    for n in n_counted:
        in_place[place[:n]] = left_at[:n]  # of several the last one stays
        by_court = in_place.reshape(frame.shape)
        last.append(np.vstack([by_court, by_court.max(axis=0)]))
    left = np.array(last).reshape(still.shape)
    return np.where((still > 0) | (left == NEVER), np.nan, left / MICROSECONDS_PER_DAY)


def one_of(codes: NDArray[Any], some: Iterable[int]) -> NDArray[np.bool_]:
    """Say for each code whether it is one of some few; numpy compares small numbers much faster than it looks them up."""
    found = np.zeros(len(codes), bool)
    for code in some:
        found |= codes == code
    return found


def _codes(words: Sequence[str], names: Sequence[str]) -> list[int]:
    return [code for code, word in enumerate(words) if word in names]


def _up_to(rows: Integers, n_rows: int) -> Integers:
    """Return those of some rows, in their order, that are among the first so many."""
    return rows[: np.searchsorted(rows, n_rows)]
