"""Rule templates: one object per form of rule, with its keys, its checks, its automaton and its explanation.

To add a template, declare its keys in `workflow.files.format` (`TEMPLATE_KEYS` and `RuleEntry`), add an object to
`TEMPLATES` here, and a constructor of its automaton to `workflow.model.automata`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from workflow.files.format import TEMPLATE_KEYS, RuleEntry
from workflow.files.validation import format_names
from workflow.model.automata import Automaton, StepPattern, after_then, at_most, before_needs, never, never_true
from workflow.model.rules import Rule
from workflow.predicates import Expression, unparse
from workflow.predicates.mistakes import shorten

MAX_CHARACTERS = 160

Steps = Sequence[Sequence[str]]
"""A history: the names of the event and of the transition of each step."""

Mistakes = Iterator[tuple[str, str]]
"""The key at which a mistake stands, and the message."""


@dataclass(frozen=True)
class RuleParts:
    """The contents of a rule entry, as read.

    Attributes
    ----------
    steps : mapping of str to StepPattern
        By key. The pattern of the subject carries ``if:`` and ``giving:``.
    condition : Expression or None
        The condition of a ``never:``.
    entry : RuleEntry
        The entry, for keys that need no further reading.
    """

    steps: Mapping[str, StepPattern]
    condition: Expression | None
    entry: RuleEntry


class RuleTemplate(ABC):
    """A form of rule.

    Attributes
    ----------
    name : str
        ``Rule.template``.
    key : str
        The key that selects the template, in `TEMPLATE_KEYS`.
    subject : str
        The key whose steps the rule is about; ``if:`` and ``giving:`` apply to them.
    step_keys : tuple of str
        The keys that list transitions and events.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    subject: ClassVar[str]
    step_keys: ClassVar[tuple[str, ...]] = ()

    @property
    def partner(self) -> str | None:
        """Return the key that must accompany `key`."""
        return TEMPLATE_KEYS[self.key].partner

    @property
    def own_keys(self) -> tuple[str, ...]:
        """Return the keys that only this template takes, besides `key`."""
        return (*([self.partner] if self.partner else ()), *TEMPLATE_KEYS[self.key].options)

    def mistakes(self, entry: RuleEntry) -> Mistakes:
        """Yield what is wrong with an entry, beyond missing and surplus keys."""
        yield from ()

    @abstractmethod
    def automaton(self, parts: RuleParts) -> Automaton:
        """Return the automaton of a rule."""

    @abstractmethod
    def explain(self, rule: Rule, steps: Steps) -> str:
        """Return how the last step of a history, or its start, breaks a rule."""


class _Never(RuleTemplate):
    """``never: close``."""

    name, key, subject = "never", "never", "never"

    def automaton(self, parts: RuleParts) -> Automaton:
        return never(parts.steps["never"])

    def explain(self, rule: Rule, steps: Steps) -> str:
        result = f", and then {shorten_condition(rule.written['giving'])}" if "giving" in rule.written else ""
        return _last_step(rule, steps) + result


class _Condition(RuleTemplate):
    """``never: status == "lawful" and not once(grant_relief)``."""

    name, key, subject = "condition", "never", "never"

    def automaton(self, parts: RuleParts) -> Automaton:
        assert parts.condition is not None
        return never_true(parts.condition)

    def explain(self, rule: Rule, steps: Steps) -> str:
        assert rule.condition is not None
        condition = shorten_condition(rule.written.get("never") or unparse(rule.condition))
        return f"{condition}, {f'after step {len(steps)}' if steps else 'as the case begins'}"


