"""Read `transfers:`: transitions that move cases to other courts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from simulations.loading.context import Context
from simulations.loading.times import read_choice_by_date
from simulations.scenarios.quantities import Choice, Shares
from workflow.files.yaml_tree import Node
from workflow.model.definition import StateKind, Workflow


def read_transfers(context: Context, workflows: Sequence[Workflow]) -> Mapping[str, Choice[Shares]]:
    """Read the shares of courts of each transition, without those that have mistakes.

    Parameters
    ----------
    workflows : sequence of Workflow
        All policies; a transfer may hang on a transition of any of them.
    """
    moves: dict[str, list[str | None]] = {}
    for transition in (t for workflow in workflows for t in workflow.transitions):
        moves.setdefault(transition.name, []).append(transition.target)
    read: dict[str, Choice[Shares]] = {}
    for name in context.file.transfers:
        path, what = ("transfers", name), f"transfer {name!r}"
        if not context.known(name, moves, path, "transfers", "a transition of the workflow"):
            continue
        if message := _never_moves(context, moves[name]):
            context.wrong(path, f"{what}: {message}")
            continue
        if len(context.courts) < 2:
            context.wrong(path, f"{what}: the scenario has one court only; name at least two under courts:")
            continue
        node = context.at(*path)
        if node.value == {}:
            message = "names no court; write {south: 0.3, north: rest}, or {by: court, north: {south: 0.3, north: rest}}"
            context.wrong(path, f"{what}: {message}")
            continue
        node = _with_those_who_stay(context, node)
        choice = read_choice_by_date(context, node, lambda at, label: _shares(context, at, label), what, "shares", shares=True)
        if choice is not None:
            read[name] = choice
    return read


def _never_moves(context: Context, targets: Sequence[str | None]) -> str | None:
    """Return why no case goes to another court upon a transition, whatever the policy; ``None`` if cases may."""
    target = next((target for target in targets if target is not None), None)
    if target is None:
        return "the transition has no to:, so its cases stay where they are; a transfer hangs on a transition with to:"
    states = context.workflow.states
    if all(name is None or states[name].kind is StateKind.FINAL for name in targets):
        return f"the transition ends the case, in {target!r}; a transfer hangs on a transition to a state that is not final"
    return None


def _with_those_who_stay(context: Context, node: Node) -> Node:
    """Return a choice by the court in which the courts that are left out have no shares: their cases stay."""
    if not isinstance(node.value, dict):
        return node
    by = node.value.get("by")
    if by is not None and by.value == "court" and "other" not in node.value and not {*context.courts} <= {*node.value}:
        return replace(node, value={**node.value, "other": replace(node, value={})})
    if by is None:  # dates, each with a choice; shares have no `by:` below them
        return replace(node, value={key: _with_those_who_stay(context, below) for key, below in node.value.items()})
    return node


def _shares(context: Context, node: Node, what: str) -> Shares | None:
    """Read the shares of courts; without any, the cases stay."""
    stay = len(context.courts)
    if node.value == {}:
        return Shares((stay,), (1.0,))
    shares = context.reader.shares(node, context.courts, what)
    return None if shares is None else replace(shares, values=tuple(context.courts.index(court) for court in shares.values))
