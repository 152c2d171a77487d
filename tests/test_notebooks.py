"""The notebooks of the documentation: kept without output, with public names only; they run, and their charts are drawn."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

import simulations
import workflow

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PUBLIC = {"simulations": simulations.__all__, "workflow": workflow.__all__}
CHARTS = {"a-study-with-a-figure": 1, "an-office-of-your-own": 3, "both-sides": 2, "rules-and-counterexamples": 0, "the-pilot": 3}

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def _read(path: Path) -> NotebookNode:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def _program(notebook: NotebookNode) -> ast.Module:
    return ast.parse("\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code"))


def test_the_index_lists_every_notebook() -> None:
    """It has a row for each file, and no other."""
    listed = re.findall(r"^\| \[[^]]+\]\(([\w-]+)\.ipynb\)", (FOLDER / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == [path.stem for path in NOTEBOOKS] == sorted(CHARTS)


@each_notebook
def test_a_notebook_is_kept_without_output(path: Path) -> None:
    """The documentation runs it when it is built, so that no output is out of date."""
    cells = [cell for cell in _read(path).cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count is not None] == []


@each_notebook
def test_a_notebook_uses_public_names_only(path: Path) -> None:
    """It imports from the two packages, not from their modules."""
    imports = [node for node in ast.walk(_program(_read(path))) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imports if (node.module or "").partition(".")[0] in PUBLIC]
    assert ours
    assert [name.name for node in ours for name in node.names if name.name not in PUBLIC.get(str(node.module), ())] == []


@pytest.mark.slow
@each_notebook
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    """No cell fails or warns, and each chart is a picture with labels."""
    from nbclient import NotebookClient

    notebook = _read(path)
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output for output in outputs if output.get("name") == "stderr" and "IPKernelApp" not in output.text] == []
    pictures = [output.data["image/svg+xml"] for output in outputs if "image/svg+xml" in output.get("data", {})]
    assert [len(re.findall(r"<text", picture)) > 5 for picture in pictures] == [True] * CHARTS[path.stem]
