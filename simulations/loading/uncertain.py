"""Read what is not known well, and check that a scenario is valid with the values that may be drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from simulations.loading.changes import Change, changed
from simulations.loading.context import Context
from simulations.loading.table_files import table_source
from simulations.scenarios.format import UncertainEntry
from simulations.scenarios.tables import TableSource, read_numbers
from simulations.scenarios.uncertainty import SCALE, AnyUncertain, Input, Uncertain, UncertainTable, changes_to, medians, scaled
from simulations.timing.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, parse_duration
from workflow.errors import InputError, Problem
from workflow.files.validation import format_names, format_value
from workflow.files.yaml_tree import Node, Plain, Source, node_of
from workflow.loading.reading import Keys

if TYPE_CHECKING:
    from simulations.scenarios.scenario import Scenario

_RARE = 2.0**-20
"""A scenario must be valid with all values as low, and as high, as one draw in a million."""


def read_uncertain(context: Context) -> tuple[AnyUncertain, ...]:
    """Read `uncertain:`, without entries that have mistakes."""
    read: list[AnyUncertain] = []
    places: dict[str, int] = {}
    for k, entry in enumerate(context.file.uncertain):
        where, what = ("uncertain", k), f"uncertain: entry {k + 1}"
        one = _table(context, entry, where, what) if entry.table is not None else _one(context, entry, where, what)
        if one is None:
            continue
        for name in [i.path for i in one.inputs]:
            overlap = next((other for other in places if _overlap(name, other)), None)
            if overlap is not None:
                context.wrong(where, f"{what}: {name}: overlaps with {overlap} of entry {places[overlap] + 1}")
                break
            places[name] = k
        else:
            read.append(one)
    return tuple(read)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


def _one(context: Context, entry: UncertainEntry, where: Keys, what: str) -> Uncertain | None:
    """Read a value or a factor with its distribution."""
    is_factor, n_problems = entry.scale is not None, len(context.problems)
    key, path = ("by", entry.scale) if is_factor else ("is", entry.set)
    read = _input(context, str(path), is_factor, (*where, "scale" if is_factor else "set"), what)
    node = context.at(*where, key)
    has_units = not is_factor and any(isinstance(leaf, str) for leaf in _parameters(node.plain()))
    drawn = context.reader.distribution(node, "duration" if has_units else "number", f"{what}: {key}")
    low, high = _bounds(context, entry, where, what)
    if read is None or drawn is None or len(context.problems) > n_problems:
        return None
    distribution, working = drawn
    if has_units:
        plain = _without_units(node, MICROSECONDS_PER_DAY if working else MICROSECONDS_PER_HOUR)
        drawn = context.reader.distribution(plain, "number", f"{what}: {key}")
        unit = "working days" if working else "hours"
        return None if drawn is None else Uncertain(replace(read, unit=unit), drawn[0], low, high)
    return Uncertain(read, distribution, low, high)


def _parameters(plain: Plain) -> Iterator[Plain]:
    if isinstance(plain, dict | list):
        for value in plain.values() if isinstance(plain, dict) else plain:
            yield from _parameters(value)
    else:
        yield plain


def _without_units(node: Node, unit: int) -> Node:
    """Return a distribution of lengths of time as one of numbers of a unit, in microseconds."""
    if isinstance(node.value, dict):
        return replace(node, value={key: _without_units(child, unit) for key, child in node.value.items()})
    if isinstance(node.value, list):
        return replace(node, value=[_without_units(child, unit) for child in node.value])
    if isinstance(node.value, str):
        return replace(node, value=parse_duration(node.value).microseconds / unit)
    return node


def _bounds(context: Context, entry: UncertainEntry, where: Keys, what: str) -> tuple[float | None, float | None]:
    given = entry.within
    if given is None:
        return None, None
    numbers = [b for b in given if isinstance(b, int | float) and not isinstance(b, bool)]
    if len(given) != 2 or len(numbers) != 2 or numbers[0] >= numbers[1]:
        context.wrong((*where, "within"), f"{what}: within: must be two numbers, the lower one first, such as [0, 1]")
        return None, None
    return float(numbers[0]), float(numbers[1])


def _input(context: Context, path: str, is_factor: bool, where: Keys, what: str) -> Input | None:
    """Return the input at a path, or report a path that does not exist or has no number to multiply."""
    place = context.at(*where).position
    if path.split(".")[0] in ("uncertain", "published", "show", "about", "extends", "scenario", "workflow"):
        context.wrong(place, f"{what}: {path}: does not change a run")
        return None
    try:
        changed(context.node, Change(path, 0, Source(f"{what}: {path}", "")))
    except InputError as error:
        if not (is_factor and "cannot become" in str(error)):
            context.problems += [Problem(p.message, place) for p in error.problems]
            return None
    old = _value_at(context.node, path)
    if is_factor and scaled(old, 2.0, path.split(".")) == old:
        context.wrong(place, f"{what}: scale: {path} is {format_value(old)}, which has no number to multiply")
        return None
    return Input(path, is_factor, old)


def _value_at(node: Node, path: str) -> Plain:
    """Return the value at a path that can be set; ``None`` for a new key."""
    for part in path.split("."):
        if isinstance(node.value, list):
            node = node.value[int(part)]
            continue
        spelled = {str(k).lower() if isinstance(k, bool) else str(k): k for k in node.value}
        if part not in spelled:
            return None
        node = node.value[spelled[part]]
    return node.plain()


def _table(context: Context, entry: UncertainEntry, where: Keys, what: str) -> UncertainTable | None:
    """Read a table of joint values."""
    node = context.at(*where, "table")
    try:
        source = table_source(node)
        columns = context.files.once(("uncertain", source.path, str(source)), lambda: _columns(source))
    except InputError as error:
        for problem in error.problems:
            context.wrong(node, f"{what}: {problem}")
        return None
    for name in entry.leave_out:
        context.known(name, columns, (*where, "leave_out"), f"{what}: leave_out", "a column of the table")
    kept = {name: values for name, values in columns.items() if name not in entry.leave_out}
    inputs = [_input(context, name.removeprefix(SCALE), name.startswith(SCALE), (*where, "table"), what) for name in kept]
    if not kept:
        context.wrong(node, f"{what}: {source.path}: has no column of values")
    if not kept or any(i is None for i in inputs):
        return None
    return UncertainTable(source.path.name, tuple(i for i in inputs if i is not None), tuple(kept.values()))


def _columns(source: TableSource) -> dict[str, tuple[float, ...]]:
    return {name: tuple(values) for name, values in read_numbers(source).items()}


def check_uncertain(context: Context, scenario: Scenario) -> None:
    """Report inputs with which the scenario is not valid: all at their medians, all low, all high, and some rows of tables."""
    every = scenario.uncertain
    tried = [("their medians", medians(every)), ("low values", _at(every, _RARE)), ("high values", _at(every, 1 - _RARE))]
    for what, values in tried:
        try:
            scenario.change(changes_to([i for each in every for i in each.inputs], values))
        except InputError as error:
            _explain(context, scenario, what, values, error)
            return


def without_set(node: Node, paths: Sequence[str]) -> Node:
    """Return the tree of a scenario without the uncertain inputs at or below some paths, since their values have been set."""
    section = node.value.get("uncertain") if isinstance(node.value, dict) else None
    if section is None or not isinstance(section.value, list) or "uncertain" in [path.split(".")[0] for path in paths]:
        return node

    def is_set(path: object) -> bool:
        return any(path == one or str(path).startswith(f"{one}.") for one in paths)

    kept = [entry for entry in section.value if not (isinstance(entry.value, dict) and "set" in entry.value and is_set(entry.value["set"].value))]  # fmt: skip
    kept = [_leaving_out(entry, paths) for entry in kept]
    if kept == section.value:
        return node
    return replace(node, value={**node.value, "uncertain": replace(section, value=kept)})


def _leaving_out(entry: Node, paths: Sequence[str]) -> Node:
    """Return an entry that reads a table without the columns that have been set."""
    if not isinstance(entry.value, dict) or "table" not in entry.value:
        return entry
    try:
        columns = read_numbers(table_source(entry.value["table"]))
    except InputError:
        return entry  # reported when the entry is read
    known = [c for c in columns if not c.startswith(SCALE) and any(c == one or c.startswith(f"{one}.") for one in paths)]
    if not known:
        return entry
    before = entry.value["leave_out"].plain() if "leave_out" in entry.value else []
    left = node_of([*before, *(c for c in known if c not in before)], entry.source)
    return replace(entry, value={**entry.value, "leave_out": left}, keys={**entry.keys, "leave_out": left.position})


def _at(every: Sequence[AnyUncertain], probability: float) -> dict[str, float]:
    """Return the quantiles of all inputs; of a table the first or the last row."""
    values: dict[str, float] = {}
    for each in every:
        values |= each.row(0 if probability < 0.5 else -1) if isinstance(each, UncertainTable) else each.at(probability)
    return values


def _explain(context: Context, scenario: Scenario, what: str, values: dict[str, float], error: InputError) -> None:
    """Report the entries with which a scenario is not valid, each by itself; or all of them, if it takes several."""
    alone = False
    for k, each in enumerate(scenario.uncertain):
        own = {i.name: values[i.name] for i in each.inputs}
        try:
            scenario.change(changes_to(each.inputs, own))
        except InputError as one:
            alone = True
            shown = format_names(f"{name} = {value:.6g}" for name, value in itertools.islice(own.items(), 4))
            message = f"{one.problems[0].message}. Choose another distribution, or give within:"
            context.wrong(("uncertain", k), f"uncertain: entry {k + 1}: with {shown}: {message}")
    if not alone:
        context.wrong(("uncertain",), f"uncertain: with all inputs at {what}: {error.problems[0].message}")
