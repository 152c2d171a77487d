"""The figures of a report of a run, in the order in which the page shows them."""

from __future__ import annotations

from simulations.measuring.descriptors import CAUSES, Family, describe, waiting_name
from simulations.printing.run_tables import format_estimate, number
from simulations.report.contents import Contents
from simulations.report.figure import (  # fmt: skip
    BLACK,
    BLUE,
    MOST_POINTS,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    WIDTH,
    Data,
    Figure,
    altair,
    dots,
    drawn,
    end_of,
    halts,
)
from simulations.report.log_figures import flow_figure, map_figure, survival_figure, use_figure
from simulations.report.tables import estimates_csv
from simulations.running.results import Estimate

__all__ = ["figures"]

_CAUSE_COLOURS = (VERMILION, PURPLE, ORANGE, BLUE)


def figures(contents: Contents) -> list[Figure]:
    """Return every figure that the run has data for."""
    made = [
        _pending(contents), flow_figure(contents), _waiting(contents), use_figure(contents) or _whole_utilisation(contents), survival_figure(contents), map_figure(contents)
    ]  # fmt: skip
    made += [_groups(contents, by) for by in contents.manifest["by"]]
    return [figure for figure in made if figure is not None]


# pending -----------------------------------------------------------------------------------------------


def _pending(contents: Contents) -> Figure | None:
    """Draw pending cases by court, day by day, with the band of single replications and the suspensions."""
    alt = altair()
    series = contents.result.series
    courts = contents.titles
    shown = series.of_courts(contents.courts, MOST_POINTS)
    data: Data = [{"court": courts[e.court], "day": end_of(e.at), "mean": e.mean, "low": _or(e.q05, e.mean), "high": _or(e.q95, e.mean)} for e in shown if e.at]  # fmt: skip
    day = alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(tickCount=8))
    base = alt.Chart().encode(x=day)
    layers = [
        base.mark_area(color=SKY, opacity=0.45).encode(y=alt.Y("low:Q", title="pending cases"), y2="high:Q"),
        base.mark_line(color=BLUE, strokeWidth=2).encode(y="mean:Q"),
    ]
    shaded = halts(contents, "court")
    if shaded:
        shade = alt.Chart().transform_filter("datum.from != null").mark_rect(color=ORANGE, opacity=0.22)
        layers.insert(0, shade.encode(x="from:T", x2="to:T"))
        data += shaded
    points = [p for p in contents.scenario.published if p.measure == "pending" and p.court in courts]
    if points:
        data += [{"court": courts[p.court], "day": end_of(p.at), "published": p.value} for p in points]
        layers.append(
            base.transform_filter("isValid(datum.published)")
            .mark_point(color=BLACK, filled=True, size=60)
            .encode(y="published:Q")
        )
    chart = (
        alt.layer(*layers, data=alt.Data(values=data))
        .properties(width=WIDTH, height=170 if len(courts) > 1 else 260)
        .facet(row=alt.Row("court:N", sort=list(courts.values()), title=None), spacing=14)
        .resolve_scale(y="independent")
    )
    return drawn("pending", "Pending cases", _pending_title(contents), _pending_text(contents, bool(shaded), bool(points)), chart, estimates_csv(series.of_courts(contents.courts)))  # fmt: skip


def _pending_title(contents: Contents) -> str:
    first = contents.result.series.of_courts(["all"], 1)[0]
    last = contents.result.get("pending")
    a, b = (number(e.mean or 0, "cases") for e in (first, last))
    if a == b:
        return f"As many cases are pending at the end as at the start: {a}"
    return f"Pending cases {'fell' if (last.mean or 0) < (first.mean or 0) else 'rose'} from {a} to {b}"


def _pending_text(contents: Contents, halted: bool, published: bool) -> str:
    first = contents.result.series.of_courts(["all"], 1)[0]
    last = contents.result.get("pending")
    parts = [f"All courts: {number(first.mean or 0, 'cases')} cases at the end of {first.at}, {format_estimate(last)} at the end of {contents.scenario.ends}."]  # fmt: skip
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


