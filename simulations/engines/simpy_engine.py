"""The readable engine: SimPy's clock, the workflow's `transitions` machine and keyed random draws.

It runs a plan event by event. Each completion, outside event, arrival and opening of a shift is a SimPy event with a
callback; cases are not processes. Events of one instant run in the order completions, capacity, outside events,
arrivals. When none is left, the stations that changed start waiting cases (dispatch). Users extend the engine with
Python: hooks on transitions, or SimPy processes.
"""

from __future__ import annotations

import gc
import math
import operator
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from simulations.chance.draws import Draws
from simulations.engines.bookings import Booking, Bookings
from simulations.engines.codes import (
    A_SERVER,
    ARRIVAL,
    CALLS,
    CAPACITY,
    CHANGES_SIZE,
    CLOCK,
    CLOSES,
    COMPLETION,
    DELAYED,
    ENDS_DATE,
    INTERRUPTED_OTHERS,
    IS_ANNOUNCED,
    NOT_SUSPENDED,
    NOTHING_LACKS,
    NOWHERE,
    NUMBER_SHIFT,
    OPENS,
    SERVED,
    THE_TIME,
    WAITING,
)  # fmt: skip
from simulations.engines.free_dates import NO_DATE
from simulations.engines.hazards import LONGEST, NEVER_COMES, UNIT, Hazard
from simulations.engines.sampling import Gives, Purpose
from simulations.engines.simpy_clock import ScheduledCall, SimpyClock
from simulations.engines.stations import QueueEntry, Station
from simulations.log.eventlog import EventLog, Hold, OnRows, Row, event_log
from simulations.log.row import (
    BY_BOOKING,
    BY_CLOSED_DATE,
    BY_COMPLETION,
    BY_ENTRY,
    BY_HORIZON,
    BY_INTERRUPTION,
    BY_NOT_CALLED,
    FIRST_EVENT_CAUSE,
    NEVER,
)
from simulations.log.watching import Violation, Watch, last_moves, rule_broken, watched_rules
from simulations.scenarios.case_times import NO_CLOCK
from simulations.scenarios.plan import MOST_RINGS, MOST_VISITS, Plan
from simulations.scenarios.quantities import Choice
from simulations.scenarios.scenario import Need, Policy, Pool, Scenario, Team, Work
from simulations.timing.calendars import Calendar, common_calendar
from workflow.deciding.machine import CaseMachine, effect_of
from workflow.deciding.steps import steps_of
from workflow.errors import InputError, StuckCase, VisitCap, nearest
from workflow.model.definition import COMPLETE, ENTER, Event, StateKind, Value
from workflow.predicates import Expression, scalar

_POLICY = -1  # priority of a change of policy, before all other events of its instant
_QUEUES = -1  # stands among the stations for the queues that may be longer than their limits
_USER_VISITS = 2**31  # visits from here on belong to events that users trigger

Hook = Callable[["Simulation", "Case"], None]
Process = Callable[["Simulation"], Generator[Any, Any, Any]]
Test = Callable[[Sequence[Value], Sequence[Value]], Any]
Monitoring = Literal["stop", "count"]


class Case:
    """A case during a run.

    Attributes
    ----------
    number : int
        Its row in the case table.
    state : str
        Empty before its arrival.
    facts : tuple
        In the order of ``scenario.fact_names``; the court is the home court.
    facts_here : tuple
        The same with the court where the case is now.
    court, here : int
        The home court, and the court where the case is now.
    record : list
        In the order of ``workflow.record``.
    arrived : int
        Microseconds since the start.
    """

    __slots__ = ("activity", "arrived", "batch", "booking", "calendar", "clocks", "court", "enabled", "entry", "facts", "facts_here", "first_started", "held", "here", "interrupted", "interruptions", "key", "length", "number", "record", "server", "started", "state", "station", "status", "transfers", "visit", "visits", "whole", "work")  # fmt: skip

    def __init__(
        self, number: int, court: int, key: int, arrived: int, facts: Sequence[Value], record: Sequence[Value], visits: list[int]
    ) -> None:
        self.number = number
        self.court = self.here = court
        self.key = key
        self.arrived = arrived
        self.facts = self.facts_here = facts
        self.record = list(record)
        self.visits = visits
        self.transfers = 0  # number of its transitions that might have moved it
        self.state = ""
        self.status = NOWHERE
        self.activity: _Activity | None = None  # the activity that it waits for or undergoes
        self.visit = 0  # number of earlier visits to that activity
        self.enabled = NEVER
        self.started = NEVER
        self.length = 0  # of the part of its work that is next or in hand, -1 if it is to be drawn anew
        self.whole = 0  # of its work from the beginning
        self.first_started = NEVER  # when the first part of its work started
        self.interrupted = False
        self.interruptions = 0  # of all its work
        self.server = -1
        self.batch = -1  # number of the cases with which it is served together
        self.held: list[tuple[Station, int]] = []  # the servers of the team that serves it
        self.calendar: Calendar | None = None  # of that team
        self.station: Station | None = None
        self.entry: QueueEntry | None = None
        self.booking: Booking | None = None  # its hearing date
        self.work: ScheduledCall | None = None
        self.clocks: dict[int, ScheduledCall] | None = None


class _Team:
    """A team that can do the work of an activity, prepared for the engine."""

    __slots__ = ("_needs", "purpose", "resample")

    def __init__(
        self,
        engine: Simulation,
        needs: Sequence[Need],
        stations: Mapping[str, list[Station]],
        purpose: Purpose,
        resample: Purpose,
    ) -> None:
        names = (engine.scenario.fact_names, tuple(engine.scenario.workflow.record))
        self._needs = [
            (stations[n.pool], n.count.picker(*names), None if n.when is None else scalar(n.when, *names)) for n in needs
        ]
        self.purpose = purpose
        self.resample = resample

    def servers(self, case: Case) -> list[tuple[Station, int]]:
        """Return the stations whose servers the work on a case needs, each with their number."""
        found = []
        for stations, count, when in self._needs:
            n = count(case.facts_here, case.record) if when is None or when(case.facts_here, case.record) else 0
            if n > 0:
                found.append((stations[case.here if len(stations) > 1 else 0], n))
        return found


