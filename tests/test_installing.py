"""The wheel and the source distribution, installed into fresh environments: oldest and newest Python, with and without extras."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = sorted(PROJECT["optional-dependencies"])
ADDED = ("numba", "openpyxl", "z3")
TRIAL = """
from importlib.util import find_spec
from simulations import load_scenario, open_run, run
from workflow import load_workflow, prove

small = load_scenario("pilot", ["courts.denver.backlog.pending.count=40", "courts.baltimore.backlog.pending.count=20"])
run(small, replications=2, seed=1, out="run", progress=False)
result = open_run("run")
result.plot.pending().save("pending.svg")
print(result.get("reviewed").mean, len(result.cases.fetchall()), *[name for name in ("numba", "openpyxl", "z3") if find_spec(name)])
try:
    proof = prove(load_workflow("no-discretion"), seconds=600)
    print("undecided" if proof.undecided else "decided", len(proof.verdicts) == len(proof.workflow.rules))
except Exception as error:
    print(error)
"""


def pythons() -> list[str]:
    """Return the interpreters of this machine that the classifiers name, the oldest first."""
    versions = [
        m[1] for text in PROJECT["classifiers"] if (m := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text))
    ]
    found = []
    for version in versions:
        managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
        for one in filter(None, [shutil.which(f"python{version}"), *map(str, managed)]):
            ran = subprocess.run(
                [one, "-c", "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if ran.stdout.startswith(f"{version} "):
                found.append(ran.stdout.split(maxsplit=1)[1].strip())  # the interpreter behind a link or a shim
                break
    return found or [sys.executable]


def call(*command: object, folder: Path) -> str:
    """Run a command in a folder, and return what it prints."""
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    ran = subprocess.run([*map(str, command)], cwd=folder, env=clean, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "hatchling", "build", "--directory", folder, folder=ROOT)
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": source}


def test_the_source_distribution_has_both_packages_and_the_documentation(built: dict[str, Path]) -> None:
    """It has every module, catalog, page and notebook, and what marks the packages as typed."""
    with tarfile.open(built["sdist"]) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = [path for folder in ("workflow", "simulations", "docs") for path in (ROOT / folder).rglob("*") if path.is_file()]
    names = {path.relative_to(ROOT).as_posix() for path in wanted if "__pycache__" not in path.parts}
    assert names | {"README.md", "LICENSE", "pyproject.toml", "workflow/py.typed", "simulations/py.typed"} <= held


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "newest", "extras"),
    [("wheel", False, False), ("sdist", True, False), ("sdist", False, True), ("wheel", True, True)],
    ids=["wheel-oldest", "sdist-newest", "sdist-oldest-extras", "wheel-newest-extras"],
)
def test_a_fresh_environment_runs_the_pilot(
    kind: str, newest: bool, extras: bool, built: dict[str, Path], tmp_path: Path
) -> None:
    """A program runs, and the newest Python validates itself. Without extras, proofs say what to install."""
    uv = (sys.executable, "-m", "uv")
    interpreter = tmp_path / "env/bin/python"
    call(*uv, "venv", "--quiet", "--python", pythons()[-newest], tmp_path / "env", folder=tmp_path)
    wanted = f"{built[kind]}[{','.join(EXTRAS)}]" if extras else str(built[kind])
    call(*uv, "pip", "install", "--quiet", "--python", interpreter, wanted, folder=tmp_path)
    command = interpreter.with_name("docketsim")
    assert call(command, "--version", folder=tmp_path).split()[-1] == PROJECT["version"]
    if newest and not extras:  # the suite itself checks the oldest, and with the extras
        call(command, "validate", "--quiet", folder=tmp_path)
    (tmp_path / "trial.py").write_text(TRIAL, encoding="utf-8")
    first, *proved = call(interpreter, "trial.py", folder=tmp_path).splitlines()
    assert first.split() == ["60.0", "120", *(ADDED if extras else ())]
    assert (tmp_path / "pending.svg").exists()
    assert proved[0] == "decided True" if extras else "docketsim[prove]" in proved[0]
