"""The planning commands: ``docketsim sweep``, ``staff`` and ``forecast``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simulations.cli.common import (
    At,
    Changes,
    Court,
    Engine,
    Json,
    Out,
    Quiet,
    Replications,
    Resume,
    ScenarioName,
    Seed,
    Workers,
    check_resume,
    date,
    dates,
    prepare_run,
    print_json,
    progress_bar,
    report_errors,
    resume_command,
    spinner,
)

if TYPE_CHECKING:
    from simulations.planning.forecasting import Forecast
    from simulations.planning.staffing import Point, Staffing

__all__ = ["forecast", "staff", "sweep"]


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
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="M", help="Show this measure; default: dates, pending, and the changed pools."),
    ] = None,
    court: Annotated[
        list[str] | None, typer.Option(metavar="C", help="Show this court; all: all courts together.")
    ] = None,
    engine: Engine = "auto",
    workers: Workers = None,
    events: Annotated[bool, typer.Option("--events", help="Write event logs.")] = False,
    resume: Resume = False,
    out: Out = None,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The chart, .svg or .png; default: sweep.svg in the folder.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a scenario at every point of a grid with common random numbers: a table and a chart."""
    with report_errors(lambda: resume_command(out)):
        from simulations.loading import load_scenario
        from simulations.planning.grid import parse_grid
        from simulations.planning.sweeping import sweep as run_sweep
        from simulations.printing.sweep_table import print_sweep
        from simulations.report.sweep_chart import check_chart, write_chart
        from simulations.run_folder.folders import default_folder
        from simulations.running.options import RunOptions

        check_resume(resume, out)
        options = RunOptions(
            replications=replications, seed=seed, at=dates(at), events=events, resume=resume, engine=engine
        )
        check_chart(chart)
        n_points = parse_grid(change or ())[0].size
        options = prepare_run(options, workers, load_scenario(scenario), quiet or as_json, runs=n_points)
        out = out or default_folder(f"sweep-{Path(scenario).stem}")
        with progress_bar(quiet or as_json) as progress:
            result = run_sweep(
                scenario, change or (), options, measures=measure or (), courts=court or (), out=out, progress=progress
            )
        chart = chart or result.folder / "sweep.svg"
        with spinner("drawing", quiet or as_json):
            write_chart(result, chart)
        if as_json:
            print_json(result.json())
        elif not quiet:
            print_sweep(result, options.at)
            typer.echo(f"Chart: {chart}")


