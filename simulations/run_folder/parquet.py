"""Write columns to a Parquet file with DuckDB.

DuckDB takes longer to plan the query than to write ten thousand rows. One prepared statement therefore writes the small
tables of many replications. It always reads the same arrays and writes the same temporary file: rows are copied into the
arrays, and the finished file is renamed. Many rows are written as they come, a row group at a time.
"""

from __future__ import annotations

import atexit
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.run_folder.database import cursor
from simulations.run_folder.whole_files import whole_file
from workflow.sql.quoting import literal_path, text

Columns = Mapping[str, NDArray[Any]]

_LARGE = 1 << 16
_VECTOR = 2048  # number of rows that DuckDB processes together
_ROW_GROUP = 60 * _VECTOR  # number of rows of a row group, by DuckDB's default

_numbers = itertools.count()
_kept: dict[str, _Statement] = {}
atexit.register(_kept.clear)  # otherwise DuckDB reports leaks at exit


def write_parquet(path: Path, tables: Iterable[Columns], select: Sequence[str], n_replications: int = 1) -> None:
    """Write tables below each other. The same rows give the same bytes, however they are divided into tables.

    Parameters
    ----------
    path : Path
        A file in a folder of the same name reuses the last prepared statement, if it fits.
    tables : iterable of mapping of str to ndarray, shape (n_rows,)
        At least one table. The next table of a large file is asked for when the rows before it are written. No value is missing.
        Where a number stands for a missing value, an expression of `select` makes it null.
    select : sequence of str
        SQL expressions over the columns, one for each column of the file.
    n_replications : int
        The number of replications of about equal length in the tables. If there are several, a row group has about one of them, so
        that one is read without the others.

    Raises
    ------
    WriteFailed
        If the file cannot be written. An existing file is unchanged.
    """
    coming = iter(tables)
    few = [*(_few(coming) if n_replications == 1 else coming)]
    rows = sum(map(_rows, few))
    group = 0 if n_replications == 1 else -(-rows // (n_replications * _VECTOR)) * _VECTOR
    if rows > _LARGE:
        _write_stream(path, _divided(itertools.chain(few, coming), group or _ROW_GROUP), select, group)
        return
    columns = stacked(few)
    kind = path.parent.name
    statement = _kept.pop(kind, None)  # removed, so that another thread prepares its own
    if statement is None or not statement.fits(path.parent, columns, select, group):
        statement = _Statement(path.parent, columns, select, group)
    with whole_file(path, statement.unfinished, folders=False):
        statement.execute(columns)
    _kept[kind] = statement


def _few(tables: Iterator[Columns]) -> Iterator[Columns]:
    """Yield tables until there are many rows."""
    rows = 0
    for table in tables:
        yield table
        rows += _rows(table)
        if rows > _LARGE:
            return


def stacked(tables: Sequence[Columns]) -> Columns:
    """Return the rows of tables below each other."""
    return tables[0] if len(tables) == 1 else {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _divided(tables: Iterable[Columns], size: int) -> Iterator[Columns]:
    """Yield the rows of tables in batches of a size, the last one with what is left.

    DuckDB then begins row groups at the same rows, however the tables are divided.
    """
    waiting, n_waiting = list[Columns](), 0
    for table in tables:
        waiting.append(table)
        n_waiting += _rows(table)
        if n_waiting >= size:
            whole = stacked(waiting)
            last = n_waiting - n_waiting % size
            for start in range(0, last, size):
                yield {name: column[start : start + size] for name, column in whole.items()}
            waiting, n_waiting = [{name: column[last:] for name, column in whole.items()}], n_waiting - last
    if n_waiting:
        yield stacked(waiting)


def _write_stream(path: Path, batches: Iterator[Columns], select: Sequence[str], group: int) -> None:
    """Write batches of equal columns while later ones are still being computed, with one of them in memory."""
    from arro3.core import RecordBatchReader

    first, ended_by = _record_batch(next(batches)), list[BaseException]()

    def coming() -> Iterator[Any]:
        try:
            yield first
            for batch in map(_record_batch, batches):
                if batch.schema != first.schema:
                    raise TypeError(f"a batch has {batch.schema}, and the first one had {first.schema}")
                yield batch
        except BaseException as error:
            ended_by.append(error)  # DuckDB would report its text only, if at all

    with whole_file(path, folders=False) as unfinished, cursor() as connection:
        connection.register("given", RecordBatchReader.from_batches(first.schema, coming()))
        connection.execute(_copy(select, "given", unfinished, group))
        if ended_by:
            raise ended_by[0]


def _record_batch(columns: Columns) -> Any:
    """Return columns as Arrow has them; numpy's memory is read where it is."""
    from arro3.core import Array, RecordBatch

    arrays = [Array.from_numpy(np.ascontiguousarray(column)) for column in columns.values()]
    return RecordBatch.from_arrays(arrays, names=[*columns])


class _Statement:
    """A prepared statement with the arrays that it reads, a mask of the rows in use, and its temporary file."""

    def __init__(self, folder: Path, columns: Columns, select: Sequence[str], group: int) -> None:
        rows = _rows(columns)
        length = (rows + rows // 32) // _VECTOR * _VECTOR + _VECTOR  # the next table may be slightly longer
        self.unfinished = folder / f".{next(_numbers)}.{os.getpid()}.tmp"
        self._made_for = _like(folder, columns, select, group)
        self._here = np.zeros(length, bool)
        self._arrays = {name: np.zeros(length, column.dtype) for name, column in columns.items()}
        self._connection = cursor()
        self._connection.register("given", {**self._arrays, "here": self._here})
        self._connection.execute(f"prepare written as {_copy(select, 'given where here', self.unfinished, group)}")

    def fits(self, folder: Path, columns: Columns, select: Sequence[str], group: int) -> bool:
        """Return whether this statement can write a table."""
        return _rows(columns) <= len(self._here) and self._made_for == _like(folder, columns, select, group)

    def execute(self, columns: Columns) -> None:
        """Write a table that fits."""
        rows = _rows(columns)
        self._here[:rows], self._here[rows:] = True, False
        for name, column in columns.items():
            self._arrays[name][:rows] = column
        self._connection.execute("execute written")


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))


def _like(folder: Path, columns: Columns, select: Sequence[str], group: int) -> tuple[Any, ...]:
    """Return the key of a statement. Tables with equal keys can share it; a forked process gets its own."""
    return os.getpid(), folder.absolute(), {name: column.dtype for name, column in columns.items()}, tuple(select), group


def _copy(select: Sequence[str], source: str, target: Path, group: int) -> str:
    """Return the SQL statement that writes a file, with row groups of this number of rows, or of DuckDB's default for 0.

    Parquet version 2 gives smaller files that are read faster. Stronger compression would save 7% but take 10% longer.
    """
    path = text(literal_path(target))
    return f"copy (select {', '.join(select)} from {source}) to {path} (format parquet, parquet_version v2{f', row_group_size {group}' if group else ''})"
