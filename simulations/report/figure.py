"""The figure of a report, and the drawing code that several figures share.

Altair describes a figure and vl-convert renders it as SVG, without a browser or a network. The colours are those of Okabe
and Ito, which remain distinct with the common colour vision deficiencies. No information depends on colour alone: position,
labels or a table repeat it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any
from xml.sax.saxutils import escape

from simulations.measuring.descriptors import pool_title
from simulations.report.contents import Contents
from simulations.report.interactive import MORE, as_json, live_spec, still_spec, with_short_names
from simulations.running.results import Estimate
from simulations.statements.statement import Statement
from simulations.tables.formatting import format_estimate
from simulations.tables.table import estimates_csv
from simulations.timing.clock import MICROSECONDS_PER_DAY

BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, YELLOW, BLACK, GREY = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#000000", "#8A8A8A")  # fmt: skip
ROOM = {"left": 50, "right": 40, "top": 5, "bottom": 5}
"""Around a figure with long labels, for a reader whose fonts are wider than those that it was laid out with."""
_LINE_COLOURS = (BLACK, BLUE, VERMILION, GREEN, PURPLE, ORANGE, GREY)
_LINE_DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [4, 2, 1, 2], [1, 3])
MOST_LINES = len(_LINE_COLOURS)
"""Number of lines that have distinct colours and dashes."""

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""Fonts with the same widths, so that labels fit in every browser."""

