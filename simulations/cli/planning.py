"""The planning commands: ``docketsim sweep``, ``staff``, ``forecast`` and ``sensitivity``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulations.cli.common import (
    At,
    Changes,
    Cluster,
    Color,
    Confidence,
    Court,
    Courts,
    Engine,
    Json,
    Keep,
    Limit,
    Measures,
    Out,
    Quiet,
    Replications,
    Resume,
    ScenarioName,
    Seed,
    Workers,
    announcements,
    date,
    echo,
    print_json,
    progress_bar,
    report_errors,
    resume_command,
    run_options,
    spinner,
    with_workers,
)

if TYPE_CHECKING:
    from simulations.planning.staffing import Point


def sweep(
    scenario: ScenarioName,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="PATH=VALUES",
            help="from:to:step or a,b,c: one point per combination. A single value holds at every point.",
        ),
    ] = None,
    replications: Replications = 10,
    seed: Seed = 1,
    at: At = None,
    measure: Measures = None,
    court: Courts = None,
    engine: Engine = "auto",
    workers: Workers = None,
    cluster: Cluster = None,
    limit: Limit = 1.0,
    confidence: Confidence = 0.95,
    keep: Keep = "measures",
    resume: Resume = False,
    out: Out = None,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The chart, .svg or .png; default: sweep.svg in the folder.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Run a scenario at every point of a grid with common random numbers: a table and a chart."""
    with report_errors(lambda: resume_command(out)):
        from simulations.loading import load_scenario
        from simulations.planning.grid import parse_grid
        from simulations.planning.sweeping import sweep as run_sweep
        from simulations.printing.sweep_table import print_sweep
        from simulations.report.sweep_chart import check_chart, write_chart
        from simulations.run_folder.folders import default_folder

        options = run_options(
            replications, seed, at, measure, court, engine, confidence, resume, out, limit, keep=keep, cluster=cluster
        )
        check_chart(chart)
        n_points = parse_grid(change or ())[0].size
        options = with_workers(options, workers, load_scenario(scenario), replications, n_points)
        out = out or default_folder(f"sweep-{Path(scenario).stem}")
        with progress_bar(quiet or as_json) as progress:
            result = run_sweep(scenario, change or (), options, out=out, progress=progress)
        chart = chart or result.folder / "sweep.svg"
        with spinner("drawing", quiet or as_json):
            write_chart(result, chart)
        if as_json:
            print_json(result.json())
        elif not quiet:
            print_sweep(result, options.at)
            echo(f"Chart: {chart}")


