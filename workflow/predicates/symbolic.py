"""The symbolic reading: translate a predicate into a Z3 term, to reason about every possible case.

An enumeration value is its index, a date its days since 1970-01-01, and a number with decimals the exact fraction
that its float represents (0.1 is not 1/10). Requires the extra ``prove``.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Mapping
from fractions import Fraction
from importlib import import_module
from typing import Any

from workflow.errors import DocketsimError
from workflow.predicates import tree
from workflow.predicates.calendar_days import EPOCH, add_months, symbolic_readings
from workflow.predicates.functions import readings_of, with_one_sort
from workflow.predicates.operators import ARITHMETIC, COMPARISONS, CONNECTIVES
from workflow.predicates.ranges import UNBOUNDED

_EPOCH = dt.date.fromordinal(EPOCH)
_INFINITY = Fraction(2) ** 1024  # larger than any float; numbers are only compared


class ProverMissing(DocketsimError, ImportError):
    """Z3 is not installed."""


def z3() -> Any:
    """Import and return the Z3 library.

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
    """One Z3 variable for each field, and the bounds of its values.

    Each `Symbols` has its own Z3 context, unless it is made `like` another. So the answers of Z3 do not depend on
    earlier questions, and terms of different contexts cannot share a solver. Use it in one thread; it cannot be
    pickled.

    Parameters
    ----------
    fields : mapping of str to Field
        Such as ``Namespace.fields``.
    suffix : str
        Added to the names of the variables, to describe a second case.
    like : Symbols, optional
        The symbols of the first case.

    Attributes
    ----------
    z3 : module
    context : z3.Context
        The context of every solver and variable.
    values : dict of str to Z3 term
        Bool, Int or Real; arbitrary for a missing value.
    missing : dict of str to Z3 term
        For optional fields, whether the value is missing.
    domain : list of Z3 terms
        The bounds of the fields.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse
    >>> fields = {"visits": Field("visits", "integer", "fact", minimum=0, maximum=9)}
    >>> symbols = Symbols(fields)
    >>> solver = symbols.solver()
    >>> solver.add(symbolic(parse("visits * 2 > 17", Namespace(fields)), symbols))
    >>> solver.check()
    sat
    >>> symbols.case(solver.model())
    {'visits': 9}
    """

    def __init__(self, fields: Mapping[str, tree.Field], suffix: str = "", like: Symbols | None = None) -> None:
        self.z3 = z3()
        self.context: Any = self.z3.Context() if like is None else like.context
        self.fields = dict(fields)
        self.values: dict[str, Any] = {}
        self.missing: dict[str, Any] = {}
        self.domain: list[Any] = []
        for name, field in fields.items():
            sort = {"boolean": self.z3.Bool, "number": self.z3.Real}.get(field.kind, self.z3.Int)
            variable = self.values[name] = sort(name + suffix, self.context)
            if field.optional:
                self.missing[name] = self.z3.Bool(f"{name}{suffix} is missing", self.context)
            if field.kind != "boolean":
                low, high = limits(field)
                self.domain += [variable >= self._constant(low), variable <= self._constant(high)]

    def solver(self) -> Any:
        """Return an incremental solver that knows the domain."""
        solver = self.z3.SimpleSolver(self.context)
        solver.add(*self.domain)
        return solver

    def term(self, field: tree.Field, value: tree.Value) -> Any:
        """Return a value of a field as a term."""
        match field.kind:
            case "boolean":
                return self._constant(bool(value))
            case "number":
                return self._constant(float(value))  # type: ignore[arg-type]
            case "enum":
                return self._constant(field.values.index(str(value)))
        return self._constant(value)

    def equals(self, name: str, value: tree.Value) -> Any:
        """Return the condition that a field has a value; for ``None``, that it is missing."""
        if value is None:
            return self.missing[name]
        same = self.values[name] == self.term(self.fields[name], value)
        return self.z3.And(self.z3.Not(self.missing[name]), same) if name in self.missing else same

    def value(self, model: Any, name: str) -> tree.Value:
        """Return the value of a field in a model as a plain value; a number as the nearest float."""
        field = self.fields[name]
        if self._is_missing(model, name):
            return None
        value = model.eval(self.values[name], model_completion=True)
        if field.kind == "boolean":
            return bool(self.z3.is_true(value))
        if field.kind == "number":
            return float(_fraction(value))
        number: int = value.as_long()
        if field.kind == "enum":
            return field.values[number]
        return _EPOCH + dt.timedelta(number) if field.kind == "date" else number

    def case(self, model: Any) -> dict[str, tree.Value]:
        """Return the values of all fields in a model as plain values."""
        return {name: self.value(model, name) for name in self.fields}

    def gaps(self, model: Any) -> list[Any]:
        """Return terms that exclude numbers between two adjacent floats; none if all numbers of a model are floats.

        Z3 uses exact reals, but a case holds floats. To get a case from a model, add these terms and solve again.
        """
        terms = []
        for name, field in self.fields.items():
            if field.kind != "number" or self._is_missing(model, name):
                continue
            exact = _fraction(model.eval(self.values[name], model_completion=True))
            near = float(exact)
            if near != exact:
                other = math.nextafter(near, -math.inf if near > exact else math.inf)
                low, high = sorted((near, other))
                outside = self.values[name] <= self._constant(low), self.values[name] >= self._constant(high)
                terms.append(self.z3.Or(*outside))
        return terms

    def _is_missing(self, model: Any, name: str) -> bool:
        flag = self.missing.get(name)
        return flag is not None and bool(self.z3.is_true(model.eval(flag, model_completion=True)))

    def _constant(self, value: object) -> Any:
        match value:
            case bool():
                return self.z3.BoolVal(value, self.context)
            case dt.date():
                return self.z3.IntVal((value - _EPOCH).days, self.context)
            case float():
                exact = Fraction(value) if math.isfinite(value) else _INFINITY if value > 0 else -_INFINITY
                return self.z3.RealVal(str(exact), self.context)
        return self.z3.IntVal(value, self.context)


