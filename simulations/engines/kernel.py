"""The compiled engine's inner loop: one numba kernel for every workflow and scenario.

The model comes in as a few structured arrays whose types do not depend on it (`simulations.engines.kernel_plan`), so the
kernel is compiled once. It draws inside, with the bits of `simulations.chance.draws` and `simulations.chance.inverse_tables`, and
hands back control when a buffer is full; called again, it goes on where it was.

Everything jitted lives in this file: numba's cache sees a change in a file, not in what it imports.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["draw", "run"]

NEVER = -(2**63)
_NEVER_COMES = 2**62
_NO_EDGE = 2**63 - 1
_U = np.uint64
_M0, _M1, _W0, _W1 = _U(0xD2511F53), _U(0xCD9E8D57), _U(0x9E3779B9), _U(0xBB67AE85)
_LOW, _S32, _S21, _S11, _ONE = _U(0xFFFFFFFF), _U(32), _U(21), _U(11), _U(1)
_TWO53, _HALF, _SIDE, _BIAS = 1 << 53, 1 << 52, 52 * 32, 1023 << 5
_LOW47, _P47 = (1 << 47) - 1, 2.0**-47

# The kinds of events at one instant, in a code that orders them: kind, case or place, index in the file.
_DONE, _CAPACITY, _RING, _ARRIVE = 1 << 56, 2 << 56, 3 << 56, 4 << 56
_NUMBER = (1 << 48) - 1
_NOWHERE, _WAITING, _SERVED, _DELAYED = 0, 1, 2, 3
_ACTIVITY, _INSTANT, _RESTING, _FINAL = 0, 1, 2, 3
_SUSPEND, _FINISH, _FIT = 0, 1, 2
_FIRST_COME, _OLDEST, _NEWEST, _BY, _BY_FACTS = 0, 1, 2, 3, 4

# A lookup's number: of none, and below of one that says the same to everybody, -3 less what it says.
NONE = -1

# Places in the array of scalars that outlives a call.
N_ROWS, N_HEAP, AT_CAPACITY, AT_ARRIVAL, AT_DATE, AT_TURN, NOW, N_TOUCHED, N_EVENTS, BUCKET, WHERE = range(11)
N_SCALARS = 11
RUNNING, DONE, ROWS_FULL, HEAP_FULL, FAR_FULL, STUCK, TOO_MANY_VISITS = range(-1, 6)


def _record(**fields: str) -> np.dtype[Any]:
    return np.dtype(list(fields.items()), align=True)


# 64 bytes, a line of the processor's cache.
CASE = _record(
    key="u8", enabled="i8", started="i8", order="i8", next="i4", previous="i4", stamp="u4", fact_class="i4", server="i4",
    visit="i4", court="i2", state="i2", status="i2",
)  # fmt: skip
LOOKUP = _record(base="i8", stride="i8", first="i8", n="i8")
FIELD = _record(field="i8", stride="i8")
STATE = _record(kind="i8", activity="i8", counts="u8", clocks="u8", hazards="u8")
TRANSITION = _record(code="i8", target="i8", effect="i8", n_effects="i8", since="u8")
EVENT = _record(
    gives="i8", given="i8", outcome="i8", after="i8", chance="i8", rate="i8", only="i8", hash="u8", lottery="u8"
)
POLICY = _record(start="i8", pinned="i8", moments="i8", guards="i8", effects="i8")
EFFECT = _record(field="i8", value="i8", most="i8")
RANGE = _record(first="i8", n="i8")
ACTIVITY = _record(pool="i8", level="i8", gives="i8", given="i8", outcome="i8", takes="i8", calendar="i8", hash="u8")
HAZARD = _record(rate="f8", most="i8")
LAW = _record(kind="i8", first="i8", n="i8", value="i8")
CALENDAR = _record(first="i8", n="i8", longest="i8")
SPELL = _record(open="i8", close="i8", worked="i8")
POOL = _record(place="i8", at_court="i8")
PLACE = _record(
    busy="i8", size="i8", begun="i8", slots="i8", calendar="i8", until="i8", rule="i8", order="i8", by="i8", queue="i8",
    n_levels="i8", free="i8", n_free="i8", numbered="i8", exempt="i8", suspended="i8", n_suspended="i8", touched="i8",
)  # fmt: skip
QUEUE = _record(head="i8", tail="i8", first="i8", n="i8")
LINE = _record(order="i8", enabled="i8", case="i8")
CHANGE = _record(time="i8", place="i8", opens="i8", value="i8")
DATE = _record(time="i8", event="i8", visit="i8")
PENDING = _record(time="i8", code="i8", visit="i8")
FAR = _record(time="i8", code="i8", visit="i8", next="i8")
BUCKETS = _record(first="i8", n="i8")
ROW = _record(
    enabled="i8", started="i8", completed="i8", happened="i8", case="i4", server="i4", transition="i2", cause="i2",
    from_state="i2", to_state="i2", activity="i2", pool="i2", outcome="i2",
)  # fmt: skip


# draws -----------------------------------------------------------------------------------------------


@intrinsic
def _bits_of(_context: Any, number: Any) -> Any:
    """Return the bits of a double as a whole number."""

    def generate(_c: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic
def _index(_context: Any, number: Any) -> Any:
    """Return a place in an array, which is not negative: so that counting from the end is left out of what is compiled."""

    def generate(_c: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.assume(builder.icmp_signed(">=", arguments[0], ir.Constant(arguments[0].type, 0)))
        return arguments[0]

    return number(number), generate


@intrinsic
def _fetch(_context, array, i):
    """Have a row of an array brought into the processor's cache while something else is done: a case is seldom there."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = context.make_array(signature.args[0])(context, builder, arguments[0])
        begin = builder.ptrtoint(found.data, ir.IntType(64))
        place = builder.add(begin, builder.mul(arguments[1], builder.extract_value(found.strides, 0)))
        pointer = builder.inttoptr(place, ir.IntType(8).as_pointer())
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
    """Read a table of an inverse; see `simulations.chance.inverse_tables`."""
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
def _drawn(laws, cells, steps, law, numerator):
    """Return a length of a law in whole microseconds."""
    law = _index(law)
    kind = laws[law].kind
    if kind == 0:
        return laws[law].value
    if kind == 1:
        x = _read(cells, laws[law].first, numerator)
    else:
        n = laws[law].n
        x = steps[laws[law].first + (((numerator >> 22) * n + (((numerator & 0x3FFFFF) * n) >> 22)) >> 31)]
    return np.int64(min(max(np.rint(x), 0.0), 4611686018427387904.0))


