"""One value for all the tasks of several processes: sent as bytes that are made once, and read once in each process.

A scenario with its tables takes longer to take apart and to put together than a small replication takes to run, and so does
looking through it for garbage.
"""

from __future__ import annotations

import gc
import pickle
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Generic, TypeVar

__all__ = ["Shared", "collect_seldom", "starting_processes"]

T = TypeVar("T")


class Shared(Generic[T]):
    """A value to be sent with many tasks.

    Attributes
    ----------
    value : object
        One that can be pickled, and that no task changes.
    """

    def __init__(self, value: T) -> None:
        self.value = value
        self._bytes: bytes | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self._bytes is None:
            self._bytes = pickle.dumps(self.value)
        return _received, (self._bytes,)


@contextmanager
def starting_processes() -> Iterator[None]:
    """Start processes that do not hear Ctrl-C: it is for the one that has started them, which ends them.

    What does not hear a signal when it starts a process passes that on. Only the main thread can say what is heard.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def collect_seldom() -> None:
    """Look for garbage less often than Python does by itself: nearly all that a run makes is in use to its end."""
    gc.set_threshold(300_000, 20, 100)


@lru_cache(maxsize=1)
def _received(data: bytes) -> Shared[Any]:
    collect_seldom()
    return Shared(pickle.loads(data))
