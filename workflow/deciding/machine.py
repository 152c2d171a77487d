"""The workflow as a machine of the `transitions` library, shared by all cases.

Registering a case as a model of the machine takes a tenth of a millisecond and kilobytes of memory. Cases are
therefore not registered: a case is any object with `state`, `facts` and `record`, and the machine's events are fired
on it directly. The triggers are those of `workflow.model.definition`: ``complete``,
``enter``, and one for each event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from transitions.core import Event, Machine, Transition

from workflow.deciding.steps import Step, end_of_row, steps_of
from workflow.model.definition import BUILT_IN_FACTS, COMPLETE, INCREMENT, Outcome, Value, Workflow
from workflow.predicates import Expression, scalar

Test = Callable[[Sequence[Value], Sequence[Value]], bool]
Effect = Callable[[list[Value]], None]


class CaseLike(Protocol):
    """A case as the machine needs it."""

    state: str
    facts: Sequence[Value]
    """The values of `fact_names`, in that order."""
    record: list[Value]
    """The values of ``workflow.record``, in that order; effects change it in place."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One row of a case's history: an event, a transition, or an event with the transition that it triggers.

    Attributes
    ----------
    trigger : str
        ``complete``, ``enter`` or an event.
    given : tuple
        What the activity or the event gave.
    transition : int or None
        ``None`` for an event without a transition.
    """

    trigger: str
    given: Outcome
    transition: int | None
    state: str
    state_after: str


@dataclass(frozen=True, slots=True)
class MachineRow(HistoryRow):
    """A row of the machine, with its steps and the record after it."""

    steps: list[Step[tuple[Value, ...]]]
    after: tuple[Value, ...]

    @property
    def heard(self) -> list[Step[tuple[Value, ...]]]:
        """Return what a rule hears: the steps, and the end of the row."""
        return [*self.steps, end_of_row(self.after, self.state_after)]


def fact_names(workflow: Workflow) -> tuple[str, ...]:
    """Return the names of a case's facts in order: the declared facts, then the built-in ones."""
    return (*workflow.facts, *BUILT_IN_FACTS)


def effect_of(workflow: Workflow, effects: Sequence[tuple[str, Value]]) -> Effect | None:
    """Return a function that applies a ``set:`` to a record; ``None`` if there are no effects."""
    if not effects:
        return None
    index = {name: i for i, name in enumerate(workflow.record)}
    literal = [(index[name], value) for name, value in effects if value != INCREMENT]
    counted = [(index[name], workflow.record[name].maximum) for name, value in effects if value == INCREMENT]

    def write(record: list[Value]) -> None:
        for i, value in literal:
            record[i] = value
        for i, maximum in counted:
            record[i] = min(record[i] + 1, maximum)  # type: ignore[operator, type-var]

    return write


class _LeanEvent(Event):
    """An event that tries the transitions of a state in order, without the library's queueing and logging."""

    def trigger(self, model: Any, *args: Any, **kwargs: Any) -> bool:
        facts, record = args
        candidates: list[_LeanTransition] = self.transitions[model.state]  # type: ignore[assignment]
        for transition in candidates:  # noqa: SIM110 - any() over a generator takes a third longer
            if transition.execute_on(model, facts, record):
                return True
        return False


class _LeanTransition(Transition):
    """A transition that checks its conditions, runs its callbacks and moves the model, without logging.

    The library's `execute` spends twelve of its fourteen microseconds on log lines and on finding callbacks by name.
    A test compares this class with the library's, step by step.
    """

    def execute_on(self, model: CaseLike, facts: Sequence[Value], record: list[Value]) -> bool:
        for condition in self.conditions:
            if not condition.func(facts, record):  # type: ignore[operator]
                return False
        for callback in self.before:
            callback(facts, record)  # type: ignore[operator]
        if self.dest is not None:
            model.state = self.dest
        return True


class _LeanMachine(Machine):
    event_cls = _LeanEvent
    transition_cls = _LeanTransition


