"""Verify a run folder: check the hash of the manifest and of every part, and rerun replications from the folder's own files.

A hash shows that a part is unchanged. A rerun shows that the results follow from this scenario and this seed on this
installation.
"""

from __future__ import annotations

import datetime as dt
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulations.run_folder.folders import Record, by_span, finished_replications, recorded_contents
from simulations.run_folder.manifest import MANIFEST, canonical_hash, manifest_hash, read_manifest, versions
from simulations.run_folder.parts import KINDS, part_path, record_path
from simulations.running.jobs import rerun
from simulations.running.options import RunOptions
from simulations.running.recorded import recorded_scenario
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError
from workflow.files.validation import format_names


@dataclass(frozen=True)
class Verification:
    """The result of a verification.

    Attributes
    ----------
    parts, replications : int
        Number of parts checked, and of finished replications.
    wanted : int
        Number of replications of the complete run.
    wrong : list of (str, str)
        A file, and what is wrong with it.
    run_again : list of int
        Replications that were rerun.
    rerun_ok : bool
        Whether every rerun gave the same bytes.
    """

    folder: Path
    parts: int
    replications: int
    wanted: int
    wrong: list[tuple[str, str]] = field(default_factory=list)
    run_again: list[int] = field(default_factory=list)
    rerun_ok: bool = True

    @property
    def ok(self) -> bool:
        """Return whether nothing is wrong."""
        return not self.wrong

    def json(self) -> dict[str, Any]:
        """Return the verification as ``--json`` prints it."""
        return {
            "run": str(self.folder),
            "parts": self.parts,
            "replications": self.replications,
            "run_again": self.run_again,
            "verdict": "ok" if self.ok else "differs",
            "wrong": [{"file": name, "what": what} for name, what in self.wrong],
        }


def verify(folder: str | Path, rerun: int = 0, scenario: str | Path | Scenario | None = None) -> Verification:
    """Verify a run folder.

    Parameters
    ----------
    folder : path
    rerun : int
        Number of random replications to rerun and compare byte by byte.
    scenario : Scenario, str or Path, optional
        The original scenario. Needed for a rerun if it reads tables of cases.

    Raises
    ------
    InputError
        If it is not a run folder, or cannot be rerun.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    if rerun < 0:
        raise InputError([f"rerun: must be 0 or more, not {rerun}"])
    records = finished_replications(folder, manifest)
    again = sorted(random.SystemRandom().sample(list(records), min(rerun, len(records))))
    loaded = _scenario(folder, manifest, scenario) if again else None
    whole = manifest.get("sha256") == manifest_hash(manifest)
    wrong = [] if whole else [(MANIFEST, "not as it was written")]
    wrong += [*_description(folder, manifest), *_damaged(folder, records), *_unlisted(folder, records)]
    if "parts" not in manifest:
        progress = f"{len(records)} of {manifest['replications']} replications"
        wrong.append((MANIFEST, f"the run is not finished: {progress}; complete it with --resume (resume=True)"))
    differing = _differing(folder, manifest, records, loaded, again) if loaded is not None else []
    wrong += differing
    n_parts = sum(len(record.parts) for record in _first_of_parts(records))
    return Verification(folder, n_parts, len(records), int(manifest["replications"]), wrong, again, not differing)


def _description(folder: Path, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Compare the scenario and workflow in the folder with the hash in the manifest."""
    try:
        content = recorded_contents(folder)
    except InputError as error:
        return [("scenario.yaml, workflow.yaml", f"cannot be read: {str(error).splitlines()[0]}")]
    same = canonical_hash(content) == manifest["scenario_hash"]
    return [] if same else [("scenario.yaml, workflow.yaml", "not what was run")]


def _damaged(folder: Path, records: Mapping[int, Record]) -> list[tuple[str, str]]:
    return [
        (_name(folder, path), "not as it was written" if path.exists() else "missing")
        for record in _first_of_parts(records)
        for path in record.damaged(folder)
    ]


def _first_of_parts(records: Mapping[int, Record]) -> list[Record]:
    """Return one record of those that share their parts."""
    return [next(iter(of_span.values())) for of_span in by_span(records).values()]


def _unlisted(folder: Path, records: Mapping[int, Record]) -> list[tuple[str, str]]:
    """Return files beside the parts that belong to no finished replication. Other tools would read them."""
    listed = {part_path(folder, kind, record.span) for record in records.values() for kind in record.parts}
    listed |= {
        record_path(folder, record.span) for record in records.values()
    }  # of an unfinished run, or of one killed as it finished
    existing = {path for kind in KINDS for path in (folder / kind).glob("*") if not path.name.startswith(".")}
    return [(_name(folder, path), "belongs to no finished replication") for path in sorted(existing - listed)]


def _scenario(folder: Path, manifest: Mapping[str, Any], given: str | Path | Scenario | None) -> Scenario:
    """Load the scenario of the run. Runs with hooks or processes cannot be rerun."""
    if manifest.get("own_python"):
        raise InputError([f"{folder}: this run used hooks or processes; it cannot be rerun from its folder"])
    return recorded_scenario(folder, manifest, given)


def _differing(
    folder: Path, manifest: Mapping[str, Any], records: Mapping[int, Record], scenario: Scenario, again: list[int]
) -> list[tuple[str, str]]:
    """Rerun the parts that have these replications, and return those whose bytes differ."""
    days = [dt.date.fromisoformat(day) for day in manifest["at"]]
    now = versions()
    then = manifest.get("versions", {}).items()
    changed = [f"{name} {version}, here {now.get(name)}" for name, version in then if version != now.get(name)]
    made_with = f" (it was made with {format_names(changed)})" if changed else ""
    differing = []
    with tempfile.TemporaryDirectory() as scratch:
        for span in dict.fromkeys(records[k].span for k in again):
            fresh = Path(scratch) / span.name
            options = RunOptions(
                replications=max(span.last, manifest["replications"]), seed=manifest["seed"], at=days, keep=manifest["keep"],
                measures=manifest["measures"], courts=manifest["courts"],
            )  # fmt: skip
            rerun(scenario, fresh, options, manifest["by"], span)
            for kind in records[span.first].parts:
                old, new = part_path(folder, kind, span), part_path(fresh, kind, span)
                if old.is_file() and (not new.is_file() or old.read_bytes() != new.read_bytes()):
                    differing.append((_name(folder, old), f"a rerun gives other bytes{made_with}"))
    return differing


def _name(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder))
