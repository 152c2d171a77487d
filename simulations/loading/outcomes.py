"""Read outcomes: the shares of the values that an activity or an event gives."""

from __future__ import annotations

from typing import Any

from simulations.loading.context import Context
from simulations.scenarios.quantities import Choice, Shares
from workflow.errors import nearest
from workflow.files.validation import format_names
from workflow.files.yaml_tree import Node
from workflow.loading.reading import Keys
from workflow.model.definition import Activity, Event

__all__ = ["read_outcome"]


def read_outcome(
    context: Context, entry: dict[str, Any] | None, giver: Activity | Event, path: Keys, what: str
) -> Choice[Shares] | None:
    """Read `outcome:` of an activity or event; it is required if, and only if, the workflow declares `gives:`."""
    gives = giver.gives
    if entry is None:
        if gives is not None:
            kind = "activity" if isinstance(giver, Activity) else "event"
            given = f"the {kind} gives {gives}: {format_names(giver.values)}"
            context.wrong(path, f"{what}: outcome: is missing; {given}")
        return None
    if gives is None:
        context.wrong((*path, "outcome"), f"{what}: outcome: the workflow declares no gives: for it")
        return None
    if set(entry) != {gives}:
        extra = [key for key in entry if key != gives]
        hint = f" Write {{{gives}: {{by: ...}}}}." if "by" in extra else nearest(extra[0] if extra else "", [gives])
        message = f"must give only {gives!r}, not {format_names(extra)}.{hint}"
        context.wrong((*path, "outcome", *extra[:1]), f"{what}: outcome: {message}")
        return None

    def shares(node: Node, label: str) -> Shares | None:
        return context.reader.shares(node, giver.values, label)

    return context.reader.choice(context.at(*path, "outcome", gives), shares, f"{what}: outcome: {gives}")
