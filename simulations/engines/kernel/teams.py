"""Teams: servers of several pools that work on one case."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import (
    A_SERVER,
    FIRST_COME,
    FIT,
    INTERRUPTED_OTHERS,
    NOT_SUSPENDED,
    NOTHING_LACKS,
    SERVED,
    SUSPEND,
    THE_TIME,
)
from simulations.engines.kernel.arrays import NO_EDGE
from simulations.engines.kernel.compiling import index, rare
from simulations.engines.kernel.held import team_calendar
from simulations.engines.kernel.interrupting import make_room_for_team
from simulations.engines.kernel.queues import leave_queue
from simulations.engines.kernel.service import begin_work, draw_work, length_again, schedule_completion
from simulations.engines.kernel.stations import has_slots_left, is_suspended, queue_of, seize, served_before, station_of
from simulations.engines.kernel.working_time import complete, fits


@rare
def _lacks(model, world, i, team, now, interrupting):
    """Return what keeps a team from starting work on a case, apart from the length of the work, and from work in hand."""
    needs, interrupted, lacking = model.needs, world.cases[i].interrupted == 1, NOTHING_LACKS
    for x in range(team.first, team.first + team.n):
        p, n = station_of(model, world, i, needs[index(x)].pool), needs[index(x)].count
        if needs[index(x)].exempt == 0 and is_suspended(model, world, p, now):
            return NOT_SUSPENDED
        station = world.stations[p]
        has_slots = interrupted or has_slots_left(world, p, n)
        if (station.busy + n > station.size and not interrupting) or now >= station.until or not has_slots:
            lacking = A_SERVER
    return lacking


@rare
def _start_team(model, world, p, i, now):
    """Start the work of a case with the first team that is free; return what is lacking if there is none.

    If no team is free, start it with the first for which less urgent work can be interrupted.
    """
    lacking = _start_with_a_team(model, world, p, i, now, False)
    if lacking == NOTHING_LACKS or model.preempts == 0:
        return lacking
    return _start_with_a_team(model, world, p, i, now, True)


@rare
def _start_with_a_team(model, world, p, i, now, interrupting):
    """Start the work of a case with the first team that is free, or for which less urgent work can be interrupted."""
    case, queue = world.cases[i], world.stations[p]
    kind = model.kinds[index(queue.kinds + (-1 - np.int64(case.server)) // queue.width)]
    a = index(model.states[index(np.int64(case.state))].activity)
    lacking = NOT_SUSPENDED
    for t in range(kind.first, kind.first + kind.n):
        team = model.teams[index(t)]
        lacks = _lacks(model, world, i, team, now, interrupting)
        lacking = max(lacking, lacks)
        if lacks != NOTHING_LACKS:
            continue
        length, bits = draw_work(model, world, i, a, team.takes, np.int64(case.visit))
        if case.interrupted == 1:
            length = length_again(model, world, i, a, team.takes)
        c, until = team_calendar(model, world, i, t), np.int64(NO_EDGE)
        for x in range(team.first, team.first + team.n):
            until = min(until, world.stations[station_of(model, world, i, model.needs[index(x)].pool)].until)
        rule = world.stations[station_of(model, world, i, model.needs[index(team.first)].pool)].rule
        if rule == FIT and not fits(model, c, now, length, until):
            lacking = THE_TIME
            continue
        if interrupting and not make_room_for_team(model, world, i, team):
            lacking = max(lacking, A_SERVER)
            continue
        leave_queue(world, queue_of(model, world, p, i, index(np.int64(case.state))), queue.order != FIRST_COME, i)
        begin_work(world, i, length, now)
        case.status = SERVED
        case.started = now
        case.order = bits
        case.next = t
        _seize_team(model, world, i, team)
        end = now + length
        if rule == SUSPEND and end > until:
            end = complete(model, c, now, length)
        schedule_completion(model, world, i, end)
        return INTERRUPTED_OTHERS if interrupting else NOTHING_LACKS
    return lacking


@rare
def _seize_team(model, world, i, team):
    """Seize the servers of a team for a case."""
    case, last = world.cases[i], np.int64(-1)
    for x in range(team.first, team.first + team.n):
        need = model.needs[index(x)]
        p = station_of(model, world, i, need.pool)
        station = world.stations[p]
        if case.interrupted == 0:
            station.begun += need.count
        for _ in range(need.count):
            server = seize(world, p)
            place = station.free + server
            world.links[place] = -1
            if station.interrupts == 1:
                world.occupant[place] = i
            if last < 0:
                case.server = server
                case.previous = place
            else:
                world.links[last] = place
            last = place


@rare
def start_teams(model, world, p, now):
    """Start the cases of a station's queues for which a team is free, in order; return whether other work was interrupted.

    The first case that interrupts other work ends the walk. If the first case of a queue lacks something, so do all cases
    behind it in that queue, which need the same.
    """
    station, queues, counters = world.stations[p], world.queues, world.counters[0]
    counters.walk += 1
    while True:
        first, at = np.int64(-1), np.int64(-1)
        for q in range(station.queue, station.queue + station.n_levels):
            queue = queues[index(q)]
            if queue.head < 0 or queue.walk == counters.walk:
                continue
            if first < 0 or served_before(model, world, index(queue.head), index(first)):
                first, at = queue.head, np.int64(q)
        if first < 0:
            return False
        kind = (-1 - np.int64(world.cases[index(first)].server)) // station.width
        lacking = _start_team(model, world, p, index(first), now)
        if lacking == INTERRUPTED_OTHERS:
            return True
        if lacking == THE_TIME or (lacking == A_SERVER and model.kinds[index(station.kinds + kind)].hold == 1):
            return False
        if lacking != NOTHING_LACKS:
            queues[index(at)].walk = counters.walk
