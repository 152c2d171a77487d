"""A time limit with the bounds under which it is decided, and what time has to do with a row of a history."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

from workflow.model.definition import Workflow
from workflow.model.rules import Rule
from workflow.model.time_bounds import Bounds
from workflow.model.time_limits import DAY, TimeLimit
from workflow.proving.lengths import LengthOfTime, StartDates

OBLIGATION, STAY = 1, 2
"""The clocks since the obligation was opened, and since the state was entered. Those of events follow."""

Reading = tuple[int, TimeLimit]
"""A clock, and a length of time with which it is compared."""

NO_TIME = TimeLimit(0, "minutes")

R = TypeVar("R")


class Timing:
    """A rule with a time limit, and the bounds on time under which it is decided.

    Attributes
    ----------
    elapsed : bool
        Whether times are in microseconds, else in days.
    exact : bool
        Whether each length of time is the same number whatever the date. If not, zones have every history, and some more.
    """

    def __init__(self, workflow: Workflow, rule: Rule, bounds: Bounds) -> None:
        assert rule.within is not None
        self.workflow, self.rule, self.within, self.bounds = workflow, rule, rule.within, bounds
        self._limits = [self.within, *bounds.limits]
        self.dates = StartDates(self._limits)
        self.elapsed = any(limit.is_elapsed for limit in self._limits)
        self._lengths = {limit: LengthOfTime(limit, self.dates) for limit in {*self._limits, NO_TIME}}
        self.exact = self.dates.any_date and all(limit.is_elapsed == self.elapsed for limit in self._limits)
        self.events = tuple(event for event in workflow.events if event in bounds.clocks)

    def length(self, limit: TimeLimit) -> LengthOfTime:
        """Return a time limit as functions of its begin."""
        return self._lengths[limit]

    def allowed(self, limit: TimeLimit) -> int:
        """Return how long something may take that is bounded by a limit, at most."""
        return self._lengths[limit].in_unit(self.elapsed)[1]

    def required(self, limit: TimeLimit) -> int:
        """Return how long something takes that is bounded from below, at least."""
        return self._lengths[limit].in_unit(self.elapsed)[2]

    @cached_property
    def limit(self) -> int:
        """Return how long an obligation may stay open whatever the date."""
        return self._lengths[self.within].in_unit(self.elapsed)[0]

    @cached_property
    def greatest(self) -> list[int]:
        """Return the greatest number with which each clock but that of the obligation is compared."""
        stays = [time for times in self.bounds.stays.values() for time in times]
        clocks = [[self.bounds.clocks[event].time] for event in self.events]
        return [max([0, *(self.allowed(limit) for time in of for limit in time.limits)]) for of in ([], [], stays, *clocks)]

    @cached_property
    def times_of_day(self) -> list[int]:
        """Return the times of day at which an obligation is taken to open: where lengths of days and of hours meet at midnight."""
        if not self.elapsed:
            return [0]
        hours = [self.length(limit).in_unit(True)[0] for limit in self._limits if limit.is_elapsed]
        return sorted({0, DAY - 1, *(-length % DAY for length in hours)})


@dataclass(frozen=True, slots=True)
class Step:
    """What time has to do with a row: the waiting before it, and the row.

    Attributes
    ----------
    waits : tuple of Reading, or None
        The clocks that bound the waiting from above; ``None`` if no time passes.
    needs : tuple of Reading
        The clocks that must have reached a length of time.
    restarts : tuple of int
        The clocks that the row starts anew.
    """

    waits: tuple[Reading, ...] | None
    needs: tuple[Reading, ...] = ()
    restarts: tuple[int, ...] = ()


class Clocks(Protocol[R]):
    """Sets of readings of all clocks, in one of two forms: zones, or the latest times for each start date."""

    def start(self) -> R:
        """Return the readings at the beginning of a case."""
        ...

    def wait(self, readings: R, waits: tuple[Reading, ...] | None) -> R | None:
        """Return the readings while a case stays where it is; ``None`` if it can not even come there."""
        ...

    def reach(self, waited: R, needs: tuple[Reading, ...]) -> R | None:
        """Return those of the readings at which clocks have reached lengths of time; ``None`` if there are none."""
        ...

    def row(self, waited: R, restarts: Collection[int], is_open: bool, asked: int | None) -> R:
        """Return the readings after a row.

        Parameters
        ----------
        is_open : bool
            Whether an obligation is open then.
        asked : int or None
            Longer times of the clock of the obligation need not be told apart; ``None`` to tell all apart.
        """
        ...

    def contains(self, readings: R, others: R) -> bool:
        """Return whether every history that goes on from other readings can go on from some of these, at least as late."""
        ...

    def open_for(self, waited: R) -> tuple[int, bool]:
        """Return for how long the obligation has been open at most, and whether that is too long."""
        ...

    def grows(self, before: R, after: R) -> bool:
        """Return whether a round from the one to the other can be repeated, and the obligation is open for longer each time."""
        ...
