"""What a case can do forever: rest in a state, or go round a loop.

A history with what follows it forever is a *lasso*. It says that an obligation is never met, if no event keeps the case from
doing so. Three things do:

* Work ends. A case cannot stay in one working state forever.
* An event that a rule calls *fair* cannot stay away forever: if it is possible again and again, it happens again and again.
* Transitions that are tried when a case enters a state are taken at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from workflow.deciding.machine import CaseMachine, MachineRow
from workflow.deciding.monitor import Monitor
from workflow.model.definition import COMPLETE, ENTER, StateKind, Value, Workflow

Begins = tuple[str, Sequence[Value]]
"""State and record at the start of a case."""

Place = tuple[str, tuple[Value, ...], bool, int]
"""State, record, whether transitions are tried on entry, and state of the automaton."""


class Lassos:
    """Finds what one case of a rule about what must follow can do forever.

    Parameters
    ----------
    monitor : Monitor
        Of the rule.
    machine : CaseMachine
    fair : collection of str
        The fair events.
    facts : sequence
        Of the case.
    """

    def __init__(self, monitor: Monitor, machine: CaseMachine, fair: Collection[str], facts: Sequence[Value]) -> None:
        self.monitor, self.machine, self.facts = monitor, machine, facts
        self.workflow: Workflow = machine.workflow
        self.fair = [self.workflow.events[name] for name in fair]
        reads = monitor.rule.reads
        self._live = {state: live | reads for state, live in self.workflow.live_fields.items()}

    def rests(self, state: str, record: Sequence[Value], q: int) -> bool:
        """Return whether a case can stay where it is forever, with an obligation open."""
        kind = self.workflow.states[state].kind
        return q in self.monitor.open and kind is StateKind.RESTING and not self._possible(state, record)

    def loop_from(self, begins: Begins, rows: Sequence[MachineRow]) -> int | None:
        """Return how many rows of a history come before a loop that its last rows close; ``None`` if they close none."""
        places = list(self._places(begins, rows))
        return next((n for n in reversed(range(len(rows))) if self._loops(places, rows, n)), None)

    def closes(self, begins: Begins, rows: Sequence[MachineRow], n: int) -> bool:
        """Return whether the rows of a history after the first `n` are a loop."""
        return self._loops(list(self._places(begins, rows)), rows, n)

    def _loops(self, places: Sequence[Place], rows: Sequence[MachineRow], n: int) -> bool:
        is_open = all(q in self.monitor.open for *_, q in places[n:])
        return is_open and places[n] == places[-1] and self._is_fair(places[n:-1], rows[n:])

    def _places(self, begins: Begins, rows: Sequence[MachineRow]) -> Iterator[Place]:
        state, record = begins
        q = self.monitor.start(self.facts, record, state)
        yield state, self._needed(state, record), self._tried(state), q
        for row in rows:
            q = self.monitor.advance(q, self.facts, row.heard)
            enters = row.transition is not None and self.workflow.transitions[row.transition].target is not None
            yield row.state_after, self._needed(row.state_after, row.after), enters and self._tried(row.state_after), q

    def _tried(self, state: str) -> bool:
        return (ENTER, state) in self.machine.tries

    def _needed(self, state: str, record: Sequence[Value]) -> tuple[Value, ...]:
        """Return a record with the fields that nothing reads any more at their defaults."""
        live = self._live[state]
        names = zip(self.workflow.record, record, strict=True)
        return tuple(value if name in live else self.workflow.defaults[name] for name, value in names)

    def _possible(self, state: str, record: Sequence[Value]) -> set[str]:
        """Return the fair events that can happen to the case."""
        tests = self.machine.event_tests
        return {
            event.name
            for event in self.fair
            if state in event.states and ((test := tests[event.name]) is None or test(self.facts, record))
        }

    def _is_fair(self, places: Sequence[Place], rows: Sequence[MachineRow]) -> bool:
        """Return whether a loop can go on forever: no work is endless, and no fair event stays away."""
        triggers = {row.trigger for row in rows}
        goes_on = triggers & {COMPLETE, ENTER} or any(
            row.transition is not None and self.workflow.transitions[row.transition].target is not None for row in rows
        )
        if not goes_on and self.workflow.states[places[0][0]].kind is StateKind.ACTIVITY:
            return False
        possible = set[str]().union(*(self._possible(state, record) for state, record, entering, _ in places if not entering))
        return possible <= triggers
