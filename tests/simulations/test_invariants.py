"""Each log invariant detects a log that was changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulations.log.eventlog import EventLog
from simulations.measuring import invariants
from simulations.measuring.invariants import BrokenInvariant, check_log
from tests.simulations.fixed_draws import HOUR, FixedDraws, play

DESK = """
workflow: desk
activities: {serve: {}}
states: {queue: {activity: serve}, done: {final: true}}
transitions: [{transition: finish, from: queue, to: done}]
entry: {states: [queue]}
"""


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    """Two clerks from 9 to 17, one of them from Tuesday on: starts at 9 and 9, at 12 and 15, and 24 hours at 16."""
    scenario = """
calendars: {office: {hours: {mon-fri: "09:00-17:00"}}}
courts: {desk: {backlog: {queue: 5}}}
pools: {clerks: {size: {2024-01-01: 2, 2024-01-02: 1}, calendar: office}}
activities: {serve: {pool: clerks, takes: GIVEN}}
"""
    return play(tmp_path, DESK, scenario, FixedDraws({"activity:serve": {0: 3, 1: 6, 2: 4, 3: 1, 4: 24}}))


def _put(column: str, row: int, value: int) -> Callable[[EventLog], EventLog]:
    def tamper(log: EventLog) -> EventLog:
        changed = log.columns[column].copy()
        changed[row] = value
        return replace(log, columns={**log.columns, column: changed})

    return tamper


def _without_last(log: EventLog) -> EventLog:
    return replace(log, columns={name: column[:-1] for name, column in log.columns.items()})


def _twice(log: EventLog) -> EventLog:
    return replace(log, columns={name: np.concatenate([c, c[:1]]) for name, c in log.columns.items()})


@pytest.mark.parametrize("at_once", [1, 3, 1 << 19])
@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (_put("from_state", 1, 1), "in which it is not"),
        (_put("happened_at", 0, -HOUR), "back in time"),
        (_without_last, "has no row"),
        (_put("to_state", 0, 0), "neither in a final state nor counted as open"),
        (_twice, "in which it is not"),
        (_put("enabled_at", 0, 13 * HOUR), "starts before it is enabled"),
        (_put("enabled_at", 2, 1 * HOUR), "Little's law fails for 'serve'"),
        (_put("started_at", 0, 8 * HOUR), "starts off shift"),
        (_put("server", 1, 0), "does two things at once"),
        (_put("started_at", 2, 10 * HOUR), "does two things at once|without a free server"),
        (lambda log: replace(log, resized={"clerks": (((0, 1),),)}), "without a free server"),
    ],
)
def test_a_changed_log_breaks_an_invariant(
    log: EventLog, tamper: Callable[[EventLog], EventLog], message: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the invariant and the case or pool, for any batch size."""
    monkeypatch.setattr(invariants, "_ROWS_AT_ONCE", at_once)
    check_log(log)
    with pytest.raises(BrokenInvariant, match=message):
        check_log(tamper(log))
