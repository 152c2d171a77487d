"""Queues that are still growing at the end of a replication.

The second half of the run (the part after the warm-up, if that is shorter) is looked at, at evenly spaced instants. A queue
is longer on some weekdays and at some hours than at others, and this is no trend. So the period has whole weeks, and only
queue lengths at the same hour of the same weekday are compared (the seasonal Kendall test). Whether a queue grows is decided
over replications, by `simulations.running.growing`.

References
----------
Hirsch, R. M., Slack, J. R. and Smith, R. A. (1982). Techniques of trend analysis for monthly water quality data. Water
Resources Research 18(1), 107-121.
Mann, H. B. (1945). Nonparametric tests against trend. Econometrica 13, 245-259.
Kendall, M. G. (1975). Rank Correlation Methods, 4th ed. Griffin.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog
from simulations.scenarios.scenario import Scenario

_INSTANTS = 60
"""About the number of instants."""

_CYCLES = 4
"""Least number of weeks, or of days, for which lengths a week, or a day, apart are compared."""

_WEEK = 7
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
        Kendall's rank correlation of queue length and time, from -1 to 1, over instants that are whole cycles apart.
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


@dataclass(frozen=True, slots=True)
class TrendPeriod:
    """The period in which queues are looked at, as a number of cycles: weeks, days, or the instants themselves.

    Attributes
    ----------
    starts, ends : date
        First and last day.
    n_cycles, per_cycle : int
        Number of cycles, and number of instants in each.
    """

    starts: dt.date
    ends: dt.date
    n_cycles: int
    per_cycle: int

    @classmethod
    def of(cls, scenario: Scenario) -> TrendPeriod:
        """Return the second half of a run, or what the warm-up leaves of it: whole weeks if it has at least four."""
        middle = scenario.starts + (scenario.ends - scenario.starts + dt.timedelta(days=1)) // 2
        days = (scenario.ends - max(middle, scenario.warm_up or middle)).days + 1
        weeks = days // _WEEK
        cycle = _WEEK * max(1, weeks // _INSTANTS) if weeks >= _CYCLES else 1
        n = days // cycle
        starts = scenario.ends - dt.timedelta(days=n * cycle - 1)
        return cls(starts, scenario.ends, n, -(-_INSTANTS // n)) if n >= _CYCLES else cls(starts, scenario.ends, _INSTANTS, 1)

    def instants(self, scenario: Scenario) -> NDArray[np.int64]:
        """Return the instants, from the start of the first day to the end of the last, in microseconds."""
        start, n = scenario.epoch.microseconds(self.starts), self.n_cycles * self.per_cycle
        return start + (scenario.horizon - start) * np.arange(n + 1, dtype=np.int64) // n

    def queue(self, pool: str, court: str, lengths: NDArray[np.int64]) -> LongQueue:
        """Return the course of a queue that has these lengths at the instants."""
        means = [part.mean() for part in np.array_split(lengths, _PARTS)]
        rises = all(a < b for a, b in pairwise(means))
        return LongQueue(pool, court, kendall_tau(lengths, self.per_cycle), rises, int(lengths[0]), int(lengths[-1]))


def long_queues(log: EventLog) -> list[LongQueue]:
    """Return the course of each queue that ends with more than `LONG` cases, by pool and court."""
    scenario = log.cases.scenario
    period = TrendPeriod.of(scenario)
    instants = period.instants(scenario)
    columns, stations = log.columns, log.by_queue
    first_open = np.searchsorted(columns["happened_at"], scenario.horizon)  # rows of the horizon are the last ones
    names = [(name, court) for name, pool in scenario.pools.items() for court in (scenario.courts if pool.at_court else ("all",))]
    queues = []
    for station, (pool, court) in enumerate(names):
        rows = stations.rows[stations.first[station] : stations.first[station + 1]]
        open_ = rows[np.searchsorted(rows, first_open) :]
        if np.count_nonzero(columns["started_at"][open_] == NEVER) <= LONG:
            continue
        enabled, started, ended = (columns[name].take(rows) for name in ("enabled_at", "started_at", "happened_at"))
        left = np.where(started > NEVER, started, ended + 1)  # a case that waits at an instant is counted there
        lengths = _count_until(enabled, instants) - _count_until(left, instants)
        queues.append(period.queue(pool, court, lengths))
    return queues


def _count_until(at: NDArray[np.int64], instants: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(np.sort(at, kind="stable"), instants, side="right").astype(np.int64)


def kendall_tau(values: Sequence[float] | NDArray[Any], cycle: int = 1) -> float:
    """Return Kendall's tau of values and their positions: concordant less discordant pairs, over all pairs.

    Only pairs whose positions differ by a multiple of `cycle` count.

    Examples
    --------
    >>> kendall_tau([1, 2, 3, 5]), kendall_tau([1, 2, 2, 0]), kendall_tau([4, 4, 4])
    (1.0, -0.16666666666666666, 0.0)
    >>> kendall_tau([1, 5, 1, 5, 1, 5]), kendall_tau([1, 5, 1, 5, 1, 5], cycle=2)
    (0.2, 0.0)
    """
    one, two = _pairs(len(values), cycle)
    numbers = np.asarray(values)
    return float(np.sign(numbers[two] - numbers[one]).mean())


@lru_cache(maxsize=2)
def _pairs(n: int, cycle: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions of all pairs of n values that are a multiple of `cycle` apart."""
    one, two = np.triu_indices(n, 1)
    alike = (two - one) % cycle == 0
    return one[alike], two[alike]
