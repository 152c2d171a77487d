"""Print a sweep: a table for each court, with a sparkline for each measure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from rich.markup import escape

from simulations.planning.sweeping import Sweep
from simulations.printing.terminal import describe_replications, new_console, print_table, sentences
from simulations.statements.of_plans import answer_of_sweep
from simulations.statements.of_runs import WAITS_DEPEND
from simulations.tables.formatting import format_replications
from simulations.tables.sweep import sweep_table

_BARS = "▁▂▃▄▅▆▇█"


def print_sweep(sweep: Sweep, days: Sequence[dt.date]) -> None:
    """Print a sweep to standard output.

    Parameters
    ----------
    sweep : Sweep
    days : sequence of date
        The requested days, besides the end of the run.
    """
    console, n = new_console(), sweep.replications
    console.print(
        f"[bold]{escape(sweep.name)}[/bold] at {len(sweep.points)} points, {format_replications(n)} each with common random numbers,"
        f" seed {sweep.seed}; {describe_replications(n, sweep.confidence)}."
    )
    for court in dict.fromkeys(court for _, court in sweep.shown):
        for day in (*days, None):
            table = sweep_table(sweep, court, day)
            if table is None:
                continue
            footer: list[str] = []
            if len(sweep.axes) == 1 and len(sweep.points) > 2:
                columns = list(zip(*table.rows, strict=True))[1:]
                footer = ["", *(sparkline([cell.value for cell in column]) for column in columns)]
            print_table(console, table, footer)
    console.print()
    for text in sentences(answer_of_sweep(sweep)):
        console.print(text)
    if any(point.growing for point in sweep.points):
        console.print(WAITS_DEPEND)
    console.print(
        f"\nFor the difference of two points, with its interval: docketsim compare. Runs and results: {escape(str(sweep.folder))}"
    )


def sparkline(values: Sequence[float | None]) -> str:
    """Draw numbers as a line of bars, with a blank for a missing number.

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
