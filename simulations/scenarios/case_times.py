"""Times that stand in the case: lengths from facts, and the first rings of clocks that a case brings with it.

They are computed for all cases of a replication before the run, so that both engines read the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.chance.distributions import Distribution
from simulations.chance.draws import Draws
from simulations.scenarios.population import Cases
from simulations.scenarios.quantities import Choice, FromFact, Length
from simulations.scenarios.scenario import EVER, EventTiming, Scenario
from simulations.timing.calendars import FAR, Calendar
from simulations.timing.clock import MICROSECONDS_PER_DAY, Epoch
from workflow.errors import InputError
from workflow.predicates.calendar_days import VECTOR, add_months, days_of

Integers = NDArray[np.int64]

_ALL = 2**52
"""Number of uniforms: the odd numerators 2k + 1 below 2**53."""

NO_CLOCK = EVER
"""For a case without a clock; the same number as `simulations.log.row.NEVER`, which the kernel compares with."""


@dataclass(frozen=True)
class CaseTimes:
    """Times from the facts of the cases of one replication, in microseconds, by case number.

    Attributes
    ----------
    lengths : mapping of FromFact to ndarray of int64
        Lengths of time; `FAR`, longer than any run, for a missing fact.
    first_rings : mapping of str to ndarray of int64
        For each event with a clock that a case brings with it: when it first rings, not before the case enters the run.
        `NO_CLOCK` if the case has no such clock, `FAR` if it never rings.
    """

    lengths: Mapping[FromFact, Integers]
    first_rings: Mapping[str, Integers]


def case_times(cases: Cases, path: Draws) -> CaseTimes:
    """Compute the times of all cases.

    Raises
    ------
    InputError
        If a length is negative; the message names the case.
    """
    scenario = cases.scenario
    lengths: dict[FromFact, Integers] = {}
    problems: list[str] = []
    choices = [(f"activity {work.activity!r}: takes", takes) for work in scenario.work.values() for takes in work.lengths]
    choices += [
        (f"activity {work.activity!r}: appointment: at_least", notice)
        for work in scenario.work.values()
        for notice in work.notices
    ]
    timings = scenario.event_timings.values()
    choices += [(f"event {timing.event!r}: {timing.key}", timing.after) for timing in timings if timing.after is not None]
    for what, choice in choices:
        for source in (leaf.fact for leaf in choice.leaves() if leaf.fact is not None):
            if source not in lengths:
                lengths[source] = _lengths(cases, source, what, problems)
    if problems:
        raise InputError(problems)
    first_rings: dict[str, Integers] = {}
    for timing in timings:
        if timing.at_fact is not None:
            first_rings[timing.event] = _dated(cases, timing.at_fact)
        elif timing.began is not None and timing.after is not None:
            first_rings[timing.event] = _Begun(cases, timing, timing.began, lengths).rings(path, timing.after)
    return CaseTimes(lengths, first_rings)


def _lengths(cases: Cases, source: FromFact, what: str, problems: list[str]) -> Integers:
    values = np.asarray(cases.columns.values[source.fact], np.float64)
    missing = cases.columns.missing.get(source.fact, np.zeros(len(cases), bool))
    negative = np.flatnonzero((values < 0) & ~missing)
    if len(negative):
        i = int(negative[0])
        problems.append(
            f"{what}: {len(negative):,} of {len(cases):,} cases have a negative {source.fact!r}; the first is case {i} of"
            f" {cases.scenario.courts[int(cases.court[i])]}, with {values[i]:g}. A length of time is at least 0: give the fact"
            " a minimum of 0 in the workflow, or bounds with within:."
        )
    lengths: Integers = np.rint(np.clip(values * source.unit, 0.0, float(FAR))).astype(np.int64)
    lengths[missing] = FAR
    return lengths


def _dates(cases: Cases, fact: str) -> tuple[Integers, NDArray[np.bool_]]:
    """Return 00:00 of each case's date, and whether it has one."""
    days = days_of(cases.columns.values[fact]) - cases.scenario.epoch.day
    missing = cases.columns.missing.get(fact)
    return days * MICROSECONDS_PER_DAY, np.ones(len(cases), bool) if missing is None else ~missing


def _dated(cases: Cases, fact: str) -> Integers:
    """Return the dates on which an event happens to each case; dates before the case enters the run never come."""
    at, present = _dates(cases, fact)
    return np.where(present & (at >= np.maximum(cases.arrived, 0)), at, NO_CLOCK)


