"""The distribution: lock files, metadata, content of the wheel, and the cost of an import."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt")
FOLDERS = {"workflow", "simulations", "tests", "docs"}
HEAVY = ("altair", "duckdb", "numba", "scipy", "streamlit", "z3")
NEEDED_BY_A_RUN = (*HEAVY, "holidays", "jinja2", "joblib", "numpy", "pydantic", "rich", "simpy", "transitions", "typer", "yaml")


def normal(name: str) -> str:
    """Return a distribution's name as the lock files spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    """Return the names in a list of requirements."""
    return {normal(re.split(r"[^A-Za-z0-9._-]", text.strip(), maxsplit=1)[0]) for text in requirements}


def lower_bounds(requirements: list[str]) -> dict[str, str]:
    """Return the lower bound of each requirement by name."""
    return {normal(name): low for name, low in (text.split(">=") for text in requirements)}


def entries(lock: str) -> list[str]:
    """Return the requirements of a lock file, each with its hashes on one line."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def locked(lock: str) -> dict[str, str]:
    """Return the version of each distribution in a lock file."""
    pins = (re.match(r"([A-Za-z0-9._-]+)==(\S+)", entry) for entry in entries(lock))
    return {normal(pin[1]): pin[2] for pin in pins if pin}


def release(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def modules_after(code: str, heavy: tuple[str, ...] = HEAVY) -> list[str]:
    """Return which of the heavy modules a fresh interpreter has imported after running the code."""
    tell = f"print('heavy:', *[name for name in {heavy!r} if name in sys.modules])"  # a command ends its process itself
    probe = f"import atexit, sys\natexit.register(lambda: {tell})\n{code}"
    ran = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    word, *imported = ran.stdout.splitlines()[-1].split()
    assert word == "heavy:"
    return imported


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    """The contents of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lock", LOCKS)
def test_each_locked_requirement_is_pinned_and_hashed(lock: str) -> None:
    """Each requirement of a lock file names one version and at least one SHA-256."""
    assert entries(lock)
    pattern = re.compile(r"[a-z0-9-]+==\S+( ; .+?)?( +--hash=sha256:[0-9a-f]{64})+ *")
    assert [entry.split()[0] for entry in entries(lock) if not pattern.fullmatch(entry)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_name_no_address(lock: str) -> None:
    """A lock file contains no address, no local path and no option except hashes, not even in comments."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    addresses = r"://|(?<![\w.])[/~]\w|\b[A-Z]:\\|\bfile:|--(?!hash=)[a-z]|@ "
    assert [line for line in text.splitlines() if re.search(addresses, line)] == []


def test_the_locks_agree_with_each_other() -> None:
    """The development lock has every version of the runtime lock, and the benchmark lock agrees with both."""
    development, added = locked("requirements-dev.txt"), locked("requirements-bench.txt")
    assert locked("requirements.txt").items() <= development.items()
    assert {name: version for name, version in added.items() if development.get(name, version) != version} == {}


def test_the_runtime_lock_covers_the_dependencies(pyproject: dict[str, Any]) -> None:
    """requirements.txt has each dependency of a run, at its lower bound or above, and what `make demo` installs the project with."""
    pins = locked("requirements.txt")
    bounds = lower_bounds(pyproject["project"]["dependencies"])
    assert declared(pyproject["project"]["dependencies"]) == set(bounds)
    assert declared(pyproject["dependency-groups"]["build"]) - set(pins) == set()
    assert {name: pins.get(name) for name, low in bounds.items() if release(pins.get(name, "")) < release(low)} == {}


def test_the_page_of_the_installation_lists_every_extra(pyproject: dict[str, Any]) -> None:
    """It says what each adds, and what is missing without it."""
    page = (ROOT / "docs/how-to/installing.md").read_text(encoding="utf-8").partition("## Choose extras")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == sorted(pyproject["project"]["optional-dependencies"])


def test_the_development_lock_covers_the_groups(pyproject: dict[str, Any]) -> None:
    """Each requirement of test, lint, build, docs and the build system is in requirements-dev.txt, and no other."""
    groups = pyproject["dependency-groups"]
    assert set(groups) == {"test", "lint", "build", "docs", "interop", "bench"}
    bench = declared(groups.pop("bench"))
    assert (declared(groups.pop("interop")) | bench) & set(locked("requirements-dev.txt")) == set()
    assert bench - set(locked("requirements-bench.txt")) == set()
    wanted = declared([text for group in [*groups.values(), pyproject["build-system"]["requires"]] for text in group])
    assert wanted - set(locked("requirements-dev.txt")) == set()


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml"])
def test_no_lock_file_with_registry_addresses(name: str) -> None:
    """The repository has no lock file of a kind that contains registry addresses."""
    assert not (ROOT / name).exists()


def test_only_the_agreed_folders_are_tracked() -> None:
    """The repository's visible top-level folders are workflow, simulations, tests and docs."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    folders = {file.split("/")[0] for file in files if "/" in file}
    assert {folder for folder in folders if not folder.startswith(".")} <= FOLDERS


@pytest.mark.parametrize("package", ["workflow", "simulations"])
def test_importing_a_package_is_cheap(package: str) -> None:
    """Importing a package does not import the large libraries."""
    assert modules_after(f"import {package}") == []


@pytest.mark.parametrize("package", ["workflow", "simulations"])
def test_completion_offers_the_public_names(package: str) -> None:
    """They are imported on first use, so they are named by hand; modules of other rooms are not offered."""
    module = importlib.import_module(package)
    assert dir(module) == sorted(module.__all__)


def test_importing_run_is_quick() -> None:
    """It imports none of the libraries that a run needs. They are imported when a run starts."""
    assert modules_after("from simulations import run", NEEDED_BY_A_RUN) == []
    assert "numpy" in modules_after("from simulations import load_scenario", NEEDED_BY_A_RUN)


def test_asking_for_help_is_cheap() -> None:
    """The command's help does not import numpy and the other large libraries."""
    help_ = "from simulations.cli import main\nsys.argv = ['docketsim', '--help']\nmain()"
    assert modules_after(help_, (*HEAVY, "numpy", "pydantic")) == []


def test_the_command_is_installed() -> None:
    """The installed command docketsim starts and prints its usage."""
    command = Path(sys.executable).with_name("docketsim")
    ran = subprocess.run([command, "--help"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "docketsim" in ran.stdout


def test_the_wheel_holds_both_packages_and_their_data(tmp_path: Path) -> None:
    """A wheel contains every module and catalog file of both packages, the licence, and nothing else."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    ran = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    (wheel,) = tmp_path.glob("docketsim-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if not name.startswith("docketsim-")}
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    files = {path for package in ("workflow", "simulations") for path in (ROOT / package).rglob("*") if path.is_file()}
    assert held == {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
