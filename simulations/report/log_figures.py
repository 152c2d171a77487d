"""The figures that only the event log has: where cases stood and went, how busy people were, and when cases left."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from itertools import cycle

from simulations.printing.run_tables import number
from simulations.report.alluvial import alluvial
from simulations.report.contents import Contents
from simulations.report.figure import (  # fmt: skip
    BLUE,
    COLOURS,
    DASHES,
    GREEN,
    GREY,
    MOST_POINTS,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    WIDTH,
    YELLOW,
    Data,
    Figure,
    altair,
    describe_svg,
    drawn,
    halts,
    instant,
    stamp,
)
from simulations.report.flow import LATER
from simulations.report.tables import as_csv
from workflow.drawing.drawing import svg as map_svg
from workflow.model.definition import StateKind

__all__ = ["flow_figure", "map_figure", "survival_figure", "use_figure"]

_STATE_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW)
_FINAL_COLOURS = ("#555555", "#9a9a9a", "#333333", "#bdbdbd")


def flow_figure(contents: Contents) -> Figure | None:
    """Draw in which states the cases stood on a few days, and how many went from which to which in between."""
    flow = contents.flow
    if flow is None or not flow.moved.sum():
        return None
    kinds = {s.name: s.kind for workflow in contents.scenario.workflows for s in workflow.states.values()}
    open_ones, final = cycle(_STATE_COLOURS), cycle(_FINAL_COLOURS)
    colours = {LATER: GREY}
    most = dict(zip(flow.places, flow.standing.max(axis=0).tolist(), strict=True))
    for place in sorted(most, key=lambda place: -most[place]):  # should the colours not do, small ones share one
        if place != LATER:
            colours[place] = next(final if kinds[place] is StateKind.FINAL else open_ones)
    times = ["at the start" if day is None else f"end of {day}" for day in flow.days]
    here = dict(zip(flow.places, flow.standing[-1].tolist(), strict=True))
    cases = sum(n for place, n in here.items() if place != LATER)
    left = sum(n for place, n in here.items() if kinds.get(place) in (StateKind.FINAL, StateKind.RESTING))
    title = f"By {contents.scenario.ends}, {left / cases:.0%} of {number(cases, 'cases')} cases were off the docket"
    rest = {
        place: n for place, n in here.items() if kinds.get(place) in (StateKind.ACTIVITY, StateKind.INSTANT) and n > 0
    }
    if rest:
        title += f"; most of the others stood in {max(rest, key=lambda place: rest[place])}"
    text = (
        "Each column has every case once, in the state in which it stood on that day; ribbons go from where a case stood to where"
        " it stood next, whatever it passed in between, and have the colour of the state that they leave. Greys: final states."
        f" Mean over replications. At the end: {', '.join(f'{place} {_cases(n)}' for place, n in here.items() if n > 0)}."
    )
    if flow.standing[:, -1].any():
        text += f" Outlined: cases {LATER}."
    rows = [
        (times[k], times[k + 1], one, two, float(flow.moved[k, a, b]))
        for k in range(len(flow.moved))
        for a, one in enumerate(flow.places)
        for b, two in enumerate(flow.places)
        if flow.moved[k, a, b]
    ]
    csv = as_csv(["on", "next", "from", "to", "mean_cases"], rows)
    picture = alluvial(times, flow.places, flow.moved, colours, _cases, faint=[LATER])
    return Figure("flow", "Flow of cases", title, text, describe_svg(picture, "flow", title, text), csv)


def _cases(n: float) -> str:
    return f"{n:,.0f}" if n >= 9.95 or n == round(n) else f"{n:.1f}" if n >= 0.05 else "<0.1"


def use_figure(contents: Contents) -> Figure | None:
    """Draw the share of their time on shift that the servers of each pool work, week by week."""
    if not contents.use:
        return None
    alt = altair()
    titles = contents.titles
    end = instant(contents, contents.scenario.horizon)
    data: Data = []
    rows = []
    for use in contents.use:
        values = list(zip(use.mean.tolist(), use.low.tolist(), use.high.tolist(), strict=True))
        for week, (mean, low, high) in zip(use.weeks, values, strict=True):
            rows.append([use.pool, titles[use.court], week, *("" if math.isnan(v) else v for v in (mean, low, high))])
        stamps = [*(stamp(dt.datetime.combine(week, dt.time())) for week in use.weeks), end]
        for at, three in zip(stamps, [*values, values[-1]], strict=True):  # a step needs its end
            low, mean, high = (None if math.isnan(v) else v for v in (three[1], three[0], three[2]))
            data.append({"pool": use.pool, "court": titles[use.court], "week": at, "mean": mean, "low": low, "high": high})  # fmt: skip
    names = list(titles.values())
    scale = alt.Scale(domain=names, range=list(COLOURS[: len(names)]))
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=500) if len(names) > 1 else None
    colour = alt.Color("court:N", sort=names, scale=scale, legend=legend)
    dash = alt.StrokeDash("court:N", sort=names, scale=alt.Scale(domain=names, range=list(DASHES[: len(names)])))
    week = alt.X("week:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(tickCount=8))
    base = alt.Chart().transform_filter("isValid(datum.week)").encode(x=week, color=colour)
    y = alt.Y(
        "low:Q", title="share of time on shift", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=5)
    )
    layers = [
        base.mark_area(opacity=0.2, interpolate="step-after").encode(y=y, y2="high:Q"),
        base.mark_line(strokeWidth=2, interpolate="step-after").encode(y="mean:Q", strokeDash=dash),
    ]
    shaded = halts(contents, "pool")
    if shaded:
        shade = alt.Chart().transform_filter("isValid(datum.from)").mark_rect(color=ORANGE, opacity=0.22)
        layers.insert(0, shade.encode(x="from:T", x2="to:T"))
    chart = (
        alt.layer(*layers, data=alt.Data(values=data + shaded))
        .properties(width=WIDTH, height=130)
        .facet(row=alt.Row("pool:N", sort=list(contents.scenario.pools), title=None), spacing=14)
    )
    text = "Share of their time on shift that the people of each pool work, in each week from Monday on."
    if len(contents.result.replications) > 1:
        text += " Line: mean. Light band: 5 to 95 percent of single replications."
    if shaded:
        text += " Shaded in orange: the pool is suspended in some court or all; it is on shift, but begins no work."
    text += " The mean over the whole run, in the table, also counts the weeks in which a pool had nothing to do."
    columns = ["pool", "court", "week", "mean", "q05", "q95"]
    return drawn("utilisation", "Utilisation by week", _use_title(contents), text, chart, as_csv(columns, rows))


def _use_title(contents: Contents) -> str:
    most = {use.pool: max((v for v in use.mean.tolist() if not math.isnan(v)), default=0.0) for use in contents.use if use.court == "all"}  # fmt: skip
    busiest = ", ".join(f"{pool} {share:.0%}" for pool, share in most.items())
    return f"Share of their time on shift that people worked in their busiest week: {busiest}"


def survival_figure(contents: Contents) -> Figure | None:
    """Draw the share of cases still on the docket against the days since they were first seen there."""
    alt = altair()
    curves = contents.curves
    if not curves:
        return None
    titles = contents.titles
    rows = [
        (titles[curve.court], day, *values)
        for curve in curves
        for day, values in enumerate(zip(curve.mean.tolist(), curve.low.tolist(), curve.high.tolist(), strict=True))
    ]
    step = max(1, len(curves[0].mean) // MOST_POINTS)
    data: Data = [{"court": c, "day": d, "mean": m, "low": lo, "high": hi} for c, d, m, lo, hi in rows if d % step == 0]
    names = [titles[curve.court] for curve in curves]
    scale = alt.Scale(domain=names, range=list(COLOURS[: len(names)]))
    colour = alt.Color(
        "court:N", sort=names, scale=scale, legend=alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=500)
    )
    base = alt.Chart(alt.Data(values=data)).encode(x=alt.X("day:Q", title="days since the start of the run, or arrival"), color=colour)  # fmt: skip
    dash = alt.StrokeDash("court:N", sort=names, scale=alt.Scale(domain=names, range=list(DASHES[: len(names)])))
    y = alt.Y("low:Q", title="share still on the docket", scale=alt.Scale(domain=[0, 1]))
    band = base.mark_area(opacity=0.2, interpolate="step-after").encode(y=y, y2="high:Q")
    line = base.mark_line(strokeWidth=2, interpolate="step-after").encode(y="mean:Q", strokeDash=dash)
    chart = (band + line).properties(width=WIDTH, height=280)
    end = "; ".join(f"{titles[c.court]}: {c.mean[-1]:.0%}" for c in curves)
    text = (
        "Kaplan-Meier: share of cases that have not yet left the docket for the first time, by day; open cases are censored."
        f" Mean over replications, with the band of single ones. At the end of the run: {end}."
    )
    names_of = ["court", "day", "mean", "q05", "q95"]
    share = next((c.mean[-1] for c in curves if c.court == "all"), curves[0].mean[-1])
    title = f"{share:.0%} of the cases had not left the docket by the end of the run"
    return drawn("time-to-closure", "Time until a case leaves the docket", title, text, chart, as_csv(names_of, rows))


def map_figure(contents: Contents) -> Figure | None:
    """Draw the map of the workflow with the mean count of each transition on its arrow."""
    workflow = contents.scenario.workflow
    if not contents.moves:
        return None
    counts = {t.name: contents.moves[t.name] for t in workflow.transitions}
    elsewhere = [name for name in contents.moves if name not in counts and contents.moves[name]]
    text = "States and transitions; on each arrow how often it was taken in a replication, on average."
    if elsewhere:
        text += f" Transitions of later policies, not on the map: {_listed(elsewhere, contents)}."
    rows = [[name, n] for name, n in contents.moves.items()]
    csv = as_csv(["transition", "mean_count"], rows)
    most, times = max(contents.moves.items(), key=lambda item: item[1])
    title = f"Of all transitions, {most} was taken most often: {times:,.0f} times in a replication"
    return Figure("workflow-map", "Where cases went", title, text, map_svg(workflow, counts), csv)


def _listed(names: Sequence[str], contents: Contents) -> str:
    moves = contents.moves or {}
    return ", ".join(f"{name} {moves[name]:,.0f}" for name in names)
