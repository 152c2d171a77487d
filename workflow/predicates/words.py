"""Words of rules: sets of steps, and the past operators that speak of them.

A *word* names transitions and events, each perhaps with conditions: ``check``, ``accept or refuse``,
``{of: check, giving: check == "cleared"}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workflow.predicates.tree import Expression, Field, Name
from workflow.predicates.writing import unparse


@dataclass(frozen=True)
class StepPattern:
    """A set of steps.

    Attributes
    ----------
    names : frozenset of str
        Transitions and events.
    when : Expression or None
        Must hold before the effects of the step; may read the state, and past operators, which speak of the steps before it.
    giving : Expression or None
        Must hold after the effects of the step; may read the state.
    """

    names: frozenset[str]
    when: Expression | None = None
    giving: Expression | None = None

    def __str__(self) -> str:
        return " or ".join(sorted(self.names))

    @property
    def conditions(self) -> list[Expression]:
        """Return its conditions."""
        return [condition for condition in (self.when, self.giving) if condition is not None]

    @property
    def text(self) -> str:
        """Return it as a condition writes it."""
        parts = [f"{key}: {unparse(c)}" for key, c in (("if", self.when), ("giving", self.giving)) if c is not None]
        return f"{{of: {self}, {', '.join(parts)}}}" if parts else str(self)


@dataclass(frozen=True)
class Word:
    """A step that matches one of several patterns."""

    alternatives: tuple[StepPattern, ...]

    @classmethod
    def of(cls, *names: str) -> Word:
        """Return the word for any of some steps."""
        return cls((StepPattern(frozenset(names)),))

    @property
    def names(self) -> frozenset[str]:
        """Return the transitions and events that it names."""
        return frozenset[str]().union(*(one.names for one in self.alternatives))

    def __str__(self) -> str:
        return " or ".join(sorted(self.names))

    @property
    def text(self) -> str:
        """Return it as a condition writes it."""
        return " or ".join(one.text for one in self.alternatives)

    def within(self, other: Word) -> bool:
        """Return whether every step that matches it matches another word, as far as their texts show it."""
        return all(
            any(one.names <= wide.names and (one.when, one.giving) == (wide.when, wide.giving) for wide in other.alternatives)
            for one in self.alternatives
        )

    def first_of(self, names: Iterable[str]) -> str | None:
        """Return the first of the given names that the word contains."""
        return next((name for name in names if name in self.names), None)


@dataclass(frozen=True, slots=True)
class PastField(Field):
    """A past operator in a condition, as a boolean field that the monitor of a rule maintains.

    Attributes
    ----------
    operator : str
        ``once``, ``since`` or ``before``.
    words : tuple of Word
        Its operands.
    """

    operator: str = ""
    words: tuple[Word, ...] = ()


def past_operator(operator: str, words: tuple[Word, ...]) -> PastField:
    """Return a past operator, named by its text."""
    return PastField(f"{operator}({', '.join(word.text for word in words)})", "boolean", "record", operator=operator, words=words)


def past_operators(conditions: Iterable[Expression]) -> list[PastField]:
    """Return the past operators of conditions, and of the conditions in their words, sorted by their names."""
    found: dict[str, PastField] = {}
    todo = list(conditions)
    while todo:
        for past in _in(todo.pop()):
            if past.name not in found:
                found[past.name] = past
                todo += [c for word in past.words for one in word.alternatives for c in one.conditions]
    return [found[name] for name in sorted(found)]


def _in(condition: Expression) -> Iterator[PastField]:
    if isinstance(condition, Name) and isinstance(condition.field, PastField):
        yield condition.field
    for child in condition.children():
        yield from _in(child)
