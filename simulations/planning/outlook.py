"""Read from a log what a forecast needs: daily pending, time to closure, and the age of pending cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import HORIZON, EventLog
from simulations.measuring.kaplan_meier import KaplanMeier
from simulations.running.intervals import interval, prediction
from simulations.running.replicating import in_court, off_docket
from simulations.timing.clock import MICROSECONDS_PER_DAY

AGES = (
    (0, 30, "under 30 days"),
    (30, 180, "30 to 180 days"),
    (180, 365, "180 days to 1 year"),
    (365, 730, "1 to 2 years"),
    (730, None, "2 years and more"),
)
"""Lower and upper limit in days, and name, of each age band."""

MARKS = (30, 90, 180, 365, 730, 1095)
"""Days at which a table shows the Kaplan-Meier curve."""


_SPREAD = ("mean", "low", "high", "prediction_low", "prediction_high")


@dataclass(frozen=True)
class Outlook:
    """The part of one replication that a forecast uses.

    Attributes
    ----------
    day : float or None
        Days since the start when the condition first held. A condition on a measure holds at the end of that day.
    holds_at_end : bool or None
        Whether it holds at the end of the run; ``None`` for a measure that is a date.
    remaining : ndarray of float, shape (n_days,)
        Kaplan-Meier: the share still on the docket one, two, ... days after arrival or the start.
    at_risk : ndarray of int, shape (n_days,)
        Cases that were observed on the docket for as long.
    n_watched, n_never_left : int
        Cases that were on the docket at some time, and those of them that never left it.
    aged_then, aged_at_end : tuple of int
        Pending cases per age band when the condition first held (empty if it never did), and at the end.
    """

    day: float | None
    holds_at_end: bool | None
    remaining: NDArray[np.float64]
    at_risk: NDArray[np.int64]
    n_watched: int
    n_never_left: int
    aged_then: tuple[int, ...]
    aged_at_end: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Pending cases in an age band, over replications.

    Attributes
    ----------
    when : str
        ``reached`` (when the condition first held) or ``end``.
    below : int or None
        Days; ``None`` for the last band.
    mean, low, high : float or None
        The mean and its confidence interval; ``None`` without replications, the interval also with a single one.
    prediction_low, prediction_high : float or None
        The prediction interval of one new replication.
    """

    when: str
    name: str
    at_least: int
    below: int | None
    mean: float | None
    low: float | None
    high: float | None
    prediction_low: float | None
    prediction_high: float | None

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {k: getattr(self, k) for k in ("when", "at_least", "below", *_SPREAD)}


@dataclass(frozen=True, slots=True)
class Remaining:
    """The share of cases still on the docket after a number of days.

    Attributes
    ----------
    mean, low, high : float
        The mean over replications and its confidence interval; no interval for a single replication.
    prediction_low, prediction_high : float or None
        The prediction interval of one new replication.
    at_risk : float
        The mean number of cases that were observed on the docket for as long.
    """

    days: int
    mean: float
    low: float | None
    high: float | None
    prediction_low: float | None
    prediction_high: float | None
    at_risk: float

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {k: getattr(self, k) for k in ("days", *_SPREAD, "at_risk")}


def outlook_of(log: EventLog, court: str, read: Callable[[EventLog, str], tuple[float | None, bool | None]]) -> Outlook:
    """Read from a log what a forecast needs.

    Parameters
    ----------
    read : callable
        Returns, of a log and a court, the day at the end of which a condition first held, and whether it holds at the end of the
        run; or the exact time of a measure that is a date, and ``None``.
    """
    mine, horizon = in_court(log, court), log.cases.scenario.horizon
    day, holds_at_end = read(log, court)
    then = None if day is None else round((day + (holds_at_end is not None)) * MICROSECONDS_PER_DAY)
    aged_then = () if then is None else _aged(log, mine, then)
    return Outlook(day, holds_at_end, *_remaining(log, mine), aged_then, _aged(log, mine, horizon))


def _remaining(log: EventLog, mine: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.int64], int, int]:
    """Return the Kaplan-Meier curve of the days from arrival, or the start, until a case first leaves the docket.

    Also the number at risk, the number of cases, and how many of them never left.
    """
    cases, columns, off = log.cases, log.columns, off_docket(log.cases.scenario)
    horizon = cases.scenario.horizon
    instants = np.arange(1, (cases.scenario.ends - cases.scenario.starts).days + 2, dtype=np.int64) * MICROSECONDS_PER_DAY
    watched = mine & ~off[cases.state] & (cases.arrived <= horizon)
    ended = off[columns["to_state"]] & (columns["cause"] != log.labels.cause.index(HORIZON))
    at = np.full(len(cases), -1, np.int64)
    at[columns["case_id"][ended][::-1]] = columns["happened_at"][ended][::-1]  # reversed: the earliest row wins
    gone = watched & (at >= 0)
    length = np.where(gone, at, horizon) - np.maximum(cases.arrived, 0)
    curve = KaplanMeier.of(length[watched], gone[watched])
    return curve.at(instants), curve.at_risk(instants), int(watched.sum()), int((watched & ~gone).sum())


def _aged(log: EventLog, mine: NDArray[np.bool_], then: int) -> tuple[int, ...]:
    """Count the cases pending at a time, per age band."""
    cases, columns = log.cases, log.columns
    past = columns["happened_at"] <= then
    state = cases.state.copy()
    state[columns["case_id"][past]] = columns["to_state"][past]  # rows are in time order: the latest wins
    pending = mine & ~off_docket(cases.scenario)[state] & (cases.arrived <= then)
    ages = (then - cases.arrived[pending]) / MICROSECONDS_PER_DAY
    edges = [float(low) for low, _, _ in AGES] + [np.inf]
    return tuple(np.histogram(ages, edges)[0].tolist())


# over replications -----------------------------------------------------------------------------------


def age_bands(outlooks: Sequence[Outlook], confidence: float) -> list[AgeBand]:
    """Return pending cases by age over replications: when the condition first held, and at the end."""
    bands = []
    reached = [o.aged_then for o in outlooks if o.aged_then]
    for when, counts in (("reached", reached), ("end", [o.aged_at_end for o in outlooks])):
        for k, (low, high, name) in enumerate(AGES):
            bands.append(AgeBand(when, name, low, high, *_spread([float(c[k]) for c in counts], confidence)))
    return bands


def remaining(outlooks: Sequence[Outlook], confidence: float) -> list[Remaining]:
    """Return the Kaplan-Meier curve over replications, per day."""
    curve = []
    at_risk = np.mean([o.at_risk for o in outlooks], axis=0)
    for days, shares in enumerate(np.array([o.remaining for o in outlooks]).T.tolist(), start=1):
        mean, low, high, one_low, one_high = _spread(shares, confidence, most=1.0)
        assert mean is not None
        curve.append(Remaining(days, mean, low, high, one_low, one_high, float(at_risk[days - 1])))
    return curve


def _spread(
    values: list[float], confidence: float, most: float | None = None
) -> tuple[float | None, float | None, float | None, float | None, float | None]:
    """Return the mean, its confidence interval, and the prediction interval of one new replication."""
    if not values:
        return None, None, None, None, None
    low, high = interval(values, confidence, 0.0, most) or (None, None)
    one = prediction(values, confidence, 0.0, most)
    return float(np.mean(values)), low, high, *((None, None) if one is None else (one.low, one.high))
