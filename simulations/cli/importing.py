"""The commands from records to a log: ``docketsim import`` and ``synth``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simulations.cli.common import Color, Json, Quiet, Resume, RunFolder, date, echo, print_json, report_errors, resume_command
from simulations.cli.log_options import LogOptions, with_log_options
from workflow.errors import InputError, nearest

if TYPE_CHECKING:
    from simulations.importing.imported import Imported

NewFolder = Annotated[Path, typer.Option(metavar="DIR", help="A new folder.")]


@with_log_options
def import_(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="eoir: a release of the immigration courts; log: an event log of any program.")
    ],
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="eoir: the folder of the release, or its zip file; log: a CSV, Parquet, Excel or XES file."
        ),
    ],
    out: NewFolder,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="eoir: the last day that the records cover; default: in the name of the folder, or the last recorded day.",
        ),
    ] = None,
    ignore_counts: Annotated[
        bool, typer.Option("--ignore-counts", help="eoir: import also tables whose number of rows is not that of Count.txt.")
    ] = False,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="eoir: memory that the database may use; default: 2GB.")
    ] = None,
    resume: Resume = False,
    *,
    options: LogOptions,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Import records into an event log and a table of cases, which audit, discover and fit read without a mapping."""
    with report_errors(lambda: resume_command(out) if source == "eoir" else None):
        _check_source(source, ("eoir", "log"))
        of_eoir = {"--as-of": as_of, "--ignore-counts": ignore_counts, "--memory": memory, "--resume": resume}
        unfit = options.given() if source == "eoir" else [name for name, value in of_eoir.items() if value]
        if unfit:
            raise InputError([f"{name}: does not apply to import {source}" for name in unfit])
        if source == "log":
            from simulations.importing.foreign import import_log

            imported = import_log(path, out, options.mapping(), options.time_zone)
        else:
            imported = _release(path, out, as_of, ignore_counts, memory, resume, quiet or as_json)
        if as_json:
            print_json(imported.about)
        elif not quiet:
            echo(_summary(imported))


def _release(
    path: Path, out: Path, as_of: str | None, ignore_counts: bool, memory: str | None, resume: bool, silent: bool
) -> Imported:
    from simulations.importing.eoir import import_eoir

    def say(line: str) -> None:
        if not silent:
            echo(line, err=True)

    last = None if as_of is None else date(as_of, "--as-of")
    return import_eoir(path, out, as_of=last, resume=resume, ignore_counts=ignore_counts, memory=memory or "2GB", say=say)


def synth(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="eoir: the layout of the immigration courts' release.")],
    run: RunFolder,
    out: NewFolder,
    mapping: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A mapping file: names: says what an import calls each transition (see the reference)."
        ),
    ] = None,
    replication: Annotated[int, typer.Option(metavar="K", help="The replication to write.")] = 1,
    quirks: Annotated[int, typer.Option(metavar="N", help="Rows of each table that get each quirk; 0: none.")] = 2,
    seed: Annotated[int, typer.Option(help="Chooses the rows with quirks.")] = 1,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Write a run as a synthetic release with every quirk in known numbers, to check an import."""
    with report_errors():
        from simulations.importing.synth import synth_eoir

        _check_source(source, ("eoir",))
        written = synth_eoir(run, out, mapping=mapping, replication=replication, quirks=quirks, seed=seed)
        if quiet:
            return
        rows = ", ".join(f"{name} {n:,}" for name, n in written.known["rows"].items())
        echo(f"{written.folder}: {rows} rows, {len(written.known['damaged']):,} of them with a quirk")
        if written.not_written:
            echo(f"  transitions that a release does not tell: {', '.join(written.not_written)}")
        for what, n in written.known["not_written"].items():
            echo(f"  not written, {n:,} times: {what}")
        echo(f"next: docketsim import eoir {written.folder} --out log; {written.mapping} maps the log to the workflow")


def _check_source(source: str, known: tuple[str, ...]) -> None:
    if source not in known:
        raise InputError([f"{source}: must be {' or '.join(known)}.{nearest(source, known)}"])


def _summary(imported: Imported) -> str:
    """Return what was imported, and what was set aside."""
    from workflow.files.table import n_of

    about = imported.about
    last = about.get("last_day") or about["observed_until"].replace("T", " ")
    lines = [f"{imported.folder}: {n_of(about['n_cases'], 'case')}, {n_of(about['n_events'], 'event')}, to {last}"]
    lines += _of_tables(about) if about["source"] == "eoir" else _of_columns(about)
    return "\n".join(lines)


def _of_columns(about: dict[str, Any]) -> list[str]:
    lines = [f"  {note}" for note in about["notes"]]
    lines.append(f"  facts: {', '.join(about['facts']) or 'none'}")
    return lines + [f"  no fact: {column}: {reason}" for column, reason in about["no_facts"].items()]


def _of_tables(about: dict[str, Any]) -> list[str]:
    from workflow.files.table import n_of

    lines = []
    for name, table in about["tables"].items():
        parts = [n_of(table["rows"], "row")]
        parts += [f"{table[what]:,} {what}" for what in ("repaired", "rejected", "flagged") if table[what]]
        if table["control_total"] is not None and table["control_total"] != table["rows"]:
            parts.append(f"Count.txt says {table['control_total']:,}")
        lines.append(f"  {name}: {', '.join(parts)}")
    lines += [f"  {name}: not in the release" for name in about["missing_tables"]]
    if any(table["repaired"] or table["rejected"] or table["flagged"] for table in about["tables"].values()):
        lines.append("  each such row, with the reason and its line: repaired.csv, rejected.csv, flagged.csv")
    return lines
