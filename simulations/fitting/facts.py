"""Propose facts from the attributes of the cases of a log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simulations.fitting.names import Names, one_line, plain_name, quoted
from simulations.fitting.raw_log import RawLog
from workflow.auditing.mapping import LogMapping
from workflow.errors import visible
from workflow.files.cells import BLANK, cells_of, numbers_of, times_of
from workflow.files.table import Column
from workflow.model.columns import EXPORTED, TABLES
from workflow.predicates import Field

Type = Literal["boolean", "integer", "number", "enum", "date"]
_MOST_WORDS = 30
_TRUTHS = [{"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"}]
_NOT_FACTS = frozenset({name for table in TABLES.values() for name in table} | set(EXPORTED) | {"as_of", "state"})
_PREFIX = "case:"


@dataclass(frozen=True)
class Fact:
    """A fact.

    Attributes
    ----------
    column : str
        Its column in the log.
    values : ndarray, shape (n_cases,)
        As `workflow.files.cells` reads them; an enum as indices of its values.
    missing : ndarray of bool, shape (n_cases,)
    """

    field: Field
    column: str
    values: NDArray[Any]
    missing: NDArray[np.bool_]

    def line(self) -> str:
        """Return its entry in a workflow file."""
        field = self.field
        optional = ", optional: true" if field.optional else ""
        n_known = int((~self.missing).sum())
        if field.kind == "enum":
            kind = f"enum: [{', '.join(map(quoted, field.values))}]"
            counts = np.bincount(self.values[~self.missing], minlength=len(field.values))
            shown = ", ".join(f"{one_line(v)} {n:,}" for v, n in list(zip(field.values, counts.tolist(), strict=True))[:6])
        elif field.kind == "boolean":
            kind, shown = "type: boolean", f"true in {int(self.values[~self.missing].sum()):,}"
        else:
            bounds = f", minimum: {field.minimum}, maximum: {field.maximum}" if field.minimum is not None else ""
            kind, shown = (
                f"type: {field.kind}{bounds}",
                f"median {np.quantile(self.values[~self.missing].astype(float), 0.5):g}" if field.kind != "date" else "dates",
            )
        return f"  {field.name}: {{{kind}{optional}}}  # column {quoted(self.column)}, {n_known:,} cases: {shown}"


@dataclass(frozen=True)
class Facts:
    """The facts of a log, and the columns that are none, with the reason."""

    facts: tuple[Fact, ...]
    left_out: tuple[tuple[str, str], ...]


def find_facts(log: RawLog, mapping: LogMapping, names: Names) -> Facts:
    """Return the attributes that every case has one value of, as facts."""
    wanted = {column: name for name, column in mapping.columns.items() if column is not None and column not in log.used}
    facts, left_out = [], []
    initial = {name.removeprefix("case:initial_") for name in log.table.names if name.startswith("case:initial_")}
    is_export = bool(initial)
    for column in log.table.names:
        plain = plain_name(column)
        if column in log.used or not column or (plain in _NOT_FACTS and column not in wanted):
            continue
        if is_export and not column.startswith(_PREFIX) and column not in wanted:
            continue
        found = _fact(log, mapping, column, names, wanted.get(column))
        if isinstance(found, Fact):
            facts.append(found)
        else:
            left_out.append((column, found))
    return Facts(tuple(facts), tuple(left_out))


def _fact(log: RawLog, mapping: LogMapping, column: str, names: Names, wanted: str | None) -> Fact | str:
    """Return the fact of a column, or why it is none."""
    cells = log.table.columns[column]
    code = _of_cases(log, cells)
    if code is None:
        return "changes within a case"
    known = code[code >= 0]
    if not len(known):
        return "empty"
    if len(np.unique(known)) < 2 and (code >= 0).all():
        return "the same in all cases"
    kind, reason = _kind(log, mapping, column, cells, len(np.unique(known)), len(known))
    if kind is None:
        return reason
    if kind == "enum" and any(visible(text) != text for text in cells.texts()):
        return "its values have control characters"
    missing = code < 0
    low = high = None
    field = Field(wanted or names.new(column, "fact"), kind, "fact", optional=bool(missing.any()))
    if kind == "enum":
        texts = cells.texts()
        counts = np.bincount(known, minlength=len(texts))
        order = [int(k) for k in np.argsort(-counts, kind="stable") if counts[k]]
        words = tuple(dict.fromkeys(texts[k] for k in order))
        field = Field(field.name, kind, "fact", values=words, optional=field.optional)
    read = cells_of(log.table, column, field, mapping.cells)
    if read.problems:
        return "its values have no common type"
    rows = _first_rows(log, cells)
    of_cases = np.where(missing, BLANK[kind], read.values[rows])
    if kind in ("integer", "number"):
        low, high = of_cases[~missing].min().item(), of_cases[~missing].max().item()
        field = Field(field.name, kind, "fact", minimum=low, maximum=high, optional=field.optional)
    return Fact(field, column, of_cases.astype(read.values.dtype), missing)


def _of_cases(log: RawLog, cells: Column) -> NDArray[np.int64] | None:
    """Return the code of the value of each case, -1 for none; ``None`` if a case has several."""
    rows = _first_rows(log, cells)
    code = np.where(rows >= 0, cells.codes[rows], -1).astype(np.int64)
    given = np.flatnonzero((cells.codes >= 0) & (log.of_case >= 0))
    return None if (cells.codes[given] != code[log.of_case[given]]).any() else code


def _first_rows(log: RawLog, cells: Column) -> NDArray[np.int64]:
    """Return the first row of each case that has a value; -1 for none."""
    row = np.full(len(log.names), -1)
    given = np.flatnonzero((cells.codes >= 0) & (log.of_case >= 0))[::-1]
    row[log.of_case[given]] = given
    return row


def _kind(log: RawLog, mapping: LogMapping, column: str, cells: Column, n_distinct: int, n_known: int) -> tuple[Type | None, str]:
    """Return the type of a column and an empty text; or ``None`` and why it has none."""
    if cells.is_time:
        return "date", ""
    texts = [text.lower() for text in cells.texts()]
    if any(set(texts) <= truths for truths in _TRUTHS):
        return "boolean", ""
    numbers, ambiguous = numbers_of(cells.values.tolist(), mapping.cells)
    if not ambiguous and all(number is not None for number in numbers):
        if all(number is not None and number.is_integer() for number in numbers):
            if n_distinct > max(0.9 * n_known, 100):
                return None, "another number in almost every case"
            return ("boolean", "") if set(numbers) == {0.0, 1.0} else ("integer", "")
        return "number", ""
    if (
        any(any(character.isdigit() for character in text) for text in texts[:3])
        and not times_of(log.table, column, mapping.cells)[1]
    ):
        return "date", ""
    if n_distinct > _MOST_WORDS or n_distinct > max(0.5 * n_known, 2):
        return None, f"text with {n_distinct:,} values"
    return "enum", ""


def columns_of(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield the name and the column of each fact."""
    yield from ((fact.field.name, fact.column) for fact in facts.facts)
