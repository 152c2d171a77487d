"""A sweep as a reader sees it: a table for each court, a line of bars for each measure, and a chart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from simulations.clock import MICROSECONDS_PER_DAY
from simulations.parts import whole_file
from simulations.printing import new_table, said
from simulations.results import Estimate
from simulations.sweeping import Point, Sweep
from workflow.errors import InputError

if TYPE_CHECKING:
    from simulations.report.figure import Figure

__all__ = ["chart_of", "check_chart", "print_sweep", "sparkline", "write_chart"]

_BARS = "▁▂▃▄▅▆▇█"
_MOST_PANELS = 12
_MOST_TICKS = 12
_SUFFIXES = (".svg", ".png")


def print_sweep(found: Sweep, days: Sequence[dt.date]) -> None:
    """Print a sweep to standard output.

    Parameters
    ----------
    found : Sweep
    days : sequence of date
        The days asked for, besides the end of the run.
    """
    console = Console(highlight=False, soft_wrap=False)
    n = found.replications
    told = (
        f"means ± half a {found.confidence:.0%} interval"
        if n > 1
        else "a single replication, so no intervals: add --replications"
    )
    console.print(
        f"[bold]{escape(found.name)}[/bold] at {len(found.points)} points, {n} replication{'s' if n > 1 else ''} each with the same chances,"
        f" seed {found.seed}; {told}."
    )
    for court in dict.fromkeys(court for _, court in found.shown):
        for day in (*days, None):
            _table(console, found, court, day)
    for pool in dict.fromkeys(pool for point in found.points for pool in point.growing):
        where = [", ".join(point.texts) for point in found.points if pool in point.growing]
        console.print(
            f"\n[bold]Warning:[/bold] the queue of the pool {pool!r} grew all the time at {'; '.join(where)}: with a longer run everybody waits longer there."
        )
    console.print(f"\nFor the difference of two points, with its interval: docketsim compare. Runs and results: {found.folder}")  # fmt: skip


def _table(console: Console, found: Sweep, court: str, day: dt.date | None) -> None:
    measures = [measure for measure, of in found.shown if of == court and _has(found, measure, court, day)]
    if not measures:
        return
    when = "the end of the run" if day is None else f"the end of {day}"
    where = "all courts" if court == "all" else court
    grid = new_table(f"\n{where}, at {when}", *(axis.name for axis in found.axes), *measures)
    for column in grid.columns:
        column.overflow = "fold"  # a name is told whole
    for point in found.points:
        grid.add_row(*map(escape, point.texts), *(said(point.get(measure, court, day)) for measure in measures))
    if len(found.axes) == 1 and len(found.points) > 2:
        lines = [sparkline([point.get(measure, court, day).mean for point in found.points]) for measure in measures]
        grid.add_row("", *lines, style="dim")
    console.print(grid)


def _has(found: Sweep, measure: str, court: str, day: dt.date | None) -> bool:
    """Say whether every point measures this: a pool of all courts has no utilisation in one."""
    return all(any((e.measure, e.court, e.at) == (measure, court, day) for e in p.measures) for p in found.points)


def sparkline(values: Sequence[float | None]) -> str:
    """Return numbers as bars, a blank for what is missing.

    Examples
    --------
    >>> sparkline([1.0, 2.0, None, 8.0])
    '▁▂ █'
    """
    known = [v for v in values if v is not None]
    if not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(" " if v is None else _BARS[min(7, int((v - low) / span * 8))] for v in values)


# the chart -----------------------------------------------------------------------------------------


def check_chart(path: Path | None) -> None:
    """See whether a chart can be written as this file.

    Raises
    ------
    InputError
        If it ends in something else than .svg or .png, or its folder is not there.
    """
    if path is not None and path.suffix not in _SUFFIXES:
        raise InputError([f"--chart {path}: the file must end in .svg or .png"])
    if path is not None and not path.parent.is_dir():
        raise InputError([f"--chart {path}: there is no folder {path.parent}"])


def write_chart(found: Sweep, path: Path) -> None:
    """Write the chart of a sweep as SVG or PNG.

    Raises
    ------
    WriteFailed
        If it cannot be written.
    """
    figure = chart_of(found)
    content = figure.png() if path.suffix == ".png" else figure.svg.encode()
    with whole_file(path) as unfinished:
        unfinished.write_bytes(content)


def chart_of(found: Sweep) -> Figure:
    """Draw every measure shown against the first axis, with intervals; further axes are told apart by colour and dash."""
    from importlib import import_module

    from simulations.report.figure import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, drawn
    from simulations.report.tables import as_csv

    alt: Any = import_module("altair")
    first, rest = found.axes[0], found.axes[1:]
    ordered = all(isinstance(v, int | float) and not isinstance(v, bool) for v in first.values)
    ticks = {"values": list(first.values)} if ordered and len(first.values) <= _MOST_TICKS else {}
    x = alt.X("x:O", title=first.name, sort=None)
    if ordered:
        x = alt.X("x:Q", title=first.name, scale=alt.Scale(zero=False, padding=14), axis=alt.Axis(**ticks))
    inks = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
    lines = list(dict.fromkeys(", ".join(point.texts[1:]) for point in found.points))
    colours = alt.Scale(domain=lines, range=[inks[k % len(inks)] for k in range(len(lines))])
    legend = alt.Legend(title=", ".join(axis.name for axis in rest)) if rest else None
    panels, rows = [], []
    for measure, court in [one for one in found.shown if _has(found, *one, None)][:_MOST_PANELS]:
        data = [_datum(found, point, point.get(measure, court), ordered) for point in found.points]
        rows += [
            [measure, court, *point.texts, d["mean"], d["low"], d["high"]]
            for point, d in zip(found.points, data, strict=True)
        ]
        dated = any(point.get(measure, court).date for point in found.points)
        kind = "T" if dated else "Q"
        axis = alt.Axis(format="%Y-%m-%d", tickCount=4) if dated else alt.Axis(tickCount=5)
        unit = "" if dated else f" ({found.points[0].get(measure, court).unit})"
        y = {"title": [f"{measure}{unit}", "all courts" if court == "all" else court], "scale": alt.Scale(zero=False, padding=8, **({"type": "utc"} if dated else {})), "axis": axis}  # fmt: skip
        base = alt.Chart(alt.Data(values=[d for d in data if d["mean"] is not None])).encode(
            x=x, color=alt.Color("rest:N", scale=colours, legend=legend, sort=None)
        )
        bars = base.mark_rule(strokeWidth=1.5).encode(y=alt.Y(f"low:{kind}", **y), y2=f"high:{kind}")
        line = base.mark_line(point={"filled": True, "size": 45}, strokeWidth=1.5).encode(
            y=alt.Y(f"mean:{kind}", **y), strokeDash=alt.StrokeDash("rest:N", legend=None, sort=None)
        )
        panels.append((bars + line).properties(width=320, height=150))
    title = f"What {' and '.join(axis.name for axis in found.axes)} change{'s' if len(found.axes) == 1 else ''} in {found.name}"
    text = (
        f"{found.name}: means over {found.replications} replications at each of {len(found.points)} points, with their"
        f" {found.confidence:.0%} intervals, against {first.path}{''.join(f' and {axis.path}' for axis in rest)}."
    )
    names = ["measure", "court", *(axis.path for axis in found.axes), "mean", "low", "high"]
    return drawn("sweep", "The sweep", title, text, alt.concat(*panels, columns=2), as_csv(names, rows))


def _datum(found: Sweep, point: Point, estimate: Estimate, ordered: bool) -> dict[str, Any]:
    """Return a point of the chart; a point in time as its date."""
    from simulations.report.figure import stamp

    value = point.set[found.axes[0].path] if ordered else point.texts[0]
    ends: dict[str, Any] = {"mean": estimate.mean}
    ends["low"], ends["high"] = (estimate.mean if end is None else end for end in (estimate.low, estimate.high))
    if estimate.date is not None:
        epoch = point.scenario.epoch
        ends = {k: stamp(epoch.instant(round(v * MICROSECONDS_PER_DAY))) for k, v in ends.items() if v is not None}
    return {"x": value, "rest": ", ".join(point.texts[1:]), **ends}
