"""Check a rule on one case, step by step: in live runs, in replays, and as the reference for faster checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workflow.deciding.machine import MachineStep, fact_names
from workflow.model.definition import StateKind, Value, Workflow
from workflow.model.rules import Rule
from workflow.predicates import scalar

__all__ = ["Monitor"]

Check = Callable[[Sequence[Value], Sequence[Value]], Any]


class Monitor:
    """The automaton of a rule, with its conditions compiled to functions of one case.

    A monitor serves any number of cases: the caller keeps the automaton's state of each, which is 0 at the start.
    """

    def __init__(self, rule: Rule, workflow: Workflow) -> None:
        self.rule = rule
        self._facts = fact_names(workflow)
        self._record = (*workflow.record, "state")
        self._final = {s.name for s in workflow.states.values() if s.kind is StateKind.FINAL}
        automaton = rule.automaton
        self._patterns = [(step.names, self._check(step.when), self._check(step.giving)) for step in automaton.patterns]
        self._forbidden = {q: self._check(condition) for q, condition in automaton.forbidden.items()}
        self._table = automaton.table
        self.broken = automaton.broken
        self.open = automaton.open

    def _check(self, condition: Any) -> Check | None:
        return None if condition is None else scalar(condition, self._facts, self._record)

    def advance(
        self, q: int, names: Sequence[str], facts: Sequence[Value], seen: Sequence[Value], state: str,
        after: Sequence[Value], state_after: str,
    ) -> int:  # fmt: skip
        """Return the automaton's state after a step of the case.

        Parameters
        ----------
        q : int
            The automaton's state before.
        names : sequence of str
            The names of the step: an event before its transition.
        seen, state
            The record and the state that the guards read.
        after, state_after
            The record and the state after the effects.
        """
        for name in names:
            if name not in self.rule.step_names:
                continue
            symbol = 0
            for i, (step_names, when, giving) in enumerate(self._patterns):
                if (
                    name in step_names
                    and (when is None or when(facts, (*seen, state)))
                    and (giving is None or giving(facts, (*after, state_after)))
                ):
                    symbol |= 1 << i
            q = self._table[q][symbol]
        return q

    def follow(self, q: int, facts: Sequence[Value], step: MachineStep) -> int:
        """Return the automaton's state after a step of the machine."""
        return self.advance(q, step.names, facts, step.seen, step.state, step.after, step.state_after)

    def is_forbidden(self, q: int, facts: Sequence[Value], record: Sequence[Value], state: str) -> bool:
        """Return whether a case is in a condition that the rule forbids."""
        check = self._forbidden.get(q)
        return check is not None and bool(check(facts, (*record, state)))

    def is_broken(self, q: int, facts: Sequence[Value], record: Sequence[Value], state: str) -> bool:
        """Return whether a case breaks the rule after a step, ignoring its deadline.

        A case that ends with an open obligation breaks a rule without a deadline.
        """
        ends_open = state in self._final and q in self.open and self.rule.within_days is None
        return ends_open or q in self.broken or self.is_forbidden(q, facts, record, state)
