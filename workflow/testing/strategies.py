"""Property tests of policy rules with Hypothesis: strategies, a generated test for each rule, a machine to extend.

A random history is a walk on the real `transitions` machine. Deep bugs need long histories that random walks seldom
find. A walk may therefore start with the beginning of one of the prover's shortest histories, one for each
transition, and continue at random.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from hypothesis.stateful import rule as step_rule

from workflow.deciding.lassos import Lassos
from workflow.deciding.machine import MachineRow, fact_names, plain_machine
from workflow.deciding.monitor import Monitor
from workflow.deciding.table import guards
from workflow.loading.rule_files import load_rules
from workflow.model.definition import ENTER, Outcome, StateKind, Value, Workflow, as_written
from workflow.model.rules import Rule
from workflow.predicates import Field
from workflow.predicates.words import Word
from workflow.proving.nearby import constants_in, nearby
from workflow.proving.questions import Question
from workflow.proving.report import format_step, render_history
from workflow.proving.verdict import History

EXAMPLES = 500
MOST_STEPS = 30

Input = tuple[str, Outcome]
"""A trigger, and what the activity or the event gives."""


class RuleBroken(AssertionError):
    """A generated history breaks a rule; the message shows the history."""


@dataclass(repr=False)
class Walk:
    """A case and its history so far, moved by the real machine."""

    workflow: Workflow
    facts: dict[str, Value]
    state: str
    record: list[Value]
    entering: bool = True
    taken: list[MachineRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._machine = plain_machine(self.workflow)
        self._values = tuple(self.facts[name] for name in fact_names(self.workflow))
        self.begins = (self.state, tuple(self.record))
        self._enter()

    def __repr__(self) -> str:
        return f"a case with {self._unusual()}, begun in {self.begins[0]}: {'; '.join(self.steps) or 'nothing happened'}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def steps(self) -> list[str]:
        """Return the history as text, one line for each step."""
        return [format_step(self.workflow, step) for step in self.taken]

    @property
    def over(self) -> bool:
        """Return whether the case is in a final state."""
        return self.workflow.states[self.state].kind is StateKind.FINAL

    def possible_inputs(self) -> list[Input]:
        """Return everything that can happen to the case now."""
        return list(self._machine.possible_inputs(self.state, self._values, self.record))

    def take(self, happens: Input) -> None:
        """Let something happen, and pass through the instant states that follow."""
        self._step(*happens)
        self._enter()

    def _enter(self) -> None:
        while self.entering and (ENTER, self.state) in self._machine.tries:
            if not self._step(ENTER, ()):
                break
        self.entering = False

    def _step(self, trigger: str, given: Outcome) -> bool:
        """Take a step on the machine; return whether the case enters a state."""
        case = SimpleNamespace(state=self.state, facts=self._values, record=self.record)
        step = self._machine.take(case, trigger, given)
        if step is None:
            return False
        self.state = step.state_after
        self.taken.append(step)
        self.entering = step.transition is not None and self.workflow.transitions[step.transition].target is not None
        return self.entering

    def judge(self, rule: Rule) -> None:
        """Check the history against a rule.

        Raises
        ------
        RuleBroken
            With the case and its numbered history.
        """
        __tracebackhide__ = True  # under pytest the message is enough
        if (n_rows := self.broken_after(rule)) is not None:
            raise RuleBroken(self.render(rule, n_rows))

    def broken_after(self, rule: Rule) -> int | None:
        """Return the number of rows after which the history breaks a rule, 0 for its start; ``None`` if it keeps it.

        A rule about what must happen at last is also broken at the end, if the case can rest there forever, or the last rows
        are a loop that it can go round forever.
        """
        monitor = Monitor(rule, self.workflow)
        q = monitor.start(self._values, self.begins[1], self.begins[0])
        if monitor.is_broken(q, self._values, self.begins[1], self.begins[0]):
            return 0
        for n, row in enumerate(self.taken, start=1):
            q = monitor.advance(q, self._values, row.heard)
            if monitor.is_broken(q, self._values, row.after, row.state_after):
                return n
        return len(self.taken) if rule.is_live and self._forever(monitor, q) is not None else None

    def _forever(self, monitor: Monitor, q: int) -> int | None:
        """Return the number of rows before what the case can do forever with an obligation open; ``None`` if it cannot."""
        lassos = Lassos(monitor, self._machine, monitor.rule.fair or (), self._values)
        if lassos.rests(self.state, self.record, q):
            return len(self.taken)
        return lassos.loop_from(self.begins, self.taken) if self.taken and q in monitor.open else None

    def _loop_of(self, rule: Rule, n_steps: int) -> int | None:
        """Return what a history that breaks a rule after some steps needs as its loop."""
        monitor = Monitor(rule, self.workflow)
        q = monitor.start(self._values, self.begins[1], self.begins[0])
        for row in self.taken:
            q = monitor.advance(q, self._values, row.heard)
        is_finite = n_steps < len(self.taken) or monitor.is_broken(q, self._values, self.record, self.state)
        return None if is_finite or not rule.is_live else self._forever(monitor, q)

    def render(self, rule: Rule, n_steps: int) -> str:
        """Return the case and its first steps as text."""
        history = History(self.facts, *self.begins, tuple(self.taken[:n_steps]), loop=self._loop_of(rule, n_steps))
        lines = (f"  {line}" for line in render_history(self.workflow, rule, history))
        return "\n".join([f"broken: {rule.name}", *lines])

    def _unusual(self) -> str:
        """Return the facts that are not at their defaults, as text."""
        unusual = {k: v for k, v in self.facts.items() if k in self.workflow.facts and v != self.workflow.defaults[k]}
        return ", ".join(f"{k} = {as_written(v)}" for k, v in unusual.items()) or "every fact at its default"


_SEEDS: dict[int, tuple[Workflow, tuple[Seed, ...]]] = {}
"""Seeds by the id of their workflow, which the entry keeps alive."""


def facts(workflow: Workflow) -> st.SearchStrategy[dict[str, Value]]:
    """Return a strategy for the facts of a case: defaults, any value, and the values at which guards change."""
    constants = constants_in([*guards(workflow), *(c for r in workflow.rules for c in r.conditions)])
    names = fact_names(workflow)
    drawn = {name: _values(workflow.namespace.fields[name], workflow.defaults.get(name), constants) for name in names}
    any_facts = st.fixed_dictionaries(drawn).map(_order_dates)
    if not workflow.assumptions:
        return any_facts
    tests = [plain_machine(workflow).test(a) for a in workflow.assumptions]
    return any_facts.filter(lambda f: all(test(tuple(f[name] for name in names), ()) for test in tests))


def _order_dates(drawn: dict[str, Value]) -> dict[str, Value]:
    """Swap the dates if necessary, so that the facts are as of the day of arrival or later."""
    arrived, as_of = drawn["arrived"], drawn["as_of"]
    assert isinstance(arrived, dt.date)
    assert isinstance(as_of, dt.date)
    return {**drawn, "arrived": min(arrived, as_of), "as_of": max(arrived, as_of)}


def _values(declared: Field, default: Value, constants: dict[str, list[Any]]) -> st.SearchStrategy[Any]:
    low: Any = declared.minimum
    high: Any = declared.maximum
    plain: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "boolean": st.booleans,
        "enum": lambda: st.sampled_from(declared.values),
        "integer": lambda: st.integers(low, high),
        "number": lambda: st.floats(low if low is not None else -1e6, high if high is not None else 1e6, allow_nan=False),
        "date": lambda: st.dates(low or dt.date(1950, 1, 1), high or dt.date(2050, 1, 1)),
    }
    special = [value for value in nearby(declared, default, constants) if value is not None]
    values = st.sampled_from(special) | plain[declared.kind]()
    if default is not None:
        values = st.just(default) | values
    return st.none() | values if declared.optional else values


@dataclass(frozen=True)
class Seed:
    """The start of a walk: facts, initial state and record, and inputs."""

    facts: Mapping[str, Value]
    state: str
    record: tuple[Value, ...]
    inputs: tuple[Input, ...]


def seeds(workflow: Workflow, rules: Sequence[Rule] = ()) -> tuple[Seed, ...]:
    """Return the prover's shortest history to a violation of each rule, and to each transition; none without Z3."""
    if id(workflow) not in _SEEDS:
        reached = [Question.takes(Word.of(t.name)) for t in workflow.transitions]
        _SEEDS[id(workflow)] = (workflow, _shortest(workflow, reached))
    broken = [question for rule in rules for question in (Question.breaks(rule), *Question.never_ends(rule, workflow))]
    return (_shortest(workflow, broken) if rules else ()) + _SEEDS[id(workflow)][1]


