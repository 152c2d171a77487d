"""Read rule entries of a workflow file or of a ``*.rules.yaml`` against the workflow's names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workflow.errors import Problem, nearest
from workflow.files.format import RuleEntry
from workflow.files.validation import listed, parse_at, said, split_names
from workflow.files.yaml_tree import Node
from workflow.model.automata import Automaton, Letter, Past, after_then, at_most, before_needs, in_no_situation, never
from workflow.model.rules import Rule
from workflow.predicates import Expression, Field, Namespace, names, substitute
from workflow.predicates.calls import PAST
from workflow.predicates.mistakes import shortened

__all__ = ["RuleReader"]

MOST_DAYS = 36_525  # a hundred years
MOST_LETTERS = 8  # an automaton's table has a column for each combination

_PARTNERS = {"before": "needs", "after": "then", "at_most": "of"}
_ONLY_WITH = {
    "needs": ("before",), "since": ("before",), "once": ("before",), "then": ("after",), "within": ("after",),
    "of": ("at_most",), "giving": ("never",),
}  # fmt: skip
_TWO_KEYS = re.compile(r"\s*(\w+)\s+(?:if|when)\s+((?:(?!\belse\b).)+)", re.DOTALL)
_NAMING = ("before", "needs", "since", "once", "after", "then", "of")
_NO_UNIT = {
    **dict.fromkeys(("minutes", "seconds"), " The shortest is an hour."),
    "working days": " Every day of the calendar counts.",
}
_DAYS = {"hours": 1 / 24, "days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "years": 365.25}


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
        self.words = tuple(words)
        self.namespace = Namespace({**namespace.fields, "state": state}, namespace.definitions, self.words)
        self.problems = problems

    def read(self, entry: RuleEntry, node: Node, marred: bool = False) -> Rule | None:
        """Read one entry; `node` is where it stands.

        Parameters
        ----------
        marred : bool
            Whether keys with a mistake of shape were left out: what would be said of missing ones only follows.
        """
        before = len(self.problems)
        what = f"rule {entry.rule!r}"
        template = None if marred else self._template(entry, node, what)
        when = self._condition(entry.if_, node, "if", what)
        giving = self._condition(entry.giving, node, "giving", what)
        never_so = self._never(entry, node, what)
        letters = {key: self._letter(getattr(entry, key), node, key, what) for key in _NAMING if getattr(entry, key)}
        days = self._within(entry, node, what)
        if template is None or len(self.problems) > before:
            return None
        if isinstance(never_so, Expression):
            past = [Past.of(name) for name in sorted(names(never_so)) if "(" in name]
            n_letters = sum(len(operator.names) for operator in past)
            if n_letters > MOST_LETTERS:
                self._wrong(
                    node,
                    "never",
                    f"{what}: never: names {n_letters} transitions and events in once(), since() and before(); at most {MOST_LETTERS} are followed. Write several rules, or keep an answer in the record (set:)",
                )
                return None
            return self._rule(entry, node, "situation", in_no_situation(never_so, past, substitute), condition=never_so)
        if never_so is not None:
            return self._rule(entry, node, "never", never(replace(never_so, when=when, giving=giving)))
        return self._rule(entry, node, template, self._automaton(entry, template, letters, when), within_days=days)

    @staticmethod
    def _automaton(
        entry: RuleEntry, template: str, letters: Mapping[str, Letter], when: Expression | None
    ) -> Automaton:
        if template == "at_most":
            return at_most(entry.at_most or 0, replace(letters["of"], when=when))
        subject = replace(letters[template], when=when)
        if template == "after":
            return after_then(subject, letters["then"])
        return before_needs(subject, letters["needs"], letters.get("since") or letters.get("once"), "once" in letters)

    @staticmethod
    def _rule(entry: RuleEntry, node: Node, template: str, automaton: Automaton, **more: Any) -> Rule:
        return Rule(
            entry.rule,
            template,
            automaton,
            source=entry.source,
            description=entry.description,
            position=node.position,
            written={
                key: text
                for key, text in (("never", entry.never), ("if", entry.if_), ("giving", entry.giving))
                if isinstance(text, str)
            },
            **more,
        )

    def _wrong(self, node: Node, key: str | None, message: str) -> None:
        self.problems.append(Problem(message, node.place((key,)) if key is not None else node.position))

    # the template ----------------------------------------------------------------------------------

    def _template(self, entry: RuleEntry, node: Node, what: str) -> str | None:
        given = [k for k in ("never", "before", "after", "at_most") if getattr(entry, k) is not None]
        if len(given) != 1:
            shown = f"here: {', '.join(given)}" if given else "here is none of them"
            halves = [k for k in _ONLY_WITH if getattr(entry, k) is not None] if not given else []
            shown += "".join(f"; {key}: goes with {listed(_ONLY_WITH[key])}" for key in halves)
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
        if entry.at_most is not None and not 0 < entry.at_most <= 100:
            hint = "; for none at all write never:" if entry.at_most < 1 else ""
            message = f"{what}: at_most: must be a number from 1 to 100, not {entry.at_most}{hint}"
            self._wrong(node, "at_most", message)
        self._check_sense(entry, node, what)
        return template

    def _check_sense(self, entry: RuleEntry, node: Node, what: str) -> None:
        """Tell of names that cannot be meant where they stand."""
        if entry.if_ is None:
            for first, second, instead in (("before", "needs", "never:"), ("after", "then", "at_most:")):
                one, other = getattr(entry, first), getattr(entry, second)
                if one and other and set(one) == set(other) and entry.once is None:
                    shown = " or ".join(one)
                    self._wrong(
                        node,
                        second,
                        f"{what}: {second}: names the same as {first}: ({shown}); name what else must come {first} it, or write {instead}",
                    )
        key = "since" if entry.since is not None else "once"
        resets = entry.since or entry.once
        if resets and entry.needs and set(resets) <= set(entry.needs):
            self._wrong(
                node,
                key,
                f"{what}: {key}: begins afresh with what needs: asks for ({' or '.join(resets)}), so nothing is ever lacking after it; name another, or leave {key}: out",
            )

    def _within(self, entry: RuleEntry, node: Node, what: str) -> float | None:
        if entry.within is None:
            return None
        match = re.fullmatch(r"\s*([0-9]{1,300}(?:\.[0-9]+)?)\s*([^\W\d][^\d]*?)\s*", entry.within)
        if match is None:
            shown = f"must be a length of calendar time such as '90 days', not {said(entry.within)}"
        elif (unit := match[2].removesuffix("s") + "s") not in _DAYS:
            hint = _NO_UNIT.get(unit) or nearest(unit, _DAYS)
            shown = (
                f"{match[2]!r} in {said(entry.within)} is not a unit of calendar time (units: {listed(_DAYS)}).{hint}"
            )
        elif not 0 < (days := float(match[1]) * _DAYS[unit]) <= MOST_DAYS:
            shown = f"must be more than nothing and at most 100 years, not {said(entry.within)}"
        else:
            return days
        self._wrong(node, "within", f"{what}: within: {shown}")
        return None

    # names and conditions --------------------------------------------------------------------------

    def _condition(self, text: str | None, node: Node, key: str, what: str, past: bool = False) -> Expression | None:
        if text is None:
            return None
        namespace = replace(self.namespace, past=past)
        return parse_at(node.find((key,)), text, namespace, self.problems, f"{what}: {key}")

    def _letter(self, given: Sequence[str], node: Node, key: str, what: str) -> Letter:
        for name in given:
            if name not in self.words:
                message = f"{what}: {key}: {name!r} is not a transition or an event.{self._meant(name)}"
                self._wrong(node, key, message)
        return Letter(frozenset(given))

    def _meant(self, name: str) -> str:
        """Return what was probably meant by something that is no transition and no event."""
        known = {**self.namespace.fields, **self.namespace.definitions}
        states = self.namespace.fields["state"].values
        if name in states:
            return f" It is a state: name the transition that leads there, or write never: state == '{name}'."
        if name in known:
            return " It is a field or a definition: ask for it under if:, or in a never: of its own."
        if not name.isidentifier():
            return " Names are joined by 'or'; a condition stands under if:, or in a never: of its own."
        also = [*known, *states]
        return nearest(name, self.words) or nearest(name, also) or f" Known: {listed(self.words)}."

    def _never(self, entry: RuleEntry, node: Node, what: str) -> Letter | Expression | None:
        """Read what may never be: a letter, or a condition, which may look into the past."""
        text = entry.never
        if text is None:
            return None
        if isinstance(text, list) or (isinstance(text, str) and self._speaks_of_words(text)):
            try:
                return self._letter(split_names(text), node, "never", what)
            except ValueError as error:
                self._wrong(node, "never", f"{what}: never: {error}")
                return None
        if not isinstance(text, str):
            self._wrong(node, "never", f"{what}: never: must be a transition, or a condition, not {said(text)}")
            return None
        if (halves := _TWO_KEYS.fullmatch(text)) and halves[1] in self.words:
            message = (
                f"a transition and its condition stand in two keys: never: {halves[1]} and if: {shortened(halves[2])}"
            )
            self._wrong(node, "never", f"{what}: never: {message}")
            return None
        for key, given in (("if", entry.if_), ("giving", entry.giving)):
            if given is not None:
                self._wrong(node, key, f"{what}: never: with a condition has no if: and no giving:; join them with and")
                break
        return self._condition(text, node, "never", what, past=True)

    def _speaks_of_words(self, text: str) -> bool:
        """Say whether a ``never:`` means transitions and events rather than a condition."""
        try:
            parts = split_names(text)
        except ValueError:
            return False
        if not all(part.isidentifier() for part in parts):
            return False
        known = {*self.namespace.fields, *self.namespace.definitions, *PAST}
        return any(part in self.words for part in parts) or not any(part in known for part in parts)
