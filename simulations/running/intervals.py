"""Confidence intervals of means, and prediction intervals of single replications.

A *confidence interval* says where the mean over all replications lies; it narrows with more replications. A *prediction
interval* says where one new replication lies; it does not narrow. Both treat a replication as one observation.

References
----------
Hahn, G. J. and Meeker, W. Q. (1991). Statistical Intervals, sections 4.7 and 5.3.
Law, A. M. (2015). Simulation Modeling and Analysis, 5th ed., section 4.5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulations.running.options import CONFIDENCE
from workflow.files.arguments import number_problems
from workflow.imports import special_functions

ORDER_STATISTICS, STUDENT_T = "order statistics", "t"
_MOST_ON_LOGS = 2.0
_ROUNDING = 1e-9
_EQUAL = 1e-12
"""Relative rounding error of a measure that is a sum of many times."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction interval of one new replication.

    Attributes
    ----------
    low, high : float
    method : str
        `ORDER_STATISTICS`, which holds for any distribution; or `STUDENT_T`, with fewer replications, which assumes a
        normal distribution.
    """

    low: float
    high: float
    method: str


def interval(
    values: Sequence[float], confidence: float = CONFIDENCE, least: float | None = None, most: float | None = None
) -> tuple[float, float] | None:
    """Return the t interval for the mean of independent replications, or ``None`` for fewer than two.

    Parameters
    ----------
    values : sequence of float
    confidence : float
        Between 0 and 1.
    least, most : float, optional
        Bounds of the values.

    Notes
    -----
    If the t interval exceeds a bound, the mean is close to the bound and its distribution is skewed. Then the interval is
    computed on the logarithmic scale (logit scale between two bounds) by the delta method, which respects the bounds and
    covers more often. If it is too wide for that scale, it is truncated at the bound.
    """
    n = len(values)
    if n < 2:
        return None
    stdtrit = special_functions().stdtrit

    mean = math.fsum(values) / n
    if are_equal(values):
        return mean, mean
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
    half = float(stdtrit(n - 1, 0.5 + confidence / 2)) * spread / math.sqrt(n)
    low, high = mean - half, mean + half
    if (least is None or low >= least) and (most is None or high <= most):
        return low, high
    room = [abs(mean - bound) for bound in (least, most) if bound is not None]
    if all(room) and half * math.fsum(1 / r for r in room) <= _MOST_ON_LOGS:
        odds = math.exp(half * math.fsum(1 / r for r in room))
        if least is not None and most is not None:
            there, away = mean - least, most - mean
            return least + (most - least) * there / (there + away * odds), least + (most - least) * there * odds / (there * odds + away)  # fmt: skip
        if least is not None:
            return least + (mean - least) / odds, least + (mean - least) * odds
    return max(low, -math.inf if least is None else least), min(high, math.inf if most is None else most)


def prediction(
    values: Sequence[float], confidence: float = CONFIDENCE, least: float | None = None, most: float | None = None
) -> Prediction | None:
    """Return the prediction interval of one new replication, or ``None`` for fewer than two.

    Parameters
    ----------
    values : sequence of float
        One value for each replication.
    confidence : float
        The probability, between 0 and 1, that a new replication lies in the interval.
    least, most : float, optional
        Bounds of the values; the interval is truncated there.

    Examples
    --------
    >>> prediction([float(k) for k in range(1, 20)], 0.9)
    Prediction(low=1.0, high=19.0, method='order statistics')
    >>> interval = prediction([1.0, 2.0, 3.0], 0.9, least=0.0)
    >>> interval.low, round(interval.high, 3), interval.method
    (0.0, 5.372, 't')
    """
    ends = prediction_ends(values, confidence, least, most)
    if ends is None:
        return None
    by_ranks = len(values) >= fewest_for_order_statistics(confidence)
    return Prediction(float(ends[0]), float(ends[1]), ORDER_STATISTICS if by_ranks else STUDENT_T)


def prediction_ends(
    values: ArrayLike, confidence: float = CONFIDENCE, least: float | None = None, most: float | None = None
) -> tuple[Floats, Floats] | None:
    """Return the ends of many prediction intervals, or ``None`` for fewer than two replications.

    Parameters
    ----------
    values : array_like of float, shape (..., n_replications)
    confidence, least, most
        As in `prediction`.

    Returns
    -------
    low, high : ndarray of float, shape (...)

    Notes
    -----
    A new replication falls below the k-th smallest of n earlier ones with probability k / (n + 1), whatever the
    distribution. With n large enough, the ends are therefore the order statistics of rank (n + 1)(1 - confidence) / 2
    from below and from above, with linear interpolation between ranks. Otherwise they are
    mean ± t(n - 1) s √(1 + 1/n), which is exact for normal values.
    """
    values = np.asarray(values, float)
    n = values.shape[-1]
    if n < 2:
        return None
    if n >= fewest_for_order_statistics(confidence):
        low, high = _ranked(values, (n + 1) * (1 - confidence) / 2)
    else:
        stdtrit = special_functions().stdtrit

        mean = values.mean(axis=-1)
        half = stdtrit(n - 1, 0.5 + confidence / 2) * values.std(axis=-1, ddof=1) * math.sqrt(1 + 1 / n)
        low, high = mean - half, mean + half
    return np.clip(low, least, most), np.clip(high, least, most)


def are_equal(values: Sequence[float]) -> bool:
    """Return whether values differ by no more than the rounding of their last digits.

    Examples
    --------
    >>> are_equal([0.1 + 0.2, 0.3]), are_equal([0.3, 0.3001])
    (True, False)
    """
    least, most = min(values), max(values)
    return most - least <= _EQUAL * max(abs(least), abs(most))


def fewest_for_order_statistics(confidence: float) -> int:
    """Return the least number of replications whose range is a prediction interval of this level.

    Examples
    --------
    >>> fewest_for_order_statistics(0.9), fewest_for_order_statistics(0.95)
    (19, 39)
    """
    return math.ceil(2 / (1 - confidence) - 1 - _ROUNDING)


def confidence_problems(confidence: float) -> list[str]:
    """Return a message if a level is not a number between 0 and 1."""
    if misread := number_problems(whole=False, confidence=confidence):
        return misread
    if 0 < confidence < 1:
        return []
    hint = f". For {confidence:g} percent, give {confidence / 100:g}." if 1 < confidence < 100 else ""
    return [f"confidence: must lie between 0 and 1, not {confidence}{hint}"]


def describe_method(n: int, confidence: float) -> str:
    """Return a sentence on how a prediction interval of `n` replications is computed, without its full stop."""
    fewest = fewest_for_order_statistics(confidence)
    if n >= fewest:
        return "It is computed from order statistics"
    return f"It is computed from Student's t, because order statistics need at least {fewest} replications"


def _ranked(values: Floats, rank: float) -> tuple[Floats, Floats]:
    """Return the order statistics of a rank (1 or more, with a fraction) from below and from above."""
    ordered = np.sort(values, axis=-1)
    k = max(1, math.floor(rank + _ROUNDING))
    part = rank - k if rank - k > _ROUNDING else 0.0
    low, high = ordered[..., k - 1], ordered[..., -k]
    if part:  # kept apart, because infinity times 0 is not a number
        low = (1 - part) * low + part * ordered[..., k]
        high = (1 - part) * high + part * ordered[..., -k - 1]
    return low, high
