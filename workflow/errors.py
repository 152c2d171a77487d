"""The errors of the project. A message says what is wrong, where, what is allowed, and what to do next.

Every error that a user can cause derives from `DocketsimError` and from a built-in exception, so that ``except
ValueError`` works. The mistakes of a file are collected as `Problem` and raised together in one `InputError`.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")

MOST_PRINTED = 50
"""Maximum number of mistakes that one message lists."""

_LONG_WORD = re.compile(r"\S{301,}")

MOST_COLLECTED = 100
"""Number of mistakes after which a file is read no further."""

MOST_COMPARED = 100_000
"""Maximum number of pairs of characters that are compared to suggest the name nearest to a wrong one."""


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
        message = _LONG_WORD.sub(lambda word: f"{word[0][:100]}… ({len(word[0]):,} characters)", self.message)
        return message if self.position is None else f"{self.position}: {message}"


class DocketsimError(Exception):
    """Base class of the errors that docketsim raises on purpose."""


class InputError(DocketsimError, ValueError):
    """The mistakes of an input, one per line; those of a file in the order of the file.

    The message has the first `MOST_PRINTED` of them, and the number of the others.

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
        lines = [str(p) for p in self.problems[:MOST_PRINTED]]
        if (more := len(self.problems) - len(lines)) > 0:
            lines.append(f"and {more:,} more {'mistake was' if more == 1 else 'mistakes were'} found; correct these first")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class Mistakes(list[Problem]):
    """Mistakes that are being collected. After `MOST_COLLECTED` of them it raises `InputError`, so reading stops.

    Attributes
    ----------
    n_parts : int
        The number of parts of the conditions that have been read.
    """

    n_parts = 0

    def append(self, problem: Problem) -> None:
        """Add a mistake."""
        super().append(problem)
        self._stop()

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add mistakes."""
        super().extend(problems)
        self._stop()

    def __iadd__(self, problems: Iterable[Problem]) -> Self:  # type: ignore[override,misc]
        self.extend(problems)
        return self

    def _stop(self) -> None:
        if len(self) > MOST_COLLECTED:
            raise InputError(self)


class MissingResult(DocketsimError, KeyError):
    """A result has no such value: the measure, the court, the day or the group is not in it."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError itself would add quotes


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
    wrong = str(name)
    # a ratio of 0.6 needs 0.3 of both lengths in common
    near = (a for a in map(str, allowed) if 10 * min(len(a), len(wrong)) >= 3 * (len(a) + len(wrong)))
    most = MOST_COMPARED // (len(wrong) ** 2 + 1)
    close = difflib.get_close_matches(wrong, itertools.islice(near, most), n=1, cutoff=0.6)
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
