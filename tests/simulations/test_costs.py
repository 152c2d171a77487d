"""What a run costs, and who waits longest, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulations import run
from tests.simulations.fixed_draws import FixedDraws, measured, planned, play
from workflow.errors import InputError

DESK = """
workflow: desk
facts: {kind: {enum: [plain, odd, rare], default: plain}}
activities: {serve: {}}
states: {queue: {activity: serve}, done: {final: true}}
transitions: [{transition: finish, from: queue, to: done}]
entry: {states: [queue]}
measures: [{measure: served, cases: finish}]
"""
WEEK = """
starts: 2024-01-01
ends: 2024-01-31
calendars: {office: {hours: {mon-fri: "09:00-17:00"}, holidays: US}}
courts: {desk: {backlog: {queue: 6}}}
pools: {clerks: {at: court, size: 2, calendar: office, at_shift_end: finish}, guards: {size: 1}}
activities: {serve: {pool: clerks, takes: GIVEN}}
costs:
  currency: USD
  pools: {clerks: 50 per hour, guards: 240 per day}
  activities: {serve: 7}
  per: [served]
"""


def test_people_are_paid_for_their_shifts_and_overtime_and_work_by_the_piece(tmp_path: Path) -> None:
    """In January 2024 there are 21 working days: two clerks at 50 for 8 hours each, and three hours of overtime; a guard at 10 for 31 days; six cases at 7."""
    log = play(tmp_path, DESK, WEEK, FixedDraws({"activity:serve": {0: 11}}))
    found = measured(log)
    clerks, guard, pieces = 50 * (2 * 8 * 21 + 3), 10 * 24 * 31, 6 * 7
    assert found["overtime.clerks"] == 3
    assert found["cost.clerks"] == pytest.approx(clerks)
    assert found["cost.guards"] == pytest.approx(guard)
    assert found["cost.serve"] == pieces
    assert found["cost"] == pytest.approx(clerks + guard + pieces)
    assert found["cost_per.disposal"] == found["cost_per.served"] == pytest.approx((clerks + guard + pieces) / 6)
    # Pending fell by all six disposals of 31 days: by 31 days' worth of disposals, which are 31 / (365.25 / 12) months.
    assert found["cost_per.month_of_backlog"] == pytest.approx((clerks + guard + pieces) / (31 / (365.25 / 12)))
    assert found["clearance_rate"] is None


def test_who_waits_longest_is_told_with_the_ratio_to_who_waits_least(tmp_path: Path) -> None:
    """Odd cases are served last: their mean wait over the plain ones', in each replication."""
    scenario = WEEK.replace("size: 2,", "size: 1, order: {by: kind, odd: 2, rare: 1, plain: 0},")
    planned(tmp_path, DESK, scenario + "people: {kind: {plain: 0.5, odd: 0.4, rare: 0.1}}", FixedDraws())
    changes = [
        "activities.serve.takes={exponential: {mean: 3 hours}}",
        "courts.desk.backlog.queue=40",
        "pools.clerks.at_shift_end=suspend",
    ]
    from simulations import load_scenario

    result = run(load_scenario(tmp_path / "told.yaml", changes), replications=4, by=["kind"], out=tmp_path / "out")
    (contrast,) = [c for c in result.contrasts if c.measure == "waiting_time.serve.mean"]
    assert (contrast.slowest, contrast.fastest, contrast.by) == ("odd", "plain", "kind")
    assert contrast.low is not None
    assert contrast.low <= contrast.ratio
    assert contrast.ratio > 2
    assert "contrasts" in result.json()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clerks: 50 per hour", "clerks: 50", r"12:21: costs: clerks: '?50'? is not a rate|12:\d+: costs: clerks: "),
        (
            "guards: 240 per day",
            "guard: 240 per day",
            r"12:\d+: costs: pools: 'guard' is not a pool. Did you mean 'guards'\?",
        ),
        (
            "serve: 7",
            "sevre: 7",
            r"13:\d+: costs: activities: 'sevre' is not an activity of the scenario. Did you mean 'serve'\?",
        ),
        (
            "[served]",
            "[serve]",
            r"14:\d+: costs: per: 'serve' is not a measure that counts cases. Did you mean 'served'\?",
        ),
    ],
)
def test_a_cost_of_something_that_does_not_exist_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    """With its place and what could have been meant."""
    with pytest.raises(InputError, match=message):
        planned(tmp_path, DESK, WEEK.replace(old, new), FixedDraws())
