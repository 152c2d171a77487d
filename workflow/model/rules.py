"""Policy rules: sentences about a case's history, each with the automaton that follows it.

A rule speaks of transitions and events by name. Each is given by exactly one template (``never``, ``before`` with
``needs``, ``after`` with ``then``, ``at_most`` with ``of``) and becomes one automaton (`workflow.model.automata`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from workflow.errors import Position
from workflow.model.automata import Automaton
from workflow.predicates import Expression, names

__all__ = ["Rule"]


@dataclass(frozen=True)
class Rule:
    """A policy rule.

    Attributes
    ----------
    name : str
        A sentence.
    template : str
        ``never``, ``situation`` (a ``never:`` with a condition), ``before``, ``after``, ``at_most``.
    automaton : Automaton
    within_days : float or None
        For ``after``: the time allowed, in calendar days.
    condition : Expression or None
        The condition of a ``situation``, each operator over the past a truth value.
    written : mapping of str to str
        Its conditions as the file has them, by their keys.
    """

    name: str
    template: str
    automaton: Automaton
    within_days: float | None = None
    condition: Expression | None = field(default=None, repr=False)
    source: str | None = None
    description: str | None = None
    position: Position | None = None
    written: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def conditions(self) -> list[Expression]:
        """Return every condition that it reads."""
        found = [c for letter in self.automaton.letters for c in (letter.when, letter.giving) if c is not None]
        return found + list(dict.fromkeys(self.automaton.situations.values()))

    @property
    def reads(self) -> frozenset[str]:
        """Return the names of the facts and record fields that it reads, and ``state`` if it does."""
        return frozenset[str]().union(*(names(c) for c in self.conditions))

    @cached_property
    def words(self) -> frozenset[str]:
        """Return the transitions and events that it speaks of."""
        return frozenset[str]().union(*(letter.names for letter in self.automaton.letters))
