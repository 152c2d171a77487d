"""The command line, ``docketsim``: a module for each group of commands.

Everything heavy is imported inside the commands, so that ``--help`` answers at once. Mistakes in the input
go to standard error, one line each, with exit code 2; a run that fails has exit code 1.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress

import typer

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


@app.callback()
def _docketsim() -> None:
    pass


def main() -> None:
    """Run the command line."""
    collect_seldom()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads for matrices, of which there are none here
    asked = [c for c in app.registered_commands if c.name in sys.argv[1:2]]
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
