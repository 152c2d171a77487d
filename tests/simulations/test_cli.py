"""The command line as a user types it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations.cli import app
from simulations.running.progress import announcing
from simulations.running.recorded import read_result
from tests.simulations.desk import write_tiny

TINY = """\
scenario: tiny
workflow: desk.yaml
starts: 2024-01-01
ends: 2024-03-31
courts: {east: {backlog: {queue: 30}}, west: {backlog: {queue: 10}}}
pools: {desk: {at: court, size: 1}}
activities: {serve: {pool: desk, takes: {exponential: {mean: 1 day}}}}
published: [{measure: served, court: east, at: 2024-01-31, value: 30, source: a clerk}]
about: {notes: [Served means gone.]}
"""
DESK = """\
workflow: desk
activities: {serve: {}}
entry: {states: [queue]}
states: {queue: {activity: serve}, gone: {final: true}}
transitions: [{transition: finish, from: queue, to: gone}]
measures: [{measure: served, cases: finish}]
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small workflow and scenario, as the current one."""
    (tmp_path / "desk.yaml").write_text(DESK, encoding="utf-8")
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def _run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_version_prints_the_version_of_the_package() -> None:
    """The version in pyproject.toml, without a command."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert _run("--version") == (0, f"docketsim {project['version']}\n", "")


def test_a_run_prints_published_and_simulated_and_names_its_folder(tiny: Path) -> None:
    """The tables, the author's notes, and where the log is."""
    code, out, err = _run("run", "tiny.yaml", "--replications", "3", "--out", "here", "--all")
    assert (code, err) == (0, "")
    assert "Published and simulated" in out
    assert "served" in out
    assert "Note: Served means gone." in out
    assert "Log and results: here" in out
    assert {p.name for p in (tiny / "here").iterdir()} == {
        "manifest.json",
        "scenario.yaml",
        "workflow.yaml",
        "cases",
        "events",
        "measures",
    }


def test_json_has_the_documented_keys_and_nothing_else_is_printed(tiny: Path) -> None:
    """Scripts read it: the keys are a promise."""
    code, out, _ = _run("run", "tiny.yaml", "--replications", "3", "--seed", "5", "--out", "here", "--json", "--at", "2024-01-31")
    content = json.loads(out)
    assert code == 0
    assert list(content) == [
        "answer",
        "scenario",
        "run",
        "seed",
        "engine",
        "replications",
        "confidence",
        "measures",
        "published",
        "published_inside",
    ]
    (beside,) = content["published"]
    (served,) = [m for m in content["measures"] if (m["measure"], m["court"], m["at"]) == ("served", "east", "2024-01-31")]
    figure = {"measure": "served", "court": "east", "at": "2024-01-31", "published": 30, "source": "a clerk"}
    assert beside == {
        **figure,
        "mean": served["mean"],
        "difference": pytest.approx(served["mean"] / 30 - 1),
        "inside": beside["inside"],
    }
    assert beside["inside"] == (served["prediction_low"] <= 30 <= served["prediction_high"])
    assert content["published_inside"] == {"inside": int(beside["inside"]), "of": 1}
    assert (content["seed"], content["engine"], content["replications"], content["confidence"]) == (5, "simpy", 3, 0.95)
    keys = [
        "measure",
        "court",
        "by",
        "group",
        "at",
        "unit",
        "mean",
        "low",
        "high",
        "prediction_low",
        "prediction_high",
        "prediction_method",
        "date",
    ]
    assert all(list(m) == keys for m in content["measures"])
    assert {m["court"] for m in content["measures"]} == {"east", "west", "all"}
    assert {m["at"] for m in content["measures"]} == {None, "2024-01-31"}


