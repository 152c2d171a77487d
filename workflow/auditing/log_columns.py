"""Convert columns of a log to the types that predicates read; enumerations become indices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.errors import InputError, nearest
from workflow.files.validation import format_names
from workflow.model.definition import Value
from workflow.predicates import Field

Column = tuple[NDArray[Any], NDArray[np.bool_]]
"""The value of each row, and a mask of missing values."""

_TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_KINDS = {"boolean": "b", "integer": "iu", "number": "iuf", "date": "M"}
_TYPES: dict[str, Any] = {"boolean": bool, "integer": np.int64, "number": np.float64, "date": "datetime64[D]"}
_BLANK: dict[str, Any] = {"boolean": False, "integer": 0, "number": 0.0, "date": np.datetime64("1970-01-01")}


def filled(values: Any) -> NDArray[Any]:
    """Return strings, with an empty string for a missing value."""
    strings = np.array(np.asarray(values), object)
    strings[missing_in(values)] = ""
    return strings


def missing_in(values: Any) -> NDArray[np.bool_]:
    """Return where a column has no value."""
    masked: NDArray[np.bool_] = np.array(np.ma.getmaskarray(values))
    plain = np.asarray(values)
    if plain.dtype.kind == "M":
        masked |= np.isnat(plain)
    elif plain.dtype.kind == "f":
        masked |= np.isnan(plain)
    elif plain.dtype.kind in "OU":
        masked |= np.array([v is None or v == "" for v in plain.tolist()], bool)
    return masked


def indices_of(values: NDArray[Any], labels: Sequence[str]) -> NDArray[np.int64]:
    """Return the index of each string in a list, -1 if it is absent."""
    distinct, inverse = np.unique(values.astype(str), return_inverse=True)
    index = {label: i for i, label in enumerate(labels)}
    return np.array([index.get(value, -1) for value in distinct.tolist()], np.int64)[inverse]


def domain_indices(declared: Field, values: NDArray[Any]) -> NDArray[np.int64]:
    """Return the index of each value in the domain of a record field; the values are converted as by `column_of`."""
    offset = int(declared.minimum) if declared.kind == "integer" else 0  # type: ignore[arg-type]
    return np.asarray(values, np.int64) - offset


def run_column(values: Any, declared: Field) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return a column of a run folder, with its mask of missing values if the field is optional."""
    column, missing = column_of(values, declared, lambda i: f"row {i + 1}: ")
    return column, missing if declared.optional else None


def column_of(values: Any, declared: Field, where: Callable[[int], str]) -> Column:
    """Convert a column to the type of a field. A column of dates must be one already; `workflow.auditing.times` reads text.

    Parameters
    ----------
    values : array
        As read from a file.
    declared : Field
    where : callable
        Returns the prefix of a message about a row, by its index.

    Raises
    ------
    InputError
        For the first value that the field cannot have.
    """
    missing = missing_in(values)
    if declared.kind == "enum":
        indices = indices_of(filled(values), list(declared.values))
        invalid = (indices < 0) & ~missing
        if invalid.any():
            i = int(np.argmax(invalid))
            text = str(np.asarray(values)[i])
            allowed = f"allowed: {format_names(declared.values)}.{nearest(text, declared.values)}"
            raise InputError([f"{where(i)}{text!r} is not a value of {declared.name}; {allowed}"])
        return np.maximum(indices, 0), missing
    plain = np.asarray(values)
    if plain.dtype.kind not in _KINDS[declared.kind]:
        plain = _parsed(plain, missing, declared, where)
    if missing.any():
        plain = np.where(missing, _BLANK[declared.kind], plain)
    return plain.astype(_TYPES[declared.kind]), missing


def _parsed(values: NDArray[Any], missing: NDArray[np.bool_], declared: Field, where: Callable[[int], str]) -> NDArray[Any]:
    allowed = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}
    parsed = []
    for i, (value, absent) in enumerate(zip(values.tolist(), missing.tolist(), strict=True)):
        try:
            parsed.append(_BLANK[declared.kind] if absent else _READERS[declared.kind](value))
        except (ValueError, KeyError):
            raise InputError(
                [f"{where(i)}{str(value)!r} is not a value of {declared.name}, which is {allowed[declared.kind]}"]
            ) from None
    return np.array(parsed, _TYPES[declared.kind])


def _whole(value: Value) -> int:
    number = float(str(value))
    if not number.is_integer():
        raise ValueError
    return int(number)


_READERS: dict[str, Callable[[Any], Any]] = {
    "boolean": lambda value: _TRUTHS[str(value).lower()],
    "integer": _whole,
    "number": float,
}
