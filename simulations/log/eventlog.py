"""The event log: one row for each move of a case, kept as codes until it is written to a file.

The columns are declared in `simulations.log.row`. ``happened_at`` is the instant of the row; ``enabled_at``,
``started_at`` and ``completed_at`` belong to the work that the row ends. Instants are microseconds since the scenario's
start, `NEVER` if missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.row import BY_INTERRUPTION, COLUMNS, HORIZON, NEVER, NOT_STEPS, Column
from simulations.scenarios.population import Cases
from simulations.scenarios.scenario import Scenario
from workflow.model.definition import COMPLETE, ENTER

__all__ = [
    "HORIZON",
    "NEVER",
    "ByCase",
    "ByStation",
    "EventLog",
    "Hold",
    "Interruptions",
    "Labels",
    "OnRows",
    "Row",
    "Sizes",
    "event_log",
    "order_of",
]

Row = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int]
"""The values of a row, in the order of `simulations.log.row.COLUMNS`."""

Hold = tuple[int, int, int]
"""Index of a row, and pool and server of a server of the row's team besides the one in the row."""

Sizes = tuple[tuple[tuple[int, int], ...], ...]
"""For each station of a pool: pairs of a time in microseconds since the start, and the number of servers from then on."""


@dataclass(frozen=True)
class Labels:
    """The labels of a log's codes, one tuple for each column; the code -1 has no label."""

    transition: tuple[str, ...]
    cause: tuple[str, ...]
    state: tuple[str, ...]
    activity: tuple[str, ...]
    pool: tuple[str, ...]
    outcome: tuple[str, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> Labels:
        """Return the labels of a scenario's logs."""
        workflow = scenario.workflow
        return cls(
            scenario.transition_names,
            (COMPLETE, ENTER, *NOT_STEPS, *workflow.events),
            tuple(workflow.states),
            tuple(workflow.activities),
            tuple(scenario.pools),
            workflow.outcome_labels,
        )

    def column(self, name: str) -> tuple[str, ...]:
        """Return the labels of a column of the log."""
        labels: tuple[str, ...] = getattr(self, "state" if name in ("from_state", "to_state") else name)
        return labels

    def types(self) -> dict[str, type[np.signedinteger[Any]]]:
        """Return the type of each column of the log: the smallest, because logs of millions of rows fill the memory."""
        types: dict[str, type[np.signedinteger[Any]]] = {}
        for column in COLUMNS:
            if column.kind == "label":
                types[column.name] = np.int8 if len(self.column(column.name)) < 127 else np.int16
            else:
                types[column.name] = np.int64 if column.kind == "instant" else np.int32
        return types


@dataclass(frozen=True, slots=True)
class ByCase:
    """The rows of a log sorted by case; the rows of a case are in order of time.

    Attributes
    ----------
    order : ndarray of int64, shape (n_rows,)
    first : ndarray of int64, shape (n_cases + 1,)
        Index in `order` of the first row of each case.
    """

    order: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def of(cls, case: NDArray[np.integer[Any]], n: int) -> ByCase:
        """Sort rows by the number of their case, from 0 to below n."""
        return cls(order_of(case, n), _first(case, n))

    @property
    def opening(self) -> NDArray[np.int64]:
        """Return the index in `order` of the first row of each case that has rows."""
        return self.first[:-1][np.diff(self.first) > 0]


@dataclass(frozen=True, slots=True)
class ByStation:
    """The rows of a log that belong to a pool, sorted by station; the rows of a station are in order of time.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
    first : ndarray of int64, shape (n_stations + 1,)
        Index in `rows` of the first row of each station, pool by pool.
    """

    rows: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def of(cls, rows: NDArray[np.int64], station: NDArray[np.int64], n_stations: int) -> ByStation:
        """Sort rows by their stations."""
        return cls(rows[order_of(station, n_stations)], _first(station, n_stations))

    def select(self, which: NDArray[np.bool_]) -> ByStation:
        """Return the rows for which `which` is true."""
        return ByStation(self.rows[which], np.append(0, np.cumsum(which))[self.first])


@dataclass(frozen=True, slots=True)
class Interruptions:
    """The interruptions of work.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        The rows that interrupt work, in order of time.
    following, last : ndarray of int64, shape (n,)
        For each, the row that ends the next part of that work, and the row that ends its last part.
    """

    rows: NDArray[np.int64]
    following: NDArray[np.int64]
    last: NDArray[np.int64]


@dataclass(frozen=True)
class EventLog:
    """What happened in one replication.

    Attributes
    ----------
    cases : Cases
    labels : Labels
    columns : mapping of str to ndarray, shape (n_rows,)
        With the types of `Labels.types`.
    resized : mapping of str to Sizes
        Actual sizes of the pools that a user's process resized.
    further : ndarray of int64, shape (n, 3)
        The servers of teams that the rows do not name: the index of the row, pool and server of each, as in `Hold`.
    transfers : ndarray of int64, shape (n, 2)
        The rows that move a case to another court, in order, each with that court.
    batches : ndarray of int64, shape (n, 2)
        The rows of cases that a server served together with others, in order, each with the number of its batch.
    """

    cases: Cases
    labels: Labels
    columns: Mapping[str, NDArray[Any]]
    resized: Mapping[str, Sizes] = field(default_factory=dict)
    further: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    transfers: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    batches: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    def sizes(self, pool: str) -> Sizes:
        """Return the sizes of a pool over time at each of its stations."""
        return self.resized.get(pool, self.cases.scenario.pools[pool].sizes)

    def __len__(self) -> int:
        return len(self.columns["case_id"])

    @cached_property
    def by_case(self) -> ByCase:
        """Return the rows sorted by case."""
        return ByCase.of(self.columns["case_id"], len(self.cases))

    def only(self, rows: NDArray[np.int64]) -> EventLog:
        """Return the log of some rows, in order, which are all rows of their cases; without servers of teams and batches."""
        moves = self.transfers[np.isin(self.transfers[:, 0], rows)]
        transfers = np.column_stack([np.searchsorted(rows, moves[:, 0]), moves[:, 1]])
        columns = {name: column[rows] for name, column in self.columns.items()}
        return EventLog(self.cases, self.labels, columns, self.resized, transfers=transfers)

    def court_at(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the court at which the case of each row was before the row."""
        if len(self.transfers):
            return self._court_before.take(rows)
        return self.cases.court.take(self.columns["case_id"].take(rows))  # for small integers `take` is faster than []

    @cached_property
    def _court_before(self) -> NDArray[np.int64]:
        """Return the court at which the case of each row was before the row."""
        order, first = self.by_case.order, self.by_case.opening
        index = np.empty(len(self), np.int64)
        index[order] = np.arange(len(self))
        court = np.full(len(self) + 1, -1, np.int64)
        court[index[self.transfers[:, 0]] + 1] = self.transfers[:, 1]  # of the next row in the order of cases
        court = court[:-1]
        court[first] = self.cases.court[np.diff(self.by_case.first) > 0]
        known = np.maximum.accumulate(np.where(court >= 0, np.arange(len(court)), 0))
        before = np.empty(len(self), np.int64)
        before[order] = court[known]
        return before

    def courts_after(self, n_rows: int) -> NDArray[np.int64]:
        """Return the court at which each case is after a number of rows."""
        court = self.cases.court.astype(np.int64)
        moves = self.transfers[: np.searchsorted(self.transfers[:, 0], n_rows)]
        court[self.columns["case_id"][moves[:, 0]]] = moves[:, 1]  # numpy keeps the last of several assignments
        return court

    def since(self) -> NDArray[np.int64]:
        """Return when the case of each row entered its state, in the order of `by_case`."""
        since = np.empty(len(self), np.int64)
        since[1:] = self.columns["happened_at"][self.by_case.order[:-1]]
        since[self.by_case.opening] = np.maximum(self.cases.arrived[np.diff(self.by_case.first) > 0], 0)
        return since

    @cached_property
    def interruptions(self) -> Interruptions:
        """Return the rows that interrupt work, each with the rows that end the next and the last part of that work."""
        rows = np.flatnonzero(self.columns["cause"] == BY_INTERRUPTION)
        if not len(rows):
            return Interruptions(rows, rows, rows)
        order, n = self.by_case.order, len(self)
        index = np.empty(n, np.int64)
        index[order] = np.arange(n)
        of_work = np.flatnonzero(self.columns["enabled_at"][order] > NEVER)
        following = order[of_work[np.searchsorted(of_work, index[rows], side="right")]]
        last = following
        while (again := np.isin(last, rows)).any():
            last = np.where(again, following[np.minimum(np.searchsorted(rows, last), len(rows) - 1)], last)
        return Interruptions(rows, following, last)

    @cached_property
    def by_station(self) -> ByStation:
        """Return the rows that end a wait for a pool or the work of a server, sorted by station."""
        rows = np.flatnonzero(self.columns["pool"] >= 0)
        n_stations = sum(len(p.calendars) for p in self.cases.scenario.pools.values())
        return ByStation.of(rows, self.station_of(rows), n_stations)

    @cached_property
    def by_queue(self) -> ByStation:
        """Return the rows of `by_station`, sorted by the station in whose queue the case waited, which may be of another pool."""
        scenario = self.cases.scenario
        if all(len({team.pools[0] for team in work.teams}) < 2 for work in scenario.work.values()):
            return self.by_station
        pools = list(scenario.pools)
        queue = {name: pools.index(work.pool) for name, work in scenario.work.items() if work.pool is not None}
        of_activity = np.array([*(queue.get(name, -1) for name in self.labels.activity), -1], np.int64)
        rows = np.flatnonzero(self.columns["pool"] >= 0)
        station = self._station_of(of_activity[self.columns["activity"][rows]], self.court_at(rows))
        return ByStation.of(rows, station, len(self.by_station.first) - 1)

    def station_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the station, numbered pool by pool, of rows that belong to a pool."""
        return self._station_of(self.columns["pool"].take(rows), self.court_at(rows))

    def _station_of(self, pools: NDArray[Any], courts: NDArray[Any]) -> NDArray[np.int64]:
        """Return the station of each pool at each court."""
        stations: list[int] = []
        n_stations, n_courts = 0, len(self.cases.scenario.courts)
        for pool in self.cases.scenario.pools.values():
            stations += range(n_stations, n_stations + n_courts) if pool.at_court else [n_stations] * n_courts
            n_stations += len(pool.calendars)
        index = pools * np.int64(n_courts)
        index += courts
        return np.array(stations, np.int64).take(index)

    def served(self, pool: str, station: int) -> NDArray[np.int64]:
        """Return the rows that end the work of a server at a station of a pool, in order of time; each once for each server.

        Of cases that a server served together, only the last row counts: it ends his work.
        """
        return self.servers(pool, station)[0]

    def servers(self, pool: str, station: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of `served`, and the number of the server of each."""
        for name, each in self.cases.scenario.pools.items():
            if name == pool:
                break
            station += len(each.calendars)
        rows = self.by_station.rows[self.by_station.first[station] : self.by_station.first[station + 1]]
        rows = rows[self.columns["started_at"].take(rows) > NEVER]
        if len(self.batches):
            rows = rows[~np.isin(rows, self._within_batches)]
        servers = self.columns["server"].take(rows).astype(np.int64)
        if len(self.further):
            row, of_pool, server = self.further.T
            here = self._station_of(of_pool, self.court_at(row)) == station
            rows, servers = np.concatenate([rows, row[here]]), np.concatenate([servers, server[here]])
            order = np.argsort(rows, kind="stable")
            rows, servers = rows[order], servers[order]
        return rows, servers

    @cached_property
    def _within_batches(self) -> NDArray[np.int64]:
        """Return the rows of batches after which their server still works on others."""
        rows, batch = self.batches.T
        last = np.empty(int(batch.max()) + 1, np.int64)
        last[batch] = rows  # numpy keeps the last of several assignments
        return np.asarray(rows[rows != last[batch]])

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows with labels for codes and datetimes for instants."""
        readable = {column.name: self._readable(column) for column in COLUMNS}
        return [dict(zip(readable, values, strict=True)) for values in zip(*readable.values(), strict=True)]

    def _readable(self, column: Column) -> list[Any]:
        """Return the values of a column as labels, datetimes or numbers, ``None`` if missing."""
        values = self.columns[column.name].tolist()
        if column.kind == "instant":
            return [None if v == NEVER else self.cases.scenario.epoch.instant(v) for v in values]
        if column.kind == "date":
            start = self.cases.scenario.starts
            return [None if v < 0 else start + dt.timedelta(days=v) for v in values]
        if column.kind == "number":
            return [None if v < 0 else v for v in values]
        labels = self.labels.column(column.name)
        return [None if v < 0 else labels[v] for v in values]


OnRows = Callable[[EventLog], None]
"""Takes a part of the log from an engine, with rows that follow those of the part before; they are numbered from 0 in each part."""


def event_log(
    cases: Cases,
    rows: Sequence[Row],
    resized: Mapping[str, Sizes] | None = None,
    further: Sequence[Hold] = (),
    transfers: Sequence[tuple[int, int]] = (),
    batches: Sequence[tuple[int, int]] = (),
) -> EventLog:
    """Make a log from an engine's rows, which are in order of time, the further servers of teams, transfers and batches."""
    labels = Labels.of(cases.scenario)
    values = np.fromiter(chain.from_iterable(rows), np.int64, len(rows) * len(COLUMNS)).reshape(-1, len(COLUMNS))
    columns = {name: values[:, k].astype(dtype) for k, (name, dtype) in enumerate(labels.types().items())}
    return EventLog(
        cases, labels, columns, resized or {}, np.array(further, np.int64).reshape(-1, 3), _pairs(transfers), _pairs(batches)
    )


def _pairs(pairs: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(pairs, np.int64).reshape(-1, 2)


def order_of(codes: NDArray[np.integer[Any]], n: int) -> NDArray[np.int64]:
    """Return the indices that sort integers from 0 to below n, stably.

    numpy sorts integers of 8 and 16 bits in linear time, so larger ones are sorted by their low bits, then by their high bits.
    """
    if n <= 1 << 8:
        return np.argsort(codes.astype(np.uint8), kind="stable")
    order = np.argsort(codes.astype(np.uint16), kind="stable")
    return order if n <= 1 << 16 else order.take(order_of(codes.take(order) >> 16, (n - 1 >> 16) + 1))


def _first(codes: NDArray[np.integer[Any]], n: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=n))]).astype(np.int64)
