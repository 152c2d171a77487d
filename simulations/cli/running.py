"""The commands that run what is there: ``docketsim run``, ``validate`` and ``list``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from simulations.cli.common import (
    FAILURE,
    Engine,
    Json,
    Quiet,
    ScenarioName,
    Seed,
    Workers,
    WorkersIfMany,
    compile_first,
    date,
    print_json,
    progress_bar,
    resumed,
    told,
    waiting,
    warnings_told,
)
from workflow.errors import InputError

__all__ = ["list_", "run", "validate"]


def run(
    scenario: ScenarioName,
    replications: Annotated[int, typer.Option(help="How many replications; with --precision, at least.")] = 1,
    only: Annotated[int | None, typer.Option(metavar="K", help="Run replication K of these alone.")] = None,
    seed: Seed = 1,
    engine: Engine = "auto",
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Change one value: pools.reviewers.size.denver=20"),
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(metavar="DATE", help="Measure as things stood at the end of this day, too.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Group every measure by a fact, a definition, court or origin."),
    ] = None,
    workers: WorkersIfMany = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(
            metavar="M=X", help="Add replications until the interval of M is +-X: amenable=2%, review_finished=1d"
        ),
    ] = None,
    max_replications: Annotated[int | None, typer.Option(help="With --precision: the most (default 1000).")] = None,
    warm_up: Annotated[
        bool, typer.Option("--warm-up", help="Say how long the run takes to settle (Welch, MSER-5).")
    ] = False,
    no_events: Annotated[bool, typer.Option("--no-events", help="Write cases and measures, but no event log.")] = False,
    monitor: Annotated[
        str | None,
        typer.Option(
            metavar="stop|count", help="Watch the workflow's rules on every case: stop at a broken one, or count."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the folder of --out; parts that are there are kept.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run's own folder; default runs/<scenario>-<date and time>.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run replications of a scenario: a table of measures with intervals, and a run folder with the event log."""
    with told(lambda: resumed(out)):
        from simulations.engines.choosing import enough_workers
        from simulations.loading import load_scenario
        from simulations.run_folder.folders import default_folder
        from simulations.running.runs import run as run_scenario
        from simulations.running.warmup import check_long_enough, diagnose, still_trending

        if monitor not in (None, "stop", "count"):
            raise InputError([f"--monitor {monitor}: must be stop or count"])
        if resume and out is None:
            raise InputError(["--resume needs --out: the folder to go on with"])
        loaded = load_scenario(scenario, change or ())
        if warm_up:
            check_long_enough(loaded)
        out = out if out is not None else default_folder(loaded.name)
        days = [date(text) for text in at or ()]
        n = 1 if only is not None else max_replications or 100 if precision else replications
        compile_first(engine, loaded, n, quiet or as_json)
        workers = enough_workers(engine, loaded, n) if workers is None else workers
        with warnings_told(), progress_bar(quiet or as_json) as progress:
            result = run_scenario(
                loaded, replications=replications, seed=seed, out=out, at=days, by=by or (), only=only, workers=workers,
                events=not no_events, resume=resume, precision=precision or (), max_replications=max_replications,
                engine=engine, monitor=monitor, progress=progress,  # type: ignore[arg-type]
            )  # fmt: skip
        found = result.json()
        if trends := still_trending(result):
            found["trending"] = [trend.json() for trend in trends]
        diagnosis = None
        if warm_up:
            diagnosis = diagnose(result)
            found["warm_up"] = [d.json() for d in diagnosis]
        if as_json:
            print_json(found)
        elif not quiet:
            from simulations.printing.run_tables import print_result

            print_result(result, days, diagnosis)
        if result.violations and any(result.violations.values()):
            raise typer.Exit(FAILURE)


def validate(
    seed: Seed = 1,
    engine: Engine = "auto",
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run cases with known answers on this installation: exact event times, and textbook queues within their interval."""
    with told():
        from simulations.checks.validation import validate as check
        from simulations.engines.choosing import check_engine
        from simulations.loading import load_scenario

        check_engine(engine)
        if engine == "compiled":
            compile_first(engine, load_scenario("pilot"), 1, quiet or as_json)
        with waiting("running the checks, about a minute", quiet or as_json):
            found = check(seed, workers or os.cpu_count() or 1, engine="compiled" if engine == "compiled" else "simpy")
    if as_json:
        print_json({"cases": [outcome.json() for outcome in found]})
    elif not quiet:
        from simulations.printing.validation_table import print_validation

        print_validation(found)
    if not all(outcome.ok for outcome in found):
        raise typer.Exit(FAILURE)


def list_(as_json: Json = False) -> None:
    """List the built-in workflows and scenarios."""
    from simulations.loading import catalog as scenarios
    from workflow.files.yaml_tree import read_yaml
    from workflow.loading import catalog as workflows

    found: dict[str, list[dict[str, Any]]] = {}
    for kind, paths in (("workflows", workflows()), ("scenarios", scenarios())):
        found[kind] = [
            {"name": n, "description": read_yaml(p).plain().get("description"), "path": str(p)}
            for n, p in paths.items()
        ]
    if as_json:
        print_json(found)
        return
    for kind, entries in found.items():
        typer.echo(f"{kind}:")
        for entry in entries:
            typer.echo(f"  {entry['name']}")
            if entry["description"]:
                typer.echo(f"      {entry['description']}")
