"""The commands on studies and run folders: ``docketsim compare``, ``sql``, ``verify``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from simulations.cli.common import (
    FAILURE,
    Engine,
    Json,
    Quiet,
    RunFolder,
    Seed,
    WorkersIfMany,
    compile_first,
    date,
    print_json,
    progress_bar,
    resumed,
    told,
    waiting,
    warnings_told,
)
from workflow.errors import InputError

__all__ = ["compare", "sql", "verify"]

_MOST_ROWS = 100


def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A built-in scenario (see list), or the path of a file.")],
    others: Annotated[list[str], typer.Argument(metavar="OTHER...", help="The scenarios to compare it with.")],
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Change one value of every scenario.")
    ] = None,
    set_other: Annotated[
        list[str] | None, typer.Option(metavar="PATH=VALUE", help="Change one value of the others, not of the base.")
    ] = None,
    replications: Annotated[int, typer.Option(help="How many replications of each.")] = 10,
    seed: Seed = 1,
    at: Annotated[
        list[str] | None, typer.Option(metavar="DATE", help="Compare as things stood at the end of this day, too.")
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="M", help="Compare this measure only: few are told apart more easily than all."),
    ] = None,
    engine: Engine = "auto",
    workers: WorkersIfMany = None,
    no_events: Annotated[
        bool, typer.Option("--no-events", help="Write no event logs, and compare no case with itself.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the folder of --out; parts that are there are kept.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder of all runs; default runs/compare-<base>-<date and time>."),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare scenarios by common random numbers: every measure with its difference and interval, and case by case."""
    with told(lambda: resumed(out)):
        from simulations.comparing.comparison import compare as run_comparison
        from simulations.engines.choosing import enough_workers
        from simulations.loading import load_scenario
        from simulations.run_folder.folders import default_folder

        if resume and out is None:
            raise InputError(["--resume needs --out: the folder to go on with"])
        days = [date(text) for text in at or ()]
        first = load_scenario(base, change or ())
        compile_first(engine, first, replications, quiet or as_json)
        workers = enough_workers(engine, first, replications, 1 + len(others)) if workers is None else workers
        out = out if out is not None else default_folder(f"compare-{first.name}")
        with warnings_told(), progress_bar(quiet or as_json) as progress:
            found = run_comparison(
                base, *others, changes=change or (), other_changes=set_other or (), replications=replications, seed=seed,
                at=days, measures=measure or (), workers=workers, events=not no_events, out=out, resume=resume,
                engine=engine, progress=progress,
            )  # fmt: skip
        if as_json:
            print_json(found.json())
        elif not quiet:
            from simulations.printing.comparison_table import print_comparison

            print_comparison(found, days)


def sql(
    folder: RunFolder,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A SELECT over cases, events and measures.")],
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on standard output.")] = False,
) -> None:
    """Ask a run folder in SQL: the views cases, events, measures; pm4py.log, ocel.*, vidigi.event_log; transitions."""
    with told():
        from simulations.run_folder.views import ask

        if as_json and as_csv:
            raise InputError(["--json and --csv: give one of them"])
        with ask(folder, query) as answer:
            if as_csv:
                _csv(answer.columns, answer.rows)
            elif as_json:
                rows = [[_plain(value) for value in row] for row in answer.rows]
                typer.echo(json.dumps({"columns": answer.columns, "rows": rows}, ensure_ascii=False))
            else:
                _table(answer.columns, answer.rows)


def _csv(columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(value) for value in row] for row in rows)


def _plain(value: Any) -> Any:
    """Return a value as JSON and CSV have it: dates and instants as ISO texts, decimals as numbers."""
    import datetime as dt
    from decimal import Decimal

    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value != value:
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _table(columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    from rich.console import Console

    from simulations.printing.run_tables import new_table

    console = Console(highlight=False, soft_wrap=False, markup=False)
    shown = list(islice(rows, _MOST_ROWS))
    grid = new_table(None, *columns)
    for column, values in zip(grid.columns, zip(*shown, strict=True), strict=False):
        numeric = all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in map(_plain, values) if v is not None
        )
        column.justify = "right" if numeric else "left"
    for row in shown:
        grid.add_row(*("" if value is None else str(_plain(value)) for value in row))
    console.print(grid)
    if next(rows, None) is not None:
        typer.echo(f"More than {_MOST_ROWS} rows: --csv or --json gives all.", err=True)


def verify(
    folder: RunFolder,
    rerun: Annotated[int, typer.Option(metavar="K", help="Run K random replications again and compare the bytes.")] = 0,
    scenario: Annotated[
        str | None, typer.Option(metavar="FILE", help="For --rerun: the scenario, if it reads tables beside its file.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """See whether a run folder is what was run: the hash of every part, and replications run again."""
    with told():
        from simulations.running.verifying import verify as check

        with waiting("reading every part", quiet or as_json):
            found = check(folder, rerun, scenario)
        if as_json:
            print_json(found.json())
        elif not quiet:
            for name, what in found.wrong:
                typer.echo(f"{folder / name if '.yaml' not in name else name}: {what}")
            verdict = "as written" if found.ok else f"{len(found.wrong)} wrong"
            typer.echo(f"{found.parts} parts of {found.replications} replications: {verdict}.")
            if found.run_again:
                same = "the same bytes" if not any("run again" in what for _, what in found.wrong) else "other bytes"
                typer.echo(f"Run again, replication {', '.join(map(str, found.run_again))}: {same}.")
        if not found.ok:
            raise typer.Exit(FAILURE)
