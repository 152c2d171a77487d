"""A station is a pool at one court: its servers, its queue, and the case it serves next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush, merge
from itertools import count
from math import inf
from typing import Any, Protocol

from simulations.engines.bookings import Booking, Bookings
from simulations.scenarios.scenario import Batch
from simulations.timing.calendars import Calendar

QueueEntry = tuple[float, bool, Any, int, int, int, Any]
"""Priority, whether the work is new (not interrupted), order, enabled, case number, a tie-breaker and the case."""

_BOOKED = -inf
"""Priority of cases that are called on their hearing date."""

_ties = count()


class Waiting(Protocol):
    """The attributes of a case that a queue reads."""

    number: int
    enabled: int
    first_started: int
    interrupted: bool
    started: int
    entry: QueueEntry | None
    booking: Booking | None


class Station:
    """A pool at one court, or a national pool.

    A case leaves a queue by dropping its entry; the queue removes the entry when it reaches the head.

    Parameters
    ----------
    index : int
        Its number among all stations, with pools in file order.
    pool, court : int
        Indices in the scenario's pools and courts; the court is 0 for a national pool.
    size : int
        Number of servers; changes on dates.
    order : callable
        Return the value that orders cases of equal priority; lower values are served first.
    slots : sequence of int, or None
        Maximum number of cases that a server starts in one working interval, for each of the seven days from the start.

    Attributes
    ----------
    bookings : Bookings or None
        The cases that are booked for its hearing dates.
    sizes : list of (int, int)
        Pairs of a time and the size from then on.
    serving : dict
        The cases in service, by number, each with its number of servers.
    by_teams : bool
        Whether teams serve the cases of its queue.
    alone : bool
        Whether no case of its queue can start without a server of this station.
    wakes : tuple of int
        The stations with cases that may need a server of this one.
    preempt : str or None
        How work goes on that a more urgent case or a smaller size has interrupted; ``None`` if they interrupt nothing.
    batch : Batch or None
        If a server works on several cases at once; `members` has the number of cases of each server.
    limit : int or None
        Largest number of cases in the queue; `limit_event` happens to the last case of a longer one.
    """

    __slots__ = ("_exempt_queue", "_queue", "alone", "batch", "bookings", "busy", "by_teams", "calendar", "court", "day", "exempt", "free", "index", "limit", "limit_event", "members", "numbered", "open_until", "order", "pool", "preempt", "rule", "serving", "size", "sizes", "slots", "slots_by_day", "started", "suspended", "wakes")  # fmt: skip

    def __init__(
        self,
        index: int,
        pool: int,
        court: int,
        size: int,
        calendar: Calendar,
        rule: str,
        order: Callable[[Any], Any],
        slots: Sequence[int] | None = None,
    ) -> None:
        self.index = index
        self.pool = pool
        self.court = court
        self.size = size
        self.sizes = [(0, size)]
        self.calendar = calendar
        self.rule = rule
        self.order = order
        self.slots_by_day = slots
        self.slots: int | None = None if slots is None else slots[0]  # of a server in this working interval
        self.started = 0
        self.day = -1
        self.open_until = -1
        self.busy = 0
        self.serving: dict[int, tuple[Any, int]] = {}
        self.numbered = 0
        self.free: list[int] = []
        self.exempt: Callable[[Any], bool] | None = None
        self.suspended: list[tuple[int, int]] = []
        self.by_teams = False
        self.alone = True
        self.wakes: tuple[int, ...] = ()
        self.preempt: str | None = None
        self.batch: Batch | None = None
        self.members: dict[int, int] = {}
        self.limit: int | None = None
        self.limit_event = ""
        self.bookings: Bookings | None = None
        self._queue: list[QueueEntry] = []
        self._exempt_queue: list[QueueEntry] = []

    def join(self, case: Waiting, priority: float) -> None:
        """Add a case to the queue. Interrupted work goes before other work of its priority, by its first start.

        Cases that are called on their hearing date go before all others, in the order of booking.
        """
        booking = case.booking
        if booking is not None:
            priority = _BOOKED
        if case.interrupted:
            self._push(case, (priority, False, case.first_started, 0, case.number, next(_ties), case))
        elif booking is not None:
            self._push(case, (priority, True, booking.number, 0, case.number, next(_ties), case))
        else:
            self._push(case, (priority, True, self.order(case), case.enabled, case.number, next(_ties), case))

    def rejoin(self, case: Waiting, priority: float) -> None:
        """Move a waiting case whose record changed to its priority and to the right one of the two queues; its order is kept."""
        if case.entry is not None and case.booking is None and (self.exempt is not None or priority != case.entry[0]):
            self._push(case, (priority, *case.entry[1:5], next(_ties), case))

    def _push(self, case: Waiting, entry: QueueEntry) -> None:
        case.entry = entry
        exempt = self.is_exempt(case) if case.booking is None else case.booking.exempt
        heappush(self._exempt_queue if exempt else self._queue, entry)

    def is_exempt(self, case: Any) -> bool:
        """Return whether suspensions do not concern a case."""
        return self.exempt is not None and self.exempt(case)

    def open(self, until: int, day: int) -> None:
        """Begin a working interval of a day since the start. With hearing dates, its slots are those of the whole date."""
        self.open_until = until
        if self.slots_by_day is not None:
            self.slots = self.slots_by_day[day % 7]
        if self.bookings is None or day != self.day:
            self.started = 0
        self.day = day

    def in_service(self) -> list[tuple[Any, int]]:
        """Return the cases in service, each with its number of servers, by the first start of their work."""
        return sorted(self.serving.values(), key=lambda served: (served[0].first_started, served[0].number))

    def beyond_size(self) -> list[Any]:
        """Return the cases that may not resume at an opening: all in service but those that started first."""
        if self.rule != "suspend" or self.busy <= self.size:
            return []
        left, beyond = self.size, []
        for case, n in self.in_service():
            if n <= left:
                left -= n
            else:
                beyond.append(case)
        return beyond

    def may_start(self, now: int) -> bool:
        """Return whether it is open and has a free server. Without a slot, only interrupted work may start."""
        return self.busy < self.size and now < self.open_until

    def _has_slots(self, case: Any) -> bool:
        """Return whether there are enough slots for a case, which needs none if its work was interrupted."""
        used = _slots_used(case)
        return self.slots is None or used == 0 or self.started + used <= self.slots * self.size

    def first(self, now: int, length: Callable[[Any, int], int]) -> Any:
        """Return the case that is served next when a server is free, ``None`` if no case may be served now.

        `length` returns the length of the work of a case that starts now.

        Under ``fit`` no case is served while the work of the first case does not fit in the rest of the working interval.
        When there are too few slots for the first case, only interrupted work is served.
        """
        queue = self._next_queue(now)
        if queue is not None and not self._has_slots(queue[0][-1]):
            return self._first_interrupted(now)
        if queue is None or (self.rule == "fit" and not self.calendar.fits(now, length(queue[0][-1], now))):
            return None
        return queue[0][-1]

    def _first_interrupted(self, now: int) -> Any:
        """Return the first interrupted case that may resume now, ``None`` if there is none."""
        suspended = any(start <= now < end for start, end in self.suspended)
        queues = (self._exempt_queue,) if suspended else (self._queue, self._exempt_queue)
        entries = [e for queue in queues for e in queue if not e[1] and e[-1].entry is e]
        return min(entries)[-1] if entries else None

    def _next_queue(self, now: int) -> list[QueueEntry] | None:
        queue, exempt = self._queue, self._exempt_queue
        while queue and queue[0][-1].entry is not queue[0]:
            heappop(queue)
        while exempt and exempt[0][-1].entry is not exempt[0]:
            heappop(exempt)
        for start, end in self.suspended:
            if start <= now < end:
                return exempt or None
        if queue and exempt:
            return queue if queue[0][:5] < exempt[0][:5] else exempt
        return queue or exempt or None

    def in_order(self) -> list[Any]:
        """Return the waiting cases in the order of the queue."""
        for queue in (self._queue, self._exempt_queue):
            queue[:] = sorted(entry for entry in queue if entry[-1].entry is entry)
        return [entry[-1] for entry in merge(self._queue, self._exempt_queue)]

    def next_batch(self, now: int, length: Callable[[Any, int], int]) -> list[Any]:
        """Remove and return the cases that are served together next, in the order of the queue; none if none may be served now."""
        batch: Batch = self.batch  # type: ignore[assignment]
        if not self.may_start(now) or not (self.slots is None or self.started < self.slots * self.size):
            return []
        chosen: list[QueueEntry] = []
        while len(chosen) < batch.most and (queue := self._next_queue(now)) is not None:
            chosen.append(heappop(queue))
        cases = [entry[-1] for entry in chosen]
        ready = cases and self._are_enough(cases, now)
        if ready and not (self.rule == "fit" and not self.calendar.fits(now, length(cases[0], now))):
            for case in cases:
                case.entry = None
            return cases
        for entry in chosen:
            heappush(self._exempt_queue if self.exempt is not None and self.exempt(entry[-1]) else self._queue, entry)
        return []

    def _are_enough(self, first: list[Any], now: int) -> bool:
        """Return whether enough cases wait, or one has waited long enough, of the first in the queue and those behind them."""
        batch: Batch = self.batch  # type: ignore[assignment]
        if batch.enough is not None and len(first) >= batch.enough:
            return True
        if batch.patience is None:
            return False
        others = [] if len(first) < batch.most else [case for case in self.in_order() if not self.is_suspended(case, now)]
        return any(now - case.enabled >= batch.patience for case in (*first, *others))

    def is_suspended(self, case: Any, now: int) -> bool:
        """Return whether a suspension keeps a case from starting."""
        return any(start <= now < end for start, end in self.suspended) and not self.is_exempt(case)

    def may_have(self, n: int, case: Any, now: int) -> bool:
        """Return whether it is open and n servers have a slot for a case, which interrupted work does not need."""
        return now < self.open_until and (self.slots is None or case.interrupted or self.started + n <= self.slots * self.size)

    def has(self, n: int, case: Any, now: int) -> bool:
        """Return whether n servers are free and may work on a case."""
        return self.busy + n <= self.size and self.may_have(n, case, now)

    def beyond_limit(self) -> Any:
        """Return the last case of a queue that is too long, ``None`` if it is not."""
        if self.limit is None or len(self._queue) + len(self._exempt_queue) <= self.limit:  # some entries are of cases that left
            return None
        waiting = self.in_order()
        return waiting[-1] if len(waiting) > self.limit else None

    def seize(self, case: Any) -> int:
        """Seize the free server with the lowest number for a case, and return it. Interrupted work uses no slot."""
        self.busy += 1
        self.started += _slots_used(case)
        before = self.serving.get(case.number)
        self.serving[case.number] = (case, 1 if before is None else before[1] + 1)
        if self.free:
            return heappop(self.free)
        self.numbered += 1
        return self.numbered - 1

    def complete(self, now: int, length: int) -> int | None:
        """Return when work that starts now completes, ``None`` if that is after the last working interval."""
        if now + length <= self.open_until:
            return now + length
        return self.calendar.complete(now, length, self.rule)

    def release(self, case: Any, server: int) -> None:
        """Release a server of a case that leaves the station, unless it still works on others."""
        if self.members.get(server, 0) > 1:
            self.members[server] -= 1
            self.serving.pop(case.number, None)
            return
        self.members.pop(server, None)
        self.busy -= 1
        self.serving.pop(case.number, None)
        heappush(self.free, server)


def _slots_used(case: Any) -> int:
    """Return the number of slots that a case uses when it starts now."""
    if case.interrupted:
        return 0
    return 1 if case.booking is None else int(case.booking.uses)
