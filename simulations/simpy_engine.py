"""The readable engine: SimPy's clock, the workflow's `transitions` machine, and nothing drawn that is not keyed.

It runs a plan event by event: one scheduled SimPy event for each completion, outside event, arrival and
opening of a shift, with a callback each, and no process per case. At one instant, events run in the order
completions, capacity, outside events, arrivals; when none is left, the pools that something happened to
start what they can (dispatch). Users extend it with their own Python: a hook on a transition, or a SimPy
process of their own.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any

import simpy

from simulations.calendars import Calendar
from simulations.draws import Draws, choose
from simulations.eventlog import NEVER, EventLog, Row, event_log, said_outcome
from simulations.plan import Plan
from simulations.quantities import Choice, Length, Shares
from simulations.scenario import Law, Pool, Scenario, Work
from workflow.definition import COMPLETE, ENTER, Event, Kind, Value
from workflow.errors import InputError, StuckCase, VisitCap
from workflow.machine import CaseMachine, effect_of

__all__ = ["Case", "Hook", "Process", "Simulation", "simulate"]

# The kinds of events in the order in which they run at one instant; below them lies what users schedule.
_DONE, _CAPACITY, _RING, _ARRIVE, _DISPATCH = (kind << 56 for kind in (1, 2, 3, 4, 5))
_BY_COMPLETION, _BY_ENTRY, _BY_HORIZON, _FIRST_EVENT = 0, 1, 2, 3
_NOWHERE, _WAITING, _SERVED, _DELAYED = range(4)
MOST_VISITS = 1000

Hook = Callable[["Simulation", "Case"], None]
Process = Callable[["Simulation"], Generator[Any, Any, Any]]
Pick = Callable[[Sequence[Value], Sequence[Value]], Any]


class _Moment(simpy.Event):
    """A SimPy event at an absolute time."""

    def __init__(self, env: _Clock, callback: Callable[[_Moment], None], value: Any) -> None:
        self.env = env
        self.callbacks = [callback]  # type: ignore[list-item]
        self._value = value
        self._ok = True
        self._defused = False

    def cancel(self) -> None:
        """Let nothing happen when its time comes."""
        self.callbacks = []


class _Clock(simpy.Environment):
    """A SimPy environment whose time is a whole number of microseconds."""

    def at(self, time: int, priority: int, callback: Callable[[_Moment], None], value: Any) -> _Moment:
        """Schedule a callback at an absolute time; `priority` orders the events of one instant."""
        moment = _Moment(self, callback, value)
        heappush(self._queue, (time, priority, next(self._eid), moment))  # type: ignore[misc]
        return moment

    def schedule(self, event: simpy.Event, priority: Any = 1, delay: Any = 0) -> None:
        """Schedule a user's event; its delay must be whole microseconds."""
        if not isinstance(delay, int):
            raise InputError([f"a delay in a SimPy process is a whole number of microseconds, not {delay!r}"])
        super().schedule(event, priority, delay)

    def run_to(self, horizon: int) -> None:
        """Run every event up to and at the horizon."""
        queue, step = self._queue, self.step
        while queue and queue[0][0] <= horizon:
            step()


class Case:
    """A case while it runs.

    Attributes
    ----------
    number : int
        Its row in the case table.
    state : str
    facts : tuple
        In the order of ``scenario.fact_names``.
    record : list
        In the order of ``workflow.record``.
    arrived : int
        Microseconds since the start.
    """

    __slots__ = ("arrived", "clocks", "court", "enabled", "entry", "facts", "key", "number", "place", "record", "server", "started", "state", "status", "visits", "work")  # fmt: skip

    def __init__(self, number: int, court: int, key: int, arrived: int, facts: Sequence[Value], record: Sequence[Value]) -> None:
        self.number = number
        self.court = court
        self.key = key
        self.arrived = arrived
        self.facts = facts
        self.record = list(record)
        self.state = ""
        self.status = _NOWHERE
        self.enabled = NEVER
        self.started = NEVER
        self.server = -1
        self.place: _Place | None = None
        self.entry: list[Any] | None = None
        self.work: _Moment | None = None
        self.clocks: dict[int, _Moment | None] = {}
        self.visits: dict[str, int] = {}


