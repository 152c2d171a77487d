"""The chart of a sweep: each measure against the first axis of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from simulations.measuring.descriptors import activity_title, describe, pool_title
from simulations.planning.grid import Axis
from simulations.planning.sweeping import Point, Sweep
from simulations.report.figure import (  # fmt: skip
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Figure,
    altair,
    drawn,
    stamp,
    tooltip,
)
from simulations.run_folder.whole_files import whole_file
from simulations.running.results import Estimate
from simulations.scenarios.scenario import Scenario
from simulations.statements.of_plans import MOST_MEASURES, leading
from simulations.statements.statement import join_names
from simulations.tables.formatting import court_title, format_estimate, number
from simulations.tables.table import as_csv
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.errors import InputError
from workflow.model.definition import as_words

_MOST_PANELS = 12
_MOST_TICKS = 12
_PANEL, _NEXT = 400, ", "
_SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
_LEAST_GRID = 3
"""Values of each of two axes from which on a measure is a heatmap."""
_HEATMAP_WIDTH = 700
_MOST_IN_TITLE = 52
"""Characters of a title that fit above a panel."""

_SUFFIXES = (".svg", ".png")


def check_chart(path: Path | None) -> None:
    """Check that a chart can be written to this file.

    Raises
    ------
    InputError
        If the name does not end in .svg or .png, or the folder does not exist.
    """
    if path is not None and path.suffix not in _SUFFIXES:
        raise InputError([f"--chart {path}: the file must end in .svg or .png"])
    if path is not None and not path.parent.is_dir():
        raise InputError([f"--chart {path}: the folder {path.parent} does not exist"])


def write_chart(sweep: Sweep, path: Path) -> None:
    """Write the chart of a sweep as SVG or PNG.

    Raises
    ------
    WriteFailed
        If the file cannot be written.
    """
    figure = chart_of(sweep)
    content = figure.png() if path.suffix == ".png" else figure.svg.encode()
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


def figures_of(sweep: Sweep) -> list[Figure]:
    """Return the figures of a sweep: over two axes a heatmap of each measure that the answer names, or one chart of all measures."""
    if not _is_grid(sweep):
        return [chart_of(sweep)]
    shown = leading(sweep)
    figures = []
    for k, (measure, court) in enumerate(shown[:MOST_MEASURES], start=1):
        panel, rows = _heatmap(sweep, measure, court)
        title = f"{describe(sweep.points[0].scenario)[measure].title}, {court_title(court, sweep.points[0].scenario)}, by {axis_titles(sweep)}"
        text = f"Mean of {sweep.replications} replications at each point; darker is more. Point at a field for its interval."
        if k == MOST_MEASURES < len(shown):
            text += f" Shown: the {MOST_MEASURES} measures that lead, of {len(shown)}; the table has all."
        figures.append(
            drawn(f"sweep-{k}", title, [title], [text], panel.properties(width=_HEATMAP_WIDTH), as_csv(_names(sweep), rows))
        )
    return figures


def axis_titles(sweep: Sweep) -> str:
    """Return the titles of all axes, for a sentence."""
    return join_names(axis_title(axis, sweep.points[0].scenario) for axis in sweep.axes)


def axis_title(axis: Axis, scenario: Scenario) -> str:
    """Return the title of an axis: of a value of a pool or an activity in words, such as ``size of judges, Denver``; else its name."""
    section, *parts = axis.path.split(".")
    if section not in ("pools", "activities") or len(parts) < 2:
        return axis.name
    (name, key, *rest), title = parts, {"pools": pool_title, "activities": activity_title}[section]
    rest = [court_title(part, scenario) if part in scenario.courts else as_words(part) for part in rest]
    return ", ".join([f"{as_words(key)} of {title(name, scenario)}", *rest])


def _is_grid(sweep: Sweep) -> bool:
    """Return whether a heatmap shows more than lines: two axes with three or more values each."""
    return len(sweep.axes) == 2 and all(len(axis.values) >= _LEAST_GRID for axis in sweep.axes)


def _names(sweep: Sweep) -> list[str]:
    return ["measure", "court", *(axis.path for axis in sweep.axes), "mean", "low", "high"]


def _heatmap(sweep: Sweep, measure: str, court: str) -> tuple[Any, list[list[Any]]]:
    """Return the heatmap of a measure over both axes, and its rows for a CSV."""
    alt: Any = altair()
    data: list[dict[str, Any]] = []
    rows: list[list[Any]] = []
    for point in sweep.points:
        e = point.get(measure, court)
        label = "" if e.mean is None else str(e.date) if e.date is not None else number(e.mean, e.unit)
        at = [_label(axis, text) for axis, text in zip(sweep.axes, point.texts, strict=True)]
        whole = {"x": at[0], "y": at[1], "mean": e.mean, "label": label, "whole": format_estimate(e)}
        data.append(whole)
        rows.append([measure, court, *point.texts, e.mean, e.low, e.high])
    means = [row[-3] for row in rows if row[-3] is not None]
    middle = (min(means) + max(means)) / 2 if means else 0.0
    first, second = sweep.axes
    base = alt.Chart(alt.Data(values=data)).encode(
        x=_axis_of(first, sweep.points[0].scenario, ordered=False),
        y=alt.Y("y:O", title=axis_title(second, sweep.points[0].scenario), sort=None),
        tooltip=tooltip(x="first axis", y="second axis", whole="mean"),
    )
    dark = alt.condition(f"datum.mean > {middle!r}", alt.value("#ffffff"), alt.value("#1b1b1b"))
    colour = alt.Color("mean:Q", scale=alt.Scale(scheme="blues"), legend=None)
    panel = base.mark_rect(stroke="#ffffff").encode(color=colour) + base.mark_text(fontSize=12).encode(text="label:N", color=dark)
    return panel.properties(height=alt.Step(32)), rows


def chart_of(sweep: Sweep) -> Figure:
    """Draw each measure shown against the first axis, with intervals; colour and dash show the other axes.

    Over a grid of two axes each measure is a heatmap.
    """
    alt: Any = altair()
    if _is_grid(sweep):
        drawings = [_heatmap(sweep, *shown) for shown in leading(sweep)[:_MOST_PANELS]]
        named = [
            panel.properties(
                width=_PANEL,
                title=f"{describe(sweep.points[0].scenario)[measure].title}, {court_title(court, sweep.points[0].scenario)}",
            )
            for (panel, _), (measure, court) in zip(drawings, leading(sweep), strict=False)
        ]
        title = f"{sweep.name} by {axis_titles(sweep)}"
        text = f"Mean of {sweep.replications} replications at each point; darker is more."
        chart = alt.concat(*named, columns=2).resolve_scale(color="independent")
        return drawn(
            "sweep", "The sweep", [title], [text], chart, as_csv(_names(sweep), [row for _, rows in drawings for row in rows])
        )
    first, rest = sweep.axes[0], sweep.axes[1:]
    ordered = all(isinstance(v, int | float) and not isinstance(v, bool) for v in first.values)
    x = _axis_of(first, sweep.points[0].scenario, ordered)
    palette = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
    lines = list(dict.fromkeys(_rest(sweep, point) for point in sweep.points))
    colours = alt.Scale(domain=lines, range=[palette[k % len(palette)] for k in range(len(lines))])
    legend = alt.Legend(title=", ".join(axis_title(axis, sweep.points[0].scenario) for axis in rest)) if rest else None
    widths, dashes, marks = _apart(lines, legend)
    scenario = sweep.points[0].scenario
    panels, rows, measures = [], [], describe(scenario)
    for measure, court in leading(sweep)[:_MOST_PANELS]:
        data = [_datum(sweep, point, point.get(measure, court), ordered) for point in sweep.points]
        rows += [
            [measure, court, *point.texts, d["mean"], d["low"], d["high"]] for point, d in zip(sweep.points, data, strict=True)
        ]
        dated = any(point.get(measure, court).date for point in sweep.points)
        scale_type = "T" if dated else "Q"
        axis = alt.Axis(format="%Y-%m-%d", tickCount=4) if dated else alt.Axis(tickCount=5)
        scale = alt.Scale(padding=8, **({"type": "utc"} if dated else {"zero": False}))
        y = {"title": None, "scale": scale, "axis": axis}
        base = alt.Chart(alt.Data(values=[d for d in data if d["mean"] is not None])).encode(
            x=x, color=alt.Color("rest:N", scale=colours, legend=legend, sort=None)
        )
        mean = alt.Y(f"mean:{scale_type}", **y)
        bars = base.mark_rule(opacity=0.8).encode(y=alt.Y(f"low:{scale_type}", **y), y2=f"high:{scale_type}", **widths)
        line = base.mark_line(opacity=0.8).encode(y=mean, **widths, **dashes)
        points = base.mark_point(fill="#ffffff", opacity=1, strokeWidth=1.5).encode(
            y=mean, tooltip=tooltip(at="at", label="mean", court="court"), **marks
        )
        name = f"{measures[measure].axis_title}, {court_title(court, scenario)}"
        panel_title = alt.Title(wrap(name, _MOST_IN_TITLE), anchor="start", fontSize=13)
        panels.append((bars + line + points).properties(width=_PANEL, height=160, title=panel_title))
    title = f"{sweep.name} by {axis_titles(sweep)}"
    text = (
        f"{sweep.name}: means over {sweep.replications} replications at each of {len(sweep.points)} points, with"
        f" {sweep.confidence:.0%} confidence intervals, against {first.path}{''.join(f' and {axis.path}' for axis in rest)}."
        + (" Where lines coincide, the later one lies on the earlier, which is wider." if rest else "")
    )
    return drawn("sweep", "The sweep", [title], [text], alt.concat(*panels, columns=2), as_csv(_names(sweep), rows))


def _apart(lines: Sequence[str], legend: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the widths, the dashes and the marks of lines, by which those that coincide can be told apart.

    A later line is drawn over an earlier one, which is wider and has larger marks.
    """
    alt: Any = altair()
    if len(lines) < 2:
        return {"strokeWidth": alt.value(1.5)}, {}, {"size": alt.value(45)}
    below = range(len(lines) - 1, -1, -1)
    wide = alt.Scale(domain=lines, range=[1.5 + 2 * k for k in below])
    large = alt.Scale(domain=lines, range=[40 * (k + 1) ** 1.5 for k in below])
    shapes = alt.Scale(domain=lines, range=[_SHAPES[k % len(_SHAPES)] for k in range(len(lines))])
    return (
        {"strokeWidth": alt.StrokeWidth("rest:N", legend=None, sort=None, scale=wide)},
        {"strokeDash": alt.StrokeDash("rest:N", legend=None, sort=None)},
        {
            "shape": alt.Shape("rest:N", legend=legend, sort=None, scale=shapes),
            "size": alt.Size("rest:N", legend=None, sort=None, scale=large),
        },
    )


