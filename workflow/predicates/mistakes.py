"""What can be wrong with the text of a predicate: a sentence for each mistake, and its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workflow.errors import DocketsimError, nearest

__all__ = ["Mistake", "PredicateError", "shortened", "suggested"]


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a text.

    Attributes
    ----------
    offset : int
        The character of the text at which it begins, from 0.
    message : str
        One sentence: what is wrong, what is allowed, and the next step.
    """

    offset: int
    message: str


class PredicateError(DocketsimError, ValueError):
    """A text is not a predicate: correct each of its mistakes where the offsets say.

    Attributes
    ----------
    mistakes : tuple of Mistake
        In the order of the text, each once.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes: tuple[Mistake, ...] = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(f"character {m.offset + 1}: {m.message}" for m in self.mistakes))

    def __reduce__(self) -> tuple[type[PredicateError], tuple[tuple[Mistake, ...]]]:
        return type(self), (self.mistakes,)


def shortened(text: str, limit: int = 60) -> str:
    r"""Return a piece of a text on one line, cut to what a message can quote.

    Examples
    --------
    >>> shortened("a  and\n b")
    'a and b'
    """
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def suggested(word: object, allowed: Iterable[object]) -> str:
    """Return the end of a sentence that asks for the nearest allowed word, or an empty text.

    Examples
    --------
    >>> suggested("custdy", ["custody", "check"])
    ". Did you mean 'custody'?"
    """
    near = nearest(word, allowed)
    return f".{near}" if near else ""
