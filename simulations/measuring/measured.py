"""What was measured in one replication, in columns: a table a measure, by court and group, and `pending` at the end of each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Daily", "Measured", "Places", "Table", "Value"]

Places = NDArray[np.float64]
"""The values of a measure: a row a court and a last one for all courts together, or that one alone; a column a group. NaN where
there is nothing to measure."""


@dataclass(frozen=True, slots=True)
class Value:
    """One measure of one replication.

    Attributes
    ----------
    at : date or None
        The day at whose end it is taken; ``None`` for the end of the run.
    value : float or None
        ``None`` where there is nothing to measure.
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
    """One measure on one day, for each court and group."""

    measure: str
    by: str | None
    groups: tuple[str | None, ...]
    at: dt.date | None
    unit: str
    places: Places


@dataclass(frozen=True, slots=True)
class Daily:
    """Cases pending at the end of each day.

    Attributes
    ----------
    days : ndarray of datetime64[D], shape (n_days,)
    pending : ndarray of int64, shape (n_days, n_courts + 1)
        The last column is of all courts together.
    """

    days: NDArray[np.datetime64]
    pending: NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """What was measured in one replication; iterating yields each value.

    Attributes
    ----------
    courts : tuple of str
    tables : sequence of Table
    daily : Daily
        Without the days of the tables, which have their own `pending`.
    """

    courts: tuple[str, ...]
    tables: Sequence[Table]
    daily: Daily

    def __len__(self) -> int:
        return sum(table.places.size for table in self.tables) + self.daily.pending.size

    def __iter__(self) -> Iterator[Value]:
        columns, words = self.columns()
        names = {name: [None if k < 0 else words[name][k] for k in codes.tolist()] for name, codes in columns.items() if name in words}  # fmt: skip
        days = columns["at"].tolist()
        values = columns["value"].tolist()
        for measure, court, by, group, at, unit, value in zip(
            names["measure"], names["court"], names["by"], names["group"], days, names["unit"], values, strict=True
        ):
            yield Value(str(measure), str(court), by, group, at, str(unit), None if value != value else value)

    def columns(self) -> tuple[dict[str, NDArray[Any]], Mapping[str, list[str]]]:
        """Return the values as columns, and what the codes in them stand for; -1 stands for nothing."""
        words: dict[str, dict[str, int]] = {name: {} for name in ("measure", "by", "group", "unit")}

        def code(column: str, word: str | None) -> int:
            return -1 if word is None else words[column].setdefault(word, len(words[column]))

        tables = list(self.tables)
        at: dict[dt.date | None, int] = {}
        kinds = [(code("measure", t.measure), code("by", t.by), code("unit", t.unit), at.setdefault(t.at, len(at))) for t in tables]  # fmt: skip
        kinds.append((code("measure", "pending"), -1, code("unit", "cases"), 0))
        shapes = [(t.groups, len(t.places)) for t in tables]
        rows = {shape: self._rows(shape[1], [code("group", g) for g in shape[0]]) for shape in dict.fromkeys(shapes)}
        days, courts = self.daily.pending.shape
        every_day = self._rows(courts, [-1])
        of = np.repeat(np.array(kinds, np.int32), [*(t.places.size for t in tables), days * courts], axis=0)
        where = np.concatenate([*(rows[shape] for shape in shapes), np.tile(every_day, (days, 1))])
        taken = np.array([*at], "datetime64[D]")[of[: len(of) - days * courts, 3]]
        columns: dict[str, NDArray[Any]] = {
            "measure": of[:, 0],
            "court": where[:, 0],
            "by": of[:, 1],
            "group": where[:, 1],
            "at": np.concatenate([taken, np.repeat(self.daily.days, courts)]),
            "unit": of[:, 2],
            "value": np.concatenate([*(t.places.ravel() for t in tables), self.daily.pending.ravel()]).astype(float),
        }
        return columns, {**{name: list(found) for name, found in words.items()}, "court": [*self.courts, "all"]}

    def _rows(self, places: int, groups: Sequence[int]) -> NDArray[np.int32]:
        """Return the place and the group of each value of a table, as codes."""
        last = len(self.courts)
        return np.array([(k, g) for k in range(last + 1 - places, last + 1) for g in groups], np.int32).reshape(-1, 2)
