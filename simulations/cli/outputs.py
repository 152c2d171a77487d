"""The commands that publish a run folder: ``docketsim report`` and ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulations.cli.common import Courts, Measures, Quiet, RunFolder, ScenarioFile, echo, report_errors, spinner
from simulations.exporting import FORMATS

_FORMATS = ", ".join(f"{name} ({format_})" for name, format_ in FORMATS.items())


def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run, a comparison or a sweep.")],
    out: Annotated[Path | None, typer.Option(metavar="PAGE", help="The page; default: report.html in the folder.")] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write each figure to this folder, as SVG and PNG.")
    ] = None,
    stress: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the STRESS-DES sections as Markdown. The page then needs --out.")
    ] = None,
    measure: Measures = None,
    court: Courts = None,
    scenario: ScenarioFile = None,
    hindcast: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A hindcast of the same model: the page says how often its forecasts held.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Write the results of a run, a comparison or a sweep as one offline HTML page of figures and tables."""
    with report_errors():
        from simulations.measuring.selection import Selection
        from simulations.report import write_page, write_stress

        if stress is not None:
            write_stress(folder, stress, scenario)
            _print(f"STRESS-DES: {stress}", quiet)
        if stress is None or out is not None or figures is not None:
            with spinner("drawing", quiet):
                page = write_page(folder, out, figures, scenario, Selection(measure or (), court or ()), hindcast)
            _print(f"Report: {page}", quiet)


def export(
    folder: RunFolder,
    to: Annotated[str, typer.Option(metavar="FORMAT", help=f"{_FORMATS}.")],
    out: Annotated[Path, typer.Option(metavar="PATH", help="The output file.")],
    zone: Annotated[
        str, typer.Option(metavar="NAME", help="The time zone of the run's local times, such as America/Denver.")
    ] = "UTC",
    replication: Annotated[list[int] | None, typer.Option(metavar="K", help="Export only replication K; repeatable.")] = None,
    quiet: Quiet = False,
) -> None:
    """Export the event log for other tools."""
    with report_errors():
        from simulations.exporting.exports import export as write
        from workflow.files.table import n_of

        with spinner("writing the log", quiet):
            exported = write(folder, to, out, zone, replication or ())
        _print(f"{n_of(exported.n_cases, 'case')}, {n_of(exported.n_events, 'event')}: {exported.path}", quiet)


def _print(text: str, quiet: bool) -> None:
    if not quiet:
        echo(text)
