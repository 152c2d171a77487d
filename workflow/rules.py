"""Policy rules: sentences about a case's history, read from a workflow file or from a ``*.rules.yaml`` of the user's own.

A rule speaks of transitions and events by name. Each is given by exactly one template (``never``, ``before`` with
``needs``, ``after`` with ``then``, ``at_most`` with ``of``) and becomes one automaton (`workflow.automata`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflow.automata import Automaton, Letter, Past, after_then, at_most, before_needs, in_no_situation, never
from workflow.documents import Node
from workflow.errors import Position, Problem, nearest
from workflow.format import RuleEntry
from workflow.predicates import Expression, Field, Namespace, names, substitute
from workflow.validation import listed, parse_at, said, split_names

__all__ = ["Rule", "RuleReader"]

_PAST = re.compile(r"\b(once|since|before)\(\s*(\w+)\s*(?:,\s*(\w+)\s*)?\)")
_PARTNERS = {"before": "needs", "after": "then", "at_most": "of"}
_ONLY_WITH = {
    "needs": ("before",), "since": ("before",), "once": ("before",), "then": ("after",), "within": ("after",),
    "of": ("at_most",), "giving": ("never",),
}  # fmt: skip


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
    """

    name: str
    template: str
    automaton: Automaton
    within_days: float | None = None
    condition: Expression | None = field(default=None, repr=False)
    source: str | None = None
    description: str | None = None
    position: Position | None = None

    @property
    def conditions(self) -> list[Expression]:
        """Return every condition that it reads."""
        found = [c for letter in self.automaton.letters for c in (letter.when, letter.giving) if c is not None]
        return found + list(dict.fromkeys(self.automaton.situations.values()))

    @property
    def reads(self) -> frozenset[str]:
        """Return the names of the facts and record fields that it reads, and ``state`` if it does."""
        return frozenset[str]().union(*(names(c) for c in self.conditions))

    @property
    def words(self) -> frozenset[str]:
        """Return the transitions and events that it speaks of."""
        return frozenset[str]().union(*(letter.names for letter in self.automaton.letters))


