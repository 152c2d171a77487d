"""A rule watched on one case, letter by letter: for live runs, for replays, and to check other readings against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workflow.deciding.machine import fact_names
from workflow.model.definition import Value, Workflow
from workflow.model.rules import Rule
from workflow.predicates import scalar

__all__ = ["Monitor"]

Check = Callable[[Sequence[Value], Sequence[Value]], Any]


class Monitor:
    """A rule's automaton with its conditions as functions of one case.

    It holds no state of a case: whoever watches keeps the automaton's state, 0 at the start.

    Parameters
    ----------
    rule : Rule
    workflow : Workflow
    """

    def __init__(self, rule: Rule, workflow: Workflow) -> None:
        self.rule = rule
        self._facts = fact_names(workflow)
        self._record = (*workflow.record, "state")
        automaton = rule.automaton
        self._patterns = [(step.names, self._check(step.when), self._check(step.giving)) for step in automaton.patterns]
        self._forbidden = {q: self._check(condition) for q, condition in automaton.forbidden.items()}
        self._table = automaton.table
        self.broken = automaton.broken
        self.open = automaton.open

    def _check(self, condition: Any) -> Check | None:
        return None if condition is None else scalar(condition, self._facts, self._record)

    def mentions(self, name: str) -> bool:
        """Say whether the rule speaks of a transition or an event."""
        return any(name in names for names, _, _ in self._patterns)

    def step(
        self,
        q: int,
        name: str,
        facts: Sequence[Value],
        seen: Sequence[Value],
        state: str,
        after: Sequence[Value],
        state_after: str,
    ) -> int:
        """Return the automaton's state after a letter.

        Parameters
        ----------
        q : int
        name : str
            A transition or an event.
        seen, state
            The record and the state as the guards saw them.
        after, state_after
            The record and the state after the effects.
        """
        symbol = 0
        for i, (names, when, giving) in enumerate(self._patterns):
            if (
                name in names
                and (when is None or when(facts, (*seen, state)))
                and (giving is None or giving(facts, (*after, state_after)))
            ):
                symbol |= 1 << i
        return self._table[q][symbol]

    def advance(
        self, q: int, names: Sequence[str], facts: Sequence[Value], seen: Sequence[Value], state: str,
        after: Sequence[Value], state_after: str,
    ) -> int:  # fmt: skip
        """Return the automaton's state after the letters of a row, an event before its transition; see `step`."""
        for name in names:
            if self.mentions(name):
                q = self.step(q, name, facts, seen, state, after, state_after)
        return q

    def is_forbidden(self, q: int, facts: Sequence[Value], record: Sequence[Value], state: str) -> bool:
        """Say whether the rule is broken by how the case stands."""
        check = self._forbidden.get(q)
        return check is not None and bool(check(facts, (*record, state)))
