"""Tables fit the width of the terminal: lines break between words, never inside a number, its uncertainty or its unit."""

from __future__ import annotations

import pytest

from simulations.printing.fitting import fitting
from simulations.tables.table import Table, text_table

COLUMNS = ["measure", "court", "base", "difference", "p", "var. reduction"]
ROWS = [
    ["waiting_time.hearing.mean", "all courts", "12.5 d", "the same in all 10 replications: +1.25 ± 0.25 d", "<0.001", "1.6"],
    ["pending", "north", "5,960", "−0.5 (−1.5 to 0.5)", "0.04", "12.0"],
]
TABLE = text_table("", COLUMNS, ROWS, n_text=2)


def _width(table: Table) -> int:
    cells = [[title, *(row[k].text for row in table.rows)] for k, title in enumerate(table.columns)]
    return sum(max(len(line) for text in column for line in text.split("\n")) + 2 for column in cells) - 2


def test_a_table_that_fits_is_not_changed() -> None:
    """Headings stay on one line."""
    assert [*fitting(TABLE, 200)] == [TABLE]


@pytest.mark.parametrize("width", [120, 100, 80, 60])
def test_a_wide_table_fits(width: int) -> None:
    """No part is wider than the line, and every cell has all its words."""
    parts = [*fitting(TABLE, width)]
    assert max(map(_width, parts)) <= width
    for k, row in enumerate(ROWS):
        printed = "".join(cell.text for i, part in enumerate(parts) for cell in part.rows[k][2 * (i > 0) :])
        assert printed.replace("\n", "").replace(" ", "") == "".join(row).replace(" ", "")


@pytest.mark.parametrize("width", [80, 60, 40])
def test_a_number_keeps_its_uncertainty_and_unit(width: int) -> None:
    """They are on one line."""
    lines = [line for part in fitting(TABLE, width) for row in part.rows for cell in row for line in cell.text.split("\n")]
    assert {"12.5 d", "5,960"} <= set(lines)
    assert any(line.endswith("+1.25 ± 0.25 d") for line in lines)


def test_spare_columns_are_left_out_before_a_table_is_divided() -> None:
    """Where the line is long enough, they stay; otherwise they go before any name or number is broken."""
    spare = ["var. reduction", "p"]
    for width, n_columns in ((200, 6), (115, 6), (110, 5), (100, 4), (80, 4)):
        assert [len(part.columns) for part in fitting(TABLE, width, spare)] == [n_columns]


def test_a_table_too_wide_for_a_line_is_divided_and_names_its_rows_again() -> None:
    """Each part begins with the columns of text."""
    parts = [*fitting(TABLE, 50)]
    assert len(parts) > 1
    assert {tuple(part.columns[:2]) for part in parts} == {("measure", "court")}


def test_names_get_the_room_that_broken_numbers_leave() -> None:
    """A long interval takes two lines; the name beside it then stays whole."""
    rows = [
        ["waiting_time.examine.mean", "7.0 ± 3.0 d", "8.5 ± 1.5 d", "7.6 ± 2.2 d"],
        ["utilisation", "0.964 (0.900 to 0.988)", "0.9988 (0.9958 to 1.0000)", "0.978 (0.940 to 0.992)"],
    ]
    (part,) = fitting(text_table("", ["measure", "north", "south", "all"], rows), 80)
    assert part.rows[0][0].text == "waiting_time.examine.mean"
    assert part.rows[1][1].text == "0.964 (0.900 to\n0.988)"
    assert _width(part) <= 80
