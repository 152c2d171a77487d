"""The event log: one row for each move of a case, and the codes in which it is kept until it is written.

Columns are as in the format reference: ``happened_at`` is the row's instant; ``enabled_at``, ``started_at`` and
``completed_at`` belong to the work that the row ends. Instants are whole microseconds since the scenario's
start, `NEVER` where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.scenarios.population import Cases
from simulations.scenarios.scenario import Scenario
from workflow.model.definition import COMPLETE, ENTER, as_written

__all__ = [
    "HORIZON",
    "NEVER",
    "ByCase",
    "ByPlace",
    "EventLog",
    "Row",
    "Sizes",
    "Words",
    "event_log",
    "order_of",
]

NEVER = -(2**63)
HORIZON = "horizon"

Row = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]
"""case, transition, cause, from, to, activity, pool, server, enabled, started, completed, outcome, happened."""

Sizes = tuple[tuple[tuple[int, int], ...], ...]
"""For each place of a pool: its servers from each time on, in microseconds since the start."""

_FIELDS = ("case_id", "transition", "cause", "from_state", "to_state", "activity", "pool", "server", "enabled_at", "started_at", "completed_at", "outcome", "happened_at")  # fmt: skip


@dataclass(frozen=True)
class Words:
    """What the codes of a log stand for, a tuple of words a column; -1 stands for nothing."""

    transition: tuple[str, ...]
    cause: tuple[str, ...]
    state: tuple[str, ...]
    activity: tuple[str, ...]
    pool: tuple[str, ...]
    outcome: tuple[str, ...]

    @classmethod
    def of(cls, scenario: Scenario) -> Words:
        """Return the words of a scenario's logs."""
        workflow = scenario.workflow
        values = [v for a in workflow.activities.values() for v in a.values] + [
            v for e in workflow.events.values() for v in e.values
        ]
        return cls(
            scenario.transition_names,
            (COMPLETE, ENTER, HORIZON, *workflow.events),
            tuple(workflow.states),
            tuple(workflow.activities),
            tuple(scenario.pools),
            tuple(dict.fromkeys(as_written(v) for v in values)),
        )

    def column(self, name: str) -> tuple[str, ...]:
        """Return the words of a column of the log."""
        found: tuple[str, ...] = getattr(self, "state" if name in ("from_state", "to_state") else name)
        return found

    def types(self) -> dict[str, type[np.signedinteger[Any]]]:
        """Return the type of each column of the log, as small as may be: a log of millions is the largest thing in memory."""
        found: dict[str, type[np.signedinteger[Any]]] = {}
        for name in _FIELDS:
            if name.endswith("_at"):
                found[name] = np.int64
            elif name in ("case_id", "server"):
                found[name] = np.int32
            else:
                found[name] = np.int8 if len(self.column(name)) < 127 else np.int16
        return found


@dataclass(frozen=True, slots=True)
class ByCase:
    """The rows of a log case by case, each case's in their order.

    Attributes
    ----------
    order : ndarray of int64, shape (n_rows,)
    first : ndarray of int64, shape (n_cases + 1,)
        Where in `order` each case begins.
    """

    order: NDArray[np.int64]
    first: NDArray[np.int64]

    @property
    def opening(self) -> NDArray[np.int64]:
        """Return where the cases that have rows begin."""
        return self.first[:-1][np.diff(self.first) > 0]


@dataclass(frozen=True, slots=True)
class ByPlace:
    """The rows of a log that have to do with a pool, place by place of one pool after another, each place's in their order.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
    first : ndarray of int64, shape (n_places + 1,)
        Where in `rows` each place begins.
    """

    rows: NDArray[np.int64]
    first: NDArray[np.int64]

    @classmethod
    def of(cls, rows: NDArray[np.int64], place: NDArray[np.int64], n_places: int) -> ByPlace:
        """Sort some rows by their places."""
        return cls(rows[order_of(place, n_places)], _first(place, n_places))

    def some(self, which: NDArray[np.bool_]) -> ByPlace:
        """Return some of the rows."""
        return ByPlace(self.rows[which], np.append(0, np.cumsum(which))[self.first])


