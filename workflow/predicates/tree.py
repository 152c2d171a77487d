# ruff: noqa: D102 - `Expression` documents `kind`, `values` and `children`
"""The tree of a checked predicate, and the fields that it reads.

The nodes are plain data, and few, so that every reading is short: ``implies(a, b)`` becomes ``not a or b``, a
chain of comparisons becomes a conjunction, and ``not in`` and ``is not None`` become negations. A definition is
replaced by its tree, which is one object however often the definition is used.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from workflow.errors import InputError, format_names

Kind = Literal["boolean", "integer", "number", "enum", "date", "days", "months", "text", "unknown"]
"""The kind of an expression. ``days`` is a whole number of days, ``months`` one of calendar months. A checked predicate contains neither ``text``, a
string that no enumeration has claimed yet, nor ``unknown``, a part with mistakes."""

Value = bool | int | float | str | dt.date | None

MAX_DOMAIN = 100_000


@dataclass(frozen=True, slots=True)
class Field:
    """A fact or a record field, and its allowed values.

    Attributes
    ----------
    role : {"fact", "record"}
        A fact does not change while the case runs; a record field does.
    values : tuple of str
        The values of an enumeration, in order. Arrays hold their indices.
    minimum, maximum : int, float, date or None
        Bounds, both included. Without them, a whole number is within 2**53.
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
        """Return all allowed values; ``None`` comes last.

        Raises
        ------
        InputError
            If there are infinitely many, or more than 100,000.

        Examples
        --------
        >>> Field("custody", "enum", "record", ("not_detained", "detained"), optional=True).domain()
        ('not_detained', 'detained', None)
        """
        values: tuple[Value, ...]
        if self.kind == "boolean":
            values = (False, True)
        elif self.kind == "enum":
            values = self.values
        elif self.kind == "integer" and isinstance(self.minimum, int) and isinstance(self.maximum, int):
            n_values = self.maximum - self.minimum + 1
            if n_values > MAX_DOMAIN:
                raise InputError([f"{self.name!r} has {n_values:,} values; at most {MAX_DOMAIN:,} can be enumerated"])
            values = tuple(range(self.minimum, self.maximum + 1))
        else:
            hint = "; give a whole number a minimum and a maximum"
            raise InputError([f"{self.name!r} ({self.kind}) has infinitely many values{hint}"])
        return (*values, None) if self.optional else values


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A part of a predicate.

    Attributes
    ----------
    start, end : int
        Offsets in the text that contains it, in characters from 0. Equality ignores them.
    """

    start: int = field(default=0, compare=False, repr=False)
    end: int = field(default=0, compare=False, repr=False)

    @property
    def kind(self) -> Kind:
        """The kind of the value."""
        return "boolean"

    @property
    def values(self) -> tuple[str, ...]:
        """The values of the enumeration, for an expression of kind ``enum``."""
        return ()

    def children(self) -> tuple[Expression, ...]:
        """Return the operands."""
        return ()


@dataclass(frozen=True)
class Namespace:
    """The names that a predicate may use.

    Attributes
    ----------
    fields : mapping of str to Field
    definitions : mapping of str to Expression
        Parsed definitions, see `parse_definitions`. A definition hides a field of the same name.
    step_names : collection of str
        Transitions and events. They have no value; ``once``, ``since`` and ``before`` take them.
    past : bool
        Whether these past operators are allowed. Each becomes the `Name` of a boolean field named after the call.
    """

    fields: Mapping[str, Field]
    definitions: Mapping[str, Expression] = field(default_factory=dict)
    step_names: Collection[str] = ()
    past: bool = False


@dataclass(frozen=True, slots=True)
class _Unary(Expression):
    operand: Expression

    def children(self) -> tuple[Expression, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class _Binary(Expression):
    operator: str
    left: Expression
    right: Expression

    def children(self) -> tuple[Expression, ...]:
        return self.left, self.right


@dataclass(frozen=True, slots=True)
class _Connected(Expression):
    operands: tuple[Expression, ...]

    def children(self) -> tuple[Expression, ...]:
        return self.operands


@dataclass(frozen=True, slots=True)
class Unknown(Expression):
    """A part with mistakes, so that the rest of the text can still be checked."""

    @property
    def kind(self) -> Kind:
        return "unknown"


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    """A value; for an enumeration, with all its values."""

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
class IsNone(_Unary):
    """Whether the value of an optional field is missing."""

    operand: Name


@dataclass(frozen=True, slots=True)
class Not(_Unary):
    """A negation."""


@dataclass(frozen=True, slots=True)
class And(_Connected):
    """A conjunction, evaluated from left to right and only as far as needed."""


@dataclass(frozen=True, slots=True)
class Or(_Connected):
    """A disjunction, evaluated from left to right and only as far as needed."""


@dataclass(frozen=True, slots=True)
class Compare(_Binary):
    """A comparison of two values of one kind, or of a whole number and a number."""


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
        kind = self.body.kind  # evaluated once: twice would double the time at each level of nesting
        return kind if kind == self.orelse.kind else "number"

    @property
    def values(self) -> tuple[str, ...]:
        return self.body.values

    def children(self) -> tuple[Expression, ...]:
        return self.test, self.body, self.orelse


@dataclass(frozen=True, slots=True)
class Negate(_Unary):
    """A number with the opposite sign."""

    @property
    def kind(self) -> Kind:
        return self.operand.kind


@dataclass(frozen=True, slots=True)
class Arithmetic(_Binary):
    """A sum, difference or product of whole numbers, or of dates and days or months."""

    @property
    def kind(self) -> Kind:
        kind = self.left.kind
        if kind == "date":
            return "days" if self.right.kind == "date" else "date"
        return kind


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """A call of a function of `workflow.predicates.functions` that has readings."""

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
    "months": "a number of calendar months",
    "text": "a string",
    "unknown": "unknown",
}


def describe_kind(expression: Expression) -> str:
    """Return the kind of an expression for a message.

    Examples
    --------
    >>> describe_kind(Constant("hit", "enum", ("cleared", "hit")))
    "one of 'cleared', 'hit'"
    """
    if expression.kind == "enum":
        return f"one of {format_names(map(repr, expression.values))}"
    return _KIND_NAMES[expression.kind]
