"""The command line, ``docketsim``: a module for each group of commands.

Commands import heavy modules when they run, so that ``--help`` is fast. Mistakes in the input go to standard error,
one per line, with exit code 2. A run that fails has exit code 1, an undecided rule 3.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import Annotated

import typer

from simulations.cli.common import echo
from simulations.cli.outputs import export, report
from simulations.cli.planning import forecast, staff, sweep
from simulations.cli.running import list_, run, validate
from simulations.cli.studies import compare, sql, verify
from simulations.cli.workflows import audit, diff, draw, prove
from simulations.running.shared import collect_seldom

__all__ = ["app", "main"]

app = typer.Typer(
    name="docketsim",
    help="Simulate, prove, test and audit one declared case workflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _command in (
    run, validate, list_, prove, audit, diff, draw, compare, sweep, staff, forecast, sql, report, export, verify,
):  # fmt: skip
    app.command(_command.__name__.rstrip("_"))(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        echo(f"docketsim {version('docketsim')}")
        raise typer.Exit


@app.callback()
def _docketsim(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    collect_seldom()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix is large enough for numpy's threads
    chosen = [c for c in app.registered_commands if c.name in sys.argv[1:2]]
    app.registered_commands = chosen or app.registered_commands  # Typer takes time to read the options of each
    try:
        app()
    except SystemExit as exit_:
        _exit_fast(exit_.code)
        raise


def _exit_fast(code: object) -> None:
    """End the process without freeing its objects, which takes Python a tenth of the time of a short command."""
    if isinstance(code, int) and threading.active_count() == 1:  # other threads end in Python's own way
        atexit._run_exitfuncs()
        with suppress(OSError):  # a closed pipe: Python reports it
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
