"""Print a result in at most 24 lines: what stands around the tables is printed whole, and the tables have the lines that are left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.console import Console

from simulations.printing.terminal import print_table
from simulations.tables.table import Table

LINES = 24
"""Number of lines of a small terminal."""


MOST_WARNINGS = 2
"""Warnings that are printed whole."""


@dataclass(frozen=True, slots=True)
class Part:
    """A table in a brief result.

    Attributes
    ----------
    table : Table
        The most important rows come first.
    spare : sequence of str
        Columns that are left out where the line is too short for them, the first one first.
    """

    table: Table
    spare: Sequence[str] = ()


def print_brief(console: Console, head: Sequence[str], parts: Sequence[Part], tail: Sequence[str], lines: int = LINES) -> int:
    """Print the head, as many rows of each table as there is room for, and the tail.

    Parameters
    ----------
    head, tail : sequence of str
        Lines with the console's markup. Long ones take several lines of the terminal.
    parts : sequence of Part
        Each but the last has at most its share of the lines that are left.
    lines : int
        The most lines, prompt included.

    Returns
    -------
    int
        Number of rows that were left out.
    """
    begin, end = (_printed(console, lambda texts=texts: [*map(console.print, texts)]) for texts in (head, tail))  # type: ignore[misc]
    room = lines - 1 - begin.count("\n") - end.count("\n")
    tables, left_out = "", 0
    for k, part in enumerate(parts):
        share = max(room // (len(parts) - k), min(room, _FEWEST))
        rows, text = _shortened(console, part, share)
        left_out += len(part.table.rows) - rows
        tables += text
        room -= text.count("\n")
    console.file.write(begin + tables + end)
    return left_out


_FEWEST = 6
"""Lines of a table with two or three rows, its title and an empty line before it."""


def _shortened(console: Console, part: Part, lines: int) -> tuple[int, str]:
    """Return how many rows of a table take so many lines at most, and the table with these first rows as it is printed.

    Spare columns are left out where more rows fit without them, since their heads take lines.
    """
    most = (0, "")
    for k in range(len(part.spare) + 1):
        if most[0] < len(part.table.rows):
            fitted = _first_rows(console, part.table.without(*part.spare[:k]), part.spare[k:], lines)
            most = fitted if fitted[0] > most[0] else most
    return most


def _first_rows(console: Console, table: Table, spare: Sequence[str], lines: int) -> tuple[int, str]:
    n = min(len(table.rows), lines)
    while n > 0:
        shorter = replace(table, rows=table.rows[:n])
        text = _printed(console, lambda: print_table(console, shorter, spare=spare))  # noqa: B023
        height = text.count("\n")
        if height <= lines:
            return n, text
        n -= max(1, (height - lines) * n // height)  # rows of average height, with what stands above them
    return 0, ""


def _printed(console: Console, show: Callable[[], object]) -> str:
    """Return what something prints to a console."""
    with console.capture() as captured:
        show()
    return captured.get()
