"""Read the activities, states, events and transitions of a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow.errors import InputError, Problem, nearest
from workflow.files.format import ActivityEntry, EventEntry, StateEntry, TransitionEntry, WorkflowFile
from workflow.files.validation import format_value, parse_at
from workflow.files.values import allowed_values, fits
from workflow.loading.reading import Keys, Reading, suggested
from workflow.model.definition import INCREMENT, Activity, Event, State, StateKind, Transition, Value
from workflow.predicates import Expression, Field, Namespace

MOST_MOVES = 100_000
"""Maximum number of pairs of a state and an event on which transitions are tried."""


class MoveReader:
    """Reads activities, states, events and transitions.

    Parameters
    ----------
    reading : Reading
    namespace : Namespace
        The names that a condition may use.
    fields : mapping of str to Field
        The facts and the record of the file.
    """

    def __init__(self, reading: Reading[WorkflowFile], namespace: Namespace, fields: Mapping[str, Field]) -> None:
        self.reading = reading
        self.namespace = namespace
        self.facts = {name for name, field in fields.items() if field.role == "fact"}
        self.record = {name: field for name, field in fields.items() if field.role == "record"}
        self._n_moves = 0
        self._inside: dict[str, frozenset[str]] = {}
        self._where_time_passes: tuple[str, ...] | None = None

    def activity(self, name: str, entry: ActivityEntry | None) -> Activity:
        """Read an activity; its entry may be empty."""
        if entry is None:
            return Activity(name)
        gives = self._gives(entry.gives, ("activities", name), f"activity {name!r}")
        return Activity(name, gives, entry.description, entry.source, entry.title)

    def state(self, name: str, entry: StateEntry) -> State:
        """Read a state."""
        kind = StateKind.INSTANT
        if entry.activity is not None:
            kind, path = StateKind.ACTIVITY, ("states", name, "activity")
            self.reading.known(entry.activity, self.reading.file.activities, path, f"state {name!r}", "an activity")
        elif entry.resting:
            kind = StateKind.RESTING
        elif entry.final:
            kind = StateKind.FINAL
        return State(name, kind, entry.activity, entry.description, entry.source, entry.title)

    def event(self, name: str, entry: EventEntry, states: Mapping[str, State]) -> Event:
        """Read an event; it can happen only in states where time passes."""
        what, path = f"event {name!r}", ("events", name)
        if entry.while_ == "any":
            inside = self._waiting_states(states)
        else:
            inside = tuple(entry.while_)
            for i, state in enumerate(inside):
                key_path = (*path, "while", i)
                if not self.reading.known(state, states, key_path, f"{what}: while", "a state"):
                    continue
                if states[state].kind is StateKind.FINAL:
                    self.reading.wrong(key_path, f"{what}: while: no event has an effect in the final state {state!r}")
                elif states[state].kind is StateKind.INSTANT:
                    self.reading.wrong(key_path, f"{what}: while: no time passes in the instant state {state!r}")
        guard = self._guard(entry.when, path, what)
        gives = self._gives(entry.gives, path, what)
        effects = self._effects(entry.set, path, what)
        for field, _ in gives:
            if field in dict(effects):
                self.reading.wrong((*path, "gives", field), f"{what}: {field} is both set and given")
        return Event(name, inside, guard, effects, gives, entry.description, entry.source, tuple(entry.log_name or ()))

    def _waiting_states(self, states: Mapping[str, State]) -> tuple[str, ...]:
        """Return the states in which time passes; one tuple for all events."""
        if self._where_time_passes is None:
            waiting = (StateKind.ACTIVITY, StateKind.RESTING)
            self._where_time_passes = tuple(s.name for s in states.values() if s.kind in waiting)
        return self._where_time_passes

    def _states_of(self, event: Event) -> frozenset[str]:
        """Return the states in which an event has an effect; kept, since every transition on the event asks."""
        if event.name not in self._inside:
            self._inside[event.name] = frozenset(event.states)
        return self._inside[event.name]

    def transition(self, i: int, entry: TransitionEntry, states: Mapping[str, State], events: Mapping[str, Event]) -> Transition:
        """Read the `i`-th transition."""
        what, path = f"transition {entry.transition!r}", ("transitions", i)
        upon = tuple(entry.event or ())
        self._n_moves += len(entry.from_) * max(len(upon), 1)
        if self._n_moves > MOST_MOVES:
            message = f"with it, the transitions are tried for more than {MOST_MOVES:,} pairs of a state and an event, the limit"
            raise InputError([*self.reading.problems, Problem(f"{what}: {message}", self.reading.node.position_of(path))])
        for name in entry.from_:
            self.reading.known(name, states, (*path, "from"), f"{what}: from", "a state")
        if entry.to is None and not upon:
            message = "needs to:; only a transition with event: may stay in its state"
            self.reading.wrong(path, f"{what}: {message}")
        elif entry.to is not None and entry.to not in states:
            message = f"leads to {entry.to!r}, which is not a state.{suggested(entry.to, states)}"
            self.reading.wrong((*path, "to"), f"{what} {message}")
        for name in upon:
            self.reading.known(name, events, (*path, "event"), f"{what}: event", "an event")
        for state in (states[name] for name in entry.from_ if name in states):
            self._check_leaving(entry, state, events, path, what)
        guard = self._guard(entry.when, path, what)
        effects = self._effects(entry.set, path, what)
        return Transition(
            entry.transition,
            tuple(entry.from_),
            entry.to,
            guard,
            upon,
            entry.at == "entry",
            effects,
            entry.description,
            entry.source,
            tuple(entry.log_name or ()),
        )

    def _check_leaving(self, entry: TransitionEntry, state: State, events: Mapping[str, Event], path: Keys, what: str) -> None:
        """Check that a transition can leave a state, on its events or without any."""
        wrong, upon = self.reading.wrong, entry.event or ()
        if state.kind is StateKind.FINAL:
            wrong((*path, "from"), f"{what}: from: {state.name!r} is final and is never left")
        elif state.kind is StateKind.INSTANT and upon:
            wrong((*path, "event"), f"{what}: no event happens in the instant state {state.name!r}")
        elif state.kind is StateKind.RESTING and not upon:
            message = f"{state.name!r} is resting and is left only on an event; add event:"
            wrong((*path, "from"), f"{what}: from: {message}")
        if state.kind in (StateKind.ACTIVITY, StateKind.RESTING):
            for event in upon:
                if event in events and state.name not in self._states_of(events[event]):
                    message = f"has no effect in {state.name!r}; add {state.name!r} to its while:"
                    wrong((*path, "event"), f"{what}: the event {event!r} {message}")
        if entry.at == "entry" and (state.kind is not StateKind.ACTIVITY or upon):
            wrong((*path, "at"), f"{what}: at: entry is for a state with an activity, without event:")

    def _guard(self, text: str | None, path: Keys, what: str) -> Expression | None:
        if text is None:
            return None
        return parse_at(self.reading.at(*path, "when"), text, self.namespace, self.reading.problems, f"{what}: when")

    def _effects(self, entry: Mapping[str, Any] | None, path: Keys, what: str) -> tuple[tuple[str, Value], ...]:
        """Read `set:`."""
        effects: list[tuple[str, Value]] = []
        for name, value in (entry or {}).items():
            key_path = (*path, "set", name)
            if name in self.facts:
                message = f"{name!r} is a fact, which never changes; only the record does"
                self.reading.wrong(key_path, f"{what}: set: {message}")
            elif self.reading.known(name, self.record, key_path, f"{what}: set", "a field of the record"):
                counts_up = isinstance(value, str) and value.replace(" ", "") == f"{name}+1"
                if counts_up and self.record[name].kind == "integer":
                    effects.append((name, INCREMENT))
                elif self._fits(name, value, key_path, f"{what}: set"):
                    effects.append((name, value))
        return tuple(effects)

    def _gives(self, entry: Mapping[str, list[Any]] | None, path: Keys, what: str) -> tuple[tuple[str, tuple[Value, ...]], ...]:
        """Read `gives:`: record fields and their possible values."""
        path, what = (*path, "gives"), f"{what}: gives"
        if entry is not None and not entry:
            self.reading.wrong(path, f"{what}: names no record field")
        given: list[tuple[str, tuple[Value, ...]]] = []
        for name, values in (entry or {}).items():
            if not self.reading.known(name, self.record, (*path, name), what, "a field of the record"):
                continue
            if not values:
                self.reading.wrong((*path, name), f"{what}: {name} needs at least one value")
            seen: set[Value] = set()
            for i, value in enumerate(values):
                if self._fits(name, value, (*path, name, i), what):
                    if value in seen:
                        self.reading.wrong((*path, name, i), f"{what}: the value {format_value(value)} is listed twice")
                    seen.add(value)
            given.append((name, tuple(values)))
        return tuple(given)

    def _fits(self, name: str, value: object, path: Keys, what: str) -> bool:
        """Return whether a record field may hold a value; report it if not."""
        field = self.record[name]
        if fits(field, value):
            return True
        message = f"{name} cannot become {format_value(value)}; it is {allowed_values(field)}{nearest(value, field.values)}"
        self.reading.wrong(path, f"{what}: {message}")
        return False
