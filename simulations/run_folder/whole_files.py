"""Write files completely or not at all.

A file is written under a temporary name, and renamed when it is complete and on disk. A killed run leaves no partial
files under their final names. A symbolic link is neither followed nor replaced: somebody else may have put it there.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workflow.errors import DocketsimError


class WriteFailed(DocketsimError, OSError):
    """A file could not be written; no partial file is left."""


def write_text(path: Path, text: str, *, folders: bool = True) -> None:
    """Write a text file. Missing folders are created, or with `folders` false an error.

    Raises
    ------
    WriteFailed
        If it cannot be written, for example because the disk is full. An existing file is unchanged.
    """
    with whole_file(path, folders=folders) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


@contextmanager
def whole_file(path: Path, unfinished: Path | None = None, *, folders: bool = True) -> Iterator[Path]:
    """Yield a temporary path and rename it to `path` on success; delete it after an error.

    Parameters
    ----------
    folders : bool
        Whether to create missing folders. In a run folder, a missing one was deleted.
    unfinished : Path, optional
        A temporary path in the same folder, if the caller needs a particular one. No other process may write to it.
    """
    import duckdb

    unfinished = unfinished or path.parent / f".{_shortened(path.name)}.{os.getpid()}.tmp"
    try:
        if folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            _forget_killed(path)
        if path.is_symlink():
            raise OSError(errno.EINVAL, "is a symbolic link; remove it, or give another path")
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "is not an ordinary file")
        unfinished.unlink(missing_ok=True)  # it may be a link to another file
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (duckdb.Error, OSError) as error:
        _forget(unfinished)
        raise WriteFailed(f"{path}: could not be written: {_reason(error)}") from None
    except BaseException:
        _forget(unfinished)
        raise


def _shortened(name: str) -> str:
    """Return a name to which some characters can be added: file systems allow 255 bytes."""
    return os.fsdecode(os.fsencode(name)[:200])


def _reason(error: Exception) -> str:
    """Return what the system said; DuckDB quotes its number in a long message."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    number = re.search(r'"errno":"(\d+)"', str(error))
    return os.strerror(int(number[1])) if number else str(error).splitlines()[0]


def _forget_killed(path: Path) -> None:
    """Delete what processes that have been killed were writing to the same path."""
    begin = f".{_shortened(path.name)}."
    for name in os.listdir(path.parent):
        number = name.removeprefix(begin).removesuffix(".tmp")
        if name == f"{begin}{number}.tmp" and number.isascii() and number.isdigit():
            try:
                os.kill(int(number), 0)
            except ProcessLookupError:
                _forget(path.parent / name)
            except (OSError, OverflowError):
                continue


def _forget(unfinished: Path) -> None:
    with suppress(OSError):
        unfinished.unlink(missing_ok=True)
