"""Run a scenario at every point of a grid with common random numbers.

Every point has its own run folder in the folder of the sweep: ``point-1``, ``point-2`` and so on.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from simulations.loading import change_scenario, load_scenario
from simulations.measuring.descriptors import describe, utilisation_name, waiting_name
from simulations.measuring.selection import Selection, explain_missing
from simulations.planning.grid import Axis, Grid, parse_grid
from simulations.run_folder.folders import default_folder
from simulations.run_folder.whole_files import write_text
from simulations.running.growing import GrowingQueue
from simulations.running.joint_runs import check_each, open_joint_folder, run_each
from simulations.running.options import RunKeywords, RunOptions, changed_options
from simulations.running.progress import Progress
from simulations.running.recorded import read_result
from simulations.running.results import Estimate
from simulations.running.run_result import RunResult
from simulations.running.shown import Answered
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError, MissingResult, format_names, nearest
from workflow.files.json_text import check_types, json_text
from workflow.files.opening import read_json
from workflow.files.table import n_of
from workflow.run_files.manifest import check_own_files

if TYPE_CHECKING:
    from simulations import SweepPlots

RESULT = "sweep.json"
_DEFAULTS = RunOptions(replications=10, keep="measures")
_MOST_MISTAKES = 20


@dataclass(frozen=True)
class Point:
    """One point of the grid, and its results.

    Attributes
    ----------
    texts : tuple of str
        The value on each axis, as ``--set`` reads it.
    set : dict
        The values by path.
    estimates : list of Estimate
        At the end of the run and of each day in `at`.
    growing : list of GrowingQueue
        Queues that are still growing at the end.
    """

    texts: tuple[str, ...]
    set: dict[str, Any]
    scenario: Scenario
    folder: Path
    estimates: list[Estimate]
    growing: list[GrowingQueue]

    def get(self, measure: str, court: str = "all", at: dt.date | None = None) -> Estimate:
        """Return one estimate.

        Raises
        ------
        MissingResult
            If there is no such estimate.
        """
        for estimate in self.estimates:
            if (estimate.measure, estimate.court, estimate.at) == (measure, court, at):
                return estimate
        courts, names = ({getattr(e, part) for e in self.estimates} for part in ("court", "measure"))
        selection = Selection(tuple(sorted(names)), tuple(sorted(courts)))
        measured = ((e.measure, e.court, e.at) for e in self.estimates)
        raise MissingResult(explain_missing(self.scenario, selection, measure, court, at, measured))

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "set": self.set,
            "run": str(self.folder),
            "measures": [e.json() for e in self.estimates],
            "growing": [queue.json() for queue in self.growing],
        }


@dataclass(frozen=True)
class Sweep(Answered):
    """The results at every point; iterating gives the points.

    Attributes
    ----------
    grid : Grid
    points : list of Point
        In the order of the grid; the last axis varies fastest.
    shown : list of (str, str)
        The measures and courts of a table or a chart: the requested ones, or by default dates, pending cases, and
        waiting time and utilisation of the changed pools.
    """

    name: str
    folder: Path
    seed: int
    replications: int
    confidence: float
    grid: Grid
    points: list[Point]
    shown: list[tuple[str, str]]

    def __iter__(self) -> Iterator[Point]:
        return iter(self.points)

    def __len__(self) -> int:
        return len(self.points)

    def point(self, values: Mapping[str, Any]) -> Point:
        """Return the point with some values: ``sweep.point({"pools.clerks.size.north": 3})``.

        Raises
        ------
        MissingResult
            If no point has them, or several have.
        """
        paths = [axis.path for axis in self.axes]
        if unknown := [path for path in values if path not in paths]:
            hint = nearest(unknown[0], paths)
            raise MissingResult(f"{unknown[0]!r} is not an axis of the sweep.{hint} Its axes: {format_names(paths)}.")
        chosen = [point for point in self.points if all(point.set[path] == value for path, value in values.items())]
        if len(chosen) == 1:
            return chosen[0]
        which = ", ".join(f"{path} = {value}" for path, value in values.items()) or "no values"
        axes = "; ".join(f"{axis.path}: {format_names(axis.values)}" for axis in self.axes)
        raise MissingResult(f"{n_of(len(chosen), 'point')} with {which}; give one value of each axis. {axes}.")

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Return the axes of the grid."""
        return self.grid.axes

    @property
    def plot(self) -> SweepPlots:
        """Return its figure: ``sweep.plot()``."""
        from simulations import SweepPlots

        return SweepPlots(self)

    def __repr__(self) -> str:
        axes = " and ".join(axis.path for axis in self.axes)
        return f"<Sweep of {self.name!r} by {axes}: {n_of(len(self.points), 'point')}, {n_of(self.replications, 'replication')} each, in {self.folder}>"

    def has(self, measure: str, court: str, day: dt.date | None) -> bool:
        """Return whether every point has this measure: a pool shared by all courts has no utilisation at one court."""
        return all(any((e.measure, e.court, e.at) == (measure, court, day) for e in p.estimates) for p in self.points)

    def describe(self, point: Point) -> str:
        """Return the values of a point by the names of their axes, such as ``size.north=4, size.south=2``."""
        return ", ".join(f"{axis.name}={text}" for axis, text in zip(self.axes, point.texts, strict=True))

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        return {
            "answer": self.sentences,
            "scenario": self.name,
            "run": str(self.folder),
            "seed": self.seed,
            "replications": self.replications,
            "confidence": self.confidence,
            "axes": [{"path": axis.path, "values": list(axis.values)} for axis in self.axes],
            "changes": list(self.grid.given),
            "shown": [list(one) for one in self.shown],
            "points": [point.json() for point in self.points],
        }


