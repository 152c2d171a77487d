"""How long and why cases wait, and how old they are, worked out by hand; waits on both engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulations import SamplePath, load_scenario, make_plan
from simulations.engines import compiled_engine, simpy_engine
from simulations.log.eventlog import EventLog
from simulations.measuring.invariants import check_log
from simulations.measuring.measures import measure
from tests.simulations.fixed_draws import HOUR, FixedDraws, measured, play, waits_by_row

DESK = """
workflow: desk
facts: {urgent: {type: boolean, default: false}}
activities: {serve: {}, check: {}}
states: {queue: {activity: serve}, short: {activity: check}, done: {final: true}}
transitions:
  - {transition: finish, from: [queue, short], to: done}
  - {transition: drop, from: queue, event: call, to: done}
events: {call: {while: [queue]}}
entry: {states: [queue, short]}
"""
# Monday to Friday, nine to five. Each entry of `arrivals` is the state and the time of one case.
WEEK: dict[str, Any] = {
    "scenario": "week",
    "workflow": "desk.yaml",
    "starts": dt.date(2024, 1, 1),
    "ends": dt.date(2024, 1, 5),
    "calendars": {"office": {"hours": {"mon-fri": "09:00-17:00"}}},
    "courts": {"desk": {"backlog": {"queue": 0}}},
    "pools": {"clerks": {"at": "court", "size": 1, "calendar": "office"}},
    "activities": {"serve": {"pool": "clerks", "takes": "8 hours"}, "check": {"pool": "clerks", "takes": "1 hour"}},
    "events": {"call": {"at": "2024-01-05 20:00"}},
}
SUSPENSION = {"pool": "clerks", "courts": ["desk"], "from": dt.date(2024, 1, 2), "to": dt.date(2024, 1, 3), "except": "urgent"}
Hours = dict[str, float]
Week = Callable[..., list[dict[str, Hours]]]


@pytest.fixture(params=["simpy", "compiled"])
def week(request: pytest.FixtureRequest, tmp_path: Path) -> Week:
    """Run a week on one engine; return the hours of each part of the wait of each case, without zeros, by breakdown."""

    def run_it(arrivals: list[str], pool: Any = (), urgent: bool = False, **changes: Any) -> list[dict[str, Hours]]:
        streams = {f"s{k}": {"into": one.split()[0], "at": [one.partition(" ")[2]]} for k, one in enumerate(arrivals)}
        for stream in streams.values():
            stream["people"] = {"urgent": urgent}  # type: ignore[assignment]
        pools = {"clerks": {**WEEK["pools"]["clerks"], **dict(pool)}}
        scenario = {**WEEK, "pools": pools, "arrivals": streams, **changes}
        (tmp_path / "desk.yaml").write_text(DESK, encoding="utf-8")
        (tmp_path / "week.yaml").write_text(yaml_of(scenario), encoding="utf-8")
        return parts_by_case(engine_log(request.param, tmp_path / "week.yaml"))

    return run_it


def yaml_of(content: Any) -> str:
    """Return YAML on one line; dates without quotes."""
    if isinstance(content, dict):
        return "{" + ", ".join(f"{key}: {yaml_of(value)}" for key, value in content.items()) + "}"
    if isinstance(content, list):
        return "[" + ", ".join(map(yaml_of, content)) + "]"
    return f'"{content}"' if isinstance(content, str) else str(content).lower()


def engine_log(engine: str, path: Path, *changes: str) -> EventLog:
    """Run a scenario on an engine, and check the invariants of its log."""
    draws = SamplePath(1, 1)
    simulate = simpy_engine.simulate if engine == "simpy" else pytest.importorskip("numba") and compiled_engine.simulate
    log: EventLog = simulate(make_plan(load_scenario(path, changes), draws), draws)
    check_log(log)
    return log


def parts_by_case(log: EventLog) -> list[dict[str, Hours]]:
    """Return the hours of each part of the wait of each case, without zeros, by breakdown."""
    by_row, cases = waits_by_row(log), log.columns["case_id"].tolist()
    found: list[dict[str, Hours]] = [{} for _ in range(len(log.cases))]
    for kind, parts in by_row.items():
        for row, case in enumerate(cases):
            here = found[case].setdefault(kind.removeprefix("waiting_"), {})
            for part, lengths in parts.items():
                if lengths[row]:
                    here[part] = here.get(part, 0) + lengths[row] / HOUR
    return found


def test_the_wait_up_to_the_first_chance_has_a_reason_and_the_rest_is_capacity(week: Week) -> None:
    """The second case could start on Monday at nine; nights and the suspension come after that, so they are capacity."""
    first, second = week(["queue 2024-01-01 00:00", "queue 2024-01-01 01:00"], suspensions=[SUSPENSION])
    assert first == {"reason": {"off_shift": 9}, "capacity": {}, "clock": {"off_shift": 9}}
    assert second["reason"] == {"off_shift": 8, "capacity": 8 + 7 + 48 + 9}
    assert second["capacity"] == {"no_free_server": 8, "off_shift": 7 + 9, "suspended": 48}
    assert second["clock"] == {"on_shift": 8, "off_shift": 8 + 7 + 9, "suspended": 48}


def test_a_suspension_is_a_reason_only_for_cases_that_are_not_exempt(week: Week) -> None:
    """From Tuesday 10:00 to Wednesday night; an exempt case starts at once."""
    assert week(["queue 2024-01-02 10:00"], suspensions=[SUSPENSION])[0]["reason"] == {"suspended": 38, "off_shift": 9}
    assert week(["queue 2024-01-02 10:00"], suspensions=[SUSPENSION], urgent=True)[0]["reason"] == {}


def test_a_closed_day_is_a_reason_like_a_night(week: Week) -> None:
    """The rest of Monday night, Tuesday, and Wednesday up to nine."""
    calendars = {"office": {"hours": {"mon-fri": "09:00-17:00"}, "closed": [dt.date(2024, 1, 2)]}}
    assert week(["queue 2024-01-01 18:00"], calendars=calendars)[0]["reason"] == {"off_shift": 6 + 9, "holiday": 24}


def test_a_pool_without_staff_is_a_reason_during_its_shifts(week: Week) -> None:
    """Monday from ten and all of Tuesday's shift; the first clerk comes on Wednesday."""
    pool = {"size": {dt.date(2024, 1, 1): 0, dt.date(2024, 1, 3): 1}}
    assert week(["queue 2024-01-01 10:00"], pool)[0]["reason"] == {"no_staff": 7 + 8, "off_shift": 16 + 16}