def test_confidence_sets_the_level_of_all_intervals_and_of_the_report(tiny: Path, tmp_path: Path) -> None:
    """A lower level gives narrower intervals; the run folder keeps it, and the report names it."""
    arguments = ("run", "tiny.yaml", "--replications", "3", "--seed", "5", "--workers", "1", "--json")
    wide = json.loads(CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "95")]).stdout)
    result = CliRunner().invoke(app, [*arguments, "--confidence", "0.8", "--out", str(tmp_path / "80")])
    narrow = json.loads(result.stdout)
    assert (wide["confidence"], narrow["confidence"]) == (0.95, 0.8)
    a, b = (
        [m for m in one["measures"] if m["measure"] == "waiting_time.serve.mean" and m["at"] is None][-1]
        for one in (wide, narrow)
    )
    assert a["mean"] == b["mean"]
    assert a["high"] > b["high"]
    assert a["prediction_high"] > b["prediction_high"]
    assert read_result(tmp_path / "80").confidence == 0.8
    assert CliRunner().invoke(app, ["report", str(tmp_path / "80")]).exit_code == 0
    page = (tmp_path / "80" / "report.html").read_text(encoding="utf-8")
    assert "80% confidence interval" in page
    assert "80% prediction interval of one new replication. It is computed from Student&#39;s t, because order" in page


def test_a_confidence_in_percent_is_an_error_with_a_hint(tiny: Path) -> None:
    """The message has the number to give."""
    for command in (
        ("run", "tiny.yaml"),
        ("compare", "tiny.yaml", "tiny.yaml"),
        ("forecast", "tiny.yaml", "--when", "pending < 10"),
    ):
        result = CliRunner().invoke(app, [*command, "--confidence", "90", "--workers", "1"])
        assert result.exit_code == 2
        assert "confidence: must lie between 0 and 1, not 90.0. For 90 percent, give 0.9." in result.stderr


def test_quiet_prints_nothing(tiny: Path) -> None:
    """The folder is the result."""
    assert _run("run", "tiny.yaml", "--out", "here", "--quiet") == (0, "", "")


def test_a_folder_that_is_there_is_not_overwritten(tiny: Path) -> None:
    """Exit code 2, and what to do."""
    _run("run", "tiny.yaml", "--out", "here", "--quiet")
    code, _, err = _run("run", "tiny.yaml", "--out", "here", "--quiet")
    assert code == 2
    assert err == "here already exists. Give another folder, or resume its run with --resume (resume=True).\n"


def test_resume_creates_a_missing_folder_and_continues_an_interrupted_run(tiny: Path) -> None:
    """The same command can be repeated."""
    for _ in range(2):
        assert _run("run", "tiny.yaml", "--out", "here", "--quiet", "--resume")[0] == 0
    code, _, err = _run("run", "tiny.yaml", "--out", "here", "--quiet", "--resume", "--seed", "2")
    assert code == 2
    assert "the seed differs" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["run", "tinny.yaml"],
            "there is no scenario 'tinny.yaml': neither a built-in name nor a file. Did you mean 'tiny.yaml'?",
        ),
        (["run", "tiny.yaml", "--at", "2012-02-31"], "--at 2012-02-31"),
        (["run", "tiny.yaml", "--at", "2025-01-01"], "at: 2025-01-01 is not between starts, 2024-01-01, and ends, 2024-03-31"),
        (["run", "tiny.yaml", "--by", "cuort"], "by cuort: unknown name 'cuort'. Did you mean 'court'?"),
        (["run", "tiny.yaml", "--by", "arrived <"], "by arrived <: "),
        (["run", "tiny.yaml", "--only", "3", "--replications", "2"], "only: must be one of the replications, from 1 to 2, not 3"),
        (["run", "tiny.yaml", "--replications", "0"], "replications: must be 1 or more, not 0"),
        (
            ["run", "tiny.yaml", "--engine", "simpi"],
            "engine: must be auto, simpy or compiled, not 'simpi'. Did you mean 'simpy'?",
        ),
        (
            ["run", "tiny.yaml", "--set", "pools.desk=3"],
            "change pools.desk: is a mapping and cannot become 3; set one of its keys: at, size",
        ),
        (
            ["run", "tiny.yaml", "--set", "pools.dsk.size=3"],
            "there is no pools.dsk; the keys of pools are: desk. Did you mean 'desk'?",
        ),
        (["run", "tiny.yaml", "--resume"], "--resume needs --out"),
        (["draw", "desk.yml"], "there is no workflow 'desk.yml': neither a built-in name nor a file. Did you mean 'desk.yaml'?"),
        (["draw", "desk.yaml", "--out", "map.png"], "--out map.png: the file must end in .svg (a picture) or .mmd (Mermaid)"),
    ],
)
def test_a_mistake_is_reported_on_standard_error_and_nothing_is_written(tiny: Path, arguments: list[str], message: str) -> None:
    """Exit code 2, one sentence, no traceback, no folder."""
    before = sorted(p.name for p in tiny.iterdir())
    code, out, err = _run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert sorted(p.name for p in tiny.iterdir()) == before


