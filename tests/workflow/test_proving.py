"""Every built-in rule is proved; every deliberate bug is found, with a history that replays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflow.fake_clock import fake_clock
from tests.workflow.large_workflows import STYLES, large_workflow
from workflow import Workflow, load_workflow
from workflow.errors import InputError
from workflow.model.rules import Rule
from workflow.proving.abstraction import Abstraction
from workflow.proving.machine_check import UnsoundProof, replay
from workflow.proving.paths import PathCheck
from workflow.proving.proof import Prover
from workflow.proving.prove import prove
from workflow.proving.report import Proof
from workflow.proving.search import Search
from workflow.proving.verdict import History, Verdict

pytest.importorskip("z3")

CATALOG = Path(__file__).parents[2] / "workflow" / "catalog"
BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))


@pytest.fixture(autouse=True, scope="module")
def stopped_clock() -> Iterator[None]:
    """Stop the prover's clock, so that a slow machine leaves no rule undecided."""
    with fake_clock():
        yield


@pytest.fixture(scope="module")
def proof() -> Proof:
    """Prove the built-in workflow."""
    return prove(load_workflow("prosecutorial-discretion-review"))


def test_every_built_in_rule_is_proved_and_not_vacuous(proof: Proof) -> None:
    """No rule is broken, vacuous or undecided."""
    assert len(proof.verdicts) >= 16
    assert {v.decision for v in proof.verdicts} == {"proved"}
    assert [v.rule.name for v in proof.verdicts if v.vacuous] == []


def test_the_built_in_workflow_has_no_gap_and_no_dead_transition(proof: Proof) -> None:
    """The only finding is a fact that only scenarios read."""
    assert {(f.finding, f.where.split(":")[0]) for f in proof.findings} == {("unused fact", "represented")}


@pytest.mark.parametrize(
    ("name", "n_rules", "broken"),
    [
        *(
            pytest.param(name, n_rules, [], marks=pytest.mark.slow)
            for name, n_rules in (("detained-never-reviewed", 26), ("strict-criteria", 25), ("deferred-action", 25))
        ),
        ("permit-for-all-closed", 25, ["a work permit only for those who could apply before the case was suspended"]),
    ],
)
def test_the_rules_of_the_built_in_variants_hold_with_one_intended_exception(name: str, n_rules: int, broken: list[str]) -> None:
    """No rule is vacuous. A permit for all closed cases breaks exactly the rule on permits."""
    verdicts = prove(load_workflow(name)).verdicts
    assert len(verdicts) == n_rules
    assert [v.rule.name for v in verdicts if v.decision != "proved"] == broken
    assert [v.rule.name for v in verdicts if v.vacuous] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "n_rules", "longest"),
    [
        ("erasure-requests", 38, ["28 days", "25 days", "75 days", "72 days", "5 days", "5 days"]),
        ("benefit-appeals", 33, ["7 days", "28 days", "31 days", "28 days", "481 days"]),
    ],
)
def test_the_rules_of_published_policies_hold_with_their_time_limits(name: str, n_rules: int, longest: list[str]) -> None:
    """No rule is vacuous, each has a source and says something, and the time limits hold under the stated bounds."""
    workflow = load_workflow(name)
    proof = prove(workflow, seconds=600)
    assert len(proof.verdicts) == n_rules
    assert {v.decision for v in proof.verdicts} == {"proved"}
    assert [v.rule.name for v in proof.verdicts if v.vacuous or not v.rule.source] == []
    assert [v.deadline.longest for v in proof.verdicts if v.deadline is not None] == longest
    assert proof.rules_compared
    assert proof.rule_findings == ()


