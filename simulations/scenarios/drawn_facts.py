"""Draw the facts and the initial records of cases, each column when it is first read.

A draw depends on the case and the field alone, so it does not matter when a column is drawn, or which others are.
"""

from __future__ import annotations

import datetime as dt
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.chance.draws import Draws
from simulations.scenarios.quantities import Choice, Rows, Shares
from simulations.scenarios.scenario import Draw, DrawnField, Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.deciding.table import Columns
from workflow.model.definition import Value
from workflow.predicates import Field, names, vector
from workflow.predicates.calendar_days import VECTOR, add_months, days_of

Integers = NDArray[np.int64]


@dataclass
class Group:
    """Consecutive cases of one source and court."""

    court: int
    origin: str
    keyed_as: str
    people: tuple[DrawnField, ...]
    arrived: Integers
    numbers: Integers
    states: NDArray[np.int32]
    table: Any
    rows_of_table: Integers


class OnDemand(Mapping[str, NDArray[Any]]):
    """Columns of which each is made when it is first read."""

    def __init__(self, names: Iterable[str], make: Callable[[str], NDArray[Any]]) -> None:
        self._names = dict.fromkeys(names)
        self._make = make
        self._made: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class DrawnColumns(Columns):
    """Columns that are drawn when they are first read."""

    def take(self, rows: Integers | slice) -> Columns:
        """Select cases by row. The selection does not keep the columns of all cases alive."""
        values, missing = weakref.ref(self.values), weakref.ref(self.missing)

        def taken(of: Callable[[], Any], name: str) -> NDArray[Any]:
            columns = of()
            if columns is None:
                raise ValueError(f"{name!r} was not drawn while its cases existed")
            column: NDArray[Any] = columns[name][rows]
            return column

        return Columns(
            OnDemand(self.values, lambda name: taken(values, name)), OnDemand(self.missing, lambda name: taken(missing, name))
        )


