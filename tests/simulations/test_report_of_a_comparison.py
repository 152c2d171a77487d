"""The report of a comparison: paired differences in figures and tables, and their significance."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from simulations import compare
from simulations.cli import app
from simulations.comparing.comparison import Comparison, read_comparison
from simulations.report import write_page
from simulations.report.comparison import comparison_document
from simulations.report.document import Tiles, render
from simulations.tables.comparison import format_difference
from tests.simulations.desk import write_tiny
from tests.simulations.test_report import Page
from workflow.errors import InputError


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Two clerks in each court against three, with four replications."""
    folder = tmp_path_factory.mktemp("compared")
    tiny = write_tiny(folder)
    return compare(tiny, tiny, other_changes=["pools.clerks.size=3"], replications=4, out=folder / "both")


def test_a_recorded_comparison_equals_the_returned_result(comparison: Comparison) -> None:
    """Every difference with its p-value, every pair of cases."""
    again = read_comparison(comparison.folder)
    assert again.json() == comparison.json()
    assert again.differences == comparison.differences
    assert again.get("pending").is_significant(0.95) == comparison.get("pending").is_significant(0.95)


def test_the_page_has_every_difference(comparison: Comparison) -> None:
    """Cells show them as in the terminal; the CSV has all of them unrounded, by court too."""
    page = Page(render(comparison_document(comparison.folder)))
    wait = comparison.get("waiting_time.serve.mean")
    assert wait.is_significant(0.95)
    assert wait.paired is not None
    assert wait.paired.difference < 0
    assert {format_difference(wait), format_difference(comparison.get("pending"))} <= set(page.cells)
    link = next(a["href"] for a in page.all("a") if a.get("download") == "differences-table-1.csv")
    rows = list(csv.DictReader(io.StringIO(unquote(str(link)).partition(",")[2])))
    assert len(rows) == len(comparison.differences)
    row = next(r for r in rows if (r["measure"], r["court"]) == ("waiting_time.serve.mean", "all"))
    assert float(row["difference"]) == wait.paired.difference
    assert [f["id"] for f in page.all("figure")] == ["figure-pending", "figure-differences-1", "figure-over-time-1"]


def test_a_figure_shows_significant_differences(comparison: Comparison) -> None:
    """The title has their number, and one of them with its interval."""
    clear = [d for d in comparison.differences if d.at is None and d.is_significant(0.95) and d.paired and not d.paired.same]
    figure = comparison_document(comparison.folder).figures[1]
    assert figure.title.startswith(f"{len(clear)} of ")
    assert "; Mean wait for serve: 1.03" in figure.title
    assert "Full dot: significant" in figure.text
    assert "Mean wait for serve" in figure.svg


CLOSED_DESK = """
workflow: backlog
activities: {serve: {}}
entry: {states: [queue]}
states: {queue: {activity: serve}, done: {final: true}}
transitions: [{transition: finish, from: queue, to: done}]
measures: [{measure: backlog_done, emptied: queue}]
"""
CLOSED = """
scenario: closed
workflow: backlog.yaml
starts: 2024-01-01
ends: 2024-02-15
calendars: {always: {hours: {mon-sun: "00:00-24:00"}, closed: [2024-01-11 to 2024-01-24]}}
courts: {town: {backlog: {queue: 41}}}
pools: {clerks: {at: court, size: 1, calendar: always}}
activities: {serve: {pool: clerks, takes: 8 hours}}
"""


def test_the_main_result_that_a_date_comes_14_days_earlier_is_first_on_the_page_and_in_the_terminal(tmp_path: Path) -> None:
    """41 cases of 8 hours are done on day 14; closed for 14 days, the office does 30 before and 11 after, until day 28."""
    (tmp_path / "backlog.yaml").write_text(CLOSED_DESK, encoding="utf-8")
    (tmp_path / "closed.yaml").write_text(CLOSED, encoding="utf-8")
    scenario = str(tmp_path / "closed.yaml")
    printed = CliRunner().invoke(
        app,
        ["compare", scenario, scenario, "--set-other", "calendars.always.closed=[]", "--replications", "6", "--out", str(tmp_path / "c")],
        env={"COLUMNS": "200"},
    )  # fmt: skip
    assert printed.exit_code == 0, printed.output
    sentence = re.search(r"Backlog done: (14(?:\.0+)?)( ± [\d.]+)? days earlier[^.]*\.", printed.stdout)
    assert sentence is not None, printed.stdout
    assert printed.stdout.index(sentence[0]) > printed.stdout.index("Clear differences")
    assert sentence[0] == "Backlog done: 14.0 days earlier in each of 6 replications, 2024-01-14 instead of 2024-01-28."
    section = comparison_document(tmp_path / "c").sections[0]
    first, *_ = section.blocks
    k = next(k for k, block in enumerate(section.blocks) if isinstance(block, Tiles))
    count, tiles = section.blocks[k - 1], section.blocks[k]
    assert str(first.content) + "." == sentence[0]  # type: ignore[union-attr]
    assert str(count.content).endswith("differ significantly, or by the same amount in each of 6 replications")  # type: ignore[union-attr]
    assert tiles.numbers[0][0] == "Backlog done"  # type: ignore[union-attr]
    assert "days earlier" in tiles.numbers[0][1]  # type: ignore[union-attr]


def test_the_difference_over_time_ends_at_the_difference_of_the_run(comparison: Comparison) -> None:
    """Mean and interval of the last day, of each court and of all, are those of the comparison."""
    page = comparison_document(comparison.folder)
    figure = next(f for f in page.figures if f.key == "over-time-1")
    rows = list(csv.DictReader(io.StringIO(figure.csv)))
    last = {row["court"]: row for row in rows}
    found = {d.court: d.paired for d in comparison.differences if d.measure == "pending" and d.at is None and d.paired}
    assert len(last) > 1
    for court, row in last.items():
        paired = found["all" if court == "all courts" else court]
        assert float(row["difference"]) == pytest.approx(paired.difference)
        low, high = (paired.difference, paired.difference) if paired.low is None else (paired.low, paired.high)
        assert (float(row["low"]), float(row["high"])) == pytest.approx((low, high))


def test_one_replication_has_no_significant_differences(tmp_path: Path) -> None:
    """The page explains it. Two equal scenarios have no figure of differences."""
    tiny = write_tiny(tmp_path)
    compare(tiny, tiny, other_changes=["pools.clerks.size=3"], replications=1, out=tmp_path / "one")
    page = render(comparison_document(tmp_path / "one"))
    assert "chance cannot be separated from effect" in page
    assert "in a single replication" in page
    compare(tiny, tiny, replications=2, out=tmp_path / "same")
    document = comparison_document(tmp_path / "same")
    assert [figure.key for figure in document.figures] == ["pending"]
    assert "measures of a court are the same in each of 2 replications" in render(document)


def test_the_command_takes_the_folder_of_a_comparison(comparison: Comparison, tmp_path: Path) -> None:
    """The page is written beside comparison.json. --stress needs a single run. A damaged result is an error."""
    result = CliRunner().invoke(app, ["report", str(comparison.folder)])
    assert (result.exit_code, (comparison.folder / "report.html").is_file()) == (0, True), result.output
    result = CliRunner().invoke(app, ["report", str(comparison.folder), "--stress", str(tmp_path / "s.md")])
    assert result.exit_code == 2
    assert f"name one of them, such as {comparison.folder}/base" in result.stderr
    (tmp_path / "comparison.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"is not the folder of a comparison: comparison\.json: 'confidence'"):
        write_page(tmp_path)
