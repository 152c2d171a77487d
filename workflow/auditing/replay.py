"""Replay the cases of a log along the workflow: the states in which they may be, and the values that their record may have.

The possible values of a field form a set. A row makes another set of it, by what its event or activity may give and by what
its transition writes. Cases with the same sequence of sets share their work: a set is a state of an automaton, which runs
over all cases in parallel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.log import Options, Record
from workflow.auditing.paths import Followed, Integers, follow, run_automaton
from workflow.deciding.in_force import InForce
from workflow.model.definition import INCREMENT, Giver, StateKind, Value, Workflow
from workflow.predicates import Field

_MOST_SETS = 2000

Values = frozenset[int]
"""Indices into the domain of a field."""


@dataclass(frozen=True)
class Said:
    """What a log says about its rows, sorted by case and time.

    Attributes
    ----------
    first : ndarray of int64, shape (n_cases + 1,)
        The first row of each case; the last entry is the number of rows.
    transition, event : ndarray of int64, shape (n_rows,)
        Indices into the transitions and events of `in_force`, -1 for none.
    outcome : ndarray of int64
        What the activity or event gave, as an index of `outcomes`; -1 where the log does not say.
    given : mapping of str to ndarray of int64
        The state and record fields as the guards of the row saw them, as indices of their values; -1 where the log does not
        say.
    begins : mapping of str to ndarray of int64, shape (n_cases,)
        The same, of the initial state and record of the cases.
    """

    in_force: InForce
    first: Integers
    transition: Integers
    event: Integers
    outcome: Integers
    outcomes: Sequence[str]
    given: Mapping[str, Integers]
    begins: Mapping[str, Integers]

    @property
    def workflow(self) -> Workflow:
        """Return the workflow that the policies replace; they have the same states and record."""
        return self.in_force.workflows[0]


@dataclass(frozen=True)
class Replayed:
    """The state and record before each row, as its guards saw it, after it, and at the start of each case."""

    before: Record
    seen: Record
    after: Record
    begins: Record


def replay(said: Said, fields: Collection[str] | None = None) -> Replayed:
    """Follow the cases of a log from their start, or from any entry state, with the defaults of the record.

    Parameters
    ----------
    said : Said
    fields : collection of str, optional
        The record fields to follow; by default, all.
    """
    workflow = said.workflow
    states = [(state,) for state in workflow.states]
    entry = [*states, workflow.entry_states]
    begun = said.begins.get("state")
    of = np.full(len(said.first) - 1, len(states), np.int64) if begun is None else np.where(begun < 0, len(states), begun)
    followed = follow(said.in_force, said.first, said.transition, said.event, said.given.get("state"), Options(entry, of))
    sets = [tuple(state for state in workflow.states if state in each) for each in followed.sets]
    domain = tuple(workflow.states)
    columns = {"state": [_column(sets, index, domain) for index in (followed.before, followed.before, followed.after)]}
    begins = {"state": _column(sets, followed.begins, domain)}
    known_start = _has_known_start(said, followed)
    for name, declared in workflow.record.items():
        if fields is not None and name not in fields:
            continue
        one = _OfField(said, followed, name, declared)
        *columns[name], begins[name] = one.replayed(known_start)
    before, seen, after = ({name: every[k] for name, every in columns.items()} for k in range(3))
    return Replayed(before, seen, after, begins)


def _has_known_start(said: Said, followed: Followed) -> NDArray[np.bool_]:
    """Return the cases whose first row leaves the state in which they begin; a log may lack the beginning of the others."""
    known = np.ones(len(said.first) - 1, bool)
    has_rows = np.diff(said.first) > 0
    first = said.first[:-1]
    off = np.zeros(len(said.transition) + 1, bool)
    off[followed.off] = True
    known[has_rows] = ~off[first[has_rows]]
    if (begun := said.begins.get("state")) is not None:
        return known | (begun >= 0)
    entry = frozenset(said.workflow.entry_states)
    begins_at_entry = np.array([each <= entry for each in followed.sets], bool)[followed.begins]
    return np.asarray(known & begins_at_entry, bool)


def _column(sets: list[tuple[Any, ...]], of: Integers, domain: tuple[Value, ...]) -> NDArray[Any] | Options:
    """Return a column of known values where each set that occurs has one value."""
    used = np.flatnonzero(np.bincount(of, minlength=len(sets)))
    if any(len(sets[i]) != 1 or sets[i][0] is None for i in used):
        return Options(sets, of.astype(np.int64))
    values = np.array(domain) if not isinstance(domain[0], str) else np.arange(len(domain))
    index = np.zeros(len(sets), np.int64)
    index[used] = [domain.index(sets[i][0]) for i in used]
    return values[index[of]]


class _OfField:
    """The replay of one record field."""

    def __init__(self, said: Said, followed: Followed, name: str, declared: Field) -> None:
        self.said, self.followed, self.name = said, followed, name
        self.domain = declared.domain()
        self.everything: Values = frozenset(range(len(self.domain)))
        self.states, self.in_force = said.workflow.states, said.in_force
        self.sets: dict[Values, int] = {}

    def replayed(self, known_start: NDArray[np.bool_]) -> list[NDArray[Any] | Options]:
        """Return the column before each row, as its guards saw it, after it, and at the start of each case."""
        begun = self._begun(known_start)
        rows, symbols = self._kinds()
        before, seen, after = self._tables([self._kind(row) for row in rows.tolist()])
        index, _ = run_automaton(after, begun.astype(np.int32), self.said.first, symbols)
        sets = [tuple(self.domain[i] for i in sorted(each)) for each in self.sets]
        columns = (before[index, symbols], seen[index, symbols], after[index, symbols], begun)
        return [_column(sets, column, self.domain) for column in columns]

    def _begun(self, known_start: NDArray[np.bool_]) -> Integers:
        workflow = self.said.workflow
        default = frozenset({self.domain.index(workflow.defaults[self.name])})
        unknown = self._index(self.everything)
        begun = np.where(known_start, unknown if self.name in workflow.entry_record else self._index(default), unknown)
        if (given := self.said.begins.get(self.name)) is not None:
            known = np.full(len(self.domain), unknown)
            for i in np.flatnonzero(np.bincount(given[given >= 0])).tolist():
                known[i] = self._index(frozenset({i}))
            begun = np.where(given >= 0, known[given], begun)
        return begun.astype(np.int64)

    def _kinds(self) -> tuple[Integers, Integers]:
        """Return a row of each kind, and the kind of each row: what the log says of it that bears on the field."""
        said = self.said
        kind = np.zeros(len(said.transition), np.int64)
        columns = [self.followed.before, said.transition + 1, said.event + 1, said.outcome + 1]
        if (given := said.given.get(self.name)) is not None:
            columns.append(given + 1)
        for column in columns:
            kind = _dense(kind * (int(column.max(initial=0)) + 1) + column)
        rows = np.zeros(int(kind.max(initial=-1)) + 1, np.int64)
        rows[kind[::-1]] = np.arange(len(kind))[::-1]  # the last assignment is that of the first row
        return rows, kind

    def _kind(self, row: int) -> _Kind:
        """Return what a row does to the field."""
        said = self.said
        transition = self.in_force.transitions[said.transition[row]] if said.transition[row] >= 0 else None
        outcome = said.outcomes[said.outcome[row]] if said.outcome[row] >= 0 else ""
        writes = [self._written(effects, giver, outcome) for effects, giver in self._triggers(row)]
        given = said.given.get(self.name)
        return _Kind(
            writes, None if transition is None else dict(transition.effects).get(self.name),
            -1 if given is None else int(given[row]),
        )  # fmt: skip

    def _triggers(self, row: int) -> Iterator[tuple[Mapping[str, Value], Giver | None]]:
        """Yield what may have happened at a row: the effects of the event, and what gives an outcome."""
        said = self.said
        transition = self.in_force.transitions[said.transition[row]] if said.transition[row] >= 0 else None
        if said.event[row] >= 0:
            events = [self.in_force.events[said.event[row]]]
        else:
            events = (
                [] if transition is None else [self.in_force.events[i] for i in self.in_force.events_upon[said.transition[row]]]
            )
        for event in events:
            yield dict(event.effects), event
        if events:
            return
        if transition is None:
            yield {}, None
            return
        for name in sorted(self.followed.sets[self.followed.before[row]]):
            state = self.states[name]
            enters = transition.at_entry or state.kind is StateKind.INSTANT
            yield {}, None if enters else said.workflow.activities.get(state.activity or "")

    def _written(self, effects: Mapping[str, Value], giver: Giver | None, outcome: str) -> tuple[Value, ...]:
        """Return the values that may be written to the field, or `_KEPT`."""
        if giver is None or self.name not in giver.fields:
            return (effects[self.name],) if self.name in effects else (_KEPT,)
        told = [o for o in giver.outcomes if giver.label(o) == outcome] or giver.outcomes
        return tuple(dict(giver.written(o))[self.name] for o in told)

    def _tables(self, kinds: list[_Kind]) -> tuple[Any, Any, Any]:
        """Return, by set and kind of row, the set before it, the set that its guards saw, and the set after it."""
        tables: tuple[list[list[int]], ...] = ([], [], [])
        done = 0
        while done < len(self.sets):
            here = list(self.sets)[done]
            done += 1
            of_rows = [self._sets(here, kind) for kind in kinds]
            for table, column in zip(tables, zip(*of_rows, strict=True) if of_rows else ((), (), ()), strict=True):
                table.append([self._index(each) for each in column])
        before, seen, after = (np.array(table, np.int32).reshape(len(self.sets), len(kinds)) for table in tables)
        return before, seen, after

    def _sets(self, here: Values, kind: _Kind) -> tuple[Values, Values, Values]:
        seen = frozenset(i for written in kind.writes for value in written for i in self._after(here, value))
        before = here
        if kind.given >= 0:
            seen = frozenset({kind.given})
            before = seen if kind.keeps else here
        after = frozenset(self._after(seen, _KEPT if kind.effect is None else kind.effect))
        return before, seen, after

    def _after(self, here: Values, written: Value) -> Values:
        if written == _KEPT:
            return here
        if written == INCREMENT:
            return frozenset(min(i + 1, len(self.domain) - 1) for i in here)
        return frozenset({self.domain.index(written)})

    def _index(self, values: Values) -> int:
        if len(self.sets) > _MOST_SETS and len(values) > 1:
            values = self.everything
        return self.sets.setdefault(values, len(self.sets))


_KEPT = "\0kept"
"""Stands for a field that is not written."""


@dataclass(frozen=True)
class _Kind:
    """What a row does to a field.

    Attributes
    ----------
    writes : list of tuple of values
        For each thing that may have happened, the values that it may write before the guards are tested.
    effect : value or None
        What the transition writes.
    given : int
        The value that the guards saw, as the log says; -1 if it does not.
    """

    writes: list[tuple[Value, ...]]
    effect: Value
    given: int

    @property
    def keeps(self) -> bool:
        """Return whether the field is surely not written before the guards are tested."""
        return all(written == (_KEPT,) for written in self.writes)


def _dense(codes: Integers) -> Integers:
    """Return codes from 0 without gaps, in the same order."""
    if int(codes.max(initial=0)) > len(codes) + 1_000_000:
        return np.unique(codes, return_inverse=True)[1].astype(np.int64)
    return (np.cumsum(np.bincount(codes) > 0) - 1)[codes]
