"""The symbolic reading: a predicate as a Z3 term, for questions about every case that can exist.

A word of an enumeration is its place among the field's values, a date its proleptic ordinal, a decimal number an
exact fraction. Needs the extra ``prove``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from fractions import Fraction
from functools import reduce
from importlib import import_module
from typing import Any

from workflow.errors import DocketsimError
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
    Name,
    Negate,
    Not,
    Or,
    Value,
)

__all__ = ["ProverMissing", "Symbols", "symbolic", "z3"]

_WIDEST = 2**53


class ProverMissing(DocketsimError, ImportError):
    """Z3 is not installed."""


def z3() -> Any:
    """Return the Z3 library.

    Raises
    ------
    ProverMissing
        If it is not installed.
    """
    try:
        return import_module("z3")
    except ImportError:
        raise ProverMissing("proofs need Z3: install the extra 'prove' (pip install 'docketsim[prove]')") from None


class Symbols:
    """One Z3 variable for each field, and what is known of each from its declaration.

    Attributes
    ----------
    values, missing : dict of str to Z3 term
    domain : list of Z3 terms
    """

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.z3 = z3()
        self.fields = dict(fields)
        self.values: dict[str, Any] = {}
        self.missing: dict[str, Any] = {}
        self.domain: list[Any] = []
        for name, field in fields.items():
            self._declare(name, field)

    def _declare(self, name: str, field: Field) -> None:
        make = {"boolean": self.z3.Bool, "number": self.z3.Real}.get(field.kind, self.z3.Int)
        variable = self.values[name] = make(name)
        if field.optional:
            self.missing[name] = self.z3.Bool(f"{name} is missing")
        low, high = self._bounds(field)
        if low is not None:
            self.domain.append(variable >= low)
        if high is not None:
            self.domain.append(variable <= high)

    def _bounds(self, field: Field) -> tuple[Any, Any]:
        if field.kind == "enum":
            return 0, len(field.values) - 1
        if field.kind == "date":
            low = field.minimum if isinstance(field.minimum, dt.date) else dt.date(1800, 1, 1)
            high = field.maximum if isinstance(field.maximum, dt.date) else dt.date(2200, 1, 1)
            return low.toordinal(), high.toordinal()
        if field.kind == "integer":
            return (-_WIDEST if field.minimum is None else field.minimum), (
                _WIDEST if field.maximum is None else field.maximum
            )
        if field.kind == "number":
            exact = [None if b is None else self.z3.RealVal(str(Fraction(b))) for b in (field.minimum, field.maximum)]  # type: ignore[arg-type]
            return exact[0], exact[1]
        return None, None

    def term(self, field: Field, value: Value) -> Any:
        """Return a value of a field as a term."""
        if field.kind == "boolean":
            return self.z3.BoolVal(bool(value))
        if field.kind == "number":
            return self.z3.RealVal(str(Fraction(value)))  # type: ignore[arg-type]
        if field.kind == "enum":
            return self.z3.IntVal(field.values.index(str(value)))
        return self.z3.IntVal(value.toordinal() if isinstance(value, dt.date) else int(value))  # type: ignore[arg-type]

    def equals(self, name: str, value: Value) -> Any:
        """Return the condition that a field has a value (``None``: that it is missing)."""
        if value is None:
            return self.missing[name]
        same = self.values[name] == self.term(self.fields[name], value)
        return self.z3.And(self.z3.Not(self.missing[name]), same) if name in self.missing else same

    def value(self, model: Any, name: str) -> Value:
        """Return a field's value in a model, as a plain value."""
        field = self.fields[name]
        if name in self.missing and self.z3.is_true(model.eval(self.missing[name], model_completion=True)):
            return None
        found = model.eval(self.values[name], model_completion=True)
        if field.kind == "boolean":
            return bool(self.z3.is_true(found))
        if field.kind == "number":
            return float(Fraction(found.numerator_as_long(), found.denominator_as_long()))
        number: int = found.as_long()
        return (
            field.values[number]
            if field.kind == "enum"
            else dt.date.fromordinal(number)
            if field.kind == "date"
            else number
        )


def symbolic(expression: Expression, symbols: Symbols) -> Any:
    """Return a predicate as a Z3 term over some symbols."""
    return _Translator(symbols).term(expression)


class _Translator:
    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.z3 = symbols.z3
        self.done: dict[int, Any] = {}

    def term(self, expression: Expression) -> Any:
        """Return the term of an expression; one that is used twice is made once."""
        found = self.done.get(id(expression))
        if found is None:
            found = self.done[id(expression)] = self._term(expression)
        return found

    def _term(self, expression: Expression) -> Any:
        z = self.z3
        match expression:
            case Constant():
                return self._constant(expression)
            case Name(field=field):
                return self.symbols.values[field.name]
            case IsNone(operand=name):
                return self.symbols.missing.get(name.field.name, z.BoolVal(False))
            case Not(operand=operand):
                return z.Not(self.term(operand))
            case And(operands=operands):
                return z.And(*map(self.term, operands))
            case Or(operands=operands):
                return z.Or(*map(self.term, operands))
            case Compare(operator=operator, left=left, right=right):
                return self._compare(operator, self.term(left), self.term(right))
            case InSet(operand=operand, members=members):
                one = self.term(operand)
                return z.Or(*(self._compare("==", one, self.term(m)) for m in members))
            case Conditional(test=test, body=body, orelse=orelse):
                return z.If(self.term(test), *self._alike(self.term(body), self.term(orelse)))
            case Negate(operand=operand):
                return -self.term(operand)
            case Arithmetic(operator=operator, left=left, right=right):
                a, b = self.term(left), self.term(right)
                return a + b if operator == "+" else a - b if operator == "-" else a * b
            case Call(function="count", operands=operands):
                return z.Sum(*(z.If(self.term(o), 1, 0) for o in operands))
            case Call(function="abs", operands=operands):
                one = self.term(operands[0])
                return z.If(one >= 0, one, -one)
            case Call(function=function, operands=operands):
                return reduce(self._least if function == "min" else self._greatest, map(self.term, operands))
        raise TypeError(f"{type(expression).__name__} has no symbolic reading")

    def _constant(self, constant: Constant) -> Any:
        value = constant.value
        if isinstance(value, bool):
            return self.z3.BoolVal(value)
        if isinstance(value, str):
            return self.z3.IntVal(constant.of_values.index(value) if constant.of_values else 0)
        if isinstance(value, float):
            return self.z3.RealVal(str(Fraction(value)))
        return self.z3.IntVal(value.toordinal() if isinstance(value, dt.date) else value)

    def _alike(self, a: Any, b: Any) -> tuple[Any, Any]:
        """Return two numbers as numbers of one sort."""
        if self.z3.is_real(a) and self.z3.is_int(b):
            return a, self.z3.ToReal(b)
        return (self.z3.ToReal(a), b) if self.z3.is_int(a) and self.z3.is_real(b) else (a, b)

    def _compare(self, operator: str, left: Any, right: Any) -> Any:
        a, b = self._alike(left, right)
        if operator in ("==", "!="):
            return a == b if operator == "==" else a != b
        return a < b if operator == "<" else a <= b if operator == "<=" else a > b if operator == ">" else a >= b

    def _least(self, a: Any, b: Any) -> Any:
        a, b = self._alike(a, b)
        return self.z3.If(a <= b, a, b)

    def _greatest(self, a: Any, b: Any) -> Any:
        a, b = self._alike(a, b)
        return self.z3.If(a >= b, a, b)
