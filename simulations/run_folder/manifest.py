"""The manifest of a run folder: scenario, seed, options, and versions of packages.

Its entries in `_DECISIVE` determine the bytes of every part. A run can be resumed only if they are the same.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from simulations.chance.distributions import Distribution, make_distribution
from simulations.measuring.selection import Selection
from simulations.scenarios.scenario import Scenario
from simulations.scenarios.uncertainty import uncertain_content
from workflow.errors import InputError
from workflow.files.json_text import json_text
from workflow.run_files.manifest import MANIFEST, read_manifest

__all__ = [
    "MANIFEST",
    "canonical_hash",
    "differences",
    "make_manifest",
    "manifest_hash",
    "read_manifest",
    "scenario_hash",
    "versions",
]

_PACKAGES = ("docketsim", "duckdb", "holidays", "numba", "numpy", "scipy", "simpy", "transitions")
_DECISIVE = {
    "scenario_hash": "the scenario or its workflow",
    "seed": "the seed",
    "replications": "the number of replications",
    "at": "the days to measure at",
    "by": "the grouping",
    "measures": "the choice of measures",
    "courts": "the choice of courts",
    "keep": "what is kept",
    "monitor": "the monitor",
    "own_python": "a hook or process",
    "versions": "the version of a package",
    "calendars": "a holiday",
    "distribution_tables": "the table of a distribution",
    "case_tables": "a table of cases, sizes, rates or uncertain inputs",
}


def _keyed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _keyed(v) for k, v in value.items()}
    return [_keyed(v) for v in value] if isinstance(value, list | tuple) else value


def canonical_hash(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of plain values. The order of keys and the layout of a file do not change it."""
    text = json.dumps(_keyed(content), sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def manifest_hash(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest without its own entry ``sha256``."""
    plain = json.loads(json_text(content))
    return canonical_hash({key: value for key, value in plain.items() if key != "sha256"})


def scenario_hash(scenario: Scenario) -> str:
    """Return the SHA-256 of a scenario with its workflow and policies."""
    return _hash(scenario, scenario.plain())


def model_hash(scenario: Scenario) -> str:
    """Return the SHA-256 of what a scenario simulates: the same whatever is uncertain, published or said about it."""
    content = {key: value for key, value in scenario.plain().items() if key not in _NOT_OF_THE_MODEL}
    dated = [{key: value for key, value in entry.items() if key != "workflow"} for entry in content.get("policies") or ()]
    content["policies"] = dated  # where the files of workflows lie does not matter: their content is in the hash
    return _hash(scenario, content)


_NOT_OF_THE_MODEL = ("scenario", "description", "extends", "workflow", "about", "show", "published", "uncertain")


def _hash(scenario: Scenario, content: dict[str, Any]) -> str:
    policies = [policy.workflow.plain() for policy in scenario.policies]
    return canonical_hash({"scenario": content, "workflow": scenario.workflow.plain(), "policies": policies})


def versions() -> dict[str, str | None]:
    """Return the versions of the packages that affect the bytes of a run; ``None`` if one is not installed."""
    return {name: _version(name) for name in _PACKAGES}


def make_manifest(
    scenario: Scenario,
    *,
    seed: int,
    replications: int,
    days: Sequence[dt.date | None],
    by: Sequence[str],
    selection: Selection,
    keep: str,
    monitor: str | None,
    own_python: bool,
    engine: str,
    confidence: float,
) -> dict[str, Any]:
    """Return the manifest of a run before it starts."""
    return {
        "scenario": scenario.name,
        "workflow": scenario.workflow.name,
        "scenario_hash": scenario_hash(scenario),
        "seed": seed,
        "replications": replications,
        "at": [day.isoformat() for day in days if day is not None],
        "by": list(by),
        "measures": list(selection.measures),
        "courts": list(selection.courts),
        "keep": keep,
        "teams": bool(scenario.queues_with_teams),
        "monitor": monitor,
        "own_python": own_python,
        "engine": engine,
        "confidence": confidence,
        "versions": versions(),
        "platform": {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()},
        "calendars": {name: calendar.dates_used for name, calendar in scenario.calendars.items()},
        "distribution_tables": distribution_tables(scenario),
        "case_tables": _case_tables(scenario),
    }


def distribution_tables(scenario: Scenario, remade: bool = False) -> str:
    """Return the SHA-256 of the tables of all lengths: if it is equal, so are the draws.

    Parameters
    ----------
    remade : bool
        Make the tables afresh on this installation, rather than use those that came with the scenario from another one.
    """
    lengths = {
        length.distribution
        for choice in [takes for w in scenario.work.values() for takes in w.lengths]
        + [x.after for x in scenario.event_timings.values() if x.after is not None]
        for length in choice.leaves()
    }
    fingerprints = {(_remade(each) if remade else each).fingerprint for each in lengths}
    return hashlib.sha256("".join(sorted(fingerprints)).encode()).hexdigest()


def _remade(distribution: Distribution) -> Distribution:
    try:
        return make_distribution(distribution.family, dict(distribution.parameters))
    except InputError:
        return distribution  # an object of the user's own, which has no family


def _case_tables(scenario: Scenario) -> str | None:
    """Return the SHA-256 of the tables that cases, rotas and uncertain inputs are read from; ``None`` if there are none."""
    tables = [t for t in (*(b.table for b in scenario.backlog), *(s.table for s in scenario.streams)) if t is not None]
    content = [*((t.arrived, t.courts, t.states, sorted(t.values.items())) for t in tables), *scenario.tables_of_rotas]
    content += uncertain_content(scenario.uncertain)
    return hashlib.sha256(repr(content).encode()).hexdigest() if content else None


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return descriptions of the differences between two manifests that affect the bytes of a run."""
    plain = json.loads(json.dumps(new, default=str))
    return [description for key, description in _DECISIVE.items() if old.get(key) != plain[key]]
