"""Columns written as a Parquet file, by DuckDB.

For DuckDB a table is a query with an expression for each column of the file, and to plan that takes longer than to
write ten thousand rows. So a small table is written by a prepared statement, which is planned once for the tables of
many replications. It stays with the arrays and the file name that it was planned for: the rows are copied into
its arrays, and the file is renamed, as is every file when it is complete.
"""

from __future__ import annotations

import atexit
import itertools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.run_folder.database import cursor
from simulations.run_folder.whole_files import whole_file

__all__ = ["Columns", "write_parquet"]

Columns = Mapping[str, NDArray[Any]]

_LARGE = 1 << 16
_VECTOR = 2048  # so many rows DuckDB looks at together

_numbers = itertools.count()
_kept: dict[str, _Statement] = {}
atexit.register(_kept.clear)  # or DuckDB speaks of leaks when Python ends


def write_parquet(path: Path, columns: Columns, select: Sequence[str]) -> None:
    """Write a table; the same columns give the same bytes, whatever was written before.

    Parameters
    ----------
    path : Path
        What is written to a folder is taken to be like what was written last to a folder of that name.
    columns : mapping of str to ndarray, shape (n_rows,)
    select : sequence of str
        The columns of the file, as SQL expressions of `columns`.

    Raises
    ------
    WriteFailed
        If it cannot be written; what was there before is there still.
    """
    if _rows(columns) > _LARGE:  # copied, it would need its memory twice
        with whole_file(path) as unfinished, cursor() as connection:
            connection.register("given", columns)
            connection.execute(_copy(select, "given", unfinished))
        return
    kind = path.parent.name
    statement = _kept.pop(kind, None)  # so nobody else has it: another thread prepares its own
    if statement is None or not statement.fits(path.parent, columns, select):
        statement = _Statement(path.parent, columns, select)
    with whole_file(path, statement.unfinished):
        statement.execute(columns)
    _kept[kind] = statement


class _Statement:
    """A prepared statement with the arrays that it reads, as far as their rows are ``here``, and the file that it writes."""

    def __init__(self, folder: Path, columns: Columns, select: Sequence[str]) -> None:
        rows = _rows(columns)
        length = (rows + rows // 32) // _VECTOR * _VECTOR + _VECTOR  # the next table may be a little longer
        self.unfinished = folder / f".{next(_numbers)}.{os.getpid()}.tmp"
        self._made_for = _like(folder, columns, select)
        self._here = np.zeros(length, bool)
        self._arrays = {name: np.zeros(length, column.dtype) for name, column in columns.items()}
        self._connection = cursor()
        self._connection.register("given", {**self._arrays, "here": self._here})
        self._connection.execute(f"prepare written as {_copy(select, 'given where here', self.unfinished)}")

    def fits(self, folder: Path, columns: Columns, select: Sequence[str]) -> bool:
        """Say whether a table can be written by this statement."""
        return _rows(columns) <= len(self._here) and self._made_for == _like(folder, columns, select)

    def execute(self, columns: Columns) -> None:
        """Write a table that fits."""
        rows = _rows(columns)
        self._here[:rows], self._here[rows:] = True, False
        for name, column in columns.items():
            self._arrays[name][:rows] = column
        self._connection.execute("execute written")


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _like(folder: Path, columns: Columns, select: Sequence[str]) -> tuple[Any, ...]:
    """Return what tables have in common that one statement can write; a forked process has no part in its parent's."""
    return os.getpid(), folder, {name: column.dtype for name, column in columns.items()}, tuple(select)


def _copy(select: Sequence[str], source: str, target: Path) -> str:
    """Return the statement that writes a file.

    Version 2 of Parquet makes smaller files that are read faster; stronger compression than DuckDB's own would take
    a tenth more time for a file of the size of a case table, and save a fifteenth of it.
    """
    quoted = str(target).replace("'", "''")
    return f"copy (select {', '.join(select)} from {source}) to '{quoted}' (format parquet, parquet_version v2)"
