"""The command line: ``docketsim run``, ``validate``, ``list``; ``prove``, ``audit``, ``diff``, ``draw``; and those of `cli_studies`, `cli_planning`, `cli_outputs`.

Everything heavy is imported inside the commands, so that ``--help`` answers at once. Mistakes in the input
go to standard error, one line each, with exit code 2; a run that fails has exit code 1.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from simulations.cli_outputs import export, report
from simulations.cli_planning import forecast, staff, sweep
from simulations.cli_studies import compare, sql, verify
from simulations.command_line import (
    FAILURE,
    Engine,
    Json,
    Quiet,
    ScenarioName,
    Seed,
    Workers,
    WorkersIfMany,
    WorkflowName,
    compile_first,
    date,
    print_json,
    progress_bar,
    resumed,
    told,
    waiting,
    warnings_told,
)
from workflow.errors import InputError, Problem

__all__ = ["app", "main"]

app = typer.Typer(
    name="docketsim",
    help="Simulate, prove, test and audit one declared case workflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line."""
    gc.set_threshold(300_000, 20, 100)  # nearly all that a command makes is in use to its end
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads for matrices, of which there are none here
    asked = [c for c in app.registered_commands if sys.argv[1:2] == [c.name or getattr(c.callback, "__name__", None)]]
    app.registered_commands = asked or app.registered_commands  # the options of each take time to read
    try:
        app()
    except SystemExit as ended:
        _leave(ended.code)
        raise


def _leave(code: object) -> None:
    """End the process without taking apart all that it holds, which takes Python a tenth of a short command."""
    if isinstance(code, int) and threading.active_count() == 1:  # no workers are to be told that this is the end
        atexit._run_exitfuncs()
        with suppress(OSError):  # Python itself tells it then
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


@app.callback()
def _docketsim() -> None:
    pass


@app.command()
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
        from simulations.engines import enough_workers
        from simulations.folders import default_folder
        from simulations.loading import load_scenario
        from simulations.runs import run as run_scenario
        from simulations.warmup import check_long_enough, diagnose, still_trending

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
            from simulations.printing import print_result

            print_result(result, days, diagnosis)
        if result.violations and any(result.violations.values()):
            raise typer.Exit(FAILURE)


