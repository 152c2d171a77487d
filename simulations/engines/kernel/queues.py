"""The queues of a station.

A station has a queue for each priority. A first-come queue is a linked list through the cases, ordered by enabling and
case number. Any other queue is a 4-ary heap whose entries hold the whole sort key, so that comparing reads no case.
`position` is the index of each case in its heap, for cases that leave before they are served. Interrupted work stands at
the head of its queue, which is then a heap: its order is the least number, and the start of its first part comes next.
Where priorities differ from case to case, all cases are in one heap, and their order begins with the rank of the priority.
"""

from __future__ import annotations

import numpy as np

from simulations.engines.kernel.compiling import apart, index, inline


@inline
def _put_entry(entries, position, first, k, order, enabled, i):
    j = index(first + k)
    entries[j].order = order
    entries[j].enabled = enabled
    entries[j].case = i
    position[index(i)] = k


@inline
def _entry_before(entries, j, order, enabled, i):
    """Return whether the entry at an index is served before another case."""
    j = index(j)
    if entries[j].order != order:
        return entries[j].order < order
    if entries[j].enabled != enabled:
        return entries[j].enabled < enabled
    return entries[j].case < i


@apart
def _sift_up(entries, position, first, k, order, enabled, i):
    """Put a case at a free index of a heap, or closer to its head."""
    while k > 0:
        above = (k - 1) >> 2
        j = index(first + above)
        if _entry_before(entries, j, order, enabled, i):
            break
        _put_entry(entries, position, first, k, entries[j].order, entries[j].enabled, entries[j].case)
        k = above
    _put_entry(entries, position, first, k, order, enabled, i)


@apart
def _remove_entry(entries, position, first, n, k):
    """Remove the entry at an index from a heap of n + 1; the last entry fills the gap and is sifted up or down."""
    j = index(first + n)
    order, enabled, i = entries[j].order, entries[j].enabled, entries[j].case
    while True:
        c = 4 * k + 1
        if c >= n:
            break
        j = index(first + c)
        for other in range(j + 1, min(j + 4, first + n)):
            if _entry_before(entries, other, entries[j].order, entries[j].enabled, entries[j].case):
                j = index(other)
        if not _entry_before(entries, j, order, enabled, i):
            break
        _put_entry(entries, position, first, k, entries[j].order, entries[j].enabled, entries[j].case)
        k = j - first
    _sift_up(entries, position, first, k, order, enabled, i)


@inline
def enabled_or_started(world, i):
    """Return what orders cases of equal order: when the case was enabled, or when its interrupted work first started."""
    case = world.cases[i]
    return world.work[i].started if case.interrupted == 1 else case.enabled


@inline
def leave_queue(world, queue, in_order, i):
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


@inline
def join_queue(world, queue, in_order, i):
    """Add a case to a queue, behind the cases that were enabled before it."""
    queues, cases = world.queues, world.cases
    if in_order:
        first, n = queues[queue].first, queues[queue].n
        queues[queue].n = n + 1
        _sift_up(world.entries, world.position, first, n, cases[i].order, enabled_or_started(world, i), i)
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


@inline
def first_of(world, queue, n, resumes):
    """Return the first case of n queues in order of priority, or the first that was interrupted; -1 if there is none."""
    for q in range(queue, queue + n):
        head = world.queues[index(q)].head
        if head >= 0 and (not resumes or world.cases[index(head)].interrupted == 1):
            return head
    return np.int64(-1)
