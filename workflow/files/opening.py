"""Open the files that people name: ordinary files only, and never more than a limit of bytes.

Every input file is opened here. A pipe, a socket, a device or a file of ``/proc`` has no end that could be trusted, and a
size may change while a file is read. So the kind is checked before and after opening, and the bytes are counted while
they are read. Libraries that open a path themselves, such as DuckDB, get a path that `check_file` has accepted.
"""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from workflow.errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TEXT_BYTES = 4_000_000
"""Maximum size of a YAML file."""

JSON_BYTES = 100_000_000
"""Maximum size of a manifest, or of another JSON file of a run folder."""

TABLE_BYTES = 20_000_000_000
"""Maximum size of a table or an event log, which is read in pieces; also of the content of a compressed one."""

EXCEL_BYTES = 2_000_000_000
"""Maximum size of an Excel file."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_SYSTEM = ("/proc", "/sys")  # their files are made while they are read, and have no size


def check_file(path: str | Path, limit: int = TABLE_BYTES, advice: str = "") -> Path:
    """Check that a path is an ordinary file of at most `limit` bytes, and return it.

    Parameters
    ----------
    limit : int
        Maximum size, in bytes.
    advice : str
        A sentence that says what to do with a larger file.

    Raises
    ------
    InputError
        With one message.
    """
    with _explained(path):
        _check(os.stat(path), path, limit, advice)
        real = os.path.realpath(path)
    if any(real.startswith(f"{folder}/") for folder in _SYSTEM):
        raise InputError([f"{_shown(path)}: is a file of the operating system, not an ordinary file; give a copy of it"])
    return Path(path)


@contextmanager
def open_file(path: str | Path, limit: int = TABLE_BYTES, advice: str = "") -> Iterator[BinaryIO]:
    """Open an ordinary file for reading bytes. Reading more than `limit` bytes raises.

    Parameters
    ----------
    limit : int
        Maximum size, in bytes.
    advice : str
        A sentence that says what to do with a larger file.

    Raises
    ------
    InputError
        With one message, also while the file is read.
    """
    check_file(path, limit, advice)
    with _explained(path):
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))  # a pipe blocks
    with open(handle, "rb", buffering=0) as raw:
        _check(os.fstat(handle), path, limit, advice)
        with bounded(raw, limit, path, advice) as file:
            yield file


def read_file(path: str | Path, limit: int = TEXT_BYTES, advice: str = "") -> bytes:
    """Return the content of an ordinary file of at most `limit` bytes.

    Raises
    ------
    InputError
        With one message.
    """
    with open_file(path, limit, advice) as file:
        return file.read()


def read_json(path: str | Path) -> Any:
    """Return the value in a JSON file.

    Raises
    ------
    InputError
        With one message.
    """
    raw = read_file(path, JSON_BYTES)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError([f"{_shown(path)}: cannot be read as JSON: {error}"]) from None


def bounded(stream: io.RawIOBase | BinaryIO, limit: int, path: str | Path, advice: str = "") -> BinaryIO:
    """Return a stream that raises `InputError` once more than `limit` bytes are read, for example of a compressed file.

    Parameters
    ----------
    path : str or Path
        The file that the message names.
    """
    return io.BufferedReader(_Bounded(stream, limit, path, advice), buffer_size=1 << 16)


class _Bounded(io.RawIOBase):
    """Counts the bytes that are read from a stream."""

    def __init__(self, stream: io.RawIOBase | BinaryIO, limit: int, path: str | Path, advice: str) -> None:
        self._stream, self._left, self._limit, self._path, self._advice = stream, limit, limit, path, advice

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        with _explained(self._path):
            data = self._stream.read(min(len(view), self._left + 1)) or b""
        self._left -= len(data)
        if self._left < 0:
            raise _too_large(self._path, f"more than {self._limit:,} bytes", self._limit, self._advice)
        view[: len(data)] = data
        return len(data)


def _check(status: os.stat_result, path: str | Path, limit: int, advice: str) -> None:
    kind = next((kind for is_kind, kind in _KINDS if is_kind(status.st_mode)), None)
    if kind is not None:
        raise InputError([f"{_shown(path)}: is {kind}, not a file; give the path of an ordinary file"])
    if status.st_size > limit:
        raise _too_large(path, f"{status.st_size:,} bytes", limit, advice)


def _too_large(path: str | Path, size: str, limit: int, advice: str) -> InputError:
    return InputError([f"{_shown(path)}: has {size}; at most {limit:,} are read.{f' {advice}' if advice else ''}"])


@contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    """Turn an error of the operating system into one message."""
    try:
        yield
    except OSError as error:
        raise InputError([f"{_shown(path)}: cannot be read: {error.strerror or error}"]) from None
    except ValueError as error:
        if "null byte" not in str(error) and "null character" not in str(error):
            raise
        raise InputError([f"{_shown(path)}: cannot be read: a path has no NUL character"]) from None


def _shown(path: str | Path) -> str:
    """Return a path for a message, in quotes if it has characters that a terminal would act on."""
    text = str(path)
    return text if text.isprintable() else repr(text)
