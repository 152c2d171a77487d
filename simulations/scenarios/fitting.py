"""Work that is longer than the shifts of its pool, under ``at_shift_end: fit``, ``restart`` and ``resample``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simulations.scenarios.quantities import Choice, Length
from simulations.scenarios.scenario import Pool, Scenario, Work
from simulations.timing.calendars import FAR, Calendar, ShiftEnd, common_calendar
from simulations.timing.clock import MICROSECONDS_PER_HOUR

_LEAST_SHARE = 0.0005


def work_that_may_not_fit(scenario: Scenario) -> list[str]:
    """Return a warning for each pool with ``fit`` and activity whose work may be longer than the pool's shortest shift."""
    return list(_warnings(scenario))


def work_that_never_ends(scenario: Scenario) -> list[str]:
    """Return a warning for each pool and activity whose work begins again in each shift and may be longer than all of them."""
    found: dict[str, None] = {}
    for work in scenario.work.values():
        for pools, takes in _doing(scenario, work):
            rule = pools[0].at_shift_end
            for calendar in _calendars(scenario, pools) if pools[0].begins_again else ():
                share = _share_longer(takes, calendar.longest)
                if share >= (_LEAST_SHARE if rule == ShiftEnd.RESTART else 1):
                    up_to = "up to " if len(takes.leaves()) > 1 else ""
                    found[
                        f"pool {pools[0].name!r} has at_shift_end: {rule}. {up_to.capitalize()}{share:.1%} of the work of"
                        f" {work.activity!r} is longer than the longest interval of the calendar {calendar.name!r},"
                        f" {calendar.longest / MICROSECONDS_PER_HOUR:.3g} h: it begins again in each shift and never ends."
                        " at_shift_end: suspend continues it"
                    ] = None
    return list(found)


def _warnings(scenario: Scenario) -> Iterator[str]:
    for work in scenario.work.values():
        warned: set[tuple[tuple[str, ...], int, int]] = set()
        for pools, takes in _doing(scenario, work):
            if pools[0].at_shift_end != ShiftEnd.FIT:
                continue
            for calendar in _calendars(scenario, pools):
                lengths = [close - open_ for open_, close in zip(calendar.opens, calendar.closes, strict=True)]
                shortest, longest = min(lengths, default=FAR), calendar.longest
                shares = [_share_longer(takes, length) for length in (shortest, longest)]
                key = tuple(pool.name for pool in pools), shortest, longest
                if shares[0] >= _LEAST_SHARE and key not in warned:
                    warned.add(key)
                    yield _warning(work, pools, calendar, (shortest, longest), (shares[0], shares[1]))


def _doing(scenario: Scenario, work: Work) -> Iterator[tuple[list[Pool], Choice[Length]]]:
    """Yield the pools that may do the work together, and how long they take."""
    if work.pool is not None:
        for names, takes in [(team.pools, team.takes) for team in work.teams] or [((work.pool,), work.takes)]:
            yield [scenario.pools[name] for name in names], takes


def _calendars(scenario: Scenario, pools: Sequence[Pool]) -> list[Calendar]:
    """Return the time that pools have in common, at each court or for the nation; of conditional needs as if they were met."""
    courts = range(len(scenario.courts)) if any(pool.at_court for pool in pools) else [0]
    together = dict.fromkeys(tuple(pool.calendars[court if pool.at_court else 0] for pool in pools) for court in courts)
    return [common_calendar(calendars) for calendars in together]


def _share_longer(takes: Choice[Length], length: int) -> float:
    """Return the largest share of lengths that are longer, over their distributions; lengths from facts are not known."""
    return max((1 - float(leaf.distribution.cdf(length)) for leaf in takes.leaves() if leaf.fact is None), default=0.0)


def _warning(work: Work, pools: Sequence[Pool], calendar: Calendar, lengths: tuple[int, int], shares: tuple[float, float]) -> str:
    up_to = "up to " if any(len(takes.leaves()) > 1 for takes in work.lengths) else ""
    shortest, longest = (f"{length / MICROSECONDS_PER_HOUR:.3g} h" for length in lengths)
    over = "" if lengths[0] == lengths[1] else f", and {up_to}{shares[1]:.1%} longer than the longest, {longest}"
    who, seen = f"pool {pools[0].name!r} has", ""
    if work.teams:
        who = f"the pools of {work.activity!r} have"
    else:
        seen = f" (see idle_behind_unfit.{pools[0].name} and overtime_of_long_work.{pools[0].name})"
    return (
        f"{who} at_shift_end: fit. {up_to.capitalize()}{shares[0]:.1%} of the work of {work.activity!r} is"
        f" longer than the shortest interval of the calendar {calendar.name!r}, {shortest}{over}. While the first case of the"
        " queue does not fit, no case behind it starts; work that is longer than every interval starts at an opening and runs"
        f" over{seen}; at_shift_end: suspend has neither"
    )
