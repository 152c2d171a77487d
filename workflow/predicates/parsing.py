"""Parse texts into checked predicates, or raise a `PredicateError` with all their mistakes."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from workflow.predicates.checking import MAX_DEPTH, Checker
from workflow.predicates.missing import unguarded
from workflow.predicates.mistakes import Mistake, PredicateError
from workflow.predicates.syntax import SourceText, parse_syntax
from workflow.predicates.tree import Expression, Field, Namespace, Unknown, describe_kind

MAX_SIZE = 5000

MOST_PARTS = 200_000
"""Maximum number of parts of all conditions of a file, with their definitions expanded."""

Expected = Literal["boolean", "number", "any"]


def parse(text: str, namespace: Namespace, expect: Expected = "boolean") -> Expression:
    """Parse a predicate.

    Parameters
    ----------
    text : str
        At most 4,000 characters.
    namespace : Namespace
        The fields and definitions that it may use.
    expect : {"boolean", "number", "any"}
        The kind that it must have: boolean, a number (whole or not), or any.

    Returns
    -------
    Expression
        With its definitions expanded.

    Raises
    ------
    PredicateError
        With every independent mistake.

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
    node, source = parse_syntax(text)
    return _check(node, source, namespace, expect)


def parse_definitions(
    texts: Mapping[str, str | bool | int | float], fields: Mapping[str, Field]
) -> tuple[dict[str, Expression], dict[str, tuple[Mistake, ...]]]:
    """Parse named expressions that may use each other, in any order.

    Parameters
    ----------
    texts : mapping of str to str, bool, int or float
        A text, or a plain value as YAML gives it.
    fields : mapping of str to Field

    Returns
    -------
    definitions : dict of str to Expression
        The valid definitions, in the order of `texts`.
    mistakes : dict of str to tuple of Mistake
        The mistakes of the others, by name. A definition whose only fault is to use a wrong one is in neither.

    Examples
    --------
    >>> definitions, mistakes = parse_definitions({"a": "not b", "b": "a and c", "c": True}, {})
    >>> mistakes["a"][0].message
    "definition 'a' refers to itself: a -> b -> a"
    >>> definitions
    {'c': Constant(value=True, of_kind='boolean', of_values=())}
    """
    mistakes: dict[str, tuple[Mistake, ...]] = {}
    syntax: dict[str, tuple[ast.expr, SourceText]] = {}
    uses: dict[str, list[str]] = {}
    parts = 0
    for name, text in texts.items():
        try:
            syntax[name] = parse_syntax(text if isinstance(text, str) else repr(text))
        except PredicateError as error:
            mistakes[name] = error.mistakes
            continue
        inner = [node for node in ast.walk(syntax[name][0]) if isinstance(node, ast.expr)]
        uses[name] = [used for used in {node.id for node in inner if isinstance(node, ast.Name)} if used in texts]
        parts += len(inner)
        if parts > MOST_PARTS:
            return {}, {name: (Mistake(0, f"with it, the definitions {too_many_parts()}"),)}
    # An invalid definition is unknown where it is used, so that its mistakes are reported once.
    done: dict[str, Expression] = {name: Unknown() for name in texts if name not in syntax}
    namespace, parts = Namespace(fields, done), 0
    for name in _in_order(uses, done):
        node, source = syntax[name]
        try:
            expression = _check(node, source, namespace, "any", is_definition=True)
            parts += size(expression)
            if parts > MOST_PARTS:
                return {}, {name: (Mistake(0, f"with it, the definitions {too_many_parts()}"),)}
            done[name] = Unknown() if _is_unknown(expression) else expression
        except PredicateError as error:
            mistakes[name] = error.mistakes
            done[name] = Unknown()
    for name in syntax.keys() - done.keys():
        if cycle := _cycle(name, uses):
            mistakes[name] = (Mistake(0, f"definition {name!r} refers to itself: {' -> '.join(cycle)}"),)
    valid = {name: done[name] for name in texts if name in done and not isinstance(done[name], Unknown)}
    return valid, {name: mistakes[name] for name in texts if name in mistakes}


def _check(node: ast.expr, source: SourceText, namespace: Namespace, expect: Expected, is_definition: bool = False) -> Expression:
    checker = Checker(source, namespace)
    expression = checker.boolean(node) if expect == "boolean" else checker.read(node)
    n_parts, depth = _size_and_depth(expression, {})
    expanded = "with its definitions expanded, this"
    if checker.mistakes and max(n_parts, depth) > MAX_DEPTH:
        pass  # the checker has reported the depth, or will when the other mistakes are corrected
    elif n_parts > MAX_SIZE:
        checker.wrong(node, f"{expanded} has {n_parts:,} parts; at most {MAX_SIZE:,} are allowed")
    elif depth > MAX_DEPTH:
        checker.wrong(node, f"{expanded} is nested too deeply ({depth} levels; at most {MAX_DEPTH})")
    else:
        optional = frozenset(name for name, field in namespace.fields.items() if field.optional)
        first_uses = {use.field.name: use.start for use in reversed(unguarded(expression, optional))}
        for name, start in first_uses.items():
            checker.mistakes.append(Mistake(start, f"{name!r} may be missing; write {name} is not None and ..."))
    if expect == "number" and expression.kind not in ("integer", "number", "unknown"):
        checker.wrong(node, f"a number is needed here, but {source.quote(node)!r} is {describe_kind(expression)}")
    elif expression.kind == "text" and not is_definition:
        checker.wrong(node, f"{source.quote(node)} is a string, which cannot stand alone; compare a field with it")
    if checker.mistakes:
        raise PredicateError(checker.mistakes)
    return expression


def size(expression: Expression) -> int:
    """Return the number of parts of an expression, with its definitions expanded."""
    return _size_and_depth(expression, {})[0]


def too_many_parts() -> str:
    """Return the message for conditions that have more than `MOST_PARTS` parts."""
    return f"have more than {MOST_PARTS:,} parts with their definitions expanded, the limit. Write them shorter"


def _size_and_depth(expression: Expression, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return the number of parts and of levels of an expression with its definitions expanded.

    Each of twelve definitions may use the one before twice: such a text is short, but its expansion is not.
    """
    if id(expression) not in known:
        parts = [_size_and_depth(child, known) for child in expression.children()]
        known[id(expression)] = (1 + sum(size for size, _ in parts), 1 + max((depth for _, depth in parts), default=0))
    return known[id(expression)]


def _is_unknown(expression: Expression) -> bool:
    return expression.kind == "unknown" or any(map(_is_unknown, expression.children()))


def _in_order(uses: Mapping[str, Collection[str]], done: Collection[str]) -> Iterator[str]:
    """Yield each definition after those that it uses; none that uses itself, directly or through others."""
    missing = {name: sum(used not in done for used in used_names) for name, used_names in uses.items()}
    users: dict[str, list[str]] = {}
    for name, used_names in uses.items():
        for used in used_names:
            users.setdefault(used, []).append(name)
    ready = deque(name for name, n in missing.items() if n == 0)
    while ready:
        yield (name := ready.popleft())
        for user in users.get(name, ()):
            missing[user] -= 1
            if missing[user] == 0:
                ready.append(user)


def _cycle(name: str, uses: Mapping[str, Collection[str]]) -> list[str]:
    """Return a shortest cycle of definitions through a name, or an empty list."""
    paths = [[name]]
    seen: set[str] = set()
    for path in paths:  # grows during the loop: a breadth-first search
        for following in sorted(uses.get(path[-1], ())):
            if following == name:
                return [*path, name]
            if following not in seen:
                seen.add(following)
                paths.append([*path, following])
    return []
