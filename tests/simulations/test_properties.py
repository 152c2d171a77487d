"""Invariants of every run, checked on random scenarios of random workflows.

Each invariant is computed here from the rows and the case table alone, in another way than in the engine.
"""

from __future__ import annotations

import bisect
import itertools
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from simulations import SamplePath, Scenario, make_plan, simulate
from simulations.engines.sampling import Purpose
from simulations.log.eventlog import HORIZON, NEVER, EventLog
from simulations.measuring.descriptors import CLOSED, OTHERS
from simulations.measuring.invariants import check_log
from simulations.measuring.lacking import lacking
from simulations.measuring.utilisation import pool_times
from tests.examples import examples
from tests.simulations.houses import HOUSES
from tests.simulations.pressed import pressed
from tests.simulations.random_scenarios import Mapping, desks, loaded, run, scenarios, simulated
from tests.simulations.stays import SERVERS, Floor, History, Place, Stay, shared_time, suspended
from workflow.model.definition import INTERRUPTED, StateKind

SOME = settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
FEW = settings(SOME, max_examples=examples(20))


def with_houses(test: Any) -> Any:
    """Let a property be tested on the handmade houses, too."""
    for house in HOUSES:
        test = example(house)(test)
    return test


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
@with_houses
@given(scenarios())
def test_work_starts_on_shift_and_outside_suspensions_unless_exempt(scenario: Mapping) -> None:
    """Every server of a start is on shift, and may work on the case; the servers are those of one of the teams of the work."""
    floor = Floor(History(run(loaded(scenario))))
    for stay in floor.stays:
        if stay.started is not None:
            for place, _ in stay.servers:
                assert floor.calendar(place).interval_at(stay.started) is not None
                assert floor.may_start(place, stay.case, stay.started) is not False
            teams = floor.teams(stay, floor.history.record_at(stay.case, stay.started))
            assert teams is None or Counter(place for place, _ in stay.servers) in teams


@SOME
@with_houses
@given(scenarios())
def test_no_case_starts_while_an_earlier_one_of_its_queue_could(scenario: Mapping) -> None:
    """The order is priority, the order of the pool, enabled time, case number. It is checked where only facts decide it.

    An earlier case that waits lacks a server even without the later start, or is suspended; if it lacks a server, it does not hold. Work
    without length is left out, as there are several rounds of starts at its instant.
    """
    floor = Floor(History(run(loaded(scenario))))
    of_no_length = {stay.started for stay in floor.stays if stay.started == stay.left}
    for queue, stays in floor.queues.items():
        ranks = {id(stay): floor.rank(stay) for stay in stays} if floor.in_order_of_facts(queue) else {}
        for stay in stays if ranks else ():
            for other in stays if stay.started is not None and stay.started not in of_no_length else ():
                waits = other.enabled < stay.started < other.waits_until  # type: ignore[operator]
                if waits and ranks[id(other)] < ranks[id(stay)]:
                    lacks = floor.lacks(other, stay.started, but=[stay])  # type: ignore[arg-type]
                    assert lacks is None or "" not in lacks
                    assert lacks is None or SERVERS not in lacks or not floor.scenario.work[other.activity].hold


@SOME
@with_houses
@given(scenarios())
def test_no_team_is_idle_while_a_case_may_be_served_and_no_start_exceeds_the_size(scenario: Mapping) -> None:
    """After every instant at which something changes, no case waits for a team that is free, unless an earlier one holds it up."""
    floor = Floor(History(run(loaded(scenario))))
    changes = {t for stay in floor.stays for t in (stay.enabled, stay.started, stay.left) if t is not None}
    changes |= {t for pool in floor.scenario.pools.values() for sizes in pool.sizes for t, _ in sizes}
    changes |= {t for pool in floor.scenario.pools.values() for calendar in pool.calendars for t in calendar.opens}
    changes |= {s.end for s in floor.scenario.suspensions}
    for now in sorted(t for t in changes if 0 <= t <= floor.scenario.horizon):
        for place, stays in floor.serving.items():
            starts = [stay for stay in stays if stay.started == now < stay.left]
            assert not starts or floor.busy(place, now) <= floor.size_at(place, now)
            if floor.scenario.pools[place[0]].slots is not None and any(stay.first_started is None for stay in starts):
                assert floor.slots_used(place, now) <= floor.slots(place, now)  # type: ignore[operator]
        for queue, stays in floor.queues.items():
            waiting = [stay for stay in stays if stay.waits_at(now)]
            for stay in waiting:
                lacks = floor.lacks(stay, now)
                if lacks is not None and "" in lacks and _surely_fits(floor, waiting, now):
                    assert _is_held_up(floor, queue, stay, waiting, now)


