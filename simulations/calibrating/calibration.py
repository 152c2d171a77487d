"""Calibrate the uncertain inputs of a scenario to the figures that were published by a date."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
from simulations.measuring.descriptors import describe
from simulations.measuring.selection import unknown_measures
from simulations.run_folder.folders import default_folder
from simulations.run_folder.manifest import scenario_hash
from simulations.run_folder.whole_files import write_text
from simulations.running.cluster import one_connection
from simulations.running.intervals import confidence_problems
from simulations.running.options import CalibrationKeywords, CalibrationOptions, changed_options
from simulations.running.progress import Progress, shown
from simulations.running.recorded import recorded_scenario
from simulations.running.shown import Shown
from simulations.scenarios.format import PublishedEntry
from simulations.scenarios.scenario import Scenario, with_whole_paths
from simulations.scenarios.uncertainty import SCALE, Uncertain, UncertainTable
from workflow.errors import InputError, nearest
from workflow.files.arguments import check_arguments, date_problems, list_problems
from workflow.files.json_text import check_types, json_text
from workflow.files.opening import JSON_BYTES, read_file, read_json
from workflow.files.table import n_of
from workflow.files.validation import format_names
from workflow.files.yaml_tree import dump_yaml, parse_yaml
from workflow.run_files.manifest import check_own_files

TABLE, PREDICTED, SCENARIO, RESULT = "posterior.csv", "predicted.csv", "posterior.yaml", "calibration.json"
_DEFAULTS = CalibrationOptions()
_DRAWS = 1000
_PACKAGES = ("emcee", "sklearn", "scoringrules")
_RUNS_PER_INPUT = 15
_FAR = 1.0
"""A figure is out of reach if it lies so many standard deviations of the runs outside all of them."""


@dataclass(frozen=True, slots=True)
class Margin:
    """One input before and after.

    Attributes
    ----------
    name : str
        The path of the input.
    prior, prior_low, prior_high : float
        The median before, with the ends of the interval (``CalibrationOptions.confidence``), in the unit of the input.
    posterior, posterior_low, posterior_high : float
        The same after.
    """

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
        Of a later figure: of one new course of events, with the discrepancy, given the figures that were used. Of a figure that was
        used: what the model alone has on average with the posterior of the inputs.
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
class Calibration(Shown):
    """A posterior of uncertain inputs.

    Attributes
    ----------
    folder : Path
        It has the runs, the posterior and what it forecasts as tables, and a scenario that reads the posterior.
    until : date
        No figure after this date was read.
    margins : list of Margin
    fits : list of Fit
        For each published figure, and each that was to be forecast besides.
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
    def forecasts(self) -> list[Fit]:
        """Return the figures of later dates, whose values were not read, by measure and date."""
        later = [fit for fit in self.fits if not fit.used]
        order = list(dict.fromkeys(fit.figure.measure for fit in later))
        return sorted(
            later, key=lambda fit: (order.index(fit.figure.measure), fit.figure.court != "all", fit.figure.court, fit.figure.at)
        )

    @property
    def out_of_reach(self) -> list[PublishedEntry]:
        """Return the figures that no inputs reach."""
        return [fit.figure for fit in self.fits if fit.used and fit.outside > _FAR]

    def __repr__(self) -> str:
        n = len(self.margins)
        return f"<Calibration of {n_of(n, 'input')} of {self.scenario.name!r} until {self.until}, {n_of(self.n_runs, 'run')}, in {self.folder}>"

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
    options: CalibrationOptions = _DEFAULTS,
    *,
    at: Sequence[dt.date] = (),
    measures: Sequence[str] = (),
    out: str | Path | None = None,
    progress: Progress = None,
    **changed: Unpack[CalibrationKeywords],
) -> Calibration:
    """Calibrate uncertain inputs to the figures that were published by a date, and forecast later ones.

    Parameters
    ----------
    until : date
        The values of later figures are not read.
    at : sequence of date, optional
        Forecast measures of all courts together at the end of these days as well.
    measures : sequence of str, optional
        The measures to forecast then. Default: those of the figures of all courts together up to `until`.
    options : CalibrationOptions, optional
        Number of runs, seed, workers, engine and so on.
    out : path, optional
        A new folder. Default: ``runs/calibrate-<scenario>-<date and time>``.
    progress : callable or False, optional
        Called with the finished and the total number of runs. Default: a bar in a terminal, a line in a notebook, nothing in a
        pipe. ``False`` shows nothing.
    **changed
        Single options, such as ``runs=100, free=["arrivals.north.rate"]``: the fields of `CalibrationOptions`.

    Raises
    ------
    InputError
        For a mistake in the input. Nothing has been written.
    RunFolderExists
        If the folder exists and `resume` is false.
    """
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    options = changed_options(options, changed, calibrate)
    check_arguments([*date_problems(until=until), *list_problems(at=at, measures=measures)])
    check_arguments(problem for day in at for problem in date_problems(at=day))
    asked = replace(loaded, published=(*loaded.published, *_asked(loaded, until, at, measures)))
    study = opened(new_study(asked, [until], options, out, "calibrate"))
    with shown(progress) as report, one_connection(study.options.cluster):
        design, values = run_study(study, asked.published, until, report)
    result = calibrated(study, asked.published, until, emulated(study, design, values), values)
    _write(result, study)
    return result


