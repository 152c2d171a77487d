"""Check a rule on one case, step by step: in live runs, in replays, and as the reference for faster checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from workflow.deciding.machine import fact_names
from workflow.deciding.steps import Step
from workflow.model.definition import StateKind, Value, Workflow
from workflow.model.rules import Rule
from workflow.predicates import scalar

Check = Callable[[Sequence[Value], Sequence[Value]], Any]


class Monitor:
    """The automaton of a rule, with its conditions compiled to functions of one case.

    A monitor serves any number of cases: the caller keeps the automaton's state of each.
    """

    def __init__(self, rule: Rule, workflow: Workflow) -> None:
        self.rule = rule
        self._facts = fact_names(workflow)
        self._record = (*workflow.record, "state")
        self._final = {s.name for s in workflow.states.values() if s.kind is StateKind.FINAL}
        automaton = rule.automaton
        read = {
            patterns: [(p.names, self._check(p.when), self._check(p.giving)) for p in patterns]
            for patterns in set(automaton.patterns_at)
        }
        self._patterns = [read[patterns] for patterns in automaton.patterns_at]
        self._starts = [(self._check(condition), q) for condition, q in automaton.starts]
        self._forbidden = {q: self._check(condition) for q, condition in automaton.forbidden.items()}
        self._table = automaton.table
        self.broken = automaton.broken
        self.open = automaton.open

    def _check(self, condition: Any) -> Check | None:
        return None if condition is None else scalar(condition, self._facts, self._record)

    def start(self, facts: Sequence[Value], record: Sequence[Value], state: str) -> int:
        """Return the automaton's state at the start of a case."""
        return next((q for check, q in self._starts if check is not None and check(facts, (*record, state))), 0)

    def advance(self, q: int, facts: Sequence[Value], steps: Iterable[Step[Any]]) -> int:
        """Return the automaton's state after some steps of a case, given its state before them.

        At the end of a row, the caller adds `workflow.deciding.steps.end_of_row`.
        """
        for step in steps:
            if step.name in self.rule.step_names:
                q = self._table[q][self.matches(q, facts, step)]
        return q

    def matches(self, q: int, facts: Sequence[Value], step: Step[Any]) -> int:
        """Return the symbol of a step in a state of the automaton: bit i says whether it matches pattern i."""
        symbol = 0
        for i, (names, when, giving) in enumerate(self._patterns[q]):
            if (
                step.name in names
                and (when is None or when(facts, (*step.record, step.state)))
                and (giving is None or giving(facts, (*step.record_after, step.state_after)))
            ):
                symbol |= 1 << i
        return symbol

    def is_over(self, state: str) -> bool:
        """Return whether a case ends in a state."""
        return state in self._final

    def is_forbidden(self, q: int, facts: Sequence[Value], record: Sequence[Value], state: str) -> bool:
        """Return whether a case is in a condition that the rule forbids."""
        check = self._forbidden.get(q)
        return check is not None and bool(check(facts, (*record, state)))

    def is_broken(self, q: int, facts: Sequence[Value], record: Sequence[Value], state: str) -> bool:
        """Return whether a case breaks the rule after a row, apart from a missed deadline.

        An obligation that is open in a final state is broken, with a deadline or without.
        """
        ends_open = state in self._final and q in self.open
        return ends_open or q in self.broken or self.is_forbidden(q, facts, record, state)
