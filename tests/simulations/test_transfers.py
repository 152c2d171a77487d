"""Transfers between courts: golden cases on both engines, and cases that are conserved at each court."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations import SamplePath, make_plan
from simulations.engines import compiled_engine, simpy_engine
from simulations.log.eventlog import EventLog
from simulations.measuring.invariants import BrokenInvariant, check_log
from simulations.measuring.measures import measure
from simulations.scenarios.population import ORIGINS
from tests.simulations.both_engines import SOME, assert_same
from tests.simulations.pressed import pressed
from tests.simulations.random_scenarios import DAYS, Mapping, loaded, run, scenarios
from workflow.errors import InputError
from workflow.model.definition import StateKind

pytest.importorskip("numba")

HOUR = 3_600_000_000
STARTS = dt.date(2024, 1, 1)

WORKFLOW: Mapping = {
    "workflow": "venues",
    "record": {"rounds": {"type": "integer", "minimum": 0, "maximum": 3}},
    "activities": {"serve": {}},
    "entry": {"states": ["waiting"]},
    "states": {"waiting": {"activity": "serve"}, "done": {"final": True}, "dropped": {"final": True}},
    "transitions": [
        {"transition": "move", "from": "waiting", "event": "motion", "to": "waiting", "set": {"rounds": "rounds + 1"}},
        {"transition": "drop", "from": "waiting", "event": "lapse", "to": "dropped"},
        {"transition": "finish", "from": "waiting", "to": "done"},
    ],
    "events": {"motion": {"while": ["waiting"]}, "lapse": {"while": ["waiting"]}},
}


def venues(**more: object) -> Mapping:
    """Return a scenario of two courts: five cases wait in the north, none in the south; a motion comes on the second day."""
    scenario: Mapping = {
        "scenario": "venues",
        "workflow": WORKFLOW,
        "starts": STARTS,
        "ends": STARTS + dt.timedelta(days=9),
        "courts": {"north": {"backlog": {"waiting": 5}}, "south": {}},
        "pools": {"clerks": {"at": "court", "size": 1}},
        "activities": {"serve": {"pool": "clerks", "takes": {"by": "court", "north": "20 hours", "south": "5 hours"}}},
        "events": {"motion": {"at": "30 hours"}},
        "transfers": {"move": {"by": "court", "north": {"south": 1}}},
    }
    return scenario | more


def both(scenario: Mapping, seed: int = 1) -> EventLog:
    """Run a scenario on both engines, compare, and check the invariants of the log."""
    path = SamplePath(seed, 1)
    plan = make_plan(loaded(scenario), path)
    log = simpy_engine.simulate(plan, path)
    check_log(log)
    assert_same(log, compiled_engine.simulate(plan, path))
    return log


def test_a_case_waits_and_is_served_at_the_other_court() -> None:
    """At 30 hours all four that are open go south, where the work takes 5 hours; the work in hand begins again there."""
    log = both(venues())
    done = np.flatnonzero(log.columns["to_state"] == 1)
    ends = [(int(c), t / HOUR) for c, t in zip(log.columns["case_id"][done], log.columns["happened_at"][done], strict=True)]
    assert ends == [(0, 20), (1, 35), (2, 40), (3, 45), (4, 50)]
    assert log.transfers[:, 1].tolist() == [1] * 4
    assert log.court_at(done).tolist() == [0, 1, 1, 1, 1]


def test_measures_count_a_case_where_it_is() -> None:
    """One disposal in the north, four in the south; four transfers; no inflow; pending at the end of each day."""
    log = both(venues())
    days = [STARTS + dt.timedelta(days=k) for k in range(3)]
    values = {(v.measure, v.court, v.at): v.value for v in measure(log, days)}
    pending = [[values["pending", court, day] for court in ("north", "south", "all")] for day in days]
    assert pending == [[4, 0, 4], [0, 1, 1], [0, 0, 0]]
    found = {
        name: [values[name, court, days[2]] for court in ("north", "south", "all")]
        for name in ("transfers_in", "transfers_out", "disposals", "inflow")
    }
    assert found == {"transfers_in": [0, 4, 4], "transfers_out": [4, 0, 4], "disposals": [1, 4, 5], "inflow": [0, 0, 0]}


def test_the_daily_series_is_that_of_the_measure() -> None:
    """Pending by day and court, counted from rows, equals pending counted from states."""
    log = both(venues())
    days = [STARTS + dt.timedelta(days=k) for k in range(10)]
    values = {(v.measure, v.court, v.at): v.value for v in measure(log, days)}
    series = measure(log).daily
    for k, day in enumerate(series.days.tolist()):
        for j, court in enumerate(series.courts):
            assert series.values[k, j] == values["pending", court, day]


def test_the_share_of_courts_is_drawn_by_case() -> None:
    """Six in ten of those who move go on to the third court, the others to the second; those of the second stay."""
    shares = {"by": "court", "north": {"south": 0.4, "west": "rest"}}
    courts = {"north": {"backlog": {"waiting": 400}}, "south": {"backlog": {"waiting": 50}}, "west": {}}
    takes = {"serve": {"pool": "clerks", "takes": "20 hours"}}
    log = both(venues(transfers={"move": shares}, courts=courts, activities=takes))
    assert len(log.transfers) == 399
    assert np.bincount(log.transfers[:, 1], minlength=3)[1:] / 399 == pytest.approx([0.4, 0.6], abs=0.08)
    assert set(log.cases.court[log.columns["case_id"][log.transfers[:, 0]]].tolist()) == {0}


def test_a_case_may_go_to_and_fro() -> None:
    """Each motion moves every open case to the other court; its draws stay its own."""
    transfers = {"move": {"by": "court", "north": {"south": 1}, "south": {"north": 1}}}
    log = both(venues(transfers=transfers, events={"motion": {"at": ["30 hours", "33 hours"]}}))
    done = np.flatnonzero(log.columns["to_state"] == 1)
    assert [t / HOUR for t in log.columns["happened_at"][done]] == [20, 53, 73, 93, 113]
    assert log.court_at(done).tolist() == [0] * 5


@pytest.mark.parametrize("wrong", ["stays", "unknown", "lost"])
def test_a_log_with_a_wrong_transfer_is_noticed(wrong: str) -> None:
    """A transfer that leads nowhere, that no transition makes, or without which a court has more work than clerks."""
    log = both(venues(pools={"clerks": {"at": "court", "size": {"north": 1, "south": 2}}}))
    moves = log.transfers.copy()
    if wrong == "stays":
        moves[0, 1] = 0
    elif wrong == "unknown":
        moves[0, 0] = np.flatnonzero(log.columns["to_state"] == 1)[0]
    else:
        moves = moves[2:]
    with pytest.raises(BrokenInvariant):
        check_log(EventLog(log.cases, log.labels, log.columns, log.resized, log.further, moves))


@settings(SOME, max_examples=12)
@given(pressed(scenarios()), st.integers(0, 99))
def test_measures_conserve_the_cases_of_each_court(scenario: Mapping, seed: int) -> None:
    """Pending cases are those at the start, plus inflow and transfers in, less disposals and transfers out, on each day."""
    log = run(loaded(scenario), seed)
    check_log(log)
    described, cases = log.cases.scenario, log.cases
    off = [k for k, s in enumerate(described.workflow.states.values()) if s.kind in (StateKind.FINAL, StateKind.RESTING)]
    began = (cases.origin == ORIGINS.index("backlog")) & ~np.isin(cases.state, off)
    values = {(v.measure, v.court, v.at): v.value or 0 for v in measure(log, DAYS)}
    for k, court in enumerate(described.courts):
        for day in DAYS:
            at = {
                name: values.get((name, court, day), 0)
                for name in ("inflow", "transfers_in", "disposals", "transfers_out", "pending")
            }
            start = int((began & (cases.court == k)).sum())
            assert at["pending"] == start + at["inflow"] + at["transfers_in"] - at["disposals"] - at["transfers_out"]


def test_a_transfer_hangs_on_a_transition_that_leads_somewhere_in_one_policy() -> None:
    """In the second policy the transition has no `to:`. It is refused only if no policy has one to a state that is not final."""
    first, *others = WORKFLOW["transitions"]
    stays = {**WORKFLOW, "workflow": "stays", "transitions": [{k: v for k, v in first.items() if k != "to"}, *others]}
    policies = [{"from": STARTS + dt.timedelta(days=2), "workflow": stays, "in_flight": "at_next_decision"}]
    assert list(loaded(venues(policies=policies)).transfers) == ["move"]
    with pytest.raises(InputError, match=r"transfer 'move': the transition has no to:"):
        loaded(venues(workflow=stays))
    with pytest.raises(InputError, match=r"transfer 'finish': the transition ends the case, in 'done'"):
        loaded(venues(transfers={"finish": {"south": 1}}))
