"""Read a file by built-in name or path, together with the files that it extends."""

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
    extend: Callable[[Node, Node], Node],
    extended_by: tuple[Path, ...] = (),
) -> Node:
    """Read a file, merged with the files that it extends.

    Parameters
    ----------
    name : str
        A built-in name, or a path.
    beside : Path
        The folder that a relative path starts from.
    built_in : mapping of str to Path
        The built-in files.
    what : str
        ``workflow`` or ``scenario``, for messages.
    extend : callable
        Base and file that extends it -> merged file.
    extended_by : tuple of Path
        The files whose ``extends:`` led here.

    Raises
    ------
    InputError
        If there is no such file, or a file extends itself.
    """
    path = _find(name, beside, built_in, what)
    if path.resolve() in extended_by:
        raise InputError([f"{name!r} extends itself: {' -> '.join(p.name for p in (*extended_by, path))}"])
    node = read_yaml(path)
    extends = node.value.get("extends")
    if extends is None or extends.value is None:
        return node
    if not isinstance(extends.value, str):
        message = f"extends: must be the name or path of a {what}, not {format_value(extends.value)}"
        raise InputError([Problem(message, extends.position)])
    try:
        base = read_extending(extends.value, path.parent, built_in, what, extend, (*extended_by, path.resolve()))
    except InputError as error:
        raise InputError(
            p if p.position else Problem(f"extends: {p.message}", extends.position) for p in error.problems
        ) from None
    return extend(base, node)


def _find(name: str, beside: Path, built_in: Mapping[str, Path], what: str) -> Path:
    """Return the path of a built-in workflow or scenario, or of a file."""
    path = tidy(built_in.get(name) or (beside / name))
    try:
        if path.is_file():
            return path
        known = [*built_in, *(str(Path(name).parent / p.name) for p in sorted(path.parent.glob("*.yaml")))]
    except (OSError, ValueError):  # not a possible file name
        known = list(built_in)
    hint = nearest(name, known) or f" Built-in {what}s: {format_names(built_in)}; or give the path of a file."
    raise InputError([f"there is no {what} {name!r}: neither a built-in name nor a file.{hint}"])
