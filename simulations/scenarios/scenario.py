"""A scenario as data: arrivals, facts, working time, people and policies.

`simulations.loading` makes it from a file. It holds no random numbers: `simulations.scenarios.plan` draws the cases of
a replication, and an engine draws everything else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulations.chance.draws import Draws, SamplePath
from simulations.scenarios.format import AboutEntry, PublishedEntry
from simulations.scenarios.hearing_dates import HearingDates, hearing_dates
from simulations.scenarios.other_files import OtherFiles
from simulations.scenarios.quantities import Choice, Length, Shares
from simulations.scenarios.uncertainty import AnyUncertain, Input, changes_to, medians
from simulations.timing.calendar_spec import CalendarSpec
from simulations.timing.calendars import Calendar
from simulations.timing.clock import Epoch
from simulations.timing.hearing_dates import DatesAhead
from workflow.deciding.machine import fact_names
from workflow.deciding.table import Tabulator
from workflow.errors import InputError
from workflow.files.yaml_tree import Node, dump_yaml
from workflow.loading import catalog
from workflow.model.definition import Value, Workflow, as_words
from workflow.predicates import Expression, Field, Namespace, names, parse


@dataclass(frozen=True)
class Order:
    """The order of a queue: a `rule`, or the lowest `value` first."""

    rule: str = "first_come"
    value: Expression | Choice[float] | None = None


class QueueLimit(NamedTuple):
    """The largest number of cases in a queue, and the event that happens to the last case of a longer one."""

    cases: int
    event: str


class Batch(NamedTuple):
    """Cases on which a server works together.

    Attributes
    ----------
    most : int
        The largest number of cases.
    enough : int or None
        Work starts when so many cases wait.
    patience : int or None
        Work starts when a case has waited so long, in microseconds.
    """

    most: int
    enough: int | None
    patience: int | None


@dataclass(frozen=True)
class Pool:
    """A pool of servers, with one station for the nation or one at each court.

    Attributes
    ----------
    at_court : bool
        Whether each court has a station.
    sizes : tuple of ((microseconds, servers), ...), one for each station
        The size from each time on, by date, weekday and hour; the first time is 0.
    calendars : tuple of Calendar, one for each station
    at_shift_end : str
        A value of `simulations.timing.calendars.ShiftEnd`.
    slots : tuple of int, or None
        Maximum number of cases that a server starts in one working interval: of the seven dates from the start, and again of
        each seven dates after them.
    preempt : str or None
        How work goes on that a more urgent case or a smaller size has interrupted; ``None`` if they interrupt nothing.
    queue_limit : QueueLimit or None
    batch : Batch or None
        If a server works on several cases at once.
    overbook : float
        The cases that are booked for a date, as a multiple of its slots.
    dates : tuple of DatesAhead, one for each station
        The dates for which cases may be booked; empty if no case gets a hearing date.
    weekly : bool
        Whether the sizes change by weekday, also after the end of the run.
    given_title : str or None
        From the file.
    """

    name: str
    at_court: bool
    sizes: tuple[tuple[tuple[int, int], ...], ...]
    calendars: tuple[Calendar, ...]
    at_shift_end: str
    order: Order
    slots: tuple[int, ...] | None = None
    preempt: str | None = None
    queue_limit: QueueLimit | None = None
    batch: Batch | None = None
    overbook: float = 1.0
    dates: tuple[DatesAhead, ...] = ()
    weekly: bool = False
    given_title: str | None = None

    @property
    def title(self) -> str:
        """Return its title from the file, or its name as words."""
        return self.given_title or as_words(self.name)

    @property
    def begins_again(self) -> bool:
        """Whether the end of a shift interrupts work, which then begins again."""
        return self.at_shift_end in ("restart", "resample")

    def slots_on(self, days: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the slots of a server on dates, in days since the start."""
        return np.array(self.slots or (0,) * 7, np.int64)[np.asarray(days, np.int64) % 7]


