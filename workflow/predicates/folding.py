"""Putting values in for fields, and working out whatever is then the same for every case."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping
from typing import Any

from workflow.predicates.functions import call, readings_of
from workflow.predicates.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    Conditional,
    Constant,
    Expression,
    Field,
    InSet,
    IsNone,
    Kind,
    Name,
    Negate,
    Not,
    Or,
    Value,
)

__all__ = ["Folding"]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ARITHMETIC: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}


class Folding:
    """One substitution; what several parts share is worked out once.

    Conjunctions and disjunctions are read from the left and only as far as needed, as when they are asked of
    a case: so a missing value is never met behind the test for it.
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = values
        self.known: dict[int, Expression] = {}

    def fold(self, expression: Expression) -> Expression:
        """Return an expression with the values put in."""
        key = id(expression)
        if key not in self.known:
            self.known[key] = self._folded(expression)
        return self.known[key]

    def _folded(self, expression: Expression) -> Expression:
        match expression:
            case Name(field=field):
                return _put_in(field, self.values[field.name]) if field.name in self.values else expression
            case IsNone(operand=Name(field=field)):
                return _true(self.values[field.name] is None) if field.name in self.values else expression
            case Not(operand=operand):
                return _unless_same(expression, _not(self.fold(operand)), operand)
            case And(operands=operands):
                return self._joined(expression, operands, ends_with=False)
            case Or(operands=operands):
                return self._joined(expression, operands, ends_with=True)
            case Conditional(test=test, body=body, orelse=orelse):
                return self._conditional(expression, test, body, orelse)
        before = expression.children()
        after = tuple(self.fold(child) for child in before)
        if all(a is b for a, b in zip(after, before, strict=True)):
            return expression
        return _worked_out(expression, after)

    def _joined(self, expression: And | Or, operands: tuple[Expression, ...], ends_with: bool) -> Expression:
        kept: list[Expression] = []
        for operand in operands:
            found = self.fold(operand)
            if found is not operand and isinstance(found, Constant):
                if found.value is ends_with:
                    return found
            else:
                kept.append(found)
        if len(kept) == len(operands) and all(k is o for k, o in zip(kept, operands, strict=True)):
            return expression
        if not kept:
            return _true(not ends_with)
        return kept[0] if len(kept) == 1 else type(expression)(tuple(kept))

    def _conditional(
        self, expression: Conditional, test: Expression, body: Expression, orelse: Expression
    ) -> Expression:
        decided = self.fold(test)
        if decided is not test and isinstance(decided, Constant):
            chosen = self.fold(body if decided.value else orelse)
            return _as_number(chosen) if expression.kind == "number" else chosen
        first, second = self.fold(body), self.fold(orelse)
        if (decided, first, second) == (test, body, orelse):
            return expression
        return first if first == second else Conditional(decided, first, second)


def _put_in(field: Field, value: Value) -> Constant:
    if value is None:
        raise ValueError(f"{field.name!r} is missing where no test before it asks for that")
    return Constant(
        float(value) if field.kind == "number" and not isinstance(value, str | dt.date) else value,
        field.kind,
        field.values,
    )


def _worked_out(expression: Expression, parts: tuple[Expression, ...]) -> Expression:
    """Return an expression with other parts: its value, where all of them are constants."""
    constants = [part.value for part in parts if isinstance(part, Constant)]
    all_constant = len(constants) == len(parts)
    match expression:
        case Compare(operator=sign):
            return _true(_COMPARISONS[sign](*constants)) if all_constant else Compare(sign, parts[0], parts[1])
        case InSet(members=members):
            return _true(constants[0] in constants[1:]) if all_constant else InSet(parts[0], members)
        case Negate():
            return _constant(-_number(constants[0]), expression.kind) if all_constant else Negate(parts[0])
        case Arithmetic(operator=sign):
            found = Arithmetic(sign, parts[0], parts[1])
            return _sum(found, *constants) if all_constant else found
        case Call(function=function):
            readings = readings_of(function)
            if all_constant:
                return _constant(readings.fold(constants), expression.kind)
            return call(function, readings.simplify(parts) if constants else parts)
    raise TypeError(f"{type(expression).__name__} cannot be worked out")


def _sum(expression: Arithmetic, left: Any, right: Any) -> Expression:
    kind = expression.kind
    if kind == "integer" or not isinstance(left, dt.date):
        return _constant(_ARITHMETIC[expression.operator](left, right), kind)
    if kind == "days":
        return _constant((left - right).days, kind)
    try:
        return _constant(dt.date.fromordinal(_ARITHMETIC[expression.operator](left.toordinal(), right)), kind)
    except (ValueError, OverflowError):  # beyond the calendar: left as a sum, which can still be compared
        return expression


def _number(value: object) -> int | float:
    assert isinstance(value, int | float)
    return value


def _true(value: bool) -> Constant:
    return Constant(value, "boolean")


def _constant(value: bool | int | float | str | dt.date, kind: Kind) -> Constant:
    return Constant(float(value) if kind == "number" and isinstance(value, int) else value, kind)


def _not(operand: Expression) -> Expression:
    if isinstance(operand, Constant):
        return _true(not operand.value)
    return operand.operand if isinstance(operand, Not) else Not(operand)


def _as_number(expression: Expression) -> Expression:
    return _constant(float(_number(expression.value)), "number") if isinstance(expression, Constant) else expression


def _unless_same(whole: Expression, folded: Expression, part: Expression) -> Expression:
    return whole if isinstance(folded, Not) and folded.operand is part else folded
