"""Results over replications: means with confidence intervals, and prediction intervals of one new replication.

The confidence interval (`low`, `high`) is of the mean; it narrows with more replications. The prediction interval
(`prediction_low`, `prediction_high`) is of one new replication; it does not narrow.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.descriptors import describe
from simulations.measuring.selection import Selection
from simulations.run_folder.database import cursor
from simulations.run_folder.folders import parts_of
from simulations.run_folder.manifest import read_manifest
from simulations.running.intervals import Prediction, interval, prediction
from simulations.running.options import CONFIDENCE
from simulations.running.splitting import Split, Splitter
from simulations.scenarios.scenario import Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.errors import InputError, MissingResult, format_names, nearest
from workflow.files.table import n_of
from workflow.run_files.tables import mistake_in_labels, readable
from workflow.sql.quoting import literal_path, text

_MOST_MISTAKES = 20
ESTIMATE_COLUMNS = (
    "measure", "court", "by", "group", "at", "unit", "mean", "low", "high", "prediction_low", "prediction_high",
    "prediction_method", "date",
)  # fmt: skip
"""The keys of an estimate in JSON, and its columns in CSV."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure over replications.

    Attributes
    ----------
    mean, low, high : float or None
        Mean, and ends of its confidence interval; ``None`` without a value. A single replication has no interval.
    prediction : Prediction or None
        Prediction interval of one new replication.
    date : date or None
        The date of the mean, for a measure that is a date.
    n : int
        Number of replications with a value.
    of : int
        Number of replications.
    parameters : Split or None
        The share of the variance that comes from uncertain inputs; ``None`` without such inputs, with too few replications,
        and where not every replication has a value.
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
    prediction: Prediction | None
    date: dt.date | None
    n: int
    of: int
    parameters: Split | None = None

    def __repr__(self) -> str:
        group = "" if self.by is None else f", {self.by}={self.group}"
        when = "" if self.at is None else f", {self.at}"
        value = "no value" if self.mean is None else f"{self.mean:.6g} {self.unit}" if self.date is None else str(self.date)
        ends = "" if self.low is None or self.date is not None else f" ({self.low:.6g} to {self.high:.6g})"
        return f"<Estimate of {self.measure}, {self.court}{group}{when}: {value}{ends}, {self.n} of {self.of} replications>"

    @property
    def half_width(self) -> float | None:
        """Return half the width of the confidence interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def prediction_low(self) -> float | None:
        """Return the lower end of the prediction interval."""
        return None if self.prediction is None else self.prediction.low

    @property
    def prediction_high(self) -> float | None:
        """Return the upper end of the prediction interval."""
        return None if self.prediction is None else self.prediction.high

    @property
    def prediction_method(self) -> str | None:
        """Return how the prediction interval was computed."""
        return None if self.prediction is None else self.prediction.method

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        values = {name: getattr(self, name) for name in ESTIMATE_COLUMNS}
        if self.parameters is not None:
            values["parameters"] = asdict(self.parameters)
        return {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in values.items()}


@dataclass(frozen=True)
class Series(Sequence[Estimate]):
    """Pending cases, or the days until the next free date, at the end of each day, over replications.

    As a sequence it holds an `Estimate` for each day and court, in the order of days, then courts.

    Attributes
    ----------
    days : ndarray of datetime64[D], shape (n_days,)
    courts : tuple of str
        ``all`` is the last.
    values : ndarray of float, shape (n_days, n_courts + 1, n_replications)
        NaN where a replication has no value, such as no free date.
    confidence : float
    measure, unit : str
    """

    days: NDArray[np.datetime64]
    courts: tuple[str, ...]
    values: NDArray[np.float64]
    confidence: float = CONFIDENCE
    measure: str = "pending"
    unit: str = "cases"

    def __repr__(self) -> str:
        days = f"{self.days[0]} to {self.days[-1]}" if len(self.days) else "no days"
        return f"<Series of {self.measure}: {days}, {format_names(self.courts)}, {n_of(self.values.shape[2], 'replication')}>"

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Return the means over the replications that have a value, shape (n_days, n_courts + 1); NaN without any."""
        known = np.isfinite(self.values)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(known, self.values, 0.0).sum(axis=2) / known.sum(axis=2))

    def of(self, court: str) -> NDArray[np.float64]:
        """Return the means of a court, day by day.

        Raises
        ------
        MissingResult
            If the series has no such court.
        """
        if court not in self.courts:
            raise MissingResult(
                f"{court!r} is not a court of the series.{nearest(court, self.courts)} It has {format_names(self.courts)}."
            )
        return self.mean[:, self.courts.index(court)]

    def at(self, day: dt.date, court: str) -> Estimate | None:
        """Return the estimate of a day, or ``None`` if the day or the court is not in the series."""
        row = int(np.searchsorted(self.days, np.datetime64(day)))
        if court not in self.courts or row == len(self.days) or self.days[row] != np.datetime64(day):
            return None
        estimate: Estimate = self[row * len(self.courts) + self.courts.index(court)]
        return estimate

    def shown(self, courts: Mapping[str, Sequence[str]]) -> Series:
        """Return a series with a column for each name: the sum of these courts, by replication."""
        parts = [[name] if name in self.courts else members for name, members in courts.items()]
        columns = [self.values[:, [self.courts.index(c) for c in members]].sum(axis=1) for members in parts]
        return replace(self, courts=tuple(courts), values=np.stack(columns, axis=1))

    def select(self, selection: Selection) -> Series:
        """Return the series of the chosen courts; an empty one if the measure is not chosen."""
        columns = [k for k, court in enumerate(self.courts) if selection.has(self.measure, court)]
        courts, days = tuple(self.courts[k] for k in columns), self.days if columns else self.days[:0]
        return replace(self, days=days, courts=courts, values=self.values[: len(days), columns])

    def __len__(self) -> int:
        return len(self.days) * len(self.courts)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        row, column = divmod(range(len(self))[index], len(self.courts))
        values = self.values[row, column]
        known = values[np.isfinite(values)].tolist()
        low, high = interval(known, self.confidence, least=0.0) or (None, None)
        return Estimate(
            self.measure, self.courts[column], None, None, self.days[row].item(), self.unit,
            float(self.mean[row, column]) if known else None,
            low, high, prediction(known, self.confidence, least=0.0), None, len(known), len(values),
        )  # fmt: skip

    def of_courts(self, courts: Container[str], days: int | None = None) -> list[Estimate]:
        """Return the estimates of these courts, of all days or of about `days` days including the last one."""
        if not len(self.days):
            return []
        step = max(1, len(self.days) // days) if days else 1
        rows = sorted({*range(0, len(self.days), step), len(self.days) - 1})
        columns = [k for k, court in enumerate(self.courts) if court in courts]
        return [self[row * len(self.courts) + k] for row in rows for k in columns]


@dataclass(frozen=True, slots=True)
class Contrast:
    """The groups with the longest and the shortest mean time, for all courts together, at the end of the run.

    Attributes
    ----------
    longest, shortest : str
        Groups, by their means over replications.
    ratio, low, high : float or None
        Mean over replications of the ratio of the longest group's value to the shortest group's, with its interval.
    clear : bool or None
        Whether the ratio is above 1 for more than chance: its interval, corrected for the number of mean times and of pairs
        of groups (Bonferroni), is above 1. ``None`` for a single replication.
    """

    measure: str
    by: str
    longest: str
    shortest: str
    ratio: float
    low: float | None
    high: float | None
    clear: bool | None

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


Values = Mapping[tuple[str, str, str | None, str | None, dt.date | None, str], list[float | None]]
"""The values of every measure of a run, one for each replication, by measure, court, by, group, day and unit."""


def contrasts(scenario: Scenario, read: Values, confidence: float = CONFIDENCE) -> list[Contrast]:
    """Compare the groups with the longest and the shortest time, for every mean time and every ``by`` of a run.

    A group without a value in some replication, such as one without any wait, is left out.
    """
    descriptors = describe(scenario)
    groups: dict[tuple[str, str], dict[str, list[float]]] = {}
    for (measure, court, by, group, at, _), values in read.items():
        known = [v for v in values if v is not None]
        whole_run = court == "all" and at is None and len(known) == len(values)
        if by and group and whole_run and descriptors[measure].is_mean_time:
            groups.setdefault((measure, by), {})[group] = known
    compared = {key: of_groups for key, of_groups in groups.items() if len(of_groups) > 1}
    n_pairs = Counter[str]()
    for (_, by), of_groups in compared.items():
        n_pairs[by] += math.comb(len(of_groups), 2)
    ranked = []
    for (measure, by), of_groups in compared.items():
        shortest, *_, longest = sorted(of_groups, key=lambda group: math.fsum(of_groups[group]))
        if min(of_groups[shortest]) <= 0:
            continue
        ratios = [a / b for a, b in zip(of_groups[longest], of_groups[shortest], strict=True)]
        low, high = interval(ratios, confidence, least=0.0) or (None, None)
        corrected = interval(ratios, 1 - (1 - confidence) / n_pairs[by], least=0.0)
        clear = None if corrected is None else corrected[0] > 1
        ranked.append(Contrast(measure, by, longest, shortest, math.fsum(ratios) / len(ratios), low, high, clear))
    return ranked


def read_values(folder: Path, replications: Iterable[int]) -> Values:
    """Return the values of every measure of a run folder, one for each replication.

    The daily series is left out, except on the days for which the run was measured.
    """
    days = ", ".join(f"date '{dt.date.fromisoformat(day)}'" for day in read_manifest(folder)["at"])
    rows = _query(
        'select measure, court, "by", "group", "at", unit, list(value order by replication) from part'
        f' where not ({_DAILY}) or "at" in ({days or "null"}) group by all order by min(file_row_number)',
        folder,
        replications,
        "fetchall",
    )
    return {tuple(key): values for *key, values in rows}


def check_values(values: Values, scenario: Scenario, folder: Path, replications: Sequence[int]) -> None:
    """Check that values have the names of a scenario, are finite, and that every replication has some.

    Raises
    ------
    InputError
        With every wrong name, or with one message.
    """
    descriptors = describe(scenario)
    units = {descriptor.unit for descriptor in descriptors.values()}
    known = {"measure": (0, descriptors), "court": (1, (*scenario.courts, "all")), "unit": (5, units)}
    wrong = [
        mistake_in_labels(folder, "measures", column, label, allowed)
        for column, (place, allowed) in known.items()
        for label in dict.fromkeys(key[place] for key in values)
        if label not in allowed
    ]
    if wrong:
        raise InputError(wrong[:_MOST_MISTAKES])
    if max(map(len, values.values()), default=0) < len(replications):
        advice = f"docketsim verify {folder} checks the parts"
        without = _without_measures(folder, replications)
        raise InputError([f"{folder}: measures: replication {format_names(without)} has none; {advice}"])
    if any(v is not None and not math.isfinite(v) for of_key in values.values() for v in of_key):
        raise InputError([f"{folder}: measures: a value is infinite; docketsim verify {folder} checks the parts"])


def _without_measures(folder: Path, replications: Sequence[int]) -> list[int]:
    measured = _query("select distinct replication from part", folder, replications, "fetchall")
    return sorted({*replications} - {number for (number,) in measured})


def read_series(
    folder: Path, replications: Iterable[int], confidence: float = CONFIDENCE, measure: str = "pending", unit: str = "cases"
) -> Series:
    """Return a daily series of a run folder; an empty one if the measure was not chosen."""
    numbers = list(replications)
    daily = f"""measure = {text(measure)} and "by" is null and "at" is not null"""
    courts = f"select court from part where {daily} group by court order by min(file_row_number)"
    names = tuple(court for (court,) in _query(courts, folder, numbers[:1], "fetchall"))
    columns = _query(
        f'select "at", value, replication, list_position({[*names]}::varchar[], court)::integer as court from part where {daily}',
        folder,
        numbers,
        "fetchnumpy",
    )
    if not names:
        return Series(np.empty(0, "datetime64[D]"), (), np.empty((0, 0, len(numbers))), confidence, measure, unit)
    columns = _in_order(columns)
    values: NDArray[np.float64] = np.ma.masked_array(columns["value"], dtype=float).filled(np.nan)
    complete = np.isfinite(values).all() if measure == "pending" else not np.isinf(values).any()
    if len(values) % (len(names) * len(numbers)) or not complete:
        raise InputError([f"{folder}: measures: {measure} is not known for every day and court; docketsim verify {folder}"])
    days = np.asarray(columns["at"]).astype("datetime64[D]")[:: len(names) * len(numbers)]
    return Series(days, names, values.reshape(-1, len(names), len(numbers)), confidence, measure, unit)


def _in_order(columns: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
    """Return the rows of a daily series by day, court and replication. Those of one replication are mostly in this order."""
    court, replication = (np.ma.filled(columns[name], 0).astype(np.int64) for name in ("court", "replication"))
    day = np.asarray(columns["at"]).astype("datetime64[D]").astype(np.int64)
    place = (day * (int(court.max(initial=0)) + 1) + court) * (int(replication.max(initial=0)) + 1) + replication
    if (place[1:] > place[:-1]).all():
        return columns
    order = np.argsort(place, kind="stable")
    return {name: column[order] for name, column in columns.items()}


_DAILY = """(measure = 'pending' or starts_with(measure, 'next_free.')) and "by" is null and "at" is not null"""


def _query(query: str, folder: Path, replications: Iterable[int], fetch: str) -> Any:
    """Query ``part``: the measures of these replications, with `file_row_number`."""
    numbers, parts = [*replications], parts_of(folder, "measures")
    files = list(dict.fromkeys(literal_path(parts[k]) for k in numbers))
    rows = "read_parquet($files, file_row_number = true, hive_partitioning = false)"
    part = f"with part as (select * from {rows} where replication in (select unnest($numbers))) "
    with readable(folder), cursor() as connection:
        return getattr(connection.execute(part + query, {"files": files, "numbers": numbers}), fetch)()


def estimates(
    scenario: Scenario, read: Values, confidence: float = CONFIDENCE, inputs: Sequence[Sequence[float]] = ()
) -> list[Estimate]:
    """Return the estimate of every measure of a run.

    Parameters
    ----------
    read : mapping
        The values of the run, as `read_values` returns them.
    confidence : float
        Between 0 and 1.
    inputs : sequence of sequence of float
        The values of each uncertain input, one for each replication.

    Notes
    -----
    A date has a mean only if every replication reached it: the mean of the others would be too early.
    """
    descriptors, horizon = describe(scenario), scenario.horizon / MICROSECONDS_PER_DAY
    estimated = []
    splitter = Splitter(inputs, len(inputs[0]), confidence) if inputs else None
    for (measure, court, by, group, at, unit), values in read.items():
        descriptor, known = descriptors[measure], [v for v in values if v is not None]
        usable = known if not descriptor.is_date or len(known) == len(values) else []
        mean = math.fsum(usable) / len(usable) if usable else None
        date = scenario.epoch.date(round(mean * MICROSECONDS_PER_DAY)) if descriptor.is_date and mean is not None else None
        low = high = band = split = None
        if len(usable) > 1:
            bounds = (descriptor.low, horizon if descriptor.is_date else descriptor.high)
            low, high = interval(usable, confidence, *bounds) or (None, None)
            band = prediction(usable, confidence, *bounds)
            split = splitter.split(usable) if splitter is not None and len(usable) == len(values) else None
        estimated.append(
            Estimate(measure, court, by, group, at, unit, mean, low, high, band, date, len(known), len(values), split)
        )
    return estimated
