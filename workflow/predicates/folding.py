"""Substitute values for fields, and fold what is then constant."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Mapping
from typing import Any

from workflow.predicates import tree
from workflow.predicates.calendar_days import EPOCH, add_months
from workflow.predicates.functions import call, readings_of
from workflow.predicates.operators import ARITHMETIC, COMPARISONS, CONNECTIVES


class Folding:
    """One substitution. A shared part, such as a definition, is folded once.

    Conjunctions and disjunctions are folded from left to right and only as far as needed, so that a missing value is
    never used after the test for it. A part that does not change is returned as the same object.
    """

    def __init__(self, values: Mapping[str, tree.Value]) -> None:
        self.values = values
        self.known: dict[int, tree.Expression] = {}

    def fold(self, expression: tree.Expression) -> tree.Expression:
        """Return an expression with the values substituted."""
        key = id(expression)
        if key not in self.known:
            self.known[key] = self._fold(expression)
        return self.known[key]

    def _fold(self, expression: tree.Expression) -> tree.Expression:
        match expression:
            case tree.Name(field=field):
                return _value_of(field, self.values[field.name]) if field.name in self.values else expression
            case tree.IsNone(operand=tree.Name(field=field)):
                return _boolean(self.values[field.name] is None) if field.name in self.values else expression
            case tree.Not(operand=operand):
                folded = self.fold(operand)
                return expression if folded is operand and not isinstance(operand, tree.Constant | tree.Not) else _not(folded)
            case tree.And(operands=operands) | tree.Or(operands=operands):
                return self._connected(expression, operands)
            case tree.Conditional(test=test, body=body, orelse=orelse):
                return self._conditional(expression, test, body, orelse)
        before = expression.children()
        after = tuple(self.fold(child) for child in before)
        if all(a is b for a, b in zip(after, before, strict=True)):
            return expression
        return _with_operands(expression, after)

    def _connected(self, expression: tree.And | tree.Or, operands: tuple[tree.Expression, ...]) -> tree.Expression:
        decided_by = CONNECTIVES[type(expression)].decided_by
        kept: list[tree.Expression] = []
        for operand in operands:
            folded = self.fold(operand)
            if folded is operand or not isinstance(folded, tree.Constant):
                kept.append(folded)
            elif folded.value is decided_by:
                return folded
        if len(kept) == len(operands) and all(k is o for k, o in zip(kept, operands, strict=True)):
            return expression
        if not kept:
            return _boolean(not decided_by)
        return kept[0] if len(kept) == 1 else type(expression)(tuple(kept))

    def _conditional(
        self, expression: tree.Conditional, test: tree.Expression, body: tree.Expression, orelse: tree.Expression
    ) -> tree.Expression:
        decided = self.fold(test)
        if decided is not test and isinstance(decided, tree.Constant):
            chosen = self.fold(body if decided.value else orelse)
            return _as_number(chosen) if expression.kind == "number" else chosen
        first, second = self.fold(body), self.fold(orelse)
        if (decided, first, second) == (test, body, orelse):
            return expression
        return first if first == second else tree.Conditional(decided, first, second)


def _value_of(field: tree.Field, value: tree.Value) -> tree.Constant:
    if value is None:
        raise ValueError(f"{field.name!r} is missing, and no preceding test excludes that")
    if field.kind == "number" and isinstance(value, int):
        value = float(value)
    return tree.Constant(value, field.kind, field.values)


def _with_operands(expression: tree.Expression, operands: tuple[tree.Expression, ...]) -> tree.Expression:
    """Return an expression with other operands; its value if all operands are constants."""
    constants: list[Any] = [operand.value for operand in operands if isinstance(operand, tree.Constant)]
    all_constant = len(constants) == len(operands)
    match expression:
        case tree.Compare(operator=symbol):
            return _boolean(COMPARISONS[symbol].compute(*constants)) if all_constant else tree.Compare(symbol, *operands)
        case tree.InSet(members=members):
            return _boolean(constants[0] in constants[1:]) if all_constant else tree.InSet(operands[0], members)
        case tree.Negate():
            return _constant(-constants[0], expression.kind) if all_constant else tree.Negate(*operands)
        case tree.Arithmetic(operator=symbol):
            return _arithmetic(tree.Arithmetic(symbol, *operands), constants if all_constant else None)
        case tree.Call(function=function):
            readings = readings_of(function)
            if all_constant:
                return _constant(readings.fold(constants), expression.kind)
            return call(function, readings.simplify(operands) if constants else operands)
    raise TypeError(f"{type(expression).__name__} cannot be folded")


def _arithmetic(expression: tree.Arithmetic, constants: list[Any] | None) -> tree.Expression:
    if constants is None:
        return expression
    (left, right), kind, compute = constants, expression.kind, ARITHMETIC[expression.operator].compute
    if expression.right.kind == "months":
        right = add_months(left.toordinal() - EPOCH, compute(0, right)) + EPOCH - left.toordinal()
        compute = operator.add
    if kind == "integer" or not isinstance(left, dt.date):
        return _constant(compute(left, right), kind)
    if kind == "days":
        return _constant((left - right).days, kind)
    try:
        return _constant(dt.date.fromordinal(compute(left.toordinal(), right)), kind)
    except (ValueError, OverflowError):  # outside the calendar: the sum can still be compared
        return expression


def _boolean(value: bool) -> tree.Constant:
    return tree.Constant(value, "boolean")


def _constant(value: bool | int | float | str | dt.date, kind: tree.Kind) -> tree.Constant:
    return tree.Constant(float(value) if kind == "number" and isinstance(value, int) else value, kind)


def _not(operand: tree.Expression) -> tree.Expression:
    if isinstance(operand, tree.Constant):
        return _boolean(not operand.value)
    return operand.operand if isinstance(operand, tree.Not) else tree.Not(operand)


def _as_number(expression: tree.Expression) -> tree.Expression:
    return _constant(expression.value, "number") if isinstance(expression, tree.Constant) else expression
