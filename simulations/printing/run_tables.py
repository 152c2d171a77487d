"""Print the results of a run: published and simulated figures, counts, times, utilisation and costs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from simulations.measuring.descriptors import Family
from simulations.measuring.selection import EVERYTHING, Selection
from simulations.printing.terminal import describe_replications, new_console, print_table
from simulations.running.run_result import RunResult
from simulations.running.warmup import WarmUp
from simulations.statements.of_runs import NO_STEADY_STATE, WAITS_DEPEND, growing, not_steady, outside
from simulations.tables.formatting import format_replications, format_when
from simulations.tables.run import (
    contrast_table,
    court_table,
    estimates_by_court,
    group_table,
    inputs_table,
    measures_of,
    published_table,
    waiting_table,
    without_bands,
)
from simulations.tables.table import text_table

_MOST_COURTS = 4


def print_result(result: RunResult, days: Sequence[dt.date], diagnosis: Sequence[WarmUp] | None = None) -> None:
    """Print a run's results to standard output.

    Parameters
    ----------
    result : RunResult
    days : sequence of date
        The requested days, besides the end of the run.
    diagnosis : sequence of WarmUp, optional
    """
    console, scenario, n = new_console(), result.scenario, len(result.replications)
    console.print(
        f"[bold]{escape(scenario.name)}[/bold]: {scenario.starts} to {scenario.ends}, {format_replications(n)}, seed {result.seed};"
        f" {describe_replications(n, result.confidence)}."
    )
    published = published_table(result)
    if published is not None:
        published = published.without("source")
        print_table(console, published if n > 1 else without_bands(published))
    for statement in outside(result):
        console.print(f"[bold]Warning:[/bold] {escape(statement.text)}")
    for day in (*days, None):
        _print_measures(console, result, day)
    for by in dict.fromkeys(e.by for e in result.estimates if e.by is not None):
        for court in result.selection.courts or ["all"]:
            print_table(console, group_table(result, by, court))
        print_table(console, contrast_table(result, by))
    if diagnosis is not None:
        rows = [(w.court, *("not settled" if d is None else str(d) for d in (w.mser, w.welch))) for w in diagnosis]
        title = "Warm-up: days to discard before pending has settled"
        print_table(console, text_table(title, ["court", "MSER-5", "Welch"], rows))
    if result.violations is not None:
        title = "Rules monitored on every case: number of cases that broke them"
        counts = [(rule, f"{n:,}") for rule, n in result.violations.items()]
        print_table(console, text_table(title, ["rule", "cases"], counts))
    _print_notes(console, result)


def shown_courts(courts: Sequence[str], selection: Selection = EVERYTHING) -> list[str]:
    """Return the courts that have a column: the chosen ones, or each of a few, and all together last."""
    if selection.courts:
        return list(selection.courts)
    return ["all"] if len(courts) == 1 or len(courts) > _MOST_COURTS else [*courts, "all"]


def _print_measures(console: Console, result: RunResult, day: dt.date | None) -> None:
    """Print the measures of a day, or of the end of the run."""
    when, selection = format_when(day, result.scenario.ends), result.selection
    courts = {c: c for c in shown_courts(result.scenario.courts, selection)}
    estimates, measures = estimates_by_court(result, day), measures_of(result, day)
    if selection.measures:
        table = court_table(result, "", f"The chosen measures, {when}", [m.name for m in measures], courts, day)
        print_table(console, table)
        return
    counts = [m for m in measures if m.family in (Family.DECLARED, Family.DOCKET)]
    times = [m for m in measures if m.family in (Family.WAITING, Family.PROCESSING) and m.is_mean_time]
    use = [
        m
        for m in measures
        if m.family in (Family.UTILISATION, Family.QUEUE)
        or (m.family is Family.OVERTIME and any(e.mean for (name, c), e in estimates.items() if name == m.name and c in courts))
    ]  # fmt: skip
    costs = [m for m in measures if m.family is Family.COST]
    sections = [("Cases", counts), ("Mean time for each activity, and use of each pool", times + use)]
    sections += [("Costs", costs)] if costs else []
    for title, chosen in sections:
        table = court_table(result, "", f"{title}, {when}", [m.name for m in chosen], courts, day)
        print_table(console, table)
    if day is None:
        print_table(console, inputs_table(result))
    for kind in ("waiting_reason", "waiting_clock"):
        print_table(console, waiting_table(result, kind, courts, day))


def _print_notes(console: Console, result: RunResult) -> None:
    console.print()
    for note in result.scenario.about.notes:
        console.print(f"Note: {escape(note)}")
    for statement in growing(result.growing):
        advice = f"{WAITS_DEPEND} docketsim staff computes how many servers the pool needs."
        console.print(f"[bold]Warning:[/bold] {escape(statement.text)} {advice}")
    for statement in not_steady(result):
        advice = f"{NO_STEADY_STATE} Set a later end and a later warm_up; --warm-up estimates when pending settles."
        console.print(f"[bold]Warning:[/bold] {escape(statement.text)} {advice}")
    console.print(f"Log and results: {escape(str(result.folder))}")
