"""A simulation that records the rare cases of the semantics that it reaches, to see what random scenarios cover."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from simulations import Simulation
from simulations.engines.codes import SERVED, WAITING
from simulations.engines.simpy_engine import Case
from simulations.engines.stations import Station
from workflow.model.definition import ENTER

CORNERS = (
    "a completion with a completion", "a completion with an event", "an arrival with a change of capacity",
    "the end of a shift with a completion", "two events for one case at one instant", "two dated events on one date",
    "priority against the order", "order first_come", "order oldest", "order newest", "order by a value", "order by a table",
    "a withdrawal from a queue", "a withdrawal of waiting cases only", "a start after a withdrawal alone",
    "slots used up", "a size that changes during work", "a size that falls below those at work",
    "a suspension", "an exception during a suspension", "an exception that comes while waiting in a suspension",
    "an exception that goes while waiting in a suspension",
    "work over the end of a shift: suspend", "work over the end of a shift: finish", "work over the end of a shift: fit",
    "work that does not fit", "a later policy", "a later policy for new cases only", "an earlier policy for an old case",
    "an arrival of a renewal process", "an arrival of a table", "an arrival that moves on at once",
    "an arrival that only begins to wait", "two arrivals at one instant", "a move on entry", "a resting state", "a delay", "a delay in working days",
    "work dropped", "a record that changes alone", "an event without effect", "a hazard that comes twice", "a clock since a transition",
    "a clock that is stopped", "work that is interrupted", "interrupted work that resumes",
)  # fmt: skip


class _Touched(set[int]):
    """Stations at which something happened, with the reasons of each."""

    def __init__(self, watched: Watched) -> None:
        super().__init__()
        self._watched = watched

    def add(self, index: int) -> None:
        self._watched.reasons[index].add(self._watched.reason)
        super().add(index)


class Watched(Simulation):
    """A simulation that records what it reaches.

    Attributes
    ----------
    corners : set of str
        The rare cases that it has reached.
    """

    def __init__(self, *arguments: Any) -> None:
        self.corners: set[str] = set()
        self.at_instant: list[tuple[str, Any]] = []
        self.instant = -1
        self.reasons: dict[int, set[str]] = defaultdict(set)
        self.reason = ""
        super().__init__(*arguments)
        self._touched = self.env.unsettled = _Touched(self)

    def note(self, corner: str, holds: bool = True) -> None:
        """Record a rare case if it holds."""
        assert corner in CORNERS
        if holds:
            self.corners.add(corner)

    def waiting(self, station: Station) -> list[Case]:
        """Return the cases that wait at a station."""
        return [c for c in self.cases if c.station is station and c.status == WAITING]

    def _moment(self, kind: str, what: Any = None) -> None:
        if self.now != self.instant:
            self.instant, self.at_instant = self.now, []
        self.at_instant.append((kind, what))
        self.reason = kind
        kinds = Counter(k for k, _ in self.at_instant)
        self.note("a completion with a completion", kinds["completion"] > 1)
        self.note("a completion with an event", bool(kinds["completion"] and kinds["event"]))
        self.note("an arrival with a change of capacity", bool(kinds["arrival"] and kinds["capacity"] and self.now))

    def _complete(self, case: Case) -> None:
        self._moment("completion", case.number)
        station, activity = case.station, self._activity_of[case.state]
        if station is None:
            self.note("a delay" if activity.working_days is None else "a delay in working days", self.now > case.enabled)
        else:
            calendar = station.calendar
            self.note("the end of a shift with a completion", self.now in calendar.closes)
            over = calendar.interval_at(case.started) != calendar.interval_at(self.now - 1) and self.now > case.started
            if station.rule != "fit":
                self.note(f"work over the end of a shift: {station.rule}", over)
        super()._complete(case)

    def _change(self, change: tuple[Station, int | None]) -> None:
        self._moment("capacity")
        station, size = change
        if size is not None:
            self.note("a size that changes during work", station.busy > 0 and size != station.size)
            self.note("a size that falls below those at work", station.busy > size)
        super()._change(change)

    def _open(self, station: Station) -> None:
        self._moment("capacity")
        super()._open(station)

    def _begin(self, case: Case, state: str) -> None:
        if self.now:
            self._moment("arrival", case.number)
            streams = [s for s in self.scenario.streams if s.court == case.court]
            self.note("an arrival of a renewal process", any(s.interarrival is not None for s in streams))
            self.note("an arrival of a table", any(s.table is not None for s in streams))
            self.note("two arrivals at one instant", [k for k, _ in self.at_instant].count("arrival") > 1)
        rows = len(self._rows)
        super()._begin(case, state)
        self.note("an arrival that moves on at once", len(self._rows) > rows)
        self.note("an arrival that only begins to wait", case.status == WAITING and not case.clocks and len(self._rows) == rows)
        self.note("a resting state", self.scenario.workflow.states[case.state].kind.name == "RESTING")

    def _move(self, case: Case, trigger: str, cause: int, outcome: int, before: Any = None) -> bool:
        works = case.state in self._activity_of
        moved = super()._move(case, trigger, cause, outcome, before)
        self.note("a move on entry", works and moved and trigger == ENTER)
        return moved

    def _happen(self, case: Case, event: Any, visit: int) -> bool:
        before, station, state = case.entry, case.station, case.state
        was_served, record, rows = case.status == SERVED, list(case.record), len(self._rows)
        excepted = station is not None and station.exempt is not None and bool(station.exempt(case))
        self.reason = "event"
        happened = super()._happen(case, event, visit)
        if not happened:
            return False
        self._moment("event", (case.number, event.index))
        mine = [what[1] for kind, what in self.at_instant if kind == "event" and what[0] == case.number]
        self.note("two events for one case at one instant", len(mine) > 1)
        dated = [k for k in mine if self._events[k].dates]
        self.note("two dated events on one date", len(set(dated)) > 1)
        self.note("a hazard that comes twice", event.hazard is not None and visit > 0)
        self.note("a clock since a transition", bool(event.since))
        self.note("a resting state", self.scenario.workflow.states[state].kind.name == "RESTING")
        self.note("work dropped", was_served and case.station is not station)
        alone = len(self._rows) == rows + 1 and self._rows[rows][1] < 0
        self.note("a record that changes alone", alone and record != case.record)
        self.note("an event without effect", alone and record == case.record)
        if before is None or station is None:
            return True
        if case.station is not station or case.entry is None or case.entry[:5] != before[:5]:
            others = [c for c in self.waiting(station) if c is not case]
            self.note("a withdrawal from a queue", bool(others))
            self.note("a withdrawal of waiting cases only", bool(others) and event.only_waiting)
            self.reasons[station.index].add("withdrawal")
        elif station.exempt is not None and record != case.record:
            closed = any(start <= self.now < end for start, end in station.suspended)
            comes = bool(station.exempt(case))
            self.note("an exception that comes while waiting in a suspension", closed and comes and not excepted)
            self.note("an exception that goes while waiting in a suspension", closed and excepted and not comes)
        return True

    def _leave(self, case: Case) -> None:
        self.reason = "withdrawal" if case.status == WAITING else self.reason
        super()._leave(case)

    def _stop_clock(self, case: Case, event: Any) -> None:
        self.note("a clock that is stopped", case.clocks is not None and event.index in case.clocks)
        super()._stop_clock(case, event)

    def _interrupt(self, case: Case, station: Station) -> None:
        self.note("work that is interrupted")
        super()._interrupt(case, station)

    def _dispatch(self) -> None:
        touched = [self._stations[k] for k in sorted(self._touched)]
        super()._dispatch()
        for station in touched:
            waiting = self.waiting(station)
            closed = any(start <= self.now < end for start, end in station.suspended)
            self.note("a suspension", closed and bool(waiting) and station.busy < station.size)
            used = station.slots is not None and station.started >= station.slots * station.size
            may_start = station.may_start(self.now) and not used
            self.note("work that does not fit", may_start and bool(waiting) and not closed)
            free = station.busy < station.size and self.now < station.open_until
            self.note("slots used up", used and free and bool(waiting))
        self.reasons.clear()

    def _start(self, case: Case, station: Station, now: int) -> None:
        self.note("interrupted work that resumes", case.interrupted)
        others = [c for c in self.waiting(station) if c is not case]
        order, rank = station.order, self._activity_of
        pool = list(self.scenario.pools.values())[station.pool].order
        closed = any(start <= now < end for start, end in station.suspended)
        self.note("an exception during a suspension", closed)
        self.note("a start after a withdrawal alone", self.reasons[station.index] == {"withdrawal"})
        for other in others:
            level, mine = (rank[each.state].priority(each) for each in (other, case))
            if level > mine:
                self.note("priority against the order", order(other) < order(case))
            elif level == mine and (order(other) != order(case) or pool.rule == "first_come"):
                by = "table" if hasattr(pool.value, "branches") else "value"
                self.note(f"order {pool.rule}" if pool.value is None else f"order by a {by}")
        super()._start(case, station, now)
        if station.rule == "fit":
            length = case.activity.purpose.length(case, case.visit, now) if case.activity is not None else 0
            self.note("work over the end of a shift: fit", now + length > station.open_until)

    def _policy_of(self, case: Case) -> Any:
        policy = super()._policy_of(case)
        if self.now and policy is not self._policies[0]:
            old = case.arrived < policy.start
            self.note("a later policy", old)
            self.note("a later policy for new cases only", policy.pinned)
        self.note("an earlier policy for an old case", self._policy.pinned and policy is not self._policy)
        return policy
