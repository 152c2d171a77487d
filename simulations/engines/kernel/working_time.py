"""Working time of calendars, as `simulations.timing.calendars` counts it."""

from __future__ import annotations

import numpy as np

from simulations.engines.kernel.compiling import apart, inline
from simulations.log.row import NEVER


@inline
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


@apart
def working_time(model, c, t):
    """Return W(t), the working time of a calendar up to t."""
    first, k = model.calendars[c].first, _n_opened(model, c, t)
    worked = model.intervals[first + k].worked
    if k > 0:
        worked -= max(model.intervals[first + k - 1].close - t, 0)
    return worked


@apart
def complete(model, c, start, length):
    """Return the least t >= start with W(t) = W(start) + length, `NEVER` if the working intervals end before."""
    if length == 0:
        return start
    intervals = model.intervals
    first, n = model.calendars[c].first, model.calendars[c].n
    k, worked = _n_opened(model, c, start), working_time(model, c, start)
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


@apart
def fits(model, c, now, length, until):
    """Return whether work fits into an interval until its end. Work longer than all intervals of a calendar fits at an opening."""
    if now + length <= until:
        return True
    k = _n_opened(model, c, now) - 1
    return length > model.calendars[c].longest and now == model.intervals[model.calendars[c].first + k].open
