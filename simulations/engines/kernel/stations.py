"""Stations: their servers, and the case that is served next."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import (
    BY_LOOKUP,
    BY_RANK,
    CAPACITY,
    CHANGES_SIZE,
    FIRST_COME,
    NEWEST,
    NUMBER_SHIFT,
    OLDEST,
    WAITING,
)
from simulations.engines.kernel.arrays import BY_FACTS, NONE
from simulations.engines.kernel.compiling import apart, index, inline, rare
from simulations.engines.kernel.lookups import look_up
from simulations.engines.kernel.queues import enabled_or_started, first_of, join_queue
from simulations.engines.kernel.schedule import schedule
from simulations.engines.kernel.special import (
    has_dates,
    has_limit,
    has_patience,
    has_teams,
    is_ranked,
    is_special,
    may_interrupt,
    preempts,
    was_interrupted,
)
from simulations.log.row import NEVER


@inline
def station_of(model, world, i, pool):
    """Return the station of a pool that serves a case."""
    entry = model.pools[index(pool)]
    return index(entry.station + (np.int64(world.cases[i].court) if entry.at_court == 1 else 0))


@inline
def queue_of(model, world, p, i, state):
    """Return the queue of a station in which a case in a state waits."""
    station, server = world.stations[p], np.int64(world.cases[i].server)
    if has_teams(model, station):
        return index(station.queue - 1 - server)
    return index(station.queue + (station.n_levels if server == -2 else 0) + model.levels[state])


@inline
def n_queues(world, p):
    """Return the number of queues of a station."""
    station = world.stations[p]
    return station.n_levels * (2 if station.n_suspended > 0 and station.by_teams == 0 else 1)


@rare
def _place_among_kinds(model, world, p, i, state):
    """Return what stands for the queue of the kind of a case (`place_of`), where teams serve the cases."""
    station, case = world.stations[p], world.cases[i]
    court = np.int64(case.court)
    a = index(model.states[state].activity)
    kind = look_up(model, world, i, model.kind_of[index(model.activities[a].kinds + court)])
    place = kind * station.width + (court * station.variants if station.width > station.variants else 0)
    return -1 - (place + (1 if case.interrupted == 1 and station.variants == 2 else 0))


@inline
def place_of(model, world, p, i, state):
    """Return what stands for the queue of a station that a case belongs into, in place of the number of a server."""
    station = world.stations[p]
    if has_teams(model, station):
        return _place_among_kinds(model, world, p, i, state)
    return np.int64(-2 if station.exempt != NONE and look_up(model, world, i, station.exempt) != 0 else -1)


@rare
def priority(model, world, i, state):
    """Return the rank of the priority of a case among all that occur in its pool."""
    activity = model.activities[index(model.states[state].activity)]
    if activity.priority >= BY_FACTS:
        return model.orders[index(activity.priority - BY_FACTS), i]
    return model.priorities[look_up(model, world, i, activity.priority)]


@inline
def served_before(model, world, x, y):
    """Return whether a case is served before a case of another queue of the station."""
    cases = world.cases
    lx, ly = model.levels[cases[x].state], model.levels[cases[y].state]
    if lx != ly:
        return lx < ly
    if cases[x].order != cases[y].order:
        return cases[x].order < cases[y].order
    from_x, from_y = enabled_or_started(world, x), enabled_or_started(world, y)
    if from_x != from_y:
        return from_x < from_y
    return x < y


@rare
def _first_that_resumes(model, world, p, with_others):
    """Return the first case of a station whose work was interrupted, -1 if there is none.

    Where priorities differ from case to case, it need not stand at the head of its queue.
    """
    first = np.int64(-1)
    station = world.stations[p]
    n = station.n_levels
    begin = station.queue if with_others or station.n_suspended == 0 else station.queue + n
    for q in range(begin, station.queue + (n if station.n_suspended == 0 else 2 * n)):
        queue = world.queues[index(q)]
        for k in range(queue.first, queue.first + queue.n):
            i = index(world.entries[index(k)].case)
            if world.cases[i].interrupted == 1 and (first < 0 or served_before(model, world, i, index(first))):
                first = np.int64(i)
    return first


@apart
def is_suspended(model, world, p, now):
    """Return whether a station is suspended for cases that are not exempt."""
    station, suspensions = world.stations[p], model.suspensions
    for s in range(station.suspended, station.suspended + station.n_suspended):
        if suspensions[s].start <= now and now < suspensions[s].end:
            return True
    return False


@rare
def _next_with_dates(model, world, p, now):
    """Return the case that a station with hearing dates serves next, -1 if no case may be served now."""
    station = world.stations[p]
    suspended = is_suspended(model, world, p, now)
    first = np.int64(-1) if suspended else first_of(world, station.queue, station.n_levels, False)
    if station.n_suspended > 0:
        exempt = first_of(world, station.queue + station.n_levels, station.n_levels, False)
        if exempt >= 0 and (first < 0 or served_before(model, world, index(exempt), index(first))):
            first = exempt
    if first < 0 or world.cases[index(first)].interrupted == 1:
        return first
    uses = model.activities[index(model.states[index(np.int64(world.cases[index(first)].state))].activity)].uses
    if uses == 0 or has_slots_left(world, p, uses):
        return first
    return _first_that_resumes(model, world, p, not suspended)


@inline
def next_case(model, world, p, now):
    """Return the case that a station serves next, -1 if no case may be served now.

    When the slots are used up, only interrupted work may resume.
    """
    station = world.stations[p]
    if has_dates(model, station):
        return _next_with_dates(model, world, p, now)
    n, queue, resumes = station.n_levels, station.queue, not has_slots_left(world, p, 1)
    if resumes and is_ranked(model, station):
        return _first_that_resumes(model, world, p, not is_suspended(model, world, p, now))
    if station.n_suspended == 0:
        return first_of(world, queue, n, resumes)
    exempt_case = first_of(world, queue + n, n, resumes)
    if is_suspended(model, world, p, now):
        return exempt_case
    other_case = first_of(world, queue, n, resumes)
    if other_case < 0 or (exempt_case >= 0 and served_before(model, world, exempt_case, other_case)):
        return exempt_case
    return other_case


@inline
def touch(world, p):
    """Mark a station for dispatch."""
    station, counters = world.stations[p], world.counters[0]
    if station.touched == 0:
        station.touched = 1
        world.touched[counters.n_touched] = p
        counters.n_touched += 1


@inline
def touch_all(model, world, p):
    """Mark a station for dispatch, with the stations whose queues may need its servers."""
    touch(world, p)
    if is_special(model):
        station = world.stations[p]
        for x in range(station.wakes, station.wakes + station.n_wakes):
            touch(world, index(model.wakes[index(x)]))


@inline
def has_slots_left(world, p, n):
    """Return whether a station has n slots left in this working interval."""
    station = world.stations[p]
    return station.slots < 0 or station.begun + n <= station.slots * station.size


@inline
def may_start(model, world, p, now):
    """Return whether a station is open and has a free server, and a slot or interrupted work."""
    station = world.stations[p]
    return (
        station.busy < station.size
        and now < station.until
        and (has_slots_left(world, p, 1) or may_interrupt(model, station) or has_dates(model, station))
    )


@inline
def seize(world, p):
    """Seize the free server with the lowest number and return it."""
    station, free = world.stations[p], world.free
    station.busy += 1
    n = station.n_free
    if n == 0:
        station.numbered += 1
        return station.numbered - 1
    first = station.free
    taken = free[first]
    n -= 1
    station.n_free = n
    last = free[first + n]
    i = np.int64(0)
    while True:
        c = 2 * i + 1
        if c >= n:
            break
        if c + 1 < n and free[first + c + 1] < free[first + c]:
            c += 1
        if last < free[first + c]:
            break
        free[first + i] = free[first + c]
        i = c
    free[first + i] = last
    return taken


@inline
def release(model, world, p, server):
    """Release a server of a station."""
    station, free = world.stations[p], world.free
    station.busy -= 1
    first, i = station.free, station.n_free
    station.n_free += 1
    while i > 0:
        j = (i - 1) >> 1
        if free[first + j] < server:
            break
        free[first + i] = free[first + j]
        i = j
    free[first + i] = server
    if may_interrupt(model, station):
        world.occupant[first + server] = -1


@rare
def _wake_later(model, world, p, patience):
    """Mark a station for dispatch when a case that waits now has waited long enough to be served with fewer others."""
    at = world.counters[0].now + patience
    if at <= model.horizon:
        schedule(model, world, at, CAPACITY | np.int64(p) << NUMBER_SHIFT | CHANGES_SIZE, np.int64(0))


@inline
def enqueue(model, world, i, state, pool):
    """Add a case to the queue of its station in a pool."""
    case = world.cases[i]
    p = station_of(model, world, i, pool)
    station = world.stations[p]
    case.status = WAITING
    if station.order == OLDEST:
        case.order = model.arrived[i]
    elif station.order == NEWEST:
        case.order = -model.arrived[i]
    elif station.order == BY_LOOKUP:
        case.order = look_up(model, world, i, station.by)
    elif station.order == BY_RANK:
        case.order = model.orders[station.by, i]
    else:
        case.order = 0
    if is_ranked(model, station):
        case.order = priority(model, world, i, state) << 32 | (0 if case.interrupted == 1 else case.order + 1)
    elif was_interrupted(model, case):
        case.order = NEVER
    case.server = place_of(model, world, p, i, state)
    join_queue(world, queue_of(model, world, p, i, state), station.order != FIRST_COME, i)
    if has_teams(model, station) or preempts(model, station) or may_start(model, world, p, world.counters[0].now):
        touch(world, p)
    if has_patience(model, station):
        _wake_later(model, world, p, station.patience)
    if has_limit(model, station) and station.grew == 0:
        station.grew = 1
        world.counters[0].n_grown += 1
