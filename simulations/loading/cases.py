"""Read cases: the backlog at the start, and the streams of new cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from simulations.loading.arrivals import read_arrival_times
from simulations.loading.context import Context, without_comma
from simulations.loading.people import People
from simulations.loading.table_files import table_source
from simulations.loading.times import read_calendar_time
from simulations.scenarios.format import ArrivalEntry, BacklogEntry
from simulations.scenarios.scenario import Backlog, Stream
from simulations.scenarios.tables import CaseTable, read_cases
from simulations.timing.calendar_spec import CalendarSpec
from workflow.errors import InputError, Problem
from workflow.files.validation import format_names, format_value, validate
from workflow.files.yaml_tree import Node
from workflow.loading.reading import Keys

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
        key = ("cases", repr(source), id(workflow), context.epoch.start, context.courts, backlog)
        return context.files.once(
            key, lambda: read_cases(source, workflow, context.epoch, context.courts, workflow.entry_states, backlog)
        )
    except InputError as error:
        for problem in error.problems:
            context.problems.append(Problem(f"{what}: {problem.message}", problem.position or node.position))
        return None


def read_arrivals(context: Context, people: People, specs: Mapping[str, CalendarSpec]) -> tuple[Stream, ...]:
    """Read `arrivals:`, one stream for each court, without those that have mistakes."""
    file = context.file
    return tuple(stream for name in file.arrivals for stream in _streams(context, people, name, file.arrivals[name], specs))


def _streams(context: Context, people: People, name: str, entry: ArrivalEntry, specs: Mapping[str, CalendarSpec]) -> list[Stream]:
    path, what = ("arrivals", name), f"arrivals {name!r}"
    courts = _courts(context, name, entry, path, what)
    state = _state(context, entry, path, what)
    own = people.read(entry.people, (*path, "people"))
    times = _times(context, entry, path, what, courts, specs)
    if state is None or times is None or not set(courts) <= set(context.courts):
        return []
    table = times.get("table")
    if table is not None and table.courts is not None:
        courts = [court for court in context.courts if court in table.courts]
    limit = entry.count if isinstance(entry.count, int) else None
    return [Stream(name, context.courts.index(court), state, own, count=limit, **times) for court in courts]


def _times(
    context: Context, entry: ArrivalEntry, path: Keys, what: str, courts: Sequence[str], specs: Mapping[str, CalendarSpec]
) -> dict[str, Any] | None:
    """Return the fields of a `Stream` that give its arrival times."""
    if entry.table is None:
        return read_arrival_times(context, entry, path, what, specs)
    table = _new_cases(context, entry, path, what, courts)
    return None if table is None else {"table": table}


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
