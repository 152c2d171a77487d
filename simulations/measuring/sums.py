"""Exact integer sums, and ratios, by court and group."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.measured import ByCourt


def add_up(slot: NDArray[np.integer[Any]], shape: tuple[int, ...], weights: NDArray[np.int64] | None = None) -> NDArray[Any]:
    """Return counts or exact sums by court and group, with a last row for all courts.

    Parameters
    ----------
    slot : ndarray of int, shape (n,)
        Index into an array of `shape`, flattened.
    shape : tuple of int
        Number of (activities,) courts and groups.
    weights : ndarray of int64, shape (n,), optional
        Not negative. Without them, entries are counted.

    Returns
    -------
    ndarray, shape (..., n_courts + 1, n_groups)
        Of int64, or of Python integers: microseconds of millions of cases may exceed 64 bits.
    """
    n = math.prod(shape)
    if weights is None:
        return with_whole(np.bincount(slot, minlength=n).reshape(shape))
    if int(weights.max(initial=0)) * len(weights) >= 1 << 63:
        high, low = (add_up(slot, shape, half) for half in (weights >> 32, weights & 0xFFFFFFFF))
        return np.asarray((high.astype(object) << 32) + low)
    sums = np.zeros(n, np.int64)
    np.add.at(sums, slot.astype(np.intp, copy=False), weights)
    return with_whole(sums.reshape(shape))


def add_up_parts(values: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[Any]:
    """Return the exact sum of each of several consecutive parts of an array.

    Parameters
    ----------
    values : ndarray of int64, shape (n,)
        Not negative.
    counts : ndarray of int64, shape (n_parts,)
        Number of values in each part.

    Returns
    -------
    ndarray, shape (n_parts,)
        Of int64, or of Python integers.
    """
    if int(values.max(initial=0)) * len(values) >= 1 << 63:
        high = add_up_parts(values >> 32, counts)
        low = add_up_parts(values & 0xFFFFFFFF, counts)
        return np.asarray((high.astype(object) << 32) + low)
    sums, filled = np.zeros(len(counts), np.int64), np.flatnonzero(counts)
    if len(filled):
        sums[filled] = np.add.reduceat(values, (np.cumsum(counts) - counts)[filled])
    return sums


def with_whole(values: NDArray[Any]) -> NDArray[Any]:
    """Append a row for all courts: the sum over courts."""
    return np.concatenate([values, values.sum(axis=-2, keepdims=True)], axis=-2)


def ratio(over: NDArray[Any], under: NDArray[Any]) -> ByCourt:
    """Divide element by element; NaN where the divisor is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under == 0, np.nan, over.astype(float) / under.astype(float))
