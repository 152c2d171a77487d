"""The prover against brute force: random small workflows and rules, case by case, record by record."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.workflow.brute_force import Judge, TooManyNodes, shortest
from tests.workflow.forms_by_definition import FormJudge
from tests.workflow.random_workflows import fact_fields, facts, workflows
from tests.workflow.strategies import expressions
from workflow import Workflow, load_workflow
from workflow.deciding.machine import fact_names
from workflow.deciding.table import guards
from workflow.errors import InputError
from workflow.predicates import unparse
from workflow.proving.fact_space import possible_classes
from workflow.proving.proof import Prover

pytest.importorskip("z3")


def _beginnings(workflow: Workflow) -> list[tuple[str, tuple[Any, ...]]]:
    """Return every initial state and record."""
    values = [
        workflow.record[name].domain() if name in workflow.entry_record else (workflow.defaults[name],)
        for name in workflow.record
    ]
    return [(state, record) for state in workflow.entry_states for record in itertools.product(*values)]


@st.composite
def _rules(draw: st.DrawFn, workflow: Workflow) -> dict[str, Any]:
    """Draw a rule of any template; half of them have conditions on facts, record and state."""
    a, b, c = draw(st.lists(st.sampled_from(workflow.step_names), min_size=3, max_size=3, unique=True))
    rule: dict[str, Any] = draw(
        st.sampled_from(
            [
                {"never": a},
                {"before": a, "needs": b},
                {"before": a, "needs": b, "since": c},
                {"before": a, "needs": b, "once": c},
                {"after": a, "then": b},
                {"after": a, "then": b, "within": "3 days"},
                {"at_most": 1, "of": a},
                {"at_most": 2, "of": f"{a} or {b}"},
                {"never": f"once({a}) and not once({b})"},
                {"never": f"since({a}, {b}) and once({c})"},
                {"never": f"before({a}, {b}) and once({b})"},
            ]
        )
    )
    if draw(st.booleans()):
        return rule
    if "(" in rule.get("never", ""):
        return {"never": f"{rule['never']} and ({draw(_conditions(workflow))})"}
    asked = draw(st.sampled_from([("if",), ("giving",), ("if", "giving")])) if "never" in rule else ("if",)
    return rule | {key: draw(_conditions(workflow)) for key in asked}


@st.composite
def _conditions(draw: st.DrawFn, workflow: Workflow) -> str:
    """Draw a condition over the facts, the record and the state."""
    condition = unparse(draw(expressions([*fact_fields(workflow), *workflow.record.values()], depth=1)))
    state = draw(st.sampled_from([None, *workflow.states]))
    return condition if state is None else f'({condition}) {draw(st.sampled_from(["and", "or"]))} state == "{state}"'


def _in_time(case: dict[str, Any]) -> dict[str, Any]:
    """Return a case whose facts have a reference date on or after its arrival."""
    arrived, as_of = sorted([case["arrived"], case["as_of"]])
    return {**case, "arrived": arrived, "as_of": as_of}


@st.composite
def _words(draw: st.DrawFn, workflow: Workflow, names: list[str]) -> Any:
    """Draw what a key may name: steps, perhaps with conditions, which may use past operators."""
    kind = draw(st.sampled_from(["names", "names", "if", "giving", "past", "list"]))
    of = " or ".join(draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)))
    if kind == "names":
        return of
    if kind == "past":
        return {"of": of, "if": draw(_pasts(workflow))}
    word = {"of": of, kind if kind != "list" else "if": draw(_conditions(workflow))}
    return [draw(st.sampled_from(names)), word] if kind == "list" else word


@st.composite
def _pasts(draw: st.DrawFn, workflow: Workflow, depth: int = 1) -> str:
    """Draw a condition with past operators, some nested."""
    a, b, c = draw(st.lists(st.sampled_from(workflow.step_names), min_size=3, max_size=3, unique=True))
    inner = draw(_conditions(workflow))
    options = [f"once({a})", f"not once({a} or {b})", f"since({a} or {c}, {b})", f"once({{of: {a} or {b}, if: {inner}}})"]
    options += [f"once({{of: {a}, giving: {inner}}})", f"not since({{of: {a}, if: {inner}}}, {b} or {c})", f"before({a}, {b})"]
    if depth:
        options += [f"once({a} and not once({b}))", f"since({a}, {{of: {b}, if: {draw(_pasts(workflow, depth - 1))}}})"]
    return draw(st.sampled_from(options))


@st.composite
def _new_rules(draw: st.DrawFn, workflow: Workflow) -> dict[str, Any]:
    """Draw a rule that counts, or with conditions on any word."""
    steps = list(workflow.step_names)
    a, b, c = (draw(_words(workflow, steps)) for _ in range(3))
    numbers: list[int | str] = [1, 2, 3]
    for field in workflow.facts.values():
        low, high = field.minimum, field.maximum
        if field.kind == "boolean" and not field.optional:
            numbers += [f"1 if {field.name} else 2", f"0 if {field.name} else 1"]
        elif (
            field.kind == "integer"
            and not field.optional
            and isinstance(low, int)
            and isinstance(high, int)
            and 0 <= low <= high <= 9
        ):
            numbers.append(field.name)
    number = draw(st.sampled_from(numbers))
    forms: list[dict[str, Any]] = [
        {draw(st.sampled_from(["at_least", "at_most", "exactly"])): number, "of": a},
        {draw(st.sampled_from(["at_least", "at_most", "exactly"])): number, "of": a, "since": b},
        {"never": a, "together_with": b},
        {"never": a},
        {"before": a, "needs": b},
        {"before": a, "needs": b, draw(st.sampled_from(["since", "once"])): c},
        {"before": a, "needs": b, "how": draw(st.sampled_from(["directly", "each time"]))},
        {"after": a, "then": b},
        {"after": a, "then": b, "how": draw(st.sampled_from(["directly", "each time"]))},
        {"never": f"{draw(_pasts(workflow))} and ({draw(_conditions(workflow))})"},
    ]
    rule = draw(st.sampled_from(forms))
    if isinstance(rule.get("never"), str) and "(" in rule["never"]:
        return rule
    return rule | ({"if": draw(_pasts(workflow) | _conditions(workflow))} if draw(st.booleans()) else {})


def _with_rule(data: st.DataObject, content: dict[str, Any], rules: Any) -> tuple[dict[str, Any], Workflow]:
    """Draw a rule that is accepted."""
    rule = data.draw(rules(load_workflow(content)))
    try:
        return rule, load_workflow({**content, "rules": [{"rule": "a rule", **rule}]})
    except InputError as error:
        refused = ("names the same", "also names", "counts", "too many different", "says too much", "twice", "value is missing")
        if not any(reason in str(error) for reason in refused):
            raise
        assume(False)
        raise


def _compare(data: st.DataObject, rules: Any = _rules, form: Any = Judge) -> None:
    content = data.draw(workflows())
    rule, workflow = _with_rule(data, content, rules)
    people = [_in_time(case) for case in data.draw(st.lists(facts(workflow), max_size=3))]
    conditions = [*guards(workflow), *workflow.rules[0].conditions]
    space = possible_classes(workflow, conditions, limit=40, seconds=600)
    assume(space.complete)
    columns = [space.witness.plain(workflow.namespace.fields[name]) for name in fact_names(workflow)]
    cases = [*zip(*columns, strict=True), *(tuple(case[name] for name in fact_names(workflow)) for case in people)]
    try:
        shortest_histories = [shortest(workflow, rule, case, _beginnings(workflow), form) for case in cases]
    except TooManyNodes:
        assume(False)
    expected = min((length for length, _ in shortest_histories if length is not None), default=None)
    verdict = Prover(workflow, seconds=600).decide(workflow.rules[0])
    holds = "monitored" if "within" in rule and any(waits for _, waits in shortest_histories) else "proved"
    assert verdict.decision == (holds if expected is None else "broken")
    assert (None if verdict.history is None else len(verdict.history)) == expected


TWO_WAYS_TO_STAY = {
    "workflow": "two_ways_to_stay",
    "facts": {"leaves": {"type": "boolean"}},
    "record": {"marked": {"type": "boolean"}},
    "activities": {"wait": {}},
    "states": {"waiting": {"activity": "wait"}, "left": {"final": True}},
    "transitions": [
        {"transition": "leave", "from": "waiting", "to": "left", "when": "leaves", "at": "entry"},
        {"transition": "give_up", "from": "waiting", "to": "left", "when": "not marked"},
        {"transition": "be_heard", "from": "waiting", "to": "left"},
    ],
    "events": {"mark": {"while": ["waiting"], "set": {"marked": True}}},
    "entry": {"states": ["waiting"], "record": ["marked"]},
    "rules": [{"rule": "nobody is heard", "never": "be_heard"}],
}


def test_the_shortest_history_may_begin_in_a_state_that_others_reach_later() -> None:
    """A case that begins marked is heard in one row; a case that is marked later needs two."""
    workflow = load_workflow(TWO_WAYS_TO_STAY)
    history = Prover(workflow).decide(workflow.rules[0]).history
    assert history is not None
    assert [step.trigger for step in history.steps] == ["complete"]


SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@settings(max_examples=examples(120), deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(st.data())
def test_the_prover_and_brute_force_agree_in_verdict_and_shortest_length(data: st.DataObject) -> None:
    """Random workflows have a random rule each; the slow test has ten thousand."""
    _compare(data)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
@settings(max_examples=2500, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_the_prover_and_brute_force_agree_on_many_more(part: int, data: st.DataObject) -> None:
    """Ten thousand workflows are drawn in four parts of 2,500."""
    _compare(data)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(st.data())
def test_the_prover_and_brute_force_agree_on_counts_neighbouring_rows_and_conditions_on_every_word(data: st.DataObject) -> None:
    """Random workflows have a random rule each; the slow test has five thousand."""
    _compare(data, _new_rules, FormJudge)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
@settings(max_examples=2500, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_the_prover_and_brute_force_agree_on_many_more_of_these_forms(part: int, data: st.DataObject) -> None:
    """Five thousand workflows are drawn in two parts."""
    _compare(data, _new_rules, FormJudge)