class _Begun:
    """The clock of an event that has run since a date fact of each case."""

    def __init__(self, cases: Cases, timing: EventTiming, fact: str, lengths: Mapping[FromFact, Integers]) -> None:
        self.cases, self.timing, self.lengths = cases, timing, lengths
        self.scenario: Scenario = cases.scenario
        self.entered = np.maximum(cases.arrived, 0)
        self.began, self.present = _dates(cases, fact)
        self.offset, self.days = self._working_days()

    def _working_days(self) -> tuple[int, Calendar | None]:
        """Return the working days from the first date on, and by how much its time 0 is before that of the run."""
        spec, epoch = self.timing.calendar, self.scenario.epoch
        if spec is None or self.timing.working_days is None:
            return 0, None
        first = epoch.date(int(self.began[self.present].min(initial=0)))
        calendar = spec.compile(self.timing.working_days.name, Epoch(first), self.scenario.ends)
        return epoch.microseconds(self.scenario.starts) - epoch.microseconds(first), calendar.working_days()

    def rings(self, path: Draws, after: Choice[Length]) -> Integers:
        """Return when each clock first rings."""
        cases, fields, name = self.cases, self.scenario.namespace.fields, self.timing.event
        rings = np.where(self.present, np.int64(FAR), np.int64(NO_CLOCK))
        runs = self.present.copy()
        if self.timing.chance is not None:
            lottery = path.many(cases.keys, f"chance:{name}", 0)[0]
            for share, rows in self.timing.chance.rows(cases.columns, fields, self.began):
                runs[rows] &= lottery[rows] < share * 2.0**53
        bits = path.many(cases.keys, f"event:{name}", 0)[0]
        numbers = np.arange(len(cases))
        for length, rows in after.rows(cases.columns, fields, self.began):
            mine = numbers[rows][runs[rows]]
            rings[mine] = np.maximum(self._rings(length, mine, bits[mine]), self.entered[mine])
        return rings

    def _rings(self, length: Length, rows: Integers, bits: Integers) -> Integers:
        began = self.began[rows]
        if length.months is not None:
            first = self.scenario.epoch.day
            days = began // MICROSECONDS_PER_DAY + first
            later: Integers = np.asarray(add_months(days, length.months, VECTOR), np.int64) - first
            return later * MICROSECONDS_PER_DAY
        if length.fact is not None:
            return self._after(began, self.lengths[length.fact][rows])
        if length.distribution.constant:
            return self._after(began, np.full(len(rows), round(length.distribution.values[0]), np.int64))
        over = self._elapsed(began, self.entered[rows])
        return self._after(began, _drawn_beyond(length.distribution, over, bits))

    def _elapsed(self, began: Integers, entered: Integers) -> Integers:
        """Return the time that each clock has run when its case enters the run, at least 0."""
        days = self.days
        if days is None:
            elapsed: Integers = np.maximum(entered - began, 0)
            return elapsed
        worked = [days.working_time(int(t) + self.offset) for t in (*entered, *began)]
        return np.maximum(np.array(worked[: len(began)], np.int64) - np.array(worked[len(began) :], np.int64), 0)

    def _after(self, began: Integers, lengths: Integers) -> Integers:
        days = self.days
        if days is None:
            ends: Integers = np.where(lengths >= FAR, np.int64(FAR), began + np.minimum(lengths, FAR // 2))
            return ends
        completed = [days.complete(int(b) + self.offset, int(n)) for b, n in zip(began, lengths, strict=True)]
        return np.array([FAR if end is None else end - self.offset for end in completed], np.int64)


def _drawn_beyond(distribution: Distribution, least: Integers, bits: Integers) -> Integers:
    """Draw lengths on the condition that each is at least a given one, each from one uniform.

    With F the distribution function, u becomes F(least) + u * (1 - F(least)): the uniforms whose lengths are long enough,
    in their order. If there are none, the length is the given one.
    """
    distinct, of_case = np.unique(least, return_inverse=True)
    low, high = np.zeros(len(distinct), np.int64), np.full(len(distinct), _ALL, np.int64)
    while (low < high).any():  # the first k whose length is long enough
        middle = (low + high) >> 1
        enough = np.rint(distribution.draw_many(2 * np.minimum(middle, _ALL - 1) + 1)) >= distinct
        undecided = low < high
        low, high = np.where(undecided & ~enough, middle + 1, low), np.where(undecided & enough, middle, high)
    first = low[of_case.ravel()]
    k = first + np.floor(bits * 2.0**-53 * (_ALL - first)).astype(np.int64)
    drawn = np.rint(np.minimum(distribution.draw_many(2 * np.minimum(k, _ALL - 1) + 1), float(FAR)))
    lengths: Integers = np.maximum(drawn.astype(np.int64), least)
    return lengths
