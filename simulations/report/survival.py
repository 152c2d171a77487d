"""Kaplan-Meier curves of the time until a case leaves the docket, by court.

Days are counted from the arrival of a case, or from the start of the run if the case arrived earlier. A case that is still
on the docket at the end of the run is censored there. Cases that begin off the docket are left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.kaplan_meier import surviving
from simulations.running.intervals import prediction_ends
from simulations.scenarios.scenario import Scenario
from workflow.model.definition import StateKind

__all__ = ["Curve", "survival"]


@dataclass(frozen=True)
class Curve:
    """The share of a court's cases that have not left the docket, by days under observation.

    Attributes
    ----------
    mean, low, high : ndarray of float, shape (n_days,)
        Mean over replications, and the ends of its prediction interval, from day 0.
    """

    court: str
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def survival(connection: Any, scenario: Scenario, courts: Sequence[str], confidence: float) -> list[Curve]:
    """Return the curve of each court that has cases.

    Parameters
    ----------
    connection
        A DuckDB connection with the views ``cases`` and ``events``.
    scenario : Scenario
    courts : sequence of str
        ``all`` stands for all courts together.
    confidence : float
        Level of the prediction intervals.
    """
    states = scenario.workflow.states.values()
    off = ", ".join(
        "'" + s.name.replace("'", "''") + "'" for s in states if s.kind in (StateKind.FINAL, StateKind.RESTING)
    )
    start = f"timestamp '{scenario.starts}'"
    end = f"timestamp '{scenario.ends + dt.timedelta(days=1)}'"
    rows = connection.execute(
        f"""with away as (
            select replication, case_id, min(happened_at) as left_at from events
            where to_state in ({off or "''"}) and cause <> 'horizon' group by all)
        select c.replication, c.court, left_at is not null as left_it,
            greatest(date_diff('microsecond', greatest(arrived_at, {start}), coalesce(left_at, {end})) // 86400000000, 0) as day,
            count(*) from cases c left join away using (replication, case_id)
        where initial_state not in ({off or "''"}) and arrived_at < {end} group by all order by all"""
    ).fetchall()
    replications = sorted({row[0] for row in rows})
    n_days = (scenario.ends - scenario.starts).days + 2
    index = {k: i for i, k in enumerate(replications)}
    curves = []
    for court in courts:
        counts = np.zeros((2, len(replications), n_days))
        for replication, of, left_it, day, n in rows:
            if court in ("all", of):
                counts[int(left_it), index[replication], min(int(day), n_days - 1)] += n
        censored, left = counts
        shares = surviving(left, censored)[:, :-1]
        if counts.sum():
            mean = shares.mean(axis=0)
            curves.append(Curve(court, mean, *(prediction_ends(shares.T, confidence, 0.0, 1.0) or (mean, mean))))
    return curves
