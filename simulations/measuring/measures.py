"""Measures computed from an event log: counts of cases, waiting, utilisation, dates and costs.

A measure is taken at the end of a day or of the run, for each court, for all courts together, and for groups of cases by
a fact, a definition, the court or the origin. `simulations.measuring.descriptors` defines each measure.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace

import numpy as np

from simulations.log.eventlog import EventLog
from simulations.measuring.costs import costs
from simulations.measuring.counts import Firsts, Split, emptied
from simulations.measuring.descriptors import describe, input_name, measures_of_fit, measures_of_pool, slots_name
from simulations.measuring.frame import Frame, Grouping
from simulations.measuring.hearing_dates import daily_next_free, measure_dates
from simulations.measuring.lengths import Lengths, activities_in_parts
from simulations.measuring.measured import ByCourt, Daily, Measured, Table
from simulations.measuring.selection import EVERYTHING, Selection
from simulations.measuring.slots import slots_used
from simulations.measuring.standing import FLOWS, TRANSFERS, Crossings, Standing, daily, flows, states_at, transfers
from simulations.measuring.sums import ratio
from simulations.measuring.unfit import unfit
from simulations.measuring.utilisation import times_by_instant, utilisation
from simulations.measuring.waiting import divide_waits, waits_for
from simulations.scenarios.population import ORIGINS, Cases
from workflow.errors import InputError, nearest
from workflow.files.validation import format_names
from workflow.model.definition import as_written
from workflow.predicates import Namespace, PredicateError, parse, vector

__all__ = ["Grouping", "group_cases", "measure"]


def group_cases(cases: Cases, by: str | None) -> Grouping:
    """Group cases by a fact, a definition over facts, ``court`` or ``origin``. Cases without a value form one group.

    Raises
    ------
    InputError
        If the name is unknown.
    """
    n = len(cases)
    if by is None:
        return Grouping(None, (None,), np.zeros(n, np.int64))
    if by == "origin":
        return Grouping(by, ORIGINS, cases.origin.astype(np.int64))
    fields = {name: f for name, f in cases.scenario.namespace.fields.items() if f.role == "fact"}
    definitions = cases.scenario.workflow.definitions
    given = {by: replace(fields[by], optional=False)} if by in fields else {}
    try:
        expression = parse(by, Namespace(fields | given, definitions), "any")
    except PredicateError as error:
        allowed = [*fields, *definitions, "origin"]
        message = f"by {by}: {error.mistakes[0].message}"
        if by.isidentifier() and "Did you mean" not in message:  # `origin` is no field, so the list of fields lacks it
            message = message.partition("; known:")[0]
            message += f".{nearest(by, allowed) or f' Known: {format_names(allowed, 40)}.'}"
        raise InputError([message]) from None
    values = np.broadcast_to(vector(expression, cases.columns.values, cases.columns.missing), n)
    missing = cases.columns.missing.get(by, np.zeros(n, bool))
    of_case, labels = np.zeros(n, np.int64), list(expression.values)
    if expression.kind == "enum":
        of_case[:] = values
    else:
        distinct, of_case[~missing] = np.unique(values[~missing], return_inverse=True)
        labels = [as_written(v) for v in distinct.tolist()]
    if missing.any():
        of_case[missing] = len(labels)
        labels.append("missing" if "missing" not in labels else "without a value")
    return Grouping(by, tuple(labels), of_case)


def measure(
    log: EventLog, days: Sequence[dt.date | None] = (None,), groupings: Sequence[Grouping] = (), selection: Selection = EVERYTHING
) -> Measured:
    """Measure a log.

    Parameters
    ----------
    log : EventLog
    days : sequence of date or None
        Measure at the end of each of these days, at least one; ``None`` stands for the end of the run.
    groupings : sequence of Grouping
        Groups of cases to measure, besides all cases together.
    selection : Selection
        The measures and courts to compute.

    Returns
    -------
    Measured
        With the daily series of `pending` and of the next free dates, if they are chosen.
    """
    scenario = log.cases.scenario
    wanted = selection.with_inputs(scenario)
    frames = [Frame(log, grouping, days) for grouping in (group_cases(log.cases, None), *groupings)]
    firsts, crossings = Firsts(log, frames[0].n_before), Crossings.of(log)
    lengths, stood = _lengths(log, frames, wanted), _stood(log, frames, firsts, wanted)
    tables: list[Table] = []
    for frame, long, standing in zip(frames, lengths, stood, strict=True):
        values = _counts(frame, firsts, standing, wanted) | standing | _flows(frame, crossings, wanted) | long
        values |= measure_dates(frame, wanted) | _use_and_costs(frame, values, wanted)
        for entry in scenario.workflow.measures:
            if entry.ratio is not None and entry.measure in wanted:
                over, under = (values[name] for name in entry.ratio)
                values[entry.measure] = ratio(over, under)
        values |= _inputs(frame, wanted)
        tables += _tables(frame, days, values, selection)
    return Measured(scenario.courts, tables, _daily(log, crossings, days, selection), daily_next_free(log, days, selection))


def _tables(frame: Frame, days: Sequence[dt.date | None], values: Mapping[str, ByCourt], selection: Selection) -> Iterator[Table]:
    """Yield each chosen measure on each day, for the chosen courts."""
    scenario, by, labels = frame.log.cases.scenario, frame.grouping.by, frame.grouping.labels
    every_court, descriptors = (*scenario.courts, "all"), describe(scenario)
    chosen: list[tuple[str, tuple[str, ...], list[int] | slice, str, ByCourt]] = []
    for name, by_court in values.items():
        courts = every_court[len(every_court) - by_court.shape[1] :]
        rows = [row for row, court in enumerate(courts) if selection.has(name, court)]
        if rows:
            of_rows = tuple(courts[row] for row in rows)
            chosen.append((name, of_rows, slice(None) if of_rows == courts else rows, descriptors[name].unit, by_court))
    for day in days:
        k = frame.index_of_day[day]
        for name, courts, which, unit, by_court in chosen:
            yield Table(name, courts, by, labels, day, unit, by_court[k][which])


def _daily(log: EventLog, crossings: Crossings, days: Sequence[dt.date | None], selection: Selection) -> Daily:
    """Return `pending` of the chosen courts at the end of every day but these; no day if it is not chosen."""
    courts = [*log.cases.scenario.courts, "all"]
    columns = [k for k, court in enumerate(courts) if selection.has("pending", court)]
    if not columns:
        return Daily("pending", "cases", np.empty(0, "datetime64[D]"), (), np.empty((0, 0), np.int64))
    at, pending = daily(log, crossings, {d for d in days if d is not None})
    return Daily("pending", "cases", at, tuple(courts[k] for k in columns), pending[:, columns])


def _lengths(log: EventLog, frames: Sequence[Frame], wanted: Set[str]) -> list[dict[str, ByCourt]]:
    """Measure waiting and processing times, for each frame."""
    of_frames = [Lengths(frame, wanted) for frame in frames]
    for activities in activities_in_parts(log, of_frames[0].activities):
        waits = waits_for(log, activities)
        for lengths in of_frames:
            lengths.add_waiting(activities, waits)
        for piece in divide_waits(log, waits, of_frames[0].breakdowns):
            for lengths in of_frames:
                lengths.add_piece(piece)
        del waits  # they fill half as much memory as the log
        for lengths in of_frames:
            lengths.add_parts(activities)
            lengths.add_processing(activities)
    return [lengths.values() for lengths in of_frames]


def _stood(log: EventLog, frames: Sequence[Frame], firsts: Firsts, wanted: Set[str]) -> list[dict[str, ByCourt]]:
    """Measure pending and unfinished cases and the parts of counts at each instant, for each frame."""
    declared = log.cases.scenario.workflow.measures
    splits = [
        Split(entry, firsts, wanted) for entry in declared if entry.split is not None and not wanted.isdisjoint(entry.split)
    ]
    standing = Standing(log.cases, wanted)
    of_frames: list[defaultdict[str, list[ByCourt]]] = [defaultdict(list) for _ in frames]
    if not splits and not standing.wanted:
        return [{} for _ in frames]
    n_rows, untils = frames[0].n_rows, frames[0].untils.tolist()
    for until, rows, state in zip(untils, n_rows.tolist(), states_at(log, n_rows), strict=True):
        parts = [(split, split.cases_at(rows, state)) for split in splits]
        for frame, by_court in zip(frames, of_frames, strict=True):
            for split, cases_of in parts:
                for part, cases in cases_of.items():
                    by_court[part].append(frame.add_up(cases, slot=split.slot(frame)))
            for name, here in standing.at(until, rows, state, frame).items():
                by_court[name].append(here)
    return [{name: np.array(by_court) for name, by_court in by_name.items()} for by_name in of_frames]


def _counts(frame: Frame, firsts: Firsts, stood: Mapping[str, ByCourt], wanted: Set[str]) -> dict[str, ByCourt]:
    """Return the counts and dates that the workflow declares, with the parts of counts from `stood`."""
    measures = frame.log.cases.scenario.workflow.measures
    counted = [entry for entry in measures if entry.cases is not None and entry.measure in wanted]
    values: dict[str, ByCourt] = {}
    if counted:
        by_court = frame.count_rows(*(firsts.of(e.cases or [], e.giving, e.if_) for e in counted)).astype(float)
        values = {entry.measure: by_court[:, k] for k, entry in enumerate(counted)}
    for entry in measures:
        if entry.split is not None:
            values |= {part: stood[part] for part in entry.split if part in stood}
        if entry.emptied is not None and entry.measure in wanted:
            values[entry.measure] = emptied(entry.emptied, frame, firsts)
    return values


def _flows(frame: Frame, crossings: Crossings, wanted: Set[str]) -> dict[str, ByCourt]:
    moved = transfers(frame, crossings) if len(frame.log.cases.scenario.transfers) and not wanted.isdisjoint(TRANSFERS) else {}
    return moved if wanted.isdisjoint(FLOWS) else moved | flows(frame, crossings)


def _inputs(frame: Frame, wanted: Set[str]) -> dict[str, ByCourt]:
    """Return the uncertain inputs that were drawn. Groups of cases have none."""
    drawn = frame.log.cases.scenario.drawn if frame.grouping.by is None else {}
    return {
        name: np.full((len(frame.index_of_day), 1, 1), value)
        for name, value in ((input_name(i), v) for i, v in drawn.items())
        if name in wanted
    }


def _use_and_costs(frame: Frame, values: Mapping[str, ByCourt], wanted: Set[str]) -> dict[str, ByCourt]:
    """Measure the use of pools and costs. For a group of cases, only activities have a cost."""
    scenario, times, use = frame.log.cases.scenario, {}, {}
    if frame.grouping.by is None:
        pools = scenario.pools
        times = times_by_instant(frame, [name for name in pools if not wanted.isdisjoint(measures_of_pool(name))])
        use = utilisation(times) | slots_used(frame, [name for name in pools if slots_name(name) in wanted])
        fitting = {name for name in describe(scenario) if name in wanted}
        use |= unfit(frame, [name for name in pools if not fitting.isdisjoint(measures_of_fit(name))])
    priced = costs(scenario.costs, frame, values, times, wanted) if scenario.costs is not None else {}
    return use | priced
