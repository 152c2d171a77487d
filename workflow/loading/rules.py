"""Read rule entries of a workflow file or of a ``*.rules.yaml`` against the names of the workflow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from workflow.errors import InputError, Problem, nearest
from workflow.files.format import RuleEntry
from workflow.files.validation import format_names, format_value, parse_at, split_names
from workflow.files.yaml_tree import Node
from workflow.model.automata import PastOperator, StepPattern
from workflow.model.rules import Rule
from workflow.model.templates import CONDITION, TEMPLATES, RuleParts, RuleTemplate
from workflow.model.time_limits import ELAPSED, MAX_YEARS, UNITS, TimeLimit
from workflow.model.working_days import WorkingDays, parse_working_days
from workflow.predicates import Expression, Field, Namespace
from workflow.predicates.functions import PAST
from workflow.predicates.mistakes import shorten

MAX_PAST_NAMES = 8  # an automaton's table has a column for each combination

_STEP_KEYS = [key for template in TEMPLATES for key in template.step_keys]
_TEMPLATE_KEYS = [template.key for template in TEMPLATES]
_NAME_AND_CONDITION = re.compile(r"\s*(\w+)\s+(?:if|when)\s+((?:(?!\belse\b).)+)", re.DOTALL)
_OTHER_UNITS = {"seconds": " The shortest is a minute."}


class RuleReader:
    """Reads rule entries against the names of a workflow; adds mistakes to `problems`.

    Parameters
    ----------
    namespace : Namespace
        Facts, record and definitions of the workflow.
    states : iterable of str
    step_names : iterable of str
        The names of transitions and events.
    problems : list of Problem
    """

    def __init__(self, namespace: Namespace, states: Iterable[str], step_names: Iterable[str], problems: list[Problem]) -> None:
        state = Field("state", "enum", "record", values=tuple(states))
        self.step_names = tuple(step_names)
        self.namespace = Namespace({**namespace.fields, "state": state}, namespace.definitions, self.step_names)
        self.problems = problems

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
        when = self._condition(entry.if_, node, "if", what)
        giving = self._condition(entry.giving, node, "giving", what)
        forbidden = self._never(entry, node, what)
        steps = {key: self._steps(getattr(entry, key), node, key, what) for key in _STEP_KEYS if getattr(entry, key)}
        within = self._within(entry, node, what)
        if template is None or len(self.problems) > before:
            return None
        condition = None
        if isinstance(forbidden, Expression):
            template, condition = CONDITION, forbidden
            if not self._check_past(condition, node, what):
                return None
        else:
            if forbidden is not None:
                steps["never"] = forbidden
            steps[template.subject] = replace(steps[template.subject], when=when, giving=giving)
        texts = {"never": entry.never, "if": entry.if_, "giving": entry.giving}
        return Rule(
            entry.rule,
            template.name,
            template.automaton(RuleParts(steps, condition, entry)),
            within=within,
            condition=condition,
            source=entry.source,
            description=entry.description,
            position=node.position,
            written={key: text for key, text in texts.items() if isinstance(text, str)},
        )

    def _wrong(self, node: Node, key: str | None, message: str) -> None:
        self.problems.append(Problem(message, node.position_of((key,)) if key is not None else node.position))

    # the template ----------------------------------------------------------------------------------

    def _template(self, entry: RuleEntry, node: Node, what: str) -> RuleTemplate | None:
        """Return the template that the keys of an entry select, and report missing and surplus keys."""
        given = [template for template in TEMPLATES if getattr(entry, template.key) is not None]
        if len(given) != 1:
            shown = f"found: {', '.join(t.key for t in given)}" if given else "found none of them"
            for template in TEMPLATES if not given else ():
                keys = [key for key in template.own_keys if getattr(entry, key) is not None]
                shown += "".join(f"; {key}: goes with {template.key}" for key in keys)
            self._wrong(node, None, f"{what}: needs exactly one of {', '.join(_TEMPLATE_KEYS)}; {shown}")
            return None
        template = given[0]
        if template.partner is not None and getattr(entry, template.partner) is None:
            self._wrong(node, template.key, f"{what}: {template.key}: requires {template.partner}:, which is missing")
        for other in TEMPLATES:
            for key in other.own_keys if other is not template else ():
                if getattr(entry, key) is not None:
                    self._wrong(node, key, f"{what}: {key}: goes with {other.key}, not with {template.key}")
        for key, message in template.mistakes(entry):
            self._wrong(node, key, f"{what}: {message}")
        return template

    def _check_past(self, condition: Expression, node: Node, what: str) -> bool:
        """Check that a condition does not name too many steps in past operators."""
        n_names = sum(len(operator.names) for operator in PastOperator.all_in(condition))
        if n_names <= MAX_PAST_NAMES:
            return True
        message = (
            f"names {n_names} transitions and events in once(), since() and before(); at most {MAX_PAST_NAMES} are"
            " allowed. Write several rules, or store an answer in the record (set:)"
        )
        self._wrong(node, "never", f"{what}: never: {message}")
        return False

    def _within(self, entry: RuleEntry, node: Node, what: str) -> TimeLimit | None:
        calendar = self._calendar(entry, node, what)
        if entry.within is None:
            return None
        match = re.fullmatch(r"\s*([0-9]{1,300}(?:\.[0-9]+)?)\s*([^\W\d][^\d]*?)\s*", entry.within)
        given, example = format_value(entry.within), "must be a length of time such as '90 days' or '10 working days'"
        if match is None:
            self._wrong(node, "within", f"{what}: within: {example}, not {given}")
            return None
        number, unit = float(match[1]), match[2].removesuffix("s") + "s"
        if unit not in UNITS:
            hint = _OTHER_UNITS.get(unit) or nearest(unit, UNITS)
            message = f"{match[2]!r} in {given} is not a unit of time (units: {format_names(UNITS)}).{hint}"
        elif unit not in ELAPSED and not number.is_integer():
            message = f"{given} must be a whole number of {unit}, because it runs to the end of a day; write a smaller unit"
        elif (limit := TimeLimit(number if unit in ELAPSED else int(number), unit, calendar)).is_too_long:
            message = f"must be at most {MAX_YEARS} years, not {given}"
        elif unit == "working days" and entry.calendar is None:
            message = f"{given} needs a calendar; add calendar: weekdays, or a country such as US-CO, whose holidays do not count"
        elif unit != "working days" and entry.calendar is not None:
            message = f"{given} counts all days; write working days, or leave calendar: out"
        else:
            return limit
        self._wrong(node, "within", f"{what}: within: {message}")
        return None

    def _calendar(self, entry: RuleEntry, node: Node, what: str) -> WorkingDays | None:
        if entry.calendar is None:
            return None
        try:
            return parse_working_days(entry.calendar)
        except InputError as error:
            for problem in error.problems:
                self._wrong(node, "calendar", f"{what}: calendar: {problem.message}")
            return None

    # names and conditions --------------------------------------------------------------------------

    def _condition(self, text: str | None, node: Node, key: str, what: str, past: bool = False) -> Expression | None:
        if text is None:
            return None
        namespace = replace(self.namespace, past=past)
        return parse_at(node.find((key,)), text, namespace, self.problems, f"{what}: {key}")

    def _steps(self, given: Sequence[str], node: Node, key: str, what: str) -> StepPattern:
        for name in given:
            if name not in self.step_names:
                message = f"{what}: {key}: {name!r} is not a transition or an event.{self._hint(name)}"
                self._wrong(node, key, message)
        return StepPattern(frozenset(given))

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

    def _never(self, entry: RuleEntry, node: Node, what: str) -> StepPattern | Expression | None:
        """Read ``never:``: steps, or a condition, which may use past operators."""
        text = entry.never
        if text is None:
            return None
        if isinstance(text, list) or (isinstance(text, str) and self._lists_steps(text)):
            try:
                return self._steps(split_names(text), node, "never", what)
            except ValueError as error:
                self._wrong(node, "never", f"{what}: never: {error}")
                return None
        if not isinstance(text, str):
            self._wrong(node, "never", f"{what}: never: must be a transition or a condition, not {format_value(text)}")
            return None
        if (parts := _NAME_AND_CONDITION.fullmatch(text)) and parts[1] in self.step_names:
            message = f"write a transition and its condition in two keys: never: {parts[1]} and if: {shorten(parts[2])}"
            self._wrong(node, "never", f"{what}: never: {message}")
            return None
        for key, given in (("if", entry.if_), ("giving", entry.giving)):
            if given is not None:
                message = "never: with a condition takes neither if: nor giving:; join the conditions with and"
                self._wrong(node, key, f"{what}: {message}")
                break
        return self._condition(text, node, "never", what, past=True)

    def _lists_steps(self, text: str) -> bool:
        """Return whether a ``never:`` lists transitions and events rather than stating a condition."""
        try:
            parts = split_names(text)
        except ValueError:
            return False
        if not all(part.isidentifier() for part in parts):
            return False
        known = {*self.namespace.fields, *self.namespace.definitions, *PAST}
        return any(part in self.step_names for part in parts) or not any(part in known for part in parts)
