"""Work that does not fit into the shifts of its pool, under ``at_shift_end: fit``."""

from __future__ import annotations

from collections.abc import Iterator

from simulations.scenarios.scenario import Pool, Scenario, Work
from simulations.timing.calendars import FAR, Calendar, ShiftEnd
from simulations.timing.clock import MICROSECONDS_PER_HOUR

_LEAST_SHARE = 0.0005


def work_that_may_not_fit(scenario: Scenario) -> list[str]:
    """Return a warning for each pool with ``fit`` and activity whose work may be longer than the pool's shortest shift."""
    return list(_warnings(scenario))


def _warnings(scenario: Scenario) -> Iterator[str]:
    for work in scenario.work.values():
        pool = scenario.pools.get(work.pool or "")
        if pool is None or pool.at_shift_end != ShiftEnd.FIT:
            continue
        warned: set[tuple[int, int]] = set()
        for calendar in pool.calendars:
            lengths = [close - open_ for open_, close in zip(calendar.opens, calendar.closes, strict=True)]
            shortest, longest = min(lengths, default=FAR), calendar.longest
            shares = [_share_longer(work, length) for length in (shortest, longest)]
            if shares[0] >= _LEAST_SHARE and (shortest, longest) not in warned:
                warned.add((shortest, longest))
                yield _warning(work, pool, calendar, (shortest, longest), (shares[0], shares[1]))


def _share_longer(work: Work, length: int) -> float:
    """Return the largest share of the activity's lengths that are longer, over its distributions; lengths from facts are not known."""
    return max((1 - float(leaf.distribution.cdf(length)) for leaf in work.takes.leaves() if leaf.fact is None), default=0.0)


def _warning(work: Work, pool: Pool, calendar: Calendar, lengths: tuple[int, int], shares: tuple[float, float]) -> str:
    up_to = "up to " if len(work.takes.leaves()) > 1 else ""
    shortest, longest = (f"{length / MICROSECONDS_PER_HOUR:.3g} h" for length in lengths)
    over = "" if lengths[0] == lengths[1] else f", and {up_to}{shares[1]:.1%} longer than the longest, {longest}"
    return (
        f"pool {pool.name!r} has at_shift_end: fit. {up_to.capitalize()}{shares[0]:.1%} of the work of {work.activity!r} is"
        f" longer than the shortest interval of the calendar {calendar.name!r}, {shortest}{over}. While the first case of the"
        " queue does not fit, no case behind it starts; work that is longer than every interval starts at an opening and runs"
        f" over. See idle_behind_unfit.{pool.name} and overtime_of_long_work.{pool.name}; at_shift_end: suspend has neither"
    )
