"""Print the results of a run: published and simulated figures, counts, times, utilisation and costs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from simulations.measuring.descriptors import CAUSES, Family, describe, waiting_name
from simulations.running.results import Contrast, Estimate
from simulations.running.run_result import RunResult
from simulations.running.warmup import WarmUp, still_trending

__all__ = [
    "few",
    "few_came_in",
    "format_estimate",
    "format_measure",
    "format_ratio",
    "new_table",
    "number",
    "print_result",
]

_MOST_COURTS = 4
_FEW = 0.05
"""Least inflow, as a share of disposals, for which a clearance rate is shown."""


def print_result(result: RunResult, days: Sequence[dt.date], diagnosis: Sequence[WarmUp] | None = None) -> None:
    """Print a run's results to standard output.

    Parameters
    ----------
    result : RunResult
    days : sequence of date
        The days asked for, besides the end of the run.
    diagnosis : sequence of WarmUp, optional
    """
    console = Console(highlight=False, soft_wrap=False)
    console.print(_head(result))
    _published(console, result)
    for day in (*days, None):
        _at(console, result, day)
    for by in dict.fromkeys(e.by for e in result.measures if e.by is not None):
        _groups(console, result, by)
    if diagnosis is not None:
        _warm_up(console, diagnosis)
    if result.violations is not None:
        table = new_table("\nRules watched on every case: how many cases broke them", "rule", "cases")
        for rule, n in result.violations.items():
            table.add_row(rule, f"{n:,}")
        console.print(table)
    _foot(console, result)


def _head(result: RunResult) -> str:
    scenario, n = result.scenario, len(result.replications)
    interval = (
        f"means ± half a {result.confidence:.0%} interval"
        if n > 1
        else "a single replication, so no intervals: add --replications"
    )
    return (
        f"[bold]{scenario.name}[/bold]: {scenario.starts} to {scenario.ends}, {n} replication{'s' if n > 1 else ''}, seed {result.seed};"
        f" {interval}."
    )


def _courts(result: RunResult) -> list[str]:
    courts = result.scenario.courts
    return ["all"] if len(courts) == 1 or len(courts) > _MOST_COURTS else [*courts, "all"]


def format_estimate(estimate: Estimate | None) -> str:
    """Format an estimate: the mean and half the width of its interval, or both ends of an asymmetric interval."""
    if estimate is None:
        return ""
    if estimate.mean is None:
        return f"in {estimate.n} of {estimate.of} runs" if estimate.n else "-"
    unit = " d" if estimate.unit == "days" else ""
    mean = number(estimate.mean, estimate.unit) if estimate.date is None else str(estimate.date)
    if not estimate.half_width:
        return mean if estimate.date is not None else mean + unit
    if not estimate.symmetric:
        return f"{mean} ({number(estimate.low or 0.0, estimate.unit)} to {number(estimate.high or 0.0, estimate.unit)}){unit}"
    return f"{mean} ± {number(estimate.half_width, estimate.unit)}{unit}"


def few_came_in(here: Mapping[tuple[str, Any], Estimate], of: Any) -> bool:
    """Return whether too few cases came in for a meaningful clearance rate (disposals over inflow).

    Parameters
    ----------
    here : mapping
        Estimates by measure and by court or group.
    of : str or None
        The court or group.
    """
    came, left = (here.get((name, of)) for name in ("inflow", "disposals"))
    return came is not None and left is not None and few(came.mean or 0.0, left.mean or 0.0)


def few(came_in: float, left: float) -> bool:
    """Return whether inflow is too small, compared with disposals, for a meaningful clearance rate."""
    return came_in < _FEW * left


def format_measure(here: Mapping[tuple[str, Any], Estimate], measure: str, of: Any) -> str:
    """Format the estimate of a measure, or explain why a clearance rate is not shown."""
    found = here.get((measure, of))
    if measure == "clearance_rate" and found is not None and few_came_in(here, of):
        return "few came in"
    return format_estimate(found)


def number(value: float, unit: str) -> str:
    """Format a number with about three significant digits; a share with three decimals."""
    if unit == "share":
        return f"{value:.3f}"
    if value == int(value) and unit == "cases":
        return f"{value:,.0f}"
    size = abs(value)
    return (
        "0"
        if not size
        else f"{value:,.0f}"
        if size >= 100
        else f"{value:.1f}"
        if size >= 10 or unit == "cases"
        else f"{value:.2f}"
        if size >= 1
        else f"{value:.3f}"
    )


def new_table(title: str | None, *columns: str) -> Table:
    """Return a table without lines; the first column is aligned left, the others right."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        show_edge=False,
        header_style="dim",
    )
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", no_wrap=i == 0)
    return table


