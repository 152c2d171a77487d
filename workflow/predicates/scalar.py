"""The scalar reading: compile a predicate into a Python function of one case.

A workflow evaluates guards millions of times; a compiled guard takes about 0.1 microseconds. The syntax tree is built
from the checked tree with a fixed set of operators and constants, so no text of a user reaches the compiler. Fields
become indices into sequences. The function sees no builtins but ``date_of`` and those of `BUILTINS`.
"""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from workflow.predicates import tree
from workflow.predicates.functions import BUILTINS, readings_of
from workflow.predicates.operators import ARITHMETIC, COMPARISONS, CONNECTIVES
from workflow.predicates.parts import names

Scalar = Callable[[Sequence[object], Sequence[object]], Any]


def scalar(expression: tree.Expression, facts: Sequence[str], record: Sequence[str]) -> Scalar:
    """Compile a predicate into a function of one case.

    Parameters
    ----------
    expression : Expression
    facts, record : sequence of str
        The fields, in the order of the values that the function takes.

    Returns
    -------
    callable
        ``f(facts, record)`` takes sequences of plain values: bool, int, float, str for an enumeration,
        `datetime.date`, ``None`` where missing. A predicate returns a bool, an expression of kind ``days`` an int.

    Raises
    ------
    ValueError
        If the expression reads another field.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse
    >>> fields = {"victim": Field("victim", "boolean", "fact"), "visits": Field("visits", "integer", "record")}
    >>> holds = scalar(parse("victim and visits >= 2", Namespace(fields)), ["victim"], ["visits"])
    >>> holds([True], [3]), holds([True], [1])
    (True, False)
    """
    indices = {name: ("record", i) for i, name in enumerate(record)} | {name: ("facts", i) for i, name in enumerate(facts)}
    if unlisted := sorted(names(expression) - indices.keys()):
        raise ValueError(f"the expression reads {unlisted[0]!r}, which is neither a listed fact nor record field")
    writer = _Writer(indices)
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg("facts"), ast.arg("record")], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    lambda_tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, writer.result(expression))))
    function: Scalar = eval(compile(lambda_tree, "<predicate>", "eval"), writer.globals)
    return function


class _Writer:
    """Writes a checked tree as a Python syntax tree.

    `datetime.date` ends with the year 9999, and 9999-12-31 is a common way to say "no end". So a sum of a date and
    days is computed, and compared, with ordinals.
    """

    def __init__(self, indices: dict[str, tuple[str, int]]) -> None:
        self.indices = indices
        self.globals: dict[str, object] = {"__builtins__": {}, **BUILTINS, "date_of": dt.date.fromordinal}

    def result(self, expression: tree.Expression) -> ast.expr:
        """Return an expression whose value is a plain value, also after date arithmetic."""
        if _adds_days(expression):
            return ast.Call(_load("date_of"), [self.ordinal(expression)], [])
        return self.value(expression)

    def value(self, expression: tree.Expression) -> ast.expr:
        match expression:
            case tree.Constant(value=value):
                return self._constant(value)
            case tree.Name(field=field):
                sequence, index = self.indices[field.name]
                return ast.Subscript(_load(sequence), ast.Constant(index), ast.Load())
            case tree.IsNone(operand=name):
                return ast.Compare(self.value(name), [ast.Is()], [ast.Constant(None)])
            case tree.Not(operand=tree.IsNone(operand=name)):
                return ast.Compare(self.value(name), [ast.IsNot()], [ast.Constant(None)])
            case tree.Not(operand=operand):
                return ast.UnaryOp(ast.Not(), self.value(operand))
            case tree.And(operands=operands) | tree.Or(operands=operands):
                return ast.BoolOp(CONNECTIVES[type(expression)].syntax(), [self.value(o) for o in operands])
            case tree.Compare(operator=symbol, left=left, right=right):
                write = self.ordinal if _adds_days(left) or _adds_days(right) else self.value
                return ast.Compare(write(left), [COMPARISONS[symbol].syntax()], [write(right)])
            case tree.InSet(operand=operand, members=members):
                values = [member.value for member in members]
                if _adds_days(operand):
                    ordinals = [day.toordinal() if isinstance(day, dt.date) else day for day in values]
                    return ast.Compare(self.ordinal(operand), [ast.In()], [self._constant(frozenset(ordinals))])
                return ast.Compare(self.value(operand), [ast.In()], [self._constant(frozenset(values))])
            case tree.Conditional(test=test, body=body, orelse=orelse):
                return ast.IfExp(self.value(test), self.value(body), self.value(orelse))
            case tree.Negate(operand=operand):
                return ast.UnaryOp(ast.USub(), self.value(operand))
            case tree.Arithmetic(operator=symbol, left=left, right=right) if right.kind == "months":
                months = self.value(right if symbol == "+" else tree.Negate(right))
                return ast.Call(_load("add_months"), [self.ordinal(left), months], [])
            case tree.Arithmetic(operator=symbol, left=left, right=right):
                return ast.BinOp(self.ordinal(left), ARITHMETIC[symbol].syntax(), self.ordinal(right))
            case tree.Call(function=function, operands=operands):
                write = self.value if expression.kind == "date" else self.ordinal
                return readings_of(function).scalar([write(o) for o in operands])
        raise TypeError(f"{type(expression).__name__} has no scalar reading")

    def ordinal(self, expression: tree.Expression) -> ast.expr:
        """Return an expression with dates as ordinals."""
        if expression.kind != "date":
            return self.value(expression)
        match expression:
            case tree.Constant(value=dt.date() as day):
                return ast.Constant(day.toordinal())
            case tree.Conditional(test=test, body=body, orelse=orelse):
                return ast.IfExp(self.value(test), self.ordinal(body), self.ordinal(orelse))
            case tree.Call(function=function, operands=operands):
                return readings_of(function).scalar([self.ordinal(o) for o in operands])
            case tree.Name():
                return ast.Call(ast.Attribute(self.value(expression), "toordinal", ast.Load()), [], [])
        return self.value(expression)  # a sum, which is an ordinal already

    def _constant(self, value: object) -> ast.expr:
        """Return a constant; one without a Python literal becomes a global name."""
        if isinstance(value, bool | int | float | str):
            return ast.Constant(value)
        name = f"constant_{len(self.globals)}"
        self.globals[name] = value
        return _load(name)


def _adds_days(expression: tree.Expression) -> bool:
    """Return whether an expression is a date and contains a sum of a date and days."""
    if expression.kind != "date":
        return False
    return isinstance(expression, tree.Arithmetic) or any(map(_adds_days, expression.children()))


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())
