"""Nothing is lost, and nothing wrong is taken for a result: killed processes, damaged parts, two at once, a full disk."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from joblib.externals.loky import reusable_executor
from typer.testing import CliRunner

from simulations import load_scenario, run, verify
from simulations.cli import app
from simulations.measuring.selection import EVERYTHING
from simulations.run_folder.folders import RunFolderExists, RunFolderInUse, open_folder
from simulations.run_folder.manifest import make_manifest
from simulations.run_folder.whole_files import WriteFailed, write_text
from simulations.running import jobs
from simulations.running.jobs import WorkerLost
from tests.simulations.desk import write_tiny

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def six(tiny: Path) -> Path:
    """The folder of six replications, never changed."""
    return run(tiny, replications=6, seed=3, out=tiny.parent / "six").folder


def _files(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, hidden ones included."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


PROGRAM = """
import os, signal
from contextlib import contextmanager
from simulations.cli import main, running

@contextmanager
def progress_bar(silent):
    yield progress

def progress(done, todo):
    if done == {after}:
        {then}

running.progress_bar = progress_bar
signal.alarm(600)  # ends a process that hangs
signal.signal(signal.SIGINT, signal.default_int_handler)  # a process started in the background ignores it
main()
"""
"""Run a command, and do something after some replications."""

HOLD = "print('held', flush=True); signal.pause()"
KILL = "os.killpg(0, signal.SIGKILL)"


def _start(*arguments: str, after: int = -1, then: str = "pass", cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start a command in its own process group; after some replications it pauses or is killed."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(after=after, then=then), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=cwd,
    )  # fmt: skip


def _wait_until_held(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"


def _end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a process, and return its exit code and its standard error."""
    _, err = process.communicate()
    return process.returncode, err


@pytest.fixture(scope="module")
def three(tiny: Path) -> Path:
    """The folder of six replications of which three were run before an interruption, never changed."""
    return _stopped(tiny, tiny.parent / "three", 3)


def _stopped(tiny: Path, folder: Path, after: int) -> Path:
    """Leave a run of six that was interrupted after some replications."""

    def stop(done: int, _: int) -> None:
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tiny, replications=6, seed=3, out=folder, progress=stop)
    return folder


