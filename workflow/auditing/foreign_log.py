"""Read event logs of other programs: tables of any kind, with any names of columns and activities."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow.auditing.chosen_rows import chosen_rows, names_that_no_row_has
from workflow.auditing.foreign_events import absorbed_events, triggering_events
from workflow.auditing.life_cycle import NO_START, completed_rows
from workflow.auditing.log import AuditLog, Surroundings
from workflow.auditing.log_columns import domain_indices
from workflow.auditing.mapping import NEEDED, ROLES, LogMapping, UnmappedLog, usual_names
from workflow.auditing.policies import checked_policies, policy_notes, policy_of_rows
from workflow.auditing.replay import Said, replay
from workflow.auditing.times import Times, clocks_of, time_zone
from workflow.deciding.in_force import InForce
from workflow.errors import InputError, Problem
from workflow.files.cells import BLANK, DATE, Cells, cells_of, times_of
from workflow.files.table import Table, n_of, same_name
from workflow.files.tables import read_table
from workflow.files.times import EXAMPLE
from workflow.files.validation import format_names
from workflow.model.definition import BUILT_IN_FACTS, Workflow
from workflow.predicates import Field

Integers = NDArray[np.int64]
Facts = dict[str, tuple[NDArray[Any], NDArray[np.bool_] | None]]

_CAUSE, _END = "cause", "case:observed_until"
_REPLAYED = ("from_state", "to_state", "case:initial_state")
"""Columns of an export of docketsim, from which the state and the record at every row follow."""

_AROUND: dict[str, tuple[str, ...]] = {
    "court": ("current_court", "court", "case:court"),
    "to_court": ("to_court",),
    "server": ("server", "org:resource", "resource"),
    "home": ("case:court", "court"),
    "arrived": ("arrived", "case:arrived"),
}
"""Columns of the surroundings of a log, with their usual names."""

_OUTCOME = "outcome"
"""A column of exports with outcomes."""


def _is_export(table: Table) -> bool:
    """Return whether a log is an export of docketsim."""
    return {_CAUSE, *_REPLAYED} <= table.columns.keys()


def _initial(name: str) -> tuple[str, str]:
    """Return the names of the column with the initial value of a record field, in an export."""
    return f"case:initial_{name}", f"case:{name}"


def read_foreign(
    path: Path, workflow: Workflow, mapping: LogMapping, zone: str | None = None, policies: Sequence[Workflow] = (),
    surroundings: bool = False,
) -> AuditLog:  # fmt: skip
    """Read the log of another program; see `workflow.auditing.log_files.read_log`."""
    return _Reading(path, InForce((workflow, *checked_policies(workflow, policies))), mapping, zone, surroundings).log()


class _Reading:
    """One file and its mistakes."""

    def __init__(self, path: Path, in_force: InForce, mapping: LogMapping, zone: str | None, surroundings: bool = False) -> None:
        self.with_surroundings = surroundings
        self.path, self.in_force, self.workflow, self.mapping = path, in_force, in_force.workflows[0], mapping
        workflow = self.workflow
        self.zone = None if zone is None else time_zone(zone, "time zone")
        self.in_utc: str | None = None  # the place of the first time that is written in UTC
        self.problems: list[Problem | str] = [*mapping.checked(workflow)]
        self.notes: list[str] = []
        self.unmapped = False

    def log(self) -> AuditLog:
        """Return the log.

        Raises
        ------
        InputError
            With every mistake.
        """
        table = read_table(self.path, self._wanted(), self.mapping.file)
        self.problems += table.mistakes
        roles, fields = self._roles(table), self._fields(table)
        table, wrong_choices = chosen_rows(table, self.mapping)
        self.problems += wrong_choices
        self._stop_if_wrong()
        self.notes = list(table.notes)
        names, case = self._cases(table, roles["case"])
        if not len(names):
            self._stop_if_wrong()  # no row has a case, so nothing else can be read
        rows, labels, unnamed = self._labelled(table, roles)
        times = self._times(table, roles["time"], rows)
        ends = self._times(table, _END, rows) if _END in table.columns else times
        columns = self._columns(table, fields)
        facts, given, lacks = self._values(columns, fields, roles, case, times.at, names)
        facts |= self._left_out(table, facts, len(names))
        started_at = self._starts(table, roles)
        policy, wrong, notes = policy_of_rows(table, roles.get("policy_in_force"), self.in_force)
        self.problems += wrong
        self.notes += notes
        self._check_offsets(table, {roles["time"]: times, _END: ends})
        self._stop_if_wrong()
        steps, started_at = self._completed(table, roles, rows, case, labels, times.at, started_at)
        order, transition, event, unknown = self._steps(table, steps, labels, case, times.at, policy)
        first = np.concatenate([[0], np.cumsum(np.bincount(case[order], minlength=len(names)))]).astype(np.int64)
        begins = self._initial(table, case, len(names), given)
        outcome, outcomes = self._outcomes(table, order)
        given = {name: values[order] for name, values in given.items()}
        replayed = replay(Said(self.in_force, first, transition, event, outcome, outcomes, given, begins))
        self._stop_if_wrong()
        shown = table.columns[roles["activity"]].texts()
        last = int(rows[np.argmax(ends.at[rows])]) if len(rows) else None
        end, local_end = (None, None) if last is None else (int(ends.at[last]), int(ends.local[last]))
        return AuditLog(
            self.workflow, names, first, transition, event, unknown, times.at[order], times.local[order],
            end, local_end, facts, replayed.before, replayed.seen, replayed.after, replayed.begins,
            {k: v for k, v in lacks.items() if v.any()},
            {int(i): [*shown, ""][labels[order[i]]] for i in np.flatnonzero(unknown)},
            np.bincount(case[unnamed], minlength=len(names)) > 0 if len(unnamed) else None,
            started_at=None if started_at is None else started_at[order],
            notes=(*self.notes, *self._zone_notes(), *policy_notes(self.in_force, policy[order])),
            policies=self.in_force.workflows[1:],
            surroundings=self._surroundings(table, order, case, len(names)) if self.with_surroundings else None,
        )  # fmt: skip

    # columns ------------------------------------------------------------------------------------------------

    def _wanted(self) -> Callable[[str], bool]:
        """Return which columns may be needed, by name."""
        usual = itertools.chain.from_iterable(usual_names(self.workflow).values())
        initial = itertools.chain.from_iterable(map(_initial, self.workflow.record))
        mapped = (*filter(None, self.mapping.columns.values()), *self.mapping.only)
        around = itertools.chain.from_iterable(_AROUND.values()) if self.with_surroundings else ()
        wanted = set(map(same_name, (*usual, *initial, *mapped, *around, _CAUSE, _END, _OUTCOME, *_REPLAYED)))
        return lambda name: same_name(name) in wanted

    def _roles(self, table: Table) -> dict[str, str]:
        """Return the columns of the case, the activity and the time, and of the start and the life cycle if there are any."""
        roles: dict[str, str] = {}
        for role, usual in ROLES.items():
            n_problems = len(self.problems)
            column = self._column(table, role, f"the {role}", usual)
            if column is not None:
                roles[role] = column
            elif role in NEEDED and len(self.problems) == n_problems:
                columns = f"its columns: {format_names(table.names)}"
                self._wrong(f"has no column for the {role}; give --map {role}=COLUMN; {columns}")
                self.unmapped = True
        return roles

    def _fields(self, table: Table) -> dict[str, str]:
        """Return the column of each fact and record field, and of the state."""
        fields = {}
        for name, usual in usual_names(self.workflow).items():
            if name not in ROLES and (column := self._column(table, name, name, usual)) is not None:
                fields[name] = column
        return fields

    def _column(self, table: Table, name: str, what: str, usual: Iterable[str]) -> str | None:
        """Return the column that is mapped to a name, or one with a usual name; report a mapped one that does not exist."""
        mapped = self.mapping.columns.get(name)
        if mapped is None and name in self.mapping.columns:
            return None
        try:
            column = table.find(*([mapped] if mapped is not None else usual))
        except InputError as error:
            self.problems += error.problems
            return None
        if column is None and mapped is not None:
            self.problems.append(table.missing_column(mapped, what))
        return column

    def _field(self, name: str) -> Field:
        if name == "state":
            return Field("state", "enum", "record", tuple(self.workflow.states))
        return self.workflow.namespace.fields[name]

    def _columns(self, table: Table, fields: Mapping[str, str]) -> dict[str, Cells]:
        """Return the values of all fields. Where most values of a column are wrong, it means something else by its name."""
        columns, unfit = {}, []
        for name, column in fields.items():
            n_problems = len(self.problems)
            columns[name] = self._cells(table, column, self._field(name))
            n_wrong = len(self.problems) - n_problems
            if 2 * n_wrong > len(table.columns[column].values) and name not in self.mapping.columns:
                unfit.append(f"--map {name}=")
        if unfit:
            self.problems.append(f"if the log means something else by this name, {' '.join(unfit)} reads no column for it")
        return columns

    def _cells(self, table: Table, column: str, declared: Field) -> Cells:
        if declared.kind == "date":
            return Cells(self._times(table, column, np.zeros(0, np.int64), DATE).days, table.columns[column].codes < 0, [])
        cells = cells_of(table, column, declared, self.mapping.cells)
        self.problems += cells.problems
        return cells

    # rows ---------------------------------------------------------------------------------------------------

    def _cases(self, table: Table, column: str) -> tuple[NDArray[Any], Integers]:
        """Return the names of the cases, sorted, and the case of each row."""
        case = table.columns[column]
        empty = np.flatnonzero(case.codes < 0)
        if len(empty):
            self.problems.append(f"{table.at(int(empty[0]), column)}is empty; every row needs a case")
        names, index = np.unique(np.array(case.texts(), object).astype(str), return_inverse=True)
        used, dense = np.unique(np.append(index, 0)[case.codes], return_inverse=True)
        return names[used].astype(object) if len(names) else names.astype(object), dense.astype(np.int64)

    def _labelled(self, table: Table, roles: Mapping[str, str]) -> tuple[Integers, Integers, Integers]:
        """Return the rows with an activity, the code of the activity of every row, and the rows of events without a name.

        A row with neither activity nor time is a case without events. Activities that the mapping leaves out are not read.
        """
        activity = table.columns[roles["activity"]]
        labels = activity.codes.astype(np.int64)
        named = labels >= 0
        if _CAUSE in table.columns:  # an event without a transition, in a part of a run folder
            named |= table.columns[_CAUSE].codes >= 0
        unnamed = np.flatnonzero(~named & (table.columns[roles["time"]].codes >= 0))
        if len(unnamed):
            place = table.place(int(unnamed[0]))
            self.notes.append(
                f"{n_of(len(unnamed), 'event')} without a name left out, the first at {place}; their cases are judged in part"
            )
        texts = activity.texts()
        dropped = np.array([*(text in self.mapping.leave_out for text in texts), False])[labels]
        n_dropped = int(dropped.sum())
        if n_dropped:
            self.notes.append(f"{n_of(n_dropped, 'row')} left out, as the mapping says")
        return np.flatnonzero(named & ~dropped), labels, unnamed

    def _times(self, table: Table, column: str, needed: Integers, what: str = EXAMPLE) -> Times:
        """Return the times of a column. The `needed` rows must have one."""
        written, problems = times_of(table, column, self.mapping.cells, what)
        self.problems += problems
        given = table.columns[column].codes >= 0
        empty = needed[~given[needed]]
        if len(empty):
            self.problems.append(f"{table.at(int(empty[0]), column)}is empty; every row needs a time")
        times = clocks_of(written, given, self.zone)
        if times.first_utc is not None and self.in_utc is None:
            self.in_utc = f"{table.place(times.first_utc)}, column {column!r}"
        return times

    def _check_offsets(self, table: Table, columns: Mapping[str, Times]) -> None:
        """Report times with and without an offset in one log, with the first place of each."""
        naive = next(((c, t.first_naive) for c, t in columns.items() if t.first_naive is not None), None)
        zoned = next(((c, t.first_zoned) for c, t in columns.items() if t.first_zoned is not None), None)
        if naive is None or zoned is None:
            return
        one, other = (
            f"{table.place(i)}, column {c!r}: {str(table.columns[c].texts()[table.columns[c].codes[i]])!r}"
            for c, i in (naive, zoned)
        )
        self._wrong(f"{one} has no offset from UTC, but {other} has one; give either all times of a log an offset, or none")

    def _zone_notes(self) -> tuple[str, ...]:
        """Return how times that are written in UTC were read."""
        if self.zone is not None:
            if self.in_utc is None:
                return (f"time zone {self.zone.key} changes nothing: no time of the log is written in UTC",)
            return (f"times in UTC are read as local times of {self.zone.key}",)
        if self.in_utc is None:
            return ()
        return (
            f"times in UTC are read as UTC dates and clocks (first: {self.in_utc}); --time-zone NAME reads them as local times",
        )

    def _starts(self, table: Table, roles: Mapping[str, str]) -> Integers | None:
        """Return when each row started, if a column says so."""
        if "started_at" not in roles:
            return None
        started_at = self._times(table, roles["started_at"], np.zeros(0, np.int64)).at
        return np.where(table.columns[roles["started_at"]].codes < 0, NO_START, started_at)

    def _completed(
        self, table: Table, roles: Mapping[str, str], rows: Integers, case: Integers, labels: Integers, at: Integers,
        started_at: Integers | None,
    ) -> tuple[Integers, Integers | None]:  # fmt: skip
        """Return the rows that are completions, and the starts of all rows, paired with them if the log has a life cycle."""
        column = roles.get("lifecycle")
        if column is None or any(
            table.find(self.mapping.columns.get(n) or n, *ROLES.get(n, ())) == column for n in self.mapping.only
        ):
            return rows, started_at
        phases = table.columns[column]
        completed = completed_rows(phases.texts(), phases.codes[rows].astype(np.int64), case[rows], labels[rows], at[rows])
        if completed is None:
            return rows, started_at
        self.notes += completed.notes
        paired = np.full(len(case), NO_START)
        paired[rows] = completed.started_at
        if started_at is not None:
            paired = np.where(paired == NO_START, started_at, paired)
        return rows[completed.rows], paired if (paired != NO_START).any() else None

    def _steps(
        self, table: Table, rows: Integers, labels: Integers, case: Integers, at: Integers, policy: Integers
    ) -> tuple[Integers, Integers, Integers, NDArray[np.bool_]]:
        """Return the order of the rows, and their transition, event, and whether their name is unknown."""
        in_force, texts = self.in_force, self._texts_of_steps(table)
        transition, event = (codes[policy, labels] for codes in (in_force.transition_codes(texts), in_force.event_codes(texts)))
        unknown = (transition < 0) & (event < 0)
        order = rows[np.lexsort((rows, at[rows], case[rows]))]
        if _CAUSE in table.columns:
            column = table.columns[_CAUSE]
            cause = in_force.event_codes(column.texts())[policy, column.codes]
            event = np.where(cause >= 0, cause, event)
        elif len(order):
            absorbed = absorbed_events(in_force, case[order], at[order], transition[order], event[order])
            taken = np.flatnonzero(absorbed)
            event[order[taken + 1]] = event[order[taken]]
            order = order[~absorbed]
        event = triggering_events(in_force, transition, event)
        return order, transition[order], event[order], unknown[order]

    def _texts_of_steps(self, table: Table) -> list[str]:
        """Return the transition or event of each activity of the log, or the activity itself; note names that never occur."""
        column = self._column(table, "activity", "the activity", ROLES["activity"])
        texts = table.columns[str(column)].texts()
        steps = self.mapping.steps(*self.in_force.workflows)
        self.notes += names_that_no_row_has(self.mapping, texts)
        return [steps.get(text, text) for text in texts]

    def _indices(self, table: Table, column: str, names: list[str]) -> Integers:
        """Return the index of each row's text in a list of names, -1 for none of them."""
        index = {name: i for i, name in enumerate(names)}
        return np.array([*(index.get(text, -1) for text in table.columns[column].texts()), -1], np.int64)[
            table.columns[column].codes
        ]

    # values -------------------------------------------------------------------------------------------------

    def _values(
        self, columns: Mapping[str, Cells], fields: Mapping[str, str], roles: Mapping[str, str], case: Integers, at: Integers,
        names: NDArray[Any],
    ) -> tuple[Facts, dict[str, Integers], dict[str, NDArray[np.bool_]]]:  # fmt: skip
        """Return the facts of the cases, the state and record that rows say, and the cases that lack a required fact."""
        facts: Facts = {}
        given: dict[str, Integers] = {}
        lacks = {}
        for name, cells in columns.items():
            if name == "state" or name in self.workflow.record:
                given[name] = _indices_of(self._field(name), cells)
                continue
            if name in BUILT_IN_FACTS and fields[name] == roles["time"]:  # as of the first row of the case
                rows = np.lexsort((at, case))
                begins = np.flatnonzero(np.diff(case[rows], prepend=-1))
                facts[name] = (cells.values[rows][begins], None)
                continue
            of_case, absent = self._of_case(name, cells, case, names)
            optional = self.workflow.namespace.fields[name].optional
            facts[name] = (of_case, absent if optional else None)
            if not optional:
                lacks[name] = absent
        return facts, given, lacks

    def _left_out(self, table: Table, facts: Facts, n_cases: int) -> Facts:
        """Return the optional facts that no case has: an export to XES leaves out missing values."""
        if not _is_export(table) or ".xes" not in self.path.name.lower():
            return {}
        absent = [f for f in self.workflow.facts.values() if f.optional and f.name not in facts]
        return {f.name: (np.full(n_cases, BLANK[f.kind]), np.ones(n_cases, bool)) for f in absent}

    def _of_case(self, name: str, cells: Cells, case: Integers, names: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return a fact of each case, from its first row with a value, and which cases have none."""
        given = np.flatnonzero(~cells.missing)
        row = np.full(len(names), -1)
        row[case[given[::-1]]] = given[::-1]  # the last assignment is that of the first row
        of_case = cells.values[row] if len(cells.values) else cells.values
        differs = given[cells.values[given] != of_case[case[given]]]
        if len(differs):
            i = int(differs[0])
            declared, pair = self.workflow.namespace.fields[name], (of_case[case[i]], cells.values[i])
            one, other = (declared.values[v] if declared.kind == "enum" else v for v in pair)
            self._wrong(
                f"case {names[case[i]]}: {name} is {one} in one row and {other} in another; a fact must not change within a case;"
                f" if the log means something else by this name, --map {name}= reads no column for it"
            )
        return of_case, row < 0

    def _initial(self, table: Table, case: Integers, n_cases: int, given: dict[str, Integers]) -> dict[str, Integers]:
        """Return the initial state and record of each case, as an export of docketsim has them; also read its states."""
        begins: dict[str, Integers] = {}
        if not _is_export(table) or not len(table):
            return begins
        states = list(self.workflow.states)
        given["state"] = self._indices(table, "from_state", states)
        begins["state"] = self._first_of(self._indices(table, "case:initial_state", states), case, n_cases)
        for name, declared in self.workflow.record.items():
            column = next((c for c in _initial(name) if c in table.columns), None)
            if column is not None and name not in given:
                begins[name] = self._first_of(_indices_of(declared, self._cells(table, column, declared)), case, n_cases)
        return begins

    def _outcomes(self, table: Table, order: Integers) -> tuple[Integers, list[str]]:
        """Return what the activity or event of each row gave, as indices of labels; -1 where the log does not say."""
        if _OUTCOME not in table.columns:
            return np.full(len(order), -1), []
        return table.columns[_OUTCOME].codes[order].astype(np.int64), table.columns[_OUTCOME].texts()

    def _surroundings(self, table: Table, order: Integers, case: Integers, n_cases: int) -> Surroundings:
        """Return the courts, servers and times of arrival."""
        columns = {what: table.find(*usual) for what, usual in _AROUND.items()}
        if "arrived" in self.mapping.columns:
            columns["arrived"] = self.mapping.columns["arrived"]

        def texts(what: str, rows: Integers) -> NDArray[Any]:
            column = columns[what]
            if column is None:
                return np.full(len(rows), "", object)
            cells = table.columns[column]
            return np.array([*cells.texts(), ""], object)[cells.codes[rows]]

        everywhere = np.arange(len(table), dtype=np.int64)
        home, homes = np.full(n_cases, "", object), texts("home", everywhere)
        home[case[::-1]] = homes[::-1]
        arrived_at = np.full(n_cases, NO_START)
        if columns["arrived"] is not None and columns["arrived"] != self._column(table, "time", "the time", ROLES["time"]):
            given = np.flatnonzero(table.columns[columns["arrived"]].codes >= 0)[::-1]
            arrived_at[case[given]] = self._times(table, columns["arrived"], np.zeros(0, np.int64), DATE).at[given]
        return Surroundings(texts("court", order), texts("to_court", order), texts("server", order), home, arrived_at)

    def _first_of(self, values: NDArray[Any], case: Integers, n_cases: int) -> NDArray[Any]:
        """Return the value of the first row of each case."""
        first = np.zeros(n_cases, values.dtype)
        first[case[::-1]] = values[::-1]
        return first

    # mistakes -----------------------------------------------------------------------------------------------

    def _wrong(self, message: str) -> None:
        self.problems.append(f"{self.path}: {message}")

    def _stop_if_wrong(self) -> None:
        if self.problems:
            raise (UnmappedLog if self.unmapped else InputError)(self.problems)


def _indices_of(declared: Field, cells: Cells) -> Integers:
    """Return the index of each value in the domain of a record field, or of the states; -1 where it is not known."""
    return np.where(cells.missing, -1, domain_indices(declared, cells.values))
