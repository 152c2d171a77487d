"""The mistakes of a predicate, each with its offset in the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workflow.errors import DocketsimError, nearest


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a text.

    Attributes
    ----------
    offset : int
        Its first character, from 0.
    message : str
        What is wrong, what is allowed, and the next step.
    """

    offset: int
    message: str


class PredicateError(DocketsimError, ValueError):
    """A text is not a valid predicate.

    Attributes
    ----------
    mistakes : tuple of Mistake
        Without duplicates, in the order of the text.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes: tuple[Mistake, ...] = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(f"character {m.offset + 1}: {m.message}" for m in self.mistakes))

    def __reduce__(self) -> tuple[type[PredicateError], tuple[tuple[Mistake, ...]]]:
        return type(self), (self.mistakes,)


def shorten(text: str, limit: int = 60) -> str:
    r"""Return a text on one line of at most `limit` characters.

    Examples
    --------
    >>> shorten("a  and\n b")
    'a and b'
    """
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def did_you_mean(name: object, allowed: Iterable[object]) -> str:
    """Return the end of a message that suggests the nearest allowed name, or an empty string.

    Examples
    --------
    >>> did_you_mean("custdy", ["custody", "check"])
    ". Did you mean 'custody'?"
    """
    near = nearest(name, allowed)
    return f".{near}" if near else ""
