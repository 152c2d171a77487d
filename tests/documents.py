"""Run the examples of README.md and docs/ as the text says.

A document's fenced blocks run in their order, in one temporary folder, with this installation's commands first on PATH.
Commands and programs run in forks of a process that has imported docketsim (`tests.command_server`).

* ``bash``: a script, ended by its first failure. ``console``: the same for the lines after ``$`` (and ``>``, which
  continues a command); the other lines are the expected output. The terminal is 100 columns wide, without colour.
* ``python``: a program of its own.
* ``text`` right after one of these: what it printed on standard output, exactly (but for spaces at the ends of lines).
* ``yaml``, or any other block, that begins with ``# file: name``: written to the folder under that name, for the blocks
  that follow. A file that knows no comments, such as CSV, has ``<!-- file: name -->`` on the line before the block instead. Other ``yaml`` and ``json`` must at least be well-formed; diagrams (``mermaid``) and directives of Sphinx
  (``{toctree}``) are left alone.
* ``make`` commands are not run, since this test runs inside one: their targets must stand in the Makefile.

``<!-- not run: the reason -->`` on the line before a block leaves it out; pytest prints the reason. Before a ``text``
block it leaves out the comparison. ``<!-- files of: page.md -->`` first writes the files of another page. A document that begins with ``<!-- generated`` is left out as a whole.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests import command_server

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = 100
LIMIT_SECONDS = 1800
"""Ends a block that hangs; a busy machine takes far less."""

FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,}) *(?P<language>[^\s`]*)[^`]*")
NOT_RUN = re.compile(r"\s*<!-- *not run:? *(?P<reason>.*?) *-->\s*")
FILES_OF = re.compile(r"^<!-- *files of: *(\S+) *-->$", re.MULTILINE)
FILE = re.compile(r"# file: *(?P<name>\S+) *\n")
FILE_OUTSIDE = re.compile(r"\s*<!-- *file: *(?P<name>\S+) *-->\s*")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: language, text, position, the reason why it is not run, and the file that it is (``None``: no such)."""

    language: str
    text: str
    where: str
    not_run: str | None = None
    file: str | None = None


def blocks(markdown: str, name: str) -> Iterator[Block]:
    """Yield the fenced blocks of a document, in their order."""
    lines = iter(enumerate(markdown.splitlines(), start=1))
    before = ""
    for number, line in lines:
        opening = FENCE.fullmatch(line)
        if opening:
            where = f"{name}:{number}"
            note = NOT_RUN.fullmatch(before)
            assert note is None or note["reason"], f"{where}: say why the block is not run"
            closing = re.compile(rf" *{re.escape(opening['fence'])}{opening['fence'][0]}* *")
            body: list[str] = []
            for _, inner in lines:
                if closing.fullmatch(inner):
                    break
                body.append(inner.removeprefix(opening["indent"]))
            else:
                raise AssertionError(f"{where}: the block has no end")
            text = "".join(f"{inner}\n" for inner in body)
            named = FILE_OUTSIDE.fullmatch(before) or FILE.match(text)
            yield Block(opening["language"], text, where, note["reason"] if note else None, named["name"] if named else None)
        before = line


def run_blocks(listed: list[Block], folder: Path) -> None:
    """Run a document's blocks in their order, and compare their output with the document."""
    for block, follower in zip(listed, [*listed[1:], None], strict=False):
        if block.not_run is None:
            printed = run_block(block, folder)
            if follower is not None and follower.language == "text" and follower.not_run is None:
                compare(printed, follower.text, follower.where)


def run_block(block: Block, folder: Path) -> str | None:
    """Run one block, and return its output (``None`` if it is not a program)."""
    if block.file is not None:
        return write_file(block, folder / block.file, folder)
    match block.language:
        case "bash":
            return run_commands(block.text.splitlines(), block.where, folder)
        case "console":
            return run_console(block, folder)
        case "python":
            return run_python(block, folder)
        case "yaml" | "json":
            return check_syntax(block)
        case "text" | "mermaid":
            return None
        case language if language.startswith("{"):  # a directive of Sphinx, which `make docs` checks
            return None
    raise AssertionError(f"{block.where}: no way to check a block of the language {block.language!r}")


def write_file(block: Block, path: Path, folder: Path) -> None:
    """Write a named block to a file in the folder."""
    assert path.resolve().is_relative_to(folder.resolve()), f"{block.where}: the file lies outside the folder"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")


