"""Property tests of policy rules with Hypothesis: strategies, a generated test for each rule, a machine to extend.

A history is drawn by walking over what the real `transitions` machine accepts. Deep bugs need long histories that
chance alone seldom finds, so the walk may begin with one of the prover's shortest histories, one for each
transition, cut short and gone on with at random.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from hypothesis.stateful import rule as step_rule

from workflow.deciding.machine import fact_names, plain_machine
from workflow.deciding.monitor import Monitor
from workflow.deciding.table import guards
from workflow.loading.rule_files import load_rules
from workflow.model.automata import StepPattern, never
from workflow.model.definition import ENTER, StateKind, Value, Workflow, as_written
from workflow.model.rules import Rule
from workflow.predicates import Expression, Field
from workflow.predicates.tree import Compare, Constant, InSet, Name
from workflow.proving.proof import History, Step, names_of_step
from workflow.proving.report import format_step, render_history

__all__ = ["RuleBroken", "Walk", "case_machine", "check_rules", "facts", "histories", "rule_test", "seeds"]

EXAMPLES = 500
MOST_STEPS = 30

Chance = tuple[str, Value]
"""A trigger, and what the activity or the event gives."""


class RuleBroken(AssertionError):
    """A generated history breaks a rule; the message shows the history."""


@dataclass(repr=False)
class Walk:
    """A case on its way, moved by the real machine.

    Attributes
    ----------
    facts : dict
    state : str
    record : list
    taken : list of Step
        What happened.
    """

    workflow: Workflow
    facts: dict[str, Value]
    state: str
    record: list[Value]
    entering: bool = True
    taken: list[Step] = field(default_factory=list)
    words: list[tuple[list[str], tuple[Value, ...], str, tuple[Value, ...], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._machine = plain_machine(self.workflow)
        self._values = tuple(self.facts[name] for name in fact_names(self.workflow))
        self.begins = (self.state, tuple(self.record))
        self._pass_on()

    def __repr__(self) -> str:
        return f"a case with {self._odd()}, begun in {self.begins[0]}: {'; '.join(self.steps) or 'nothing happened'}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def steps(self) -> list[str]:
        """Return what happened, a line each."""
        return [format_step(self.workflow, step) for step in self.taken]

    @property
    def over(self) -> bool:
        """Return whether the case is in a final state."""
        return self.workflow.states[self.state].kind is StateKind.FINAL

    def chances(self) -> list[Chance]:
        """Return everything that can happen to the case now."""
        return list(self._machine.possible_inputs(self.state, self._values, self.record))

    def take(self, chance: Chance) -> None:
        """Let something happen, and follow the instant states behind it."""
        trigger, given = chance
        before = tuple(self.record)
        self.record[:] = self._machine.seen(self.state, before, trigger, given)
        self._fire(trigger, given, before)
        self._pass_on()

    def _pass_on(self) -> None:
        while self.entering and (ENTER, self.state) in self._machine.tries:
            if not self._fire(ENTER, None, tuple(self.record)):
                break
        self.entering = False

    def _fire(self, trigger: str, given: Value, before: tuple[Value, ...]) -> bool:
        state, seen = self.state, tuple(self.record)
        case = SimpleNamespace(state=state, facts=self._values, record=self.record)
        taken = self._machine.fire(case, trigger)
        self.state = case.state
        words = names_of_step(self.workflow, trigger, taken)
        if taken is None and (not words or seen == before):
            return False
        self.words.append((words, seen, state, tuple(self.record), self.state))
        self.taken.append(Step(trigger, given, taken, state, self.state))
        self.entering = taken is not None and self.workflow.transitions[taken].target is not None
        return self.entering

    def judge(self, rule: Rule) -> None:
        """See whether the history breaks a rule.

        Raises
        ------
        RuleBroken
            With the case and its numbered history.
        """
        __tracebackhide__ = True  # under pytest the message says it all
        monitor, q = Monitor(rule, self.workflow), 0
        values = self._values
        broken = monitor.is_forbidden(0, values, self.begins[1], self.begins[0])
        for i, (words, seen, state, after, state_after) in enumerate(self.words):
            q = monitor.advance(q, words, values, seen, state, after, state_after)
            owed = (
                self.workflow.states[state_after].kind is StateKind.FINAL
                and q in monitor.open
                and rule.within_days is None
            )
            if broken or owed or q in monitor.broken or monitor.is_forbidden(q, values, after, state_after):
                raise RuleBroken(self.told(rule, i + 1))
        if broken:
            raise RuleBroken(self.told(rule, 0))

    def told(self, rule: Rule, upto: int) -> str:
        """Return the case and its history up to a step as text."""
        history = History(self.facts, *self.begins, tuple(self.taken[:upto]))
        lines = (f"  {line}" for line in render_history(self.workflow, rule, history))
        return "\n".join([f"broken: {rule.name}", *lines])

    def _odd(self) -> str:
        """Return the facts that are not at their defaults, as text."""
        odd = {k: v for k, v in self.facts.items() if k in self.workflow.facts and v != self.workflow.defaults[k]}
        return ", ".join(f"{k} = {as_written(v)}" for k, v in odd.items()) or "every fact at its default"


# By identity: a workflow is the same only if it is the same object; those met are kept alive here.
_SEEDS: dict[int, tuple[Workflow, tuple[Seed, ...]]] = {}


def facts(workflow: Workflow) -> st.SearchStrategy[dict[str, Value]]:
    """Return a strategy for the facts of a case: defaults, any value, and the values at which guards change.

    Parameters
    ----------
    workflow : Workflow
    """
    bounds = _boundaries([*guards(workflow), *(c for r in workflow.rules for c in r.conditions)])
    drawn = {
        name: _values(workflow.namespace.fields[name], workflow.defaults.get(name), bounds.get(name, []))
        for name in fact_names(workflow)
    }
    everything = st.fixed_dictionaries(drawn).map(_in_time)
    if not workflow.assumptions:
        return everything
    tests = [plain_machine(workflow).test(a) for a in workflow.assumptions]
    return everything.filter(lambda f: all(test(tuple(f[n] for n in fact_names(workflow)), ()) for test in tests))


def _in_time(drawn: dict[str, Value]) -> dict[str, Value]:
    """Return facts as of the day of arrival or later, as every case's are."""
    arrived, as_of = drawn["arrived"], drawn["as_of"]
    assert isinstance(arrived, dt.date)
    assert isinstance(as_of, dt.date)
    return {**drawn, "arrived": min(arrived, as_of), "as_of": max(arrived, as_of)}


