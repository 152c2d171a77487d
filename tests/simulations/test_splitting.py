"""The share of a variance that comes from uncertain inputs, and published figures inside the band."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulations import load_scenario, run
from simulations.running.splitting import Splitter
from simulations.scenarios.format import PublishedEntry
from simulations.statements.of_runs import outside
from tests.office import PERMIT_OFFICE

ALONE = {
    "scenario": "office", "workflow": "permits.yaml", "starts": dt.date(2024, 1, 1), "ends": dt.date(2024, 3, 31),
    "courts": {"north": {"backlog": {"waiting": 40}}},
    "activities": {"examine": {"takes": {"exponential": {"mean": "10 days"}}, "outcome": {"decision": {"grant": 0.5, "refuse": "rest"}}}},
    "uncertain": [{"set": "activities.examine.outcome.decision.grant", "is": {"uniform": {"min": 0.1, "max": 0.9}}}],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the workflow of the office."""
    monkeypatch.chdir(tmp_path)
    Path("permits.yaml").write_text(PERMIT_OFFICE.replace("entry:", "measures: [{measure: granted, cases: grant}]\nentry:"))
    return tmp_path


@pytest.mark.parametrize("true", [0.0, 0.3, 0.8])
def test_the_interval_contains_the_true_share(true: float) -> None:
    """Of 200 intervals of 90 percent at least 167 contain the share (one false alarm in a thousand at 0.90)."""
    draws, hits = np.random.default_rng(4), 0
    for _ in range(200):
        x, noise = draws.standard_normal((2, 40)), draws.standard_normal(40)
        y = np.sqrt(true / 2) * x.sum(axis=0) + np.sqrt(1 - true) * noise
        split = Splitter(x.tolist(), 40, 0.9).split(y.tolist())
        assert split is not None
        hits += split.low <= true <= split.high
    assert hits >= 167


def test_squares_count_with_many_replications() -> None:
    """A symmetric effect is found with the squares of the inputs."""
    x = np.random.default_rng(2).standard_normal(200)
    split = Splitter([x.tolist()], 200, 0.95).split((x**2).tolist())
    assert split is not None
    assert split.share == pytest.approx(1.0)


def test_few_replications_have_no_share() -> None:
    """With fewer than ten replications more than coefficients there is no share; nor without a variance."""
    x = [[float(k) for k in range(11)]]
    assert Splitter(x, 11, 0.95).split(x[0]) is None
    assert Splitter([[float(k) for k in range(30)]], 30, 0.95).split([1.0] * 30) is None


def test_a_run_divides_its_variance(folder: Path) -> None:
    """Nearly all of the variance of grants comes from their probability, none with certain inputs, and JSON says so."""
    scenario = load_scenario(ALONE)
    result = run(scenario, replications=40, out="run", keep="measures", progress=False)
    granted = next(e for e in result.estimates if (e.measure, e.court) == ("granted", "all"))
    # grants are binomial with n = 40: the variance of the mean is (40 x 0.8)² / 12 = 85.3, that of chance 40 x (1/4 - 0.64/12) = 7.9
    assert granted.parameters is not None
    assert granted.parameters.low <= 85.3 / 93.2 <= granted.parameters.high
    assert granted.json()["parameters"]["share"] == granted.parameters.share
    certain = run(scenario.certain(), replications=40, out="certain", keep="measures", progress=False)
    assert all(e.parameters is None for e in certain.estimates)
    assert certain.get("granted").prediction.high < result.get("granted").prediction.high  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("within", "bounds"),
    [(None, (200, 200)), (5, (195, 205)), ("5%", (190, 210)), ([190, 300], (190, 300)), ("more", (200, float("inf"))), ("less", (-float("inf"), 200))],
)  # fmt: skip
def test_how_exact_a_published_figure_is(within: Any, bounds: tuple[float, float]) -> None:
    """`within` gives the range that a figure stands for."""
    assert PublishedEntry(measure="granted", at=dt.date(2024, 1, 1), value=200, within=within).bounds == pytest.approx(bounds)


def test_figures_inside_the_band_are_counted(folder: Path) -> None:
    """A figure far above the band is outside, unless it is less than that; if most are outside, the run says so."""
    day = dt.date(2024, 3, 31)
    figures: list[Any] = [{"measure": "granted", "at": day, "value": value} for value in (20, 500, 600)]
    result = run(load_scenario({**ALONE, "published": figures}), replications=20, out="run", keep="measures", progress=False)
    assert [result.is_inside(figure) for figure in result.published] == [True, False, False]
    assert result.json()["published_inside"] == {"inside": 1, "of": 3}
    (statement,) = outside(result)
    assert statement.text.startswith("2 of the 3 published figures are outside")
    figures[1]["within"] = "less"
    assert not outside(
        run(load_scenario({**ALONE, "published": figures}), replications=20, out="two", keep="measures", progress=False)
    )
