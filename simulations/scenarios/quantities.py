"""Values of a scenario file that have a unit, are random, or differ between cases.

`Reader` reads them from the tree of a file and collects the mistakes with their positions. A value that differs
between cases is written ``{by: <expression>, value: ..., other: ...}`` and read into a `Choice`, a small decision
tree whose leaves are plain values.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulations.chance.distributions import Distribution, make_distribution
from simulations.chance.families import Parameter, find_family, mistakes
from simulations.timing.clock import MICROSECONDS_PER_DAY, parse_duration, parse_rate
from workflow.deciding.table import Columns
from workflow.errors import InputError, Problem, nearest
from workflow.files.validation import format_names, format_value, parse_at
from workflow.files.yaml_tree import Node, tidy
from workflow.predicates import Expression, Field, Namespace, names, scalar, vector

__all__ = ["Choice", "Length", "Reader", "Rows", "Shares"]

Rows = NDArray[np.int64] | slice
T = TypeVar("T")
S = TypeVar("S")
Unit = Literal["duration", "number"]


@dataclass(frozen=True)
class Choice(Generic[T]):
    """A value that may differ from case to case.

    Attributes
    ----------
    leaf : T or None
        The value, where nothing is chosen.
    by : Expression or None
        What it is chosen by.
    branches : tuple of (value, Choice)
    other : Choice or None
        For every value that is not among the branches.
    """

    leaf: T | None = None
    by: Expression | None = None
    branches: tuple[tuple[Any, Choice[T]], ...] = ()
    other: Choice[T] | None = None

    def leaves(self) -> list[T]:
        """Return every value that may be chosen."""
        if self.by is None:
            return [self.leaf]  # type: ignore[list-item]
        below = [choice for _, choice in self.branches] + ([self.other] if self.other is not None else [])
        return [leaf for choice in below for leaf in choice.leaves()]

    def reads(self) -> frozenset[str]:
        """Return the names of the fields that the choice depends on."""
        if self.by is None:
            return frozenset()
        below = [choice for _, choice in self.branches] + ([self.other] if self.other is not None else [])
        return names(self.by).union(*(choice.reads() for choice in below))

    def picker(self, facts: Sequence[str], record: Sequence[str]) -> Callable[[Sequence[Any], Sequence[Any]], T]:
        """Return a function of a case's facts and record that chooses the value."""
        if self.by is None:
            leaf: T = self.leaf  # type: ignore[assignment]
            return lambda _facts, _record: leaf
        by = scalar(self.by, facts, record)
        table = {value: choice.picker(facts, record) for value, choice in self.branches}
        other = None if self.other is None else self.other.picker(facts, record)

        def pick(case_facts: Sequence[Any], case_record: Sequence[Any]) -> T:
            chosen = table.get(by(case_facts, case_record), other)
            if chosen is None:
                raise KeyError(by(case_facts, case_record))
            return chosen(case_facts, case_record)

        return pick

    def rows(self, columns: Columns, fields: Mapping[str, Field]) -> list[tuple[T, Rows]]:
        """Return each value with the rows of the cases that it is for."""
        if self.by is None:
            return [(self.leaf, slice(None))]  # type: ignore[list-item]
        everything = np.arange(len(columns), dtype=np.int64)
        return [(leaf, rows) for leaf, rows in self._rows(columns, fields, everything) if len(rows)]

    def _rows(
        self, columns: Columns, fields: Mapping[str, Field], rows: NDArray[np.int64]
    ) -> list[tuple[T, NDArray[np.int64]]]:
        if self.by is None:
            return [(self.leaf, rows)]  # type: ignore[list-item]
        here = columns.only(names(self.by)).take(rows)
        values = np.broadcast_to(vector(self.by, here.values, here.missing), len(rows))
        found: list[tuple[T, NDArray[np.int64]]] = []
        left = np.ones(len(rows), bool)
        for value, choice in self.branches:
            code = self.by.values.index(value) if self.by.kind == "enum" else value
            mine = left & (values == code)
            left &= ~mine
            found += choice._rows(columns, fields, rows[mine])
        if self.other is not None:
            found += self.other._rows(columns, fields, rows[left])
        return found


@dataclass(frozen=True)
class Length:
    """How long something takes.

    Attributes
    ----------
    distribution : Distribution
        In microseconds; 24 hours for each working day if `working`.
    working : bool
        Whether it is counted over the working dates of a calendar.
    """

    distribution: Distribution
    working: bool = False


@dataclass(frozen=True)
class Shares:
    """Values and their shares, cumulated."""

    values: tuple[Any, ...]
    cumulative: tuple[float, ...]


