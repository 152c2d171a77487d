"""Standard forms of the continuous distributions: shape only, without location, scale and unit.

The families given by mean and cv have mean 1, the normal distribution has mean 0 and standard deviation 1, and
the bounded ones lie on [0, 1]. `simulations.chance.families` shifts and scales them. A hundred courts whose
means differ, but not their cv, share one standard form and one compiled table.

Lower tails are computed from u and upper tails from v = 1 - u, so both keep full precision. scipy is imported
on first use only: its special functions here, `scipy.stats` (two seconds) in `simulations.chance.scipy_forms`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from simulations.chance.inverse_tables import Floats, InverseTable, compile_table
from workflow.imports import special_functions

_ZETA3, _ZETA5 = 1.2020569031595942, 1.0369277551433699
# Beyond this shape scipy's incomplete gamma function loses the tails, and Wilson and Hilferty's cube root of
# a gamma variable (1931, doi:10.1073/pnas.17.12.684) is normal to within 6e-9 in probability.
_LARGE_GAMMA_SHAPE = 1e6


class StandardForm(ABC):
    """A continuous distribution in standard form.

    A subclass is a frozen dataclass of its shape parameters, so equal forms share one compiled table. It gives
    moments, quantile function and probabilities; `upper` asks for the upper tail. The support is [0, inf) unless
    a subclass says otherwise.
    """

    __slots__ = ()

    @property
    def mean(self) -> float:
        """Mean; infinite, or NaN, if there is none."""
        return self._moments()[0]

    @property
    def variance(self) -> float:
        """Variance; infinite, or NaN, if there is none."""
        return self._moments()[1]

    @property
    def support(self) -> tuple[float, float]:
        """Lower and upper bound."""
        return 0.0, math.inf

    def ppf(self, u: Floats) -> Floats:
        """Return the quantiles at probability u below."""
        return self._quantile(u, upper=False)

    def isf(self, v: Floats) -> Floats:
        """Return the quantiles at probability v above."""
        return self._quantile(v, upper=True)

    def cdf(self, x: Floats) -> Floats:
        """Return the probability below x."""
        return self._probability(x, upper=False)

    def sf(self, x: Floats) -> Floats:
        """Return the probability above x."""
        return self._probability(x, upper=True)

    @abstractmethod
    def _moments(self) -> tuple[float, float]:
        """Return mean and variance."""

    @abstractmethod
    def _quantile(self, p: Floats, upper: bool) -> Floats: ...

    @abstractmethod
    def _probability(self, x: Floats, upper: bool) -> Floats: ...


@lru_cache(maxsize=256)
def compiled(form: StandardForm) -> InverseTable:
    """Return the table of the quantile function, compiled on the first call."""
    return compile_table(form)


class _Bounded(StandardForm):
    """A distribution on [0, 1]."""

    __slots__ = ()

    @property
    def support(self) -> tuple[float, float]:
        """Lower and upper bound."""
        return 0.0, 1.0


@dataclass(frozen=True, slots=True)
class Uniform(_Bounded):
    """The uniform distribution on [0, 1]."""

    def _moments(self) -> tuple[float, float]:
        return 0.5, 1 / 12

    def _quantile(self, p: Floats, upper: bool) -> Floats:
        return 1 - p if upper else p

    def _probability(self, x: Floats, upper: bool) -> Floats:
        return np.clip(1 - x if upper else x, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Triangular(_Bounded):
    """The triangular distribution on [0, 1] with its peak at `mode`, in [0, 1]."""

    mode: float

    def _moments(self) -> tuple[float, float]:
        return (1 + self.mode) / 3, (1 - self.mode + self.mode**2) / 18

    def _quantile(self, p: Floats, upper: bool) -> Floats:
        if upper:
            return 1 - Triangular(1 - self.mode).ppf(p)
        return np.where(p <= self.mode, np.sqrt(self.mode * p), 1 - np.sqrt((1 - self.mode) * (1 - p)))

    def _probability(self, x: Floats, upper: bool) -> Floats:
        if upper:
            return Triangular(1 - self.mode).cdf(1 - x)
        x = np.clip(x, 0.0, 1.0)
        if self.mode == 1:
            return x * x
        return np.where(x < self.mode, x * x / (self.mode or 1.0), 1 - (1 - x) ** 2 / (1 - self.mode))


@dataclass(frozen=True, slots=True)
class Beta(_Bounded):
    """The beta distribution on [0, 1] with shapes `a` and `b`, both above 0."""

    a: float
    b: float

    def _moments(self) -> tuple[float, float]:
        total = self.a + self.b
        return self.a / total, self.a * self.b / (total**2 * (total + 1))

    def _quantile(self, p: Floats, upper: bool) -> Floats:
        inverse = special_functions().betainccinv if upper else special_functions().betaincinv
        return _floats(inverse(self.a, self.b, p))

    def _probability(self, x: Floats, upper: bool) -> Floats:
        integral = special_functions().betaincc if upper else special_functions().betainc
        return _floats(integral(self.a, self.b, np.clip(x, 0.0, 1.0)))


@dataclass(frozen=True, slots=True)
class Normal(StandardForm):
    """The normal distribution with mean 0 and standard deviation 1."""

    @property
    def support(self) -> tuple[float, float]:
        """Lower and upper bound."""
        return -math.inf, math.inf

    def _moments(self) -> tuple[float, float]:
        return 0.0, 1.0

    def _quantile(self, p: Floats, upper: bool) -> Floats:
        z = _floats(special_functions().ndtri(p))
        return -z if upper else z

    def _probability(self, x: Floats, upper: bool) -> Floats:
        return _floats(special_functions().ndtr(-x if upper else x))


@dataclass(frozen=True, slots=True)
class Lognormal(StandardForm):
    """The lognormal distribution with mean 1 and coefficient of variation `cv`, above 0."""

    cv: float

    @property
    def sigma(self) -> float:
        """Standard deviation of the logarithm."""
        return math.sqrt(math.log1p(self.cv**2))

    def _moments(self) -> tuple[float, float]:
        return 1.0, self.cv**2

    def _quantile(self, p: Floats, upper: bool) -> Floats:
        return np.exp((-self.sigma if upper else self.sigma) * Normal().ppf(p) - self.sigma**2 / 2)

    def _probability(self, x: Floats, upper: bool) -> Floats:
        with np.errstate(divide="ignore"):
            z = np.log(np.maximum(x, 0.0)) / self.sigma + self.sigma / 2
        return Normal().cdf(-z if upper else z)


@dataclass(frozen=True, slots=True)
class Gamma(StandardForm):
    """The gamma distribution with mean 1 and coefficient of variation `cv`, above 0; its shape is 1 / cv^2."""

    cv: float

    @property
    def shape(self) -> float:
        """Shape parameter."""
        return self.cv**-2

    def _moments(self) -> tuple[float, float]:
        return 1.0, self.cv**2

    def _quantile(self, p: Floats, upper: bool) -> Floats:
        if self.shape > _LARGE_GAMMA_SHAPE:
            z = Normal().isf(p) if upper else Normal().ppf(p)
            cube: Floats = (1 - self.cv**2 / 9 + z * self.cv / 3) ** 3
            return cube
        inverse = special_functions().gammainccinv if upper else special_functions().gammaincinv
        return _floats(inverse(self.shape, p)) / self.shape

    def _probability(self, x: Floats, upper: bool) -> Floats:
        if self.shape > _LARGE_GAMMA_SHAPE:
            z = (np.cbrt(np.maximum(x, 0.0)) - 1 + self.cv**2 / 9) * 3 / self.cv
            return Normal().cdf(-z if upper else z)
        integral = special_functions().gammaincc if upper else special_functions().gammainc
        return _floats(integral(self.shape, self.shape * np.maximum(x, 0.0)))


@dataclass(frozen=True, slots=True)
class Weibull(StandardForm):
    """The Weibull distribution with mean 1; `exponent` is 1 / shape, above 0. Exponent 1 is the exponential one."""

    exponent: float

    @classmethod
    def with_cv(cls, cv: float) -> Weibull:
        """Return the distribution with this coefficient of variation, above 0.

        The exponent t solves log(1 + cv^2) = log Gamma(1 + 2t) - 2 log Gamma(1 + t), by bisection: the
        right side rises from 0 without bound.
        """
        target = math.log1p(cv**2)
        low, high = 0.0, 1.0
        while _log_relative_moment(high) < target:
            low, high = high, 2 * high
        for _ in range(200):
            middle = (low + high) / 2
            if not low < middle < high:
                break
            low, high = (middle, high) if _log_relative_moment(middle) < target else (low, middle)
        return cls(high)

    def _moments(self) -> tuple[float, float]:
        try:
            return 1.0, math.expm1(_log_relative_moment(self.exponent))
        except OverflowError:
            return 1.0, math.inf

    def _quantile(self, p: Floats, upper: bool) -> Floats:
        hazard = -np.log(p) if upper else -np.log1p(-p)
        return hazard**self.exponent * self._unit

    def _probability(self, x: Floats, upper: bool) -> Floats:
        hazard = (np.maximum(x, 0.0) / self._unit) ** (1 / self.exponent)
        return np.exp(-hazard) if upper else -np.expm1(-hazard)

    @property
    def _unit(self) -> float:
        return math.exp(-math.lgamma(1 + self.exponent))


def _floats(values: Any) -> Floats:
    return np.asarray(values, np.float64)


def _log_relative_moment(t: float) -> float:
    """Return log Gamma(1 + 2t) - 2 log Gamma(1 + t); a series near 0, where the terms cancel."""
    if t < 1e-3:
        zeta2, zeta4 = math.pi**2 / 6, math.pi**4 / 90
        return t * t * (zeta2 + t * (-2 * _ZETA3 + t * (3.5 * zeta4 - t * 6 * _ZETA5)))
    return math.lgamma(1 + 2 * t) - 2 * math.lgamma(1 + t)
