"""What a run's log says, worked out in plain Python from the Parquet files, for tests of the sentences about it."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate, combinations, pairwise
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import duckdb
import numpy as np
from scipy import stats

from simulations import Scenario
from simulations.running.intervals import interval as bounded_interval
from workflow.model.definition import StateKind

DAY = dt.timedelta(days=1)
OFF = (StateKind.FINAL, StateKind.RESTING)


def interval(values: list[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the t interval of a mean; `None` for one value."""
    if len(values) < 2:
        return None
    half = stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return mean(values) - half, mean(values) + half


@dataclass(frozen=True)
class Case:
    """A case with its moves in order; the row at the horizon is not a move."""

    court: str
    first: str
    arrived: dt.datetime
    moves: list[dict[str, Any]]
    facts: dict[str, Any]

    def state_at(self, at: dt.datetime) -> str | None:
        """Return the state after all moves up to an instant, or `None` before the arrival."""
        states = [self.first, *(m["to_state"] for m in self.moves if m["happened_at"] <= at)]
        return None if self.arrived > at else states[-1]


class LogFacts:
    """Everything that sentences say, counted again."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.starts = dt.datetime.combine(scenario.starts, dt.time())
        self.ends = dt.datetime.combine(scenario.ends, dt.time()) + DAY
        kinds = {s.name: s.kind for workflow in scenario.workflows for s in workflow.states.values()}
        self.off = {state for state, kind in kinds.items() if kind in OFF}
        with duckdb.connect() as connection:
            self.events = self._read(connection, folder, "events", "replication, sequence")
            cases = self._read(connection, folder, "cases", "replication, case_id")
            teams = (folder / "holds").exists()
            held = self._read(connection, folder, "holds", "replication, sequence") if teams else []
        self.replications = sorted({int(path.stem.partition("=")[2]) for path in (folder / "cases").glob("*.parquet")})
        moves = defaultdict(list)
        for row in self.events:
            if row["cause"] != "horizon":
                moves[row["replication"], row["case_id"]].append(row)
        self.cases: dict[int, list[Case]] = {k: [] for k in self.replications}
        self.facts = {(row["replication"], row["case_id"]): row for row in cases}
        self.others = Counter((row["replication"], row["sequence"], row["pool"]) for row in held)
        for row in cases:
            k = row["replication"]
            self.cases[k].append(Case(row["court"], row["initial_state"], row["arrived_at"], moves[k, row["case_id"]], row))

    def _read(self, connection: Any, folder: Path, kind: str, order: str) -> list[dict[str, Any]]:
        answer = connection.execute(f"select * from '{folder}/{kind}/*.parquet' order by {order}")
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def end_of(self, day: dt.date) -> dt.datetime:
        """Return 24:00 of a day."""
        return dt.datetime.combine(day, dt.time()) + DAY

    def each(self, count: Callable[[int], float]) -> list[float]:
        """Return a value for each replication."""
        return [count(k) for k in self.replications]

    def pending(self, k: int, day: dt.date, court: str = "all", group: tuple[str, Any] | None = None) -> int:
        """Count the cases of a court, or of a group by a fact, on the docket at the end of a day."""
        at = self.end_of(day)
        return sum(
            (state := case.state_at(at)) is not None and state not in self.off
            for case in self.cases[k]
            if court in ("all", case.court) and (group is None or str(case.facts[group[0]]) == group[1])
        )

    def peak(self, court: str) -> float:
        """Return the largest mean number of pending cases of a day."""
        days = (self.scenario.ends - self.scenario.starts).days + 1
        return max(mean(self.each(lambda k, d=d: self.pending(k, d, court))) for d in self._days(days))

    def _days(self, n: int) -> Iterator[dt.date]:
        return (self.scenario.starts + k * DAY for k in range(n))

    @cached_property
    def states(self) -> dict[str, float]:
        """Return the mean number of cases in each state at the end."""
        counts = Counter(case.state_at(self.ends) for k in self.replications for case in self.cases[k])
        return {state: n / len(self.replications) for state, n in counts.items() if state is not None}

    @cached_property
    def transitions(self) -> dict[str, float]:
        """Return the mean number of times that each transition was taken."""
        counts = Counter(m["transition"] for row in self.cases.values() for case in row for m in case.moves)
        return {name: n / len(self.replications) for name, n in counts.items() if name is not None}

    def next_free(self, k: int, pool: str, court: str, day: dt.date) -> float:
        """Return the days from the end of a day to the next date of a pool with a free slot; NaN without one, or without one at a court."""
        stations = [*self.scenario.courts] if self.scenario.pools[pool].at_court else ["all"]
        if court == "all" and stations != ["all"]:
            return mean([self.next_free(k, pool, one, day) for one in stations])
        dates, until = self.scenario.hearing_dates[pool][stations.index(court)], self.end_of(day)
        used = Counter[dt.date]()
        for case in self.cases[k]:
            booking = None
            for row in case.moves:
                if row["happened_at"] > until:
                    break
                if row["cause"] in ("booked", "not_called", "date_closed"):
                    work = self.scenario.work[self.scenario.workflow.states[row["from_state"]].activity]
                    here = work.pool == pool and court in ("all", row.get("current_court", case.court))
                    booking = (row["booked_for"], work.appointment.uses) if here else None
                elif row["enabled_at"] is not None:  # served, on a date that is over, or gone: its slot is free again
                    booking = None
            if booking and booking[0] is not None:
                used[booking[0]] += booking[1]
        for n, slots, known in zip(dates.days, dates.slots, np.minimum(dates.closed_from, dates.suspended_from), strict=True):
            date = self.scenario.starts + int(n) * DAY
            if date > day and slots > used[date] and known > self.scenario.epoch.end_of(day):
                return float((date - day).days)
        return math.nan

    # waiting -------------------------------------------------------------------------------------------------

    def wait(self, activity: str, court: str = "all") -> float | None:
        """Return the mean wait in days over the replications that have one."""
        means = [m for k in self.replications if (m := self.wait_in(k, activity, court)) is not None]
        return mean(means) if means else None

    def wait_in(self, k: int, activity: str, court: str = "all", group: tuple[str, Any] | None = None) -> float | None:
        """Return the mean wait of a replication in days, of a court or of a group by a fact."""
        since = self.starts
        if self.scenario.warm_up is not None:
            since = dt.datetime.combine(self.scenario.warm_up, dt.time())
        waits, interrupted = [], defaultdict(dt.timedelta)
        for row in self.events:
            if row["replication"] != k or row["activity"] != activity or row["enabled_at"] is None:
                continue
            if group is not None and str(self.facts[k, row["case_id"]][group[0]]) != group[1]:
                continue
            before = interrupted.pop(row["case_id"], dt.timedelta())
            if row["started_at"] is None or row["happened_at"] < since or court not in ("all", row["court"]):
                continue
            wait = before + row["started_at"] - row["enabled_at"]
            if row["cause"] == "interrupted":
                interrupted[row["case_id"]] = wait
            else:
                waits.append(wait / DAY)
        return mean(waits) if waits else None

    # queues and use --------------------------------------------------------------------------------------------

    def queue(self, k: int, pool: str, court: str, at: dt.datetime) -> int:
        """Count the cases of a court that wait in the queue of a pool, also if servers of another pool take them."""
        activities = {name for name, work in self.scenario.work.items() if work.pool == pool}
        return sum(
            row["enabled_at"] is not None
            and row["enabled_at"] <= at
            and (row["started_at"] > at if row["started_at"] is not None else row["happened_at"] >= at)
            for row in self.events
            if row["replication"] == k
            and row["pool"] is not None
            and row["activity"] in activities
            and court in ("all", row["court"])
        )

    def queue_grows(self, pool: str, court: str, confidence: float) -> bool:
        """Return whether a queue grows, as docs/explanation/statistics.md defines it."""
        first = self.starts + (self.scenario.ends - self.scenario.starts + DAY) // 2
        first = dt.datetime.combine(first.date(), dt.time())
        if self.scenario.warm_up is not None:
            first = max(first, dt.datetime.combine(self.scenario.warm_up, dt.time()))
        days = (self.ends - first) // DAY
        cycle = max(1, days // 7 // 60) * 7 if days >= 28 else 1
        n, per_cycle = (days // cycle, math.ceil(60 / (days // cycle))) if days >= 4 else (60, 1)
        first = self.ends - (n * cycle if days >= 4 else days) * DAY
        micro, n_steps = dt.timedelta(microseconds=1), n * per_cycle
        instants = [first + (self.ends - first) // micro * i // n_steps * micro for i in range(n_steps + 1)]
        lengths = [[self.queue(k, pool, court, at) for at in instants] for k in self.replications]
        if min(each[-1] for each in lengths) <= 10 or mean(e[-1] for e in lengths) <= mean(e[0] for e in lengths):
            return False
        pairs = [(i, j) for i, j in combinations(range(n_steps + 1), 2) if (j - i) % per_cycle == 0]
        taus = [mean((each[j] > each[i]) - (each[j] < each[i]) for i, j in pairs) for each in lengths]
        sizes = [(n_steps + 1) // 5 + (i < (n_steps + 1) % 5) for i in range(5)]
        bounds = list(pairwise([0, *accumulate(sizes)]))
        fifths = [[mean(each[i:j]) for i, j in bounds] for each in lengths]
        rising = all(a < b for each in fifths for a, b in pairwise(each))
        ends = bounded_interval(taus, confidence, -1.0, 1.0)
        return rising or (ends is not None and ends[0] > 0)

    def busiest_week(self, pool: str, court: str = "all") -> float:
        """Return the largest mean share of time on shift that the servers of a pool worked in a week from Monday."""
        weeks = [self.starts]
        while weeks[-1] < self.ends:
            monday = weeks[-1] + (7 - weeks[-1].weekday()) * DAY
            weeks.append(min(monday, self.ends))
        shares = []
        for begin, end in pairwise(weeks):
            times = [self._time(k, pool, begin, end, court) for k in self.replications]
            if all(shift for _, shift in times):
                shares.append(mean(busy / shift for busy, shift in times))
        return max(shares, default=0.0)

    @cached_property
    def new_work(self) -> list[dict[str, Any]]:
        """Return the rows of work that started, without the parts of work after an interruption."""
        rows, last = [], dict[tuple[int, int], str]()
        for row in self.events:
            case = row["replication"], row["case_id"]
            if row["started_at"] is not None and last.get(case) != "interrupted":
                rows.append(row)
            last[case] = row["cause"]
        return rows

    def servers(self, row: dict[str, Any], pool: str) -> int:
        """Return how many servers of a pool worked in a row."""
        if row["started_at"] is None or not self.others:
            return int(row["started_at"] is not None and row["pool"] == pool)
        return self.others[row["replication"], row["sequence"], pool]

    def fullest_week(self, pool: str, of: str = "all") -> float:
        """Return the largest mean share of the slots of the shifts of a week from Monday that cases of a court used.

        A shift has the slots of the largest size in it; with hearing dates, a date has as many for all its shifts together. A week
        without slots counts for nothing.
        """
        spec, shares = self.scenario.pools[pool], defaultdict(list)
        for k in self.replications:
            used, slots = Counter[dt.date](), Counter[dt.date]()
            for station, calendar in enumerate(spec.calendars):
                court = self.scenario.courts[station] if spec.at_court else "all"
                if of not in ("all", court):
                    continue
                started = [
                    self._us(row["started_at"])
                    for row in self.new_work
                    if row["replication"] == k and court in ("all", row["court"])
                    for _ in range(self.servers(row, pool))
                ]
                steps = spec.sizes[station]
                servers = Counter[int]()
                for shift, (opening, close, date) in enumerate(zip(calendar.opens, calendar.closes, calendar.days, strict=True)):
                    day = (self.starts + opening * dt.timedelta(microseconds=1)).date()
                    week = day - day.weekday() * DAY
                    used[week] += sum(opening <= at < close for at in started)
                    at_opening = [size for t, size in steps if t <= opening][-1]
                    largest = max([at_opening, *(size for t, size in steps if opening < t < close)])
                    together = date if spec.dates else shift
                    more = max(0, largest - servers[together])
                    servers[together] += more
                    slots[week] += spec.slots[date % 7] * more  # type: ignore[index]
            for week, n in slots.items():
                if n:
                    shares[week].append(used[week] / n)
        return max((mean(each) for each in shares.values()), default=0.0)

    def _time(self, k: int, pool: str, begin: dt.datetime, end: dt.datetime, of: str = "all") -> tuple[float, float]:
        """Return the time that servers worked on shift and the time that they were on shift, in microseconds."""
        spec, busy, shift = self.scenario.pools[pool], 0, 0
        for station, calendar in enumerate(spec.calendars):
            court = self.scenario.courts[station] if spec.at_court else "all"
            if of not in ("all", court):
                continue
            work = [
                (self._us(row["started_at"]), self._us(row["happened_at"]))
                for row in self.events
                if row["replication"] == k and court in ("all", row["court"])
                for _ in range(self.servers(row, pool))
            ]
            low, high = self._us(begin), self._us(end)
            steps = spec.sizes[station]
            marks = {low, high, *calendar.opens, *calendar.closes, *(t for t, _ in steps), *(t for pair in work for t in pair)}
            times = sorted(t for t in marks if low <= t <= high)
            for a, b in pairwise(times):
                on = any(o <= a and b <= c for o, c in zip(calendar.opens, calendar.closes, strict=True))
                size = next(n for t, n in reversed(steps) if t <= a)
                working = sum(s <= a and b <= e for s, e in work)
                shift += on * size * (b - a)
                busy += on * min(working, size) * (b - a)
        return busy, shift

    def _us(self, at: dt.datetime) -> int:
        return (at - self.starts) // dt.timedelta(microseconds=1)

    # time until a case leaves the docket ------------------------------------------------------------------------

    def stays(self, k: int, courts: set[str]) -> list[tuple[dt.timedelta, bool]]:
        """Return how long each case of these courts was observed on the docket, and whether it left."""
        observed = []
        for case in self.cases[k]:
            if case.court in courts and case.first not in self.off and case.arrived <= self.ends:
                left = next((m["happened_at"] for m in case.moves if m["to_state"] in self.off), None)
                observed.append(((left or self.ends) - max(case.arrived, self.starts), left is not None))
        return observed

    def median_stay(self, k: int, courts: set[str]) -> float | None:
        """Return the first time after which the Kaplan-Meier share is at most one half, in days."""
        stays, share = self.stays(k, courts), Fraction(1)
        for time in sorted({length for length, left in stays if left}):
            at_risk = sum(length >= time for length, _ in stays)
            share *= 1 - Fraction(sum(left and length == time for length, left in stays), at_risk)
            if share <= Fraction(1, 2):
                return time / DAY
        return None
