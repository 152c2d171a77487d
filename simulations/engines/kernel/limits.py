"""Limits of queues: the last case of a queue that is too long."""

from __future__ import annotations

import numpy as np

from simulations.engines.kernel.compiling import index, rare
from simulations.engines.kernel.stations import n_queues, served_before


@rare
def next_beyond_limit(model, world):
    """Return the last case of the first queue that may be too long, the event of its limit, and the station.

    The case is -1 if the queue is not too long. It is then not looked at again until a case joins it.
    """
    p = np.int64(0)
    while world.stations[p].grew == 0:
        p += 1
    station, n, last = world.stations[index(p)], np.int64(0), np.int64(-1)
    queues = range(station.queue, station.queue + n_queues(world, index(p)))
    for q in queues:
        n += world.queues[index(q)].n
    if n <= station.limit:
        keep(world, p)
        return np.int64(-1), np.int64(-1), p
    for q in queues:
        queue = world.queues[index(q)]
        for k in range(queue.first, queue.first + queue.n):
            i = world.entries[index(k)].case
            if last < 0 or served_before(model, world, index(last), index(i)):
                last = np.int64(i)
    return last, np.int64(station.limit_event), p


@rare
def keep(world, p):
    """Leave the queue of a station as it is until a case joins it."""
    world.stations[index(p)].grew = 0
    world.counters[0].n_grown -= 1
