"""Read values of a scenario file that have a unit, are random, differ between cases, or change on dates.

`Reader` reads them from the tree of a file and collects mistakes with their positions. A value that differs between
cases, ``{by: <expression>, value: ..., other: ...}``, becomes a `Choice`: a small decision tree with plain values as
leaves. `simulations.loading.times` reads a choice that changes on dates.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulations.chance.distributions import Distribution, make_distribution
from simulations.chance.families import Family, find_family, mistakes
from simulations.timing.clock import MICROSECONDS_PER_DAY, Duration, parse_duration, parse_rate
from workflow.deciding.table import Columns
from workflow.errors import InputError, Problem, nearest
from workflow.files.validation import format_names, format_value, parse_at
from workflow.files.yaml_tree import Node, tidy
from workflow.predicates import Expression, Field, Namespace, names, scalar, vector
from workflow.predicates.tree import Name

Rows = NDArray[np.int64] | slice
Picker = Callable[..., Any]
"""A function of a case's facts and record, and of the time, 0 by default, that selects a value."""
T = TypeVar("T")
S = TypeVar("S")
Unit = Literal["duration", "number"]

_MOST_NAMED = 100
"""Maximum number of values of a whole number for which `by:` may have an entry each, and no `other:`."""


@dataclass(frozen=True)
class Choice(Generic[T]):
    """A value that may differ from case to case, and may change on dates.

    Attributes
    ----------
    leaf : T or None
        The value, if it is always the same for all cases.
    by : Expression or None
        Selects the branch.
    branches : tuple of (value, Choice)
    other : Choice or None
        For all values without a branch.
    steps : tuple of (microseconds since the start, Choice)
        If it changes on dates: the choice from each date on. The first one applies before its date, too. The dates stand
        outside `by`: no choice below has any.
    """

    leaf: T | None = None
    by: Expression | None = None
    branches: tuple[tuple[Any, Choice[T]], ...] = ()
    other: Choice[T] | None = None
    steps: tuple[tuple[int, Choice[T]], ...] = ()

    @property
    def constant(self) -> bool:
        """Whether it is always the same for all cases."""
        return self.by is None and not self.steps

    def below(self) -> list[Choice[T]]:
        """Return the choices of all branches, or of all dates."""
        other = [] if self.other is None else [self.other]
        return [choice for _, choice in (*self.steps, *self.branches)] + other

    def leaves(self) -> list[T]:
        """Return every value that may be selected."""
        if self.constant:
            return [self.leaf]  # type: ignore[list-item]
        return [leaf for choice in self.below() for leaf in choice.leaves()]

    def selectors(self) -> list[Expression]:
        """Return every expression that selects a branch."""
        own = [] if self.by is None else [self.by]
        return own + [e for choice in self.below() for e in choice.selectors()]

    def reads(self) -> frozenset[str]:
        """Return the names of the fields that the value depends on, with the facts that lengths stand in."""
        return self._reads

    @cached_property
    def _reads(self) -> frozenset[str]:
        facts = {leaf.fact.fact for leaf in self.leaves() if isinstance(leaf, Length) and leaf.fact is not None}
        return frozenset(facts).union(*(names(expression) for expression in self.selectors()))

    def picker(self, facts: Sequence[str], record: Sequence[str]) -> Picker:
        """Return a function of a case's facts and record, and of the time, that selects the value."""
        if self.steps:
            dates = [date for date, _ in self.steps]
            pickers = [choice.picker(facts, record) for _, choice in self.steps]
            return lambda facts, record, now=0: pickers[max(bisect_right(dates, now) - 1, 0)](facts, record)
        if self.by is None:
            leaf = self.leaf
            return lambda _facts, _record, _now=0: leaf
        by = scalar(self.by, facts, record)
        table = {value: choice.picker(facts, record) for value, choice in self.branches}
        other = None if self.other is None else self.other.picker(facts, record)

        def pick(case_facts: Sequence[Any], case_record: Sequence[Any], _now: int = 0) -> Any:
            chosen = table.get(by(case_facts, case_record), other)
            if chosen is None:
                raise KeyError(by(case_facts, case_record))
            return chosen(case_facts, case_record)

        return pick

    def rows(self, columns: Columns, fields: Mapping[str, Field], times: NDArray[np.int64] | None = None) -> list[tuple[T, Rows]]:
        """Return each value with the rows of its cases; if it changes on dates, by the time of each row."""
        if self.constant:
            return [(self.leaf, slice(None))]  # type: ignore[list-item]
        selected: list[tuple[T, Rows]] = []
        if self.steps:
            dates = np.array([date for date, _ in self.steps], np.int64)
            k = np.maximum(np.searchsorted(dates, np.asarray(times, np.int64), side="right") - 1, 0)
            for i, (_, choice) in enumerate(self.steps):
                selected += choice._rows(columns, fields, np.flatnonzero(k == i))
        else:
            selected = self._rows(columns, fields, slice(None))
        return [(leaf, rows) for leaf, rows in selected if isinstance(rows, slice) or len(rows)]

    def _rows(self, columns: Columns, fields: Mapping[str, Field], rows: Rows) -> list[tuple[T, Rows]]:
        if self.by is None:
            return [(self.leaf, rows)]  # type: ignore[list-item]
        here = columns.only(names(self.by)).take(rows)
        n = len(columns) if isinstance(rows, slice) else len(rows)
        values = vector(self.by, here.values, here.missing, n)
        selected: list[tuple[T, Rows]] = []
        without_branch = np.ones(n, bool)

        def chosen(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
            return np.flatnonzero(mask) if isinstance(rows, slice) else rows[mask]

        for value, choice in self.branches:
            code = self.by.values.index(value) if self.by.kind == "enum" else value
            mine = without_branch & (values == code)
            without_branch &= ~mine
            selected += choice._rows(columns, fields, chosen(mine))
        if self.other is not None:
            selected += self.other._rows(columns, fields, chosen(without_branch))
        return selected


class FromFact(NamedTuple):
    """A length that stands in a fact of the case, as a number of units."""

    fact: str
    unit: int
    """In microseconds; 24 hours for a working day."""


@dataclass(frozen=True)
class Length:
    """A random length of time.

    Attributes
    ----------
    distribution : Distribution
        In microseconds; 24 hours for each working day if `working`.
    working : bool
        Whether it counts working days of a calendar.
    months : int or None
        For a fixed length of calendar months, their number; `distribution` has their mean length.
    fact : FromFact or None
        The length stands in a fact; `distribution` has the constant length of one unit.
    """

    distribution: Distribution
    working: bool = False
    months: int | None = None
    fact: FromFact | None = None


@dataclass(frozen=True)
class Shares:
    """Values and their cumulative shares."""

    values: tuple[Any, ...]
    cumulative: tuple[float, ...]

    def possible(self) -> list[Any]:
        """Return the values with a positive share."""
        shares = np.diff((0.0, *self.cumulative))
        return [value for value, share in zip(self.values, shares, strict=True) if share > 0]


class Reader:
    """Reads quantities from the tree of a file and adds mistakes to `problems`.

    Every method returns ``None`` after it has reported a mistake. The argument `what` begins each message.

    Parameters
    ----------
    namespace : Namespace
        The names that `by:` may use.
    problems : list of Problem
    """

    def __init__(self, namespace: Namespace, problems: list[Problem]) -> None:
        self.namespace = namespace
        self.problems = problems

    def wrong(self, node: Node, message: str, key: Any = None) -> None:
        """Report a mistake at a node, or at one of its keys."""
        self.problems.append(Problem(message, node.position if key is None else node.keys[key]))

    # choices -------------------------------------------------------------------------------------

    def choice(
        self,
        node: Node,
        leaf: Callable[[Node, str], S | None],
        what: str,
        names_allowed: Namespace | None = None,
        by_court: bool = False,
    ) -> Choice[S] | None:
        """Read a value that may differ between cases.

        Parameters
        ----------
        leaf : callable
            Reads one value, or reports a mistake and returns ``None``.
        names_allowed : Namespace, optional
            The names that `by:` may use, if not all of the reader's.
        by_court : bool
            Whether ``by: court`` may be left out.
        """
        namespace = names_allowed or self.namespace
        entries: dict[Any, Node] = dict(node.value) if isinstance(node.value, dict) else {}
        court = namespace.fields.get("court")
        if "by" in entries:
            by_node = entries.pop("by")
            text = by_node.value
            if not isinstance(text, str) or not text:
                self.wrong(by_node, f"{what}: by: must be a name or an expression, not {format_value(text)}")
                return None
        elif by_court and court is not None and any(key in court.values for key in entries):
            by_node, text = node, "court"
        else:
            value = leaf(node, what)
            return None if value is None else Choice(value)
        by = parse_at(by_node, text, namespace, self.problems, f"{what}: by", "any")
        if by is None or not self._can_select(node, by, text, what):
            return None
        n_problems, other = len(self.problems), entries.pop("other", None)
        branches: list[tuple[Any, Choice[S]]] = []
        for key, child in entries.items():
            if self._is_value(node, key, by, text, what, by_court):
                label = f"{what} ({text}: {_format_key(key)})"
                below = self.choice(child, leaf, label, names_allowed, by_court)
                if below is not None:
                    branches.append((key, below))
        rest = None if other is None else self.choice(other, leaf, f"{what} (other)", names_allowed, by_court)
        if len(self.problems) > n_problems:
            return None
        possible = _values(by)
        lacking = [_format_key(v) for v in possible or () if v not in entries]
        if rest is None and (lacking or possible is None):
            shown = format_names(lacking) if lacking else "every other number"
            self.wrong(node, f"{what}: by {text}: there is no entry for {shown}; add it, or other:")
            return None
        return Choice(by=by, branches=tuple(branches), other=rest)

    def _can_select(self, node: Node, by: Expression, text: str, what: str) -> bool:
        if by.kind in ("boolean", "enum", "integer"):
            return True
        kinds = "something true or false, an enum, or a whole number"
        self.wrong(node, f"{what}: by: {text} is {by.kind}; a choice is by {kinds}")
        return False

    def _is_value(self, node: Node, key: Any, by: Expression, text: str, what: str, by_court: bool) -> bool:
        """Return whether a key is a value of an expression, or report it."""
        possible = _values(by)
        is_number = isinstance(key, int) and not isinstance(key, bool)
        if possible is None:
            if is_number:
                return True
            allowed, possible = "whole numbers", ()
        elif any(key == value and type(key) is type(value) for value in possible):
            return True
        else:
            allowed = format_names(map(_format_key, possible))
        hint = nearest(key, (*possible, "other"))
        if isinstance(key, dt.date):
            under = f" Put a date under its court: {{{(*possible, 'north')[0]}: {{{key}: ...}}}}."
            hint = under if by_court else f" Dates stand outside by: {{{key}: {{by: {text}, ...}}, ...}}."
        message = f"{format_value(key)} is not a value of {text}; allowed: {allowed}, other.{hint}"
        self.wrong(node, f"{what}: {message}", key)
        return False

    # shares and probabilities ---------------------------------------------------------------------

    def share(self, node: Node, what: str) -> float | None:
        """Read a number from 0 to 1: ``0.31``, ``26/36`` or ``16.5%``."""
        value = node.value
        number: float | None = None
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value)
        elif isinstance(value, str):
            with suppress(ValueError, ZeroDivisionError):
                number = float(value[:-1]) / 100 if value.endswith("%") else float(Fraction(value.replace(" ", "")))
        if number is not None and 0 <= number <= 1:
            return number
        shown = format_value(value)
        if number is None:
            self.wrong(node, f"{what}: must be a share from 0 to 1, such as 0.31, 26/36 or 16.5%, not {shown}")
        else:
            self.wrong(node, f"{what}: a share lies between 0 and 1, not {shown}")
        return None

    def shares(self, node: Node, possible: Sequence[Any] | None, what: str) -> Shares | None:
        """Read a mapping of values to shares that add up to 1.

        Parameters
        ----------
        possible : sequence, optional
            The allowed values. If exactly one of them is left out, it gets the rest.
        """
        if not isinstance(node.value, dict) or not node.value:
            example = "{favourable: 0.31, unfavourable: rest}"
            shown = format_value(node.value)
            self.wrong(node, f"{what}: must be a mapping of values to shares, such as {example}, not {shown}")
            return None
        given: dict[Any, float] = {}
        n_problems = len(self.problems)
        for key, child in node.value.items():
            if possible is not None and not any(key == p and type(key) is type(p) for p in possible):
                allowed = f"{format_names(possible)}.{nearest(key, possible)}"
                self.wrong(node, f"{what}: {format_value(key)} is not a possible value; allowed: {allowed}", key)
            else:
                given[key] = 0.0 if child.value == "rest" else self.share(child, f"{what}: {key}") or 0.0
        if len(self.problems) > n_problems:
            return None
        rest = [key for key, child in node.value.items() if child.value == "rest"]
        lacking = [value for value in possible or () if value not in given]
        total = sum(given.values())
        if len(rest) > 1:
            self.wrong(node, f"{what}: only one value can have the rest, not {format_names(rest)}")
            return None
        if total > 1 + 1e-9:
            self.wrong(node, f"{what}: the shares add up to {total:.6g}, which is more than 1")
            return None
        if not rest and total < 1 - 1e-9:
            if len(lacking) != 1:
                hint = f"give one of {format_names(lacking)} the rest" if lacking else "give one value the word rest"
                self.wrong(node, f"{what}: the shares add up to {total:.6g}, not to 1; {hint}")
                return None
            rest = lacking
        if rest:
            given[rest[0]] = 1.0 - total
        sums = np.cumsum(list(given.values()))
        return Shares(tuple(given), (*(float(s) for s in sums[:-1]), 1.0))

    # rates and distributions -------------------------------------------------------------------------------

    def rate(self, node: Node, what: str) -> float | None:
        """Read a rate; return events per microsecond."""
        try:
            return parse_rate(node.value) / MICROSECONDS_PER_DAY
        except InputError as error:
            self.wrong(node, f"{what}: {error.problems[0].message}")
            return None

    def length(self, node: Node, what: str) -> Length | None:
        """Read a duration, or a distribution of durations."""
        if not isinstance(node.value, dict):
            return self._fixed(node, what)
        if "fact" in node.value:
            self.wrong(node, f"{what}: a length from a fact of the case is for takes:, after: and every: only")
            return None
        if list(node.value) == ["constant"]:
            return self._fixed(node.value["constant"], f"{what}: constant")
        read = self.distribution(node, "duration", what)
        if read is None:
            return None
        if read[0].support[0] < 0:
            family = read[0].family
            self.wrong(node, f"{what}: a length cannot be negative, but {family} goes below 0; take gamma or lognormal")
            return None
        return Length(*read)

    def length_of_case(self, node: Node, what: str) -> Length | None:
        """Read a length that may stand in a fact of the case: ``{fact: minutes, unit: minutes}``."""
        if self.names_fact(node, ("integer", "number")):
            self.wrong(
                node, f"{what}: {node.value!r} is a fact; write {{fact: {node.value}, unit: days}}, with the unit that it has"
            )
            return None
        if not isinstance(node.value, dict) or "fact" not in node.value:
            return self.length(node, what)
        if set(node.value) != {"fact", "unit"}:
            shown = format_names(node.value)
            self.wrong(
                node, f"{what}: a length from a fact has fact: and unit:, such as {{fact: minutes, unit: minutes}}, not {shown}"
            )
            return None
        fact = self.fact(node.value["fact"], ("integer", "number"), f"{what}: fact")
        unit = node.value["unit"]
        try:
            one = parse_duration(f"1 {unit.value}")
        except InputError as error:
            self.wrong(unit, f"{what}: unit: {error.problems[0].message}")
            return None
        if one.in_months:
            self.wrong(unit, f"{what}: unit: a length from a fact is not in months or years; give days")
            return None
        if fact is None:
            return None
        distribution = make_distribution("constant", {"value": float(one.microseconds)})
        return Length(distribution, one.working, fact=FromFact(fact, one.microseconds))

    def names_fact(self, node: Node, kinds: Sequence[str]) -> bool:
        """Return whether a text is the name of a fact of one of some kinds."""
        field = self.namespace.fields.get(node.value) if isinstance(node.value, str) else None
        return field is not None and field.role == "fact" and field.kind in kinds

    def fact(self, node: Node, kinds: Sequence[str], what: str) -> str | None:
        """Read the name of a fact of one of some kinds."""
        facts = {name: field for name, field in self.namespace.fields.items() if field.role == "fact"}
        name = node.value
        if not isinstance(name, str) or name not in facts:
            self.wrong(node, f"{what}: {format_value(name)} is not a fact of the workflow.{nearest(name, facts)}")
        elif facts[name].kind not in kinds:
            self.wrong(node, f"{what}: {name!r} is {facts[name].kind}, not {' or '.join(kinds)}")
        else:
            return name
        return None

    def _fixed(self, node: Node, what: str) -> Length | None:
        """Read a duration; months and years are those of the calendar."""
        try:
            duration = parse_duration(node.value)
        except InputError as error:
            self.wrong(node, f"{what}: {error.problems[0].message}")
            return None
        if duration.in_months and duration.months is None:
            message = "a fixed length has a whole number of calendar months; give days"
            self.wrong(node, f"{what}: {format_value(node.value)}: {message}")
            return None
        distribution = make_distribution("constant", {"value": float(duration.microseconds)})
        return Length(distribution, duration.working, duration.months)

    def distribution(self, node: Node, unit: Unit, what: str) -> tuple[Distribution, bool] | None:
        """Read ``{family: {parameters}}``; return the distribution, and whether it is in working days."""
        if not isinstance(node.value, dict) or len(node.value) != 1:
            example, shown = "{gamma: {mean: 30 days, cv: 1}}", format_value(node.value)
            self.wrong(node, f"{what}: must be one family with its parameters, such as {example}, not {shown}")
            return None
        name, body = next(iter(node.value.items()))
        if name == "table":
            return self._column(body, unit, what)
        try:
            return self._family(body, find_family(str(name)), unit, what)
        except InputError as error:
            self.wrong(node, f"{what}: {error.problems[0].message}", name)
            return None

    def _family(self, body: Node, family: Family, unit: Unit, what: str) -> tuple[Distribution, bool] | None:
        nodes = {next(iter(family.parameters)): body} if family.unnamed else body.value
        if not isinstance(nodes, dict):
            allowed, shown = format_names(family.parameters), format_value(nodes)
            self.wrong(body, f"{what}: {family.name}: must be a mapping of its parameters ({allowed}), not {shown}")
            return None
        given: dict[str, Any] = {}
        durations: set[str] = set()
        working: set[bool] = set()
        n_problems = len(self.problems)
        for key, node in nodes.items():
            parameter = family.parameters.get(key)
            if parameter is None:
                given[str(key)] = 0.0  # reported with the other mistakes of the family
                continue
            unit_here: Unit = unit if parameter.dimension == "quantity" else "number"
            label = f"{what}: {family.name if family.unnamed else key}"
            if parameter.check == "list" and (not isinstance(node.value, list) or not node.value):
                self.wrong(node, f"{label}: must be a list of values, not {format_value(node.value)}")
                continue
            listed = node.value if parameter.check == "list" else [node]
            values = [value for each in listed if (value := self._value(each, unit_here, label)) is not None]
            if unit_here == "duration":
                durations.add(key)
                working |= {is_working for _, is_working in values}
            numbers = [number for number, _ in values]
            given[key] = numbers if parameter.check == "list" else numbers[0] if numbers else 0.0
        if len(working) > 1:
            self.wrong(body, f"{what}: {family.name}: working days and calendar time cannot be mixed")
        if len(self.problems) > n_problems:
            return None
        try:
            return make_distribution(family.name, given), True in working
        except InputError:
            in_days = {k: v / MICROSECONDS_PER_DAY if k in durations else v for k, v in given.items()}
            for mistake in mistakes(family.name, in_days):
                key = mistake.parameter or ""
                self.wrong(body.find((key,)), f"{what}: {mistake}{' (in days)' if key in durations else ''}")
            return None

    def _column(self, body: Node, unit: Unit, what: str) -> tuple[Distribution, bool] | None:
        """Read ``{table: {file: f.csv, column: c, unit: days}}``: the values of a column, all equally likely."""
        from simulations.scenarios.tables import TableSource, read_column
        from workflow.files.cells import CellFormat
        from workflow.files.tables import FileFormat

        entry = body.plain()
        needed = ["file", "column", "unit"] if unit == "duration" else ["file", "column"]
        further = ["encoding", "sheet", "decimal"]
        if (
            not isinstance(entry, dict)
            or not set(needed) <= entry.keys() <= {*needed, *further}
            or not all(isinstance(v, str) for v in entry.values())
        ):
            message = f"needs {format_names(needed)}, each a string, and may have {format_names(further)}"
            self.wrong(body, f"{what}: table: {message}, not {format_value(entry)}")
            return None
        try:
            file, cells = (
                FileFormat(entry.get("encoding"), entry.get("sheet")),
                CellFormat(decimal=entry.get("decimal"), option=_key),
            )
            numbers = read_column(TableSource(tidy(body.folder / entry["file"]), None, file, cells), entry["column"])
            one = parse_duration(f"1 {entry['unit']}") if unit == "duration" else Duration(1)
            if unit == "duration" and min(numbers) < 0:
                message = f"{entry['file']}: column {entry['column']!r} has the negative length {min(numbers)}"
                raise InputError([message])
        except InputError as error:
            for problem in error.problems:
                self.wrong(body, f"{what}: table: {problem}")
            return None
        scale = float(one.microseconds)
        return make_distribution("empirical", {"values": [n * scale for n in numbers]}), one.working

    def _value(self, node: Node, unit: Unit, what: str) -> tuple[float, bool] | None:
        """Read a number, or a duration in microseconds; return it, and whether it counts working days."""
        if unit == "duration":
            try:
                duration = parse_duration(node.value)
                return float(duration.microseconds), duration.working
            except InputError as error:
                self.wrong(node, f"{what}: {error.problems[0].message}")
                return None
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return float(node.value), False
        self.wrong(node, f"{what}: must be a number, not {format_value(node.value)}")
        return None


def _key(name: str) -> str:
    return f"{name}:"


def _values(by: Expression) -> Sequence[Any] | None:
    """Return the values of an expression; ``None`` for a number, unless it is a field with few values within bounds."""
    if by.kind != "integer":
        return (False, True) if by.kind == "boolean" else by.values
    low, high = (by.field.minimum, by.field.maximum) if isinstance(by, Name) else (None, None)
    if not isinstance(low, int) or not isinstance(high, int) or high - low >= _MOST_NAMED:
        return None
    return range(low, high + 1)


def _format_key(key: Any) -> str:
    return format_value(key) if isinstance(key, bool) else str(key)