class CaseMachine:
    """The `transitions` machine of a workflow.

    Parameters
    ----------
    workflow : Workflow
    lean : bool
        Whether to skip the library's logging and queueing. ``False`` uses the library's own event and transition
        classes, for replays.

    Attributes
    ----------
    tries : set of (str, str)
        The pairs of trigger and state that have a transition to try.
    event_tests : dict of str to callable or None
        The guard of each event, as a function of a case's facts and record.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from workflow import load_workflow
    >>> workflow = load_workflow("prosecutorial-discretion-review")
    >>> machine = CaseMachine(workflow)
    >>> facts = [workflow.defaults.get(name) for name in fact_names(workflow)]
    >>> case = SimpleNamespace(state="pending", facts=facts, record=[workflow.defaults[f] for f in workflow.record])
    >>> taken = machine.fire(case, "complete")
    >>> workflow.transitions[taken].name, case.state
    ('review', 'reviewed')
    """

    def __init__(self, workflow: Workflow, lean: bool = True) -> None:
        self.workflow = workflow
        self._facts = fact_names(workflow)
        self._record = tuple(workflow.record)
        self._taken: int | None = None
        names = list(workflow.states)
        machine_class = _LeanMachine if lean else Machine
        self.machine = machine_class(model=None, states=names, initial=names[0], auto_transitions=False)
        self.tries: set[tuple[str, str]] = set()
        for point in workflow.decision_points:
            for i in point.candidates:
                transition = workflow.transitions[i]
                self.machine.add_transition(
                    point.trigger,
                    point.state,
                    transition.target,
                    conditions=[] if transition.guard is None else [self.test(transition.guard)],
                    before=[self._taking(i)],
                )
                self.tries.add((point.trigger, point.state))
        self._events = {name: event.trigger for name, event in self.machine.events.items()}
        events = workflow.events.values()
        self.event_tests = {e.name: None if e.guard is None else self.test(e.guard) for e in events}
        self._event_effects = {e.name: effect_of(workflow, e.effects) for e in events}

    def test(self, condition: Expression) -> Test:
        """Compile a condition to a function of a case's facts and record."""
        return scalar(condition, self._facts, self._record)

    def fire(self, case: CaseLike, trigger: str) -> int | None:
        """Move a case: take the first transition whose guard holds, apply its effects and change the state.

        Parameters
        ----------
        case : CaseLike
        trigger : str
            ``complete``, ``enter``, or the name of an event.

        Returns
        -------
        int or None
            The index of the transition in ``workflow.transitions``; ``None`` if no guard held.
        """
        if (trigger, case.state) not in self.tries:
            return None
        self._taken = None
        self._events[trigger](case, case.facts, case.record)
        return self._taken

    def take(self, case: CaseLike, trigger: str, given: Outcome = ()) -> MachineRow | None:
        """Let something happen to a case; return the row, or ``None`` if no guard holds and it is not an event.

        Parameters
        ----------
        given : tuple
            What the activity or the event gives.
        """
        state, before = case.state, tuple(case.record)
        seen = tuple(self.seen(state, before, trigger, given))
        case.record[:] = seen
        transition = self.fire(case, trigger)
        if transition is None and trigger not in self.workflow.events:
            return None
        after = tuple(case.record)
        steps = steps_of(self.workflow, trigger, transition, (before, seen, after), state, case.state)
        return MachineRow(trigger, given, transition, state, case.state, steps, after)

    def seen(self, state: str, record: Sequence[Value], trigger: str, given: Outcome) -> list[Value]:
        """Return the record that the guards read: with an event's effects, and with what was given."""
        written = list(record)
        write = self._event_effects.get(trigger)
        if write is not None:
            write(written)
        giver = self.workflow.giver(state, trigger)
        for name, value in giver.written(given) if giver is not None else ():
            written[self._record.index(name)] = value
        return written

    def possible_inputs(self, state: str, facts: Sequence[Value], record: Sequence[Value]) -> Iterator[tuple[str, Outcome]]:
        """Yield what can happen to a case in an activity or resting state: a trigger, and what it gives."""
        declared = self.workflow.states[state]
        if declared.activity is not None:
            for outcome in self.workflow.activities[declared.activity].outcomes:
                yield COMPLETE, outcome
        for event in self.workflow.events.values():
            test = self.event_tests[event.name]
            if state in event.states and (test is None or test(facts, record)):
                for outcome in event.outcomes:
                    yield event.name, outcome

    def _taking(self, index: int) -> Callable[[Sequence[Value], list[Value]], None]:
        write = effect_of(self.workflow, self.workflow.transitions[index].effects)

        def take(facts: Sequence[Value], record: list[Value]) -> None:
            self._taken = index
            if write is not None:
                write(record)

        return take


def plain_machine(workflow: Workflow) -> CaseMachine:
    """Return a workflow's machine with the library's own classes (cached)."""
    if id(workflow) not in _PLAIN:
        _PLAIN[id(workflow)] = CaseMachine(workflow, lean=False)
    return _PLAIN[id(workflow)]


_PLAIN: dict[int, CaseMachine] = {}
"""Machines by the id of their workflow, which the machine keeps alive."""