# tables ----------------------------------------------------------------------------------------------


@njit(forceinline=True)
def _look(lookups, fields, values, record, i, fact_class, k):
    """Return what a case finds in a table over fact classes and the record fields that matter there."""
    if k < NONE:  # the same for everybody
        return np.int64(-3 - k)
    k = _index(k)
    at = lookups[k].base + fact_class * lookups[k].stride
    for j in range(lookups[k].n):
        f = _index(lookups[k].first + j)
        at += fields[f].stride * record[i, _index(fields[f].field)]
    return np.int64(values[_index(at)])


@njit(forceinline=True)
def _write(effects, first, n, record, i):
    """Write effects to a record; say whether anything changed."""
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
def _found(ranges, shares, places, outcome, numerator):
    """Return the place among its giver's values of an outcome."""
    first, n = ranges[outcome].first, ranges[outcome].n
    u = numerator * 2.0**-53
    k = 0
    while k < n - 1 and not u < shares[first + k]:
        k += 1
    return places[first + k]


# the heap of what is to come -------------------------------------------------------------------------


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
    """Take out the least of n + 1 entries."""
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


# What lies further off waits in buckets of time, as lists, and is put into the heap when its bucket's time has come: so the
# heap stays as small as what is about to happen. The first entry of `far` heads the list of those that are free.


@njit(forceinline=True)
def _later(heap, n_heap, far, buckets, edge, shift, time, code, visit):
    """Let something happen; return how many the heap has then."""
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
def _pour(heap, n_heap, far, buckets, b, cases, record):
    """Put what a bucket holds into the heap, and have its cases at hand; return how many the heap has then."""
    x = buckets[b].first
    while x > 0:
        _push(heap, n_heap, far[x].time, far[x].code, far[x].visit)
        n_heap += 1
        i = (far[x].code >> 8) & _NUMBER
        _fetch(cases, i)
        _fetch(record, i)
        after = far[x].next
        far[x].next = far[0].next
        far[0].next = x
        x = after
    buckets[b].first = 0
    buckets[b].n = 0
    return n_heap


# working time ----------------------------------------------------------------------------------------


