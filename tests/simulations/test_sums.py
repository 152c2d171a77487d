"""What must add up in every run: times to ages, cases present to stays, groups and costs to the whole."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations.log.eventlog import NEVER, order_of
from simulations.measuring import frame as frames
from simulations.measuring import lengths, standing
from simulations.measuring.descriptors import BREAKDOWNS, WAITING, WAITING_FOR
from simulations.measuring.measured import Measured, Value
from simulations.measuring.measures import group_cases, measure
from simulations.measuring.sums import ExactSums, add_up
from tests.simulations.pressed import pressed
from tests.simulations.random_scenarios import Mapping, loaded, run, scenarios
from tests.simulations.stays import History
from tests.simulations.test_properties import FEW, SOME
from workflow.model.definition import StateKind

GROUP = "newly_come"


def times_in_states(history: History) -> list[dict[str, int]]:
    """Return the time of each case in each state: from enabled to ended for an activity, otherwise from row to row."""
    log = history.log
    left = [max(arrived, 0) for arrived in log.cases.arrived.tolist()]
    spent: list[dict[str, int]] = [defaultdict(int) for _ in left]
    for row in history.rows:
        case, at, state = row["case_id"], row["happened_at"], row["from_state"]
        if row["enabled_at"] != NEVER:
            spent[case][state] += at - row["enabled_at"]
        elif history.workflow.states[state].activity is None:
            spent[case][state] += at - left[case]
        left[case] = at
    return spent


@pytest.mark.parametrize("n", [1, 200, 256, 257, 60_000, 65_536, 65_537, 5_000_000, 2**33])
def test_rows_with_equal_codes_keep_their_order(n: int) -> None:
    """Whatever the number of codes: below and above the widths of integers that are sorted at once."""
    codes = np.random.default_rng(7).integers(0, n, 3_000)
    codes = np.concatenate([codes, codes[::2], [n - 1, 0]])
    assert order_of(codes, n).tolist() == np.argsort(codes, kind="stable").tolist()


@SOME
@given(scenarios() | pressed(scenarios()))
def test_times_in_states_sum_to_the_age_of_a_case(scenario: Mapping) -> None:
    """The age at the last row, or at the end of the run, counted from the start of the run or from arrival."""
    history = History(run(loaded(scenario)))
    begun = [max(arrived, 0) for arrived in history.log.cases.arrived.tolist()]
    last = {row["case_id"]: row["happened_at"] for row in history.rows}
    spent = [sum(times.values()) for times in times_in_states(history)]
    assert spent == [last[case] - begin for case, begin in enumerate(begun)]


@SOME
@given(scenarios() | pressed(scenarios()))
def test_littles_law_holds_for_each_state(scenario: Mapping) -> None:
    """The integral of the number of cases present equals the sum of their stays, for each state and in total."""
    history = History(run(loaded(scenario)))
    cases, states = history.log.cases, list(history.workflow.states)
    changes = [(max(at, 0), states[s], 1) for at, s in zip(cases.arrived.tolist(), cases.state.tolist(), strict=True)]
    for row in history.rows:
        changes += [(row["happened_at"], row["from_state"], -1), (row["happened_at"], row["to_state"], 1)]
    present: dict[str, int] = defaultdict(int)
    over_time: dict[str, int] = defaultdict(int)
    before = 0
    for at, state, change in sorted(changes):
        for name in states:
            over_time[name] += present[name] * (at - before)
        before = at
        present[state] += change
    stays = times_in_states(history)
    for name, state in history.workflow.states.items():
        if state.kind is not StateKind.FINAL:
            assert over_time[name] == sum(times[name] for times in stays)


@FEW
@given(scenarios())
def test_flows_groups_and_costs_sum_to_totals(scenario: Mapping) -> None:
    """Initial pending plus inflow equals pending plus disposals; courts and groups sum to all cases; costs sum to the total."""
    pools, work = list(scenario["pools"]), list(scenario["activities"])
    priced = {
        "currency": "EUR",
        "pools": {pool: f"{10 + k} per hour" for k, pool in enumerate(pools)},
        "activities": dict.fromkeys(work, 2.5),
    }
    defined = {GROUP: 'arrived > date("2024-01-03")'}
    workflow = {**scenario["workflow"], "define": defined}
    policies = [{**p, "workflow": {**p["workflow"], "define": defined}} for p in scenario["policies"]]
    frame = loaded({**scenario, "workflow": workflow, "policies": policies, "costs": priced})
    log = run(frame)
    days = (frame.starts, None)
    groupings = ("origin", "court", GROUP, *frame.workflow.facts)
    values = measure(log, days, [group_cases(log.cases, by) for by in groupings])
    value_of = {(v.measure, v.court, v.by, v.group, v.at): v.value or 0.0 for v in values}
    off = {StateKind.FINAL, StateKind.RESTING}
    states = list(frame.workflow.states.values())
    for court in ("all", *frame.courts):
        here = np.ones(len(log.cases), bool) if court == "all" else log.cases.court == frame.courts.index(court)
        at_start = sum(states[s].kind not in off for s in log.cases.state[here & (log.cases.origin == 0)].tolist())
        for day in days:
            taken = [value_of[name, court, None, None, day] for name in ("inflow", "disposals", "pending")]
            assert at_start + taken[0] == taken[1] + taken[2]
    queues = [name for name in work if "pool" in scenario["activities"][name]]
    counted = ["pending", "unfinished", "inflow", "disposals"]
    counted += [*(f"cost.{name}" for name in work), *(f"still_waiting.{name}" for name in queues)]
    for name in counted:
        whole = value_of[name, "all", None, None, None]
        assert sum(value_of[name, c, None, None, None] for c in frame.courts) == pytest.approx(whole)
        for by in groupings:
            parts = [value for key, value in value_of.items() if key[:3] == (name, "all", by) and key[4] is None]
            assert sum(parts) == pytest.approx(whole)
    costs = [value_of[f"cost.{name}", "all", None, None, None] for name in (*pools, *work)]
    assert value_of["cost", "all", None, None, None] == pytest.approx(sum(costs))
    if value_of["disposals", "all", None, None, None]:
        each = value_of["cost_per.disposal", "all", None, None, None]
        assert each * value_of["disposals", "all", None, None, None] == pytest.approx(sum(costs))
    _parts_add_up(values, queues)


def _parts_add_up(values: Any, queues: list[str]) -> None:
    """The mean wait of each court and each group is the sum of its parts by reason, and of those by clock; or by the pool that was short."""
    found: dict[Any, dict[str, Value]] = defaultdict(dict)
    for value in values:
        kind, _, part = value.measure.partition(".")
        found[kind, value.court, value.by, value.group, value.at][part] = value
    means = {key[1:]: parts for key, parts in found.items() if key[0] == WAITING}
    assert not queues or len(means) >= 2 * 3
    for key, of_activities in means.items():
        for name in queues:
            mean = of_activities[f"{name}.mean"].value
            short = [value.value for part, value in found[WAITING_FOR, *key].items() if part.startswith(f"{name}.")]
            if short:  # a queue with teams
                assert {*short} == {None} if mean is None else sum(short) == pytest.approx(mean)
                continue
            parts = {
                k: [found[k, *key][f"{name}.{part}"].value for part in BREAKDOWNS[k] if f"{name}.{part}" in found[k, *key]]
                for k in BREAKDOWNS  # a part for hearing dates is there only where work has them
            }
            if mean is None:
                assert {value for each in parts.values() for value in each} == {None}
                continue
            assert sum(parts["waiting_reason"]) == pytest.approx(sum(parts["waiting_clock"])) == pytest.approx(mean)
            assert sum(parts["waiting_capacity"]) == pytest.approx(parts["waiting_reason"][-1])


@FEW
@given(scenarios() | pressed(scenarios()))
def test_measuring_in_parts_gives_the_same_values(scenario: Mapping) -> None:
    """One day at a time, one activity at a time, one row at a time, and with a search for instants."""
    frame = loaded(scenario)
    log = run(frame)
    days = (None, *(frame.starts + dt.timedelta(days=k) for k in range(0, 8, 3)))
    groupings = [group_cases(log.cases, by) for by in ("origin", "court")]
    together = measure(log, days, groupings)
    expected = _measured_rows(together)
    alone = [row for day in days for row in _measured_rows(measure(log, (day,), groupings))]
    assert sorted(alone) == sorted(expected)
    with patch.object(lengths, "_ROWS_AT_ONCE", 1), patch.object(standing, "_ROWS_AT_ONCE", 1), patch.object(frames, "_FEW", 0):
        in_parts = measure(log, days, groupings)
    assert _measured_rows(in_parts) == expected
    assert np.array_equal(in_parts.daily.values, together.daily.values)


def _measured_rows(measured: Measured) -> list[str]:
    """Return each measure on each day as text, with all digits."""
    return [f"{t.measure} {t.by} {t.at} {t.values.tolist()}" for t in measured.tables]


@given(st.lists(st.tuples(st.integers(0, 5), st.one_of(st.integers(0, 9), st.integers(0, 2**62))), max_size=40))
def test_integer_sums_are_exact(numbers: list[tuple[int, int]]) -> None:
    """By slot with a row for all courts, and when more is added to them; also beyond 64 bits."""
    place, weights = (np.array([pair[k] for pair in numbers], np.int64) for k in (0, 1))
    sums = [sum(w for p, w in numbers if p == k) for k in range(6)]
    by_court = [sums[0:2], sums[2:4], sums[4:6]]
    assert add_up(place, (3, 2), weights).tolist() == [*by_court, [sum(sums[0::2]), sum(sums[1::2])]]
    added = ExactSums(6)
    for part in (slice(0, 7), slice(7, None)):
        added.add(place[part].astype(np.int32), weights[part])
    assert added.total().tolist() == sums
    assert add_up(place, (6, 1))[:-1, 0].tolist() == np.bincount(place, minlength=6).tolist()
