"""Working days of courts, for the ages of cases in working days."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simulations.scenarios.population import Cases

Integers = NDArray[np.int64]


def working_days(cases: Cases) -> dict[int, Integers]:
    """Return the start of each working day since the first arrival, in microseconds, for each court with a calendar."""
    scenario, starts = cases.scenario, {}
    for court, spec in enumerate(scenario.court_days):
        if spec is not None:
            oldest = int(cases.arrived[cases.court == court].min(initial=0))
            first = scenario.epoch.instant(oldest).date()
            days = [scenario.epoch.microseconds(day) for day in spec.working_dates(first, scenario.ends)]
            starts[court] = np.array(days, np.int64)
    return starts


def days_before(cases: Cases, days: Mapping[int, Integers]) -> Integers:
    """Return the number of working days of its court that started before each case arrived."""
    n_days = np.zeros(len(cases), np.int64)
    for court, begin in days.items():
        here = cases.court == court
        n_days[here] = np.searchsorted(begin, cases.arrived[here])
    return n_days
