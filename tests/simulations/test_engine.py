"""Golden cases: tiny deterministic scenarios with event times calculated by hand.

Times are hours since Monday 2024-01-01 00:00 unless a scenario sets another start; the tests set every duration.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulations import SamplePath, Simulation, simulate
from simulations.log.eventlog import EventLog
from simulations.measuring.measures import measure
from tests.simulations.fixed_draws import HOUR, FixedDraws, planned, play, story, work
from workflow.errors import InputError, StuckCase, VisitCap

OFFICE = """
workflow: office
facts:
  rank: {type: integer, minimum: 0, maximum: 9}
record:
  flag:   {type: boolean}
  calls:  {type: integer, minimum: 0, maximum: 2}
  answer: {enum: [none, good, bad]}
activities:
  serve: {gives: {answer: [good, bad]}}
  check: {}
states:
  queue:  {activity: serve}
  second: {activity: check}
  shelf:  {resting: true}
  done:   {final: true}
  gone:   {final: true}
transitions:
  - {transition: forward,  from: queue, to: second, when: answer == "bad"}
  - {transition: finish,   from: queue, to: done}
  - {transition: skip,     from: second, to: done, at: entry, when: calls > 0}
  - {transition: settle,   from: second, to: done}
  - {transition: withdraw, from: [queue, second], event: plea, to: gone}
  - {transition: note,     from: [queue, second], event: call, set: {calls: calls + 1}}
  - {transition: store,    from: [queue, second], event: pause, to: shelf}
  - {transition: resume,   from: shelf, event: wake, to: queue}
  - {transition: claim,    from: shelf, event: claimed, to: second}
  - {transition: turn,     from: second, event: back, to: queue}
  - {transition: lapse,    from: second, event: expiry, to: gone}
entry: {states: [queue, second, shelf], record: [flag]}
events:
  plea:    {while: [queue, second]}
  call:    {while: [queue, second]}
  mark:    {while: any, set: {flag: true}}
  pause:   {while: [queue, second]}
  wake:    {while: [shelf]}
  claimed: {while: [shelf]}
  back:    {while: [second]}
  expiry:  {while: [second]}
"""
GOOD = "outcome: {answer: {good: 1, bad: 0}}"
EITHER = "outcome: {answer: {good: 0.5, bad: 0.5}}"
BAD = 0.75

Play = Callable[..., EventLog]


@pytest.fixture
def office(tmp_path: Path) -> Play:
    """Run a scenario of the office."""

    def run(scenario: str, hours: Any = None, chances: Any = None, path: Any = None, **more: Any) -> EventLog:
        return play(tmp_path, OFFICE, scenario, path or FixedDraws(hours, chances), **more)

    return run


# one instant ---------------------------------------------------------------------------------------


def test_at_one_instant_work_is_completed_then_capacity_changes_then_events_happen_then_cases_arrive(office: Play) -> None:
    """At 24, case 0 is completed before its plea, a second clerk comes, case 1 withdraws although a clerk is free, and case 3 arrives. Then 2 and 3 start."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 3}}}}}}
