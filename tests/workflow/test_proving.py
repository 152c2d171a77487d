"""Every built-in rule is proved; every bug that was put in on purpose is found, with a history that replays."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflow import Workflow, load_workflow
from workflow.errors import InputError
from workflow.proving import Proof, prove, told

pytest.importorskip("z3")

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))


@pytest.fixture(scope="module")
def proof() -> Proof:
    """The proof of the built-in workflow."""
    return prove(load_workflow("prosecutorial-discretion-review"))


def test_every_built_in_rule_is_proved_and_says_something(proof: Proof) -> None:
    """None is broken, none is vacuous, none undecided."""
    assert len(proof.verdicts) >= 16
    assert {v.decision for v in proof.verdicts} == {"proved"}
    assert [v.rule.name for v in proof.verdicts if v.vacuous] == []


def test_the_built_in_workflow_has_no_gap_and_no_dead_transition(proof: Proof) -> None:
    """What is found besides is a fact that only scenarios read."""
    assert {(f.finding, f.where.split(":")[0]) for f in proof.findings} == {("unused fact", "represented")}


@pytest.mark.parametrize("path", BROKEN, ids=lambda p: p.stem)
def test_a_bug_put_in_on_purpose_breaks_its_own_rule(path: Path) -> None:
    """The rule named in the file's first line is broken, by a shortest history that the real machine replays."""
    rule = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# breaks: ")
    workflow = load_workflow(path)
    chosen = [r for r in workflow.rules if r.name == rule]
    assert len(chosen) == 1, rule
    found = prove(workflow, chosen)
    assert found.verdicts[0].decision == "broken"
    assert found.verdicts[0].history is not None
    assert len(found.verdicts[0].history) >= 1
    assert found.broken


def test_the_report_of_a_broken_rule_prints_the_case_and_each_step_with_its_guard() -> None:
    """A felon who is referred: the one fact that matters, then two steps."""
    workflow = load_workflow(Path(__file__).parent / "broken" / "felon_referred.yaml")
    rule = next(r for r in workflow.rules if r.name == "nobody who is an enforcement priority is referred")
    lines = list(told(prove(workflow, [rule])))
    assert "felony_convictions = 1" in lines[2]
    assert "1. review (finding = favourable): pending -> reviewed" in lines[3]
    assert "2. refer_for_check: reviewed -> background_check" in lines[4]
    assert "allowed by:" in lines[4]


def _desk(**changes: object) -> Workflow:
    content: dict[str, object] = {
        "workflow": "desk",
        "facts": {"n": {"type": "integer", "minimum": 0, "maximum": 9, "default": 0}, "odd": {"type": "boolean"}},
        "record": {"answer": {"enum": ["none", "yes", "no"]}, "tries": {"type": "integer", "minimum": 0, "maximum": 3}},
        "activities": {"serve": {"gives": {"answer": ["yes", "no"]}}},
        "entry": {"states": ["queue"]},
        "states": {"queue": {"activity": "serve"}, "shelf": {"resting": True}, "gone": {"final": True}},
        "transitions": [
            {"transition": "finish", "from": "queue", "to": "gone", "when": 'answer == "yes" and n > 5'},
            {"transition": "retry", "from": "queue", "to": "queue", "when": "tries < 2", "set": {"tries": "tries + 1"}},
            {"transition": "shelve", "from": "queue", "to": "shelf"},
            {"transition": "fetch", "from": "shelf", "event": "call", "to": "queue"},
        ],
        "events": {"call": {"while": ["shelf"]}},
    }
    return load_workflow({**content, **changes})


@pytest.mark.parametrize(
    ("rule", "decision", "steps"),
    [
        ({"never": "finish", "if": "n <= 5"}, "proved", None),
        ({"never": "finish", "if": "n == 9"}, "broken", 1),
        ({"before": "shelve", "needs": "retry"}, "proved", None),
        ({"never": "shelve"}, "broken", 3),
        ({"at_most": 2, "of": "retry"}, "proved", None),
        ({"at_most": 1, "of": "retry"}, "broken", 2),
        ({"never": "once(call) and tries < 2"}, "proved", None),
        ({"never": 'state == "gone" and not once(retry)'}, "broken", 1),
        ({"after": "retry", "then": "shelve"}, "broken", 2),
        ({"after": "retry", "then": "shelve", "within": "3 days"}, "monitored", None),
    ],
    ids=lambda x: str(x),
)
def test_a_rule_of_a_small_workflow_is_decided_as_one_sees_by_eye(
    rule: dict[str, object], decision: str, steps: int | None
) -> None:
    """Verdict and length of the shortest history, worked out by hand."""
    verdict = prove(_desk(rules=[{"rule": "a rule", **rule}])).verdicts[0]
    assert verdict.decision == decision
    assert (None if verdict.history is None else len(verdict.history)) == steps


def test_an_obligation_that_can_stay_open_for_ever_is_told() -> None:
    """After a call nothing needs to follow: the case may lie on the shelf."""
    verdict = prove(_desk(rules=[{"rule": "answered", "after": "shelve", "then": "call"}])).verdicts[0]
    assert verdict.decision == "proved"
    assert verdict.outstanding == ("shelf",)


@pytest.mark.parametrize(
    ("transitions", "finding"),
    [
        ([("finish", "n > 5"), ("again", "n > 7"), ("shelve", None)], "hidden guard"),
        ([("finish", "n > 5"), ("again", "n > 9"), ("shelve", None)], "dead transition"),
        ([("finish", "n > 5"), ("shelve", "n < 5")], "gap"),
        ([("finish", "n > 5"), ("shelve", "n < 7"), ("leave_it", None)], "overlap"),
    ],
)
def test_what_is_odd_is_found_with_an_example(transitions: list[tuple[str, str | None]], finding: str) -> None:
    """One of each kind."""
    goes = {"finish": "gone", "again": "queue", "shelve": "shelf", "leave_it": "shelf"}
    moves = [{"transition": n, "from": "queue", "to": goes[n], **({"when": w} if w else {})} for n, w in transitions]
    found = prove(
        _desk(transitions=[*moves, {"transition": "fetch", "from": "shelf", "event": "call", "to": "queue"}])
    ).findings
    assert finding in [f.finding for f in found]


def test_assumptions_that_no_case_keeps_to_are_an_error_and_no_proof() -> None:
    """Otherwise every rule would be proved, of nobody."""
    with pytest.raises(InputError, match="no case keeps to assume"):
        prove(_desk(assume=["n > 5", "n < 3"], rules=[{"rule": "a rule", "never": "finish"}]))
