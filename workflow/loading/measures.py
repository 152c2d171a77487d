"""Check the measures of a workflow: what they count, and the parts that they are split into."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from workflow.errors import InputError, Problem, nearest
from workflow.files.format import MeasureEntry, SplitEntry, WorkflowFile
from workflow.files.validation import format_names, parse_at, validate
from workflow.loading.reading import Keys, Reading
from workflow.loading.vocabulary import check_word
from workflow.model.definition import as_written
from workflow.predicates import Namespace

A_STEP = "a transition or an event"


def check_measures(reading: Reading[WorkflowFile], facts: Namespace) -> None:
    """Check `measures:`.

    Parameters
    ----------
    reading : Reading
    facts : Namespace
        The names that `if:` may use: they do not change within a case.
    """
    file = reading.file
    step_names = dict.fromkeys((*(entry.transition for entry in file.transitions), *file.events))
    parts = (part for entry in file.measures for part in (entry.split or {}))
    measures = dict.fromkeys((*(entry.measure for entry in file.measures), *parts))
    completed = _completed(file)
    titled: dict[str, str] = {}
    for i, entry in enumerate(file.measures):
        path, what = ("measures", i), f"measure {entry.measure!r}"
        check_word(reading, entry.measure, "measure", (*path, "measure"))
        for key, names, allowed, which in (
            ("cases", entry.cases or (), step_names, A_STEP),
            ("ratio", entry.ratio or (), measures, "a measure of this workflow"),
            ("within", entry.within or (), file.states, "a state"),
            ("emptied", (entry.emptied,) if entry.emptied else (), file.states, "a state"),
        ):
            for name in names:
                reading.known(name, allowed, (*path, key), f"{what}: {key}", which)
        other = titled.setdefault(entry.title, entry.measure) if entry.title else entry.measure
        if other != entry.measure:
            reading.wrong((*path, "title"), f"{what}: title: {entry.title!r} is the title of measure {other!r} too")
        if entry.if_ is not None:
            parse_at(reading.at(*path, "if"), entry.if_, facts, reading.problems, f"{what}: if (over facts)")
        _check_giving(reading, entry, completed, path, what)
        _check_split(reading, entry.split or {}, step_names, path, what)


_Gives = Mapping[str, list[Any]]


def _check_giving(
    reading: Reading[WorkflowFile], entry: MeasureEntry, completed: Mapping[str, list[_Gives]], path: Keys, what: str
) -> None:
    if entry.giving is None or not entry.cases:
        return
    what, key_path, cases = f"{what}: giving", (*path, "giving"), " or ".join(entry.cases)
    gives = _gives(reading.file, entry.cases, completed)
    values: dict[str, list[str]] = {}
    for given in gives:
        for field, written in given.items():
            values.setdefault(field, []).extend(as_written(value) for value in written)
    if isinstance(entry.giving, dict):
        for field, value in entry.giving.items():
            if reading.known(field, values, (*key_path, field), what, f"a field that {cases} gives"):
                _check_outcome(reading, as_written(value), values[field], cases, (*key_path, field), f"{what}: {field}")
        return
    value = as_written(entry.giving)
    _check_outcome(reading, value, [v for written in values.values() for v in written], cases, key_path, what)
    for given in gives:
        fields = [field for field, written in given.items() if value in map(as_written, written)]
        if len(fields) > 1:
            message = f"{value!r} is an outcome of {format_names(fields)}; name the field: {{{fields[0]}: {value}}}"
            reading.wrong(key_path, f"{what}: {message}")


def _check_outcome(reading: Reading[WorkflowFile], value: str, values: list[str], cases: str, path: Keys, what: str) -> None:
    if value not in values:
        message = f"{value!r} is not an outcome of {cases}; allowed: {format_names(values)}.{nearest(value, values)}"
        reading.wrong(path, f"{what}: {message}")


def _completed(file: WorkflowFile) -> dict[str, list[_Gives]]:
    """Return, for each transition, the `gives:` of the activities that precede it."""
    completed: dict[str, list[_Gives]] = {}
    for transition in file.transitions:
        if not transition.event:
            held = [file.states[state].activity or "" for state in transition.from_ if state in file.states]
            gives = [a.gives for a in (file.activities.get(name) for name in held) if a is not None]
            completed.setdefault(transition.transition, []).extend(given for given in gives if given)
    return completed


def _gives(file: WorkflowFile, step_names: Iterable[str], completed: Mapping[str, list[_Gives]]) -> list[_Gives]:
    """Return the `gives:` of events, and of the activities that precede transitions."""
    gives: list[_Gives] = []
    for name in step_names:
        event = file.events.get(name)
        gives += [event.gives] if event is not None and event.gives else []
        gives += completed.get(name, ())
    return gives


def _check_split(
    reading: Reading[WorkflowFile], split: Mapping[str, Any], step_names: Collection[str], path: Keys, what: str
) -> None:
    path, what = (*path, "split"), f"{what}: split"
    for part, entry in split.items():
        if entry == "rest":
            continue
        key_path = (*path, part)
        try:
            shape = validate(SplitEntry, reading.at(*key_path))
        except InputError as error:
            reading.problems += [Problem(f"{what}: {part}: {p.message}", p.position) for p in error.problems]
            continue
        for key, names in (("ever", shape.ever or ()), ("left_by", shape.left_by or ())):
            for name in names:
                reading.known(name, step_names, key_path, f"{what}: {part}: {key}", A_STEP)
    if split and list(split.values()).count("rest") != 1:
        reading.wrong(path, f"{what}: exactly one part is `rest`, so that the parts add up")