@pytest.mark.parametrize("name", ["erasure-requests", "benefit-appeals"])
def test_every_rule_of_a_published_policy_has_a_variant_that_breaks_it(name: str) -> None:
    """The first line of each variant names its rule."""
    named = {path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# breaks: ") for path in BROKEN}
    assert [rule.name for rule in load_workflow(name).rules if rule.name not in named] == []


FORMS = (
    {"never", "if"}, {"never", "giving"}, {"never", "together_with"}, {"before", "needs"}, {"before", "needs", "since"},
    {"before", "needs", "once"}, {"after", "then", "within"}, {"after", "then", "within", "calendar"}, {"after", "then", "fair"},
    {"eventually", "fair"}, {"at_most", "since"}, {"at_most", "per"}, {"at_least", "of"}, {"exactly", "of"},
)  # fmt: skip
WRITTEN = ("once(", "since(", "before(", "if: once(", "giving: ", "how: directly", "how: each time")


@pytest.mark.parametrize("name", ["erasure-requests", "benefit-appeals"])
def test_a_published_policy_uses_every_form_of_rule(name: str) -> None:
    """So do its counts, words with conditions, past operators, and the ways in which rows follow each other."""
    rules = yaml.safe_load((CATALOG / f"{name.replace('-', '_')}.yaml").read_text(encoding="utf-8"))["rules"]
    assert [form for form in FORMS if not any(form <= rule.keys() for rule in rules)] == []
    assert [part for part in WRITTEN if not any(part in yaml.safe_dump(rule, width=1000) for rule in rules)] == []
    assert {(key, rule["how"]) for rule in rules for key in ("before", "after") if key in rule and "how" in rule} == {
        ("before", "directly"), ("before", "each time"), ("after", "directly"), ("after", "each time"),
    }  # fmt: skip
    assert any(isinstance(rule.get("at_most"), str) for rule in rules)
    assert any(isinstance(steps, list) for rule in rules for steps in (rule.get("of"), rule.get("after")))


def test_without_referrals_the_rules_on_referring_and_closing_are_vacuous() -> None:
    """They are proved and marked as vacuous."""
    verdicts = prove(load_workflow("no-discretion")).verdicts
    assert {v.decision for v in verdicts} == {"proved"}
    empty = {v.rule.name for v in verdicts if v.vacuous}
    assert {"a hit never leads to closure", "a declined offer goes back to the docket"} <= empty
    assert "a case is decided once" not in empty


@pytest.mark.parametrize("path", BROKEN, ids=lambda p: p.stem)
def test_a_deliberate_bug_breaks_its_own_rule(path: Path) -> None:
    """The rule named in the file's first line is broken, by a shortest history that the machine replays."""
    rule = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# breaks: ")
    workflow = load_workflow(path)
    chosen = [r for r in workflow.rules if r.name == rule]
    assert len(chosen) == 1, rule
    verdict = Prover(workflow).decide(chosen[0])
    assert verdict.decision == "broken"
    assert verdict.history is not None
    assert len(verdict.history) >= 1


def test_the_report_of_a_broken_rule_prints_the_case_and_each_step_with_its_guard() -> None:
    """A felon is referred: the report has the one fact that matters, then two steps."""
    workflow = load_workflow(Path(__file__).parent / "broken" / "felon_referred.yaml")
    rule = next(
        r for r in workflow.rules if r.name == "an enforcement priority is referred only if six circumstances speak for it"
    )
    lines = list(prove(workflow, [rule]).render())
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
        ({"after": "retry", "then": "shelve", "within": "3 days"}, "broken", 2),
        ({"after": "shelve", "then": "fetch", "within": "3 days"}, "monitored", None),
        ({"after": "call", "then": "fetch", "within": "3 days"}, "proved", None),
    ],
    ids=lambda x: str(x),
)
def test_a_rule_of_a_small_workflow_is_decided_as_by_hand(rule: dict[str, object], decision: str, steps: int | None) -> None:
    """The verdict and the length of the shortest history were worked out by hand."""
    verdict = prove(_desk(rules=[{"rule": "a rule", **rule}])).verdicts[0]
    assert verdict.decision == decision
    assert (None if verdict.history is None else len(verdict.history)) == steps


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"never": "finish", "if": "n == 9"}, "finish at step 1, while n == 9"),
        ({"never": "retry", "giving": "tries == 2"}, "retry at step 2, and then tries == 2"),
        ({"never": "shelve or fetch"}, "shelve at step 3"),
        ({"before": "shelve", "needs": "finish"}, "shelve at step 3, with no finish before it"),
        ({"before": "shelve", "needs": "retry", "since": "call"}, "shelve at step 5, with no retry after call at step 4"),
        ({"before": "shelve", "needs": "retry", "once": "call"}, "shelve at step 5, with no retry after call at step 4"),
        ({"at_most": 1, "of": "retry"}, "retry at step 2, one time more than the 1 allowed"),
        ({"after": "retry", "then": "shelve"}, "the case is over at step 2, and no shelve has followed retry"),
        (
            {"after": "retry", "then": ["shelve", "fetch"]},
            "the case is over at step 2, and none of fetch, shelve has followed retry",
        ),
        ({"never": 'once(retry) and state == "gone"'}, 'once(retry) and state == "gone", after step 2'),
        ({"never": "tries < 1"}, "tries < 1, as the case begins"),
    ],
    ids=lambda x: str(x),
)
def test_the_report_explains_how_the_last_step_breaks_the_rule(rule: dict[str, object], why: str) -> None:
    """It names the transition, the step, and the missing or forbidden step."""
    lines = list(prove(_desk(rules=[{"rule": "a rule", **rule}])).render())
    assert f"      breaks the rule: {why}" in lines


