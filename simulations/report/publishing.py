"""A figure as a file that can be published alone: with title, subtitle, key and source line, for the web and for print."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from simulations.report.figure import FONT, Figure
from simulations.run_folder.whole_files import whole_file, write_text

_MARGIN, _TITLE, _SUBTITLE, _TEXT = 24.0, 20.0, 15.0, 12.0
"""Margin and font sizes, in pixels."""

_LETTER = 0.53
"""Width of a letter over its font size."""

_LEAST_WIDTH = 640.0


def alone(figure: Figure, subtitle: str, source: str) -> str:
    """Return a figure as a complete ``<svg>`` element with its title, a subtitle, its key and a source line.

    Parameters
    ----------
    figure : Figure
    subtitle : str
        What the figure is of, such as a scenario and its days.
    source : str
        Where the numbers come from.
    """
    inner_width, inner_height = (float(re.search(rf'\b{side}="([\d.]+)', figure.svg).group(1)) for side in ("width", "height"))  # type: ignore[union-attr]
    width = max(inner_width, _LEAST_WIDTH) + 2 * _MARGIN
    parts: list[str] = []
    y = _MARGIN
    title = _lines(figure.title, width, _TITLE)
    for texts, size, weight in ((title, _TITLE, "bold"), (_lines(subtitle, width, _SUBTITLE), _SUBTITLE, "normal")):
        y = _write(parts, texts, y, size, weight, "#1b1b1b" if weight == "bold" else "#4a4a4a")
    parts.append(f'<g transform="translate({_MARGIN} {y + 10:.1f})">{figure.svg}</g>')
    y += 10 + inner_height + 8
    y = _write(parts, _lines(figure.text, width, _TEXT), y, _TEXT, "normal", "#333333")
    y = _write(parts, _lines(source, width, _TEXT), y + 4, _TEXT, "normal", "#666666")
    height = y + _MARGIN - 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" font-family={quoteattr(FONT)}><rect width="100%" height="100%" fill="#ffffff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def write_figures(figures: list[Figure], folder: Path, subtitle: str, source: str) -> None:
    """Write each figure as SVG, as PNG with two pixels for each unit (web), and as PDF (print)."""
    import vl_convert

    for figure in figures:
        svg = alone(figure, subtitle, source)
        write_text(folder / f"{figure.key}.svg", svg)
        for suffix, content in (("png", vl_convert.svg_to_png(svg, scale=2)), ("pdf", vl_convert.svg_to_pdf(svg))):
            with whole_file(folder / f"{figure.key}.{suffix}") as unfinished:
                unfinished.write_bytes(content)


def _lines(text: str, width: float, size: float) -> list[str]:
    return textwrap.wrap(text, int((width - 2 * _MARGIN) / (size * _LETTER)))


def _write(parts: list[str], texts: list[str], y: float, size: float, weight: str, colour: str) -> float:
    """Add lines of text below `y`, and return where they end."""
    for text in texts:
        y += size * 1.35
        parts.append(
            f'<text x="{_MARGIN}" y="{y - size * 0.3:.1f}" font-size="{size:g}" font-weight="{weight}" fill="{colour}">{escape(text)}</text>'
        )
    return y
