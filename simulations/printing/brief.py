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
    room = lines - 1 - sum(_height(console, lambda text=text: console.print(text)) for text in (*head, *tail))  # type: ignore[misc]
    chosen: list[Part] = []
    left_out = 0
    for k, part in enumerate(parts):
        share = max(room // (len(parts) - k), min(room, _FEWEST))
        shown = _shortened(console, part, share)
        left_out += len(part.table.rows) - (0 if shown is None else len(shown.table.rows))
        if shown is not None:
            chosen.append(shown)
            room -= _height(console, lambda shown=shown: print_table(console, shown.table, spare=shown.spare))  # type: ignore[misc]
    for text in head:
        console.print(text)
    for part in chosen:
        print_table(console, part.table, spare=part.spare)
    for text in tail:
        console.print(text)
    return left_out


_FEWEST = 6
"""Lines of a table with two or three rows, its title and an empty line before it."""


def _shortened(console: Console, part: Part, lines: int) -> Part | None:
    """Return a table with its first rows, as many as take so many lines; ``None`` if not even one does."""
    table = part.table
    for n in range(min(len(table.rows), lines), 0, -1):
        shorter = replace(part, table=replace(table, rows=table.rows[:n]))
        if _height(console, lambda: print_table(console, shorter.table, spare=shorter.spare)) <= lines:  # noqa: B023
            return shorter
    return None


def _height(console: Console, show: Callable[[], object]) -> int:
    """Return how many lines of the console something takes."""
    with console.capture() as captured:
        show()
    return captured.get().count("\n")
