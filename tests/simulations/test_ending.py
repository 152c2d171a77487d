"""However a command ends, it says so in one line: output that fails, folders that disappear, faults of the program."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from simulations import compare, load_scenario, run, sweep
from simulations.run_folder.folders import write_record
from simulations.run_folder.parts import Span
from simulations.run_folder.whole_files import WriteFailed, write_text
from tests import command_server
from tests.simulations.desk import write_tiny
from workflow.errors import DocketsimError

ROOT = Path(__file__).parents[2]


def _shell(line: str, folder: Path) -> tuple[int, str]:
    """Run a line of the shell, in which `docketsim` is the command. Return its exit code and standard error."""
    path = f"{command_server.start()}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small scenario and a finished run of it."""
    folder = tmp_path_factory.mktemp("desk")
    run(write_tiny(folder), replications=2, seed=3, out=folder / "finished")
    return folder


PRINTING = [
    "list", "list --json", "prove desk.yaml", "draw desk.yaml", "verify finished", "--version", "run --help",
    "sql finished 'select * from events' --csv", "sql finished 'select * from events' --json", "sql finished 'select 1'",
    "audit finished --workflow desk.yaml",
]  # fmt: skip


@pytest.mark.parametrize("command", PRINTING)
def test_a_full_device_is_one_line(desk: Path, command: str) -> None:
    """The exit code is 1, and no message appears twice."""
    wanted = (1, "standard output: could not be written: No space left on device\n")
    assert _shell(f"docketsim {command} > /dev/full", desk) == wanted


