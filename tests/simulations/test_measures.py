"""Measures of a tiny run that can be counted by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from simulations import SamplePath, load_scenario, make_plan, simulate
from simulations.measuring.invariants import check_log
from simulations.measuring.measured import Value
from simulations.measuring.measures import group_cases, measure
from workflow.errors import InputError
from workflow.loading import load_workflow

WORKFLOW = {
    "workflow": "desk",
    "facts": {"kind": {"enum": ["plain", "odd"], "default": "plain"}},
    "record": {"answer": {"enum": ["none", "yes", "no"], "default": "none"}},
    "activities": {"serve": {"gives": {"answer": ["yes", "no"]}}, "check": {}},
    "entry": {"states": ["queue"]},
    "states": {
        "queue": {"activity": "serve"},
        "checking": {"activity": "check"},
        "done": {"final": True},
        "shelf": {"resting": True},
    },
    "transitions": [
        {"transition": "say_yes", "from": "queue", "to": "checking", "when": 'answer == "yes"'},
        {"transition": "say_no", "from": "queue", "to": "shelf"},
        {"transition": "approve", "from": "checking", "to": "done"},
        {"transition": "take_down", "from": "shelf", "event": "claim", "to": "done"},
    ],
    "events": {"claim": {"while": ["shelf"]}},
    "measures": [
        {
            "measure": "approved_way", "cases": "say_yes", "within": ["checking"],
            "split": {"through": {"ever": "approve"}, "on_way": {"now": "within"}, "elsewhere": "rest"},
        },
        {"measure": "yes", "cases": "say_yes or say_no", "giving": "yes"},
        {"measure": "odd_ones", "cases": "say_yes or say_no", "if": 'kind == "odd"'},
        {"measure": "answered", "cases": ["say_yes", "say_no"]},
        {"measure": "yes_share", "ratio": ["yes", "answered"]},
        {"measure": "queue_empty", "emptied": "queue"},
    ],
}  # fmt: skip

SCENARIO: dict[str, Any] = {
    "scenario": "tiny",
    "starts": dt.date(2024, 1, 1),
    "ends": dt.date(2024, 1, 10),
    "courts": {"east": {"backlog": {"queue": 2}}, "west": {"backlog": {"queue": 1}}},
    "pools": {"desk": {"at": "court", "size": 1}},
    "activities": {
        "serve": {
            "pool": "desk",
            "takes": "2 days",
            "outcome": {"answer": {"by": "court", "east": {"yes": 1}, "west": {"no": 1}}},
        },
        "check": {"takes": "3 days"},
    },
    "people": {"kind": {"by": "court", "east": {"plain": 1, "odd": 0}, "west": {"odd": 1, "plain": 0}}},
}


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> list[Value]:
    """Two cases in the east, answered yes after 2 and 4 days and approved 3 days later; one in the west, shelved after 2."""
    return _measured(tmp_path_factory, SCENARIO, (None, dt.date(2024, 1, 3)), ("kind",))


def _log(tmp_path_factory: pytest.TempPathFactory, scenario: dict[str, Any], workflow: Any = WORKFLOW) -> Any:
    from workflow.files.yaml_tree import dump_yaml

    folder = tmp_path_factory.mktemp("tiny")
    (folder / "desk.yaml").write_text(dump_yaml(workflow), encoding="utf-8")
    (folder / "tiny.yaml").write_text(dump_yaml({**scenario, "workflow": "desk.yaml"}), encoding="utf-8")
    loaded = load_scenario(folder / "tiny.yaml")
    path = SamplePath(1, 1)
    plan = make_plan(loaded, path)
    log = simulate(plan, path)
    check_log(log)
    return log


def _measured(
    tmp_path_factory: pytest.TempPathFactory, scenario: dict[str, Any], days: tuple[dt.date | None, ...], by: tuple[str, ...] = ()
) -> list[Value]:
    log = _log(tmp_path_factory, scenario)
    return measure(log, days, [group_cases(log.cases, name) for name in by])


def _get(values: list[Value], name: str, court: str = "all", at: dt.date | None = None, group: str | None = None) -> float | None:
    return next(v.value for v in values if (v.measure, v.court, v.at, v.group) == (name, court, at, group))


@pytest.mark.parametrize(
    ("name", "east", "west", "both"),
    [
        ("answered", 2, 1, 3),
        ("yes", 2, 0, 2),
        ("odd_ones", 0, 1, 1),
        ("yes_share", 1, 0, 2 / 3),
        ("approved_way", 2, 0, 2),
        ("through", 2, 0, 2),
        ("on_way", 0, 0, 0),
        ("elsewhere", 0, 0, 0),
        ("queue_empty", 4, 2, 4),
        ("pending", 0, 0, 0),
        ("unfinished", 0, 1, 1),
        ("unfinished_age.mean", None, 10, 10),
        ("waiting_time.serve.mean", 1, 0, 2 / 3),
        ("waiting_time.serve.median", 1, 0, 0),
        ("processing_time.serve.mean", 2, 2, 2),
        ("processing_time.check.mean", 3, None, 3),
        ("still_waiting.serve", 0, 0, 0),
        ("utilisation.desk", 0.4, 0.2, 0.3),
    ],
)
def test_measures_at_the_end_equal_a_count_by_hand(
    values: list[Value], name: str, east: float | None, west: float | None, both: float | None
) -> None:
    """For each court, and for both together."""
    assert [_get(values, name, c) for c in ("east", "west", "all")] == [
        pytest.approx(x) if x is not None else None for x in (east, west, both)
    ]


@pytest.mark.parametrize(
    ("name", "both"),
    [
        ("answered", 2),
        ("on_way", 1),
        ("through", 0),
        ("queue_empty", None),
        ("pending", 2),
        ("unfinished", 3),
        ("still_waiting.serve", 0),
        ("utilisation.desk", 5 / 6),
    ],
)
def test_measures_on_a_day_are_taken_at_its_end(values: list[Value], name: str, both: float | None) -> None:
    """At 24:00 on the third day, the first eastern case is in the check, the second is in service, and the western one is shelved."""
    combined = _get(values, name, at=dt.date(2024, 1, 3))
    assert combined == (None if both is None else pytest.approx(both))


def test_groups_are_measured_like_all_cases(values: list[Value]) -> None:
    """The odd cases are those of the western court."""
    assert _get(values, "answered", group="odd") == 1
    assert _get(values, "yes_share", group="plain") == 1


def test_cases_without_a_value_form_one_group(tmp_path: Path) -> None:
    """By a date that two of six cases lack, an integer that no case has, and an enum with a value called missing."""
    (tmp_path / "flow.yaml").write_text(
        """\