def sweep(
    scenario: Scenario | str | Path,
    changes: Mapping[str, Any] | Sequence[str],
    options: RunOptions = _DEFAULTS,
    *,
    out: str | Path | None = None,
    progress: Progress = None,
    **changed: Unpack[RunKeywords],
) -> Sweep:
    """Run a scenario at every point of a grid, with common random numbers.

    Parameters
    ----------
    scenario : Scenario, str or Path
        A scenario, or the name or path of one.
    changes : mapping or sequence of str
        The values by path, such as ``{"pools.reviewers.size.denver": [8, 12, 16], "ends": date(2012, 3, 1)}``; or texts:
        ``"pools.reviewers.size.denver=8:24:2"`` (from, to and step, of numbers or dates) or ``"...=8,12,16"``. Changes with
        several values span the grid. A change with one value holds at every point.
    options : RunOptions, optional
        Options of each run. Replication k has the same random numbers at every point. With `measures` and `courts`, only
        these are computed.
    out : path, optional
        The folder of all runs. Default: ``runs/sweep-<scenario>-<date and time>``.
    progress : callable or False, optional
        Called with the finished and the total number of replications. Default: a bar in a terminal, a line in a notebook,
        nothing in a pipe. ``False`` shows nothing.
    **changed
        Single options, such as ``replications=20, seed=5``: the fields of `RunOptions`.

    Raises
    ------
    InputError
        For a mistake in the input at any point of the grid. Nothing has been written.
    RunFolderExists
        If the folder exists and `resume` is false.
    """
    options = changed_options(options, changed, sweep)
    grid, scenarios = _scenarios(scenario, changes)
    first = scenarios[0]
    check_each(scenarios, options)
    folder = Path(out) if out is not None else default_folder(f"sweep-{first.name}")
    names = [f"point-{k}" for k in range(1, len(scenarios) + 1)]
    open_joint_folder(folder, options.resume, rf"{'|'.join(names)}|\.?sweep\.\w+.*|report\.html", "sweep of this grid")
    runs = run_each(dict(zip(names, scenarios, strict=True)), folder, options, progress)
    points = [_point(grid, texts, run, {None, *options.at}) for texts, run in zip(grid.points(), runs.values(), strict=True)]
    shown = _shown(first, grid, options.measures, options.courts)
    result = Sweep(first.name, folder, options.seed, options.replications, options.confidence, grid, points, shown)
    write_text(folder / RESULT, json_text(result.json(), indent=2) + "\n", folders=False)
    return result


