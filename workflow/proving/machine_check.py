"""Check the prover's results on the machine of the `transitions` library.

A history that breaks a rule is replayed. After a proof, the machine walks through the workflow with a sample of cases,
and every node that it reaches must be one that the search reached.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from workflow.deciding.lassos import Lassos
from workflow.deciding.machine import CaseMachine, MachineRow, fact_names, plain_machine
from workflow.deciding.monitor import Monitor
from workflow.errors import DocketsimError
from workflow.model.definition import COMPLETE, ENTER, Outcome, StateKind, Value, Workflow
from workflow.model.rules import Rule
from workflow.model.time_bounds import Bounds
from workflow.predicates import Expression, Field, scalar
from workflow.predicates.symbolic import limits
from workflow.proving.abstraction import Free, Node
from workflow.proving.budget import Budget
from workflow.proving.exploration import Record, beginnings
from workflow.proving.search import Search
from workflow.proving.verdict import History

_MOST_PLACES = 1_000  # that the machine visits for one proof

Facts = tuple[Value, ...]


class UnsoundProof(DocketsimError, AssertionError):
    """A proof or a history contradicts the `transitions` machine: a bug in the prover, please report it."""


def replay(workflow: Workflow, rule: Rule, history: History) -> None:
    """Replay a history that breaks a rule on the machine of the library.

    Raises
    ------
    UnsoundProof
        If the machine takes another path, or the rule is not broken at the end.
    """
    machine, monitor = plain_machine(workflow), Monitor(rule, workflow)
    case = SimpleNamespace(state=history.state, facts=tuple(history.facts.values()), record=list(history.record))
    q = monitor.start(case.facts, case.record, case.state)
    broken = monitor.is_broken(q, case.facts, case.record, case.state)
    rows: list[MachineRow] = []
    again = history.steps[history.loop :] if history.loop is not None else ()
    for row in (*history.steps, *again):
        state, taken = case.state, machine.take(case, row.trigger, row.given)
        if taken is None or taken.transition != row.transition or case.state != row.state_after:
            raise UnsoundProof(f"the transitions machine contradicts the history at {row.trigger!r} in {state!r}")
        rows.append(taken)
        q = monitor.advance(q, case.facts, taken.heard)
        broken = monitor.is_broken(q, case.facts, case.record, case.state)
    if history.loop is not None:
        begins, lassos = (history.state, history.record), Lassos(monitor, machine, rule.fair or (), case.facts)
        rests = lassos.rests(case.state, case.record, q)
        broken = lassos.closes(begins, rows[: len(history.steps)], history.loop) if again else rests
    if not broken:
        raise UnsoundProof(f"rule {rule.name!r}: the counterexample does not break it on the transitions machine")


def replay_late(workflow: Workflow, rule: Rule, history: History, bounds: Bounds) -> None:
    """Replay a history that breaks a time limit: on the machine, by the monitor's time limit, and against the bounds.

    Raises
    ------
    UnsoundProof
        If the machine takes another path, a bound is not met, or the obligation is not late.
    """
    times = history.times
    assert times is not None
    assert rule.within is not None
    machine, monitor = plain_machine(workflow), Monitor(rule, workflow)
    case = SimpleNamespace(state=history.state, facts=tuple(history.facts.values()), record=list(history.record))
    q = monitor.start(case.facts, case.record, case.state)
    entered = now = times.begun
    until: int | None = None
    for row, at in zip(history.steps, times.steps, strict=True):
        taken = machine.take(case, row.trigger, row.given)
        if taken is None or taken.transition != row.transition:
            raise UnsoundProof(f"the transitions machine contradicts the history at {row.trigger!r} in {row.state!r}")
        early = row.trigger == COMPLETE and not all(least.is_reached(entered, at) for least in bounds.least(row.state))
        if at < now or early or any(at > most.end(entered) for most in bounds.most(row.state)):
            raise UnsoundProof(f"rule {rule.name!r}: the dates of the history contradict the bounds in {row.state!r}")
        now = at
        for step in taken.heard:
            was_open, q = q in monitor.open, monitor.advance(q, case.facts, [step])
            if q in monitor.open and not was_open:
                until = rule.within.end(at)
        if taken.transition is not None and workflow.transitions[taken.transition].target is not None:
            entered = at
    late = q in monitor.open and until is not None and times.until > until
    if not late or any(times.until > most.end(entered) for most in bounds.most(case.state)):
        raise UnsoundProof(f"rule {rule.name!r}: the history is not late on the transitions machine")


class ProofCheck:
    """Repeats proofs on the machine.

    Parameters
    ----------
    workflow : Workflow
    """

    def __init__(self, workflow: Workflow) -> None:
        self.workflow = workflow
        self.machine = CaseMachine(workflow)
        self.live = workflow.live_fields
        self._next: dict[Facts, dict[tuple[str, Record, bool], list[MachineRow | None]]] = {}
        self.stand_ins = {field.name: some_value(field) for field in workflow.facts.values() if field.optional}

    def check(self, rule: Rule, search: Search, cases: Sequence[Facts], budget: Budget) -> Walk:
        """Check that the machine reaches no node that a search missed, and breaks the rule at none.

        The walk stops after 1,000 nodes, or at the time limit.

        Parameters
        ----------
        search : Search
            The proof.
        cases : sequence of tuple
            The facts of the cases that walk.

        Returns
        -------
        Walk
            What was met on the way.

        Raises
        ------
        UnsoundProof
            If it does.
        """
        walk = Walk(self, rule, search)
        for facts in cases:
            if budget.left > 0:
                walk.through(facts)
        return walk

    def rows(self, state: str, record: Record, entering: bool, facts: Facts) -> list[MachineRow | None]:
        """Return the machine's rows from a state and record; ``None`` for a case that stays after its entry (cached)."""
        known, key = self._next.setdefault(facts, {}), (state, record, entering)
        if key not in known:
            inputs = [(ENTER, ())] if entering else self.machine.possible_inputs(state, facts, record)
            known[key] = [row for each in inputs for row in self._row(state, record, *each, facts)]
        return known[key]

    def _row(self, state: str, record: Record, trigger: str, given: Outcome, facts: Facts) -> Iterator[MachineRow | None]:
        case = SimpleNamespace(state=state, facts=facts, record=list(record))
        row = self.machine.take(case, trigger, given)
        if row is not None or (trigger == ENTER and self.workflow.states[state].kind is not StateKind.INSTANT):
            yield row


