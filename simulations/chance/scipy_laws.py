"""How are the other continuous families of scipy made fit for a table, which asks for thousands of quantiles?

Where scipy has a formula for the inverse, it is used. Where it would search for each point apart, the search
is made for all points at once; where it would integrate the density for each, the integral is interpolated.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from simulations.chance.inverse_tables import Floats

__all__ = ["ScipyLaw", "scipy_stats"]

# Families with a distribution function of their own in scipy that integrates all the same.
_INTEGRALS = frozenset({"genhyperbolic", "geninvgauss"})


@dataclass(frozen=True, slots=True)
class ScipyLaw:
    """A continuous law of `scipy.stats`, by its name there and its shape parameters in scipy's order."""

    name: str
    shapes: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean."""
        return float(self._law.mean(*self.shapes))

    @property
    def variance(self) -> float:
        """Variance."""
        return float(self._law.var(*self.shapes))

    @property
    def support(self) -> tuple[float, float]:
        """Least and greatest value."""
        low, high = self._law.support(*self.shapes)
        return float(low), float(high)

    def ppf(self, u: Floats) -> Floats:
        """Return the quantile of probability u below."""
        if self._lacks("_cdf"):
            return np.asarray(_integrated(self).ppf(u))
        if self._lacks("_ppf"):
            return self._solved(u, lambda x, u: self.cdf(x) - u)
        return np.asarray(self._law.ppf(u, *self.shapes))

    def isf(self, v: Floats) -> Floats:
        """Return the quantile of probability v above."""
        if self._lacks("_cdf"):
            return np.asarray(_integrated(self).ppf(1 - v))
        if self._lacks("_ppf"):
            return self._solved(v, lambda x, v: v - self.sf(x))
        return np.asarray(self._law.isf(v, *self.shapes))

    def cdf(self, x: Floats) -> Floats:
        """Return the probability below x."""
        return np.asarray(_integrated(self).cdf(x) if self._lacks("_cdf") else self._law.cdf(x, *self.shapes))

    def sf(self, x: Floats) -> Floats:
        """Return the probability above x."""
        return 1 - self.cdf(x) if self._lacks("_cdf") else np.asarray(self._law.sf(x, *self.shapes))

    @property
    def _law(self) -> Any:
        return getattr(scipy_stats(), self.name)

    def _lacks(self, formula: str) -> bool:
        """Whether scipy has no formula but a search or an integral for each point: a thousand times too slow."""
        generic = getattr(scipy_stats().rv_continuous, formula)
        return getattr(type(self._law), formula) is generic or (formula == "_cdf" and self.name in _INTEGRALS)

    def _solved(self, probability: Floats, excess: Callable[[Floats, Floats], Floats]) -> Floats:
        """Return where the excess over a probability is zero, for many probabilities at once."""
        find_root = import_module("scipy.optimize.elementwise").find_root
        wanted = np.asarray(probability, np.float64)
        low, high = self._bracket()
        return np.asarray(find_root(excess, (np.full(wanted.shape, low), high), args=(wanted,)).x)

    def _bracket(self) -> tuple[float, float]:
        """Return two points with all but 2**-54 of the probability between them."""
        low, high = self.support
        middle = float(self._law.ppf(0.5, *self.shapes))
        step = 1.0
        while not math.isfinite(low) or not math.isfinite(high):
            if not math.isfinite(low) and self._law.cdf(middle - step, *self.shapes) < 2.0**-54:
                low = middle - step
            if not math.isfinite(high) and self._law.sf(middle + step, *self.shapes) < 2.0**-54:
                high = middle + step
            step *= 2
            if not math.isfinite(step):
                raise ValueError("a quantile is not a finite number")
        return low, high


@lru_cache(maxsize=256)
def _integrated(law: ScipyLaw) -> Any:
    """Return polynomials for the inverse of the integral of a law's density, within 1e-11 in probability.

    References
    ----------
    G. Derflinger, W. Hoermann, J. Leydold (2010). Random variate generation by numerical inversion when
    only the density is known. ACM TOMACS 20(4). doi:10.1145/1842722.1842723
    """
    sampling = import_module("scipy.stats.sampling")
    frozen = getattr(scipy_stats(), law.name)(*law.shapes)
    center = law.mean if math.isfinite(law.mean) else 0.0
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the density is tried far out, where it underflows
            return sampling.NumericalInversePolynomial(frozen, domain=law.support, center=center, u_resolution=1e-11)
    except Exception as error:
        raise ValueError("its density cannot be integrated") from error


def scipy_stats() -> Any:
    """Return the module `scipy.stats`, imported when it is first needed."""
    return import_module("scipy.stats")
