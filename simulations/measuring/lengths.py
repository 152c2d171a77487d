"""How long did cases wait for each activity, and how long did it take? Means and quantiles by court and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import HORIZON, NEVER, EventLog, order_of
from simulations.measuring.measured import Places
from simulations.measuring.waiting import CAUSES
from simulations.timing.clock import MICROSECONDS_PER_DAY

__all__ = ["PROCESSING", "SHAPES", "WAITING", "Lengths", "add_up", "ratio"]

WAITING, PROCESSING = "waiting_time", "processing_time"
SHAPES = ("mean", "median", "p95")
_QUANTILES = (0.5, 0.95)
_AFTER_ALL = 2**62

Integers = NDArray[np.int64]
Smaller = NDArray[np.int32]


class Lengths:
    """Takes the lengths of waits and of work from a log, those of all activities and at all instants at once.

    Parameters
    ----------
    log : EventLog
    waits : mapping of str to ndarray
        The waiting time of each row by each cause that there is, see `simulations.measuring.waiting`.
    place : ndarray of int64, shape (n_cases,)
        Court times groups plus group of each case.
    shape : tuple of int
        How many courts, how many groups.
    since : int
        The end of the warm-up: what ended before is not counted.
    untils : sequence of int
        The instants at which to measure.
    """

    def __init__(
        self,
        log: EventLog,
        waits: Mapping[str, Integers],
        place: Integers,
        shape: tuple[int, int],
        since: int,
        untils: Sequence[int],
    ) -> None:
        self._log, self._waits, self._place, self._since = log, waits, place, since
        self._shape = (len(log.words.activity), *shape)
        self._untils = np.array(sorted(set(untils)), np.int64)

    def take(self, until: int) -> dict[str, Places]:
        """Take everything as it stood at one of the instants."""
        k = int(np.searchsorted(self._untils, until))
        found: dict[str, Places] = {}
        for name, work in self._log.cases.scenario.work.items():
            activity = self._log.words.activity.index(name)
            kinds = [WAITING, PROCESSING] if work.pool is not None else [PROCESSING]
            for kind in kinds:
                for measure, places in self._all[kind].items():
                    found[measure.format(name)] = places[k, activity]
        return found

    @cached_property
    def _all(self) -> dict[str, dict[str, Places]]:
        """Return every measure by instant, activity, court and group; its name has a place for the activity's."""
        columns, n = self._log.columns, int(np.prod(self._shape))
        rows = np.flatnonzero(columns["activity"] >= 0)
        place = columns["activity"][rows].astype(np.int32)
        place *= n // max(1, self._shape[0])
        place += self._place[columns["case_id"][rows]].astype(np.int32)
        order = order_of(place, n)
        rows, place = rows[order], place[order]
        del order
        found = {PROCESSING: self._processing(rows, place)}
        pooled = columns["pool"][rows] >= 0
        rows, place = rows[pooled], place[pooled]
        return {**found, WAITING: self._waiting(rows, place)}

    def _waiting(self, rows: Integers, place: Smaller) -> dict[str, Places]:
        """Measure the waits for a pool that some rows end, which are sorted by activity, court and group."""
        columns = self._log.columns
        enabled, started = columns["enabled_at"][rows], columns["started_at"][rows]
        # A row ends the wait when work starts, or when the case leaves the queue; who waits at the end, waits.
        left, never = started.copy(), np.flatnonzero(started == NEVER)
        stays = columns["cause"][rows[never]] == self._log.words.cause.index(HORIZON)
        left[never] = np.where(stays, _AFTER_ALL, columns["happened_at"][rows[never]])
        still = self._so_far(place, enabled) - self._so_far(place, left)
        del left
        counted = (started > NEVER) & (columns["happened_at"][rows] >= self._since)
        length = np.subtract(started, enabled, out=enabled)[counted]
        started, rows, place = started[counted], rows[counted], place[counted]
        del enabled, counted
        found = self._shapes(WAITING, place, started, length)
        counts = self._so_far(place, started)
        for cause in CAUSES:
            total = self._so_far(place, started, self._waits[cause][rows]) if cause in self._waits else counts * 0
            found[f"{WAITING}.{{}}.{cause}"] = _mean(total, counts)
        return {**found, "still_waiting.{}": still.astype(float)}

    def _processing(self, rows: Integers, place: Smaller) -> dict[str, Places]:
        """Measure the work that some rows end, which are sorted by activity, court and group."""
        columns = self._log.columns
        completed = columns["completed_at"][rows]
        ended = (completed > NEVER) & (columns["happened_at"][rows] >= self._since)
        completed = completed[ended]
        return self._shapes(PROCESSING, place[ended], completed, completed - columns["started_at"][rows[ended]])

    def _shapes(self, kind: str, place: Smaller, at: Integers, length: Integers) -> dict[str, Places]:
        """Return mean and quantiles of some lengths, sorted by activity, court and group, that are known from an instant on."""
        n_activities, n_courts, n_groups = self._shape
        counts = self._so_far(place, at)
        found = {"mean": _mean(self._so_far(place, at, length), counts)}
        by_court = np.full((len(_QUANTILES), *counts.shape), np.nan)
        for k, until in enumerate(self._untils):
            known = at <= until
            here = length[known]
            by_court[:, k, :, :-1] = _quantiles(here, counts[k, :, :-1])
            if n_groups > 1:
                activity, group = place[known] // (n_courts * n_groups), place[known] % n_groups
                here = here[order_of(activity * n_groups + group, n_activities * n_groups)]
            by_court[:, k, :, -1:] = _quantiles(here, counts[k, :, -1:])
        for shape, places in zip(SHAPES[1:], by_court, strict=True):
            found[shape] = places / MICROSECONDS_PER_DAY
        return {f"{kind}.{{}}.{shape}": places for shape, places in found.items()}

    def _so_far(self, place: Smaller, at: Integers, weights: Integers | None = None) -> NDArray[Any]:
        """Count, or add up, what has come about by each instant: by activity, court and group, with a row for all courts."""
        n, before = int(np.prod(self._shape)), np.searchsorted(self._untils, at).astype(np.int32)
        found = add_up(before * n + place, (len(self._untils) + 1, *self._shape), weights)
        return np.asarray(found[:-1].cumsum(axis=0))


