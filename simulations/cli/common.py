"""What the commands have in common: errors and interruptions told, dates read, progress shown."""

from __future__ import annotations

import datetime as dt
import json
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workflow.errors import DocketsimError, InputError

if TYPE_CHECKING:
    from simulations.scenarios.scenario import Scenario

__all__ = [
    "FAILURE",
    "INTERRUPTED",
    "MISTAKE",
    "Engine",
    "Json",
    "Quiet",
    "RunFolder",
    "ScenarioName",
    "Seed",
    "Workers",
    "WorkersIfMany",
    "WorkflowName",
    "compile_first",
    "date",
    "print_json",
    "progress_bar",
    "resumed",
    "told",
    "waiting",
    "warnings_told",
]

FAILURE, MISTAKE, INTERRUPTED = 1, 2, 130

ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A built-in scenario (see list), or the path of a file.")
]
WorkflowName = Annotated[
    str, typer.Argument(metavar="WORKFLOW", help="A built-in workflow (see list), or the path of a file.")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
Seed = Annotated[int, typer.Option(help="The root of all random draws.")]
Engine = Annotated[str, typer.Option(help="auto, simpy or compiled.")]
Workers = Annotated[int | None, typer.Option(help="Processes at work; default: one for each core.")]
WorkersIfMany = Annotated[
    int | None, typer.Option(help="Processes at work; default: one for each core, if there is enough to do.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and no tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no tables.")]


@contextmanager
def told(resume: Callable[[], str | None] | None = None) -> Iterator[None]:
    """Turn the project's errors into messages and exit codes.

    Parameters
    ----------
    resume : callable, optional
        Returns the command that goes on with what was interrupted.
    """
    from simulations.run_folder.folders import RunFolderExists

    try:
        yield
    except (InputError, RunFolderExists) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(MISTAKE) from None
    except DocketsimError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILURE) from None
    except KeyboardInterrupt:
        command = resume() if resume is not None else None
        typer.echo(f"stopped.{f' Go on with: {command}' if command else ''}", err=True)
        raise typer.Exit(INTERRUPTED) from None


def date(text: str, option: str = "--at") -> dt.date:
    """Read the date of an option."""
    from simulations.timing.clock import parse_date

    try:
        return parse_date(text)
    except InputError as error:
        raise InputError([f"{option} {text}: {p.message}" for p in error.problems]) from None


def print_json(value: Any) -> None:
    """Print plain values as JSON on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


@contextmanager
def warnings_told() -> Iterator[None]:
    """Print warnings on standard error, when all is done."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        typer.echo(f"warning: {warning.message}", err=True)


def resumed(out: Path | None) -> str | None:
    """Return the command that goes on with the folder of this one, ``None`` if it has none yet."""
    if out is None or not out.is_dir():
        return None
    given = [word for word in sys.argv[1:] if word != "--resume"]
    named = any(word == "--out" or word.startswith("--out=") for word in given)
    return shlex.join(["docketsim", *given, *([] if named else ["--out", str(out)]), "--resume"])


@contextmanager
def progress_bar(silent: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on standard error, with the rate and the time left."""
    if silent or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("replications"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, todo: bar.update(task, completed=done, total=todo)


def compile_first(engine: str, scenario: Scenario, replications: int, silent: bool) -> None:
    """Compile the fast engine, and say so, if that is what a run would begin with."""
    from simulations.engines.choosing import prepare, will_compile

    if will_compile(engine, scenario, replications):
        with warnings_told(), waiting("compiling the fast engine, once, some ten seconds", silent):
            prepare("compiled")


@contextmanager
def waiting(what: str, silent: bool) -> Iterator[None]:
    """Show on standard error that something is going on."""
    if silent or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
