"""The work on a case at a station without teams, and the rows of the log."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import COMPLETION, FIRST_COME, FIT, NUMBER_SHIFT, OF_CASE, SERVED, SUSPEND
from simulations.engines.kernel.compiling import index, inline, prefetch, rare
from simulations.engines.kernel.dates import call_case
from simulations.engines.kernel.draws import both_bits, length_bits, length_of
from simulations.engines.kernel.lookups import look_up_now
from simulations.engines.kernel.queues import first_of, leave_queue
from simulations.engines.kernel.schedule import schedule
from simulations.engines.kernel.special import is_booked, may_interrupt, was_interrupted
from simulations.engines.kernel.stations import queue_of, seize
from simulations.engines.kernel.working_time import complete, fits
from simulations.log.row import NEVER


@inline
def write_row(world, i, transition, cause, from_state, to_state, outcome):
    """Write a row that ends no work; return its index."""
    return write_row_of_work(world, i, transition, cause, from_state, to_state, outcome, -1, -1, -1, NEVER, NEVER, NEVER)


@inline
def write_row_of_work(
    world, i, transition, cause, from_state, to_state, outcome, activity, pool, server, enabled, started, completed
):
    """Write a row, with the work that it ends; return its index."""
    counters = world.counters[0]
    r = index(counters.n_rows)
    counters.n_rows += 1
    row_ = world.rows[r]
    row_.case_id = i
    row_.transition = transition
    row_.cause = cause
    row_.from_state = from_state
    row_.to_state = to_state
    row_.activity = activity
    row_.pool = pool
    row_.server = server
    row_.enabled_at = enabled
    row_.started_at = started
    row_.completed_at = completed
    row_.outcome = outcome
    row_.happened_at = counters.now
    row_.booked_for = -1
    return r


@inline
def draw_work(model, world, i, a, takes, visit):
    """Draw the length of a case's activity and the numerator of its outcome: one draw gives both."""
    activity = model.activities[a]
    distribution = look_up_now(model, world, i, takes)
    bits, outcome = np.int64(0), np.int64(0)
    if model.distributions[distribution].kind > OF_CASE or activity.n_gives > 0:
        bits, outcome = both_bits(model, world.cases[i].key, activity.hash, visit)
    return length_of(model, i, distribution, bits, world.counters[0].now), outcome


@rare
def length_again(model, world, i, a, takes):
    """Return the length of the work of a case that was interrupted: what is left of it, or drawn anew."""
    work = world.work[i]
    if work.length >= 0:
        return np.int64(work.length)
    distribution = look_up_now(model, world, i, takes)
    bits = length_bits(model, world.cases[i].key, model.activities[a].resample, work.interruptions)
    return length_of(model, i, distribution, bits, world.counters[0].now)


@inline
def length_from(model, world, i, a, now):
    """Return the length of the work of a case without a team, if it starts now."""
    if world.cases[i].interrupted == 1:
        return length_again(model, world, i, a, model.activities[a].takes)
    return draw_work(model, world, i, a, model.activities[a].takes, np.int64(world.cases[i].visit))[0]


@inline
def begin_work(world, i, length, now):
    """Record the start of work of a length, or of a further part of it, that may be interrupted."""
    work = world.work[i]
    if world.cases[i].interrupted == 0:
        work.started = now
        work.whole = length
    elif work.length < 0:
        work.whole = length
    work.length = length


@inline
def schedule_completion(model, world, i, end):
    """Schedule the completion of a case's work or delay."""
    if NEVER < end <= model.horizon:
        code = COMPLETION | np.int64(i) << NUMBER_SHIFT
        schedule(model, world, end, code, np.int64(world.cases[i].stamp))


@inline
def start_work(model, world, p, i, now):
    """Start the work of a case at a station; return whether it fits into the shift, if it must."""
    case, station = world.cases[i], world.stations[p]
    a = index(model.states[index(np.int64(case.state))].activity)
    length, bits = draw_work(model, world, i, a, model.activities[a].takes, np.int64(case.visit))
    if was_interrupted(model, case):
        length = length_again(model, world, i, a, model.activities[a].takes)
    c = station.calendar
    if station.rule == FIT and not fits(model, c, now, length, station.until):
        return False
    if may_interrupt(model, station):
        begin_work(world, i, length, now)
    leave_queue(world, queue_of(model, world, p, i, index(np.int64(case.state))), station.order != FIRST_COME, i)
    following = first_of(world, station.queue, station.n_levels, False)
    if following >= 0:  # read soon
        prefetch(world.cases, following)
        prefetch(world.record, following)
    case.status = SERVED
    case.started = now
    case.order = bits
    case.server = seize(world, p)
    if may_interrupt(model, station):
        world.occupant[station.free + case.server] = i
    if not was_interrupted(model, case):
        station.begun += model.activities[a].uses
        if is_booked(model, model.activities[a]):
            call_case(world, i)
    end = now + length
    if station.rule == SUSPEND and end > station.until:
        end = complete(model, c, now, length)
    schedule_completion(model, world, i, end)
    return True
