"""Rule templates: one object per form of rule, with its keys, its checks, its automaton and its explanation.

To add a template, declare its keys in `workflow.files.format` (`TEMPLATE_KEYS` and `RuleEntry`), add an object to
`TEMPLATES` here, and a constructor of its automaton to `workflow.model.automata`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from workflow.files.format import TEMPLATE_KEYS, RuleEntry
from workflow.files.validation import format_names
from workflow.model.automata import (
    Automaton,
    Thresholds,
    after_then,
    before_needs,
    count,
    eventually,
    follows_directly,
    follows_each,
    hears,
    needs_directly,
    never,
    never_true,
    not_together,
)
from workflow.model.rules import Rule
from workflow.predicates import Expression, unparse
from workflow.predicates.mistakes import shorten
from workflow.predicates.words import Word

MAX_CHARACTERS = 160
MOST_COUNTED = 100

Steps = Sequence[Sequence[str]]
"""A history: the names of the event and of the transition of each step."""

Mistakes = Iterator[tuple[str, str]]
"""The key at which a mistake stands, and the message."""


@dataclass(frozen=True)
class RuleParts:
    """The contents of a rule entry, as read.

    Attributes
    ----------
    words : mapping of str to Word
        By key. The subject carries ``if:`` and ``giving:``.
    condition : Expression or None
        The condition of a ``never:``.
    number : int or Thresholds
        How often, for a rule that counts.
    entry : RuleEntry
        The entry, for keys that need no further reading.
    """

    words: Mapping[str, Word]
    condition: Expression | None
    number: int | Thresholds
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

    def mistakes(self, entry: RuleEntry, words: Mapping[str, Word]) -> Mistakes:
        """Yield what is wrong with an entry, beyond missing and surplus keys."""
        yield from ()

    @abstractmethod
    def automaton(self, parts: RuleParts) -> Automaton:
        """Return the automaton of a rule."""

    @abstractmethod
    def explain(self, rule: Rule, steps: Steps) -> str:
        """Return how the last step of a history, or its start, breaks a rule."""


class _Never(RuleTemplate):
    """``never: close``, with ``together_with: reopen``."""

    name, key, subject = "never", "never", "never"
    step_keys = ("never", "together_with")

    def automaton(self, parts: RuleParts) -> Automaton:
        never_step, *other = parts.words.values()
        return not_together(never_step, other[0]) if other else never(never_step)

    def explain(self, rule: Rule, steps: Steps) -> str:
        if "together_with" in rule.words:
            return f"{_last_of(rule.words.values(), steps)} at step {len(steps)}, in a case that both have now happened to"
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
    """``before: close, needs: clear``, with ``since: reopen`` or ``once: reopen``, or ``how:``."""

    name, key, subject = "before", "before", "before"
    step_keys = ("before", "needs", "since", "once")

    def mistakes(self, entry: RuleEntry, words: Mapping[str, Word]) -> Mistakes:
        if entry.since is not None and entry.once is not None:
            yield "once", "since: and once: exclude each other; give one"
        for key in ("since", "once") if entry.how is not None else ():
            if getattr(entry, key) is not None:
                yield key, f"{key}: and how: exclude each other; give one"
        if entry.once is None and entry.how is None:
            yield from _same_steps(entry, words, "before", "needs", "never:")
        key = "since" if entry.since is not None else "once"
        if key in words and "needs" in words and words[key].within(words["needs"]):
            yield (
                key,
                f"{key}: names a step that needs: also names ({words[key]}), so the rule is always satisfied after it;"
                f" name another step, or leave {key}: out",
            )

    def automaton(self, parts: RuleParts) -> Automaton:
        before, needs = parts.words["before"], parts.words["needs"]
        if parts.entry.how == "directly":
            return needs_directly(before, needs)
        if parts.entry.how == "each time":
            return before_needs(before, needs, before, once=False)
        resets = parts.words.get("since") or parts.words.get("once")
        return before_needs(before, needs, resets, "once" in parts.words)

    def explain(self, rule: Rule, steps: Steps) -> str:
        resets = rule.words.get("since") or rule.words.get("once")
        since = "before it"
        if rule.how == "directly":
            since = "directly before it"
        elif rule.how == "each time":
            resets = rule.words["before"]
        for n, names in enumerate(steps[:-1], start=1):
            if resets and (reset := resets.first_of(names)) is not None:
                since = f"after {reset} at step {n}"
        return f"{_last_step(rule, steps)}, with no {rule.words['needs']} {since}"


class _After(RuleTemplate):
    """``after: clear, then: accept``, with ``within: 30 days``, or ``how:``."""

    name, key, subject = "after", "after", "after"
    step_keys = ("after", "then")

    def mistakes(self, entry: RuleEntry, words: Mapping[str, Word]) -> Mistakes:
        if entry.how is None:
            yield from _same_steps(entry, words, "after", "then", "at_most:")
        elif entry.within is not None:
            yield "how", "within: and how: exclude each other; write two rules"
        if entry.fair is not None and entry.within is not None:
            yield "fair", "within: and fair: exclude each other; write two rules"

    def automaton(self, parts: RuleParts) -> Automaton:
        form = {"directly": follows_directly, "each time": follows_each, None: after_then}[parts.entry.how]
        return form(parts.words["after"], parts.words["then"])

    def explain(self, rule: Rule, steps: Steps) -> str:
        after, then = rule.words["after"], rule.words["then"]
        missing = f"none of {format_names(sorted(then.names))}" if len(then.names) > 1 else f"no {then}"
        if rule.how == "directly":
            return f"{missing} follows {after} directly: step {len(steps)} is another, or the case is over"
        if rule.how == "each time" and (again := after.first_of(steps[-1])) is not None:
            return f"{again} again at step {len(steps)}, and {missing} has followed the one before, or the case is over"
        return f"the case is over at step {len(steps)}, and {missing} has followed {after}"


class _Eventually(RuleTemplate):
    """``eventually: decide`` or ``eventually: state == "decided"``, with ``fair: deadline``."""

    name, key, subject = "eventually", "eventually", "eventually"
    step_keys = ("eventually",)

    def automaton(self, parts: RuleParts) -> Automaton:
        if parts.condition is not None:
            return eventually(parts.condition)
        return count(parts.words["eventually"], None, least=1)

    def explain(self, rule: Rule, steps: Steps) -> str:
        what = shorten_condition(rule.written["eventually"])
        return f"the case is over {_at(steps)}, and {what} {'has not happened' if rule.words else 'has not held'}"


class _Counting(RuleTemplate):
    """How often a step happens, with ``since: reopen``."""

    subject = "of"
    step_keys = ("of", "since")

    def mistakes(self, entry: RuleEntry, words: Mapping[str, Word]) -> Mistakes:
        number = getattr(entry, self.key)
        if isinstance(number, int) and not 0 < number <= MOST_COUNTED:
            hint = "; to allow none, write never:" if number < 1 and self.key != "at_least" else ""
            yield self.key, f"{self.key}: must be a number from 1 to {MOST_COUNTED}, not {number}{hint}"
        if "since" in words and "of" in words and words["since"].within(words["of"]):
            yield "since", f"since: names a step that of: counts ({words['since']}); name another step, or leave since: out"

    def _counted(self, rule: Rule, steps: Steps) -> str:
        since, n = "", 0
        for i, names in enumerate(steps, start=1):
            n += sum(name in rule.words["of"].names for name in names)
            if "since" in rule.words and i < len(steps) and (reset := rule.words["since"].first_of(names)) is not None:
                since, n = f" since {reset} at step {i}", 0
        return f"{'no' if n == 0 else n} {rule.words['of']}{since}"


class _AtMost(_Counting):
    """``at_most: 1, of: decide``, with ``per: 365 days``."""

    name, key = "at_most", "at_most"

    def automaton(self, parts: RuleParts) -> Automaton:
        of, since = parts.words["of"], parts.words.get("since")
        if parts.entry.per is not None:
            return hears(of, since, parts.number, at_least=False)
        return count(of, since, most=parts.number)

    def explain(self, rule: Rule, steps: Steps) -> str:
        if rule.limit == 0:
            return f"{_last_step(rule, steps)}: {self._counted(rule, steps)}, more than {rule.written['at_most']}"
        return f"{_last_step(rule, steps)}, one time more than the {rule.limit} allowed"


class _AtLeast(_Counting):
    """``at_least: 2, of: notify``, with ``per: 365 days``."""

    name, key = "at_least", "at_least"

    def automaton(self, parts: RuleParts) -> Automaton:
        of, since = parts.words["of"], parts.words.get("since")
        if parts.entry.per is not None:
            return hears(of, since, parts.number, at_least=True)
        return count(of, since, least=parts.number)

    def explain(self, rule: Rule, steps: Steps) -> str:
        return f"the case is over at step {len(steps)} with {self._counted(rule, steps)}, fewer than {rule.written['at_least']}"


class _Exactly(_Counting):
    """``exactly: 1, of: notify``."""

    name, key = "exactly", "exactly"

    def automaton(self, parts: RuleParts) -> Automaton:
        return count(parts.words["of"], parts.words.get("since"), least=parts.number, most=parts.number)

    def explain(self, rule: Rule, steps: Steps) -> str:
        return f"{self._counted(rule, steps)} at step {len(steps)}, not exactly {rule.written['exactly']}"


TEMPLATES: tuple[RuleTemplate, ...] = (_Never(), _Before(), _After(), _Eventually(), _AtLeast(), _AtMost(), _Exactly())
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


def _same_steps(entry: RuleEntry, words: Mapping[str, Word], first: str, second: str, instead: str) -> Mistakes:
    """Yield a mistake if two keys name the same steps and no ``if:`` distinguishes them."""
    one, other = words.get(first), words.get(second)
    if entry.if_ is None and one and other and one.within(other) and other.within(one):
        yield (second, f"{second}: names the same as {first}: ({one}); name what else must come {first} it, or write {instead}")


def _last_step(rule: Rule, steps: Steps) -> str:
    """Return the name of the last step of a history, its number, and the ``if:`` of the rule."""
    condition = f", while {shorten_condition(rule.written['if'])}" if "if" in rule.written else ""
    return f"{_last_of([rule.subject], steps)} at step {len(steps)}{condition}"


def explain_forever(rule: Rule) -> str:
    """Return how a case breaks a rule that rests or goes round forever."""
    if "then" in rule.words:
        return f"{rule.words['then']} never follows {rule.words['after']}"
    what = shorten_condition(rule.written["eventually"])
    return f"{what} never {'happens' if rule.words else 'holds'}"


def _at(steps: Steps) -> str:
    return f"at step {len(steps)}" if steps else "as it begins"


def _last_of(words: Iterable[Word], steps: Steps) -> str:
    """Return the last name of the last step that is one of some words."""
    named = [name for name in steps[-1] for word in words if name in word.names] if steps else []
    return named[-1] if named else " or ".join(map(str, words))
