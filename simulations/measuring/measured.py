"""The measures of one replication: a table for each measure and day, and a few measures at the end of each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ByCourt = NDArray[np.float64]
"""The values of a measure, NaN for no value. Each court is a row, and all courts together are the last row, sometimes the
only one. Each group is a column."""


@dataclass(frozen=True, slots=True)
class Value:
    """One measure of one replication.

    Attributes
    ----------
    at : date or None
        The end of this day; ``None`` for the end of the run.
    value : float or None
        ``None`` for no value.
    """

    measure: str
    court: str
    by: str | None
    group: str | None
    at: dt.date | None
    unit: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Table:
    """One measure on one day, with a row for each chosen court and a column for each group."""

    measure: str
    courts: tuple[str, ...]
    by: str | None
    groups: tuple[str | None, ...]
    at: dt.date | None
    unit: str
    values: ByCourt


@dataclass(frozen=True, slots=True)
class Daily:
    """A measure at the end of each day, of all cases together.

    Attributes
    ----------
    days : ndarray of datetime64[D], shape (n_days,)
        Without days if the measure is not chosen.
    courts : tuple of str
        The chosen courts; ``all`` for all courts together.
    values : ndarray of int64 or float64, shape (n_days, n_courts)
    """

    measure: str
    unit: str
    days: NDArray[np.datetime64]
    courts: tuple[str, ...]
    values: NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """The measures of one replication. Iterating yields each `Value`.

    Attributes
    ----------
    courts : tuple of str
    tables : sequence of Table
    daily : Daily
        Pending cases, without the days of the tables, which have `pending` too.
    next_free : sequence of Daily
        Days until the next free date of each pool with hearing dates, without the days of the tables.
    """

    courts: tuple[str, ...]
    tables: Sequence[Table]
    daily: Daily
    next_free: Sequence[Daily] = ()

    def __len__(self) -> int:
        return sum(table.values.size for table in self.tables) + sum(daily.values.size for daily in (self.daily, *self.next_free))

    def __iter__(self) -> Iterator[Value]:
        columns, labels = self.columns()
        names = {
            name: [None if k < 0 else labels[name][k] for k in columns[name].tolist()]
            for name in ("measure", "court", "by", "group", "unit")
        }
        days = columns["at"].tolist()
        values = columns["value"].tolist()
        for measure, court, by, group, at, unit, value in zip(
            names["measure"], names["court"], names["by"], names["group"], days, names["unit"], values, strict=True
        ):
            yield Value(str(measure), str(court), by, group, at, str(unit), None if value != value else value)

    def columns(self) -> tuple[dict[str, NDArray[Any]], Mapping[str, list[str]]]:
        """Return the values as columns, and the labels of the codes in them; -1 stands for ``None``."""
        labels: dict[str, dict[str, int]] = {name: {} for name in ("measure", "by", "group", "unit")}

        def code(column: str, label: str | None) -> int:
            return -1 if label is None else labels[column].setdefault(label, len(labels[column]))

        tables, every_day = list(self.tables), (self.daily, *self.next_free)
        at: dict[dt.date | None, int] = {None: 0}
        kinds = [(code("measure", t.measure), code("by", t.by), code("unit", t.unit), at.setdefault(t.at, len(at))) for t in tables]  # fmt: skip
        kinds += [(code("measure", daily.measure), -1, code("unit", daily.unit), 0) for daily in every_day]
        shapes = [(t.courts, t.groups) for t in tables]
        rows = {shape: self._rows(shape[0], [code("group", g) for g in shape[1]]) for shape in dict.fromkeys(shapes)}
        sizes = [t.values.size for t in tables]
        of = np.repeat(np.array(kinds, np.int32), [*sizes, *(daily.values.size for daily in every_day)], axis=0)
        where_daily = [np.tile(self._rows(daily.courts, [-1]), (len(daily.days), 1)) for daily in every_day]
        where = np.concatenate([*(rows[shape] for shape in shapes), *where_daily])
        taken = np.array([*at], "datetime64[D]")[of[: sum(sizes), 3]]
        columns: dict[str, NDArray[Any]] = {
            "measure": of[:, 0],
            "court": where[:, 0],
            "by": of[:, 1],
            "group": where[:, 1],
            "at": np.concatenate([taken, *(np.repeat(daily.days, len(daily.courts)) for daily in every_day)]),
            "unit": of[:, 2],
            "value": np.concatenate([*(t.values.ravel() for t in tables), *(daily.values.ravel() for daily in every_day)]).astype(
                float
            ),
        }
        return columns, {**{name: list(codes) for name, codes in labels.items()}, "court": [*self.courts, "all"]}

    def _rows(self, courts: Sequence[str], groups: Sequence[int]) -> NDArray[np.int32]:
        """Return the codes of court and group of each value of a table with these courts and groups."""
        codes = {court: code for code, court in enumerate((*self.courts, "all"))}
        return np.array([(codes[court], g) for court in courts for g in groups], np.int32).reshape(-1, 2)
