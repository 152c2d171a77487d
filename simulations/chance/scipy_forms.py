"""The other continuous families of `scipy.stats`, made fast enough to compile a table of thousands of quantiles.

Where scipy has a formula for the quantile function, it is used. Where scipy would search each quantile on its own,
one search finds them all. Where scipy would integrate the density for each point, the integral is interpolated.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from simulations.chance.inverse_tables import Floats
from simulations.chance.standard_forms import StandardForm

# Families whose distribution function in scipy integrates numerically although it is their own.
_INTEGRALS = frozenset({"genhyperbolic", "geninvgauss"})


@cache
def scipy_names() -> frozenset[str]:
    """Return the names of all continuous families of `scipy.stats`."""
    stats = _scipy_stats()
    return frozenset(name for name, family in vars(stats).items() if isinstance(family, stats.rv_continuous))


def scipy_shapes(name: str) -> tuple[str, ...]:
    """Return the names of the shape parameters of a family, in scipy's order."""
    shapes = getattr(_scipy_stats(), name).shapes
    return tuple(shapes.replace(" ", "").split(",")) if shapes else ()


@dataclass(frozen=True, slots=True)
class ScipyForm(StandardForm):
    """A continuous distribution of `scipy.stats`: its name there, and its shape parameters in scipy's order."""

    name: str
    shapes: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean; infinite, or NaN, if there is none."""
        return float(self._family.mean(*self.shapes))

    @property
    def variance(self) -> float:
        """Variance; infinite, or NaN, if there is none."""
        return float(self._family.var(*self.shapes))

    @property
    def support(self) -> tuple[float, float]:
        """Lower and upper bound."""
        low, high = self._family.support(*self.shapes)
        return float(low), float(high)

    def _moments(self) -> tuple[float, float]:
        return self.mean, self.variance

    def _quantile(self, p: Floats, upper: bool) -> Floats:
        if self._lacks("_cdf"):
            return np.asarray(_integrated(self).ppf(1 - p if upper else p))
        if self._lacks("_ppf"):
            return self._solved(p, (lambda x, v: v - self.sf(x)) if upper else (lambda x, u: self.cdf(x) - u))
        return np.asarray((self._family.isf if upper else self._family.ppf)(p, *self.shapes))

    def _probability(self, x: Floats, upper: bool) -> Floats:
        if self._lacks("_cdf"):
            below = np.asarray(_integrated(self).cdf(x))
            return 1 - below if upper else below
        return np.asarray((self._family.sf if upper else self._family.cdf)(x, *self.shapes))

    @property
    def _family(self) -> Any:
        return getattr(_scipy_stats(), self.name)

    def _lacks(self, formula: str) -> bool:
        """Return whether scipy searches or integrates for each point, a thousand times too slow."""
        generic = getattr(_scipy_stats().rv_continuous, formula)
        return getattr(type(self._family), formula) is generic or (formula == "_cdf" and self.name in _INTEGRALS)

    def _solved(self, probability: Floats, excess: Callable[[Floats, Floats], Floats]) -> Floats:
        """Return the roots of `excess`, one for each probability, found together."""
        find_root = import_module("scipy.optimize.elementwise").find_root
        wanted = np.asarray(probability, np.float64)
        low, high = self._bracket()
        return np.asarray(find_root(excess, (np.full(wanted.shape, low), high), args=(wanted,)).x)

    def _bracket(self) -> tuple[float, float]:
        """Return two points with all but 2**-54 of the probability between them."""
        low, high = self.support
        middle = float(self._family.ppf(0.5, *self.shapes))
        step = 1.0
        while not math.isfinite(low) or not math.isfinite(high):
            if not math.isfinite(low) and self._family.cdf(middle - step, *self.shapes) < 2.0**-54:
                low = middle - step
            if not math.isfinite(high) and self._family.sf(middle + step, *self.shapes) < 2.0**-54:
                high = middle + step
            step *= 2
            if not math.isfinite(step):
                raise ValueError("a quantile is not a finite number")
        return low, high


@lru_cache(maxsize=256)
def _integrated(form: ScipyForm) -> Any:
    """Return polynomials for the inverse of the integral of the density, within 1e-11 in probability.

    References
    ----------
    G. Derflinger, W. Hoermann, J. Leydold (2010). Random variate generation by numerical inversion when
    only the density is known. ACM TOMACS 20(4). doi:10.1145/1842722.1842723
    """
    sampling = import_module("scipy.stats.sampling")
    frozen = getattr(_scipy_stats(), form.name)(*form.shapes)
    center = form.mean if math.isfinite(form.mean) else 0.0
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the density underflows far out
            return sampling.NumericalInversePolynomial(frozen, domain=form.support, center=center, u_resolution=1e-11)
    except Exception as error:
        raise ValueError("its density cannot be integrated") from error


def _scipy_stats() -> Any:
    """Return the module `scipy.stats`, imported on first use."""
    return import_module("scipy.stats")