def _shortest(workflow: Workflow, questions: Sequence[Question]) -> tuple[Seed, ...]:
    """Return a shortest history for each question that has one, as far as ten seconds go."""
    from workflow.predicates.symbolic import ProverMissing
    from workflow.proving.budget import Budget, LimitReached
    from workflow.proving.proof import MOST_NODES, Prover

    try:
        prover = Prover(workflow)
    except ProverMissing:
        return ()
    budget, shortest_histories = Budget(10.0, MOST_NODES), []
    for question in questions:
        try:
            path = prover.find(question, budget)
            if path is not None:
                shortest_histories.append(prover.history(path, budget))
        except LimitReached:
            continue
    return tuple(
        Seed(h.facts, h.state, h.record, tuple((s.trigger, s.given) for s in h.steps if s.trigger != ENTER))
        for h in shortest_histories
    )


def histories(workflow: Workflow, rules: Sequence[Rule] = ()) -> st.SearchStrategy[Walk]:
    """Return a strategy for histories that the real machine accepts.

    Parameters
    ----------
    workflow : Workflow
    rules : sequence of Rule
        If the prover finds a counterexample to one of these, it is the first example.
    """
    any_facts = facts(workflow)

    @cache  # computed at the first draw, so that collecting tests is quick
    def known() -> tuple[Seed, ...]:
        return seeds(workflow, rules)

    @st.composite
    def strategy(draw: st.DrawFn) -> Walk:
        return _history(draw, workflow, any_facts, known())

    return strategy()


