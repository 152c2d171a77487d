"""Repair rows of a release whose values stand in the wrong columns.

A tab too many in a text shifts what follows it by one column, so that a date stands where a code belongs, or the reverse. The
row is repaired by removing an empty value left of the first wrong one, as the public parsers of these releases do.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from simulations.importing.layout import MISSING, SHAPES, Kind

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def cleaned(value: str) -> str:
    """Return a value without padding, and an empty string for everything that stands for a missing value.

    Examples
    --------
    >>> cleaned("212a06Ai     "), cleaned("N/A"), cleaned("0000"), cleaned("??")
    ('212a06Ai', '', '', '')
    """
    value = value.strip()
    return "" if value in MISSING or not value.strip("0") or not value.strip("?") else value


@dataclass(frozen=True)
class Columns:
    """The columns of a file, for the test of a row.

    Attributes
    ----------
    names : tuple of str
    kinds : tuple of Kind
    required : tuple of int
        The columns of keys that every row must have.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    required: tuple[int, ...]

    def wrong(self, values: Sequence[str], shifted: bool = False) -> tuple[int, str] | None:
        """Return the first column with a wrong value, and what is wrong with it.

        Parameters
        ----------
        shifted : bool
            Whether the row had too many values; then its type of case must stand where it belongs.
        """
        for i, (kind, value) in enumerate(zip(self.kinds, values, strict=False)):
            if kind == "text":
                continue
            needed = i in self.required or (shifted and self.names[i] == "CASE_TYPE")
            said = _mistake(kind, cleaned(value), needed, SHAPES.get(self.names[i]))
            if said is not None:
                return i, f"{self.names[i]} {said}"
        return None


def _mistake(kind: Kind, value: str, needed: bool, shape: str | None) -> str | None:
    if not value:
        return "is empty" if needed else None
    if kind == "code":
        if _DATE.match(value):
            return f"is the date {value!r}"
        return None if shape is None or re.fullmatch(shape, value) else f"{value!r} is not one of its codes"
    if kind == "key":
        return None if value.isascii() and value.isdigit() and len(value) <= 18 else f"{value!r} is not a whole number"
    return None if _is_date(value) else f"{value!r} is not a date"


def _is_date(value: str) -> bool:
    try:
        dt.datetime.fromisoformat(value)
    except ValueError:
        return False
    return _DATE.match(value) is not None


@dataclass(frozen=True, slots=True)
class Repair:
    """A repaired row, or with `values` ``None`` a rejected one, and the reason."""

    values: list[str] | None
    reason: str


def repair(values: Sequence[str], columns: Columns) -> Repair:
    """Repair a row that has too few or too many values, or a wrong one.

    Examples
    --------
    >>> columns = Columns(("ID", "CITY", "DAY"), ("key", "text", "date"), (0,))
    >>> repair(["7", "", "Denver", "2011-12-05"], columns)
    Repair(values=['7', 'Denver', '2011-12-05'], reason='a tab too many before DAY: one empty value removed')
    >>> repair(["", "Denver", "2011-12-05"], columns)
    Repair(values=None, reason='ID is empty')
    """
    n = len(columns.names)
    row = list(values)
    while len(row) > n and not row[-1].strip():
        row.pop()
    found = columns.wrong(row, len(values) > n)
    if len(row) <= n and found is None:
        lacking = n - len(row)
        reason = (
            f"{lacking} values missing at the end: taken as empty" if lacking else "empty values after the last column dropped"
        )
        return Repair([*row, *[""] * lacking], reason)
    if 0 in columns.required and columns.kinds[0] == "key" and found is not None and found[0] == 0:
        return Repair(None, found[1])
    last = found[0] if found is not None else n - 1
    for i in range(last, 0, -1):
        if not row[i].strip():
            shifted = [*row[:i], *row[i + 1 :]]
            if len(shifted) <= n and columns.wrong(shifted, len(values) > n) is None:
                name = columns.names[min(last, n - 1)]
                reason = f"a tab too many before {name}: one empty value removed"
                return Repair([*shifted, *[""] * (n - len(shifted))], reason)
    if len(row) > n:
        return Repair(None, f"has {len(row)} values, but there are {n} columns")
    return Repair(None, found[1] if found is not None else "cannot be read")