class RuleReader:
    """Reads rule entries against a workflow's names; what is wrong goes to `problems`.

    Parameters
    ----------
    namespace : Namespace
        Facts, record and definitions of the workflow.
    states : iterable of str
    words : iterable of str
        The names of transitions and events.
    problems : list of Problem
    """

    def __init__(
        self, namespace: Namespace, states: Iterable[str], words: Iterable[str], problems: list[Problem]
    ) -> None:
        state = Field("state", "enum", "record", values=tuple(states))
        self.namespace = Namespace({**namespace.fields, "state": state}, namespace.definitions)
        self.words = list(words)
        self.problems = problems

    def read(self, entry: RuleEntry, node: Node) -> Rule | None:
        """Read one entry; `node` is where it stands."""
        before = len(self.problems)
        what = f"rule {entry.rule!r}"
        template = self._template(entry, node, what)
        if template is None:
            return None
        when = self._condition(entry.if_, node, "if", what)
        giving = self._condition(entry.giving, node, "giving", what)
        rule: Rule | None
        if template == "never":
            rule = self._never(entry, node, what, when, giving)
        else:
            automaton = self._pair(template, entry, node, what, when)
            within = self._within(entry, node, what)
            rule = None if automaton is None else self._rule(entry, node, template, automaton, within_days=within)
        return rule if len(self.problems) == before else None

    @staticmethod
    def _rule(entry: RuleEntry, node: Node, template: str, automaton: Automaton, **more: Any) -> Rule:
        return Rule(
            entry.rule,
            template,
            automaton,
            source=entry.source,
            description=entry.description,
            position=node.position,
            **more,
        )

    def _wrong(self, node: Node, key: str | None, message: str) -> None:
        self.problems.append(Problem(message, node.place((key,)) if key is not None else node.position))

    def _template(self, entry: RuleEntry, node: Node, what: str) -> str | None:
        given = [k for k in ("never", "before", "after", "at_most") if k in node.value]
        if len(given) != 1:
            shown = f"here: {', '.join(given)}" if given else "here is none of them"
            self._wrong(node, None, f"{what}: is given by exactly one of never, before, after, at_most; {shown}")
            return None
        template = given[0]
        partner = _PARTNERS.get(template)
        if partner is not None and getattr(entry, partner) is None:
            self._wrong(node, template, f"{what}: {template}: goes with {partner}:, which is missing")
        for key, templates in _ONLY_WITH.items():
            if getattr(entry, key) is not None and template not in templates:
                self._wrong(node, key, f"{what}: {key}: goes with {listed(templates)}, not with {template}")
        if entry.since is not None and entry.once is not None:
            self._wrong(node, "once", f"{what}: since: and once: are two ways to begin afresh; give one")
        return template

    def _condition(self, text: str | None, node: Node, key: str, what: str) -> Expression | None:
        if text is None:
            return None
        return parse_at(node.find((key,)), text, self.namespace, self.problems, f"{what}: {key}")

    def _letter(
        self, given: Sequence[str] | None, node: Node, key: str, what: str, when: Expression | None = None
    ) -> Letter | None:
        if given is None:
            return None
        for name in given:
            if name not in self.words:
                hint = nearest(name, self.words) or f" Known: {listed(self.words)}."
                self._wrong(node, key, f"{what}: {key}: {name!r} is not a transition or an event.{hint}")
        return Letter(frozenset(given), when)

    def _pair(
        self, template: str, entry: RuleEntry, node: Node, what: str, when: Expression | None
    ) -> Automaton | None:
        if template == "at_most":
            of = self._letter(entry.of, node, "of", what, when)
            if entry.at_most is not None and not 0 < entry.at_most <= 100:
                self._wrong(
                    node,
                    "at_most",
                    f"{what}: at_most: must be a number from 1 to 100, not {entry.at_most}; for none at all write never:",
                )
                return None
            return None if of is None or entry.at_most is None else at_most(entry.at_most, of)
        if template == "after":
            after, then = (
                self._letter(entry.after, node, "after", what, when),
                self._letter(entry.then, node, "then", what),
            )
            return None if after is None or then is None else after_then(after, then)
        before, needs = (
            self._letter(entry.before, node, "before", what, when),
            self._letter(entry.needs, node, "needs", what),
        )
        reset_key = "since" if entry.since is not None else "once"
        resets = self._letter(entry.since or entry.once, node, reset_key, what)
        return None if before is None or needs is None else before_needs(before, needs, resets, entry.once is not None)

    def _within(self, entry: RuleEntry, node: Node, what: str) -> float | None:
        if entry.within is None:
            return None
        match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(hour|day|week|month|year)s?\s*", entry.within)
        if match is None:
            self._wrong(
                node,
                "within",
                f"{what}: within: must be a length of calendar time such as '90 days', not {said(entry.within)}",
            )
            return None
        days = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}[match[2]]
        return float(match[1]) * days

    def _never(
        self, entry: RuleEntry, node: Node, what: str, when: Expression | None, giving: Expression | None
    ) -> Rule | None:
        text = entry.never
        if isinstance(text, list) or (isinstance(text, str) and self._speaks_of_words(text)):
            try:
                given = split_names(text)
            except ValueError as error:
                self._wrong(node, "never", f"{what}: never: {error}")
                return None
            word = self._letter(given, node, "never", what, when)
            return None if word is None else self._rule(entry, node, "never", never(Letter(word.names, when, giving)))
        if not isinstance(text, str):
            self._wrong(node, "never", f"{what}: never: must be a transition, or a condition, not {said(text)}")
            return None
        if when is not None or giving is not None:
            self._wrong(
                node,
                "if" if when is not None else "giving",
                f"{what}: never: with a condition has no if: and no giving:; join them with and",
            )
            return None
        return self._situation(entry, node, what, text)

    def _speaks_of_words(self, text: str) -> bool:
        """Say whether a ``never:`` means transitions and events rather than a condition."""
        parts = [part.strip() for part in text.replace("|", " or ").split(" or ")]
        if not all(part.isidentifier() for part in parts):
            return False
        known = {*self.namespace.fields, *self.namespace.definitions}
        return any(part in self.words for part in parts) or not any(part in known for part in parts)

    def _situation(self, entry: RuleEntry, node: Node, what: str, text: str) -> Rule | None:
        """Read a condition that may look into the past; an operator becomes a truth value of the same length."""
        past: dict[str, Past] = {}

        def flag(match: re.Match[str]) -> str:
            word = re.sub(r"\W", "_", match[0])
            past[word] = Past(match[1], tuple(name for name in match.groups()[1:] if name is not None), word)
            return word

        plain = _PAST.sub(flag, text)
        at = node.find(("never",))
        for operator in past.values():
            wanted = 1 if operator.operator == "once" else 2
            shown = f"{operator.operator}({', '.join(operator.names)})"
            if len(operator.names) != wanted:
                self._wrong(
                    node,
                    "never",
                    f"{what}: never: {shown} names {len(operator.names)}, but {operator.operator} takes {wanted}: once(t), since(t, u), before(t, u)",
                )
            for name in operator.names:
                if name not in self.words:
                    hint = nearest(name, self.words) or f" Known: {listed(self.words)}."
                    self.problems.append(
                        Problem(
                            f"{what}: never: {shown}: {name!r} is not a transition or an event.{hint}",
                            at.inside(text.index(name)),
                        )
                    )
        flags: Mapping[str, Field] = {word: Field(word, "boolean", "record") for word in past}
        namespace = Namespace({**self.namespace.fields, **flags}, self.namespace.definitions)
        condition = parse_at(at, plain, namespace, self.problems, f"{what}: never")
        if condition is None:
            return None
        automaton = in_no_situation(condition, list(past.values()), substitute)
        return self._rule(entry, node, "situation", automaton, condition=condition)
