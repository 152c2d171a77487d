"""Why did a case wait? The waiting time of each row of a log, by cause.

A wait is split at every instant at which its cause changes. Where several causes hold, the first of `CAUSES`
counts: the pool was suspended (for this case), it was closed for a holiday or a closure, it was off shift, or it
was at work and had no free server. The last includes a slot that was used up, and work that did not fit.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
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


def waits_by_cause(log: EventLog) -> dict[str, Integers]:
    """Split the waiting time of every row.

    Returns
    -------
    dict of str to ndarray of int64, shape (n_rows,)
        Microseconds by each cause that there is; together they are the time from ``enabled_at`` to ``started_at``, or to the
        end of the row where work never started. 0 where the row ends no wait for a pool.
    """
    scenario = log.cases.scenario
    found: defaultdict[str, Integers] = defaultdict(lambda: np.zeros(len(log), np.int64))
    whole, changing = _Segments.whole(log), _conditions_that_change(log)
    apart = np.zeros(len(whole.ends), bool)
    for pool, place, here in _places(log, whole) if changing else ():
        if scenario.exemption(pool.name, place) in changing:
            for s in scenario.suspensions_at(pool.name, place):
                apart[here] |= (whole.start[here] < s.end) & (whole.end[here] > s.start)
    if apart.any():  # whom a suspension concerns may change while they wait
        wanted, concerned = np.zeros(len(log), bool), np.zeros(len(log.cases), bool)
        wanted[whole.ends[apart]] = True
        concerned[log.columns["case_id"][wanted]] = True
        rows = np.flatnonzero(concerned[log.columns["case_id"]])
        theirs = replace(log, columns={name: column[rows] for name, column in log.columns.items()})
        segments = _Segments.by_record(theirs)
        _add(found, theirs, segments.some(wanted[rows[segments.ends]]), rows)
        whole = whole.some(~apart)
    _add(found, log, whole)
    return dict(found)


def _add(found: defaultdict[str, Integers], log: EventLog, segments: _Segments, rows: Integers | None = None) -> None:
    """Add the length of each segment by cause; `rows` are those of the whole log that this one has."""
    scenario = log.cases.scenario
    exempt_by: dict[Expression | None, NDArray[np.bool_]] = {}
    for pool, place, here in _places(log, segments):
        suspensions, calendar = scenario.suspensions_at(pool.name, place), pool.calendars[place]
        condition = scenario.exemption(pool.name, place)
        if condition not in exempt_by:
            exempt_by[condition] = segments.exempt(log, condition)
        exempt = exempt_by[condition][here]
        for chosen, closed in ((here[~exempt], suspensions), (here[exempt], [])):
            for cause, length in _split(scenario, calendar, closed, segments, chosen):
                ends = segments.ends[chosen]
                np.add.at(found[cause], ends if rows is None else rows[ends], length)


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


def _conditions_that_change(log: EventLog) -> set[Expression | None]:
    """Return the exceptions from suspensions that read a field of the record that may have been written."""
    scenario = log.cases.scenario
    conditions = {scenario.exemption(p.name, k) for p in scenario.pools.values() for k in range(len(p.calendars))}
    read = {c: names(c) & set(scenario.workflow.record) for c in conditions if c is not None}
    if not any(read.values()):
        return set()
    written = _written(log)
    return {c for c, fields in read.items() if fields & written}


def _written(log: EventLog) -> set[str]:
    """Return the fields of the record that a row of a log may have written."""
    seen = {}
    for column in ("transition", "cause"):
        counts = np.bincount(log.columns[column] + 1, minlength=1)[1:]
        seen[column] = {log.words.column(column)[code] for code in np.flatnonzero(counts)}
    found: set[str | None] = set()
    for workflow in log.cases.scenario.workflows:
        moves = [t for t in workflow.transitions if t.name in seen["transition"]]
        events = [e for e in workflow.events.values() if e.name in seen["cause"]]
        found |= {name for effects in [c.effects for c in moves] + [c.effects for c in events] for name, _ in effects}
        found |= {e.gives for e in events} | {a.gives for a in workflow.activities.values()}
    return {name for name in found if name is not None}


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
    def whole(cls, log: EventLog) -> _Segments:
        columns = log.columns
        ends = np.flatnonzero((columns["enabled_at"] > NEVER) & (columns["pool"] >= 0))
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

    def exempt(self, log: EventLog, condition: Expression | None) -> NDArray[np.bool_]:
        """Say for each segment whether a suspension that excepts a condition does not concern its case."""
        if condition is None:
            return np.zeros(len(self.ends), bool)
        case = log.columns["case_id"][self.ends]
        facts, scenario = log.cases.columns, log.cases.scenario
        values = {n: facts.values[n][case] for n in names(condition) if n in facts.values}
        missing = {n: facts.missing[n][case] for n in names(condition) if n in facts.missing}
        if self.before is not None:
            for name in names(condition) & set(scenario.workflow.record):
                after = records_along(rows_by_case(log), name, facts.values[name])[1]
                values[name] = np.where(self.before < 0, values[name], after[np.maximum(self.before, 0)])
        return np.array(np.broadcast_to(vector(condition, values, missing), len(case)))


def _split(
    scenario: Scenario, calendar: Calendar, suspensions: list[Suspension], segments: _Segments, chosen: Integers
) -> list[tuple[str, Integers]]:
    """Return the length of each chosen segment by cause, in the time of one place of a pool."""
    if not len(chosen):
        return []
    opens, closes, _ = calendar.arrays()
    holidays = _closed_days(scenario, calendar)
    stops = np.array([[s.start, s.end] for s in suspensions], np.int64).reshape(-1, 2)
    horizon = scenario.horizon
    start, end = segments.start[chosen], segments.end[chosen]
    if not len(stops) and (opens[:1] <= 0).any() and closes[0] > horizon:  # open all the time
        return [("no_free_server", end - start)]
    at = np.unique(np.clip(np.concatenate([opens, closes, holidays.ravel(), stops.ravel(), [0]]), 0, horizon))
    suspended = _within(stops, at)
    open_ = _within(np.stack([opens, closes], axis=1), at)
    closed = ~open_ & _within(holidays, at)
    of = [suspended, ~suspended & closed, ~suspended & ~open_ & ~closed, ~suspended & open_]
    first, last = (np.searchsorted(at, times, side="right") - 1 for times in (start, end))
    found = []
    for cause, holds in zip(CAUSES, of, strict=True):
        if holds.any():
            # How long it has held at each instant, and from the last of them on until the start and the end.
            so_long = np.concatenate([[0], np.cumsum(np.diff(at) * holds[:-1])]).astype(np.int64)
            length = (
                so_long[last] - so_long[first] + (end - at[last]) * holds[last] - (start - at[first]) * holds[first]
            )
            found.append((cause, length))
    return found


def _closed_days(scenario: Scenario, calendar: Calendar) -> Integers:
    """Return the holidays and closures as spells; a date with hours of its own is none."""
    own = {day for day, _ in calendar.extra}
    days = sorted({day for day, _ in calendar.holidays} | set(calendar.closed))
    starts = [scenario.epoch.microseconds(dt.date.fromisoformat(day)) for day in days if day not in own]
    return np.array([[t, t + MICROSECONDS_PER_DAY] for t in starts], np.int64).reshape(-1, 2)


def _within(spells: Integers, at: Integers) -> NDArray[np.bool_]:
    """Say whether each instant lies in one of some half-open spells, which may overlap."""
    return so_far(spells[:, 0], at) > so_far(spells[:, 1], at)
