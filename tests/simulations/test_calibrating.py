"""Calibration: the likelihood, the runs, and what is never read."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from simulations import Calibration, Hindcast, as_html, calibrate, hindcast, load_scenario, open_run, run
from simulations.calibrating import posterior
from simulations.calibrating.emulator import Emulator, fit
from simulations.calibrating.figures import scales_of
from simulations.calibrating.hindcasting import last_trend, verdict_in
from simulations.calibrating.posterior import Likelihood
from simulations.cli.calibrating import _seconds
from simulations.report import write_page
from simulations.run_folder.manifest import model_hash
from simulations.scenarios.format import PublishedEntry
from tests.office import PERMIT_OFFICE
from workflow.errors import InputError

SHARE, RATE = "activities.examine.outcome.decision.grant", "scale arrivals.north.rate"
MEASURES = "measures: [{measure: granted, cases: grant}, {measure: refused, cases: refuse}]\nentry:"
UNCERTAIN = [
    {"set": SHARE, "is": {"uniform": {"min": 0.2, "max": 0.8}}},
    {"scale": "arrivals.north.rate", "by": {"lognormal": {"mean": 1, "cv": 0.4}}},
]
ROOT = Path(__file__).parents[2]
DAYS = [dt.date(2024, month, 28) for month in range(1, 7)]


def office(published: list[Any], **changed: Any) -> dict[str, Any]:
    """Return an office in which 40 cases arrive in a month and are decided after a day."""
    return {
        "scenario": "office", "workflow": "permits.yaml", "starts": dt.date(2024, 1, 1), "ends": dt.date(2024, 6, 30),
        "courts": {"north": {"backlog": {"waiting": 10}}},
        "activities": {"examine": {"takes": "1 day", "outcome": {"decision": {"grant": 0.5, "refuse": "rest"}}}},
        "arrivals": {"north": {"into": "waiting", "rate": "30 per month"}},
        "uncertain": UNCERTAIN, "published": published, **changed,
    }  # fmt: skip


def figures(granted: int = 24, refused: int = 16) -> list[Any]:
    """Return figures that rise by so many a month."""
    return [
        {"measure": measure, "at": day, "value": value * k}
        for k, day in enumerate(DAYS, start=1)
        for measure, value in (("granted", granted), ("refused", refused))
    ]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with the workflow of the office."""
    monkeypatch.chdir(tmp_path)
    Path("permits.yaml").write_text(PERMIT_OFFICE.replace("entry:", MEASURES))
    return tmp_path


def _runs(n: int = 40) -> tuple[Any, Any]:
    """Return scores of two inputs, and totals of twelve figures that grow with them."""
    draws = np.random.default_rng(3)
    design = draws.standard_normal((n, 2))
    pace = np.exp(0.1 * design[:, :1]) * np.repeat(np.arange(1, 7), 2) * 40
    return design, pace * (1 + 0.02 * draws.standard_normal((n, 12)))


def _likelihood(discrepancy: bool = True, **of_first: Any) -> Likelihood:
    entries = [PublishedEntry.model_validate({**f, **(of_first if i == 0 else {})}) for i, f in enumerate(figures())]
    scenario, (_, runs) = load_scenario(office([])), _runs()
    scales = scales_of(scenario, entries, runs)
    used = np.array([f.at <= DAYS[2] for f in entries])
    return Likelihood(_emulated(), scales, used, discrepancy)


@cache
def _emulated() -> Emulator:
    design, runs = _runs()
    return fit(design, np.log(runs))


def test_an_emulator_explains_what_depends_on_the_inputs() -> None:
    """The emulator finds the exponential in the first input, and its error is that of the noise."""
    design, runs = _runs(80)
    emulator = fit(design, np.log(runs[:, :2]))
    points = np.array([[-1.0, 0.0], [1.0, 0.0]])
    difference = np.diff(emulator.mean(points), axis=0)[0]
    assert difference == pytest.approx(np.full(2, 0.2), abs=0.03)
    assert (emulator.explained > 0.8).all()
    assert np.sqrt(np.diag(emulator.errors)) == pytest.approx(np.full(2, 0.02), rel=0.4)


def test_a_total_has_the_errors_of_its_flows() -> None:
    """The weights of a total add up to 1: the same relative error of every flow is that of the total."""
    scales = _likelihood().scales
    assert scales.log.all()
    assert scales.carried.sum(axis=1) == pytest.approx(np.ones(12))
    first = scales.carried.reshape(12, 2, -1)[0, 0]
    assert first[0] == pytest.approx(1.0)  # of January alone


