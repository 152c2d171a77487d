"""Chosen measures and courts: only these are computed, with the values of the whole, tested and printed."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import duckdb
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from simulations import compare, load_scenario, run, sweep
from simulations.chance.draws import SamplePath
from simulations.cli import app
from simulations.engines.simpy_engine import simulate
from simulations.measuring.descriptors import describe
from simulations.measuring.measures import group_cases, measure
from simulations.measuring.selection import Selection
from simulations.report.page import write_page
from simulations.running.verifying import verify
from simulations.scenarios.plan import make_plan
from simulations.scenarios.scenario import Scenario
from tests.simulations.desk import DESK, TINY
from workflow.errors import InputError, MissingResult

MEASURES = """\
measures:
  - {measure: served, emptied: queue}
  - {measure: done, cases: [finish, store], within: [shelf], split: {finished: {ever: finish}, shelved: {now: within}, others: rest}}
  - {measure: stored, cases: [store]}
  - {measure: stored_share, ratio: [stored, done]}
"""
COSTS = "costs: {currency: USD, pools: {clerks: 30 per hour}, activities: {serve: 2}, per: [done]}\n"
DAY = dt.date(2024, 1, 20)
MEASURING = {"run": [], "compare": ["--set-other", "pools.clerks.size=3"], "sweep": ["--set", "pools.clerks.size=1,3"]}
"""The commands that compute any measure, with what else they need."""


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario with costs, and measures of each kind that a workflow can declare."""
    folder = tmp_path_factory.mktemp("priced")
    (folder / "desk.yaml").write_text(DESK + MEASURES, encoding="utf-8")
    (folder / "tiny.yaml").write_text(TINY + COSTS, encoding="utf-8")
    return folder / "tiny.yaml"


def _rows(scenario: Scenario, selection: Selection) -> set[tuple[object, ...]]:
    path = SamplePath(3, 1)
    log = simulate(make_plan(scenario, path), path)
    measured = measure(log, (None, DAY), [group_cases(log.cases, "kind")], selection)
    return {(v.measure, v.court, v.by, v.group, v.at, v.value) for v in measured}


def test_a_measure_alone_has_the_values_of_the_whole(priced: Path) -> None:
    """For every measure of the scenario, and for one court."""
    scenario = load_scenario(priced)
    whole = _rows(scenario, Selection())
    for name in describe(scenario):
        rows = {row for row in whole if row[0] == name}
        assert rows
        assert _rows(scenario, Selection((name,))) == rows, name
    assert _rows(scenario, Selection((), ("west",))) == {row for row in whole if row[1] == "west"}
    both = Selection(("stored_share", "pending"), ("all", "east"))
    assert _rows(scenario, both) == {row for row in whole if row[0] in both.measures and row[1] in both.courts}


def test_what_was_not_chosen_is_not_computed(priced: Path) -> None:
    """A measure needs those that it is computed from, and nothing else."""
    scenario = load_scenario(priced)
    assert Selection(("pending",)).with_inputs(scenario) == {"pending"}
    assert Selection(("stored_share",)).with_inputs(scenario) == {"stored_share", "stored", "done"}
    assert Selection(("cost_per.done",)).with_inputs(scenario) == {
        "cost_per.done", "cost", "cost.clerks", "cost.serve", "done",
    }  # fmt: skip
    assert Selection().with_inputs(scenario) == describe(scenario).keys()


def test_a_run_writes_prints_and_reports_only_what_was_chosen(priced: Path, tmp_path: Path) -> None:
    """In the folder, in --json, in the tables and on the page; the folder can be verified, but not resumed with others."""
    result = run(priced, replications=2, out=tmp_path / "r", measures=["inflow"], courts=["west"], at=[DAY])
    assert {(e.measure, e.court, e.at) for e in result.estimates} == {("inflow", "west", DAY), ("inflow", "west", None)}
    assert len(result.pending) == 0
    chosen = ["--measure", "clearance_rate", "--measure", "pending", "--court", "east"]
    command = ["run", str(priced), "--replications", "2", "--out", str(tmp_path / "c"), *chosen]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 0, result.stderr
    content = json.loads(result.stdout)
    assert {(m["measure"], m["court"]) for m in content["measures"]} == {("clearance_rate", "east"), ("pending", "east")}
    query = ["sql", str(tmp_path / "c"), "select distinct measure, court from measures order by all", "--csv"]
    assert CliRunner().invoke(app, query).stdout.split() == ["measure,court", "clearance_rate,east", "pending,east"]
    table = CliRunner().invoke(app, [*command, "--resume"]).stdout
    assert "clearance_rate" in table
    assert "utilisation" not in table
    page = write_page(tmp_path / "c").read_text(encoding="utf-8")
    assert "clearance_rate" in page.replace("<wbr>", "")
    assert "unfinished" not in page
    assert verify(tmp_path / "c", rerun=1).ok
    other = CliRunner().invoke(app, [*command[:-2], "--resume"])
    assert (other.exit_code, "the choice of courts differs from the existing run" in other.stderr) == (2, True)


