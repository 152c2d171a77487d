"""Waiting times by cause.

A wait is split at every instant at which its cause changes. If several causes hold, the first of `CAUSES` counts. The cause
``no_free_server`` includes slots that are used up, and work that does not fit into the rest of a shift.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, ByStation, EventLog
from simulations.log.histories import rows_by_case
from simulations.measuring.descriptors import CAUSES
from simulations.measuring.utilisation import distinct, so_far
from simulations.scenarios.scenario import Pool, Scenario
from simulations.timing.calendars import Calendar
from simulations.timing.clock import MICROSECONDS_PER_DAY, Epoch
from workflow.deciding.records import records_along
from workflow.predicates import Expression, names, vector

__all__ = ["Waits", "waits_by_cause"]

_CAUSES = tuple(CAUSES)

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Waits:
    """Waits for pools, in the order of stations.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_waits,)
        The rows that end the waits.
    start, end : ndarray of int64, shape (n_waits,)
        When the work was enabled, and when it started; if it never started, the time of the row.
    never : ndarray of int64
        Indices of the waits after which work never started.
    by_cause : mapping of str to ndarray of int64, shape (n_waits,)
        Microseconds by cause; their sum is the time from start to end. Causes that never hold may be missing.
    """

    rows: Integers
    start: Integers
    end: Integers
    never: Integers
    by_cause: Mapping[str, Integers]


def waits_by_cause(log: EventLog, activities: range, split: bool = True) -> Waits:
    """Return the waits for these activities, given by their codes, and split them by cause."""
    ends = log.by_station
    if len(activities) < len(log.labels.activity):
        activity = log.columns["activity"][ends.rows]
        ends = ends.select((activity >= activities.start) & (activity < activities.stop))
    whole, never = _Segments.whole(log, ends)
    return Waits(whole.ends, whole.start, whole.end, never, _split(log, whole) if split else {})


def _split(log: EventLog, whole: _Segments) -> dict[str, Integers]:
    """Return the length of each wait by cause."""
    scenario = log.cases.scenario
    n_waits = len(whole.ends)
    lengths: defaultdict[str, Integers] = defaultdict(lambda: np.zeros(n_waits, np.int64))
    changing, divided = _changing_exemptions(log), np.zeros(len(whole.ends), bool)
    for pool, station, waits in whole.stations(scenario) if changing else ():
        if scenario.exemption(pool.name, station) in changing:
            for s in scenario.suspensions_at(pool.name, station):
                divided[waits] |= (whole.start[waits] < s.end) & (whole.end[waits] > s.start)
    if divided.any():  # an exemption from a suspension may change during these waits
        ends, concerned = whole.ends[divided], np.zeros(len(log.cases), bool)
        concerned[log.columns["case_id"][ends]] = True
        rows = np.flatnonzero(concerned[log.columns["case_id"]])
        of_cases = replace(log, columns={name: column[rows] for name, column in log.columns.items()})
        wait = np.full(len(rows), -1)
        wait[np.searchsorted(rows, ends)] = np.flatnonzero(divided)
        _add(lengths, _Segments.by_record(of_cases, wait), of_cases)
        whole = whole.select(~divided)
    _add(lengths, whole, log)
    return dict(lengths)


def _add(lengths: defaultdict[str, Integers], segments: _Segments, log: EventLog) -> None:
    """Add the length of each segment by cause to its wait."""
    scenario = log.cases.scenario
    exempt_by: dict[Expression, NDArray[np.bool_]] = {}
    for pool, station, waits in segments.stations(scenario):
        calendar, condition = pool.calendars[station], scenario.exemption(pool.name, station)
        suspensions = tuple((s.start, s.end) for s in scenario.suspensions_at(pool.name, station))
        parts: list[tuple[Any, tuple[tuple[int, int], ...]]] = [(waits, suspensions)]
        if condition is not None:
            if condition not in exempt_by:
                exempt_by[condition] = segments.exempt(log, condition)
            exempt = exempt_by[condition][waits]
            if exempt.any():
                indices = waits.start + np.arange(len(exempt))
                parts = [(indices[~exempt], suspensions), (indices[exempt], ())]
        for part, suspended in parts:
            timeline = _timeline(calendar, scenario.starts, scenario.horizon, suspended)
            for cause, length in timeline.split(segments.start[part], segments.end[part]):
                wait = part if segments.wait is None else segments.wait[part]
                if segments.before is None:
                    lengths[cause][wait] = length
                else:
                    np.add.at(lengths[cause], wait, length)


def _changing_exemptions(log: EventLog) -> set[Expression]:
    """Return the exemptions from suspensions that read a field of the record that may have been written."""
    scenario = log.cases.scenario
    conditions = {scenario.exemption(p.name, k) for p in scenario.pools.values() for k in range(len(p.calendars))}
    read = {c: names(c) & set(scenario.workflow.record) for c in conditions if c is not None}
    return {c for c, fields in read.items() if fields and _may_have_written(log, fields)}


def _may_have_written(log: EventLog, fields: Set[str]) -> bool:
    """Return whether a row of a log may have written one of these fields of the record."""

    def happened(column: str, name: str) -> bool:
        labels = log.labels.column(column)
        return name in labels and bool((log.columns[column] == labels.index(name)).any())

    for workflow in log.cases.scenario.workflows:
        givers = (*workflow.events.values(), *workflow.activities.values())
        if any(not fields.isdisjoint(giver.fields) for giver in givers):
            return True
        for column, causes in (("transition", workflow.transitions), ("cause", workflow.events.values())):
            if any(any(name in fields for name, _ in c.effects) and happened(column, c.name) for c in causes):
                return True
    return False


@dataclass(frozen=True)
class _Segments:
    """Parts of waits during which the case's record does not change, or whole waits, in the order of stations.

    Attributes
    ----------
    ends : ndarray of int64, shape (n_segments,)
        The row that ends the wait.
    wait : ndarray of int64, optional
        Index of the wait of each segment. ``None`` if each segment is a wait, in order.
    before : ndarray of int64, optional
        The last row of the case before the segment, in the order of cases; -1 for none. ``None`` if the record does not
        change.
    start, end : ndarray of int64
    first : ndarray of int64, shape (n_stations + 1,)
        First segment of each station, see `ByStation`.
    """

    ends: Integers
    wait: Integers | None
    before: Integers | None
    start: Integers
    end: Integers
    first: Integers

    def select(self, mask: NDArray[np.bool_]) -> _Segments:
        """Return the segments for which the mask is true."""
        before = None if self.before is None else self.before[mask]
        first = np.append(0, np.cumsum(mask))[self.first]
        wait = np.flatnonzero(mask) if self.wait is None else self.wait[mask]
        return _Segments(self.ends[mask], wait, before, self.start[mask], self.end[mask], first)

    def stations(self, scenario: Scenario) -> Iterator[tuple[Pool, int, slice]]:
        """Yield the pool and number of each station that has segments, and their slice."""
        bounds = itertools.pairwise(self.first.tolist())
        for pool in scenario.pools.values():
            for station, (begin, end) in zip(range(len(pool.calendars)), bounds, strict=False):
                if end > begin:
                    yield pool, station, slice(begin, end)

    @classmethod
    def whole(cls, log: EventLog, by_station: ByStation) -> tuple[_Segments, Integers]:
        """Return whole waits, and the indices of those after which work never started."""
        columns = log.columns
        ends = by_station.rows
        until = columns["started_at"][ends]
        never = np.flatnonzero(until == NEVER)
        until[never] = columns["happened_at"][ends[never]]
        return cls(ends, None, None, columns["enabled_at"][ends], until, by_station.first), never

    @classmethod
    def by_record(cls, log: EventLog, wait: Integers) -> _Segments:
        """Return the parts of waits. `wait` has the index of the wait that each row ends, or -1."""
        columns = log.columns
        order, since = log.by_case.order, log.since()
        case, at, enabled = (columns[n][order] for n in ("case_id", "happened_at", "enabled_at"))
        n = len(order)
        opening = np.zeros(n, bool)
        opening[log.by_case.opening] = True
        # A row lies in the wait that the next row of its case with an enabling time ends.
        ending = (enabled > NEVER) & (columns["pool"][order] >= 0)
        position = np.where(ending, np.arange(n), n)
        following = np.minimum.accumulate(position[::-1])[::-1] if n else position
        has = (following < n) & (case[np.minimum(following, n - 1)] == case) if n else np.zeros(0, bool)
        rows = np.flatnonzero(has)
        end_row = following[rows]
        started = columns["started_at"][order][end_row]
        until = np.where(started > NEVER, started, at[end_row])
        start, end = np.maximum(since[rows], enabled[end_row]), np.minimum(at[rows], until)
        kept = np.flatnonzero((end > start) & (wait[order[end_row]] >= 0))
        by_station = ByStation.of(kept, log.station_of(order[end_row[kept]]), len(log.by_station.first) - 1)
        kept = by_station.rows
        rows, ends = rows[kept], order[end_row[kept]]
        before = np.where(opening[rows], -1, rows - 1)
        return cls(ends, wait[ends], before, start[kept], end[kept], by_station.first)

    def exempt(self, log: EventLog, condition: Expression) -> NDArray[np.bool_]:
        """Return whether the case of each segment meets the condition that exempts it from a suspension."""
        case = log.columns["case_id"][self.ends]
        facts, scenario = log.cases.columns, log.cases.scenario
        if self.before is None:
            of_case = np.broadcast_to(vector(condition, facts.values, facts.missing), len(log.cases))
            return np.asarray(of_case.take(case))
        values = {n: facts.values[n][case] for n in names(condition) if n in facts.values}
        missing = {n: facts.missing[n][case] for n in names(condition) if n in facts.missing}
        for name in names(condition) & set(scenario.workflow.record):
            after = records_along(rows_by_case(log), name, facts.values[name])[-1]
            values[name] = np.where(self.before < 0, values[name], after[np.maximum(self.before, 0)])
        return np.array(np.broadcast_to(vector(condition, values, missing), len(case)))


@dataclass(frozen=True)
class _Timeline:
    """The cause of waiting for a station over time.

    Attributes
    ----------
    at : ndarray of int64, shape (n,)
        The instants at which the cause may change; the first is 0.
    cause : ndarray of int8, shape (n,)
        Index into `CAUSES` of the cause from each instant on.
    total : mapping of int to ndarray of int64, shape (n,)
        Total time that each cause has held before each instant.
    """

    at: Integers
    cause: NDArray[np.int8]
    total: Mapping[int, Integers]

    def split(self, start: Integers, end: Integers) -> Iterator[tuple[str, Integers]]:
        """Yield each cause with the time that it held in each interval."""
        rest = end - start
        *causes, last_cause = self.total
        if causes:
            first, last = (np.searchsorted(self.at, times, side="right") - 1 for times in (start, end))
            since_first, since_last = start - self.at[first], end - self.at[last]
            at_first, at_last = self.cause.take(first), self.cause.take(last)
        for cause in causes:
            length = self.total[cause][last] - self.total[cause][first]
            length += since_last * (at_last == cause)
            length -= since_first * (at_first == cause)
            rest -= length
            yield _CAUSES[cause], length
        yield _CAUSES[last_cause], rest


@lru_cache(maxsize=256)
def _timeline(calendar: Calendar, starts: dt.date, horizon: int, suspensions: tuple[tuple[int, int], ...]) -> _Timeline:
    """Return the cause of waiting over time for a station with this calendar and these suspensions."""
    opens, closes, _ = calendar.arrays()
    suspended, closed = np.array(suspensions, np.int64).reshape(-1, 2), _closed_days(calendar, Epoch(starts))
    at = distinct(np.concatenate([opens, closes, closed.ravel(), suspended.ravel(), [0]]))
    at = at[(at >= 0) & (at < horizon)]
    cause = np.where(_within(closed, at), _CAUSES.index("holiday"), _CAUSES.index("off_shift"))
    cause[_within(np.stack([opens, closes], axis=1), at)] = _CAUSES.index("no_free_server")
    cause[_within(suspended, at)] = _CAUSES.index("suspended")
    length = np.diff(at)
    total = {c: np.append(0, np.cumsum(length * (cause[:-1] == c))) for c in np.unique(cause).tolist()}
    return _Timeline(at, cause.astype(np.int8), total)


def _closed_days(calendar: Calendar, epoch: Epoch) -> Integers:
    """Return holidays and closures as intervals, except dates with hours of their own."""
    own = {day for day, _ in calendar.extra}
    days = sorted({day for day, _ in calendar.holidays} | set(calendar.closed))
    starts = [epoch.microseconds(dt.date.fromisoformat(day)) for day in days if day not in own]
    return np.array([[t, t + MICROSECONDS_PER_DAY] for t in starts], np.int64).reshape(-1, 2)


def _within(intervals: Integers, at: Integers) -> NDArray[np.bool_]:
    """Return whether each instant lies in at least one of the half-open intervals."""
    return so_far(intervals[:, 0], at) > so_far(intervals[:, 1], at)
