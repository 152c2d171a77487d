"""The reference is complete: commands, the Python API, and every column in the glossary."""

from __future__ import annotations

import ast
import dataclasses
import re
import sys
from pathlib import Path

import pytest

import simulations
import workflow
import workflow.testing
from docs.commands_page import page
from simulations import run
from simulations.log.row import COLUMNS
from simulations.measuring.descriptors import BREAKDOWNS
from simulations.measuring.selection import Selection
from simulations.run_folder.views import query_run
from tests.documents import blocks_of
from workflow.auditing.log import AuditLog
from workflow.model.rules import Rule
from workflow.predicates.tree import Expression

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
GLOSSARY = (REFERENCE.parent / "glossary.md").read_text(encoding="utf-8")
SCENARIO = """
scenario: tiny
workflow: tiny.workflow.yaml
starts: 2024-01-01
ends: 2024-01-02
courts: {north: {backlog: {waiting: 1}}}
"""
WORKFLOW = """
workflow: tiny
entry: {states: [waiting]}
states: {waiting: {resting: true}, done: {final: true}}
transitions: [{transition: finish, from: waiting, to: done, event: end}]
events: {end: {while: [waiting]}}
"""


def test_the_page_of_the_commands_is_current() -> None:
    """``python -m docs.commands_page`` would write the same page."""
    assert (REFERENCE / "commands.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("package", [workflow, workflow.testing, simulations], ids=lambda package: package.__name__)
def test_every_public_name_is_on_the_page_of_the_api(package: object) -> None:
    """The page documents what `__all__` names, and nothing else."""
    name = package.__name__  # type: ignore[attr-defined]
    text = (REFERENCE / "python.md").read_text(encoding="utf-8")
    documented = re.findall(rf"^\.\. auto\w+:: {re.escape(name)}\.(\w+)$", text, re.MULTILINE)
    assert sorted(documented) == sorted(package.__all__)  # type: ignore[attr-defined]


def _parts(kind: type, found: set[type]) -> set[type]:
    """Return the dataclasses that the fields of one hold, and those that these hold."""
    names = vars(sys.modules[kind.__module__])
    for field in dataclasses.fields(kind):
        for name in re.findall(r"\b[A-Z]\w+", str(field.type)):
            part = names.get(name)
            if dataclasses.is_dataclass(part) and part not in found:
                found.add(part)  # type: ignore[arg-type]
                _parts(part, found)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    "result",
    [workflow.Proof, workflow.AuditReport, workflow.Difference, simulations.RunResult, simulations.Estimate,
     simulations.Comparison, simulations.Difference, simulations.Sweep, simulations.Sensitivity, simulations.Forecast,
     simulations.Staffing, simulations.Calibration, simulations.Hindcast, simulations.Verification],
    ids=lambda result: f"{result.__module__.split('.')[0]}.{result.__name__}",
)  # fmt: skip
def test_every_part_of_a_result_is_on_the_page_of_the_api(result: type) -> None:
    """Inputs that a result keeps (the workflow, its rules, the scenario, the log) have their parts in the code alone."""
    text = (REFERENCE / "python.md").read_text(encoding="utf-8")
    inputs = {workflow.Workflow, simulations.Scenario, AuditLog, Expression, Rule, Selection}
    parts = _parts(result, set(inputs))
    documented = [rf"^\.\. autoclass:: ({part.__module__}|{part.__module__.split('.')[0]})\.{part.__name__}$" for part in parts]
    assert [name for name in documented if not re.search(name, text, re.MULTILINE)] == []


@pytest.mark.parametrize("package", [workflow, workflow.testing, simulations], ids=lambda package: package.__name__)
def test_every_public_name_has_an_example(package: object) -> None:
    """An example of the page imports and uses it. The examples run as tests, but for those that say why not."""
    used = set[tuple[str, str]]()
    for block in blocks_of(REFERENCE / "python.md"):
        if block.language == "python":
            nodes = list(ast.walk(ast.parse(block.text)))
            names = {node.id for node in nodes if isinstance(node, ast.Name)}
            imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
            used |= {(str(node.module), name.name) for node in imports for name in node.names if name.name in names}
    module = package.__name__  # type: ignore[attr-defined]
    assert [name for name in package.__all__ if (module, name) not in used] == []  # type: ignore[attr-defined]


def test_every_column_of_a_row_is_in_the_glossary() -> None:
    """An engine's row has no column without a definition."""
    assert [column.name for column in COLUMNS if f"\n| `{column.name}` |" not in GLOSSARY] == []


def test_every_cause_of_waiting_has_an_entry() -> None:
    """The page of the measures defines each cause, and the glossary links to it."""
    measures = (REFERENCE / "measures.md").read_text(encoding="utf-8")
    assert [part for parts in BREAKDOWNS.values() for part in parts if f"\n| `{part}` |" not in measures] == []
    assert "reference/measures.md" in GLOSSARY


def test_every_column_of_a_view_is_in_its_table(tmp_path: Path) -> None:
    """The glossary lists the columns of each view, in their order."""
    (tmp_path / "tiny.workflow.yaml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "tiny.yaml").write_text(SCENARIO, encoding="utf-8")
    folder = run(tmp_path / "tiny.yaml", replications=1, out=tmp_path / "run").folder
    assert folder is not None
    for view in ("cases", "events", "measures", "series", "next_free", "transitions"):
        with query_run(folder, f"select * from {view}") as answer:
            columns = answer.columns
        section = GLOSSARY.partition(f"## Columns of `{view}`\n")[2].partition("\n## ")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == columns
