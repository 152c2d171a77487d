"""Open the folder of a run or of any study. What a kind of folder needs is imported when one is opened."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from simulations.running.recorded import read_result
from simulations.running.run_result import RunResult
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError
from workflow.run_files.manifest import STUDIES, read_manifest

if TYPE_CHECKING:
    from simulations.calibrating.calibration import Calibration
    from simulations.calibrating.hindcasting import Hindcast
    from simulations.comparing.comparison import Comparison
    from simulations.planning.sweeping import Sweep


def kind_of(folder: str | Path) -> str:
    """Return what a folder holds, by its files: one of `STUDIES`, or ``run`` if it has none of their files."""
    return next((kind for kind in STUDIES if (Path(folder) / f"{kind}.json").is_file()), "run")


def open_run(
    folder: str | Path, scenario: str | Path | Scenario | None = None
) -> RunResult | Comparison | Sweep | Calibration | Hindcast:
    """Open the folder of a run or a study, and return the result that was written to it.

    The folder is data: nothing in it is run, and no other file is read. If the run was interrupted, the result has the
    replications that are finished, and a warning says so.

    Parameters
    ----------
    folder : path
    scenario : Scenario, str or Path, optional
        The original scenario of a run, a calibration or a hindcast. Needed if it reads tables from files beside it.

    Returns
    -------
    RunResult, Comparison, Sweep, Calibration or Hindcast
        What `run`, `compare`, `sweep`, `calibrate` or `hindcast` returned.

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
    if kind in ("comparison", "sweep") and scenario is not None:
        raise InputError([f"scenario: is for a run or a calibration, but {folder} holds a {kind}; leave it out"])
    match kind:
        case "comparison":
            from simulations.comparing.comparison import read_comparison

            return read_comparison(folder)
        case "sweep":
            from simulations.planning.sweeping import read_sweep

            return read_sweep(folder)
        case "calibration":
            from simulations.calibrating.calibration import read_calibration

            return read_calibration(folder, scenario)
        case "hindcast":
            from simulations.calibrating.hindcasting import read_hindcast

            return read_hindcast(folder, scenario)
    result, manifest = read_result(folder, scenario), read_manifest(Path(folder))
    if "parts" not in manifest:
        finished = f"{len(result.replications)} of {manifest['replications']} replications are finished"
        warnings.warn(f"{folder}: {finished}; resume the run with --resume (resume=True)", stacklevel=2)
    return result