@njit(forceinline=True)
def _spell(calendars, spells, c, t):
    """Return how many spells of a calendar open at or before t."""
    low, high = np.int64(0), calendars[c].n
    first = calendars[c].first
    while low < high:
        middle = (low + high) >> 1
        if spells[first + middle].open <= t:
            low = middle + 1
        else:
            high = middle
    return low


@njit(forceinline=True)
def _complete(calendars, spells, c, start, length):
    """Return the least t >= start with W(t) = W(start) + length, NEVER if the spells end before."""
    if length == 0:
        return start
    first, n = calendars[c].first, calendars[c].n
    k = _spell(calendars, spells, c, start)
    worked = spells[first + k].worked
    if k > 0:
        worked -= max(spells[first + k - 1].close - start, 0)
    if length > spells[first + n].worked - worked:
        return np.int64(NEVER)
    target = worked + length
    low, high = k, n + 1
    while low < high:
        middle = (low + high) >> 1
        if spells[first + middle].worked < target:
            low = middle + 1
        else:
            high = middle
    j = first + low - 1
    return spells[j].open + target - spells[j].worked


# queues ----------------------------------------------------------------------------------------------
# A place has a queue for each priority. First come, first served: a list through the cases, in the order of enabling and
# case number. Any other order: a heap with four below each, whose entries hold all that they are compared by, so that no
# case is looked at; `standing` says where in it a case stands, for those that leave before their turn.


@njit(forceinline=True)
def _stand(lines, standing, first, k, order, enabled, i):
    j = _index(first + k)
    lines[j].order = order
    lines[j].enabled = enabled
    lines[j].case = i
    standing[_index(i)] = k


@njit(forceinline=True)
def _before(lines, j, order, enabled, i):
    """Say whether who stands at a place is served before another."""
    j = _index(j)
    if lines[j].order != order:
        return lines[j].order < order
    if lines[j].enabled != enabled:
        return lines[j].enabled < enabled
    return lines[j].case < i


@njit
def _rise(lines, standing, first, k, order, enabled, i):
    """Let a case stand at a free place of a heap, or nearer to its head."""
    while k > 0:
        above = (k - 1) >> 2
        j = _index(first + above)
        if _before(lines, j, order, enabled, i):
            break
        _stand(lines, standing, first, k, lines[j].order, lines[j].enabled, lines[j].case)
        k = above
    _stand(lines, standing, first, k, order, enabled, i)


@njit
def _leave_line(lines, standing, first, n, k):
    """Take the case at a place out of a heap of n + 1; the last one takes its place, or the right one above or below."""
    j = _index(first + n)
    order, enabled, i = lines[j].order, lines[j].enabled, lines[j].case
    while True:
        c = 4 * k + 1
        if c >= n:
            break
        j = _index(first + c)
        for other in range(j + 1, min(j + 4, first + n)):
            if _before(lines, other, lines[j].order, lines[j].enabled, lines[j].case):
                j = _index(other)
        if not _before(lines, j, order, enabled, i):
            break
        _stand(lines, standing, first, k, lines[j].order, lines[j].enabled, lines[j].case)
        k = j - first
    _rise(lines, standing, first, k, order, enabled, i)


@njit(forceinline=True)
def _leave_queue(cases, lines, standing, queues, queue, in_order, i):
    """Take a case out of a queue."""
    if in_order:
        first, n = queues[queue].first, queues[queue].n - 1
        queues[queue].n = n
        _leave_line(lines, standing, first, n, np.int64(standing[i]))
        queues[queue].head = lines[first].case if n > 0 else -1
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
def _join_queue(cases, lines, standing, queues, queue, in_order, i):
    """Put a case into a queue, behind those enabled before it."""
    if in_order:
        first, n = queues[queue].first, queues[queue].n
        queues[queue].n = n + 1
        _rise(lines, standing, first, n, cases[i].order, cases[i].enabled, i)
        queues[queue].head = lines[first].case
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
    """Return the first case of a row of queues, -1 for none."""
    for q in range(queue, queue + n):
        if queues[_index(q)].head >= 0:
            return queues[_index(q)].head
    return np.int64(-1)


@njit(forceinline=True)
def _queue_of(places, levels, p, exempt, state):
    """Return the queue of a place for a case in a state."""
    return _index(places[p].queue + (places[p].n_levels if exempt else 0) + levels[state])


