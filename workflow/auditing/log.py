"""An event log in the form that the audit reads, independent of its source.

Rows are sorted by case and time. Facts and record fields are stored by name. What the log does not say stays unknown, and
what asks for it is left unjudged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.deciding.in_force import InForce
from workflow.model.definition import StateKind, Value, Workflow

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Options:
    """A field whose value the log does not tell everywhere.

    Attributes
    ----------
    sets : sequence of tuple of values
        Sets of values that the field may have, as they are written in the workflow.
    of : ndarray of int64
        The index of the set of each row, or of each case.
    """

    sets: Sequence[tuple[Value, ...]]
    of: Integers


Record = Mapping[str, "NDArray[Any] | Options"]
"""The state and the record fields, by name, with one value for each row or case. A field that is absent is not known."""


@dataclass(frozen=True)
class Surroundings:
    """What a log tells besides the steps: where a case was, who worked on it, and when it arrived.

    Attributes
    ----------
    court, to_court, server : ndarray of object, shape (n_rows,)
        An empty string where the log does not say.
    home : ndarray of object, shape (n_cases,)
        The court of each case, if a column says so of the case.
    arrived_at : ndarray of int64, shape (n_cases,)
        `NO_START` of `workflow.auditing.life_cycle` where the log does not say.
    """

    court: NDArray[Any]
    to_court: NDArray[Any]
    server: NDArray[Any]
    home: NDArray[Any]
    arrived_at: Integers


@dataclass(frozen=True)
class AuditLog:
    """An event log, sorted by case and time.

    Attributes
    ----------
    names : ndarray of object, shape (n_cases,)
        The name of each case in the log.
    first : ndarray of int64, shape (n_cases + 1,)
        The first row of each case; the last entry is the number of rows.
    transition, event : ndarray of int64, shape (n_rows,)
        Indices into the transitions and events of `in_force`, -1 for none.
    unknown : ndarray of bool
        Rows whose name is neither a transition nor an event of the workflow that is in force.
    at : ndarray of int64
        The instant of each row, in microseconds; it orders the rows of a case, and hours and minutes are counted in it.
    local : ndarray of int64
        The local clock of each row, in microseconds since 1970-01-01 00:00 of that clock. Everything that reads days reads it,
        and it is printed.
    end, local_end : int or None
        The end of the log, as an instant and on the local clock, for obligations that are still open; by default, its
        last row.
    facts : mapping of str to (values, missing), one value per case
    before, seen, after : mapping of str to ndarray or Options, one value per row
        The state and record before the row; as the guards of its transition saw it, after the effects of an event or
        activity; and after the row.
    begins : mapping of str to ndarray or Options, one value per case
        The initial state and record of each case.
    lacks : mapping of str to ndarray of bool, shape (n_cases,)
        For facts that the log has: the cases for which a required value is missing.
    unknown_names : mapping of int to str
        The names of the `unknown` rows, by row.
    unnamed : ndarray of bool, shape (n_cases,), or None
        The cases with an event that has no name, which may have been any step.
    begun_at : ndarray of int64, shape (n_cases,), or None
        When each case of a run began, as in `at` and `local`, which are the same there; by default, at its first row.
    watched_from : int or None
        The start of a run: nothing is known of what happened to its cases before.
    started_at : ndarray of int64 or None
        The instant at which the work of each row started; `NO_START` of `workflow.auditing.life_cycle` where the log does not
        say.
    notes : tuple of str
        How the log was read: what was guessed, filled in, paired and left out.
    policies : tuple of Workflow
        The workflows that replace the first one during the log.
    surroundings : Surroundings or None
        Only if it was asked for.
    """

    workflow: Workflow
    names: NDArray[Any]
    first: Integers
    transition: Integers
    event: Integers
    unknown: NDArray[np.bool_]
    at: Integers
    local: Integers
    end: int | None
    local_end: int | None
    facts: Mapping[str, tuple[NDArray[Any], NDArray[np.bool_] | None]]
    before: Record
    seen: Record
    after: Record
    begins: Record = field(default_factory=dict)
    lacks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    unknown_names: Mapping[int, str] = field(default_factory=dict)
    unnamed: NDArray[np.bool_] | None = None
    begun_at: Integers | None = None
    watched_from: int | None = None
    started_at: Integers | None = None
    notes: tuple[str, ...] = ()
    policies: tuple[Workflow, ...] = ()
    surroundings: Surroundings | None = None

    def __len__(self) -> int:
        return len(self.transition)

    @cached_property
    def in_force(self) -> InForce:
        """Return the workflow and its policies."""
        return InForce((self.workflow, *self.policies))

    @cached_property
    def case(self) -> Integers:
        """Return the case index of each row."""
        return np.repeat(np.arange(len(self.names), dtype=np.int64), np.diff(self.first))

    @cached_property
    def happened(self) -> frozenset[str]:
        """Return the transitions and events that occur in the log, and the events that may have triggered a transition."""
        transitions, events = self.in_force.transitions, self.in_force.events
        taken, happened = (np.flatnonzero(np.bincount(column + 1)[1:]) for column in (self.transition, self.event))
        return frozenset([*(transitions[i].name for i in taken), *(events[i].name for i in happened), *self.possible])

    @cached_property
    def possible(self) -> frozenset[str]:
        """Return the events that may have happened: one of several triggered a transition, and the log does not say which."""
        transitions = self.in_force.transitions
        return frozenset(name for i in np.unique(self.transition[self.ambiguous]) for name in transitions[i].events)

    @cached_property
    def ambiguous(self) -> Integers:
        """Return the rows of a transition that one of several events triggered; the log does not say which."""
        upon = np.array([*(bool(t.events) for t in self.in_force.transitions), False])
        if not upon.any():
            return np.zeros(0, np.int64)
        return np.flatnonzero((self.event < 0) & upon[self.transition])

    @cached_property
    def ended(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the cases that surely are in a final state after their last row, and those that possibly are."""
        final = np.array([state.kind is StateKind.FINAL for state in self.workflow.states.values()])
        surely, possibly = (np.zeros(len(self.names), bool) for _ in range(2))
        has_rows = np.flatnonzero(np.diff(self.first))
        last, after = self.first[has_rows + 1] - 1, self.after["state"]
        if not isinstance(after, Options):
            surely[has_rows] = possibly[has_rows] = final[after[last]]
            return surely, possibly
        index = {name: i for i, name in enumerate(self.workflow.states)}
        of_sets = [final[[index[str(state)] for state in states]] for states in after.sets]
        surely[has_rows] = np.array([every.all() for every in of_sets])[after.of[last]]
        possibly[has_rows] = np.array([every.any() for every in of_sets])[after.of[last]]
        return surely, possibly

    @cached_property
    def turned_back(self) -> NDArray[np.bool_]:
        """Return the cases in which the local clock of a row is before that of the row before it."""
        turned = np.zeros(len(self.names), bool)
        turned[self.case[1:][(np.diff(self.local) < 0) & (np.diff(self.case) == 0)]] = True
        return turned

    def untold(self, names: Collection[str]) -> tuple[str, ...]:
        """Return those of some facts, record fields and ``state`` of which the log does not tell every value."""
        columns: dict[str, Any] = {**self.facts, **self.seen}
        unknown = (n for n in names if n in self.lacks or isinstance(columns.get(n), Options) or n not in columns)
        return tuple(sorted(unknown))
