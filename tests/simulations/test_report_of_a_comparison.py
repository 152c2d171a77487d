"""The report of a comparison: paired differences in figures and tables, and their significance."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from simulations import compare
from simulations.cli import app
from simulations.comparing.comparison import Comparison, read_comparison
from simulations.report import write_page
from simulations.report.comparison import comparison_document
from simulations.report.document import render
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
    assert [f["id"] for f in page.all("figure")] == ["figure-pending", "figure-differences-1"]


def test_a_figure_shows_significant_differences(comparison: Comparison) -> None:
    """The title has their number, and one of them with its interval."""
    clear = [d for d in comparison.differences if d.at is None and d.is_significant(0.95) and d.paired and not d.paired.same]
    figure = comparison_document(comparison.folder).figures[1]
    assert figure.title.startswith(f"{len(clear)} of ")
    assert "; waiting_time.serve.mean is 1.03" in figure.title
    assert "Full dots: significant" in figure.text
    assert "waiting_time.serve.mean" in figure.svg


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
    assert "measures are the same in each of 2 replications" in render(document)


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
