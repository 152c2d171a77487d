"""Show the progress of runs on standard error: a bar in a terminal, a line in a notebook, and nothing in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

Report = Callable[[int, int], None]
"""Called with the finished and the total number of replications."""

Progress = Report | Literal[False] | None
"""Where progress is reported: to a function, nowhere (``False``), or by default in the terminal or the notebook."""

_SECONDS_BETWEEN_UPDATES = 0.25


@contextmanager
def shown(progress: Progress) -> Iterator[Report | None]:
    """Yield the function to call with the progress; ``None`` if progress is not shown.

    Parameters
    ----------
    progress : callable, False or None
        ``None`` shows a bar in a terminal and a line in a notebook. In a pipe or a file it shows nothing.
    """
    if progress is not None:
        yield progress or None
    elif _in_notebook():
        yield _line_in_notebook()
    elif sys.stderr is not None and sys.stderr.isatty():
        from rich.console import Console

        with bar(Console(stderr=True)) as report:
            yield report
    else:
        yield None


@contextmanager
def bar(console: Any) -> Iterator[Report]:
    """Show a bar on a console of rich, with elapsed and remaining time, until the end of the block."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("replications"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as shown_bar:
        task = shown_bar.add_task("", total=None)
        yield lambda done, todo: shown_bar.update(task, completed=done, total=todo)


def _in_notebook() -> bool:
    """Return whether the program runs in a kernel of Jupyter, which has a display that can be updated."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


def _line_in_notebook() -> Report:
    from importlib import import_module

    display = import_module("IPython.display").display
    line, last = display({"text/plain": "replications: 0"}, raw=True, display_id=True), 0.0

    def report(done: int, todo: int) -> None:
        nonlocal last
        if done == todo or time.monotonic() - last >= _SECONDS_BETWEEN_UPDATES:
            last = time.monotonic()
            line.update({"text/plain": f"replications: {done:,} of {todo:,}"}, raw=True)

    return report
