"""Read the costs of pools and activities."""

from __future__ import annotations

from simulations.loading.context import Context
from simulations.scenarios.scenario import Costs


def read_costs(context: Context) -> Costs | None:
    """Read `costs:`, without unknown names."""
    file, entry = context.file, context.file.costs
    if entry is None:
        return None
    pools: dict[str, float] = {}
    for name in entry.pools:
        path = ("costs", "pools", name)
        rate = context.reader.rate(context.at(*path), f"costs: {name}")
        if context.known(name, file.pools, path, "costs: pools", "a pool") and rate is not None:
            pools[name] = rate
    activities = {
        name: each
        for name, each in entry.activities.items()
        if context.known(name, file.activities, ("costs", "activities", name), "costs: activities", "an activity of the scenario")
    }
    measures = [m for m in context.workflow.measures if m.cases]
    counted = [name for measure in measures for name in (measure.measure, *(measure.split or {}))]
    for i, name in enumerate(entry.per):
        context.known(name, counted, ("costs", "per", i), "costs: per", "a measure that counts cases")
    return Costs(entry.currency, pools, activities, tuple(entry.per))
