"""Invariants of every run, checked on random scenarios of random workflows.

Each invariant is computed here from the rows and the case table alone, in another way than in the engine.
"""

from __future__ import annotations

import bisect
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from simulations import SamplePath, Scenario, make_plan, simulate
from simulations.engines.sampling import Purpose
from simulations.log.eventlog import HORIZON, NEVER, EventLog
from simulations.measuring.invariants import check_log
from simulations.measuring.utilisation import pool_times
from simulations.scenarios.quantities import Choice
from tests.examples import examples
from tests.simulations.pressed import pressed
from tests.simulations.random_scenarios import Mapping, desks, loaded, run, scenarios, simulated
from workflow.model.definition import COMPLETE, ENTER, INCREMENT, INTERRUPTED, StateKind
from workflow.predicates import Expression, scalar

SOME = settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(SOME, max_examples=examples(20))


class History:
    """A log with the record of each case after each of its rows, and each work item of a pool."""

    def __init__(self, log: EventLog) -> None:
        self.log, self.scenario, self.workflow = log, log.cases.scenario, log.cases.scenario.workflow
        self.fields = list(self.workflow.record)
        self.names = (self.scenario.fact_names, tuple(self.fields))
        self.rows = self._rows()
        self.records: dict[int, list[tuple[int, list[Any]]]] = {
            i: [(NEVER, list(record))] for i, record in enumerate(log.cases.records)
        }
        for row in self.rows:
            self.records[row["case_id"]].append((row["happened_at"], self._after(row)))

    def _rows(self) -> list[dict[str, Any]]:
        plain = {name: column.tolist() for name, column in self.log.columns.items()}
        words = {
            **{
                n: self.log.labels.column(n)
                for n in ("transition", "cause", "from_state", "to_state", "activity", "pool", "outcome")
            }
        }
        rows = []
        for i in range(len(self.log)):
            row = {name: values[i] for name, values in plain.items()}
            rows.append(row | {name: None if row[name] < 0 else w[row[name]] for name, w in words.items()})
        return rows

    def test(self, expression: Expression | None, case: int, record: list[Any]) -> bool:
        """Return whether a condition holds for a case."""
        return expression is None or bool(scalar(expression, *self.names)(self.log.cases.facts[case], record))

    def _after(self, row: dict[str, Any]) -> list[Any]:
        """Return the record after a row, and check that the row has the right transition."""
        case = row["case_id"]
        record = list(self.records[case][-1][1])
        workflow = self.policy(case, row["happened_at"])
        event = workflow.events.get(row["cause"])
        if row["cause"] in (HORIZON, INTERRUPTED):
            return record
        if event is not None:
            assert row["from_state"] in event.states
            assert self.test(event.guard, case, record)
            self._write(record, event.effects)
        giver = event if event is not None else self._work(row) if row["cause"] == COMPLETE else None
        assert (row["outcome"] is not None) == (giver is not None and giver.gives != ())
        if giver is not None and giver.gives:
            given = next(o for o in giver.outcomes if giver.label(o) == row["outcome"])
            self._write(record, giver.written(given))
        assert row["transition"] == self.first(workflow, row["from_state"], row["cause"], case, record)
        if row["transition"] is not None:
            transition = next(t for t in workflow.transitions if t.name == row["transition"])
            self._write(record, transition.effects)
            assert row["to_state"] == (transition.target or row["from_state"])
        return record

    def _work(self, row: dict[str, Any]) -> Any:
        return self.workflow.activities[self.workflow.states[row["from_state"]].activity or ""]

    def policy(self, case: int, time: int) -> Any:
        """Return the workflow that decides a case at an instant: the last one in force that applies to it."""
        for policy in reversed(self.scenario.policies):
            if policy.start <= time and (not policy.pinned or policy.start <= self.log.cases.arrived[case]):
                return policy.workflow
        return self.workflow

    def first(self, workflow: Any, state: str, cause: str, case: int, record: list[Any]) -> str | None:
        """Return the first enabled transition of a state and trigger, in the order of the file."""
        at_once = workflow.states[state].kind is StateKind.INSTANT
        for t in workflow.transitions:
            moment = (cause in t.events) if t.events else cause == (ENTER if at_once or t.at_entry else COMPLETE)
            if state in t.sources and moment and self.test(t.guard, case, record):
                return t.name
        return None

    def _write(self, record: list[Any], effects: Any) -> None:
        for name, value in effects:
            k = self.fields.index(name)
            record[k] = min(record[k] + 1, self.workflow.record[name].maximum) if value == INCREMENT else value

    def record_at(self, case: int, time: int) -> list[Any] | None:
        """Return the record of a case at an instant, or ``None`` if it changes at that instant."""
        steps = self.records[case]
        if any(at == time for at, _ in steps):
            return None
        return next(record for at, record in reversed(steps) if at < time)


