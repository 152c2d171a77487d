"""What a scenario has read from other files, so that a changed scenario need not read them again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from workflow.loading import load_workflow
from workflow.model.definition import Workflow

T = TypeVar("T")


class OtherFiles:
    """The workflows and tables that a scenario names, each read once.

    Parameters
    ----------
    read : mapping
        What was read before.

    Attributes
    ----------
    read : mapping
        The contents, by what was read and how.
    """

    def __init__(self, read: Mapping[Hashable, Any] | None = None) -> None:
        self.read: dict[Hashable, Any] = dict(read or {})

    def hold(self, name: str, folder: Path, workflow: Workflow) -> None:
        """Hold a workflow that is in no file, by its name."""
        self.read["workflow", name, folder] = workflow

    def workflow(self, name: str, folder: Path) -> Workflow:
        """Return a workflow by built-in name, or by its name or path in a folder.

        Raises
        ------
        InputError
            If there is none, or it has mistakes.
        """
        return self.once(("workflow", name, folder), lambda: load_workflow(name, folder))

    def once(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return what was read under a key, or read it now."""
        if key not in self.read:
            self.read[key] = read()
        content: T = self.read[key]
        return content
