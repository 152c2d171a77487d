"""What a search looks for: a history that breaks a rule, that reaches a step or a condition, or that gets stuck."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from workflow.model.automata import Automaton, never
from workflow.model.definition import StateKind, Workflow
from workflow.model.rules import Rule
from workflow.predicates import Expression, names
from workflow.predicates.words import Word


@dataclass(frozen=True)
class Question:
    """A set of histories: is there one? Each ends in one of these ways.

    Attributes
    ----------
    automaton : Automaton
        A history ends in one of its broken states, or where its forbidden condition holds.
    ends_open : bool
        Also in a final state, with the automaton in an open state.
    rests_open : frozenset of str
        Also in one of these states, where the case stays, with the automaton in an open state.
    goes_round : bool
        Only histories that then go round a loop forever, with the automaton in open states.
    moves_on : bool
        Of these, only loops in which work ends or the case enters a state.
    fair : tuple of str
        The events that cannot stay away forever, for `rests_open` and `goes_round`.
    stuck : frozenset of (str, str)
        Also in one of these states, where on this trigger a transition is required and no guard holds.
    events : frozenset of str
        Events that are rows of a history even if they change nothing, besides those that the automaton hears.
    """

    automaton: Automaton
    ends_open: bool = False
    rests_open: frozenset[str] = field(default_factory=frozenset)
    goes_round: bool = False
    moves_on: bool = False
    fair: tuple[str, ...] = ()
    stuck: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    events: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def breaks(cls, rule: Rule) -> Question:
        """Ask for a history that breaks a rule."""
        return cls(rule.automaton, ends_open=True)

    @classmethod
    def takes(cls, word: Word) -> Question:
        """Ask for a history that ends with a step of a word."""
        return cls(never(word))

    @classmethod
    def meets(cls, word: Word, condition: Expression) -> Question:
        """Ask for a history that ends with a step of a word, or where a condition holds."""
        return cls(replace(never(word), forbidden={0: condition}))

    @classmethod
    def holds(cls, rule: Rule, conditions: Mapping[int, Expression]) -> Question:
        """Ask for a history after which a condition holds: for each state of a rule's automaton, its own."""
        return cls(replace(rule.automaton, broken=frozenset(), open=frozenset(), forbidden=conditions))

    @classmethod
    def stays_open(cls, rule: Rule, states: frozenset[str]) -> Question:
        """Ask for a history after which a case stays in one of these states with an obligation of a rule open."""
        return cls(rule.automaton, rests_open=states, fair=rule.fair or ())

    @classmethod
    def never_ends(cls, rule: Rule, workflow: Workflow) -> list[Question]:
        """Ask for histories that break a rule by what the case does forever, if it is such a rule."""
        if not rule.is_live:
            return []
        resting = frozenset(state.name for state in workflow.states.values() if state.kind is StateKind.RESTING)
        return [cls.stays_open(rule, resting), cls.loops_open(rule, workflow.states)]

    @classmethod
    def loops_open(cls, rule: Rule, states: Collection[str]) -> Question:
        """Ask for a history after which a case goes round a loop forever with an obligation of a rule open.

        Parameters
        ----------
        states : collection of str
            Every state of the workflow.
        """
        return cls(rule.automaton, rests_open=frozenset(states), goes_round=True, moves_on=not rule.is_live, fair=rule.fair or ())

    @property
    def heard(self) -> frozenset[str]:
        """Return the steps that matter even if they change nothing."""
        return self.events.union(self.fair, *(pattern.names for pattern in self.automaton.patterns))

    @classmethod
    def gets_stuck(cls, points: frozenset[tuple[str, str]]) -> Question:
        """Ask for a history after which no guard holds, in one of these states on this trigger."""
        return cls(Automaton((), ((0,),)), stuck=points)

    @property
    def conditions(self) -> list[Expression]:
        """Return every condition that the question reads."""
        return list(self.automaton.conditions)

    @cached_property
    def reads(self) -> frozenset[str]:
        """Return the facts and record fields that it reads, and ``state`` if it reads the state."""
        return frozenset[str]().union(*(names(condition) for condition in self.conditions))
