"""Several runs with the same chances in one folder: those of a comparison, and the points of a sweep.

Each is a run folder of its own, so that each is resumed, verified and asked like any other.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from simulations.loading import load_scenario
from simulations.run_folder.folders import RunFolderExists, make_folder
from simulations.running.run_result import RunResult
from simulations.running.runs import check_run, run
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError

__all__ = ["check_each", "loaded", "open_joint_folder", "run_each"]


def loaded(scenario: Scenario | str | Path, changes: Sequence[str]) -> Scenario:
    """Return a scenario; changes go with the name or path of one.

    Raises
    ------
    InputError
        With every mistake.
    """
    if not isinstance(scenario, Scenario):
        return load_scenario(scenario, changes)
    if changes:
        raise InputError(["changes go with the name or path of a scenario; give them to load_scenario"])
    return scenario


def check_each(
    scenarios: Sequence[Scenario],
    *,
    replications: int,
    seed: int,
    at: Sequence[dt.date],
    workers: int,
    confidence: float,
    engine: str,
) -> None:
    """See whether every run could begin, before anything is written.

    Raises
    ------
    InputError
        With every mistake, each once.
    """
    problems: list[str] = []
    for scenario in scenarios:
        try:
            check_run(
                scenario, replications=replications, seed=seed, at=at, workers=workers, confidence=confidence, engine=engine
            )  # fmt: skip
        except InputError as error:
            problems += [p.message for p in error.problems]
    if problems:
        raise InputError(list(dict.fromkeys(problems)))


def open_joint_folder(folder: Path, resume: bool, pattern: str, what: str) -> None:
    """Make the folder of several runs, or see that nothing but these is in the one to go on with.

    Parameters
    ----------
    pattern : str
        A regular expression of the names that belong there.
    what : str
        What the folder is, for the message: ``comparison``.

    Raises
    ------
    RunFolderExists
        If it is there without `resume`, or is of something else.
    """
    make_folder(folder, resume)
    foreign = sorted(p.name for p in folder.iterdir() if not re.fullmatch(pattern, p.name))
    if foreign:
        raise RunFolderExists(f"{folder} is no {what} that can be resumed: it has {foreign[0]}. Give another --out.")


def run_each(
    scenarios: Mapping[str, Scenario],
    folder: Path,
    *,
    replications: int,
    seed: int,
    at: Sequence[dt.date],
    workers: int,
    events: bool,
    resume: bool,
    confidence: float,
    engine: str,
    progress: Callable[[int, int], None] | None,
) -> dict[str, RunResult]:
    """Run each scenario into a folder of its own below one, with the same seed and replications.

    Parameters
    ----------
    scenarios : mapping of str to Scenario
        By the names of their folders.
    progress : callable, optional
        Called with the replications done and those to do, of all runs together.
    """
    found: dict[str, RunResult] = {}
    for done, (name, scenario) in enumerate(scenarios.items()):
        found[name] = run(
            scenario, replications=replications, seed=seed, out=folder / name, at=at, workers=workers, events=events,
            resume=resume, confidence=confidence, engine=engine, progress=_of_all(progress, done, len(scenarios)),
        )  # fmt: skip
    return found


def _of_all(progress: Callable[[int, int], None] | None, before: int, runs: int) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, todo: progress(before * todo + done, runs * todo)
