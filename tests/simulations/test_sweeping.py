"""Sweeps: each point equals a single run with its changes; an invalid grid is reported before anything runs."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from simulations import load_scenario, run, sweep
from simulations.cli import app
from simulations.planning.grid import parse_grid
from simulations.planning.sweeping import read_sweep
from simulations.report.page import write_page
from simulations.report.sweep_chart import chart_of, figures_of
from simulations.run_folder.folders import RunFolderExists
from simulations.statements.of_plans import MOST_MEASURES, answer_of_sweep, leading
from tests.simulations.desk import write_tiny
from workflow.errors import InputError, MissingResult

EAST = "pools.clerks.size={east: 2, west: 2},{east: 4, west: 2}"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


def test_a_point_equals_a_run_with_its_changes(tiny: Path, tmp_path: Path) -> None:
    """Two axes of two values give four points; the last axis varies fastest."""
    changes = ["pools.clerks.size=1:2:1", "activities.serve.takes.lognormal.mean=6 hours,9 hours", "ends=2024-01-20"]
    result = sweep(tiny, changes, replications=2, seed=3, out=tmp_path / "s")
    assert [point.texts for point in result.points] == [("1", "6 hours"), ("1", "9 hours"), ("2", "6 hours"), ("2", "9 hours")]
    assert result.describe(result.points[1]) == "clerks.size=1, lognormal.mean=9 hours"
    assert result.points[1].set == {"pools.clerks.size": 1, "activities.serve.takes.lognormal.mean": "9 hours"}
    alone = run(
        load_scenario(tiny, ["pools.clerks.size=1", "ends=2024-01-20"]),
        replications=2,
        seed=3,
        out=tmp_path / "r",
        keep="measures",
    )
    assert result.points[1].estimates == [e for e in alone.estimates if e.at is None]
    assert result.points[1].growing == alone.growing
    assert [*result] == result.points
    assert len(result) == 4
    both = {"pools.clerks.size": 1, "activities.serve.takes.lognormal.mean": "9 hours"}
    assert result.point(both) is result.points[1]
    with pytest.raises(MissingResult, match=r"'pools.clerk.size' is not an axis of the sweep. Did you mean 'pools.clerks.size'?"):
        result.point({"pools.clerk.size": 1})
    with pytest.raises(
        MissingResult, match=r"2 points with pools.clerks.size = 1; give one value of each axis. pools.clerks.size: 1, 2"
    ):
        result.point({"pools.clerks.size": 1})
    with pytest.raises(MissingResult, match=r"0 points with pools.clerks.size = 3; give one value of each axis."):
        result.point({"pools.clerks.size": 3})
    written = json.loads((tmp_path / "s" / "sweep.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(result.json()))
    assert {p.name for p in (tmp_path / "s").iterdir()} == {"sweep.json", "point-1", "point-2", "point-3", "point-4"}


def test_a_grid_is_given_as_texts_or_as_values_by_path() -> None:
    """Lists, ranges and arrays are axes; a single value, and a list of one, holds at every point."""
    takes = "activities.serve.takes"
    values = {
        "pools.clerks.size": range(1, 3),
        "starts": [dt.date(2024, 1, 1), dt.date(2024, 1, 8)],
        f"{takes}.lognormal.mean": ["6 hours", "9 hours"],
        "people.share": np.array([0.25, 0.5]),
        takes: [{"fixed": "1 hour"}],
        "ends": dt.date(2024, 1, 20),
        "title": "1:2",
    }
    texts = [
        "pools.clerks.size=1:2:1",
        "starts=2024-01-01:2024-01-08:7",
        f"{takes}.lognormal.mean=6 hours,9 hours",
        "people.share=0.25,0.5",
        f'{takes}={{"fixed": "1 hour"}}',
        "ends=2024-01-20",
        'title="1:2"',
    ]
    (by_path, no), (by_text, mistakes) = parse_grid(values), parse_grid(texts)
    assert no == mistakes == []
    assert (by_path.axes, by_path.fixed) == (by_text.axes, by_text.fixed)
    assert by_path.size == 16


def test_a_grid_of_three_by_three_is_a_heatmap_of_each_measure(tiny: Path, tmp_path: Path) -> None:
    """Each field has the mean of its point, and a figure has one measure, of the first few. The chart for a file has all of them."""
    changes = ["pools.clerks.size=1:3:1", "ends=2024-01-10,2024-01-15,2024-01-20"]
    result = sweep(tiny, changes, measures=["disposals", "inflow"], replications=1, out=tmp_path / "s", engine="simpy")
    figures = figures_of(result)
    assert len(figures) == MOST_MEASURES < len(result.shown)
    assert sorted(leading(result)) == sorted(result.shown)
    assert {measure for measure, _ in leading(result)[:2]} == {"disposals", "inflow"}  # each once, before other courts
    for figure, (measure, court) in zip(figures, leading(result), strict=False):
        fields = figure.chart.to_dict(validate=False)["data"]["values"]
        assert {(f["x"], f["y"]): f["mean"] for f in fields} == {p.texts: p.get(measure, court).mean for p in result.points}
    assert len(chart_of(result).chart.to_dict(validate=False)["concat"]) == len(result.shown)


def test_axes_with_the_same_end_have_longer_names() -> None:
    """A sentence with two of them is about different things."""
    grid, _ = parse_grid(["pools.clerks.size.east=1,2", "pools.judges.size.east=3,5", "ends=2024-01-10,2024-01-20"])
    assert [axis.name for axis in grid.axes] == ["clerks.size.east", "judges.size.east", "ends"]


def test_an_answer_has_each_measure_once_at_the_court_where_it_changes_most(tiny: Path, tmp_path: Path) -> None:
    """With more clerks in the east, nothing changes in the west, which is last; in all courts, changes are relatively smaller."""
    changes = ["pools.clerks.size={east: 1, west: 2},{east: 4, west: 2}"]
    result = sweep(tiny, changes, measures=["inflow", "disposals"], replications=2, out=tmp_path / "s", engine="simpy")
    together, west = [("inflow", "all"), ("disposals", "all")], [("inflow", "west"), ("disposals", "west")]
    assert leading(result) == [("inflow", "east"), ("disposals", "east"), *together, *west]
    assert answer_of_sweep(result)[1].text.startswith("Disposals, east: from ")


def test_a_sweep_is_read_back_and_has_a_page(tiny: Path, tmp_path: Path) -> None:
    """The page has the curves and a row for each point, and makes no request. It refuses `--scenario`."""
    result = sweep(tiny, ["pools.clerks.size=1:3:1"], replications=2, out=tmp_path / "s")
    again = read_sweep(tmp_path / "s")
    assert (again.grid, again.shown, again.json()) == (result.grid, result.shown, result.json())
    text = write_page(tmp_path / "s").read_text(encoding="utf-8")
    assert "tiny by size of clerks" in text
    assert text.partition("<script>")[0].count("<svg") == 1
    assert all(f">{size}</" in text for size in (1, 2, 3))
    assert "http://" not in text.replace("http://www.w3.org/", "")
    with pytest.raises(InputError, match="holds a sweep"):
        write_page(tmp_path / "s", scenario=tiny)
    (tmp_path / "s" / "sweep.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="is not the folder of a sweep"):
        read_sweep(tmp_path / "s")


def test_points_use_common_random_numbers(tiny: Path, tmp_path: Path) -> None:
    """Two more clerks in the east leave the west unchanged to the last digit; the chart shows both courts."""
    result = sweep(tiny, [EAST], replications=3, courts=["east", "west"], out=tmp_path / "s")
    west = [[e for e in point.estimates if e.court == "west"] for point in result.points]
    east = [point.get("waiting_time.serve.mean", "east").mean or 0.0 for point in result.points]
    assert west[0] == west[1]
    assert east[1] < east[0]
    assert {e.court for point in result.points for e in point.estimates} == {"east", "west"}
    figure = chart_of(result)
    assert "Mean wait for" in figure.svg
    panel = figure.chart.to_dict(validate=False)["concat"][0]
    assert [row["x"] for row in panel["data"]["values"]] == ["east: 2, west: 2", "east: 4, west: 2"]
    assert {layer["encoding"]["x"]["axis"]["labelAngle"] for layer in panel["layer"]} == {0}
    assert figure.csv is not None
    assert len(figure.csv.splitlines()) == 1 + 2 * len(result.shown)


def test_an_interrupted_sweep_is_resumed(tiny: Path, tmp_path: Path) -> None:
    """A sweep interrupted in its second point ends with the same result. Another grid is refused."""
    changes = ["pools.clerks.size=1,2", "ends=2024-01-15"]

    def stop(done: int, todo: int) -> None:
        assert todo == 4
        if done == 3:
            raise KeyboardInterrupt

    whole = sweep(tiny, changes, replications=2, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        sweep(tiny, changes, replications=2, out=tmp_path / "s", progress=stop)
    with pytest.raises(RunFolderExists, match="already exists"):
        sweep(tiny, changes, replications=2, out=tmp_path / "s")
    again = sweep(tiny, changes, replications=2, out=tmp_path / "s", resume=True)
    assert [p.estimates for p in again.points] == [p.estimates for p in whole.points]
    with pytest.raises(RunFolderExists, match="the scenario or its workflow"):
        sweep(tiny, ["pools.clerks.size=3,2", "ends=2024-01-15"], replications=2, out=tmp_path / "s", resume=True)
    (tmp_path / "s" / "point-3").mkdir()
    with pytest.raises(RunFolderExists, match="cannot be resumed as a sweep of this grid: it contains point-3"):
        sweep(tiny, changes, replications=2, out=tmp_path / "s", resume=True)


def test_the_command_prints_a_table_and_json_and_draws_a_chart(tiny: Path, tmp_path: Path) -> None:
    """The table has a line for each point and bars below it; the JSON has the documented keys."""
    arguments = ["sweep", str(tiny), "--set", "pools.clerks.size=1:3:1", "--set", "ends=2024-01-20", "--replications", "2", "--court", "east", "--measure", "pending", "--out", str(tmp_path / "s")]  # fmt: skip
    result = CliRunner().invoke(app, [*arguments, "--chart", str(tmp_path / "chart.png")])
    assert result.exit_code == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["clerks.size", "Pending", "cases"] in lines
    assert [line[0] for line in lines if len(line) > 1 and line[0] in "123"] == ["1", "2", "3"]
    assert "▁" in result.stdout
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    content = json.loads(CliRunner().invoke(app, [*arguments, "--resume", "--json"]).stdout)
    assert [point["set"] for point in content["points"]] == [{"pools.clerks.size": k} for k in (1, 2, 3)]
    assert [[(m["measure"], m["court"]) for m in point["measures"]] for point in content["points"]] == [[("pending", "east")]] * 3
    assert (tmp_path / "s" / "sweep.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("8:24:8", ["8", "16", "24"]),
        ("0.1:0.35:0.1", ["0.1", "0.2", "0.3"]),
        ("3:1:-1", ["3", "2", "1"]),
        ("5:15:5 minutes", ["5 minutes", "10 minutes", "15 minutes"]),
        ("2012-01-13:2012-01-27:7", ["2012-01-13", "2012-01-20", "2012-01-27"]),
        ("first_come, oldest", ["first_come", "oldest"]),
        ("{a: 1, b: 2},{a: 2, b: 2}", ["{a: 1, b: 2}", "{a: 2, b: 2}"]),
    ],
)  # fmt: skip
def test_ranges_and_lists_are_read(text: str, values: list[str]) -> None:
    """A range has decimal numbers, numbers with a unit or dates; a list has any values between commas."""
    grid, problems = parse_grid([f"a.b={text}", "c=09:00-12:00"])
    assert (problems, grid.fixed) == ([], ("c=09:00-12:00",))
    assert [list(axis.texts) for axis in grid.axes] == [values]


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        (["ends=2024-01-31"], ["no key has several values; give path=from:to:step"]),
        (["pools.clerks.size=1:9:0", "ends=2024-01-10,2024-01-x"], ["the step is 0", "must be a date, not '2024-01-x'"]),
        (["pools.clerks.size=9:1:2"], ["a step of 2 does not lead from 9 to 1"]),
        (["pools.clerks.size=1:9"], ["a range is from:to:step, such as 8:24:2"]),
        (["pools.clerks.size=1:9:x"], ["three numbers such as 8:24:2, or two dates and days"]),
        (["pools.clerks.size=1,,2"], ["a value is missing between the commas"]),
        (["pools.clerks.size=1,2,1"], ["1 is given twice"]),
        (["pools.clerks.size=1,2", "pools.clerks.size=3"], ["is given twice; give all its values in one change"]),
        (["pools.clerks.size=1:99:1", "seed=1:99:1"], ["99 x 99 points are too many: at most 1,000", "unknown key 'seed'"]),
        (["pools.clerk.size=1:9:0"], ["the step is 0", "there is no pools.clerk", "Did you mean 'clerks'?"]),
        (["pools.clerks.sise=1,2"], ["unknown key 'sise'", "Did you mean 'size'?"]),
        (["pools.clerks.size=2,-1"], ["-1"]),
    ],
)  # fmt: skip
def test_an_invalid_grid_is_reported_before_anything_runs(
    tiny: Path, tmp_path: Path, changes: list[str], messages: list[str]
) -> None:
    """Each mistake is reported once, with the nearest match, and nothing is written."""
    with pytest.raises(InputError) as raised:
        sweep(tiny, changes, out=tmp_path / "s")
    reported = [str(problem) for problem in raised.value.problems]
    assert len(reported) == len(set(reported))
    assert all(message in " ".join(reported) for message in messages)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--measure", "pendin"], "Did you mean 'pending'?"),
        (["--court", "easst"], "Did you mean 'east'?"),
        (["--chart", "sweep.pdf"], "must end in .svg or .png"),
        (["--resume"], "--resume needs --out"),
        (["--replications", "0"], "must be 1 or more"),
    ],
)
def test_the_command_reports_other_mistakes(tiny: Path, arguments: list[str], message: str) -> None:
    """The exit code is 2, and the message is on standard error."""
    result = CliRunner().invoke(app, ["sweep", str(tiny), "--set", "pools.clerks.size=1,2", *arguments])
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_lines_that_coincide_can_be_told_apart(tiny: Path, tmp_path: Path) -> None:
    """Each has its mark, and a line is wider than the one that is drawn over it. Whole numbers have no decimals on the axis."""
    changes = {"pools.clerks.size": [1, 2], "events.wake.after.exponential.mean": ["4 days", "5 days"]}
    result = sweep(tiny, changes, measures=["inflow"], courts=["east"], replications=1, out=tmp_path / "s", engine="simpy")
    (panel,) = chart_of(result).chart.to_dict(validate=False)["concat"]
    bars, line, points = panel["layer"]
    assert points["encoding"]["shape"]["scale"] == {"domain": ["4 days", "5 days"], "range": ["circle", "square"]}
    widest, narrowest = line["encoding"]["strokeWidth"]["scale"]["range"]
    assert widest > narrowest
    assert bars["encoding"]["x"]["axis"] == {"values": [1, 2], "format": ",d", "tickMinStep": 1}
