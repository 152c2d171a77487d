"""The dates of an outside event with a hazard, for the SimPy engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulations.chance.distributions import make_distribution
from simulations.scenarios.quantities import Choice

LONGEST = 2.0**62
NEVER_COMES = 2**62

UNIT = make_distribution("exponential", {"mean": 1.0})


class Hazard:
    """A hazard that may differ between cases and change on dates.

    The next date is the time at which the integral of the rate has grown by an exponential number of mean 1.

    Parameters
    ----------
    rate : Choice of float
        Events per microsecond.
    facts, record : sequence of str
        Names of the facts and record fields of a case.
    """

    __slots__ = ("_dates", "_pickers")

    def __init__(self, rate: Choice[float], facts: Sequence[str], record: Sequence[str]) -> None:
        steps = rate.steps or ((0, rate),)
        self._dates = [date for date, _ in steps]
        self._pickers = [choice.picker(facts, record) for _, choice in steps]

    def next_date(self, facts: Sequence[Any], record: Sequence[Any], bits: int, since: int) -> int:
        """Return the next date after a time, in microseconds since the start, from the numerator of a uniform.

        The kernel calculates it with the same operations, in the same order.
        """
        left, at = float(UNIT.draw(bits)), since
        for k, picker in enumerate(self._pickers):
            until = self._dates[k + 1] if k + 1 < len(self._dates) else None
            if until is not None and until <= at:
                continue
            rate = picker(facts, record)
            if until is None or left < rate * (until - at):
                return at + round(min(left / rate, LONGEST)) if rate > 0 else NEVER_COMES
            left -= rate * (until - at)
            at = until
        return NEVER_COMES
