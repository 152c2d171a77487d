"""Openings and ends of shifts, new sizes and the ends of suspensions."""

from __future__ import annotations

from simulations.engines.codes import CLOSES, OPENS, SUSPEND
from simulations.engines.kernel.compiling import index, inline
from simulations.engines.kernel.interrupting import interrupt_all, interrupt_beyond_size, interrupt_surplus
from simulations.engines.kernel.stations import touch_all


@inline
def change_capacity(model, world):
    """Apply the next change: the opening or the end of a shift, a new size, or the end of a suspension."""
    counters = world.counters[0]
    change = model.changes[counters.at_change]
    counters.at_change += 1
    station = world.stations[change.station]
    if change.kind == OPENS:
        station.until = change.value
        station.begun = 0
        if station.interrupts == 1 and station.rule == SUSPEND and station.busy > station.size:
            interrupt_beyond_size(model, world, index(change.station))
    elif change.kind == CLOSES:
        interrupt_all(model, world, index(change.station))
    elif change.value >= 0:
        station.size = change.value
        if station.preempts == 1:
            interrupt_surplus(model, world, index(change.station))
    touch_all(model, world, index(change.station))