def test_guards_are_shown_as_in_the_file_with_their_sources() -> None:
    """A definition is shown by its name, with the condition of an event and the text of each source."""
    workflow = load_workflow(Path(__file__).parent / "broken" / "permit_unasked.yaml")
    chosen = [r for r in workflow.rules if r.name == "a permit is decided only upon an application, once"]
    step = next(line for line in prove(workflow, chosen).render() if " 3. " in line)
    assert step.endswith('permit_decision may happen when permit == "applied" or permit == "refused"')
    workflow = load_workflow(Path(__file__).parent / "broken" / "felon_referred.yaml")
    chosen = [r for r in workflow.rules if r.name == "an enforcement priority is referred only if six circumstances speak for it"]
    lines = list(prove(workflow, chosen).render())
    assert lines[4].endswith('allowed by: low_priority and finding == "favourable" [A, G]')
    assert "source of the rule: G (guidance to agency attorneys of 2011-11-17), M (memoranda" in lines[6]


def test_the_report_of_a_monitored_rule_says_where_it_can_stay_open() -> None:
    """The part without time is proved; runs and audits check the time limit."""
    proof = prove(_desk(rules=[{"rule": "fetched", "after": "shelve", "then": "fetch", "within": "3 days"}]))
    lines = list(proof.render())
    assert proof.verdicts[0].outstanding == ("shelf",)
    assert "  monitored   fetched  (can stay open forever in shelf)" in lines
    assert any("docketsim run --monitor stop" in line for line in lines)
    assert proof.json()["rules"][0]["outstanding"] == ["shelf"]


def test_an_obligation_that_can_stay_open_forever_is_reported() -> None:
    """After a call nothing must follow: the case may stay on the shelf."""
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
def test_each_kind_of_finding_has_an_example(transitions: list[tuple[str, str | None]], finding: str) -> None:
    """There is one workflow for each kind."""
    goes = {"finish": "gone", "again": "queue", "shelve": "shelf", "leave_it": "shelf"}
    moves = [{"transition": n, "from": "queue", "to": goes[n], **({"when": w} if w else {})} for n, w in transitions]
    findings = prove(
        _desk(transitions=[*moves, {"transition": "fetch", "from": "shelf", "event": "call", "to": "queue"}])
    ).findings
    assert finding in [f.finding for f in findings]


