"""Read the timings of outside events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from simulations.loading.context import Context
from simulations.loading.outcomes import read_outcome
from simulations.loading.times import check_working_days, read_choice_by_date, read_time
from simulations.scenarios.format import EventTimingEntry
from simulations.scenarios.quantities import Choice, Length
from simulations.scenarios.scenario import EventTiming
from simulations.timing.calendar_spec import CalendarSpec
from simulations.timing.calendars import Calendar
from workflow.files.validation import format_names, format_value
from workflow.files.yaml_tree import Node
from workflow.loading.reading import Keys
from workflow.model.definition import Workflow

Calendars = Mapping[str, tuple[Calendar, CalendarSpec]]
"""The working intervals of each calendar in the run, and the calendar as specified."""


def read_events(context: Context, workflows: Sequence[Workflow], calendars: Calendars) -> dict[str, EventTiming]:
    """Read `events:`, without those that the workflow does not have.

    Parameters
    ----------
    workflows : sequence of Workflow
        All policies; `since:` may name a transition of any of them.
    """
    read = {name: _event_timing(context, name, entry, workflows, calendars) for name, entry in context.file.events.items()}
    return {name: timing for name, timing in read.items() if timing is not None}


def _event_timing(
    context: Context, name: str, entry: EventTimingEntry, workflows: Sequence[Workflow], calendars: Calendars
) -> EventTiming | None:
    path, what, reader = ("events", name), f"event {name!r}", context.reader
    if not context.known(name, context.workflow.events, path, "events", "an event of the workflow"):
        return None
    event = context.workflow.events[name]
    hazard = chance = None
    if entry.hazard is not None:
        first = len(context.problems)
        node = context.at(*path, "hazard")
        hazard = read_choice_by_date(context, node, reader.rate, f"{what}: hazard", "rates", context.facts)
        context.explain(first, "may change during a case; a hazard may differ by facts only")
    after = _clock(context, name, entry)
    if entry.chance is not None:
        chance = read_choice_by_date(context, context.at(*path, "chance"), reader.share, f"{what}: chance", "chances")
    transitions = list(dict.fromkeys(t.name for workflow in workflows for t in workflow.transitions))
    since = _since(context, path, what, entry.since.transitions if entry.since is not None else (), transitions)
    outcome = read_outcome(context, entry.outcome, event, path, what)
    if entry.only == "waiting" and not any(_may_be_queue(context, state) for state in event.states):
        message = f"cases do not wait for a pool in any of its states ({format_names(event.states)})"
        context.wrong((*path, "only"), f"{what}: only: waiting: {message}")
    at_fact = began = None
    dates: tuple[int, ...] = ()
    if isinstance(entry.at, dict):
        at_fact = _date_fact(context, context.at(*path, "at"), f"{what}: at")
    elif entry.at is not None:
        dates = _dates(context, name)
    if entry.since is not None and entry.since.fact is not None:
        began = _date_fact(context, _dict_in(context.at(*path, "since")), f"{what}: since")
    calendar, spec = calendars.get(entry.calendar or "", (None, None))
    days = None if calendar is None else calendar.working_days()
    waiting, repeats = entry.only == "waiting", entry.every is not None
    return EventTiming(name, hazard, after, since, chance, outcome, dates, waiting, repeats, days, spec, began, at_fact)


def _since(context: Context, path: Keys, what: str, named: Sequence[str], transitions: Sequence[str]) -> frozenset[int]:
    """Return the indices of the transitions that start a clock."""
    found: set[int] = set()
    for name in named:
        field = context.namespace.fields.get(name)
        if name not in transitions and field is not None and field.kind == "date":
            context.wrong((*path, "since"), f"{what}: since: {name!r} is a fact, not a transition; write {{fact: {name}}}")
        elif context.known(name, transitions, (*path, "since"), f"{what}: since", "a transition"):
            found.add(transitions.index(name))
    return frozenset(found)


def _dict_in(node: Node) -> Node:
    """Return the mapping among the entries of a list, or the node itself."""
    listed = node.value if isinstance(node.value, list) else [node]
    return next(each for each in listed if isinstance(each.value, dict))


def _date_fact(context: Context, node: Node, what: str) -> str | None:
    """Read a date fact, ``{fact: deadline}``."""
    if set(node.value) != {"fact"}:
        context.wrong(node, f"{what}: a date of the case is given as {{fact: deadline}}, not {format_value(node.plain())}")
        return None
    return context.reader.fact(node.value["fact"], ("date",), f"{what}: fact")


def _clock(context: Context, name: str, entry: EventTimingEntry) -> Choice[Length] | None:
    """Read the lengths of the event's clock, given by `after:` or `every:`."""
    key = "after" if entry.after is not None else "every"
    if getattr(entry, key) is None:
        return None
    path, what = ("events", name), f"event {name!r}"
    if entry.calendar is not None:
        context.known(entry.calendar, context.file.calendars, (*path, "calendar"), f"{what}: calendar", "a calendar")
    leaf = context.reader.length_of_case if key == "after" else partial(_interval, context)
    lengths = read_choice_by_date(context, context.at(*path, key), leaf, f"{what}: {key}", "lengths")
    if lengths is not None:
        check_working_days(context, path, key, what, lengths, entry.calendar)
    return lengths


def _interval(context: Context, node: Node, what: str) -> Length | None:
    """Read an interval of `every:`."""
    length = context.reader.length_of_case(node, what)
    if length is not None and length.distribution.support[1] <= 0:
        context.wrong(node, f"{what}: must be longer than 0, not {format_value(node.plain())}")
        return None
    return length


def _may_be_queue(context: Context, state: str) -> bool:
    """Return whether cases in a state may wait for a pool; true if its entry has mistakes."""
    activity = context.workflow.states[state].activity or ""
    entry = context.file.activities.get(activity)
    return activity in context.lost or (entry is not None and bool(entry.pools))


def _dates(context: Context, name: str) -> tuple[int, ...]:
    """Read the dates of a dated event."""
    node, what = context.at("events", name, "at"), f"event {name!r}: at"
    times: list[int] = []
    if node.value == []:
        context.wrong(node, f"{what}: must have at least one date; leave the event out if it never happens")
    for each in node.value if isinstance(node.value, list) else [node]:
        if context.reader.names_fact(each, ("date",)):
            context.wrong(each, f"{what}: {each.value!r} is a fact; write at: {{fact: {each.value}}}")
            continue
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
