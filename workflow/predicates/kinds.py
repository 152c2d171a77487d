"""Do two expressions go together, and what is said when they do not?

Values of one kind go together, and whole numbers with numbers. A quoted text becomes a word of the
enumeration that it meets.
"""

from __future__ import annotations

import ast
import re

from workflow.errors import format_names
from workflow.predicates.mistakes import Mistake, suggested
from workflow.predicates.ranges import bounds
from workflow.predicates.syntax import Source
from workflow.predicates.tree import Conditional, Constant, Expression, Unknown, describe_kind

__all__ = ["Matcher"]

MAX_EXACT = 2**53

_NUMERIC = {"integer", "number"}
_UNORDERED = {"boolean", "enum"}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class Matcher:
    """Gathers the mistakes of one text, and says which of its expressions go together."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.mistakes: list[Mistake] = []

    def wrong(self, node: ast.expr, message: str) -> Unknown:
        """Note a mistake; return what stands in the tree in its place."""
        start, end = self.source.span(node)
        self.mistakes.append(Mistake(start, message))
        return Unknown(start=start, end=end)

    def alike(
        self,
        left_node: ast.expr,
        left: Expression,
        right_node: ast.expr,
        right: Expression,
        *,
        ordered: bool = False,
        together: str = "be compared",
    ) -> tuple[Expression, Expression] | None:
        """Return two expressions as values of one kind, or note why they are not.

        Parameters
        ----------
        ordered : bool
            Whether one is asked to be less than the other.
        together : str
            What they do together, for the message.
        """
        if "unknown" in (left.kind, right.kind):
            return None
        if ordered and (unordered := {left.kind, right.kind} & _UNORDERED):
            node, found = (left_node, left) if left.kind in unordered else (right_node, right)
            self.wrong(
                node,
                f"{self.source.quote(node)!r} is {describe_kind(found)}, which has no order; write ==, != or in (...)",
            )
            return None
        if left.kind == "enum" and right.kind == "text":
            right = self._as_word(right_node, right, left.values, self.source.quote(left_node))
        elif left.kind == "text" and right.kind == "enum":
            left = self._as_word(left_node, left, right.values, self.source.quote(right_node))
        if "unknown" in (left.kind, right.kind):
            return None
        if self._goes_together(left, right):
            return left, right
        self._unlike(left_node, left, right_node, right, together)
        return None

    def _goes_together(self, left: Expression, right: Expression) -> bool:
        if left.kind == right.kind:
            return left.kind != "text" and left.values == right.values
        if {left.kind, right.kind} != _NUMERIC:
            return False
        whole = left if left.kind == "integer" else right
        return max(map(abs, bounds(whole))) <= MAX_EXACT

    def _as_word(self, node: ast.expr, found: Expression, values: tuple[str, ...], whose: str) -> Expression:
        """Return a text as a word of an enumeration."""
        start, end = found.start, found.end
        if isinstance(found, Conditional):
            body, orelse = (
                self._as_word(node, found.body, values, whose),
                self._as_word(node, found.orelse, values, whose),
            )
            unknown = "unknown" in (body.kind, orelse.kind)
            return Unknown() if unknown else Conditional(found.test, body, orelse, start=start, end=end)
        if isinstance(found, Constant) and found.value in values:
            return Constant(found.value, "enum", values, start=start, end=end)
        value = found.value if isinstance(found, Constant) else self.source.quote(node)
        return self.wrong(
            node,
            f"{value!r} is not a value of {whose}; allowed: {format_names(map(repr, values))}{suggested(value, values)}",
        )

    def _unlike(
        self, left_node: ast.expr, left: Expression, right_node: ast.expr, right: Expression, together: str
    ) -> None:
        words = self.source.quote(left_node), self.source.quote(right_node)
        hint = self._hint(left_node, left, right) or self._hint(right_node, right, left, words[0])
        if left.kind == right.kind == "text":
            hint = "; one of the two must be a field"
        elif left.kind == right.kind == "enum":
            hint = "; both must list the same values in the same order"
        elif {left.kind, right.kind} == _NUMERIC:
            hint = "; give the fields of the whole number a minimum and a maximum within 2**53"
        self.wrong(
            left_node,
            f"{words[0]!r} ({describe_kind(left)}) and {words[1]!r} ({describe_kind(right)}) cannot {together}{hint}",
        )

    def _hint(self, node: ast.expr, found: Expression, other: Expression, other_words: str = "") -> str:
        """Return how the first of two unlike expressions should be written to go with the other."""
        text = found.value if isinstance(found, Constant) and isinstance(found.value, str) else ""
        if other.kind == "date" and found.kind == "text":
            return (
                f'; write date("{text}")'
                if _DATE.match(text)
                else '; write date("2011-12-05"), with year, month and day'
            )
        if other.kind == "date" and _DATE.match(self.source.quote(node)):
            return f'; write date("{self.source.quote(node)}")'
        if other.kind in _NUMERIC and _NUMBER.match(text):
            return f"; write {text} without quotes"
        if other.kind == "days" and found.kind == "integer":
            return f"; write days({self.source.quote(node)})"
        if other.kind == "boolean" and (found.kind == "text" or isinstance(found, Constant)):
            return f"; write {other_words} or not {other_words}" if other_words else "; leave the comparison out"
        return ""
