"""Run the kernel of the compiled engine as plain Python, from any source text: slow, but without compiling.

Stubs replace numba. A wrapper gives the records of structured arrays attributes. Integers of 64 bits overflow as in
machine code.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from simulations.engines import kernel

SOURCE = Path(kernel.__file__).read_text(encoding="utf-8")


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
    """Replace the compiled ``kernel.run``."""

    def __init__(self, source: str) -> None:
        plain = lambda function=None, **_: function if function is not None else plain  # noqa: E731
        numba, extending = ModuleType("numba"), ModuleType("numba.extending")
        numba.__dict__.update(njit=plain, types=SimpleNamespace())
        extending.__dict__.update(intrinsic=plain)
        names: dict[str, Any] = {"__name__": "interpreted"}
        with mock.patch.dict(sys.modules, {"numba": numba, "numba.extending": extending}):
            exec(compile(source, "kernel.py", "exec"), names)
        names["_bits_of"] = lambda number: struct.unpack("<q", struct.pack("<d", number))[0]
        names["_index"] = _index
        names["_prefetch"] = lambda array, i: None
        self.py_func = names["run"]

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel."""
        with np.errstate(all="ignore"):
            return self.py_func(*(group._make(map(_readable, group)) for group in arguments))


def _readable(array: Any) -> Any:
    return Records(array) if getattr(array, "dtype", None) is not None and array.dtype.names else array
