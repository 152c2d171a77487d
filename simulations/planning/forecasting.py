"""Forecast the day on which a condition on pending first holds, or the date of a measure."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from simulations.loading import load_scenario
from simulations.measuring.descriptors import describe
from simulations.planning.intervals import quantile_interval, share_interval
from simulations.planning.outlook import AgeBand, Outlook, Remaining, age_bands, outlook_of, remaining
from simulations.running.intervals import (
    CONFIDENCE,
    Prediction,
    confidence_problems,
    fewest_for_order_statistics,
    interval,
    prediction,
)
from simulations.running.options import ReplicationKeywords, ReplicationOptions
from simulations.running.replicating import Course, read_logs
from simulations.scenarios.scenario import Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.errors import InputError, nearest
from workflow.predicates.operators import COMPARISONS

__all__ = ["Forecast", "forecast"]

_DEFAULTS = ReplicationOptions(replications=100)
_CONDITION = re.compile(r"\s*(?P<name>\w+)\s*(?P<sign><=|>=|<|>)\s*(?P<number>[\d_,]*\.?\d+)\s*")


@dataclass(frozen=True)
class Forecast:
    """When a condition first held, over replications.

    Attributes
    ----------
    days : tuple of float or None
        For each replication, days since the start; ``None`` if the condition never held before the end.
    date, low, high : date or None
        The mean and its t interval; ``None`` unless every replication reached the condition, because the mean
        over only those that did would be too early.
    prediction_low, prediction_high : date or None
        The prediction interval of one new replication; ``None`` for an end after the end of the run.
    prediction_method : str or None
        `ORDER_STATISTICS` or `STUDENT_T`; ``None`` without a prediction interval: for a single replication, and for few of
        which some did not reach the condition.
    median : date or None
        ``None`` if fewer than half of the replications reached the condition.
    median_low, median_high : date or None
        The interval of the median, from order statistics.
    reached, reached_low, reached_high : float
        The share of replications that reached the condition, with its exact interval.
    time_to_closure : list of Remaining
        Kaplan-Meier curve, per day: the share of cases still on the docket after a number of days.
    pending_by_age : list of AgeBand
        When the condition first held, over the replications that reached it; and at the end of the run.
    """

    scenario: Scenario
    when: str
    court: str
    seed: int
    confidence: float
    days: tuple[float | None, ...]
    date: dt.date | None
    low: dt.date | None
    high: dt.date | None
    prediction_low: dt.date | None
    prediction_high: dt.date | None
    prediction_method: str | None
    median: dt.date | None
    median_low: dt.date | None
    median_high: dt.date | None
    reached: float
    reached_low: float
    reached_high: float
    time_to_closure: list[Remaining] = field(repr=False)
    pending_by_age: list[AgeBand] = field(repr=False)

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        names = (
            "when", "court", "seed", "confidence", "date", "low", "high", "prediction_low", "prediction_high",
            "prediction_method", "median", "median_low", "median_high", "reached", "reached_low", "reached_high",
        )  # fmt: skip
        values = ((name, getattr(self, name)) for name in names)
        return {
            "scenario": self.scenario.name,
            "replications": len(self.days),
            **{name: v.isoformat() if isinstance(v, dt.date) else v for name, v in values},
            "time_to_closure": [point.json() for point in self.time_to_closure],
            "pending_by_age": [band.json() for band in self.pending_by_age],
        }


def forecast(
    scenario: Scenario | str | Path,
    when: str,
    options: ReplicationOptions = _DEFAULTS,
    *,
    court: str = "all",
    confidence: float = CONFIDENCE,
    **changed: Unpack[ReplicationKeywords],
) -> Forecast:
    """Forecast when a condition first holds.

    Parameters
    ----------
    when : str
        ``"pending < 1000"`` (or ``<=``, ``>``, ``>=``), evaluated at the end of each day; or the name of a measure that
        is a date.
    options : ReplicationOptions, optional
        Default: 100 replications.
    court : str
        ``all`` for all courts together.
    confidence : float
        Confidence level of the intervals, between 0 and 1.
    **changed
        Single options, such as ``replications=20, seed=5``: the fields of `ReplicationOptions`.

    Raises
    ------
    InputError
        For a mistake in the input.
    """
    options = replace(options, **changed)
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    first = _condition(scenario, when)
    problems = [*options.problems(), *confidence_problems(confidence)]
    if court not in ("all", *scenario.courts):
        problems.append(f"--court {court}: there is no such court.{nearest(court, scenario.courts)}")
    if problems:
        raise InputError(problems)
    read = partial(outlook_of, court=court, first=first, at_end_of_day=isinstance(first, _PendingIs))
    outlooks = read_logs(read, scenario, range(1, options.replications + 1), options)
    return _summary(scenario, when.strip(), court, options.seed, confidence, outlooks)


@dataclass(frozen=True)
class _PendingIs:
    """Return the first day at the end of which pending is below, or above, a number."""

    sign: str
    number: float

    def __call__(self, course: Course) -> float | None:
        holds = COMPARISONS[self.sign].compute
        return next((float(day) for day, n in enumerate(course.pending) if holds(n, self.number)), None)


@dataclass(frozen=True)
class _DateOf:
    """Return the value of a measure that is a date, in days since the start."""

    measure: str

    def __call__(self, course: Course) -> float | None:
        return course.dates[self.measure]


def _condition(scenario: Scenario, when: str) -> _PendingIs | _DateOf:
    """Parse the condition into a function that returns the day on which it first holds in a replication."""
    dates = [name for name, descriptor in describe(scenario).items() if descriptor.is_date]
    name = when.strip()
    if name in dates:
        return _DateOf(name)
    match = _CONDITION.fullmatch(when)
    if match is None or match["name"] != "pending":
        allowed = " or ".join(["'pending < 1000'", *map(repr, dates)])
        text = "must be pending, a sign (<, <=, >, >=) and a number, or a measure that is a date"
        raise InputError([f"--when {when}: {text}: {allowed}"])
    return _PendingIs(match["sign"], float(match["number"].replace(",", "").replace("_", "")))


def _summary(
    scenario: Scenario, when: str, court: str, seed: int, confidence: float, outlooks: Sequence[Outlook]
) -> Forecast:
    days = tuple(outlook.day for outlook in outlooks)
    known = [d for d in days if d is not None]
    n = len(days)
    mean, low, high = None, None, None
    if len(known) == n:
        mean = math.fsum(known) / n
        low, high = interval(known, confidence) or (None, None)
    share_low, share_high = share_interval(len(known), n, confidence)
    middle = quantile_interval(days, 0.5, confidence)

    def date(day: float | None) -> dt.date | None:
        return None if day is None or not math.isfinite(day) else scenario.epoch.date(round(day * MICROSECONDS_PER_DAY))

    one = _predicted(days, confidence, scenario.horizon / MICROSECONDS_PER_DAY)
    low_one, high_one, method = (None, None, None) if one is None else (date(one.low), date(one.high), one.method)
    return Forecast(
        scenario, when, court, seed, confidence, days, date(mean), date(low), date(high), low_one, high_one, method,
        date(_quantile(days, 0.5)), date(middle[0]), date(middle[1]), len(known) / n, share_low, share_high,
        remaining(outlooks, confidence), age_bands(outlooks, confidence),
    )  # fmt: skip


def _predicted(days: Sequence[float | None], confidence: float, horizon: float) -> Prediction | None:
    """Return the prediction interval of the day of one new replication; infinity is after the end of the run."""
    if len(days) >= fewest_for_order_statistics(confidence):
        return prediction([math.inf if day is None else day for day in days], confidence)
    known = [day for day in days if day is not None]
    return prediction(known, confidence, 0.0, horizon) if len(known) == len(days) else None


def _quantile(days: tuple[float | None, ...], share: float) -> float | None:
    """Return the first day by which this share of replications reached the condition; ``None`` if fewer reached it."""
    ordered = sorted(d for d in days if d is not None)
    rank = max(1, math.ceil(share * len(days) - 1e-9))
    return ordered[rank - 1] if rank <= len(ordered) else None
