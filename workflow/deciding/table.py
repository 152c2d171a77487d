"""The workflow as integer tables: no guard is evaluated twice.

Facts do not change and the record is finite. Cases whose facts answer the fact-only parts of all guards
alike form a *fact class*; for each decision point, the table runs over the fact classes and over just those record
fields that its guards read. What a machine decides is then a look-up.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Container, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.model.definition import DecisionPoint, Value, Workflow
from workflow.predicates import Expression, Field, fact_parts, names, vector

_PARTS_AT_ONCE = 16  # truth values that are looked at as one whole number
_FEW_MARKS = 1 << 22
_MOST_KNOWN = 8

__all__ = [
    "Columns",
    "DecisionTable",
    "FactClasses",
    "GuardTable",
    "Table",
    "Tabulator",
    "codes",
    "compile_table",
    "fact_classes",
    "grid",
    "guards",
    "largest",
    "parts_of",
]


@dataclass(frozen=True)
class Columns:
    """Facts of many cases, a column each.

    Attributes
    ----------
    values : mapping of str to ndarray, shape (n_cases,)
        bool, int64, float64, datetime64[D], or for an enum the int64 places of its values.
    missing : mapping of str to ndarray of bool, shape (n_cases,)
        Where an optional fact is missing.
    """

    values: Mapping[str, NDArray[np.generic]]
    missing: Mapping[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(next(iter(self.values.values()), np.empty(0)))

    def plain(self, field: Field) -> list[Value]:
        """Return a field's column as plain values, ``None`` where one is missing."""
        column, absent = self.values[field.name], self.missing.get(field.name)
        values: list[Value] = (column.astype("datetime64[D]") if field.kind == "date" else column).tolist()
        if field.kind == "enum":  # what stands at a missing value may be the place of none
            values = [
                field.values[code] for code in (column if absent is None else np.where(absent, 0, column)).tolist()
            ]
        if absent is not None and absent.any():
            values = [None if gone else value for value, gone in zip(values, absent.tolist(), strict=True)]
        return values

    def only(self, names: Container[str]) -> Columns:
        """Return some of the columns."""
        return Columns(
            {k: v for k, v in self.values.items() if k in names}, {k: v for k, v in self.missing.items() if k in names}
        )

    def take(self, rows: NDArray[np.int64] | slice) -> Columns:
        """Return the cases of some rows."""
        return Columns({k: v[rows] for k, v in self.values.items()}, {k: v[rows] for k, v in self.missing.items()})


@dataclass(frozen=True)
class FactClasses:
    """The cases of a population, grouped by what the guards can see of their facts.

    Attributes
    ----------
    of_case : ndarray of int32, shape (n_cases,)
        The class of each case.
    witness : Columns
        The facts of one case of each class.
    rows : ndarray of int64, shape (n_classes,)
        The row of that case.
    answers : tuple
        What each class answers: equal for two populations whose classes, number by number, answer alike.
    """

    of_case: NDArray[np.int32]
    witness: Columns
    rows: NDArray[np.int64]
    answers: tuple[Hashable, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def by_columns(cls, answers: Iterable[NDArray[Any]], columns: Columns) -> FactClasses:
        """Group cases by what they answer to each of some questions, a column of answers each."""
        code, key = np.zeros(len(columns), np.int64), list[Hashable]([len(columns) > 0])
        for answer in answers:
            code, step = _refine_classes(code, answer)
            key.append(step)
        rows = np.empty(int(code.max(initial=-1)) + 1, np.int64)
        rows[code[::-1]] = np.arange(len(code))[::-1]  # of several the first one stays
        return cls(code.astype(np.int32), columns.take(rows), rows, tuple(key))


@dataclass(frozen=True)
class DecisionTable:
    """The decisions at one point.

    Attributes
    ----------
    fields : tuple of str
        The record fields that its guards read.
    next : ndarray of int16, shape (n_classes, *sizes of the fields)
        The index of the transition taken, or -1.
    """

    point: DecisionPoint
    fields: tuple[str, ...]
    next: NDArray[np.int16]


@dataclass(frozen=True)
class GuardTable:
    """Whether an event may happen.

    Attributes
    ----------
    fields : tuple of str
        The record fields that its condition reads.
    holds : ndarray of bool, shape (n_classes, *sizes of the fields)
    """

    fields: tuple[str, ...]
    holds: NDArray[np.bool_]


@dataclass(frozen=True)
class Table:
    """All decisions of a workflow over the fact classes of a population.

    Attributes
    ----------
    decisions : tuple of DecisionTable
        In the order of ``Workflow.decision_points``.
    event_guards : mapping of str to GuardTable
        For each event with a condition.
    """

    workflow: Workflow
    classes: FactClasses
    decisions: tuple[DecisionTable, ...]
    event_guards: Mapping[str, GuardTable]

    @cached_property
    def _places(self) -> dict[tuple[str, str], DecisionTable]:
        return {(m.point.state, m.point.trigger): m for m in self.decisions}

    def next(self, state: str, trigger: str, fact_class: int, record: Sequence[Value]) -> int | None:
        """Return the transition that a case of a class takes, as the machine would; ``None`` for none."""
        table = self._places.get((state, trigger))
        if table is None:
            return None
        place = [codes(self.workflow, field)[record[self._index[field]]] for field in table.fields]
        found = int(table.next[(fact_class, *place)])
        return None if found < 0 else found

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.workflow.record)}


