"""The page of a sweep: its chart, and a table with a row for each point."""

from __future__ import annotations

from pathlib import Path

from simulations.planning.sweeping import read_sweep
from simulations.report.document import Document, Note, Section
from simulations.report.figure import Figure
from simulations.report.sweep_chart import axis_titles, figures_of
from simulations.statements.of_plans import answer_of_sweep
from simulations.statements.of_runs import WAITS_DEPEND
from simulations.tables.formatting import format_replications
from simulations.tables.sweep import sweep_table
from simulations.tables.table import Table


def sweep_document(folder: str | Path) -> Document:
    """Return the page of a sweep.

    Raises
    ------
    InputError
        If the folder cannot be read.
    """
    sweep = read_sweep(folder)
    n, first = sweep.replications, sweep.points[0].scenario
    heading = f"{sweep.name} at {len(sweep.points)} points"
    lead = f"The results of {sweep.name} for several values of the {axis_titles(sweep)}."
    how = f"{first.starts} to {first.ends}, {format_replications(n)} at each point, seed {sweep.seed}. " + (
        f"All points use common random numbers. Mean ± half of a {sweep.confidence:.0%} confidence interval."
        if n > 1
        else "A single replication has no intervals."
    )
    answer = answer_of_sweep(sweep)
    main = [Note(statement, "main") for statement in answer if not statement.is_warning]
    warnings = [Note(statement, "warning", more=WAITS_DEPEND) for statement in answer if statement.is_warning]
    tables = [sweep_table(sweep, court) for court in dict.fromkeys(court for _, court in sweep.shown)]
    blocks: list[Figure | Note | Table] = [
        *main,
        *figures_of(sweep),
        *warnings,
        *(table for table in tables if table is not None),
    ]
    foot = f"Each point has its own run folder, point-1 to point-{len(sweep.points)}; docketsim report writes a page for each."
    return Document(f"{heading}: report of a sweep", heading, lead, how, [Section("sweep", "The sweep", blocks)], foot, answer)
