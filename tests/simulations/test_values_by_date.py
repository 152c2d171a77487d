"""Lengths, outcomes, chances, hazards and facts that change on dates: exact times, the same on both engines."""

from __future__ import annotations

import copy
import datetime as dt
import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from simulations.chance.distributions import make_distribution
from simulations.engines import compiled_engine
from simulations.loading.changes import changed, changes_of
from simulations.log.eventlog import EventLog
from simulations.planning.relevant import what_matters
from simulations.scenarios.scenario import Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR
from tests.examples import examples
from tests.simulations.both_engines import SOME, any_scenario, assert_same, compare, planned
from tests.simulations.random_scenarios import DAYS, STARTS, Mapping, loaded, run
from workflow.files.yaml_tree import Source, node_of

pytest.importorskip("numba")

WEDNESDAY, THURSDAY, FRIDAY = DAYS[:3]
OFFICE = {"office": {"hours": {"mon-fri": "09:00-17:00"}}, "nights": {"hours": {"mon-sun": "22:00-02:00, 12:00-18:00"}}}


def desk(**more: Any) -> Scenario:
    """Return a scenario of one clerk, whose work finds `a` or `b`, and of the event `ring` afterwards."""
    workflow = {
        "workflow": "desk",
        "facts": {"level": {"type": "integer", "minimum": 0, "maximum": 9}, "stayed_on": {"type": "date", "optional": True}},
        "record": {"found": {"enum": ["none", "a", "b"], "default": "none"}},
        "activities": {"serve": {"gives": {"found": ["a", "b"]}}},
        "entry": {"states": ["waiting", "served"]},
        "states": {"waiting": {"activity": "serve"}, "served": {"resting": True}, "done": {"final": True}},
        "transitions": [
            {"transition": "finish", "from": "waiting", "to": "served"},
            {"transition": "end", "from": "served", "event": "ring", "to": "done"},
        ],
        "events": {"ring": {"while": ["served"]}, "tick": {"while": "any"}},
        "measures": [{"measure": "empty", "emptied": "waiting"}],
    }
    pool = {"size": 1, "calendar": "office", **more.pop("pool", {})}
    work = {"pool": "clerks", "takes": "1 hour", "outcome": {"found": {"a": 1}}, **more.pop("work", {})}
    return loaded({
        "scenario": "desk", "workflow": workflow, "starts": STARTS, "ends": dt.date(2024, 1, 31), "calendars": OFFICE,
        "pools": {"clerks": pool}, "activities": {"serve": work}, **more,
    })  # fmt: skip


def log_of(scenario: Scenario) -> EventLog:
    """Return the log of both engines."""
    compare(scenario, 1)
    return compiled_engine.simulate(*planned(scenario, 1))


def moments(scenario: Scenario, cause: str, column: str = "happened_at") -> list[str]:
    """Return the times of the rows with a cause, on both engines."""
    log = log_of(scenario)
    rows = log.columns["cause"] == log.labels.cause.index(cause)
    return [f"{scenario.epoch.instant(int(t)):%d %H:%M}" for t in log.columns[column][rows]]


def test_work_has_the_length_of_the_date_on_which_it_starts_and_keeps_it_over_night() -> None:
    """Three hours on Wednesday, of which one is done by 17:00; one hour for the work that starts on Thursday."""
    takes = {WEDNESDAY: "3 hours", THURSDAY: {"by": "court", "court": "1 hour"}}
    scenario = desk(work={"takes": takes}, arrivals={"all": {"at": ["16 hours", "16 hours"], "into": "waiting"}})
    assert moments(scenario, "complete") == ["04 11:00", "04 12:00"]


def test_a_delay_has_the_length_of_the_date_on_which_it_begins() -> None:
    """A delay that begins at 24:00 of Wednesday begins on Thursday."""
    takes = {WEDNESDAY: "3 hours", THURSDAY: "1 hour"}
    arrivals = {"all": {"at": ["23.5 hours", "24 hours"], "into": "waiting"}}
    scenario = desk(activities={"serve": {"takes": takes, "outcome": {"found": {"a": 1}}}}, arrivals=arrivals)
    assert moments(scenario, "complete") == ["04 01:00", "04 02:30"]