@app.command()
def validate(
    seed: Seed = 1,
    engine: Engine = "auto",
    workers: Workers = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run cases with known answers on this installation: exact event times, and textbook queues within their interval."""
    with told():
        from simulations.engines import check_engine
        from simulations.loading import load_scenario
        from simulations.validation import validate as check

        check_engine(engine)
        if engine == "compiled":
            compile_first(engine, load_scenario("pilot"), 1, quiet or as_json)
        with waiting("running the checks, about a minute", quiet or as_json):
            found = check(seed, workers or os.cpu_count() or 1, engine="compiled" if engine == "compiled" else "simpy")
    if as_json:
        print_json({"cases": [outcome.json() for outcome in found]})
    elif not quiet:
        from simulations.validation_table import print_validation

        print_validation(found)
    if not all(outcome.ok for outcome in found):
        raise typer.Exit(FAILURE)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the built-in workflows and scenarios."""
    from simulations.loading import catalog as scenarios
    from workflow.documents import read_yaml
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


Rules = Annotated[
    list[Path] | None, typer.Option("--rules", metavar="FILE", help="A file of rules, besides the workflow's own.")
]


def _rules(workflow: Any, files: list[Path] | None) -> list[Any]:
    """Return the workflow's rules and those of files; a name stands for one rule."""
    from workflow.rule_files import load_rules

    found = {rule.name: rule for rule in workflow.rules}
    problems = []
    for rule in (rule for file in files or () for rule in load_rules(file, workflow)[1]):
        if (other := found.setdefault(rule.name, rule)) is not rule:
            where = f" ({other.position})" if other.position else ""
            said = f"there is a rule {rule.name!r} already{where}: give this one another name, or leave it out"
            problems.append(Problem(said, rule.position))
    if problems:
        raise InputError(problems)
    return list(found.values())


@app.command()
def prove(
    workflow: WorkflowName,
    rules: Rules = None,
    seconds: Annotated[
        float, typer.Option(min=0, help="The most time to take in all; what is then open is not decided.")
    ] = 25.0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Decide each rule for every case that can exist: proved, or broken by a shortest history. Needs the extra prove."""
    with told():
        from workflow.loading import load_workflow
        from workflow.proving import prove as decide

        loaded = load_workflow(workflow)
        proof = decide(loaded, _rules(loaded, rules), seconds=seconds)
        if as_json:
            print_json(proof.json())
        elif not quiet:
            typer.echo("\n".join(proof.told()))
        if proof.broken:
            raise typer.Exit(FAILURE)


@app.command()
def audit(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="A run folder, or a Parquet, CSV or XES file.")],
    workflow: Annotated[str, typer.Option(metavar="W", help="The workflow to audit against.")],
    rules: Rules = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="NAME=COLUMN", help="Which column is the case, the activity, the time, or a fact."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the offending cases to this CSV file.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Judge a log: moves that the workflow does not allow, and rules that cases broke."""
    with told():
        from workflow.audit import audit as judge
        from workflow.loading import load_workflow
        from workflow.log_files import read_log

        loaded = load_workflow(workflow)
        chosen = _rules(loaded, rules)
        named = {}
        for pair in columns or ():
            name, equals, column = pair.partition("=")
            if not equals:
                raise InputError([f"--map {pair}: must be name=column, such as case=docket_number"])
            named[name.strip()] = column.strip()
        report = judge(read_log(log, loaded, named), chosen)
        if out is not None:
            _write_offending(out, report.offending())
        if as_json:
            print_json(report.json())
        elif not quiet:
            typer.echo("\n".join(report.told()))
            if out is not None:
                typer.echo(f"The offending cases: {out}")
        if report.failed:
            raise typer.Exit(FAILURE)


def _write_offending(path: Path, rows: list[dict[str, Any]]) -> None:
    import csv

    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["case", "against", "at", "word"])
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise InputError([f"--out {path}: cannot be written: {error.strerror}"]) from None


@app.command()
def diff(
    one: Annotated[str, typer.Argument(metavar="WORKFLOW_A", help="A workflow: a built-in name or a path.")],
    other: Annotated[str, typer.Argument(metavar="WORKFLOW_B", help="Another.")],
    people: Annotated[
        str | None,
        typer.Option(
            metavar="SCENARIO",
            help="The scenario whose people are counted; default: pilot, or for workflows with other facts every kind of case.",
        ),
    ] = None,
    seed: Seed = 1,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say which cases two workflows decide differently, with an example, and how many of a scenario's people these are."""
    with told():
        from simulations.draws import SamplePath
        from simulations.loading import load_scenario
        from simulations.population import draw_cases
        from workflow.definition import as_written
        from workflow.difference import diff as compare
        from workflow.loading import load_workflow

        a, b = load_workflow(one), load_workflow(other)
        if people is None and load_scenario("pilot").workflow.facts.keys() == a.facts.keys():
            people = "pilot"
        cases = draw_cases(load_scenario(people), SamplePath(seed, 1)).columns if people is not None else None
        found = compare(a, b, cases)
        if as_json:
            print_json(found.json())
        elif not quiet:
            counted = f"people of {people}" if people is not None else "kinds of cases"
            typer.echo(f"{found.total:,} {counted}: {found.same:,} are decided alike by {a.name} and {b.name}")
            for region in found.regions:
                odd = {k: v for k, v in region.example.items() if k in a.facts and v != a.defaults[k]}
                example = ", ".join(f"{k} = {as_written(v)}" for k, v in odd.items()) or "every fact at its default"
                typer.echo(f"\n{region.count:,} differ when {region.when}")
                typer.echo(f"  for example {example}" if region.example else "  whatever their facts")
                typer.echo(f"  decided by {b.name}, unlike {a.name}:")
                for change in region.decided:
                    typer.echo(f"    {change}")


@app.command()
def draw(
    workflow: WorkflowName,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .svg or .mmd file; default: Mermaid on standard output.")
    ] = None,
) -> None:
    """Draw a workflow as a map of its states and transitions."""
    with told():
        from workflow.drawing import mermaid, svg
        from workflow.loading import load_workflow

        if out is not None and out.suffix not in (".svg", ".mmd"):
            raise InputError([f"--out {out}: the file must end in .svg (a picture) or .mmd (Mermaid)"])
        loaded = load_workflow(workflow)
        text = svg(loaded) if out is not None and out.suffix == ".svg" else mermaid(loaded)
        if out is None:
            typer.echo(text)
            return
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError([f"--out {out}: cannot be written: {error.strerror}"]) from None
        typer.echo(f"{loaded.name}: drawn to {out}", err=True)


app.command()(compare)
app.command()(sweep)
app.command()(staff)
app.command()(forecast)
app.command()(sql)
app.command()(report)
app.command()(export)
app.command()(verify)


if __name__ == "__main__":
    main()
