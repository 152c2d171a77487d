"""The commands that make something for others of a run folder: ``docketsim report`` and ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulations.command_line import Quiet, told, waiting

__all__ = ["report"]

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
ScenarioFile = Annotated[
    str | None, typer.Option("--scenario", metavar="FILE", help="The scenario, if it reads tables beside its file.")
]


def report(
    folder: Run,
    out: Annotated[
        Path | None, typer.Option(metavar="PAGE", help="The page; default: report.html in the run folder.")
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
    """Write what a run found as one page that needs no network: numbers, figures and tables."""
    with told():
        from simulations.report import write_page, write_stress

        if stress is not None:
            write_stress(folder, stress, scenario)
            _say(f"STRESS-DES: {stress}", quiet)
        if stress is None or out is not None or figures is not None:
            with waiting("drawing", quiet):
                page = write_page(folder, out, figures, scenario)
            _say(f"Report: {page}", quiet)


def _say(text: str, quiet: bool) -> None:
    if not quiet:
        typer.echo(text)
