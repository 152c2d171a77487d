"""Cases that a server works on together."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import FIRST_COME, FIT, SERVED, SUSPEND
from simulations.engines.kernel.arrays import NO_EDGE
from simulations.engines.kernel.compiling import index, rare
from simulations.engines.kernel.queues import leave_queue
from simulations.engines.kernel.service import draw_work, length_from, schedule_completion
from simulations.engines.kernel.stations import is_suspended, may_start, n_queues, next_case, queue_of, release, seize
from simulations.engines.kernel.working_time import complete, fits


@rare
def _are_ready(model, world, p, now):
    """Return whether enough cases wait at a station, or one has waited long enough."""
    station, n, earliest = world.stations[p], np.int64(0), np.int64(NO_EDGE)
    first = station.queue
    if station.n_suspended > 0 and is_suspended(model, world, p, now):
        first += station.n_levels  # only those who are exempt
    queues = range(first, station.queue + n_queues(world, p))
    for q in queues:
        n += world.queues[index(q)].n
    if station.enough >= 0 and n >= station.enough:
        return True
    if station.patience < 0:
        return False
    for q in queues:
        queue = world.queues[index(q)]
        for k in range(queue.first, queue.first + queue.n):
            earliest = min(earliest, world.entries[index(k)].enabled)
    return now - earliest >= station.patience


@rare
def start_together(model, world, p, now):
    """Start work on several cases at once, as long as enough of them wait. It takes as long as that of the first."""
    station, counters = world.stations[p], world.counters[0]
    while may_start(model, world, p, now) and _are_ready(model, world, p, now):
        i = index(next_case(model, world, p, now))
        length = length_from(model, world, i, index(model.states[index(np.int64(world.cases[i].state))].activity), now)
        if station.rule == FIT and not fits(model, station.calendar, now, length, station.until):
            return
        end = now + length
        if station.rule == SUSPEND and end > station.until:
            end = complete(model, station.calendar, now, length)
        server, n = seize(world, p), 0
        while n < station.most and i >= 0:
            case = world.cases[index(i)]
            state = index(np.int64(case.state))
            a = index(model.states[state].activity)
            leave_queue(world, queue_of(model, world, p, index(i), state), station.order != FIRST_COME, index(i))
            case.order = draw_work(model, world, index(i), a, model.activities[a].takes, np.int64(case.visit))[1]
            case.status = SERVED
            case.started = now
            case.server = server
            case.next = counters.n_batches
            schedule_completion(model, world, index(i), end)
            n += 1
            i = next_case(model, world, p, now)
        world.members[station.free + server] = n
        station.begun += 1
        counters.n_batches += 1


@rare
def leave_batch(model, world, p, i, r):
    """Record the batch of a case for its row, and release its server if it works on no other case."""
    case, counters, station = world.cases[i], world.counters[0], world.stations[p]
    pair = world.batches[index(counters.n_batched)]
    pair.row = r
    pair.value = case.next
    counters.n_batched += 1
    place = index(station.free + case.server)
    world.members[place] -= 1
    if world.members[place] == 0:
        release(model, world, p, case.server)
