"""Reduce a scenario to the part on which a date depends, so that a staffing search runs faster.

The date on which the last case leaves a state depends on the servers of the state's pool, on all other cases that the pool
serves, and on how these cases reach it. It does not depend on what happens to a case that can no longer return to the
pool, on the pools of other courts, or on facts that no kept part reads. A random draw depends only on the seed, the
replication, the case and the purpose. The reduced scenario therefore has the same draws, and the same date to the
microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from simulations.scenarios.quantities import Choice, Shares
from simulations.scenarios.scenario import Backlog, DrawnField, EventTiming, Scenario, Stream, Work
from workflow.model.definition import State, StateKind, Transition, Workflow
from workflow.predicates import Expression, names


def what_matters(scenario: Scenario, measure: str, court: str = "all") -> Scenario:
    """Return the part of a scenario on which a measure that is a date depends.

    Parameters
    ----------
    scenario : Scenario
    measure : str
        A measure with ``emptied:`` in the workflow.
    court : str
        ``all`` for all courts together.

    Returns
    -------
    Scenario
        This measure has the same value in every replication; all other results differ. The scenario itself is returned
        if all of it matters, or if its cases come from tables. Omitted cases and facts are not checked.
    """
    (state,) = (str(m.emptied) for m in scenario.workflow.measures if m.measure == measure)
    if any(b.table is not None for b in scenario.backlog) or any(s.table is not None for s in scenario.streams):
        return scenario
    kept = relevant_states(scenario, state)
    pools = {pool for name, work in scenario.work.items() if _at(scenario, kept, name) for pool in work.pools}
    courts = range(len(scenario.courts))
    transfers = {
        name: shares for name, shares in scenario.transfers.items() if any(t.name == name for t in _from(scenario, kept))
    }
    if court != "all" and not transfers and all(scenario.pools[name].at_court for name in pools):
        courts = range(scenario.courts.index(court), scenario.courts.index(court) + 1)
    backlog = _backlog(scenario, kept, courts)
    streams = tuple(s for s in scenario.streams if s.state in kept and s.court in courts)
    timings = _event_timings(scenario, kept)
    read = _read(scenario, kept, timings)
    work = {name: _without_outcome(scenario, work, read) for name, work in scenario.work.items() if _at(scenario, kept, name)}
    read = read.union(*(b.age.reads() for b in backlog if b.age is not None))
    own = [t for people in (*(b.people for b in backlog), *(s.people for s in streams)) for t in people]
    drawn, read = _drawn_fields([*scenario.people, *own], read)
    return replace(
        scenario,
        workflow=_reduced(scenario.workflow, kept, read, measure, timings),
        policies=tuple(replace(p, workflow=_reduced(p.workflow, kept, read, measure, timings)) for p in scenario.policies),
        court_days=(None,) * len(scenario.courts),
        pools={name: pool for name, pool in scenario.pools.items() if name in pools},
        suspensions=tuple(s for s in scenario.suspensions if s.pool in pools),
        transfers=transfers,
        work=work,
        event_timings=timings,
        people=tuple(t for t in scenario.people if t.name in drawn),
        backlog=tuple(replace(b, people=_people(b, drawn)) for b in backlog),
        streams=tuple(replace(s, people=_people(s, drawn)) for s in streams),
        published=(),
        costs=None,
    )


def _people(source: Backlog | Stream, drawn: frozenset[str]) -> tuple[DrawnField, ...]:
    return tuple(field for field in source.people if field.name in drawn)


# states --------------------------------------------------------------------------------------------


def relevant_states(scenario: Scenario, state: str) -> frozenset[str]:
    """Return the states in which a case can affect when other cases leave a state.

    These are the state itself, all states served by one of its pools, and recursively all states that lead to one of them.
    """
    if _is_served_in_order(scenario, state):
        return frozenset([state])
    relevant = {state}
    while True:
        pools = {pool for name in relevant for pool in _pools_of(scenario, name)}
        more = {name for name in scenario.workflow.states if not pools.isdisjoint(_pools_of(scenario, name))}
        more |= {s for t in _live(scenario) if t.target in relevant for s in t.sources}
        if more <= relevant:
            return frozenset(relevant)
        relevant |= more


def _is_served_in_order(scenario: Scenario, state: str) -> bool:
    """Return whether the initial cases of a state are served before all later arrivals.

    This holds for first come, first served, if the pool serves only this state and every case that begins in the state
    is in it from the start of the run. Cases that return later then do not matter.
    """
    name, *others = _pools_of(scenario, state) or ("",)
    pool = scenario.pools.get(name)
    if (
        pool is None
        or others
        or scenario.queues_with_teams
        or (pool.order.rule, pool.order.value) != ("first_come", None)
        or pool.at_shift_end == "fit"
        or pool.preempt is not None
        or pool.queue_limit is not None
        or pool.batch is not None
        or scenario.transfers
        or pool.dates  # a date that is given up goes to a later case
    ):
        return False
    served = [name for name in scenario.workflow.states if pool.name in _pools_of(scenario, name)]
    exempted = any(s.pool == pool.name and s.exempt is not None for s in scenario.suspensions)
    instant = any(scenario.workflow.states[str(b.state)].kind is StateKind.INSTANT for b in scenario.backlog)
    entered = any(t.at_entry and state in t.sources for w in scenario.workflows for t in w.transitions)
    activity = scenario.workflow.states[state].activity or ""
    return (
        served == [state]
        and isinstance(scenario.work[activity].priority, int | float)
        and not exempted
        and not instant  # such cases would also reach the state at the start
        and not entered
        and all(s.state != state for s in scenario.streams)
    )


def _pools_of(scenario: Scenario, state: str) -> tuple[str, ...]:
    """Return the pools whose servers may work on a case in a state."""
    work = scenario.work.get(scenario.workflow.states[state].activity or "")
    return () if work is None else work.pools


def _live(scenario: Scenario) -> list[Transition]:
    """Return the transitions, of all policies, that have no events or an event that can occur."""
    every = (t for workflow in scenario.workflows for t in workflow.transitions)
    return [t for t in every if not t.events or any(name in scenario.event_timings for name in t.events)]


def _at(scenario: Scenario, kept: Iterable[str], activity: str) -> bool:
    """Return whether an activity is performed in one of the kept states."""
    return any(scenario.workflow.states[name].activity == activity for name in kept)


# cases, events and facts -----------------------------------------------------------------------------


def _backlog(scenario: Scenario, kept: frozenset[str], courts: range) -> tuple[Backlog, ...]:
    """Return the backlogs that matter, and those before them in the same court, so that case numbers do not change."""
    backlogs: list[Backlog] = []
    for court in courts:
        of_court = [b for b in scenario.backlog if b.court == court]
        last = max((i for i, b in enumerate(of_court) if b.state in kept), default=-1)
        backlogs += of_court[: last + 1]
    return tuple(backlogs)


def _event_timings(scenario: Scenario, kept: frozenset[str]) -> dict[str, EventTiming]:
    """Return the events that move a case in the kept states, or write a record field that is read there."""
    timings, moves = scenario.event_timings, [t for t in _from(scenario, kept) if t.target is not None]
    relevant = {name for name in timings if any(name in t.events for t in moves)}
    while True:
        read = _read(scenario, kept, relevant)
        more = {name for name in timings if _writes(scenario, kept, name) & read}
        if more <= relevant:
            return {name: timing for name, timing in timings.items() if name in relevant}
        relevant |= more


def _from(scenario: Scenario, kept: frozenset[str]) -> list[Transition]:
    return [t for workflow in scenario.workflows for t in workflow.transitions if kept.intersection(t.sources)]


def _writes(scenario: Scenario, kept: frozenset[str], event: str) -> frozenset[str]:
    written: set[str] = set()
    for workflow in scenario.workflows:
        own = workflow.events[event]
        written |= {*(name for name, _ in own.effects), *own.fields}
    written |= {name for t in _from(scenario, kept) if event in t.events for name, _ in t.effects}
    return frozenset(written)


def _read(scenario: Scenario, kept: frozenset[str], timings: Iterable[str]) -> frozenset[str]:
    """Return the facts and record fields that the kept states and events read, outcomes that are read included."""
    conditions: list[Expression | None] = [t.guard for t in _from(scenario, kept)]
    conditions += [w.events[name].guard for w in scenario.workflows for name in timings]
    works = [work for name, work in scenario.work.items() if _at(scenario, kept, name)]
    choices: list[Any] = [choice for work in works for choice in (*work.lengths, *work.counts, *work.notices)]
    choices += [shares for name, shares in scenario.transfers.items() if any(t.name == name for t in _from(scenario, kept))]
    conditions += [condition for work in works for condition in work.conditions]
    choices += [choice for name in timings for choice in scenario.event_timings[name].choices]
    pools = {pool for name in kept for pool in _pools_of(scenario, name)}
    ranks: list[Any] = [scenario.pools[name].order.value for name in pools]
    ranks += [work.priority for work in works]
    conditions += [rank for rank in ranks if isinstance(rank, Expression)]
    choices += [rank for rank in ranks if isinstance(rank, Choice)]
    conditions += [s.exempt for s in scenario.suspensions if s.pool in pools]
    read = frozenset[str]().union(
        *(names(c) for c in conditions if c is not None), *(c.reads() for c in choices if c is not None)
    )
    read = read.union(*(scenario.event_timings[name].dates_read for name in timings))
    outcomes = [(name, choice.reads()) for work in works for name, choice in work.outcome.items()]
    while (more := read.union(*(reads for name, reads in outcomes if name in read))) != read:
        read = more
    return read


def _without_outcome(scenario: Scenario, work: Work, read: frozenset[str]) -> Work:
    """Give work a constant outcome in the fields that nothing reads."""
    values = dict(scenario.workflow.activities[work.activity].gives)
    constant = {name: Choice(Shares(values[name][:1], (1.0,))) for name in work.outcome if name not in read}
    return replace(work, outcome={**work.outcome, **constant})


def _drawn_fields(people: Iterable[DrawnField], read: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the fields to draw, with those that they depend on, and all names that are then read."""
    every = list(people)
    while True:
        more = read.union(*(field.reads() for field in every if field.name in read))
        if more == read:
            return frozenset(t.name for t in every if t.name in read), read
        read = more


# the workflow ----------------------------------------------------------------------------------------


def _reduced(
    workflow: Workflow, kept: frozenset[str], read: frozenset[str], measure: str, timings: Mapping[str, EventTiming]
) -> Workflow:
    """Make all other states final. States, transitions and events keep their order and names."""
    return replace(
        workflow,
        facts={name: field for name, field in workflow.facts.items() if name in read},
        definitions={n: e for n, e in workflow.definitions.items() if names(e) <= {*read, *workflow.record}},
        assumptions=(),
        states={name: _ended(state, kept) for name, state in workflow.states.items()},
        transitions=tuple(_left(t, kept) for t in workflow.transitions),
        events={name: event if name in timings else replace(event, guard=None) for name, event in workflow.events.items()},
        rules=(),
        measures=tuple(m for m in workflow.measures if m.measure == measure),
    )


def _ended(state: State, kept: frozenset[str]) -> State:
    return state if state.name in kept else replace(state, kind=StateKind.FINAL, activity=None)


def _left(transition: Transition, kept: frozenset[str]) -> Transition:
    sources = tuple(name for name in transition.sources if name in kept)
    return replace(transition, sources=sources) if sources else replace(transition, sources=(), guard=None, events=())
