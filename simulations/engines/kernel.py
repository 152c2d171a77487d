"""The compiled engine's inner loop: one numba kernel for every workflow and scenario.

The model is passed in structured arrays whose types do not depend on it (`simulations.engines.kernel_plan`), so the
kernel is compiled once. It draws random numbers itself, with the same bits as `simulations.chance.draws` and
`simulations.chance.inverse_tables`. It returns when a buffer is full; the next call continues from there.

All compiled code is in this file, because numba's cache notices changes in this file only. The two modules of constants
that it imports are added to the key of the cache (`_cached`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from simulations.engines import codes
from simulations.engines.codes import (
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
    FINAL_STATE,
    FIRST_COME,
    FIRST_EVENT_TRIGGER,
    FIT,
    INSTANT_STATE,
    KIND_SHIFT,
    NEWEST,
    NOWHERE,
    NUMBER,
    NUMBER_SHIFT,
    OLDEST,
    SERVED,
    SUSPEND,
    TABULATED,
    TRIGGER_COMPLETE,
    TRIGGER_ENTER,
    WAITING,
)  # fmt: skip
from simulations.log import row
from simulations.log.row import BY_COMPLETION, BY_ENTRY, COLUMNS, FIRST_EVENT_CAUSE, NEVER

__all__ = ["draw", "run"]

_NEVER_COMES = 2**62
_NO_EDGE = 2**63 - 1
_U = np.uint64
_M0, _M1, _W0, _W1 = _U(0xD2511F53), _U(0xCD9E8D57), _U(0x9E3779B9), _U(0xBB67AE85)
_LOW, _S32, _S21, _S11, _ONE = _U(0xFFFFFFFF), _U(32), _U(21), _U(11), _U(1)
_TWO53, _HALF, _SIDE, _BIAS = 1 << 53, 1 << 52, 52 * 32, 1023 << 5
_LOW47, _P47 = (1 << 47) - 1, 2.0**-47

# The number of a lookup: k >= 0 is a table, -1 is no lookup, k <= -2 is the constant -3 - k.
NONE = -1

# Indices in the array of scalars that is kept between calls.
N_ROWS, N_HEAP, AT_CAPACITY, AT_ARRIVAL, AT_DATE, AT_TURN, NOW, N_TOUCHED, N_EVENTS, BUCKET, WHERE = range(11)
N_SCALARS = 11
RUNNING, DONE, ROWS_FULL, HEAP_FULL, FAR_FULL, STUCK, TOO_MANY_VISITS = range(-1, 6)


def _record(**fields: str) -> np.dtype[Any]:
    return np.dtype(list(fields.items()), align=True)


# 64 bytes: one cache line.
CASE = _record(
    key="u8", enabled="i8", started="i8", order="i8", next="i4", previous="i4", stamp="u4", fact_class="i4", server="i4",
    visit="i4", court="i2", state="i2", status="i2",
)  # fmt: skip
LOOKUP = _record(base="i8", stride="i8", first="i8", n="i8")
FIELD = _record(field="i8", stride="i8")
STATE = _record(kind="i8", activity="i8", counts="u8", clocks="u8", hazards="u8")
TRANSITION = _record(code="i8", target="i8", effect="i8", n_effects="i8", since="u8")
EVENT = _record(
    gives="i8", given="i8", outcome="i8", after="i8", chance="i8", rate="i8", only_waiting="i8", hash="u8", lottery="u8"
)
POLICY = _record(start="i8", pinned="i8", decisions="i8", guards="i8", effects="i8")
EFFECT = _record(field="i8", value="i8", most="i8")
RANGE = _record(first="i8", n="i8")
GIVEN = _record(value="i8", outcome="i8")
SUSPENSION = _record(start="i8", end="i8")
ACTIVITY = _record(pool="i8", level="i8", gives="i8", given="i8", outcome="i8", takes="i8", calendar="i8", hash="u8")
HAZARD = _record(rate="f8", most="i8")
DISTRIBUTION = _record(kind="i8", first="i8", n="i8", value="i8")
CALENDAR = _record(first="i8", n="i8", longest="i8")
INTERVAL = _record(open="i8", close="i8", worked="i8")
POOL = _record(station="i8", at_court="i8")
STATION = _record(
    busy="i8", size="i8", begun="i8", slots="i8", calendar="i8", until="i8", rule="i8", order="i8", by="i8", queue="i8",
    n_levels="i8", free="i8", n_free="i8", numbered="i8", exempt="i8", suspended="i8", n_suspended="i8", touched="i8",
)  # fmt: skip
QUEUE = _record(head="i8", tail="i8", first="i8", n="i8")
ENTRY = _record(order="i8", enabled="i8", case="i8")
CHANGE = _record(time="i8", station="i8", opens="i8", value="i8")
DATE = _record(time="i8", event="i8", visit="i8")
PENDING = _record(time="i8", code="i8", visit="i8")
FAR = _record(time="i8", code="i8", visit="i8", next="i8")
BUCKETS = _record(first="i8", n="i8")
# The largest fields first, so that no bytes are lost to alignment.
ROW = np.dtype([(c.name, f"i{c.size}") for c in sorted(COLUMNS, key=lambda c: -c.size)], align=True)


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


@njit(forceinline=True)
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


@njit(forceinline=True)
def _length_bits(key, case_key, purpose, visit):
    a, b, _, _ = _philox(key[0], key[1], case_key & _LOW, case_key >> _S32, purpose, _U(visit))
    return np.int64((a << _S21) | (b >> _S11) | _ONE)


@njit(forceinline=True)
def _both_bits(key, case_key, purpose, visit):
    a, b, c, d = _philox(key[0], key[1], case_key & _LOW, case_key >> _S32, purpose, _U(visit))
    return np.int64((a << _S21) | (b >> _S11) | _ONE), np.int64((c << _S21) | (d >> _S11) | _ONE)


@njit(forceinline=True)
def _outcome_bits(key, case_key, purpose, visit):
    _, _, c, d = _philox(key[0], key[1], case_key & _LOW, case_key >> _S32, purpose, _U(visit))
    return np.int64((c << _S21) | (d >> _S11) | _ONE)


@njit(forceinline=True)
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


@njit(forceinline=True)
def _length_of(distributions, cells, steps, distribution, numerator):
    """Return the length of a distribution at a uniform numerator, in microseconds."""
    distribution = _index(distribution)
    kind = distributions[distribution].kind
    if kind == CONSTANT:
        return distributions[distribution].value
    if kind == TABULATED:
        x = _read(cells, distributions[distribution].first, numerator)
    else:
        n = distributions[distribution].n
        x = steps[
            distributions[distribution].first + (((numerator >> 22) * n + (((numerator & 0x3FFFFF) * n) >> 22)) >> 31)
        ]
    return np.int64(min(max(np.rint(x), 0.0), 4611686018427387904.0))


# tables ----------------------------------------------------------------------------------------------


@njit(forceinline=True)
def _look_up(lookups, fields, values, record, i, fact_class, k):
    """Return the value of a lookup for a case, by its fact class and the record fields that the lookup reads."""
    if k < NONE:  # the same for every case
        return np.int64(-3 - k)
    k = _index(k)
    at = lookups[k].base + fact_class * lookups[k].stride
    for j in range(lookups[k].n):
        f = _index(lookups[k].first + j)
        at += fields[f].stride * record[i, _index(fields[f].field)]
    return np.int64(values[_index(at)])


@njit(forceinline=True)
def _apply_effects(effects, first, n, record, i):
    """Apply effects to a record; return whether it changed."""
    changed = False
    for k in range(n):
        j = _index(first + k)
        f = _index(effects[j].field)
        value = effects[j].value
        if value < 0:
            value = min(np.int64(record[i, f]) + 1, effects[j].most)
        if record[i, f] != value:
            record[i, f] = value
            changed = True
    return changed


@njit(forceinline=True)
def _draw_outcome(ranges, shares, stations, outcome, numerator):
    """Return the drawn outcome, as an index in the values of its activity or event."""
    first, n = ranges[outcome].first, ranges[outcome].n
    u = numerator * 2.0**-53
    k = 0
    while k < n - 1 and not u < shares[first + k]:
        k += 1
    return stations[first + k]


# the heap of scheduled events -------------------------------------------------------------------------


@njit(forceinline=True)
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


@njit(forceinline=True)
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


@njit(forceinline=True)
def _schedule(heap, n_heap, far, buckets, edge, shift, time, code, visit):
    """Schedule an event; return the new size of the heap."""
    if time < edge:
        _push(heap, n_heap, time, code, visit)
        return n_heap + 1
    x = far[0].next
    if x > 0:
        far[0].next = far[x].next
    else:
        x = far[0].visit + 1
        far[0].visit = x
    b = time >> shift
    far[x].time = time
    far[x].code = code
    far[x].visit = visit
    far[x].next = buckets[b].first
    buckets[b].first = x
    buckets[b].n += 1
    return n_heap


@njit(forceinline=True)
def _refill(heap, n_heap, far, buckets, b, cases, record):
    """Move a bucket to the heap and prefetch its cases; return the new size of the heap."""
    x = buckets[b].first
    while x > 0:
        _push(heap, n_heap, far[x].time, far[x].code, far[x].visit)
        n_heap += 1
        i = (far[x].code >> NUMBER_SHIFT) & NUMBER
        _prefetch(cases, i)
        _prefetch(record, i)
        after = far[x].next
        far[x].next = far[0].next
        far[0].next = x
        x = after
    buckets[b].first = 0
    buckets[b].n = 0
    return n_heap


# working time ----------------------------------------------------------------------------------------


@njit(forceinline=True)
def _n_opened(calendars, intervals, c, t):
    """Return how many working intervals of a calendar open at or before t."""
    low, high = np.int64(0), calendars[c].n
    first = calendars[c].first
    while low < high:
        middle = (low + high) >> 1
        if intervals[first + middle].open <= t:
            low = middle + 1
        else:
            high = middle
    return low


@njit(forceinline=True)
def _complete(calendars, intervals, c, start, length):
    """Return the least t >= start with W(t) = W(start) + length, `NEVER` if the working intervals end before."""
    if length == 0:
        return start
    first, n = calendars[c].first, calendars[c].n
    k = _n_opened(calendars, intervals, c, start)
    worked = intervals[first + k].worked
    if k > 0:
        worked -= max(intervals[first + k - 1].close - start, 0)
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


# queues ----------------------------------------------------------------------------------------------
# A station has a queue for each priority. A first-come queue is a linked list through the cases, ordered by enabling and
# case number. Any other queue is a 4-ary heap whose entries hold the whole sort key, so that comparing reads no case.
# `position` is the index of each case in its heap, for cases that leave before they are served.


@njit(forceinline=True)
def _put_entry(entries, position, first, k, order, enabled, i):
    j = _index(first + k)
    entries[j].order = order
    entries[j].enabled = enabled
    entries[j].case = i
    position[_index(i)] = k


@njit(forceinline=True)
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


@njit(forceinline=True)
def _leave_queue(cases, entries, position, queues, queue, in_order, i):
    """Remove a case from a queue."""
    if in_order:
        first, n = queues[queue].first, queues[queue].n - 1
        queues[queue].n = n
        _remove_entry(entries, position, first, n, np.int64(position[i]))
        queues[queue].head = entries[first].case if n > 0 else -1
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


@njit(forceinline=True)
def _join_queue(cases, entries, position, queues, queue, in_order, i):
    """Add a case to a queue, behind the cases that were enabled before it."""
    if in_order:
        first, n = queues[queue].first, queues[queue].n
        queues[queue].n = n + 1
        _sift_up(entries, position, first, n, cases[i].order, cases[i].enabled, i)
        queues[queue].head = entries[first].case
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


@njit(forceinline=True)
def _first_of(queues, queue, n):
    """Return the first case of n queues in order of priority, -1 if all are empty."""
    for q in range(queue, queue + n):
        if queues[_index(q)].head >= 0:
            return queues[_index(q)].head
    return np.int64(-1)


@njit(forceinline=True)
def _queue_of(stations, levels, p, exempt, state):
    """Return the queue of a station for a case in a state."""
    return _index(stations[p].queue + (stations[p].n_levels if exempt else 0) + levels[state])


@njit(forceinline=True)
def _served_before(cases, levels, x, y):
    """Return whether a case is served before a case of another queue of the station."""
    lx, ly = levels[cases[x].state], levels[cases[y].state]
    if lx != ly:
        return lx < ly
    if cases[x].order != cases[y].order:
        return cases[x].order < cases[y].order
    if cases[x].enabled != cases[y].enabled:
        return cases[x].enabled < cases[y].enabled
    return x < y


@njit(forceinline=True)
def _next_case(cases, levels, queues, stations, suspensions, p, now):
    """Return the case that a station serves next, -1 if no case may be served now."""
    n, queue = stations[p].n_levels, stations[p].queue
    if stations[p].n_suspended == 0:
        return _first_of(queues, queue, n)
    exempt_case = _first_of(queues, queue + n, n)
    for s in range(stations[p].suspended, stations[p].suspended + stations[p].n_suspended):
        if suspensions[s].start <= now and now < suspensions[s].end:
            return exempt_case
    other_case = _first_of(queues, queue, n)
    if other_case < 0 or (exempt_case >= 0 and _served_before(cases, levels, exempt_case, other_case)):
        return exempt_case
    return other_case


@njit(forceinline=True)
def _touch(stations, touched, n_touched, p):
    """Mark a station for dispatch; return the number of marked stations."""
    if stations[p].touched != 0:
        return n_touched
    stations[p].touched = 1
    touched[n_touched] = p
    return n_touched + 1


@njit(forceinline=True)
def _may_start(stations, p, now):
    return (
        stations[p].busy < stations[p].size
        and now < stations[p].until
        and (stations[p].slots < 0 or stations[p].begun < stations[p].slots * stations[p].size)
    )


@njit(forceinline=True)
def _seize(stations, free, p):
    """Seize the free server with the lowest number and return it."""
    stations[p].busy += 1
    stations[p].begun += 1
    n = stations[p].n_free
    if n == 0:
        stations[p].numbered += 1
        return stations[p].numbered - 1
    first = stations[p].free
    taken = free[first]
    n -= 1
    stations[p].n_free = n
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


@njit(forceinline=True)
def _release(stations, free, p, server):
    stations[p].busy -= 1
    first, i = stations[p].free, stations[p].n_free
    stations[p].n_free += 1
    while i > 0:
        j = (i - 1) >> 1
        if free[first + j] < server:
            break
        free[first + i] = free[first + j]
        i = j
    free[first + i] = server


@njit(forceinline=True)
def _write_row(rows, r, i, transition, cause, from_state, to_state, now, outcome):
    """Write a row that ends no work."""
    r = _index(r)
    rows[r].case_id = i
    rows[r].transition = transition
    rows[r].cause = cause
    rows[r].from_state = from_state
    rows[r].to_state = to_state
    rows[r].activity = -1
    rows[r].pool = -1
    rows[r].server = -1
    rows[r].enabled_at = NEVER
    rows[r].started_at = NEVER
    rows[r].completed_at = NEVER
    rows[r].outcome = outcome
    rows[r].happened_at = now


@njit(forceinline=True)
def _policy_in_force(policies, now, arrived, i):
    """Return the index of the policy in force for a case."""
    q = 0
    for k in range(1, len(policies)):
        if policies[k].start <= now and (policies[k].pinned == 0 or policies[k].start <= arrived[i]):
            q = k
    return q


@njit(forceinline=True)
def _station_of(pools, cases, i, pool):
    """Return the station of a pool that serves a case."""
    pool = _index(pool)
    return _index(pools[pool].station + (np.int64(cases[i].court) if pools[pool].at_court == 1 else 0))


@njit(forceinline=True)
def _enqueue(
    lookups, fields, values, record, levels, cases, entries, position, arrived, orders, pools, stations, queues,
    touched, n_touched, i, state, pool, now,
):  # fmt: skip
    """Add a case to the queue of its station in a pool; return the number of stations marked for dispatch."""
    p = _station_of(pools, cases, i, pool)
    cases[i].status = WAITING
    if stations[p].order == OLDEST:
        cases[i].order = arrived[i]
    elif stations[p].order == NEWEST:
        cases[i].order = -arrived[i]
    elif stations[p].order == BY_LOOKUP:
        cases[i].order = _look_up(lookups, fields, values, record, i, cases[i].fact_class, stations[p].by)
    elif stations[p].order == BY_RANK:
        cases[i].order = orders[stations[p].by, i]
    else:
        cases[i].order = 0
    exempt = (
        stations[p].exempt != NONE
        and _look_up(lookups, fields, values, record, i, cases[i].fact_class, stations[p].exempt) != 0
    )
    cases[i].server = -2 if exempt else -1
    _join_queue(
        cases, entries, position, queues, _queue_of(stations, levels, p, exempt, state),
        stations[p].order != FIRST_COME, i,
    )  # fmt: skip
    if _may_start(stations, p, now):
        n_touched = _touch(stations, touched, n_touched, p)
    return n_touched


@njit(forceinline=True)
def _draw_delay(lookups, fields, values, record, distributions, cells, steps, key, cases, i, table, purpose, visit):
    """Draw a delay of a case from the distribution that a lookup selects."""
    distribution = _look_up(lookups, fields, values, record, i, cases[i].fact_class, table)
    bits = np.int64(0)
    if distributions[distribution].kind != CONSTANT:
        bits = _length_bits(key, cases[i].key, purpose, visit)
    return _length_of(distributions, cells, steps, distribution, bits)


@njit(forceinline=True)
def _draw_work(lookups, fields, values, record, distributions, cells, steps, key, cases, i, activities, a, visit):
    """Draw the length of a case's activity and the numerator of its outcome: one draw gives both."""
    distribution = _look_up(lookups, fields, values, record, i, cases[i].fact_class, activities[a].takes)
    bits, outcome = np.int64(0), np.int64(0)
    if distributions[distribution].kind != CONSTANT or activities[a].outcome != NONE:
        bits, outcome = _both_bits(key, cases[i].key, activities[a].hash, visit)
    return _length_of(distributions, cells, steps, distribution, bits), outcome


