"""Every command reads and writes the file that it is given, whatever its name is."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from simulations.cli import app
from simulations.loading import load_scenario
from tests.simulations.desk import write_tiny
from workflow.sql.quoting import literal_path, text

STRANGE = 'r[1]*?{a,b} it\'s "é–中"\n~\\[x'
"""A name that has every character that some program reads as a pattern, a quote, a separator or an escape."""

SHORT = ("--set", "ends=2024-01-10", "--workers", "1", "--quiet")


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert (result.exit_code, result.stderr) == (0, ""), (arguments, result.output, result.exception)
    return result.stdout


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the strange name with a run, beside decoys that the name matches as a pattern."""
    here = tmp_path_factory.mktemp("names")
    write_tiny(here)
    folder = here / STRANGE
    folder.mkdir()
    _run("run", here / "tiny.yaml", "--out", folder / STRANGE, "--replications", "2", "--seed", "5", *SHORT)
    decoy = here / 'r1xy{a,b} it\'s "é–中"\n~[x'
    _run("run", here / "tiny.yaml", "--out", decoy / STRANGE, "--seed", "7", *SHORT)
    for kind in ("workflow", "scenario"):
        shutil.copy(folder / STRANGE / f"{kind}.yaml", folder / f"{STRANGE}.{kind}.yaml")
    return folder


def test_a_run_writes_to_its_folder_and_resumes_there(strange: Path) -> None:
    """All parts are under the strange name; nothing else is."""
    run = strange / STRANGE
    names = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    parts = {f"{kind}/replication={k}.parquet" for kind in ("cases", "events", "measures") for k in (1, 2)}
    assert names == {"manifest.json", "scenario.yaml", "workflow.yaml", *parts}
    before = {name: (run / name).read_bytes() for name in names}
    _run("run", strange.parent / "tiny.yaml", "--out", run, "--replications", "2", "--seed", "5", "--resume", *SHORT)
    assert {name: (run / name).read_bytes() for name in names} == before


def test_sql_reads_the_run_and_not_its_neighbour(strange: Path) -> None:
    """The neighbour has one replication, the run has two."""
    query = "select count(distinct replication) from events"
    assert json.loads(_run("sql", strange / STRANGE, query, "--json"))["rows"] == [[2]]
    assert "seed" not in _run("sql", strange / STRANGE, "describe events")


def test_verify_reruns_it(strange: Path) -> None:
    """Its parts are unchanged, and a rerun gives the same bytes."""
    assert json.loads(_run("verify", strange / STRANGE, "--rerun", "1", "--json"))["verdict"] == "ok"


@pytest.mark.parametrize(("to", "suffix"), [("csv", ".csv"), ("xes", ".xes"), ("ocel", ".json"), ("vidigi", ".csv")])
def test_export_writes_a_file_that_audit_reads(strange: Path, to: str, suffix: str) -> None:
    """A log in a file of the strange name is the same log."""
    out = strange / f"{STRANGE}{suffix}"
    _run("export", strange / STRANGE, "--to", to, "--out", out, "--quiet")
    assert out.is_file()
    if to in ("csv", "xes"):
        audited = json.loads(_run("audit", out, "--workflow", strange / f"{STRANGE}.workflow.yaml", "--json"))
        of_run = json.loads(_run("audit", strange / STRANGE, "--workflow", strange.parent / "desk.yaml", "--json"))
        assert audited["events"] == of_run["events"] > 100


def test_audit_reads_a_parquet_file(strange: Path) -> None:
    """A part of a run is a log too."""
    log = strange / f"{STRANGE}.parquet"
    shutil.copy(strange / STRANGE / "events" / "replication=1.parquet", log)
    result = CliRunner().invoke(app, ["audit", str(log), "--workflow", str(strange.parent / "desk.yaml"), "--json"])
    query = "select count(*) from events where replication = 1"
    assert [[json.loads(result.stdout)["events"]]] == json.loads(_run("sql", strange / STRANGE, query, "--json"))["rows"]


