"""Waiting times by reason and by clock.

A wait is divided at its first chance, the first instant at which the case could have started if no other case were there. The
time before it has the reason that kept the case from starting; all time after it is due to capacity. The clock divides the
same wait by what the pool's calendar and suspensions showed.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, ByStation, EventLog
from simulations.log.histories import Histories
from simulations.measuring.descriptors import BREAKDOWNS, CLOCK, LEAD_TIME, REASONS, WAITING_FOR
from simulations.measuring.hearing_dates import called_from
from simulations.measuring.lacking import lacking
from simulations.measuring.timelines import StationTimes, station_times
from simulations.scenarios.scenario import Pool, Scenario
from simulations.timing.calendars import FAR
from workflow.predicates import Expression, names, vector

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits for pools, in the order of stations.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_waits,)
        The rows that end the waits.
    start, end : ndarray of int64, shape (n_waits,)
        When the work was enabled, and when it started; if it never started, the time of the row.
    first : ndarray of int64, shape (n_stations + 1,)
        First wait of each station, see `ByStation`.
    never : ndarray of int64
        Indices of the waits after which work never started.
    """

    rows: Integers
    start: Integers
    end: Integers
    first: Integers
    never: Integers


@dataclass(frozen=True, slots=True)
class Piece:
    """The time of some waits that belongs to a part of a breakdown.

    Attributes
    ----------
    kind, part : str
        A key of `BREAKDOWNS`, or `WAITING_FOR`, and one of its parts.
    waits : slice or ndarray of int64, shape (n,)
        Index of the wait of each length. A wait may occur several times.
    lengths : ndarray of int64, shape (n,)
        In microseconds.
    """

    kind: str
    part: str
    waits: Any
    lengths: Integers


def waits_for(log: EventLog, activities: range) -> Waits:
    """Return the waits for these activities, given by their codes."""
    ends, columns = log.by_queue, log.columns
    if len(activities) < len(log.labels.activity):
        activity = columns["activity"][ends.rows]
        ends = ends.select((activity >= activities.start) & (activity < activities.stop))
    until = columns["started_at"].take(ends.rows)
    never = np.flatnonzero(until == NEVER)
    until[never] = columns["happened_at"][ends.rows[never]]
    return Waits(ends.rows, columns["enabled_at"].take(ends.rows), until, ends.first, never)


def divide_waits(log: EventLog, waits: Waits, breakdowns: Collection[str] = tuple(BREAKDOWNS)) -> Iterator[Piece]:
    """Yield the parts of waits, for these keys of `BREAKDOWNS` and `WAITING_FOR`, a station at a time.

    Waits for teams have parts of `WAITING_FOR`, which other waits have not; their parts of the other keys mean nothing.
    """
    usual = {kind for kind in breakdowns if kind != WAITING_FOR}
    if usual:
        yield from _Division(log, _Segments(waits.rows, None, None, waits.start, waits.end, waits.first)).pieces(usual)
    if WAITING_FOR in breakdowns:
        for part, lengths in lacking(log, waits.rows, waits.start, waits.end).items():
            yield Piece(WAITING_FOR, part, slice(None), lengths)


@dataclass(frozen=True, slots=True)
class _Spans:
    """Waits for one station, or parts of them.

    Attributes
    ----------
    times : StationTimes
    wait : slice or ndarray
        Index of the wait of each span.
    start, end : ndarray of int64
    is_whole : bool
        Whether each span is a wait.
    """

    times: StationTimes
    wait: Any
    start: Integers
    end: Integers
    is_whole: bool


