"""Every measure, part of a wait and unit that a run writes has its definition, and the reference page has them all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.measures_page import PAGE, page
from simulations import load_scenario, make_plan, run, simulate
from simulations.chance.draws import SamplePath
from simulations.measuring.descriptors import BREAKDOWNS, BUILT_IN, DECLARED, UNITS, Family, describe
from simulations.measuring.measures import measure
from simulations.measuring.waiting import divide_waits, waits_for
from simulations.timing.clock import MICROSECONDS_PER_DAY

ROOT = Path(__file__).resolve().parents[2]


def office(folder: Path) -> Path:
    """Write the permit office of the documentation, and return its scenario."""
    text = (ROOT / "docs" / "how-to" / "office-example.md").read_text(encoding="utf-8")
    for name in ("permit_office.yaml", "office.yaml"):
        blocks = (m[1] for m in re.finditer(rf"^```yaml\n# file: {name}\n(.*?)^```", text, re.M | re.S))
        (folder / name).write_text(next(blocks), encoding="utf-8")
    return folder / "office.yaml"


@pytest.mark.parametrize("name", ["pilot", "docket", "office"])
def test_every_measure_of_a_run_has_its_descriptor(name: str, tmp_path: Path) -> None:
    """Names, units and waiting causes of a run are those of the descriptors, and each has a definition."""
    changes = ["ends=2023-12-31", "published=[]"] if name == "docket" else []  # three months of ten years
    scenario = load_scenario(office(tmp_path) if name == "office" else name, changes)
    draws = SamplePath(1, 1)
    log = simulate(make_plan(scenario, draws), draws)
    descriptors = describe(scenario)
    written = {value.measure: value.unit for value in measure(log)}
    assert written == {m.name: m.unit for m in descriptors.values()}
    for piece in divide_waits(log, waits_for(log, range(len(log.labels.activity)))):
        assert piece.part in BREAKDOWNS[piece.kind]
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


def test_a_declared_ratio_is_a_share_if_its_cases_are_surely_counted_below_the_line() -> None:
    """Only reviewed cases are amenable, and only closed cases ask for a permit; with a warm-up, neither bound holds."""
    bounds = {m.name: m.high for m in describe(load_scenario("pilot")).values()}
    assert (bounds["amenable_share"], bounds["granted_over_closed"], bounds["clearance_rate"]) == (1.0, 1.0, None)
    warm = {m.name: m.high for m in describe(load_scenario("pilot", ["warm_up=2012-01-31"])).values()}
    assert (warm["amenable_share"], warm["granted_over_closed"]) == (None, None)


@pytest.mark.parametrize("replications", [2, 3])
def test_every_interval_is_within_the_bounds_of_its_measure(replications: int, tmp_path: Path) -> None:
    """Confidence and prediction intervals of shares, counts, times and dates, with the fewest replications."""
    result = run("pilot", replications=replications, out=tmp_path / "run", keep="measures")
    descriptors, days = describe(result.scenario), result.scenario.horizon / MICROSECONDS_PER_DAY
    with_interval = [e for e in result.estimates if e.low is not None]
    assert len({e.measure for e in with_interval}) > 30
    for e in with_interval:
        low, high = descriptors[e.measure].low, days if descriptors[e.measure].is_date else descriptors[e.measure].high
        ends = (e.low, e.high, e.prediction_low, e.prediction_high)
        assert low is None or min(ends) >= low, e
        assert high is None or max(ends) <= high, e


def test_the_reference_page_is_up_to_date() -> None:
    """``python -m docs.measures_page`` would write docs/reference/measures.md as it is."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_reference_page_defines_every_measure() -> None:
    """Every built-in and declared measure, part of a wait and unit has an entry."""
    text = page()
    headings = {re.sub("<[a-z]+>", "{}", heading) for heading in re.findall("^### `(.*)`$", text, re.M)}
    assert headings == {*(re.sub("<[a-z]+>", "{}", name) for name in BUILT_IN), *(f"{d.name}:" for d in DECLARED)}
    for part in (part for parts in BREAKDOWNS.values() for part in parts):
        assert f"| `{part}` |" in text
    for unit in UNITS:
        assert f"| {unit} |" in text
