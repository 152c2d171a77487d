"""Where did the cases stand, day by day, and where from there? Read from the log, for the flow figure.

A case is counted once on every day shown: in the state in which it stands at the end of that day, or as not yet
there if it comes later. So each day has all cases, and what goes from one day to the next adds up.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.scenarios.scenario import Scenario

__all__ = ["LATER", "Flow", "flow", "flow_days"]

LATER = "not yet there"
"""Where a case stands before it arrives; a space is in it, so it is no state's name."""

_DAYS = 5
_MOST_DAYS = 6


@dataclass(frozen=True)
class Flow:
    """Cases by the state in which they stand on some days, means over replications.

    Attributes
    ----------
    days : list of date or None
        ``None`` is the start of the run, before anything has happened; any other stands for its end.
    places : list of str
        The states in the workflow's order, and `LATER`.
    moved : ndarray of float, shape (n_days - 1, n_places, n_places)
        Cases that stand in the first place on one day and in the second on the next.
    """

    days: list[dt.date | None]
    places: list[str]
    moved: NDArray[np.float64]

    @property
    def standing(self) -> NDArray[np.float64]:
        """Return the cases of each place on each day, shape (n_days, n_places)."""
        return np.vstack([self.moved.sum(axis=2), self.moved[-1:].sum(axis=1)])


def flow_days(scenario: Scenario) -> list[dt.date | None]:
    """Return the days to show: start and end, days of published figures, and others where the gaps are widest.

    Examples
    --------
    >>> from simulations import load_scenario
    >>> print(*flow_days(load_scenario("pilot")))
    None 2012-01-13 2012-03-22 2012-05-31 2012-09-30
    """
    published = sorted({p.at for p in scenario.published if scenario.starts <= p.at < scenario.ends})
    while len(published) > _MOST_DAYS - 2:  # the one nearest to its neighbours goes
        ends = [scenario.starts, *published, scenario.ends]
        published.remove(min(published, key=lambda day: ends[ends.index(day) + 1] - ends[ends.index(day) - 1]))
    days = sorted({scenario.starts - dt.timedelta(days=1), *published, scenario.ends})
    while len(days) < _DAYS:
        gap, before = max((b - a, a) for a, b in itertools.pairwise(days))
        if gap.days < 2:
            break
        days = sorted([*days, before + gap // 2])
    return [None, *days[1:]]


def flow(connection: Any, scenario: Scenario, replications: int) -> Flow:
    """Read where cases stood.

    Parameters
    ----------
    connection
        With the views ``cases`` and ``events``.
    scenario : Scenario
    replications : int
        How many there are in the views.
    """
    days = flow_days(scenario)
    ends = [f"timestamp '{scenario.starts if day is None else day + dt.timedelta(days=1)}'" for day in days]
    last = ", ".join(
        f"arg_max(to_state, sequence) filter (where happened_at <= {end}) as s{k}"
        for k, end in enumerate(ends[1:], start=1)
    )
    stood = ", ".join(
        f"case when arrived_at <= {end} then {f'coalesce(s{k}, initial_state)' if k else 'initial_state'} end as p{k}"
        for k, end in enumerate(ends)
    )
    final = ends[-1]
    rows = connection.execute(
        f"""with last as (select replication, case_id, {last} from events where cause <> 'horizon' group by all)
        select {stood}, count(*) from cases left join last using (replication, case_id) where arrived_at <= {final}
        group by all order by all"""
    ).fetchall()
    names = dict.fromkeys(state for workflow in scenario.workflows for state in workflow.states)
    places = [*names, LATER]
    at: dict[str | None, int] = {name: k for k, name in enumerate(places)}
    at[None] = at[LATER]
    moved = np.zeros((len(days) - 1, len(places), len(places)))
    for *path, n in rows:
        for k, (one, two) in enumerate(itertools.pairwise(path)):
            moved[k, at[one], at[two]] += n
    return Flow(days, places, moved / max(replications, 1))
