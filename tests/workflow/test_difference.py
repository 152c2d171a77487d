"""Brute force confirms which cases two workflows decide differently; conditions are right and minimal."""

import itertools
from copy import deepcopy
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simulations import SamplePath, load_scenario
from simulations.scenarios.population import draw_cases
from tests.examples import examples
from tests.workflow.random_workflows import facts, population, workflows
from workflow import CaseMachine, load_workflow
from workflow.deciding.machine import fact_names
from workflow.deciding.table import guards
from workflow.errors import InputError
from workflow.model.definition import ENTER, INCREMENT, StateKind
from workflow.predicates import vector
from workflow.proving.covering import cheapest_cover, shortest
from workflow.proving.difference import diff
from workflow.proving.nearby import variations

BASE = "prosecutorial-discretion-review"
SLOW = settings(deadline=None, max_examples=examples(40), suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def people():
    """The cases of the pilot."""
    return draw_cases(load_scenario("pilot"), SamplePath(1, 1)).columns


@pytest.fixture(scope="module")
def from_base(people):
    """The difference of a built-in variant, computed when it is first asked for."""
    return cache(lambda other: diff(load_workflow(BASE), load_workflow(other), people))


@pytest.mark.parametrize(
    ("other", "when", "decided"),
    [
        (
            "strict-criteria",
            "favoured of prosecutorial-discretion-review and not favoured of strict-criteria",
            ("incoming: file_charges, not forgo_charges", "reviewed: keep_on_docket, not refer_for_check",
             "docket, adjourned: nothing, not review_again"),
        ),
        pytest.param(
            "no-discretion",
            "favoured",
            ("incoming: file_charges, not forgo_charges", "reviewed: keep_on_docket, not refer_for_check",
             "docket, adjourned: nothing, not review_again"),
            marks=pytest.mark.slow,
        ),
        (
            "permit-for-all-closed",
            'permit_basis == "none"',
            ("closed: apply_for_permit, not nothing",),
        ),
        pytest.param(
            "detained-never-reviewed",
            "always",
            ("pending: leave_review, not detention alone", "pending: screen_out, not nothing"),
            marks=pytest.mark.slow,
        ),
        ("before-avetisyan", "always", ("docket, adjourned: nothing, not move_over_objection",)),
    ],
)  # fmt: skip
def test_the_region_of_each_built_in_variant_is_described_by_its_definitions(from_base, people, other, when, decided):
    """Each variant has one region with a short condition."""
    difference = from_base(other)
    assert [(r.when, r.decided) for r in difference.regions] == [(when, decided)]
    assert difference.same + difference.regions[0].count == len(people)


def test_a_workflow_does_not_differ_from_itself(people):
    """All cases are decided alike, also where it is written again under another name."""
    base = load_workflow(BASE)
    difference = diff(base, load_workflow({**base.plain(), "workflow": "again", "sources": base.sources}), people)
    assert (difference.regions, difference.same) == ((), len(people))


@pytest.mark.parametrize(
    "other", ["strict-criteria", *(pytest.param(x, marks=pytest.mark.slow) for x in ("no-discretion", "permit-for-all-closed"))]
)
def test_no_literal_and_no_alternative_of_a_built_in_region_can_be_left_out(from_base, people, other):
    """The check uses the cases and their variations, without variations that differ in a way that no case does."""
    _check_minimal(load_workflow(BASE), load_workflow(other), people, from_base(other))


@st.composite
def pairs(draw):
    """Draw two workflows with the same facts, record and states, as mappings, and some cases; most differ in something."""
    content = draw(workflows())
    changed = deepcopy(content)
    for move in draw(st.lists(st.sampled_from(changed["transitions"]), max_size=2)):
        how = draw(st.sampled_from(["never", "other", "effect", "narrow"]))
        others = [m["when"] for m in content["transitions"] if m.get("when")]
        if how == "effect":
            move["set"] = {}
        elif move.get("when") and how == "never":
            move["when"] = f"not ({move['when']})"
        elif move.get("when"):
            guard = draw(st.sampled_from(others))
            move["when"] = guard if how == "other" else f"({move['when']}) and ({guard})"
    cases = draw(st.lists(facts(load_workflow(content)), min_size=1, max_size=8))
    return content, {**changed, "workflow": "changed"}, cases


@given(pairs())
@SLOW
def test_a_case_is_in_a_region_if_and_only_if_some_course_takes_it_where_the_two_machines_differ(pair):
    """Every course of the case is followed, from every beginning, through every step that can happen."""
    one, other, cases = load_workflow(pair[0]), load_workflow(pair[1]), pair[2]
    every = list(itertools.product(*(f.domain() for f in one.record.values())))
    assume(len(every) <= 100)
    difference = diff(one, other, population(one, cases))
    sides = CaseMachine(one), CaseMachine(other)
    for number, case in enumerate(cases[:3]):
        values = [case[name] for name in fact_names(one)]
        ways = any(
            _decided(sides[0], one, values, *where) != _decided(sides[1], other, values, *where)
            for where in _reached(sides[0], one, other, values)
        )
        assert (difference.of_case[number] >= 0) == ways
    assert difference.same + sum(r.count for r in difference.regions) == len(cases)


@given(pairs())
@SLOW
def test_the_conditions_are_right_and_minimal_for_any_pair(pair):
    """Each condition holds for its own cases only, and for others if a part is left out."""
    one, other, cases = load_workflow(pair[0]), load_workflow(pair[1]), pair[2]
    _check_minimal(one, other, people := population(one, cases), diff(one, other, people))


@given(st.integers(0, 2**32 - 1))
@SLOW
def test_a_description_is_the_cheapest_of_all(seed):
    """The result is compared with every set of columns."""
    random = np.random.default_rng(seed)
    covers = random.random((random.integers(1, 9), random.integers(1, 8))) < 0.4
    costs = [(int(a), int(b)) for a, b in random.integers(1, 4, (covers.shape[1], 2))]
    sets = [s for n in range(len(costs) + 1) for s in itertools.combinations(range(len(costs)), n)]
    fit = [s for s in sets if covers[:, list(s)].any(axis=1).all()]
    price = [(sum(costs[k][0] for k in s), sum(costs[k][1] for k in s)) for s in fit]
    cover = cheapest_cover(covers, costs)
    assert (cover is None) == (not fit)
    if cover is not None:
        assert (sum(costs[k][0] for k in cover), sum(costs[k][1] for k in cover)) == min(price)


def test_literals_that_cannot_separate_cases_are_an_error():
    """The same literals hold inside and outside."""
    with pytest.raises(ValueError, match="do not separate the classes"):
        shortest(np.ones((2, 1), bool), np.array([True, False]), [(1, 1)])


OFFICE = {
    "workflow": "office",
    "facts": {"resident": {"type": "boolean"}, "age": {"type": "integer", "minimum": 0, "maximum": 120, "default": 30}},
    "activities": {"check": {}},
    "entry": {"states": ["applied"]},
    "states": {"applied": {"activity": "check"}, "issued": {"final": True}, "refused": {"final": True}},
    "transitions": [
        {"transition": "issue", "from": "applied", "to": "issued", "when": "resident"},
        {"transition": "refuse", "from": "applied", "to": "refused"},
    ],
}
STRICTER = deepcopy(OFFICE) | {"workflow": "stricter"}
STRICTER["transitions"][0]["when"] = "resident and age >= 16"


def test_a_difference_that_no_course_of_events_reaches_is_none():
    """Nothing sends a case back, so a guard on it changes nothing, unless a case may begin so."""
    never = deepcopy(OFFICE) | {"record": {"sent_back": {"type": "boolean", "default": False}}}
    never["transitions"][0]["when"] = "resident and not sent_back"
    assert diff(load_workflow(OFFICE | {"record": never["record"]}), load_workflow(never | {"workflow": "other"})).regions == ()
    never["entry"] = {"states": ["applied"], "record": ["sent_back"]}
    difference = diff(load_workflow(OFFICE | {"record": never["record"]}), load_workflow(never | {"workflow": "other"}))
    assert [(r.when, r.decided) for r in difference.regions] == [("resident", ("applied: refuse, not issue",))]
    assert (difference.could_differ, difference.same) == (1, 1)


def test_without_people_every_kind_of_case_is_counted_once():
    """The kinds are residents below sixteen, residents, and all others."""
    pytest.importorskip("z3")
    difference = diff(load_workflow(OFFICE), load_workflow(STRICTER))
    assert [(r.when, r.count, r.decided) for r in difference.regions] == [
        ("resident and age < 16", 1, ("applied: refuse, not issue",))
    ]
    assert (difference.same, difference.total) == (2, 3)


def test_cases_without_a_fact_of_the_workflow_are_an_error(people):
    """The cases of the pilot have an age, but no residence."""
    with pytest.raises(InputError, match="the people have no resident, which office asks of every case"):
        diff(load_workflow(OFFICE), load_workflow(STRICTER), people)


def test_workflows_with_other_facts_cannot_be_compared(people):
    """The message names them."""
    plain = load_workflow(BASE).plain() | {"workflow": "more"}
    plain["facts"]["tall"] = {"type": "boolean", "default": False}
    with pytest.raises(InputError, match="differ in their facts \\(tall\\)"):
        diff(load_workflow(BASE), load_workflow(plain), people)


def _reached(machine, one, other, values):
    """Yield every state and record that a case can have under `one`, and whether it has just entered the state."""
    begins = [
        (state, record, True)
        for workflow in (one, other)
        for state in workflow.entry_states
        for record in itertools.product(
            *(f.domain() if n in workflow.entry_record else (workflow.defaults[n],) for n, f in workflow.record.items())
        )
    ]
    ahead, seen = list(begins), set(begins)
    while ahead:
        state, record, entering = ahead.pop()
        yield state, record, entering
        decided = _decided(machine, one, values, state, record, entering)
        after = [(to, tuple(written), moved) for _, to, written, _, moved in decided.values()]
        if entering and not decided and one.states[state].kind is not StateKind.INSTANT:
            after = [(state, record, False)]
        new = set(after) - seen
        seen |= new
        ahead += new


def _decided(machine, workflow, values, state, record, entering):
    """Return the result of each possible step: transition, state, record, attempted writes, and whether it enters a state."""
    decided = {}
    chances = [(ENTER, ())] if entering else machine.possible_inputs(state, values, record)
    for trigger, given_ in chances:
        if trigger == ENTER and (ENTER, state) not in machine.tries:
            continue
        seen = machine.seen(state, tuple(record), trigger, given_)
        case = SimpleNamespace(state=state, facts=values, record=list(seen))
        taken = machine.fire(case, trigger)
        transition = None if taken is None else workflow.transitions[taken]
        if transition is not None or (trigger in workflow.events and seen != list(record)):
            wrote = _written(workflow, state, trigger, given_, transition) if transition else {}
            enters = transition is not None and transition.target is not None
            decided[trigger, given_] = transition and transition.name, case.state, case.record, wrote, enters
    return decided


def _written(workflow, state, trigger, given, transition):
    """Return the final values written by the event, its outcome and the transition."""
    event = workflow.events.get(trigger)
    giver = workflow.giver(state, trigger)
    writes = [*(event.effects if event else ()), *(giver.written(given) if giver else ()), *transition.effects]
    wrote = {}
    for name, value in writes:
        if len(workflow.record[name].domain()) > 1:
            wrote[name] = (*wrote.get(name, ()), value) if value == INCREMENT else (value,)
    return wrote


def _check_minimal(one, other, people, difference):
    """Check minimality over the cases and their variations, without variations that differ in a way that no case does."""
    beside = variations(one, people, [*guards(one), *guards(other)])
    near = diff(one, other, beside)
    region_of = {r.decided: i for i, r in enumerate(difference.regions)}
    near_of = np.array([*(region_of.get(r.decided, -2) for r in near.regions), -1])[near.of_case]
    for i, region in enumerate(difference.regions):
        known = ((people, difference.of_case == i, np.full(len(people), True)), (beside, near_of == i, near_of > -2))

        def right(alternatives, known=known):
            return all((_holding(alternatives, who) == inside)[asked].all() for who, inside, asked in known)

        assert right(region.alternatives)
        for k, alternative in enumerate(region.alternatives):
            others = [*region.alternatives[:k], *region.alternatives[k + 1 :]]
            assert not right(others)
            for n in range(len(alternative)):
                assert not right([*others, (*alternative[:n], *alternative[n + 1 :])])


def _holding(alternatives, people):
    holding = np.zeros(len(people), bool)
    for alternative in alternatives:
        every = np.ones(len(people), bool)
        for x in alternative:
            every &= vector(x.condition, people.values, people.missing, len(people)) == x.holds
        holding |= every
    return holding


def test_an_empty_population_has_no_regions(people):
    """There are no cases and no regions."""
    difference = diff(load_workflow(BASE), load_workflow("no-discretion"), people.take(np.zeros(0, np.int64)))
    assert (difference.regions, difference.same, difference.total) == ((), 0, 0)


def test_a_common_factor_of_alternatives_is_written_once(people):
    """Two alternatives with a common factor become one condition."""
    plain = load_workflow(BASE).plain()
    guard = "low_priority and (victim or pregnant_or_nursing) and finding == 'favourable'"
    for move in plain["transitions"]:
        if move["transition"] == "refer_for_check":
            move["when"] = guard
    difference = diff(load_workflow(plain), load_workflow(BASE), people)
    literals = ("favoured", "not victim", "not pregnant_or_nursing")
    assert [r.decided for r in difference.regions] == [("reviewed: refer_for_check, not keep_on_docket",)]
    assert all(literal in difference.regions[0].when for literal in literals), difference.regions[0].when


def test_rules_that_differ_are_named() -> None:
    """A rule is another if any form of it says something else, and the same however its names are joined."""
    steps = {"transition": "serve", "from": "queue", "to": "gone"}, {"transition": "drop", "from": "queue", "to": "gone"}
    desk = {
        "workflow": "desk", "activities": {"serve": {}}, "states": {"queue": {"activity": "serve"}, "gone": {"final": True}},
        "transitions": [{**steps[0], "when": "urgent"}, steps[1]], "facts": {"urgent": {"type": "boolean"}},
        "entry": {"states": ["queue"]},
    }  # fmt: skip
    one = [
        {"rule": "same", "never": "serve or drop"}, {"rule": "gone", "never": "drop"}, {"rule": "number", "at_most": 1, "of": "serve"},
        {"rule": "word", "before": "drop", "needs": "serve"}, {"rule": "fair", "eventually": "serve"},
    ]  # fmt: skip
    other = [
        {"rule": "same", "never": ["drop", "serve"]}, {"rule": "number", "at_most": 2, "of": "serve"},
        {"rule": "word", "before": "drop", "needs": {"of": "serve", "if": "urgent"}}, {"rule": "fair", "eventually": "drop"},
        {"rule": "new", "exactly": 1, "of": "serve"},
    ]  # fmt: skip
    changed = diff(load_workflow({**desk, "rules": one}), load_workflow({**desk, "workflow": "counter", "rules": other}))
    assert [str(rule) for rule in changed.rules] == [
        "gone: only in desk", "number: says something else", "word: says something else", "fair: says something else",
        "new: only in counter",
    ]  # fmt: skip
    assert list(changed.render())[-1] == "rule new: only in counter"
    assert changed.json()["rules"][0] == {"rule": "gone", "only_in": "desk"}
