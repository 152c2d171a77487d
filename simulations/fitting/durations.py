"""Fit families of distributions to lengths of time, some of which were still running when the log ended.

The likelihood takes the density of a length that ended and the survival of one that had not. The family with the lowest
AIC is chosen, unless the Cramér-von Mises statistic says that it does not fit; then the Kaplan-Meier estimate is the
distribution. With `stays`, a share of the lengths never ends.

References
----------
Akaike, H. (1974). A new look at the statistical model identification. IEEE Transactions on Automatic Control 19, 716-723.
Stephens, M. A. (1974). EDF statistics for goodness of fit and some comparisons. JASA 69, 730-737 (critical values).
Koziol, J. A. and Green, S. B. (1976). A Cramér-von Mises statistic for randomly censored data. Biometrika 63, 465-474.
Burnham, K. P. and Anderson, D. R. (2004). Multimodel inference: understanding AIC and BIC in model selection. Sociological Methods
and Research 33, 261-304 (standard errors that contain the choice of a model: the root of the mean of squares).
D'Agostino, R. B. and Stephens, M. A. (1986). Goodness-of-Fit Techniques. Marcel Dekker, table 4.9 (the tail of the statistic).
Boag, J. W. (1949). Maximum likelihood estimates of the proportion of patients cured by cancer therapy. JRSS B 11, 15-53.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulations.measuring.kaplan_meier import KaplanMeier

Floats = NDArray[np.float64]

_MOST = 20_000
_CRITICAL = {"exponential": 0.499, "gamma": 0.27, "lognormal": 0.259, "weibull": 0.255}
"""Critical values of the Cramér-von Mises statistic at the level of 0.1 percent, with estimated parameters.

