"""Waiting times and processing times of each activity: means and quantiles by court and group."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import HORIZON, NEVER, EventLog, order_of
from simulations.measuring.descriptors import (
    BREAKDOWNS,
    CLOSED,
    OTHERS,
    PROCESSING,
    SHAPES,
    WAITING,
    WAITING_FOR,
    describe,
    part_name,
)
from simulations.measuring.frame import Frame, Slots
from simulations.measuring.measured import ByCourt
from simulations.measuring.sums import ExactSums, ratio
from simulations.measuring.waiting import Piece, Waits
from simulations.timing.clock import MICROSECONDS_PER_DAY

_QUANTILES = (0.5, 0.95)
_PARTS = {kind: {part: part_name(kind, "{}", part) for part in parts} for kind, parts in BREAKDOWNS.items()}
_WAITING = (
    *(f"{WAITING}.{{}}.{shape}" for shape in SHAPES),
    *(m for parts in _PARTS.values() for m in parts.values()),
    "still_waiting.{}",
)
_WORK = tuple(f"{PROCESSING}.{{}}.{shape}" for shape in SHAPES)
_EVERY = (*_WAITING, *_WORK)
_ROWS_AT_ONCE = 1 << 20

Integers = NDArray[np.int64]


def activities_in_parts(log: EventLog, wanted: Sequence[int]) -> Iterator[range]:
    """Yield activities, given by their codes, in batches that bound memory, with all that stand between those that are wanted."""
    if not wanted:
        return
    if len(log) <= _ROWS_AT_ONCE:
        yield range(wanted[0], wanted[-1] + 1)
        return
    of_activity = np.bincount(log.columns["activity"] + 1, minlength=len(log.labels.activity) + 1)[1:]
    n_before = np.append(0, np.cumsum(of_activity))
    first = wanted[0]
    for last, code in itertools.pairwise(wanted):
        if n_before[code + 1] - n_before[first] > _ROWS_AT_ONCE:
            yield range(first, last + 1)
            first = code
    yield range(first, wanted[-1] + 1)


@lru_cache(maxsize=32)
def _wanted(
    wanted: frozenset[str], names: tuple[str, ...], parts_of: tuple[tuple[str, tuple[str, ...]], ...]
) -> tuple[list[int], list[str]]:
    """Return the activities, by their codes, and the breakdowns of which a measure is wanted."""

    def has(measure: str, *activities: str) -> bool:
        return any(measure.format(name) in wanted for name in activities)

    every = (*_EVERY, *(part for _, parts in parts_of for part in parts))
    activities = [code for code, name in enumerate(names) if any(has(measure, name) for measure in every)]
    return activities, [kind for kind, parts in parts_of if any(has(part, *names) for part in parts)]


class Lengths:
    """Measure waiting and processing times at all instants, one batch of activities at a time.

    Attributes
    ----------
    activities : list of int
        The codes of the activities that a wanted measure is about.
    breakdowns : list of str
        The keys of `BREAKDOWNS` of which a part is wanted.
    """

    def __init__(self, frame: Frame, wanted: Set[str]) -> None:
        self._frame, self._log, self._columns = frame, frame.log, frame.log.columns
        self._values: dict[tuple[str, int], dict[str, ByCourt]] = {}
        self._wanted = wanted
        self._waits: _Parts | None = None
        self._parts_of = self._all_parts()
        parts = tuple((kind, tuple(parts.values())) for kind, parts in self._parts_of.items())
        self.activities, self.breakdowns = _wanted(frozenset(wanted), tuple(self._log.labels.activity), parts)

    def _all_parts(self) -> dict[str, dict[str, str]]:
        """Return the measures of the parts of waits, by breakdown and part."""
        scenario = self._log.cases.scenario
        if not scenario.queues_with_teams:
            return _PARTS
        return {**_PARTS, WAITING_FOR: {part: part_name(WAITING_FOR, "{}", part) for part in (*scenario.pools, OTHERS, CLOSED)}}

    def _has(self, measure: str, *activities: str) -> bool:
        """Return whether a measure of any of these activities is wanted."""
        return any(measure.format(name) in self._wanted for name in activities)

    def values(self) -> dict[str, ByCourt]:
        """Return every measure by instant, court and group."""
        values: dict[str, ByCourt] = {}
        declared = describe(self._log.cases.scenario)
        for name, work in self._log.cases.scenario.work.items():
            for kind in (WAITING, PROCESSING) if work.pool is not None else (PROCESSING,):
                of_activity = self._values.get((kind, self._log.labels.activity.index(name)), {})
                named = {measure.format(name): by_court for measure, by_court in of_activity.items()}
                values |= {measure: by_court for measure, by_court in named.items() if measure in declared}
        return values

    def add_waiting(self, activities: range, waits: Waits) -> None:
        """Measure the waits for a batch of activities, given by their codes; their parts are added afterwards."""
        self._waits = None
        self._add(WAITING, activities, self._waiting(activities, waits))

    def add_piece(self, piece: Piece) -> None:
        """Add to a part of the waits that were measured last."""
        if self._waits is not None:
            self._waits.add(piece)

    def add_parts(self, activities: range) -> None:
        """Measure the parts of the waits for a batch of activities, after all that was added to them."""
        if self._waits is None:
            return
        means = {
            measure: self._waits.mean(kind, part) for kind in self.breakdowns for part, measure in self._parts_of[kind].items()
        }
        self._waits = None
        self._add(WAITING, activities, means)
        for activity in activities:
            of_activity = self._values[WAITING, activity]
            of_activity["still_waiting.{}"] = of_activity.pop("still_waiting.{}")  # the order of the results

    def add_processing(self, activities: range) -> None:
        """Measure the work of a batch of activities, given by their codes."""
        self._add(PROCESSING, activities, self._processing(activities))

    def _add(self, kind: str, activities: range, values: dict[str, ByCourt]) -> None:
        for k, activity in enumerate(activities):
            self._values.setdefault((kind, activity), {}).update((name, by_court[:, k]) for name, by_court in values.items())

    def _waiting(self, activities: range, waits: Waits) -> dict[str, ByCourt]:
        frame, n = self._frame, len(activities)
        names, of_teams = [self._log.labels.activity[k] for k in activities], self._parts_of.get(WAITING_FOR, {}).values()
        wanted = {m for m in (*_EVERY, *of_teams) if self._has(m, *names)}
        if wanted.isdisjoint({*_WAITING, *of_teams}):
            return {}
        slot, left = self._slots_of(activities, waits.rows), frame.first_until(waits.end)
        # A wait ends when work starts or the case leaves the queue. At the horizon it does not end.
        stays = self._columns["cause"][waits.rows[waits.never]] == self._log.labels.cause.index(HORIZON)
        left[waits.never[stays]] = len(frame.untils)
        still = frame.count(slot, frame.first_until(waits.start), n) - frame.count(slot, left, n)
        values = {"still_waiting.{}": still.astype(float)}
        if wanted <= values.keys():
            return values
        counted = (waits.end <= frame.untils[-1]) & (waits.rows >= frame.n_before)
        counted[waits.never] = False
        parts, last = self._parts(waits.rows)
        counted[parts] = False

        def whole(lengths: Integers) -> Integers:
            np.add.at(lengths, last, lengths[parts])
            return lengths

        known = _Known(frame, n, slot, left, counted)
        del slot, left, counted
        self._waits = _Parts(known, parts, last) if self.breakdowns else None
        return known.shapes(WAITING, lambda: whole(waits.end - waits.start), wanted) | values

    def _processing(self, activities: range) -> dict[str, ByCourt]:
        """Measure completed work."""
        wanted = {m for m in _WORK if self._has(m, *(self._log.labels.activity[k] for k in activities))}
        if not wanted:
            return {}
        columns, frame = self._columns, self._frame
        ended = (columns["completed_at"] > NEVER) & (columns["completed_at"] <= frame.untils[-1])
        ended &= (columns["activity"] >= activities.start) & (columns["activity"] < activities.stop)
        rows = np.flatnonzero(ended)
        rows = rows[np.searchsorted(rows, frame.n_before) :]
        completed = columns["completed_at"].take(rows)
        known = _Known(frame, len(activities), self._slots_of(activities, rows), frame.first_until(completed))
        completed -= columns["started_at"].take(rows)
        self._add_earlier_parts(rows, completed)
        return known.shapes(PROCESSING, lambda: completed, wanted)

    def _add_earlier_parts(self, rows: Integers, lengths: Integers) -> None:
        """Add to the length of each completed work that of the parts before it was interrupted; the rows are in order."""
        of_work = self._log.interruptions
        if not len(of_work.rows):
            return
        mine = np.isin(of_work.last, rows)
        earlier = self._columns["happened_at"][of_work.rows[mine]] - self._columns["started_at"][of_work.rows[mine]]
        np.add.at(lengths, np.searchsorted(rows, of_work.last[mine]), earlier)

    def _parts(self, rows: Integers) -> tuple[Integers, Integers]:
        """Return the indices of waits that end with interrupted work, and of the wait for the last part of each work."""
        of_work = self._log.interruptions
        if not len(of_work.rows):
            return of_work.rows, of_work.rows
        index = np.full(len(self._log), -1)
        index[rows] = np.arange(len(rows))
        parts, last = index[of_work.rows], index[of_work.last]
        return parts[parts >= 0], last[parts >= 0]

    def _slots_of(self, activities: range, rows: Integers) -> Slots:
        """Return activity, court and group of each row as one number."""
        slot = self._columns["activity"].take(rows).astype(self._frame.type_of_cells(len(activities)))
        slot -= activities.start
        slot *= math.prod(self._frame.shape)
        slot += self._frame.slot_of(rows)
        return slot


class _Known:
    """Waits or work on a batch of activities, each known from an instant on, with statistics of their lengths.

    Parameters
    ----------
    frame : Frame
    n_activities : int
    slot : ndarray of int, shape (n,)
        Activity, court and group as one number.
    first : ndarray of int, shape (n,)
        Index of the first instant at which each is known.
    counted : ndarray of bool, shape (n,), optional
        Which of them count; by default, all.
    """

    def __init__(
        self, frame: Frame, n_activities: int, slot: Slots, first: NDArray[Any], counted: NDArray[np.bool_] | None = None
    ) -> None:
        self._frame, self._n = frame, n_activities
        cell, n_cells = frame.cell(slot, first), frame.n_cells(n_activities)
        if counted is not None:
            cell[~counted] = n_cells
        of_cells = np.bincount(cell, minlength=n_cells + 1)
        self.cell, self._order = cell, order_of(cell, n_cells + 1)[: len(cell) - of_cells[n_cells]]
        self._of_cells = of_cells[:n_cells]
        self._counts: Integers = frame.so_far(self._of_cells, n_activities)

    def sums(self) -> ExactSums:
        """Return sums of zero, with a cell for all that does not count."""
        return ExactSums(len(self._of_cells) + 1)

    def mean(self, sums: ExactSums) -> ByCourt:
        """Return the mean of lengths, in days, from their sums."""
        return ratio(self._frame.so_far(sums.total()[:-1], self._n), self._counts * float(MICROSECONDS_PER_DAY))

    def shapes(self, kind: str, lengths: Callable[[], Integers], wanted: Set[str]) -> dict[str, ByCourt]:
        """Return those of mean and quantiles of lengths, in days, that are wanted. `lengths` computes them, so that they are not held."""
        mean, *of_quantiles = (f"{kind}.{{}}.{shape}" for shape in SHAPES)
        if wanted.isdisjoint({mean, *of_quantiles}):
            return {}
        length, sums = lengths(), self.sums()
        sums.add(self.cell, length)
        values = {mean: self.mean(sums)}
        if wanted.isdisjoint(of_quantiles):
            return values
        length = length.take(self._order)
        quantiles = np.empty((len(_QUANTILES), *self._counts.shape))
        # Put the first instant into the low bits of each length. Then one sort serves all instants. Both fit into 63 bits,
        # since the microseconds of a century need 52.
        n_first = len(self._frame.untils) + 1
        length <<= n_first.bit_length()
        first = (np.arange(len(self._of_cells)) % n_first).astype(np.min_scalar_type(n_first))
        length |= np.repeat(first, self._of_cells)
        quantiles[..., :-1, :] = _quantiles(length, n_first.bit_length(), self._counts[..., :-1, :])
        if self._frame.shape[1] > 1:
            length = length.take(self._by_group())
        quantiles[..., -1:, :] = _quantiles(length, n_first.bit_length(), self._counts[..., -1:, :])
        return values | dict(zip(of_quantiles, quantiles / MICROSECONDS_PER_DAY, strict=True))

    def _by_group(self) -> Integers:
        """Return the order that sorts lengths by activity and group, from the order by activity, court and group."""
        n_courts, n_groups = self._frame.shape
        group = np.arange(self._n * n_groups).reshape(self._n, 1, n_groups).repeat(n_courts, axis=1)
        sizes = self._of_cells.reshape(group.size, -1).sum(axis=1)
        return order_of(np.repeat(group.ravel(), sizes), self._n * n_groups)


class _Parts:
    """The sums of the parts of waits.

    Parameters
    ----------
    known : _Known
        Of the waits.
    interrupted, last : ndarray of int64, shape (n,)
        The waits that end with interrupted work, and the wait for the last part of each work, which has their time too.
    """

    def __init__(self, known: _Known, interrupted: Integers, last: Integers) -> None:
        self._known, self._cell = known, known.cell
        if len(interrupted):
            self._cell = known.cell.copy()
            self._cell[interrupted] = known.cell[last]
        self._sums = defaultdict[tuple[str, str], ExactSums](known.sums)

    def add(self, piece: Piece) -> None:
        """Add to a part."""
        self._sums[piece.kind, piece.part].add(self._cell[piece.waits], piece.lengths)

    def mean(self, kind: str, part: str) -> ByCourt:
        """Return the mean of a part, in days."""
        return self._known.mean(self._sums[kind, part])


def _quantiles(lengths: Integers, n_bits: int, counts: Integers) -> NDArray[np.float64]:
    """Return the quantiles of consecutive parts of an array at each instant, by linear interpolation.

    Parameters
    ----------
    lengths : ndarray of int64, shape (n,)
        The parts, put into another order here. The low bits of each length hold the first instant at which it is known.
    n_bits : int
        Number of low bits.
    counts : ndarray of int64, shape (n_instants, ...)
        Number of lengths of each part known at each instant; at the last one, all.

    Returns
    -------
    ndarray, shape (n_quantiles, n_instants, ...)
        NaN for an empty part.
    """
    quantiles = np.full((len(_QUANTILES), len(counts), counts[0].size), np.nan)
    sizes, shares = counts.reshape(len(counts), -1), np.array(_QUANTILES)[:, np.newaxis]
    first = lengths & ((1 << n_bits) - 1) if len(sizes) > 1 else lengths
    for k, size in enumerate(sizes):
        known = lengths.take(np.flatnonzero(first <= k)) if k < len(sizes) - 1 else lengths
        parts = np.flatnonzero(size)
        n, start = size[parts], (np.cumsum(size) - size)[parts]
        where = (n - 1) * shares
        low = where.astype(np.int64)
        high = np.minimum(low + 1, n - 1)
        places = np.concatenate([low, high]).T
        for begin, end, at in zip(start.tolist(), (start + n).tolist(), places, strict=True):
            known[begin:end].partition(at)
        a, b = ((known[start + at] >> n_bits).astype(float) for at in (low, high))
        quantiles[:, k, parts] = a + (b - a) * (where - low)
    return quantiles.reshape(len(_QUANTILES), *counts.shape)
