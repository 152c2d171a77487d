"""The built-in review weighs circumstances as its sources say: none is decisive, and every one can matter."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from workflow import CaseMachine, load_workflow
from workflow.deciding.machine import fact_names
from workflow.predicates import scalar

WORKFLOW = load_workflow("prosecutorial-discretion-review")
ELIGIBLE = scalar(WORKFLOW.definitions["low_priority"], fact_names(WORKFLOW), tuple(WORKFLOW.record))
NOBODY = {"age": 35, "years_present": 3, "as_of": dt.date(2011, 11, 17), "arrived": dt.date(2011, 11, 17)}
"""A person with no circumstance for or against closure."""
IN_FAVOUR = {
    "2 presence": {"years_present": 10},
    "3 arrival": {"years_present": 9, "age": 24},
    "4 education": {"schooling": "high_school"},
    "5 military": {"armed_forces": "veteran"},
    "9 community": {"compelling_ties": True},
    "10 home country": {"weak_ties_abroad": True},
    "11 age": {"age": 66},
    "12 citizen": {"citizen_family": True},
    "12 resident": {"resident_family": True},
    "13 carer": {"carer": True},
    "14 pregnant": {"pregnant_or_nursing": True},
    "15 condition": {"serious_condition": True},
    "16 nationality": {"removal_unlikely": True},
    "17, 18 relief": {"relief_likely": True},
    "18 victim": {"victim": True},
    "19 cooperates": {"cooperates": True},
}
AGAINST = {
    "6 warrant": {"open_warrant": True},
    "6 misdemeanor": {"misdemeanor_convictions": 1},
    "6 misdemeanors": {"misdemeanor_convictions": 2},
    "6 felony": {"felony_convictions": 1},
    "7 removed": {"previously_removed": True},
    "7 fraud": {"immigration_fraud": True},
    "7 entry": {"last_violation": dt.date(2010, 1, 1)},
    "7 egregious": {"egregious_record": True},
    "8 security": {"national_security": True},
    "8 safety": {"public_safety_threat": True},
}
LIGHT = ({"removal_unlikely": True}, {"relief_likely": True}, {"cooperates": True}, {"carer": True})
MUCH = {key: value for name in IN_FAVOUR if name != "12 resident" for key, value in IN_FAVOUR[name].items()}


def _eligible(*facts: dict[str, Any]) -> bool:
    """Return whether a person with these facts may be referred."""
    person = {**WORKFLOW.defaults, **NOBODY}
    for some in facts:
        person |= some
    return ELIGIBLE([person.get(name) for name in fact_names(WORKFLOW)], [WORKFLOW.defaults[name] for name in WORKFLOW.record])


@pytest.mark.parametrize("factor", IN_FAVOUR)
def test_each_circumstance_in_favour_can_matter(factor: str) -> None:
    """Some person is decided otherwise if this alone changes."""
    others = [light for light in LIGHT if light != IN_FAVOUR[factor]]
    assert any(_eligible(*others[:n], IN_FAVOUR[factor]) and not _eligible(*others[:n]) for n in range(len(others) + 1))


@pytest.mark.parametrize("factor", IN_FAVOUR)
def test_no_circumstance_in_favour_is_decisive(factor: str) -> None:
    """Enough against it outweighs it, and people without it can be referred."""
    assert not _eligible(IN_FAVOUR[factor], AGAINST["8 safety"])
    assert _eligible({key: value for key, value in MUCH.items() if key not in IN_FAVOUR[factor]} | {"years_present": 5})


@pytest.mark.parametrize("factor", AGAINST)
def test_each_circumstance_against_can_matter_and_none_is_decisive(factor: str) -> None:
    """It keeps somebody out who is referred without it, and enough in favour outweighs it."""
    assert any(_eligible(*LIGHT[:n]) and not _eligible(*LIGHT[:n], AGAINST[factor]) for n in range(len(LIGHT) + 1))
    assert _eligible(MUCH, AGAINST[factor])


def test_the_long_present_have_citizens_as_family() -> None:
    """Ten years and compelling ties are a class of the guidance with a citizen in the family, and not with a resident."""
    listed = scalar(WORKFLOW.definitions["factor_in_favour"], fact_names(WORKFLOW), tuple(WORKFLOW.record))
    for family, expected in (("citizen_family", True), ("resident_family", False)):
        person = {**WORKFLOW.defaults, "age": 40, "years_present": 12, "compelling_ties": True, family: True}
        assert listed([person.get(name) for name in fact_names(WORKFLOW)], [None] * len(WORKFLOW.record)) is expected


def test_two_misdemeanors_are_several() -> None:
    """One is weighed, and two are a priority."""
    assert _eligible(*LIGHT, {"misdemeanor_convictions": 1})
    assert not _eligible(*LIGHT, {"misdemeanor_convictions": 2})


def test_a_permit_is_applied_for_while_referred_by_those_who_have_a_ground() -> None:
    """In each state from the check to the order; without a ground in none."""
    (move,) = (t for t in WORKFLOW.transitions if t.name == "apply_for_permit")
    assert {"background_check", "recommended_closure", "closing"} <= set(move.sources)
    assert move.target is None
    guard = scalar(move.guard, fact_names(WORKFLOW), tuple(WORKFLOW.record))
    for basis in ("none", "asylum_pending"):
        person = {**WORKFLOW.defaults, "permit_basis": basis}
        facts = [person.get(name) for name in fact_names(WORKFLOW)]
        assert guard(facts, [WORKFLOW.defaults[name] for name in WORKFLOW.record]) is (basis != "none")


def test_a_judge_closes_over_an_objection_only_since_the_decision() -> None:
    """Under the earlier law the motion of one party leads nowhere."""
    for name, leads in (("prosecutorial-discretion-review", "contested_closure"), ("before-avetisyan", "docket")):
        workflow = load_workflow(name)
        case = SimpleNamespace(
            state="docket",
            facts=[workflow.defaults.get(fact) for fact in fact_names(workflow)],
            record=[workflow.defaults[field] for field in workflow.record],
        )
        CaseMachine(workflow).fire(case, "closure_motion")
        assert case.state == leads