@njit(forceinline=True)
def _earlier(cases, levels, x, y):
    """Say whether one case is served before another that stands in another queue of the place."""
    lx, ly = levels[cases[x].state], levels[cases[y].state]
    if lx != ly:
        return lx < ly
    if cases[x].order != cases[y].order:
        return cases[x].order < cases[y].order
    if cases[x].enabled != cases[y].enabled:
        return cases[x].enabled < cases[y].enabled
    return x < y


@njit(forceinline=True)
def _head(cases, levels, queues, places, stops, p, now):
    """Return the case that is served next at a place, -1 if nobody may be served now."""
    n, queue = places[p].n_levels, places[p].queue
    if places[p].n_suspended == 0:
        return _first_of(queues, queue, n)
    excepted = _first_of(queues, queue + n, n)
    for s in range(places[p].suspended, places[p].suspended + places[p].n_suspended):
        if stops[s].first <= now and now < stops[s].n:
            return excepted
    plain = _first_of(queues, queue, n)
    if plain < 0 or (excepted >= 0 and _earlier(cases, levels, excepted, plain)):
        return excepted
    return plain


@njit(forceinline=True)
def _touch(places, touched, n_touched, p):
    """Note that somebody may be served at a place; return how many such places there are."""
    if places[p].touched != 0:
        return n_touched
    places[p].touched = 1
    touched[n_touched] = p
    return n_touched + 1


@njit(forceinline=True)
def _may_start(places, p, now):
    return (
        places[p].busy < places[p].size
        and now < places[p].until
        and (places[p].slots < 0 or places[p].begun < places[p].slots * places[p].size)
    )


@njit(forceinline=True)
def _seize(places, free, p):
    """Take the free server with the lowest number."""
    places[p].busy += 1
    places[p].begun += 1
    n = places[p].n_free
    if n == 0:
        places[p].numbered += 1
        return places[p].numbered - 1
    first = places[p].free
    taken = free[first]
    n -= 1
    places[p].n_free = n
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
def _release(places, free, p, server):
    places[p].busy -= 1
    first, i = places[p].free, places[p].n_free
    places[p].n_free += 1
    while i > 0:
        j = (i - 1) >> 1
        if free[first + j] < server:
            break
        free[first + i] = free[first + j]
        i = j
    free[first + i] = server


@njit(forceinline=True)
def _row(rows, r, i, transition, cause, from_state, to_state, now, outcome):
    """Write a row that ends no work."""
    r = _index(r)
    rows[r].case = i
    rows[r].transition = transition
    rows[r].cause = cause
    rows[r].from_state = from_state
    rows[r].to_state = to_state
    rows[r].activity = -1
    rows[r].pool = -1
    rows[r].server = -1
    rows[r].enabled = NEVER
    rows[r].started = NEVER
    rows[r].completed = NEVER
    rows[r].outcome = outcome
    rows[r].happened = now


@njit(forceinline=True)
def _policy(policies, now, arrived, i):
    """Return the policy that decides a case now."""
    found = 0
    for k in range(1, len(policies)):
        if policies[k].start <= now and (policies[k].pinned == 0 or policies[k].start <= arrived[i]):
            found = k
    return found


@njit(forceinline=True)
def _place(pools, cases, i, pool):
    """Return the place of a pool that serves a case."""
    pool = _index(pool)
    return _index(pools[pool].place + (np.int64(cases[i].court) if pools[pool].at_court == 1 else 0))


@njit(forceinline=True)
def _wait(
    lookups, fields, values, record, levels, cases, lines, standing, arrived, orders, pools, places, queues,
    touched, n_touched, i, state, pool, now,
):  # fmt: skip
    """Let a case wait for a server of a pool; return at how many places somebody may be served."""
    p = _place(pools, cases, i, pool)
    cases[i].status = _WAITING
    if places[p].order == _OLDEST:
        cases[i].order = arrived[i]
    elif places[p].order == _NEWEST:
        cases[i].order = -arrived[i]
    elif places[p].order == _BY:
        cases[i].order = _look(lookups, fields, values, record, i, cases[i].fact_class, places[p].by)
    elif places[p].order == _BY_FACTS:
        cases[i].order = orders[places[p].by, i]
    else:
        cases[i].order = 0
    exempt = (
        places[p].exempt != NONE
        and _look(lookups, fields, values, record, i, cases[i].fact_class, places[p].exempt) != 0
    )
    cases[i].server = -2 if exempt else -1
    _join_queue(
        cases, lines, standing, queues, _queue_of(places, levels, p, exempt, state),
        places[p].order != _FIRST_COME, i,
    )  # fmt: skip
    if _may_start(places, p, now):
        n_touched = _touch(places, touched, n_touched, p)
    return n_touched


