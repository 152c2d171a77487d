"""Read hearing dates: the slots of pools, the dates that they hold, and the notice of activities with `appointment:`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simulations.chance.distributions import make_distribution
from simulations.loading.context import Context, without_comma
from simulations.loading.times import read_choice_by_date
from simulations.scenarios.format import WorkEntry
from simulations.scenarios.quantities import Choice, Length
from simulations.scenarios.scenario import Appointment, Pool
from simulations.timing.calendar_spec import CalendarSpec
from simulations.timing.hearing_dates import DatesAhead, dates_ahead
from workflow.errors import InputError
from workflow.files.validation import format_names, format_value
from workflow.files.yaml_tree import Node
from workflow.loading.reading import Keys
from workflow.model.working_days import DAY_NAMES, parse_weekdays

MOST_SLOTS = 1_000_000


def booked_activities(context: Context, pool: str) -> list[str]:
    """Return the activities whose cases get a hearing date of a pool."""
    entries = context.file.activities.items()
    return [name for name, entry in entries if entry.appointment is not None and entry.pools[:1] == (pool,)]


def read_slots(context: Context, pool: str) -> tuple[int, ...] | None:
    """Read the slots of a server in one working interval, for each of the seven dates from the start.

    They stand at the pool, or at an activity with `appointment:`.
    """
    given: list[tuple[Keys, str]] = [(("pools", pool, "slots"), f"pool {pool!r}: slots")]
    given += [
        (("activities", name, "appointment", "slots"), f"activity {name!r}: appointment: slots")
        for name in booked_activities(context, pool)
    ]
    read: list[tuple[int, ...]] = []
    for path, what in given:
        entry = context.at(*path[:-1])
        node = entry.value.get(path[-1]) if isinstance(entry.value, dict) else None
        slots = None if node is None or node.value is None else _slots(context, node, what)
        if slots is None:
            continue
        if read and slots != read[0]:
            message = f"differ from those that stand elsewhere for the pool {pool!r}; give them once, as slots: of the pool"
            context.wrong(path, f"{what}: {message}")
        read.append(slots)
    return read[0] if read else None


def _gives_slots(context: Context, pool: str) -> bool:
    """Return whether slots are given for a pool, rightly or wrongly."""
    activities = context.file.activities
    appointments = [activities[name].appointment for name in booked_activities(context, pool)]
    return any(entry is not None and entry.slots is not None for entry in (context.file.pools[pool], *appointments))


def _slots(context: Context, node: Node, what: str) -> tuple[int, ...] | None:
    """Read one number of slots, or numbers by weekday; return those of the seven dates from the start."""
    weekly = dict.fromkeys(range(7), 0)
    named: set[int] = set()
    entries = node.value.items() if isinstance(node.value, dict) else [("mon-sun", node)]
    for key, child in entries:
        value = child.value
        least = 0 if isinstance(node.value, dict) else 1
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MOST_SLOTS:
            message = f"must be a whole number from {least} to {MOST_SLOTS:,}, not {format_value(value)}{without_comma(value)}"
            context.wrong(child, f"{what}: {message}")
            return None
        try:
            days = parse_weekdays(key)
        except InputError as error:
            context.wrong(node.keys[key], f"{what}: {error.problems[0].message}")
            return None
        if twice := named & {*days}:
            context.wrong(node.keys[key], f"{what}: the weekday '{DAY_NAMES[min(twice)]}' is named twice")
            return None
        named |= {*days}
        weekly |= dict.fromkeys(days, value)
    first = context.file.starts.weekday()
    return tuple(weekly[(first + k) % 7] for k in range(7))


def read_dates(
    context: Context, pool: str, calendars: Sequence[str], specs: Mapping[str, CalendarSpec]
) -> tuple[DatesAhead, ...]:
    """Return the dates for which a pool books cases, one for each station; none if no case gets a hearing date."""
    booked = booked_activities(context, pool)
    if not booked:
        if "overbook" in context.file.pools[pool].model_fields_set:
            message = "is for a pool with hearing dates; add appointment: to an activity of the pool, or leave it out"
            context.wrong(("pools", pool, "overbook"), f"pool {pool!r}: overbook: {message}")
        return ()
    if not calendars or not context.dates_fit or any(name not in specs for name in calendars):
        return ()
    return tuple(dates_ahead(name, specs[name], context.epoch, context.file.ends) for name in calendars)


def read_appointment(context: Context, name: str, entry: WorkEntry, pools: Mapping[str, Pool]) -> Appointment | None:
    """Read `appointment:` of an activity, and check that its pool can have hearing dates."""
    if entry.appointment is None:
        return None
    path, what, n_problems = ("activities", name, "appointment"), f"activity {name!r}: appointment", len(context.problems)
    if entry.needs or entry.either:
        context.wrong(path, f"{what}: a hearing date is a date of one pool; give pool: in place of needs: or either:")
    elif entry.pool is None:
        context.wrong(path, f"{what}: a hearing date is a date of a pool, and the activity has none; add pool:")
    elif entry.pool in context.file.pools:
        _check_pool(context, name, entry.pool, pools, what)
    if "priority" in entry.model_fields_set:
        message = "cases with a hearing date are called in the order of booking; leave it out"
        context.wrong(("activities", name, "priority"), f"activity {name!r}: priority: {message}")
    at_least: Choice[Length] | None = Choice(Length(make_distribution("constant", {"value": 0.0})))
    if "at_least" in entry.appointment.model_fields_set:
        at_least = _at_least(context, (*path, "at_least"), f"{what}: at_least")
    if at_least is None or len(context.problems) > n_problems:
        return None
    return Appointment(at_least, any(length.working for length in at_least.leaves()), entry.appointment.uses)


def _check_pool(context: Context, name: str, pool: str, pools: Mapping[str, Pool], what: str) -> None:
    """Check that a pool has a calendar and slots, and that no team works on the cases of its queue."""
    entry = context.file.pools[pool]
    if entry.calendar is None:
        message = f"the pool {pool!r} has no calendar, and so no dates; add calendar: to it"
        context.wrong(("activities", name, "appointment"), f"{what}: {message}")
    elif pool in pools and pools[pool].slots is None and not _gives_slots(context, pool):
        message = (
            f"the pool {pool!r} has no slots, so its dates hold no number of cases; add slots:, such as slots: {{mon-fri: 4}}"
        )
        context.wrong(("activities", name, "appointment"), f"{what}: {message}")
    for key, why in (
        ("preempt", "a case interrupts work by its priority"),
        ("queue_limit", "a limit is for cases that wait their turn"),
        ("together", "cases are served together when enough of them wait"),
    ):
        if getattr(entry, key) not in (None, False):
            message = f"{why}, and cases with a hearing date are called in the order of booking; give them a pool without {key}:"
            context.wrong(("activities", name, "appointment"), f"{what}: the pool {pool!r} has {key}: {message}")
    teams = [
        other for other, work in context.file.activities.items() if work.pools[:1] == (pool,) and (work.needs or work.either)
    ]
    if teams:
        message = f"the queue of {pool!r} has work with needs: or either: ({format_names(teams)}); use a pool of its own for them"
        context.wrong(("activities", name, "appointment"), f"{what}: {message}")


def _at_least(context: Context, path: Keys, what: str) -> Choice[Length] | None:
    """Read the notice of a hearing date: fixed lengths, all in working days or none."""
    choice = read_choice_by_date(context, context.at(*path), context.reader.length_of_case, what, "lengths")
    if choice is None:
        return None
    leaves = choice.leaves()
    if not all(length.fact is not None or length.months is not None or length.distribution.constant for length in leaves):
        context.wrong(path, f"{what}: must be a fixed length such as 30 days, or {{fact: days, unit: days}}, not a random one")
        return None
    for fact in (length.fact.fact for length in leaves if length.fact is not None):
        if context.namespace.fields[fact].optional:
            message = f"the fact {fact!r} may be missing, but each case gets a date; declare it without optional:"
            context.wrong(path, f"{what}: {message}")
            return None
    if len({length.working for length in leaves}) > 1:
        context.wrong(path, f"{what}: give all lengths in working days, or none")
        return None
    return choice
