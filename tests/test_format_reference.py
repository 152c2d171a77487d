"""The reference of the file formats: its tables are current, and each of its examples is a file that runs.

A ``yaml`` or ``csv`` block of a page stands below a comment: ``<!-- file: name -->`` is a whole file, and
``<!-- added to: name -->`` what a file that extends that one says (for rules: the rest of such a file).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs.format_reference import MODELS, PAGES, anchor, keys_of, pages, written
from simulations import load_scenario, make_plan, simulate
from simulations.chance.draws import SamplePath
from simulations.chance.families import FAMILIES
from simulations.log.eventlog import EventLog
from simulations.measuring.invariants import check_log
from simulations.scenarios.format import ScenarioFile
from simulations.timing.clock import UNITS
from workflow.auditing.mapping import MappingFile, load_mapping
from workflow.files.format import WorkflowFile
from workflow.files.validation import Entry
from workflow.files.yaml_tree import parse_yaml
from workflow.loading import load_workflow
from workflow.loading.rule_files import RulesFile, load_rules
from workflow.predicates.functions import FUNCTIONS

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
BLOCK = re.compile(r"(?:<!-- (file|added to): (\S+) -->\n)?```(\w*)\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)#([^)\s]*)\)")
LOOSE = {
    ("CourtEntry", "backlog"): ("BacklogEntry", True),
    ("MeasureEntry", "split"): ("SplitEntry", True),
    ("ArrivalEntry", "table"): ("TableEntry", False),
    ("UncertainEntry", "table"): ("TableEntry", False),
}
TOP = {"scenario": ScenarioFile, "workflow": WorkflowFile, "rules": RulesFile, "mapping": MappingFile}


@dataclass(frozen=True)
class Block:
    """An example of a page, and the complete file that it stands for."""

    where: str
    name: str
    text: str
    kind: str

    def load(self, folder: Path) -> Any:
        """Load the file; run one replication of a scenario and return its log."""
        path = folder / self.name
        path.write_text(self.text, encoding="utf-8")
        match self.kind:
            case "workflow":
                return load_workflow(path)
            case "rules":
                return load_rules(path)
            case "mapping":
                return load_mapping(path, load_workflow(folder / "permits.yaml"))
            case "scenario":
                return run(path)
        return None

    @property
    def model(self) -> type[Entry]:
        """Return the model of the top mapping."""
        return TOP[self.kind]


def blocks() -> list[Block]:
    """Return the examples of all pages in order."""
    examples = []
    for page in PAGES:
        text = (REFERENCE / page).read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            how, name, language, body = match.groups()
            where = f"{page}:{text[: match.start()].count(chr(10)) + 1}"
            assert language in ("yaml", "csv"), f"{where}: an example is yaml or csv"
            assert how, f"{where}: say above it which file it is, or to which it is added"
            whole = body if how == "file" else f"{heading(name)}\n{body}"
            name = name if how == "file" else f"{len(examples)}_{name}"
            examples.append(Block(where, name, whole, kind_of(name, whole)))
    return examples


def heading(base: str) -> str:
    """Return the first lines of a file that extends another."""
    if base.endswith(".rules.yaml"):
        return "workflow: permits.yaml"
    key = "scenario" if base == "offices.yaml" else "workflow"
    return f"{key}: example\nextends: {base}"


def kind_of(name: str, text: str) -> str:
    """Return the format of a file."""
    if name.endswith(".csv"):
        return "table"
    return "rules" if name.endswith(".rules.yaml") else text.split(":", 1)[0]


BLOCKS = blocks()
EXAMPLES = [block for block in BLOCKS if block.kind != "table"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every complete file of the pages."""
    path = tmp_path_factory.mktemp("reference")
    for block in BLOCKS:
        (path / block.name).write_text(block.text, encoding="utf-8")
    return path


def run(path: Path) -> EventLog:
    """Simulate one replication of a scenario, and return its log."""
    scenario = load_scenario(path)
    draws = SamplePath(1, 1)
    log = simulate(make_plan(scenario, draws), draws)
    check_log(log)
    return log


@pytest.mark.parametrize("page", PAGES)
def test_the_tables_are_current(page: str) -> None:
    """``python -m docs.schemas`` would write the same page."""
    assert (REFERENCE / page).read_text(encoding="utf-8") == pages(REFERENCE)[page]


@pytest.mark.parametrize("name", MODELS)
def test_every_key_has_a_row_and_a_description(name: str) -> None:
    """Each key of each model has a row with a meaning on some page."""
    rows = [line for text in pages(REFERENCE).values() for line in section(text, name)]
    for key in keys_of(MODELS[name]):
        assert any(row.startswith(f"| `{key.name}` |") for row in rows), f"{name}: {key.name} is on no page"
        assert key.description, f"{name}: {key.name} has no description"


