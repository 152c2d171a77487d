"""Values of facts at which conditions can change: the constants in the conditions and their neighbours."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.deciding.table import Columns
from workflow.model.definition import Value, Workflow
from workflow.predicates import Expression, Field, vector
from workflow.predicates.calendar_days import EPOCH, add_months
from workflow.predicates.symbolic import limits
from workflow.predicates.tree import Call, Constant

AS_OF = dt.date(2012, 1, 1)
"""The default date of arrival, and the default date of the facts."""

_READS_YEARS = "years and ages"
_OLDEST = 150


def constants_in(expressions: Iterable[Expression]) -> dict[str, list[Any]]:
    """Return the constants in expressions, by kind; with an empty entry `_READS_YEARS` if whole numbers may be years or ages."""
    values_by_kind: dict[str, dict[Any, None]] = {}
    seen: set[int] = set()
    ahead = list(expressions)
    while ahead:
        part = ahead.pop()
        if id(part) not in seen:
            seen.add(id(part))
            ahead.extend(part.children())
            if isinstance(part, Constant):
                values_by_kind.setdefault(part.kind, {})[part.value] = None
            if isinstance(part, Call) and part.function in ("age", "year"):
                values_by_kind.setdefault(_READS_YEARS, {})
    return {kind: list(values) for kind, values in values_by_kind.items()}


def nearby(field: Field, default: Value, constants: dict[str, list[Any]]) -> list[Value]:
    """Return candidate values of a field: the default first, then the nearest to it.

    Parameters
    ----------
    default : Value
        ``None`` for missing.
    constants : dict of str to list
        From `constants_in`.
    """
    if field.kind in ("boolean", "enum"):
        others: list[Value] = [value for value in field.domain() if value is not None]
    else:
        others = _ordered(field, default, constants)
    return list(dict.fromkeys([default, *others, *([None] if field.optional else [])]))


def _ordered(field: Field, default: Any, constants: dict[str, list[Any]]) -> list[Value]:
    """Return the values next to the default, the constants, and the default plus or minus each constant."""
    low, high = limits(field)
    if field.kind == "date":
        middle = (AS_OF if default is None else default).toordinal()
        compared = [day.toordinal() for day in constants.get("date", [])]
        added = constants.get("days", [])
        compared += _calendar_days([middle, *compared], constants)
        low, high = low.toordinal(), high.toordinal()
    else:
        middle = min(max(0, low), high) if default is None else default
        compared = added = constants.get("integer", [])
    if field.kind == "number":
        numbers = [*compared, *constants.get("number", [])]
        compared = [near for number in numbers for near in (number, math.floor(number), math.ceil(number))]
    bases = [middle, *compared, *(middle + d for d in added), *(middle - d for d in added)]
    candidates = {base + step for base in bases for step in (-1, 0, 1) if low <= base + step <= high}
    nearest = sorted(candidates, key=lambda value: (abs(value - middle), value < middle))
    if field.kind == "date":
        return [dt.date.fromordinal(day) for day in nearest]
    return [float(value) for value in nearest] if field.kind == "number" else list(nearest)


def _calendar_days(days: Sequence[int], constants: dict[str, list[Any]]) -> list[int]:
    """Return the ordinals at which conditions about months, years and ages can change, near some days."""
    years = [number for number in constants.get("integer", []) if _READS_YEARS in constants]
    months = {*constants.get("months", []), *(12 * n for n in years if abs(n) <= _OLDEST)}
    shifted = [add_months(day - EPOCH, sign * n) + EPOCH for day in days for n in months for sign in (-1, 1)]
    return shifted + [dt.date(n, 1, 1).toordinal() for n in years if dt.MINYEAR <= n <= dt.MAXYEAR]


def variations(workflow: Workflow, people: Columns, conditions: Sequence[Expression], n: int = 20_000, seed: int = 1) -> Columns:
    """Draw variations of people: up to four facts are changed.

    Parameters
    ----------
    workflow : Workflow
        Variations that violate its assumptions are dropped.
    people : Columns
        At least one case.
    conditions : sequence of Expression
        A changed fact gets its default, or a value at which a condition can change.
    n : int
        Number of draws, before invalid ones are dropped.
    """
    random = np.random.default_rng(seed)
    drawn = people.take(random.integers(0, len(people), n))
    fields = [field for field in workflow.facts.values() if field.name in people.values]
    changed = random.integers(0, max(len(fields), 1), (4, n))[:, :, None] == np.arange(len(fields))
    changed = (changed & (np.arange(4)[:, None] < random.integers(0, 5, n))[:, :, None]).any(axis=0)
    constants = constants_in(conditions)
    values, missing = dict(drawn.values), dict(drawn.missing)
    for i, field in enumerate(fields):
        rows = np.flatnonzero(changed[:, i])
        options = nearby(field, _default(workflow, field), constants)
        chosen = random.integers(0, len(options), len(rows))
        gone = np.array([option is None for option in options])[chosen]
        values[field.name] = _put(values[field.name], rows, _coded(field, options)[chosen])
        if field.optional:
            missing[field.name] = _put(missing.get(field.name, np.zeros(n, bool)), rows, gone)
    kept = np.ones(n, bool)
    for assumption in workflow.assumptions:
        kept &= vector(assumption, values, missing, n)
    return Columns(values, missing).take(np.flatnonzero(kept))


def _default(workflow: Workflow, field: Field) -> Value:
    default = workflow.defaults[field.name]
    if default is not None or field.optional:
        return default
    return field.domain()[0] if field.kind in ("boolean", "enum") else limits(field)[0]


def _coded(field: Field, options: Sequence[Value]) -> NDArray[Any]:
    """Return values coded as in a column; a missing value gets an arbitrary code."""
    if field.kind == "enum":
        return np.array([0 if option is None else field.values.index(str(option)) for option in options])
    blank = next((option for option in options if option is not None), 0)
    return np.array([blank if option is None else option for option in options])


def _put(column: NDArray[Any], rows: NDArray[np.int64], values: NDArray[Any]) -> NDArray[Any]:
    changed = column.copy()
    changed[rows] = values.astype(column.dtype)
    return changed
