"""Statistics of paired differences between two scenarios with common random numbers.

Replication k of both scenarios uses the same random draws, so the scenarios cause every difference. The interval is
for the mean difference. The stronger the correlation, the narrower the interval.

References
----------
Law, A. M. (2015). Simulation Modeling and Analysis, 5th ed., sections 10.2.1 and 11.2.
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6(2).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from simulations.running.intervals import interval
from workflow.imports import special_functions

POWER = 0.8
_MOST_NEEDED = 1_000_000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Paired:
    """A measure of the base and of another scenario over the same replications.

    Attributes
    ----------
    n : int
        Number of replications.
    base, other, difference : float
        Means; the difference is other minus base.
    low, high : float or None
        The t interval of the mean difference; ``None`` for a single replication, and if the difference is the same in every
        replication.
    p : float or None
        From the two-sided paired t test; ``None`` without an interval.
    correlation : float or None
        Correlation of base and other; ``None`` if one of them does not vary.
    variance_reduction : float or None
        Factor by which independent runs would need more replications for the same interval; ``None`` if the
        differences do not vary.
    """

    n: int
    base: float
    other: float
    difference: float
    low: float | None
    high: float | None
    p: float | None
    correlation: float | None
    variance_reduction: float | None
    spread: float

    @property
    def same(self) -> bool:
        """Return whether no replication differs."""
        return self.difference == 0 and self.spread == 0

    @property
    def constant(self) -> bool:
        """Return whether the difference is the same in every one of several replications, and not 0."""
        return self.n > 1 and self.spread == 0 and self.difference != 0


def pair(base: Sequence[float], other: Sequence[float], confidence: float, widest: float = math.inf) -> Paired:
    """Pair the values of two scenarios, replication by replication.

    Parameters
    ----------
    base, other : sequence of float
        One value per replication, at least one; both of the same replications.
    confidence : float
        Confidence level of the interval, between 0 and 1.
    widest : float
        No difference is larger, such as 1 for shares; the interval is within it.

    Notes
    -----
    Differences that are equal but for the rounding of their last digits count as equal.

    Examples
    --------
    >>> paired = pair([10.0, 12.0, 14.0, 16.0], [11.0, 13.0, 14.0, 17.0], 0.95)
    >>> paired.difference, round(paired.low, 3), round(paired.high, 3), round(paired.p, 4), round(paired.correlation, 3)
    (0.75, -0.046, 1.546, 0.0577, 0.981)
    """
    stdtr = special_functions().stdtr

    n = len(base)
    differences = differences_of(base, other)
    mean = math.fsum(differences) / n
    means = math.fsum(base) / n, math.fsum(other) / n
    if n < 2:
        return Paired(n, *means, mean, None, None, None, None, None, 0.0)
    spread = math.sqrt(_variance(differences))
    one, two = _variance(base), _variance(other)
    correlation = _covariance(base, other) / math.sqrt(one * two) if one > 0 and two > 0 else None
    if spread == 0:
        return Paired(n, *means, differences[0], None, None, None, correlation, None, 0.0)
    low, high = interval(differences, confidence, *(() if math.isinf(widest) else (-widest, widest))) or (None, None)
    p = 2 * float(stdtr(n - 1, -abs(mean) / (spread / math.sqrt(n))))
    return Paired(n, *means, mean, low, high, p, correlation, (one + two) / spread**2, spread)


def differences_of(base: Sequence[float], other: Sequence[float]) -> list[float]:
    """Return other minus base for each replication; differences that only rounding tells apart are made equal."""
    differences = [b - a for a, b in zip(base, other, strict=True)]
    rounding = _ROUNDING * max(map(abs, (*base, *other)))
    if max(differences) - min(differences) > rounding:
        return differences
    return [0.0 if abs(differences[0]) <= rounding else differences[0]] * len(differences)


def _variance(values: Sequence[float]) -> float:
    if all(v == values[0] for v in values):
        return 0.0  # exactly, whatever the rounding of the mean
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)


def _covariance(one: Sequence[float], other: Sequence[float]) -> float:
    a, b = math.fsum(one) / len(one), math.fsum(other) / len(other)
    return math.fsum((x - a) * (y - b) for x, y in zip(one, other, strict=True)) / (len(one) - 1)


def holm(p: Sequence[float]) -> list[float]:
    """Return Holm-corrected p-values: any false rejection at level alpha has at most probability alpha.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, 0.005])]
    [0.03, 0.06, 0.06, 0.02]
    """
    corrected = [0.0] * len(p)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = corrected[i] = max(largest, min(1.0, (len(p) - rank) * p[i]))
    return corrected


def replications_needed(paired: Paired, alpha: float) -> int | None:
    """Estimate the replications needed to detect the observed difference.

    Parameters
    ----------
    paired : Paired
    alpha : float
        The level of the test, after its correction for many measures.

    Returns
    -------
    int or None
        For a power of 80 percent; ``None`` if there is no difference, or a million are not enough.

    Examples
    --------
    >>> replications_needed(pair([1.0, 2.0, 3.0, 4.0], [1.1, 2.6, 2.9, 4.4], 0.95), alpha=0.05)
    15
    """
    stdtrit = special_functions().stdtrit

    if paired.n < 2 or paired.difference == 0 or paired.spread == 0:
        return None
    ratio = (paired.spread / paired.difference) ** 2

    def enough(m: int) -> bool:
        return m >= float(stdtrit(m - 1, 1 - alpha / 2) + stdtrit(m - 1, POWER)) ** 2 * ratio

    return bisect_left(range(_MOST_NEEDED), True, lo=paired.n + 1, key=enough) if enough(_MOST_NEEDED) else None
