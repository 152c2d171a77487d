"""A page of a report: sections of figures, tables and text in one HTML file that loads nothing else.

`simulations.report.page` builds the page of a run, `simulations.report.comparison` and `simulations.report.sweep` those of
several runs.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from gzip import compress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from simulations.report.animation import Animation
from simulations.report.figure import Figure
from simulations.report.publishing import write_figures
from simulations.run_folder.whole_files import write_text
from simulations.statements.statement import Statement
from simulations.tables.table import Table

WEB = Path(__file__).with_name("web")
VEGA, FIGURES = WEB / "vega.js", WEB / "figures.js"
"""Scripts that the what-if page has, too: the runtime of Vega-Lite, and what draws figures with it."""

_SCRIPTS = {"vega": [VEGA], "animation": [WEB / "animation.js"], "page": [FIGURES, WEB / "page.js"]}
_LARGE = 50_000
"""Number of characters from which on a CSV text is compressed in the page."""
_LONG_NUMBER, _DIGITS = re.compile(r"(?<![^,\n])-?\d+\.\d{7,}(?![^,\r\n])"), 9
_MOST_ROWS = 8
"""Number of rows up to which a table is open; longer ones fold."""
_MOST_ITEMS = 10
"""Number of items up to which a list is open; longer ones fold."""
_MOST_COLUMNS = 7
"""Number of columns up to which a table is printed upright; wider ones are printed on turned pages."""


@dataclass(frozen=True)
class Tiles:
    """A few key numbers: their names and their values."""

    numbers: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Note:
    """A paragraph.

    Attributes
    ----------
    content : Statement or str
        What it says.
    style : str
        One of ``main``, ``lead``, ``quiet`` and ``warning``.
    start : str
        The first words, in bold.
    more : str
        Advice or an explanation after the content.
    """

    content: Statement | str
    style: str = "quiet"
    start: str = ""
    more: str = ""

    @property
    def text(self) -> str:
        """Return the paragraph after its start."""
        return f"{self.content} {self.more}".rstrip()


@dataclass(frozen=True)
class Items:
    """A list under a heading."""

    heading: str
    items: Sequence[str]


@dataclass(frozen=True)
class Moving:
    """An animation, shown where scripts run."""

    name: str
    animation: Animation


@dataclass(frozen=True)
class Section:
    """A part of a page with a heading and an entry in the navigation."""

    key: str
    name: str
    blocks: Sequence[Figure | Table | Tiles | Note | Items | Moving]


@dataclass(frozen=True)
class Document:
    """A page.

    Attributes
    ----------
    title : str
        The title of the browser window, before the first sentence of the answer.
    heading, lead : str
        The subject in a few words and in a sentence.
    how : str
        How to read the numbers.
    sections : sequence of Section
    foot : str
        The sources of the page.
    answer : sequence of Statement
        The sentences at the head of the page, which also describe it to a browser and a search engine.
    """

    title: str
    heading: str
    lead: str
    how: str
    sections: Sequence[Section]
    foot: str
    answer: Sequence[Statement] = ()

    @property
    def description(self) -> str:
        """Return the answer as one text; empty without one."""
        return " ".join(f"{s.text.removesuffix('.')}." for s in self.answer)

    @property
    def window_title(self) -> str:
        """Return the title of the browser window: the answer's first sentence, and what the page is about."""
        return f"{self.answer[0].text.removesuffix('.')} – {self.title}" if self.answer else self.title

    @property
    def figures(self) -> list[Figure]:
        """Return every figure, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Figure)]

    @property
    def statements(self) -> list[Statement]:
        """Return every statement about results in notes and figures, in order."""
        statements: list[Statement] = []
        for block in (block for section in self.sections for block in section.blocks):
            if isinstance(block, Figure):
                statements += block.statements
            elif isinstance(block, Note) and isinstance(block.content, Statement):
                statements.append(block.content)
        return statements


def render(document: Document) -> str:
    """Return a page as HTML."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["breakable"] = _breakable
    environment.filters["dated"] = _dated
    environment.filters["kind"] = lambda block: type(block).__name__
    template = environment.from_string((WEB / "document.html.j2").read_text(encoding="utf-8"))
    scripts = {name: "".join(path.read_text(encoding="utf-8") for path in paths) for name, paths in _SCRIPTS.items()}
    return (
        template.render(
            document=document,
            csv_link=_csv_link,
            most_rows=_MOST_ROWS,
            most_items=_MOST_ITEMS,
            most_columns=_MOST_COLUMNS,
            css=(WEB / "page.css").read_text(encoding="utf-8"),
            scripts=scripts,
            hashes=" ".join(map(_script_hash, scripts.values())),
            interactive=any(figure.chart is not None for figure in document.figures),
        )
        + "\n"
    )


def write_document(document: Document, out: Path, figures_folder: str | Path | None = None) -> None:
    """Write a page, and each figure as SVG, PNG and PDF with title and source if a folder is given."""
    if figures_folder is not None:
        write_figures(
            document.figures, Path(figures_folder), document.heading, f"Source: simulation with docketsim. {document.how}"
        )
    write_text(out, render(document))


def _script_hash(script: str) -> str:
    """Return the source expression of a content security policy that allows this script and no other."""
    return f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"


def _csv_link(text: str, key: str) -> str:
    """Return the start tag of a link that downloads a CSV text.

    One of more than `_LARGE` characters is compressed, and its numbers are rounded to `_DIGITS` significant digits.
    """
    from markupsafe import Markup

    href, name = "data:text/csv;charset=utf-8," + quote(text, safe=",:/() "), f"{key}.csv"
    if len(text) > _LARGE:
        text = _LONG_NUMBER.sub(lambda number: f"{float(number[0]):.{_DIGITS}g}", text)
        href, name = "data:application/gzip;base64," + b64encode(compress(text.encode(), mtime=0)).decode(), f"{name}.gz"
    return Markup('<a href="{}" download="{}">').format(href, name)


def _dated(text: str) -> str:
    """Mark the dates in a text, which stay on one line."""
    from markupsafe import Markup

    parts = re.split(r"\b(\d{4}-\d\d-\d\d)\b", text)
    return Markup("").join(Markup("<time>{}</time>").format(part) if k % 2 else part for k, part in enumerate(parts))


def _breakable(text: str) -> str:
    """Let a narrow column break a name after each underscore and dot."""
    from markupsafe import Markup

    parts = re.split(r"([_.])", text)
    return Markup("").join(part + Markup("<wbr>") if part in ("_", ".") else part for part in parts)
