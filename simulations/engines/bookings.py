"""The cases that are booked for the hearing dates of a station."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulations.engines.free_dates import NO_DATE, NO_SLOTS, FreeDates
from simulations.scenarios.hearing_dates import HearingDates
from simulations.timing.calendars import Calendar
from simulations.timing.clock import MICROSECONDS_PER_DAY


@dataclass(slots=True)
class Booking:
    """A case's booking: the index of its date, the slots that it takes, and whether suspensions do not concern it.

    Bookings are numbered in their order. A case that no date has room for has the date `NO_DATE`.
    """

    date: int
    uses: int
    exempt: bool
    number: int
    called: bool = False


class Bookings:
    """The hearing dates of a station, and who is booked for them.

    Parameters
    ----------
    dates : HearingDates
    working_days : Calendar
        Of the station, for notice that is given in working days.

    Attributes
    ----------
    booked : dict of int to dict of int to Case
        For each date, the cases that are booked for it and not called yet, in the order of booking.
    calling : int
        The date that has begun and is not over, or `NO_DATE`.
    """

    __slots__ = ("_closed", "_closes", "_days", "_free", "_n", "_suspended", "_used", "booked", "calling", "dates", "working_days")  # fmt: skip

    def __init__(self, dates: HearingDates, working_days: Calendar) -> None:
        self.dates = dates
        self.working_days = working_days
        self.booked: dict[int, dict[int, Any]] = {}
        self.calling = NO_DATE
        self._days, self._closes = dates.days.tolist(), dates.closes.tolist()
        self._closed = set(np.flatnonzero((dates.closed_from <= 0) | (dates.slots == 0)).tolist())
        self._suspended = np.flatnonzero(dates.suspended_from <= 0).tolist()
        self._used = [0] * len(self._days)
        self._n = 0
        self._free = FreeDates([self._room(k, slots) for k, slots in enumerate(dates.slots.tolist())])

    def day(self, booking: Booking) -> int:
        """Return the date of a booking in days since the start, -1 if there is none."""
        return -1 if booking.date == NO_DATE else self._days[booking.date]

    def since(self, time: int) -> int:
        """Return the index of the first date that is not over at a time."""
        return bisect_right(self._closes, time)

    def after(self, time: int) -> int:
        """Return the index of the first date after the day of a time."""
        return bisect_right(self._days, time // MICROSECONDS_PER_DAY)

    def book(self, case: Any, since: int, uses: int, exempt: bool) -> Booking:
        """Book a case for the first date from an index on that has enough free slots."""
        date = self._free.first(since, uses)
        if exempt:
            for k in self._suspended[bisect_left(self._suspended, since) :]:
                if NO_DATE < date < k:
                    break
                if k not in self._closed and self.dates.slots[k] - self._used[k] >= uses:
                    date = k
                    break
        self._n += 1
        booking = Booking(date, uses, exempt, self._n)
        if date != NO_DATE:
            self.booked.setdefault(date, {})[case.number] = case
            self._take(date, uses)
        return booking

    def call(self, case: Any) -> None:
        """Note that a case is called: its slot is used."""
        booking = case.booking
        booking.called = True
        del self.booked[booking.date][case.number]

    def cancel(self, case: Any) -> None:
        """Free the slots of a case that is not called."""
        booking = case.booking
        if booking.date != NO_DATE:
            del self.booked[booking.date][case.number]
            self._take(booking.date, -booking.uses)

    def announce(self, time: int) -> list[Any]:
        """Close the dates of which it becomes known now; return the cases that are booked for them, in order."""
        closed = np.flatnonzero(self.dates.closed_from == time).tolist()
        suspended = np.flatnonzero(self.dates.suspended_from == time).tolist()
        self._closed.update(closed)
        self._suspended = sorted({*self._suspended, *suspended})
        hit = []
        for k in sorted({*closed, *suspended}):
            self._free.put(k, NO_SLOTS)
            hit += [case for case in self.booked.get(k, {}).values() if k in self._closed or not case.booking.exempt]
        return hit

    def _take(self, k: int, n: int) -> None:
        self._used[k] += n
        self._free.put(k, self._room(k, int(self.dates.slots[k])))

    def _room(self, k: int, slots: int) -> int:
        """Return the number of free slots of a date for cases that are not exempt; without slots, not even for a case that uses none."""
        at = bisect_left(self._suspended, k)
        suspended = at < len(self._suspended) and self._suspended[at] == k
        return NO_SLOTS if k in self._closed or suspended else slots - self._used[k]
