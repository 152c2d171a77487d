"""Values that a field may hold."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable

from workflow.files.validation import format_names
from workflow.predicates import Field


def fits(field: Field, value: object) -> bool:
    """Return whether a field may hold a value."""
    if value is None:
        return field.optional
    if field.kind == "boolean":
        return isinstance(value, bool)
    if field.kind == "enum":
        return isinstance(value, str) and value in field.values
    numeric: dict[str, Callable[[], bool]] = {
        "integer": lambda: isinstance(value, int) and not isinstance(value, bool),
        "number": lambda: math.isfinite(value) if isinstance(value, float) else numeric["integer"](),
        "date": lambda: isinstance(value, dt.date) and not isinstance(value, dt.datetime),
    }
    if not numeric[field.kind]():
        return False
    low, high = field.minimum, field.maximum
    return (low is None or low <= value) and (high is None or value <= high)  # type: ignore[operator]


def allowed_values(field: Field) -> str:
    """Describe the values that a field may hold."""
    if field.kind == "enum":
        return f"one of {format_names(field.values)}."
    if field.kind == "boolean":
        return "true or false."
    bounds = f" from {field.minimum} to {field.maximum}" if field.minimum is not None else ""
    return {"integer": "a whole number", "number": "a number", "date": "a date"}[field.kind] + bounds + "."
