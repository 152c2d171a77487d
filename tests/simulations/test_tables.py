"""Tables as plain data, and the two renderers that show the same cells: the terminal and the report."""

from __future__ import annotations

from html.parser import HTMLParser
from io import StringIO

import pytest
from rich.console import Console

from simulations.printing.terminal import print_table
from simulations.report.document import Document, Section, render
from simulations.tables.formatting import number
from simulations.tables.table import Cell, Table, json_csv, text_table

TABLE = Table(
    "waits",
    "Mean wait",
    ["measure", "east", "all"],
    [[Cell("wait[x]"), Cell("1.50 d", 1.5), Cell("2 d", 2.0)], [Cell("wait.y"), Cell("-"), Cell("3 d", 3.0)]],
    csv="measure,mean\nwait,1.5\n",
)


def _printed(table: Table | None, *footer: str) -> list[str]:
    console = Console(width=80, record=True, file=StringIO())
    print_table(console, table, footer)
    return [line.rstrip() for line in console.export_text().splitlines()]


class _Cells(HTMLParser):
    """The texts of the cells of a page, row by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or a cell."""
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        """Add text to the cell."""
        if self.rows and self.rows[-1] and data.strip():
            self.rows[-1][-1] += data.strip()


def test_a_table_is_printed_with_text_left_and_numbers_right() -> None:
    """The title, the headings, and every cell as it is, square brackets included."""
    assert _printed(TABLE) == ["", "Mean wait", "measure    east  all", "wait[x]  1.50 d  2 d", "wait.y        -  3 d"]


def test_no_table_prints_nothing_and_a_footer_follows_the_rows() -> None:
    """A builder returns ``None`` where there is nothing to show."""
    assert _printed(None) == []
    assert _printed(TABLE, "", "▁", "█")[-1].split() == ["▁", "█"]


def test_the_report_shows_the_same_cells_as_the_terminal() -> None:
    """Headings and rows of a page are those of the table."""
    page = render(Document("title", "heading", "", "", [Section("a", "A", [TABLE])], ""))
    cells = [TABLE.columns, *([cell.text for cell in row] for row in TABLE.rows)]
    assert _Cells(page.partition("</table>")[0]).rows == cells
    assert 'data-value="1.5"' in page
    assert "data:text/csv;charset=utf-8,measure%2Cmean" in page


def test_columns_can_be_left_out() -> None:
    """The CSV keeps them."""
    shorter = TABLE.without("east", "unknown")
    assert shorter.columns == ["measure", "all"]
    assert [[cell.text for cell in row] for row in shorter.rows] == [["wait[x]", "2 d"], ["wait.y", "3 d"]]
    assert shorter.csv == TABLE.csv


def test_a_table_of_text_has_no_numbers() -> None:
    """Nothing to sort by, and no CSV."""
    table = text_table("Title", ["a", "b"], [("1", "2")], n_text=2)
    assert (table.rows, table.csv) == ([[Cell("1"), Cell("2")]], "")


def test_records_become_csv_rows_with_the_keys_of_their_json() -> None:
    """Only the given keys, in their order."""

    class Record:
        def json(self) -> dict[str, object]:
            return {"a": 1.25, "b": None, "c": "x,y"}

    assert json_csv(["c", "b", "a"], [Record()]) == 'c,b,a\n"x,y",,1.25\n'


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.1234, "share", "0.123"),
        (0.0, "days", "0"),
        (0.0, "cases", "0"),
        (0.1234, "days", "0.123"),
        (1.234, "days", "1.23"),
        (-12.34, "days", "-12.3"),
        (1234.5, "days", "1,234"),
        (7.0, "cases", "7"),
        (7.25, "cases", "7.2"),
        (1500.0, "cases", "1,500"),
    ],
)
def test_numbers_have_about_three_significant_digits(value: float, unit: str, text: str) -> None:
    """Shares have three decimals; whole numbers of cases have none."""
    assert number(value, unit) == text