def add_up(place: NDArray[np.integer[Any]], shape: tuple[int, ...], weights: Integers | None = None) -> NDArray[Any]:
    """Count, or add up whole numbers, by court and group, with a last row for all courts; sums have no rounding.

    Parameters
    ----------
    place : ndarray of int, shape (n,)
        Court times groups plus group; of several activities the place among the parts of all of them.
    shape : tuple of int
        How many (activities,) courts and groups.
    weights : ndarray of int64, shape (n,), optional
        0 or more each.

    Returns
    -------
    ndarray, shape (..., n_courts + 1, n_groups)
        Of int64, or of Python's whole numbers: microseconds of millions of cases may pass 64 bits.
    """
    n = int(np.prod(shape))
    if weights is None:
        found: NDArray[Any] = np.bincount(place, minlength=n)
    else:
        found = np.zeros(n, np.int64)
        most = int(weights.max(initial=0))
        if most * len(weights) < 1 << 63:
            np.add.at(found, place, weights)
        else:
            low = np.zeros(n, np.int64)
            np.add.at(found, place, weights >> 32)
            np.add.at(low, place, weights & 0xFFFFFFFF)
            found = (found.astype(object) << 32) + low
    found = found.reshape(shape)
    return np.concatenate([found, found.sum(axis=-2, keepdims=True)], axis=-2)


def ratio(over: NDArray[Any], under: NDArray[Any]) -> Places:
    """Divide, place by place; NaN by nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under == 0, np.nan, over.astype(float) / under.astype(float))


def _mean(total: NDArray[Any], counts: NDArray[Any]) -> Places:
    """Return mean lengths in days."""
    return ratio(total, counts * float(MICROSECONDS_PER_DAY))


def _quantiles(lengths: Integers, counts: Integers) -> NDArray[np.float64]:
    """Return the quantiles of parts of an array, one after another, interpolated between order statistics; NaN for an empty part."""
    found = np.full((len(_QUANTILES), counts.size), np.nan)
    ends = np.cumsum(counts)
    for k in np.flatnonzero(counts):
        n = int(counts.flat[k])
        where = [(n - 1) * q for q in _QUANTILES]
        lows = [int(w) for w in where]
        highs = [min(low + 1, n - 1) for low in lows]
        part = np.partition(lengths[ends[k] - n : ends[k]], sorted({*lows, *highs}))
        for q, (w, low, high) in enumerate(zip(where, lows, highs, strict=True)):
            a, b = float(part[low]), float(part[high])
            found[q, k] = a + (b - a) * (w - low)
    return found.reshape(len(_QUANTILES), *counts.shape)
