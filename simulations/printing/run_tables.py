"""Print the results of a run: published and simulated figures, counts, times, utilisation and costs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.console import Console
from rich.markup import escape

from simulations.measuring.descriptors import Family
from simulations.measuring.selection import EVERYTHING, Selection
from simulations.printing.brief import LINES, MOST_WARNINGS, Part, print_brief
from simulations.printing.terminal import describe_replications, kept_whole, new_console, print_table, sentences
from simulations.running.run_result import RunResult
from simulations.running.warmup import WarmUp
from simulations.statements.of_runs import NO_STEADY_STATE, WAITS_DEPEND, answer, not_steady
from simulations.tables.formatting import court_title, format_replications, format_when
from simulations.tables.run import (
    INSIDE,
    PARAMETERS,
    PREDICTION,
    contrast_table,
    court_table,
    estimates_by_court,
    group_table,
    inputs_table,
    leading_measures,
    measures_of,
    published_table,
    row_titles,
    waiting_table,
    without_bands,
)
from simulations.tables.table import text_table

_MOST_COURTS = 4


def print_result(
    result: RunResult,
    days: Sequence[dt.date],
    diagnosis: Sequence[WarmUp] | None = None,
    everything: bool = True,
    next_steps: Sequence[str] = (),
) -> None:
    """Print a run's results to standard output.

    Parameters
    ----------
    result : RunResult
    days : sequence of date
        The requested days, besides the end of the run.
    diagnosis : sequence of WarmUp, optional
    everything : bool
        Print every table, rather than what leads.
    next_steps : sequence of str
        Commands to try next.
    """
    console, scenario, n = new_console(), result.scenario, len(result.replications)
    head = kept_whole(
        f"[bold]{escape(scenario.name)}[/bold]: {scenario.starts} to {scenario.ends}, {format_replications(n)}, seed {result.seed};"
        f" {describe_replications(n, result.confidence)}."
    )
    brief = not everything and not result.selection.measures
    most_warnings = MOST_WARNINGS if brief else None
    asked = [*_groups_brief(result), *_asked(result, diagnosis)]
    tail = [
        "",
        *sentences(answer(result), most_warnings),
        f"Log and results: {escape(str(result.folder))}",
        *map(escape, next_steps),
    ]
    if brief:
        parts = [*map(_outside_first, _published(result)), *(_leading(result, day) for day in (*days, None)), *asked]
        print_brief(console, [head], parts, tail, LINES + _LINES_OF_TABLE * (len(days) + len(asked)))
        return
    console.print(head)
    for part in _published(result):
        print_table(console, part.table)
    for day in (*days, None):
        _print_measures(console, result, day)
    for by in _groupings(result):
        for court in result.selection.courts or ["all"]:
            print_table(console, group_table(result, by, court))
        print_table(console, contrast_table(result, by))
    for part in _asked(result, diagnosis):
        print_table(console, part.table)
    _print_notes(console, result)
    for text in tail:
        console.print(text)


_LINES_OF_TABLE = 12
"""Lines of a table that was asked for."""


def _published(result: RunResult) -> list[Part]:
    """Return the published figures beside the simulated ones, if the scenario has any."""
    table = published_table(result)
    if table is None:
        return []
    table = table.without("source")
    return [Part(table if len(result.replications) > 1 else without_bands(table), ["difference", PREDICTION, PARAMETERS])]


def _outside_first(part: Part) -> Part:
    """Return the published figures with those first that are outside the band."""
    table = part.table
    if INSIDE not in table.columns:
        return part
    k = table.columns.index(INSIDE)
    return replace(part, table=replace(table, rows=sorted(table.rows, key=lambda row: row[k].text != "no")))


def _leading(result: RunResult, day: dt.date | None) -> Part:
    """Return the measures that lead, on a day or at the end of the run: pending cases, flows, outcomes, waits and use."""
    courts = {c: court_title(c, result.scenario) for c in shown_courts(result.scenario.courts, result.selection)}
    measures, estimates = measures_of(result, day), estimates_by_court(result, day)
    waits = [m.name for m in measures if m.family is Family.WAITING and m.is_mean_time]
    use = [m.name for m in measures if m.family is Family.UTILISATION]
    names = dict.fromkeys(["pending", *leading_measures(result), *waits, *use])
    known = [name for name in names if any((name, court) in estimates for court in courts)]
    title = format_when(day, result.scenario.ends).capitalize()
    table = court_table(result, "", title, known, courts, day, row_titles(result.scenario))
    table = replace(table, columns=["", *table.columns[1:]])
    return Part(table, [column for column in table.columns if column.startswith(PARAMETERS)])


def _groupings(result: RunResult) -> list[str]:
    return list(dict.fromkeys(e.by for e in result.estimates if e.by is not None))


def _groups_brief(result: RunResult) -> Iterator[Part]:
    """Yield the groups of cases: how their mean times differ, and the leading measures of each."""
    leading, titles = leading_measures(result), row_titles(result.scenario)
    for by in _groupings(result):
        if contrasts := contrast_table(result, by, titles):
            yield Part(contrasts)
        table = group_table(result, by, (result.selection.courts or ["all"])[0], leading, titles)
        if table.rows:
            yield Part(table)


def _asked(result: RunResult, diagnosis: Sequence[WarmUp] | None) -> Iterator[Part]:
    """Yield the tables that options ask for: the warm-up, and the rules that were monitored."""
    if diagnosis is not None:
        rows = [(w.court, *("not settled" if d is None else str(d) for d in (w.mser, w.welch))) for w in diagnosis]
        title = "Warm-up: days to discard before pending has settled"
        yield Part(text_table(title, ["court", "MSER-5", "Welch"], rows))
    if result.violations is not None:
        title = "Rules monitored on every case: number of cases that broke them"
        counts = [(rule, f"{n:,}") for rule, n in result.violations.items()]
        yield Part(text_table(title, ["rule", "cases"], counts))


def shown_courts(courts: Sequence[str], selection: Selection = EVERYTHING) -> list[str]:
    """Return the courts that have a column: the chosen ones, or each of a few, and all together last."""
    if selection.courts:
        return list(selection.courts)
    return ["all"] if len(courts) == 1 or len(courts) > _MOST_COURTS else [*courts, "all"]


def _print_measures(console: Console, result: RunResult, day: dt.date | None) -> None:
    """Print the measures of a day, or of the end of the run."""
    when, selection = format_when(day, result.scenario.ends), result.selection
    courts = {c: court_title(c, result.scenario) for c in shown_courts(result.scenario.courts, selection)}
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
        print_table(console, waiting_table(result, kind, courts, day, with_titles=False))


def _print_notes(console: Console, result: RunResult) -> None:
    for note in result.scenario.about.notes:
        console.print(f"Note: {escape(note)}")
    if result.growing:
        console.print(f"{WAITS_DEPEND} docketsim staff computes how many servers a pool needs.")
    if not_steady(result):
        console.print(f"{NO_STEADY_STATE} Set a later end and a later warm_up; --warm-up estimates when pending settles.")
