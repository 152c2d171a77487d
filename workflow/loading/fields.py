"""Read the facts and the record of a workflow: types, allowed values and defaults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Literal

from workflow.errors import nearest
from workflow.files.format import FieldEntry, WorkflowFile
from workflow.files.validation import format_value
from workflow.files.values import allowed_values, fits
from workflow.loading.reading import Keys, Reading
from workflow.model.definition import Value
from workflow.predicates import Field

Role = Literal["fact", "record"]

CALLED = {"facts": "fact", "record": "record field"}
"""The name of an entry of each section in messages."""

TYPES: dict[str, tuple[type, ...]] = {"integer": (int,), "number": (int, float), "date": (dt.date,), "boolean": ()}
"""The Python types that the bounds of a field can have."""


def read_fields(reading: Reading[WorkflowFile]) -> tuple[dict[str, Field], set[str]]:
    """Read `facts:` and `record:`; return every field, and the names of those with mistakes."""
    fields: dict[str, Field] = {}
    misread: set[str] = set()
    roles: tuple[tuple[Role, Mapping[str, FieldEntry]], ...] = (("fact", reading.file.facts), ("record", reading.file.record))
    for role, entries in roles:
        for name, entry in entries.items():
            before = len(reading.problems)
            fields[name] = _field(reading, name, entry, role)
            misread |= {name} if len(reading.problems) > before else set()
    return fields, misread


def _field(reading: Reading[WorkflowFile], name: str, entry: FieldEntry, role: Role) -> Field:
    path = ("facts" if role == "fact" else "record", name)
    what = f"{CALLED[path[0]]} {name!r}"
    if (entry.type is None) == (entry.enum is None):
        reading.wrong(path, f"{what}: give either type (boolean, integer, number, date) or enum (a list of words)")
        return Field(name, "boolean", role)
    low, high = entry.minimum, entry.maximum
    if entry.enum is not None:
        enum = _enum_values(reading, entry.enum, (*path, "enum"), what)
        if low is not None or high is not None:
            reading.wrong(path, f"{what}: minimum and maximum are for numbers and dates, not for enum")
        _check_optional(reading, entry, role, path, what)
        return Field(name, "enum", role, values=enum, optional=entry.optional)
    kind = entry.type or "boolean"
    for bound, value in (("minimum", low), ("maximum", high)):
        if value is not None and (not isinstance(value, TYPES[kind]) or isinstance(value, bool)):
            reading.wrong((*path, bound), f"{what}: {bound} must be a value of type {kind}, not {format_value(value)}")
            return Field(name, kind, role)
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        reading.wrong((*path, "minimum"), f"{what}: minimum {format_value(low)} is above maximum {format_value(high)}")
    if kind == "integer" and (low is None or high is None):
        reading.wrong(path, f"{what}: a whole number needs minimum and maximum")
    if role == "record" and kind in ("number", "date"):
        message = f"the record holds boolean, integer and enum values, so that it stays finite; not {kind}"
        reading.wrong(path, f"{what}: {message}")
    elif role == "record" and isinstance(low, int) and isinstance(high, int) and high - low > 1000:
        message = f"a whole number in the record has at most 1,001 values, not {high - low + 1:,}"
        reading.wrong(path, f"{what}: {message}")
    _check_optional(reading, entry, role, path, what)
    return Field(name, kind, role, minimum=low, maximum=high, optional=entry.optional)


def _enum_values(reading: Reading[WorkflowFile], enum: list[object], path: Keys, what: str) -> tuple[str, ...]:
    seen: set[str] = set()
    for i, word in enumerate(enum):
        if not isinstance(word, str):
            message = f"enum values are words, not {format_value(word)}; put it in quotes, or use a type"
            reading.wrong((*path, i), f"{what}: {message}")
        elif word in seen:
            reading.wrong((*path, i), f"{what}: the value {word!r} is listed twice")
        else:
            seen.add(word)
    return tuple(word for word in enum if isinstance(word, str))


def _check_optional(reading: Reading[WorkflowFile], entry: FieldEntry, role: Role, path: Keys, what: str) -> None:
    if role == "record" and entry.optional:
        message = "a record field is never missing; give it an enum with a value such as none"
        reading.wrong((*path, "optional"), f"{what}: {message}")


def read_defaults(reading: Reading[WorkflowFile], fields: Mapping[str, Field]) -> dict[str, Value]:
    """Return the default of each field: its `default:`, or the simplest allowed value."""
    file = reading.file
    defaults: dict[str, Value] = {}
    for name, field in fields.items():
        section = "facts" if name in file.facts else "record"
        given = getattr(file, section)[name].default
        if given is not None and not fits(field, given):
            message = f"the default {format_value(given)} is not {allowed_values(field)}{nearest(given, field.values)}"
            reading.wrong((section, name, "default"), f"{CALLED[section]} {name!r}: {message}")
        defaults[name] = _plainest(field) if given is None else given
    return defaults


def _plainest(field: Field) -> Value:
    if field.optional:
        return None
    if field.kind == "enum" and "none" in field.values:
        return "none"
    if field.kind == "boolean":
        return False
    if field.kind == "integer" or field.minimum is not None:
        return field.minimum
    if field.role == "fact" and field.kind in ("date", "number"):
        return 0.0 if field.kind == "number" else dt.date(1900, 1, 1)
    return field.values[0] if field.values else None