def _labelled_rows(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass
class Stay:
    """A waiting time and the work after it, at a station."""

    case: int
    activity: str
    enabled: int
    started: int | None
    left: int
    server: int
    interrupted: bool
    first_started: int | None
    """When the first part of interrupted work started; ``None`` for new work."""

    @property
    def waits_until(self) -> int:
        """Return when the case leaves the queue."""
        return self.left if self.started is None else self.started


def stations(history: History) -> Iterator[tuple[Any, int, list[Stay]]]:
    """Yield every pool and court (or the nation) with its stays; a stay that is open at the end leaves after it."""
    stays = defaultdict(list)
    scenario = history.scenario
    begun: dict[int, int] = {}
    for row in history.rows:
        if row["pool"] is not None:
            pool = scenario.pools[row["pool"]]
            court = int(history.log.cases.court[row["case_id"]]) if pool.at_court else 0
            left = row["happened_at"] + (row["cause"] == HORIZON)
            started = None if row["started_at"] == NEVER else row["started_at"]
            stays[pool.name, court].append(
                Stay(
                    row["case_id"], row["activity"], row["enabled_at"], started, left, row["server"],
                    row["cause"] == INTERRUPTED, begun.get(row["case_id"]),
                )
            )  # fmt: skip
            first = begun.pop(row["case_id"], row["started_at"])
            if row["cause"] == INTERRUPTED:
                begun[row["case_id"]] = first
    for (name, court), of_station in stays.items():
        yield scenario.pools[name], court, of_station


def size_at(pool: Any, court: int, time: int) -> int:
    """Return the size of a pool at an instant, after the changes of that instant."""
    return next(size for at, size in reversed(pool.sizes[court]) if at <= time)


def suspended(history: History, pool: Any, court: int, time: int) -> Any:
    """Return the suspension of a station at an instant, or ``None``."""
    here = [s for s in history.scenario.suspensions if s.pool == pool.name and court in s.courts]
    return next((s for s in here if s.start <= time < s.end), None)


def may_start(history: History, pool: Any, court: int, case: int, time: int) -> bool | None:
    """Return whether suspensions allow a waiting case to start; ``None`` if its record changes at that instant."""
    suspension = suspended(history, pool, court, time)
    if suspension is None:
        return True
    if suspension.exempt is None:
        return False
    record = history.record_at(case, time)
    return None if record is None else history.test(suspension.exempt, case, record)


def may_serve(pool: Any, court: int, stays: list[Stay], now: int) -> bool:
    """Return whether a station is on shift, with slots left in this interval."""
    calendar = pool.calendars[court]
    interval = calendar.interval_at(now)
    if interval is None or pool.slots is None:
        return interval is not None
    new = (s for s in stays if s.started is not None and s.first_started is None)
    begun = sum(calendar.opens[interval] <= s.started <= now for s in new)  # type: ignore[operator]
    return bool(begun < pool.slots * size_at(pool, court, now))


def fits(history: History, pool: Any, court: int, stays: list[Stay], now: int) -> bool:
    """Return whether the work of every waiting case surely ends within the interval."""
    if pool.at_shift_end != "fit":
        return True
    calendar = pool.calendars[court]
    interval = calendar.interval_at(now)
    distributions = [
        length.distribution
        for s in stays
        if s.enabled <= now < s.waits_until
        for length in history.scenario.work[s.activity].takes.leaves()
    ]
    return all(d.constant and now + round(d.values[0]) <= calendar.closes[interval] for d in distributions)


@SOME
@given(scenarios() | pressed(scenarios()))
def test_every_log_satisfies_the_invariants(scenario: Mapping) -> None:
    """Every case has one last row, histories have no gaps, times add up, and Little's law holds."""
    log = run(loaded(scenario))
    check_log(log)
    final = {s.name for s in log.cases.scenario.workflow.states.values() if s.kind is StateKind.FINAL}
    last: dict[int, dict[str, Any]] = {}
    for row in History(log).rows:
        before = last.get(row["case_id"])
        assert before is None or (before["to_state"] not in final and before["cause"] != HORIZON)
        last[row["case_id"]] = row
    assert sorted(last) == list(range(len(log.cases)))
    assert all((row["to_state"] in final) != (row["cause"] == HORIZON) for row in last.values())
    assert log.columns["happened_at"].tolist() == sorted(log.columns["happened_at"].tolist())


@SOME
@given(scenarios() | pressed(scenarios()))
def test_the_record_and_every_decision_follow_from_the_log_and_the_case_table(scenario: Mapping) -> None:
    """Each transition is the first whose guard holds on the record so far; the last record is that of the engine."""
    simulation, log = simulated(loaded(scenario))
    history = History(log)
    for case in simulation.cases:
        assert history.records[case.number][-1][1] == case.record


@SOME
@given(scenarios(teams=False))
def test_work_starts_on_shift_and_outside_suspensions_unless_exempt(scenario: Mapping) -> None:
    """Every start lies within a working interval of its pool, at a time at which the case may be served."""
    history = History(run(loaded(scenario)))
    for pool, court, stays in stations(history):
        for stay in stays:
            if stay.started is not None:
                assert pool.calendars[court].interval_at(stay.started) is not None
                assert may_start(history, pool, court, stay.case, stay.started) is not False


@SOME
@given(scenarios(teams=False))
def test_no_case_starts_while_an_earlier_one_waits_at_the_same_station(scenario: Mapping) -> None:
    """The order is priority, the order of the pool, enabled time, case number.

    It is checked where only facts decide it.
    """
    history = History(run(loaded(scenario)))
    for pool, court, stays in stations(history):
        if not _by_facts(history, pool):
            continue
        ranks = {id(stay): _rank(history, pool, stay) for stay in stays}
        for stay in stays:
            for other in stays if stay.started is not None else ():
                if stay.first_started is not None and not may_serve(pool, court, stays, stay.started):
                    continue  # it needs no slot, and new work has none
                waits = other.enabled < stay.started < other.waits_until
                if waits and ranks[id(other)] < ranks[id(stay)]:
                    assert may_start(history, pool, court, other.case, stay.started) is not True


def _by_facts(history: History, pool: Any) -> bool:
    values = [pool.order.value, *(work.priority for work in history.scenario.work.values() if work.pool == pool.name)]
    reads = [v.reads() if isinstance(v, Choice) else _names(v) if isinstance(v, Expression) else frozenset() for v in values]
    return not frozenset().union(*reads) & set(history.fields)


def _names(expression: Expression) -> frozenset[str]:
    from workflow.predicates import names

    return names(expression)


def _rank(history: History, pool: Any, stay: Stay) -> tuple[Any, ...]:
    arrived = int(history.log.cases.arrived[stay.case])
    facts = history.log.cases.facts[stay.case]

    def number(value: Any) -> Any:
        if isinstance(value, Choice):
            return value.picker(*history.names)(facts, [])
        return scalar(value, *history.names)(facts, []) if isinstance(value, Expression) else value

    by_rule = {"first_come": 0, "oldest": arrived, "newest": -arrived}
    order = number(pool.order.value) if pool.order.value is not None else by_rule[pool.order.rule]
    priority = number(history.scenario.work[stay.activity].priority)
    if stay.first_started is not None:
        return (priority, 0, stay.first_started, 0, stay.case)
    return (priority, 1, order, stay.enabled, stay.case)


@SOME
@given(scenarios(teams=False))
def test_no_server_is_idle_while_a_case_may_be_served_and_no_start_exceeds_the_size(scenario: Mapping) -> None:
    """After every instant with a row, no case that may be served waits for a free server on shift.

    A server is free here without regard to other pools, so work needs one pool only.
    """
    history = History(run(loaded(scenario)))
    horizon = history.scenario.horizon
    for pool, court, stays in stations(history):
        calendar = pool.calendars[court]
        instants = {s.enabled for s in stays} | {s.left for s in stays} | {s.started for s in stays if s.started is not None}
        instants |= {t for t, _ in pool.sizes[court]} | set(calendar.opens) | {s.end for s in history.scenario.suspensions}
        for now in sorted(t for t in instants if 0 <= t <= horizon):
            busy = sum(s.started is not None and s.started <= now < s.left for s in stays)
            assert busy <= size_at(pool, court, now) or not any(s.started == now < s.left for s in stays)
            if calendar.interval_at(now) is not None and busy < size_at(pool, court, now):
                has_slot = may_serve(pool, court, stays, now)
                for stay in stays if has_slot else (s for s in stays if s.first_started is not None):
                    if stay.enabled <= now < stay.waits_until and fits(history, pool, court, stays, now):
                        assert may_start(history, pool, court, stay.case, now) is not True


@SOME
@given(scenarios(teams=False))
def test_stays_of_a_server_do_not_overlap_and_work_takes_its_working_time(scenario: Mapping) -> None:
    """A constant duration is exact to the microsecond, on shift or with overtime."""
    history = History(run(loaded(scenario)))
    for _, _, stays in stations(history):
        for server in {s.server for s in stays}:
            mine = sorted((s.started, s.left) for s in stays if s.server == server and s.started is not None)
            assert all(end <= start for (_, end), (start, _) in itertools.pairwise(mine))
    earlier: dict[int, int] = {}  # work on earlier parts of interrupted work
    for row in history.rows:
        if row["activity"] is None:
            continue
        worked = earlier.pop(row["case_id"], 0)
        if row["cause"] == INTERRUPTED:
            calendar = _calendar(history, row)
            parts = (calendar.working_time(row[name]) for name in ("started_at", "happened_at"))
            earlier[row["case_id"]] = worked - next(parts) + next(parts)
        if row["completed_at"] == NEVER:
            continue
        work = history.scenario.work[row["activity"]]
        lengths = [length.distribution for length in work.takes.leaves()]
        is_of_facts = "'fact'" in str(scenario["activities"][row["activity"]]["takes"])
        if len(lengths) == 1 and lengths[0].constant and not is_of_facts:
            calendar = work.working_days
            if row["pool"] is not None:
                pool, calendar = history.scenario.pools[row["pool"]], _calendar(history, row)
            start, end = row["started_at"], row["completed_at"]
            rests = calendar is not None and (row["pool"] is None or pool.at_shift_end == "suspend")
            worked += calendar.working_time(end) - calendar.working_time(start) if rests else end - start
            assert worked == round(lengths[0].values[0])


def _calendar(history: History, row: dict[str, Any]) -> Any:
    pool = history.scenario.pools[row["pool"]]
    return pool.calendars[int(history.log.cases.court[row["case_id"]]) if pool.at_court else 0]


@SOME
@given(scenarios(teams=False))
def test_at_an_opening_the_work_that_started_first_resumes_up_to_the_size(scenario: Mapping) -> None:
    """Work is interrupted only where work that started earlier takes all servers of the new size."""
    history = History(run(loaded(scenario)))
    for pool, court, stays in stations(history):
        started = {id(s): (s.started if s.first_started is None else s.first_started, s.case) for s in stays}
        for stay in stays:
            if stay.interrupted:
                now = stay.left
                resumed = [s for s in stays if s.started is not None and s.started < now < s.left]
                assert len(resumed) == size_at(pool, court, now)
                assert all(started[id(s)] < started[id(stay)] for s in resumed)  # type: ignore[operator]


@FEW
@given(scenarios(teams=False))
def test_the_same_plan_twice_gives_the_same_log_also_when_draws_are_made_one_by_one(scenario: Mapping) -> None:
    """Drawing for all cases at once only saves time."""
    frame = loaded(scenario)
    first = run(frame)
    path = SamplePath(1, 1)
    plan = make_plan(frame, path)
    _same(first, simulate(plan, path))
    at_once = Purpose.__init__

    def one_by_one(self: Purpose, *args: Any, **more: Any) -> None:
        at_once(self, *args, **more)
        self._visits_at_once = 0

    Purpose.__init__ = one_by_one  # type: ignore[method-assign]
    try:
        _same(first, simulate(plan, path))
    finally:
        Purpose.__init__ = at_once  # type: ignore[method-assign]


def _same(one: EventLog, two: EventLog) -> None:
    assert all(np.array_equal(one.columns[name], two.columns[name]) for name in one.columns)


@FEW
@given(scenarios(shared=False))
def test_one_more_case_in_one_court_leaves_the_other_court_unchanged(scenario: Mapping) -> None:
    """The courts share no pool.

    Western cases are matched by their position among western cases, because case numbers shift.
    """
    state = scenario["workflow"]["entry"]["states"][0]
    courts = scenario["courts"]
    more = {**courts, "east": {"backlog": {**courts["east"]["backlog"], state: courts["east"]["backlog"].get(state, 0) + 1}}}
    one, two = run(loaded(scenario)), run(loaded({**scenario, "courts": more}))
    assert len(two.cases) == len(one.cases) + 1
    assert _of_the_west(one) == _of_the_west(two)


def _of_the_west(log: EventLog) -> list[tuple[Any, ...]]:
    west = np.flatnonzero(log.cases.court == 1)
    rows = log.columns["case_id"]
    numbers = [bisect.bisect_left(west, case) for case in rows[log.cases.court[rows] == 1].tolist()]
    columns = [column[log.cases.court[rows] == 1].tolist() for name, column in log.columns.items() if name != "case_id"]
    cases = [(log.cases.keys[i], log.cases.facts[i], log.cases.records[i], log.cases.arrived[i]) for i in west.tolist()]
    return [*zip(numbers, *columns, strict=True), *cases]


@SOME
@given(desks())
def test_one_more_server_never_lets_a_case_start_or_the_backlog_end_later(desk: Mapping) -> None:
    """With one more server, each case of a single stage starts no later, given common draws and no later arrivals.

    Cases start in one fixed order. The k-th starts at the first permitted instant at which the earliest server is
    free, the one before it has started and, with n slots a server, the (n x size)-th before it has started in an
    earlier interval. What is permitted follows from the calendar, the suspensions and the length alone, under ``fit``
    too, as nothing passes the head; so each start is a nondecreasing function of earlier starts and ends, and the
    sorted times at which servers become free grow in no component with one server more (Kiefer and Wolfowitz 1955).
    It would not hold with `except:`, by which some pass the others, nor with several stages or sizes that fall.
    """
    pool = desk["pools"]["clerks"]
    few = run(loaded(desk))
    many = run(loaded({**desk, "pools": {"clerks": {**pool, "size": pool["size"] + 1}}}))
    assert np.all(_by_case(many, "started_at") <= _by_case(few, "started_at"))
    assert _by_case(many, "completed_at").max() <= _by_case(few, "completed_at").max()


def _by_case(log: EventLog, column: str) -> Any:
    """Return an instant of each case's only work, infinity if the case did not reach it."""
    times = log.columns[column][np.argsort(log.columns["case_id"])]
    return np.where(times == NEVER, np.inf, times)


def test_the_random_scenarios_cover_every_feature() -> None:
    """Some of the scenarios contain each feature that the invariants are about."""

    class EverythingSeen(Exception):
        """Raised when every feature was seen."""

    seen: set[str] = set()
    wanted = {
        *("starts", "waits", "drops", "leaves", "marks", "closes", "excepted", "interrupts"),
        *("happens on its date", "slots used up", "overtime"),
    }

    @settings(SOME, max_examples=200, database=None, derandomize=True, phases=[Phase.generate])
    @given(scenarios(teams=False))
    def look(scenario: Mapping) -> None:
        if seen == wanted:
            raise EverythingSeen
        frame: Scenario = loaded(scenario)
        log = run(frame)
        history, timings = History(log), frame.event_timings
        for row in history.rows:
            timing = timings.get(row["cause"])
            seen.update(
                name
                for name, holds in {
                    "starts": row["started_at"] > NEVER and row["pool"] is not None,
                    "waits": row["started_at"] > row["enabled_at"] > NEVER,
                    "drops": row["started_at"] > NEVER == row["completed_at"] and row["cause"] not in (HORIZON, INTERRUPTED),
                    "interrupts": row["cause"] == INTERRUPTED,
                    "leaves": row["enabled_at"] > NEVER == row["started_at"] and row["cause"] != HORIZON,
                    "marks": row["transition"] is None and row["cause"] != HORIZON,
                    "happens on its date": timing is not None and row["happened_at"] in timing.dates,
                    "closes": row["cause"] == HORIZON,
                    "excepted": any(s.exempt is not None for s in frame.suspensions),
                }.items()
                if holds
            )
        for pool, court, stays in stations(history):
            times = pool_times(log, pool.name, 0, [frame.horizon])[frame.horizon][court]
            seen.update({"overtime"} if times.overtime else ())
            for now in {s.started for s in stays if s.started is not None}:
                waits = any(s.enabled <= now < s.waits_until for s in stays)
                seen.update({"slots used up"} if waits and not may_serve(pool, court, stays, now) else ())

    with pytest.raises(EverythingSeen):  # ends the draws; without it, something was not seen
        look()