def codes(workflow: Workflow, field: str) -> dict[Value, int]:
    """Return the place of each value of a record field, from 0."""
    return {value: i for i, value in enumerate(workflow.record[field].domain())}


def guards(workflow: Workflow) -> tuple[Expression, ...]:
    """Return every condition that a move or an event of the workflow depends on."""
    found = [t.guard for t in workflow.transitions] + [e.guard for e in workflow.events.values()]
    return tuple(guard for guard in found if guard is not None)


def parts_of(conditions: Iterable[Expression]) -> list[Expression]:
    """Return the fact-only parts of some conditions, each once: what tells fact classes apart."""
    return list(dict.fromkeys(part for condition in conditions for part in fact_parts(condition)))


def fact_classes(conditions: Iterable[Expression], columns: Columns) -> FactClasses:
    """Group cases by what some conditions can see of their facts."""
    return _classes(parts_of(conditions), columns)


def _classes(parts: Sequence[Expression], columns: Columns) -> FactClasses:
    n = len(columns)

    def answers() -> Iterator[NDArray[np.int64]]:
        for start in reversed(range(0, len(parts), _PARTS_AT_ONCE)):
            some = np.zeros(n, np.int64)
            for i, part in enumerate(parts[start : start + _PARTS_AT_ONCE]):
                some |= vector(part, columns.values, columns.missing, n).astype(np.int64) << i
            yield some

    return FactClasses.by_columns(answers(), columns)


def _refine_classes(code: NDArray[np.int64], answer: NDArray[Any]) -> tuple[NDArray[np.int64], Hashable]:
    """Renumber cases, from 0 without gaps, so that they differ by an answer too; say also what each number stands for."""
    values = b""
    if not len(answer):
        return code, None
    if answer.dtype.kind not in "bi":
        distinct, answer = np.unique(answer, return_inverse=True)
        values = distinct.tobytes()
    low, high = int(answer.min()), int(answer.max())
    if low == high:
        return code, (low, high, values)
    wide = code * (high - low + 1)
    wide += answer
    wide -= low
    most = int(wide.max()) + 1
    if most <= _FEW_MARKS:  # without sorting: a mark for each number that occurs
        marks = np.zeros(most, bool)
        marks[wide] = True
        there, code = np.flatnonzero(marks), (np.cumsum(marks) - 1)[wide]
    else:
        there, code = np.unique(wide, return_inverse=True)
    return code, (low, high, there.tobytes(), values)


class Tabulator:
    """Tabulates the decisions of workflows for one population after another.

    What populations have in common is worked out once: classes that answer as those of a population before them
    have their tables already.

    Parameters
    ----------
    workflows : sequence of Workflow
        Of one set of facts and one record.
    conditions : iterable of Expression, optional
        What the fact classes must tell apart, if it is more than the guards of all the workflows.
    """

    def __init__(self, workflows: Sequence[Workflow], conditions: Iterable[Expression] | None = None) -> None:
        self._workflows = tuple(workflows)
        if conditions is None:
            conditions = [guard for workflow in self._workflows for guard in guards(workflow)]
        self._parts = parts_of(conditions)
        self._known: dict[tuple[Hashable, ...], list[tuple[tuple[DecisionTable, ...], dict[str, GuardTable]]]] = {}

    def tables(self, columns: Columns) -> tuple[Table, ...]:
        """Return a table for each workflow, all over the same fact classes.

        Parameters
        ----------
        columns : Columns
            The facts of the cases, those that every case has (``arrived``, ``as_of``) included.
        """
        classes = _classes(self._parts, columns)
        if classes.answers not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[classes.answers] = [
                (tuple(_tabulate(w, point, classes) for point in w.decision_points), _event_guards(w, classes))
                for w in self._workflows
            ]
        decided = zip(self._workflows, self._known[classes.answers], strict=True)
        return tuple(Table(workflow, classes, *tables) for workflow, tables in decided)