class _Activity:
    """An activity, prepared for the engine."""

    __slots__ = ("appointment", "gives", "hold", "index", "name", "notice", "pool", "priority", "purpose", "resample", "stations", "teams", "working_days")  # fmt: skip

    def __init__(self, engine: Simulation, index: int, work: Work, stations: Mapping[str, list[Station]], path: Draws) -> None:
        scenario = engine.scenario
        declared = scenario.workflow.activities[work.activity]
        self.index = index
        self.name = work.activity
        self.priority = engine.ranking(work.priority)
        self.gives = Gives(engine.plan, path, f"activity:{work.activity}", declared, work.takes, work.outcome)
        self.purpose = self.gives.purpose
        self.resample = Purpose(engine.plan, path, f"resample:{work.activity}", work.takes)
        self.pool = -1 if work.pool is None else list(scenario.pools).index(work.pool)
        self.stations = None if work.pool is None else stations[work.pool]
        self.working_days = work.working_days
        self.hold = work.hold
        self.appointment = appointment = work.appointment
        if appointment is not None:
            self.notice = Purpose(engine.plan, path, f"appointment:{work.activity}", appointment.at_least)
        self.teams: list[_Team] = []
        if work.pool in scenario.queues_with_teams:
            for team in work.teams or (Team((Need(work.pool, Choice(1)),), work.takes),):
                own = team.takes is not work.takes
                purpose = Purpose(engine.plan, path, f"activity:{work.activity}", team.takes) if own else self.purpose
                again = Purpose(engine.plan, path, f"resample:{work.activity}", team.takes) if own else self.resample
                self.teams.append(_Team(engine, team.needs, stations, purpose, again))


def _length(case: Case, now: int, by: _Activity | _Team | None = None) -> int:
    """Return the length of the work that a case waits for, if it starts now, in microseconds; `by` a team or by one server."""
    doing: _Activity | _Team = by or case.activity  # type: ignore[assignment]
    if not case.interrupted:
        return doing.purpose.length(case, case.visit, now)
    return case.length if case.length >= 0 else doing.resample.length(case, case.interruptions, now)


def _booked_for(case: Case) -> int:
    """Return the day for which a case is booked, since the start, -1 if it has no hearing date."""
    if case.booking is None:
        return -1
    return case.station.bookings.day(case.booking)  # type: ignore[union-attr]


class _OutsideEvent:
    """An outside event and its timing, prepared for the engine."""

    __slots__ = ("by_state", "chance", "dates", "first_rings", "gives", "hazard", "index", "lottery", "most", "name", "only_waiting", "purpose", "rate", "repeats", "since", "states", "visits", "working_days")  # fmt: skip

    def __init__(self, engine: Simulation, index: int, event: Event, path: Draws) -> None:
        scenario = engine.scenario
        names = (scenario.fact_names, tuple(scenario.workflow.record))
        timing = scenario.timing_of(event.name)
        self.index = index
        self.visits = len(scenario.workflow.activities) + index
        self.name = event.name
        self.states = frozenset(event.states)
        self.since = timing.since
        self.rate = timing.hazard
        self.hazard = None if timing.hazard is None else Hazard(timing.hazard, *names)
        self.chance = None if timing.chance is None else timing.chance.picker(*names)
        self.lottery = Purpose(engine.plan, path, f"chance:{event.name}")
        self.dates = timing.dates
        self.only_waiting = timing.only_waiting
        self.repeats = timing.repeats
        self.most = MOST_RINGS if timing.repeats else MOST_VISITS
        self.working_days = timing.working_days
        first_rings = engine.plan.times.first_rings.get(event.name)
        self.first_rings = None if first_rings is None else first_rings.data
        self.by_state = timing.starts_on_entry  # whether a clock starts on entering the event's states
        self.gives = Gives(engine.plan, path, f"event:{event.name}", event, timing.after, timing.outcome)
        self.purpose = self.gives.purpose


class _Policy:
    """A workflow with its machine and the codes of its transitions among those of all policies."""

    __slots__ = ("codes", "entered", "guards", "machine", "pinned", "start", "transitions", "workflow", "writes")

    def __init__(self, scenario: Scenario, policy: Policy) -> None:
        workflow = self.workflow = policy.workflow
        self.start = policy.start
        self.pinned = policy.pinned
        self.machine = CaseMachine(workflow)
        self.transitions = workflow.transitions
        self.codes = [scenario.transition_names.index(t.name) for t in workflow.transitions]
        self.entered = {state for trigger, state in self.machine.tries if trigger == ENTER}
        self.guards = [self.machine.event_tests[name] for name in workflow.events]
        self.writes = [effect_of(workflow, event.effects) for event in workflow.events.values()]


