"""Stream the tables of a release into typed Parquet files, piece by piece, so that an import can be resumed after a kill.

A piece is some 64 MB of whole lines. Python removes what no reader can take (NUL bytes, backslashes) and puts the number of the
line before each row; DuckDB splits the rows, and finds those with a value of the wrong kind. Only these, and rows with another
number of values than columns, are repaired or rejected one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from simulations.importing.layout import MISSING, TableLayout
from simulations.importing.release import DROPPED, ENCODING, Header, Release, decoded
from simulations.importing.repairing import repair
from simulations.run_folder.whole_files import whole_file, write_text
from workflow.errors import InputError
from workflow.files.table import n_of
from workflow.sql.quoting import identifier, literal_path, text

PIECE = 1 << 26
"""Number of bytes of a table that are read together."""

MOST_REJECTED = 1_000
"""Number of rejected rows after which a table is read on only if it has as many good ones."""

LONGEST_ROW = 1_000_000
"""Number of bytes of a row above which it is rejected: DuckDB reads lines of up to 2,000,000."""

_FINISHED = "finished"
_SHOWN = 1_000


@dataclass
class Piece:
    """What became of the rows of a piece.

    Attributes
    ----------
    n_bytes, n_lines, n_rows : int
        Blank lines are no rows.
    repaired, rejected : mapping of int to (str, str)
        By the number of the line: the reason, and the row.
    """

    n_bytes: int = 0
    n_lines: int = 0
    n_rows: int = 0
    repaired: dict[int, tuple[str, str]] = field(default_factory=dict)
    rejected: dict[int, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Piece:
        """Load a piece that has been staged."""
        said = json.loads(path.read_text(encoding="utf-8"))
        repaired, rejected = (
            {int(line): (why, row) for line, (why, row) in said.pop(k).items()} for k in ("repaired", "rejected")
        )
        return cls(**said, repaired=repaired, rejected=rejected)


def check_memory(memory: str) -> None:
    """Refuse a size of memory that DuckDB cannot read, or that is too small.

    Raises
    ------
    InputError
    """
    said = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT])i?B", memory, re.IGNORECASE)
    if said is None or float(said[1]) * 1000 ** "KMGT".index(said[2].upper()) < 500_000:
        raise InputError([f"--memory {memory}: must be a size of 500MB or more, such as 2GB"])


def database(folder: Path, memory: str) -> Any:
    """Return a connection to a new database that reaches one folder only, and spills to it."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    settings = {
        "memory_limit": text(memory),
        "temp_directory": text(str(folder.absolute() / "spilled")),
        "allowed_directories": f"[{text(literal_path(folder))}]",
        "python_enable_replacements": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    for name, value in settings.items():
        connection.execute(f"set global {name} = {value}")
    marks = "|".join(re.escape(mark) for mark in MISSING)
    missing = text(rf" *(0*|\?*|{marks}) *")
    connection.execute(f"create macro cleaned(x) as case when regexp_full_match(x, {missing}) then null else trim(x) end")
    return connection


