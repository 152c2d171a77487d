"""Tasks in several processes, and one value for all of them: sent as bytes that are made once, and read once in each process.

A scenario with its tables takes longer to take apart and to put together than a small replication takes to run, and so does
looking through it for garbage.
"""

from __future__ import annotations

import gc
import pickle
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Generic, TypeVar

__all__ = ["Shared", "collect_seldom", "in_processes"]

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


def in_processes(tasks: Iterable[Any], workers: int, in_order: bool = True) -> Iterator[Any]:
    """Run tasks in other processes, and yield what they give.

    The processes do not hear Ctrl-C: it is for the one that has started them, which ends them.

    Parameters
    ----------
    tasks : iterable
        Made with `joblib.delayed`.
    workers : int
        Processes at work at the same time.
    in_order : bool
        Whether results come in the order of the tasks, or each when it is there.
    """
    from joblib import Parallel

    with _deaf():
        at_work = Parallel(n_jobs=workers, backend="loky", return_as="generator" if in_order else "generator_unordered")
        found = at_work(tasks)
    yield from found


@contextmanager
def _deaf() -> Iterator[None]:
    """Do not hear Ctrl-C, which processes that are started meanwhile inherit; only the main thread can say what is heard."""
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
