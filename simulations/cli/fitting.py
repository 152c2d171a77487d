"""The commands from records to a scenario: ``docketsim discover``, ``fit`` and ``check-fit``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simulations.cli.common import (
    FAILURE,
    Color,
    Engine,
    Json,
    Limit,
    Quiet,
    ScenarioName,
    Seed,
    Workers,
    date,
    echo,
    print_json,
    progress_bar,
    report_errors,
    with_workers,
)
from simulations.cli.log_options import LogOptions, with_log_options
from workflow.errors import InputError

if TYPE_CHECKING:
    from simulations.fitting.discovery import Discovery

LogPath = Annotated[
    Path, typer.Argument(metavar="LOG", help="A CSV, Parquet, Excel or XES file, or a folder that `import` has written.")
]


@with_log_options
def discover(
    log: LogPath,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The workflow file to write; its mapping is written beside it.")],
    cover: Annotated[
        float, typer.Option(metavar="X", help="Share of the cases that the workflow must describe; rarer moves are set aside.")
    ] = 0.98,
    *,
    options: LogOptions,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Discover a first workflow in a log, to be edited: states, moves, facts, and guards proposed from the facts."""
    with report_errors():
        from simulations.fitting.discovery import discover as run_discovery
        from simulations.run_folder.whole_files import write_text
        from workflow.loading import load_workflow

        beside = out.parent / f"{out.stem}.mapping.yaml"
        check_new(out, beside)
        found = run_discovery(log, options.mapping(), cover=cover, zone=options.time_zone)
        load_workflow(found.text)  # nothing is written that does not load
        write_text(out, found.text)
        write_text(beside, found.mapping)
        if as_json:
            print_json(found.json())
        elif not quiet:
            echo("\n".join(_said(found, log, out, beside, options.time_zone)))


