"""Sobol' indices: which share of the variance of a result comes from each of its inputs.

The *first-order index* of an input is the share of the variance that its value alone explains. The *total index* adds what it
explains together with others. A design has two matrices of inputs, A and B, and for each input the matrix A with that column
from B.

References
----------
Saltelli, A. et al. (2010). Variance based sensitivity analysis of model output. Computer Physics Communications 181.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_RESAMPLES = 999


@dataclass(frozen=True, slots=True)
class Index:
    """The indices of one input, with their bootstrap intervals.

    Attributes
    ----------
    first, first_low, first_high : float
        The first-order index.
    total, total_low, total_high : float
        The total index.
    """

    first: float
    first_low: float
    first_high: float
    total: float
    total_low: float
    total_high: float


def sobol_design(n: int, d: int, seed: int) -> Floats:
    """Return the points of a design in the unit cube: A, B, and for each input A with its column from B.

    Parameters
    ----------
    n : int
        Number of rows of A, a power of two.
    d : int
        Number of inputs.

    Returns
    -------
    ndarray of float, shape (d + 2, n, d)
        Scrambled Sobol' points, never 0 or 1.
    """
    from scipy.stats import qmc

    points = qmc.Sobol(2 * d, rng=np.random.default_rng(seed)).random(n)
    points = np.clip(points, 2.0**-40, 1 - 2.0**-40)
    a, b = points[:, :d], points[:, d:]
    mixed = [np.where(np.arange(d) == k, b, a) for k in range(d)]
    return np.stack([a, b, *mixed])


def sobol_of(values: Floats, confidence: float, seed: int) -> list[Index]:
    """Return the indices of each input from the results of a design.

    Parameters
    ----------
    values : ndarray of float, shape (d + 2, n)
        In the order of `sobol_design`.
    confidence : float
        Level of the intervals, between 0 and 1.
    seed : int
        Of the bootstrap.

    Examples
    --------
    >>> design = sobol_design(64, 2, seed=1)
    >>> one, other = sobol_of(3 * design[..., 0] + design[..., 1], 0.9, seed=1)
    >>> round(one.first, 1), round(other.total, 1)
    (0.9, 0.1)
    """
    from scipy.stats import sobol_indices

    values = values - values[:2].mean()
    given: dict[Literal["f_A", "f_B", "f_AB"], Floats] = {"f_A": values[:1], "f_B": values[1:2], "f_AB": values[2:, None, :]}
    indices = sobol_indices(func=given, n=values.shape[1], rng=np.random.default_rng(seed))
    ends = indices.bootstrap(confidence_level=confidence, n_resamples=_RESAMPLES)
    first, total = ends.first_order.confidence_interval, ends.total_order.confidence_interval
    columns: Sequence[Floats] = [
        np.ravel(c) for c in (indices.first_order, first.low, first.high, indices.total_order, total.low, total.high)
    ]
    return [Index(*(float(column[k]) for column in columns)) for k in range(values.shape[0] - 2)]
