"""Results show themselves in notebooks: a short text, HTML with the answer, and the charts of the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from simulations import Comparison, RunResult, as_html, compare, forecast, load_scenario, run, staff, sweep
from simulations.comparing.differences import Difference
from simulations.comparing.paired import pair
from simulations.measuring.descriptors import describe
from simulations.report.comparison import by_size
from simulations.report.contents import read_contents
from simulations.report.figure import Figure
from simulations.report.figures import figures
from simulations.statements.of_comparisons import main_result
from simulations.statements.of_runs import answer
from tests.simulations.desk import write_tiny
from tests.simulations.small_pilot import run_small_pilot
from workflow import InputError, MissingResult


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Two replications of a small pilot."""
    return run_small_pilot(tmp_path_factory.mktemp("small") / "run")


@pytest.fixture(scope="module")
def drawn(small: RunResult) -> dict[str, Figure]:
    """The figures of its report, by key."""
    return {figure.key: figure for figure in figures(read_contents(small.folder))}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small scenario beside its workflow."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def compared(tiny: Path) -> Comparison:
    """The scenario with twice as many clerks, against itself."""
    return compare(tiny, tiny, other_changes=["pools.clerks.size=4"], replications=3, out=tiny.parent / "compared")


SIZES = {"cost": -62_800.0, "cost_per.granted": 78.0, "cost.clerks": 9_000.0}


def _data(chart: Any) -> Any:
    """Return the description of a chart without its title and the numbers of its parameters."""
    text = json.dumps({key: value for key, value in chart.to_dict(validate=False).items() if key != "title"}, sort_keys=True)
    return json.loads(re.sub(r"(param|view|concat|layer)_\d+", r"\1", text))


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ("pending", "pending"),
        ("published", "published-figures"),
        ("waiting", "waiting-by-reason"),
        ("utilisation", "utilisation"),
        ("time_to_closure", "time-to-closure"),
    ],
)
def test_a_chart_is_the_figure_of_the_report(method: str, key: str, small: RunResult, drawn: dict[str, Figure]) -> None:
    """It has the same data and marks, and the figure's main result as its title."""
    figure = drawn[key]
    chart = getattr(small.plot, method)()
    assert _data(chart) == _data(figure.chart)
    assert " ".join(chart.title.text) == " ".join(map(str, figure.heading))


def test_the_flow_and_the_map_are_those_of_the_report(small: RunResult, drawn: dict[str, Figure]) -> None:
    """They are pictures, not charts."""
    assert small.plot.flow().svg == drawn["flow"].svg
    assert small.plot.map()._repr_svg_() == drawn["workflow-map"].svg


def test_a_chart_of_one_court_has_its_data_only(small: RunResult, tmp_path: Path) -> None:
    """It can be saved without a network."""
    chart = small.plot.pending(court="denver")
    assert "baltimore" not in json.dumps(_data(chart))
    assert chart.title.text[0].startswith("Pending cases at Denver ")
    chart.save(tmp_path / "pending.svg")
    assert "Denver" in (tmp_path / "pending.svg").read_text(encoding="utf-8")


def test_a_chart_says_how_to_read_it_and_has_the_size_asked_for(small: RunResult, compared: Comparison) -> None:
    """The caption of the report is its subtitle. The size is that of each panel, whatever the chart consists of."""
    chart = small.plot.pending(width=300, height=90)
    assert "Line: mean. Light band: 95% prediction interval" in " ".join(chart.title.subtitle)
    assert [_data(chart)["spec"][size] for size in ("width", "height")] == [300, 90]
    differences = compared.plot.differences(width=250)
    assert "Hollow dot: none of these" in " ".join(differences.title.subtitle)
    assert {panel["width"] for panel in _data(differences)["vconcat"]} == {250}
    assert _data(small.plot.waiting(height=50))["height"] == 50
    with pytest.raises(InputError, match="width: must be a number, not 'wide'"):
        small.plot.waiting(width="wide")


def test_differences_of_another_size_have_an_axis_of_their_own() -> None:
    """A small one is not a dot on zero beside a large one of the same unit. Those of a measure stay together."""
    one = {name: Difference("b", name, "all", None, "USD", pair([0.0] * 3, [d] * 3, 0.95)) for name, d in SIZES.items()}
    north = Difference("b", "cost", "north", None, "USD", pair([0.0] * 3, [3.0] * 3, 0.95))
    panels = by_size([*one.values(), north])
    assert [[d.measure for d in panel] for panel in panels] == [["cost", "cost.clerks", "cost"], ["cost_per.granted"]]


def test_what_cannot_be_drawn_is_explained(small: RunResult, tiny: Path, tmp_path: Path) -> None:
    """A wrong court, no published figures, no event log, another scenario."""
    with pytest.raises(InputError, match="Did you mean 'denver'"):
        small.plot.pending(court="denvr")
    bare = run(tiny, out=tmp_path / "bare", keep="measures")
    with pytest.raises(MissingResult, match="tiny has no published figures"):
        bare.plot.published()
    with pytest.raises(MissingResult, match="no event log"):
        bare.plot.flow()