def test_a_report_of_a_whole_run_shows_chosen_measures(priced: Path, tmp_path: Path) -> None:
    """Of a court or of all; a measure that the run did not compute is refused with those that it has."""
    run(priced, replications=2, out=tmp_path / "r", by=["kind"], courts=["east", "all"])
    for arguments in (["--measure", "waiting_time.serve.p95"], ["--measure", "utilisation.clerks"], ["--court", "east"]):
        result = CliRunner().invoke(app, ["report", str(tmp_path / "r"), *arguments])
        assert result.exit_code == 0, result.stderr
    page = (tmp_path / "r" / "report.html").read_text(encoding="utf-8")
    assert ">east<" in page
    assert ">all courts<" not in page
    refused = CliRunner().invoke(app, ["report", str(tmp_path / "r"), "--court", "west"])
    assert (refused.exit_code, refused.stderr) == (2, "court west: this run did not compute it. It has east, all.\n")


def test_a_comparison_tests_and_corrects_for_what_was_chosen(priced: Path, tmp_path: Path) -> None:
    """With one measure of one court the correction changes nothing."""
    comparison = compare(
        priced, priced, other_changes=["pools.clerks.size=3"], replications=4, keep="measures", out=tmp_path / "c",
        measures=["waiting_time.serve.mean"], courts=["east"],
    )  # fmt: skip
    (difference,) = comparison.differences
    assert difference.paired is not None
    assert difference.p_corrected == difference.paired.p
    assert {e.measure for e in run(priced, out=tmp_path / "c" / "base", resume=True, replications=4, keep="measures", measures=["waiting_time.serve.mean"], courts=["east"]).estimates} == {"waiting_time.serve.mean"}  # fmt: skip


def test_a_sweep_computes_what_was_chosen(priced: Path, tmp_path: Path) -> None:
    """At every point; the table shows a percentile, too."""
    changes = ["pools.clerks.size=1,3"]
    swept = sweep(priced, changes, replications=2, out=tmp_path / "s", measures=["waiting_time.serve.p95"], courts=["east"])
    assert swept.shown == [("waiting_time.serve.p95", "east")]
    assert [[(e.measure, e.court) for e in p.estimates] for p in swept.points] == [[("waiting_time.serve.p95", "east")]] * 2


def test_every_command_that_measures_can_choose_what() -> None:
    """A forecast and a staffing have one measure, in their condition or their goal, of the chosen court; a sensitivity has one, too."""
    options = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in get_command(app).commands.items()  # type: ignore[attr-defined]
    }
    assert {name for name, of_command in options.items() if {"--measure", "--court"} <= of_command} == {
        *MEASURING,
        "report",
        "sensitivity",
        "staff",
    }
    assert {"--when", "--court"} <= options["forecast"]
    assert {"--goal", "--court"} <= options["staff"]
    replicating = {name for name, of_command in options.items() if "--replications" in of_command}
    assert replicating == {*MEASURING, "check-fit", "forecast", "sensitivity", "staff", "diff"}  # diff compares cases