def _is_held_up(floor: Floor, queue: Place, stay: Stay, waiting: Sequence[Stay], now: int) -> bool:
    """Return whether a case before another one may keep it waiting, because it lacks a server and holds."""
    known = floor.in_order_of_facts(queue)
    for other in waiting:
        if floor.scenario.work[other.activity].hold and (not known or floor.rank(other) < floor.rank(stay)):
            lacks = floor.lacks(other, now)
            if lacks is None or SERVERS in lacks:
                return True
    return False


def _surely_fits(floor: Floor, waiting: Sequence[Stay], now: int) -> bool:
    """Return whether the work of every waiting case surely ends within the shift of each team that is there."""
    for stay in waiting:
        work = floor.scenario.work[stay.activity]
        pools = [floor.scenario.pools[pool] for pool in work.pools]
        if any(pool.at_shift_end == "fit" for pool in pools):
            leaves = [length for takes in work.lengths for length in takes.leaves()]
            if not all(length.distribution.constant and length.fact is None for length in leaves):
                return False
            calendars = [floor.calendar(floor.place(pool.name, stay.court)) for pool in pools]
            closes = [c.closes[k] for c in calendars if (k := c.interval_at(now)) is not None]
            if any(now + round(length.distribution.values[0]) > min(closes, default=now) for length in leaves):
                return False
    return True


@SOME
@with_houses
@given(scenarios())
def test_stays_of_a_server_do_not_overlap_and_work_takes_its_working_time(scenario: Mapping) -> None:
    """A length that is constant or stands in a fact is exact to the microsecond, in shared time on shift or with overtime."""
    floor = Floor(History(run(loaded(scenario))))
    of_server = defaultdict(list)
    for stay in floor.stays:
        for server in stay.servers:
            of_server[server].append((stay.started, stay.left))
    for mine in of_server.values():
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(sorted(mine)))
    earlier: dict[int, int] = {}  # work on earlier parts of interrupted work
    for stay in floor.stays:
        if stay.started is not None:
            suspends = floor.scenario.pools[stay.servers[0][0][0]].at_shift_end == "suspend"
            calendars = [floor.calendar(place) for place, _ in stay.servers] if suspends else []
            end = min(stay.left, floor.scenario.horizon)
            worked = earlier.pop(stay.case, 0) + shared_time(calendars, stay.started, end)
            if stay.interrupted:
                earlier[stay.case] = worked
            length = floor.length(stay)
            assert length is None or (worked == length if stay.completed else worked <= length)


@SOME
@given(scenarios())
def test_delays_take_their_length(scenario: Mapping) -> None:
    """To the microsecond, in calendar time or in whole working days, where the only length is constant."""
    history = History(run(loaded(scenario)))
    for row in history.rows:
        if row["activity"] is not None and row["pool"] is None and row["completed_at"] != NEVER:
            work = history.scenario.work[row["activity"]]
            start, end, calendar = row["started_at"], row["completed_at"], work.working_days
            lengths = work.takes.leaves()
            if len(lengths) == 1 and lengths[0].distribution.constant and lengths[0].fact is None:
                worked = end - start if calendar is None else calendar.working_time(end) - calendar.working_time(start)
                assert worked == round(lengths[0].distribution.values[0])


@SOME
@with_houses
@given(scenarios())
def test_at_an_opening_the_work_that_started_first_resumes_up_to_the_size(scenario: Mapping) -> None:
    """Work in hand is looked at station by station, in the order of its first starts; what exceeds the size is interrupted."""
    floor = Floor(History(run(loaded(scenario))))
    pools = list(floor.scenario.pools)
    places = sorted(floor.serving, key=lambda place: (pools.index(place[0]), place[1]))
    suspending = [place for place in places if floor.scenario.pools[place[0]].at_shift_end == "suspend"]
    openings = {t for place in suspending for t in floor.calendar(place).opens if t <= floor.scenario.horizon}
    assert {stay.left for stay in floor.stays if stay.interrupted} <= openings
    for now in sorted(openings):
        interrupted: set[int] = set()
        for place in (place for place in suspending if now in floor.calendar(place).opens):
            here = [s for s in floor.serving[place] if s.started < now <= s.left and s.row not in interrupted]  # type: ignore[operator]
            left = floor.size_at(place, now)
            for stay in sorted((s for s in here if s.left > now or not s.completed), key=lambda s: (s.begun, s.case)):
                if stay.at(place) <= left:
                    left -= stay.at(place)
                else:
                    interrupted.add(stay.row)
        assert interrupted == {stay.row for stay in floor.stays if stay.interrupted and stay.left == now}


