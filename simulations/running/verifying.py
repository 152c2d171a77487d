"""Is a run folder what was run? The hash of every part, and replications run again from the folder's own files.

A hash shows that a part is still what was written. Running it again shows more: that these figures follow from this
scenario and this seed, on this installation.
"""

from __future__ import annotations

import datetime as dt
import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulations.run_folder.folders import Record, finished_replications
from simulations.run_folder.manifest import canonical_hash, versions
from simulations.run_folder.parts import KINDS, part_path
from simulations.running.recorded import manifest_of, recorded_contents, recorded_scenario
from simulations.running.runs import run
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError
from workflow.files.validation import listed

__all__ = ["Verification", "verify"]


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes
    ----------
    parts, replications : int
        Parts looked at, and finished replications.
    wanted : int
        Replications that the run was to have.
    wrong : list of (file, what is wrong)
    run_again : list of int
        Replications that were run again.
    """

    folder: Path
    parts: int
    replications: int
    wanted: int
    wrong: list[tuple[str, str]] = field(default_factory=list)
    run_again: list[int] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Say whether nothing is wrong."""
        return not self.wrong

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
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
        How many replications, chosen at random, to run again and compare byte by byte.
    scenario : Scenario, str or Path, optional
        The scenario's own file, for a rerun of one that reads tables of cases beside it.

    Raises
    ------
    InputError
        If it is no run folder, or cannot be run again.
    """
    folder = Path(folder)
    manifest = manifest_of(folder)
    if rerun < 0:
        raise InputError([f"rerun: must be 0 or more, not {rerun}"])
    records = finished_replications(folder, manifest)
    again = sorted(random.SystemRandom().sample(list(records), min(rerun, len(records))))
    reader = _scenario(folder, manifest, scenario) if again else None
    wrong = [*_description(folder, manifest), *_damaged(folder, records), *_unlisted(folder, records)]
    if "parts" not in manifest:
        wrong.append(("manifest.json", f"the run is not finished: {len(records)} of {manifest['replications']} replications; go on with --resume"))  # fmt: skip
    if reader is not None:
        wrong += _differing(folder, manifest, records, reader, again)
    n_parts = sum(len(record.parts) for record in records.values())
    return Verification(folder, n_parts, len(records), int(manifest["replications"]), wrong, again)


def _description(folder: Path, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """See whether the scenario and workflow beside the parts are those of the manifest."""
    try:
        content = recorded_contents(folder)
    except (OSError, InputError) as error:
        return [("scenario.yaml, workflow.yaml", f"not readable: {str(error).splitlines()[0]}")]
    same = canonical_hash(content) == manifest["scenario_hash"]
    return [] if same else [("scenario.yaml, workflow.yaml", "not what was run")]


def _damaged(folder: Path, records: Mapping[int, Record]) -> list[tuple[str, str]]:
    return [
        (_name(folder, path), "not as it was written" if path.exists() else "missing")
        for k, record in records.items()
        for path in record.damaged(folder, k)
    ]


def _unlisted(folder: Path, records: Mapping[int, Record]) -> list[tuple[str, str]]:
    """Return parts that no finished replication has: other tools would read them."""
    known = {part_path(folder, kind, k) for k, record in records.items() for kind in record.parts}
    there = {path for kind in KINDS for path in (folder / kind).glob("*.parquet")}
    return [(_name(folder, path), "of no finished replication") for path in sorted(there - known)]


def _scenario(folder: Path, manifest: Mapping[str, Any], given: str | Path | Scenario | None) -> Scenario:
    """Load what was run from the run folder, or from the file it came from."""
    if manifest.get("own_python"):
        raise InputError([f"{folder}: hooks or processes of your own took part in this run; it cannot be run again from its folder"])  # fmt: skip
    return recorded_scenario(folder, manifest, given)


def _differing(
    folder: Path, manifest: Mapping[str, Any], records: Mapping[int, Record], scenario: Scenario, again: list[int]
) -> list[tuple[str, str]]:
    """Run replications again, and return the parts whose bytes differ."""
    published = {p.at for p in scenario.published}
    days = [day for day in map(dt.date.fromisoformat, manifest["at"]) if day not in published]
    now = versions()
    others = [f"{name} {was}, here {now.get(name)}" for name, was in manifest["versions"].items() if was != now.get(name)]  # fmt: skip
    told = f" (it was made with {listed(others)})" if others else ""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for k in again:
            fresh = Path(scratch) / str(k)
            run(
                scenario, replications=max(k, manifest["replications"]), seed=manifest["seed"], only=k, out=fresh,
                at=days, by=manifest["by"], events=manifest["events"],
            )  # fmt: skip
            for kind in records[k].parts:
                old, new = part_path(folder, kind, k), part_path(fresh, kind, k)
                if old.is_file() and old.read_bytes() != new.read_bytes():
                    found.append((_name(folder, old), f"run again, it has other bytes{told}"))
    return found


def _name(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder))
