"""Run tasks in worker processes, and share one value between them.

Pickling a scenario with its tables takes longer than a small replication, and so does a garbage collection over it.
The value is therefore pickled once, and unpickled once in each process.
"""

from __future__ import annotations

import gc
import pickle
import signal
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Generic, TypeVar

__all__ = ["Shared", "collect_seldom", "in_processes"]

T = TypeVar("T")


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

    The workers ignore Ctrl-C. The main process handles it and ends them.

    Parameters
    ----------
    tasks : iterable
        Tasks made with `joblib.delayed`.
    workers : int
        Number of worker processes.
    in_order : bool
        Whether to yield results in the order of the tasks, or as they finish.
    """
    from joblib import Parallel

    with _ignore_ctrl_c():
        parallel = Parallel(n_jobs=workers, backend="loky", return_as="generator" if in_order else "generator_unordered")
        results: Any = parallel(tasks)
    try:
        for result in results:  # noqa: UP028  (`yield from` would close `results` with joblib's warning)
            yield result
    finally:
        with warnings.catch_warnings(action="ignore"):  # of tasks that an interruption cancels
            results.close()


@contextmanager
def _ignore_ctrl_c() -> Iterator[None]:
    """Ignore Ctrl-C, so that processes started meanwhile inherit it. Only the main thread can set signal handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def collect_seldom() -> None:
    """Collect garbage less often than by default: a run uses nearly all of its objects until the end."""
    gc.set_threshold(300_000, 20, 100)


@lru_cache(maxsize=1)
def _received(data: bytes) -> Shared[Any]:
    collect_seldom()
    return Shared(pickle.loads(data))
