"""What a log says: counts of cases, waiting, use of pools and dates, all computed from the event log alone.

A measure is taken as things stood at the end of a day (or of the run), for each court and for all courts
together, and for the groups of any fact, definition, court or origin. Counts are of cases, each once;
cases that are not finished are counted with their age, never dropped.

Most of it is SQL over the log and the case table; working time needs the calendars and is done in numpy.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.clock import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR
from simulations.costs import MONTH, Places, cost_units, costs
from simulations.eventlog import HORIZON, NEVER, EventLog, Words
from simulations.population import ORIGINS, Cases
from simulations.scenario import Scenario
from simulations.utilisation import PoolTime, pool_times
from simulations.waiting import CAUSES, waits_by_cause
from workflow.definition import Kind, Workflow, as_written
from workflow.errors import InputError, nearest
from workflow.format import MeasureEntry
from workflow.predicates import Namespace, PredicateError, parse, vector
from workflow.validation import listed, split_names

__all__ = [
    "Grouping",
    "Value",
    "describe",
    "group_cases",
    "is_time_or_use",
    "measure",
    "measure_dates_and_pending",
    "measure_names",
]

WAITING, PROCESSING = "waiting_time", "processing_time"
WORKING_AGE = "unfinished_working_age.mean"
_SHAPES = ("mean", "median", "p95")


@dataclass(frozen=True, slots=True)
class Value:
    """One measure of one replication.

    Attributes
    ----------
    at : date or None
        The day at whose end it is taken; ``None`` for the end of the run.
    value : float or None
        ``None`` where there is nothing to measure.
    """

    measure: str
    court: str
    by: str | None
    group: str | None
    at: dt.date | None
    unit: str
    value: float | None


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
            found |= {f"{WAITING}.{name}.{shape}": "days" for shape in (*_SHAPES, *CAUSES)}
            found[f"still_waiting.{name}"] = "cases"
        found |= {f"{PROCESSING}.{name}.{shape}": "days" for shape in _SHAPES}
    for pool in scenario.pools:
        found |= {f"utilisation.{pool}": "share", f"overtime.{pool}": "hours"}
    found |= cost_units(scenario)
    return found


def is_time_or_use(name: str) -> bool:
    """Say whether a measure is of times and of the use of pools, rather than of cases."""
    return name.startswith((WAITING, PROCESSING, "utilisation.", "overtime.", "still_waiting."))


def group_cases(cases: Cases, by: str | None) -> Grouping:
    """Group cases by a fact, a definition over facts, ``court`` or ``origin``.

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
    try:
        expression = parse(by, Namespace(fields, definitions), "any")
    except PredicateError as error:
        allowed = [*fields, *definitions, "origin"]
        message = f"--by {by}: {error.mistakes[0].message}"
        hint = "" if "Did you mean" in message else nearest(by, allowed) or f" Known: {listed(allowed, 40)}."
        raise InputError([message + hint]) from None
    values = np.broadcast_to(vector(expression, cases.columns.values, cases.columns.missing), n)
    if expression.kind == "enum":
        return Grouping(by, tuple(expression.values), values.astype(np.int64))
    distinct, places = np.unique(values, return_inverse=True)
    labels = [as_written(v) for v in distinct.tolist()]
    return Grouping(by, tuple(labels), places.astype(np.int64).ravel())


