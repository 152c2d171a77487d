"""Read rotas: values that change by weekday and hour as well as by date, also from a table."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from simulations.loading.context import Context
from simulations.loading.table_files import table_source
from simulations.loading.times import read_by_date
from simulations.scenarios.rota_tables import RotaRow, read_rota
from simulations.timing.clock import MICROSECONDS_PER_DAY, Epoch, WorkingInterval, format_hours, parse_hours
from workflow.errors import InputError, Position, Problem
from workflow.files.yaml_tree import Node
from workflow.model.working_days import DAY_NAMES, parse_weekdays

T = TypeVar("T")

ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class RotaFormat(Generic[T]):
    """How the values of a rota are read.

    Attributes
    ----------
    column : str
        The name of the column of a table with the values.
    number : callable
        Reads one value, or reports a mistake and returns ``None``.
    nothing : object
        The value at the times that a rota does not name.
    which : str
        The values, for messages, such as ``"sizes"``.
    """

    column: str
    number: Callable[[Node, str], T | None]
    nothing: T
    which: str


@dataclass(frozen=True)
class _Rota(Generic[T]):
    """Values by weekday or date and time of day, in microseconds since midnight; an entry may end on the next date."""

    nothing: T
    weekly: tuple[tuple[tuple[int, int, T], ...], ...] = ((),) * 7
    dated: Mapping[dt.date, tuple[tuple[int, int, T], ...]] = field(default_factory=dict)

    def of_day(self, day: dt.date) -> tuple[tuple[int, int, T], ...]:
        """Return the entries that begin on a date."""
        return self.dated.get(day, self.weekly[day.weekday()])

    def steps(self, epoch: Epoch, since: int, until: int) -> list[tuple[int, T]]:
        """Return the value from each time on, between two times; neighbours differ."""
        steps: list[tuple[int, T]] = [(since, self.nothing)]
        first, last = epoch.date(since).toordinal() - 1, epoch.date(until - 1).toordinal()
        for ordinal in range(max(first, 1), last + 1):
            day = dt.date.fromordinal(ordinal)
            midnight = epoch.microseconds(day)
            for start, end, value in self.of_day(day):
                if max(midnight + start, since) < min(midnight + end, until):
                    for time, now in ((max(midnight + start, since), value), (min(midnight + end, until), self.nothing)):
                        if steps[-1][0] == time:
                            steps.pop()
                        if not steps or steps[-1][1] != now:
                            steps.append((time, now))
        return steps if steps[-1][0] < until else steps[:-1]


def is_rota(node: Node) -> bool:
    """Return whether a mapping is a rota: a table, or values by weekday."""
    keys = list(node.value) if isinstance(node.value, dict) else []
    return keys == ["table"] or any(isinstance(key, str) and key.lower()[:3] in DAY_NAMES for key in keys)


def read_changing(
    context: Context, node: Node, form: RotaFormat[T], what: str, or_court: bool = False
) -> tuple[tuple[int, T], ...] | None:
    """Read one value for all times, values from dates on, or rotas, also from dates on.

    Returns
    -------
    tuple of (microseconds since the start, value), or None
        As `read_by_date`: the steps may begin before the start, and be empty.
    """

    def leaf(child: Node, what: str) -> T | _Rota[T] | None:
        return _rota(context, child, form, what) if is_rota(child) else form.number(child, what)

    steps: tuple[tuple[int, T | _Rota[T]], ...] | None
    if is_rota(node):
        rota = _rota(context, node, form, what)
        steps = None if rota is None else ((0, rota),)
    else:
        steps = read_by_date(context, node, leaf, what, form.which, or_court)
    return None if steps is None else tuple(_expanded(context, steps))


def _expanded(context: Context, steps: Sequence[tuple[int, T | _Rota[T]]]) -> Iterator[tuple[int, T]]:
    """Yield the steps with those of each rota in its place."""
    ends = context.epoch.end_of(context.file.ends) if context.dates_fit else 0
    last = max([ends, *(since for since, _ in steps)])
    for (since, value), until in zip(steps, [*(since for since, _ in steps), last][1:], strict=True):
        if not isinstance(value, _Rota):
            yield since, value
        elif not context.dates_fit:
            yield since, value.nothing
        elif max(since, 0) < min(until, ends):
            yield from value.steps(context.epoch, max(since, 0), min(until, ends))


def read_table_by_court(
    context: Context, node: Node, form: RotaFormat[T], what: str
) -> dict[str, tuple[tuple[int, T], ...]] | None:
    """Read a table with a column ``court``: the steps of each court; of all courts without the column."""
    rows = _rows(context, node, form, what, context.courts)
    if rows is None:
        return None
    courts = {row.court for row in rows}
    lacking = [court for court in context.courts if court not in courts and None not in courts]
    for court in lacking:
        context.wrong(node, f"{what}: the table has no row for the court {court!r}")
    by_court: dict[str, tuple[tuple[int, T], ...]] = {}
    for court in context.courts:
        rota = _made(context, node, form, [row for row in rows if row.court in (court, None)], what)
        if rota is None or lacking:
            return None
        steps: list[tuple[int, T | _Rota[T]]] = [(0, rota)]
        by_court[court] = tuple(_expanded(context, steps))
    return by_court


# one rota ----------------------------------------------------------------------------------------------


def _rota(context: Context, node: Node, form: RotaFormat[T], what: str) -> _Rota[T] | None:
    if list(node.value) == ["table"]:
        rows = _rows(context, node, form, what, ())
        return None if rows is None else _made(context, node, form, rows, what)
    found: list[tuple[tuple[int, ...], Position, list[tuple[int, int, T]]]] = []
    n_problems = len(context.problems)
    for key, child in node.value.items():
        try:
            weekdays = tuple(parse_weekdays(key))
        except InputError as error:
            context.wrong(node.keys[key], f"{what}: {error.problems[0].message}")
            continue
        found.append((weekdays, node.keys[key], _of_weekday(context, child, form, f"{what}: {key}")))
    if len(context.problems) > n_problems:
        return None
    weekly: list[list[tuple[int, int, T]]] = [[] for _ in range(7)]
    named: set[int] = set()
    for weekdays, where, entries in found:
        for weekday in weekdays:
            if weekday in named:
                context.wrong(where, f"{what}: the weekday '{DAY_NAMES[weekday]}' is named twice")
                return None
            named.add(weekday)
            weekly[weekday] += entries
    return _without_overlap(context, node, form, weekly, {}, what)


def _of_weekday(context: Context, node: Node, form: RotaFormat[T], what: str) -> list[tuple[int, int, T]]:
    """Read the value of a weekday: one for the whole day, or one for each of its hours."""
    if not isinstance(node.value, dict):
        value = form.number(node, what)
        return [] if value is None else [(0, MICROSECONDS_PER_DAY, value)]
    entries: list[tuple[int, int, T]] = []
    for key, child in node.value.items():
        value = form.number(child, f"{what}: {key}")
        try:
            hours = parse_hours(key)
        except InputError as error:
            context.wrong(node.keys[key], f"{what}: {error.problems[0].message}")
            continue
        entries += [] if value is None else [(interval.start, interval.end, value) for interval in hours]
    return entries


def _rows(context: Context, node: Node, form: RotaFormat[T], what: str, courts: tuple[str, ...]) -> list[RotaRow] | None:
    """Read the rows of a table."""
    child = node.value["table"]
    try:
        source = table_source(child)
        return context.files.once(("rota", repr(source), form.column, courts), lambda: read_rota(source, form.column, courts))
    except InputError as error:
        context.problems += [Problem(f"{what}: {p.message}", p.position or child.position) for p in error.problems]
        return None


def _made(context: Context, node: Node, form: RotaFormat[T], rows: list[RotaRow], what: str) -> _Rota[T] | None:
    """Make a rota of rows of a table."""
    n_problems = len(context.problems)
    weekly: list[list[tuple[int, int, T]]] = [[] for _ in range(7)]
    dated: dict[dt.date, list[tuple[int, int, T]]] = {}
    for row in rows:
        value = form.number(replace(node, value=row.value), f"{what}: {row.where}")
        if value is None:
            continue
        entries = [(start, end, value) for start, end in row.hours]
        if row.date is not None:
            dated.setdefault(row.date, []).extend(entries)
        for weekday in row.weekdays:
            weekly[weekday] += entries
    if len(context.problems) > n_problems:
        return None
    context.tables_of_rotas.append([(row.weekdays, row.date, row.hours, row.value, row.court) for row in rows])
    return _without_overlap(context, node, form, weekly, dated, what)


def _without_overlap(
    context: Context,
    node: Node,
    form: RotaFormat[T],
    weekly: list[list[tuple[int, int, T]]],
    dated: dict[dt.date, list[tuple[int, int, T]]],
    what: str,
) -> _Rota[T] | None:
    """Return the rota, its hours in order, or report the first two that overlap."""
    days = [(DAY_NAMES[k], DAY_NAMES[(k + 1) % 7], weekly[k], weekly[(k + 1) % 7]) for k in range(7)]
    days += [(str(day), str(day + ONE_DAY), dated[day], dated.get(day + ONE_DAY, [])) for day in sorted(dated)]
    for name, following, entries, after in days:
        own = [(start, end, name, (start, end)) for start, end, _ in sorted(entries, key=lambda entry: entry[:2])]
        more = [
            (s + MICROSECONDS_PER_DAY, e + MICROSECONDS_PER_DAY, following, (s, e))
            for s, e, _ in sorted(after, key=lambda x: x[:2])
        ]
        for (_, end, first, one), (start, _, second, other) in itertools.pairwise([*own, *more[:1]]):
            if start < end:
                shown = [format_hours([WorkingInterval(*hours)]) for hours in (one, other)]
                context.wrong(node, f"{what}: the hours {shown[0]} of {first} and {shown[1]} of {second} overlap")
                return None
    in_order = [tuple(sorted(entries, key=lambda entry: entry[:2])) for entries in (*weekly, *dated.values())]
    return _Rota(form.nothing, tuple(in_order[:7]), dict(zip(dated, in_order[7:], strict=True)))