def _axis_of(axis: Axis, scenario: Scenario, ordered: bool) -> Any:
    """Return the horizontal axis of a chart: of numbers, with the values as ticks, or of names, without turning them."""
    alt: Any = altair()
    if not ordered:
        lines = {"labelAngle": 0, "labelExpr": f"split(datum.label, '{_NEXT}')", "labelLimit": _PANEL / len(axis.values) - 4}
        return alt.X("x:O", title=axis_title(axis, scenario), sort=None, axis=alt.Axis(**lines))
    ticks: dict[str, Any] = {"values": list(axis.values)} if len(axis.values) <= _MOST_TICKS else {}
    if all(float(value).is_integer() for value in axis.values):
        ticks |= {"format": ",d", "tickMinStep": 1}
    return alt.X("x:Q", title=axis_title(axis, scenario), scale=alt.Scale(zero=False, padding=14), axis=alt.Axis(**ticks))


def _label(axis: Axis, text: str) -> str:
    """Return a value of an axis for people: a mapping without brackets and quotes."""
    value = axis.values[axis.texts.index(text)]
    return _NEXT.join(f"{key}: {part}" for key, part in value.items()) if isinstance(value, dict) else text


def _rest(sweep: Sweep, point: Point) -> str:
    """Return the values of a point on all axes but the first."""
    return "; ".join(_label(axis, text) for axis, text in zip(sweep.axes[1:], point.texts[1:], strict=True))


def _datum(sweep: Sweep, point: Point, estimate: Estimate, ordered: bool) -> dict[str, Any]:
    """Return the data of a point; a date as Vega reads it."""
    value = point.set[sweep.axes[0].path] if ordered else _label(sweep.axes[0], point.texts[0])
    ends: dict[str, Any] = {"mean": estimate.mean}
    ends["low"], ends["high"] = (estimate.mean if end is None else end for end in (estimate.low, estimate.high))
    if estimate.date is not None:
        epoch = point.scenario.epoch
        ends = {k: stamp(epoch.instant(round(v * MICROSECONDS_PER_DAY))) for k, v in ends.items() if v is not None}
    shown = {
        "at": "; ".join(_label(axis, text) for axis, text in zip(sweep.axes, point.texts, strict=True)),
        "label": format_estimate(estimate),
        "court": court_title(estimate.court, sweep.points[0].scenario),
    }
    return {"x": value, "rest": _rest(sweep, point), **shown, **ends}
