"""The weekly utilisation of each pool, read from the log.

A mean over the whole run hides that a pool has no work after five weeks, or is suspended for five. Weeks begin on Monday;
the first and the last may be shorter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.utilisation import PoolTime, time_between
from simulations.run_folder.parts import part_path
from simulations.running.intervals import prediction_ends
from simulations.scenarios.scenario import Pool, Scenario
from workflow.sql.quoting import literal_path

__all__ = ["Use", "use_by_week"]


@dataclass(frozen=True)
class Use:
    """The share of time on shift that the servers of a pool work, by week.

    Attributes
    ----------
    court : str
        ``all`` stands for all courts together.
    weeks : list of date
        The first day of each week.
    mean, low, high : ndarray of float, shape (n_weeks,)
        Mean over replications, and the ends of its prediction interval; NaN for a week without a shift.
    """

    pool: str
    court: str
    weeks: list[dt.date]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def use_by_week(
    connection: Any, folder: Path, replications: Iterable[int], scenario: Scenario, courts: Sequence[str], confidence: float
) -> list[Use]:
    """Read the weekly use of every pool.

    Parameters
    ----------
    connection
        A DuckDB connection; no views are needed.
    folder : Path
        The run folder.
    replications : iterable of int
    scenario : Scenario
    courts : sequence of str
        The courts to return, with ``all``.
    confidence : float
        Level of the prediction intervals.
    """
    weeks = _weeks(scenario)
    bounds = np.array([*(scenario.epoch.microseconds(day) for day in weeks), scenario.horizon], np.int64)
    start = f"timestamp '{scenario.starts}'"
    shares: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for k in replications:
        part = literal_path(part_path(folder, "events", k))
        work = connection.execute(
            f"""select list_position($pools, pool) - 1 as pool, list_position($courts, court) - 1 as court,
                date_diff('microsecond', {start}, started_at) as started, date_diff('microsecond', {start}, happened_at) as ended
            from read_parquet($part, hive_partitioning = false) where pool is not null and started_at is not null""",
            {"pools": list(scenario.pools), "courts": list(scenario.courts), "part": part},
        ).fetchnumpy()
        for code, (name, pool) in enumerate(scenario.pools.items()):
            of_pool = work["pool"] == code
            at, started, ended = (np.asarray(work[key][of_pool], np.int64) for key in ("court", "started", "ended"))
            stations = _station_times(pool, at, started, ended, bounds)
            whole = [sum(times, start=PoolTime(0, 0, 0)) for times in zip(*stations, strict=True)]
            shares.setdefault((name, "all"), []).append(_shares(whole))
            if pool.at_court:
                for court, times in zip(scenario.courts, stations, strict=True):
                    if court in courts:
                        shares.setdefault((name, court), []).append(_shares(times))
    uses = []
    for (pool_name, court), by_replication in shares.items():
        values = np.stack(by_replication, axis=-1)
        mean = values.mean(axis=-1)
        low, high = prediction_ends(values, confidence, 0.0, 1.0) or (mean, mean)
        uses.append(Use(pool_name, court, weeks, mean, low, high))
    return uses


def _weeks(scenario: Scenario) -> list[dt.date]:
    """Return the first day of each week of the run."""
    weeks = [scenario.starts]
    monday = scenario.starts + dt.timedelta(days=7 - scenario.starts.weekday())
    while monday <= scenario.ends:
        weeks.append(monday)
        monday += dt.timedelta(days=7)
    return weeks


def _station_times(
    pool: Pool, court: NDArray[np.int64], started: NDArray[np.int64], ended: NDArray[np.int64], bounds: NDArray[np.int64]
) -> list[list[PoolTime]]:
    """Return the times of each station of a pool, week by week."""
    times = []
    for station in range(len(pool.calendars)):
        rows = court == station if pool.at_court else np.ones(len(court), bool)
        times.append(time_between(pool, station, pool.sizes, started[rows], ended[rows], bounds))
    return times


def _shares(times: Sequence[PoolTime]) -> NDArray[np.float64]:
    return np.array([t.busy / t.shift if t.shift else np.nan for t in times])