def _asked(scenario: Scenario, until: dt.date, at: Sequence[dt.date], measures: Sequence[str]) -> list[PublishedEntry]:
    """Return the figures to forecast that are not among the published ones; their value, 0, means nothing."""
    problems = [
        f"at: {day} is not between until, {until}, and ends, {scenario.ends}" for day in at if not until < day <= scenario.ends
    ]
    if measures and not at:
        problems.append("measure: chooses what to forecast; give a date with at (--at)")
    problems += unknown_measures(measures, describe(scenario))
    if problems:
        raise InputError(problems)
    names = measures or dict.fromkeys(f.measure for f in scenario.published if f.court == "all" and f.at <= until)
    known = {(f.measure, f.at) for f in scenario.published if f.court == "all"}
    asked = [(name, day) for name in dict.fromkeys(names) for day in sorted({*at}) if (name, day) not in known]
    return [_blank(name, day) for name, day in asked]


def _blank(name: str, day: dt.date) -> PublishedEntry:
    return PublishedEntry.model_validate({"measure": name, "at": day, "value": 0})


def new_study(
    scenario: Scenario, dates: Sequence[dt.date], options: CalibrationOptions, out: str | Path | None, what: str
) -> Study:
    """Check the input, and return what is to run.

    Parameters
    ----------
    dates : sequence of date
        The figures up to each of them are used together.
    what : str
        ``calibrate`` or ``hindcast``.

    Raises
    ------
    InputError
        With every mistake.
    """
    single = {each.input.name: each for each in scenario.uncertain if isinstance(each, Uncertain)}
    chosen = tuple(each for name, each in single.items() if not options.free or name in options.free)
    n_runs = options.runs or max(60, _RUNS_PER_INPUT * len(chosen))
    problems = [*options.work_problems(scenario, n_runs), *confidence_problems(options.confidence)]
    if any(find_spec(package) is None for package in _PACKAGES):
        problems.append(f"{what} needs more packages: install the extra 'calibrate' (pip install 'docketsim[calibrate]')")
    for name in options.free if single else ():
        if name not in single:
            problems.append(
                f"free {name}: is not an uncertain input.{nearest(name, single) or f' Known: {format_names(single)}.'}"
            )
    if not single:
        tables = [each.name for each in scenario.uncertain if isinstance(each, UncertainTable)]
        why = f"; {tables[0]} is calibrated already, so calibrate the scenario that this one extends" if tables else ""
        problems.append(f"{scenario.name}: has no uncertain input with a distribution of its own{why}")
    for date in dates:
        if not any(figure.at <= date for figure in scenario.published):
            problems.append(f"{'until' if what == 'calibrate' else 'as of'} {date}: no figure was published by then")
    if options.runs is not None and options.budget_seconds is not None:
        problems.append(f"{what}: give either a number of runs or a budget of time")
    if options.runs is not None and not 40 <= options.runs <= MOST:
        problems.append(f"runs: must be from 40 to {MOST:,}, not {options.runs:,}")
    if problems:
        raise InputError(problems)
    folder = Path(out) if out is not None else default_folder(f"{what}-{scenario.name}")
    figures = tuple(f.model_copy(update={"value": 0, "within": None, "source": None}) for f in scenario.published)
    return Study(scenario, chosen, figures, folder, options, n_runs)


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
    used = [i for i, figure in enumerate(published) if figure.at <= until]
    part = replace(study, figures=tuple(study.figures[i] for i in used))
    emulator = emulated(part, first, values[:, used])
    likelihood = _likelihood(part, [published[i] for i in used], until, emulator, values[:, used], discrepancy=True)[0]
    more = sample(likelihood, n_more, study.options.seed, rough=True).points
    more = np.clip(more + 0.3 * np.random.default_rng(study.options.seed).standard_normal(more.shape), -3.0, 3.0)
    stored = study.finished()
    for k in range(n_more):
        if len(first) + k + 1 in stored:  # the same up to rounding, on whatever machine it is resumed
            more[k] = stored[len(first) + k + 1][0]
    return np.concatenate([first, more]), np.concatenate([values, study.run(more, len(first) + 1, report)])


