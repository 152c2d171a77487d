"""A plan as the arrays that the compiled engine's kernel reads: the same whatever the workflow, only of other lengths.

Whatever depends on a case (which transition is taken, how long work takes, in which order it is served) becomes a
*lookup*: a table over fact classes and the few record fields that matter there. Cases that every lookup answers
alike form one class.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.chance.distributions import Distribution, make_distribution
from simulations.chance.draws import SamplePath, purpose_hash
from simulations.engines import kernel
from simulations.log.eventlog import NEVER, Words
from simulations.scenarios.plan import MOST_VISITS, Plan
from simulations.scenarios.quantities import Choice, Length, Shares
from simulations.scenarios.scenario import Pool, Scenario
from simulations.timing.calendars import Calendar
from workflow.definition import COMPLETE, ENTER, INCREMENT, Kind, Value, Workflow, as_written
from workflow.errors import InputError
from workflow.predicates import Expression, names, vector
from workflow.table import Columns, FactClasses, codes, grid

__all__ = ["kernel_plan"]

_MOST_ENTRIES = 200_000_000
_LOG_BUCKETS = 11
_IN_LINE = 32
_KINDS = {Kind.ACTIVITY: 0, Kind.INSTANT: 1, Kind.RESTING: 2, Kind.FINAL: 3}
_RULES = {"suspend": 0, "finish": 1, "fit": 2}
_ORDERS = {"first_come": 0, "oldest": 1, "newest": 2}
_BY, _BY_FACTS = 3, 4

Integers = NDArray[np.int64]


def kernel_plan(plan: Plan, path: SamplePath) -> dict[str, Any]:
    """Lay out a plan for the kernel.

    Returns
    -------
    dict of str to array or int
        Arguments, by the names of the parameters of `simulations.engines.kernel.run`; without the heap and the rows, whose sizes
        are the caller's.

    Raises
    ------
    InputError
        If the model is too large for tables: then only the SimPy engine runs it.
    """
    return _Layout(plan, path).done()


@dataclass
class _Lookups:
    """Tables over the fact classes of a population and the record fields that matter."""

    workflow: Workflow
    classes: FactClasses
    fields: Mapping[str, int]
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)
    dimensions: list[tuple[int, int]] = field(default_factory=list)
    values: list[NDArray[np.int32]] = field(default_factory=list)
    size: int = 0

    def add(self, read: Iterable[str], table: NDArray[Any]) -> int:
        """Add a table of shape (n_classes, *sizes of the fields read, in the order of the record), of values from -1 on; return its number."""
        names_read = [name for name in self.workflow.record if name in set(read)]
        flat = np.ascontiguousarray(table, np.int32).ravel()
        if len(flat) and (flat == flat[0]).all():
            return -3 - int(flat[0])  # the same for everybody
        sizes = [len(self.workflow.record[name].domain()) for name in names_read]
        per_class = int(np.prod(sizes, dtype=np.int64))
        strides = [int(np.prod(sizes[k + 1 :], dtype=np.int64)) for k in range(len(sizes))]
        self.rows.append((self.size, per_class, len(self.dimensions), len(names_read)))
        self.dimensions += [(self.fields[name], stride) for name, stride in zip(names_read, strides, strict=True)]
        self.values.append(flat)
        self.size += len(flat)
        if self.size > _MOST_ENTRIES:
            raise InputError(["the model needs tables that are too large for the compiled engine; use --engine simpy"])
        return len(self.rows) - 1

    def grid(self, read: Iterable[str]) -> tuple[list[str], Columns]:
        """Lay out every combination of the record fields among some names, beside every class."""
        wanted = set(read)
        fields = [name for name in self.workflow.record if name in wanted]
        return fields, grid(self.workflow, self.classes, fields, wanted)

    def expression(self, condition: Expression) -> int:
        """Tabulate a condition, or a number."""
        fields, laid = self.grid(names(condition))
        return self.add(fields, np.broadcast_to(vector(condition, laid.values, laid.missing), len(laid)))

    def choice(self, choice: Choice[Any], place: Callable[[Any], int], scenario: Scenario) -> int:
        """Tabulate which of some values is chosen; `place` numbers the values."""
        fields, laid = self.grid(choice.reads())
        table = np.zeros(len(laid), np.int32)
        for leaf, rows in choice.rows(laid, scenario.namespace.fields):
            table[rows] = place(leaf)
        return self.add(fields, table)


class _Layout:
    """Lays a plan out, array by array."""

    def __init__(self, plan: Plan, path: SamplePath) -> None:
        self.plan, self.path = plan, path
        scenario = self.scenario = plan.scenario
        self.cases, self.workflow = plan.cases, scenario.workflow
        self.events = list(self.workflow.events)
        self.states = list(self.workflow.states)
        self.fields = {name: i for i, name in enumerate(self.workflow.record)}
        for name in self.workflow.record:
            if len(self.workflow.record[name].domain()) > 65_535:
                raise InputError(
                    [f"the record field {name!r} has too many values for the compiled engine; use --engine simpy"]
                )
        if len(self.events) > 64:
            raise InputError(
                [
                    f"the workflow has {len(self.events)} events, more than the 64 of the compiled engine; use --engine simpy"
                ]
            )
        self.laws: dict[Any, int] = {}
        self.law_rows: list[tuple[int, int, int, int]] = []
        self.cells: list[NDArray[np.float64]] = []
        self.steps: list[NDArray[np.float64]] = []
        self.n_cells = self.n_steps = 0
        self.effects: list[tuple[int, int, int]] = []
        self.given: list[tuple[int, int]] = []
        self.rates: list[float] = []
        self.chances: list[float] = []
        self.outcomes: list[tuple[int, int]] = []
        self.shares: list[float] = []
        self.found_at: list[int] = []
        self.levels = np.zeros(max(1, len(self.states)), np.int64)
        self.of_class, self.classes = self._classes()
        self.look = _Lookups(self.workflow, self.classes, self.fields)
        self.outcome_words = Words.of(scenario).outcome

    # fact classes --------------------------------------------------------------------------------

    def _classes(self) -> tuple[NDArray[np.int32], FactClasses]:
        """Return the classes that tell apart whatever any lookup depends on."""
        scenario = self.scenario
        choices: list[Choice[Any]] = []
        for work in scenario.work.values():
            choices += [c for c in (work.takes, work.outcome) if c is not None]
        for law in scenario.laws.values():
            choices += [c for c in (law.hazard, law.after, law.chance, law.outcome) if c is not None]
        choices += [p.order.value for p in scenario.pools.values() if isinstance(p.order.value, Choice)]
        wanted: list[Expression] = [e for choice in choices for e in _asked(choice)]
        wanted += [s.exempt for s in scenario.suspensions if s.exempt is not None]
        for pool in scenario.pools.values():
            value = pool.order.value
            if isinstance(value, Expression) and names(value) & set(self.fields):
                wanted.append(value)
        code = self.plan.tables[0].classes.of_case.astype(np.int64)
        for expression in dict.fromkeys(wanted):
            for column in self._columns(expression):
                code = _joined(code, column)
        _, rows, of_case = np.unique(code, return_index=True, return_inverse=True) if len(code) else (code, code, code)
        classes = FactClasses(of_case.astype(np.int32).ravel(), self.cases.columns.take(rows), rows)
        return classes.of_case, classes

    def _columns(self, expression: Expression) -> Iterable[NDArray[Any]]:
        """Yield the value of an expression for each case, for each combination of the record fields that it reads."""
        columns, n = self.cases.columns, len(self.cases)
        fields = [name for name in self.fields if name in names(expression)]
        domains = [_plain_domain(self.workflow, name) for name in fields]
        for combination in itertools.product(*domains):
            values = {**columns.values, **{f: np.full(n, v) for f, v in zip(fields, combination, strict=True)}}
            yield np.broadcast_to(vector(expression, values, columns.missing), n)

    # parts ---------------------------------------------------------------------------------------

    def law(self, law: Distribution) -> int:
        """Return the number of a law of lengths."""
        if law not in self.laws:
            self.laws[law] = len(self.law_rows)
            if law.constant:
                self.law_rows.append((0, 0, 0, round(law.values[0])))
            elif law.law is None:
                values = np.sort(np.array(law.values, np.float64))
                self.law_rows.append((2, self.n_steps, len(values), 0))
                self.steps.append(values)
                self.n_steps += len(values)
            else:
                cells = law.table.cells  # type: ignore[union-attr]
                self.law_rows.append((1, self.n_cells, len(cells), 0))
                self.cells.append(cells)
                self.n_cells += len(cells)
        return self.laws[law]

    def takes(self, choice: Choice[Length] | None) -> int:
        """Return the lookup of a law of lengths, -1 for none."""
        return -1 if choice is None else self.look.choice(choice, lambda length: self.law(length.law), self.scenario)

    def outcome(self, choice: Choice[Shares] | None, values: Sequence[Value]) -> int:
        """Return the lookup of an outcome, -1 for none."""
        if choice is None:
            return -1
        known: dict[int, int] = {}

        def place(shares: Shares) -> int:
            if id(shares) not in known:
                known[id(shares)] = len(self.outcomes)
                self.outcomes.append((len(self.shares), len(shares.values)))
                self.shares += shares.cumulative
                self.found_at += [values.index(v) for v in shares.values]
            return known[id(shares)]

        return self.look.choice(choice, place, self.scenario)

    def gives(self, name: str | None, values: Sequence[Value]) -> tuple[int, int]:
        """Return the place of a given field, and where its values begin among those given."""
        if name is None:
            return -1, 0
        first, domain = len(self.given), codes(self.workflow, name)
        self.given += [(domain[v], self.outcome_words.index(as_written(v))) for v in values]
        return self.fields[name], first

    def written(self, effects: Sequence[tuple[str, Value]]) -> tuple[int, int]:
        """Return where effects begin, and how many there are: literals first, then what is counted."""
        first = len(self.effects)
        for counted in (False, True):
            for name, value in effects:
                if (value == INCREMENT) == counted:
                    domain = codes(self.workflow, name)
                    self.effects.append((self.fields[name], -1 if counted else domain[value], len(domain) - 1))
        return first, len(self.effects) - first

    # the whole -----------------------------------------------------------------------------------

    def done(self) -> dict[str, Any]:
        """Return every array."""
        scenario, cases = self.scenario, self.cases
        n, n_activities = len(cases), len(self.workflow.activities)
        self.transitions, self.moments, self.guards, self.event_effects, policies = self._decisions()
        events = self._events()
        activities = self._activities()
        states = self._states()
        places, pools, stops, free, queues, n_lines, orders = self._places()
        calendars, spells = self._calendars()
        unit = self.law(make_distribution("exponential", {"mean": 1.0}))
        times = np.maximum(cases.arrived, 0)
        table = _in_lines(n, kernel.CASE.itemsize).view(kernel.CASE)
        nowhere = np.zeros((), kernel.CASE)
        nowhere["state"] = nowhere["server"] = -1
        nowhere["enabled"] = nowhere["started"] = NEVER
        words = np.dtype((np.uint64, kernel.CASE.itemsize // 8))  # copied faster than field by field
        table.view(words)[:] = nowhere[None].view(words)
        table["key"], table["court"], table["fact_class"] = cases.keys, cases.court, self.of_class
        # Beside its fields a count of visits for each activity and clock; in one line of the cache where it fits into one.
        width = len(self.fields) + n_activities + len(self.events)
        width = 1 << (width - 1).bit_length() if width <= _IN_LINE else width
        record = _in_lines(n, 2 * width).view(np.uint16).reshape(n, width)
        for name, k in self.fields.items():
            record[:, k] = _record_codes(self.workflow, name, cases.columns.values[name])
        margin = sum(int(max(s for _, s in sizes)) for p in scenario.pools.values() for sizes in p.sizes)
        margin += (len(self.events) + 2) * (len(self.states) + 2)
        shift = max(0, scenario.horizon.bit_length() - _LOG_BUCKETS)
        arguments: dict[str, Any] = {
            "scalars": np.zeros(kernel.N_SCALARS, np.int64),
            "key": np.array(self.path.key, np.uint64),
            "horizon": scenario.horizon,
            "most_visits": MOST_VISITS,
            "cases": table,
            "arrived": cases.arrived,
            "armed": np.zeros(n, np.uint64),
            "standing": np.zeros(n, np.int32),
            "record": record,
            "n_fields": len(self.fields),
            "lookups": _array(self.look.rows, kernel.LOOKUP),
            "fields": _array(self.look.dimensions, kernel.FIELD),
            "values": np.concatenate([*self.look.values, np.zeros(1, np.int32)]),
            "states": states,
            "moments": np.array(self.moments, np.int64),
            "transitions": _array(self.transitions, kernel.TRANSITION),
            "events": events,
            "guards": np.array([*self.guards, -1], np.int64),
            "event_effects": _array(self.event_effects, kernel.RANGE),
            "policies": _array(policies, kernel.POLICY, spare=False),
            "effects": _array(self.effects, kernel.EFFECT),
            "activities": activities,
            "levels": self.levels,
            "laws": _array(self.law_rows, kernel.LAW),
            "cells": np.concatenate([*self.cells, np.zeros((1, 4))]),
            "steps": np.concatenate([*self.steps, np.zeros(1)]),
            "rates": self._rates(),
            "chances": np.array([*self.chances, 0.0]),
            "unit": self.law_rows[unit][1],
            "outcomes": _array(self.outcomes, kernel.RANGE),
            "shares": np.array([*self.shares, 0.0]),
            "found_at": np.array([*self.found_at, 0], np.int64),
            "given": _array(self.given, kernel.RANGE),
            "calendars": calendars,
            "spells": spells,
            "pools": pools,
            "places": places,
            "free": free,
            "queues": queues,
            "lines": np.empty(n_lines + 1, kernel.LINE),  # room for everybody; what is never touched takes no memory
            "stops": stops,
            "orders": orders,
            "changes": self._changes(),
            "dates": self._dates(),
            "arrivals": np.argsort(times, kind="stable").astype(np.int64),
            "beginnings": cases.state.astype(np.int64),
            "shift": shift,
            "buckets": np.zeros((scenario.horizon >> shift) + 1, kernel.BUCKETS),
            "touched": np.zeros(len(places) + 1, np.int64),
            "margin": margin,
        }
        arguments["scalars"][kernel.BUCKET] = 1  # what comes in the first bucket's time goes into the heap at once
        return arguments

    def _rates(self) -> Any:
        """Return the rates of hazards, with the largest numerator of a draw that may lead to a date before the end, and more."""
        found = np.zeros(len(self.rates) + 1, kernel.HAZARD)
        found["rate"] = [*self.rates, 0.0]
        share = -np.expm1(-found["rate"] * self.scenario.horizon) * (1 + 1e-6) + 1e-9
        found["most"] = np.minimum(share, 1.0) * 2.0**53
        return found

    def _decisions(self) -> tuple[list[Any], list[int], list[int], list[Any], list[Any]]:
        """Return transitions, moments, guards and effects of events, of one policy after another."""
        transitions: list[Any] = []
        moments: list[int] = []
        guards: list[int] = []
        event_effects: list[Any] = []
        policies: list[Any] = []
        since = self._since()
        guard_class = self.plan.tables[0].classes.of_case[self.classes.rows] if len(self.classes) else np.zeros(0, int)
        triggers = {COMPLETE: 0, ENTER: 1, **{name: 2 + e for e, name in enumerate(self.events)}}
        width = 2 + len(self.events)
        code = {name: i for i, name in enumerate(self.scenario.transition_names)}
        for policy, table in zip(self.scenario.every_policy, self.plan.tables, strict=True):
            workflow, offset = policy.workflow, len(transitions)
            policies.append((policy.start, policy.pinned, len(moments), len(guards), len(event_effects)))
            for t in workflow.transitions:
                first, n = self.written(t.effects)
                target = -1 if t.target is None else self.states.index(t.target)
                transitions.append((code[t.name], target, first, n, since.get(code[t.name], 0)))
            here = [-1] * (len(self.states) * width)
            for m in table.moments:
                taken = m.next[guard_class].astype(np.int64)
                taken[taken >= 0] += offset
                place = self.states.index(m.moment.state) * width + triggers[m.moment.trigger]
                here[place] = self.look.add(m.fields, taken)
            moments += here
            for event in workflow.events.values():
                guard = table.event_guards.get(event.name)
                guards.append(-1 if guard is None else self.look.add(guard.fields, guard.holds[guard_class]))
                event_effects.append(self.written(event.effects))
        return transitions, moments, guards, event_effects, policies

    def _since(self) -> dict[int, int]:
        """Return for each transition the clocks that it starts, as bits."""
        found: dict[int, int] = {}
        for e, name in enumerate(self.events):
            law = self.scenario.laws.get(name)
            for code in law.since if law is not None else ():
                found[code] = found.get(code, 0) | 1 << e
        return found

    def _events(self) -> Any:
        rows = []
        for name in self.events:
            event, law = self.workflow.events[name], self.scenario.laws.get(name)
            field_, first = self.gives(event.gives, event.values)
            outcome = -1 if law is None else self.outcome(law.outcome, event.values)
            after = -1 if law is None else self.takes(law.after)
            chance = rate = -1
            if law is not None and law.chance is not None:
                chance = self.look.choice(law.chance, self._numbered(self.chances), self.scenario)
            if law is not None and law.hazard is not None:
                rate = self.look.choice(law.hazard, self._numbered(self.rates), self.scenario)
            hashes = (purpose_hash(f"event:{name}"), purpose_hash(f"chance:{name}"))
            only = law is not None and law.only_waiting
            rows.append((field_, first, outcome, after, chance, rate, only, *hashes))
        return _array(rows, kernel.EVENT, spare=False)

    @staticmethod
    def _numbered(numbers: list[float]) -> Callable[[float], int]:
        def place(value: float) -> int:
            numbers.append(value)
            return len(numbers) - 1

        return place

    def _activities(self) -> Any:
        pools = list(self.scenario.pools)
        delays = {w.activity: w.working_days for w in self.scenario.work.values() if w.working_days is not None}
        self.all_calendars: list[Calendar] = [c for pool in self.scenario.pools.values() for c in pool.calendars]
        self.all_calendars += delays.values()
        priorities = {
            pool: sorted({w.priority for w in self.scenario.work.values() if w.pool == pool}) or [0] for pool in pools
        }
        self.n_levels = {pool: len(found) for pool, found in priorities.items()}
        rows = []
        for name, activity in self.workflow.activities.items():
            work = self.scenario.work.get(name)
            field_, first = self.gives(activity.gives, activity.values)
            if work is None:  # nobody comes there
                rows.append((-1, 0, field_, first, -1, -1, -1, 0))
                continue
            pool = -1 if work.pool is None else pools.index(work.pool)
            level = 0 if work.pool is None else priorities[work.pool].index(work.priority)
            for k, state in enumerate(self.workflow.states.values()):
                if state.activity == name:
                    self.levels[k] = level
            calendar = -1 if work.working_days is None else self._calendar(work.working_days)
            outcome = self.outcome(work.outcome, activity.values)
            takes = self.takes(work.takes)
            rows.append((pool, level, field_, first, outcome, takes, calendar, purpose_hash(f"activity:{name}")))
        return _array(rows, kernel.ACTIVITY, spare=False)

    def _states(self) -> Any:
        activities = list(self.workflow.activities)
        clocks = [n for n in self.events if (law := self.scenario.laws.get(n)) and law.after and not law.since]
        hazards = [name for name, law in self.scenario.laws.items() if law.hazard is not None]
        rows = []
        for state in self.workflow.states.values():
            activity = -1 if state.activity is None else activities.index(state.activity)
            counts = sum(1 << e for e, n in enumerate(self.events) if state.name in self.workflow.events[n].states)
            started = sum(1 << self.events.index(n) for n in clocks if state.name in self.workflow.events[n].states)
            late = sum(1 << self.events.index(n) for n in hazards if state.name in self.workflow.events[n].states)
            rows.append((_KINDS[state.kind], activity, counts, started, late))
        return _array(rows, kernel.STATE, spare=False)

    def _places(self) -> tuple[Any, Any, Any, Integers, Any, int, Integers]:
        """Return places, pools, suspensions, room for free servers, queues, how many may stand in those in order, and orders by facts."""
        rows: list[Any] = []
        pools: list[Any] = []
        stops: list[Any] = []
        orders: list[Integers] = []
        queues: list[Any] = []
        n_free = n_lines = 0
        in_court = np.bincount(self.cases.court, minlength=len(self.scenario.courts)).tolist()
        for name, pool in self.scenario.pools.items():
            order, by = self._order(pool, orders)
            levels = self.n_levels[name]
            pools.append((len(rows), pool.at_court))
            for court, (sizes, calendar) in enumerate(zip(pool.sizes, pool.calendars, strict=True)):
                here = self.scenario.suspensions_at(name, court)
                exempt = self.scenario.exemption(name, court)
                rows.append((
                    0, sizes[0][1], 0, -1 if pool.slots is None else pool.slots, self._calendar(calendar), -1,
                    _RULES[pool.at_shift_end], order, by, len(queues), levels, n_free, 0, 0,
                    -1 if exempt is None else self.look.expression(exempt), len(stops), len(here), 0,
                ))  # fmt: skip
                stops += [(s.start, s.end) for s in here]
                n_free += max(s for _, s in sizes)
                most = 0 if order == 0 else in_court[court] if pool.at_court else len(self.cases)
                for _ in range(2 * levels if here else levels):
                    queues.append((-1, -1, n_lines, 0))
                    n_lines += most
        columns = (
            np.array(orders, np.int64).reshape(len(orders), len(self.cases)) if orders else np.zeros((1, 1), np.int64)
        )
        places = _array(rows, kernel.PLACE, spare=False)
        free = np.zeros(n_free + 1, np.int64)
        return (
            places,
            _array(pools, kernel.POOL),
            _array(stops, kernel.RANGE),
            free,
            _array(queues, kernel.QUEUE),
            n_lines,
            columns,
        )

    def _order(self, pool: Pool, orders: list[Integers]) -> tuple[int, int]:
        """Return the kind of a pool's order, and its lookup or column; values are numbered by rank."""
        value = pool.order.value
        if value is None:
            return _ORDERS[pool.order.rule], -1
        if isinstance(value, Choice):
            ranks = {v: i for i, v in enumerate(sorted(set(value.leaves())))}
            return _BY, self.look.choice(value, lambda leaf: ranks[leaf], self.scenario)
        if not names(value) & set(self.fields):
            found = np.broadcast_to(
                vector(value, self.cases.columns.values, self.cases.columns.missing), len(self.cases)
            )
            orders.append(np.unique(found, return_inverse=True)[1].ravel().astype(np.int64))
            return _BY_FACTS, len(orders) - 1
        fields, laid = self.look.grid(names(value))
        found = np.broadcast_to(vector(value, laid.values, laid.missing), len(laid))
        return _BY, self.look.add(fields, np.unique(found, return_inverse=True)[1].ravel())

    def _calendar(self, calendar: Calendar) -> int:
        return next(i for i, known in enumerate(self.all_calendars) if known is calendar)

    def _calendars(self) -> tuple[Any, Any]:
        rows: list[Any] = []
        spells: list[Any] = []
        for calendar in self.all_calendars:
            rows.append((len(spells), len(calendar.opens), calendar.longest))
            spells += list(zip(calendar.opens, calendar.closes, calendar.worked, strict=False))
            spells.append((0, 0, calendar.worked[-1]))
        return _array(rows, kernel.CALENDAR), _array(spells, kernel.SPELL)

    def _changes(self) -> Any:
        """Return the changes of size, the ends of suspensions and the openings of shifts, in their order."""
        found: list[Any] = []
        k = 0
        for name, pool in self.scenario.pools.items():
            for court, (sizes, calendar) in enumerate(zip(pool.sizes, pool.calendars, strict=True)):
                found += [(time, k, 0, size) for time, size in sizes[1:]]
                found += [(s.end, k, 0, -1) for s in self.scenario.suspensions_at(name, court)]
                found += [(o, k, 1, c) for o, c in zip(calendar.opens, calendar.closes, strict=True)]
                k += 1
        return _array(sorted(c for c in found if 0 <= c[0] <= self.scenario.horizon), kernel.CHANGE, spare=False)

    def _dates(self) -> Any:
        found = [
            (time, self.events.index(name), visit)
            for name, law in self.scenario.laws.items()
            for visit, time in enumerate(law.dates)
            if len(self.cases)
        ]
        return _array(sorted(d for d in found if d[0] <= self.scenario.horizon), kernel.DATE, spare=False)


