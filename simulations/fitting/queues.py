"""Find the order in which the cases of a queue are served from which of the waiting cases each start took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_MOST = 2_000
"""The last starts of a queue, which are looked at."""

_FEWEST = 20
_CLEAR = 0.9
"""An order is that of a queue if so many of its choices are what the order says."""


@dataclass(frozen=True)
class Order:
    """How the cases of a queue are served.

    Attributes
    ----------
    name : {"first_come", "oldest", "newest"} or None
        As in a scenario file; ``None`` if the log does not tell.
    share : float
        The share of the choices that are what `name` says, or without a name what ``first_come`` says.
    n : int
        The number of choices: of starts at which at least two cases waited.
    """

    name: str | None
    share: float
    n: int

    def comment(self) -> str:
        """Return what the log says about it."""
        if self.name is None and self.n < _FEWEST:
            return "too few choices among waiting cases tell the order; first_come is assumed"
        said = f"in {self.share:.0%} of {self.n:,} choices"
        if self.name is None:
            return f"served in order of joining the queue only {said}; first_come is assumed"
        return f"served {self.name} {said}"


def find_order(queues: Sequence[tuple[Integers, Integers, Integers]]) -> Order:
    """Return the order in which cases are served.

    Parameters
    ----------
    queues : sequence of (entered, started, arrived)
        Of the cases of each queue: when each joined it, when its work started, and when the case arrived.

    Examples
    --------
    >>> at = np.arange(50)
    >>> find_order([(at, 100 + at, at)])
    Order(name='first_come', share=1.0, n=49)
    >>> find_order([(at, 200 - at, at)]).name
    'newest'
    """
    agreed, n = np.zeros(3), 0
    for entered, started, arrived in queues:
        order = np.argsort(started, kind="stable")
        entered, started, arrived = entered[order], started[order], arrived[order]
        for i in range(max(len(order) - _MOST, 0), len(order)):
            waits = (entered[i + 1 :] <= started[i]) & (started[i + 1 :] > started[i])
            if not waits.any():
                continue
            others, ages = entered[i + 1 :][waits], arrived[i + 1 :][waits]
            agreed += (entered[i] <= others.min(), arrived[i] <= ages.min(), arrived[i] >= ages.max())
            n += 1
    if not n:
        return Order(None, 0.0, 0)
    shares = agreed / n
    best = int(np.argmax(shares - (0.0, 0.02, 0.02)))  # first_come, unless another is clearly better
    clear = n >= _FEWEST and shares[best] >= _CLEAR
    name = ("first_come", "oldest", "newest")[best] if clear else None
    return Order(name, float(shares[best if clear else 0]), n)
