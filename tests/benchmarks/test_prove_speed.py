"""How long does it take to decide the rules of a workflow, or to give up? Run with ``make bench``."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.workflow.large_workflows import STYLES, large_workflow
from workflow import load_workflow
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


@pytest.mark.parametrize("style", STYLES)
def test_seconds_to_decide_or_give_up_a_large_random_workflow(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    """100 transitions, 20 facts, 20 rules: decided or not, in less than 30 seconds."""
    start = time.perf_counter()
    proof = prove(load_workflow(large_workflow(3, style)))
    spent = time.perf_counter() - start
    decided = ", ".join(f"{n} {decision}" for decision, n in Counter(v.decision for v in proof.verdicts).items())
    with capsys.disabled():
        print(f"\nprove, {style}: {spent:.1f} s, {decided}")
    assert spent < 30
