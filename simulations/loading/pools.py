"""Read pools: sizes, calendars, queue orders and suspensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from simulations.loading.appointments import read_dates, read_slots
from simulations.loading.batches import read_batch
from simulations.loading.context import Context, without_comma
from simulations.loading.queue_limits import read_queue_limit
from simulations.loading.rotas import RotaFormat, is_rota, read_changing, read_table_by_court
from simulations.scenarios.format import PoolEntry, SuspensionEntry
from simulations.scenarios.scenario import Order, Pool, Suspension
from simulations.timing.calendar_spec import CalendarSpec
from simulations.timing.calendars import Calendar
from workflow.errors import nearest
from workflow.files.validation import format_names, format_value, parse_at
from workflow.files.yaml_tree import Node

T = TypeVar("T")

MOST_SERVERS = 1_000_000
MOST_CHANGES = 2_000_000
"""Maximum number of sizes of a pool at all its courts: four a day for ten courts and a hundred years."""

RULES = ("first_come", "oldest", "newest")


def read_pools(context: Context, calendars: Mapping[str, Calendar], specs: Mapping[str, CalendarSpec]) -> dict[str, Pool]:
    """Read `pools:`, without those that have mistakes."""
    read = {name: _pool(context, name, entry, calendars, specs) for name, entry in context.file.pools.items()}
    return {name: pool for name, pool in read.items() if pool is not None}


def _pool(
    context: Context, name: str, entry: PoolEntry, calendars: Mapping[str, Calendar], specs: Mapping[str, CalendarSpec]
) -> Pool | None:
    path, what = ("pools", name), f"pool {name!r}"
    at_court = entry.at == "court"
    n_stations = len(context.courts) if at_court else 1
    sizes = _all_sizes(context, context.at(*path, "size"), f"{what}: size", at_court)
    pool_calendars = [Calendar.always_open()] * n_stations
    calendar_names: list[str] | None = []
    if entry.calendar is not None:
        node = context.at(*path, "calendar")
        calendar_names = _by_court(context, node, partial(_calendar_name, context), f"{what}: calendar", at_court)
        pool_calendars = [calendars[n] for n in calendar_names or () if n in calendars]
    order = _order(context, context.at(*path, "order"), f"{what}: order") if entry.order != "first_come" else Order()
    if sizes is None or len(pool_calendars) != n_stations or order is None:
        return None
    if entry.calendar is None:
        for key, why in (("slots", "slots are counted in each shift"), ("at_shift_end", "shifts are those of a calendar")):
            if key in entry.model_fields_set:
                message = f"{why}, and the pool has none; add calendar:, or leave {key}: out"
                context.wrong((*path, key), f"{what}: {key}: {message}")
    limit, batch = read_queue_limit(context, name, entry), read_batch(context, name, entry, sizes)
    preempt = "resume" if entry.preempt is True else entry.preempt or None
    slots, n_problems = read_slots(context, name), len(context.problems)
    dates = read_dates(context, name, calendar_names or (), specs)
    if len(context.problems) > n_problems:
        return None
    weekly = _has_rota(context.at(*path, "size"))
    return Pool(
        name,
        at_court,
        tuple(sizes),
        tuple(pool_calendars),
        entry.at_shift_end,
        order,
        slots,
        preempt,
        limit,
        batch,
        entry.overbook,
        dates,
        weekly,
        entry.title,
    )


def _has_rota(node: Node) -> bool:
    """Return whether a size, or a part of it, differs by weekday."""
    return is_rota(node) or (isinstance(node.value, dict) and any(map(_has_rota, node.value.values())))


def _by_court(context: Context, node: Node, leaf: Callable[[Node, str], T | None], what: str, at_court: bool) -> list[T] | None:
    """Read a value for each station of a pool: one for all, or one for each court."""
    choice = context.reader.choice(node, leaf, what, context.only_court, by_court=True)
    if choice is None:
        return None
    if not at_court and choice.by is not None:
        context.wrong(node, f"{what}: differs by court, but the nation shares one pool; add at: court")
        return None
    pick = choice.picker(("court",), ())
    return [pick((court,), ()) for court in (context.courts if at_court else ("",))]


def _all_sizes(context: Context, node: Node, what: str, at_court: bool) -> list[tuple[tuple[int, int], ...]] | None:
    """Read the sizes of each station of a pool, and limit their number."""
    if at_court and is_rota(node) and "table" in node.value:
        by_court = read_table_by_court(context, node, _sizes_of_rota(context), what)
        sizes = None if by_court is None else list(by_court.values())
    else:
        sizes = _by_court(context, node, partial(_sizes, context), what, at_court)
    if sizes is not None and (n := sum(map(len, sizes))) > MOST_CHANGES:
        message = f"changes {n:,} times at all courts; the limit is {MOST_CHANGES:,}"
        context.wrong(node, f"{what}: {message}. Give it fewer hours, or end the run earlier.")
        return None
    return sizes


def _sizes_of_rota(context: Context) -> RotaFormat[int]:
    return RotaFormat("size", partial(_size, context), 0, "sizes")


def _sizes(context: Context, node: Node, what: str) -> tuple[tuple[int, int], ...] | None:
    steps = read_changing(context, node, _sizes_of_rota(context), what, or_court=True)
    if steps is None:
        return None
    before = [size for time, size in steps if time <= 0]
    if not before:
        starts, first = context.file.starts, min(node.value, default="the end")
        context.wrong(node, f"{what}: has no value from the start, {starts}, to {first}")
        return None
    return ((0, before[-1]), *(step for step in steps if step[0] > 0))


def _size(context: Context, node: Node, what: str) -> int | None:
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_SERVERS:
        return value
    message = f"must be a whole number of servers, 0 or more, not {format_value(value)}{without_comma(value)}"
    context.wrong(node, f"{what}: {message}")
    return None


def _calendar_name(context: Context, node: Node, what: str) -> str | None:
    known = context.file.calendars
    if isinstance(node.value, str) and node.value in known:
        return node.value
    message = f"{format_value(node.value)} is not a calendar; known: {format_names(known)}.{nearest(node.value, known)}"
    context.wrong(node, f"{what}: {message}")
    return None


def _order(context: Context, node: Node, what: str) -> Order | None:
    value = node.value
    if isinstance(value, str):
        if value in RULES:
            return Order(value)
        allowed = f"{format_names(RULES)}, or {{by: expression}}.{nearest(value, RULES)}"
        context.wrong(node, f"{what}: {format_value(value)} is not a queue order; allowed: {allowed}")
        return None
    if not isinstance(value, dict) or "by" not in value:
        context.wrong(node, f"{what}: must be {format_names(RULES)}, or {{by: expression}}, not {format_value(value)}")
        return None
    if len(value) > 1:
        choice = context.reader.choice(node, partial(read_rank, context), what)
        return None if choice is None else Order("by", choice)
    by = value["by"]
    text = by.value if isinstance(by.value, str) else str(by.value)
    expression = parse_at(by, text, context.namespace, context.problems, f"{what}: by", "number")
    return None if expression is None else Order("by", expression)


def read_rank(context: Context, node: Node, what: str) -> float | None:
    """Read a number that orders cases."""
    if isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    context.wrong(node, f"{what}: must be a number (lower is served first), not {format_value(node.value)}")
    return None


def read_suspensions(context: Context) -> tuple[Suspension, ...]:
    """Read `suspensions:`, without those that have mistakes."""
    exempted: dict[tuple[str, str], str | None] = {}
    read = [_suspension(context, i, entry, exempted) for i, entry in enumerate(context.file.suspensions)]
    return tuple(suspension for suspension in read if suspension is not None)


def _suspension(
    context: Context, i: int, entry: SuspensionEntry, exempted: dict[tuple[str, str], str | None]
) -> Suspension | None:
    """Read a suspension; `exempted` has the `except:` of the first suspension of each pool and court."""
    path, what = ("suspensions", i), f"suspension of {entry.pool!r}"
    if not context.known(entry.pool, context.file.pools, (*path, "pool"), "suspension", "a pool"):
        return None
    if context.file.pools[entry.pool].at != "court":
        message = "the nation shares one pool; only a pool with at: court can be suspended"
        context.wrong((*path, "courts"), f"{what}: {message}")
    known = [context.known(court, context.courts, (*path, "courts", k), what, "a court") for k, court in enumerate(entry.courts)]
    if entry.to < entry.from_:
        context.wrong((*path, "to"), f"{what}: to: {entry.to} is before from: {entry.from_}")
    if entry.announced is not None and entry.announced > entry.from_:
        message = f"{entry.announced} is after from: {entry.from_}; a suspension is announced on its first day at the latest"
        context.wrong((*path, "announced"), f"{what}: announced: {message}")
    exempt = None
    if entry.except_ is not None:
        node = context.at(*path, "except")
        exempt = parse_at(node, entry.except_, context.namespace, context.problems, f"{what}: except")
    if any(exempted.setdefault((entry.pool, court), entry.except_) != entry.except_ for court in entry.courts):
        context.wrong((*path, "pool"), f"{what}: the suspensions of one pool and court share one except:")
    if not all(known) or (exempt is None and entry.except_ is not None):
        return None
    courts = tuple(context.courts.index(court) for court in entry.courts)
    start, end = context.epoch.microseconds(entry.from_), context.epoch.end_of(entry.to)
    announced = 0 if entry.announced is None else max(context.epoch.microseconds(entry.announced), 0)
    return Suspension(entry.pool, courts, start, end, exempt, announced)