@pytest.mark.parametrize("command", MEASURING)
def test_a_command_prints_and_writes_only_what_was_chosen(priced: Path, tmp_path: Path, command: str) -> None:
    """In the terminal, in --json, in the folder and on the page: no other measure and no other court."""
    scenarios = [str(priced)] * (2 if command == "compare" else 1)
    chosen = ["--measure=inflow", "--measure=pending", "--court=west", "--replications=2", f"--out={tmp_path / 'r'}"]
    printed = CliRunner().invoke(app, [command, *scenarios, *MEASURING[command], *chosen])
    assert printed.exit_code == 0, printed.stderr
    others = {name for name in describe(load_scenario(priced)) if "_" in name or "." in name}  # "done" is a state, too
    words = set(re.findall(r"[\w.]+", printed.stdout))
    assert "west" in words
    assert not words & {*others, "east"}
    resumed = CliRunner().invoke(app, [command, *scenarios, *MEASURING[command], *chosen, "--resume", "--json"])
    found = set(re.findall(r'"measure": "([^"]+)",\s+"court": "([^"]+)"', resumed.stdout))
    assert found == {("inflow", "west"), ("pending", "west")}
    with duckdb.connect() as connection:
        rows = connection.execute(f"select distinct measure, court from '{tmp_path}/r/**/measures/*.parquet'").fetchall()
    assert {row for row in rows if row[1] is not None} == found
    CliRunner().invoke(app, ["report", str(tmp_path / "r")])
    page = re.sub(r"<[^>]+>", "", next((tmp_path / "r").glob("*.html")).read_text(encoding="utf-8").partition("<main")[2])
    assert not set(re.findall(r"[\w.]+", page)) & others


@pytest.mark.parametrize(
    ("command", "arguments", "messages"),
    [
        ("run", ["--measure", "pendin"], ["measure pendin: is not a measure. Did you mean 'pending'?"]),
        ("run", ["--court", "eest", "--measure", "x"], ["court eest: there is no such court.", "measure x: is not a measure. Known: served"]),
        ("run", ["--measure", "inflow", "--precision", "pending=3"], ["add the measure pending"]),
        ("run", ["--measure", "inflow", "--warm-up", "--set", "ends=2024-06-30"], ["add --measure pending"]),
        ("compare", ["--court", "eest"], ["court eest: there is no such court."]),
    ],
)  # fmt: skip
def test_a_wrong_name_is_reported_before_the_run(
    priced: Path, tmp_path: Path, command: str, arguments: list[str], messages: list[str]
) -> None:
    """The message has the nearest match or the valid names. The exit code is 2, and nothing is written."""
    scenarios = [str(priced)] * (2 if command == "compare" else 1)
    result = CliRunner().invoke(app, [command, *scenarios, "--out", str(tmp_path / "r"), *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert all(message in result.stderr for message in messages), result.stderr
    assert not (tmp_path / "r").exists()


def test_a_missing_value_is_explained_by_what_is_wrong(priced: Path, tmp_path: Path) -> None:
    """The court, the measure, the choice or the day, with what there is."""
    measured = run(priced, out=tmp_path / "r", at=[DAY], keep="measures")
    for arguments, message in (
        (("pending", "purple"), "'purple' is not a court. The courts are all, east, west."),
        (("pendin",), "'pendin' is not a measure. Did you mean 'pending'?"),
        (("inflow", "east", dt.date(2024, 1, 3)), "The run was measured at 2024-01-20, the end of the run."),
        (("inflow", "east", dt.date(2034, 1, 3)), "2034-01-03 is not a day of the run, which lasts from 2024-01-01 to"),
        (("inflow", "east", "2024-01-20"), "at: must be a date, such as datetime.date(2024, "),
        (("inflow", "east", None, "kind", "odd"), "the run has no groups by 'kind'. The run has no groups; give by= to run."),
    ):
        with pytest.raises(MissingResult) as raised:
            measured.get(*arguments)
        assert message in str(raised.value)
    with pytest.raises(InputError, match=r"this run did not compute it. It has inflow"):
        run(priced, out=tmp_path / "i", measures=["inflow"]).select(Selection(("pending",)))


def test_a_measure_of_a_pool_that_serves_all_courts_has_no_value_for_a_court(priced: Path) -> None:
    """The message names the pool, and that all courts together are a choice."""
    shared = priced.parent / "shared.yaml"
    shared.write_text(TINY.replace("at: court", "at: nation"), encoding="utf-8")
    scenario, other = load_scenario(shared), load_scenario(priced)
    problem = "measure overtime.clerks: has no value for a single court, because the pool clerks serves all courts."
    assert Selection(["overtime.clerks", "pending"], ["east"]).problems_in(scenario) == [f"{problem} Add the court all."]
    assert Selection(["overtime.clerks"], ["east", "all"]).problems_in(scenario) == []
    assert Selection(["overtime.clerks"], ["east"]).problems_in(other) == []
