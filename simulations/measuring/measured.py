"""The measures of one replication: a table for each measure and day, and a few measures at the end of each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

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


class Table(NamedTuple):
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
        heads = tuple([table[:-1] for table in self.tables])
        every_day = (self.daily, *self.next_free)
        codes, at, labels = _coded(self.courts, heads, tuple([(d.measure, d.courts, d.unit, len(d.days)) for d in every_day]))
        values = [*(table.values.ravel() for table in self.tables), *(daily.values.ravel() for daily in every_day)]
        columns: dict[str, NDArray[Any]] = {
            **codes,
            "at": np.concatenate([at, *(np.repeat(daily.days, len(daily.courts)) for daily in every_day)]),
            "value": np.concatenate(values).astype(float),
        }
        return {name: columns[name] for name in ("measure", "court", "by", "group", "at", "unit", "value")}, labels


_Head = tuple[str, tuple[str, ...], str | None, tuple[str | None, ...], dt.date | None, str]
"""A table without its values: measure, courts, by, groups, at and unit."""

_Series = tuple[str, tuple[str, ...], str, int]
"""Daily values without these: measure, courts, unit, and the number of days."""


@lru_cache(maxsize=8)
def _coded(
    all_courts: tuple[str, ...], heads: tuple[_Head, ...], series: tuple[_Series, ...]
) -> tuple[dict[str, NDArray[np.int32]], NDArray[np.datetime64], Mapping[str, list[str]]]:
    """Return the codes of the values of tables and daily values, the days of the tables, and the labels.

    Replications mostly have the same tables.
    """
    labels: dict[str, dict[str, int]] = {name: {} for name in ("measure", "by", "group", "unit")}
    court_codes = {court: code for code, court in enumerate((*all_courts, "all"))}

    def code(column: str, label: str | None) -> int:
        return -1 if label is None else labels[column].setdefault(label, len(labels[column]))

    def places(courts: Sequence[str], groups: Sequence[int]) -> NDArray[np.int32]:
        return np.array([(court_codes[court], g) for court in courts for g in groups], np.int32).reshape(-1, 2)

    at: dict[dt.date | None, int] = {None: 0}
    kinds = [
        (code("measure", measure), code("by", by), code("unit", unit), at.setdefault(day, len(at)))
        for measure, _, by, _, day, unit in heads
    ]
    kinds += [(code("measure", measure), -1, code("unit", unit), 0) for measure, _, unit, _ in series]
    shapes = [(courts, groups) for _, courts, _, groups, _, _ in heads]
    rows = {shape: places(shape[0], [code("group", g) for g in shape[1]]) for shape in dict.fromkeys(shapes)}
    sizes = [len(courts) * len(groups) for courts, groups in shapes]
    of = np.repeat(np.array(kinds, np.int32), [*sizes, *(len(courts) * n for _, courts, _, n in series)], axis=0)
    where_daily = [np.tile(places(courts, [-1]), (n, 1)) for _, courts, _, n in series]
    where = np.concatenate([*(rows[shape] for shape in shapes), *where_daily])
    taken = np.array([*at], "datetime64[D]")[of[: sum(sizes), 3]]
    codes = {"measure": of[:, 0], "court": where[:, 0], "by": of[:, 1], "group": where[:, 1], "unit": of[:, 2]}
    for each in (*codes.values(), taken):
        each.flags.writeable = False
    return codes, taken, {**{name: list(known) for name, known in labels.items()}, "court": [*all_courts, "all"]}
