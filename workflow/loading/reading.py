"""A file during loading: its content and the mistakes found so far."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Generic, TypeAlias, TypeVar

from workflow.errors import MOST_PRINTED, InputError, Mistakes, Position, Problem, nearest
from workflow.files.validation import Entry, format_names
from workflow.files.yaml_tree import Node

F = TypeVar("F", bound=Entry)

MOST_VALUES = 20_000
"""Maximum number of values of a workflow or rules file. The largest workflows that people write have some thousand."""

Keys: TypeAlias = tuple[object, ...]
"""A path in a file, such as ``("pools", "reviewers", "size")``."""


def check_number_of_values(node: Node, what: str) -> None:
    """Refuse a workflow or a rules file with too many values.

    Raises
    ------
    InputError
        If it has more than `MOST_VALUES`.
    """
    if (n := node.n_values()) > MOST_VALUES:
        message = f"this {what} has {n:,} values (of keys, and items of lists); the limit is {MOST_VALUES:,}"
        raise InputError([Problem(message, node.position)])


class Reading(Generic[F]):
    """A file during loading.

    Loading continues after a mistake, so that one pass reports all. It has stages. A mistake that names an entry with a
    mistake from an earlier stage may be a consequence of it and is not reported.

    Parameters
    ----------
    file : Entry
        The usable content.
    node : Node
        The content as a tree with positions.
    lost : set of str
        The names of malformed entries.
    reported : list of Problem
        The mistakes to report; each stage adds its own.

    Attributes
    ----------
    problems : list of Problem
        The mistakes of the current stage.
    """

    def __init__(self, file: F, node: Node, lost: set[str], reported: list[Problem]) -> None:
        self.file = file
        self.node = node
        self.lost = lost
        self.reported = reported
        self.problems: list[Problem] = Mistakes()

    def at(self, *path: object) -> Node:
        """Return the node at a path of the file."""
        return self.node.find(path)

    def wrong(self, where: Node | Position | Keys, message: str) -> None:
        """Report a mistake at a value, at a position, or at the last key of a path."""
        if isinstance(where, Node):
            where = where.position
        elif not isinstance(where, Position):
            where = self.node.position_of(where)
        self.problems.append(Problem(message, where))

    def known(self, name: str, allowed: Collection[str], path: Keys, what: str, which: str) -> bool:
        """Return whether a name is allowed; report it if not.

        Parameters
        ----------
        allowed : collection of str
            Many names are in a mapping or a set: a list is searched from its start for each name.
        what : str
            The entry, as messages name it.
        which : str
            What the name should have been, such as ``"a calendar"``.
        """
        if name in allowed:
            return True
        self.wrong(path, f"{what}: {name!r} is not {which}.{suggested(name, allowed)}")
        return False

    def next_stage(self, lost: Iterable[str]) -> None:
        """Close a stage; `lost` are the names of entries that it could not read.

        Raises
        ------
        InputError
            If there are more mistakes than one message lists.
        """
        named = _Named(self.lost) if self.problems else None
        for problem in self.problems:
            if named is not None and not named.in_text(_SUGGESTION.split(problem.message)[0]):
                self.reported.append(problem)
        self.problems.clear()
        self.lost = self.lost | set(lost)
        if len(self.reported) > MOST_PRINTED:
            raise InputError(self.reported)


class _Named:
    """Finds out whether a text contains one of many names, as whole words."""

    def __init__(self, names: Iterable[str]) -> None:
        self._patterns: dict[str, list[str]] = {}
        for name in names:
            word = _WORD.search(name)
            self._patterns.setdefault(word[0] if word else "", []).append(rf"(?<!\w){re.escape(name)}(?!\w)")

    def in_text(self, text: str) -> bool:
        """Return whether the text contains a name."""
        words = {"", *_WORD.findall(text)}
        return any(re.search(pattern, text) for word in words for pattern in self._patterns.get(word, ()))


_WORD = re.compile(r"\w+")
_SUGGESTION = re.compile(r"Did you mean|[Kk]nown: |allowed: ")


def suggested(name: object, allowed: Iterable[object]) -> str:
    """Return the nearest allowed name or, if none is near, all of them."""
    allowed = list(allowed)
    return nearest(name, allowed) or f" Known: {format_names(allowed)}."
