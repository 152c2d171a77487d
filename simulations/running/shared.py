"""One value for all the tasks of several processes: sent as bytes that are made once, and read once in each process.

A scenario with its tables takes longer to take apart and to put together than a small replication takes to run, and so does
looking through it for garbage.
"""

from __future__ import annotations

import gc
import pickle
from functools import lru_cache
from typing import Any, Generic, TypeVar

__all__ = ["Shared", "collect_seldom"]

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


def collect_seldom() -> None:
    """Look for garbage less often than Python does by itself: nearly all that a run makes is in use to its end."""
    gc.set_threshold(300_000, 20, 100)


@lru_cache(maxsize=1)
def _received(data: bytes) -> Shared[Any]:
    collect_seldom()
    return Shared(pickle.loads(data))
