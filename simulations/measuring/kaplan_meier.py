"""The Kaplan-Meier estimate by whole days, with censoring.

References
----------
Kaplan, E. L. and Meier, P. (1958). Nonparametric estimation from incomplete observations. JASA 53, 457-481.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["surviving"]


def surviving(left: NDArray[Any], censored: NDArray[Any]) -> NDArray[np.float64]:
    """Return the share that remains after each day.

    Parameters
    ----------
    left, censored : ndarray of int, shape (..., n_days)
        Number that leave on a day, and number last observed on it. Both are at risk on that day, and not after it.

    Examples
    --------
    >>> surviving(np.array([1, 0, 1]), np.array([0, 1, 1])).tolist()
    [0.75, 0.75, 0.375]
    """
    at_risk = (censored + left)[..., ::-1].cumsum(axis=-1)[..., ::-1]
    share = np.divide(left, at_risk, out=np.zeros(np.shape(left)), where=at_risk > 0)
    return np.asarray(np.cumprod(1 - share, axis=-1), np.float64)