def staff(
    scenario: ScenarioName,
    pool: Annotated[str, typer.Option(metavar="P", help="The pool to size.")],
    court: Court = None,
    scale: Annotated[
        bool, typer.Option("--scale", help="Multiply the sizes in all courts by a common factor.")
    ] = False,
    finish_by: Annotated[str | None, typer.Option(metavar="DATE", help="The latest date of --measure.")] = None,
    measure: Annotated[
        str | None, typer.Option(metavar="M", help="A measure that is a date, such as review_finished.")
    ] = None,
    pending_below: Annotated[
        float | None, typer.Option(metavar="X", help="Instead: fewer pending cases than this at the end of --at.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="DATE", help="The day of --pending-below.")] = None,
    confidence: Annotated[float, typer.Option(help="Probability of meeting the goal.")] = 0.95,
    seed: Seed = 1,
    replications: Annotated[
        int, typer.Option(help="Maximum replications per size; stops early when the answer is clear.")
    ] = 480,
    change: Changes = None,
    engine: Engine = "auto",
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the smallest pool that meets a date or a limit on pending with a given probability."""
    with report_errors():
        from simulations.loading import load_scenario
        from simulations.planning.staffing import staff as search
        from simulations.running.options import RunOptions

        def show(point: Point) -> None:
            if not (quiet or as_json) and sys.stderr.isatty():
                typer.echo(f"  {point.size:,}: {point.hits} of {point.n}", err=True)

        loaded = load_scenario(scenario, change or ())
        options = RunOptions(replications=replications, seed=seed, engine=engine)
        staffing = search(
            loaded,
            pool,
            prepare_run(options, workers or os.cpu_count() or 1, loaded, quiet or as_json),
            court=court,
            scale=scale,
            finish_by=None if finish_by is None else date(finish_by, "--finish-by"),
            measure=measure,
            pending_below=pending_below,
            at=None if at is None else date(at),
            confidence=confidence,
            progress=show,
        )
        if as_json:
            print_json(staffing.json())
        elif not quiet:
            _print_staffing(staffing)


def _print_staffing(staffing: Staffing) -> None:
    from rich.console import Console

    from simulations.printing.terminal import new_table

    console = Console(highlight=False, soft_wrap=False)
    where = f" in {staffing.court}" if staffing.court else ""
    console.print(
        f"[bold]{staffing.scenario.name}[/bold]: {staffing.pool}{where}, for {staffing.goal} with probability {staffing.wanted:g}; seed {staffing.seed}."
    )
    names = (["factor"] if staffing.answer.factor is not None else []) + ["size"]
    grid = new_table("\nThe curve", *names, "probability", "interval", "replications", "")
    for p in staffing.curve:
        factor = [] if p.factor is None else [f"{p.factor:.2f}"]
        mark = "[bold]" if p == staffing.answer else ""
        cells = [
            *factor,
            f"{p.size:,}",
            f"{p.probability:.3f}",
            f"{p.low:.3f} to {p.high:.3f}",
            f"{p.n}",
            "fresh" if p.confirmed else "search",
        ]
        grid.add_row(*(mark + cell for cell in cells))
    console.print(grid)
    answer, less = staffing.answer, staffing.less
    named = f"{answer.size:,}" if answer.factor is None else f"Factor {answer.factor:.2f} ({answer.size:,} in all)"
    text = f"\n[bold]{named}[/bold]: the probability is at least {answer.low:.3f}"
    if less is not None:
        text += f", with {less.size:,} at most {less.high:.3f}"
    console.print(f"{text}: 95% simultaneous confidence, on replications that were not used in the search.")
    if not staffing.decided:
        console.print(f"Undecided whether the probability reaches {staffing.wanted:g}; raise --replications.")
    if staffing.not_in_order:
        console.print(
            f"[bold]Warning:[/bold] in {staffing.not_in_order} of {staffing.compared} replications a larger pool missed the goal and a smaller one met it:"
            " a smaller size that was not tried may also meet it. docketsim sweep runs every size."
        )


def forecast(
    scenario: ScenarioName,
    when: Annotated[str, typer.Option(metavar="CONDITION", help="'pending < 1000', or a measure that is a date.")],
    court: Court = None,
    seed: Seed = 1,
    replications: Replications = 100,
    change: Changes = None,
    engine: Engine = "auto",
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Forecast when a condition first holds: the mean date, its interval, and the band of single replications."""
    with report_errors():
        from simulations.loading import load_scenario
        from simulations.planning.forecasting import forecast as run_forecast
        from simulations.running.options import RunOptions

        loaded = load_scenario(scenario, change or ())
        options = RunOptions(replications=replications, seed=seed, engine=engine)
        options = prepare_run(options, workers, loaded, quiet or as_json)
        with spinner("running replications", quiet or as_json):
            result = run_forecast(loaded, when, options, court=court or "all")
        if as_json:
            print_json(result.json())
        elif not quiet:
            _print_forecast(result)


def _print_forecast(result: Forecast) -> None:
    n = len(result.days)
    hits = sum(day is not None for day in result.days)
    late = f"after {result.scenario.ends}"
    typer.echo(f"{result.scenario.name}: {result.when}, {result.court}; {n} replications, seed {result.seed}")
    if result.date is not None:
        ends = "" if result.low is None else f" ({result.confidence:.0%} interval {result.low} to {result.high})"
        typer.echo(f"  mean     {result.date}{ends}")
    ends = f" ({result.confidence:.0%} interval {result.median_low or 'open'} to {result.median_high or 'open'})"
    typer.echo(f"  median   {result.median or late}{ends}")
    typer.echo(f"  band     {result.q05 or late} to {result.q95 or late}: nine in ten replications")
    typer.echo(
        f"  reached  in {hits} of {n} by {result.scenario.ends}"
        f" ({result.confidence:.0%} interval {result.reached_low:.3f} to {result.reached_high:.3f})"
    )
    _print_outlook(result)


def _print_outlook(result: Forecast) -> None:
    """Print the Kaplan-Meier curve and the pending cases by age."""
    from rich.console import Console

    from simulations.planning.outlook import MARKS
    from simulations.printing.terminal import new_table
    from simulations.tables.formatting import number

    def ends(low: float | None, high: float | None, unit: str) -> str:
        return "" if low is None or high is None else f"{number(low, unit)} to {number(high, unit)}"

    console = Console(highlight=False, soft_wrap=False)
    last = result.time_to_closure[-1]
    title = "\nStill on the docket so many days after arrival, or the start (Kaplan-Meier)"
    grid = new_table(title, "days", "share", f"{result.confidence:.0%} interval", "nine in ten replications")
    for point in (p for p in result.time_to_closure if p.days in MARKS or p is last):
        grid.add_row(f"{point.days}", number(point.mean, "share"), ends(point.low, point.high, "share"), ends(point.q05, point.q95, "share"))  # fmt: skip
    console.print(grid)
    hits = sum(day is not None for day in result.days)
    for when, label in (("reached", f"when {result.when} first held, in {hits} replications"), ("end", f"at the end, {result.scenario.ends}")):  # fmt: skip
        bands = [band for band in result.pending_by_age if band.when == when and band.mean is not None]
        if not bands:
            continue
        grid = new_table(f"\nPending by age, {label}", "age", "cases", f"{result.confidence:.0%} interval", "nine in ten replications")  # fmt: skip
        for band in bands:
            grid.add_row(band.name, number(band.mean or 0.0, "cases"), ends(band.low, band.high, "cases"), ends(band.q05, band.q95, "cases"))  # fmt: skip
        console.print(grid)
