"""What does it cost? Paid time of each pool, a price for each activity, and what a closure or a month of backlog costs.

A pool is paid for its time on shift, whether or not there is work, and for its overtime; an activity costs its price
each time it is completed. Costs of a pool for the nation belong to no court.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from simulations.measuring.frame import Frame
from simulations.measuring.measured import Places
from simulations.measuring.sums import ratio
from simulations.measuring.utilisation import PoolTime
from simulations.scenarios.scenario import Costs
from simulations.timing.clock import MICROSECONDS_PER_DAY

__all__ = ["costs"]

MONTH = 365.25 / 12 * MICROSECONDS_PER_DAY
"""A month in microseconds."""


def costs(
    declared: Costs,
    frame: Frame,
    values: Mapping[str, Places],
    times: Mapping[str, Sequence[Sequence[PoolTime]]],
) -> dict[str, Places]:
    """Return the costs from the start (or the end of the warm-up) on, by instant.

    Parameters
    ----------
    declared : Costs
    frame : Frame
    values : mapping
        The measures taken so far; `inflow`, `disposals` and `pending` among them.
    times : mapping of str to (sequence of sequence of PoolTime)
        Of each pool by instant and court, of all last. Without them, for a group of cases, only activities have a cost.

    Notes
    -----
    Backlog in months is `pending` over the disposals of a month; a month of it removed costs the total cost over the
    months that pending fell by. Where it did not fall there is no such cost.
    """
    since = max(frame.since, 0)
    found = {f"cost.{n}": _completed(frame, n, since) * each for n, each in declared.activities.items()}
    if not times:
        return found
    for name, rate in declared.pools.items():
        paid = [[[(t.shift + t.overtime) * rate] for t in places] for places in times[name]]
        found[f"cost.{name}"] = np.array(paid)
    # What a pool for the nation costs belongs to no court: then there is a total for all of them alone.
    n_rows = min((places.shape[1] for places in found.values()), default=0)
    nothing: Places = np.zeros((len(frame.untils), n_rows, 1))
    total: Places = sum((places[:, places.shape[1] - n_rows :] for places in found.values()), start=nothing)
    found["cost"] = total
    for name in ("disposal", *declared.per):
        found[f"cost_per.{name}"] = _per(total, values["disposals" if name == "disposal" else name])
    disposals, inflow = values["disposals"], values["inflow"]
    months = ((frame.untils - since) / MONTH)[:, np.newaxis, np.newaxis]
    with np.errstate(divide="ignore", invalid="ignore"):
        removed = np.where((disposals > inflow) & (months > 0), (disposals - inflow) / (disposals / months), np.nan)
    found["cost_per.month_of_backlog"] = _per(total, removed)
    return found


def _completed(frame: Frame, activity: str, since: int) -> Places:
    """Count how often an activity was completed."""
    columns, words = frame.log.columns, frame.log.labels
    ended = (columns["activity"] == words.activity.index(activity)) & (columns["completed_at"] >= since)
    rows = np.flatnonzero(ended)
    return frame.count_cases(columns["case_id"][rows], columns["completed_at"][rows]).astype(float)


def _per(cost: Places, n: Places) -> Places:
    return ratio(cost, n[:, n.shape[1] - cost.shape[1] :])
