"""The compiled engine's inner loop: one numba kernel for every workflow and scenario.

The model is passed in structured arrays whose types do not depend on it (`simulations.engines.kernel_plan`), so the
kernel is compiled once. It draws random numbers itself, with the same bits as `simulations.chance.draws` and
`simulations.chance.inverse_tables`. It returns when a buffer is full; the next call continues from there.

All compiled code is in this file, because numba's cache notices changes in this file only. The two modules of constants
that it imports are added to the key of the cache (`_cached`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from simulations.engines import codes
from simulations.engines.codes import (
    A_SERVER,
    ACTIVITY_STATE,
    ARRIVAL,
    BY_LOOKUP,
    BY_RANK,
    CAPACITY,
    CLOCK,
    COMPLETION,
    CONSTANT,
    DELAYED,
    EVENT_INDEX,
    EVERY,
    FINAL_STATE,
    FIRST_COME,
    FIRST_EVENT_TRIGGER,
    FIT,
    HAZARD,
    INSTANT_STATE,
    KIND_SHIFT,
    MONTHS,
    NEWEST,
    NOT_SUSPENDED,
    NOTHING_LACKS,
    NOWHERE,
    NUMBER,
    NUMBER_SHIFT,
    OF_CASE,
    OLDEST,
    ONCE,
    SERVED,
    SUSPEND,
    TABULATED,
    THE_TIME,
    TRIGGER_COMPLETE,
    TRIGGER_ENTER,
    WAITING,
)  # fmt: skip
from simulations.log import row
from simulations.log.row import BY_COMPLETION, BY_ENTRY, BY_INTERRUPTION, COLUMNS, FIRST_EVENT_CAUSE, NEVER

NEVER_COMES = 2**62
NO_EDGE = 2**63 - 1
_U = np.uint64
_M0, _M1, _W0, _W1 = _U(0xD2511F53), _U(0xCD9E8D57), _U(0x9E3779B9), _U(0xBB67AE85)
_LOW, _S32, _S21, _S11, _ONE = _U(0xFFFFFFFF), _U(32), _U(21), _U(11), _U(1)
_TWO53, _HALF, _SIDE, _BIAS = 1 << 53, 1 << 52, 52 * 32, 1023 << 5
_LOW47, _P47 = (1 << 47) - 1, 2.0**-47

# The number of a lookup: k >= 0 is a table, -1 is no lookup, k <= -2 is the constant -3 - k; from `BY_DATE` on, k - BY_DATE is
# the first of a number of steps, each with a date and the lookup from then on. Of priorities, a number from `BY_FACTS` on is a
# column of ranks, k - BY_FACTS.
NONE = -1
BY_DATE = 1 << 40
BY_FACTS = 1 << 41

# Results of `run`.
RUNNING, DONE, ROWS_FULL, HEAP_FULL, FAR_FULL, STUCK, TOO_MANY_VISITS = range(-1, 6)

# Sources of the next event.
NOTHING, HEAP, CHANGES, DATES, ARRIVALS = range(5)

# Compile a function into its callers.
_inline = njit(forceinline=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)

# Compile a function for what few models have, such as teams, apart from the loop, which stays small.
_apart = njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


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
TRANSITION = _record(code="i8", target="i8", effect="i8", n_effects="i8", since="u8")
EVENT = _record(
    gives="i8", n_gives="i8", given="i8", after="i8", chance="i8", rate="i8", only_waiting="i8", calendar="i8", repeats="i8",
    hash="u8", lottery="u8",
)  # fmt: skip
POLICY = _record(start="i8", pinned="i8", decisions="i8", guards="i8", effects="i8")
EFFECT = _record(field="i8", value="i8", most="i8")
RANGE = _record(first="i8", n="i8")
GIVES = _record(field="i8", outcome="i8", stride="i8", hash="u8")
SUSPENSION = _record(start="i8", end="i8")
# Work that a smaller size may interrupt: the length of the part that is next or in hand, and when the first part started.
WORK = _record(length="i8", started="i8")
ACTIVITY = _record(
    pool="i8", priority="i8", gives="i8", n_gives="i8", given="i8", takes="i8", calendar="i8", hash="u8", kinds="i8",
)  # fmt: skip
# The cases of a queue that need the same: each kind has a queue of its own. Its teams are tried in order.
KIND = _record(first="i8", n="i8", hold="i8")
TEAM = _record(first="i8", n="i8", takes="i8", calendars="i8")
NEED = _record(pool="i8", count="i8", exempt="i8")
# A server of a team besides the one in the row.
HOLD = _record(row="i8", pool="i8", server="i8")
RATE = _record(rate="f8", most="i8")
DISTRIBUTION = _record(kind="i8", first="i8", n="i8", value="i8")
CALENDAR = _record(first="i8", n="i8", longest="i8")
INTERVAL = _record(open="i8", close="i8", worked="i8")
POOL = _record(station="i8", at_court="i8")
STATION = _record(
    busy="i8", size="i8", begun="i8", slots="i8", calendar="i8", until="i8", rule="i8", order="i8", by="i8", queue="i8",
    n_levels="i8", free="i8", n_free="i8", numbered="i8", exempt="i8", suspended="i8", n_suspended="i8", touched="i8",
    shrinks="i8", ranked="i8", pool="i8", by_teams="i8", kinds="i8", width="i8", variants="i8", wakes="i8", n_wakes="i8",
)  # fmt: skip
QUEUE = _record(head="i8", tail="i8", first="i8", n="i8", walk="i8")
ENTRY = _record(order="i8", enabled="i8", case="i8")
CHANGE = _record(time="i8", station="i8", opens="i8", value="i8")
DATE = _record(time="i8", event="i8", visit="i8")
PENDING = _record(time="i8", code="i8", visit="i8")
FAR = _record(time="i8", code="i8", visit="i8", next="i8")
BUCKETS = _record(first="i8", n="i8")
COUNTERS = _record(
    now="i8", n_rows="i8", n_heap="i8", n_touched="i8", at_change="i8", at_arrival="i8", at_date="i8", at_turn="i8",
    bucket="i8", edge="i8", planned="i8", moved_on="i8", n_holds="i8", walk="i8",
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
    """

    horizon: int
    most_visits: int
    most_rings: int
    n_fields: int
    shift: int
    margin: int
    most_holds: int
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
        The cases in service at one station, while an opening interrupts some of them.
    links : ndarray of int64
        For each server of a team, the next one, -1 after the last.
    """

    counters: Any
    cases: Any
    armed: Any
    position: Any
    record: Any
    stations: Any
    work: Any
    serving: Any
    free: Any
    queues: Any
    entries: Any
    heap: Any
    far: Any
    buckets: Any
    touched: Any
    links: Any
    holds: Any
    rows: Any


def grouped(arguments: Mapping[str, Any]) -> tuple[Model, World]:
    """Return the arguments of `run` from a mapping by the names of their fields."""
    return Model(*(arguments[name] for name in Model._fields)), World(*(arguments[name] for name in World._fields))


# draws -----------------------------------------------------------------------------------------------


@intrinsic
def _bits_of(_context: Any, number: Any) -> Any:
    """Return the bits of a double as an integer."""

    def generate(_c: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def _index(_context: Any, number: Any) -> Any:
    """Return an index and promise that it is not negative, so that no code is compiled for counting from the end."""

    def generate(_c: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.assume(builder.icmp_signed(">=", arguments[0], ir.Constant(arguments[0].type, 0)))
        return arguments[0]

    return number(number), generate


@intrinsic
def _prefetch(_context, array, i):
    """Prefetch a row of an array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows = context.make_array(signature.args[0])(context, builder, arguments[0])
        begin = builder.ptrtoint(rows.data, ir.IntType(64))
        address = builder.add(begin, builder.mul(arguments[1], builder.extract_value(rows.strides, 0)))
        pointer = builder.inttoptr(address, ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        builder.call(prefetch, [pointer, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@_inline
def _philox(k0, k1, c0, c1, c2, c3):
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _S32) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _S32) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@_inline
def _numerator(high, low):
    """Return the odd numerator of a uniform from two words of 32 bits."""
    return np.int64((high << _S21) | (low >> _S11) | _ONE)


@_inline
def _length_bits(model, case_key, purpose, visit):
    key = model.key
    a, b, _, _ = _philox(key[0], key[1], case_key & _LOW, case_key >> _S32, purpose, _U(visit))
    return _numerator(a, b)


@_inline
def _both_bits(model, case_key, purpose, visit):
    key = model.key
    a, b, c, d = _philox(key[0], key[1], case_key & _LOW, case_key >> _S32, purpose, _U(visit))
    return _numerator(a, b), _numerator(c, d)


@_inline
def _outcome_bits(model, case_key, purpose, visit):
    key = model.key
    _, _, c, d = _philox(key[0], key[1], case_key & _LOW, case_key >> _S32, purpose, _U(visit))
    return _numerator(c, d)


@_inline
def _read(cells, first, numerator):
    """Evaluate a tabulated inverse distribution function (`simulations.chance.inverse_tables`)."""
    if numerator >= _HALF:
        t = _TWO53 - numerator
        cell = first + _SIDE
    else:
        t = numerator
        cell = first
    bits = _bits_of(float(t))
    cell = _index(cell + (bits >> 47) - _BIAS)
    s = (bits & _LOW47) * _P47
    d = cells[cell, 3]
    if d != d:
        s = s * 32.0
        fine = np.int64(s)
        s = s - fine
        cell = _index(first + np.int64(cells[cell, 0]) + fine)
        d = cells[cell, 3]
    return cells[cell, 0] + s * (cells[cell, 1] + s * (cells[cell, 2] + s * d))


@_inline
def _length_of(model, i, distribution, numerator, now):
    """Return the length of a distribution at a uniform numerator, in microseconds, for what starts now for a case."""
    entry = model.distributions[_index(distribution)]
    if entry.kind == CONSTANT:
        return entry.value
    if entry.kind == MONTHS:
        return model.month_lengths[_index(entry.first + now // entry.value)]
    if entry.kind == OF_CASE:
        return model.case_lengths[_index(entry.first), i]
    if entry.kind == TABULATED:
        x = _read(model.cells, entry.first, numerator)
    else:
        x = model.steps[entry.first + (((numerator >> 22) * entry.n + (((numerator & 0x3FFFFF) * entry.n) >> 22)) >> 31)]
    return np.int64(min(max(np.rint(x), 0.0), 4611686018427387904.0))


# tables ----------------------------------------------------------------------------------------------


@_inline
def _look_up(model, world, i, k):
    """Return the value of a lookup for a case, by its fact class and the record fields that the lookup reads."""
    if k < NONE:  # the same for every case
        return np.int64(-3 - k)
    lookup = model.lookups[_index(k)]
    at = lookup.base + world.cases[i].fact_class * lookup.stride
    for j in range(lookup.n):
        field = model.fields[_index(lookup.first + j)]
        at += field.stride * world.record[i, _index(field.field)]
    return np.int64(model.values[_index(at)])


@_apart
def _in_force(steps, k, now):
    """Return the lookup in force at a time, from the first of its steps; it also holds before its date."""
    while steps[_index(k + 1)].date <= now:
        k += 1
    return np.int64(steps[_index(k)].lookup)


@_inline
def _look_up_now(model, world, i, k):
    """Return the value of a lookup that may change on dates."""
    if k >= BY_DATE:
        k = _in_force(model.steps_of_lookups, k - BY_DATE, world.counters[0].now)
    return _look_up(model, world, i, k)


@_inline
def _apply_effects(model, world, i, first, n):
    """Apply effects to the record of a case; return whether it changed."""
    record = world.record
    changed = False
    for k in range(n):
        effect = model.effects[_index(first + k)]
        f = _index(effect.field)
        value = effect.value
        if value < 0:
            value = min(np.int64(record[i, f]) + 1, effect.most)
        if record[i, f] != value:
            record[i, f] = value
            changed = True
    return changed


@_inline
def _draw_value(model, world, i, lookup, numerator):
    """Return the drawn value of a field, as an index in the values that its activity or event may give."""
    outcome = model.outcomes[_look_up_now(model, world, i, lookup)]
    u = numerator * 2.0**-53
    k = 0
    while k < outcome.n - 1 and not u < model.shares[outcome.first + k]:
        k += 1
    return model.outcome_index[outcome.first + k]


@_inline
def _write_outcome(model, world, i, first, n, given, numerator, visit):
    """Draw the `n` fields of an outcome, then record them; return whether the record changed, and the code in the log.

    The first field has a numerator already; each further field has a purpose of its own.
    """
    changed, at = False, given
    for j in range(n):
        entry = model.gives[_index(first + j)]
        if j > 0:
            numerator = _outcome_bits(model, world.cases[i].key, entry.hash, visit)
        at += entry.stride * _draw_value(model, world, i, entry.outcome, numerator)
    for j in range(n):
        f = _index(model.gives[_index(first + j)].field)
        value = model.given[_index(at + 1 + j)]
        if world.record[i, f] != value:
            world.record[i, f] = value
            changed = True
    return changed, model.given[_index(at)]


# the heap of scheduled events -------------------------------------------------------------------------


@_inline
def _push(heap, n, time, code, visit):
    i = _index(n)
    while i > 0:
        j = _index((i - 1) >> 1)
        if heap[j].time < time or (heap[j].time == time and heap[j].code < code):
            break
        heap[i].time = heap[j].time
        heap[i].code = heap[j].code
        heap[i].visit = heap[j].visit
        i = j
    heap[i].time = time
    heap[i].code = code
    heap[i].visit = visit


@_inline
def _pop(heap, n):
    """Remove the least of n + 1 entries."""
    n = _index(n)
    time, code, visit = heap[n].time, heap[n].code, heap[n].visit
    i = np.int64(0)
    while True:
        c = _index(2 * i + 1)
        if c >= n:
            break
        if c + 1 < n and (
            heap[c + 1].time < heap[c].time or (heap[c + 1].time == heap[c].time and heap[c + 1].code < heap[c].code)
        ):
            c += 1
        if time < heap[c].time or (time == heap[c].time and code < heap[c].code):
            break
        heap[i].time = heap[c].time
        heap[i].code = heap[c].code
        heap[i].visit = heap[c].visit
        i = c
    heap[i].time = time
    heap[i].code = code
    heap[i].visit = visit


# Later events are kept in buckets of time, as linked lists in `far`. A bucket is moved to the heap when its time comes, so
# the heap stays small. The first entry of `far` is the head of the list of free entries.


@_inline
def _schedule(model, world, time, code, visit):
    """Schedule an event."""
    counters, far = world.counters[0], world.far
    if time < counters.edge:
        _push(world.heap, counters.n_heap, time, code, visit)
        counters.n_heap += 1
        return
    x = far[0].next
    if x > 0:
        far[0].next = far[x].next
    else:
        x = far[0].visit + 1
        far[0].visit = x
    bucket = world.buckets[time >> model.shift]
    far[x].time = time
    far[x].code = code
    far[x].visit = visit
    far[x].next = bucket.first
    bucket.first = x
    bucket.n += 1


@_inline
def _next_bucket(model, world):
    """Move the next bucket to the heap and prefetch its cases; return `HEAP_FULL` if there is no room."""
    counters, heap, far = world.counters[0], world.heap, world.far
    bucket = world.buckets[counters.bucket]
    if counters.n_heap + bucket.n + model.margin > len(heap):
        return HEAP_FULL
    x = bucket.first
    n_heap = counters.n_heap
    while x > 0:
        _push(heap, n_heap, far[x].time, far[x].code, far[x].visit)
        n_heap += 1
        i = (far[x].code >> NUMBER_SHIFT) & NUMBER
        _prefetch(world.cases, i)
        _prefetch(world.record, i)
        after = far[x].next
        far[x].next = far[0].next
        far[0].next = x
        x = after
    counters.n_heap = n_heap
    bucket.first = 0
    bucket.n = 0
    counters.bucket += 1
    counters.edge = counters.bucket << model.shift if counters.bucket < len(world.buckets) else np.int64(NO_EDGE)
    return RUNNING


# working time ----------------------------------------------------------------------------------------


@_inline
def _n_opened(model, c, t):
    """Return how many working intervals of a calendar open at or before t."""
    low, high = np.int64(0), model.calendars[c].n
    first = model.calendars[c].first
    while low < high:
        middle = (low + high) >> 1
        if model.intervals[first + middle].open <= t:
            low = middle + 1
        else:
            high = middle
    return low


@_inline
def _working_time(model, c, t):
    """Return W(t), the working time of a calendar up to t."""
    first, k = model.calendars[c].first, _n_opened(model, c, t)
    worked = model.intervals[first + k].worked
    if k > 0:
        worked -= max(model.intervals[first + k - 1].close - t, 0)
    return worked


@_inline
def _complete(model, c, start, length):
    """Return the least t >= start with W(t) = W(start) + length, `NEVER` if the working intervals end before."""
    if length == 0:
        return start
    intervals = model.intervals
    first, n = model.calendars[c].first, model.calendars[c].n
    k, worked = _n_opened(model, c, start), _working_time(model, c, start)
    if length > intervals[first + n].worked - worked:
        return np.int64(NEVER)
    target = worked + length
    low, high = k, n + 1
    while low < high:
        middle = (low + high) >> 1
        if intervals[first + middle].worked < target:
            low = middle + 1
        else:
            high = middle
    j = first + low - 1
    return intervals[j].open + target - intervals[j].worked


@_inline
def _fits(model, c, now, length, until):
    """Return whether work fits into an interval until its end. Work longer than all intervals of a calendar fits at an opening."""
    if now + length <= until:
        return True
    k = _n_opened(model, c, now) - 1
    return length > model.calendars[c].longest and now == model.intervals[model.calendars[c].first + k].open


# queues ----------------------------------------------------------------------------------------------
# A station has a queue for each priority. A first-come queue is a linked list through the cases, ordered by enabling and
# case number. Any other queue is a 4-ary heap whose entries hold the whole sort key, so that comparing reads no case.
# `position` is the index of each case in its heap, for cases that leave before they are served. Interrupted work stands at
# the head of its queue, which is then a heap: its order is the least number, and the start of its first part comes next.
# Where priorities differ from case to case, all cases are in one heap, and their order begins with the rank of the priority.


@_inline
def _put_entry(entries, position, first, k, order, enabled, i):
    j = _index(first + k)
    entries[j].order = order
    entries[j].enabled = enabled
    entries[j].case = i
    position[_index(i)] = k


@_inline
def _entry_before(entries, j, order, enabled, i):
    """Return whether the entry at an index is served before another case."""
    j = _index(j)
    if entries[j].order != order:
        return entries[j].order < order
    if entries[j].enabled != enabled:
        return entries[j].enabled < enabled
    return entries[j].case < i


@njit
def _sift_up(entries, position, first, k, order, enabled, i):
    """Put a case at a free index of a heap, or closer to its head."""
    while k > 0:
        above = (k - 1) >> 2
        j = _index(first + above)
        if _entry_before(entries, j, order, enabled, i):
            break
        _put_entry(entries, position, first, k, entries[j].order, entries[j].enabled, entries[j].case)
        k = above
    _put_entry(entries, position, first, k, order, enabled, i)


@njit
def _remove_entry(entries, position, first, n, k):
    """Remove the entry at an index from a heap of n + 1; the last entry fills the gap and is sifted up or down."""
    j = _index(first + n)
    order, enabled, i = entries[j].order, entries[j].enabled, entries[j].case
    while True:
        c = 4 * k + 1
        if c >= n:
            break
        j = _index(first + c)
        for other in range(j + 1, min(j + 4, first + n)):
            if _entry_before(entries, other, entries[j].order, entries[j].enabled, entries[j].case):
                j = _index(other)
        if not _entry_before(entries, j, order, enabled, i):
            break
        _put_entry(entries, position, first, k, entries[j].order, entries[j].enabled, entries[j].case)
        k = j - first
    _sift_up(entries, position, first, k, order, enabled, i)


@_inline
def _enabled_or_started(world, i):
    """Return what orders cases of equal order: when the case was enabled, or when its interrupted work first started."""
    case = world.cases[i]
    return world.work[i].started if case.interrupted == 1 else case.enabled


@_inline
def _leave_queue(world, queue, in_order, i):
    """Remove a case from a queue."""
    queues, cases = world.queues, world.cases
    if in_order:
        first, n = queues[queue].first, queues[queue].n - 1
        queues[queue].n = n
        _remove_entry(world.entries, world.position, first, n, np.int64(world.position[i]))
        queues[queue].head = world.entries[first].case if n > 0 else -1
        return
    before, after = np.int64(cases[i].previous), np.int64(cases[i].next)
    if before >= 0:
        cases[before].next = after
    else:
        queues[queue].head = after
    if after >= 0:
        cases[after].previous = before
    else:
        queues[queue].tail = before


@_inline
def _join_queue(world, queue, in_order, i):
    """Add a case to a queue, behind the cases that were enabled before it."""
    queues, cases = world.queues, world.cases
    if in_order:
        first, n = queues[queue].first, queues[queue].n
        queues[queue].n = n + 1
        _sift_up(world.entries, world.position, first, n, cases[i].order, _enabled_or_started(world, i), i)
        queues[queue].head = world.entries[first].case
        return
    before, after = queues[queue].tail, np.int64(-1)
    while before >= 0 and (
        cases[before].enabled > cases[i].enabled or (cases[before].enabled == cases[i].enabled and before > i)
    ):
        after = before
        before = np.int64(cases[before].previous)
    cases[i].previous = before
    cases[i].next = after
    if before >= 0:
        cases[before].next = i
    else:
        queues[queue].head = i
    if after >= 0:
        cases[after].previous = i
    else:
        queues[queue].tail = i


@_inline
def _first_of(world, queue, n, resumes):
    """Return the first case of n queues in order of priority, or the first that was interrupted; -1 if there is none."""
    for q in range(queue, queue + n):
        head = world.queues[_index(q)].head
        if head >= 0 and (not resumes or world.cases[_index(head)].interrupted == 1):
            return head
    return np.int64(-1)


@_inline
def _queue_of(model, world, p, i, state):
    """Return the queue of a station in which a case in a state waits."""
    station, server = world.stations[p], np.int64(world.cases[i].server)
    if station.by_teams == 1:
        return _index(station.queue - 1 - server)
    return _index(station.queue + (station.n_levels if server == -2 else 0) + model.levels[state])


@_inline
def _place(model, world, p, i, state):
    """Return what stands for the queue of a station that a case belongs into, in place of the number of a server."""
    station, case = world.stations[p], world.cases[i]
    if station.by_teams == 1:
        court = np.int64(case.court)
        a = _index(model.states[state].activity)
        kind = _look_up(model, world, i, model.kind_of[_index(model.activities[a].kinds + court)])
        place = kind * station.width + (court * station.variants if station.width > station.variants else 0)
        return -1 - (place + (1 if case.interrupted == 1 and station.variants == 2 else 0))
    return np.int64(-2 if station.exempt != NONE and _look_up(model, world, i, station.exempt) != 0 else -1)


@_apart
def _first_that_resumes(model, world, p, with_others):
    """Return the first case of a station whose work was interrupted, -1 if there is none.

    Where priorities differ from case to case, it need not stand at the head of its queue.
    """
    first = np.int64(-1)
    station = world.stations[p]
    begin = station.queue if with_others or station.n_suspended == 0 else station.queue + 1
    for q in range(begin, station.queue + (1 if station.n_suspended == 0 else 2)):
        queue = world.queues[_index(q)]
        for k in range(queue.first, queue.first + queue.n):
            i = _index(world.entries[_index(k)].case)
            if world.cases[i].interrupted == 1 and (first < 0 or _served_before(model, world, i, _index(first))):
                first = np.int64(i)
    return first


@_inline
def _served_before(model, world, x, y):
    """Return whether a case is served before a case of another queue of the station."""
    cases = world.cases
    lx, ly = model.levels[cases[x].state], model.levels[cases[y].state]
    if lx != ly:
        return lx < ly
    if cases[x].order != cases[y].order:
        return cases[x].order < cases[y].order
    from_x, from_y = _enabled_or_started(world, x), _enabled_or_started(world, y)
    if from_x != from_y:
        return from_x < from_y
    return x < y


@_apart
def _is_suspended(model, world, p, now):
    """Return whether a station is suspended for cases that are not exempt."""
    station, suspensions = world.stations[p], model.suspensions
    for s in range(station.suspended, station.suspended + station.n_suspended):
        if suspensions[s].start <= now and now < suspensions[s].end:
            return True
    return False


@_inline
def _next_case(model, world, p, now):
    """Return the case that a station serves next, -1 if no case may be served now.

    When the slots are used up, only interrupted work may resume.
    """
    station = world.stations[p]
    n, queue, resumes = station.n_levels, station.queue, not _has_slots(world, p, 1)
    if resumes and station.ranked == 1:
        return _first_that_resumes(model, world, p, not _is_suspended(model, world, p, now))
    if station.n_suspended == 0:
        return _first_of(world, queue, n, resumes)
    exempt_case = _first_of(world, queue + n, n, resumes)
    if _is_suspended(model, world, p, now):
        return exempt_case
    other_case = _first_of(world, queue, n, resumes)
    if other_case < 0 or (exempt_case >= 0 and _served_before(model, world, exempt_case, other_case)):
        return exempt_case
    return other_case


@_inline
def _touch(world, p):
    """Mark a station for dispatch."""
    station, counters = world.stations[p], world.counters[0]
    if station.touched == 0:
        station.touched = 1
        world.touched[counters.n_touched] = p
        counters.n_touched += 1


@_inline
def _touch_all(model, world, p):
    """Mark a station for dispatch, with the stations whose queues may need its servers."""
    _touch(world, p)
    station = world.stations[p]
    for x in range(station.wakes, station.wakes + station.n_wakes):
        _touch(world, _index(model.wakes[_index(x)]))


@_inline
def _has_slots(world, p, n):
    """Return whether a station has n slots left in this working interval."""
    station = world.stations[p]
    return station.slots < 0 or station.begun + n <= station.slots * station.size


@_inline
def _may_start(world, p, now):
    """Return whether a station is open and has a free server, and a slot or interrupted work."""
    station = world.stations[p]
    return station.busy < station.size and now < station.until and (_has_slots(world, p, 1) or station.shrinks == 1)


@_inline
def _seize(world, p):
    """Seize the free server with the lowest number and return it."""
    station, free = world.stations[p], world.free
    station.busy += 1
    n = station.n_free
    if n == 0:
        station.numbered += 1
        return station.numbered - 1
    first = station.free
    taken = free[first]
    n -= 1
    station.n_free = n
    last = free[first + n]
    i = np.int64(0)
    while True:
        c = 2 * i + 1
        if c >= n:
            break
        if c + 1 < n and free[first + c + 1] < free[first + c]:
            c += 1
        if last < free[first + c]:
            break
        free[first + i] = free[first + c]
        i = c
    free[first + i] = last
    return taken


@_inline
def _release(world, p, server):
    station, free = world.stations[p], world.free
    station.busy -= 1
    first, i = station.free, station.n_free
    station.n_free += 1
    while i > 0:
        j = (i - 1) >> 1
        if free[first + j] < server:
            break
        free[first + i] = free[first + j]
        i = j
    free[first + i] = server


@_inline
def _write_row(world, i, transition, cause, from_state, to_state, outcome):
    """Write a row that ends no work; return its index."""
    counters = world.counters[0]
    r = _index(counters.n_rows)
    counters.n_rows += 1
    row_ = world.rows[r]
    row_.case_id = i
    row_.transition = transition
    row_.cause = cause
    row_.from_state = from_state
    row_.to_state = to_state
    row_.activity = -1
    row_.pool = -1
    row_.server = -1
    row_.enabled_at = NEVER
    row_.started_at = NEVER
    row_.completed_at = NEVER
    row_.outcome = outcome
    row_.happened_at = counters.now
    return r


@_inline
def _policy_in_force(model, i, now):
    """Return the index of the policy in force for a case."""
    policies = model.policies
    q = 0
    for k in range(1, len(policies)):
        if policies[k].start <= now and (policies[k].pinned == 0 or policies[k].start <= model.arrived[i]):
            q = k
    return _index(q)


@_inline
def _decision(model, policy, state, trigger):
    """Return the lookup of the transition that a trigger takes in a state, `NONE` if there is none."""
    width = FIRST_EVENT_TRIGGER + len(model.events)
    return model.decisions[_index(model.policies[policy].decisions + state * width + trigger)]


@_inline
def _station_of(model, world, i, pool):
    """Return the station of a pool that serves a case."""
    entry = model.pools[_index(pool)]
    return _index(entry.station + (np.int64(world.cases[i].court) if entry.at_court == 1 else 0))


@_apart
def _priority(model, world, i, state):
    """Return the rank of the priority of a case among all that occur in its pool."""
    activity = model.activities[_index(model.states[state].activity)]
    if activity.priority >= BY_FACTS:
        return model.orders[_index(activity.priority - BY_FACTS), i]
    return model.priorities[_look_up(model, world, i, activity.priority)]


@_inline
def _enqueue(model, world, i, state, pool):
    """Add a case to the queue of its station in a pool."""
    case = world.cases[i]
    p = _station_of(model, world, i, pool)
    station = world.stations[p]
    case.status = WAITING
    if station.order == OLDEST:
        case.order = model.arrived[i]
    elif station.order == NEWEST:
        case.order = -model.arrived[i]
    elif station.order == BY_LOOKUP:
        case.order = _look_up(model, world, i, station.by)
    elif station.order == BY_RANK:
        case.order = model.orders[station.by, i]
    else:
        case.order = 0
    if station.ranked == 1:
        case.order = _priority(model, world, i, state) << 32 | (0 if case.interrupted == 1 else case.order + 1)
    elif case.interrupted == 1:
        case.order = NEVER
    case.server = _place(model, world, p, i, state)
    _join_queue(world, _queue_of(model, world, p, i, state), station.order != FIRST_COME, i)
    if station.by_teams == 1 or _may_start(world, p, world.counters[0].now):
        _touch(world, p)


@_inline
def _draw_delay(model, world, i, event, visit):
    """Draw the delay of an event for a case."""
    distribution = _look_up_now(model, world, i, model.events[event].after)
    bits = np.int64(0)
    if model.distributions[distribution].kind > OF_CASE:
        bits = _length_bits(model, world.cases[i].key, model.events[event].hash, visit)
    return _length_of(model, i, distribution, bits, world.counters[0].now)


@_inline
def _draw_work(model, world, i, a, takes, visit):
    """Draw the length of a case's activity and the numerator of its outcome: one draw gives both."""
    activity = model.activities[a]
    distribution = _look_up_now(model, world, i, takes)
    bits, outcome = np.int64(0), np.int64(0)
    if model.distributions[distribution].kind > OF_CASE or activity.n_gives > 0:
        bits, outcome = _both_bits(model, world.cases[i].key, activity.hash, visit)
    return _length_of(model, i, distribution, bits, world.counters[0].now), outcome


@_inline
def _schedule_completion(model, world, i, end):
    """Schedule the completion of a case's work or delay."""
    if NEVER < end <= model.horizon:
        code = COMPLETION | np.int64(i) << NUMBER_SHIFT
        _schedule(model, world, end, code, np.int64(world.cases[i].stamp))


@_inline
def _start_clock(model, world, i, event, at, visit):
    """Start the clock of an event for a case."""
    if NEVER < at <= model.horizon:
        world.armed[i] |= _ONE << _U(event)
        _schedule(model, world, at, CLOCK | np.int64(i) << NUMBER_SHIFT | event, np.int64(visit))


@_inline
def _start_brought(model, world, i, x):
    """Start one of the clocks that a case may bring with it when it enters the run."""
    at, event = model.first_rings[_index(x), _index(i)], model.brought[x]
    if at != NEVER:
        world.record[_index(i), model.n_fields + len(model.activities) + event] = 1
        _start_clock(model, world, _index(i), event, at, 0)


@_inline
def _next_date(model, world, i, event, visit, since):
    """Draw the next date of an event with a hazard after a time."""
    k = model.events[event].rate
    bits = _length_bits(model, world.cases[i].key, model.events[event].hash, visit)
    if k >= BY_DATE:
        return _next_date_by_steps(model, world, i, k - BY_DATE, _read(model.cells, model.unit, bits), since)
    hazard = model.rates[_look_up(model, world, i, k)]
    if bits > hazard.most or not hazard.rate > 0.0:
        return np.int64(NEVER_COMES)
    x = _read(model.cells, model.unit, bits) / hazard.rate
    return since + np.int64(np.rint(min(x, 4611686018427387904.0)))


@_apart
def _next_date_by_steps(model, world, i, k, left, at):
    """Return when the integral of a rate that changes on dates has grown by a number (`simulations.engines.hazards`)."""
    while True:
        until = model.steps_of_lookups[_index(k + 1)].date
        if until > at:
            rate = model.rates[_look_up(model, world, i, model.steps_of_lookups[_index(k)].lookup)].rate
            if until == NEVER_COMES or left < rate * (until - at):
                return at + np.int64(np.rint(min(left / rate, 4611686018427387904.0))) if rate > 0.0 else np.int64(NEVER_COMES)
            left -= rate * (until - at)
            at = until
        k += 1


# phases of the loop -----------------------------------------------------------------------------------


@_inline
def _full_buffer(model, world):
    """Return which buffer may be too small for the next event, `RUNNING` if none is."""
    counters = world.counters[0]
    if counters.n_rows + len(model.states) + len(world.serving) + 4 > len(world.rows):
        return ROWS_FULL
    if counters.n_holds + model.most_holds > len(world.holds):
        return ROWS_FULL
    if counters.n_heap + model.margin > len(world.heap):
        return HEAP_FULL
    if world.far[0].visit + model.margin + 1 > len(world.far):
        return FAR_FULL
    return RUNNING


@_inline
def _n_together(model, x):
    """Return the number of dated events at the time of one of them."""
    g = 1
    while x + g < len(model.dates) and model.dates[x + g].time == model.dates[x].time:
        g += 1
    return g


@_inline
def _next_event(model, world):
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
        i = arrivals[at_arrival]
        t = max(arrived[i], 0)
        if t < time or (t == time and (ARRIVAL | i << NUMBER_SHIFT) < code):
            source, time, code = ARRIVALS, t, ARRIVAL
    return source, time, code


@_inline
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
        p = _index(touched[x])
        world.stations[p].touched = 0
        if world.stations[p].by_teams == 1:
            _start_teams(model, world, p, now)
            continue
        while _may_start(world, p, now):
            i = _next_case(model, world, p, now)
            if i < 0 or not _start(model, world, p, _index(i), now):
                break
    counters.n_touched = 0


@_inline
def _start(model, world, p, i, now):
    """Start the work of a case at a station; return whether it fits into the shift, if it must."""
    case, station = world.cases[i], world.stations[p]
    a = _index(model.states[_index(np.int64(case.state))].activity)
    length, bits = _draw_work(model, world, i, a, model.activities[a].takes, np.int64(case.visit))
    if case.interrupted == 1:
        length = world.work[i].length
    elif station.shrinks == 1:
        world.work[i].length = length
        world.work[i].started = now
    c = station.calendar
    if station.rule == FIT and not _fits(model, c, now, length, station.until):
        return False
    _leave_queue(world, _queue_of(model, world, p, i, _index(np.int64(case.state))), station.order != FIRST_COME, i)
    following = _first_of(world, station.queue, station.n_levels, False)
    if following >= 0:  # read soon
        _prefetch(world.cases, following)
        _prefetch(world.record, following)
    case.status = SERVED
    case.started = now
    case.order = bits
    case.server = _seize(world, p)
    if case.interrupted == 0:
        station.begun += 1
    end = now + length
    if station.rule == SUSPEND and end > station.until:
        end = _complete(model, c, now, length)
    _schedule_completion(model, world, i, end)
    return True


# teams -------------------------------------------------------------------------------------------------
# A case in the service of a team has the team in `next` and the first of its servers in `previous`; `links` has the others.
# A server is numbered by its place in `free`.


@_apart
def _lacks(model, world, i, team, now):
    """Return what keeps a team from starting work on a case, apart from the length of the work."""
    needs, interrupted, lacking = model.needs, world.cases[i].interrupted == 1, NOTHING_LACKS
    for x in range(team.first, team.first + team.n):
        p, n = _station_of(model, world, i, needs[_index(x)].pool), needs[_index(x)].count
        if needs[_index(x)].exempt == 0 and _is_suspended(model, world, p, now):
            return NOT_SUSPENDED
        station = world.stations[p]
        has_slots = interrupted or _has_slots(world, p, n)
        if station.busy + n > station.size or now >= station.until or not has_slots:
            lacking = A_SERVER
    return lacking


@_inline
def _team_calendar(model, world, i, t):
    """Return the calendar of the time in which all pools of a team work, at the court of a case."""
    return model.team_calendars[_index(model.teams[_index(t)].calendars + np.int64(world.cases[i].court))]


@_apart
def _start_team(model, world, p, i, now):
    """Start the work of a case with the first team that is free; return what is lacking if there is none."""
    case, queue = world.cases[i], world.stations[p]
    kind = model.kinds[_index(queue.kinds + (-1 - np.int64(case.server)) // queue.width)]
    a = _index(model.states[_index(np.int64(case.state))].activity)
    lacking = NOT_SUSPENDED
    for t in range(kind.first, kind.first + kind.n):
        team = model.teams[_index(t)]
        lacks = _lacks(model, world, i, team, now)
        lacking = max(lacking, lacks)
        if lacks != NOTHING_LACKS:
            continue
        length, bits = _draw_work(model, world, i, a, team.takes, np.int64(case.visit))
        if case.interrupted == 1:
            length = world.work[i].length
        c, until = _team_calendar(model, world, i, t), np.int64(NO_EDGE)
        for x in range(team.first, team.first + team.n):
            until = min(until, world.stations[_station_of(model, world, i, model.needs[_index(x)].pool)].until)
        rule = world.stations[_station_of(model, world, i, model.needs[_index(team.first)].pool)].rule
        if rule == FIT and not _fits(model, c, now, length, until):
            lacking = THE_TIME
            continue
        _leave_queue(world, _queue_of(model, world, p, i, _index(np.int64(case.state))), queue.order != FIRST_COME, i)
        if case.interrupted == 0:
            world.work[i].length = length
            world.work[i].started = now
        case.status = SERVED
        case.started = now
        case.order = bits
        case.next = t
        _seize_team(model, world, i, team)
        end = now + length
        if rule == SUSPEND and end > until:
            end = _complete(model, c, now, length)
        _schedule_completion(model, world, i, end)
        return NOTHING_LACKS
    return lacking


@_apart
def _seize_team(model, world, i, team):
    """Seize the servers of a team for a case."""
    case, last = world.cases[i], np.int64(-1)
    for x in range(team.first, team.first + team.n):
        need = model.needs[_index(x)]
        p = _station_of(model, world, i, need.pool)
        station = world.stations[p]
        if case.interrupted == 0:
            station.begun += need.count
        for _ in range(need.count):
            server = _seize(world, p)
            place = station.free + server
            world.links[place] = -1
            if last < 0:
                case.server = server
                case.previous = place
            else:
                world.links[last] = place
            last = place


@_apart
def _start_teams(model, world, p, now):
    """Start the cases of a station's queues for which a team is free, in order.

    If the first case of a queue lacks something, so do all cases behind it in that queue, which need the same.
    """
    station, queues, counters = world.stations[p], world.queues, world.counters[0]
    counters.walk += 1
    while True:
        first, at = np.int64(-1), np.int64(-1)
        for q in range(station.queue, station.queue + station.n_levels):
            queue = queues[_index(q)]
            if queue.head < 0 or queue.walk == counters.walk:
                continue
            if first < 0 or _served_before(model, world, _index(queue.head), _index(first)):
                first, at = queue.head, np.int64(q)
        if first < 0:
            return
        kind = (-1 - np.int64(world.cases[_index(first)].server)) // station.width
        lacking = _start_team(model, world, p, _index(first), now)
        if lacking == THE_TIME or (lacking == A_SERVER and model.kinds[_index(station.kinds + kind)].hold == 1):
            return
        if lacking != NOTHING_LACKS:
            queues[_index(at)].walk = counters.walk


@_apart
def _record_team(model, world, i, r):
    """Record the servers of a case's team for a row; the row itself has the first."""
    counters, place = world.counters[0], np.int64(world.cases[i].previous)
    world.rows[r].pool = world.stations[model.holder[place]].pool
    place = world.links[place]
    while place >= 0:
        station, hold = world.stations[model.holder[place]], world.holds[_index(counters.n_holds)]
        hold.row = r
        hold.pool = station.pool
        hold.server = place - station.free
        counters.n_holds += 1
        place = world.links[place]


@_apart
def _release_team(model, world, i):
    """Release the servers of a case's team."""
    place = np.int64(world.cases[i].previous)
    while place >= 0:
        p = _index(model.holder[place])
        following = world.links[place]
        _release(world, p, place - world.stations[p].free)
        _touch_all(model, world, p)
        place = following


@_inline
def _servers_at(model, world, i, a, p):
    """Return how many servers of a station work on a case in service."""
    if model.activities[a].kinds < 0:
        return np.int64(_station_of(model, world, i, model.activities[a].pool) == p)
    n, place = np.int64(0), np.int64(world.cases[i].previous)
    while place >= 0:
        n += model.holder[place] == p
        place = world.links[place]
    return n


@_inline
def _interrupt(model, world, p):
    """Interrupt the work that started last at a station, so that no more resumes than the size allows."""
    station, cases, serving = world.stations[p], world.cases, world.serving
    now, n = world.counters[0].now, 0
    for i in range(len(cases)):
        if cases[i].status == SERVED:
            a = _index(model.states[_index(np.int64(cases[i].state))].activity)
            if _servers_at(model, world, i, a, p) > 0:
                x = n
                while x > 0 and world.work[serving[x - 1]].started > world.work[i].started:
                    serving[x] = serving[x - 1]
                    x -= 1
                serving[x] = i
                n += 1
    left = station.size
    for x in range(n):
        i = _index(serving[x])
        case = cases[i]
        state = _index(np.int64(case.state))
        a = _index(model.states[state].activity)
        here = _servers_at(model, world, i, a, p)
        if here <= left:
            left -= here
            continue
        r = _write_row(world, i, -1, BY_INTERRUPTION, state, state, -1)
        row_ = world.rows[r]
        row_.activity = a
        row_.pool = model.activities[a].pool
        row_.server = case.server
        row_.enabled_at = case.enabled
        row_.started_at = case.started
        c = station.calendar
        if model.activities[a].kinds < 0:
            _release(world, p, case.server)
            _touch_all(model, world, p)
        else:
            c = _team_calendar(model, world, i, np.int64(case.next))
            _record_team(model, world, i, r)
            _release_team(model, world, i)
        world.work[i].length -= _working_time(model, c, now) - _working_time(model, c, case.started)
        case.interrupted = 1
        case.stamp += np.uint32(1)
        case.enabled = now
        case.started = NEVER
        _enqueue(model, world, i, state, model.activities[a].pool)


@_inline
def _change_capacity(model, world):
    """Apply the next change: the opening of a shift, a new size, or the end of a suspension."""
    counters = world.counters[0]
    change = model.changes[counters.at_change]
    counters.at_change += 1
    station = world.stations[change.station]
    if change.opens == 1:
        station.until = change.value
        station.begun = 0
        if station.shrinks == 1 and station.busy > station.size:
            _interrupt(model, world, _index(change.station))
    elif change.value >= 0:
        station.size = change.value
    _touch_all(model, world, _index(change.station))


@_inline
def _join_on_arrival(model, world):
    """Let cases arrive that only join a queue; return whether no other case arrives now.

    Arrivals are the last events of an instant.
    """
    if len(model.brought) > 0:
        return False
    counters, arrivals, arrived, now = world.counters[0], model.arrivals, model.arrived, world.counters[0].now
    while counters.at_arrival < len(arrivals):
        i = _index(arrivals[counters.at_arrival])
        if max(arrived[i], 0) != now:
            return True
        state = _index(model.initial_states[i])
        if model.states[state].kind != ACTIVITY_STATE:
            return False
        a = _index(model.states[state].activity)
        if (
            model.activities[a].pool < 0
            or model.states[state].clocks | model.states[state].hazards != 0
            or _decision(model, _policy_in_force(model, i, now), state, TRIGGER_ENTER) != NONE
        ):
            return False
        world.cases[i].state = state
        world.cases[i].enabled = now
        world.record[i, model.n_fields + a] = 1
        _enqueue(model, world, i, state, model.activities[a].pool)
        counters.at_arrival += 1
    return True


@_inline
def _next_completion_or_clock(model, world):
    """Take the first entry of the heap; return its case, its event and visit, or -1 for the case if it was cancelled.

    The event is -1 for a completion.
    """
    counters, heap = world.counters[0], world.heap
    i = (heap[0].code >> NUMBER_SHIFT) & NUMBER
    kind, event, visit = heap[0].code >> KIND_SHIFT, heap[0].code & EVENT_INDEX, heap[0].visit
    counters.n_heap -= 1
    _pop(heap, counters.n_heap)
    if kind == COMPLETION >> KIND_SHIFT:
        if world.cases[i].status < SERVED or np.int64(world.cases[i].stamp) != visit:
            return np.int64(-1), np.int64(-1), visit
        return i, np.int64(-1), visit
    bit = _ONE << _U(event)
    started = np.int64(world.record[i, model.n_fields + len(model.activities) + event])
    if world.armed[i] & bit == 0 or (model.events[event].rate == NONE and started - 1 != visit):
        return np.int64(-1), event, visit
    world.armed[i] &= ~bit
    return i, event, visit


@_inline
def _next_dated(model, world):
    """Return case, event and visit of the next dated event; each case takes all events of an instant in turn."""
    counters, dates = world.counters[0], model.dates
    x, turn = counters.at_date, counters.at_turn
    g = _n_together(model, x)
    counters.at_turn += 1
    if counters.at_turn == len(world.cases) * g:
        counters.at_date = x + g
        counters.at_turn = 0
    return turn // g, dates[x + turn % g].event, dates[x + turn % g].visit


@_inline
def _find(model, world, i):
    """Draw the outcome of a completed activity and record it; return its code in the log, -1 for none."""
    case = world.cases[i]
    activity = model.activities[_index(model.states[_index(np.int64(case.state))].activity)]
    if activity.n_gives == 0:
        return np.int64(-1)
    first, n, given = activity.gives, activity.n_gives, activity.given
    return _write_outcome(model, world, i, first, n, given, case.order, np.int64(case.visit))[1]


@_inline
def _happen(model, world, i, event, visit):
    """Apply an outside event to a case's record; return whether it counts, whether the record changed, and the outcome."""
    case, entry = world.cases[i], model.events[event]
    outcome = np.int64(-1)
    state = np.int64(case.state)
    if (
        state < 0
        or (model.states[state].counts >> _U(event)) & _ONE == 0
        or (entry.only_waiting != 0 and (case.status != WAITING or case.interrupted == 1))
    ):
        return False, False, outcome
    policy = model.policies[_policy_in_force(model, i, world.counters[0].now)]
    guard = model.guards[policy.guards + event]
    if guard != NONE and _look_up(model, world, i, guard) == 0:
        return False, False, outcome
    effects = model.event_effects[policy.effects + event]
    changed = _apply_effects(model, world, i, effects.first, effects.n)
    if entry.n_gives > 0:
        bits = _outcome_bits(model, case.key, entry.hash, visit)
        first, n, given = entry.gives, entry.n_gives, entry.given
        given_changed, outcome = _write_outcome(model, world, i, first, n, given, bits, visit)
        changed = changed or given_changed
    return True, changed, outcome


@_inline
def _take(model, world, i, taken, trigger, cause, outcome):
    """Take a transition and write its row; return whether the record changed."""
    case, transition = world.cases[i], model.transitions[taken]
    old = _index(np.int64(case.state))
    inside = transition.target < 0
    target = old if inside else transition.target
    changed = transition.n_effects > 0 and _apply_effects(model, world, i, transition.effect, transition.n_effects)
    r = _write_row(world, i, transition.code, cause, old, target, outcome)
    if inside:
        return changed
    if case.status != NOWHERE:
        a = _index(model.states[old].activity)
        pool = model.activities[a].pool
        row_ = world.rows[r]
        row_.activity = a
        row_.pool = pool
        row_.server = case.server if case.status == SERVED else -1
        row_.enabled_at = case.enabled
        row_.started_at = case.started
        if trigger == TRIGGER_COMPLETE:
            row_.completed_at = world.counters[0].now
        if pool >= 0:
            p = _station_of(model, world, i, pool)
            station = world.stations[p]
            if case.status != SERVED:
                _leave_queue(world, _queue_of(model, world, p, i, old), station.order != FIRST_COME, i)
            elif model.activities[a].kinds < 0:
                _release(world, p, case.server)
            else:
                _record_team(model, world, i, r)
                _release_team(model, world, i)
            _touch_all(model, world, p)
        case.status = NOWHERE
        case.server = -1
        case.interrupted = 0
        case.enabled = NEVER
        case.started = NEVER
        case.stamp += np.uint32(1)
    case.state = target
    return changed


@_inline
def _start_hazards(model, world, i, wanted, source, code):
    """Draw the first dates of hazards for a case that enters a state in which they count.

    A hazard has no effect before its case first enters one of its states: the dates before are skipped.
    """
    now, clock = world.counters[0].now, model.n_fields + len(model.activities)
    e = 0
    while wanted != 0:
        if wanted & _ONE != 0 and world.record[i, clock + e] == 0:
            v = 1
            at = _next_date(model, world, i, e, 0, max(model.arrived[i], 0))
            while at < now or (at == now and source != ARRIVALS and (CLOCK | i << NUMBER_SHIFT | e) < code):
                at = _next_date(model, world, i, e, v, at)
                v += 1
            _start_clock(model, world, i, e, at, v - 1)
            world.record[i, clock + e] = 1
        wanted >>= _ONE
        e += 1


@_inline
def _start_clocks(model, world, i, wanted):
    """Start the clocks of events for a case; return `TOO_MANY_VISITS` if one has started too often."""
    now, clock = world.counters[0].now, model.n_fields + len(model.activities)
    e = 0
    while wanted != 0:
        if wanted & _ONE != 0:
            v = np.int64(world.record[i, clock + e])
            if v >= (model.most_rings if model.events[e].repeats == EVERY else model.most_visits):
                return TOO_MANY_VISITS
            world.record[i, clock + e] = v + 1
            runs = True
            if model.events[e].chance != NONE:
                share = model.chances[_look_up_now(model, world, i, model.events[e].chance)]
                runs = _length_bits(model, world.cases[i].key, model.events[e].lottery, v) < share * 2.0**53
            if runs:
                length, c = _draw_delay(model, world, i, e, v), model.events[e].calendar
                _start_clock(model, world, i, e, now + length if c < 0 else _complete(model, c, now, length), v)
        wanted >>= _ONE
        e += 1
    return RUNNING


@_inline
def _rest(model, world, i, state):
    """Let a case stay in its state: it joins a queue, or its delay begins."""
    case, now = world.cases[i], world.counters[0].now
    if case.status != NOWHERE or model.states[state].kind != ACTIVITY_STATE:
        return RUNNING
    a = _index(model.states[state].activity)
    v = np.int64(world.record[i, model.n_fields + a])
    if v >= model.most_visits:
        return TOO_MANY_VISITS
    world.record[i, model.n_fields + a] = v + 1
    case.visit = v
    case.enabled = now
    if model.activities[a].pool >= 0:
        _enqueue(model, world, i, state, model.activities[a].pool)
        return RUNNING
    case.status = DELAYED
    case.started = now
    length, bits = _draw_work(model, world, i, a, model.activities[a].takes, v)
    case.order = bits
    c = model.activities[a].calendar
    end = now + length if c < 0 else _complete(model, c, now, length)
    _schedule_completion(model, world, i, end)
    return RUNNING


@_inline
def _move(model, world, i, trigger, cause, outcome, changed, source, code):
    """Move a case, then go on through instant states and transitions on entry until it rests or waits.

    Return `RUNNING`, `STUCK` or `TOO_MANY_VISITS`, and whether the record of the case changed while it stayed.
    """
    case, states = world.cases[i], model.states
    policy = _policy_in_force(model, i, world.counters[0].now)
    settling = source == ARRIVALS
    arriving = settling
    while True:
        old, since, entered = np.int64(-1), _U(0), arriving
        if arriving:
            arriving = False
            case.state = model.initial_states[i]
        else:
            old = _index(np.int64(case.state))
            if settling:
                trigger, cause, outcome = TRIGGER_ENTER, BY_ENTRY, np.int64(-1)
            decision = _decision(model, policy, old, trigger)
            taken = np.int64(-1) if decision == NONE else np.int64(_look_up(model, world, i, decision))
            if taken >= 0:
                changed = _take(model, world, i, _index(taken), trigger, cause, outcome) or changed
                entered = model.transitions[taken].target >= 0
                since = model.transitions[taken].since
            elif trigger == TRIGGER_COMPLETE or (trigger == TRIGGER_ENTER and states[old].kind == INSTANT_STATE):
                return STUCK, False
            elif trigger >= FIRST_EVENT_TRIGGER:
                _write_row(world, i, -1, cause, old, old, outcome)
                return RUNNING, changed
        state = _index(np.int64(case.state))
        start = _U(0)
        if entered:
            before, known = _U(0), _U(0)
            if old >= 0:
                before, known = states[old].clocks, states[old].hazards
            after = states[state].clocks
            if before & ~after != 0:
                world.armed[i] &= ~(before & ~after)
            start = after & ~before
            _start_hazards(model, world, i, states[state].hazards & ~known, source, code)
        if states[state].kind == FINAL_STATE:
            since = _U(0)
        for turn in range(2):
            if _start_clocks(model, world, i, start if turn == 0 else since) != RUNNING:
                return TOO_MANY_VISITS, False
        if entered:
            settling = True
            if _decision(model, policy, state, TRIGGER_ENTER) != NONE:
                continue
        elif not settling:
            return RUNNING, changed
        return _rest(model, world, i, state), False


@_inline
def _requeue(model, world, i):
    """Put a waiting case whose record changed into its queue again: its priority, or whether it is exempt, may be another."""
    case = world.cases[i]
    state = np.int64(case.state)
    p = _station_of(model, world, i, model.activities[model.states[state].activity].pool)
    station = world.stations[p]
    if station.exempt != NONE or station.ranked == 1 or station.by_teams == 1:
        place, order = _place(model, world, p, i, state), case.order
        if station.ranked == 1:
            order = _priority(model, world, i, state) << 32 | (order & 0xFFFFFFFF)
        if place != np.int64(case.server) or order != case.order:
            in_order = station.order != FIRST_COME
            _leave_queue(world, _queue_of(model, world, p, i, state), in_order, i)
            case.order = order
            case.server = place
            _join_queue(world, _queue_of(model, world, p, i, state), in_order, i)
    _touch(world, p)


@_inline
def _process(model, world, source, code):
    """Process the next event of a case; return `RUNNING`, `STUCK` or `TOO_MANY_VISITS`."""
    counters = world.counters[0]
    i, event, visit = np.int64(-1), np.int64(-1), np.int64(0)
    if source == HEAP:
        i, event, visit = _next_completion_or_clock(model, world)
        if i < 0:
            return RUNNING
    elif source == DATES:
        i, event, visit = _next_dated(model, world)
    else:
        i = model.arrivals[counters.at_arrival]
        counters.at_arrival += 1
        for x in range(len(model.brought)):
            _start_brought(model, world, i, x)
    i = _index(i)
    happens, changed, outcome = True, False, np.int64(-1)
    trigger, cause = np.int64(TRIGGER_COMPLETE), np.int64(BY_COMPLETION)
    if event >= 0:
        happens, changed, outcome = _happen(model, world, i, event, visit)
        trigger, cause = FIRST_EVENT_TRIGGER + event, FIRST_EVENT_CAUSE + event
    elif source == HEAP:
        outcome = _find(model, world, i)
    if happens:
        result, changed = _move(model, world, i, trigger, cause, outcome, changed, source, code)
        if result != RUNNING:
            return result
        if event >= 0 and changed and world.cases[i].status == WAITING:
            _requeue(model, world, i)
    repeats = model.events[event].repeats if source == HEAP and event >= 0 else ONCE
    if repeats == HAZARD and model.states[world.cases[i].state].kind != FINAL_STATE:
        at = _next_date(model, world, i, event, visit + 1, counters.now)
        _start_clock(model, world, i, event, at, visit + 1)
    elif repeats == EVERY:
        started = np.int64(world.record[i, model.n_fields + len(model.activities) + event])
        bit = _ONE << _U(event)
        if started == visit + 1 and model.states[np.int64(world.cases[i].state)].clocks & bit != 0:
            return _start_clocks(model, world, i, bit)
    return RUNNING


# the loop --------------------------------------------------------------------------------------------


def _cached(function):
    """Compile a function and cache its machine code, unless no folder can be written to.

    numba drops a cached function when this file changes. The content of the other files is added to what it compares.
    """
    try:
        compiled = njit(cache=True, nogil=True, _nrt=False)(function)
    except RuntimeError:  # neither beside this file nor in the user's cache folder
        return njit(nogil=True, _nrt=False)(function)
    if hasattr(compiled, "_cache"):
        file = compiled._cache._cache_file
        file._source_stamp = (file._source_stamp, *(Path(module.__file__).read_bytes() for module in (codes, row)))
    return compiled


@_cached
def draw(key, case_keys, purpose, visits, lengths, outcomes):
    """Draw the two uniform numerators of many cases (`simulations.chance.draws.SamplePath.many`)."""
    for i in range(len(case_keys)):
        a, b, c, d = _philox(key[0], key[1], case_keys[i] & _LOW, case_keys[i] >> _S32, purpose, visits[i])
        lengths[i], outcomes[i] = _numerator(a, b), _numerator(c, d)


@_cached
def run(model, world):
    """Run until the horizon, until a buffer is full, or until a case is stuck.

    Returns
    -------
    int
        `DONE`, `ROWS_FULL`, `HEAP_FULL`, `FAR_FULL`, `STUCK` or `TOO_MANY_VISITS`.
    """
    counters = world.counters[0]
    result = np.int64(RUNNING)
    while result == RUNNING:
        result = _full_buffer(model, world)
        if result != RUNNING:
            continue
        source, time, code = _next_event(model, world)
        if time >= counters.edge:  # the next bucket may hold an earlier event
            result = _next_bucket(model, world)
        elif counters.n_touched > 0 and time > counters.now:  # no event is left at this instant
            _dispatch(model, world)
        elif time > model.horizon:
            result = DONE
        else:
            counters.now = time
            counters.moved_on = source != HEAP
            if source == CHANGES:
                _change_capacity(model, world)
            elif source != ARRIVALS or not _join_on_arrival(model, world):
                result = _process(model, world, source, code)
    return result
