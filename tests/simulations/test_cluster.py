"""A run on a Dask cluster: the same bytes as one process, whatever dies, and no worker that would give others."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from simulations import compare, run, staff, sweep
from simulations.cli import app
from simulations.running import cluster
from simulations.running.cluster import ClusterLost
from simulations.running.elsewhere import OtherInstallation
from tests.simulations.desk import write_tiny
from workflow.errors import InputError

ROOT = Path(__file__).parents[2]
FAR = """
from pathlib import Path
from simulations.running import elsewhere
def _far(*_):
    Path({marker!r}).touch()
    return False
elsewhere._is_here = _far
"""
OTHER = """
from simulations.running import elsewhere
elsewhere.distribution_tables = lambda *_, **__: "other"
"""


class Machines:
    """A scheduler and workers, each a process on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.begin()

    def _start(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{program}", "--scheduler-file", str(self.file), *options],
            cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        )  # fmt: skip

    def begin(self) -> None:
        """Start the scheduler."""
        self.file.unlink(missing_ok=True)
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        while not self.file.exists():
            assert self.scheduler.poll() is None
            time.sleep(0.05)

    def worker(self, preload: str = "") -> subprocess.Popen[bytes]:
        """Start a worker, in which a program runs first."""
        options = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder / "local")]
        if preload:
            path = self.folder / f"preload_{len(self.workers)}.py"
            path.write_text(preload)
            options += ["--preload", str(path)]
        self.workers.append(self._start("worker", *options))
        return self.workers[-1]

    def end(self) -> None:
        """Kill every process."""
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """A scheduler without workers."""
    pytest.importorskip("distributed")
    machines = Machines(tmp_path)
    yield machines
    machines.end()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


