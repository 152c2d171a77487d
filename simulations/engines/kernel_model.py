"""What the kernel is told of a scenario, apart from its cases: arrays that are the same whatever the workflow, only of other lengths.

Whatever depends on a case (which transition is taken, how long work takes, in which order it is served) becomes a
*lookup*: a table over fact classes and the few record fields that matter there. Cases that every lookup answers
alike form one class.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.chance.distributions import Distribution, make_distribution
from simulations.chance.draws import purpose_hash
from simulations.engines import kernel
from simulations.log.eventlog import Words
from simulations.scenarios.plan import MOST_VISITS, Plan
from simulations.scenarios.quantities import Choice, Length, Shares
from simulations.scenarios.scenario import Pool, Scenario
from simulations.timing.calendars import Calendar
from workflow.deciding.table import Columns, DecisionTable, FactClasses, GuardTable, codes, grid
from workflow.errors import InputError
from workflow.model.definition import COMPLETE, ENTER, INCREMENT, StateKind, Value, Workflow, as_written
from workflow.predicates import Expression, names, vector

__all__ = ["KernelModel", "kernel_model", "structured"]

_MOST_ENTRIES = 200_000_000
_LOG_BUCKETS = 11
_KINDS = {StateKind.ACTIVITY: 0, StateKind.INSTANT: 1, StateKind.RESTING: 2, StateKind.FINAL: 3}
_RULES = {"suspend": 0, "finish": 1, "fit": 2}
_ORDERS = {"first_come": 0, "oldest": 1, "newest": 2}
_BY, _BY_FACTS = 3, 4

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class KernelModel:
    """What all replications share whose fact classes answer alike.

    Attributes
    ----------
    fixed : mapping of str to array or int
        Arguments that the kernel only reads, by the names of the parameters of `simulations.engines.kernel.run`.
    places : structured array
        As they are at the start: the kernel writes to a copy.
    queues : tuple of int or None
        Whose cases may stand in each queue in an order: a court's, or everybody's (-1); ``None`` where first come is first served.
    n_free, margin : int
        How many servers, and entries that one instant may add to the heap, there are at most.
    orders : tuple of Expression
        By which pools are served where it depends on facts alone: a column of ranks each, of the cases.
    """

    fixed: Mapping[str, Any]
    places: Any
    queues: tuple[int | None, ...]
    n_free: int
    margin: int
    orders: tuple[Expression, ...]


def kernel_model(plan: Plan, classes: FactClasses) -> KernelModel:
    """Return the model of a plan; one that is known already is not made again.

    Parameters
    ----------
    plan : Plan
    classes : FactClasses
        Its cases by whatever any lookup depends on.

    Raises
    ------
    InputError
        If the model is too large for tables: then only the SimPy engine runs it.
    """
    of_guards = plan.tables[0].classes
    answers = (of_guards.answers, classes.answers)
    decided = tuple(
        (table.moments, table.event_guards) for table in plan.tables
    )  # not who is in which class: it is kept
    return _known(_Asked(plan.scenario, decided, of_guards.of_case[classes.rows], classes.witness, answers))


@dataclass(frozen=True, eq=False)
class _Asked:
    """What a model is made of: the same for the same scenario, if all classes answer alike."""

    scenario: Scenario
    decided: tuple[tuple[tuple[DecisionTable, ...], Mapping[str, GuardTable]], ...]
    guard_class: NDArray[np.int32]
    witness: Columns
    answers: Hashable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.scenario is other.scenario and self.answers == other.answers

    def __hash__(self) -> int:
        return hash((id(self.scenario), self.answers))


@lru_cache(maxsize=4)
def _known(asked: _Asked) -> KernelModel:
    return _Layout(asked).done()


@dataclass
class _Lookups:
    """Tables over the fact classes of a population and the record fields that matter."""

    workflow: Workflow
    witness: Columns
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
        return fields, grid(self.workflow, self.witness, fields, wanted)

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
    """Lays a model out, array by array."""

    def __init__(self, asked: _Asked) -> None:
        scenario = self.scenario = asked.scenario
        self.asked = asked
        self.workflow = scenario.workflow
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
        self.orders: list[Expression] = []
        self.levels = np.zeros(max(1, len(self.states)), np.int64)
        self.look = _Lookups(self.workflow, asked.witness, self.fields)
        self.outcome_words = Words.of(scenario).outcome

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

    def done(self) -> KernelModel:
        """Return every array."""
        scenario = self.scenario
        transitions, moments, guards, event_effects, policies = self._decisions()
        events = self._events()
        activities = self._activities()
        states = self._states()
        places, pools, stops, queues, n_free = self._places()
        calendars, spells = self._calendars()
        unit = self.law(make_distribution("exponential", {"mean": 1.0}))
        margin = sum(int(max(s for _, s in sizes)) for p in scenario.pools.values() for sizes in p.sizes)
        margin += (len(self.events) + 2) * (len(self.states) + 2)
        fixed: dict[str, Any] = {
            "horizon": scenario.horizon,
            "most_visits": MOST_VISITS,
            "lookups": structured(self.look.rows, kernel.LOOKUP),
            "fields": structured(self.look.dimensions, kernel.FIELD),
            "values": np.concatenate([*self.look.values, np.zeros(1, np.int32)]),
            "states": states,
            "moments": np.array(moments, np.int64),
            "transitions": structured(transitions, kernel.TRANSITION),
            "events": events,
            "guards": np.array([*guards, -1], np.int64),
            "event_effects": structured(event_effects, kernel.RANGE),
            "policies": structured(policies, kernel.POLICY, spare=False),
            "effects": structured(self.effects, kernel.EFFECT),
            "activities": activities,
            "levels": self.levels,
            "laws": structured(self.law_rows, kernel.LAW),
            "cells": np.concatenate([*self.cells, np.zeros((1, 4))]),
            "steps": np.concatenate([*self.steps, np.zeros(1)]),
            "rates": self._rates(),
            "chances": np.array([*self.chances, 0.0]),
            "unit": self.law_rows[unit][1],
            "outcomes": structured(self.outcomes, kernel.RANGE),
            "shares": np.array([*self.shares, 0.0]),
            "found_at": np.array([*self.found_at, 0], np.int64),
            "given": structured(self.given, kernel.RANGE),
            "calendars": calendars,
            "spells": spells,
            "pools": pools,
            "stops": stops,
            "changes": self._changes(),
            "dates": self._dates(),
            "n_fields": len(self.fields),
            "shift": max(0, scenario.horizon.bit_length() - _LOG_BUCKETS),
        }
        return KernelModel(fixed, places, tuple(queues), n_free, margin, tuple(self.orders))

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
        guard_class = self.asked.guard_class
        triggers = {COMPLETE: 0, ENTER: 1, **{name: 2 + e for e, name in enumerate(self.events)}}
        width = 2 + len(self.events)
        code = {name: i for i, name in enumerate(self.scenario.transition_names)}
        for policy, (tables, conditions) in zip(self.scenario.every_policy, self.asked.decided, strict=True):
            workflow, offset = policy.workflow, len(transitions)
            policies.append((policy.start, policy.pinned, len(moments), len(guards), len(event_effects)))
            for t in workflow.transitions:
                first, n = self.written(t.effects)
                target = -1 if t.target is None else self.states.index(t.target)
                transitions.append((code[t.name], target, first, n, since.get(code[t.name], 0)))
            here = [-1] * (len(self.states) * width)
            for m in tables:
                taken = m.next[guard_class].astype(np.int64)
                taken[taken >= 0] += offset
                place = self.states.index(m.moment.state) * width + triggers[m.moment.trigger]
                here[place] = self.look.add(m.fields, taken)
            moments += here
            for event in workflow.events.values():
                guard = conditions.get(event.name)
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
        return structured(rows, kernel.EVENT, spare=False)

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
        return structured(rows, kernel.ACTIVITY, spare=False)

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
        return structured(rows, kernel.STATE, spare=False)

    def _places(self) -> tuple[Any, Any, Any, list[int | None], int]:
        """Return places, pools and suspensions, whose cases may stand in each queue, and how many servers there are at most."""
        rows: list[Any] = []
        pools: list[Any] = []
        stops: list[Any] = []
        queues: list[int | None] = []
        n_free = 0
        for name, pool in self.scenario.pools.items():
            order, by = self._order(pool)
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
                whose = None if order == _ORDERS["first_come"] else court if pool.at_court else -1
                queues += [whose] * (2 * levels if here else levels)
        places = structured(rows, kernel.PLACE, spare=False)
        return places, structured(pools, kernel.POOL), structured(stops, kernel.RANGE), queues, n_free

    def _order(self, pool: Pool) -> tuple[int, int]:
        """Return the kind of a pool's order, and its lookup or column; values are numbered by rank."""
        value = pool.order.value
        if value is None:
            return _ORDERS[pool.order.rule], -1
        if isinstance(value, Choice):
            ranks = {v: i for i, v in enumerate(sorted(set(value.leaves())))}
            return _BY, self.look.choice(value, lambda leaf: ranks[leaf], self.scenario)
        if not names(value) & set(self.fields):
            self.orders.append(value)
            return _BY_FACTS, len(self.orders) - 1
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
        return structured(rows, kernel.CALENDAR), structured(spells, kernel.SPELL)

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
        return structured(sorted(c for c in found if 0 <= c[0] <= self.scenario.horizon), kernel.CHANGE, spare=False)

    def _dates(self) -> Any:
        found = [
            (time, self.events.index(name), visit)
            for name, law in self.scenario.laws.items()
            for visit, time in enumerate(law.dates)
        ]
        return structured(sorted(d for d in found if d[0] <= self.scenario.horizon), kernel.DATE, spare=False)


def structured(rows: Sequence[Any], dtype: np.dtype[Any], spare: bool = True) -> Any:
    """Return rows as a structured array; with one to spare, so that none is ever without length."""
    found = np.zeros(len(rows) + spare, dtype)
    for i, row in enumerate(rows):
        found[i] = tuple(row)
    return found
