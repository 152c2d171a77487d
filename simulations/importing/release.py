"""The files of a release: a folder or a zip file, in which the tables are found by their names."""

from __future__ import annotations

import os
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from simulations.importing.layout import COUNTS, DECISIONS, LOOKUPS, SPELLINGS, TABLES, TableLayout
from simulations.importing.repairing import Columns, cleaned
from workflow.errors import InputError, nearest
from workflow.files.opening import check_file
from workflow.files.validation import format_names

ENCODING = "cp1252"
_FOLDER_DATE = re.compile(r"(\d{4})-(\d{2})(\d{2})")


@dataclass(frozen=True)
class Release:
    """The files of a release.

    Attributes
    ----------
    path : Path
        A folder, or a zip file.
    files : mapping of str to str
        The place of each table in it, by the name of the table in lower case.
    """

    path: Path
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def find(cls, path: Path) -> Release:
        """Find the tables.

        Raises
        ------
        InputError
            If a needed table is missing, or a table is there twice.
        """
        if os.path.isdir(path):
            names = sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
        elif os.path.lexists(path):
            names = _names_in_zip(check_file(path, limit=sys.maxsize))
        else:
            raise InputError([f"{path}: does not exist; give the folder of a release, or its zip file"])
        release = cls(path)
        problems = release._collect(names)
        for table in (*TABLES, *LOOKUPS):
            if table.needed and table.name.lower() not in release.files:
                hint = nearest(f"{table.name}.csv", [PurePosixPath(name).name for name in names])
                problems.append(f"{path}: has no table {table.name} (a file {table.name}.csv, in any folder of it).{hint}")
        if problems:
            raise InputError(problems)
        return release

    def _collect(self, names: list[str]) -> list[str]:
        problems = []
        wanted = {table.name.lower() for table in (*TABLES, *LOOKUPS)}
        for name in names:
            file = PurePosixPath(name)
            key = COUNTS.lower() if file.name.lower() == COUNTS.lower() else file.stem.lower()
            if key != COUNTS.lower() and (key not in wanted or file.suffix.lower() not in (".csv", ".txt", ".tsv")):
                continue
            if key in self.files:
                problems.append(
                    f"{self.path}: has the table {file.stem} twice, as {self.files[key]} and {name}; remove one of them"
                )
            self.files[key] = name
        return problems

    def has(self, table: TableLayout) -> bool:
        """Return whether the release has a table."""
        return table.name.lower() in self.files

    def place(self, table: TableLayout) -> str:
        """Return the path of a table, for messages."""
        name = self.files[table.name.lower()]
        return f"{self.path}: {name}" if self.path.is_file() else str(self.path / name)

    def date_in_name(self) -> str | None:
        """Return the date in the name of the folder or the zip file, such as ``EOIR Case Data 2026-0601``."""
        parts = [self.path.absolute().name, *PurePosixPath(next(iter(self.files.values()))).parts[:-1]]
        found = next((match for part in parts if (match := _FOLDER_DATE.search(part))), None)
        return None if found is None else "-".join(found.groups())

    def fingerprint(self) -> dict[str, list[int]]:
        """Return the size and the time of change of every file, by which an interrupted import knows them again."""
        if self.path.is_file():
            stat = self.path.stat()
            return {self.path.name: [stat.st_size, stat.st_mtime_ns]}
        stats = {name: (self.path / name).stat() for name in self.files.values()}
        return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in sorted(stats.items())}

    @contextmanager
    def opened(self, key: str) -> Iterator[IO[bytes]]:
        """Yield a file in binary mode. What is wrong with a zip file becomes an error that names it."""
        name = self.files[key.lower()]
        try:
            if self.path.is_dir():
                with (self.path / name).open("rb") as file:
                    yield file
            else:
                with zipfile.ZipFile(self.path) as parts, parts.open(name) as member:
                    yield member
        except NotImplementedError:
            advice = "unpack it with unzip or 7z, and give the folder"
            raise InputError(
                [f"{self.path}: {name} is packed in a way that Python cannot unpack (Deflate64); {advice}"]
            ) from None
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            message = f"{self.path}: {name} is damaged or cut off: {error}; download the release again"
            raise InputError([message]) from None

    def counts(self) -> dict[str, int]:
        """Return the control totals of `COUNTS`, by the name of the table in lower case; empty without that file."""
        if COUNTS.lower() not in self.files:
            return {}
        totals = {}
        with self.opened(COUNTS) as file:
            for line in file.read().decode(ENCODING, "replace").splitlines():
                name, _, number = line.replace(",", "").strip().partition("\t")
                if number.strip().isdigit():
                    totals[PurePosixPath(name.strip()).stem.lower()] = int(number)
        return totals

    def lookup(self, table: TableLayout) -> list[tuple[str, ...]]:
        """Return the rows of a small table, with the columns that are read; empty if the release does not have it.

        Raises
        ------
        InputError
            If it has another header, or no usable row.
        """
        if not self.has(table):
            return []
        with self.opened(table.name) as file:
            lines = decoded(file.read()).split("\n")
        header = Header.read(lines[0], table, self.place(table))
        rows = [[cleaned(value) for value in line.split("\t")] for line in lines[1:] if line.strip()]
        taken = [tuple(row[i] if i < len(row) else "" for i in header.read_from) for row in rows]
        if table is DECISIONS and not any(row[1] for row in taken):
            raise InputError([f"{self.place(table)}: has no usable row, and without it no decision can be decoded"])
        return taken