class Drawing:
    """The columns of a population, drawn as they are needed."""

    def __init__(
        self, scenario: Scenario, path: Draws, keys: NDArray[np.uint64], court: Integers, arrived: Integers, origin: Integers,
        groups: Sequence[Group], group_of: Integers, in_table: Integers,
    ) -> None:  # fmt: skip
        self.scenario, self.path, self.keys, self.arrived = scenario, path, keys, arrived
        self.groups, self.group_of, self.in_table = groups, group_of, in_table
        self.fields = scenario.namespace.fields
        self.values: dict[str, NDArray[Any]] = {"as_of": self._dates(origin != 0), "court": court}
        self.missing: dict[str, NDArray[np.bool_]] = {}
        self.names = [
            name for name in (*scenario.workflow.facts, *scenario.workflow.record) if name not in ("arrived", *self.values)
        ]
        self.own = [_own_fields(scenario.people, group) for group in groups]
        self.alike = all(not group.people and group.table is None for group in groups)
        self._free()

    def columns(self) -> Columns:
        """Return every column, drawn or not."""
        optional = [name for name in self.names if self.fields[name].optional]
        return DrawnColumns(OnDemand(("court", "as_of", "arrived", *self.names), self._value), OnDemand(optional, self._absent))

    def _value(self, name: str) -> NDArray[Any]:
        if name not in self.values:
            self._draw(self._needed_for(name))
        return self.values[name]

    def _dates(self, own: NDArray[np.bool_]) -> NDArray[np.datetime64]:
        """Return the day on which each of these cases arrived; for the others, the first day of the run."""
        start = np.datetime64(self.scenario.starts, "D")
        if not own.any():
            return np.broadcast_to(start, len(own))
        days: NDArray[np.datetime64] = start + np.where(own, np.floor_divide(self.arrived, MICROSECONDS_PER_DAY), 0)
        return days

    def _absent(self, name: str) -> NDArray[np.bool_]:
        self._value(name)
        return self.missing[name]

    def _needed_for(self, name: str) -> set[str]:
        """Return a field that is not drawn yet, and recursively every other one that its distributions depend on."""
        reads = self._reads
        needed, todo = set[str](), [name]
        while todo:
            each = todo.pop()
            if each not in needed and each not in self.values:
                needed.add(each)
                todo += reads.get(each, ())
        return needed

    @cached_property
    def _reads(self) -> dict[str, set[str]]:
        reads: dict[str, set[str]] = {}
        for field in (*self.scenario.people, *(field for own in self.own for field in own)):
            reads.setdefault(field.name, set()).update(field.reads())
        return reads

    def _draw(self, needed: set[str]) -> None:
        """Draw these fields in the order of the file; the columns of a table replace draws."""
        for name in needed:
            if name == "arrived":
                self.values[name] = self._dates(np.ones(len(self.arrived), bool))
            else:
                self._fill(name, len(self.keys), self.scenario.default(name))
        for i, group in enumerate(() if self.alike else self.groups):
            for name, column in group.table.values.items() if group.table is not None else ():
                if name in needed:
                    rows = np.flatnonzero(self.group_of == i)
                    self._copy(name, rows, [column[k] for k in self.in_table[rows]])
        for field in self.scenario.people:
            if field.name in needed:
                self._draw_field(field.name, field.how, slice(None) if self.alike else self._as_usual(field.name))
        for i, own in enumerate(() if self.alike else self.own):
            for field in own:
                if field.name in needed:
                    self._draw_field(field.name, field.how, np.flatnonzero(self.group_of == i))
        self._free()

    def _free(self) -> None:
        """Free what is not needed if nothing is left to draw."""
        if len(self.values) > len(self.names) and all(name in self.values for name in self.names):
            self.groups, self.own, self.group_of, self.in_table = (), [], np.zeros(0, np.int64), np.zeros(0, np.int64)

    def _as_usual(self, name: str) -> Rows:
        """Return the rows of the groups that have neither distributions of their own nor a table with this field."""
        usual = [not g.people and (g.table is None or name not in g.table.values) for g in self.groups]
        return slice(None) if all(usual) else np.flatnonzero(np.array(usual, bool)[self.group_of])

    def _fill(self, name: str, n: int, value: Value) -> None:
        field = self.fields[name]
        drawn = name in self._reads or any(group.table is not None and name in group.table.values for group in self.groups)
        column = np.full(n if drawn else 1, stored(field, value), _DTYPES[field.kind])
        self.values[name] = column if drawn else np.broadcast_to(column, n)  # takes no memory
        if field.optional:
            self.missing[name] = np.full(n, value is None)

    def _copy(self, name: str, rows: Integers, values: list[Value]) -> None:
        field = self.fields[name]
        self.values[name][rows] = [stored(field, v) for v in values]
        if field.optional:
            self.missing[name][rows] = [v is None for v in values]

    def _draw_field(self, name: str, how: Choice[Draw], rows: Rows) -> None:
        keys = self.keys[rows]
        if not len(keys):
            return
        field, purpose = self.fields[name], f"people:{name}"
        read = how.reads()
        here = self._of(read, rows) if read else Columns({}, {})
        for draw, selected in how.rows(here, self.fields, self.arrived[rows]):
            mine = selected if isinstance(rows, slice) else rows[selected]
            of = keys[selected]
            if draw.shares is None:
                self.values[name][mine] = self._numbers(field, draw, of, mine)
            else:
                self.values[name][mine] = self._shared(field, draw.shares, of)
            if field.optional:
                absent = self.path.many(of, purpose, 0)[1] < draw.missing * 2.0**53
                if draw.shares is not None:
                    none = np.array([v is None for v in draw.shares.values])
                    absent |= self.path.pick(of, purpose, draw.shares.cumulative, none)
                self.missing[name][mine] = absent

    def _shared(self, field: Field, shares: Shares, keys: NDArray[np.uint64]) -> NDArray[Any]:
        values = np.array([stored(field, v) for v in shares.values], _DTYPES[field.kind])
        return self.path.pick(keys, f"people:{field.name}", shares.cumulative, values)

    def _numbers(self, field: Field, draw: Draw, keys: NDArray[np.uint64], rows: Rows) -> NDArray[Any]:
        numbers = self.path.quantiles(keys, f"people:{field.name}", draw.distribution)
        if draw.back:
            days = np.floor(numbers / MICROSECONDS_PER_DAY).astype(np.int64)
            dates = np.asarray(self.values["as_of"][rows] - days)
            if draw.months is not None:
                dates = np.asarray(add_months(days_of(self.values["as_of"][rows]), -draw.months, VECTOR)).astype("datetime64[D]")
            for limit, clip in ((field.minimum, np.maximum), (field.maximum, np.minimum)):
                if limit is not None:
                    dates = clip(dates, np.datetime64(limit, "D"))  # type: ignore[call-overload]
            return dates
        if field.kind == "integer":
            numbers = np.floor(numbers).astype(np.int64)
        bounds = [names(bound) for bound in (draw.low, draw.high) if bound is not None]
        here = self._of(frozenset().union(*bounds), rows)
        for bound, limit, clip in ((draw.low, field.minimum, np.maximum), (draw.high, field.maximum, np.minimum)):
            if bound is not None:
                numbers = clip(numbers, vector(bound, here.values, here.missing))
            if limit is not None:
                numbers = clip(numbers, float(limit) if field.kind == "number" else int(limit))  # type: ignore[arg-type]
        return np.asarray(numbers)

    def _of(self, read: frozenset[str], rows: Rows) -> Columns:
        """Return the columns of the fields read, and of the courts, for some rows."""
        return Columns(self.values, self.missing).only(read | {"court"}).take(rows)


def _own_fields(general: Sequence[DrawnField], group: Group) -> list[DrawnField]:
    """Return the fields that a group with its own distributions draws, in drawing order; none without its own."""
    own, given = {field.name: field for field in group.people}, group.table.values if group.table is not None else {}
    return _in_order([*(f for f in general if f.name not in own and f.name not in given), *own.values()]) if own else []


def _in_order(drawn: Sequence[DrawnField]) -> list[DrawnField]:
    """Return fields in their order, but each behind those that it depends on."""
    by_name = {field.name: field for field in drawn}
    ordered: dict[str, DrawnField] = {}

    def put(field: DrawnField, dependents: frozenset[str]) -> None:
        for name in by_name.keys() & field.reads() - dependents - ordered.keys():
            put(by_name[name], dependents | {field.name})
        ordered[field.name] = field

    for field in drawn:
        if field.name not in ordered:
            put(field, frozenset())
    return list(ordered.values())


_DTYPES: dict[str, Any] = {"boolean": bool, "integer": np.int64, "number": np.float64, "enum": np.int64, "date": "datetime64[D]"}


def stored(field: Field, value: Value) -> Any:
    """Return a value as a column stores it; a missing value as any valid one."""
    if field.kind == "enum":
        return 0 if value is None else field.values.index(str(value))
    if value is None:
        return np.datetime64("1970-01-01", "D") if field.kind == "date" else field.minimum or 0
    return np.datetime64(value, "D") if isinstance(value, dt.date) else value