@with_log_options
def fit(
    log: LogPath,
    workflow: Annotated[str, typer.Option(metavar="W", help="The workflow of the log: a path or a built-in name.")],
    as_of: Annotated[
        str, typer.Option(metavar="DATE", help="The scenario starts on this day; nothing from this day on is read.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The scenario file to write; its tables are written beside it.")],
    days: Annotated[int, typer.Option(min=1, metavar="N", help="Length of the scenario in days.")] = 365,
    *,
    options: LogOptions,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Fit a scenario to a log: backlog, arrivals, lengths, shares, events, servers, hours, each with its interval."""
    with report_errors():
        from simulations.fitting.fit import fit as run_fit
        from simulations.fitting.fit import relative_workflow
        from workflow.loading import load_workflow

        check_new(out)
        loaded = load_workflow(workflow)
        given = options.mapping(loaded)
        named = relative_workflow(workflow, out)
        found = run_fit(log, loaded, named, date(as_of, "--as-of"), out, given, zone=options.time_zone, days=days)
        _write_all(out, found.files)
        if as_json:
            print_json(found.json())
        elif not quiet:
            echo(
                f"{out}: fitted to {found.n_cases:,} cases, {found.n_open:,} of them open, and {found.n_visits:,} visits to states"
            )
            for path, (estimate, low, high) in list(found.intervals().items())[:12]:
                echo(f"  {path}: {estimate:.4g} ({low:.4g} to {high:.4g})")
            if len(found.intervals()) > 12:
                echo(f"  and {len(found.intervals()) - 12:,} more under uncertain:")
            for note in found.notes:
                echo(f"  {note}")
            echo(f"next: docketsim run {shlex.quote(str(out))}")


@with_log_options
def check_fit(
    log: LogPath,
    scenario: ScenarioName,
    until: Annotated[str, typer.Option(metavar="DATE", help="Compare what happened before this day.")],
    out: Annotated[Path | None, typer.Option(metavar="PAGE", help="Write a page with figures, such as check.html.")] = None,
    replications: Annotated[int, typer.Option(min=99, help="Number of replications.")] = 100,
    seed: Seed = 1,
    engine: Engine = "auto",
    workers: Workers = None,
    limit: Limit = 1.0,
    *,
    options: LogOptions,
    as_json: Json = False,
    quiet: Quiet = False,
    color: Color = "auto",
) -> None:
    """Compare a fitted scenario with what happened after its start: months that it does not know."""
    with report_errors():
        from simulations.fitting.checking import check_fit as run_check
        from simulations.loading import load_scenario
        from simulations.printing.terminal import new_console, print_table
        from simulations.report.fit_check import distances_table, write_fit_check
        from simulations.running.options import RunOptions

        if out is not None:
            _check_page(out)
        loaded = load_scenario(scenario)
        given = options.mapping(loaded.workflow)
        silent = quiet or as_json
        running = RunOptions(replications=replications, seed=seed, engine=engine, limit=limit)
        running = with_workers(running, workers, loaded, replications)
        with progress_bar(silent) as progress:
            check = run_check(log, loaded, date(until, "--until"), given, running, zone=options.time_zone, progress=progress)
        if out is not None:
            write_fit_check(check, out)
        if as_json:
            print_json(check.json())
        elif not quiet:
            print_table(new_console(), distances_table(check))
            for name, observed, low, median, high in check.counts:
                echo(f"{name}: {observed:,} in the log, {median:,.0f} in the scenario (90% band {low:,.0f} to {high:,.0f})")
            echo(check.verdict)
            if out is not None:
                echo(f"Page: {out}")
        if not check.held:
            raise typer.Exit(FAILURE)


def _check_page(out: Path) -> None:
    if out.suffix != ".html":
        raise InputError([f"--out {out}: the file must end in .html"])
    if not out.parent.is_dir():
        raise InputError([f"--out {out}: the folder {out.parent} does not exist"])


def _write_all(out: Path, files: Mapping[str, str]) -> None:
    """Write a scenario with its tables, and load it; if it does not load, leave nothing behind.

    Raises
    ------
    InputError
        If a file exists already.
    """
    from simulations.loading import load_scenario
    from simulations.run_folder.whole_files import write_text

    paths = {out.parent / name: text for name, text in files.items()}
    check_new(out, *(path for path in paths if path != out))
    try:
        for path, text in paths.items():
            write_text(path, text)
        load_scenario(out)
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise


def check_new(*paths: Path) -> None:
    """Refuse to replace files, which somebody may have edited.

    Raises
    ------
    InputError
        With every file that exists, or whose folder does not.
    """
    wrong = [f"{path}: exists already; give another --out, or remove it" for path in paths if path.exists()]
    wrong += [f"{path}: the folder {path.parent} does not exist" for path in paths[:1] if not path.parent.is_dir()]
    if paths[0].suffix not in (".yaml", ".yml"):
        wrong.append(f"--out {paths[0]}: the file must end in .yaml")
    if wrong:
        raise InputError(wrong)


def _said(found: Discovery, log: Path, out: Path, beside: Path, zone: str | None) -> list[str]:
    """Return what is printed about a discovered workflow."""
    described = f"{found.n_kept:,} of {found.n_cases:,} cases ({found.n_kept / found.n_cases:.1%})"
    lines = [f"{out}: {found.n_states} states and {len(found.moves)} moves, which describe {described}"]
    lines += [f"  {note}" for note in found.notes]
    for after, move, n in found.aside[:6]:
        lines.append(
            f"  set aside: {move} {f'after {after}' if after else 'as the first move'} ({n:,} case{'' if n == 1 else 's'})"
        )
    if len(found.aside) > 6:
        lines.append(f"  set aside: {len(found.aside) - 6:,} more moves; {out} lists them")
    for state, guards, used in found.guards:
        what = "guards from the facts" if used else "guards proposed in comments"
        lines.append(f"  {state}: {what}, error {guards.error:.1%} ({guards.without:.1%} without them)")
    lines.append(f"next: {command('audit', log, out, beside, zone)}")
    return lines


def command(name: str, log: Path, workflow: Path, mapping: Path, zone: str | None, *more: str) -> str:
    """Return a command on a log with a workflow and its mapping."""
    words: list[Any] = ["docketsim", name, log, "--workflow", workflow, "--mapping", mapping, *more]
    return shlex.join([*map(str, words), *(["--time-zone", zone] if zone else [])])
