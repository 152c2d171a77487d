"""Print lines of text: colour, the width of a line, and the indent of its continuation."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator

import typer

from workflow.errors import visible

COLOR_MODES = ("auto", "always", "never")

VERDICTS = {
    "proved": "green", "kept": "green", "ok": "green", "yes": "green",
    "broken": "red", "fails": "red", "no": "red",
    "undecided": "yellow", "unjudged": "yellow", "open": "yellow", "monitored": "cyan", "idle": "cyan",
}  # fmt: skip
"""The colour of each verdict."""

_VERDICT = re.compile(rf"(?P<indent> *)(?P<verdict>{'|'.join(VERDICTS)})(?P<gap> (?:in|by) [\d,]+ cases? +| {{2,}}|: +)(?=\S)")


def set_color(mode: str) -> str:
    """Colour all output from now on, or none: ``always``, ``never``; ``auto`` leaves it to the terminal and NO_COLOR."""
    if mode not in COLOR_MODES:
        raise typer.BadParameter(f"must be one of {', '.join(COLOR_MODES)}")
    if mode != "auto":
        one, other = ("FORCE_COLOR", "NO_COLOR") if mode == "always" else ("NO_COLOR", "FORCE_COLOR")
        os.environ[one] = "1"
        os.environ.pop(other, None)
    return mode


def has_color() -> bool:
    """Return whether standard output is coloured.

    References
    ----------
    https://no-color.org and https://force-color.org
    """
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def line_width() -> int | None:
    """Return how wide lines are: as the terminal, or as the environment variable COLUMNS says; ``None`` for files and pipes."""
    limited = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return shutil.get_terminal_size().columns if limited else None


def print_lines(text: str) -> None:
    """Print text on standard output. Long lines continue under their own indent, and verdicts at their start are coloured."""
    width, color = line_width(), has_color()
    for line in visible(text).splitlines():
        for part in fitted(line, width):
            typer.echo(_coloured(part) if color else part, color=color)


def fitted(line: str, width: int | None) -> Iterator[str]:
    """Yield a line as lines of a width, broken at spaces. A longer word stays whole.

    Examples
    --------
    >>> [*fitted("  proved   one two three", 20)]
    ['  proved   one two', '           three']
    >>> [*fitted("  open in 2 cases  one two three", 27)]
    ['  open in 2 cases  one two', '                   three']
    """
    if width is None or len(line) <= width:
        yield line
        return
    verdict = _VERDICT.match(line)
    start = verdict.end() if verdict else len(line) - len(line.lstrip())
    if start > width // 2:
        start = len(line) - len(line.lstrip())
    yield from textwrap.wrap(
        line[start:],
        width,
        initial_indent=line[:start],
        subsequent_indent=" " * start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _coloured(line: str) -> str:
    found = _VERDICT.match(line)
    if not found:
        return line
    verdict = found["verdict"]
    return f"{found['indent']}{typer.style(verdict, fg=VERDICTS[verdict])}{line[found.end('verdict') :]}"
