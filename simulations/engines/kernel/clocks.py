"""The clocks of outside events, and the dates of hazards."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import CLOCK, EVERY, NUMBER_SHIFT, OF_CASE
from simulations.engines.kernel.arrays import ARRIVALS, BY_DATE, NEVER_COMES, NONE, RUNNING, TOO_MANY_VISITS
from simulations.engines.kernel.compiling import ONE, U64, apart, index, inline, rare
from simulations.engines.kernel.draws import length_bits, length_of, read_inverse
from simulations.engines.kernel.lookups import look_up, look_up_now
from simulations.engines.kernel.schedule import schedule
from simulations.engines.kernel.special import is_special
from simulations.engines.kernel.working_time import complete
from simulations.log.row import NEVER


@inline
def _draw_delay(model, world, i, event, visit):
    """Draw the delay of an event for a case."""
    distribution = look_up_now(model, world, i, model.events[event].after)
    bits = np.int64(0)
    if model.distributions[distribution].kind > OF_CASE:
        bits = length_bits(model, world.cases[i].key, model.events[event].hash, visit)
    return length_of(model, i, distribution, bits, world.counters[0].now)


@inline
def start_clock(model, world, i, event, at, visit):
    """Start the clock of an event for a case."""
    if NEVER < at <= model.horizon:
        world.armed[i] |= ONE << U64(event)
        schedule(model, world, at, CLOCK | np.int64(i) << NUMBER_SHIFT | event, np.int64(visit))


@inline
def start_brought(model, world, i, x):
    """Start one of the clocks that a case may bring with it when it enters the run."""
    at, event = model.first_rings[index(x), index(i)], model.brought[x]
    if at != NEVER:
        world.record[index(i), model.n_fields + len(model.activities) + event] = 1
        start_clock(model, world, index(i), event, at, 0)


@apart
def next_date(model, world, i, event, visit, since):
    """Draw the next date of an event with a hazard after a time."""
    k = model.events[event].rate
    bits = length_bits(model, world.cases[i].key, model.events[event].hash, visit)
    if is_special(model) and k >= BY_DATE:
        return _next_date_by_steps(model, world, i, k - BY_DATE, read_inverse(model.cells, model.unit, bits), since)
    hazard = model.rates[look_up(model, world, i, k)]
    if bits > hazard.most or not hazard.rate > 0.0:
        return np.int64(NEVER_COMES)
    x = read_inverse(model.cells, model.unit, bits) / hazard.rate
    return since + np.int64(np.rint(min(x, 4611686018427387904.0)))


@rare
def _next_date_by_steps(model, world, i, k, left, at):
    """Return when the integral of a rate that changes on dates has grown by a number (`simulations.engines.hazards`)."""
    while True:
        until = model.steps_of_lookups[index(k + 1)].date
        if until > at:
            rate = model.rates[look_up(model, world, i, model.steps_of_lookups[index(k)].lookup)].rate
            if until == NEVER_COMES or left < rate * (until - at):
                return at + np.int64(np.rint(min(left / rate, 4611686018427387904.0))) if rate > 0.0 else np.int64(NEVER_COMES)
            left -= rate * (until - at)
            at = until
        k += 1


@inline
def start_hazards(model, world, i, wanted, source, code):
    """Draw the first dates of hazards for a case that enters a state in which they count.

    A hazard has no effect before its case first enters one of its states: the dates before are skipped.
    """
    now, clock = world.counters[0].now, model.n_fields + len(model.activities)
    e = 0
    while wanted != 0:
        if wanted & ONE != 0 and world.record[i, clock + e] == 0:
            v = 1
            at = next_date(model, world, i, e, 0, max(model.arrived[i], 0))
            while at < now or (at == now and source != ARRIVALS and (CLOCK | i << NUMBER_SHIFT | e) < code):
                at = next_date(model, world, i, e, v, at)
                v += 1
            start_clock(model, world, i, e, at, v - 1)
            world.record[i, clock + e] = 1
        wanted >>= ONE
        e += 1


@inline
def start_clocks(model, world, i, wanted):
    """Start the clocks of events for a case; return `TOO_MANY_VISITS` if one has started too often."""
    now, clock = world.counters[0].now, model.n_fields + len(model.activities)
    e = 0
    while wanted != 0:
        if wanted & ONE != 0:
            v = np.int64(world.record[i, clock + e])
            if v >= (model.most_rings if model.events[e].repeats == EVERY else model.most_visits):
                return TOO_MANY_VISITS
            world.record[i, clock + e] = v + 1
            runs = True
            if model.events[e].chance != NONE:
                share = model.chances[look_up_now(model, world, i, model.events[e].chance)]
                runs = length_bits(model, world.cases[i].key, model.events[e].lottery, v) < share * 2.0**53
            if runs:
                length, c = _draw_delay(model, world, i, e, v), model.events[e].calendar
                start_clock(model, world, i, e, now + length if c < 0 else complete(model, c, now, length), v)
        wanted >>= ONE
        e += 1
    return RUNNING