def test_a_stock_has_an_error_in_units_of_its_spread() -> None:
    """A relative error of 10 percent in the flows moves pending cases by their standard deviation over the runs, not by 10 percent."""
    entries = [PublishedEntry.model_validate({"measure": "pending", "at": day, "value": 300}) for day in DAYS[:2]]
    runs = 300 * np.exp(0.01 * np.random.default_rng(1).standard_normal((50, 2)))
    scales = scales_of(load_scenario(office([])), entries, runs)
    moved = 0.1 * scales.carried.sum(axis=1)
    assert moved == pytest.approx(runs.std(axis=0, ddof=1) / np.median(runs, axis=0))
    assert scales.log.all()


def test_a_count_is_not_below_0() -> None:
    """A small count is on its own scale, where a draw may lie below 0; a forecast of it does not."""
    entries = [PublishedEntry.model_validate({"measure": "pending", "at": DAYS[0], "value": 3})]
    scales = scales_of(load_scenario(office([])), entries, np.random.default_rng(1).poisson(3, (50, 1)).astype(float))
    assert not scales.log.any()
    assert scales.plain(np.array([[-1.0], [1.0]])) == pytest.approx(np.array([[0.0], [scales.unit[0]]]))


def test_the_likelihood_is_that_of_a_normal_distribution() -> None:
    """Without a discrepancy, the density of exact figures is that of scipy; a size of 0 is the same."""
    likelihood = _likelihood(discrepancy=False)
    vector = np.array([[0.3, -0.5]])
    mean, (covariance,) = likelihood.emulator.mean(vector)[0], likelihood.covariance(np.zeros((1, 2)))
    e = likelihood.exact
    expected = multivariate_normal(mean[e], covariance[np.ix_(e, e)]).logpdf(likelihood.values[e])
    found = likelihood.log_density(vector)[0] + 0.5 * (vector**2).sum()
    assert found - expected == pytest.approx(0.5 * len(e) * math.log(2 * math.pi))


def test_a_figure_of_more_than_a_value_is_a_bound() -> None:
    """A one-sided figure adds the probability of being above it, given the exact ones."""
    likelihood = _likelihood(within="more")
    assert likelihood.censored.tolist() == [0]
    vector = np.zeros((1, 4))
    sizes = likelihood.sizes_of(vector[:, 2:])
    density, mean, covariance = likelihood.conditional(likelihood.emulator.mean(vector[:, :2]), likelihood.covariance(sizes))
    above = norm.logcdf((mean[0, 0] - math.log(24)) / math.sqrt(covariance[0, 0, 0]))
    assert likelihood.log_density(vector)[0] == pytest.approx(density[0] + above)


def test_a_figure_with_bounds_has_their_room() -> None:
    """A figure that stands for a range has the variance of the range."""
    room = _likelihood(within=[20, 28]).room
    assert room[0] == pytest.approx(math.log(28 / 20) ** 2 / 12)
    assert (room[1:] == 0).all()


def test_the_last_trend_goes_on() -> None:
    """The plain forecast is the last value plus the last trend; a single total began at 0."""
    scenario = load_scenario(office(figures()))
    last = scenario.published[-2]
    assert last_trend(scenario, last, DAYS[1]) == pytest.approx(48 + 24 / 31 * (DAYS[5] - DAYS[1]).days)
    assert last_trend(scenario, last, DAYS[0]) == pytest.approx(24 + 24 / 27 * (DAYS[5] - DAYS[0]).days)
    assert last_trend(scenario, last, dt.date(2024, 1, 1)) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"until": dt.date(2024, 1, 1)}, "no figure was published by then"),
        ({"free": ["arrivals.north.rate"]}, r"is not an uncertain input\. Did you mean 'scale arrivals.north.rate'"),
        ({"at": [DAYS[2]], "measures": ["grantd"]}, "at: 2024-03-28 is not between until.*\n.*Did you mean 'granted'"),
        ({"measures": ["granted"]}, "chooses what to forecast; give a date"),
        ({"runs": 3}, "must be from 40 to 2,000"),
        ({"runs": 50, "budget_seconds": 10.0}, "give either a number of runs or a budget of time"),
        ({"limit": 0.5, "workers": 0}, "workers: must be 1 or more, not 0\nlimit: must be from 1 to 1,000, not 0.5"),
    ],
)
def test_mistakes_are_reported(arguments: Any, message: str) -> None:
    """A mistake is reported before anything runs, and nothing is written."""
    with pytest.raises(InputError, match=message):
        calibrate(load_scenario(office(figures())), **{"until": DAYS[2], **arguments}, out="out", progress=False)
    assert not Path("out").exists()


