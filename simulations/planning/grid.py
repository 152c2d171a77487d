"""Parse a grid of changes, such as ``pools.reviewers.size.denver=8:24:2`` and ``ends=2012-03-31,2012-06-30``.

Every combination of values is a point of the grid. A range is ``from:to:step``, of numbers (with an optional unit after
it) or of dates (the step in days). Values are separated by commas. A change with a single value holds at every point.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from workflow.errors import InputError
from workflow.files.arguments import list_problems
from workflow.files.yaml_tree import parse_yaml

MOST_POINTS = 1000
_PART = re.compile(r"-?[\w.]*|\d{4}-\d\d-\d\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_EXAMPLE = "such as pools.reviewers.size.denver=8:24:2 or size=8,12,16"


@dataclass(frozen=True, slots=True)
class Axis:
    """A changed key and its values.

    Attributes
    ----------
    path : str
        Path of the key: ``pools.reviewers.size.denver``.
    texts : tuple of str
        The values as ``--set`` reads them.
    values : tuple
        The parsed values: numbers, dates, strings.
    n_parts : int
        Number of parts of the path in the name.
    """

    path: str
    texts: tuple[str, ...]
    values: tuple[Any, ...]
    n_parts: int = 2

    @property
    def name(self) -> str:
        """Return the end of the path, for table headings."""
        return ".".join(self.path.split(".")[-self.n_parts :])


@dataclass(frozen=True, slots=True)
class Grid:
    """The axes of a grid, the changes that hold at every point, and all changes as given.

    Attributes
    ----------
    axes : tuple of Axis
        The changed keys that have several values.
    fixed, given : tuple of str
        The changes that hold at every point, and all changes as given, as ``path=value``.

    Examples
    --------
    >>> grid, mistakes = parse_grid(["pools.clerks.size=2:6:2", "ends=2024-03-31"])
    >>> grid.points()
    [('2',), ('4',), ('6',)]
    >>> grid.changes(('4',))
    ['ends=2024-03-31', 'pools.clerks.size=4']
    """

    axes: tuple[Axis, ...]
    fixed: tuple[str, ...]
    given: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Return the number of points."""
        return math.prod(len(axis.texts) for axis in self.axes)

    def points(self) -> list[tuple[str, ...]]:
        """Return the values of every point; the last axis varies fastest. A grid that is too large has only the first."""
        every = itertools.product(*(axis.texts for axis in self.axes))
        return list(every if self.size <= MOST_POINTS else itertools.islice(every, 1))

    def changes(self, point: Sequence[str]) -> list[str]:
        """Return the changes at a point."""
        return [*self.fixed, *(f"{axis.path}={text}" for axis, text in zip(self.axes, point, strict=True))]

    def named(self, point: Sequence[str]) -> dict[str, Any]:
        """Return the values at a point by path."""
        return {a.path: a.values[a.texts.index(text)] for a, text in zip(self.axes, point, strict=True)}


def parse_grid(changes: Mapping[str, Any] | Sequence[str]) -> tuple[Grid, list[str]]:
    """Parse changes, some with several values: texts, or the values by path.

    Returns
    -------
    Grid
        The valid changes. An invalid range keeps its first value, so that its key can still be checked.
    list of str
        Every mistake: an invalid range, a repeated key, too many points.
    """
    if misread := list_problems(changes=changes):
        return Grid((), (), ()), misread
    if isinstance(changes, Mapping):
        changes = [f"{path}={_text_of(value)}" for path, value in changes.items()]
    axes: list[Axis] = []
    fixed: list[str] = []
    problems: list[str] = []
    paths: list[str] = []
    for change in changes:
        path, equals, text = (part.strip() for part in change.partition("="))
        if equals and path in paths:
            problems.append(f"change {path}: is given twice; give all its values in one change")
        paths.append(path)
        try:
            texts = _several(text) if equals else None
        except ValueError as error:
            problems.append(f"change {change}: {error}")
            fixed.append(f"{path}={re.split('[:,]', text)[0]}")
            continue
        if texts is None:
            fixed.append(change)
        else:
            axes.append(Axis(path, tuple(texts), tuple(_value(t) for t in texts)))
    grid = Grid(tuple(_named_apart(axes)), tuple(fixed), tuple(changes))
    if not axes and not problems:
        problems.append(
            f"sweep: no key has several values; give path=from:to:step or path=a,b,c, {_EXAMPLE};"
            " in Python also {path: [a, b, c]}"
        )
    if grid.size > MOST_POINTS:
        shape = " x ".join(f"{len(axis.texts):,}" for axis in axes)
        problems.append(f"sweep: {shape} points are too many: at most {MOST_POINTS:,}; use larger steps")
    return grid, problems


