"""Openings, new sizes and the ends of suspensions, and the work that they interrupt."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import SERVED
from simulations.engines.kernel.compiling import index, inline
from simulations.engines.kernel.service import write_row
from simulations.engines.kernel.stations import enqueue, release, touch_all
from simulations.engines.kernel.teams import record_team, release_team, servers_at, team_calendar
from simulations.engines.kernel.working_time import working_time
from simulations.log.row import BY_INTERRUPTION, NEVER


@inline
def _interrupt(model, world, p):
    """Interrupt the work that started last at a station, so that no more resumes than the size allows."""
    station, cases, serving = world.stations[p], world.cases, world.serving
    now, n = world.counters[0].now, 0
    for i in range(len(cases)):
        if cases[i].status == SERVED:
            a = index(model.states[index(np.int64(cases[i].state))].activity)
            if servers_at(model, world, i, a, p) > 0:
                x = n
                while x > 0 and world.work[serving[x - 1]].started > world.work[i].started:
                    serving[x] = serving[x - 1]
                    x -= 1
                serving[x] = i
                n += 1
    left = station.size
    for x in range(n):
        i = index(serving[x])
        case = cases[i]
        state = index(np.int64(case.state))
        a = index(model.states[state].activity)
        here = servers_at(model, world, i, a, p)
        if here <= left:
            left -= here
            continue
        r = write_row(world, i, -1, BY_INTERRUPTION, state, state, -1)
        row_ = world.rows[r]
        row_.activity = a
        row_.pool = model.activities[a].pool
        row_.server = case.server
        row_.enabled_at = case.enabled
        row_.started_at = case.started
        c = station.calendar
        if model.activities[a].kinds < 0:
            release(world, p, case.server)
            touch_all(model, world, p)
        else:
            c = team_calendar(model, world, i, np.int64(case.next))
            record_team(model, world, i, r)
            release_team(model, world, i)
        world.work[i].length -= working_time(model, c, now) - working_time(model, c, case.started)
        case.interrupted = 1
        case.stamp += np.uint32(1)
        case.enabled = now
        case.started = NEVER
        enqueue(model, world, i, state, model.activities[a].pool)


@inline
def change_capacity(model, world):
    """Apply the next change: the opening of a shift, a new size, or the end of a suspension."""
    counters = world.counters[0]
    change = model.changes[counters.at_change]
    counters.at_change += 1
    station = world.stations[change.station]
    if change.opens == 1:
        station.until = change.value
        station.begun = 0
        if station.shrinks == 1 and station.busy > station.size:
            _interrupt(model, world, index(change.station))
    elif change.value >= 0:
        station.size = change.value
    touch_all(model, world, index(change.station))