# killed ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_killed_with_all_its_workers_at_any_moment_is_resumed_to_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    """Kill the process group after five random numbers of forty replications; the workers may be at any point."""
    common = ("run", str(tiny), "--set", "ends=2024-01-15", "--replications", "40", "--seed", "3", "--workers", "2", "--quiet", "--out")  # fmt: skip
    assert _end(_start(*common, str(tmp_path / "whole"))) == (0, "")
    wanted = _files(tmp_path / "whole")
    assert len(wanted) == 3 * 40 + 3
    for after in [0, *random.sample(range(1, 40), 4)]:
        folder = tmp_path / str(after)
        assert _end(_start(*common, str(folder), after=after, then=KILL))[0] == -signal.SIGKILL
        assert _end(_start(*common, str(folder), "--resume")) == (0, ""), f"killed after {after} replications"
        assert _files(folder) == wanted, f"killed after {after} replications"


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_prints_the_command_that_resumes_the_run(
    tiny: Path, six: Path, tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command names the folder, also without --out. Standard error has nothing else. The command completes the run."""
    arguments = ("run", str(tiny), "--replications", "6", "--seed", "3", "--workers", str(workers), "--quiet")
    process = _start(*arguments, after=1, then=HOLD, cwd=tmp_path)
    _wait_until_held(process)
    os.killpg(process.pid, signal.SIGINT)
    code, err = _end(process)
    (folder,) = (tmp_path / "runs").iterdir()
    assert code == 130
    command = f"docketsim {' '.join(arguments)} --out runs/{folder.name} --resume"
    assert err == f"Interrupted. Resume with: {command}\n"
    monkeypatch.chdir(tmp_path)
    resumed = CliRunner().invoke(app, command.split()[1:])
    assert (resumed.exit_code, resumed.output) == (0, "")
    assert _files(folder) == _files(six)


def test_a_folder_in_which_nothing_was_written_yet_is_begun_on_resuming(tiny: Path, six: Path, tmp_path: Path) -> None:
    """Killed right after making the folder, after taking the lock, or while writing the manifest."""
    for k, left in enumerate([(), (".lock",), (".lock", ".manifest.json.4711.tmp")]):
        folder = tmp_path / str(k)
        folder.mkdir()
        for name in left:
            (folder / name).write_text("4711", encoding="utf-8")
        run(tiny, replications=6, seed=3, out=folder, resume=True)
        assert _files(folder) == _files(six)


def test_what_a_killed_process_was_writing_is_removed_on_resuming(tiny: Path, six: Path, three: Path, tmp_path: Path) -> None:
    """Only the manifest and half-written files are there; nothing but the run is there afterwards."""
    folder = tmp_path / "run"
    shutil.copytree(three, folder)
    for name in ("workflow.yaml", "measures/replication=2.parquet"):
        (folder / name).unlink()
    for name in (".workflow.yaml.4711.tmp", "events/.replication=3.parquet.4711.tmp", ".lock"):
        (folder / name).write_text("half", encoding="utf-8")
    run(tiny, replications=6, seed=3, out=folder, resume=True)
    assert _files(folder) == _files(six)


def test_an_empty_folder_is_refused_without_resume(tiny: Path, tmp_path: Path) -> None:
    """A folder that is there is somebody's, though it is empty."""
    with pytest.raises(RunFolderExists, match="already exists"):
        run(tiny, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_is_killed_costs_nothing_but_time(tiny: Path, six: Path, tmp_path: Path) -> None:
    """Signal 9 to one of two processes at work: its unfinished replications are run again, with a warning."""
    killed = []

    def kill(done: int, _: int) -> None:
        if done == 1 and not killed:
            killed.append(next(iter(reusable_executor._executor._processes)))
            os.kill(killed[0], signal.SIGKILL)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        folder = run(tiny, replications=6, seed=3, workers=2, out=tmp_path / "run", progress=kill).folder
    assert killed
    assert all("run again" in str(w.message) for w in caught if w.category is UserWarning)
    assert _files(folder) == _files(six)


@pytest.mark.filterwarnings("ignore")
def test_workers_that_are_killed_repeatedly_end_the_run_with_a_clear_message(tiny: Path, six: Path, tmp_path: Path) -> None:
    """Every replication kills its worker: the run ends with an error, and can be resumed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "_run", lambda job, replication: os.kill(os.getpid(), signal.SIGKILL))
        with pytest.raises(WorkerLost, match=r"probably out of memory\. Resume the run with --resume"):
            run(tiny, replications=6, seed=3, workers=2, out=tmp_path / "run")
    assert _files(run(tiny, replications=6, seed=3, out=tmp_path / "run", resume=True).folder) == _files(six)


def test_warnings_of_replications_before_the_stop_are_repeated_after_resuming(tmp_path: Path) -> None:
    """A rule that was broken, and a queue that grew, in replications that were not run again."""
    tiny = write_tiny(tmp_path)
    workflow = tmp_path / "desk.yaml"
    rule = "rules: [{rule: nobody is ever stored, never: store}]\n"
    workflow.write_text(workflow.read_text(encoding="utf-8") + rule, encoding="utf-8")
    whole = run(load_scenario(tiny, ["pools.clerks.size=1"]), replications=3, monitor="count", out=tmp_path / "whole")
    assert whole.violations is not None
    assert whole.violations["nobody is ever stored"] > 10
    assert [(queue.pool, queue.court) for queue in whole.growing] == [("clerks", "east")]
    again = run(load_scenario(tiny, ["pools.clerks.size=1"]), replications=3, monitor="count", out=whole.folder, resume=True)
    assert (again.violations, again.growing) == (whole.violations, whole.growing)
    with pytest.raises(RunFolderExists, match="the monitor differs"):
        run(load_scenario(tiny, ["pools.clerks.size=1"]), replications=3, out=whole.folder, resume=True)


def test_a_finished_run_whose_repair_is_interrupted_is_resumed_to_the_same_bytes(six: Path, tmp_path: Path, tiny: Path) -> None:
    """Meanwhile it is an unfinished run. Replications with unchanged parts are not run again."""

    def stop(done: int, _: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    folder = Path(shutil.copytree(six, tmp_path / "run"))
    for k in (2, 4):
        (folder / "events" / f"replication={k}.parquet").unlink()
    before = (folder / "cases" / "replication=1.parquet").stat().st_ino
    with pytest.raises(KeyboardInterrupt):
        run(tiny, replications=6, seed=3, out=folder, resume=True, progress=stop)
    unfinished = ("manifest.json", "the run is not finished: 5 of 6 replications; complete it with --resume (resume=True)")
    assert verify(folder).wrong[-1] == unfinished
    run(tiny, replications=6, seed=3, out=folder, resume=True)
    assert _files(folder) == _files(six)
    assert (folder / "cases" / "replication=1.parquet").stat().st_ino == before


# damaged ---------------------------------------------------------------------------------------------


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [_cut, _flip])
@pytest.mark.parametrize("kind", ["cases", "events", "measures"])
@pytest.mark.parametrize("finished", [True, False])
def test_a_truncated_part_or_one_with_a_flipped_bit_is_detected_and_rerun(
    tiny: Path, six: Path, three: Path, tmp_path: Path, kind: str, harm: Any, finished: bool
) -> None:
    """By verify and by resume, of a run that was finished and of one that was stopped."""
    folder = tmp_path / "run"
    shutil.copytree(six if finished else three, folder)
    name = f"{kind}/replication=2.parquet"
    harm(folder / name)
    verification = verify(folder)
    assert (name, "not as it was written") in verification.wrong
    assert len(verification.wrong) == (1 if finished else 2)
    with pytest.warns(UserWarning, match=f"{name}: not as it was written; replication 2 is run again"):
        run(tiny, replications=6, seed=3, out=folder, resume=True)
    assert _files(folder) == _files(six)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "{}", "null", '{"parts": 1}', '{"scenario_hash": "0", "seed": 1, "replications": 1, "parts": 1}']
)
def test_a_manifest_that_is_not_readable_is_reported(tiny: Path, six: Path, tmp_path: Path, text: str) -> None:
    """The folder cannot be identified."""
    folder = tmp_path / "run"
    shutil.copytree(six, folder)
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    message = r"parts: must be a mapping(.|\n)* cannot be resumed" if "hash" in text else r"has no readable manifest\.json"
    with pytest.raises(RunFolderExists, match=message):
        run(tiny, replications=6, seed=3, out=folder, resume=True)


def test_versions_that_changed_since_are_reported(tiny: Path, six: Path, tmp_path: Path) -> None:
    """Parts of two installations are not mixed."""
    folder = tmp_path / "run"
    shutil.copytree(six, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["versions"]["numpy"] = "1.0"
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(RunFolderExists, match="the version of a package differs"):
        run(tiny, replications=6, seed=3, out=folder, resume=True)


# two at once -------------------------------------------------------------------------------------------


def test_a_second_process_on_a_folder_is_refused_and_the_first_is_not_disturbed(tiny: Path, six: Path, tmp_path: Path) -> None:
    """The message names the first process; when it was killed, its lock is gone."""
    folder = tmp_path / "run"
    common = ("run", str(tiny), "--replications", "6", "--seed", "3", "--workers", "1", "--quiet", "--out", str(folder))
    first = _start(*common, after=1, then=HOLD)
    _wait_until_held(first)
    second = _start(*common, "--resume")
    code, err = _end(second)
    assert code == 2
    assert (
        err
        == f"{folder} is in use: another docketsim (process {first.pid}) is writing to it. Wait for it, or give another folder.\n"
    )
    os.killpg(first.pid, signal.SIGKILL)
    _end(first)
    assert (folder / ".lock").exists()
    run(tiny, replications=6, seed=3, out=folder, resume=True)
    assert _files(folder) == _files(six)


def test_a_folder_is_free_when_its_run_is_over_or_has_failed(tiny: Path, tmp_path: Path) -> None:
    """Within one process, too: the lock belongs to the run."""
    scenario, folder = load_scenario(tiny), tmp_path / "run"
    full = make_manifest(
        scenario,
        seed=1,
        replications=1,
        days=[None],
        by=[],
        selection=EVERYTHING,
        keep="events",
        monitor=None,
        own_python=False,
        engine="simpy",
        confidence=0.95,
    )
    with open_folder(folder, scenario, full, resume=False):
        with pytest.raises(RunFolderInUse, match="is in use"), open_folder(folder, scenario, full, resume=True):
            pass
        assert (folder / ".lock").exists()
    assert not (folder / ".lock").exists()
    with pytest.raises(ZeroDivisionError), open_folder(folder, scenario, full, resume=True):
        raise ZeroDivisionError
    with open_folder(folder, scenario, full, resume=True):
        pass


# a full disk -------------------------------------------------------------------------------------------


def test_a_full_disk_is_reported_and_leaves_no_half_of_a_text_file(tiny: Path, six: Path, tmp_path: Path) -> None:
    """Not even the manifest can be written; when there is room again, the run is resumed."""
    folder = tmp_path / "run"
    program = (
        "import resource, sys; from simulations import run\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "run(sys.argv[1], replications=6, seed=3, out=sys.argv[2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tiny), str(folder)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1
    assert f"WriteFailed: {folder / 'manifest.json'}: could not be written: File too large" in done.stderr
    assert _files(folder) == {}
    run(tiny, replications=6, seed=3, out=folder, resume=True)
    assert _files(folder) == _files(six)


def test_a_text_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    """A folder stands where the file should."""
    (tmp_path / "there").mkdir()
    with pytest.raises(WriteFailed, match="there: could not be written"):
        write_text(tmp_path / "there", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["there"]


# memory ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_thousand_replications_take_no_more_memory_than_a_hundred(tiny: Path, tmp_path: Path) -> None:
    """Resident memory at replication 1,000 within 20 percent of that at 100, in its own process."""
    program = (
        "import sys; from pathlib import Path; from simulations import load_scenario, run\n"
        "def seen(done, todo):\n"
        "    if done in (100, 1000):\n"
        "        print(Path('/proc/self/statm').read_text().split()[1], flush=True)\n"
        "run(load_scenario(sys.argv[1], ['ends=2024-01-08']), replications=1000, out=sys.argv[2], progress=seen)\n"
        "print(Path('/proc/self/statm').read_text().split()[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tiny), str(tmp_path / "run")],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    early, late, end = (int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20 for pages in done.stdout.split())
    print(f"{early:.0f} MB at 100, {late:.0f} MB at 1,000, {end:.0f} MB with the results read")
    assert late <= 1.2 * early
    assert end <= 1.2 * early + 64
