"""Read a table or an event log from a CSV, Parquet, Excel or XES file: the one reader of tables from others.

Only wanted columns are kept, and of them each distinct value once, so that memory does not grow with the columns that
nobody needs.
"""

from __future__ import annotations

import csv
import datetime as dt
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from workflow.errors import InputError, nearest
from workflow.files.encodings import check_encoding, decoded, encoding_of, head_of, is_compressed, separator_of
from workflow.files.opening import EXCEL_BYTES, check_file
from workflow.files.parquet_zones import zones_of
from workflow.files.table import Column, ColumnBuilder, Table, n_of
from workflow.files.xes import read_xes
from workflow.sql.quoting import identifier, literal_path
from workflow.sql.reading import reader

_PAGE = 200_000
_MOST_ROWS = 2**20 + 1  # of an Excel sheet
_MOST_COLUMNS = 2**14
EXCEL_UNPACKED, EXCEL_STRINGS = 4_000_000_000, 300_000_000
"""Maximum size of an Excel file after unpacking, in bytes: of all parts, and of those that are not sheets."""

Wanted = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What a file does not say of itself.

    Attributes
    ----------
    encoding : str or None
        Of a CSV or XES file; ``None``: found out.
    sheet : str or None
        Of an Excel file; ``None``: the first.
    """

    encoding: str | None = None
    sheet: str | None = None


def kind_of(path: Path) -> str:
    """Return ``csv``, ``parquet``, ``excel`` or ``xes``, by the name of a file or, if that does not tell, by its first bytes.

    Raises
    ------
    InputError
        If there is no such file, it is empty, or of a kind that cannot be read.
    """
    if not os.path.isfile(path):
        if os.path.lexists(path):
            check_file(path)  # it says what it is instead
        hint = nearest(path.name, (p.name for p in path.parent.glob("*"))) if path.parent.is_dir() else ""
        raise InputError([f"{path}: there is no such file.{hint}"])
    head = head_of(path)
    if not head:
        raise InputError([f"{path}: is empty; its first row must name the columns"])
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if head.startswith(b"PAR1") or suffix.lower() in (".parquet", ".pq"):
        return "parquet"
    if head.startswith(b"\xd0\xcf\x11\xe0") or suffix.lower() in (".xls", ".ods"):
        raise InputError([f"{path}: is a spreadsheet of a kind that cannot be read; save it as .xlsx or as CSV"])
    if head.startswith(b"PK\x03\x04"):
        if suffix.lower() == ".zip":
            raise InputError([f"{path}: is a zip file; unpack it, and give a file of it"])
        return "excel"
    if head[:400].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
        return "xes"
    if suffix.lower() in (".xlsx", ".xlsm"):
        raise InputError([f"{path}: is not an Excel file, in spite of its name"])
    return "csv"


def read_table(path: Path, wanted: Wanted = lambda name: True, form: FileFormat | None = None, limit: int | None = None) -> Table:
    """Read the wanted columns of a file.

    Parameters
    ----------
    path : Path
        A CSV file with any of the usual separators and encodings, a Parquet, Excel (``.xlsx``) or XES file. CSV and XES files
        may be compressed with gzip.
    wanted : callable
        Returns whether a column is needed, by its name.
    form : FileFormat, optional
    limit : int, optional
        Read about so many rows only.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    form = form or FileFormat()
    if form.encoding is not None:
        check_encoding(form.encoding)
    kind = kind_of(path)
    if kind == "xes":
        return read_xes(path, wanted, form.encoding, limit)
    if kind == "excel":
        check_file(path, EXCEL_BYTES)
        return _excel(path, wanted, form.sheet, limit)
    if kind == "parquet":
        return _parquet(path, wanted, limit)
    return _csv(path, wanted, form.encoding, limit)


@contextmanager
def _database(path: Path, opened: Path, kind: str) -> Iterator[Any]:
    """Yield a database that can read `opened`; its errors become errors about `path`."""
    import duckdb

    try:
        with reader([opened]) as connection:
            yield connection
    except duckdb.Error as error:
        text = str(error).replace(literal_path(opened), str(path))
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        raise InputError([f"{path}: cannot be read as {kind}: {' '.join(lines[:2])}"]) from None


