"""A page of a report: sections of figures, tables and words in one HTML file, which asks for nothing outside itself.

What stands in it is put together by `simulations.report.page` for a run and `simulations.report.comparison` for several.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from simulations.report.figure import Figure
from simulations.report.tables import Table, data_link
from simulations.run_folder.whole_files import whole_file, write_text

__all__ = ["Document", "Items", "Note", "Section", "Tiles", "render", "write_document"]

_TEMPLATE = Path(__file__).with_name("document.html.j2")


@dataclass(frozen=True)
class Tiles:
    """A few numbers that stand out: their names and what they are."""

    numbers: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "tiles"


@dataclass(frozen=True)
class Note:
    """A paragraph; `style` is one of ``lead``, ``quiet`` and ``warning``."""

    text: str
    style: str = "quiet"
    start: str = ""
    kind: ClassVar[str] = "note"


@dataclass(frozen=True)
class Items:
    """A list under a heading of its own."""

    heading: str
    items: Sequence[str]
    kind: ClassVar[str] = "items"


@dataclass(frozen=True)
class Section:
    """A part of a page with a heading; the navigation leads to it."""

    key: str
    name: str
    blocks: Sequence[Figure | Table | Tiles | Note | Items]


@dataclass(frozen=True)
class Document:
    """A page.

    Attributes
    ----------
    title : str
        Of the window.
    heading, lead, how : str
        What it is of, in a few words and in a sentence, and how its numbers are to be read.
    sections : sequence of Section
    foot : str
        From what it was made.
    """

    title: str
    heading: str
    lead: str
    how: str
    sections: Sequence[Section]
    foot: str

    @property
    def figures(self) -> list[Figure]:
        """Return every figure in its order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Figure)]


def render(document: Document) -> str:
    """Return the text of the page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["breakable"] = _breakable
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(document=document, link=data_link) + "\n"


def write_document(document: Document, out: Path, figures_folder: str | Path | None = None) -> None:
    """Write a page, and each of its figures as SVG and PNG if a folder is given."""
    if figures_folder is not None:
        for figure in document.figures:
            write_text(Path(figures_folder) / f"{figure.key}.svg", figure.svg)
            with whole_file(Path(figures_folder) / f"{figure.key}.png") as unfinished:
                unfinished.write_bytes(figure.png())
    write_text(out, render(document))


def _breakable(text: str) -> str:
    """Return a name with the places at which a narrow column may break it."""
    from markupsafe import Markup

    parts = re.split(r"([_.])", text)
    return Markup("").join(part + Markup("<wbr>") if part in ("_", ".") else part for part in parts)
