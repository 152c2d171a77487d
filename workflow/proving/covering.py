"""What is the shortest description of some cases? Alternatives of joined literals, none of which can be left out.

Given are the classes that a case can be in, what each literal says of each class, and which classes are to be
described. An alternative joins literals that hold together in some of these classes and in no other; the description
is the cheapest choice of alternatives that reaches them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Alternative", "cheapest_cover", "shortest"]

Alternative = tuple[int, ...]
"""The places of the literals that are joined, in order; with none, everything is described."""

Cost = tuple[int, int]
Bits = NDArray[np.bool_]

_MOST_STEPS = 20_000  # rows looked at in the exact search for a cover; the best found until then is taken
_MOST_SEEDS = 20  # classes around which alternatives are sought, before those that are still left


def shortest(holds: Bits, inside: Bits, costs: Sequence[Cost]) -> list[Alternative]:
    """Describe some classes by alternatives of literals.

    Parameters
    ----------
    holds : ndarray of bool, shape (n_classes, n_literals)
        Whether each literal holds in each class.
    inside : ndarray of bool, shape (n_classes,)
        The classes to describe; at least one.
    costs : sequence of (int, int)
        What each literal costs, the first figure before the second.

    Returns
    -------
    list of Alternative
        No literal and no alternative can be left out. Joined literals are the cheapest of all that hold in a class;
        a description by several alternatives is the cheapest choice of such.

    Raises
    ------
    ValueError
        If the literals cannot tell the classes inside from those outside.

    Examples
    --------
    >>> a, b = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], bool).T
    >>> literals = np.stack([a, ~a, b, ~b], axis=1)
    >>> shortest(literals, a & ~b, [(1, 1)] * 4)
    [(0, 3)]
    >>> shortest(literals, a ^ b, [(1, 1)] * 4)
    [(1, 2), (0, 3)]
    """
    within, outside = _distinct(holds[inside]), _distinct(holds[~inside])
    together = _around(np.all(within, axis=0, keepdims=True)[0], outside, costs)
    if together is not None:
        return [together]
    found: dict[Alternative, None] = {}
    reached = np.zeros(len(within), bool)
    for i, row in enumerate(within):
        if i >= _MOST_SEEDS and reached[i]:
            continue
        alternative = _around(row, outside, costs)
        if alternative is None:
            raise ValueError("the literals do not tell the classes inside from those outside")
        found[alternative] = None
        reached |= within[:, alternative].all(axis=1)
    ahead = list(found)
    reach = np.stack([within[:, alternative].all(axis=1) for alternative in ahead], axis=1)
    prices = [(sum(costs[i][0] for i in one), sum(costs[i][1] for i in one)) for one in ahead]
    chosen = cheapest_cover(reach, prices)
    assert chosen is not None
    return [ahead[k] for k in chosen]


def _distinct(rows: Bits) -> Bits:
    packed = np.ascontiguousarray(np.packbits(rows, axis=1))
    if not packed.size:
        return rows[:1]
    return rows[np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_index=True)[1]]


def _around(held: Bits, outside: Bits, costs: Sequence[Cost]) -> Alternative | None:
    """Return the cheapest of some literals that together hold in no class outside."""
    places = np.flatnonzero(held).tolist()
    chosen = cheapest_cover(~outside[:, places], [costs[i] for i in places])
    return None if chosen is None else tuple(places[k] for k in chosen)


def cheapest_cover(covers: Bits, costs: Sequence[Cost]) -> list[int] | None:
    """Return the cheapest columns of which each row has one, in order; ``None`` if a row has none.

    Parameters
    ----------
    covers : ndarray of bool, shape (n_rows, n_columns)
    costs : sequence of (int, int)
        Of each column, positive, compared one figure after the other.

    Returns
    -------
    list of int or None
        None of them can be left out.
    """
    rows = _needed(covers)
    if rows is None:
        return None
    search = _Search(rows, costs)
    search.best = search.greedy()
    search.price = search.cost(search.best)
    search.extend(frozenset(), rows, (0, 0), frozenset())
    return sorted(search.best)


def _needed(covers: Bits) -> list[frozenset[int]] | None:
    """Return the rows as sets of columns, without those that another row asks for anyway; shortest first."""
    rows = covers[np.argsort(covers.sum(axis=1), kind="stable")]
    kept: list[frozenset[int]] = []
    while len(rows):
        columns = np.flatnonzero(rows[0])
        if not len(columns):
            return None
        kept.append(frozenset(columns.tolist()))
        rows = rows[~rows[:, columns].all(axis=1)]
    return kept


class _Search:
    """Branch and bound: of the row with the fewest columns, one must be taken."""

    def __init__(self, rows: list[frozenset[int]], costs: Sequence[Cost]) -> None:
        self.rows, self.costs = rows, costs
        self.steps = 0
        self.best: frozenset[int] = frozenset()
        self.price: Cost = (0, 0)

    def cost(self, columns: frozenset[int]) -> Cost:
        return sum(self.costs[k][0] for k in columns), sum(self.costs[k][1] for k in columns)

    def greedy(self) -> frozenset[int]:
        """Return a cover, cheap for what each column does, without any that can be left out."""
        chosen: frozenset[int] = frozenset()
        left = self.rows
        while left:
            ways = frozenset().union(*left)
            best = min(sorted(ways), key=lambda k: self.costs[k][0] / sum(k in row for row in left))
            chosen |= {best}
            left = [row for row in left if best not in row]
        for k in sorted(chosen, key=lambda k: self.costs[k], reverse=True):
            if all(row & (chosen - {k}) for row in self.rows):
                chosen -= {k}
        return chosen

    def extend(self, chosen: frozenset[int], left: list[frozenset[int]], price: Cost, refused: frozenset[int]) -> None:
        """Try every cheaper cover that has the columns chosen and none of those refused."""
        self.steps += 1 + len(left)
        if price >= self.price or self.steps > _MOST_STEPS:
            return
        if not left:
            self.best, self.price = chosen, price
            return
        row = min((row - refused for row in left), key=len)
        for k in sorted(row, key=lambda k: (self.costs[k], k)):
            more = price[0] + self.costs[k][0], price[1] + self.costs[k][1]
            self.extend(chosen | {k}, [r for r in left if k not in r], more, refused)
            refused |= {k}
