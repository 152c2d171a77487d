"""Hearing dates: who is booked for which date, as in `simulations.engines.bookings`."""

from __future__ import annotations

import numpy as np

from simulations.engines.kernel.arrays import CLOSED_DATE, NONE, SUSPENDED_DATE
from simulations.engines.kernel.compiling import index, rare
from simulations.engines.kernel.dates import append_to_date, call_case, first_later, first_room, put_room
from simulations.engines.kernel.draws import length_of
from simulations.engines.kernel.lookups import look_up, look_up_now
from simulations.engines.kernel.queues import join_queue, leave_queue
from simulations.engines.kernel.service import write_row
from simulations.engines.kernel.stations import queue_of, touch_all
from simulations.engines.kernel.working_time import complete
from simulations.log.row import BY_BOOKING, BY_CLOSED_DATE, BY_NOT_CALLED, NEVER
from simulations.timing.clock import MICROSECONDS_PER_DAY

_DAY = MICROSECONDS_PER_DAY


@rare
def join_called(model, world, p, i, state):
    """Let a case join the queue of those that are called: interrupted work first, then in the order of booking."""
    case, booked = world.cases[i], world.booked[i]
    case.order = NEVER if case.interrupted == 1 else booked.number
    case.server = -2 if booked.exempt == 1 else -1
    join_queue(world, queue_of(model, world, p, i, state), True, i)
    touch_all(model, world, p)


@rare
def book(model, world, p, i, since, cause):
    """Book a case for the first free date from one on. If that date has begun, the case is called with the others."""
    case, station = world.cases[i], world.stations[p]
    state = index(np.int64(case.state))
    uses = model.activities[index(model.states[state].activity)].uses
    booked = world.booked[i]
    booked.exempt = 1 if station.exempt != NONE and look_up(model, world, i, station.exempt) != 0 else 0
    k = first_room(model, world, p, since, uses, booked.exempt)
    station.n_booked += 1
    booked.date = k
    booked.number = station.n_booked
    case.server = -2 if booked.exempt == 1 else -1
    r = write_row(world, i, -1, cause, state, state, -1)
    if k >= 0:
        world.rows[r].booked_for = model.hearings[index(k)].day
        append_to_date(world, k, i)
        world.bookings[index(k)].used += uses
        put_room(model, world, p, k)
        if k == station.calling:
            join_called(model, world, p, i, state)


@rare
def book_first(model, world, p, i, a):
    """Book a case that is enabled now."""
    station, now = world.stations[p], world.counters[0].now
    activity = model.activities[a]
    length = length_of(model, i, look_up_now(model, world, i, activity.notice), np.int64(0), now)
    time = now + length if activity.in_working_days == 0 else complete(model, station.working_days, now, length)
    since = station.dates + station.n_dates if time == NEVER else first_later(model, world, p, False, time)
    book(model, world, p, i, since, BY_BOOKING)


@rare
def give_up_date(model, world, p, i, state):
    """Free the slots of a case that is not called, and remove it from the queue if its date has begun."""
    booked = world.booked[i]
    k = booked.date
    if k < 0:
        return
    if k == world.stations[p].calling:
        leave_queue(world, queue_of(model, world, p, i, state), True, i)
    call_case(world, i)
    world.bookings[index(k)].used -= model.activities[index(model.states[state].activity)].uses
    put_room(model, world, p, k)


@rare
def _rebook(model, world, p, i, since, cause):
    give_up_date(model, world, p, i, index(np.int64(world.cases[i].state)))
    book(model, world, p, i, since, cause)


@rare
def end_date(model, world, p, k):
    """Book one of the cases that were not called on a date for another one; return whether there was none."""
    station, i = world.stations[p], world.bookings[index(k)].head
    if i < 0:
        station.calling = -1
        return True
    if station.calling == k:  # all leave the queue before any is booked
        while i >= 0:
            state = index(np.int64(world.cases[index(i)].state))
            leave_queue(world, queue_of(model, world, p, index(i), state), True, index(i))
            i = world.booked[index(i)].next
        station.calling = -1
    _rebook(model, world, p, index(world.bookings[index(k)].head), k + 1, BY_NOT_CALLED)
    return False


@rare
def announce(model, world, p, first):
    """Close the dates of which it becomes known now, from the first one on, and book one of their cases for another date.

    Return whether there was none.
    """
    station, now = world.stations[p], world.counters[0].now
    until = station.dates + station.n_dates
    for k in range(first, until if _is_news(model, world, first, now) else first):
        if _is_news(model, world, k, now):
            date, bookings = model.hearings[index(k)], world.bookings[index(k)]
            if date.closed_from == now:
                bookings.shut |= CLOSED_DATE
            if date.suspended_from == now:
                bookings.shut |= SUSPENDED_DATE
            put_room(model, world, p, k)
    for k in range(first, until):
        date, bookings = model.hearings[index(k)], world.bookings[index(k)]
        if date.closed_from == now or date.suspended_from == now:
            i = bookings.head
            while i >= 0:
                if bookings.shut & CLOSED_DATE != 0 or world.booked[index(i)].exempt == 0:
                    since = first_later(model, world, p, True, now // _DAY)
                    _rebook(model, world, p, index(i), since, BY_CLOSED_DATE)
                    return False
                i = world.booked[index(i)].next
    return True


@rare
def _is_news(model, world, k, now):
    """Return whether it becomes known now, and is not noted yet, that a date is closed or suspended."""
    date, shut = model.hearings[index(k)], world.bookings[index(k)].shut
    return (date.closed_from == now and shut & CLOSED_DATE == 0) or (date.suspended_from == now and shut & SUSPENDED_DATE == 0)


@rare
def call_date(model, world, p, k):
    """Let the cases that are booked for a date that begins now join the queue."""
    world.stations[p].calling = k
    i = world.bookings[index(k)].head
    while i >= 0:
        join_called(model, world, p, index(i), index(np.int64(world.cases[index(i)].state)))
        i = world.booked[index(i)].next
    touch_all(model, world, p)


@rare
def booked_day(model, world, i):
    """Return the day of a case's hearing date, since the start; -1 if it has none."""
    k = world.booked[i].date
    return np.int64(-1) if k < 0 else model.hearings[index(k)].day


@rare
def leave_date(model, world, i, old, p, served):
    """Return the day of a booked case that leaves its state; its slots are free if it was not called, and else remain used."""
    case = world.cases[i]
    day = booked_day(model, world, i)
    if not served:
        if case.interrupted == 1:
            leave_queue(world, queue_of(model, world, p, i, old), True, i)
        else:
            give_up_date(model, world, p, i, old)
    return day