# CSV ----------------------------------------------------------------------------------------------------


def _csv(path: Path, wanted: Wanted, given: str | None, limit: int | None) -> Table:
    encoding, guessed = (given, False) if given is not None else encoding_of(path)
    notes = [f"read as {_called(encoding)}, a guess; if letters are wrong, give --encoding"] if guessed else []
    with decoded(path, encoding) as text:
        sample = text.read(1 << 16)
    said = _SAID.match(sample)
    separator = said[1] if said else separator_of(sample)
    if separator != ",":
        notes.append(f"the columns are separated by {_SEPARATOR_NAMES[separator]}")
    names, n_blank = _header(path, encoding, separator)
    kept = [i for i, name in enumerate(names) if wanted(name)]
    selected = ", ".join(f"c{i}" for i in kept) or "1"
    with _as_utf8(path, encoding) as plain, _database(path, plain, "CSV") as connection:
        connection.execute(
            f"create temp table rows as select {selected} from read_csv($file, auto_detect = false, header = true, skip = $skip,"
            " delim = $separator, quote = '\"', escape = '\"', columns = $columns, compression = $compression, store_rejects = true)"
            f"{f' limit {limit}' if limit is not None else ''}",
            {
                "file": literal_path(plain),
                "skip": n_blank,
                "separator": separator,
                "compression": "gzip" if is_compressed(plain) else "none",
                "columns": {f"c{i}": "VARCHAR" for i in range(len(names))},
            },
        )
        columns = {i: _csv_column(connection, i) for i in kept}
        rejected = connection.execute("select distinct on (line) line, error_message from reject_errors order by line").fetchall()
    mistakes = tuple(f"{path}: row {line}: {_explained(message, len(names))}" for line, message in rejected)

    @cache
    def places() -> list[int]:
        return _places(path, encoding, separator, n_blank + 2, {line for line, _ in rejected})

    return _without_blank_rows(path, names, columns, places, tuple(notes), mistakes=mistakes)


def _places(path: Path, encoding: str, separator: str, first: int, rejected: Collection[int]) -> list[int]:
    """Return the place of each row that was read; blank lines and rejected rows have places too."""
    with decoded(path, encoding) as text:
        rows = enumerate(csv.reader(text, delimiter=separator), start=1)
        return [i for i, row in rows if i >= first and row and i not in rejected]


def _explained(message: str, n_columns: int) -> str:
    """Return what is wrong with a row that DuckDB has rejected."""
    found = re.search(r"Expected Number of Columns: \d+ Found: (\d+)", message)
    if found is None:
        return f"cannot be read: {message}"
    return f"has {n_of(int(found[1]), 'value')}, but there are {n_of(n_columns, 'column')}"


def _csv_column(connection: Any, i: int) -> Column:
    builder = ColumnBuilder()
    (n,) = connection.execute("select count(*) from rows").fetchone()
    for low in range(0, n, _PAGE):
        query = f"select c{i} as c from rows where rowid >= {low} and rowid < {low + _PAGE}"
        builder.add(connection.execute(query).fetchnumpy()["c"].tolist())
    return builder.column()


_SAID = re.compile(r"\ufeff?sep=([,;\t|])\r?\n", re.IGNORECASE)
"""The first line in which Excel says how the columns are separated."""

_SEPARATOR_NAMES = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def _called(encoding: str) -> str:
    return "latin-1 (Windows-1252)" if encoding == "cp1252" else encoding


def _header(path: Path, encoding: str, separator: str) -> tuple[tuple[str, ...], int]:
    """Return the names of the columns, and the number of lines before them, which are blank or only say the separator."""
    with decoded(path, encoding) as text:
        n_blank = 0
        try:
            for row in csv.reader((line.removeprefix("\ufeff") for line in text), delimiter=separator):
                if any(cell.strip() for cell in row) and not (n_blank == 0 and row[0].lower() == "sep="):
                    return tuple(cell.strip() for cell in row), n_blank
                n_blank += 1
        except csv.Error as error:
            raise InputError([f"{path}: cannot be read as CSV: {error}"]) from None
    raise InputError([f"{path}: is empty; its first row must name the columns"])