def _history(draw: Any, workflow: Workflow, any_facts: st.SearchStrategy[Any], known: Sequence[Seed]) -> Walk:
    # Hypothesis starts with the smallest value of each draw: the whole first seed, and nothing after it.
    seed = known[draw(st.integers(0, len(known) - 1))] if known and draw(st.integers(0, 3)) < 3 else None
    if seed is None:
        chosen = draw(any_facts)
        begins = {n: draw(st.sampled_from(workflow.record[n].domain())) for n in workflow.entry_record}
        walk = Walk(
            workflow,
            chosen,
            draw(st.sampled_from(workflow.entry_states)),
            [begins.get(n, workflow.defaults[n]) for n in workflow.record],
        )
    else:
        walk = Walk(workflow, dict(seed.facts), seed.state, list(seed.record))
        for happens in seed.inputs[: len(seed.inputs) - draw(st.integers(0, len(seed.inputs)))]:
            if happens not in walk.possible_inputs():
                break
            walk.take(happens)
    for _ in range(draw(st.integers(0, MOST_STEPS - min(len(walk.taken), MOST_STEPS)))):
        inputs = walk.possible_inputs()
        if walk.over or not inputs:
            break
        walk.take(draw(st.sampled_from(inputs)))
    return walk


def rule_test(workflow: Workflow, rule: Rule) -> Callable[[], None]:
    """Return a Hypothesis test that no history breaks a rule.

    It tries 500 histories, unless the Hypothesis profile in use sets another number.
    """
    from hypothesis import HealthCheck, Phase, given, settings

    quiet = [
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.differing_executors,
        HealthCheck.function_scoped_fixture,
    ]
    profile = settings()

    def test(history: Walk) -> None:
        history.judge(rule)

    # Set before the function is decorated: Hypothesis stores failing examples under its name.
    test.__name__ = test.__qualname__ = "test_" + re.sub(r"\W", "_", rule.name)
    asked = profile.max_examples
    examples = EXAMPLES if asked == settings.get_profile("default").max_examples else asked
    # The explain phase would show lines of docketsim's code, which do not help the author of a rule.
    phases = [phase for phase in profile.phases if phase is not Phase.explain]
    checks = settings(max_examples=examples, deadline=None, phases=phases, suppress_health_check=quiet)
    return checks(given(histories(workflow, [rule]))(test))


def check_rules(path: str | Path) -> Callable[..., None]:
    """Return a parametrised pytest test of every rule in a file.

    Parameters
    ----------
    path : str or Path
        A ``*.rules.yaml``, relative to the folder of the calling file.
    """
    import sys

    import pytest

    caller = sys._getframe(1).f_globals.get("__file__")
    workflow, rules = load_rules(Path(caller).parent / path if caller else path)

    @pytest.mark.parametrize("rule", rules, ids=[r.name for r in rules])
    def test_rules(rule: Rule) -> None:
        rule_test(workflow, rule)()

    return test_rules


def case_machine(workflow: Workflow, rules: Sequence[Rule] | None = None) -> type[RuleBasedStateMachine]:
    """Return a `RuleBasedStateMachine` of a case, to extend with your own rules; ``self.walk`` is the case."""
    watched = workflow.rules if rules is None else tuple(rules)

    class Case(RuleBasedStateMachine):
        """A case with random inputs."""

        walk: Walk

        @initialize(walk=histories(workflow))
        def begin(self, walk: Walk) -> None:
            self.walk = walk

        @step_rule(data=st.data())
        def something_happens(self, data: st.DataObject) -> None:
            inputs = self.walk.possible_inputs()
            if not self.walk.over and inputs:
                self.walk.take(data.draw(st.sampled_from(inputs)))

        def teardown(self) -> None:
            for rule in watched:
                self.walk.judge(rule)

    return Case