pools: {{clerks: {{size: {{2024-01-01: 1, 2024-01-02: 2}}}}}}
arrivals: {{late: {{into: queue, at: [24 hours]}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
events: {{plea: {{after: GIVEN}}}}
""",
        {"activity:serve": {0: 24}, "event:plea": {0: 24, 1: 24, None: 200}},
    )
    assert story(log) == [(24, 0, "finish"), (24, 1, "withdraw"), (25, 2, "finish"), (25, 3, "finish")]
    assert work(log) == [(0, 0, 0, 24, 0), (2, 0, 24, 25, 0), (3, 24, 24, 25, 1), (1, 0, None, 24, None)]


def test_events_of_one_instant_are_logged_by_kind_and_then_by_case(tmp_path: Path) -> None:
    """At 5, case 2 of the backlog is completed, case 1 is called, and case 0 arrives and is let in."""
    door = """
workflow: door
activities: {serve: {}}
states: {door: {}, queue: {activity: serve}, shelf: {resting: true}, done: {final: true}}
transitions:
  - {transition: let_in, from: door, to: queue}
  - {transition: finish, from: queue, to: done}
  - {transition: fetch,  from: shelf, event: call, to: queue}
entry: {states: [door, queue, shelf]}
events: {call: {while: [shelf]}}
"""
    log = play(
        tmp_path,
        door,
        """
courts: {first: {}, second: {backlog: {shelf: 1, queue: 1}}}
arrivals: {late: {into: door, courts: [first], at: [5 hours]}}
activities: {serve: {takes: 5 hours}}
events: {call: {after: 5 hours}}
""",
        FixedDraws(),
    )
    assert story(log)[:3] == [(5, 2, "finish"), (5, 1, "fetch"), (5, 0, "let_in")]


def test_a_server_freed_at_ten_serves_the_case_that_arrives_at_ten(office: Play) -> None:
    """Case 0 is served from 0 to 10, case 1 arrives at 10 and starts at 10."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 1}}}}}}
pools: {{clerks: {{size: 1}}}}
arrivals: {{late: {{into: queue, at: [2024-01-01 10:00]}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
""",
        {"activity:serve": {0: 10}},
    )
    assert work(log) == [(0, 0, 0, 10, 0), (1, 10, 10, 11, 0)]


def test_the_whole_backlog_is_in_the_queue_before_the_first_start(office: Play) -> None:
    """Cases 0, 1, 2 are 1, 2 and 3 hours old: the oldest, which joins last, is the first to be served."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: {{count: 3, age: GIVEN}}}}}}}}
pools: {{clerks: {{size: 1, order: oldest}}}}
activities: {{serve: {{pool: clerks, takes: 1 hour, {GOOD}}}, check: {{takes: 1 hour}}}}
""",
        {"backlog:age": {0: 1, 1: 2, 2: 3}},
    )
    assert [w[0] for w in work(log)] == [2, 1, 0]


def test_work_of_length_zero_is_completed_in_another_round_of_the_same_instant(office: Play) -> None:
    """There is one clerk. Cases 0 and 1 take no time and case 2 an hour; all start at 0, one after another."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 3}}}}}}
pools: {{clerks: {{size: 1}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
""",
        {"activity:serve": {0: 0, 1: 0, 2: 1}},
    )
    assert work(log) == [(0, 0, 0, 0, 0), (1, 0, 0, 0, 0), (2, 0, 0, 1, 0)]


def test_dispatch_is_one_step_over_all_pools_before_work_of_length_zero_is_completed(office: Play) -> None:
    """At 10 both pools are freed. Case 1, which takes no time, and case 3 start in the same step. So case 1, better ranked, finds the checker busy and waits until 11."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 2, second: 2}}}}}}
pools: {{clerks: {{size: 1}}, checkers: {{size: 1, order: {{by: rank}}}}}}
people: {{rank: {{0: 0.5, 5: 0.5}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {EITHER}}}, check: {{pool: checkers, takes: GIVEN}}}}
""",
        {"activity:serve": {0: 10, 1: 0}, "activity:check": {2: 10}},
        {"people:rank": {3: 0.75, None: 0.25}, "outcome:serve": {1: BAD}},
    )
    assert story(log) == [(10, 0, "finish"), (10, 2, "settle"), (10, 1, "forward"), (11, 3, "settle"), (12, 1, "settle")]
    assert (1, 10, 11, 12, 0) in work(log)


def test_cases_enabled_at_one_instant_are_served_by_case_number(office: Play) -> None:
    """At 10 case 2 joins (a completion) before case 1 (an event); the checker, free at 11, takes case 1 first."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{second: 1, shelf: 1, queue: 1}}}}}}
pools: {{clerks: {{size: 1}}, checkers: {{size: 1}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {EITHER}}}, check: {{pool: checkers, takes: GIVEN}}}}
events: {{claimed: {{after: 10 hours}}}}
""",
        {"activity:serve": {2: 10}, "activity:check": {0: 11}},
        {"outcome:serve": {2: BAD}},
    )
    assert story(log)[:3] == [(10, 2, "forward"), (10, 1, "claim"), (11, 0, "settle")]
    assert [w for w in work(log) if w[1] == 10] == [(1, 10, 11, 12, 0), (2, 10, 12, 13, 0)]


# order in a queue ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("first_come", [0, 1, 2]),
        ("oldest", [0, 2, 1]),
        ("newest", [1, 2, 0]),
        ("{by: rank}", [2, 0, 1]),
        ("{by: 0 - rank}", [1, 0, 2]),
        ("{by: 'abs(rank - 4)'}", [0, 2, 1]),
        ("{by: rank, 0: 2, 5: 3, other: -1}", [1, 2, 0]),
        ("{by: rank > 0, true: 0, false: 0}", [0, 1, 2]),
    ],
)
def test_a_queue_is_served_in_the_order_of_its_pool(office: Play, order: str, expected: list[int]) -> None:
    """Cases 0, 1, 2 are 3, 1 and 2 hours old and rank 5, 9 and 0; ties are broken by enabled time and case number."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: {{count: 3, age: GIVEN}}}}}}}}
pools: {{clerks: {{size: 1, order: {order}}}}}
people: {{rank: {{0: 0.3, 5: 0.4, 9: 0.3}}}}
activities: {{serve: {{pool: clerks, takes: 1 hour, {GOOD}}}, check: {{takes: 1 hour}}}}
""",
        {"backlog:age": {0: 3, 1: 1, 2: 2}},
        {"people:rank": {0: 0.5, 1: 0.9, 2: 0.1}},
    )
    assert [w[0] for w in work(log)] == expected


def test_the_order_is_evaluated_once_on_enabling(office: Play) -> None:
    """Case 1 is called at 2 while it waits; its position before case 2 was set at 0."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 3}}}}}}
pools: {{clerks: {{size: 1, order: {{by: calls}}}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
events: {{call: {{after: GIVEN}}}}
""",
        {"activity:serve": {0: 10}, "event:call": {1: 2, None: 200}},
    )
    assert story(log) == [(2, 1, "note"), (10, 0, "finish"), (11, 1, "finish"), (12, 2, "finish")]


def test_the_priority_of_an_activity_comes_before_the_order_of_its_pool(office: Play) -> None:
    """One pool does both: the check (priority 0) of case 2 before the service (priority 1) of cases 0 and 1, though it ranks last."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 2, second: 1}}}}}}
pools: {{clerks: {{size: 1, order: {{by: rank}}}}}}
people: {{rank: {{0: 0.3, 5: 0.4, 9: 0.3}}}}
activities: {{serve: {{pool: clerks, takes: 1 hour, priority: 1, {GOOD}}}, check: {{pool: clerks, takes: 1 hour}}}}
""",
        {},
        {"people:rank": {0: 0.5, 1: 0.1, 2: 0.9}},
    )
    assert [w[0] for w in work(log)] == [2, 1, 0]


# working time --------------------------------------------------------------------------------------

NINE_TO_FIVE = 'calendars: {office: {hours: {mon-fri: "09:00-17:00"}}}'


def test_work_pauses_overnight_and_on_the_weekend_and_keeps_its_server(office: Play) -> None:
    """From Friday 2024-01-05: case 0 from 9 to 14, case 1 three hours on Friday and two on Monday to 11:00 (hour 83), case 2 then."""
    log = office(
        f"""
starts: 2024-01-05
ends: 2024-01-08
{NINE_TO_FIVE}
courts: {{desk: {{backlog: {{queue: 3}}}}}}
pools: {{clerks: {{size: 1, calendar: office}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
""",
        {"activity:serve": {0: 5, 1: 5, 2: 1}},
    )
    assert work(log) == [(0, 0, 9, 14, 0), (1, 0, 14, 83, 0), (2, 0, 83, 84, 0)]


def test_no_work_starts_at_the_instant_at_which_the_shift_ends(office: Play) -> None:
    """Case 0 fills the day to 17:00 exactly; case 1 starts at the next opening, hour 33."""
    log = office(
        f"""
{NINE_TO_FIVE}
courts: {{desk: {{backlog: {{queue: 2}}}}}}
pools: {{clerks: {{size: 1, calendar: office}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
""",
        {"activity:serve": {0: 8}},
    )
    assert work(log) == [(0, 0, 9, 17, 0), (1, 0, 33, 34, 0)]


def test_a_smaller_size_interrupts_no_work(office: Play) -> None:
    """Three cases are being served when two clerks leave at 24. The clerks freed at 26 and 30 start no case; the one freed at 40 takes case 3."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 4}}}}}}
pools: {{clerks: {{size: {{2024-01-01: 3, 2024-01-02: 1}}}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
""",
        {"activity:serve": {0: 30, 1: 26, 2: 40}},
    )
    assert [w[:4] for w in work(log)] == [(0, 0, 0, 30), (1, 0, 0, 26), (2, 0, 0, 40), (3, 0, 40, 41)]


def test_the_free_server_leaves_first(office: Play) -> None:
    """Of two clerks one is busy up to 30 when one leaves at 24: the case that arrives at 25 waits for 30."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 1}}}}}}
pools: {{clerks: {{size: {{2024-01-01: 2, 2024-01-02: 1}}}}}}
arrivals: {{late: {{into: queue, at: [25 hours]}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
""",
        {"activity:serve": {0: 30}},
    )
    assert [w[:4] for w in work(log)] == [(0, 0, 0, 30), (1, 25, 30, 31)]


def test_the_free_server_with_the_lowest_number_is_taken(office: Play) -> None:
    """Servers 0, 1, 2 are freed at 3, 1, 2; the case that arrives at 2 has server 1, the next server 2, the one at 4 server 0."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 3}}}}}}
pools: {{clerks: {{size: 3}}}}
arrivals: {{late: {{into: queue, at: [2 hours, 2 hours, 4 hours]}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
""",
        {"activity:serve": {0: 3, 1: 1, 2: 2, "late 0": 9, "late 1": 9}},
    )
    assert [(w[0], w[4]) for w in work(log)] == [(0, 0), (1, 1), (2, 2), (3, 1), (4, 2), (5, 0)]


@pytest.mark.parametrize(
    ("arrives", "days", "end"),
    [
        ("2024-01-05 10:00", 2, 4 * 24 + 10),  # Friday at 10, two working days: Tuesday at 10
        ("2024-01-06 12:00", 1, 4 * 24),  # Saturday: all of Monday, up to its 24:00
        ("2024-01-05 10:00", 4, 7 * 24 + 10),  # Thursday is closed: Monday, Tuesday, Wednesday, and Friday at 10
        ("2024-01-06 12:00", 0, 36),  # nothing at all ends at once, also on a Saturday
    ],
)
def test_a_delay_in_working_days_counts_working_dates(office: Play, arrives: str, days: int, end: int) -> None:
    """Whole dates of the calendar are counted, whatever its hours; from Friday 2024-01-05."""
    log = office(
        f"""
starts: 2024-01-05
ends: 2024-01-14
calendars: {{office: {{hours: {{mon-fri: "09:00-17:00"}}, closed: [2024-01-11]}}}}
arrivals: {{late: {{into: second, at: [{arrives}]}}}}
activities: {{serve: {{takes: 1 hour, {GOOD}}}, check: {{takes: {days} working days, calendar: office}}}}
"""
    )
    assert story(log) == [(end, 0, "settle")]
    assert log.columns["started_at"].tolist() == log.columns["enabled_at"].tolist()


# suspensions ---------------------------------------------------------------------------------------

SUSPENDED = """
courts: {desk: {backlog: {queue: BACKLOG}}}
pools: {clerks: {at: court, size: 1}}
suspensions: [{pool: clerks, courts: [desk], from: DAY, to: DAY, except: flag}]
people: {flag: 0.5}
activities: {serve: {pool: clerks, takes: GIVEN, outcome: {answer: {good: 1, bad: 0}}}, check: {takes: 1 hour}}
events: {mark: {after: GIVEN}}
"""
FLAGGED, PLAIN = 0.25, 0.75


def test_during_a_suspension_only_excepted_cases_start(office: Play) -> None:
    """All of Monday: flagged case 1 at 0, case 2 once it is marked at 12, case 0 only on Tuesday at 24."""
    log = office(
        SUSPENDED.replace("BACKLOG", "3").replace("DAY", "2024-01-01"),
        {"activity:serve": {None: 10}, "event:mark": {2: 12, None: 200}},
        {"people:flag": {1: FLAGGED, None: PLAIN}},
    )
    assert work(log) == [(1, 0, 0, 10, 0), (2, 0, 12, 22, 0), (0, 0, 24, 34, 0)]


def test_outside_a_suspension_the_first_of_both_queues_is_served(office: Play) -> None:
    """Tuesday is suspended. On Monday cases are served by number, flagged or not; on Tuesday at 24 flagged case 4 is served before case 3."""
    log = office(
        SUSPENDED.replace("BACKLOG", "5").replace("DAY", "2024-01-02"),
        {"activity:serve": {None: 8}, "event:mark": {None: 200}},
        {"people:flag": {0: FLAGGED, 2: FLAGGED, 4: FLAGGED, None: PLAIN}},
    )
    assert [w[:3] for w in work(log)] == [(0, 0, 0), (1, 0, 8), (2, 0, 16), (4, 0, 24), (3, 0, 48)]


def test_a_waiting_case_that_becomes_excepted_keeps_its_enabled_time(office: Play) -> None:
    """Case 1, plain since 0, is marked at 7; at 10 it is served before flagged case 2, which has waited since 5."""
    log = office(
        SUSPENDED.replace("BACKLOG", "2").replace("DAY", "2024-01-01") + "arrivals: {late: {into: queue, at: [5 hours]}}",
        {"activity:serve": {0: 10}, "event:mark": {1: 7, None: 200}},
        {"people:flag": {0: FLAGGED, 1: PLAIN, "late 0": FLAGGED}},
    )
    assert work(log) == [(0, 0, 0, 10, 0), (1, 0, 10, 11, 0), (2, 5, 11, 12, 0)]


def test_a_suspension_that_ended_before_the_start_changes_nothing(office: Play) -> None:
    """The simulation still starts at 0."""
    clocks: list[int] = []
    log = office(
        SUSPENDED.replace("BACKLOG", "1").replace("DAY", "2023-12-01"),
        {"event:mark": {None: 200}},
        processes=[lambda simulation: _look(simulation, clocks)],
    )
    assert work(log) == [(0, 0, 0, 1, 0)]
    assert clocks == [0]


def _look(simulation: Simulation, clocks: list[int]) -> Generator[Any, Any, None]:
    clocks.append(simulation.now)
    yield simulation.env.timeout(0)


# outside events ------------------------------------------------------------------------------------


def test_an_event_that_leaves_an_activity_removes_a_waiting_case_and_frees_the_server_of_a_served_one(office: Play) -> None:
    """Case 0 is dropped at 5 and its clerk takes case 1 at 5; case 2 leaves the queue at 3; case 0 has no completion at 10."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 3}}}}}}
pools: {{clerks: {{size: 1}}}}
activities: {{serve: {{pool: clerks, takes: 10 hours, {GOOD}}}, check: {{takes: 1 hour}}}}
events: {{plea: {{after: GIVEN}}}}
""",
        {"event:plea": {0: 5, 2: 3, None: 200}},
    )
    assert story(log) == [(3, 2, "withdraw"), (5, 0, "withdraw"), (15, 1, "finish")]
    assert work(log) == [(0, 0, 0, 5, 0), (1, 0, 5, 15, 0), (2, 0, None, 3, None)]
    dropped = next(row for row in log.rows() if row["case_id"] == 0)
    assert (dropped["cause"], dropped["activity"], dropped["pool"], dropped["completed_at"], dropped["outcome"]) == (
        "plea",
        "serve",
        "clerks",
        None,
        None,
    )


def test_an_internal_transition_changes_neither_queue_nor_work_nor_clocks(office: Play) -> None:
    """Cases 0 (being served) and 1 (waiting) are called at 3: two rows without work. Case 0 still ends at 10; case 1 starts then, and its plea is due at 14."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 2}}}}}}
pools: {{clerks: {{size: 1}}}}
activities: {{serve: {{pool: clerks, takes: 10 hours, {GOOD}}}, check: {{takes: 1 hour}}}}
events: {{call: {{after: 3 hours}}, plea: {{after: GIVEN}}}}
""",
        {"event:plea": {1: 14, None: 200}},
    )
    assert story(log) == [(3, 0, "note"), (3, 1, "note"), (10, 0, "finish"), (14, 1, "withdraw")]
    assert work(log) == [(0, 0, 0, 10, 0), (1, 0, 10, 14, 0)]
    note = log.rows()[0]
    assert (note["from_state"], note["to_state"], note["activity"], note["enabled_at"]) == ("queue", "queue", None, None)


def test_an_event_is_a_row_whether_or_not_it_changes_the_record(office: Play) -> None:
    """Both cases are marked at 2; case 1 had its flag from the start."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 2}}}}}}
pools: {{clerks: {{size: 0}}}}
people: {{flag: 0.5}}
activities: {{serve: {{pool: clerks, takes: 1 hour, {GOOD}}}, check: {{takes: 1 hour}}}}
events: {{mark: {{after: 2 hours}}}}
""",
        {},
        {"people:flag": {0: PLAIN, 1: FLAGGED}},
    )
    assert story(log) == [(2, 0, "mark"), (2, 1, "mark")]
    row = log.rows()[0]
    assert (row["transition"], row["cause"], row["from_state"], row["to_state"], row["activity"]) == (
        None,
        "mark",
        "queue",
        "queue",
        None,
    )


def test_a_clock_continues_through_moves_within_its_states_and_is_drawn_again_at_each_entry(office: Play) -> None:
    """Case 0 moves on at 4, and its plea of 10 hours is due at 10. Case 1 leaves at 3, returns at 5, and its second plea of 20 hours is due at 25."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 2}}}}}}
pools: {{clerks: {{size: 2}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {EITHER}}}, check: {{takes: 100 hours}}}}
events: {{plea: {{after: GIVEN}}, pause: {{after: GIVEN}}, wake: {{after: 2 hours}}}}
""",
        {"activity:serve": {0: 4, 1: 100}, "event:plea": {0: 10, 1: [10, 20]}, "event:pause": {1: [3, 200], None: 200}},
        {"outcome:serve": {0: BAD}},
    )
    assert story(log) == [(3, 1, "store"), (4, 0, "forward"), (5, 1, "resume"), (10, 0, "withdraw"), (25, 1, "withdraw")]


def test_only_a_final_state_stops_a_clock_since_a_transition_and_only_that_transition_restarts_it(office: Play) -> None:
    """Cases 0 to 3 are forwarded at 2, and their clocks run for ten hours. Case 4 starts in `second`, without a clock.

    Case 0 expires at 12. Case 1 is settled at 5. Case 2 is turned back at 4 and forwarded again at 6: it expires at
    16. Case 3 rests from 10 to 13: its clock runs out at 12 without effect, and does not expire later.
    """
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 4, second: 1}}}}}}
activities: {{serve: {{takes: 2 hours, {EITHER}}}, check: {{takes: GIVEN}}}}
events:
  expiry: {{after: 10 hours, since: forward}}
  back: {{after: GIVEN}}
  pause: {{after: GIVEN}}
  claimed: {{after: 3 hours}}
""",
        {"activity:check": {1: 3, None: 200}, "event:back": {2: [2, 200], None: 200}, "event:pause": {3: [10, 200], None: 200}},
        {"outcome:serve": {None: BAD}},
    )
    assert [s for s in story(log) if s[2] != "forward"] == [
        (4, 2, "turn"),
        (5, 1, "settle"),
        (10, 3, "store"),
        (12, 0, "lapse"),
        (13, 3, "claim"),
        (16, 2, "lapse"),
    ]
    assert [s for s in story(log, closing=True) if s[2] == "horizon"] == [(72, 3, "horizon"), (72, 4, "horizon")]


def test_a_clock_starts_with_its_chance(office: Play) -> None:
    """With a chance of one half, a uniform of 0.49 starts the clock and one of 0.51 does not."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 2}}}}}}
pools: {{clerks: {{size: 0}}}}
activities: {{serve: {{pool: clerks, takes: 1 hour, {GOOD}}}, check: {{takes: 1 hour}}}}
events: {{plea: {{after: 5 hours, chance: 1/2}}}}
""",
        {},
        {"chance:plea": {0: 0.49, 1: 0.51}},
    )
    assert story(log) == [(5, 0, "withdraw")]


COUNTED = """
workflow: counted
record: {crimes: {type: integer, minimum: 0, maximum: 1000}}
activities: {serve: {}}
states: {queue: {activity: serve}, shelf: {resting: true}}
transitions:
  - {transition: store, from: queue, to: shelf}
  - {transition: fetch, from: shelf, event: wake, to: queue}
entry: {states: [queue]}
events:
  crime: {while: STATES, set: {crimes: crimes + 1}}
  wake:  {while: [shelf]}
"""


def _crimes(folder: Path, size: int, states: str, path: Any, **more: Any) -> list[tuple[float, int]]:
    log = play(
        folder, COUNTED.replace("STATES", states),
        f"""
starts: 2024-01-01
ends: 2024-04-30
courts: {{desk: {{backlog: {{queue: 5}}}}}}
pools: {{clerks: {{size: {size}}}}}
arrivals: {{late: {{interarrival: {{constant: 9 days}}}}}}
activities: {{serve: {{pool: clerks, takes: {{exponential: {{mean: 2 days}}}}}}}}
events: {{crime: {{hazard: 0.3 per day}}, wake: {{after: {{exponential: {{mean: 5 days}}}}}}}}
""",
        path, **more,
    )  # fmt: skip
    return [(at, case) for at, case, what in story(log) if what == "crime"]


def test_the_dates_of_a_hazard_are_the_same_whatever_the_policy_does(tmp_path: Path) -> None:
    """Whether no case is served or all cases are, the crimes happen at the same instants. Those that count only on the shelf are a subset."""
    path = SamplePath(3, 1)
    waiting = _crimes(tmp_path, 0, "any", path)
    assert waiting == _crimes(tmp_path, 2, "any", path)
    on_shelf = _crimes(tmp_path, 2, "[shelf]", path)
    assert set(on_shelf) < set(waiting)
    assert len(on_shelf) > 20


def test_an_event_from_a_process_does_not_change_the_dates_of_the_hazard(tmp_path: Path) -> None:
    """One more crime on day 10 for case 0, and no other difference."""

    def once(simulation: Simulation) -> Generator[Any, Any, None]:
        yield simulation.env.timeout(240 * HOUR)
        assert simulation.happen(simulation.cases[0], "crime")

    path = SamplePath(3, 1)
    own = _crimes(tmp_path, 0, "any", path)
    assert sorted([*own, (240, 0)]) == _crimes(tmp_path, 0, "any", path, processes=[once])


def test_a_hazard_may_occur_more_often_than_the_visit_limit(tmp_path: Path) -> None:
    """Ten times a day for 121 days is not an endless loop: each date is later than the one before."""
    log = play(
        tmp_path, COUNTED.replace("STATES", "any"),
        """
starts: 2024-01-01
ends: 2024-04-30
courts: {desk: {backlog: {queue: 1}}}
pools: {clerks: {size: 0}}
activities: {serve: {pool: clerks, takes: 1 day}}
events: {crime: {hazard: 10 per day}}
""",
        SamplePath(1, 1),
    )  # fmt: skip
    assert story(log) == sorted(story(log))
    assert len(story(log)) > 1000  # the record stays at its maximum, and the event still happens


# the end -------------------------------------------------------------------------------------------


def test_every_open_case_has_a_closing_row_with_what_it_waits_for(office: Play) -> None:
    """At 72, case 0 is being served, case 1 waits, case 2 is being checked without a pool, case 3 is done, and case 4 is on the shelf."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 2, second: 2, shelf: 1}}}}}}
pools: {{clerks: {{size: 1}}}}
activities: {{serve: {{pool: clerks, takes: 100 hours, {GOOD}}}, check: {{takes: GIVEN}}}}
""",
        {"activity:check": {2: 100, 3: 5}},
    )
    rows = [r for r in log.rows() if r["cause"] == "horizon"]
    hours = [
        tuple(
            None if r[n] is None else (r[n] - log.cases.scenario.epoch.instant(0)).total_seconds() / 3600
            for n in ("enabled_at", "started_at", "happened_at")
        )
        for r in rows
    ]
    assert [(r["case_id"], r["from_state"], r["to_state"], r["activity"], r["pool"], r["server"]) for r in rows] == [
        (0, "queue", "queue", "serve", "clerks", 0),
        (1, "queue", "queue", "serve", "clerks", None),
        (2, "second", "second", "check", None, None),
        (4, "shelf", "shelf", None, None, None),
    ]
    assert hours == [(0, 0, 72), (0, None, 72), (0, 0, 72), (None, None, 72)]
    assert all(r["transition"] is None and r["completed_at"] is None and r["outcome"] is None for r in rows)


def test_what_happens_at_the_last_instant_is_included(office: Play) -> None:
    """At 72, 24:00 of the last date: case 0 is completed, case 1 arrives and starts; the case a microsecond later is not part of the run."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 1}}}}}}
pools: {{clerks: {{size: 1}}}}
arrivals: {{late: {{into: queue, first: 2024-01-04 00:00, interarrival: 0.000001 seconds}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
""",
        {"activity:serve": {0: 72}},
    )
    assert len(log.cases) == 2
    assert story(log, closing=True) == [(72, 0, "finish"), (72, 1, "horizon")]
    assert work(log, 1) == [(1, 72, 72, 72, 0)]


# moves ---------------------------------------------------------------------------------------------


def test_transitions_on_entry_are_tried_only_before_the_work(office: Play) -> None:
    """Case 0, called at 1, skips its check at 2 (and has no draw of it); case 1, called at 3 during its check, does not."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 2}}}}}}
activities: {{serve: {{takes: 2 hours, {EITHER}}}, check: {{takes: 4 hours}}}}
events: {{call: {{after: GIVEN}}}}
""",
        {"event:call": {0: 1, 1: 3}},
        {"outcome:serve": {None: BAD}},
    )
    assert story(log) == [(1, 0, "note"), (2, 0, "forward"), (2, 0, "skip"), (2, 1, "forward"), (3, 1, "note"), (6, 1, "settle")]
    skip = log.rows()[2]
    assert (skip["cause"], skip["from_state"], skip["activity"], skip["enabled_at"]) == ("enter", "second", None, None)


def test_a_chain_of_instant_states_takes_no_time_and_each_move_has_its_row_and_effects(tmp_path: Path) -> None:
    """The second guard sees what the first transition has set, all at 1."""
    chain = """
workflow: chain
record: {n: {type: integer, minimum: 0, maximum: 2}}
activities: {serve: {}}
states: {queue: {activity: serve}, one: {}, two: {}, done: {final: true}, wrong: {final: true}}
transitions:
  - {transition: leave, from: queue, to: one, set: {n: n + 1}}
  - {transition: miss,  from: one, to: wrong, when: n == 0}
  - {transition: go,    from: one, to: two, set: {n: n + 1}}
  - {transition: fail,  from: two, to: wrong, when: n < 2}
  - {transition: end,   from: two, to: done}
entry: {states: [queue]}
"""
    log = play(tmp_path, chain, "courts: {desk: {backlog: {queue: 2}}}\nactivities: {serve: {takes: 1 hour}}\n", FixedDraws())
    assert story(log) == [(1, 0, "leave"), (1, 0, "go"), (1, 0, "end"), (1, 1, "leave"), (1, 1, "go"), (1, 1, "end")]


def test_later_visits_have_draws_of_their_own(office: Play) -> None:
    """Served in 2 hours at the first visit and in 5 at the second; dropped work counts as a visit."""
    log = office(
        f"""
courts: {{desk: {{backlog: {{queue: 1}}}}}}
activities: {{serve: {{takes: GIVEN, {GOOD}}}, check: {{takes: 1 hour}}}}
events: {{pause: {{after: GIVEN}}, wake: {{after: 1 hour}}}}
""",
        {"activity:serve": {0: [9, 5]}, "event:pause": {0: [2, 200]}},
    )
    assert story(log) == [(2, 0, "store"), (3, 0, "resume"), (8, 0, "finish")]


AGAIN = """
workflow: again
facts: {level: {type: integer, minimum: 0, maximum: 3}}
record: {answer: {enum: [none, yes, no]}}
activities: {serve: {gives: {answer: [yes, no]}}}
states: {queue: {activity: serve}, done: {final: true}}
transitions:
  - {transition: repeat, from: queue, to: queue, when: answer == "no"}
  - {transition: finish, from: queue, to: done, when: answer == "yes" LAST}
entry: {states: [queue]}
"""
ONE_CASE = "courts: {desk: {backlog: {queue: 1}}}\npeople: {level: 2}\nactivities: {serve: {takes: 0 hours, outcome: {answer: {yes: YES, no: rest}}}}\n"


def test_a_case_that_can_get_stuck_is_reported_before_the_run(tmp_path: Path) -> None:
    """State, condition and an example; no run begins."""
    with pytest.raises(StuckCase) as raised:
        planned(tmp_path, AGAIN.replace("LAST", "and level < 2"), ONE_CASE.replace("YES", "0.5"), FixedDraws())
    assert str(raised.value) == (
        "a case can get stuck in the state 'queue': when its activity 'serve' completes, no guard of repeat, finish holds,"
        " for example for case 0 with level = 2, answer = yes. Add a last transition without a guard."
    )


def test_an_outcome_of_share_zero_needs_no_guard(tmp_path: Path) -> None:
    """The outcome without a guard has share 0, so no case of this scenario can get stuck."""
    planned(tmp_path, AGAIN.replace("LAST", "and level < 2"), ONE_CASE.replace("YES", "0"), FixedDraws())


def test_an_endless_loop_stops_the_run_with_the_history_of_the_case(tmp_path: Path) -> None:
    """Work of length zero that is always repeated stops at the thousandth visit."""
    with pytest.raises(VisitCap) as raised:
        play(tmp_path, AGAIN.replace("LAST", ""), ONE_CASE.replace("YES", "0"), FixedDraws())
    assert str(raised.value).startswith(
        "case 0 of desk has visited 'serve' 1,000 times and is in the state 'queue': the workflow has an endless loop.\nIts last moves:"
    )
    assert "2024-01-01 00:00:00  repeat: queue -> queue" in str(raised.value)


def test_two_resting_states_with_clocks_of_length_zero_stop_the_run_too(tmp_path: Path) -> None:
    """Starts of clocks count as visits."""
    rests = """
workflow: rests
states: {one: {resting: true}, two: {resting: true}}
transitions:
  - {transition: there, from: one, event: go, to: two}
  - {transition: here,  from: two, event: return, to: one}
entry: {states: [one]}
events: {go: {while: [one]}, return: {while: [two]}}
""".replace("return", "come")
    with pytest.raises(VisitCap, match=r"case 0 of desk has visited '(go|come)' 1,000 times"):
        play(
            tmp_path,
            rests,
            "courts: {desk: {backlog: {one: 1}}}\nevents: {go: {after: 0 hours}, come: {after: 0 hours}}\n",
            FixedDraws(),
        )


# a user's own Python -------------------------------------------------------------------------------

PLAIN_DESK = f"""
courts: {{desk: {{backlog: {{queue: 3}}}}}}
pools: {{clerks: {{size: 1}}}}
activities: {{serve: {{pool: clerks, takes: 2 hours, {GOOD}}}, check: {{takes: 1 hour}}}}
"""


def test_a_hook_is_called_after_the_case_has_moved(office: Play) -> None:
    """The hook sees each finished case in its new state, at the instant of the move, with its record."""
    seen: list[tuple[Any, ...]] = []

    def look(simulation: Simulation, case: Any) -> None:
        seen.append(
            (simulation.now // HOUR, case.number, case.state, simulation.value(case, "answer"), simulation.value(case, "rank"))
        )

    office(PLAIN_DESK, hooks={"finish": look})
    assert seen == [(2, 0, "done", "good", 0), (4, 1, "done", "good", 0), (6, 2, "done", "good", 0)]


def test_a_hook_on_no_transition_is_an_error_with_the_nearest_name(office: Play) -> None:
    """A misspelt name is reported before the run."""
    with pytest.raises(
        InputError, match=r"hooks: 'finsh' is not a transition of the workflow 'office'\. Did you mean 'finish'\?"
    ):
        office(PLAIN_DESK, hooks={"finsh": lambda simulation, case: None})


def test_a_process_can_cause_events_and_change_sizes(office: Play) -> None:
    """At 1 case 2 withdraws and a second clerk comes, who serves case 1 from 1 to 3. A delay may be a numpy integer."""
    counted: list[bool] = []

    def process(simulation: Simulation) -> Generator[Any, Any, None]:
        yield simulation.env.timeout(np.int64(HOUR))
        counted.append(simulation.happen(simulation.cases[2], "plea"))
        counted.append(simulation.happen(simulation.cases[2], "plea"))  # the case has left, so the event has no effect
        simulation.resize("clerks", None, 2)

    log = office(PLAIN_DESK, processes=[process])
    assert counted == [True, False]
    assert story(log) == [(1, 2, "withdraw"), (2, 0, "finish"), (3, 1, "finish")]
    assert log.sizes("clerks") == (((0, 1), (HOUR, 2)),)


def test_utilisation_includes_the_servers_that_a_process_adds(office: Play) -> None:
    """Three clerks instead of one from the first instant: 3 cases of 60 hours in 3 x 72 hours, and the log satisfies its invariants."""

    def process(simulation: Simulation) -> Generator[Any, Any, None]:
        simulation.resize("clerks", None, 3)
        yield simulation.env.timeout(0)

    log = office(PLAIN_DESK.replace("2 hours", "60 hours"), processes=[process])
    values = {v.measure: v.value for v in measure(log) if v.at is None}
    assert values["utilisation.clerks"] == pytest.approx(180 / 216)


def test_a_process_runs_before_the_events_of_its_instant(office: Play) -> None:
    """At 2, when case 0 would be finished, it withdraws."""

    def process(simulation: Simulation) -> Generator[Any, Any, None]:
        yield simulation.env.timeout(2 * HOUR)
        simulation.happen(simulation.cases[0], "plea")

    assert story(office(PLAIN_DESK, processes=[process]))[0] == (2, 0, "withdraw")


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda s: s.env.timeout(1.5), "a delay in a SimPy process is a whole number of microseconds, not 1.5"),
        (lambda s: s.happen(s.cases[0], "pleas"), "'pleas' is not an event of the workflow. Did you mean 'plea'?"),
        (lambda s: s.resize("clerk", None, 1), "'clerk' is not a pool of the scenario. Did you mean 'clerks'?"),
        (lambda s: s.resize("clerks", "desk", 1), "'desk' is not a court that has a pool of its own."),
        (lambda s: s.resize("clerks", None, -1), "pool 'clerks': must be a whole number of servers, 0 or more, not -1"),
        (lambda s: s.value(s.cases[0], "answr"), "'answr' is not a record field of the workflow. Did you mean 'answer'?"),
    ],
)
def test_a_mistake_in_a_process_is_reported(office: Play, mistake: Callable[[Simulation], Any], message: str) -> None:
    """The message has the value and the nearest name."""

    def process(simulation: Simulation) -> Generator[Any, Any, None]:
        yield mistake(simulation)

    with pytest.raises(InputError) as raised:
        office(PLAIN_DESK, processes=[process])
    assert str(raised.value) == message


def test_a_plan_can_be_run_twice(tmp_path: Path) -> None:
    """A run does not change its plan."""
    path = FixedDraws({"activity:serve": {0: 5}})
    plan = planned(tmp_path, OFFICE, PLAIN_DESK, path)
    one, two = simulate(plan, path), simulate(plan, path)
    assert json.dumps(one.rows(), default=str) == json.dumps(two.rows(), default=str)
