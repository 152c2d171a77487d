"""Read outcomes: the shares of the values that an activity or an event gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from simulations.loading.context import Context
from simulations.loading.times import read_choice_by_date
from simulations.scenarios.quantities import Choice, Shares
from workflow.errors import nearest
from workflow.files.validation import format_names
from workflow.files.yaml_tree import Node
from workflow.loading.reading import Keys
from workflow.model.definition import Activity, Event, Value


def read_outcome(
    context: Context, entry: dict[Any, Any] | None, giver: Activity | Event, path: Keys, what: str
) -> dict[str, Choice[Shares]]:
    """Read `outcome:` of an activity or event; it is required if, and only if, the workflow declares `gives:`."""
    what, kind = f"{what}: outcome", "activity" if isinstance(giver, Activity) else "event"
    if entry is None or not giver.gives:
        if giver.gives:
            given = "; ".join(f"{name}: {format_names(values)}" for name, values in giver.gives)
            context.wrong(path, f"{what}: is missing; the {kind} gives {given}")
        elif entry is not None:
            context.wrong((*path, "outcome"), f"{what}: the workflow declares no gives: for it")
        return {}
    if extra := [key for key in entry if key not in giver.fields]:
        first = giver.fields[0]
        by = "by" if "by" in extra else extra[0] if isinstance(extra[0], dt.date) else None
        hint = nearest(extra[0], giver.fields) if by is None else f" Write {{{first}: {{{by}: ...}}}}."
        given = " and ".join(repr(name) for name in giver.fields)
        message = f"must give only {given}, not {format_names(extra)}.{hint}"
        context.wrong((*path, "outcome", extra[0]), f"{what}: {message}")
    read = {
        name: _shares_of(context, (*path, "outcome", name), values, f"{what}: {name}")
        for name, values in giver.gives
        if name in entry
    }
    for name, values in giver.gives:
        if name not in entry and not extra:
            context.wrong((*path, "outcome"), f"{what}: {name} is missing; the {kind} gives {format_names(values)}")
    return {name: choice for name, choice in read.items() if choice is not None}


def _shares_of(context: Context, path: Keys, values: Sequence[Value], what: str) -> Choice[Shares] | None:
    def shares(node: Node, label: str) -> Shares | None:
        return context.reader.shares(node, values, label)

    return read_choice_by_date(context, context.at(*path), shares, what, "shares", shares=True)
