"""Kaplan-Meier curves of the time until a case leaves the docket, by court.

Time is counted from the arrival of a case, or from the start of the run if the case arrived earlier. A case that is still
on the docket at the end of the run is censored there. Cases that begin off the docket are left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.kaplan_meier import KaplanMeier
from simulations.running.intervals import prediction_ends
from simulations.scenarios.scenario import Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.model.definition import StateKind

_MOST_ROWS = 2_000_000
"""Number of cases that are read together."""


@dataclass(frozen=True)
class Curve:
    """The share of a court's cases that have not left the docket, by days under observation.

    Attributes
    ----------
    court : str
        A court, ``all`` for all courts, or the name of several courts together.
    mean, low, high : ndarray of float, shape (n_days,)
        Mean over replications, and the ends of its prediction interval, after 0, 1, 2 ... days.
    at_risk : ndarray of float, shape (n_days,)
        Mean number of cases still observed on the docket.
    medians : list of float or None
        The median of each replication, in days; ``None`` if it is not reached.
    n_cases : float
        Mean number of cases.
    never_left : list of int
        Cases of each replication that never left the docket, counted from the log.
    """

    court: str
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    at_risk: NDArray[np.float64]
    medians: list[float | None]
    n_cases: float
    never_left: list[int]


def survival(
    connection: Any, scenario: Scenario, replications: Iterable[int], courts: Mapping[str, Sequence[str]], confidence: float
) -> list[Curve]:
    """Return the curve of each court that has cases in every replication.

    Parameters
    ----------
    connection
        A DuckDB connection with the views ``cases`` and ``events``.
    scenario : Scenario
    replications : iterable of int
    courts : mapping of str to sequence of str
        The courts that each curve covers.
    confidence : float
        Level of the prediction intervals.
    """
    instants = np.arange((scenario.ends - scenario.starts).days + 2, dtype=np.int64) * MICROSECONDS_PER_DAY
    samples: dict[str, list[KaplanMeier]] = {name: [] for name in courts}
    n_never: dict[str, list[int]] = {name: [] for name in courts}
    for court, left, length in _stays(connection, scenario, [*replications]):
        for name, members in courts.items():
            mine = np.isin(court, [scenario.courts.index(member) for member in members])
            samples[name].append(KaplanMeier.of(length[mine], left[mine]))
            n_never[name].append(int(np.count_nonzero(~left[mine])))
    curves = []
    for name, sample in samples.items():
        if all(len(one.observed) for one in sample):
            shares = np.array([one.at(instants) for one in sample])
            mean = shares.mean(axis=0)
            low, high = prediction_ends(shares.T, confidence, 0.0, 1.0) or (mean, mean)
            at_risk = np.mean([one.at_risk(instants) for one in sample], axis=0)
            medians = [None if one.median is None else one.median / MICROSECONDS_PER_DAY for one in sample]
            n_cases = float(np.mean([len(one.observed) for one in sample]))
            curves.append(Curve(name, mean, low, high, at_risk, medians, n_cases, n_never[name]))
    return curves


def _stays(
    connection: Any, scenario: Scenario, replications: Sequence[int]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]]:
    """Yield of each replication the court's index of each case, whether it left the docket, and how long it was observed.

    Replications are read together, as many as have `_MOST_ROWS` cases.
    """
    off = [s.name for s in scenario.workflow.states.values() if s.kind in (StateKind.FINAL, StateKind.RESTING)]
    n_cases = connection.execute("select count(*) / greatest(count(distinct replication), 1) from cases").fetchone()[0]
    batch = max(1, int(_MOST_ROWS / max(n_cases, 1)))
    for first in range(0, len(replications), batch):
        together = list(replications[first : first + batch])
        rows = connection.execute(
            """with away as (
                select replication, case_id, min(happened_at) as left_at from events
                where list_contains($together, replication) and list_contains($off, to_state) and cause <> 'horizon' group by all)
            select replication, list_position($courts, c.court) - 1 as court, left_at is not null as away,
                date_diff('microsecond', greatest(arrived_at, $start), coalesce(left_at, $end)) as length
            from cases c left join away using (replication, case_id)
            where list_contains($together, replication) and not list_contains($off, initial_state) and arrived_at <= $end""",
            {
                "together": together,
                "off": off,
                "courts": list(scenario.courts),
                "start": dt.datetime.combine(scenario.starts, dt.time()),
                "end": dt.datetime.combine(scenario.ends + dt.timedelta(days=1), dt.time()),
            },
        ).fetchnumpy()
        of, court, length = (np.asarray(rows[name], np.int64) for name in ("replication", "court", "length"))
        away = np.asarray(rows["away"], np.bool_)
        for k in together:
            mine = of == k
            yield court[mine], away[mine], length[mine]
