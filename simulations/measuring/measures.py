"""Measures computed from an event log: counts of cases, waiting, utilisation, dates and costs.

A measure is taken at the end of a day or of the run, for each court, for all courts together, and for groups of cases by
a fact, a definition, the court or the origin. `simulations.measuring.descriptors` defines each measure.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from simulations.log.eventlog import EventLog
from simulations.measuring.costs import costs
from simulations.measuring.counts import Firsts, Split, emptied
from simulations.measuring.descriptors import Descriptor, describe
from simulations.measuring.frame import Frame, Grouping
from simulations.measuring.lengths import Lengths, activities_in_parts
from simulations.measuring.measured import ByCourt, Measured, Table
from simulations.measuring.standing import Crossings, Standing, daily, flows, states_at
from simulations.measuring.sums import ratio
from simulations.measuring.utilisation import times_by_instant, utilisation
from simulations.measuring.waiting import waits_by_cause
from simulations.scenarios.population import ORIGINS, Cases
from workflow.errors import InputError, nearest
from workflow.files.validation import format_names
from workflow.model.definition import as_written
from workflow.predicates import Namespace, PredicateError, parse, vector

__all__ = [
    "Grouping",
    "group_cases",
    "measure",
    "measure_dates_and_pending",
]


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
        return Grouping(by, ORIGINS, cases.origin)
    fields = {name: f for name, f in cases.scenario.namespace.fields.items() if f.role == "fact"}
    definitions = cases.scenario.workflow.definitions
    given = {by: replace(fields[by], optional=False)} if by in fields else {}
    try:
        expression = parse(by, Namespace(fields | given, definitions), "any")
    except PredicateError as error:
        allowed = [*fields, *definitions, "origin"]
        message = f"--by {by}: {error.mistakes[0].message}"
        hint = (
            ""
            if "Did you mean" in message or not by.isidentifier()
            else nearest(by, allowed) or f" Known: {format_names(allowed, 40)}."
        )
        raise InputError([message + hint]) from None
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


def measure(log: EventLog, days: Sequence[dt.date | None] = (None,), groupings: Sequence[Grouping] = ()) -> Measured:
    """Measure a log.

    Parameters
    ----------
    log : EventLog
    days : sequence of date or None
        Measure at the end of each of these days, at least one; ``None`` stands for the end of the run.
    groupings : sequence of Grouping
        Groups of cases to measure, besides all cases together.

    Returns
    -------
    Measured
        With the daily series of `pending`.
    """
    scenario = log.cases.scenario
    frames = [Frame(log, grouping, days) for grouping in (group_cases(log.cases, None), *groupings)]
    firsts, crossings = Firsts(log, frames[0].n_before), Crossings.of(log)
    lengths, stood = _lengths(log, frames), _stood(log, frames, firsts)
    descriptors = describe(scenario)
    tables: list[Table] = []
    for frame, long, standing in zip(frames, lengths, stood, strict=True):
        values = _counts(frame, firsts, standing) | standing | flows(frame, crossings) | long
        values |= _use_and_costs(frame, values)
        for entry in scenario.workflow.measures:
            if entry.ratio is not None:
                over, under = (values[name] for name in entry.ratio)
                values[entry.measure] = ratio(over, under)
        tables += _tables(frame, days, values, descriptors)
    return Measured(scenario.courts, tables, daily(log, crossings, {d for d in days if d is not None}))


def measure_dates_and_pending(log: EventLog) -> Measured:
    """Measure only the dates, at the end of the run, and the daily series of `pending`.

    This takes a fraction of the time of `measure`.
    """
    scenario, days = log.cases.scenario, (None,)
    frame = Frame(log, group_cases(log.cases, None), days)
    firsts = Firsts(log, frame.n_before)
    dates = {e.measure: emptied(e.emptied, frame, firsts) for e in scenario.workflow.measures if e.emptied is not None}
    tables = list(_tables(frame, days, dates, describe(scenario)))
    return Measured(scenario.courts, tables, daily(log, Crossings.of(log), set()))


def _tables(
    frame: Frame, days: Sequence[dt.date | None], values: Mapping[str, ByCourt], descriptors: Mapping[str, Descriptor]
) -> Iterator[Table]:
    """Yield each measure on each day."""
    by, labels = frame.grouping.by, frame.grouping.labels
    for day in days:
        k = frame.index_of_day[day]
        for name, by_court in values.items():
            yield Table(name, by, labels, day, descriptors[name].unit, by_court[k])


def _lengths(log: EventLog, frames: Sequence[Frame]) -> list[dict[str, ByCourt]]:
    """Measure waiting and processing times, for each frame."""
    of_frames = [Lengths(frame) for frame in frames]
    for activities in activities_in_parts(log):
        waits = waits_by_cause(log, activities)
        for lengths in of_frames:
            lengths.add(activities, waits)
    return [lengths.values() for lengths in of_frames]


def _stood(log: EventLog, frames: Sequence[Frame], firsts: Firsts) -> list[dict[str, ByCourt]]:
    """Measure pending and unfinished cases and the parts of counts at each instant, for each frame."""
    splits = [Split(entry, firsts) for entry in log.cases.scenario.workflow.measures if entry.split is not None]
    standing = Standing(log.cases)
    of_frames: list[defaultdict[str, list[ByCourt]]] = [defaultdict(list) for _ in frames]
    n_rows, untils = frames[0].n_rows, frames[0].untils.tolist()
    for until, rows, state in zip(untils, n_rows.tolist(), states_at(log, n_rows), strict=True):
        parts = {part: cases for split in splits for part, cases in split.cases_at(rows, state).items()}
        for frame, by_court in zip(frames, of_frames, strict=True):
            for part, cases in parts.items():
                by_court[part].append(frame.add_up(cases))
            for name, here in standing.at(until, state, frame).items():
                by_court[name].append(here)
    return [{name: np.array(by_court) for name, by_court in by_name.items()} for by_name in of_frames]


def _counts(frame: Frame, firsts: Firsts, stood: Mapping[str, ByCourt]) -> dict[str, ByCourt]:
    """Return the counts and dates that the workflow declares, with the parts of counts from `stood`."""
    measures = frame.log.cases.scenario.workflow.measures
    counted = [entry for entry in measures if entry.cases is not None]
    values: dict[str, ByCourt] = {}
    if counted:
        by_court = frame.count_rows(*(firsts.of(e.cases or [], e.giving, e.if_) for e in counted)).astype(float)
        values = {entry.measure: by_court[:, k] for k, entry in enumerate(counted)}
    for entry in measures:
        if entry.split is not None:
            values |= {part: stood[part] for part in entry.split}
        if entry.emptied is not None:
            values[entry.measure] = emptied(entry.emptied, frame, firsts)
    return values


def _use_and_costs(frame: Frame, values: Mapping[str, ByCourt]) -> dict[str, ByCourt]:
    """Measure utilisation, overtime and costs. For a group of cases, only activities have a cost."""
    priced = frame.log.cases.scenario.costs
    times = times_by_instant(frame) if frame.grouping.by is None else {}
    return utilisation(times) | (costs(priced, frame, values, times) if priced is not None else {})
