"""Times that stand in the case: lengths and dates from facts, and clocks that began before the run; both engines."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from simulations.engines import compiled_engine
from tests.simulations.both_engines import compare, planned
from tests.simulations.random_scenarios import Mapping, loaded
from workflow.errors import InputError

pytest.importorskip("numba")

OFFICE = {"office": {"hours": {"mon-fri": "09:00-17:00"}, "closed": [dt.date(2024, 2, 5)]}}
STARTS = dt.date(2024, 2, 7)  # a Wednesday


def stays(timing: Mapping, fact: Mapping, value: Any, **more: Any) -> Mapping:
    """Return a scenario of open cases with a fact `x`, each of which an event `ends` takes out of its state."""
    workflow = {
        "workflow": "stays",
        "facts": {"x": fact},
        "states": {"stayed": {"resting": True}, "over": {"final": True}},
        "transitions": [{"transition": "lift", "from": ["stayed"], "event": "ends", "to": "over"}],
        "events": {"ends": {"while": ["stayed"]}},
        "entry": {"states": ["stayed"]},
    }
    return {
        "scenario": "stays", "workflow": workflow, "starts": STARTS, "ends": dt.date(2024, 12, 31), "calendars": OFFICE,
        "courts": {"town": {"backlog": {"stayed": 1}}}, "people": {"x": value}, "events": {"ends": timing}, **more,
    }  # fmt: skip


def ends(scenario: Mapping) -> list[str]:
    """Return when cases leave the state, on both engines."""
    read = loaded(scenario)
    compare(read, 1)
    log = compiled_engine.simulate(*planned(read, 1))
    rows = log.columns["transition"] >= 0
    return [f"{read.epoch.instant(int(at)):%d %b %H:%M}" for at in log.columns["happened_at"][rows]]


NUMBER = {"type": "number", "minimum": -9, "optional": True}
DATE = {"type": "date", "optional": True}


@pytest.mark.parametrize(
    ("timing", "value", "expected"),
    [
        ({"after": {"fact": "x", "unit": "days"}}, 3, ["10 Feb 00:00"]),
        ({"after": {"fact": "x", "unit": "hours"}}, 1.5, ["07 Feb 01:30"]),
        ({"after": {"fact": "x", "unit": "working days"}, "calendar": "office"}, 3, ["10 Feb 00:00"]),
        ({"after": {"fact": "x", "unit": "working days"}, "calendar": "office"}, 3.5, ["12 Feb 12:00"]),
        ({"after": {"fact": "x", "unit": "days"}}, None, []),
        ({"every": {"fact": "x", "unit": "days"}}, 30, ["08 Mar 00:00"]),
    ],
)
def test_a_clock_may_take_its_length_from_a_fact(timing, value, expected):
    """In any unit; a case without the fact has no clock."""
    assert ends(stays(timing, NUMBER, value)) == expected


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (dt.date(2024, 3, 1), ["01 Mar 00:00"]),
        (STARTS, ["07 Feb 00:00"]),
        (dt.date(2024, 2, 6), []),
        (dt.date(2025, 3, 1), []),
        (None, []),
    ],
)
def test_an_event_happens_on_the_date_in_the_case(date, expected):
    """A date before the start never comes, nor does a missing one."""
    assert ends(stays({"at": {"fact": "x"}}, DATE, date)) == expected


@pytest.mark.parametrize(
    ("after", "began", "expected"),
    [
        ("30 days", dt.date(2024, 1, 20), ["19 Feb 00:00"]),
        ("30 days", dt.date(2023, 1, 20), ["07 Feb 00:00"]),
        ("30 days", dt.date(2024, 2, 20), ["21 Mar 00:00"]),
        ("30 days", None, []),
        ("1 month", dt.date(2024, 1, 31), ["29 Feb 00:00"]),
        ("2 years", dt.date(2022, 2, 28), ["28 Feb 00:00"]),
        ({"uniform": {"min": "1 days", "max": "2 days"}}, dt.date(2023, 1, 20), ["07 Feb 00:00"]),
        ("10 working days", dt.date(2024, 1, 29), ["13 Feb 00:00"]),
        ("3 working days", dt.date(2024, 1, 29), ["07 Feb 00:00"]),
    ],
)
def test_a_clock_has_run_since_the_date_in_the_case(after, began, expected):
    """One that is already over rings at the start; working days before the start leave out the closed 5 February."""
    calendar = {"calendar": "office"} if "working" in str(after) else {}
    assert ends(stays({"after": after, "since": {"fact": "x"}, **calendar}, DATE, began)) == expected


def test_a_random_length_is_drawn_on_the_condition_that_the_clock_has_not_rung():
    """An exponential length has no memory: what is left after 40 days has the mean of 20 days again, and its quartiles."""
    timing = {"after": {"exponential": {"mean": "20 days"}}, "since": {"fact": "x"}}
    scenario = stays(timing, DATE, dt.date(2023, 12, 29), courts={"town": {"backlog": {"stayed": 4000}}})
    plan, _ = planned(loaded(scenario), 1)
    days = plan.times.first_rings["ends"] / 86_400e6
    assert abs(days.mean() - 20) < 4 * 20 / 4000**0.5
    assert np.quantile(days, [0.25, 0.5, 0.75]) == pytest.approx(-20 * np.log([0.75, 0.5, 0.25]), rel=0.1)


def test_a_clock_that_has_not_run_before_the_start_has_the_usual_draw():
    """With the date of the start, the length is that of a clock without a date."""
    timing = {"after": {"gamma": {"mean": "20 days", "cv": 1}}}
    usual = ends(stays(timing, DATE, STARTS))
    assert ends(stays(timing | {"since": {"fact": "x"}}, DATE, STARTS)) == usual


def test_a_chance_decides_whether_the_clock_of_a_backlog_case_runs():
    """With chance 0 none rings."""
    assert ends(stays({"after": "30 days", "since": {"fact": "x"}, "chance": 0}, DATE, dt.date(2024, 1, 20))) == []


def test_a_negative_length_is_an_error_that_names_the_case():
    """The message has the fact, the number of cases, the first of them and its value."""
    scenario = loaded(stays({"after": {"fact": "x", "unit": "days"}}, NUMBER, -2))
    with pytest.raises(
        InputError, match="event 'ends': after: 1 of 1 cases have a negative 'x'; the first is case 0 of town, with -2"
    ):
        planned(scenario, 1)


def test_work_takes_as_long_as_the_case_says():
    """Two cases of 90 minutes each, one clerk."""
    workflow = {
        "workflow": "desk",
        "facts": {"minutes": {"type": "integer", "minimum": 0, "maximum": 600}},
        "activities": {"serve": {}},
        "states": {"queue": {"activity": "serve"}, "done": {"final": True}},
        "transitions": [{"transition": "finish", "from": ["queue"], "to": "done"}],
        "entry": {"states": ["queue"]},
    }
    scenario = {
        "scenario": "desk", "workflow": workflow, "starts": STARTS, "ends": STARTS, "calendars": OFFICE,
        "courts": {"town": {"backlog": {"queue": 2}}}, "people": {"minutes": 90},
        "pools": {"clerks": {"size": 1, "calendar": "office"}},
        "activities": {"serve": {"pool": "clerks", "takes": {"fact": "minutes", "unit": "minutes"}}},
    }  # fmt: skip
    assert ends(scenario) == ["07 Feb 10:30", "07 Feb 12:00"]
