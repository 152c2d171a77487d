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


def test_costs_are_paid_shifts_overtime_and_completed_work(tmp_path: Path) -> None:
    """January 2024: two clerks at 50 an hour, 21 days of 8 hours, and 3 hours of overtime; a guard at 10, 31 days; 6 cases at 7."""
    log = play(tmp_path, DESK, WEEK, FixedDraws({"activity:serve": {0: 11}}))
    values = measured(log)
    clerks, guard, pieces = 50 * (2 * 8 * 21 + 3), 10 * 24 * 31, 6 * 7
    assert values["overtime.clerks"] == 3
    assert values["cost.clerks"] == pytest.approx(clerks)
    assert values["cost.guards"] == pytest.approx(guard)
    assert values["cost.serve"] == pieces
    assert values["cost"] == pytest.approx(clerks + guard + pieces)
    assert values["cost_per.disposal"] == values["cost_per.served"] == pytest.approx((clerks + guard + pieces) / 6)
    # Pending fell by all six disposals of 31 days: by 31 days' worth of disposals, which are 31 / (365.25 / 12) months.
    assert values["cost_per.month_of_backlog"] == pytest.approx((clerks + guard + pieces) / (31 / (365.25 / 12)))
    assert values["clearance_rate"] is None


def test_contrasts_have_the_ratio_of_the_longest_to_the_shortest_time_of_a_group(tmp_path: Path) -> None:
    """Odd cases are served last. The ratio is their mean wait over that of plain cases, in each replication."""
    scenario = WEEK.replace("size: 2,", "size: 1, order: {by: kind, odd: 2, rare: 1, plain: 0},")
    planned(tmp_path, DESK, scenario + "people: {kind: {plain: 0.5, odd: 0.4, rare: 0.1}}", FixedDraws())
    changes = [
        "activities.serve.takes={exponential: {mean: 3 hours}}",
        "courts.desk.backlog.queue=40",
        "pools.clerks.at_shift_end=suspend",
    ]
    from simulations import load_scenario

    result = run(load_scenario(tmp_path / "given.yaml", changes), replications=4, by=["kind"], out=tmp_path / "out")
    (contrast,) = [c for c in result.contrasts if c.measure == "waiting_time.serve.mean"]
    assert (contrast.longest, contrast.shortest, contrast.by) == ("odd", "plain", "kind")
    assert contrast.low is not None
    assert contrast.low <= contrast.ratio
    assert contrast.ratio > 2
    assert "contrasts" in result.json()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("clerks: 50 per hour", "clerks: 50", r"12:21: costs: clerks: '?50'? is not a rate|12:\d+: costs: clerks: "),
        ("guards: 240 per day", "guard: 240 per day", r"12:\d+: costs: pools: 'guard' is not a pool. Did you mean 'guards'\?"),
        (
            "serve: 7",
            "sevre: 7",
            r"13:\d+: costs: activities: 'sevre' is not an activity of the scenario. Did you mean 'serve'\?",
        ),
        ("[served]", "[serve]", r"14:\d+: costs: per: 'serve' is not a measure that counts cases. Did you mean 'served'\?"),
    ],
)
def test_the_cost_of_an_unknown_name_is_an_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    """The message has the position in the file and the nearest name."""
    with pytest.raises(InputError, match=message):
        planned(tmp_path, DESK, WEEK.replace(old, new), FixedDraws())
