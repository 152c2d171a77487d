"""A command neither follows nor replaces a symbolic link where it writes: somebody else may have put it there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulations.cli import app
from tests.simulations.desk import write_tiny
from tests.simulations.hostile import snapshot

FEW = ["--set", "ends=2024-01-10", "--replications", "2", "--measure", "pending", "--workers", "1", "--quiet"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small scenario, a run, and a sweep, which no test changes."""
    here = tmp_path_factory.mktemp("desk")
    write_tiny(here)
    sweep = ["--set", "pools.clerks.size=1,2"]
    for command in (["run", "tiny.yaml", *FEW, "--out", "run"], ["sweep", "tiny.yaml", *sweep, *FEW, "--out", "sweep"]):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(here)
            assert CliRunner().invoke(app, command).exit_code == 0
    return here


WRITING = {
    "draw": "draw desk.yaml --out {}.svg",
    "export csv": "export run --to csv --out {}.csv",
    "export xes": "export run --to xes --out {}.xes",
    "export ocel": "export run --to ocel --out {}.json",
    "export vidigi": "export run --to vidigi --out {}.csv",
    "offending cases": "audit run --workflow desk.yaml --out {}.csv",
    "proposal": "audit desk.csv --workflow desk.yaml --propose-mapping {}.yaml",
    "page": "report run --measure pending --out {}.html",
    "stress": "report run --stress {}.md",
    "chart": "sweep tiny.yaml --set pools.clerks.size=1,2 --out sweep --resume --chart {}.svg " + " ".join(FEW),
    "run": "run tiny.yaml --out {} " + " ".join(FEW),
    "new sweep": "sweep tiny.yaml --set pools.clerks.size=1,2 --out {} " + " ".join(FEW),
    "comparison": "compare tiny.yaml tiny.yaml --set-other pools.clerks.size=1 --out {} " + " ".join(FEW),
}
"""Each way to name a file or folder that a command writes."""


PLACES = [(what, "nowhere") for what in WRITING] + [
    (what, where) for what in ("draw", "proposal", "run") for where in ("file", "folder")
]


@pytest.mark.parametrize(("what", "where"), PLACES)
def test_a_link_in_place_of_an_output_is_refused(
    desk: Path, tmp_path: Path, what: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line; the link stays, and what it leads to is unchanged. A link to a folder may hold a new file, but is none."""
    here = Path(shutil.copytree(desk, tmp_path / "here"))
    (here / "desk.csv").write_text("case,activity,time\n1,finish,2024-01-01\n", encoding="utf-8")
    outside = tmp_path / "outside"
    (outside / "folder").mkdir(parents=True)
    (outside / "file").write_text("precious", encoding="utf-8")
    command = WRITING[what].format("link").split()
    (link,) = (here / word for word in command if word.startswith("link"))
    link.symlink_to(outside / where)
    before = snapshot(outside)
    monkeypatch.chdir(here)
    result = CliRunner().invoke(app, command)
    assert result.exit_code in (1, 2), (result.output, result.exception)
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert link.name in result.stderr
    assert link.is_symlink()
    assert snapshot(outside) == before


def test_a_figure_does_not_replace_a_link(desk: Path, tmp_path: Path) -> None:
    """The folder of figures has a link of a figure's name."""
    (tmp_path / "figures").mkdir()
    (tmp_path / "precious").write_text("precious", encoding="utf-8")
    link = tmp_path / "figures" / "pending.svg"
    link.symlink_to(tmp_path / "precious")
    arguments = ["report", str(desk / "run"), "--measure", "pending", "--out", str(tmp_path / "page.html")]
    result = CliRunner().invoke(app, [*arguments, "--figures", str(tmp_path / "figures")])
    assert result.exit_code == 1
    assert "pending.svg: could not be written: is a symbolic link; remove it, or give another path" in result.stderr
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "precious"
