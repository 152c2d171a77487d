"""A workflow as checked data: names are resolved and guards are parsed.

`workflow.loading` reads it from a file. It has no clock, no queue and no probability.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from workflow.files.format import MeasureEntry
from workflow.files.table import n_of
from workflow.files.yaml_tree import Node
from workflow.model.rules import Rule
from workflow.model.time_bounds import Bounds
from workflow.model.working_days import WorkingDays
from workflow.predicates import Expression, Field, Namespace, names

if TYPE_CHECKING:
    from workflow import Picture

Value = bool | int | float | str | dt.date | None

Outcome = tuple[Value, ...]
"""What an activity or an event gives: a value for each field of its ``gives``; empty if it gives none."""

COMPLETE, ENTER = "complete", "enter"

HORIZON = "horizon"
"""Cause of the row that closes a case which is open at the end of a run."""

INTERRUPTED = "interrupted"
"""Cause of a row that ends a part of work which is resumed later."""

BOOKED, NOT_CALLED, DATE_CLOSED = "booked", "not_called", "date_closed"
"""Causes of a row that gives a case a hearing date: its first one, or another one because it was not called on its date, or
because its date was closed."""

NOT_STEPS = (HORIZON, INTERRUPTED, BOOKED, NOT_CALLED, DATE_CLOSED)
"""Causes of rows that are no steps of a case: it stays as it is."""


def as_written(value: object) -> str:
    """Return a value as it is written in files, logs and messages."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_words(name: str) -> str:
    """Return a name as words, for people: the title of what has no other.

    Examples
    --------
    >>> as_words("individual_hearing")
    'individual hearing'
    """
    return name.replace("_", " ")


BUILT_IN_FACTS: dict[str, Field] = {"arrived": Field("arrived", "date", "fact"), "as_of": Field("as_of", "date", "fact")}
"""Facts of every case: the date on which it began, and the reference date of its facts."""


class StateKind(Enum):
    """The kind of a state, which determines when its transitions are tried."""

    ACTIVITY = "activity"
    INSTANT = "instant"
    RESTING = "resting"
    FINAL = "final"


