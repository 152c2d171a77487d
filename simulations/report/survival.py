"""How long until a case leaves the docket? Kaplan-Meier over each replication, for each court and for all.

Time is counted from the day from which a case is observed: its arrival, or the start of the run if it was open by
then. A case that is still open at the end is censored there, not dropped. A case that begins off the docket takes no part.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.kaplan_meier import still_there
from simulations.scenarios.scenario import Scenario
from workflow.model.definition import StateKind

__all__ = ["Curve", "survival"]


@dataclass(frozen=True)
class Curve:
    """The share of a court's cases that are still on the docket so many days after they were first seen there.

    Attributes
    ----------
    mean, low, high : ndarray of float, shape (n_days,)
        Mean over replications, and the band of single replications from 5 to 95 percent, from day 0 on.
    """

    court: str
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def survival(connection: Any, scenario: Scenario, courts: Sequence[str]) -> list[Curve]:
    """Return the curve of each of some courts.

    Parameters
    ----------
    connection
        With the views ``cases`` and ``events``.
    scenario : Scenario
    courts : sequence of str
        ``all`` for all of them together.
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
    found = []
    for court in courts:
        counts = np.zeros((2, len(replications), n_days))
        place = {k: i for i, k in enumerate(replications)}
        for replication, of, left_it, day, n in rows:
            if court in ("all", of):
                counts[int(left_it), place[replication], min(int(day), n_days - 1)] += n
        censored, left = counts
        curves = still_there(left, censored)[:, :-1]
        if counts.sum():
            low, high = np.quantile(curves, [0.05, 0.95], axis=0)
            found.append(Curve(court, curves.mean(axis=0), low, high))
    return found
