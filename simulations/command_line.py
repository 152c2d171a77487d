"""What the commands have in common: errors and interruptions told, dates read, progress shown."""

from __future__ import annotations

import datetime as dt
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from workflow.errors import DocketsimError, InputError

__all__ = [
    "FAILURE",
    "INTERRUPTED",
    "MISTAKE",
    "Json",
    "Quiet",
    "date",
    "progress_bar",
    "resumed",
    "told",
    "waiting",
]

FAILURE, MISTAKE, INTERRUPTED = 1, 2, 130

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
    from simulations.folders import RunFolderExists

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
    from simulations.clock import parse_date

    try:
        return parse_date(text)
    except InputError as error:
        raise InputError([f"{option} {text}: {p.message}" for p in error.problems]) from None


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


@contextmanager
def waiting(what: str, silent: bool) -> Iterator[None]:
    """Show on standard error that something is going on."""
    if silent or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
