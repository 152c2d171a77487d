"""Workload W as one hand-written numba loop: a lower limit for any general engine.

The model is fixed in the code: no tables, no record, one clock, first come first served. It draws with the same generator
and the same inverse tables, and keeps the same log, so the difference in time is the cost of generality.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from simulations.engines.kernel.draws import length_bits, outcome_bits, read_inverse
from simulations.engines.kernel.schedule import pop, push

__all__ = ["bare_loop"]

NEVER = -(2**63)


class Draws(NamedTuple):
    """What the draws of the kernel read of its model."""

    key: Any


@njit(nogil=True, _nrt=False)
def bare_loop(
    key, keys, court, horizon, lengths, checks, unit, rate, hashes, cells, n_checkers, heap, rows, first, last, busy, enabled,
    started, stage, following,
):  # fmt: skip
    """Run workload W; return the number of rows.

    `stage` is 0 for the first review, 1 for the check, 2 closed, 3 for the second review, 4 on the docket. Station c is court
    c's reviewers, the last one the checkers.
    """
    draws = Draws(key)
    n_rows = n_heap = 0
    n_stations = len(busy)
    now = np.int64(0)
    touched = np.int64(-2)  # -2: every station, at the start
    while True:
        if touched != -1:
            low, high = (0, n_stations) if touched == -2 else (touched, touched + 1)
            for p in range(low, high):
                servers = n_checkers if p == n_stations - 1 else 2
                while busy[p] < servers and first[p] >= 0:
                    i = first[p]
                    first[p] = following[i]
                    if first[p] < 0:
                        last[p] = -1
                    busy[p] += 1
                    started[i] = now
                    s = stage[i]
                    bits = length_bits(draws, keys[i], hashes[s], 0)
                    table = checks if s == 1 else lengths
                    end = now + np.int64(np.rint(read_inverse(cells, table, bits)))
                    if end <= horizon:
                        push(heap, n_heap, end, np.int64(i), 0)
                        n_heap += 1
            touched = -1
        if n_heap == 0 or heap[0].time > horizon:
            return n_rows
        now, i, rings = heap[0].time, heap[0].code, heap[0].visit
        n_heap -= 1
        pop(heap, n_heap)
        s = stage[i]
        rows[n_rows].case_id = i
        rows[n_rows].happened_at = now
        rows[n_rows].enabled_at = enabled[i]
        rows[n_rows].started_at = started[i]
        rows[n_rows].completed_at = now
        rows[n_rows].from_state = s
        rows[n_rows].transition = s
        rows[n_rows].cause = rings
        rows[n_rows].activity = s
        rows[n_rows].pool = s
        rows[n_rows].server = 0
        rows[n_rows].outcome = 0
        if rings == 1:
            target = 3
        else:
            p = n_stations - 1 if s == 1 else court[i]
            busy[p] -= 1
            touched = p
            target = 4
            if s == 0 and outcome_bits(draws, keys[i], hashes[0], 0) * 2.0**-53 < 0.14:
                target = 1
            elif s == 1 and outcome_bits(draws, keys[i], hashes[1], 0) * 2.0**-53 < 0.95:
                target = 2
        rows[n_rows].to_state = target
        n_rows += 1
        stage[i] = target
        if target == 1 or target == 3:
            p = n_stations - 1 if target == 1 else court[i]
            enabled[i] = now
            following[i] = -1
            if last[p] >= 0:
                following[last[p]] = i
            else:
                first[p] = i
            last[p] = i
            servers = n_checkers if p == n_stations - 1 else 2
            if busy[p] < servers and touched == -1:
                touched = p
            elif busy[p] < servers and touched != p:
                touched = -2
        elif target == 2:
            # One date of the hazard over the whole run, as the general engines draw it.
            date = np.int64(np.rint(read_inverse(cells, unit, length_bits(draws, keys[i], hashes[2], 0)) / rate))
            if now < date <= horizon:
                push(heap, n_heap, date, np.int64(i), 1)
                n_heap += 1
