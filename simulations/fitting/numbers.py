"""Numbers of a fitted scenario, each with its interval, its count and its entry under ``uncertain:``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from simulations.fitting.durations import Fitted, Z
from workflow.files.table import n_of


def plain(x: float) -> str:
    """Return a number with six digits and without an exponent."""
    return format(Decimal(f"{x:.6g}").normalize(), "f") if x else "0"


@dataclass(frozen=True)
class Number:
    """A number that was estimated.

    Attributes
    ----------
    path : str
        As for ``--set``; after ``scale`` for a factor.
    estimate, low, high : float
        With the bounds of its 95 percent interval.
    n : int
        The number of observations.
    distribution : str
        Its distribution, as an entry of ``uncertain:`` has it.
    within : str
        The bounds of the entry; may be empty.
    """

    path: str
    estimate: float
    low: float
    high: float
    n: int
    distribution: str
    within: str = ""

    def line(self, source: str) -> str:
        """Return its entry under ``uncertain:``."""
        key, is_ = ("scale", "by") if self.path.startswith("scale ") else ("set", "is")
        within = f", within: {self.within}" if self.within else ""
        return f"  - {{{key}: {self.path.removeprefix('scale ')}, {is_}: {self.distribution}{within}, source: {source}}}"


@dataclass
class Collected:
    """What the parts of a fitted scenario collect.

    Attributes
    ----------
    numbers : list of Number
    joint : dict of str to list of float
        The columns of the table of shares: what is known together.
    notes : list of str
        What the log does not tell.
    """

    numbers: list[Number] = field(default_factory=list)
    joint: dict[str, list[float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def positive(path: str, estimate: float, log_error: float, n: int) -> Number:
    """Return a positive number with a lognormal distribution of which it is the median."""
    mean = estimate * math.exp(log_error**2 / 2)
    cv = math.sqrt(math.expm1(log_error**2))
    low, high = estimate * math.exp(-Z * log_error), estimate * math.exp(Z * log_error)
    return Number(path, estimate, low, high, n, f"{{lognormal: {{mean: {plain(mean)}, cv: {plain(max(cv, 1e-6))}}}}}")


def share_number(path: str, a: float, b: float, n: int) -> Number:
    """Return a share with a beta distribution."""
    from scipy import stats

    low, high = (float(stats.beta.ppf(q, a, b)) for q in (0.025, 0.975))
    return Number(path, a / (a + b), low, high, n, f"{{beta: {{a: {plain(a)}, b: {plain(b)}}}}}", "[0, 1]")


def rate_number(path: str, estimate: float, n: int, spread: float = 1.0) -> Number:
    """Return a rate of which n events were counted, with a gamma distribution; `spread` is their variance over their mean."""
    from scipy import stats

    shape = (n + 0.5) / spread
    low, high = (float(stats.gamma.ppf(q, shape)) * estimate / max(n / spread, 1e-9) for q in (0.025, 0.975))
    if not n:
        low, high = 0.0, estimate
    return Number(
        path,
        estimate,
        low,
        high,
        n,
        f"{{gamma: {{mean: {plain(estimate * (n + 0.5) / max(n, 1))}, cv: {plain(1 / math.sqrt(shape))}}}}}",
    )


def written(fitted: Fitted, unit: str) -> str:
    """Return a distribution of lengths of time in a scenario file."""
    if fitted.family == "constant":
        return f"{plain(fitted.mean)} {unit}"
    if fitted.quantiles:
        return listed(fitted.quantiles, unit)
    cv = "" if fitted.family == "exponential" else f", cv: {plain(fitted.cv)}"
    return f"{{{fitted.family}: {{mean: {plain(fitted.mean)} {unit}{cv}}}}}"


def listed(values: Sequence[float], unit: str) -> str:
    """Return a list of equally likely lengths of time."""
    return f"{{empirical: [{', '.join(f'{plain(v)} {unit}' for v in values)}]}}"


def described(fitted: Fitted, unit: str) -> str:
    """Return the comment on a distribution."""
    low, high = fitted.interval()
    open_ = f", {fitted.n_open:,} not over" if fitted.n_open else ""
    if fitted.family == "constant":
        return f"{n_of(fitted.n, 'length')}{open_}, all the same"
    said = f"{n_of(fitted.n, 'length')}{open_}; mean {plain_short(fitted.mean)} {unit}, 95% interval {plain_short(low)} to {plain_short(high)}, cv {fitted.cv:.2f}"
    if fitted.tried:
        aic = fitted.tried[0][1]
        tries = ", ".join(f"{name} {value - aic:+.0f}/{w:.2f}" for name, value, w in fitted.tried)
        said += f"; {_choice(fitted)} (AIC less the best/Cramér-von Mises: {tries})"
    return said


def _choice(fitted: Fitted) -> str:
    """Return how the family was chosen, and which others the log supports nearly as well: an AIC higher by at most 2."""
    if fitted.quantiles:
        return "no family fits"
    close = [name for name, aic, _ in fitted.tried if name != fitted.family and aic - fitted.tried[0][1] <= 2]
    return "chosen by AIC" + (f", but {' and '.join(close)} {'fits' if len(close) == 1 else 'fit'} as well" if close else "")


def plain_short(x: float) -> str:
    """Return a number with three digits."""
    return format(Decimal(f"{x:.3g}").normalize(), "f") if x else "0"


def length_numbers(fitted: Fitted, path: str) -> list[Number]:
    """Return the numbers of a distribution at a path."""
    if fitted.family == "constant":
        return []
    if fitted.quantiles:
        one = positive(f"scale {path}", 1.0, fitted.mean_se, fitted.n)
        return [one]
    numbers = [positive(f"{path}.{fitted.family}.mean", fitted.mean, fitted.mean_se, fitted.n)]
    if fitted.family != "exponential":
        numbers.append(positive(f"{path}.{fitted.family}.cv", fitted.cv, fitted.cv_se, fitted.n))
    return numbers
