"""The functions that a predicate may call, and what each makes of its operands."""

from __future__ import annotations

import ast
import datetime as dt
import re
from typing import Literal

from workflow.errors import format_names
from workflow.predicates.kinds import Matcher, worded
from workflow.predicates.tree import Call, Constant, Expression, Not, Or, Unknown

__all__ = ["FUNCTIONS", "PAST", "called"]

MAX_DAYS = 10_000_000  # more than the calendar has

FUNCTIONS = {
    "abs": "abs(x)",
    "count": "count(a, b, c), which says how many of the conditions hold",
    "date": 'date("2011-12-05")',
    "days": "days(30)",
    "implies": "implies(a, b)",
    "max": "max(x, y)",
    "min": "min(x, y)",
}
"""The functions, each with a way to write it."""

PAST = {"once": "once(t)", "since": "since(t, u)", "before": "before(t, u)"}
"""The operators over the past, which take the names of transitions and events."""

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def called(matcher: Matcher, node: ast.Call, name: str, operands: list[Expression]) -> Expression:
    """Return what a call stands for, or note what is wrong with it.

    Parameters
    ----------
    matcher : Matcher
        Takes the mistakes.
    name : str
        One of `FUNCTIONS`.
    operands : list of Expression
        Those of ``implies`` and ``count`` are conditions.
    """
    start, end = matcher.source.span(node)
    kinds = {operand.kind for operand in operands}
    match name, operands:
        case "implies", [premise, conclusion]:
            # a premise that is a negation loses it: `implies(not a, b)` is `a or b`
            if isinstance(premise, Not):
                return Or((premise.operand, conclusion), start=start, end=end)
            return Or((Not(premise, start=premise.start, end=premise.end), conclusion), start=start, end=end)
        case _ if "unknown" in kinds:
            return Unknown()
        case "date", [Constant(value=str() as text, of_kind="text")]:
            return _date(matcher, node, text)
        case "days", [Constant(value=int() as n, of_kind="integer")]:
            if abs(n) > MAX_DAYS:
                words = matcher.source.quote(node)
                return matcher.wrong(node, f"{words!r} is too long; at most {MAX_DAYS:,} days")
            return Constant(n, "days", start=start, end=end)
        case "count", [_, *_]:
            return Call("count", tuple(operands), start=start, end=end)
        case "abs", [_] if kinds <= {"integer", "number", "days"}:
            return Call("abs", tuple(operands), start=start, end=end)
        case "min" | "max", [_, _, *_]:
            return _extreme(matcher, node, "min" if name == "min" else "max", operands)
    given = format_names(worded(operand) for operand in operands) if operands else "nothing"
    return matcher.wrong(node, f"{name!r} cannot take {given}; write {FUNCTIONS[name]}")


def _date(matcher: Matcher, node: ast.Call, text: str) -> Expression:
    start, end = matcher.source.span(node)
    try:
        if _ISO_DATE.match(text):
            return Constant(dt.date.fromisoformat(text), "date", start=start, end=end)
    except ValueError:
        pass
    how = f"write year, month and day: {FUNCTIONS['date']}"
    return matcher.wrong(node, f"{text!r} is not a date of the calendar; {how}")


def _extreme(matcher: Matcher, node: ast.Call, name: Literal["min", "max"], operands: list[Expression]) -> Expression:
    start, end = matcher.source.span(node)
    for argument, operand in zip(node.args[1:], operands[1:], strict=True):
        if matcher.alike(node.args[0], operands[0], argument, operand, ordered=True) is None:
            return Unknown()
    return Call(name, tuple(operands), start=start, end=end)