def _values(declared: Field, default: Value, bounds: Sequence[Any]) -> st.SearchStrategy[Any]:
    low: Any = declared.minimum
    high: Any = declared.maximum
    plain: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "boolean": st.booleans,
        "enum": lambda: st.sampled_from(declared.values),
        "integer": lambda: st.integers(low, high),
        "number": lambda: st.floats(
            low if low is not None else -1e6, high if high is not None else 1e6, allow_nan=False
        ),
        "date": lambda: st.dates(low or dt.date(1950, 1, 1), high or dt.date(2050, 1, 1)),
    }
    found = plain[declared.kind]()
    inside = [b for b in bounds if (low is None or b >= low) and (high is None or b <= high)]
    if inside:
        found = st.sampled_from(inside) | found
    if default is not None:
        found = st.just(default) | found
    return st.none() | found if declared.optional else found


def _boundaries(conditions: Sequence[Expression]) -> dict[str, list[Any]]:
    """Return, for each field that is compared with constants, these constants and their neighbours."""
    found: dict[str, list[Any]] = {}
    todo: list[Expression] = list(conditions)
    while todo:
        here = todo.pop()
        todo += here.children()
        pairs = []
        if isinstance(here, Compare):
            pairs = [(here.left, here.right), (here.right, here.left)]
        elif isinstance(here, InSet):
            pairs = [(here.operand, m) for m in here.members]
        for name, constant in pairs:
            if isinstance(name, Name) and isinstance(constant, Constant):
                value = constant.value
                near = (
                    [value - 1, value, value + 1] if isinstance(value, int) and not isinstance(value, bool) else [value]
                )
                found.setdefault(name.field.name, []).extend(near)
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


@dataclass(frozen=True)
class Seed:
    """A history to begin with: facts, a beginning, and what happens."""

    facts: Mapping[str, Value]
    state: str
    record: tuple[Value, ...]
    chances: tuple[Chance, ...]


def seeds(workflow: Workflow, rules: Sequence[Rule] = ()) -> tuple[Seed, ...]:
    """Return the prover's shortest history to each rule that can be broken, and to each transition.

    Without Z3 there are none.
    """
    if id(workflow) not in _SEEDS:
        reached = [Rule(t.name, "never", never(StepPattern(frozenset({t.name})))) for t in workflow.transitions]
        _SEEDS[id(workflow)] = (workflow, _shortest(workflow, reached))
    return (_shortest(workflow, rules) if rules else ()) + _SEEDS[id(workflow)][1]


