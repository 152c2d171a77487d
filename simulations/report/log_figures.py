"""The figures that need an event log: flow of cases, weekly utilisation, time to leave the docket, and the workflow map."""

from __future__ import annotations

import datetime as dt
import math
from itertools import cycle

from simulations.report.alluvial import alluvial
from simulations.report.contents import Contents
from simulations.report.figure import (  # fmt: skip
    BLUE,
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
    day_axis,
    describe_svg,
    drawn,
    instant,
    line_colours,
    line_dashes,
    stamp,
    suspended,
)
from simulations.report.flow import LATER
from simulations.tables.formatting import number
from simulations.tables.run import describe_prediction
from simulations.tables.table import as_csv
from workflow.drawing.drawing import svg as map_svg
from workflow.model.definition import StateKind

__all__ = ["flow_figure", "map_figure", "survival_figure", "use_figure"]

_STATE_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW)
_FINAL_COLOURS = ("#555555", "#9a9a9a", "#333333", "#bdbdbd")


def flow_figure(contents: Contents) -> Figure | None:
    """Draw the states of cases on several days, and the flow between them."""
    flow = contents.flow
    if flow is None or not flow.moved.sum():
        return None
    kinds = {s.name: s.kind for workflow in contents.scenario.workflows for s in workflow.states.values()}
    largest = dict(zip(flow.states, flow.cases.max(axis=0).tolist(), strict=True))
    colours, open_colours, final_colours = {LATER: GREY}, cycle(_STATE_COLOURS), cycle(_FINAL_COLOURS)
    for state in sorted(largest, key=lambda state: -largest[state]):  # only small states share a colour
        if state != LATER:
            colours[state] = next(final_colours if kinds[state] is StateKind.FINAL else open_colours)
    last = dict(zip(flow.states, flow.cases[-1].tolist(), strict=True))
    n_cases = sum(n for state, n in last.items() if state != LATER)
    n_off = sum(n for state, n in last.items() if kinds.get(state) in (StateKind.FINAL, StateKind.RESTING))
    title = (
        f"By {contents.scenario.ends}, {n_off / n_cases:.0%} of {number(n_cases, 'cases')} cases were off the docket"
    )
    pending = {s: n for s, n in last.items() if kinds.get(s) in (StateKind.ACTIVITY, StateKind.INSTANT) and n > 0}
    if pending:
        title += f"; the largest pending group is in {max(pending, key=lambda state: pending[state])}"
    text = (
        "Each column shows every case once, in its state on that day. A ribbon joins the states of the same cases on two"
        " days, whatever states they passed in between, in the colour of the state on the first day. Grey: final states."
        f" Mean over replications. At the end: {', '.join(f'{s} {_format_cases(n)}' for s, n in last.items() if n > 0)}."
    )
    if flow.cases[:, -1].any():
        text += f" Outlined: cases {LATER}."
    rows = [
        (flow.day_titles[k], flow.day_titles[k + 1], source, target, float(flow.moved[k, a, b]))
        for k in range(len(flow.moved))
        for a, source in enumerate(flow.states)
        for b, target in enumerate(flow.states)
        if flow.moved[k, a, b]
    ]
    csv = as_csv(["on", "next", "from", "to", "mean_cases"], rows)
    svg = alluvial(flow.day_titles, flow.states, flow.moved, colours, _format_cases, outlined=[LATER])
    return Figure("flow", "Flow of cases", title, text, describe_svg(svg, "flow", title, text), csv)


def _format_cases(n: float) -> str:
    return f"{n:,.0f}" if n >= 9.95 or n == round(n) else f"{n:.1f}" if n >= 0.05 else "<0.1"


