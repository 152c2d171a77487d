"""Why did a case wait? The waiting time of each row of a log, by cause.

A wait is split at every instant at which its cause changes. Where several causes hold, the first of `CAUSES`
counts: the pool was suspended (for this case), it was closed for a holiday or a closure, it was off shift, or it
was at work and had no free server. The last includes a slot that was used up, and work that did not fit.
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
    """Waits for pools, place by place.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_waits,)
        Those that end them.
    start, end : ndarray of int64, shape (n_waits,)
        From when the work was enabled until it started, or until the end of the row where it never did.
    never : ndarray of int64
        Which are the latter.
    by_cause : mapping of str to ndarray of int64, shape (n_waits,)
        Microseconds by each cause that there is; together they are the time from start to end.
    """

    rows: Integers
    start: Integers
    end: Integers
    never: Integers
    by_cause: Mapping[str, Integers]


def waits_by_cause(log: EventLog, activities: range) -> Waits:
    """Split the waiting times for the work of some activities, given by their codes."""
    ends = log.by_station
    if len(activities) < len(log.labels.activity):
        activity = log.columns["activity"][ends.rows]
        ends = ends.select((activity >= activities.start) & (activity < activities.stop))
    whole, never = _Segments.whole(log, ends)
    return Waits(whole.ends, whole.start, whole.end, never, _split(log, whole))


def _split(log: EventLog, whole: _Segments) -> dict[str, Integers]:
    """Return how long each of some waits was for each cause."""
    scenario = log.cases.scenario
    found: defaultdict[str, Integers] = defaultdict(lambda: np.zeros(len(whole.ends), np.int64))
    changing, apart = _conditions_that_change(log), np.zeros(len(whole.ends), bool)
    for pool, place, here in whole.places(scenario) if changing else ():
        if scenario.exemption(pool.name, place) in changing:
            for s in scenario.suspensions_at(pool.name, place):
                apart[here] |= (whole.start[here] < s.end) & (whole.end[here] > s.start)
    if apart.any():  # whom a suspension concerns may change while they wait
        some, concerned = whole.some(apart), np.zeros(len(log.cases), bool)
        concerned[log.columns["case_id"][some.ends]] = True
        theirs = np.flatnonzero(concerned[log.columns["case_id"]])
        alone = replace(log, columns={name: column[theirs] for name, column in log.columns.items()})
        wait = np.full(len(theirs), -1)
        wait[np.searchsorted(theirs, some.ends)] = np.flatnonzero(apart)
        _add(found, _Segments.by_record(alone, wait), alone)
        whole = whole.some(~apart)
    _add(found, whole, log)
    return dict(found)


def _add(found: defaultdict[str, Integers], segments: _Segments, log: EventLog) -> None:
    """Add the length of each segment by cause to the wait that it is a part of."""
    scenario = log.cases.scenario
    exempt_by: dict[Expression, NDArray[np.bool_]] = {}
    for pool, place, here in segments.places(scenario):
        calendar, condition = pool.calendars[place], scenario.exemption(pool.name, place)
        stops = tuple((s.start, s.end) for s in scenario.suspensions_at(pool.name, place))
        parts: list[tuple[Any, tuple[tuple[int, int], ...]]] = [(here, stops)]
        if condition is not None:
            if condition not in exempt_by:
                exempt_by[condition] = segments.exempt(log, condition)
            exempt = exempt_by[condition][here]
            if exempt.any():
                inside = here.start + np.arange(len(exempt))
                parts = [(inside[~exempt], stops), (inside[exempt], ())]
        for some, kept_by in parts:
            course = _course(calendar, scenario.starts, scenario.horizon, kept_by)
            for cause, length in course.split(segments.start[some], segments.end[some]):
                wait = some if segments.wait is None else segments.wait[some]
                if segments.before is None:
                    found[cause][wait] = length
                else:
                    np.add.at(found[cause], wait, length)


def _conditions_that_change(log: EventLog) -> set[Expression]:
    """Return the exceptions from suspensions that read a field of the record that may have been written."""
    scenario = log.cases.scenario
    conditions = {scenario.exemption(p.name, k) for p in scenario.pools.values() for k in range(len(p.calendars))}
    read = {c: names(c) & set(scenario.workflow.record) for c in conditions if c is not None}
    return {c for c, fields in read.items() if fields and _may_have_written(log, fields)}


def _may_have_written(log: EventLog, fields: Set[str]) -> bool:
    """Say whether a row of a log may have written one of some fields of the record."""

    def happened(column: str, name: str) -> bool:
        words = log.labels.column(column)
        return name in words and bool((log.columns[column] == words.index(name)).any())

    for workflow in log.cases.scenario.workflows:
        given = {e.gives for e in workflow.events.values()} | {a.gives for a in workflow.activities.values()}
        if given & fields:
            return True
        for column, causes in (("transition", workflow.transitions), ("cause", workflow.events.values())):
            if any(any(name in fields for name, _ in c.effects) and happened(column, c.name) for c in causes):
                return True
    return False


@dataclass(frozen=True)
class _Segments:
    """Parts of waits during which a case's record does not change, or whole waits where it does not matter; place by place.

    Attributes
    ----------
    ends : ndarray of int64, shape (n_segments,)
        The row that ends the wait.
    wait : ndarray of int64, optional
        Which of the waits that are asked for it is, or is a part of. Without them each is one, in their order.
    before : ndarray of int64, optional
        The row after which the record is as it is during the part, in the order of cases; -1 for the start. Without them it
        is as at the start all the time.
    start, end : ndarray of int64
    first : ndarray of int64, shape (n_places + 1,)
        Where each place begins, see `ByStation`.
    """

    ends: Integers
    wait: Integers | None
    before: Integers | None
    start: Integers
    end: Integers
    first: Integers

    def some(self, which: NDArray[np.bool_]) -> _Segments:
        """Return some of the segments."""
        before = None if self.before is None else self.before[which]
        first = np.append(0, np.cumsum(which))[self.first]
        wait = np.flatnonzero(which) if self.wait is None else self.wait[which]
        return _Segments(self.ends[which], wait, before, self.start[which], self.end[which], first)

    def places(self, scenario: Scenario) -> Iterator[tuple[Pool, int, slice]]:
        """Yield each place of each pool, with where the segments are that are waits for it."""
        bounds = itertools.pairwise(self.first.tolist())
        for pool in scenario.pools.values():
            for place, (begin, end) in zip(range(len(pool.calendars)), bounds, strict=False):
                if end > begin:
                    yield pool, place, slice(begin, end)

    @classmethod
    def whole(cls, log: EventLog, by_station: ByStation) -> tuple[_Segments, Integers]:
        """Return whole waits, and those of them after which work never started."""
        columns = log.columns
        ends = by_station.rows
        until = columns["started_at"][ends]
        never = np.flatnonzero(until == NEVER)
        until[never] = columns["happened_at"][ends[never]]
        return cls(ends, None, None, columns["enabled_at"][ends], until, by_station.first), never

    @classmethod
    def by_record(cls, log: EventLog, wait: Integers) -> _Segments:
        """Return the parts of waits, given for each row which one it ends, or -1."""
        columns = log.columns
        order, since = log.by_case.order, log.since()
        case, at, enabled = (columns[n][order] for n in ("case_id", "happened_at", "enabled_at"))
        n = len(order)
        opening = np.zeros(n, bool)
        opening[log.by_case.opening] = True
        # The row that ends the wait that a row lies in: the next one of its case that knows when it was enabled.
        ending = (enabled > NEVER) & (columns["pool"][order] >= 0)
        place = np.where(ending, np.arange(n), n)
        following = np.minimum.accumulate(place[::-1])[::-1] if n else place
        has = (following < n) & (case[np.minimum(following, n - 1)] == case) if n else np.zeros(0, bool)
        rows = np.flatnonzero(has)
        end_row = following[rows]
        started = columns["started_at"][order][end_row]
        until = np.where(started > NEVER, started, at[end_row])
        start, end = np.maximum(since[rows], enabled[end_row]), np.minimum(at[rows], until)
        some = np.flatnonzero((end > start) & (wait[order[end_row]] >= 0))
        by_station = ByStation.of(some, log.station_of(order[end_row[some]]), len(log.by_station.first) - 1)
        some = by_station.rows
        rows, ends = rows[some], order[end_row[some]]
        before = np.where(opening[rows], -1, rows - 1)
        return cls(ends, wait[ends], before, start[some], end[some], by_station.first)

    def exempt(self, log: EventLog, condition: Expression) -> NDArray[np.bool_]:
        """Say for each segment whether a suspension that excepts a condition does not concern its case."""
        case = log.columns["case_id"][self.ends]
        facts, scenario = log.cases.columns, log.cases.scenario
        if self.before is None:
            of_case = np.broadcast_to(vector(condition, facts.values, facts.missing), len(log.cases))
            return np.asarray(of_case.take(case))
        values = {n: facts.values[n][case] for n in names(condition) if n in facts.values}
        missing = {n: facts.missing[n][case] for n in names(condition) if n in facts.missing}
        for name in names(condition) & set(scenario.workflow.record):
            after = records_along(rows_by_case(log), name, facts.values[name])[1]
            values[name] = np.where(self.before < 0, values[name], after[np.maximum(self.before, 0)])
        return np.array(np.broadcast_to(vector(condition, values, missing), len(case)))


@dataclass(frozen=True)
class _Course:
    """Why one waits for one place of a pool, as time goes by.

    Attributes
    ----------
    at : ndarray of int64, shape (n,)
        The instants at which the cause may change, from 0 on.
    cause : ndarray of int8, shape (n,)
        Which one of `CAUSES` it is from each instant on.
    so_long : mapping of int to ndarray of int64, shape (n,)
        How long each cause that there is has held by each instant.
    """

    at: Integers
    cause: NDArray[np.int8]
    so_long: Mapping[int, Integers]

    def split(self, start: Integers, end: Integers) -> Iterator[tuple[str, Integers]]:
        """Yield each cause, and for how long of each of some intervals of waiting it held."""
        left_over = end - start
        *causes, last_cause = self.so_long
        if causes:
            first, last = (np.searchsorted(self.at, times, side="right") - 1 for times in (start, end))
            since_first, since_last = start - self.at[first], end - self.at[last]
            at_first, at_last = self.cause.take(first), self.cause.take(last)
        for cause in causes:
            length = self.so_long[cause][last] - self.so_long[cause][first]
            length += since_last * (at_last == cause)
            length -= since_first * (at_first == cause)
            left_over -= length
            yield _CAUSES[cause], length
        yield _CAUSES[last_cause], left_over


@lru_cache(maxsize=256)
def _course(calendar: Calendar, starts: dt.date, horizon: int, stops: tuple[tuple[int, int], ...]) -> _Course:
    """Return why one waits for a place that is at work by a calendar and suspended at some times."""
    opens, closes, _ = calendar.arrays()
    suspended, closed = np.array(stops, np.int64).reshape(-1, 2), _closed_days(calendar, Epoch(starts))
    at = distinct(np.concatenate([opens, closes, closed.ravel(), suspended.ravel(), [0]]))
    at = at[(at >= 0) & (at < horizon)]
    cause = np.where(_within(closed, at), _CAUSES.index("holiday"), _CAUSES.index("off_shift"))
    cause[_within(np.stack([opens, closes], axis=1), at)] = _CAUSES.index("no_free_server")
    cause[_within(suspended, at)] = _CAUSES.index("suspended")
    length = np.diff(at)
    so_long = {c: np.append(0, np.cumsum(length * (cause[:-1] == c))) for c in np.unique(cause).tolist()}
    return _Course(at, cause.astype(np.int8), so_long)


def _closed_days(calendar: Calendar, epoch: Epoch) -> Integers:
    """Return the holidays and closures as intervals, without dates that have hours of their own."""
    own = {day for day, _ in calendar.extra}
    days = sorted({day for day, _ in calendar.holidays} | set(calendar.closed))
    starts = [epoch.microseconds(dt.date.fromisoformat(day)) for day in days if day not in own]
    return np.array([[t, t + MICROSECONDS_PER_DAY] for t in starts], np.int64).reshape(-1, 2)


def _within(intervals: Integers, at: Integers) -> NDArray[np.bool_]:
    """Say whether each instant lies in one of some half-open intervals, which may overlap."""
    return so_far(intervals[:, 0], at) > so_far(intervals[:, 1], at)
