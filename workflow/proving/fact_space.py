"""List the fact classes that can exist, with one example case of each.

Cases that agree in the fact-only parts of all conditions form a class. Z3 lists the combinations of truth values that
some case can have, given the declared values and the assumptions of the workflow. Facts that no part and no
assumption connects are listed separately and then combined. The example case of a class is easy to read: as many
facts as possible are at their defaults, and the others near them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow.deciding.machine import fact_names
from workflow.deciding.table import Columns, parts_of
from workflow.model.definition import BUILT_IN_FACTS, Value, Workflow
from workflow.predicates import Expression, Field, names, scalar, unparse
from workflow.predicates.symbolic import Symbols, limits, symbolic
from workflow.predicates.tree import Compare, Name
from workflow.proving.budget import Budget, LimitReached
from workflow.proving.nearby import AS_OF, constants_in, nearby

_IN_TIME = Compare("<=", Name(BUILT_IN_FACTS["arrived"]), Name(BUILT_IN_FACTS["as_of"]))
_TYPES = {"boolean": "bool", "integer": "int64", "number": "float64", "enum": "int64", "date": "datetime64[D]"}
_FEW = 3  # up to this number of changed facts, the minimum is found exactly; the search slows down with the number
_MANY = 500  # beyond this number of classes, examples are not simplified by Z3

Case = list[Value]


@dataclass(frozen=True)
class FactSpace:
    """The fact classes that can exist.

    Attributes
    ----------
    parts : tuple of Expression
        The conditions that distinguish the classes.
    witness : Columns
        The facts of one case of each class, those with the fewest changed facts first.
    complete : bool
        Whether these are all classes; ``False`` if a limit was reached.
    """

    parts: tuple[Expression, ...]
    witness: Columns
    complete: bool

    def __len__(self) -> int:
        return len(self.witness)


def possible_classes(workflow: Workflow, conditions: Iterable[Expression], limit: int = 3000, seconds: float = 30.0) -> FactSpace:
    """List the fact classes that can exist.

    Parameters
    ----------
    workflow : Workflow
    conditions : iterable of Expression
        Guards, and conditions of rules.
    limit : int
        Maximum number of classes.
    seconds : float
        Time limit.

    Returns
    -------
    FactSpace
        Deterministic, unless the time limit is reached. It is empty if no case satisfies the assumptions.

    Raises
    ------
    ProverMissing
        If Z3 is not installed.

    Examples
    --------
    >>> from workflow import load_workflow
    >>> from workflow.deciding.table import guards
    >>> workflow = load_workflow("prosecutorial-discretion-review")
    >>> space = possible_classes(workflow, guards(workflow))
    >>> len(space), space.complete
    (8, True)
    """
    deadline = time.perf_counter() + seconds
    parts = tuple(parts_of(conditions))
    context = Symbols({})
    listed, complete, n_classes = [], True, 1
    for group in sorted(_groups(workflow, parts), key=lambda group: len(group.parts)):  # the largest group last
        classes, are_all = _Listing(group, context, deadline).classes(limit // max(n_classes, 1))
        listed.append((group, classes))
        complete = complete and are_all
        n_classes *= len(classes)
    return FactSpace(parts, _combined(workflow, listed), complete)


def every_assumption(workflow: Workflow) -> tuple[Expression, ...]:
    """Return what holds for the facts of every case: the assumptions of a workflow, and that no fact is from before arrival."""
    return (*workflow.assumptions, _IN_TIME)


def plainest_case(
    workflow: Workflow, asked: Sequence[tuple[Expression, bool]], budget: Budget | None = None,
    like: Symbols | None = None,
) -> dict[str, Value]:  # fmt: skip
    """Return the facts of a case that is easy to read: as many as possible at their defaults, the others near them.

    Parameters
    ----------
    workflow : Workflow
    asked : sequence of (Expression, bool)
        Conditions over facts, and whether each holds. Some case must fulfil them.
    budget : Budget, optional
    like : Symbols, optional
        Whose Z3 context to use.

    Raises
    ------
    LimitReached
        If time is over.
    """
    holding = {condition: holds for condition, holds in asked if names(condition)}
    facts: dict[str, Value] = {}
    context = Symbols({}) if like is None else like
    for group in _groups(workflow, tuple(holding)):
        listing = _Listing(group, context, time.perf_counter() + 60 if budget is None else budget.deadline)
        try:
            facts |= listing.plainest_of([holding[part] for part in group.parts])
        except _OutOfTime:
            raise LimitReached("the time limit was reached; --seconds (seconds=) raises it") from None
    return {name: facts[name] for name in fact_names(workflow)}


@dataclass(frozen=True)
class _Group:
    """Facts that parts or assumptions connect, with these parts and assumptions."""

    fields: dict[str, Field]
    defaults: Case
    parts: tuple[Expression, ...]
    assumptions: tuple[Expression, ...]


def _groups(workflow: Workflow, parts: Sequence[Expression]) -> list[_Group]:
    """Split the facts into independent groups; the facts that no part reads form one group."""
    assumptions = every_assumption(workflow)
    joined: list[frozenset[str]] = []
    for read in map(names, (*parts, *assumptions)):
        apart = [group for group in joined if not group & read]
        joined = [*apart, read.union(*(group for group in joined if group & read))]
    asked = [group for group in joined if any(names(part) <= group for part in parts)]
    rest = frozenset(fact_names(workflow)).difference(*asked)
    groups = []
    for group in (*asked, rest):
        fields = {name: workflow.namespace.fields[name] for name in fact_names(workflow) if name in group}
        defaults = [default_of(workflow, field) for field in fields.values()]
        own = [tuple(e for e in every if names(e) <= group) for every in (parts, assumptions)]
        groups.append(_Group(fields, defaults, *own))
    return groups


def default_of(workflow: Workflow, field: Field) -> Value:
    """Return the default of a fact; for one without, the allowed value next to 0."""
    default = AS_OF if field.name in BUILT_IN_FACTS else workflow.defaults[field.name]
    if default is not None or field.optional:
        return default
    low, high = limits(field)
    return min(max(0, low), high)  # type: ignore[no-any-return]


def _combined(workflow: Workflow, listed: Sequence[tuple[_Group, list[Case]]]) -> Columns:
    """Combine the cases of all groups."""
    index = np.arange(math.prod(len(cases) for _, cases in listed))
    n_changed = np.zeros(len(index), np.int64)
    chosen: list[tuple[_Group, list[Case], Any]] = []
    for group, cases in listed:
        rows = index % max(len(cases), 1)
        index = index // max(len(cases), 1)
        changed = [sum(v != d for v, d in zip(case, group.defaults, strict=True)) for case in cases]
        n_changed += np.array(changed, np.int64)[rows]
        chosen.append((group, cases, rows))
    order = np.argsort(n_changed, kind="stable")
    columns = [_columns(group, cases).take(rows[order]) for group, cases, rows in chosen]
    values = {name: column for part in columns for name, column in part.values.items()}
    missing = {name: column for part in columns for name, column in part.missing.items()}
    ordered = fact_names(workflow)
    return Columns({n: values[n] for n in ordered}, {n: missing[n] for n in ordered if n in missing})


def _columns(group: _Group, cases: Sequence[Case]) -> Columns:
    values, missing = {}, {}
    for i, (name, field) in enumerate(group.fields.items()):
        column: list[Any] = [case[i] for case in cases]
        if field.optional:
            missing[name] = np.array([value is None for value in column], bool)
        if field.kind == "enum":
            column = [None if value is None else field.values.index(value) for value in column]
        blank = AS_OF if field.kind == "date" else 0
        values[name] = np.array([blank if value is None else value for value in column], _TYPES[field.kind])
    return Columns(values, missing)


class _OutOfTime(Exception):
    pass


class _Listing:
    """Lists the classes of one group of facts."""

    def __init__(self, group: _Group, context: Symbols, deadline: float) -> None:
        self.group = group
        self.deadline = deadline
        self.symbols = Symbols(group.fields, like=context)
        self.z3 = self.symbols.z3
        self.solver = self.symbols.solver()
        self.solver.add(*(symbolic(assumption, self.symbols) for assumption in group.assumptions))
        self.answers = [self._named(symbolic(p, self.symbols), f"part {i}") for i, p in enumerate(group.parts)]
        defaults = dict(zip(group.fields, group.defaults, strict=True))
        first = [name for name in ("as_of", "arrived") if name in defaults]
        self.wishes = {
            name: self._named(self.symbols.equals(name, defaults[name]), f"{name} is at its default")
            for name in dict.fromkeys([*first, *defaults])
        }
        self.few_changes = [self._at_most(n) for n in range(1, _FEW + 1)]

    def _named(self, term: Any, name: str) -> Any:
        """Return a variable equivalent to a term, for use as an assumption."""
        variable = self.z3.Bool(name, self.symbols.context)
        self.solver.add(variable == term)
        return variable

    def _at_most(self, n_changes: int) -> Any:
        """Return a variable that limits the number of changed facts; `as_of` counts twice."""
        variable = self.z3.Bool(f"at most {n_changes} off", self.symbols.context)
        off = [(self.z3.Not(wish), 2 if name == "as_of" else 1) for name, wish in self.wishes.items()]
        if off:
            self.solver.add(self.z3.Implies(variable, self.z3.PbLe(off, n_changes)))
        return variable

    def classes(self, limit: int) -> tuple[list[Case], bool]:
        """Return a case of each class, and whether these are all classes."""
        cases: list[Case] = []
        plain = _Plain(self.group)
        try:
            while (model := self._model()) is not None:
                if len(cases) == limit:
                    return cases, False
                holding = [bool(self.z3.is_true(model.eval(a, model_completion=True))) for a in self.answers]
                answers = [a if holds else self.z3.Not(a) for a, holds in zip(self.answers, holding, strict=True)]
                if len(cases) < _MANY:
                    model = self._plainest(answers)
                case = list(self.symbols.case(model).values())
                plain.check(case, holding)
                cases.append(plain.plainest(case))
                if not answers:
                    break
                self.solver.add(self.z3.Not(self.z3.And(*answers)))
        except _OutOfTime:
            return cases, False
        return cases, True

    def plainest_of(self, holding: Sequence[bool]) -> dict[str, Value]:
        """Return the plainest case for which the parts hold or fail like this; there must be one."""
        answers = [a if holds else self.z3.Not(a) for a, holds in zip(self.answers, holding, strict=True)]
        case = list(self.symbols.case(self._plainest(answers)).values())
        plain = _Plain(self.group)
        plain.check(case, holding)
        return dict(zip(self.group.fields, plain.plainest(case), strict=True))

    def _plainest(self, answers: Sequence[Any]) -> Any:
        """Return a model with these answers that changes the fewest facts; beyond `_FEW`, approximately the fewest."""
        for few in self.few_changes:
            model = self._model(*answers, few)
            if model is not None:
                return model
        wishes = dict(self.wishes)
        while True:
            model = self._model(*answers, *wishes.values())
            if model is not None:
                return model
            refused = {str(term) for term in self.solver.unsat_core()}
            del wishes[[name for name, wish in wishes.items() if str(wish) in refused][-1]]

    def _model(self, *assumed: Any) -> Any:
        """Return a model whose numbers are exact floats; ``None`` if there is none."""
        while True:
            answer = self._check(assumed)
            if answer != self.z3.sat:
                return None
            model = self.solver.model()
            gaps = self.symbols.gaps(model)
            if not gaps:
                return model
            self.solver.add(*gaps)

    def _check(self, assumed: Sequence[Any]) -> Any:
        left = self.deadline - time.perf_counter()
        if left <= 0:
            raise _OutOfTime
        self.solver.set("timeout", math.ceil(left * 1000))
        try:
            answer = self.solver.check(*assumed)
        except self.z3.Z3Exception as error:
            if "canceled" not in str(error):  # some parts of Z3 report a timeout in this way
                raise
            raise _OutOfTime from None
        if answer == self.z3.unknown:
            raise _OutOfTime
        return answer


class _Plain:
    """Moves the facts of a case towards their defaults, one by one, within its class."""

    def __init__(self, group: _Group) -> None:
        self.fields = group.fields
        self.conditions = (*group.parts, *group.assumptions)
        self.tests = [scalar(condition, list(group.fields), []) for condition in self.conditions]
        self.readers = [
            [test for test, condition in zip(self.tests, self.conditions, strict=True) if name in names(condition)]
            for name in group.fields
        ]
        constants = constants_in(self.conditions)
        declared = zip(group.fields.values(), group.defaults, strict=True)
        self.values = [nearby(field, default, constants) for field, default in declared]

    def check(self, case: Case, answers: Sequence[bool]) -> None:
        """Check Z3's answers for a case against the scalar reading of the conditions."""
        kept = [True] * (len(self.tests) - len(answers))
        for condition, test, answer in zip(self.conditions, self.tests, [*answers, *kept], strict=True):
            if test(case, ()) is not answer:
                facts = dict(zip(self.fields, case, strict=True))
                raise AssertionError(
                    f"the readings of {unparse(condition)!r} disagree about {facts}: a fault of docketsim, please report it"
                )

    def plainest(self, case: Case) -> Case:
        """Return a case of the same class in which no single fact can move closer to its default."""
        moving = True
        while moving:
            moving = False
            for place in range(len(case)):
                nearer = self._nearer(case, place)
                if nearer is not None:
                    case, moving = nearer, True
        return case

    def _nearer(self, case: Case, place: int) -> Case | None:
        answers = [test(case, ()) for test in self.readers[place]]
        for value in self.values[place]:
            if value == case[place]:
                return None
            moved = [*case[:place], value, *case[place + 1 :]]
            if all(test(moved, ()) is answer for test, answer in zip(self.readers[place], answers, strict=True)):
                return moved
        return None
