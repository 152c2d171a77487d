"""How the columns and the names of a log from elsewhere map to a workflow; and the files that keep such a mapping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from workflow.errors import InputError, Problem, nearest
from workflow.files.cells import CellFormat
from workflow.files.encodings import check_encoding
from workflow.files.tables import FileFormat
from workflow.files.times import check_time_format
from workflow.files.validation import Entry, Name, format_names, format_value, validate
from workflow.files.yaml_tree import Node, read_yaml
from workflow.model.definition import BUILT_IN_FACTS, Workflow

ROLES: dict[str, tuple[str, ...]] = {
    "case": ("case_id", "case:concept:name", "case", "caseid", "case number"),
    "activity": ("transition", "concept:name", "activity", "event", "activity name"),
    "time": ("happened_at", "time:timestamp", "timestamp", "time", "completed_at", "complete timestamp", "complete time"),
    "started_at": ("started_at", "start_timestamp", "start timestamp", "start time"),
    "lifecycle": ("lifecycle:transition", "lifecycle"),
    "policy_in_force": ("policy_in_force",),
}
"""What a column can mean besides a field, with its usual names; in any case, with spaces or underscores."""

NEEDED = ("case", "activity", "time")
"""The roles without which a log cannot be read."""


class UnmappedLog(InputError):
    """A log without a known column of the case, the activity or the time."""


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(v, str | int | float) and str(v).strip() for v in values):
        raise ValueError(f"must be a string or a list of strings, not {format_value(value)}")
    return [format_value(v) if isinstance(v, bool) else str(v) for v in values]


Texts = Annotated[
    list[str],
    BeforeValidator(_texts),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class MappingFile(Entry):
    """How a log maps to a workflow."""

    mapping: Name = Field(description="the workflow that the log is mapped to", examples=["permits"])
    columns: dict[str, Name | None] = Field(
        default_factory=dict,
        description="the column of `case`, `activity`, `time`, `started_at`, `lifecycle`, `policy_in_force`, `state`, `arrived`, `as_of`, and of"
        " facts and record fields; `null`: no column is read",
        examples=[{"case": "file number", "complete": "papers complete"}],
    )
    names: dict[str, Texts] = Field(
        default_factory=dict,
        description="what the log calls a transition or an event",
        examples=[{"grant": ["permit granted", "granted on appeal"]}],
    )
    leave_out: list[Name] = Field(
        default_factory=list, description="activities of the log that are no steps of the workflow", examples=[["letter sent"]]
    )
    only: dict[str, Texts] = Field(
        default_factory=dict,
        description="read only the rows that have one of these values in the column",
        examples=[{"lifecycle:transition": "complete"}],
    )
    encoding: Name | None = Field(None, description="of a CSV or XES file; by default found out", examples=["latin-1"])
    sheet: Name | None = Field(None, description="of an Excel file; by default the first", examples=["Register"])
    time_format: Texts | None = Field(
        None,
        description="how dates and times are written: formats of `strptime`, or `day-first`, `month-first`, `excel`, `unix`,"
        " `unix-ms`; ISO 8601 is always read",
        examples=["%d.%m.%Y %H:%M"],
    )
    decimal: Name | None = Field(None, description="the decimal separator, `.` or `,`; by default found out", examples=[","])


@dataclass(frozen=True)
class LogMapping:
    """How to read a log.

    Attributes
    ----------
    columns : mapping of str to str
        The column of a key of `ROLES`, of ``state``, or of a fact or record field; ``None``: no column is read.
    names : mapping of str to tuple of str
        What the log calls a transition or an event.
    leave_out : tuple of str
        Activities that are not read.
    only : mapping of str to tuple of str
        Read only rows with one of these values in the column.
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    file: FileFormat = field(default_factory=FileFormat)
    cells: CellFormat = field(default_factory=CellFormat)

    def over(self, other: LogMapping) -> LogMapping:
        """Return the mapping with what `other` lacks taken from it; entries of `self` win."""
        return LogMapping(
            {**other.columns, **self.columns},
            {**other.names, **self.names},
            (*other.leave_out, *self.leave_out),
            {**other.only, **self.only},
            FileFormat(self.file.encoding or other.file.encoding, self.file.sheet or other.file.sheet),
            CellFormat(self.cells.time_formats or other.cells.time_formats, self.cells.decimal or other.cells.decimal),
        )

    def checked(self, workflow: Workflow) -> list[Problem]:
        """Return what is wrong with the names of the workflow that the mapping uses."""
        problems = []
        known = mappable(workflow)
        for name in self.columns:
            if name in NEEDED and not self.columns[name]:
                problems.append(Problem(f"--map {name}: every log needs a column for it"))
            if name not in known:
                hint = nearest(name, known) or f" Known: {format_names(known)}."
                what = f"is not {', '.join(ROLES)}, state, or a fact or record field of {workflow.name}"
                problems.append(Problem(f"--map {name}: {what}.{hint}"))
        steps = workflow.step_names
        for name in self.names:
            if name not in steps:
                hint = nearest(name, steps) or f" Known: {format_names(steps)}."
                problems.append(Problem(f"--name {name}: is not a transition or an event of {workflow.name}.{hint}"))
        return problems

    def steps(self, *workflows: Workflow) -> dict[str, str]:
        """Return the transition or event of each name of the log; the names of the workflows stand for themselves.

        Raises
        ------
        InputError
            If the log has one name for two steps.
        """
        steps = {name: name for workflow in workflows for name in workflow.step_names}
        given: dict[str, str] = {}
        own = {step: labels for workflow in workflows for step, labels in workflow.log_names.items()}
        for step, labels in {**own, **self.names}.items():
            for label in labels:
                if given.setdefault(label, step) != step:
                    raise InputError(
                        [f"--name: {label!r} is given as the name of {given[label]} and of {step}; a row is one step"]
                    )
        return {**steps, **given}


