"""Work is estimated before it begins, and what exceeds a limit is refused: one message, exit code 2, nothing written."""

import datetime as dt
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from simulations.chance.draws import SamplePath
from simulations.cli import app
from simulations.comparing.comparison import compare
from simulations.loading import catalog, load_scenario
from simulations.planning.forecasting import forecast
from simulations.planning.sweeping import sweep
from simulations.running.options import RunOptions
from simulations.running.runs import run
from simulations.scenarios.plan import make_plan
from simulations.scenarios.workload import MOST_CASES, estimate, work_problems
from tests.simulations.desk import DESK, TINY, write_tiny
from workflow.errors import InputError
from workflow.loading import load_workflow
from workflow.proving.prove import prove

RATE, QUEUE, HAZARD, STARTS = "{rate: 3 per day}", "{queue: 20}", "wake: {after: {exponential: {mean: 4 days}}}", "starts:"
MINUTES = ", ".join(f"{h:02}:{m:02}-{h:02}:{m + 1:02}" for h in range(24) for m in range(0, 59, 2))
LARGE = "a: {type: integer, minimum: 0, maximum: 1000}"

ATTACKS = {
    "backlog": ({QUEUE: "{queue: 1000000000000}"}, [], "the limit is 10,000,000 cases"),
    "backlog as a float": ({QUEUE: "{queue: 1e12}"}, [], "must be a number of cases"),
    "rate": ({RATE: "{rate: 1e12 per month}"}, [], "arrivals.east: 1,517,241,379,340 cases in each replication"),
    "hazard": ({HAZARD: "wake: {hazard: 100000 per second}"}, [], "events.wake: may happen 66,769,920,000,000 times"),
    "interarrival": ({RATE: "{interarrival: 0.000001 seconds}"}, [], "arrivals.east: 3,974,400,000,030 cases"),
    "interarrival of large variance": ({RATE: "{interarrival: {gamma: {mean: 1 day, cv: 1000}}}"}, [], "arrivals.east: "),
    "count": ({RATE: "{count: 1000000000000 per month}"}, [], "the limit is 10,000,000 cases"),
    "replications": ({}, ["--replications", "1000000000000"], "replications: must be 1,000,000 or less"),
    "all replications": ({RATE: "{rate: 30000 per day}"}, ["--replications", "1000000"], "cases in all of them"),
    "only": ({}, ["--only", "1000000000000000"], "only: must be one of the replications"),
    "workers": ({}, ["--workers", "1000000"], "workers: must be 1,024 or less"),
    "limit": ({}, ["--limit", "inf"], "limit: must be from 1 to 1,000"),
    "maximum of replications": ({}, ["--precision", "pending=0.001", "--max-replications", "1000000000000"], "must be 1,000,000 or less"),
    "horizon": ({"ends: 2024-02-15": "ends: 9999-12-31\nwarm_up: 9000-01-01"}, [], "more than 500 years"),
    "size": ({"size: 2": "size: 1000000000"}, [], "must be a whole number of servers"),
    "intervals": (
        {STARTS: f"calendars: {{office: {{hours: {{mon-sun: '{MINUTES}'}}}}}}\nstarts:", "2024-02-15": "2500-01-01"},
        [],
        "working intervals or more; the limit is 2,000,000",
    ),
    "courts": ({"courts: {": "courts: {" + "".join(f"c{i}: {{}}, " for i in range(200)), "2024-02-15": "2500-01-01"}, [], "daily"),
}  # fmt: skip


def _edited(text, edits):
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    return text


def _attacked(folder, edits):
    (folder / "desk.yaml").write_text(DESK, encoding="utf-8")
    (folder / "tiny.yaml").write_text(_edited(TINY, edits), encoding="utf-8")


@pytest.mark.parametrize("attack", ATTACKS)
def test_work_beyond_the_limits_is_refused(attack, tmp_path, monkeypatch):
    """Exit code 2, one message, and no new file."""
    edits, arguments, expected = ATTACKS[attack]
    _attacked(tmp_path, edits)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["run", "tiny.yaml", *arguments])
    assert result.exit_code == 2
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) <= 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.yaml", "tiny.yaml"]


PROGRAM = """
import atexit, re
from simulations.cli import main
atexit.register(lambda: print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]))
main()
"""
"""Run the command, and print the most memory that this process has used, in kilobytes. What `wait4` returns includes the
process that starts it."""


@pytest.mark.parametrize("attack", ["backlog", "rate", "hazard", "interarrival", "replications", "only"])
def test_the_refusal_needs_little_memory(attack, tmp_path):
    """The whole process, from the start, stays below 1 GB and writes nothing."""
    edits, arguments, expected = ATTACKS[attack]
    _attacked(tmp_path, edits)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "run", "tiny.yaml", *arguments], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.yaml", "tiny.yaml"]
    assert 30_000 < int(done.stdout) < 1_000_000


