"""Lengths and outcomes drawn for a plan: one at a time, or for many cases at once with the same bits.

Cases are taken in blocks of neighbours, who mostly come to the same activities. When a few of a block have asked for
the draws of one visit, those of all of it are drawn in numpy, thirty times as fast; where few ever ask, nothing is
drawn that nobody needs. An engine cannot tell the difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simulations.chance.draws import Draws, choose, choose_many
from simulations.scenarios.plan import Plan
from simulations.scenarios.quantities import Choice, Length, Shares
from workflow.deciding.table import Columns
from workflow.model.definition import Value

__all__ = ["Purpose"]

_LONGEST = 2**62
_BITS = 12
_BLOCK = 1 << _BITS
"""Cases in a block."""
_WITHIN = _BLOCK - 1
_FEW = 8
"""So many of a block's draws are made one by one; all of it at once takes as long as seventy-five."""


class Drawn(Protocol):
    """A case as far as draws depend on it."""

    number: int
    key: int
    facts: Sequence[Value]
    record: list[Value]


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
        self._blocks: dict[tuple[int, int], _Block] = {}
        self._asked: dict[tuple[int, int], int] = {}
        only = takes.leaf if takes is not None and takes.by is None else None
        self._constant = round(only.distribution.values[0]) if only is not None and only.distribution.constant else None

    def length(self, case: Drawn, visit: int) -> int:
        """Return a length in microseconds, at least 0."""
        if self._constant is not None:
            return self._constant
        block = self._blocks.get((visit, case.number >> _BITS)) or self._ask(case, visit)
        if self._length_at_once and block is not None:
            return block[0][case.number & _WITHIN]
        length: Length = self._pick_length(case.facts, case.record)  # type: ignore[misc]
        if length.distribution.constant:
            return round(length.distribution.values[0])
        bits = self._path.bits(case.key, self.name, visit)[0] if block is None else block[0][case.number & _WITHIN]
        return min(max(round(length.distribution.draw(bits)), 0), _LONGEST)

    def outcome(self, case: Drawn, visit: int) -> int:
        """Return which of `values` is found."""
        block = self._blocks.get((visit, case.number >> _BITS)) or self._ask(case, visit)
        if self._outcome_at_once and block is not None:
            return block[1][case.number & _WITHIN]
        shares: Shares = self._pick_shares(case.facts, case.record)  # type: ignore[misc]
        bits = self._path.bits(case.key, self.name, visit)[1] if block is None else block[1][case.number & _WITHIN]
        return self.values.index(shares.values[choose(bits, shares.cumulative)])

    def numerator(self, case: Drawn, visit: int) -> int:
        """Return the numerator of the uniform of what has no length: of a chance, or of a hazard's date."""
        block = self._blocks.get((visit, case.number >> _BITS)) or self._ask(case, visit)
        return self._path.bits(case.key, self.name, visit)[0] if block is None else block[0][case.number & _WITHIN]

    def all_bits(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numerators of every case's first visit."""
        return self._path.many(self._plan.cases.keys, self.name, 0)

    def _ask(self, case: Drawn, visit: int) -> _Block | None:
        """Draw one visit for a case's whole block, unless too few of it have asked."""
        at = (visit, case.number >> _BITS)
        asked = self._asked[at] = self._asked.get(at, 0) + 1
        if asked <= _FEW:
            return None
        first = at[1] << _BITS
        block = self._blocks[at] = self._draw(visit, slice(first, first + _BLOCK))
        return block

    def _draw(self, visit: int, cases: slice) -> _Block:
        one, two = self._path.many(self._plan.cases.keys[cases], self.name, visit)
        columns = self._plan.cases.columns.take(cases)
        return (self._lengths(one, columns).data, self._outcomes(two, columns).data)

    def _lengths(self, bits: NDArray[np.int64], columns: Columns) -> NDArray[np.int64]:
        """Return the lengths, or their numerators if they depend on the record."""
        if self._takes is None or not self._length_at_once:
            return bits
        found = np.empty(len(bits), np.int64)
        for length, rows in self._takes.rows(columns, self._plan.scenario.namespace.fields):
            drawn = np.rint(length.distribution.draw_many(bits[rows]))
            found[rows] = np.clip(drawn, 0, float(_LONGEST)).astype(np.int64)
        return found

    def _outcomes(self, bits: NDArray[np.int64], columns: Columns) -> NDArray[Any]:
        """Return the outcomes, or their numerators if they depend on the record."""
        if self._outcome is None:
            return bits[:0].copy()
        if not self._outcome_at_once:
            return bits
        found = np.empty(len(bits), np.int16)
        for shares, rows in self._outcome.rows(columns, self._plan.scenario.namespace.fields):
            places = np.array([self.values.index(v) for v in shares.values], np.int16)
            found[rows] = places[choose_many(bits[rows], shares.cumulative)]
        return found


_Block = tuple[memoryview, memoryview]
"""Lengths and outcomes of a block of cases; their numerators where these depend on the record."""