def stage(release: Release, table: TableLayout, folder: Path, connection: Any) -> list[Piece]:
    """Stream a table into `folder`, unless that is done already, and return what became of its rows.

    Raises
    ------
    InputError
        If the header is wrong, no row of the table can be used, or a needed table has no row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / _FINISHED).exists():
        _stream(release, table, folder, connection)
        write_text(folder / _FINISHED, "")
    pieces = [Piece.load(path) for path in sorted(folder.glob("*.json"))]
    n_rows = sum(piece.n_rows for piece in pieces)
    rejected = {line: why for piece in pieces for line, (why, _) in piece.rejected.items()}
    if n_rows == len(rejected) and (table.needed or n_rows):
        first = next((f"; line {line}: {why}" for line, why in rejected.items()), "")
        advice = "" if table.needed else "; without the file its events and facts are missing values"
        raise InputError([f"{release.place(table)}:2: has no usable row among {n_of(n_rows, 'row')}{first}{advice}"])
    return pieces


def staged(folder: Path) -> str:
    """Return the SQL of the rows of a table that has been staged."""
    return f"read_parquet({text(literal_path(folder) + '/*.parquet')}, hive_partitioning = false)"


def _stream(release: Release, table: TableLayout, folder: Path, connection: Any) -> None:
    with release.opened(table.name) as file:
        header = Header.read(decoded(file.readline().removeprefix(b"\xef\xbb\xbf")).rstrip("\n"), table, release.place(table))
        writer = _Writer(table, header, folder, connection)
        pieces = _prepared(file, len(header.columns.names), folder, release.place(table))
        with ThreadPoolExecutor(1) as ahead:  # Python prepares a piece while DuckDB reads the one before
            following = ahead.submit(next, pieces, None)
            while (prepared := following.result()) is not None:
                following = ahead.submit(next, pieces, None)
                writer.write(prepared)
                writer.check(release.place(table))


# lines --------------------------------------------------------------------------------------------------


@dataclass
class _Prepared:
    """The lines of a piece.

    Attributes
    ----------
    rows : list of bytes
        With as many values as there are columns, each with the number of its line before it.
    odd : mapping of int to str
        The other rows, by the number of their line.
    """

    number: int
    piece: Piece
    first: int
    lines: list[bytes]
    rows: list[bytes]
    odd: dict[int, str]

    def row(self, line: int) -> str:
        """Return a row as it was read."""
        return self.lines[line - self.first].decode()


def _prepared(file: IO[bytes], n_columns: int, folder: Path, place: str) -> Iterator[_Prepared]:
    """Yield the pieces of a file that are not staged yet."""
    number, first = 0, 2
    while (path := _path(folder, number)).exists():
        done = Piece.load(path)
        file.seek(done.n_bytes, 1)
        number, first = number + 1, first + done.n_lines
    for block in _blocks(file, place):
        prepared = _prepare(block, number, first, n_columns)
        number, first = number + 1, first + prepared.piece.n_lines
        yield prepared


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:05}.json"


def _blocks(file: IO[bytes], place: str) -> Iterator[bytes]:
    """Yield whole lines, some `PIECE` bytes at a time."""
    rest = b""
    while block := file.read(PIECE):
        end = block.rfind(b"\n") + 1
        if not end and len(block) == PIECE:
            raise InputError([f"{place}: has a line of more than {PIECE:,} bytes, so it is no table"])
        yield from [rest + block[:end]] if end else []
        rest = block[end:] if end else rest + block
    if rest:
        yield rest


def _prepare(block: bytes, number: int, first: int, n_columns: int) -> _Prepared:
    plain = block.translate(None, DROPPED)
    if not plain.isascii():
        plain = plain.decode(ENCODING, "replace").encode()
    lines = plain.split(b"\n")
    if block.endswith(b"\n"):
        lines.pop()
    n_tabs = n_columns - 1
    unequal = [i for i, line in enumerate(lines) if line.count(b"\t") != n_tabs or len(line) > LONGEST_ROW]
    odd = {first + i: lines[i].decode() for i in unequal if lines[i].strip()}
    numbered = [b"%d\t%b" % pair for pair in enumerate(lines, first)]
    for i in reversed(unequal):
        del numbered[i]
    piece = Piece(len(block), len(lines), len(lines) - len(unequal) + len(odd))
    prepared = _Prepared(number, piece, first, lines, numbered, odd)
    for line, reason in _dropped(block, first):
        piece.repaired[line] = (reason, prepared.row(line))
    return prepared


def _dropped(block: bytes, first: int) -> Iterator[tuple[int, str]]:
    """Yield the lines from which characters were removed that belong to no value."""
    found = {mark: name for mark, name in ((b"\x00", "NUL bytes"), (b"\\", "backslashes")) if mark in block}
    if found:
        for line, row in enumerate(block.split(b"\n"), first):
            if names := [name for mark, name in found.items() if mark in row]:
                yield line, f"{' and '.join(names)} removed"


# rows ---------------------------------------------------------------------------------------------------


class _Writer:
    """Writes the rows of a table as Parquet files with typed columns."""

    def __init__(self, table: TableLayout, header: Header, folder: Path, connection: Any) -> None:
        self.table, self.header, self.folder, self.connection = table, header, folder, connection
        self.n_rows = self.n_rejected = 0
        self.first_rejected = (0, "")
        columns = header.columns
        self._given = {"line": "BIGINT", **{f"c{i}": "VARCHAR" for i in range(len(columns.names))}}
        tested = [i for i, kind in enumerate(columns.kinds) if kind != "text" or i in header.read_from]
        self._cleaned = f"select line, {', '.join(f'cleaned(c{i}) as c{i}' for i in tested)} from read_csv("
        typed = [f"{_typed(columns.kinds[i], i)} as {identifier(columns.names[i].lower())}" for i in header.read_from]
        wrong = [test for i, kind in enumerate(columns.kinds) if (test := _wrong(kind, i, i in columns.required))]
        self._select = f"line, {', '.join(typed)}, {' or '.join(wrong)} as wrong"

    def write(self, prepared: _Prepared) -> None:
        """Write the rows of a piece, and then what became of them, which says that the piece is complete."""
        stem = f"{prepared.number:05}"
        wrong = self._write(prepared.rows, f"{stem}.parquet")
        odd = {**prepared.odd, **{line: prepared.row(line) for line in wrong}}
        mended = dict(self._mended(odd, prepared.piece))
        if mended:
            rows = [f"{line}\t{row}".encode() for line, row in sorted(mended.items())]
            for line in self._write(rows, f"{stem}-repaired.parquet"):  # DuckDB reads some dates more strictly than Python
                del prepared.piece.repaired[line]
                prepared.piece.rejected[line] = ("a value is of the wrong kind", odd[line])
        rejected = prepared.piece.rejected
        if rejected and not self.n_rejected:
            self.first_rejected = next((line, why) for line, (why, _) in sorted(rejected.items()))
        self.n_rows, self.n_rejected = self.n_rows + prepared.piece.n_rows, self.n_rejected + len(rejected)
        write_text(_path(self.folder, prepared.number), json.dumps(asdict(prepared.piece)), folders=False)

    def check(self, place: str) -> None:
        """Stop where most rows are rejected: it is another table, or damaged.

        Raises
        ------
        InputError
        """
        if self.n_rejected <= MOST_REJECTED or self.n_rejected < self.n_rows / 2:
            return
        of, (line, reason) = f"{self.n_rejected:,} of {n_of(self.n_rows, 'row')}", self.first_rejected
        name = self.table.name
        raise InputError([f"{place}:{line}: {of} cannot be read; the first: line {line}: {reason}; is this the table {name}?"])

    def _mended(self, odd: dict[int, str], piece: Piece) -> Iterator[tuple[int, str]]:
        """Yield the rows that can be repaired, and note those that cannot."""
        for line, row in odd.items():
            if len(row.encode()) > LONGEST_ROW:
                reason = f"has more than {LONGEST_ROW:,} bytes; shown are the first {_SHOWN:,} characters"
                piece.repaired.pop(line, None)
                piece.rejected[line] = (reason, row[:_SHOWN])
                continue
            mended = repair(row.split("\t"), self.header.columns)
            before = piece.repaired.pop(line, None)
            if mended.values is None:
                piece.rejected[line] = (mended.reason, row)
            else:
                piece.repaired[line] = (mended.reason if before is None else f"{before[0]}; {mended.reason}", row)
                yield line, "\t".join(mended.values)

    def _write(self, rows: Iterable[bytes], name: str) -> list[int]:
        """Write rows as Parquet, and return the lines of those that have a value of the wrong kind, which are left out."""
        plain = self.folder / "rows.tsv"
        plain.write_bytes(b"\n".join(rows) + b"\n")
        self.connection.execute(
            f"create or replace temp table piece as select {self._select} from ({self._cleaned}$file, auto_detect = false, header = false,"
            " delim = '\t', quote = '', escape = '', strict_mode = false, columns = $columns))",
            {"file": literal_path(plain), "columns": self._given},
        )
        with whole_file(self.folder / name, folders=False) as unfinished:
            target = text(literal_path(unfinished))
            self.connection.execute(f"copy (select * exclude wrong from piece where not wrong) to {target} (format parquet)")
        plain.unlink()
        return [line for (line,) in self.connection.execute("select line from piece where wrong order by line").fetchall()]


def _typed(kind: str, i: int) -> str:
    return {"key": f"try_cast(c{i} as bigint)", "date": f"try_cast(c{i} as timestamp)"}.get(kind, f"c{i}")


def _wrong(kind: str, i: int, required: bool) -> str:
    """Return the SQL test whether a value is of the wrong kind; the same as `simulations.importing.repairing.Columns.wrong`."""
    if kind == "key":
        return f"coalesce(not regexp_full_match(c{i}, '[0-9]{{1,18}}'), {str(required).lower()})"
    if kind == "date":
        range_ = "timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999'"  # DuckDB also reads 'infinity'
        return f"(c{i} is not null and coalesce(try_cast(c{i} as timestamp) not between {range_}, true))"
    return f"coalesce(c{i} like '____-__-__%', false)" if kind == "code" else ""
