"""The loop of the compiled engine: it processes events in order, until the horizon or until a buffer is full."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import (
    ACTIVITY_STATE,
    EVERY,
    FINAL_STATE,
    FIRST_EVENT_TRIGGER,
    HAZARD,
    ONCE,
    TRIGGER_COMPLETE,
    TRIGGER_ENTER,
    WAITING,
)
from simulations.engines.kernel.arrays import (
    ARRIVALS,
    CHANGES,
    DATES,
    DONE,
    FAR_FULL,
    HEAP,
    HEAP_FULL,
    LIMITS,
    NEVER_COMES,
    NONE,
    ROWS_FULL,
    RUNNING,
)
from simulations.engines.kernel.batches import start_together
from simulations.engines.kernel.capacity import change_capacity
from simulations.engines.kernel.clocks import next_date, start_brought, start_clock, start_clocks
from simulations.engines.kernel.compiling import ONE, U64, apart, cached, index, inline, rare
from simulations.engines.kernel.events import next_completion_or_clock, next_dated, next_event
from simulations.engines.kernel.interrupting import make_room
from simulations.engines.kernel.limits import keep, next_beyond_limit
from simulations.engines.kernel.lookups import decision_at, policy_in_force
from simulations.engines.kernel.moves import find, happen, move_case, requeue
from simulations.engines.kernel.references import refer
from simulations.engines.kernel.schedule import next_bucket
from simulations.engines.kernel.service import start_work
from simulations.engines.kernel.special import has_teams, is_booked, is_special, preempts, serves_together
from simulations.engines.kernel.stations import enqueue, may_start, next_case, touch
from simulations.engines.kernel.teams import start_teams
from simulations.log.row import BY_COMPLETION, FIRST_EVENT_CAUSE


@rare
def _full_buffer(model, world):
    """Set how many steps all buffers have room for; return which buffer may be too small for the next, `RUNNING` if none is."""
    counters = world.counters[0]
    n_rows = len(model.states) + len(world.serving) + 4
    rows = min(
        (len(world.rows) - counters.n_rows) // n_rows,
        (len(world.moves) - max(counters.n_moves, counters.n_batched)) // n_rows,
        (len(world.holds) - counters.n_holds) // max(model.most_holds, 1),
    )
    heap = (len(world.heap) - counters.n_heap) // model.margin
    far = (len(world.far) - world.far[0].visit - 1) // model.margin
    counters.room = max(min(rows, heap, far), 0)
    if counters.room > 0:
        return RUNNING
    return ROWS_FULL if rows <= 0 else HEAP_FULL if heap <= 0 else FAR_FULL


@inline
def _dispatch(model, world):
    """Let the stations marked at this instant start waiting cases."""
    counters, touched = world.counters[0], world.touched
    n, now = counters.n_touched, counters.now
    for x in range(1, n):
        y = touched[x]
        z = x - 1
        while z >= 0 and touched[z] > y:
            touched[z + 1] = touched[z]
            z -= 1
        touched[z + 1] = y
    for x in range(n):
        p = index(touched[x])
        station = world.stations[p]
        station.touched = 0
        if has_teams(model, station):
            if start_teams(model, world, p, now):
                touch(world, p)
                _touch_again(world, x + 1, n)
                break
            continue
        if serves_together(model, station):
            start_together(model, world, p, now)
            continue
        while may_start(model, world, p, now) or (preempts(model, station) and now < station.until):
            i = next_case(model, world, p, now)
            if i < 0:
                break
            if preempts(model, station) and station.busy >= station.size and not make_room(model, world, p, index(i), now):
                break
            if not start_work(model, world, p, index(i), now):
                break
    counters.n_touched -= n
    for x in range(counters.n_touched):  # stations that were marked meanwhile
        touched[x] = touched[n + x]


@rare
def _touch_again(world, first, n):
    """Mark stations for the next dispatch, which were marked for this one."""
    for x in range(first, n):
        p = index(world.touched[x])
        world.stations[p].touched = 0
        touch(world, p)


@inline
def _join_on_arrival(model, world):
    """Let cases arrive that only join a queue; return whether no other case arrives now.

    Arrivals are the last events of an instant.
    """
    if len(model.brought) > 0 or model.waits == 1:
        return False
    counters, arrivals, arrived, now = world.counters[0], model.arrivals, model.arrived, world.counters[0].now
    while counters.at_arrival < len(arrivals):
        i = index(np.int64(arrivals[counters.at_arrival]))
        if max(arrived[i], 0) != now:
            return True
        state = index(np.int64(model.initial_states[i]))
        if model.states[state].kind != ACTIVITY_STATE:
            return False
        a = index(model.states[state].activity)
        if (
            model.activities[a].pool < 0
            or is_booked(model, model.activities[a])
            or model.states[state].clocks | model.states[state].hazards != 0
            or decision_at(model, policy_in_force(model, i, now), state, TRIGGER_ENTER) != NONE
        ):
            return False
        world.cases[i].state = state
        world.cases[i].enabled = now
        world.record[i, model.n_fields + a] = 1
        enqueue(model, world, i, state, model.activities[a].pool)
        counters.at_arrival += 1
    return True


@inline
def _process(model, world, source, code):
    """Process the next event of a case; return `RUNNING`, `STUCK` or `TOO_MANY_VISITS`."""
    counters = world.counters[0]
    i, event, visit = np.int64(-1), np.int64(-1), np.int64(0)
    if source == HEAP:
        i, event, visit = next_completion_or_clock(model, world)
        if i < 0:
            return RUNNING
    elif source == DATES:
        i, event, visit = next_dated(model, world)
    elif is_special(model) and source == LIMITS:
        i, event, visit = next_beyond_limit(model, world)
        if i < 0:
            return RUNNING
    else:
        i = np.int64(model.arrivals[counters.at_arrival])
        counters.at_arrival += 1
        for x in range(len(model.brought)):
            start_brought(model, world, i, x)
    i = index(i)
    stamp = world.cases[i].stamp
    happens, changed, outcome = True, False, np.int64(-1)
    trigger, cause = np.int64(TRIGGER_COMPLETE), np.int64(BY_COMPLETION)
    if event >= 0:
        happens, changed, outcome = happen(model, world, i, event, visit)
        trigger, cause = FIRST_EVENT_TRIGGER + event, FIRST_EVENT_CAUSE + event
    elif source == HEAP:
        outcome = find(model, world, i)
    if happens:
        result, changed = move_case(model, world, i, trigger, cause, outcome, changed, source, code)
        if result != RUNNING:
            return result
        if event >= 0 and changed and world.cases[i].status == WAITING:
            requeue(model, world, i)
    if is_special(model) and source == LIMITS and world.cases[i].stamp == stamp:
        keep(world, visit)
    repeats = model.events[event].repeats if source == HEAP and event >= 0 else ONCE
    if repeats == HAZARD and model.states[world.cases[i].state].kind != FINAL_STATE:
        at = next_date(model, world, i, event, visit + 1, counters.now)
        start_clock(model, world, i, event, at, visit + 1)
    elif is_special(model) and repeats == EVERY:
        started = np.int64(world.record[i, model.n_fields + len(model.activities) + event])
        bit = ONE << U64(event)
        if started == visit + 1 and model.states[np.int64(world.cases[i].state)].clocks & bit != 0:
            return start_clocks(model, world, i, bit)
    return RUNNING


@apart
def _run(model, world):
    counters = world.counters[0]
    result = np.int64(RUNNING)
    while result == RUNNING:
        if counters.room == 0:
            result = _full_buffer(model, world)
            continue
        counters.room -= 1
        source, time, code = next_event(model, world)
        if time >= counters.edge:  # the next bucket may hold an earlier event
            result = next_bucket(model, world)
            counters.room = 0
        elif counters.n_touched > 0 and time > counters.now:  # no event is left at this instant
            _dispatch(model, world)
        elif time > model.horizon and counters.n_grown == 0:
            result = DONE
        else:
            if is_special(model) and counters.n_grown > 0 and time > counters.now:
                source, code = LIMITS, np.int64(NEVER_COMES)
            else:
                counters.now = time
                counters.moved_on = source != HEAP
            if source == CHANGES:
                change_capacity(model, world)
            elif source != ARRIVALS or not _join_on_arrival(model, world):
                result = _process(model, world, source, code)
    return result


@cached
def run(model, world):
    """Run until the horizon, until a buffer is full, or until a case is stuck.

    Returns
    -------
    int
        `DONE`, `ROWS_FULL`, `HEAP_FULL`, `FAR_FULL`, `STUCK` or `TOO_MANY_VISITS`.
    """
    return _run(refer(model), refer(world))
