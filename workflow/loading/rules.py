"""Read rule entries of a workflow file or of a ``*.rules.yaml`` against the names of the workflow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from workflow.errors import InputError, Problem, nearest
from workflow.files.format import RuleEntry, keys_with
from workflow.files.validation import NamedSteps, format_names, format_value, parse_at, split_names, split_words
from workflow.files.yaml_tree import Node
from workflow.loading.time_limits import Calendars, read_calendar, read_limit
from workflow.model.rules import Rule
from workflow.model.templates import CONDITION, MOST_COUNTED, TEMPLATES, RuleParts, RuleTemplate
from workflow.model.time_bounds import Bounds
from workflow.model.time_limits import TimeLimit
from workflow.model.working_days import WorkingDays
from workflow.predicates import Expression, Field, Namespace, made_of
from workflow.predicates.functions import PAST
from workflow.predicates.mistakes import shorten
from workflow.predicates.ranges import bounds
from workflow.predicates.tree import And, Compare, Constant
from workflow.predicates.words import StepPattern, Word

_STEP_KEYS = list(dict.fromkeys(key for template in TEMPLATES for key in template.step_keys))
_TEMPLATE_KEYS = [template.key for template in TEMPLATES]
_NAME_AND_CONDITION = re.compile(r"\s*(\w+)\s+(?:if|when)\s+((?:(?!\belse\b).)+)", re.DOTALL)


class RuleReader:
    """Reads rule entries against the names of a workflow; adds mistakes to `problems`.

    Parameters
    ----------
    namespace : Namespace
        Facts, record and definitions of the workflow.
    states : iterable of str
    step_names : iterable of str
        The names of transitions and events.
    events : iterable of str
    problems : list of Problem
    calendars : mapping of str to WorkingDays
        That `calendar:` may name.
    bounds : Bounds
        On which proofs of the rules rely.
    """

    def __init__(
        self, namespace: Namespace, states: Iterable[str], step_names: Iterable[str], events: Iterable[str],
        problems: list[Problem], calendars: Calendars, bounds: Bounds,
    ) -> None:  # fmt: skip
        state = Field("state", "enum", "record", values=tuple(states))
        self.step_names, self.events = dict.fromkeys(step_names), dict.fromkeys(events)
        self.namespace = Namespace({**namespace.fields, "state": state}, namespace.definitions, self.step_names)
        self.problems = problems
        self.calendars = calendars
        self.bounds = bounds
        facts = {name: declared for name, declared in namespace.fields.items() if declared.role == "fact"}
        self.facts = made_of(facts, self.namespace)

    def read(self, entry: RuleEntry, node: Node, malformed: bool = False) -> Rule | None:
        """Read one entry.

        Parameters
        ----------
        node : Node
            The node of the entry.
        malformed : bool
            Whether keys of the wrong shape were left out. Missing keys are then not reported.

        Returns
        -------
        Rule or None
            ``None`` if the entry has a mistake.
        """
        before = len(self.problems)
        what = f"rule {entry.rule!r}"
        template = None if malformed else self._template(entry, node, what)
        when = self._condition(entry.if_, node.find(("if",)), "if", what, past=True)
        giving = self._condition(entry.giving, node.find(("giving",)), "giving", what)
        open_keys = [key for key in ("never", "eventually") if getattr(entry, key) is not None]
        either = {key: self._steps_or_condition(entry, node, key, what) for key in open_keys}
        words = {
            key: self._word(given, node, key, what)
            for key in _STEP_KEYS
            if key not in ("never", "eventually") and (given := getattr(entry, key)) is not None
        }
        words |= {key: given for key, given in either.items() if isinstance(given, Word)}
        if template is not None:
            for key, message in template.mistakes(entry, words):
                self._wrong(node, key, f"{what}: {message}")
        within = self._length(entry, node, "within", what)
        per = self._length(entry, node, "per", what)
        number = self._number(entry, node, template, what)
        self._check_fair(entry, node, what)
        if template is None or len(self.problems) > before:
            return None
        condition = next((given for given in either.values() if isinstance(given, Expression)), None)
        if condition is not None:
            template, words = (CONDITION if template.key == "never" else template), {}
        else:
            words = {key: words[key] for key in template.step_keys if key in words}
            words[template.subject] = _narrowed(words[template.subject], when, giving)
        try:
            automaton = template.automaton(RuleParts(words, condition, number, entry))
        except InputError as error:
            self._wrong(node, template.key if condition is not None else None, f"{what}: {error}")
            return None
        written = {"if": entry.if_, "giving": entry.giving, template.key: getattr(entry, template.key)}
        return Rule(
            entry.rule,
            template.name,
            automaton,
            words,
            within=within,
            per=per,
            limit=number if isinstance(number, int) else 0,
            thresholds=() if isinstance(number, int) else number,
            how=entry.how,
            bounds=self.bounds,
            fair=self._fair(entry),
            condition=condition if template is CONDITION else None,
            source=entry.source,
            description=entry.description,
            position=node.position,
            written={key: str(text) for key, text in written.items() if isinstance(text, str | int)},
        )

    def _wrong(self, node: Node, key: str | None, message: str) -> None:
        self.problems.append(Problem(message, node.position_of((key,)) if key is not None else node.position))

    # the template ----------------------------------------------------------------------------------

    def _template(self, entry: RuleEntry, node: Node, what: str) -> RuleTemplate | None:
        """Return the template that the keys of an entry select, and report missing and surplus keys."""
        given = [template for template in TEMPLATES if getattr(entry, template.key) is not None]
        if len(given) != 1:
            shown = f"found: {', '.join(t.key for t in given)}" if given else "found none of them"
            for key in dict.fromkeys(key for template in TEMPLATES for key in template.own_keys) if not given else ():
                shown += f"; {key}: goes with {_either(keys_with(key))}" if getattr(entry, key) is not None else ""
            self._wrong(node, None, f"{what}: needs exactly one of {', '.join(_TEMPLATE_KEYS)}; {shown}")
            return None
        template = given[0]
        if template.partner is not None and getattr(entry, template.partner) is None:
            self._wrong(node, template.key, f"{what}: {template.key}: requires {template.partner}:, which is missing")
        for key in dict.fromkeys(key for other in TEMPLATES for key in other.own_keys):
            if key not in template.own_keys and getattr(entry, key) is not None:
                self._wrong(node, key, f"{what}: {key}: goes with {_either(keys_with(key))}, not with {template.key}")
        return template

    def _number(
        self, entry: RuleEntry, node: Node, template: RuleTemplate | None, what: str
    ) -> int | tuple[tuple[Expression, int], ...]:
        """Return how often, for a rule that counts: a number, or one for each kind of case."""
        number = getattr(entry, template.key) if template is not None else None
        if not isinstance(number, str) or template is None or template.key not in ("at_least", "at_most", "exactly"):
            return number if isinstance(number, int) else 0
        expression = parse_at(node.find((template.key,)), number, self.facts, self.problems, f"{what}: {template.key}", "number")
        if expression is None:
            return 0
        low, high = bounds(expression)
        if expression.kind != "integer" or low < 0 or high > MOST_COUNTED:
            of = "a whole number" if expression.kind != "integer" else f"at least {low} and at most {high}"
            allowed = f"must be a whole number from 0 to {MOST_COUNTED} for every case; give its facts a minimum and a maximum"
            self._wrong(node, template.key, f"{what}: {template.key}: {allowed} ({shorten(number)} is {of})")
            return 0
        values = range(low, high + 1)
        return tuple((Compare("==", expression, Constant(value, "integer")), value) for value in values)

    def _length(self, entry: RuleEntry, node: Node, key: str, what: str) -> TimeLimit | None:
        """Return the length of time under a key."""
        text = getattr(entry, key)
        calendar = self._calendar(entry, node, what) if text is not None else None
        if text is None:
            return None
        try:
            return read_limit(text, calendar, entry.calendar is not None)
        except InputError as error:
            self._wrong(node, key, f"{what}: {key}: {error.problems[0].message}")
            return None

    def _calendar(self, entry: RuleEntry, node: Node, what: str) -> WorkingDays | None:
        if entry.calendar is None:
            return None
        try:
            return read_calendar(entry.calendar, self.calendars)
        except InputError as error:
            for problem in error.problems:
                self._wrong(node, "calendar", f"{what}: calendar: {problem.message}")
            return None

    # names and conditions --------------------------------------------------------------------------

    def _condition(self, text: str | None, node: Node, key: str, what: str, past: bool = False) -> Expression | None:
        """Parse the condition at a node."""
        if text is None:
            return None
        return parse_at(node, text, replace(self.namespace, past=past), self.problems, f"{what}: {key}")

    def _word(self, given: Sequence[NamedSteps], node: Node, key: str, what: str) -> Word:
        """Read what a key names."""
        alternatives, plain = [], list[str]()
        for steps in given:
            for name in steps.names:
                if name not in self.step_names:
                    self._wrong(node, key, f"{what}: {key}: {name!r} is not a transition or an event.{self._hint(name)}")
            where = node.find((key, *steps.path))
            when = self._condition(steps.if_, where.find(("if",)), f"{key}: if", what, past=True)
            giving = self._condition(steps.giving, where.find(("giving",)), f"{key}: giving", what)
            if when is None and giving is None:
                plain += steps.names
            else:
                alternatives.append(StepPattern(frozenset(steps.names), when, giving))
        return Word((*([StepPattern(frozenset(plain))] if plain else []), *dict.fromkeys(alternatives)))

    def _hint(self, name: str) -> str:
        """Return the probable meaning of a name that is neither a transition nor an event."""
        known = {**self.namespace.fields, **self.namespace.definitions}
        states = self.namespace.fields["state"].values
        if name in states:
            return f" It is a state: name the transition that leads there, or write never: state == '{name}'."
        if name in known:
            return " It is a field or a definition: put it under if:, or in a never: of its own."
        if not name.isidentifier():
            return " Join names with 'or'; put a condition under if:, or in a never: of its own."
        return nearest(name, self.step_names) or nearest(name, [*known, *states]) or f" Known: {format_names(self.step_names)}."

    def _fair(self, entry: RuleEntry) -> tuple[str, ...] | None:
        """Return the fair events; ``None`` for a rule that allows a case to rest forever."""
        if entry.fair is None:
            return () if entry.eventually is not None else None
        return tuple(name for name in entry.fair if name != "none")

    def _check_fair(self, entry: RuleEntry, node: Node, what: str) -> None:
        for name in entry.fair or ():
            if name != "none" and name not in self.events:
                hint = nearest(name, self.events) or f" Known: {format_names(self.events) or 'none'}."
                self._wrong(node, "fair", f"{what}: fair: {name!r} is not an event.{hint}")

    def _steps_or_condition(self, entry: RuleEntry, node: Node, key: str, what: str) -> Word | Expression | None:
        """Read ``never:`` or ``eventually:``: steps, or a condition. Under ``never:``, it may use past operators."""
        text = getattr(entry, key)
        if isinstance(text, list | dict) or (isinstance(text, str) and self._lists_steps(text)):
            try:
                return self._word(split_words(text), node, key, what)
            except ValueError as error:
                self._wrong(node, key, f"{what}: {key}: {error}")
                return None
        if not isinstance(text, str):
            self._wrong(node, key, f"{what}: {key}: must be a transition or a condition, not {format_value(text)}")
            return None
        if (parts := _NAME_AND_CONDITION.fullmatch(text)) and parts[1] in self.step_names:
            message = f"write a transition and its condition in two keys: {key}: {parts[1]} and if: {shorten(parts[2])}"
            self._wrong(node, key, f"{what}: {key}: {message}")
            return None
        for other in ("if", "giving", "together_with"):
            if getattr(entry, "if_" if other == "if" else other) is not None:
                message = f"{key}: with a condition takes neither if:, giving: nor together_with:; join the conditions with and"
                self._wrong(node, other, f"{what}: {message}")
                break
        return self._condition(text, node.find((key,)), key, what, past=key == "never")

    def _lists_steps(self, text: str) -> bool:
        """Return whether a text lists transitions and events rather than stating a condition."""
        try:
            parts = split_names(text)
        except ValueError:
            return False
        if not all(part.isidentifier() for part in parts):
            return False
        known = (self.namespace.fields, self.namespace.definitions, PAST, ("true", "false"))
        return any(part in self.step_names for part in parts) or not any(part in names for part in parts for names in known)


def _narrowed(word: Word, when: Expression | None, giving: Expression | None) -> Word:
    """Return a word with the rule's own ``if:`` and ``giving:`` on each of its steps."""
    return Word(tuple(StepPattern(one.names, _both(when, one.when), _both(giving, one.giving)) for one in word.alternatives))


def _both(one: Expression | None, other: Expression | None) -> Expression | None:
    return And((one, other)) if one is not None and other is not None else one if one is not None else other


def _either(keys: Sequence[str]) -> str:
    return " or ".join(keys)