class Walk:
    """The walk for one proof.

    Attributes
    ----------
    steps : set of str
        The names of the steps that cases made.
    matched : int
        Bit i says whether one of these steps matches pattern i of the rule.
    """

    def __init__(self, check: ProofCheck, rule: Rule, search: Search) -> None:
        self.check, self.rule, self.search = check, rule, search
        self.workflow, self.machine = check.workflow, check.machine
        self.monitor = Monitor(rule, check.workflow)
        self.places: list[tuple[Facts, Node]] = []
        self.steps: set[str] = set()
        self.matched = 0
        reads = search.question.reads
        names = list(self.workflow.record)
        self._dead = {
            state: [(i, self.workflow.defaults[name]) for i, name in enumerate(names) if name not in live | reads]
            for state, live in check.live.items()
        }

    def through(self, facts: Facts) -> None:
        """Walk with one case."""
        by_name = dict(zip(fact_names(self.workflow), facts, strict=True))
        answers = self.search.atoms.answers(by_name, self.check.stand_ins, self.search.precision.atoms)
        reached = _Reached(self.search, answers)
        seen: set[Node] = set()
        todo: deque[tuple[Node, str]] = deque((node, "the start") for node in self._beginnings(facts))
        while todo and len(self.places) < _MOST_PLACES:
            node, source = todo.popleft()
            if node in seen:
                continue
            seen.add(node)
            self.places.append((facts, node))
            if not reached.covers(node):
                what = f"from {source} the machine leads to {node[0]!r}, which the search did not reach"
                raise UnsoundProof(f"rule {self.rule.name!r}: {what}")
            todo.extend((target, repr(node[0])) for target in self._targets(node, facts))

    def _beginnings(self, facts: Facts) -> Iterator[Node]:
        for state, record in beginnings(self.workflow):
            q = self.monitor.start(facts, record, state)
            yield state, self._normal(state, record), (ENTER, state) in self.machine.tries, q

    def _normal(self, state: str, record: Record) -> Record:
        """Return a record with the fields that nothing reads any more at their defaults."""
        values = list(record)
        for i, default in self._dead[state]:
            values[i] = default
        return tuple(values)

    def _targets(self, node: Node, facts: Facts) -> Iterator[Node]:
        """Yield the nodes to which the machine moves a case."""
        state, record, entering, q = node
        for row in self.check.rows(state, record, entering, facts):
            yield (state, record, False, q) if row is None else self._target(row, q, facts)

    def _target(self, row: MachineRow, q: int, facts: Facts) -> Node:
        state = row.state_after
        self.steps |= {step.name for step in row.steps}
        for step in row.heard:
            if step.name in self.rule.step_names:
                symbol = self.monitor.matches(q, facts, step)
                self.matched |= symbol
                q = self.rule.automaton.step(q, symbol)
        if self.monitor.is_broken(q, facts, row.after, state):
            raise UnsoundProof(f"rule {self.rule.name!r}: the machine breaks it from {row.state!r}, which the search missed")
        enters = row.transition is not None and self.workflow.transitions[row.transition].target is not None
        return state, self._normal(state, row.after), enters and (ENTER, state) in self.machine.tries, q

    def met(self, conditions: Mapping[int, Expression]) -> bool:
        """Return whether a case was where a condition over what the rule reads holds: for each automaton state, its own."""
        names, record = fact_names(self.workflow), (*self.workflow.record, "state")
        tests = {q: scalar(condition, names, record) for q, condition in conditions.items()}
        return any(q in tests and tests[q](facts, (*values, state)) for facts, (state, values, _, q) in self.places)


class _Reached:
    """The nodes that a search reached with one case."""

    def __init__(self, search: Search, answers: dict[int, bool]) -> None:
        self.search, self.answers = search, answers
        self.in_question = search.diagrams.has(search.possible, answers.__getitem__)

    def covers(self, exact: Node) -> bool:
        """Return whether the search reached a node, or did not need to."""
        state, record, entering, q = exact
        if not self.in_question or (state, q) not in self.search.alive:
            return True
        abstraction = self.search.abstraction
        followed = abstraction.precision.fields
        fields: list[Any] = [
            value if name in followed else Free.FREE for name, value in zip(abstraction.workflow.record, record, strict=True)
        ]
        node = state, abstraction.normal(state, tuple(fields)), entering, q
        return self.search.diagrams.has(self.search.seen.get(node, 0), self.answers.__getitem__)


def some_value(field: Field) -> Value:
    """Return an allowed value of a fact that may be missing."""
    if field.kind in ("boolean", "enum"):
        return field.domain()[0]
    value: Value = limits(field)[0]
    return value
