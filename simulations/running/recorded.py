"""Read an earlier run from its folder: its scenario and its results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from simulations.loading import load_scenario
from simulations.run_folder.folders import finished_in, recorded_contents
from simulations.run_folder.manifest import read_manifest, scenario_hash
from simulations.running.options import CONFIDENCE
from simulations.running.run_result import RunResult, gather
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError
from workflow.files.validation import format_value
from workflow.run_files.manifest import part_files
from workflow.run_files.tables import recorded_workflow


def recorded_scenario(
    folder: Path, manifest: Mapping[str, Any], given: str | Path | Scenario | None = None, what: str = "be rerun"
) -> Scenario:
    """Load the scenario of a run from its folder, or from its original file.

    Parameters
    ----------
    folder : Path
    manifest : mapping
    given : Scenario, str or Path, optional
        The original scenario. Needed if it reads tables of cases.
    what : str
        The task that needs the scenario, for the message.

    Raises
    ------
    InputError
        If it cannot be loaded, or is not the scenario of the run.
    """
    if given is not None:
        scenario = given if isinstance(given, Scenario) else load_scenario(given)
        if scenario_hash(scenario) != manifest["scenario_hash"]:
            raise InputError([f"scenario {given}: is not the scenario of this run, or has changed since"])
        return scenario
    try:
        content = dict(recorded_contents(folder)["scenario"])
        _check_complete(folder, content)
        content["workflow"] = str((folder / "workflow.yaml").resolve())
        if content.get("policies"):
            content["policies"] = [
                {**policy, "workflow": str((folder / f"policy-{k}.yaml").resolve())}
                for k, policy in enumerate(content["policies"], start=1)
            ]
        return load_scenario(content)
    except InputError as error:
        reason = str(error).splitlines()[0].removesuffix(".")
        raise InputError(
            [f"{folder}: cannot {what} from its own files: {reason}. Give the original file with --scenario (scenario=)"]
        ) from None


def _check_complete(folder: Path, content: Mapping[str, Any]) -> None:
    """Check that no file of a run folder names a file elsewhere, which would be read."""
    names = ["workflow.yaml", *(f"policy-{k}.yaml" for k in range(1, len(content.get("policies") or ()) + 1))]
    for name in names:
        recorded_workflow(folder, name)
    other = next(_other_files(content), None)
    if other is not None:
        raise InputError([f"{folder / 'scenario.yaml'}: names another file, {format_value(other)}"])


def _other_files(content: Any, key: object = None) -> Iterator[object]:
    """Yield the files that a scenario extends or reads tables from."""
    if key in ("extends", "table") and isinstance(content, str):
        yield content
    elif key == "table" and isinstance(content, Mapping) and isinstance(content.get("file"), str):
        yield content["file"]
    elif isinstance(content, Mapping):
        for inner, value in content.items():
            yield from _other_files(value, inner)
    elif isinstance(content, list):
        for value in content:
            yield from _other_files(value)


def read_result(folder: str | Path, scenario: str | Path | Scenario | None = None) -> RunResult:
    """Return the result of a run from its folder, as `simulations.running.runs.run` returned it.

    The parts are read when the result is asked for their content. They may come from a stranger, so they are checked first.

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
    manifest = read_manifest(folder)
    loaded = recorded_scenario(folder, manifest, scenario, "be read")
    records = finished_in(folder, manifest)
    part_files(folder, "measures", records)  # raises if one is missing
    return gather(loaded, {"monitor": None, "confidence": CONFIDENCE, **manifest}, records, folder, from_outside=True)