@dataclass(frozen=True)
class Suspension:
    """A half-open period in which a pool starts no work at some courts, except for exempt cases.

    Attributes
    ----------
    announced : int
        When it becomes known, in microseconds since the start.
    """

    pool: str
    courts: tuple[int, ...]
    start: int
    end: int
    exempt: Expression | None
    announced: int = 0


EVER = -(2**63)
"""Before any time of a run."""


@dataclass(frozen=True)
class Policy:
    """A workflow that decides from a date on.

    Attributes
    ----------
    start : int
        Microseconds since the scenario's start; may be negative.
    pinned : bool
        Whether it decides only cases that arrive from then on.
    """

    start: int
    workflow: Workflow
    pinned: bool


@dataclass(frozen=True)
class Need:
    """Servers of one pool that the work on a case needs.

    Attributes
    ----------
    count : Choice of int
        Number of servers, at least 0.
    when : Expression or None
        Only cases that meet it need the servers.
    """

    pool: str
    count: Choice[int]
    when: Expression | None = None


@dataclass(frozen=True)
class Team:
    """Servers that work on a case together. The pool of the first need is never without a server.

    Attributes
    ----------
    takes : Choice of Length
        The length of the work of this team.
    """

    needs: tuple[Need, ...]
    takes: Choice[Length]

    @property
    def pools(self) -> tuple[str, ...]:
        """Return the pools of the needs, in order."""
        return tuple(need.pool for need in self.needs)


@dataclass(frozen=True)
class Appointment:
    """The hearing date that a case gets when work on it is enabled.

    Attributes
    ----------
    at_least : Choice of Length
        Fixed lengths, or lengths from facts.
    working : bool
        Whether they are working days of the pool.
    uses : int
        Number of slots that a case takes on its date.
    """

    at_least: Choice[Length]
    working: bool
    uses: int


@dataclass(frozen=True)
class Work:
    """Pools, length and outcome of an activity.

    Attributes
    ----------
    pool : str or None
        The pool whose queue cases join; ``None`` for a delay.
    teams : tuple of Team
        The teams that can do the work, in the order in which they are tried; none if one server of the pool does it.
    hold : bool
        Whether a case for which no team is free keeps all cases behind it from starting.
    outcome : mapping of str to Choice of Shares
        The shares of the values of each record field that the activity gives.
    priority : float, Expression or Choice of float
        Of all cases, or of each case by its facts and its record while it waits.
    appointment : Appointment or None
        The hearing date that a case gets.
    """

    activity: str
    pool: str | None
    takes: Choice[Length]
    outcome: Mapping[str, Choice[Shares]]
    priority: float | Expression | Choice[float]
    working_days: Calendar | None
    teams: tuple[Team, ...] = ()
    hold: bool = False
    appointment: Appointment | None = None

    @property
    def pools(self) -> tuple[str, ...]:
        """Return every pool that may do the work, the one whose queue cases join first."""
        own = () if self.pool is None else (self.pool,)
        return tuple(dict.fromkeys((*own, *(pool for team in self.teams for pool in team.pools))))

    @property
    def groups(self) -> list[list[Need]]:
        """Return what the work needs, in order: each entry is satisfied by one of its pools. Empty for a delay."""
        if not self.teams:
            return [] if self.pool is None else [[Need(self.pool, Choice(1))]]
        first, *others = (team.needs for team in self.teams)
        if not others:
            return [[need] for need in first]
        return [[needs[0] for needs in (first, *others)], *([need] for need in first[1:])]

    @property
    def lengths(self) -> list[Choice[Length]]:
        """Return the lengths of the work: of each team, if there are teams."""
        return list(dict.fromkeys(team.takes for team in self.teams)) or [self.takes]

    @property
    def counts(self) -> list[Choice[int]]:
        """Return the numbers of servers that teams need."""
        return list(dict.fromkeys(need.count for team in self.teams for need in team.needs))

    @property
    def conditions(self) -> list[Expression]:
        """Return the conditions under which servers are needed."""
        return list(dict.fromkeys(need.when for team in self.teams for need in team.needs if need.when is not None))

    @property
    def choices(self) -> list[Choice[Any]]:
        """Return everything that may differ from case to case, besides the conditions."""
        return [*self.lengths, *self.counts, *self.outcome.values(), *self.notices]

    @property
    def notices(self) -> list[Choice[Length]]:
        """Return the notice of its hearing dates, if it has any."""
        return [] if self.appointment is None else [self.appointment.at_least]


