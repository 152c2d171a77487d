"""The command line, ``docketsim``: a module for each group of commands.

Commands import heavy modules when they run, so that ``--help`` is fast. Mistakes in the input go to standard error,
one per line, with exit code 2. A run that fails has exit code 1, an undecided rule 3, a fault of the program 70.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulations.cli.commands import app

__all__ = ["app", "main"]


def __getattr__(name: str) -> Any:
    """Import the commands when they are needed, so that `main` handles signals before."""
    if name == "app":
        from simulations.cli.commands import app

        return app
    raise AttributeError(name)


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix is large enough for numpy's threads, which take time to start
    from simulations.cli.ending import default_signals, handle_signals, open_output

    handle_signals()
    open_output()
    code = _ended(_run)
    code = max(code, _ended(sys.stdout.flush))
    default_signals()
    if threading.active_count() == 1:  # other threads end in Python's own way
        atexit._run_exitfuncs()  # freeing all objects would take a tenth of the time of a short command
        os._exit(max(code, _ended(sys.stdout.flush)))  # exit functions may print
    sys.exit(code)


def _run() -> None:
    """Run the command that the arguments name."""
    from simulations.cli.commands import app
    from simulations.running.shared import collect_seldom

    collect_seldom()
    chosen = [c for c in app.registered_commands if c.name in sys.argv[1:2]]
    app.registered_commands = chosen or app.registered_commands  # Typer takes time to read the options of each
    app()


def _ended(task: Any) -> int:
    """Run a task, and return the exit code. Whatever it raises is one line on standard error."""
    from simulations.cli.ending import exit_code_of_interruption, foreseen, report_fault
    from workflow.errors import visible

    try:
        task()
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException as error:
        code = exit_code_of_interruption(error)
        message = "Interrupted. Run the command again." if code else foreseen(error)
        if message is None:
            return report_fault(error)
        print(visible(message), file=sys.stderr)
        return code or 1
    return 0
