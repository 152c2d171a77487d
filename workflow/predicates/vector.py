"""The vector reading: a predicate over the columns of any number of cases, with numpy.

Both sides of ``and``, and both branches of ``if``, are computed for all cases; where a value is missing,
whatever stands in its place is computed with and not used.
"""

from __future__ import annotations

import datetime as dt
import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workflow.predicates.functions import readings_of
from workflow.predicates.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    Conditional,
    Constant,
    Expression,
    InSet,
    IsNone,
    Kind,
    Name,
    Negate,
    Not,
    Or,
)

__all__ = ["vector"]

Array = npt.NDArray[Any]

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_TYPES: dict[Kind, str] = {
    "boolean": "bool", "integer": "int64", "number": "float64", "enum": "int64", "date": "datetime64[D]", "days": "int64",
}  # fmt: skip


def vector(
    expression: Expression,
    columns: Mapping[str, Array],
    missing: Mapping[str, Array] | None = None,
    length: int | None = None,
) -> Array:
    """Evaluate a predicate for many cases at once.

    Parameters
    ----------
    expression : Expression
    columns : mapping of str to array
        One array per field, all of one length: bool; whole numbers of any width; floats; a word of an
        enumeration as its place in `Field.values`; datetime64. What stands at missing values does not matter.
    missing : mapping of str to array of bool, optional
        For optional fields, where the value is missing; a field without an entry is missing nowhere.
    length : int, optional
        The number of cases; needed only where there are no columns.

    Returns
    -------
    array
        bool, int64 (also for words of an enumeration, as places, and for lengths in days), float64 or
        datetime64[D].

    Raises
    ------
    ValueError
        If a field has no column, or the number of cases cannot be told.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse
    >>> visits = Field("visits", "integer", "record", minimum=0, maximum=9)
    >>> vector(parse("visits >= 2", Namespace({"visits": visits})), {"visits": np.array([3, 1], np.int8)})
    array([ True, False])
    """
    if length is None:
        if not columns:
            raise ValueError("no columns were given, so say how many cases there are: length=...")
        length = len(next(iter(columns.values())))
    if expression.kind not in _TYPES:
        raise ValueError(f"an expression of kind {expression.kind!r} has no array of values")
    with np.errstate(all="ignore"):  # of what stands at missing values
        found = _Evaluation(columns, missing or {}, length).value(expression)
    found = np.asarray(found).astype(_TYPES[expression.kind], copy=False)
    return found if found.shape == (length,) else np.full(length, found)


class _Evaluation:
    """One pass over a tree. A part that several others share (a definition) is computed once."""

    def __init__(self, columns: Mapping[str, Array], missing: Mapping[str, Array], length: int) -> None:
        self.columns = columns
        self.missing = missing
        self.length = length
        self.known: dict[int | str, Any] = {}

    def value(self, expression: Expression) -> Any:
        """Return an array over the cases, or one value that goes for all of them."""
        key = expression.field.name if isinstance(expression, Name) else id(expression)
        if key not in self.known:
            self.known[key] = self._computed(expression)
        return self.known[key]

    def _computed(self, expression: Expression) -> Any:
        match expression:
            case Constant():
                return _constant(expression)
            case Name():
                # as wide as can be: int8 would make -56 of 100 + 100, and float32 another number of 0.1
                return self._column(expression).astype(_TYPES[expression.kind], copy=False)
            case IsNone(operand=name):
                return self.missing.get(name.field.name, False)
            case Not(operand=operand):
                return np.logical_not(self.value(operand))
            case And(operands=operands):
                return functools.reduce(np.logical_and, map(self.value, operands))
            case Or(operands=operands):
                return functools.reduce(np.logical_or, map(self.value, operands))
            case Compare(operator=comparison, left=left, right=right):
                return _COMPARISONS[comparison](self._compared(left), self._compared(right))
            case InSet(operand=operand, members=members):
                searched = self._compared(operand)
                return functools.reduce(np.logical_or, [searched == _constant(member) for member in members])
            case Conditional(test=test, body=body, orelse=orelse):
                return np.where(self.value(test), self.value(body), self.value(orelse))
            case Negate(operand=operand):
                return -self.value(operand)
            case Arithmetic():
                return self._arithmetic(expression)
            case Call(function=function, operands=operands):
                return readings_of(function).vector([self.value(operand) for operand in operands])
        raise TypeError(f"{type(expression).__name__} has no vector reading")

    def _column(self, name: Name) -> Array:
        column = self.columns.get(name.field.name)
        if column is None:
            raise ValueError(f"the expression reads {name.field.name!r}, for which there is no column")
        if column.shape != (self.length,):
            raise ValueError(f"the column {name.field.name!r} has the shape {column.shape}, not ({self.length},)")
        return column

    def _compared(self, expression: Expression) -> Any:
        """Return a value that is only compared: whole numbers and words may stay as narrow as they come."""
        if isinstance(expression, Name) and expression.kind in ("integer", "enum"):
            return self._column(expression)
        return self.value(expression)

    def _arithmetic(self, expression: Arithmetic) -> Any:
        left, right = self.value(expression.left), self.value(expression.right)
        if expression.left.kind == "date":
            if expression.right.kind == "date":
                return (left - right).astype("timedelta64[D]").astype(np.int64)
            right = np.asarray(right, np.int64).astype("timedelta64[D]")
        return _ARITHMETIC[expression.operator](left, right)


def _constant(constant: Constant) -> Any:
    if constant.kind == "enum":
        return constant.values.index(str(constant.value))
    return np.datetime64(constant.value, "D") if isinstance(constant.value, dt.date) else constant.value