@dataclass(frozen=True)
class EventTiming:
    """When an outside event happens.

    Attributes
    ----------
    hazard : Choice of float, or None
        Events per microsecond over the case's whole life.
    after : Choice of Length, or None
        Delay after the case enters the event's states, or after a transition of `since`.
    repeats : bool
        Whether the clock starts again each time that it rings in the event's states.
    working_days : Calendar or None
        The calendar whose working days the delay counts; `calendar` has it as specified, for times before the run.
    began : str or None
        A date fact: the clock of a case has run since that date when the case enters the run.
    at_fact : str or None
        A date fact: the event happens to the case on that date.
    since : frozenset of int
        Indices in ``Scenario.transition_names``.
    chance : Choice of float, or None
        Probability that the clock starts.
    outcome : mapping of str to Choice of Shares
        The shares of the values of each record field that the event gives.
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
    outcome: Mapping[str, Choice[Shares]] = field(default_factory=dict)
    dates: tuple[int, ...] = ()
    only_waiting: bool = False
    repeats: bool = False
    working_days: Calendar | None = None
    calendar: CalendarSpec | None = None
    began: str | None = None
    at_fact: str | None = None

    @property
    def starts_on_entry(self) -> bool:
        """Whether a clock starts when a case enters the event's states."""
        return self.after is not None and not self.since and self.began is None

    @property
    def key(self) -> str:
        """Return the key of the lengths of its clock."""
        return "every" if self.repeats else "after"

    @property
    def dates_read(self) -> frozenset[str]:
        """Return the date facts that it depends on."""
        return frozenset(fact for fact in (self.began, self.at_fact) if fact is not None)

    @property
    def choices(self) -> list[Choice[Any]]:
        """Return everything that may differ from case to case."""
        return [c for c in (self.hazard, self.after, self.chance, *self.outcome.values()) if c is not None]


@dataclass(frozen=True)
class Costs:
    """Unit costs.

    Attributes
    ----------
    pools : mapping of str to float
        Cost of a microsecond of a server's paid time.
    activities : mapping of str to float
        Cost of each completion.
    per : tuple of str
        Measures that count cases; the total cost is divided by each.
    """

    currency: str
    pools: Mapping[str, float]
    activities: Mapping[str, float]
    per: tuple[str, ...]


@dataclass(frozen=True)
class Draw:
    """How a value is drawn: by shares, or from a distribution within bounds.

    Attributes
    ----------
    shares : Shares or None
    distribution : Distribution or None
        Of numbers; with `back`, of microseconds before the reference date of the facts.
    months : int or None
        With `back`: a fixed number of calendar months before that date, instead of the distribution.
    missing : float
        Probability that the value is missing.
    """

    shares: Shares | None = None
    distribution: Any = None
    back: bool = False
    months: int | None = None
    low: Expression | None = None
    high: Expression | None = None
    missing: float = 0.0


@dataclass(frozen=True)
class DrawnField:
    """A fact, or an initial record field, with its distribution."""

    name: str
    how: Choice[Draw]

    def reads(self) -> frozenset[str]:
        """Return the names of the fields that its distribution depends on."""
        return self._reads

    @cached_property
    def _reads(self) -> frozenset[str]:
        bounds = [bound for draw in self.how.leaves() for bound in (draw.low, draw.high) if bound is not None]
        return self.how.reads().union(*(names(bound) for bound in bounds))


@dataclass(frozen=True)
class Backlog:
    """Cases of one court that are open at the start: a number in one state, or the rows of a table."""

    court: int
    state: str | None
    count: int
    age: Choice[Length] | None
    people: tuple[DrawnField, ...]
    table: Any = None


