"""Print a comparison: which measures differ, by how much, and which differences are undecided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from simulations.comparing.case_pairs import ALIKE
from simulations.comparing.comparison import Comparison, Difference
from simulations.measuring.descriptors import describe
from simulations.printing.run_tables import new_table, number
from simulations.timing.clock import MICROSECONDS_PER_DAY

__all__ = ["format_difference", "format_level", "format_needed", "format_p", "print_comparison"]

_MOST_COURTS = 4
_MOST_CHANGES = 8


def print_comparison(found: Comparison, days: Sequence[dt.date]) -> None:
    """Print a comparison to standard output."""
    console = Console(highlight=False, soft_wrap=False)
    console.print(_head(found))
    for name in found.against:
        console.print(f"\n[bold]Against {escape(name)}[/bold]")
        for day in (*days, None):
            _measures(console, found, name, day)
        _cases(console, found, name)
    for name, pools in found.growing.items():
        for pool in pools:
            console.print(f"\n[bold]Warning:[/bold] {escape(name)}: the queue of the pool {pool!r} grew all the time.")
    console.print(f"\nRuns and results: {found.folder}")


def _head(found: Comparison) -> str:
    n = found.replications
    told = (
        f"differences ± half a {found.confidence:.0%} interval; p corrected over all measures (Holm)"
        if n > 1
        else "a single replication, so no intervals: add --replications"
    )
    return f"[bold]{found.base.name}[/bold], the base, and others: {n} replication{'s' if n > 1 else ''} each, seed {found.seed}, paired; {told}."


def _measures(console: Console, found: Comparison, name: str, day: dt.date | None) -> None:
    courts = found.base.courts
    shown = {"all"} if len(courts) == 1 or len(courts) > _MOST_COURTS else {*courts, "all"}
    here = [d for d in found.differences if d.against == name and d.at == day and d.court in shown]
    differing = [d for d in here if d.paired is not None and not d.paired.same]
    apart = [d for d in differing if d.told_apart(found.confidence) or found.replications < 2]
    when = f"at the end of {day}" if day is not None else f"at the end of the run, {found.base.ends}"
    if apart:
        columns = ("measure", "court", "base", "other", "difference", "p", "correlation", "var. reduction")
        told = "Told apart" if found.replications > 1 else "Differing"
        console.print(f"\n[bold]{told}, {when}[/bold]")
        grid = new_table(None, *columns)
        for d in apart:
            grid.add_row(*_row(found, d))
        console.print(grid)
    rest = [d for d in differing if d not in apart]
    descriptors = describe(found.base)
    listed = [d for d in rest if not descriptors[d.measure].is_detail] or rest
    if rest:
        console.print(f"\n[bold]Not told apart with {found.replications} replications, {when}[/bold]")
        grid = new_table(None, "measure", "court", "base", "other", "difference", "p", "about so many would do")
        for d in listed:
            grid.add_row(*_row(found, d)[:6], format_needed(d))
        console.print(grid)
        if len(rest) > len(listed):
            console.print(f"and {len(rest) - len(listed)} more of waiting and processing times (--json has all).")
    same = sum(d.paired is not None and d.paired.same for d in here)
    blank = sum(d.paired is None for d in here)
    console.print(f"\nExactly the same in every replication, {when}: {same} of {len(here)} measures of a court.")
    if blank:
        console.print(f"Nothing to compare: {blank} (a date not reached in every replication, or nobody to measure).")


def format_needed(d: Difference) -> str:
    """Format the number of replications that would probably be enough to tell the two scenarios apart."""
    if d.needed is not None:
        return f"{d.needed:,}"
    return "no difference seen" if d.paired is None or d.paired.difference == 0 else "more than a million"


def _row(found: Comparison, d: Difference) -> list[str]:
    paired = d.paired
    assert paired is not None
    return [
        d.measure,
        d.court,
        *(format_level(found, d, value) for value in (paired.base, paired.other)),
        format_difference(d),
        format_p(d),
        "" if paired.correlation is None else f"{paired.correlation:.2f}",
        "" if paired.variance_reduction is None else f"{paired.variance_reduction:.1f}",
    ]


def format_difference(d: Difference) -> str:
    """Format the difference with its sign, and half the width of its interval."""
    paired = d.paired
    if paired is None:
        return ""
    half = "" if paired.low is None or paired.high is None else f" ± {number((paired.high - paired.low) / 2, d.unit)}"
    sign = "+" if paired.difference > 0 else "−" if paired.difference < 0 else ""
    return f"{sign}{number(abs(paired.difference), d.unit)}{half}"


def format_p(d: Difference) -> str:
    """Format the corrected p-value."""
    return "" if d.p_corrected is None else "<0.001" if d.p_corrected < 0.001 else f"{d.p_corrected:.3f}"


def format_level(found: Comparison, d: Difference, value: float) -> str:
    """Format the value of one scenario; a point in time as a date."""
    if describe(found.base)[d.measure].is_date:
        return str(found.base.epoch.date(round(value * MICROSECONDS_PER_DAY)))
    return number(value, d.unit) + (" d" if d.unit == "days" else "")


def _cases(console: Console, found: Comparison, name: str) -> None:
    if name not in found.cases:
        return
    courts = found.base.courts
    shown = ["all"] if len(courts) == 1 or len(courts) > _MOST_COURTS else [*courts, "all"]
    here = {(p.what, p.court): p for p in found.cases[name]}
    console.print("\n[bold]Case by case, at the end of the run: how many are[/bold]")
    grid = new_table(None, "", *shown)
    for what in dict.fromkeys(what for what, _ in here):
        if what != ALIKE and not here[what, "all"].mean:
            continue
        cells = []
        for court in shown:
            p = here[what, court]
            half = (
                "" if not p.low or p.high is None or p.high == p.low else f" ± {number((p.high - p.low) / 2, 'cases')}"
            )
            cells.append(number(p.mean, "cases") + half)
        grid.add_row(what, *cells)
    console.print(grid)
    if found.changes[name]:
        console.print("\n[bold]The most frequent changes, cases in the mean over replications[/bold]")
        grid = new_table(None, "in the base", "in the other", "cases")
        grid.columns[1].justify = "left"
        for change in found.changes[name][:_MOST_CHANGES]:
            grid.add_row(change.base, change.other, number(change.mean, "cases"))
        console.print(grid)
