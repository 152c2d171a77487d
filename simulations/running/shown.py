"""How results show themselves: as HTML in notebooks, and their answer in sentences."""

from __future__ import annotations


class Shown:
    """A result that a notebook shows as HTML: `simulations.as_html` says what it shows of each kind."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from simulations import as_html

        return as_html(self)  # type: ignore[arg-type]  # every kind of result that derives from this class


class Answered(Shown):
    """A result with an answer in sentences, which the terminal, the page and the JSON have, too."""

    __slots__ = ()

    @property
    def sentences(self) -> list[str]:
        """Return the main results in sentences, the most important first; warnings are last."""
        from simulations import answer_of

        return answer_of(self)  # type: ignore[arg-type]  # every kind of result that derives from this class
