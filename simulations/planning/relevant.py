"""What of a scenario can a date depend on? The rest need not be run to know it.

The date on which the last case has left a state depends on the servers of that state's pool, on whoever else is served by
them, and on how these come there. Whatever happens to a case after it can no longer come back does not matter, nor does
another court's pool, nor a fact that nothing of this reads. Since each draw depends on the seed, the replication, the case
and the purpose alone, what is left has the same draws, and so the same date to the microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from simulations.scenarios.quantities import Choice, Shares
from simulations.scenarios.scenario import Backlog, DrawnField, EventTiming, Scenario, Stream, Work
from workflow.model.definition import State, StateKind, Transition, Workflow
from workflow.predicates import Expression, names

__all__ = ["relevant_states", "what_matters"]


def what_matters(scenario: Scenario, measure: str, court: str = "all") -> Scenario:
    """Return the part of a scenario on which a measure that is a point in time depends.

    Parameters
    ----------
    scenario : Scenario
    measure : str
        With ``emptied:`` in the workflow.
    court : str
        ``all`` for all courts together.

    Returns
    -------
    Scenario
        For which this one measure is the same in every replication, and nothing else is; the scenario itself if all of it
        matters, or if its cases come from tables. Cases and facts that are left out are not checked either.
    """
    (state,) = (str(m.emptied) for m in scenario.workflow.measures if m.measure == measure)
    if any(b.table is not None for b in scenario.backlog) or any(s.table is not None for s in scenario.streams):
        return scenario
    kept = relevant_states(scenario, state)
    pools = {work.pool for name, work in scenario.work.items() if work.pool and _at(scenario, kept, name)}
    courts = range(len(scenario.courts))
    if court != "all" and all(scenario.pools[name].at_court for name in pools):
        courts = range(scenario.courts.index(court), scenario.courts.index(court) + 1)
    backlog = _backlog(scenario, kept, courts)
    streams = tuple(s for s in scenario.streams if s.state in kept and s.court in courts)
    timings = _event_timings(scenario, kept)
    read = _read(scenario, kept, timings)
    work = {
        name: _without_outcome(scenario, work, read)
        for name, work in scenario.work.items()
        if _at(scenario, kept, name)
    }
    read = frozenset().union(
        read,
        *(choice.reads() for w in work.values() for choice in (w.takes, w.outcome) if choice is not None),
        *(b.age.reads() for b in backlog if b.age is not None),
    )
    own = [t for people in (*(b.people for b in backlog), *(s.people for s in streams)) for t in people]
    drawn, read = _drawn_fields([*scenario.people, *own], read)
    return replace(
        scenario,
        workflow=_reduced(scenario.workflow, kept, read, measure, timings),
        policies=tuple(
            replace(p, workflow=_reduced(p.workflow, kept, read, measure, timings)) for p in scenario.policies
        ),
        court_days=(None,) * len(scenario.courts),
        pools={name: pool for name, pool in scenario.pools.items() if name in pools},
        suspensions=tuple(s for s in scenario.suspensions if s.pool in pools),
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
    """Return the states in which what a case does can change when another leaves a state.

    These are the state, whatever the same pool serves, and every state from which a case can come there; and so on.
    """
    if _is_served_in_order(scenario, state):
        return frozenset([state])
    found = {state}
    while True:
        pools = {pool for name in found if (pool := _pool_of(scenario, name)) is not None}
        more = {name for name in scenario.workflow.states if _pool_of(scenario, name) in pools}
        more |= {s for t in _live(scenario) if t.target in found for s in t.sources}
        if more <= found:
            return frozenset(found)
        found |= more


def _is_served_in_order(scenario: Scenario, state: str) -> bool:
    """Say whether who waits in a state from the start on is never overtaken by who comes there later.

    So it is with first come, first served, where the pool serves this state alone and everybody who begins there does so
    at the start. Then it does not matter who comes back.
    """
    pool = scenario.pools.get(_pool_of(scenario, state) or "")
    if pool is None or (pool.order.rule, pool.order.value) != ("first_come", None) or pool.at_shift_end == "fit":
        return False
    served = [name for name in scenario.workflow.states if _pool_of(scenario, name) == pool.name]
    stopped = any(s.pool == pool.name and s.exempt is not None for s in scenario.suspensions)
    at_once = {
        b.state for b in scenario.backlog if scenario.workflow.states[str(b.state)].kind is StateKind.INSTANT
    }  # they would come there at the start, too
    entered = any(t.at_entry and state in t.sources for w in scenario.workflows for t in w.transitions)
    return (
        served == [state]
        and not stopped
        and not at_once
        and not entered
        and all(s.state != state for s in scenario.streams)
    )


def _pool_of(scenario: Scenario, state: str) -> str | None:
    work = scenario.work.get(scenario.workflow.states[state].activity or "")
    return None if work is None else work.pool


def _live(scenario: Scenario) -> list[Transition]:
    """Return the transitions of every policy that something can bring about."""
    every = (t for workflow in scenario.workflows for t in workflow.transitions)
    return [t for t in every if not t.events or any(name in scenario.event_timings for name in t.events)]


def _at(scenario: Scenario, kept: Iterable[str], activity: str) -> bool:
    """Say whether an activity is done in one of some states."""
    return any(scenario.workflow.states[name].activity == activity for name in kept)


# cases, events and facts -----------------------------------------------------------------------------


def _backlog(scenario: Scenario, kept: frozenset[str], courts: range) -> tuple[Backlog, ...]:
    """Return the backlogs that matter; the others of a court go only if none behind them would be numbered anew."""
    found: list[Backlog] = []
    for court in courts:
        here = [b for b in scenario.backlog if b.court == court]
        last = max((i for i, b in enumerate(here) if b.state in kept), default=-1)
        found += here[: last + 1]
    return tuple(found)


def _event_timings(scenario: Scenario, kept: frozenset[str]) -> dict[str, EventTiming]:
    """Return the events that move a case in these states, or write to its record what is read there."""
    found = {
        name: timing
        for name, timing in scenario.event_timings.items()
        if any(name in t.events and t.target is not None for t in _from(scenario, kept))
    }
    while True:
        read = _read(scenario, kept, found)
        more = {
            name: timing
            for name, timing in scenario.event_timings.items()
            if name not in found and _writes(scenario, kept, name) & read
        }
        if not more:
            return {name: timing for name, timing in scenario.event_timings.items() if name in found}
        found |= more


def _from(scenario: Scenario, kept: frozenset[str]) -> list[Transition]:
    return [t for workflow in scenario.workflows for t in workflow.transitions if kept.intersection(t.sources)]


def _writes(scenario: Scenario, kept: frozenset[str], event: str) -> frozenset[str]:
    written: set[str] = set()
    for workflow in scenario.workflows:
        own = workflow.events[event]
        written |= {name for name, _ in own.effects} | ({own.gives} if own.gives is not None else set())
    written |= {name for t in _from(scenario, kept) if event in t.events for name, _ in t.effects}
    return frozenset(written)


def _read(scenario: Scenario, kept: frozenset[str], timings: Iterable[str]) -> frozenset[str]:
    """Return the facts and record fields on which what happens in these states depends, outcomes of work apart."""
    conditions: list[Expression | None] = [t.guard for t in _from(scenario, kept)]
    conditions += [w.events[name].guard for w in scenario.workflows for name in timings]
    choices: list[Any] = [work.takes for name, work in scenario.work.items() if _at(scenario, kept, name)]
    for name in timings:
        timing = scenario.event_timings[name]
        choices += [timing.hazard, timing.after, timing.chance, timing.outcome]
    pools = {_pool_of(scenario, name) for name in kept}
    for pool in (scenario.pools[name] for name in pools if name is not None):
        if isinstance(pool.order.value, Expression):
            conditions.append(pool.order.value)
        else:
            choices.append(pool.order.value)
    conditions += [s.exempt for s in scenario.suspensions if s.pool in pools]
    found = [names(c) for c in conditions if c is not None] + [c.reads() for c in choices if c is not None]
    return frozenset().union(*found)


def _without_outcome(scenario: Scenario, work: Work, read: frozenset[str]) -> Work:
    """Let work find always the same where nobody reads what it finds."""
    activity = scenario.workflow.activities[work.activity]
    if work.outcome is None or activity.gives in read:
        return work
    return replace(work, outcome=Choice(Shares(activity.values[:1], (1.0,))))


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
    """End every case that leaves the states kept; states, transitions and events keep their places and names."""
    return replace(
        workflow,
        facts={name: field for name, field in workflow.facts.items() if name in read},
        definitions={n: e for n, e in workflow.definitions.items() if names(e) <= {*read, *workflow.record}},
        assumptions=(),
        states={name: _ended(state, kept) for name, state in workflow.states.items()},
        transitions=tuple(_left(t, kept) for t in workflow.transitions),
        events={
            name: event if name in timings else replace(event, guard=None) for name, event in workflow.events.items()
        },
        rules=(),
        measures=tuple(m for m in workflow.measures if m.measure == measure),
    )


def _ended(state: State, kept: frozenset[str]) -> State:
    return state if state.name in kept else replace(state, kind=StateKind.FINAL, activity=None)


def _left(transition: Transition, kept: frozenset[str]) -> Transition:
    sources = tuple(name for name in transition.sources if name in kept)
    return replace(transition, sources=sources) if sources else replace(transition, sources=(), guard=None, events=())
