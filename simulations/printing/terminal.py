"""Render tables in the terminal with rich."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table as Grid

from simulations.printing.fitting import fitting
from simulations.printing.lines import VERDICTS, line_width
from simulations.statements.statement import Statement
from simulations.tables.table import Cell, Table
from workflow.errors import visible

_UNLIMITED = 100_000
"""Line width of files and pipes, in characters: wider than any table."""

_OF_VERDICTS = ("verdict", "inside the band?")
"""Headings of the columns that hold verdicts."""

WARNING = "[bold yellow]Warning:[/]"
"""The beginning of a warning, in the console's markup."""


_KEPT = "\ue000"
"""Stands for a space at which no line is broken."""

_IN_NUMBERS = re.compile(r" ?± |(?<=\d) (?=(?:days|hours|minutes|d|h|min)\b)")
"""The spaces inside a number with its uncertainty and unit."""


class _Console(Console):
    """A console that makes control characters of texts visible; only its own styles reach the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text).replace(_KEPT, " "), segment.style)


def new_console(markup: bool = True) -> Console:
    """Return a console that prints to standard output and does not colour numbers.

    Lines are as wide as the terminal, or as the environment variable COLUMNS says. In a file or a pipe nothing is wrapped.
    """
    return _Console(highlight=False, soft_wrap=False, markup=markup, width=line_width() or _UNLIMITED)


def captured(show: Callable[[Console], None], width: int = 110) -> str:
    """Return what a function prints to a console that is so many characters wide, as plain text."""
    file = io.StringIO()
    # in a notebook, rich would display what is printed instead of writing it to the file
    show(_Console(file=file, highlight=False, soft_wrap=False, width=width, color_system=None, force_jupyter=False))
    return "\n".join(line.rstrip() for line in file.getvalue().strip("\n").splitlines())


def new_table(title: str | None, *columns: str) -> Grid:
    """Return a rich table without lines; the first column is aligned left, the others right."""
    grid = Grid(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, show_edge=False, header_style="dim"
    )
    for i, column in enumerate(columns):
        grid.add_column(column, justify="left" if i == 0 else "right", overflow="fold")  # never shorten a value
    return grid


def print_table(console: Console, table: Table | None, footer: Sequence[str] = (), spare: Sequence[str] = ()) -> None:
    """Print a table under its title, with a dim footer row if one is given. ``None`` prints nothing.

    The spare columns are left out where the line is too short for them.
    """
    if table is None:
        return
    if table.title:
        console.print(f"\n[bold]{escape(table.title)}[/bold]")
    rows = [*table.rows, [*map(Cell, footer)]] if footer else table.rows
    rows = [[replace(cell, text=visible(cell.text)) for cell in row] for row in rows]
    table = replace(table, columns=[visible(column) for column in table.columns], rows=rows)
    for part in fitting(table, console.width, spare):
        grid = new_table(None, *map(escape, part.columns))
        for k, column in enumerate(grid.columns):
            column.justify = "left" if k < table.n_text else "right"
        for k, row in enumerate(part.rows, start=1):
            cells = (_styled(cell.text, heading) for cell, heading in zip(row, part.columns, strict=True))
            grid.add_row(*cells, style="dim" if footer and k == len(rows) else None)
        print_grid(console, grid)


def _styled(text: str, heading: str) -> str:
    """Return the text of a cell with its markup: verdicts are coloured."""
    color = VERDICTS.get(text) if heading.replace("\n", " ") in _OF_VERDICTS else None
    return f"[{color}]{text}[/]" if color else escape(text)


def print_grid(console: Console, grid: Grid) -> None:
    """Print a rich table. If it is too wide, its first column stays whole, unless it takes more than half of the line."""
    names = grid.columns[0]
    names.no_wrap = 2 * max(cell_len(str(cell)) for cell in (names.header, *names.cells)) <= console.width
    console.print(grid)


def kept_whole(text: str) -> str:
    """Return a text whose numbers a console keeps on one line, each with its uncertainty and unit."""
    return _IN_NUMBERS.sub(lambda found: found[0].replace(" ", _KEPT), text)


def sentences(statements: Sequence[Statement], most_warnings: int | None = None) -> list[str]:
    """Return sentences in the console's markup: those of the answer as one paragraph, then each warning."""
    ended = [(s, kept_whole(escape(f"{s.text.removesuffix('.')}."))) for s in statements]
    plain = " ".join(text for s, text in ended if not s.is_warning)
    warnings = [f"{WARNING} {text}" for s, text in ended if s.is_warning]
    shown = warnings[:most_warnings]
    more = [f"{len(warnings) - len(shown)} more warnings: --all"] if len(warnings) > len(shown) else []
    return [*([plain] if plain else []), *shown, *more]


def describe_replications(n: int, confidence: float, what: str = "means") -> str:
    """Describe the intervals in tables, or say that a single replication has none."""
    return (
        f"{what} ± half a {confidence:.0%} confidence interval"
        if n > 1
        else "a single replication, so no intervals: add --replications"
    )
