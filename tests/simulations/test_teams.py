"""Work that needs several pools, or the first free one of several: golden sequences on both engines, worked out by hand.

Monday is 2024-01-08. The office is open from 9 to 17, interpreters work from 10 to 12 and from 14 to 16.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from simulations import make_plan
from simulations.engines import compiled_engine, simpy_engine
from simulations.log.eventlog import EventLog
from simulations.measuring.invariants import check_log
from simulations.measuring.measures import measure
from tests.simulations.both_engines import assert_same, planned
from tests.simulations.random_scenarios import Mapping, loaded
from workflow.errors import InputError

MONDAY = dt.date(2024, 1, 8)
OFFICE, LANGUAGES = {"hours": {"mon-fri": "09:00-17:00"}}, {"hours": {"mon-fri": ["10:00-12:00", "14:00-16:00"]}}
WORKFLOW: Mapping = {
    "workflow": "hearings",
    "facts": {"foreign": {"type": "boolean"}, "panel": {"type": "integer", "minimum": 1, "maximum": 3, "default": 1}},
    "record": {"agreed": {"type": "boolean"}},
    "activities": {"hear": {}, "sign": {}},
    "states": {"docket": {"activity": "hear"}, "desk": {"activity": "sign"}, "done": {"final": True}, "gone": {"final": True}},
    "transitions": [
        {"transition": "heard", "from": ["docket", "desk"], "to": "done"},
        {"transition": "leave", "from": "docket", "event": "withdraw", "to": "gone"},
    ],
    "events": {"withdraw": {"while": ["docket"]}, "agree": {"while": ["docket"], "set": {"agreed": True}}},
    "entry": {"states": ["docket", "desk"]},
}
TWO = {"judges": 1, "interpreters": {"when": "foreign"}}


def play(hear: Mapping, pools: Mapping, arrivals: list[tuple[str, Mapping]], **more: Any) -> EventLog:
    """Run a scenario on both engines, compare the logs, and check the invariants."""
    streams = {}
    for k, (when, facts) in enumerate(arrivals):
        facts = dict(facts)
        into, rest = facts.pop("into", "docket"), {name: {value: 1} for name, value in facts.items()}
        streams[f"s{k}"] = {
            "at": [f"{MONDAY} {when}" if len(when) == 5 else when],
            "into": into,
            "people": {"foreign": 0, **rest},
        }
    scenario = loaded({
        "scenario": "hearings", "workflow": WORKFLOW, "starts": MONDAY, "ends": MONDAY + dt.timedelta(days=4),
        "calendars": {"office": OFFICE, "languages": LANGUAGES}, "pools": pools, "arrivals": streams,
        "activities": {"hear": {"takes": "1 hour", **hear}, "sign": {"pool": "judges", "takes": "1 hour", "priority": 1}}, **more,
    })  # fmt: skip
    plan, path = planned(scenario, 1)
    log = simpy_engine.simulate(plan, path)
    if compiled_engine.available():
        assert_same(log, compiled_engine.simulate(make_plan(scenario, path), path))
    check_log(log)
    return log


def times(log: EventLog) -> dict[int, tuple[str, str]]:
    """Return start and end of the work on each case, as day and hour."""
    rows = [row for row in log.rows() if row["completed_at"] is not None]
    return {row["case_id"]: (f"{row['started_at']:%d %H:%M}", f"{row['completed_at']:%d %H:%M}") for row in rows}


def held(log: EventLog) -> list[tuple[int, str, int]]:
    """Return case, pool and number of each server of a team besides the one in its row."""
    return [(int(log.columns["case_id"][row]), log.labels.pool[pool], server) for row, pool, server in log.further.tolist()]


def office(**sizes: int) -> Mapping:
    """Return pools that are all on shift in the office hours."""
    return {name: {"size": size, "calendar": "office"} for name, size in sizes.items()}


def test_both_pools_start_together_and_are_held_until_the_end() -> None:
    """One interpreter: the second foreign case waits for him, although a judge is free."""
    log = play({"needs": TWO}, office(judges=2, interpreters=1), [("09:00", {"foreign": True}), ("09:30", {"foreign": True})])
    assert times(log) == {0: ("08 09:00", "08 10:00"), 1: ("08 10:00", "08 11:00")}
    assert held(log) == [(0, "interpreters", 0), (1, "interpreters", 0)]


PASSED = [("09:00", {"foreign": True}), ("09:10", {"foreign": True}), ("09:20", {})]


def test_without_hold_a_case_passes_one_that_lacks_a_pool() -> None:
    """Case 2 needs no interpreter and takes the free judge at once."""
    log = play({"needs": TWO}, office(judges=2, interpreters=1), PASSED)
    assert times(log) == {0: ("08 09:00", "08 10:00"), 2: ("08 09:20", "08 10:20"), 1: ("08 10:00", "08 11:00")}


def test_with_hold_nobody_passes_a_case_that_lacks_a_pool() -> None:
    """Case 2 waits until case 1 has its interpreter, which leaves the second judge free."""
    log = play({"needs": TWO, "hold": True}, office(judges=2, interpreters=1), PASSED)
    assert times(log) == {0: ("08 09:00", "08 10:00"), 1: ("08 10:00", "08 11:00"), 2: ("08 10:00", "08 11:00")}


def test_hold_keeps_other_work_of_the_queue_waiting_too() -> None:
    """A signature in the same queue, of lower priority, stands behind the hearing."""
    for hold, start in ((True, "08 10:00"), (False, "08 09:20")):
        log = play({"needs": TWO, "hold": hold}, office(judges=2, interpreters=1), [*PASSED[:2], ("09:20", {"into": "desk"})])
        assert times(log)[2][0] == start


def test_a_case_that_holds_and_leaves_lets_the_others_start() -> None:
    """Case 1 withdraws at 09:40, and case 2 starts."""
    log = play(
        {"needs": TWO, "hold": True}, office(judges=2, interpreters=1), PASSED,
        events={"withdraw": {"after": "30 minutes", "only": "waiting"}},
    )  # fmt: skip
    assert times(log) == {0: ("08 09:00", "08 10:00"), 2: ("08 09:40", "08 10:40")}


def test_several_servers_of_one_pool() -> None:
    """A panel of three waits for all three judges; a single judge passes it."""
    arrivals = [("09:00", {"panel": 2}), ("09:10", {"panel": 3}), ("09:20", {"panel": 1})]
    needs = {"judges": {"by": "panel", 1: 1, 2: 2, 3: 3}}
    log = play({"needs": needs}, office(judges=3), arrivals)
    assert times(log) == {0: ("08 09:00", "08 10:00"), 2: ("08 09:20", "08 10:20"), 1: ("08 10:20", "08 11:20")}
    assert held(log) == [(0, "judges", 1), (1, "judges", 1), (1, "judges", 2)]


def test_the_first_free_pool_of_several_does_the_work() -> None:
    """The judge first, then the visiting judge, who takes twice as long; the next case waits for the first of both."""
    hear = {"either": ["judges", "visitors"], "takes": {"by": "pool", "judges": "1 hour", "visitors": "2 hours"}}
    log = play(hear, office(judges=1, visitors=1), [("09:00", {}), ("09:10", {}), ("09:20", {})])
    assert times(log) == {0: ("08 09:00", "08 10:00"), 1: ("08 09:10", "08 11:10"), 2: ("08 10:00", "08 11:00")}
    rows = [row for row in log.rows() if row["completed_at"] is not None]
    assert {row["case_id"]: row["pool"] for row in rows} == {0: "judges", 1: "visitors", 2: "judges"}


def test_either_of_two_pools_together_with_a_third() -> None:
    """Both judges are free for case 1, but the interpreter is not."""
    hear = {"either": ["judges", "visitors"], "needs": {"interpreters": {"when": "foreign"}}}
    log = play(
        hear,
        office(judges=1, visitors=2, interpreters=1),
        [("09:00", {"foreign": True}), ("09:10", {"foreign": True}), ("09:20", {})],
    )
    assert times(log) == {0: ("08 09:00", "08 10:00"), 2: ("08 09:20", "08 10:20"), 1: ("08 10:00", "08 11:00")}
    assert [row["pool"] for row in log.rows() if row["completed_at"] is not None] == ["judges", "visitors", "judges"]


WITH_LANGUAGES = {"judges": {"size": 2, "calendar": "office"}, "interpreters": {"size": 1, "calendar": "languages"}}


def test_suspended_work_goes_on_while_all_are_on_shift() -> None:
    """Three hours from 10:00: two until 12:00, the third from 14:00. The judge is held over the break."""
    log = play({"needs": TWO, "takes": "3 hours"}, WITH_LANGUAGES, [("09:00", {"foreign": True})])
    assert times(log) == {0: ("08 10:00", "08 15:00")}
    use = {v.measure: v.value for v in measure(log) if v.court == "all" and v.measure.startswith("utilisation")}
    assert use == {"utilisation.judges": 5 / (2 * 40), "utilisation.interpreters": 3 / 20}


def test_finished_work_begins_while_all_are_on_shift() -> None:
    """It runs on over the break of the interpreter."""
    pools = {name: {**pool, "at_shift_end": "finish"} for name, pool in WITH_LANGUAGES.items()}
    log = play({"needs": TWO, "takes": "3 hours"}, pools, [("09:00", {"foreign": True})])
    assert times(log) == {0: ("08 10:00", "08 13:00")}


def test_work_must_fit_into_the_time_that_all_share() -> None:
    """At 11:00, 90 minutes no longer fit before the break, and nobody behind starts."""
    pools = {name: {**pool, "at_shift_end": "fit"} for name, pool in WITH_LANGUAGES.items()}
    log = play({"needs": TWO, "takes": "90 minutes"}, pools, [("11:00", {"foreign": True}), ("11:10", {})])
    assert times(log) == {0: ("08 14:00", "08 15:30"), 1: ("08 14:00", "08 15:30")}


def test_work_longer_than_all_shared_time_starts_when_both_open() -> None:
    """Three hours never fit into two shared ones: the work starts at 14:00, and runs over."""
    pools = {name: {**pool, "at_shift_end": "fit"} for name, pool in WITH_LANGUAGES.items()}
    log = play({"needs": TWO, "takes": "3 hours"}, pools, [("11:00", {"foreign": True})])
    assert times(log) == {0: ("08 14:00", "08 17:00")}


def test_each_server_uses_one_of_its_slots() -> None:
    """Two judges with one slot each: a panel of two uses both, so the next case waits until Tuesday."""
    pools = {"judges": {"size": 2, "calendar": "office", "slots": 1}}
    log = play({"needs": {"judges": {"by": "panel", 1: 1, 2: 2, 3: 3}}}, pools, [("09:00", {"panel": 2}), ("09:30", {})])
    assert times(log) == {0: ("08 09:00", "08 10:00"), 1: ("09 09:00", "09 10:00")}
    use = {v.measure: v.value for v in measure(log) if v.court == "all"}
    assert use["slots_used.judges"] == 3 / 10


def test_a_suspension_of_a_further_pool_stops_the_cases_that_need_it() -> None:
    """Interpreters are suspended on Monday; a case that has agreed is exempt from 11:00 on. With hold, it stops nobody else."""
    pools = {"judges": {"at": "court", "size": 1}, "interpreters": {"at": "court", "size": 1}}
    log = play(
        {"needs": TWO, "hold": True}, pools, [("09:00", {"foreign": True}), ("09:10", {}), ("11:00", {"foreign": True})],
        courts={"east": {}},
        suspensions=[{"pool": "interpreters", "courts": ["east"], "from": MONDAY, "to": MONDAY, "except": "agreed"}],
        events={"agree": {"after": "2 hours"}},
    )  # fmt: skip
    assert times(log) == {1: ("08 09:10", "08 10:10"), 0: ("08 11:00", "08 12:00"), 2: ("08 13:00", "08 14:00")}


def test_a_suspension_of_one_pool_leaves_the_work_to_the_other() -> None:
    """The judges are suspended on Monday, the visitors are not."""
    pools = {"judges": {"at": "court", "size": 1}, "visitors": {"size": 1}}
    log = play(
        {"either": ["judges", "visitors"]}, pools, [("09:00", {}), ("09:10", {})], courts={"east": {}},
        suspensions=[{"pool": "judges", "courts": ["east"], "from": MONDAY, "to": MONDAY}],
    )  # fmt: skip
    assert times(log) == {0: ("08 09:00", "08 10:00"), 1: ("08 10:00", "08 11:00")}


def test_fewer_interpreters_interrupt_the_work_that_started_last_and_free_its_judge() -> None:
    """On Tuesday one interpreter is left. The judge of case 1 signs, until the interpreter is free again."""
    pools = {
        "judges": {"size": 2, "calendar": "office"},
        "interpreters": {"size": {MONDAY: 2, MONDAY + dt.timedelta(days=1): 1}, "calendar": "office"},
    }
    arrivals = [("16:00", {"foreign": True}), ("16:30", {"foreign": True}), ("33 hours", {"into": "desk"})]
    log = play({"needs": TWO, "takes": "2 hours"}, pools, arrivals)
    assert times(log) == {0: ("08 16:00", "09 10:00"), 1: ("09 10:00", "09 11:30"), 2: ("09 09:00", "09 10:00")}
    (interrupted,) = (row for row in log.rows() if row["cause"] == "interrupted")
    assert (interrupted["case_id"], interrupted["happened_at"]) == (1, dt.datetime(2024, 1, 9, 9))


def test_a_server_who_is_freed_elsewhere_wakes_the_queue_that_needs_him() -> None:
    """The interpreter signs first, in a queue of his own; then the hearing starts."""
    activities = {"hear": {"needs": TWO, "takes": "1 hour"}, "sign": {"pool": "interpreters", "takes": "1 hour"}}
    log = play(
        {}, office(judges=1, interpreters=1), [("09:00", {"into": "desk"}), ("09:10", {"foreign": True})], activities=activities
    )
    assert times(log) == {0: ("08 09:00", "08 10:00"), 1: ("08 10:00", "08 11:00")}


def test_the_need_of_a_waiting_case_follows_its_record() -> None:
    """A case that agrees at 09:40 needs no interpreter any more."""
    needs = {"judges": 1, "interpreters": {"when": "not agreed"}}
    log = play(
        {"needs": needs}, office(judges=2, interpreters=1), [("09:00", {}), ("09:10", {})],
        events={"agree": {"at": f"{MONDAY} 09:40"}},
    )  # fmt: skip
    assert times(log) == {0: ("08 09:00", "08 10:00"), 1: ("08 09:40", "08 10:40")}


def test_courts_with_judges_of_their_own_share_the_interpreters() -> None:
    """A freed interpreter goes to the first court in the file, then to the second; a national queue needs judges of the court."""
    pools = {"judges": {"at": "court", "size": 1}, "interpreters": {"size": 1}}
    courts: Mapping = {"east": {"backlog": {"docket": 1}}, "west": {"backlog": {"docket": 2}}}
    for first, starts in (("judges", [0, 1, 2]), ("interpreters", [0, 1, 2])):
        needs = {"judges": 1, "interpreters": 1} if first == "judges" else {"interpreters": 1, "judges": 1}
        log = play({"needs": needs}, pools, [], courts=courts)
        started = {row["case_id"]: row["started_at"].hour for row in log.rows() if row["completed_at"]}
        assert [started[case] for case in range(3)] == starts


def test_waits_name_the_pool_that_was_short() -> None:
    """Case 1 waits for the interpreter from 09:10; case 2 for nobody, but behind case 1; case 3 for a judge from 10:00."""
    hear = {"needs": TWO, "hold": True}
    log = play(hear, office(judges=2, interpreters=1), [*PASSED, ("09:30", {})])
    found = {v.measure: v.value for v in measure(log) if v.court == "all" and v.measure.startswith("waiting_for.hear")}
    quarter = {"judges": 60, "interpreters": 50, "others": 40 + 30, "closed": 0}
    assert {name.rpartition(".")[2]: round(value * 4 * 24 * 60) for name, value in found.items() if value is not None} == quarter
    assert not [v for v in measure(log) if v.measure.startswith(("waiting_reason", "waiting_clock", "waiting_capacity"))]


def test_a_night_belongs_to_the_pool_that_was_short_before_it() -> None:
    """In hours.

    Case 0 comes before the office opens, and then waits for the interpreter. Case 1 comes when only he is away, and waits for him until
    the next morning. Case 2 comes at night, and starts as soon as the judges are there.
    """
    log = play({"needs": TWO}, WITH_LANGUAGES, [("08:00", {"foreign": True}), ("16:30", {"foreign": True}), ("18:00", {})])
    assert times(log) == {0: ("08 10:00", "08 11:00"), 1: ("09 10:00", "09 11:00"), 2: ("09 09:00", "09 10:00")}
    found = {v.measure.rpartition(".")[2]: v.value for v in measure(log) if v.court == "all" and "waiting_for.hear" in v.measure}
    hours = {part: round((value or 0) * 24 * 3, 6) for part, value in found.items()}
    assert hours == {"judges": 0, "interpreters": 1 + 17.5, "others": 0, "closed": 1 + 15}


def test_costs_and_use_count_every_server() -> None:
    """A judge and two interpreters for one hour of a week; pools are paid for their shifts."""
    needs = {"judges": 1, "interpreters": 2}
    log = play(
        {"needs": needs}, office(judges=1, interpreters=2), [("09:00", {})],
        costs={"currency": "EUR", "pools": {"interpreters": "10 per hour"}},
    )  # fmt: skip
    found = {v.measure: v.value for v in measure(log) if v.court == "all"}
    assert (found["utilisation.judges"], found["utilisation.interpreters"]) == (1 / 40, 2 / 80)
    assert found["cost.interpreters"] == pytest.approx(800)


def test_work_in_hand_at_the_end_has_its_servers() -> None:
    """The closing row names the judge; the interpreter is among the further servers."""
    log = play(
        {"needs": TWO, "takes": "100 hours"}, office(judges=1, interpreters=1), [("09:00", {"foreign": True}), ("09:10", {})]
    )
    assert held(log) == [(0, "interpreters", 0)]
    assert np.flatnonzero(log.columns["server"] >= 0).tolist() == [0]


def test_the_hearing_and_its_queue_may_be_of_a_small_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel returns to Python repeatedly, and the further servers keep their rows."""
    if compiled_engine.available():
        monkeypatch.setattr(compiled_engine, "ROWS_AT_ONCE", 1)
    arrivals = [(f"{9 + k // 6:02}:{k % 6}0", {"foreign": True}) for k in range(20)]
    log = play({"needs": TWO, "takes": "15 minutes"}, office(judges=2, interpreters=2), arrivals)
    assert held(log) == [
        (row["case_id"], "interpreters", server)
        for row, (_, _, server) in zip((r for r in log.rows() if r["completed_at"]), held(log), strict=True)
    ]
    assert len(log.further) == 20


