"""Check that two expressions are of one kind, and explain why they are not.

A whole number and a number match. A string takes the kind of the enumeration that it is compared with.
"""

from __future__ import annotations

import ast
import re

from workflow.errors import format_names
from workflow.predicates.mistakes import Mistake, did_you_mean
from workflow.predicates.ranges import bounds
from workflow.predicates.syntax import SourceText
from workflow.predicates.tree import Conditional, Constant, Expression, Unknown, describe_kind

MAX_EXACT = 2**53
"""The largest whole number that floating-point numbers represent exactly, as are all smaller ones."""

_NUMERIC = {"integer", "number"}
_UNORDERED = {"boolean", "enum"}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class KindMatcher:
    """Collects the mistakes of one text, and matches the kinds of its expressions."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.mistakes: list[Mistake] = []

    def wrong(self, node: ast.expr, message: str) -> Unknown:
        """Record a mistake; return the expression that replaces the node."""
        span = self.source.span(node)
        self.mistakes.append(Mistake(span["start"], message))
        return Unknown(**span)

    def match_kinds(
        self,
        left_node: ast.expr,
        left: Expression,
        right_node: ast.expr,
        right: Expression,
        *,
        ordered: bool = False,
        use: str = "be compared",
    ) -> tuple[Expression, Expression] | None:
        """Return two expressions with their kinds matched, or record why they do not match.

        Parameters
        ----------
        ordered : bool
            Whether the values must have an order.
        use : str
            What the expressions cannot do, for the message.
        """
        if "unknown" in (left.kind, right.kind):
            return None
        if ordered and (unordered := {left.kind, right.kind} & _UNORDERED):
            node, operand = (left_node, left) if left.kind in unordered else (right_node, right)
            quoted = repr(self.source.quote(node))
            self.wrong(node, f"{quoted} is {describe_kind(operand)}, which has no order; write ==, != or in (...)")
            return None
        if left.kind == "enum" and right.kind == "text":
            right = self._as_enum(right_node, right, left.values, self.source.quote(left_node))
        elif left.kind == "text" and right.kind == "enum":
            left = self._as_enum(left_node, left, right.values, self.source.quote(right_node))
        if "unknown" in (left.kind, right.kind):
            return None
        if self._match(left, right):
            return left, right
        self._report_mismatch(left_node, left, right_node, right, use)
        return None

    def _match(self, left: Expression, right: Expression) -> bool:
        if left.kind == right.kind:
            return left.kind != "text" and left.values == right.values
        if {left.kind, right.kind} != _NUMERIC:
            return False
        whole = left if left.kind == "integer" else right
        return max(map(abs, bounds(whole))) <= MAX_EXACT

    def _as_enum(self, node: ast.expr, text: Expression, values: tuple[str, ...], owner: str) -> Expression:
        """Return a string as a value of the enumeration of `owner`."""
        if isinstance(text, Conditional):
            body, orelse = (self._as_enum(node, branch, values, owner) for branch in (text.body, text.orelse))
            if "unknown" in (body.kind, orelse.kind):
                return Unknown()
            return Conditional(text.test, body, orelse, start=text.start, end=text.end)
        if isinstance(text, Constant) and text.value in values:
            return Constant(text.value, "enum", values, start=text.start, end=text.end)
        value = text.value if isinstance(text, Constant) else self.source.quote(node)
        allowed = format_names(map(repr, values))
        return self.wrong(node, f"{value!r} is not a value of {owner}; allowed: {allowed}{did_you_mean(value, values)}")

    def _report_mismatch(self, left_node: ast.expr, left: Expression, right_node: ast.expr, right: Expression, use: str) -> None:
        quoted = self.source.quote(left_node), self.source.quote(right_node)
        hint = self._hint(left_node, left, right) or self._hint(right_node, right, left, quoted[0])
        if left.kind == right.kind == "text":
            hint = "; one of the two must be a field"
        elif left.kind == right.kind == "enum":
            hint = "; both must list the same values in the same order"
        elif {left.kind, right.kind} == _NUMERIC:
            hint = "; give the fields of the whole number a minimum and a maximum within 2**53"
        sides = f"{quoted[0]!r} ({describe_kind(left)}) and {quoted[1]!r} ({describe_kind(right)})"
        self.wrong(left_node, f"{sides} cannot {use}{hint}")

    def _hint(self, node: ast.expr, operand: Expression, other: Expression, other_text: str = "") -> str:
        """Return how to write an operand so that it matches the other one."""
        text = operand.value if isinstance(operand, Constant) and isinstance(operand.value, str) else ""
        quoted = self.source.quote(node)
        if other.kind == "date" and _DATE.match(text or quoted):
            return f'; write date("{text or quoted}")'
        if other.kind == "date" and operand.kind == "text":
            return '; write date("2011-12-05"), with year, month and day'
        if other.kind in _NUMERIC and _NUMBER.match(text):
            return f"; write {text} without quotes"
        if other.kind == "days" and operand.kind == "integer":
            return f"; write days({quoted})"
        if (operand.kind, other.kind) == ("days", "months"):
            return "; months differ in length, so add them to a date and compare dates: decided <= filed + months(3)"
        if other.kind == "boolean" and (operand.kind == "text" or isinstance(operand, Constant)):
            return f"; write {other_text} or not {other_text}" if other_text else "; leave the comparison out"
        return ""