def test_a_budget_is_a_length_of_time() -> None:
    """A budget has a unit of the clock."""
    assert _seconds("20 minutes") == 1200
    with pytest.raises(InputError, match="give minutes or hours"):
        _seconds("2 working days")


# whole calibrations ----------------------------------------------------------------------------------


def _calibrated(out: str, published: list[Any], **options: Any) -> Calibration:
    return calibrate(
        load_scenario(office(published)), DAYS[2], out=out, engine="simpy", progress=False, **{"runs": 40, **options}
    )  # fmt: skip


@pytest.fixture
def rough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few steps of the sampler: enough for what does not depend on its draws."""
    monkeypatch.setattr(posterior, "_STEPS", 60)
    monkeypatch.setattr(posterior, "_BURN", 20)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.usefixtures("rough")
def test_a_calibration_opens_again_from_its_folder() -> None:
    """The opened one is equal, also without the files of the scenario. A changed table is noticed."""
    one = _calibrated("one", figures(), at=[DAYS[4], dt.date(2024, 6, 30)], measures=["granted", "pending"])
    Path("permits.yaml").unlink()
    again = open_run("one")
    assert isinstance(again, Calibration)
    assert (again.json(), again.fits) == (one.json(), one.fits)
    assert (again.draws == one.draws).all()
    assert (again.predicted == one.predicted).all()
    assert all(text in as_html(again) for text in ("Inputs before and after", "Forecasts as of 2024-03-28"))
    days = [("granted", day) for day in (*DAYS[3:], dt.date(2024, 6, 30))]
    assert [(f.figure.measure, f.figure.at) for f in again.forecasts if f.figure.measure == "granted"] == days
    assert [f.figure.at for f in again.forecasts if f.figure.measure == "pending"] == [DAYS[4], dt.date(2024, 6, 30)]
    Path("one/predicted.csv").write_text("granted all 2024-01-28\n24\n")
    with pytest.raises(
        InputError, match=r"is not the folder of a calibration: calibration.json: predicted.csv: is not the table of"
    ):
        open_run("one")
    assert [f["published"] for f in one.json()["figures"]][6:] == [None] * 9


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.usefixtures("rough")
def test_a_hindcast_opens_again_from_its_folder() -> None:
    """The opened one is equal, with its figure. It has no report."""
    days = [DAYS[1], DAYS[2]]
    result = hindcast(load_scenario(office(figures())), days, until=DAYS[4], runs=40, out="out", engine="simpy", progress=False)
    again = open_run("out")
    assert isinstance(again, Hindcast)
    assert (again.json(), again.scores) == (result.json(), result.scores)
    assert {row["held"] for row in again.plot().to_dict()["layer"][1]["data"]["values"]} <= {"inside", "outside"}
    with pytest.raises(InputError, match="holds a hindcast; a report is of a run, a comparison or a sweep"):
        write_page("out")


@pytest.mark.slow
def test_later_figures_are_never_read() -> None:
    """Other values after the date give the same posterior, to the bit."""
    later = [{**f, "value": 7 * f["value"]} if f["at"] > DAYS[2] else f for f in figures()]
    one, other = _calibrated("one", figures()), _calibrated("other", later)
    assert (one.draws == other.draws).all()
    assert (one.predicted == other.predicted).all()


@pytest.mark.slow
def test_a_killed_calibration_resumes_to_the_same_result() -> None:
    """Runs that are missing, and one that was cut off, are run again; a budget keeps its number of runs."""
    whole = _calibrated("whole", figures(), runs=None, budget_seconds=4.0)
    for source in ("design.json", "runs.jsonl"):
        text = Path("whole", source).read_text()
        Path("cut").mkdir(exist_ok=True)
        Path("cut", source).write_text(text if source == "design.json" else text[: len(text) * 2 // 3])
    resumed = _calibrated("cut", figures(), runs=None, budget_seconds=4.0, resume=True)
    assert resumed.n_runs == whole.n_runs
    assert resumed.draws == pytest.approx(whole.draws)
    assert json.loads(Path("cut/calibration.json").read_text())["inputs"]
    with pytest.raises(InputError, match="seed differ"):
        _calibrated("cut", figures(), runs=None, budget_seconds=4.0, resume=True, seed=2)


@pytest.mark.slow
def test_a_calibration_ended_by_sigkill_resumes_to_the_same_bytes() -> None:
    """Killed after some runs and resumed, the command writes the tables and the runs of one that was not interrupted."""
    Path("office.yaml").write_text(load_scenario(office(figures())).to_yaml())
    command = [sys.executable, "-m", "simulations.cli", "calibrate", "office.yaml", "--until", "2024-03-28", "--runs", "40"]
    command += ["--engine", "simpy", "--workers", "1", "--at", "2024-06-30", "--quiet", "--out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*command, "cut"], env=environment) as process:
        while process.poll() is None and len(_lines("cut/runs.jsonl")) < 5:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not Path("cut/calibration.json").exists()
    subprocess.run([*command, "cut", "--resume"], env=environment, check=True)
    subprocess.run([*command, "whole"], env=environment, check=True)
    for name in ("design.json", "runs.jsonl", "posterior.csv", "predicted.csv"):
        assert Path("cut", name).read_bytes() == Path("whole", name).read_bytes(), name


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).is_file() else []


@pytest.mark.slow
def test_a_calibration_killed_before_it_knew_its_speed_measures_it_again() -> None:
    """Runs without settings are of a budget whose number of runs was never stored: they are run again."""
    Path("cut").mkdir()
    Path("cut/runs.jsonl").write_text('{"run": 1, "scores": [0.0, 0.0], "values": [1.0]}\n')
    assert _calibrated("cut", figures(), runs=None, budget_seconds=2.0, resume=True).n_runs < 2000


def test_the_page_of_a_run_says_how_forecasts_held() -> None:
    """The verdict of a hindcast of the same model, whatever is published or uncertain, is in the report; another model is refused."""
    scenario = load_scenario(office([], uncertain=[]))
    Path("scored").mkdir()
    content = {"verdict": "7 of 9 figures held", "scenario": "office", "model_hash": model_hash(load_scenario(office(figures())))}
    Path("scored/hindcast.json").write_text(json.dumps(content))
    run(scenario, out="run", engine="simpy", keep="measures", measures=["granted"], progress=False)
    page = write_page("run", hindcast="scored").read_text(encoding="utf-8")
    assert page.count("7 of 9 figures held") == 1
    other = office([], arrivals={"north": {"into": "waiting", "rate": "31 per month"}}, uncertain=[])
    with pytest.raises(InputError, match=r"is a hindcast of office, whose model is not that of office, or has changed since"):
        verdict_in("scored", load_scenario(other))
    Path("scored/hindcast.json").write_text('{"verdict": 7}')
    with pytest.raises(InputError, match=r"is not the folder of a hindcast"):
        verdict_in("scored", scenario)


@pytest.mark.slow
def test_the_posterior_is_a_scenario() -> None:
    """The posterior narrows the share of grants around 0.6, and the calibrated scenario draws its rows."""
    result = _calibrated("out", figures())
    share = next(m for m in result.margins if m.name == SHARE)
    assert share.prior_low < share.posterior_low < 0.6 < share.posterior_high < share.prior_high
    scenario = load_scenario("out/posterior.yaml")
    drawn = [scenario.draws(1, k)[SHARE] for k in range(1, 300)]
    assert np.median(drawn) == pytest.approx(share.posterior, abs=0.03)
    assert not result.out_of_reach
    alone = [f for f in result.fits if f.used]
    assert all(f.low + 1 < f.median < f.high - 1 for f in alone)  # of the model, not the published figure itself
    assert all(f.low < f.figure.value < f.high for f in alone)
    Path("office.yaml").write_text(load_scenario(office(figures())).to_yaml())
    calibrate("office.yaml", DAYS[2], runs=40, out="free", free=[SHARE], engine="simpy", progress=False)
    assert Path("free/posterior.yaml").read_text().startswith("extends: ")
    assert [i.name for i in load_scenario("free/posterior.yaml").inputs] == [SHARE, RATE]


@pytest.mark.slow
def test_figures_that_the_model_cannot_have_are_named() -> None:
    """Ten times as many grants as any run has are out of reach."""
    assert {f.measure for f in _calibrated("out", figures(granted=500)).out_of_reach} == {"granted"}


@pytest.mark.slow
def test_a_hindcast_scores_later_figures() -> None:
    """Forecasts as of February and March are scored on all later figures; the verdict says how many held."""
    days = [DAYS[1], DAYS[2]]
    result = hindcast(load_scenario(office(figures())), days, runs=40, out="out", engine="simpy", progress=False)
    assert len(result.scores) == 8 + 6
    assert all(s.inside == (s.low <= s.figure.value <= s.high) for s in result.scores)
    assert f"{sum(s.inside for s in result.scores)} of 14 later figures" in result.verdict
    assert json.loads(Path("out/hindcast.json").read_text())["verdict"] == result.verdict
    assert verdict_in("out", load_scenario(office([]))) == result.verdict
