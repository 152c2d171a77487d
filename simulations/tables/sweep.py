"""The table of a sweep: a row for each point, a column for each measure."""

from __future__ import annotations

import datetime as dt

from simulations.planning.sweeping import Sweep
from simulations.tables.formatting import court_title, estimate_cell
from simulations.tables.run import row_titles
from simulations.tables.table import Cell, Table, as_csv


def sweep_table(sweep: Sweep, court: str, day: dt.date | None = None) -> Table | None:
    """Return the measures of a court on a day, or at the end of the run; ``None`` if there are none."""
    names = [name for name, of in sweep.shown if of == court and sweep.has(name, court, day)]
    estimates = [[point.get(name, court, day) for name in names] for point in sweep.points]
    rows = [
        [*map(Cell, point.texts), *map(estimate_cell, of_point)] for point, of_point in zip(sweep.points, estimates, strict=True)
    ]
    data = [
        [*point.texts, e.measure, e.mean, e.low, e.high]
        for point, of_point in zip(sweep.points, estimates, strict=True)
        for e in of_point
    ]
    text = as_csv([*(axis.path for axis in sweep.axes), "measure", "mean", "low", "high"], data)
    title = f"{court_title(court, sweep.points[0].scenario)}, at the end of {'the run' if day is None else day}"
    titles = row_titles(sweep.points[0].scenario)
    columns = [*(axis.name for axis in sweep.axes), *(titles[name] for name in names)]
    return Table(f"sweep-{court}", title, columns, rows, text) if names else None