workflow: desk
facts:
  seen: {type: date, optional: true}
  age: {type: integer, minimum: 0, maximum: 99, optional: true}
  file: {enum: [there, missing], optional: true}
activities: {serve: {}}
states: {queue: {activity: serve}, done: {final: true}}
transitions: [{transition: finish, from: queue, to: done}]
entry: {states: [queue]}
""",
        encoding="utf-8",
    )
    table = "seen,file,state\n2024-01-01,there,queue\n2023-05-01,missing,queue\n,,queue\n2023-05-01,,queue\n,there,queue\n"
    (tmp_path / "cases.csv").write_text(table, encoding="utf-8")
    (tmp_path / "run.yaml").write_text(
        "scenario: a\nworkflow: flow.yaml\nstarts: 2024-01-01\nends: 2024-01-05\nactivities: {serve: {takes: 9 days}}\n"
        "courts: {east: {backlog: {table: cases.csv}}, west: {backlog: {queue: 1}}}\npeople: {file: there}\n",
        encoding="utf-8",
    )
    path = SamplePath(1, 1)
    log = simulate(make_plan(load_scenario(tmp_path / "run.yaml"), path), path)
    groupings = [group_cases(log.cases, by) for by in ("seen", "age", "file")]
    values = {(v.by, v.group): v.value for v in measure(log, (None,), groupings) if (v.measure, v.court) == ("unfinished", "all")}
    assert values == {
        (None, None): 6,
        ("seen", "2023-05-01"): 2,
        ("seen", "2024-01-01"): 1,
        ("seen", "missing"): 3,
        ("age", "missing"): 6,
        ("file", "there"): 3,
        ("file", "missing"): 1,
        ("file", "without a value"): 2,
    }


def test_pending_has_a_value_for_each_day(values: list[Value]) -> None:
    """Three cases at the start; one is shelved at the end of day 2, and two are finished at the ends of days 5 and 7."""
    days = [dt.date(2024, 1, d) for d in range(1, 11)]
    assert [_get(values, "pending", at=d) for d in days] == [3, 2, 2, 2, 1, 1, 0, 0, 0, 0]


def test_measures_leave_out_rows_of_the_warm_up(tmp_path_factory: pytest.TempPathFactory) -> None:
    """After the third day only the second eastern case is answered."""
    values = _measured(tmp_path_factory, {**SCENARIO, "warm_up": dt.date(2024, 1, 4)}, (None,))
    assert _get(values, "answered") == 1
    assert _get(values, "utilisation.desk", "east") == pytest.approx(1 / 7)


def _yes_or_no(counted: Any) -> dict[str, Any]:
    """Return a workflow whose activity gives true or false, and that counts one of these outcomes."""
    move = {"transition": "answer", "from": "queue", "to": "done"}
    return {
        "workflow": "desk",
        "record": {"fit": {"type": "boolean", "default": False}},
        "activities": {"serve": {"gives": {"fit": [True, False]}}},
        "entry": {"states": ["queue"]},
        "states": {"queue": {"activity": "serve"}, "done": {"final": True}},
        "transitions": [move],
        "measures": [{"measure": "counted", "cases": "answer", "giving": counted}],
    }


@pytest.mark.parametrize("counted", [True, "true"])
def test_boolean_outcomes_are_counted(tmp_path_factory: pytest.TempPathFactory, counted: Any) -> None:
    """Two eastern cases are fit, written as a boolean or as a string; the western one is not."""
    fit = {"by": "court", "east": {True: 1}, "west": {False: 1}}
    serve = {"pool": "desk", "takes": "2 days", "outcome": {"fit": fit}}
    scenario = {name: part for name, part in SCENARIO.items() if name != "people"} | {"activities": {"serve": serve}}
    log = _log(tmp_path_factory, scenario, _yes_or_no(counted))
    assert [_get(list(measure(log)), "counted", court) for court in ("east", "west")] == [2, 0]


def test_counting_an_outcome_that_no_activity_gives_is_an_error() -> None:
    """The message lists the possible outcomes as in files."""
    with pytest.raises(InputError, match="giving: 'True' is not an outcome of answer; allowed: true, false"):
        load_workflow(_yes_or_no("True"))


def test_an_unknown_grouping_is_an_error_with_the_nearest_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The message lists the allowed names."""
    log = _log(tmp_path_factory, SCENARIO)
    with pytest.raises(InputError, match="kind"):
        group_cases(log.cases, "kindd")


def test_the_built_in_workflow_has_the_published_measures() -> None:
    """It has the names that published reports use."""
    names = {m.measure for m in load_workflow("prosecutorial-discretion-review").measures}
    assert {
        "reviewed",
        "amenable",
        "amenable_share",
        "cleared",
        "offered",
        "accepted",
        "reopened",
        "work_permits",
        "review_finished",
    } <= names
