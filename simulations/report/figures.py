"""The figures of a report of a run, in the order of the page."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from simulations.measuring.descriptors import REASONS, Family, activity_title, describe, pool_title, slots_name
from simulations.report.contents import Contents
from simulations.report.figure import (  # fmt: skip
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MOST_PANELS,
    MOST_POINTS,
    ORANGE,
    PURPLE,
    ROOM,
    SKY,
    VERMILION,
    WIDTH,
    YELLOW,
    Data,
    Figure,
    altair,
    day_axis,
    dots,
    drawn,
    end_of,
    suspended,
    tooltip,
    with_end_of_day,
)
from simulations.report.interactive import MORE
from simulations.report.log_figures import flow_figure, map_figure, survival_figure, use_figure
from simulations.report.pending_figures import courts_figure, fan_figure, next_free_figures
from simulations.running.results import Estimate
from simulations.statements.of_runs import groups_differ, largest_part, longest_wait, pending_change
from simulations.statements.statement import Statement
from simulations.tables.formatting import by_title, court_title, format_estimate, group_title
from simulations.tables.run import describe_prediction, estimates_by_court, waits_by_reason
from simulations.tables.table import as_csv, estimates_csv

_PLOT = WIDTH - 510
_COLOURS = (SKY, VERMILION, PURPLE, ORANGE, GREY, YELLOW, GREEN, BLUE)
_REASON_COLOURS = {reason.replace("_", " "): colour for reason, colour in zip(REASONS, _COLOURS, strict=True)}


def figures(contents: Contents) -> list[Figure]:
    """Return every figure that the run has data for; with chosen measures, only figures of these."""
    from altair.utils import schemapi

    with schemapi.debug_mode(False):  # what is checked on each part of a chart takes longer than drawing
        return _figures(contents)


def _figures(contents: Contents) -> list[Figure]:
    everything = not contents.result.selection.measures
    drawn_figures = [
        published_figure(contents),
        pending_figure(contents),
        fan_figure(contents),
        courts_figure(contents),
        *next_free_figures(contents),
        flow_figure(contents) if everything else None,
        waiting_figure(contents),
        use_figure(contents) or _whole_utilisation(contents),
        survival_figure(contents) if everything else None,
        map_figure(contents) if everything else None,
        *(_groups(contents, by) for by in contents.result.by),
    ]
    return [figure for figure in drawn_figures if figure is not None]


# pending -----------------------------------------------------------------------------------------------


def pending_figure(contents: Contents) -> Figure | None:
    """Draw pending cases by court and day, with its prediction interval and the suspensions."""
    if not len(contents.result.pending):
        return None
    alt = altair()
    series = contents.result.pending.shown(contents.groups | contents.alone)
    shown, more = {name: court_title(name, contents.scenario) for name in contents.groups}, contents.more
    courts = shown | more
    data = _daily(series.of_courts(shown, MOST_POINTS), shown)
    data += [row | {MORE: True} for row in _daily(series.of_courts(more, MOST_POINTS // 5), more)]
    base = with_end_of_day(alt.Chart()).encode(x=day_axis("day"))
    values = tooltip(court="court", on="end of", mean="pending, mean|,.5~r", low="from|,.5~r", high="to|,.5~r")
    values = values if len(contents.result.replications) > 1 else values[:3]
    layers = [
        base.mark_area(color=SKY, opacity=0.45).encode(
            y=alt.Y("low:Q", title="pending cases", axis=alt.Axis(tickMinStep=1)), y2="high:Q"
        ),
        base.mark_line(color=BLUE, strokeWidth=2).encode(y="mean:Q", tooltip=values),
    ]
    shaded = suspended(contents, "court")
    if shaded:
        shade = alt.Chart().transform_filter("datum.from != null").mark_rect(color=ORANGE, opacity=0.22)
        layers.insert(0, shade.encode(x="from:T", x2="to:T"))
        data += shaded
    points = [p for p in contents.result.published if p.measure == "pending" and p.court in courts]
    if points:
        data += [
            {"court": courts[p.court], "day": end_of(p.at), "published": p.value, **({MORE: True} if p.court in more else {})}
            for p in points
        ]
        layers.append(
            base.transform_filter("isValid(datum.published)")
            .mark_point(color=BLACK, filled=True, size=60)
            .encode(y="published:Q", tooltip=tooltip(court="court", on="end of", published="published|,"))
        )
    chart = (
        alt.layer(*layers, data=alt.Data(values=data))
        .properties(width=WIDTH, height=260 if len(shown) == 1 else 170 if len(shown) < 5 else 95)
        .facet(row=alt.Row("court:N", sort=list(courts.values()), title=None), spacing=14)
        .resolve_scale(y="independent")
    )
    caption = _pending_caption(contents, bool(shaded), bool(points))
    csv = estimates_csv(series.of_courts(shown))
    return drawn("pending", "Pending cases", [pending_change(contents.result, contents.whole)], caption, chart, csv)


def _daily(estimates: Iterable[Estimate], titles: Mapping[str, str]) -> Data:
    """Return the rows of daily estimates, with the ends of their prediction intervals."""
    rows: Data = []
    for e in estimates:
        ends = (e.mean, e.mean) if e.prediction is None else (e.prediction.low, e.prediction.high)
        rows.append({"court": titles[e.court], "day": end_of(e.at), "mean": e.mean, "low": ends[0], "high": ends[1]})
    return rows


def _pending_caption(contents: Contents, shaded: bool, published: bool) -> list[Statement | str]:
    caption: list[Statement | str] = []
    if len(contents.result.replications) > 1:
        caption.append(f"Line: mean. Light band: {describe_prediction(contents.result, with_method=False)}.")
    if shaded:
        pools = dict.fromkeys(pool_title(s.pool, contents.scenario) for s in contents.scenario.suspensions)
        caption.append(f"Shaded in orange: {', '.join(pools)} suspended.")
    split = contents.result.get("pending", contents.whole).parameters
    if split is not None:
        caption.append(
            f"Of the variance at the end, {split.share:.0%} ({split.low:.0%} to {split.high:.0%}) comes from the uncertain"
            " inputs; the rest is chance."
        )
    if published:
        caption.append("Dots: published.")
    return [*caption, *contents.courts_note(summed=True)]


# published figures ---------------------------------------------------------------------------------------


def published_figure(contents: Contents) -> Figure | None:
    """Draw how far the run is from each published figure, in percent of it, with both intervals."""
    result, alt, measures = contents.result, altair(), describe(contents.scenario)
    rows = []
    for figure in result.published:
        e = result.get(figure.measure, figure.court, figure.at)
        if e.mean is None or not figure.value or e.unit == "date":
            continue
        line = f"{measures[figure.measure].title}, {court_title(figure.court, contents.scenario)}, {figure.at}"
        ends = {"mean": e.mean, "low": e.low, "high": e.high, "least": e.prediction_low, "most": e.prediction_high}
        relative = {k: (e.mean if v is None else v) / figure.value - 1 for k, v in ends.items()}
        label = f"{figure.value:,} published, {format_estimate(e)} simulated"
        rows.append({"line": line, "court": court_title(figure.court, contents.scenario), "label": label, **relative})
    if not rows:
        return None
    lines = [row["line"] for row in rows]
    axis = alt.Axis(format="+%", tickCount=5, labelFlush=False)
    base = alt.Chart(alt.Data(values=rows)).encode(y=alt.Y("line:N", title=None, sort=lines, axis=alt.Axis(labelLimit=380)))
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=BLACK, strokeWidth=1).encode(x="zero:Q")
    title = "difference from the published figure"
    band = base.mark_rule(color=SKY, strokeWidth=8, opacity=0.6).encode(x=alt.X("least:Q", title=title, axis=axis), x2="most:Q")
    bars = base.mark_rule(color=BLACK, strokeWidth=2).encode(x="low:Q", x2="high:Q")
    shown = tooltip(line="figure", label="values", mean="difference|+.1%", least="from|+.1%", most="to|+.1%")
    points = base.mark_point(filled=True, color=BLUE, size=55, opacity=1).encode(x="mean:Q", tooltip=shown)
    labels = base.mark_text(align="left", fontSize=12, color="#222", dx=10).encode(x=alt.value("width"), text="label:N")
    chart = alt.layer(zero, band, bars, points, labels).properties(width=_PLOT, height=alt.Step(22), padding=ROOM)
    caption = ["Line at 0: as published. Dot: mean of the run, with the interval of the mean."]
    if len(result.replications) > 1:
        caption.append(f"Light bar: {describe_prediction(result, with_method=False)}.")
    csv = as_csv(
        ["figure", "mean", "low", "high", "prediction_low", "prediction_high"], ([r["line"], *(r[k] for k in ends)] for r in rows)
    )
    return drawn("published-figures", "Published and simulated", ["The run beside the published figures"], caption, chart, csv)


# waiting and use -----------------------------------------------------------------------------------------


def waiting_figure(contents: Contents) -> Figure | None:
    """Draw the mean wait of each activity and court, by reason."""
    alt = altair()
    titles = contents.titles | contents.more
    every = waits_by_reason(contents.result, titles)
    waits = [w for w in every if w.court in contents.titles]
    if not waits:
        return None
    longest = sorted(waits, key=lambda w: -(w.whole.mean or 0.0) if w.court == contents.whole else 0.0)
    most = MOST_PANELS if len(contents.titles) < 4 else MOST_PANELS // 2
    kept = list(dict.fromkeys(w.activity for w in longest))[:most]
    n_activities = len({w.activity for w in waits})
    days = {(w.activity, w.court, reason): part.mean or 0.0 for w in waits for reason, part in w.parts.items()}
    more = {(w.activity, w.court, reason): part.mean or 0.0 for w in every for reason, part in w.parts.items()}
    activities = {activity: activity_title(activity, contents.scenario) for activity in contents.scenario.work}
    reasons = dict.fromkeys((*_REASON_COLOURS, *(reason for *_, reason in days)))  # those of teams follow
    shown = [reason for reason in reasons if any(n for (*_, of), n in days.items() if of == reason)]
    data: Data = [
        {
            "activity": activities[activity],
            "court": titles[court],
            "reason": reason,
            "days": n,
            "k": shown.index(reason),
            **({MORE: True} if court in contents.more else {}),
        }
        for (activity, court, reason), n in more.items()
        if reason in shown and activity in kept
    ]
    chart = (
        alt.Chart(alt.Data(values=data))
        .mark_bar(stroke="white", strokeWidth=1)
        .encode(
            x=alt.X("days:Q", title="days, mean over cases", axis=alt.Axis(tickCount=8)),
            y=alt.Y("court:N", title=None, sort=[*titles.values()]),
            color=alt.Color("reason:N", sort=shown, scale=alt.Scale(domain=shown, range=_colours(shown))),
            order=alt.Order("k:Q"),
            tooltip=tooltip(activity="activity", court="court", reason="reason", days="days|,.3~r"),
            row=alt.Row("activity:N", sort=list(activities.values()), title=None, spacing=14),
        )
        .properties(width=WIDTH - 60, height=alt.Step(24 if len(contents.titles) < 4 else 18))
    )
    ends = contents.scenario.ends
    caption: list[Statement | str] = [
        "Mean wait of cases whose work has begun, by the reason that kept them from starting." + _explained(shown),
        *([f"Shown: the {most} activities with the longest waits, of {n_activities}."] if n_activities > most else []),
        largest_part(ends, waits, contents.scenario),
        *contents.courts_note(summed=False),
    ]
    csv = estimates_csv(part for w in waits for part in w.parts.values())
    heading = [longest_wait(ends, [w for w in waits if w.court == contents.whole], contents.whole, contents.scenario)]
    return drawn("waiting-by-reason", "Waiting by reason", heading, caption, chart, csv)


def _colours(shown: Sequence[str]) -> list[str]:
    """Return a colour for each part of waits; those of teams take the colours that no reason has."""
    free = itertools.cycle(c for c in reversed(_COLOURS) if c not in {_REASON_COLOURS.get(part) for part in shown})
    return [_REASON_COLOURS.get(part) or next(free) for part in shown]


def _explained(shown: Sequence[str]) -> str:
    """Return what the names of parts of waits mean."""
    text = ""
    if any(part in _REASON_COLOURS for part in shown):
        text += " Capacity: all time after the first chance to start, nights and suspensions included."
    if any(part not in _REASON_COLOURS for part in shown):
        text += " Short: the first pool that lacked what the case needs. Others first: no pool was short. All closed: until a pool opened."
    return text


def _whole_utilisation(contents: Contents) -> Figure | None:
    """Draw utilisation over the whole run, with its interval."""
    estimates = estimates_by_court(contents.result)
    shares = [m for m in describe(contents.scenario).values() if m.family is Family.UTILISATION and m.unit == "share"]
    rows = [
        (
            pool_title(m.subject or "", contents.scenario) + (": slots used" if m.name == slots_name(m.subject or "") else ""),
            title,
            estimates[m.name, court],
        )
        for m in shares
        for court, title in contents.titles.items()
        if (m.name, court) in estimates and estimates[m.name, court].mean is not None
    ]
    text = "Share of time on shift that the servers of each pool worked over the whole run, times without any work included."
    if len(shares) > len(contents.scenario.pools):
        text += " Slots used: the share of the slots of all shifts that cases used."
    text += " Utilisation by week needs an event log, and a run without Python of the user's own."
    title = "Share of time on shift that servers worked over the whole run"
    return dots("utilisation", "Utilisation by pool", [title], [text], rows, "share", (0.0, 1.0))


def _groups(contents: Contents, by: str) -> Figure | None:
    """Draw the mean wait of each group of cases, or its mean processing times if no case waits."""
    descriptors, contrasts = describe(contents.scenario), [c for c in contents.result.contrasts if c.by == by]
    contrasts = [c for c in contrasts if descriptors[c.measure].family is Family.WAITING] or contrasts
    measures, named = [c.measure for c in contrasts], by_title(by, contents.scenario)
    rows = [
        (descriptors[e.measure].title, group_title(by, e.group, contents.scenario), e)
        for e in contents.result.estimates
        if e.by == by and e.court == contents.whole and e.at is None and e.measure in measures and e.mean is not None
    ]
    text = f"Mean days of each group by {named}, {court_title(contents.whole, contents.scenario)}, with the confidence interval of the mean."
    what = "Waiting" if any(descriptors[m].family is Family.WAITING for m in measures) else "Processing times"
    return dots(f"groups-{by}", f"{what} by {named}", [groups_differ(contents.result, by)], [text], rows, "days")