def test_precision_adds_replications_until_the_interval_is_narrow(tiny: Path) -> None:
    """Ten at least, more where needed, and a warning where the maximum does not suffice."""
    code, out, _ = _run(
        "run", "tiny.yaml", "--precision", "waiting_time.serve.mean=20%", "--out", "a", "--json", "--workers", "1"
    )
    content = json.loads(out)
    waits = [m for m in content["measures"] if m["measure"] == "waiting_time.serve.mean" and m["at"] is None]
    assert code == 0
    assert content["replications"] >= 10
    assert all((m["high"] - m["low"]) / 2 <= 0.2 * m["mean"] for m in waits)
    code, _, err = _run(
        "run", "tiny.yaml", "--precision", "waiting_time.serve.mean=0.1%", "--max-replications", "12", "--out", "b", "--quiet"
    )
    assert code == 0
    assert "warning: the precision of waiting_time.serve.mean is not reached with 12 replications, the maximum" in err


def test_more_groups_than_anybody_reads_are_refused_before_the_run(tiny: Path) -> None:
    """Three hundred cases that came on almost as many days, grouped by the day; a condition over it makes two groups."""
    aged = "courts.east.backlog.queue={count: 300, age: {uniform: {min: 0 days, max: 3000 days}}}"
    code, _, err = _run("run", "tiny.yaml", "--set", aged, "--by", "arrived", "--out", "here")
    assert code == 2
    assert "by arrived: each of its 2" in err
    assert "the limit is 200 groups. A condition makes two groups" in err
    assert not (tiny / "here").exists()
    by = 'arrived < date("2020-01-01")'
    code, out, _ = _run("run", "tiny.yaml", "--set", aged, "--by", by, "--out", "here", "--json")
    assert code == 0
    assert {m["group"] for m in json.loads(out)["measures"] if m["by"]} == {"false", "true"}


def test_warm_up_reports_no_steady_state_while_a_backlog_is_worked_off(tiny: Path) -> None:
    """The diagnosis is in the table and in the JSON."""
    code, out, _ = _run("run", "tiny.yaml", "--warm-up", "--json", "--out", "a")
    assert code == 0
    assert [d["court"] for d in json.loads(out)["warm_up"]] == ["east", "west", "all"]


def test_a_run_too_short_to_settle_is_reported_before_it_starts(tiny: Path) -> None:
    """Thirty-one days are too few for a steady state. No folder is created."""
    code, _, err = _run("run", "tiny.yaml", "--warm-up", "--set", "ends=2024-01-31", "--set", "published=[]", "--out", "a")
    assert code == 2
    assert "--warm-up: a run of 31 days is too short to estimate its warm-up; at least 50 are needed" in err
    assert not (tiny / "a").exists()


def test_list_names_what_is_built_in() -> None:
    """With the path of each file, to copy it."""
    code, out, _ = _run("list", "--json")
    content = json.loads(out)
    assert code == 0
    assert "pilot" in [s["name"] for s in content["scenarios"]]
    assert "prosecutorial-discretion-review" in [w["name"] for w in content["workflows"]]
    assert all(Path(e["path"]).is_file() for kind in content.values() for e in kind)


RULES = """\
workflow: desk.yaml
rules:
  - {rule: nobody is ever served, never: finish}
  - {rule: a case is served once, at_most: 1, of: finish}
"""


