"""The result of a proof for one rule: a verdict, and a counterexample if the rule can be broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workflow.deciding.machine import HistoryRow
from workflow.model.definition import Value
from workflow.model.rules import Rule

Decision = Literal["proved", "broken", "monitored", "undecided"]


@dataclass(frozen=True)
class Times:
    """When the rows of a history happen, as local times in microseconds since 1970.

    Attributes
    ----------
    steps : tuple of int
        For each row.
    until : int
        The case is still in its last state then.
    opened : int
        The number of the row that opens the obligation, from 1.
    due : int
        The last instant at which it could be met.
    elapsed : bool
        Whether the time of day matters.
    """

    begun: int
    steps: tuple[int, ...]
    until: int
    opened: int
    due: int
    elapsed: bool


@dataclass(frozen=True)
class History:
    """The history of one case: its facts, its initial state and record, and its steps.

    Attributes
    ----------
    turns_on : tuple of str or None
        Facts that suffice for it: whatever the others are, it happens so. None of these can be left out. ``None`` for a
        history that the prover did not find.
    times : Times or None
        For a history that is late.
    loop : int or None
        For a case that breaks a rule by what it does forever: the number of steps before those that it repeats; the number of
        steps if it stays where it is.
    """

    facts: dict[str, Value]
    state: str
    record: tuple[Value, ...]
    steps: tuple[HistoryRow, ...]
    turns_on: tuple[str, ...] | None = None
    times: Times | None = None
    loop: int | None = None

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Deadline:
    """What bounds on time say about a time limit.

    Attributes
    ----------
    longest : str or None
        How long an obligation stays open at most, if that is known.
    endless : bool
        Whether it can stay open for ever, within the bounds.
    missing : tuple of str
        The states without which a bound the rule can not be decided.
    dates : str or None
        For which start dates it was decided.
    """

    longest: str | None = None
    endless: bool = False
    missing: tuple[str, ...] = ()
    dates: str | None = None


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
    rounds : tuple of str
        For ``after``: the steps of a loop that a case can go round while the obligation is open.
    history : History or None
        A shortest counterexample.
    reason : str or None
        Why the rule is undecided, if it is.
    deadline : Deadline or None
        For a time limit that was decided under bounds on time, or for which a bound is missing.
    """

    rule: Rule
    decision: Decision
    seconds: float
    nodes: int
    vacuous: str | None = None
    outstanding: tuple[str, ...] = ()
    rounds: tuple[str, ...] = ()
    history: History | None = None
    reason: str | None = None
    deadline: Deadline | None = None
