"""A pool that reopens with fewer servers: golden sequences of interrupted work, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simulations import SamplePath, load_scenario, make_plan
from simulations import run as run_scenario
from simulations.engines import compiled_engine, simpy_engine
from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.invariants import BrokenInvariant, check_log
from simulations.measuring.measures import measure
from simulations.run_folder.views import query_run
from simulations.timing.clock import MICROSECONDS_PER_DAY
from tests.simulations.both_engines import assert_same
from workflow.auditing.log_files import read_log

DESK = """
workflow: desk
facts: {urgent: {type: boolean, default: false}}
record: {marked: {type: boolean}}
activities: {serve: {}, help: {}}
states: {queue: {activity: serve}, counter: {activity: help}, served: {final: true}, gone: {final: true}}
transitions:
  - {transition: finish, from: [queue, counter], to: served}
  - {transition: leave, from: [queue, counter], event: impatience, to: gone}
events: {impatience: {while: [queue, counter]}, mark: {while: any, set: {marked: true}}}
entry: {states: [queue, counter]}
rules:
  - {rule: finished_or_gone, never: once(finish) and once(leave)}
"""
# Work of ten days. The calendar closes at noon of day 12 and opens again on day 17 with one server instead of four.
OFFICE = """
scenario: reopening
workflow: desk.yaml
starts: 2022-01-01
ends: 2022-01-28
calendars:
  c: {hours: {mon-sun: "00:00-24:00"}, closed: [2022-01-14 to 2022-01-17], open: {2022-01-13: "00:00-12:00"}}
pools: {servers: {size: {2022-01-01: 4, 2022-01-14: 1}, calendar: c, at_shift_end: suspend}}
arrivals: {visitors: {interarrival: 3 days, into: queue}}
events: {impatience: {after: 1000 days}}
activities: {serve: {pool: servers, takes: 240 hours}, help: {pool: servers, takes: 1 hour, priority: -1}}
"""

Piece = tuple[int, str, float, float | None, float]
Run = Callable[..., EventLog]


@pytest.fixture(params=["simpy", "compiled"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Run the office with changes on one engine, and check the invariants of its log."""

    def run_it(*changes: str) -> EventLog:
        (tmp_path / "desk.yaml").write_text(DESK, encoding="utf-8")
        (tmp_path / "office.yaml").write_text(OFFICE, encoding="utf-8")
        path = SamplePath(1, 1)
        plan = make_plan(load_scenario(tmp_path / "office.yaml", changes), path)
        engine = {"simpy": simpy_engine, "compiled": pytest.importorskip("numba") and compiled_engine}[request.param]
        log: EventLog = engine.simulate(plan, path)
        check_log(log)
        assert_same(log, simpy_engine.simulate(plan, path))
        return log

    return run_it


def pieces(log: EventLog) -> list[Piece]:
    """Return case, cause, enabled, started and end of each part of work that a server did, in days."""
    names = ("case_id", "cause", "enabled_at", "started_at", "happened_at")
    parts = []
    for case, cause, *times in zip(*(log.columns[name].tolist() for name in names), strict=True):
        enabled, started, ended = (None if t == NEVER else t / MICROSECONDS_PER_DAY for t in times)
        if started is not None and log.labels.cause[cause] != "horizon":
            parts.append((case, log.labels.cause[cause], enabled, started, ended))
    return parts  # type: ignore[return-value]


def measures(log: EventLog) -> dict[str, float]:
    """Return the measures of all courts at the end of the run."""
    return {table.measure: float(table.values[-1, 0]) for table in measure(log).tables}


def test_only_the_work_that_started_first_resumes_and_the_others_follow_in_order(run: Run) -> None:
    """Half a day of the first is left: it ends on day 17.5; then 3.5 days to 21, and 6.5 days to 27.5."""
    assert pieces(run()) == [
        (1, "interrupted", 6, 6, 17),
        (2, "interrupted", 9, 9, 17),
        (3, "interrupted", 12, 12, 17),
        (0, "complete", 3, 3, 17.5),
        (1, "complete", 17, 17.5, 21),
        (2, "complete", 17, 21, 27.5),
    ]


def test_interrupted_work_has_no_completion_and_keeps_its_state(run: Run) -> None:
    """Its row names the activity, the pool and the server, and takes no transition."""
    log = run()
    row = next(row for row in log.rows() if row["cause"] == "interrupted")
    assert (row["transition"], row["completed_at"], row["from_state"], row["to_state"]) == (None, None, "queue", "queue")
    assert (row["activity"], row["pool"], row["server"]) == ("serve", "servers", 1)


def test_the_parts_of_one_work_add_up(run: Run) -> None:
    """Cases 0, 1, 2 waited 0, 0.5 and 4 days, and were served for 14.5, 14.5 and 14.5 days, closed days included."""
    values = measures(run())
    assert values["waiting_time.serve.mean"] == pytest.approx((0 + 0.5 + 4 + 10.5) / 4)
    assert values["processing_time.serve.mean"] == pytest.approx((14.5 + (11 + 3.5) + (8 + 6.5)) / 3)
    assert values["utilisation.servers"] == pytest.approx((9.5 + 6.5 + 3.5 + 0.5 + 11) / (12.5 * 4 + 11))
    assert values["overtime.servers"] == 0


