"""Golden sequences of shifts, slots, dated events and withdrawals, worked out by hand from the contract.

Times are hours since Monday 2024-01-01 00:00; the office is open from 9 to 17 on weekdays; every length is given.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulations.log.eventlog import EventLog
from tests.simulations.fixed_draws import FixedDraws, measured, play, story, work

DESK = """
workflow: desk
record:
  flag: {type: boolean}
  lot: {enum: [none, black, white]}
activities: {serve: {}, think: {}}
states:
  queue: {activity: serve}
  alone: {activity: think}
  shelf: {resting: true}
  done: {final: true}
  gone: {final: true}
transitions:
  - {transition: finish, from: queue, to: done}
  - {transition: conclude, from: alone, to: done}
  - {transition: withdraw, from: [queue, alone], event: plea, to: gone}
  - {transition: fetch, from: shelf, event: amnesty, when: lot == "white", to: queue}
entry: {states: [queue, alone, shelf]}
events:
  plea: {while: [queue, alone]}
  amnesty: {while: any, gives: {lot: [black, white]}}
"""
OFFICE = 'calendars: {office: {hours: {mon-fri: "09:00-17:00"}}}'
SPLIT = 'calendars: {office: {hours: {mon-fri: "09:00-12:00, 13:00-17:00"}}}'

Play = Callable[..., EventLog]


@pytest.fixture
def desk(tmp_path: Path) -> Play:
    """Run a scenario of the desk, with some cases in the queue at the start."""

    def run(pool: str, cases: int, hours: dict[int, Any], more: str = OFFICE, **given: Any) -> EventLog:
        scenario = f"""
{more}
courts: {{desk: {{backlog: {{queue: {cases}}}}}}}
pools: {{clerks: {{{pool}}}}}
activities: {{serve: {{pool: clerks, takes: GIVEN}}, think: {{takes: GIVEN}}}}
"""
        chances = given.pop("chances", None)
        return play(tmp_path, DESK, scenario, FixedDraws({"activity:serve": hours, **given}, chances))

    return run


# the end of a shift --------------------------------------------------------------------------------


def test_suspended_work_resumes_at_the_next_opening(desk: Play) -> None:
    """Ten hours from 9: eight to 17 on Monday, two on Tuesday (hour 33) to 11:00, hour 35. No overtime."""
    log = desk("size: 1, calendar: office, at_shift_end: suspend", 2, {0: 10, 1: 1})
    assert work(log) == [(0, 0, 9, 35, 0), (1, 0, 35, 36, 0)]
    assert measured(log)["overtime.clerks"] == 0


def test_finished_work_runs_into_overtime(desk: Play) -> None:
    """Six hours from 9 to 15, then five from 15 to 20: three of them overtime; the third starts at the next opening, 33.

    Shifts have 24 hours by the end of Wednesday; worked on shift are 6 + 2 + 1.
    """
    log = desk("size: 1, calendar: office, at_shift_end: finish", 3, {0: 6, 1: 5, 2: 1})
    assert work(log) == [(0, 0, 9, 15, 0), (1, 0, 15, 20, 0), (2, 0, 33, 34, 0)]
    assert measured(log)["overtime.clerks"] == 3
    assert measured(log)["utilisation.clerks"] == 9 / 24


def test_work_that_does_not_fit_waits_and_nothing_passes_it(desk: Play) -> None:
    """Six hours to 15; five do not fit before 17, so the hour behind them waits too, until 14:00 on Tuesday, hour 38."""
    log = desk("size: 1, calendar: office, at_shift_end: fit", 3, {0: 6, 1: 5, 2: 1})
    assert work(log) == [(0, 0, 9, 15, 0), (1, 0, 33, 38, 0), (2, 0, 38, 39, 0)]
    assert measured(log)["overtime.clerks"] == 0


def test_work_that_ends_with_the_shift_fits(desk: Play) -> None:
    """Six hours and two fill the day to 17:00 exactly."""
    assert work(desk("size: 1, calendar: office, at_shift_end: fit", 2, {0: 6, 1: 2})) == [(0, 0, 9, 15, 0), (1, 0, 15, 17, 0)]


def test_work_longer_than_any_shift_starts_at_an_opening_and_ends_in_overtime(desk: Play) -> None:
    """The first case takes one hour, to 10. The second takes nine, from Tuesday's opening at 33 to 42: one is overtime."""
    log = desk("size: 1, calendar: office, at_shift_end: fit", 2, {0: 1, 1: 9})
    assert work(log) == [(0, 0, 9, 10, 0), (1, 0, 33, 42, 0)]
    assert measured(log)["overtime.clerks"] == 1


