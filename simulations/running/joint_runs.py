"""Several runs with common random numbers in one folder: the scenarios of a comparison, or the points of a sweep.

Each run has its own run folder, which can be resumed, verified and queried like any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from simulations.loading import change_scenario, load_scenario
from simulations.run_folder.folders import RunFolderExists, deleted, make_folder
from simulations.running.cluster import one_connection
from simulations.running.jobs import check_run
from simulations.running.options import RunOptions
from simulations.running.progress import Progress, Report, shown
from simulations.running.run_result import RunResult
from simulations.running.runs import run
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError
from workflow.run_files.manifest import check_own_files


def loaded(scenario: Scenario | str | Path, changes: Sequence[str]) -> Scenario:
    """Return a scenario with changes.

    Raises
    ------
    InputError
        With every mistake.
    """
    return change_scenario(scenario, changes) if isinstance(scenario, Scenario) else load_scenario(scenario, changes)


def check_each(scenarios: Sequence[Scenario], options: RunOptions) -> None:
    """Check that every run can start, and that all together do not exceed the limits of work, before anything is written.

    Raises
    ------
    InputError
        With every mistake, each once.
    """
    problems: list[str] = []
    for scenario in scenarios:
        try:
            check_run(scenario, options)
        except InputError as error:
            problems += [p.message for p in error.problems]
    problems = problems or options.work_problems(scenarios[0], len(scenarios))
    if problems:
        raise InputError(list(dict.fromkeys(problems)))


def open_joint_folder(folder: Path, resume: bool, pattern: str, what: str) -> None:
    """Create the folder of several runs, or check that an existing one can be resumed.

    Parameters
    ----------
    pattern : str
        A regular expression that matches the names of the folder's own files.
    what : str
        What the folder holds, for the message: ``comparison``.

    Raises
    ------
    RunFolderExists
        If it exists and `resume` is false, or it contains other files.
    """
    make_folder(folder, resume)
    check_own_files(folder)
    foreign = sorted(p.name for p in folder.iterdir() if not re.fullmatch(pattern, p.name))
    if foreign:
        raise RunFolderExists(f"{folder} cannot be resumed as a {what}: it contains {foreign[0]}. Give another folder.")


def run_each(scenarios: Mapping[str, Scenario], folder: Path, options: RunOptions, progress: Progress) -> dict[str, RunResult]:
    """Run each scenario in its own subfolder, with the same options.

    Parameters
    ----------
    scenarios : mapping of str to Scenario
        By the names of their subfolders.
    progress : callable, False or None
        As for `simulations.running.progress.shown`; called with the replications of all runs.

    Raises
    ------
    WriteFailed
        If the folder disappears. It is not created again for the runs that are left.
    """
    results = {}
    with shown(progress) as report, one_connection(options.cluster):
        for finished, (name, scenario) in enumerate(scenarios.items()):
            if not folder.is_dir():
                raise deleted(str(folder))
            results[name] = run(scenario, options, out=folder / name, progress=_of_all(report, finished, len(scenarios)))
    return results


def _of_all(report: Report | None, before: int, runs: int) -> Progress:
    return False if report is None else lambda done, todo: report(before * todo + done, runs * todo)
