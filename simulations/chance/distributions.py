"""Distributions of durations and amounts.

`make_distribution` takes a family of `simulations.chance.families` and its parameters, all in one unit. A
`Distribution` has mean, variance, support and probabilities, and draws through a table of its quantile function.

A spread of zero (``cv: 0``, ``sd: 0``, equal bounds) or a mean of zero makes a constant, which needs no draw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from numbers import Real
from typing import Any

import numpy as np

from simulations.chance.families import Parameters, find_family, mistakes
from simulations.chance.inverse_tables import Floats, Integers, InverseTable, StepTable
from simulations.chance.standard_forms import StandardForm, compiled
from workflow.errors import InputError


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution of durations or amounts, in the unit of its parameters.

    `make_distribution` makes it. Two are equal if their families and parameters are.

    Attributes
    ----------
    family : str
    parameters : tuple of (name, value)
        As given, sorted by name.
    standard : StandardForm or None
        The distribution is ``shift + factor * standard``; ``None`` for given values.
    factor, shift : float
    values : tuple of float
        The given values; one for a constant, none with a standard form.
    """

    family: str
    parameters: tuple[tuple[str, Any], ...]
    standard: StandardForm | None = field(compare=False)
    factor: float = field(default=1.0, compare=False)
    shift: float = field(default=0.0, compare=False)
    values: tuple[float, ...] = field(default=(), compare=False, repr=False)
    _table: InverseTable | StepTable | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def table(self) -> InverseTable | StepTable:
        """Table of the quantile function, in the unit of the distribution; compiled on first use."""
        if self._table is None:
            table = StepTable(np.array(self.values)) if self.standard is None else self._scaled(self.standard)
            object.__setattr__(self, "_table", table)
            return table
        return self._table

    @property
    def constant(self) -> bool:
        """Whether all draws are equal, so that none is needed."""
        return self.standard is None and min(self.values) == max(self.values)

    @property
    def mean(self) -> float:
        """Mean; infinite, or NaN, if there is none."""
        if self.standard is None:
            return math.fsum(self.values) / len(self.values)
        return self.shift + self.factor * self.standard.mean

    @property
    def variance(self) -> float:
        """Variance, in the unit squared; infinite, or NaN, if there is none."""
        if self.standard is None:
            mean = self.mean
            return 0.0 if self.constant else math.fsum((x - mean) ** 2 for x in self.values) / len(self.values)
        return self.factor**2 * self.standard.variance

    @property
    def support(self) -> tuple[float, float]:
        """Lower and upper bound; a draw may exceed them by a rounding error."""
        if self.standard is None:
            return min(self.values), max(self.values)
        low, high = self.standard.support
        return self.shift + self.factor * low, self.shift + self.factor * high

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the table, for a run's manifest: equal fingerprints give equal draws."""
        return self.table.fingerprint

    def draw(self, numerator: int) -> float:
        """Return the quantile at one uniform, given by its odd numerator in (0, 2**53)."""
        return self.table.read(numerator)

    def draw_many(self, numerators: Integers) -> Floats:
        """Return the quantiles at many uniforms, bit for bit equal to `draw`."""
        return self.table.read_many(numerators)

    def cdf(self, x: Any) -> Floats:
        """Return the probability of at most x.

        Parameters
        ----------
        x : float or array
            In the unit of the distribution.
        """
        points = np.asarray(x, np.float64)
        if self.standard is None:
            return np.asarray(np.searchsorted(np.sort(self.values), points, side="right") / len(self.values))
        return self.standard.cdf((points - self.shift) / self.factor)

    def _scaled(self, standard: StandardForm) -> InverseTable:
        try:
            return _scaled(standard, self.factor, self.shift)
        except ValueError as error:
            raise InputError([f"{self.family}: {error} for {dict(self.parameters)}."]) from error


@lru_cache(maxsize=256)
def _scaled(standard: StandardForm, factor: float, shift: float) -> InverseTable:
    """Return the table of a distribution. The points of a sweep, whose scenarios have equal distributions, share it."""
    return compiled(standard).scaled(factor, shift)


def make_distribution(name: str, parameters: Parameters) -> Distribution:
    """Make a distribution from a family and its parameters.

    Parameters
    ----------
    name : str
        A key of `FAMILIES`, or a continuous family of `scipy.stats`.
    parameters : mapping
        Numbers; quantities (see `Parameter`) all in the same unit.

    Returns
    -------
    Distribution
        In that unit. The first draw compiles its table.

    Raises
    ------
    InputError
        With all mistakes in name and parameters.

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
    if problems := mistakes(name, parameters):
        raise InputError([str(mistake) for mistake in problems])
    numbers = {key: _plain(value) for key, value in parameters.items()}
    built = find_family(name).build(numbers)
    given = tuple(sorted(numbers.items()))
    if isinstance(built, tuple):
        return Distribution(name, given, *built)
    return Distribution(name, given, None, values=tuple(built))


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Real) else tuple(float(x) for x in value)