def emulated(study: Study, design: Floats, values: Floats) -> Emulator:
    """Return emulators of the figures of a study.

    Parameters
    ----------
    values : ndarray of float, shape (n_runs, n_figures)
        What each run has in place of each figure.
    """
    if not np.isfinite(values).all():
        lacking = [f.measure for i, f in enumerate(study.figures) if not np.isfinite(values[:, i]).all()]
        raise InputError([f"{format_names(dict.fromkeys(lacking))}: has no value in some runs, so it cannot be calibrated to"])
    return fit(design, scales_of(study.scenario, study.figures, values).scaled(values), study.options.workers)


def _likelihood(
    study: Study, published: Sequence[PublishedEntry], until: dt.date, emulator: Emulator, values: Floats, discrepancy: bool
) -> tuple[Likelihood, Scales, NDArray[np.bool_]]:
    """Return the likelihood of the figures up to a date; values of later ones are not read."""
    used = np.array([figure.at <= until for figure in published])
    known = [figure if u else blank for figure, blank, u in zip(published, study.figures, used, strict=True)]
    scales = scales_of(study.scenario, known, values)
    return Likelihood(emulator, scales, used, discrepancy), scales, used


def calibrated(
    study: Study, published: Sequence[PublishedEntry], until: dt.date, emulator: Emulator, values: Floats
) -> Calibration:
    """Return the calibration as of a date from the runs of a study."""
    confidence, discrepancy = study.options.confidence, study.options.discrepancy
    likelihood, scales, used = _likelihood(study, published, until, emulator, values, discrepancy)
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
    alone = scales.plain(emulator.mean(posterior.points))
    predicted = np.quantile(np.where(used, alone, posterior.predicted), ends, axis=0)
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
        study.scenario, study.folder, until, study.options.seed, len(values), confidence, margins, fits, kinds,
        posterior.effective, inputs, posterior.predicted,
    )  # fmt: skip


def _write(result: Calibration, study: Study) -> None:
    """Write the posterior as a table, and a scenario that extends the old one with it."""
    scenario = result.scenario
    _write_table(result.folder / TABLE, study.names, result.draws)
    _write_table(result.folder / PREDICTED, _figure_names(scenario), result.predicted)
    plain = parse_yaml(scenario.to_yaml(), SCENARIO).plain()
    kept = [entry for entry in with_whole_paths(scenario.document)["uncertain"] if _name_of(entry) not in study.names]
    over = {"scenario": f"{scenario.name}-calibrated", "uncertain": [{"table": TABLE}, *kept]}
    source = scenario.document.source
    in_file = source.root is scenario.document and Path(source.name).is_file()
    content = {"extends": str(Path(source.name).absolute()), **over} if in_file else {**plain, **over}
    write_text(result.folder / SCENARIO, dump_yaml(content))
    written = {**result.json(), "scenario_hash": scenario_hash(scenario)}
    write_text(result.folder / RESULT, json_text(written, indent=2) + "\n")


