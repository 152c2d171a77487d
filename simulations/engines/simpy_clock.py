"""What comes next? SimPy's clock with a time of whole microseconds, and an agenda by day.

Events of the day in hand stand in SimPy's own queue, those of later days in a list for each day, which come into the
queue when that day begins: a heap of a day's events is a hundredth of one of all those of a large backlog. They run in
the same order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

import simpy

from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.errors import InputError

__all__ = ["Moment", "SimpyClock"]


class Moment(simpy.Event):
    """A SimPy event at an absolute time that calls one function with one value."""

    __slots__ = ("call", "with_")

    def __init__(self, call: Callable[[Any], None], with_: Any) -> None:
        self.call = call
        self.with_ = with_

    def cancel(self) -> None:
        """Let nothing happen when its time comes."""
        self.call = _nothing


def _nothing(_: Any) -> None:
    pass


class SimpyClock(simpy.Environment):
    """A SimPy environment whose time is a whole number of microseconds.

    Parameters
    ----------
    settle : callable
        Called when no event is left at an instant at which something came to be unsettled.

    Attributes
    ----------
    unsettled : set of int
        Numbers of the places to which something happened at this instant; `settle` empties it.
    """

    _now: int

    def __init__(self, settle: Callable[[], None]) -> None:
        super().__init__()
        self.settle = settle
        self.unsettled: set[int] = set()
        self._midnight = MICROSECONDS_PER_DAY  # every event before it is in the queue
        self._later: dict[int, list[Any]] = {}
        self._days: list[int] = []  # a heap of the days in `_later`

    def at(self, time: int, priority: int, call: Callable[[Any], None], with_: Any) -> Moment:
        """Schedule ``call(with_)`` at an absolute time; `priority` orders the events of one instant."""
        moment = Moment(call, with_)
        event = (time, priority, next(self._eid), moment)
        if time < self._midnight:
            heappush(self._queue, event)  # type: ignore[misc]
            return moment
        day = time // MICROSECONDS_PER_DAY
        if day in self._later:
            self._later[day].append(event)
        else:
            self._later[day] = [event]
            heappush(self._days, day)
        return moment

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
        """Say whether something is scheduled before such an event of this day."""
        return bool(self._queue) and self._queue[0][:2] < (time, priority)

    def run_to(self, horizon: int) -> None:
        """Run every event up to and at the horizon; a user's events as SimPy does, the engine's own directly."""
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
            if type(queue[0][3]) is Moment:
                self._now, _, _, moment = heappop(queue)  # type: ignore[assignment]
                moment.call(moment.with_)  # type: ignore[attr-defined]
            else:
                self.step()

    def _next_day(self) -> None:
        """Bring the events of the next day on which there are any into the queue; a user's are there already."""
        queue, days = self._queue, self._days
        day = min([int(event[0]) // MICROSECONDS_PER_DAY for event in queue[:1]] + days[:1])
        self._midnight = (day + 1) * MICROSECONDS_PER_DAY
        if days and days[0] == day:
            queue += self._later.pop(heappop(days))
            heapify(queue)
