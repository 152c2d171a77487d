"""Policies: workflows that come into force on a date.

A policy has the same states, activities, facts, record and events as the workflow that it replaces, so a case keeps its
state and record when the policy changes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulations.scenarios.format import PolicyEntry
from simulations.scenarios.other_files import OtherFiles
from simulations.scenarios.scenario import Policy, Scenario
from simulations.timing.clock import Epoch
from workflow.errors import InputError, Problem
from workflow.files.yaml_tree import Node
from workflow.loading.policies import conflicts
from workflow.model.definition import Workflow


def policy_in_force(scenario: Scenario, at: NDArray[np.int64], arrived: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the policy of each decision: 0 for the scenario's own workflow, k for its k-th policy.

    Parameters
    ----------
    scenario : Scenario
    at, arrived : ndarray of int64
        Times of the decisions, and of the arrivals of their cases, in microseconds since the start.
    """
    in_force = np.zeros(len(at), np.int64)
    for k, policy in enumerate(scenario.policies, start=1):
        in_force[(at >= policy.start) & (not policy.pinned or (arrived >= policy.start))] = k
    return in_force


def read_policies(
    entries: list[PolicyEntry], at: Callable[..., Node], workflow: Workflow, epoch: Epoch, files: OtherFiles
) -> tuple[list[Policy], list[Problem]]:
    """Read the policies of a scenario and check that each can replace its workflow.

    Parameters
    ----------
    entries : list of PolicyEntry
    at : callable
        Returns the node at a path of the scenario's file.
    workflow : Workflow
        The scenario's own workflow.
    epoch : Epoch
    files : OtherFiles
    """
    policies: list[Policy] = []
    problems: list[Problem] = []
    of_entry: list[Node] = []
    for i, entry in enumerate(entries):
        name, date = at("policies", i, "workflow"), at("policies", i, "from")
        if i and entry.from_ <= entries[i - 1].from_:
            message = f"{entry.from_} is not after {entries[i - 1].from_}, the date of the policy before"
            problems.append(Problem(f"policies: from: {message}", date.position))
        try:
            other = files.workflow(entry.workflow, name.folder)
        except InputError as error:
            problems += [p if p.position else Problem(f"policies: workflow: {p.message}", name.position) for p in error.problems]
            continue
        policies.append(Policy(epoch.microseconds(entry.from_), other, entry.in_flight == "pinned"))
        of_entry.append(name)
    wrong = list(conflicts(workflow, [policy.workflow for policy in policies]))
    problems += [Problem(f"policies: {message}", of_entry[k].position) for k, message in wrong]
    fitting = [policy for k, policy in enumerate(policies) if all(k != other for other, _ in wrong)]
    return fitting, problems
