"""Why did a case wait? The waiting time of each row of a log, by cause.

A wait is split at every instant at which its cause changes. Where several causes hold, the first of `CAUSES`
counts: the pool was suspended (for this case), it was closed for a holiday or a closure, it was off shift, or it
was at work and had no free server. The last includes a slot that was used up, and work that did not fit.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog, order_of
from simulations.log.histories import rows_by_case
from simulations.measuring.utilisation import so_far
from simulations.scenarios.scenario import Pool, Scenario, Suspension
from simulations.timing.calendars import Calendar
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.predicates import Expression, names, vector
from workflow.records import records_along

__all__ = ["CAUSES", "waits_by_cause"]

CAUSES = ("suspended", "holiday", "off_shift", "no_free_server")

Integers = NDArray[np.int64]


def waits_by_cause(log: EventLog, rows: Integers) -> dict[str, Integers]:
    """Split the waiting times that some rows end.

    Parameters
    ----------
    log : EventLog
    rows : ndarray of int64, shape (n,)
        Increasing.

    Returns
    -------
    dict of str to ndarray of int64, shape (n,)
        Microseconds by each cause that there is; together they are the time from ``enabled_at`` to ``started_at``, or to the
        end of the row where work never started. 0 where the row ends no wait for a pool.
    """
    scenario = log.cases.scenario
    found: defaultdict[str, Integers] = defaultdict(lambda: np.zeros(len(rows), np.int64))
    of = np.flatnonzero((log.columns["enabled_at"][rows] > NEVER) & (log.columns["pool"][rows] >= 0))
    whole, changing = _Segments.whole(log, rows[of]), _conditions_that_change(log)
    apart = np.zeros(len(whole.ends), bool)
    for pool, place, here in _places(log, whole) if changing else ():
        if scenario.exemption(pool.name, place) in changing:
            for s in scenario.suspensions_at(pool.name, place):
                apart[here] |= (whole.start[here] < s.end) & (whole.end[here] > s.start)
    if apart.any():  # whom a suspension concerns may change while they wait
        wanted, concerned = np.zeros(len(log), bool), np.zeros(len(log.cases), bool)
        wanted[whole.ends[apart]] = True
        concerned[log.columns["case_id"][wanted]] = True
        theirs = np.flatnonzero(concerned[log.columns["case_id"]])
        alone = replace(log, columns={name: column[theirs] for name, column in log.columns.items()})
        segments = _Segments.by_record(alone)
        segments = segments.some(wanted[theirs[segments.ends]])
        _add(found, alone, segments, np.searchsorted(rows, theirs[segments.ends]))
        whole, of = whole.some(~apart), of[~apart]
    _add(found, log, whole, of)
    return dict(found)


def _add(found: defaultdict[str, Integers], log: EventLog, segments: _Segments, of: Integers) -> None:
    """Add the length of each segment by cause to the wait that it is a part of."""
    scenario = log.cases.scenario
    exempt_by: dict[Expression, NDArray[np.bool_]] = {}
    for pool, place, here in _places(log, segments):
        suspensions, condition = scenario.suspensions_at(pool.name, place), scenario.exemption(pool.name, place)
        parts = [(here, suspensions)]
        if condition is not None:
            if condition not in exempt_by:
                exempt_by[condition] = segments.exempt(log, condition)
            exempt = exempt_by[condition][here]
            parts = [(here[~exempt], suspensions), (here[exempt], [])]
        for chosen, stops in parts:
            at, cause_at = _causes(scenario, pool.calendars[place], stops)
            for cause, length in _split(at, cause_at, segments.start[chosen], segments.end[chosen]):
                if segments.before is None:
                    found[cause][of[chosen]] = length
                else:
                    np.add.at(found[cause], of[chosen], length)


def _places(log: EventLog, segments: _Segments) -> Iterator[tuple[Pool, int, Integers]]:
    """Yield each place of each pool, with the segments that are waits for it."""
    for k, pool in enumerate(log.cases.scenario.pools.values()):
        mine = np.flatnonzero(log.columns["pool"][segments.ends] == k)
        n = len(pool.calendars)
        court = (
            log.cases.court[log.columns["case_id"][segments.ends[mine]]] if pool.at_court else np.zeros(len(mine), int)
        )
        mine = mine[order_of(court, n)]
        ends = np.cumsum(np.bincount(court, minlength=n))
        for place in range(n):
            here = mine[ends[place - 1] if place else 0 : ends[place]]
            if len(here):
                yield pool, place, here


def _conditions_that_change(log: EventLog) -> set[Expression]:
    """Return the exceptions from suspensions that read a field of the record that may have been written."""
    scenario = log.cases.scenario
    conditions = {scenario.exemption(p.name, k) for p in scenario.pools.values() for k in range(len(p.calendars))}
    read = {c: names(c) & set(scenario.workflow.record) for c in conditions if c is not None}
    return {c for c, fields in read.items() if fields and _may_have_written(log, fields)}


def _may_have_written(log: EventLog, fields: Set[str]) -> bool:
    """Say whether a row of a log may have written one of some fields of the record."""

    def happened(column: str, name: str) -> bool:
        return bool((log.columns[column] == log.words.column(column).index(name)).any())

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
    """Parts of waits during which a case's record does not change, or whole waits where it does not matter.

    Attributes
    ----------
    ends : ndarray of int64, shape (n_segments,)
        The row that ends the wait.
    before : ndarray of int64, optional
        The row after which the record is as it is during the part, in the order of cases; -1 for the start. Without them it
        is as at the start all the time.
    start, end : ndarray of int64
    """

    ends: Integers
    before: Integers | None
    start: Integers
    end: Integers

    def some(self, which: NDArray[np.bool_]) -> _Segments:
        """Return some of the segments."""
        before = None if self.before is None else self.before[which]
        return _Segments(self.ends[which], before, self.start[which], self.end[which])

    @classmethod
    def whole(cls, log: EventLog, ends: Integers) -> _Segments:
        columns = log.columns
        started = columns["started_at"][ends]
        until = np.where(started > NEVER, started, columns["happened_at"][ends])
        return cls(ends, None, columns["enabled_at"][ends], until)

    @classmethod
    def by_record(cls, log: EventLog) -> _Segments:
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
        some = end > start
        rows = rows[some]
        before = np.where(opening[rows], -1, rows - 1)
        return cls(order[end_row[some]], before, start[some], end[some])

    def exempt(self, log: EventLog, condition: Expression) -> NDArray[np.bool_]:
        """Say for each segment whether a suspension that excepts a condition does not concern its case."""
        case = log.columns["case_id"][self.ends]
        facts, scenario = log.cases.columns, log.cases.scenario
        values = {n: facts.values[n][case] for n in names(condition) if n in facts.values}
        missing = {n: facts.missing[n][case] for n in names(condition) if n in facts.missing}
        if self.before is not None:
            for name in names(condition) & set(scenario.workflow.record):
                after = records_along(rows_by_case(log), name, facts.values[name])[1]
                values[name] = np.where(self.before < 0, values[name], after[np.maximum(self.before, 0)])
        return np.array(np.broadcast_to(vector(condition, values, missing), len(case)))


def _causes(scenario: Scenario, calendar: Calendar, suspensions: list[Suspension]) -> tuple[Integers, Integers]:
    """Return the instants at which the cause may change in the time of one place of a pool, and from each on its number."""
    opens, closes, _ = calendar.arrays()
    holidays = _closed_days(scenario, calendar)
    stops = np.array([[s.start, s.end] for s in suspensions], np.int64).reshape(-1, 2)
    at = np.unique(np.concatenate([opens, closes, holidays.ravel(), stops.ravel(), [0]]))
    at = at[(at >= 0) & (at < scenario.horizon)]
    closed = np.where(_within(holidays, at), CAUSES.index("holiday"), CAUSES.index("off_shift"))
    open_ = _within(np.stack([opens, closes], axis=1), at)
    cause = np.where(open_, CAUSES.index("no_free_server"), closed)
    return at, np.where(_within(stops, at), CAUSES.index("suspended"), cause)


def _split(at: Integers, cause_at: Integers, start: Integers, end: Integers) -> Iterator[tuple[str, Integers]]:
    """Yield each cause, and for how long of each of some times it held."""
    left_over = end - start
    *causes, last_cause = np.unique(cause_at).tolist()
    if causes:
        first, last = (np.searchsorted(at, times, side="right") - 1 for times in (start, end))
        since_first, since_last = start - at[first], end - at[last]
        at_first, at_last = cause_at[first], cause_at[last]
    for cause in causes:
        # How long it has held at each instant, and from the last of them on until the start and the end.
        so_long = np.cumsum(np.diff(at, prepend=at[:1]) * np.append(False, cause_at[:-1] == cause))
        length = so_long[last] - so_long[first]
        length += since_last * (at_last == cause)
        length -= since_first * (at_first == cause)
        left_over -= length
        yield CAUSES[cause], length
    yield CAUSES[last_cause], left_over


def _closed_days(scenario: Scenario, calendar: Calendar) -> Integers:
    """Return the holidays and closures as spells; a date with hours of its own is none."""
    own = {day for day, _ in calendar.extra}
    days = sorted({day for day, _ in calendar.holidays} | set(calendar.closed))
    starts = [scenario.epoch.microseconds(dt.date.fromisoformat(day)) for day in days if day not in own]
    return np.array([[t, t + MICROSECONDS_PER_DAY] for t in starts], np.int64).reshape(-1, 2)


def _within(spells: Integers, at: Integers) -> NDArray[np.bool_]:
    """Say whether each instant lies in one of some half-open spells, which may overlap."""
    return so_far(spells[:, 0], at) > so_far(spells[:, 1], at)
