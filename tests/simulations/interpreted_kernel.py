"""Run the kernel of the compiled engine as plain Python, from any source text: slow, but without compiling.

Stubs replace numba. A wrapper gives the records of structured arrays attributes. Integers of 64 bits overflow as in
machine code.
"""

from __future__ import annotations

import ast
import struct
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from simulations.engines.kernel import compiling


def _without_imports(path: Path) -> str:
    """Return the text of a file of the kernel without what it imports from other files of the kernel."""
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(("__future__", "simulations.engines.kernel.")):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(lines)


FILES = sorted(compiling.SOURCES, key=lambda path: path.name not in ("compiling.py", "arrays.py"))
SOURCE = "\n".join(_without_imports(path) for path in FILES if path.parent == Path(compiling.__file__).parent)


class _Record:
    """A record of a structured array with its fields as attributes, as in numba."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Any) -> None:
        object.__setattr__(self, "_fields", fields)

    def __getattr__(self, name: str) -> Any:
        return self._fields[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._fields[name] = value


class Records:
    """A structured array with records that have attributes."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __getitem__(self, i: int) -> _Record:
        return _Record(self._array[i])

    def __len__(self) -> int:
        return len(self._array)


def _index(number: int) -> int:
    assert number >= 0, "an index that must not be negative is negative"
    return number


class Interpreted:
    """Replace the compiled ``loop.run``."""

    def __init__(self, source: str) -> None:
        plain = lambda function=None, **_: function if function is not None else plain  # noqa: E731
        numba, extending = ModuleType("numba"), ModuleType("numba.extending")
        numba.__dict__.update(njit=plain, types=SimpleNamespace())
        extending.__dict__.update(intrinsic=plain)
        names: dict[str, Any] = {"__name__": "interpreted", "__file__": compiling.__file__}
        with mock.patch.dict(sys.modules, {"numba": numba, "numba.extending": extending}):
            exec(compile(source, "kernel.py", "exec"), names)
        names["bits_of"] = lambda number: struct.unpack("<q", struct.pack("<d", number))[0]
        names["index"] = _index
        names["prefetch"] = lambda array, i: None
        self.py_func = names["run"]

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel."""
        with np.errstate(all="ignore"):
            return self.py_func(*(group._make(map(_readable, group)) for group in arguments))


def _readable(array: Any) -> Any:
    return Records(array) if getattr(array, "dtype", None) is not None and array.dtype.names else array
