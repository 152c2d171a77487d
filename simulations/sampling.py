"""Lengths and outcomes drawn for a plan: one at a time, or for all cases at once with the same bits.

The first visits of all cases are drawn in numpy when the first of them is asked for; later visits, and
draws that depend on the record, one by one. An engine cannot tell the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.draws import Draws, choose
from simulations.plan import Plan
from simulations.quantities import Choice, Length, Shares
from workflow.definition import Value

__all__ = ["Purpose"]

_LONGEST = 2**62
_MANY_CASES = 100_000


class Purpose:
    """What is drawn under one name: a length, and what is found at its end.

    Parameters
    ----------
    plan : Plan
    path : Draws
    name : str
        ``activity:review``, ``event:new_crime``, ...
    takes : Choice of Length, optional
    outcome : Choice of Shares, optional
    values : sequence
        What may be found, in the order of the workflow.
    """

    def __init__(
        self, plan: Plan, path: Draws, name: str, takes: Choice[Length] | None = None,
        outcome: Choice[Shares] | None = None, values: Sequence[Value] = (),
    ) -> None:  # fmt: skip
        names = (plan.scenario.fact_names, tuple(plan.scenario.workflow.record))
        record = frozenset(plan.scenario.workflow.record)
        self.name = name
        self.values = tuple(values)
        self._plan = plan
        self._path = path
        self._takes = takes
        self._outcome = outcome
        self._pick_length = None if takes is None else takes.picker(*names)
        self._pick_shares = None if outcome is None else outcome.picker(*names)
        self._length_at_once = takes is not None and not takes.reads() & record
        self._outcome_at_once = outcome is not None and not outcome.reads() & record
        self._visits_at_once = 4 if len(plan.cases) <= _MANY_CASES else 1
        self._blocks: dict[int, tuple[memoryview, memoryview, memoryview, memoryview]] = {}
        only = takes.leaf if takes is not None and takes.by is None else None
        self._constant = round(only.law.values[0]) if only is not None and only.law.constant else None

    def length(self, number: int, key: int, visit: int, facts: Sequence[Value], record: Sequence[Value]) -> int:
        """Return a length in microseconds, at least 0."""
        if self._constant is not None:
            return self._constant
        if self._length_at_once and visit < self._visits_at_once:
            return self._block(visit)[0][number]
        length: Length = self._pick_length(facts, record)  # type: ignore[misc]
        if length.law.constant:
            return round(length.law.values[0])
        return min(max(round(length.law.draw(self.bits(number, key, visit)[0])), 0), _LONGEST)

    def outcome(self, number: int, key: int, visit: int, facts: Sequence[Value], record: Sequence[Value]) -> int:
        """Return which of `values` is found."""
        if self._outcome_at_once and visit < self._visits_at_once:
            return self._block(visit)[1][number]
        shares: Shares = self._pick_shares(facts, record)  # type: ignore[misc]
        return self.values.index(shares.values[choose(self.bits(number, key, visit)[1], shares.cumulative)])

    def bits(self, number: int, key: int, visit: int) -> tuple[int, int]:
        """Return the numerators of the two uniforms."""
        if visit < self._visits_at_once:
            block = self._block(visit)
            return block[2][number], block[3][number]
        return self._path.bits(key, self.name, visit)

    def all_bits(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numerators of every case's first visit."""
        return self._path.many(self._plan.cases.keys, self.name, 0)

    def _block(self, visit: int) -> tuple[memoryview, memoryview, memoryview, memoryview]:
        block = self._blocks.get(visit)
        if block is None:
            one, two = self._path.many(self._plan.cases.keys, self.name, visit)
            block = self._blocks[visit] = (
                self._lengths(one).data, self._outcomes(two).data, one.data, two.data
            )  # fmt: skip
        return block

    def _lengths(self, bits: Any) -> Any:
        found = np.zeros(len(bits) if self._length_at_once else 0, np.int64)
        if self._takes is not None and self._length_at_once:
            for length, rows in self._takes.rows(self._plan.cases.columns, self._plan.scenario.namespace.fields):
                drawn = np.rint(length.law.draw_many(bits[rows]))
                found[rows] = np.clip(drawn, 0, float(_LONGEST)).astype(np.int64)
        return found

    def _outcomes(self, bits: Any) -> Any:
        from simulations.draws import choose_many

        found = np.zeros(len(bits) if self._outcome_at_once else 0, np.int16)
        if self._outcome is not None and self._outcome_at_once:
            for shares, rows in self._outcome.rows(self._plan.cases.columns, self._plan.scenario.namespace.fields):
                places = np.array([self.values.index(v) for v in shares.values], np.int16)
                found[rows] = places[choose_many(bits[rows], shares.cumulative)]
        return found