class CountIn(NamedTuple):
    """An exact number of arrivals in a calendar month or year, in microseconds since the start.

    They fall evenly on the hours: the whole period, or the working intervals of a calendar. Only those in [since, until)
    happen: the part of the period that lies in the run.
    """

    hours: tuple[tuple[int, int], ...]
    since: int
    until: int
    n: int


@dataclass(frozen=True)
class Stream:
    """New cases of one court.

    Attributes
    ----------
    rate : tuple of (microseconds, events per microsecond), or None
        Of a Poisson process, from each time on.
    interarrival : Length or None
        Of a renewal process; `first` is the time of its first arrival.
    at : tuple of int, or None
        Times in microseconds since the start.
    table : CaseTable or None
    count : int or None
        Maximum number of cases.
    counts : tuple of CountIn, or None
        Exact numbers of cases in calendar months or years.
    hours : Calendar or None
        The working hours in which `interarrival` passes; `rate` and `counts` have their own.
    until : int or None
        Time of the last arrival, included.
    batch : Draw or None
        Number of cases that arrive together, at least 1.
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
    counts: tuple[CountIn, ...] | None = None
    hours: Calendar | None = None
    until: int | None = None
    batch: Draw | None = None

    @property
    def origin(self) -> str:
        """Return the origin of its cases: ``arrivals`` or ``table``."""
        return "arrivals" if self.table is None else "table"


@dataclass(frozen=True)
class Scenario:
    """A scenario: cases, facts, working time, people and policies around a workflow.

    Attributes
    ----------
    court_days : tuple of CalendarSpec or None, one for each court
        The calendar whose working days count ages.
    people : tuple of DrawnField
        In drawing order.
    policies : tuple of Policy
        In the order of their dates; before the first, ``workflow`` decides.
    transfers : mapping of str to Choice of Shares
        By transition: the shares of the courts to which its cases go, as indices; the number of courts stands for staying.
    tables_of_rotas : tuple
        What the tables of pool sizes and rates say, for the manifest.
    court_titles : mapping of str to str
        Of the courts that have a title.
    show : tuple of str
        The measures that lead; empty for the usual ones.
    uncertain : tuple of Uncertain or UncertainTable
        What is drawn once for each replication.
    drawn : mapping of str to float
        The uncertain inputs that were drawn for a replication, by name.
    derived : tuple of callable
        What has been done to the scenario since it was read from its document; see `derive`.
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
    transfers: Mapping[str, Choice[Shares]] = field(default_factory=dict)
    costs: Costs | None = None
    tables_of_rotas: tuple[object, ...] = ()
    court_titles: Mapping[str, str] = field(default_factory=dict)
    show: tuple[str, ...] = ()
    uncertain: tuple[AnyUncertain, ...] = ()
    drawn: Mapping[str, float] = field(default_factory=dict)
    derived: tuple[Callable[[Scenario], Scenario], ...] = field(default=(), repr=False)
    files: OtherFiles = field(default_factory=OtherFiles, repr=False, compare=False)

    @cached_property
    def epoch(self) -> Epoch:
        """Return time 0 of the run."""
        return Epoch(self.starts)

    @cached_property
    def horizon(self) -> int:
        """Return the end of the run in microseconds since its start; events at that time are included."""
        return self.epoch.end_of(self.ends)

    @cached_property
    def fact_names(self) -> tuple[str, ...]:
        """Return the names of a case's facts in order, the court last."""
        return (*fact_names(self.workflow), "court")

    @cached_property
    def every_policy(self) -> tuple[Policy, ...]:
        """Return the policies; the first is the scenario's own workflow, which decides from the beginning."""
        return (Policy(EVER, self.workflow, pinned=False), *self.policies)

    @cached_property
    def workflows(self) -> tuple[Workflow, ...]:
        """Return every workflow that may decide."""
        return tuple(policy.workflow for policy in self.every_policy)

    @cached_property
    def tabulator(self) -> Tabulator:
        """Return the tabulator of its decisions; it is shared by all replications."""
        return Tabulator(self.workflows)

    @cached_property
    def transition_names(self) -> tuple[str, ...]:
        """Return the names of the transitions of all policies without repetition, those of its own workflow first."""
        return tuple(dict.fromkeys(t.name for workflow in self.workflows for t in workflow.transitions))

    def timing_of(self, event: str) -> EventTiming:
        """Return when an outside event happens; without an entry in the scenario, never by itself."""
        return self.event_timings.get(event, EventTiming(event))

    def dates_of_fit(self, pool: Pool) -> list[int]:
        """Return the dates on which lengths of work in the queue of a pool change, if it must fit: first cases are tried again."""
        works = [work for work in self.work.values() if work.pool == pool.name]
        fitting = [work for work in works if any(self.pools[name].at_shift_end == "fit" for name in work.pools)]
        return sorted({date for work in fitting for takes in work.lengths for date, _ in takes.steps})

    @cached_property
    def preempts(self) -> bool:
        """Return whether more urgent cases interrupt work in one of the pools."""
        return any(pool.preempt is not None for pool in self.pools.values())

    @cached_property
    def batches(self) -> bool:
        """Return whether cases of one of the pools are served together."""
        return any(pool.batch is not None for pool in self.pools.values())

    @cached_property
    def queues_with_teams(self) -> frozenset[str]:
        """Return the pools whose queues have cases that teams serve."""
        return frozenset(work.pool for work in self.work.values() if work.teams and work.pool is not None)

    @cached_property
    def hearing_dates(self) -> Mapping[str, tuple[HearingDates, ...]]:
        """Return the hearing dates of each station of the pools for which cases are booked."""
        found = {}
        for pool in self.pools.values():
            if pool.dates:
                until = self.horizon if pool.weekly else None
                found[pool.name] = tuple(
                    hearing_dates(
                        ahead, sizes, pool.slots_on(ahead.days), pool.overbook,
                        [(s.start, s.end, s.announced) for s in self.suspensions_at(pool.name, court)], until,
                    )
                    for court, (ahead, sizes) in enumerate(zip(pool.dates, pool.sizes, strict=True))
                )  # fmt: skip
        return found

    def suspensions_at(self, pool: str, court: int) -> list[Suspension]:
        """Return the suspensions of a pool at a court."""
        return [s for s in self.suspensions if s.pool == pool and court in s.courts]

    def exemption(self, pool: str, court: int) -> Expression | None:
        """Return the condition that exempts cases; all suspensions of a station share it."""
        return next((s.exempt for s in self.suspensions_at(pool, court) if s.exempt is not None), None)

    @cached_property
    def namespace(self) -> Namespace:
        """Return the names that `by:` may use: facts, record fields, definitions and the court."""
        return scenario_namespace(self.workflow, self.courts)

    @cached_property
    def measured_if(self) -> Mapping[str, Expression]:
        """Return the conditions under which the workflow's measures count a case, by their source text."""
        facts = Namespace({n: f for n, f in self.namespace.fields.items() if f.role == "fact"}, self.workflow.definitions)
        return {m.if_: parse(m.if_, facts) for m in self.workflow.measures if m.if_ is not None}

    def default(self, name: str) -> Value:
        """Return the default of a fact or record field."""
        return self.workflow.defaults[name]

    def __repr__(self) -> str:
        n = len(self.courts)
        where = f"{n} court{'s' if n > 1 else ''}"
        return f"<Scenario {self.name!r}: {self.starts} to {self.ends}, {where}, workflow {self.workflow.name!r}>"

    def change(self, changes: Mapping[str, Any] | Sequence[str], workflow: Workflow | None = None) -> Scenario:
        """Return a scenario with other values at some paths, or with another workflow; see `change_scenario`."""
        from simulations import change_scenario

        return change_scenario(self, changes, workflow)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Return what is uncertain."""
        return tuple(i for each in self.uncertain for i in each.inputs)

    def certain(self) -> Scenario:
        """Return the scenario with every uncertain input at its median."""
        return self.with_inputs(medians(self.uncertain)) if self.uncertain else self

    def in_replication(self, path: Draws) -> Scenario:
        """Return the scenario with the uncertain inputs of one replication.

        Parameters
        ----------
        path : Draws
            The draws of the replication: ``SamplePath(seed, replication)``.
        """
        if not self.uncertain:
            return self
        values = self._drawn(path)
        return replace(self.with_inputs(values), drawn=values)

    def draws(self, seed: int, replication: int) -> dict[str, float]:
        """Return the uncertain inputs of a replication, by name."""
        return self._drawn(SamplePath(seed, replication))

    def _drawn(self, path: Draws) -> dict[str, float]:
        return {name: value for each in self.uncertain for name, value in each.draw(path).items()}

    def with_inputs(self, values: Mapping[str, float]) -> Scenario:
        """Return the scenario with these values of uncertain inputs, and nothing uncertain.

        Parameters
        ----------
        values : mapping of str to float
            By the names of `inputs`. Inputs that are left out keep what the file says.

        Raises
        ------
        InputError
            If the scenario is not valid with them.
        """
        try:
            changed = self.change(changes_to(self.inputs, values))
        except InputError as error:
            drawn = ", ".join(f"{name} = {value:.6g}" for name, value in values.items())
            raise InputError([f"{self.name}: with {drawn}: {problem.message}" for problem in error.problems]) from None
        for function in self.derived:
            changed = function(changed)
        if all(one is other for one, other in zip(changed.workflows, self.workflows, strict=True)):
            changed.__dict__["tabulator"] = self.tabulator
        return changed

    def derive(self, function: Callable[[Scenario], Scenario]) -> Scenario:
        """Return what a function makes of the scenario, and of every scenario that is drawn from it.

        Parameters
        ----------
        function : callable
            It can be pickled if worker processes are to run the scenario.
        """
        derived = function(self)
        return replace(derived, uncertain=self.uncertain, drawn=self.drawn, derived=(*self.derived, function))

    def to_yaml(self) -> str:
        """Return a scenario file that loads to the same scenario, from any folder.

        Tables and workflows in files have their whole path. A workflow that is in no file has its name: put the text of
        ``scenario.workflow.to_yaml()`` into the same folder.
        """
        content = with_whole_paths(self.document)
        content["workflow"] = _name_of(self.workflow, content["workflow"])
        for entry, policy in zip(content.get("policies") or (), self.policies, strict=False):
            entry["workflow"] = _name_of(policy.workflow, entry["workflow"])
        return self.document.written() if content == self.plain() else dump_yaml(content)

    def plain(self) -> dict[str, Any]:
        """Return the content of the file, with `extends:` merged, as plain values."""
        content: dict[str, Any] = self.document.plain()
        return content


def with_whole_paths(node: Node, key: object = None) -> Any:
    """Return the content of a scenario, in which the files of tables have their whole paths."""
    if isinstance(node.value, dict):
        return {
            name: with_whole_paths(child, "table" if (key, name) == ("table", "file") else name)
            for name, child in node.value.items()
        }
    if isinstance(node.value, list):
        return [with_whole_paths(child) for child in node.value]
    return str(Path(node.folder, node.value).absolute()) if key == "table" and isinstance(node.value, str) else node.value


def _name_of(workflow: Workflow, given: str) -> str:
    """Return the whole path of the file of a workflow, or its name if it is built in or in no file."""
    file = Path(workflow.document.source.name)
    if given in catalog() or not file.is_file():
        return given
    return str(file.absolute())


def scenario_namespace(workflow: Workflow, courts: tuple[str, ...]) -> Namespace:
    """Return the namespace of the workflow with the court."""
    court = Field("court", "enum", "fact", values=courts)
    return Namespace({**workflow.namespace.fields, "court": court}, workflow.definitions)
