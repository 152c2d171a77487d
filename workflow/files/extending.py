"""Files that build upon others: a built-in name or a path, and what ``extends:`` it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from workflow.errors import InputError, Problem, nearest
from workflow.files.validation import format_names, format_value
from workflow.files.yaml_tree import Node, read_yaml, tidy

__all__ = ["read_extending"]


def read_extending(
    name: str,
    beside: Path,
    built_in: Mapping[str, Path],
    what: str,
    lay_upon: Callable[[Node, Node], Node],
    within: tuple[Path, ...] = (),
) -> Node:
    """Read a file with all that it extends.

    Parameters
    ----------
    name : str
        A built-in name, or a path.
    beside : Path
        The folder against which a relative path is read.
    built_in : mapping of str to Path
        The built-in files.
    what : str
        ``workflow`` or ``scenario``, for messages.
    lay_upon : callable
        Given a base and a file that extends it, returns the two as one.
    within : tuple of Path
        The files that lead here.

    Raises
    ------
    InputError
        If there is no such file, or one leads back to itself.
    """
    path = _find(name, beside, built_in, what)
    if path.resolve() in within:
        raise InputError([f"{name!r} leads back to itself: {' -> '.join(p.name for p in (*within, path))}"])
    node = read_yaml(path)
    above = node.value.get("extends")
    if above is None or above.value is None:
        return node
    if not isinstance(above.value, str):
        raise InputError(
            [Problem(f"extends: must be the name or path of a {what}, not {format_value(above.value)}", above.position)]
        )
    try:
        base = read_extending(above.value, path.parent, built_in, what, lay_upon, (*within, path.resolve()))
    except InputError as error:
        raise InputError(
            p if p.position else Problem(f"extends: {p.message}", above.position) for p in error.problems
        ) from None
    return lay_upon(base, node)


def _find(name: str, beside: Path, built_in: Mapping[str, Path], what: str) -> Path:
    """Return the path of a built-in workflow or scenario, or of a file."""
    path = tidy(built_in.get(name) or (beside / name))
    try:
        if path.is_file():
            return path
        known = [*built_in, *(str(Path(name).parent / p.name) for p in sorted(path.parent.glob("*.yaml")))]
    except (OSError, ValueError):  # a name that is too long, or that no file can have
        known = list(built_in)
    hint = nearest(name, known) or f" Built-in {what}s: {format_names(built_in)}; or give the path of a file."
    raise InputError([f"there is no {what} {name!r}: neither a built-in name nor a file.{hint}"])
