"""What does it cost? Paid time of each pool, a price for each activity, and what a closure or a month of backlog costs.

A pool is paid for its time on shift, whether or not there is work, and for its overtime; an activity costs its price
each time it is completed. Costs of a pool for the nation belong to no court.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulations.clock import MICROSECONDS_PER_DAY
from simulations.scenario import Costs, Scenario
from simulations.utilisation import PoolTime

__all__ = ["MONTH", "Places", "cost_units", "costs"]

MONTH = 365.25 / 12 * MICROSECONDS_PER_DAY
"""A month in microseconds."""

Places = dict[tuple[int, int], float | None]
"""The values of a measure by court (-1: all courts) and group."""

TOTAL, EACH, OF_BACKLOG = "cost", "cost_per", "cost_per.month_of_backlog"


def cost_units(scenario: Scenario) -> dict[str, str]:
    """Return the names of the measures of cost, with their unit, the currency."""
    declared = scenario.costs
    if declared is None:
        return {}
    names = [f"{TOTAL}.{name}" for name in (*declared.pools, *declared.activities)]
    names += [TOTAL, f"{EACH}.disposal", *(f"{EACH}.{name}" for name in declared.per), OF_BACKLOG]
    return dict.fromkeys(names, declared.currency)


def costs(
    declared: Costs,
    values: Mapping[str, Places],
    times: Mapping[str, Mapping[int, PoolTime]],
    completed: Mapping[str, Places],
    months: float,
) -> dict[str, Places]:
    """Return the costs from the start (or the end of the warm-up) on.

    Parameters
    ----------
    declared : Costs
    values : mapping
        The measures taken so far; `inflow`, `disposals` and `pending` among them.
    times : mapping of str to (mapping of int to PoolTime)
        By pool and court. Without them, for a group of cases, only activities have a cost.
    completed : mapping of str to Places
        How often each activity was completed.
    months : float
        How many months the costs are of.

    Notes
    -----
    Backlog in months is `pending` over the disposals of a month; a month of it removed costs the total cost over the
    months that pending fell by. Where it did not fall there is no such cost.
    """
    found: dict[str, Places] = {}
    for name, each in declared.activities.items():
        found[f"{TOTAL}.{name}"] = {k: None if n is None else n * each for k, n in completed[name].items()}
    if not times:
        return found
    for name, rate in declared.pools.items():
        found[f"{TOTAL}.{name}"] = {(k, 0): (t.shift + t.overtime) * rate for k, t in times[name].items()}
    everywhere = set.intersection(*(set(places) for places in found.values())) if found else set()
    total: Places = {k: sum(places[k] or 0.0 for places in found.values()) for k in everywhere}
    found[TOTAL] = total
    for name in ("disposal", *declared.per):
        cases = values["disposals" if name == "disposal" else name]
        found[f"{EACH}.{name}"] = {k: _per(cost, cases[k]) for k, cost in total.items()}
    found[OF_BACKLOG] = {k: _per(cost, _months_removed(values, k, months)) for k, cost in total.items()}
    return found


def _months_removed(values: Mapping[str, Places], place: tuple[int, int], months: float) -> float | None:
    """Return by how many months of disposals pending has fallen."""
    disposals, inflow = (values[name][place] or 0.0 for name in ("disposals", "inflow"))
    return (disposals - inflow) / (disposals / months) if disposals > inflow and months > 0 else None


def _per(cost: float | None, n: float | None) -> float | None:
    return None if cost is None or not n else cost / n
