"""The instants, courts and groups of cases for which a log is measured, and sums over them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.measured import ByCourt
from simulations.measuring.sums import add_up, with_whole

_FEW = 16

Integers = NDArray[np.int64]
Slots = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class Grouping:
    """The group of each case; ``by=None`` is one group of all cases."""

    by: str | None
    labels: tuple[str | None, ...]
    of_case: NDArray[np.int64]


class Frame:
    """The instants, courts and groups for which a log is measured, and counts by them.

    Attributes
    ----------
    untils : ndarray of int64, shape (n_instants,)
        The ends of the days, without duplicates, increasing.
    since : int
        The end of the warm-up, before which nothing is counted.
    n_before : int
        Number of rows before the end of the warm-up.
    n_rows : ndarray of int64, shape (n_instants,)
        Number of rows up to each instant.
    slot : ndarray of int, shape (n_cases,)
        Home court and group of each case as one number: court times number of groups, plus group.
    shape : (int, int)
        Number of courts and of groups.
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
        self.slot: Slots = log.cases.court if self.shape[1] == 1 else log.cases.court * self.shape[1] + grouping.of_case

    def first_until(self, at: Integers) -> NDArray[np.signedinteger[Any]]:
        """Return the index of the first instant that is not before each time; the number of instants if all are before it."""
        return _count_before(self.untils, at)

    def first_row_until(self, rows: Integers) -> NDArray[np.signedinteger[Any]]:
        """Return the index of the first instant that is not before each row."""
        return _count_before(self.n_rows - 1, rows)

    def slot_of(self, rows: Integers, home: bool = False) -> Slots:
        """Return the slot of the case of each row: with the court at which it was before the row, or its home court."""
        case = self.log.columns["case_id"].take(rows)
        if home or not len(self.log.transfers):
            return np.asarray(self.slot.take(case))
        return np.asarray(self.log.court_at(rows) * self.shape[1] + self.grouping.of_case.take(case))

    def slot_after(self, n_rows: int) -> Slots:
        """Return the slot of each case after a number of rows: with the court at which it then is."""
        if not len(self.log.transfers):
            return self.slot
        return np.asarray(self.log.courts_after(n_rows) * self.shape[1] + self.grouping.of_case)

    def add_up(self, cases: NDArray[np.integer[Any]], weights: Integers | None = None, slot: Slots | None = None) -> ByCourt:
        """Count cases, or sum integer weights of cases, by court and group, and for all courts; `slot` has that of each case."""
        return add_up((self.slot if slot is None else slot).take(cases), self.shape, weights).astype(float)

    def cell(self, slot: Slots, first: NDArray[np.signedinteger[Any]]) -> Slots:
        """Return the cell of each entry: its slot, and the index of the first instant at which it counts, as one number."""
        cell = slot * slot.dtype.type(len(self.untils) + 1)
        cell += first
        return cell

    def type_of_cells(self, n_sets: int) -> type[np.signedinteger[Any]]:
        """Return the type of the numbers of cells for several sets of entries: the smaller one if they fit."""
        return np.int32 if self.n_cells(n_sets) < 1 << 31 else np.int64

    def n_cells(self, n_sets: int) -> int:
        """Return the number of cells for several sets of entries."""
        return n_sets * math.prod(self.shape) * (len(self.untils) + 1)

    def so_far(self, of_cells: NDArray[Any], n_sets: int) -> NDArray[Any]:
        """Return cumulative values by instant, with a row for all courts, from the values of cells.

        Parameters
        ----------
        of_cells : ndarray, shape (n_cells,)

        Returns
        -------
        ndarray, shape (n_instants, n_sets, n_courts + 1, n_groups)
        """
        by_first = of_cells.reshape(n_sets, *self.shape, len(self.untils) + 1)
        return with_whole(by_first[..., :-1].cumsum(axis=-1).transpose(3, 0, 1, 2))

    def count(self, slot: Slots, first: NDArray[np.signedinteger[Any]], n_sets: int = 1) -> Integers:
        """Return cumulative counts by instant, set, court and group."""
        of_cells = np.bincount(self.cell(slot, first), minlength=self.n_cells(n_sets))
        return self.so_far(of_cells, n_sets)

    def count_cases(self, cases: NDArray[np.integer[Any]], at: Integers) -> Integers:
        """Count cases, each from a time on, by instant, court and group."""
        return np.asarray(self.count(self.slot.take(cases), self.first_until(at))[:, 0])

    def count_rows(self, *of: Integers, home: bool = False) -> Integers:
        """Count several sets of rows, by instant, set, court and group; the court is that before the row, or the home court."""
        rows, sizes = np.concatenate(of), [len(one) for one in of]
        slot = np.repeat(np.arange(len(of)) * math.prod(self.shape), sizes)
        slot += self.slot_of(rows, home)
        return self.count(slot, self.first_row_until(rows), len(of))


def _count_before(instants: Integers, at: Integers) -> NDArray[np.signedinteger[Any]]:
    """Return the number of instants before each time; `instants` is increasing."""
    if len(instants) > _FEW:
        return np.searchsorted(instants, at)
    counts = np.zeros(len(at), np.int8)
    for instant in instants:
        counts += at > instant
    return counts
