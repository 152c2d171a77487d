"""What an event does to a case: its outcome, its transitions, and what the case does in its new state."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import (
    ACTIVITY_STATE,
    DELAYED,
    FINAL_STATE,
    FIRST_COME,
    FIRST_EVENT_TRIGGER,
    INSTANT_STATE,
    NOWHERE,
    SERVED,
    TRIGGER_COMPLETE,
    TRIGGER_ENTER,
    WAITING,
)
from simulations.engines.kernel.arrays import ARRIVALS, NONE, RUNNING, STUCK, TOO_MANY_VISITS
from simulations.engines.kernel.batches import leave_batch
from simulations.engines.kernel.clocks import start_clocks, start_hazards
from simulations.engines.kernel.compiling import ONE, U64, apart, index, inline, rare
from simulations.engines.kernel.draws import outcome_bits
from simulations.engines.kernel.hearings import book_first, leave_date
from simulations.engines.kernel.held import record_team, release_team
from simulations.engines.kernel.lookups import apply_effects, decision_at, draw_value, look_up, policy_in_force, write_outcome
from simulations.engines.kernel.queues import join_queue, leave_queue
from simulations.engines.kernel.service import draw_work, schedule_completion, write_row, write_row_of_work
from simulations.engines.kernel.special import is_booked, needs_team, serves_together, transfers
from simulations.engines.kernel.stations import enqueue, place_of, priority, queue_of, release, station_of, touch, touch_all
from simulations.engines.kernel.working_time import complete
from simulations.log.row import BY_ENTRY, NEVER


@inline
def find(model, world, i):
    """Draw the outcome of a completed activity and record it; return its code in the log, -1 for none."""
    case = world.cases[i]
    activity = model.activities[index(model.states[index(np.int64(case.state))].activity)]
    if activity.n_gives == 0:
        return np.int64(-1)
    first, n, given = activity.gives, activity.n_gives, activity.given
    return write_outcome(model, world, i, first, n, given, case.order, np.int64(case.visit))[1]


@apart
def happen(model, world, i, event, visit):
    """Apply an outside event to a case's record; return whether it counts, whether the record changed, and the outcome."""
    case, entry = world.cases[i], model.events[event]
    outcome = np.int64(-1)
    state = np.int64(case.state)
    if (
        state < 0
        or (model.states[state].counts >> U64(event)) & ONE == 0
        or (entry.only_waiting != 0 and (case.status != WAITING or case.interrupted == 1))
    ):
        return False, False, outcome
    policy = model.policies[policy_in_force(model, i, world.counters[0].now)]
    guard = model.guards[policy.guards + event]
    if guard != NONE and look_up(model, world, i, guard) == 0:
        return False, False, outcome
    effects = model.event_effects[policy.effects + event]
    changed = apply_effects(model, world, i, effects.first, effects.n)
    if entry.n_gives > 0:
        bits = outcome_bits(model, case.key, entry.hash, visit)
        first, n, given = entry.gives, entry.n_gives, entry.given
        given_changed, outcome = write_outcome(model, world, i, first, n, given, bits, visit)
        changed = changed or given_changed
    return True, changed, outcome


@inline
def _take(model, world, i, taken, trigger, cause, outcome):
    """Take a transition and write its row; return whether the record changed."""
    case, transition = world.cases[i], model.transitions[taken]
    old = index(np.int64(case.state))
    inside = transition.target < 0
    target = old if inside else transition.target
    changed = transition.n_effects > 0 and apply_effects(model, world, i, transition.effect, transition.n_effects)
    if inside or case.status == NOWHERE:
        r = write_row(world, i, transition.code, cause, old, target, outcome)
        if inside:
            return changed
    else:
        a = index(model.states[old].activity)
        pool = model.activities[a].pool
        server = np.int64(case.server) if case.status == SERVED else np.int64(-1)
        completed = world.counters[0].now if trigger == TRIGGER_COMPLETE else np.int64(NEVER)
        r = write_row_of_work(
            world, i, transition.code, cause, old, target, outcome, a, pool, server, case.enabled, case.started, completed
        )
        if pool >= 0:
            p = station_of(model, world, i, pool)
            station = world.stations[p]
            dated = is_booked(model, model.activities[a])
            if dated:
                world.rows[r].booked_for = leave_date(model, world, i, old, p, case.status == SERVED)
            if case.status != SERVED:
                if not dated:
                    leave_queue(world, queue_of(model, world, p, i, old), station.order != FIRST_COME, i)
            elif serves_together(model, station):
                leave_batch(model, world, p, i, r)
            elif needs_team(model, model.activities[a]):
                record_team(model, world, i, r)
                release_team(model, world, i)
            else:
                release(model, world, p, case.server)
            touch_all(model, world, p)
        case.status = NOWHERE
        case.server = -1
        case.interrupted = 0
        case.enabled = NEVER
        case.started = NEVER
        case.stamp += np.uint32(1)
    case.state = target
    if transfers(model, transition):
        _transfer(model, world, i, r, transition)
    return changed


