"""Preemption and limits of queues: golden cases on both engines, each to the microsecond."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from simulations import SamplePath, make_plan
from simulations.engines import compiled_engine, simpy_engine
from simulations.log.eventlog import EventLog
from simulations.measuring.invariants import check_log
from simulations.scenarios.findings import findings
from tests.simulations.both_engines import assert_same
from tests.simulations.random_scenarios import Mapping, loaded

pytest.importorskip("numba")

DAY = 24 * 3_600_000_000
STARTS = dt.date(2024, 1, 1)

WORKFLOW: Mapping = {
    "workflow": "desk",
    "activities": {"serve": {}, "serve_first": {}},
    "entry": {"states": ["low", "high"]},
    "states": {
        "low": {"activity": "serve"},
        "high": {"activity": "serve_first"},
        "done": {"final": True},
        "lost": {"final": True},
    },
    "transitions": [
        {"transition": "finish", "from": ["low", "high"], "to": "done"},
        {"transition": "lose", "from": ["low", "high"], "event": "turned_away", "to": "lost"},
    ],
    "events": {"turned_away": {"while": ["low", "high"]}},
}


def day(k: int) -> dt.date:
    """Return a date of the run."""
    return STARTS + dt.timedelta(days=k)


def desk(pool: Mapping, low: list[int], high: list[int] = [], **more: Any) -> Mapping:  # noqa: B006
    """Return a scenario of one pool; cases arrive after whole days, at 0 in the backlog, and take 10 days."""
    arrivals = {name: {"into": name, "at": [f"{k} days" for k in at if k]} for name, at in (("low", low), ("high", high))}
    scenario: Mapping = {
        "scenario": "desk",
        "workflow": WORKFLOW,
        "starts": STARTS,
        "ends": day(200),
        "courts": {"desk": {"backlog": {"low": low.count(0)}}},
        "pools": {"clerks": {"size": 1, **pool}},
        "activities": {
            "serve": {"pool": "clerks", "takes": "10 days", "priority": 1},
            "serve_first": {"pool": "clerks", "takes": "10 days", "priority": 0},
        },
        "arrivals": {name: stream for name, stream in arrivals.items() if stream["at"]},
    }
    return scenario | more


def both(scenario: Mapping) -> EventLog:
    """Run a scenario on both engines, compare, and check the invariants of the log."""
    path = SamplePath(1, 1)
    plan = make_plan(loaded(scenario), path)
    log = simpy_engine.simulate(plan, path)
    check_log(log)
    assert_same(log, compiled_engine.simulate(plan, path))
    return log


def ends(scenario: Mapping) -> list[tuple[str, float]]:
    """Return for each case its kind, or `lost`, and the day of its end, in order."""
    log = both(scenario)
    states = list(log.cases.scenario.workflow.states)
    rows = zip(*(log.columns[name].tolist() for name in ("from_state", "to_state", "happened_at")), strict=True)
    named = [(states[start], states[end], at / DAY) for start, end, at in rows]
    return sorted((start if end == "done" else end, at) for start, end, at in named if end in ("done", "lost"))


@pytest.mark.parametrize(("mode", "end"), [("resume", 15), ("restart", 19), ("resample", 29)])
def test_a_smaller_size_interrupts(mode: str, end: int) -> None:
    """One arrival at 1, service 10 or, drawn anew, 20; one server until 5, none until 9, then one."""
    scenario = desk({"size": {day(0): 1, day(5): 0, day(9): 1}, "preempt": mode}, [1])
    scenario["activities"]["serve"]["takes"] = {day(0): "10 days", day(9): "20 days"}
    assert ends(scenario) == [("low", end)]


@pytest.mark.parametrize(("rule", "end"), [("suspend", 24 + 15), ("restart", 24 + 19), ("resample", 24 + 29), ("finish", 11)])
def test_work_begins_again_in_the_next_shift(rule: str, end: int) -> None:
    """The same in hours: the first shift ends at 5 on Monday, the second begins at 9 on Tuesday; from then on work takes 20."""
    scenario = desk({"calendar": "on", "at_shift_end": rule}, [])
    scenario["calendars"] = {"on": {"hours": {"mon": "00:00-05:00", "tue": "09:00-08:00"}}}
    scenario["arrivals"] = {"low": {"into": "low", "at": ["1 hours"]}}
    scenario["activities"]["serve"]["takes"] = {day(0): "10 hours", day(1): "20 hours"}
    scenario["activities"]["serve_first"]["takes"] = "10 hours"
    assert ends(scenario) == [("low", end / 24)]


LIMITED = {"queue_limit": {"cases": 2, "event": "turned_away"}}


def test_a_queue_limit_without_preemption() -> None:
    """The second low is lost when the second high arrives; both highs are served after the first low."""
    assert ends(desk(LIMITED, [0, 0], [2, 3])) == [("high", 20), ("high", 30), ("lost", 3), ("low", 10)]


def test_a_limit_without_an_event_means_the_only_one_that_has_no_timing() -> None:
    """The number alone is enough, as long as no other event may happen to the cases of the queue."""
    found = ends(desk({"queue_limit": 2}, [0, 0], [2, 3]))
    assert found == ends(desk(LIMITED, [0, 0], [2, 3]))


def test_a_queue_limit_with_preemption() -> None:
    """The first high interrupts the first low, which ends last; the second low is lost."""
    assert ends(desk({**LIMITED, "preempt": True}, [0, 0], [2, 3])) == [("high", 12), ("high", 22), ("lost", 3), ("low", 30)]


@pytest.mark.parametrize(("mode", "end"), [("resume", 30), ("restart", 35)])
def test_a_case_that_needs_two_servers_interrupts_two(mode: str, end: int) -> None:
    """Capacity 2, lows at 0 and 0, highs at 2 and 15 that need both servers."""
    scenario = desk({"size": 2, "preempt": mode}, [0, 0], [2, 15])
    scenario["activities"]["serve_first"] = {"needs": {"clerks": 2}, "takes": "10 days", "priority": 0}
    assert ends(scenario) == [("high", 12), ("high", 25), ("low", end), ("low", end)]


def test_a_queue_that_holds_nobody_loses_every_second_case() -> None:
    """Arrivals at 1, 2, ..., 100, service 1.5, no queue: 50 are served, 50 lost."""
    scenario = desk({"queue_limit": {"cases": 0, "event": "turned_away"}}, [*range(1, 101)])
    scenario["activities"]["serve"]["takes"] = "36 hours"
    found = ends(scenario)
    assert [state for state, _ in found].count("low") == [state for state, _ in found].count("lost") == 50


@pytest.mark.parametrize(("rule", "takes", "warned"), [("restart", "6 hours", True), ("resample", "6 hours", True),
                                                       ("resample", {"uniform": {"min": "1 hour", "max": "6 hours"}}, False),
                                                       ("restart", {"uniform": {"min": "1 hour", "max": "6 hours"}}, True),
                                                       ("restart", "5 hours", False), ("suspend", "6 hours", False)])  # fmt: skip
def test_a_warning_names_work_that_never_ends(rule: str, takes: Any, warned: bool) -> None:
    """A shift has five hours; longer work begins again in each, and work that is drawn anew may be shorter the next time."""
    scenario = desk({"calendar": "on", "at_shift_end": rule}, [])
    scenario["calendars"] = {"on": {"hours": {"mon-fri": "09:00-14:00"}}}
    scenario["activities"] = {name: {**work, "takes": takes} for name, work in scenario["activities"].items()}
    found = [message for message in findings(loaded(scenario)) if "never ends" in message]
    assert len(found) == (2 if warned else 0)
