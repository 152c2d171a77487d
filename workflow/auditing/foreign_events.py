"""The events of a log that names only one thing in each row: a transition, or an event.

A transition that one event alone can trigger stands for both. An event's row that is directly followed, at the same
instant, by a transition upon that event is one row with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workflow.deciding.in_force import InForce

Integers = NDArray[np.int64]


def absorbed_events(in_force: InForce, case: Integers, at: Integers, transition: Integers, event: Integers) -> NDArray[np.bool_]:
    """Return the rows of an event that the next row, a transition upon it at the same instant, takes over."""
    absorbed = np.zeros(len(case), bool)
    upon = np.zeros((len(in_force.transitions) + 1, len(in_force.events) + 1), bool)  # the last are for none
    for i, events in enumerate(in_force.events_upon):
        upon[i, events] = True
    alone = (transition[:-1] < 0) & (event[:-1] >= 0) & (event[1:] < 0)
    absorbed[:-1] = alone & (case[1:] == case[:-1]) & (at[1:] == at[:-1]) & upon[transition[1:], event[:-1]]
    return absorbed


def triggering_events(in_force: InForce, transition: Integers, event: Integers) -> Integers:
    """Return the event of each row, also where a transition tells it because no other event can trigger it."""
    only = [events[0] if len(events) == 1 else -1 for events in in_force.events_upon]
    return np.where(event >= 0, event, np.array([*only, -1])[transition])