@SOME
@example(HOUSES[1])
@given(scenarios())
def test_waits_for_teams_are_divided_by_the_pool_that_was_short(scenario: Mapping) -> None:
    """Instant by instant along each wait, as the documentation says."""
    log = run(loaded(scenario))
    floor = Floor(History(log))
    stays = [s for s in floor.stays if s.queue[0] in floor.scenario.queues_with_teams and s.enabled <= floor.scenario.horizon]
    until = [min(stay.waits_until, floor.scenario.horizon) for stay in stays]
    columns = (np.array(c, np.int64) for c in ([s.row for s in stays], [s.enabled for s in stays], until))
    parts = lacking(log, *columns)
    for k, stay in enumerate(stays):
        found = {part: int(lengths[k]) for part, lengths in parts.items() if lengths[k]}
        assert found == _parts(floor, stay, until[k])


def _parts(floor: Floor, stay: Stay, end: int) -> dict[str, int]:
    """Return how long a case waited for each pool, for others, and at the beginning for any pool to open."""
    case, record = stay.case, floor.history.record_before(stay.row)
    groups: list[dict[Place, int]] = []
    for team in floor.teams(stay, record) or ():
        for k, (place, n) in enumerate(team.items()):
            if len(groups) <= k:
                groups.append({})
            groups[k][place] = n
    places = {place for group in groups for place in group}
    marks = {t for place in places for s in floor.serving[place] for t in (s.started, s.left) if t is not None}
    marks |= {t for p in places for t in (*floor.calendar(p).opens, *floor.calendar(p).closes)}
    marks |= {t for pool, court in places for t, _ in floor.scenario.pools[pool].sizes[court]}
    marks |= {t for s in floor.scenario.suspensions for t in (s.start, s.end)}
    found, part = Counter[str](), CLOSED
    for a, b in itertools.pairwise(sorted({stay.enabled, end, *(t for t in marks if stay.enabled < t < end)})):

        def is_open(place: Place, now: int = a) -> bool:
            one = suspended(floor.history, floor.scenario.pools[place[0]], place[1], now)
            allowed = one is None or (one.exempt is not None and floor.history.test(one.exempt, case, record))
            return allowed and floor.calendar(place).interval_at(now) is not None and floor.size_at(place, now) > 0

        if any(is_open(place) for place in places):
            short = [g for g in groups if not any(is_open(place) and floor.has(stay, place, n, a) for place, n in g.items())]
            part = next(iter(short[0]))[0] if short else OTHERS
        found[part] += b - a
    return {part: length for part, length in found.items() if length}


@FEW
@given(scenarios())
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
        *("two pools", "two servers of a pool", "another pool of either", "lacks a server", "a team is interrupted"),
    }

    @settings(SOME, max_examples=200, database=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
    @with_houses
    @given(scenarios())
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
        floor = Floor(history)
        for place, stays in floor.serving.items():
            times = pool_times(log, place[0], 0, [frame.horizon])[frame.horizon][place[1]]
            seen.update({"overtime"} if times.overtime else ())
            for stay in stays if frame.pools[place[0]].slots is not None else ():
                now: int = stay.started  # type: ignore[assignment]
                used_up = floor.slots_used(place, now) == floor.slots(place, now)
                seen.update({"slots used up"} if used_up and any(other.waits_at(now) for other in floor.queues[place]) else ())
        for stay in floor.stays:
            team = Counter(place for place, _ in stay.servers)
            seen.update({"two pools"} if len(team) > 1 else ())
            seen.update({"two servers of a pool"} if any(n > 1 for n in team.values()) else ())
            seen.update({"another pool of either"} if stay.servers and stay.servers[0][0][0] != stay.queue[0] else ())
            seen.update({"a team is interrupted"} if stay.interrupted and len(team) > 1 else ())
            others = [
                s for s in floor.queues[stay.queue] if s.started is not None and stay.enabled < s.started < stay.waits_until
            ]
            on_time = [s for s in others if floor.calendar(stay.queue).interval_at(s.started) is not None and len(s.servers) < 2]
            seen.update({"lacks a server"} if any((floor.lacks(stay, s.started) or [""])[0] == SERVERS for s in on_time) else ())  # type: ignore[arg-type]

    with pytest.raises(EverythingSeen):  # ends the draws; without it, something was not seen
        look()
