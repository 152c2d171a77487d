"""Shares of outcomes, by court where courts differ, with partial pooling.

References
----------
Kleinman, J. C. (1973). Proportions with extraneous variance: single and independent samples. JASA 68, 46-54 (moments of the
beta-binomial). Gelman, A. et al. (2013). Bayesian Data Analysis, 3rd ed., chapter 5 (partial pooling).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIOR = 0.5
"""Added to every count: the prior of Jeffreys."""


@dataclass(frozen=True)
class Shares:
    """Counts of outcomes with their posterior.

    Attributes
    ----------
    counts : dict of str to ndarray of int64
        The count of each value, by court; of all courts together under the empty name.
    alpha : dict of str to ndarray of float
        The parameters of the Dirichlet posterior, by court or under the empty name.
    """

    counts: dict[str, NDArray[np.int64]]
    alpha: dict[str, Floats]

    @property
    def by_court(self) -> bool:
        """Return whether the courts have shares of their own."""
        return "" not in self.alpha

    def share(self, court: str) -> Floats:
        """Return the mean of the posterior."""
        alpha = self.alpha[court]
        share: Floats = alpha / alpha.sum()
        return share

    def interval(self, court: str, k: int) -> tuple[float, float]:
        """Return the 95 percent interval of one share."""
        from scipy import stats

        alpha = self.alpha[court]
        low, high = (float(stats.beta.ppf(q, alpha[k], alpha.sum() - alpha[k])) for q in (0.025, 0.975))
        return low, high


def fit_shares(values: NDArray[np.int64], n_values: int, courts: NDArray[np.object_]) -> Shares:
    """Estimate the shares of values, by court if the courts differ by more than chance (chi-squared, level 1 percent).

    Examples
    --------
    >>> shares = fit_shares(np.array([0, 0, 0, 1]), 2, np.array(["a"] * 4, object))
    >>> shares.by_court, shares.share("").round(2).tolist()
    (False, [0.7, 0.3])
    """
    total = np.bincount(values, minlength=n_values)
    names = sorted(set(courts.tolist()))
    counts = {name: np.bincount(values[courts == name], minlength=n_values) for name in names}
    strength = _strength(np.array([counts[name] for name in names])) if len(names) > 1 else None
    if strength is None:
        return Shares({"": total, **counts}, {"": np.asarray(total + PRIOR, np.float64)})
    share = (total + PRIOR) / (total.sum() + n_values * PRIOR)
    return Shares({"": total, **counts}, {name: np.asarray(counts[name] + strength * share, np.float64) for name in names})


def _strength(counts: NDArray[np.int64]) -> float | None:
    """Return how many cases the shares of all courts count for in each; ``None`` if the courts do not differ."""
    from scipy import stats

    used = counts[:, counts.sum(axis=0) > 0]
    used = used[used.sum(axis=1) > 0]
    if min(used.shape) < 2:
        return None
    n = used.sum(axis=1)
    test = stats.chi2_contingency(used, correction=False)
    if test.pvalue >= 0.01:
        return None
    excess = float(test.statistic) / (used.shape[1] - 1) - (len(n) - 1)
    correlation = min(max(excess / float(n.sum() - (n**2).sum() / n.sum() - (len(n) - 1)), 1e-4), 0.9)
    return float(max((1 - correlation) / correlation, 1.0))