def mappable(workflow: Workflow) -> list[str]:
    """Return everything that a column can mean."""
    return [*ROLES, "state", *workflow.facts, *BUILT_IN_FACTS, *workflow.record]


def mapping_of(
    columns: Iterable[str] = (),
    names: Iterable[str] = (),
    only: Iterable[str] = (),
    encoding: str | None = None,
    sheet: str | None = None,
    time_formats: Iterable[str] = (),
    decimal: str | None = None,
) -> LogMapping:
    """Return the mapping that options of the command line give.

    Parameters
    ----------
    columns, names, only : iterable of str
        Entries such as ``case=docket_number``. An entry of `names` or `only` may be repeated with other values.

    Raises
    ------
    InputError
        With every mistake.
    """
    problems: list[str] = []

    def pairs(option: str, entries: Iterable[str], example: str) -> Iterable[tuple[str, str]]:
        for entry in entries:
            name, equals, value = entry.partition("=")
            if not equals or not name.strip() or not (value.strip() or option == "map"):
                problems.append(f"--{option} {entry}: must be {example}")
            else:
                yield name.strip(), value.strip()

    def several(found: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
        values: dict[str, tuple[str, ...]] = {}
        for name, value in found:
            values[name] = (*values.get(name, ()), value)
        return values

    found = pairs("map", columns, "name=column, such as case=docket_number")
    of_columns = {name: column or None for name, column in found}
    of_names = several(pairs("name", names, "step='name in the log', such as grant='permit granted'"))
    chosen = several(pairs("only", only, "column=value, such as lifecycle:transition=complete"))
    formats = tuple(time_formats)
    _check(problems, encoding, formats, decimal, lambda name: f"--{name}")
    if problems:
        raise InputError(problems)
    return LogMapping(of_columns, of_names, (), chosen, FileFormat(encoding, sheet), CellFormat(formats, decimal))


def _check(
    problems: list[str], encoding: str | None, formats: Iterable[str], decimal: str | None, option: Callable[[str], str]
) -> None:
    """Collect what is wrong with an encoding, time formats and a decimal separator."""
    checks: list[Callable[[], None]] = [lambda f=f: check_time_format(f, option("time-format")) for f in formats]  # type: ignore[misc]
    if encoding is not None:
        checks.append(lambda: check_encoding(encoding, option("encoding")))
    for check in checks:
        try:
            check()
        except InputError as error:
            problems += [str(problem) for problem in error.problems]
    if decimal not in (None, ".", ","):
        problems.append(f"{option('decimal')} {decimal}: must be '.' or ','")


def load_mapping(path: Path, workflow: Workflow | None = None) -> LogMapping:
    """Load a mapping file.

    Parameters
    ----------
    workflow : Workflow, optional
        Whose names the file uses. Without one, the names are not checked.

    Raises
    ------
    InputError
        With every mistake of the file, and its position.
    """
    node = read_yaml(path)
    file = validate(MappingFile, node)
    problems: list[Problem] = []
    if workflow is not None and file.mapping != workflow.name:
        message = (
            f"mapping: this file maps a log to {file.mapping!r}, not to {workflow.name!r}; write the other name if it fits both"
        )
        problems.append(Problem(message, node.position_of(("mapping",))))
    texts: list[str] = []
    formats = tuple(file.time_format or ())
    _check(texts, file.encoding, formats, file.decimal, lambda name: f"{name.replace('-', '_')}:")
    problems += [Problem(text, node.position_of((text.partition(":")[0],))) for text in texts]
    mapping = LogMapping(
        file.columns,
        {name: tuple(labels) for name, labels in file.names.items()},
        tuple(file.leave_out),
        {column: tuple(values) for column, values in file.only.items()},
        FileFormat(file.encoding, file.sheet),
        CellFormat(formats, file.decimal),
    )
    if workflow is not None:
        problems += [_placed(problem, node) for problem in mapping.checked(workflow)]
    if problems:
        raise InputError(problems)
    return mapping


def _placed(problem: Problem, node: Node) -> Problem:
    """Return a mistake of the command line as one of the file."""
    option, _, rest = problem.message.partition(" ")
    name, _, message = rest.partition(":")
    section = {"--map": "columns", "--name": "names"}[option]
    return replace(problem, message=f"{section}: {name}{message}", position=node.position_of((section, name)))


def usual_names(workflow: Workflow) -> dict[str, tuple[str, ...]]:
    """Return the names under which a column is found without a mapping, by what it means.

    A fact or record field that is called like a role, such as ``time``, is not read.
    """
    record = {name: (name,) for name in (*workflow.record, "state")}  # a case attribute would be the initial value
    facts = {name: (name, f"case:{name}") for name in (*workflow.facts, *BUILT_IN_FACTS)}
    return {**facts, **record, **ROLES}