def _asked(choice: Choice[Any]) -> list[Expression]:
    """Return every expression by which a choice chooses."""
    if choice.by is None:
        return []
    below = [branch for _, branch in choice.branches] + ([choice.other] if choice.other is not None else [])
    return [choice.by, *(e for branch in below for e in _asked(branch))]


def _joined(code: Integers, column: NDArray[Any]) -> Integers:
    """Tell apart by a column too what a code tells apart; the codes stay small."""
    plain = column.astype(np.int64) if column.dtype.kind in "bi" else np.unique(column, return_inverse=True)[1].ravel()
    low, high = int(plain.min(initial=0)), int(plain.max(initial=0))
    wide = code * (high - low + 1) + (plain - low)
    most = int(wide.max(initial=0)) + 1
    if most <= 1 << 22:  # without sorting: a mark for each code that occurs
        marks = np.zeros(most, np.int64)
        marks[wide] = 1
        return np.asarray((np.cumsum(marks) - 1)[wide])
    return np.asarray(np.unique(wide, return_inverse=True)[1].ravel(), np.int64)


def _plain_domain(workflow: Workflow, name: str) -> list[Any]:
    """Return the values of a record field as predicates read them."""
    declared = workflow.record[name]
    return list(range(len(declared.values))) if declared.kind == "enum" else list(declared.domain())


def _record_codes(workflow: Workflow, name: str, column: NDArray[Any]) -> NDArray[np.uint16]:
    declared = workflow.record[name]
    low = int(declared.minimum) if declared.kind == "integer" else 0  # type: ignore[arg-type]
    return (column.astype(np.int64) - low).astype(np.uint16)


def _array(rows: Sequence[Any], dtype: np.dtype[Any], spare: bool = True) -> Any:
    """Return rows as a structured array; with one to spare, so that none is ever without length."""
    found = np.zeros(len(rows) + spare, dtype)
    for i, row in enumerate(rows):
        found[i] = tuple(row)
    return found


def _in_lines(n: int, size: int) -> NDArray[np.uint8]:
    """Return zeros for rows of a size in bytes, the first of which begins a line of the processor's cache."""
    room = np.zeros(n * size + 64, np.uint8)
    first = -room.ctypes.data % 64
    return room[first : first + n * size]
