"""Find the parts of a predicate that depend only on facts, and the fields that it reads.

Cases for which the fact-only parts of a guard have the same values are decided alike, whatever their record. So a
decision table needs one row for each combination of these values, not for each case.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache

from workflow.errors import InputError
from workflow.predicates import tree
from workflow.predicates.folding import Folding
from workflow.predicates.missing import unguarded

MAX_COMBINATIONS = 100_000


def names(expression: tree.Expression) -> frozenset[str]:
    """Return the names of the fields that an expression reads, directly or through definitions.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse
    >>> fields = {name: Field(name, "boolean", "fact") for name in ("a", "b", "c")}
    >>> sorted(names(parse("a or not c", Namespace(fields))))
    ['a', 'c']
    """
    return frozenset(_fields(expression))


def made_of(fields: Mapping[str, tree.Field], namespace: tree.Namespace) -> tree.Namespace:
    """Return a namespace of fields, with the definitions of another namespace that read only these fields."""
    definitions = {name: each for name, each in namespace.definitions.items() if names(each) <= fields.keys()}
    return tree.Namespace(fields, definitions)


def substitute(expression: tree.Expression, values: Mapping[str, tree.Value]) -> tree.Expression:
    """Substitute values for fields, and fold what is then constant.

    Parameters
    ----------
    values : mapping of str to bool, int, float, str, date or None
        ``None`` only for an optional field.

    Returns
    -------
    Expression
        Equal in value for every case that has these values. Parts that do not read the fields are the same objects.

    Raises
    ------
    ValueError
        If a value is missing and no preceding test excludes that.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse, unparse
    >>> fields = {n: Field(n, "integer", "fact", minimum=0, maximum=9) for n in ("felonies", "visits")}
    >>> unparse(substitute(parse("felonies > visits + 1 and visits < 3", Namespace(fields)), {"visits": 1}))
    'felonies > 2'
    """
    return Folding(values).fold(expression)


def fact_parts(expression: tree.Expression) -> tuple[tree.Expression, ...]:
    """Return the conditions over facts alone that, with the record, determine the value of an expression.

    If all these conditions agree for two cases, the expression has the same value for both under every record. The
    conditions are as large as possible: for ``a and b and r`` with facts `a` and `b`, ``a and b``. Each contains its
    own tests for missing values, so it can be evaluated for every case. If one comparison reads a fact and a record
    field, every value of the field is substituted.

    Parameters
    ----------
    expression : Expression
        Of kind boolean.

    Returns
    -------
    tuple of Expression
        Without duplicates, in the order of the expression.

    Raises
    ------
    ValueError
        If the expression is not a condition.
    InputError
        If a record field that is compared with a fact has infinitely many values, or the record fields of one
        comparison have more than 100,000 combinations.

    Examples
    --------
    >>> from workflow.predicates import Field, Namespace, parse, unparse
    >>> fields = {
    ...     "felonies": Field("felonies", "integer", "fact", minimum=0, maximum=9),
    ...     "victim": Field("victim", "boolean", "fact"),
    ...     "pardons": Field("pardons", "integer", "record", minimum=0, maximum=2),
    ... }
    >>> [unparse(part) for part in fact_parts(parse("victim and pardons > 0 or felonies > pardons", Namespace(fields)))]
    ['victim', 'felonies > 0', 'felonies > 1', 'felonies > 2']
    """
    if expression.kind != "boolean":
        raise ValueError(f"only a condition has fact-only parts; this expression is of kind {expression.kind!r}")
    return tuple(dict.fromkeys(_fact_parts(expression)))


def _fact_parts(expression: tree.Expression) -> Iterator[tree.Expression]:
    if not _reads(expression, "fact"):
        return
    if not _reads(expression, "record"):
        yield _guarded(expression)
        return
    match expression:
        case tree.And(operands=operands) | tree.Or(operands=operands):
            fact_only = tuple(o for o in operands if _reads(o, "fact") and not _reads(o, "record"))
            if fact_only:
                yield _guarded(fact_only[0] if len(fact_only) == 1 else type(expression)(fact_only))
            for operand in operands:
                if operand not in fact_only:
                    yield from _fact_parts(operand)
        case tree.Not() | tree.Conditional():
            for child in expression.children():
                yield from _fact_parts(child)
        case tree.Compare(left=left, right=right) if left.kind == "boolean":
            yield from _fact_parts(left)
            yield from _fact_parts(right)
        case _:
            yield from _fact_parts_by_value(expression)


def _fact_parts_by_value(expression: tree.Expression) -> Iterator[tree.Expression]:
    """Substitute every combination of values of the record fields in a condition that mixes them with facts."""
    fields = [field for field in _fields(expression).values() if field.role == "record"]
    # A preceding test outside the condition has shown that these fields are not missing.
    present = {name.field.name for name in unguarded(expression)}
    domains = [[value for value in field.domain() if value is not None or field.name not in present] for field in fields]
    n_combinations = math.prod(map(len, domains))
    if n_combinations > MAX_COMBINATIONS:
        mixed = " and ".join(repr(field.name) for field in fields)
        limit = f"at most {MAX_COMBINATIONS:,} are supported"
        raise InputError([f"facts are compared with {n_combinations:,} combinations of values of {mixed}; {limit}"])
    for values in itertools.product(*domains):
        by_name = dict(zip((field.name for field in fields), values, strict=True))
        yield from _fact_parts(substitute(expression, by_name))


def _guarded(part: tree.Expression) -> tree.Expression:
    """Return a part without enclosing negations, preceded by the tests for missing values that it needs."""
    while isinstance(part, tree.Not):
        part = part.operand
    optional = {name.field.name: name for name in unguarded(part)}
    return tree.And((*(tree.Not(tree.IsNone(name)) for name in optional.values()), part)) if optional else part


def _reads(expression: tree.Expression, role: str) -> bool:
    return any(field.role == role for field in _fields(expression).values())


class _ByIdentity:
    """A cache key that compares expressions by identity, because hashing one visits all its parts."""

    __slots__ = ("expression",)

    def __init__(self, expression: tree.Expression) -> None:
        self.expression = expression

    def __hash__(self) -> int:
        return id(self.expression)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.expression is other.expression


def _fields(expression: tree.Expression) -> dict[str, tree.Field]:
    """Return the fields that an expression reads, in the order of their first use."""
    return _fields_of(_ByIdentity(expression))


@lru_cache(maxsize=4096)
def _fields_of(key: _ByIdentity) -> dict[str, tree.Field]:
    fields: dict[str, tree.Field] = {}
    seen: set[int] = set()
    stack = [key.expression]
    while stack:
        part = stack.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, tree.Name):
            fields.setdefault(part.field.name, part.field)
        stack.extend(reversed(part.children()))
    return fields
