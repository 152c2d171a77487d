"""The way in: a text becomes a checked predicate, or a `PredicateError` that lists its mistakes."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Literal

from workflow.predicates.checking import MAX_DEPTH, Checker
from workflow.predicates.missing import unchecked
from workflow.predicates.mistakes import Mistake, PredicateError
from workflow.predicates.syntax import Source, read_syntax
from workflow.predicates.tree import Expression, Field, Namespace, Unknown, describe_kind

__all__ = ["parse", "parse_definitions"]

MAX_SIZE = 5000

Expected = Literal["boolean", "number", "any"]


def parse(text: str, namespace: Namespace, expect: Expected = "boolean") -> Expression:
    """Read a predicate.

    Parameters
    ----------
    text : str
        At most 4,000 characters.
    namespace : Namespace
        The fields and definitions that it may name.
    expect : {"boolean", "number", "any"}
        What it must be: true or false, a number (whole or not), or any kind of value.

    Returns
    -------
    Expression
        With the definitions filled in.

    Raises
    ------
    PredicateError
        With every mistake that can be told apart from the others.

    Examples
    --------
    >>> namespace = Namespace({"custody": Field("custody", "enum", "record", ("released", "detained"))})
    >>> parse("custody == 'detained'", namespace).kind
    'boolean'
    >>> parse("custody == 'detaned'", namespace)
    Traceback (most recent call last):
        ...
    workflow.predicates.mistakes.PredicateError: character 12: 'detaned' is not a value of custody; allowed: 'released', 'detained'. Did you mean 'detained'?
    """
    node, source = read_syntax(text)
    return _checked(node, source, namespace, expect)


def parse_definitions(
    texts: Mapping[str, str | bool | int | float], fields: Mapping[str, Field]
) -> tuple[dict[str, Expression], dict[str, tuple[Mistake, ...]]]:
    """Read named expressions that may use each other, in whatever order they are written.

    Parameters
    ----------
    texts : mapping of str to str, bool, int or float
        A text, or a plain value as YAML gives it.
    fields : mapping of str to Field

    Returns
    -------
    definitions : dict of str to Expression
        Those without a mistake, in the order of `texts`.
    mistakes : dict of str to tuple of Mistake
        Of the others, by name. One that only uses a wrong definition is in neither.

    Examples
    --------
    >>> definitions, mistakes = parse_definitions({"a": "not b", "b": "a and c", "c": True}, {})
    >>> mistakes["a"][0].message
    "definition 'a' refers to itself: a -> b -> a"
    >>> definitions
    {'c': Constant(value=True, of_kind='boolean', of_values=())}
    """
    mistakes: dict[str, tuple[Mistake, ...]] = {}
    syntax: dict[str, tuple[ast.expr, Source]] = {}
    for name, text in texts.items():
        try:
            syntax[name] = read_syntax(text if isinstance(text, str) else repr(text))
        except PredicateError as error:
            mistakes[name] = error.mistakes
    uses = {name: _names_in(node) & texts.keys() for name, (node, _) in syntax.items()}
    # A definition that cannot be read stands as unknown in the others, so that its mistakes are told once.
    done: dict[str, Expression] = {name: Unknown() for name in texts if name not in syntax}
    while ready := [name for name in syntax if name not in done and uses[name] <= done.keys()]:
        for name in ready:
            node, source = syntax[name]
            try:
                found = _checked(node, source, Namespace(fields, done), "any", is_definition=True)
                done[name] = Unknown() if _is_unknown(found) else found
            except PredicateError as error:
                mistakes[name] = error.mistakes
                done[name] = Unknown()
    for name in syntax.keys() - done.keys():
        if circle := _way_back(name, uses):
            mistakes[name] = (Mistake(0, f"definition {name!r} refers to itself: {' -> '.join(circle)}"),)
    good = {name: done[name] for name in texts if name in done and not isinstance(done[name], Unknown)}
    return good, {name: mistakes[name] for name in texts if name in mistakes}


def _checked(
    node: ast.expr, source: Source, namespace: Namespace, expect: Expected, is_definition: bool = False
) -> Expression:
    checker = Checker(source, namespace)
    found = checker.boolean(node) if expect == "boolean" else checker.read(node)
    size, depth = _measured(found, {})
    if checker.mistakes and max(size, depth) > MAX_DEPTH:
        pass  # too deep was told already, or will be once the rest is right
    elif size > MAX_SIZE:
        checker.wrong(
            node, f"with its definitions filled in, this has {size:,} parts; at most {MAX_SIZE:,} are allowed"
        )
    elif depth > MAX_DEPTH:
        checker.wrong(
            node, f"with its definitions filled in, this is nested too deeply ({depth} levels; at most {MAX_DEPTH})"
        )
    else:
        everything = frozenset(name for name, field in namespace.fields.items() if field.optional)
        told: set[str] = set()
        for name in unchecked(found, everything):
            field = name.field.name
            if field not in told:
                checker.mistakes.append(
                    Mistake(name.start, f"{field!r} may be missing; write {field} is not None and ...")
                )
                told.add(field)
    if expect == "number" and found.kind not in ("integer", "number", "unknown"):
        checker.wrong(node, f"a number is needed here, but {source.quote(node)!r} is {describe_kind(found)}")
    elif found.kind == "text" and not is_definition:
        checker.wrong(node, f"{source.quote(node)} is a text, which says nothing by itself; compare a field with it")
    if checker.mistakes:
        raise PredicateError(checker.mistakes)
    return found


def _measured(expression: Expression, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return how many parts an expression has when written out in full, and how many levels.

    Definitions that use a definition twice, twelve times over, are short to write and long to read.
    """
    if id(expression) not in known:
        parts = [_measured(child, known) for child in expression.children()]
        known[id(expression)] = (1 + sum(size for size, _ in parts), 1 + max((depth for _, depth in parts), default=0))
    return known[id(expression)]


def _is_unknown(expression: Expression) -> bool:
    return expression.kind == "unknown" or any(map(_is_unknown, expression.children()))


def _names_in(node: ast.expr) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _way_back(name: str, uses: Mapping[str, Collection[str]]) -> list[str]:
    """Return a shortest way from a definition over those that it uses back to itself, or an empty list."""
    ways = [[name]]
    seen: set[str] = set()
    for way in ways:  # grows while it is gone through: breadth first
        for following in sorted(uses.get(way[-1], ())):
            if following == name:
                return [*way, name]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []
