"""The project's own errors: what is wrong, where, what is allowed, and what to do next.

Every error that a user can cause derives from `DocketsimError` and from the built-in exception that
fits its meaning, so that ``except ValueError`` keeps working. Mistakes in a file are collected as
`Problem` and raised together in one `InputError`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["DocketsimError", "InputError", "Position", "Problem", "StuckCase", "VisitCap", "format_names", "nearest"]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text file; lines and columns count from 1, line 0 is no file but what `file` says."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: a sentence, and the place it is about (``None`` if it is about no place)."""

    message: str
    position: Position | None = None

    def __str__(self) -> str:
        return self.message if self.position is None else f"{self.position}: {self.message}"


class DocketsimError(Exception):
    """Base of every error that docketsim raises on purpose."""


class InputError(DocketsimError, ValueError):
    """Mistakes in what the user gave: all of a file's at once, one line each, in the file's order.

    Attributes
    ----------
    problems : tuple of Problem
    """

    def __init__(self, problems: Iterable[Problem | str]) -> None:
        listed = [problems] if isinstance(problems, str) else problems  # SimPy raises a copy made of the text
        found = [p if isinstance(p, Problem) else Problem(p) for p in listed]
        unique = dict.fromkeys(found)
        self.problems: tuple[Problem, ...] = tuple(
            sorted(unique, key=lambda p: (p.position is not None, p.position or Position("", 0, 0)))
        )
        super().__init__("\n".join(str(p) for p in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class StuckCase(DocketsimError, RuntimeError):
    """No guard holds where a case must move on: a fault of the workflow, not of the case."""


class VisitCap(DocketsimError, RuntimeError):
    """A case entered one activity, or started one clock, implausibly often."""


def format_names(names: Iterable[object], limit: int = 14) -> str:
    """Return names separated by commas, at most `limit` of them.

    Examples
    --------
    >>> format_names("abcdef", limit=2)
    'a, b, and 4 more'
    >>> format_names([])
    'none'
    """
    texts = [str(name).lower() if isinstance(name, bool) else str(name) for name in names]
    more = f", and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more if texts else "none"


def nearest(word: object, allowed: Iterable[object]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest allowed word, or an empty text.

    Parameters
    ----------
    word : object
        What was written.
    allowed : iterable
        What could have been written.

    Examples
    --------
    >>> nearest("recomended_closure", ["closed", "recommended_closure"])
    " Did you mean 'recommended_closure'?"
    >>> nearest("zebra", ["closed"])
    ''
    """
    close = difflib.get_close_matches(str(word), [str(a) for a in allowed], n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
