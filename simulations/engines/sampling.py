"""Draw lengths and outcomes for a plan, one at a time or in blocks of cases, with the same bits.

Neighbouring cases mostly visit the same activities. After a few draws for a visit in a block of cases, the draws of the
whole block are made in numpy, which is thirty times as fast. The results do not depend on this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simulations.chance.draws import Draws, choose, choose_many
from simulations.log.eventlog import Labels
from simulations.scenarios.plan import Plan
from simulations.scenarios.quantities import Choice, Length, Shares
from workflow.deciding.table import Columns
from workflow.model.definition import Giver, Value

_LONGEST = 2**62
_BITS = 12
_BLOCK = 1 << _BITS
"""Number of cases in a block."""
_WITHIN = _BLOCK - 1
_FEW = 8
"""Number of draws of a block that are made one by one; a whole block takes as long as 75 of them."""


class Drawn(Protocol):
    """The attributes of a case that draws depend on; in `facts_here`, the court is the one where the case is now."""

    number: int
    key: int
    facts_here: Sequence[Value]
    record: list[Value]


def purposes(own: str, giver: Giver) -> tuple[str, ...]:
    """Return the purpose of each field that an activity or an event gives; the first is drawn for its own purpose."""
    return (own, *(f"outcome:{giver.name}.{field}" for field in giver.fields[1:]))


class Gives:
    """What an activity or an event gives: draws an outcome and writes it to the record of a case.

    The first field is drawn with the length of the work or of the clock, each further field for a purpose of its own.

    Parameters
    ----------
    name : str
        The purpose of the first field: ``activity:review``, ``event:new_crime``, ...
    giver : Activity or Event
    takes : Choice of Length, optional
    outcome : mapping of str to Choice of Shares
        By record field.

    Attributes
    ----------
    purpose : Purpose
        Of the length and of the first field.
    """

    __slots__ = ("_codes", "_fields", "_purposes", "purpose")

    def __init__(
        self, plan: Plan, path: Draws, name: str, giver: Giver, takes: Choice[Length] | None,
        outcome: Mapping[str, Choice[Shares]],
    ) -> None:  # fmt: skip
        (field, values), *further = giver.gives or ((None, ()),)
        self.purpose = Purpose(plan, path, name, takes, outcome.get(field or ""), values)
        rest = [
            Purpose(plan, path, own, None, outcome.get(f), vs)
            for own, (f, vs) in zip(purposes(name, giver)[1:], further, strict=True)
        ]
        self._purposes = (self.purpose, *rest) if outcome else ()
        self._fields = [list(plan.scenario.workflow.record).index(f) for f in giver.fields]
        labels = Labels.of(plan.scenario).outcome
        self._codes = {o: labels.index(giver.label(o)) for o in giver.outcomes if o}

    def write(self, case: Drawn, visit: int, now: int) -> int:
        """Draw every field, then write them to the record; return the outcome's code in the log, -1 for none."""
        if not self._purposes:
            return -1
        drawn = tuple([purpose.values[purpose.outcome(case, visit, now)] for purpose in self._purposes])
        for i, value in zip(self._fields, drawn, strict=True):
            case.record[i] = value
        return self._codes[drawn]


