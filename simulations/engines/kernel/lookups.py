"""What depends on the facts and the record of a case: lookups, effects, outcomes and decisions."""

from __future__ import annotations

import numpy as np

from simulations.engines.codes import FIRST_EVENT_TRIGGER
from simulations.engines.kernel.arrays import BY_DATE, NONE
from simulations.engines.kernel.compiling import index, inline, rare
from simulations.engines.kernel.draws import outcome_bits
from simulations.engines.kernel.special import is_special


@inline
def look_up(model, world, i, k):
    """Return the value of a lookup for a case, by its fact class and the record fields that the lookup reads."""
    if k < NONE:  # the same for every case
        return np.int64(-3 - k)
    lookup = model.lookups[index(k)]
    at = lookup.base + world.cases[i].fact_class * lookup.stride
    for j in range(lookup.n):
        field = model.fields[index(lookup.first + j)]
        at += field.stride * world.record[i, index(field.field)]
    return np.int64(model.values[index(at)])


@rare
def _in_force(steps, k, now):
    """Return the lookup in force at a time, from the first of its steps; it also holds before its date."""
    while steps[index(k + 1)].date <= now:
        k += 1
    return np.int64(steps[index(k)].lookup)


@inline
def look_up_now(model, world, i, k):
    """Return the value of a lookup that may change on dates."""
    if is_special(model) and k >= BY_DATE:
        k = _in_force(model.steps_of_lookups, k - BY_DATE, world.counters[0].now)
    return look_up(model, world, i, k)


@inline
def apply_effects(model, world, i, first, n):
    """Apply effects to the record of a case; return whether it changed."""
    record = world.record
    changed = False
    for k in range(n):
        effect = model.effects[index(first + k)]
        f = index(effect.field)
        value = effect.value
        if value < 0:
            value = min(np.int64(record[i, f]) + 1, effect.most)
        if record[i, f] != value:
            record[i, f] = value
            changed = True
    return changed


@inline
def draw_value(model, world, i, lookup, numerator):
    """Return the drawn value of a field, as an index in the values that its activity or event may give."""
    outcome = model.outcomes[look_up_now(model, world, i, lookup)]
    u = numerator * 2.0**-53
    k = 0
    while k < outcome.n - 1 and not u < model.shares[outcome.first + k]:
        k += 1
    return model.outcome_index[outcome.first + k]


@inline
def write_outcome(model, world, i, first, n, given, numerator, visit):
    """Draw the `n` fields of an outcome, then record them; return whether the record changed, and the code in the log.

    The first field has a numerator already; each further field has a purpose of its own.
    """
    changed, at = False, given
    for j in range(n):
        entry = model.gives[index(first + j)]
        if j > 0:
            numerator = outcome_bits(model, world.cases[i].key, entry.hash, visit)
        at += entry.stride * draw_value(model, world, i, entry.outcome, numerator)
    for j in range(n):
        f = index(model.gives[index(first + j)].field)
        value = model.given[index(at + 1 + j)]
        if world.record[i, f] != value:
            world.record[i, f] = value
            changed = True
    return changed, model.given[index(at)]


@inline
def policy_in_force(model, i, now):
    """Return the index of the policy in force for a case."""
    policies = model.policies
    q = 0
    for k in range(1, len(policies)):
        if policies[k].start <= now and (policies[k].pinned == 0 or policies[k].start <= model.arrived[i]):
            q = k
    return index(q)


@inline
def decision_at(model, policy, state, trigger):
    """Return the lookup of the transition that a trigger takes in a state, `NONE` if there is none."""
    width = FIRST_EVENT_TRIGGER + len(model.events)
    return model.decisions[index(model.policies[policy].decisions + state * width + trigger)]
