"""Convert the cells of a table to the values of a field: booleans, enumerations, numbers and dates."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.errors import nearest
from workflow.files.table import Table, text_of
from workflow.files.times import EXAMPLE, LOCAL, Times, offsets_of, read_times
from workflow.files.validation import format_value
from workflow.files.values import allowed_values
from workflow.predicates import Field

_TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "y": True, "n": False, "t": True, "f": False}
_TRUTHS |= {"1": True, "0": False, "1.0": True, "0.0": False}
_TYPES: dict[str, Any] = {"boolean": bool, "integer": np.int64, "number": np.float64, "date": "datetime64[D]", "enum": np.int64}
BLANK: dict[str, Any] = {"boolean": False, "integer": 0, "number": 0.0, "date": np.datetime64("1970-01-01"), "enum": 0}
"""What stands for a missing value, by kind of field."""

_MICROSECONDS_PER_DAY = 86_400_000_000
DATE = "a date such as 2024-01-31"
"""What a date should be, for messages."""

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CellFormat:
    """How dates and numbers are written, where a table leaves it open.

    Attributes
    ----------
    time_formats : tuple of str
        Formats of `strptime`, or short forms; see `workflow.files.times`.
    decimal : {".", ","} or None
        The decimal separator; ``None`` if the column shows it.
    option : callable
        Returns what the user writes to give ``time-format`` or ``decimal``, for messages.
    """

    time_formats: tuple[str, ...] = ()
    decimal: str | None = None
    option: Callable[[str], str] = field(default=lambda name: f"--{name}")


@dataclass(frozen=True, slots=True)
class Cells:
    """The values of a column.

    Attributes
    ----------
    values : ndarray, shape (n_rows,)
        Enumerations as indices of their values. A missing value is `BLANK`.
    missing : ndarray of bool, shape (n_rows,)
    problems : list of str
        The values that the field cannot have, each with the first place where it occurs.
    """

    values: NDArray[Any]
    missing: NDArray[np.bool_]
    problems: list[str]


def cells_of(table: Table, name: str, declared: Field, form: CellFormat, bounded: bool = False) -> Cells:
    """Convert a column to the type of a field.

    Parameters
    ----------
    bounded : bool
        Whether values outside the bounds of the field are mistakes.
    """
    column = table.columns[name]
    if declared.kind == "date":
        times = _times(table, name, form, DATE)
        of_values, wrong = (times.wall // _MICROSECONDS_PER_DAY).astype("datetime64[D]"), times.problems
    else:
        values = column.texts() if column.is_time else column.values.tolist()
        read, wrong = _READERS[declared.kind](values, declared, form)
        of_values = np.array(read, _TYPES[declared.kind])
    if bounded and declared.minimum is not None:
        known = {i for i, _ in wrong}
        outside = np.flatnonzero((of_values < declared.minimum) | (of_values > declared.maximum))
        wrong = wrong + [(i, _denied(column.values[i], declared)) for i in outside.tolist() if i not in known]
    return Cells(column.spread(of_values, BLANK[declared.kind]), column.codes < 0, table.problems(name, wrong))


def times_of(table: Table, name: str, form: CellFormat, what: str = EXAMPLE) -> tuple[Times, list[str]]:
    """Return the times of every row of a column, and what is wrong. A row without a value has the time 1970.

    Parameters
    ----------
    what : str
        What a value should be, for messages.
    """
    column, read = table.columns[name], _times(table, name, form, what)
    of_rows = Times(column.spread(read.wall, 0), column.spread(read.offset, LOCAL), column.spread(read.utc, False), [])
    return of_rows, table.problems(name, read.problems)


def _times(table: Table, name: str, form: CellFormat, what: str) -> Times:
    """Return the times of the distinct values of a column."""
    column = table.columns[name]
    if column.is_time:
        values = column.values.astype("datetime64[us]")
        wall = np.where(np.isnat(values), np.datetime64(0, "us"), values).astype(np.int64)
        if column.zone is not None:
            offset = offsets_of(wall, column.zone)
            return Times(wall + offset, offset, np.zeros(len(wall), bool), [])
        return Times(wall, np.full(len(wall), 0 if column.utc else LOCAL), np.full(len(wall), column.utc), [])
    return read_times(column.values.tolist(), form.time_formats, form.option("time-format"), table.serial, what)


Wrong = list[tuple[int, str]]
"""The index of each wrong value, and what is wrong with it."""


def _booleans(values: Sequence[Any], declared: Field, form: CellFormat) -> tuple[list[Any], Wrong]:
    read = [_TRUTHS.get(text_of(value).lower()) for value in values]
    return [bool(value) for value in read], _not_allowed(values, [v is None for v in read], declared)


def _enums(values: Sequence[Any], declared: Field, form: CellFormat) -> tuple[list[Any], Wrong]:
    index = {value: i for i, value in enumerate(declared.values)}
    read = [index.get(text_of(value), -1) for value in values]
    return [max(i, 0) for i in read], _not_allowed(values, [i < 0 for i in read], declared)


def _numbers(values: Sequence[Any], declared: Field, form: CellFormat) -> tuple[list[Any], Wrong]:
    read, ambiguous = numbers_of(values, form)
    whole = declared.kind == "integer"
    bad = [
        x is None or (whole and not (x.is_integer() and "e" not in str(v).lower())) for x, v in zip(read, values, strict=False)
    ]
    if ambiguous:
        return [0] * len(values), [ambiguous]
    return [0 if b or x is None else int(x) if whole else x for x, b in zip(read, bad, strict=True)], _not_allowed(
        values, bad, declared
    )


_READERS: dict[str, Callable[[Sequence[Any], Field, CellFormat], tuple[list[Any], Wrong]]] = {
    "boolean": _booleans,
    "enum": _enums,
    "integer": _numbers,
    "number": _numbers,
}


def _not_allowed(values: Sequence[Any], bad: Sequence[bool], declared: Field) -> Wrong:
    return [(i, _denied(values[i], declared)) for i, wrong in enumerate(bad) if wrong]


def _denied(value: Any, declared: Field) -> str:
    return f"{format_value(value)} is not {allowed_values(declared)}{nearest(value, declared.values)}"


def numbers_of(values: Sequence[Any], form: CellFormat) -> tuple[list[float | None], tuple[int, str] | None]:
    """Read the distinct values of a column as numbers.

    Returns
    -------
    list of float or None
        ``None`` for what is no finite number.
    (int, str) or None
        The first value that can be read in two ways, and why; then the column cannot be read.
    """
    texts = [str(v) if isinstance(v, int | float) else _without_spaces(text_of(v)) for v in values]
    written = [t for v, t in zip(values, texts, strict=True) if not isinstance(v, int | float)]
    decimal = form.decimal or _decimal(written)
    if decimal is None:
        i, text = next((i, t) for i, t in enumerate(texts) if "," in t)
        message = f"{text!r} may be {float(text.replace(',', '.')):g} or {text.replace(',', '')}, and no number of the column tells which"
        return [], (i, f"{message}; give {form.option('decimal')} ',' or '.'")
    return [_number(v if isinstance(v, int | float) else t, decimal) for v, t in zip(values, texts, strict=True)], None


def _without_spaces(text: str) -> str:
    """Remove the spaces and apostrophes that separate thousands."""
    return re.sub(r"(?<=\d)[\s\u00a0\u202f'’](?=\d{3})", "", text)


def _decimal(texts: Sequence[str]) -> str | None:
    """Return the decimal separator that numbers are written with; ``None`` if every one of them fits both."""
    commas = [t for t in texts if "," in t]
    for text in commas:
        if "." in text:
            return "," if text.rindex(",") > text.rindex(".") else "."
    if any(t.count(".") > 1 for t in texts):
        return ","
    if not commas or any(t.count(",") > 1 for t in commas):
        return "."
    if all(re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", t) for t in commas):
        return None if not any("." in t for t in texts) else "."
    return ","


def _number(value: Any, decimal: str) -> float | None:
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    text = value
    thousands = "." if decimal == "," else ","
    if thousands in text:
        if not re.fullmatch(rf"[+-]?\d{{1,3}}(\{thousands}\d{{3}})+(\{decimal}\d*)?", text):
            return None
        text = text.replace(thousands, "")
    text = text.replace(decimal, ".")
    return float(text) if _PLAIN.fullmatch(text) and math.isfinite(float(text)) else None