def read_sweep(folder: str | Path) -> Sweep:
    """Read the result of a sweep from its folder.

    Raises
    ------
    InputError
        If it is not the folder of a sweep, or one of its points cannot be read.
    """
    folder = Path(folder)
    check_own_files(folder)
    try:
        content = read_json(folder / RESULT)
        grid, problems = parse_grid(content["changes"])
        shown = [(measure, court) for measure, court in content["shown"]]
        kept = [{(e["measure"], e["court"], e["at"]) for e in point["measures"]} for point in content["points"]]
        check_types(
            tuple[str, int, int, float, list[tuple[str, str]]],
            tuple(content[key] for key in ("scenario", "seed", "replications", "confidence", "shown")),
        )
        if not 0 < content["confidence"] < 1:
            raise ValueError(f"confidence: must be between 0 and 1, not {content['confidence']:g}")
        if sum(1 for _ in itertools.islice(grid.points(), len(kept) + 1)) != len(kept):
            raise ValueError(f"points: the grid has another number of points than {len(kept)}")
        header = (content["scenario"], folder, content["seed"], content["replications"], content["confidence"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError([f"{folder}: is not the folder of a sweep: {RESULT}: {reason}"]) from None
    if problems:
        raise InputError([f"{folder}: {RESULT}: {problem}" for problem in problems])
    points = []
    for k, (texts, names) in enumerate(zip(grid.points(), kept, strict=True), start=1):
        run = read_result(folder / f"point-{k}")
        estimates = [e for e in run.estimates if (e.measure, e.court, e.at and e.at.isoformat()) in names]
        points.append(Point(texts, grid.named(texts), run.scenario, run.folder, estimates, run.growing))
    return Sweep(*header, grid, points, shown)


def _scenarios(scenario: Scenario | str | Path, changes: Mapping[str, Any] | Sequence[str]) -> tuple[Grid, list[Scenario]]:
    """Return the scenario at every point. Report all mistakes of the grid and the points together, each once."""
    grid, problems = parse_grid(changes)
    base = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    scenarios: list[Scenario] = []
    for point in grid.points():
        try:
            scenarios.append(change_scenario(base, grid.changes(point)))
        except InputError as error:
            problems += [str(p) for p in error.problems]
    if problems:
        unique = list(dict.fromkeys(problems))
        more = [f"and {len(unique) - _MOST_MISTAKES} more"] if len(unique) > _MOST_MISTAKES else []
        raise InputError([*unique[:_MOST_MISTAKES], *more])
    return grid, scenarios


def _point(grid: Grid, texts: tuple[str, ...], run: RunResult, days: set[dt.date | None]) -> Point:
    estimates = [e for e in run.estimates if e.at in days]
    return Point(texts, grid.named(texts), run.scenario, run.folder, estimates, run.growing)


def _shown(scenario: Scenario, grid: Grid, measures: Sequence[str], courts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the measures and courts of the table: the requested ones, or the defaults."""
    if not measures:
        changed = {axis.path.split(".")[1] for axis in grid.axes if axis.path.startswith("pools.")}
        measures = [name for name, descriptor in describe(scenario).items() if descriptor.is_date]
        measures += ["pending"]
        measures += [waiting_name(work.activity) for work in scenario.work.values() if not changed.isdisjoint(work.pools)]
        measures += [utilisation_name(pool) for pool in scenario.pools if pool in changed]
    if not courts:
        courts = ("all",) if len(scenario.courts) == 1 or len(scenario.courts) > 4 else (*scenario.courts, "all")
    return [(measure, court) for court in courts for measure in measures]
