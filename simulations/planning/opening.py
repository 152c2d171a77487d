"""Open the folder of a run, a comparison or a sweep."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Literal

from simulations.comparing import comparison
from simulations.comparing.comparison import Comparison, read_comparison
from simulations.planning import sweeping
from simulations.planning.sweeping import Sweep, read_sweep
from simulations.run_folder.manifest import read_manifest
from simulations.running.recorded import read_result
from simulations.running.run_result import RunResult
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError


def kind_of(folder: str | Path) -> Literal["run", "comparison", "sweep"]:
    """Return what a folder holds, by its files; ``run`` if it has no file of the other kinds."""
    if (Path(folder) / comparison.RESULT).is_file():
        return "comparison"
    return "sweep" if (Path(folder) / sweeping.RESULT).is_file() else "run"


def open_run(folder: str | Path, scenario: str | Path | Scenario | None = None) -> RunResult | Comparison | Sweep:
    """Open the folder of a run, a comparison or a sweep, and return the result that was written to it.

    The folder is data: nothing in it is run, and no other file is read. If the run was interrupted, the result has the
    replications that are finished, and a warning says so.

    Parameters
    ----------
    folder : path
    scenario : Scenario, str or Path, optional
        The original scenario of a run. Needed if it reads tables of cases from files beside it.

    Returns
    -------
    RunResult, Comparison or Sweep
        What `run`, `compare` or `sweep` returned.

    Raises
    ------
    InputError
        If it is none of these folders, no replication is finished, or a part is missing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from simulations import open_run, run
    >>> with TemporaryDirectory() as scratch:
    ...     result = run("pilot", out=f"{scratch}/pilot", keep="measures", measures=["reviewed"])
    ...     print(open_run(f"{scratch}/pilot").get("reviewed").mean == result.get("reviewed").mean)
    True
    """
    kind = kind_of(folder)
    if kind != "run" and scenario is not None:
        raise InputError([f"scenario: is for a run, but {folder} holds a {kind}; leave it out"])
    if kind == "comparison":
        return read_comparison(folder)
    if kind == "sweep":
        return read_sweep(folder)
    result, manifest = read_result(folder, scenario), read_manifest(Path(folder))
    if "parts" not in manifest:
        finished = f"{len(result.replications)} of {manifest['replications']} replications are finished"
        warnings.warn(f"{folder}: {finished}; resume the run with --resume (resume=True)", stacklevel=2)
    return result