def test_slots_are_a_reason_in_the_shift_in_which_the_work_was_enabled(week: Week) -> None:
    """The slot of Monday is gone at ten. The third case finds the slot of Tuesday taken by the second: capacity."""
    cases = ["short 2024-01-01 09:00", "short 2024-01-01 10:00", "short 2024-01-01 11:00"]
    first, second, third = week(cases, {"slots": 1})
    assert first["reason"] == {}
    assert second["reason"] == {"slots_used_up": 7, "off_shift": 16}
    assert third["reason"] == {"slots_used_up": 6, "off_shift": 16, "capacity": 24}
    assert third["capacity"] == {"slots_used_up": 8, "off_shift": 16}
    assert third["clock"] == {"on_shift": 6 + 8, "off_shift": 32}


def test_a_slot_that_is_used_at_the_same_instant_was_left(week: Week) -> None:
    """Two cases come at nine for one slot: the second had its chance."""
    _, second = week(["short 2024-01-01 09:00", "short 2024-01-01 09:00"], {"slots": 1})
    assert second["reason"] == {"capacity": 24}


def test_work_that_does_not_fit_is_a_reason_and_blocks_the_queue(week: Week) -> None:
    """Eight hours at noon do not fit; an hour at one does, but the first in line blocks an idle clerk, then takes Tuesday."""
    first, second = week(["queue 2024-01-01 12:00", "short 2024-01-01 13:00"], {"at_shift_end": "fit"})
    assert first["reason"] == {"does_not_fit": 5, "off_shift": 16}
    assert second["reason"] == {"capacity": 4 + 16 + 8 + 16}
    assert second["capacity"] == {"does_not_fit": 4, "off_shift": 32, "no_free_server": 8}


def test_work_longer_than_every_shift_fits_at_an_opening(week: Week) -> None:
    """Nine hours that come at ten may start on Tuesday at nine."""
    activities = {**WEEK["activities"], "serve": {"pool": "clerks", "takes": "9 hours"}}
    found = week(["queue 2024-01-01 10:00", "queue 2024-01-02 09:00"], {"at_shift_end": "fit"}, activities=activities)
    assert found[0]["reason"] == {"does_not_fit": 7, "off_shift": 16}
    assert found[1]["reason"] == {"capacity": 24}


def test_work_that_was_dropped_fits_as_long_as_the_log_shows_it(week: Week) -> None:
    """The work takes eight hours, but the call on Tuesday at ten ends it after one, which fitted on Monday at noon."""
    found = week(["queue 2024-01-01 12:00"], {"at_shift_end": "fit"}, events={"call": {"at": "2024-01-02 10:00"}})
    assert found[0]["reason"] == {"capacity": 21}
    assert found[0]["capacity"] == {"does_not_fit": 5, "off_shift": 16}


