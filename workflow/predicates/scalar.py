"""The scalar reading: a predicate as a compiled Python function of one case.

The function is compiled because guards are asked millions of times: a simple one takes about a tenth of a
microsecond. Nothing that a user wrote reaches the compiler. Its syntax tree is built here, node by node,
from our checked tree, out of a fixed set of operators and of constants of five plain types; field names
become places in a sequence, and the function sees no builtins but ``min``, ``max``, ``abs`` and ``date``.
"""

from __future__ import annotations

import ast
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from workflow.predicates.functions import BUILTINS, readings_of
from workflow.predicates.parts import names
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
    Name,
    Negate,
    Not,
    Or,
)

__all__ = ["Scalar", "scalar"]

Scalar = Callable[[Sequence[object], Sequence[object]], Any]

_COMPARISONS: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq, "!=": ast.NotEq, "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE,
}  # fmt: skip
_ARITHMETIC: dict[str, type[ast.operator]] = {"+": ast.Add, "-": ast.Sub, "*": ast.Mult}


def scalar(expression: Expression, facts: Sequence[str], record: Sequence[str]) -> Scalar:
    """Compile a predicate into a function of one case.

    Parameters
    ----------
    expression : Expression
    facts, record : sequence of str
        The fields whose values the function is given, in this order.

    Returns
    -------
    callable
        ``f(facts, record)`` over sequences of plain values: bool, int, float, str for a word of an
        enumeration, `datetime.date`, ``None`` where missing. A predicate gives a bool (not merely something
        true), an expression of kind ``days`` a whole number.

    Raises
    ------
    ValueError
        If the expression reads a field that is not among them.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse
    >>> fields = {"victim": Field("victim", "boolean", "fact"), "visits": Field("visits", "integer", "record")}
    >>> holds = scalar(parse("victim and visits >= 2", Namespace(fields)), ["victim"], ["visits"])
    >>> holds([True], [3]), holds([True], [1])
    (True, False)
    """
    places = {name: ("record", i) for i, name in enumerate(record)} | {
        name: ("facts", i) for i, name in enumerate(facts)
    }
    if unplaced := sorted(names(expression) - places.keys()):
        raise ValueError(
            f"the expression reads {unplaced[0]!r}, which is neither among the facts nor in the record that were named"
        )
    writer = _Writer(places)
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg("facts"), ast.arg("record")], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    body = writer.date(expression) if expression.kind == "date" else writer.value(expression)
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, body)))
    function: Scalar = eval(compile(tree, "<predicate>", "eval"), writer.globals)
    return function


class _Writer:
    """Writes our tree as Python's. A date that is reckoned with becomes its ordinal, a length its days.

    `datetime.date` ends with the year 9999, so a sum of a date and days may not be one; its ordinal is
    still a number to compare. (People write 9999-12-31 for "no end".)
    """

    def __init__(self, places: dict[str, tuple[str, int]]) -> None:
        self.places = places
        self.globals: dict[str, object] = {
            "__builtins__": {},
            **BUILTINS,
            "date_of": dt.date.fromordinal,
        }

    def value(self, expression: Expression) -> ast.expr:
        match expression:
            case Constant(value=value):
                return self._constant(value)
            case Name(field=field):
                where, place = self.places[field.name]
                return ast.Subscript(_load(where), ast.Constant(place), ast.Load())
            case IsNone(operand=name):
                return ast.Compare(self.value(name), [ast.Is()], [ast.Constant(None)])
            case Not(operand=IsNone(operand=name)):
                return ast.Compare(self.value(name), [ast.IsNot()], [ast.Constant(None)])
            case Not(operand=operand):
                return ast.UnaryOp(ast.Not(), self.value(operand))
            case And(operands=operands):
                return ast.BoolOp(ast.And(), [self.value(o) for o in operands])
            case Or(operands=operands):
                return ast.BoolOp(ast.Or(), [self.value(o) for o in operands])
            case Compare(operator=operator, left=left, right=right):
                read = self.ordinal if _is_reckoned(left) or _is_reckoned(right) else self.value
                return ast.Compare(read(left), [_COMPARISONS[operator]()], [read(right)])
            case InSet(operand=operand, members=members):
                return self._in(operand, members)
            case Conditional(test=test, body=body, orelse=orelse):
                return ast.IfExp(self.value(test), self.value(body), self.value(orelse))
            case Negate(operand=operand):
                return ast.UnaryOp(ast.USub(), self.value(operand))
            case Arithmetic(operator=operator, left=left, right=right):
                return ast.BinOp(self.ordinal(left), _ARITHMETIC[operator](), self.ordinal(right))
            case Call(function=function, operands=operands):
                return readings_of(function).scalar([self.value(o) for o in operands])
        raise TypeError(f"{type(expression).__name__} has no scalar reading")

    def ordinal(self, expression: Expression) -> ast.expr:
        """Return an expression with dates as whole numbers of days."""
        if expression.kind != "date":
            return self.value(expression)
        match expression:
            case Constant(value=dt.date() as day):
                return ast.Constant(day.toordinal())
            case Conditional(test=test, body=body, orelse=orelse):
                return ast.IfExp(self.value(test), self.ordinal(body), self.ordinal(orelse))
            case Call(function=function, operands=operands):
                return readings_of(function).scalar([self.ordinal(o) for o in operands])
            case Name():
                return ast.Call(ast.Attribute(self.value(expression), "toordinal", ast.Load()), [], [])
        return self.value(expression)  # a sum: of ordinals already

    def date(self, expression: Expression) -> ast.expr:
        """Return an expression that is a date, as a date."""
        if _is_reckoned(expression):
            return ast.Call(_load("date_of"), [self.ordinal(expression)], [])
        return self.value(expression)

    def _in(self, operand: Expression, members: tuple[Constant, ...]) -> ast.expr:
        values: list[object] = [member.value for member in members]
        read = self.value
        if _is_reckoned(operand):
            read, values = self.ordinal, [day.toordinal() if isinstance(day, dt.date) else day for day in values]
        return ast.Compare(read(operand), [ast.In()], [self._constant(frozenset(values))])

    def _constant(self, value: object) -> ast.expr:
        """Return a constant; what Python has no notation for is passed in under a name."""
        if isinstance(value, bool | int | float | str):
            return ast.Constant(value)
        name = f"constant_{len(self.globals)}"
        self.globals[name] = value
        return _load(name)


def _is_reckoned(expression: Expression) -> bool:
    """Say whether an expression is a date that contains a sum of a date and days."""
    if expression.kind != "date":
        return False
    return isinstance(expression, Arithmetic) or any(map(_is_reckoned, expression.children()))


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())
