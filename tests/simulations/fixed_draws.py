"""Tiny scenarios in which the test sets every duration, and their logs in whole hours."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from simulations import load_scenario, make_plan, simulate
from simulations.chance.draws import Draws, case_key
from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.descriptors import BREAKDOWNS
from simulations.measuring.invariants import check_log
from simulations.measuring.measures import measure
from simulations.measuring.waiting import divide_waits, waits_for
from simulations.timing.clock import MICROSECONDS_PER_HOUR

HOUR = MICROSECONDS_PER_HOUR
LONGEST = 200
GIVEN = json.dumps({"empirical": [f"{k} hours" for k in range(LONGEST + 1)]})
"""Replace the word GIVEN in a scenario: a uniform distribution over 0 to 200 whole hours."""

Number = float | list[float]


class FixedDraws(Draws):
    """Draws that a test sets by purpose and case; all other draws give one hour.

    Parameters
    ----------
    hours : mapping
        Whole hours. In ``{"activity:serve": {0: 5, 1: [3, 4]}}``, case 0 of the backlog takes 5 hours; case 1 takes
        3 hours at its first visit and 4 at later ones. ``"name 0"`` is the first case of a stream of arrivals, and
        ``None`` all other cases.
    chances : mapping
        The uniform number itself, in the same form, for people, outcomes (``outcome:serve``) and ``chance:``.
    """

    def __init__(
        self, hours: Mapping[str, Any] | None = None, chances: Mapping[str, Any] | None = None, court: str = "desk"
    ) -> None:
        self.hours, self.chances = hours or {}, chances or {}
        names = {
            name.rsplit(" ", 1)[0]
            for values in (*self.hours.values(), *self.chances.values())
            for name in values
            if isinstance(name, str)
        }
        self.cases: dict[int, Any] = {case_key(court, "backlog", k): k for k in range(20)}
        self.cases |= {case_key(court, f"arrivals/{name}", k): f"{name} {k}" for name in names for k in range(20)}

    def bits(self, case_key: int, purpose: str, visit: int) -> tuple[int, int]:
        """Return the two numerators of a draw."""
        case = self.cases.get(int(case_key))
        uniform = _of(self.chances.get(purpose), case, visit)
        if uniform is None:
            hours = _of(self.hours.get(purpose), case, visit)
            uniform = ((1 if hours is None else hours) + 0.5) / (LONGEST + 1)
        chance = _of(self.chances.get(f"outcome:{purpose.partition(':')[2]}"), case, visit)
        return _numerator(uniform), _numerator(0.25 if chance is None else chance)

    def many(self, case_keys: Any, purpose: str, visit: Any) -> tuple[Any, Any]:
        """Return the numerators of many cases."""
        visits = np.broadcast_to(np.asarray(visit), np.shape(case_keys)).tolist()
        both = [self.bits(key, purpose, v) for key, v in zip(np.asarray(case_keys).tolist(), visits, strict=True)]
        one, two = np.array(both, np.int64).reshape(-1, 2).T
        return np.ascontiguousarray(one), np.ascontiguousarray(two)


def _of(values: Mapping[Any, Number] | None, case: Any, visit: int) -> float | None:
    if values is None or (case not in values and None not in values):
        return None
    value = values.get(case, values.get(None))
    return value[min(visit, len(value) - 1)] if isinstance(value, list) else value


def _numerator(uniform: float) -> int:
    return int(uniform * 2**53) | 1


def planned(folder: Path, workflow: str, scenario: str, path: Draws) -> Any:
    """Write a workflow and a scenario to files, and return the plan."""
    (folder / "flow.yaml").write_text(workflow, encoding="utf-8")
    frame = (
        "scenario: given\nworkflow: flow.yaml\nstarts: 2024-01-01\nends: 2024-01-03\n"
        if "starts:" not in scenario
        else "scenario: given\nworkflow: flow.yaml\n"
    )
    (folder / "given.yaml").write_text(frame + scenario.replace("GIVEN", GIVEN), encoding="utf-8")
    return make_plan(load_scenario(folder / "given.yaml"), path)


def play(
    folder: Path, workflow: str, scenario: str, path: Draws, hooks: Mapping[str, Any] | None = None, processes: Iterable[Any] = ()
) -> EventLog:
    """Run a scenario, and check the invariants of its log."""
    log = simulate(planned(folder, workflow, scenario, path), path, hooks, processes)
    check_log(log)
    return log


def story(log: EventLog, closing: bool = False) -> list[tuple[float, int, str]]:
    """Return the hour, case and transition (or event) of each row, without the rows at the horizon."""
    rows = []
    for row in zip(*(log.columns[n].tolist() for n in ("happened_at", "case_id", "transition", "cause")), strict=True):
        at, case, transition, cause = row
        what = log.labels.transition[transition] if transition >= 0 else log.labels.cause[cause]
        if closing or what != "horizon":
            rows.append((_hours(at), case, what))
    return rows


def work(log: EventLog, case: int | None = None) -> list[tuple[Any, ...]]:
    """Return case, enabled, started, end and server of each work item, sorted by start; times in hours."""
    items = []
    names = ("activity", "case_id", "enabled_at", "started_at", "happened_at", "server")
    for activity, number, enabled, started, happened, server in zip(*(log.columns[n].tolist() for n in names), strict=True):
        if activity >= 0 and case in (None, number):
            items.append((number, _hours(enabled), _hours(started), _hours(happened), None if server < 0 else server))
    return sorted(items, key=lambda w: (w[2] is None, w[2] or 0, w[0]))


def waits_by_row(log: EventLog) -> dict[str, dict[str, Any]]:
    """Return the length of each part of the waiting time of each row, by breakdown; 0 if the row ends no wait."""
    waits = waits_for(log, range(len(log.labels.activity)))
    by_row: dict[str, dict[str, Any]] = {
        kind: {part: np.zeros(len(log), np.int64) for part in parts} for kind, parts in BREAKDOWNS.items()
    }
    for piece in divide_waits(log, waits):
        np.add.at(by_row[piece.kind][piece.part], waits.rows[piece.waits], piece.lengths)
    return by_row


def measured(log: EventLog) -> dict[str, float | None]:
    """Return every measure at the end of the run, all courts together."""
    return {v.measure: v.value for v in measure(log) if v.court == "all" and v.at is None and v.by is None}


def _hours(microseconds: int) -> Any:
    if microseconds == NEVER:
        return None
    return microseconds // HOUR if microseconds % HOUR == 0 else microseconds / HOUR
