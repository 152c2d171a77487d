"""Every command ends with one of the exit codes that the reference lists, for the reason that it gives."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from docs import commands_page
from simulations.calibrating import posterior
from simulations.checks import validation
from simulations.cli import _ended, _run, app, ending
from tests.simulations.desk import DESK, write_tiny
from workflow.files import opening

FEW = "--replications 2 --workers 1 --measure pending --quiet"
RULES = "--rules broken.rules.yaml"
SUCCESS = {
    "run": f"run tiny.yaml --out x {FEW}",
    "validate": "validate --workers 1",
    "list": "list",
    "prove": "prove desk.yaml",
    "audit": "audit run --workflow desk.yaml",
    "diff": "diff desk.yaml desk.yaml",
    "draw": "draw desk.yaml",
    "compare": f"compare tiny.yaml tiny.yaml --set-other pools.clerks.size=1 --out x {FEW}",
    "sweep": f"sweep tiny.yaml --set pools.clerks.size=1,2 --out x {FEW}",
    "staff": "staff tiny.yaml --pool clerks --court east --goal 'pending < 99' --at 2024-01-08 --replications 10 --workers 1",
    "forecast": "forecast tiny.yaml --when 'pending < 100' --replications 2 --workers 1",
    "sensitivity": "sensitivity tiny.yaml --measure pending --set pools.clerks.size=1:2 --replications 2 --workers 1",
    "calibrate": "calibrate known.yaml --until 2024-01-05 --runs 40 --workers 1 --out x --quiet",
    "hindcast": "hindcast known.yaml --as-of 2024-01-05 --runs 40 --workers 1 --out x --quiet",
    "sql": "sql run 'select 1'",
    "report": "report run --stress x.md",
    "export": "export run --to csv --out x.csv",
    "verify": "verify run",
    "import": "import log untold.csv --out x",
    "synth": "synth eoir run --mapping names.mapping.yaml --out x",
    "discover": "discover log.csv --out x.yaml",
    "fit": "fit log.csv --workflow open.yaml --as-of 2024-01-06 --out x.yaml",
}
"""A command line of each command that ends with 0."""

SERVING = ("app", "cluster")
"""Commands that end when they are interrupted."""

LONG = ("check-fit",)
"""Commands whose success takes a longer log; see `test_checking_fits`."""

FAILED = {
    "run": f"run tiny.yaml --monitor stop --set workflow=broken.yaml --out x {FEW}",
    "validate": "validate --workers 1",
    "prove": f"prove desk.yaml {RULES}",
    "audit": f"audit run --workflow desk.yaml {RULES}",
    "draw": "draw desk.yaml --out folder.svg",
    "sweep": f"sweep tiny.yaml --set pools.clerks.size=1,2 --out x --chart folder.svg {FEW}",
    "sensitivity": "sensitivity tiny.yaml --measure pending --set pools.clerks.size=1:2 --replications 2 --chart folder.svg",
    "hindcast": "hindcast known.yaml --as-of 2024-01-05 --runs 40 --workers 1 --out x --chart folder.svg --quiet",
    "report": "report run --stress folder.svg",
    "export": "export run --to csv --out folder.svg",
    "verify": "verify damaged",
    "check-fit": "check-fit log.csv tiny.yaml --until 2024-01-08 --replications 99 --workers 1",
}
"""A command line of each command that can fail with 1: a broken rule, a failed check, or a failure of its own."""

MISTAKEN = {command: f"{command} nowhere" for command in (*SUCCESS, *SERVING, *LONG)} | {
    "import": "import eoir nowhere --out x", "synth": "synth eoir nowhere --out x", "discover": "discover nowhere --out x.yaml",
    "fit": "fit nowhere --workflow desk.yaml --as-of 2024-01-05 --out x.yaml",
    "check-fit": "check-fit nowhere tiny.yaml --until 2024-01-08",
    "validate": "validate --engine nowhere", "audit": "audit nowhere --workflow desk.yaml", "diff": "diff nowhere desk.yaml",
    "compare": "compare nowhere tiny.yaml", "sql": "sql nowhere 'select 1'", "export": "export nowhere --to csv --out x.csv",
    "sweep": "sweep nowhere --set pools.clerks.size=1,2", "staff": "staff nowhere --pool clerks --pending-below 3 --at 2024-01-08",
    "forecast": "forecast nowhere --when 'pending < 3'", "sensitivity": "sensitivity nowhere --measure pending",
    "calibrate": "calibrate nowhere --until 2024-01-05", "hindcast": "hindcast nowhere --as-of 2024-01-05",
}  # fmt: skip
UNDECIDED = {
    "prove": "prove desk.yaml --rules hard.rules.yaml --seconds 0",
    "audit": "audit untold.csv --workflow desk.yaml --rules untold.rules.yaml",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands read."""
    folder = tmp_path_factory.mktemp("desk")
    tiny = write_tiny(folder)
    tiny.write_text(tiny.read_text(encoding="utf-8").replace("2024-02-15", "2024-01-08"), encoding="utf-8")
    rules = "[{rule: nothing is stored, never: store}]"
    (folder / "broken.rules.yaml").write_text(f"workflow: desk.yaml\nrules: {rules}\n", encoding="utf-8")
    (folder / "broken.yaml").write_text(f"workflow: broken\nextends: desk.yaml\nrules: {rules}\n", encoding="utf-8")
    old = "[{rule: no old case is finished, never: finish, if: age > 50}]"
    (folder / "untold.rules.yaml").write_text(f"workflow: desk.yaml\nrules: {old}\n", encoding="utf-8")
    (folder / "untold.csv").write_text("case,activity,time\n1,finish,2024-01-03 10:00\n", encoding="utf-8")
    hard = "[{rule: no old case is resumed, never: resume, if: age > 89}]"
    (folder / "hard.rules.yaml").write_text(f"workflow: desk.yaml\nrules: {hard}\n", encoding="utf-8")
    figures = ", ".join(f"{{measure: inflow, at: 2024-01-0{day}, value: {2 * day}}}" for day in (4, 8))
    uncertain = "[{scale: arrivals.east.rate, by: {uniform: {min: 0.5, max: 1.5}}}]"
    known = f"scenario: known\nextends: tiny.yaml\nuncertain: {uncertain}\npublished: [{figures}]\n"
    (folder / "known.yaml").write_text(known, encoding="utf-8")
    names = "{finish: grant_relief, store: close_administratively, resume: recalendar}"
    (folder / "names.mapping.yaml").write_text(f"mapping: desk\nnames: {names}\n", encoding="utf-8")
    opened = DESK.replace("workflow: desk", "workflow: open").replace("states: [queue]", "states: [queue, shelf]")
    (folder / "open.yaml").write_text(opened, encoding="utf-8")
    (folder / "folder.svg").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert _code(f"run tiny.yaml --out run {FEW}", patch) == 0
        assert _code("export run --to csv --out log.csv", patch) == 0
    damaged = Path(shutil.copytree(folder / "run", folder / "damaged"))
    (damaged / "cases" / "replication=1.parquet").write_bytes(b"")
    return folder


