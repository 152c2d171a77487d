"""When, where and for whom is a log measured? The ends of some days, the courts, and the groups of one grouping."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.measured import Places
from simulations.measuring.sums import add_up

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
        if len(self.untils) > _FEW:
            return np.searchsorted(self.untils, at)
        found = np.zeros(len(at), np.int8)
        for until in self.untils:
            found += at > until
        return found

    def add_up(self, cases: NDArray[np.integer[Any]], weights: Integers | None = None) -> Places:
        """Count some cases, or add up whole numbers of theirs, by court and group, and for all courts."""
        return add_up(self.place[cases], self.shape, weights).astype(float)

    def so_far(
        self,
        place: NDArray[np.integer[Any]],
        first: NDArray[np.integer[Any]],
        weights: Integers | None = None,
        n_activities: int | None = None,
    ) -> NDArray[Any]:
        """Count, or add up, what has come about by each instant, by court and group, with a row for all courts.

        Parameters
        ----------
        place : ndarray of int
            Court times groups plus group; with activities, of all of them, one after another.
        first : ndarray of int
            The first of the instants that counts it, as from `first_until`.
        weights : ndarray of int64, optional
            0 or more each.
        n_activities : int, optional
            With how many activities.
        """
        shape = self.shape if n_activities is None else (n_activities, *self.shape)
        cell = first.astype(np.int64)
        cell *= int(np.prod(shape))
        cell += place
        found = add_up(cell, (len(self.untils) + 1, *shape), weights)
        return np.asarray(found[:-1].cumsum(axis=0))

    def so_far_of(self, cases: NDArray[np.integer[Any]], at: Integers) -> NDArray[Any]:
        """Count some cases from some times on."""
        return self.so_far(self.place[cases], self.first_until(at))

    def so_far_of_rows(self, rows: Integers) -> NDArray[Any]:
        """Count rows, which are in their order, each as one of its case."""
        n_counted = np.searchsorted(rows, self.n_rows)
        first = np.repeat(np.arange(len(self.untils) + 1), np.diff(n_counted, prepend=0, append=len(rows)))
        return self.so_far(self.place[self.log.columns["case_id"][rows]], first)
