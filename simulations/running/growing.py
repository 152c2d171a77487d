"""Whether a queue is still growing at the end of a run: a test for a trend, over replications.

Each replication is one observation: Kendall's tau of its queue length over time. The queue grows if the confidence interval
of the mean tau is above 0; so the autocorrelation within a replication needs no correction. It also grows if in every
replication, even in a single one, the mean of each fifth of the period is above the mean of the fifth before it.

References
----------
Mann, H. B. (1945). Nonparametric tests against trend. Econometrica 13, 245-259.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from simulations.measuring.trends import LongQueue, TrendPeriod
from simulations.running.intervals import interval
from simulations.scenarios.scenario import Scenario


@dataclass(frozen=True, slots=True)
class GrowingQueue:
    """A queue that is still growing at the end of the run.

    Attributes
    ----------
    court : str
        ``all`` for a pool that is not at a court.
    starts, ends : date
        First and last day of the period.
    first, last : float
        Mean number of waiting cases at the start and at the end of the period.
    first_low, first_high, last_low, last_high : float or None
        The intervals of these means; ``None`` for a single replication.
    tau, low, high : float or None
        Mean over replications of Kendall's tau, with its interval; no interval for a single replication.
    """

    pool: str
    court: str
    starts: dt.date
    ends: dt.date
    first: float
    last: float
    tau: float
    low: float | None
    high: float | None
    first_low: float | None = None
    first_high: float | None = None
    last_low: float | None = None
    last_high: float | None = None

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return values | {name: values[name].isoformat() for name in ("starts", "ends")}

    @classmethod
    def of_json(cls, row: Mapping[str, Any]) -> GrowingQueue:
        """Return the queue that `json` wrote."""
        days = {name: dt.date.fromisoformat(row[name]) for name in ("starts", "ends")}
        return cls(**{**row, **days})


def growing_queues(scenario: Scenario, queues: Sequence[Iterable[LongQueue]], confidence: float) -> list[GrowingQueue]:
    """Return the queues that are still growing at the end of the run, the longest first.

    Parameters
    ----------
    queues : sequence of iterable of LongQueue
        The long queues of each replication. A queue that is not long in some replication does not grow.
    confidence : float
        Between 0 and 1.
    """
    courses: dict[tuple[str, str], list[LongQueue]] = {}
    for queue in (queue for of_replication in queues for queue in of_replication):
        courses.setdefault((queue.pool, queue.court), []).append(queue)
    period = TrendPeriod.of(scenario)
    growing = []
    for (pool, court), course in courses.items():
        n = len(course)
        first, last, tau = (sum(getattr(q, name) for q in course) / n for name in ("first", "last", "tau"))
        low, high = interval([q.tau for q in course], confidence, -1.0, 1.0) or (None, None)
        grows = all(queue.rises for queue in course) or (low is not None and low > 0)
        if n == len(queues) and last > first and grows:
            lengths = ([float(getattr(q, name)) for q in course] for name in ("first", "last"))
            of_first, of_last = (interval(values, confidence, 0.0) or (None, None) for values in lengths)
            growing.append(
                GrowingQueue(pool, court, period.starts, period.ends, first, last, tau, low, high, *of_first, *of_last)
            )
    return sorted(growing, key=lambda queue: -queue.last)