def test_prove_and_audit_agree_on_a_rule_that_can_be_broken(tiny: Path) -> None:
    """Exit code 1 from both; the prover shows a history of one step, the audit the forty cases that were served."""
    (tiny / "my.rules.yaml").write_text(RULES, encoding="utf-8")
    code, out, _ = _run("prove", "desk.yaml", "--rules", "my.rules.yaml", "--json")
    proof = json.loads(out)
    assert code == 1
    assert [(r["verdict"], r["vacuous"]) for r in proof["rules"]] == [("broken", None), ("proved", None)]
    assert [s["transition"] for s in proof["rules"][0]["history"]["steps"]] == ["finish"]
    _run("run", "tiny.yaml", "--out", "here", "--quiet")
    audit = ("audit", "here", "--workflow", "desk.yaml", "--rules", "my.rules.yaml", "--out", "bad.csv")
    code, out, _ = _run(*audit, "--json")
    content = json.loads(out)
    assert code == 1
    assert (content["cases"], content["moves_not_allowed"]) == (40, 0)
    assert [r["violations"] for r in content["rules"]] == [len((tiny / "bad.csv").read_text().splitlines()) - 1, 0]


def test_a_rule_of_a_file_must_have_a_unique_name(tiny: Path) -> None:
    """The name of a rule of the workflow, or of another file, is refused."""
    (tiny / "desk.yaml").write_text(DESK + "rules: [{rule: a case is served once, at_most: 1, of: finish}]\n")
    (tiny / "my.rules.yaml").write_text(RULES, encoding="utf-8")
    code, out, err = _run("prove", "desk.yaml", "--rules", "my.rules.yaml", "--rules", "my.rules.yaml")
    assert (code, out) == (2, "")
    advice = "rename or remove this one"
    assert err.splitlines() == [
        f"my.rules.yaml:3:5: a rule 'nobody is ever served' already exists (my.rules.yaml:3:5): {advice}",
        f"my.rules.yaml:4:5: a rule 'a case is served once' already exists (desk.yaml:7:9): {advice}",
    ]


def test_an_audit_of_a_foreign_log_leaves_unjudged_what_the_log_does_not_tell(tiny: Path) -> None:
    """A CSV with other column names, and a move that the workflow does not have."""
    (tiny / "log.csv").write_text(
        "id,what,when\n1,finish,2024-01-01\n2,finish,2024-01-02\n2,finish,2024-01-03\n3,flee,2024-01-04\n"
    )
    names = ("--map", "case=id", "--map", "activity=what", "--map", "time=when")
    code, out, _ = _run("audit", "log.csv", "--workflow", "desk.yaml", *names, "--json")
    assert code == 1
    assert (json.loads(out)["cases"], json.loads(out)["moves_not_allowed"]) == (3, 2)
    code, _, err = _run("audit", "log.csv", "--workflow", "desk.yaml")
    assert code == 2
    assert "has no column for the case; give --map case=COLUMN; its columns: id, what, when" in err


def test_three_commands_lead_from_an_unknown_log_to_an_audited_rule(tiny: Path) -> None:
    """Each message names the next command, which works as it is printed."""
    (tiny / "my log.csv").write_text(
        "id;what;when\n1;Finished;13.01.2024\n2;Finished;02.01.2024\n2;Fled;03.01.2024\n", encoding="utf-16"
    )
    rules = "workflow: desk.yaml\nrules:\n  - {rule: a case is served once, at_most: 1, of: finish}\n"
    (tiny / "my.rules.yaml").write_text(rules, encoding="utf-8")
    code, _, err = _run("audit", "my log.csv", "--workflow", "desk.yaml", "--rules", "my.rules.yaml")
    assert code == 2
    command = err.splitlines()[-1].removeprefix("next: ").removesuffix(" writes a mapping to edit")
    assert (
        command
        == "docketsim audit 'my log.csv' --workflow desk.yaml --rules my.rules.yaml --propose-mapping 'my log.mapping.yaml'"
    )
    code, out, _ = _run(*shlex.split(command)[1:])
    assert code == 0
    assert out.splitlines()[0] == "my log.mapping.yaml: proposes a step of desk for 1 of 2 activities of the log"
    command = out.splitlines()[-1].partition(", then ")[2]
    code, out, _ = _run(*shlex.split(command)[1:])
    assert code == 1
    assert "  kept                 a case is served once" in out.splitlines()
    assert out.splitlines()[-1] == "next: in my log.mapping.yaml, put each of these names under names: or leave_out:"
    code, _, err = _run("audit", "my log.csv", "--workflow", "desk.yaml", "--propose-mapping", "my log.mapping.yaml")
    assert (code, "exists already" in err) == (2, True)


