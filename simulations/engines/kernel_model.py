"""A scenario without its cases, as arrays for the kernel. Their types do not depend on the workflow, only their lengths do.

Whatever depends on a case (the transition taken, the length of work, the order of service) becomes a *lookup*: a table
over fact classes and the record fields that it reads. A fact class holds the cases for which every lookup gives the
same values.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.chance.distributions import Distribution, make_distribution
from simulations.chance.draws import purpose_hash
from simulations.engines.codes import (
    BY_LOOKUP,
    BY_RANK,
    CHANGES_SIZE,
    CLOSES,
    CONSTANT,
    EVERY,
    FIRST_COME,
    FIRST_COME_IN_HEAP,
    FIRST_EVENT_TRIGGER,
    HAS_SLOTS,
    HAZARD,
    MODES,
    MONTHS,
    OF_CASE,
    ONCE,
    OPENS,
    QUEUE_ORDERS,
    SAMPLED,
    SHIFT_END_RULES,
    STATE_KINDS,
    TABULATED,
    TRIGGER_COMPLETE,
    TRIGGER_ENTER,
)
from simulations.engines.hearing_model import Hearings
from simulations.engines.kernel import arrays
from simulations.engines.sampling import purposes
from simulations.engines.team_model import Teams, may_be_interrupted
from simulations.engines.variants import is_special
from simulations.log.eventlog import Labels
from simulations.scenarios.plan import MOST_RINGS, MOST_VISITS, Plan
from simulations.scenarios.quantities import Choice, FromFact, Length, Shares
from simulations.scenarios.scenario import Batch, Pool, Scenario, Work
from simulations.timing.calendars import Calendar
from simulations.timing.clock import MICROSECONDS_PER_DAY
from workflow.deciding.table import Columns, DecisionTable, FactClasses, GuardTable, codes, grid
from workflow.errors import InputError
from workflow.model.definition import COMPLETE, ENTER, INCREMENT, Giver, Value, Workflow
from workflow.predicates import Expression, names, vector
from workflow.predicates.calendar_days import VECTOR, add_months

_MOST_ENTRIES = 200_000_000
_LOG_BUCKETS = 11

HERE = "current_court"
"""Stands among the record fields for the court where a case is; a reserved name."""

EVERY_POOL = "every pool"
"""Stands for the pool of a priority that is ranked among those of all pools, since cases interrupt work of others."""

Integers = NDArray[np.int64]


class Ranked(NamedTuple):
    """An order of cases by facts alone."""

    by: Expression | str
    """``oldest`` and ``newest`` are by `arrived`."""
    pool: str = ""
    """Of a priority, the pool among whose priorities it is ranked."""


@dataclass(frozen=True)
class KernelModel:
    """What replications with the same fact classes share.

    Attributes
    ----------
    fixed : mapping of str to array or int
        Fields of `simulations.engines.kernel.arrays.Model`.
    bookings : mapping of str to array
        The bookings and the free slots of hearing dates; as the stations.
    stations : structured array
        At the start of a run; the kernel writes to a copy.
    queues : tuple of int or None
        The court of the cases that each queue may hold, -1 for all courts, ``None`` for a first-come queue.
    n_free, margin : int
        Maximum number of servers, and of entries that one instant may add to the heap.
    orders : tuple of Ranked
        Queue orders and priorities by facts alone; each becomes a column with the rank of every case.
    priorities : tuple of (str, float)
        Pools and priorities that lookups give, in pools in which priorities differ from case to case.
    case_lengths : tuple of FromFact
        Lengths from facts; each becomes a column with the length of every case.
    """

    fixed: Mapping[str, Any]
    bookings: Mapping[str, Any]
    stations: Any
    queues: tuple[int | None, ...]
    n_free: int
    margin: int
    orders: tuple[Ranked, ...]
    priorities: tuple[tuple[str, float], ...]
    case_lengths: tuple[FromFact, ...]


def kernel_model(plan: Plan, classes: FactClasses) -> KernelModel:
    """Return the model of a plan, from a cache if a plan with the same fact classes was laid out before.

    Parameters
    ----------
    plan : Plan
    classes : FactClasses
        Classes of its cases that separate all values of all lookups.

    Raises
    ------
    InputError
        If the model is too large for tables. The SimPy engine can still run it.
    """
    of_guards = plan.tables[0].classes
    answers = (of_guards.answers, classes.answers)
    # Without the class of each case: the cache would keep it alive.
    decided = tuple((table.decisions, table.event_guards) for table in plan.tables)
    return _cached_model(_Source(plan.scenario, decided, of_guards.of_case[classes.rows], classes.witness, answers))


@dataclass(frozen=True, eq=False)
class _Source:
    """What a model is made from. Equal for the same scenario and the same values in all fact classes."""

    scenario: Scenario
    decided: tuple[tuple[tuple[DecisionTable, ...], Mapping[str, GuardTable]], ...]
    guard_class: NDArray[np.int32]
    witness: Columns
    answers: Hashable

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Source) and self.scenario is other.scenario and self.answers == other.answers

    def __hash__(self) -> int:
        return hash((id(self.scenario), self.answers))


@lru_cache(maxsize=4)
def _cached_model(source: _Source) -> KernelModel:
    return _Layout(source).model()


@dataclass
class _Lookups:
    """Tables over the fact classes of a population and the record fields that they read."""

    workflow: Workflow
    witness: Columns
    fields: Mapping[str, int]
    courts: int = 0
    """The number of courts if cases may go to others; then `fields` has the column of the court where a case is."""
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)
    dimensions: list[tuple[int, int]] = field(default_factory=list)
    values: list[NDArray[np.int32]] = field(default_factory=list)
    steps: list[tuple[int, int]] = field(default_factory=list)
    size: int = 0

    def add(self, read: Iterable[str], table: NDArray[Any], here: bool = False) -> int:
        """Add a table and return its number.

        Parameters
        ----------
        read : iterable of str
            Record fields.
        table : ndarray of int, shape (n_classes, *sizes of the fields, in the order of the record)
            Values, at least -1.
        here : bool
            Whether its last dimension is the court where a case is.
        """
        names_read = [name for name in self.workflow.record if name in set(read)]
        flat = np.ascontiguousarray(table, np.int32).ravel()
        if len(flat) and (flat == flat[0]).all():
            return -3 - int(flat[0])  # a constant, see `simulations.engines.kernel.arrays.NONE`
        sizes = [len(self.workflow.record[name].domain()) for name in names_read]
        if here:
            names_read, sizes = [*names_read, HERE], [*sizes, self.courts]
        per_class = int(np.prod(sizes, dtype=np.int64))
        strides = [int(np.prod(sizes[k + 1 :], dtype=np.int64)) for k in range(len(sizes))]
        self.rows.append((self.size, per_class, len(self.dimensions), len(names_read)))
        self.dimensions += [(self.fields[name], stride) for name, stride in zip(names_read, strides, strict=True)]
        self.values.append(flat)
        self.size += len(flat)
        if self.size > _MOST_ENTRIES:
            raise InputError(["the model needs tables that are too large for the compiled engine; use the engine simpy"])
        return len(self.rows) - 1

    def grid(self, read: Iterable[str]) -> tuple[list[str], Columns]:
        """Return the record fields among names, and a grid of every fact class with every combination of their values."""
        wanted = set(read)
        fields = [name for name in self.workflow.record if name in wanted]
        return fields, grid(self.workflow, self.witness, fields, wanted)

    def expression(self, condition: Expression) -> int:
        """Tabulate a condition, or a number."""
        fields, columns = self.grid(names(condition))
        return self.add(fields, np.broadcast_to(vector(condition, columns.values, columns.missing), len(columns)))

    def choice(self, choice: Choice[Any], number: Callable[[Any], int], scenario: Scenario, local: bool = False) -> int:
        """Tabulate a choice; `number` gives the number of each value. If it changes on dates, each has a lookup.

        With `local`, the court that it reads is the one where a case is, else the home court.
        """
        if choice.steps:
            lookups = [(date, self.choice(each, number, scenario, local)) for date, each in choice.steps]
            first = len(self.steps)
            self.steps += [*lookups, (arrays.NEVER_COMES, arrays.NONE)]
            return arrays.BY_DATE + first
        fields, columns = self.grid(choice.reads())
        here = local and self.courts > 0 and "court" in choice.reads()
        if here:
            columns = self.at_every_court(columns)
        table = np.zeros(len(columns), np.int32)
        for leaf, rows in choice.rows(columns, scenario.namespace.fields):
            table[rows] = number(leaf)
        return self.add(fields, table, here)

    def at_every_court(self, columns: Columns) -> Columns:
        """Return each row once for every court."""
        repeated = columns.take(np.repeat(np.arange(len(columns)), self.courts))
        court = np.tile(np.arange(self.courts), len(columns))
        return Columns({**repeated.values, "court": court}, repeated.missing)


class _Layout:
    """Builds a model, array by array."""

    def __init__(self, source: _Source) -> None:
        scenario = self.scenario = source.scenario
        self.source = source
        self.workflow = scenario.workflow
        self.events = list(self.workflow.events)
        self.states = list(self.workflow.states)
        self.fields = {name: i for i, name in enumerate(self.workflow.record)}
        for name in self.workflow.record:
            if len(self.workflow.record[name].domain()) > 65_535:
                raise InputError([f"the record field {name!r} has too many values for the compiled engine; use the engine simpy"])
        if len(self.events) > 64:
            raise InputError(
                [f"the workflow has {len(self.events)} events; the compiled engine has at most 64; use the engine simpy"]
            )
        self.distributions: dict[Any, int] = {}
        self.distribution_rows: list[tuple[int, int, int, int]] = []
        self.cells: list[NDArray[np.float64]] = []
        self.steps: list[NDArray[np.float64]] = []
        self.n_cells = self.n_steps = 0
        self.months: dict[int, int] = {}
        self.month_lengths: list[NDArray[np.int64]] = []
        self.case_lengths: dict[FromFact, int] = {}
        self.effects: list[tuple[int, int, int]] = []
        self.gives: list[tuple[int, int, int, int]] = []
        self.given: list[int] = []
        self.rates: list[float] = []
        self.chances: list[float] = []
        self.outcomes: list[tuple[int, int]] = []
        self.shares: list[float] = []
        self.outcome_index: list[int] = []
        self.orders: list[Ranked] = []
        self.priorities: list[tuple[str, float]] = []
        self.all_calendars = [c for pool in scenario.pools.values() for c in pool.calendars]
        delays = [work.working_days for work in scenario.work.values()]
        delays += [timing.working_days for timing in scenario.event_timings.values()]
        self.all_calendars += [calendar for calendar in delays if calendar is not None]
        self.levels = np.zeros(max(1, len(self.states)), np.int64)
        self.court_field = -1
        columns, n_courts = dict(self.fields), 0
        if scenario.transfers:
            n_courts = len(scenario.courts)
            self.court_field = columns[HERE] = len(self.fields) + len(self.workflow.activities) + len(self.events)
        self.look = _Lookups(self.workflow, source.witness, columns, n_courts)
        self.teams = Teams(scenario, self.look, self.takes, self._calendar)
        self.hearings = Hearings(scenario, self._calendar)
        self.outcome_labels = Labels.of(scenario).outcome

    # parts ---------------------------------------------------------------------------------------

    def distribution(self, distribution: Distribution) -> int:
        """Return the number of a distribution of lengths."""
        if distribution not in self.distributions:
            self.distributions[distribution] = len(self.distribution_rows)
            if distribution.constant:
                self.distribution_rows.append((CONSTANT, 0, 0, round(distribution.values[0])))
            elif distribution.standard is None:
                values = np.sort(np.array(distribution.values, np.float64))
                self.distribution_rows.append((SAMPLED, self.n_steps, len(values), 0))
                self.steps.append(values)
                self.n_steps += len(values)
            else:
                cells = distribution.table.cells  # type: ignore[union-attr]
                self.distribution_rows.append((TABULATED, self.n_cells, len(cells), 0))
                self.cells.append(cells)
                self.n_cells += len(cells)
        return self.distributions[distribution]

    def length(self, length: Length) -> int:
        """Return the number of the distribution of a length; for calendar months, of their length from each date of the run."""
        if length.fact is not None:
            if length.fact not in self.case_lengths:
                self.distribution_rows.append((OF_CASE, len(self.case_lengths), 0, 0))
                self.case_lengths[length.fact] = len(self.distribution_rows) - 1
            return self.case_lengths[length.fact]
        if length.months is None:
            return self.distribution(length.distribution)
        if length.months not in self.months:
            epoch, n_dates = self.scenario.epoch, self.scenario.horizon // MICROSECONDS_PER_DAY + 1
            dates = epoch.day + np.arange(n_dates, dtype=np.int64)
            self.months[length.months] = len(self.distribution_rows)
            self.distribution_rows.append((MONTHS, n_dates * len(self.month_lengths), n_dates, MICROSECONDS_PER_DAY))
            self.month_lengths.append((add_months(dates, length.months, VECTOR) - dates) * MICROSECONDS_PER_DAY)
        return self.months[length.months]

    def takes(self, choice: Choice[Length] | None) -> int:
        """Return the lookup of a distribution of lengths, -1 for none."""
        return -1 if choice is None else self.look.choice(choice, self.length, self.scenario, local=True)

    def outcome(self, choice: Choice[Shares], values: Sequence[Value]) -> int:
        """Return the lookup of the shares of a field's values."""
        numbers: dict[int, int] = {}

        def number(shares: Shares) -> int:
            if id(shares) not in numbers:
                numbers[id(shares)] = len(self.outcomes)
                self.outcomes.append((len(self.shares), len(shares.values)))
                self.shares += shares.cumulative
                self.outcome_index += [values.index(v) for v in shares.values]
            return numbers[id(shares)]

        return self.look.choice(choice, number, self.scenario, local=True)

    def outcomes_of(self, giver: Giver, purpose: str, outcome: Mapping[str, Choice[Shares]]) -> tuple[int, int, int]:
        """Add what an activity or an event gives; return the index of its first field, their number, and of `given`."""
        first, given = len(self.gives), len(self.given)
        if not outcome:  # nothing, or never: no case reaches it
            return first, 0, given
        stride = len(giver.fields) + 1
        for (name, values), own in reversed(list(zip(giver.gives, purposes(purpose, giver), strict=True))):
            lookup = self.outcome(outcome[name], values)
            self.gives.insert(first, (self.fields[name], lookup, stride, purpose_hash(own)))
            stride *= len(values)
        for each in giver.outcomes:
            self.given.append(self.outcome_labels.index(giver.label(each)))
            self.given += [codes(self.workflow, name)[value] for name, value in giver.written(each)]
        return first, len(giver.fields), given

    def add_effects(self, effects: Sequence[tuple[str, Value]]) -> tuple[int, int]:
        """Add effects, literals before increments; return the index of the first and their number."""
        first = len(self.effects)
        for counted in (False, True):
            for name, value in effects:
                if (value == INCREMENT) == counted:
                    domain = codes(self.workflow, name)
                    self.effects.append((self.fields[name], -1 if counted else domain[value], len(domain) - 1))
        return first, len(self.effects) - first

    # the whole -----------------------------------------------------------------------------------

    def model(self) -> KernelModel:
        """Build every array."""
        scenario = self.scenario
        transitions, decisions, guards, event_effects, policies = self._decisions()
        events = self._events()
        activities = self._activities()
        states = self._states()
        stations, pools, suspensions, queues, n_free = self._stations()
        hearings = self.hearings.arrays()
        calendars, intervals = self._calendars()
        unit = self.distribution(make_distribution("exponential", {"mean": 1.0}))
        margin = sum(int(max(s for _, s in sizes)) for p in scenario.pools.values() for sizes in p.sizes)
        margin *= 2 if scenario.preempts else 1
        margin += sum(
            p.batch.most * max(n for _, n in sizes) for p in scenario.pools.values() if p.batch is not None for sizes in p.sizes
        )
        margin += (len(self.events) + 2) * (len(self.states) + 2)
        fixed: dict[str, Any] = {
            "horizon": scenario.horizon,
            "most_visits": MOST_VISITS,
            "special": 1 if is_special(scenario) else None,
            "preempts": int(scenario.preempts),
            "waits": int(any(p.batch is not None and p.batch.patience is not None for p in scenario.pools.values())),
            "n_courts": len(scenario.courts),
            "court_field": self.court_field,
            "most_rings": MOST_RINGS,
            "lookups": structured(self.look.rows, arrays.LOOKUP),
            "fields": structured(self.look.dimensions, arrays.FIELD),
            "values": np.concatenate([*self.look.values, np.zeros(1, np.int32)]),
            "steps_of_lookups": structured(self.look.steps, arrays.STEP),
            "states": states,
            "decisions": np.array(decisions, np.int64),
            "transitions": structured(transitions, arrays.TRANSITION),
            "events": events,
            "guards": np.array([*guards, -1], np.int64),
            "event_effects": structured(event_effects, arrays.RANGE),
            "policies": structured(policies, arrays.POLICY, spare=False),
            "effects": structured(self.effects, arrays.EFFECT),
            "activities": activities,
            "levels": self.levels,
            **self.teams.arrays(n_free),
            "distributions": structured(self.distribution_rows, arrays.DISTRIBUTION),
            "cells": np.concatenate([*self.cells, np.zeros((1, 4))]),
            "steps": np.concatenate([*self.steps, np.zeros(1)]),
            "month_lengths": np.concatenate([*self.month_lengths, np.zeros(1, np.int64)]),
            "rates": self._rates(),
            "chances": np.array([*self.chances, 0.0]),
            "unit": self.distribution_rows[unit][1],
            "outcomes": structured(self.outcomes, arrays.RANGE),
            "shares": np.array([*self.shares, 0.0]),
            "outcome_index": np.array([*self.outcome_index, 0], np.int64),
            "gives": structured(self.gives, arrays.GIVES),
            "given": np.array([*self.given, 0], np.int64),
            "calendars": calendars,
            "intervals": intervals,
            "pools": pools,
            "suspensions": suspensions,
            "hearings": hearings.pop("hearings"),
            "changes": self._changes(),
            "dates": self._dates(),
            "n_fields": len(self.fields),
            "shift": max(0, scenario.horizon.bit_length() - _LOG_BUCKETS),
        }
        if fixed["special"] is None and (self.look.steps or _needs_special(fixed, stations)):
            raise RuntimeError("simulations.engines.variants.is_special lacks a case: the faster kernel cannot run this scenario")
        return KernelModel(
            fixed,
            hearings,
            stations,
            tuple(queues),
            n_free,
            margin,
            tuple(self.orders),
            tuple(self.priorities),
            tuple(self.case_lengths),
        )

    def _rates(self) -> Any:
        """Return the rates of hazards, with an upper bound on the draws that lead to a date before the horizon."""
        hazards = np.zeros(len(self.rates) + 1, arrays.RATE)
        hazards["rate"] = [*self.rates, 0.0]
        share = -np.expm1(-hazards["rate"] * self.scenario.horizon) * (1 + 1e-6) + 1e-9
        hazards["most"] = np.minimum(share, 1.0) * 2.0**53
        return hazards

    def _decisions(self) -> tuple[list[Any], list[int], list[int], list[Any], list[Any]]:
        """Return transitions, decisions, guards and effects of events, policy by policy."""
        transitions: list[Any] = []
        decisions: list[int] = []
        guards: list[int] = []
        event_effects: list[Any] = []
        policies: list[Any] = []
        since, courts = self._since(), range(len(self.scenario.courts) + 1)
        transfers = {name: self.outcome(shares, courts) for name, shares in self.scenario.transfers.items()}
        guard_class = self.source.guard_class
        triggers = {COMPLETE: TRIGGER_COMPLETE, ENTER: TRIGGER_ENTER}
        triggers |= {name: e for e, name in enumerate(self.events, start=FIRST_EVENT_TRIGGER)}
        width = FIRST_EVENT_TRIGGER + len(self.events)
        code = {name: i for i, name in enumerate(self.scenario.transition_names)}
        for policy, (tables, conditions) in zip(self.scenario.every_policy, self.source.decided, strict=True):
            workflow, offset = policy.workflow, len(transitions)
            policies.append((policy.start, policy.pinned, len(decisions), len(guards), len(event_effects)))
            for t in workflow.transitions:
                first, n = self.add_effects(t.effects)
                target = -1 if t.target is None else self.states.index(t.target)
                transfer = (transfers.get(t.name, arrays.NONE), purpose_hash(f"transfer:{t.name}"))
                transitions.append((code[t.name], target, first, n, since.get(code[t.name], 0), *transfer))
            here = [-1] * (len(self.states) * width)
            for m in tables:
                taken = m.next[guard_class].astype(np.int64)
                taken[taken >= 0] += offset
                here[self.states.index(m.point.state) * width + triggers[m.point.trigger]] = self.look.add(m.fields, taken)
            decisions += here
            for event in workflow.events.values():
                guard = conditions.get(event.name)
                guards.append(-1 if guard is None else self.look.add(guard.fields, guard.holds[guard_class]))
                event_effects.append(self.add_effects(event.effects))
        return transitions, decisions, guards, event_effects, policies

    def _since(self) -> dict[int, int]:
        """Return the clocks that each transition starts, as bits."""
        since: dict[int, int] = {}
        for e, name in enumerate(self.events):
            for code in self.scenario.timing_of(name).since:
                since[code] = since.get(code, 0) | 1 << e
        return since

    def _events(self) -> Any:
        rows = []
        for name in self.events:
            event, timing = self.workflow.events[name], self.scenario.timing_of(name)
            gives = self.outcomes_of(event, f"event:{name}", timing.outcome)
            after = self.takes(timing.after)
            chance, rate = self._numbers(timing.chance, self.chances, local=True), self._numbers(timing.hazard, self.rates)
            calendar = -1 if timing.working_days is None else self._calendar(timing.working_days)
            repeats = EVERY if timing.repeats else HAZARD if timing.hazard is not None else ONCE
            hashes = (purpose_hash(f"event:{name}"), purpose_hash(f"chance:{name}"))
            rows.append((*gives, after, chance, rate, timing.only_waiting, calendar, repeats, *hashes))
        return structured(rows, arrays.EVENT, spare=False)

    def _numbers(self, choice: Choice[float] | None, numbers: list[float], local: bool = False) -> int:
        """Return the lookup of a choice of numbers, -1 for none; the numbers are appended to a list."""
        if choice is None:
            return -1

        def number(value: float) -> int:
            numbers.append(value)
            return len(numbers) - 1

        return self.look.choice(choice, number, self.scenario, local)

    def _activities(self) -> Any:
        pools = list(self.scenario.pools)
        of_pool = {pool: [w.priority for w in self.scenario.work.values() if w.pool == pool] for pool in pools}
        self.ranked = {pool for pool, given in of_pool.items() if not all(isinstance(p, int | float) for p in given)}
        fixed = {pool: sorted({*given}) or [0] for pool, given in of_pool.items() if pool not in self.ranked}  # type: ignore[type-var]
        with_dates = {pool for pool in pools if self.scenario.pools[pool].dates}
        self.n_levels = {pool: len(fixed.get(pool, [0])) + (pool in with_dates) for pool in pools}
        rows = []
        for name, activity in self.workflow.activities.items():
            work = self.scenario.work.get(name)
            if work is None:  # no case reaches it
                rows.append((-1, -1, 0, 0, 0, -1, -1, 0, 0, -1, -1, 0, 1))
                continue
            pool = -1 if work.pool is None else pools.index(work.pool)
            level = fixed[work.pool].index(work.priority) if work.pool in fixed else 0
            if work.pool in with_dates:  # cases with a hearing date come first
                level = 0 if work.appointment is not None else level + 1
            for k, state in enumerate(self.workflow.states.values()):
                if state.activity == name:
                    self.levels[k] = level
            calendar = -1 if work.working_days is None else self._calendar(work.working_days)
            purpose = f"activity:{name}"
            gives = self.outcomes_of(activity, purpose, work.outcome)
            priority = (
                self._priority(work) if work.pool in self.ranked or (self.scenario.preempts and work.pool is not None) else -1
            )
            kinds = self.teams.add(work)
            hashes = (purpose_hash(purpose), purpose_hash(f"resample:{name}"))
            dated = (-1, 0, 1)
            if work.appointment is not None:
                dated = (self.takes(work.appointment.at_least), work.appointment.working, work.appointment.uses)
            rows.append((pool, priority, *gives, self.takes(work.takes), calendar, *hashes, kinds, *dated))
        return structured(rows, arrays.ACTIVITY, spare=False)

    def _priority(self, work: Work) -> int:
        """Return the lookup of a priority, or the number of a column of ranks if it depends on facts alone."""
        value, pool = work.priority, EVERY_POOL if self.scenario.preempts else str(work.pool)
        first = len(self.priorities)
        if isinstance(value, Expression) and not names(value) & set(self.fields):
            self.orders.append(Ranked(value, pool))
            return arrays.BY_FACTS + len(self.orders) - 1
        if isinstance(value, Expression):
            fields, columns = self.look.grid(names(value))
            values = np.broadcast_to(vector(value, columns.values, columns.missing), len(columns))
            distinct, table = np.unique(values, return_inverse=True)
            self.priorities += [(pool, float(number)) for number in distinct]
            return self.look.add(fields, first + table.ravel())
        choice = value if isinstance(value, Choice) else Choice(value)
        numbers = sorted(set(choice.leaves()))
        self.priorities += [(pool, number) for number in numbers]
        return self.look.choice(choice, lambda leaf: first + numbers.index(leaf), self.scenario)

    def _states(self) -> Any:
        activities = list(self.workflow.activities)
        timings = [self.scenario.timing_of(name) for name in self.events]
        clocks = [timing.event for timing in timings if timing.starts_on_entry]
        hazards = [timing.event for timing in timings if timing.hazard is not None]
        rows = []
        for state in self.workflow.states.values():
            activity = -1 if state.activity is None else activities.index(state.activity)
            counts = sum(1 << e for e, n in enumerate(self.events) if state.name in self.workflow.events[n].states)
            started = sum(1 << self.events.index(n) for n in clocks if state.name in self.workflow.events[n].states)
            late = sum(1 << self.events.index(n) for n in hazards if state.name in self.workflow.events[n].states)
            rows.append((STATE_KINDS[state.kind], activity, counts, started, late))
        return structured(rows, arrays.STATE, spare=False)

    def _stations(self) -> tuple[Any, Any, Any, list[int | None], int]:
        """Return stations, pools, suspensions, the court of each queue and the maximum number of servers."""
        rows: list[Any] = []
        pools: list[Any] = []
        suspensions: list[Any] = []
        queues: list[int | None] = []
        n_free = 0
        for k, (name, pool) in enumerate(self.scenario.pools.items()):
            ranked = name in self.ranked
            order, by = self._order(pool, ranked)
            levels = self.teams.n_queues(pool) or self.n_levels[name]
            pools.append((len(rows), pool.at_court))
            for court, (sizes, calendar) in enumerate(zip(pool.sizes, pool.calendars, strict=True)):
                here = self.scenario.suspensions_at(name, court)
                interrupts = may_be_interrupted(pool, sizes)
                limit, batch = pool.queue_limit, pool.batch or Batch(0, None, None)
                in_heap = (
                    interrupts
                    or ranked
                    or limit is not None
                    or pool.batch is not None
                    or self.teams.may_be_interrupted(pool)
                    or bool(pool.dates)
                )
                kept = FIRST_COME_IN_HEAP if in_heap and order == FIRST_COME else order
                teams, exempt = self.teams.of_station(pool, court), self.scenario.exemption(name, court)
                rows.append({
                    "busy": 0, "size": sizes[0][1], "begun": 0, "slots": -1 if pool.slots is None else pool.slots[0],
                    "calendar": self._calendar(calendar), "until": -1, "rule": SHIFT_END_RULES[pool.at_shift_end],
                    "order": kept, "by": by, "queue": len(queues), "n_levels": levels,
                    "free": n_free, "n_free": 0, "numbered": 0,
                    "exempt": -1 if exempt is None else self.look.expression(exempt),
                    "suspended": len(suspensions), "n_suspended": len(here), "touched": 0,
                    "interrupts": interrupts, "ranked": ranked, "pool": k,
                    "preempts": pool.preempt is not None, "mode": MODES[pool.preempt or "resume"],
                    "limit": -1 if limit is None else limit.cases,
                    "limit_event": -1 if limit is None else self.events.index(limit.event), "grew": 0,
                    "most": batch.most, "enough": -1 if batch.enough is None else batch.enough,
                    "patience": -1 if batch.patience is None else batch.patience,
                    **teams, **self.hearings.of_station(pool, court, len(rows)),
                })  # fmt: skip
                suspensions += [(s.start, s.end) for s in here]
                n_free += max(s for _, s in sizes)
                if kept == FIRST_COME:
                    holds: list[int | None] = [None]
                else:
                    variants = teams["variants"]
                    courts = range(teams["width"] // variants)
                    holds = [k for k in courts for _ in range(variants)] if len(courts) > 1 else [court if pool.at_court else -1]
                if self.scenario.transfers and kept != FIRST_COME:  # cases of all courts may come
                    holds = [-1] * len(holds)
                n_queues = 2 * levels if here and not teams["by_teams"] else levels
                queues += holds * (n_queues // len(holds))
        stations = structured([[row[name] for name in arrays.STATION.fields or ()] for row in rows], arrays.STATION, spare=False)
        stops = structured(suspensions, arrays.SUSPENSION)
        return stations, structured(pools, arrays.POOL), stops, queues, n_free

    def _order(self, pool: Pool, ranked: bool) -> tuple[int, int]:
        """Return the code of a pool's order, and the number of its lookup or column of ranks (-1 for none).

        Where priorities differ from case to case, `ranked`, an order is a rank, so that it fits into one number with them.
        """
        value = pool.order.value
        if value is None and ranked and pool.order.rule != "first_come":
            self.orders.append(Ranked(pool.order.rule))
            return BY_RANK, len(self.orders) - 1
        if value is None:
            return QUEUE_ORDERS[pool.order.rule], -1
        if isinstance(value, Choice):
            ranks = {v: i for i, v in enumerate(sorted(set(value.leaves())))}
            return BY_LOOKUP, self.look.choice(value, lambda leaf: ranks[leaf], self.scenario)
        if not names(value) & set(self.fields):
            self.orders.append(Ranked(value))
            return BY_RANK, len(self.orders) - 1
        fields, columns = self.look.grid(names(value))
        values = np.broadcast_to(vector(value, columns.values, columns.missing), len(columns))
        return BY_LOOKUP, self.look.add(fields, np.unique(values, return_inverse=True)[1].ravel())

    def _calendar(self, calendar: Calendar) -> int:
        """Return the number of a calendar, and add it if it is new."""
        number = next((i for i, each in enumerate(self.all_calendars) if each is calendar), len(self.all_calendars))
        if number == len(self.all_calendars):
            self.all_calendars.append(calendar)
        return number

    def _calendars(self) -> tuple[Any, Any]:
        rows: list[Any] = []
        intervals: list[Any] = []
        for calendar in self.all_calendars:
            rows.append((len(intervals), len(calendar.opens), calendar.longest))
            intervals += list(zip(calendar.opens, calendar.closes, calendar.worked, strict=False))
            intervals.append((0, 0, calendar.worked[-1]))
        return structured(rows, arrays.CALENDAR), structured(intervals, arrays.INTERVAL)

    def _changes(self) -> Any:
        """Return the changes of size, ends of suspensions, openings and ends of shifts, in order of time."""
        changes: list[Any] = [*self.hearings.changes]
        k = 0
        for name, pool in self.scenario.pools.items():
            for court, (sizes, calendar) in enumerate(zip(pool.sizes, pool.calendars, strict=True)):
                changes += [(time, k, CHANGES_SIZE, size) for time, size in sizes[1:]]
                changes += [(s.end, k, CHANGES_SIZE, -1) for s in self.scenario.suspensions_at(name, court)]
                changes += [(time, k, CHANGES_SIZE, -1) for time in self.scenario.dates_of_fit(pool)]
                changes += [(o, k, OPENS, c) for o, c in zip(calendar.opens, calendar.closes, strict=True)]
                changes += [(c, k, CLOSES, 0) for c in calendar.closes if pool.begins_again]
                if pool.dates or len({*(pool.slots or ())}) > 1:
                    begins = [not pool.dates or day != before for before, day in itertools.pairwise((-2, *calendar.days))]
                    slots = itertools.compress(zip(calendar.opens, pool.slots_on(calendar.days).tolist(), strict=True), begins)
                    changes += [(o, k, HAS_SLOTS, n) for o, n in slots]
                k += 1
        return structured(sorted(c for c in changes if 0 <= c[0] <= self.scenario.horizon), arrays.CHANGE, spare=False)

    def _dates(self) -> Any:
        dates = [
            (time, self.events.index(name), visit)
            for name, timing in self.scenario.event_timings.items()
            for visit, time in enumerate(timing.dates)
        ]
        return structured(sorted(d for d in dates if d[0] <= self.scenario.horizon), arrays.DATE, spare=False)


def _needs_special(fixed: Mapping[str, Any], stations: Any) -> bool:
    """Return whether the arrays of a model, besides its lookups, have what only the special kernel can run."""
    activities = fixed["activities"]
    flags = ("by_teams", "n_wakes", "interrupts", "ranked", "preempts")
    numbers = [stations["dates"], stations["limit"], stations["patience"], activities["kinds"]]
    return bool(
        any(stations[name].any() for name in flags)
        or (stations["most"] > 0).any()
        or any((values >= 0).any() for values in numbers)
        or (activities["notice"] != arrays.NONE).any()
        or (fixed["transitions"]["transfer"][:-1] != arrays.NONE).any()
        or (fixed["events"]["repeats"] == EVERY).any()
    )


def structured(rows: Sequence[Any], dtype: np.dtype[Any], spare: bool = True) -> Any:
    """Return rows as a structured array, with a spare one so that it is never empty."""
    array = np.zeros(len(rows) + spare, dtype)
    for i, row in enumerate(rows):
        array[i] = tuple(row)
    return array
