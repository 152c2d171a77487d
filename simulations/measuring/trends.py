"""Queues that are still growing at the end of a replication.

The second half of the run (the part after the warm-up, if that is shorter) is looked at, at `N_INSTANTS` evenly spaced
instants. Whether a queue grows is decided over replications, by `simulations.running.growing`.

References
----------
Mann, H. B. (1945). Nonparametric tests against trend. Econometrica 13, 245-259.
Kendall, M. G. (1975). Rank Correlation Methods, 4th ed. Griffin.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog
from simulations.scenarios.scenario import Scenario

N_INSTANTS = 60
_PARTS = 5
LONG = 10
"""A queue with no more cases than this at the end is not looked at."""


@dataclass(frozen=True, slots=True)
class LongQueue:
    """The course of a queue in one replication, if it ends with more than `LONG` cases.

    Attributes
    ----------
    court : str
        ``all`` for a pool that is not at a court.
    tau : float
        Kendall's rank correlation of queue length and time, from -1 to 1.
    rises : bool
        Whether the mean of each fifth of the period is above the mean of the fifth before it.
    first, last : int
        Queue length at the start and at the end of the period.
    """

    pool: str
    court: str
    tau: float
    rises: bool
    first: int
    last: int

    def row(self) -> list[Any]:
        """Return it as a run folder records it."""
        return [self.pool, self.court, self.tau, self.rises, self.first, self.last]


def trend_period(scenario: Scenario) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of the period in which queues are looked at."""
    middle = scenario.starts + (scenario.ends - scenario.starts + dt.timedelta(days=1)) // 2
    return max(middle, scenario.warm_up or middle), scenario.ends


def long_queues(log: EventLog) -> list[LongQueue]:
    """Return the course of each queue that ends with more than `LONG` cases, by pool and court."""
    scenario = log.cases.scenario
    start = scenario.epoch.microseconds(trend_period(scenario)[0])
    instants = start + (scenario.horizon - start) * np.arange(N_INSTANTS, dtype=np.int64) // (N_INSTANTS - 1)
    columns, stations = log.columns, log.by_station
    names = [(name, court) for name, pool in scenario.pools.items() for court in (scenario.courts if pool.at_court else ("all",))]
    queues = []
    for station, (pool, court) in enumerate(names):
        rows = stations.rows[stations.first[station] : stations.first[station + 1]]
        enabled, started, ended = (columns[name][rows] for name in ("enabled_at", "started_at", "happened_at"))
        left = np.where(started > NEVER, started, ended + 1)  # a case that waits at an instant is counted there
        lengths = _count_until(enabled, instants) - _count_until(left, instants)
        if lengths[-1] > LONG:
            means = lengths.reshape(_PARTS, -1).mean(axis=1)
            rises = bool((np.diff(means) > 0).all())
            queues.append(LongQueue(pool, court, kendall_tau(lengths), rises, int(lengths[0]), int(lengths[-1])))
    return queues


def _count_until(at: NDArray[np.int64], instants: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(np.sort(at), instants, side="right").astype(np.int64)


def kendall_tau(values: Sequence[float] | NDArray[Any]) -> float:
    """Return Kendall's tau of values and their positions: concordant less discordant pairs, over all pairs.

    Examples
    --------
    >>> kendall_tau([1, 2, 3, 5]), kendall_tau([1, 2, 2, 0]), kendall_tau([4, 4, 4])
    (1.0, -0.16666666666666666, 0.0)
    """
    one, two = np.triu_indices(len(values), 1)
    numbers = np.asarray(values)
    return float(np.sign(numbers[two] - numbers[one]).mean())
