"""Read cases: the backlog at the start, and the streams of new cases."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from simulations.loading.context import Context, without_comma
from simulations.loading.people import People
from simulations.loading.times import read_by_date, read_calendar_time, read_time
from simulations.scenarios.format import ArrivalEntry, BacklogEntry, TableEntry
from simulations.scenarios.scenario import Backlog, CountIn, Stream
from simulations.scenarios.tables import CaseTable, TableSource, read_cases
from simulations.timing.clock import MICROSECONDS_PER_DAY, PerPeriod, parse_arrival_rate, parse_count_per_period, periods
from workflow.errors import InputError, Problem
from workflow.files.cells import CellFormat
from workflow.files.encodings import check_encoding
from workflow.files.tables import FileFormat
from workflow.files.times import check_time_format
from workflow.files.validation import format_names, format_value, validate
from workflow.files.yaml_tree import Node, tidy
from workflow.loading.reading import Keys

__all__ = ["read_arrivals", "read_backlog"]

AN_ENTRY_STATE = "a state in which a case may begin (entry:)"


def read_backlog(context: Context, people: People) -> tuple[Backlog, ...]:
    """Read `backlog:` of every court."""
    return tuple(
        backlog
        for i, (court, entry) in enumerate(context.file.courts.items())
        for state in entry.backlog
        if (backlog := _backlog(context, people, i, court, state)) is not None
    )


def _backlog(context: Context, people: People, i: int, court: str, state: str) -> Backlog | None:
    path, what = ("courts", court, "backlog", state), f"backlog of {court}"
    node = context.at(*path)
    value = node.value
    if state == "table":
        table = _table(context, node, what, backlog=True)
        if table is not None and table.states is None:
            context.wrong(node, f"{what}: the table {table.path} needs a column 'state'")
        return None if table is None else Backlog(i, None, len(table), None, (), table)
    if not context.known(state, context.workflow.entry_states, path, what, AN_ENTRY_STATE):
        return None
    what = f"{what}: {state}"
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            context.wrong(node, f"{what}: must be a number of cases, 0 or more, not {value}")
        return Backlog(i, state, max(value, 0), None, ())
    if not isinstance(value, dict):
        message = f"must be a number of cases, or {{count:, age:, people:}}, not {format_value(value)}{without_comma(value)}"
        context.wrong(node, f"{what}: {message}")
        return None
    try:
        entry = validate(BacklogEntry, node)
    except InputError as error:
        context.problems += [Problem(f"{what}: {p.message}", p.position) for p in error.problems]
        return None
    age = None
    if entry.age is not None:
        leaf = partial(read_calendar_time, context)
        age = context.reader.choice(context.at(*path, "age"), leaf, f"{what}: age", context.only_court)
    return Backlog(i, state, entry.count, age, people.read(entry.people, (*path, "people")))


def _table(context: Context, node: Node, what: str, backlog: bool) -> CaseTable | None:
    workflow = context.workflow
    try:
        source = table_source(node)
        return read_cases(source, workflow, context.epoch, context.courts, workflow.entry_states, backlog)
    except InputError as error:
        for problem in error.problems:
            context.problems.append(Problem(f"{what}: {problem.message}", problem.position or node.position))
        return None


def _key(option: str) -> str:
    """Return the key of a table entry that says what an option of the command line says."""
    return f"{option.replace('-', '_')}:"


def table_source(node: Node) -> TableSource:
    """Return the table that an entry names: a file, or a mapping with `file:` and how to read it.

    Raises
    ------
    InputError
        With every mistake of the entry.
    """
    if isinstance(node.value, str):
        return TableSource(tidy(node.folder / node.value), cells=CellFormat(option=_key))
    if not isinstance(node.value, dict):
        message = "must be the name of a CSV, Parquet or Excel file, or {file:, columns:}"
        raise InputError([f"table: {message}, not {format_value(node.plain())}"])
    entry = validate(TableEntry, node)
    formats = (entry.time_format,) if isinstance(entry.time_format, str) else tuple(entry.time_format or ())
    for text in formats:
        check_time_format(text, "time_format:")
    if entry.encoding is not None:
        check_encoding(entry.encoding, "encoding:")
    cells = CellFormat(formats, entry.decimal, option=_key)
    return TableSource(tidy(node.folder / entry.file), entry.columns, FileFormat(entry.encoding, entry.sheet), cells)


def read_arrivals(context: Context, people: People) -> tuple[Stream, ...]:
    """Read `arrivals:`, one stream for each court, without those that have mistakes."""
    file = context.file
    return tuple(stream for name in file.arrivals for stream in _streams(context, people, name, file.arrivals[name]))


def _streams(context: Context, people: People, name: str, entry: ArrivalEntry) -> list[Stream]:
    path, what = ("arrivals", name), f"arrivals {name!r}"
    courts = _courts(context, name, entry, path, what)
    state = _state(context, entry, path, what)
    own = people.read(entry.people, (*path, "people"))
    times = _arrival_times(context, entry, path, what, courts)
    if state is None or times is None or not set(courts) <= set(context.courts):
        return []
    table = times.get("table")
    if table is not None and table.courts is not None:
        courts = [court for court in context.courts if court in table.courts]
    limit = entry.count if isinstance(entry.count, int) else None
    return [Stream(name, context.courts.index(court), state, own, count=limit, **times) for court in courts]


def _courts(context: Context, name: str, entry: ArrivalEntry, path: Keys, what: str) -> list[str]:
    """Return the courts that a stream goes to, even unknown ones."""
    courts = entry.courts or ([name] if name in context.courts else list(context.courts))
    if entry.courts is not None and name in context.courts and entry.courts != [name]:
        message = "has the name of a court, so it goes to that court; rename it, or leave out courts:"
        context.wrong((*path, "courts"), f"{what}: {message}")
    for k, court in enumerate(courts):
        context.known(court, context.courts, (*path, "courts", k), what, "a court")
    for k, court in enumerate(courts):
        if court in courts[:k]:
            context.wrong((*path, "courts", k), f"{what}: {court!r} occurs twice")
    return courts


def _state(context: Context, entry: ArrivalEntry, path: Keys, what: str) -> str | None:
    """Return the initial state of the cases of a stream."""
    states = context.workflow.entry_states
    if entry.into is not None:
        known = context.known(entry.into, states, (*path, "into"), f"{what}: into", AN_ENTRY_STATE)
        return entry.into if known else None
    if len(states) == 1:
        return states[0]
    context.wrong(path, f"{what}: into: is missing; a case may begin in {format_names(states)}")
    return None


def _arrival_times(context: Context, entry: ArrivalEntry, path: Keys, what: str, courts: Sequence[str]) -> dict[str, Any] | None:
    """Return the fields of a `Stream` that give its arrival times."""
    if entry.rate is not None:
        rates = _by_period(context, context.at(*path, "rate"), parse_arrival_rate, f"{what}: rate", "rates")
        return None if rates is None else {"rate": _calendar_rate(context, rates)}
    if entry.counts_per_period:
        counts = _by_period(context, context.at(*path, "count"), parse_count_per_period, f"{what}: count", "counts")
        return None if counts is None else {"counts": _calendar_counts(context, counts)}
    if entry.at is not None:
        read = [read_time(context, context.at(*path, "at", k), f"{what}: at") for k in range(len(entry.at))]
        times = sorted(time for time in read if time is not None)
        return {"at": tuple(times)} if len(times) == len(read) else None
    if entry.table is not None:
        table = _new_cases(context, entry, path, what, courts)
        return None if table is None else {"table": table}
    length = read_calendar_time(context, context.at(*path, "interarrival"), f"{what}: interarrival")
    if length is None:
        return None
    if length.distribution.support[1] <= 0 and entry.count is None:
        context.wrong((*path, "interarrival"), f"{what}: interarrival: of length zero needs count:")
    first = None if entry.first is None else read_time(context, context.at(*path, "first"), f"{what}: first")
    return {"interarrival": length, "first": first}


def _by_period(
    context: Context, node: Node, parse: Callable[[object], PerPeriod], what: str, which: str
) -> tuple[tuple[int, PerPeriod], ...] | None:
    """Read numbers of arrivals per period, each from a time on."""

    def leaf(node: Node, what: str) -> PerPeriod | None:
        try:
            return parse(node.value)
        except InputError as error:
            context.wrong(node, f"{what}: {error.problems[0].message}")
            return None

    if isinstance(node.value, dict) and ("by" in node.value or any(court in node.value for court in context.courts)):
        message = "is the same for all courts of a stream; to vary it, give each court its own stream"
        context.wrong(node, f"{what}: {message}")
        return None
    return read_by_date(context, node, leaf, what, which)


def _spans(context: Context, steps: tuple[tuple[int, PerPeriod], ...]) -> Iterator[tuple[int, int, PerPeriod]]:
    """Yield from when until when each number of arrivals holds, within the run."""
    ends = context.epoch.end_of(context.file.ends)
    for (since, number), until in itertools.zip_longest(steps, (since for since, _ in steps[1:])):
        begin, end = max(since, 0), ends if until is None else min(until, ends)
        if begin < end:
            yield begin, end, number


def _calendar_rate(context: Context, steps: tuple[tuple[int, PerPeriod], ...]) -> tuple[tuple[int, float], ...]:
    """Return events per microsecond from each time on. Each calendar month or year has its own rate."""
    rates: list[tuple[int, float]] = []
    for since, until, (number, period) in _spans(context, steps):
        if period == "day":
            rates.append((since, number / MICROSECONDS_PER_DAY))
        else:
            whole = periods(context.epoch, period, since, until)
            rates += [(max(begin, since), number / (end - begin)) for begin, end in whole]
    return tuple(rates)


def _calendar_counts(context: Context, steps: tuple[tuple[int, PerPeriod], ...]) -> tuple[CountIn, ...]:
    """Return the number of cases in each calendar month or year."""
    return tuple(
        CountIn(begin, end, max(begin, since), min(end, until), int(number))
        for since, until, (number, period) in _spans(context, steps)
        for begin, end in periods(context.epoch, period, since, until)
    )


def _new_cases(context: Context, entry: ArrivalEntry, path: Keys, what: str, courts: Sequence[str]) -> CaseTable | None:
    """Read a table of arriving cases; check its dates, courts and columns."""
    node, ends = context.at(*path, "table"), context.file.ends
    table = _table(context, node, what, backlog=False)
    if table is None:
        return None
    if context.dates_fit and len(table) and table.arrived[0] > context.epoch.end_of(ends):
        context.wrong(node, f"{what}: {table.path}: all cases arrive after the end, {ends}")
    others = [court for court in context.courts if court in set(table.courts or ()) - set(courts)]
    if others:
        message = f"has cases of {format_names(others)}, but the stream is that of {format_names(courts)}; rename it, or leave these cases out"
        context.wrong(node, f"{what}: {table.path}: column 'court': {message}")
    for name in (name for name in entry.people if name in table.values):
        message = f"the table has a column {name!r} too; leave out one of them"
        context.wrong((*path, "people", name), f"{what}: people: {message}")
    return table