def test_diff_names_the_workflow_that_decides_and_needs_no_scenario(tiny: Path) -> None:
    """Two workflows with other facts than the pilot's are compared over every kind of case. Each decision names its workflow."""
    code, out, err = _run("diff", "desk.yaml", "desk.yaml")
    assert (code, out, err) == (
        0,
        "1 kind of cases: 0 could be decided otherwise by desk than by desk in some course of events; 1 is\n"
        "decided alike in every one\n",
        "",
    )
    code, out, _ = _run("diff", "prosecutorial-discretion-review", "no-discretion")
    assert "11,682 people of pilot: 3,861 could be decided otherwise by no-discretion than by prosecutorial" in " ".join(
        out.split()
    )
    assert "  decided by no-discretion, unlike prosecutorial-discretion-review:\n    incoming: file_charges" in out


def test_diff_counts_add_up(tiny: Path) -> None:
    """Those decided alike and the regions are all the people there are."""
    code, out, _ = _run(
        "diff", "prosecutorial-discretion-review", "strict-criteria", "--people", "pilot", "--replications", "0", "--json"
    )
    content = json.loads(out)
    assert code == 0
    assert content["simulated"] is content["not_simulated"] is None
    assert content["total"] == 11_682
    assert content["could_differ"] == sum(r["count"] for r in content["regions"])
    assert content["same"] + content["could_differ"] == content["total"]
    assert content["regions"]


def test_a_run_that_breaks_a_rule_stops_or_counts(tiny: Path) -> None:
    """With the rule in the workflow: `stop` names the case and its history; `count` continues."""
    (tiny / "desk.yaml").write_text(DESK + "rules: [{rule: nobody is ever served, never: finish}]\n", encoding="utf-8")
    code, _, err = _run("run", "tiny.yaml", "--monitor", "stop", "--out", "a", "--quiet")
    assert code == 1
    assert "breaks the rule 'nobody is ever served'" in err
    assert "finish: queue -> gone" in err
    code, out, _ = _run("run", "tiny.yaml", "--monitor", "count", "--out", "b", "--json")
    assert code == 1
    assert json.loads(out)["violations"][0]["cases"] > 10


def test_draw_gives_mermaid_or_a_picture(tiny: Path) -> None:
    """Mermaid on standard output, SVG into a file."""
    code, out, _ = _run("draw", "desk.yaml")
    assert code == 0
    assert out.startswith("stateDiagram-v2")
    assert _run("draw", "desk.yaml", "--out", "map.svg")[0] == 0
    assert (tiny / "map.svg").read_text(encoding="utf-8").lstrip().startswith("<svg")


