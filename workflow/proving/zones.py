"""Zones: sets of clock readings that are given by bounds on single clocks and on differences of clocks.

All readings and bounds are whole numbers, and bounds are included. So a zone is a matrix of whole numbers: the entry in
row i and column j is the most by which clock i may exceed clock j. Clock 0 always reads 0. Matrices are kept closed:
each entry follows from no others more tightly.

References
----------
D. L. Dill (1990), "Timing assumptions and verification of finite-state concurrent systems", LNCS 407.
https://doi.org/10.1007/3-540-52148-8_17
J. Bengtsson, W. Yi (2004), "Timed automata: semantics, algorithms and tools", LNCS 3098.
https://doi.org/10.1007/978-3-540-27755-2_3
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import le

INFINITE = 2**62
"""No bound. Greater than every sum of bounds."""


class Zone:
    """A set of readings of clocks; not empty.

    Parameters
    ----------
    rows : list of list of int
        A closed matrix.
    """

    __slots__ = ("rows",)

    def __init__(self, rows: list[list[int]]) -> None:
        self.rows = rows

    @classmethod
    def start(cls, n_clocks: int) -> Zone:
        """Return the zone in which every clock reads 0."""
        return cls([[0] * (n_clocks + 1) for _ in range(n_clocks + 1)])

    def copy(self) -> Zone:
        """Return a zone that can be changed on its own."""
        return Zone([row[:] for row in self.rows])

    def most(self, clock: int) -> int:
        """Return the greatest reading of a clock."""
        return self.rows[clock][0]

    def contains(self, other: Zone) -> bool:
        """Return whether every reading of another zone is in this one."""
        # Asked millions of times, so the inner loop is one of C.
        return all(all(map(le, its, mine)) for mine, its in zip(self.rows, other.rows, strict=True))

    def let_time_pass(self) -> None:
        """Add all later readings."""
        for row in self.rows[1:]:
            row[0] = INFINITE

    def restart(self, clock: int) -> None:
        """Set a clock to 0."""
        rows = self.rows
        for i in range(len(rows)):
            rows[clock][i], rows[i][clock] = rows[0][i], rows[i][0]
        rows[clock][clock] = 0

    def at_most(self, clock: int, bound: int) -> bool:
        """Keep the readings of which a clock reads at most a bound; return whether any is left."""
        return self._tighten(clock, 0, bound)

    def at_least(self, clock: int, bound: int) -> bool:
        """Keep the readings of which a clock reads at least a bound; return whether any is left."""
        return self._tighten(0, clock, -bound)

    def _tighten(self, i: int, j: int, bound: int) -> bool:
        """Keep the readings at which clock i exceeds clock j by at most a bound."""
        rows = self.rows
        if rows[i][j] <= bound:
            return True
        if rows[j][i] + bound < 0:
            return False
        rows[i][j] = bound
        after = rows[j][:]
        for row in rows:
            if row[i] < INFINITE:
                reach = row[i] + bound
                for k, rest in enumerate(after):
                    if rest < INFINITE and reach + rest < row[k]:
                        row[k] = reach + rest
        return True

    def forget_above(self, greatest: Sequence[int]) -> None:
        """Forget by how much a clock exceeds the greatest number with which it is ever compared.

        So that a search meets finitely many zones, and decides every comparison as before.
        """
        rows, changed = self.rows, False
        for i, row in enumerate(rows):
            for j, bound in enumerate(row):
                if i == j or bound == INFINITE:
                    continue
                if bound > greatest[i]:
                    row[j], changed = INFINITE, True
                elif bound < -greatest[j] - 1:
                    row[j], changed = -greatest[j] - 1, True
        if changed:
            self._close()

    def _close(self) -> None:
        rows = self.rows
        for k, through in enumerate(rows):
            for row in rows:
                if row[k] < INFINITE:
                    for j, rest in enumerate(through):
                        if rest < INFINITE and row[k] + rest < row[j]:
                            row[j] = row[k] + rest
