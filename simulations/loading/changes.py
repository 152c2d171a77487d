"""Changes of single values of a scenario, such as ``--set pools.reviewers.size.denver=20``."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from workflow.errors import InputError, nearest
from workflow.files.validation import format_names, format_value
from workflow.files.yaml_tree import Node, Plain, Source, node_of, parse_yaml


def changed(node: Node, change: str) -> Node:
    """Apply a change ``path=value`` with a value in YAML.

    Raises
    ------
    InputError
        If the change has another form, or its path does not exist.
    """
    path, equals, text = change.partition("=")
    if not equals or not path.strip():
        raise InputError([f"--set {change}: must be path=value, such as pools.reviewers.size.denver=20"])
    source = Source(f"--set {path.strip()}", text)
    try:
        value = parse_yaml(f"value: {text}", source.name).value["value"].plain()
    except InputError as error:
        raise InputError([f"--set {change}: {p.message}" for p in error.problems]) from None
    return _set(node, [part.strip() for part in path.split(".")], [], value, source)


def _set(node: Node, path: list[str], done: list[str], value: Plain, source: Source) -> Node:
    """Return a node with a new value at a path below it; `done` is the path of the node itself."""
    head, *rest = path
    here, where = ".".join(done), ".".join([*done, head])
    whole = f"--set {'.'.join([*done, *path])}"
    children = node.value
    key: Any = head
    if isinstance(children, list):
        if not head.isdecimal() or int(head) >= len(children):
            indices = f"give an index from 0 to {len(children) - 1}" if children else "it has no entries"
            raise InputError([f"{whole}: {here} is {format_value(children)}; {indices}"])
        key = int(head)
    elif isinstance(children, dict):
        spelled = {str(k).lower() if isinstance(k, bool) else str(k): k for k in children}
        key = spelled.get(head, head)
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
    if isinstance(children, list):
        return replace(node, value=[*children[:key], new, *children[key + 1 :]])
    places_of_keys = {**node.keys, key: node.keys[key] if rest else new.position}
    return replace(node, value={**children, key: new}, keys=places_of_keys)


def _has_names(node: Node) -> bool:
    """Return whether a node is a mapping of names; a single value may replace a mapping of dates."""
    return isinstance(node.value, dict) and not (node.value and all(isinstance(k, dt.date) for k in node.value))
