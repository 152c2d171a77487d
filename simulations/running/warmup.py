"""Estimate the warm-up period of a run, for steady-state questions.

A docket that starts empty, or works off a backlog, represents the long run only after a warm-up period. Both
diagnostics use the number of pending cases at the end of each day, averaged over replications.

References
----------
Welch, P. D. (1983). The statistical analysis of simulation results. In: The Computer Performance Modeling
Handbook, Academic Press.
White, K. P. (1997). An effective truncation heuristic for bias reduction in simulation output. Simulation 69(6).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError

if TYPE_CHECKING:
    from simulations.running.run_result import RunResult

_BATCH = 5
_LEAST_DAYS = 50
_SMALL = 0.05


@dataclass(frozen=True, slots=True)
class WarmUp:
    """The warm-up period of the pending cases of a court.

    Attributes
    ----------
    mser : int or None
        Days to discard by MSER-5; ``None`` if pending does not settle in the first half of the run.
    welch : int or None
        The first day from which Welch's moving average stays within 5 percent of its mean over the last
        quarter; ``None`` if there is no such day in the first half.
    """

    court: str
    days: int
    mser: int | None
    welch: int | None
    starts: dt.date

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it, with the ends of the warm-up as dates."""
        dates = {
            k: None if v is None else (self.starts + dt.timedelta(days=v)).isoformat()
            for k, v in (("mser", self.mser), ("welch", self.welch))
        }
        return {"court": self.court, "measure": "pending", "days": self.days, **dates}


@dataclass(frozen=True, slots=True)
class Trend:
    """A court whose pending cases still rise or fall after the scenario's warm-up.

    Attributes
    ----------
    early, late : float
        Mean pending in the first and in the last third of the days after the warm-up.
    """

    court: str
    early: float
    late: float

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {"court": self.court, "measure": "pending", "early": self.early, "late": self.late}


def still_trending(result: RunResult) -> list[Trend]:
    """Return the courts in which pending still rises or falls after the scenario's ``warm_up``.

    Notes
    -----
    Pending still changes if the first and the last third of the days after the warm-up differ by more than 5 percent,
    and their averaged daily intervals do not overlap. The check needs a warm-up and at least two replications.
    """
    warm_up = result.scenario.warm_up
    if warm_up is None:
        return []
    trends = []
    for court in result.pending.courts:
        days = [e for e in result.pending.of_courts([court]) if e.at is not None and e.at >= warm_up]
        days.sort(key=lambda e: str(e.at))
        known = [(e.mean, e.low, e.high) for e in days if e.mean is not None and e.low is not None and e.high is not None]
        third = len(known) // 3
        if third < _BATCH:
            continue
        early, late = np.mean(known[:third], axis=0).tolist(), np.mean(known[-third:], axis=0).tolist()
        apart = late[1] > early[2] or late[2] < early[1]
        if apart and abs(late[0] - early[0]) > _SMALL * max(early[0], late[0], 1.0):
            trends.append(Trend(court, early[0], late[0]))
    return trends


def check_long_enough(scenario: Scenario) -> None:
    """Check that a scenario is long enough to be diagnosed.

    Raises
    ------
    InputError
        If it is shorter than fifty days.
    """
    days = (scenario.ends - scenario.starts).days + 1
    if days < _LEAST_DAYS:
        message = f"a run of {days} days is too short to estimate its warm-up; at least {_LEAST_DAYS} are needed"
        raise InputError([f"--warm-up: {message}"])


def diagnose(result: RunResult) -> list[WarmUp]:
    """Diagnose the daily number of pending cases of each court.

    Raises
    ------
    InputError
        If the run is shorter than fifty days.
    """
    check_long_enough(result.scenario)
    warm_ups = []
    for court in result.pending.courts:
        series = result.pending.of(court)
        warm_ups.append(WarmUp(court, len(series), mser(series), welch(series), result.scenario.starts))
    return warm_ups


def mser(series: NDArray[np.float64]) -> int | None:
    """Return the days to discard for the smallest standard error of the remaining mean (MSER-5).

    Parameters
    ----------
    series : ndarray of float
        One value a day.

    Returns
    -------
    int or None
        ``None`` if the best truncation point lies in the second half: the run is too short.
    """
    batches = series[: len(series) // _BATCH * _BATCH].reshape(-1, _BATCH).mean(axis=1)
    n = len(batches)
    errors = np.array([batches[d:].var() / (n - d) for d in range(n - 1)])
    best = int(errors.argmin())
    return best * _BATCH if best <= n // 2 else None


def welch(series: NDArray[np.float64], window: int | None = None, tolerance: float = 0.05) -> int | None:
    """Return the first day from which the moving average stays close to its late level."""
    window = window or max(len(series) // 20, 3)
    smooth = np.convolve(series, np.ones(window) / window, mode="valid")
    level = smooth[-max(len(smooth) // 4, 1) :].mean()
    away = np.flatnonzero(np.abs(smooth - level) > tolerance * max(abs(level), 1.0))
    first = int(away[-1]) + 1 if len(away) else 0
    return first if first <= len(smooth) // 2 else None