def test_a_comparison_and_a_sweep_draw_themselves(compared: Comparison, tiny: Path, tmp_path: Path) -> None:
    """The differences have the sentences of the report as their title."""
    name = compared.against[0]
    words = " ".join(compared.plot.differences(name).title.text)
    assert all(statement.text in words for statement in main_result(compared, name))
    assert {row["scenario"] for row in _data(compared.plot.pending())["data"]["values"]} == {"tiny", name}
    with pytest.raises(MissingResult, match="is not in the comparison"):
        compared.plot.differences("tini")
    swept = sweep(tiny, ["pools.clerks.size=1:2:1"], replications=2, out=tmp_path / "s")
    assert len(_data(swept.plot())["concat"]) == len([one for one in swept.shown if swept.has(*one, None)])


def test_a_comparison_of_one_court_draws_that_court(tiny: Path, tmp_path: Path) -> None:
    """So does one of several courts if it is asked to. What was not compared is named."""
    options = {"other_changes": ["pools.clerks.size=4"], "replications": 2, "keep": "measures", "progress": False}
    west = compare(tiny, tiny, courts=["west"], out=tmp_path / "west", **options)  # type: ignore[arg-type]
    chart = west.plot.pending()
    assert {row["court"] for row in _data(chart)["data"]["values"]} == {"west"}
    assert ", west: " in " ".join(chart.title.text)
    with pytest.raises(InputError, match="Did you mean 'west'"):
        west.plot.pending(court="wst")
    inflow = compare(tiny, tiny, measures=["inflow"], out=tmp_path / "inflow", **options)  # type: ignore[arg-type]
    with pytest.raises(MissingResult, match="nothing to draw: pending was not compared"):
        inflow.plot.pending()


def test_a_value_prints_as_one_line(compared: Comparison, small: RunResult) -> None:
    """It has the measure, the court, the value and its interval."""
    assert re.fullmatch(
        r"<Estimate of pending, denver: [\d.]+ cases \([\d.]+ to [\d.]+\), 2 of 2 replications>",
        repr(small.get("pending", "denver")),
    )
    assert re.fullmatch(
        r"<Estimate of review_finished, all: \d{4}-\d\d-\d\d, 2 of 2 replications>", repr(small.get("review_finished"))
    )
    assert repr(small.pending) == "<Series of pending: 2011-12-05 to 2012-09-30, denver, baltimore, all, 2 replications>"
    difference = repr(compared.get("pending", at=None))
    assert re.fullmatch(
        r"<Difference of pending, all, against tiny with pools.clerks.size=4: [-+][\d.]+ cases( \(.* to .*\))?>", difference
    )


def test_html_is_the_same_in_a_notebook(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a notebook rich would display its tables at once, and leave the HTML without them."""
    result = forecast(tiny, "pending < 1000", replications=2, engine="simpy", progress=False)
    outside = as_html(result)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert "Pending cases below 1,000" in outside
    assert as_html(result) == outside


def test_a_text_is_one_short_line(compared: Comparison, small: RunResult, tiny: Path, tmp_path: Path) -> None:
    """It names the kind of result and its scenario, not their content."""
    swept = sweep(tiny, ["pools.clerks.size=1:2:1"], replications=2, out=tmp_path / "s")
    staffing = staff(tiny, "clerks", court="west", pending_below=1000, at=swept.points[0].scenario.ends, replications=30)
    dated = forecast(tiny, "pending < 1000", replications=3)
    texts = [repr(one) for one in (small, compared, swept, staffing, dated, load_scenario(tiny), small.scenario.workflow)]
    assert [re.findall(r"^<(\w+) ", text) for text in texts] == [
        ["RunResult"], ["Comparison"], ["Sweep"], ["Staffing"], ["Forecast"], ["Scenario"], ["Workflow"]
    ]  # fmt: skip
    assert max(len(text) - len(str(tmp_path)) for text in texts) < 150
    assert all("\n" not in text for text in texts)
    for result, word in ((swept, "clerks.size"), (staffing, "clerks in west"), (dated, "median")):
        assert word in as_html(result)


def test_html_begins_with_the_answer(small: RunResult, compared: Comparison) -> None:
    """It has the sentences of the report and the leading measures, and no script."""
    page = small._repr_html_()
    assert page == as_html(small)
    assert all(statement.text.removesuffix(".") in page for statement in answer(small))
    titles = [describe(small.scenario)[name].row_title for name in small.scenario.show]
    assert all(f">{word}<" in page for word in (*titles, "Baltimore"))
    assert "<script" not in page
    assert all(statement.text in compared._repr_html_() for statement in main_result(compared, compared.against[0]))


def test_names_are_escaped(tiny: Path, tmp_path: Path) -> None:
    """The path of a folder is text, not markup."""
    (tmp_path / "<b>x").mkdir()
    page = run(tiny, out=tmp_path / "<b>x" / "run", keep="measures")._repr_html_()
    assert "<b>" not in page
    assert "&lt;b&gt;x" in page
