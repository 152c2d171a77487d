"""Calibrate the uncertain inputs of a scenario to the figures that were published by a date."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from simulations.calibrating.design import MOST, Study, opened
from simulations.calibrating.emulator import Emulator, fit
from simulations.calibrating.figures import Floats, Scales, scales_of
from simulations.calibrating.posterior import Likelihood, distance, sample
from simulations.loading import load_scenario
from simulations.run_folder.folders import default_folder
from simulations.run_folder.whole_files import write_text
from simulations.running.intervals import confidence_problems
from simulations.running.options import ReplicationKeywords, ReplicationOptions
from simulations.running.progress import Progress, shown
from simulations.scenarios.format import PublishedEntry
from simulations.scenarios.scenario import Scenario, with_whole_paths
from simulations.scenarios.uncertainty import SCALE, Uncertain, UncertainTable
from workflow.errors import InputError, nearest
from workflow.files.json_text import json_text
from workflow.files.validation import format_names
from workflow.files.yaml_tree import dump_yaml, parse_yaml

TABLE, SCENARIO, RESULT = "posterior.csv", "posterior.yaml", "calibration.json"
_DEFAULTS = ReplicationOptions()
_DRAWS = 1000
_PACKAGES = ("emcee", "sklearn", "scoringrules")
_RUNS_PER_INPUT = 15
_FAR = 1.0
"""A figure is out of reach if it lies so many standard deviations of the runs outside all of them."""


@dataclass(frozen=True, slots=True)
class Margin:
    """One input before and after: its median, with the ends of the prior's and the posterior's interval."""

    name: str
    prior: float
    prior_low: float
    prior_high: float
    posterior: float
    posterior_low: float
    posterior_high: float


@dataclass(frozen=True, slots=True)
class Fit:
    """One published figure, and what the posterior has in its place.

    Attributes
    ----------
    used : bool
        Whether the calibration read its value.
    median, low, high : float
        Of one new course of events, with the discrepancy, given the figures that were used.
    explained : float
        The share of the variance over held-out runs that the emulator explains.
    outside : float
        By how many standard deviations of all runs the figure lies outside them; 0 inside, and for figures not used.
    """

    figure: PublishedEntry
    used: bool
    median: float
    low: float
    high: float
    explained: float
    outside: float


@dataclass(frozen=True)
class Calibration:
    """A posterior of uncertain inputs.

    Attributes
    ----------
    folder : Path
        It has the runs, the posterior as a table, and a scenario that reads it.
    until : date
        No figure after this date was read.
    margins : list of Margin
    fits : list of Fit
        For each published figure.
    sizes : dict of str to float
        The median size of the discrepancy of each measure; empty without a discrepancy.
    effective : float
        Effective number of draws of the posterior.
    draws : ndarray of float, shape (n_draws, n_inputs)
        The posterior of the inputs.
    predicted : ndarray of float, shape (n_draws, n_figures)
        What the draws forecast for each figure.
    """

    scenario: Scenario
    folder: Path
    until: dt.date
    seed: int
    n_runs: int
    confidence: float
    margins: list[Margin]
    fits: list[Fit]
    sizes: dict[str, float]
    effective: float
    draws: Floats
    predicted: Floats

    @property
    def out_of_reach(self) -> list[PublishedEntry]:
        """Return the figures that no inputs reach."""
        return [fit.figure for fit in self.fits if fit.used and fit.outside > _FAR]

    def __repr__(self) -> str:
        n = len(self.margins)
        return f"<Calibration of {n} inputs of {self.scenario.name!r} until {self.until}, {self.n_runs} runs, in {self.folder}>"

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "scenario": self.scenario.name,
            "folder": str(self.folder),
            "until": self.until.isoformat(),
            "seed": self.seed,
            "runs": self.n_runs,
            "confidence": self.confidence,
            "effective_draws": self.effective,
            "inputs": [{name: getattr(m, name) for name in Margin.__slots__} for m in self.margins],
            "figures": [
                {
                    "measure": f.figure.measure, "court": f.figure.court, "at": f.figure.at.isoformat(), "used": f.used,
                    "published": f.figure.value if f.used else None, "median": f.median, "low": f.low, "high": f.high,
                    "explained": f.explained, "outside": f.outside,
                }
                for f in self.fits
            ],
            "discrepancy": self.sizes,
        }  # fmt: skip


def calibrate(
    scenario: Scenario | str | Path,
    until: dt.date,
    options: ReplicationOptions = _DEFAULTS,
    *,
    free: Sequence[str] = (),
    runs: int | None = None,
    budget_seconds: float | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    discrepancy: bool = True,
    confidence: float = 0.9,
    progress: Progress = None,
    **changed: Unpack[ReplicationKeywords],
) -> Calibration:
    """Calibrate uncertain inputs to the figures that were published by a date.

    Parameters
    ----------
    until : date
        The values of later figures are not read.
    options : ReplicationOptions, optional
        Seed, workers and engine. The number of replications is not used.
    free : sequence of str
        Paths of the inputs to calibrate. Default: all that have a distribution of their own.
    runs : int, optional
        Number of runs. Default: 15 for each input, at least 60.
    budget_seconds : float, optional
        Instead: the time for the calibration, which becomes a number of runs.
    out : path, optional
        A new folder. Default: ``runs/calibrate-<scenario>-<date and time>``.
    resume : bool
        Use the runs of an interrupted calibration in `out`.
    discrepancy : bool
        Whether the world may differ from the model with any inputs.
    confidence : float
        Level of the intervals, between 0 and 1.
    progress : callable or False, optional
        Called with the finished and the total number of runs.

    Raises
    ------
    InputError
        For a mistake in the input.
    """
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    options = replace(options, **changed)
    study = new_study(loaded, [until], options, free, runs, budget_seconds, out, confidence)
    study = opened(study, resume, budget_seconds)
    with shown(progress) as report:
        design, values = run_study(study, loaded.published, until, report)
    result = calibrated(study, loaded.published, until, design, values, discrepancy, confidence)
    _write(result, study, loaded)
    return result


def new_study(
    scenario: Scenario,
    dates: Sequence[dt.date],
    options: ReplicationOptions,
    free: Sequence[str],
    runs: int | None,
    budget_seconds: float | None,
    out: str | Path | None,
    confidence: float,
    what: str = "calibrate",
) -> Study:
    """Check the input, and return what is to run.

    Raises
    ------
    InputError
        With every mistake.
    """
    single = {each.input.name: each for each in scenario.uncertain if isinstance(each, Uncertain)}
    problems = [*options.problems(), *confidence_problems(confidence)]
    if any(find_spec(package) is None for package in _PACKAGES):
        problems.append(f"{what} needs more packages: install the extra 'calibrate' (pip install 'docketsim[calibrate]')")
    for name in free:
        if name not in single:
            problems.append(
                f"--free {name}: is not an uncertain input.{nearest(name, single) or f' Known: {format_names(single)}.'}"
            )
    if not single:
        tables = [each.name for each in scenario.uncertain if isinstance(each, UncertainTable)]
        why = f"; {tables[0]} is calibrated already, so calibrate the scenario that this one extends" if tables else ""
        problems.append(f"{scenario.name}: has no uncertain input with a distribution of its own{why}")
    for date in dates:
        if not any(figure.at <= date for figure in scenario.published):
            problems.append(f"--{'until' if what == 'calibrate' else 'as-of'} {date}: no figure was published by then")
    if runs is not None and budget_seconds is not None:
        problems.append("--runs and --budget: give one of them")
    if runs is not None and not 40 <= runs <= MOST:
        problems.append(f"--runs: must be from 40 to {MOST:,}, not {runs:,}")
    if problems:
        raise InputError(problems)
    chosen = tuple(each for name, each in single.items() if not free or name in free)
    folder = Path(out) if out is not None else default_folder(f"{what}-{scenario.name}")
    figures = tuple(f.model_copy(update={"value": 0, "within": None, "source": None}) for f in scenario.published)
    return Study(scenario, chosen, figures, folder, options, runs or max(60, _RUNS_PER_INPUT * len(chosen)))


def run_study(
    study: Study, published: Sequence[PublishedEntry], until: dt.date, report: Callable[[int, int], None] | None
) -> tuple[Floats, Floats]:
    """Run both rounds of a study, and return its points and values.

    The points of the second round are draws from the posterior, by the figures up to a date, after the first round.
    """
    first = study.first_points()
    values = study.run(first, 1, report)
    n_more = study.n_runs - len(first)
    if n_more <= 0:
        return first, values
    likelihood = _likelihood(study, published, until, first, values, discrepancy=True)[0]
    more = sample(likelihood, n_more, study.options.seed, rough=True).points
    more = np.clip(more + 0.3 * np.random.default_rng(study.options.seed).standard_normal(more.shape), -3.0, 3.0)
    stored = study.finished()
    for k in range(n_more):
        if len(first) + k + 1 in stored:  # the same up to rounding, on whatever machine it is resumed
            more[k] = stored[len(first) + k + 1][0]
    return np.concatenate([first, more]), np.concatenate([values, study.run(more, len(first) + 1, report)])


def _likelihood(
    study: Study, published: Sequence[PublishedEntry], until: dt.date, design: Floats, values: Floats, discrepancy: bool
) -> tuple[Likelihood, Emulator, Scales, NDArray[np.bool_]]:
    """Return the likelihood of the figures up to a date; values of later ones are not read."""
    used = np.array([figure.at <= until for figure in published])
    if not np.isfinite(values).all():
        lacking = [f.measure for i, f in enumerate(published) if not np.isfinite(values[:, i]).all()]
        raise InputError([f"{format_names(dict.fromkeys(lacking))}: has no value in some runs, so it cannot be calibrated to"])
    known = [figure if u else blank for figure, blank, u in zip(published, study.figures, used, strict=True)]
    scales = scales_of(study.scenario, known, values)
    emulator = fit(design, scales.scaled(values))
    return Likelihood(emulator, scales, used, discrepancy), emulator, scales, used


def calibrated(
    study: Study, published: Sequence[PublishedEntry], until: dt.date, design: Floats, values: Floats, discrepancy: bool,
    confidence: float,
) -> Calibration:  # fmt: skip
    """Return the calibration as of a date from the runs of a study."""
    likelihood, emulator, scales, used = _likelihood(study, published, until, design, values, discrepancy)
    posterior = sample(likelihood, _DRAWS, study.options.seed)
    ends = [(1 - confidence) / 2, 0.5, (1 + confidence) / 2]
    inputs = np.array([[*study.inputs_at(point).values()] for point in posterior.points.tolist()])
    low, middle, high = np.quantile(inputs, ends, axis=0).tolist()
    priors = [[each.at(q)[each.input.name] for q in ends] for each in study.free]
    margins = [
        Margin(name, prior[1], prior[0], prior[2], middle[k], low[k], high[k])
        for k, (name, prior) in enumerate(zip(study.names, priors, strict=True))
    ]
    bounds = [f.bounds if u else (0.0, 0.0) for f, u in zip(published, [bool(u) for u in used], strict=True)]
    targets = scales.scaled(
        np.array([low if np.isinf(high) else high if np.isinf(low) else (low + high) / 2 for low, high in bounds])
    )
    outside = np.where(used, distance(targets, scales.scaled(values)), 0.0)
    predicted = np.quantile(posterior.predicted, ends, axis=0)
    fits = [
        Fit(
            f,
            bool(u),
            float(predicted[1, i]),
            float(predicted[0, i]),
            float(predicted[2, i]),
            float(emulator.explained[i]),
            float(outside[i]),
        )
        for i, (f, u) in enumerate(zip(published, used, strict=True))
    ]
    sizes = np.median(posterior.sizes, axis=0)
    kinds = {name: float(s) for name, s in zip(scales.kinds, sizes, strict=True)} if discrepancy else {}
    return Calibration(
        study.scenario, study.folder, until, study.options.seed, len(design), confidence, margins, fits, kinds,
        posterior.effective, inputs, posterior.predicted,
    )  # fmt: skip


def _write(result: Calibration, study: Study, scenario: Scenario) -> None:
    """Write the posterior as a table, and a scenario that extends the old one with it."""
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([study.names, *result.draws.tolist()])
    write_text(result.folder / TABLE, table.getvalue())
    plain = parse_yaml(scenario.to_yaml(), SCENARIO).plain()
    kept = [entry for entry in with_whole_paths(scenario.document)["uncertain"] if _name_of(entry) not in study.names]
    over = {"scenario": f"{scenario.name}-calibrated", "uncertain": [{"table": TABLE}, *kept]}
    source = scenario.document.source
    in_file = source.root is scenario.document and Path(source.name).is_file()
    content = {"extends": str(Path(source.name).absolute()), **over} if in_file else {**plain, **over}
    write_text(result.folder / SCENARIO, dump_yaml(content))
    write_text(result.folder / RESULT, json_text(result.json(), indent=2) + "\n")


def _name_of(entry: dict[str, Any]) -> str | None:
    """Return the name of the input of an entry of `uncertain:`; ``None`` for a table."""
    return f"{SCALE}{entry['scale']}" if "scale" in entry else entry.get("set")