class Purpose:
    """The draws for one purpose: a length and an outcome.

    Parameters
    ----------
    plan : Plan
    path : Draws
    name : str
        ``activity:review``, ``event:new_crime``, ...
    takes : Choice of Length, optional
    outcome : Choice of Shares, optional
    values : sequence
        Possible outcomes, in the order of the workflow.
    """

    def __init__(
        self, plan: Plan, path: Draws, name: str, takes: Choice[Length] | None = None,
        outcome: Choice[Shares] | None = None, values: Sequence[Value] = (),
    ) -> None:  # fmt: skip
        names = (plan.scenario.fact_names, tuple(plan.scenario.workflow.record))
        record = frozenset(plan.scenario.workflow.record) | ({"court"} if plan.scenario.transfers else set())
        self.name = name
        self.values = tuple(values)
        self._plan = plan
        self._path = path
        self._takes = takes
        self._outcome = outcome
        self._pick_length = None if takes is None else takes.picker(*names)
        self._pick_shares = None if outcome is None else outcome.picker(*names)
        by_case = takes is not None and any(length.months is not None or length.fact is not None for length in takes.leaves())
        self._length_at_once = takes is not None and not by_case and not takes.steps and not takes.reads() & record
        self._outcome_at_once = outcome is not None and not outcome.steps and not outcome.reads() & record
        self._blocks: dict[tuple[int, int], _Block] = {}
        self._n_draws: dict[tuple[int, int], int] = {}
        only = takes.leaf if takes is not None and takes.constant else None
        fixed = only is not None and only.months is None and only.fact is None and only.distribution.constant
        self._constant = round(only.distribution.values[0]) if only is not None and fixed else None

    def length(self, case: Drawn, visit: int, now: int) -> int:
        """Return the length of what starts now, in microseconds, at least 0."""
        if self._constant is not None:
            return self._constant
        block = self._blocks.get((visit, case.number >> _BITS)) or self._block_of(case, visit)
        if self._length_at_once and block is not None:
            return block[0][case.number & _WITHIN]
        length: Length = self._pick_length(case.facts_here, case.record, now)  # type: ignore[misc]
        if length.fact is not None:
            return int(self._plan.times.lengths[length.fact][case.number])
        if length.months is not None:
            return self._plan.scenario.epoch.months_later(now, length.months) - now
        if length.distribution.constant:
            return round(length.distribution.values[0])
        bits = self._path.bits(case.key, self.name, visit)[0] if block is None else block[0][case.number & _WITHIN]
        return min(max(round(length.distribution.draw(bits)), 0), _LONGEST)

    def outcome(self, case: Drawn, visit: int, now: int) -> int:
        """Return the outcome of what ends now, as an index in `values`."""
        block = self._blocks.get((visit, case.number >> _BITS)) or self._block_of(case, visit)
        if self._outcome_at_once and block is not None:
            return block[1][case.number & _WITHIN]
        shares: Shares = self._pick_shares(case.facts_here, case.record, now)  # type: ignore[misc]
        bits = self._path.bits(case.key, self.name, visit)[1] if block is None else block[1][case.number & _WITHIN]
        return self.values.index(shares.values[choose(bits, shares.cumulative)])

    def numerator(self, case: Drawn, visit: int) -> int:
        """Return the numerator of the uniform number of a chance or of a hazard's date."""
        block = self._blocks.get((visit, case.number >> _BITS)) or self._block_of(case, visit)
        return self._path.bits(case.key, self.name, visit)[0] if block is None else block[0][case.number & _WITHIN]

    def all_bits(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numerators of every case's first visit."""
        return self._path.many(self._plan.cases.keys, self.name, 0)

    def _block_of(self, case: Drawn, visit: int) -> _Block | None:
        """Draw a visit for the whole block of a case, or return ``None`` after too few draws."""
        at = (visit, case.number >> _BITS)
        n_draws = self._n_draws[at] = self._n_draws.get(at, 0) + 1
        if n_draws <= _FEW:
            return None
        first = at[1] << _BITS
        block = self._blocks[at] = self._draw(visit, slice(first, first + _BLOCK))
        return block

    def _draw(self, visit: int, cases: slice) -> _Block:
        one, two = self._path.many(self._plan.cases.keys[cases], self.name, visit)
        columns = self._plan.cases.columns.take(cases)
        return (self._lengths(one, columns).data, self._outcomes(two, columns).data)

    def _lengths(self, bits: NDArray[np.int64], columns: Columns) -> NDArray[np.int64]:
        """Return the lengths, or their numerators if they are not known beforehand."""
        if self._takes is None or not self._length_at_once:
            return bits
        lengths = np.empty(len(bits), np.int64)
        for length, rows in self._takes.rows(columns, self._plan.scenario.namespace.fields):
            drawn = np.rint(length.distribution.draw_many(bits[rows]))
            lengths[rows] = np.clip(drawn, 0, float(_LONGEST)).astype(np.int64)
        return lengths

    def _outcomes(self, bits: NDArray[np.int64], columns: Columns) -> NDArray[Any]:
        """Return the outcomes, or their numerators if they are not known beforehand."""
        if self._outcome is None:
            return bits[:0].copy()
        if not self._outcome_at_once:
            return bits
        outcomes = np.empty(len(bits), np.int16)
        for shares, rows in self._outcome.rows(columns, self._plan.scenario.namespace.fields):
            index = np.array([self.values.index(v) for v in shares.values], np.int16)
            outcomes[rows] = index[choose_many(bits[rows], shares.cumulative)]
        return outcomes


_Block = tuple[memoryview, memoryview]
"""Lengths and outcomes of a block of cases, or their numerators if they are not known beforehand."""
