"""The figure of a report, and the drawing code that several figures share.

Altair describes a figure and vl-convert renders it as SVG, without a browser or a network. The colours are those of Okabe
and Ito, which remain distinct with the common colour vision deficiencies. Position, labels and a table repeat what the
colours show.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar
from xml.sax.saxutils import escape

from simulations.printing.run_tables import format_estimate
from simulations.report.contents import Contents
from simulations.report.tables import estimates_csv
from simulations.running.results import Estimate
from simulations.timing.clock import MICROSECONDS_PER_DAY

__all__ = ["BLACK", "BLUE", "COLOURS", "DASHES", "FONT", "GREEN", "GREY", "MOST_POINTS", "ORANGE", "PURPLE", "SKY", "VERMILION", "WIDTH", "YELLOW", "Data", "Figure", "altair", "describe_svg", "dots", "drawn", "end_of", "halts", "instant", "stamp"]  # fmt: skip

BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, YELLOW, BLACK, GREY = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#000000", "#8A8A8A")  # fmt: skip
COLOURS = (BLACK, BLUE, VERMILION, GREEN, PURPLE, ORANGE)
"""Colours of lines: the first for all courts together, then up to five courts."""

DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [4, 2, 1, 2])
"""Dash patterns of the same lines."""

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""Fonts with the same widths, so that labels fit in every browser."""

WIDTH = 600
MOST_POINTS = 400
Data = list[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A figure of a report.

    Attributes
    ----------
    key : str
        Its id in the page and its file name.
    name : str
        Its subject, in a few words.
    title : str
        What it shows, in a sentence.
    text : str
        Caption and alternative text.
    svg : str
        One ``<svg>`` element that stands alone.
    csv : str or None
        The data.
    """

    key: str
    name: str
    title: str
    text: str
    svg: str
    csv: str | None = None
    kind: ClassVar[str] = "figure"

    def png(self) -> bytes:
        """Return it as a picture of twice its size in pixels."""
        import vl_convert

        return bytes(vl_convert.svg_to_png(self.svg, scale=2))


def altair() -> Any:
    """Import Altair on first use; its data classes have no types."""
    return import_module("altair")


def drawn(key: str, name: str, title: str, text: str, chart: Any, csv: str) -> Figure:
    """Return a chart of Altair as a figure."""
    import vl_convert

    plain = chart.configure_view(stroke=None).configure(
        font=FONT, background="white",
        axis={"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": "#e4e4e4", "labelLimit": 220, "labelColor": "#222", "titleColor": "#222", "labelOverlap": "greedy", "labelSeparation": 6},
        header={"labelFontSize": 13, "labelFontWeight": "bold", "labelOrient": "top", "labelAnchor": "start", "title": None},
        legend={"labelFontSize": 12, "orient": "top", "title": None, "labelLimit": 200, "symbolStrokeWidth": 3},
    )  # fmt: skip
    picture = vl_convert.vegalite_to_svg(plain.to_dict(validate=False))  # checking it takes longer than drawing it
    return Figure(key, name, title, text, describe_svg(picture, key, title, text), csv)


def describe_svg(svg: str, key: str, title: str, text: str) -> str:
    """Give an SVG a title and a description for screen readers, instead of a label for every mark."""
    svg = re.sub(r' (aria-[a-z]+|role|aria-roledescription)="[^"]*"', "", svg)
    svg = re.sub(r'<text[^>]*\bopacity="0"[^>]*>[^<]*</text>', "", svg)  # labels that Vega hides
    svg = re.sub(r'\bid="', f'id="{key}-', svg)
    svg = re.sub(r"url\(#", f"url(#{key}-", svg)
    head, rest = svg.split(">", 1)
    words = f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(text)}</desc>'
    return f'{head} role="img" aria-labelledby="{key}-title {key}-desc">{words}{rest}'


def dots(
    key: str, name: str, title: str, text: str, rows: list[tuple[str, str, Estimate]], panels: list[str], lines: list[str], unit: str,
    domain: tuple[float, float] | None,
) -> Figure | None:  # fmt: skip
    """Draw means as dots and their intervals as bars, a panel for each subject and a line for each court or group."""
    alt = altair()
    if not rows:
        return None
    data: Data = [{"panel": panel, "line": line, "mean": e.mean, "low": e.mean if e.low is None else e.low, "high": e.mean if e.high is None else e.high, "said": format_estimate(e)} for panel, line, e in rows]  # fmt: skip
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=True)
    base = alt.Chart().encode(y=alt.Y("line:N", title=None, sort=lines))
    stem = base.mark_rule(color="#cfcfcf", strokeWidth=6).encode(x=alt.X("zero:Q", scale=scale), x2="mean:Q")
    bars = base.mark_rule(color=BLACK, strokeWidth=2).encode(x=alt.X("low:Q", title=unit, scale=scale), x2="high:Q")
    points = base.mark_point(filled=True, color=BLUE, size=55, opacity=1).encode(x="mean:Q")
    labels = base.mark_text(align="left", dx=12, fontSize=11, color="#222").encode(x="high:Q", text="said:N")
    chart = (
        alt.layer(stem, points, bars, labels, data=alt.Data(values=[{**row, "zero": 0} for row in data]))
        .properties(width=WIDTH - 140, height=alt.Step(22))
        .facet(row=alt.Row("panel:N", sort=panels, title=None), spacing=12)
    )
    if domain is None:
        chart = chart.resolve_scale(x="independent")
    return drawn(key, name, title, text, chart, estimates_csv(e for _, _, e in rows))


def halts(contents: Contents, panel: str) -> Data:
    """Return the times of suspensions, by the panel in which they are shaded.

    By court, all courts together have those of every court; by pool, a pool has those of any court.
    """
    scenario, courts = contents.scenario, contents.titles
    found = set()
    for halt in scenario.suspensions:
        start, end = max(halt.start, 0), min(halt.end, scenario.horizon)
        names = [scenario.courts[k] for k in halt.courts]
        names += ["all"] if set(names) == set(scenario.courts) else []
        panels = [courts[name] for name in names if name in courts] if panel == "court" else [halt.pool]
        found |= {(name, start, end) for name in panels if start < end}
    return [{panel: name, "from": instant(contents, start), "to": instant(contents, end)} for name, start, end in sorted(found)]  # fmt: skip


def instant(contents: Contents, microseconds: int) -> str:
    """Return an instant of a run."""
    zero = dt.datetime.combine(contents.scenario.starts, dt.time())
    return stamp(zero + dt.timedelta(days=microseconds / MICROSECONDS_PER_DAY))


def end_of(day: dt.date | None) -> str:
    """Return the end of a day."""
    assert day is not None
    return stamp(dt.datetime.combine(day, dt.time()) + dt.timedelta(days=1))


def stamp(moment: dt.datetime) -> str:
    """Return an instant as Vega reads it, alike in every time zone."""
    return f"{moment.isoformat()}Z"
