"""Tables of a run: published figures, measures by court, waits by reason and by clock, and groups of cases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from simulations.measuring.descriptors import (
    CLOSED,
    OTHERS,
    WAITING_FOR,
    Descriptor,
    Family,
    activity_title,
    describe,
    part_name,
    parts_of,
    pool_title,
    waiting_name,
)
from simulations.running.intervals import describe_method
from simulations.running.results import Estimate
from simulations.running.run_result import RunResult
from simulations.scenarios.scenario import Scenario, Work
from simulations.tables.formatting import (
    by_title,
    court_title,
    estimate_cell,
    format_dates,
    format_range,
    format_ratio,
    format_when,
    group_title,
    signed_percent,
)
from simulations.tables.table import Cell, Table, as_csv, estimates_csv, json_csv

PREDICTION = "prediction interval"
"""Heading of the column with the prediction intervals."""

INSIDE, PARAMETERS = "inside the band?", "variance from inputs"
_INSIDE = {True: "yes", False: "no", None: ""}
_CLEAR = {True: "clear", False: "not clear", None: "a single replication"}


_NAMES: Mapping[str, str] = MappingProxyType({})


def describe_prediction(result: RunResult, with_method: bool = True) -> str:
    """Describe the prediction interval of one new replication, without a full stop at the end.

    Parameters
    ----------
    with_method : bool
        Also say in a second sentence how it is computed.
    """
    both = ", with its chance and its uncertain inputs" if result.scenario.uncertain else ""
    method = f". {describe_method(len(result.replications), result.confidence)}" if with_method else ""
    return f"{result.confidence:.0%} prediction interval of one new replication{both}{method}"


def estimates_by_court(result: RunResult, at: dt.date | None = None) -> dict[tuple[str, str], Estimate]:
    """Return the estimates of a day, or of the end of the run, by measure and court, without groups of cases."""
    return {(e.measure, e.court): e for e in result.estimates if e.by is None and e.at == at}


def row_titles(scenario: Scenario) -> dict[str, str]:
    """Return the title of each measure for a row of a table."""
    return {name: measure.row_title for name, measure in describe(scenario).items()}


def measures_of(result: RunResult, at: dt.date | None = None) -> list[Descriptor]:
    """Return the descriptor of each measure taken on a day, or at the end of the run."""
    descriptors = describe(result.scenario)
    return [descriptors[name] for name in dict.fromkeys(name for name, _ in estimates_by_court(result, at))]


def leading_measures(result: RunResult) -> list[str]:
    """Return the names of the measures that lead: those that the scenario shows, or flows, and first and dated ones of the workflow."""
    workflow, measured = result.scenario.workflow, {e.measure for e in result.estimates}
    if result.scenario.show:
        return [name for name in result.scenario.show if name in measured]
    declared = [m.measure for m in workflow.measures if m.measure in measured]
    dates = [m.measure for m in workflow.measures if m.emptied]
    flows = ["inflow", "disposals", *(("transfers_in", "transfers_out") if result.scenario.transfers else ())]
    return list(dict.fromkeys([*flows, *declared[:3], *dates]))


def published_table(result: RunResult) -> Table | None:
    """Return the published figures beside the simulated ones, or ``None`` if the scenario has none."""
    rows, data, measures = [], [], describe(result.scenario)
    for figure in result.published:
        e = result.get(figure.measure, figure.court, figure.at)
        error = None if e.mean is None or not figure.value else (e.mean - figure.value) / figure.value
        rows.append(
            [
                Cell(measures[figure.measure].title),
                Cell(court_title(figure.court, result.scenario)),
                Cell(str(figure.at)),
                Cell(f"{figure.value:,}", figure.value),
                estimate_cell(e),
                Cell(_prediction(e), e.prediction_low),
                Cell(_INSIDE[result.is_inside(figure)]),
                Cell("" if error is None else signed_percent(error), error),
                *([_parameters(e)] if result.scenario.uncertain else []),
                Cell(figure.source or ""),
            ]
        )
        ends = [e.mean, e.low, e.high, e.prediction_low, e.prediction_high, e.prediction_method]
        data.append([figure.measure, figure.court, figure.at, figure.value, *ends, result.is_inside(figure), figure.source])
    split = [PARAMETERS] if result.scenario.uncertain else []
    columns = ["measure", "court", "day", "published", "simulated", PREDICTION, INSIDE, "difference", *split, "source"]
    predicted = ["prediction_low", "prediction_high", "prediction_method"]
    names = ["measure", "court", "at", "published", "mean", "low", "high", *predicted, "inside", "source"]
    title = "Published and simulated, at the end of the day"
    if (inside := result.inside) is not None:
        title += f": {inside[0]} of {inside[1]} inside the band"
    return Table("published", title, columns, rows, as_csv(names, data), n_text=2) if rows else None


def without_bands(table: Table) -> Table:
    """Return the table of published figures of a single replication, which has no bands."""
    return table.without(PREDICTION, INSIDE, PARAMETERS)


def _parameters(estimate: Estimate | None) -> Cell:
    """Return the share of the variance that comes from uncertain inputs, with its interval."""
    split = None if estimate is None else estimate.parameters
    return Cell("") if split is None else Cell(f"{split.share:.0%} ({split.low:.0%} to {split.high:.0%})", split.share)


def _prediction(estimate: Estimate) -> str:
    ends = estimate.prediction
    if ends is None:
        return ""
    if estimate.date is not None:
        return format_dates(estimate, ends.low, ends.high)
    return format_range(ends.low, ends.high, estimate.unit)


def court_table(
    result: RunResult,
    key: str,
    title: str,
    names: Sequence[str],
    courts: Mapping[str, str],
    at: dt.date | None = None,
    titles: Mapping[str, str] = _NAMES,
) -> Table:
    """Return a table with a row for each measure and a column for each court.

    Parameters
    ----------
    names : sequence of str
        The measures.
    courts : mapping of str to str
        The heading of each court; ``all`` stands for all courts together.
    at : date, optional
        The day; without it, the end of the run.
    titles : mapping of str to str
        The heading of each row. Default: the names, which options take.
    """
    estimates = estimates_by_court(result, at)
    rows = [[Cell(titles.get(name, name)), *(estimate_cell(estimates.get((name, court))) for court in courts)] for name in names]
    text = estimates_csv(e for (name, _), e in estimates.items() if name in names)
    columns = ["measure", *courts.values()]
    splits = [_parameters(estimates.get((name, [*courts][-1]))) for name in names] if result.scenario.uncertain and courts else []
    if any(cell.text for cell in splits):
        rows = [[*row, cell] for row, cell in zip(rows, splits, strict=True)]
        columns.append(PARAMETERS if len(courts) == 1 else f"{PARAMETERS}, {columns[-1]}")
    return Table(key, title, columns, rows, text)


def inputs_table(result: RunResult) -> Table | None:
    """Return the uncertain inputs as drawn: mean and range over replications; ``None`` without any.

    The range is that of the replications, which is narrower than the distribution.
    """
    measures = [m for m in measures_of(result) if m.family is Family.UNCERTAIN]
    estimates, rows = estimates_by_court(result), []
    for m in measures:
        e = estimates[m.name, "all"]
        values = result.values_of(m.name)
        low, high = min(values), max(values)
        rows.append([Cell(m.subject or ""), Cell(f"{e.mean:.4g}", e.mean), Cell(f"{low:.4g} to {high:.4g}", low)])
    title = "Uncertain inputs, as drawn for the replications"
    text = estimates_csv(estimates[m.name, "all"] for m in measures)
    return Table("inputs", title, ["input", "mean", "range"], rows, text) if rows else None


@dataclass(frozen=True, slots=True)
class Wait:
    """The mean wait for an activity in a court, and the part of each reason in it."""

    activity: str
    court: str
    whole: Estimate
    parts: dict[str, Estimate]


def waits_by_reason(result: RunResult, courts: Mapping[str, str], at: dt.date | None = None) -> list[Wait]:
    """Return the mean waits and their parts, by activity and court, where any case waited.

    A court is left out unless the mean wait and all its parts were computed.
    """
    estimates = estimates_by_court(result, at)
    waits = []
    for activity, work in result.scenario.work.items():
        measures = waiting_parts(result.scenario, work, "waiting_reason")
        for court in courts:
            wait, parts = estimates.get((waiting_name(activity), court)), _parts(estimates, measures, court)
            if wait is not None and wait.mean and parts:
                waits.append(Wait(activity, court, wait, parts))
    return waits


def waiting_table(
    result: RunResult, kind: str, courts: Mapping[str, str], at: dt.date | None = None, with_titles: bool = True
) -> Table | None:
    """Return the mean wait for each activity and its parts, with a column for each court; ``None`` if no case waited.

    Parts that are 0 in every court are left out. The reason ``capacity`` is followed by its own parts.

    Parameters
    ----------
    kind : {"waiting_reason", "waiting_clock"}
    courts : mapping of str to str
        The heading of each court.
    with_titles : bool
        Write the titles of activities rather than their names, which options take.
    """
    estimates, rows, listed = estimates_by_court(result, at), [], []
    for activity, work in result.scenario.work.items():
        measures = waiting_parts(result.scenario, work, kind)
        if measures:
            measures = {"in all": waiting_name(activity), **measures}
        if "capacity" in measures:
            capacity = waiting_parts(result.scenario, work, "waiting_capacity")
            measures |= {f"capacity: {label}": measure for label, measure in capacity.items()}
        for label, measure in measures.items():
            of_courts = [estimates.get((measure, court)) for court in courts]
            if any(e is not None and e.mean for e in of_courts):
                rows.append(
                    [
                        Cell(activity_title(activity, result.scenario) if with_titles else activity),
                        Cell(label),
                        *(Cell("") if e is None else estimate_cell(e) for e in of_courts),
                    ]
                )
                listed += [e for e in of_courts if e is not None]
    by = {"waiting_reason": "reason", "waiting_clock": "the clock of the pool"}[kind]
    title = f"Mean wait for work that has begun, by {by}, {format_when(at, result.scenario.ends)}"
    columns = ["activity", kind.removeprefix("waiting_"), *courts.values()]
    return Table(kind.replace("_", "-"), title, columns, rows, estimates_csv(listed), n_text=2) if rows else None


def waiting_parts(scenario: Scenario, work: Work, kind: str) -> dict[str, str]:
    """Return the measures of the parts of a wait for an activity, by their label.

    Waits in a queue with teams are divided by the pool that was short, instead of by reason, and not by other keys of `BREAKDOWNS`.

    Parameters
    ----------
    kind : {"waiting_reason", "waiting_capacity", "waiting_clock"}
    """
    if work.pool not in scenario.queues_with_teams:
        return {part.replace("_", " "): name.format(work.activity) for name, part in parts_of(work, kind).items()}
    if kind != "waiting_reason":
        return {}
    pools = [group[0].pool for group in work.groups]
    measures = {f"{pool_title(pool, scenario)} short": part_name(WAITING_FOR, work.activity, pool) for pool in pools}
    more = {"others first": OTHERS, "all closed": CLOSED}
    return measures | {label: part_name(WAITING_FOR, work.activity, part) for label, part in more.items()}


def _parts(estimates: Mapping[tuple[str, str], Estimate], measures: Mapping[str, str], court: str) -> dict[str, Estimate]:
    """Return the parts of a mean wait, by their label; empty unless all were computed."""
    parts = {label: estimates.get((measure, court)) for label, measure in measures.items()}
    known = {label: part for label, part in parts.items() if part is not None}
    return known if len(known) == len(parts) else {}


def group_table(
    result: RunResult, by: str, court: str = "all", names: Collection[str] | None = None, titles: Mapping[str, str] = _NAMES
) -> Table:
    """Return the measures of each group of cases of a court, or of all courts together, at the end of the run.

    Parameters
    ----------
    names : collection of str, optional
        The measures. Default: all.
    titles : mapping of str to str
        The heading of each row. Default: the names, which options take.
    """
    chosen = [e for e in result.estimates if e.by == by and e.court == court and e.at is None]
    estimates = {(e.measure, e.group): e for e in chosen if names is None or e.measure in names}
    groups = list(dict.fromkeys(group for _, group in estimates))
    rows = [
        [Cell(titles.get(name, name)), *(estimate_cell(estimates.get((name, group))) for group in groups)]
        for name in dict.fromkeys(name for name, _ in estimates)
    ]
    title = f"By {by_title(by, result.scenario)}, {court_title(court, result.scenario)}, at the end of the run"
    return Table(
        f"by-{by}" if court == "all" else f"by-{by}-{court}",
        title,
        ["measure", *(group_title(by, group, result.scenario) for group in groups)],
        rows,
        estimates_csv(estimates.values()),
    )


def contrast_table(result: RunResult, by: str, titles: Mapping[str, str] = _NAMES) -> Table | None:
    """Return the groups with the longest and the shortest mean, for each mean time, or ``None`` if there is no contrast.

    Parameters
    ----------
    titles : mapping of str to str
        The heading of each row. Default: the names of the measures, which options take.
    """
    scenario = result.scenario
    contrasts = [c for c in result.contrasts if c.by == by]
    rows = [
        [
            Cell(titles.get(c.measure, c.measure)),
            *(Cell(group_title(by, group, scenario)) for group in (c.longest, c.shortest)),
            Cell(format_ratio(c), c.ratio),
            Cell(_CLEAR[c.clear]),
        ]
        for c in contrasts
    ]
    columns = ["measure of time", "longest", "shortest", "longest / shortest", "difference"]
    text = json_csv(["measure", "by", "longest", "shortest", "ratio", "low", "high", "clear"], contrasts)
    return (
        Table(
            f"times-{by}",
            f"Mean times by {by_title(by, scenario)}: the groups with the longest and the shortest",
            columns,
            rows,
            text,
        )
        if rows
        else None
    )
