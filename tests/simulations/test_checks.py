"""Cases with known answers, as a user would write them: exact event times, and closed forms within their interval.

A closed form is accepted if it lies within the Student interval of independent replications at 99.9 percent,
so each such test raises a false alarm for one seed in a thousand; the seeds are fixed.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulations import SamplePath, Scenario, load_scenario, make_plan, simulate
from simulations.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_MINUTE
from simulations.eventlog import NEVER, EventLog
from simulations.honesty import check_log
from simulations.measures import measure
from simulations.results import interval

CHECKS = Path(__file__).parent / "checks"
DAY, MINUTE = MICROSECONDS_PER_DAY, MICROSECONDS_PER_MINUTE
REPLICATIONS = 24
CONFIDENCE = 0.999


def _run(scenario: Scenario, replication: int = 1, seed: int = 1) -> EventLog:
    path = SamplePath(seed, replication)
    log = simulate(make_plan(scenario, path), path)
    check_log(log)
    return log


def _times(name: str) -> list[tuple[int, int, int, int, int]]:
    """Return case, enabled, started, completed and happened of every row of a check, in microseconds."""
    columns = _run(load_scenario(CHECKS / f"{name}.yaml")).columns
    rows = zip(
        *(columns[c].tolist() for c in ("case_id", "enabled_at", "started_at", "completed_at", "happened_at")),
        strict=True,
    )
    return list(rows)


@pytest.mark.parametrize("name", ["D9", "D9_table"])
def test_d9_a_high_case_passes_the_low_one_that_waits(name: str) -> None:
    """Low from 0 to 2, high (enabled at 1) from 2 to 4, the other low one from 4 to 6; to the microsecond."""
    assert _times(name) == [
        (0, 0, 0, 2 * DAY, 2 * DAY),
        (2, 1 * DAY, 2 * DAY, 4 * DAY, 4 * DAY),
        (1, 0, 4 * DAY, 6 * DAY, 6 * DAY),
    ]


@pytest.mark.parametrize("name", ["D13", "D13_table"])
def test_d13_a_server_that_is_freed_serves_the_case_that_arrives_at_that_instant(name: str) -> None:
    """Ten cases at 0, 1, ..., 9, each served for a day without waiting; to the microsecond."""
    assert _times(name) == [(k, k * DAY, k * DAY, (k + 1) * DAY, (k + 1) * DAY) for k in range(10)]


def test_d5_nobody_starts_on_a_closed_day_and_work_in_hand_is_not_interrupted() -> None:
    """Starts at 5, 15 and 20, ends at 10, 20 and 25; to the microsecond."""
    assert _times("D5") == [
        (0, 0, 5 * DAY, 10 * DAY, 10 * DAY),
        (1, 0, 15 * DAY, 20 * DAY, 20 * DAY),
        (2, 0, 20 * DAY, 25 * DAY, 25 * DAY),
    ]


def test_d18_utilisation_is_busy_time_over_the_servers_time_on_shift() -> None:
    """Busy 3 + 1 + 4 of 2 x 10 + 1 x 5 server-days: 0.32, without rounding."""
    values = {v.measure: v.value for v in measure(_run(load_scenario(CHECKS / "D18.yaml"))) if v.at is None}
    assert values["utilisation.servers"] == 8 / 25


@functools.cache
def _logs(name: str, change: str | None) -> list[EventLog]:
    scenario = load_scenario(CHECKS / f"{name}.yaml", [change] if change else [])
    return [_run(scenario, k, seed=2011) for k in range(1, REPLICATIONS + 1)]


def _measured(name: str, unit: float) -> Any:
    return lambda log: next(float(v.value or 0) * unit for v in measure(log) if v.measure == name and v.at is None)


def _sojourn(log: EventLog) -> float:
    """Return the mean time from arrival to leaving of those that leave after the warm-up, in days."""
    columns, since = (
        log.columns,
        log.cases.scenario.epoch.microseconds(log.cases.scenario.warm_up or log.cases.scenario.starts),
    )
    left = (columns["transition"] >= 0) & (columns["happened_at"] >= since)
    spent = columns["happened_at"][left] - log.cases.arrived[columns["case_id"][left]]
    return float(spent.mean()) / DAY


def _queue(log: EventLog) -> float:
    """Return the mean number of waiting cases after the warm-up, from the lengths of the queue over time."""
    scenario, columns = log.cases.scenario, log.columns
    since, until = scenario.epoch.microseconds(scenario.warm_up or scenario.starts), scenario.horizon
    started = np.where(columns["started_at"] == NEVER, until, columns["started_at"])
    times = np.concatenate([columns["enabled_at"], started])
    steps = np.repeat([1, -1], len(started))
    order = np.argsort(times, kind="stable")
    edges = np.clip(np.concatenate([times[order], [until]]), since, until)
    return float((steps[order].cumsum() * np.diff(edges)).sum()) / (until - since)


@pytest.mark.parametrize(
    ("name", "change", "of", "expected"),
    [
        ("A1", None, _measured("utilisation.servers", 1), 0.625),
        ("A1", None, _measured("waiting_time.serve.mean", 1), 5 / (8 * 3)),
        ("A1", None, _sojourn, 1 / 3),
        ("A2", None, _measured("waiting_time.serve.mean", DAY / MINUTE), 4.4444),
        ("A2", None, _queue, 0.88889),
        ("A2", "pools.servers.size=4", _measured("waiting_time.serve.mean", DAY / MINUTE), 0.86957),
        ("A2", "pools.servers.size=4", _queue, 0.17391),
    ],
    ids=["mm1-utilisation", "mm1-wait", "mm1-sojourn", "mm3-wait", "mm3-queue", "mm4-wait", "mm4-queue"],
)
def test_a_textbook_queue_is_met_within_the_interval(name: str, change: str | None, of: Any, expected: float) -> None:
    """The closed form lies in the 99.9 percent interval of 24 replications, which is narrow enough to mean something."""
    values = [of(log) for log in _logs(name, change)]
    low, high = interval(values, CONFIDENCE) or (0.0, 0.0)
    assert low <= expected <= high
    assert high - low < 0.6 * expected


def test_littles_law_holds_over_a_whole_run() -> None:
    """Queue over time is arrivals times waiting, to the microsecond, in a run that begins and ends with an empty queue."""
    log = _run(load_scenario(CHECKS / "A2.yaml", ["arrivals.visitors.count=1000", "warm_up=2000-01-01"]))
    waited = int((log.columns["started_at"] - log.columns["enabled_at"]).sum())
    assert len(log) == len(log.cases) == 1000
    assert _queue(log) * log.cases.scenario.horizon == pytest.approx(waited, rel=1e-12)
    assert waited > 0