class Reader:
    """Reads quantities from a file's tree; what is wrong goes to `problems`.

    Parameters
    ----------
    namespace : Namespace
        The names that `by:` may use.
    problems : list of Problem
    """

    def __init__(self, namespace: Namespace, problems: list[Problem]) -> None:
        self.namespace = namespace
        self.problems = problems

    def wrong(self, node: Node, message: str) -> None:
        """Report a mistake at a node."""
        self.problems.append(Problem(message, node.position))

    # choices -------------------------------------------------------------------------------------

    def choice(
        self,
        node: Node,
        leaf: Callable[[Node, str], S | None],
        what: str,
        names_allowed: Namespace | None = None,
        by_court: bool = False,
    ) -> Choice[S] | None:
        """Read a value that may differ.

        Parameters
        ----------
        node : Node
        leaf : callable
            Reads one value, or reports what is wrong and returns ``None``.
        what : str
            How messages speak of it.
        names_allowed : Namespace, optional
            The names that `by:` may use, where they are fewer than the reader's.
        by_court : bool
            Whether a mapping of all courts may stand without ``by: court``.
        """
        namespace = names_allowed or self.namespace
        if not isinstance(node.value, dict):
            return self._leaf(leaf(node, what))
        entries: dict[Any, Node] = dict(node.value)
        court = namespace.fields.get("court")
        if by_court and "by" not in entries and court is not None and any(k in court.values for k in entries):
            text, by_node = "court", node
        elif "by" in entries:
            by_node = entries.pop("by")
            text = by_node.value if isinstance(by_node.value, str) else ""
            if not text:
                self.wrong(by_node, f"{what}: by: must be a name or an expression, not {format_value(by_node.value)}")
                return None
        else:
            return self._leaf(leaf(node, what))
        by = parse_at(by_node, text, namespace, self.problems, f"{what}: by", "any")
        if by is None:
            return None
        return self._branches(node, entries, by, text, leaf, what, names_allowed, by_court)

    @staticmethod
    def _leaf(value: S | None) -> Choice[S] | None:
        return None if value is None else Choice(value)

    def _branches(
        self, node: Node, entries: dict[Any, Node], by: Expression, text: str,
        leaf: Callable[[Node, str], S | None], what: str, names_allowed: Namespace | None, by_court: bool,
    ) -> Choice[S] | None:  # fmt: skip
        possible: tuple[Any, ...] = (False, True) if by.kind == "boolean" else by.values if by.kind == "enum" else ()
        if by.kind not in ("boolean", "enum", "integer"):
            self.wrong(
                node,
                f"{what}: by: {text} is {by.kind}; a choice is by something true or false, an enum, or a whole number",
            )
            return None
        other = entries.pop("other", None)
        fine = True
        read: list[tuple[Any, Choice[S]]] = []
        for key, child in entries.items():
            right_kind = (
                isinstance(key, bool)
                if by.kind == "boolean"
                else isinstance(key, int) and not isinstance(key, bool)
                if by.kind == "integer"
                else key in possible
            )
            if not right_kind:
                allowed = (
                    "whole numbers"
                    if by.kind == "integer"
                    else format_names(format_value(v) if isinstance(v, bool) else v for v in possible)
                )
                hint = nearest(key, (*possible, "other"))
                if isinstance(key, dt.date) and text == "court":
                    hint = f" A date stands below its court: {{{possible[0]}: {{{key}: ...}}}}."
                self.problems.append(
                    Problem(
                        f"{what}: {format_value(key)} is no value of {text}; allowed: {allowed}, other.{hint}",
                        node.keys[key],
                    )
                )
                fine = False
                continue
            below = self.choice(
                child,
                leaf,
                f"{what} ({text}: {format_value(key) if isinstance(key, bool) else key})",
                names_allowed,
                by_court,
            )
            fine = fine and below is not None
            if below is not None:
                read.append((key, below))
        rest = None if other is None else self.choice(other, leaf, f"{what} (other)", names_allowed, by_court)
        if other is not None and rest is None:
            return None
        lacking = [v for v in possible if v not in [k for k, _ in read]]
        if fine and rest is None and (lacking or by.kind == "integer"):
            shown = (
                format_names(format_value(v) if isinstance(v, bool) else v for v in lacking)
                if lacking
                else "every other number"
            )
            self.wrong(node, f"{what}: by {text}: nothing is said for {shown}; add it, or other:")
            return None
        return Choice(by=by, branches=tuple(read), other=rest) if fine else None

    # shares and probabilities ---------------------------------------------------------------------

    def share(self, node: Node, what: str) -> float | None:
        """Read a number from 0 to 1: ``0.31``, ``26/36`` or ``16.5%``."""
        value = node.value
        number: float | None = None
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value)
        elif isinstance(value, str):
            try:
                number = float(value[:-1]) / 100 if value.endswith("%") else float(Fraction(value.replace(" ", "")))
            except (ValueError, ZeroDivisionError):
                number = None
        if number is None:
            self.wrong(
                node, f"{what}: must be a share from 0 to 1, such as 0.31, 26/36 or 16.5%, not {format_value(value)}"
            )
        elif not 0 <= number <= 1:
            self.wrong(node, f"{what}: a share lies between 0 and 1, not {format_value(value)}")
        else:
            return number
        return None

    def shares(self, node: Node, possible: Sequence[Any] | None, what: str) -> Shares | None:
        """Read a mapping of values to shares that add up to 1.

        Parameters
        ----------
        possible : sequence, optional
            The values that may be given; if just one of them is left out, it has the rest.
        """
        if not isinstance(node.value, dict) or not node.value:
            self.wrong(
                node,
                f"{what}: must be a mapping of values to shares, such as {{favourable: 0.31, unfavourable: rest}}, not {format_value(node.value)}",
            )
            return None
        given: dict[Any, float] = {}
        rest: list[Any] = []
        fine = True
        for key, child in node.value.items():
            if possible is not None and not any(key == p and type(key) is type(p) for p in possible):
                self.problems.append(
                    Problem(
                        f"{what}: {format_value(key)} is no value that can be given here; allowed: {format_names(possible)}.{nearest(key, possible)}",
                        node.keys[key],
                    )
                )
                fine = False
            elif child.value == "rest":
                rest.append(key)
                given[key] = 0.0
            else:
                number = self.share(child, f"{what}: {key}")
                fine = fine and number is not None
                given[key] = number or 0.0
        if not fine:
            return None
        total = sum(given.values())
        lacking = [p for p in possible or () if p not in given]
        if len(rest) > 1:
            self.wrong(node, f"{what}: only one value can have the rest, not {format_names(rest)}")
            return None
        if total > 1 + 1e-9:
            self.wrong(node, f"{what}: the shares add up to {total:.6g}, which is more than 1")
            return None
        if not rest and total < 1 - 1e-9:
            if len(lacking) != 1:
                hint = (
                    f"; give one of {format_names(lacking)} the rest" if lacking else "; give one value the word rest"
                )
                self.wrong(node, f"{what}: the shares add up to {total:.6g}, not to 1{hint}")
                return None
            rest = [lacking[0]]
        if rest:
            given[rest[0]] = 1.0 - total
        kept = tuple(given)
        sums = np.cumsum([given[k] for k in kept])
        return Shares(kept, (*(float(s) for s in sums[:-1]), 1.0))

    # rates and distributions -------------------------------------------------------------------------------

    def rate(self, node: Node, what: str) -> float | None:
        """Read a rate; returns events per microsecond."""
        try:
            return parse_rate(node.value) / MICROSECONDS_PER_DAY
        except InputError as error:
            self.wrong(node, f"{what}: {error.problems[0].message}")
            return None

    def length(self, node: Node, what: str) -> Length | None:
        """Read a duration, or a distribution of durations."""
        if not isinstance(node.value, dict):
            duration = self._duration(node, what)
            if duration is None:
                return None
            return Length(make_distribution("constant", {"value": duration[0]}), working=duration[1])
        read = self.distribution(node, "duration", what)
        if read is None:
            return None
        if read[0].support[0] < 0:
            family = read[0].family
            self.wrong(node, f"{what}: a length cannot be negative, but {family} goes below 0; take gamma or lognormal")
            return None
        return Length(*read)

    def distribution(self, node: Node, unit: Unit, what: str) -> tuple[Distribution, bool] | None:
        """Read ``{family: {parameters}}``. Return the distribution, and whether it is in working days."""
        if not isinstance(node.value, dict) or len(node.value) != 1:
            self.wrong(
                node,
                f"{what}: must be one family with its parameters, such as {{gamma: {{mean: 30 days, cv: 1}}}}, not {format_value(node.value)}",
            )
            return None
        family, body = next(iter(node.value.items()))
        if family == "constant":
            return self._constant(body, unit, what)
        if family == "empirical":
            return self._empirical(body, unit, what)
        if family == "table":
            return self._column(body, unit, what)
        try:
            parameters = find_family(str(family)).parameters
        except InputError as error:
            self.problems.append(Problem(f"{what}: {error.problems[0].message}", node.keys[family]))
            return None
        return self._family(body, str(family), parameters, unit, what)

    def _family(
        self, body: Node, family: str, parameters: Mapping[str, Parameter], unit: Unit, what: str
    ) -> tuple[Distribution, bool] | None:
        if not isinstance(body.value, dict):
            self.wrong(
                body,
                f"{what}: {family}: must be a mapping of its parameters ({format_names(parameters)}), not {format_value(body.value)}",
            )
            return None
        durations = {key for key, p in parameters.items() if unit == "duration" and p.dimension == "quantity"}
        given: dict[str, float] = {}
        working: set[bool] = set()
        fine = True
        for key, child in body.value.items():
            if key in durations:
                read = self._duration(child, f"{what}: {key}")
                fine = fine and read is not None
                if read is not None:
                    given[str(key)] = float(read[0])
                    working.add(read[1])
            elif isinstance(child.value, int | float) and not isinstance(child.value, bool):
                given[str(key)] = float(child.value)
            elif str(key) in parameters:
                self.wrong(child, f"{what}: {key}: must be a number, not {format_value(child.value)}")
                fine = False
            else:
                given[str(key)] = 0.0  # the family reports unknown parameters
        if len(working) > 1:
            self.wrong(body, f"{what}: {family}: working days and calendar time cannot be mixed")
            return None
        if not fine:
            return None
        try:
            return make_distribution(family, given), True in working
        except InputError:
            shown = {k: v / MICROSECONDS_PER_DAY if k in durations else v for k, v in given.items()}
            for mistake in mistakes(family, shown):
                key = mistake.parameter or ""
                self.wrong(body.find((key,)), f"{what}: {mistake}{' (in days)' if key in durations else ''}")
            return None

    def _constant(self, body: Node, unit: Unit, what: str) -> tuple[Distribution, bool] | None:
        read = self._value(body, unit, f"{what}: constant")
        return None if read is None else (make_distribution("constant", {"value": read[0]}), read[1])

    def _empirical(self, body: Node, unit: Unit, what: str) -> tuple[Distribution, bool] | None:
        if not isinstance(body.value, list) or not body.value:
            self.wrong(body, f"{what}: empirical: must be a list of values, not {format_value(body.value)}")
            return None
        values = [self._value(child, unit, f"{what}: empirical") for child in body.value]
        read = [value for value in values if value is not None]
        if len(read) < len(values):
            return None
        if len({working for _, working in read}) > 1:
            self.wrong(body, f"{what}: empirical: working days and calendar time cannot be mixed")
            return None
        return make_distribution("empirical", {"values": [number for number, _ in read]}), read[0][1]

    def _column(self, body: Node, unit: Unit, what: str) -> tuple[Distribution, bool] | None:
        """Read ``{table: {file: f.csv, column: c, unit: days}}``: the values of a column, all equally likely."""
        from simulations.scenarios.tables import read_column

        entry = body.plain()
        allowed = ("file", "column", "unit") if unit == "duration" else ("file", "column")
        if (
            not isinstance(entry, dict)
            or set(entry) != set(allowed)
            or not all(isinstance(v, str) for v in entry.values())
        ):
            self.wrong(body, f"{what}: table: needs {format_names(allowed)}, each a text, not {format_value(entry)}")
            return None
        try:
            numbers = read_column(tidy(body.folder / entry["file"]), entry["column"])
            scale, working = 1.0, False
            if unit == "duration":
                one = parse_duration(f"1 {entry['unit']}")
                scale, working = float(one.microseconds), one.working
                if min(numbers) < 0:
                    raise InputError(
                        [f"{entry['file']}: column {entry['column']!r} has the negative length {min(numbers)}"]
                    )
        except InputError as error:
            for problem in error.problems:
                self.wrong(body, f"{what}: table: {problem}")
            return None
        return make_distribution("empirical", {"values": [n * scale for n in numbers]}), working

    def _value(self, node: Node, unit: Unit, what: str) -> tuple[float, bool] | None:
        if unit == "duration":
            read = self._duration(node, what)
            return None if read is None else (float(read[0]), read[1])
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return float(node.value), False
        self.wrong(node, f"{what}: must be a number, not {format_value(node.value)}")
        return None

    def _duration(self, node: Node, what: str) -> tuple[int, bool] | None:
        try:
            duration = parse_duration(node.value)
        except InputError as error:
            self.wrong(node, f"{what}: {error.problems[0].message}")
            return None
        return duration.microseconds, duration.working
