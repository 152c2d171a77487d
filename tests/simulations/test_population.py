"""Who comes, when, and with which facts: streams, dated rates, tables, and what depends on what."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from simulations import SamplePath, Scenario, load_scenario, make_plan
from simulations.scenarios.population import Cases, _through_rate, draw_cases
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.errors import InputError

WORKFLOW = """\
workflow: desk
facts:
  task: {enum: [a, b], default: a}
  urgency: {enum: [low, high], default: low}
  age: {type: integer, minimum: 0, maximum: 99}
  entered: {type: date, optional: true}
activities: {serve: {}}
states: {queue: {activity: serve}, done: {final: true}}
transitions: [{transition: finish, from: queue, to: done}]
entry: {states: [queue]}
"""
FRAME = """\
scenario: desk
workflow: desk.yaml
starts: 2024-01-01
ends: 2024-12-31
activities: {serve: {takes: 1 day}}
"""


def _scenario(folder: Path, scenario: str) -> Scenario:
    (folder / "desk.yaml").write_text(WORKFLOW, encoding="utf-8")
    (folder / "run.yaml").write_text(FRAME + scenario, encoding="utf-8")
    return load_scenario(folder / "run.yaml")


def _cases(folder: Path, scenario: str, replication: int = 1) -> Cases:
    return draw_cases(_scenario(folder, scenario), SamplePath(1, replication))


def test_no_case_arrives_at_rate_zero_and_later_arrivals_follow_the_rate(tmp_path: Path) -> None:
    """Ten a day in January and from March on, none in February: within four standard errors (false alarm 0.01 percent)."""
    cases = _cases(tmp_path, "arrivals: {x: {rate: {2024-01-01: 10 per day, 2024-02-01: 0 per day, 2024-03-01: 10 per day}}}\n")
    days = cases.arrived // MICROSECONDS_PER_DAY
    january, february, march = ((days < 31).sum(), ((days >= 31) & (days < 60)).sum(), ((days >= 60) & (days < 91)).sum())
    assert february == 0
    assert abs(january - 310) < 4 * 310**0.5
    assert abs(march - 310) < 4 * 310**0.5


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (((0, 1.0),), [1, 2, 11]),  # unit times 1, 2 and 30 at one a microsecond
        (((0, 0.0), (4, 1.0)), [5, 6, 11]),  # nobody before 4
        (((0, 1.0), (1, 0.0), (6, 0.5)), [6, 8, 11]),  # the first span ends with arrival 1: the next ones come from 6 on
        (((-9, 5.0), (-3, 1.0)), [1, 2, 11]),  # what was before the start does not count
        (((0, 1.0), (20, 9.0)), [1, 2, 11]),  # nor what comes after the horizon
        (((0, 0.0),), [11, 11, 11]),
    ],
)
def test_a_dated_rate_moves_the_same_arrivals(rate: tuple[tuple[int, float], ...], expected: list[int]) -> None:
    """Up to a horizon of 10 microseconds; what comes later is one microsecond behind it."""
    assert _through_rate(np.array([1.0, 2.0, 30.0]), rate, 10).tolist() == expected


def test_a_higher_rate_brings_the_same_cases_earlier_and_more_behind_them(tmp_path: Path) -> None:
    """Arrival k with three a day comes at two thirds of its time with two a day, and is the same person."""
    slow, fast = (
        _cases(tmp_path, f"people: {{age: {{uniform: {{min: 0, max: 99}}}}}}\narrivals: {{x: {{rate: {n} per day}}}}\n")
        for n in (2, 3)
    )
    n = len(slow)
    assert len(fast) > n
    assert np.abs(fast.arrived[:n] - slow.arrived * 2 / 3).max() <= 1
    assert fast.plain("age")[:n] == slow.plain("age")


def test_facts_of_a_stream_are_drawn_after_those_that_they_depend_on(tmp_path: Path) -> None:
    """All of the stream are urgent, so all have task a; for others, drawn in the order task, urgency, nothing changes."""
    cases = _cases(
        tmp_path,
        """\
people: {task: {a: 0.5, b: 0.5}, urgency: {by: task, a: {low: 1}, b: {high: 1}}}
arrivals:
  x: {at: [1 day, 2 days, 3 days, 4 days, 5 days], people: {urgency: high, task: {by: urgency, high: {a: 1}, low: {b: 1}}}}
  y: {rate: 1 per day}
  z: {rate: 1 per day, people: {task: b}}