def test_audit_and_draw_write_files(strange: Path) -> None:
    """The offending cases and the picture are written under the strange name."""
    workflow = strange / f"{STRANGE}.workflow.yaml"
    _run("audit", strange / STRANGE, "--workflow", workflow, "--out", strange / f"{STRANGE}.offending.csv", "--quiet")
    assert (strange / f"{STRANGE}.offending.csv").is_file()
    result = CliRunner().invoke(app, ["draw", str(workflow), "--out", str(strange / f"{STRANGE}.svg")])
    assert result.exit_code == 0
    assert (strange / f"{STRANGE}.svg").is_file()


def test_prove_and_diff_read_the_workflow(strange: Path) -> None:
    """The workflow of the strange name is the one that was run."""
    workflow = strange / f"{STRANGE}.workflow.yaml"
    _run("prove", workflow)
    assert json.loads(_run("diff", workflow, strange.parent / "desk.yaml", "--json"))["regions"] == []


def test_report_draws_the_run(strange: Path) -> None:
    """The page, its figures and the STRESS sections are written under the strange name."""
    page, figures, stress = (strange / f"{STRANGE}{suffix}" for suffix in (".html", ".figures", ".md"))
    _run("report", strange / STRANGE, "--out", page, "--figures", figures, "--stress", stress, "--measure", "pending", "--quiet")
    assert page.is_file()
    assert stress.is_file()
    assert sorted(path.name for path in figures.glob("*.svg")) == ["pending.svg", "replications.svg"]


def test_compare_and_sweep_write_their_folders(strange: Path) -> None:
    """Comparisons read the case tables of both runs."""
    tiny = strange.parent / "tiny.yaml"
    few = ("--replications", "2", "--measure", "pending", *SHORT)
    _run("compare", tiny, tiny, "--set-other", "pools.clerks.size=3", "--out", strange / f"c{STRANGE}", *few)
    _run("sweep", tiny, "--set", "pools.clerks.size=1,2", "--out", strange / f"s{STRANGE}", *few)
    _run("report", strange / f"c{STRANGE}", "--quiet")
    _run("report", strange / f"s{STRANGE}", "--quiet")
    assert (strange / f"c{STRANGE}" / "report.html").is_file()
    assert (strange / f"s{STRANGE}" / "report.html").is_file()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_scenario_reads_its_table(strange: Path, suffix: str) -> None:
    """Arrivals come from the table of the strange name."""
    rows = [("2024-01-02", "east", 30), ("2024-01-03", "west", 40)]
    table = strange / f"{STRANGE}{suffix}"
    if suffix == ".csv":
        table.write_text("arrived,court,age\n" + "".join(f"{a},{c},{n}\n" for a, c, n in rows), encoding="utf-8")
    else:
        with duckdb.connect() as connection:
            values = ", ".join(f"(date '{a}', '{c}', {n})" for a, c, n in rows)
            plain = strange / "plain"
            connection.execute(
                f"copy (from (values {values}) t(arrived, court, age)) to {text(literal_path(plain))} (format parquet)"
            )
        plain.rename(table)
    tiny = (strange.parent / "tiny.yaml").read_text(encoding="utf-8")
    arrivals = f"arrivals: {{letters: {{table: {json.dumps(table.name)}}}}}"
    scenario = strange / f"tables{STRANGE}.yaml"
    scenario.write_text(
        tiny.replace("workflow: desk.yaml", "workflow: ../desk.yaml")
        .replace("arrivals: {east: {rate: 3 per day}}", arrivals)
        .replace(
            "people: {kind: {plain: 0.7, odd: rest}, age: {uniform: {min: 18, max: 80}}}",
            "people: {kind: {plain: 0.7, odd: rest}}",
        ),
        encoding="utf-8",
    )
    loaded = load_scenario(scenario)
    assert {stream.table.values["age"] for stream in loaded.streams} == {(30, 40)}


