"""Sentences, tables and lists as HTML, as a notebook shows them. Every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from workflow.errors import visible


def heading(text: str) -> str:
    """Return a heading."""
    return f"<p><strong>{_text(text)}</strong></p>"


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{_text(text)}</p>"


def preformatted(text: str) -> str:
    """Return a text with its line breaks and columns."""
    return f'<pre style="line-height:1.25">{_text(text)}</pre>'


def steps(lines: Iterable[str]) -> str:
    """Return a numbered list. Several spaces stay, as in the lines of a report."""
    listed = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f'<ol style="white-space:pre-wrap">{listed}</ol>'


def items(lines: Sequence[str]) -> str:
    """Return a list; nothing for no lines."""
    return f"<ul>{''.join(f'<li>{_text(line)}</li>' for line in lines)}</ul>" if lines else ""


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", n_text: int = 1) -> str:
    """Return a table; nothing for no rows.

    Parameters
    ----------
    n_text : int
        Number of leading columns that hold text; the others are aligned right.
    """
    if not rows:
        return ""
    sides = [f' style="text-align:{"left" if k < n_text else "right"}"' for k in range(len(columns))]

    def row(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}{side}>{_text(cell)}</{tag}>" for cell, side in zip(cells, sides, strict=True)) + "</tr>"

    caption = f'<caption style="text-align:left">{_text(title)}</caption>' if title else ""
    body = "".join(row(cells, "td") for cells in rows)
    return f"<table>{caption}<thead>{row(columns, 'th')}</thead><tbody>{body}</tbody></table>"


def page(*parts: str) -> str:
    """Return the parts as one element."""
    return f'<div class="docketsim">{"".join(parts)}</div>'


def _text(text: str) -> str:
    return escape(visible(text))
