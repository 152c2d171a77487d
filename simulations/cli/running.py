"""The commands ``docketsim run``, ``validate`` and ``list``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simulations.cli.common import (
    FAILURE,
    All,
    At,
    Changes,
    Cluster,
    Color,
    Confidence,
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
    asked_for,
    next_steps,
    print_json,
    progress_bar,
    report_errors,
    resume_command,
    run_options,
    spinner,
    with_workers,
)
from simulations.printing.lines import print_lines
from workflow.errors import InputError

if TYPE_CHECKING:
    import datetime as dt

    from simulations.running.run_result import RunResult


def run(
    scenario: ScenarioName,
    replications: Replications = 1,
    only: Annotated[int | None, typer.Option(metavar="K", help="Run only replication K.")] = None,
    seed: Seed = 1,
    engine: Engine = "auto",
    change: Changes = None,
    at: At = None,
    measure: Measures = None,
    court: Courts = None,
    by: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Group every measure by a fact, a definition, court or origin.")
    ] = None,
    workers: Workers = None,
    cluster: Cluster = None,
    limit: Limit = 1.0,
    precision: Annotated[
        list[str] | None,
        typer.Option(metavar="M=X", help="Add replications until M has half-width X: amenable=2%, review_finished=1d"),
    ] = None,
    max_replications: Annotated[int | None, typer.Option(help="Maximum replications with --precision; default: 1000.")] = None,
    warm_up: Annotated[bool, typer.Option("--warm-up", help="Estimate the warm-up period (Welch, MSER-5).")] = False,
    keep: Keep = "events",
    monitor: Annotated[
        str | None,
        typer.Option(metavar="stop|count", help="Check the workflow's rules on every case: stop at a violation, or count."),
    ] = None,
    certain: Annotated[bool, typer.Option("--certain", help="Use the median of each uncertain input.")] = False,
    confidence: Confidence = 0.95,
    resume: Resume = False,
    out: Out = None,
    everything: All = False,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Run replications of a scenario: print measures with intervals, and write a run folder with the event log."""
    with report_errors(lambda: resume_command(out)):
        from simulations.loading import load_scenario
        from simulations.run_folder.folders import default_folder
        from simulations.running.runs import run as run_scenario
        from simulations.running.warmup import check_long_enough

        options = run_options(
            replications, seed, at, measure, court, engine, confidence, resume, out, limit, keep=keep, cluster=cluster
        )
        loaded = load_scenario(scenario, change or ())
        loaded = loaded.certain() if certain else loaded
        if warm_up:
            check_long_enough(loaded)
            if measure and "pending" not in measure:
                raise InputError(["--warm-up: is estimated from pending; add --measure pending"])
        out = out or default_folder(loaded.name)
        expected = 1 if only is not None else max_replications or 100 if precision else replications
        options = with_workers(options, workers, loaded, expected)
        with progress_bar(quiet or as_json) as progress:
            result = run_scenario(
                loaded,
                options,
                out=out,
                by=by or (),
                only=only,
                precision=precision or (),
                max_replications=max_replications,
                monitor=monitor,  # type: ignore[arg-type]
                progress=progress,
            )
        _print_run(result, options.at, warm_up, everything, as_json, quiet)
        if result.violations and any(result.violations.values()):
            raise typer.Exit(FAILURE)


def _print_run(result: RunResult, days: Sequence[dt.date], warm_up: bool, everything: bool, as_json: bool, quiet: bool) -> None:
    from simulations.printing.run_tables import print_result, shown_courts
    from simulations.running.warmup import diagnose

    diagnosis = diagnose(result) if warm_up else None
    if as_json:
        content = result.json()
        if not everything:
            content["measures"] = asked_for(content["measures"], shown_courts(result.scenario.courts, result.selection), days)
        if diagnosis is not None:
            content["warm_up"] = [d.json() for d in diagnosis]
        print_json(content)
    elif not quiet:
        print_result(
            result, days, diagnosis, everything, next_steps(result.folder, everything or bool(result.selection.measures))
        )


def validate(
    seed: Seed = 1,
    engine: Engine = "auto",
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Check this installation against cases with known answers: exact event times, and textbook queues."""
    with report_errors():
        from simulations.checks.validation import prepare_checks
        from simulations.checks.validation import validate as check
        from simulations.engines.choosing import check_engine

        check_engine(engine)
        if engine == "compiled":
            with announcements(quiet or as_json):
                prepare_checks("compiled")
        with spinner("running the checks, about a minute", quiet or as_json):
            outcomes = check(seed, workers or os.cpu_count() or 1, engine="compiled" if engine == "compiled" else "simpy")
    if as_json:
        print_json({"cases": [outcome.json() for outcome in outcomes]})
    elif not quiet:
        from simulations.printing.validation_table import print_validation

        print_validation(outcomes)
    if not all(outcome.ok for outcome in outcomes):
        raise typer.Exit(FAILURE)


def list_(as_json: Json = False) -> None:
    """List the built-in workflows and scenarios."""
    from simulations.loading import catalog as scenarios
    from workflow.files.yaml_tree import read_yaml
    from workflow.loading import catalog as workflows

    entries_by_kind: dict[str, list[dict[str, Any]]] = {}
    for kind, paths in (("workflows", workflows()), ("scenarios", scenarios())):
        entries_by_kind[kind] = [
            {"name": n, "description": read_yaml(p).plain().get("description"), "path": str(p)} for n, p in paths.items()
        ]
    if as_json:
        print_json(entries_by_kind)
        return
    for kind, entries in entries_by_kind.items():
        print_lines(f"{kind}:")
        for entry in entries:
            print_lines(f"  {entry['name']}")
            if entry["description"]:
                print_lines(f"      {entry['description']}")