def _figure_names(scenario: Scenario) -> list[str]:
    """Return a name for each figure, for the columns of a table."""
    return [f"{f.measure} {f.court} {f.at}" for f in scenario.published]


def _write_table(path: Path, names: Sequence[str], rows: Floats) -> None:
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([names, *rows.tolist()])
    write_text(path, table.getvalue())


def _read_table(path: Path, names: Sequence[str]) -> Floats:
    """Return the rows of a table with these columns."""
    header, *rows = csv.reader(io.StringIO(read_file(path, JSON_BYTES).decode()))
    if header != [*names] or not rows or any(len(row) != len(names) for row in rows):
        raise ValueError(f"{path.name}: is not the table of {format_names(names)}")
    values: Floats = np.array(rows, dtype=float)
    return values


@contextmanager
def reading_result(folder: Path, what: str) -> Iterator[None]:
    """Report what is wrong with the result in a folder, which another program may have changed."""
    try:
        yield
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError([f"{folder}: is not the folder of a {what}: {RESULT}: {reason}"]) from None


def read_calibration(folder: str | Path, scenario: str | Path | Scenario | None = None) -> Calibration:
    """Return the result of a calibration from its folder, as `calibrate` returned it.

    Parameters
    ----------
    scenario : Scenario, str or Path, optional
        The original scenario. Needed if it reads tables from files beside it.

    Raises
    ------
    InputError
        If it is not the folder of a finished calibration.
    """
    folder = Path(folder)
    check_own_files(folder)
    content = read_json(folder / RESULT)
    with reading_result(folder, "calibration"):
        loaded = recorded_scenario(folder, {"scenario_hash": content["scenario_hash"]}, scenario, "be read")
        margins = [Margin(**row) for row in content["inputs"]]
        header = tuple(content[key] for key in ("seed", "runs", "confidence", "discrepancy"))
        check_types(tuple[int, int, float, dict[str, float]], header)
        check_types(list[Margin], margins)
        keys = [(row["measure"], row["court"], row["at"]) for row in content["figures"]]
        n = len(loaded.published)
        if keys[:n] != [(f.measure, f.court, f.at.isoformat()) for f in loaded.published]:
            raise ValueError("figures: are not those of the scenario")
        if unknown := unknown_measures([name for name, _, _ in keys[n:]], describe(loaded)):
            raise ValueError(f"figures: {unknown[0]}")
        asked = [_blank(name, dt.date.fromisoformat(day)) for name, _, day in keys[n:]]
        loaded = replace(loaded, published=(*loaded.published, *asked))
        fits = [
            Fit(figure, row["used"], *(_number(row[key]) for key in ("median", "low", "high", "explained", "outside")))
            for figure, row in zip(loaded.published, content["figures"], strict=True)
        ]
        draws = _read_table(folder / TABLE, [m.name for m in margins])
        predicted = _read_table(folder / PREDICTED, _figure_names(loaded))
        until, effective = dt.date.fromisoformat(content["until"]), _number(content["effective_draws"])
    seed, n_runs, confidence, sizes = header
    return Calibration(loaded, folder, until, seed, n_runs, confidence, margins, fits, sizes, effective, draws, predicted)


def _number(value: object) -> float:
    """Return a number of a JSON file, in which NaN is null."""
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise ValueError(f"{value!r} is not a number")
    return math.nan if value is None else float(value)


def _name_of(entry: dict[str, Any]) -> str | None:
    """Return the name of the input of an entry of `uncertain:`; ``None`` for a table."""
    return f"{SCALE}{entry['scale']}" if "scale" in entry else entry.get("set")