@contextmanager
def _as_utf8(path: Path, encoding: str) -> Iterator[Path]:
    """Yield the path of the file in UTF-8, which is a temporary copy if it is in another encoding."""
    if encoding in ("utf-8", "utf-8-sig"):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="docketsim-") as folder:
        copy = Path(folder) / "table.csv"
        try:
            with decoded(path, encoding) as text, copy.open("w", encoding="utf-8", newline="") as file:
                while chunk := text.read(1 << 20):
                    file.write(chunk)
        except OSError as error:  # the disk is full
            advice = "convert the file to UTF-8, or set TMPDIR to a folder with more space"
            raise InputError([f"{path}: no temporary copy in UTF-8 can be written: {error.strerror}; {advice}"]) from None
        yield copy


def _without_blank_rows(
    path: Path, names: tuple[str, ...], columns: dict[int, Column], places: Callable[[], Sequence[int]], notes: tuple[str, ...],
    serial: dt.datetime | None = None, mistakes: tuple[str, ...] = (),
) -> Table:  # fmt: skip
    """Return a table without the rows that are empty in every column.

    Parameters
    ----------
    places : callable
        Returns the place of each row in the file. It is called for messages only.
    """
    rows = np.zeros(0, np.int64)
    if columns:
        rows = np.flatnonzero(np.any([column.codes >= 0 for column in columns.values()], axis=0))
        columns = {i: column.taking(rows) for i, column in columns.items()}
    # of two columns with one name, which `Table.find` refuses, the first is kept
    named = {names[i]: columns[i] for i in sorted(columns, reverse=True)}
    of_names = {name: named[name] for name in names if name in named}
    return Table(path, names, of_names, lambda i: f"row {places()[int(rows[i])]}", notes, serial, mistakes)


# Parquet ------------------------------------------------------------------------------------------------

_TYPED = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "FLOAT", "DOUBLE")


def _parquet(path: Path, wanted: Wanted, limit: int | None) -> Table:
    with _database(path, path, "Parquet") as connection:
        relation = connection.read_parquet(literal_path(path), hive_partitioning=False)
        names = tuple(relation.columns)
        kinds = dict(zip(names, map(str, relation.types), strict=True))
        file = {"file": literal_path(path)}
        metadata = connection.execute("select key, value from parquet_kv_metadata($file)", file).fetchall()
        zones = {name: zone for name, text in zones_of(dict(metadata)).items() if (zone := _zone(text)) is not None}
        columns = {
            name: _parquet_column(connection, path, name, kinds[name], limit, zones.get(name)) for name in names if wanted(name)
        }
    notes = tuple(f"the times of {name!r} are local times of {c.zone}, as the file says" for name, c in columns.items() if c.zone)
    return Table(path, names, columns, lambda i: f"row {i + 1}", notes)


def _zone(name: str) -> dt.tzinfo | None:
    """Return a time zone that a file names; ``None`` for UTC and for an unknown name, which add nothing to an instant."""
    if offset := re.fullmatch(r"([+-])(\d\d):(\d\d)", name):
        length = dt.timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return dt.timezone(-length if offset[1] == "-" else length) if dt.timedelta() < length < dt.timedelta(days=1) else None
    try:
        return None if name in ("UTC", "Etc/UTC", "GMT") else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _parquet_column(connection: Any, path: Path, name: str, kind: str, limit: int | None, zone: dt.tzinfo | None) -> Column:
    quoted = identifier(name)
    utc = kind == "TIMESTAMP WITH TIME ZONE"
    if utc:
        selected = f"make_timestamp(epoch_us({quoted}))"
    elif kind == "BOOLEAN" or not (kind in _TYPED or kind.startswith(("DATE", "TIMESTAMP", "DECIMAL"))):
        selected = f"{quoted}::VARCHAR"
    else:
        selected = f"{quoted}::DOUBLE" if kind.startswith("DECIMAL") else quoted
    most = "" if limit is None else f" limit {limit}"
    query = f"select {selected} as c from read_parquet($file, hive_partitioning = false){most}"
    cells = connection.execute(query, {"file": literal_path(path)})
    if utc or kind.startswith(("DATE", "TIMESTAMP")):
        page = cells.fetchnumpy()["c"]
        values = np.ma.getdata(page).astype("datetime64[us]")
        empty = np.ma.getmaskarray(page) | np.isnat(values)
        return Column(np.where(empty, -1, np.arange(len(values))).astype(np.int32), values, utc, zone if utc else None)
    builder = ColumnBuilder()
    while page := cells.fetchmany(_PAGE):
        builder.add([cell for (cell,) in page])
    return builder.column()


