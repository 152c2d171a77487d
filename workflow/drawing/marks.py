"""What a map shows besides states and transitions: conditions, counts, what never happens, and what a variant changes."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from workflow.model.definition import Transition, Workflow
from workflow.predicates import unparse

WHEN, WAS = "when ", "was "
"""How the line of a condition begins, and that of the condition which it replaces."""

THINNEST, THICKEST = 1.0, 8.0
"""Thickness of an arrow that is never taken, and of the one that is taken most often, in pixels."""

_MOST_LETTERS = 25


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks on the transitions of a map, by name.

    Attributes
    ----------
    counts : mapping of str to str
        Formatted numbers to print after the names.
    weights : mapping of str to float
        How often each was taken: the thickness of its arrow.
    never : collection of str
        Transitions that no case can ever take.
    against : Workflow, optional
        What differs from this workflow is marked.
    changes : mapping of str to str
        The transitions that `against` does not have, ``"new"``, or has in another way, ``"changed"``.
    """

    counts: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    never: Collection[str] = ()
    against: Workflow | None = None
    changes: Mapping[str, str] = field(default_factory=dict)

    def thickness(self, names: Iterable[str]) -> float | None:
        """Return the thickness of an arrow of these transitions, its area with the count; ``None`` without counts."""
        most = max(self.weights.values(), default=0.0)
        if not most:
            return None
        share = min(1.0, sum(self.weights.get(name, 0.0) for name in names) / most)
        return THINNEST + (THICKEST - THINNEST) * math.sqrt(share)

    def condition_lines(self, transition: Transition) -> list[str]:
        """Return the condition of a transition in short, and what it was in the other workflow if it differs."""
        lines = [WHEN + short(transition)] if transition.guard is not None else []
        if (before := self.before(transition)) is not None:
            lines.append(WAS + (short(before) or "without a condition"))
        return lines

    def before(self, transition: Transition) -> Transition | None:
        """Return what a transition was in the other workflow if its condition was another."""
        if self.changes.get(transition.name) != "changed" or self.against is None:
            return None
        before = next(t for t in self.against.transitions if t.name == transition.name)
        return None if _condition(before) == _condition(transition) else before


def short(transition: Transition) -> str:
    """Return the condition of a transition, cut after a word if it is long; empty without one."""
    words, text = _condition(transition).split(), ""
    for k, word in enumerate(words):
        longer = f"{text} {word}".strip()
        if len(longer) > _MOST_LETTERS:
            return f"{text or word[: _MOST_LETTERS - 2]} …"
        text = longer if k else word
    return text


def is_cut(transition: Transition) -> bool:
    """Return whether the condition of a transition is longer than a map shows it."""
    return short(transition).endswith("…")


def changes(workflow: Workflow, against: Workflow) -> dict[str, str]:
    """Return the transitions of a workflow that another does not have, or has in another way.

    A condition differs too if a definition that it names does.

    Examples
    --------
    >>> from workflow import load_workflow
    >>> one, other = load_workflow("no-discretion"), load_workflow("prosecutorial-discretion-review")
    >>> changes(one, one)
    {}
    >>> sorted(set(changes(one, other).values()))
    ['changed']
    """
    before = {t.name: t for t in against.transitions}
    defined = {name: unparse(definition) for name, definition in workflow.definitions.items()}
    defined_before = {name: unparse(definition) for name, definition in against.definitions.items()}
    marked = {}
    for t in workflow.transitions:
        other = before.get(t.name)
        if other is None:
            marked[t.name] = "new"
        elif _moves(t, defined) != _moves(other, defined_before):
            marked[t.name] = "changed"
    return marked


def _moves(t: Transition, defined: Mapping[str, str]) -> tuple[object, ...]:
    """Return all that a transition does, with the definitions that its condition names."""
    return t.sources, t.target, t.events, t.at_entry, t.effects, _condition(t), _definitions(_condition(t), defined)


def _definitions(text: str, defined: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    texts = [text]
    while texts:
        for name in re.findall(r"[A-Za-z_]\w*", texts.pop()):
            if name in defined and name not in found:
                found[name] = defined[name]
                texts.append(defined[name])
    return found


def _condition(transition: Transition) -> str:
    return "" if transition.guard is None else unparse(transition.guard)
