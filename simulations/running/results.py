"""Results over replications: means with confidence intervals, and the range of single replications.

The confidence interval (`low`, `high`) is of the mean; it narrows with more replications. The range from the 5th to the
95th percentile (`q05`, `q95`) is of single replications; it shows how much one run differs from another and does not narrow.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.descriptors import describe
from simulations.run_folder.database import cursor
from simulations.scenarios.scenario import Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY

__all__ = ["Contrast", "Estimate", "Series", "contrasts", "estimates", "interval", "read_series", "read_values"]

CONFIDENCE = 0.95
_MOST_ON_LOGS = 2.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure over replications.

    Attributes
    ----------
    mean, low, high : float or None
        Mean and the ends of its confidence interval; ``None`` where there is nothing to measure, and for the
        interval with a single replication.
    q05, q95 : float or None
        The band of single replications.
    date : date or None
        For a measure that is a point in time: the day of the mean.
    n : int
        Replications that have a value.
    of : int
        Replications in all.
    """

    measure: str
    court: str
    by: str | None
    group: str | None
    at: dt.date | None
    unit: str
    mean: float | None
    low: float | None
    high: float | None
    q05: float | None
    q95: float | None
    date: dt.date | None
    n: int
    of: int

    @property
    def half_width(self) -> float | None:
        """Return half the width of the confidence interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def symmetric(self) -> bool:
        """Return whether both ends of the interval are equally far from the mean."""
        if self.mean is None or self.low is None or self.high is None:
            return True
        return math.isclose(self.high - self.mean, self.mean - self.low, rel_tol=1e-6, abs_tol=1e-12)

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        names = ("measure", "court", "by", "group", "at", "unit", "mean", "low", "high", "q05", "q95", "date")
        found = {name: getattr(self, name) for name in names}
        return {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in found.items()}


@dataclass(frozen=True)
class Series(Sequence[Estimate]):
    """Pending cases at the end of each day, over replications: a row a day, a column a court and a last one for all.

    As a sequence it is of estimates, day by day and court by court.

    Attributes
    ----------
    days : ndarray of datetime64[D], shape (n_days,)
    courts : tuple of str
        With ``all`` at the end.
    values : ndarray of float, shape (n_days, n_courts + 1, n_replications)
    confidence : float
    """

    days: NDArray[np.datetime64]
    courts: tuple[str, ...]
    values: NDArray[np.float64]
    confidence: float = CONFIDENCE

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Return the means, shape (n_days, n_courts + 1)."""
        found: NDArray[np.float64] = self.values.mean(axis=2)
        return found

    def of(self, court: str) -> NDArray[np.float64]:
        """Return the means of a court, day by day."""
        return self.mean[:, self.courts.index(court)]

    def at(self, day: dt.date, court: str) -> Estimate | None:
        """Return the estimate of a day, if it is one of the run."""
        row = int(np.searchsorted(self.days, np.datetime64(day)))
        if court not in self.courts or row == len(self.days) or self.days[row] != np.datetime64(day):
            return None
        found: Estimate = self[row * len(self.courts) + self.courts.index(court)]
        return found

    def __len__(self) -> int:
        return len(self.days) * len(self.courts)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        row, column = divmod(range(len(self))[place], len(self.courts))
        n = self.values.shape[2]
        low, high, q05, q95 = (float(bound[row, column]) if n > 1 else None for bound in self._spread)
        return Estimate(
            "pending", self.courts[column], None, None, self.days[row].item(), "cases", float(self.mean[row, column]),
            low, high, q05, q95, None, n, n,
        )  # fmt: skip

    @cached_property
    def _spread(self) -> tuple[NDArray[np.float64], ...]:
        """Return the ends of the interval of the mean, and of the band of single replications."""
        from scipy.special import stdtrit

        n = self.values.shape[2]
        half = stdtrit(n - 1, 0.5 + self.confidence / 2) * self.values.std(axis=2, ddof=1) / np.sqrt(n) if n > 1 else 0
        return (self.mean - half, self.mean + half, *np.quantile(self.values, [0.05, 0.95], axis=2))

    def of_courts(self, courts: Container[str], days: int | None = None) -> list[Estimate]:
        """Return the estimates of some courts, of about so many days with the last among them, or of all."""
        step = max(1, len(self.days) // days) if days else 1
        rows = sorted({*range(0, len(self.days), step), len(self.days) - 1})
        columns = [k for k, court in enumerate(self.courts) if court in courts]
        return [self[row * len(self.courts) + k] for row in rows for k in columns]


@dataclass(frozen=True, slots=True)
class Contrast:
    """The slowest and the fastest group by a mean time, for all courts together, at the end of the run.

    Attributes
    ----------
    slowest, fastest : str
        By their means over the replications.
    ratio, low, high : float or None
        The mean over replications of the slowest group's value over the fastest group's, with its interval.
    """

    measure: str
    by: str
    slowest: str
    fastest: str
    ratio: float
    low: float | None
    high: float | None

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {name: getattr(self, name) for name in ("measure", "by", "slowest", "fastest", "ratio", "low", "high")}


def contrasts(
    scenario: Scenario, folder: Path, replications: Iterable[int], confidence: float = CONFIDENCE
) -> list[Contrast]:
    """Compare the slowest with the fastest group, for every mean time and every ``by`` of a run folder.

    A group without a value in some replication, such as one in which nobody waited, is left out.
    """
    descriptors = describe(scenario)
    groups: dict[tuple[str, str], dict[str, list[float]]] = {}
    for (measure, court, by, group, at, _), values in read_values(folder, replications).items():
        known = [v for v in values if v is not None]
        whole_run = court == "all" and at is None and len(known) == len(values)
        if by and group and whole_run and descriptors[measure].is_mean_time:
            groups.setdefault((measure, by), {})[group] = known
    found = []
    for (measure, by), values_of in groups.items():
        if len(values_of) < 2:
            continue
        fastest, *_, slowest = sorted(values_of, key=lambda group: math.fsum(values_of[group]))
        if min(values_of[fastest]) <= 0:
            continue
        ratios = [a / b for a, b in zip(values_of[slowest], values_of[fastest], strict=True)]
        low, high = interval(ratios, confidence) or (None, None)
        found.append(Contrast(measure, by, slowest, fastest, math.fsum(ratios) / len(ratios), low, high))
    return found


def interval(
    values: Sequence[float], confidence: float = CONFIDENCE, least: float | None = None, most: float | None = None
) -> tuple[float, float] | None:
    """Return the t interval for the mean of independent replications, or ``None`` for fewer than two.

    Parameters
    ----------
    values : sequence of float
    confidence : float
        Between 0 and 1.
    least, most : float, optional
        Bounds that no value passes.

    Notes
    -----
    Near a bound the distribution of the mean is skewed, and a t interval may pass the bound. In that case the interval is
    computed for the logarithm (with two bounds: the logit) of the mean by the delta method. It then stays within the
    bounds and covers more often. If it is too wide for this, it is cut off at the bound.

    References
    ----------
    Law, A. M. (2015). Simulation Modeling and Analysis, 5th ed., section 4.5.
    """
    n = len(values)
    if n < 2:
        return None
    from scipy.special import stdtrit

    mean = math.fsum(values) / n
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
    half = float(stdtrit(n - 1, 0.5 + confidence / 2)) * spread / math.sqrt(n)
    low, high = mean - half, mean + half
    if (least is None or low >= least) and (most is None or high <= most):
        return low, high
    room = [abs(mean - bound) for bound in (least, most) if bound is not None]
    if all(room) and half * math.fsum(1 / r for r in room) <= _MOST_ON_LOGS:
        odds = math.exp(half * math.fsum(1 / r for r in room))
        if least is not None and most is not None:
            there, away = mean - least, most - mean
            return least + (most - least) * there / (there + away * odds), least + (most - least) * there * odds / (there * odds + away)  # fmt: skip
        if least is not None:
            return least + (mean - least) / odds, least + (mean - least) * odds
    return max(low, -math.inf if least is None else least), min(high, math.inf if most is None else most)


def read_values(
    folder: Path, replications: Iterable[int]
) -> dict[tuple[str, str, str | None, str | None, dt.date | None, str], list[float | None]]:
    """Return the values of every measure over the replications of a run folder, in their order.

    Of the daily series only the days are among them on which everything was measured.
    """
    rows = _asked(
        "with m as (select *, file_row_number as row from read_parquet(?, file_row_number = true)),"
        " days as (select distinct \"at\" from m where measure = 'unfinished')"
        ' select measure, court, "by", "group", "at", unit, list(value order by replication) from m'
        f' where not ({_DAILY}) or "at" in (from days) group by all order by min(row)',
        folder,
        replications,
        "fetchall",
    )
    return {tuple(key): values for *key, values in rows}


def read_series(
    folder: Path, courts: Sequence[str], replications: Iterable[int], confidence: float = CONFIDENCE
) -> Series:
    """Return the daily series of a run folder."""
    numbers = list(replications)
    # In every part the courts of a day stand in their order, the one of all last.
    columns = _asked(
        f'select "at", value from read_parquet(?, file_row_number = true) where {_DAILY}'
        ' order by "at", file_row_number, replication',
        folder,
        numbers,
        "fetchnumpy",
    )
    names = (*courts, "all")
    values = np.asarray(columns["value"], float).reshape(-1, len(names), len(numbers))
    days = np.asarray(columns["at"]).astype("datetime64[D]")[:: len(names) * len(numbers)]
    return Series(days, names, values, confidence)


_DAILY = """measure = 'pending' and "by" is null and "at" is not null"""


def _asked(query: str, folder: Path, replications: Iterable[int], fetch: str) -> Any:
    """Query the measures of the given replications."""
    from simulations.run_folder.parts import part_path

    with cursor() as connection:
        connection.execute(query, [[str(part_path(folder, "measures", k)) for k in replications]])
        return getattr(connection, fetch)()


def estimates(
    scenario: Scenario, folder: Path, replications: Iterable[int], confidence: float = CONFIDENCE
) -> list[Estimate]:
    """Return the estimate of every measure of a run folder.

    Parameters
    ----------
    replications : iterable of int
        Those to take.
    confidence : float
        Of the interval, between 0 and 1.

    Notes
    -----
    A measure that is a point in time has a mean only if it was reached in every replication: the mean of those
    that did would be too early.
    """
    descriptors = describe(scenario)
    found = []
    for (measure, court, by, group, at, unit), values in read_values(folder, replications).items():
        descriptor, known = descriptors[measure], [v for v in values if v is not None]
        usable = known if not descriptor.is_date or len(known) == len(values) else []
        mean = math.fsum(usable) / len(usable) if usable else None
        low, high = interval(usable, confidence, descriptor.low, descriptor.high) or (None, None)
        q05, q95 = np.quantile(usable, [0.05, 0.95]).tolist() if len(usable) > 1 else (None, None)
        date = (
            scenario.epoch.date(round(mean * MICROSECONDS_PER_DAY)) if descriptor.is_date and mean is not None else None
        )
        found.append(
            Estimate(measure, court, by, group, at, unit, mean, low, high, q05, q95, date, len(known), len(values))
        )
    return found