@njit(forceinline=True)
def _schedule_completion(heap, n_heap, far, buckets, edge, shift, horizon, cases, i, end):
    """Schedule the completion of a case's work or delay; return the new size of the heap."""
    if NEVER < end <= horizon:
        code = COMPLETION | np.int64(i) << NUMBER_SHIFT
        return _schedule(heap, n_heap, far, buckets, edge, shift, end, code, np.int64(cases[i].stamp))
    return n_heap


@njit(forceinline=True)
def _start_clock(heap, n_heap, far, buckets, edge, shift, horizon, armed, i, event, at, visit):
    """Start the clock of an event for a case; return the new size of the heap."""
    if at <= horizon:
        armed[i] |= _ONE << _U(event)
        code = CLOCK | np.int64(i) << NUMBER_SHIFT | event
        return _schedule(heap, n_heap, far, buckets, edge, shift, at, code, np.int64(visit))
    return n_heap


@njit(forceinline=True)
def _next_date(cells, unit, key, case_key, purpose, visit, hazard, now):
    """Draw the next date of an event with a constant hazard."""
    bits = _length_bits(key, case_key, purpose, visit)
    if bits > hazard.most:
        return np.int64(_NEVER_COMES)
    x = _read(cells, unit, bits) / hazard.rate
    return now + np.int64(np.rint(min(x, 4611686018427387904.0)))


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
        lengths[i] = np.int64((a << _S21) | (b >> _S11) | _ONE)
        outcomes[i] = np.int64((c << _S21) | (d >> _S11) | _ONE)


