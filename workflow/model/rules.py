"""Policy rules: sentences about the history of a case, each with its automaton.

A rule names transitions and events. It has one template (`workflow.model.templates`) and one automaton
(`workflow.model.automata`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from workflow.errors import Position
from workflow.model.automata import Automaton, Thresholds, count
from workflow.model.time_bounds import Bounds
from workflow.model.time_limits import TimeLimit
from workflow.predicates import Expression, names
from workflow.predicates.words import Word


@dataclass(frozen=True)
class Rule:
    """A policy rule.

    Attributes
    ----------
    name : str
        A sentence.
    template : str
        The key of its template, or ``condition`` (a ``never:`` with a condition).
    automaton : Automaton
    words : mapping of str to Word
        The steps that it names, by key; its subject is the first.
    within : TimeLimit or None
        For ``after``: the time allowed.
    per : TimeLimit or None
        For ``at_most`` and ``at_least``: the length of time in which so many steps may or must happen. The automaton then only
        hears them.
    limit : int
        For a rule that counts: the number; 0 if it depends on facts.
    thresholds : Thresholds
        The number for each kind of case, if it depends on facts.
    how : str or None
        ``directly`` or ``each time``.
    bounds : Bounds
        What its file takes the world to be like; a proof of `within` relies on it.
    fair : tuple of str or None
        The events that cannot stay away forever, for a rule about what must happen at last; ``None`` if the rule allows a case
        to rest or go round forever.
    condition : Expression or None
        The condition that must never hold, with a truth value for each past operator.
    written : mapping of str to str
        Its conditions as written in the file, by key.
    """

    name: str
    template: str
    automaton: Automaton
    words: Mapping[str, Word] = field(default_factory=dict)
    within: TimeLimit | None = None
    per: TimeLimit | None = None
    limit: int = 0
    thresholds: Thresholds = ()
    how: str | None = None
    bounds: Bounds = field(default=Bounds(), repr=False)
    fair: tuple[str, ...] | None = None
    condition: Expression | None = field(default=None, repr=False)
    source: str | None = None
    description: str | None = None
    position: Position | None = None
    written: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def conditions(self) -> list[Expression]:
        """Return every condition that the rule reads."""
        return list(self.automaton.conditions)

    @property
    def subject(self) -> Word:
        """Return what the rule is about."""
        return next(iter(self.words.values()))

    @cached_property
    def without_time(self) -> Rule:
        """Return an ``at_most`` rule without ``per:``: as if all steps of a case were in one such length of time."""
        most = self.thresholds or self.limit
        return replace(self, automaton=count(self.subject, self.words.get("since"), most=most), per=None)

    @cached_property
    def limits(self) -> Mapping[int, int]:
        """Return the number for each start state of the automaton of a rule with ``per:``."""
        if not self.thresholds:
            return {0: self.limit}
        return {q: number for (_, q), (_, number) in zip(self.automaton.starts, self.thresholds, strict=True)}

    @property
    def meaning(self) -> tuple[object, ...]:
        """Return what it says, whatever its name and the words of its file."""
        return (
            self.template,
            self.automaton,
            self.condition,
            self.within,
            self.per,
            self.limit,
            self.thresholds,
            self.how,
            self.fair,
        )

    @property
    def is_live(self) -> bool:
        """Return whether a case breaks the rule that rests or goes round forever while an obligation is open."""
        return self.fair is not None

    @cached_property
    def subject_bits(self) -> int:
        """Return the bits of the subject in a symbol of the automaton."""
        return (1 << len(set(self.subject.alternatives))) - 1 if self.words else 0

    @property
    def reads(self) -> frozenset[str]:
        """Return the facts and record fields that the rule reads, and ``state`` if it reads the state."""
        return frozenset[str]().union(*(names(c) for c in self.conditions))

    @cached_property
    def step_names(self) -> frozenset[str]:
        """Return the transitions and events that the rule hears."""
        return self.automaton.names
