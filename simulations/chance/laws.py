"""Which probability laws are there, apart from their units? One class each, in its standard form.

A law has a shape and nothing else: the mean-and-cv families have mean 1, the normal law mean 0 and standard
deviation 1, the bounded ones lie on [0, 1]. `simulations.chance.distributions` moves and stretches them. So a
hundred courts whose means differ and whose cv does not share one law, and one compiled table.

Lower tails are computed from u and upper tails from v = 1 - u, which keeps both exact. scipy is imported on
first use only: `scipy.special` for these laws, `scipy.stats` (two seconds) for any other, by
`simulations.chance.scipy_laws`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from simulations.chance.inverse_tables import Floats, InverseTable, Quantiles, compile_table

__all__ = [
    "Beta",
    "Gamma",
    "Law",
    "Lognormal",
    "Normal",
    "Triangular",
    "Uniform",
    "Weibull",
    "compiled",
]

_ZETA3, _ZETA5 = 1.2020569031595942, 1.0369277551433699
# Beyond this shape scipy's incomplete gamma function loses the tails, and Wilson and Hilferty's cube root of
# a gamma variable (1931, doi:10.1073/pnas.17.12.684) is normal to within 6e-9 in probability.
_LARGE_GAMMA_SHAPE = 1e6


class Law(Quantiles, Protocol):
    """A standard law: hashable, so that its table is compiled once."""

    def __hash__(self) -> int:
        """Return the same for equal laws."""
        ...

    @property
    def mean(self) -> float:
        """Mean; infinite if there is none."""
        ...

    @property
    def variance(self) -> float:
        """Variance; infinite if there is none."""
        ...

    @property
    def support(self) -> tuple[float, float]:
        """Least and greatest value."""
        ...


@lru_cache(maxsize=256)
def compiled(law: Law) -> InverseTable:
    """Return the law's table, compiled on the first call."""
    return compile_table(law)


