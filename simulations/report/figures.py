"""The figures of a report, drawn with Altair and turned into SVG by vl-convert: no browser and no network take part.

Colours are those of Okabe and Ito, which people with any common colour blindness tell apart; what they say is also
said by place, by labels, and by the table beside the figure.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from xml.sax.saxutils import escape

from simulations.clock import MICROSECONDS_PER_DAY
from simulations.measures import WAITING
from simulations.printing import number, said
from simulations.report.contents import Contents
from simulations.report.tables import as_csv, estimates_csv
from simulations.results import Estimate
from simulations.waiting import CAUSES
from workflow.drawing import svg as map_svg

__all__ = ["Figure", "drawn", "figures"]

BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, BLACK, GREY = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000", "#8A8A8A")  # fmt: skip
_CAUSE_COLOURS = (VERMILION, PURPLE, ORANGE, BLUE)
_WIDTH = 600
_MOST_POINTS = 400
Data = list[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A figure of a report.

    Attributes
    ----------
    key : str
        Its name in the page and as a file.
    title, text : str
        What it shows, and what is to be seen in it, for who reads and for who cannot see it.
    svg : str
        One ``<svg>`` element that stands alone.
    csv : str or None
        What is drawn.
    """

    key: str
    title: str
    text: str
    svg: str
    csv: str | None = None

    def png(self) -> bytes:
        """Return it as a picture of twice its size in pixels."""
        import vl_convert

        return bytes(vl_convert.svg_to_png(self.svg, scale=2))


def figures(contents: Contents) -> list[Figure]:
    """Return every figure that the run has data for."""
    made = [_pending(contents), _waiting(contents), _utilisation(contents), _survival(contents), _map(contents)]
    made += [_groups(contents, by) for by in contents.manifest["by"]]
    return [figure for figure in made if figure is not None]


def _altair() -> Any:
    """Import Altair on first use; its data classes have no types."""
    return import_module("altair")


def drawn(key: str, title: str, text: str, chart: Any, csv: str) -> Figure:
    """Return an Altair chart as a figure, in the looks that all figures have."""
    import vl_convert

    plain = chart.configure_view(stroke=None).configure(
        font="sans-serif", background="white",
        axis={"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": "#e4e4e4", "labelLimit": 220, "labelColor": "#222", "titleColor": "#222"},
        header={"labelFontSize": 13, "labelFontWeight": "bold", "labelOrient": "top", "labelAnchor": "start", "title": None},
        legend={"labelFontSize": 12, "orient": "top", "title": None, "labelLimit": 200, "symbolStrokeWidth": 3},
    )  # fmt: skip
    return Figure(key, title, text, _told(vl_convert.vegalite_to_svg(plain.to_dict()), key, title, text), csv)


def _told(svg: str, key: str, title: str, text: str) -> str:
    """Give a picture its words: a title and a description for all of it, instead of a label for every mark."""
    svg = re.sub(r' (aria-[a-z]+|role|aria-roledescription)="[^"]*"', "", svg)
    svg = re.sub(r'\bid="', f'id="{key}-', svg)
    svg = re.sub(r"url\(#", f"url(#{key}-", svg)
    head, rest = svg.split(">", 1)
    words = f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(text)}</desc>'
    return f'{head} role="img" aria-labelledby="{key}-title {key}-desc">{words}{rest}'


# pending -----------------------------------------------------------------------------------------------


