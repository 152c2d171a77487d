"""Arguments that Python would misread are named: a text in place of a list, or of a date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulations import calibrate, compare, hindcast, load_scenario, own_distribution, run, sensitivity, staff, sweep
from tests.simulations.desk import write_tiny
from workflow import InputError, audit, diff, load_rules, load_workflow, prove, read_log

DAY = dt.date(2024, 1, 20)
WORKFLOW = "must be a workflow, as load_workflow(name or path) returns it"
CALLS: dict[str, Callable[[Any], object]] = {
    "at: must be a date, such as datetime.date(2024, 1, 20), not '2024-01-20'": lambda tiny: run(tiny, at=["2024-01-20"]),
    "at: must be a list, such as [datetime.date(2024, 1, 20)], not datetime.date(2024, 1, 20)": lambda tiny: run(tiny, at=DAY),
    "measures: must be a list, such as ['pending'], not 'pending'": lambda tiny: run(tiny, measures="pending"),
    "courts: must be a list, such as ['west'], not 'west'": lambda tiny: compare(tiny, tiny, courts="west"),
    "by: must be a list, such as ['kind'], not 'kind'": lambda tiny: run(tiny, by="kind"),
    "precision: must be a list, such as ['pending=2'], not 'pending=2'": lambda tiny: run(tiny, precision="pending=2"),
    "changes: must be a list, such as ['ends=2024-01-20'], not 'ends=2024-01-20'": lambda tiny: load_scenario(
        tiny, "ends=2024-01-20"
    ),
    "changes: must be a list, such as ['pools.clerks.size=1,2'], not 'pools.clerks.size=1,2'": lambda tiny: sweep(
        tiny, "pools.clerks.size=1,2"
    ),
    "other_changes: must be a list, such as ['ends=2024-01-20'], not 'ends=2024-01-20'": lambda tiny: compare(
        tiny, tiny, other_changes="ends=2024-01-20"
    ),
    "at: must be a date, such as datetime.date(2024, 1, 20), not datetime.datetime(2024, 1, 20, 9, 0)": lambda tiny: sensitivity(
        tiny, "pending", at=dt.datetime(2024, 1, 20, 9)
    ),
    "finish_by: must be a date, such as datetime.date(2024, 3, 31), not 'soon'": lambda tiny: staff(
        tiny, "clerks", finish_by="soon"
    ),
    "until: must be a date, such as datetime.date(2024, 1, 20), not '2024-01-20'": lambda tiny: calibrate(tiny, "2024-01-20"),
    "as_of: must be a list, such as [datetime.date(2024, 1, 20)], not datetime.date(2024, 1, 20)": lambda tiny: hindcast(
        tiny, DAY
    ),
    "replications: must be a whole number, not '3'\nseed: must be a whole number, not None": lambda tiny: run(
        tiny, replications="3", seed=None
    ),
    "confidence: must be a number, not '95%'": lambda tiny: compare(tiny, tiny, confidence="95%"),
    "confidence: must be a number, not None\npool desks: there is no such pool. Known: clerks.\nstaff: goal and at go together": (
        lambda tiny: staff(tiny, "desks", goal="pending < 3", confidence=None)
    ),
    "runs: must be a whole number, not 50.5": lambda tiny: calibrate(tiny, DAY, runs=50.5),
    "monitor: must be stop or count, not 'yes'": lambda tiny: run(tiny, monitor="yes"),
    "log: must be what read_log(path, workflow) returned, not 'log.csv'": lambda tiny: audit("log.csv"),
    "distribution: must be an object with a quantile function ppf(q), not 3": lambda tiny: own_distribution(3),
    "change ends: must be a date, not '2024-01-20'. Give a datetime.date, such as datetime.date(2024, 1, 31).": lambda tiny: (
        load_scenario(tiny).change({"ends": "2024-01-20"})
    ),
    "as_of: must be a date, such as datetime.date(2024, 1, 20), not '2024-01-20'": lambda tiny: hindcast(tiny, ["2024-01-20"]),
    f"workflow: {WORKFLOW}, not 'desk.yaml'": lambda tiny: prove("desk.yaml"),
    f"one: {WORKFLOW}, not 'a'\nother: {WORKFLOW}, not 'b'": lambda tiny: diff("a", "b"),
    "rules: must be the rules that load_rules(path) returns beside their workflow, not 'desk.rules.yaml'": lambda tiny: prove(
        load_workflow(tiny.parent / "desk.yaml"), "desk.rules.yaml"
    ),
    "people: must be the facts of cases; those of a scenario are make_plan(scenario, SamplePath(seed=1, replication=1)).cases.columns,"
    " not <Scenario 'tiny': 2024-01-01 to 2024-02-15, 2 courts, workflow 'desk'>": lambda tiny: diff(
        load_workflow(tiny.parent / "desk.yaml"), load_workflow(tiny.parent / "desk.yaml"), people=load_scenario(tiny)
    ),
    "path: must be a path; of a result, give its folder: read_log(result.folder, workflow)": lambda tiny: read_log(
        load_scenario(tiny), load_workflow(tiny.parent / "desk.yaml")
    ),
    f"workflow: {WORKFLOW}, not 'desk'": lambda tiny: read_log("desk.csv", "desk"),
    "the name of the workflow is empty; give a built-in name or the path of a file": lambda tiny: load_workflow(""),
    "the name of the scenario is empty; give a built-in name or the path of a file": lambda tiny: load_scenario(" "),
}


@pytest.mark.parametrize("message", CALLS)
def test_an_argument_of_another_kind_is_named(message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the argument, and says how to write it. Nothing is written."""
    monkeypatch.chdir(tmp_path)
    tiny = write_tiny(tmp_path)
    with pytest.raises(InputError) as raised:
        CALLS[message](tiny)
    assert str(raised.value) == message
    assert not Path("runs").exists()


def test_the_rules_of_a_tuple_are_meant(tmp_path: Path) -> None:
    """`load_rules` returns a workflow and its rules; `prove` and `audit` take the rules alone."""
    desk = load_workflow(write_tiny(tmp_path).parent / "desk.yaml")
    both = load_rules("rules: [{rule: nobody leaves, never: finish}]", workflow=desk)
    with pytest.raises(InputError, match=r"rules: must be the rules .* not one with <Workflow 'desk'"):
        prove(desk, both)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("replicatons", "run() has no option 'replicatons'. Did you mean 'replications'? Its options: seed, workers, "),
        ("max_replication", "run() has no option 'max_replication'. Did you mean 'max_replications'? Its options: "),
    ],
)
def test_an_unknown_option_has_the_nearest(name: str, message: str) -> None:
    """It is a `TypeError`, as for any function."""
    with pytest.raises(TypeError) as raised:
        run("pilot", **{name: 5})
    assert str(raised.value).startswith(message)


def test_a_folder_in_the_place_of_the_options_is_told_from_them() -> None:
    """``run(scenario, folder)`` is an easy mistake."""
    with pytest.raises(
        TypeError, match=r"run\(\) takes options as a RunOptions or by name, not as 'runs/a'; give a folder as out=\.\.\."
    ):
        run("pilot", "runs/a")  # type: ignore[arg-type]
