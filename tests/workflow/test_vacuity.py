"""What a proved rule is vacuous by, what a counterexample turns on, and which facts are unused."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("z3")

from workflow import load_workflow
from workflow.proving.prove import prove
from workflow.proving.report import Proof

OFFICE: dict[str, Any] = {
    "workflow": "office",
    "facts": {"urgent": {"type": "boolean"}, "fee": {"type": "boolean"}, "n": {"type": "integer", "minimum": 0, "maximum": 9}},
    "assume": ["implies(fee, n < 9)"],
    "record": {"k": {"type": "integer", "minimum": 0, "maximum": 3}},
    "activities": {"work": {}},
    "states": {
        "new": {"activity": "work"},
        "open": {"activity": "work"},
        "done": {"final": True},
        "shelf": {"resting": True},
    },
    "transitions": [
        {"transition": "accept", "from": "new", "to": "open"},
        {"transition": "grant", "from": "open", "to": "done", "when": "k == 3"},
        {"transition": "late", "from": "open", "to": "done", "when": 'arrived >= date("2015-01-01")'},
        {"transition": "shelve", "from": "open", "to": "shelf", "when": "urgent"},
        {"transition": "close", "from": "open", "to": "done"},
        {"transition": "reopen", "from": "shelf", "event": "again", "to": "done"},
    ],
    "events": {"again": {"while": ["shelf"]}},
    "entry": {"states": ["new"]},
}  # fmt: skip


def _proved(*rules: dict[str, Any]) -> Proof:
    named = [{"rule": f"rule {i}", **rule} for i, rule in enumerate(rules)]
    return prove(load_workflow({**OFFICE, "rules": named}))


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"never": "once(grant) and not once(accept)"}, "'once(grant)' holds in no reachable state"),
        ({"never": "not implies(once(grant), once(accept))"}, "'once(grant)' holds in no reachable state"),
        ({"never": "not (not once(grant) or once(accept))"}, "'once(grant)' holds in no reachable state"),
        ({"never": "not once(accept) if once(grant) else false"}, "'once(grant)' holds in no reachable state"),
        ({"never": "not (once(accept) if once(grant) else true)"}, "'once(grant)' holds in no reachable state"),
        ({"never": "not once(accept) if once(late) else false"}, None),
        ({"never": "once(late) and not once(accept)"}, None),
        ({"never": "not implies(once(late), once(accept))"}, None),
        ({"never": "once(grant) and (once(late) or once(accept))"}, "'once(grant)' holds in no reachable state"),
        ({"never": "once(grant) and once(late) or once(late) and not once(accept)"}, None),
        ({"never": 'once(grant) or k == 2'}, None),
        ({"never": "grant"}, "grant can never happen"),
        ({"never": "shelve", "giving": "k == 2"}, "its giving: holds in no reachable state"),
        ({"never": "shelve", "giving": 'state == "done"'}, None),
        ({"never": "shelve", "if": "k == 2"}, "its if: holds in no reachable state"),
        ({"before": "accept", "needs": "shelve", "once": "reopen"}, "reopen (its once:) can never happen before accept"),
        ({"before": "reopen", "needs": "shelve", "once": "accept"}, None),
        ({"before": "close", "needs": "accept", "if": "k == 0 and urgent"}, "close can never happen where its if: holds"),
        ({"at_most": 2, "of": "shelve"}, "shelve can never happen 2 times"),
        ({"at_most": 1, "of": "shelve"}, None),
    ],
)  # fmt: skip
def test_a_rule_is_vacuous_if_its_trigger_can_never_be_so(rule: dict[str, Any], why: str | None) -> None:
    """The same for equivalent rules, however they are written."""
    (verdict,) = _proved(rule).verdicts
    assert (verdict.decision, verdict.vacuous) == ("proved", why)


@pytest.mark.parametrize(
    ("rule", "facts", "shown"),
    [
        ({"never": "late"}, {"arrived": "2015-01-01"}, "a case with arrived = 2015-01-01 begins in new"),
        (
            {"never": "close"},
            {"urgent": False, "arrived": "2012-01-01"},
            "a case with urgent = false, arrived = 2012-01-01 begins in new",
        ),
        ({"never": "accept"}, {}, "a case with any facts begins in new"),
        (
            {"never": "accept", "if": 'as_of > date("2020-01-01")'},
            {"as_of": "2020-01-02"},
            "a case with as_of = 2020-01-02 begins in new",
        ),
    ],
)
def test_a_counterexample_has_the_facts_that_it_turns_on_and_no_others(
    rule: dict[str, Any], facts: dict[str, object], shown: str
) -> None:
    """Those at their defaults and the two dates of every case included, in the text and in JSON."""
    proof = _proved(rule)
    assert proof.json()["rules"][0]["history"]["facts"] == facts
    assert f"    {shown}" in [line.removeprefix("  ") for line in proof.render()]


def test_a_fact_that_only_rules_or_assumptions_read_is_not_unused() -> None:
    """`fee` is assumed about, and a rule that is proved along with the workflow's own reads `n`."""
    workflow = load_workflow(OFFICE | {"assume": ["implies(fee, urgent)"]})
    rules = load_workflow({**OFFICE, "rules": [{"rule": "few", "never": "grant", "if": "n > 3"}]}).rules
    unused = [[f.where.split(":")[0] for f in prove(workflow, chosen).findings or ()] for chosen in ((), rules)]
    assert ["n" in unused_facts for unused_facts in unused] == [True, False]
    assert not any("fee" in unused_facts for unused_facts in unused)


def test_among_several_shortest_counterexamples_the_one_with_the_fewest_facts_is_shown() -> None:
    """`close` takes one step after `accept` in three ways; the way that the file names first needs three facts."""
    transitions = [
        {"transition": "accept", "from": "new", "to": "open"},
        {"transition": "grant", "from": "open", "to": "done", "when": "urgent and fee and n == 3"},
        {"transition": "late", "from": "open", "to": "done", "when": "n == 3"},
        {"transition": "close", "from": "open", "to": "shelf"},
    ]
    rules = [{"rule": "nothing is done", "never": "grant or late"}]
    changed = {"transitions": transitions, "rules": rules, "events": {}, "states": {**OFFICE["states"], "shelf": {"final": True}}}
    (verdict,) = prove(load_workflow({**OFFICE, **changed})).verdicts
    assert verdict.history is not None
    assert len(verdict.history.turns_on or ()) == 2  # late also needs that grant is not taken
