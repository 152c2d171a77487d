"""Registry of the functions that a predicate may call: to add one, add an entry to `FUNCTIONS`.

No function accepts a missing value: `workflow.predicates.missing` requires every operand to be present.
"""

from __future__ import annotations

import ast
import datetime as dt
import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workflow.errors import format_names
from workflow.predicates.calendar_days import EPOCH, VECTOR, add_months, age, days_of, symbolic_readings, year
from workflow.predicates.syntax import Span
from workflow.predicates.tree import Call, Constant, Expression, Kind, Not, Or, Unknown, describe_kind

if TYPE_CHECKING:
    from workflow.predicates.kinds import KindMatcher

MAX_DAYS = 10_000_000  # longer than the calendar
MAX_MONTHS = 120_000  # as long as the calendar
_MAX_YEAR = 10**7  # sums of a date and many lengths pass the end of the calendar

PAST = {"once": "once(t)", "since": "since(t, u)", "before": "before(t, u)"}
"""Past operators, which take names of transitions and events."""

BUILTINS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "max": max,
    "min": min,
    "add_months": lambda ordinal, months: add_months(ordinal - EPOCH, months) + EPOCH,
    "age": lambda born, on: age(born - EPOCH, on - EPOCH),
    "year": lambda ordinal: year(ordinal - EPOCH),
}
"""Python functions that the scalar reading may call; of dates, they take and return ordinals."""

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

Bounds = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What a function computes. All readings give the same value for the same case.

    Attributes
    ----------
    result : callable
        Set of the operands' kinds -> kind of the result.
    bounds : callable
        Bounds of whole-number operands -> bounds of the result.
    fold : callable
        Constants -> constant.
    scalar : callable
        Python syntax trees of the operands -> syntax tree of the result. Dates are ordinals or `datetime.date`.
    vector : callable
        Arrays or single values -> array or single value.
    symbolic : callable
        Z3 module and an iterable of terms -> term.
    simplify : callable
        Operands, some of them constants -> equivalent operands.
    """

    result: Callable[[set[Kind]], Kind]
    bounds: Callable[[Sequence[Bounds]], Bounds]
    fold: Callable[[Sequence[Any]], Any]
    scalar: Callable[[list[ast.expr]], ast.expr]
    vector: Callable[[list[Any]], Any]
    symbolic: Callable[[Any, Iterable[Any]], Any]
    simplify: Callable[[tuple[Expression, ...]], tuple[Expression, ...]] = lambda operands: operands


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function of the predicate language.

    Attributes
    ----------
    usage : str
        An example call, shown in messages.
    meaning : str
        What it returns, for the reference page.
    read : callable
        Checker, call and checked operands -> expression, or ``None`` if the operands do not fit.
    takes_conditions : bool
        Whether all operands must be true or false.
    accepts_unknown : bool
        Whether `read` handles operands with mistakes.
    shares_its_name : bool
        Whether a fact may have the same name, such as `age`: a name in front of parentheses is the function.
    readings : Readings or None
        ``None`` if `read` replaces the call by other expressions.
    """

    usage: str
    meaning: str
    read: Callable[[KindMatcher, ast.Call, list[Expression]], Expression | None]
    takes_conditions: bool = False
    accepts_unknown: bool = False
    shares_its_name: bool = False
    readings: Readings | None = None


def readings_of(name: str) -> Readings:
    """Return the readings of a function that can appear in a checked tree."""
    readings = FUNCTIONS[name].readings
    if readings is None:
        raise TypeError(f"{name!r} is replaced when it is read and has no readings")
    return readings


def call(name: str, operands: tuple[Expression, ...], span: Span | None = None) -> Call:
    """Return a call with the kind that follows from its operands."""
    kind = readings_of(name).result({operand.kind for operand in operands})
    return Call(name, operands, kind, **(span or {"start": 0, "end": 0}))


def read_call(matcher: KindMatcher, node: ast.Call, name: str, operands: list[Expression]) -> Expression:
    """Return the expression of a call, or record what is wrong with its operands."""
    function = FUNCTIONS[name]
    if not function.accepts_unknown and any(operand.kind == "unknown" for operand in operands):
        return Unknown()
    expression = function.read(matcher, node, operands)
    if expression is not None:
        return expression
    given = format_names(describe_kind(operand) for operand in operands) if operands else "nothing"
    return matcher.wrong(node, f"{name!r} cannot take {given}; write {function.usage}")