""",
    )
    both = list(zip(cases.plain("task"), cases.plain("urgency"), strict=True))
    assert both.count(("a", "high")) == 5
    assert set(both) == {("a", "high"), ("a", "low"), ("b", "high")}
    assert both.count(("b", "high")) > 400  # all of z, and half of y


def test_a_table_gives_its_facts_and_the_rest_is_drawn(tmp_path: Path) -> None:
    """In the order of arrival, empty cells missing; the age is drawn as for other cases."""
    (tmp_path / "new.csv").write_text("arrived,task,entered\n2024-02-01,b,\n2024-01-02 09:30,a,2001-05-06\n", encoding="utf-8")
    cases = _cases(tmp_path, "people: {age: 33, task: {a: 1, b: 0}}\narrivals: {x: {table: new.csv}}\n")
    assert cases.arrived.tolist() == [MICROSECONDS_PER_DAY + 9 * 3_600_000_000 + 1_800_000_000, 31 * MICROSECONDS_PER_DAY]
    assert cases.plain("task") == ["a", "b"]
    assert [None if d is None else d.isoformat() for d in cases.plain("entered")] == ["2001-05-06", None]  # type: ignore[union-attr]
    assert cases.plain("age") == [33, 33]


OPEN_CASES = """\
state,arrived,age,task,income,urgent,entered
shelf,2023-11-20,34.0,b,1200.5,true,2001-05-06
queue,2023-12-31 16:30,,a,-3,false,
queue,2024-01-01,40.,b,1e3,True,2010-01-31
"""


@pytest.fixture
def open_cases(tmp_path: Path) -> Path:
    """A scenario whose backlog is a table, in the form in which pandas writes a column of whole numbers with a missing value."""
    (tmp_path / "desk.yaml").write_text(
        """\
workflow: desk
facts:
  task: {enum: [a, b], default: a}
  age: {type: integer, minimum: 0, maximum: 99, optional: true}
  income: {type: number}
  entered: {type: date, optional: true}
record: {urgent: {type: boolean}, steps: {type: integer, minimum: 0, maximum: 9}}
activities: {serve: {}}
states: {queue: {activity: serve}, shelf: {resting: true}, done: {final: true}}
transitions:
  - {transition: finish, from: queue, to: done}
  - {transition: fetch, from: shelf, event: call, to: queue}
events: {call: {while: [shelf]}}
entry: {states: [queue, shelf], record: [urgent, steps]}
""",
        encoding="utf-8",
    )
    (tmp_path / "open.csv").write_text(OPEN_CASES, encoding="utf-8")
    path = tmp_path / "run.yaml"
    path.write_text(FRAME + "people: {steps: 3}\ncourts: {desk: {backlog: {table: open.csv}}}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_backlog_comes_from_a_table_with_state_age_facts_and_record(open_cases: Path, suffix: str) -> None:
    """The three cases by their arrival, the oldest first, whole numbers written 34.0 too; the rest is as `people:` says."""
    import duckdb

    table = open_cases.with_name("open.parquet")
    duckdb.sql(f"copy (from read_csv('{open_cases.with_name('open.csv')}')) to '{table}'")
    cases = draw_cases(
        load_scenario(open_cases, [f"courts.desk.backlog.table={open_cases.with_name('open.' + suffix)}"]), SamplePath(1, 1)
    )
    days = [-42, -1 + 16.5 / 24, 0]
    assert cases.arrived.tolist() == [day * MICROSECONDS_PER_DAY for day in days]
    states = list(cases.scenario.workflow.states)
    assert [states[k] for k in cases.state.tolist()] == ["shelf", "queue", "queue"]
    assert cases.plain("age") == [34, None, 40]
    assert cases.plain("task") == ["b", "a", "b"]
    assert cases.plain("income") == [1200.5, -3, 1000]
    assert [str(d) for d in cases.plain("entered")] == ["2001-05-06", "None", "2010-01-31"]
    assert [list(record) for record in cases.records] == [[True, 3], [False, 3], [True, 3]]


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("34.0", "34.5", r"row 2, column 'age': '34.5' is not a whole number from 0 to 99"),
        ("34.0", "3.4e1", r"row 2, column 'age': '3.4e1' is not a whole number"),
        ("40.", "140.0", r"row 4, column 'age': '140.0' is not a whole number from 0 to 99"),
        ("1200.5", "nan", r"row 2, column 'income': 'nan' is not a number"),
        ("-3", "inf", r"row 3, column 'income': 'inf' is not a number"),
    ],
)
def test_what_is_not_a_number_of_its_kind_is_refused(open_cases: Path, right: str, wrong: str, message: str) -> None:
    """A whole number may be written 34.0, but not 34.5; infinite values and NaN are refused."""
    table = open_cases.with_name("open.csv")
    table.write_text(OPEN_CASES.replace(right, wrong), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_scenario(open_cases)


def test_cases_are_ordered_by_court_backlog_first_and_arrivals_by_time(tmp_path: Path) -> None:
    """Two streams of the west are merged by time, equal times in the order of the file."""
    cases = _cases(
        tmp_path,
        """\
courts: {east: {backlog: {queue: 1}}, west: {backlog: {queue: 1}}}
arrivals:
  late:  {courts: [west], at: [3 days, 5 days]}
  early: {courts: [west, east], at: [3 days, 1 day]}
