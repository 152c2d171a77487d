"""Find the shortest condition that selects given classes of cases: a minimal disjunction of conjunctions of literals.

An alternative is a conjunction of literals that holds in at least one class inside the selection and in none outside.
The result is the cheapest set of alternatives that covers the selection.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Alternative = tuple[int, ...]
"""The indices of the joined literals, in order; an empty tuple always holds."""

Cost = tuple[int, int]
Bits = NDArray[np.bool_]

_MAX_STEPS = 20_000  # rows that the exact search visits; then it takes the best cover so far
_MAX_SEEDS = 20  # classes to build alternatives for; further ones only if they are not covered yet


def shortest(holds: Bits, inside: Bits, costs: Sequence[Cost]) -> list[Alternative]:
    """Return a shortest disjunction of literals that selects the classes inside.

    Parameters
    ----------
    holds : ndarray of bool, shape (n_classes, n_literals)
        Whether each literal holds in each class.
    inside : ndarray of bool, shape (n_classes,)
        The classes to select; at least one.
    costs : sequence of (int, int)
        The cost of each literal, compared lexicographically.

    Returns
    -------
    list of Alternative
        Irredundant: no literal and no alternative can be omitted. Each alternative is the cheapest for its class.

    Raises
    ------
    ValueError
        If the literals cannot separate the classes inside from those outside.

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
    alternatives: dict[Alternative, None] = {}
    reached = np.zeros(len(within), bool)
    for i, row in enumerate(within):
        if i >= _MAX_SEEDS and reached[i]:
            continue
        alternative = _around(row, outside, costs)
        if alternative is None:
            raise ValueError("the literals do not separate the classes inside from those outside")
        alternatives[alternative] = None
        reached |= within[:, alternative].all(axis=1)
    ordered = list(alternatives)
    reach = np.stack([within[:, alternative].all(axis=1) for alternative in ordered], axis=1)
    prices = [(sum(costs[i][0] for i in one), sum(costs[i][1] for i in one)) for one in ordered]
    chosen = cheapest_cover(reach, prices)
    assert chosen is not None
    return [ordered[k] for k in chosen]


def _distinct(rows: Bits) -> Bits:
    packed = np.ascontiguousarray(np.packbits(rows, axis=1))
    if not packed.size:
        return rows[:1]
    return rows[np.unique(packed.view(f"V{packed.shape[1]}").ravel(), return_index=True)[1]]


def _around(held: Bits, outside: Bits, costs: Sequence[Cost]) -> Alternative | None:
    """Return the cheapest subset of the literals held that holds in no class outside."""
    indices = np.flatnonzero(held).tolist()
    chosen = cheapest_cover(~outside[:, indices], [costs[i] for i in indices])
    return None if chosen is None else tuple(indices[k] for k in chosen)


def cheapest_cover(covers: Bits, costs: Sequence[Cost]) -> list[int] | None:
    """Return the cheapest set of columns that covers every row; ``None`` if a row has no column.

    Parameters
    ----------
    covers : ndarray of bool, shape (n_rows, n_columns)
    costs : sequence of (int, int)
        The cost of each column, positive, compared lexicographically.

    Returns
    -------
    list of int or None
        Sorted and irredundant.
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
    """Return the rows as sets of columns, shortest first, without supersets of another row."""
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
    """Branch and bound: branch on the row with the fewest columns."""

    def __init__(self, rows: list[frozenset[int]], costs: Sequence[Cost]) -> None:
        self.rows, self.costs = rows, costs
        self.steps = 0
        self.best: frozenset[int] = frozenset()
        self.price: Cost = (0, 0)

    def cost(self, columns: frozenset[int]) -> Cost:
        return sum(self.costs[k][0] for k in columns), sum(self.costs[k][1] for k in columns)

    def greedy(self) -> frozenset[int]:
        """Return an irredundant cover: the column with the lowest cost per covered row first."""
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
        """Search the cheaper covers that contain the chosen columns and none of the refused."""
        self.steps += 1 + len(left)
        if price >= self.price or self.steps > _MAX_STEPS:
            return
        if not left:
            self.best, self.price = chosen, price
            return
        row = min((row - refused for row in left), key=len)
        for k in sorted(row, key=lambda k: (self.costs[k], k)):
            more = price[0] + self.costs[k][0], price[1] + self.costs[k][1]
            self.extend(chosen | {k}, [r for r in left if k not in r], more, refused)
            refused |= {k}
