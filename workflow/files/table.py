"""A table that has been read: columns of distinct values, and the place of every row for messages."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.errors import InputError, format_names, nearest

Codes = NDArray[np.int32]


def n_of(number: int, what: str) -> str:
    """Return a number with its noun: ``1 case``, ``2 cases``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def text_of(value: Any) -> str:
    """Return a cell as text: without spaces at its ends, and a whole number without decimals, as 40 for 40.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def same_name(name: str) -> str:
    """Return what the spellings of a column's name have in common: 'Case ID', 'case_id' and 'caseId' are one name."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(words.lower().replace("_", " ").replace("-", " ").split())


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    codes : ndarray of int32, shape (n_rows,)
        The index of the value of each row; -1 for an empty cell.
    values : ndarray
        Strings and numbers as objects, or dates and times of numpy.
    utc : bool
        Whether times are instants in UTC, because the type of the column says so.
    zone : tzinfo or None
        The time zone of their local clock, if the file names one.
    """

    codes: Codes
    values: NDArray[Any]
    utc: bool = False
    zone: dt.tzinfo | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def is_time(self) -> bool:
        """Return whether the values are dates or times of numpy."""
        return self.values.dtype.kind == "M"

    def texts(self) -> list[str]:
        """Return the values as text."""
        if self.is_time:
            return [str(value) for value in self.values]
        return [text_of(value) for value in self.values.tolist()]

    def spread(self, of_values: NDArray[Any], blank: Any) -> NDArray[Any]:
        """Return for each row what belongs to its value, and `blank` for an empty cell."""
        if not len(of_values):
            return np.full(len(self.codes), blank, of_values.dtype)
        rows = of_values[self.codes]
        rows[self.codes < 0] = blank
        return rows

    def taking(self, rows: NDArray[Any]) -> Column:
        """Return the column with only some rows."""
        return Column(self.codes[rows], self.values, self.utc, self.zone)


class ColumnBuilder:
    """Collects the cells of a column; each distinct value is stored once."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._index: dict[Any, int] = {None: -1}
        self._parts: list[Codes] = []

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def add(self, cells: Sequence[Any], repeats: Sequence[int] | None = None) -> None:
        """Add cells, each `repeats` times; ``None``, NaN and blank text are empty cells."""
        index = self._index
        for value in [value for value in dict.fromkeys(cells) if value not in index]:  # in the order of the file
            if value != value or (isinstance(value, str) and not value.strip()):
                index[value] = -1
            else:
                index[value] = len(self._values)
                self._values.append(value)
        codes = np.fromiter(map(index.__getitem__, cells), np.int32, len(cells))
        self._parts.append(codes if repeats is None else np.repeat(codes, repeats))

    def column(self) -> Column:
        """Return the column."""
        values = np.empty(len(self._values), object)
        values[:] = self._values
        return Column(np.concatenate([np.zeros(0, np.int32), *self._parts]), values)


@dataclass(frozen=True)
class Table:
    """The wanted columns of a file.

    Attributes
    ----------
    names : tuple of str
        The names of all columns of the file, in its order.
    columns : mapping of str to Column
        The wanted ones.
    place : callable
        Returns the place of a row in the file, by its index.
    notes : tuple of str
        What the file does not say and the reader has guessed, and what it has left out.
    serial : datetime or None
        The day that the number 0 stands for, in a spreadsheet.
    mistakes : tuple of str
        Rows that could not be read, which are not in the columns.
    """

    path: Path
    names: tuple[str, ...]
    columns: dict[str, Column]
    place: Callable[[int], str]
    notes: tuple[str, ...] = ()
    serial: dt.datetime | None = None
    mistakes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def find(self, *spellings: str) -> str | None:
        """Return the column with one of these names, of which the first wins; an exact spelling before a similar one.

        Raises
        ------
        InputError
            If two columns of the file have the name.
        """
        for alike in (str, same_name):
            names = [alike(name) for name in self.names]
            for spelling in map(alike, spellings):
                if spelling in names:
                    if names.count(spelling) > 1:
                        both = dict.fromkeys(repr(n) for n, a in zip(self.names, names, strict=True) if a == spelling)
                        message = (
                            f"the columns {' and '.join(both)} have one name"
                            if len(both) > 1
                            else f"the column {next(iter(both))} occurs twice"
                        )
                        raise InputError([f"{self.path}: row 1: {message}; rename one of them"])
                    return self.names[names.index(spelling)]
        return None

    def taking(self, rows: NDArray[Any]) -> Table:
        """Return the table with only some rows; their places stay."""
        columns = {name: column.taking(rows) for name, column in self.columns.items()}
        return replace(self, columns=columns, place=lambda i: self.place(int(rows[i])))

    def missing_column(self, wanted: str, what: str) -> str:
        """Return the message for a column that the file does not have."""
        near = nearest(wanted, self.names)
        return f"{self.path}: has no column {wanted!r} for {what}; its columns: {format_names(self.names)}.{near}"

    def at(self, row: int, column: str) -> str:
        """Return the prefix of a message about a cell."""
        return f"{self.path}: {self.place(row)}, column {column!r}: "

    def problems(self, column: str, wrong: Iterable[tuple[int, str]]) -> list[str]:
        """Return messages about values of a column, each with the first place of the value, in the order of the rows.

        Parameters
        ----------
        wrong : iterable of (int, str)
            The index of each value, and what is wrong with it.
        """
        return [message for _, message in sorted(self._placed(column, wrong))]

    def _placed(self, column: str, wrong: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        codes = self.columns[column].codes
        for value, message in wrong:
            rows = np.flatnonzero(codes == value)
            if len(rows):
                more = f" (and in {n_of(len(rows) - 1, 'more row')})" if len(rows) > 1 else ""
                yield int(rows[0]), f"{self.at(int(rows[0]), column)}{message}{more}"
