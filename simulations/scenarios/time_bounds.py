"""Bounds on time from a scenario: how long its delays take and when its clocks ring, where that has an end.

Work that waits for a pool has no upper bound, because a queue has none. Distributions with a tail have none either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from simulations.scenarios.quantities import Choice, Length
from simulations.scenarios.scenario import EventTiming, Scenario, Work
from workflow.errors import InputError
from workflow.files.validation import format_names
from workflow.model.definition import Workflow
from workflow.model.time_bounds import Bounds, EventClock, TimeRange
from workflow.model.time_limits import ELAPSED, TimeLimit


def bounds_of(scenario: Scenario, workflow: Workflow) -> Bounds:
    """Return the bounds on time that a scenario gives.

    Parameters
    ----------
    workflow : Workflow
        What is to be proved about; it may be a variant of the scenario's.

    Raises
    ------
    InputError
        If the scenario is about another workflow.
    """
    unknown = [*(scenario.work.keys() - workflow.activities.keys()), *(scenario.event_timings.keys() - workflow.events.keys())]
    if unknown:
        names = format_names(sorted(unknown))
        raise InputError([f"{scenario.name}: the workflow {workflow.name} has no {names}; give a scenario of this workflow"])
    stays: dict[str, tuple[TimeRange, ...]] = {}
    unbounded: dict[str, str] = {}
    loose: dict[str, str] = {}
    for state in workflow.states.values():
        work = scenario.work.get(state.activity or "")
        if work is None:
            continue
        time, why = _time_of_work(work)
        if time is not None:
            stays[state.name] = (time,)
        if why is not None:
            unbounded[state.name] = why
        elif (differs := _differs(work.takes, workflow)) is not None:
            loose[state.name] = differs
    clocks: dict[str, EventClock] = {}
    for name, timing in scenario.event_timings.items():
        clock, why = _clock(timing, scenario.transition_names, workflow)
        if clock is not None:
            clocks[name] = clock
        if why is not None:
            loose[name] = why
    return Bounds(stays, clocks, unbounded, loose)


def _time_of_work(work: Work) -> tuple[TimeRange | None, str | None]:
    """Return how long work takes, and why it has no upper bound, if it has none."""
    least, most, why = _range(work.takes)
    if work.working_days is not None:
        return None, "the scenario counts working days of its calendar: give a bound under bounds:"
    if work.pool is not None:
        most, why = None, f"it waits for the pool {work.pool}"
    return _time_range(least, most), why


def _time_range(least: int, most: int | None) -> TimeRange | None:
    if most is None and least <= 0:
        return None
    return TimeRange(_elapsed(least) if least > 0 else None, None if most is None else _elapsed(most))


def _elapsed(microseconds: int) -> TimeLimit:
    return TimeLimit(Fraction(microseconds, ELAPSED["minutes"]), "minutes")


def _range(lengths: Choice[Length]) -> tuple[int, int | None, str | None]:
    """Return the shortest and the longest of some lengths in microseconds, and why there is no longest."""
    shortest, longest = [], []
    for length in lengths.leaves():
        if length.fact is not None:
            return 0, None, f"its length stands in the fact {length.fact.fact}"
        if length.months is not None:
            return 0, None, "the scenario gives calendar months: give a bound under bounds:"
        low, high = length.distribution.support
        if not math.isfinite(high):
            return max(0, math.floor(low)), None, f"{length.distribution.family} has no upper bound"
        shortest.append(max(0, math.floor(low)))
        longest.append(math.ceil(high))
    return min(shortest), max(longest), None


def _differs(lengths: Choice[Length], workflow: Workflow) -> str | None:
    """Return that lengths differ between cases in a way that a proof does not follow."""
    known = {*workflow.namespace.fields}
    return "its length differs between cases" if lengths.reads() & known else None


def _clock(timing: EventTiming, transitions: Sequence[str], workflow: Workflow) -> tuple[EventClock | None, str | None]:
    """Return the clock of an event, and what else is known of it."""
    if timing.dates or timing.at_fact is not None:
        return None, "the scenario has its dates"
    if timing.after is None:
        return None, None
    if timing.began is not None or timing.only_waiting or timing.working_days is not None:
        return None, "its clock is not followed"
    least, most, why = _range(timing.after)
    time = _time_range(least, most)
    if time is None:
        return None, why
    since = frozenset(transitions[i] for i in timing.since) if timing.since else None
    certain = timing.chance is None or min(timing.chance.leaves()) >= 1
    loose = _differs(timing.after, workflow) or (None if timing.chance is None else _differs_chance(timing.chance, workflow))
    return EventClock(time, since, certain, timing.repeats), loose


def _differs_chance(chance: Choice[float], workflow: Workflow) -> str | None:
    return "its chance differs between cases" if chance.reads() & {*workflow.namespace.fields} else None
