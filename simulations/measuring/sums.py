"""Sums and shares by court and group: whole numbers are added up without rounding, however many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.measured import Places

__all__ = ["add_up", "ratio"]

_DIGIT = 24
"""Bits of the digits in which weights are added up: floats hold the sums of 2**29 of them exactly."""


def add_up(
    place: NDArray[np.integer[Any]], shape: tuple[int, ...], weights: NDArray[np.int64] | None = None
) -> NDArray[Any]:
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
        most = int(weights.max(initial=0))
        found = np.zeros(n, np.int64 if most * len(weights) < 1 << 63 else object)
        for shift in range(0, most.bit_length(), _DIGIT):  # numpy counts much faster than it adds up
            digits = (weights >> shift) & ((1 << _DIGIT) - 1)
            found += np.bincount(place, digits, minlength=n).astype(np.int64).astype(found.dtype) << shift
    found = found.reshape(shape)
    return np.concatenate([found, found.sum(axis=-2, keepdims=True)], axis=-2)


def ratio(over: NDArray[Any], under: NDArray[Any]) -> Places:
    """Divide, place by place; NaN by nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under == 0, np.nan, over.astype(float) / under.astype(float))
