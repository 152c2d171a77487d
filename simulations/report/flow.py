"""The states of cases on several days, and the flow of cases between them. Read from the log, for the flow figure.

Each day counts every case once: in its state at the end of the day, or as not yet arrived. So every day has the same total.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.scenarios.scenario import Scenario

LATER = "not yet there"
"""The state of a case before it arrives. No workflow has it, since names have no spaces."""

_DAYS = 5
_MOST_DAYS = 6


@dataclass(frozen=True)
class Flow:
    """Cases by state on several days, means over replications.

    Attributes
    ----------
    days : list of date or None
        ``None`` is the start of the run, before the first event. A date means the end of the day.
    states : list of str
        In the order of the workflow, with `LATER` at the end.
    moved : ndarray of float, shape (n_days - 1, n_states, n_states)
        Number of cases in the first state on one day and in the second on the next.
    each : ndarray of int, shape (n_replications, n_days, n_states)
        Number of cases in each state on each day, by replication.
    """

    days: list[dt.date | None]
    states: list[str]
    moved: NDArray[np.float64]
    each: NDArray[np.int64]

    def of(self, day: int, state: str) -> list[float]:
        """Return the number of cases in a state on a day, counted from 0, in each replication."""
        values: list[float] = self.each[:, day, self.states.index(state)].tolist()
        return values

    @property
    def cases(self) -> NDArray[np.float64]:
        """Return the number of cases in each state on each day, shape (n_days, n_states)."""
        return np.vstack([self.moved.sum(axis=2), self.moved[-1:].sum(axis=1)])

    @property
    def day_titles(self) -> list[str]:
        """Return the title of each day."""
        return ["at the start" if day is None else f"end of {day}" for day in self.days]


def flow_days(scenario: Scenario) -> list[dt.date | None]:
    """Return the days to show: start and end, days of published figures, and others where the gaps are widest.

    Examples
    --------
    >>> from simulations import load_scenario
    >>> print(*flow_days(load_scenario("pilot")))
    None 2012-01-13 2012-03-22 2012-05-31 2012-09-30
    """
    published = sorted({p.at for p in scenario.published if scenario.starts <= p.at < scenario.ends})
    while len(published) > _MOST_DAYS - 2:  # drop the day closest to its neighbours
        ends = [scenario.starts, *published, scenario.ends]
        published.remove(min(published, key=lambda day: ends[ends.index(day) + 1] - ends[ends.index(day) - 1]))
    days = sorted({scenario.starts - dt.timedelta(days=1), *published, scenario.ends})
    while len(days) < _DAYS:
        gap, before = max((b - a, a) for a, b in itertools.pairwise(days))
        if gap.days < 2:
            break
        days = sorted([*days, before + gap // 2])
    return [None, *days[1:]]


def flow(connection: Any, scenario: Scenario, replications: Sequence[int]) -> Flow:
    """Read the flow of cases.

    Parameters
    ----------
    connection
        A DuckDB connection with the views ``cases`` and ``events``.
    scenario : Scenario
    replications : sequence of int
        The replications in the views.
    """
    days = flow_days(scenario)
    ends = [f"timestamp '{scenario.starts if day is None else day + dt.timedelta(days=1)}'" for day in days]
    last = ", ".join(
        f"arg_max(to_state, sequence) filter (where happened_at <= {end}) as s{k}" for k, end in enumerate(ends[1:], start=1)
    )
    states_at = ", ".join(
        f"case when arrived_at <= {end} then {f'coalesce(s{k}, initial_state)' if k else 'initial_state'} end as p{k}"
        for k, end in enumerate(ends)
    )
    rows = connection.execute(
        f"""with last as (select replication, case_id, {last} from events where cause <> 'horizon' group by all)
        select replication, {states_at}, count(*) from cases left join last using (replication, case_id) where arrived_at <= {ends[-1]}
        group by all order by all"""
    ).fetchall()
    states = [*dict.fromkeys(state for workflow in scenario.workflows for state in workflow.states), LATER]
    index: dict[str | None, int] = {name: k for k, name in enumerate(states)}
    index[None] = index[LATER]
    moved = np.zeros((len(days) - 1, len(states), len(states)))
    each = np.zeros((len(replications), len(days), len(states)), np.int64)
    for replication, *path, n in rows:
        each[replications.index(replication), np.arange(len(days)), [index[state] for state in path]] += n
        for k, (source, target) in enumerate(itertools.pairwise(path)):
            moved[k, index[source], index[target]] += n
    return Flow(days, states, moved / max(len(replications), 1), each)