def test_each_interval_of_a_day_bounds_what_fits(desk: Play) -> None:
    """Two hours to 11; two more do not fit before noon, and go from 13 to 15; then two to 17."""
    log = desk("size: 1, calendar: office, at_shift_end: fit", 3, {0: 2, 1: 2, 2: 2}, SPLIT)
    assert work(log) == [(0, 0, 9, 11, 0), (1, 0, 13, 15, 0), (2, 0, 15, 17, 0)]


def test_the_next_case_is_tried_when_a_head_that_does_not_fit_withdraws(desk: Play) -> None:
    """Case 1 (five hours) waits from 15, withdraws at 16, and case 2 (an hour) starts then: it fits."""
    log = desk(
        "size: 1, calendar: office, at_shift_end: fit",
        3,
        {0: 6, 1: 5, 2: 1},
        OFFICE + "\nevents: {plea: {after: GIVEN}}",
        **{"event:plea": {0: 100, 1: 16, 2: 100}},
    )
    assert story(log) == [(15, 0, "finish"), (16, 1, "withdraw"), (17, 2, "finish")]


def test_a_server_above_a_cut_size_works_overtime(desk: Play) -> None:
    """Two work from 0 to 30 without a break, and the size falls to 1 at 24: one of them is above it for six hours."""
    log = desk("size: {2024-01-01: 2, 2024-01-02: 1}", 2, {0: 30, 1: 30})
    assert [w[:4] for w in work(log)] == [(0, 0, 0, 30), (1, 0, 0, 30)]
    assert measured(log)["overtime.clerks"] == 6
    assert measured(log)["utilisation.clerks"] == (48 + 6) / (48 + 24 + 24)


def test_a_server_above_a_cut_size_does_not_resume_suspended_work(desk: Play) -> None:
    """Two start at 9 with ten hours each, and the size falls to 1 on Tuesday: one resumes to 35, then the other to 37."""
    log = desk("size: {2024-01-01: 2, 2024-01-02: 1}, calendar: office", 2, {0: 10, 1: 10})
    assert [w[:4] for w in work(log)] == [(0, 0, 9, 35), (1, 0, 9, 33), (1, 33, 35, 37)]
    assert measured(log)["overtime.clerks"] == 0
    assert measured(log)["utilisation.clerks"] == (16 + 2 + 2) / (16 + 8 + 8)


# slots ---------------------------------------------------------------------------------------------


def test_a_server_starts_as_many_cases_per_shift_as_it_has_slots(desk: Play) -> None:
    """Two slots: cases 0 and 1 in Monday's shift, 2 and 3 on Tuesday from 33, case 4 on Wednesday from 57."""
    log = desk("size: 1, calendar: office, slots: 2", 5, {})
    assert work(log) == [(0, 0, 9, 10, 0), (1, 0, 10, 11, 0), (2, 0, 33, 34, 0), (3, 0, 34, 35, 0), (4, 0, 57, 58, 0)]


def test_slots_add_up_over_servers_and_renew_in_each_interval(desk: Play) -> None:
    """Two clerks with a slot each, mornings and afternoons: two at 9, two at 13, the fifth on Tuesday at 33."""
    log = desk("size: 2, calendar: office, slots: 1", 5, {}, SPLIT)
    assert [w[2] for w in work(log)] == [9, 9, 13, 13, 33]