@njit(forceinline=True)
def _length(lookups, fields, values, record, laws, cells, steps, key, cases, i, table, purpose, visit):
    """Return a length of the law that a table has for a case."""
    law = _look(lookups, fields, values, record, i, cases[i].fact_class, table)
    bits = np.int64(0)
    if laws[law].kind != 0:
        bits = _length_bits(key, cases[i].key, purpose, visit)
    return _drawn(laws, cells, steps, law, bits)


@njit(forceinline=True)
def _begin(lookups, fields, values, record, laws, cells, steps, key, cases, i, activities, a, visit):
    """Return how long an activity of a case takes, and the bits of its outcome: one draw has both."""
    law = _look(lookups, fields, values, record, i, cases[i].fact_class, activities[a].takes)
    bits, outcome = np.int64(0), np.int64(0)
    if laws[law].kind != 0 or activities[a].outcome != NONE:
        bits, outcome = _both_bits(key, cases[i].key, activities[a].hash, visit)
    return _drawn(laws, cells, steps, law, bits), outcome


@njit(forceinline=True)
def _due(heap, n_heap, far, buckets, edge, shift, horizon, cases, i, end):
    """Let the work in hand, or the delay, of a case complete."""
    if NEVER < end <= horizon:
        code = _DONE | np.int64(i) << 8
        return _later(heap, n_heap, far, buckets, edge, shift, end, code, np.int64(cases[i].stamp))
    return n_heap


@njit(forceinline=True)
def _arm(heap, n_heap, far, buckets, edge, shift, horizon, armed, i, event, at, visit):
    """Let a clock of a case ring."""
    if at <= horizon:
        armed[i] |= _ONE << _U(event)
        code = _RING | np.int64(i) << 8 | event
        return _later(heap, n_heap, far, buckets, edge, shift, at, code, np.int64(visit))
    return n_heap


@njit(forceinline=True)
def _next_date(cells, unit, key, case_key, purpose, visit, hazard, now):
    """Return the next date of a constant hazard."""
    bits = _length_bits(key, case_key, purpose, visit)
    if bits > hazard.most:
        return np.int64(_NEVER_COMES)
    x = _read(cells, unit, bits) / hazard.rate
    return now + np.int64(np.rint(min(x, 4611686018427387904.0)))


# the loop --------------------------------------------------------------------------------------------


def _kept(function):
    """Compile a function, and keep its machine code where there is a folder for it."""
    try:
        return njit(cache=True, nogil=True, _nrt=False)(function)
    except RuntimeError:  # neither beside this file nor in the user's cache folder
        return njit(nogil=True, _nrt=False)(function)


@_kept
def draw(key, case_keys, purpose, visits, lengths, outcomes):
    """Draw the two uniforms of many cases, as `simulations.chance.draws.SamplePath.many` does."""
    for i in range(len(case_keys)):
        a, b, c, d = _philox(key[0], key[1], case_keys[i] & _LOW, case_keys[i] >> _S32, purpose, visits[i])
        lengths[i] = np.int64((a << _S21) | (b >> _S11) | _ONE)
        outcomes[i] = np.int64((c << _S21) | (d >> _S11) | _ONE)