def _shortest(workflow: Workflow, rules: Sequence[Rule]) -> tuple[Seed, ...]:
    """Return a shortest history that breaks each of the rules that can be broken."""
    from workflow.deciding.table import compile_table
    from workflow.predicates.symbolic import ProverMissing
    from workflow.proving.fact_space import possible_classes
    from workflow.proving.proof import Prover

    conditions = [*guards(workflow), *(c for rule in rules for c in rule.conditions)]
    try:
        space = possible_classes(workflow, conditions, limit=500, seconds=10)
    except ProverMissing:
        return ()
    prover = Prover(compile_table(workflow, space.witness, conditions), seconds=5)
    found = (prover.decide(rule).history for rule in rules)
    return tuple(
        Seed(h.facts, h.state, h.record, tuple((s.trigger, s.given) for s in h.steps if s.trigger != ENTER))
        for h in found
        if h is not None
    )


def histories(workflow: Workflow, rules: Sequence[Rule] = ()) -> st.SearchStrategy[Walk]:
    """Return a strategy for histories: a case, a beginning, and what happens to it, as the real machine allows.

    Parameters
    ----------
    workflow : Workflow
    rules : sequence of Rule
        Of a history that breaks one of these, if the prover knows any, the first is the first example.
    """
    any_facts = facts(workflow)
    known: list[tuple[Seed, ...]] = []  # looked for at the first draw, so that collecting tests is quick

    @st.composite
    def strategy(draw: st.DrawFn) -> Walk:
        if not known:
            known.append(seeds(workflow, rules))
        return _history(draw, workflow, any_facts, known[0])

    return strategy()


def _history(draw: Any, workflow: Workflow, any_facts: st.SearchStrategy[Any], known: Sequence[Seed]) -> Walk:
    # Hypothesis begins with the least of each draw: with the first seed, whole, and nothing after it.
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
        for chance in seed.chances[: draw(st.integers(0, len(seed.chances)).map(lambda k: len(seed.chances) - k))]:
            if chance not in walk.chances():
                break
            walk.take(chance)
    for _ in range(draw(st.integers(0, MOST_STEPS - min(len(walk.taken), MOST_STEPS)))):
        chances = walk.chances()
        if walk.over or not chances:
            break
        walk.take(draw(st.sampled_from(chances)))
    return walk


def rule_test(workflow: Workflow, rule: Rule) -> Callable[[], None]:
    """Return a Hypothesis test of one rule: histories, none of which may break it.

    There are 500 of them, unless the Hypothesis profile in use asks for a number of its own.
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

    # Before it is decorated: Hypothesis keeps the examples that failed under the name.
    test.__name__ = test.__qualname__ = "test_" + re.sub(r"\W", "_", rule.name)
    asked = profile.max_examples
    examples = EXAMPLES if asked == settings.get_profile("default").max_examples else asked
    # The lines of our own code that a failing history ran explain nothing to whoever wrote the rule.
    phases = [phase for phase in profile.phases if phase is not Phase.explain]
    checks = settings(max_examples=examples, deadline=None, phases=phases, suppress_health_check=quiet)
    return checks(given(histories(workflow, [rule]))(test))


def check_rules(path: str | Path) -> Callable[..., None]:
    """Return a parametrised pytest test of every rule in a file.

    Parameters
    ----------
    path : str or Path
        A ``*.rules.yaml``; a relative path is taken from the folder of the file that calls this.
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
    """Return a `RuleBasedStateMachine` of a case, to extend with rules of your own; ``self.walk`` is the case."""
    watched = workflow.rules if rules is None else tuple(rules)

    class Case(RuleBasedStateMachine):
        """A case that something happens to, again and again."""

        walk: Walk

        @initialize(walk=histories(workflow))
        def begin(self, walk: Walk) -> None:
            self.walk = walk

        @step_rule(data=st.data())
        def something_happens(self, data: st.DataObject) -> None:
            chances = self.walk.chances()
            if not self.walk.over and chances:
                self.walk.take(data.draw(st.sampled_from(chances)))

        def teardown(self) -> None:
            for rule in watched:
                self.walk.judge(rule)

    return Case
