"""The Kaplan-Meier estimate with censoring, at the exact times of the log.

References
----------
Kaplan, E. L. and Meier, P. (1958). Nonparametric estimation from incomplete observations. JASA 53, 457-481.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-12


@dataclass(frozen=True)
class KaplanMeier:
    """The curve of one sample.

    Attributes
    ----------
    observed : ndarray of int64, shape (n,)
        How long each case was observed, in increasing order.
    times : ndarray of int64, shape (m,)
        The times at which cases leave, in increasing order.
    shares : ndarray of float, shape (m,)
        The share that remains after each of these times.
    """

    observed: NDArray[np.int64]
    times: NDArray[np.int64]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, length: NDArray[np.int64], left: NDArray[np.bool_]) -> KaplanMeier:
        """Estimate the curve.

        Parameters
        ----------
        length : ndarray of int64, shape (n,)
            How long each case was observed. A case is at risk up to and including this time.
        left : ndarray of bool, shape (n,)
            Whether the case left then; otherwise it is censored.

        Examples
        --------
        >>> curve = KaplanMeier.of(np.array([10, 20, 30, 30]), np.array([True, False, True, False]))
        >>> curve.at(np.array([9, 10, 30])).tolist(), curve.median
        ([1.0, 0.75, 0.375], 30)
        """
        observed = np.sort(length)
        times, n_left = np.unique(length[left], return_counts=True)
        at_risk = len(observed) - np.searchsorted(observed, times)
        return cls(observed, times, np.cumprod(1 - n_left / at_risk, dtype=np.float64))

    def at(self, instants: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the share that remains after each of these times."""
        return np.concatenate([[1.0], self.shares])[np.searchsorted(self.times, instants, side="right")]

    def at_risk(self, instants: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number at risk at each of these times."""
        return np.asarray(len(self.observed) - np.searchsorted(self.observed, instants), np.int64)

    @property
    def median(self) -> int | None:
        """Return the first time after which at most half remain; ``None`` if more than half remain at all times."""
        reached = np.flatnonzero(self.shares <= 0.5 + _ROUNDING)
        return int(self.times[reached[0]]) if len(reached) else None
