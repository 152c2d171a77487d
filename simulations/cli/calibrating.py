"""The commands ``docketsim calibrate`` and ``docketsim hindcast``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulations.cli.common import (
    Changes,
    Cluster,
    Color,
    Engine,
    Json,
    Limit,
    Out,
    Quiet,
    Resume,
    ScenarioName,
    Seed,
    Workers,
    date,
    echo,
    print_json,
    progress_bar,
    report_errors,
    resume_command,
    with_workers,
)
from workflow.errors import InputError

if TYPE_CHECKING:
    from simulations.running.options import CalibrationOptions

Free = Annotated[
    list[str] | None,
    typer.Option(metavar="PATH", help="Calibrate only this input; repeatable. Default: all with a distribution of their own."),
]
Runs = Annotated[int | None, typer.Option(metavar="N", help="Number of runs; default: 15 for each input, at least 60.")]
Budget = Annotated[
    str | None, typer.Option(metavar="TIME", help="Instead of --runs, such as '20 minutes'; becomes a number of runs.")
]
NoDiscrepancy = Annotated[
    bool, typer.Option("--no-discrepancy", help="Take the model to be right with some inputs. Bands are then too narrow.")
]
Confidence = Annotated[float, typer.Option(help="Level of the intervals, between 0 and 1.")]


def calibrate(
    scenario: ScenarioName,
    until: Annotated[
        str, typer.Option(metavar="DATE", help="Use the figures published up to this day; later ones are not read.")
    ],
    at: Annotated[
        list[str] | None, typer.Option(metavar="DATE", help="Also forecast measures at the end of this later day; repeatable.")
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="M", help="Forecast only this measure with --at; repeatable. Default: those of the figures."),
    ] = None,
    free: Free = None,
    change: Changes = None,
    runs: Runs = None,
    budget: Budget = None,
    no_discrepancy: NoDiscrepancy = False,
    confidence: Confidence = 0.9,
    seed: Seed = 1,
    engine: Engine = "auto",
    workers: Workers = None,
    cluster: Cluster = None,
    limit: Limit = 1.0,
    resume: Resume = False,
    out: Out = None,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Calibrate uncertain inputs to published figures, and forecast later ones: a posterior table, and a scenario that reads it."""
    with report_errors(lambda: resume_command(out)):
        from simulations.calibrating.calibration import calibrate as run_calibration
        from simulations.loading import load_scenario
        from simulations.printing.calibration_tables import print_calibration

        loaded = load_scenario(scenario, change or ())
        options = _options(free, runs, budget, no_discrepancy, confidence, seed, engine, limit, resume, cluster)
        options = with_workers(options, workers, loaded, runs or 60)
        last, days = date(until, "--until"), [date(day, "--at") for day in at or ()]
        with progress_bar(quiet or as_json) as progress:
            result = run_calibration(loaded, last, options, at=days, measures=measure or (), out=out, progress=progress)
        if as_json:
            print_json(result.json())
        elif not quiet:
            print_calibration(result)


def hindcast(
    scenario: ScenarioName,
    as_of: Annotated[list[str], typer.Option("--as-of", metavar="DATE", help="Forecast as of this day; repeatable.")],
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Score no figures after this day; default: all.")] = None,
    free: Free = None,
    change: Changes = None,
    runs: Runs = None,
    budget: Budget = None,
    no_discrepancy: NoDiscrepancy = False,
    confidence: Confidence = 0.9,
    seed: Seed = 1,
    engine: Engine = "auto",
    workers: Workers = None,
    cluster: Cluster = None,
    limit: Limit = 1.0,
    resume: Resume = False,
    out: Out = None,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the figure of forecast against fact, .svg or .png.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Calibrate as of earlier days, forecast the figures published later, and score the forecasts."""
    with report_errors(lambda: resume_command(out)):
        from simulations.calibrating.hindcasting import hindcast as run_hindcast
        from simulations.loading import load_scenario
        from simulations.printing.calibration_tables import print_hindcast
        from simulations.report.hindcast_chart import write_hindcast
        from simulations.report.sweep_chart import check_chart

        check_chart(chart)
        loaded = load_scenario(scenario, change or ())
        days, last = [date(day, "--as-of") for day in as_of], None if until is None else date(until, "--until")
        options = _options(free, runs, budget, no_discrepancy, confidence, seed, engine, limit, resume, cluster)
        options = with_workers(options, workers, loaded, runs or 60)
        with progress_bar(quiet or as_json) as progress:
            result = run_hindcast(loaded, days, options, until=last, out=out, progress=progress)
        if chart is not None:
            write_hindcast(result, chart)
        if as_json:
            print_json(result.json())
        elif not quiet:
            print_hindcast(result)
            if chart is not None:
                echo(f"Figure: {chart}")


def _options(
    free: list[str] | None,
    runs: int | None,
    budget: str | None,
    no_discrepancy: bool,
    confidence: float,
    seed: int,
    engine: str,
    limit: float,
    resume: bool,
    cluster: str | None,
) -> CalibrationOptions:
    """Return the options that both commands share."""
    from simulations.running.options import CalibrationOptions

    return CalibrationOptions(
        free=free or (), runs=runs, budget_seconds=_seconds(budget), discrepancy=not no_discrepancy, confidence=confidence,
        seed=seed, engine=engine, limit=limit, resume=resume, cluster=cluster,
    )  # fmt: skip


def _seconds(budget: str | None) -> float | None:
    """Return the seconds of a length of time such as ``20 minutes``."""
    from simulations.timing.clock import MICROSECONDS_PER_SECOND, parse_duration

    if budget is None:
        return None
    if re.search("working|month|year", budget):
        raise InputError([f"--budget {budget}: give minutes or hours, such as '20 minutes'"])
    try:
        seconds = parse_duration(budget).microseconds / MICROSECONDS_PER_SECOND
    except InputError as error:
        raise InputError([f"--budget {budget}: {p.message}" for p in error.problems]) from None
    if seconds < 1:
        raise InputError([f"--budget {budget}: must be a second or more"])
    return seconds
