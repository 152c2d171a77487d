"""The command ``docketsim app``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from simulations.cli.common import echo, report_errors
from simulations.cli.ending import exit_code_of_interruption

INTERRUPTED = 128 + signal.SIGINT
"""The exit code of a program that Ctrl-C ends."""


def app_(
    scenario: Annotated[
        str, typer.Argument(metavar="SCENARIO", help="A built-in scenario (see list), a file, or a folder of scenarios.")
    ] = "pilot",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this computer (127.0.0.1).")] = 8080,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, and open no browser.")] = False,
) -> None:
    """Try things on a page in the browser: change a scenario and its guards, and see what comes of it. Needs the extra app."""
    with report_errors():
        from simulations.app.server import HOST, scenarios_in, serve
        from simulations.loading import catalog, load_scenario

        scenarios = [scenario] if scenario in catalog() else scenarios_in(Path(scenario))
        load_scenario(scenarios[0])  # a mistake is reported before the page is served
        echo(f"The page is at http://{HOST}:{port}. Ctrl-C ends it.", err=True)
        try:
            serve(scenarios, port, not no_browser)
        except BaseException as error:
            if exit_code_of_interruption(error) != INTERRUPTED:  # Ctrl-C is how to end it
                raise
        echo("The page is closed.", err=True)
