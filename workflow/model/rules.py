"""Policy rules: sentences about the history of a case, each with its automaton.

A rule names transitions and events. It has one template (`workflow.model.templates`) and one automaton
(`workflow.model.automata`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from workflow.errors import Position
from workflow.model.automata import Automaton
from workflow.model.time_limits import TimeLimit
from workflow.predicates import Expression, names


@dataclass(frozen=True)
class Rule:
    """A policy rule.

    Attributes
    ----------
    name : str
        A sentence.
    template : str
        The name of its template: ``never``, ``condition`` (a ``never:`` with a condition), ``before``, ``after`` or
        ``at_most``.
    automaton : Automaton
    within : TimeLimit or None
        For ``after``: the time allowed.
    condition : Expression or None
        The condition that must never hold, with a truth value for each past operator.
    written : mapping of str to str
        Its conditions as written in the file, by key.
    """

    name: str
    template: str
    automaton: Automaton
    within: TimeLimit | None = None
    condition: Expression | None = field(default=None, repr=False)
    source: str | None = None
    description: str | None = None
    position: Position | None = None
    written: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def conditions(self) -> list[Expression]:
        """Return every condition that the rule reads."""
        of_steps = [c for step in self.automaton.patterns for c in (step.when, step.giving) if c is not None]
        return of_steps + list(dict.fromkeys(self.automaton.forbidden.values()))

    @property
    def reads(self) -> frozenset[str]:
        """Return the facts and record fields that the rule reads, and ``state`` if it reads the state."""
        return frozenset[str]().union(*(names(c) for c in self.conditions))

    @cached_property
    def step_names(self) -> frozenset[str]:
        """Return the transitions and events that the rule names."""
        return frozenset[str]().union(*(step.names for step in self.automaton.patterns))
