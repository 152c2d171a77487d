"""The options that say how a log is read, which several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

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
MappingPath = Annotated[Path | None, typer.Option(metavar="FILE", help="A mapping file; --map, --name and --only change it.")]
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


def log_mapping(
    columns: Iterable[str] | None, names: Iterable[str] | None, only: Iterable[str] | None, encoding: str | None, sheet: str | None,
    time_formats: Iterable[str] | None, decimal: str | None, path: Path | None, workflow: Workflow | None = None,
) -> LogMapping:  # fmt: skip
    """Return what these options say about a log, over what a mapping file says, if one is given."""
    from workflow.auditing.mapping import load_mapping, mapping_of

    given = mapping_of(columns or (), names or (), only or (), encoding, sheet, time_formats or (), decimal)
    return given if path is None else given.over(load_mapping(path, workflow))
