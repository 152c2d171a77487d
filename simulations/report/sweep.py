"""The page of a sweep: its chart, and a table with a row for each point."""

from __future__ import annotations

from pathlib import Path

from simulations.planning.sweeping import RESULT, Sweep, read_sweep
from simulations.printing.run_tables import format_estimate
from simulations.report.document import Document, Note, Section
from simulations.report.figure import Figure
from simulations.report.sweep_chart import chart_of
from simulations.report.tables import Cell, Table, as_csv

__all__ = ["is_sweep", "sweep_document"]


def is_sweep(folder: str | Path) -> bool:
    """Say whether a folder was written by a sweep."""
    return (Path(folder) / RESULT).is_file()


def sweep_document(folder: str | Path) -> Document:
    """Return the page of a sweep.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    found = read_sweep(folder)
    n, first = found.replications, found.points[0].scenario
    changed = " and ".join(axis.path for axis in found.axes)
    heading = f"{found.name} at {len(found.points)} points"
    lead = f"What comes of {found.name} with other values of {changed}."
    how = (
        f"{first.starts} to {first.ends}, {n} replication{'s' if n > 1 else ''} at each point, seed {found.seed}. "
        + (
            f"Every point has the same people and the same chances. Mean ± half of a {found.confidence:.0%} interval."
            if n > 1
            else "A single replication has no intervals."
        )
    )
    courts = dict.fromkeys(court for _, court in found.shown)
    blocks: list[Figure | Note | Table] = [
        chart_of(found),
        *_growing(found),
        *(_table(found, court) for court in courts),
    ]
    foot = (
        f"Each point is a run of its own, point-1 to point-{len(found.points)}; docketsim report makes a page of each."
    )
    return Document(f"{heading}: report of a sweep", heading, lead, how, [Section("sweep", "The sweep", blocks)], foot)


def _growing(found: Sweep) -> list[Note]:
    notes = []
    for pool in dict.fromkeys(pool for point in found.points for pool in point.growing):
        where = "; ".join(", ".join(point.texts) for point in found.points if pool in point.growing)
        notes.append(Note(f"the queue of the pool {pool} grew all the time at {where}.", "warning"))
    return notes


def _table(found: Sweep, court: str) -> Table:
    """Return what is shown of a court at the end of the run, a row a point."""
    names = [measure for measure, of in found.shown if of == court]
    rows, plain = [], []
    for point in found.points:
        here = {e.measure: e for e in point.measures if (e.court, e.at, e.by) == (court, None, None)}
        rows.append(
            [
                *(Cell(text) for text in point.texts),
                *(
                    Cell(format_estimate(here[m]) if m in here else "", here[m].mean if m in here else None)
                    for m in names
                ),
            ]
        )
        plain += [[*point.texts, m, here[m].mean, here[m].low, here[m].high] for m in names if m in here]
    where = "all courts" if court == "all" else court
    columns = [*(axis.name for axis in found.axes), *names]
    text = as_csv([*(axis.path for axis in found.axes), "measure", "mean", "low", "high"], plain)
    return Table(f"sweep-{court}", f"{where}, at the end of the run", columns, rows, text)
