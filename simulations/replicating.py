"""Replications in memory for studies that ask for a date or for pending alone: no folder, no parts, no log kept."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from simulations.draws import SamplePath
from simulations.engines import Chosen, prepare, simulate
from simulations.measures import measure_dates_and_pending
from simulations.plan import make_plan
from simulations.scenario import Scenario

__all__ = ["Course", "replicate", "until"]


@dataclass(frozen=True, slots=True)
class Course:
    """What became of one court, or of all, in one replication.

    Attributes
    ----------
    dates : dict of str to float or None
        For each measure that is a point in time: days since the start, ``None`` if it was not reached.
    pending : tuple of float
        Cases pending at the end of each day.
    """

    dates: dict[str, float | None]
    pending: tuple[float, ...]


def until(scenario: Scenario, last: dt.date) -> Scenario:
    """Return the scenario ended with an earlier day; what happens up to then is the same."""
    return replace(scenario, ends=min(last, scenario.ends), published=())


def replicate(
    scenario: Scenario,
    seed: int,
    numbers: Iterable[int],
    court: str = "all",
    engine: Chosen = "simpy",
    workers: int = 1,
) -> list[Course]:
    """Run replications, and return the course of one court, or of all, in each.

    Parameters
    ----------
    seed : int
        The root of all draws: the same as in `simulations.runs.run`, with the same courses.
    numbers : iterable of int
        The replications, from 1.
    court : str
        ``all`` for all courts together.
    workers : int
        Processes at work at the same time.
    """
    todo = list(numbers)
    if todo:
        prepare(engine)
    if workers <= 1 or len(todo) < 2:
        return [_one(scenario, seed, k, court, engine) for k in todo]
    from joblib import Parallel, delayed

    found: list[Course] = Parallel(n_jobs=min(workers, len(todo)), backend="loky")(
        delayed(_one)(scenario, seed, k, court, engine) for k in todo
    )
    return found


def _one(scenario: Scenario, seed: int, replication: int, court: str, engine: Chosen) -> Course:
    path = SamplePath(seed, replication)
    measured = measure_dates_and_pending(simulate(engine, make_plan(scenario, path), path))
    column = [*measured.courts, "all"].index(court)
    dates = {table.measure: float(table.places[column, 0]) for table in measured.tables}
    pending = measured.daily.pending[:, column].astype(float).tolist()
    return Course({name: None if math.isnan(date) else date for name, date in dates.items()}, tuple(pending))
