"""Read `queue_limit:` of pools: the largest number of waiting cases, and the event that happens to the last of more."""

from __future__ import annotations

from simulations.loading.context import Context
from simulations.scenarios.format import PoolEntry
from simulations.scenarios.scenario import QueueLimit
from workflow.errors import nearest
from workflow.files.validation import format_names, format_value

MOST_WAITING = 1_000_000_000


def read_queue_limit(context: Context, name: str, entry: PoolEntry) -> QueueLimit | None:
    """Read the limit of a pool's queue; ``None`` if it has none, or one with mistakes."""
    if entry.queue_limit is None:
        return None
    node, what = context.at("pools", name, "queue_limit"), f"pool {name!r}: queue_limit"
    if not isinstance(node.value, dict):
        cases, event = node, _only_event(context, name, what)
    else:
        keys = ("cases", "event")
        for key in node.value.keys() - {*keys}:
            context.wrong(node, f"{what}: unknown key {key!r}; allowed: {format_names(keys)}.{nearest(key, keys)}")
        missing = [key for key in keys if key not in node.value]
        if missing:
            context.wrong(node, f"{what}: {format_names(missing)} is missing; write {{cases: 40, event: turned_away}}")
        if missing or len(node.value) > len(keys):
            return None
        cases = node.value["cases"]
        event = _named_event(context, name, node.value["event"].value, what)
    n = cases.value
    if isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= MOST_WAITING:
        context.wrong(cases, f"{what}: must be a whole number of cases, 0 or more, not {format_value(n)}")
        return None
    return None if event is None else QueueLimit(n, event)


def _states_of_queue(context: Context, pool: str) -> list[str]:
    """Return the states in which cases wait in the queue of a pool."""
    states, file = context.workflow.states, context.file
    works = {name for name, work in file.activities.items() if work.pools and work.pools[0] == pool}
    return [name for name, state in states.items() if state.activity in works]


def _named_event(context: Context, pool: str, event: object, what: str) -> str | None:
    """Check the event that is named."""
    path, events = ("pools", pool, "queue_limit"), context.workflow.events
    if not isinstance(event, str) or event not in events:
        known = f"the events of the workflow: {format_names(events)}" if events else "the workflow has none; declare one"
        context.wrong(path, f"{what}: {format_value(event)} is not an event of the workflow; {known}.{nearest(event, events)}")
        return None
    states = _states_of_queue(context, pool)
    if not set(events[event].states) & {*states}:
        where = format_names(states) if states else "no state"
        context.wrong(path, f"{what}: {event!r} happens in none of the states in which cases wait for {pool!r} ({where})")
        return None
    if events[event].gives:
        message = f"{event!r} gives a record field; an event of a limit gives none: let it set: one"
        context.wrong(path, f"{what}: {message}")
        return None
    return event


def _only_event(context: Context, pool: str, what: str) -> str | None:
    """Return the only event that may happen to the cases of a queue and has no timing."""
    states = {*_states_of_queue(context, pool)}
    found = [
        name
        for name, event in context.workflow.events.items()
        if states & {*event.states} and not event.gives and name not in context.file.events
    ]
    if len(found) == 1:
        return found[0]
    which = f"several events may happen to it ({format_names(found)})" if found else "no event without a timing may happen to it"
    context.wrong(
        ("pools", pool, "queue_limit"),
        f"{what}: say what happens to the last case: {which}; write {{cases: 40, event: name}} with an event of the workflow",
    )
    return None
