"""Enumerate the reachable states and records of a workflow, and the fact classes that reach them.

A node is a state with a record. Its set of fact classes is a bit mask, so a guard is a mask too, and the classes for
which no earlier guard held are ``left & ~mask``. Record fields that are written before they are read again are reset
to their defaults (liveness), which keeps the number of nodes small.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflow.deciding.steps import Step, steps_of
from workflow.deciding.table import DecisionTable, Table, codes
from workflow.model.definition import COMPLETE, ENTER, INCREMENT, Giver, Outcome, StateKind, Value, Workflow

Record = tuple[Value, ...]

Node = tuple[str, Record, bool, int]
"""State, record, whether transitions are tried on entry, and state of a rule's automaton."""


@dataclass(frozen=True, slots=True)
class Move:
    """A possible next step of the cases in one state with one record.

    Attributes
    ----------
    trigger : str
        ``complete``, ``enter``, or the name of an event.
    given : tuple
        What the activity or the event gave.
    seen : tuple
        The record as the guards saw it.
    transition : int or None
        ``None`` for an event without a transition, and for a stuck case.
    state, record : str, tuple
        State and record after the step.
    classes : int
        The fact classes that make this move: bit k for class k.
    """

    trigger: str
    given: Outcome
    seen: Record
    transition: int | None
    state: str
    record: Record
    classes: int

    @property
    def stuck(self) -> bool:
        """Return whether a transition was required and no guard held."""
        return self.transition is None and self.trigger in (COMPLETE, ENTER)


class Explorer:
    """Enumerates the moves of a workflow over the fact classes of a table.

    Parameters
    ----------
    table : Table
    events : collection of str, optional
        The events that may happen; all by default.
    outcomes : mapping of Giver to collection, optional
        What activities and events may give; every outcome by default.
    keep : collection of str
        Record fields to preserve, in addition to those that later guards read.
    """

    def __init__(
        self, table: Table, events: Collection[str] | None = None,
        outcomes: Mapping[Giver, Collection[Outcome]] | None = None, keep: Collection[str] = (),
    ) -> None:  # fmt: skip
        workflow = self.workflow = table.workflow
        self.table = table
        self._events = [e for e in workflow.events.values() if events is None or e.name in events]
        possible = outcomes or {}
        givers = (*workflow.activities.values(), *self._events)
        self._outcomes = {id(g): [(o, g.written(o)) for o in possible.get(g, g.outcomes)] for g in givers}
        self._index = {name: i for i, name in enumerate(workflow.record)}
        self._codes = {name: codes(workflow, name) for name in workflow.record}
        self._decisions = table.by_point
        self._masks: dict[tuple[str, str, Record], list[tuple[int, int]]] = {}
        self._allowed = {e.name: (table.event_guards[e.name] if e.guard is not None else None) for e in self._events}
        self._dead = {
            state: [(i, workflow.defaults[n]) for n, i in self._index.items() if n not in fields and n not in keep]
            for state, fields in workflow.live_fields.items()
        }

    def normal(self, state: str, record: Record) -> Record:
        """Return a record with the fields that are dead in a state reset to their defaults."""
        values = list(record)
        for i, default in self._dead[state]:
            values[i] = default
        return tuple(values)

    def tried_on_entry(self, state: str) -> bool:
        """Return whether transitions are tried when a case enters a state."""
        return (state, ENTER) in self._decisions

    def enters(self, move: Move) -> bool:
        """Return whether a move enters a state, rather than only changing the record."""
        return move.transition is not None and self.workflow.transitions[move.transition].target is not None

    def steps(self, state: str, record: Record, move: Move) -> list[Step[Record]]:
        """Return the steps of a move from a state and record, with what a rule reads at each."""
        records = (record, move.seen, move.record)
        return steps_of(self.workflow, move.trigger, move.transition, records, state, move.state)

    def on_entry(self, state: str, record: Record, classes: int) -> tuple[list[Move], int]:
        """Return the moves on entry to a state, and the classes that stay in it."""
        moves, left = self._decide(state, ENTER, (), record, classes)
        if left and self.workflow.states[state].kind is StateKind.INSTANT:
            moves.append(Move(ENTER, (), record, None, state, record, left))
            left = 0
        return moves, left

    def moves(self, state: str, record: Record, classes: int) -> Iterator[Move]:
        """Yield the moves of cases that are in an activity or resting state."""
        declared = self.workflow.states[state]
        if declared.kind in (StateKind.FINAL, StateKind.INSTANT):
            return
        if declared.activity is not None:
            for given, seen in self._given(record, self.workflow.activities[declared.activity]):
                moves, left = self._decide(state, COMPLETE, given, seen, classes)
                yield from moves
                if left:
                    yield Move(COMPLETE, given, seen, None, state, seen, left)
        for event in self._events:
            if state not in event.states:
                continue
            taken = classes & self._may_happen(event.name, record)
            if not taken:
                continue
            for given, seen in self._given(self.written(record, event.effects), event):
                moves, left = (
                    self._decide(state, event.name, given, seen, taken) if (state, event.name) in self._decisions else ([], taken)
                )
                yield from moves
                if left:
                    yield Move(event.name, given, seen, None, state, seen, left)

    def written(self, record: Record, effects: Iterable[tuple[str, Value]]) -> Record:
        """Return a record after a ``set:``."""
        values = list(record)
        for name, value in effects:
            i = self._index[name]
            values[i] = min(values[i] + 1, self.workflow.record[name].maximum) if value == INCREMENT else value  # type: ignore[operator, type-var]
        return tuple(values)

    def _given(self, record: Record, giver: Giver) -> Iterator[tuple[Outcome, Record]]:
        """Yield what an activity or event may give, each with the record after it."""
        for outcome, written in self._outcomes[id(giver)]:
            yield outcome, self.written(record, written)

    def _decide(self, state: str, trigger: str, given: Outcome, seen: Record, classes: int) -> tuple[list[Move], int]:
        """Return the moves that the guards allow, and the classes for which no guard holds."""
        left, moves = classes, []
        for index, takes in self._taken(self._decisions[state, trigger], seen):
            taken = left & takes
            if taken:
                left &= ~taken
                transition = self.workflow.transitions[index]
                moves.append(
                    Move(trigger, given, seen, index, transition.target or state, self.written(seen, transition.effects), taken)
                )
        return moves, left

    def _taken(self, decision: DecisionTable, record: Record) -> list[tuple[int, int]]:
        """Return the transitions taken at a decision point, each with the classes that take it."""
        key = (decision.point.state, decision.point.trigger, tuple(record[self._index[f]] for f in decision.fields))
        if key not in self._masks:
            row: list[int] = decision.next[self._row(decision.fields, record)].tolist()
            self._masks[key] = [(t, mask_of(n == t for n in row)) for t in sorted(set(row)) if t >= 0]
        return self._masks[key]

    def _may_happen(self, event: str, record: Record) -> int:
        guard = self._allowed[event]
        if guard is None:
            return -1
        return mask_of(guard.holds[self._row(guard.fields, record)].tolist())

    def _row(self, fields: tuple[str, ...], record: Record) -> Any:
        return (slice(None), *(self._codes[f][record[self._index[f]]] for f in fields))