# Excel --------------------------------------------------------------------------------------------------


def _excel(path: Path, wanted: Wanted, sheet: str | None, limit: int | None) -> Table:
    try:
        import openpyxl
    except ImportError:
        raise InputError(
            [f"{path}: reading Excel files needs the extra excel: pip install 'docketsim[excel]'; or save it as CSV"]
        ) from None
    with _damaged(path):
        _check_unpacked(path)
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise InputError(
                [f"--sheet {sheet}: {path} has the sheets {', '.join(book.sheetnames)}.{nearest(sheet, book.sheetnames)}"]
            )
        tables = {table.title: table for table in book.worksheets}
        if not tables or (sheet is not None and sheet not in tables):
            what = "no sheet with cells" if sheet is None else f"no cells in the sheet {sheet!r}, which is a chart"
            raise InputError([f"{path}: has {what}"])
        chosen = tables[sheet] if sheet is not None else book.worksheets[0]
        others = [name for name in book.sheetnames if name != chosen.title]
        notes = [f"read from the sheet {chosen.title!r}, not from {', '.join(others)}"] if others and sheet is None else []
        with _damaged(path):
            chosen.reset_dimensions()  # what a file says of its size is often wrong
            rows = chosen.iter_rows(values_only=True, max_row=_MOST_ROWS, max_col=_MOST_COLUMNS)
            n_before, header = next(((i, row) for i, row in enumerate(rows) if any(_cell(c) for c in row)), (0, ()))
        if not header:
            raise InputError([f"{path}: the sheet {chosen.title!r} is empty; its first row must name the columns"])
        names = tuple(str(_cell(cell) or "").strip() for cell in header)
        while names and not names[-1]:
            names = names[:-1]
        with _damaged(path):  # again, without the cells right of the header
            rows = chosen.iter_rows(values_only=True, min_row=n_before + 2, max_row=_MOST_ROWS, max_col=max(len(names), 1))
            columns = _excel_columns(rows, [i for i, name in enumerate(names) if wanted(name)], limit)
        return _without_blank_rows(path, names, columns, lambda: range(n_before + 2, _MOST_ROWS), tuple(notes), book.epoch)
    finally:
        book.close()


@contextmanager
def _damaged(path: Path) -> Iterator[None]:
    """Turn an error of openpyxl, or of the libraries that it uses, into a message: the file is damaged."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError([f"{path}: cannot be read as an Excel file: {reason}"]) from None


def _check_unpacked(path: Path) -> None:
    """Refuse a file that is very large after unpacking; its strings are kept in memory."""
    with zipfile.ZipFile(path) as parts:
        sizes = {part.filename: part.file_size for part in parts.infolist()}
    strings = sum(size for name, size in sizes.items() if "sheets/" not in name)
    if sum(sizes.values()) > EXCEL_UNPACKED or strings > EXCEL_STRINGS:
        limits = f"at most {EXCEL_UNPACKED:,} bytes are read, and {EXCEL_STRINGS:,} outside its sheets"
        raise InputError([f"{path}: has {sum(sizes.values()):,} bytes after unpacking; {limits}. Save it as CSV"])


def _excel_columns(rows: Iterator[tuple[Any, ...]], kept: Sequence[int], limit: int | None) -> dict[int, Column]:
    builders = {i: ColumnBuilder() for i in kept}
    rows = rows if limit is None else islice(rows, limit)
    while chunk := list(islice(rows, 10_000)):
        for i, builder in builders.items():
            builder.add([_cell(row[i]) if i < len(row) else None for row in chunk])
    return {i: builder.column() for i, builder in builders.items()}


def _cell(value: Any) -> Any:
    """Return a cell; a truth value becomes text, because it would equal 1 or 0."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.time | dt.timedelta):
        return str(value)
    return value
