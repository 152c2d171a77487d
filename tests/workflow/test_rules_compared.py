"""Rules against rules: findings about rules, compared with every history that an independent enumeration goes through."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.test_format_reference import REFERENCE, blocks
from tests.workflow.rules_by_enumeration import Enumeration, load_drawn
from workflow import Workflow, load_rules, load_workflow
from workflow.proving.budget import Budget
from workflow.proving.findings import Finding
from workflow.proving.prove import prove
from workflow.proving.rules_compared import compare_rules

pytest.importorskip("z3")


def _findings(workflow: Workflow) -> list[Finding]:
    return list(compare_rules(workflow, workflow.rules, Budget(600, 200_000)))


def _check(seed: int) -> None:
    """Compare all findings about drawn rules with the enumeration."""
    workflow, entries = load_drawn(seed)
    any_order, diagram = (Enumeration(workflow, entries, in_any_order) for in_any_order in (True, False))
    number = {rule.name: i for i, rule in enumerate(workflow.rules)}
    findings = _findings(workflow)
    _check_surplus(any_order, entries, {f.rules[0]: f for f in findings if f.finding != "contradiction"}, number)
    _check_contradictions(diagram, any_order, workflow, [f for f in findings if f.finding == "contradiction"], number)


def _check_surplus(
    any_order: Enumeration, entries: list[dict[str, Any]], found: dict[str, Finding], number: dict[str, int]
) -> None:
    for name, i in number.items():
        others = [j for j in number.values() if j != i]
        follows = not any_order.breaks(i, others) and any_order.breaks(i, [])
        assert (name in found) == follows, name
        if not follows:
            continue
        finding = found[name]
        kept = [number[other] for other in finding.rules[1:]]
        assert not any_order.breaks(i, kept)
        assert all(any_order.breaks(i, [j for j in kept if j != left_out]) for left_out in kept)
        if ("before" in entries[i] and "once" not in entries[i]) or "after" in entries[i]:
            idle = not any_order.triggers(i, kept) and any_order.triggers(i, [i])
            assert (finding.finding == "idle rule") == idle


def _check_contradictions(
    diagram: Enumeration, any_order: Enumeration, workflow: Workflow, found: list[Finding], number: dict[str, int]
) -> None:
    everyone = list(number.values())
    can_end = diagram.way(None, True, everyone)
    unending: list[int] = []
    assert any(f.where.endswith("can end") for f in found) == (not can_end and diagram.way(None, True, []))
    explained: dict[str, tuple[list[int], bool]] = {}
    for finding in found:
        kept = [number[name] for name in finding.rules]
        _, taken, names = finding.where.rpartition(" can ever take ")
        _, ended, names = (taken, taken, names) if taken else finding.where.rpartition(" can end after ")
        if not (taken or ended):
            _assert_least(diagram, any_order, None, True, kept)
            unending = kept
            continue
        for name in names.split(" or "):
            explained[name] = kept, bool(taken)
            _assert_least(diagram, any_order, name, can_end, kept)
            at_all = diagram.way(name, False, kept) and any_order.way(name, False, kept)
            assert bool(taken) == (not can_end or not at_all)
    for name in {t.name for t in workflow.transitions} - explained.keys():
        by_unending = unending and not (diagram.way(name, can_end, unending) and any_order.way(name, can_end, unending))
        if not by_unending and not diagram.way(name, can_end, everyone) and diagram.way(name, can_end, []):
            alone = any(not diagram.way(name, can_end, [i]) for i in everyone)
            assert alone, name
            if any_order.way(name, can_end, []) and all(any_order.way(name, can_end, [i]) for i in everyone):
                assert any_order.way(name, can_end, everyone), name


def _assert_least(diagram: Enumeration, any_order: Enumeration, name: str | None, ends: bool, kept: list[int]) -> None:
    """Assert that rules leave no way, along the transitions or in any order, and that without one of them there is one."""
    fewer = [list(some) for some in combinations(kept, len(kept) - 1)]
    assert any(
        not frame.way(name, ends, kept) and all(frame.way(name, ends, some) for some in fewer) for frame in (diagram, any_order)
    )


@pytest.mark.parametrize("seed", range(20))
def test_findings_about_drawn_rules_agree_with_an_enumeration_of_all_histories(seed: int) -> None:
    """Each of twenty small workflows has two to four rules; the slow test has a thousand."""
    _check(seed)


OFFICE = {
    "workflow": "office",
    "facts": {"urgent": {"type": "boolean"}, "allowed": {"type": "integer", "minimum": 0, "maximum": 3}},
    "record": {"decision": {"enum": ["none", "yes", "no"]}},
    "activities": {"read": {"gives": {"decision": ["yes", "no"]}}},
    "entry": {"states": ["filed"]},
    "states": {
        "filed": {"activity": "read"},
        "waiting": {"resting": True},
        "granted": {"final": True},
        "refused": {"final": True},
    },
    "transitions": [
        {"transition": "call", "from": "filed", "to": "waiting", "when": "urgent"},
        {"transition": "refuse", "from": ["filed", "waiting"], "event": "deadline", "to": "refused"},
        {"transition": "grant", "from": "filed", "to": "granted", "when": 'decision == "yes"'},
        {"transition": "reject", "from": "filed", "to": "refused"},
        {"transition": "answer", "from": "waiting", "event": "reply", "to": "filed"},
    ],
    "events": {"deadline": {"while": ["filed", "waiting"]}, "reply": {"while": ["waiting"]}, "note": {"while": "any"}},
}
ONE_MONTH = {"after": "call", "then": "answer", "within": "1 month"}

ABOUT_TWO_RULES = [  # two rules, and of each what is found: what others make idle, or that it is surplus
    ({"at_most": 1, "of": "note"}, {"at_most": 2, "of": "note"}, None, "note can never happen 2 times"),
    ({"at_most": 2, "of": "note or reply"}, {"at_most": 2, "of": "note"}, None, "surplus"),
    ({"at_most": 2, "of": "note", "since": "call"}, {"at_most": 2, "of": "note"}, "surplus", None),
    ({"at_most": "allowed", "of": "note"}, {"at_most": 3, "of": "note"}, None, "surplus"),
    ({"at_most": "allowed", "of": "note"}, {"at_most": 2, "of": "note"}, None, None),
    ({"exactly": 1, "of": "note"}, {"at_least": 1, "of": "note"}, None, "surplus"),
    ({"never": "call"}, {"after": "call", "then": "note"}, None, "call can never happen"),
    ({"never": "grant"}, {"after": "grant", "then": "note"}, "surplus", "surplus"),  # it ends a case
    ({"never": "grant"}, {"never": "grant", "if": "urgent"}, None, "grant can never happen"),
    ({"never": "grant", "if": "urgent"}, {"never": "grant", "if": "urgent and allowed > 1"}, None, "surplus"),
    (
        {"never": "not urgent"},
        {"before": "grant", "needs": "call", "if": "not urgent"},
        None,
        "grant can never happen where its if: holds",
    ),
    ({"never": "once(grant)"}, {"never": "once(grant) and urgent"}, None, "'once(grant)' holds in no reachable state"),
    ({"before": "grant", "needs": "call"}, {"before": "grant", "needs": "call or note"}, None, "surplus"),
    ({"eventually": "note"}, {"at_least": 1, "of": "note"}, None, "surplus"),  # not the other way: a case may rest forever
    ({"eventually": "note"}, {"eventually": "note", "fair": "reply"}, None, "surplus"),
    ({"eventually": "note"}, {"eventually": "note or reply"}, None, "surplus"),
    ({"eventually": "note", "fair": "reply"}, {"eventually": "note", "fair": "deadline"}, None, None),
    ({"after": "call", "then": "answer", "fair": "none"}, {"after": "call", "then": "answer"}, None, "surplus"),
    (ONE_MONTH, {"after": "call", "then": "answer"}, None, "surplus"),
    (ONE_MONTH, {**ONE_MONTH, "within": "31 days"}, None, "surplus"),
    (ONE_MONTH, {**ONE_MONTH, "within": "30 days"}, None, None),
    (ONE_MONTH, {**ONE_MONTH, "within": "28 days"}, "surplus", None),
    (ONE_MONTH, {"after": "call", "then": "answer or note", "within": "2 months"}, None, "surplus"),
    (ONE_MONTH, {"after": {"of": "call", "if": "urgent"}, "then": "answer", "within": "1 year"}, None, "surplus"),
    (
        {"after": "note or call", "then": "grant", "within": "3 days"},
        {"after": "note", "then": "grant", "within": "3 days"},
        None,
        "surplus",
    ),
    ({"after": "note", "then": "reply", "within": "3 days"}, {"after": "note", "then": "grant", "within": "9 days"}, None, None),
    (
        {"after": "call", "then": "answer", "within": "48 hours"},
        {"after": "call", "then": "answer", "within": "2 days"},
        None,
        "surplus",
    ),
    (
        {"after": "call", "then": "answer", "within": "49 hours"},
        {"after": "call", "then": "answer", "within": "2 days"},
        None,
        None,
    ),
    ({"at_most": 2, "of": "note"}, {"at_most": 2, "of": "note", "per": "1 year"}, None, "surplus"),
    ({"at_most": 2, "of": "note", "per": "1 year"}, {"at_most": 2, "of": "note", "per": "365 days"}, None, "surplus"),
    ({"at_most": 1, "of": "note", "per": "10 days"}, {"at_most": 2, "of": "note", "per": "9 days"}, None, "surplus"),
    ({"at_most": 1, "of": "note or call", "per": "2 years"}, {"at_most": 1, "of": "note", "per": "1 year"}, None, "surplus"),
    ({"at_most": 2, "of": "note", "per": "1 year"}, {"at_most": 1, "of": "note", "per": "1 month"}, None, None),
    (
        {"at_most": 1, "of": "note", "per": "1 year", "since": "call"},
        {"at_most": 1, "of": "note", "per": "1 year"},
        "surplus",
        None,
    ),
]


@pytest.mark.parametrize(("one", "other", "of_one", "of_other"), ABOUT_TWO_RULES)
def test_of_two_rules_one_may_follow_from_the_other(
    one: dict[str, Any], other: dict[str, Any], of_one: str | None, of_other: str | None
) -> None:
    """Each form is compared with a stronger one, and with one that is not; some rules make others idle."""
    workflow = load_workflow({**OFFICE, "rules": [{"rule": "one", **one}, {"rule": "other", **other}]})
    findings = [f for f in _findings(workflow) if f.finding != "contradiction"]
    found = {f.rules: "surplus" if f.finding == "surplus rule" else f.where.partition(", ")[2] for f in findings}
    expected = {("one", "other"): of_one, ("other", "one"): of_other}
    assert found == {rules: what for rules, what in expected.items() if what is not None}


CONTRADICTIONS = [  # rules, and what is found of them
    (
        [{"before": "grant", "needs": "note"}, {"before": "note", "needs": "grant"}],
        ["'0' and '1': no case that keeps both can ever take grant"],
    ),
    (
        [{"after": "call", "then": "note"}, {"never": "note"}],
        ["'0' and '1': no case that keeps both can end after call or answer"],
    ),
    ([{"eventually": "note"}, {"never": "note"}], ["'0' and '1': no case that keeps both can end"]),
    ([{"never": 'state == "refused"'}, {"never": "grant"}, {"never": "call"}], ["'0' and '1': no case that keeps both can end"]),
    (
        [
            {"at_least": 1, "of": "call", "if": "urgent"},
            {"never": "call", "if": "allowed < 2"},
            {"never": "call", "if": "allowed > 1"},
        ],
        [
            "'0', '1' and '2': no case that keeps them can end",
            "'1' and '2': no case that keeps both can ever take call or answer",
        ],
    ),
    ([{"never": "grant"}, {"before": "grant", "needs": "note"}], []),  # one rule alone forbids it
    (
        [{"at_most": 1, "of": "note"}, {"at_least": 2, "of": "note", "if": "urgent"}],
        ["'0' and '1': no case that keeps both can end"],
    ),
]


@pytest.mark.parametrize(("entries", "expected"), CONTRADICTIONS)
def test_rules_that_leave_no_way_to_a_transition_or_to_an_end_contradict_each_other(
    entries: list[dict[str, Any]], expected: list[str]
) -> None:
    """The guards of the workflow do not matter, only its transitions and events."""
    workflow = load_workflow({**OFFICE, "rules": [{"rule": str(i), **entry} for i, entry in enumerate(entries)]})
    assert [f.where for f in _findings(workflow) if f.finding == "contradiction"] == expected


def test_the_example_of_the_reference_has_the_findings_that_it_shows(tmp_path: Path) -> None:
    """The rules file is written with its workflow, and compared."""
    files = {block.name: block.text for block in blocks() if block.name in ("permits.yaml", "surplus.rules.yaml")}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    workflow, rules = load_rules(tmp_path / "surplus.rules.yaml")
    shown = (REFERENCE / "rules_format.md").read_text(encoding="utf-8")
    findings = list(compare_rules(workflow, rules, Budget(600, 200_000)))
    assert len(findings) == 3
    for finding in findings:
        assert f"\n      {finding.finding}: {finding.where}\n" in shown


def test_a_proof_shows_what_its_rules_say_about_each_other() -> None:
    """The terminal, JSON and HTML name the rules; without time, the proof says that they were not compared."""
    twice = [{"rule": "one note", "at_most": 1, "of": "note"}, {"rule": "two notes", "at_most": 2, "of": "note"}]
    workflow = load_workflow({**OFFICE, "rules": twice})
    proof = prove(workflow)
    where = "'two notes': in a case that keeps 'one note', note can never happen 2 times"
    finding = {"finding": "idle rule", "where": where, "rules": ["two notes", "one note"]}
    assert (proof.json()["rule_findings"], proof.json()["rules_compared"]) == ([finding], True)
    assert f"rules against rules:\n  idle rule: {where}" in str(proof)
    assert "Rules against rules" in proof._repr_html_()
    in_no_time = prove(workflow, seconds=0)
    assert not in_no_time.rules_compared
    assert "not all rules were compared with each other in time; raise --seconds" in str(in_no_time)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_findings_about_many_more_drawn_rules_agree_with_an_enumeration(part: int) -> None:
    """A thousand workflows are drawn in ten parts."""
    for seed in range(1_000 + 100 * part, 1_100 + 100 * part):
        _check(seed)
