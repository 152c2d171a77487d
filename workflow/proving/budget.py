"""The two limits of a proof: time, and the number of nodes."""

from __future__ import annotations

import math
import time

from workflow.errors import InputError

MOST_SECONDS = 86_400
MOST_NODES_EVER = 1_500_000  # about 8 GB
_DIAGRAMS_PER_NODE = 20  # of decision diagrams, for each node of a search; 200,000 nodes take about 1 GB


class LimitReached(Exception):
    """A search met a limit. Its text says which, and which option raises it."""


class Budget:
    """What a search may use.

    Parameters
    ----------
    seconds : float
        Time limit from now on.
    most_nodes : int
        Maximum number of nodes of one search.

    Raises
    ------
    InputError
        If a limit is so large that it is none.
    """

    def __init__(self, seconds: float, most_nodes: int) -> None:
        problems = []
        if not seconds <= MOST_SECONDS:
            problems.append(f"seconds: must be {MOST_SECONDS:,} (one day) or less, not {seconds:g}")
        if most_nodes > MOST_NODES_EVER:
            problems.append(f"nodes: must be {MOST_NODES_EVER:,} or less, not {most_nodes:,}")
        if problems:
            raise InputError(problems)
        self.deadline = time.perf_counter() + seconds
        self.most_nodes = most_nodes

    @property
    def left(self) -> float:
        """Return the seconds that are left; negative if none are."""
        return self.deadline - time.perf_counter()

    @property
    def milliseconds(self) -> int:
        """Return the milliseconds that are left, at least 1."""
        return max(1, math.ceil(self.left * 1000))

    def check(self, n_nodes: int = 0, n_diagrams: int = 0) -> None:
        """Raise `LimitReached` if a limit is met."""
        if n_nodes > self.most_nodes:
            raise LimitReached(
                f"the search needs more nodes than the limit of {self.most_nodes:,}; --nodes (most_nodes=) raises this limit"
            )
        if n_diagrams > _DIAGRAMS_PER_NODE * self.most_nodes:
            problem = f"the sets of cases need more than {_DIAGRAMS_PER_NODE * self.most_nodes:,} nodes of diagrams"
            raise LimitReached(f"{problem}; --nodes (most_nodes=) raises this limit")
        if self.left <= 0:
            raise LimitReached("the time limit was reached; --seconds (seconds=) raises it")
