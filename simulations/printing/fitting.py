"""Fit a table to the width of the terminal, so that lines break only where a reader expects it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.cells import cell_len

from simulations.tables.table import Cell, Table

GAP = 2
"""Number of spaces between columns."""

_IN_NAMES = re.compile(r"(?<=[._ ])(?=\S)")
"""Where a name may continue on the next line."""

_IN_NUMBERS = re.compile(r"(?<= )(?=\()|(?<= to )|(?<=: )")
"""Where a number with its interval may continue on the next line: never before its unit or its uncertainty."""


def fitting(table: Table, width: int, spare: Sequence[str] = ()) -> Iterator[Table]:
    """Yield a table as one or more tables that fit a width.

    A table that is too wide has its headings broken at spaces. If that is not enough, spare columns are left out; then names
    are broken at spaces, dots and underscores, and intervals at their ends; then the columns are spread over several tables,
    each with the leading columns of text.

    Parameters
    ----------
    table : Table
    width : int
        Number of characters of a line.
    spare : sequence of str
        Columns that may be left out, the first one first.
    """
    n = table.n_text
    columns = [[title, *(row[k].text for row in table.rows)] for k, title in enumerate(table.columns)]
    if _total([_longest(column) for column in columns]) <= width:
        yield table
        return
    cells = [_longest(column[1:]) for column in columns]
    headings = _headings(table.columns, cells, width)
    wide = [max(size, _longest(title.split("\n"))) for title, size in zip(headings, cells, strict=True)]
    if spare and _total(wide) > width:
        yield from fitting(table.without(spare[0]), width, spare[1:])
        return
    parts = [[part for text in column[1:] for part in _parts(text, k < n)] for k, column in enumerate(columns)]
    least = [_longest([*title.split("\n"), *of_column]) for title, of_column in zip(headings, parts, strict=True)]
    for block in _blocks(least[n:], width - sum(least[:n]) - GAP * n):
        kept = [*range(n), *(n + k for k in block)]
        room = width - GAP * (len(kept) - 1)
        text = _shrunk(wide[:n], least[:n], room - sum(wide[k] for k in kept[n:]))
        numbers = _shrunk([wide[k] for k in kept[n:]], [least[k] for k in kept[n:]], room - sum(text))
        numbers = [_needed(headings[k], columns[k][1:], size) for k, size in zip(kept[n:], numbers, strict=True)]
        sizes = [*_shrunk(wide[:n], least[:n], room - sum(numbers)), *numbers]  # names get what broken numbers leave
        rows = [
            [Cell(_broken(row[k].text, size, k < n), row[k].value) for k, size in zip(kept, sizes, strict=True)]
            for row in table.rows
        ]
        yield replace(table, columns=[headings[k] for k in kept], rows=rows)


def _headings(titles: Sequence[str], cells: Sequence[int], width: int) -> list[str]:
    """Break titles to the widths of the cells below them, then into fewer lines as far as there is room in the line."""
    broken = [_broken(title, size) for title, size in zip(titles, cells, strict=True)]
    while (most := max(text.count("\n") for text in broken)) > 0:
        flatter = [
            text if text.count("\n") < most else next((b for b in _wider(title, text) if b.count("\n") < most), text)
            for title, text in zip(titles, broken, strict=True)
        ]
        if (
            flatter == broken
            or _total([max(size, _longest(text.split("\n"))) for text, size in zip(flatter, cells, strict=True)]) > width
        ):
            break
        broken = flatter
    return broken


def _wider(title: str, text: str) -> Iterator[str]:
    """Yield a title broken to more and more characters, from the width of a text on."""
    yield from (_broken(title, size) for size in range(_longest(text.split("\n")), cell_len(title) + 1))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """Divide columns among as many tables as they need, in order; each has at least one."""
    blocks: list[list[int]] = [[]]
    for k, one in enumerate(widths):
        if blocks[-1] and sum(widths[i] + GAP for i in blocks[-1]) + one > room:
            blocks.append([])
        blocks[-1].append(k)
    return blocks


def _shrunk(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return widths that sum to at most `room`, the widest column made narrower first; none below its least width."""
    fitted = list(widths)
    while sum(fitted) > room and fitted != list(least):
        k = max((i for i in range(len(fitted)) if fitted[i] > least[i]), key=fitted.__getitem__)
        fitted[k] -= 1
    return fitted


def _needed(heading: str, texts: Sequence[str], size: int) -> int:
    """Return the width of a column of numbers that are broken to a size."""
    return _longest([*heading.split("\n"), *(line for text in texts for line in _broken(text, size, False).split("\n"))])


def _longest(texts: Sequence[str]) -> int:
    return max(map(cell_len, texts), default=0)


def _parts(text: str, is_name: bool) -> list[str]:
    """Return the parts of a text that stay whole, without spaces around them."""
    return [part.strip() for part in _pattern(text, is_name).split(text)]


def _broken(text: str, width: int, is_name: bool = True) -> str:
    """Break a text into lines of a width; parts that are longer stay whole."""
    lines = [""]
    for part in _pattern(text, is_name).split(text):
        if lines[-1] and cell_len((lines[-1] + part).rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.strip() for line in lines)


def _pattern(text: str, is_name: bool) -> re.Pattern[str]:
    return _IN_NUMBERS if not is_name and any(map(str.isdigit, text)) else _IN_NAMES
