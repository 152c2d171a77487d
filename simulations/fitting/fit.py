"""Fit a scenario to a log as of a day: backlog, arrivals, lengths, shares, events, servers and calendars."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulations.fitting.discovery import CARRIED
from simulations.fitting.inflow import Inflow
from simulations.fitting.names import one_line, plain_name, quoted
from simulations.fitting.numbers import Collected, Number, plain
from simulations.fitting.raw_log import events_file
from simulations.fitting.visits import DAY, Visits, check_enough, visits_of
from simulations.fitting.work import Work
from workflow.auditing.life_cycle import NO_START
from workflow.auditing.log import AuditLog
from workflow.auditing.log_files import read_log
from workflow.auditing.mapping import LogMapping
from workflow.errors import InputError
from workflow.files.table import n_of
from workflow.files.validation import format_names, name_mistake
from workflow.model.definition import StateKind, Workflow


@dataclass(frozen=True)
class Fit:
    """A scenario fitted to a log.

    Attributes
    ----------
    files : mapping of str to str
        The text of each file by its name: the scenario first, then its tables.
    numbers : tuple of Number
        The estimates, with their intervals.
    joint : mapping of str to list of float
        Draws of what is estimated together: shares that add up to 1.
    notes : tuple of str
        What the log does not tell.
    """

    files: Mapping[str, str]
    numbers: tuple[Number, ...]
    joint: Mapping[str, list[float]]
    notes: tuple[str, ...]
    n_cases: int
    n_open: int
    n_visits: int

    def intervals(self) -> dict[str, tuple[float, float, float]]:
        """Return the estimate of every number with its 95 percent interval, by its path."""
        own = {number.path: (number.estimate, number.low, number.high) for number in self.numbers}
        both = {path: (float(np.mean(v)), *(float(q) for q in np.quantile(v, [0.025, 0.975]))) for path, v in self.joint.items()}
        return {**own, **both}  # type: ignore[dict-item]

    def json(self) -> dict[str, Any]:
        """Return the numbers as plain values."""
        return {
            "cases": self.n_cases, "open": self.n_open, "visits": self.n_visits, "notes": list(self.notes),
            "numbers": {path: {"estimate": e, "low": low, "high": high} for path, (e, low, high) in self.intervals().items()},
        }  # fmt: skip


def read_for_fit(path: str | Path, workflow: Workflow, mapping: LogMapping | None = None, zone: str | None = None) -> AuditLog:
    """Read a log with its courts, servers and times of arrival.

    Raises
    ------
    InputError
        If it cannot be read, or not as a log of this workflow.
    """
    return read_log(events_file(Path(path)), workflow, mapping, zone, surroundings=True)


def fit(
    path: str | Path, workflow: Workflow, workflow_file: str, as_of: dt.date, out: Path, mapping: LogMapping | None = None, *,
    zone: str | None = None, days: int = 365,
) -> Fit:  # fmt: skip
    """Fit a scenario to a log.

    Parameters
    ----------
    path : path
        The log.
    workflow_file : str
        How the scenario names the workflow: a path, or a built-in name.
    as_of : date
        Nothing is read that happened on this day or later; the scenario starts on it.
    out : Path
        The scenario file. It is not written; its name and folder make the names of the others.
    days : int
        The length of the scenario.

    Raises
    ------
    InputError
        If the log cannot be read, or has too little in it.
    """
    log = read_for_fit(path, workflow, mapping, zone)
    return fit_log(log, one_line(Path(path).name), workflow_file, as_of, out, days=days)


def fit_log(log: AuditLog, source: str, workflow_file: str, as_of: dt.date, out: Path, *, days: int = 365) -> Fit:
    """Fit a scenario to a log that has been read; see `fit`."""
    instant = (as_of - dt.date(1970, 1, 1)).days * DAY
    visits = visits_of(log, instant)
    check_enough(visits)
    return _Fitting(visits, source, workflow_file, as_of, out, days).fit()


class _Fitting:
    """The scenario of one log."""

    def __init__(self, visits: Visits, source: str, workflow_file: str, as_of: dt.date, out: Path, days: int) -> None:
        self.visits, self.source, self.as_of, self.out, self.days = visits, source, as_of, out, days
        self.workflow_file = workflow_file
        self.workflow = visits.workflow
        present = visits.arrived != NO_START
        courts = sorted({*visits.home[present].tolist(), *visits.court.tolist()})
        self.courts = courts
        self.names = _court_names(courts)
        self.collected = Collected()
        self.work = Work(visits, courts, self.names, self.collected)
        self.inflow = Inflow(visits, courts, self.names, self.collected)
        self.open = np.flatnonzero(~visits.ended)
        self._note_unknown()
        self._check_entry()

    def _note_unknown(self) -> None:
        """Note the rows that are no step of the workflow."""
        log = self.visits.log
        rows = np.flatnonzero(log.unknown[: len(log)] & (log.at < self.visits.as_of))
        if len(rows):
            names = format_names(dict.fromkeys(log.unknown_names[int(row)] for row in rows), 6)
            self.collected.notes.append(f"The workflow has no {names}: {n_of(len(rows), 'row')} of the log left out.")

    def _check_entry(self) -> None:
        """Refuse open cases in states in which no case may begin, which the backlog cannot have."""
        states = list(self.workflow.states)
        wrong = []
        for state, n in zip(*np.unique(self.visits.state[self.open], return_counts=True), strict=True):
            name = states[int(state)]
            if name not in self.workflow.entry_states and self.workflow.states[name].kind is not StateKind.INSTANT:
                wrong.append(
                    f"workflow {self.workflow.name}: {n_of(int(n), 'open case')} of the log in {name!r}, in which no case may begin; add it to entry: states:"
                )
        if wrong:
            raise InputError(wrong)

    def fit(self) -> Fit:
        """Return the scenario with its tables."""
        stem = self.out.name.partition(".")[0]
        backlog, shares = f"{stem}.backlog.csv", f"{stem}.shares.csv"
        body = list(self._body(backlog))
        joint = {path: draws for path, draws in self.collected.joint.items() if _has_plain_path(path)}
        text = "\n".join([*self._head(), *body, *self._uncertain(joint, shares), *self._about()]) + "\n"
        files = {self.out.name: text, backlog: self._backlog()}
        if joint:
            rows = zip(*joint.values(), strict=True)
            files[shares] = "\n".join([",".join(map(_cell, joint)), *(",".join(plain(v) for v in row) for row in rows)]) + "\n"
        n = int((self.visits.arrived != NO_START).sum())
        return Fit(
            files, tuple(self.collected.numbers), joint, tuple(self.collected.notes), n, len(self.open), len(self.visits.case)
        )

    # the file -------------------------------------------------------------------------------------------------------

    def _head(self) -> Iterator[str]:
        n = int((self.visits.arrived != NO_START).sum())
        begin = np.datetime64(self.visits.begin, "us").astype("datetime64[D]")
        ends = self.as_of + dt.timedelta(days=self.days - 1)
        yield f"# Fitted by `docketsim fit` to {self.source}: {n_of(n, 'case')} and {n_of(len(self.visits.case), 'visit')} to states, {begin} to the day before {self.as_of}."
        yield "# Every number has its source and interval in a comment, and a distribution under uncertain:. Change what you know better."
        yield f"scenario: {plain_name(self.out.name.partition('.')[0])}"
        yield f"description: {quoted(f'Fitted to {self.source} as of {self.as_of}.')}"
        yield f"workflow: {quoted(self.workflow_file)}"
        yield f"starts: {self.as_of}"
        yield f"ends: {ends}"

    def _body(self, backlog: str) -> Iterator[str]:
        calendars = [*self.work.calendar_lines(), *self.inflow.calendar_lines()]
        yield from _section("calendars", calendars)
        yield "courts:"
        states, places = np.unique(self.visits.state[self.open], return_counts=True)
        names = list(self.workflow.states)
        for court in self.courts:
            here = self.visits.court[self.open] == court
            n = int(here.sum())
            by_state = ", ".join(f"{names[int(s)]} {int((self.visits.state[self.open][here] == s).sum()):,}" for s in states)
            said = n_of(n, "open case") + (f": {by_state}" if n else "")
            yield f"  {self.names[court]}: {{backlog: {{table: {backlog}}}}}  # {said}"
        del places
        yield from _section("pools", list(self.work.pool_lines()))
        yield from _section("activities", list(self.work.activity_lines()))
        yield from _section("people", list(self.inflow.people_lines()))
        yield from _section("arrivals", list(self.inflow.arrival_lines()))
        yield from _section("events", list(self.inflow.event_lines()))
        yield from _section("transfers", list(self.inflow.transfer_lines()))

    def _uncertain(self, joint: Mapping[str, list[float]], shares: str) -> Iterator[str]:
        lines = [
            number.line(f"{quoted(f'{self.source}, {number.n:,} observations')}")
            for number in self.collected.numbers
            if _has_plain_path(number.path)
        ]
        if joint:
            lines.append(f"  - {{table: {shares}, source: {quoted(f'{self.source}, shares that add up to 1')}}}")
        yield from _section("uncertain", lines)

    def _about(self) -> Iterator[str]:
        yield "about:"
        yield f"  purpose: {quoted(f'What happens after {self.as_of} if everything stays as the log has it?')}"
        yield f"  data_sources: [{quoted(self.source)}]"
        assumed = ["Arrivals, lengths of work and shares stay as they were before the start.", *self.collected.notes]
        yield f"  assumptions: [{', '.join(map(quoted, assumed))}]"

    def _backlog(self) -> str:
        """Return the table of open cases."""
        visits, log = self.visits, self.visits.log
        states = list(self.workflow.states)
        facts = [name for name in self.workflow.facts if name in log.facts]
        carries = CARRIED in self.workflow.record and CARRIED in self.workflow.entry_record
        order = self.open[np.argsort(visits.entered[self.open], kind="stable")]
        head = ["court", "state", "arrived", *facts, *([CARRIED] if carries else [])]
        lines = [",".join(head)]
        for i in order.tolist():
            case = int(visits.case[i])
            arrived = np.datetime64(int(visits.arrived[case]), "us").astype("datetime64[s]")
            cells = [self.names[str(visits.court[i])], states[int(visits.state[i])], str(arrived).replace("T", " ")]
            cells += [self._value(name, case) for name in facts]
            lines.append(",".join([*cells, *(["true"] if carries else [])]))
        return "\n".join(lines) + "\n"

    def _value(self, name: str, case: int) -> str:
        declared = self.workflow.facts[name]
        values, missing = self.visits.log.facts[name]
        if missing is not None and missing[case]:
            return ""
        value = values[case]
        if name in self.visits.log.lacks and self.visits.log.lacks[name][case]:
            return _cell(str(self.workflow.defaults[name]))
        if declared.kind == "enum":
            return _cell(declared.values[int(value)])
        if declared.kind == "boolean":
            return "true" if value else "false"
        return str(value) if declared.kind == "date" else plain(float(value))


def _section(name: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"{name}:"
        yield from lines


def _cell(text: str) -> str:
    return f'"{text}"' if "," in text else text


def _has_plain_path(path: str) -> bool:
    """Return whether ``--set`` can name a path; a value with a dot in it is no part of one."""
    parts = path.removeprefix("scale ").split(".")
    return all(part and part == part.strip() for part in parts) and path.count(".") < 9


def _court_names(courts: list[str]) -> dict[str, str]:
    """Return a name for each court: its own, if a scenario can have it."""
    names: dict[str, str] = {}
    for court in courts:
        name = court if not name_mistake(court) and court not in ("all", "other", "by") else plain_name(court)
        while name in names.values():
            name += "_"
        names[court] = name
    return names


def relative_workflow(workflow: str, out: Path) -> str:
    """Return how a scenario in the folder of `out` names a workflow."""
    path = Path(workflow)
    return os.path.relpath(path, out.parent) if path.is_file() else workflow
