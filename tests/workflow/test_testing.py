"""The Hypothesis kit finds deliberate bugs, and nothing in a correct workflow."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.examples import examples
from workflow import Workflow, load_workflow
from workflow.testing import RuleBroken, Walk, case_machine, check_rules, facts, histories, rule_test, seeds

pytest.importorskip("z3")

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))
WORKFLOW = load_workflow("prosecutorial-discretion-review")
ERASURE = load_workflow("erasure-requests")
APPEALS = load_workflow("benefit-appeals")
IN_TIME = ("erasure_controllers_informed_twice", "appeal_postponed_again")
"""Variants that break a rule with ``per:``; a drawn history has no times."""
FOREVER = ("permit_left_undecided",)
"""A variant that breaks its rule by going round forever; a drawn history ends."""
FEW = ("felon_referred", "shortcut_after_reopening", "decided_moves")


def _find(path: Path) -> None:
    rule = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# breaks: ")
    workflow = load_workflow(path)
    with pytest.raises(
        RuleBroken, match=r"broken: [^\n]*\n  a case with .* begins in [a-z]+\n   1\. (.|\n)*\n  breaks the rule: "
    ):
        rule_test(workflow, next(r for r in workflow.rules if r.name == rule))()


@pytest.mark.parametrize("path", [p for p in BROKEN if p.stem in FEW], ids=lambda p: p.stem)
def test_the_generated_test_finds_a_bug_and_shows_its_history(path: Path) -> None:
    """Five hundred examples are enough; the marked test uses all."""
    _find(path)


def test_the_first_example_is_the_counterexample_of_the_prover() -> None:
    """It may be rare by chance: a clearance expires before the judge rules."""
    workflow = load_workflow(Path(__file__).parent / "broken" / "stale_clearance.yaml")
    rule = next(r for r in workflow.rules if r.name.startswith("no closure without a check cleared"))
    seen: list[Walk] = []

    @settings(max_examples=1, database=None)
    @given(histories(workflow, [rule]))
    def look(walk: Walk) -> None:
        seen.append(walk)

    look()
    with pytest.raises(RuleBroken, match="close at step 6, with no clear after check_expiry at step 5"):
        seen[0].judge(rule)
    assert len(seen[0].taken) == 6


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in BROKEN if p.stem not in IN_TIME + FOREVER], ids=lambda p: p.stem)
def test_the_generated_test_finds_every_bug(path: Path) -> None:
    """Each broken variant, by its own rule."""
    _find(path)


@pytest.mark.slow
@pytest.mark.parametrize("workflow", [WORKFLOW, ERASURE, APPEALS], ids=lambda w: w.name)
def test_no_history_breaks_a_rule_of_the_true_workflow(workflow: Workflow) -> None:
    """Each rule is tested on five hundred histories."""
    for rule in workflow.rules:
        rule_test(workflow, rule)()


def test_there_is_a_seed_for_every_transition() -> None:
    """It is the prover's shortest history to the transition."""
    assert len(seeds(WORKFLOW)) == len(WORKFLOW.transitions)


@settings(max_examples=examples(50), deadline=None)
@given(facts(WORKFLOW))
def test_drawn_facts_satisfy_the_assumptions(drawn: dict[str, object]) -> None:
    """Time in the country is at most the age, and the reference date is not before the arrival."""
    assert drawn["years_present"] <= drawn["age"]
    assert drawn["arrived"] <= drawn["as_of"]


@settings(max_examples=examples(50), deadline=None)
@given(histories(WORKFLOW))
def test_a_history_agrees_with_the_machine(walk: Walk) -> None:
    """The case is in the state of its last step, and only possible steps are offered."""
    assert walk.state in WORKFLOW.states
    assert walk.over or walk.possible_inputs() or WORKFLOW.states[walk.state].kind.value == "resting"


def test_a_machine_of_a_case_can_be_run_and_extended() -> None:
    """A subclass adds a rule to those of the workflow."""
    extended = type("Mine", (case_machine(WORKFLOW, ()),), {})
    run_state_machine_as_test(extended, settings=settings(max_examples=5, stateful_step_count=10, deadline=None))


def test_a_rules_file_becomes_a_parametrised_test(tmp_path: Path) -> None:
    """Each rule is one test; a broken rule fails with its history."""
    (tmp_path / "my.rules.yaml").write_text(
        "workflow: prosecutorial-discretion-review\nrules:\n  - {rule: nobody is ever closed, never: close}\n", encoding="utf-8"
    )
    made = check_rules(tmp_path / "my.rules.yaml")
    (mark,) = made.pytestmark  # type: ignore[attr-defined]
    assert mark.kwargs["ids"] == ["nobody is ever closed"]
    with pytest.raises(RuleBroken, match="broken: nobody is ever closed"):
        made(rule=mark.args[1][0])
