"""How much of the variance of a measure comes from uncertain inputs, and how much is chance: a regression on the inputs.

The share of parameters is the adjusted coefficient of determination of a linear regression on the inputs; with many
replications their squares are added. What such a regression misses counts as chance, so the share is a lower bound.
The interval inverts the distribution of R² over draws of normal inputs, which Fisher found: of beta distributions, mixed by a negative
binomial one.

References
----------
Fisher, R. A. (1928). The general sampling distribution of the multiple correlation coefficient. Proceedings of the Royal
Society A 121.
Cohen, J. et al. (2003). Applied Multiple Regression, 3rd ed., section 3.6.
Helton, J. C. et al. (2006). Survey of sampling-based methods for uncertainty and sensitivity analysis. Reliability
Engineering and System Safety 91, section 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow.imports import special_functions

LEAST_FREEDOM = 10
"""A share needs so many more replications than the regression has coefficients."""

_MOST = 0.999
"""A larger share has no upper bound but 1."""

_TERMS = 200
"""The mixture is a sum of about so many terms, evenly spaced where there are more."""

_MANY = 10
"""Squares are added with so many replications for each coefficient."""


@dataclass(frozen=True, slots=True)
class Split:
    """The share of a variance that comes from uncertain inputs; the rest is chance.

    Attributes
    ----------
    share, low, high : float
        From 0 to 1, with the ends of its confidence interval.
    """

    share: float
    low: float
    high: float


class Splitter:
    """Splits the variance of measures over the same replications.

    Parameters
    ----------
    inputs : sequence of sequence of float
        The values of each input, one for each replication.
    n : int
        Number of replications.
    confidence : float
        Level of the intervals, between 0 and 1.
    """

    def __init__(self, inputs: Sequence[Sequence[float]], n: int, confidence: float) -> None:
        columns = _standard(np.asarray(column, float) for column in inputs)
        if n >= _MANY * (2 * len(columns) + 1):
            columns += _standard(column**2 for column in columns)
        self.n, self.confidence = n, confidence
        self._basis: NDArray[np.float64] | None = None
        if columns:
            design = np.column_stack([np.ones(n), *columns])
            basis, diagonal, _ = np.linalg.svd(design, full_matrices=False)
            basis = basis[:, diagonal > 1e-9 * diagonal[0]]
            if n - basis.shape[1] >= LEAST_FREEDOM:
                self._basis = basis

    def split(self, values: Sequence[float]) -> Split | None:
        """Return the share of the inputs; ``None`` for too few replications, or without any variance."""
        y = np.asarray(values, float)
        if self._basis is None or len(y) != self.n:
            return None
        y = y - y.mean()
        total = float(y @ y)
        if total <= 1e-20 * max(1.0, float(np.abs(values).max()) ** 2):
            return None
        explained = min(1.0, float(((self._basis.T @ y) ** 2).sum()) / total)
        p = self._basis.shape[1] - 1
        freedom = self.n - p - 1
        share = max(0.0, 1 - (1 - explained) * (self.n - 1) / freedom)
        if 1 - explained < 1e-12:
            return Split(1.0, 1.0, 1.0)
        low, high = (self._bound(explained, p, freedom, 0.5 + sign * self.confidence / 2) for sign in (1, -1))
        return Split(share, min(low, share), max(high, share))

    def _bound(self, explained: float, p: int, freedom: int, probability: float) -> float:
        """Return the share with which a regression explains at most `explained` with this probability."""
        from scipy.optimize import brentq

        def excess(share: float) -> float:
            return _at_most(explained, share, self.n, p, freedom) - probability

        if excess(0.0) <= 0:
            return 0.0
        return 1.0 if excess(_MOST) > 0 else float(brentq(excess, 0.0, _MOST, xtol=1e-5))


def _at_most(explained: float, share: float, n: int, p: int, freedom: int) -> float:
    """Return the probability that R² is at most `explained`: a negative binomial mixture of beta distributions."""
    betainc = special_functions().betainc
    gammaln = special_functions().gammaln

    r = (n - 1) / 2
    mean, spread = r * share / (1 - share), math.sqrt(r * share) / (1 - share)
    least, most = max(0, int(mean - 8 * spread)), int(mean + 8 * spread) + 2
    j = np.arange(least, most, max(1, (most - least) // _TERMS))
    log_weights = gammaln(r + j) - gammaln(r) - gammaln(j + 1) + r * math.log1p(-share) + j * math.log(max(share, 1e-300))
    weights = np.exp(log_weights - log_weights.max())
    return float((weights * betainc(p / 2 + j, freedom / 2, explained)).sum() / weights.sum())


def _standard(columns: Iterable[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Return the columns that vary, each with mean 0 and variance 1."""
    with_spread = ((column, float(column.std())) for column in columns)
    return [(c - c.mean()) / spread for c, spread in with_spread if spread > 1e-12 * max(1.0, float(np.abs(c).max()))]
