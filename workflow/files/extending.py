"""Read a file by built-in name or path, together with the files that it extends."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from workflow.errors import InputError, Problem, nearest
from workflow.files.kinds import check_kind, describe_path
from workflow.files.opening import TEXT_BYTES, check_file, read_file
from workflow.files.validation import format_names, format_value
from workflow.files.yaml_tree import Node, Plain, Source, node_of, parse_yaml, read_yaml, tidy


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
    real = Path(os.path.realpath(path))
    if real in extended_by:
        raise InputError([f"{name!r} extends itself: {' -> '.join(p.name for p in (*extended_by, path))}"])
    node = read_yaml(path)
    check_kind(node, what)
    return _extended(node, path.parent, built_in, what, extend, (*extended_by, real))


def read_given(
    given: str | Path | Mapping[str, Plain],
    beside: Path,
    built_in: Mapping[str, Path],
    what: str,
    extend: Callable[[Node, Node], Node],
) -> Node:
    """Read a workflow or a scenario that is given by name, as the path of a file, as YAML text, or as a mapping.

    A string with a line break, or one that begins with a key such as ``workflow: desk``, is YAML text, unless a file has this name. Relative paths in a text and a mapping start from the current folder.

    Raises
    ------
    InputError
        As for `read_extending`.
    """
    if isinstance(given, Mapping):
        node = node_of(given, Source("<mapping>", ""))
    elif isinstance(given, str) and is_text(given, beside):
        node = parse_yaml(given, "<text>")
        check_kind(node, what)
    else:
        return read_extending(str(given), beside, built_in, what, extend)
    return _extended(node, Path(), built_in, what, extend, ())


def is_text(given: str, beside: Path = Path()) -> bool:
    """Return whether a string is YAML text: it has a line break or a key, and no file in the folder `beside` has this name."""
    return ("\n" in given or _KEY.match(given) is not None) and not os.path.exists(beside / given)


_KEY = re.compile(r"\s*(\{|\w+:(\s|$))")


def _extended(
    node: Node,
    folder: Path,
    built_in: Mapping[str, Path],
    what: str,
    extend: Callable[[Node, Node], Node],
    extended_by: tuple[Path, ...],
) -> Node:
    """Return a workflow or a scenario merged with those that it extends, whose paths start from a folder."""
    extends = node.value.get("extends")
    if extends is None or extends.value is None:
        return node
    if not isinstance(extends.value, str):
        message = f"extends: must be the name or path of a {what}, not {format_value(extends.value)}"
        raise InputError([Problem(message, extends.position)])
    try:
        base = read_extending(extends.value, folder, built_in, what, extend, extended_by)
    except InputError as error:
        raise InputError(
            p if p.position else Problem(f"extends: {p.message}", extends.position) for p in error.problems
        ) from None
    return extend(base, node)


def _find(name: str, beside: Path, built_in: Mapping[str, Path], what: str) -> Path:
    """Return the path of a built-in workflow or scenario, of a file, or of a workflow that is named in a folder."""
    if "\0" in name:
        raise InputError([f"there is no {what} {name!r}: a path has no NUL character"])
    if not name.strip():
        raise InputError([f"the name of the {what} is empty; give a built-in name or the path of a file"])
    path = tidy(built_in.get(name) or (beside / name))
    workflows: dict[Path, str] = {}
    where = "neither a built-in name nor a file"
    try:
        other = describe_path(path, what)
        if other is None and os.path.lexists(path):
            return check_file(path, TEXT_BYTES, "Put tables into CSV or Parquet files.")
        known = [*built_in, *(str(Path(name).parent / p.name) for p in sorted(path.parent.glob("*.yaml")))]
        if what == "workflow" and Path(name).name == name and Path(name).suffix not in _ENDINGS:
            workflows, unread = _workflows_in(path.parent, name)
            known += workflows.values()
            where = f"neither a built-in name, nor a file, nor the name of a workflow in {path.parent.resolve()}"
            where += "".join(f"; a file there could not be read: {error}" for error in unread)
    except InputError:
        raise
    except (OSError, ValueError):  # not a possible file name
        known, other = list(built_in), None
    named = [path for path, its_name in workflows.items() if its_name == name]
    if len(named) == 1:
        return named[0]
    if named:
        files = format_names(path.name for path in named)
        folder = named[0].parent.resolve()
        raise InputError([f"the {what} {name!r} is in several files of {folder}: {files}. Give the name of the file."])
    if other is not None:
        raise InputError([other])
    hint = nearest(name, known) or f" Built-in {what}s: {format_names(built_in)}; or give the path of a file."
    raise InputError([f"there is no {what} {name!r}: {where}.{hint}"])


_ENDINGS = (".yaml", ".yml")


_WORKFLOW = re.compile(rb"^workflow:[ \t]*['\"]?([^'\"#\r\n]*[^'\"#\s])", re.MULTILINE)
_MOST_PARSED = 3 * TEXT_BYTES


def _workflows_in(folder: Path, name: str) -> tuple[dict[Path, str], list[str]]:
    """Return the workflows in the files of a folder, by path, and why files that mention a name cannot be read.

    Rules and scenarios have the key ``workflow:`` too. A workflow has states, or extends another. Only files that mention
    the name are parsed; the others only give names to suggest.
    """
    names: dict[Path, str] = {}
    unread: list[str] = []
    parsed = 0
    for path in sorted(p for p in folder.iterdir() if p.suffix in _ENDINGS and p.is_file()):
        raw = b""
        try:
            raw = read_file(path)
            if name.encode() not in raw:
                if b"\nstates:" in raw and (match := _WORKFLOW.search(raw)):
                    names[path] = match[1].decode(errors="replace")
                continue
            parsed += len(raw)
            if parsed > _MOST_PARSED:
                unread.append(f"more than {_MOST_PARSED:,} bytes mention it; give the path of the file")
                break
            content = read_yaml(path).value
        except InputError as error:
            if name.encode() in raw:
                unread.append(str(error).splitlines()[0])
            continue
        if "workflow" in content and "scenario" not in content and ("states" in content or "extends" in content):
            names[path] = str(content["workflow"].value)
    return names, unread
