"""Interrupted work: at openings and ends of shifts, by smaller sizes, and by more urgent cases."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import FIT, RESAMPLE, RESTART, RESTARTED, RESUME, SERVED, SUSPEND, WAITING
from simulations.engines.kernel.arrays import NONE
from simulations.engines.kernel.compiling import index, rare
from simulations.engines.kernel.hearings import booked_day, join_called
from simulations.engines.kernel.held import record_team, release_team, servers_at, team_calendar
from simulations.engines.kernel.service import length_from, write_row
from simulations.engines.kernel.stations import enqueue, priority, release, station_of, touch_all
from simulations.engines.kernel.working_time import fits, working_time
from simulations.log.row import BY_INTERRUPTION, NEVER


@rare
def interrupt(model, world, i, mode):
    """Interrupt the work on a case: it waits at the head of its priority; its work goes on by the mode."""
    case, work, now = world.cases[i], world.work[i], world.counters[0].now
    state = index(np.int64(case.state))
    a = index(model.states[state].activity)
    r = write_row(world, i, -1, BY_INTERRUPTION, state, state, -1)
    row_ = world.rows[r]
    row_.activity = a
    row_.pool = model.activities[a].pool
    row_.server = case.server
    row_.enabled_at = case.enabled
    row_.started_at = case.started
    if model.activities[a].kinds < 0:
        p = station_of(model, world, i, model.activities[a].pool)
        rule, c = world.stations[p].rule, world.stations[p].calendar
        release(model, world, p, case.server)
        touch_all(model, world, p)
    else:
        rule = world.stations[model.holder[index(np.int64(case.previous))]].rule
        c = team_calendar(model, world, i, np.int64(case.next))
        record_team(model, world, i, r)
        release_team(model, world, i)
    if mode == RESUME and rule == SUSPEND:
        work.length -= working_time(model, c, now) - working_time(model, c, case.started)
    elif mode == RESUME:
        work.length -= now - case.started
    elif mode == RESTART:
        work.length = work.whole
    else:
        work.length = -1
    work.interruptions += 1
    case.interrupted = 1
    case.stamp += np.uint32(1)
    case.enabled = now
    case.started = NEVER
    if model.activities[a].notice != NONE:
        row_.booked_for = booked_day(model, world, i)
        case.status = WAITING
        join_called(model, world, station_of(model, world, i, model.activities[a].pool), i, state)
        return
    enqueue(model, world, i, state, model.activities[a].pool)


@rare
def _in_service(world, p):
    """List the cases in service at a station by the first start of their work; return their number."""
    station, serving, n = world.stations[p], world.serving, 0
    for place in range(station.free, station.free + station.numbered):
        i = world.occupant[index(place)]
        known = i < 0
        for x in range(n if i >= 0 and world.cases[index(i)].status == SERVED else 0):
            known = known or serving[x] == i  # a team may have several servers of the station
        if known:
            continue
        x, from_ = n, world.work[index(i)].started
        while x > 0 and (
            world.work[index(serving[x - 1])].started > from_
            or (world.work[index(serving[x - 1])].started == from_ and serving[x - 1] > i)
        ):
            serving[x] = serving[x - 1]
            x -= 1
        serving[x] = i
        n += 1
    return n


@rare
def interrupt_beyond_size(model, world, p):
    """Interrupt the work that started last at a station, so that no more resumes than the size allows."""
    left = world.stations[p].size
    for x in range(_in_service(world, p)):
        i = index(world.serving[x])
        here = servers_at(model, world, i, index(model.states[index(np.int64(world.cases[i].state))].activity), p)
        if here <= left:
            left -= here
        else:
            interrupt(model, world, i, RESUME)


@rare
def interrupt_all(model, world, p):
    """Interrupt all work of a station at the end of a shift."""
    mode = RESTART if world.stations[p].rule == RESTARTED else RESAMPLE
    for x in range(_in_service(world, p)):
        interrupt(model, world, index(world.serving[x]), mode)


@rare
def _urgency(model, world, i):
    """Return the rank of the priority of a case among all pools."""
    return priority(model, world, i, index(np.int64(world.cases[i].state)))


@rare
def _least_urgent(model, world, p, than, n_chosen):
    """Return the case in service whose work is interrupted first: with the highest priority number above one, and begun last.

    It is none of those that were chosen already; -1 stands for none.
    """
    station, cases, worst, at_worst = world.stations[p], world.cases, np.int64(-1), than
    for place in range(station.free, station.free + station.numbered):
        i = world.occupant[index(place)]
        if i < 0:
            continue
        number = _urgency(model, world, index(i))
        if number < at_worst or number == than:
            continue
        if worst >= 0 and number == at_worst:
            begun, other = cases[index(i)].started, cases[index(worst)].started
            if begun < other or (begun == other and i <= worst):
                continue
        chosen = False
        for x in range(n_chosen):
            chosen = chosen or world.serving[x] == i
        if not chosen:
            worst, at_worst = i, number
    return worst


@rare
def interrupt_surplus(model, world, p):
    """Interrupt the least urgent work of a station until no more is in hand than its size."""
    station = world.stations[p]
    while station.busy > station.size:
        interrupt(model, world, index(_least_urgent(model, world, p, np.int64(-1), 0)), station.mode)


@rare
def make_room(model, world, p, i, now):
    """Interrupt less urgent work of a station for a case that fits into its shift; return whether a server is free."""
    station, a = world.stations[p], index(model.states[index(np.int64(world.cases[i].state))].activity)
    if station.rule == FIT and not fits(model, station.calendar, now, length_from(model, world, i, a, now), station.until):
        return False
    victim = _least_urgent(model, world, p, _urgency(model, world, i), 0)
    if victim >= 0:
        interrupt(model, world, index(victim), world.stations[p].mode)
    return victim >= 0


@rare
def make_room_for_team(model, world, i, team):
    """Interrupt less urgent work if that frees all servers that a case needs; return whether they are free."""
    urgency, n, serving = _urgency(model, world, i), 0, world.serving
    for x in range(team.first, team.first + team.n):
        need = model.needs[index(x)]
        p = station_of(model, world, i, need.pool)
        lacking = world.stations[p].busy + need.count - world.stations[p].size
        for k in range(n):
            lacking -= _servers_of(model, world, index(serving[k]), p)
        while lacking > 0:
            victim = np.int64(-1)
            if world.stations[p].preempts == 1:
                victim = _least_urgent(model, world, p, urgency, n)
            if victim < 0:
                return False
            lacking -= _servers_of(model, world, index(victim), p)
            serving[n] = victim
            world.modes[n] = world.stations[p].mode
            n += 1
    for k in range(n):
        interrupt(model, world, index(serving[k]), world.modes[k])
    return True


@rare
def _servers_of(model, world, i, p):
    """Return how many servers of a station work on a case in service."""
    return servers_at(model, world, i, index(model.states[index(np.int64(world.cases[i].state))].activity), p)
