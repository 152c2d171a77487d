"""The figure of a hindcast: each forecast with its band beside the fact, in percent of the fact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulations.calibrating.hindcasting import Hindcast
from simulations.measuring.descriptors import describe
from simulations.report.figure import BLACK, BLUE, ROOM, SKY, VERMILION, Figure, altair, drawn, tooltip
from simulations.run_folder.whole_files import whole_file
from simulations.tables.calibration import scores_table
from simulations.tables.formatting import court_title

_WIDTH = 420


def hindcast_figure(result: Hindcast) -> Figure:
    """Return the figure with its caption and data."""
    alt: Any = altair()
    titles = describe(result.scenario)
    rows = [
        {
            "line": f"{titles[s.figure.measure].title}, {court_title(s.figure.court, result.scenario)}, {s.figure.at} (as of {s.as_of})",
            **{name: getattr(s, name) / s.figure.value - 1 for name in ("median", "low", "high")},
            "plain": None if s.plain is None else s.plain / s.figure.value - 1,
            "held": "inside" if s.inside else "outside",
        }
        for s in result.scores
        if s.figure.value
    ]
    lines = [row["line"] for row in rows]
    y = alt.Y("line:N", title=None, sort=lines, axis=alt.Axis(labelLimit=420))
    x = alt.X(
        "low:Q", title="forecast less published, in percent of the published figure", axis=alt.Axis(format="+%", tickCount=5)
    )
    base = alt.Chart(alt.Data(values=rows)).encode(y=y)
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=BLACK).encode(x="zero:Q")
    bands = base.mark_rule(color=SKY, strokeWidth=8, opacity=0.6).encode(x=x, x2="high:Q")
    colour = alt.Color("held:N", title="the fact is", scale=alt.Scale(domain=["inside", "outside"], range=[BLUE, VERMILION]))
    points = base.mark_point(filled=True, size=55, opacity=1).encode(
        x="median:Q",
        color=colour,
        tooltip=tooltip(line="figure", median="forecast less published|+.1%", low="from|+.1%", high="to|+.1%"),
    )
    plain = base.transform_filter("isValid(datum.plain)").mark_tick(color=BLACK, thickness=2, size=12).encode(x="plain:Q")
    chart = alt.layer(zero, bands, points, plain).properties(width=_WIDTH, height=alt.Step(20), padding=ROOM)
    text = f"Line at 0: as published. Light bar: {result.confidence:.0%} band. Dot: median. Tick: last value plus last trend."
    return drawn(
        "hindcast",
        "Forecast and fact",
        [f"{result.scenario.name}: forecast and fact"],
        [result.verdict, text],
        chart,
        scores_table(result).csv,
    )


def write_hindcast(result: Hindcast, path: Path) -> None:
    """Write the figure as SVG or PNG.

    Raises
    ------
    WriteFailed
        If the file cannot be written.
    """
    figure = hindcast_figure(result)
    with whole_file(path) as unfinished:
        unfinished.write_bytes(figure.png() if path.suffix == ".png" else figure.svg.encode())
