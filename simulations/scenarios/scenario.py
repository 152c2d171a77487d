"""A scenario as the rest of the project uses it: what the world does to the cases of a workflow.

`simulations.loading` makes it from a file. It holds no random number: `simulations.scenarios.plan` draws the
population of one replication, an engine the rest.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from simulations.scenarios.format import AboutEntry, PublishedEntry
from simulations.scenarios.quantities import Choice, Length, Shares
from simulations.timing.calendar_spec import CalendarSpec
from simulations.timing.calendars import Calendar
from simulations.timing.clock import Epoch
from workflow.deciding.machine import fact_names
from workflow.deciding.table import Tabulator
from workflow.files.yaml_tree import Node
from workflow.model.definition import Value, Workflow
from workflow.predicates import Expression, Field, Namespace, names, parse

__all__ = [
    "Backlog",
    "Costs",
    "Draw",
    "DrawnField",
    "EventTiming",
    "Order",
    "Policy",
    "Pool",
    "Scenario",
    "Stream",
    "Suspension",
    "Work",
]


@dataclass(frozen=True)
class Order:
    """In which order a queue is served: by `rule`, or by the lowest `value`."""

    rule: str = "first_come"
    value: Expression | Choice[float] | None = None


@dataclass(frozen=True)
class Pool:
    """People who do the work.

    Attributes
    ----------
    at_court : bool
        Whether each court has its own.
    sizes : tuple, one entry a place, of ((microseconds, servers), ...)
        The size from each time on; the first time is 0.
    calendars : tuple of Calendar, one a place
    at_shift_end : str
        What becomes of work in hand when an interval ends; see `simulations.timing.calendars.ShiftEnd`.
    slots : int or None
        How many cases each server starts in one interval at most.
    """

    name: str
    at_court: bool
    sizes: tuple[tuple[tuple[int, int], ...], ...]
    calendars: tuple[Calendar, ...]
    at_shift_end: str
    order: Order
    slots: int | None = None


@dataclass(frozen=True)
class Suspension:
    """A time, half-open, in which a pool starts no work in some courts but for excepted cases."""

    pool: str
    courts: tuple[int, ...]
    start: int
    end: int
    exempt: Expression | None


EVER = -(2**63)
"""An instant before all others."""


@dataclass(frozen=True)
class Policy:
    """A workflow that decides from a date on.

    Attributes
    ----------
    start : int
        Microseconds since the scenario's start; may be negative.
    pinned : bool
        Whether it decides only the cases that arrive from then on.
    """

    start: int
    workflow: Workflow
    pinned: bool


@dataclass(frozen=True)
class Work:
    """How long an activity takes, who does it, what it finds."""

    activity: str
    pool: str | None
    takes: Choice[Length]
    outcome: Choice[Shares] | None
    priority: int
    working_days: Calendar | None


@dataclass(frozen=True)
class EventTiming:
    """When an outside event happens.

    Attributes
    ----------
    hazard : Choice of float, or None
        Events per microsecond over the case's whole life.
    after : Choice of Length, or None
        From entering the event's states, or from a transition of `since`.
    since : frozenset of int
        Places in ``Scenario.transition_names``.
    chance : Choice of float, or None
        The probability that the clock starts at all.
    dates : tuple of int
        Microseconds since the start at which it happens to every case.
    only_waiting : bool
        Whether it counts only while a case waits in a queue.
    """

    event: str
    hazard: Choice[float] | None = None
    after: Choice[Length] | None = None
    since: frozenset[int] = frozenset()
    chance: Choice[float] | None = None
    outcome: Choice[Shares] | None = None
    dates: tuple[int, ...] = ()
    only_waiting: bool = False


@dataclass(frozen=True)
class Costs:
    """What things cost.

    Attributes
    ----------
    pools : mapping of str to float
        Money for a microsecond of a server's paid time.
    activities : mapping of str to float
        Money each time that one is completed.
    per : tuple of str
        Measures of cases by which the total is divided.
    """

    currency: str
    pools: Mapping[str, float]
    activities: Mapping[str, float]
    per: tuple[str, ...]


@dataclass(frozen=True)
class Draw:
    """How one value of a person is drawn: by shares or from a distribution, within bounds.

    Attributes
    ----------
    shares : Shares or None
    distribution : Distribution or None
        Of numbers, or with `back` of microseconds before the reference date of the facts.
    """

    shares: Shares | None = None
    distribution: Any = None
    back: bool = False
    low: Expression | None = None
    high: Expression | None = None
    missing: float = 0.0


@dataclass(frozen=True)
class DrawnField:
    """A fact, or a record field at the start, and how it is distributed."""

    name: str
    how: Choice[Draw]

    def reads(self) -> frozenset[str]:
        """Return the names of the fields that it is made of."""
        bounds = [bound for draw in self.how.leaves() for bound in (draw.low, draw.high) if bound is not None]
        return self.how.reads().union(*(names(bound) for bound in bounds))


@dataclass(frozen=True)
class Backlog:
    """Cases that are open at the start, in one state of one court; or the rows of a table."""

    court: int
    state: str | None
    count: int
    age: Choice[Length] | None
    people: tuple[DrawnField, ...]
    table: Any = None


@dataclass(frozen=True)
class Stream:
    """New cases of one court.

    Attributes
    ----------
    rate : tuple of (microseconds, events per microsecond), or None
    interarrival : Length or None
    first : int or None
    at : tuple of int, or None
    table : rows of a table, or None
    """

    name: str
    court: int
    state: str
    people: tuple[DrawnField, ...]
    rate: tuple[tuple[int, float], ...] | None = None
    interarrival: Length | None = None
    first: int | None = None
    at: tuple[int, ...] | None = None
    table: Any = None
    count: int | None = None

    @property
    def origin(self) -> str:
        """Return where its cases come from: ``arrivals`` or ``table``."""
        return "arrivals" if self.table is None else "table"


@dataclass(frozen=True)
class Scenario:
    """What the world does: how many cases, which facts, how long things take, how many people work.

    Attributes
    ----------
    horizon : int
        Microseconds from the start to 24:00 of the last date.
    courts : tuple of str
    court_days : tuple of CalendarSpec or None, one a court
        The calendar in whose working days a court counts ages.
    people : tuple of DrawnField
        In the order in which they are drawn.
    policies : tuple of Policy
        In the order of their dates; before the first, ``workflow`` decides.
    """

    name: str
    description: str | None
    workflow: Workflow
    starts: dt.date
    ends: dt.date
    warm_up: dt.date | None
    courts: tuple[str, ...]
    court_days: tuple[CalendarSpec | None, ...]
    calendars: Mapping[str, Calendar]
    pools: Mapping[str, Pool]
    suspensions: tuple[Suspension, ...]
    work: Mapping[str, Work]
    event_timings: Mapping[str, EventTiming]
    people: tuple[DrawnField, ...]
    backlog: tuple[Backlog, ...]
    streams: tuple[Stream, ...]
    published: tuple[PublishedEntry, ...]
    about: AboutEntry
    document: Node = field(repr=False)
    policies: tuple[Policy, ...] = ()
    costs: Costs | None = None

    @cached_property
    def epoch(self) -> Epoch:
        """Return the moment 0 of the run."""
        return Epoch(self.starts)

    @cached_property
    def horizon(self) -> int:
        """Return the end of the run in microseconds since its start; events at that instant are included."""
        return self.epoch.end_of(self.ends)

    @cached_property
    def fact_names(self) -> tuple[str, ...]:
        """Return the names of a case's facts in their order, the court last."""
        return (*fact_names(self.workflow), "court")

    @cached_property
    def every_policy(self) -> tuple[Policy, ...]:
        """Return the policies with the scenario's own workflow as the first, which decides from ever on."""
        return (Policy(EVER, self.workflow, pinned=False), *self.policies)

    @cached_property
    def workflows(self) -> tuple[Workflow, ...]:
        """Return every workflow that may decide."""
        return tuple(policy.workflow for policy in self.every_policy)

    @cached_property
    def tabulator(self) -> Tabulator:
        """Return what makes the tables of its decisions, of one population after another."""
        return Tabulator(self.workflows)

    @cached_property
    def transition_names(self) -> tuple[str, ...]:
        """Return the names of the transitions of every policy, each once, the workflow's own first."""
        return tuple(dict.fromkeys(t.name for workflow in self.workflows for t in workflow.transitions))

    def timing_of(self, event: str) -> EventTiming:
        """Return when an outside event happens; without an entry in the scenario, never by itself."""
        return self.event_timings.get(event, EventTiming(event))

    def suspensions_at(self, pool: str, court: int) -> list[Suspension]:
        """Return the suspensions of a pool's place."""
        return [s for s in self.suspensions if s.pool == pool and court in s.courts]

    def exemption(self, pool: str, court: int) -> Expression | None:
        """Return the condition under which a case is served all the same: one for all suspensions of a place."""
        return next((s.exempt for s in self.suspensions_at(pool, court) if s.exempt is not None), None)

    @cached_property
    def namespace(self) -> Namespace:
        """Return the names that `by:` may use: facts, record, definitions and the court."""
        return scenario_namespace(self.workflow, self.courts)

    @cached_property
    def measured_if(self) -> Mapping[str, Expression]:
        """Return the conditions on facts under which the workflow's measures count a case, by their texts."""
        facts = Namespace(
            {n: f for n, f in self.namespace.fields.items() if f.role == "fact"}, self.workflow.definitions
        )
        return {m.if_: parse(m.if_, facts) for m in self.workflow.measures if m.if_ is not None}

    def default(self, name: str) -> Value:
        """Return a fact's value where nothing else is said."""
        return self.workflow.defaults[name]

    def plain(self) -> dict[str, Any]:
        """Return the file's content, `extends:` merged in, as plain values."""
        content: dict[str, Any] = self.document.plain()
        return content


def scenario_namespace(workflow: Workflow, courts: tuple[str, ...]) -> Namespace:
    """Return the workflow's names and the court."""
    court = Field("court", "enum", "fact", values=courts)
    return Namespace({**workflow.namespace.fields, "court": court}, workflow.definitions)
