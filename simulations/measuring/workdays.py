"""Working days of courts: how many lie between two instants, for the age of a case."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simulations.scenarios.population import Cases

__all__ = ["days_before", "working_days"]

Integers = NDArray[np.int64]


def working_days(cases: Cases) -> dict[int, Integers]:
    """Return when each working day begins, for the courts that have any calendar, in microseconds since the start.

    They go back to the arrival of the court's oldest case.
    """
    scenario, found = cases.scenario, {}
    for court, spec in enumerate(scenario.court_days):
        if spec is not None:
            oldest = int(cases.arrived[cases.court == court].min(initial=0))
            first = scenario.epoch.instant(oldest).date()
            days = [scenario.epoch.microseconds(day) for day in spec.working_dates(first, scenario.ends)]
            found[court] = np.array(days, np.int64)
    return found


def days_before(cases: Cases, days: Mapping[int, Integers]) -> Integers:
    """Return how many working days of its court began before each case arrived."""
    found = np.zeros(len(cases), np.int64)
    for court, begin in days.items():
        here = cases.court == court
        found[here] = np.searchsorted(begin, cases.arrived[here])
    return found