def use_figure(contents: Contents) -> Figure | None:
    """Draw the utilisation of each pool, week by week."""
    if not contents.use:
        return None
    alt = altair()
    titles = contents.titles
    data: Data = []
    rows = []
    for use in contents.use:
        values = [
            tuple(None if math.isnan(v) else v for v in three)
            for three in zip(use.mean.tolist(), use.low.tolist(), use.high.tolist(), strict=True)
        ]
        rows += [(use.pool, titles[use.court], week, *three) for week, three in zip(use.weeks, values, strict=True)]
        stamps = [stamp(dt.datetime.combine(week, dt.time())) for week in use.weeks]
        stamps.append(instant(contents, contents.scenario.horizon))
        data += [
            {"pool": use.pool, "court": titles[use.court], "week": at, "mean": mean, "low": low, "high": high}
            for at, (mean, low, high) in zip(stamps, [*values, values[-1]], strict=True)  # the last step needs its end
        ]
    names = list(titles.values())
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=500) if len(names) > 1 else None
    base = (
        alt.Chart()
        .transform_filter("isValid(datum.week)")
        .encode(x=day_axis("week"), color=line_colours("court", names, legend))
    )
    y = alt.Y(
        "low:Q", title="share of time on shift", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=5)
    )
    line = base.mark_line(strokeWidth=2, interpolate="step-after")
    layers = [
        base.mark_area(opacity=0.2, interpolate="step-after").encode(y=y, y2="high:Q"),
        line.encode(y="mean:Q", strokeDash=line_dashes("court", names)),
    ]
    shaded = suspended(contents, "pool")
    if shaded:
        shade = alt.Chart().transform_filter("isValid(datum.from)").mark_rect(color=ORANGE, opacity=0.22)
        layers.insert(0, shade.encode(x="from:T", x2="to:T"))
    chart = (
        alt.layer(*layers, data=alt.Data(values=data + shaded))
        .properties(width=WIDTH, height=130)
        .facet(row=alt.Row("pool:N", sort=list(contents.scenario.pools), title=None), spacing=14)
    )
    text = "Share of time on shift that the servers of each pool worked, by week from Monday."
    if len(contents.result.replications) > 1:
        text += f" Line: mean. Light band: {describe_prediction(contents.result)}."
    if shaded:
        text += " Shaded in orange: the pool is suspended in at least one court; it is on shift but starts no work."
    text += " The mean over the whole run, in the table, includes weeks in which a pool had no work."
    csv = as_csv(["pool", "court", "week", "mean", "prediction_low", "prediction_high"], rows)
    return drawn("utilisation", "Utilisation by week", _use_title(contents), text, chart, csv)


def _use_title(contents: Contents) -> str:
    busiest = ", ".join(
        f"{use.pool} {max((v for v in use.mean.tolist() if not math.isnan(v)), default=0.0):.0%}"
        for use in contents.use
        if use.court == "all"
    )
    return f"Share of time on shift that servers worked in their busiest week: {busiest}"


def survival_figure(contents: Contents) -> Figure | None:
    """Draw the share of cases that have not left the docket, by days under observation."""
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
    legend = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolSize=500)
    base = alt.Chart(alt.Data(values=data)).encode(
        x=alt.X("day:Q", title="days since the start of the run, or arrival"),
        color=line_colours("court", names, legend),
    )
    y = alt.Y("low:Q", title="share still on the docket", scale=alt.Scale(domain=[0, 1]))
    band = base.mark_area(opacity=0.2, interpolate="step-after").encode(y=y, y2="high:Q")
    line = base.mark_line(strokeWidth=2, interpolate="step-after").encode(
        y="mean:Q", strokeDash=line_dashes("court", names)
    )
    chart = (band + line).properties(width=WIDTH, height=280)
    end = "; ".join(f"{titles[c.court]}: {c.mean[-1]:.0%}" for c in curves)
    text = (
        "Kaplan-Meier: share of cases that have not yet left the docket for the first time, by day; open cases are censored."
        f" Mean over replications. At the end of the run: {end}."
    )
    if len(contents.result.replications) > 1:
        text += f" Light band: {describe_prediction(contents.result)}."
    share = next((c.mean[-1] for c in curves if c.court == "all"), curves[0].mean[-1])
    title = f"{share:.0%} of the cases had not left the docket by the end of the run"
    csv = as_csv(["court", "day", "mean", "prediction_low", "prediction_high"], rows)
    return drawn("time-to-closure", "Time until a case leaves the docket", title, text, chart, csv)


def map_figure(contents: Contents) -> Figure | None:
    """Draw the map of the workflow with the mean count of each transition on its arrow."""
    workflow, moves = contents.scenario.workflow, contents.moves
    if not moves:
        return None
    counts = {t.name: moves[t.name] for t in workflow.transitions}
    others = ", ".join(f"{name} {n:,.0f}" for name, n in moves.items() if name not in counts and n)
    text = "States and transitions. Each arrow has the mean number of times it was taken in a replication."
    if others:
        text += f" Transitions of later policies, not on the map: {others}."
    csv = as_csv(["transition", "mean_count"], moves.items())
    most, n = max(moves.items(), key=lambda item: item[1])
    title = f"The most frequent transition is {most}: {n:,.0f} times in a replication"
    return Figure("workflow-map", "Workflow map with counts", title, text, map_svg(workflow, counts), csv)
