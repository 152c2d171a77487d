"""How long and why cases wait, and how old they are, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulations.log.eventlog import EventLog
from simulations.measuring.descriptors import CAUSES
from simulations.measuring.measures import measure
from tests.simulations.fixed_draws import HOUR, FixedDraws, measured, play, waits_by_row

DESK = """
workflow: desk
facts: {urgent: {type: boolean}}
activities: {serve: {}}
states: {queue: {activity: serve}, done: {final: true}}
transitions: [{transition: finish, from: queue, to: done}]
entry: {states: [queue]}
"""
WEEK = """
starts: 2024-01-01
ends: 2024-01-05
calendars: {office: {hours: {mon-fri: "09:00-17:00"}, closed: [2024-01-02]}}
courts: {desk: {backlog: {queue: {count: 1}}, calendar: office}}
pools: {clerks: {at: court, size: 1, calendar: office}}
suspensions: [{pool: clerks, courts: [desk], from: 2024-01-02, to: 2024-01-03, except: urgent}]
arrivals: {late: {at: [0 hours], people: {urgent: URGENT}}}
activities: {serve: {pool: clerks, takes: GIVEN}}
"""


def _log(folder: Path, urgent: str) -> EventLog:
    return play(folder, DESK, WEEK.replace("URGENT", urgent), FixedDraws({"activity:serve": {0: 8}}))


@pytest.mark.parametrize(
    ("urgent", "hours"),
    [
        # Until Thursday 09:00: Tuesday and Wednesday suspended; Monday before 9 and after 17, Thursday before 9; Monday's shift.
        ("false", {"suspended": 48, "holiday": 0, "off_shift": 9 + 7 + 9, "no_free_server": 8}),
        # Until Wednesday 09:00, as no suspension concerns it: Tuesday is closed; the nights; Monday's shift.
        ("true", {"suspended": 0, "holiday": 24, "off_shift": 9 + 7 + 9, "no_free_server": 8}),
    ],
)
def test_a_wait_is_split_by_cause(tmp_path: Path, urgent: str, hours: dict[str, int]) -> None:
    """The second case waits while the first one uses Monday's shift; the first one waits for the shift to start."""
    log = _log(tmp_path, urgent)
    causes = waits_by_row(log)
    rows = log.columns["case_id"].tolist()
    assert {cause: int(causes[cause][rows.index(1)]) // HOUR for cause in CAUSES} == hours
    assert {cause: int(causes[cause][rows.index(0)]) // HOUR for cause in CAUSES} == {
        "suspended": 0,
        "holiday": 0,
        "off_shift": 9,
        "no_free_server": 0,
    }


def test_the_means_by_cause_add_up_to_the_mean_waiting_time(tmp_path: Path) -> None:
    """Waits of 9 and 81 hours; each cause has the mean of its parts."""
    values = measured(_log(tmp_path, "false"))
    parts = [values[f"waiting_time.serve.{cause}"] or 0 for cause in CAUSES]
    assert parts == [pytest.approx(x / 48) for x in (48, 0, 9 + 25, 8)]
    assert sum(parts) == pytest.approx(values["waiting_time.serve.mean"])


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
