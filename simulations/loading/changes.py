"""Changes of single values of a scenario, such as ``--set pools.reviewers.size.denver=20``."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from simulations.chance.families import FAMILIES
from workflow.errors import InputError, Problem, nearest
from workflow.files.arguments import list_problems
from workflow.files.validation import format_names, format_value
from workflow.files.yaml_tree import Node, Plain, Source, node_of, parse_yaml


@dataclass(frozen=True, slots=True)
class Change:
    """A new value at a path of a scenario, and where it was given."""

    path: str
    value: Plain
    source: Source


def changes_of(given: Mapping[str, Plain] | Iterable[str]) -> tuple[list[Change], list[Problem]]:
    """Return the changes of a mapping of paths to values, or of texts ``path=value`` with values in YAML, and the mistakes."""
    if isinstance(given, Mapping):
        return [Change(str(path).strip(), value, Source(f"change {path}", "")) for path, value in given.items()], []
    changes: list[Change] = []
    problems = [Problem(text) for text in list_problems(changes=given)]
    for text in () if problems else given:
        try:
            changes.append(_parsed(text))
        except InputError as error:
            problems += error.problems
    return changes, problems


def _parsed(text: str) -> Change:
    """Parse a change ``path=value``.

    Raises
    ------
    InputError
        If it has another form.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise InputError([f"change {text}: must be path=value, such as pools.reviewers.size.denver=20"])
    source = Source(f"change {path.strip()}", value)
    try:
        parsed = parse_yaml(f"value: {value}", source.name)
    except InputError as error:
        raise InputError([f"change {text}: {p.message}" for p in error.problems]) from None
    if len(parsed.value) > 1:
        raise InputError([f"{source.name}: must be one value, not several lines of keys; write a mapping as {{key: value}}"])
    return Change(path.strip(), parsed.value["value"].plain(), source)


def changed(node: Node, change: Change) -> Node:
    """Apply a change.

    Raises
    ------
    InputError
        If its path does not exist.
    """
    if change.path == "extends":
        raise InputError([f"{change.source.name}: is read before all changes; name the other scenario itself, and change that"])
    return _set(node, [part.strip() for part in change.path.split(".")], [], change.value, change.source)


def _set(node: Node, path: list[str], done: list[str], value: Plain, source: Source) -> Node:
    """Return a node with a new value at a path below it; `done` is the path of the node itself."""
    head, *rest = path
    here, where = ".".join(done), ".".join([*done, head])
    whole = source.name
    children = node.value
    key: Any = head
    if isinstance(children, list):
        if not head.isdecimal() or int(head) >= len(children):
            indices = f"give an index from 0 to {len(children) - 1}" if children else "it has no entries"
            raise InputError([f"{whole}: {here} is {format_value(children)}; {indices}"])
        key = int(head)
    elif isinstance(children, dict):
        spelled = {str(k).lower() if isinstance(k, bool) else str(k): k for k in children}
        key = spelled.get(head, _new_key(children, head))
    else:
        raise InputError([f"{whole}: {here} is {format_value(children)}, which has no keys"])
    old = children[key] if isinstance(children, list) else children.get(key)
    if rest:
        if old is None:
            keys = f"the keys of {here or 'the scenario'} are: {format_names(children)}.{nearest(head, children)}"
            raise InputError([f"{whole}: there is no {where}; {keys}"])
        new = _set(old, rest, [*done, head], value, source)
    else:
        if old is not None and _has_names(old) and not isinstance(value, dict):
            keys = f"set one of its keys: {format_names(old.value)}"
            raise InputError([f"{whole}: is a mapping and cannot become {format_value(value)}; {keys}"])
        new = node_of(value, source)
        for place, gone in () if done else _dropped(old, new, head):
            warnings.warn(
                f"change {place}: replaces the whole entry, without {gone}; set single keys of it to keep them", stacklevel=2
            )
    if isinstance(children, list):
        return replace(node, value=[*children[:key], new, *children[key + 1 :]])
    places_of_keys = {**node.keys, key: node.keys[key] if rest else new.position}
    merged = {**children, key: new}
    if key not in children and _are_dates(merged):
        merged = dict(sorted(merged.items()))
    return replace(node, value=merged, keys=places_of_keys)


def _new_key(children: dict[Any, Node], head: str) -> Any:
    """Return a key that a mapping does not have: a date among dates, and a text otherwise."""
    if _are_dates(children):
        with suppress(ValueError):
            return dt.date.fromisoformat(head)
    return head


def _are_dates(keys: Iterable[Any]) -> bool:
    listed = list(keys)
    return bool(listed) and all(type(key) is dt.date for key in listed)


def _has_names(node: Node) -> bool:
    """Return whether a node is a mapping of names. A single value may replace a mapping of dates, or a distribution."""
    children = node.value
    return isinstance(children, dict) and not _are_dates(children) and not (len(children) == 1 and {*children} <= {*FAMILIES})


def _dropped(old: Node | None, new: Node, *where: str) -> Iterator[tuple[str, str]]:
    """Yield where a section, or an entry of it, loses some of its names: a user may have meant a change of the others alone."""
    if old is None or not (isinstance(old.value, dict) and isinstance(new.value, dict)) or len(where) > 2 or "people" in where:
        return
    kept = [key for key in old.value if key in new.value]
    if kept and len(kept) < len(old.value):
        yield ".".join(where), format_names([key for key in old.value if key not in new.value])
    for key in kept:
        yield from _dropped(old.value[key], new.value[key], *where, str(key))
