"""A command that a signal ends at any moment leaves no process, and is completed to the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from simulations import run
from tests.simulations.desk import write_tiny

ROOT = Path(__file__).parents[2]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
ENGINES = ("simpy", "compiled")
MANY = ("--replications", "6", "--seed", "3", "--quiet", "--workers", "2")
COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("run", "tiny.yaml", *MANY, "--out", "out"),
    "sweep": ("sweep", "tiny.yaml", "--set", "pools.clerks.size=1,2", "--keep", "events", *MANY, "--out", "out"),
    "compare": ("compare", "tiny.yaml", "tiny.yaml", "--set-other", "pools.clerks.size=1", *MANY, "--out", "out"),
    "staff": ("staff", "tiny.yaml", "--pool", "clerks", "--court", "east", "--goal", "pending < 40", "--at", "2024-02-15",
              "--workers", "2", "--replications", "10", "--json"),
    "report": ("report", "finished", "--out", "out/page.html", "--quiet"),
    "export": ("export", "finished", "--to", "xes", "--out", "out/log.xes", "--quiet"),
}  # fmt: skip
RESUMABLE = ("run", "sweep", "compare")
WITH_ENGINE = (*RESUMABLE, "staff")


def _start(command: tuple[str, ...], folder: Path) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, which its workers share. A signal before its first line ends Python itself."""
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); from simulations.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def _session(number: int) -> list[int]:
    """Return the processes of a session that are not zombies."""
    members = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:4]
        except OSError:
            continue  # it has just ended
        if int(session) == number and state != "Z":
            members.append(int(path.parent.name))
    return members


def _killed(command: tuple[str, ...], folder: Path, number: int, after: float, group: bool) -> tuple[int, str]:
    """Send a signal after some seconds. Return the exit code and standard error when no process is left."""
    process = _start(command, folder)
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        (os.killpg if group else os.kill)(process.pid, number)
    _, err = process.communicate(timeout=300)  # until nobody holds the pipes
    waited = time.monotonic()
    while left := _session(process.pid):
        assert time.monotonic() < waited + 60, f"processes {left} are left"
        time.sleep(0.05)
    _slowest.append(time.monotonic() - waited)
    return process.returncode, err.decode()


_slowest: list[float] = [0.0]


def _result(name: str, folder: Path, out: bytes) -> dict[str, bytes]:
    """Return everything that a command has written, hidden files included."""
    if name == "staff":
        return {"": out}
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted((folder / "out").rglob("*")) if p.is_file()}


def _completed(name: str, command: tuple[str, ...], folder: Path) -> dict[str, bytes]:
    """Run a command to its end, or resume it, and return its result."""
    resume = ("--resume",) if name in RESUMABLE and (folder / "out").exists() else ()
    process = _start((*command, *resume), folder)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    return _result(name, folder, out)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small scenario and a finished run of it."""
    folder = tmp_path_factory.mktemp("desk")
    run(write_tiny(folder), replications=3, seed=3, out=folder / "finished")
    return folder


def _of_engine(name: str, engine: str) -> tuple[str, ...]:
    return (*COMMANDS[name], *(("--engine", engine) if name in WITH_ENGINE else ()))


def _check(name: str, engine: str, desk: Path, folder: Path, wanted: Any, number: int, after: float, group: bool) -> int:
    """Kill a command, check how it ended, complete it, and compare. Return its exit code."""
    shutil.copytree(desk, folder)
    command = _of_engine(name, engine)
    code, err = _killed(command, folder, number, after, group)
    what = f"{name} on {engine}, signal {number} after {after:.2f} s, group {group}: exit code {code}, {err}"
    assert code in (0, -number, 128 + number), what
    assert "Traceback" not in err, what
    assert "Exception ignored" not in err, what
    if code == 128 + number:
        assert err.count("\n") == 1, what
        assert err.startswith("Interrupted. "), what
    assert _completed(name, command, folder) == wanted, what
    return code


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), [("run", signal.SIGKILL), ("compare", signal.SIGTERM)])
def test_a_signal_at_a_random_moment_costs_nothing_but_time(desk: Path, tmp_path: Path, name: str, number: int) -> None:
    """The moment is in the first three seconds. A moment after the end costs nothing either."""
    shutil.copytree(desk, tmp_path / "whole")
    wanted = _completed(name, _of_engine(name, "simpy"), tmp_path / "whole")
    _check(name, "simpy", desk, tmp_path / "killed", wanted, number, random.uniform(0.2, 3), group=False)


CASES = [(name, engine) for name in COMMANDS for engine in (ENGINES if name in WITH_ENGINE else ENGINES[:1])]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "engine"), CASES)
def test_twenty_signals_at_random_moments_cost_nothing_but_time(desk: Path, tmp_path: Path, name: str, engine: str) -> None:
    """Together 200. Signals go to the command alone, or to its workers as well, as from a terminal."""
    how = random.Random(f"{name} {engine} {os.environ.get('DOCKETSIM_SEED', '1')}")
    shutil.copytree(desk, tmp_path / "whole")
    begun = time.monotonic()
    wanted = _completed(name, _of_engine(name, engine), tmp_path / "whole")
    length = time.monotonic() - begun
    codes = []
    for k in range(20):
        folder = tmp_path / str(k)
        number, after = how.choice(SIGNALS), how.uniform(0.15, length)
        codes.append(_check(name, engine, desk, folder, wanted, number, after, how.random() < 0.5))
        shutil.rmtree(folder)
    print(f"{sum(c != 0 for c in codes)} of 20 ended by the signal; the last process ended {max(_slowest):.2f} s later at most")
    assert max(_slowest) < 5