def measure(log: EventLog, days: Sequence[dt.date | None] = (None,), groupings: Sequence[Grouping] = ()) -> list[Value]:
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
    list of Value
        The daily series of `pending` included, one value a day and court.
    """
    import duckdb

    everyone = group_cases(log.cases, None)
    found: list[Value] = []
    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        taker = _Taker(connection, log)
        for grouping in (everyone, *groupings):
            taker.use(grouping)
            for day in days:
                found += taker.take(day)
        taker.use(everyone)
        found += taker.daily_pending(exclude={d for d in days if d is not None})
    return found


def measure_dates_and_pending(log: EventLog) -> list[Value]:
    """Measure what a log says of dates, as at the end of the run, and the daily series of `pending`, and nothing else.

    A study that asks for a date alone has it in about a quarter of the time of `measure`.
    """
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("set threads = 1")
        taker = _Taker(connection, log, times=False)
        taker.use(group_cases(log.cases, None))
        return [*taker.take_dates(), *taker.daily_pending(exclude=set())]


class _Taker:
    """Takes the measures of one log with the queries of one connection."""

    def __init__(self, connection: Any, log: EventLog, times: bool = True) -> None:
        self.sql = connection
        self.log = log
        self.scenario = log.cases.scenario
        self.workflow: Workflow = self.scenario.workflow
        self.words = Words.of(self.scenario)
        self.states = list(self.workflow.states)
        self.off_docket = [
            i for i, s in enumerate(self.workflow.states.values()) if s.kind in (Kind.FINAL, Kind.RESTING)
        ]
        self.final = [i for i, s in enumerate(self.workflow.states.values()) if s.kind is Kind.FINAL]
        self.since = NEVER if self.scenario.warm_up is None else self.scenario.epoch.microseconds(self.scenario.warm_up)
        rows = dict(log.columns)
        rows["sequence"] = np.arange(len(log), dtype=np.int64)
        rows |= waits_by_cause(log) if times else {}
        self.working_days = [
            _working_days(log.cases, court) if times else None for court in range(len(self.scenario.courts))
        ]
        self.sql.register("e", rows)

    def use(self, grouping: Grouping) -> None:
        """Register the cases with their groups."""
        self.grouping = grouping
        cases = self.log.cases
        conditions = {
            f"if_{i}": self._condition(entry) for i, entry in enumerate(self.workflow.measures) if entry.if_ is not None
        }
        table = {
            "case_id": np.arange(len(cases), dtype=np.int64),
            "court": cases.court,
            "grp": grouping.of_case,
            "begun": cases.state,
            "arrived": cases.arrived,
            "was_pending": cases.origin == ORIGINS.index("backlog"),
            "working_days_before": self._working_days_before(cases),
            **conditions,
        }
        self.sql.execute("drop table if exists work")
        self.sql.execute("drop table if exists c")
        self.sql.register("given_cases", table)
        self.sql.execute("create temp table c as select * from given_cases")
        self.sql.unregister("given_cases")
        self.sql.execute("create temp table work as select e.*, c.court, c.grp from e join c using (case_id)")

    def _working_days_before(self, cases: Cases) -> NDArray[np.int64]:
        """Return how many working days of its court began before each case arrived."""
        found = np.zeros(len(cases), np.int64)
        for court, days in enumerate(self.working_days):
            if days is not None:
                here = cases.court == court
                found[here] = np.searchsorted(days, cases.arrived[here])
        return found

    def _condition(self, entry: MeasureEntry) -> NDArray[np.bool_]:
        cases = self.log.cases
        fields = {n: f for n, f in self.scenario.namespace.fields.items() if f.role == "fact"}
        held = vector(
            parse(str(entry.if_), Namespace(fields, self.workflow.definitions)),
            cases.columns.values,
            cases.columns.missing,
        )
        return np.array(np.broadcast_to(held, len(cases)))

    def take(self, day: dt.date | None) -> Iterator[Value]:
        """Take every measure as it stood at the end of a day."""
        epoch = self.scenario.epoch
        self.until = self.scenario.horizon if day is None else epoch.end_of(day)
        self.day = day
        values: dict[str, Places] = {}
        values |= self._counts()
        for entry in self.workflow.measures:
            if entry.split is not None:
                values |= self._split(entry)
            if entry.emptied is not None:
                values[entry.measure] = self._emptied(str(entry.emptied))
        values |= self._standing()
        values |= self._flows(values["pending"])
        values |= self._times()
        times = self._pool_times() if self.grouping.by is None else {}
        values |= self._utilisation(times)
        if (priced := self.scenario.costs) is not None:
            months = (self.until - max(self.since, 0)) / MONTH
            values |= costs(priced, values, times, self._completed(priced.activities), months)
        for entry in self.workflow.measures:
            if entry.ratio is not None:
                over, under = (values[name] for name in entry.ratio)
                values[entry.measure] = {k: _ratio(over.get(k), under.get(k)) for k in over}
        units = describe(self.scenario)
        for name, by_place in values.items():
            for (court, group), value in sorted(by_place.items(), key=lambda item: (item[0][0] < 0, item[0])):
                yield Value(
                    name, self._court(court), self.grouping.by, self.grouping.labels[group], day, units[name], value
                )

    def _court(self, court: int) -> str:
        return "all" if court < 0 else self.scenario.courts[court]

    def _places(self, fill: float | None = 0.0) -> Places:
        return {
            (court, group): fill
            for group in range(len(self.grouping.labels))
            for court in (*range(len(self.scenario.courts)), -1)
        }

    def _grouped(self, columns: str, source: str, where: str = "true", fill: float | None = 0.0) -> list[Places]:
        """Run an aggregate for each group, each court and all courts; one result a column."""
        query = (
            f"select coalesce(court, -1), grp, {columns} from {source} where {where}"
            " group by grouping sets ((court, grp), (grp))"
        )
        rows = self.sql.execute(query).fetchall()
        found = [self._places(fill) for _ in range(len(self.sql.description) - 2)]
        for court, group, *values in rows:
            for k, value in enumerate(values):
                found[k][(court, group)] = None if value is None else float(value)
        return found

    def take_dates(self) -> Iterator[Value]:
        """Take the measures that are points in time, as they stand at the end of the run."""
        self.until, self.day = self.scenario.horizon, None
        for entry in self.workflow.measures:
            if entry.emptied is not None:
                for (court, _), value in self._emptied(str(entry.emptied)).items():
                    yield Value(entry.measure, self._court(court), None, None, None, "days", value)

    # counts of cases -----------------------------------------------------------------------------

    def _letters(self, names: Sequence[str], giving: str | None = None) -> str:
        """Return the condition under which a row is one of these transitions or events."""
        transitions = [i for i, t in enumerate(self.words.transition) if t in names]
        causes = [i for i, c in enumerate(self.words.cause) if c in names]
        some = f"(transition in {_in(transitions)} or cause in {_in(causes)})"
        return some if giving is None else f"({some} and outcome = {self.words.outcome.index(giving)})"

    def _counts(self) -> dict[str, Places]:
        counted = [(i, m) for i, m in enumerate(self.workflow.measures) if m.cases is not None]
        if not counted:
            return {}
        flags = ", ".join(f"bool_or({self._letters(entry.cases or [], entry.giving)}) as f_{i}" for i, entry in counted)
        per_case = f"(select case_id, {flags} from e where happened_at <= {self.until} and happened_at >= {self.since} group by case_id)"
        columns = ", ".join(
            f"count(*) filter (f_{i}{f' and if_{i}' if entry.if_ is not None else ''})" for i, entry in counted
        )
        found = self._grouped(columns, f"{per_case} join c using (case_id)")
        return {entry.measure: values for (_, entry), values in zip(counted, found, strict=True)}

    def _split(self, entry: MeasureEntry) -> dict[str, Places]:
        within = _in([self.states.index(s) for s in entry.within or []])
        cases, flags = [], []
        for k, (part, rule) in enumerate((entry.split or {}).items()):
            if rule == "rest":
                continue
            if "ever" in rule:
                flags.append(f"bool_or({self._letters(split_names(rule['ever']))}) as part_{k}")
                cases.append(f"when part_{k} then '{part}'")
            elif "now" in rule:
                cases.append(f"when state in {within} then '{part}'")
            else:
                codes = [i for i, t in enumerate(self.words.transition) if t in split_names(rule["left_by"])]
                cases.append(f"when left_by in {_in(codes)} then '{part}'")
        rest = next(p for p, rule in (entry.split or {}).items() if rule == "rest")
        per_case = f"""(
            select case_id, court, grp, {"".join(f + ", " for f in flags)}
                arg_max(to_state, sequence) as state,
                arg_max(transition, sequence) filter (from_state in {within} and to_state not in {within}) as left_by
            from work where happened_at <= {self.until} group by all
            having bool_or({self._letters(entry.cases or [])} and happened_at >= {self.since}))"""
        parts = f"(select court, grp, case {' '.join(cases)} else '{rest}' end as part from {per_case})"
        columns = ", ".join(f"count(*) filter (part = '{p}')" for p in entry.split or {})
        return dict(zip(entry.split or {}, self._grouped(columns, parts), strict=True))

    def _emptied(self, state: str) -> Places:
        """When the last case that began in a state had left it for the first time, in days since the start."""
        code = self.states.index(state)
        left = (
            f"(select c.court, c.grp, min(happened_at) as left_at from c left join work w on w.case_id = c.case_id"
            f" and w.from_state = {code} and w.to_state <> {code} and happened_at <= {self.until} and c.begun = {code}"
            f" where c.begun = {code} and c.arrived <= {self.until} group by c.case_id, c.court, c.grp)"
        )
        last, still = self._grouped("max(left_at), count(*) - count(left_at)", left, fill=None)
        return {k: None if still[k] or t is None else t / MICROSECONDS_PER_DAY for k, t in last.items()}

    def _standing(self) -> dict[str, Places]:
        """How things stood: cases pending, cases not finished, and how old these were."""
        standing = f"""(
            select court, grp, arrived, working_days_before, coalesce(state, begun) as state from c left join
                (select case_id, arg_max(to_state, sequence) as state from e where happened_at <= {self.until} group by case_id)
                using (case_id)
            where arrived <= {self.until})"""
        open_ = f"state not in {_in(self.final)}"
        counted = {k: days for k, days in enumerate(self.working_days) if days is not None}
        by_now = {k: int(np.searchsorted(days, self.until)) for k, days in counted.items()}
        worked = f"case court {' '.join(f'when {k} then {n}' for k, n in by_now.items())} end"
        worked = f"{worked if counted else 0} - working_days_before"
        here = f"{open_} and court in {_in(list(counted))}"
        pending, unfinished, age, working_age, n_counted = self._grouped(
            f"count(*) filter (state not in {_in(self.off_docket)}), count(*) filter ({open_}),"
            f" sum({self.until} - arrived) filter ({open_}), sum({worked}) filter ({here}), count(*) filter ({here})",
            standing,
        )
        mean_age = {k: _ratio(age[k], None if not n else n * MICROSECONDS_PER_DAY) for k, n in unfinished.items()}
        found = {"pending": pending, "unfinished": unfinished, "unfinished_age.mean": mean_age}
        if counted:
            found[WORKING_AGE] = {k: _ratio(total, n_counted[k]) for k, total in working_age.items()}
        return found

    def _flows(self, pending: Places) -> dict[str, Places]:
        """Count cases that come onto the docket and that leave it: pending at the start, and inflow, are pending and disposals."""
        off = _in(self.off_docket)
        moved = f"transition >= 0 and happened_at >= {self.since} and happened_at <= {self.until}"
        left, back = self._grouped(
            f"count(*) filter (from_state not in {off} and to_state in {off}),"
            f" count(*) filter (from_state in {off} and to_state not in {off})",
            "work",
            moved,
        )
        (new,) = self._grouped(
            "count(*)",
            "c",
            f"not was_pending and begun not in {off} and arrived >= {self.since} and arrived <= {self.until}",
        )
        inflow: Places = {k: (new[k] or 0) + (back[k] or 0) for k in new}
        return {
            "inflow": inflow,
            "disposals": left,
            "clearance_rate": {k: _ratio(left[k], inflow[k]) for k in inflow},
        }

    def _completed(self, activities: Iterable[str]) -> dict[str, Places]:
        """Count how often some activities were completed."""
        found = {}
        for name in activities:
            mine = f"activity = {self.words.activity.index(name)} and completed_at >= {max(self.since, 0)}"
            (found[name],) = self._grouped("count(*)", "work", f"{mine} and completed_at <= {self.until}")
        return found

    # times ---------------------------------------------------------------------------------------

    def _times(self) -> dict[str, Places]:
        found: dict[str, Places] = {}
        day = float(MICROSECONDS_PER_DAY)
        for name, work in self.scenario.work.items():
            activity = self.words.activity.index(name)
            mine = f"activity = {activity} and happened_at >= {self.since}"
            if work.pool is not None:
                length = "started_at - enabled_at"
                begun = f"{mine} and started_at > {NEVER} and started_at <= {self.until}"
                found |= self._shapes(WAITING, name, length, begun, day)
                found |= self._by_cause(name, begun, day)
                waits = f"activity = {activity} and enabled_at <= {self.until} and enabled_at > {NEVER}"
                # a row ends the wait when work starts, or when the case leaves the queue
                still = f"{waits} and greatest(started_at, {NEVER}) not between {NEVER + 1} and {self.until}"
                still += f" and (happened_at > {self.until} or cause = {self.words.cause.index(HORIZON)})"
                (found[f"still_waiting.{name}"],) = self._grouped("count(*)", "work", still)
            found |= self._shapes(
                PROCESSING,
                name,
                "completed_at - started_at",
                f"{mine} and completed_at > {NEVER} and completed_at <= {self.until}",
                day,
            )
        return found

    def _shapes(self, kind: str, name: str, length: str, where: str, day: float) -> dict[str, Places]:
        total, n, median, p95 = self._grouped(
            f"sum({length}), count(*), quantile_cont({length}, 0.5), quantile_cont({length}, 0.95)",
            "work",
            where,
            fill=None,
        )
        return {
            f"{kind}.{name}.mean": {
                k: _ratio(t, None if not n[k] else float(n[k] or 0) * day) for k, t in total.items()
            },
            f"{kind}.{name}.median": {k: _ratio(t, day) for k, t in median.items()},
            f"{kind}.{name}.p95": {k: _ratio(t, day) for k, t in p95.items()},
        }

    def _by_cause(self, name: str, where: str, day: float) -> dict[str, Places]:
        """Split the mean waiting time: the parts add up to it."""
        n, *totals = self._grouped(f"count(*), {', '.join(f'sum({c})' for c in CAUSES)}", "work", where, fill=None)
        return {
            f"{WAITING}.{name}.{cause}": {
                k: _ratio(t, None if not n[k] else (n[k] or 0) * day) for k, t in total.items()
            }
            for cause, total in zip(CAUSES, totals, strict=True)
        }

    def _pool_times(self) -> dict[str, dict[int, PoolTime]]:
        """Return the times of each pool's servers by court; those of all under -1."""
        found = {}
        for pool in self.scenario.pools:
            times = pool_times(self.log, pool, max(self.since, 0), self.until)
            here = dict(enumerate(times)) if self.scenario.pools[pool].at_court else {}
            here[-1] = PoolTime(*(sum(getattr(t, part) for t in times) for part in ("shift", "busy", "overtime")))
            found[pool] = here
        return found

    @staticmethod
    def _utilisation(times: Mapping[str, Mapping[int, PoolTime]]) -> dict[str, Places]:
        found: dict[str, Places] = {}
        for pool, here in times.items():
            found[f"utilisation.{pool}"] = {(k, 0): _ratio(float(t.busy), float(t.shift)) for k, t in here.items()}
            found[f"overtime.{pool}"] = {(k, 0): t.overtime / MICROSECONDS_PER_HOUR for k, t in here.items()}
        return found

    # series --------------------------------------------------------------------------------------

    def daily_pending(self, exclude: set[dt.date]) -> Iterator[Value]:
        """Yield `pending` at the end of every day."""
        epoch = self.scenario.epoch
        n_days = (self.scenario.ends - self.scenario.starts).days + 1
        off = _in(self.off_docket)
        changes = self.sql.execute(
            f"""select court, greatest(0, (happened_at + {MICROSECONDS_PER_DAY - 1}) // {MICROSECONDS_PER_DAY} - 1) as day,
                    sum((to_state not in {off})::int - (from_state not in {off})::int) from work
                where transition >= 0 group by all
                union all
                select court, greatest(0, (greatest(arrived, 0) + {MICROSECONDS_PER_DAY - 1}) // {MICROSECONDS_PER_DAY} - 1),
                    count(*) from c where begun not in {off} group by all"""
        ).fetchall()
        series = np.zeros((len(self.scenario.courts), n_days), np.int64)
        for court, day, change in changes:
            if day < n_days:
                series[court, int(day)] += int(change)
        series = series.cumsum(axis=1)
        for day in range(n_days):
            date = epoch.start + dt.timedelta(days=day)
            if date in exclude:
                continue
            for court in range(len(self.scenario.courts)):
                yield Value(
                    "pending", self.scenario.courts[court], None, None, date, "cases", float(series[court, day])
                )
            yield Value("pending", "all", None, None, date, "cases", float(series[:, day].sum()))


def _working_days(cases: Cases, court: int) -> NDArray[np.int64] | None:
    """Return when each working day of a court begins, from the arrival of its oldest case on, in microseconds since the start."""
    scenario = cases.scenario
    spec = scenario.court_days[court]
    if spec is None:
        return None
    oldest = int(cases.arrived[cases.court == court].min(initial=0))
    first = scenario.epoch.instant(oldest).date()
    return np.array([scenario.epoch.microseconds(day) for day in spec.working_dates(first, scenario.ends)], np.int64)


def _in(codes: Sequence[int]) -> str:
    return f"({', '.join(str(c) for c in codes)})" if codes else "(-99)"


def _ratio(over: float | None, under: float | None) -> float | None:
    return None if over is None or not under else over / under
