"""The tornado figure of a sensitivity analysis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulations.measuring.descriptors import describe
from simulations.planning.sensitivity import Sensitivity
from simulations.report.figure import BLACK, BLUE, ROOM, VERMILION, Figure, altair, drawn, tooltip
from simulations.tables.formatting import court_title, format_when
from simulations.tables.sensitivity import effects_table

if TYPE_CHECKING:
    from altair import TopLevelMixin

_MOST_BARS = 20
_WIDTH = 420


def tornado(result: Sensitivity) -> TopLevelMixin:
    """Return the tornado figure: for each input a bar between the means at its low and at its high end."""
    alt: Any = altair()
    shown = [e for e in result.effects if e.at_low is not None and e.at_high is not None][:_MOST_BARS]
    names = [e.name for e in shown]
    data: list[dict[str, Any]] = []
    for e in shown:
        base = result.base if result.base is not None else (e.at_low or 0.0)
        ends = ((e.at_low, e.low, "low end"), (e.at_high, e.high, "high end"))
        data += [{"input": e.name, "base": base, "mean": mean, "end": end, "label": f"{v:.4g}"} for mean, v, end in ends]
    axis_title = describe(result.scenario)[result.measure].axis_title
    y = alt.Y("input:N", sort=names, title=None, axis=alt.Axis(labelLimit=360))
    x = alt.X("base:Q", title=axis_title, scale=alt.Scale(zero=False, padding=30))
    colour = alt.Color("end:N", title="input at its", scale=alt.Scale(domain=["low end", "high end"], range=[BLUE, VERMILION]))
    bars = (
        alt.Chart(alt.Data(values=data))
        .mark_bar(height=14, opacity=0.85)
        .encode(
            y=y, x=x, x2="mean:Q", color=colour, tooltip=tooltip(input="input", end="at its", label="input is", mean="mean|,.5~r")
        )
    )
    whiskers = [
        {
            "input": e.name,
            "from": (e.at_low or 0.0) + (e.difference_low or 0.0),
            "to": (e.at_low or 0.0) + (e.difference_high or 0.0),
        }
        for e in shown
        if e.difference_low is not None
    ]
    rules = alt.Chart(alt.Data(values=whiskers)).mark_rule(color=BLACK, strokeWidth=1.5).encode(y=y, x="from:Q", x2="to:Q")
    layers = [bars, *([rules] if whiskers else [])]
    chart: TopLevelMixin = alt.layer(*layers).properties(width=_WIDTH, height=alt.Step(24), padding=ROOM)
    return chart


def tornado_figure(result: Sensitivity) -> Figure:
    """Return the tornado figure with its caption and data."""
    measure = describe(result.scenario)[result.measure].title
    when, where = format_when(result.at, result.scenario.ends), court_title(result.court, result.scenario)
    title = f"{result.scenario.name}: {measure}, {where}, {when}, one input at a time"
    text = (
        f"Each bar goes from the mean with all inputs at their medians to that with one input at its low or high end, over"
        f" {result.replications} paired replications. Thin line: {result.confidence:.0%} interval of the difference of both ends,"
        f" from the low end."
    )
    return drawn("tornado", "Sensitivity", [title], [text], tornado(result), effects_table(result).csv)


def write_tornado(result: Sensitivity, path: Path) -> None:
    """Write the figure as SVG or PNG.

    Raises
    ------
    WriteFailed
        If the file cannot be written.
    """
    from simulations.run_folder.whole_files import whole_file

    figure = tornado_figure(result)
    with whole_file(path) as unfinished:
        unfinished.write_bytes(figure.png() if path.suffix == ".png" else figure.svg.encode())
