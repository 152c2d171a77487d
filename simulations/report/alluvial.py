"""A picture of things that stand in a few places at some times, and of how many go from where to where in between.

Each time is a column, each place a block in it as high as many stand there, and a ribbon is as wide as many go. The
blocks of a column stand so far from each other that each has its own label beside it.

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

__all__ = ["alluvial"]

_LETTERS, _HEAD, _LETTER = 12.0, 13.0, 6.9
"""Sizes of letters, and about how wide one is, in pixels."""

_HIGH, _BLOCK, _GAP, _LINE, _LEAST = 330.0, 13.0, 9.0, 17.0, 1.5
"""How high all cases together are; how wide a block is; between two blocks; between two labels; the thinnest block."""

_TOP, _EDGE = 34.0, 6.0


def alluvial(
    times: Sequence[str],
    places: Sequence[str],
    moved: NDArray[np.float64],
    colours: Mapping[str, str],
    say: Callable[[float], str],
    faint: Sequence[str] = (),
) -> str:
    """Return the picture as an ``<svg>`` element without a title.

    Parameters
    ----------
    times : sequence of str
        What stands above each column.
    places : sequence of str
        In the order in which they stand in a column, from above.
    moved : ndarray of float, shape (n_times - 1, n_places, n_places)
    colours : mapping of str to str
        Of each place.
    say : callable
        Writes a number.
    faint : sequence of str
        Places whose blocks are only outlined.
    """
    standing = np.vstack([moved.sum(axis=2), moved[-1:].sum(axis=1)])
    scale = _HIGH / max(standing.sum(axis=1).max(), 1e-9)
    labels = [[f"{say(n)} {place}" for n, place in zip(column, places, strict=True)] for column in standing]
    room = max(len(t) for k, texts in enumerate(labels) for t, n in zip(texts, standing[k], strict=True) if n > 0)
    pitch = _BLOCK + room * _LETTER + 14
    blocks = [_column(column * scale) for column in standing]
    width = 2 * _EDGE + pitch * len(times)
    height = _TOP + max(bottom for column in blocks for _, bottom in column.values()) + _EDGE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
        f' font-family={quoteattr(FONT)} font-size="{_LETTERS:.0f}"><rect width="100%" height="100%" fill="#ffffff"/>'
    ]
    xs = [_EDGE + pitch * k for k in range(len(times))]
    for k in range(len(times) - 1):
        parts += _ribbons(moved[k], standing[k], standing[k + 1], blocks[k], blocks[k + 1], xs[k] + _BLOCK, xs[k + 1], places, colours, say)  # fmt: skip
    for x, time, column, texts in zip(xs, times, blocks, labels, strict=True):
        parts.append(f'<text x="{x:.1f}" y="18" font-size="{_HEAD:.0f}" font-weight="bold" fill="#222">{escape(time)}</text>')  # fmt: skip
        for place, (top, bottom) in column.items():
            fill = "#ffffff" if places[place] in faint else colours[places[place]]
            dashes = ' stroke-dasharray="4 3"' if places[place] in faint else ""
            parts.append(
                f'<rect x="{x:.1f}" y="{_TOP + top:.1f}" width="{_BLOCK:.0f}" height="{bottom - top:.1f}" fill={quoteattr(fill)}'
                f' stroke="#222" stroke-width=".7"{dashes}/>'
            )
            parts.append(
                f'<text x="{x + _BLOCK + 4:.1f}" y="{_TOP + (top + bottom) / 2 + 4:.1f}" fill="#111" stroke="#fff" stroke-width="3"'
                f' stroke-linejoin="round" paint-order="stroke">{escape(texts[place])}</text>'
            )
    return "".join([*parts, "</svg>"])


def _column(heights: NDArray[np.float64]) -> dict[int, tuple[float, float]]:
    """Return top and bottom of each block of a column that is there at all."""
    found: dict[int, tuple[float, float]] = {}
    before: tuple[float, float] | None = None
    for place, height in enumerate(heights.tolist()):
        if height <= 0:
            continue
        high = max(height, _LEAST)
        if before is None:
            top = max(0.0, (_LINE - high) / 2)
        else:
            middle = sum(before) / 2
            top = max(before[1] + _GAP, middle + _LINE - high / 2)
        before = found[place] = (top, top + high)
    return found


def _ribbons(
    moved: NDArray[np.float64], here: NDArray[np.float64], there: NDArray[np.float64],
    left: Mapping[int, tuple[float, float]], right: Mapping[int, tuple[float, float]], x1: float, x2: float,
    places: Sequence[str], colours: Mapping[str, str], say: Callable[[float], str],
) -> Iterator[str]:  # fmt: skip
    """Yield the ribbons between two columns; at a block they stand in the order of the blocks they come from or go to."""
    used = np.zeros(len(places))
    middle = (x1 + x2) / 2
    for source, (top, bottom) in left.items():
        gone = 0.0
        for target in right:
            n = float(moved[source, target])
            if n <= 0:
                continue
            a1, a2 = (_TOP + top + (bottom - top) * part / here[source] for part in (gone, gone + n))
            into, end = right[target]
            b1, b2 = (_TOP + into + (end - into) * part / there[target] for part in (used[target], used[target] + n))
            gone, used[target] = gone + n, used[target] + n
            told = f"{places[source]} to {places[target]}: {say(n)}"
            yield (
                f'<path d="M{x1:.1f} {a1:.2f}C{middle:.1f} {a1:.2f} {middle:.1f} {b1:.2f} {x2:.1f} {b1:.2f}V{b2:.2f}'
                f'C{middle:.1f} {b2:.2f} {middle:.1f} {a2:.2f} {x1:.1f} {a2:.2f}Z" fill={quoteattr(colours[places[source]])}'
                f' fill-opacity=".38"><title>{escape(told)}</title></path>'
            )
