"""The measures of one replication: a table for each measure and day, and `pending` at the end of each day."""

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
    """Cases pending at the end of each day; without days if `pending` is not chosen.

    Attributes
    ----------
    days : ndarray of datetime64[D], shape (n_days,)
    courts : tuple of str
        The chosen courts; ``all`` for all courts together.
    pending : ndarray of int64, shape (n_days, n_courts)
    """

    days: NDArray[np.datetime64]
    courts: tuple[str, ...]
    pending: NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """The measures of one replication. Iterating yields each `Value`.

    Attributes
    ----------
    courts : tuple of str
    tables : sequence of Table
    daily : Daily
        Without the days of the tables, which have `pending` too.
    """

    courts: tuple[str, ...]
    tables: Sequence[Table]
    daily: Daily

    def __len__(self) -> int:
        return sum(table.values.size for table in self.tables) + self.daily.pending.size

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

        tables = list(self.tables)
        at: dict[dt.date | None, int] = {None: 0}
        kinds = [(code("measure", t.measure), code("by", t.by), code("unit", t.unit), at.setdefault(t.at, len(at))) for t in tables]  # fmt: skip
        kinds.append((code("measure", "pending"), -1, code("unit", "cases"), 0))
        shapes = [(t.courts, t.groups) for t in tables]
        rows = {shape: self._rows(shape[0], [code("group", g) for g in shape[1]]) for shape in dict.fromkeys(shapes)}
        days, courts = self.daily.pending.shape
        every_day = self._rows(self.daily.courts, [-1])
        of = np.repeat(np.array(kinds, np.int32), [*(t.values.size for t in tables), days * courts], axis=0)
        where = np.concatenate([*(rows[shape] for shape in shapes), np.tile(every_day, (days, 1))])
        taken = np.array([*at], "datetime64[D]")[of[: len(of) - days * courts, 3]]
        columns: dict[str, NDArray[Any]] = {
            "measure": of[:, 0],
            "court": where[:, 0],
            "by": of[:, 1],
            "group": where[:, 1],
            "at": np.concatenate([taken, np.repeat(self.daily.days, courts)]),
            "unit": of[:, 2],
            "value": np.concatenate([*(t.values.ravel() for t in tables), self.daily.pending.ravel()]).astype(float),
        }
        return columns, {**{name: list(codes) for name, codes in labels.items()}, "court": [*self.courts, "all"]}

    def _rows(self, courts: Sequence[str], groups: Sequence[int]) -> NDArray[np.int32]:
        """Return the codes of court and group of each value of a table with these courts and groups."""
        codes = {court: code for code, court in enumerate((*self.courts, "all"))}
        return np.array([(codes[court], g) for court in courts for g in groups], np.int32).reshape(-1, 2)
