"""The result of a proof for one rule: a verdict, and a counterexample if the rule can be broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workflow.deciding.machine import HistoryRow
from workflow.model.definition import Value
from workflow.model.rules import Rule

Decision = Literal["proved", "broken", "monitored", "undecided"]


@dataclass(frozen=True)
class History:
    """The history of one case: its facts, its initial state and record, and its steps.

    Attributes
    ----------
    turns_on : tuple of str or None
        Facts that suffice for it: whatever the others are, it happens so. None of these can be left out. ``None`` for a
        history that the prover did not find.
    """

    facts: dict[str, Value]
    state: str
    record: tuple[Value, ...]
    steps: tuple[HistoryRow, ...]
    turns_on: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Verdict:
    """The result for one rule.

    Attributes
    ----------
    nodes : int
        Number of nodes visited.
    vacuous : str or None
        Why the rule holds vacuously, if it does.
    outstanding : tuple of str
        For ``after``: the resting states in which a case can stay while the obligation is open.
    history : History or None
        A shortest counterexample.
    reason : str or None
        Why the rule is undecided, if it is.
    """

    rule: Rule
    decision: Decision
    seconds: float
    nodes: int
    vacuous: str | None = None
    outstanding: tuple[str, ...] = ()
    history: History | None = None
    reason: str | None = None