def _named_apart(axes: Sequence[Axis]) -> list[Axis]:
    """Return the axes with names that differ: of two with the same end of their paths, such as ``size.north``, longer ends."""
    n = Counter(axis.name for axis in axes)
    longer = [replace(axis, n_parts=axis.n_parts + 1) if n[axis.name] > 1 else axis for axis in axes]
    return longer if longer == list(axes) else _named_apart(longer)


def _text_of(value: Any, listed: bool = True) -> str:
    """Return a value, or the values of an axis if lists are that, as a change has it behind the equals sign.

    Examples
    --------
    >>> _text_of(range(2, 5)), _text_of([dt.date(2024, 3, 1), None, "a, b"]), _text_of(True)
    ('2,3,4', '2024-03-01,null,"a, b"', 'true')
    """
    value = value.tolist() if hasattr(value, "tolist") else value  # an array, or one of its numbers
    if listed and isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(_text_of(one, listed=False) for one in value)
    if isinstance(value, str) and _value(value) == value and not set(value) & set(":,"):
        return value
    return value.isoformat() if isinstance(value, dt.date) else json.dumps(value, default=str)


def _several(text: str) -> list[str] | None:
    """Return the values of a range or a list, ``None`` for a single value."""
    bare, _, unit = text.partition(" ")
    parts = bare.split(":")
    if len(parts) in (2, 3) and all(_PART.fullmatch(part) for part in parts):
        return _range(parts, unit.strip())
    items = _split(text)
    if len(items) < 2:
        return None
    if not all(items):
        raise ValueError("a value is missing between the commas")
    repeated = sorted({item for item in items if items.count(item) > 1})
    if repeated:
        raise ValueError(f"{repeated[0]} is given twice")
    return items


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and quotation marks."""
    items, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        depth += (character in "[{") - (character in "]}") if not quote else 0
        if character == "," and not depth and not quote:
            items.append("")
        else:
            items[-1] += character
    return [item.strip() for item in items]


def _range(parts: list[str], unit: str) -> list[str]:
    """Return the values of a range. The last value is included if the steps reach it."""
    if len(parts) != 3:
        raise ValueError("a range is from:to:step, such as 8:24:2")
    if _DATE.fullmatch(parts[0]) or _DATE.fullmatch(parts[1]):
        return _dates(parts)
    try:
        first, last, step = (Decimal(part) for part in parts)
    except InvalidOperation:
        raise ValueError("a range is from:to:step, three numbers such as 8:24:2, or two dates and days") from None
    if not (first.is_finite() and last.is_finite() and step.is_finite()):
        raise ValueError("a range is from:to:step, three numbers such as 8:24:2")
    n = _steps(first, last, step, last - first)
    return [f"{first + k * step:f}{f' {unit}' if unit else ''}" for k in range(n)]


def _dates(parts: list[str]) -> list[str]:
    try:
        first, last, step = dt.date.fromisoformat(parts[0]), dt.date.fromisoformat(parts[1]), int(parts[2])
    except ValueError:
        raise ValueError("a range of dates is from:to:days, such as 2012-01-13:2012-02-10:7") from None
    n = _steps(first, last, Decimal(step), Decimal((last - first).days))
    return [str(first + dt.timedelta(days=k * step)) for k in range(n)]


def _steps(first: object, last: object, step: Decimal, span: Decimal) -> int:
    if step == 0:
        raise ValueError("the step is 0; it must lead from the first value to the last")
    if span * step < 0:
        raise ValueError(f"a step of {step} does not lead from {first} to {last}; change its sign or swap the ends")
    n = int(span / step) + 1
    if n < 2:
        raise ValueError(f"a step of {step} gives a single value; use a smaller step")
    if n > MOST_POINTS:
        raise ValueError(f"{n:,} values are too many: at most {MOST_POINTS:,}; use a larger step")
    return n


def _value(text: str) -> Any:
    """Parse a value as YAML. Loading the scenario reports a value that is not valid YAML."""
    try:
        value = parse_yaml(f"value: {text}", "change").value["value"].plain()
    except InputError:
        return text
    return value.isoformat() if isinstance(value, dt.date) else value
