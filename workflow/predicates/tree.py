# ruff: noqa: D102 - what `kind`, `values` and `children` mean is said once, in `Expression`
"""The tree of a checked predicate: what a field is, and what can be said about fields.

The nodes are plain data; each knows its kind. ``implies(a, b)`` is ``not a or b``, a chain of comparisons
is a conjunction, ``not in`` and ``is not None`` are negations, and a definition is the tree that it
stands for (one object, however often it is used), so every reading has few nodes to give a meaning to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from workflow.errors import InputError, format_names

__all__ = [
    "And",
    "Arithmetic",
    "Call",
    "Compare",
    "Conditional",
    "Constant",
    "Expression",
    "Field",
    "InSet",
    "IsNone",
    "Kind",
    "Name",
    "Namespace",
    "Negate",
    "Not",
    "Or",
    "Unknown",
    "Value",
    "describe_kind",
]

Kind = Literal["boolean", "integer", "number", "enum", "date", "days", "text", "unknown"]
"""What an expression is. ``days`` is a whole number of days; ``text`` is a quoted word that has not met
its enumeration yet, ``unknown`` what a text with mistakes leaves open: neither is left in a finished predicate."""

Value = bool | int | float | str | dt.date | None

MAX_DOMAIN = 100_000


@dataclass(frozen=True, slots=True)
class Field:
    """A fact or a field of the record, and the values that it may hold.

    Attributes
    ----------
    role : {"fact", "record"}
        A fact does not change while the case runs, the record does.
    values : tuple of str
        The words of an enumeration, in order: arrays hold a word as its place here.
    minimum, maximum : int, float, date or None
        Least and greatest value, both included. A whole number without them is held to be within 2**53.
    optional : bool
        Whether the value may be missing (``None``).
    """

    name: str
    kind: Literal["boolean", "integer", "number", "enum", "date"]
    role: Literal["fact", "record"]
    values: tuple[str, ...] = ()
    minimum: int | float | dt.date | None = None
    maximum: int | float | dt.date | None = None
    optional: bool = False

    def domain(self) -> tuple[Value, ...]:
        """Return every value that the field may hold, ``None`` last where it may be missing.

        Raises
        ------
        InputError
            If these are not finitely many, or more than 100,000.

        Examples
        --------
        >>> Field("custody", "enum", "record", ("not_detained", "detained"), optional=True).domain()
        ('not_detained', 'detained', None)
        """
        found: tuple[Value, ...]
        if self.kind == "boolean":
            found = (False, True)
        elif self.kind == "enum":
            found = self.values
        elif self.kind == "integer" and isinstance(self.minimum, int) and isinstance(self.maximum, int):
            n_values = self.maximum - self.minimum + 1
            if n_values > MAX_DOMAIN:
                raise InputError([f"{self.name!r} has {n_values:,} values; at most {MAX_DOMAIN:,} can be gone through"])
            found = tuple(range(self.minimum, self.maximum + 1))
        else:
            raise InputError(
                [
                    f"{self.name!r} ({self.kind}) does not have finitely many values; give a whole number a minimum and a maximum"
                ]
            )
        return (*found, None) if self.optional else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A part of a predicate.

    Attributes
    ----------
    start, end : int
        Where it stands in the text that it was written in (a definition's own text, for its parts), in
        characters from 0. Two expressions that differ in these only are equal.
    """

    start: int = field(default=0, compare=False, repr=False)
    end: int = field(default=0, compare=False, repr=False)

    @property
    def kind(self) -> Kind:
        """What the expression is: most are true or false."""
        return "boolean"

    @property
    def values(self) -> tuple[str, ...]:
        """The words of the enumeration that the expression belongs to, if it does."""
        return ()

    def children(self) -> tuple[Expression, ...]:
        """Return the expressions that this one is made of."""
        return ()


@dataclass(frozen=True)
class Namespace:
    """The names that a predicate may use.

    Attributes
    ----------
    fields : mapping of str to Field
    definitions : mapping of str to Expression
        Already parsed, see `parse_definitions`. A definition hides a field of its name.
    words : collection of str
        Transitions and events: no values, but ``once``, ``since`` and ``before`` ask about them.
    past : bool
        Whether these three may stand here. Each becomes the `Name` of a truth value that is called as it is written.
    """

    fields: Mapping[str, Field]
    definitions: Mapping[str, Expression] = field(default_factory=dict)
    words: Collection[str] = ()
    past: bool = False


