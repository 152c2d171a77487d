"""A pool at one place: its servers, its queue, and whom it may serve now."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any, Protocol

from simulations.timing.calendars import Calendar

__all__ = ["Place", "Ticket", "Waiting"]

Ticket = tuple[int, Any, int, int, int, Any]
"""priority, order, enabled, case number, a tie-breaker, and the case."""

_ties = count()


class Waiting(Protocol):
    """A case as a queue sees it."""

    number: int
    enabled: int
    ticket: Ticket | None


class Place:
    """A pool at one court, or for the nation.

    A case leaves a queue by giving up its ticket; the queue forgets it when it comes to its head.

    Parameters
    ----------
    index : int
        Its number among all places, pools in file order.
    pool, court : int
        Places in the scenario's pools and courts; the court is 0 for a national pool.
    size : int
        Servers; changes on dates.
    order : callable
        The value by which a case is served within its priority, lower first.
    slots : int or None
        How many cases each server starts in one spell at most.

    Attributes
    ----------
    sizes : list of (int, int)
        The size from each time on, as it has come to be.
    """

    __slots__ = ("_excepted", "_queue", "busy", "calendar", "court", "exempt", "free", "index", "numbered", "open_until", "order", "pool", "rule", "size", "sizes", "slots", "started", "suspended")  # fmt: skip

    def __init__(
        self,
        index: int,
        pool: int,
        court: int,
        size: int,
        calendar: Calendar,
        rule: str,
        order: Callable[[Any], Any],
        slots: int | None = None,
    ) -> None:
        self.index = index
        self.pool = pool
        self.court = court
        self.size = size
        self.sizes = [(0, size)]
        self.calendar = calendar
        self.rule = rule
        self.order = order
        self.slots = slots
        self.started = 0
        self.open_until = -1
        self.busy = 0
        self.numbered = 0
        self.free: list[int] = []
        self.exempt: Callable[[Any], bool] | None = None
        self.suspended: list[tuple[int, int]] = []
        self._queue: list[Ticket] = []
        self._excepted: list[Ticket] = []

    def join(self, case: Waiting, priority: int) -> None:
        """Let a case wait; it is given a ticket."""
        self._line_up(case, (priority, self.order(case), case.enabled, case.number, next(_ties), case))

    def rejoin(self, case: Waiting) -> None:
        """Put a waiting case into the right one of the two queues anew, its place in the order kept."""
        if case.ticket is not None and self.exempt is not None:
            self._line_up(case, (*case.ticket[:4], next(_ties), case))

    def _line_up(self, case: Waiting, ticket: Ticket) -> None:
        case.ticket = ticket
        heappush(self._excepted if self.exempt is not None and self.exempt(case) else self._queue, ticket)

    def open(self, until: int) -> None:
        """Begin a spell, with slots of its own."""
        self.open_until = until
        self.started = 0

    def may_start(self, now: int) -> bool:
        """Say whether it is at work and has a free server, and a slot for it."""
        return (
            self.busy < self.size
            and now < self.open_until
            and (self.slots is None or self.started < self.slots * self.size)
        )

    def next(self, now: int, length: Callable[[Any], int]) -> Any:
        """Take the case that is served next out of its queue; ``None`` if nobody may be served now.

        Under ``fit`` nobody may while the `length` of the head's work is too long for what is left of the spell.
        """
        queue = self._next_queue(now) if self.may_start(now) else None
        if queue is None or (self.rule == "fit" and not self.calendar.fits(now, length(queue[0][-1]))):
            return None
        case = heappop(queue)[-1]
        case.ticket = None
        return case

    def _next_queue(self, now: int) -> list[Ticket] | None:
        queue, excepted = self._queue, self._excepted
        while queue and queue[0][-1].ticket is not queue[0]:
            heappop(queue)
        while excepted and excepted[0][-1].ticket is not excepted[0]:
            heappop(excepted)
        for start, end in self.suspended:
            if start <= now < end:
                return excepted or None
        if queue and excepted:
            return queue if queue[0][:4] < excepted[0][:4] else excepted
        return queue or excepted or None

    def seize(self) -> int:
        """Take the free server with the lowest number and return it."""
        self.busy += 1
        self.started += 1
        if self.free:
            return heappop(self.free)
        self.numbered += 1
        return self.numbered - 1

    def complete(self, now: int, length: int) -> int | None:
        """Return when work that is started now completes, ``None`` if that lies beyond the calendar's spells."""
        if now + length <= self.open_until:
            return now + length
        return self.calendar.complete(now, length, self.rule)

    def release(self, server: int) -> None:
        """Give a server back."""
        self.busy -= 1
        heappush(self.free, server)