def limits(field: tree.Field) -> tuple[Any, Any]:
    """Return the bounds of a field that is not boolean; of an enumeration, as indices."""
    if field.kind == "enum":
        return 0, len(field.values) - 1
    widest: dict[str, tuple[Any, Any]] = {
        "integer": (-UNBOUNDED, UNBOUNDED),
        "number": (-sys.float_info.max, sys.float_info.max),
        "date": (dt.date.min, dt.date.max),
    }
    low, high = widest[field.kind]
    return low if field.minimum is None else field.minimum, high if field.maximum is None else field.maximum


def _fraction(number: Any) -> Fraction:
    return Fraction(number.numerator_as_long(), number.denominator_as_long())


def symbolic(expression: tree.Expression, symbols: Symbols) -> Any:
    """Translate a predicate into a Z3 term.

    Parameters
    ----------
    expression : Expression
    symbols : Symbols
        The variables of its fields.

    Returns
    -------
    Z3 term
        Bool for a predicate, Int (also for an enumeration, a date or days) or Real.

    Raises
    ------
    ValueError
        If the expression reads a field without a symbol.
    """
    return _Translation(symbols).term(expression)


class _Translation:
    """One pass over a tree. A shared part, such as a definition, is translated once."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.z3 = symbols.z3
        self.known: dict[int, Any] = {}

    def term(self, expression: tree.Expression) -> Any:
        """Return the term of an expression."""
        key = id(expression)
        if key not in self.known:
            self.known[key] = self._translate(expression)
        return self.known[key]

    def _translate(self, expression: tree.Expression) -> Any:
        z3 = self.z3
        match expression:
            case tree.Constant(kind="enum", value=value, values=values):
                return self.symbols._constant(values.index(str(value)))
            case tree.Constant(value=bool() | int() | float() | dt.date() as value):
                return self.symbols._constant(value)
            case tree.Name(field=field) if field.name in self.symbols.values:
                return self.symbols.values[field.name]
            case tree.Name(field=field):
                raise ValueError(f"the expression reads {field.name!r}, which has no symbol")
            case tree.IsNone(operand=name):
                return self.symbols.missing.get(name.field.name, self.symbols._constant(False))
            case tree.Not(operand=operand):
                return z3.Not(self.term(operand))
            case tree.And(operands=operands) | tree.Or(operands=operands):
                return CONNECTIVES[type(expression)].symbolic(z3, [self.term(o) for o in operands])
            case tree.Compare(operator=symbol, left=left, right=right):
                return COMPARISONS[symbol].compute(*self._of_one_sort(left, right))
            case tree.InSet(operand=operand, members=members):
                pairs = [self._of_one_sort(operand, member) for member in members]
                return z3.Or(*(value == member for value, member in pairs))
            case tree.Conditional(test=test, body=body, orelse=orelse):
                return z3.If(self.term(test), *self._of_one_sort(body, orelse))
            case tree.Negate(operand=operand):
                return -self.term(operand)
            case tree.Arithmetic(operator=symbol, left=left, right=right) if right.kind == "months":
                months = self.term(right) if symbol == "+" else -self.term(right)
                return add_months(self.term(left), months, symbolic_readings(z3, self.symbols.context))
            case tree.Arithmetic(operator=symbol, left=left, right=right):
                return ARITHMETIC[symbol].compute(self.term(left), self.term(right))
            case tree.Call(function=function, operands=operands):
                return readings_of(function).symbolic(z3, map(self.term, operands))
        raise TypeError(f"{type(expression).__name__} has no symbolic reading")

    def _of_one_sort(self, *expressions: tree.Expression) -> list[Any]:
        return with_one_sort(self.z3, map(self.term, expressions))
