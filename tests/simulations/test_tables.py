"""Tables as plain data, and the two renderers that show the same cells: the terminal and the report."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO

import pytest
from rich.console import Console

from simulations.printing.terminal import print_table
from simulations.report.document import Document, Section, render
from simulations.running.intervals import interval
from simulations.running.results import Estimate
from simulations.tables.formatting import (
    format_both,
    format_estimate,
    format_from_to,
    format_mean,
    format_point,
    format_range,
    number,
    signed_percent,
)
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


def test_a_table_with_a_footer_fits_the_line_too() -> None:
    """Each part of a wide table of a sweep has the sparklines of its own columns."""
    columns = ["size", *(f"waiting_time.examination_{k}.mean" for k in range(9))]
    lines = _printed(text_table("", columns, [["4", *["12.50 ± 0.25 d"] * 9]]), "", *"▁▂▃▄▅▆▇█▁")
    assert max(map(len, lines)) <= 80
    assert "".join(c for line in lines for c in line if c in "▁▂▃▄▅▆▇█") == "▁▂▃▄▅▆▇█▁"


def test_the_report_shows_the_same_cells_as_the_terminal() -> None:
    """Headings and rows of a page are those of the table."""
    page = render(Document("title", "heading", "", "", [Section("a", "A", [TABLE])], ""))
    cells = [TABLE.columns, *([cell.text for cell in row] for row in TABLE.rows)]
    assert _Cells(page.partition("</table>")[0]).rows == cells
    assert 'data-value="1.5"' in page
    assert "data:text/csv;charset=utf-8,measure,mean" in page


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
        (-12.34, "days", "−12.3"),
        (1234.5, "days", "1,234"),
        (7.0, "cases", "7"),
        (7.25, "cases", "7.2"),
        (1500.0, "cases", "1,500"),
    ],
)
def test_numbers_have_about_three_significant_digits(value: float, unit: str, text: str) -> None:
    """Shares have three decimals; whole numbers of cases have none."""
    assert number(value, unit) == text


@pytest.mark.parametrize(
    ("mean", "half", "unit", "text"),
    [
        (105.0, 0.97, "days", "105.00 ± 0.97 d"),
        (1 / 120, 1e-4, "days", "12.00 ± 0.14 min"),
        (0.5, 0.1, "days", "12.0 ± 2.4 h"),
        (61.9, 25.8, "cases", "62 ± 26"),
        (12345.0, 1234.0, "cases", "12,300 ± 1,200"),
        (0.5, 0.0995, "share", "0.50 ± 0.10"),
        (36000.0, 850.0, "EUR", "36,000 ± 850 EUR"),
        (1.23, 0.4, "hours", "1.23 ± 0.40 h"),
        (-4.08, 3.14, "cases", "−4.1 ± 3.1"),
        (-0.01, 3.14, "cases", "0.0 ± 3.1"),
        (0.0, 0.02, "days", "0 ± 29 min"),
        (7.0, 0.0, "cases", "7"),
    ],
)
def test_an_uncertainty_has_two_digits_and_the_mean_the_same_place(mean: float, half: float, unit: str, text: str) -> None:
    """Times are in minutes, hours or days by size. Zero has no sign."""
    assert format_mean(mean, mean - half, mean + half, unit) == text


def test_an_asymmetric_interval_has_both_ends_as_exact_as_they_need() -> None:
    """Neither end is rounded to the mean, and an end above 0 does not become 0."""
    assert format_mean(0.5, 0.02, 4.3, "cases") == "0.50 (0.02 to 4.30)"
    assert format_mean(0.999, 0.9963, 0.9998, "share") == "0.9990 (0.9963 to 0.9998)"
    assert format_mean(-4.0, -9.0, -1.0, "cases", signed=True) == "−4.0 (−9.0 to −1.0)"
    assert format_mean(1.0, 0.25, 1.0, "share") == "1.00 (0.25 to 1.00)"


def test_a_date_has_a_range_of_dates() -> None:
    """The mean is on day 39.4 of the run; its interval of 0.9 days begins on day 38 and ends on day 40."""
    day = dt.date(2012, 1, 13)
    estimate = Estimate("ended", "all", None, None, None, "days", 39.4, 38.5, 40.3, None, day, 10, 10)
    assert format_estimate(estimate) == "2012-01-13 (2012-01-12 to 2012-01-14)"
    assert format_estimate(replace(estimate, low=None, high=None)) == "2012-01-13"
    assert format_estimate(replace(estimate, low=39.1, high=39.9)) == "2012-01-13"  # an interval within the day
    assert format_estimate(replace(estimate, low=38.5, high=39.9)) == "2012-01-13 (2012-01-12 to 2012-01-13)"


def test_no_number_has_a_signed_zero() -> None:
    """Neither a rounded negative number nor a difference in percent."""
    assert [number(-0.0001, unit) for unit in ("share", "cases", "days")] == ["0.000", "0.0", "0.000"]
    assert [signed_percent(x) for x in (-0.0004, 0.0, 0.0004, -0.021, 0.5)] == ["0.0%", "0.0%", "0.0%", "−2.1%", "+50.0%"]
    assert format_mean(-0.0, -0.0, -0.0, "cases", signed=True) == "0"


def test_a_time_has_the_unit_of_its_size() -> None:
    """Twelve minutes, half a day, and twelve days; counts have none. A range has the unit of its higher end."""
    assert [format_point(x, None, None, "days") for x in (1 / 120, 0.5, 12.0)] == ["12.0 min", "12.0 h", "12.0 d"]
    assert format_point(0.5, 0.49, 0.51, "days", words=True) == "12.00 hours"
    assert (format_point(3, None, None, "cases"), format_point(2.5, None, None, "working days")) == ("3", "2.50 working d")
    assert format_range(0.0, 0.5, "days") == "0 to 12.0 h"


def test_both_ends_of_a_range_end_at_the_same_place() -> None:
    """Of a prediction interval, and of the lengths of a growing queue."""
    assert format_range(17.13, 123.8, "cases") == "17 to 124"
    assert format_range(0.4321, 0.5678, "share") == "0.432 to 0.568"
    assert format_range(34382, 37298, "cases") == "34,400 to 37,300"
    assert format_range(7923, 7923, "cases") == "7,923"
    assert format_from_to((253.0, 252.9, 253.1), (386, 340, 432)) == "from 253 to 386"


def test_the_values_of_a_comparison_have_the_digits_of_their_difference() -> None:
    """A reader who subtracts them finds the difference: 32.0 less 49.4, and 0.9703 less 0.7392."""
    assert format_both(49.4, 32, (-17.4, -22.2, -12.6), "cases") == ("49.4", "32.0")
    assert format_both(0.97034, 0.73924, (-0.2311, -0.235, -0.2272), "share") == ("0.9703", "0.7392")
    assert format_both(9.20 / 24, 6.92 / 24, (-2.28 / 24, -2.57 / 24, -1.99 / 24), "days") == ("9.20 h", "6.92 h")
    assert format_both(12345, 18345, (6000, None, None), "cases") == ("12,345", "18,345")
    assert format_both(12.4, 18.4, (6, None, None), "cases") == ("12.4", "18.4")


def test_replications_that_only_rounding_tells_apart_have_no_interval() -> None:
    """Ten minutes in every replication, computed from sums of many times: not ± 0.00000000000000089 minutes."""
    values = [10 / 1440, 10 / 1440 * (1 + 3e-16), 10 / 1440]
    low, high = interval(values) or (0.0, 1.0)
    assert format_mean(values[0], low, high, "days") == "10.0 min"
    assert (interval([0.1, 0.1 + 1e-9, 0.1]) or (0, 0))[0] < 0.1
