"""Forecasts as of earlier dates, scored against what was published later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from simulations.calibrating.calibration import calibrated, emulated, new_study, reading_result, run_study
from simulations.calibrating.design import opened
from simulations.loading import load_scenario
from simulations.run_folder.manifest import model_hash, scenario_hash
from simulations.run_folder.whole_files import write_text
from simulations.running.cluster import one_connection
from simulations.running.options import CalibrationKeywords, CalibrationOptions, changed_options
from simulations.running.progress import Progress, shown
from simulations.running.recorded import recorded_scenario
from simulations.running.shown import Shown
from simulations.scenarios.format import PublishedEntry
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError
from workflow.files.arguments import check_arguments, date_problems, list_problems
from workflow.files.json_text import check_types, json_text
from workflow.files.opening import read_json
from workflow.files.table import n_of
from workflow.run_files.manifest import check_own_files

if TYPE_CHECKING:
    from simulations import HindcastPlots

RESULT = "hindcast.json"
_DEFAULTS = CalibrationOptions()


@dataclass(frozen=True, slots=True)
class Score:
    """A forecast of one figure, made as of a date, and the fact.

    Attributes
    ----------
    median, low, high : float
    inside : bool
        Whether the figure, as exact as it is, is inside the band.
    crps : float
        The continuous ranked probability score of the forecast: the smaller, the better.
    plain, plain_error : float or None
        The forecast "last value plus last trend", and its absolute error, which is its CRPS; ``None`` if no figure of the
        series was known.
    """

    as_of: dt.date
    figure: PublishedEntry
    median: float
    low: float
    high: float
    inside: bool
    crps: float
    plain: float | None
    plain_error: float | None

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        f = self.figure
        return {
            "as_of": self.as_of.isoformat(), "measure": f.measure, "court": f.court, "at": f.at.isoformat(), "published": f.value,
            "median": self.median, "low": self.low, "high": self.high, "inside": self.inside, "crps": self.crps,
            "plain": self.plain, "plain_error": self.plain_error,
        }  # fmt: skip


@dataclass(frozen=True)
class Hindcast(Shown):
    """The scores of forecasts made as of several dates.

    Attributes
    ----------
    scores : list of Score
    bias : float
        The mean over forecasts of (median - figure) / figure.
    crps, plain_crps : float or None
        The means, relative to the figures, over the forecasts for which there is a plain one.
    """

    scenario: Scenario
    folder: Path
    seed: int
    n_runs: int
    confidence: float
    scores: list[Score]
    bias: float
    crps: float | None
    plain_crps: float | None

    @property
    def plot(self) -> HindcastPlots:
        """Return its figure: ``hindcast.plot()``."""
        from simulations import HindcastPlots

        return HindcastPlots(self)

    @property
    def verdict(self) -> str:
        """Return in a sentence how often the forecasts held."""
        inside, n = sum(s.inside for s in self.scores), len(self.scores)
        dates = ", ".join(str(d) for d in sorted({s.as_of for s in self.scores}))
        text = (
            f"Calibrated to what was known on {dates}, the model had {inside} of {n} later figures inside its {self.confidence:.0%} band;"
            f" its median was {abs(self.bias):.1%} too {'high' if self.bias > 0 else 'low'} on average."
        )
        if self.crps is not None and self.plain_crps is not None:
            better = "smaller" if self.crps < self.plain_crps else "not smaller"
            text += (
                f" Its error (CRPS) was {self.crps:.1%} of the figures, {better} than the {self.plain_crps:.1%} of the last"
                " value plus the last trend."
            )
        return text

    def __repr__(self) -> str:
        inside = sum(s.inside for s in self.scores)
        return f"<Hindcast of {self.scenario.name!r}: {inside} of {n_of(len(self.scores), 'figure')} inside, in {self.folder}>"

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "scenario": self.scenario.name, "folder": str(self.folder), "seed": self.seed, "runs": self.n_runs,
            "confidence": self.confidence, "inside": sum(s.inside for s in self.scores), "of": len(self.scores),
            "bias": self.bias, "crps": self.crps, "plain_crps": self.plain_crps, "verdict": self.verdict,
            "forecasts": [score.json() for score in self.scores],
        }  # fmt: skip


def hindcast(
    scenario: Scenario | str | Path,
    as_of: Sequence[dt.date],
    options: CalibrationOptions = _DEFAULTS,
    *,
    until: dt.date | None = None,
    out: str | Path | None = None,
    progress: Progress = None,
    **changed: Unpack[CalibrationKeywords],
) -> Hindcast:
    """Calibrate as of each date, forecast the figures published later, and score the forecasts.

    The runs are the same for all dates; those of the second round are chosen with the figures up to the first date.

    Parameters
    ----------
    as_of : sequence of date
    until : date, optional
        Score no figures after this date. Default: all.
    options, out, progress, **changed
        See `calibrate`.

    Raises
    ------
    InputError
        For a mistake in the input, or if no figure was published after one of the dates.
    """
    options = changed_options(options, changed, hindcast)
    misread = [*list_problems(as_of=as_of), *date_problems(until=until)]
    check_arguments(misread or (problem for date in as_of for problem in date_problems(as_of=date)))
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    last = until or max((figure.at for figure in loaded.published), default=loaded.ends)
    scored = replace(loaded, published=tuple(f for f in loaded.published if f.at <= last))
    dates = sorted(set(as_of))
    late = [date for date in dates if not any(date < figure.at for figure in scored.published)]
    if late or not dates:
        raise InputError(
            [f"as of {date}: no figure was published after it" for date in late] or ["hindcast: give a date to forecast as of"]
        )
    study = opened(new_study(scored, dates, options, out, "hindcast"))
    with shown(progress) as report, one_connection(study.options.cluster):
        design, values = run_study(study, scored.published, dates[0], report)
    emulator = emulated(study, design, values)
    scores: list[Score] = []
    for date in dates:
        result = calibrated(study, scored.published, date, emulator, values)
        scores += [
            _scored(date, scored, fit.figure, result.predicted[:, i], options.confidence)
            for i, fit in enumerate(result.fits)
            if not fit.used
        ]
    outcome = _summary(loaded, study.folder, options.seed, len(design), options.confidence, scores)
    written = {**outcome.json(), "scenario_hash": scenario_hash(loaded), "model_hash": model_hash(loaded)}
    write_text(study.folder / RESULT, json_text(written, indent=2) + "\n")
    return outcome


def read_hindcast(folder: str | Path, scenario: str | Path | Scenario | None = None) -> Hindcast:
    """Return the result of a hindcast from its folder, as `hindcast` returned it.

    Parameters
    ----------
    scenario : Scenario, str or Path, optional
        The original scenario. Needed if it reads tables from files beside it.

    Raises
    ------
    InputError
        If it is not the folder of a finished hindcast.
    """
    folder = Path(folder)
    check_own_files(folder)
    content = read_json(folder / RESULT)
    with reading_result(folder, "hindcast"):
        loaded = recorded_scenario(folder, {"scenario_hash": content["scenario_hash"]}, scenario, "be read")
        published = {(f.measure, f.court, f.at.isoformat()): f for f in loaded.published}
        scores = [
            Score(
                dt.date.fromisoformat(row["as_of"]), published[row["measure"], row["court"], row["at"]],
                *(row[key] for key in ("median", "low", "high", "inside", "crps", "plain", "plain_error")),
            )
            for row in content["forecasts"]
        ]  # fmt: skip
        numbers = tuple(content[key] for key in ("seed", "runs", "confidence", "bias", "crps", "plain_crps"))
        check_types(list[Score], scores)
        check_types(tuple[int, int, float, float, float | None, float | None], numbers)
    seed, n_runs, confidence, *means = numbers
    return Hindcast(loaded, folder, seed, n_runs, confidence, scores, *means)


def verdict_in(folder: str | Path, scenario: Scenario) -> str:
    """Return the verdict of a finished hindcast on the model of a scenario, whatever its inputs and published figures are.

    Raises
    ------
    InputError
        If it is not the folder of a finished hindcast, or one of another model.
    """
    folder = Path(folder)
    check_own_files(folder)
    content = read_json(folder / RESULT)
    with reading_result(folder, "hindcast"):
        verdict, name, model = (content[key] for key in ("verdict", "scenario", "model_hash"))
        check_types(tuple[str, str, str], (verdict, name, model))
    if model != model_hash(scenario):
        raise InputError([f"{folder}: is a hindcast of {name}, whose model is not that of {scenario.name}, or has changed since"])
    return str(verdict)


def _scored(as_of: dt.date, scenario: Scenario, figure: PublishedEntry, draws: Any, confidence: float) -> Score:
    from scoringrules import crps_ensemble

    low, median, high = (float(q) for q in np.quantile(draws, [(1 - confidence) / 2, 0.5, (1 + confidence) / 2]))
    least, most = figure.bounds
    plain = last_trend(scenario, figure, as_of)
    error = None if plain is None else abs(plain - figure.value)
    crps = float(crps_ensemble(float(figure.value), np.asarray(draws, float)))
    return Score(as_of, figure, median, low, high, low <= most and least <= high, crps, plain, error)


def last_trend(scenario: Scenario, figure: PublishedEntry, as_of: dt.date) -> float | None:
    """Return the last figure of the same series that was known on a date, plus its last trend; ``None`` without one.

    With a single figure known, a count is taken to have begun at 0 at the start of the run if it adds up.
    """
    from simulations.measuring.descriptors import Family, describe

    known = sorted(
        (f.at, float(f.value))
        for f in scenario.published
        if (f.measure, f.court) == (figure.measure, figure.court) and f.at <= as_of
    )
    if not known:
        return None
    descriptor = describe(scenario)[figure.measure]
    if len(known) == 1 and descriptor.unit == "cases" and (descriptor.accumulates or descriptor.family is Family.DECLARED):
        known = [(scenario.starts, 0.0), *known]
    if len(known) == 1:
        return known[0][1]
    (day, before), (last_day, last) = known[-2:]
    return last + (last - before) * (figure.at - last_day).days / max(1, (last_day - day).days)


def _summary(
    scenario: Scenario, folder: Path, seed: int, n_runs: int, confidence: float, scores: list[Score]
) -> Hindcast:  # fmt: skip
    biases = [(s.median - s.figure.value) / s.figure.value for s in scores if s.figure.value]
    paired = [s for s in scores if s.plain_error is not None and s.figure.value]
    crps = [s.crps / abs(s.figure.value) for s in paired]
    plain = [(s.plain_error or 0.0) / abs(s.figure.value) for s in paired]
    return Hindcast(
        scenario, folder, seed, n_runs, confidence, scores, float(np.mean(biases)) if biases else 0.0,
        float(np.mean(crps)) if crps else None, float(np.mean(plain)) if plain else None,
    )  # fmt: skip
