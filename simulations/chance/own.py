"""Distributions of one's own, as data: any object with a quantile function."""

from __future__ import annotations

import math
from typing import Protocol

from workflow.errors import InputError

_MOST_VALUES = 100_000


class HasQuantiles(Protocol):
    """An object with a quantile function, such as a frozen distribution of `scipy.stats`."""

    def ppf(self, q: float, /) -> float:
        """Return the quantile at a probability between 0 and 1."""
        ...


def own_distribution(distribution: HasQuantiles, unit: str | None = None, n: int = 1000) -> dict[str, list[float] | list[str]]:
    """Return the entry of a distribution of one's own, for a scenario that is given as a mapping.

    The entry has `n` equally likely values: the quantiles in the middle of `n` equal parts. So the scenario stays data:
    both engines draw from it, and the run folder has it. Quantiles beyond 1/(2n) and 1 - 1/(2n) are cut off; a larger
    `n` reaches further.

    Parameters
    ----------
    distribution : object with ``ppf(q)``
        Its quantile function, for probabilities between 0 and 1.
    unit : str, optional
        The unit of a duration: ``"minutes"``, ``"hours"``, ``"days"``. Default: plain numbers.
    n : int
        Number of values, from 2 to 100,000.

    Returns
    -------
    dict
        ``{"empirical": [...]}``

    Raises
    ------
    InputError
        If a quantile is not a finite number, or is smaller than the one before it.

    Examples
    --------
    >>> class Waits:
    ...     def ppf(self, q):
    ...         return 30.0 if q < 0.5 else 60.0
    >>> own_distribution(Waits(), "minutes", n=4)
    {'empirical': ['30.0 minutes', '30.0 minutes', '60.0 minutes', '60.0 minutes']}
    """
    if not callable(getattr(distribution, "ppf", None)):
        raise InputError([f"distribution: must be an object with a quantile function ppf(q), not {distribution!r}"])
    if not 2 <= n <= _MOST_VALUES:
        raise InputError([f"n: must be from 2 to {_MOST_VALUES:,}, not {n}"])
    values = [float(distribution.ppf((k + 0.5) / n)) for k in range(n)]
    for k, value in enumerate(values):
        q = (k + 0.5) / n
        if not math.isfinite(value):
            raise InputError([f"ppf({q:g}) is {value}, but a quantile must be a finite number"])
        if k and value < values[k - 1]:
            raise InputError(
                [f"ppf({q:g}) is {value:g}, less than ppf({q - 1 / n:g}), {values[k - 1]:g}; quantiles do not decrease"]
            )
    return {"empirical": values} if unit is None else {"empirical": [f"{value!r} {unit}" for value in values]}