@dataclass(frozen=True, slots=True)
class Unknown(Expression):
    """Stands for a part with mistakes while the rest of its text is read, so that one pass finds them all."""

    @property
    def kind(self) -> Kind:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    """A value: of an enumeration, with the words that it is one of."""

    value: bool | int | float | str | dt.date
    of_kind: Kind
    of_values: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        return self.of_kind

    @property
    def values(self) -> tuple[str, ...]:
        return self.of_values


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """The value of a field."""

    field: Field

    @property
    def kind(self) -> Kind:
        return self.field.kind

    @property
    def values(self) -> tuple[str, ...]:
        return self.field.values


@dataclass(frozen=True, slots=True)
class IsNone(Expression):
    """Whether the value of an optional field is missing."""

    operand: Name

    def children(self) -> tuple[Expression, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Not(Expression):
    """The opposite."""

    operand: Expression

    def children(self) -> tuple[Expression, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class And(Expression):
    """All hold; read from the left, and only as far as needed."""

    operands: tuple[Expression, ...]

    def children(self) -> tuple[Expression, ...]:
        return self.operands


@dataclass(frozen=True, slots=True)
class Or(Expression):
    """At least one holds; read from the left, and only as far as needed."""

    operands: tuple[Expression, ...]

    def children(self) -> tuple[Expression, ...]:
        return self.operands


@dataclass(frozen=True, slots=True)
class Compare(Expression):
    """One comparison of two values of a kind (a whole number and a number may meet)."""

    operator: Literal["==", "!=", "<", "<=", ">", ">="]
    left: Expression
    right: Expression

    def children(self) -> tuple[Expression, ...]:
        return self.left, self.right


@dataclass(frozen=True, slots=True)
class InSet(Expression):
    """Whether a value is one of several constants."""

    operand: Expression
    members: tuple[Constant, ...]

    def children(self) -> tuple[Expression, ...]:
        return self.operand, *self.members


@dataclass(frozen=True, slots=True)
class Conditional(Expression):
    """``body if test else orelse``; both branches are of one kind."""

    test: Expression
    body: Expression
    orelse: Expression

    @property
    def kind(self) -> Kind:
        kind = self.body.kind  # read once: reading it twice would take twice as long for each level of nesting
        return kind if kind == self.orelse.kind else "number"

    @property
    def values(self) -> tuple[str, ...]:
        return self.body.values

    def children(self) -> tuple[Expression, ...]:
        return self.test, self.body, self.orelse


@dataclass(frozen=True, slots=True)
class Negate(Expression):
    """A number with its sign turned."""

    operand: Expression

    @property
    def kind(self) -> Kind:
        return self.operand.kind

    def children(self) -> tuple[Expression, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Arithmetic(Expression):
    """A sum, difference or product of whole numbers, or one of dates and days."""

    operator: Literal["+", "-", "*"]
    left: Expression
    right: Expression

    @property
    def kind(self) -> Kind:
        kind = self.left.kind
        if kind == "date":
            return "days" if self.right.kind == "date" else "date"
        return kind

    def children(self) -> tuple[Expression, ...]:
        return self.left, self.right


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """A function of `workflow.predicates.functions` that has readings, with its operands."""

    function: str
    operands: tuple[Expression, ...]
    of_kind: Kind

    @property
    def kind(self) -> Kind:
        return self.of_kind

    def children(self) -> tuple[Expression, ...]:
        return self.operands


_KIND_NAMES = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "date": "a date",
    "days": "a length of time",
    "text": "a text",
    "unknown": "unknown",
}


def describe_kind(expression: Expression) -> str:
    """Return the kind of an expression in words.

    Examples
    --------
    >>> describe_kind(Constant("hit", "enum", ("cleared", "hit")))
    "one of 'cleared', 'hit'"
    """
    if expression.kind == "enum":
        return f"one of {format_names(map(repr, expression.values))}"
    return _KIND_NAMES[expression.kind]