def section(text: str, model: str) -> list[str]:
    """Return the lines of a model's table."""
    table = re.search(rf"<!-- begin: keys of {model} -->(.*?)<!-- end -->", text, re.DOTALL)
    return table[1].splitlines() if table else []


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.where)
def test_an_example_runs(block: Block, folder: Path) -> None:
    """Each YAML block loads, and each scenario runs for one replication."""
    log = block.load(folder)
    if block.kind == "scenario":
        assert 0 < len(log.cases) < 200


@pytest.mark.parametrize("name", MODELS)
def test_each_example_of_a_key_is_part_of_an_example_file(name: str) -> None:
    """Every example in the tables also appears in a block that runs.

    Every key has an example, or contains entries that do.
    """
    for key in keys_of(MODELS[name]):
        shown = [value for model, other, value in entries_in_blocks() if (model, other) == (name, key.name)]
        assert shown, f"{name}: no block of the pages has {key.name}:"
        assert key.examples or inside(MODELS[name], key.name), f"{name}: {key.name} needs examples=[...]"
        for example in key.examples:
            value = parse_yaml(f"key: {written(example)}\n", "").value["key"].plain()
            assert any(is_part(value, whole) for whole in shown), (
                f"{name}: no block of the pages says {key.name}: {written(example)}"
            )


def is_part(value: Any, whole: Any) -> bool:
    """Return whether a value equals another or is a subset of its entries."""
    if isinstance(value, dict) and isinstance(whole, dict):
        return value.items() <= whole.items()
    return type(value) is type(whole) and value == whole


@cache
def entries_in_blocks() -> tuple[tuple[str, str, Any], ...]:
    """Return the model, the key and the value of every entry in the blocks."""
    return tuple(each for block in EXAMPLES for each in walk(block.model, parse_yaml(block.text, block.where).plain()))


def walk(model: type[Entry], mapping: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield the keys and values of a mapping and of all nested mappings."""
    for key, value in mapping.items():
        yield model.__name__, key, value
        value_model = inside(model, key)
        if value_model is not None:
            entry, many = value_model
            entries = (value.values() if isinstance(value, dict) else value) if many else [value]
            for each in entries:
                if isinstance(each, dict):
                    yield from walk(entry, each)


def inside(model: type[Entry], key: str) -> tuple[type[Entry], bool] | None:
    """Return the model of the value of a key, and whether the value holds many entries."""
    if (model.__name__, key) in LOOSE:
        entry, many = LOOSE[model.__name__, key]
        return MODELS[entry], many
    hints = [info.annotation for name, info in model.model_fields.items() if key == (info.alias or name)]
    for name, model_of_entry in MODELS.items():
        if re.search(rf"\b{name}\b", str(hints)):
            return model_of_entry, bool(re.search(r"\b(dict|list)\[", str(hints)))
    return None


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_written_as_the_table_says(family: str, folder: Path) -> None:
    """The example of each family runs: as a processing time, or as an age if it can be negative."""
    text = FAMILIES[family].example
    assert text.startswith(f"{{{family}: ")
    drawn = f"people: {{age: {text[:-1]}, within: [18, 80]}}}}"
    if family != "normal":
        drawn = f"activities: {{examine: {{pool: clerks, takes: {text}, outcome: {{decision: {{grant: 1}}}}}}}}"
    path = folder / f"{family}.yaml"
    path.write_text(f"scenario: example\nextends: offices.yaml\n{drawn}\n", encoding="utf-8")
    assert len(run(path))


def test_the_tables_name_all_families_units_and_functions() -> None:
    """The pages list every family, unit and function of the code."""
    scenario, workflow = ((REFERENCE / name).read_text(encoding="utf-8") for name in ("scenario_format.md", "workflow_format.md"))
    assert [n for n in FAMILIES if f"\n| `{n}` |" not in scenario] == []
    assert [n for n in UNITS if f"\n| `{n}`, `{n}s` |" not in scenario] == []
    assert [n for n in FUNCTIONS if f"\n| `{n}(" not in workflow] == []


def test_a_link_leads_to_a_heading() -> None:
    """Every link to a section leads to a heading that exists."""
    texts = {name: (REFERENCE / name).read_text(encoding="utf-8") for name in PAGES}
    headings = {name: {anchor(h) for h in re.findall(r"^#+ .*$", text, re.MULTILINE)} for name, text in texts.items()}
    broken = [(n, *link) for n, text in texts.items() for link in LINK.findall(text) if link[1] not in headings[link[0] or n]]
    assert broken == []
