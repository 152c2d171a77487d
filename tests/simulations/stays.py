"""What the rows of a log say: the record of each case along its history, and the stays of cases at stations.

It is computed from the rows, the further servers and the case table alone, in another way than in the engines.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulations.log.eventlog import HORIZON, NEVER, EventLog
from simulations.scenarios.quantities import Choice
from workflow.model.definition import COMPLETE, ENTER, INCREMENT, INTERRUPTED, StateKind
from workflow.predicates import Expression, names, scalar

Place = tuple[str, int]
"""A station: its pool, and its court, 0 for a pool of the nation."""

Team = dict[Place, int]
"""The number of servers of each station that work on a case."""

SUSPENDED, SERVERS = "suspended", "servers"
"""What a team may lack: a station is suspended for the case; a station is off shift, or has too few free servers or slots."""


class History:
    """A log with the record of each case after each of its rows, and each work item of a pool."""

    def __init__(self, log: EventLog) -> None:
        self.log, self.scenario, self.workflow = log, log.cases.scenario, log.cases.scenario.workflow
        self.fields = list(self.workflow.record)
        self.names = (self.scenario.fact_names, tuple(self.fields))
        self.rows = self._rows()
        self.records: dict[int, list[tuple[int, list[Any]]]] = {
            i: [(NEVER, list(record))] for i, record in enumerate(log.cases.records)
        }
        self._before: list[list[Any]] = []
        for row in self.rows:
            self._before.append(self.records[row["case_id"]][-1][1])
            self.records[row["case_id"]].append((row["happened_at"], self._after(row)))

    def _rows(self) -> list[dict[str, Any]]:
        plain = {name: column.tolist() for name, column in self.log.columns.items()}
        words = {
            **{
                n: self.log.labels.column(n)
                for n in ("transition", "cause", "from_state", "to_state", "activity", "pool", "outcome")
            }
        }
        rows = []
        for i in range(len(self.log)):
            row = {name: values[i] for name, values in plain.items()}
            rows.append(row | {name: None if row[name] < 0 else w[row[name]] for name, w in words.items()})
        return rows

    def test(self, expression: Expression | None, case: int, record: list[Any]) -> bool:
        """Return whether a condition holds for a case."""
        return expression is None or bool(scalar(expression, *self.names)(self.log.cases.facts[case], record))

    def _after(self, row: dict[str, Any]) -> list[Any]:
        """Return the record after a row, and check that the row has the right transition."""
        case = row["case_id"]
        record = list(self.records[case][-1][1])
        workflow = self.policy(case, row["happened_at"])
        event = workflow.events.get(row["cause"])
        if row["cause"] in (HORIZON, INTERRUPTED):
            return record
        if event is not None:
            assert row["from_state"] in event.states
            assert self.test(event.guard, case, record)
            self._write(record, event.effects)
        giver = event if event is not None else self._work(row) if row["cause"] == COMPLETE else None
        assert (row["outcome"] is not None) == (giver is not None and giver.gives != ())
        if giver is not None and giver.gives:
            given = next(o for o in giver.outcomes if giver.label(o) == row["outcome"])
            self._write(record, giver.written(given))
        assert row["transition"] == self.first(workflow, row["from_state"], row["cause"], case, record)
        if row["transition"] is not None:
            transition = next(t for t in workflow.transitions if t.name == row["transition"])
            self._write(record, transition.effects)
            assert row["to_state"] == (transition.target or row["from_state"])
        return record

    def _work(self, row: dict[str, Any]) -> Any:
        return self.workflow.activities[self.workflow.states[row["from_state"]].activity or ""]

    def policy(self, case: int, time: int) -> Any:
        """Return the workflow that decides a case at an instant: the last one in force that applies to it."""
        for policy in reversed(self.scenario.policies):
            if policy.start <= time and (not policy.pinned or policy.start <= self.log.cases.arrived[case]):
                return policy.workflow
        return self.workflow

    def first(self, workflow: Any, state: str, cause: str, case: int, record: list[Any]) -> str | None:
        """Return the first enabled transition of a state and trigger, in the order of the file."""
        at_once = workflow.states[state].kind is StateKind.INSTANT
        for t in workflow.transitions:
            moment = (cause in t.events) if t.events else cause == (ENTER if at_once or t.at_entry else COMPLETE)
            if state in t.sources and moment and self.test(t.guard, case, record):
                return t.name
        return None

    def _write(self, record: list[Any], effects: Any) -> None:
        for name, value in effects:
            k = self.fields.index(name)
            record[k] = min(record[k] + 1, self.workflow.record[name].maximum) if value == INCREMENT else value

    def record_before(self, row: int) -> list[Any]:
        """Return the record of the case of a row before the row."""
        return self._before[row]

    def record_at(self, case: int, time: int) -> list[Any] | None:
        """Return the record of a case at an instant, or ``None`` if it changes at that instant."""
        steps = self.records[case]
        if any(at == time for at, _ in steps):
            return None
        return next(record for at, record in reversed(steps) if at < time)


@dataclass(eq=False)
class Stay:
    """A wait in a queue, and the work after it, which one row ends. A stay that is open at the end leaves after it.

    Attributes
    ----------
    row : int
    queue : Place
        The station in whose queue the case waits.
    servers : tuple of (Place, number)
        Those that work on the case; none if the work never started.
    interrupted, completed : bool
        Whether the row interrupts or completes the work.
    first_started : int or None
        When the first part of interrupted work started; ``None`` for new work.
    """

    row: int
    case: int
    court: int
    activity: str
    queue: Place
    enabled: int
    started: int | None
    left: int
    servers: tuple[tuple[Place, int], ...]
    interrupted: bool
    completed: bool
    first_started: int | None

    @property
    def waits_until(self) -> int:
        """Return when the case leaves the queue."""
        return self.left if self.started is None else self.started

    @property
    def server(self) -> int:
        """Return the number of the first server."""
        return self.servers[0][1] if self.servers else -1

    @property
    def begun(self) -> int | None:
        """Return when the work started for the first time."""
        return self.started if self.first_started is None else self.first_started

    def waits_at(self, now: int) -> bool:
        """Return whether the case waits after an instant."""
        return self.enabled <= now < self.waits_until

    def works_at(self, now: int) -> bool:
        """Return whether the work is in hand after an instant."""
        return self.started is not None and self.started <= now < self.left

    def at(self, place: Place) -> int:
        """Return how many servers of a station work on the case."""
        return sum(own == place for own, _ in self.servers)


class Floor:
    """The stations of a run: who waits in their queues, whom they serve, and what a case needs."""

    def __init__(self, history: History) -> None:
        self.history, self.scenario, self.log = history, history.scenario, history.log
        self.stays = self._stays()
        self.queues: dict[Place, list[Stay]] = defaultdict(list)
        self.serving: dict[Place, list[Stay]] = defaultdict(list)
        for stay in self.stays:
            self.queues[stay.queue].append(stay)
            for place in {place for place, _ in stay.servers}:
                self.serving[place].append(stay)

    def place(self, pool: str, court: int) -> Place:
        """Return the station of a pool for a case at a court."""
        return pool, court if self.scenario.pools[pool].at_court else 0

    def _stays(self) -> list[Stay]:
        further: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for row, pool, server in self.log.further.tolist():
            further[row].append((self.log.labels.pool[pool], server))
        stays, begun, courts = [], dict[int, int](), self.log.court_at(np.arange(len(self.log))).tolist()
        for k, row in enumerate(self.history.rows):
            if row["pool"] is None:
                continue
            case, court, started = row["case_id"], courts[k], None if row["started_at"] == NEVER else row["started_at"]
            own = [] if started is None else [(row["pool"], row["server"]), *further[k]]
            stays.append(
                Stay(
                    k, case, court, row["activity"],
                    self.place(self.scenario.work[row["activity"]].pool or "", court), row["enabled_at"],
                    started, row["happened_at"] + (row["cause"] == HORIZON),
                    tuple((self.place(pool, court), server) for pool, server in own),
                    row["cause"] == INTERRUPTED, row["completed_at"] != NEVER, begun.get(case),
                )
            )  # fmt: skip
            first = begun.pop(case, row["started_at"])
            if row["cause"] == INTERRUPTED:
                begun[case] = first
        return stays

    # what a case needs ---------------------------------------------------------------------------

    def teams(self, stay: Stay, record: list[Any] | None) -> list[Team] | None:
        """Return the teams that may do the work, in order; ``None`` if they depend on a record that is not known."""
        work, facts = self.scenario.work[stay.activity], self.log.cases.facts[stay.case]
        read = {n for count in work.counts for n in count.reads()} | {n for when in work.conditions for n in names(when)}
        if record is None and read & set(self.history.fields):
            return None
        found = []
        for team in work.teams:
            servers: Team = Counter()
            for need in team.needs:
                if self.history.test(need.when, stay.case, record or []):
                    servers[self.place(need.pool, stay.court)] += need.count.picker(*self.history.names)(facts, record or [])
            found.append({place: n for place, n in servers.items() if n})
        return found or [{stay.queue: 1}]

    def length(self, stay: Stay) -> int | None:
        """Return the length of the work in microseconds; ``None`` if it is drawn, or depends on a record that is not known."""
        work, begun = self.scenario.work[stay.activity], stay.begun
        assert begun is not None
        pool = stay.servers[0][0][0]  # of interrupted work, it may be another one than at the start
        if stay.first_started is not None and len(work.lengths) > 1:
            return None
        takes = next((team.takes for team in work.teams if team.pools[0] == pool), work.takes)
        record, facts = self.history.record_at(stay.case, begun), self.log.cases.facts[stay.case]
        if record is None and takes.reads() & set(self.history.fields):
            return None
        leaf = takes.picker(*self.history.names)(facts, record or [], begun)
        if leaf.fact is not None:
            return int(facts[self.history.names[0].index(leaf.fact.fact)] * leaf.fact.unit)
        return round(leaf.distribution.values[0]) if leaf.distribution.constant else None

    # what a station has --------------------------------------------------------------------------

    def size_at(self, place: Place, time: int) -> int:
        """Return the size of a station at an instant, after the changes of that instant."""
        return size_at(self.scenario.pools[place[0]], place[1], time)

    def calendar(self, place: Place) -> Any:
        """Return the calendar of a station."""
        return self.scenario.pools[place[0]].calendars[place[1]]

    def busy(self, place: Place, now: int, but: Collection[Stay] = ()) -> int:
        """Return the number of busy servers after an instant, apart from some stays."""
        return sum(stay.at(place) for stay in self.serving[place] if stay.works_at(now) and stay not in but)

    def slots(self, place: Place, now: int) -> int | None:
        """Return the number of slots of the working interval at an instant, at the size of the moment."""
        return slots_at(self.scenario.pools[place[0]], place[1], now)

    def slots_used(self, place: Place, now: int, but: Collection[Stay] = ()) -> int:
        """Return the number of slots that starts since the last opening use, apart from some stays."""
        calendar = self.calendar(place)
        opening = calendar.opens[calendar.interval_at(now)]
        new = (s for s in self.serving[place] if s.first_started is None and s not in but)
        return sum(s.at(place) for s in new if opening <= s.started <= now)  # type: ignore[operator]

    def may_start(self, place: Place, case: int, time: int) -> bool | None:
        """Return whether suspensions allow a waiting case to start; ``None`` if its record changes at that instant."""
        suspension = suspended(self.history, self.scenario.pools[place[0]], place[1], time)
        if suspension is None:
            return True
        if suspension.exempt is None:
            return False
        record = self.history.record_at(case, time)
        return None if record is None else self.history.test(suspension.exempt, case, record)

    def has(self, stay: Stay, place: Place, n: int, now: int, but: Collection[Stay] = ()) -> bool:
        """Return whether a station is on shift after an instant, with free servers and slots for a case; suspensions apart."""
        if self.calendar(place).interval_at(now) is None or self.busy(place, now, but) + n > self.size_at(place, now):
            return False
        slots = self.slots(place, now)
        return slots is None or stay.first_started is not None or self.slots_used(place, now, but) + n <= slots

    def lacks(self, stay: Stay, now: int, but: Collection[Stay] = ()) -> list[str] | None:
        """Return what each team that may work on a waiting case lacks, "" for nothing; ``None`` if it is not known.

        `but` are stays that count as if they had not started.
        """
        teams = self.teams(stay, self.history.record_at(stay.case, now))
        if teams is None:
            return None
        found = []
        for team in teams:
            allowed = [self.may_start(place, stay.case, now) for place in team]
            if None in allowed:
                return None
            missing = "" if all(self.has(stay, place, n, now, but) for place, n in team.items()) else SERVERS
            found.append(missing if all(allowed) else SUSPENDED)
        return found

    # orders --------------------------------------------------------------------------------------

    def in_order_of_facts(self, queue: Place) -> bool:
        """Return whether the order of a queue depends on facts alone."""
        priorities = (work.priority for work in self.scenario.work.values() if work.pool == queue[0])
        values = [self.scenario.pools[queue[0]].order.value, *priorities]
        reads = [v.reads() if isinstance(v, Choice) else names(v) if isinstance(v, Expression) else frozenset() for v in values]
        return not frozenset().union(*reads) & set(self.history.fields)

    def rank(self, stay: Stay) -> tuple[Any, ...]:
        """Return what orders the cases of a queue: priority, then the order of the pool, enabled time, and case number."""
        arrived, facts = int(self.log.cases.arrived[stay.case]), self.log.cases.facts[stay.case]

        def number(value: Any) -> Any:
            if isinstance(value, Choice):
                return value.picker(*self.history.names)(facts, [])
            return scalar(value, *self.history.names)(facts, []) if isinstance(value, Expression) else value

        by_rule, order = {"first_come": 0, "oldest": arrived, "newest": -arrived}, self.scenario.pools[stay.queue[0]].order
        priority = number(self.scenario.work[stay.activity].priority)
        if stay.first_started is not None:
            return (priority, 0, stay.first_started, 0, stay.case)
        own = number(order.value) if order.value is not None else by_rule[order.rule]
        return (priority, 1, own, stay.enabled, stay.case)


def size_at(pool: Any, court: int, time: int) -> int:
    """Return the size of a pool at an instant, after the changes of that instant."""
    return next(size for at, size in reversed(pool.sizes[court]) if at <= time)


def slots_at(pool: Any, court: int, time: int) -> int | None:
    """Return the slots of all servers in the working interval at an instant, which differ by the weekday on which it begins."""
    if pool.slots is None:
        return None
    calendar = pool.calendars[court]
    return int(pool.slots[calendar.days[calendar.interval_at(time)] % 7] * size_at(pool, court, time))


def suspended(history: History, pool: Any, court: int, time: int) -> Any:
    """Return the suspension of a station at an instant, or ``None``."""
    here = [s for s in history.scenario.suspensions if s.pool == pool.name and court in s.courts]
    return next((s for s in here if s.start <= time < s.end), None)


def shared_time(calendars: Sequence[Any], start: int, end: int) -> int:
    """Return the working time between two instants that calendars have in common."""
    changes = {t for calendar in calendars for t in (*calendar.opens, *calendar.closes) if start < t < end}
    marks = sorted({start, end, *changes})
    return sum(b - a for a, b in itertools.pairwise(marks) if all(c.interval_at(a) is not None for c in calendars))
