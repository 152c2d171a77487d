"""Tell workflows, scenarios, rule files, run folders and event logs apart, where one is given instead of another."""

from __future__ import annotations

from pathlib import Path

from workflow.errors import InputError, Problem
from workflow.files.validation import format_value
from workflow.files.yaml_tree import Node

_ONLY_SCENARIOS = {"scenario", "starts", "ends", "courts", "pools", "arrivals", "people"}
_ONLY_WORKFLOWS = {"states", "transitions", "entry"}
_LOGS = (".csv", ".tsv", ".xes", ".xlsx", ".parquet", ".gz")


def check_kind(node: Node, what: str) -> None:
    """Check that a file is not of another kind than the one that is needed.

    Parameters
    ----------
    what : str
        ``workflow``, ``scenario`` or ``rules file``.

    Raises
    ------
    InputError
        With one mistake and the next step.
    """
    kind = _kind(node)
    if kind is None or kind == what:
        return
    name = node.source.name
    about = node.value.get("workflow")
    names = format_value(about.value) if about is not None else "its workflow"
    if kind == "rules file" and what == "workflow":
        message = f"this file has rules for the workflow {names} and is not a workflow; give both: docketsim prove WORKFLOW --rules {Path(name).name}"
        raise InputError([Problem(message, node.position_of(("rules",)))])
    next_step = {
        (
            "workflow",
            "scenario",
        ): f"a scenario names it with `workflow: {Path(name).name}`; docketsim prove {name} proves its rules",
        ("workflow", "rules file"): f"leave --rules out: docketsim prove {name} proves its own rules",
        ("scenario", "workflow"): f"give the workflow that it names, {names}",
        ("scenario", "rules file"): f"docketsim run {name} simulates it",
        ("rules file", "scenario"): f"docketsim prove WORKFLOW --rules {name} proves its rules",
    }[kind, what]
    raise InputError([f"{name}: is a {kind}, not a {what}; {next_step}"])


def _kind(node: Node) -> str | None:
    """Return the kind of a file by its keys; ``None`` if they do not tell."""
    keys = set(node.value) if isinstance(node.value, dict) else set()
    if {"workflow", "rules"} == keys:
        return "rules file"
    scenario, workflow = len(keys & _ONLY_SCENARIOS), len(keys & _ONLY_WORKFLOWS)
    if "scenario" in keys and not workflow:
        return "scenario"
    if "scenario" not in keys and "workflow" in keys and workflow and not scenario:
        return "workflow"
    return None


def describe_path(path: Path, what: str) -> str | None:
    """Describe a path that is no YAML file: a run folder, another folder, or an event log; ``None`` if it is none of these."""
    if path.is_dir():
        if (path / "manifest.json").is_file():
            return f"{path}: is a run folder, not a {what}; its {what} is {path / what}.yaml"
        return f"{path}: is a folder, not a {what}; give the path of a file"
    if path.suffix in _LOGS and path.is_file():
        return f"{path}: is an event log, not a {what}; docketsim audit WORKFLOW {path} audits it"
    return None