def run_console(block: Block, folder: Path) -> str | None:
    """Run the commands of a console block, and compare their output with the other lines."""
    lines = block.text.splitlines()
    commands = [line[2:] for line in lines if line.startswith(("$ ", "> "))]
    shown = [line for line in lines if not line.startswith(("$ ", "> "))]
    assert commands, f"{block.where}: a console block has a line that begins with '$ '"
    printed = run_commands(commands, block.where, folder)
    if any(shown):
        compare(printed, "\n".join(shown), block.where)
    return printed


def run_commands(lines: list[str], where: str, folder: Path) -> str | None:
    """Run the lines as one script, without the `make` commands; check their targets instead."""
    script = [line for line in lines if not is_make(line, where)]
    if not any(line.strip() and not line.lstrip().startswith("#") for line in script):
        return None
    return run(["bash", "-eu", "-o", "pipefail", "-c", "\n".join(script)], where, folder)


def is_make(line: str, where: str) -> bool:
    """Return whether a line is a `make` command, after checking its targets."""
    if line.split(maxsplit=1)[:1] != ["make"]:
        return False
    words = shlex.split(line, comments=True)[1:]
    assert not {"&&", "||", ";", "|", "&"} & set(words), f"{where}: give make a line of its own"
    wanted = {word for word in words if not word.startswith("-") and "=" not in word}
    missing = wanted - set(re.findall(r"^([\w-]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert not missing, f"{where}: no such target in the Makefile: {', '.join(sorted(missing))}"
    return True


def run_python(block: Block, folder: Path) -> str:
    """Run a Python block from a file outside the folder, so that the folder has only the files of the document."""
    program = folder.parent / f"{re.sub(r'[^A-Za-z0-9]+', '_', block.where)}.py"
    program.write_text(block.text, encoding="utf-8")
    return run(["run-program", str(program)], block.where, folder, PYTHONPATH=str(folder))


def check_syntax(block: Block) -> None:
    """Parse an unnamed YAML or JSON block."""
    try:
        if block.language == "json":
            json.loads(block.text)
        else:
            yaml.safe_load(block.text)
    except (yaml.YAMLError, ValueError) as error:
        raise AssertionError(f"{block.where}: {error}") from error


def run(command: list[str], where: str, folder: Path, **extra: str) -> str:
    """Run a command in the folder, and return its standard output."""
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(command_server.start()), str(Path(sys.executable).parent), os.environ["PATH"]]),
        "COLUMNS": str(COLUMNS),
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONIOENCODING": "utf-8",
        "PYTEST_ADDOPTS": "--assert=plain",  # else each pytest rewrites every module of the packages, since they have a plugin
        **extra,
    }
    ran = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, f"{where}: exit code {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def compare(printed: str | None, shown: str, where: str) -> None:
    """Compare the output of a block with the document."""
    assert printed is not None, f"{where}: the block before it prints nothing here, so its output cannot be checked"
    assert tidy(printed) == tidy(shown), f"{where}: the document shows another output"


def tidy(text: str) -> str:
    """Return a text without spaces at the ends of its lines and without empty lines at its own ends."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def documents(*folders: str) -> list[Path]:
    """Return the documents in these folders of docs/. Default: all documents and README.md."""
    within = [ROOT / "docs" / name for name in folders] or [ROOT / "docs"]
    paths = [path for folder in within for path in sorted(folder.rglob("*.md"))]
    paths = paths if folders else [ROOT / "README.md", *paths]
    return [path for path in paths if not path.read_text(encoding="utf-8").startswith("<!-- generated")]


def blocks_of(path: Path) -> list[Block]:
    """Return the fenced blocks of a document of the project."""
    return list(blocks(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()))


def write_borrowed_files(path: Path, folder: Path) -> None:
    """Write the files of the pages that a document names in ``<!-- files of: page -->``."""
    for page in FILES_OF.findall(path.read_text(encoding="utf-8")):
        for block in blocks_of((path.parent / page).resolve()):
            if block.file is not None:
                write_file(block, folder / block.file, folder)


def run_document(path: Path, folder: Path) -> None:
    """Run the blocks of a document of the project in a folder."""
    write_borrowed_files(path, folder)
    run_blocks(blocks_of(path), folder)
