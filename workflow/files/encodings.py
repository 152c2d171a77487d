"""Find the encoding of a text file, and the separator of its columns; read compressed files."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from workflow.errors import InputError
from workflow.files.opening import TABLE_BYTES, bounded, open_file

_CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS = ",;\t|"


def check_encoding(name: str, option: str = "--encoding") -> None:
    """Raise `InputError` if an encoding is not known."""
    try:
        "a".encode(name)
    except (LookupError, UnicodeError):
        raise InputError([f"{option} {name}: is not an encoding; known are for example utf-8, latin-1, cp1252, utf-16"]) from None


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file; one that is compressed with gzip is decompressed.

    Raises
    ------
    InputError
        If it cannot be read, also while it is read.
    """
    with open_file(path) as file:
        if not is_compressed(path):
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=file) as content, bounded(cast(BinaryIO, content), TABLE_BYTES, path) as unpacked:
                yield unpacked
        except (EOFError, zlib.error) as error:
            raise InputError([f"{path}: cannot be read: {error}"]) from None


def is_compressed(path: Path) -> bool:
    """Return whether a file is compressed with gzip."""
    with open_file(path) as file:
        return file.read(2) == b"\x1f\x8b"


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file, decompressed."""
    with opened(path) as file:
        return file.read(65536)


def encoding_of(path: Path) -> tuple[str, bool]:
    """Return the encoding of a text file, and whether it was guessed.

    A byte order mark tells it. A file without one is UTF-16 if most other bytes of its head are zero, UTF-8 if all of it
    can be read so, and otherwise Windows-1252, which contains the letters of Latin-1.
    """
    head = head_of(path)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, False
    odd, even = head[1:512:2].count(0), head[:512:2].count(0)
    if max(odd, even) > len(head[:512]) / 5:
        return ("utf-16-le" if odd >= even else "utf-16-be"), True
    for name in ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(name)()
        try:
            with opened(path) as file:
                while chunk := file.read(_CHUNK):
                    decoder.decode(chunk)
            decoder.decode(b"", final=True)
            return name, name != "utf-8"
        except UnicodeDecodeError:
            continue
    return "latin-1", True


@contextmanager
def decoded(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    """Open a text file, decompressed.

    Raises
    ------
    InputError
        If it is not in this encoding.
    """
    try:
        with opened(path) as file, io.TextIOWrapper(file, encoding=encoding, newline="") as text:
            yield text
    except UnicodeError as error:
        raise InputError([f"{path}: cannot be read as {encoding}: {error}; give another encoding"]) from None


def separator_of(sample: str) -> str:
    """Return the separator with which the first rows of a table have the same number of columns, and most of them."""
    lines = sample.splitlines(keepends=True)
    best, most = ",", (0.0, 1)
    for separator in _SEPARATORS:
        widths = []
        try:
            widths = [len(row) for row in itertools.islice(csv.reader(lines, delimiter=separator), 200) if row]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            score = (sum(w == widths[0] for w in widths) / len(widths), widths[0])
            if score > most:
                best, most = separator, score
    return best
