"""Openings and ends of shifts, new sizes and the ends of suspensions."""

from __future__ import annotations

from simulations.engines.codes import CALLS, CLOSES, ENDS_DATE, HAS_SLOTS, IS_ANNOUNCED, OPENS, SUSPEND
from simulations.engines.kernel.compiling import apart, index
from simulations.engines.kernel.hearings import announce, call_date, end_date
from simulations.engines.kernel.interrupting import interrupt_all, interrupt_beyond_size, interrupt_surplus
from simulations.engines.kernel.stations import touch_all


@apart
def change_capacity(model, world):
    """Apply the next change: of a shift, a size, the end of a suspension, or what happens to hearing dates.

    What books cases again writes a row in each call, until no such case is left.
    """
    counters = world.counters[0]
    change = model.changes[counters.at_change]
    station = world.stations[change.station]
    if change.kind == ENDS_DATE or change.kind == IS_ANNOUNCED:
        p = index(change.station)
        counters.at_change += (
            end_date(model, world, p, change.value) if change.kind == ENDS_DATE else announce(model, world, p, change.value)
        )
        return
    counters.at_change += 1
    if change.kind == OPENS:
        station.until = change.value
        if station.dates < 0:
            station.begun = 0
        if station.interrupts == 1 and station.rule == SUSPEND and station.busy > station.size:
            interrupt_beyond_size(model, world, index(change.station))
    elif change.kind == CLOSES:
        interrupt_all(model, world, index(change.station))
    elif change.kind == CALLS:
        call_date(model, world, index(change.station), change.value)
    elif change.kind == HAS_SLOTS:
        station.slots = change.value
        station.begun = 0
    elif change.value >= 0:
        station.size = change.value
        if station.preempts == 1:
            interrupt_surplus(model, world, index(change.station))
    touch_all(model, world, index(change.station))