@pytest.mark.parametrize(
    "command",
    [
        ("run", "tiny.yaml"),
        ("compare", "tiny.yaml", "tiny.yaml", "--replications", "2"),
        ("sweep", "tiny.yaml", "--set", "pools.desk.size=1,2", "--replications", "2"),
        ("staff", "tiny.yaml", "--pool", "desk", "--court", "east", "--pending-below", "31", "--at", "2024-01-02"),
        ("forecast", "tiny.yaml", "--when", "pending < 20", "--replications", "2"),
        ("sensitivity", "tiny.yaml", "--measure", "pending", "--set", "pools.desk.size=1:2", "--replications", "2"),
        ("validate",),
    ],
)
def test_the_compile_is_announced_before_the_first_replication(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """By every command that may begin with it."""

    class Begun(Exception):
        """The engine was made ready."""

    messages: list[str] = []

    @contextmanager
    def announce(message: str) -> Iterator[None]:
        messages.append(message)
        yield

    def compile_kernel(_: bool) -> None:
        raise Begun

    monkeypatch.setattr("simulations.engines.compiled_engine.is_compiled", lambda _: False)
    monkeypatch.setattr("simulations.engines.compiled_engine.compile_kernel", compile_kernel)
    monkeypatch.setattr("simulations.running.progress.announcing", lambda _: announcing(announce))  # in place of its own
    result = CliRunner().invoke(app, [*command, "--engine", "compiled"])
    assert isinstance(result.exception, Begun)
    assert messages == ["compiling the fast engine (once, about half a minute)"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("staff tiny.yaml --pool desks --court east --pending-below 31 --at 2024-01-02", "Did you mean 'desk'?"),
        ("staff tiny.yaml --pool desk --court east --goal 'pendin < 31' --at 2024-01-02", "Did you mean 'pending'?"),
        ("run tiny.yaml --measure pendin", "Did you mean 'pending'?"),
        ("compare tiny.yaml tiny.yaml --court eas", "Did you mean 'east'?"),
        ("sweep tiny.yaml --set pools.dek.size=1,2", "Did you mean 'desk'?"),
        ("forecast tiny.yaml --when 'pendin < 20'", "Did you mean 'pending'?"),
        ("sensitivity tiny.yaml --measure pendin --set pools.desk.size=1:2", "Did you mean 'pending'?"),
        ("calibrate tiny.yaml --until 2024-01-02", "has no uncertain input"),
        ("hindcast tiny.yaml --as-of 2024-01-02", "has no uncertain input"),
    ],
)
def test_a_mistake_is_reported_before_the_engine_is_compiled(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, command: str, message: str
) -> None:
    """Nobody waits a minute for a message about a name."""

    def compile_kernel(_: bool) -> None:
        pytest.fail("the engine is compiled")

    monkeypatch.setattr("simulations.engines.compiled_engine.is_compiled", lambda _: False)
    monkeypatch.setattr("simulations.engines.compiled_engine.compile_kernel", compile_kernel)
    code, _, stderr = _run(*shlex.split(command), "--engine", "compiled")
    assert (code, message in stderr) == (2, True), stderr


def command(before: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in its own process, after other Python code."""
    code = f"import atexit, sys, threading; {before}; from simulations.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)


def test_the_fast_exit_prints_everything_and_runs_the_exit_functions() -> None:
    """All output reaches a pipe, exit functions are called, and the exit code is that of the command."""
    ran = command("atexit.register(lambda: print('the end'))", "list")
    assert ran.returncode == 0
    assert ran.stdout.startswith("workflows:")
    assert ran.stdout.endswith("\nthe end\n")
    ran = command("atexit.register(lambda: print('the end'))", "run", "nowhere")
    assert (ran.returncode, ran.stdout) == (2, "the end\n")
    assert "there is no scenario 'nowhere'" in ran.stderr


def test_a_command_waits_for_its_other_threads() -> None:
    """A thread that starts its work only when the main thread has ended still finishes it."""
    ran = command("threading.Thread(target=lambda: (threading.main_thread().join(), print('done'))).start()", "list")
    assert (ran.returncode, ran.stdout.endswith("\ndone\n")) == (0, True)


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
@pytest.mark.parametrize(
    ("condition", "seconds", "code"),
    [("kind == 'odd' and kind == 'plain'", "25", 0), ("kind == 'odd'", "25", 1), ("kind == 'odd'", "0", 3)],
    ids=["proved", "broken", "undecided"],
)
def test_the_exit_code_of_prove_is_its_worst_verdict(
    tiny: Path, condition: str, seconds: str, code: int, quiet: list[str]
) -> None:
    """0 for proved, 1 for broken, 3 for undecided, whatever is printed."""
    pytest.importorskip("z3")
    write_tiny(tiny)
    rule = f"rules:\n  - {{rule: a rule, never: finish, if: {json.dumps(condition)}}}\n"
    (tiny / "my.rules.yaml").write_text(f"workflow: desk.yaml\n{rule}", encoding="utf-8")
    assert _run("prove", "desk.yaml", "--rules", "my.rules.yaml", "--seconds", seconds, *quiet)[0] == code


def test_prove_fails_where_a_case_can_be_stuck(tiny: Path) -> None:
    """A finding by which a case can be stuck has exit code 1, although no rule is broken."""
    pytest.importorskip("z3")
    write_tiny(tiny)
    text = (tiny / "desk.yaml").read_text(encoding="utf-8").replace('kind == "plain" or age < 99', 'kind == "plain"')
    (tiny / "desk.yaml").write_text(text, encoding="utf-8")
    code, out, _ = _run("prove", "desk.yaml")
    assert (code, "gap" in out) == (1, True)