@_kept
def run(
    scalars, key, horizon, most_visits, cases, arrived, armed, standing, record, n_fields, lookups, fields, values, states, moments, transitions,
    events, guards, event_effects, policies, effects, activities, levels, laws, cells, steps, rates, chances, unit,
    outcomes, shares, found_at, given, calendars, spells, pools, places, free, queues, lines, stops, orders,
    changes, dates, arrivals, beginnings, heap, far, buckets, shift, touched, rows, margin,
):  # fmt: skip
    """Run until the horizon, or until a buffer is full.

    Returns
    -------
    int
        `DONE`, `ROWS_FULL`, `HEAP_FULL`, `FAR_FULL`, `STUCK` or `TOO_MANY_VISITS`; for the last two the case stands
        among the scalars.
    """
    n_cases, n_states, n_events, n_activities = len(cases), len(states), len(events), len(activities)
    width = 2 + n_events
    # A row of the record has its fields, then how often the case has come to each activity and each clock was started.
    clock = n_fields + n_activities
    # In variables of their own, which stay in registers; put back at the end.
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

        # What comes next: the least of the heap, the changes of capacity, the dated events and the arrivals.
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
            if t < time or (t == time and code >= _CAPACITY):
                time, code, source = t, _CAPACITY, 2
        if planned <= time and at_date < len(dates):
            t = dates[at_date].time
            if t <= time:
                g = 1
                while at_date + g < len(dates) and dates[at_date + g].time == t:
                    g += 1
                c = _RING | (at_turn // g) << 8 | dates[at_date + at_turn % g].event
                if t < time or c < code:
                    time, code, source = t, c, 3
        if planned <= time and at_arrival < len(arrivals):
            i = arrivals[at_arrival]
            t = max(arrived[i], 0)
            if t < time or (t == time and (_ARRIVE | i << 8) < code):
                time, code, source = t, _ARRIVE, 4

        if time >= edge:  # the next bucket may hold something earlier
            if n_heap + buckets[bucket].n + margin > len(heap):
                result = HEAP_FULL
                continue
            n_heap = _pour(heap, n_heap, far, buckets, bucket, cases, record)
            bucket += 1
            edge = bucket << shift if bucket < n_buckets else np.int64(_NO_EDGE)
            continue

        if n_touched > 0 and time > now:  # nothing is left at this instant: dispatch
            for x in range(1, n_touched):
                y = touched[x]
                z = x - 1
                while z >= 0 and touched[z] > y:
                    touched[z + 1] = touched[z]
                    z -= 1
                touched[z + 1] = y
            for x in range(n_touched):
                p = _index(touched[x])
                places[p].touched = 0
                while _may_start(places, p, now):
                    i = _head(cases, levels, queues, places, stops, p, now)
                    if i < 0:
                        break
                    i = _index(i)
                    a = _index(states[_index(np.int64(cases[i].state))].activity)
                    length, bits = _begin(
                        lookups, fields, values, record, laws, cells, steps, key, cases, i, activities, a,
                        np.int64(cases[i].visit),
                    )  # fmt: skip
                    c = places[p].calendar
                    if places[p].rule == _FIT and now + length > places[p].until:
                        k = _spell(calendars, spells, c, now) - 1
                        if not (length > calendars[c].longest and now == spells[calendars[c].first + k].open):
                            break
                    exempt = places[p].exempt != NONE and cases[i].server == -2
                    _leave_queue(
                        cases, lines, standing, queues, _queue_of(places, levels, p, exempt, cases[i].state),
                        places[p].order != _FIRST_COME, i,
                    )  # fmt: skip
                    following = _first_of(queues, places[p].queue, places[p].n_levels)
                    if following >= 0:  # looked at soon
                        _fetch(cases, following)
                        _fetch(record, following)
                    cases[i].status = _SERVED
                    cases[i].started = now
                    cases[i].order = bits
                    cases[i].server = _seize(places, free, p)
                    end = now + length
                    if places[p].rule == _SUSPEND and end > places[p].until:
                        end = _complete(calendars, spells, c, now, length)
                    n_heap = _due(heap, n_heap, far, buckets, edge, shift, horizon, cases, i, end)
            n_touched = 0
            continue
        if time > horizon:
            result = DONE
            continue
        now = time
        moved_on = source != 1
        if source == 4:
            # Of those that arrive at one instant, the ones that do no more than begin to wait. Nothing else is left at it.
            while at_arrival < len(arrivals):
                i = _index(arrivals[at_arrival])
                state = _index(beginnings[i])
                if max(arrived[i], 0) != now or states[state].kind != _ACTIVITY:
                    break
                a = _index(states[state].activity)
                q = _index(_policy(policies, now, arrived, i))
                if (
                    activities[a].pool < 0
                    or states[state].clocks | states[state].hazards != 0
                    or moments[_index(policies[q].moments + state * width + 1)] != NONE
                ):
                    break
                cases[i].state = state
                cases[i].enabled = now
                record[i, n_fields + a] = 1
                n_touched = _wait(
                    lookups, fields, values, record, levels, cases, lines, standing, arrived, orders, pools, places, queues,
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
            p = changes[x].place
            if changes[x].opens == 1:
                places[p].until = changes[x].value
                places[p].begun = 0
            elif changes[x].value >= 0:
                places[p].size = changes[x].value
            n_touched = _touch(places, touched, n_touched, p)
            continue
        if source == 1:
            i = (heap[0].code >> 8) & _NUMBER
            kind, index, payload = heap[0].code >> 56, heap[0].code & 255, heap[0].visit
            n_heap -= 1
            _pop(heap, n_heap)
            if kind == 1:
                if cases[i].status < _SERVED or np.int64(cases[i].stamp) != payload:
                    continue
                a = _index(states[_index(np.int64(cases[i].state))].activity)
                if activities[a].outcome != NONE:
                    o = _look(lookups, fields, values, record, i, cases[i].fact_class, activities[a].outcome)
                    k = activities[a].given + _found(outcomes, shares, found_at, o, cases[i].order)
                    record[i, _index(activities[a].gives)] = given[k].first
                    outcome = given[k].n
                trigger = 0
                cause = 0
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
        q = _index(_policy(policies, now, arrived, i))
        if event >= 0:
            state = np.int64(cases[i].state)
            happens = (
                state >= 0
                and (states[state].counts >> _U(event)) & _ONE != 0
                and (events[event].only == 0 or cases[i].status == _WAITING)
            )
            if happens:
                k = guards[policies[q].guards + event]
                happens = k == NONE or _look(lookups, fields, values, record, i, cases[i].fact_class, k) != 0
            if happens:
                e = event_effects[policies[q].effects + event]
                changed = _write(effects, e.first, e.n, record, i)
                if events[event].gives >= 0:
                    o = _look(lookups, fields, values, record, i, cases[i].fact_class, events[event].outcome)
                    bits = _outcome_bits(key, cases[i].key, events[event].hash, visit)
                    k = events[event].given + _found(outcomes, shares, found_at, o, bits)
                    if record[i, events[event].gives] != given[k].first:
                        record[i, events[event].gives] = given[k].first
                        changed = True
                    outcome = given[k].n
                trigger = 2 + event
                cause = 3 + event

        # Decide and move, on through instant states and what is tried on entry, until the case rests or waits.
        settle = arrives
        while True:
            entered = False
            old = np.int64(-1)
            since = _U(0)
            if arrives:
                arrives = False
                entered = True
                cases[i].state = beginnings[i]
            else:
                if event >= 0 and not happens and not settle:
                    break
                old = _index(np.int64(cases[i].state))
                if settle:
                    trigger = 1
                    cause = 1
                    outcome = -1
                m = moments[_index(policies[q].moments + old * width + trigger)]
                taken = np.int64(-1)
                if m != NONE:
                    taken = np.int64(_look(lookups, fields, values, record, i, cases[i].fact_class, m))
                if taken < 0:
                    if trigger == 0 or (trigger == 1 and states[old].kind == _INSTANT):
                        result = STUCK
                        scalars[WHERE] = i
                        break
                    if trigger > 1 and not settle:
                        if changed:
                            _row(rows, n_rows, i, -1, cause, old, old, now, outcome)
                            n_rows += 1
                        break
                else:
                    taken = _index(taken)
                    inside = transitions[taken].target < 0
                    target = old if inside else transitions[taken].target
                    n = transitions[taken].n_effects
                    if n > 0 and _write(effects, transitions[taken].effect, n, record, i):
                        changed = True
                    r = n_rows
                    _row(rows, r, i, transitions[taken].code, cause, old, target, now, outcome)
                    n_rows += 1
                    if not inside:
                        if cases[i].status != _NOWHERE:
                            a = _index(states[old].activity)
                            pool = activities[a].pool
                            rows[r].activity = a
                            rows[r].pool = pool
                            rows[r].server = cases[i].server if cases[i].status == _SERVED else -1
                            rows[r].enabled = cases[i].enabled
                            rows[r].started = cases[i].started
                            if trigger == 0:
                                rows[r].completed = now
                            if pool >= 0:
                                p = _place(pools, cases, i, pool)
                                if cases[i].status == _SERVED:
                                    _release(places, free, p, cases[i].server)
                                else:
                                    exempt = places[p].exempt != NONE and cases[i].server == -2
                                    _leave_queue(
                                        cases, lines, standing, queues, _queue_of(places, levels, p, exempt, old),
                                        places[p].order != _FIRST_COME, i,
                                    )  # fmt: skip
                                n_touched = _touch(places, touched, n_touched, p)
                            cases[i].status = _NOWHERE
                            cases[i].server = -1
                            cases[i].enabled = NEVER
                            cases[i].started = NEVER
                            cases[i].stamp += np.uint32(1)
                        cases[i].state = target
                        entered = True
                    since = transitions[taken].since
            # The clocks of outside events, on entering a state and since a transition.
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
                # A hazard's dates before its case first comes to where it counts do nothing: they are gone through now.
                wanted = states[state].hazards & ~known
                e = 0
                while wanted != 0:
                    if wanted & _ONE != 0 and record[i, clock + e] == 0:
                        v = 1
                        k = _look(lookups, fields, values, record, i, cases[i].fact_class, events[e].rate)
                        if rates[k].rate > 0.0:
                            at = _next_date(
                                cells, unit, key, cases[i].key, events[e].hash, 0, rates[k], max(arrived[i], 0)
                            )
                            while at < now or (at == now and source != 4 and (_RING | i << 8 | e) < code):
                                at = _next_date(cells, unit, key, cases[i].key, events[e].hash, v, rates[k], at)
                                v += 1
                            n_heap = _arm(heap, n_heap, far, buckets, edge, shift, horizon, armed, i, e, at, v - 1)
                        record[i, clock + e] = 1
                    wanted >>= _ONE
                    e += 1
            if states[state].kind == _FINAL:
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
                                _look(lookups, fields, values, record, i, cases[i].fact_class, events[e].chance)
                            ]
                            runs = _length_bits(key, cases[i].key, events[e].lottery, v) < share * 2.0**53
                        if runs:
                            length = _length(
                                lookups, fields, values, record, laws, cells, steps, key, cases, i, events[e].after,
                                events[e].hash, v,
                            )  # fmt: skip
                            n_heap = _arm(
                                heap, n_heap, far, buckets, edge, shift, horizon, armed, i, e, now + length, v
                            )
                    wanted >>= _ONE
                    e += 1
            if result != RUNNING:
                break
            if entered:
                settle = True
                q = _policy(policies, now, arrived, i)
                if moments[policies[q].moments + state * width + 1] != NONE:
                    continue
            elif not settle:
                break
            # Settled: it waits, or its delay begins.
            if cases[i].status == _NOWHERE and states[state].kind == _ACTIVITY:
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
                    cases[i].status = _DELAYED
                    cases[i].started = now
                    length, bits = _begin(
                        lookups, fields, values, record, laws, cells, steps, key, cases, i, activities, a, v
                    )
                    cases[i].order = bits
                    c = activities[a].calendar
                    end = now + length if c < 0 else _complete(calendars, spells, c, now, length)
                    n_heap = _due(heap, n_heap, far, buckets, edge, shift, horizon, cases, i, end)
                else:
                    n_touched = _wait(
                        lookups, fields, values, record, levels, cases, lines, standing, arrived, orders, pools, places, queues,
                        touched, n_touched, i, state, pool, now,
                    )  # fmt: skip
            break

        if result != RUNNING:
            continue
        # A waiting case whose record an event has changed may belong into the other queue now.
        if event >= 0 and happens and changed and not settle and cases[i].status == _WAITING:
            state = np.int64(cases[i].state)
            pool = activities[states[state].activity].pool
            p = _place(pools, cases, i, pool)
            if places[p].exempt != NONE:
                was = cases[i].server == -2
                exempt = _look(lookups, fields, values, record, i, cases[i].fact_class, places[p].exempt) != 0
                if was != exempt:
                    in_order = places[p].order != _FIRST_COME
                    _leave_queue(cases, lines, standing, queues, _queue_of(places, levels, p, was, state), in_order, i)
                    cases[i].server = -2 if exempt else -1
                    _join_queue(
                        cases, lines, standing, queues, _queue_of(places, levels, p, exempt, state), in_order, i
                    )
            n_touched = _touch(places, touched, n_touched, p)
        if hazard and states[cases[i].state].kind != _FINAL:
            k = _look(lookups, fields, values, record, i, cases[i].fact_class, events[event].rate)
            at = _next_date(cells, unit, key, cases[i].key, events[event].hash, visit + 1, rates[k], now)
            n_heap = _arm(heap, n_heap, far, buckets, edge, shift, horizon, armed, i, event, at, visit + 1)
    scalars[NOW], scalars[N_ROWS], scalars[N_HEAP], scalars[N_TOUCHED], scalars[N_EVENTS] = (
        now, n_rows, n_heap, n_touched, n_done,
    )  # fmt: skip
    scalars[AT_CAPACITY], scalars[AT_ARRIVAL], scalars[AT_DATE], scalars[AT_TURN], scalars[BUCKET] = (
        at_capacity, at_arrival, at_date, at_turn, bucket,
    )  # fmt: skip
    return result
