"""More figures of pending cases: every court on one screen, single replications, and what another scenario changes over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simulations.comparing.comparison import Comparison
from simulations.measuring.descriptors import pool_title
from simulations.report.contents import Contents, court_groups, shown_courts
from simulations.report.figure import (  # fmt: skip
    BLACK,
    BLUE,
    GREY,
    MOST_POINTS,
    SKY,
    WIDTH,
    Data,
    Figure,
    altair,
    day_axis,
    drawn,
    end_of,
    tooltip,
    with_end_of_day,
)
from simulations.running.intervals import interval
from simulations.running.results import Estimate, Series
from simulations.running.run_result import RunResult
from simulations.statements.of_runs import next_free
from simulations.statements.statement import Statement
from simulations.tables.formatting import court_title, format_estimate
from simulations.tables.run import describe_prediction
from simulations.tables.table import as_csv, estimates_csv

MOST_ROWS = 60
_LEAST_COURTS = 3
MOST_REPLICATIONS = 20


def courts_figure(contents: Contents) -> Figure | None:
    """Draw the pending cases of every court, at the start and at the end, those with the most at the end first."""
    pending, courts = contents.result.pending, contents.scenario.courts
    if not len(pending) or len(courts) < _LEAST_COURTS or contents.result.selection.courts:
        return None
    alt = altair()
    days = (pending.days[0].item(), pending.days[-1].item())
    at: dict[str, list[Estimate]] = {
        court: [e for day in days if (e := pending.at(day, court)) is not None] for court in courts if court in pending.courts
    }
    order = sorted(at, key=lambda court: -(at[court][-1].mean or 0.0))[:MOST_ROWS]
    data: Data = []
    for court in order:
        first, last = at[court][0], at[court][-1]
        ends = (last.mean, last.mean) if last.prediction is None else (last.prediction.low, last.prediction.high)
        label = f"{format_estimate(first)} at the end of {days[0]}, {format_estimate(last)} at the end of {days[1]}"
        row = {
            "name": court_title(court, contents.scenario),
            "first": first.mean,
            "last": last.mean,
            "low": ends[0],
            "high": ends[1],
        }
        data.append(row | {"label": label})
    names = [court_title(court, contents.scenario) for court in order]
    y = alt.Y("name:N", sort=names, title=None, axis=alt.Axis(labelFontSize=11, labelLimit=240, labelOverlap=False))
    base = alt.Chart(alt.Data(values=data)).encode(y=y, tooltip=tooltip(name="court", label="pending"))
    axis = alt.Axis(orient="top", tickCount=8)
    x = alt.X("first:Q", title="pending cases", axis=axis)
    layers = [
        base.mark_rule(color=SKY, strokeWidth=7, opacity=0.6).encode(x=alt.X("low:Q", axis=axis), x2="high:Q"),
        base.mark_rule(color="#b5b5b5", strokeWidth=1.5).encode(x=x, x2="last:Q"),
        base.mark_point(filled=True, fill="#ffffff", stroke=GREY, size=38, opacity=1, strokeWidth=1.5).encode(x="first:Q"),
        base.mark_point(filled=True, color=BLUE, size=45, opacity=1).encode(x="last:Q"),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH - 190, height=alt.Step(13 if len(order) > 20 else 20))
    caption = [f"Hollow dot: mean at the end of {days[0]}. Full dot: mean at the end of {days[1]}."]
    if len(contents.result.replications) > 1:
        caption.append(f"Light bar: {describe_prediction(contents.result, with_method=False)}.")
    if len(at) > len(order):
        caption.append(f"Shown: the {len(order)} courts with the most pending cases at the end, of {len(at)}.")
    csv = estimates_csv(e for estimates in at.values() for e in estimates)
    return drawn("courts", "Every court", ["Pending cases of every court, at the start and at the end"], caption, chart, csv)


def fan_figure(contents: Contents) -> Figure | None:
    """Draw the pending cases of single replications, over their mean."""
    pending, n = contents.result.pending, len(contents.result.replications)
    if not len(pending) or n < 2:
        return None
    alt = altair()
    values = pending.values[:, pending.courts.index(contents.whole)]
    step = max(1, len(values) // (MOST_POINTS // 4))
    rows = sorted({*range(0, len(values), step), len(values) - 1})
    shown = [*contents.result.replications][:MOST_REPLICATIONS]
    data: Data = [
        {"day": end_of(pending.days[row].item()), "cases": float(values[row, k]), "replication": str(number)}
        for k, number in enumerate(shown)
        for row in rows
    ]
    means: Data = [{"day": end_of(pending.days[row].item()), "mean": float(values[row].mean())} for row in rows]
    lines = with_end_of_day(alt.Chart(alt.Data(values=data))).mark_line(color=SKY, strokeWidth=1, opacity=0.75)
    lines = lines.encode(
        x=day_axis("day"),
        y=alt.Y("cases:Q", title="pending cases", scale=alt.Scale(zero=False)),
        detail="replication:N",
        tooltip=tooltip(replication="replication", on="end of", cases="pending|,.5~r"),
    )
    mean = alt.Chart(alt.Data(values=means)).mark_line(color=BLACK, strokeWidth=2).encode(x=day_axis("day"), y="mean:Q")
    chart = alt.layer(lines, mean).properties(width=WIDTH, height=220)
    where = court_title(contents.whole, contents.scenario)
    caption = [f"Light lines: replication {shown[0]} to {shown[-1]}, {where}. Dark line: mean of all {n}."]
    csv = as_csv(["day", "replication", "pending"], ((d["day"][:10], d["replication"], d["cases"]) for d in data))
    heading = [f"Each replication is one course that events may take, {where}"]
    return drawn("replications", "Single replications", heading, caption, chart, csv)


def over_time_figure(comparison: Comparison, k: int, name: str, base: RunResult, other: RunResult) -> Figure | None:
    """Draw the paired difference of pending cases day by day, with the confidence interval of its mean."""
    if not len(base.pending) or base.pending.values.shape != other.pending.values.shape:
        return None
    alt = altair()
    groups = court_groups(comparison.base.courts, shown_courts(base, other), base.selection)
    rows = _differences(
        base.pending.shown(groups), other.pending.shown(groups), {c: court_title(c, comparison.base) for c in groups}, comparison
    )
    if all(row["difference"] == 0 for row in rows):
        return None
    several = comparison.replications > 1
    values = tooltip(court="court", on="end of", difference="difference|+,.4~r", low="from|+,.4~r", high="to|+,.4~r")
    chart = with_end_of_day(alt.Chart()).encode(x=day_axis("day"))
    layers = [
        chart.mark_area(color=SKY, opacity=0.45).encode(y=alt.Y("low:Q", title="difference, cases"), y2="high:Q"),
        alt.Chart().mark_rule(color=BLACK, strokeWidth=1).encode(y=alt.datum(0)),
        chart.mark_line(color=BLUE, strokeWidth=2).encode(y="difference:Q", tooltip=values if several else values[:3]),
    ]
    drawing = (
        alt.layer(*layers, data=alt.Data(values=rows))
        .properties(width=WIDTH, height=200 if len(groups) == 1 else 120 if len(groups) < 5 else 90)
        .facet(row=alt.Row("court:N", sort=[court_title(c, comparison.base) for c in groups], title=None), spacing=14)
        .resolve_scale(y="independent")
    )
    caption = [f"{name} less {comparison.base.name}, pending cases at the end of each day: mean of the paired differences."]
    if several:
        caption.append(f"Light band: {comparison.confidence:.0%} confidence interval of each day alone.")
    csv = as_csv(["court", "day", "difference", "low", "high"], ([*row.values()] for row in rows))
    heading = [f"Pending cases with {name} less those with {comparison.base.name}, day by day"]
    return drawn(f"over-time-{k}", "Difference over time", heading, caption, drawing, csv)


def _differences(base: Series, other: Series, titles: Mapping[str, str], comparison: Comparison) -> Data:
    """Return a row for each court and day shown, with the mean of the differences and its interval."""
    step = max(1, len(base.days) // (MOST_POINTS // 2))
    shown: Sequence[int] = sorted({*range(0, len(base.days), step), len(base.days) - 1})
    changes = other.values - base.values
    rows: Data = []
    for column, court in enumerate(base.courts):
        for row in shown:
            values = changes[row, column].tolist()
            mean = sum(values) / len(values)
            low, high = interval(values, comparison.confidence) or (mean, mean)
            day = end_of(base.days[row].item())
            rows.append({"court": titles[court], "day": day, "difference": mean, "low": low, "high": high})
    return rows


# hearing dates -----------------------------------------------------------------------------------------


def next_free_figures(contents: Contents) -> list[Figure]:
    """Draw the days until the next free date of each pool with hearing dates, by court and day, with the prediction interval."""
    return [_next_free(contents, pool, series) for pool, series in contents.result.next_free.items() if len(series)]


def _next_free(contents: Contents, pool: str, series: Series) -> Figure:
    alt = altair()
    titles = {court: court_title(court, contents.scenario) for court in contents.courts if court in series.courts}
    titles = titles or {court: court_title(court, contents.scenario) for court in series.courts}
    data: Data = []
    for e in series.of_courts(titles, MOST_POINTS):
        low, high = (e.mean, e.mean) if e.prediction is None else (e.prediction.low, e.prediction.high)
        data.append({"court": titles[e.court], "day": end_of(e.at), "mean": e.mean, "low": low, "high": high})
    base = with_end_of_day(alt.Chart()).encode(x=day_axis("day"))
    values = tooltip(court="court", on="end of", mean="days ahead, mean|,.3~r", low="from|,.3~r", high="to|,.3~r")
    several = len(contents.result.replications) > 1
    layers = [
        base.mark_area(color=SKY, opacity=0.45).encode(y=alt.Y("low:Q", title="days ahead"), y2="high:Q"),
        base.mark_line(color=BLUE, strokeWidth=2).encode(y="mean:Q", tooltip=values if several else values[:3]),
    ]
    chart = (
        alt.layer(*layers, data=alt.Data(values=data))
        .properties(width=WIDTH, height=260 if len(titles) == 1 else 170 if len(titles) < 5 else 95)
        .facet(row=alt.Row("court:N", sort=list(titles.values()), title=None), spacing=14)
    )
    whole = "all" if "all" in titles else next(iter(titles))
    caption: list[Statement | str] = (
        [f"Line: mean. Light band: {describe_prediction(contents.result, with_method=False)}."] if several else []
    )
    caption.append(
        "Days from the end of each day to the next date with a free slot, as known at that time; gaps where there is none."
    )
    caption += contents.courts_note(summed=False)
    heading = [next_free(contents.result, pool, whole)]
    csv = estimates_csv(series.of_courts(titles))
    return drawn(f"next-free-{pool}", f"Next free date of {pool_title(pool, contents.scenario)}", heading, caption, chart, csv)