@pytest.mark.parametrize(
    ("hear", "message"),
    [
        ({"pool": "judges", "needs": TWO}, "activity 'hear': needs: stands in place of pool:; leave pool: out and name 'judges' here"),
        ({"needs": {"judges": 0}}, "activity 'hear': needs: judges: count: must be a whole number of servers, 1 or more"),
        ({"needs": {"judges": {"when": "foreign"}}}, "activity 'hear': needs: judges: when: cases wait in the queue of the first pool"),
        ({"needs": {"judges": 1, "others": 1}}, "activity 'hear': 'others' is the name of a part of its waits; give the pool another name"),
        ({"either": ["judges", "judges"]}, "activity 'hear': either: 'judges' is named twice"),
        ({"either": ["judges", "nobody"]}, "activity 'hear': either: 'nobody' is not a pool"),
        ({"either": ["judges", "interpreters"], "needs": {"judges": 1}}, "activity 'hear': either: 'judges' is among needs:, too"),
        ({"pool": "judges", "hold": True}, "activity 'hear': hold: is for work with needs: or either:"),
        ({"needs": TWO, "takes": {"by": "pool", "judges": "1 hour"}}, "activity 'hear': takes: by: pool is for work with either:"),
        (
            {"either": ["judges", "interpreters"], "takes": {"by": "pool", "judges": "1 hour"}},
            "activity 'hear': takes: by pool: there is no entry for interpreters; add it, or other:",
        ),
        ({"needs": {"judges": 1, "night": 1}}, "activity 'hear': judges and night are never on shift together during the run"),
        ({"needs": {"judges": 1, "hasty": 1}}, "the pools of one piece of work share one at_shift_end:, but 'judges' has suspend"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(hear: Mapping, message: str) -> None:
    """With the place, the value and what is allowed."""
    pools = office(judges=1, interpreters=1) | {
        "night": {"size": 1, "calendar": "nights"}, "hasty": {"size": 1, "calendar": "office", "at_shift_end": "fit"},
    }  # fmt: skip
    nights = {"office": OFFICE, "languages": LANGUAGES, "nights": {"hours": {"mon-fri": "18:00-20:00"}}}
    with pytest.raises(InputError) as refused:
        play(hear, pools, [], calendars=nights)
    assert any(message in problem.message for problem in refused.value.problems), refused.value.problems
