"""The compiled engine gives the log of the SimPy engine, to the bit."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulations import SamplePath, load_scenario, make_plan, run
from simulations.chance.distributions import make_distribution
from simulations.chance.draws import case_keys
from simulations.checks.validation import CHECKS, FOLDER, GOLDEN, Golden, _golden
from simulations.engines import choosing, compiled_engine
from simulations.engines.compiled_engine import CompiledPath
from simulations.run_folder.database import cursor
from tests.examples import examples
from tests.simulations.both_engines import SOME, any_scenario, assert_same, compare, planned
from tests.simulations.crowds import EXCEPTED, TOGETHER, WITHDRAWN
from tests.simulations.random_scenarios import Mapping, loaded
from workflow.errors import InputError, VisitCap

pytest.importorskip("numba")


@settings(SOME, max_examples=examples(40))
@given(any_scenario(), st.integers(0, 3))
def test_both_engines_give_the_same_log_on_random_scenarios(scenario: Mapping, seed: int) -> None:
    """Forty of them; `test_compiled_many_1` and `_2` have ten thousand."""
    compare(loaded(scenario), seed)


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem[0].isupper()))
def test_both_engines_give_the_same_log_on_every_check(name: str) -> None:
    """Compare the golden cases and the textbook queues."""
    compare(load_scenario(FOLDER / f"{name}.yaml"), 5)


@pytest.mark.parametrize(("name", "changes"), sorted({(c.file, c.changes) for c in (*GOLDEN, *CHECKS) if c.changes}))
def test_both_engines_give_the_same_log_on_every_changed_check(name: str, changes: tuple[str, ...]) -> None:
    """Compare the checks that change a scenario file."""
    compare(load_scenario(FOLDER / f"{name}.yaml", changes), 5)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda g: g.id)
def test_golden_cases_are_exact(golden: Golden) -> None:
    """To the microsecond, as on the other engine."""
    assert _golden(golden, "compiled").ok


@pytest.mark.parametrize("changes", [[], ["pools.reviewers.at_shift_end=fit"], ["workflow=strict-criteria"]])
def test_both_engines_give_the_same_log_of_the_pilot(changes: list[str]) -> None:
    """As it is, with shifts that work must fit into, and under another policy."""
    compare(load_scenario("pilot", changes), 1)


def test_a_waiting_case_starts_when_the_head_of_the_queue_withdraws() -> None:
    """At once, on both engines."""
    scenario = loaded(WITHDRAWN)
    compare(scenario, 1)
    plan, path = planned(scenario, 1)
    signed = [row for row in compiled_engine.simulate(plan, path).rows() if row["activity"] == "sign"]
    assert [row["started_at"] for row in signed] == [dt.datetime(2024, 1, 3, 16, 15)]


def test_cases_that_join_at_one_instant_are_served_by_number_and_new_exceptions_count() -> None:
    """On both engines."""
    scenario = loaded(TOGETHER)
    compare(scenario, 1)
    plan, path = planned(scenario, 1)
    heard = {row["case_id"]: row for row in compiled_engine.simulate(plan, path).rows() if row["activity"] == "hear"}
    assert {case: row["enabled_at"] for case, row in heard.items()} == dict.fromkeys((0, 1), dt.datetime(2024, 1, 3, 10))
    assert [heard[case]["started_at"] for case in (0, 1)] == [dt.datetime(2024, 1, 3, 10), dt.datetime(2024, 1, 5, 10)]


def test_outside_a_suspension_its_exceptions_are_served_by_priority_with_the_others() -> None:
    """On both engines."""
    scenario = loaded(EXCEPTED)
    compare(scenario, 1)
    plan, path = planned(scenario, 1)
    served = [row for row in compiled_engine.simulate(plan, path).rows() if row["completed_at"] is not None]
    assert [row["activity"] for row in served] == ["sign", "hear"]


def test_a_small_buffer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel returns to Python repeatedly, and the log continues where it stopped."""
    scenario, path = load_scenario("pilot", ["courts.denver.backlog.pending.count=300"]), SamplePath(1, 1)
    plan = make_plan(scenario, path)
    whole = compiled_engine.simulate(plan, path)
    monkeypatch.setattr(compiled_engine, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(compiled_engine, "SMALLEST_HEAP", 1)
    assert_same(whole, compiled_engine.simulate(plan, path))


def test_a_run_has_the_same_parts_on_either_engine(tmp_path: Path) -> None:
    """Byte for byte; only the manifest says which engine it was."""
    for engine in ("simpy", "compiled"):
        run("pilot", out=tmp_path / engine, engine=engine)
    for kind in ("cases", "events", "measures"):
        one, two = ((tmp_path / e / kind / "replication=1.parquet").read_bytes() for e in ("simpy", "compiled"))
        assert one == two


def test_a_workflow_of_many_states_has_wider_codes(tmp_path: Path) -> None:
    """A log keeps a byte for each word where it can, and two where there are more of them."""
    n = 140
    workflow = {
        "workflow": "long",
        "activities": {"a": {}},
        "states": {**{f"s{i}": {"instant": True} for i in range(1, n)}, "s0": {"activity": "a"}, "end": {"final": True}},
        "transitions": [{"transition": f"t{i}", "from": f"s{i}", "to": f"s{i + 1}"} for i in range(n - 1)]
        + [{"transition": "last", "from": f"s{n - 1}", "to": "end"}],
        "entry": {"states": ["s0"]},
    }
    scenario = loaded(
        {
            "scenario": "long", "workflow": workflow, "starts": dt.date(2024, 1, 1), "ends": dt.date(2024, 1, 2),
            "courts": {"desk": {"backlog": {"s0": 3}}}, "activities": {"a": {"takes": "1 minute"}},
        }
    )  # fmt: skip
    compare(scenario, 1)
    plan, path = planned(scenario, 1)
    log = compiled_engine.simulate(plan, path)
    assert (log.columns["to_state"].dtype, log.columns["activity"].dtype) == (np.int16, np.int8)
    run(scenario, out=tmp_path / "run", engine="compiled")
    with cursor() as connection:
        written = connection.execute(f"select transition from '{tmp_path}/run/events/*.parquet' order by sequence").fetchall()
    assert [t for (t,) in written] == 3 * [*(f"t{i}" for i in range(n - 1)), "last"]


def test_compiled_code_draws_the_same_bits() -> None:
    """For one visit of all cases, and for a visit each."""
    plain, compiled = SamplePath(3, 7), CompiledPath(3, 7)
    keys = case_keys("denver", "backlog", np.arange(1000))
    for visit in (0, 5, np.arange(1000)):
        for one, two in zip(plain.many(keys, "people:age", visit), compiled.many(keys, "people:age", visit), strict=True):
            assert np.array_equal(one, two)
            assert one.dtype == two.dtype
    assert compiled.bits(int(keys[4]), "people:age", 2) == plain.bits(int(keys[4]), "people:age", 2)


@pytest.mark.parametrize(
    ("cumulative", "values"),
    [
        ((0.3, 1.0), np.array([True, False])),
        ((0.5, 0.5, 0.9, 1.0), np.array([4, 1, 0, 7])),
        ((0.1, 1.0), np.array([0.25, 0.75])),
        ((0.1, 1.0), np.array(["2022-01-01", "2022-01-02"], "datetime64[D]")),
        ((1.0,), np.array([3])),
        (tuple(np.arange(1, 41) / 40), np.arange(40)),
    ],
)
def test_compiled_code_picks_the_same_values(cumulative: tuple[float, ...], values: np.ndarray) -> None:
    """Of any type, with few and with many values, and one with the share 0."""
    keys = case_keys("denver", "backlog", np.arange(1000))
    one, two = (path.pick(keys, "people:age", cumulative, values) for path in (SamplePath(3, 7), CompiledPath(3, 7)))
    assert np.array_equal(one, two)
    assert one.dtype == two.dtype
    assert len(set(one.tolist())) >= len(values) - 1


@pytest.mark.parametrize(
    ("family", "parameters"),
    [
        ("gamma", {"mean": 9, "cv": 0.8}),
        ("normal", {"mean": 34, "sd": 12}),
        ("empirical", {"values": [3, 1, 2]}),
        ("constant", {"value": 5}),
    ],
)
def test_compiled_code_draws_the_same_numbers(family: str, parameters: dict[str, Any]) -> None:
    """From a table of cells, and from given values."""
    keys, distribution = case_keys("denver", "backlog", np.arange(5000)), make_distribution(family, parameters)
    one, two = (path.quantiles(keys, "people:age", distribution) for path in (SamplePath(3, 7), CompiledPath(3, 7)))
    assert one.tobytes() == two.tobytes()


def test_a_case_that_goes_round_and_round_is_reported_with_its_history() -> None:
    """By the readable engine, which comes to the same case."""
    workflow = {
        "workflow": "round",
        "activities": {"a": {}},
        "states": {"one": {"activity": "a"}, "two": {"activity": "a"}, "end": {"final": True}},
        "transitions": [
            {"transition": "there", "from": "one", "to": "two"},
            {"transition": "back", "from": "two", "to": "one"},
            {"transition": "stop", "from": "one", "event": "halt", "to": "end"},
        ],
        "events": {"halt": {"while": ["one"]}},
        "entry": {"states": ["one"]},
    }
    scenario = loaded(
        {
            "scenario": "round", "workflow": workflow, "starts": dt.date(2024, 1, 1), "ends": dt.date(2024, 1, 2),
            "courts": {"desk": {"backlog": {"one": 1}}}, "activities": {"a": {"takes": "1 minute"}},
        }
    )  # fmt: skip
    path = SamplePath(1, 1)
    with pytest.raises(VisitCap, match="Its last moves"):
        compiled_engine.simulate(make_plan(scenario, path), path)


def test_auto_takes_the_engine_that_is_done_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """One replication of the pilot on SimPy if the other engine had to be compiled first, fifty never; hooks always."""
    pilot, small = load_scenario("pilot"), load_scenario("pilot", ["courts.denver.backlog.pending.count=300"])
    for compiled, one in ((True, "compiled"), (False, "simpy")):
        monkeypatch.setattr(compiled_engine, "is_compiled", lambda _, known=compiled: known)
        assert choosing.choose_engine("auto", small, 1, python=False) == "simpy"
        assert choosing.choose_engine("auto", pilot, 1, python=False) == one
        assert choosing.choose_engine("auto", pilot, 50, python=False) == "compiled"
        assert choosing.choose_engine("auto", pilot, 50, python=True) == "simpy"


def test_processes_are_started_where_there_is_work_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each core in a long run, none besides this one in a short one; the runs of a sweep share them."""
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr(compiled_engine, "is_compiled", lambda _: True)
    pilot = load_scenario("pilot")
    workers = [choosing.enough_workers("compiled", pilot, n) for n in (1, 10, 50, 1000)]
    assert workers == [1, 1, 2, 4]
    assert choosing.enough_workers("simpy", pilot, 10) == 4
    assert choosing.enough_workers("simpy", pilot, 2) == 1
    assert choosing.enough_workers("compiled", pilot, 10, runs=20) == 4
    assert choosing.enough_workers("compiled", load_scenario("nationwide"), 2) == 2


def test_hooks_are_refused_by_the_compiled_engine(tmp_path: Path) -> None:
    """With the name of the engine that has them; nothing is written."""
    with pytest.raises(InputError, match="use the engine simpy"):
        run("pilot", out=tmp_path / "out", engine="compiled", hooks={"review": lambda simulation, case: None})
    assert not (tmp_path / "out").exists()


def test_without_numba_auto_says_once_what_would_be_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the compiled engine, asked for, is an error that says what to install."""
    monkeypatch.setattr(compiled_engine, "available", lambda: False)
    pilot = load_scenario("pilot")
    with pytest.warns(UserWarning, match="docketsim\\[fast\\]"):
        assert choosing.choose_engine("auto", pilot, 50, python=False) == "simpy"
    with pytest.raises(InputError, match="docketsim\\[fast\\]"):
        choosing.choose_engine("compiled", pilot, 1, python=False)
