"""Rotas: pool sizes and rates by weekday and hour, from the scenario or from a table."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from simulations import SamplePath
from simulations.log.eventlog import EventLog
from simulations.measuring.invariants import check_log
from simulations.measuring.slots import slots_between
from simulations.measuring.utilisation import pool_times
from simulations.planning.relevant import what_matters
from simulations.run_folder.manifest import _case_tables
from simulations.scenarios.population import draw_cases
from simulations.scenarios.scenario import Scenario
from simulations.scenarios.workload import estimate
from simulations.timing.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR
from tests.simulations.random_scenarios import DESK_WORKFLOW, loaded, run

WEEK = {"mon-thu": {"08:00-12:00": 3, "12:00-16:00": 2}, "fri": {"08:00-12:00": 1}, "sat": {"22:00-02:00": 4}}
BY_HOUR = np.zeros((7, 24), np.int64)
BY_HOUR[:4, 8:12], BY_HOUR[:4, 12:16], BY_HOUR[4, 8:12], BY_HOUR[5, 22:], BY_HOUR[6, :2] = 3, 2, 1, 4, 4
"""The same sizes by weekday and hour, by hand."""


def _office(size: Any, stream: Any = None, ends: dt.date = dt.date(2024, 1, 14), **further: Any) -> Scenario:
    """Return an office of one pool from Monday, the first of January."""
    pool = {"size": size, **further.pop("pool", {})}
    return loaded({
        "scenario": "office",
        "workflow": DESK_WORKFLOW,
        "starts": dt.date(2024, 1, 1),
        "ends": ends,
        "calendars": {"day": {"hours": {"mon-sun": "08:00-16:00"}}},
        "pools": {"clerks": pool},
        "activities": {"serve": {"pool": "clerks", "takes": further.pop("takes", "1 hour")}},
        "arrivals": {"all": stream or {"at": ["1 hour"]}},
        **further,
    })  # fmt: skip


def _by_hour(scenario: Scenario, station: int = 0) -> list[int]:
    """Return the size in each hour of the run."""
    times, sizes = np.array(scenario.pools["clerks"].sizes[station]).T
    hours = np.arange(scenario.horizon // MICROSECONDS_PER_HOUR) * MICROSECONDS_PER_HOUR
    return sizes[np.searchsorted(times, hours, side="right") - 1].tolist()


def test_a_size_follows_the_weekday_and_the_hour() -> None:
    """Every hour of two weeks has the size that a table of numpy gives; a night shift ends on the next date."""
    assert _by_hour(_office(WEEK)) == np.tile(BY_HOUR.ravel(), 2).tolist()


def test_a_rota_may_change_on_dates() -> None:
    """A constant size, then a rota, then another size."""
    size = {dt.date(2024, 1, 1): 7, dt.date(2024, 1, 3): WEEK, dt.date(2024, 1, 9): 5}
    expected = [7] * 48 + np.tile(BY_HOUR.ravel(), 2)[48 : 8 * 24].tolist() + [5] * (6 * 24)
    assert _by_hour(_office(size)) == expected


def test_a_rate_follows_the_weekday_and_the_hour() -> None:
    """Every arrival is where numpy puts it: the unit-rate process of the stream through the expected arrivals by hour."""
    rota = {"mon-thu": {"08:00-12:00": "6 per hour", "12:00-16:00": "2.5 per hour"}, "sat": "48 per day"}
    rates = np.zeros((7, 24))
    rates[:4, 8:12], rates[:4, 12:16], rates[5] = 6, 2.5, 2
    unit = draw_cases(_office(1, {"rate": "100 per day"}), SamplePath(1, 1)).arrived / MICROSECONDS_PER_DAY * 100
    grown = np.append(0.0, np.cumsum(np.tile(rates.ravel(), 2)))
    arrived = draw_cases(_office(1, {"rate": rota}), SamplePath(1, 1)).arrived / MICROSECONDS_PER_HOUR
    k = np.searchsorted(grown, unit[: len(arrived)], side="right") - 1
    assert len(arrived) == np.count_nonzero(unit < grown[-1]) > 200
    assert arrived == pytest.approx(k + (unit[: len(arrived)] - grown[k]) / np.diff(grown)[k], abs=1e-5)


def test_a_rate_of_a_rota_counts_working_time_with_a_calendar() -> None:
    """Twelve on each Monday within the hours, and three in each hour from 14:00 to the closing at 16:00 on Tuesday."""
    stream = {"rate": {"mon": "12 per day", "tue": {"14:00-20:00": "3 per hour"}}, "calendar": "day"}
    assert estimate(_office(1, stream)).n_cases == pytest.approx(2 * (12 + 6))
    arrived = draw_cases(_office(1, stream, dt.date(2024, 12, 31)), SamplePath(1, 1)).arrived // MICROSECONDS_PER_HOUR
    assert set((arrived % 168).tolist()) == {*range(8, 16), 24 + 14, 24 + 15}


TABLE = "Day,Hours,Staff\nmon-thu,08:00-12:00,3\nmon-thu,12:00-16:00,2\nfri,08:00-12:00,1\nsat,22:00-02:00,4\n"


def test_a_table_of_weekdays_is_the_rota_that_it_lists() -> None:
    """The same sizes from a CSV file whose columns are mapped."""
    entry = {"table": {"file": "rota.csv", "columns": {"weekday": "Day", "hours": "Hours", "size": "Staff"}}}
    scenario = _office(entry, tables={"rota.csv": TABLE})
    assert scenario.pools["clerks"].sizes == _office(WEEK).pools["clerks"].sizes


def test_a_table_of_dates_gives_the_size_of_each_date_and_no_other() -> None:
    """Two hours on the second of January, all of the fourth, and nobody else."""
    rows = "date,hours,size\n2024-01-02,09:00-11:00,2\n2024-01-04,00:00-24:00,1\n"
    expected = np.zeros((14, 24), np.int64)
    expected[1, 9:11], expected[3] = 2, 1
    assert _by_hour(_office({"table": "rota.csv"}, tables={"rota.csv": rows})) == expected.ravel().tolist()


def test_a_table_has_the_sizes_of_each_court() -> None:
    """North has two on Mondays, south one on Tuesdays."""
    rows = "court,weekday,size\nnorth,mon,2\nsouth,tue,1\n"
    courts: dict[str, Any] = {"north": {}, "south": {}}
    scenario = _office({"table": "rota.csv"}, tables={"rota.csv": rows}, courts=courts, pool={"at": "court"})
    north, south = (np.array(_by_hour(scenario, k)).reshape(14, 24) for k in range(2))
    assert north.sum(axis=1).tolist() == [48, 0, 0, 0, 0, 0, 0] * 2
    assert south.sum(axis=1).tolist() == [0, 24, 0, 0, 0, 0, 0] * 2


def test_a_table_of_rates_is_the_rota_that_it_lists() -> None:
    """The same steps as those written in the scenario."""
    rows = "weekday,hours,rate\nmon-fri,08:00-12:00,6 per hour\nsat,09:00-10:30,0.5 per minute\n"
    listed = _office(1, {"rate": {"table": "rates.csv"}}, tables={"rates.csv": rows}).streams[0].rate
    written = {"mon-fri": {"08:00-12:00": "6 per hour"}, "sat": {"09:00-10:30": "0.5 per minute"}}
    assert listed == _office(1, {"rate": written}).streams[0].rate


def test_a_changed_table_changes_the_manifest() -> None:
    """The hash of the tables knows those of rotas."""
    hashes = [_case_tables(_office({"table": "r.csv"}, tables={"r.csv": f"weekday,size\nmon,{n}\n"})) for n in (1, 2, 2)]
    assert hashes[0] != hashes[1] == hashes[2] is not None


def _times(log: EventLog) -> list[tuple[float, float]]:
    """Return when each case starts and is completed, in hours."""
    started, completed = (log.columns[name] / MICROSECONDS_PER_HOUR for name in ("started_at", "completed_at"))
    return list(zip(started.tolist(), completed.tolist(), strict=True))


def test_a_smaller_size_within_an_interval_interrupts_nobody() -> None:
    """By hand: three work from 08:00 to 11:00 although only one is on duty from 10:00; the fourth waits for all but one."""
    size = {"mon": {"08:00-10:00": 3, "10:00-16:00": 1}}
    log = run(_office(size, {"at": [f"{8 * 60 + k} minutes" for k in (0, 0, 60, 60)]}, dt.date(2024, 1, 1), takes="3 hours",
                      pool={"calendar": "day"}))  # fmt: skip
    check_log(log)
    assert _times(log) == [(8, 11), (8, 11), (9, 12), (12, 15)]
    (time,) = pool_times(log, "clerks", 0, [log.cases.scenario.horizon])[log.cases.scenario.horizon]
    hours = [part / MICROSECONDS_PER_HOUR for part in (time.shift, time.busy, time.overtime)]
    assert hours == [12, 10, 2]


def test_slots_follow_the_size_of_the_moment() -> None:
    """By hand: two slots each; one server at 08:00 starts two cases, three at 10:00 four more, and the slots are six."""
    size = {"mon": {"08:00-10:00": 1, "10:00-16:00": 3}}
    log = run(_office(size, {"at": ["8 hours"], "batch": 9}, dt.date(2024, 1, 1),
                      takes="30 minutes", pool={"calendar": "day", "slots": 2}))  # fmt: skip
    check_log(log)
    started = log.columns["started_at"]
    assert [t / MICROSECONDS_PER_HOUR for t in started[started >= 0].tolist()] == [8, 8.5, 10, 10, 10, 10.5]
    pool = log.cases.scenario.pools["clerks"]
    used, slots = slots_between(pool, 0, pool.sizes, started[started >= 0], (0, log.cases.scenario.horizon))
    assert (used.tolist(), slots.tolist()) == ([6], [6])


def test_work_fits_into_the_interval_whatever_the_size_at_its_end() -> None:
    """By hand: work of four hours begins at 11:00, although nobody is on duty from 12:00; the calendar is open until 16:00."""
    size = {"mon": {"08:00-12:00": 1}}
    scenario = _office(size, {"at": ["11 hours"]}, takes="4 hours", pool={"calendar": "day", "at_shift_end": "fit"})
    assert _times(run(scenario)) == [(11, 15)]


def test_a_rota_stays_in_the_part_on_which_a_date_depends() -> None:
    """The reduced scenario has the same sizes and rates."""
    scenario = _office(WEEK, {"rate": {"mon-fri": {"08:00-12:00": "1 per hour"}}})
    part = what_matters(scenario, "empty")
    assert (part.pools["clerks"].sizes, part.streams[0].rate) == (scenario.pools["clerks"].sizes, scenario.streams[0].rate)


def test_both_engines_follow_a_rota() -> None:
    """The logs of two weeks are equal to the bit."""
    pytest.importorskip("numba")
    from tests.simulations.both_engines import compare

    stream = {"rate": {"mon-sun": {"07:00-15:00": "4 per hour"}}}
    scenario = _office(WEEK, stream, takes={"exponential": {"mean": "40 minutes"}}, pool={"calendar": "day", "slots": 4})
    compare(scenario, 1)
