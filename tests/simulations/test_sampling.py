"""Lengths and outcomes are the same one by one and for many cases at once, and nothing unnecessary is drawn."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simulations import SamplePath, load_scenario, make_plan, simulate
from simulations.chance.draws import Draws
from simulations.engines import sampling
from simulations.engines.sampling import Purpose
from simulations.scenarios.plan import Plan

N_CASES = 5000


class Counted(Draws):
    """The draws of a path, and how many were made one by one and at once."""

    def __init__(self) -> None:
        self.path = SamplePath(3, 1)
        self.single, self.at_once = 0, 0

    def bits(self, case_key: int, purpose: str, visit: int) -> tuple[int, int]:
        """Draw one."""
        self.single += 1
        return self.path.bits(case_key, purpose, visit)

    def many(self, case_keys: Any, purpose: str, visit: Any) -> tuple[Any, Any]:
        """Draw many."""
        self.at_once += len(case_keys)
        return self.path.many(case_keys, purpose, visit)


@pytest.fixture(scope="module")
def plan() -> Plan:
    """The pilot with five thousand cases: one whole block, and the rest of another."""
    scenario = load_scenario("pilot", ["courts.denver.backlog.pending.count=4000", "courts.baltimore.backlog.pending.count=1000"])  # fmt: skip
    return make_plan(scenario, SamplePath(3, 1))


def cases_of(plan: Plan) -> list[Any]:
    """Return the cases as an engine has them."""
    rows = zip(plan.cases.keys.tolist(), plan.cases.facts, plan.cases.records, strict=True)
    return [SimpleNamespace(number=i, key=key, facts=f, facts_here=f, record=list(r)) for i, (key, f, r) in enumerate(rows)]


def review(plan: Plan, path: Counted) -> Purpose:
    """Return the review's lengths and findings, which differ by court."""
    work = plan.scenario.work["review"]
    ((field, values),) = plan.scenario.workflow.activities["review"].gives
    return Purpose(plan, path, "activity:review", work.takes, work.outcome[field], values)


@pytest.mark.parametrize("visit", [0, 3])
@pytest.mark.parametrize(
    "draw",
    [lambda *of_case: Purpose.length(*of_case, 0), lambda *of_case: Purpose.outcome(*of_case, 0)],
    ids=["length", "outcome"],
)
def test_a_block_has_what_each_case_would_draw_alone(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, visit: int, draw: Callable[[Purpose, Any, int], int]
) -> None:
    """Every case of two courts, at its first visit and at a later one."""
    cases, in_blocks, alone = cases_of(plan), Counted(), Counted()
    purpose = review(plan, in_blocks)
    drawn = [draw(purpose, case, visit) for case in cases]
    monkeypatch.setattr(sampling, "_FEW", N_CASES)
    purpose = review(plan, alone)
    assert drawn == [draw(purpose, case, visit) for case in cases]
    assert (in_blocks.single, in_blocks.at_once) == (16, N_CASES)
    assert (alone.single, alone.at_once) == (N_CASES, 0)


def test_where_few_ask_their_draws_alone_are_made_and_else_those_of_a_block(plan: Plan) -> None:
    """The ninth of a block to ask has the whole block drawn; its neighbours and no other block profit."""
    path, cases = Counted(), cases_of(plan)
    purpose = review(plan, path)
    for case in cases[:8]:
        purpose.length(case, 0, 0)
    assert (path.single, path.at_once) == (8, 0)
    for case in cases[8:2000]:
        purpose.length(case, 0, 0)
        purpose.outcome(case, 0, 0)
    assert (path.single, path.at_once) == (8, 4096)
    purpose.length(cases[-1], 0, 0)
    purpose.length(cases[0], 1, 0)
    assert (path.single, path.at_once) == (10, 4096)


def test_a_run_has_the_same_log_whether_draws_are_made_in_blocks_or_alone(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks, chances and hazards included, of a replication of the pilot."""
    logs = []
    for few in (0, 8, N_CASES):
        monkeypatch.setattr(sampling, "_FEW", few)
        logs.append(simulate(plan, SamplePath(3, 1)))
    for name, column in logs[0].columns.items():
        assert np.array_equal(column, logs[1].columns[name]), name
        assert np.array_equal(column, logs[2].columns[name]), name