def mask_of(bits: Iterable[bool]) -> int:
    """Return truth values as a bit mask: bit k is the k-th value."""
    return sum(1 << k for k, bit in enumerate(bits) if bit)


@dataclass(frozen=True, slots=True)
class Stuck:
    """A case for which no guard holds where one must.

    Attributes
    ----------
    fact_class : int
        A class of the table.
    record : tuple
        The record there; dead fields are at their defaults.
    """

    state: str
    trigger: str
    fact_class: int
    record: Record


def may_be_stuck(table: Table) -> bool:
    """Return whether any decision point that requires a move has a class and record for which no guard holds."""
    return any(m.point.must_move and bool((m.next < 0).any()) for m in table.decisions)


def find_stuck(explorer: Explorer, beginnings: Mapping[tuple[str, Record], int]) -> Stuck | None:
    """Search for a stuck case, breadth first.

    Parameters
    ----------
    explorer : Explorer
    beginnings : mapping of (state, record) to int
        The initial states and records, each with the mask of its fact classes.
    """
    for visit in walk(explorer, beginnings):
        for move in visit.moves:
            if move.stuck:
                return Stuck(visit.state, move.trigger, (move.classes & -move.classes).bit_length() - 1, move.seen)
    return None


@dataclass(frozen=True, slots=True)
class Visit:
    """A state and record that fact classes reach, and their next moves.

    Attributes
    ----------
    entering : bool
        Whether the moves are only those tried on entry.
    """

    state: str
    record: Record
    entering: bool
    classes: int
    moves: list[Move]


def walk(explorer: Explorer, beginnings: Mapping[tuple[str, Record], int]) -> Iterator[Visit]:
    """Visit every reachable node breadth first; each class visits each node once."""
    seen: dict[tuple[str, Record, bool], int] = {}
    todo: deque[tuple[str, Record, bool, int]] = deque()

    def push(state: str, record: Record, entering: bool, classes: int) -> None:
        node = (state, explorer.normal(state, record), entering and explorer.tried_on_entry(state))
        new = classes & ~seen.get(node, 0)
        if new:
            seen[node] = seen.get(node, 0) | new
            todo.append((*node, new))

    for (state, record), classes in beginnings.items():
        push(state, record, True, classes)
    while todo:
        state, record, entering, classes = todo.popleft()
        if entering:
            moves, left = explorer.on_entry(state, record, classes)
            push(state, record, False, left)
        else:
            moves = list(explorer.moves(state, record, classes))
        yield Visit(state, record, entering, classes, moves)
        for move in moves:
            if not move.stuck:
                push(move.state, move.record, explorer.enters(move), move.classes)


def beginnings(workflow: Workflow) -> Iterator[tuple[str, Record]]:
    """Yield every initial state and record."""
    values = [workflow.record[n].domain() if n in workflow.entry_record else (workflow.defaults[n],) for n in workflow.record]
    for state in workflow.entry_states:
        yield from ((state, record) for record in itertools.product(*values))
