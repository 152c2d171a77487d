"""Intervals where a t interval is wrong: of a share of replications, and of a quantile.

Both hold for any number of replications and any distribution; they are wider than they need be rather than too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["quantile_interval", "share_interval"]


def share_interval(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact (Clopper-Pearson) interval of a probability.

    Parameters
    ----------
    hits : int
        How often it came about, from 0 to `n`.
    n : int
        Independent replications, 1 or more.
    confidence : float
        Of the two ends together, between 0 and 1; each end misses with half of what is left.

    Examples
    --------
    >>> low, high = share_interval(10, 10)
    >>> round(low, 3), high
    (0.692, 1.0)

    References
    ----------
    Clopper, C. J. and Pearson, E. S. (1934). Biometrika 26(4), 404-413.
    """
    from scipy.special import betaincinv

    half = (1 - confidence) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, half))
    high = 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 1 - half))
    return low, high


def quantile_interval(
    values: Sequence[float | None], share: float, confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Return the interval of a quantile between two order statistics.

    Parameters
    ----------
    values : sequence of float or None
        Of independent replications; ``None`` for what was not reached, which counts as later than all others.
    share : float
        Which quantile, between 0 and 1: 0.5 for the median.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    low, high : float or None
        ``None`` for an end that these replications do not bound.

    Notes
    -----
    The number of replications below the quantile is binomial, so the r-th smallest lies above it with the
    probability that fewer than r are below.

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
    from scipy.special import bdtr

    n, half = len(values), (1 - confidence) / 2
    ordered = sorted(v for v in values if v is not None)
    below = [float(bdtr(k, n, share)) for k in range(n)]  # P(at most k are below)
    low = max((r for r in range(1, n + 1) if below[r - 1] <= half), default=None)
    high = min((r for r in range(1, n + 1) if below[r - 1] >= 1 - half), default=None)
    found = (ordered[r - 1] if r is not None and r <= len(ordered) else None for r in (low, high))
    one, two = found
    return one, two
