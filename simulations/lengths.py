"""How long did cases wait for each activity, and how long did it take? Means and quantiles by court and group."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.clock import MICROSECONDS_PER_DAY
from simulations.eventlog import HORIZON, NEVER, EventLog, order_of
from simulations.measured import Places
from simulations.waiting import CAUSES

__all__ = ["PROCESSING", "SHAPES", "WAITING", "Lengths", "add_up", "ratio"]

WAITING, PROCESSING = "waiting_time", "processing_time"
SHAPES = ("mean", "median", "p95")
_QUANTILES = (0.5, 0.95)

Integers = NDArray[np.int64]


class Lengths:
    """Takes the lengths of waits and of work from a log, those of all activities at once.

    Parameters
    ----------
    log : EventLog
    waits : mapping of str to ndarray
        The waiting time of each row by each cause that there is, see `simulations.waiting`.
    place : ndarray of int64, shape (n_cases,)
        Court times groups plus group of each case.
    shape : tuple of int
        How many courts, how many groups.
    since : int
        The end of the warm-up: what ended before is not counted.
    """

    def __init__(
        self, log: EventLog, waits: Mapping[str, Integers], place: Integers, shape: tuple[int, int], since: int
    ) -> None:
        self._log, self._waits, self._place, self._since = log, waits, place, since
        self._shape = (len(log.words.activity), *shape)

    @cached_property
    def _ends(self) -> tuple[Integers, NDArray[np.int32]]:
        """Return the rows that end an activity or the wait for it, sorted by activity, court and group, and these as one number."""
        columns, n = self._log.columns, int(np.prod(self._shape))
        rows = np.flatnonzero(columns["activity"] >= 0)
        place = columns["activity"][rows].astype(np.int32)
        place *= n // max(1, self._shape[0])
        place += self._place[columns["case_id"][rows]].astype(np.int32)
        order = order_of(place, n)
        return rows[order], place[order]

    def take(self, until: int) -> dict[str, Places]:
        """Take everything as it stood at an instant."""
        waiting, processing = self._waiting(until), self._processing(until)
        found: dict[str, Places] = {}
        for name, work in self._log.cases.scenario.work.items():
            k = self._log.words.activity.index(name)
            if work.pool is not None:
                found |= {f"{WAITING}.{name}.{shape}": waiting[shape][k] for shape in (*SHAPES, *CAUSES)}
                found[f"still_waiting.{name}"] = waiting["still"][k]
            found |= {f"{PROCESSING}.{name}.{shape}": processing[shape][k] for shape in SHAPES}
        return found

    def _waiting(self, until: int) -> dict[str, Places]:
        columns = self._log.columns
        rows, place = self._ends
        pooled = np.flatnonzero(columns["pool"][rows] >= 0)
        rows, place = rows[pooled], place[pooled]
        enabled, started, happened = (columns[n][rows] for n in ("enabled_at", "started_at", "happened_at"))
        began = (started > NEVER) & (started <= until)
        # A row ends the wait when work starts, or when the case leaves the queue.
        open_ = (happened > until) | (columns["cause"][rows] == self._log.words.cause.index(HORIZON))
        still = (enabled > NEVER) & (enabled <= until) & ~began & open_
        began &= happened >= self._since
        length = started[began] - enabled[began]
        del enabled, started, happened, open_
        found = self._shapes(length, place[began])
        counts = add_up(place[began], self._shape)
        for cause in CAUSES:
            total = np.zeros_like(counts)
            if cause in self._waits:
                total = add_up(place[began], self._shape, self._waits[cause][rows[began]])
            found[cause] = _mean(total, counts)
        found["still"] = add_up(place[still], self._shape).astype(float)
        return found

    def _processing(self, until: int) -> dict[str, Places]:
        columns = self._log.columns
        rows, place = self._ends
        completed = columns["completed_at"][rows]
        ended = (completed > NEVER) & (completed <= until) & (columns["happened_at"][rows] >= self._since)
        return self._shapes(completed[ended] - columns["started_at"][rows[ended]], place[ended])

    def _shapes(self, length: Integers, place: NDArray[np.int32]) -> dict[str, Places]:
        """Return mean and quantiles of some lengths, which are sorted by place."""
        _, n_courts, n_groups = self._shape
        counts = add_up(place, self._shape)
        found = {"mean": _mean(add_up(place, self._shape, length), counts)}
        of_courts = _quantiles(length, counts[:, :-1])
        if n_groups > 1:
            activity, group = place // (n_courts * n_groups), place % n_groups
            length = length[order_of(activity * n_groups + group, self._shape[0] * n_groups)]
        overall = _quantiles(length, counts[:, -1:])
        for k, shape in enumerate(SHAPES[1:]):
            found[shape] = np.concatenate([of_courts[k], overall[k]], axis=1) / MICROSECONDS_PER_DAY
        return found


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