def test_work_that_does_not_fit_is_tried_again_on_the_date() -> None:
    """Five hours do not fit into the night; at midnight they become one, and the work starts."""
    takes = {WEDNESDAY: "5 hours", THURSDAY: "1 hour"}
    pool = {"calendar": "nights", "at_shift_end": "fit"}
    scenario = desk(work={"takes": takes}, pool=pool, arrivals={"all": {"at": ["22.5 hours"], "into": "waiting"}})
    assert moments(scenario, "complete", "started_at") == ["04 00:00"]


def test_an_outcome_has_the_shares_of_the_date_of_completion() -> None:
    """Work that starts on Wednesday and ends on Thursday finds `b`."""
    outcome = {"found": {WEDNESDAY: {"a": 1}, THURSDAY: {"b": 1}}}
    arrivals = {"all": {"at": ["10 hours", "16 hours"], "into": "waiting"}}
    log = log_of(desk(work={"takes": "2 hours", "outcome": outcome}, arrivals=arrivals))
    found = log.columns["outcome"][log.columns["cause"] == log.labels.cause.index("complete")]
    assert [log.labels.outcome[k] for k in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        ({"after": {WEDNESDAY: "4 days", THURSDAY: "1 day"}}, ["05 13:00", "07 10:00"]),
        ({"after": "1 day", "chance": {WEDNESDAY: 0, THURSDAY: 1}}, ["05 13:00"]),
        ({"every": {WEDNESDAY: "4 days", THURSDAY: "1 day"}}, ["05 13:00", "07 10:00"]),
        ({"after": {WEDNESDAY: "1 day", THURSDAY: "2 days"}, "since": "finish"}, ["04 10:00", "06 13:00"]),
    ],
)  # fmt: skip
def test_a_clock_has_the_values_of_the_date_on_which_it_starts(timing: Mapping, expected: list[str]) -> None:
    """One starts on Wednesday at 10:00, the other on Thursday at 13:00."""
    arrivals = {"all": {"at": ["9 hours", "36 hours"], "into": "waiting"}}
    assert moments(desk(arrivals=arrivals, events={"ring": timing}), "ring") == expected


@pytest.mark.parametrize(("since", "expected"), [(dt.date(2023, 12, 1), ["03 00:00"]), (dt.date(2023, 12, 30), ["06 00:00"])])
def test_a_clock_that_began_before_the_run_has_the_values_of_its_date(since: dt.date, expected: list[str]) -> None:
    """Thirty days until 20 December, seven days from then on."""
    timing = {"after": {dt.date(2023, 1, 1): "30 days", dt.date(2023, 12, 20): "7 days"}, "since": {"fact": "stayed_on"}}
    timing["chance"] = {dt.date(2023, 1, 1): 1, WEDNESDAY: 0}
    courts = {"court": {"backlog": {"served": 1}}}
    assert moments(desk(courts=courts, people={"stayed_on": since}, events={"ring": timing}), "ring") == expected


def test_facts_have_the_distribution_of_the_date_of_arrival() -> None:
    """Cases of the backlog have arrived before the start; before its first date, the first distribution holds."""
    people = {"level": {dt.date(2023, 12, 20): 1, dt.date(2023, 12, 30): 2, THURSDAY: {"by": "court", "court": 3}}}
    backlog = {"waiting": {"count": 2, "age": "10 days"}, "served": {"count": 1, "age": "20 days"}}
    arrivals = {"all": {"at": ["23 hours", "24 hours"], "into": "waiting"}}
    scenario = desk(courts={"court": {"backlog": backlog}}, people=people, arrivals=arrivals)
    assert planned(scenario, 1)[0].cases.plain("level") == [1, 1, 1, 2, 3]


