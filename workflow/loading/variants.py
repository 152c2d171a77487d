"""Merge a variant of a workflow into its base: entries that it adds, replaces and removes."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from workflow.errors import Problem
from workflow.files.validation import format_value
from workflow.files.yaml_tree import Node, merge
from workflow.loading.reading import suggested

LISTS = {"transitions": "transition", "rules": "rule", "measures": "measure", "assume": ""}
"""The sections that are lists, each with the key that names an entry."""


def merge_variant(base: Node, over: Node, problems: list[Problem]) -> Node:
    """Merge a variant into its base: entries of mappings and of lists are matched by name.

    Parameters
    ----------
    base, over : Node
        The files of the base and of the variant.
    problems : list of Problem
        Mistakes in `remove:` and `after:` are added.
    """
    merged = merge(base, over)
    value = dict(merged.value)
    removed = over.value.get("remove")
    names = [n for n in removed.value if isinstance(n, Node)] if removed and isinstance(removed.value, list) else []
    unwanted = {n.value for n in names if isinstance(n.value, Hashable)}
    known: list[str] = []
    for section, key in LISTS.items():
        below = base.value.get(section)
        above = over.value.get(section)
        if below is None or not isinstance(below.value, list):
            continue
        if above is not None and not isinstance(above.value, list):
            continue  # the shape check reports it
        entries = _merged(below.value, above.value if above is not None else [], key, problems)
        known += [str(_label(e, key)) for e in entries if key]
        kept = [e for e in entries if not key or _label(e, key) not in unwanted]
        value[section] = replace(above or below, value=kept)
    for name in names:
        if str(name.value) not in known:
            message = (
                f"{format_value(name.value)} is not a transition, rule or measure of the base.{suggested(name.value, known)}"
            )
            problems.append(Problem(f"remove: {message}", name.position))
    value.pop("extends", None)
    value.pop("remove", None)
    return replace(merged, value=value)


def _label(entry: Node, key: str) -> object:
    """Return the name of an entry; ``None`` if it has none."""
    child = entry.value.get(key) if key and isinstance(entry.value, dict) else None
    return child.value if child is not None and isinstance(child.value, Hashable) else None


def _merged(below: list[Node], above: list[Node], key: str, problems: list[Problem]) -> list[Node]:
    """Return the entries of a list with those of a variant: each replaces the entry of its name, follows the one in `after:`, or comes last."""
    entries: dict[object, Node] = {}
    for entry in below:
        label = _label(entry, key)
        entries[object() if label is None or label in entries else label] = entry
    order = list(entries)
    following: dict[object, list[object]] = {}  # what comes directly after an entry, the last first
    for entry in above:
        label = _label(entry, key)
        name = object() if label is None else label
        known = name in entries
        entries[name] = entry
        after = entry.value.get("after") if key == "transition" and isinstance(entry.value, dict) else None
        if known:
            continue
        if after is not None and isinstance(after.value, Hashable) and after.value in entries and after.value != name:
            following.setdefault(after.value, []).append(name)
            continue
        order.append(name)
        if after is not None:
            message = f"after: {format_value(after.value)} is not a transition of the base.{suggested(after.value, (e for e in entries if isinstance(e, str) and e != name))}"
            problems.append(Problem(message, after.position))
    merged: list[Node] = []
    todo = order[::-1]
    while todo:
        name = todo.pop()
        merged.append(entries[name])
        todo += following.pop(name, ())
    return merged