# Eight cases wait from Monday; one judge, who is there on Tuesdays from nine to twelve, has two slots.
SLOTS = """
scenario: slots
workflow: desk.yaml
starts: 2025-01-06
ends: 2025-02-28
calendars: {h: {hours: {tue: "09:00-12:00"}}}
courts: {c: {backlog: {queue: 8}}}
pools: {judge: {at: court, size: 1, calendar: h, slots: 2}}
activities: {serve: {pool: judge, takes: 15 minutes}, check: {pool: judge, takes: 1 hour}}
events: {call: {at: 2025-02-27}}
"""


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_a_queue_for_slots_waits_for_capacity_not_for_the_shift(engine: str, tmp_path: Path) -> None:
    """1.375 days to the first Tuesday; then 0 to 3 weeks, and every second case a quarter of an hour."""
    (tmp_path / "desk.yaml").write_text(DESK, encoding="utf-8")
    (tmp_path / "slots.yaml").write_text(SLOTS, encoding="utf-8")
    log = engine_log(engine, tmp_path / "slots.yaml")
    values = measured(log)
    quarter = 0.25 / 24
    parts = {
        name.partition(".serve.")[2]: value for name, value in values.items() if name.startswith("waiting_reason.serve") and value
    }
    assert parts == pytest.approx({"off_shift": 33 / 24, "capacity": 7 * 1.5 + quarter / 2})
    of_capacity = {name: value for name, value in values.items() if name.startswith("waiting_capacity.serve") and value}
    assert of_capacity == pytest.approx(
        {
            "waiting_capacity.serve.off_shift": 1.5 * (7 - 3 / 24),
            "waiting_capacity.serve.slots_used_up": 1.5 * 2.75 / 24,
            "waiting_capacity.serve.no_free_server": 1.5 * quarter + quarter / 2,
        }
    )
    days = [log.cases.scenario.starts.replace(day=day) for day in (7, 14, 28)]
    used = {(v.at, v.court): v.value for v in measure(log, (*days, None)) if v.measure == "slots_used.judge"}
    assert used == {(day, court): 1.0 for day in days for court in ("c", "all")} | {(None, "c"): 0.5, (None, "all"): 0.5}
    enough = measured(engine_log(engine, tmp_path / "slots.yaml", "pools.judge.size=4"))
    assert enough["waiting_reason.serve.off_shift"] == pytest.approx(33 / 24)
    assert enough["waiting_time.serve.mean"] == pytest.approx(33 / 24 + quarter / 2)


def test_a_shift_has_slots_for_the_largest_size_in_it(tmp_path: Path) -> None:
    """A night shift with one server before midnight and two after it has two slots; the case takes one of them."""
    scenario = """
calendars: {night: {hours: {mon: "20:00-04:00"}}}
courts: {desk: {backlog: {queue: 1}}}
pools: {clerks: {at: court, size: {2024-01-01: 1, 2024-01-02: 2}, calendar: night, slots: 1}}
activities: {serve: {pool: clerks, takes: GIVEN}, check: {pool: clerks, takes: GIVEN}}
events: {call: {at: 2024-01-03}}
"""
    log = play(tmp_path, DESK, scenario, FixedDraws())
    assert measured(log)["slots_used.clerks"] == 0.5


def test_ages_are_counted_in_calendar_days_and_in_working_days(tmp_path: Path) -> None:
    """From 00:00 on Friday 2023-12-29 to the end of 2024-01-09: twelve days, less New Year and two weekends."""
    scenario = """
starts: 2024-01-08
ends: 2024-01-09
calendars: {office: {hours: {mon-fri: "09:00-17:00"}, holidays: US}}
courts: {desk: {backlog: {queue: {count: 1, age: 10 days}}, calendar: office}, annex: {backlog: {queue: {count: 1, age: 2 days}}}}
pools: {clerks: {size: 0}}
activities: {serve: {pool: clerks, takes: GIVEN}}
"""
    log = play(tmp_path, DESK, scenario, FixedDraws())
    value_of = {(v.measure, v.court): v.value for v in measure(log) if v.at is None}
    assert value_of["unfinished_age.mean", "desk"] == 12
    assert value_of["unfinished_working_age.mean", "desk"] == 7
    assert value_of["unfinished_age.mean", "annex"] == 4
    assert value_of["unfinished_working_age.mean", "annex"] is None
    assert value_of["unfinished_working_age.mean", "all"] == 7
