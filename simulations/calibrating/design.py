"""The runs of a calibration: a quasi-random design over the prior, then more runs where the posterior lies.

Each run has its own random draws, and is written to a file as soon as it is finished. So an interrupted calibration resumes with
the runs that it has, and gives the same result.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from simulations.calibrating.figures import Floats, values_at
from simulations.calibrating.posterior import probability
from simulations.engines.choosing import choose_engine, prepare
from simulations.run_folder.folders import make_folder, write_scenario
from simulations.run_folder.manifest import scenario_hash
from simulations.run_folder.whole_files import write_text
from simulations.running.options import CalibrationOptions
from simulations.running.progress import doing
from simulations.running.replicating import Design, read_designs, until
from simulations.scenarios.format import PublishedEntry
from simulations.scenarios.scenario import Scenario
from simulations.scenarios.uncertainty import Uncertain
from workflow.errors import InputError
from workflow.files.json_text import json_text
from workflow.files.opening import read_json

SETTINGS, RUNS = "design.json", "runs.jsonl"
FIRST = 0.6
"""The share of the runs that cover the prior."""

FEWEST, MOST = 20, 2000
_OF_BUDGET = 0.75
"""The share of a time budget that goes into runs."""


@dataclass(frozen=True)
class Study:
    """What a calibration runs, and where it keeps the runs.

    Attributes
    ----------
    free : tuple of Uncertain
        The inputs to calibrate. All others are drawn from their distributions in each run.
    figures : tuple of PublishedEntry
        The figures that runs are measured for. Their values are not read.
    n_runs : int
        Number of runs, of both rounds.
    """

    scenario: Scenario
    free: tuple[Uncertain, ...]
    figures: tuple[PublishedEntry, ...]
    folder: Path
    options: CalibrationOptions
    n_runs: int

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the free inputs."""
        return tuple(each.input.name for each in self.free)

    def inputs_at(self, scores: Sequence[float]) -> dict[str, float]:
        """Return the free inputs at standard normal scores."""
        return {n: v for each, z in zip(self.free, scores, strict=True) for n, v in each.at(probability(z)).items()}

    def first_points(self) -> Floats:
        """Return the points of the first round: a scrambled Halton sequence over the prior."""
        from scipy.special import ndtri
        from scipy.stats import qmc

        n = max(FEWEST, round(FIRST * self.n_runs))
        unit = qmc.Halton(len(self.free), rng=np.random.default_rng(self.options.seed)).random(n)
        points: Floats = ndtri(np.clip(unit, 0.002, 0.998))
        return points

    def run(self, points: Floats, first: int, report: Callable[[int, int], None] | None) -> Floats:
        """Run the design points that are not in the folder yet, and return what each run has in place of the figures.

        Parameters
        ----------
        first : int
            The number of the first point; run k has the draws of replication k.
        """
        known = self.finished()
        last = max(figure.at for figure in self.figures)
        short = until(self.scenario, last)
        numbers = range(first, first + len(points))
        for k, point in zip(numbers, points, strict=True):
            if k in known and not np.allclose(known[k][0], point, atol=1e-9):
                raise InputError([f"{self.folder / RUNS}: run {k} has other inputs than this calibration; give another folder"])
        todo = [k for k in numbers if k not in known]
        designs = [self._design(points[k - first], k) for k in todo]
        done = len(known)

        def progress(finished: int, _: int) -> None:
            if report is not None:
                report(done + finished, self.n_runs)

        values = read_designs(partial(values_at, figures=self.figures), short, designs, self.options, progress)
        with (self.folder / RUNS).open("a", encoding="utf-8") as file:
            for k, row in zip(todo, values, strict=True):
                known[k] = (np.asarray(points[k - first]), np.asarray(row))
                file.write(json.dumps({"run": k, "scores": points[k - first].tolist(), "values": row}) + "\n")
                file.flush()
        return np.array([known[k][1] for k in numbers])

    def _design(self, point: Floats, k: int) -> Design:
        return Design({**self.scenario.draws(self.options.seed, k), **self.inputs_at(point.tolist())}, k)

    def finished(self) -> dict[int, tuple[Floats, Floats]]:
        """Return scores and values of the runs in the folder; a line that was cut off is not a run."""
        path = self.folder / RUNS
        runs: dict[int, tuple[Floats, Floats]] = {}
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            write_text(path, whole)
        for line in whole.splitlines():
            try:
                row: Any = json.loads(line)
                scores, values = (np.array(row[key], float) for key in ("scores", "values"))
                runs[int(row["run"])] = (scores, values)
            except (ValueError, KeyError, TypeError):
                raise InputError([f"{path}: is not the file of a calibration; give another folder"]) from None
            if scores.shape != (len(self.free),) or values.shape != (len(self.figures),):
                raise InputError([f"{path}: is of another calibration; give another folder"])
        return runs

    def settings(self) -> dict[str, Any]:
        """Return what determines the runs."""
        return {
            "scenario_hash": scenario_hash(self.scenario.change({"published": [], "about": {}})),
            "seed": self.options.seed,
            "free": list(self.names),
            "figures": [[f.measure, f.court, f.at.isoformat()] for f in self.figures],
            "runs": self.n_runs,
        }


def opened(study: Study) -> Study:
    """Create the folder of a study, or open it again to resume; return the study with its number of runs.

    A budget of time becomes a number of runs from the speed of the first ones. The number is stored.

    Raises
    ------
    RunFolderExists
        If the folder exists and is not resumed.
    InputError
        If it belongs to another study.
    """
    path, budget_seconds = study.folder / SETTINGS, study.options.budget_seconds
    make_folder(study.folder, study.options.resume)
    if path.is_file():
        stored = read_json(path)
        if not isinstance(stored, dict) or type(stored.get("runs")) is not int:
            raise InputError([f"{path}: is not the file of a calibration"])
        same = replace(study, n_runs=stored["runs"])
        differ = [key for key, value in json.loads(json_text(same.settings())).items() if stored.get(key) != value]
        if differ:
            raise InputError([f"{study.folder} cannot be resumed: {', '.join(differ)} differ. Give another folder."])
        write_scenario(study.folder, study.scenario)
        return same
    if budget_seconds is not None:
        few = 2 * max(1, study.options.workers)
        (study.folder / RUNS).unlink(missing_ok=True)  # killed before it knew its speed
        if study.options.cluster is None:
            prepare(choose_engine(study.options.engine, study.scenario, few, False), study.scenario, doing)
        begin = time.monotonic()
        study.run(study.first_points()[:few], 1, None)
        pace = (time.monotonic() - begin) / few
        study = replace(study, n_runs=int(min(MOST, max(FEWEST * 2, _OF_BUDGET * budget_seconds / max(pace, 1e-6)))))
    write_text(path, json_text(study.settings(), indent=2) + "\n")
    write_scenario(study.folder, study.scenario)
    return study