class _Division:
    """Divide waits into parts. A wait during which an exemption from a suspension may change has a span for each record."""

    def __init__(self, log: EventLog, whole: _Segments) -> None:
        self._log, self._whole = log, whole
        self._called = np.broadcast_to(np.int64(NEVER), len(whole.ends))
        self._dated = bool(log.cases.scenario.hearing_dates)
        if self._dated:
            self._called = called_from(log, whole.ends)
        self._spans = [*self._every_span()]

    def pieces(self, breakdowns: Set[str]) -> Iterator[Piece]:
        """Yield the parts of the waits of each station, by these keys of `BREAKDOWNS`."""
        chance = self._whole.start if breakdowns == {"waiting_clock"} else self._chances()
        for spans in self._spans:
            for kind, part, lengths in self._divided(spans, chance):
                if kind in breakdowns and lengths.any():
                    yield Piece(kind, part, spans.wait, lengths)

    def _divided(self, spans: _Spans, chance: Integers) -> Iterator[tuple[str, str, Integers]]:
        """Yield key, part and lengths of the parts of spans."""
        lead = np.clip(self._called[spans.wait], spans.start, spans.end) if self._dated else spans.start
        first = np.clip(chance[spans.wait], lead, spans.end)
        for cause, lengths in spans.times.timeline.split(*([spans.start] if self._dated else []), lead, first, spans.end):
            *_, kept, waited = lengths
            yield "waiting_reason", cause if cause in REASONS else "does_not_fit", kept
            yield "waiting_capacity", cause, waited
            yield "waiting_clock", cause if cause in CLOCK else "on_shift", sum(lengths[1:], start=lengths[0])
        if self._dated:
            yield "waiting_reason", LEAD_TIME, lead - spans.start
        yield "waiting_reason", "capacity", spans.end - first

    def _chances(self) -> Integers:
        """Return the first chance of each wait: its end if there was none, its start if the work had been interrupted."""
        whole = self._whole
        chance = whole.end.copy()
        for spans in self._spans:
            called = self._called[spans.wait]
            enabled, since = (np.maximum(times, np.minimum(called, FAR // 2)) for times in (whole.start[spans.wait], spans.start))
            found = spans.times.first_chance(enabled, since, self._observed(spans))
            if spans.is_whole:
                chance[spans.wait] = found
            else:
                before = found < spans.end
                np.minimum.at(chance, spans.wait[before], found[before])
        if len(self._log.interruptions.rows):
            resumed = np.isin(whole.ends, self._log.interruptions.following)
            chance[resumed] = whole.start[resumed]
        return chance

    def _observed(self, spans: _Spans) -> Integers:
        """Return the length of the work after each wait as the log shows it, 0 if it never started; zeros unless ``fit``."""
        if not spans.times.fit:
            return np.zeros(len(spans.start), np.int64)
        rows = self._whole.ends[spans.wait]
        started, ended = (self._log.columns[name][rows] for name in ("started_at", "happened_at"))
        return np.where(started > NEVER, ended - np.maximum(started, 0), 0)

    def _every_span(self) -> Iterator[_Spans]:
        """Yield whole waits, and the parts of waits during which an exemption from a suspension may change."""
        log, whole = self._log, self._whole
        scenario, divided = log.cases.scenario, np.zeros(len(whole.ends), bool)
        changing = _changing_exemptions(log)
        for pool, station, waits in whole.stations(scenario) if changing else ():
            if scenario.exemption(pool.name, station) in changing:
                for s in scenario.suspensions_at(pool.name, station):
                    divided[waits] |= (whole.start[waits] < s.end) & (whole.end[waits] > s.start)
        if divided.any():
            ends, concerned = whole.ends[divided], np.zeros(len(log.cases), bool)
            concerned[log.columns["case_id"][ends]] = True
            rows = np.flatnonzero(concerned[log.columns["case_id"]])
            of_cases = log.only(rows)
            wait = np.full(len(rows), -1)
            wait[np.searchsorted(rows, ends)] = np.flatnonzero(divided)
            yield from self._spans_of(_Segments.by_record(of_cases, wait), of_cases)
            whole = whole.select(~divided)
        yield from self._spans_of(whole, log)

    def _spans_of(self, segments: _Segments, log: EventLog) -> Iterator[_Spans]:
        """Yield the segments of each station, those of exempt cases apart. The rows of the segments are those of `log`."""
        scenario = log.cases.scenario
        exempt_by: dict[Expression, NDArray[np.bool_]] = {}
        for pool, station, part in segments.stations(scenario):
            condition = scenario.exemption(pool.name, station)
            suspensions = tuple((s.start, s.end) for s in scenario.suspensions_at(pool.name, station))
            parts: list[tuple[Any, tuple[tuple[int, int], ...]]] = [(part, suspensions)]
            if condition is not None:
                if condition not in exempt_by:
                    exempt_by[condition] = segments.exempt(log, condition)
                exempt = exempt_by[condition][part]
                if exempt.any():
                    indices = part.start + np.arange(len(exempt))
                    parts = [(indices[~exempt], suspensions), (indices[exempt], ())]
            for k, suspended in parts:
                wait = k if segments.wait is None else segments.wait[k]
                times = station_times(self._log, pool, station, suspended)
                yield _Spans(times, wait, segments.start[k], segments.end[k], segments.before is None)


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
            after = np.asarray(Histories(log).replayed([name]).after[name])
            values[name] = np.where(self.before < 0, values[name], after[np.maximum(self.before, 0)])
        return np.array(np.broadcast_to(vector(condition, values, missing), len(case)))