A log has many activities, so that a level of 1 percent would drop a right family too often. The values at 1 percent (0.337, 0.185, 0.178,
0.175) are continued as the tail falls: by a factor of 10 over 0.162 for the exponential, and over 0.081 to 0.085 for the others.
"""

_N_QUANTILES = 60
FEWEST = 5
Z = 1.959964
"""A 95 percent interval reaches so many standard errors to each side."""


@dataclass(frozen=True)
class Fitted:
    """A distribution of lengths of time.

    Attributes
    ----------
    family : str
        A key of the families of scenarios; ``empirical`` for `quantiles`, ``constant`` for one value.
    mean, cv : float
        In the unit of the lengths.
    mean_se, cv_se : float
        Standard errors of the logarithms; 0 for a constant.
    stays, stays_se : float
        The share that never ends, and its standard error on the scale of log odds.
    n, n_open : int
        The number of lengths that ended, and that had not.
    statistic : float
        Cramér-von Mises.
    tried : tuple of (str, float, float)
        Every family with its AIC and its statistic, the best first.
    """

    family: str
    mean: float
    cv: float
    mean_se: float
    cv_se: float
    n: int
    n_open: int
    stays: float = 0.0
    stays_se: float = 0.0
    statistic: float = 0.0
    quantiles: tuple[float, ...] = ()
    tried: tuple[tuple[str, float, float], ...] = ()
    _parameters: tuple[float, float] = field(default=(0.0, 0.0), repr=False)

    def interval(self) -> tuple[float, float]:
        """Return the 95 percent interval of the mean."""
        return self.mean * math.exp(-Z * self.mean_se), self.mean * math.exp(Z * self.mean_se)

    def survival(self, t: Floats) -> Floats:
        """Return the share that lasts longer than each length, of those that end."""
        if self.family == "constant":
            return (np.asarray(t) < self.mean).astype(float)
        if self.quantiles:
            return 1 - np.searchsorted(np.array(self.quantiles), t, side="right") / len(self.quantiles)
        return np.exp(_FAMILIES[self.family](np.maximum(np.asarray(t, float), 1e-12), *self._parameters)[1])

    def rest(self, elapsed: Floats) -> tuple[tuple[float, ...], float]:
        """Return quantiles of the rest of lengths that have lasted so long already, and the share that never ends."""
        if not len(elapsed):
            return (), self.stays
        left = self.survival(elapsed)
        stay = self.stays / np.maximum(self.stays + (1 - self.stays) * left, 1e-12)
        grid, cdf = self._grid(float(elapsed.max()))
        rests = []
        for e, s in zip(elapsed.tolist(), np.maximum(left, 1e-6).tolist(), strict=True):
            for u in (0.1, 0.3, 0.5, 0.7, 0.9):
                at = float(grid[min(int(np.searchsorted(cdf, 1 - s * (1 - u))), len(grid) - 1)])
                rests.append(max(at - e, 0.0))
        levels = (np.arange(_N_QUANTILES) + 0.5) / _N_QUANTILES
        return tuple(np.quantile(rests, levels).tolist()), float(stay.mean())

    def _grid(self, longest: float) -> tuple[Floats, Floats]:
        top = max(longest * 3, self.mean * 20)
        grid = np.concatenate([np.linspace(0, self.mean * 4, 800), np.geomspace(self.mean * 4, max(top, self.mean * 5), 400)])
        grid = np.unique(np.concatenate([grid, self.quantiles])) if self.quantiles else grid
        return grid, 1 - self.survival(grid)


LogParts = tuple[Floats, Floats]
"""The logarithms of density and survival."""


def _exponential(t: Floats, mean: float, _: float) -> LogParts:
    return -np.log(mean) - t / mean, -t / mean


def _gamma(t: Floats, mean: float, cv: float) -> LogParts:
    from scipy import special

    k = 1 / cv**2
    x = t * k / mean
    density = (k - 1) * np.log(x) - x - special.gammaln(k) + np.log(k / mean)
    return density, np.log(np.maximum(special.gammaincc(k, x), 1e-300))


def _lognormal(t: Floats, mean: float, cv: float) -> LogParts:
    from scipy import special

    sigma = math.sqrt(math.log1p(cv**2))
    z = (np.log(t) - math.log(mean) + sigma**2 / 2) / sigma
    return -0.5 * z**2 - np.log(t * sigma) - 0.5 * math.log(2 * math.pi), special.log_ndtr(-z)


def _weibull(t: Floats, mean: float, cv: float) -> LogParts:
    k = _weibull_shape(cv)
    scale = mean / math.gamma(1 + 1 / k)
    x = (t / scale) ** k
    return np.log(k / scale) + (k - 1) * np.log(t / scale) - x, -x


def _weibull_shape(cv: float) -> float:
    """Return the shape with a coefficient of variation, by bisection on its logarithm."""
    low, high = math.log(0.05), math.log(200.0)
    for _ in range(60):
        middle = (low + high) / 2
        k = math.exp(middle)
        ratio = math.exp(math.lgamma(1 + 2 / k) - 2 * math.lgamma(1 + 1 / k)) - 1
        low, high = (middle, high) if ratio > cv**2 else (low, middle)
    return math.exp((low + high) / 2)


_FAMILIES: dict[str, Callable[[Floats, float, float], LogParts]] = {
    "exponential": _exponential,
    "gamma": _gamma,
    "lognormal": _lognormal,
    "weibull": _weibull,
}


def fit_lengths(lengths: Floats, ended: NDArray[np.bool_], *, stays: bool = False) -> Fitted | None:
    """Fit a distribution to lengths of time.

    Parameters
    ----------
    lengths : ndarray of float, shape (n,)
        In any unit.
    ended : ndarray of bool, shape (n,)
        Whether each ended; the others had lasted so long when the log ended.
    stays : bool
        Whether a share never ends.

    Returns
    -------
    Fitted or None
        ``None`` if no length ended.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> fitted = fit_lengths(rng.gamma(4, 5, 500), np.ones(500, bool))
    >>> fitted.family, round(fitted.mean, -1), round(fitted.cv, 1)
    ('gamma', 20.0, 0.5)
    """
    seen = lengths[ended]
    n, n_open = int(ended.sum()), int((~ended).sum())
    if not n:
        return None
    if n < FEWEST or seen.max() - seen.min() <= 1e-9 * max(seen.max(), 1e-9):
        mean = float((seen.sum() + lengths[~ended].sum()) / n)
        if seen.max() > seen.min() or (n < FEWEST and mean > 0):
            return Fitted("exponential", mean, 1.0, 1 / math.sqrt(n), 0.0, n, n_open, _parameters=(mean, 1.0))
        share = n_open / (n + n_open) if stays else 0.0
        return Fitted(
            "constant", float(seen.max()), 0.0, 0.0, 0.0, n, n_open, share, _odds_se(share, n + n_open) if share else 0.0
        )
    positive = seen[seen > 0]
    t = np.where(lengths > 0, lengths, positive.min() / 4)
    if len(t) > _MOST:
        chosen = np.linspace(0, len(t) - 1, _MOST).astype(np.int64)
        order = np.argsort(t, kind="stable")[chosen]
        t, ended = t[order], ended[order]
    share = len(lengths) / len(t)
    fits = [_fit(name, t, ended, stays) for name in _FAMILIES]
    tried = tuple((name, aic, w) for aic, name, _, w, _ in sorted(fits, key=lambda f: f[0]))
    _, name, estimate, w, _ = min(fits, key=lambda f: f[0])
    errors = _unconditional(fits, estimate)
    mean, cv = math.exp(estimate[0]), math.exp(estimate[1]) if name != "exponential" else 1.0
    p_stay = _expit(estimate[2]) if stays else 0.0
    scale = 1 / math.sqrt(share)
    fitted = Fitted(
        name, mean, cv, errors[0] * scale, errors[1] * scale, n, n_open, p_stay, errors[2] * scale, w, (), tried, (mean, cv)
    )  # fmt: skip
    if w <= _CRITICAL[name] or n < 30:
        return fitted
    return _empirical(fitted, lengths, t, ended)


def _unconditional(fits: list[tuple[float, str, Floats, float, Floats]], estimate: Floats) -> Floats:
    """Return standard errors that contain the choice of the family: over the families, by the square roots of their AIC weights.

    The roots keep the intervals of the cv at 94 to 98 percent in simulations of 120 lengths, whichever family made them; the weights
    themselves trust the best family too much, and keep 92 percent where a lognormal did.
    """
    weights = np.array([math.exp(-(f[0] - min(g[0] for g in fits)) / 4) for f in fits])
    estimates = np.array([there for _, _, there, _, _ in fits])
    estimates[[name == "exponential" for _, name, *_ in fits], 1] = 0.0  # its cv is 1
    own = np.array([errors for *_, errors in fits])
    errors: Floats = np.sqrt(weights / weights.sum() @ (own**2 + (estimates - estimate) ** 2))
    return errors


def _odds_se(p: float, n: int) -> float:
    return 1 / math.sqrt(max(n * p * (1 - p), 1e-9))


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _fit(name: str, t: Floats, ended: NDArray[np.bool_], stays: bool) -> tuple[float, str, Floats, float, Floats]:
    """Return the AIC, the name, the estimate (log mean, log cv, log odds of staying), the statistic and standard errors."""
    from scipy import optimize

    family = _FAMILIES[name]
    free = [0] + ([1] if name != "exponential" else []) + ([2] if stays else [])
    observed = t[ended]
    share = min(max(float((~ended).mean()) * 0.8, 0.01), 0.95)
    cv = float(np.clip(observed.std() / observed.mean(), 0.05, 5))
    total = t.sum() / len(observed) if not stays else observed.mean()
    start = np.array([math.log(total), math.log(cv), math.log(share / (1 - share))])

    def minus(values: Floats) -> float:
        x = start.copy()
        x[free] = values
        if abs(x[0] - start[0]) > 12 or not -4.6 < x[1] < 2.5 or abs(x[2]) > 12:
            return 1e12
        density, survival = family(t, math.exp(x[0]), math.exp(x[1]))
        if not stays:
            return -float(density[ended].sum() + survival[~ended].sum())
        p = _expit(x[2])
        return -float(
            density[ended].sum() + len(observed) * math.log1p(-p) + np.log(p + (1 - p) * np.exp(survival[~ended])).sum()
        )

    found = optimize.minimize(minus, start[free], method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-6, "maxiter": 800})
    estimate, errors = start.copy(), np.zeros(3)
    estimate[free] = found.x
    errors[free] = _standard_errors(minus, found.x)
    p = _expit(estimate[2]) if stays else 0.0
    statistic = _statistic(family, t, ended, math.exp(estimate[0]), math.exp(estimate[1]), p)
    return 2 * found.fun + 2 * len(free), name, estimate, statistic, errors


def _standard_errors(minus: Callable[[Floats], float], at: Floats) -> Floats:
    """Return standard errors from the curvature of the likelihood at its top."""
    n, step = len(at), 1e-3
    curvature = np.zeros((n, n))
    unit = np.eye(n) * step
    for i in range(n):
        for j in range(i, n):
            corners = [minus(at + a * unit[i] + b * unit[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            curvature[i, j] = curvature[j, i] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step**2)
    try:
        errors: Floats = np.sqrt(np.maximum(np.diag(np.linalg.inv(curvature)), 1e-12))
    except np.linalg.LinAlgError:
        errors = np.full(n, 1.0)
    return np.where(np.isfinite(errors), np.minimum(errors, 2.0), 2.0)


def _statistic(
    family: Callable[[Floats, float, float], LogParts], t: Floats, ended: NDArray[np.bool_], mean: float, cv: float, p: float
) -> float:
    """Return the Cramér-von Mises statistic of the Kaplan-Meier estimate, up to the last length that ended."""
    scale = 10**12 / float(t.max())
    curve = KaplanMeier.of(np.round(t * scale).astype(np.int64), ended)
    times = curve.times / scale
    model = (1 - p) * (1 - np.exp(family(np.maximum(times, 1e-12), mean, cv)[1]))
    steps = np.concatenate([[0.0], 1 - curve.shares])
    bounds = np.concatenate([[0.0], model])
    low, high = bounds[:-1], bounds[1:]
    parts = ((high - steps[:-1]) ** 3 - (low - steps[:-1]) ** 3) / 3
    return float(len(t) * parts.sum() + _at_the_end(len(t), steps[-1], model[-1]))


def _at_the_end(n: int, reached: float, model: float) -> float:
    """Return the part beyond the last length that ended, if the estimate reaches 1."""
    return n * (1 - model) ** 3 / 3 if reached > 1 - 1e-9 else 0.0


def _empirical(fitted: Fitted, lengths: Floats, t: Floats, ended: NDArray[np.bool_]) -> Fitted:
    """Return quantiles of the Kaplan-Meier estimate; beyond the last length that ended, those of the best family."""
    scale = 10**12 / float(t.max())
    curve = KaplanMeier.of(np.round(t * scale).astype(np.int64), ended)
    reached = (1 - curve.shares) / (1 - fitted.stays)
    levels = (np.arange(_N_QUANTILES) + 0.5) / _N_QUANTILES
    times = curve.times / scale
    grid, cdf = fitted._grid(float(t.max()))
    quantiles = [
        float(times[k])
        if (k := int(np.searchsorted(reached, u))) < len(times)
        else float(grid[min(int(np.searchsorted(cdf, u)), len(grid) - 1)])
        for u in levels
    ]
    quantiles = np.maximum.accumulate(quantiles).tolist()
    mean = float(np.mean(quantiles))
    cv = float(np.std(quantiles) / mean)
    return Fitted(
        "empirical", mean, cv, cv / math.sqrt(fitted.n), 0.0, fitted.n, fitted.n_open, fitted.stays, fitted.stays_se,
        fitted.statistic, tuple(quantiles), fitted.tried,
    )  # fmt: skip


def pooled_means(values: Floats, errors: Floats) -> tuple[Floats, Floats, float] | None:
    """Pool the means of groups in part: the fewer observations, the nearer to the mean of all.

    Returns
    -------
    (means, standard errors, spread) or None
        ``None`` if the groups do not differ by more than chance (Cochran's Q, at the level of 1 percent).

    References
    ----------
    DerSimonian, R. and Laird, N. (1986). Meta-analysis in clinical trials. Controlled Clinical Trials 7, 177-188.
    Efron, B. and Morris, C. (1975). Data analysis using Stein's estimator and its generalizations. JASA 70, 311-319.
    """
    from scipy import stats

    if len(values) < 2:
        return None
    weights = 1 / errors**2
    mean = float((weights * values).sum() / weights.sum())
    q = float((weights * (values - mean) ** 2).sum())
    if stats.chi2.sf(q, len(values) - 1) >= 0.01:
        return None
    spread = max((q - (len(values) - 1)) / float(weights.sum() - (weights**2).sum() / weights.sum()), 1e-12)
    outer = 1 / (errors**2 + spread)
    centre = float((outer * values).sum() / outer.sum())
    share = spread / (spread + errors**2)
    return centre + share * (values - centre), np.sqrt(share * errors**2), math.sqrt(spread)
