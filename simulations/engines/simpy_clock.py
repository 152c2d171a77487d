"""A SimPy environment whose time is whole microseconds and whose events are kept by day.

Events of the current day are in SimPy's queue. Events of a later day are in a list, which is added to the queue when
that day begins, so the heap stays small. The order of events is the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

import simpy

from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.errors import InputError


class ScheduledCall(simpy.Event):
    """A SimPy event at an absolute time that calls one function with one value."""

    __slots__ = ("call", "with_")

    def __init__(self, call: Callable[[Any], None], with_: Any) -> None:
        self.call = call
        self.with_ = with_

    def cancel(self) -> None:
        """Cancel the call."""
        self.call = _nothing


def _nothing(_: Any) -> None:
    pass


class SimpyClock(simpy.Environment):
    """A SimPy environment whose time is a whole number of microseconds.

    Parameters
    ----------
    settle : callable
        Called when no event is left at an instant and `unsettled` is not empty.

    Attributes
    ----------
    unsettled : set of int
        Numbers of the stations that changed at this instant; `settle` empties it.
    """

    _now: int

    def __init__(self, settle: Callable[[], None]) -> None:
        super().__init__()
        self.settle = settle
        self.unsettled: set[int] = set()
        self._midnight = MICROSECONDS_PER_DAY  # every event before it is in the queue
        self._later: dict[int, list[Any]] = {}
        self._days: list[int] = []  # a heap of the days in `_later`

    def at(self, time: int, priority: int, call: Callable[[Any], None], with_: Any) -> ScheduledCall:
        """Schedule ``call(with_)`` at an absolute time; `priority` orders the events of one instant."""
        scheduled = ScheduledCall(call, with_)
        event = (time, priority, next(self._eid), scheduled)
        if time < self._midnight:
            heappush(self._queue, event)  # type: ignore[misc]
            return scheduled
        day = time // MICROSECONDS_PER_DAY
        if day in self._later:
            self._later[day].append(event)
        else:
            self._later[day] = [event]
            heappush(self._days, day)
        return scheduled

    def schedule(self, event: simpy.Event, priority: Any = 1, delay: Any = 0) -> None:
        """Schedule a user's event; its delay must be whole microseconds."""
        try:
            whole = operator.index(delay)
        except TypeError:
            raise InputError([f"a delay in a SimPy process is a whole number of microseconds, not {delay!r}"]) from None
        super().schedule(event, priority, whole)

    def peek(self) -> Any:
        """Return the time of the next event, infinite if there is none."""
        later = min(self._later[self._days[0]])[0] if self._days else float("inf")
        return min(super().peek(), later)

    def comes_before(self, time: int, priority: int) -> bool:
        """Return whether an event of the current day is scheduled before a time and priority."""
        return bool(self._queue) and self._queue[0][:2] < (time, priority)

    def run_to(self, horizon: int) -> None:
        """Run every event up to and at the horizon: users' events through SimPy, the engine's own directly."""
        queue = self._queue
        while True:
            if not queue or queue[0][0] > self._now:
                if self.unsettled:
                    self.settle()
                    continue
                if not queue or queue[0][0] >= self._midnight:
                    if not queue and not self._days:
                        return
                    self._next_day()
                if queue[0][0] > horizon:
                    return
            if type(queue[0][3]) is ScheduledCall:
                self._now, _, _, scheduled = heappop(queue)  # type: ignore[assignment]
                scheduled.call(scheduled.with_)  # type: ignore[attr-defined]
            else:
                self.step()

    def _next_day(self) -> None:
        """Add the events of the next day that has any to the queue, where users' events already are."""
        queue, days = self._queue, self._days
        day = min([int(event[0]) // MICROSECONDS_PER_DAY for event in queue[:1]] + days[:1])
        self._midnight = (day + 1) * MICROSECONDS_PER_DAY
        if days and days[0] == day:
            queue += self._later.pop(heappop(days))
            heapify(queue)
