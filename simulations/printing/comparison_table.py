"""Print a comparison: significant differences, undecided ones, and the case-by-case comparison."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.markup import escape

from simulations.comparing.comparison import Comparison
from simulations.printing.brief import LINES, MOST_WARNINGS, Part, print_brief
from simulations.printing.run_tables import shown_courts
from simulations.printing.terminal import describe_replications, kept_whole, new_console, print_table, sentences
from simulations.statements.of_comparisons import growing_in_each, main_result, unchanged
from simulations.tables.comparison import case_table, change_table, difference_table, is_clear
from simulations.tables.formatting import court_title, format_replications, format_when
from simulations.tables.ranking import ranked
from simulations.tables.run import row_titles

_MOST_CHANGES = 8
_SPARE = ("var. reduction", "correlation", "p")


def print_comparison(
    comparison: Comparison, days: Sequence[dt.date], everything: bool = True, next_steps: Sequence[str] = ()
) -> None:
    """Print a comparison to standard output.

    Parameters
    ----------
    comparison : Comparison
    days : sequence of date
        The requested days, besides the end of the run.
    everything : bool
        Print every table, rather than the differences that stand out.
    next_steps : sequence of str
        Commands to try next.
    """
    console, n = new_console(), comparison.replications
    corrected = "; p corrected over the distinct hypotheses (Holm)" if n > 1 else ""
    head = kept_whole(
        f"[bold]{escape(comparison.base.name)}[/bold], the base, and others: {format_replications(n)} each, seed {comparison.seed},"
        f" paired; {describe_replications(n, comparison.confidence, 'differences')}{corrected}."
    )
    brief = not everything and not comparison.selection.measures
    tail = [
        "",
        *_answer(comparison, MOST_WARNINGS if brief else None),
        f"Runs and results: {escape(str(comparison.folder))}",
        *map(escape, next_steps),
    ]
    if brief:
        parts = [_leading(comparison, name, day) for name in comparison.against for day in (*days, None)]
        more = max(0, len(parts) - 1)
        print_brief(console, [head], [part for part in parts if part], tail, LINES + _LINES_OF_TABLE * more)
        return
    console.print(head)
    for name in comparison.against:
        n_tested = len({d.hypothesis for d in comparison.differences if d.against == name and d.hypothesis is not None})
        console.print(f"\n[bold]Against {escape(name)}[/bold]{f': {_hypotheses(n_tested)} tested' if n > 1 else ''}")
        for day in (*days, None):
            _print_differences(console, comparison, name, day)
        courts = {
            court: court_title(court, comparison.base) for court in shown_courts(comparison.base.courts, comparison.selection)
        }
        print_table(console, case_table(comparison, name, courts))
        print_table(console, change_table(comparison, name, _MOST_CHANGES))
    for text in tail:
        console.print(text)


_LINES_OF_TABLE = 12
"""Lines of each table of differences after the first."""


def _answer(comparison: Comparison, most_warnings: int | None) -> list[str]:
    """Return the answer of each comparison as a paragraph, and the warnings."""
    several = len(comparison.against) > 1
    paragraphs = [
        (f"[bold]Against {escape(name)}[/bold]: " if several else "") + text
        for name in comparison.against
        for text in sentences([*main_result(comparison, name)[1:], *main_result(comparison, name)[:1]])
    ]
    return [*paragraphs, *sentences(growing_in_each(comparison), most_warnings)]


def _leading(comparison: Comparison, name: str, day: dt.date | None) -> Part | None:
    """Return the differences that stand out, the most important first; without any, those that are the least uncertain."""
    courts = shown_courts(comparison.base.courts, comparison.selection)
    chosen = [d for d in ranked(comparison, name, day) if d.court in courts]
    if not chosen:
        return None
    against = f" against {name}" if len(comparison.against) > 1 else ""
    title = f"{'Differences' if comparison.replications < 2 else 'Clear differences'}{against}, {format_when(day, comparison.base.ends)}"
    table = difference_table(comparison, chosen, title, titles=row_titles(comparison.base))
    table = table.without("correlation", "var. reduction", "runs needed")
    table = replace(table, columns=["", *table.columns[1:]])
    return Part(table if comparison.replications > 1 else table.without("p"), ["p"])


def _hypotheses(n: int) -> str:
    return "one hypothesis" if n == 1 else f"{n or 'no'} {'distinct ' if n else ''}hypotheses"


def _print_differences(console: Console, comparison: Comparison, name: str, day: dt.date | None) -> None:
    when, courts = format_when(day, comparison.base.ends), shown_courts(comparison.base.courts, comparison.selection)
    of_day = [d for d in comparison.differences if d.against == name and d.at == day and d.court in courts]
    measured = [d for d in of_day if not d.few_came_in]
    differing = [d for d in measured if d.paired is not None and not d.paired.same]
    untested = [d for d in differing if d.paired is not None and (d.certain or d.paired.constant)]
    clear = [d for d in differing if is_clear(comparison, d) and d not in untested]
    unclear = [d for d in differing if d not in (*clear, *untested)]
    if untested:
        table = difference_table(comparison, untested, f"The same in every replication, not tested, {when}")
        print_table(console, table.without("p", "correlation", "var. reduction", "runs needed"))
    if clear:
        title = f"Significant differences, {when}" if comparison.replications > 1 else f"Differences, {when}"
        print_table(console, difference_table(comparison, clear, title).without("runs needed"), spare=_SPARE)
    if unclear:
        shown = [d for d in unclear if not comparison.is_detail(d)] or unclear
        table = difference_table(comparison, shown, f"Not significant with {comparison.replications} replications, {when}")
        print_table(console, table.without("correlation", "var. reduction"), spare=["p"])
        if len(unclear) > len(shown):
            console.print(f"and {len(unclear) - len(shown)} more of waiting and processing times (--json --all has them).")
    same = sum(d.paired is not None and d.paired.same for d in measured)
    console.print(f"\n{unchanged(same, len(measured), when)}")
    blank = sum(d.paired is None for d in measured)
    if blank:
        console.print(f"Not comparable: {blank} (a date that some replication did not reach, or no case to measure).")
    if len(measured) < len(of_day):
        console.print("Left out: clearance_rate, because few cases came in (--json has it).")