@dataclass(frozen=True)
class EventLog:
    """What happened in one replication.

    Attributes
    ----------
    cases : Cases
    words : Words
    columns : mapping of str to ndarray, shape (n_rows,)
        As `Words.types` says.
    resized : mapping of str to Sizes
        The sizes of the pools that a user's own process has changed, as they came to be.
    """

    cases: Cases
    words: Words
    columns: Mapping[str, NDArray[Any]]
    resized: Mapping[str, Sizes] = field(default_factory=dict)

    def sizes(self, pool: str) -> Sizes:
        """Return the size of a pool at each of its places from each time on."""
        return self.resized.get(pool, self.cases.scenario.pools[pool].sizes)

    def __len__(self) -> int:
        return len(self.columns["case_id"])

    @cached_property
    def by_case(self) -> ByCase:
        """Return the rows case by case."""
        case, n = self.columns["case_id"], len(self.cases)
        return ByCase(order_of(case, n), _first(case, n))

    def since(self) -> NDArray[np.int64]:
        """Return since when its case had been as each row finds it, row by row in the order of `by_case`."""
        found = np.empty(len(self), np.int64)
        found[1:] = self.columns["happened_at"][self.by_case.order[:-1]]
        found[self.by_case.opening] = np.maximum(self.cases.arrived[np.diff(self.by_case.first) > 0], 0)
        return found

    @cached_property
    def by_place(self) -> ByPlace:
        """Return the rows that end a wait for a pool, or the work of one of its servers."""
        rows = np.flatnonzero(self.columns["pool"] >= 0)
        return ByPlace.of(rows, self.place_of(rows), sum(len(p.calendars) for p in self.cases.scenario.pools.values()))

    def place_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the place at which somebody waited or was served until each of some rows; the places of one pool after another."""
        number: list[int] = []
        n_places, n_courts = 0, len(self.cases.scenario.courts)
        for pool in self.cases.scenario.pools.values():
            number += range(n_places, n_places + n_courts) if pool.at_court else [n_places] * n_courts
            n_places += len(pool.calendars)
        place = self.columns["pool"][rows] * np.int64(n_courts)
        place += self.cases.court.take(self.columns["case_id"][rows])  # with few bits take is three times as fast as []
        return np.array(number, np.int64).take(place)

    def served(self, pool: str, place: int) -> NDArray[np.int64]:
        """Return the rows that end the work of a server at a place of a pool, in their order."""
        for name, each in self.cases.scenario.pools.items():
            if name == pool:
                break
            place += len(each.calendars)
        rows = self.by_place.rows[self.by_place.first[place] : self.by_place.first[place + 1]]
        found: NDArray[np.int64] = rows[self.columns["started_at"][rows] > NEVER]
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows with words for codes and datetimes for instants, for tests and for reading."""
        scenario = self.cases.scenario
        found = []
        plain = {name: column.tolist() for name, column in self.columns.items()}
        for i in range(len(self)):
            row: dict[str, Any] = {}
            for name, values in plain.items():
                value = values[i]
                if name.endswith("_at"):
                    row[name] = None if value == NEVER else scenario.epoch.instant(value)
                elif name in ("case_id", "server"):
                    row[name] = None if value < 0 else value
                else:
                    row[name] = None if value < 0 else self.words.column(name)[value]
            found.append(row)
        return found


def event_log(cases: Cases, rows: Sequence[Row], resized: Mapping[str, Sizes] | None = None) -> EventLog:
    """Make a log of an engine's rows, which are in the order in which they happened."""
    size, words = len(rows) * len(_FIELDS), Words.of(cases.scenario)
    table = np.fromiter(chain.from_iterable(rows), np.int64, size).reshape(-1, len(_FIELDS))
    columns = {name: table[:, k].astype(of) for k, (name, of) in enumerate(words.types().items())}
    return EventLog(cases, words, columns, resized or {})


def order_of(codes: NDArray[np.integer[Any]], n: int) -> NDArray[np.int64]:
    """Return what sorts whole numbers from 0 to below n, equal ones in their order.

    numpy sorts 8 and 16 bits in linear time, and whole numbers by themselves faster than it finds what sorts them.
    """
    if n <= 1 << 16:
        return np.argsort(codes.astype(np.uint8 if n <= 1 << 8 else np.uint16), kind="stable")
    bits = len(codes).bit_length()
    found = codes.astype(np.int64) << bits
    found |= np.arange(len(codes))
    found.sort()
    found &= (1 << bits) - 1
    return found


def _first(codes: NDArray[np.integer[Any]], n: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=n))]).astype(np.int64)
