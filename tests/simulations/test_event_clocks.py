"""Exact times of the clocks of events, the same on both engines."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from simulations.engines import compiled_engine, kernel_model, simpy_engine
from simulations.scenarios.workload import work_problems
from tests.simulations.both_engines import compare, planned
from tests.simulations.random_scenarios import Mapping, loaded
from workflow.errors import VisitCap

pytest.importorskip("numba")

OFFICE = {"office": {"hours": {"mon-fri": "09:00-17:00"}, "closed": [dt.date(2024, 2, 5)]}}


def letters(timing: Mapping, **more: Any) -> Mapping:
    """Return a scenario of one case that arrives on a Wednesday at 10:00, and of an event `ring` with a timing.

    The case waits in `a`. The first ring takes it to `b`, the second back into `b`, and later ones only write a row. The
    event `out` takes it to `c`, from which it returns to `a` a day later.
    """
    workflow = {
        "workflow": "letters",
        "facts": more.pop("facts", {}),
        "record": {"n": {"type": "integer", "minimum": 0, "maximum": 3, "default": 0}},
        "activities": {"rest": {}},
        "entry": {"states": ["a"]},
        "states": {"a": {"resting": True}, "b": {"resting": True}, "c": {"activity": "rest"}},
        "transitions": [
            {"transition": "first", "from": ["a"], "event": "ring", "to": "b", "set": {"n": "n + 1"}},
            {"transition": "again", "from": ["b"], "event": "ring", "when": "n < 2", "to": "b", "set": {"n": "n + 1"}},
            {"transition": "leave", "from": ["a", "b"], "event": "out", "to": "c"},
            {"transition": "back", "from": ["c"], "to": "a"},
        ],
        "events": {"ring": {"while": more.pop("while_", ["a", "b"])}, "out": {"while": ["a", "b"]}},
    }
    return {
        "scenario": "letters", "workflow": workflow, "starts": dt.date(2024, 1, 31), "ends": dt.date(2024, 2, 20),
        "calendars": OFFICE, "activities": {"rest": {"takes": "1 day"}}, "arrivals": {"all": {"at": ["2024-01-31 10:00"]}},
        "events": {"ring": timing}, **more,
    }  # fmt: skip


def rings(scenario: Mapping) -> list[str]:
    """Return when the event happened, on both engines."""
    read = loaded(scenario)
    compare(read, 1)
    log = compiled_engine.simulate(*planned(read, 1))
    is_ring = log.columns["cause"] == log.labels.cause.index("ring")
    return [f"{read.epoch.instant(int(at)):%d %b %H:%M}" for at in log.columns["happened_at"][is_ring]]


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        ({"every": "6 days"}, ["06 Feb 10:00", "12 Feb 10:00", "18 Feb 10:00"]),
        ({"every": {"constant": "6 days"}}, ["06 Feb 10:00", "12 Feb 10:00", "18 Feb 10:00"]),
        ({"every": {"by": "n", 0: "6 days", 1: "2 days", 2: "3 days", 3: "1 day"}},
         ["06 Feb 10:00", "08 Feb 10:00", "11 Feb 10:00", "14 Feb 10:00", "17 Feb 10:00", "20 Feb 10:00"]),
        ({"every": "4 working days", "calendar": "office"}, ["07 Feb 10:00", "13 Feb 10:00", "19 Feb 10:00"]),
        ({"after": "4 working days", "calendar": "office"}, ["07 Feb 10:00"]),
        ({"after": "0 working days", "calendar": "office"}, ["31 Jan 10:00"]),
        ({"after": "100 working days", "calendar": "office"}, []),
    ],
)  # fmt: skip
def test_a_clock_rings_at_exact_times(timing, expected):
    """`every:` rings again and again; working days leave out weekends and the closed 5 February."""
    assert rings(letters(timing)) == expected


def test_a_clock_of_intervals_stops_outside_its_states_and_starts_anew():
    """The case is away from 5 to 6 February, so its clock begins again on the 6th."""
    scenario = letters({"every": "4 days"}, events={"ring": {"every": "4 days"}, "out": {"at": dt.date(2024, 2, 5)}})
    assert rings(scenario) == ["04 Feb 10:00", "10 Feb 00:00", "14 Feb 00:00", "18 Feb 00:00"]


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        ({"after": "6 days"}, ["06 Feb 10:00"]),
        ({"every": "6 days"}, ["06 Feb 10:00", "12 Feb 10:00", "18 Feb 10:00"]),
        ({"after": "6 days", "since": "turn"}, ["08 Feb 00:00"]),
        ({"after": "1 day", "since": "turn"}, ["02 Feb 00:00", "03 Feb 00:00"]),
        ({"after": "6 days", "since": ["turn", {"fact": "arrived"}]}, ["08 Feb 00:00"]),
    ],
)
def test_a_transition_back_into_the_same_state_leaves_a_clock_running_unless_it_is_its_start(timing, expected):
    """The case takes `turn`, from `a` to `a`, on 1 and 2 February at 00:00."""
    scenario = letters(timing, while_=["a"])
    workflow = scenario["workflow"]
    workflow["events"]["ring"]["set"] = {"n": 3}
    workflow["events"]["poke"] = {"while": ["a"]}
    workflow["transitions"][:2] = [{"transition": "turn", "from": ["a"], "event": "poke", "to": "a"}]
    workflow["transitions"][1]["from"] = workflow["events"]["out"]["while"] = ["a"]
    del workflow["states"]["b"]
    scenario["events"]["poke"] = {"at": [dt.date(2024, 2, 1), dt.date(2024, 2, 2)]}
    assert rings(scenario) == expected


def test_a_ring_whose_condition_does_not_hold_does_not_stop_the_clock():
    """The event does not happen, and the clock goes on."""
    scenario = letters({"every": "6 days"})
    scenario["workflow"]["events"]["ring"]["when"] = "n != 1"
    scenario["workflow"]["events"]["out"] |= {"set": {"n": 2}}
    scenario["workflow"]["transitions"][2]["when"] = "n > 3"
    scenario["events"]["out"] = {"at": dt.date(2024, 2, 16)}
    assert rings(scenario) == ["06 Feb 10:00", "18 Feb 10:00"]


def test_a_clock_that_rings_every_second_ends_at_the_cap_of_rings(monkeypatch):
    """Both engines stop after so many rings of one case, with an error that names it."""
    for module in (simpy_engine, kernel_model):
        monkeypatch.setattr(module, "MOST_RINGS", 1500)
    scenario = loaded(letters({"every": {"gamma": {"mean": "1 second", "cv": 1}}}))
    for engine in (simpy_engine, compiled_engine):
        with pytest.raises(VisitCap, match="'ring' 1,500 times"):
            engine.simulate(*planned(scenario, 1))


def test_too_many_rings_are_refused_before_the_run():
    """A clock that rings every millisecond for three weeks is not a plan."""
    scenario = loaded(letters({"every": "0.001 seconds"}, arrivals={"all": {"rate": "100 per day"}}))
    assert work_problems(scenario)[0].startswith("events.ring: may happen")


def test_a_choice_by_a_bounded_number_needs_no_other():
    """All values of `n` have an entry."""
    assert rings(letters({"after": {"by": "n", 0: "1 day", 1: "2 days", 2: "3 days", 3: "4 days"}})) == ["01 Feb 10:00"]