class _Before(RuleTemplate):
    """``before: close, needs: clear``, with ``since: reopen`` or ``once: reopen``."""

    name, key, subject = "before", "before", "before"
    step_keys = ("before", "needs", "since", "once")

    def mistakes(self, entry: RuleEntry) -> Mistakes:
        if entry.since is not None and entry.once is not None:
            yield "once", "since: and once: exclude each other; give one"
        if entry.once is None:
            yield from _same_names(entry, "before", "needs", "never:")
        key, resets = ("since", entry.since) if entry.since is not None else ("once", entry.once)
        if resets and entry.needs and set(resets) <= set(entry.needs):
            shown = " or ".join(resets)
            yield (
                key,
                f"{key}: names a step that needs: also names ({shown}), so the rule is always satisfied after it;"
                f" name another step, or leave {key}: out",
            )

    def automaton(self, parts: RuleParts) -> Automaton:
        resets = parts.steps.get("since") or parts.steps.get("once")
        return before_needs(parts.steps["before"], parts.steps["needs"], resets, "once" in parts.steps)

    def explain(self, rule: Rule, steps: Steps) -> str:
        _, needs, *resets = rule.automaton.patterns
        since = "before it"
        for n, names in enumerate(steps[:-1], start=1):
            if resets and (reset := resets[0].first_of(names)) is not None:
                since = f"after {reset} at step {n}"
        return f"{_last_step(rule, steps)}, with no {needs} {since}"


class _After(RuleTemplate):
    """``after: clear, then: accept``, with ``within: 30 days``."""

    name, key, subject = "after", "after", "after"
    step_keys = ("after", "then")

    def mistakes(self, entry: RuleEntry) -> Mistakes:
        yield from _same_names(entry, "after", "then", "at_most:")

    def automaton(self, parts: RuleParts) -> Automaton:
        return after_then(parts.steps["after"], parts.steps["then"])

    def explain(self, rule: Rule, steps: Steps) -> str:
        after, then = rule.automaton.patterns
        missing = f"none of {format_names(sorted(then.names))}" if len(then.names) > 1 else f"no {then}"
        return f"the case is over at step {len(steps)}, and {missing} has followed {after}"


class _AtMost(RuleTemplate):
    """``at_most: 1, of: decide``."""

    name, key, subject = "at_most", "at_most", "of"
    step_keys = ("of",)

    def mistakes(self, entry: RuleEntry) -> Mistakes:
        if entry.at_most is not None and not 0 < entry.at_most <= 100:
            hint = "; to allow none, write never:" if entry.at_most < 1 else ""
            yield "at_most", f"at_most: must be a number from 1 to 100, not {entry.at_most}{hint}"

    def automaton(self, parts: RuleParts) -> Automaton:
        assert parts.entry.at_most is not None
        return at_most(parts.entry.at_most, parts.steps["of"])

    def explain(self, rule: Rule, steps: Steps) -> str:
        limit = len(rule.automaton.table) - 2  # a state for each count from 0 to the limit, and the broken one
        return f"{_last_step(rule, steps)}, one time more than the {limit} allowed"


TEMPLATES: tuple[RuleTemplate, ...] = (_Never(), _Before(), _After(), _AtMost())
"""The templates by their keys, in the order of the reference."""

CONDITION: RuleTemplate = _Condition()
"""The template of a ``never:`` that holds a condition instead of steps."""

_BY_NAME = {template.name: template for template in (*TEMPLATES, CONDITION)}


def template_of(rule: Rule) -> RuleTemplate:
    """Return the template of a rule."""
    return _BY_NAME[rule.template]


def shorten_condition(condition: object) -> str:
    """Return a condition as text of at most `MAX_CHARACTERS`."""
    return shorten(str(condition), MAX_CHARACTERS)


def _same_names(entry: RuleEntry, first: str, second: str, instead: str) -> Mistakes:
    """Yield a mistake if two keys list the same names and no ``if:`` distinguishes them."""
    one, other = getattr(entry, first), getattr(entry, second)
    if entry.if_ is None and one and other and set(one) == set(other):
        shown = " or ".join(one)
        yield (second, f"{second}: names the same as {first}: ({shown}); name what else must come {first} it, or write {instead}")


def _last_step(rule: Rule, steps: Steps) -> str:
    """Return the name of the last step of a history, its number, and the ``if:`` of the rule."""
    subject = rule.automaton.patterns[0]
    condition = f", while {shorten_condition(rule.written['if'])}" if "if" in rule.written else ""
    return f"{subject.first_of(steps[-1]) or subject} at step {len(steps)}{condition}"