def _published(console: Console, result: RunResult) -> None:
    if not result.scenario.published:
        return
    table = new_table(
        "\nPublished and simulated, at the end of the day",
        "measure",
        "court",
        "day",
        "published",
        "simulated",
        "difference",
    )
    for figure in result.scenario.published:
        found = result.get(figure.measure, figure.court, figure.at)
        away = "" if found.mean is None or not figure.value else f"{(found.mean - figure.value) / figure.value:+.1%}"
        table.add_row(figure.measure, figure.court, str(figure.at), f"{figure.value:,}", format_estimate(found), away)
    console.print(table)


def _at(console: Console, result: RunResult, day: dt.date | None) -> None:
    when = f"at the end of {day}" if day is not None else f"at the end of the run, {result.scenario.ends}"
    here = {(e.measure, e.court): e for e in result.measures if e.at == day and e.by is None}
    courts = _courts(result)
    descriptors = describe(result.scenario)
    measures = [descriptors[name] for name in dict.fromkeys(name for name, _ in here)]
    counts = [m.name for m in measures if m.family in (Family.DECLARED, Family.DOCKET)]
    times = [m.name for m in measures if m.family in (Family.WAITING, Family.PROCESSING) and m.is_mean_time]
    use = [
        m.name
        for m in measures
        if m.family in (Family.UTILISATION, Family.QUEUE)
        or (m.family is Family.OVERTIME and any(here[m.name, c].mean for c in courts if (m.name, c) in here))
    ]
    money = [m.name for m in measures if m.family is Family.COST]
    table = new_table(f"\nCases, {when}", "measure", *courts)
    for name in counts:
        table.add_row(name, *(format_measure(here, name, court) for court in courts))
    console.print(table)
    table = new_table(f"\nMean time for each activity, and use of each pool, {when}", "measure", *courts)
    for name in times + use:
        table.add_row(name, *(format_estimate(here.get((name, court))) for court in courts))
    console.print(table)
    if money:
        table = new_table(f"\nCosts, {here[money[0], 'all'].unit}, {when}", "measure", *courts)
        for name in money:
            table.add_row(name, *(format_estimate(here.get((name, court))) for court in courts))
        console.print(table)
    activities = [m.subject for m in measures if m.family is Family.WAITING and m.is_mean_time and m.subject]
    waited = [activity for activity in activities if here[waiting_name(activity), "all"].mean]
    if waited:
        table = new_table(
            f"\nWhy cases waited for work that has begun: mean by cause, all courts, {when}", "activity", *CAUSES
        )
        for name in waited:
            table.add_row(name, *(format_estimate(here.get((waiting_name(name, cause), "all"))) for cause in CAUSES))
        console.print(table)


def _groups(console: Console, result: RunResult, by: str) -> None:
    here = {(e.measure, e.group): e for e in result.measures if e.by == by and e.court == "all" and e.at is None}
    groups = list(dict.fromkeys(group for _, group in here))
    ratios = {c.measure: c for c in result.contrasts if c.by == by}
    columns = [*(str(g) for g in groups), *(["slowest / fastest"] if ratios else [])]
    table = new_table(f"\nBy {by}, all courts, at the end of the run", "measure", *columns)
    for name in dict.fromkeys(name for name, _ in here):
        ratio = [format_ratio(ratios.get(name))] if ratios else []
        table.add_row(name, *(format_measure(here, name, group) for group in groups), *ratio)
    console.print(table)


def format_ratio(contrast: Contrast | None) -> str:
    """Format the ratio of the slowest to the fastest group, with half the width of its interval."""
    if contrast is None:
        return ""
    half = "" if contrast.low is None or contrast.high is None else f" ± {(contrast.high - contrast.low) / 2:.2f}"
    return f"{contrast.ratio:.2f}{half}"


def _warm_up(console: Console, diagnosis: Sequence[WarmUp]) -> None:
    table = new_table("\nWarm-up: days to leave out before pending has settled", "court", "MSER-5", "Welch")
    for found in diagnosis:
        table.add_row(found.court, *("not settled" if d is None else str(d) for d in (found.mser, found.welch)))
    console.print(table)


def _foot(console: Console, result: RunResult) -> None:
    console.print()
    for note in result.scenario.about.notes:
        console.print(f"Note: {note}")
    for pool in result.growing:
        console.print(
            f"[bold]Warning:[/bold] the queue of the pool {pool!r} grew all the time: whoever waits for it waits ever longer, and"
            " waiting times hold for a run of this length only. docketsim staff says how many people it takes."
        )
    for trend in still_trending(result):
        where = "all courts together" if trend.court == "all" else trend.court
        console.print(
            f"[bold]Warning:[/bold] pending cases of {where} still {'rise' if trend.late > trend.early else 'fall'} after the warm-up, from"
            f" {number(trend.early, 'cases')} to {number(trend.late, 'cases')}: this is no steady state. Let the run end later, or warm_up too:"
            " --warm-up says when it has settled."
        )
    console.print(f"Log and results: {result.folder}")
