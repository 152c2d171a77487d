"""The schedule of completions and clocks: a heap, and buckets of time for later events.

Later events are kept in buckets of time, as linked lists in `far`. A bucket is moved to the heap when its time comes, so
the heap stays small. The first entry of `far` is the head of the list of free entries.
"""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import NUMBER, NUMBER_SHIFT
from simulations.engines.kernel.arrays import HEAP_FULL, NO_EDGE, RUNNING
from simulations.engines.kernel.compiling import index, inline, prefetch


@inline
def push(heap, n, time, code, visit):
    """Add an entry to a heap of n."""
    i = index(n)
    while i > 0:
        j = index((i - 1) >> 1)
        if heap[j].time < time or (heap[j].time == time and heap[j].code < code):
            break
        heap[i].time = heap[j].time
        heap[i].code = heap[j].code
        heap[i].visit = heap[j].visit
        i = j
    heap[i].time = time
    heap[i].code = code
    heap[i].visit = visit


@inline
def pop(heap, n):
    """Remove the least of n + 1 entries."""
    n = index(n)
    time, code, visit = heap[n].time, heap[n].code, heap[n].visit
    i = np.int64(0)
    while True:
        c = index(2 * i + 1)
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


@inline
def schedule(model, world, time, code, visit):
    """Schedule an event."""
    counters, far = world.counters[0], world.far
    if time < counters.edge:
        push(world.heap, counters.n_heap, time, code, visit)
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


@inline
def next_bucket(model, world):
    """Move the next bucket to the heap and prefetch its cases; return `HEAP_FULL` if there is no room."""
    counters, heap, far = world.counters[0], world.heap, world.far
    bucket = world.buckets[counters.bucket]
    if counters.n_heap + bucket.n + model.margin > len(heap):
        return HEAP_FULL
    x = bucket.first
    n_heap = counters.n_heap
    while x > 0:
        push(heap, n_heap, far[x].time, far[x].code, far[x].visit)
        n_heap += 1
        i = (far[x].code >> NUMBER_SHIFT) & NUMBER
        prefetch(world.cases, i)
        prefetch(world.record, i)
        prefetch(model.arrived, i)
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
