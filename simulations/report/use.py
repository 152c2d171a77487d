"""How busy was each pool, week by week? Read from the log, for the figure of utilisation.

A mean over a whole run says little of a pool whose work is done after five weeks, or that is suspended for five; the
weeks say it. They begin on Mondays; the first and the last may be shorter.
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
from simulations.scenarios.scenario import Pool, Scenario

__all__ = ["Use", "use_by_week"]


@dataclass(frozen=True)
class Use:
    """The share of their time on shift that the servers of a pool work, in each week.

    Attributes
    ----------
    court : str
        ``all`` for all of them together.
    weeks : list of date
        The first day of each.
    mean, low, high : ndarray of float, shape (n_weeks,)
        Mean over replications and the band of single ones from 5 to 95 percent; NaN for a week without a shift.
    """

    pool: str
    court: str
    weeks: list[dt.date]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def use_by_week(
    connection: Any, folder: Path, replications: Iterable[int], scenario: Scenario, courts: Sequence[str]
) -> list[Use]:
    """Read the use of every pool in every week.

    Parameters
    ----------
    connection
        Of DuckDB; it needs no views.
    folder : Path
        The run folder.
    replications : iterable of int
    scenario : Scenario
    courts : sequence of str
        Those to return, ``all`` among them.
    """
    weeks = _weeks(scenario)
    bounds = np.array([*(scenario.epoch.microseconds(day) for day in weeks), scenario.horizon], np.int64)
    start = f"timestamp '{scenario.starts}'"
    shares: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for k in replications:
        given = {
            "pools": list(scenario.pools),
            "courts": list(scenario.courts),
            "part": str(part_path(folder, "events", k)),
        }
        work = connection.execute(
            f"""select list_position($pools, pool) - 1 as pool, list_position($courts, court) - 1 as court,
                date_diff('microsecond', {start}, started_at) as started, date_diff('microsecond', {start}, happened_at) as ended
            from read_parquet($part) where pool is not null and started_at is not null""",
            given,
        ).fetchnumpy()
        for code, (name, pool) in enumerate(scenario.pools.items()):
            mine = work["pool"] == code
            of, started, ended = (np.asarray(work[key][mine], np.int64) for key in ("court", "started", "ended"))
            places = _of_pool(pool, of, started, ended, bounds)
            everywhere = [_sum(times) for times in zip(*places, strict=True)]
            shares.setdefault((name, "all"), []).append(_shares(everywhere))
            if pool.at_court:
                for court, times in zip(scenario.courts, places, strict=True):
                    if court in courts:
                        shares.setdefault((name, court), []).append(_shares(times))
    return [_use(pool, court, weeks, np.array(found)) for (pool, court), found in shares.items()]


def _weeks(scenario: Scenario) -> list[dt.date]:
    monday = scenario.starts + dt.timedelta(days=7 - scenario.starts.weekday())
    found = [scenario.starts]
    while monday <= scenario.ends:
        found.append(monday)
        monday += dt.timedelta(days=7)
    return found


def _of_pool(
    pool: Pool,
    court: NDArray[np.int64],
    started: NDArray[np.int64],
    ended: NDArray[np.int64],
    bounds: NDArray[np.int64],
) -> list[list[PoolTime]]:
    found = []
    for place in range(len(pool.calendars)):
        mine = court == place if pool.at_court else np.ones(len(court), bool)
        found.append(time_between(pool, place, pool.sizes, started[mine], ended[mine], bounds))
    return found


def _sum(times: Sequence[PoolTime]) -> PoolTime:
    return sum(times, start=PoolTime(0, 0, 0))


def _shares(times: Sequence[PoolTime]) -> NDArray[np.float64]:
    return np.array([t.busy / t.shift if t.shift else np.nan for t in times])


def _use(pool: str, court: str, weeks: list[dt.date], shares: NDArray[np.float64]) -> Use:
    low, high = np.quantile(shares, [0.05, 0.95], axis=0)
    return Use(pool, court, weeks, shares.mean(axis=0), low, high)