def test_a_hazard_comes_when_the_integral_of_its_rate_has_grown_by_what_is_drawn() -> None:
    """Every date is that of numpy, which inverts the integral by interpolation, to the microsecond."""
    hazard = {STARTS: "0.5 per day", DAYS[2]: "0 per day", DAYS[3]: "4 per day", DAYS[5]: "0.1 per day"}
    stream = {"at": [f"{k % 150} hours" for k in range(300)], "into": "served"}
    scenario = desk(events={"tick": {"hazard": hazard}}, arrivals={"all": stream})
    log = log_of(scenario)
    plan, path = planned(scenario, 1)
    edges = np.array([0, 2, 3, 5, 1000]) * float(MICROSECONDS_PER_DAY)
    grown = np.concatenate([[0.0], np.cumsum(np.diff(edges) * np.array([0.5, 0.0, 4.0, 0.1]) / MICROSECONDS_PER_DAY)])
    unit = make_distribution("exponential", {"mean": 1.0})
    ticks = log.columns["cause"] == log.labels.cause.index("tick")
    drawn = [log.columns["happened_at"][ticks & (log.columns["case_id"] == i)].tolist() for i in range(len(plan.cases))]
    for n in range(max(map(len, drawn)) + 1):
        bits = path.many(plan.cases.keys, "event:tick", n)[0]
        for mine, arrived, gain in zip(drawn, plan.cases.arrived.tolist(), unit.draw_many(bits).tolist(), strict=True):
            if n <= len(mine):
                expected = np.interp(np.interp([arrived, *mine][n], edges, grown) + gain, grown, edges)
                assert abs(mine[n] - expected) <= 1 if n < len(mine) else expected > scenario.horizon
    assert n > 5


def test_a_rate_of_zero_from_the_last_date_on_ends_the_hazard() -> None:
    """Nothing happens before Thursday or from Friday on."""
    hazard = {WEDNESDAY: "0 per day", THURSDAY: "3 per hour", FRIDAY: "0 per day"}
    stream = {"at": [f"{k} minutes" for k in range(40)], "into": "served"}
    scenario = desk(events={"tick": {"hazard": hazard}}, arrivals={"all": stream})
    log = log_of(scenario)
    times = log.columns["happened_at"][log.columns["cause"] == log.labels.cause.index("tick")] / MICROSECONDS_PER_HOUR
    assert len(times) > 2000
    assert times.min() >= 24
    assert times.max() <= 48


def test_what_is_relevant_keeps_the_dates_and_what_their_values_read() -> None:
    """The date is the same in the reduced scenario, whose lengths still read the fact."""
    takes = {WEDNESDAY: "1 hour", THURSDAY: {"by": "level", 0: "30 minutes", "other": "2 hours"}}
    people = {"level": {WEDNESDAY: 0, THURSDAY: {0: 0.5, 1: "rest"}}}
    arrivals = {"all": {"at": [f"{20 + k} hours" for k in range(10)], "into": "waiting"}}
    scenario = desk(work={"takes": takes}, people=people, arrivals=arrivals)
    reduced = what_matters(scenario, "empty")
    assert reduced.people == scenario.people
    assert moments(reduced, "complete") == moments(scenario, "complete")


def test_a_change_of_the_command_line_adds_a_date_in_its_place() -> None:
    """The new date stands between the others; an existing one is replaced."""
    node = node_of({"size": {STARTS: 1, DAYS[3]: 2}}, Source("office.yaml", ""))
    changes, _ = changes_of([f"size.{DAYS[1]}=3", f"size.{DAYS[3]}=4"])
    both = functools.reduce(changed, changes, node)
    assert list(both.plain()["size"].items()) == [(STARTS, 1), (DAYS[1], 3), (DAYS[3], 4)]


def _split(entry: Any) -> Any:
    """Return a value that changes on a date, into itself; of a value by pool, that of each pool."""
    if isinstance(entry, dict) and entry.get("by") == "pool":
        return {key: value if key == "by" else _split(value) for key, value in entry.items()}
    return entry if isinstance(entry, dict) and any(isinstance(k, dt.date) for k in entry) else {STARTS: entry, DAYS[2]: entry}


@settings(SOME, max_examples=examples(25))
@given(any_scenario())
def test_a_change_to_the_same_value_changes_nothing(scenario: Mapping) -> None:
    """Everything that may change on dates, except hazards, whose dates may differ by a rounded microsecond."""
    changed = copy.deepcopy(scenario)
    changed["people"] = {name: _split(how) for name, how in changed["people"].items()}
    for entry in (*changed["activities"].values(), *changed["events"].values()):
        for key in ("takes", "after", "every", "chance"):
            if key in entry:
                entry[key] = _split(entry[key])
        if "outcome" in entry:
            entry["outcome"] = {field: _split(shares) for field, shares in entry["outcome"].items()}
    assert_same(run(loaded(scenario)), run(loaded(changed)))
