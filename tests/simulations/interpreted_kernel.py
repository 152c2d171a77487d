"""Run the kernel of the compiled engine as plain Python, from any source text: slow, but without compiling.

Plain functions replace those that use numba. A wrapper gives the records of structured arrays attributes. Integers of 64
bits overflow as in machine code.
"""

from __future__ import annotations

import ast
import struct
from pathlib import Path
from typing import Any

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


FOLDER = Path(compiling.__file__).parent
FILES = [path for path in compiling.SOURCES if path.parent == FOLDER and path.name not in ("compiling.py", "references.py")]
SOURCE = "\n".join(map(_without_imports, sorted(FILES, key=lambda path: path.name != "arrays.py")))


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


def _bits_of(number: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", number))[0])


class Interpreted:
    """Replace the compiled ``loop.run``."""

    def __init__(self, source: str) -> None:
        names: dict[str, Any] = {"__name__": "interpreted", "U64": compiling.U64, "ONE": compiling.ONE}
        names |= dict.fromkeys(("inline", "apart", "rare", "cached", "refer"), lambda unchanged: unchanged)
        names |= {"bits_of": _bits_of, "index": _index, "prefetch": lambda array, i: None}
        exec(compile(source, "kernel.py", "exec"), names)
        self.py_func = names["run"]

    def __call__(self, *arguments: Any) -> Any:
        """Run the kernel."""
        with np.errstate(all="ignore"):
            return self.py_func(*(group._make(map(_readable, group)) for group in arguments))


def _readable(array: Any) -> Any:
    return Records(array) if getattr(array, "dtype", None) is not None and array.dtype.names else array
