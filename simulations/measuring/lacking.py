"""Waits for teams by the pool that was short.

While any pool that the case needs is open, the pools are looked at in their order. The first that lacks servers for the case
keeps it waiting: the pool is closed, out of slots, or has fewer free servers than the case needs. Of the pools of ``either:``, all
must lack one. If no pool is short, the case waits for others that go first. Time in which all pools are closed, such as a night,
belongs to the pool that was short before it; at the beginning of a wait it is a part of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog
from simulations.log.histories import Histories
from simulations.measuring.descriptors import CLOSED, OTHERS
from simulations.measuring.slots import slots_begin, slots_taken
from simulations.measuring.utilisation import distinct, so_far
from simulations.scenarios.scenario import Need
from workflow.deciding.table import Columns
from workflow.predicates import Expression, names, vector

Integers = NDArray[np.int64]


def lacking(log: EventLog, ends: Integers, start: Integers, end: Integers) -> dict[str, Integers]:
    """Return how long each pool was short during waits, in microseconds, by the pool.

    Parameters
    ----------
    ends : ndarray of int64, shape (n_waits,)
        The rows that end the waits. Waits for work of pools without teams have zeros.
    start, end : ndarray of int64, shape (n_waits,)
        When the work was enabled, and when the wait ended.
    """
    lengths: dict[str, Integers] = {}
    for name, work in log.cases.scenario.work.items():
        waits = np.flatnonzero(log.columns["activity"][ends] == log.labels.activity.index(name))
        if work.pool in log.cases.scenario.queues_with_teams and len(waits):
            groups = work.groups
            for kind, alike in _kinds(log, groups, ends[waits]):
                mine = waits[alike]
                parts = (*(group[0].pool for group in groups), OTHERS, CLOSED)
                for part, length in zip(parts, _divided(log, kind, start[mine], end[mine]), strict=True):
                    lengths.setdefault(part, np.zeros(len(ends), np.int64))[mine] += length
    return lengths


_Kind = tuple[tuple[tuple[str, int, int, bool], ...], ...]
"""For each group of pools: pool, station, number of servers, and whether the case is exempt from suspensions of each pool."""


def _kinds(log: EventLog, groups: Sequence[Sequence[Need]], ends: Integers) -> list[tuple[tuple[_Kind, bool], Integers]]:
    """Return the waits of cases that need the same, and whether their work had been interrupted."""
    scenario = log.cases.scenario
    court, needs = log.court_at(ends).astype(np.int64), [need for group in groups for need in group]
    conditions = {
        (need.pool, k): c for need in needs for k in range(len(scenario.courts)) if (c := scenario.exemption(need.pool, k))
    }
    read = {*conditions.values(), *(need.when for need in needs if need.when is not None)}
    columns = _columns(log, ends, frozenset().union(*(names(c) for c in read), *(need.count.reads() for need in needs)))
    table = [court, np.isin(ends, log.interruptions.following)]
    for need in needs:
        count = np.zeros(len(ends), np.int64)
        for leaf, rows in need.count.rows(columns, scenario.namespace.fields):
            count[rows] = leaf
        if need.when is not None:
            count *= _holds(need.when, columns, len(ends))
        exempt = np.zeros(len(ends), bool)
        for (pool, k), condition in conditions.items():
            if pool == need.pool and scenario.pools[pool].at_court:
                exempt |= (court == k) & _holds(condition, columns, len(ends))
        table += [count, exempt]
    distinct_rows, which = np.unique(np.array(table, np.int64).T, axis=0, return_inverse=True)
    kinds = []
    for k, (here, resumed, *rest) in enumerate(distinct_rows.tolist()):
        found, kind = iter(zip(rest[::2], rest[1::2], strict=True)), []
        for group in groups:
            of_group = [(need, *next(found)) for need in group]
            kind.append(
                tuple((n.pool, here if scenario.pools[n.pool].at_court else 0, count, bool(e)) for n, count, e in of_group)
            )
        kinds.append(((tuple(kind), bool(resumed)), np.flatnonzero(which.ravel() == k)))
    return kinds


def _holds(condition: Expression, columns: Columns, n: int) -> NDArray[np.bool_]:
    return np.broadcast_to(vector(condition, columns.values, columns.missing), n).astype(bool)


def _columns(log: EventLog, ends: Integers, read: frozenset[str]) -> Columns:
    """Return the facts of the cases of some rows, and their records before the rows."""
    case, facts = log.columns["case_id"][ends], log.cases.columns
    columns = facts.only(read | {"court"}).take(case)
    fields = read & set(log.cases.scenario.workflow.record)
    values = dict(columns.values)
    if fields:
        index = np.empty(len(log), np.int64)
        index[log.by_case.order] = np.arange(len(log))
        before = Histories(log).replayed(fields).before
        values |= {name: np.asarray(before[name])[index[ends]] for name in fields}
    return Columns(values, columns.missing)


def _divided(log: EventLog, kind: tuple[_Kind, bool], start: Integers, end: Integers) -> list[Integers]:
    """Return for each group of pools how long it was the first that was short in each span, then for others, and closed at first."""
    groups, resumed = kind
    timelines = [[_short(log, *pool, resumed) for pool in group] for group in groups]
    at = distinct(np.concatenate([np.zeros(1, np.int64), *(at for group in timelines for at, _, _ in group)]))
    first, is_open = np.full(len(at), len(groups)), np.zeros(len(at), bool)
    for k in reversed(range(len(groups))):
        own = [np.maximum(so_far(times, at) - 1, 0) for times, _, _ in timelines[k]]
        short = np.all([of_pool[i] for (_, of_pool, _), i in zip(timelines[k], own, strict=True)], axis=0)
        is_open |= np.any([of_pool[i] for (_, _, of_pool), i in zip(timelines[k], own, strict=True)], axis=0)
        first[short] = k
    places = np.arange(len(at))
    first = first[np.maximum(np.maximum.accumulate(np.where(is_open, places, -1)), 0)]  # as before all were closed
    opening = np.minimum.accumulate(np.where(is_open, places, len(at))[::-1])[::-1]
    opens = np.append(at, np.iinfo(np.int64).max)[opening[so_far(at, start) - 1]]
    began = np.clip(opens, start, end)
    ends = [np.searchsorted(at, times, side="right") - 1 for times in (began, end)]
    lengths = []
    for k in range(len(groups) + 1):
        here = first == k
        before = np.append(0, np.cumsum(np.diff(at) * here[:-1]))
        until = [before[p] + here[p] * (t - at[p]) for p, t in zip(ends, (began, end), strict=True)]
        lengths.append(until[1] - until[0])
    return [*lengths, began - start]


def _short(
    log: EventLog, pool: str, station: int, n: int, exempt: bool, resumed: bool
) -> tuple[Integers, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the instants at which a station changes, whether it is short of n servers from then on, and whether it is open.

    A station of which no server is needed is neither.
    """
    scenario, spec = log.cases.scenario, log.cases.scenario.pools[pool]
    if n == 0:
        return np.zeros(1, np.int64), np.zeros(1, bool), np.zeros(1, bool)
    opens, closes, _ = spec.calendars[station].arrays()
    times, sizes = np.array(log.sizes(pool)[station], np.int64).reshape(-1, 2).T
    rows = log.served(pool, station)
    started, ended = (log.columns[name][rows] for name in ("started_at", "happened_at"))
    suspended = np.array([(s.start, s.end) for s in scenario.suspensions_at(pool, station)], np.int64).reshape(-1, 2)
    at = distinct(np.concatenate([np.zeros(1, np.int64), opens, closes, times, started, ended, suspended.ravel()]))
    at = at[at >= 0]
    size = sizes[np.maximum(so_far(times, at) - 1, 0)]
    is_open = (so_far(opens, at) > so_far(closes, at)) & (size > 0)
    if not exempt:
        is_open &= so_far(suspended[:, 0], at) <= so_far(suspended[:, 1], at)
    short = ~is_open | (size - (so_far(started, at) - so_far(ended, at)) < n)
    if spec.slots is not None and not resumed and len(opens):
        new = rows[~np.isin(rows, log.interruptions.following)]
        taken = np.sort(np.repeat(log.columns["started_at"][new], slots_taken(scenario, log.columns["activity"][new])))
        interval = np.maximum(so_far(opens, at) - 1, 0)
        slots = spec.slots_on(spec.calendars[station].days)[interval]
        short |= so_far(taken, at) - np.searchsorted(taken, opens[slots_begin(spec, station)[interval]]) + n > slots * size
    return at, short, is_open
