"""The scripts that a researcher copies: what they print, on a fraction of their cases, of one replication too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from simulations import Scenario, load_scenario
from simulations.running.recorded import read_result
from simulations.studies import docket, nationwide
from simulations.tables.formatting import format_estimate
from tests.simulations.test_docket import SMALL
from tests.simulations.test_nationwide import scaled_down


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run it from an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("replications", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_nationwide_tells_published_figures_misses_and_how_far_september_reaches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], replications: int
) -> None:
    """A line for each published figure; intervals where there are two replications or more."""
    whole = load_scenario("nationwide").plain()
    small: Any = load_scenario(scaled_down(whole, 200))
    monkeypatch.setattr(nationwide, "load_scenario", lambda name: small)
    nationwide.main(replications)
    (folder,) = Path("runs").iterdir()
    result = read_result(folder)
    printed = capsys.readouterr().out
    assert printed.startswith(f"32 courts, {replications} replications. Calibrated on figures up to 2012-05-29 alone.")
    for figure in small.published:
        (line,) = (
            x for x in printed.splitlines() if x.startswith(figure.measure) and f" {figure.court} " in x and str(figure.at) in x
        )
        assert f"{figure.value:,}" in line
        assert "%" in line
        assert line.endswith(f" {format_estimate(result.get(figure.measure, figure.court, figure.at))}")
    for measure in ("pending", "reviewed", "closed"):
        assert f"\n{measure:<10} " in printed.partition("At 2012-09-30")[2]
        assert f"mean {format_estimate(result.get(measure))}   one run " in printed
    assert printed.count("one run -") == (3 if replications == 1 else 0)
    assert printed.count("   one run ") == 3
    assert "None" not in printed
    assert "nan" not in printed.lower()


@pytest.mark.parametrize("replications", [1, 2])
def test_docket_prints_the_next_free_date_by_year_for_each_plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], replications: int
) -> None:
    """With one judge in each region the calendars stay full; with ten from 2025 on the next date is free within weeks."""

    def small(name: str, changes: Sequence[str]) -> Scenario:
        return load_scenario(name, [*SMALL[:-1], "ends=2027-09-30", *changes])

    monkeypatch.setattr(docket, "load_scenario", small)
    monkeypatch.setattr(docket, "YEARS", range(2024, 2028))
    plans = {"few": [], "many": [docket.sizes((1, 1, 1, 1, 1), (10, 10, 10, 10, 10))]}
    monkeypatch.setattr(docket, "PLANS", plans)
    docket.main(replications)
    few, many = capsys.readouterr().out.splitlines()[2:]
    assert few.startswith("few")
    assert " soon by " not in few
    assert many.endswith("soon by 2027-09-30") or many.endswith("soon by 2026-09-30")
    assert (" ± " in few or " to " in few) == (replications == 2)
