"""Run one plan on both engines and compare the logs bit by bit."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from unittest.mock import patch

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from simulations import SamplePath, Scenario, make_plan
from simulations.engines import compiled_engine, sampling, simpy_engine
from simulations.log.eventlog import EventLog
from simulations.scenarios.plan import Plan
from tests.simulations.crowds import crowds
from tests.simulations.dated import dated
from tests.simulations.pressed import pressed
from tests.simulations.random_scenarios import Mapping, loaded, scenarios
from workflow.errors import StuckCase, VisitCap

SOME = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def any_scenario() -> st.SearchStrategy[Mapping]:
    """Draw a scenario of a random workflow or one with many simultaneous events; some with limits, some with hearing dates."""
    return scenarios() | crowds() | pressed(scenarios() | crowds()) | dated(scenarios() | crowds())


def assert_same(one: EventLog, two: EventLog) -> None:
    """Check that two logs have equal columns of equal types."""
    for name, column in one.columns.items():
        assert np.array_equal(column, two.columns[name]), name
        assert column.dtype == two.columns[name].dtype
    assert np.array_equal(one.further, two.further)
    assert np.array_equal(one.transfers, two.transfers)
    assert np.array_equal(one.batches, two.batches)


def planned(scenario: Scenario, seed: int, replication: int = 1) -> tuple[Plan, SamplePath]:
    """Return the plan and the sample path of a replication."""
    path = SamplePath(seed, replication)
    return make_plan(scenario, path), path


def compare(scenario: Scenario, seed: int) -> None:
    """Compare the logs of both engines; a case that exceeds the visit cap is an error on both.

    The threshold for draws in blocks varies with the seed: 0, 1, 2 or 100 cases. The compiled engine runs another
    replication first, so that it reuses what replications share.
    """
    with suppress(StuckCase, VisitCap):
        compiled_engine.simulate(*planned(scenario, seed, replication=2))
    plan, path = planned(scenario, seed)
    try:
        with patch.object(sampling, "_FEW", (0, 1, 2, 100)[seed % 4]):
            expected = simpy_engine.simulate(plan, path)
    except VisitCap:
        with pytest.raises(VisitCap):
            compiled_engine.simulate(plan, path)
        return
    assert_same(expected, compiled_engine.simulate(plan, path))


def compare_drawn(data: Any, part: int) -> None:
    """Draw a scenario and a seed, and compare."""
    compare(loaded(data.draw(any_scenario())), data.draw(st.integers(0, 1000)) + part)