def _pending(contents: Contents) -> Figure | None:
    """Draw pending cases by court, day by day, with the band of single replications and the suspensions."""
    alt = _altair()
    series = [e for e in contents.result.series if e.court in contents.courts and e.at is not None and e.mean is not None]  # fmt: skip
    if not series:
        return None
    courts = _titles(contents)
    step = max(1, len({e.at for e in series}) // _MOST_POINTS)
    start = contents.scenario.starts
    shown = [e for e in series if e.at and ((e.at - start).days % step == 0 or e.at == contents.scenario.ends)]
    data: Data = [{"court": courts[e.court], "day": str(e.at), "mean": e.mean, "low": _or(e.q05, e.mean), "high": _or(e.q95, e.mean)} for e in shown]  # fmt: skip
    day = alt.X("day:T", title=None, axis=alt.Axis(labelOverlap=True, tickCount=8))
    base = alt.Chart().encode(x=day)
    layers = [
        base.mark_area(color=SKY, opacity=0.45).encode(y=alt.Y("low:Q", title="pending cases"), y2="high:Q"),
        base.mark_line(color=BLUE, strokeWidth=2).encode(y="mean:Q"),
    ]
    halts = _halts(contents)
    if halts:
        shade = alt.Chart().transform_filter("datum.from != null").mark_rect(color=ORANGE, opacity=0.22)
        layers.insert(0, shade.encode(x="from:T", x2="to:T"))
        data += halts
    points = [p for p in contents.scenario.published if p.measure == "pending" and p.court in courts]
    if points:
        data += [{"court": courts[p.court], "day": str(p.at), "published": p.value} for p in points]
        layers.append(
            base.transform_filter("isValid(datum.published)")
            .mark_point(color=BLACK, filled=True, size=60)
            .encode(y="published:Q")
        )
    chart = (
        alt.layer(*layers, data=alt.Data(values=data))
        .properties(width=_WIDTH, height=170 if len(courts) > 1 else 260)
        .facet(row=alt.Row("court:N", sort=list(courts.values()), title=None), spacing=14)
        .resolve_scale(y="independent")
    )
    return drawn("pending", "Pending cases", _pending_text(contents, bool(halts), bool(points)), chart, estimates_csv(series))  # fmt: skip


def _pending_text(contents: Contents, halted: bool, published: bool) -> str:
    first = next(e for e in contents.result.series if e.court == "all" and e.at is not None)
    last = contents.result.get("pending")
    parts = [f"All courts: {number(first.mean or 0, 'cases')} cases at the end of {first.at}, {said(last)} at the end of {contents.scenario.ends}."]  # fmt: skip
    if len(contents.result.replications) > 1:
        parts.append("Line: mean. Light band: 5 to 95 percent of single replications.")
    if halted:
        pools = dict.fromkeys(s.pool for s in contents.scenario.suspensions)
        parts.append(f"Shaded in orange: {', '.join(pools)} suspended.")
    if published:
        parts.append("Dots: published.")
    if contents.left_out:
        parts.append(f"{contents.left_out} courts with fewer pending cases are not shown by name.")
    return " ".join(parts)


def _halts(contents: Contents) -> Data:
    """Return the times of suspensions in each court; in all courts together, those of every court."""
    scenario, courts = contents.scenario, _titles(contents)
    zero = dt.datetime.combine(scenario.starts, dt.time())
    found = set()
    for halt in scenario.suspensions:
        start, end = max(halt.start, 0), min(halt.end, scenario.horizon)
        names = [scenario.courts[k] for k in halt.courts]
        names += ["all"] if set(names) == set(scenario.courts) else []
        found |= {(courts[name], start, end) for name in names if name in courts and start < end}
    return [
        {"court": court, "from": str(_instant(zero, start)), "to": str(_instant(zero, end))}
        for court, start, end in sorted(found)
    ]


def _instant(zero: dt.datetime, microseconds: int) -> dt.datetime:
    return zero + dt.timedelta(days=microseconds / MICROSECONDS_PER_DAY)


def _titles(contents: Contents) -> dict[str, str]:
    return {court: "all courts" if court == "all" else court for court in contents.courts}


def _or(value: float | None, other: float | None) -> float | None:
    return other if value is None else value


# waiting and use -----------------------------------------------------------------------------------------


def _waiting(contents: Contents) -> Figure | None:
    """Draw the mean wait of each activity and court, split by cause."""
    alt = _altair()
    here = {(e.measure, e.court): e for e in contents.result.measures if e.by is None and e.at is None}
    data: Data = []
    used: list[Estimate] = []
    for name in contents.scenario.work:
        for court, title in _titles(contents).items():
            whole = here.get((f"{WAITING}.{name}.mean", court))
            if whole is None or not whole.mean:
                continue
            for k, cause in enumerate(CAUSES):
                estimate = here[f"{WAITING}.{name}.{cause}", court]
                used.append(estimate)
                data.append({"activity": name, "court": title, "cause": cause.replace("_", " "), "days": estimate.mean or 0.0, "k": k})  # fmt: skip
    if not data:
        return None
    causes = [cause.replace("_", " ") for cause in CAUSES]
    chart = (
        alt.Chart(alt.Data(values=data))
        .mark_bar(stroke="white", strokeWidth=1)
        .encode(
            x=alt.X("days:Q", title="days, mean over cases"),
            y=alt.Y("court:N", title=None, sort=[*_titles(contents).values()]),
            color=alt.Color("cause:N", sort=causes, scale=alt.Scale(domain=causes, range=list(_CAUSE_COLOURS))),
            order=alt.Order("k:Q"),
            row=alt.Row("activity:N", sort=list(contents.scenario.work), title=None, spacing=14),
        )
        .properties(width=_WIDTH - 60, height=alt.Step(24))
    )
    longest = max(data, key=lambda row: float(row["days"]))
    text = (
        f"Mean wait of cases whose work has begun, by the cause of each part of it. The longest part: {longest['days']:.1f} days"
        f" for {longest['activity']}, {longest['court']}, {longest['cause']}."
    )
    return drawn("waiting-by-cause", "Waiting by cause", text, chart, estimates_csv(used))


def _utilisation(contents: Contents) -> Figure | None:
    """Draw the share of their time on shift that the servers of each pool work, with its interval."""
    named = [
        (e.measure.removeprefix("utilisation."), title, e)
        for court, title in _titles(contents).items()
        for e in contents.result.measures
        if e.measure.startswith("utilisation.") and e.court == court and e.by is None and e.at is None
        if e.mean is not None
    ]
    text = "Share of their time on shift that the people of each pool work, over the whole run. " + "; ".join(
        f"{pool}, {court}: {said(e)}" for pool, court, e in named
    )
    rows = [(pool, court, e) for pool, court, e in named]
    return _dots("utilisation", "Utilisation by pool", text + ".", rows, list(contents.scenario.pools), [*_titles(contents).values()], "share of time on shift", (0.0, 1.0))  # fmt: skip


def _groups(contents: Contents, by: str) -> Figure | None:
    """Draw how long each group of cases waits, on average; without any pool, how long it is worked on."""
    contrasted = [c.measure for c in contents.result.contrasts if c.by == by]
    contrasted = [name for name in contrasted if name.startswith(WAITING)] or contrasted
    rows = [
        (e.measure.removesuffix(".mean").replace("_time.", ": "), str(e.group), e)
        for e in contents.result.measures
        if e.by == by and e.court == "all" and e.at is None and e.measure in contrasted and e.mean is not None
    ]
    most = max(
        (c for c in contents.result.contrasts if c.by == by and c.measure in contrasted),
        key=lambda c: c.ratio,
        default=None,
    )
    text = f"Mean days of each group by {by}, all courts together."
    if most is not None:
        text += f" The groups differ most in {most.measure}: {most.slowest} has {most.ratio:.2f} times as many days as {most.fastest}."
    return _dots(f"groups-{by}", f"Who waits, by {by}", text, rows, list(dict.fromkeys(m for m, _, _ in rows)), list(dict.fromkeys(g for _, g, _ in rows)), "days", None)  # fmt: skip


def _dots(
    key: str, title: str, text: str, rows: list[tuple[str, str, Estimate]], panels: list[str], lines: list[str], unit: str,
    domain: tuple[float, float] | None,
) -> Figure | None:  # fmt: skip
    """Draw means as dots and their intervals as bars, a panel for each subject and a line for each court or group."""
    alt = _altair()
    if not rows:
        return None
    data: Data = [{"panel": panel, "line": line, "mean": e.mean, "low": _or(e.low, e.mean), "high": _or(e.high, e.mean), "said": said(e)} for panel, line, e in rows]  # fmt: skip
    scale = alt.Scale(domain=list(domain)) if domain else alt.Scale(zero=True)
    base = alt.Chart().encode(y=alt.Y("line:N", title=None, sort=lines))
    stem = base.mark_rule(color="#cfcfcf", strokeWidth=6).encode(x=alt.X("zero:Q", scale=scale), x2="mean:Q")
    bars = base.mark_rule(color=BLACK, strokeWidth=2).encode(x=alt.X("low:Q", title=unit, scale=scale), x2="high:Q")
    dots = base.mark_point(filled=True, color=BLUE, size=55, opacity=1).encode(x="mean:Q")
    labels = base.mark_text(align="left", dx=12, fontSize=11, color="#222").encode(x="high:Q", text="said:N")
    chart = (
        alt.layer(stem, dots, bars, labels, data=alt.Data(values=[{**row, "zero": 0} for row in data]))
        .properties(width=_WIDTH - 140, height=alt.Step(22))
        .facet(row=alt.Row("panel:N", sort=panels, title=None), spacing=12)
    )
    if domain is None:
        chart = chart.resolve_scale(x="independent")
    return drawn(key, title, text, chart, estimates_csv(e for _, _, e in rows))


# time to closure and the map -----------------------------------------------------------------------------


def _survival(contents: Contents) -> Figure | None:
    """Draw the share of cases still on the docket against the days since they were first seen there."""
    alt = _altair()
    curves = contents.curves
    if not curves:
        return None
    colours = (BLACK, BLUE, VERMILION, GREEN, PURPLE, ORANGE)
    titles = _titles(contents)
    rows = [
        (titles[curve.court], day, *values)
        for curve in curves
        for day, values in enumerate(zip(curve.mean.tolist(), curve.low.tolist(), curve.high.tolist(), strict=True))
    ]
    step = max(1, len(curves[0].mean) // _MOST_POINTS)
    data: Data = [{"court": c, "day": d, "mean": m, "low": lo, "high": hi} for c, d, m, lo, hi in rows if d % step == 0]
    names = [titles[curve.court] for curve in curves]
    scale = alt.Scale(domain=names, range=list(colours[: len(names)]))
    colour = alt.Color(
        "court:N", sort=names, scale=scale, legend=alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=500)
    )
    base = alt.Chart(alt.Data(values=data)).encode(x=alt.X("day:Q", title="days since the start of the run, or arrival"), color=colour)  # fmt: skip
    dash = alt.StrokeDash("court:N", sort=names, scale=alt.Scale(domain=names, range=_dashes(len(names))))
    y = alt.Y("low:Q", title="share still on the docket", scale=alt.Scale(domain=[0, 1]))
    band = base.mark_area(opacity=0.2, interpolate="step-after").encode(y=y, y2="high:Q")
    line = base.mark_line(strokeWidth=2, interpolate="step-after").encode(y="mean:Q", strokeDash=dash)
    chart = (band + line).properties(width=_WIDTH, height=280)
    end = "; ".join(f"{titles[c.court]}: {c.mean[-1]:.0%}" for c in curves)
    text = (
        "Kaplan-Meier: share of cases that have not yet left the docket for the first time, by day; open cases are censored."
        f" Mean over replications, with the band of single ones. At the end of the run: {end}."
    )
    names_of = ["court", "day", "mean", "q05", "q95"]
    return drawn("time-to-closure", "Time until a case leaves the docket", text, chart, as_csv(names_of, rows))


def _dashes(n: int) -> list[list[int]]:
    return [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [10, 4], [4, 2, 1, 2]][:n]


def _map(contents: Contents) -> Figure | None:
    """Draw the map of the workflow with the mean count of each transition on its arrow."""
    workflow = contents.scenario.workflow
    if contents.moves is None:
        return None
    counts = {t.name: contents.moves[t.name] for t in workflow.transitions}
    elsewhere = [name for name in contents.moves if name not in counts and contents.moves[name]]
    text = "States and transitions; on each arrow how often it was taken in a replication, on average."
    if elsewhere:
        text += f" Transitions of later policies, not on the map: {_listed(elsewhere, contents)}."
    rows = [[name, n] for name, n in contents.moves.items()]
    csv = as_csv(["transition", "mean_count"], rows)
    return Figure("workflow-map", "Where cases went", text, map_svg(workflow, counts), csv)


def _listed(names: Sequence[str], contents: Contents) -> str:
    moves = contents.moves or {}
    return ", ".join(f"{name} {moves[name]:,.0f}" for name in names)
