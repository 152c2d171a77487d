"""Draw the cases of a replication: facts, initial records and arrivals.

All cases are drawn in columns, keyed by case (`simulations.chance.draws`). Both engines get the same cases. A fact is drawn
when it is first read (`simulations.scenarios.drawn_facts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.chance.distributions import make_distribution
from simulations.chance.draws import Draws, case_keys
from simulations.scenarios.drawn_facts import Drawing, Group
from simulations.scenarios.scenario import Backlog, CountIn, Draw, Scenario, Stream
from simulations.scenarios.tables import CaseTable
from simulations.timing.calendars import Calendar
from workflow.deciding.table import Columns
from workflow.errors import InputError
from workflow.model.definition import Value
from workflow.predicates import Expression, names, unparse, vector

ORIGINS = ("backlog", "arrivals", "table")

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Cases:
    """The cases of one replication; a case's number is its row.

    Attributes
    ----------
    court, origin, state : ndarray of int32, int8 and int32, shape (n_cases,)
        Indices in the scenario's courts, in `ORIGINS` and in the workflow's states.
    keys : ndarray of uint64
        Keys of random draws.
    arrived : ndarray of int64
        Microseconds since the start; negative for the backlog.
    columns : Columns
        Facts, with the court, and the initial record. Each is drawn when it is first read.
    """

    scenario: Scenario
    court: NDArray[np.int32]
    origin: NDArray[np.int8]
    state: NDArray[np.int32]
    keys: NDArray[np.uint64]
    arrived: Integers
    columns: Columns

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def facts(self) -> list[tuple[Value, ...]]:
        """Return the facts of each case as plain values, in the order of ``scenario.fact_names``."""
        return self._rows(self.scenario.fact_names)

    @cached_property
    def records(self) -> list[tuple[Value, ...]]:
        """Return the initial record of each case as plain values."""
        return self._rows(tuple(self.scenario.workflow.record))

    def draw(self) -> None:
        """Draw every fact now, before several threads read them."""
        for name in self.columns.values.keys() - {"arrived"}:  # which has no draw
            self.columns.values[name]

    def _rows(self, names: Sequence[str]) -> list[tuple[Value, ...]]:
        if not names:
            return [()] * len(self)
        return list(zip(*(self.plain(name) for name in names), strict=True))

    def plain(self, name: str) -> list[Value]:
        """Return a column as plain values; a missing value is ``None``."""
        return self.columns.plain(self.scenario.namespace.fields[name])


def draw_cases(scenario: Scenario, path: Draws) -> Cases:
    """Draw the uncertain inputs and the cases of one replication; the scenario of the cases has these inputs.

    Raises
    ------
    InputError
        If a case breaks an assumption of the workflow (`assume:`), or is older than the holidays that are known for
        its court's calendar.
    """
    scenario = scenario.in_replication(path)
    groups = _groups(scenario, path)
    order, sizes = _order(groups), [len(g.arrived) for g in groups]
    group = np.repeat(np.arange(len(groups)), sizes)[order] if groups else np.zeros(0, np.int64)

    def joined(parts: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:
        return np.concatenate(parts)[order] if parts else np.zeros(0, dtype)

    keys = joined([case_keys(scenario.courts[g.court], g.keyed_as, g.numbers) for g in groups], np.uint64)
    arrived = joined([g.arrived for g in groups], np.int64)
    court = joined([np.full(n, g.court, np.int32) for g, n in zip(groups, sizes, strict=True)], np.int32)
    origin = joined([np.full(n, ORIGINS.index(g.origin), np.int8) for g, n in zip(groups, sizes, strict=True)], np.int8)
    state = joined([g.states for g in groups], np.int32)
    in_table = joined([g.rows_of_table for g in groups], np.int64)
    drawing = Drawing(scenario, path, keys, court, arrived, origin, groups, group, in_table)
    cases = Cases(scenario, court, origin, state, keys, arrived, drawing.columns())
    _check_assumptions(scenario, cases)
    _check_ages(scenario, cases)
    return cases


# sources of cases -----------------------------------------------------------------------------------


def _groups(scenario: Scenario, path: Draws) -> list[Group]:
    groups: list[Group] = []
    for court in range(len(scenario.courts)):
        number = 0
        for backlog in (b for b in scenario.backlog if b.court == court):
            group = _backlog(scenario, path, backlog, number)
            number += len(group.arrived)
            groups.append(group)
        groups += [_stream(scenario, path, s) for s in scenario.streams if s.court == court]
    return [g for g in groups if len(g.arrived)]


def _backlog(scenario: Scenario, path: Draws, backlog: Backlog, first: int) -> Group:
    states = list(scenario.workflow.states)
    n = backlog.count
    numbers = np.arange(first, first + n, dtype=np.int64)
    if backlog.table is not None:
        rows = _rows_of_court(backlog.table, scenario.courts[backlog.court])
        arrived = np.array(backlog.table.arrived, np.int64)[rows]
        initial = np.array([states.index(backlog.table.states[i]) for i in rows], np.int32)
        return Group(backlog.court, "backlog", "backlog", (), arrived, numbers[: len(rows)], initial, backlog.table, rows)
    arrived = np.zeros(n, np.int64)
    if backlog.age is not None and n:
        keys = case_keys(scenario.courts[backlog.court], "backlog", numbers)
        column = Columns({"court": np.full(n, backlog.court, np.int64)}, {})
        for length, selected in backlog.age.rows(column, scenario.namespace.fields):
            if length.months is not None:
                arrived[selected] = scenario.epoch.months_later(0, -length.months)
            else:
                ages = path.quantiles(keys[selected], "backlog:age", length.distribution)
                arrived[selected] = -np.rint(ages).astype(np.int64)
    initial = np.full(n, states.index(str(backlog.state)), np.int32)
    no_rows = np.full(n, -1, np.int64)
    return Group(backlog.court, "backlog", "backlog", backlog.people, arrived, numbers, initial, None, no_rows)


def _rows_of_court(table: CaseTable, court: str) -> Integers:
    """Return the rows of a table that belong to a court; without a column ``court``, all of them."""
    return np.array([i for i in range(len(table)) if table.courts is None or table.courts[i] == court], np.int64)


def _stream(scenario: Scenario, path: Draws, stream: Stream) -> Group:
    states = list(scenario.workflow.states)
    keyed_as = f"{stream.origin}/{stream.name}"
    court = scenario.courts[stream.court]
    in_table = None
    if stream.table is not None:
        in_table = _rows_of_court(stream.table, court)
        times = np.array(stream.table.arrived, np.int64)[in_table]
    elif stream.at is not None:
        times = np.array(stream.at, np.int64)
    elif stream.counts is not None:
        times = _counted(path, stream.counts, court, keyed_as)
    else:
        times = _renewal(scenario, path, stream, court, keyed_as)
    keep = (times >= 0) & (times <= (scenario.horizon if stream.until is None else stream.until))
    times = times[keep]
    if stream.batch is not None:
        times = np.repeat(times, _batch_sizes(path, stream.batch, case_keys(court, keyed_as, np.arange(len(times)))))
    times = times[: stream.count]
    n = len(times)
    rows = np.full(n, -1, np.int64) if in_table is None else in_table[keep][:n]
    initial = np.full(n, states.index(stream.state), np.int32)
    if stream.table is not None and stream.table.states is not None:
        initial = np.array([states.index(stream.table.states[i]) for i in rows], np.int32)
    numbers = np.arange(n, dtype=np.int64)
    return Group(stream.court, stream.origin, keyed_as, stream.people, times, numbers, initial, stream.table, rows)


def _batch_sizes(path: Draws, batch: Draw, keys: NDArray[np.uint64]) -> Integers:
    """Draw the number of cases of each batch; its key is that of a case with the number of the batch."""
    if batch.shares is not None:
        return path.pick(keys, "arrivals:batch", batch.shares.cumulative, np.array(batch.shares.values, np.int64))
    sizes: Integers = np.floor(path.quantiles(keys, "arrivals:batch", batch.distribution)).astype(np.int64)
    return sizes


def _counted(path: Draws, counts: Sequence[CountIn], court: str, keyed_as: str) -> Integers:
    """Draw arrival times: so many in each period, independent and uniform within its hours."""
    n = sum(count.n for count in counts)
    bits = path.many(case_keys(court, keyed_as, np.arange(n, dtype=np.int64)), "arrivals", 0)[0]
    drawn, first = [np.zeros(0, np.int64)], 0
    for count in counts:
        opens, closes = np.array(count.hours, np.int64).reshape(-1, 2).T
        worked = np.append(0, np.cumsum(closes - opens))
        at = np.floor(bits[first : first + count.n] * 2.0**-53 * worked[-1]).astype(np.int64)
        k = np.searchsorted(worked, at, side="right") - 1
        times = opens[k] + at - worked[k] if count.n else at
        drawn.append(times[(times >= count.since) & (times < count.until)])
        first += count.n
    return np.sort(np.concatenate(drawn))


def _renewal(scenario: Scenario, path: Draws, stream: Stream, court: str, keyed_as: str) -> Integers:
    """Draw arrival times up to the horizon, from a renewal process or a Poisson process."""
    unit_exponential = make_distribution("exponential", {"mean": 1.0})
    distribution = unit_exponential if stream.interarrival is None else stream.interarrival.distribution
    limit = stream.count if stream.count is not None else 2_000_000_000
    n = 64
    while True:
        n = min(n, limit)
        keys = case_keys(court, keyed_as, np.arange(n, dtype=np.int64))
        gaps = path.quantiles(keys, "arrivals", distribution)
        if stream.interarrival is not None:
            whole = np.rint(gaps).astype(np.int64)
            if stream.first is not None and n:
                whole[0] = stream.first
            times = np.cumsum(whole)
            if stream.hours is not None:
                times = _within(stream.hours, whole, stream.first, scenario.horizon)
            elif stream.interarrival.months is not None:
                times = _by_months(scenario, stream.interarrival.months, stream.first, n)
        else:
            times = _through_rate(np.cumsum(gaps), stream.rate or (), scenario.horizon)
        if n >= limit or (n and times[-1] > scenario.horizon):
            return times
        n *= 2


def _within(hours: Calendar, gaps: Integers, first: int | None, horizon: int) -> Integers:
    """Return times with these amounts of working time between them; after the last working hour, one after the horizon.

    A time lies within the half-open working intervals: after exactly the rest of an interval, it is the next opening.
    """
    opens, _, worked = hours.arrays()
    if first is not None and len(gaps):
        gaps[0] = hours.working_time(first)
    at = np.cumsum(gaps)
    times = np.full(len(at), horizon + 1, np.int64)
    inside = at < worked[-1]
    k = np.searchsorted(worked, at[inside], side="right") - 1
    times[inside] = opens[k] + at[inside] - worked[k]
    return times


def _by_months(scenario: Scenario, months: int, first: int | None, n: int) -> Integers:
    """Return n times at intervals of calendar months from the first time, or from the start; the day of the month is kept."""
    begin, skipped = (0, 1) if first is None else (first, 0)
    return np.array([scenario.epoch.months_later(begin, months * (i + skipped)) for i in range(n)], np.int64)


def _through_rate(unit: NDArray[np.float64], rate: tuple[tuple[int, float], ...], horizon: int) -> Integers:
    """Map a unit-rate Poisson process to a rate that changes on dates; another rate moves the same arrivals.

    Arrivals after the horizon are set to one microsecond after it.
    """
    steps = [(max(t, 0), r) for t, r in rate if t <= horizon]
    edges = np.array([*(t for t, _ in steps), horizon + 1], np.float64)
    rates = np.array([r for _, r in steps], np.float64)
    grown = np.concatenate([[0.0], np.cumsum(np.diff(edges) * rates)])  # expected arrivals before each edge
    inside = unit < grown[-1]
    k = np.searchsorted(grown, unit[inside], side="right") - 1  # the last such span has a positive rate
    times = np.full(len(unit), horizon + 1, np.int64)
    drawn = np.rint(edges[k] + (unit[inside] - grown[k]) / rates[k])
    times[inside] = np.minimum(drawn, edges[k + 1] - 1).astype(np.int64)  # rounding does not leave a span
    return times


def _order(groups: Sequence[Group]) -> Integers | slice:
    """Return the case order: courts in file order, backlog before arrivals, arrivals by time."""
    if all(g.origin == "backlog" for g in groups):
        return slice(None)
    court = np.concatenate([np.full(len(g.arrived), g.court, np.int64) for g in groups])
    arriving = np.concatenate([np.full(len(g.arrived), g.origin != "backlog") for g in groups])
    time = np.concatenate([g.arrived if g.origin != "backlog" else np.zeros(len(g.arrived), np.int64) for g in groups])
    order: Integers = np.lexsort((time, arriving, court)).astype(np.int64)
    return order


def _check_assumptions(scenario: Scenario, cases: Cases) -> None:
    problems = []
    for assumption in scenario.workflow.assumptions:
        holds = np.broadcast_to(vector(assumption, cases.columns.values, cases.columns.missing), len(cases))
        if not holds.all():
            i = int(np.argmin(holds))
            problems.append(
                f"people: {int((~holds).sum()):,} of {len(cases):,} cases break the workflow's assumption"
                f" {unparse(assumption)!r}; the first is case {i} of {scenario.courts[int(cases.court[i])]}:"
                f" {_format_facts(cases, i, assumption)}. Draw the facts so that the assumption holds (within: helps)."
            )
    if problems:
        raise InputError(problems)


def _check_ages(scenario: Scenario, cases: Cases) -> None:
    """Check that the holidays of each court are known from its oldest case on: ages in working days need them."""
    problems = []
    for court, days in enumerate(scenario.court_days):
        if days is not None and days.holidays is not None:
            first = scenario.epoch.instant(int(cases.arrived[cases.court == court].min(initial=0))).date()
            try:
                days.holidays.dates(first, first)
            except InputError as error:
                problems.append(
                    f"court {scenario.courts[court]!r}: its oldest case arrived on {first}, but {error.problems[0].message};"
                    " leave out the court's calendar:, in whose working days ages are counted, or name one without holidays"
                )
    if problems:
        raise InputError(problems)


def _format_facts(cases: Cases, i: int, expression: Expression) -> str:
    """Format the values of a case that an expression reads."""
    one, fields = cases.columns.take(np.array([i])), cases.scenario.namespace.fields
    return ", ".join(f"{name} = {one.plain(fields[name])[0]}" for name in sorted(names(expression)))
