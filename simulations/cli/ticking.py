"""Progress of long commands as plain lines on standard error, for a file or a pipe."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Show = Callable[[str], None]

SECONDS = (1.0, 10.0, 30.0)
"""When the first lines are printed, in seconds since the start; then one comes every `SECONDS_BETWEEN`."""

SECONDS_BETWEEN = 30.0

SWITCH = "DOCKETSIM_PROGRESS"
"""The environment variable that turns the lines off, with the value ``off``."""


class Ticker:
    """What a command is doing, how far it is, and for how long."""

    def __init__(self, words: str, show: Show, now: Callable[[], float] = time.monotonic) -> None:
        self._words, self._show, self._now = words, show, now
        self._done = self._todo = self._before = 0
        self._start = now()

    def report(self, done: int, todo: int) -> None:
        """Note how many replications are finished, and how many there are."""
        if not self._todo:
            self._before = max(0, done - 1)  # of an interrupted command that is resumed
        self._done, self._todo = done, todo

    @contextmanager
    def announce(self, what: str) -> Iterator[None]:
        """Say what is done before the next replication, while the block runs."""
        words, self._words = self._words, what
        try:
            yield
        finally:
            self._words = words

    def line(self) -> str:
        """Return the line to print now.

        The time that is left is the time so far for each replication finished since the start, times those that are not finished.
        """
        elapsed = self._now() - self._start
        text = f"{self._words}: {self._done:,} of {self._todo:,}" if self._todo else self._words
        text += f", {_clock(elapsed)} elapsed"
        if self._before < self._done < self._todo:
            text += f", about {_clock(elapsed / (self._done - self._before) * (self._todo - self._done))} left"
        return text

    def run(self, ended: threading.Event) -> None:
        """Print lines until the event is set."""
        at, k = self._start, 0
        while True:
            at = self._start + SECONDS[k] if k < len(SECONDS) else at + SECONDS_BETWEEN
            k += 1
            if ended.wait(max(0.0, at - self._now())):
                return
            self._show(self.line())


@contextmanager
def ticking(words: str, show: Show) -> Iterator[Ticker]:
    """Print progress in lines while the block runs; yield what takes the number of finished replications."""
    ticker, ended = Ticker(words, show), threading.Event()
    if os.environ.get(SWITCH) == "off":
        yield ticker
        return
    thread = threading.Thread(target=ticker.run, args=(ended,), daemon=True)
    thread.start()
    try:
        yield ticker
    finally:
        ended.set()
        thread.join()


def _clock(seconds: float) -> str:
    """Format a length of time.

    Examples
    --------
    >>> _clock(7.9), _clock(83), _clock(3_725)
    ('0:07', '1:23', '1:02:05')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
