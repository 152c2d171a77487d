"""Exact integer sums, and ratios, by court and group."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.measured import ByCourt

_AT_ONCE = 1 << 20
_HALF = 1 << 32


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
    sums = ExactSums(n)
    sums.add(slot, weights)
    return with_whole(sums.total().reshape(shape))


class ExactSums:
    """Exact sums of whole numbers by cell, to which more can be added.

    Parameters
    ----------
    n : int
        Number of cells.
    """

    def __init__(self, n: int) -> None:
        self._high, self._low = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._most = 0  # what was added to `_low` is at most this; a one in `_high` counts `_HALF`

    def add(self, cells: NDArray[np.integer[Any]], numbers: NDArray[np.int64]) -> None:
        """Add each number, which is not negative, to a cell."""
        for start in range(0, len(numbers), _AT_ONCE):
            part, cell = numbers[start : start + _AT_ONCE], cells[start : start + _AT_ONCE].astype(np.intp, copy=False)
            self._most += int(part.max()) * len(part)
            if self._most >= 1 << 63:
                np.add.at(self._high, cell, part // _HALF)
                part = part % _HALF
                self._high += self._low // _HALF
                self._low %= _HALF
                self._most = _HALF * (len(self._low) + len(part))
            np.add.at(self._low, cell, part)

    def total(self) -> NDArray[Any]:
        """Return the sums: of int64 if even the sum of all fits, otherwise of Python integers."""
        if not self._high.any():
            return self._low
        return self._high.astype(object) * _HALF + self._low


def with_whole(values: NDArray[Any]) -> NDArray[Any]:
    """Append a row for all courts: the sum over courts."""
    return np.concatenate([values, values.sum(axis=-2, keepdims=True)], axis=-2)


def ratio(over: NDArray[Any], under: NDArray[Any]) -> ByCourt:
    """Divide element by element; NaN where the divisor is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under == 0, np.nan, over.astype(float) / under.astype(float))
