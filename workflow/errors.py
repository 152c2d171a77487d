"""The errors of the project. A message says what is wrong, where, what is allowed, and what to do next.

Every error that a user can cause derives from `DocketsimError` and from a built-in exception, so that ``except
ValueError`` works. The mistakes of a file are collected as `Problem` and raised together in one `InputError`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["DocketsimError", "InputError", "Position", "Problem", "StuckCase", "VisitCap", "format_names", "nearest", "visible"]

_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A position in a text file. Lines and columns count from 1; line 0 means that `file` is not a file."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: a message, and its position, if it has one."""

    message: str
    position: Position | None = None

    def __str__(self) -> str:
        return self.message if self.position is None else f"{self.position}: {self.message}"


class DocketsimError(Exception):
    """Base class of the errors that docketsim raises on purpose."""


class InputError(DocketsimError, ValueError):
    """The mistakes of an input, one per line; those of a file in the order of the file.

    Attributes
    ----------
    problems : tuple of Problem
    """

    def __init__(self, problems: Iterable[Problem | str]) -> None:
        listed = [problems] if isinstance(problems, str) else problems  # SimPy raises a copy, which it creates from the message
        unique = dict.fromkeys(p if isinstance(p, Problem) else Problem(p) for p in listed)
        self.problems: tuple[Problem, ...] = tuple(
            sorted(unique, key=lambda p: (p.position is not None, p.position or Position("", 0, 0)))
        )
        super().__init__("\n".join(str(p) for p in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class StuckCase(DocketsimError, RuntimeError):
    """A case must move on, but no guard holds: the workflow is faulty, not the case."""


class VisitCap(DocketsimError, RuntimeError):
    """A case entered an activity, or started a clock, implausibly often."""


def format_names(names: Iterable[object], limit: int = 14) -> str:
    """Return at most `limit` names, separated by commas.

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


def nearest(name: object, allowed: Iterable[object]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest allowed name, or an empty string.

    Examples
    --------
    >>> nearest("recomended_closure", ["closed", "recommended_closure"])
    " Did you mean 'recommended_closure'?"
    >>> nearest("zebra", ["closed"])
    ''
    """
    close = difflib.get_close_matches(str(name), [str(a) for a in allowed], n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""


def visible(text: str) -> str:
    """Return a text with its control characters written as they are in JSON; only line breaks and tabs stay.

    Escape sequences would change the terminal, and marks of direction the order of the letters.

    Examples
    --------
    >>> visible("clerks" + chr(27) + "[2J") == "clerks" + chr(92) + "u001b[2J"
    True
    """
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
