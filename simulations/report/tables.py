"""The tables that only a report has: more measures by court, cases by state, and the weekly use of pools."""

from __future__ import annotations

from simulations.measuring.descriptors import BREAKDOWNS, Family, pool_title, slots_name, utilisation_name
from simulations.report.contents import Contents
from simulations.tables.formatting import estimate_cell, format_level, format_when, number_cell, state_title
from simulations.tables.run import court_table, estimates_by_court, measures_of, row_titles
from simulations.tables.table import Cell, Table, as_csv

_BUSY = 0.5


def cases_table(contents: Contents) -> Table:
    """Return counts of cases, shares, dates and costs at the end of the run, by court."""
    names = [m.name for m in measures_of(contents.result) if not m.is_of_pools and m.family is not Family.UNCERTAIN]
    title = f"Cases, {format_when(None, contents.scenario.ends)}"
    return court_table(contents.result, "cases", title, names, contents.titles, titles=row_titles(contents.scenario))


def times_table(contents: Contents) -> Table:
    """Return times of activities and use of pools at the end of the run, by court."""
    names = [m.name for m in measures_of(contents.result) if m.is_of_pools and m.name.partition(".")[0] not in BREAKDOWNS]
    title = "Waiting, work and use of each pool, over the whole run"
    return court_table(contents.result, "times", title, names, contents.titles, titles=row_titles(contents.scenario))


def state_table(contents: Contents) -> Table | None:
    """Return the cases by state on the days of the flow figure, or ``None`` without an event log."""
    flow = contents.flow
    if flow is None:
        return None
    counts = {state: n for state, n in zip(flow.states, flow.cases.T.tolist(), strict=True) if any(n)}
    confidence = contents.result.confidence
    rows = [
        [
            Cell(state_title(state, contents.scenario)),
            *(Cell(format_level(flow.of(k, state), confidence), n) for k, n in enumerate(row)),
        ]
        for state, row in counts.items()
    ]
    columns = ["state", *flow.day_titles]
    text = as_csv(columns, ([state, *row] for state, row in counts.items()))
    return Table("standing", "Cases by state, mean over replications", columns, rows, text)


def use_table(contents: Contents) -> Table | None:
    """Return the use of each pool over the whole run and in its busiest week, and its number of busy weeks."""
    rows, data = [], []
    estimates = estimates_by_court(contents.result)
    has_slots = any(pool.slots is not None for pool in contents.scenario.pools.values())
    for use in contents.use:
        if use.of_slots or use.court not in contents.titles:
            continue
        shares = [(v, week) for v, week in zip(use.mean.tolist(), use.weeks, strict=True) if v == v]  # no shift: NaN
        whole = estimates.get((utilisation_name(use.pool), use.court))
        if not shares or whole is None:
            continue
        busiest, week = max(shares, key=lambda pair: pair[0])
        busy = sum(v > _BUSY for v, _ in shares)
        slots = estimates.get((slots_name(use.pool), use.court))
        rows.append(
            [
                Cell(pool_title(use.pool, contents.scenario)),
                Cell(contents.titles[use.court]),
                estimate_cell(whole),
                *([Cell("") if slots is None else estimate_cell(slots)] if has_slots else []),
                Cell(f"{busy} of {len(shares)}", busy),
                number_cell(busiest, "share"),
                Cell(str(week)),
            ]
        )
        of_slots = [None if slots is None else slots.mean] if has_slots else []
        data.append([use.pool, use.court, whole.mean, whole.low, whole.high, *of_slots, busy, len(shares), busiest, week])
    slots_used = ["slots used"] if has_slots else []
    columns = ["pool", "court", "whole run", *slots_used, f"weeks above {_BUSY:.0%}", "busiest week", "first day of that week"]
    names = [
        "pool",
        "court",
        "mean",
        "low",
        "high",
        *(["slots_used"] if has_slots else []),
        "busy_weeks",
        "weeks",
        "busiest_week",
        "busiest_week_began",
    ]
    title = "Utilisation of each pool: share of time on shift" + (", and share of slots used" if has_slots else "")
    return Table("use", title, columns, rows, as_csv(names, data)) if rows else None
