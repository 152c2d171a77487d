"""How results show themselves in notebooks."""

from __future__ import annotations


class Shown:
    """A result that a notebook shows as HTML: `simulations.as_html` says what it shows of each kind."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from simulations import as_html

        return as_html(self)  # type: ignore[arg-type]  # every kind of result that derives from this class