def test_unused_slots_lapse(desk: Play) -> None:
    """No case arrives on Monday. Of the three that arrive on Tuesday two start then, and the third on Wednesday at 57."""
    more = OFFICE + "\narrivals: {late: {into: queue, at: [30 hours, 30 hours, 30 hours]}}"
    log = desk("size: 1, calendar: office, slots: 2", 0, {}, more)
    assert [w[2] for w in work(log)] == [33, 34, 57]


def test_another_server_brings_its_slots_at_once(desk: Play) -> None:
    """One slot each; a second clerk comes on Tuesday: one case on Monday, two on Tuesday, then two on Wednesday."""
    log = desk("size: {2024-01-01: 1, 2024-01-02: 2}, calendar: office, slots: 1", 5, {})
    assert [w[2] for w in work(log)] == [9, 33, 33, 57, 57]


# outside events ------------------------------------------------------------------------------------


def test_a_dated_event_happens_once_to_every_case_in_its_states_in_the_order_of_cases(desk: Play) -> None:
    """At hour 10 cases 1 and 2 still wait and draw a lot; case 0 has left at 10, case 3 arrives at that instant, after it."""
    more = (
        OFFICE
        + "\narrivals: {late: {into: queue, at: [10 hours]}}"
        + "\nevents: {amnesty: {at: '2024-01-01 10:00', outcome: {lot: {black: 1, white: 0}}}}"
    )
    assert story(desk("size: 1, calendar: office", 3, {0: 1, 1: 3, 2: 1}, more)) == [
        (10, 0, "finish"),
        (10, 1, "amnesty"),
        (10, 2, "amnesty"),
        (13, 1, "finish"),
        (14, 2, "finish"),
        (15, 3, "finish"),
    ]


def test_a_dated_event_moves_cases_and_its_dates_have_draws_of_their_own(tmp_path: Path) -> None:
    """On the shelf: case 0 draws white at the first date and is fetched, case 1 black and then white."""
    scenario = """
courts: {desk: {backlog: {shelf: 2}}}
pools: {clerks: {size: 1}}
activities: {serve: {pool: clerks, takes: GIVEN}, think: {takes: GIVEN}}
events: {amnesty: {at: [2024-01-02, 2024-01-03], outcome: {lot: {black: 0.5, white: 0.5}}}}
"""
    draws = FixedDraws({}, {"outcome:amnesty": {0: 0.75, 1: [0.25, 0.75]}})
    assert story(play(tmp_path, DESK, scenario, draws)) == [
        (24, 0, "fetch"),
        (24, 1, "amnesty"),
        (25, 0, "finish"),
        (48, 1, "fetch"),
        (49, 1, "finish"),
    ]


def test_only_waiting_cases_withdraw(desk: Play) -> None:
    """All cases would withdraw after ten hours. Case 0 is being served then and stays; cases 1 and 2 leave the queue."""
    more = OFFICE + "\nevents: {plea: {after: 10 hours, only: waiting}}"
    assert story(desk("size: 1, calendar: office", 3, {0: 3}, more)) == [
        (10, 1, "withdraw"),
        (10, 2, "withdraw"),
        (12, 0, "finish"),
    ]


def test_a_case_in_a_delay_does_not_wait_in_a_queue(tmp_path: Path) -> None:
    """A delay has no queue, so an event for waiting cases never happens in it."""
    scenario = """
courts: {desk: {backlog: {alone: 1}}}
pools: {clerks: {size: 1}}
activities: {serve: {pool: clerks, takes: GIVEN}, think: {takes: GIVEN}}
events: {plea: {after: 1 hour, only: waiting}}
"""
    assert story(play(tmp_path, DESK, scenario, FixedDraws({"activity:think": {0: 5}}))) == [(5, 0, "conclude")]
