"""An alluvial diagram: groups of cases at several times, and the flow between them.

Each time is a column. Each group is a block whose height is its size. A ribbon joins two blocks; its width is the number of
cases that move. Gaps between blocks leave room for a label beside each.

References
----------
Rosvall, M. and Bergstrom, C. T. (2010). Mapping change in large networks. PLoS ONE 5(1), e8694.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from simulations.report.figure import FONT
from simulations.tables.formatting import shortened_apart
from workflow.drawing.drawing import READABLE

_FONT_SIZE, _HEAD_SIZE, _LETTER, _HEAD_LETTER = 12.0, 13.0, 6.9, 7.8
"""Font sizes of labels and headings, and the approximate widths of their letters, in pixels."""

_LONGEST = 26
"""Characters of a group's name; longer ones lose their middle. The tooltips have the whole."""

_HEIGHT, _BLOCK, _GAP, _LINE, _LEAST = 330.0, 13.0, 9.0, 17.0, 1.5
"""Height of all cases together; width of a block; gap between blocks; line height of labels; height of the thinnest block."""

_TOP, _EDGE = 34.0, 6.0

Block = tuple[float, float]
"""Top and bottom of a block."""


def alluvial(
    times: Sequence[str],
    groups: Sequence[str],
    moved: NDArray[np.float64],
    colours: Mapping[str, str],
    format_number: Callable[[float], str],
    outlined: Sequence[str] = (),
) -> str:
    """Return the diagram as an ``<svg>`` element without a title.

    Parameters
    ----------
    times : sequence of str
        The heading of each column.
    groups : sequence of str
        In the order of their blocks, from the top.
    moved : ndarray of float, shape (n_times - 1, n_groups, n_groups)
        Number of cases in the first group at one time and in the second at the next.
    colours : mapping of str to str
        The colour of each group.
    format_number : callable
    outlined : sequence of str
        Groups whose blocks are not filled.
    """
    sizes = np.vstack([moved.sum(axis=2), moved[-1:].sum(axis=1)])
    scale = _HEIGHT / max(sizes.sum(axis=1).max(), 1e-9)
    short = shortened_apart(groups, _LONGEST)
    labels = [[f"{format_number(n)} {short[group]}" for n, group in zip(row, groups, strict=True)] for row in sizes]
    longest = max(len(t) for k, texts in enumerate(labels) for t, n in zip(texts, sizes[k], strict=True) if n > 0)
    pitch = max(_BLOCK + longest * _LETTER, max(map(len, times)) * _HEAD_LETTER) + 14
    columns = [_blocks(row * scale) for row in sizes]
    width = 2 * _EDGE + pitch * len(times)
    height = _TOP + max(bottom for column in columns for _, bottom in column.values()) + _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
        f' style="max-width:100%;min-width:{width * READABLE / _FONT_SIZE:.0f}px;height:auto"'
        f' font-family={quoteattr(FONT)} font-size="{_FONT_SIZE:.0f}"><rect width="100%" height="100%" fill="#ffffff"/>'
    ]
    xs = [_EDGE + pitch * k for k in range(len(times))]
    for k, counts in enumerate(moved):
        for source, target, path in _ribbons(counts, columns[k], columns[k + 1], xs[k] + _BLOCK, xs[k + 1]):
            tooltip = f"{groups[source]} to {groups[target]}: {format_number(float(counts[source, target]))}"
            parts.append(
                f'<path d="{path}" fill={quoteattr(colours[groups[source]])} fill-opacity=".38"><title>{escape(tooltip)}</title></path>'
            )
    for k, (x, time, column, texts) in enumerate(zip(xs, times, columns, labels, strict=True)):
        parts.append(
            f'<text x="{x:.1f}" y="18" font-size="{_HEAD_SIZE:.0f}" font-weight="bold" fill="#222">{escape(time)}</text>'
        )
        for group, (top, bottom) in column.items():
            fill = "#ffffff" if groups[group] in outlined else colours[groups[group]]
            dashes = ' stroke-dasharray="4 3"' if groups[group] in outlined else ""
            parts.append(
                f'<rect x="{x:.1f}" y="{_TOP + top:.1f}" width="{_BLOCK:.0f}" height="{bottom - top:.1f}" fill={quoteattr(fill)}'
                f' stroke="#222" stroke-width=".7"{dashes}><title>{escape(f"{format_number(float(sizes[k, group]))} {groups[group]}")}</title></rect>'
                f'<text x="{x + _BLOCK + 4:.1f}" y="{_TOP + (top + bottom) / 2 + 4:.1f}" fill="#111" stroke="#fff" stroke-width="3"'
                f' stroke-linejoin="round" paint-order="stroke">{escape(texts[group])}</text>'
            )
    return "".join([*parts, "</svg>"])


def _blocks(heights: NDArray[np.float64]) -> dict[int, Block]:
    """Return the block of each group that is not empty."""
    blocks: dict[int, Block] = {}
    before: Block | None = None
    for group, height in enumerate(heights.tolist()):
        if height <= 0:
            continue
        drawn = max(height, _LEAST)
        if before is None:
            top = max(0.0, (_LINE - drawn) / 2)
        else:
            top = max(before[1] + _GAP, sum(before) / 2 + _LINE - drawn / 2)
        before = blocks[group] = (top, top + drawn)
    return blocks


def _ribbons(
    moved: NDArray[np.float64], left: Mapping[int, Block], right: Mapping[int, Block], x1: float, x2: float
) -> Iterator[tuple[int, int, str]]:
    """Yield the source, the target and the path of each ribbon between two columns.

    At each block, ribbons are in the order of the blocks at their other ends.
    """
    n_out, n_in = moved.sum(axis=1), moved.sum(axis=0)
    entered = np.zeros(len(moved))
    middle = (x1 + x2) / 2
    for source, (top, bottom) in left.items():
        left_before = 0.0
        for target, (start, end) in right.items():
            n = float(moved[source, target])
            if n <= 0:
                continue
            a1, a2 = (_TOP + top + (bottom - top) * part / n_out[source] for part in (left_before, left_before + n))
            b1, b2 = (_TOP + start + (end - start) * part / n_in[target] for part in (entered[target], entered[target] + n))
            left_before, entered[target] = left_before + n, entered[target] + n
            yield (
                source,
                target,
                f"M{x1:.1f} {a1:.2f}C{middle:.1f} {a1:.2f} {middle:.1f} {b1:.2f} {x2:.1f} {b1:.2f}V{b2:.2f}"
                f"C{middle:.1f} {b2:.2f} {middle:.1f} {a2:.2f} {x1:.1f} {a2:.2f}Z",
            )
