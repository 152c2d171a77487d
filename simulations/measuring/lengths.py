"""How long did cases wait for each activity, and how long did it take? Means and quantiles by court and group."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import HORIZON, NEVER, EventLog, order_of
from simulations.measuring.descriptors import CAUSES, PROCESSING, SHAPES, WAITING
from simulations.measuring.frame import Frame
from simulations.measuring.measured import Places
from simulations.measuring.sums import add_up_parts, ratio
from simulations.measuring.waiting import Waits
from simulations.timing.clock import MICROSECONDS_PER_DAY

__all__ = ["Lengths", "activities_in_parts"]

_QUANTILES = (0.5, 0.95)
_AFTER_ALL = 2**62
_ROWS_AT_ONCE = 1 << 20

Integers = NDArray[np.int64]


def activities_in_parts(log: EventLog) -> Iterator[range]:
    """Yield the activities in parts that have so many rows together, or are one, that little memory is needed at a time."""
    activity, n = log.columns["activity"], len(log.labels.activity)
    if len(log) <= _ROWS_AT_ONCE:
        yield range(n)
        return
    begin, so_many = 0, 0
    for code in range(n):
        rows = int(np.count_nonzero(activity == code))
        if so_many + rows > _ROWS_AT_ONCE and code > begin:
            yield range(begin, code)
            begin, so_many = code, 0
        so_many += rows
    yield range(begin, n)


class Lengths:
    """Takes the lengths of waits and of work from a log, at all instants at once, of some activities after others."""

    def __init__(self, frame: Frame) -> None:
        self._frame, self._log, self._columns = frame, frame.log, frame.log.columns
        self._found: dict[tuple[str, int], dict[str, Places]] = {}

    def values(self) -> dict[str, Places]:
        """Return every measure by instant, court and group."""
        found: dict[str, Places] = {}
        for name, work in self._log.cases.scenario.work.items():
            for kind in (WAITING, PROCESSING) if work.pool is not None else (PROCESSING,):
                for measure, places in self._found[kind, self._log.labels.activity.index(name)].items():
                    found[measure.format(name)] = places
        return found

    def add(self, activities: range, waits: Waits) -> None:
        """Take the lengths of some activities, by their codes, and of the waits for the work on one of them."""
        for kind, found in ((WAITING, self._waiting(activities, waits)), (PROCESSING, self._processing(activities))):
            for k, activity in enumerate(activities):
                self._found[kind, activity] = {name: places[:, k] for name, places in found.items()}

    def _waiting(self, activities: range, waits: Waits) -> dict[str, Places]:
        """Measure waits."""
        frame, n = self._frame, len(activities)
        place, left = self._place(activities, waits.rows), waits.end.copy()
        # A row ends the wait when work starts, or when the case leaves the queue; who waits at the end, waits.
        stays = self._columns["cause"][waits.rows[waits.never]] == self._log.labels.cause.index(HORIZON)
        left[waits.never[stays]] = _AFTER_ALL
        still = frame.count(place, frame.first_until(waits.start), n) - frame.count(place, frame.first_until(left), n)
        del left
        counted = (waits.end <= frame.untils[-1]) & (waits.rows >= frame.n_before)
        counted[waits.never] = False
        some = np.flatnonzero(counted)
        known = _Known(frame, n, place[some], frame.first_until(waits.end[some]))
        del place, counted
        found = known.shapes(WAITING, (waits.end - waits.start)[some])
        for cause in CAUSES:
            found[f"{WAITING}.{{}}.{cause}"] = known.mean(
                waits.by_cause[cause][some] if cause in waits.by_cause else None
            )
        return {**found, "still_waiting.{}": still.astype(float)}

    def _processing(self, activities: range) -> dict[str, Places]:
        """Measure the work on some activities that is completed."""
        columns, frame = self._columns, self._frame
        ended = (columns["completed_at"] > NEVER) & (columns["completed_at"] <= frame.untils[-1])
        ended &= (columns["activity"] >= activities.start) & (columns["activity"] < activities.stop)
        rows = np.flatnonzero(ended)
        rows = rows[np.searchsorted(rows, frame.n_before) :]
        completed = columns["completed_at"][rows]
        known = _Known(frame, len(activities), self._place(activities, rows), frame.first_until(completed))
        completed -= columns["started_at"][rows]
        return known.shapes(PROCESSING, completed)

    def _place(self, activities: range, rows: Integers) -> Integers:
        """Return the place of some rows by activity, court and group."""
        place = self._columns["activity"][rows].astype(np.int64)
        place -= activities.start
        place *= math.prod(self._frame.shape)
        place += self._frame.place_of(rows)
        return place


class _Known:
    """Waits, or work, of some activities, each known from one of the instants on: how long they were, by court and group.

    Parameters
    ----------
    frame : Frame
    n_activities : int
    place : ndarray of int64, shape (n,)
        By activity, court and group.
    first : ndarray of int, shape (n,)
        The first instant at which each is known.
    """

    def __init__(self, frame: Frame, n_activities: int, place: Integers, first: NDArray[Any]) -> None:
        self._frame, self._n = frame, n_activities
        cell, n_cells = frame.cell(place, first), frame.n_cells(n_activities)
        self._order, self._of_cells = order_of(cell, n_cells), np.bincount(cell, minlength=n_cells)
        self._counts: Integers = frame.so_far(self._of_cells, n_activities)

    def mean(self, length: Integers | None) -> Places:
        """Return the mean of some lengths, in days; without them all are 0."""
        return self._mean(length[self._order]) if length is not None else ratio(self._counts * 0, self._counts)

    def _mean(self, in_order: Integers) -> Places:
        total = self._frame.so_far(add_up_parts(in_order, self._of_cells), self._n)
        return ratio(total, self._counts * float(MICROSECONDS_PER_DAY))

    def shapes(self, kind: str, length: Integers) -> dict[str, Places]:
        """Return mean and quantiles of some lengths, in days."""
        length = length[self._order]
        found, quantiles = {"mean": self._mean(length)}, np.empty((len(_QUANTILES), *self._counts.shape))
        # Sorted together with when it is known, it need not be sorted again for each instant; there is room for both in 63
        # bits, as the microseconds of a century have 52.
        n_first = len(self._frame.untils) + 1
        length <<= n_first.bit_length()
        length |= np.repeat(np.arange(len(self._of_cells)) % n_first, self._of_cells)
        quantiles[..., :-1, :] = _quantiles(length, n_first.bit_length(), self._counts[..., :-1, :])
        if self._frame.shape[1] > 1:
            length = length[self._by_group()]
        quantiles[..., -1:, :] = _quantiles(length, n_first.bit_length(), self._counts[..., -1:, :])
        found |= dict(zip(SHAPES[1:], quantiles / MICROSECONDS_PER_DAY, strict=True))
        return {f"{kind}.{{}}.{shape}": places for shape, places in found.items()}

    def _by_group(self) -> Integers:
        """Return what sorts lengths that stand by activity, court and group by activity and group."""
        n_courts, n_groups = self._frame.shape
        group = np.arange(self._n * n_groups).reshape(self._n, 1, n_groups).repeat(n_courts, axis=1)
        so_many = self._of_cells.reshape(group.size, -1).sum(axis=1)
        return order_of(np.repeat(group.ravel(), so_many), self._n * n_groups)


def _quantiles(lengths: Integers, n_bits: int, counts: Integers) -> NDArray[np.float64]:
    """Return the quantiles of parts of an array as they were at each instant, interpolated between order statistics.

    Parameters
    ----------
    lengths : ndarray of int64, shape (n,)
        One part after another, which are sorted in place; below each length the first instant at which it is known.
    n_bits : int
        How many bits the instant has.
    counts : ndarray of int64, shape (n_instants, ...)
        How many lengths of each part are known at each instant; at the last one all.

    Returns
    -------
    ndarray, shape (n_quantiles, n_instants, ...)
        NaN for an empty part.
    """
    found = np.full((len(_QUANTILES), len(counts), counts[0].size), np.nan)
    sizes, shares = counts.reshape(len(counts), -1), np.array(_QUANTILES)[:, np.newaxis]
    ends = np.cumsum(sizes[-1])
    for begin, end in zip((ends - sizes[-1]).tolist(), ends.tolist(), strict=True):
        if end - begin > 1:
            lengths[begin:end].sort()
    first = lengths & ((1 << n_bits) - 1)
    for k, size in enumerate(sizes):
        known = np.flatnonzero(first <= k) if k < len(sizes) - 1 else np.arange(len(lengths))
        parts = np.flatnonzero(size)
        n, start = size[parts], (np.cumsum(size) - size)[parts]
        where = (n - 1) * shares
        low = where.astype(np.int64)
        a, b = ((lengths[known[start + at]] >> n_bits).astype(float) for at in (low, np.minimum(low + 1, n - 1)))
        found[:, k, parts] = a + (b - a) * (where - low)
    return found.reshape(len(_QUANTILES), *counts.shape)
