"""The next event: in the schedule, among the changes, the dated events or the arrivals."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import ARRIVAL, CAPACITY, CLOCK, COMPLETION, EVENT_INDEX, KIND_SHIFT, NUMBER, NUMBER_SHIFT, SERVED
from simulations.engines.kernel.arrays import ARRIVALS, CHANGES, DATES, HEAP, NEVER_COMES, NONE, NOTHING
from simulations.engines.kernel.compiling import ONE, U64, index, inline
from simulations.engines.kernel.schedule import pop
from simulations.engines.kernel.stations import touch_all


@inline
def _n_together(model, x):
    """Return the number of dated events at the time of one of them."""
    g = 1
    while x + g < len(model.dates) and model.dates[x + g].time == model.dates[x].time:
        g += 1
    return g


@inline
def next_event(model, world):
    """Return source, time and code of the next event: in the heap, the changes, the dated events or the arrivals."""
    counters, heap, arrived = world.counters[0], world.heap, model.arrived
    changes, dates, arrivals = model.changes, model.dates, model.arrivals
    at_change, at_date, at_arrival = counters.at_change, counters.at_date, counters.at_arrival
    source, time, code = NOTHING, np.int64(NEVER_COMES), np.int64(NEVER_COMES)
    if counters.n_heap > 0:
        source, time, code = HEAP, heap[0].time, heap[0].code
    if counters.moved_on:
        counters.moved_on = 0
        planned = np.int64(NEVER_COMES)
        if at_change < len(changes):
            planned = min(planned, changes[at_change].time)
        if at_date < len(dates):
            planned = min(planned, dates[at_date].time)
        if at_arrival < len(arrivals):
            planned = min(planned, max(arrived[arrivals[at_arrival]], 0))
        counters.planned = planned
    if counters.planned > time:
        return source, time, code
    if at_change < len(changes):
        t = changes[at_change].time
        if t < time or (t == time and code >= CAPACITY):
            source, time, code = CHANGES, t, CAPACITY
    if at_date < len(dates):
        t = dates[at_date].time
        if t <= time:
            g = _n_together(model, at_date)
            c = CLOCK | (counters.at_turn // g) << NUMBER_SHIFT | dates[at_date + counters.at_turn % g].event
            if t < time or c < code:
                source, time, code = DATES, t, c
    if at_arrival < len(arrivals):
        i = np.int64(arrivals[at_arrival])
        t = max(arrived[i], 0)
        if t < time or (t == time and (ARRIVAL | i << NUMBER_SHIFT) < code):
            source, time, code = ARRIVALS, t, ARRIVAL
    return source, time, code


@inline
def next_completion_or_clock(model, world):
    """Take the first entry of the heap; return its case, its event and visit, or -1 for the case if it was cancelled.

    The event is -1 for a completion.
    """
    counters, heap = world.counters[0], world.heap
    i = (heap[0].code >> NUMBER_SHIFT) & NUMBER
    kind, event, visit = heap[0].code >> KIND_SHIFT, heap[0].code & EVENT_INDEX, heap[0].visit
    counters.n_heap -= 1
    pop(heap, counters.n_heap)
    if kind == CAPACITY >> KIND_SHIFT:
        touch_all(model, world, index(i))
        return np.int64(-1), np.int64(-1), visit
    if kind == COMPLETION >> KIND_SHIFT:
        if world.cases[i].status < SERVED or np.int64(world.cases[i].stamp) != visit:
            return np.int64(-1), np.int64(-1), visit
        return i, np.int64(-1), visit
    bit = ONE << U64(event)
    started = np.int64(world.record[i, model.n_fields + len(model.activities) + event])
    if world.armed[i] & bit == 0 or (model.events[event].rate == NONE and started - 1 != visit):
        return np.int64(-1), event, visit
    world.armed[i] &= ~bit
    return i, event, visit


@inline
def next_dated(model, world):
    """Return case, event and visit of the next dated event; each case takes all events of an instant in turn."""
    counters, dates = world.counters[0], model.dates
    x, turn = counters.at_date, counters.at_turn
    g = _n_together(model, x)
    counters.at_turn += 1
    if counters.at_turn == len(world.cases) * g:
        counters.at_date = x + g
        counters.at_turn = 0
    return turn // g, dates[x + turn % g].event, dates[x + turn % g].visit