@rare
def _transfer(model, world, i, r, transition):
    """Move a case that has taken a transition to another court, or let it stay."""
    case, work = world.cases[i], world.work[i]
    bits = outcome_bits(model, case.key, transition.hash, work.transfers)
    work.transfers += 1
    court = draw_value(model, world, i, transition.transfer, bits)
    if court != case.court and court != model.n_courts:
        case.court = court
        world.record[i, index(model.court_field)] = court
        move = world.moves[index(world.counters[0].n_moves)]
        move.row = r
        move.value = court
        world.counters[0].n_moves += 1


@inline
def _rest(model, world, i, state):
    """Let a case stay in its state: it joins a queue, or its delay begins."""
    case, now = world.cases[i], world.counters[0].now
    if case.status != NOWHERE or model.states[state].kind != ACTIVITY_STATE:
        return RUNNING
    a = index(model.states[state].activity)
    v = np.int64(world.record[i, model.n_fields + a])
    if v >= model.most_visits:
        return TOO_MANY_VISITS
    world.record[i, model.n_fields + a] = v + 1
    case.visit = v
    case.enabled = now
    if is_booked(model, model.activities[a]):
        case.status = WAITING
        book_first(model, world, station_of(model, world, i, model.activities[a].pool), i, a)
        return RUNNING
    if model.activities[a].pool >= 0:
        enqueue(model, world, i, state, model.activities[a].pool)
        return RUNNING
    case.status = DELAYED
    case.started = now
    length, bits = draw_work(model, world, i, a, model.activities[a].takes, v)
    case.order = bits
    c = model.activities[a].calendar
    end = now + length if c < 0 else complete(model, c, now, length)
    schedule_completion(model, world, i, end)
    return RUNNING


@inline
def move_case(model, world, i, trigger, cause, outcome, changed, source, code):
    """Move a case, then go on through instant states and transitions on entry until it rests or waits.

    Return `RUNNING`, `STUCK` or `TOO_MANY_VISITS`, and whether the record of the case changed while it stayed.
    """
    case, states = world.cases[i], model.states
    policy = policy_in_force(model, i, world.counters[0].now)
    settling = source == ARRIVALS
    arriving = settling
    while True:
        old, since, entered = np.int64(-1), U64(0), arriving
        if arriving:
            arriving = False
            case.state = model.initial_states[i]
        else:
            old = index(np.int64(case.state))
            if settling:
                trigger, cause, outcome = TRIGGER_ENTER, BY_ENTRY, np.int64(-1)
            decision = decision_at(model, policy, old, trigger)
            taken = np.int64(-1) if decision == NONE else np.int64(look_up(model, world, i, decision))
            if taken >= 0:
                changed = _take(model, world, i, index(taken), trigger, cause, outcome) or changed
                entered = model.transitions[taken].target >= 0
                since = model.transitions[taken].since
            elif trigger == TRIGGER_COMPLETE or (trigger == TRIGGER_ENTER and states[old].kind == INSTANT_STATE):
                return STUCK, False
            elif trigger >= FIRST_EVENT_TRIGGER:
                write_row(world, i, -1, cause, old, old, outcome)
                return RUNNING, changed
        state = index(np.int64(case.state))
        start = U64(0)
        if entered:
            before, known = U64(0), U64(0)
            if old >= 0:
                before, known = states[old].clocks, states[old].hazards
            after = states[state].clocks
            if before & ~after != 0:
                world.armed[i] &= ~(before & ~after)
            start = after & ~before
            fresh = states[state].hazards & ~known
            if fresh != 0:
                start_hazards(model, world, i, fresh, source, code)
        if states[state].kind == FINAL_STATE:
            since = U64(0)
        for turn in range(2):
            wanted = start if turn == 0 else since
            if wanted != 0 and start_clocks(model, world, i, wanted) != RUNNING:
                return TOO_MANY_VISITS, False
        if entered:
            settling = True
            if decision_at(model, policy, state, TRIGGER_ENTER) != NONE:
                continue
        elif not settling:
            return RUNNING, changed
        return _rest(model, world, i, state), False


@rare
def requeue(model, world, i):
    """Put a waiting case whose record changed into its queue again: its priority, or whether it is exempt, may be another."""
    case = world.cases[i]
    state = np.int64(case.state)
    a = index(model.states[state].activity)
    p = station_of(model, world, i, model.activities[a].pool)
    station = world.stations[p]
    if model.activities[a].notice == NONE and (station.exempt != NONE or station.ranked == 1 or station.by_teams == 1):
        place, order = place_of(model, world, p, i, state), case.order
        if station.ranked == 1:
            order = priority(model, world, i, state) << 32 | (order & 0xFFFFFFFF)
        if place != np.int64(case.server) or order != case.order:
            in_order = station.order != FIRST_COME
            leave_queue(world, queue_of(model, world, p, i, state), in_order, i)
            case.order = order
            case.server = place
            join_queue(world, queue_of(model, world, p, i, state), in_order, i)
    touch(world, p)
