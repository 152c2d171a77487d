"""Estimate the work of a run from its scenario, before a case is drawn, and refuse what exceeds the limits.

The estimates are upper bounds on what the scenario asks for, not forecasts: a hazard counts over the whole run, although
a case may leave before. Work that no estimate sees, such as endless loops, ends at `simulations.scenarios.plan.MOST_VISITS`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from simulations.chance.distributions import Distribution
from simulations.scenarios.scenario import Draw, EventTiming, Scenario, Stream

MOST_CASES = 10_000_000
"""Maximum number of cases of one replication: about 3 GB with ten facts."""

MOST_EVENTS = 200_000_000
"""Maximum number of outside events of one replication: what its hazards and dated events may ask for."""

MOST_ALTOGETHER = 5_000_000_000
"""Maximum number of cases of all replications of a command: about a day on one core."""

MOST_COURT_DAYS = 50_000_000
"""Maximum number of courts times days of the run, which the daily measures have a row for; as many stations of pools."""

MOST_REPLICATIONS = 1_000_000
MOST_WORKERS = 1_024
MOST_FACTOR = 1_000.0
"""Maximum of the option ``--limit``."""

_QUANTILES = 4_096


@dataclass(frozen=True, slots=True)
class Workload:
    """What a scenario asks for in one replication.

    Attributes
    ----------
    cases : mapping of str to float
        The number of cases of each source, such as ``arrivals.permits``; of all its courts together.
    events : mapping of str to float
        The number of times that each outside event may happen, for all cases together.
    """

    cases: dict[str, float]
    events: dict[str, float]

    @property
    def n_cases(self) -> float:
        """Return the number of cases."""
        return sum(self.cases.values())


def estimate(scenario: Scenario) -> Workload:
    """Estimate the work of one replication, without drawing it."""
    cases: dict[str, float] = {}
    for backlog in scenario.backlog:
        cases["backlog"] = cases.get("backlog", 0.0) + backlog.count
    for stream in scenario.streams:
        name = f"arrivals.{stream.name}"
        cases[name] = cases.get(name, 0.0) + _arrivals(scenario, stream)
    n_cases = sum(cases.values())
    return Workload(cases, {name: n_cases * _rings(scenario, timing) for name, timing in scenario.event_timings.items()})


def work_problems(scenario: Scenario, replications: int = 1, runs: int = 1, factor: float = 1.0) -> list[str]:
    """Return a message for each limit that a command exceeds.

    Parameters
    ----------
    replications : int
        Of one run.
    runs : int
        Number of runs: of the scenarios of a comparison, or the points of a sweep.
    factor : float
        What the limits are multiplied by, from ``--limit``.
    """
    work = estimate(scenario)
    found = []
    if work.n_cases > MOST_CASES * factor:
        source = max(work.cases, key=lambda name: work.cases[name])
        found.append((f"{source}: {_number(work.n_cases)} cases in each replication", "cases", MOST_CASES, work.n_cases))
    elif (rows := _court_days(scenario)) > MOST_COURT_DAYS * factor:
        found.append((f"courts: {_number(rows)} daily figures of courts and their pools", "figures", MOST_COURT_DAYS, rows))
    else:
        event = max(work.events, key=lambda name: work.events[name], default="")
        most = work.events.get(event, 0.0)
        if most > MOST_EVENTS * factor:
            what = f"events.{event}: may happen {_number(most)} times in each replication"
            found.append((what, "times", MOST_EVENTS, most))
        total = work.n_cases * replications * runs
        if total > MOST_ALTOGETHER * factor:
            found.append((f"replications: {_number(total)} cases in all of them", "cases", MOST_ALTOGETHER, total))
    return [f"{what}; the limit is {_number(limit * factor)} {unit}.{_advice(n / limit)}" for what, unit, limit, n in found]


def _advice(factor: float) -> str:
    if factor > MOST_FACTOR:
        return " Check the number and its unit."
    return f" Check the number and its unit, or raise the limits with --limit {math.ceil(factor)} (limit={math.ceil(factor)})."


def _number(n: float) -> str:
    return f"{n:,.0f}" if n < 1e15 else f"{n:.1e}"


def _court_days(scenario: Scenario) -> float:
    """Return the number of days of the run, times the number of courts and of stations of pools."""
    stations = sum(len(pool.sizes) for pool in scenario.pools.values())
    return float(((scenario.ends - scenario.starts).days + 1) * (len(scenario.courts) + stations))


def _arrivals(scenario: Scenario, stream: Stream) -> float:
    """Return the approximate number of cases of a stream."""
    most = math.inf if stream.count is None else stream.count
    return min(_times(scenario, stream) * _mean_size(stream.batch), most)


def _mean_size(batch: Draw | None) -> float:
    """Return the mean number of cases that arrive together."""
    if batch is None:
        return 1.0
    if batch.shares is not None:
        return float(np.dot(batch.shares.values, np.diff(batch.shares.cumulative, prepend=0.0)))
    bits = (2 * np.arange(_QUANTILES, dtype=np.int64) + 1) * (2**53 // (2 * _QUANTILES)) + 1
    return float(np.mean(np.floor(batch.distribution.draw_many(bits))))


def _times(scenario: Scenario, stream: Stream) -> float:
    """Return the approximate number of times at which cases arrive."""
    if stream.rate is not None:
        steps = [*stream.rate, (scenario.horizon, 0.0)]
        return sum(max(0, b - max(a, 0)) * rate for (a, rate), (b, _) in itertools.pairwise(steps))
    if stream.counts is not None:
        return sum(count.n for count in stream.counts)
    if stream.table is not None:
        return len(stream.table)
    if stream.interarrival is not None:
        within = scenario.horizon if stream.hours is None else stream.hours.working_time(scenario.horizon)
        return within / _mean_within(stream.interarrival.distribution, scenario.horizon)
    return len(stream.at or ())


@cache
def _mean_within(distribution: Distribution, horizon: int) -> float:
    """Return the mean of an interval cut at the horizon, at least half a microsecond.

    The number of arrivals is about the horizon divided by it. The plain mean does not serve: it may be infinite, or come from
    few intervals longer than the run.
    """
    bits = (2 * np.arange(_QUANTILES, dtype=np.int64) + 1) * (2**53 // (2 * _QUANTILES)) + 1
    with np.errstate(all="ignore"):
        intervals = np.nan_to_num(np.rint(distribution.draw_many(bits)), nan=0.0, posinf=float(horizon))
    return max(float(np.clip(intervals, 0.0, float(horizon)).mean()), 0.5)


def _rings(scenario: Scenario, timing: EventTiming) -> float:
    """Return how often an outside event may happen to one case."""
    if timing.hazard is not None:
        return max(timing.hazard.leaves(), default=0.0) * scenario.horizon
    if timing.repeats and timing.after is not None:
        shortest = min(_mean_within(length.distribution, scenario.horizon) for length in timing.after.leaves())
        return scenario.horizon / shortest
    return float(len(timing.dates))
