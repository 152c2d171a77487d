"""Find the cases that two workflows decide differently: regions of facts with minimal conditions and counts.

The workflows must have the same facts, record and states. For each fact class, their decisions are compared wherever
some course of events can take such a case: in every state, for every trigger and record that it can reach. A decision is
the transition, its target and its effects. Fact classes with the same differences form a region.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.deciding.machine import fact_names
from workflow.deciding.table import Columns, FactClasses, codes, fact_classes, grid, guards, parts_of
from workflow.drawing import html
from workflow.errors import InputError
from workflow.files.arguments import check_arguments, kind_problems
from workflow.files.table import n_of
from workflow.files.validation import format_names
from workflow.model.arguments import workflow_problems
from workflow.model.definition import INCREMENT, Value, Workflow, as_written
from workflow.predicates import Expression, Field, names, unparse, vector
from workflow.predicates.missing import unguarded
from workflow.predicates.operators import COMPARISONS
from workflow.predicates.tree import And, Compare, Constant, Name, Not, Or
from workflow.proving.covering import shortest
from workflow.proving.fact_space import possible_classes
from workflow.proving.findings import json_values
from workflow.proving.nearby import variations
from workflow.proving.reached import Reached

_PEOPLE = "the facts of cases; those of a scenario are make_plan(scenario, SamplePath(seed=1, replication=1)).cases.columns"


@dataclass(frozen=True)
class Literal:
    """A condition over facts, with its text.

    Attributes
    ----------
    text : str
        With the names of definitions. If the workflows define a name differently, the text names the workflow.
    size : int
        Number of names and comparisons.
    condition : Expression
        The condition.
    holds : bool
        Whether the condition must hold or must not hold.
    """

    text: str
    size: int
    condition: Expression
    holds: bool = True


@dataclass(frozen=True)
class Region:
    """Cases that two workflows decide differently in the same way.

    Attributes
    ----------
    alternatives : tuple of tuple of Literal
        A case is in the region if all literals of one alternative agree with its facts.
    decided : tuple of str
        The differences, with the second workflow's decision first: ``reviewed: keep_on_docket, not refer_for_check``.
    example : dict
        The facts of one case that the condition reads.
    count : int
        Number of cases of the population.
    """

    alternatives: tuple[tuple[Literal, ...], ...]
    decided: tuple[str, ...]
    example: dict[str, Value]
    count: int

    @property
    def when(self) -> str:
        """Return the condition as text, with the literals that all alternatives share first."""
        shared = [one for one in self.alternatives[0] if all(one in others for others in self.alternatives)]
        rest = [" and ".join(x.text for x in a if x not in shared) for a in self.alternatives]
        several = [f"({' or '.join(f'({r})' if ' and ' in r else r for r in rest)})"] if len(rest) > 1 else rest
        text = " and ".join([*(x.text for x in shared), *(s for s in several if s)]) or "always"
        return text[1:-1] if not shared and len(rest) > 1 else text

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {"when": self.when, "example": json_values(self.example), "count": self.count, "decided": list(self.decided)}


@dataclass(frozen=True)
class RuleChange:
    """A rule that only one of two workflows has, or that says something else in the other.

    Attributes
    ----------
    rule : str
        Its name.
    workflow : str or None
        The name of the workflow that alone has it; ``None`` if both have one of this name.
    """

    rule: str
    workflow: str | None

    def __str__(self) -> str:
        return f"{self.rule}: {'says something else' if self.workflow is None else f'only in {self.workflow}'}"

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {"rule": self.rule, "only_in": self.workflow}


@dataclass(frozen=True)
class Difference:
    """Where two workflows differ, over a population.

    Attributes
    ----------
    same : int
        Number of cases that are decided alike in every course of events.
    of_case : ndarray of int64, shape (n_cases,)
        The region of each case, -1 for equal decisions.
    rules : tuple of RuleChange
        The rules that differ.
    """

    one: Workflow
    other: Workflow
    regions: tuple[Region, ...]
    same: int
    total: int
    of_case: NDArray[np.int64]
    rules: tuple[RuleChange, ...] = ()

    @property
    def could_differ(self) -> int:
        """Return the number of cases that could be decided differently, in some course of events."""
        return self.total - self.same

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        counts = {"could_differ": self.could_differ, "same": self.same, "total": self.total}
        return {"regions": [r.json() for r in self.regions], **counts, "rules": [rule.json() for rule in self.rules]}

    def __repr__(self) -> str:
        return f"<Difference of {self.one.name!r} and {self.other.name!r}: {n_of(len(self.regions), 'region')}, {self.could_differ:,} of {n_of(self.total, 'case')}>"

    def __str__(self) -> str:
        return "\n".join(self.render())

    def _repr_html_(self) -> str:
        columns = ["cases", "when", "for example", f"decided by {self.other.name}, unlike {self.one.name}"]
        rows = [
            [f"{r.count:,}", r.when if r.example else "whatever their facts", self._example(r), "; ".join(r.decided)]
            for r in self.regions
        ]
        return html.page(
            html.paragraph(self._summary("cases")), html.table(columns, rows, n_text=4), *map(html.paragraph, self._of_rules())
        )

    def render(self, of: str = "cases") -> Iterator[str]:
        """Yield the lines of a report.

        Parameters
        ----------
        of : str
            What was counted, such as ``people of pilot``.
        """
        yield self._summary(of)
        for region in self.regions:
            when = f" when {region.when}" if region.example else ", whatever their facts"
            yield f"\n{region.count:,} could be decided otherwise{when}"
            if region.example:
                yield f"  for example {self._example(region)}"
            yield f"  decided by {self.other.name}, unlike {self.one.name}:"
            yield from (f"    {change}" for change in region.decided)
        if self.rules:
            yield ""
            yield from self._of_rules()

    def _of_rules(self) -> list[str]:
        return [f"rule {rule}" for rule in self.rules]

    def _summary(self, of: str) -> str:
        return (
            f"{self.total:,} {of}: {self.could_differ:,} could be decided otherwise by {self.other.name} than by {self.one.name}"
            f" in some course of events; {self.same:,} {'is' if self.same == 1 else 'are'} decided alike in every one"
        )

    def _example(self, region: Region) -> str:
        """Return the facts of the example that are not at their defaults."""
        odd = {k: v for k, v in region.example.items() if k in self.one.facts and v != self.one.defaults[k]}
        return ", ".join(f"{k} = {as_written(v)}" for k, v in odd.items()) or "every fact at its default"


def diff(one: Workflow, other: Workflow, people: Columns | None = None) -> Difference:
    """Compare two workflows over a population, or over one case of each possible kind.

    The condition of a region is the shortest that is right for all cases of the population and for random
    `variations` of them. The variations prevent conditions that fit the population only by chance. A variation whose
    differences do not occur in the population is ignored. Conditions consist of parts of guards and definitions;
    fewer comparisons are preferred, then shorter text.

    Parameters
    ----------
    one, other : Workflow
        With the same facts, record and states.
    people : Columns, optional
        The facts of the cases. By default, one case of each kind that the workflows distinguish. The people of a scenario are
        ``make_plan(scenario, SamplePath(seed=1, replication=1)).cases.columns``.

    Raises
    ------
    InputError
        If an argument is of another kind, the workflows differ in facts, record or states, or the population lacks a fact.
    """
    check_arguments(workflow_problems(one=one, other=other) + kind_problems(Columns, _PEOPLE, people=people))
    _check_alike(one, other)
    people = _kinds(one, other) if people is None else people
    if lacking := [name for name in fact_names(one) if name not in people.values]:
        raise InputError([f"the people have no {format_names(lacking)}, which {one.name} asks of every case; take those of a scenario of this workflow"])  # fmt: skip
    literals = sorted(_literals(one, other), key=lambda x: not x.holds)  # conditions that hold come first
    conditions = [*guards(one), *guards(other)]
    classes = fact_classes([*conditions, *(x.condition for x in literals)], people)
    n = len(classes)
    known = _both(classes.witness, variations(one, people, conditions)) if n else classes.witness
    differing = _differing(one, other, fact_classes(conditions, known))
    sizes = np.bincount(classes.of_case, minlength=n)
    ways = _by_size(differing[:n], sizes)
    index = {way: i for i, way in enumerate(ways)} | {frozenset(): -1}
    of_class = np.array([index.get(way, -2) for way in differing], np.int64)
    holds = _truth(literals, known)
    occurs = of_class > -2
    regions = []
    for i, way in enumerate(ways):
        chosen = shortest(holds[occurs], of_class[occurs] == i, [(x.size, len(x.text)) for x in literals])
        alternatives = tuple(tuple(literals[k] for k in a) for a in chosen)
        example = _example(one, known.take(np.flatnonzero(of_class[:n] == i)), alternatives)
        regions.append(Region(alternatives, _describe(one, way), example, int(sizes[of_class[:n] == i].sum())))
    of_case = of_class[classes.of_case] if n else np.zeros(0, np.int64)
    return Difference(one, other, tuple(regions), int((of_case < 0).sum()), len(people), of_case, _rule_changes(one, other))


def _rule_changes(one: Workflow, other: Workflow) -> tuple[RuleChange, ...]:
    """Return the rules that differ, in the order of the first workflow."""
    here, there = ({rule.name: rule.meaning for rule in workflow.rules} for workflow in (one, other))
    changes = [RuleChange(name, None if name in there else one.name) for name in here if here[name] != there.get(name)]
    return (*changes, *(RuleChange(name, other.name) for name in there if name not in here))


def _by_size(differing: Sequence[frozenset[Change]], sizes: NDArray[np.int64]) -> list[frozenset[Change]]:
    """Return each way to differ, that of most cases first."""
    count: dict[frozenset[Change], int] = {}
    for way, size in zip(differing, sizes.tolist(), strict=True):
        count[way] = count.get(way, 0) + size
    return sorted(filter(None, count), key=lambda way: -count[way])


def _truth(literals: Sequence[Literal], known: Columns) -> NDArray[np.bool_]:
    """Return, for each case and each literal, whether it is true of the case."""
    truth = [vector(x.condition, known.values, known.missing, len(known)) == x.holds for x in literals]
    return np.stack(truth, axis=1) if truth else np.zeros((len(known), 0), bool)


def _kinds(one: Workflow, other: Workflow) -> Columns:
    """Return a case of each kind that the guards of two workflows distinguish."""
    space = possible_classes(one, [*guards(one), *guards(other)])
    if not space.complete:
        raise InputError([f"{one.name} and {other.name} distinguish too many kinds of cases to list them; compare them over the people of a scenario (--people)"])  # fmt: skip
    return space.witness


def _check_alike(one: Workflow, other: Workflow) -> None:
    problems = []
    for what in ("facts", "record", "states"):
        a: Mapping[str, Any] = getattr(one, what)
        b: Mapping[str, Any] = getattr(other, what)
        unequal = [n for n in {**a, **b} if n not in a or n not in b or (what != "states" and a[n] != b[n])]
        if unequal:
            problems.append(
                f"{one.name} and {other.name} differ in their {what} ({format_names(unequal)}), so their decisions cannot be compared case by case"
            )
    if problems:
        raise InputError(problems)


Key = tuple[str, str]
"""A state and a trigger."""

Change = tuple[str, str]
"""A state, and the difference there as text."""

Decision = tuple[str, str | None, tuple[tuple[str, Value], ...]]
"""The name of the transition or event, its target, and its effects."""

_NOTHING: Decision = ("nothing", None, ())


def _differing(one: Workflow, other: Workflow, classes: FactClasses) -> list[frozenset[Change]]:
    """Return, for each case, what the two workflows decide differently in some course of events."""
    changes: list[set[Change]] = [set() for _ in range(len(classes))]
    reached = Reached(one, other, classes.witness)
    for key in dict.fromkeys([*_happenings(one), *_happenings(other)]):
        read = _read(one, key) | _read(other, key)
        fields = [name for name in one.record if name in read]
        combined = grid(one, classes.witness, fields)
        known: dict[Decision, int] = {_NOTHING: 0}
        sides = [_decided(workflow, key, combined, fields, known) for workflow in (one, other)]
        decisions = list(known)
        comes = reached.where(*key, fields).ravel()
        for given in dict.fromkeys([*sides[0], *sides[1]]):
            a, b = (side.get(given, np.zeros(len(combined), np.int64)) for side in sides)
            unequal = np.flatnonzero((a != b) & comes)
            k = unequal // max(len(combined) // max(len(classes), 1), 1)
            for x, y, c in np.unique(np.stack([a[unequal], b[unequal], k], axis=1), axis=0).tolist():
                changes[c].add((key[0], _change(decisions[x], decisions[y])))
    ways = [frozenset(way) for way in changes]
    return [ways[k] for k in classes.of_case]


def _happenings(workflow: Workflow) -> Iterator[Key]:
    yield from workflow.candidates
    for event in workflow.events.values():
        if event.effects or event.gives:
            yield from ((state, event.name) for state in event.states)


def _read(workflow: Workflow, key: Key) -> frozenset[str]:
    tried = [workflow.transitions[i].guard for i in workflow.candidates.get(key, ())]
    event = workflow.events.get(key[1])
    return frozenset().union(*(names(g) for g in [*tried, event.guard if event else None] if g is not None))


def _decided(
    workflow: Workflow, key: Key, combined: Columns, fields: list[str], known: dict[Decision, int]
) -> dict[frozenset[tuple[str, Value]], NDArray[np.int64]]:
    """Return the decisions for each outcome, as the values that it writes; the decisions are indices into `known`."""
    state, trigger = key
    event = workflow.events.get(trigger)
    giver = workflow.giver(state, trigger)
    effects = event.effects if event else ()
    happens = np.ones(len(combined), bool)
    if event is not None and event.guard is not None:
        happens = vector(event.guard, combined.values, combined.missing)
    if trigger in workflow.events and state not in workflow.events[trigger].states:
        happens = np.zeros(len(combined), bool)
    decided = {}
    for given in [giver.written(outcome) for outcome in giver.outcomes] if giver is not None else [()]:
        written = (*effects, *given)
        seen = {**combined.values, **{f: _written(workflow, f, v, combined.values[f]) for f, v in written if f in fields}}
        stays: Decision = (f"{trigger} alone", None, _effect(workflow, written))
        if event is None or not stays[2]:
            stays = _NOTHING
        taken = np.where(happens, known.setdefault(stays, len(known)), 0)
        left = happens
        for i in workflow.candidates.get(key, ()):
            transition = workflow.transitions[i]
            takes = left if transition.guard is None else left & vector(transition.guard, seen, combined.missing)
            decision: Decision = (transition.name, transition.target, _effect(workflow, (*written, *transition.effects)))
            taken = np.where(takes, known.setdefault(decision, len(known)), taken)
            left = left & ~takes
        decided[frozenset(given)] = taken
    return decided


def _effect(workflow: Workflow, written: Iterable[tuple[str, Value]]) -> tuple[tuple[str, Value], ...]:
    """Return the net effects, without fields that have only one value."""
    last: dict[str, tuple[Value, ...]] = {}
    for name, value in written:
        if len(workflow.record[name].domain()) > 1:
            last[name] = (*last.get(name, ()), value) if value == INCREMENT else (value,)
    return tuple((name, value) for name in sorted(last) for value in last[name])


def _written(workflow: Workflow, field: str, value: Value, before: NDArray[Any]) -> NDArray[Any]:
    declared = workflow.record[field]
    if value == INCREMENT:
        return np.minimum(before + 1, np.int64(declared.maximum))  # type: ignore[arg-type]
    code = codes(workflow, field)[value] if declared.kind == "enum" else value
    return np.full(len(before), code, before.dtype)


def _change(one: Decision, other: Decision) -> str:
    if one[0] != other[0]:
        return f"{other[0]}, not {one[0]}"
    if one[1] != other[1]:
        return f"{other[0]} leads to {other[1]}, not to {one[1]}"
    return f"{other[0]} has another effect"


def _describe(workflow: Workflow, way: frozenset[Change]) -> tuple[str, ...]:
    """Return the differences as text, in the order of the states; states with the same difference share a line."""
    order = list(workflow.states)
    where: dict[str, list[str]] = {}
    for state, change in sorted(way, key=lambda one: (order.index(one[0]), one[1])):
        where.setdefault(change, []).append(state)
    return tuple(f"{', '.join(states)}: {change}" for change, states in where.items())


def _literals(one: Workflow, other: Workflow) -> Iterable[Literal]:
    """Return every fact-only part of every guard, and its opposite."""
    called: dict[Expression, str] = {}
    for workflow, beside in ((one, other), (other, one)):
        for name, definition in workflow.definitions.items():
            if not isinstance(definition, Constant | Name):
                alike = beside.definitions.get(name, definition) == definition
                called.setdefault(definition, name if alike else f"{name} of {workflow.name}")
    conditions = [*guards(one), *guards(other)]
    parts = [*parts_of(conditions), *(part for c in conditions for part in _fact_only(one, c))]
    literals: dict[str, Literal] = {}
    for part in dict.fromkeys(parts):
        for holds in (True, False):
            named = _named(part if holds else Not(part) if part in called else _opposite(part), called)
            text = f"({unparse(named)})" if isinstance(named, And | Or) else unparse(named)
            literals.setdefault(text, Literal(text, _size(named), part, holds))
    return literals.values()


def _opposite(part: Expression) -> Expression:
    if isinstance(part, Compare) and part.left.kind != "boolean":
        return replace(part, operator=COMPARISONS[part.operator].negated)
    return Not(part)


def _fact_only(workflow: Workflow, condition: Expression) -> Iterator[Expression]:
    """Yield the parts of a condition that read only facts and check for missing values, without a leading ``not``."""
    ahead, seen = [condition], set()
    while ahead:
        part = ahead.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        ahead.extend(part.children())
        if part.kind != "boolean" or isinstance(part, Not) or unguarded(part):
            continue
        if names(part) and not names(part) & workflow.record.keys():
            yield part


def _named(expression: Expression, called: Mapping[Expression, str]) -> Expression:
    """Replace definitions by their names."""
    if expression in called:
        return Name(Field(called[expression], "boolean", "fact"))
    match expression:
        case And(operands=operands) | Or(operands=operands):
            return replace(expression, operands=tuple(_named(o, called) for o in operands))
        case Not(operand=operand):
            return replace(expression, operand=_named(operand, called))
    return expression


def _size(expression: Expression) -> int:
    parts = expression.children() if isinstance(expression, And | Or | Not) else ()
    return sum(map(_size, parts)) or 1


def _both(one: Columns, other: Columns) -> Columns:
    values = {name: np.concatenate([column, other.values[name]]) for name, column in one.values.items()}
    missing = {
        name: np.concatenate([one.missing.get(name, np.zeros(len(one), bool)), column]) for name, column in other.missing.items()
    }
    return Columns(values, missing)


def _example(workflow: Workflow, known: Columns, alternatives: tuple[tuple[Literal, ...], ...]) -> dict[str, Value]:
    """Return the facts that a condition reads, for the case with the most of them at their defaults."""
    read = frozenset().union(*(names(x.condition) for a in alternatives for x in a))
    fields = [field for name, field in workflow.namespace.fields.items() if name in read]
    cases = zip(*(known.plain(field) for field in fields), strict=True)
    default = [workflow.defaults.get(field.name) for field in fields]
    plainest = min(cases, key=lambda case: sum(a != b for a, b in zip(case, default, strict=True)), default=())
    return {field.name: value for field, value in zip(fields, plainest, strict=True)}
