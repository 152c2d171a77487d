"""The vector reading: evaluate a predicate over columns of cases, with numpy.

All operands of ``and`` and both branches of ``if`` are computed for all cases. Where a value is missing, the result
computed from the placeholder in the column is not used.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workflow.predicates import tree
from workflow.predicates.calendar_days import VECTOR, add_months, days_of
from workflow.predicates.functions import readings_of
from workflow.predicates.operators import ARITHMETIC, COMPARISONS, CONNECTIVES

Array = npt.NDArray[Any]

_TYPES: dict[tree.Kind, str] = {
    "boolean": "bool",
    "number": "float64",
    "date": "datetime64[D]",
    **dict.fromkeys(("integer", "enum", "days", "months"), "int64"),
}


def vector(
    expression: tree.Expression,
    columns: Mapping[str, Array],
    missing: Mapping[str, Array] | None = None,
    length: int | None = None,
) -> Array:
    """Evaluate a predicate for many cases at once.

    Parameters
    ----------
    expression : Expression
    columns : mapping of str to array
        One array per field, all of one length: bool, whole numbers of any width, floats, datetime64, or the indices
        of an enumeration in `Field.values`. Entries at missing values are ignored.
    missing : mapping of str to array of bool, optional
        For optional fields, whether the value is missing. Without an entry, no value of the field is missing.
    length : int, optional
        The number of cases; required if there are no columns.

    Returns
    -------
    array
        bool, int64 (also for indices of an enumeration and for days), float64 or datetime64[D].

    Raises
    ------
    ValueError
        If a field has no column, or the number of cases is unknown.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse
    >>> visits = Field("visits", "integer", "record", minimum=0, maximum=9)
    >>> vector(parse("visits >= 2", Namespace({"visits": visits})), {"visits": np.array([3, 1], np.int8)})
    array([ True, False])
    """
    if length is None:
        if not columns:
            raise ValueError("there are no columns; give the number of cases: length=...")
        length = len(next(iter(columns.values())))
    if expression.kind not in _TYPES:
        raise ValueError(f"an expression of kind {expression.kind!r} has no array of values")
    with np.errstate(all="ignore"):  # entries at missing values may overflow
        value = _Evaluation(columns, missing or {}, length).value(expression)
    array = np.asarray(value).astype(_TYPES[expression.kind], copy=False)
    return array if array.shape == (length,) else np.full(length, array)


class _Evaluation:
    """One pass over a tree. A shared part, such as a definition, is computed once."""

    def __init__(self, columns: Mapping[str, Array], missing: Mapping[str, Array], length: int) -> None:
        self.columns = columns
        self.missing = missing
        self.length = length
        self.known: dict[int | str, Any] = {}

    def value(self, expression: tree.Expression) -> Any:
        """Return an array over the cases, or one value for all of them."""
        key = expression.field.name if isinstance(expression, tree.Name) else id(expression)
        if key not in self.known:
            self.known[key] = self._compute(expression)
        return self.known[key]

    def _compute(self, expression: tree.Expression) -> Any:
        match expression:
            case tree.Constant():
                return _constant(expression)
            case tree.Name():
                # widened: in int8, 100 + 100 is -56, and in float32, 0.1 is another number
                return self._column(expression).astype(_TYPES[expression.kind], copy=False)
            case tree.IsNone(operand=name):
                return self.missing.get(name.field.name, False)
            case tree.Not(operand=operand):
                return np.logical_not(self.value(operand))
            case tree.And(operands=operands) | tree.Or(operands=operands):
                return functools.reduce(CONNECTIVES[type(expression)].vector, map(self.value, operands))
            case tree.Compare(operator=symbol, left=left, right=right):
                return COMPARISONS[symbol].compute(self._unwidened(left), self._unwidened(right))
            case tree.InSet(operand=operand, members=members):
                searched = self._unwidened(operand)
                return functools.reduce(np.logical_or, [searched == _constant(member) for member in members])
            case tree.Conditional(test=test, body=body, orelse=orelse):
                return np.where(self.value(test), self.value(body), self.value(orelse))
            case tree.Negate(operand=operand):
                return -self.value(operand)
            case tree.Arithmetic():
                return self._arithmetic(expression)
            case tree.Call(function=function, operands=operands):
                return readings_of(function).vector([self.value(operand) for operand in operands])
        raise TypeError(f"{type(expression).__name__} has no vector reading")

    def _column(self, name: tree.Name) -> Array:
        column = self.columns.get(name.field.name)
        if column is None:
            raise ValueError(f"the expression reads {name.field.name!r}, which has no column")
        if column.shape != (self.length,):
            raise ValueError(f"the column {name.field.name!r} has the shape {column.shape}, not ({self.length},)")
        return column

    def _unwidened(self, expression: tree.Expression) -> Any:
        """Return the operand of a comparison, which needs no wider type than that of its column."""
        if isinstance(expression, tree.Name) and expression.kind in ("integer", "enum"):
            return self._column(expression)
        return self.value(expression)

    def _arithmetic(self, expression: tree.Arithmetic) -> Any:
        left, right = self.value(expression.left), self.value(expression.right)
        if expression.left.kind == "date":
            if expression.right.kind == "date":
                return (left - right).astype("timedelta64[D]", copy=False).view(np.int64)
            if expression.right.kind == "months":
                months = np.asarray(right if expression.operator == "+" else -right, np.int64)
                return np.asarray(add_months(days_of(left), months, VECTOR)).astype("datetime64[D]")
            right = np.asarray(right, np.int64).astype("timedelta64[D]")
        return ARITHMETIC[expression.operator].compute(left, right)


def _constant(constant: tree.Constant) -> Any:
    if constant.kind == "enum":
        return constant.values.index(str(constant.value))
    return np.datetime64(constant.value, "D") if isinstance(constant.value, dt.date) else constant.value
