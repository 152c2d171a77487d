"""A file as it is being read: what is known of it, and the mistakes found so far."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, TypeAlias, TypeVar

from workflow.errors import Position, Problem, nearest
from workflow.files.validation import Entry, format_names
from workflow.files.yaml_tree import Node

__all__ = ["Keys", "Reading", "suggested"]

F = TypeVar("F", bound=Entry)

Keys: TypeAlias = tuple[object, ...]
"""A path in a file, such as ``("pools", "reviewers", "size")``."""


class Reading(Generic[F]):
    """A file as it is being read.

    Reading goes on after a mistake, so that all are told in one pass. It does so in stages: what is found in one
    stage, and speaks of names whose entries were wrong in an earlier one, may only follow from that, and is not told.

    Parameters
    ----------
    file : Entry
        What can be used of it.
    node : Node
        The same as a tree with places.
    lost : set of str
        The names whose entries have a mistake of shape.
    told : list of Problem
        The mistakes known before; those of each stage are added.

    Attributes
    ----------
    problems : list of Problem
        The mistakes of the present stage.
    """

    def __init__(self, file: F, node: Node, lost: set[str], told: list[Problem]) -> None:
        self.file = file
        self.node = node
        self.lost = lost
        self.told = told
        self.problems: list[Problem] = []

    def at(self, *path: object) -> Node:
        """Return the node at a path of the file."""
        return self.node.find(path)

    def wrong(self, place: Node | Position | Keys, message: str) -> None:
        """Report a mistake at a value, at a place, or at the key with which a path ends."""
        if isinstance(place, Node):
            place = place.position
        elif not isinstance(place, Position):
            place = self.node.place(place)
        self.problems.append(Problem(message, place))

    def known(self, name: str, allowed: Iterable[str], path: Keys, what: str, which: str) -> bool:
        """Say whether a name is one of those allowed, and report it otherwise.

        Parameters
        ----------
        what : str
            How messages speak of the entry.
        which : str
            What the name should have been, such as ``"a calendar"``.
        """
        allowed = list(allowed)
        if name in allowed:
            return True
        self.wrong(path, f"{what}: {name!r} is not {which}.{suggested(name, allowed)}")
        return False

    def next_stage(self, lost: Iterable[str]) -> None:
        """Close a stage; `lost` are the names whose entries could not be read in it."""
        words = [re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") for name in self.lost]
        for problem in self.problems:
            message = _SUGGESTION.split(problem.message)[0]
            if not any(word.search(message) for word in words):
                self.told.append(problem)
        self.problems.clear()
        self.lost = self.lost | set(lost)


_SUGGESTION = re.compile(r"Did you mean|[Kk]nown: |allowed: ")


def suggested(name: object, allowed: Iterable[object]) -> str:
    """Return the nearest of the names allowed or, where none is near, all of them."""
    allowed = list(allowed)
    return nearest(name, allowed) or f" Known: {format_names(allowed)}."