def test_a_wait_after_an_interruption_is_capacity(run: Run) -> None:
    """From the reopening on day 17 the four wait for 0, 0.5, 4 and 10.5 days; they had not waited before."""
    found = measures(run())
    parts = {
        name.rpartition(".")[2]: value for name, value in found.items() if name.startswith("waiting_reason.serve.") and value
    }
    assert parts == {"capacity": pytest.approx((0 + 0.5 + 4 + 10.5) / 4)}
    assert found["waiting_capacity.serve.no_free_server"] == pytest.approx(parts["capacity"])


def test_equal_starts_resume_by_case_number(run: Run) -> None:
    """Four cases start at once, with 1.5 days of work left at the reopening."""
    log = run("arrivals.visitors={at: [1 days, 1 days, 1 days, 1 days], into: queue}", "activities.serve.takes=312 hours")
    done = [(case, ended) for case, cause, _, _, ended in pieces(log) if cause == "complete"]
    assert done == [(0, 18.5), (1, 20), (2, 21.5), (3, 23)]


def test_interrupted_work_goes_before_new_work_of_its_priority_only(run: Run) -> None:
    """A case of higher priority that comes on day 17.2 is served on day 17.5, before the second case resumes."""
    log = run("arrivals.urgent={at: [17.2 days], into: counter}", "arrivals.early={at: [13 days], into: queue}")
    started = [piece[3] for piece in pieces(log) if piece[3] is not None and piece[3] >= 17]
    assert started == [17.5, 17.5 + 1 / 24, 21 + 1 / 24]


def test_interrupted_work_uses_no_new_slot(run: Run) -> None:
    """One slot a day: two new cases start on days 17.5 at the earliest; the interrupted ones resume without it."""
    log = run("pools.servers.slots=1", "pools.servers.size={2022-01-01: 4, 2022-01-14: 1, 2022-01-19: 4}")
    resumed = [(case, started) for case, _, enabled, started, _ in pieces(log) if enabled == 17]
    assert resumed == [(1, 17.5), (2, 18), (3, 18)]


def test_a_size_of_zero_interrupts_all_work(run: Run) -> None:
    """No work resumes while the pool has no server."""
    log = run("pools.servers.size={2022-01-01: 4, 2022-01-14: 0}")
    assert [cause for _, cause, *_ in pieces(log)] == ["interrupted"] * 4


def test_a_smaller_size_within_an_interval_interrupts_no_work(run: Run) -> None:
    """In one interval without an end all four go on."""
    log = run("pools.servers={size: {2022-01-01: 4, 2022-01-14: 1}}")
    assert [cause for _, cause, *_ in pieces(log)][:4] == ["complete"] * 4


@pytest.mark.parametrize("rule", ["finish", "fit"])
def test_only_suspended_work_is_interrupted(run: Run, rule: str) -> None:
    """Work in overtime is still in progress at the opening, and is finished."""
    assert "interrupted" not in {cause for _, cause, *_ in pieces(run(f"pools.servers.at_shift_end={rule}"))}


def test_a_case_may_leave_while_its_work_is_interrupted(run: Run) -> None:
    """It leaves the queue; an event for waiting cases only does not concern it, since its work has started."""
    log = run("events.impatience={at: 2022-01-20}", "events.mark={at: 2022-01-19, only: waiting}")
    rows = [(r["case_id"], r["cause"], r["started_at"] is None) for r in log.rows() if r["cause"] in ("impatience", "mark")]
    assert rows == [
        (4, "mark", True), (1, "impatience", False), (2, "impatience", True),
        (3, "impatience", True), (4, "impatience", True), (5, "impatience", True),
    ]  # fmt: skip


def test_more_work_than_servers_at_an_opening_breaks_an_invariant(run: Run) -> None:
    """A log in which all four go on is an error in the engine."""
    log = run("pools.servers={size: {2022-01-01: 4, 2022-01-14: 1}, calendar: c, at_shift_end: finish}")
    object.__setattr__(log.cases.scenario.pools["servers"], "at_shift_end", "suspend")
    with pytest.raises(BrokenInvariant, match="more work of 'servers' resumes than it has servers"):
        check_log(log)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Run the office to a run folder."""
    (tmp_path / "desk.yaml").write_text(DESK, encoding="utf-8")
    (tmp_path / "office.yaml").write_text(OFFICE, encoding="utf-8")
    run_scenario(tmp_path / "office.yaml", replications=1, out=tmp_path / "run")
    return tmp_path / "run"


def test_views_for_other_tools_have_no_step_for_an_interruption(folder: Path) -> None:
    """The views of pm4py and OCEL leave the row out; vidigi's has the end of each part of work, once."""
    with query_run(folder, "select count(*) from pm4py.log where \"concept:name\" = 'interrupted'") as answer:
        assert list(answer.rows) == [(0,)]
    with query_run(folder, "select ocel_type from ocel.event_map_type") as answer:
        assert list(answer.rows) == [("finish",)]
    with query_run(folder, "select count(*) from vidigi.event_log where event_type = 'resource_use_end'") as answer:
        assert list(answer.rows) == [(6,)]


def test_the_audit_of_a_run_folder_takes_no_step_from_an_interruption(folder: Path) -> None:
    """Nothing is unknown to the workflow, and only the transitions that were taken are left."""
    scenario = load_scenario(folder.parent / "office.yaml")
    log = read_log(folder, scenario.workflow)
    assert len(log) == 3
    assert not np.any(log.unknown)