@pytest.mark.parametrize("command", [["list"], ["sql", "finished", "select * from events", "--csv"], ["verify", "finished"]])
def test_output_that_nobody_reads_is_one_line(desk: Path, command: list[str]) -> None:
    """A reader such as head had enough."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [command_server.start() / "docketsim", *command], cwd=desk, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "standard output: closed before everything was written\n")


def test_output_that_was_closed_before_the_command_is_one_line() -> None:
    """No file of the command takes its place."""
    done = subprocess.run(
        ["bash", "-c", f"exec {sys.executable} -m simulations.cli list >&-"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (1, "standard output: closed before everything was written\n")


def test_standard_error_that_cannot_be_written_changes_no_exit_code(desk: Path) -> None:
    """Nobody can be told; the exit code of the command itself stays."""
    assert _shell("docketsim run nowhere 2> /dev/full", desk) == (2, "")
    assert _shell("docketsim list > /dev/full 2> /dev/full", desk) == (1, "")


def test_a_character_that_the_terminal_cannot_show_is_escaped(desk: Path) -> None:
    """In ASCII, too, a table is printed."""
    done = _python(
        "from simulations.cli import main; main()",
        "sql",
        str(desk / "finished"),
        "select 'café' as name",
        PYTHONIOENCODING="ascii",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "caf\\xe9" in done.stdout


def test_output_that_fails_costs_a_run_only_its_table(desk: Path, tmp_path: Path) -> None:
    """The run folder is complete."""
    out = tmp_path / "run"
    code, err = _shell(f"docketsim run tiny.yaml --seed 3 --replications 2 --out {out} > /dev/full", desk)
    assert (code, err) == (1, "standard output: could not be written: No space left on device\n")
    assert (out / "manifest.json").read_bytes() == (desk / "finished" / "manifest.json").read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_that_is_deleted_during_a_run_is_one_line(desk: Path, tmp_path: Path, workers: int) -> None:
    """It is not created again with a part of the results."""
    folder = tmp_path / "run"
    with pytest.raises(WriteFailed, match=r"could not be written: |deleted from outside") as caught:
        run(desk / "tiny.yaml", replications=9, workers=workers, out=folder, progress=_deleting(folder, 2))
    assert "\n" not in str(caught.value)
    assert not folder.exists()


def _deleting(folder: Path, after: int) -> Callable[[int, int], None]:
    """Delete a folder after so many replications. It is renamed first, so its workers see it disappear at once."""

    def delete(done: int, _: int) -> None:
        if done == after:
            shutil.rmtree(folder.rename(folder.with_name("deleted")), ignore_errors=True)

    return delete


@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_folder_that_is_deleted_during_several_runs_is_one_line(desk: Path, tmp_path: Path, after: int) -> None:
    """Within a run, between two of them and after the last, a comparison and a sweep do not create their folder again."""
    folder = tmp_path / "runs"
    keywords = {"replications": 2, "workers": 1, "out": folder, "progress": _deleting(folder, after)}
    calls = [
        partial(compare, desk / "tiny.yaml", other_changes=["pools.clerks.size=2"], **keywords),
        partial(sweep, desk / "tiny.yaml", ["pools.clerks.size=1,2"], **keywords),
    ]
    for call in calls:
        with pytest.raises(DocketsimError) as caught:
            call()
        assert "\n" not in str(caught.value)
        assert not folder.exists()


def test_a_part_that_is_deleted_before_its_record_is_written_is_one_line(tmp_path: Path) -> None:
    """A record lists every part."""
    with pytest.raises(WriteFailed, match=r"cases/replication=1\.parquet: deleted from outside during the run\. Resume"):
        write_record(tmp_path, Span(1, 1), ["cases"], {1: []}, {1: {}})


def test_a_record_that_is_deleted_during_a_run_is_one_line(desk: Path, tmp_path: Path) -> None:
    """A manifest without it would pass for a finished run."""
    folder = tmp_path / "run"

    def delete(done: int, _: int) -> None:
        if done == 2:
            (folder / "measures" / "replication=1.json").unlink()

    with pytest.raises(WriteFailed, match=r"the records of replications 1: deleted from outside during the run\. Resume"):
        run(load_scenario(desk / "tiny.yaml"), replications=3, out=folder, progress=delete)
    run(load_scenario(desk / "tiny.yaml"), replications=3, out=folder, resume=True)


LOOPS = [
    "run loop", "run loop/x.yaml", "run tiny.yaml --out loop", "run tiny.yaml --out loop/x", "run tiny.yaml --out loop --resume",
    "prove loop", "prove desk.yaml --rules loop", "draw desk.yaml --out loop/x.svg",
    "audit loop --workflow desk.yaml", "audit loop.csv --workflow desk.yaml", "audit finished --workflow loop",
    "audit finished --workflow desk.yaml --out loop/x.csv", "sql loop 'select 1'", "report loop", "report finished --out loop/x.html",
    "report finished --stress loop/x.md", "export finished --to csv --out loop/x.csv",
    "verify loop", "verify finished --rerun 1 --scenario loop", "diff desk.yaml loop", "compare tiny.yaml loop",
    "sweep tiny.yaml --set pools.clerks.size=1,2 --out loop", "audit finished --workflow desk.yaml --mapping loop",
]  # fmt: skip


@pytest.mark.parametrize("command", LOOPS)
def test_a_path_that_leads_nowhere_is_refused(desk: Path, command: str) -> None:
    """A link to itself, and a name that is too long, for every file and folder that a command takes."""
    for link in ("loop", "loop.csv"):
        if not (desk / link).is_symlink():
            (desk / link).symlink_to(link)
    for name in ("loop", "x" * 300):
        code, err = _shell(f"docketsim {command.replace('loop', name)}", desk)
        assert code in (1, 2)
        assert 1 <= err.count("\n") <= 2
        assert "fault" not in err
        assert "warning" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_an_interrupted_command_without_a_folder_says_to_run_it_again(desk: Path, number: int) -> None:
    """The exit code is 128 and the number of the signal."""
    program = (
        "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"
        "from simulations.checks import validation; from simulations.cli import main\n"
        f"validation.validate = lambda *_, **__: os.kill(os.getpid(), {number})\nmain()"
    )
    done = _python(program, "validate")
    assert (done.returncode, done.stderr) == (128 + number, "Interrupted. Run the command again.\n")


def test_nohup_protects_a_command_from_the_end_of_its_terminal(desk: Path) -> None:
    """A signal that the parent ignores stays ignored."""
    program = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); import simulations.loading as loading\n"
        "from simulations.cli import main; old = loading.catalog\n"
        "loading.catalog = lambda: os.kill(os.getpid(), signal.SIGHUP) or old()\nmain()"
    )
    assert _python(program, "list").returncode == 0


def test_an_interruption_that_a_library_turns_into_an_error_is_an_interruption() -> None:
    """DuckDB raises a RuntimeError of its own."""
    program = (
        "import os, signal; import simulations.loading as loading; from simulations.cli import main\n"
        "def catalog():\n    try:\n        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    except BaseException:\n        raise RuntimeError('Query interrupted') from None\n"
        "loading.catalog = catalog\nmain()"
    )
    done = _python(program, "list")
    assert (done.returncode, done.stderr) == (143, "Interrupted. Run the command again.\n")


def test_an_unforeseen_error_is_one_line_with_a_file_to_send(tmp_path: Path) -> None:
    """The file has the traceback, the arguments and the versions."""
    program = "import simulations.loading as loading; from simulations.cli import main; loading.catalog = lambda: 1 / 0; main()"
    done = _python(program, "list", "--json", TMPDIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (70, "")
    begin = r"docketsim failed, and this is its fault, not yours: ZeroDivisionError: division by zero\. Please send "
    found = re.fullmatch(begin + r"(\S+docketsim-fault-\S+\.txt); it has .*SECURITY\.md\.\n", done.stderr)
    assert found, done.stderr
    text = Path(found[1]).read_text(encoding="utf-8")
    for part in ("--json\n", "Python 3.", "duckdb ", "Traceback", "ZeroDivisionError: division by zero"):
        assert part in text


def test_an_unforeseen_error_without_a_place_for_the_file_is_one_line(tmp_path: Path) -> None:
    """The disk is full."""
    program = (
        "import resource; import simulations.loading as loading; from simulations.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)); loading.catalog = lambda: 1 / 0; main()"
    )
    done = _python(program, "list", TMPDIR=str(tmp_path))
    assert (done.returncode, done.stderr.count("\n")) == (70, 1)
    assert "ZeroDivisionError" in done.stderr


def test_workers_are_started_while_signals_to_end_are_held_back() -> None:
    """A Ctrl-C while a worker starts would print its traceback; it is delivered to the command alone."""
    program = (
        "import importlib, signal; from joblib import delayed\n"
        "popen = importlib.import_module('joblib.externals.loky.backend.fork_exec')\n"
        "from simulations.running.shared import in_processes\n"
        "start, held = popen.fork_exec, []\n"
        "def started(*arguments, **named):\n"
        "    held.append(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
        "    return start(*arguments, **named)\n"
        "popen.fork_exec = started\n"
        "print(list(in_processes((delayed(abs)(-k) for k in range(4)), 2)), held)\n"
    )
    assert _python(program).stdout == "[0, 1, 2, 3] [True, True]\n"


def test_what_a_killed_process_was_writing_is_removed_by_the_next(tmp_path: Path) -> None:
    """The unfinished file of a process that is running stays, as do files of other names."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    kept = {f".log.xes.{os.getppid()}.tmp", ".log.xes.x.tmp", ".other.1.tmp"}
    for name in (f".log.xes.{ended.pid}.tmp", *kept):
        (tmp_path / name).write_text("half", encoding="utf-8")
    write_text(tmp_path / "log.xes", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"log.xes", *kept}


def _python(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
