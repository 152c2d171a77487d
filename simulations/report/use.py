"""The weekly utilisation of each pool, and the share of its slots that were used, read from the log.

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

from simulations.log.row import INTERRUPTED
from simulations.measuring.slots import slots_between, slots_taken
from simulations.measuring.utilisation import time_between
from simulations.run_folder.folders import parts_of
from simulations.running.intervals import prediction_ends
from simulations.scenarios.scenario import Pool, Scenario
from workflow.sql.quoting import literal_path


@dataclass(frozen=True)
class Use:
    """The share of time on shift that the servers of a pool work, or the share of its slots that are used, by week.

    Attributes
    ----------
    court : str
        ``all`` stands for all courts together.
    weeks : list of date
        The first day of each week.
    mean, low, high : ndarray of float, shape (n_weeks,)
        Mean over replications, and the ends of its prediction interval; NaN for a week without a shift.
    of_slots : bool
        Whether it is the share of slots.
    """

    pool: str
    court: str
    weeks: list[dt.date]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    of_slots: bool = False


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
    kinds = ("events", "holds") if scenario.queues_with_teams else ("events",)
    shares: dict[tuple[str, str, bool], list[NDArray[np.float64]]] = {}
    paths = {kind: parts_of(folder, kind) for kind in kinds}
    for k in replications:
        files = {kind: literal_path(of_kind[k]) for kind, of_kind in paths.items()}
        rows = f"""select sequence, pool, current_court as court, date_diff('microsecond', {start}, started_at) as started,
                date_diff('microsecond', {start}, happened_at) as ended,
                activity, lag(cause) over (partition by case_id order by file_row_number) is not distinct from '{INTERRUPTED}' as resumed
            from read_parquet($events, file_row_number = true, hive_partitioning = false)
            where replication = {int(k)} and enabled_at is not null
            qualify pool is not null and started_at is not null
                and (batch is null or row_number() over (partition by batch order by file_row_number desc) = 1)"""
        if "holds" in kinds:
            rows = f"""select holds.pool, rows.court, started, ended, activity, resumed from ({rows}) rows
                join (select sequence, pool from read_parquet($holds, hive_partitioning = false) where replication = {int(k)}) holds using (sequence)"""
        work = connection.execute(
            f"""select list_position($pools, pool) - 1 as pool, list_position($courts, court) - 1 as court, started, ended, resumed,
                list_position($activities, activity) - 1 as activity
            from ({rows})""",
            {
                "pools": list(scenario.pools),
                "courts": list(scenario.courts),
                "activities": list(scenario.workflow.activities),
                **files,
            },
        ).fetchnumpy()
        for code, (name, pool) in enumerate(scenario.pools.items()):
            of_pool = work["pool"] == code
            at, started, ended, resumed, activity = (
                np.asarray(work[key][of_pool], np.int64) for key in ("court", "started", "ended", "resumed", "activity")
            )
            n_stations = len(pool.calendars)
            here = [at == station if pool.at_court else np.ones(len(at), bool) for station in range(n_stations)]
            by_kind = {False: [_busy(pool, k, started[rows], ended[rows], bounds) for k, rows in enumerate(here)]}
            if pool.slots is not None:
                new = [
                    np.repeat(started[mine], slots_taken(scenario, activity[mine]))
                    for mine in (rows & (resumed == 0) for rows in here)
                ]
                by_kind[True] = [np.array(slots_between(pool, k, pool.sizes, new[k], bounds.tolist())) for k in range(n_stations)]
            for of_slots, stations in by_kind.items():
                shares.setdefault((name, "all", of_slots), []).append(_shares(np.sum(stations, axis=0)))
                for court, parts in zip(scenario.courts, stations, strict=True) if pool.at_court else ():
                    if court in courts:
                        shares.setdefault((name, court, of_slots), []).append(_shares(parts))
    uses = []
    for (pool_name, court, of_slots), by_replication in shares.items():
        values = np.stack(by_replication, axis=-1)
        mean = values.mean(axis=-1)
        low, high = prediction_ends(values, confidence, 0.0, 1.0) or (mean, mean)
        uses.append(Use(pool_name, court, weeks, mean, low, high, of_slots))
    return uses


def _weeks(scenario: Scenario) -> list[dt.date]:
    """Return the first day of each week of the run."""
    weeks = [scenario.starts]
    monday = scenario.starts + dt.timedelta(days=7 - scenario.starts.weekday())
    while monday <= scenario.ends:
        weeks.append(monday)
        monday += dt.timedelta(days=7)
    return weeks


def _busy(
    pool: Pool, station: int, started: NDArray[np.int64], ended: NDArray[np.int64], bounds: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the busy time and the time on shift of a station, week by week."""
    times = time_between(pool, station, pool.sizes, started, ended, bounds)
    return np.array([[time.busy for time in times], [time.shift for time in times]], np.int64)


def _shares(parts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the first row over the second; NaN where that is 0."""
    return np.asarray(np.divide(parts[0], parts[1], out=np.full(parts.shape[1], np.nan), where=parts[1] > 0))
