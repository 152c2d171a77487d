"""Uploaded files: their limits, and the scenario among them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workflow.errors import InputError, format_names, visible
from workflow.files.opening import TEXT_BYTES
from workflow.files.yaml_tree import parse_yaml

MOST_FILES = 50
MOST_BYTES = 200_000_000
"""Of all files of an upload together."""

LONGEST_NAME = 255
"""Number of bytes of the name of a file, which file systems allow."""

_TEXT = (".yaml", ".yml")
_NAMES_A_FILE = ("extends", "workflow", "table", "file")
_KINDS = (*_TEXT, ".csv", ".parquet", ".xlsx")


def write_uploads(files: dict[str, bytes], folder: Path) -> Path:
    """Write uploaded files into a folder of their own, without the folders in their names. Return the path of the scenario.

    Raises
    ------
    InputError
        With what is wrong with the files as such: their number, sizes, names, and files that they name elsewhere.
    """
    plain = {Path(name.replace("\\", "/")).name: content for name, content in files.items()}
    problems = [] if len(files) <= MOST_FILES else [f"{len(files)} files are too many; the limit is {MOST_FILES}"]
    if len(plain) < len(files):
        problems.append("two files have the same name")
    if (size := sum(map(len, files.values()))) > MOST_BYTES:
        problems.append(f"the files have {size:,} bytes; the limit is {MOST_BYTES:,}")
    for name, content in plain.items():
        if visible(name) != name or len(name.encode()) > LONGEST_NAME:
            problems.append(
                f"{name[:40]}: must be a name of at most {LONGEST_NAME} bytes without control characters; rename the file"
            )
        if not name.lower().endswith(_KINDS) or name.startswith("."):
            problems.append(f"{name}: must be a scenario, a workflow or a table ({', '.join(_KINDS)})")
        elif name.lower().endswith(_TEXT) and len(content) > TEXT_BYTES:
            problems.append(f"{name}: has {len(content):,} bytes; the limit is {TEXT_BYTES:,}")
    if problems:
        raise InputError(problems)
    texts = {
        name: parse_yaml(_text(name, content), name).plain() for name, content in plain.items() if name.lower().endswith(_TEXT)
    }
    outside = [
        f"{name}: names {path}; name an uploaded file, without a folder"
        for name, text in texts.items()
        for path in _paths_outside(text)
    ]
    if outside:
        raise InputError(outside)
    scenarios = [name for name, text in texts.items() if isinstance(text, dict) and "scenario" in text]
    if len(scenarios) != 1:
        found = f"{len(scenarios)} scenarios: {format_names(scenarios)}" if scenarios else "no scenario"
        raise InputError([f"give one scenario, with the files that it names; these files have {found}"])
    for name, content in plain.items():
        (folder / name).write_bytes(content)
    return folder / scenarios[0]


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError([f"{name}: is not text in UTF-8"]) from None


def _paths_outside(content: Any) -> Iterator[str]:
    """Yield what a file names with a folder: another workflow, scenario or table that was not uploaded with it."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key in _NAMES_A_FILE and isinstance(value, str) and ("/" in value or "\\" in value):
                yield value
            yield from _paths_outside(value)
    elif isinstance(content, list):
        for item in content:
            yield from _paths_outside(item)