def _code(line: str, patch: pytest.MonkeyPatch) -> int:
    """Run a command line in the current folder, and return its exit code."""
    patch.setattr("sys.argv", ["docketsim", *shlex.split(line)])
    shutil.rmtree("x", ignore_errors=True)
    for left in Path().glob("x.*yaml"):
        left.unlink()
    commands = app.registered_commands
    try:
        return _ended(_run)
    finally:
        app.registered_commands = commands  # of which a command keeps its own alone


def _outcomes(ok: bool) -> Any:
    return lambda *_, **__: [SimpleNamespace(ok=ok, name="a check", json=dict)]


def _expect(code: int, line: str, desk: Path, patch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> str:
    patch.chdir(desk)
    patch.setattr(posterior, "_STEPS", 60)
    patch.setattr(posterior, "_BURN", 20)
    if line.startswith("validate --workers"):
        patch.setattr(validation, "validate", _outcomes(code == 0))
        line += " --quiet"
    found = _code(line, patch)
    out, err = capfd.readouterr()
    assert found == code, (line, out, err)
    assert "Traceback" not in err
    return err


def test_every_command_is_here() -> None:
    """A new command needs a line in each table."""
    names = {command.name for command in app.registered_commands}
    assert {*SUCCESS, *SERVING, *LONG} == MISTAKEN.keys() == names


@pytest.mark.parametrize("command", SUCCESS)
def test_success_is_0(desk: Path, command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing was wrong."""
    _expect(0, SUCCESS[command], desk, monkeypatch, capfd)


@pytest.mark.parametrize("command", FAILED)
def test_a_failure_is_1(desk: Path, command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """A broken rule, a failed check, or a file that cannot be written."""
    _expect(1, FAILED[command], desk, monkeypatch, capfd)


@pytest.mark.parametrize("command", MISTAKEN)
def test_a_mistake_in_the_input_is_2(
    desk: Path, command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The message names what was given."""
    assert "nowhere" in _expect(2, MISTAKEN[command], desk, monkeypatch, capfd)


@pytest.mark.parametrize("command", UNDECIDED)
def test_undecided_is_3(desk: Path, command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Of `prove` and `audit` only."""
    _expect(3, UNDECIDED[command], desk, monkeypatch, capfd)


def _fault(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError("a fault")


def _interruption(*_: Any, **__: Any) -> None:
    ending._interrupt(signal.SIGINT, None)


@pytest.mark.parametrize(("code", "fail"), [(70, _fault), (130, _interruption)])
def test_a_fault_is_70_and_an_interruption_130(
    desk: Path, tmp_path: Path, code: int, fail: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In every command, with one line: where it opens its first file."""
    monkeypatch.chdir(desk)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(opening, "_check", fail)
    monkeypatch.setattr(validation, "validate", fail)
    for command, line in SUCCESS.items():
        monkeypatch.setattr(ending, "_received", [])
        found = _code(line, monkeypatch)
        err = capfd.readouterr().err
        assert found == code, (command, err)
        assert len(err.splitlines()) == 1, (command, err)
    assert len(list(tmp_path.glob("docketsim-fault-*"))) == (len(SUCCESS) if code == 70 else 0)


def test_the_reference_lists_the_exit_codes() -> None:
    """No other code is possible, but those of signals."""
    codes = re.findall(r"^\| ([\d, ]+) \|", commands_page.HEAD, re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "70", "130, 143, 129"]
