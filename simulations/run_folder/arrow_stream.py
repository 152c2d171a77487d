"""Give batches of columns to DuckDB one at a time, through the Arrow C stream interface.

DuckDB reads a stream without an Arrow library. So rows can be written while later ones are still being computed, and only one
batch needs to be in memory.

References
----------
Apache Arrow, The Arrow C data interface and The Arrow C stream interface, https://arrow.apache.org/docs/format/CDataInterface.html
"""

from __future__ import annotations

import ctypes
import errno
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]

_FORMATS = {
    "int8": b"c", "uint8": b"C", "int16": b"s", "uint16": b"S", "int32": b"i", "uint32": b"I", "int64": b"l", "uint64": b"L",
    "float64": b"g", "bool": b"b", "datetime64[us]": b"tsu:",
}  # fmt: skip
"""The Arrow format of each numpy type."""


class _Schema(ctypes.Structure):
    """``struct ArrowSchema``."""


class _Array(ctypes.Structure):
    """``struct ArrowArray``."""


class _Stream(ctypes.Structure):
    """``struct ArrowArrayStream``."""


_ReleaseSchema = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))
_ReleaseArray = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))
_ReleaseStream = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))
_GetSchema = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema))
_GetNext = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))
_GetError = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(_Stream))

_Schema._fields_ = [
    ("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_char_p), ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64), ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", ctypes.c_void_p), ("release", _ReleaseSchema), ("private_data", ctypes.c_void_p),
]  # fmt: skip
_Array._fields_ = [
    ("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64), ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64), ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))), ("dictionary", ctypes.c_void_p), ("release", _ReleaseArray),
    ("private_data", ctypes.c_void_p),
]  # fmt: skip
_Stream._fields_ = [
    ("get_schema", _GetSchema), ("get_next", _GetNext), ("get_last_error", _GetError), ("release", _ReleaseStream),
    ("private_data", ctypes.c_void_p),
]  # fmt: skip

_numbers = itertools.count(1)
_held: dict[int, Any] = {}
"""What C code still reads, by the number in its ``private_data``; released by the callbacks below."""


def _hold(what: Any) -> int:
    number = next(_numbers)
    _held[number] = what
    return number


def _release(pointer: Any) -> None:
    """Release a schema, an array or a stream: its own is the last reference to what it points to."""
    released = pointer.contents
    _held.pop(released.private_data or 0, None)
    released.release = type(released.release)()


_release_schema, _release_array, _release_stream = _ReleaseSchema(_release), _ReleaseArray(_release), _ReleaseStream(_release)


class BatchStream:
    """Batches of columns as an Arrow stream. It can be read once.

    Parameters
    ----------
    batches : iterator of mapping of str to ndarray
        At least one, with the same names and types in each. The next one is asked for when DuckDB has read the one before.

    Attributes
    ----------
    error : BaseException or None
        The error of `batches` that ended the stream. DuckDB reports it with its text only.
    """

    def __init__(self, batches: Iterator[Columns]) -> None:
        self._first: Columns | None = next(batches)
        self._batches = batches
        self._types = {name: column.dtype for name, column in self._first.items()}
        self.error: BaseException | None = None
        self._text = ctypes.create_string_buffer(b"the rows could not be computed")
        self._callbacks = _GetSchema(self._write_schema), _GetNext(self._write_next), _GetError(self._address_of_text)
        self._stream = _Stream(*self._callbacks, _release_stream, None)

    def capsule(self) -> Any:
        """Return the stream as DuckDB reads it. This object must live until the statement that reads it has ended."""
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(self._stream), b"arrow_array_stream", None)

    def _address_of_text(self, _stream: Any) -> int:
        return ctypes.addressof(self._text)

    def _write_schema(self, _stream: Any, target: Any) -> int:
        fields = [
            _Schema(_FORMATS[str(dtype)], name.encode(), None, 0, 0, None, None, _release_schema)
            for name, dtype in self._types.items()
        ]
        pointers = _pointers(_Schema, fields)
        held = _hold((fields, pointers))
        target[0] = _Schema(b"+s", b"", None, 0, len(fields), pointers, None, _release_schema, held)
        return 0

    def _write_next(self, _stream: Any, target: Any) -> int:
        try:
            columns, self._first = self._first or next(self._batches, None), None
            target[0] = _Array() if columns is None else self._array(columns)
        except BaseException as error:
            self.error = error
            return errno.EIO
        return 0

    def _array(self, columns: Columns) -> _Array:
        """Return a batch as an array of records."""
        data = [_as_buffer(columns[name], dtype) for name, dtype in self._types.items()]
        n = len(columns[next(iter(self._types))])
        masks = [_mask(each) for each in data]
        buffers = [
            (ctypes.c_void_p * 2)(None if mask is None else mask.ctypes.data, each.ctypes.data)
            for mask, each in zip(masks, data, strict=True)
        ]
        children = [
            _Array(n, 0 if mask is None else -1, 0, 2, 0, each, None, None, _release_array)
            for mask, each in zip(masks, buffers, strict=True)
        ]
        pointers, no_mask = _pointers(_Array, children), (ctypes.c_void_p * 1)(None)
        held = _hold((data, masks, buffers, children, pointers, no_mask))
        return _Array(n, 0, 0, 1, len(children), no_mask, pointers, None, _release_array, held)


def _as_buffer(column: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values in consecutive memory; Arrow has eight booleans in a byte."""
    if column.dtype != dtype:
        raise TypeError(f"a batch has {column.dtype}, and the first one had {dtype}")
    return np.packbits(column, bitorder="little") if dtype.kind == "b" else np.ascontiguousarray(column)


def _mask(column: NDArray[Any]) -> NDArray[np.uint8] | None:
    """Return the bits of the values that are not missing; ``None`` if all are there. Only instants may be missing."""
    missing = np.isnat(column) if column.dtype.kind == "M" else np.zeros(0, bool)
    return np.packbits(~missing, bitorder="little") if missing.any() else None


def _pointers(kind: Any, structures: list[Any]) -> Any:
    return (ctypes.POINTER(kind) * len(structures))(*map(ctypes.pointer, structures))
