"""What an activity or an event gives: the values of one record field, and their shares."""

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
    """Read `outcome:` of an activity or event at a path, which has one just if the workflow says that it gives one."""
    gives = giver.gives
    if entry is None:
        if gives is not None:
            kind = "activity" if isinstance(giver, Activity) else "event"
            given = f"the {kind} gives {gives}: {format_names(giver.values)}"
            context.wrong(path, f"{what}: outcome: is missing; {given}")
        return None
    if gives is None:
        context.wrong((*path, "outcome"), f"{what}: outcome: the workflow says that it gives nothing")
        return None
    if set(entry) != {gives}:
        extra = [key for key in entry if key != gives]
        hint = f" Write {{{gives}: {{by: ...}}}}." if "by" in extra else nearest(extra[0] if extra else "", [gives])
        message = f"must give {gives!r}, and nothing else, not {format_names(extra)}.{hint}"
        context.wrong((*path, "outcome", *extra[:1]), f"{what}: outcome: {message}")
        return None

    def shares(node: Node, told: str) -> Shares | None:
        return context.reader.shares(node, giver.values, told)

    return context.reader.choice(context.at(*path, "outcome", gives), shares, f"{what}: outcome: {gives}")