def test_the_machine_detects_a_search_that_misses_a_move(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without calls no case would be fetched; the walk of the machine leaves the explored states."""
    whole = Abstraction.moves
    monkeypatch.setattr(Abstraction, "moves", lambda *a: [m for m in whole(*a) if m.trigger != "call"])
    with pytest.raises(UnsoundProof, match="from 'shelf' the machine leads to 'queue'"):
        prove(_desk(rules=[{"rule": "a rule", "never": "once(call) and tries < 2"}]))


@pytest.mark.parametrize("rule", [{"never": "shelve"}, {"after": "retry", "then": "shelve"}, {"never": "tries == 2"}])
def test_the_machine_detects_a_search_that_overlooks_a_violation(
    monkeypatch: pytest.MonkeyPatch, rule: dict[str, object]
) -> None:
    """The violation is a step, an open obligation at the end, or a forbidden condition."""
    monkeypatch.setattr(Search, "_candidate", lambda *a: None)
    with pytest.raises(UnsoundProof, match="the machine breaks it"):
        prove(_desk(rules=[{"rule": "a rule", **rule}]))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda h: replace(h, steps=h.steps[:-1]),
        lambda h: replace(h, steps=(h.steps[0], *h.steps[2:])),
        lambda h: replace(h, steps=(*h.steps[:-1], replace(h.steps[-1], state_after="gone"))),
        lambda h: replace(h, record=("none", 2)),
        lambda h: replace(h, steps=(replace(h.steps[0], given=("yes",)), *h.steps[1:]), facts={**h.facts, "n": 9}),
    ],
    ids=["too short", "a step left out", "leads elsewhere", "begins otherwise", "the machine decides otherwise"],
)
def test_a_history_that_the_machine_does_not_reproduce_is_an_error(spoil: Callable[[History], History]) -> None:
    """Every kind of difference is detected."""
    workflow = _desk(rules=[{"rule": "a rule", "never": "shelve"}])
    history = Prover(workflow).decide(workflow.rules[0]).history
    assert history is not None
    replay(workflow, workflow.rules[0], history)
    with pytest.raises(UnsoundProof):
        replay(workflow, workflow.rules[0], spoil(history))


def test_contradictory_assumptions_are_an_error() -> None:
    """Otherwise every rule would be proved, for no case."""
    with pytest.raises(InputError, match="no case satisfies assume"):
        prove(_desk(assume=["n > 5", "n < 3"], rules=[{"rule": "a rule", "never": "finish"}]))


@pytest.mark.slow
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_time_limit_holds_for_all_rules_together(style: str, seed: int) -> None:
    """Stop at one second with 100 transitions, 20 facts and 20 rules; the clock advances 1 ms with each reading."""
    workflow = load_workflow(large_workflow(seed, style))
    with fake_clock(step=0.001) as clock:
        proof = prove(workflow, seconds=1.0)
    assert clock.now < 1.5
    assert len(proof.verdicts) == 20
    assert all((v.reason is not None) == (v.decision == "undecided") for v in proof.verdicts)


def _independent(n_facts: int, **changes: Any) -> dict[str, Any]:
    """Return a workflow with a transition for each of many yes/no facts, of which no case needs another."""
    return {
        "workflow": "independent",
        "facts": {f"f{i}": {"type": "boolean"} for i in range(n_facts)},
        "record": {"done": {"enum": ["no", "yes"]}},
        "activities": {"work": {"gives": {"done": ["yes"]}}},
        "entry": {"states": ["start"]},
        "states": {"start": {"activity": "work"}, "end": {"final": True}},
        "transitions": [
            *({"transition": f"t{i}", "from": "start", "to": "end", "when": f"f{i}"} for i in range(n_facts)),
            {"transition": "otherwise", "from": "start", "to": "end"},
        ],
        **changes,
    }


def test_a_hundred_facts_with_a_guard_each_are_no_wall() -> None:
    """Each rule is decided on the facts that it depends on; a counterexample turns on those alone."""
    rules = [
        {"rule": "nobody takes t50", "never": "t50"},
        {"rule": "t50 only with its fact", "never": "t50", "if": "not f50"},
        {"rule": "t99 only without the others", "never": "t99", "if": "f3 or f98"},
        {"rule": "the last way only without facts", "never": "otherwise", "if": "f0 or f50 or f99"},
    ]
    proof = prove(load_workflow(_independent(100, rules=rules)))
    assert [v.decision for v in proof.verdicts] == ["broken", "proved", "proved", "proved"]
    history = proof.verdicts[0].history
    assert history is not None
    assert {name for name, value in history.facts.items() if value is True} == {"f50"}
    assert set(history.turns_on) == {f"f{i}" for i in range(51)}


def test_beyond_the_list_of_all_kinds_of_cases_gaps_and_dead_transitions_are_found() -> None:
    """The report says that overlaps were not looked for."""
    moves = _independent(12)["transitions"][:-1]
    moves[7]["when"] = "f7 and f3"
    proof = prove(load_workflow(_independent(12, transitions=moves)))
    assert [(f.finding, f.where) for f in proof.findings or ()] == [
        ("dead transition", "t7: no case can ever take it"),
        ("gap", "start: on completion no guard holds, so a case gets stuck"),
    ]
    assert list(proof.render())[-1].startswith("overlaps and hidden guards were not looked for")


def test_where_there_is_no_time_for_all_kinds_of_cases_gaps_are_found_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search looks for one finding at a time, and leaves out overlaps."""
    monkeypatch.setattr("workflow.proving.prove.find_odd", lambda *a: None)
    proof = prove(load_workflow(_independent(3, transitions=_independent(3)["transitions"][:-1])))
    assert [f.finding for f in proof.findings or ()] == ["gap"]
    assert not proof.all_findings


@pytest.mark.parametrize(("limits", "reason"), [
    ({"most_nodes": 1}, "the search needs more nodes than the limit of 1; --nodes (most_nodes=) raises this limit"),
    ({"seconds": 0.0}, "the time limit was reached; --seconds (seconds=) raises it"),
])  # fmt: skip
def test_an_undecided_rule_has_a_reason(limits: dict[str, float], reason: str) -> None:
    """There were too many positions, or no time."""
    verdict = prove(_desk(rules=[{"rule": "a rule", "at_most": 9, "of": "retry"}]), **limits).verdicts[0]  # type: ignore[arg-type]
    assert (verdict.decision, verdict.reason) == ("undecided", reason)


def test_a_rule_is_retried_in_the_time_that_others_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that pauses for a moment leaves no rule undecided while there is time."""
    whole, shares = Prover.decide, []

    def decide(prover: Prover, rule: Rule, seconds: float) -> Verdict:
        shares.append(seconds)
        if len(shares) == 1:
            return Verdict(rule, "undecided", seconds, 0, reason="the time limit was reached")
        return whole(prover, rule, seconds)

    monkeypatch.setattr(Prover, "decide", decide)
    rules = [{"rule": f"rule {n}", "at_most": n, "of": "retry"} for n in (1, 2, 3)]
    assert [v.decision for v in prove(_desk(rules=rules)).verdicts] == ["broken", "proved", "proved"]
    assert len(shares) == 4
    assert shares[3] >= 1.5 * shares[0]


def test_rules_without_any_time_left_are_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Return a verdict for every rule even if the first question takes longer than the time limit."""
    whole = PathCheck.any_case

    def slowly(*arguments: Any) -> bool:
        clock.now += 1.1
        return whole(*arguments)

    monkeypatch.setattr(PathCheck, "any_case", slowly)
    rules = [{"rule": f"rule {n}", "at_most": n, "of": "retry"} for n in (1, 2, 3)]
    with fake_clock(step=1e-6) as clock:
        proof = prove(_desk(rules=rules), seconds=1.0)
    assert [v.decision for v in proof.verdicts] == ["undecided"] * 3
    assert all(v.reason for v in proof.verdicts)


def test_a_guard_over_millions_of_records_is_no_wall() -> None:
    """A guard over four counters of 41 values each has 2.8 million records; the rule depends on none of them."""
    counters = {f"c{i}": {"type": "integer", "minimum": 0, "maximum": 40} for i in range(4)}
    answer = {"answer": {"enum": ["none", "yes", "no"]}}
    moves = [
        {"transition": "finish", "from": "queue", "to": "gone", "when": "n > 5 and c0 + c1 + c2 + c3 > 7"},
        {"transition": "shelve", "from": "queue", "to": "shelf"},
        {"transition": "fetch", "from": "shelf", "event": "call", "to": "queue"},
    ]
    rules = [{"rule": "a rule", "never": "finish"}, {"rule": "another", "never": "finish", "if": "n < 3"}]
    verdicts = prove(_desk(record={**answer, **counters}, transitions=moves, rules=rules)).verdicts
    assert [v.decision for v in verdicts] == ["proved", "proved"]


def test_garbage_is_collected_often_during_a_proof_and_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands collect it seldom, which makes Z3 slow."""
    import gc

    seen: list[tuple[int, int, int]] = []
    whole = Prover.decide
    monkeypatch.setattr(Prover, "decide", lambda *a, **k: (seen.append(gc.get_threshold()), whole(*a, **k))[1])
    before = gc.get_threshold()
    gc.set_threshold(300_000, 20, 100)
    try:
        prove(_desk(rules=[{"rule": "a rule", "never": "finish"}]))
        assert gc.get_threshold() == (300_000, 20, 100)
    finally:
        gc.set_threshold(*before)
    assert seen == [(700, 10, 10)]
