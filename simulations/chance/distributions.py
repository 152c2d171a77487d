"""How long does it take? A family and its parameters as something to draw from.

A family and its parameters, all lengths already in one unit, become a `Distribution`: mean, variance, support,
probabilities, and draws through the table of its inverse. Which families there are: `simulations.chance.families`.

A spread of zero (``cv: 0``, ``sd: 0``, equal bounds) or a mean of zero is a constant, which needs no chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np

from simulations.chance.families import (
    FAMILIES,
    Dimension,
    Family,
    Mistake,
    Parameters,
    family,
    family_parameters,
    mistakes,
    scipy_law,
)
from simulations.chance.inverse_tables import Floats, Integers, InverseTable, StepTable
from simulations.chance.laws import Beta, Gamma, Law, Lognormal, Normal, Triangular, Uniform, Weibull, compiled
from workflow.errors import InputError

__all__ = [
    "FAMILIES",
    "Dimension",
    "Distribution",
    "Family",
    "Mistake",
    "family",
    "family_parameters",
    "make_distribution",
    "mistakes",
]


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution of lengths or amounts, in the unit that its parameters were given in.

    Made by `make_distribution`. Two are equal when family and parameters are.

    Attributes
    ----------
    family : str
    parameters : tuple of (name, value)
        As given, sorted by name.
    law : Law or None
        The standard law, of which this is ``shift + factor * x``; ``None`` for given values.
    factor, shift : float
    values : tuple of float
        The given values; one for a constant, none if there is a law.
    """

    family: str
    parameters: tuple[tuple[str, Any], ...]
    law: Law | None = field(compare=False)
    factor: float = field(default=1.0, compare=False)
    shift: float = field(default=0.0, compare=False)
    values: tuple[float, ...] = field(default=(), compare=False, repr=False)
    _table: InverseTable | StepTable | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def table(self) -> InverseTable | StepTable:
        """The table of the inverse, in this distribution's unit; compiled on first use."""
        if self._table is None:
            made = StepTable(np.array(self.values)) if self.law is None else self._stretched(self.law)
            object.__setattr__(self, "_table", made)
            return made
        return self._table

    @property
    def constant(self) -> bool:
        """Whether every draw is the same, so that none is needed."""
        return self.law is None and min(self.values) == max(self.values)

    @property
    def mean(self) -> float:
        """Mean; infinite, or NaN, where the family has none."""
        if self.law is None:
            return math.fsum(self.values) / len(self.values)
        return self.shift + self.factor * self.law.mean

    @property
    def variance(self) -> float:
        """Variance, in the square of the unit; infinite, or NaN, where the family has none."""
        if self.law is None:
            mean = self.mean
            return 0.0 if self.constant else math.fsum((x - mean) ** 2 for x in self.values) / len(self.values)
        return self.factor**2 * self.law.variance

    @property
    def support(self) -> tuple[float, float]:
        """Least and greatest value; a draw may pass them by a rounding error."""
        if self.law is None:
            return min(self.values), max(self.values)
        low, high = self.law.support
        return self.shift + self.factor * low, self.shift + self.factor * high

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the table, for a run's manifest: equal fingerprints give equal draws."""
        return self.table.fingerprint

    def draw(self, numerator: int) -> float:
        """Return the quantile of one uniform, given its odd numerator in (0, 2**53)."""
        return self.table.read(numerator)

    def draw_many(self, numerators: Integers) -> Floats:
        """Return the quantiles of many uniforms; the bits of `draw`."""
        return self.table.read_many(numerators)

    def cdf(self, x: Any) -> Floats:
        """Return the probability of at most x.

        Parameters
        ----------
        x : float or array
            In the unit of the distribution.
        """
        points = np.asarray(x, np.float64)
        if self.law is None:
            return np.asarray(np.searchsorted(np.sort(self.values), points, side="right") / len(self.values))
        return self.law.cdf((points - self.shift) / self.factor)

    def _stretched(self, law: Law) -> InverseTable:
        try:
            return compiled(law).scaled(self.factor, self.shift)
        except ValueError as error:
            raise InputError([f"{self.family}: {error} for {dict(self.parameters)}."]) from error


def make_distribution(name: str, parameters: Parameters) -> Distribution:
    """Make a distribution from a family and its parameters.

    Parameters
    ----------
    name : str
        A key of `FAMILIES`, or a continuous family of `scipy.stats`.
    parameters : mapping
        Numbers; those that carry a unit (see `family_parameters`) all in the same one.

    Returns
    -------
    Distribution
        In that unit. Its table is compiled when first drawn from.

    Raises
    ------
    InputError
        With every mistake in name and parameters.

    Examples
    --------
    >>> review_minutes = make_distribution("lognormal", {"mean": 38, "cv": 0.8})
    >>> round(review_minutes.draw(2**52 + 1), 2)                       # the median
    29.67
    >>> make_distribution("lognormal", {"mean": 38, "cv": -1, "sd": 3})
    Traceback (most recent call last):
    workflow.errors.InputError: lognormal has no parameter 'sd'; it has mean and cv.
    lognormal: cv is -1, but must be 0 or more.
    """
    found = mistakes(name, parameters)
    if found:
        raise InputError([str(mistake) for mistake in found])
    numbers = {key: _plain(value) for key, value in parameters.items()}
    made = _BUILDERS[name](numbers) if name in _BUILDERS else _from_scipy(name, numbers)
    given = tuple(sorted(numbers.items()))
    if isinstance(made, tuple):
        law, factor, shift = made
        return Distribution(name, given, law, factor, shift)
    return Distribution(name, given, None, values=tuple(made))


# What a builder returns: a standard law with its factor and shift, or values.
_Built = tuple[Law, float, float] | list[float]


def _relative(law_with_cv: Callable[[float], Law]) -> Callable[[Parameters], _Built]:
    """Return the builder of a family given by mean and cv."""

    def build(p: Parameters) -> _Built:
        return (law_with_cv(p["cv"]), p["mean"], 0.0) if p["mean"] * p["cv"] else [p["mean"]]

    return build


def _exponential(p: Parameters) -> _Built:
    return (Weibull(1.0), p["mean"], 0.0) if p["mean"] else [0.0]


def _normal(p: Parameters) -> _Built:
    return (Normal(), p["sd"], p["mean"]) if p["sd"] else [p["mean"]]


def _between(law: Law, low: float, high: float) -> _Built:
    return (law, high - low, low) if high > low else [low]


def _triangular(p: Parameters) -> _Built:
    low, high = p["min"], p["max"]
    return _between(Triangular((p["mode"] - low) / (high - low) if high > low else 0.0), low, high)


_BUILDERS: dict[str, Callable[[Parameters], _Built]] = {
    "beta": lambda p: _between(Beta(p["a"], p["b"]), p.get("min", 0.0), p.get("max", 1.0)),
    "constant": lambda p: [p["value"]],
    "empirical": lambda p: list(p["values"]),
    "exponential": _exponential,
    "gamma": _relative(Gamma),
    "lognormal": _relative(Lognormal),
    "normal": _normal,
    "triangular": _triangular,
    "uniform": lambda p: _between(Uniform(), p["min"], p["max"]),
    "weibull": _relative(Weibull.with_cv),
}


def _from_scipy(name: str, p: Parameters) -> _Built:
    return scipy_law(name, p), p.get("scale", 1.0), p.get("loc", 0.0)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Real) else tuple(float(x) for x in value)
