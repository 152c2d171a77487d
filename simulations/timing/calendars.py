"""When is work done? Working time in whole microseconds, as the engines ask for it.

A calendar is a set of half-open working spells. W(t), the time worked from the start up to t, is
piecewise linear and whole, so the end of suspended work is a look-up: the least t with
W(t) = W(s) + p. `simulations.timing.calendar_spec` makes it from weekly hours and dates.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.errors import InputError

__all__ = ["FAR", "Calendar", "ShiftEnd"]

FAR: Final = 2**62
"""Where an endless spell closes: 146,000 years, so that sums with it still fit into 64 bits."""


class ShiftEnd(StrEnum):
    """What becomes of work in hand when its shift ends."""

    SUSPEND = "suspend"
    """It rests off shift and goes on at the next opening."""

    FINISH = "finish"
    """It is finished; what lies off shift is overtime."""

    FIT = "fit"
    """It is started only if it ends within the spell."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working spells of one calendar over a run.

    Times are whole microseconds since the scenario's start. Build one with `CalendarSpec.compile`,
    `from_spells` or `always_open`.
    """

    name: str
    """As in the scenario file."""

    opens: tuple[int, ...]
    """Start of each spell, at least 0, increasing."""

    closes: tuple[int, ...]
    """End of each spell, itself outside; at most the next opening. Touching spells are separate."""

    worked: tuple[int, ...]
    """Working time before each spell, and after them all as one entry more."""

    days: tuple[int, ...]
    """The date each spell belongs to, in days since the start: -1 for one begun the evening before."""

    longest: int
    """Length of the longest spell, also of those after the run's end: a longer run changes no decision of `fit`."""

    holidays: tuple[tuple[str, str], ...] = ()
    """Holidays in the run: ISO date and name, whether or not the weekday has hours."""

    closed: tuple[str, ...] = ()
    """Closures in the run: ISO dates."""

    extra: tuple[tuple[str, str], ...] = ()
    """Dates in the run with hours of their own: ISO date and hours."""

    @classmethod
    def from_spells(cls, name: str, spells: Iterable[tuple[int, int]]) -> Calendar:
        """Return the calendar of given spells.

        Parameters
        ----------
        name : str
            What messages call it.
        spells : iterable of (int, int)
            Opening and closing of each, in microseconds since the start, in order; at least 0.

        Raises
        ------
        InputError
            If a spell is empty, starts before 0, or before the end of the one before it.

        Examples
        --------
        >>> Calendar.from_spells("bench", [(5, 10), (15, 30)]).complete(9, 3)
        17
        """
        listed = tuple((int(start), int(end)) for start, end in spells)
        for before, (start, end) in zip((0, *(end for _, end in listed)), listed, strict=False):
            if not before <= start < end:
                raise InputError(
                    [f"calendar '{name}': the spell from {start} to {end} is empty, or starts before {before}"]
                )
        days = tuple(start // MICROSECONDS_PER_DAY for start, _ in listed)
        return cls.build(name, listed, days, max((end - start for start, end in listed), default=0))

    @classmethod
    def always_open(cls, name: str = "always open") -> Calendar:
        """Return one endless spell: the calendar of a pool that names none."""
        return cls.build(name, ((0, FAR),), (0,), FAR)

    @classmethod
    def build(
        cls, name: str, spells: Sequence[tuple[int, int]], days: tuple[int, ...], longest: int, **dates_used: object
    ) -> Calendar:
        """Return a calendar of spells in order, with the date on which each begins and the longest there ever is."""
        worked = itertools.accumulate((end - start for start, end in spells), initial=0)
        opens, closes = tuple(start for start, _ in spells), tuple(end for _, end in spells)
        return cls(name, opens, closes, tuple(worked), days, longest, **dates_used)  # type: ignore[arg-type]

    def working_time(self, t: int) -> int:
        """Return W(t): the microseconds worked from the start up to t."""
        k = bisect_right(self.opens, t) - 1
        if k < 0:
            return 0
        return self.worked[k] + min(t, self.closes[k]) - self.opens[k]

    def spell_at(self, t: int) -> int | None:
        """Return the index of the spell that contains t, ``None`` if t is off shift."""
        k = bisect_right(self.opens, t) - 1
        return k if k >= 0 and t < self.closes[k] else None

    def next_opening(self, t: int) -> int | None:
        """Return the first opening later than t, ``None`` if there is none in the run; -1 asks for the first of all."""
        k = bisect_right(self.opens, t)
        return self.opens[k] if k < len(self.opens) else None

    def complete(self, start: int, length: int, rule: str = ShiftEnd.SUSPEND) -> int | None:
        """Return when work completes.

        Parameters
        ----------
        start : int
            When it is started, in microseconds; on shift, except that a delay may start at any time.
        length : int
            Its processing time in microseconds, at least 0. Work of length 0 ends at its start.
        rule : ShiftEnd or str
            ``suspend``: the least t >= start with W(t) = W(start) + length. ``finish`` and ``fit``:
            start + length; for ``fit`` ask `fits` first.

        Returns
        -------
        int or None
            The completion in microseconds; ``None`` if the calendar's spells end before the work does.

        Examples
        --------
        Friday 16:00 plus an hour, on Monday to Friday 08:00-16:30, is Monday 08:30:

        >>> from datetime import date
        >>> from simulations.timing.calendar_spec import parse_calendar
        >>> from simulations.timing.clock import Epoch
        >>> epoch = Epoch(date(2022, 6, 24))
        >>> office = parse_calendar({"mon-fri": "08:00-16:30"}).compile("office", epoch, date(2022, 6, 30))
        >>> str(epoch.instant(office.complete(16 * 3_600_000_000, 3_600_000_000)))
        '2022-06-27 08:30:00'
        """
        if length <= 0:
            if length < 0:
                raise ValueError(f"calendar '{self.name}': work of length {length} microseconds; it is at least 0")
            return start
        if rule != "suspend":
            if rule != "finish" and rule != "fit":
                raise ValueError(f"'{rule}' is not a rule for the end of a shift ({', '.join(ShiftEnd)})")
            return start + length
        opens, worked = self.opens, self.worked
        k = bisect_right(opens, start)
        target = worked[k] + length
        if k:
            rest = self.closes[k - 1] - start
            if length <= rest:
                return start + length
            if rest > 0:
                target -= rest
        if target > worked[-1]:
            return None
        j = bisect_left(worked, target, k + 1) - 1
        return opens[j] + target - worked[j]

    def fits(self, start: int, length: int) -> bool:
        """Return whether work may start under ``fit``.

        It may if it ends within the spell that contains `start`; work longer than the longest spell of
        the whole calendar may start at an opening, and runs over.
        """
        k = self.spell_at(start)
        if k is None:
            return False
        return start + length <= self.closes[k] or (length > self.longest and start == self.opens[k])

    def overtime(self, start: int, completion: int) -> int:
        """Return the microseconds of [start, completion) that lie off shift."""
        return completion - start - (self.working_time(completion) - self.working_time(start))

    def working_days(self) -> Calendar:
        """Return whole-day spells on the dates on which a spell starts: the calendar of a delay in working days."""
        if self._endless:
            return self
        dates = tuple(sorted({day for day in self.days if day >= 0}))
        spells = [(day * MICROSECONDS_PER_DAY, (day + 1) * MICROSECONDS_PER_DAY) for day in dates]
        used = {"holidays": self.holidays, "closed": self.closed, "extra": self.extra}
        return self.build(self.name, spells, dates, MICROSECONDS_PER_DAY, **used)

    def n_working_days(self, start: int, end: int) -> int:
        """Return how many working dates begin (at 00:00) in [start, end), both in microseconds.

        Examples
        --------
        >>> Calendar.always_open().n_working_days(0, 7 * MICROSECONDS_PER_DAY)
        7
        """
        first, last = -(-start // MICROSECONDS_PER_DAY), -(-end // MICROSECONDS_PER_DAY)
        if self._endless:
            return max(0, last - first)
        return len(set(self.days[bisect_left(self.days, first) : bisect_left(self.days, last)]))

    @property
    def _endless(self) -> bool:
        return self.closes[-1:] == (FAR,)

    @property
    def dates_used(self) -> dict[str, list[str] | list[list[str]]]:
        """Holidays, closures and extra days within the run, as plain data for a manifest."""
        return {
            "holidays": [list(pair) for pair in self.holidays],
            "closed": list(self.closed),
            "open": [list(pair) for pair in self.extra],
        }

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return `opens`, `closes` and `worked` as int64 arrays, for a kernel."""
        opens, closes, worked = (np.array(x, dtype=np.int64) for x in (self.opens, self.closes, self.worked))
        return opens, closes, worked
