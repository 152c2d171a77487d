"""Read a log without a workflow: its cases, moves, times and attributes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.chosen_rows import chosen_rows, names_that_no_row_has
from workflow.auditing.life_cycle import NO_START, completed_rows
from workflow.auditing.log_files import EVENTS, IMPORTED
from workflow.auditing.mapping import NEEDED, ROLES, LogMapping, UnmappedLog
from workflow.auditing.times import Times, clocks_of, time_zone
from workflow.errors import InputError
from workflow.files.cells import times_of
from workflow.files.table import Table, n_of
from workflow.files.tables import read_table
from workflow.files.validation import format_names

Integers = NDArray[np.int64]

USUAL: dict[str, tuple[str, ...]] = {
    **ROLES,
    "state": ("from_state", "state"),
    "to_state": ("to_state",),
    "server": ("server", "org:resource", "resource"),
    "current_court": ("current_court", "court", "case:court"),
    "cause": ("cause",),
    "arrived": ("arrived", "case:arrived"),
    "observed_until": ("observed_until", "case:observed_until"),
}
"""What a column can mean without a workflow, with its usual names."""


@dataclass(frozen=True)
class RawLog:
    """A log, sorted by case and time.

    Attributes
    ----------
    names : ndarray of object, shape (n_cases,)
    first : ndarray of int64, shape (n_cases + 1,)
        The first row of each case.
    label : ndarray of int64, shape (n_rows,)
        Index into `labels`, the names of the moves as the log has them.
    at : ndarray of int64
        The instant of each row, in microseconds.
    started_at : ndarray of int64
        When the work of each row started; `NO_START` where the log does not say.
    state, to_state : ndarray of object, or None
        The state before and after each row, if the log has columns for them.
    cause : ndarray of object, or None
        What triggered each row, in an export of docketsim: an event, or the completion of work.
    arrived_at : ndarray of int64, shape (n_cases,)
        As a column says, else the start of the first work; `NO_START` where the log has neither: the first row is the arrival.
    end : int
        The end of observation.
    row : ndarray of int64
        The row of the table of each row of the log.
    of_case : ndarray of int64, shape (n_table_rows,)
        The case of each row of the table.
    used : frozenset of str
        The columns that mean something besides an attribute.
    roles : mapping of str to str
        The column of each meaning.
    """

    path: Path
    table: Table
    names: NDArray[Any]
    first: Integers
    label: Integers
    labels: list[str]
    at: Integers
    started_at: Integers
    state: NDArray[Any] | None
    to_state: NDArray[Any] | None
    cause: NDArray[Any] | None
    arrived_at: Integers
    end: int
    row: Integers
    of_case: Integers
    used: frozenset[str]
    roles: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def case(self) -> Integers:
        """Return the case of each row."""
        return np.repeat(np.arange(len(self.names), dtype=np.int64), np.diff(self.first))


def events_file(path: Path) -> Path:
    """Return the file of a log: itself, or the events of an imported log.

    Raises
    ------
    InputError
        If the path does not exist, or is another folder.
    """
    if os.path.isdir(path):
        if (path / IMPORTED).is_file() and (path / EVENTS).is_file():
            return path / EVENTS
        advice = "give a log as a CSV, Parquet, Excel or XES file, or a folder that `docketsim import` has written"
        if (path / "manifest.json").is_file():
            advice = f"a run has many replications; docketsim export {path} --to csv --replication 1 --out log.csv writes one log"
        raise InputError([f"{path}: is not an imported log; {advice}"])
    if not os.path.lexists(path):
        raise InputError([f"{path}: not found; give a CSV, Parquet, Excel or XES file, or an imported log"])
    return path


def read_raw_log(path: str | Path, mapping: LogMapping | None = None, zone: str | None = None) -> RawLog:
    """Read a log without a workflow.

    Parameters
    ----------
    path : path
        A file, or a folder that `docketsim import` has written.
    mapping : LogMapping, optional
        The columns, and the rows to read.
    zone : str, optional
        The time zone of times in UTC.

    Raises
    ------
    InputError
        With every mistake: a missing column, an unreadable time, or no usable row.
    """
    return _Reading(events_file(Path(path)), mapping or LogMapping(), zone).log()


class _Reading:
    """One file and its mistakes."""

    def __init__(self, path: Path, mapping: LogMapping, zone: str | None) -> None:
        self.path, self.mapping = path, mapping
        self.zone = None if zone is None else time_zone(zone, "--time-zone")
        self.problems: list[Any] = []
        self.unmapped = False

    def log(self) -> RawLog:
        """Return the log."""
        table = read_table(self.path, form=self.mapping.file)
        self.problems += table.mistakes
        roles = self._roles(table)
        self._stop()
        table, wrong = chosen_rows(table, self.mapping)
        self.problems += wrong
        self._stop()
        case = table.columns[roles["case"]]
        at = self._times(table, roles["time"])
        activity = table.columns[roles["activity"]]
        labels = activity.texts()
        code = activity.codes.astype(np.int64)
        unseen = names_that_no_row_has(self.mapping, labels)
        left_out = np.array([*(text in self.mapping.leave_out for text in labels), False])[code]
        for row in np.flatnonzero((case.codes < 0) & (code >= 0))[:1]:
            self.problems.append(f"{table.at(int(row), roles['case'])}is empty; every row needs a case")
        is_step = (code >= 0) & ~left_out
        timed = table.columns[roles["time"]].codes >= 0
        for row in np.flatnonzero(is_step & ~timed)[:1]:
            self.problems.append(f"{table.at(int(row), roles['time'])}is empty; every row needs a time")
        self._stop()
        names, of_case = self._cases(case.texts(), case.codes)
        rows, started, notes = self._completed(table, roles, np.flatnonzero(is_step & (of_case >= 0)), of_case, code, at)
        if not len(rows):
            raise InputError([f"{self.path}: has no usable row: no row has a case, an activity and a time"])
        order = rows[np.lexsort((rows, at[rows], of_case[rows]))]
        first = np.concatenate([[0], np.cumsum(np.bincount(of_case[order], minlength=len(names)))]).astype(np.int64)
        until = self._optional_times(table, roles.get("observed_until"))
        end = int(max(at[order].max(), until[until != NO_START].max(initial=NO_START)))
        arrived = self._of_cases(self._optional_times(table, roles.get("arrived")), of_case, len(names))
        if roles.get("arrived") == roles["time"]:
            arrived = np.full(len(names), NO_START)
        firsts = np.flatnonzero(np.diff(first) > 0)
        arrived[firsts] = np.where(arrived[firsts] == NO_START, started[order][first[firsts]], arrived[firsts])
        self._stop()
        states = [self._texts(table, roles.get(role), order) for role in ("state", "to_state", "cause")]
        return RawLog(
            self.path, table, names, first, code[order], labels, at[order], started[order], states[0], states[1], states[2], arrived, end,
            order, of_case, frozenset(roles.values()), roles, (*table.notes, *unseen, *notes),
        )  # fmt: skip

    def _roles(self, table: Table) -> dict[str, str]:
        roles: dict[str, str] = {}
        for role, usual in USUAL.items():
            mapped = self.mapping.columns.get(role)
            if mapped is None and role in self.mapping.columns:
                continue
            try:
                column = table.find(*([mapped] if mapped is not None else usual))
            except InputError as error:
                self.problems += error.problems
                continue
            if column is not None:
                roles[role] = column
            elif mapped is not None:
                self.problems.append(table.missing_column(mapped, f"the {role}"))
            elif role in NEEDED:
                columns = f"its columns: {format_names(table.names)}"
                self.problems.append(f"{self.path}: has no column for the {role}; give --map {role}=COLUMN; {columns}")
                self.unmapped = True
        return roles

    def _cases(self, texts: list[str], codes: NDArray[Any]) -> tuple[NDArray[Any], Integers]:
        """Return the names of the cases, sorted, and the case of each row of the table; -1 for none."""
        names, index = np.unique(np.array(texts, object).astype(str), return_inverse=True)
        of_row = np.append(index, -1)[codes].astype(np.int64)
        used, dense = np.unique(of_row[of_row >= 0], return_inverse=True)
        of_row[of_row >= 0] = dense
        return names[used].astype(object), of_row

    def _clocks(self, table: Table, column: str) -> Times:
        written, problems = times_of(table, column, self.mapping.cells)
        self.problems += problems
        return clocks_of(written, table.columns[column].codes >= 0, self.zone)

    def _times(self, table: Table, column: str) -> Integers:
        return self._clocks(table, column).at

    def _optional_times(self, table: Table, column: str | None) -> Integers:
        if column is None:
            return np.full(len(table), NO_START)
        return np.where(table.columns[column].codes < 0, NO_START, self._times(table, column))

    def _completed(
        self, table: Table, roles: Mapping[str, str], rows: Integers, case: Integers, code: Integers, at: Integers
    ) -> tuple[Integers, Integers, tuple[str, ...]]:
        """Return the rows that are steps, when the work of every row started, and what was paired."""
        started = self._optional_times(table, roles.get("started_at"))
        column = roles.get("lifecycle")
        if column is None or column in [table.find(self.mapping.columns.get(n) or n) for n in self.mapping.only]:
            return rows, started, ()
        phases = table.columns[column]
        completed = completed_rows(phases.texts(), phases.codes[rows].astype(np.int64), case[rows], code[rows], at[rows])
        if completed is None:
            return rows, started, ()
        paired = started.copy()
        paired[rows] = np.where(completed.started_at == NO_START, started[rows], completed.started_at)
        return rows[completed.rows], paired, completed.notes

    def _of_cases(self, values: Integers, of_case: Integers, n_cases: int) -> Integers:
        of = np.full(n_cases, NO_START)
        given = np.flatnonzero((values != NO_START) & (of_case >= 0))[::-1]
        of[of_case[given]] = values[given]
        return of

    def _texts(self, table: Table, column: str | None, rows: Integers) -> NDArray[Any] | None:
        if column is None or (table.columns[column].codes[rows] < 0).mean() > 0.1:
            return None
        return np.array([*table.columns[column].texts(), ""], object)[table.columns[column].codes[rows]]

    def _stop(self) -> None:
        if self.problems:
            raise (UnmappedLog if self.unmapped else InputError)(self.problems)


def enough_cases(path: Path, n_cases: int, needed: int = 2) -> None:
    """Refuse a log with too few cases.

    Raises
    ------
    InputError
        With the number of cases.
    """
    if n_cases < needed:
        raise InputError(
            [f"{path}: has only {n_of(n_cases, 'case')}; at least {needed:,} are needed to estimate anything from it"]
        )
