"""The workflows that decide the cases of one log: a workflow, and the policies that replace it from a date on.

A log codes what happened by index. The indices run through all workflows, so the code of a move also says which policy
decided it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workflow.model.definition import Event, Transition, Workflow

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class InForce:
    """Workflows with the same states, facts, record, activities and events.

    Attributes
    ----------
    workflows : tuple of Workflow
        The first is the one that the others replace.
    """

    workflows: tuple[Workflow, ...]

    @cached_property
    def transitions(self) -> tuple[Transition, ...]:
        """Return the transitions of all workflows, one workflow after another."""
        return tuple(transition for workflow in self.workflows for transition in workflow.transitions)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Return the events of all workflows, one workflow after another; their guards and effects may differ."""
        return tuple(event for workflow in self.workflows for event in workflow.events.values())

    @cached_property
    def events_upon(self) -> list[list[int]]:
        """Return, for each transition, the indices of the events that may trigger it."""
        upon, start = [], 0
        for workflow in self.workflows:
            names = list(workflow.events)
            upon += [[start + names.index(name) for name in transition.events] for transition in workflow.transitions]
            start += len(names)
        return upon

    def transition_codes(self, labels: Sequence[str]) -> Integers:
        """Return the index of each transition under each policy.

        Returns
        -------
        ndarray, shape (n_workflows, n_labels + 1)
            Indices into `transitions`; -1 for a label that is none under the policy, and in the last column.
        """
        return _codes([[transition.name for transition in workflow.transitions] for workflow in self.workflows], labels)

    def event_codes(self, labels: Sequence[str]) -> Integers:
        """Return the index of each event under each policy, in the form of `transition_codes`."""
        return _codes([list(workflow.events) for workflow in self.workflows], labels)


def _codes(names: Sequence[Sequence[str]], labels: Sequence[str]) -> Integers:
    codes, start = [], 0
    for own in names:
        index = {name: start + i for i, name in enumerate(own)}
        codes.append([*(index.get(label, -1) for label in labels), -1])
        start += len(own)
    return np.array(codes, np.int64)
