"""Costs: paid time of each pool, the price of each activity, and costs per disposal and per month of backlog.

A pool is paid for its time on shift, with or without work, and for its overtime. An activity costs its price each time it
is completed. The cost of a pool that all courts share belongs to no court.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np

from simulations.measuring.frame import Frame
from simulations.measuring.measured import ByCourt
from simulations.measuring.sums import ratio
from simulations.measuring.utilisation import PoolTime
from simulations.scenarios.scenario import Costs, Pool, Scenario
from simulations.timing.clock import MICROSECONDS_PER_DAY

MONTH = 365.25 / 12 * MICROSECONDS_PER_DAY
"""A month in microseconds."""


def costs(
    declared: Costs,
    frame: Frame,
    values: Mapping[str, ByCourt],
    times: Mapping[str, Sequence[Sequence[PoolTime]]],
    wanted: Set[str],
) -> dict[str, ByCourt]:
    """Return the wanted costs since the start, or since the end of the warm-up, by instant.

    Parameters
    ----------
    declared : Costs
    frame : Frame
    values : mapping
        Other measures, with `inflow`, `disposals` and the measures that `declared.per` names.
    times : mapping of str to (sequence of sequence of PoolTime)
        Of each pool by instant and court, with all courts last. For a group of cases, only activities have a cost.
    wanted : set of str
        Names of measures, with those that they are computed from.

    Notes
    -----
    The backlog in months is `pending` over the disposals of a month. The cost per month of backlog is the total cost over
    the number of months by which `pending` fell; it has no value if `pending` did not fall.
    """
    since = max(frame.since, 0)
    prices = {n: each for n, each in declared.activities.items() if f"cost.{n}" in wanted}
    by_name = {f"cost.{n}": _completed(frame, n, since) * each for n, each in prices.items()}
    if frame.grouping.by is not None:
        return by_name
    for name, rate in declared.pools.items():
        if f"cost.{name}" in wanted:
            paid = [[[(t.shift + t.overtime) * rate] for t in by_court] for by_court in times[name]]
            by_name[f"cost.{name}"] = np.array(paid)
    if "cost" not in wanted:
        return by_name
    # With a pool that all courts share, there is a total for all courts only.
    n_rows = min((by_court.shape[1] for by_court in by_name.values()), default=0)
    nothing: ByCourt = np.zeros((len(frame.untils), n_rows, 1))
    total: ByCourt = sum((by_court[:, by_court.shape[1] - n_rows :] for by_court in by_name.values()), start=nothing)
    by_name["cost"] = total
    for name in ("disposal", *declared.per):
        if f"cost_per.{name}" in wanted:
            by_name[f"cost_per.{name}"] = _per(total, values["disposals" if name == "disposal" else name])
    if "cost_per.month_of_backlog" in wanted:
        by_name["cost_per.month_of_backlog"] = _per(total, _months_removed(frame, values, since))
    return by_name


def _months_removed(frame: Frame, values: Mapping[str, ByCourt], since: int) -> ByCourt:
    """Return the months of backlog that were removed; NaN where the backlog did not fall."""
    disposals, inflow = values["disposals"], values["inflow"]
    months = ((frame.untils - since) / MONTH)[:, np.newaxis, np.newaxis]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((disposals > inflow) & (months > 0), (disposals - inflow) / (disposals / months), np.nan)


def _completed(frame: Frame, activity: str, since: int) -> ByCourt:
    """Count the completions of an activity."""
    columns, labels = frame.log.columns, frame.log.labels
    ended = (columns["activity"] == labels.activity.index(activity)) & (columns["completed_at"] >= since)
    rows = np.flatnonzero(ended)
    return frame.count_cases(columns["case_id"][rows], columns["completed_at"][rows]).astype(float)


def _per(cost: ByCourt, n: ByCourt) -> ByCourt:
    return ratio(cost, n[:, n.shape[1] - cost.shape[1] :])


def is_certain(measure: str, scenario: Scenario) -> bool:
    """Return whether a measure follows from the input: the cost of pools that never work overtime.

    Notes
    -----
    A pool works no overtime if it suspends or interrupts its work at the end of a shift, and its size is never cut or a cut
    interrupts the work.
    """
    priced = scenario.costs
    if priced is None:
        return False
    pools = {name: _has_no_overtime(scenario.pools[name]) for name in priced.pools}
    if measure == "cost":
        return not priced.activities and all(pools.values())
    return measure.startswith("cost.") and pools.get(measure.removeprefix("cost."), False)


def _has_no_overtime(pool: Pool) -> bool:
    sizes = ([n for _, n in of_station] for of_station in pool.sizes)
    never_off_shift = pool.at_shift_end == "suspend" or pool.begins_again
    return never_off_shift and (pool.preempt is not None or all(of_station == sorted(of_station) for of_station in sizes))
