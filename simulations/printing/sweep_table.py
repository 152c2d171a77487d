"""Print a sweep: a table for each court, with a sparkline for each measure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from simulations.planning.sweeping import Sweep
from simulations.printing.run_tables import format_estimate, new_table

__all__ = ["print_sweep", "sparkline"]

_BARS = "▁▂▃▄▅▆▇█"


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
    measures = [measure for measure, of in found.shown if of == court and found.has(measure, court, day)]
    if not measures:
        return
    when = "the end of the run" if day is None else f"the end of {day}"
    where = "all courts" if court == "all" else court
    grid = new_table(f"\n{where}, at {when}", *(axis.name for axis in found.axes), *measures)
    for column in grid.columns:
        column.overflow = "fold"  # never shorten a name
    for point in found.points:
        grid.add_row(
            *map(escape, point.texts), *(format_estimate(point.get(measure, court, day)) for measure in measures)
        )
    if len(found.axes) == 1 and len(found.points) > 2:
        lines = [sparkline([point.get(measure, court, day).mean for point in found.points]) for measure in measures]
        grid.add_row("", *lines, style="dim")
    console.print(grid)


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
