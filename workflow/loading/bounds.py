"""Read the section ``bounds:`` of a workflow or rules file: how long cases stay in states, and when events follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workflow.errors import InputError, Problem
from workflow.files.format import BoundEntry
from workflow.files.yaml_tree import Node
from workflow.loading.reading import suggested
from workflow.loading.time_limits import Calendars, read_calendar, read_range
from workflow.model.definition import Event, State, StateKind
from workflow.model.time_bounds import Bounds, EventClock, TimeRange


class BoundReader:
    """Reads bounds on time against the names of a workflow; adds mistakes to `problems`.

    Parameters
    ----------
    states : mapping of str to State
    events : mapping of str to Event
    transitions : iterable of str
    node : Node
        The file.
    problems : list of Problem
    """

    def __init__(
        self, states: Mapping[str, State], events: Mapping[str, Event], transitions: Iterable[str], calendars: Calendars,
        node: Node, problems: list[Problem],
    ) -> None:  # fmt: skip
        self.states, self.events, self.calendars = states, events, calendars
        self.transitions = dict.fromkeys(transitions)
        self.node, self.problems = node, problems
        self._meant: dict[str, list[str]] = {}  # the states that a name means
        for state in states.values():
            for name in dict.fromkeys((state.name, state.activity)):
                if name is not None:
                    self._meant.setdefault(name, []).append(state.name)

    def read(self, entries: Mapping[str, BoundEntry]) -> Bounds:
        """Read every entry."""
        stays: dict[str, tuple[TimeRange, ...]] = {}
        clocks: dict[str, EventClock] = {}
        for name, entry in entries.items():
            before = len(self.problems)
            time = self._time(name, entry)
            states = self._states(name)
            if states:
                self._check_states(name, entry, states, time)
            elif name in self.events:
                self._check_since(name, entry)
            else:
                known = [*self.states, *self.events]
                self._wrong(name, None, f"is not a state, an activity or an event.{suggested(name, known)}")
            if time is None or len(self.problems) > before:
                continue
            for state in states:
                stays[state] = (*stays.get(state, ()), time)
            if not states:
                clocks[name] = EventClock(time, None if entry.since is None else frozenset(entry.since))
        return Bounds(stays, clocks)

    def _states(self, name: str) -> list[str]:
        """Return the states that a name means: the state of this name, and those with the activity of this name."""
        return self._meant.get(name, [])

    def _time(self, name: str, entry: BoundEntry) -> TimeRange | None:
        calendar = None
        if entry.calendar is not None:
            try:
                calendar = read_calendar(entry.calendar, self.calendars)
            except InputError as error:
                for problem in error.problems:
                    self._wrong(name, "calendar", f"calendar: {problem.message}")
        try:
            return read_range(entry.time, calendar, entry.calendar is not None)
        except InputError as error:
            self._wrong(name, "time", error.problems[0].message)
            return None

    def _check_states(self, name: str, entry: BoundEntry, states: list[str], time: TimeRange | None) -> None:
        if entry.since is not None:
            self._wrong(name, "since", "since: belongs to events; the time in a state counts from entering it")
        kinds = {self.states[state].kind for state in states}
        if kinds <= {StateKind.INSTANT, StateKind.FINAL}:
            what = (
                "a case spends no time in an instant state" if StateKind.INSTANT in kinds else "a case never leaves a final state"
            )
            self._wrong(name, None, f"{what}; give bounds for states with an activity, and for resting ones")
        elif StateKind.RESTING in kinds and time is not None and time.least is not None:
            message = (
                f"only events end a stay in a resting state, so it has no lower bound; write at most {time.most or time.least}"
            )
            self._wrong(name, "time", f"{message}, or bound the event that ends it")

    def _check_since(self, name: str, entry: BoundEntry) -> None:
        for step in entry.since or ():
            if step not in self.transitions:
                self._wrong(name, "since", f"since: {step!r} is not a transition.{suggested(step, self.transitions)}")

    def _wrong(self, name: str, key: str | None, message: str) -> None:
        inside = self.node.find(("bounds", name))
        at = (
            ("bounds", name, key)
            if key is not None and isinstance(inside.value, dict) and key in inside.value
            else ("bounds", name)
        )
        self.problems.append(Problem(f"bounds: {name}: {message}", self.node.position_of(at)))
