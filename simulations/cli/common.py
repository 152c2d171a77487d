"""Options and behaviour that commands share: errors, interruption, dates, progress."""

from __future__ import annotations

import datetime as dt
import shlex
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from simulations.cli.ending import exit_code_of_interruption, foreseen
from simulations.cli.ticking import ticking
from simulations.printing.lines import set_color
from workflow.errors import InputError, visible
from workflow.files.json_text import json_text

if TYPE_CHECKING:
    from simulations.running.options import EngineOptions, RunOptions
    from simulations.running.progress import Report
    from simulations.scenarios.scenario import Scenario

    Options = TypeVar("Options", bound=EngineOptions)

FAILURE, MISTAKE, UNDECIDED = 1, 2, 3

ScenarioName = Annotated[str, typer.Argument(metavar="SCENARIO", help="A built-in scenario (see list), or the path of a file.")]
WorkflowName = Annotated[str, typer.Argument(metavar="WORKFLOW", help="A built-in workflow (see list), or the path of a file.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
ScenarioFile = Annotated[
    str | None, typer.Option("--scenario", metavar="FILE", help="The original scenario file. Needed if it reads tables of cases.")
]
Replications = Annotated[int, typer.Option(help="Number of replications.")]
Confidence = Annotated[float, typer.Option(help="Level of the confidence and prediction intervals, between 0 and 1.")]
Seed = Annotated[int, typer.Option(help="Random seed.")]
Engine = Annotated[str, typer.Option(help="auto, simpy or compiled.")]
Workers = Annotated[int | None, typer.Option(help="Worker processes; default: up to one per core.")]
Cluster = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Run on a Dask cluster: tcp://host:port, or a scheduler file; see docketsim cluster."),
]
Limit = Annotated[float, typer.Option(metavar="X", help="Multiply the limits of work by X, from 1 to 1,000.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change one value: pools.reviewers.size.denver=20")
]
At = Annotated[list[str] | None, typer.Option(metavar="DATE", help="Also measure at the end of this day.")]
Measures = Annotated[
    list[str] | None,
    typer.Option("--measure", metavar="M", help="Compute and print only this measure; repeatable. Default: all."),
]
Courts = Annotated[
    list[str] | None,
    typer.Option(
        "--court",
        metavar="C",
        help="Only this court; repeatable; all: all courts together. Default: each court, and all together.",
    ),
]
Court = Annotated[str | None, typer.Option(metavar="C", help="Only this court; default: all courts together.")]
Keep = Annotated[
    str,
    typer.Option(
        metavar="measures|cases|events", help="What to write: measures; also cases with their facts; also the event log."
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Resume an interrupted run in --out.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Output folder; default: runs/<name>-<date and time>.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
All = Annotated[bool, typer.Option("--all", help="Print every table, measure and court, rather than what leads.")]
Color = Annotated[
    str,
    typer.Option(
        "--color", metavar="WHEN", help="auto (in a terminal, unless NO_COLOR is set), always or never.", callback=set_color
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress and no tables.")]


def echo(text: str, err: bool = False) -> None:
    """Print a text on standard output or standard error, with its control characters made visible."""
    typer.echo(visible(text), err=err)


@contextmanager
def report_errors(resume: Callable[[], str | None] | None = None) -> Iterator[None]:
    """Print the project's errors and warnings on standard error; exit with the errors' codes.

    Parameters
    ----------
    resume : callable, optional
        Returns the command that resumes an interrupted run.
    """
    try:
        with _show_warnings(partial(typer.echo, err=True)):
            yield
    except typer.Exit:
        raise
    except BaseException as error:
        if code := exit_code_of_interruption(error):
            command = resume() if resume is not None else None
            echo(f"Interrupted. {f'Resume with: {command}' if command else 'Run the command again.'}", err=True)
            raise typer.Exit(code) from None
        message = foreseen(error)
        if message is None:
            raise
        echo(message, err=True)
        # a run folder that exists is a FileExistsError; its class is not imported, so that `prove` starts quickly
        raise typer.Exit(MISTAKE if isinstance(error, InputError | FileExistsError) else FAILURE) from None


def date(text: str, option: str = "--at") -> dt.date:
    """Parse the date of an option."""
    from workflow.files.dates import parse_date

    try:
        return parse_date(text)
    except InputError as error:
        raise InputError([f"{option} {text}: {p.message}" for p in error.problems]) from None


def print_json(value: Any) -> None:
    """Print plain values as JSON on standard output; see `json_text` for numbers that JSON lacks."""
    echo(json_text(value, indent=2))


@contextmanager
def _show_warnings(show: Callable[[str], None]) -> Iterator[None]:
    """Show warnings when they come, each once."""
    shown: set[str] = set()

    def report(message: Warning | str, *_: Any, **__: Any) -> None:
        text = f"warning: {message}"
        if text not in shown:
            shown.add(text)
            show(visible(text))

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = report
        yield


def run_options(
    replications: int,
    seed: int,
    at: list[str] | None,
    measure: list[str] | None,
    court: list[str] | None,
    engine: str,
    confidence: float,
    resume: bool,
    out: Path | None,
    limit: float,
    *,
    keep: str,
    cluster: str | None,
) -> RunOptions:
    """Return the options that ``run``, ``compare`` and ``sweep`` share, from the command line."""
    from simulations.running.options import RunOptions

    if resume and out is None:
        raise InputError(["--resume needs --out: the folder of the interrupted run"])
    return RunOptions(
        replications=replications, seed=seed, at=[date(day) for day in at or ()], measures=measure or (), courts=court or (),
        keep=keep, resume=resume, engine=engine, confidence=confidence, limit=limit, cluster=cluster,  # type: ignore[arg-type]
    )  # fmt: skip


def resume_command(out: Path | None) -> str | None:
    """Return the command that resumes this one; ``None`` if its folder does not exist yet."""
    if out is None or not out.is_dir():
        return None
    arguments = [argument for argument in sys.argv[1:] if argument != "--resume"]
    has_out = any(argument == "--out" or argument.startswith("--out=") for argument in arguments)
    return shlex.join(["docketsim", *arguments, *([] if has_out else ["--out", str(out)]), "--resume"])


def next_steps(folder: Path, everything: bool) -> list[str]:
    """Return what to try after a run or a comparison."""
    name = shlex.quote(str(folder))
    rest = [] if everything else [f"      the same command with --out {name} --resume --all: every table"]
    return [f"Next: docketsim report {name}: the results as a page of figures", *rest]


def asked_for(values: list[dict[str, Any]], courts: Collection[str], days: Collection[dt.date]) -> list[dict[str, Any]]:
    """Return the values of these courts, at the end of the run and on these days."""
    at = {str(day) for day in (None, *days)}
    return [value for value in values if value["court"] in courts and str(value.get("at")) in at]


@contextmanager
def progress_bar(silent: bool, words: str = "replications") -> Iterator[Report | Literal[False]]:
    """Show progress on standard error, with elapsed and remaining time: a bar, or lines in a file. Print warnings above it."""
    if silent:
        yield False
        return
    from simulations.running.progress import announcing, bar

    if not sys.stderr.isatty():
        with ticking(words, partial(echo, err=True)) as ticker, announcing(ticker.announce):
            yield ticker.report
        return
    from rich.console import Console

    console = Console(stderr=True)
    show = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    with bar(console) as report, _show_warnings(show):
        yield report


def with_workers(options: Options, workers: int | None, scenario: Scenario, replications: int, runs: int = 1) -> Options:
    """Return options with a number of worker processes.

    Parameters
    ----------
    workers : int or None
        ``None`` for as many as are worth starting.
    replications : int
        Number of replications of one run that will probably run.
    runs : int
        Number of consecutive runs.

    Raises
    ------
    InputError
        If a cluster is given too.
    """
    from simulations.engines.choosing import enough_workers

    if options.cluster is not None:
        if workers is not None:
            raise InputError(["--workers and --cluster: give one of them; a cluster has its own workers"])
        return options
    if workers is None and not options.problems():  # else the command reports them, together with its other mistakes
        workers = enough_workers(options.engine, scenario, replications, runs)
    return options if workers is None else replace(options, workers=workers)


@contextmanager
def announcements(silent: bool) -> Iterator[None]:
    """Show on standard error what takes long before the first result, for a command without a progress bar."""
    if silent:
        yield
        return
    from simulations.running.progress import announcing

    with announcing(partial(spinner, silent=False)):
        yield


@contextmanager
def spinner(message: str, silent: bool) -> Iterator[None]:
    """Show a message and the elapsed time on standard error while a task runs; lines in a file."""
    if silent:
        yield
        return
    if not sys.stderr.isatty():
        with ticking(message, partial(echo, err=True)):
            yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    show = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    with Progress(*columns, console=console, transient=True) as shown, _show_warnings(show):
        shown.add_task(message, total=None)
        yield
