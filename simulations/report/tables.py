"""The tables of a report: formatted cells with the values to sort by, and unrounded CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote

from simulations.measuring.descriptors import CAUSES, Descriptor, describe, utilisation_name, waiting_name
from simulations.printing.run_tables import format_estimate, format_measure, format_ratio, number
from simulations.report.contents import Contents
from simulations.running.results import Estimate

__all__ = ["Cell", "Table", "as_csv", "cases_table", "contrast_table", "data_link", "estimates_csv", "group_table", "published_table", "standing_table", "times_table", "use_table", "wait_table"]  # fmt: skip

_BUSY = 0.5


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, and the number to sort by, if any."""

    text: str
    value: float | None = None


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Attributes
    ----------
    rows : list of list of Cell
        The first of each names the row.
    csv : str
        The same content and more, unrounded.
    """

    key: str
    caption: str
    columns: list[str]
    rows: list[list[Cell]]
    csv: str = field(repr=False)
    kind: ClassVar[str] = "table"

    @property
    def link(self) -> str:
        """Return the CSV as a data URI."""
        return data_link(self.csv)


def data_link(text: str) -> str:
    """Return a data URI of a CSV text."""
    return "data:text/csv;charset=utf-8," + quote(text)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV text."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue()


def estimates_csv(estimates: Iterable[Estimate]) -> str:
    """Return estimates as CSV, a row each, with the names that ``--json`` has."""
    rows = [e.json() for e in estimates]
    columns = ("measure", "court", "by", "group", "at", "unit", "mean", "low", "high", "q05", "q95", "date")
    return as_csv(columns, ([row[c] for c in columns] for row in rows))


def published_table(contents: Contents) -> Table | None:
    """Return the published figures beside the simulated ones, ``None`` if the scenario has none."""
    rows, plain = [], []
    for figure in contents.scenario.published:
        found = contents.result.get(figure.measure, figure.court, figure.at)
        away = None if found.mean is None or not figure.value else (found.mean - figure.value) / figure.value
        rows.append([
            Cell(figure.measure), Cell(figure.court), Cell(str(figure.at)), Cell(f"{figure.value:,}", figure.value),
            Cell(format_estimate(found), found.mean), Cell(_band(found), found.q05), Cell("" if away is None else f"{away:+.1%}".replace("-0.0%", "+0.0%"), away),
            Cell(figure.source or ""),
        ])  # fmt: skip
        plain.append([figure.measure, figure.court, figure.at, figure.value, found.mean, found.low, found.high, found.q05, found.q95, figure.source])  # fmt: skip
    if not rows:
        return None
    columns = ["measure", "court", "day", "published", "simulated", "single runs, 5–95 %", "difference", "source"]
    if len(contents.result.replications) == 1:  # no band
        del columns[5]
        for row in rows:
            del row[5]
    names = ["measure", "court", "at", "published", "mean", "low", "high", "q05", "q95", "source"]
    return Table("published", "Published and simulated, at the end of the day", columns, rows, as_csv(names, plain))


def _band(estimate: Estimate) -> str:
    if estimate.q05 is None or estimate.q95 is None or estimate.date is not None:
        return ""
    return f"{number(estimate.q05, estimate.unit)} – {number(estimate.q95, estimate.unit)}"


def _by_court(contents: Contents, key: str, caption: str, names: Sequence[str]) -> Table:
    here = {(e.measure, e.court): e for e in contents.result.measures if e.by is None and e.at is None}
    rows = [
        [Cell(name), Cell(here[name, "all"].unit)] + [_cell(here, name, court) for court in contents.courts]
        for name in names
    ]
    text = estimates_csv(e for (name, _), e in here.items() if name in names)
    return Table(key, caption, ["measure", "unit", *_named(contents)], rows, text)


def _cell(here: Mapping[tuple[str, Any], Estimate], name: str, of: Any) -> Cell:
    estimate = here.get((name, of))
    shown = format_measure(here, name, of)
    return Cell(shown, estimate.mean if estimate is not None and shown == format_estimate(estimate) else None)


def _named(contents: Contents) -> list[str]:
    return [*contents.titles.values()]


def _measures(contents: Contents) -> list[Descriptor]:
    """Return the measures at the end of the run."""
    descriptors = describe(contents.scenario)
    names = dict.fromkeys(e.measure for e in contents.result.measures if e.by is None and e.at is None)
    return [descriptors[name] for name in names]


def cases_table(contents: Contents) -> Table:
    """Return counts of cases, shares, dates and costs at the end of the run, by court."""
    names = [m.name for m in _measures(contents) if not m.is_of_pools]
    return _by_court(contents, "cases", f"Cases at the end of the run, {contents.scenario.ends}", names)


def times_table(contents: Contents) -> Table:
    """Return times of activities and use of pools at the end of the run, by court."""
    names = [m.name for m in _measures(contents) if m.is_of_pools and m.statistic not in CAUSES]
    return _by_court(contents, "times", "Waiting, work and use of each pool, over the whole run", names)


def wait_table(contents: Contents) -> Table | None:
    """Return mean waiting by cause of each activity and court, ``None`` if nobody waited."""
    here = {(e.measure, e.court): e for e in contents.result.measures if e.by is None and e.at is None}
    rows, used = [], []
    for name in contents.scenario.work:
        for court in contents.courts:
            whole = here.get((waiting_name(name), court))
            if whole is None or not whole.mean:
                continue
            parts = [here[waiting_name(name, cause), court] for cause in CAUSES]
            cells = [Cell(format_estimate(e), e.mean) for e in (whole, *parts)]
            rows.append([Cell(name), Cell(contents.titles[court]), *cells])
            used += [whole, *parts]
    caption = "Mean wait for work that has begun, by cause, in days"
    columns = ["activity", "court", "in all", *(cause.replace("_", " ") for cause in CAUSES)]
    return Table("waiting", caption, columns, rows, estimates_csv(used)) if rows else None


def standing_table(contents: Contents) -> Table | None:
    """Return the cases by state on the days of the flow figure, ``None`` without an event log."""
    flow = contents.flow
    if flow is None:
        return None
    days = ["at the start" if day is None else f"end of {day}" for day in flow.days]
    counts = dict(zip(flow.places, flow.standing.T.tolist(), strict=True))
    shown = {place: row for place, row in counts.items() if any(row)}
    rows = [[Cell(place), *(Cell(number(n, "cases"), n) for n in row)] for place, row in shown.items()]
    text = as_csv(["state", *days], ([place, *row] for place, row in shown.items()))
    return Table(
        "standing", "Cases by the state in which they stood, mean over replications", ["state", *days], rows, text
    )


def use_table(contents: Contents) -> Table | None:
    """Return the utilisation of each pool over the whole run and in its busiest week, and its number of busy weeks."""
    rows, plain = [], []
    here = {(e.measure, e.court): e for e in contents.result.measures if e.by is None and e.at is None}
    for use in contents.use:
        shares = [(v, week) for v, week in zip(use.mean.tolist(), use.weeks, strict=True) if v == v]  # no shift: NaN
        whole = here.get((utilisation_name(use.pool), use.court))
        if not shares or whole is None:
            continue
        busiest, week = max(shares, key=lambda pair: pair[0])
        busy = sum(v > _BUSY for v, _ in shares)
        rows.append([
            Cell(use.pool), Cell(contents.titles[use.court]), Cell(format_estimate(whole), whole.mean), Cell(f"{busy} of {len(shares)}", busy),
            Cell(f"{busiest:.3f}", busiest), Cell(str(week)),
        ])  # fmt: skip
        plain.append([use.pool, use.court, whole.mean, whole.low, whole.high, busy, len(shares), busiest, week])
    if not rows:
        return None
    columns = ["pool", "court", "whole run", f"weeks above {_BUSY:.0%}", "busiest week", "which began on"]
    names = ["pool", "court", "mean", "low", "high", "busy_weeks", "weeks", "busiest_week", "busiest_week_began"]
    return Table("use", "Use of each pool: share of time on shift", columns, rows, as_csv(names, plain))


def group_table(contents: Contents, by: str) -> Table:
    """Return every measure of each group of cases, all courts together, at the end of the run."""
    here = {
        (e.measure, e.group): e for e in contents.result.measures if e.by == by and e.court == "all" and e.at is None
    }
    groups = list(dict.fromkeys(group for _, group in here))
    rows = [
        [Cell(name), *(_cell(here, name, group) for group in groups)]
        for name in dict.fromkeys(name for name, _ in here)
    ]
    caption = f"By {by}, all courts, at the end of the run"
    return Table(f"by-{by}", caption, ["measure", *map(str, groups)], rows, estimates_csv(here.values()))


def contrast_table(contents: Contents, by: str) -> Table | None:
    """Return the slowest and the fastest group for each mean time, ``None`` if there is no contrast."""
    mine = [c for c in contents.result.contrasts if c.by == by]
    rows = [[Cell(c.measure), Cell(c.slowest), Cell(c.fastest), Cell(format_ratio(c), c.ratio)] for c in mine]
    columns = ["measure of time", "slowest", "fastest", "slowest / fastest"]
    names = ["measure", "by", "slowest", "fastest", "ratio", "low", "high"]
    text = as_csv(names, ([c.json()[n] for n in names] for c in mine))
    return Table(f"who-waits-{by}", f"Who waits longest, by {by}", columns, rows, text) if rows else None
