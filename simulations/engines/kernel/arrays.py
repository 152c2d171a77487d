"""The arrays of the kernel: the model that it reads, and the world that it writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from simulations.log.row import COLUMNS

NEVER_COMES = 2**62
NO_EDGE = 2**63 - 1

# The number of a lookup: k >= 0 is a table, -1 is no lookup, k <= -2 is the constant -3 - k; from `BY_DATE` on, k - BY_DATE is
# the first of a number of steps, each with a date and the lookup from then on. Of priorities, a number from `BY_FACTS` on is a
# column of ranks, k - BY_FACTS.
NONE = -1
BY_DATE = 1 << 40
BY_FACTS = 1 << 41

# Results of `run`.
RUNNING, DONE, ROWS_FULL, HEAP_FULL, FAR_FULL, STUCK, TOO_MANY_VISITS = range(-1, 6)

# What is known of a hearing date, as bits.
CLOSED_DATE, SUSPENDED_DATE = 1, 2

# Sources of the next event.
NOTHING, HEAP, CHANGES, DATES, ARRIVALS, LIMITS = range(6)


def _record(**fields: str) -> np.dtype[Any]:
    return np.dtype(list(fields.items()), align=True)


# 64 bytes: one cache line.
CASE = _record(
    key="u8", enabled="i8", started="i8", order="i8", next="i4", previous="i4", stamp="u4", fact_class="i4", server="i4",
    visit="i4", court="i2", state="i2", status="i2", interrupted="i2",
)  # fmt: skip
LOOKUP = _record(base="i8", stride="i8", first="i8", n="i8")
FIELD = _record(field="i8", stride="i8")
STEP = _record(date="i8", lookup="i8")
STATE = _record(kind="i8", activity="i8", counts="u8", clocks="u8", hazards="u8")
TRANSITION = _record(code="i8", target="i8", effect="i8", n_effects="i8", since="u8", transfer="i8", hash="u8")
EVENT = _record(
    gives="i8", n_gives="i8", given="i8", after="i8", chance="i8", rate="i8", only_waiting="i8", calendar="i8", repeats="i8",
    hash="u8", lottery="u8",
)  # fmt: skip
POLICY = _record(start="i8", pinned="i8", decisions="i8", guards="i8", effects="i8")
EFFECT = _record(field="i8", value="i8", most="i8")
RANGE = _record(first="i8", n="i8")
GIVES = _record(field="i8", outcome="i8", stride="i8", hash="u8")
SUSPENSION = _record(start="i8", end="i8")
# Work that may be interrupted: the length of the part that is next or in hand, -1 if it is to be drawn anew, the length from the
# beginning, when the first part started, and how often the work of the case was interrupted. With it stands how often a transition might have
# moved the case.
WORK = _record(length="i8", whole="i8", started="i8", interruptions="i8", transfers="i8")
ACTIVITY = _record(
    pool="i8", priority="i8", gives="i8", n_gives="i8", given="i8", takes="i8", calendar="i8", hash="u8", resample="u8", kinds="i8",
    notice="i8", in_working_days="i8", uses="i8",
)  # fmt: skip
# The cases of a queue that need the same: each kind has a queue of its own. Its teams are tried in order.
KIND = _record(first="i8", n="i8", hold="i8")
TEAM = _record(first="i8", n="i8", takes="i8", calendars="i8")
NEED = _record(pool="i8", count="i8", exempt="i8")
# A server of a team besides the one in the row.
HOLD = _record(row="i8", pool="i8", server="i8")
# A row that moves a case to another court, with the court; or the row of a case that is served with others, with their batch.
PAIR = _record(row="i8", value="i8")
RATE = _record(rate="f8", most="i8")
DISTRIBUTION = _record(kind="i8", first="i8", n="i8", value="i8")
CALENDAR = _record(first="i8", n="i8", longest="i8")
INTERVAL = _record(open="i8", close="i8", worked="i8")
POOL = _record(station="i8", at_court="i8")
# What a plain station needs stands in its first three cache lines.
STATION = _record(
    busy="i8", size="i8", begun="i8", slots="i8", until="i8", exempt="i8", limit="i8", patience="i8",
    calendar="i8", queue="i8", n_levels="i8", free="i8", n_free="i8", numbered="i8", n_suspended="i8", dates="i8",
    wakes="i8", n_wakes="i8", most="i8", touched="i2", rule="i2", order="i2", by_teams="i2", ranked="i2", interrupts="i2",
    preempts="i2", grew="i2", mode="i2",
    by="i8", suspended="i8", pool="i8", kinds="i8", width="i8", variants="i8", limit_event="i8", enough="i8",
    n_dates="i8", first_suspended="i8", last_suspended="i8", working_days="i8", tree="i8", tree_size="i8", n_booked="i8",
    calling="i8",
)  # fmt: skip
# A hearing date of a station, in days and microseconds since the start, and since when it is known to be closed or suspended.
HEARING = _record(day="i8", closes="i8", slots="i8", closed_from="i8", suspended_from="i8")
# Its slots that are used, the first and the last case that is booked for it, and what is known of it.
BOOKINGS = _record(used="i8", head="i8", tail="i8", shut="i8")
BOOKED = _record(date="i8", number="i8", next="i8", previous="i8", exempt="i8")
QUEUE = _record(head="i8", tail="i8", first="i8", n="i8", walk="i8")
ENTRY = _record(order="i8", enabled="i8", case="i8")
CHANGE = _record(time="i8", station="i8", kind="i8", value="i8")
DATE = _record(time="i8", event="i8", visit="i8")
PENDING = _record(time="i8", code="i8", visit="i8")
FAR = _record(time="i8", code="i8", visit="i8", next="i8")
BUCKETS = _record(first="i8", n="i8")
COUNTERS = _record(
    now="i8", n_rows="i8", n_heap="i8", n_touched="i8", at_change="i8", at_arrival="i8", at_date="i8", at_turn="i8",
    bucket="i8", edge="i8", planned="i8", moved_on="i8", room="i8", n_holds="i8", walk="i8", n_grown="i8", n_moves="i8", n_batches="i8", n_batched="i8",
)  # fmt: skip
# The largest fields first, so that no bytes are lost to alignment.
ROW = np.dtype([(c.name, f"i{c.size}") for c in sorted(COLUMNS, key=lambda c: -c.size)], align=True)


class Model(NamedTuple):
    """The read-only input of a run: numbers, and the arrays of the model and of the plan.

    Attributes
    ----------
    gives : structured array
        The fields that an activity or an event gives, one row each. The strides number its outcomes.
    case_lengths, first_rings : ndarray of int64, shape (n, n_cases)
        The columns of `simulations.scenarios.case_times.CaseTimes`; `brought` has the event of each first ring.
    given : ndarray of int64
        For each outcome of an activity or an event: its code in the log, then the value of each field.
    priorities : ndarray of int64
        Ranks of the priorities that lookups give, in the pools in which priorities differ from case to case.
    orders : ndarray of int64, shape (n, n_cases)
        Ranks of the cases by an order or a priority that depends on facts alone.
    kind_of : ndarray of int64
        For each activity of a queue whose cases teams serve, and for each court: the lookup of the kind of a case.
    team_calendars : ndarray of int64
        For each team and court: the calendar of the time in which all its pools work.
    wakes : ndarray of int64
        Stations with queues that may need a server of another one.
    holder : ndarray of int64
        The station of each server.
    most_holds : int
        Maximum number of rows that one event may add to `World.holds`.
    n_courts, court_field : int
        The number of courts, and the column of `World.record` with the court of each case; -1 if cases stay at their courts.
    special : int or None
        None for a model that needs nothing of `simulations.engines.kernel.special`; the kernel is compiled for each of the two.
    waits : int
        Whether cases of a pool are served together after a time.
    preempts : int
        Whether more urgent cases interrupt work in one of the pools.
    """

    horizon: int
    most_visits: int
    most_rings: int
    n_fields: int
    shift: int
    margin: int
    most_holds: int
    special: int | None
    preempts: int
    waits: int
    n_courts: int
    court_field: int
    unit: int
    key: Any
    lookups: Any
    fields: Any
    values: Any
    steps_of_lookups: Any
    states: Any
    decisions: Any
    transitions: Any
    events: Any
    guards: Any
    event_effects: Any
    policies: Any
    effects: Any
    activities: Any
    levels: Any
    priorities: Any
    kind_of: Any
    kinds: Any
    teams: Any
    needs: Any
    team_calendars: Any
    wakes: Any
    holder: Any
    distributions: Any
    cells: Any
    steps: Any
    month_lengths: Any
    rates: Any
    chances: Any
    outcomes: Any
    shares: Any
    outcome_index: Any
    gives: Any
    given: Any
    calendars: Any
    intervals: Any
    pools: Any
    suspensions: Any
    hearings: Any
    changes: Any
    dates: Any
    arrived: Any
    orders: Any
    case_lengths: Any
    brought: Any
    first_rings: Any
    arrivals: Any
    initial_states: Any


class World(NamedTuple):
    """The arrays that a run writes.

    Attributes
    ----------
    counters : structured array of length 1
        Sizes and positions, kept between calls.
    record : ndarray of uint16
        A row for each case: its record fields, then its visits to each activity, then the starts of each clock.
    work : structured array
        A row for each case. Only stations that may interrupt work use it.
    serving : ndarray of int64
        Cases whose work may be interrupted now; `modes` says how each goes on.
    occupant : ndarray of int64
        For each server of a station that may interrupt work, the case that it serves, -1 for none.
    members : ndarray of int64
        For each server of a station that serves cases together, the number of cases that it works on.
    links : ndarray of int64
        For each server of a team, the next one, -1 after the last.
    bookings, booked : structured array
        A row for each hearing date, and for each case. `room` has the trees of free slots.
    """

    counters: Any
    cases: Any
    armed: Any
    position: Any
    record: Any
    stations: Any
    work: Any
    serving: Any
    modes: Any
    occupant: Any
    free: Any
    queues: Any
    entries: Any
    heap: Any
    far: Any
    buckets: Any
    touched: Any
    links: Any
    holds: Any
    moves: Any
    batches: Any
    members: Any
    bookings: Any
    booked: Any
    room: Any
    rows: Any


def grouped(arguments: Mapping[str, Any]) -> tuple[Model, World]:
    """Return the arguments of `run` from a mapping by the names of their fields."""
    return Model(*(arguments[name] for name in Model._fields)), World(*(arguments[name] for name in World._fields))


def aligned(n: int, dtype: np.dtype[Any], make: Callable[..., Any] = np.zeros) -> Any:
    """Return an array of a type with room for n, made by a function of numpy; the first begins a cache line of 64 bytes."""
    room = make(n * dtype.itemsize + 64, np.uint8)
    first = -room.ctypes.data % 64
    return room[first : first + n * dtype.itemsize].view(dtype)