def test_no_case_is_drawn_for_work_beyond_the_limits(tmp_path, monkeypatch):
    """Run, forecast and the others refuse before the first case is drawn."""
    write_tiny(tmp_path)
    scenario = load_scenario(str(tmp_path / "tiny.yaml"), ["arrivals.east.rate=1e12 per month"])
    monkeypatch.setattr("simulations.scenarios.plan.draw_cases", lambda *_: pytest.fail("cases were drawn"))
    for command in (lambda: run(scenario, out=tmp_path / "r"), lambda: forecast(scenario, "pending < 3")):
        with pytest.raises(InputError, match=r"arrivals\.east: .* the limit is 10,000,000 cases"):
            command()
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("name", catalog())
def test_every_built_in_scenario_is_far_below_the_limits(name):
    """The estimate refuses nothing that is meant to run."""
    scenario = load_scenario(name)
    assert not work_problems(scenario, replications=1000)
    assert 10 < estimate(scenario).n_cases < MOST_CASES / 10


@pytest.mark.parametrize(
    "stream",
    ["rate: 3 per day", "interarrival: 8 hours", "interarrival: {lognormal: {mean: 8 hours, cv: 1}}", "count: 90 per month"],
)
def test_the_estimate_agrees_with_the_cases_that_are_drawn(stream, tmp_path):
    """The number of cases is estimated within a fifth."""
    write_tiny(tmp_path)
    scenario = load_scenario(str(tmp_path / "tiny.yaml"), ["ends=2024-12-31", f"arrivals.east={{{stream}}}"])
    drawn = len(make_plan(scenario, SamplePath(1, 1)).cases)
    assert estimate(scenario).n_cases == pytest.approx(drawn, rel=0.2)


def test_the_option_raises_the_limits(tmp_path):
    """The message names the factor that is enough."""
    write_tiny(tmp_path)
    scenario = load_scenario(str(tmp_path / "tiny.yaml"), ["arrivals.east.rate=1000000 per day"])
    (problem,) = work_problems(scenario)
    assert problem == (
        "arrivals.east: 46,000,030 cases in each replication; the limit is 10,000,000 cases."
        " Check the number and its unit, or raise the limits with --limit 5 (limit=5)."
    )
    assert not RunOptions(limit=5).problems_in(scenario)
    assert RunOptions(limit=4).problems_in(scenario)


def test_one_replication_of_many_is_not_too_much(tmp_path):
    """With `only`, the other replications are not work."""
    write_tiny(tmp_path)
    scenario = load_scenario(str(tmp_path / "tiny.yaml"), ["arrivals.east.rate=30000 per day"])
    assert RunOptions(replications=1_000_000).problems_in(scenario)
    assert not RunOptions(replications=1_000_000).problems_in(scenario, 1)


def test_guards_over_too_many_combinations_are_refused(tmp_path):
    """Three record fields of 1,001 values in one guard would be a table of a billion entries."""
    fields = "".join(f"\n  {LARGE.replace('a:', f'{name}:')}" for name in "abc")
    text = _edited(
        DESK, {"{enum: [none, yes, no]}": "{enum: [none, yes, no]}" + fields, 'kind == "plain" or': "a + b + c > 1 or"}
    )
    write_tiny(tmp_path)
    (tmp_path / "desk.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="3,009,009,003 combinations; the limit is 20,000,000"):
        run(str(tmp_path / "tiny.yaml"), out=tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("limit", [{"seconds": float("inf")}, {"seconds": float("nan")}, {"most_nodes": 10**12}])
def test_a_proof_without_limits_is_refused(limit):
    """An infinite time limit, or a number of nodes that no computer holds, is no limit."""
    with pytest.raises(InputError, match=r"seconds: must be 86,400|nodes: must be 1,500,000"):
        prove(load_workflow("prosecutorial-discretion-review"), **limit)


def test_a_hundred_thousand_closed_dates_close_the_run(tmp_path):
    """A list of closures that covers the whole run leaves no working interval."""
    dates = ", ".join(str(dt.date(1900, 1, 1) + dt.timedelta(days=i)) for i in range(100_000))
    write_tiny(tmp_path)
    calendar = f"calendars: {{office: {{hours: {{mon-fri: '09:00-17:00'}}, closed: [{dates}]}}}}\nstarts:"
    (tmp_path / "tiny.yaml").write_text(_edited(TINY, {"starts:": calendar}), encoding="utf-8")
    assert len(load_scenario(str(tmp_path / "tiny.yaml")).calendars["office"].opens) == 0


def test_all_runs_of_a_study_count(tmp_path, monkeypatch):
    """A comparison and a sweep of two runs are refused if one run is just within the limit, also in Python."""
    tiny = write_tiny(tmp_path)
    monkeypatch.setattr("simulations.scenarios.workload.MOST_ALTOGETHER", 1.5 * estimate(load_scenario(tiny)).n_cases)
    assert not RunOptions().problems_in(load_scenario(tiny))
    with pytest.raises(InputError, match=r"replications: .* cases in all of them"):
        compare(tiny, tiny, replications=1, out=tmp_path / "c")
    with pytest.raises(InputError, match=r"replications: .* cases in all of them"):
        sweep(tiny, ["pools.clerks.size=1,2"], replications=1, out=tmp_path / "s")
    assert not list(tmp_path.glob("[cs]"))
