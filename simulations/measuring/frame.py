"""When, where and for whom is a log measured? The ends of some days, the courts, and the groups of one grouping."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.measured import Places
from simulations.measuring.sums import add_up, with_whole

__all__ = ["Frame", "Grouping"]

_FEW = 16

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Grouping:
    """The groups that the cases of a log fall into: ``by=None`` is one group of all."""

    by: str | None
    labels: tuple[str | None, ...]
    of_case: NDArray[np.int64]


class Frame:
    """The instants, courts and groups by which a log is measured, and counting by them.

    Attributes
    ----------
    untils : ndarray of int64, shape (n_instants,)
        The ends of the days, each once, increasing.
    since : int
        The end of the warm-up: what happened before is not counted.
    n_before : int
        How many rows lie before it.
    n_rows : ndarray of int64, shape (n_instants,)
        How many rows there are up to each instant.
    place : ndarray of int64, shape (n_cases,)
        Court times groups plus group of each case.
    shape : tuple of int
        How many courts, how many groups.
    """

    def __init__(self, log: EventLog, grouping: Grouping, days: Sequence[dt.date | None]) -> None:
        scenario, happened = log.cases.scenario, log.columns["happened_at"]
        self.log, self.grouping = log, grouping
        ends = [scenario.horizon if day is None else scenario.epoch.end_of(day) for day in days]
        self.untils = np.array(sorted(set(ends)), np.int64)
        self.index_of_day = {day: int(np.searchsorted(self.untils, end)) for day, end in zip(days, ends, strict=True)}
        self.since = NEVER if scenario.warm_up is None else scenario.epoch.microseconds(scenario.warm_up)
        self.n_before = int(np.searchsorted(happened, self.since))
        self.n_rows = np.searchsorted(happened, self.untils, side="right")
        self.shape = (len(scenario.courts), len(grouping.labels))
        self.place = log.cases.court * self.shape[1] + grouping.of_case

    def first_until(self, at: Integers) -> NDArray[np.signedinteger[Any]]:
        """Return the first of the instants that is not before each of some times; their number where all are before it."""
        return _how_many_before(self.untils, at)

    def place_of(self, rows: Integers) -> Integers:
        """Return the place of the case of each of some rows."""
        found: Integers = self.place.take(self.log.columns["case_id"][rows])
        return found

    def add_up(self, cases: NDArray[np.integer[Any]], weights: Integers | None = None) -> Places:
        """Count some cases, or add up whole numbers of theirs, by court and group, and for all courts."""
        return add_up(self.place.take(cases), self.shape, weights).astype(float)

    def cell(self, place: NDArray[np.integer[Any]], first: NDArray[np.integer[Any]]) -> Integers:
        """Return the number of each place, of one thing or of several, together with the first instant at which it counts."""
        found = place * np.int64(len(self.untils) + 1)
        found += first
        return found

    def n_cells(self, n_things: int) -> int:
        """Return how many cells some things have."""
        return n_things * math.prod(self.shape) * (len(self.untils) + 1)

    def so_far(self, of_cells: NDArray[Any], n_things: int) -> NDArray[Any]:
        """Return what has come about by each instant, with a row for all courts, from what counts from each instant on.

        Parameters
        ----------
        of_cells : ndarray, shape (n_cells,)

        Returns
        -------
        ndarray, shape (n_instants, n_things, n_courts + 1, n_groups)
        """
        by_first = of_cells.reshape(n_things, *self.shape, len(self.untils) + 1)
        return with_whole(by_first[..., :-1].cumsum(axis=-1).transpose(3, 0, 1, 2))

    def count(self, place: Integers, first: NDArray[np.integer[Any]], n_things: int = 1) -> Integers:
        """Count what has come about by each instant, of each thing, by court and group."""
        of_cells = np.bincount(self.cell(place, first), minlength=self.n_cells(n_things))
        return self.so_far(of_cells, n_things)

    def count_cases(self, cases: NDArray[np.integer[Any]], at: Integers) -> Integers:
        """Count some cases from some times on, by instant, court and group."""
        found: Integers = self.count(self.place.take(cases), self.first_until(at))[:, 0]
        return found

    def count_rows(self, *of: Integers) -> Integers:
        """Count the rows of several things, each row as one of its case, by instant, thing, court and group."""
        rows, so_many = np.concatenate(of), [len(some) for some in of]
        place = np.repeat(np.arange(len(of)) * math.prod(self.shape), so_many)
        place += self.place_of(rows)
        return self.count(place, _how_many_before(self.n_rows - 1, rows), len(of))


def _how_many_before(instants: Integers, at: Integers) -> NDArray[np.signedinteger[Any]]:
    """Return how many of some instants, which are increasing, lie before each of others."""
    if len(instants) > _FEW:
        return np.searchsorted(instants, at)
    found = np.zeros(len(at), np.int8)
    for instant in instants:
        found += at > instant
    return found
