"""The quirks of a public release, in known numbers: each damaged row is recorded with its table, its line and its quirk.

Damage never loses anything of the log: a damaged row can be repaired to what it was, and a row that must be rejected is an additional
one. So an import of a damaged release gives the same log as that of a clean one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from simulations.importing.layout import CASES, MISSING, PROCEEDINGS, SCHEDULE, TableLayout
from simulations.importing.repairing import Columns, repair

Values = list[str]
Outcome = Literal["read", "repaired", "rejected", "flagged"]
_UNKNOWN_CASE = "999999999999"


@dataclass(frozen=True)
class Quirk:
    """One way in which rows are damaged.

    Attributes
    ----------
    outcome : {"read", "repaired", "rejected", "flagged"}
        What an import makes of such a row. A rejected one is an additional copy of a good row.
    damage : callable
        Returns the damaged row, or ``None`` if the quirk does not apply to it.
    """

    name: str
    outcome: Outcome
    damage: Callable[[Values, TableLayout, Columns], Values | None]


def columns_of(table: TableLayout) -> Columns:
    """Return the columns of a table as the layout has them."""
    required = tuple(table.columns.index(name) for name in dict.fromkeys((table.read[0], "IDNCASE")))
    return Columns(table.columns, tuple(map(table.kind, table.columns)), required)


def _at(name: str, change: Callable[[str], str | None]) -> Callable[[Values, TableLayout, Columns], Values | None]:
    """Return the damage of one column, where the table has it and the change applies to its value."""

    def damage(row: Values, table: TableLayout, _: Columns) -> Values | None:
        if name not in table.columns:
            return None
        i = table.columns.index(name)
        changed = change(row[i])
        return None if changed is None else [*row[:i], changed, *row[i + 1 :]]

    return damage


def _if_full(change: Callable[[str], str]) -> Callable[[str], str | None]:
    return lambda value: change(value) if value.strip() else None


def _if_empty(mark: str) -> Callable[[str], str | None]:
    return lambda value: None if value.strip() else mark


def _extra_tab(row: Values, table: TableLayout, columns: Columns) -> Values | None:
    """Put a tab too many before a date, so that the row can be repaired to what it was."""
    for i, kind in enumerate(columns.kinds):
        if kind == "date" and row[i]:
            damaged = [*row[:i], "", *row[i:]]
            if repair(damaged, columns).values == row:
                return damaged
    return None


def _short(row: Values, *_: object) -> Values | None:
    n = len(row)
    while n > 1 and not row[n - 1]:
        n -= 1
    return row[:n] if n < len(row) else None


def _rejected(
    damage: Callable[[Values, TableLayout, Columns], Values | None],
) -> Callable[[Values, TableLayout, Columns], Values | None]:
    """Return a damage that applies only where the row cannot be repaired."""

    def damaged(row: Values, table: TableLayout, columns: Columns) -> Values | None:
        changed = damage(row, table, columns)
        return None if changed is None or repair(changed, columns).values is not None else changed

    return damaged


def _orphan(row: Values, table: TableLayout, _: Columns) -> Values | None:
    if table not in (PROCEEDINGS, SCHEDULE):
        return None
    changed = {table.columns[0]: f"8{row[0]}", "IDNCASE": _UNKNOWN_CASE}
    return [changed.get(name, value) for name, value in zip(table.columns, row, strict=True)]


def _other_case_type(row: Values, table: TableLayout, _: Columns) -> Values | None:
    """Change the type of case of a pending proceeding, whose decision nobody has to decode."""
    if table is not PROCEEDINGS or row[table.columns.index("COMP_DATE")]:
        return None
    return ["DEP" if name == "CASE_TYPE" else value for name, value in zip(table.columns, row, strict=True)]


QUIRKS = (
    Quirk("nul_byte", "repaired", _at("ALIEN_CITY", _if_full(lambda v: f"{v[:2]}\0{v[2:]}"))),
    Quirk("nul_byte_in_code", "repaired", _at("BASE_CITY_CODE", _if_full(lambda v: f"{v}\0"))),
    Quirk("field_of_nul", "repaired", _at("CORRECTIONAL_FAC", _if_empty("\0"))),
    Quirk("backslash", "repaired", _at("ALIEN_CITY", _if_full(lambda v: f"{v}\\"))),
    Quirk("extra_tab", "repaired", _extra_tab),
    Quirk("tab_at_end", "repaired", lambda row, *_: [*row, ""]),
    Quirk("short_row", "repaired", _short),
    Quirk("unbalanced_quote", "read", _at("ALIEN_CITY", _if_full(lambda v: f'"{v}'))),
    Quirk("latin_1", "read", _at("ALIEN_CITY", _if_full(lambda v: f"{v} Ñ\x92é"))),
    Quirk("padded_code", "read", _at("CASE_TYPE", _if_full(lambda v: f"{v}  "))),
    Quirk("blank_code", "read", _at("C_ASY_TYPE", _if_empty(" "))),
    *(Quirk(f"missing_{mark.strip('.').replace('/', '').lower()}", "read", _at("CRIM_IND", _if_empty(mark))) for mark in MISSING),
    Quirk("missing_zeros", "read", _at("OTHER_COMP", _if_empty("0000"))),
    Quirk("missing_question_marks", "read", _at("IJ_CODE", _if_empty("???"))),
    Quirk("blank_key", "rejected", lambda row, *_: ["", *row[1:]]),
    Quirk("blank_row", "rejected", lambda row, *_: [" "] * len(row)),
    Quirk("no_case", "rejected", _rejected(_at("IDNCASE", _if_full(lambda _: "")))),
    Quirk("date_in_code", "rejected", _rejected(_at("CASE_TYPE", _if_full(lambda _: "2011-12-05 00:00:00.000")))),
    Quirk("no_date", "rejected", _rejected(_at("INPUT_DATE", _if_full(lambda _: "19/3/2012")))),
    Quirk("too_many_values", "rejected", _rejected(lambda row, *_: [*row, "x", "y"])),
    Quirk("key_twice", "rejected", lambda row, table, _: list(row) if table in (CASES, PROCEEDINGS) else None),
    Quirk("unknown_case", "rejected", _orphan),
    Quirk("other_case_type", "flagged", _other_case_type),
)
"""Every quirk of rows. Those of whole files are in `simulations.importing.writing`."""


@dataclass
class Damage:
    """Damages some rows of each table, and records which.

    Parameters
    ----------
    each : int
        How many rows of a table get each quirk, where the table has so many rows to which it applies.
    seed : int
    """

    each: int = 2
    seed: int = 1
    known: list[dict[str, str | int]] = field(default_factory=list)
    _waiting: dict[str, deque[Quirk]] = field(default_factory=dict)
    _columns: dict[str, Columns] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def rows(self, row: Values, table: TableLayout, line: int) -> list[Values]:
        """Return what is written for a row that would stand in `line`: itself, damaged, or itself and a row to reject."""
        waiting = self._waiting.setdefault(
            table.name, deque(self._random.permutation(np.array(QUIRKS * self.each, object)).tolist())
        )
        columns = self._columns.setdefault(table.name, columns_of(table))
        for _ in range(len(waiting)):
            quirk = waiting.popleft()
            damaged = quirk.damage(row, table, columns)
            if damaged is None:
                waiting.append(quirk)
                continue
            if quirk.outcome == "rejected":
                self._note(quirk, table, line + 1)
                return [row, damaged]
            self._note(quirk, table, line)
            return [damaged]
        return [row]

    def _note(self, quirk: Quirk, table: TableLayout, line: int) -> None:
        self.known.append({"table": table.name, "line": line, "quirk": quirk.name, "outcome": quirk.outcome})
