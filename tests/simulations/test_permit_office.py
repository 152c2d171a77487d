"""The permit office, written from the documentation alone: a workflow, its rules and a scenario side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulations import load_scenario, run
from tests.simulations.both_engines import compare
from workflow.auditing.audit import audit
from workflow.auditing.log_files import read_log
from workflow.loading.rule_files import load_rules

FOLDER = Path(__file__).parents[1] / "permit_office"


def test_both_engines_run_it_as_it_is() -> None:
    """The arrivals have a calendar, a deadline comes every 30 days, and an examination gives two fields."""
    compare(load_scenario(FOLDER / "permit_office_scenario.yaml"), seed=1)


@pytest.mark.filterwarnings("ignore:pool 'clerks' has at_shift_end")
def test_its_run_keeps_its_rules(tmp_path: Path) -> None:
    """The four rules without a clock hold for every case; the deadline of 90 days holds under the scenario's clock."""
    run(FOLDER / "permit_office_scenario.yaml", replications=1, seed=1, out=tmp_path / "run")
    workflow, rules = load_rules(FOLDER / "permit_office.rules.yaml")
    report = audit(read_log(tmp_path / "run", workflow), rules)
    assert [rule.verdict for rule in report.rules[:4]] == ["kept"] * 4
    assert report.rules[4].verdict in ("kept", "open")
    assert (len(report.not_allowed), len(report.moves_unjudged)) == (0, 0)
