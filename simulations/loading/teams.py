"""Read the pools of an activity: one, several at once (`needs:`), or the first free one (`either:`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from simulations.loading.context import Context, without_comma
from simulations.loading.pools import MOST_SERVERS
from simulations.loading.times import read_choice_by_date
from simulations.measuring.descriptors import CLOSED, OTHERS
from simulations.scenarios.format import WorkEntry
from simulations.scenarios.quantities import Choice, Length
from simulations.scenarios.scenario import Need, Pool, Team
from simulations.timing.calendars import common_calendar
from workflow.errors import nearest
from workflow.files.validation import format_names, format_value, parse_at
from workflow.files.yaml_tree import Node
from workflow.loading.reading import Keys

_ONE = Choice(1)

Takes = Mapping[str, Choice[Length]]


def check_pools_named(context: Context, name: str, entry: WorkEntry) -> bool:
    """Report pools that do not exist, and keys that do not go together; return whether all is well."""
    path, what, pools = ("activities", name), f"activity {name!r}", context.file.pools
    n_problems = len(context.problems)
    if entry.pool is not None:
        context.known(entry.pool, pools, (*path, "pool"), f"{what}: pool", "a pool")
        for key, value in (("needs", entry.needs), ("either", entry.either)):
            if value:
                context.wrong(
                    (*path, key), f"{what}: {key}: stands in place of pool:; leave pool: out and name {entry.pool!r} here"
                )
    for pool in (*entry.needs, *(entry.either or ())):
        if pool in (OTHERS, CLOSED):
            context.wrong(path, f"{what}: {pool!r} is the name of a part of its waits; give the pool another name")
    for pool in entry.needs:
        context.known(pool, pools, (*path, "needs", pool), f"{what}: needs", "a pool")
    for k, pool in enumerate(entry.either or ()):
        at = (*path, "either", k)
        if not context.known(pool, pools, at, f"{what}: either", "a pool"):
            continue
        if pool in entry.needs:
            context.wrong(at, f"{what}: either: {pool!r} is among needs:, too; every case needs it, so it is no alternative")
        elif pool in (entry.either or ())[:k]:
            context.wrong(at, f"{what}: either: {pool!r} is named twice")
    if entry.hold and not entry.needs and not entry.either:
        message = "is for work with needs: or either:; the first case of one pool always starts first"
        context.wrong((*path, "hold"), f"{what}: hold: {message}")
    return len(context.problems) == n_problems


def read_takes(
    context: Context, name: str, entry: WorkEntry, leaf: Callable[[Node, str], Length | None]
) -> Takes | Choice[Length] | None:
    """Read `takes:`, which may have an entry for each pool of `either:`."""
    node, what = context.at("activities", name, "takes"), f"activity {name!r}: takes"
    entries = node.value if isinstance(node.value, dict) else {}
    by = entries.get("by")
    if by is None or by.value != "pool" or "pool" in context.namespace.fields:
        n_problems = len(context.problems)
        choice = read_choice_by_date(context, node, leaf, what, "lengths")
        if entry.either:
            why = "stands outside other keys: {by: pool, judges: {by: ..., ...}, ...}; dates stand inside the entry of a pool"
            context.explain(n_problems, why, ["pool"])
        return choice
    if not entry.either:
        context.wrong(by, f"{what}: by: pool is for work with either: [pool, pool]; this activity has no choice of pools")
        return None
    read: dict[str, Choice[Length] | None] = {}
    for key in entries:
        if key not in ("by", "other") and key not in entry.either:
            allowed = format_names(entry.either)
            hint = nearest(str(key), (*entry.either, "other"))
            path = ("activities", name, "takes", str(key))
            context.wrong(path, f"{what}: by pool: {format_value(key)} is not one of {allowed}.{hint}")
    for pool in entry.either:
        child = entries.get(pool, entries.get("other"))
        if child is None:
            context.wrong(node, f"{what}: by pool: there is no entry for {pool}; add it, or other:")
        else:
            read[pool] = read_choice_by_date(context, child, leaf, f"{what} (pool: {pool})", "lengths")
    found = {pool: choice for pool, choice in read.items() if choice is not None}
    return found if len(found) == len(entry.either) else None


def read_teams(context: Context, name: str, entry: WorkEntry, takes: Takes | Choice[Length]) -> tuple[Team, ...] | None:
    """Return the teams that can do the work; none for one server of one pool, or a delay."""
    needs = [_need(context, name, pool, first=not entry.either and k == 0) for k, pool in enumerate(entry.needs)]
    known = [need for need in needs if need is not None]
    if len(known) < len(needs):
        return None
    if entry.either:
        of_pool = takes if isinstance(takes, Mapping) else dict.fromkeys(entry.either, takes)
        return tuple(Team((Need(pool, _ONE), *known), of_pool[pool]) for pool in entry.either)
    if isinstance(takes, Mapping) or not known or (len(known) == 1 and known[0].count == _ONE and not entry.hold):
        return ()
    return (Team(tuple(known), takes),)


def _need(context: Context, name: str, pool: str, first: bool) -> Need | None:
    path: Keys = ("activities", name, "needs", pool)
    what, node, when = f"activity {name!r}: needs: {pool}", context.at(*path), None
    n_problems = len(context.problems)
    if isinstance(node.value, dict) and ("count" in node.value or "when" in node.value):
        for key in node.value:
            if key not in ("count", "when"):
                context.wrong((*path, str(key)), f"{what}: {format_value(key)} is not a key here; allowed: count, when")
        if "when" in node.value:
            condition = node.value["when"]
            when = parse_at(condition, str(condition.value), context.namespace, context.problems, f"{what}: when")
            if first:
                message = "cases wait in the queue of the first pool, so every case needs it; name a pool without when: first"
                context.wrong(condition, f"{what}: when: {message}")
        given = node.value.get("count")
    else:
        given = node
    count = _ONE if given is None else context.reader.choice(given, partial(_count, context, first), f"{what}: count")
    return None if count is None or len(context.problems) > n_problems else Need(pool, count, when)


def _count(context: Context, first: bool, node: Node, what: str) -> int | None:
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool) and (1 if first else 0) <= value <= MOST_SERVERS:
        return value
    least = "1 or more (cases wait in the queue of the first pool, so every case needs it)" if first else "0 or more"
    context.wrong(node, f"{what}: must be a whole number of servers, {least}, not {format_value(value)}{without_comma(value)}")
    return None


def check_teams(context: Context, name: str, teams: Sequence[Team], pools: Mapping[str, Pool]) -> None:
    """Report teams whose pools treat the end of a shift differently, or are never on shift together."""
    what = f"activity {name!r}"
    for team in teams:
        members = [pools[pool] for pool in team.pools if pool in pools]
        if len(members) < len(team.needs):
            continue
        first = members[0]
        key = "needs" if "needs" in context.at("activities", name).value else "either"
        other = next((pool for pool in members if pool.at_shift_end != first.at_shift_end), None)
        if other is not None:
            shown = f"{first.name!r} has {first.at_shift_end}, {other.name!r} has {other.at_shift_end}"
            context.wrong(
                ("activities", name, key), f"{what}: the pools of one piece of work share one at_shift_end:, but {shown}"
            )
            return
        always = [
            pool for pool, need in zip(members, team.needs, strict=True) if need.when is None and 0 not in need.count.leaves()
        ]
        for court in range(len(context.courts)):
            calendars = [pool.calendars[court if pool.at_court else 0] for pool in always]
            if all(calendar.opens for calendar in calendars) and not common_calendar(calendars).opens:
                where = f" at {context.courts[court]}" if len(context.courts) > 1 else ""
                listed = " and ".join(pool.name for pool in always)
                context.wrong(
                    ("activities", name, key),
                    f"{what}: {listed} are never on shift together{where} during the run, so no work starts;"
                    " give them calendars that overlap",
                )
                return
