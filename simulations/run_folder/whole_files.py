"""Files written whole or not at all.

A file is written to a temporary name and renamed when it is complete and on the disk, so a killed run leaves
whole files only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workflow.errors import DocketsimError

__all__ = ["WriteFailed", "whole_file", "write_text"]


class WriteFailed(DocketsimError, OSError):
    """A file could not be written; nothing of it is left."""


def write_text(path: Path, text: str) -> None:
    """Write a text file.

    Raises
    ------
    WriteFailed
        If it cannot be written, as on a full disk; what was there before is there still.
    """
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


@contextmanager
def whole_file(path: Path, unfinished: Path | None = None) -> Iterator[Path]:
    """Yield a temporary name, and give the file its own when it is complete; after a failure neither is there.

    Parameters
    ----------
    unfinished : Path, optional
        The temporary name, in the same folder, where it cannot be any; nobody else may write to it.
    """
    import duckdb

    unfinished = unfinished or path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except (duckdb.Error, OSError) as error:
        _forget(unfinished)
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
        raise WriteFailed(f"{path}: could not be written: {said}") from None
    except BaseException:
        _forget(unfinished)
        raise


def _forget(unfinished: Path) -> None:
    with suppress(OSError):
        unfinished.unlink(missing_ok=True)
