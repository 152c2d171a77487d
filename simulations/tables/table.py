"""A table as plain data: formatted cells with the numbers to sort by, and the unrounded values as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simulations.running.results import ESTIMATE_COLUMNS, Estimate

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, and the number to sort by, if any."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    key : str
        Its id in a page, and the name of its CSV file.
    columns : list of str
        The headings.
    rows : list of list of Cell
        The first cell names the row.
    csv : str
        The unrounded values, sometimes with more rows and columns than the table.
    n_text : int
        Number of leading columns that hold text. The terminal aligns the others right.
    """

    key: str
    title: str
    columns: list[str]
    rows: list[list[Cell]]
    csv: str = field(default="", repr=False)
    n_text: int = 1

    def without(self, *columns: str) -> Table:
        """Return the table without these columns; the CSV keeps them."""
        kept = [k for k, column in enumerate(self.columns) if column not in columns]
        rows = [[row[k] for k in kept] for row in self.rows]
        return replace(self, columns=[self.columns[k] for k in kept], rows=rows)


def text_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], n_text: int = 1) -> Table:
    """Return a table of plain text, without numbers to sort by and without a CSV."""
    return Table("", title, list(columns), [[*map(Cell, row)] for row in rows], n_text=n_text)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV text for a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(map(spreadsheet_cell, columns))
    writer.writerows(map(spreadsheet_cell, row) for row in rows)
    return file.getvalue()


def spreadsheet_cell(value: Any) -> Any:
    """Return a value of a table that may be opened in a spreadsheet.

    A spreadsheet runs a text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return as a formula. Such a
    text gets an apostrophe before it.

    Examples
    --------
    >>> spreadsheet_cell("=1+1"), spreadsheet_cell(-1), spreadsheet_cell("north")
    ("'=1+1", -1, 'north')

    References
    ----------
    OWASP, "CSV Injection".
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def json_csv(columns: Sequence[str], records: Iterable[Any]) -> str:
    """Return one row for each record, with these keys of its ``json()``."""
    rows = [record.json() for record in records]
    return as_csv(columns, ([row[c] for c in columns] for row in rows))


def estimates_csv(estimates: Iterable[Estimate]) -> str:
    """Return one row for each estimate, with the names that ``--json`` has, and the share of uncertain inputs if there are any."""
    listed = list(estimates)
    if all(e.parameters is None for e in listed):
        return json_csv(ESTIMATE_COLUMNS, listed)
    split = ("share", "low", "high")
    rows = (
        [*(e.json()[c] for c in ESTIMATE_COLUMNS), *(e.parameters and getattr(e.parameters, k) for k in split)] for e in listed
    )
    return as_csv([*ESTIMATE_COLUMNS, *(f"parameters_{k}" for k in split)], rows)
