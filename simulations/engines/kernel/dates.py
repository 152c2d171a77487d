"""The hearing dates of a station: their free slots, and the cases that are booked for them.

The dates of all stations stand in one array. A binary tree over the dates of a station has the largest number of free slots
below each node (`simulations.engines.free_dates`). The cases that are booked for a date and not called yet are a linked list in
the order of booking.
"""

from __future__ import annotations

import numpy as np

from simulations.engines.kernel.arrays import SUSPENDED_DATE
from simulations.engines.kernel.compiling import index, rare


@rare
def first_later(model, world, p, by_day, time):
    """Return the first date of a station that closes after a time, or whose day comes after a day."""
    station = world.stations[p]
    low, high = station.dates, station.dates + station.n_dates
    while low < high:
        middle = (low + high) >> 1
        date = model.hearings[index(middle)]
        if (date.day if by_day else date.closes) <= time:
            low = middle + 1
        else:
            high = middle
    return low


@rare
def put_room(model, world, p, k):
    """Set the number of free slots of a date in the tree of its station, -1 if no case is booked for it."""
    station, tree = world.stations[p], world.room
    slots = model.hearings[index(k)].slots
    i = k - station.dates + station.tree_size
    free = slots - world.bookings[index(k)].used if slots > 0 and world.bookings[index(k)].shut == 0 else -1
    tree[index(station.tree + i)] = free
    while i > 1:
        i >>= 1
        at = station.tree + 2 * i
        most = max(tree[index(at)], tree[index(at + 1)])
        if tree[index(station.tree + i)] == most:
            return
        tree[index(station.tree + i)] = most


@rare
def first_room(model, world, p, since, uses, exempt):
    """Return the first date of a station from one on with enough free slots for a case, -1 if there is none."""
    station, tree = world.stations[p], world.room
    found = np.int64(-1)
    if since < station.dates + station.n_dates:
        i = since - station.dates + station.tree_size
        while i > 0 and tree[index(station.tree + i)] < uses:
            while i & 1:
                i >>= 1
            i += 1 if i > 0 else 0
        if i > 0:
            while i < station.tree_size:
                i *= 2
                if tree[index(station.tree + i)] < uses:
                    i += 1
            found = station.dates + i - station.tree_size
    if exempt == 1:
        k, until = (
            max(since, station.first_suspended),
            station.last_suspended if found < 0 else min(found, station.last_suspended),
        )
        while k < until:
            slots = model.hearings[index(k)].slots
            if world.bookings[index(k)].shut == SUSPENDED_DATE and slots > 0 and slots - world.bookings[index(k)].used >= uses:
                return k
            k += 1
    return found


@rare
def append_to_date(world, k, i):
    """Add a case to those that are booked for a date."""
    date, booked = world.bookings[index(k)], world.booked[i]
    booked.previous = date.tail
    booked.next = -1
    if date.tail >= 0:
        world.booked[index(date.tail)].next = i
    else:
        date.head = i
    date.tail = i


@rare
def call_case(world, i):
    """Remove a case from those that are booked for its date: it is called, or gives the date up."""
    booked = world.booked[i]
    date = world.bookings[index(booked.date)]
    if booked.previous >= 0:
        world.booked[index(booked.previous)].next = booked.next
    else:
        date.head = booked.next
    if booked.next >= 0:
        world.booked[index(booked.next)].previous = booked.previous
    else:
        date.tail = booked.previous
