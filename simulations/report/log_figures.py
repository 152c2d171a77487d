"""The figures that need an event log: flow of cases, weekly utilisation, time to leave the docket, and the workflow map."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

from simulations.measuring.descriptors import pool_title
from simulations.report.alluvial import alluvial
from simulations.report.contents import Contents
from simulations.report.figure import (  # fmt: skip
    BLUE,
    GREEN,
    GREY,
    MOST_PANELS,
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
    described,
    drawn,
    instant,
    line_colours,
    line_dashes,
    line_legend,
    stamp,
    suspended,
    tooltip,
)
from simulations.report.flow import LATER
from simulations.report.interactive import MORE
from simulations.report.use import Use
from simulations.statements.of_runs import (
    busiest_week,
    fullest_week,
    in_states,
    largest_group,
    later_cases,
    median_stay,
    most_frequent,
    never_left,
    off_docket,
    off_the_map,
)
from simulations.statements.statement import Statement, join_names
from simulations.tables.formatting import court_title, format_level, number, state_title
from simulations.tables.run import describe_prediction
from simulations.tables.table import as_csv
from workflow.drawing.drawing import svg as map_svg
from workflow.model.definition import StateKind
from workflow.proving.findings import greyed

_STATE_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW)
_AT_RISK = 6
_MOST_BANDS = 3
"""Number of lines up to which each has its band; of more, only the first has one."""
_MOST_NAMED = 12
"""Number of states whose cases the caption of the flow names."""
_FINAL_COLOURS = ("#555555", "#9a9a9a", "#333333", "#bdbdbd")


def flow_figure(contents: Contents) -> Figure | None:
    """Draw the states of cases on several days, and the flow between them."""
    flow = contents.flow
    if flow is None or not flow.moved.sum():
        return None
    confidence = contents.result.confidence
    kinds = {s.name: s.kind for workflow in contents.scenario.workflows for s in workflow.states.values()}
    titles = {state: state_title(state, contents.scenario) for state in flow.states}
    largest = dict(zip(flow.states, flow.cases.max(axis=0).tolist(), strict=True))
    colours, open_colours, final_colours = {LATER: GREY}, cycle(_STATE_COLOURS), cycle(_FINAL_COLOURS)
    for state in sorted(largest, key=lambda state: -largest[state]):  # only small states share a colour
        if state != LATER:
            colours[state] = next(final_colours if kinds[state] is StateKind.FINAL else open_colours)
    ends, last = contents.scenario.ends, dict(zip(flow.states, flow.cases[-1].tolist(), strict=True))
    there = {state: n for state, n in last.items() if state != LATER and n > 0}
    n_off = sum(n for state, n in there.items() if kinds[state] in (StateKind.FINAL, StateKind.RESTING))
    pending = {s: n for s, n in there.items() if kinds[s] in (StateKind.ACTIVITY, StateKind.INSTANT)}
    group = largest_group(ends, pending, titles)
    heading = [off_docket(ends, n_off, sum(there.values())), *([group] if group is not None else [])]
    largest_there = sorted(there, key=lambda state: -there[state])[:_MOST_NAMED]
    named = [state for state in there if state in largest_there]  # in the order of the workflow
    caption: list[Statement | str] = [
        "Each column shows every case once, in its state on that day. A ribbon joins the states of the same cases on two"
        " days, whatever states they passed in between, in the colour of the state on the first day. Grey: final states."
        " Mean over replications.",
        in_states(ends, {state: flow.of(-1, state) for state in named}, confidence, titles),
    ]
    if len(there) > len(named):
        caption.append(f"Named: the {len(named)} states with the most cases, of {len(there)}; the table has all.")
    if flow.cases[:, -1].any():
        caption.append(later_cases(flow.of(0, LATER), confidence))
    rows = [
        (flow.day_titles[k], flow.day_titles[k + 1], source, target, float(flow.moved[k, a, b]))
        for k in range(len(flow.moved))
        for a, source in enumerate(flow.states)
        for b, target in enumerate(flow.states)
        if flow.moved[k, a, b]
    ]
    csv = as_csv(["on", "next", "from", "to", "mean_cases"], rows)
    levels = {
        round(sum(values) / len(values), 6): format_level(values, confidence)
        for k in range(len(flow.days))
        for values in (flow.of(k, state) for state in flow.states)
    }
    svg = alluvial(
        flow.day_titles,
        [*titles.values()],
        flow.moved,
        {titles[state]: colour for state, colour in colours.items()},
        lambda n: levels.get(round(n, 6), _format_cases(n)),
        outlined=[LATER],
    )
    drawing = Figure("flow", "Flow of cases", heading, caption, csv)
    return replace(drawing, picture=described(svg, drawing.key, drawing.title, drawing.text))


def _format_cases(n: float) -> str:
    return f"{n:,.0f}" if n >= 9.95 or n == round(n) else f"{n:.1f}" if n >= 0.05 else "<0.1"


def use_figure(contents: Contents) -> Figure | None:
    """Draw the utilisation of each pool, week by week, with the share of its slots that were used below it."""
    if not contents.use:
        return None
    alt = altair()
    with_slots = any(use.of_slots for use in contents.use)
    n_pools, most = len({use.pool for use in contents.use}), MOST_PANELS // (1 + with_slots)
    busiest = sorted({use.pool: 0 for use in contents.use}, key=lambda pool: -_largest(contents, of_slots=False).get(pool, 0.0))
    shown = [name for name in contents.scenario.pools if name in busiest[:most]]
    panels = [_panel(contents, name, of_slots) for name in shown for of_slots in (False, True)]
    titles = contents.titles | contents.more
    rows = [row for use in contents.use for row in _weekly_rows(use, _panel(contents, use.pool, use.of_slots), titles[use.court])]
    shaded, names = suspended(contents, "pool"), list(contents.titles.values())
    legend = line_legend(names)
    base = (
        alt.Chart()
        .transform_filter("isValid(datum.week)")
        .transform_calculate(of="utcFormat(toDate(datum.week), '%Y-%m-%d')")
        .encode(x=day_axis("week"), color=line_colours("court", names, legend))
    )
    values = tooltip(pool="pool", court="court", of="week from", mean="mean|.1%", low="from|.1%", high="to|.1%")
    share = "share" if with_slots else "share of time on shift"
    y = alt.Y("low:Q", title=share, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=5))
    line = base.mark_line(strokeWidth=2, interpolate="step-after")
    layers = [
        base.transform_filter("datum.band").mark_area(opacity=0.2, interpolate="step-after").encode(y=y, y2="high:Q"),
        line.encode(y="mean:Q", strokeDash=line_dashes("court", names), tooltip=values),
    ]
    if shaded:
        shade = alt.Chart().transform_filter("isValid(datum.from)").mark_rect(color=ORANGE, opacity=0.22)
        layers.insert(0, shade.encode(x="from:T", x2="to:T"))
    chart = (
        alt.layer(*layers, data=alt.Data(values=[d for d in _weekly_steps(contents, rows) + shaded if d["pool"] in panels]))
        .properties(width=WIDTH, height=130)
        .facet(row=alt.Row("pool:N", sort=panels, title=None), spacing=14)
    )
    heading = [busiest_week(_largest(contents, of_slots=False), contents.whole, contents.scenario)]
    heading += [fullest_week(_largest(contents, of_slots=True), contents.whole, contents.scenario)] if with_slots else []
    named = [
        row
        for use in contents.use
        if use.court in contents.titles
        for row in _weekly_rows(use, f"{use.pool}: slots used" if use.of_slots else use.pool, use.court)
    ]
    csv = as_csv(["pool", "court", "week", "mean", "prediction_low", "prediction_high"], named)
    caption: list[Statement | str] = [_use_text(contents, with_slots, bool(shaded), names), *contents.courts_note(summed=False)]
    if n_pools > most:
        caption.append(f"Shown: the {most} pools with the busiest weeks, of {n_pools}.")
    return drawn("utilisation", "Utilisation by week", heading, caption, chart, csv)


def _panel(contents: Contents, pool: str, of_slots: bool) -> str:
    return f"{pool_title(pool, contents.scenario)}{': slots used' if of_slots else ''}"


def _weekly_rows(
    use: Use, panel: str, court: str
) -> Iterator[tuple[str, str, dt.date, float | None, float | None, float | None]]:
    """Yield the panel, the court, the first day, the mean and the ends of the prediction interval of each week."""
    for week, *values in zip(use.weeks, use.mean.tolist(), use.low.tolist(), use.high.tolist(), strict=True):
        mean, low, high = (None if math.isnan(v) else v for v in values)
        yield panel, court, week, mean, low, high


def _weekly_steps(contents: Contents, rows: Sequence[tuple[Any, ...]]) -> Data:
    """Return the rows as steps; the last step of each line has an end."""
    more = set(contents.more.values())
    steps = [(panel, court, stamp(dt.datetime.combine(week, dt.time())), *values) for panel, court, week, *values in rows]
    last = {row[:2]: row for row in steps}
    steps += [(panel, court, instant(contents, contents.scenario.horizon), *values) for panel, court, _, *values in last.values()]
    fields = ("pool", "court", "week", "mean", "low", "high")
    banded = {*_banded(list(contents.titles.values())), *more}
    return [
        dict(zip(fields, step, strict=True)) | {"band": step[1] in banded} | ({MORE: True} if step[1] in more else {})
        for step in steps
    ]


def _banded(names: Sequence[str]) -> Sequence[str]:
    """Return the lines that have a band."""
    return names if len(names) <= _MOST_BANDS else names[:1]


def _band_text(contents: Contents, names: Sequence[str]) -> str:
    """Return what the light band is, and of what, if not of every line."""
    of = "" if len(names) <= _MOST_BANDS else f", {names[0]}"
    return f"Light band{of}: {describe_prediction(contents.result, with_method=False)}."


def _use_text(contents: Contents, with_slots: bool, shaded: bool, names: Sequence[str]) -> str:
    text = "Share of time on shift that the servers of each pool worked, by week from Monday."
    if with_slots:
        text += " Below it: the share of the slots of that week's shifts that cases used."
    if len(contents.result.replications) > 1:
        text += f" Line: mean. {_band_text(contents, names)}"
    if shaded:
        text += " Shaded in orange: the pool is suspended in at least one court; it is on shift but starts no work."
    return text + " The mean over the whole run, in the table, includes weeks in which a pool had no work."


def _largest(contents: Contents, of_slots: bool) -> dict[str, float]:
    """Return the largest mean share of a week of each pool, of its time on shift or of its slots.

    It is of all courts together, or of the first of those chosen.
    """
    return {
        use.pool: max((v for v in use.mean.tolist() if not math.isnan(v)), default=0.0)
        for use in contents.use
        if use.court == contents.whole and use.of_slots == of_slots
    }


def survival_figure(contents: Contents) -> Figure | None:
    """Draw the share of cases that have not left the docket, by days under observation, above the number at risk."""
    alt = altair()
    curves = contents.curves
    if not curves:
        return None
    titles = {curve.court: court_title(curve.court, contents.scenario) for curve in curves if curve.court not in contents.more}
    more = set(contents.more.values())
    rows = [
        (court_title(curve.court, contents.scenario), day, *values)
        for curve in curves
        for day, values in enumerate(zip(*(v.tolist() for v in (curve.mean, curve.low, curve.high, curve.at_risk)), strict=True))
    ]  # fmt: skip
    n_days, banded = len(curves[0].mean), {*_banded(list(titles.values())), *more}
    step = max(1, n_days // MOST_POINTS)
    data: Data = [
        {"court": c, "day": d, "mean": m, "low": lo, "high": hi, "band": c in banded, **({MORE: True} if c in more else {})}
        for c, d, m, lo, hi, _ in rows
        if d % (4 * step if c in more else step) == 0
    ]
    values = tooltip(court="court", day="days|d", mean="still on the docket|.1%", low="from|.1%", high="to|.1%")
    names = list(titles.values())
    legend = line_legend(names)
    marks = sorted({round(k * (n_days - 1) / (_AT_RISK - 1)) for k in range(_AT_RISK)})
    axis = alt.Axis(values=marks)
    x = alt.X("day:Q", axis=axis, title="days since the start of the run, or arrival", scale=alt.Scale(domain=[0, n_days - 1]))
    base = alt.Chart(alt.Data(values=data)).encode(x=x, color=line_colours("court", names, legend))
    y = alt.Y("low:Q", title="share still on the docket", scale=alt.Scale(domain=[0, 1]))
    band = base.transform_filter("datum.band").mark_area(opacity=0.2, interpolate="step-after").encode(y=y, y2="high:Q")
    line = base.mark_line(strokeWidth=2, interpolate="step-after").encode(
        y="mean:Q", strokeDash=line_dashes("court", names), tooltip=values
    )
    at_risk: Data = [
        {"court": c, "day": d, "n": number(n, "cases") if n < 1 else f"{n:,.0f}", **({MORE: True} if c in more else {})}
        for c, d, _, _, _, n in rows
        if d in marks
    ]
    counts = alt.Chart(
        alt.Data(values=at_risk), title=alt.Title("number at risk", anchor="start", fontSize=12, fontWeight="normal")
    )
    labels = alt.Axis(domain=False, grid=False, labelOverlap=False, labelPadding=26, ticks=False)
    counts = counts.mark_text(fontSize=11, color="#222").encode(
        x=x.axis(None), y=alt.Y("court:N", sort=names, title=None, axis=labels), text="n:N"
    )
    chart = alt.vconcat(
        (band + line).properties(width=WIDTH, height=280), counts.properties(width=WIDTH, height=alt.Step(16)), spacing=6
    )
    confidence, whole = contents.result.confidence, next((c for c in curves if c.court == "all"), curves[0])
    heading = [
        median_stay(whole.court, whole.medians, confidence, contents.scenario),
        never_left(whole.court, whole.never_left, whole.n_cases, confidence),
    ]
    caption: list[Statement | str] = [
        "Kaplan-Meier: share of cases that have not yet left the docket for the first time, by the time since they arrived or"
        " the run began. Cases still on the docket at the end of the run are censored. Number at risk: cases observed"
        " on the docket for that long. Mean over replications."
    ]
    if len(contents.result.replications) > 1:
        caption.append(_band_text(contents, names))
    caption += _courts_in_survival(contents)
    named = [row for row in rows if row[0] not in more]
    csv = as_csv(["court", "day", "mean", "prediction_low", "prediction_high", "at_risk"], named)
    return drawn("time-to-closure", "Time until a case leaves the docket", heading, caption, chart, csv)


def _courts_in_survival(contents: Contents) -> list[Statement | str]:
    """Return the sentences about each court, and about the courts shown."""
    sentences: list[Statement | str] = []
    for curve in contents.curves:
        if curve.court != "all" and curve.court not in contents.more:
            median = median_stay(curve.court, curve.medians, contents.result.confidence, contents.scenario)
            sentences += [replace(median, text=f"{median.text}.")]
    return [*sentences, *contents.courts_note(summed=True)]


def map_figure(contents: Contents) -> Figure | None:
    """Draw the map of the workflow with the mean count of each transition on its arrow."""
    workflow, moves = contents.scenario.workflow, contents.moves
    if not moves:
        return None
    confidence = contents.result.confidence
    counts = {t.name: format_level(moves[t.name], confidence) for t in workflow.transitions}
    others = {name: values for name, values in moves.items() if name not in counts and any(values)}
    caption: list[Statement | str] = [
        "States and transitions. Each arrow has the mean number of times it was taken in a replication, and is as thick."
        " In small letters under it: its condition."
    ]
    if others:
        caption.append(off_the_map(others, confidence))
    csv = as_csv(["transition", "mean_count"], ((name, sum(values) / len(values)) for name, values in moves.items()))
    taken = [name for name, values in moves.items() if any(values)]
    never = greyed(workflow, taken) if len(taken) < len(moves) else []
    if never:
        caption.append(f"Grey: {join_names(never)}, which no case can ever take.")
    weights = {name: sum(values) / len(values) for name, values in moves.items()}
    svg = map_svg(workflow, counts, weights=weights, never=never)
    return Figure("workflow-map", "Workflow map with counts", [most_frequent(moves, confidence)], caption, csv, picture=svg)
