"""How long does it take to decide the rules of a workflow, or to give up? Run with ``make bench``."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.workflow.large_workflows import EVERYTHING, STYLES, large_workflow
from workflow import load_workflow
from workflow.proving.proof import Prover
from workflow.proving.prove import prove

pytestmark = pytest.mark.benchmark


def test_seconds_to_prove_the_rules_of_the_built_in_workflow(capsys: pytest.CaptureFixture[str]) -> None:
    """All rules, best of three."""
    workflow = load_workflow("prosecutorial-discretion-review")
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        proof = prove(workflow)
        best = min(best, time.perf_counter() - start)
    with capsys.disabled():
        print(f"\nprove, built-in workflow, {len(proof.verdicts)} rules: {best:.2f} s")
    assert {v.decision for v in proof.verdicts} == {"proved"}


def test_seconds_to_decide_or_give_up_the_large_random_workflows(capsys: pytest.CaptureFixture[str]) -> None:
    """25 states, 100 transitions, 20 facts, 20 rules each: below 30 seconds, and at most 2 percent undecided."""
    n_undecided = 0
    for style in STYLES:
        start = time.perf_counter()
        proof = prove(load_workflow(large_workflow(3, style)))
        spent = time.perf_counter() - start
        decided = Counter(v.decision for v in proof.verdicts)
        with capsys.disabled():
            print(f"\nprove, {style}: {spent:.1f} s, {', '.join(f'{n} {decision}' for decision, n in decided.items())}")
        assert spent < 30
        n_undecided += decided["undecided"]
    assert n_undecided <= 0.02 * 20 * len(STYLES)


def test_share_of_rules_decided_within_20_seconds_in_very_large_workflows(capsys: pytest.CaptureFixture[str]) -> None:
    """150 states, 600 transitions, 30 facts of all kinds in long guards: at least 95 of 100 rules in five workflows."""
    n_decided = 0
    for seed in range(1, 6):
        workflow = load_workflow(large_workflow(seed, EVERYTHING))
        prover = Prover(workflow)
        verdicts = [prover.decide(rule, 20.0) for rule in workflow.rules]
        decided = Counter(v.decision for v in verdicts)
        longest = max(v.seconds for v in verdicts)
        n_decided += len(verdicts) - decided["undecided"]
        with capsys.disabled():
            print(f"\nprove, very large {seed}: longest {longest:.1f} s, {', '.join(f'{n} {d}' for d, n in decided.items())}")
    assert n_decided >= 95