def staff(
    scenario: ScenarioName,
    pool: Annotated[str, typer.Option(metavar="P", help="The pool to size.")],
    court: Court = None,
    scale: Annotated[bool, typer.Option("--scale", help="Multiply the sizes in all courts by a common factor.")] = False,
    finish_by: Annotated[str | None, typer.Option(metavar="DATE", help="The latest date of --measure.")] = None,
    measure: Annotated[str | None, typer.Option(metavar="M", help="A measure that is a date, such as review_finished.")] = None,
    goal: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Instead: what holds at the end of --at: 'waiting_time.hearing.mean < 90', 'clearance_rate over 12 months > 1'.",
        ),
    ] = None,
    pending_below: Annotated[float | None, typer.Option(metavar="X", help="Short for --goal 'pending < X'.")] = None,
    at: Annotated[str | None, typer.Option(metavar="DATE", help="The day of --goal.")] = None,
    confidence: Annotated[float, typer.Option(help="Probability of meeting the goal.")] = 0.95,
    seed: Seed = 1,
    replications: Annotated[int, typer.Option(help="Maximum replications per size; stops early when the answer is clear.")] = 480,
    change: Changes = None,
    engine: Engine = "auto",
    workers: Workers = None,
    cluster: Cluster = None,
    limit: Limit = 1.0,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Find the smallest pool that meets a goal, a date or a condition on a measure, with a given probability."""
    with report_errors():
        from simulations.loading import load_scenario
        from simulations.planning.staffing import staff as search
        from simulations.running.options import RunOptions

        def show(point: Point) -> None:
            if not (quiet or as_json):
                stage = "confirmation" if point.confirmed else "search"
                echo(f"  {stage}, size {point.size:,}: the goal is met in {point.hits} of {point.n} replications", err=True)

        loaded = load_scenario(scenario, change or ())
        options = RunOptions(replications=replications, seed=seed, engine=engine, limit=limit, cluster=cluster)
        options = with_workers(options, workers or (None if cluster else os.cpu_count() or 1), loaded, replications)
        with announcements(quiet or as_json):
            staffing = search(
                loaded,
                pool,
                options,
                court=court,
                scale=scale,
                finish_by=None if finish_by is None else date(finish_by, "--finish-by"),
                measure=measure,
                goal=goal,
                pending_below=pending_below,
                at=None if at is None else date(at),
                confidence=confidence,
                progress=show,
            )
        if as_json:
            print_json(staffing.json())
        elif not quiet:
            from simulations.printing.planning_tables import print_staffing

            print_staffing(staffing)


def forecast(
    scenario: ScenarioName,
    when: Annotated[
        str,
        typer.Option(
            metavar="CONDITION",
            help="'still_waiting.hearing < 100', 'clearance_rate over 12 months > 1', or a measure that is a date.",
        ),
    ],
    court: Court = None,
    seed: Seed = 1,
    replications: Replications = 100,
    confidence: Confidence = 0.95,
    change: Changes = None,
    engine: Engine = "auto",
    workers: Workers = None,
    cluster: Cluster = None,
    limit: Limit = 1.0,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Forecast when a condition first holds: the mean date with its confidence interval, and the prediction interval of one run."""
    with report_errors():
        from simulations.loading import load_scenario
        from simulations.planning.forecasting import forecast as run_forecast
        from simulations.running.options import RunOptions

        loaded = load_scenario(scenario, change or ())
        options = RunOptions(replications=replications, seed=seed, engine=engine, limit=limit, cluster=cluster)
        options = with_workers(options, workers, loaded, replications)
        with progress_bar(quiet or as_json) as progress:
            result = run_forecast(loaded, when, options, court=court or "all", confidence=confidence, progress=progress)
        if as_json:
            print_json(result.json())
        elif not quiet:
            from simulations.printing.planning_tables import print_forecast

            print_forecast(result)


def sensitivity(
    scenario: ScenarioName,
    measure: Annotated[str, typer.Option(metavar="M", help="The measure that depends on the inputs.")],
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=LOW:HIGH", help="Move only such values; path=value changes the scenario."),
    ] = None,
    sobol: Annotated[
        int | None,
        typer.Option(metavar="N", help="Also Sobol' indices, from N x (inputs + 3) runs; N is a power of two, such as 64."),
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="DATE", help="Measure at the end of this day; default: of the run.")] = None,
    court: Court = None,
    replications: Replications = 10,
    seed: Seed = 1,
    confidence: Confidence = 0.95,
    engine: Engine = "auto",
    workers: Workers = None,
    cluster: Cluster = None,
    limit: Limit = 1.0,
    chart: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the tornado figure, .svg or .png.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Show which uncertain input matters most: a measure with one input at a time at its 10th and 90th percentile."""
    with report_errors():
        from simulations.loading import load_scenario
        from simulations.planning.sensitivity import sensitivity as analyse
        from simulations.report.sweep_chart import check_chart
        from simulations.report.tornado import write_tornado
        from simulations.running.options import RunOptions

        check_chart(chart)
        loaded = load_scenario(scenario)
        options = RunOptions(replications=replications, seed=seed, engine=engine, limit=limit, cluster=cluster)
        settings = 2 * max(1, len(loaded.inputs)) + 1
        options = with_workers(options, workers, loaded, replications, settings)
        with progress_bar(quiet or as_json) as progress:
            result = analyse(
                loaded,
                measure,
                options,
                court=court or "all",
                at=None if at is None else date(at),
                changes=change or (),
                sobol=sobol,
                confidence=confidence,
                progress=progress,
            )
        if chart is not None:
            write_tornado(result, chart)
        if as_json:
            print_json(result.json())
        elif not quiet:
            from simulations.printing.sensitivity_table import print_sensitivity

            print_sensitivity(result)
            if chart is not None:
                echo(f"Figure: {chart}")