@dataclass(frozen=True, slots=True)
class Uniform:
    """The uniform law on [0, 1]."""

    @property
    def mean(self) -> float:
        """Mean."""
        return 0.5

    @property
    def variance(self) -> float:
        """Variance."""
        return 1 / 12

    @property
    def support(self) -> tuple[float, float]:
        """Least and greatest value."""
        return 0.0, 1.0

    def ppf(self, u: Floats) -> Floats:
        """Return the quantile of probability u below."""
        return u

    def isf(self, v: Floats) -> Floats:
        """Return the quantile of probability v above."""
        return 1 - v

    def cdf(self, x: Floats) -> Floats:
        """Return the probability below x."""
        return np.clip(x, 0.0, 1.0)

    def sf(self, x: Floats) -> Floats:
        """Return the probability above x."""
        return np.clip(1 - x, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Triangular:
    """The triangular law on [0, 1] with its peak at `mode`, in [0, 1]."""

    mode: float

    @property
    def mean(self) -> float:
        """Mean."""
        return (1 + self.mode) / 3

    @property
    def variance(self) -> float:
        """Variance."""
        return (1 - self.mode + self.mode**2) / 18

    @property
    def support(self) -> tuple[float, float]:
        """Least and greatest value."""
        return 0.0, 1.0

    def ppf(self, u: Floats) -> Floats:
        """Return the quantile of probability u below."""
        return np.where(u <= self.mode, np.sqrt(self.mode * u), 1 - np.sqrt((1 - self.mode) * (1 - u)))

    def isf(self, v: Floats) -> Floats:
        """Return the quantile of probability v above."""
        return 1 - Triangular(1 - self.mode).ppf(v)

    def cdf(self, x: Floats) -> Floats:
        """Return the probability below x."""
        x = np.clip(x, 0.0, 1.0)
        if self.mode == 1:
            return x * x
        return np.where(x < self.mode, x * x / (self.mode or 1.0), 1 - (1 - x) ** 2 / (1 - self.mode))

    def sf(self, x: Floats) -> Floats:
        """Return the probability above x."""
        return Triangular(1 - self.mode).cdf(1 - x)


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal law with mean 0 and standard deviation 1."""

    @property
    def mean(self) -> float:
        """Mean."""
        return 0.0

    @property
    def variance(self) -> float:
        """Variance."""
        return 1.0

    @property
    def support(self) -> tuple[float, float]:
        """Least and greatest value."""
        return -math.inf, math.inf

    def ppf(self, u: Floats) -> Floats:
        """Return the quantile of probability u below."""
        return _floats(_special().ndtri(u))

    def isf(self, v: Floats) -> Floats:
        """Return the quantile of probability v above."""
        return -self.ppf(v)

    def cdf(self, x: Floats) -> Floats:
        """Return the probability below x."""
        return _floats(_special().ndtr(x))

    def sf(self, x: Floats) -> Floats:
        """Return the probability above x."""
        return self.cdf(-x)


class _Nonnegative:
    """What the laws of lengths share: mean 1, from 0 to infinity."""

    __slots__ = ()

    @property
    def mean(self) -> float:
        """Mean."""
        return 1.0

    @property
    def support(self) -> tuple[float, float]:
        """Least and greatest value."""
        return 0.0, math.inf


@dataclass(frozen=True, slots=True)
class Lognormal(_Nonnegative):
    """The lognormal law with mean 1 and coefficient of variation `cv`, above 0."""

    cv: float

    @property
    def sigma(self) -> float:
        """Standard deviation of the logarithm."""
        return math.sqrt(math.log1p(self.cv**2))

    @property
    def variance(self) -> float:
        """Variance."""
        return self.cv**2

    def ppf(self, u: Floats) -> Floats:
        """Return the quantile of probability u below."""
        return np.exp(self.sigma * Normal().ppf(u) - self.sigma**2 / 2)

    def isf(self, v: Floats) -> Floats:
        """Return the quantile of probability v above."""
        return np.exp(-self.sigma * Normal().ppf(v) - self.sigma**2 / 2)

    def cdf(self, x: Floats) -> Floats:
        """Return the probability below x."""
        return Normal().cdf(self._score(x))

    def sf(self, x: Floats) -> Floats:
        """Return the probability above x."""
        return Normal().cdf(-self._score(x))

    def _score(self, x: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return np.log(np.maximum(x, 0.0)) / self.sigma + self.sigma / 2


@dataclass(frozen=True, slots=True)
class Gamma(_Nonnegative):
    """The gamma law with mean 1 and coefficient of variation `cv`, above 0: its shape is 1 / cv^2."""

    cv: float

    @property
    def shape(self) -> float:
        """Shape parameter."""
        return self.cv**-2

    @property
    def variance(self) -> float:
        """Variance."""
        return self.cv**2

    def ppf(self, u: Floats) -> Floats:
        """Return the quantile of probability u below."""
        if self.shape > _LARGE_GAMMA_SHAPE:
            return self._cube(Normal().ppf(u))
        return _floats(_special().gammaincinv(self.shape, u)) / self.shape

    def isf(self, v: Floats) -> Floats:
        """Return the quantile of probability v above."""
        if self.shape > _LARGE_GAMMA_SHAPE:
            return self._cube(-Normal().ppf(v))
        return _floats(_special().gammainccinv(self.shape, v)) / self.shape

    def cdf(self, x: Floats) -> Floats:
        """Return the probability below x."""
        if self.shape > _LARGE_GAMMA_SHAPE:
            return Normal().cdf(self._cube_root(x))
        return _floats(_special().gammainc(self.shape, self.shape * np.maximum(x, 0.0)))

    def sf(self, x: Floats) -> Floats:
        """Return the probability above x."""
        if self.shape > _LARGE_GAMMA_SHAPE:
            return Normal().cdf(-self._cube_root(x))
        return _floats(_special().gammaincc(self.shape, self.shape * np.maximum(x, 0.0)))

    def _cube(self, z: Floats) -> Floats:
        cube: Floats = (1 - self.cv**2 / 9 + z * self.cv / 3) ** 3
        return cube

    def _cube_root(self, x: Floats) -> Floats:
        root: Floats = (np.cbrt(np.maximum(x, 0.0)) - 1 + self.cv**2 / 9) * 3 / self.cv
        return root


@dataclass(frozen=True, slots=True)
class Weibull(_Nonnegative):
    """The Weibull law with mean 1; `exponent` is the inverse of its shape, above 0; 1 is the exponential law."""

    exponent: float

    @classmethod
    def with_cv(cls, cv: float) -> Weibull:
        """Return the law with this coefficient of variation, above 0.

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

    @property
    def variance(self) -> float:
        """Variance."""
        try:
            return math.expm1(_log_relative_moment(self.exponent))
        except OverflowError:
            return math.inf

    def ppf(self, u: Floats) -> Floats:
        """Return the quantile of probability u below."""
        return (-np.log1p(-u)) ** self.exponent * self._unit

    def isf(self, v: Floats) -> Floats:
        """Return the quantile of probability v above."""
        return (-np.log(v)) ** self.exponent * self._unit

    def cdf(self, x: Floats) -> Floats:
        """Return the probability below x."""
        return -np.expm1(-self._hazard(x))

    def sf(self, x: Floats) -> Floats:
        """Return the probability above x."""
        return np.exp(-self._hazard(x))

    @property
    def _unit(self) -> float:
        return math.exp(-math.lgamma(1 + self.exponent))

    def _hazard(self, x: Floats) -> Floats:
        hazard: Floats = (np.maximum(x, 0.0) / self._unit) ** (1 / self.exponent)
        return hazard


@dataclass(frozen=True, slots=True)
class Beta:
    """The beta law on [0, 1] with shapes `a` and `b`, both above 0."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """Mean."""
        return self.a / (self.a + self.b)

    @property
    def variance(self) -> float:
        """Variance."""
        total = self.a + self.b
        return self.a * self.b / (total**2 * (total + 1))

    @property
    def support(self) -> tuple[float, float]:
        """Least and greatest value."""
        return 0.0, 1.0

    def ppf(self, u: Floats) -> Floats:
        """Return the quantile of probability u below."""
        return _floats(_special().betaincinv(self.a, self.b, u))

    def isf(self, v: Floats) -> Floats:
        """Return the quantile of probability v above."""
        return _floats(_special().betainccinv(self.a, self.b, v))

    def cdf(self, x: Floats) -> Floats:
        """Return the probability below x."""
        return _floats(_special().betainc(self.a, self.b, np.clip(x, 0.0, 1.0)))

    def sf(self, x: Floats) -> Floats:
        """Return the probability above x."""
        return _floats(_special().betaincc(self.a, self.b, np.clip(x, 0.0, 1.0)))


def _special() -> Any:
    return import_module("scipy.special")


def _floats(values: Any) -> Floats:
    return np.asarray(values, np.float64)


def _log_relative_moment(t: float) -> float:
    """Return log Gamma(1 + 2t) - 2 log Gamma(1 + t); a series near 0, where the terms cancel."""
    if t < 1e-3:
        zeta2, zeta4 = math.pi**2 / 6, math.pi**4 / 90
        return t * t * (zeta2 + t * (-2 * _ZETA3 + t * (3.5 * zeta4 - t * 6 * _ZETA5)))
    return math.lgamma(1 + 2 * t) - 2 * math.lgamma(1 + t)