def _or(value: float | None, other: float | None) -> float | None:
    return other if value is None else value


# waiting and use -----------------------------------------------------------------------------------------


def _waiting(contents: Contents) -> Figure | None:
    """Draw the mean wait of each activity and court, split by cause."""
    alt = altair()
    here = {(e.measure, e.court): e for e in contents.result.measures if e.by is None and e.at is None}
    data: Data = []
    used: list[Estimate] = []
    for name in contents.scenario.work:
        for court, title in contents.titles.items():
            whole = here.get((waiting_name(name), court))
            if whole is None or not whole.mean:
                continue
            for k, cause in enumerate(CAUSES):
                estimate = here[waiting_name(name, cause), court]
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
            y=alt.Y("court:N", title=None, sort=[*contents.titles.values()]),
            color=alt.Color("cause:N", sort=causes, scale=alt.Scale(domain=causes, range=list(_CAUSE_COLOURS))),
            order=alt.Order("k:Q"),
            row=alt.Row("activity:N", sort=list(contents.scenario.work), title=None, spacing=14),
        )
        .properties(width=WIDTH - 60, height=alt.Step(24))
    )
    longest = max(data, key=lambda row: float(row["days"]))
    text = (
        f"Mean wait of cases whose work has begun, by the cause of each part of it. The longest part: {longest['days']:.1f} days"
        f" for {longest['activity']}, {longest['court']}, {longest['cause']}."
    )
    mine = [row for row in data if row["court"] == contents.titles["all"]]
    activity = max(contents.scenario.work, key=lambda name: sum(row["days"] for row in mine if row["activity"] == name))
    parts = [row for row in mine if row["activity"] == activity]
    title = (
        f"The longest wait was for {activity}: {number(sum(row['days'] for row in parts), 'days')} days on average,"
        f" the largest part of it {max(parts, key=lambda row: float(row['days']))['cause']}"
    )
    return drawn("waiting-by-cause", "Waiting by cause", title, text, chart, estimates_csv(used))


def _whole_utilisation(contents: Contents) -> Figure | None:
    """Draw the share over the whole run, with its interval."""
    descriptors = describe(contents.scenario)
    rows = [
        (descriptors[e.measure].subject or "", title, e)
        for court, title in contents.titles.items()
        for e in contents.result.measures
        if descriptors[e.measure].family is Family.UTILISATION and e.court == court and e.by is None and e.at is None
        if e.mean is not None
    ]
    text = (
        "Share of their time on shift that the people of each pool work, over the whole run, the times included in which a pool"
        " had nothing to do. Week by week it can only be told of a run with an event log and without Python of the user's own."
    )
    title = "Share of their time on shift that people worked over the whole run"
    return dots("utilisation", "Utilisation by pool", title, text, rows, list(contents.scenario.pools), [*contents.titles.values()], "share of time on shift", (0.0, 1.0))  # fmt: skip


def _groups(contents: Contents, by: str) -> Figure | None:
    """Draw how long each group of cases waits, on average; without any pool, how long it is worked on."""
    contrasted = [c.measure for c in contents.result.contrasts if c.by == by]
    descriptors = describe(contents.scenario)
    contrasted = [name for name in contrasted if descriptors[name].family is Family.WAITING] or contrasted
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
    text = f"Mean days of each group by {by}, all courts together, with the interval of the mean."
    title = f"No group by {by} waits longer than another"
    if most is not None:
        title = f"By {by}, the groups differ most in {most.measure}: {most.slowest} has {most.ratio:.2f} times as many days as {most.fastest}"
    return dots(f"groups-{by}", f"Who waits, by {by}", title, text, rows, list(dict.fromkeys(m for m, _, _ in rows)), list(dict.fromkeys(g for _, g, _ in rows)), "days", None)  # fmt: skip
