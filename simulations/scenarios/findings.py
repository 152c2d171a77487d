"""What a scenario says that its author can hardly mean: work that may not fit into a shift, that can never start, or never end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulations.scenarios.fitting import work_that_may_not_fit, work_that_never_ends
from simulations.scenarios.quantities import Length
from simulations.scenarios.scenario import Scenario, Work
from workflow.files.validation import format_names


def findings(scenario: Scenario) -> list[str]:
    """Return a warning for each finding."""
    return [
        *work_that_may_not_fit(scenario),
        *work_that_never_ends(scenario),
        *work_that_never_starts(scenario),
        *work_without_a_date(scenario),
    ]


def work_that_never_starts(scenario: Scenario) -> list[str]:
    """Return a warning for each activity, and each number of servers of it, whose work can start at no instant of the run.

    Sizes and calendars are looked at, not suspensions, slots or cases. Servers that only some cases need count for these alone.
    """
    found = []
    for work in scenario.work.values():
        courts: dict[str, list[str]] = {}
        for court, name in enumerate(scenario.courts) if work.pool is not None else ():
            for message in _reasons(scenario, work, court):
                courts.setdefault(message, []).append(name)
        for message, names in courts.items():
            where = f" at {format_names(names)}" if len(names) < len(scenario.courts) else ""
            found.append(f"activity {work.activity!r}: work{where} {message}")
    return found


def work_without_a_date(scenario: Scenario) -> list[str]:
    """Return a warning for each activity whose cases get no hearing date, since no date has as many slots, or all are too early."""
    found = []
    for work in scenario.work.values():
        dated, stations = work.appointment, scenario.hearing_dates.get(work.pool or "", ())
        courts: dict[str, list[str]] = {}
        for court, name in enumerate(scenario.courts) if dated is not None else ():
            dates = stations[court if len(stations) > 1 else 0]
            slots = np.where(np.minimum(dates.closed_from, dates.suspended_from) > 0, dates.slots, 0)
            most = int(slots.max(initial=0))
            needed = max(dated.uses, 1)  # type: ignore[union-attr]
            notice = min(_fixed_length(length) for length in dated.at_least.leaves())  # type: ignore[union-attr]
            if needed > most and _on_shift(scenario, str(work.pool), court)[1].any():
                message = f"get no hearing date: they take {needed} of the slots of a date, and no date has more than {most}"
                courts.setdefault(f"{message}. Change slots, size, overbook or uses", []).append(name)
            elif len(dates.closes) and notice > int(dates.closes[-1]):
                message = "get no hearing date: at_least is longer than dates are known ahead"
                courts.setdefault(message, []).append(name)
        for message, names in courts.items():
            where = f" at {format_names(names)}" if len(names) < len(scenario.courts) else ""
            found.append(f"activity {work.activity!r}: cases{where} {message}")
    return found


def _fixed_length(length: Length) -> float:
    """Return the least microseconds of a fixed length; 0 for one of a fact."""
    return 0.0 if length.fact is not None else float(length.distribution.mean)


def _reasons(scenario: Scenario, work: Work, court: int) -> Iterator[str]:
    """Yield why work never starts at a court."""
    needs = [(group, sorted({n for n in group[0].count.leaves() if n > 0})) for group in work.groups]
    for group, counts in needs:
        pools = format_names(need.pool for need in group)
        most = max(int(_on_shift(scenario, need.pool, court)[1].max()) for need in group)
        for n in (n for n in counts if n > most):
            if most:
                yield f"that needs {n} servers of {pools} never starts: at most {most} are on shift. Change the size, or the count in needs"
            else:
                yield f"that needs {pools} never starts: no server is ever on shift. Change the size or the calendar"
                break
    always = [(group, counts[0]) for group, counts in needs if group[0].when is None and 0 not in group[0].count.leaves()]
    shifts = [[_on_shift(scenario, need.pool, court) for need in group] for group, _ in always]
    if all(max(size.max() for _, size in group) >= n for group, (_, n) in zip(shifts, always, strict=True)):
        at = np.unique(np.concatenate([times for group in shifts for times, _ in group]))
        able = [
            np.any([size[np.searchsorted(times, at, side="right") - 1] >= n for times, size in group], axis=0)
            for group, (_, n) in zip(shifts, always, strict=True)
        ]
        if not np.all(able, axis=0).any():
            listed = " and ".join(f"{n} of {format_names(need.pool for need in group)}" for group, n in always)
            yield f"never starts: {listed} are never on shift together. Change the sizes or the calendars"


def _on_shift(scenario: Scenario, pool: str, court: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the instants at which the number of servers on shift may change, the first one 0, and the number from each on."""
    spec = scenario.pools[pool]
    station = court if spec.at_court else 0
    opens, closes, _ = spec.calendars[station].arrays()
    times, sizes = np.array(spec.sizes[station], np.int64).T
    at = np.unique(np.concatenate([np.zeros(1, np.int64), opens, closes, times]))
    at = at[(at >= 0) & (at <= scenario.horizon)]
    is_open = np.searchsorted(opens, at, side="right") > np.searchsorted(closes, at, side="right")
    return at, np.where(is_open, sizes[np.searchsorted(times, at, side="right") - 1], 0)
