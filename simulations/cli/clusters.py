"""The command ``docketsim cluster``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulations.cli.common import echo, report_errors
from workflow.errors import InputError, nearest


def cluster(
    action: Annotated[str, typer.Argument(metavar="start", help="What to do: start.")],
    workers: Annotated[int, typer.Option(help="Worker processes.")] = 2,
    host: Annotated[
        str, typer.Option(help="The address at which the scheduler listens. Keep it private: it runs code.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port of the scheduler; 0 for any free one.")] = 8786,
    scheduler_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the address to this file, for --cluster FILE.")
    ] = None,
) -> None:
    """Start a Dask cluster on this machine, until Ctrl-C. Other commands run on it with --cluster."""
    with report_errors():
        from simulations.running.cluster import start
        from simulations.scenarios.workload import MOST_WORKERS

        problems = []
        if action != "start":
            problems.append(f"cluster {action}: is not an action.{nearest(action, ['start']) or ' It can: start.'}")
        if not 1 <= workers <= MOST_WORKERS:
            problems.append(f"--workers {workers}: must be from 1 to {MOST_WORKERS:,}")
        if not 0 <= port < 65536:
            problems.append(f"--port {port}: must be from 0 to 65535")
        if problems:
            raise InputError(problems)

        def show(address: str) -> None:
            echo(
                f"The cluster has {workers} worker{'s' if workers > 1 else ''}. Use it with --cluster {address}; Ctrl-C ends it."
            )

        start(workers, host, port, scheduler_file, show)