class _Place:
    """A pool at one court, or for the nation: its servers and its queue."""

    __slots__ = ("busy", "calendar", "exempt", "excepted", "free", "index", "order", "pool", "queue", "rule", "servers", "size", "suspended")  # fmt: skip

    def __init__(self, index: int, pool: int, size: int, calendar: Calendar, rule: str, order: Callable[[Case], Any]) -> None:
        self.index = index
        self.pool = pool
        self.size = size
        self.calendar = calendar
        self.rule = rule
        self.order = order
        self.busy = 0
        self.servers = 0  # how many numbers have been given out
        self.free: list[int] = []
        self.queue: list[list[Any]] = []
        self.excepted: list[list[Any]] = []
        self.exempt: Callable[[Sequence[Value], Sequence[Value]], bool] | None = None
        self.suspended: list[tuple[int, int]] = []

    def head(self, now: int) -> list[list[Any]] | None:
        """Return the queue whose head is next, or ``None`` if nobody may be served now."""
        for queue in (self.queue, self.excepted):
            while queue and queue[0][-1] is None:
                heappop(queue)
        if self.suspended and any(start <= now < end for start, end in self.suspended):
            return self.excepted or None
        if self.queue and self.excepted:
            return min(self.queue, self.excepted, key=lambda queue: queue[0][:4])
        return self.queue or self.excepted or None


class _Activity:
    """What the engine needs of an activity."""

    __slots__ = ("index", "length", "name", "outcome", "places", "pool", "priority", "purpose", "working_days")

    def __init__(self, engine: Simulation, index: int, work: Work, places: Mapping[str, list[_Place]]) -> None:
        scenario = engine.scenario
        self.index = index
        self.name = work.activity
        self.purpose = f"activity:{work.activity}"
        self.priority = work.priority
        self.length: Pick = work.takes.picker(scenario.fact_names, tuple(scenario.workflow.record))
        gives, values = scenario.workflow.activities[work.activity].gives, scenario.workflow.activities[work.activity].values
        self.outcome = None if work.outcome is None else _Outcome(engine, str(gives), values, work.outcome)
        self.pool = -1 if work.pool is None else list(scenario.pools).index(work.pool)
        self.places = None if work.pool is None else places[work.pool]
        self.working_days = work.working_days


class _Outcome:
    """What an activity or an event may find, and how likely."""

    __slots__ = ("codes", "field", "pick")

    def __init__(self, engine: Simulation, gives: str, values: Sequence[Value], shares: Choice[Shares]) -> None:
        scenario = engine.scenario
        self.field = list(scenario.workflow.record).index(gives)
        self.pick: Pick = shares.picker(scenario.fact_names, tuple(scenario.workflow.record))
        self.codes = {value: engine.outcomes.index(said_outcome(value)) for value in values}

    def write(self, case: Case, numerator: int) -> int:
        """Draw the outcome, write it to the record, and return its code."""
        shares: Shares = self.pick(case.facts, case.record)
        value = shares.values[choose(numerator, shares.cumulative)]
        case.record[self.field] = value
        return self.codes[value]


class _Happening:
    """What the engine needs of an outside event and its law."""

    __slots__ = ("chance", "event", "guard", "hazard", "index", "length", "outcome", "purpose", "since", "states", "write")

    def __init__(self, engine: Simulation, index: int, event: Event, law: Law | None) -> None:
        scenario = engine.scenario
        names = (scenario.fact_names, tuple(scenario.workflow.record))
        self.index = index
        self.event = event.name
        self.purpose = f"event:{event.name}"
        self.states = frozenset(event.states)
        self.guard = None if event.guard is None else engine.machine.test(event.guard)
        self.write = effect_of(scenario.workflow, event.effects)
        self.outcome = self.hazard = self.length = self.chance = None
        self.since: frozenset[int] = frozenset()
        if law is not None:
            self.outcome = None if law.outcome is None else _Outcome(engine, str(event.gives), event.values, law.outcome)
            self.hazard = None if law.hazard is None else law.hazard.picker(*names)
            self.length = None if law.after is None else law.after.picker(*names)
            self.chance = None if law.chance is None else law.chance.picker(*names)
            self.since = law.since

    @property
    def by_state(self) -> bool:
        """Whether a clock starts on entering the event's states."""
        return self.length is not None and not self.since


