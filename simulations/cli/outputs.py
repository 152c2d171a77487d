"""The commands that make something for others of a run folder: ``docketsim report`` and ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulations.cli.common import Quiet, RunFolder, told, waiting

__all__ = ["export", "report"]

ScenarioFile = Annotated[
    str | None, typer.Option("--scenario", metavar="FILE", help="The scenario, if it reads tables beside its file.")
]


def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or that of a comparison or a sweep.")],
    out: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="The page; default: report.html in the folder.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write each figure as SVG and PNG to this folder, too.")
    ] = None,
    stress: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the STRESS-DES sections as Markdown; no page without --out."),
    ] = None,
    scenario: ScenarioFile = None,
    quiet: Quiet = False,
) -> None:
    """Write what a run, a comparison or a sweep found as one page that needs no network: numbers, figures and tables."""
    with told():
        from simulations.report import write_page, write_stress

        if stress is not None:
            write_stress(folder, stress, scenario)
            _say(f"STRESS-DES: {stress}", quiet)
        if stress is None or out is not None or figures is not None:
            with waiting("drawing", quiet):
                page = write_page(folder, out, figures, scenario)
            _say(f"Report: {page}", quiet)


def export(
    folder: RunFolder,
    to: Annotated[str, typer.Option(metavar="FORMAT", help="xes, csv, ocel or vidigi.")],
    out: Annotated[Path, typer.Option(metavar="PATH", help="The file.")],
    zone: Annotated[
        str, typer.Option(metavar="NAME", help="The time zone of the run's local times, such as America/Denver.")
    ] = "UTC",
    replication: Annotated[
        list[int] | None, typer.Option(metavar="K", help="Export replication K alone; can be given again.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Export the event log for other tools: XES, CSV as pm4py names it, OCEL 2.0 as JSON, vidigi's CSV."""
    with told():
        from simulations.exporting.exports import export as write

        with waiting("writing the log", quiet):
            found = write(folder, to, out, zone, replication or ())
        _say(f"{found.n_cases:,} cases, {found.n_events:,} events: {found.path}", quiet)


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        typer.echo(text)
