"""A scenario made ready to run once: its cases, and the check that no case can get stuck."""

from __future__ import annotations

from dataclasses import dataclass

from simulations.draws import Draws
from simulations.population import Cases, draw_cases
from simulations.scenario import Scenario

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True)
class Plan:
    """What an engine runs.

    Attributes
    ----------
    scenario : Scenario
    cases : Cases
        Of one replication.
    """

    scenario: Scenario
    cases: Cases


def make_plan(scenario: Scenario, path: Draws) -> Plan:
    """Draw the cases of one replication.

    Parameters
    ----------
    scenario : Scenario
    path : Draws
        The source of draws: ``SamplePath(seed, replication)``.
    """
    return Plan(scenario, draw_cases(scenario, path))
