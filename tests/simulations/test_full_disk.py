"""A disk that fills up while a command writes is one line, leaves no half of a file, and a run goes on when there is room.

The disk is a small file system in memory, in a mount namespace of its own, which needs no rights. Where the system has
none, the tests are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulations import run
from tests.simulations.desk import write_tiny

ROOT = Path(__file__).parents[2]
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
PROGRAM = """
import json, os, subprocess, sys, tempfile
from pathlib import Path
from simulations.cli import main

def disk(size):
    mounting = ["-o", f"remount,size={size}k"] if os.path.ismount("disk") else ["-t", "tmpfs", "-o", f"size={size}k", "tmpfs"]
    subprocess.run(["mount", *mounting, "disk"], check=True)

def command(arguments):
    with tempfile.TemporaryFile("w+") as err:
        if (child := os.fork()) == 0:
            os.dup2(err.fileno(), 2)
            sys.argv = ["docketsim", *arguments]
            main()
        _, status = os.waitpid(child, 0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), err.read()

def files():
    return {str(p): p.read_bytes().hex() for p in sorted(Path("disk").rglob("*")) if p.is_file()}

size, first, *rest = json.loads(sys.argv[1])
disk(size)
answers = [(*command(first), files())]
disk(20_000)
answers += [(*command(arguments), files()) for arguments in rest]
print(json.dumps(answers))
"""


def _with_disk(folder: Path, size: int, *commands: list[str]) -> list[tuple[int, str, dict[str, str]]]:
    """Run a command on a disk of some kilobytes, then others when it has 20 MB; return the answers and the files on it."""
    (folder / "disk").mkdir(exist_ok=True)
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-c", PROGRAM, json.dumps([size, *commands])],
        cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [(code, err, files) for code, err, files in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small scenario, a run of it, and a place to mount a disk; skip if none can be mounted."""
    folder = tmp_path_factory.mktemp("desk")
    try:
        mount = [*NAMESPACE, "mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(folder)]
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs a mount namespace: {error}")
    run(write_tiny(folder), replications=4, seed=3, out=folder / "whole")
    return folder


FULL = "could not be written: No space left on device"
RUN = "run tiny.yaml --replications 4 --seed 3 --quiet --out disk/run"


@pytest.mark.parametrize(
    ("size", "workers"), [(60, 1), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((4, 1), (60, 2)))]
)
def test_a_run_on_a_full_disk_is_resumed_to_the_same_bytes(desk: Path, size: int, workers: int) -> None:
    """The disk holds the manifest alone or not even that, or the parts of some replications."""
    command = f"{RUN} --workers {workers}".split()
    (code, err, _), (resumed, no_message, files) = _with_disk(desk, size, command, [*command, "--resume"])
    assert code == 1
    assert len(err.splitlines()) == 1, err
    assert FULL in err
    assert (resumed, no_message) == (0, "")
    whole = {
        f"disk/run/{p.relative_to(desk / 'whole')}": p.read_bytes().hex() for p in (desk / "whole").rglob("*") if p.is_file()
    }
    assert files == whole


WRITING = {
    "export whole --to xes --out disk/log.xes --quiet": 40, "export whole --to csv --out disk/log.csv --quiet": 40,
    "report whole --stress disk/stress.md --quiet": 4, "draw desk.yaml --out disk/map.svg": 4,
    "sweep tiny.yaml --set pools.clerks.size=1,2 --replications 2 --workers 1 --quiet --out disk/sweep": 80,
    "compare tiny.yaml tiny.yaml --set-other pools.clerks.size=1 --replications 2 --workers 1 --quiet --out disk/both": 80,
}  # fmt: skip
"""Each command with the size of the disk, in kilobytes."""


@pytest.mark.slow
@pytest.mark.parametrize("command", WRITING)
def test_a_command_on_a_full_disk_leaves_no_half_of_a_file(desk: Path, command: str) -> None:
    """One line. What is on the disk is whole: it is the same after the command has run again with enough room."""
    words = command.split()
    resume = ["--resume"] if words[0] in ("sweep", "compare") else []
    (code, err, left), (again, _, files) = _with_disk(desk, WRITING[command], words, [*words, *resume])
    assert code == 1
    assert len(err.splitlines()) == 1, err
    assert FULL in err
    assert again == 0
    manifests = {name for name in left if name.endswith("manifest.json")}  # of an unfinished run
    assert {name: files.get(name) for name in left if name not in manifests} == {
        n: t for n, t in left.items() if n not in manifests
    }
