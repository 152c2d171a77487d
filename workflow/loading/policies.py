"""Check that a workflow can replace another while cases are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from workflow.files.validation import format_names
from workflow.model.definition import Workflow


def conflicts(workflow: Workflow, policies: Sequence[Workflow]) -> Iterator[tuple[int, str]]:
    """Yield what prevents cases from passing from a workflow to the policies that replace it.

    Yields
    ------
    (int, str)
        The index of a policy, and a message about it.
    """
    known = {workflow.name: workflow}
    for k, policy in enumerate(policies):
        for what in _differences(workflow, policy):
            yield k, f"{policy.name!r} cannot replace {workflow.name!r}: they differ in {what}"
        if known.setdefault(policy.name, policy).plain() != policy.plain():
            yield k, f"two different workflows are named {policy.name!r}; give one another name under workflow:"


def _differences(one: Workflow, other: Workflow) -> list[str]:
    """Return the differences between two workflows that prevent a case from passing from one to the other."""
    # The guard and the effects of an event belong to the policy; its states and the value that it gives do not.
    text: dict[str, Any] = {"description": None, "source": None}
    titled = text | {"given_title": None}
    ignored = {"states": titled, "activities": titled, "events": text | {"guard": None, "effects": (), "log_names": ()}}
    differences = []
    for what in ("facts", "record", "states", "activities", "events"):
        changes = ignored.get(what, {})
        a, b = ({name: replace(e, **changes) for name, e in getattr(w, what).items()} for w in (one, other))
        differing = [name for name in {**a, **b} if a.get(name) != b.get(name)]
        if differing or list(a) != list(b):
            differences.append(f"their {what}: {format_names(differing)}" if differing else f"the order of their {what}")
    return differences