class Giver:
    """What activities and events share: they write an outcome to the record, which the world decides.

    Attributes
    ----------
    gives : tuple of (field, values)
        The record fields that it writes, each with the values that it may write; in the order of the file.
    """

    __slots__ = ()
    name: str
    gives: tuple[tuple[str, tuple[Value, ...]], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the record fields that it writes."""
        return tuple(name for name, _ in self.gives)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Return every combination of values, the last field varying fastest; one empty combination if it gives none."""
        return tuple(itertools.product(*(values for _, values in self.gives)))

    def written(self, outcome: Outcome) -> tuple[tuple[str, Value], ...]:
        """Return the record fields that an outcome writes, with their values."""
        return tuple(zip(self.fields, outcome, strict=True))

    def labels_giving(self, asked: Value | Mapping[str, Value]) -> tuple[str, ...]:
        """Return the labels of the outcomes that give a value, or that give the values of a mapping by field."""
        wanted = [asked] if isinstance(asked, Mapping) else [{name: asked} for name in self.fields]
        alternatives = [{(name, as_written(value)) for name, value in each.items()} for each in wanted]
        given = {outcome: {(n, as_written(v)) for n, v in self.written(outcome)} for outcome in self.outcomes}
        return tuple(self.label(o) for o, values in given.items() if any(each <= values for each in alternatives))

    def label(self, outcome: Outcome) -> str:
        """Return an outcome as logs have it: the value of one field, or ``papers = complete, result = granted``."""
        if len(outcome) == 1:
            return as_written(outcome[0])
        return ", ".join(f"{name} = {as_written(value)}" for name, value in self.written(outcome))


@dataclass(frozen=True, slots=True)
class Activity(Giver):
    """Work that a case waits for."""

    name: str
    gives: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    description: str | None = None
    source: str | None = None
    given_title: str | None = None

    @property
    def title(self) -> str:
        """Return its title from the file, or its name as words."""
        return self.given_title or as_words(self.name)


@dataclass(frozen=True, slots=True)
class State:
    """A state of a case."""

    name: str
    kind: StateKind
    activity: str | None = None
    description: str | None = None
    source: str | None = None
    given_title: str | None = None

    @property
    def title(self) -> str:
        """Return its title from the file, or its name as words."""
        return self.given_title or as_words(self.name)


@dataclass(frozen=True, slots=True)
class Titles:
    """What people read in place of a fact, and of its values.

    Attributes
    ----------
    title : str
        Of the fact; its name if the file gives no title.
    values : mapping of str to str
        By the value as logs have it; those that have a title.
    """

    title: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Transition:
    """A move that a case may make.

    Attributes
    ----------
    sources : tuple of str
        The states that it leaves.
    target : str or None
        The state that it leads to; ``None`` for an internal transition.
    events : tuple of str
        The events on which it is tried; empty if it is tried on completion or entry.
    at_entry : bool
        Whether it is tried on entry to an activity state, before the case waits for the work.
    effects : tuple of (field, value)
        The values that it writes to the record; `INCREMENT` adds 1 up to the maximum of the field.
    log_names : tuple of str
        What logs of other systems call it.
    """

    name: str
    sources: tuple[str, ...]
    target: str | None
    guard: Expression | None = None
    events: tuple[str, ...] = ()
    at_entry: bool = False
    effects: tuple[tuple[str, Value], ...] = ()
    description: str | None = None
    source: str | None = None
    log_names: tuple[str, ...] = ()


INCREMENT = "+1"


@dataclass(frozen=True, slots=True)
class Event(Giver):
    """Something that happens to a case from outside the workflow.

    Attributes
    ----------
    states : tuple of str
        The states in which it has an effect.
    log_names : tuple of str
        What logs of other systems call it.
    """

    name: str
    states: tuple[str, ...]
    guard: Expression | None = None
    effects: tuple[tuple[str, Value], ...] = ()
    gives: tuple[tuple[str, tuple[Value, ...]], ...] = ()
    description: str | None = None
    source: str | None = None
    log_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionPoint:
    """A trigger in a state: the candidates are tried in order, and the first one whose guard holds is taken.

    Attributes
    ----------
    trigger : str
        `COMPLETE`, `ENTER`, or the name of an event.
    candidates : tuple of int
        Indices into ``Workflow.transitions``.
    must_move : bool
        Whether the workflow is faulty if no guard holds.
    """

    state: str
    trigger: str
    candidates: tuple[int, ...]
    must_move: bool


@dataclass(frozen=True)
class Workflow:
    """One declared case workflow.

    Attributes
    ----------
    facts, record : dict of str to Field
        In the order of the file.
    defaults : dict
        The default of each fact and record field; ``None`` if it is missing.
    transitions : tuple of Transition
        In the order in which they are tried.
    entry_states : tuple of str
        The states in which a case may begin.
    entry_record : tuple of str
        The record fields that may begin with any value.
    calendars : mapping of str to WorkingDays
        That rules may name.
    titles : mapping of str to Titles
        Of the facts and record fields that have titles.
    bounds : Bounds
        What the file takes the world to be like; proofs of time limits rely on it.
    document : Node
        The file, merged with the files that it extends.
    """

    name: str
    description: str | None
    facts: Mapping[str, Field]
    record: Mapping[str, Field]
    defaults: Mapping[str, Value]
    definitions: Mapping[str, Expression]
    assumptions: tuple[Expression, ...]
    activities: Mapping[str, Activity]
    states: Mapping[str, State]
    transitions: tuple[Transition, ...]
    events: Mapping[str, Event]
    entry_states: tuple[str, ...]
    entry_record: tuple[str, ...]
    rules: tuple[Rule, ...]
    measures: tuple[MeasureEntry, ...]
    sources: Mapping[str, str]
    document: Node = field(repr=False)
    calendars: Mapping[str, WorkingDays] = field(default_factory=dict, repr=False)
    bounds: Bounds = field(default=Bounds(), repr=False)
    titles: Mapping[str, Titles] = field(default_factory=dict, repr=False)

    @cached_property
    def namespace(self) -> Namespace:
        """Return the names that guards, definitions and conditions may use."""
        return Namespace({**self.facts, **BUILT_IN_FACTS, **self.record}, self.definitions)

    @cached_property
    def decision_points(self) -> tuple[DecisionPoint, ...]:
        """Return every decision point, with states in the order of the file."""
        points = []
        leaving: dict[str, dict[str, list[int]]] = {name: {} for name in self.states}  # by event; "" without one
        for i, transition in enumerate(self.transitions):
            for source in dict.fromkeys(transition.sources):
                for upon in dict.fromkeys(transition.events or ("",)):
                    leaving[source].setdefault(upon, []).append(i)
        places = {name: place for place, name in enumerate(self.events)}
        states_of = {name: frozenset(self.events[name].states) for name in {*itertools.chain(*leaving.values())} & places.keys()}
        for state in self.states.values():
            own = leaving[state.name].pop("", [])
            entering = tuple(i for i in own if self.transitions[i].at_entry or state.kind is StateKind.INSTANT)
            completing = tuple(i for i in own if i not in entering)
            if entering:
                points.append(DecisionPoint(state.name, ENTER, entering, must_move=state.kind is StateKind.INSTANT))
            if state.kind is StateKind.ACTIVITY:
                points.append(DecisionPoint(state.name, COMPLETE, completing, must_move=True))
            for event in sorted(leaving[state.name].keys() & places.keys(), key=places.__getitem__):
                if state.name in states_of[event]:
                    points.append(DecisionPoint(state.name, event, tuple(leaving[state.name][event]), must_move=False))
        return tuple(points)

    @cached_property
    def candidates(self) -> Mapping[tuple[str, str], tuple[int, ...]]:
        """Return the indices of the transitions that are tried, in order, by state and trigger."""
        return {(m.state, m.trigger): m.candidates for m in self.decision_points}

    @cached_property
    def live_fields(self) -> Mapping[str, frozenset[str]]:
        """Return, for each state, the record fields that a guard can still read before they are written."""
        live: dict[str, frozenset[str]] = dict.fromkeys(self.states, frozenset())
        changed = True
        while changed:
            before = dict(live)
            for point in self.decision_points:
                live[point.state] |= self._read_at(point, live)
            for event in self.events.values():
                if event.guard is not None:
                    for state in event.states:
                        live[state] |= names(event.guard) & self.record.keys()
            changed = live != before
        return live

    def _read_at(self, point: DecisionPoint, live: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return the record fields that are read at a decision point, or after it if `live` are read in each state."""
        giver = self.giver(point.state, point.trigger)
        written = set() if giver is None else set(giver.fields)
        if isinstance(giver, Event):
            written |= {name for name, value in giver.effects if value != INCREMENT}
        read: set[str] = set()
        for i in point.candidates:
            transition = self.transitions[i]
            overwritten = {name for name, value in transition.effects if value != INCREMENT}
            read |= live[transition.target or point.state] - overwritten
            if transition.guard is not None:
                read |= names(transition.guard) & self.record.keys()
        return frozenset(read - written)

    def giver(self, state: str, trigger: str) -> Activity | Event | None:
        """Return the event that happens, or the activity that completes in a state; ``None`` on entry."""
        if trigger == COMPLETE:
            return self.activities.get(self.states[state].activity or "")
        return self.events.get(trigger)

    @cached_property
    def step_names(self) -> tuple[str, ...]:
        """Return the names of the transitions and events."""
        return (*(t.name for t in self.transitions), *self.events)

    @property
    def outcome_labels(self) -> tuple[str, ...]:
        """Return everything that an activity or an event may give, as a log writes it."""
        givers = (*self.activities.values(), *self.events.values())
        return tuple(dict.fromkeys(giver.label(outcome) for giver in givers for outcome in giver.outcomes if outcome))

    @property
    def log_names(self) -> Mapping[str, tuple[str, ...]]:
        """Return what logs of other systems call the transitions and events."""
        names = {t.name: t.log_names for t in self.transitions} | {e.name: e.log_names for e in self.events.values()}
        return {step: log_names for step, log_names in names.items() if log_names}

    def __repr__(self) -> str:
        sizes = ", ".join(
            [n_of(len(self.states), "state"), n_of(len(self.transitions), "transition"), n_of(len(self.rules), "rule")]
        )
        return f"<Workflow {self.name!r}: {sizes}>"

    def _repr_svg_(self) -> str:
        return self.draw().svg

    def draw(self, against: Workflow | None = None) -> Picture:
        """Return the map of its states and transitions, which a notebook shows and which can be saved.

        Parameters
        ----------
        against : Workflow, optional
            Another workflow; the transitions that it has not, or has in another way, are marked.
        """
        from workflow import Picture

        return Picture.of(self, against)

    def to_yaml(self) -> str:
        """Return a workflow file that loads to the same workflow, from any folder."""
        return self.document.written()

    def plain(self) -> dict[str, Any]:
        """Return the content of the merged file as plain values."""
        content: dict[str, Any] = self.document.plain()
        return content
