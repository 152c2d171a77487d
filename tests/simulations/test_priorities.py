"""Priorities by facts and by the record, read again when it changes; exact times, the same on both engines."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from simulations.engines import compiled_engine
from simulations.planning.relevant import what_matters
from simulations.scenarios.scenario import Scenario
from tests.simulations.both_engines import compare, planned
from tests.simulations.crowds import MARKED
from tests.simulations.random_scenarios import STARTS, Mapping, loaded

pytest.importorskip("numba")


def desk(priority: Any, worth: list[Any], **more: Any) -> Scenario:
    """Return a scenario of one clerk, whose work takes two hours, and of cases that arrive minute by minute from 09:00 on.

    The event `mark` may mark those whose `worth` is at least 10, and count the others.
    """
    workflow = {
        "workflow": "desk",
        "facts": {"worth": {"type": more.pop("kind", "integer"), "minimum": 0, "maximum": 100}},
        "record": {"marked": {"type": "boolean"}, "n": {"type": "integer", "minimum": 0, "maximum": 3, "default": 0}},
        "activities": {"serve": {}, "sign": {}},
        "entry": {"states": ["waiting", "signing"]},
        "states": {"waiting": {"activity": "serve"}, "signing": {"activity": "sign"}, "done": {"final": True}},
        "transitions": [
            {"transition": "finish", "from": ["waiting", "signing"], "to": "done"},
            {"transition": "note", "from": "waiting", "event": "mark", "when": "worth < 20", "set": {"n": "n + 1"}},
        ],
        "events": {"mark": {"while": "any", "set": {"marked": True}, "when": "worth >= 10"}},
        "measures": [{"measure": "empty", "emptied": "waiting"}],
    }
    table = "\n".join(["arrived,worth", *(f"{STARTS} 09:{k:02}:00,{w}" for k, w in enumerate(worth))])
    work = {"pool": "clerks", "takes": "2 hours"}
    return loaded({
        "scenario": "desk", "workflow": workflow, "starts": STARTS, "ends": dt.date(2024, 1, 31),
        "calendars": {"office": {"hours": {"mon-sun": "09:00-17:00"}}},
        "pools": {"clerks": {"size": 1, "at": "court", **more.pop("pool", {})}},
        "activities": {"serve": {**work, "priority": priority}, "sign": {**work, **more.pop("sign", {})}},
        "arrivals": {"all": {"table": "cases.csv", "into": "waiting"}}, "tables": {"cases.csv": f"{table}\n"},
        **more,
    })  # fmt: skip


def served(scenario: Scenario) -> list[int]:
    """Return the cases in the order in which their work was completed, on both engines."""
    compare(scenario, 1)
    log = compiled_engine.simulate(*planned(scenario, 1))
    return log.columns["case_id"][log.columns["cause"] == log.labels.cause.index("complete")].tolist()


TEN = {"mark": {"at": f"{STARTS} 10:00"}}


@pytest.mark.parametrize(
    ("priority", "events", "expected"),
    [
        ({"by": "marked", True: 0, False: 1}, TEN, [0, 2, 3, 4, 1]),
        ({"by": "marked", True: 2, False: 1}, TEN, [0, 1, 2, 3, 4]),
        ("0 - n", TEN, [0, 3, 1, 2, 4]),
        ("0 - worth", {}, [0, 4, 2, 3, 1]),
        ("2 * n - worth", TEN, [0, 4, 2, 3, 1]),
        ("20 * n - worth", TEN, [0, 4, 2, 1, 3]),
        ({"by": "worth > 15", True: -0.5, False: {"by": "n", 0: 3, "other": -1}}, TEN, [0, 3, 2, 4, 1]),
    ],
)  # fmt: skip
def test_a_case_moves_to_its_new_priority_and_keeps_its_enabled_time(priority: Any, events: Mapping, expected: list[int]) -> None:
    """At 10:00, case 0 is in service; 2, 3 and 4 are marked, and of these only case 3 counts."""
    worth = [0, 5, 20, 10, 70]
    assert served(desk(priority, worth, events=events)) == expected


@pytest.mark.parametrize(
    ("order", "expected"), [("oldest", [0, 2, 4, 1, 3]), ("newest", [0, 4, 2, 3, 1]), ({"by": "worth"}, [0, 4, 2, 3, 1])]
)
def test_among_equal_priorities_the_order_of_the_pool_stays(order: Any, expected: list[int]) -> None:
    """Its value is that with which a case joined the queue."""
    scenario = desk({"by": "marked", True: 0, False: 1}, [0, 5, 30, 2, 20], events=TEN, pool={"order": order})
    assert served(scenario) == expected


def test_priorities_of_several_activities_of_a_pool_are_compared() -> None:
    """A constant, and numbers of the cases, of which two are lower."""
    worth, sign = [0, 0.5, 0.7, 0.6, 0.1], {"priority": 0.6}
    signing = {"at": [f"{STARTS} 09:30"], "into": "signing"}
    arrivals = {"all": {"table": "cases.csv", "into": "waiting"}, "signed": signing}
    assert served(desk("worth", worth, sign=sign, arrivals=arrivals, kind="number")) == [0, 4, 1, 3, 5, 2]


def test_interrupted_work_behind_a_case_without_a_slot_resumes() -> None:
    """On each morning a marked case has the only slot; then interrupted work resumes, unless it is suspended."""
    scenario = loaded(MARKED)
    compare(scenario, 1)
    log = compiled_engine.simulate(*planned(scenario, 1))
    ends = {row["case_id"]: f"{row['completed_at']:%d %H:%M}" for row in log.rows() if row["completed_at"] is not None}
    assert ends == {
        3: "05 09:10", 0: "06 09:10", 4: "06 09:20", 1: "07 09:21", 5: "07 09:31", 2: "09 09:02"
    }  # fmt: skip


def test_a_case_that_becomes_exempt_moves_in_the_other_queue_too() -> None:
    """The clerk is suspended, except for marked cases, which are served by their new priority."""
    suspension = {"pool": "clerks", "courts": ["court"], "from": STARTS, "to": STARTS, "except": "marked"}
    scenario = desk("20 * n - worth", [0, 30, 10, 50, 15], suspensions=[suspension], events=TEN)
    assert served(scenario) == [3, 1, 4, 2, 0]


def test_what_is_relevant_reads_the_priorities() -> None:
    """The facts stay, and cases that return count, although the pool serves one state first come, first served."""
    scenario = desk("0 - worth", [0, 10, 20], events=TEN)
    reduced = what_matters(scenario, "empty")
    assert "worth" in reduced.workflow.facts
    assert served(reduced) == served(scenario)
