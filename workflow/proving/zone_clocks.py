"""Clocks of a timed search as zones: exact where each length of time is one number, else they allow some histories more."""

from __future__ import annotations

from collections.abc import Collection

from workflow.proving.timing import OBLIGATION, STAY, Reading, Timing
from workflow.proving.zones import INFINITE, Zone


class ZoneClocks:
    """The readings of clocks as zones (see `workflow.proving.timing.Clocks`).

    Parameters
    ----------
    timing : Timing
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing

    def start(self) -> Zone:
        """Return the readings at the beginning of a case."""
        return Zone.start(STAY + len(self.timing.events))

    def wait(self, readings: Zone, waits: tuple[Reading, ...] | None) -> Zone | None:
        """Return the readings while a case stays; ``None`` if it can not even come there."""
        zone = readings.copy()
        if waits is None:
            return zone
        zone.let_time_pass()
        return zone if all(zone.at_most(clock, self.timing.allowed(limit)) for clock, limit in waits) else None

    def reach(self, waited: Zone, needs: tuple[Reading, ...]) -> Zone | None:
        """Return those of the readings at which clocks have reached lengths of time."""
        zone = waited.copy()
        return zone if all(zone.at_least(clock, self.timing.required(limit)) for clock, limit in needs) else None

    def row(self, waited: Zone, restarts: Collection[int], is_open: bool, asked: int | None) -> Zone:
        """Return the readings after a row."""
        zone, known = waited.copy(), self.timing.greatest
        for clock in restarts:
            zone.restart(clock)
        zone.forget_above([*known[:OBLIGATION], INFINITE if asked is None else asked, *known[STAY:]])
        return zone

    def contains(self, readings: Zone, others: Zone) -> bool:
        """Return whether every history from other readings can also go on from some of these, at least as late."""
        return readings.contains(others)

    def open_for(self, waited: Zone) -> tuple[int, bool]:
        """Return for how long the obligation has been open at most, and whether that is too long."""
        reach = waited.most(OBLIGATION)
        return reach, reach > self.timing.limit

    def grows(self, before: Zone, after: Zone) -> bool:
        """Return whether a round can be repeated.

        It can if the readings of all other clocks are the same, and every bound on by how much the clock of the obligation
        exceeds another has grown by the same time: nothing on the way asks that clock, so the next round adds as much.
        """
        old, new = before.rows, after.rows
        others = [i for i in range(len(old)) if i != OBLIGATION]
        grown = {new[OBLIGATION][i] - old[OBLIGATION][i] for i in others}
        return len(grown) == 1 and min(grown) > 0 and all(new[i][j] == old[i][j] for i in others for j in others)