def compile_table(workflow: Workflow, columns: Columns, conditions: Iterable[Expression] | None = None) -> Table:
    """Tabulate the decisions of a workflow for a population.

    Parameters
    ----------
    workflow : Workflow
    columns : Columns
        The facts of the cases, those that every case has (``arrived``, ``as_of``) included.
    conditions : iterable of Expression, optional
        What the fact classes must tell apart, if it is more than the guards.
    """
    return Tabulator([workflow], conditions).tables(columns)[0]


def largest(workflow: Workflow, n_classes: int) -> int:
    """Return how many entries the largest of a workflow's tables has over so many fact classes."""
    tried = [[workflow.transitions[i].guard for i in point.candidates] for point in workflow.decision_points]
    tried += [[event.guard] for event in workflow.events.values()]
    read = [frozenset[str]().union(*(names(g) for g in some if g is not None)) for some in tried]
    sizes = {name: len(field.domain()) for name, field in workflow.record.items()}
    return n_classes * max((math.prod(n for name, n in sizes.items() if name in some) for some in read), default=1)


def _tabulate(workflow: Workflow, point: DecisionPoint, classes: FactClasses) -> DecisionTable:
    candidates = [(i, workflow.transitions[i].guard) for i in point.candidates]
    fields, shape = _shape(workflow, [guard for _, guard in candidates if guard is not None], classes)
    laid = grid(workflow, classes.witness, fields, _read([guard for _, guard in candidates]))
    taken = np.full(int(np.prod(shape)), -1, np.int16)
    for i, guard in candidates:
        holds = np.ones(len(taken), bool) if guard is None else vector(guard, laid.values, laid.missing)
        taken[(taken < 0) & holds] = i
    return DecisionTable(point, fields, taken.reshape(shape))


def _event_guards(workflow: Workflow, classes: FactClasses) -> dict[str, GuardTable]:
    found = {}
    for event in workflow.events.values():
        if event.guard is not None:
            fields, shape = _shape(workflow, [event.guard], classes)
            laid = grid(workflow, classes.witness, fields, _read([event.guard]))
            holds = np.broadcast_to(vector(event.guard, laid.values, laid.missing), int(np.prod(shape)))
            found[event.name] = GuardTable(fields, holds.reshape(shape))
    return found


def _shape(
    workflow: Workflow, conditions: Sequence[Expression], classes: FactClasses
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the record fields that conditions read, and the shape of a table over the classes and them."""
    read = _read(conditions)
    fields = tuple(name for name in workflow.record if name in read)
    return fields, (len(classes), *(len(workflow.record[f].domain()) for f in fields))


def _read(conditions: Iterable[Expression | None]) -> set[str]:
    return {name for condition in conditions if condition is not None for name in names(condition)}


def grid(workflow: Workflow, witness: Columns, fields: Sequence[str], facts: Container[str] | None = None) -> Columns:
    """Lay every combination of some record fields beside some facts, or all of them, of a case of every fact class."""
    combinations = list(itertools.product(*(range(len(workflow.record[f].domain())) for f in fields)))
    n, m = len(witness), len(combinations)
    values, missing = (
        {name: np.repeat(column, m) for name, column in columns.items() if facts is None or name in facts}
        for columns in (witness.values, witness.missing)
    )
    for k, field in enumerate(fields):
        declared = workflow.record[field]
        column = np.tile(np.array([c[k] for c in combinations], np.int64), n)
        if declared.kind == "boolean":
            values[field] = column.astype(bool)
        elif declared.kind == "integer":
            values[field] = column + int(declared.minimum)  # type: ignore[arg-type]
        else:
            values[field] = column
    values["<length>"] = np.zeros(n * m, bool)
    return Columns(values, missing)
