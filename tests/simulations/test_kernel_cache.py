"""Where the compiled kernel is kept: in an installation that cannot be written to, after an upgrade, and without any folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import simulations
import workflow
from simulations.engines import compiled_engine

pytest.importorskip("numba")
pytestmark = pytest.mark.slow

TOLD = """
import warnings
from simulations import SamplePath, load_scenario, make_plan
from simulations.engines import compiled_engine
from simulations.engines.kernel import loop
print(loop.__file__)
print(compiled_engine.is_compiled(True))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    compiled_engine.compile_kernel(True)
print(loop.run._cache.cache_path)
print(sum(loop.run.stats.cache_hits.values()))
path = SamplePath(1, 1)
print(compiled_engine.simulate(make_plan(load_scenario("simulations/checks/D5.yaml"), path), path).columns["completed_at"].max())
print(*(w.message for w in caught))
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An installation in which Python and numba can keep nothing: where their folder would be stands a file."""
    folder = tmp_path / "site"
    for package in (simulations, workflow):
        source = Path(str(package.__file__)).parent
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "simulations" / "engines" / "kernel" / "__pycache__").touch()
    return folder


def _results(site: Path, home: Path) -> list[str]:
    """Return what a new process says: file, whether it was compiled, where it is kept, from where it came, a result, warnings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA_", "PYTHON"))}
    environment |= {"PYTHONPATH": str(site), "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
    done = subprocess.run([sys.executable, "-c", TOLD], cwd=site, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    assert lines[0] == str(site / "simulations" / "engines" / "kernel" / "loop.py")
    return lines[1:6]


def test_a_read_only_installation_keeps_the_kernel_in_the_users_cache_and_an_upgrade_compiles_anew(
    site: Path, tmp_path: Path
) -> None:
    """The next process finds the compiled kernel. After a change of any file of the kernel or of its codes, it is compiled again."""
    compiled, kept, hits, result, message = _results(site, tmp_path / "home")
    assert compiled == "False"
    assert kept.startswith(str(tmp_path / "home"))
    assert (hits, message) == ("0", "")
    assert _results(site, tmp_path / "home") == ["True", kept, "1", result, ""]
    moves = site / "simulations" / "engines" / "kernel" / "moves.py"
    text = moves.read_text(encoding="utf-8")
    line = "completed = world.counters[0].now"
    assert text.count(line) == 1
    moves.write_text(text.replace(line, f"{line} + 1"), encoding="utf-8")
    compiled, _, hits, changed, _ = _results(site, tmp_path / "home")
    assert (compiled, hits) == ("False", "0")
    assert int(changed) == int(result) + 1
    codes = moves.parents[1] / "codes.py"
    codes.write_text(codes.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    compiled, _, hits, _, _ = _results(site, tmp_path / "home")
    assert (compiled, hits) == ("False", "0")


def test_without_any_folder_the_engine_runs_and_says_what_to_set(site: Path) -> None:
    """Neither the installation nor the user's cache can be written to."""
    compiled, _, hits, _, message = _results(site, Path(os.devnull))
    assert (compiled, hits) == ("False", "0")
    assert "set NUMBA_CACHE_DIR" in message


def test_a_compiled_kernel_is_loaded_without_what_numba_compiles_with(tmp_path: Path) -> None:
    """A run loads the machine code and neither numba's library of functions nor scipy's linear algebra, which it registers."""
    program = (
        "import sys; from simulations import load_scenario, run; from simulations.engines import compiled_engine\n"
        "run(load_scenario('pilot'), seed=1, engine='compiled', out='one', progress=False)\n"
        "print(*[name for name in ('numba.core.cpu', 'numba.np.arraymath', 'scipy.linalg') if name in sys.modules])"
    )
    compiled_engine.compile_kernel(False)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["numba.core.cpu"]), done.stderr