def _names_in_zip(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as parts:
            return [part.filename for part in parts.infolist() if not part.is_dir()]
    except zipfile.BadZipFile:
        message = f"{path}: is not a complete zip file; if it is the download of a release, it was cut off: download it again"
        raise InputError([message]) from None


def decoded(data: bytes) -> str:
    """Return text of a release: Windows-1252, which contains Latin-1, without NUL bytes, backslashes and carriage returns."""
    return data.translate(None, DROPPED).decode(ENCODING, "replace")


DROPPED = b"\x00\\\r"
"""Bytes that are removed from every file: they stand inside and after values, and mean nothing."""


@dataclass(frozen=True)
class Header:
    """The columns that a file has.

    Attributes
    ----------
    columns : Columns
    read_from : tuple of int
        The index of each column that the import reads.
    """

    columns: Columns
    read_from: tuple[int, ...]

    @classmethod
    def read(cls, line: str, table: TableLayout, place: str) -> Header:
        """Read the first line of a file.

        Raises
        ------
        InputError
            If columns are missing, or are separated by something else than tabs.
        """
        if not line.strip():
            raise InputError([f"{place}:1: is empty; its first line must name the columns of {table.name}"])
        names = [name.strip().strip('"').upper().removeprefix("ï»¿") for name in line.split("\t")]
        names = [SPELLINGS.get(name, name) for name in names]
        if len(names) == 1:
            other = next(
                (name for mark, name in {",": "commas", ";": "semicolons", "|": "vertical bars"}.items() if mark in line), None
            )
            found = f"its columns are separated by {other}" if other else f"it has one column, {format_names(names)}"
            raise InputError([f"{place}:1: {found}, but the tables of a release are separated by tabs"])
        if not set(names) & set(table.read):
            said = f"names none of the columns of {table.name}, but has {format_names(names, 6)}"
            raise InputError([f"{place}:1: {said}; the first line must be the header"])
        wanted = {SPELLINGS.get(name, name) for name in table.read}
        problems = [
            f"{place}:1: has no column {name}, which {table.name} must have.{nearest(name, names)}"
            for name in table.read
            if name not in names
        ]
        problems += [f"{place}:1: has the column {name} twice" for name in sorted(wanted) if names.count(name) > 1]
        if problems:
            raise InputError(problems)
        kinds = tuple(table.kind(name) if name in table.columns else "text" for name in names)
        required = tuple(names.index(name) for name in dict.fromkeys((table.read[0], "IDNCASE")) if name in table.read)
        return cls(Columns(tuple(names), kinds, required), tuple(names.index(name) for name in table.read))
