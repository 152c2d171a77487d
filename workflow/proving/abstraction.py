"""The moves of a workflow, seen through a precision.

A *precision* says which atoms and record fields are followed. Every other atom and field is free each time that a
condition asks for it. So the abstraction has every history of the workflow, and some more: where it cannot break a
rule, nothing can. A node is a state, the followed record fields and the state of a rule's automaton.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import product
from typing import Any

from workflow.deciding.steps import Step, end_of_row, steps_of
from workflow.model.automata import ROW_END, Automaton
from workflow.model.definition import COMPLETE, ENTER, INCREMENT, Activity, Event, StateKind, Value, Workflow
from workflow.predicates import Expression, names
from workflow.proving.atoms import Atoms
from workflow.proving.decision_diagrams import EVERYTHING, NOTHING
from workflow.proving.joint import Joint


class Free(Enum):
    """The value of a record field that is not followed."""

    FREE = "not followed"

    __hash__ = object.__hash__  # records are hashed often, and the hash of Enum is slow


LooseRecord = tuple[Any, ...]
"""The values of the record fields, `Free.FREE` for those that are not followed."""

Node = tuple[str, LooseRecord, bool, int]
"""State, record, whether transitions are tried on entry, and state of the automaton."""


@dataclass
class Precision:
    """The atoms (by number) and record fields that are followed."""

    atoms: set[int] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)


class At(Enum):
    """The moment of a row at which a condition reads the record."""

    BEFORE = 0
    SEEN = 1  # after the effects of the event or the activity, as the guards of transitions read it
    AFTER = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition on a path, with the state and the followed record fields put in, and whether it holds there."""

    condition: Expression
    holds: bool
    at: At