class Simulation:
    """One run of a plan; hooks and users' SimPy processes get it as an argument.

    Attributes
    ----------
    env : simpy.Environment
        Its time is in whole microseconds since the scenario's start.
    scenario : Scenario
    cases : list of Case
        By number; a case that has not arrived has an empty state.
    """

    def __init__(
        self, plan: Plan, path: Draws, hooks: Mapping[str, Hook] | None = None, monitor: Monitoring | None = None
    ) -> None:
        self.plan = plan
        self._stops = monitor == "stop"
        self.watch = None if monitor is None else Watch(plan.scenario, watched_rules(plan.scenario), len(plan.cases))
        self.scenario: Scenario = plan.scenario
        self.env = SimpyClock(self._dispatch)
        workflow = self.scenario.workflow
        self._policies = [_Policy(self.scenario, policy) for policy in self.scenario.every_policy]
        self._policy = self._policies[0]
        self._rows: list[Row] = []
        self._touched = self.env.unsettled
        self._grown: set[int] = set()  # stations whose queues may be longer than their limits
        self._resized: dict[str, None] = {}
        self._made: dict[tuple[int, int], int] = {}  # number of events that users triggered for a case
        self._horizon = self.scenario.horizon
        self._codes = {name: i for i, name in enumerate(workflow.states)}
        self._final = {s.name for s in workflow.states.values() if s.kind is StateKind.FINAL}
        self._instant = {s.name for s in workflow.states.values() if s.kind is StateKind.INSTANT}
        self._hooks = self._by_transition(hooks or {})
        self._stations: list[Station] = []
        stations = {name: self._make_stations(i, pool) for i, (name, pool) in enumerate(self.scenario.pools.items())}
        self._connect(stations)
        self._preempts = self.scenario.preempts
        self._held: list[Hold] = []
        self._moved: list[tuple[int, int]] = []  # rows that move a case to another court, and that court
        self._batches: list[tuple[int, int]] = []  # rows of cases that were served together, and the number of their batch
        self._n_batches = 0
        self._transfers = {
            self.scenario.transition_names.index(name): Purpose(
                plan, path, f"transfer:{name}", None, shares, range(len(self.scenario.courts) + 1)
            )
            for name, shares in self.scenario.transfers.items()
        }
        self._common_calendars: dict[tuple[int, ...], Calendar] = {}
        names = list(workflow.activities)
        activities = {name: _Activity(self, names.index(name), work, stations, path) for name, work in self.scenario.work.items()}
        self._activity_of = {s.name: activities[s.activity] for s in workflow.states.values() if s.activity in activities}
        self._events = [_OutsideEvent(self, i, event, path) for i, event in enumerate(workflow.events.values())]
        self._by_name = {e.name: e for e in self._events}
        self._clocks_in = {name: tuple(h for h in self._events if h.by_state and name in h.states) for name in workflow.states}
        self._since = {t: [h for h in self._events if t in h.since] for h in self._events for t in h.since}
        self._hazards = [(h, self._first_dates(h)) for h in self._events if h.hazard is not None]
        self._brought = [event for event in self._events if event.first_rings is not None]
        self._no_visits = [0] * (len(names) + len(self._events))
        self.cases = self._make_cases()
        for policy in self._policies[1:]:
            if policy.start <= self._horizon:
                self.env.at(max(policy.start, 0), _POLICY, self._enforce, policy)
        for event in self._events:
            for visit in range(len(event.dates)):
                self._next_turn(event, visit, 0)

    # public methods ------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Return the time in microseconds since the start."""
        return int(self.env.now)

    def value(self, case: Case, name: str) -> Value:
        """Return a fact or a record field of a case."""
        facts, record = self.scenario.fact_names, tuple(self.scenario.workflow.record)
        if name in facts:
            return case.facts[facts.index(name)]
        self._known(name, record, "a record field of the workflow", (*facts, *record))
        return case.record[record.index(name)]

    def happen(self, case: Case, event: str) -> bool:
        """Trigger an outside event for a case now; return whether it counted.

        It counts only in the event's ``while:`` states and if its ``when:`` holds.
        """
        self._known(event, self._by_name, "an event of the workflow")
        outside = self._by_name[event]
        if self.scenario.workflow.events[event].gives and event not in self.scenario.event_timings:
            raise InputError([f"the event {event!r} gives a value, but the scenario declares no outcome for it"])
        before = self._made.get((case.number, outside.index), 0)
        self._made[case.number, outside.index] = before + 1
        # These draws do not affect those of the scenario's events.
        return self._happen(case, outside, _USER_VISITS | before)

    def resize(self, pool: str, court: str | None, size: int) -> None:
        """Change the number of servers of a pool (at a court, or at all) from now on, until its next date with a size."""
        pools = self.scenario.pools
        self._known(pool, pools, "a pool of the scenario")
        if court is not None:
            self._known(court, self.scenario.courts if pools[pool].at_court else (), "a court that has a pool of its own")
        if operator.index(size) < 0:
            raise InputError([f"pool {pool!r}: must be a whole number of servers, 0 or more, not {size}"])
        self._resized[pool] = None
        for station in self._stations:
            if station.pool == list(pools).index(pool) and court in (None, self.scenario.courts[station.court]):
                self._change((station, operator.index(size)))

    @staticmethod
    def _known(name: str, allowed: Iterable[str], what: str, near: Iterable[str] | None = None) -> None:
        if name not in allowed:
            raise InputError([f"{name!r} is not {what}.{nearest(name, allowed if near is None else near)}"])

    # building ------------------------------------------------------------------------------------

    def _by_transition(self, hooks: Mapping[str, Hook]) -> dict[int, Hook]:
        names = self.scenario.transition_names
        for name in hooks:
            if name not in names:
                raise InputError(
                    [
                        f"hooks: {name!r} is not a transition of the workflow {self.scenario.workflow.name!r}.{nearest(name, names)}"
                    ]
                )
        return {names.index(name): hook for name, hook in hooks.items()}

    def _test(self, condition: Expression) -> Test:
        return scalar(condition, self.scenario.fact_names, tuple(self.scenario.workflow.record))

    def _make_stations(self, index: int, pool: Pool) -> list[Station]:
        opened: list[Station] = []
        for court, (sizes, calendar) in enumerate(zip(pool.sizes, pool.calendars, strict=True)):
            order = self._order_of(pool)
            station = Station(len(self._stations), index, court, sizes[0][1], calendar, pool.at_shift_end, order, pool.slots)
            station.preempt = pool.preempt
            if pool.queue_limit is not None:
                station.limit, station.limit_event = pool.queue_limit
            station.batch = pool.batch
            for suspension in self.scenario.suspensions_at(pool.name, court):
                station.suspended.append((suspension.start, suspension.end))
                self._at_capacity(suspension.end, station, None)
            condition = self.scenario.exemption(pool.name, court)
            if condition is not None:
                exempt = self._test(condition)
                station.exempt = lambda case, exempt=exempt: exempt(case.facts, case.record)
            for time, size in sizes[1:]:
                self._at_capacity(time, station, size)
            for time in self.scenario.dates_of_fit(pool):
                self._at_capacity(time, station, None)
            if pool.dates:
                station.bookings = Bookings(self.scenario.hearing_dates[pool.name][court], pool.dates[court].working_days)
                for time in station.bookings.dates.announced(self._horizon):
                    self.env.at(time, CAPACITY | station.index << NUMBER_SHIFT | IS_ANNOUNCED, self._announce, station)
                self._next_call(station, iter(station.bookings.dates.held(self._horizon)))
            self._stations.append(station)
            opened.append(station)
            self._next_opening(station, -1)
        return opened

    def _connect(self, stations: Mapping[str, list[Station]]) -> None:
        """Tell each station which queues may need its servers."""
        for work in self.scenario.work.values():
            for team in work.teams:
                for queue in stations[work.pool or ""]:
                    queue.by_teams = True
                    queue.alone = queue.alone and work.pool in team.pools
                    for pool in team.pools:
                        local = self.scenario.pools[pool].at_court and self.scenario.pools[work.pool or ""].at_court
                        for station in [stations[pool][queue.court]] if local else stations[pool]:
                            if station is not queue and queue.index not in station.wakes:
                                station.wakes = (*station.wakes, queue.index)

    def _order_of(self, pool: Pool) -> Callable[[Case], Any]:
        rule, value = pool.order.rule, pool.order.value
        if rule == "oldest":
            return lambda case: case.arrived
        if rule == "newest":
            return lambda case: -case.arrived
        if value is None:
            return lambda case: 0
        return self.ranking(value)

    def ranking(self, value: float | Expression | Choice[float]) -> Callable[[Case], Any]:
        """Return a function of a case that gives a number by its facts and its record."""
        if isinstance(value, int | float):
            return lambda _case: value
        names = (self.scenario.fact_names, tuple(self.scenario.workflow.record))
        pick: Test = value.picker(*names) if isinstance(value, Choice) else self._test(value)
        return lambda case: pick(case.facts, case.record)

    def _make_cases(self) -> list[Case]:
        cases = self.plan.cases
        rows = zip(cases.court.tolist(), cases.keys.tolist(), cases.arrived.tolist(), cases.facts, cases.records, strict=True)
        made = [Case(i, court, key, arrived, facts, record, self._no_visits[:]) for i, (court, key, arrived, facts, record) in enumerate(rows)]  # fmt: skip
        times = np.maximum(cases.arrived, 0)
        order = np.argsort(times, kind="stable")
        self._states = [self.scenario.workflow.states[name].name for name in self._codes]
        self._arrivals = list(zip(times[order].tolist(), order.tolist(), cases.state[order].tolist(), strict=True))
        self._next_arrival(0)
        return made

    def _first_dates(self, event: _OutsideEvent) -> memoryview:
        """Draw the first date of a hazard for every case."""
        cases = self.plan.cases
        bits, _ = event.purpose.all_bits()
        dates = np.full(len(cases), NEVER_COMES, np.int64)
        enters = np.maximum(cases.arrived, 0)
        if event.rate.steps:  # type: ignore[union-attr]
            rows = zip(cases.facts, cases.records, bits.tolist(), enters.tolist(), strict=True)
            dates[:] = [event.hazard.next_date(*row) for row in rows]  # type: ignore[union-attr]
            return dates.data
        for rate, mine in event.rate.rows(cases.columns, self.scenario.namespace.fields):  # type: ignore[union-attr]
            if rate > 0:
                gaps = np.rint(np.minimum(UNIT.draw_many(bits[mine]) / rate, LONGEST)).astype(np.int64)
                dates[mine] = enters[mine] + gaps
        return dates.data

    # arrivals and capacity -----------------------------------------------------------------------

    def _next_arrival(self, k: int) -> None:
        if k < len(self._arrivals):
            time, number, _ = self._arrivals[k]
            if time <= self._horizon:
                self.env.at(time, ARRIVAL | number << NUMBER_SHIFT, self._arrive, k)

    def _arrive(self, k: int) -> None:
        """Let cases arrive, one after another, until another event comes first."""
        arrivals, now = self._arrivals, self.env._now
        while True:
            self._begin(self.cases[arrivals[k][1]], self._states[arrivals[k][2]])
            k += 1
            if k == len(arrivals) or arrivals[k][0] > now or self.env.comes_before(now, ARRIVAL | arrivals[k][1] << NUMBER_SHIFT):
                break
        self._next_arrival(k)

    def _begin(self, case: Case, state: str) -> None:
        for event, first in self._hazards:
            case.visits[event.visits] = 1
            if first[case.number] <= self._horizon:
                self._set_clock(case, event, first[case.number], 0)
        for event in self._brought:
            at = event.first_rings[case.number]  # type: ignore[index]
            if at != NO_CLOCK:
                case.visits[event.visits] = 1
                self._set_clock(case, event, at, 0)
        case.state = state
        if self.watch is not None:
            self._judge(case, self.watch.begin(case, self.env._now))
        self._enter(case, None)
        self._settle(case)

    def _at_capacity(self, time: int, station: Station, size: int | None) -> None:
        if 0 <= time <= self._horizon:
            self.env.at(time, CAPACITY | station.index << NUMBER_SHIFT | CHANGES_SIZE, self._change, (station, size))

    def _change(self, change: tuple[Station, int | None]) -> None:
        station, size = change
        if size is not None:
            station.size = size
            station.sizes.append((self.now, size))
            while station.preempt is not None and station.busy > size:
                self._interrupt(self._less_urgent(station)[0], station.preempt)
        self._touch(station)

    def _touch(self, station: Station) -> None:
        """Let a station, and the queues that may need its servers, start cases when the instant is over."""
        self._touched.add(station.index)
        self._touched.update(station.wakes)

    def _next_opening(self, station: Station, after: int) -> None:
        opening = station.calendar.next_opening(after)
        if opening is not None and opening <= self._horizon:
            self.env.at(opening, CAPACITY | station.index << NUMBER_SHIFT | OPENS, self._open, station)

    def _open(self, station: Station) -> None:
        now = self.env._now
        interval = station.calendar.interval_at(now)
        station.open(*((now, 0) if interval is None else (station.calendar.closes[interval], station.calendar.days[interval])))
        for case in station.beyond_size():
            self._interrupt(case, "resume")
        self._touch(station)
        self._next_opening(station, now)
        if station.rule in ("restart", "resample") and station.open_until <= self._horizon:
            self.env.at(station.open_until, CAPACITY | station.index << NUMBER_SHIFT | CLOSES, self._close, station)

    def _close(self, station: Station) -> None:
        """Interrupt all work of a station at the end of a shift."""
        for case, _ in station.in_service():
            self._interrupt(case, station.rule)
        self._touch(station)

    def _less_urgent(self, station: Station, than: float = -math.inf) -> list[Case]:
        """Return the cases in service whose priority number is higher, in the order in which their work is interrupted."""
        found = [(case.activity.priority(case), case.started, case.number, case) for case, _ in station.serving.values()]
        return [case for number, *_, case in sorted(found, key=lambda entry: entry[:3], reverse=True) if number > than]

    def _make_room(self, case: Case, servers: Sequence[tuple[Station, int]]) -> bool:
        """Interrupt less urgent work if that frees all servers that a case needs; return whether they are free."""
        priority, victims = case.activity.priority(case), dict[Case, str]()  # type: ignore[union-attr]
        for station, n in servers:
            lacking = station.busy + n - station.size - sum(station.serving.get(v.number, (v, 0))[1] for v in victims)
            for other in self._less_urgent(station, priority) if lacking > 0 and station.preempt is not None else ():
                if lacking > 0 and other not in victims:
                    victims[other] = station.preempt  # type: ignore[assignment]
                    lacking -= station.serving[other.number][1]
            if lacking > 0:
                return False
        for victim, mode in victims.items():
            self._interrupt(victim, mode)
        return True

    def _interrupt(self, case: Case, mode: str) -> None:
        """Interrupt the work on a case: it waits for a server, at the head of its priority; its work goes on by the mode."""
        activity: _Activity = case.activity  # type: ignore[assignment]
        station: Station = case.station  # type: ignore[assignment]
        state, now = self._codes[case.state], self.env._now
        pool = self._record_team(case)
        self._rows.append(
            (case.number, -1, BY_INTERRUPTION, state, state, activity.index, pool, case.server,
             case.enabled, case.started, NEVER, -1, now, _booked_for(case))
        )  # fmt: skip
        calendar = case.calendar or station.calendar
        rule = case.held[0][0].rule if case.held else station.rule
        self._release(case)
        if case.work is not None:
            case.work.cancel()
            case.work = None
        if mode == "resume":
            by_shifts = rule == "suspend"
            case.length -= calendar.working_time(now) - calendar.working_time(case.started) if by_shifts else now - case.started
        else:
            case.length = case.whole if mode == "restart" else -1
        case.interrupted = True
        case.interruptions += 1
        case.status = WAITING
        case.server = -1
        case.enabled, case.started = now, NEVER
        self._join(case, station, activity)

    def _join(self, case: Case, station: Station, activity: _Activity) -> None:
        """Add a case to the queue of a station."""
        station.join(case, activity.priority(case))
        if station.batch is not None and station.batch.patience is not None:
            self._at_capacity(self.env._now + station.batch.patience, station, None)
        if station.limit is not None:
            self._grown.add(station.index)
            self._touched.add(_QUEUES)

    # hearing dates -------------------------------------------------------------------------------

    def _next_call(self, station: Station, dates: Iterator[int]) -> None:
        """Schedule the first opening of the next date on which a station is open."""
        bookings: Bookings = station.bookings  # type: ignore[assignment]
        for k in dates:
            at = int(bookings.dates.opens[k])
            self.env.at(at, CAPACITY | station.index << NUMBER_SHIFT | CALLS, self._call, (station, k, dates))
            return

    def _call(self, called: tuple[Station, int, Iterator[int]]) -> None:
        """Let the cases that are booked for a date that begins now join the queue."""
        station, k, dates = called
        bookings: Bookings = station.bookings  # type: ignore[assignment]
        bookings.calling = k
        for case in bookings.booked.get(k, {}).values():
            station.join(case, 0)
        self._touch(station)
        closes = int(bookings.dates.closes[k])
        if closes <= self._horizon:
            self.env.at(closes, CAPACITY | station.index << NUMBER_SHIFT | ENDS_DATE, self._end_date, (station, k, dates))

    def _end_date(self, ended: tuple[Station, int, Iterator[int]]) -> None:
        """Book the cases that were not called on a date for another one."""
        station, k, dates = ended
        bookings: Bookings = station.bookings  # type: ignore[assignment]
        bookings.calling = NO_DATE
        for case in list(bookings.booked.get(k, {}).values()):
            self._rebook(case, station, k + 1, BY_NOT_CALLED)
        self._next_call(station, dates)

    def _announce(self, station: Station) -> None:
        """Close the dates whose closure or suspension is announced now, and book their cases for others."""
        bookings: Bookings = station.bookings  # type: ignore[assignment]
        for case in bookings.announce(self.env._now):
            self._rebook(case, station, bookings.after(self.env._now), BY_CLOSED_DATE)

    def _rebook(self, case: Case, station: Station, since: int, cause: int) -> None:
        station.bookings.cancel(case)  # type: ignore[union-attr]
        case.entry = None
        self._book(case, station, since, cause)

    def _book(self, case: Case, station: Station, since: int, cause: int) -> None:
        """Book a case for the first free date from an index on. If that date has begun, the case is called with the others."""
        bookings: Bookings = station.bookings  # type: ignore[assignment]
        uses: int = case.activity.appointment.uses  # type: ignore[union-attr]
        state, now = self._codes[case.state], self.env._now
        case.booking = booking = bookings.book(case, since, uses, station.is_exempt(case))
        self._rows.append(
            (case.number, -1, cause, state, state, -1, -1, -1, NEVER, NEVER, NEVER, -1, now, bookings.day(booking))
        )  # fmt: skip
        if bookings.calling == booking.date != NO_DATE:
            station.join(case, 0)
            self._touch(station)

    def _first_date(self, case: Case, station: Station, activity: _Activity) -> int:
        """Return the index of the first date for which a case may be booked that is enabled now."""
        bookings: Bookings = station.bookings  # type: ignore[assignment]
        now = self.env._now
        length = activity.notice.length(case, case.visit, now)
        if not activity.appointment.working:  # type: ignore[union-attr]
            return bookings.since(now + length)
        time = bookings.working_days.complete(now, length)
        return len(bookings.dates.days) if time is None else bookings.since(time)

    # dispatch ------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Let the stations that changed at this instant start waiting cases; then look at the lengths of queues."""
        touched = sorted(self._touched)
        self._touched.clear()
        if touched == [_QUEUES]:
            self._enforce_limits()
        elif self._grown:
            self._touched.add(_QUEUES)
            touched.remove(_QUEUES)
        now = self.env._now
        for k, index in enumerate(touched):
            if index == _QUEUES:
                continue
            station = self._stations[index]
            if station.by_teams:
                if self._start_teams(station, now) == INTERRUPTED_OTHERS:
                    self._touched.update(touched[k:])
                    return
                continue
            if station.batch is not None:
                self._start_together(station, now)
                continue
            while (case := self._next(station, now)) is not None:
                self._start(case, station, now)

    def _next(self, station: Station, now: int) -> Case | None:
        """Return the case that a station serves next, after its server has become free; ``None`` if there is none."""
        if not station.may_start(now) and (station.preempt is None or now >= station.open_until):
            return None
        case: Case | None = station.first(now, _length)
        if case is None or (station.busy >= station.size and not self._make_room(case, [(station, 1)])):
            return None
        case.entry = None
        return case

    def _enforce_limits(self) -> None:
        """Let the event of a queue's limit happen to the last case of the first queue that is too long."""
        while self._grown:
            station = self._stations[min(self._grown)]
            case = station.beyond_limit()
            if case is None:
                self._grown.discard(station.index)
                continue
            activity, visit = case.activity, case.visit
            happened = self._happen(case, self._by_name[station.limit_event], 0)
            if case.status == WAITING and case.activity is activity and case.visit == visit:
                self._grown.discard(station.index)
            if happened:
                break
        if self._grown:
            self._touched.add(_QUEUES)

    def _start_together(self, station: Station, now: int) -> None:
        """Start work on several cases at once, as long as enough of them wait. It takes as long as that of the first."""
        while cases := station.next_batch(now, _length):
            length = _length(cases[0], now)
            server = station.seize(cases[0])
            for case in cases:
                self._begin_work(case, length, now)
                case.server, case.batch = server, self._n_batches
                station.serving[case.number] = (case, 1)
                self._finish_at(case, station.complete(now, length))
            station.members[server] = len(cases)
            self._n_batches += 1

    def _start_teams(self, station: Station, now: int) -> int:
        """Start the cases of a queue for which a team is free, in order, up to one that interrupts other work."""
        if station.alone and not station.may_start(now) and not self._preempts:
            return NOTHING_LACKS
        for case in station.in_order():
            lacking = self._start_team(case, now)
            if lacking == INTERRUPTED_OTHERS:
                return lacking
            if lacking == THE_TIME or (lacking == A_SERVER and case.activity.hold):
                break
        return NOTHING_LACKS

    def _start_team(self, case: Case, now: int) -> int:
        """Start the work of a case with the first team that is free; return what is lacking if there is none.

        If no team is free, start it with the first for which less urgent work can be interrupted.
        """
        lacking = NOT_SUSPENDED
        for interrupting in (False, True) if self._preempts else (False,):
            for team in case.activity.teams:  # type: ignore[union-attr]
                servers = team.servers(case)
                if any(station.is_suspended(case, now) for station, _ in servers):
                    continue
                lacking = max(lacking, A_SERVER)
                if not all((station.may_have if interrupting else station.has)(n, case, now) for station, n in servers):
                    continue
                length = _length(case, now, team)
                calendar, rule = self._common(servers), servers[0][0].rule
                if rule == "fit" and not calendar.fits(now, length):
                    lacking = THE_TIME
                    continue
                if interrupting and not self._make_room(case, servers):
                    continue
                case.entry, case.calendar = None, calendar
                self._begin_work(case, length, now)
                case.held = [(station, station.seize(case)) for station, n in servers for _ in range(n)]
                case.server = case.held[0][1]
                self._finish_at(case, calendar.complete(now, length, rule))
                return INTERRUPTED_OTHERS if interrupting else NOTHING_LACKS
        return lacking

    @staticmethod
    def _begin_work(case: Case, length: int, now: int) -> None:
        """Record the start of work of a length, or of a further part of it."""
        if not case.interrupted or case.length < 0:
            case.whole = length
        if not case.interrupted:
            case.first_started = now
        case.length, case.status, case.started = length, SERVED, now

    def _common(self, servers: Sequence[tuple[Station, int]]) -> Calendar:
        """Return the calendar of the time in which all stations work."""
        key = tuple(station.index for station, _ in servers)
        if key not in self._common_calendars:
            self._common_calendars[key] = common_calendar([station.calendar for station, _ in servers])
        return self._common_calendars[key]

    def _record_team(self, case: Case) -> int:
        """Record the servers of a case besides the first, for the row that is written next; return the pool of the first."""
        if not case.held:
            return case.activity.pool  # type: ignore[union-attr]
        self._held += [(len(self._rows), station.pool, server) for station, server in case.held[1:]]
        return case.held[0][0].pool

    def _record_batch(self, case: Case) -> None:
        """Record the batch of a case that is served together with others, for the row that was written last."""
        if case.batch >= 0:
            self._batches.append((len(self._rows) - 1, case.batch))

    def _release(self, case: Case) -> None:
        """Release the servers of a case."""
        alone: Station = case.station  # type: ignore[assignment]
        for station, server in case.held or [(alone, case.server)]:
            station.release(case, server)
            self._touch(station)
        if case.held:
            case.held, case.calendar = [], None

    def _start(self, case: Case, station: Station, now: int) -> None:
        length = _length(case, now)
        if case.booking is not None and not case.interrupted:
            station.bookings.call(case)  # type: ignore[union-attr]
        self._begin_work(case, length, now)
        case.server = station.seize(case)
        self._finish_at(case, station.complete(now, length))

    def _finish_at(self, case: Case, time: int | None) -> None:
        if time is not None and time <= self._horizon:
            case.work = self.env.at(time, COMPLETION | case.number << NUMBER_SHIFT, self._complete, case)

    # moves ---------------------------------------------------------------------------------------

    def _complete(self, case: Case) -> None:
        case.work = None
        activity: _Activity = case.activity  # type: ignore[assignment]
        self._move(case, COMPLETE, BY_COMPLETION, activity.gives.write(case, case.visit, self.env._now))
        self._settle(case)

    def _settle(self, case: Case) -> None:
        """Take transitions on entry until the case stays in its state; then start its activity."""
        while case.state in self._policy_of(case).entered and self._move(case, ENTER, BY_ENTRY, -1):
            pass
        if case.status == NOWHERE:
            activity = self._activity_of.get(case.state)
            if activity is not None:
                self._enable(case, activity)

    def _move(self, case: Case, trigger: str, cause: int, outcome: int, before: list[Value] | None = None) -> bool:
        """Fire a trigger, write the row and enter the new state; return whether the case left its state.

        An event writes a row even if no transition is taken. `before` is the record before its effects.
        """
        old = case.state
        seen = case.record[:] if self.watch is not None else case.record
        policy = self._policy_of(case)
        fired = policy.machine.fire(case, trigger)
        if fired is None:
            if cause == BY_COMPLETION or (cause == BY_ENTRY and old in self._instant):
                raise StuckCase(self._stuck(case, trigger))
            if cause >= FIRST_EVENT_CAUSE:
                self._plain_row(case, -1, cause, old, outcome)
                if self.watch is not None:
                    steps = steps_of(policy.workflow, trigger, None, (before, seen, seen), old, old)
                    self._judge(case, self.watch.row(case, steps, self.env._now))
            return False
        taken = policy.codes[fired]
        moved = policy.transitions[fired].target is not None
        codes, now = self._codes, self.env._now
        if moved and case.status != NOWHERE:
            activity: _Activity = case.activity  # type: ignore[assignment]
            completed = now if cause == BY_COMPLETION else NEVER
            pool = self._record_team(case) if case.held else activity.pool
            self._rows.append(
                (case.number, taken, cause, codes[old], codes[case.state], activity.index, pool, case.server,
                 case.enabled, case.started, completed, outcome, now, _booked_for(case))
            )  # fmt: skip
            self._record_batch(case)
            self._leave(case)
        else:
            self._plain_row(case, taken, cause, old, outcome)
        if self.watch is not None:
            steps = steps_of(policy.workflow, trigger, fired, (before, seen, case.record), old, case.state)
            self._judge(case, self.watch.row(case, steps, now))
        if moved:
            if taken in self._transfers:
                self._transfer(case, taken)
            self._enter(case, old)
        if taken in self._since and case.state not in self._final:
            for event in self._since[taken]:
                self._start_clock(case, event)
        if taken in self._hooks:
            self._hooks[taken](self, case)
        return moved

    def _transfer(self, case: Case, taken: int) -> None:
        """Move a case that has taken a transition to another court, or let it stay."""
        purpose, courts = self._transfers[taken], self.scenario.courts
        court = purpose.outcome(case, case.transfers, self.env._now)  # the values are the courts, and one more for staying
        case.transfers += 1
        if court not in (case.here, len(courts)):
            case.here = court
            case.facts_here = (*case.facts[:-1], courts[court])
            self._moved.append((len(self._rows) - 1, court))

    def _enforce(self, policy: _Policy) -> None:
        """Put a policy into force."""
        self._policy = policy

    def _policy_of(self, case: Case) -> _Policy:
        """Return the policy in force for a case: the last one, except policies pinned to later arrivals."""
        policy = self._policy
        if not policy.pinned or case.arrived >= policy.start:
            return policy
        k = self._policies.index(policy)
        return next(p for p in reversed(self._policies[:k]) if not p.pinned or case.arrived >= p.start)

    def _plain_row(self, case: Case, taken: int, cause: int, old: str, outcome: int) -> None:
        """Write a row that ends no work."""
        self._rows.append(
            (case.number, taken, cause, self._codes[old], self._codes[case.state], -1, -1, -1,
             NEVER, NEVER, NEVER, outcome, self.env._now, -1)
        )  # fmt: skip

    def _leave(self, case: Case) -> None:
        """Remove a case from its queue or release its server."""
        if case.station is not None:
            if case.status == SERVED:
                self._release(case)
            if case.booking is not None and not case.booking.called:
                case.station.bookings.cancel(case)  # type: ignore[union-attr]
            case.entry = case.booking = None
            self._touched.add(case.station.index)
            case.station = None
        if case.work is not None:
            case.work.cancel()
            case.work = None
        case.status = NOWHERE
        case.interrupted = False
        case.server = case.batch = -1
        case.enabled = case.started = NEVER

    def _enable(self, case: Case, activity: _Activity) -> None:
        """Add a case to its queue, or start its delay."""
        case.activity = activity
        case.visit = self._visit(case, activity.index, activity.name)
        case.enabled = now = self.env._now
        if activity.stations is None:
            case.status = DELAYED
            case.started = now
            length = _length(case, now)
            days = activity.working_days
            self._finish_at(case, now + length if days is None else days.complete(now, length))
        else:
            case.status = WAITING
            case.station = station = activity.stations[case.here if len(activity.stations) > 1 else 0]
            if activity.appointment is not None:
                self._book(case, station, self._first_date(case, station, activity), BY_BOOKING)
                return
            self._join(case, station, activity)
            if station.by_teams or station.preempt is not None or station.may_start(now):
                self._touched.add(station.index)

    def _visit(self, case: Case, index: int, name: str, most: int = MOST_VISITS) -> int:
        """Count a visit to an activity or a start of a clock; return the number before it."""
        before = case.visits[index]
        if before >= most:
            raise VisitCap(
                f"case {case.number} of {self.scenario.courts[case.court]} has visited {name!r} {most:,} times and is in the state"
                f" {case.state!r}: the workflow has an endless loop.{self._history(case)}"
            )
        case.visits[index] = before + 1
        return before

    # outside events ------------------------------------------------------------------------------

    def _enter(self, case: Case, old: str | None) -> None:
        """Stop and start the clocks of outside events when a case enters a state."""
        if case.state in self._final:
            for clock in (case.clocks or {}).values():
                clock.cancel()
            case.clocks = None
            return
        before = self._clocks_in[old] if old is not None else ()
        after = self._clocks_in[case.state]
        if before is after:
            return
        for event in before:
            if event not in after:
                self._stop_clock(case, event)
        for event in after:
            if event not in before:
                self._start_clock(case, event)

    def _start_clock(self, case: Case, event: _OutsideEvent) -> None:
        self._stop_clock(case, event)
        now = self.env._now
        visit = self._visit(case, event.visits, event.name, event.most)
        if event.chance is not None:
            bits = event.lottery.numerator(case, visit)
            if not bits < event.chance(case.facts_here, case.record, now) * 2.0**53:
                return
        days = event.working_days
        length = event.purpose.length(case, visit, now)
        self._set_clock(case, event, now + length if days is None else days.complete(now, length), visit)

    def _set_clock(self, case: Case, event: _OutsideEvent, time: int | None, visit: int) -> None:
        if time is not None and time <= self._horizon:
            ring = self.env.at(time, CLOCK | case.number << NUMBER_SHIFT | event.index, self._ring, (case, event, visit))
            if case.clocks is None:
                case.clocks = {}
            case.clocks[event.index] = ring

    def _stop_clock(self, case: Case, event: _OutsideEvent) -> None:
        if case.clocks is not None and event.index in case.clocks:
            case.clocks.pop(event.index).cancel()

    def _ring(self, ringing: tuple[Case, _OutsideEvent, int]) -> None:
        case, event, visit = ringing
        case.clocks.pop(event.index, None)  # type: ignore[union-attr]
        self._happen(case, event, visit)
        if event.repeats and case.state in event.states and case.visits[event.visits] == visit + 1:
            self._start_clock(case, event)  # if leaving and coming back has not started it
        if event.hazard is not None and case.state not in self._final:
            visit = case.visits[event.visits]
            case.visits[event.visits] = visit + 1  # dates end at the horizon, so they need no cap
            bits = event.purpose.numerator(case, visit)
            self._set_clock(case, event, event.hazard.next_date(case.facts, case.record, bits, self.env._now), visit)

    def _next_turn(self, event: _OutsideEvent, visit: int, number: int) -> None:
        """Schedule a dated event for a case and the cases after it."""
        if number < len(self.cases) and event.dates[visit] <= self._horizon:
            priority = CLOCK | number << NUMBER_SHIFT | event.index
            self.env.at(event.dates[visit], priority, self._take_turns, (event, visit, number))

    def _take_turns(self, turn: tuple[_OutsideEvent, int, int]) -> None:
        """Apply a dated event to one case after another, until another event comes first."""
        event, visit, number = turn
        while True:
            self._happen(self.cases[number], event, visit)
            number += 1
            if self.env.comes_before(self.env._now, CLOCK | number << NUMBER_SHIFT | event.index):
                break
            if number == len(self.cases):
                return
        self._next_turn(event, visit, number)

    def _happen(self, case: Case, event: _OutsideEvent, visit: int) -> bool:
        if case.state not in event.states or (event.only_waiting and (case.status != WAITING or case.interrupted)):
            return False
        policy = self._policy_of(case)
        guard, write = policy.guards[event.index], policy.writes[event.index]
        if guard is not None and not guard(case.facts, case.record):
            return False
        before = list(case.record)
        if write is not None:
            write(case.record)
        outcome = event.gives.write(case, visit, self.env._now)
        if self._move(case, event.name, FIRST_EVENT_CAUSE + event.index, outcome, before):
            self._settle(case)
            return True
        if case.station is not None and case.status == WAITING and case.record != before:
            case.station.rejoin(case, case.activity.priority(case))  # type: ignore[union-attr]
            self._touched.add(case.station.index)
        return True

    # the end -------------------------------------------------------------------------------------

    def run(self, processes: Iterable[Process] = ()) -> EventLog:
        """Run to the horizon and return the log."""
        for process in processes:
            self.env.process(process(self))
        self.env.run_to(self._horizon)
        if self.watch is not None:
            self.watch.end(self._horizon)
        for case in self.cases:
            if case.state and case.state not in self._final:
                state = self._codes[case.state]
                activity = self._activity_of.get(case.state)
                at = (-1, -1) if activity is None or case.status == NOWHERE else (activity.index, self._record_team(case))
                self._rows.append(
                    (case.number, -1, BY_HORIZON, state, state, *at, case.server,
                     case.enabled, case.started, NEVER, -1, self._horizon, _booked_for(case))
                )  # fmt: skip
                self._record_batch(case)
        resized = {
            name: tuple(tuple(p.sizes) for p in self._stations if p.pool == i)
            for i, name in enumerate(self.scenario.pools)
            if name in self._resized
        }
        return event_log(self.plan.cases, self._rows, resized, self._held, self._moved, self._batches)

    def _judge(self, case: Case, violation: Violation | None) -> None:
        """Raise if a rule was broken and the monitor is to stop the run."""
        if violation is not None and self._stops:
            raise rule_broken(self.scenario, violation, case.court, case.facts, self._moves(case))

    def _stuck(self, case: Case, trigger: str) -> str:
        what = "when its activity completes" if trigger == COMPLETE else "on entry"
        guards = [t.name for t in self._policy_of(case).transitions if case.state in t.sources and not t.events]
        record = ", ".join(f"{name} = {value}" for name, value in zip(self.scenario.workflow.record, case.record, strict=True))
        return (
            f"case {case.number} of {self.scenario.courts[case.court]} is stuck in the state {case.state!r}: {what}, no guard of"
            f" {', '.join(guards)} holds. Its record: {record}. Add a last transition without a guard.{self._history(case)}"
        )

    def _moves(self, case: Case) -> list[tuple[int, int, int, int]]:
        steps = (r for r in self._rows if r[0] == case.number and (r[2] <= BY_HORIZON or r[2] >= FIRST_EVENT_CAUSE))
        return [(r[1], r[3], r[4], r[12]) for r in steps]

    def _history(self, case: Case) -> str:
        return last_moves(self.scenario, self._moves(case))


