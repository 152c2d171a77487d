"""Load a workflow from its file, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from workflow.errors import MOST_PRINTED, InputError, Problem
from workflow.files.extending import read_given
from workflow.files.format import WorkflowFile
from workflow.files.validation import parse_at, usable, validate
from workflow.files.yaml_tree import Node, Plain
from workflow.loading.bounds import BoundReader
from workflow.loading.fields import read_defaults, read_fields
from workflow.loading.graph_checks import graph_problems
from workflow.loading.measures import check_measures
from workflow.loading.moves import MoveReader
from workflow.loading.outcomes import check_outcomes
from workflow.loading.reading import Reading, check_number_of_values
from workflow.loading.rules import RuleReader
from workflow.loading.time_limits import read_calendars
from workflow.loading.titles import read_titles
from workflow.loading.variants import merge_variant
from workflow.loading.vocabulary import check_names, read_definitions
from workflow.model.definition import BUILT_IN_FACTS, Workflow
from workflow.predicates import Expression, Namespace, made_of

CATALOG = Path(__file__).parent.parent / "catalog"


def catalog() -> dict[str, Path]:
    """Return the built-in workflows: their names and files."""
    return {path.stem.replace("_", "-"): path for path in sorted(CATALOG.glob("*.yaml"))}


def load_workflow(workflow: str | Path | Mapping[str, Plain], beside: Path | None = None) -> Workflow:
    """Load a workflow by built-in name, from a file, from YAML text, or from a mapping.

    Parameters
    ----------
    workflow : str, Path or mapping
        ``"prosecutorial-discretion-review"``, ``"my_workflow.yaml"``, or the content of such a file: a string of several
        lines, or a mapping.
    beside : Path, optional
        The folder that relative paths start from; by default, the current folder.

    Raises
    ------
    InputError
        With every mistake of the file (or of the files it extends): its line and column, or its path in a mapping.

    Examples
    --------
    >>> load_workflow("prosecutorial-discretion-review").states["closed"].kind
    <StateKind.RESTING: 'resting'>
    """
    problems: list[Problem] = []

    def merge(base: Node, over: Node) -> Node:
        check_number_of_values(base, "workflow")
        validate(WorkflowFile, base)
        return merge_variant(base, over, problems)

    node = read_given(workflow, beside or Path(), catalog(), "workflow", merge)
    check_number_of_values(node, "workflow")
    validated = usable(WorkflowFile, node)
    problems += validated.problems
    if validated.content is None or len(problems) > MOST_PRINTED:
        raise InputError(problems)
    return _read(Reading(validated.content, validated.node, validated.lost, problems))


def _read(reading: Reading[WorkflowFile]) -> Workflow:
    """Read every part and report the mistakes of all parts together."""
    file = reading.file
    unusable = check_names(reading)
    fields, misread = read_fields(reading)
    defaults = read_defaults(reading, {name: field for name, field in fields.items() if name not in misread})
    reading.next_stage(unusable | misread)
    namespace = read_definitions(reading, {**fields, **BUILT_IN_FACTS})
    reading.next_stage(file.define.keys() - namespace.definitions.keys())
    moves = MoveReader(reading, namespace, fields)
    activities = {name: moves.activity(name, entry) for name, entry in file.activities.items()}
    states = {name: moves.state(name, entry) for name, entry in file.states.items()}
    events = {name: moves.event(name, entry, states) for name, entry in file.events.items()}
    check_outcomes(reading, activities, events)
    transitions = tuple(moves.transition(i, entry, states, events) for i, entry in enumerate(file.transitions))
    facts = {name: field for name, field in fields.items() if field.role == "fact"}
    record = {name: field for name, field in fields.items() if field.role == "record"}
    assumptions = _assumptions(reading, Namespace({**facts, **BUILT_IN_FACTS}, {}))
    _check_entry(reading)
    _check_sources(reading)
    calendars = read_calendars(file.calendars, reading.node, reading.problems)
    named = [entry.transition for entry in file.transitions]
    bounds = BoundReader(states, events, named, calendars, reading.node, reading.problems).read(file.bounds)
    reader = RuleReader(namespace, states, [*named, *events], events, reading.problems, calendars, bounds)
    rules = tuple(rule for i, entry in enumerate(file.rules) if (rule := reader.read(entry, reading.at("rules", i))))
    titles = read_titles(reading, fields)
    check_measures(reading, made_of({**facts, **BUILT_IN_FACTS}, namespace))
    reading.next_stage(())
    _stop_if_wrong(reading.reported)
    workflow = Workflow(
        file.workflow, file.description, facts, record, defaults, namespace.definitions, assumptions,
        activities, states, transitions, events, tuple(file.entry.states), tuple(file.entry.record),
        rules, tuple(file.measures), file.sources, reading.node, calendars, bounds, titles,
    )  # fmt: skip
    _stop_if_wrong(graph_problems(workflow))
    return workflow


def _stop_if_wrong(problems: list[Problem]) -> None:
    if problems:
        raise InputError(problems)


def _assumptions(reading: Reading[WorkflowFile], facts: Namespace) -> tuple[Expression, ...]:
    read = [
        parse_at(reading.at("assume", i), text, facts, reading.problems, "assume (over facts)")
        for i, text in enumerate(reading.file.assume)
    ]
    return tuple(expression for expression in read if expression is not None)


def _check_entry(reading: Reading[WorkflowFile]) -> None:
    file = reading.file
    for i, state in enumerate(file.entry.states):
        path = ("entry", "states", i)
        if reading.known(state, file.states, path, "entry: states", "a state") and file.states[state].final:
            reading.wrong(path, f"entry: a case cannot begin in the final state {state!r}")
    for i, name in enumerate(file.entry.record):
        reading.known(name, file.record, ("entry", "record", i), "entry: record", "a field of the record")


def _check_sources(reading: Reading[WorkflowFile]) -> None:
    """Check that each `source:` is listed under `sources:`, if the workflow has that section."""
    sources = reading.file.sources
    if not sources:
        return
    for section in ("facts", "record", "activities", "states", "events", "transitions", "rules"):
        entries = getattr(reading.file, section)
        for key, entry in entries.items() if isinstance(entries, dict) else enumerate(entries):
            for name in (entry.source or "").split(",") if entry is not None else ():
                for word in name.split()[:1]:
                    reading.known(word, sources, (section, key, "source"), "source", "listed under sources:")