class _Draws:
    """The draws of a plan, the first visits of all cases made at once."""

    def __init__(self, plan: Plan, path: Draws) -> None:
        self._keys = plan.cases.keys
        self._path = path
        self._first: dict[str, tuple[memoryview, memoryview]] = {}

    def bits(self, case: Case, purpose: str, visit: int) -> tuple[int, int]:
        """Return the numerators of the two uniforms of a case, a purpose and a visit."""
        if visit:
            return self._path.bits(case.key, purpose, visit)
        first = self._first.get(purpose)
        if first is None:
            one, two = self._path.many(self._keys, purpose, 0)
            first = self._first[purpose] = (memoryview(one), memoryview(two))
        return first[0][case.number], first[1][case.number]


class Simulation:
    """One run of a plan; what hooks and SimPy processes of a user's own are given.

    Attributes
    ----------
    env : simpy.Environment
        Its time is whole microseconds since the scenario's start.
    scenario : Scenario
    cases : list of Case
        By number; a case that has not arrived has an empty state.
    """

    def __init__(self, plan: Plan, path: Draws, hooks: Mapping[str, Hook] | None = None) -> None:
        from simulations.eventlog import Words

        self.plan = plan
        self.scenario: Scenario = plan.scenario
        self.env = _Clock()
        self.machine = CaseMachine(self.scenario.workflow)
        self.outcomes = list(Words.of(self.scenario).outcome)
        self._draws = _Draws(plan, path)
        self._rows: list[Row] = []
        self._tie = count()
        self._touched: set[int] = set()
        self._horizon = self.scenario.horizon
        workflow = self.scenario.workflow
        self._transitions = workflow.transitions
        self._kinds = {s.name: s.kind for s in workflow.states.values()}
        self._codes = {name: i for i, name in enumerate(workflow.states)}
        self._hooks = self._by_transition(hooks or {})
        self._places: list[_Place] = []
        places = {name: self._open_pool(i, pool) for i, (name, pool) in enumerate(self.scenario.pools.items())}
        activities = {
            name: _Activity(self, list(workflow.activities).index(name), work, places)
            for name, work in self.scenario.work.items()
        }
        self._activity_of = {s.name: activities[s.activity] for s in workflow.states.values() if s.activity in activities}
        self._happenings = [
            _Happening(self, i, event, self.scenario.laws.get(event.name)) for i, event in enumerate(workflow.events.values())
        ]
        self._by_name = {h.event: h for h in self._happenings}
        self._clocks_in = {
            name: tuple(h for h in self._happenings if h.by_state and name in h.states) for name in workflow.states
        }
        self._since: dict[int, list[_Happening]] = {}
        for happening in self._happenings:
            for transition in happening.since:
                self._since.setdefault(transition, []).append(happening)
        self._hazards = [h for h in self._happenings if h.hazard is not None]
        self._events_that_move = {(trigger, state) for trigger, state in self.machine.tries if trigger not in (COMPLETE, ENTER)}
        self.cases = self._make_cases()

    # what users may call -------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """Return the time in microseconds since the start."""
        return int(self.env.now)

    def value(self, case: Case, name: str) -> Value:
        """Return a fact or a record field of a case."""
        names = self.scenario.fact_names
        return case.facts[names.index(name)] if name in names else case.record[list(self.scenario.workflow.record).index(name)]

    def happen(self, case: Case, event: str) -> bool:
        """Let an outside event happen to a case now; say whether it counted.

        It counts only in the event's ``while:`` states and where its ``when:`` holds.
        """
        happening = self._by_name.get(event)
        if happening is None:
            raise InputError([f"{event!r} is no event of the workflow {self.scenario.workflow.name!r}"])
        visit = case.visits.get(happening.purpose, 0)
        if happening.outcome is not None:
            case.visits[happening.purpose] = visit + 1
        return self._happen(case, happening, visit)

    def resize(self, pool: str, court: str | None, size: int) -> None:
        """Change the number of servers of a pool (at a court) from now on."""
        for place in self._places:
            where = list(self.scenario.pools)[place.pool]
            at_court = self.scenario.pools[pool].at_court
            if where == pool and (not at_court or court is None or self._court_of(place) == court):
                place.size = size
                self._touch(place)

    def _court_of(self, place: _Place) -> str:
        first = next(p.index for p in self._places if p.pool == place.pool)
        return self.scenario.courts[place.index - first]

    # building ------------------------------------------------------------------------------------

    def _by_transition(self, hooks: Mapping[str, Hook]) -> dict[int, Hook]:
        from workflow.errors import nearest

        names = [t.name for t in self._transitions]
        for name in hooks:
            if name not in names:
                raise InputError([f"hooks: {name!r} is no transition of the workflow {self.scenario.workflow.name!r}.{nearest(name, names)}"])
        return {names.index(name): hook for name, hook in hooks.items()}

    def _open_pool(self, index: int, pool: Pool) -> list[_Place]:
        order = self._order_of(pool)
        opened: list[_Place] = []
        for k, (sizes, calendar) in enumerate(zip(pool.sizes, pool.calendars, strict=True)):
            place = _Place(len(self._places), index, sizes[0][1], calendar, pool.at_shift_end, order)
            for suspension in self.scenario.suspensions:
                if suspension.pool == pool.name and k in suspension.courts:
                    place.suspended.append((suspension.start, suspension.end))
                    place.exempt = None if suspension.exempt is None else self.machine_test(suspension.exempt)
                    self._at_capacity(suspension.end, place, None)
            for time, size in sizes[1:]:
                self._at_capacity(time, place, size)
            self._places.append(place)
            opened.append(place)
            self._next_opening(place, -1)
        return opened

    def machine_test(self, condition: Any) -> Callable[[Sequence[Value], Sequence[Value]], bool]:
        """Return a condition of the scenario as a function of a case's facts and record."""
        from workflow.predicates import scalar

        return scalar(condition, self.scenario.fact_names, tuple(self.scenario.workflow.record))  # type: ignore[return-value]

    def _order_of(self, pool: Pool) -> Callable[[Case], Any]:
        rule, value = pool.order.rule, pool.order.value
        if rule == "oldest":
            return lambda case: case.arrived
        if rule == "newest":
            return lambda case: -case.arrived
        if value is None:
            return lambda case: 0
        names = (self.scenario.fact_names, tuple(self.scenario.workflow.record))
        pick: Pick = value.picker(*names) if isinstance(value, Choice) else self.machine_test(value)
        return lambda case: pick(case.facts, case.record)

    def _make_cases(self) -> list[Case]:
        cases = self.plan.cases
        states = list(self.scenario.workflow.states)
        rows = zip(cases.court.tolist(), cases.keys.tolist(), cases.arrived.tolist(), cases.facts, cases.records, cases.state.tolist(), strict=True)  # fmt: skip
        made = []
        for number, (court, key, arrived, facts, record, state) in enumerate(rows):
            case = Case(number, court, key, arrived, facts, record)
            made.append(case)
            self.env.at(max(arrived, 0), _ARRIVE | number << 8, self._arrive, (case, states[state]))
        return made

    # capacity ------------------------------------------------------------------------------------

    def _at_capacity(self, time: int, place: _Place, size: int | None) -> None:
        if time <= self._horizon:
            self.env.at(time, _CAPACITY | place.index, self._change, (place, size))

    def _change(self, moment: _Moment) -> None:
        place, size = moment.value
        if size is not None:
            place.size = size
        self._touch(place)

    def _next_opening(self, place: _Place, after: int) -> None:
        opening = place.calendar.next_opening(after)
        if opening is not None and opening <= self._horizon:
            self.env.at(opening, _CAPACITY | place.index, self._opened, place)

    def _opened(self, moment: _Moment) -> None:
        place = moment.value
        self._touch(place)
        self._next_opening(place, self.env._now)

    def _touch(self, place: _Place) -> None:
        if not self._touched:
            self.env.at(self.env._now, _DISPATCH, self._dispatch, None)
        self._touched.add(place.index)

    def _dispatch(self, _: _Moment) -> None:
        touched, self._touched = sorted(self._touched), set()
        for index in touched:
            self._serve(self._places[index])

    def _serve(self, place: _Place) -> None:
        now = self.env._now
        if place.busy >= place.size or place.calendar.spell_at(now) is None:
            return
        while place.busy < place.size:
            queue = place.head(now)
            if queue is None:
                return
            self._start(heappop(queue)[-1], place, now)

    def _start(self, case: Case, place: _Place, now: int) -> None:
        activity = self._activity_of[case.state]
        length = self._length(case, activity)
        case.entry = None
        case.status = _SERVED
        case.started = now
        if place.free:
            case.server = heappop(place.free)
        else:
            case.server = place.servers
            place.servers += 1
        place.busy += 1
        done = place.calendar.complete(now, length, place.rule)
        if done is not None and done <= self._horizon:
            case.work = self.env.at(done, _DONE | case.number << 8, self._complete, case)

    def _length(self, case: Case, activity: _Activity) -> int:
        length: Length = activity.length(case.facts, case.record)
        if length.law.constant:
            return round(length.law.values[0])
        bits, _ = self._draws.bits(case, activity.purpose, case.visits[activity.purpose] - 1)
        return max(round(length.law.draw(bits)), 0)

    # moves ---------------------------------------------------------------------------------------

    def _arrive(self, moment: _Moment) -> None:
        case, state = moment.value
        for happening in self._hazards:
            self._next_hazard(case, happening, self.env._now)
        case.state = state
        self._enter(case, None, state, None)
        self._settle(case)

    def _complete(self, moment: _Moment) -> None:
        case: Case = moment.value
        case.work = None
        activity = self._activity_of[case.state]
        outcome = -1
        if activity.outcome is not None:
            _, bits = self._draws.bits(case, activity.purpose, case.visits[activity.purpose] - 1)
            outcome = activity.outcome.write(case, bits)
        self._move(case, COMPLETE, _BY_COMPLETION, outcome)
        self._settle(case)

    def _settle(self, case: Case) -> None:
        """Follow the transitions of instant states, and those tried on entry, until the case rests or waits."""
        while (ENTER, case.state) in self.machine.tries and self._move(case, ENTER, _BY_ENTRY, -1):
            pass
        if case.status == _NOWHERE and self._kinds[case.state] is Kind.ACTIVITY:
            self._enable(case)

    def _move(self, case: Case, trigger: str, cause: int, outcome: int) -> bool:
        """Let the machine decide; write the row and enter the new state. Say whether the case moved."""
        old = case.state
        taken = self.machine.fire(case, trigger)
        if taken is None:
            if cause == _BY_COMPLETION or (cause == _BY_ENTRY and self._kinds[old] is Kind.INSTANT):
                raise StuckCase(self._stuck(case, trigger))
            return False
        if self._transitions[taken].target is None:
            self._row(case, taken, cause, old, outcome, at_work=False)
        else:
            self._row(case, taken, cause, old, outcome, at_work=case.status != _NOWHERE)
            if case.status != _NOWHERE:
                self._leave(case)
            self._enter(case, old, case.state, taken)
        for happening in self._since.get(taken, ()):
            if self._kinds[case.state] is not Kind.FINAL:
                self._start_clock(case, happening)
        hook = self._hooks.get(taken)
        if hook is not None:
            hook(self, case)
        return self._transitions[taken].target is not None

    def _row(self, case: Case, taken: int, cause: int, old: str, outcome: int, at_work: bool) -> None:
        codes, now = self._codes, self.env._now
        if at_work:
            activity = self._activity_of[old]
            completed = now if cause == _BY_COMPLETION else NEVER
            self._rows.append(
                (case.number, taken, cause, codes[old], codes[case.state], activity.index, activity.pool, case.server,
                 case.enabled, case.started, completed, outcome, now)
            )  # fmt: skip
        else:
            self._rows.append((case.number, taken, cause, codes[old], codes[case.state], -1, -1, -1, NEVER, NEVER, NEVER, outcome, now))

    def _leave(self, case: Case) -> None:
        """Take a case out of its queue or out of its server's hands."""
        place = case.place
        if place is not None:
            if case.status == _WAITING and case.entry is not None:
                case.entry[-1] = None
            elif case.status == _SERVED:
                place.busy -= 1
                heappush(place.free, case.server)
            self._touch(place)
        if case.work is not None:
            case.work.cancel()
            case.work = None
        case.status = _NOWHERE
        case.place = case.entry = None
        case.server = -1
        case.enabled = case.started = NEVER

    def _enter(self, case: Case, old: str | None, new: str, taken: int | None) -> None:
        """Stop and start the clocks of outside events on a change of state."""
        before = self._clocks_in[old] if old is not None else ()
        after = self._clocks_in[new]
        if self._kinds[new] is Kind.FINAL:
            for clock in case.clocks.values():
                if clock is not None:
                    clock.cancel()
            case.clocks.clear()
            return
        for happening in before:
            if happening not in after:
                self._stop_clock(case, happening)
        for happening in after:
            if happening not in before:
                self._start_clock(case, happening)

    def _enable(self, case: Case) -> None:
        """Put a case into its queue, or start its delay."""
        activity = self._activity_of[case.state]
        self._visit(case, activity.purpose)
        now = self.env._now
        case.enabled = now
        if activity.places is None:
            length = self._length(case, activity)
            done = now + length if activity.working_days is None else activity.working_days.complete(now, length)
            case.status = _DELAYED
            case.started = now
            if done is not None and done <= self._horizon:
                case.work = self.env.at(done, _DONE | case.number << 8, self._complete, case)
            return
        place = activity.places[case.court if len(activity.places) > 1 else 0]
        case.place = place
        case.status = _WAITING
        case.entry = [activity.priority, place.order(case), now, case.number, next(self._tie), case]
        self._join(case, place)

    def _join(self, case: Case, place: _Place) -> None:
        exempt = place.exempt is not None and place.exempt(case.facts, case.record)
        heappush(place.excepted if exempt else place.queue, case.entry)  # type: ignore[arg-type]
        self._touch(place)

    def _visit(self, case: Case, purpose: str) -> int:
        """Count a visit and return how many there were before it."""
        before = case.visits.get(purpose, 0)
        if before >= MOST_VISITS:
            raise VisitCap(
                f"case {case.number} has come {MOST_VISITS} times to {purpose!r}, now in the state {case.state!r}: the workflow"
                f" sends it round and round.{self._history(case)}"
            )
        case.visits[purpose] = before + 1
        return before

    # outside events --------------------------------------------------------------------------------

    def _start_clock(self, case: Case, happening: _Happening) -> None:
        self._stop_clock(case, happening)
        visit = self._visit(case, happening.purpose)
        if happening.chance is not None:
            bits, _ = self._draws.bits(case, f"chance:{happening.event}", visit)
            if not bits < happening.chance(case.facts, case.record) * 2.0**53:
                return
        length: Length = happening.length(case.facts, case.record)  # type: ignore[misc]
        bits, _ = self._draws.bits(case, happening.purpose, visit)
        time = self.env._now + max(round(length.law.draw(bits)), 0)
        if time <= self._horizon:
            value = (case, happening, visit)
            case.clocks[happening.index] = self.env.at(time, _RING | case.number << 8 | happening.index, self._ring, value)

    def _stop_clock(self, case: Case, happening: _Happening) -> None:
        clock = case.clocks.pop(happening.index, None)
        if clock is not None:
            clock.cancel()

    def _next_hazard(self, case: Case, happening: _Happening, since: int) -> None:
        """Schedule the next date of a Poisson process over the case's whole life."""
        rate = happening.hazard(case.facts, case.record)  # type: ignore[misc]
        if rate <= 0:
            return
        visit = self._visit(case, happening.purpose)
        bits, _ = self._draws.bits(case, happening.purpose, visit)
        time = since + round(min(_UNIT.draw(bits) / rate, 2.0**62))
        if time <= self._horizon:
            value = (case, happening, visit)
            case.clocks[happening.index] = self.env.at(time, _RING | case.number << 8 | happening.index, self._ring, value)

    def _ring(self, moment: _Moment) -> None:
        case, happening, visit = moment.value
        case.clocks.pop(happening.index, None)
        self._happen(case, happening, visit)
        if happening.hazard is not None and self._kinds[case.state] is not Kind.FINAL:
            self._next_hazard(case, happening, self.env._now)

    def _happen(self, case: Case, happening: _Happening, visit: int) -> bool:
        if case.state not in happening.states or (happening.guard is not None and not happening.guard(case.facts, case.record)):
            return False
        before = list(case.record)
        if happening.write is not None:
            happening.write(case.record)
        outcome = -1
        if happening.outcome is not None:
            _, bits = self._draws.bits(case, happening.purpose, visit)
            outcome = happening.outcome.write(case, bits)
        cause = _FIRST_EVENT + happening.index
        rows = len(self._rows)
        if (happening.event, case.state) in self._events_that_move and self._move(case, happening.event, cause, outcome):
            self._settle(case)
            return True
        if len(self._rows) == rows and case.record != before:
            self._row(case, -1, cause, case.state, outcome, at_work=False)
        if case.record != before and case.status == _WAITING:
            self._requeue(case)
        return True

    def _requeue(self, case: Case) -> None:
        """Put a waiting case into the right one of a place's two queues, its enabled time kept."""
        place = case.place
        if place is not None and place.exempt is not None and case.entry is not None:
            entry = [*case.entry[:4], next(self._tie), case]
            case.entry[-1] = None
            case.entry = entry
            self._join(case, place)

    # the end -------------------------------------------------------------------------------------

    def run(self, processes: Iterable[Process] = ()) -> EventLog:
        """Run to the horizon and return the log."""
        for process in processes:
            self.env.process(process(self))
        gc.collect()
        gc.freeze()  # cases live to the end: collecting them again and again doubles the time of a large run
        try:
            self.env.run_to(self._horizon)
        finally:
            gc.unfreeze()
        for case in self.cases:
            if case.state and self._kinds[case.state] is not Kind.FINAL:
                state = self._codes[case.state]
                activity = self._activity_of.get(case.state)
                at = (-1, -1) if activity is None or case.status == _NOWHERE else (activity.index, activity.pool)
                self._rows.append((case.number, -1, _BY_HORIZON, state, state, *at, case.server, case.enabled, case.started, NEVER, -1, self._horizon))
        return event_log(self.plan.cases, self._rows)

    def _stuck(self, case: Case, trigger: str) -> str:
        what = "when its activity completes" if trigger == COMPLETE else "on entry"
        guards = [t.name for t in self._transitions if case.state in t.sources and not t.events]
        record = ", ".join(f"{name} = {value}" for name, value in zip(self.scenario.workflow.record, case.record, strict=True))
        return (
            f"case {case.number} of {self.scenario.courts[case.court]} is stuck in the state {case.state!r}: {what}, no guard of"
            f" {', '.join(guards)} holds. Its record: {record}. Add a last transition without a guard.{self._history(case)}"
        )

    def _history(self, case: Case) -> str:
        words = [t.name for t in self._transitions]
        states = list(self._codes)
        rows = [r for r in self._rows if r[0] == case.number][-12:]
        steps = [f"\n  {self.scenario.epoch.instant(r[-1])}  {words[r[1]] if r[1] >= 0 else '-'}: {states[r[3]]} -> {states[r[4]]}" for r in rows]
        return "\nIts last moves:" + "".join(steps) if steps else ""


def simulate(
    plan: Plan, path: Draws, hooks: Mapping[str, Hook] | None = None, processes: Iterable[Process] = ()
) -> EventLog:
    """Run a plan on the SimPy engine.

    Parameters
    ----------
    plan : Plan
    path : Draws
        The source of draws, the one that the plan was made with.
    hooks : mapping of str to callable, optional
        For the names of transitions: ``hook(simulation, case)`` is called after the case has moved.
    processes : iterable of callable, optional
        Each is called with the `Simulation` and gives a SimPy process; its delays are whole microseconds,
        and it runs before the events of an instant.

    Returns
    -------
    EventLog

    Raises
    ------
    StuckCase
        If no guard holds where a case must move on.
    VisitCap
        If a case goes round and round.
    """
    return Simulation(plan, path, hooks).run(processes)


def _unit() -> Any:
    from simulations.distributions import make_distribution

    return make_distribution("exponential", {"mean": 1.0})


_UNIT = _unit()

