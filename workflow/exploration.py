"""Where a case can come: every state and record that can be reached, and by which fact classes.

A node is a state with a record; it carries the set of fact classes that can be there as the bits of a whole
number, so that a guard is a mask and "the first guard that holds" is ``left & ~mask``. Record fields that are
written before they are read again are set back to their defaults (liveness), which keeps the nodes few.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflow.definition import COMPLETE, ENTER, INCREMENT, Kind, Value, Workflow
from workflow.predicates import names
from workflow.table import MomentTable, Table, codes

__all__ = ["Node", "Stuck", "find_stuck", "may_be_stuck"]

Record = tuple[Value, ...]
Node = tuple[str, Record]


@dataclass(frozen=True, slots=True)
class Stuck:
    """A case that cannot move where it must.

    Attributes
    ----------
    fact_class : int
        A class of the table.
    record : tuple
        The record at that moment; fields that no longer matter are at their defaults.
    """

    state: str
    trigger: str
    fact_class: int
    record: Record


def may_be_stuck(table: Table) -> bool:
    """Say whether at some moment at which a case must move, some class with some record finds no guard that holds."""
    return any(m.moment.must_move and bool((m.next < 0).any()) for m in table.moments)


def find_stuck(
    table: Table,
    beginnings: Mapping[Node, int],
    events: Collection[str],
    outcomes: Mapping[str, Collection[Value]],
) -> Stuck | None:
    """Look for a case that gets stuck, nearest beginnings first.

    Parameters
    ----------
    table : Table
    beginnings : mapping of (state, record) to int
        How cases begin, and which fact classes do: bit k for class k.
    events : collection of str
        The events that may happen.
    outcomes : mapping of str to collection
        For each activity and event that gives something, the values that it may give.
    """
    return _Exploration(table, events, outcomes).run(beginnings)


@dataclass
class _Exploration:
    table: Table
    events: Collection[str]
    outcomes: Mapping[str, Collection[Value]]
    seen: dict[Node, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        workflow = self.workflow = self.table.workflow
        self.place = {name: i for i, name in enumerate(workflow.record)}
        self.codes = {name: codes(workflow, name) for name in workflow.record}
        self.moments = {(m.moment.state, m.moment.trigger): m for m in self.table.moments}
        self.masks: dict[tuple[str, str, Record], list[tuple[int, int]]] = {}
        self.live = _live_fields(workflow)
        self.todo: deque[tuple[Node, int]] = deque()

    def run(self, beginnings: Mapping[Node, int]) -> Stuck | None:
        for (state, record), mask in beginnings.items():
            self.push(state, record, mask)
        while self.todo:
            (state, record), mask = self.todo.popleft()
            stuck = self.expand(state, record, mask)
            if stuck is not None:
                return stuck
        return None

    def push(self, state: str, record: Record, mask: int) -> None:
        live, defaults = self.live[state], self.workflow.defaults
        kept = tuple(v if n in live else defaults[n] for n, v in zip(self.workflow.record, record, strict=True))
        new = mask & ~self.seen.get((state, kept), 0)
        if new:
            self.seen[state, kept] = self.seen.get((state, kept), 0) | new
            self.todo.append(((state, kept), new))

    def expand(self, state: str, record: Record, mask: int) -> Stuck | None:
        declared = self.workflow.states[state]
        if declared.kind is Kind.FINAL:
            return None
        if (state, ENTER) in self.moments:
            left, stuck = self.decide(state, ENTER, record, mask)
            if stuck is not None:
                return stuck
            mask = left
        if declared.kind is Kind.INSTANT or not mask:
            return None
        if declared.activity is not None:
            activity = self.workflow.activities[declared.activity]
            for after in self.given(record, activity.gives, self.outcomes.get(activity.name, ())):
                _, stuck = self.decide(state, COMPLETE, after, mask)
                if stuck is not None:
                    return stuck
        self.happen(state, record, mask)
        return None

    def happen(self, state: str, record: Record, mask: int) -> None:
        """Let every event happen that may."""
        for event in self.workflow.events.values():
            if event.name not in self.events or state not in event.states:
                continue
            for after in self.given(self.written(record, event.effects), event.gives, self.outcomes.get(event.name, ())):
                left = mask
                if (state, event.name) in self.moments:
                    left, _ = self.decide(state, event.name, after, mask)
                if left and after != record:
                    self.push(state, after, left)

    def decide(self, state: str, trigger: str, record: Record, mask: int) -> tuple[int, Stuck | None]:
        """Push where the classes of a mask go; return those that stay, and one that is stuck."""
        moment = self.moments[state, trigger]
        left = mask
        for transition, takes in self.taken(moment, record):
            some = mask & takes
            if not some:
                continue
            left &= ~some
            chosen = self.workflow.transitions[transition]
            self.push(chosen.target or state, self.written(record, chosen.effects), some)
        if left and moment.moment.must_move:
            return left, Stuck(state, trigger, (left & -left).bit_length() - 1, record)
        return left, None

    def taken(self, moment: MomentTable, record: Record) -> list[tuple[int, int]]:
        """Return the transitions taken at a moment with a record, each with the mask of the classes that take it."""
        key = (moment.moment.state, moment.moment.trigger, tuple(record[self.place[f]] for f in moment.fields))
        found = self.masks.get(key)
        if found is None:
            place: Any = (slice(None), *(self.codes[f][record[self.place[f]]] for f in moment.fields))
            row: list[int] = moment.next[place].tolist()
            found = [(t, sum(1 << k for k, n in enumerate(row) if n == t)) for t in sorted(set(row)) if t >= 0]
            self.masks[key] = found
        return found

    def written(self, record: Record, effects: Iterable[tuple[str, Value]]) -> Record:
        values = list(record)
        for name, value in effects:
            i = self.place[name]
            values[i] = min(values[i] + 1, self.workflow.record[name].maximum) if value == INCREMENT else value  # type: ignore[operator, type-var]
        return tuple(values)

    def given(self, record: Record, name: str | None, values: Collection[Value]) -> list[Record]:
        if name is None or not values:
            return [record]
        i = self.place[name]
        return [(*record[:i], value, *record[i + 1 :]) for value in values]


def _live_fields(workflow: Workflow) -> dict[str, set[str]]:
    """Return for each state the record fields whose value can still matter to a case that is there."""
    record = set(workflow.record)
    live: dict[str, set[str]] = {name: set() for name in workflow.states}
    changed = True
    while changed:
        changed = False
        for moment in workflow.moments:
            event = workflow.events.get(moment.trigger)
            activity = workflow.activities.get(workflow.states[moment.state].activity or "")
            written = {name for name, _ in event.effects} if event else set()
            gives = event.gives if event else activity.gives if activity and moment.trigger == COMPLETE else None
            need: set[str] = set()
            for i in moment.candidates:
                transition = workflow.transitions[i]
                need |= names(transition.guard) & record if transition.guard is not None else set()
                literal = {name for name, value in transition.effects if value != INCREMENT}
                need |= live[transition.target or moment.state] - literal
            need -= written | ({gives} if gives else set())
            if not need <= live[moment.state]:
                live[moment.state] |= need
                changed = True
        for event in workflow.events.values():
            if event.guard is None:
                continue
            for state in event.states:
                if not names(event.guard) & record <= live[state]:
                    live[state] |= names(event.guard) & record
                    changed = True
    return live


