"""Cases that a server works on together: golden cases on both engines, each to the microsecond."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from simulations import SamplePath, make_plan
from simulations.engines import compiled_engine, simpy_engine
from simulations.log.eventlog import EventLog
from simulations.measuring.invariants import BrokenInvariant, check_log
from simulations.measuring.measures import measure
from tests.simulations.both_engines import assert_same
from tests.simulations.random_scenarios import Mapping, loaded

pytest.importorskip("numba")

HOUR = 3_600_000_000
STARTS = dt.date(2024, 1, 1)

WORKFLOW: Mapping = {
    "workflow": "session",
    "activities": {"hear": {}},
    "entry": {"states": ["docket"]},
    "states": {"docket": {"activity": "hear"}, "heard": {"final": True}, "dropped": {"final": True}},
    "transitions": [
        {"transition": "decide", "from": "docket", "to": "heard"},
        {"transition": "drop", "from": "docket", "event": "withdrawal", "to": "dropped"},
    ],
    "events": {"withdrawal": {"while": ["docket"]}},
}


def session(hours: list[int], pool: Mapping, **more: object) -> Mapping:
    """Return a scenario of one judge with sessions of 4 hours; a case arrives after each number of hours."""
    scenario: Mapping = {
        "scenario": "session",
        "workflow": WORKFLOW,
        "starts": STARTS,
        "ends": STARTS + dt.timedelta(days=9),
        "pools": {"judges": {"size": 1, **pool}},
        "activities": {"hear": {"pool": "judges", "takes": "4 hours"}},
        "arrivals": {"new": {"at": [f"{h} hours" for h in hours]}},
    }
    return scenario | more


def both(scenario: Mapping) -> EventLog:
    """Run a scenario on both engines, compare, and check the invariants of the log."""
    path = SamplePath(1, 1)
    plan = make_plan(loaded(scenario), path)
    log = simpy_engine.simulate(plan, path)
    check_log(log)
    assert_same(log, compiled_engine.simulate(plan, path))
    return log


def sessions(log: EventLog) -> list[tuple[int, float, float]]:
    """Return for each row of a batch its number, start and end in hours."""
    started, ended = (log.columns[name][log.batches[:, 0]] / HOUR for name in ("started_at", "happened_at"))
    return list(zip(log.batches[:, 1].tolist(), started.tolist(), ended.tolist(), strict=True))


def test_a_session_begins_when_enough_cases_wait() -> None:
    """Three at 1, 2 and 3: a session from 3 to 7. Of the four that come meanwhile, three are heard from 7 on; one is left."""
    log = both(session([1, 2, 3, 4, 5, 6, 6], {"together": 3}))
    assert sessions(log) == [(0, 3, 7)] * 3 + [(1, 7, 11)] * 3
    assert len(log) == 7


def test_a_session_begins_when_a_case_has_waited_long_enough() -> None:
    """The third day after the first case: with the two cases that wait then."""
    log = both(session([1, 2, 90], {"together": 12, "wait_for": "12 or 3 days"}))
    assert sessions(log) == [(0, 73, 77)] * 2 + [(1, 162, 166)]


def test_fewer_may_be_enough() -> None:
    """Two are enough, up to three are heard."""
    log = both(session([1, 2, 3, 4, 5], {"together": 3, "wait_for": 2}))
    assert sessions(log) == [(0, 2, 6)] * 2 + [(1, 6, 10)] * 3


def test_a_case_that_leaves_a_session_does_not_end_it() -> None:
    """One of three is withdrawn at 5; the judge is busy until 7, and in that time works once, not three times."""
    log = both(session([1, 2, 3], {"together": 3}, events={"withdrawal": {"at": "5 hours", "only": "waiting"}}))
    assert sessions(log) == [(0, 3, 7)] * 3
    everybody = both(session([1, 2, 3], {"together": 3}, events={"withdrawal": {"at": "5 hours"}}))
    assert sessions(everybody) == [(0, 3, 5)] * 3
    day = {v.measure: v.value for v in measure(log, [STARTS]) if v.court == "all"}
    assert day["utilisation.judges"] == pytest.approx(4 / 24)


def test_a_session_uses_one_slot() -> None:
    """With one slot a day, the second session is on the next day."""
    pool = {"together": 2, "slots": 1, "calendar": "office", "at_shift_end": "finish"}
    calendars = {"office": {"hours": {"mon-sun": "09:00-17:00"}}}
    log = both(session([1, 2, 3, 4], pool, calendars=calendars))
    assert sessions(log) == [(0, 9, 13)] * 2 + [(1, 33, 37)] * 2


def test_a_session_at_the_end_of_the_run_is_in_the_log() -> None:
    """Its rows are those of open cases."""
    log = both(session([1, 2], {"together": 2}, ends=STARTS, activities={"hear": {"pool": "judges", "takes": "40 hours"}}))
    assert sessions(log) == [(0, 2, 24)] * 2


def test_a_log_with_a_wrong_batch_is_noticed() -> None:
    """A case that begins at another time is not of the same batch."""
    log = both(session([1, 2, 3, 4, 5, 6], {"together": 3}))
    batches = np.where(log.batches == [log.batches[0, 0], 0], [log.batches[0, 0], 1], log.batches)
    with pytest.raises(BrokenInvariant):
        check_log(EventLog(log.cases, log.labels, log.columns, log.resized, log.further, log.transfers, batches))