def simulate(
    plan: Plan, path: Draws, hooks: Mapping[str, Hook] | None = None, processes: Iterable[Process] = (),
    monitor: Monitoring | None = None, violations: list[Violation] | None = None, on_rows: OnRows | None = None,
) -> EventLog:  # fmt: skip
    """Run a plan on the SimPy engine.

    Parameters
    ----------
    plan : Plan
    path : Draws
        The source of draws that the plan was made with.
    hooks : mapping of str to callable, optional
        By the name of a transition: ``hook(simulation, case)`` is called after the case has moved.
    processes : iterable of callable, optional
        Each is called with the `Simulation` and returns a generator of a SimPy process. Its delays are whole
        microseconds, and it runs before the other events of an instant.
    monitor : {"stop", "count"}, optional
        Watch the workflow's rules on every case: stop at the first violation, or count violations.
    violations : list, optional
        Receives the violations.
    on_rows : callable, optional
        Called with the whole log at the end; the compiled engine calls it with each part.

    Returns
    -------
    EventLog

    Raises
    ------
    StuckCase
        If no guard holds for a case that must move.
    VisitCap
        If a case visits an activity too often.
    RuleBroken
        With ``monitor="stop"``, at the first violation.
    """
    collecting = gc.isenabled()
    gc.disable()  # cases live until the end of the run, and collecting garbage among them doubles its time
    try:
        simulation = Simulation(plan, path, hooks, monitor)
        log = simulation.run(processes)
        if violations is not None and simulation.watch is not None:
            violations += simulation.watch.violations
        if on_rows is not None:
            on_rows(log)
        return log
    finally:
        if collecting:
            gc.enable()