def with_one_sort(z3: Any, terms: Iterable[Any]) -> list[Any]:
    """Return Z3 terms of one sort: integers become reals if any term is a real."""
    listed = list(terms)
    if any(map(z3.is_real, listed)):
        return [z3.ToReal(t) if z3.is_int(t) else t for t in listed]
    return listed


def _common_kind(kinds: set[Kind]) -> Kind:
    return "number" if len(kinds) > 1 else next(iter(kinds))


def _call_builtin(name: str) -> Callable[[list[ast.expr]], ast.expr]:
    return lambda operands: ast.Call(ast.Name(name, ast.Load()), operands, [])


def _read_abs(matcher: KindMatcher, node: ast.Call, operands: list[Expression]) -> Expression | None:
    fits = len(operands) == 1 and operands[0].kind in ("integer", "number", "days")
    return call("abs", tuple(operands), matcher.source.span(node)) if fits else None


def _abs_symbolic(z3: Any, terms: Iterable[Any]) -> Any:
    (term,) = terms
    return z3.If(term >= 0, term, -term)


def _read_count(matcher: KindMatcher, node: ast.Call, operands: list[Expression]) -> Expression | None:
    return call("count", tuple(operands), matcher.source.span(node)) if operands else None


def _count_simplify(operands: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """Drop false constants and put true ones first, so that equal counts are equal expressions."""
    constants = [operand for operand in operands if isinstance(operand, Constant)]
    certain = tuple(Constant(True, "boolean") for constant in constants if constant.value)
    return (*certain, *(operand for operand in operands if not isinstance(operand, Constant)))


def _count_scalar(operands: list[ast.expr]) -> ast.expr:
    zero: ast.expr = ast.Constant(0)
    return functools.reduce(lambda total, each: ast.BinOp(total, ast.Add(), each), operands, zero)  # True adds 1


def _count_vector(values: list[Any]) -> Any:
    return functools.reduce(np.add, [np.asarray(value).astype(np.int32) for value in values]).astype(np.int64)


def _count_symbolic(z3: Any, terms: Iterable[Any]) -> Any:
    return z3.Sum(*(z3.If(t, z3.IntVal(1, t.ctx), z3.IntVal(0, t.ctx)) for t in terms))


def _read_date(matcher: KindMatcher, node: ast.Call, operands: list[Expression]) -> Expression | None:
    match operands:
        case [Constant(value=str() as text, of_kind="text")]:
            try:
                if _ISO_DATE.match(text):
                    return Constant(dt.date.fromisoformat(text), "date", **matcher.source.span(node))
            except ValueError:
                pass
            how = f"write year, month and day: {FUNCTIONS['date'].usage}"
            return matcher.wrong(node, f"{text!r} is not a calendar date; {how}")
    return None


def _length(name: str, kind: Kind, units: int, limit: int, meaning: str, example: int) -> Function:
    """Return the entry of a length of time.

    Parameters
    ----------
    units : int
        Days or months in one.
    limit : int
        The largest number, without sign.
    """

    def read(matcher: KindMatcher, node: ast.Call, operands: list[Expression]) -> Expression | None:
        match operands:
            case [Constant(value=int() as n, of_kind="integer")]:
                if abs(n) <= limit:
                    return Constant(n * units, kind, **matcher.source.span(node))
                quoted = matcher.source.quote(node)
                return matcher.wrong(node, f"{quoted!r} is too long; at most {limit:,} {name}")
        return None

    return Function(usage=f"{name}({example})", meaning=meaning, read=read, shares_its_name=kind == "months")


def _of_dates(usage: str, meaning: str, largest: int, compute: Callable[..., int], of_days: Callable[..., Any]) -> Function:
    """Return the entry of a function of dates whose value is a whole number.

    Parameters
    ----------
    largest : int
        Bound of the value.
    compute : callable
        A function of ordinals.
    of_days : callable
        The function of `workflow.predicates.calendar_days`.
    """
    name, n_operands = usage[: usage.index("(")], usage.count(",") + 1

    def read(matcher: KindMatcher, node: ast.Call, operands: list[Expression]) -> Expression | None:
        fits = len(operands) == n_operands and all(operand.kind == "date" for operand in operands)
        return call(name, tuple(operands), matcher.source.span(node)) if fits else None

    def symbolic(z3: Any, terms: Iterable[Any]) -> Any:
        listed = list(terms)
        return of_days(*listed, symbolic_readings(z3, listed[0].ctx))

    return Function(
        usage=usage,
        meaning=meaning,
        read=read,
        shares_its_name=True,
        readings=Readings(
            result=lambda kinds: "integer",
            bounds=lambda operands: (-largest, largest),
            fold=lambda values: compute(*(value.toordinal() for value in values)),
            scalar=_call_builtin(name),
            vector=lambda values: of_days(*map(days_of, values), VECTOR),
            symbolic=symbolic,
        ),
    )


def _read_implies(matcher: KindMatcher, node: ast.Call, operands: list[Expression]) -> Expression | None:
    """Read ``implies(a, b)`` as ``not a or b``, and ``implies(not a, b)`` as ``a or b``."""
    match operands:
        case [premise, conclusion]:
            span = matcher.source.span(node)
            if isinstance(premise, Not):
                return Or((premise.operand, conclusion), **span)
            return Or((Not(premise, start=premise.start, end=premise.end), conclusion), **span)
    return Unknown() if any(operand.kind == "unknown" for operand in operands) else None


def _extreme(name: str, meaning: str, choose: Callable[..., Any], array: Callable[..., Any]) -> Function:
    """Return the entry of ``min`` or ``max``."""

    def read(matcher: KindMatcher, node: ast.Call, operands: list[Expression]) -> Expression | None:
        if len(operands) < 2:
            return None
        for argument, operand in zip(node.args[1:], operands[1:], strict=True):
            if matcher.match_kinds(node.args[0], operands[0], argument, operand, ordered=True) is None:
                return Unknown()
        return call(name, tuple(operands), matcher.source.span(node))

    def bounds(operands: Sequence[Bounds]) -> Bounds:
        lows, highs = zip(*operands, strict=True)
        return choose(lows), choose(highs)

    def symbolic(z3: Any, terms: Iterable[Any]) -> Any:
        def either(a: Any, b: Any) -> Any:
            return z3.If(a <= b if name == "min" else a >= b, a, b)

        return functools.reduce(either, with_one_sort(z3, terms))

    return Function(
        usage=f"{name}(x, y)",
        meaning=meaning,
        read=read,
        readings=Readings(
            result=_common_kind,
            bounds=bounds,
            fold=choose,
            scalar=_call_builtin(name),
            vector=lambda values: functools.reduce(array, values),
            symbolic=symbolic,
        ),
    )


FUNCTIONS = {
    "abs": Function(
        usage="abs(x)",
        meaning="absolute value of a whole number, a number or a length in days",
        read=_read_abs,
        readings=Readings(
            result=_common_kind,
            bounds=lambda operands: (max(operands[0][0], -operands[0][1], 0), max(-operands[0][0], operands[0][1])),
            fold=lambda values: abs(values[0]),
            scalar=_call_builtin("abs"),
            vector=lambda values: np.abs(values[0]),
            symbolic=_abs_symbolic,
        ),
    ),
    "age": _of_dates(
        "age(born, on)",
        "completed years from one date to another: the largest n for which `born + years(n) <= on`",
        2 * _MAX_YEAR,
        BUILTINS["age"],
        age,
    ),
    "count": Function(
        usage="count(a, b, c), the number of conditions that hold",
        meaning="number of conditions that hold",
        read=_read_count,
        takes_conditions=True,
        readings=Readings(
            result=lambda kinds: "integer",
            bounds=lambda operands: (0, len(operands)),
            fold=sum,
            scalar=_count_scalar,
            vector=_count_vector,
            symbolic=_count_symbolic,
            simplify=_count_simplify,
        ),
    ),
    "date": Function(usage='date("2011-12-05")', meaning="a calendar date", read=_read_date),
    "days": _length(
        "days",
        "days",
        1,
        MAX_DAYS,
        "a length of that many days; add it to a date, subtract it, or compare it with the difference of two dates",
        30,
    ),
    "implies": Function(
        usage="implies(a, b)",
        meaning="true if a does not hold or b holds",
        read=_read_implies,
        takes_conditions=True,
        accepts_unknown=True,
    ),
    "max": _extreme("max", "largest of two or more numbers, dates or lengths", max, np.maximum),
    "min": _extreme("min", "smallest of two or more numbers, dates or lengths", min, np.minimum),
    "months": _length(
        "months",
        "months",
        1,
        MAX_MONTHS,
        "that many calendar months; add it to a date or subtract it: 31 January plus `months(1)` is the last day of February",
        6,
    ),
    "year": _of_dates("year(d)", "calendar year of a date", _MAX_YEAR, BUILTINS["year"], year),
    "years": _length(
        "years",
        "months",
        12,
        MAX_MONTHS // 12,
        "that many calendar years, as `months`: 29 February plus `years(1)` is 28 February",
        1,
    ),
}
"""The functions by name, in alphabetical order."""
