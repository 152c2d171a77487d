"""Write names, texts and paths in SQL for DuckDB.

These functions are the only way from a name, a text or a path to an SQL statement. Values go in as parameters wherever
DuckDB accepts parameters; views and COPY do not.
"""

from __future__ import annotations

import atexit
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from workflow.errors import InputError

_PATTERN = re.compile(r"[*?\[\\]")
_SUFFIX = re.compile(r"(\.\w+)*$")
_SCRATCH = (tempfile.gettempdir(), "/tmp", "/var/tmp")
_numbers = itertools.count()


def identifier(name: str) -> str:
    r"""Return the SQL identifier of a table, column or view.

    Examples
    --------
    >>> identifier("it's a name")
    '"it\'s a name"'
    """
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Return an SQL string.

    Examples
    --------
    >>> text("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def parquet(paths: Iterable[str | Path]) -> str:
    """Return the SQL table function that reads exactly these Parquet files, with exactly their own columns.

    Examples
    --------
    >>> parquet(["/data/court=north/1.parquet"])
    "read_parquet(['/data/court=north/1.parquet'], hive_partitioning = false)"
    """
    return f"read_parquet([{', '.join(text(literal_path(path)) for path in paths)}], hive_partitioning = false)"


def literal_path(path: str | Path) -> str:
    """Return a path of the same file that DuckDB does not read as a pattern.

    DuckDB reads ``*``, ``?`` and ``[`` as patterns, and has no escape that works beside names with backslashes. For a path
    with such a character, this returns a path through a symbolic link in a temporary folder. Other paths become absolute,
    because DuckDB expands a relative path that begins with ``~`` or ``file:``.

    Parameters
    ----------
    path : str or Path
        A file to read; or a file to write, whose folder exists and whose own name has no such character.

    Raises
    ------
    InputError
        If the link cannot be made.
    """
    absolute = str(Path(path).absolute())
    if not _PATTERN.search(absolute):
        return absolute
    folder, name = os.path.split(absolute)
    if _PATTERN.search(name):
        return _link(os.getpid(), absolute)
    return os.path.join(_link(os.getpid(), folder), name)


@lru_cache(maxsize=100_000)
def _link(process: int, target: str) -> str:
    """Return a symbolic link to a path, with the same suffix."""
    suffix = _SUFFIX.search(target)
    try:
        link = os.path.join(_links(process), f"{next(_numbers)}{suffix[0] if suffix else ''}")
        os.symlink(target, link)
    except OSError as error:
        message = f"its name has one of * ? [ \\, and no link to it can be made in {tempfile.gettempdir()}"
        raise InputError([f"{target}: {message}: {error.strerror}"]) from None
    return link


@lru_cache(maxsize=2)
def _links(process: int) -> str:
    """Return the temporary folder of a process. A forked process makes its own."""
    plain = next((folder for folder in _SCRATCH if not _PATTERN.search(folder) and os.access(folder, os.W_OK)), _SCRATCH[0])
    folder = tempfile.mkdtemp(prefix="docketsim-", dir=plain)
    atexit.register(_forget, process, folder)
    return folder


def _forget(process: int, folder: str) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
