"""Read cases and numbers from the tables that a scenario names; messages name file, row and column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.timing.clock import Epoch
from workflow.errors import InputError, format_names, nearest
from workflow.files.cells import CellFormat, cells_of, numbers_of, times_of
from workflow.files.table import Table, n_of
from workflow.files.tables import FileFormat, read_table
from workflow.files.validation import format_value
from workflow.files.values import allowed_values
from workflow.model.definition import Value, Workflow
from workflow.predicates import Field

_MOST_MISTAKES = 20
BEFORE_THE_START = "cases open at the start are the backlog of a court"


@dataclass(frozen=True)
class TableSource:
    """A file with a table, and how to read it.

    Attributes
    ----------
    columns : mapping of str to str, or None
        The names of columns in the file, by what they mean. With it, columns that nobody needs are left alone.
    """

    path: Path
    columns: Mapping[str, str] | None = None
    file: FileFormat = field(default_factory=FileFormat)
    cells: CellFormat = field(default_factory=CellFormat)


@dataclass(frozen=True)
class CaseTable:
    """Cases from a file, in order of arrival.

    Attributes
    ----------
    arrived : tuple of int
        Microseconds since the scenario's start, negative before it.
    courts, states : tuple of str or None
        ``None`` if the file has no such column.
    values : mapping of str to tuple
        Columns of facts and record fields.
    """

    path: str
    arrived: tuple[int, ...]
    courts: tuple[str, ...] | None
    states: tuple[str, ...] | None
    values: Mapping[str, tuple[Value, ...]]

    def __len__(self) -> int:
        return len(self.arrived)


def read_column(source: TableSource, column: str) -> list[float]:
    """Return the numbers of a column, without empty cells."""
    table = read_table(source.path, form=source.file)
    found = table.find(column)
    if found is None:
        message = f"has no column {column!r}; its columns: {format_names(table.names)}.{nearest(column, table.names)}"
        raise InputError([f"{source.path}: {message}"])
    numbers, problems = _numbers(table, found, source.cells)
    if problems := [*table.mistakes, *problems]:
        raise InputError(problems[:_MOST_MISTAKES])
    if not numbers:
        raise InputError([f"{source.path}: column {column!r} has no value"])
    return numbers


def read_numbers(source: TableSource) -> dict[str, list[float]]:
    """Return the numbers of all columns, or of those that `source.columns` names by their meaning. No cell may be empty.

    Raises
    ------
    InputError
        With up to twenty mistakes.
    """
    table = read_table(source.path, form=source.file)
    problems: list[str] = list(table.mistakes)
    read: dict[str, list[float]] = {}
    for name, wanted in (source.columns or {name: name for name in table.names}).items():
        found = table.find(wanted)
        if found is None:
            problems.append(table.missing_column(wanted, name))
            continue
        read[name], wrong = _numbers(table, found, source.cells)
        empty = [] if wrong else [int(i) for i in np.flatnonzero(table.columns[found].codes < 0)[:1]]
        problems += [*wrong, *(f"{table.at(i, found)}is empty; it must be a number" for i in empty)]
    if not problems and not all(read.values()):
        problems.append(f"{source.path}: has no row with values")
    if problems:
        raise InputError(problems[:_MOST_MISTAKES])
    return read


def _numbers(table: Table, column: str, form: CellFormat) -> tuple[list[float], list[str]]:
    """Return the numbers of a column, without empty cells, and the mistakes in it."""
    cells = table.columns[column]
    values = cells.texts() if cells.is_time else cells.values.tolist()
    read, ambiguous = numbers_of(values, form)
    if ambiguous is not None:
        return [], table.problems(column, [ambiguous])
    wrong = [(i, f"must be a number, not {format_value(values[i])}") for i, number in enumerate(read) if number is None]
    numbers: list[float] = [] if wrong else np.array(read, float)[cells.codes[cells.codes >= 0]].tolist()
    return numbers, table.problems(column, wrong)


def read_cases(
    source: TableSource, workflow: Workflow, epoch: Epoch, courts: tuple[str, ...], states: tuple[str, ...], backlog: bool
) -> CaseTable:
    """Read the cases of a table.

    Parameters
    ----------
    courts, states : tuple of str
        Allowed values of the columns ``court`` and ``state``.
    backlog : bool
        Whether the cases are open at the start. Then no case arrives later, and without a column ``arrived`` all
        arrive at the start. Other cases must have the column, and none arrives earlier.

    Raises
    ------
    InputError
        With up to twenty mistakes, each with file, row and column.
    """
    reading = _Cases(source, workflow, epoch, backlog)
    fixed = {"court": Field("court", "enum", "fact", courts), "state": Field("state", "enum", "fact", states)}
    return reading.table(
        {**fixed, **{name: workflow.namespace.fields[name] for name in (*workflow.facts, *workflow.entry_record)}}
    )


class _Cases:
    """One table of cases and its mistakes."""

    def __init__(self, source: TableSource, workflow: Workflow, epoch: Epoch, backlog: bool) -> None:
        self.source, self.workflow, self.epoch, self.backlog = source, workflow, epoch, backlog
        self.read = read_table(source.path, form=source.file)
        self.problems: list[str] = list(self.read.mistakes)

    def table(self, fields: Mapping[str, Field]) -> CaseTable:
        """Return the cases.

        Parameters
        ----------
        fields : mapping of str to Field
            What a column can mean, besides the time of arrival.
        """
        columns = self._columns(["arrived", *fields])
        times = np.zeros(len(self.read), np.int64)
        if "arrived" in columns:
            times = self._arrivals(columns.pop("arrived"))
        elif not self.backlog:
            self._wrong_header("the column 'arrived' is missing")
        values = {name: self._values(column, fields[name]) for name, column in columns.items()}
        if self.problems:
            raise InputError(self.problems[:_MOST_MISTAKES])
        order = np.argsort(times, kind="stable")
        in_order = {name: tuple(column[order].tolist()) for name, column in values.items()}
        of_fields = {name: column for name, column in in_order.items() if name not in ("court", "state")}
        arrived = tuple(times[order].tolist())
        return CaseTable(str(self.source.path), arrived, in_order.get("court"), in_order.get("state"), of_fields)

    def _wrong_header(self, message: str) -> None:
        self.problems.append(f"{self.source.path}: row 1: {message}")

    def _columns(self, meanings: list[str]) -> dict[str, str]:
        """Return the column of each meaning; report columns without one, unless there is a map."""
        mapped = self.source.columns
        for name in mapped or ():
            if name not in meanings:
                message = f"columns: {name}: is not {format_names(meanings)}.{nearest(name, meanings)}"
                self.problems.append(f"{self.source.path}: {message}")
        columns: dict[str, str] = {}
        for name in meanings:
            wanted = (mapped or {}).get(name, name)
            try:
                column = self.read.find(wanted)
            except InputError as error:
                self.problems += [str(problem) for problem in error.problems]
                continue
            if column is not None:
                columns[name] = column
            elif mapped is not None and name in mapped:
                self.problems.append(self.read.missing_column(wanted, name))
        for name in dict.fromkeys(self.read.names) if mapped is None else ():
            if name not in columns.values() and not (name == "" and (self.read.columns[name].codes < 0).all()):
                if self._is_reported(name):
                    continue
                message = f"unknown column {name!r}; allowed: {format_names(meanings)}.{nearest(name, meanings)}"
                hint = "" if nearest(name, meanings) else " With columns:, a table may have other columns."
                self._wrong_header(message + hint)
        return columns

    def _is_reported(self, name: str) -> bool:
        """Return whether a mistake about a column with two spellings names this one."""
        return any("rename one of them" in problem and repr(name) in problem for problem in self.problems)

    def _arrivals(self, column: str) -> NDArray[np.int64]:
        """Return the time of arrival of each row, in microseconds since the start."""
        times, problems = times_of(self.read, column, self.source.cells)
        self.problems += problems
        cells = self.read.columns[column]
        self._needed(column, "a date such as 2022-06-21, or a date with a time")
        since = times.wall + self.epoch.microseconds(dt.date(1970, 1, 1))
        given, in_utc = cells.codes >= 0, times.utc | (times.offset == 0)
        outside = (since > 0 if self.backlog else since < 0) & (not problems)
        texts = cells.texts()
        for i in np.flatnonzero(given & (in_utc | outside)).tolist():
            why = "is in UTC; write times as the clock of the court shows them"
            if not in_utc[i] and self.backlog:
                why = f"is after the start, {self.epoch.start}; put the case under arrivals:"
            elif not in_utc[i]:
                why = f"is before the start, {self.epoch.start}; {BEFORE_THE_START}"
            self.problems.append(f"{self.read.at(i, column)}{format_value(texts[cells.codes[i]])} {why}")
        return since

    def _needed(self, column: str, what: str) -> None:
        """Report the empty cells of a column that must have none."""
        empty = np.flatnonzero(self.read.columns[column].codes < 0)
        if len(empty):
            more = f" (and in {n_of(len(empty) - 1, 'more row')})" if len(empty) > 1 else ""
            self.problems.append(f"{self.read.at(int(empty[0]), column)}is empty; it must be {what}{more}")

    def _values(self, column: str, declared: Field) -> NDArray[Any]:
        """Return the values of a field, as plain Python values; ``None`` for an empty cell of an optional one."""
        cells = cells_of(self.read, column, declared, self.source.cells, bounded=True)
        self.problems += cells.problems
        if not declared.optional:
            self._needed(column, allowed_values(declared))
        values = cells.values.astype(object) if declared.kind != "date" else np.array(cells.values.tolist(), object)
        if declared.kind == "enum":
            values = np.array([*declared.values, None], object)[cells.values]
        values[cells.missing] = None
        return values
