"""The commands on studies and run folders: ``docketsim compare``, ``sql``, ``verify``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from simulations.cli.common import (
    FAILURE,
    All,
    At,
    Changes,
    Cluster,
    Color,
    Confidence,
    Courts,
    Engine,
    Json,
    Keep,
    Limit,
    Measures,
    Out,
    Quiet,
    Replications,
    Resume,
    RunFolder,
    ScenarioFile,
    Seed,
    Workers,
    asked_for,
    echo,
    next_steps,
    print_json,
    progress_bar,
    report_errors,
    resume_command,
    run_options,
    spinner,
    with_workers,
)
from workflow.errors import InputError, visible
from workflow.files.json_text import json_text

_MOST_ROWS = 100


def compare(
    base: Annotated[str, typer.Argument(metavar="BASE", help="A built-in scenario (see list), or the path of a file.")],
    others: Annotated[list[str], typer.Argument(metavar="OTHER...", help="Scenarios to compare with the base.")],
    change: Changes = None,
    set_other: Annotated[
        list[str] | None, typer.Option(metavar="PATH=VALUE", help="Change one value in the others, not in the base.")
    ] = None,
    replications: Replications = 10,
    seed: Seed = 1,
    at: At = None,
    measure: Measures = None,
    court: Courts = None,
    engine: Engine = "auto",
    workers: Workers = None,
    cluster: Cluster = None,
    limit: Limit = 1.0,
    confidence: Confidence = 0.95,
    keep: Keep = "events",
    resume: Resume = False,
    out: Out = None,
    everything: All = False,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Compare scenarios with common random numbers: the difference and interval of every measure, and case by case."""
    with report_errors(lambda: resume_command(out)):
        from simulations.comparing.comparison import compare as run_comparison
        from simulations.loading import load_scenario
        from simulations.run_folder.folders import default_folder

        options = run_options(
            replications, seed, at, measure, court, engine, confidence, resume, out, limit, keep=keep, cluster=cluster
        )
        first = load_scenario(base, change or ())
        options = with_workers(options, workers, first, replications, 1 + len(others))
        out = out or default_folder(f"compare-{first.name}")
        with progress_bar(quiet or as_json) as progress:
            comparison = run_comparison(
                base, *others, changes=change or (), other_changes=set_other or (), out=out, options=options, progress=progress
            )
        if as_json:
            from simulations.printing.run_tables import shown_courts

            content = comparison.json()
            if not everything:
                courts = shown_courts(comparison.base.courts, comparison.selection)
                content |= {key: asked_for(content[key], courts, options.at) for key in ("measures", "cases")}
            print_json(content)
        elif not quiet:
            from simulations.printing.comparison_table import print_comparison

            print_comparison(
                comparison,
                options.at,
                everything,
                next_steps(comparison.folder, everything or bool(comparison.selection.measures)),
            )


def sql(
    folder: RunFolder,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A SELECT over cases, events, holds and measures.")],
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on standard output.")] = False,
) -> None:
    """Query a run folder in SQL: the views cases, events, holds, measures; pm4py.log, ocel.*, vidigi.event_log; transitions."""
    with report_errors():
        from simulations.run_folder.views import query_run

        if as_json and as_csv:
            raise InputError(["--json and --csv: give one of them"])
        with query_run(folder, query) as answer:
            if as_csv:
                _csv(answer.columns, answer.rows)
            elif as_json:
                rows = [[_plain(value) for value in row] for row in answer.rows]
                echo(json_text({"columns": answer.columns, "rows": rows}))
            else:
                _table(answer.columns, answer.rows)


def _csv(columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    import csv

    from simulations.tables.table import spreadsheet_cell

    def cell(value: Any) -> Any:
        safe = spreadsheet_cell(_plain(value))
        return visible(safe) if isinstance(safe, str) else safe

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(map(cell, columns))
    writer.writerows(map(cell, row) for row in rows)


def _plain(value: Any) -> Any:
    """Return a value for JSON and CSV: dates and times in ISO format, decimals as numbers."""
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
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _table(columns: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:

    from simulations.printing.terminal import new_console, new_table, print_grid

    console = new_console(markup=False)
    shown = list(islice(rows, _MOST_ROWS))
    grid = new_table(None, *map(visible, columns))
    for column, values in zip(grid.columns, zip(*shown, strict=True), strict=False):
        numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in map(_plain, values) if v is not None)
        column.justify = "right" if numeric else "left"
    for row in shown:
        grid.add_row(*("" if value is None else visible(str(_plain(value))) for value in row))
    print_grid(console, grid)
    if next(rows, None) is not None:
        echo(f"More than {_MOST_ROWS} rows: --csv or --json prints all.", err=True)


def verify(
    folder: RunFolder,
    rerun: Annotated[int, typer.Option(metavar="K", help="Rerun K random replications and compare the bytes.")] = 0,
    scenario: ScenarioFile = None,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Verify a run folder: check the hash of every part, and rerun replications."""
    with report_errors():
        from simulations.running.verifying import verify as check
        from workflow.files.table import n_of

        with spinner("reading every part", quiet or as_json):
            result = check(folder, rerun, scenario)
        if as_json:
            print_json(result.json())
        elif not quiet:
            for name, what in result.wrong:
                echo(f"{name if '.yaml' in name else folder / name}: {what}")
            verdict = "as written" if result.ok else f"{len(result.wrong)} wrong"
            echo(f"{n_of(result.parts, 'part')} of {n_of(result.replications, 'replication')}: {verdict}.")
            if result.run_again:
                numbers = ", ".join(map(str, result.run_again))
                noun = "replication" if len(result.run_again) == 1 else "replications"
                echo(f"Rerun of {noun} {numbers}: {'the same bytes' if result.rerun_ok else 'other bytes'}.")
        if not result.ok:
            raise typer.Exit(FAILURE)