WIDTH = 920
MOST_POINTS = 400
MOST_PANELS = 10
"""Number of panels of a figure; those left out are in its CSV."""
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
    heading : sequence of Statement or str
        Its main results.
    caption : sequence of Statement or str
        Caption and alternative text. Plain strings explain how to read the figure; they state no result.
    csv : str
        The data.
    chart : altair chart, optional
    picture : str, optional
        Instead of a chart: a complete ``<svg>`` element.
    """

    key: str
    name: str
    heading: Sequence[Statement | str]
    caption: Sequence[Statement | str]
    csv: str
    chart: Any = field(default=None, repr=False)
    picture: str = field(default="", repr=False)

    @cached_property
    def svg(self) -> str:
        """Return the figure as a complete ``<svg>`` element, with a title and a description for screen readers."""
        import vl_convert

        if self.chart is None:
            return self.picture
        picture = vl_convert.vegalite_to_svg(still_spec(self._spec))
        return described(picture, self.key, self.title, self.text)

    @property
    def live(self) -> str:
        """Return the specification of the interactive figure as JSON for a ``<script>`` element."""
        return as_json(live_spec(self._spec))

    @cached_property
    def _spec(self) -> dict[str, Any]:
        return with_short_names(self.chart.to_dict(validate=False))  # validation takes longer than rendering

    @property
    def title(self) -> str:
        """Return the main results as text."""
        return "; ".join(map(str, self.heading))

    @property
    def text(self) -> str:
        """Return the caption as text."""
        return " ".join(map(str, self.caption))

    @property
    def statements(self) -> list[Statement]:
        """Return every statement of heading and caption."""
        return [part for part in (*self.heading, *self.caption) if isinstance(part, Statement)]

    def png(self) -> bytes:
        """Return the figure as PNG, two pixels for each unit of its size."""
        import vl_convert

        return bytes(vl_convert.svg_to_png(self.svg, scale=2))


def altair() -> Any:
    """Import Altair on first use."""
    return import_module("altair")


def drawn(
    key: str, name: str, heading: Sequence[Statement | str], caption: Sequence[Statement | str], chart: Any, csv: str
) -> Figure:
    """Return the figure of an Altair chart, in the style of the report."""
    styled = chart.configure_view(stroke=None).configure(
        font=FONT, background="white",
        axis={"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": "#e4e4e4", "labelLimit": 220, "labelColor": "#222", "titleColor": "#222", "labelOverlap": "greedy", "labelSeparation": 6},
        header={"labelFontSize": 13, "labelFontWeight": "bold", "labelOrient": "top", "labelAnchor": "start", "title": None},
        legend={"labelFontSize": 12, "orient": "top", "title": None, "labelLimit": 200, "symbolStrokeWidth": 3},
    )  # fmt: skip
    return Figure(key, name, heading, caption, csv, styled)


def described(svg: str, key: str, title: str, text: str) -> str:
    """Add a title and a description for screen readers to an SVG, and remove the labels of single marks."""
    svg = re.sub(r' (aria-[a-z]+|role|aria-roledescription)="[^"]*"', "", svg)
    svg = re.sub(r'<text[^>]*\bopacity="0"[^>]*>[^<]*</text>', "", svg)  # invisible labels of Vega
    svg = re.sub(r'\bid="', f'id="{key}-', svg)
    svg = re.sub(r"url\(#", f"url(#{key}-", svg)
    head, rest = svg.split(">", 1)
    description = f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(text)}</desc>'
    return f'{head} role="img" aria-labelledby="{key}-title {key}-desc">{description}{rest}'


def day_axis(field: str) -> Any:
    """Return a horizontal axis of dates."""
    alt = altair()
    return alt.X(f"{field}:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(tickCount=8))


def tooltip(**titles: str) -> list[Any]:
    """Return what a mark shows on hover: for each field its title, followed by ``|`` and its number format if it has one."""
    alt = altair()
    shown = []
    for name, title in titles.items():
        label, _, number = title.partition("|")
        shown.append(alt.Tooltip(f"{name}:{'Q' if number else 'N'}", title=label, **({"format": number} if number else {})))
    return shown


def with_end_of_day(chart: Any, field: str = "day") -> Any:
    """Add the field ``on``, the day that ends at an instant, for tooltips."""
    return chart.transform_calculate(on=f"utcFormat(toDate(datum.{field}) - 86400000, '%Y-%m-%d')")


def line_colours(field: str, names: Sequence[str], legend: Any) -> Any:
    """Return the colour of each of up to `MOST_LINES` lines."""
    alt = altair()
    scale = alt.Scale(domain=list(names), range=list(_LINE_COLOURS[: len(names)]))
    return alt.Color(f"{field}:N", sort=list(names), scale=scale, legend=legend)


def line_legend(names: Sequence[str]) -> Any:
    """Return the legend of several lines, in as many columns as there is room for; ``None`` for a single line."""
    if len(names) < 2:
        return None
    column = min(200.0, 6.3 * max(map(len, names))) + 50
    columns = max(1, min(len(names), int(WIDTH // column)))
    return altair().Legend(symbolType="stroke", symbolOpacity=1, symbolSize=500, columns=columns)


def line_dashes(field: str, names: Sequence[str]) -> Any:
    """Return the dash pattern of each of up to `MOST_LINES` lines."""
    alt = altair()
    scale = alt.Scale(domain=list(names), range=list(_LINE_DASHES[: len(names)]))
    return alt.StrokeDash(f"{field}:N", sort=list(names), scale=scale)


def dots(
    key: str,
    name: str,
    heading: Sequence[Statement | str],
    caption: Sequence[Statement | str],
    rows: list[tuple[str, str, Estimate]],
    unit: str,
    domain: tuple[float, float] | None = None,
) -> Figure | None:
    """Draw means as dots and their intervals as bars.

    Parameters
    ----------
    rows : list of (str, str, Estimate)
        The panel, the label of the line, and the estimate.
    unit : str
        Title of the horizontal axis.
    domain : (float, float), optional
        The range of every axis; without it, each panel has its own.
    """
    alt = altair()
    if not rows:
        return None
    panels, lines = (list(dict.fromkeys(row[k] for row in rows)) for k in (0, 1))
    data: Data = [
        {
            "panel": panel,
            "line": line,
            "zero": 0,
            "mean": e.mean,
            "low": e.mean if e.low is None else e.low,
            "high": e.mean if e.high is None else e.high,
            "label": format_estimate(e),
        }
        for panel, line, e in rows
    ]
    shown = tooltip(panel="of", line="line", label="mean")
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=True)
    base = alt.Chart().encode(y=alt.Y("line:N", title=None, sort=lines))
    stem = base.mark_rule(color="#cfcfcf", strokeWidth=6).encode(x=alt.X("zero:Q", scale=scale), x2="mean:Q", tooltip=shown)
    bars = base.mark_rule(color=BLACK, strokeWidth=2).encode(x=alt.X("low:Q", title=unit, scale=scale), x2="high:Q")
    points = base.mark_point(filled=True, color=BLUE, size=55, opacity=1).encode(x="mean:Q", tooltip=shown)
    labels = base.mark_text(align="left", dx=12, fontSize=11, color="#222").encode(x="high:Q", text="label:N")
    chart = (
        alt.layer(stem, points, bars, labels, data=alt.Data(values=data))
        .properties(width=WIDTH - 200, height=alt.Step(22))
        .facet(row=alt.Row("panel:N", sort=panels, title=None), spacing=12)
    )
    if domain is None:
        chart = chart.resolve_scale(x="independent")
    return drawn(key, name, heading, caption, chart, estimates_csv(e for _, _, e in rows))


def suspended(contents: Contents, panel: str) -> Data:
    """Return the times of suspensions to shade, by ``court`` or by ``pool``.

    The panel of all courts has the suspensions of every court together. The panel of a pool has those of any court.
    """
    scenario, courts = contents.scenario, contents.titles | contents.more
    spans = set()
    for suspension in scenario.suspensions:
        start, end = max(suspension.start, 0), min(suspension.end, scenario.horizon)
        names = [scenario.courts[k] for k in suspension.courts]
        names += ["all"] if set(names) == set(scenario.courts) else []
        panels = (
            [courts[name] for name in names if name in courts] if panel == "court" else [pool_title(suspension.pool, scenario)]
        )
        spans |= {(name, start, end) for name in panels if start < end}
    more = set(contents.more.values()) if panel == "court" else set()
    return [
        {panel: name, "from": instant(contents, a), "to": instant(contents, b), **({MORE: True} if name in more else {})}
        for name, a, b in sorted(spans)
    ]


def instant(contents: Contents, microseconds: int) -> str:
    """Return an instant of a run as Vega reads it."""
    zero = dt.datetime.combine(contents.scenario.starts, dt.time())
    return stamp(zero + dt.timedelta(days=microseconds / MICROSECONDS_PER_DAY))


def end_of(day: dt.date | None) -> str:
    """Return the end of a day."""
    assert day is not None
    return stamp(dt.datetime.combine(day, dt.time()) + dt.timedelta(days=1))


def stamp(instant: dt.datetime) -> str:
    """Return an instant as Vega reads it, the same in every time zone."""
    return f"{instant.isoformat()}Z"
