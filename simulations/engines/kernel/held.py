"""The servers of teams, and the time in which they work together.

A case in the service of a team has the team in `next` and the first of its servers in `previous`; `links` has the others.
A server is numbered by its place in `free`.
"""

from __future__ import annotations

import numpy as np

from simulations.engines.kernel.compiling import index, inline, rare
from simulations.engines.kernel.stations import release, station_of, touch_all


@inline
def team_calendar(model, world, i, t):
    """Return the calendar of the time in which all pools of a team work, at the court of a case."""
    return model.team_calendars[index(model.teams[index(t)].calendars + np.int64(world.cases[i].court))]


@rare
def record_team(model, world, i, r):
    """Record the servers of a case's team for a row; the row itself has the first."""
    counters, place = world.counters[0], np.int64(world.cases[i].previous)
    world.rows[r].pool = world.stations[model.holder[place]].pool
    place = world.links[place]
    while place >= 0:
        station, hold = world.stations[model.holder[place]], world.holds[index(counters.n_holds)]
        hold.row = r
        hold.pool = station.pool
        hold.server = place - station.free
        counters.n_holds += 1
        place = world.links[place]


@rare
def release_team(model, world, i):
    """Release the servers of a case's team."""
    place = np.int64(world.cases[i].previous)
    while place >= 0:
        p = index(model.holder[place])
        following = world.links[place]
        release(model, world, p, place - world.stations[p].free)
        touch_all(model, world, p)
        place = following


@inline
def servers_at(model, world, i, a, p):
    """Return how many servers of a station work on a case in service."""
    if model.activities[a].kinds < 0:
        return np.int64(station_of(model, world, i, model.activities[a].pool) == p)
    n, place = np.int64(0), np.int64(world.cases[i].previous)
    while place >= 0:
        n += model.holder[place] == p
        place = world.links[place]
    return n
