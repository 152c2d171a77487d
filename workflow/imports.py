"""Import one module of a library without the rest of its package.

Some packages import all that they have when the first of their modules is asked for, which takes longer than a short command.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


@contextmanager
def bare_package(name: str) -> Iterator[None]:
    """Let modules of a package be imported within the block without its ``__init__``; nothing changes if it has been imported.

    Parameters
    ----------
    name : str
        Of a package inside another one, such as ``scipy.special``.
    """
    outer, _, inner = name.rpartition(".")
    spec = None if name in sys.modules else find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        yield
        return
    bare = ModuleType(name)
    bare.__path__ = list(spec.submodule_search_locations)
    bare.__spec__ = spec
    sys.modules[name] = bare
    try:
        yield
    finally:  # whoever imports the package gets all of it
        if sys.modules.get(name) is bare:
            del sys.modules[name]
        if vars(sys.modules[outer]).get(inner) is bare:
            delattr(sys.modules[outer], inner)


def special_functions() -> Any:
    """Return a module with the functions of `scipy.special`: the compiled ones alone, which are imported in a fifth of the time."""
    for name in ("scipy.special", "scipy.special._ufuncs"):
        if name in sys.modules:
            return sys.modules[name]
    try:
        with bare_package("scipy.special"):
            return import_module("scipy.special._ufuncs")
    except ImportError:  # it is private to SciPy, so it may be gone
        return import_module("scipy.special")
