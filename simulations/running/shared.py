"""Run tasks in worker processes, and share one value between them.

Pickling a scenario with its tables takes longer than a small replication, and so does a garbage collection over it.
The value is therefore pickled once, and unpickled once in each process.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Shared(Generic[T]):
    """A value that is sent with many tasks.

    Attributes
    ----------
    value : object
        It can be pickled, and no task changes it.
    """

    def __init__(self, value: T) -> None:
        self.value = value
        self._bytes: bytes | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self._bytes is None:
            self._bytes = pickle.dumps(self.value)
        return _received, (self._bytes,)


def in_processes(tasks: Iterable[Any], workers: int, in_order: bool = True) -> Iterator[Any]:
    """Run tasks in worker processes, and yield their results.

    The workers ignore Ctrl-C and other signals to end. The main process handles them and ends its workers, which also
    end when the main process has ended in any other way.

    Parameters
    ----------
    tasks : iterable
        Tasks made with `joblib.delayed`.
    workers : int
        Number of worker processes.
    in_order : bool
        Whether to yield results in the order of the tasks, or as they finish.
    """
    from multiprocessing import resource_tracker

    from joblib import Parallel

    resource_tracker.ensure_running()  # to start it within the block below would let signals through
    order = "generator" if in_order else "generator_unordered"
    lifeline, _ = _pipe(os.getpid())
    parallel = Parallel(n_jobs=workers, backend="loky", return_as=order, initializer=_end_with, initargs=(lifeline,))
    results: Any = None
    try:
        with _signals_later():
            results = parallel(tasks)
        for result in results:  # noqa: UP028  (`yield from` would close `results` with joblib's warning)
            yield result
    finally:
        if results is not None:
            with warnings.catch_warnings(action="ignore"):  # of tasks that an interruption cancels
                results.close()


@cache
def _pipe(process: int) -> tuple[Connection, Connection]:
    """Return a pipe of a process. Workers inherit its reading end, and no process its writing end."""
    from multiprocessing import Pipe

    return Pipe(duplex=False)


def _end_with(lifeline: Connection) -> None:
    """Prepare a worker process: it ignores signals to end, and ends when nobody holds the writing end of the pipe."""
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)

    def watch() -> None:
        lifeline.poll(None)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _signals_later() -> Iterator[None]:
    """Deliver signals to end at the end of the block, so that processes started meanwhile do not receive them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def collect_seldom() -> None:
    """Collect garbage less often than by default: a run uses nearly all of its objects until the end."""
    gc.set_threshold(300_000, 20, 100)


@lru_cache(maxsize=1)
def _received(data: bytes) -> Shared[Any]:
    collect_seldom()
    return Shared(pickle.loads(data))
