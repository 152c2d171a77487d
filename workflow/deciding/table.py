"""The decisions of a workflow as integer tables, so that no guard is evaluated twice.

Facts do not change, and the record is finite. Cases that agree in the fact-only parts of all guards form a *fact
class*. The table of a decision point has one axis for the fact classes and one for each record field that its guards
read. A decision is then a look-up.
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

from workflow.errors import InputError
from workflow.model.definition import DecisionPoint, Value, Workflow
from workflow.predicates import Expression, Field, fact_parts, names, vector

_PARTS_AT_ONCE = 16  # truth values packed into one integer
_MAX_DIRECT = 1 << 22  # codes below this are renumbered without sorting
_MAX_CACHED = 8
MOST_ENTRIES = 20_000_000
"""Maximum number of entries of a table of decisions."""


@dataclass(frozen=True)
class Columns:
    """The facts of many cases, one column for each fact.

    Attributes
    ----------
    values : mapping of str to ndarray, shape (n_cases,)
        bool, int64, float64 or datetime64[D]; for an enum, the int64 indices of its values.
    missing : mapping of str to ndarray of bool, shape (n_cases,)
        Where an optional fact is missing.
    """

    values: Mapping[str, NDArray[np.generic]]
    missing: Mapping[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(next(iter(self.values.values()), np.empty(0)))

    def plain(self, field: Field) -> list[Value]:
        """Return a column as Python values, ``None`` where one is missing."""
        column, missing = self.values[field.name], self.missing.get(field.name)
        values: list[Value] = (column.astype("datetime64[D]") if field.kind == "date" else column).tolist()
        if field.kind == "enum":  # a missing value may have any code
            values = [field.values[code] for code in (column if missing is None else np.where(missing, 0, column)).tolist()]
        if missing is not None and missing.any():
            values = [None if absent else value for value, absent in zip(values, missing.tolist(), strict=True)]
        return values

    def only(self, names: Container[str]) -> Columns:
        """Select columns by name."""
        return Columns(
            {k: self.values[k] for k in self.values if k in names}, {k: self.missing[k] for k in self.missing if k in names}
        )

    def take(self, rows: NDArray[np.int64] | slice) -> Columns:
        """Select cases by row."""
        return Columns({k: v[rows] for k, v in self.values.items()}, {k: v[rows] for k, v in self.missing.items()})


@dataclass(frozen=True)
class FactClasses:
    """The cases of a population, grouped into classes that no guard can distinguish.

    Attributes
    ----------
    of_case : ndarray of int32, shape (n_cases,)
        The class of each case.
    witness : Columns
        The facts of one case of each class.
    rows : ndarray of int64, shape (n_classes,)
        The row of that case.
    answers : tuple
        A key: two populations with equal keys have the same classes in the same order.
    """

    of_case: NDArray[np.int32]
    witness: Columns
    rows: NDArray[np.int64]
    answers: tuple[Hashable, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def by_columns(cls, answers: Iterable[NDArray[Any]], columns: Columns) -> FactClasses:
        """Group cases by columns of answers; cases with equal answers in every column form a class."""
        code, key = np.zeros(len(columns), np.int64), list[Hashable]([len(columns) > 0])
        for answer in answers:
            code, step = _refine_classes(code, answer)
            key.append(step)
        rows = np.empty(int(code.max(initial=-1)) + 1, np.int64)
        rows[code[::-1]] = np.arange(len(code))[::-1]  # the first case of a class overwrites the others
        return cls(code.astype(np.int32), columns.take(rows), rows, tuple(key))


@dataclass(frozen=True)
class DecisionTable:
    """The decisions at one decision point.

    Attributes
    ----------
    fields : tuple of str
        The record fields that the guards read.
    next : ndarray of int16, shape (n_classes, *sizes of the fields)
        The index of the transition taken, or -1.
    """

    point: DecisionPoint
    fields: tuple[str, ...]
    next: NDArray[np.int16]


@dataclass(frozen=True)
class GuardTable:
    """Where the guard of an event holds.

    Attributes
    ----------
    fields : tuple of str
        The record fields that the guard reads.
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
        For each event with a guard.
    """

    workflow: Workflow
    classes: FactClasses
    decisions: tuple[DecisionTable, ...]
    event_guards: Mapping[str, GuardTable]

    @cached_property
    def by_point(self) -> dict[tuple[str, str], DecisionTable]:
        """Return the decisions by state and trigger."""
        return {(m.point.state, m.point.trigger): m for m in self.decisions}

    def next(self, state: str, trigger: str, fact_class: int, record: Sequence[Value]) -> int | None:
        """Return the index of the transition that the machine would take; ``None`` if it takes none."""
        table = self.by_point.get((state, trigger))
        if table is None:
            return None
        values = dict(zip(self.workflow.record, record, strict=True))
        index = int(table.next[(fact_class, *(codes(self.workflow, field)[values[field]] for field in table.fields))])
        return None if index < 0 else index


def codes(workflow: Workflow, field: str) -> dict[Value, int]:
    """Return the index of each value of a record field."""
    return {value: i for i, value in enumerate(workflow.record[field].domain())}


def guards(workflow: Workflow) -> tuple[Expression, ...]:
    """Return the guards of all transitions and events."""
    declared = [t.guard for t in workflow.transitions] + [e.guard for e in workflow.events.values()]
    return tuple(guard for guard in declared if guard is not None)


def parts_of(conditions: Iterable[Expression]) -> list[Expression]:
    """Return the distinct fact-only parts of conditions: these define the fact classes."""
    return list(dict.fromkeys(part for condition in conditions for part in fact_parts(condition)))


def fact_classes(conditions: Iterable[Expression], columns: Columns) -> FactClasses:
    """Group cases that conditions cannot distinguish by their facts."""
    return _classes(parts_of(conditions), columns)


def _classes(parts: Sequence[Expression], columns: Columns) -> FactClasses:
    n = len(columns)

    def answers() -> Iterator[NDArray[np.int64]]:
        for start in reversed(range(0, len(parts), _PARTS_AT_ONCE)):
            packed = np.zeros(n, np.int64)
            for i, part in enumerate(parts[start : start + _PARTS_AT_ONCE]):
                packed |= vector(part, columns.values, columns.missing, n).astype(np.int64) << i
            yield packed

    return FactClasses.by_columns(answers(), columns)


def _refine_classes(code: NDArray[np.int64], answer: NDArray[Any]) -> tuple[NDArray[np.int64], Hashable]:
    """Split classes by an answer; return the new class of each case, numbered without gaps, and a key of the split."""
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
    if most <= _MAX_DIRECT:
        occurs = np.zeros(most, bool)
        occurs[wide] = True
        used, code = np.flatnonzero(occurs), (np.cumsum(occurs) - 1).take(wide)
    else:
        used, code = np.unique(wide, return_inverse=True)
    return code, (low, high, used.tobytes(), values)


class Tabulator:
    """Tabulates the decisions of workflows for several populations; populations with equal classes share their tables.

    Parameters
    ----------
    workflows : sequence of Workflow
        With the same facts and record.
    conditions : iterable of Expression, optional
        The conditions that the fact classes must distinguish; the guards of all workflows by default.
    """

    def __init__(self, workflows: Sequence[Workflow], conditions: Iterable[Expression] | None = None) -> None:
        self._workflows = tuple(workflows)
        if conditions is None:
            conditions = [guard for workflow in self._workflows for guard in guards(workflow)]
        self._parts = parts_of(conditions)
        self._entries_of_class = [largest(workflow, 1) for workflow in self._workflows]
        self._cache: dict[tuple[Hashable, ...], list[tuple[tuple[DecisionTable, ...], dict[str, GuardTable]]]] = {}

    def tables(self, columns: Columns) -> tuple[Table, ...]:
        """Return a table for each workflow, all over the same fact classes.

        Parameters
        ----------
        columns : Columns
            All facts of the cases, including ``arrived`` and ``as_of``.

        Raises
        ------
        InputError
            If a guard reads fields with too many combinations of values.
        """
        classes = _classes(self._parts, columns)
        for workflow, entries in zip(self._workflows, self._entries_of_class, strict=True):
            _check_size(workflow, len(classes.rows), entries)
        if classes.answers not in self._cache:
            if len(self._cache) >= _MAX_CACHED:
                self._cache.clear()
            self._cache[classes.answers] = [
                (tuple(_decisions(w, point, classes) for point in w.decision_points), _event_guards(w, classes))
                for w in self._workflows
            ]
        tabulated = zip(self._workflows, self._cache[classes.answers], strict=True)
        return tuple(Table(workflow, classes, *tables) for workflow, tables in tabulated)


def compile_table(workflow: Workflow, columns: Columns, conditions: Iterable[Expression] | None = None) -> Table:
    """Tabulate the decisions of one workflow for one population; see `Tabulator`."""
    return Tabulator([workflow], conditions).tables(columns)[0]


def _check_size(workflow: Workflow, n_classes: int, entries_of_class: int) -> None:
    if (entries := n_classes * entries_of_class) > MOST_ENTRIES:
        raise InputError(
            [
                f"workflow {workflow.name!r}: the guards of one decision distinguish {n_classes:,} kinds of cases, and with the values"
                f" of the record fields that they read {entries:,} combinations; the limit is {MOST_ENTRIES:,}. Give the record"
                " fields fewer values, or compare each of them in an activity or event of its own."
            ]
        )


def largest(workflow: Workflow, n_classes: int) -> int:
    """Return the number of entries of the largest table of a workflow over a number of fact classes."""
    tried = [[workflow.transitions[i].guard for i in point.candidates] for point in workflow.decision_points]
    tried += [[event.guard] for event in workflow.events.values()]
    sizes = {name: len(field.domain()) for name, field in workflow.record.items()}
    products = (math.prod(sizes[name] for name in _read(of_point) & sizes.keys()) for of_point in tried)
    return n_classes * max(products, default=1)


def _decisions(workflow: Workflow, point: DecisionPoint, classes: FactClasses) -> DecisionTable:
    fields, shape, held = _evaluate(workflow, [workflow.transitions[i].guard for i in point.candidates], classes)
    taken = np.full(shape, -1, np.int16)
    for i, holds in zip(point.candidates, held, strict=True):
        taken[(taken < 0) & holds] = i
    return DecisionTable(point, fields, taken)


def _event_guards(workflow: Workflow, classes: FactClasses) -> dict[str, GuardTable]:
    tables = {}
    for event in workflow.events.values():
        if event.guard is not None:
            fields, _, (holds,) = _evaluate(workflow, [event.guard], classes)
            tables[event.name] = GuardTable(fields, holds)
    return tables


def _evaluate(
    workflow: Workflow, guards: Sequence[Expression | None], classes: FactClasses
) -> tuple[tuple[str, ...], tuple[int, ...], list[NDArray[np.bool_]]]:
    """Return the record fields that guards read, the shape of a table over them, and where each guard holds."""
    read = _read(guards)
    fields = tuple(name for name in workflow.record if name in read)
    shape = (len(classes), *(len(workflow.record[f].domain()) for f in fields))
    columns = grid(workflow, classes.witness, fields, read)
    held = [
        np.ones(shape, bool)
        if guard is None
        else np.broadcast_to(vector(guard, columns.values, columns.missing), math.prod(shape)).reshape(shape)
        for guard in guards
    ]
    return fields, shape, held


def _read(conditions: Iterable[Expression | None]) -> frozenset[str]:
    return frozenset[str]().union(*(names(condition) for condition in conditions if condition is not None))


def grid(workflow: Workflow, witness: Columns, fields: Sequence[str], facts: Container[str] | None = None) -> Columns:
    """Combine the witness of every fact class with every combination of values of record fields.

    Parameters
    ----------
    facts : container of str, optional
        The facts to keep; all by default.
    """
    combinations = list(itertools.product(*(range(len(workflow.record[f].domain())) for f in fields)))
    n, m = len(witness), len(combinations)
    values, missing = (
        {name: np.repeat(columns[name], m) for name in columns if facts is None or name in facts}
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
