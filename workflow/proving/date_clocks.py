"""Clocks of a timed search as dates: for each date on which the obligation may open, the latest time at which a state is entered.

Without clocks of events, the latest time decides: whoever enters a state later can leave it later, and what can happen
there does not depend on the time. So lengths of months and working days are followed exactly, date by date.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workflow.model.time_limits import DAY
from workflow.proving.lengths import NEVER
from workflow.proving.timing import OBLIGATION, STAY, Reading, Timing

Integers = NDArray[np.int64]


class Latest(NamedTuple):
    """The latest instants, for each instant at which the obligation may have been opened; ``None`` if none is open.

    Attributes
    ----------
    entered : ndarray of int64, or None
        When the state was entered.
    now : ndarray of int64, or None
    """

    entered: Integers | None
    now: Integers | None


class DateClocks:
    """The readings of clocks as latest times (see `workflow.proving.timing.Clocks`).

    Parameters
    ----------
    timing : Timing
        Without bounds on the times of events.
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.opened: Integers = np.concatenate([timing.dates.days * DAY + at for at in timing.times_of_day])
        self.due = timing.length(timing.within).last(self.opened)

    def start(self) -> Latest:
        """Return the readings at the beginning of a case."""
        return Latest(None, None)

    def wait(self, readings: Latest, waits: tuple[Reading, ...] | None) -> Latest | None:
        """Return the readings while a case stays; ``None`` if it can not even come there."""
        entered = readings.entered
        if entered is None or waits is None:
            return readings
        now = np.full(len(entered), NEVER, np.int64)
        for _, limit in waits:
            now = np.minimum(now, self.timing.length(limit).last(entered))
        return Latest(entered, now)

    def reach(self, waited: Latest, needs: tuple[Reading, ...]) -> Latest | None:
        """Return those of the readings at which clocks have reached lengths of time."""
        return waited

    def row(self, waited: Latest, restarts: Collection[int], is_open: bool, asked: int | None) -> Latest:
        """Return the readings after a row."""
        if not is_open:
            return self.start()
        if waited.now is None or OBLIGATION in restarts:
            return Latest(self.opened, self.opened)
        return Latest(waited.now, waited.now) if STAY in restarts else Latest(waited.entered, waited.now)

    def contains(self, readings: Latest, others: Latest) -> bool:
        """Return whether every history from other readings can also go on from some of these, at least as late."""
        if readings.entered is None or others.entered is None:
            return others.entered is None
        return bool((readings.entered >= others.entered).all())

    def open_for(self, waited: Latest) -> tuple[int, bool]:
        """Return for how long the obligation has been open at most, and whether that is too long."""
        assert waited.now is not None
        took = waited.now - self.opened if self.timing.elapsed else waited.now // DAY - self.opened // DAY
        late = waited.now > self.due
        return int(took[late].max() if late.any() else took.max()), bool(late.any())

    def grows(self, before: Latest, after: Latest) -> bool:
        """Return whether a round takes days, whatever the date; the next one then does, too."""
        if before.entered is None or after.entered is None:
            return False
        return bool((after.entered // DAY > before.entered // DAY).all())
