"""Exact intervals for the share of replications with a property, and for a quantile.

Both hold for any number of replications and any distribution. They are conservative: too wide rather than too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from workflow.imports import special_functions


def share_interval(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact (Clopper-Pearson) interval of a probability.

    Parameters
    ----------
    hits : int
        Number of successes, from 0 to `n`.
    n : int
        Number of independent replications, 1 or more.
    confidence : float
        Confidence level, between 0 and 1. Each end takes half of the error probability.

    Examples
    --------
    >>> low, high = share_interval(10, 10)
    >>> round(low, 3), high
    (0.692, 1.0)

    References
    ----------
    Clopper, C. J. and Pearson, E. S. (1934). Biometrika 26(4), 404-413.
    """
    betaincinv = special_functions().betaincinv

    half = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, half))
    high = 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 1 - half))
    return low, high


def fewest_for_median(confidence: float) -> int:
    """Return the least number of replications whose range is an interval of the median with this confidence.

    Examples
    --------
    >>> fewest_for_median(0.9), fewest_for_median(0.95)
    (5, 6)
    """
    return math.ceil(math.log2(2 / (1 - confidence)) - 1e-9)


def quantile_interval(
    values: Sequence[float | None], share: float, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Return the interval of a quantile between two order statistics.

    Parameters
    ----------
    values : sequence of float or None
        One value per independent replication; ``None`` (not reached) counts as later than all values.
    share : float
        The quantile, between 0 and 1: 0.5 for the median.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : float or None
        ``None`` for an end that these replications do not bound.

    Notes
    -----
    The number of replications below the quantile is binomial. The r-th smallest value lies above the quantile with the
    probability that fewer than r values lie below it.

    Examples
    --------
    >>> quantile_interval([float(k) for k in range(1, 101)], 0.5)
    (40.0, 61.0)
    >>> quantile_interval([1.0, 2.0, None], 0.95)
    (2.0, None)

    References
    ----------
    Conover, W. J. (1999). Practical Nonparametric Statistics, 3rd ed., section 3.2.
    """
    bdtr = special_functions().bdtr

    n, half = len(values), (1 - confidence) / 2
    ordered = sorted(v for v in values if v is not None)
    below = [float(bdtr(k, n, share)) for k in range(n)]  # P(at most k are below)
    low = max((r for r in range(1, n + 1) if below[r - 1] <= half), default=None)
    high = min((r for r in range(1, n + 1) if below[r - 1] >= 1 - half), default=None)

    def value(rank: int | None) -> float | None:
        return ordered[rank - 1] if rank is not None and rank <= len(ordered) else None

    return value(low), value(high)
