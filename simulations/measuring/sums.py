"""Sums and shares by court and group: whole numbers are added up without rounding, however many there are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.measured import Places

__all__ = ["add_up", "add_up_parts", "ratio", "with_whole"]


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
    n = math.prod(shape)
    if weights is None:
        found: NDArray[Any] = np.bincount(place, minlength=n)
    else:
        most = int(weights.max(initial=0))
        found = np.zeros(n, np.int64 if most * len(weights) < 1 << 63 else object)
        # numpy counts with floats much faster than it adds up: in digits whose sums have room in their 53 bits. What it is
        # given is of the type that it counts in, as its own conversion takes longer than all the rest.
        n_bits, place = 53 - len(weights).bit_length(), place.astype(np.intp, copy=False)
        for shift in range(0, most.bit_length(), n_bits):
            digits = ((weights >> shift) & ((1 << n_bits) - 1)).astype(float)
            found += np.bincount(place, digits, minlength=n).astype(np.int64).astype(found.dtype) << shift
    return with_whole(found.reshape(shape))


def add_up_parts(values: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[Any]:
    """Add up whole numbers, 0 or more each, part after part; sums have no rounding.

    Parameters
    ----------
    values : ndarray of int64, shape (n,)
        One part after another.
    counts : ndarray of int64, shape (n_parts,)
        How many each part has.

    Returns
    -------
    ndarray, shape (n_parts,)
        Of int64, or of Python's whole numbers.
    """
    if int(values.max(initial=0)) * len(values) >= 1 << 63:
        high, low = (add_up_parts(half, counts) for half in (values >> 32, values & 0xFFFFFFFF))
        return np.asarray((high.astype(object) << 32) + low)
    found, some = np.zeros(len(counts), np.int64), np.flatnonzero(counts)
    if len(some):
        found[some] = np.add.reduceat(values, (np.cumsum(counts) - counts)[some])
    return found


def with_whole(places: NDArray[Any]) -> NDArray[Any]:
    """Append a row for all courts, the sum of theirs."""
    return np.concatenate([places, places.sum(axis=-2, keepdims=True)], axis=-2)


def ratio(over: NDArray[Any], under: NDArray[Any]) -> Places:
    """Divide element by element; NaN where the divisor is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under == 0, np.nan, over.astype(float) / under.astype(float))
