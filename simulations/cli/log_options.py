"""The options that say how a log is read, which several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from workflow import Workflow
    from workflow.auditing.mapping import LogMapping

Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="NAME=COLUMN",
        help="The column of case, activity, time, started_at, lifecycle, state, or of a fact or record field.",
    ),
]
StepNames = Annotated[
    list[str] | None, typer.Option("--name", metavar="STEP=NAME", help="What the log calls a transition or an event.")
]
Only = Annotated[list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Read only the rows with this value; repeatable.")]
MappingPath = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="A mapping file; --map, --name and --only change it.")
]
TimeFormats = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FORMAT",
        help="How dates are written: '%d.%m.%Y %H:%M', day-first, month-first, excel, unix, unix-ms; repeatable.",
    ),
]
DecimalMark = Annotated[str | None, typer.Option(metavar="C", help="Decimal separator: . or ,; default: found out.")]
Encoding = Annotated[str | None, typer.Option(metavar="NAME", help="Encoding, such as latin-1 or utf-16; default: found out.")]
Sheet = Annotated[str | None, typer.Option(metavar="NAME", help="Sheet of an Excel file; default: the first.")]
TimeZone = Annotated[
    str | None, typer.Option(metavar="NAME", help="The zone of the local dates of times in UTC, such as Europe/Rome.")
]


@dataclass(frozen=True)
class LogOptions:
    """What the options of a command say about a log; see `with_log_options`."""

    columns: Columns = None
    names: StepNames = None
    only: Only = None
    mapping_file: MappingPath = None
    time_format: TimeFormats = None
    decimal: DecimalMark = None
    encoding: Encoding = None
    sheet: Sheet = None
    time_zone: TimeZone = None

    def mapping(self, workflow: Workflow | None = None) -> LogMapping:
        """Return what they say, over what the mapping file says, if one is given."""
        from workflow.auditing.mapping import load_mapping, mapping_of

        given = mapping_of(
            self.columns or (), self.names or (), self.only or (), self.encoding, self.sheet, self.time_format or (), self.decimal
        )
        return given if self.mapping_file is None else given.over(load_mapping(self.mapping_file, workflow))

    def given(self) -> list[str]:
        """Return the names of the options that are given."""
        flags = {"columns": "--map", "names": "--name", "mapping_file": "--mapping"}
        return [flags.get(f.name, "--" + f.name.replace("_", "-")) for f in fields(self) if getattr(self, f.name)]


def with_log_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `LogOptions` in the place of its parameter ``options``, which receives them."""
    hints = get_type_hints(LogOptions, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [inspect.Parameter(f.name, keyword, default=f.default, annotation=hints[f.name]) for f in fields(LogOptions)]
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += own if name == "options" else [parameter.replace(kind=keyword)]

    @wraps(command)
    def called(**values: Any) -> None:
        command(**{"options": LogOptions(**{p.name: values.pop(p.name) for p in own}), **values})

    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return called
