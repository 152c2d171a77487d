"""What a log says: counts of cases, waiting, use of pools and dates, all computed from the event log alone.

A measure is taken as things stood at the end of a day (or of the run), for each court and for all courts
together, and for the groups of any fact, definition, court or origin. Counts are of cases, each once;
cases that are not finished are counted with their age, never dropped.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import NEVER, EventLog
from simulations.measuring.costs import MONTH, cost_units, costs
from simulations.measuring.lengths import PROCESSING, SHAPES, WAITING, Lengths, add_up, ratio
from simulations.measuring.measured import Daily, Measured, Places, Table
from simulations.measuring.utilisation import PoolTime, pool_times
from simulations.measuring.waiting import CAUSES, waits_by_cause
from simulations.measuring.workdays import days_before, working_days
from simulations.scenarios.population import ORIGINS, Cases
from simulations.scenarios.scenario import Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR
from workflow.definition import Kind, Workflow, as_written
from workflow.errors import InputError, nearest
from workflow.format import MeasureEntry
from workflow.predicates import Namespace, PredicateError, parse, vector
from workflow.validation import listed, split_names

__all__ = [
    "Grouping",
    "describe",
    "group_cases",
    "is_time_or_use",
    "measure",
    "measure_dates_and_pending",
    "measure_names",
]

_ROWS_AT_ONCE = 1 << 20
WORKING_AGE = "unfinished_working_age.mean"

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Grouping:
    """The groups that the cases of a log fall into: ``by=None`` is one group of all."""

    by: str | None
    labels: tuple[str | None, ...]
    of_case: NDArray[np.int64]


def measure_names(scenario: Scenario) -> list[str]:
    """Return the names of everything that is measured in a scenario."""
    return list(describe(scenario))


def describe(scenario: Scenario) -> dict[str, str]:
    """Return each measure's name with its unit."""
    found: dict[str, str] = {}
    for entry in scenario.workflow.measures:
        found[entry.measure] = "days" if entry.emptied else "share" if entry.ratio else "cases"
        found.update(dict.fromkeys(entry.split or {}, "cases"))
    found |= {"pending": "cases", "unfinished": "cases", "unfinished_age.mean": "days"}
    found |= {"inflow": "cases", "disposals": "cases", "clearance_rate": "share"}
    if any(days is not None for days in scenario.court_days):
        found[WORKING_AGE] = "working days"
    for name, work in scenario.work.items():
        if work.pool is not None:
            found |= {f"{WAITING}.{name}.{shape}": "days" for shape in (*SHAPES, *CAUSES)}
            found[f"still_waiting.{name}"] = "cases"
        found |= {f"{PROCESSING}.{name}.{shape}": "days" for shape in SHAPES}
    for pool in scenario.pools:
        found |= {f"utilisation.{pool}": "share", f"overtime.{pool}": "hours"}
    found |= cost_units(scenario)
    return found


def is_time_or_use(name: str) -> bool:
    """Say whether a measure is of times and of the use of pools, rather than of cases."""
    return name.startswith((WAITING, PROCESSING, "utilisation.", "overtime.", "still_waiting."))


def group_cases(cases: Cases, by: str | None) -> Grouping:
    """Group cases by a fact, a definition over facts, ``court`` or ``origin``; those without a value are a group of their own.

    Raises
    ------
    InputError
        If there is nothing of this name.
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
            else nearest(by, allowed) or f" Known: {listed(allowed, 40)}."
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
        The days at whose end to measure; ``None`` for the end of the run.
    groupings : sequence of Grouping
        Groups to measure besides all cases together.

    Returns
    -------
    Measured
        The daily series of `pending` included.
    """
    everyone = group_cases(log.cases, None)
    waits = waits_by_cause(log)
    takers = [_Taker(log, grouping, waits, days) for grouping in (everyone, *groupings)]
    tables = [table for taker in takers for day in days for table in taker.take(day)]
    return Measured(log.cases.scenario.courts, tables, takers[0].daily({d for d in days if d is not None}))


def measure_dates_and_pending(log: EventLog) -> Measured:
    """Measure what a log says of dates, as at the end of the run, and the daily series of `pending`, and nothing else.

    A study that asks for a date alone has it in a fraction of the time of `measure`.
    """
    taker = _Taker(log, group_cases(log.cases, None), {}, ())
    return Measured(log.cases.scenario.courts, list(taker.take_dates()), taker.daily(set()))