def _files(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, hidden ones too, without the path of the folder in results of studies."""
    return {
        str(p.relative_to(folder)): p.read_bytes().replace(str(folder).encode(), b"")
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.mark.slow
def test_run_sweep_and_compare_give_the_bytes_of_one_process(tiny: Path, machines: Machines, tmp_path: Path) -> None:
    """One worker reaches the run folder, and another one sends its parts back."""
    marker = tmp_path / "sent"
    machines.worker()
    machines.worker(FAR.format(marker=str(marker)))
    cluster = str(machines.file)
    studies = {
        "run": lambda out, **how: run(tiny, replications=8, seed=3, out=out, **how),
        "many": lambda out, **how: run(tiny, replications=150, seed=3, measures=["pending"], keep="measures", out=out, **how),
        "sweep": lambda out, **how: sweep(tiny, ["pools.clerks.size=1,2"], replications=4, keep="events", out=out, **how),
        "compare": lambda out, **how: compare(tiny, tiny, other_changes=["pools.clerks.size=1"], replications=4, out=out, **how),
    }
    for name, study in studies.items():
        study(tmp_path / "here" / name, engine="simpy")
        study(tmp_path / "there" / name, engine="simpy", cluster=cluster)
    assert _files(tmp_path / "there") == _files(tmp_path / "here")
    assert marker.exists()
    answers = [
        staff(tiny, "clerks", court="east", goal="pending < 40", at=dt.date(2024, 2, 15), replications=10, **how).json()
        for how in ({}, {"cluster": cluster})
    ]  # type: ignore[arg-type]
    assert answers[0] == answers[1]


def _study(name: str, tiny: Path, **options: Any) -> None:
    """Make a study of 40 replications, each in a part of its own."""
    match name:
        case "run":
            run(tiny, replications=40, **options)
        case "sweep":
            sweep(tiny, ["pools.clerks.size=1,2"], replications=20, **options)
        case "compare":
            compare(tiny, tiny, other_changes=["pools.clerks.size=1"], replications=20, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "killed"),
    [
        *itertools.product(["run"], ["a worker", "two workers", "the scheduler"]),
        *itertools.product(["sweep", "compare"], ["a worker", "the scheduler"]),
    ],
)
def test_whatever_is_killed_nothing_is_lost(tiny: Path, machines: Machines, tmp_path: Path, study: str, killed: str) -> None:
    """Parts that are there stay; the rest is done by who is left, by new workers, or after --resume; the bytes are the same."""
    one = machines.worker()
    two = machines.worker()
    done: list[int] = []

    def kill(finished: int, _: int) -> None:
        if finished == 5 and finished not in done:
            for process in {"a worker": [one], "two workers": [one, two], "the scheduler": [machines.scheduler]}[killed]:
                process.send_signal(signal.SIGKILL)
            if killed == "two workers":
                machines.worker()
        done.append(finished)

    make = partial(_study, study, tiny, seed=3, engine="simpy", keep="events")
    cluster = {"cluster": str(machines.file)}
    if killed == "the scheduler":
        with pytest.raises(ClusterLost, match=r"the scheduler of the cluster has ended. Start one, and resume with --resume"):
            make(out=tmp_path / "there", progress=kill, **cluster)
        assert 5 <= done[-1] < 40
        kept = _parts(tmp_path / "there")
        assert len(kept) >= done[-1]
        machines.end()
        machines.begin()
        machines.worker()
        make(out=tmp_path / "there", resume=True, **cluster)
        assert kept.items() <= _parts(tmp_path / "there").items()
    else:
        make(out=tmp_path / "there", progress=kill, **cluster)
        assert done[-1] == 40
    make(out=tmp_path / "here")
    assert _files(tmp_path / "there") == _files(tmp_path / "here")


def _parts(folder: Path) -> dict[str, bytes]:
    """Return the finished parts with events."""
    return {k: content for k, content in _files(folder).items() if Path(k).parent.name == "events" and "/." not in f"/{k}"}


@pytest.mark.slow
def test_a_worker_whose_tables_of_distributions_are_others_is_refused(tiny: Path, machines: Machines, tmp_path: Path) -> None:
    """Its parts would have other bytes. The message names it, and says what to do."""
    machines.worker(OTHER)
    with pytest.raises(OtherInstallation, match=r"a worker on .* is refused: it has other tables of distributions, so its parts"):
        run(tiny, replications=2, out=tmp_path / "run", engine="simpy", cluster=str(machines.file))
    assert not list((tmp_path / "run").rglob("*.parquet"))


@pytest.mark.slow
def test_the_command_starts_a_cluster_on_this_machine(tiny: Path, tmp_path: Path) -> None:
    """It prints the address, writes it to a file, and ends with Ctrl-C; runs use either."""
    pytest.importorskip("distributed")
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); from simulations.cli import main; main()"
    command = ["cluster", "start", "--workers", "1", "--port", "0", "--scheduler-file", str(tmp_path / "scheduler.json")]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *command], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("The cluster has 1 worker. Use it with --cluster tcp://127.0.0.1:")
        address = line.split("--cluster ")[1].split(";")[0]
        for k, cluster in enumerate((address, str(tmp_path / "scheduler.json"))):
            run(tiny, replications=2, out=tmp_path / str(k), engine="simpy", cluster=cluster)
        assert _files(tmp_path / "0") == _files(tmp_path / "1")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (130, "Interrupted. Run the command again.\n")
    finally:
        process.kill()
        process.communicate()


def test_an_address_that_is_none_is_refused_before_anything_is_written(tiny: Path, tmp_path: Path) -> None:
    """Neither an address nor a file; and an address that nobody answers would be tried for ten seconds."""
    pytest.importorskip("distributed")
    with pytest.raises(
        InputError, match="cluster: must be the address of a scheduler, such as tcp://host:8786, or its file, not 'here'"
    ):
        run(tiny, out=tmp_path / "run", cluster="here")
    assert not (tmp_path / "run").exists()


def test_a_worker_remembers_the_functions_of_the_last_runs() -> None:
    """A worker that does not know the function of a run says so, and gets it with the task."""
    assert isinstance(cluster._call_known("one", 3), cluster._Unknown)
    assert cluster._call("one", str, 3) == cluster._call_known("one", 3) == "3"
    for run_ in "abc":
        cluster._call(run_, str, 3)
    assert isinstance(cluster._call_known("one", 3), cluster._Unknown)
    assert cluster._call_known("c", 4) == "4"


def test_hooks_and_worker_processes_do_not_go_with_a_cluster(tiny: Path, tmp_path: Path) -> None:
    """Hooks are objects of this process, and a cluster has its own workers."""
    from typer.testing import CliRunner

    pytest.importorskip("distributed")
    with pytest.raises(InputError, match="run them without a cluster"):
        run(tiny, out=tmp_path / "run", cluster="tcp://127.0.0.1:1", hooks={"serve": print})  # type: ignore[dict-item]
    result = CliRunner().invoke(
        app, ["run", str(tiny), "--workers", "2", "--cluster", "tcp://127.0.0.1:1", "--out", str(tmp_path / "run")]
    )
    assert (result.exit_code, result.stderr) == (2, "--workers and --cluster: give one of them; a cluster has its own workers\n")
