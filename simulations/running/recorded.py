"""Read an earlier run from its folder: its scenario, its manifest and its results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulations.loading import load_scenario
from simulations.run_folder.folders import Record, finished_replications
from simulations.run_folder.manifest import read_manifest, scenario_hash
from simulations.running.run_result import RunResult, gather
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError
from workflow.files.yaml_tree import parse_yaml

__all__ = ["finished_in", "manifest_of", "read_result", "recorded_contents", "recorded_scenario"]


def manifest_of(folder: Path) -> dict[str, Any]:
    """Return the manifest of a run folder.

    Raises
    ------
    InputError
        If the folder has no readable manifest.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError([f"{folder}: is no run folder (it has no readable manifest.json)"])
    return manifest


def finished_in(folder: Path, manifest: Mapping[str, Any]) -> dict[int, Record]:
    """Return the records of the finished replications of a run folder.

    Raises
    ------
    InputError
        If no replication is finished.
    """
    records = finished_replications(folder, manifest)
    if not records:
        raise InputError(
            [f"{folder}: not a single replication is finished; resume the run with docketsim run ... --resume"]
        )
    return records


def recorded_contents(folder: Path) -> dict[str, Any]:
    """Return the scenario, workflow and policies of a run folder as plain values."""

    def read(path: Path) -> Any:
        return parse_yaml(path.read_text(encoding="utf-8"), str(path)).plain()

    policies = sorted(folder.glob("policy-*.yaml"), key=lambda p: int(p.stem.partition("-")[2]))
    return {
        "scenario": read(folder / "scenario.yaml"),
        "workflow": read(folder / "workflow.yaml"),
        "policies": [read(path) for path in policies],
    }


def recorded_scenario(
    folder: Path, manifest: Mapping[str, Any], given: str | Path | Scenario | None = None, what: str = "be run again"
) -> Scenario:
    """Load the scenario of a run from its folder, or from its original file.

    Parameters
    ----------
    folder : Path
    manifest : mapping
    given : Scenario, str or Path, optional
        The original scenario. Needed if it reads tables of cases beside its file.
    what : str
        What cannot be done without the scenario, for the message.

    Raises
    ------
    InputError
        If it cannot be loaded, or is not the scenario of the run.
    """
    if given is not None:
        scenario = given if isinstance(given, Scenario) else load_scenario(given)
        if scenario_hash(scenario) != manifest["scenario_hash"]:
            raise InputError([f"--scenario {given}: is not the scenario of this run, or has changed since"])
        return scenario
    try:
        content = dict(recorded_contents(folder)["scenario"])
        content["workflow"] = str((folder / "workflow.yaml").resolve())
        if content.get("policies"):
            content["policies"] = [
                {**policy, "workflow": str((folder / f"policy-{k}.yaml").resolve())}
                for k, policy in enumerate(content["policies"], start=1)
            ]
        return load_scenario(content)
    except (OSError, InputError) as error:
        raise InputError(
            [f"{folder}: cannot {what} from its own files: {str(error).splitlines()[0]}. Give --scenario with the original file"]
        ) from None  # fmt: skip


def read_result(folder: str | Path, scenario: str | Path | Scenario | None = None) -> RunResult:
    """Read the result of a run from its folder, as `simulations.running.runs.run` returned it.

    Parameters
    ----------
    folder : path
    scenario : Scenario, str or Path, optional
        As for `recorded_scenario`.

    Raises
    ------
    InputError
        If it is not a run folder, no replication is finished, or a part is missing.
    """
    folder = Path(folder)
    manifest = manifest_of(folder)
    loaded = recorded_scenario(folder, manifest, scenario, "be read")
    records = finished_in(folder, manifest)
    paths = [folder / "measures" / f"replication={k}.parquet" for k in records]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise InputError(
            [f"{missing[0]}: is missing; docketsim verify {folder} lists missing files, --resume restores them"]
        )
    return gather(loaded, {"monitor": None, **manifest}, records, folder)