""",
    )
    days = (cases.arrived // MICROSECONDS_PER_DAY).tolist()
    assert list(zip(cases.plain("court"), cases.origin.tolist(), days, strict=True)) == [
        ("east", 0, 0), ("east", 1, 1), ("east", 1, 3),
        ("west", 0, 0), ("west", 1, 1), ("west", 1, 3), ("west", 1, 3), ("west", 1, 5),
    ]  # fmt: skip
    assert len(set(cases.keys.tolist())) == 8


def test_a_case_older_than_the_known_holidays_of_its_court_is_reported_before_the_run(tmp_path: Path) -> None:
    """Ages are counted in the working days of the court's calendar, from the oldest arrival on; without it there is no need."""
    backlog = "backlog: {queue: {count: 2, age: 60 years}}"
    office = "calendars: {office: {hours: {mon-fri: '09:00-17:00'}, holidays: DE}}\n"
    with pytest.raises(InputError, match="court 'x': its oldest case arrived on 1964-01-01, but holidays: those of 'DE'"):
        _cases(tmp_path, f"{office}courts: {{x: {{calendar: office, {backlog}}}}}\n")
    assert len(_cases(tmp_path, f"{office}courts: {{x: {{{backlog}}}}}\n")) == 2


def test_a_drawn_date_keeps_within_the_bounds_of_its_fact(tmp_path: Path) -> None:
    """Ten years before the start is before the earliest date that the workflow allows."""
    (tmp_path / "flow.yaml").write_text(
        "workflow: flow\nfacts: {filed: {type: date, minimum: 2019-01-01, default: 2020-01-01}}\nactivities: {a: {}}\n"
        "states: {s: {activity: a}, end: {final: true}}\ntransitions: [{transition: t, from: s, to: end}]\nentry: {states: [s]}\n",
        encoding="utf-8",
    )
    (tmp_path / "given.yaml").write_text(
        "scenario: given\nworkflow: flow.yaml\nstarts: 2024-01-01\nends: 2024-01-02\ncourts: {c: {backlog: {s: 3}}}\n"
        "activities: {a: {takes: 1 hour}}\npeople: {filed: {days_before: 10 years}}\n",
        encoding="utf-8",
    )
    cases = make_plan(load_scenario(tmp_path / "given.yaml"), SamplePath(1, 1)).cases
    assert set(cases.plain("filed")) == {dt.date(2019, 1, 1)}


def test_a_rate_per_month_follows_the_calendar(tmp_path: Path) -> None:
    """310 in expectation in every month of a leap year, February too: within four standard errors of 100 replications."""
    frame = _scenario(tmp_path, "arrivals: {x: {rate: 310 per month}}\n")
    n_in = np.zeros(12)
    for replication in range(1, 101):
        arrived = draw_cases(frame, SamplePath(1, replication)).arrived
        n_in += np.histogram(arrived, _month_edges(frame))[0]
    assert np.all(np.abs(n_in / 100 - 310) < 4 * (310 / 100) ** 0.5)


def test_rates_per_month_and_year_are_exact_in_every_calendar_period(tmp_path: Path) -> None:
    """The rate of a month or year times its length is the number; other units have one rate for all times."""
    month, year, week = (
        _scenario(tmp_path, f"arrivals: {{x: {{rate: {rate}}}}}\n").streams[0].rate
        for rate in ("310 per month", "3660 per year", "7 per week")
    )
    assert month is not None
    assert year is not None
    edges = _month_edges(_scenario(tmp_path, "arrivals: {x: {rate: 1 per day}}\n"))
    assert [t for t, _ in month] == edges[:-1].tolist()
    assert np.diff(edges) * [rate for _, rate in month] == pytest.approx([310] * 12)
    assert [(t, rate * MICROSECONDS_PER_DAY) for t, rate in year] == [(0, pytest.approx(10))]
    assert week == ((0, pytest.approx(1 / MICROSECONDS_PER_DAY)),)


def test_a_count_per_month_is_exact_in_every_calendar_month(tmp_path: Path) -> None:
    """310 in each month to May, 100 from June on; in half a month, those of the whole month that fall into it."""
    frame = _scenario(tmp_path, "arrivals: {x: {count: {2024-01-01: 310 per month, 2024-06-01: 100 per month}}}\n")
    arrived = draw_cases(frame, SamplePath(1, 1)).arrived
    assert np.histogram(arrived, _month_edges(frame))[0].tolist() == [310] * 5 + [100] * 7
    cut = _scenario(tmp_path, "arrivals: {x: {count: {2024-01-16: 310 per month, 2024-02-01: 0 per month}}}\n")
    arrived = draw_cases(cut, SamplePath(1, 1)).arrived
    assert 100 < len(arrived) < 210
    assert arrived.min() >= 15 * MICROSECONDS_PER_DAY


@pytest.mark.parametrize("count", ["31 per week", "310.5 per month", "many", "-3 per month"])
def test_a_count_is_a_whole_number_per_month_or_year(tmp_path: Path, count: str) -> None:
    """Anything else is refused with the place."""
    with pytest.raises(InputError, match=r"arrivals 'x': count: '.*'"):
        _scenario(tmp_path, f"arrivals: {{x: {{count: {count}}}}}\n")


def _month_edges(frame: Scenario) -> NDArray[np.int64]:
    first = [dt.date(2024, month, 1) for month in range(1, 13)] + [dt.date(2025, 1, 1)]
    return np.array([frame.epoch.microseconds(day) for day in first], np.int64)
