"""Integer codes that both engines use, declared once.

They are plain module constants: numba compiles them into the kernel as literals, and Python looks them up faster than
members of an enum. The kernel's cache depends on this file (`simulations.engines.kernel.compiling`).
"""

from __future__ import annotations

from workflow.model.definition import StateKind

# An engine's event has one number that orders the events of an instant: kind, then case or station, then index of the
# workflow's event.
KIND_SHIFT, NUMBER_SHIFT = 56, 8
NUMBER, EVENT_INDEX = (1 << KIND_SHIFT - NUMBER_SHIFT) - 1, (1 << NUMBER_SHIFT) - 1
COMPLETION, CAPACITY, CLOCK, ARRIVAL = 1 << KIND_SHIFT, 2 << KIND_SHIFT, 3 << KIND_SHIFT, 4 << KIND_SHIFT

# What a case does in its state.
NOWHERE, WAITING, SERVED, DELAYED = 0, 1, 2, 3

ACTIVITY_STATE, INSTANT_STATE, RESTING_STATE, FINAL_STATE = 0, 1, 2, 3
STATE_KINDS = {
    StateKind.ACTIVITY: ACTIVITY_STATE,
    StateKind.INSTANT: INSTANT_STATE,
    StateKind.RESTING: RESTING_STATE,
    StateKind.FINAL: FINAL_STATE,
}

SUSPEND, FINISH, FIT, RESTARTED, RESAMPLED = 0, 1, 2, 3, 4
SHIFT_END_RULES = {"suspend": SUSPEND, "finish": FINISH, "fit": FIT, "restart": RESTARTED, "resample": RESAMPLED}

# How interrupted work goes on: with its rest, from its beginning, or from its beginning with a length that is drawn anew.
RESUME, RESTART, RESAMPLE = 0, 1, 2
MODES = {"resume": RESUME, "restart": RESTART, "resample": RESAMPLE}

# What happens to a station, in the order of one instant: its shift ends, its size changes or a suspension ends, its shift begins, a
# hearing date ends, closed dates are announced, a hearing date begins. The last: the slots of a shift, with hearing dates those of all its date.
CLOSES, CHANGES_SIZE, OPENS, ENDS_DATE, IS_ANNOUNCED, CALLS, HAS_SLOTS = range(7)

# Two are orders by a value: one that depends on the record, and one that depends on facts alone. The last is the order
# first_come in a heap, for stations where interrupted work stands at the head of the queue.
FIRST_COME, OLDEST, NEWEST, BY_LOOKUP, BY_RANK, FIRST_COME_IN_HEAP = 0, 1, 2, 3, 4, 5
QUEUE_ORDERS = {"first_come": FIRST_COME, "oldest": OLDEST, "newest": NEWEST}

# How a distribution is drawn from: a constant, calendar months, a number for each case, a table of its inverse, or one of given values.
CONSTANT, MONTHS, OF_CASE, TABULATED, SAMPLED = 0, 1, 2, 3, 4

# How often the clock of an event starts by itself: once, again at each date of a hazard, or again at each ring of `every:`.
ONCE, HAZARD, EVERY = 0, 1, 2

# The workflow's events follow, in file order.
TRIGGER_COMPLETE, TRIGGER_ENTER, FIRST_EVENT_TRIGGER = 0, 1, 2

# What a case that waits for a team lacks: nothing, a pool that no suspension closes to it, a server, the time until the shift ends.
# The last: nothing, after other work was interrupted for it.
NOTHING_LACKS, NOT_SUSPENDED, A_SERVER, THE_TIME, INTERRUPTED_OTHERS = 0, 1, 2, 3, 4