@pytest.fixture(scope="module")
def scenario(strange: Path) -> Path:
    """A scenario and its workflow under the strange name."""
    shutil.copy(strange.parent / "desk.yaml", strange / f"w{STRANGE}.yaml")
    path = strange / f"s{STRANGE}.yaml"
    text = (strange.parent / "tiny.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("workflow: desk.yaml", f"workflow: {json.dumps(f'w{STRANGE}.yaml')}"), encoding="utf-8")
    return path


def test_staff_and_forecast_read_the_scenario(scenario: Path) -> None:
    """Both simulate in memory."""
    goal = ("--pool", "clerks", "--court", "east", "--goal", "pending < 40", "--at", "2024-01-10", "--replications", "10")
    assert json.loads(_run("staff", scenario, *goal, *SHORT[:-1], "--json"))["size"] >= 1
    forecast = _run("forecast", scenario, "--when", "pending < 100", "--replications", "2", *SHORT[:-1], "--json")
    assert json.loads(forecast)["replications"] == 2


def test_prove_reads_rules(strange: Path) -> None:
    """The rules of the strange name are proved too."""
    rules = strange / f"{STRANGE}.rules.yaml"
    workflow = json.dumps(f"{STRANGE}.workflow.yaml")
    rules.write_text(f"workflow: {workflow}\nrules: [{{rule: never twice, at_most: 1, of: finish}}]\n", encoding="utf-8")
    proved = json.loads(_run("prove", strange / f"{STRANGE}.workflow.yaml", "--rules", rules, "--json"))
    assert [rule["rule"] for rule in proved["rules"]] == ["never twice"]


def test_sweep_writes_a_chart(scenario: Path) -> None:
    """In another place than its folder."""
    chart = scenario.parent / f"{STRANGE}.svg"
    few = ("--replications", "2", "--measure", "pending", "--out", scenario.parent / f"chart{STRANGE}", *SHORT)
    _run("sweep", scenario, "--set", "pools.clerks.size=1,2", "--chart", chart, *few)
    assert chart.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("name", ["-r", "é" * 120, " "])
def test_a_name_may_begin_with_a_dash_be_long_or_blank(strange: Path, tmp_path: Path, name: str) -> None:
    """Names as long as a file system allows leave room for the temporary name of a file that is being written."""
    run = tmp_path / name
    shutil.copytree(strange / STRANGE, run)
    workflow = tmp_path / f"{name}.yaml"
    shutil.copy(strange.parent / "desk.yaml", workflow)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert CliRunner().invoke(app, ["draw", f"--out={name}.svg", "--", workflow.name]).exit_code == 0
        _run("export", "--to", "xes", f"--out={name}.xes", "--quiet", "--", name)
        _run("audit", f"--workflow={workflow.name}", f"--out={name}.csv", "--quiet", "--", f"{name}.xes")
        _run("report", f"--stress={name}.md", "--quiet", "--", name)
        assert json.loads(_run("sql", "--json", "--", name, "select count(distinct replication) from cases"))["rows"] == [[2]]
    assert {path.name for path in tmp_path.iterdir()} == {name, *(f"{name}{s}" for s in (".yaml", ".svg", ".xes", ".csv", ".md"))}


@pytest.fixture(scope="module")
def log(strange: Path) -> Path:
    """The log of the run."""
    path = strange / "log.csv"
    _run("export", strange / STRANGE, "--to", "csv", "--out", path)
    return path


@pytest.mark.parametrize("out", ["", ".", "/", ".."])
@pytest.mark.parametrize(
    "command",
    [
        "export {run} --to csv", "report {run}", "draw {run}/workflow.yaml", "audit {log} --workflow {run}/workflow.yaml", "discover {log}", "import log {log}",
        "fit {log} --workflow {run}/workflow.yaml --as-of 2024-01-05", "synth eoir {run}", "run {run}/scenario.yaml",
    ],
)  # fmt: skip
def test_what_is_no_name_of_a_new_file_is_refused(
    strange: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, out: str
) -> None:
    """The empty text is this folder, as a path; the root has no name either."""
    monkeypatch.chdir(tmp_path)
    folder = shutil.copytree(strange / STRANGE, tmp_path / "run")
    words = shlex.split(command.format(run=folder, log=shutil.copy(log, tmp_path)))
    before = sorted(tmp_path.rglob("*"))
    result = CliRunner().invoke(app, [*words, "--out", out])
    assert isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code in (1, 2), bool(result.stderr)) == (True, True), result.output
    assert sorted(tmp_path.rglob("*")) == before
