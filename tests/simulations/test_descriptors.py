"""Every measure, waiting cause and unit that a run writes has its definition, and the reference page has them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.measures_page import PAGE, page
from simulations import load_scenario, make_plan, simulate
from simulations.chance.draws import SamplePath
from simulations.measuring.descriptors import BUILT_IN, CAUSES, DECLARED, UNITS, Family, describe
from simulations.measuring.measures import measure
from simulations.measuring.waiting import waits_by_cause

ROOT = Path(__file__).resolve().parents[2]


def office(folder: Path) -> Path:
    """Write the permit office of the documentation, and return its scenario."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))]
    for name in ("permit_office.yaml", "office.yaml"):
        blocks = (m[1] for t in texts for m in re.finditer(rf"^```yaml\n# file: {name}\n(.*?)^```", t, re.M | re.S))
        (folder / name).write_text(next(blocks), encoding="utf-8")
    return folder / "office.yaml"


@pytest.mark.parametrize("name", ["pilot", "docket", "office"])
def test_every_measure_of_a_run_has_its_descriptor(name: str, tmp_path: Path) -> None:
    """Names, units and waiting causes of a run are those of the descriptors, and each has a definition."""
    changes = ["ends=2024-03-31", "published=[]"] if name == "docket" else []  # half a year of ten
    scenario = load_scenario(office(tmp_path) if name == "office" else name, changes)
    draws = SamplePath(1, 1)
    log = simulate(make_plan(scenario, draws), draws)
    descriptors = describe(scenario)
    written = {value.measure: value.unit for value in measure(log)}
    assert written == {m.name: m.unit for m in descriptors.values()}
    assert set(waits_by_cause(log, range(len(log.labels.activity))).by_cause) <= set(CAUSES)
    for m in descriptors.values():
        assert m.title
        assert len(m.description) > 20 or m.family is Family.DECLARED
        assert m.unit in UNITS or m.family is Family.COST
        assert m.name in BUILT_IN or m.subject or m.family is Family.DECLARED
        assert "{}" not in f"{m.name}{m.title}{m.description}"


def test_no_value_is_outside_its_bounds() -> None:
    """The bounds of a descriptor hold for every value of a run."""
    draws = SamplePath(1, 1)
    scenario = load_scenario("pilot")
    descriptors = describe(scenario)
    for value in measure(simulate(make_plan(scenario, draws), draws)):
        low, high = descriptors[value.measure].low, descriptors[value.measure].high
        assert value.value is None or low is None or value.value >= low
        assert value.value is None or high is None or value.value <= high


def test_the_reference_page_is_up_to_date() -> None:
    """``python -m docs.measures_page`` would write docs/reference/measures.md as it is."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_reference_page_defines_every_measure() -> None:
    """Every built-in and declared measure, waiting cause and unit has an entry."""
    text = page()
    headings = {re.sub("<[a-z]+>", "{}", heading) for heading in re.findall("^### `(.*)`$", text, re.M)}
    assert headings == {*BUILT_IN, *(f"{d.name}:" for d in DECLARED)}
    for cause in CAUSES:
        assert f"| `{cause}` |" in text
    for unit in UNITS:
        assert f"| {unit} |" in text
