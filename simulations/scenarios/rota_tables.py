"""Read the rows of a rota from a table; messages name file, row and column."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from simulations.scenarios.tables import TableSource
from simulations.timing.clock import MICROSECONDS_PER_DAY, parse_hours
from workflow.errors import InputError, format_names, nearest
from workflow.files.cells import cells_of, numbers_of, times_of
from workflow.files.table import Table
from workflow.files.tables import read_table
from workflow.files.validation import format_value
from workflow.model.working_days import parse_weekdays
from workflow.predicates import Field

P = TypeVar("P")

_MOST_MISTAKES = 20
_WHOLE_DAY = ((0, MICROSECONDS_PER_DAY),)


@dataclass(frozen=True)
class RotaRow:
    """A value at some hours of weekdays or of one date.

    Attributes
    ----------
    where : str
        File and row, for messages.
    hours : tuple of (int, int)
        In microseconds since midnight; the end may lie on the next date.
    value : float, int or str
        A whole number as an int.
    """

    where: str
    weekdays: tuple[int, ...]
    date: dt.date | None
    hours: tuple[tuple[int, int], ...]
    value: float | int | str
    court: str | None


def read_rota(source: TableSource, column: str, courts: tuple[str, ...]) -> list[RotaRow]:
    """Read the rows of a rota.

    Parameters
    ----------
    column : str
        The column of the values: ``size`` holds numbers, ``rate`` texts.
    courts : tuple of str
        Allowed values of a column ``court``; empty if the table must not have one.

    Raises
    ------
    InputError
        With up to twenty mistakes, each with file, row and column.
    """
    table = read_table(source.path, form=source.file)
    columns = _columns(table, source, ["weekday", "date", "hours", column, *(["court"] if courts else [])])
    problems = list(table.mistakes)
    if column not in columns or ("weekday" in columns) == ("date" in columns):
        needed = f"a column {column!r}" if column not in columns else "either a column 'weekday' or a column 'date'"
        raise InputError([f"{source.path}: needs {needed}; its columns: {format_names(table.names)}"])
    for name in columns.values():
        empty = [i for i, code in enumerate(table.columns[name].codes.tolist()) if code < 0]
        problems += [f"{table.at(i, name)}is empty" for i in empty[:1]]
    texts = {
        meaning: _texts(table, name) for meaning, name in columns.items() if meaning in ("weekday", "hours") or meaning == "rate"
    }
    weekdays, hours = _parsed(table, columns, texts, "weekday", parse_weekdays, problems), _hours(table, columns, texts, problems)
    values: list[float | int | str] = (
        list(texts[column]) if column in texts else _numbers(table, source, columns[column], problems)
    )
    dates: list[dt.date | None] = [None] * len(table)
    if "date" in columns:
        times, wrong = times_of(table, columns["date"], source.cells)
        problems += wrong
        days = times.wall // MICROSECONDS_PER_DAY
        dates = [dt.date(1970, 1, 1) + dt.timedelta(days=day) for day in days.tolist()]
    of_court: list[str | None] = [None] * len(table)
    if "court" in columns:
        cells = cells_of(table, columns["court"], Field("court", "enum", "fact", courts), source.cells, bounded=True)
        problems += cells.problems
        of_court = [courts[code] if code >= 0 else None for code in cells.values.tolist()]
    if problems:
        raise InputError(problems[:_MOST_MISTAKES])
    return [
        RotaRow(f"{source.path}: {table.place(i)}", tuple(weekdays[i]), dates[i], hours[i], values[i], of_court[i])
        for i in range(len(table))
    ]


def _columns(table: Table, source: TableSource, meanings: list[str]) -> dict[str, str]:
    """Return the column of each meaning; refuse columns without one, unless there is a map."""
    mapped = source.columns
    problems = [
        f"{source.path}: columns: {name}: is not {format_names(meanings)}.{nearest(name, meanings)}"
        for name in mapped or ()
        if name not in meanings
    ]
    columns: dict[str, str] = {}
    for name in meanings:
        wanted = (mapped or {}).get(name, name)
        found = table.find(wanted)
        if found is not None:
            columns[name] = found
        elif mapped is not None and name in mapped:
            problems.append(table.missing_column(wanted, name))
    for name in table.names if mapped is None else ():
        if name not in columns.values():
            problems.append(
                f"{source.path}: row 1: unknown column {name!r}; allowed: {format_names(meanings)}.{nearest(name, meanings)}"
            )
    if problems:
        raise InputError(problems)
    return columns


def _texts(table: Table, name: str) -> list[str]:
    """Return the text of each row of a column; an empty one for an empty cell."""
    column = table.columns[name]
    texts = column.texts()
    return [str(texts[code]).strip() if code >= 0 else "" for code in column.codes.tolist()]


def _parsed(
    table: Table,
    columns: Mapping[str, str],
    texts: Mapping[str, list[str]],
    meaning: str,
    parse: Callable[[object], Sequence[P]],
    problems: list[str],
) -> list[Sequence[P]]:
    """Return what each row of a column says; report the cells that cannot be read."""
    found: list[Sequence[P]] = []
    for i, text in enumerate(texts.get(meaning, [""] * len(table))):
        try:
            found.append(parse(text) if text else ())
        except InputError as error:
            problems.append(f"{table.at(i, columns[meaning])}{error.problems[0].message}")
            found.append(())
    return found


def _hours(
    table: Table, columns: dict[str, str], texts: dict[str, list[str]], problems: list[str]
) -> list[tuple[tuple[int, int], ...]]:
    """Return the hours of each row; the whole day without a column ``hours``."""
    if "hours" not in columns:
        return [_WHOLE_DAY] * len(table)
    read = _parsed(table, columns, texts, "hours", parse_hours, problems)
    return [tuple((interval.start, interval.end) for interval in hours) for hours in read]


def _numbers(table: Table, source: TableSource, name: str, problems: list[str]) -> list[float | int | str]:
    """Return the number of each row; report texts that are none."""
    column = table.columns[name]
    values = column.texts() if column.is_time else column.values.tolist()
    read, ambiguous = numbers_of(values, source.cells)
    if ambiguous is not None:
        problems += table.problems(name, [ambiguous])
        return [0] * len(table)
    problems += table.problems(
        name, [(i, f"must be a number, not {format_value(values[i])}") for i, number in enumerate(read) if number is None]
    )
    whole = [int(n) if float(n).is_integer() else n for n in (number or 0.0 for number in read)]
    return [whole[code] if code >= 0 else 0 for code in column.codes.tolist()]
