"""The Kaplan-Meier estimate by whole days: what share is still there, when some were only watched for a while.

References
----------
Kaplan, E. L. and Meier, P. (1958). Nonparametric estimation from incomplete observations. JASA 53, 457-481.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["still_there"]


def still_there(left: NDArray[Any], censored: NDArray[Any]) -> NDArray[np.float64]:
    """Return the share that is still there after each day.

    Parameters
    ----------
    left, censored : ndarray of int, shape (..., n_days)
        How many left on a day, and of how many nothing more is known: they are at risk on that day, and not after it.

    Examples
    --------
    >>> still_there(np.array([1, 0, 1]), np.array([0, 1, 1])).tolist()
    [0.75, 0.75, 0.375]
    """
    at_risk = (censored + left)[..., ::-1].cumsum(axis=-1)[..., ::-1]
    share = np.divide(left, at_risk, out=np.zeros(np.shape(left)), where=at_risk > 0)
    return np.asarray(np.cumprod(1 - share, axis=-1), np.float64)