class _Taker:
    """Takes the measures of one log, for the groups of one grouping."""

    def __init__(
        self, log: EventLog, grouping: Grouping, waits: Mapping[str, Integers], days: Sequence[dt.date | None]
    ) -> None:
        self.log = log
        self.grouping = grouping
        self.days = days
        self.scenario = log.cases.scenario
        self.workflow: Workflow = self.scenario.workflow
        states = list(self.workflow.states.values())
        self.states = [s.name for s in states]
        self.off_docket = np.array([s.kind in (Kind.FINAL, Kind.RESTING) for s in states])
        self.final = np.array([s.kind is Kind.FINAL for s in states])
        self.since = NEVER if self.scenario.warm_up is None else self.scenario.epoch.microseconds(self.scenario.warm_up)
        self.n_courts, self.n_groups = len(self.scenario.courts), len(grouping.labels)
        self.place = log.cases.court * self.n_groups + grouping.of_case
        self.happened = log.columns["happened_at"]
        self._firsts: dict[tuple[str | bool | None, ...], Integers] = {}
        untils = [self._end_of(day) for day in days]
        self.lengths = Lengths(log, waits, self.place, (self.n_courts, self.n_groups), self.since, untils)

    def take(self, day: dt.date | None) -> Iterator[Table]:
        """Take every measure as it stood at the end of a day."""
        self._until(day)
        self.state = self._state()
        values: dict[str, Places] = {}
        for entry in self.workflow.measures:
            if entry.cases is not None:
                values[entry.measure] = self._count(entry)
        for entry in self.workflow.measures:
            if entry.split is not None:
                values |= self._split(entry)
            if entry.emptied is not None:
                values[entry.measure] = self._emptied(str(entry.emptied))
        values |= self._standing()
        values |= self._flows()
        values |= self.lengths.take(self.until)
        times = self._pool_times.get(self.until, {})
        values |= self._utilisation(times)
        if (priced := self.scenario.costs) is not None:
            months = (self.until - max(self.since, 0)) / MONTH
            values |= costs(priced, values, times, self._completed(priced.activities), months)
        for entry in self.workflow.measures:
            if entry.ratio is not None:
                over, under = (values[name] for name in entry.ratio)
                values[entry.measure] = ratio(over, under)
        units = describe(self.scenario)
        for name, places in values.items():
            yield Table(name, self.grouping.by, self.grouping.labels, day, units[name], places)

    def take_dates(self) -> Iterator[Table]:
        """Take the measures that are points in time, as they stand at the end of the run."""
        self._until(None)
        for entry in self.workflow.measures:
            if entry.emptied is not None:
                found = self._emptied(str(entry.emptied))
                yield Table(entry.measure, None, self.grouping.labels, None, "days", found)

    def _until(self, day: dt.date | None) -> None:
        self.until = self._end_of(day)
        self.n_rows = int(np.searchsorted(self.happened, self.until, side="right"))
        self.n_before = int(np.searchsorted(self.happened, self.since, side="left"))

    def _end_of(self, day: dt.date | None) -> int:
        return self.scenario.horizon if day is None else self.scenario.epoch.end_of(day)

    def _add_up(self, place: Integers, weights: NDArray[Any] | None = None) -> Places:
        """Add up by court and group, and for all courts."""
        return add_up(place, (self.n_courts, self.n_groups), weights).astype(float)

    # counts of cases -----------------------------------------------------------------------------

    def _first(
        self, names: Sequence[str], giving: str | None = None, if_: str | None = None, warm: bool = True
    ) -> Integers:
        """Return the first row of each case, after the warm-up if asked for, that is one of these transitions or events."""
        key = (*names, giving, if_, warm)
        if key not in self._firsts:
            words, columns = self.log.words, self.log.columns
            some = np.zeros(len(self.log), bool)
            for column in ("transition", "cause"):
                if any(word in names for word in words.column(column)):
                    some |= _one_of(names, words.column(column))[columns[column]]
            if giving is not None:
                some &= columns["outcome"] == words.outcome.index(giving)
            some[: self.n_before if warm else 0] = False
            rows = np.flatnonzero(some)
            case = columns["case_id"][rows]
            first = np.empty(len(self.place), np.int64)
            first[case[::-1]] = rows[::-1]  # of several the last one stays
            once = first[case] == rows
            if if_ is not None:
                once &= self._condition(if_)[case]
            self._firsts[key] = rows[once]
        return self._firsts[key]

    def _counted(self, rows: Integers) -> Integers:
        """Return the cases of those of some rows that have happened by now."""
        return self.log.columns["case_id"][rows[: np.searchsorted(rows, self.n_rows)]]

    def _count(self, entry: MeasureEntry) -> Places:
        return self._add_up(self.place[self._counted(self._first(entry.cases or [], entry.giving, entry.if_))])

    def _condition(self, text: str) -> NDArray[np.bool_]:
        """Say for each case whether a measure is of it."""
        cases = self.log.cases
        fields = {n: f for n, f in self.scenario.namespace.fields.items() if f.role == "fact"}
        expression = parse(text, Namespace(fields, self.workflow.definitions))
        return np.broadcast_to(vector(expression, cases.columns.values, cases.columns.missing), len(cases))

    def _split(self, entry: MeasureEntry) -> dict[str, Places]:
        columns, n = self.log.columns, len(self.place)
        case = columns["case_id"]
        counted = np.zeros(n, bool)
        counted[self._counted(self._first(entry.cases or []))] = True
        within = _one_of(entry.within or [], self.states)
        parts = entry.split or {}
        of_case = np.full(n, list(parts.values()).index("rest"), np.int64)
        undecided = counted.copy()
        for k, rule in enumerate(parts.values()):
            if rule == "rest":
                continue
            if "ever" in rule:
                mine = np.zeros(n, bool)
                mine[self._counted(self._first(split_names(rule["ever"]), warm=False))] = True
            elif "now" in rule:
                mine = within[self.state]
            else:
                mine = np.zeros(n, bool)
                left = self._last(within[columns["from_state"]] & ~within[columns["to_state"]])
                named = _one_of(split_names(rule["left_by"]), self.log.words.transition)
                mine[case[left[named[columns["transition"][left]]]]] = True
            of_case[undecided & mine] = k
            undecided &= ~mine
        return {part: self._add_up(self.place[counted & (of_case == k)]) for k, part in enumerate(parts)}

    def _last(self, which: NDArray[np.bool_]) -> Integers:
        """Return for each case the last row up to now of some, if it has any."""
        order = self.log.by_case.order
        rows = order[which[order] & (order < self.n_rows)]
        case = self.log.columns["case_id"][rows]
        found: Integers = rows[np.append(case[1:] != case[:-1], True)[: len(rows)]]
        return found

    def _state(self) -> Integers:
        """Return the state that each case is in now; where it begins, if it has not moved or come yet."""
        by_case, columns = self.log.by_case, self.log.columns
        so_many = np.bincount(columns["case_id"][: self.n_rows], minlength=len(self.place))
        state = self.log.cases.state.copy()
        moved = so_many > 0
        state[moved] = columns["to_state"][by_case.order[(by_case.first[:-1] + so_many - 1)[moved]]]
        return state

    def _emptied(self, state: str) -> Places:
        """When the last case that began in a state had left it for the first time, in days since the start."""
        code, cases, columns = self.states.index(state), self.log.cases, self.log.columns
        began = (cases.state == code) & (cases.arrived <= self.until)
        now = slice(self.n_rows)
        rows = np.flatnonzero((columns["from_state"][now] == code) & (columns["to_state"][now] != code))
        rows = rows[began[columns["case_id"][rows]]]
        left_at = np.full(len(cases), self.until + 1)
        np.minimum.at(left_at, columns["case_id"][rows], self.happened[rows])
        still = self._add_up(self.place[began & (left_at > self.until)])
        in_place = np.full(self.n_courts * self.n_groups, NEVER)
        np.maximum.at(in_place, self.place[began], left_at[began])
        by_court = in_place.reshape(self.n_courts, self.n_groups)
        last = np.vstack([by_court, by_court.max(axis=0)])
        return np.where((still > 0) | (last == NEVER), np.nan, last / MICROSECONDS_PER_DAY)

    @cached_property
    def _working_days(self) -> tuple[dict[int, Integers], Integers]:
        """Return the working days of each court, and how many of them began before each case arrived."""
        days = working_days(self.log.cases)
        return days, days_before(self.log.cases, days)

    def _standing(self) -> dict[str, Places]:
        """How things stood: cases pending, cases not finished, and how old these were."""
        cases, state = self.log.cases, self.state
        here = cases.arrived <= self.until
        pending = self._add_up(self.place[here & ~self.off_docket[state]])
        open_ = np.flatnonzero(here & ~self.final[state])
        unfinished = self._add_up(self.place[open_])
        age = self._add_up(self.place[open_], self.until - cases.arrived[open_])
        found = {
            "pending": pending,
            "unfinished": unfinished,
            "unfinished_age.mean": ratio(age, unfinished * MICROSECONDS_PER_DAY),
        }
        days, before = self._working_days
        if days:
            counted = open_[np.isin(cases.court[open_], list(days))]
            by_now = np.zeros(self.n_courts, np.int64)
            for court, begin in days.items():
                by_now[court] = np.searchsorted(begin, self.until)
            worked = by_now[cases.court[counted]] - before[counted]
            found[WORKING_AGE] = ratio(self._add_up(self.place[counted], worked), self._add_up(self.place[counted]))
        return found

    def _flows(self) -> dict[str, Places]:
        """Count cases that come onto the docket and that leave it: pending at the start, and inflow, are pending and disposals."""
        columns, cases = self.log.columns, self.log.cases
        rows = slice(self.n_before, max(self.n_before, self.n_rows))
        moved = columns["transition"][rows] >= 0
        was_off, is_off = (self.off_docket[columns[name][rows]] for name in ("from_state", "to_state"))
        place = self.place[columns["case_id"][rows]]
        left, back = (self._add_up(place[moved & here]) for here in (~was_off & is_off, was_off & ~is_off))
        new = (cases.origin != ORIGINS.index("backlog")) & ~self.off_docket[cases.state]
        new &= (cases.arrived >= self.since) & (cases.arrived <= self.until)
        inflow = self._add_up(self.place[new]) + back
        return {"inflow": inflow, "disposals": left, "clearance_rate": ratio(left, inflow)}

    def _completed(self, activities: Iterable[str]) -> dict[str, Places]:
        """Count how often some activities were completed."""
        columns = self.log.columns
        completed = columns["completed_at"]
        ended = (completed >= max(self.since, 0)) & (completed <= self.until)
        found = {}
        for name in activities:
            mine = ended & (columns["activity"] == self.log.words.activity.index(name))
            found[name] = self._add_up(self.place[columns["case_id"][mine]])
        return found

    # pools ---------------------------------------------------------------------------------------

    @cached_property
    def _pool_times(self) -> dict[int, dict[str, list[PoolTime]]]:
        """Return the times of each pool's servers by court, those of all last, until the end of each day; none for groups of cases."""
        untils = [self._end_of(day) for day in self.days if self.grouping.by is None]
        found: dict[int, dict[str, list[PoolTime]]] = {until: {} for until in untils}
        for name, pool in self.scenario.pools.items():
            for until, times in pool_times(self.log, name, max(self.since, 0), untils).items():
                whole = sum(times, start=PoolTime(0, 0, 0))
                found[until][name] = [*times, whole] if pool.at_court else [whole]
        return found

    @staticmethod
    def _utilisation(times: Mapping[str, Sequence[PoolTime]]) -> dict[str, Places]:
        found: dict[str, Places] = {}
        for pool, here in times.items():
            shift, busy, overtime = (np.array([[float(getattr(t, part))] for t in here]) for part in ("shift", "busy", "overtime"))  # fmt: skip
            found[f"utilisation.{pool}"] = ratio(busy, shift)
            found[f"overtime.{pool}"] = overtime / MICROSECONDS_PER_HOUR
        return found

    # series --------------------------------------------------------------------------------------

    def daily(self, exclude: set[dt.date]) -> Daily:
        """Return `pending` at the end of every day but some."""
        scenario, cases, columns = self.scenario, self.log.cases, self.log.columns
        n_days = (scenario.ends - scenario.starts).days + 1

        def counted(at: Integers, court: Integers) -> Integers:
            day = np.maximum(0, (at + MICROSECONDS_PER_DAY - 1) // MICROSECONDS_PER_DAY - 1)
            inside = day < n_days
            found = np.bincount(day[inside] * self.n_courts + court[inside], minlength=n_days * self.n_courts)
            return np.asarray(found, np.int64)

        come = np.flatnonzero(~self.off_docket[cases.state])
        change = counted(np.maximum(cases.arrived[come], 0), cases.court[come])
        for start in range(0, len(self.log), _ROWS_AT_ONCE):
            some = slice(start, start + _ROWS_AT_ONCE)
            was_off, is_off = (self.off_docket[columns[name][some]] for name in ("from_state", "to_state"))
            moved = columns["transition"][some] >= 0
            for which, sign in ((was_off & ~is_off, 1), (~was_off & is_off, -1)):
                rows = start + np.flatnonzero(which & moved)
                change += sign * counted(self.happened[rows], cases.court[columns["case_id"][rows]])
        pending = change.reshape(n_days, self.n_courts).cumsum(axis=0)
        days = np.datetime64(scenario.starts, "D") + np.arange(n_days)
        kept = ~np.isin(days, np.array(sorted(exclude), "datetime64[D]"))
        return Daily(days[kept], np.column_stack([pending, pending.sum(axis=1)])[kept])


def _one_of(names: Sequence[str], words: Sequence[str]) -> NDArray[np.bool_]:
    """Say for each code, and at the end for -1, whether it stands for one of some names."""
    return np.array([*(word in names for word in words), False])
