"""Write docs/reference/commands.md from the declarations of the commands: ``python -m docs.commands_page``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from simulations.cli import app

PAGE = Path(__file__).parent / "reference" / "commands.md"
HEAD = """# Commands

<!-- Written by `python -m docs.commands_page` from simulations/cli; do not edit. -->

`docketsim COMMAND --help` prints the same texts, and `docketsim --version` the version. Exit codes:

| code | meaning |
| --- | --- |
| 0 | success |
| 1 | a broken rule, a failed check, or a run that failed |
| 2 | a mistake in the input, printed on standard error |
| 3 | undecided: `prove` could decide a rule, or whether a case can be stuck, neither way; `audit` could judge no case by a rule |
| 70 | an error of the program itself; the message names a file with the traceback, to send with a report |
| 130, 143, 129 | ended by Ctrl-C, SIGTERM or SIGHUP (128 plus the number of the signal); the message says how to go on |

`prove` exits with 1 if a rule can be broken or a case can be stuck. Otherwise it exits with 3 if anything is undecided, also
with `--quiet`.

**What is printed.** `run` and `compare` print at most 24 lines at first: what leads, the answer in sentences, and what to try next. Days
(`--at`) and groups (`--by`) that are asked for get tables of their own. `--all` prints every table, and `--measure` and `--court` choose. Lines are as wide as the terminal, or
as the environment variable `COLUMNS` says: columns of diagnostics are left out first, then rows take several lines; a number is always whole,
on one line with its uncertainty and unit. In a file or a pipe no line is broken. `--json` prints the courts and days that the tables have: with more than four
courts all together, unless `--court` names some or `--all` asks for each.

Verdicts and warnings are coloured in a terminal. [`NO_COLOR`](https://no-color.org) and [`FORCE_COLOR`](https://force-color.org) in the
environment change that, and `--color` decides.

**Progress** is shown on standard error from the first second, with the time that has passed and the time that is left: as a bar in a
terminal, and in a file or a pipe as a line after 1, 10 and 30 seconds and then every half minute. `--quiet` and `--json` show none, and
`DOCKETSIM_PROGRESS=off` in the environment no lines.
"""


_KINDS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}


def page() -> str:
    """Return the text of the page."""
    commands: dict[str, Any] = getattr(get_command(app), "commands", {})
    return "\n".join([HEAD, *(line for name, command in commands.items() for line in _command(name, command))])


def _command(name: str, command: Any) -> Iterator[str]:
    yield from (f"## docketsim {name}", "", _escaped(command.help or ""), "")
    for title, kind in (("argument", "argument"), ("option", "option")):
        parameters = [p for p in command.params if p.param_type_name == kind and not getattr(p, "hidden", False)]
        if parameters:
            yield from (f"| {title} | default | meaning |", "|---|---|---|")
            yield from (f"| {_names(p)} | {_default(p)} | {_escaped(getattr(p, 'help', None) or '')} |" for p in parameters)
            yield ""


def _names(parameter: Any) -> str:
    """Return how a parameter is written, with the kind of its value."""
    if parameter.param_type_name == "argument":
        dots = "..." if parameter.nargs == -1 else ""
        return f"`{(parameter.metavar or parameter.name.rstrip('_')).upper().strip('[]')}{dots}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    if getattr(parameter, "is_flag", False):
        return names
    value = (parameter.metavar or _KINDS.get(parameter.type_descriptor.annotation, "VALUE")).replace("|", "\\|")
    return f"{names} `{value}`{' (can be repeated)' if parameter.multiple else ''}"


def _default(parameter: Any) -> str:
    """Return the default of a parameter."""
    if parameter.required:
        return "required"
    default = getattr(parameter.default, "value", parameter.default)
    if default is None or default == [] or default == () or isinstance(default, bool) or callable(default):
        return "–"
    return f"`{default}`"


def _escaped(text: str) -> str:
    """Return a help text as one line of Markdown."""
    return re.sub(r"([<>*|\[\]])", r"\\\1", " ".join(text.split()))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
