"""The workflow on the `transitions` library: one shared machine that moves any number of cases.

Registering each case as a model of the machine would cost a tenth of a millisecond and kilobytes a case,
so no case is ever registered: a case is any object with `state`, `facts` and `record`, and the machine's
events are fired on it directly. The triggers are those of `workflow.model.definition`: ``complete``,
``enter``, and one for each event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from transitions.core import Event, Machine, Transition

from workflow.model.definition import BUILT_IN_FACTS, COMPLETE, ENTER, INCREMENT, Value, Workflow
from workflow.predicates import Expression, scalar

__all__ = ["CaseLike", "CaseMachine", "Effect", "Test", "effect_of", "fact_names", "plain_machine"]

Test = Callable[[Sequence[Value], Sequence[Value]], bool]
Effect = Callable[[list[Value]], None]


class CaseLike(Protocol):
    """What the machine moves.

    Attributes
    ----------
    state : str
    facts : sequence
        The values of `fact_names`, in that order.
    record : list
        The values of ``workflow.record``, in that order; effects change it in place.
    """

    state: str
    facts: Sequence[Value]
    record: list[Value]


def fact_names(workflow: Workflow) -> tuple[str, ...]:
    """Return the names of a case's facts in their order: the declared ones, then those every case has."""
    return (*workflow.facts, *BUILT_IN_FACTS)


def effect_of(workflow: Workflow, effects: Sequence[tuple[str, Value]]) -> Effect | None:
    """Return a function that writes a ``set:`` to a record, or ``None`` if there is nothing to write."""
    if not effects:
        return None
    place = {name: i for i, name in enumerate(workflow.record)}
    literal = [(place[name], value) for name, value in effects if value != INCREMENT]
    counted = [(place[name], workflow.record[name].maximum) for name, value in effects if value == INCREMENT]

    def write(record: list[Value]) -> None:
        for i, value in literal:
            record[i] = value
        for i, maximum in counted:
            record[i] = min(record[i] + 1, maximum)  # type: ignore[operator, type-var]

    return write


class _LeanEvent(Event):
    """An event that tries the transitions of a state in order, without queueing and logging."""

    def trigger(self, model: Any, *args: Any, **kwargs: Any) -> bool:
        facts, record = args
        moves: list[_LeanTransition] = self.transitions[model.state]  # type: ignore[assignment]
        for transition in moves:  # noqa: SIM110 - any() over a generator takes a third longer
            if transition.execute_on(model, facts, record):
                return True
        return False


class _LeanTransition(Transition):
    """A transition that checks its conditions, runs its callbacks and moves the model, without logging.

    The library's own `execute` spends twelve of its fourteen microseconds on log lines and on looking up
    callbacks by name. A test holds this one equal to the library's, step by step.
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
    """A workflow's `transitions` machine, and what it needs to move a case.

    Parameters
    ----------
    workflow : Workflow
    lean : bool
        Whether the machine skips the library's logging and queueing; ``False`` gives the library's own
        event and transition classes, for replays where speed does not matter.

    Attributes
    ----------
    machine : transitions.Machine
    tries : set of (str, str)
        The pairs of trigger and state for which there is a transition to try.
    event_tests : dict of str to callable or None
        The condition of each event, as a function of a case's facts and record.

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
        happening = workflow.events.values()
        self.event_tests = {e.name: None if e.guard is None else self.test(e.guard) for e in happening}
        self._event_effects = {e.name: effect_of(workflow, e.effects) for e in happening}

    def test(self, condition: Expression) -> Test:
        """Return a condition as a function of a case's facts and record."""
        return scalar(condition, self._facts, self._record)

    def fire(self, case: CaseLike, trigger: str) -> int | None:
        """Let the machine decide; effects are written and the state changed.

        Parameters
        ----------
        case : CaseLike
        trigger : str
            ``complete``, ``enter``, or the name of an event.

        Returns
        -------
        int or None
            The index of the transition taken in ``workflow.transitions``; ``None`` if no guard held.
        """
        if (trigger, case.state) not in self.tries:
            return None
        self._taken = None
        self._events[trigger](case, case.facts, case.record)
        return self._taken

    def seen(self, state: str, record: Sequence[Value], trigger: str, given: Value) -> list[Value]:
        """Return the record as guards see it: an event's effects, and what it or the activity gives, are written."""
        written = list(record)
        if trigger == ENTER:
            return written
        write = self._event_effects.get(trigger)
        if write is not None:
            write(written)
        giver = self.workflow.events.get(trigger) or self.workflow.activities[str(self.workflow.states[state].activity)]
        if giver.gives is not None:
            written[self._record.index(giver.gives)] = given
        return written

    def chances(self, state: str, facts: Sequence[Value], record: Sequence[Value]) -> Iterator[tuple[str, Value]]:
        """Yield what can happen to a case that rests, waits or is worked on: a trigger, and what is given."""
        declared = self.workflow.states[state]
        if declared.activity is not None:
            for value in self.workflow.activities[declared.activity].values or (None,):
                yield COMPLETE, value
        for event in self.workflow.events.values():
            test = self.event_tests[event.name]
            if state in event.states and (test is None or test(facts, record)):
                for value in event.values or (None,):
                    yield event.name, value

    def _taking(self, index: int) -> Callable[[Sequence[Value], list[Value]], None]:
        write = effect_of(self.workflow, self.workflow.transitions[index].effects)

        def take(facts: Sequence[Value], record: list[Value]) -> None:
            self._taken = index
            if write is not None:
                write(record)

        return take


def plain_machine(workflow: Workflow) -> CaseMachine:
    """Return a workflow's machine on the library's own classes, made once for each workflow."""
    found = _PLAIN.get(id(workflow))
    if found is None or found.workflow is not workflow:
        found = _PLAIN[id(workflow)] = CaseMachine(workflow, lean=False)
    return found


_PLAIN: dict[int, CaseMachine] = {}
"""By identity: a workflow is the same only if it is the same object; the machine keeps it alive."""
