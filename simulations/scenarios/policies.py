"""Policies that change on a date: which workflow decides when, and whether it can take another's place.

A policy has the states, activities, facts, record and events of the workflow that it replaces: a case stays what it
is when the policy changes, and only its decisions differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulations.scenarios.format import PolicyEntry
from simulations.scenarios.scenario import Policy, Scenario
from simulations.timing.clock import Epoch
from workflow.errors import InputError, Problem
from workflow.files.validation import format_names
from workflow.files.yaml_tree import Node
from workflow.loading import load_workflow
from workflow.model.definition import Workflow

__all__ = ["policy_in_force", "read_policies"]


def policy_in_force(scenario: Scenario, at: NDArray[np.int64], arrived: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which policy decides a case at an instant: 0 for the scenario's own workflow, k for its k-th policy.

    Parameters
    ----------
    scenario : Scenario
    at, arrived : ndarray of int64
        The instants of decisions, and of the arrivals of the cases decided, in microseconds since the start.
    """
    found = np.zeros(len(at), np.int64)
    for k, policy in enumerate(scenario.policies, start=1):
        found[(at >= policy.start) & (not policy.pinned or (arrived >= policy.start))] = k
    return found


def read_policies(
    entries: list[PolicyEntry], at: Callable[..., Node], workflow: Workflow, epoch: Epoch
) -> tuple[list[Policy], list[Problem]]:
    """Read the policies of a scenario, and see that each can follow upon its workflow.

    Parameters
    ----------
    entries : list of PolicyEntry
    at : callable
        Returns the node at a path of the scenario's file.
    workflow : Workflow
        The scenario's own.
    epoch : Epoch
    """
    found: list[Policy] = []
    problems: list[Problem] = []
    for i, entry in enumerate(entries):
        name, date = at("policies", i, "workflow"), at("policies", i, "from")
        if i and entry.from_ <= entries[i - 1].from_:
            problems.append(
                Problem(
                    f"policies: from: {entry.from_} does not follow {entries[i - 1].from_}, of the policy before it",
                    date.position,
                )
            )
        try:
            other = load_workflow(entry.workflow, name.folder)
        except InputError as error:
            problems += [
                p if p.position else Problem(f"policies: workflow: {p.message}", name.position) for p in error.problems
            ]
            continue
        differing = _differences(workflow, other)
        problems += [
            Problem(
                f"policies: {other.name!r} cannot follow upon {workflow.name!r}: they differ in {what}", name.position
            )
            for what in differing
        ]
        if not differing:
            found.append(Policy(epoch.microseconds(entry.from_), other, entry.in_flight == "pinned"))
    return found, problems


def _differences(one: Workflow, other: Workflow) -> list[str]:
    """Return in what two workflows differ that a case carries from one policy into the next."""
    found = []
    for what in ("facts", "record", "states", "activities", "events"):
        a, b = (dict(getattr(w, what)) for w in (one, other))
        if (
            what == "events"
        ):  # when one happens, and what it writes, is policy; where it counts and what it gives is not
            a, b = (
                {n: replace(e, guard=None, effects=(), description=None, source=None) for n, e in x.items()}
                for x in (a, b)
            )
        if what in ("states", "activities"):
            a, b = ({n: replace(e, description=None, source=None) for n, e in x.items()} for x in (a, b))
        odd = [name for name in {**a, **b} if a.get(name) != b.get(name)]
        if odd or list(a) != list(b):
            found.append(f"their {what}: {format_names(odd)}" if odd else f"the order of their {what}")
    return found
