"""A picture that a notebook shows and that can be saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from workflow.drawing.drawing import svg as draw_svg
from workflow.errors import InputError
from workflow.model.definition import Workflow


@dataclass(frozen=True)
class Picture:
    """A picture, such as the map of a workflow.

    Attributes
    ----------
    name : str
    svg : str
        A complete ``<svg>`` element.

    Examples
    --------
    >>> from workflow import load_workflow
    >>> load_workflow("prosecutorial-discretion-review").draw()
    <Picture of the workflow prosecutorial-discretion-review>
    """

    name: str
    svg: str = field(repr=False)

    @classmethod
    def of(cls, workflow: Workflow, against: Workflow | None = None) -> Self:
        """Return the map of a workflow, with marks on what differs from another one."""
        return cls(f"the workflow {workflow.name}", draw_svg(workflow, against=against))

    def __repr__(self) -> str:
        return f"<Picture of {self.name}>"

    def _repr_svg_(self) -> str:
        return self.svg

    def png(self, scale: float = 2.0) -> bytes:
        """Return the picture as PNG, with `scale` pixels for each unit of its size."""
        import vl_convert

        return bytes(vl_convert.svg_to_png(self.svg, scale=scale))

    def save(self, path: str | Path) -> None:
        """Write the picture to a file.

        Parameters
        ----------
        path : path
            It ends in ``.svg`` or ``.png``.

        Raises
        ------
        InputError
            If it ends otherwise.
        """
        path = Path(path)
        if path.suffix not in (".svg", ".png"):
            raise InputError([f"{path}: the file must end in .svg or .png"])
        path.write_bytes(self.png() if path.suffix == ".png" else self.svg.encode())
