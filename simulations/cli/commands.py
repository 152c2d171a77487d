"""The commands of ``docketsim``, as one Typer application."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from simulations.cli.calibrating import calibrate, hindcast
from simulations.cli.clusters import cluster
from simulations.cli.common import echo
from simulations.cli.fitting import check_fit, discover, fit
from simulations.cli.importing import import_, synth
from simulations.cli.outputs import export, report
from simulations.cli.planning import forecast, sensitivity, staff, sweep
from simulations.cli.running import list_, run, validate
from simulations.cli.studies import compare, sql, verify
from simulations.cli.what_if import app_
from simulations.cli.workflows import audit, diff, draw, prove


class _Commands(TyperGroup):
    """The list of commands in the help has the first sentence of each whole, on as many lines as it takes."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, each with its first sentence."""
        rows = [(name, command.get_short_help_str(1_000)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


app = typer.Typer(
    name="docketsim",
    cls=_Commands,
    help="Simulate, prove, test and audit one declared case workflow.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _command in (
    run, validate, list_, prove, audit, diff, draw, import_, synth, discover, fit, check_fit, compare, app_, sweep, staff, forecast, sensitivity, calibrate, hindcast, sql, report, export, verify, cluster,
):  # fmt: skip
    app.command(_command.__name__.rstrip("_").replace("_", "-"))(_command)


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
