"""What of a predicate depends on the facts alone? The question behind grouping cases into fact classes.

Cases that answer the fact-only parts of a guard alike are decided alike, whatever their record says, so a
table needs one row for each combination of answers and not for each case.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from functools import lru_cache

from workflow.errors import InputError
from workflow.predicates.folding import Folding
from workflow.predicates.missing import unchecked
from workflow.predicates.tree import (
    And,
    Compare,
    Conditional,
    Expression,
    Field,
    IsNone,
    Name,
    Namespace,
    Not,
    Or,
    Value,
)

__all__ = ["fact_parts", "made_of", "names", "substitute"]

MAX_COMBINATIONS = 100_000


def names(expression: Expression) -> frozenset[str]:
    """Return the names of the fields that an expression reads, also through definitions.

    Examples
    --------
    >>> from workflow.predicates import Namespace, parse
    >>> fields = {name: Field(name, "boolean", "fact") for name in ("a", "b", "c")}
    >>> sorted(names(parse("a or not c", Namespace(fields))))
    ['a', 'c']
    """
    return frozenset(_fields(expression))


def made_of(fields: Mapping[str, Field], namespace: Namespace) -> Namespace:
    """Return a namespace of some fields alone, with those definitions of another that read no other field."""
    definitions = {name: each for name, each in namespace.definitions.items() if not names(each) - fields.keys()}
    return Namespace(fields, definitions)


def substitute(expression: Expression, values: Mapping[str, Value]) -> Expression:
    """Put values in for fields, and work out what follows from them.

    Parameters
    ----------
    values : mapping of str to bool, int, float, str, date or None
        ``None`` only for an optional field.

    Returns
    -------
    Expression
        The same value for every case that has these values; parts that do not read them are the same objects.

    Raises
    ------
    ValueError
        If a field is missing where no test before has asked for it.

    Examples
    --------
    >>> from workflow.predicates import Namespace, parse, unparse
    >>> fields = {n: Field(n, "integer", "fact", minimum=0, maximum=9) for n in ("felonies", "visits")}
    >>> unparse(substitute(parse("felonies > visits + 1 and visits < 3", Namespace(fields)), {"visits": 1}))
    'felonies > 2'
    """
    return Folding(values).fold(expression)


def fact_parts(expression: Expression) -> tuple[Expression, ...]:
    """Return conditions over the facts alone whose answers decide what the record makes of an expression.

    Two cases that answer all of them alike have the same value of the expression under every record. The
    conditions are as large as possible: of ``a and b and r`` with facts `a` and `b`, ``a and b``. Each
    holds its own tests for missing values, so it can be asked of every case. Where a fact meets a record field
    in one comparison, every value of the field is put in.

    Parameters
    ----------
    expression : Expression
        Of kind boolean.

    Returns
    -------
    tuple of Expression
        Without repetitions, in the order of the expression.

    Raises
    ------
    ValueError
        If the expression is not a condition.
    InputError
        If a record field that meets a fact in a comparison does not have finitely many values, or several
        of them more than 100,000 combinations.

    Examples
    --------
    >>> from workflow.predicates import Namespace, parse, unparse
    >>> fields = {
    ...     "felonies": Field("felonies", "integer", "fact", minimum=0, maximum=9),
    ...     "victim": Field("victim", "boolean", "fact"),
    ...     "pardons": Field("pardons", "integer", "record", minimum=0, maximum=2),
    ... }
    >>> [unparse(part) for part in fact_parts(parse("victim and pardons > 0 or felonies > pardons", Namespace(fields)))]
    ['victim', 'felonies > 0', 'felonies > 1', 'felonies > 2']
    """
    if expression.kind != "boolean":
        raise ValueError(f"only a condition has fact-only parts, and this expression is of kind {expression.kind!r}")
    found: dict[Expression, None] = {}
    _gather(expression, found)
    return tuple(found)


def _gather(expression: Expression, found: dict[Expression, None]) -> None:
    if not _reads(expression, "fact"):
        return
    if not _reads(expression, "record"):
        found[_asked_of_all(expression)] = None
        return
    match expression:
        case And(operands=operands) | Or(operands=operands):
            alone = tuple(o for o in operands if _reads(o, "fact") and not _reads(o, "record"))
            if alone:
                together = alone[0] if len(alone) == 1 else type(expression)(alone)
                found[_asked_of_all(together)] = None
            for operand in operands:
                if operand not in alone:
                    _gather(operand, found)
        case Not() | Conditional():
            for child in expression.children():
                _gather(child, found)
        case Compare(left=left, right=right) if left.kind == "boolean":
            _gather(left, found)
            _gather(right, found)
        case _:
            _gather_by_value(expression, found)


def _gather_by_value(expression: Expression, found: dict[Expression, None]) -> None:
    """Put every combination of values of the record fields into a condition that mixes them with facts."""
    fields = [field for field in _fields(expression).values() if field.role == "record"]
    # A field that the condition does not ask for itself is asked for around it: here, it is not missing.
    present = {name.field.name for name in unchecked(expression)}
    domains = [
        [value for value in field.domain() if value is not None or field.name not in present] for field in fields
    ]
    n_combinations = math.prod(map(len, domains))
    if n_combinations > MAX_COMBINATIONS:
        mixed = " and ".join(repr(field.name) for field in fields)
        raise InputError(
            [
                f"facts are compared with {n_combinations:,} combinations of values of {mixed}; at most {MAX_COMBINATIONS:,} can be gone through"
            ]
        )
    for values in itertools.product(*domains):
        put_in = dict(zip((field.name for field in fields), values, strict=True))
        _gather(substitute(expression, put_in), found)


def _asked_of_all(part: Expression) -> Expression:
    """Return a part without a negation around it, and with the tests for missing values that stood before it."""
    while isinstance(part, Not):
        part = part.operand
    needed = {name.field.name: name for name in unchecked(part)}
    return And((*(Not(IsNone(name)) for name in needed.values()), part)) if needed else part


def _reads(expression: Expression, role: str) -> bool:
    return any(field.role == role for field in _fields(expression).values())


class _Same:
    """An expression that is equal to itself only: to look something up of it without going through all of it."""

    __slots__ = ("expression",)

    def __init__(self, expression: Expression) -> None:
        self.expression = expression

    def __hash__(self) -> int:
        return id(self.expression)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.expression is other.expression


def _fields(expression: Expression) -> dict[str, Field]:
    """Return the fields that an expression reads, in its order."""
    return _fields_of(_Same(expression))


@lru_cache(maxsize=4096)
def _fields_of(one: _Same) -> dict[str, Field]:
    found: dict[str, Field] = {}
    seen: set[int] = set()
    ahead = [one.expression]
    while ahead:
        part = ahead.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Name):
            found.setdefault(part.field.name, part.field)
        ahead.extend(reversed(part.children()))
    return found
