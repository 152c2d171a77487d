"""Rules judged on the compiled engine's log are broken by the same cases, at the same instants, as rules watched live."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from simulations import SamplePath, load_scenario, run
from simulations.engines import choosing
from simulations.log.watching import RuleBroken, Violation
from simulations.scenarios.plan import Plan
from tests.examples import examples
from tests.simulations.both_engines import any_scenario, planned
from tests.simulations.random_scenarios import Mapping, _Drawing, loaded
from workflow.errors import VisitCap

pytest.importorskip("numba")

SOME = settings(max_examples=examples(15), deadline=None, suppress_health_check=list(HealthCheck))
BROKEN = Path(__file__).parents[1] / "workflow" / "broken"


@st.composite
def ruled(draw: Any, in_exports: bool = False) -> Mapping:
    """Draw a scenario whose workflow has rules of every template, most of which some case breaks.

    With `in_exports`, exports of its runs can be judged alike: they do not say when a case begins, only its first row.
    """
    scenario: Mapping = draw(any_scenario())
    workflow = scenario["workflow"]
    words = [*(t["transition"] for t in workflow["transitions"]), *workflow["events"]]
    conditions = [*_Drawing(draw, workflow, True, False).yes, *(f"state == '{s}'" for s in workflow["states"])]
    rules = [_rule(draw, words, conditions) for _ in range(draw(st.integers(1, 4)))]
    rules = [rule for rule in rules if not (in_exports and {"at_least", "per"} <= rule.keys())]
    rules = [{"rule": f"rule {k}", **rule} for k, rule in enumerate(rules)]
    policies = [{**p, "workflow": {**p["workflow"], "rules": rules}} for p in scenario["policies"]]
    return {**scenario, "workflow": {**workflow, "rules": rules}, "policies": policies}


def _rule(draw: Any, words: list[str], conditions: list[str]) -> Mapping:
    one, two, three = draw(st.lists(st.sampled_from(words), min_size=3, max_size=3, unique=True))
    condition = draw(st.sampled_from(conditions))
    only = {"if": condition} if draw(st.booleans()) else {}
    return draw(
        st.sampled_from(
            [
                {"never": condition},
                {"never": f"{condition} and once({one})"},
                {"never": f"{condition} and since({one}, {two})"},
                {"never": f"({condition}) and before({one}, {two})"},
                {"never": [one, two], **only},
                {"never": one, "giving": condition},
                {"before": one, "needs": two, **only},
                {"before": [one, three], "needs": two, draw(st.sampled_from(["since", "once"])): three},
                {"after": one, "then": two, **only},
                {"after": one, "then": [two, three], "within": draw(st.sampled_from(["3 hours", "1 day", "0 days"]))},
                {"at_most": draw(st.integers(1, 3)), "of": [one, two], **only},
                {"at_most": draw(st.integers(1, 2)), "of": [one, two], "since": three, **only},
                {"at_most": 1, "of": [one, two], "per": draw(st.sampled_from(["3 hours", "1 day"])), **only},
                {
                    "at_least": draw(st.integers(1, 2)),
                    "of": [one, two],
                    "per": draw(st.sampled_from(["3 hours", "1 day"])),
                    **only,
                },
                {"at_least": 1, "of": one, "since": two, "per": "2 days"},
                {draw(st.sampled_from(["at_least", "exactly"])): draw(st.integers(1, 2)), "of": [one, two], **only},
                {"at_least": 1, "of": one, "since": two},
                {"eventually": draw(st.sampled_from([one, condition]))},
                {"after": one, "then": two, "fair": "none", **only},
                {"never": one, "together_with": [two, three], **only},
                {"before": one, "needs": [two, three], "how": draw(st.sampled_from(["directly", "each time"])), **only},
                {"after": one, "then": [two, three], "how": draw(st.sampled_from(["directly", "each time"])), **only},
                {"before": one, "needs": {"of": two, "if": condition}, **only},
                {"after": [one, {"of": two, "giving": condition}], "then": three},
                {"never": three, "if": f"not once({one} or {two})"},
                {"never": f"once({one} and ({condition})) and not since({two}, {{of: {three}, if: not once({two})}})"},
            ]
        )
    )


def _found(engine: choosing.Chosen, plan: Plan, path: SamplePath) -> list[Violation]:
    violations: list[Violation] = []
    choosing.simulate(engine, plan, path, "count", violations)
    return violations


def _first(engine: choosing.Chosen, plan: Plan, path: SamplePath) -> str:
    """Return what stops the run, nothing if it is not stopped."""
    try:
        choosing.simulate(engine, plan, path, "stop")
    except (RuleBroken, VisitCap) as error:
        return str(error)
    return ""


def _agree(plan: Plan, path: SamplePath) -> list[Violation]:
    watched = _found("simpy", plan, path)
    judged = _found("compiled", plan, path)
    order = lambda v: (v.at, v.case, v.rule)  # noqa: E731
    assert sorted(judged, key=order) == sorted(watched, key=order)
    assert _first("compiled", plan, path) == _first("simpy", plan, path)
    return watched


@SOME
@given(ruled(), st.integers(0, 3))
def test_rules_of_random_scenarios_are_judged_as_they_are_watched(scenario: Mapping, seed: int) -> None:
    """The same rule, case and instant; with stop, the same error, to the word."""
    plan, path = planned(loaded(scenario), seed)
    try:
        _agree(plan, path)
    except VisitCap:
        assert _first("compiled", plan, path) == _first("simpy", plan, path)


@pytest.mark.slow
def test_every_kind_of_violation_is_among_those_of_random_scenarios() -> None:
    """By how a case begins, at its moves, at the end of the run; a first one among several at one instant."""
    reached: Counter[str] = Counter()

    @settings(SOME, max_examples=1000, database=None, derandomize=True)
    @given(ruled())
    def look(scenario: Mapping) -> None:
        plan, path = planned(loaded(scenario), 1)
        try:
            violations = _agree(plan, path)
        except VisitCap:
            assume(False)
        begins = [v.at == max(plan.cases.arrived[v.case], 0) for v in violations]
        first = [b for v, b in zip(violations, begins, strict=True) if v.at == min(v.at for v in violations)]
        rules = {r.name: r for r in plan.scenario.workflow.rules}
        reached.update(rules[v.rule].template for v in violations)
        reached.update("within" for v in violations if rules[v.rule].within is not None)
        reached.update("per" for v in violations if rules[v.rule].per is not None)
        reached.update("at the end" for v in violations if v.at == plan.scenario.horizon)
        reached.update("begins" for b in begins if b)
        reached.update(["several at first"] if len(first) > 1 else [])

    look()
    assert {*reached} == {
        "never",
        "condition",
        "before",
        "after",
        "at_least",
        "at_most",
        "eventually",
        "exactly",
        "within",
        "per",
        "at the end",
        "begins",
        "several at first",
    }


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("", 400),
        ("closure_gives_permit", 400),
        ("declined_then_ordered", 400),
        ("hit_goes_on", 1500),
    ],  # few cases meet the last fault
)
def test_the_pilots_rules_are_judged_as_they_are_watched(name: str, count: int) -> None:
    """Rules of the built-in workflow, which no case breaks, and rules that cases break."""
    changes = [f"courts.denver.backlog.pending.count={count}", "courts.baltimore.backlog.pending.count=100"]
    changes += [f"workflow={BROKEN / name}.yaml", "events.new_crime.hazard=2 per year"] if name else []
    assert bool(_agree(*planned(load_scenario("pilot", changes), 2))) == bool(name)


@pytest.mark.parametrize(("within", "hour"), [("3 hours", 24), ("1 hour", 11)])
def test_an_event_settles_what_its_own_transition_then_opens_anew(within: str, hour: int) -> None:
    """A call every two hours, each of which owes the next; the last one is owed at the end, within the hour already the second."""
    workflow = {
        "workflow": "shelf",
        "activities": {"serve": {}},
        "states": {"queue": {"activity": "serve"}, "shelf": {"resting": True}, "gone": {"final": True}},
        "transitions": [
            {"transition": "serve", "from": "queue", "to": "shelf"},
            {"transition": "look", "from": "shelf", "event": "call"},
            {"transition": "leave", "from": "shelf", "event": "end", "to": "gone"},
        ],
        "events": {"call": {"while": ["shelf"]}, "end": {"while": ["shelf"]}},
        "entry": {"states": ["queue"]},
        "rules": [{"rule": "looked at again", "after": "look", "then": "call", "within": within}],
    }
    scenario = {
        "scenario": "shelf", "workflow": workflow, "starts": dt.date(2024, 1, 1), "ends": dt.date(2024, 1, 1),
        "courts": {"desk": {"backlog": {"queue": 1}}}, "activities": {"serve": {"takes": "1 hour"}},
        "events": {"call": {"at": ["9 hours", "11 hours", "13 hours", "15 hours"]}},
    }  # fmt: skip
    assert _agree(*planned(loaded(scenario), 1)) == [Violation("looked at again", 0, hour * 3_600_000_000)]


@pytest.mark.parametrize(
    ("work", "first"), [({"takes": "9 hours"}, 0), ({"takes": "0 minutes", "pool": "clerks"}, 1)]
)  # fmt: skip
def test_the_run_stops_at_the_first_of_several_violations_at_one_instant(work: Mapping, first: int) -> None:
    """Case 1 arrives on the shelf at nine: after case 0 has come there, but before what the clerks start at nine."""
    workflow = {
        "workflow": "shelf",
        "activities": {"serve": {}},
        "states": {"queue": {"activity": "serve"}, "shelf": {"resting": True}, "gone": {"final": True}},
        "transitions": [
            {"transition": "serve", "from": "queue", "to": "shelf"},
            {"transition": "leave", "from": "shelf", "event": "end", "to": "gone"},
        ],
        "events": {"end": {"while": ["shelf"]}},
        "entry": {"states": ["queue", "shelf"]},
        "rules": [{"rule": "nobody rests", "never": "state == 'shelf'"}],
    }
    scenario = {
        "scenario": "shelf", "workflow": workflow, "starts": dt.date(2024, 1, 1), "ends": dt.date(2024, 1, 1),
        "calendars": {"office": {"hours": {"mon-fri": "09:00-17:00"}}},
        "pools": {"clerks": {"at": "court", "size": 1, "calendar": "office"}},
        "courts": {"desk": {"backlog": {"queue": 1}}}, "activities": {"serve": work},
        "arrivals": {"desk": {"into": "shelf", "at": ["9 hours"]}},
    }  # fmt: skip
    plan, path = planned(loaded(scenario), 1)
    assert len(_agree(plan, path)) == 2
    assert _first("compiled", plan, path).startswith(f"case {first} of desk")


def test_a_run_has_the_same_violations_on_either_engine(tmp_path: Path) -> None:
    """In the result, and in the record of the run folder."""
    changes = [f"workflow={BROKEN / 'hit_goes_on'}.yaml", "courts.denver.backlog.pending.count=500"]
    scenario = load_scenario("pilot", changes)
    one, two = (run(scenario, out=tmp_path / e, engine=e, monitor="count").violations for e in ("simpy", "compiled"))
    assert one == two
    assert one is not None
    assert sum(one.values()) > 0
