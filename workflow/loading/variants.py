"""Merge a variant of a workflow into its base: entries that it adds, replaces and removes."""

from __future__ import annotations

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
    known: list[str] = []
    for section, key in LISTS.items():
        below = base.value.get(section)
        above = over.value.get(section)
        if below is None or not isinstance(below.value, list):
            continue
        if above is not None and not isinstance(above.value, list):
            continue  # the shape check reports it
        entries = list(below.value)
        for entry in above.value if above is not None else []:
            entries = _placed(entries, entry, key, problems)
        known += [str(_label(e, key)) for e in entries if key]
        kept = [e for e in entries if not key or _label(e, key) not in [n.value for n in names]]
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
    child = entry.value.get(key) if isinstance(entry.value, dict) else None
    return child.value if isinstance(child, Node) else None


def _placed(entries: list[Node], entry: Node, key: str, problems: list[Problem]) -> list[Node]:
    """Return the entries with another: it replaces the entry of its name, follows the one in `after:`, or comes last."""
    label = _label(entry, key) if key else None
    places = [i for i, e in enumerate(entries) if label is not None and _label(e, key) == label]
    if places:
        return [*entries[: places[0]], entry, *entries[places[0] + 1 :]]
    after = entry.value.get("after") if key == "transition" and isinstance(entry.value, dict) else None
    if after is None:
        return [*entries, entry]
    labels = [_label(e, key) for e in entries]
    if after.value not in labels:
        message = f"after: {format_value(after.value)} is not a transition of the base.{suggested(after.value, labels)}"
        problems.append(Problem(message, after.position))
        return [*entries, entry]
    at = labels.index(after.value) + 1
    return [*entries[:at], entry, *entries[at:]]
