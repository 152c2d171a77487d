"""The conditions of a workflow as texts that can be edited, and the workflow that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflow.errors import InputError
from workflow.loading import load_workflow
from workflow.model.definition import Workflow


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of a workflow: the guard of a transition, or a definition that guards use.

    Attributes
    ----------
    path : str
        Where it stands in the merged file: ``transitions.3.when``, ``define.danger``.
    title : str
    text : str
    note : str
        From where to where the transition leads, or what kind of condition it is.
    """

    path: str
    title: str
    text: str
    note: str

    @property
    def is_guard(self) -> bool:
        """Return whether it is the guard of a transition."""
        return self.path.startswith("transitions.")


def conditions_of(workflow: Workflow) -> list[Condition]:
    """Return the guards of a workflow in the order of its transitions, then its definitions.

    A transition without a guard has an empty one.
    """
    content = workflow.plain()
    guards = [
        Condition(f"transitions.{i}.when", entry["transition"], str(entry.get("when") or ""), _leads(entry))
        for i, entry in enumerate(content["transitions"])
    ]
    defined = content.get("define") or {}
    return guards + [Condition(f"define.{name}", name, str(text), "definition") for name, text in defined.items()]


def _leads(entry: Mapping[str, Any]) -> str:
    sources = entry["from"] if isinstance(entry["from"], list) else [entry["from"]]
    return f"{', '.join(map(str, sources))} → {entry.get('to', 'the same state')}"


def with_conditions(workflow: Workflow, texts: Mapping[str, str]) -> Workflow:
    """Return a workflow with other conditions, checked like a file.

    Parameters
    ----------
    texts : mapping of str to str
        New texts, by the paths of `conditions_of`. An empty one takes the guard of a transition away.

    Raises
    ------
    InputError
        With every mistake; `mistakes_by_path` says which condition each is in.
    """
    if not texts:
        return workflow
    content = workflow.plain()
    for path, text in texts.items():
        *parts, last = path.split(".")
        place: Any = content
        for part in parts:
            place = place[int(part) if isinstance(place, list) else part]
        if text.strip() or path.startswith("define."):
            place[last] = text
        else:
            place.pop(last, None)
    return load_workflow(content)


def mistakes_by_path(error: InputError, paths: list[str]) -> dict[str, list[str]]:
    """Return the messages of an error by the condition that they are about; those of none have the empty path."""
    found: dict[str, list[str]] = {}
    for problem in error.problems:
        place = problem.position.file.partition(": ")[2] if problem.position else ""
        path = next((path for path in paths if place == path or place.startswith(f"{path}.")), "")
        found.setdefault(path, []).append(problem.message)
    return found
