"""Registry of the operators of the predicate language: to add one, add an entry to a table here.

An operator computes the same in all readings, because numpy arrays and Z3 terms overload Python's operators.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow.predicates.functions import Bounds
from workflow.predicates.tree import And, Kind, Or

Compute = Callable[[Any, Any], Any]
"""Two values, arrays or Z3 terms -> result."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of two values of one kind.

    Attributes
    ----------
    syntax : type
        The operator in Python's syntax tree.
    negated : str
        The comparison with the opposite result.
    ordered : bool
        Whether the values must have an order.
    """

    syntax: type[ast.cmpop]
    compute: Compute
    negated: str
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class ArithmeticOperator:
    """A sum, difference or product.

    Attributes
    ----------
    syntax : type
        The operator in Python's syntax tree.
    kinds : set of (Kind, Kind)
        The kinds of operands that it accepts. Months are added by `workflow.predicates.calendar_days`, not by `compute`.
    bounds : callable
        Bounds of two whole-number operands -> bounds of the result.
    strength : int
        How strongly it binds, relative to the other arithmetic operators.
    """

    syntax: type[ast.operator]
    compute: Compute
    kinds: set[tuple[Kind, Kind]]
    bounds: Callable[[Bounds, Bounds], Bounds]
    strength: int = 0


@dataclass(frozen=True, slots=True)
class Connective:
    """A conjunction or disjunction.

    Attributes
    ----------
    word : str
        How it is written.
    syntax : type
        The operator in Python's syntax tree.
    vector : callable
        Two arrays of bool -> array.
    symbolic : callable
        Z3 module and a list of terms -> term.
    decided_by : bool
        The value of an operand that decides the result.
    """

    word: str
    syntax: type[ast.boolop]
    vector: Compute
    symbolic: Callable[[Any, Sequence[Any]], Any]
    decided_by: bool


def _product_bounds(left: Bounds, right: Bounds) -> Bounds:
    products = [a * b for a in left for b in right]
    return min(products), max(products)


COMPARISONS = {
    "==": Comparison(ast.Eq, operator.eq, negated="!=", ordered=False),
    "!=": Comparison(ast.NotEq, operator.ne, negated="==", ordered=False),
    "<": Comparison(ast.Lt, operator.lt, negated=">="),
    "<=": Comparison(ast.LtE, operator.le, negated=">"),
    ">": Comparison(ast.Gt, operator.gt, negated="<="),
    ">=": Comparison(ast.GtE, operator.ge, negated="<"),
}

ARITHMETIC = {
    "+": ArithmeticOperator(
        ast.Add,
        operator.add,
        {("integer", "integer"), ("date", "days"), ("date", "months"), ("days", "days")},
        lambda left, right: (left[0] + right[0], left[1] + right[1]),
    ),
    "-": ArithmeticOperator(
        ast.Sub,
        operator.sub,
        {("integer", "integer"), ("date", "days"), ("date", "months"), ("days", "days"), ("date", "date")},
        lambda left, right: (left[0] - right[1], left[1] - right[0]),
    ),
    "*": ArithmeticOperator(ast.Mult, operator.mul, {("integer", "integer")}, _product_bounds, strength=1),
}

CONNECTIVES: dict[type[And | Or], Connective] = {
    And: Connective("and", ast.And, np.logical_and, lambda z3, terms: z3.And(*terms), decided_by=False),
    Or: Connective("or", ast.Or, np.logical_or, lambda z3, terms: z3.Or(*terms), decided_by=True),
}
"""The connectives by their node in the tree."""
