"""Read activities: pools, lengths and outcomes; check that none is missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from simulations.loading.appointments import read_appointment
from simulations.loading.context import Context
from simulations.loading.outcomes import read_outcome
from simulations.loading.pools import read_rank
from simulations.loading.teams import check_pools_named, check_teams, read_takes, read_teams
from simulations.loading.times import check_working_days, has_days
from simulations.scenarios.format import WorkEntry
from simulations.scenarios.quantities import Choice, Length
from simulations.scenarios.scenario import Pool, Work
from simulations.timing.calendars import Calendar
from workflow.files.validation import parse_at
from workflow.loading.reading import Keys
from workflow.model.definition import StateKind, Workflow
from workflow.predicates import Expression


def read_activities(context: Context, calendars: Mapping[str, Calendar], pools: Mapping[str, Pool]) -> dict[str, Work]:
    """Read `activities:`, without those that have mistakes."""
    read = {name: _work(context, name, entry, calendars, pools) for name, entry in context.file.activities.items()}
    return {name: work for name, work in read.items() if work is not None}


def _work(
    context: Context, name: str, entry: WorkEntry, calendars: Mapping[str, Calendar], pools: Mapping[str, Pool]
) -> Work | None:
    file, path, what = context.file, ("activities", name), f"activity {name!r}"
    if not context.known(name, context.workflow.activities, path, "activities", "an activity of the workflow"):
        return None
    named = check_pools_named(context, name, entry)
    if entry.calendar is not None:
        context.known(entry.calendar, file.calendars, (*path, "calendar"), f"{what}: calendar", "a calendar")
        if entry.pools:
            message = "a pool has its own calendar; calendar: is for a delay in working days"
            context.wrong((*path, "calendar"), f"{what}: calendar: {message}")
    takes = read_takes(context, name, entry, context.reader.length_of_case)
    of_pools = [takes] if isinstance(takes, Choice) else list((takes or {}).values())
    for choice in of_pools:
        _check_takes(context, name, entry, choice)
    priority = _priority(context, path, entry, what)
    outcome = read_outcome(context, entry.outcome, context.workflow.activities[name], path, what)
    teams = read_teams(context, name, entry, takes) if takes is not None and named else None
    if teams is None or priority is None:
        return None
    check_teams(context, name, teams, pools)
    calendar = calendars.get(entry.calendar or "")
    days = None if calendar is None else calendar.working_days()
    pool = entry.pools[0] if entry.pools else None
    appointment = read_appointment(context, name, entry, pools)
    if appointment is None and entry.appointment is not None:
        return None
    return Work(name, pool, of_pools[0], outcome, priority, days, teams, entry.hold and bool(teams), appointment)


def _priority(context: Context, path: Keys, entry: WorkEntry, what: str) -> float | Expression | Choice[float] | None:
    """Read a priority: a number, an expression, or numbers that differ `by:` something."""
    node, what = context.at(*path, "priority"), f"{what}: priority"
    if "priority" not in entry.model_fields_set:
        return 0
    if not entry.pools:
        context.wrong((*path, "priority"), f"{what}: is for the queue of a pool, and the activity has none; leave it out")
        return None
    if isinstance(node.value, str):
        expression = parse_at(node, node.value, context.namespace, context.problems, what, "any")
        if expression is None or expression.kind in ("integer", "number"):
            return expression
        hint = f"; give a number for each value: {{by: {node.value}, ...}}" if expression.kind in ("boolean", "enum") else ""
        context.wrong(node, f"{what}: {node.value} is {expression.kind}, not a number{hint}")
        return None
    if isinstance(node.value, dict) and list(node.value) == ["by"]:
        context.wrong(node, f"{what}: write an expression without by:, or add a number for each of its values")
        return None
    choice = context.reader.choice(node, partial(read_rank, context), what)
    return choice.leaf if choice is not None and choice.constant else choice


def _check_takes(context: Context, name: str, entry: WorkEntry, takes: Choice[Length]) -> None:
    """Check that working days have a calendar, and that work of a pool with shifts is not given in days."""
    path, what = ("activities", name), f"activity {name!r}"
    for fact in (leaf.fact.fact for leaf in takes.leaves() if leaf.fact is not None):
        if context.namespace.fields[fact].optional:
            message = f"the fact {fact!r} may be missing, but work has a length; declare it without optional:"
            context.wrong((*path, "takes"), f"{what}: takes: {message}")
    working = [length.working for length in takes.leaves()]
    with_shifts = any(pool in context.file.pools and context.file.pools[pool].calendar is not None for pool in entry.pools)
    if entry.pools and any(working):
        message = "working days are for a delay; give the work of a pool in hours or minutes"
        context.wrong((*path, "takes"), f"{what}: takes: {message}")
    elif not entry.pools and not check_working_days(context, path, "takes", what, takes, entry.calendar):
        return
    elif with_shifts and has_days(context.at(*path, "takes")):
        message = "a day of work is ambiguous: 24 hours or a shift; give hours or minutes if the pool has a calendar"
        context.wrong((*path, "takes"), f"{what}: takes: {message}")


def check_reached(context: Context, workflows: Sequence[Workflow], events: Collection[str]) -> None:
    """Report activities without an entry that cases can reach under any of the workflows, by the events that occur."""
    states = context.workflow.states
    reached = _reached(context, workflows, events)
    for name, state in states.items():
        if name in reached and state.kind is StateKind.ACTIVITY and state.activity not in context.file.activities:
            message = f"{state.activity!r} has no entry, but cases can reach the state {name!r}; add one with takes:"
            context.wrong(("activities",), f"activities: {message}")


def _reached(context: Context, workflows: Sequence[Workflow], events: Collection[str]) -> set[str]:
    """Return the initial states of cases and all states that can follow."""
    file, entry_states = context.file, context.workflow.entry_states
    forward: dict[str, set[str]] = {state: set() for state in context.workflow.states}
    for transition in (t for workflow in workflows for t in workflow.transitions):
        if not transition.events or any(event in events for event in transition.events):
            for source in transition.sources:
                forward[source].add(transition.target or source)
    initial = {state for court in file.courts.values() for state in court.backlog}
    for arrivals in file.arrivals.values():
        initial |= {arrivals.into} if arrivals.into else {*entry_states}
    if any("table" in court.backlog for court in file.courts.values()) or any(a.table for a in file.arrivals.values()):
        initial |= {*entry_states}
    reached = initial & forward.keys()
    todo = [*reached]
    while todo:
        new = forward[todo.pop()] - reached
        reached |= new
        todo += new
    return reached
