"""Load compiled functions of the kernel from numba's cache, without the rest of numba.

Before numba loads a function from its cache, it registers all that it could compile, which takes several times as long as a run
of a small scenario. Nothing of that is needed to call machine code. A function that is not in the cache is compiled as ever.
"""

from __future__ import annotations

from functools import partial
from typing import Any


def loaded_quickly(function: Any) -> Any:
    """Return a compiled function, which is then loaded in this way."""
    cache: Any = getattr(function, "_cache", None)
    if hasattr(cache, "_load_overload") and "load_overload" not in vars(cache):  # private to numba, so it may be gone
        cache.load_overload = partial(_load, cache)
    return function


def _load(cache: Any, signature: Any, target: Any) -> Any:
    """Return a function from the cache, ``None`` if it is not there: numba's own ``load_overload`` without ``target.refresh``."""
    with cache._guard_against_spurious_io_errors():
        return cache._load_overload(signature, target)
