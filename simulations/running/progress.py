"""Show the progress of runs on standard error: a bar in a terminal, a line in a notebook, and nothing in a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Literal

Report = Callable[[int, int], None]
"""Called with the finished and the total number of replications."""

Progress = Report | Literal[False] | None
"""Where progress is reported: to a function, nowhere (``False``), or by default in the terminal or the notebook."""

Announcer = Callable[[str], AbstractContextManager[None]]
"""Shows a text while a block runs."""

_SECONDS_BETWEEN_UPDATES = 0.25
_REPLICATIONS = "replications"
_announcer: ContextVar[Announcer] = ContextVar("_announcer", default=lambda what: nullcontext())


@contextmanager
def announcing(announcer: Announcer) -> Iterator[None]:
    """Show with this announcer what `doing` names, until the end of the block."""
    token = _announcer.set(announcer)
    try:
        yield
    finally:
        _announcer.reset(token)


def doing(what: str) -> AbstractContextManager[None]:
    """Show, where progress is shown, what is done before the next replication, such as ``"compiling the fast engine"``."""
    return _announcer.get()(what)


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
        line = _NotebookLine()
        with announcing(line.announce):
            yield line
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
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as shown_bar:
        task = shown_bar.add_task(_REPLICATIONS, total=None)

        @contextmanager
        def announce(what: str) -> Iterator[None]:
            shown_bar.update(task, description=what, refresh=True)
            yield
            shown_bar.update(task, description=_REPLICATIONS)

        with announcing(announce):
            yield lambda done, todo: shown_bar.update(task, completed=done, total=todo)


def _in_notebook() -> bool:
    """Return whether the program runs in a kernel of Jupyter, which has a display that can be updated."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


class _NotebookLine:
    """A line below the cell, updated in place."""

    def __init__(self) -> None:
        from importlib import import_module

        display = import_module("IPython.display").display
        self._line, self._last = display({"text/plain": f"{_REPLICATIONS}: 0"}, raw=True, display_id=True), 0.0

    def __call__(self, done: int, todo: int) -> None:
        if done == todo or time.monotonic() - self._last >= _SECONDS_BETWEEN_UPDATES:
            self._last = time.monotonic()
            self._show(f"{_REPLICATIONS}: {done:,} of {todo:,}")

    @contextmanager
    def announce(self, what: str) -> Iterator[None]:
        self._show(what)
        yield

    def _show(self, text: str) -> None:
        self._line.update({"text/plain": text}, raw=True)
