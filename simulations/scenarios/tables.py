"""Read cases and numbers from CSV and Parquet files; messages name file, row and column."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulations.timing.clock import Epoch
from workflow.errors import InputError, Problem, nearest
from workflow.files.dates import parse_instant
from workflow.files.validation import format_names, format_value
from workflow.loading.values import allowed_values, fits
from workflow.model.definition import Value, Workflow
from workflow.predicates import Field
from workflow.sql.quoting import parquet
from workflow.sql.reading import reader

__all__ = ["CaseTable", "read_cases", "read_column"]

_MOST_MISTAKES = 20
_WHOLE = re.compile(r"[+-]?\d+\.0*")  # pandas writes the whole numbers of a column with missing values like this
BEFORE_THE_START = "cases open at the start are the backlog of a court"


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


def read_rows(path: Path) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the rows of a CSV or Parquet file."""
    if not path.is_file():
        hint = nearest(path.name, (p.name for p in path.parent.glob("*"))) if path.parent.is_dir() else ""
        raise InputError([f"{path}: there is no such file.{hint}"])
    if path.suffix == ".parquet":
        import duckdb

        try:
            with reader([path]) as connection:
                result = connection.execute(f"select * from {parquet([path])}")
                return [d[0] for d in result.description], [list(row) for row in result.fetchall()]
        except duckdb.Error as error:
            raise InputError([f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}"]) from None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError([f"{path}: cannot be read as CSV: {error}"]) from None
    if not rows:
        raise InputError([f"{path}: is empty; its first row must name the columns"])
    header = [name.strip() for name in rows[0]]
    if len(header) == 1 and ";" in header[0]:
        raise InputError([f"{path}: row 1: the columns are separated by semicolons; save the file with commas between them"])
    return header, [row for row in rows[1:] if any(cell.strip() for cell in row)]


def read_column(path: Path, column: str) -> list[float]:
    """Return the numbers of a column, without empty cells."""
    header, rows = read_rows(path)
    if column not in header:
        raise InputError([f"{path}: has no column {column!r}; its columns: {format_names(header)}.{nearest(column, header)}"])
    at = header.index(column)
    numbers: list[float] = []
    problems: list[str] = []
    for i, row in enumerate(rows, start=2):
        cell = row[at] if at < len(row) else ""
        if cell in ("", None):
            continue
        try:
            number = float(cell)
            if number != number or number in (float("inf"), float("-inf")):
                raise ValueError
            numbers.append(number)
        except (TypeError, ValueError):
            problems.append(f"{path}: row {i}, column {column!r}: must be a number, not {format_value(cell)}")
    if problems:
        raise InputError(problems[:_MOST_MISTAKES])
    if not numbers:
        raise InputError([f"{path}: column {column!r} has no value"])
    return numbers


def read_cases(
    path: Path, workflow: Workflow, epoch: Epoch, courts: tuple[str, ...], states: tuple[str, ...], backlog: bool
) -> CaseTable:
    """Read the cases of a table.

    Parameters
    ----------
    path : Path
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
    header, rows = read_rows(path)
    fields: dict[str, Field] = {**workflow.facts, **{n: workflow.record[n] for n in workflow.record}}
    allowed = ["arrived", "court", "state", *workflow.facts, *workflow.entry_record]
    problems: list[str] = []
    for name in header:
        if name not in allowed:
            problems.append(f"{path}: row 1: unknown column {name!r}; allowed: {format_names(allowed)}.{nearest(name, allowed)}")
        elif header.count(name) > 1:
            problems.append(f"{path}: row 1: the column {name!r} occurs twice")
    if not backlog and "arrived" not in header:
        problems.append(f"{path}: row 1: the column 'arrived' is missing")
    if problems:
        raise InputError(problems)
    columns: dict[str, list[Any]] = {name: [] for name in header}
    for i, row in enumerate(rows, start=2):
        if len(row) != len(header):
            problems.append(
                f"{path}: row {i}: has {len(row)} value{'s' if len(row) != 1 else ''}, but there are {len(header)} columns"
            )
            continue
        for name, cell in zip(header, row, strict=True):
            try:
                columns[name].append(_cell(name, cell, fields, epoch, courts, states, backlog))
            except ValueError as error:
                columns[name].append(None)
                problems.append(f"{path}: row {i}, column {name!r}: {error}")
        if len(problems) >= _MOST_MISTAKES:
            break
    if problems:
        raise InputError([Problem(p) for p in problems[:_MOST_MISTAKES]])
    n = len(rows)
    times = columns.get("arrived", [0] * n)
    order = sorted(range(n), key=lambda k: times[k])
    sorted_ = {name: tuple(values[k] for k in order) for name, values in columns.items()}
    values = {name: column for name, column in sorted_.items() if name in fields}
    return CaseTable(str(path), tuple(times[k] for k in order), sorted_.get("court"), sorted_.get("state"), values)


def _cell(
    name: str, cell: Any, fields: Mapping[str, Field], epoch: Epoch, courts: tuple[str, ...], states: tuple[str, ...],
    backlog: bool,
) -> Any:  # fmt: skip
    if name == "arrived":
        try:
            time = epoch.microseconds(parse_instant(cell if not isinstance(cell, str) else cell.strip()))
        except InputError as error:
            raise ValueError(error.problems[0].message) from None
        if backlog and time > 0:
            raise ValueError(f"{format_value(cell)} is after the start, {epoch.start}; put the case under arrivals:")
        if not backlog and time < 0:
            raise ValueError(f"{format_value(cell)} is before the start, {epoch.start}; {BEFORE_THE_START}")
        return time
    if name in ("court", "state"):
        allowed = courts if name == "court" else states
        if cell not in allowed:
            raise ValueError(f"{format_value(cell)} is not among {format_names(allowed)}.{nearest(cell, allowed)}")
        return cell
    field = fields[name]
    value = _typed(cell.strip(), field) if isinstance(cell, str) else cell
    if isinstance(value, dt.datetime):
        value = value.date()
    if field.kind == "integer" and isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None and not field.optional:
        raise ValueError(f"is empty; it must be {allowed_values(field)}")
    if not fits(field, value):
        raise ValueError(f"{format_value(cell)} is not {allowed_values(field)}{nearest(cell, field.values)}")
    return value


def _typed(text: str, field: Field) -> Any:
    if text == "":
        return None
    if field.kind == "boolean":
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(text.lower(), text)
    try:
        if field.kind == "integer":
            return int(text[: text.index(".")] if _WHOLE.fullmatch(text) else text)
        if field.kind == "number":
            return float(text)
        if field.kind == "date":
            return dt.date.fromisoformat(text)
    except ValueError:
        return text
    return text