@_cached
def run(
    scalars, key, horizon, most_visits, cases, arrived, armed, position, record, n_fields, lookups, fields, values, states, decisions, transitions,
    events, guards, event_effects, policies, effects, activities, levels, distributions, cells, steps, rates, chances, unit,
    outcomes, shares, outcome_index, given, calendars, intervals, pools, stations, free, queues, entries, suspensions, orders,
    changes, dates, arrivals, initial_states, heap, far, buckets, shift, touched, rows, margin,
):  # fmt: skip
    """Run until the horizon, or until a buffer is full.

    Returns
    -------
    int
        `DONE`, `ROWS_FULL`, `HEAP_FULL`, `FAR_FULL`, `STUCK` or `TOO_MANY_VISITS`. For the last two, ``scalars[WHERE]``
        is the case.
    """
    n_cases, n_states, n_events, n_activities = len(cases), len(states), len(events), len(activities)
    width = FIRST_EVENT_TRIGGER + n_events
    # A row of `record` holds the record fields, then the visits to each activity, then the starts of each clock.
    clock = n_fields + n_activities
    # Local variables stay in registers; they are written back at the end.
    now, n_rows, n_heap, n_touched, n_done = (
        scalars[NOW], scalars[N_ROWS], scalars[N_HEAP], scalars[N_TOUCHED], scalars[N_EVENTS],
    )  # fmt: skip
    at_capacity, at_arrival, at_date, at_turn = (
        scalars[AT_CAPACITY], scalars[AT_ARRIVAL], scalars[AT_DATE], scalars[AT_TURN],
    )  # fmt: skip
    bucket, n_buckets = scalars[BUCKET], len(buckets)
    edge = bucket << shift if bucket < n_buckets else np.int64(_NO_EDGE)
    planned, moved_on = np.int64(_NEVER_COMES), True
    result = np.int64(RUNNING)
    while result == RUNNING:
        if n_rows + n_states + 4 > len(rows):
            result = ROWS_FULL
            continue
        if n_heap + margin > len(heap):
            result = HEAP_FULL
            continue
        if far[0].visit + margin + 1 > len(far):
            result = FAR_FULL
            continue

        # The next event: the least of the heap, the changes of capacity, the dated events and the arrivals.
        time, code, source = np.int64(_NEVER_COMES), np.int64(_NEVER_COMES), 0
        if n_heap > 0:
            time, code, source = heap[0].time, heap[0].code, 1
        if moved_on:
            moved_on = False
            planned = np.int64(_NEVER_COMES)
            if at_capacity < len(changes):
                planned = min(planned, changes[at_capacity].time)
            if at_date < len(dates):
                planned = min(planned, dates[at_date].time)
            if at_arrival < len(arrivals):
                planned = min(planned, max(arrived[arrivals[at_arrival]], 0))
        if planned <= time and at_capacity < len(changes):
            t = changes[at_capacity].time
            if t < time or (t == time and code >= CAPACITY):
                time, code, source = t, CAPACITY, 2
        if planned <= time and at_date < len(dates):
            t = dates[at_date].time
            if t <= time:
                g = 1
                while at_date + g < len(dates) and dates[at_date + g].time == t:
                    g += 1
                c = CLOCK | (at_turn // g) << NUMBER_SHIFT | dates[at_date + at_turn % g].event
                if t < time or c < code:
                    time, code, source = t, c, 3
        if planned <= time and at_arrival < len(arrivals):
            i = arrivals[at_arrival]
            t = max(arrived[i], 0)
            if t < time or (t == time and (ARRIVAL | i << NUMBER_SHIFT) < code):
                time, code, source = t, ARRIVAL, 4

        if time >= edge:  # the next bucket may hold an earlier event
            if n_heap + buckets[bucket].n + margin > len(heap):
                result = HEAP_FULL
                continue
            n_heap = _refill(heap, n_heap, far, buckets, bucket, cases, record)
            bucket += 1
            edge = bucket << shift if bucket < n_buckets else np.int64(_NO_EDGE)
            continue

        if n_touched > 0 and time > now:  # no event is left at this instant: dispatch
            for x in range(1, n_touched):
                y = touched[x]
                z = x - 1
                while z >= 0 and touched[z] > y:
                    touched[z + 1] = touched[z]
                    z -= 1
                touched[z + 1] = y
            for x in range(n_touched):
                p = _index(touched[x])
                stations[p].touched = 0
                while _may_start(stations, p, now):
                    i = _next_case(cases, levels, queues, stations, suspensions, p, now)
                    if i < 0:
                        break
                    i = _index(i)
                    a = _index(states[_index(np.int64(cases[i].state))].activity)
                    length, bits = _draw_work(
                        lookups, fields, values, record, distributions, cells, steps, key, cases, i, activities, a,
                        np.int64(cases[i].visit),
                    )  # fmt: skip
                    c = stations[p].calendar
                    if stations[p].rule == FIT and now + length > stations[p].until:
                        k = _n_opened(calendars, intervals, c, now) - 1
                        if not (length > calendars[c].longest and now == intervals[calendars[c].first + k].open):
                            break
                    exempt = stations[p].exempt != NONE and cases[i].server == -2
                    _leave_queue(
                        cases, entries, position, queues, _queue_of(stations, levels, p, exempt, cases[i].state),
                        stations[p].order != FIRST_COME, i,
                    )  # fmt: skip
                    following = _first_of(queues, stations[p].queue, stations[p].n_levels)
                    if following >= 0:  # read soon
                        _prefetch(cases, following)
                        _prefetch(record, following)
                    cases[i].status = SERVED
                    cases[i].started = now
                    cases[i].order = bits
                    cases[i].server = _seize(stations, free, p)
                    end = now + length
                    if stations[p].rule == SUSPEND and end > stations[p].until:
                        end = _complete(calendars, intervals, c, now, length)
                    n_heap = _schedule_completion(heap, n_heap, far, buckets, edge, shift, horizon, cases, i, end)
            n_touched = 0
            continue
        if time > horizon:
            result = DONE
            continue
        now = time
        moved_on = source != 1
        if source == 4:
            # Fast path for cases that only join a queue on arrival. Arrivals are the last events of an instant.
            while at_arrival < len(arrivals):
                i = _index(arrivals[at_arrival])
                state = _index(initial_states[i])
                if max(arrived[i], 0) != now or states[state].kind != ACTIVITY_STATE:
                    break
                a = _index(states[state].activity)
                q = _index(_policy_in_force(policies, now, arrived, i))
                if (
                    activities[a].pool < 0
                    or states[state].clocks | states[state].hazards != 0
                    or decisions[_index(policies[q].decisions + state * width + TRIGGER_ENTER)] != NONE
                ):
                    break
                cases[i].state = state
                cases[i].enabled = now
                record[i, n_fields + a] = 1
                n_touched = _enqueue(
                    lookups, fields, values, record, levels, cases, entries, position, arrived, orders, pools, stations, queues,
                    touched, n_touched, i, state, activities[a].pool, now,
                )  # fmt: skip
                at_arrival += 1
                n_done += 1
            if at_arrival == len(arrivals) or max(arrived[arrivals[at_arrival]], 0) > now:
                continue
        n_done += 1

        event, visit, trigger, outcome, hazard, cause = -1, np.int64(0), 0, -1, False, 0
        arrives = False
        changed = False
        if source == 2:
            x = at_capacity
            at_capacity += 1
            p = changes[x].station
            if changes[x].opens == 1:
                stations[p].until = changes[x].value
                stations[p].begun = 0
            elif changes[x].value >= 0:
                stations[p].size = changes[x].value
            n_touched = _touch(stations, touched, n_touched, p)
            continue
        if source == 1:
            i = (heap[0].code >> NUMBER_SHIFT) & NUMBER
            kind, index, payload = heap[0].code >> KIND_SHIFT, heap[0].code & EVENT_INDEX, heap[0].visit
            n_heap -= 1
            _pop(heap, n_heap)
            if kind == COMPLETION >> KIND_SHIFT:
                if cases[i].status < SERVED or np.int64(cases[i].stamp) != payload:
                    continue
                a = _index(states[_index(np.int64(cases[i].state))].activity)
                if activities[a].outcome != NONE:
                    o = _look_up(lookups, fields, values, record, i, cases[i].fact_class, activities[a].outcome)
                    k = activities[a].given + _draw_outcome(outcomes, shares, outcome_index, o, cases[i].order)
                    record[i, _index(activities[a].gives)] = given[k].value
                    outcome = given[k].outcome
                trigger = TRIGGER_COMPLETE
                cause = BY_COMPLETION
            else:
                event, visit = index, payload
                bit = _ONE << _U(event)
                hazard = events[event].rate != NONE
                if armed[i] & bit == 0 or (not hazard and np.int64(record[i, clock + event]) - 1 != visit):
                    continue
                armed[i] &= ~bit
        elif source == 3:
            x = at_date
            g = 1
            while x + g < len(dates) and dates[x + g].time == now:
                g += 1
            i = at_turn // g
            event, visit = dates[x + at_turn % g].event, dates[x + at_turn % g].visit
            at_turn += 1
            if at_turn == n_cases * g:
                at_date = x + g
                at_turn = 0
        else:
            i = _index(arrivals[at_arrival])
            at_arrival += 1
            arrives = True

        happens = False
        q = _index(_policy_in_force(policies, now, arrived, i))
        if event >= 0:
            state = np.int64(cases[i].state)
            happens = (
                state >= 0
                and (states[state].counts >> _U(event)) & _ONE != 0
                and (events[event].only_waiting == 0 or cases[i].status == WAITING)
            )
            if happens:
                k = guards[policies[q].guards + event]
                happens = k == NONE or _look_up(lookups, fields, values, record, i, cases[i].fact_class, k) != 0
            if happens:
                e = event_effects[policies[q].effects + event]
                changed = _apply_effects(effects, e.first, e.n, record, i)
                if events[event].gives >= 0:
                    o = _look_up(lookups, fields, values, record, i, cases[i].fact_class, events[event].outcome)
                    bits = _outcome_bits(key, cases[i].key, events[event].hash, visit)
                    k = events[event].given + _draw_outcome(outcomes, shares, outcome_index, o, bits)
                    if record[i, events[event].gives] != given[k].value:
                        record[i, events[event].gives] = given[k].value
                        changed = True
                    outcome = given[k].outcome
                trigger = FIRST_EVENT_TRIGGER + event
                cause = FIRST_EVENT_CAUSE + event

        # Decide and move. Go on through instant states and transitions on entry until the case rests or waits.
        settle = arrives
        while True:
            entered = False
            old = np.int64(-1)
            since = _U(0)
            if arrives:
                arrives = False
                entered = True
                cases[i].state = initial_states[i]
            else:
                if event >= 0 and not happens and not settle:
                    break
                old = _index(np.int64(cases[i].state))
                if settle:
                    trigger = TRIGGER_ENTER
                    cause = BY_ENTRY
                    outcome = -1
                m = decisions[_index(policies[q].decisions + old * width + trigger)]
                taken = np.int64(-1)
                if m != NONE:
                    taken = np.int64(_look_up(lookups, fields, values, record, i, cases[i].fact_class, m))
                if taken < 0:
                    if trigger == TRIGGER_COMPLETE or (trigger == TRIGGER_ENTER and states[old].kind == INSTANT_STATE):
                        result = STUCK
                        scalars[WHERE] = i
                        break
                    if trigger >= FIRST_EVENT_TRIGGER and not settle:
                        if changed:
                            _write_row(rows, n_rows, i, -1, cause, old, old, now, outcome)
                            n_rows += 1
                        break
                else:
                    taken = _index(taken)
                    inside = transitions[taken].target < 0
                    target = old if inside else transitions[taken].target
                    n = transitions[taken].n_effects
                    if n > 0 and _apply_effects(effects, transitions[taken].effect, n, record, i):
                        changed = True
                    r = n_rows
                    _write_row(rows, r, i, transitions[taken].code, cause, old, target, now, outcome)
                    n_rows += 1
                    if not inside:
                        if cases[i].status != NOWHERE:
                            a = _index(states[old].activity)
                            pool = activities[a].pool
                            rows[r].activity = a
                            rows[r].pool = pool
                            rows[r].server = cases[i].server if cases[i].status == SERVED else -1
                            rows[r].enabled_at = cases[i].enabled
                            rows[r].started_at = cases[i].started
                            if trigger == TRIGGER_COMPLETE:
                                rows[r].completed_at = now
                            if pool >= 0:
                                p = _station_of(pools, cases, i, pool)
                                if cases[i].status == SERVED:
                                    _release(stations, free, p, cases[i].server)
                                else:
                                    exempt = stations[p].exempt != NONE and cases[i].server == -2
                                    _leave_queue(
                                        cases, entries, position, queues, _queue_of(stations, levels, p, exempt, old),
                                        stations[p].order != FIRST_COME, i,
                                    )  # fmt: skip
                                n_touched = _touch(stations, touched, n_touched, p)
                            cases[i].status = NOWHERE
                            cases[i].server = -1
                            cases[i].enabled = NEVER
                            cases[i].started = NEVER
                            cases[i].stamp += np.uint32(1)
                        cases[i].state = target
                        entered = True
                    since = transitions[taken].since
            # Stop and start the clocks of events, on entering a state and since a transition.
            state = _index(np.int64(cases[i].state))
            start = _U(0)
            if entered:
                before, known = _U(0), _U(0)
                if old >= 0:
                    before, known = states[old].clocks, states[old].hazards
                after = states[state].clocks
                if before & ~after != 0:
                    armed[i] &= ~(before & ~after)
                start = after & ~before
                # A hazard has no effect before its case first enters one of its states: skip the dates before.
                wanted = states[state].hazards & ~known
                e = 0
                while wanted != 0:
                    if wanted & _ONE != 0 and record[i, clock + e] == 0:
                        v = 1
                        k = _look_up(lookups, fields, values, record, i, cases[i].fact_class, events[e].rate)
                        if rates[k].rate > 0.0:
                            at = _next_date(
                                cells, unit, key, cases[i].key, events[e].hash, 0, rates[k], max(arrived[i], 0)
                            )
                            while at < now or (at == now and source != 4 and (CLOCK | i << NUMBER_SHIFT | e) < code):
                                at = _next_date(cells, unit, key, cases[i].key, events[e].hash, v, rates[k], at)
                                v += 1
                            n_heap = _start_clock(
                                heap, n_heap, far, buckets, edge, shift, horizon, armed, i, e, at, v - 1
                            )
                        record[i, clock + e] = 1
                    wanted >>= _ONE
                    e += 1
            if states[state].kind == FINAL_STATE:
                since = _U(0)
            for turn in range(2):
                wanted = start if turn == 0 else since
                e = 0
                while wanted != 0:
                    if wanted & _ONE != 0:
                        v = np.int64(record[i, clock + e])
                        if v >= most_visits:
                            result = TOO_MANY_VISITS
                            scalars[WHERE] = i
                            break
                        record[i, clock + e] = v + 1
                        runs = True
                        if events[e].chance != NONE:
                            share = chances[
                                _look_up(lookups, fields, values, record, i, cases[i].fact_class, events[e].chance)
                            ]
                            runs = _length_bits(key, cases[i].key, events[e].lottery, v) < share * 2.0**53
                        if runs:
                            length = _draw_delay(
                                lookups, fields, values, record, distributions, cells, steps, key, cases, i, events[e].after,
                                events[e].hash, v,
                            )  # fmt: skip
                            n_heap = _start_clock(
                                heap, n_heap, far, buckets, edge, shift, horizon, armed, i, e, now + length, v
                            )
                    wanted >>= _ONE
                    e += 1
            if result != RUNNING:
                break
            if entered:
                settle = True
                q = _policy_in_force(policies, now, arrived, i)
                if decisions[policies[q].decisions + state * width + TRIGGER_ENTER] != NONE:
                    continue
            elif not settle:
                break
            # The case stays in this state: it joins a queue, or its delay begins.
            if cases[i].status == NOWHERE and states[state].kind == ACTIVITY_STATE:
                a = _index(states[state].activity)
                v = np.int64(record[i, n_fields + a])
                if v >= most_visits:
                    result = TOO_MANY_VISITS
                    scalars[WHERE] = i
                    break
                record[i, n_fields + a] = v + 1
                cases[i].visit = v
                cases[i].enabled = now
                pool = activities[a].pool
                if pool < 0:
                    cases[i].status = DELAYED
                    cases[i].started = now
                    length, bits = _draw_work(
                        lookups, fields, values, record, distributions, cells, steps, key, cases, i, activities, a, v
                    )
                    cases[i].order = bits
                    c = activities[a].calendar
                    end = now + length if c < 0 else _complete(calendars, intervals, c, now, length)
                    n_heap = _schedule_completion(heap, n_heap, far, buckets, edge, shift, horizon, cases, i, end)
                else:
                    n_touched = _enqueue(
                        lookups, fields, values, record, levels, cases, entries, position, arrived, orders, pools, stations, queues,
                        touched, n_touched, i, state, pool, now,
                    )  # fmt: skip
            break

        if result != RUNNING:
            continue
        # An event that changed the record of a waiting case may have changed whether it is exempt from a suspension.
        if event >= 0 and happens and changed and not settle and cases[i].status == WAITING:
            state = np.int64(cases[i].state)
            pool = activities[states[state].activity].pool
            p = _station_of(pools, cases, i, pool)
            if stations[p].exempt != NONE:
                was = cases[i].server == -2
                exempt = _look_up(lookups, fields, values, record, i, cases[i].fact_class, stations[p].exempt) != 0
                if was != exempt:
                    in_order = stations[p].order != FIRST_COME
                    _leave_queue(
                        cases, entries, position, queues, _queue_of(stations, levels, p, was, state), in_order, i
                    )
                    cases[i].server = -2 if exempt else -1
                    _join_queue(
                        cases, entries, position, queues, _queue_of(stations, levels, p, exempt, state), in_order, i
                    )
            n_touched = _touch(stations, touched, n_touched, p)
        if hazard and states[cases[i].state].kind != FINAL_STATE:
            k = _look_up(lookups, fields, values, record, i, cases[i].fact_class, events[event].rate)
            at = _next_date(cells, unit, key, cases[i].key, events[event].hash, visit + 1, rates[k], now)
            n_heap = _start_clock(heap, n_heap, far, buckets, edge, shift, horizon, armed, i, event, at, visit + 1)
    scalars[NOW], scalars[N_ROWS], scalars[N_HEAP], scalars[N_TOUCHED], scalars[N_EVENTS] = (
        now, n_rows, n_heap, n_touched, n_done,
    )  # fmt: skip
    scalars[AT_CAPACITY], scalars[AT_ARRIVAL], scalars[AT_DATE], scalars[AT_TURN], scalars[BUCKET] = (
        at_capacity, at_arrival, at_date, at_turn, bucket,
    )  # fmt: skip
    return result