Conditions = tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """A possible next row of the cases at a node.

    Attributes
    ----------
    trigger : str or None
        ``complete``, ``enter`` or an event; ``None`` for a case that stays in a state after entry, which is no row.
    source : str
        The state before it.
    given : tuple of values
        What the activity or the event gives, for each of its fields; `Free.FREE` for a field that is not followed.
    transition : int or None
    state : str
        The state after it.
    records : tuple of three records
        Before it, as the guards see it, and after it.
    cases : int
        The answers with which a case makes the move.
    asked : Conditions
        What must hold for it.
    stuck : bool
        Whether a transition was required and no guard held.
    """

    trigger: str | None
    source: str
    given: tuple[Any, ...]
    transition: int | None
    state: str
    records: tuple[LooseRecord, LooseRecord, LooseRecord]
    cases: int
    asked: Conditions
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A state of the automaton after a move, with the cases that reach it and the conditions for that.

    `opened` says whether a step of the move opened the obligation that is open now, if one is.
    """

    q: int
    cases: int
    asked: Conditions
    opened: bool = False


class Abstraction:
    """A workflow as a precision sees it.

    Parameters
    ----------
    workflow : Workflow
    atoms : Atoms
    precision : Precision
        Must not change while the abstraction is in use.
    keep : collection of str
        Followed fields to preserve, in addition to those that later guards read.
    heard : collection of str
        The steps that the automaton hears. Other events that change nothing are left out, unless it hears the end of every row.
    """

    def __init__(
        self, workflow: Workflow, atoms: Atoms, precision: Precision, keep: Collection[str], heard: Collection[str]
    ) -> None:
        self.workflow, self.atoms, self.precision, self.heard = workflow, atoms, precision, frozenset(heard)
        self.diagrams = atoms.diagrams
        self._index = {name: i for i, name in enumerate(workflow.record)}
        self._followed = [(i, name) for name, i in self._index.items() if name in precision.fields]
        self._live = {state: fields.union(keep) for state, fields in workflow.live_fields.items()}
        self._moves: dict[tuple[str, LooseRecord, bool], list[Move]] = {}
        self._seen: dict[tuple[int, bool], int] = {}
        self._read: dict[int, tuple[list[tuple[int, str]], bool]] = {}

    # Conditions

    def put_in(self, condition: Expression, state: str, record: LooseRecord) -> Expression:
        """Return a condition with a state and the followed fields put in (cached)."""
        if id(condition) not in self._read:
            read = names(condition)
            fields = [(i, name) for i, name in self._followed if name in read]
            self._read[id(condition)] = fields, "state" in read
        fields, reads_state = self._read[id(condition)]
        known = tuple((name, record[i]) for i, name in fields)
        return self.atoms.put_in(condition, (*known, ("state", state)) if reads_state else known)

    def cases(self, condition: Expression, holds: bool = True) -> int:
        """Return the cases for which a condition can hold or fail, as far as the precision sees it (cached)."""
        key = (id(condition), holds)
        if key not in self._seen:
            exact = self.atoms.cases(condition)
            exact = exact if holds else self.diagrams.negate(exact)
            self._seen[key] = self.diagrams.project(exact, self.precision.atoms)
        return self._seen[key]

    def anywhere(self, condition: Expression | None, state: str) -> int:
        """Return the cases for which a condition can hold in a state, whatever the record."""
        if condition is None:
            return EVERYTHING
        known = (("state", state),) if "state" in names(condition) else ()
        return self.cases(self.atoms.put_in(condition, known))

    # Records

    def beginnings(self) -> Iterator[tuple[str, LooseRecord]]:
        """Yield every initial state and record."""
        workflow = self.workflow
        values: list[tuple[Any, ...]] = [
            (Free.FREE,)
            if name not in self.precision.fields
            else workflow.record[name].domain()
            if name in workflow.entry_record
            else (workflow.defaults[name],)
            for name in workflow.record
        ]
        for state in workflow.entry_states:
            yield from ((state, record) for record in product(*values))

    def kept(self, state: str) -> frozenset[str]:
        """Return the record fields whose values in a state matter later."""
        return frozenset(self._live[state])

    def normal(self, state: str, record: LooseRecord) -> LooseRecord:
        """Reset the tracked fields of a record that are dead in a state to their defaults."""
        live, values = self._live[state], list(record)
        for i, name in self._followed:
            if name not in live:
                values[i] = self.workflow.defaults[name]
        return tuple(values)

    def _written(self, record: LooseRecord, effects: tuple[tuple[str, Value], ...]) -> LooseRecord:
        values = list(record)
        for name, value in effects:
            if name in self.precision.fields:
                i = self._index[name]
                values[i] = min(values[i] + 1, self.workflow.record[name].maximum) if value == INCREMENT else value
        return tuple(values)

    def _given(self, record: LooseRecord, giver: Activity | Event) -> Iterator[tuple[tuple[Any, ...], LooseRecord]]:
        """Yield what may be given for the fields of a giver, and the record after it."""
        followed = [values if name in self.precision.fields else (Free.FREE,) for name, values in giver.gives]
        for outcome in product(*followed):
            values = list(record)
            for name, value in zip(giver.fields, outcome, strict=True):
                values[self._index[name]] = value
            yield outcome, tuple(values)

    # Moves

    def tried_on_entry(self, state: str) -> bool:
        """Return whether transitions are tried when a case enters a state."""
        return (state, ENTER) in self.workflow.candidates

    def target(self, move: Move, q: int) -> Node:
        """Return the node to which a move leads."""
        if move.trigger is None:
            return move.state, move.records[2], False, q
        enters = move.transition is not None and self.workflow.transitions[move.transition].target is not None
        return move.state, self.normal(move.state, move.records[2]), enters and self.tried_on_entry(move.state), q

    def moves(self, state: str, record: LooseRecord, entering: bool) -> list[Move]:
        """Return the moves from a state and record (cached)."""
        key = (state, record, entering)
        if key not in self._moves:
            self._moves[key] = list(self._on_entry(state, record) if entering else self._later(state, record))
        return self._moves[key]

    def _on_entry(self, state: str, record: LooseRecord) -> Iterator[Move]:
        moves, left, asked = self._decide(state, ENTER, (), record, record, ())
        yield from moves
        if left != NOTHING:
            records = (record, record, record)
            if self.workflow.states[state].kind is StateKind.INSTANT:
                yield Move(ENTER, state, (), None, state, records, left, asked, stuck=True)
            else:
                yield Move(None, state, (), None, state, records, left, asked)

    def _later(self, state: str, record: LooseRecord) -> Iterator[Move]:
        declared = self.workflow.states[state]
        if declared.kind in (StateKind.FINAL, StateKind.INSTANT):
            return
        if declared.activity is not None:
            for given, seen in self._given(record, self.workflow.activities[declared.activity]):
                moves, left, asked = self._decide(state, COMPLETE, given, record, seen, ())
                yield from moves
                if left != NOTHING:
                    yield Move(COMPLETE, state, given, None, state, (record, seen, seen), left, asked, stuck=True)
        for event in self.workflow.events.values():
            if state in event.states:
                yield from self._upon(event, state, record)

    def _upon(self, event: Event, state: str, record: LooseRecord) -> Iterator[Move]:
        """Yield the moves of an event."""
        first: Conditions = ()
        if event.guard is not None:
            first = (Asked(self.put_in(event.guard, state, record), True, At.BEFORE),)
        for given, seen in self._given(self._written(record, event.effects), event):
            moves, left, asked = self._decide(state, event.name, given, record, seen, first)
            yield from moves
            if left != NOTHING and (seen != record or self._hears(event)):
                yield Move(event.name, state, given, None, state, (record, seen, seen), left, asked)

    def _hears(self, event: Event) -> bool:
        """Return whether an event that changes nothing makes a difference."""
        return not self.heard.isdisjoint({event.name, ROW_END})

    def _decide(
        self, state: str, trigger: str, given: tuple[Any, ...], before: LooseRecord, seen: LooseRecord, first: Conditions
    ) -> tuple[list[Move], int, Conditions]:
        """Return the moves that the guards allow; the cases for which no guard holds, and the conditions for that."""
        left, asked, moves = self._together(first), first, []
        for i in self.workflow.candidates.get((state, trigger), ()):
            if left == NOTHING:
                break
            transition = self.workflow.transitions[i]
            takes, needed = left, asked
            if transition.guard is not None:
                guard = self.put_in(transition.guard, state, seen)
                takes, needed = (self.diagrams.both(left, self.cases(guard)), (*asked, Asked(guard, True, At.SEEN)))
                left = self.diagrams.both(left, self.cases(guard, False))
                asked = (*asked, Asked(guard, False, At.SEEN))
            else:
                left = NOTHING
            if takes != NOTHING:
                records = (before, seen, self._written(seen, transition.effects))
                moves.append(Move(trigger, state, given, i, transition.target or state, records, takes, needed))
        return moves, left, asked

    def _together(self, asked: Conditions) -> int:
        return self.diagrams.all_of(self.cases(one.condition, one.holds) for one in asked)

    # The automaton

    def hear(self, automaton: Automaton | Joint, q: int, move: Move) -> list[Heard]:
        """Return the states of an automaton after a move."""
        reached = [Heard(q, EVERYTHING, ())]
        if move.trigger is None:
            return reached
        before, seen, after = move.records
        records = (At.BEFORE, before), (At.SEEN, seen), (At.AFTER, after)
        steps = steps_of(self.workflow, move.trigger, move.transition, records, move.source, move.state)
        for step in (*steps, end_of_row(records[2], move.state)):
            if step.name in automaton.names:
                reached = [after for heard in reached for after in self._after(automaton, heard, step)]
        return reached

    def _after(self, automaton: Automaton | Joint, before: Heard, step: Step[tuple[At, LooseRecord]]) -> Iterator[Heard]:
        """Yield the states of an automaton after a step."""
        symbols = [(0, before.cases, before.asked)]
        for i, pattern in enumerate(automaton.patterns_at[before.q]):
            if step.name not in pattern.names:
                continue
            conditions = [
                (self.put_in(condition, state, record), at)
                for condition, state, (at, record) in (
                    (pattern.when, step.state, step.record),
                    (pattern.giving, step.state_after, step.record_after),
                )
                if condition is not None
            ]
            symbols = [
                (symbol | holds << i, cases, asked)
                for symbol, cases, asked in symbols
                for holds, cases, asked in self._split(cases, asked, conditions)
            ]
        for symbol, cases, asked in symbols:
            q = automaton.step(before.q, symbol)
            yield Heard(q, cases, asked, q in automaton.open and (before.opened or before.q not in automaton.open))

    def _split(
        self, cases: int, asked: Conditions, conditions: list[tuple[Expression, At]]
    ) -> Iterator[tuple[bool, int, Conditions]]:
        """Yield the cases for which one of the conditions is the first to fail, and those for which all hold."""
        for condition, at in conditions:
            fails = self.diagrams.both(cases, self.cases(condition, False))
            if fails != NOTHING:
                yield False, fails, (*asked, Asked(condition, False, at))
            cases = self.diagrams.both(cases, self.cases(condition))
            asked = (*asked, Asked(condition, True, at))
        if cases != NOTHING:
            yield True, cases, asked
