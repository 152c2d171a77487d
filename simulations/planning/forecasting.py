"""Forecast the day on which a condition on a measure first holds, or the date of a measure."""

from __future__ import annotations

import datetime as dt
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from simulations.loading import load_scenario
from simulations.log.eventlog import EventLog
from simulations.measuring.descriptors import describe
from simulations.measuring.selection import unknown_courts
from simulations.planning.condition import date_value, parse_condition
from simulations.planning.intervals import quantile_interval, share_interval
from simulations.planning.outlook import AgeBand, Outlook, Remaining, age_bands, outlook_of, remaining
from simulations.running.intervals import Prediction, confidence_problems, fewest_for_order_statistics, interval, prediction
from simulations.running.options import CONFIDENCE, ReplicationKeywords, ReplicationOptions, changed_options
from simulations.running.progress import Progress, shown
from simulations.running.replicating import read_logs
from simulations.running.shown import Answered
from simulations.scenarios.findings import findings
from simulations.scenarios.scenario import Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.errors import InputError
from workflow.files.table import n_of

_DEFAULTS = ReplicationOptions(replications=100)


@dataclass(frozen=True)
class Forecast(Answered):
    """When a condition first held, over replications.

    Attributes
    ----------
    days : tuple of float or None
        For each replication, days since the start; ``None`` if the condition never held before the end.
    date, low, high : date or None
        The mean and its t interval, which lies within the run; ``None`` unless every replication reached the condition, because the mean
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
    from_start, lapsed : int
        Number of replications in which a condition on a measure held already at the end of the first day; and in which it held
        at the end of some day, but not at the end of the run.
    cases : float
        The mean number of cases that were on the docket at some time.
    never_left : tuple of int
        Those of them, in each replication, that had not left it by the end.
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
    from_start: int
    lapsed: int
    cases: float
    never_left: tuple[int, ...]
    time_to_closure: list[Remaining] = field(repr=False)
    pending_by_age: list[AgeBand] = field(repr=False)

    def __repr__(self) -> str:
        n = len(self.days)
        return f"<Forecast of {self.scenario.name!r}: {self.when} on {self.date or 'no day'}, {n_of(n, 'replication')}, seed {self.seed}>"

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        names = (
            "when", "court", "seed", "confidence", "date", "low", "high", "prediction_low", "prediction_high",
            "prediction_method", "median", "median_low", "median_high", "reached", "reached_low", "reached_high",
            "from_start", "lapsed", "cases",
        )  # fmt: skip
        values = ((name, getattr(self, name)) for name in names)
        return {
            "answer": self.sentences,
            "scenario": self.scenario.name,
            "replications": len(self.days),
            **{name: v.isoformat() if isinstance(v, dt.date) else v for name, v in values},
            "never_left": math.fsum(self.never_left) / len(self.days),
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
    progress: Progress = None,
    **changed: Unpack[ReplicationKeywords],
) -> Forecast:
    """Forecast when a condition first holds.

    Parameters
    ----------
    when : str
        A measure, a sign (``<``, ``<=``, ``>``, ``>=``) and a number, evaluated at the end of each day: ``"pending < 1000"``,
        ``"still_waiting.hearing < 100"``. A flow or a ratio of flows may be taken over a period that ends with the day:
        ``"clearance_rate over 12 months > 1"``. Or the name of a measure that is a date.
    options : ReplicationOptions, optional
        Default: 100 replications.
    court : str
        ``all`` for all courts together.
    confidence : float
        Confidence level of the intervals, between 0 and 1.
    progress : callable or False, optional
        Called with the finished and the total number of replications. Default: a bar in a terminal, a line in a notebook,
        nothing in a pipe. ``False`` shows nothing.
    **changed
        Single options, such as ``replications=20, seed=5``: the fields of `ReplicationOptions`.

    Raises
    ------
    InputError
        For a mistake in the input.
    """
    options = changed_options(options, changed, forecast)
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    dates = [name for name, descriptor in describe(scenario).items() if descriptor.is_date]
    name = when.strip()
    condition = _DateOf(name) if name in dates else parse_condition(when, scenario)
    problems = [*options.work_problems(scenario), *confidence_problems(confidence)]
    problems += unknown_courts([court], scenario.courts)
    if problems:
        raise InputError(problems)
    for message in findings(scenario):
        warnings.warn(message, stacklevel=2)
    read = partial(outlook_of, court=court, read=condition.read)
    with shown(progress) as report:
        outlooks = read_logs(read, scenario, range(1, options.replications + 1), options, report)
    return _summary(scenario, when.strip(), court, options.seed, confidence, outlooks)


@dataclass(frozen=True)
class _DateOf:
    """A measure that is a date."""

    measure: str

    def read(self, log: EventLog, court: str) -> tuple[float | None, None]:
        """Return the value of the measure, in days since the start."""
        return date_value(log, self.measure, court), None


def _summary(scenario: Scenario, when: str, court: str, seed: int, confidence: float, outlooks: Sequence[Outlook]) -> Forecast:
    days = tuple(outlook.day for outlook in outlooks)
    known = [d for d in days if d is not None]
    n, last = len(days), (scenario.horizon - 1) / MICROSECONDS_PER_DAY  # the last instant of the last day
    mean, low, high = None, None, None
    if len(known) == n:
        mean = math.fsum(known) / n
        low, high = interval(known, confidence, 0.0, last) or (None, None)
    share_low, share_high = share_interval(len(known), n, confidence)
    middle = quantile_interval(days, 0.5, confidence)

    def date(day: float | None) -> dt.date | None:
        return None if day is None or not math.isfinite(day) else scenario.epoch.date(round(day * MICROSECONDS_PER_DAY))

    one = _predicted(days, confidence, last)
    low_one, high_one, method = (None, None, None) if one is None else (date(one.low), date(one.high), one.method)
    return Forecast(
        scenario, when, court, seed, confidence, days, date(mean), date(low), date(high), low_one, high_one, method,
        date(_quantile(days, 0.5)), date(middle[0]), date(middle[1]), len(known) / n, share_low, share_high,
        sum(o.day == 0 and o.holds_at_end is not None for o in outlooks),
        sum(o.day is not None and o.holds_at_end is False for o in outlooks),
        math.fsum(o.n_watched for o in outlooks) / n, tuple(o.n_never_left for o in outlooks),
        remaining(outlooks, confidence), age_bands(outlooks, confidence),
    )  # fmt: skip


def _predicted(days: Sequence[float | None], confidence: float, last: float) -> Prediction | None:
    """Return the prediction interval of the day of one new replication; infinity is after the end of the run."""
    if len(days) >= fewest_for_order_statistics(confidence):
        return prediction([math.inf if day is None else day for day in days], confidence)
    known = [day for day in days if day is not None]
    return prediction(known, confidence, 0.0, last) if len(known) == len(days) else None


def _quantile(days: tuple[float | None, ...], share: float) -> float | None:
    """Return the first day by which this share of replications reached the condition; ``None`` if fewer reached it."""
    ordered = sorted(d for d in days if d is not None)
    rank = max(1, math.ceil(share * len(days) - 1e-9))
    return ordered[rank - 1] if rank <= len(ordered) else None
