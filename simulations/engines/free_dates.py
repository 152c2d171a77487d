"""The first date with enough free slots, in logarithmic time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NO_DATE = -1
NO_SLOTS = -1
"""The free slots of a date for which no case is booked."""


def tree_of(free: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the nodes of a tree over numbers: node 1 is the root, node i is above 2i and 2i + 1, and the numbers come last."""
    size = 1 << max(len(free) - 1, 0).bit_length()
    tree = np.full(2 * size, NO_SLOTS, np.int64)
    tree[size : size + len(free)] = free
    while size > 1:
        size //= 2
        tree[size : 2 * size] = tree[2 * size : 4 * size].reshape(-1, 2).max(axis=1)
    return tree


class FreeDates:
    """Numbers of free slots by date, in a binary tree: each node has the largest number below it.

    Parameters
    ----------
    free : sequence of int
        The number of each date, or `NO_SLOTS`.

    Examples
    --------
    >>> dates = FreeDates([0, 2, 0, 3])
    >>> dates.first(0, 1), dates.first(0, 3), dates.first(2, 2), dates.first(0, 4)
    (1, 3, 3, -1)
    """

    __slots__ = ("_n", "_size", "_tree")

    def __init__(self, free: Sequence[int]) -> None:
        self._n = len(free)
        self._tree: list[int] = tree_of(np.array(free, np.int64)).tolist()
        self._size = len(self._tree) // 2

    def put(self, date: int, free: int) -> None:
        """Set the number of free slots of a date."""
        tree, i = self._tree, date + self._size
        tree[i] = free
        while i > 1:
            i >>= 1
            largest = max(tree[2 * i], tree[2 * i + 1])
            if tree[i] == largest:
                return
            tree[i] = largest

    def first(self, since: int, n: int) -> int:
        """Return the first date from an index on with at least n free slots, `NO_DATE` if there is none."""
        if since >= self._n:
            return NO_DATE
        tree, i = self._tree, since + self._size
        while tree[i] < n:
            while i & 1:  # the last child: go up
                i >>= 1
            if i == 0:
                return NO_DATE
            i += 1
        while i < self._size:
            i *= 2
            if tree[i] < n:
                i += 1
        return i - self._size
