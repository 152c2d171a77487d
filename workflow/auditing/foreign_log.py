"""Read event logs of other programs: Parquet, CSV and XES files with any column names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.foreign_events import absorbed_events, triggering_events, unjudged_events
from workflow.auditing.log import AuditLog
from workflow.auditing.log_columns import Column, column_of, filled, missing_in
from workflow.auditing.times import Times, read_times, time_zone
from workflow.deciding.records import Rows, indices_of, records_along
from workflow.errors import InputError, nearest
from workflow.files.validation import format_names
from workflow.model.definition import BUILT_IN_FACTS, COMPLETE, Workflow
from workflow.predicates import Field
from workflow.sql.quoting import literal_path
from workflow.sql.reading import reader

__all__ = ["read_foreign"]

Integers = NDArray[np.int64]
Table = Mapping[str, NDArray[Any]]
Columns = dict[str, NDArray[Any]]

_CAUSE, _END = "cause", "case:observed_until"
_REPLAYED = ("from_state", "to_state", "case:initial_state")
"""Columns of an export of docketsim, from which the state and the record at every row follow."""

_OUTCOME = "outcome"
"""A column of exports with outcomes."""


def _initial(name: str) -> tuple[str, str]:
    """Return the names of the column with the initial value of a record field, in an export."""
    return f"case:initial_{name}", f"case:{name}"


_KNOWN_AS = {
    "case": ("case_id", "case:concept:name", "case", "caseid", "case id"),
    "activity": ("transition", "concept:name", "activity", "event"),
    "time": ("happened_at", "time:timestamp", "timestamp", "time"),
}


def read_foreign(path: Path, workflow: Workflow, columns: Mapping[str, str], zone: str | None = None) -> AuditLog:
    """Read the log of another program; see `workflow.auditing.log_files.read_log`."""
    return _Reading(path, workflow, columns, zone).log()


class _Reading:
    """One file and its mistakes."""

    def __init__(self, path: Path, workflow: Workflow, columns: Mapping[str, str], zone: str | None) -> None:
        self.path, self.workflow, self.columns = path, workflow, columns
        self.zone = None if zone is None else time_zone(zone, "--time-zone")
        self.problems: list[str] = []
        self.instants: frozenset[str] = frozenset()  # columns of a Parquet file whose times are in UTC
        self.in_utc: str | None = None  # the place of the first time that was written in UTC
        self.row_label = "event" if path.suffix in (".xes", ".xml") else "line" if path.suffix != ".parquet" else "row"

    def log(self) -> AuditLog:
        """Return the log.

        Raises
        ------
        InputError
            With every mistake.
        """
        self._check_names()
        table, chosen, fields = self._table()
        self._stop_if_wrong()
        times = self._times(chosen["time"], table[chosen["time"]])
        ends = self._times(_END, table[_END]) if _END in table else times
        self._check_offsets([(chosen["time"], times, table[chosen["time"]]), (_END, ends, table.get(_END))])
        cases = self._cases(chosen["case"], table[chosen["case"]])
        columns = {name: self._column(table, column, self.workflow.namespace.fields[name]) for name, column in fields.items()}
        self._stop_if_wrong()
        last = int(np.argmax(ends.at)) if len(ends.at) else None
        end, local_end = (None, None) if last is None else (int(ends.at[last]), int(ends.local[last]))
        names, case_index = np.unique(cases, return_inverse=True)
        order, case, transition, event, unknown = self._rows(table, chosen["activity"], times.at, case_index)
        n_cases = len(names)
        first = np.concatenate([[0], np.cumsum(np.bincount(case, minlength=n_cases))]).astype(np.int64)
        facts, seen, lacks = {}, {}, {}
        for name, column in columns.items():
            values, missing = (array[order] for array in column or ())
            if name in self.workflow.record:
                seen[name] = values
                lacks[name] = np.bincount(case, missing, n_cases) > 0
                continue
            of_case, absent = self._of_case(name, values, missing, first, case, names)
            optional = self.workflow.namespace.fields[name].optional
            facts[name] = (of_case, absent if optional else None)
            if not optional:
                lacks[name] = absent
        self._stop_if_wrong()
        if len(order):  # facts of a foreign log are assumed to be as of the first day of the case
            begun = times.days[order][first[:-1]]
            facts |= {name: (begun, None) for name in BUILT_IN_FACTS if name not in facts}
        before, seen, after, begins = self._replayed(table, order, first, transition, event, seen)
        labels = filled(table[chosen["activity"]])[order]
        return AuditLog(
            self.workflow, names.astype(object), first, transition, event, unknown, times.at[order], times.local[order],
            end, local_end, facts, before, seen, after, begins, {k: v for k, v in lacks.items() if v.any()},
            {int(i): str(labels[i]) for i in np.flatnonzero(unknown)},
            unjudged_events(self.workflow, case, n_cases, transition, event), notes=self._notes(),
        )  # fmt: skip

    def _rows(
        self, table: Table, activity: str, times: Integers, case: Integers
    ) -> tuple[Integers, Integers, Integers, Integers, NDArray[np.bool_]]:
        """Return the order of the rows, and their case, transition, event, and whether their name is unknown."""
        labels, events = filled(table[activity]), list(self.workflow.events)
        transition, event = (indices_of(labels, known) for known in ([t.name for t in self.workflow.transitions], events))
        unknown = (transition < 0) & (event < 0)
        order = np.lexsort((np.arange(len(case)), times, case))
        if _CAUSE in table:
            cause = indices_of(filled(table[_CAUSE]), events)
            event = np.where(cause >= 0, cause, event)
        elif len(order):
            absorbed = absorbed_events(self.workflow, case[order], times[order], transition[order], event[order])
            taken = np.flatnonzero(absorbed)
            event[order[taken + 1]] = event[order[taken]]
            order = order[~absorbed]
            event = triggering_events(self.workflow, transition, event)
        return order, case[order], transition[order], event[order], unknown[order]

    def _replayed(
        self, table: Table, order: Integers, first: Integers, transition: Integers, event: Integers, seen: Columns
    ) -> tuple[Columns, Columns, Columns, Columns]:
        """Return the state and record before, at and after each row, and the initial ones.

        An export of docketsim has all that they follow from. Any other log has what its columns say at each row.
        """
        if not {_CAUSE, *_REPLAYED} <= table.keys() or not len(order):
            return seen, seen, seen, {}
        workflow, states = self.workflow, list(self.workflow.states)
        text = {name: filled(table[name])[order] for name in (_CAUSE, *_REPLAYED)}
        outcome = filled(table[_OUTCOME])[order] if _OUTCOME in table else np.full(len(order), "")
        opening = first[:-1]
        source, target = (indices_of(text[name], states) for name in ("from_state", "to_state"))
        before, after = {**seen, "state": source}, {**seen, "state": target}
        seen = {**seen, "state": source}
        begins = {"state": indices_of(text["case:initial_state"], states)[opening]}
        rows = Rows(
            workflow, first, transition, event, source, text[_CAUSE] == COMPLETE, outcome,
            workflow.transitions, tuple(workflow.events.values()),
        )  # fmt: skip
        for name, declared in workflow.record.items():
            column = next((c for c in _initial(name) if c in table), None)
            if name in seen or column is None:
                continue
            initial = self._column(table, column, declared)
            if initial is not None and not initial[1].any():
                begins[name] = initial[0][order][opening]
                before[name], seen[name], after[name] = records_along(rows, name, begins[name])
        self._stop_if_wrong()
        return before, seen, after, begins

    def _stop_if_wrong(self) -> None:
        if self.problems:
            raise InputError(self.problems)

    def _wrong(self, message: str) -> None:
        self.problems.append(f"{self.path}: {message}")

    def _at(self, column: str) -> Callable[[int], str]:
        """Return a function that names a row of a column in a message."""
        return lambda i: f"{self.row_label} {i + (2 if self.row_label == 'line' else 1)}, column {column!r}: "

    def _check_names(self) -> None:
        known = [*_KNOWN_AS, *self.workflow.facts, *BUILT_IN_FACTS, *self.workflow.record]
        for name in self.columns:
            if name not in known:
                hint = nearest(name, known) or f" Known: {format_names(known)}."
                self.problems.append(
                    f"--map {name}: is not case, activity, time, or a fact or record field of {self.workflow.name}.{hint}"
                )

    def _table(self) -> tuple[Table, dict[str, str], dict[str, str]]:
        """Return the columns; the columns of case, activity and time; and the columns of fields."""
        if self.row_label == "event":
            table: Table = _xes(self.path)
            return table, self._roles(list(table)), self._fields(list(table))
        import duckdb

        path = literal_path(self.path)
        try:
            with reader([self.path]) as connection:
                if self.row_label == "row":
                    relation = connection.read_parquet(path, hive_partitioning=False)
                    self.instants = frozenset(
                        n for n, t in zip(relation.columns, relation.types, strict=True) if "TIME ZONE" in str(t)
                    )
                    table = relation.fetchnumpy()
                    return table, self._roles(list(table)), self._fields(list(table))
                read = partial(connection.read_csv, path, hive_partitioning=False)
                sniffed = read(sample_size=-1)
                names, types = sniffed.columns, dict(zip(sniffed.columns, map(str, sniffed.types), strict=True))
                chosen, fields = self._roles(names), self._fields(names)
                # 007 is a case name, not the number 7, and "yes" can be a value of an enumeration, not a boolean
                kinds = {column: self.workflow.namespace.fields[name].kind for name, column in fields.items()}
                as_text = [*(chosen[role] for role in ("case", "activity") if role in chosen)]
                as_text += [column for column, kind in kinds.items() if kind == "enum"]
                times = {chosen.get("time"), _END, *(column for column, kind in kinds.items() if kind == "date")}
                as_text += [n for n in names if n in times and types[n] != "DATE"]  # DuckDB would drop the offsets
                initial = [column for field in self.workflow.record for column in _initial(field)]
                as_text += [n for n in (_CAUSE, _OUTCOME, *_REPLAYED, *initial) if n in names and n not in as_text]
                try:
                    kept = read(sample_size=-1, dtype=dict.fromkeys(as_text, "VARCHAR"))
                    return kept.fetchnumpy(), chosen, fields
                except duckdb.ConversionException:  # a row has another type than the rest; the message will name it
                    return read(all_varchar=True).fetchnumpy(), chosen, fields
        except duckdb.Error as error:
            lines = [line.strip() for line in str(error).replace(path, str(self.path)).splitlines() if line.strip()]
            raise InputError([*self.problems, f"{self.path}: cannot be read: {' '.join(lines[:2])}"]) from None

    def _roles(self, names: list[str]) -> dict[str, str]:
        """Return the columns of the case, the activity and the time."""
        lower = {name.lower(): name for name in names}
        roles: dict[str, str] = {}
        for role, usual in _KNOWN_AS.items():
            wanted = self.columns.get(role) or next((lower[name] for name in usual if name in lower), None)
            if wanted in names:
                roles[role] = str(wanted)
            elif wanted is not None:
                self._no_column(wanted, f"the {role}", names)
            else:
                self._wrong(f"has no column for the {role}; give --map {role}=COLUMN; its columns: {format_names(names)}")
        return roles

    def _no_column(self, wanted: str, what: str, names: list[str]) -> None:
        near = nearest(wanted, names)
        self._wrong(f"has no column {wanted!r} for {what}; its columns: {format_names(names)}.{near}")

    def _fields(self, names: list[str]) -> dict[str, str]:
        """Return the column of each fact and record field."""
        fields = {}
        for name in (*self.workflow.facts, *BUILT_IN_FACTS, *self.workflow.record):
            wanted = self.columns.get(name)
            # a case attribute is not a record field: it would be the initial value
            usual = (name,) if name in self.workflow.record else (name, f"case:{name}")
            column = wanted or next((c for c in usual if c in names), None)
            if column in names:
                fields[name] = str(column)
            elif wanted is not None:
                self._no_column(wanted, name, names)
        return fields

    def _cases(self, column: str, values: NDArray[Any]) -> NDArray[Any]:
        if (missing := missing_in(values)).any():
            self._wrong(f"{self._at(column)(int(np.argmax(missing)))}is empty; every row needs a case")
        return filled(values).astype(str)

    def _column(self, table: Table, column: str, declared: Field) -> Column | None:
        try:
            if declared.kind == "date":
                return self._days(column, table[column], declared)
            return column_of(table[column], declared, self._at(column))
        except InputError as error:
            self._wrong(str(error))
            return None

    def _of_case(
        self, name: str, values: NDArray[Any], missing: NDArray[np.bool_], first: Integers, case: Integers, names: Any
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return a fact of each case, from its first row with a value, and which cases have none."""
        n = len(values)
        if not n:
            return values, missing
        row = np.minimum.reduceat(np.where(missing, n, np.arange(n)), first[:-1])
        of_case = values[np.minimum(row, n - 1)]
        differs = ~missing & (values != of_case[case])
        if differs.any():
            i = int(np.argmax(differs))
            declared, pair = self.workflow.namespace.fields[name], (of_case[case[i]], values[i])
            one, other = (declared.values[v] if declared.kind == "enum" else v for v in pair)
            self._wrong(
                f"case {names[case[i]]}: {name} is {one} in one row and {other} in another; a fact must not change within a case"
            )
        return of_case, row == n

    def _times(self, column: str, values: NDArray[Any]) -> Times:
        """Return the times of the rows; all 0 if there is a mistake."""
        at, plain, missing = self._at(column), np.asarray(values), missing_in(values)
        nothing = np.zeros(len(plain), np.int64)
        if missing.any():
            self._wrong(f"{at(int(np.argmax(missing)))}is empty; every row needs a time")
            return Times(nothing, nothing)

        def wrong(i: int) -> InputError:
            return InputError([f"{at(i)}{str(plain[i])!r} is not a time such as 2024-01-31 or 2024-01-31T09:30:00"])

        try:
            return self._read_times(column, plain, np.arange(len(plain)), wrong)
        except InputError as error:
            self._wrong(str(error))
            return Times(nothing, nothing)

    def _read_times(self, column: str, values: NDArray[Any], rows: Integers, wrong: Callable[[int], InputError]) -> Times:
        times = read_times(values[rows], column in self.instants, self.zone, lambda i: wrong(int(rows[i])))
        if times.first_utc is not None and self.in_utc is None:
            self.in_utc = self._at(column)(int(rows[times.first_utc])).removesuffix(": ")
        return times

    def _days(self, column: str, values: Any, declared: Field) -> Column:
        """Return the local dates of a column of dates or times."""
        at, plain, missing = self._at(column), np.asarray(values), missing_in(values)

        def wrong(i: int) -> InputError:
            return InputError([f"{at(i)}{str(plain[i])!r} is not a value of {declared.name}, which is a date such as 2024-01-31"])

        rows, days = np.flatnonzero(~missing), np.zeros(len(plain), "datetime64[D]")
        days[rows] = self._read_times(column, plain, rows, wrong).days
        return days, missing

    def _check_offsets(self, columns: list[tuple[str, Times, Any]]) -> None:
        """Report times with and without an offset in one log, with the first place of each."""
        naive = next(((c, t.first_naive, v) for c, t, v in columns if t.first_naive is not None), None)
        zoned = next(((c, t.first_zoned, v) for c, t, v in columns if t.first_zoned is not None), None)
        if naive is None or zoned is None:
            return
        one, other = ((self._at(c)(i).removesuffix(": "), str(np.asarray(v)[i])) for c, i, v in (naive, zoned))
        self._wrong(
            f"{one[0]}: {one[1]!r} has no offset from UTC, but {other[0]}: {other[1]!r} has one;"
            " give either all times of a log an offset, or none"
        )

    def _notes(self) -> tuple[str, ...]:
        """Return how times that are written in UTC were read."""
        if self.zone is not None:
            if self.in_utc is None:
                return (f"--time-zone {self.zone.key} changes nothing: no time of the log is written in UTC",)
            return (f"times in UTC are read as local times of {self.zone.key}",)
        if self.in_utc is None:
            return ()
        return (
            f"times in UTC are read as UTC dates and clocks (first: {self.in_utc}); --time-zone NAME reads them as local times",
        )


def _xes(path: Path) -> dict[str, NDArray[Any]]:
    """Read an XES log: attributes of events, and attributes of traces with the prefix ``case:``."""
    from xml.etree import ElementTree

    rows: list[dict[str, str]] = []
    try:
        for _, element in ElementTree.iterparse(path):
            if element.tag.rpartition("}")[2] != "trace":
                continue
            trace = {f"case:{c.get('key')}": str(c.get("value")) for c in element if c.get("key") is not None}
            for child in element:
                if child.tag.rpartition("}")[2] == "event":
                    rows.append({**trace, **{str(c.get("key")): str(c.get("value")) for c in child}})
            element.clear()
    except ElementTree.ParseError as error:
        raise InputError([f"{path}: cannot be read as XES: {error}"]) from None
    keys = list(dict.fromkeys(k for row in rows for k in row))
    return {key: np.array([row.get(key, "") for row in rows], object) for key in keys}
