"""Read the timings of outside events."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from simulations.loading.context import Context
from simulations.loading.outcomes import read_outcome
from simulations.loading.times import read_calendar_time, read_time
from simulations.scenarios.format import EventTimingEntry
from simulations.scenarios.scenario import EventTiming
from workflow.files.validation import format_names, format_value
from workflow.model.definition import Workflow

__all__ = ["read_events"]


def read_events(context: Context, workflows: Sequence[Workflow]) -> dict[str, EventTiming]:
    """Read `events:`, without those that the workflow does not have.

    Parameters
    ----------
    workflows : sequence of Workflow
        All policies; `since:` may name a transition of any of them.
    """
    read = {name: _event_timing(context, name, entry, workflows) for name, entry in context.file.events.items()}
    return {name: timing for name, timing in read.items() if timing is not None}


def _event_timing(context: Context, name: str, entry: EventTimingEntry, workflows: Sequence[Workflow]) -> EventTiming | None:
    path, what, reader = ("events", name), f"event {name!r}", context.reader
    if not context.known(name, context.workflow.events, path, "events", "an event of the workflow"):
        return None
    event = context.workflow.events[name]
    hazard = after = chance = None
    if entry.hazard is not None:
        first = len(context.problems)
        hazard = reader.choice(context.at(*path, "hazard"), reader.rate, f"{what}: hazard", context.facts)
        context.explain(first, "may change during a case; a hazard may differ by facts only")
    if entry.after is not None:
        after = reader.choice(context.at(*path, "after"), partial(read_calendar_time, context), f"{what}: after")
    if entry.chance is not None:
        chance = reader.choice(context.at(*path, "chance"), reader.share, f"{what}: chance")
    transitions = list(dict.fromkeys(t.name for workflow in workflows for t in workflow.transitions))
    since = frozenset(
        transitions.index(transition)
        for transition in entry.since or ()
        if context.known(transition, transitions, (*path, "since"), f"{what}: since", "a transition")
    )
    outcome = read_outcome(context, entry.outcome, event, path, what)
    if entry.only == "waiting" and not any(_may_be_queue(context, state) for state in event.states):
        message = f"cases do not wait for a pool in any of its states ({format_names(event.states)})"
        context.wrong((*path, "only"), f"{what}: only: waiting: {message}")
    dates = _dates(context, name) if entry.at is not None else ()
    return EventTiming(name, hazard, after, since, chance, outcome, dates, entry.only == "waiting")


def _may_be_queue(context: Context, state: str) -> bool:
    """Return whether cases in a state may wait for a pool; true if its entry has mistakes."""
    activity = context.workflow.states[state].activity or ""
    entry = context.file.activities.get(activity)
    return activity in context.lost or (entry is not None and entry.pool is not None)


def _dates(context: Context, name: str) -> tuple[int, ...]:
    """Read the dates of a dated event."""
    node, what = context.at("events", name, "at"), f"event {name!r}: at"
    times: list[int] = []
    if node.value == []:
        context.wrong(node, f"{what}: must have at least one date; leave the event out if it never happens")
    for each in node.value if isinstance(node.value, list) else [node]:
        time = read_time(context, each, what, "put earlier events into the facts and records of people:")
        if time is None:
            continue
        if time == 0:
            message = "is the start, before any case has arrived; give a later time"
            context.wrong(each, f"{what}: {format_value(each.value)} {message}")
        if time in times:
            context.wrong(each, f"{what}: {format_value(each.value)} occurs twice")
        times.append(time)
    return tuple(sorted(times))
