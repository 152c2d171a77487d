"""Calibration against a known truth: do the bands of later figures contain them as often as they say?

An office with one pool of clerks has published ten rounded totals of its first months. The truth is a run with inputs drawn from the
prior. It is calibrated, and the totals of the later months are forecast.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from simulations import load_scenario
from simulations.calibrating.design import Study
from simulations.calibrating.emulator import fit
from simulations.calibrating.figures import scales_of, values_at
from simulations.calibrating.posterior import Likelihood, sample
from simulations.running.options import ReplicationOptions
from simulations.running.replicating import Design, read_designs
from simulations.scenarios.scenario import Scenario
from simulations.scenarios.uncertainty import Uncertain
from tests.office import PERMIT_OFFICE

N_TRUTHS, N_RUNS, LEVEL = 60, 80, 0.9
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=18 * k) for k in range(1, 11)]
SIZE, SHARE, WORK = "pools.clerks.size", "activities.examine.outcome.decision.grant", "scale activities.examine.takes"
OFFICE: dict[str, Any] = {
    "scenario": "office", "workflow": "permits.yaml", "starts": dt.date(2024, 1, 1), "ends": DAYS[-1],
    "courts": {"north": {"backlog": {"waiting": 700}}},
    "calendars": {"office": {"hours": {"mon-sun": "08:00-16:00"}}},
    "pools": {"clerks": {"at": "court", "size": {dt.date(2024, 1, 1): 8}, "calendar": "office"}},
    "activities": {"examine": {"pool": "clerks", "takes": {"gamma": {"mean": "20 hours", "cv": 1}}, "outcome": {"decision": {"grant": 0.5, "refuse": "rest"}}}},
    "uncertain": [
        {"set": SHARE, "is": {"uniform": {"min": 0.35, "max": 0.65}}},
        {"scale": "activities.examine.takes", "by": {"lognormal": {"mean": 1, "cv": 0.2}}},
    ],
    "published": [{"measure": m, "at": day, "value": 0} for day in DAYS for m in ("granted", "refused")],
}  # fmt: skip

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """The office, whose workflow counts grants and refusals."""
    folder = tmp_path_factory.mktemp("office")
    counts = "measures: [{measure: granted, cases: grant}, {measure: refused, cases: refuse}]\nentry:"
    (folder / "permits.yaml").write_text(PERMIT_OFFICE.replace("entry:", counts), encoding="utf-8")
    return load_scenario({**OFFICE, "workflow": str(folder / "permits.yaml")})


def _totals(scenario: Scenario, designs: Sequence[Design]) -> Any:
    read = partial(values_at, figures=scenario.published)
    return np.array([*read_designs(read, scenario, designs, ReplicationOptions(engine="simpy", seed=9))])


@pytest.fixture(scope="module")
def design(office: Scenario) -> tuple[Study, Any, Any]:
    """A design over the prior, each run with its own draws."""
    free = tuple(each for each in office.uncertain if isinstance(each, Uncertain))
    study = Study(office, free, office.published, Path(), ReplicationOptions(seed=1), round(N_RUNS / 0.6))
    points = study.first_points()
    return study, points, _totals(office, [Design(study.inputs_at(p.tolist()), k) for k, p in enumerate(points, start=1)])


def _coverage(study: Study, points: Any, runs: Any, scores: Any, truth: Any, discrepancy: bool) -> tuple[Any, Any]:
    """Return which later figures, and which inputs, lie inside their bands, for each truth."""
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    first_half = np.array([f.at <= DAYS[4] for f in study.figures])
    scales = scales_of(study.scenario, study.figures, runs)
    emulator = fit(points, scales.scaled(runs))
    figures, inputs = [], []
    for k, (real, score) in enumerate(zip(truth, scores, strict=True)):
        values = np.where(first_half, np.round(real / 10) * 10, 0).tolist()
        published = [f.model_copy(update={"value": v, "within": 5}) for f, v in zip(study.figures, values, strict=True)]
        known = scales_of(study.scenario, published, runs)
        posterior = sample(Likelihood(emulator, known, first_half, discrepancy), 1000, k, rough=True)
        low, high = np.quantile(posterior.predicted, ends, axis=0)
        figures.append(((low <= real) & (real <= high))[~first_half])
        low, high = np.quantile(posterior.points, ends, axis=0)
        inputs.append((low <= score) & (score <= high))
    return np.array(figures), np.array(inputs)


@pytest.fixture(scope="module")
def truths(design: tuple[Study, Any, Any]) -> tuple[Any, Any]:
    """Scores of inputs drawn from the prior, and what a run with them has."""
    study = design[0]
    scores = np.clip(np.random.default_rng(7).standard_normal((N_TRUTHS, len(study.free))), -2.5, 2.5)
    runs = [Design(study.inputs_at(s.tolist()), 1000 + k) for k, s in enumerate(scores)]
    return scores, _totals(study.scenario, runs)


@pytest.fixture(scope="module")
def growing(design: tuple[Study, Any, Any], truths: tuple[Any, Any]) -> Any:
    """What runs have in which two more clerks come on 1 March and two more on 1 May, which the model does not know."""
    study, scores = design[0], truths[0]
    dates = {dt.date(2024, 1, 1): 8, dt.date(2024, 3, 1): 10, dt.date(2024, 5, 1): 12}
    real = study.scenario.change({SIZE: dates})
    return _totals(real, [Design(study.inputs_at(s.tolist()), 2000 + k) for k, s in enumerate(scores)])


def test_bands_hold_as_often_as_they_say(design: tuple[Study, Any, Any], truths: tuple[Any, Any]) -> None:
    """With the true structure and no discrepancy, the bands of the last figures and of the inputs hold.

    An exact binomial test at .001 does not reject that they contain the truth in 90 percent.
    """
    figures, inputs = _coverage(*design, *truths, discrepancy=False)
    for inside in (*figures[:, -2:].T, *inputs.T):
        assert binomtest(int(inside.sum()), N_TRUTHS, LEVEL).pvalue > 0.001


def test_bands_with_a_discrepancy_are_not_too_narrow(design: tuple[Study, Any, Any], truths: tuple[Any, Any]) -> None:
    """With the discrepancy, at least 84 percent of the later figures lie inside."""
    assert _coverage(*design, *truths, discrepancy=True)[0].mean() >= 0.84


def test_the_discrepancy_saves_a_wrong_structure(design: tuple[Study, Any, Any], truths: tuple[Any, Any], growing: Any) -> None:
    """With a capacity that grows, which the model does not know, most bands hold thanks to the discrepancy.

    More than 75 percent of the later figures lie inside with it, and fewer than 60 percent without it.
    """
    with_it = _coverage(*design, truths[0], growing, discrepancy=True)[0].mean()
    without = _coverage(*design, truths[0], growing, discrepancy=False)[0].mean()
    assert without < 0.6 < 0.75 < with_it
