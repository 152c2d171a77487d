"""Published figures as a vector: their values, how exact they are, and the flows that they add up.

A count that is not small is compared on the log scale, anything else on its own scale in units of its spread over runs.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulations.log.eventlog import EventLog
from simulations.measuring.descriptors import Family, describe
from simulations.measuring.measures import measure
from simulations.measuring.selection import Selection
from simulations.scenarios.format import PublishedEntry
from simulations.scenarios.scenario import Scenario

Floats = NDArray[np.float64]
_SMALL = 20.0
_DAYS_PER_MONTH = 30.4375
_FLOW_OF_SPREAD = 0.1
"""The mean relative error of the flows so far that moves a stock, an age or a date by its standard deviation over the runs."""


def values_at(log: EventLog, figures: Sequence[PublishedEntry]) -> list[float]:
    """Return what a run has in place of each published figure; NaN for no value."""
    days = sorted({figure.at for figure in figures})
    chosen = Selection(tuple({f.measure for f in figures}), tuple({f.court for f in figures}))
    found = {
        (table.measure, court, table.at): float(value)
        for table in measure(log, days, selection=chosen).tables
        for court, value in zip(table.courts, table.values[:, 0], strict=True)
    }
    return [found.get((f.measure, f.court, f.at), math.nan) for f in figures]


@dataclass(frozen=True)
class Scales:
    """How figures are compared, and how an error of a flow carries over to them.

    Attributes
    ----------
    figures : tuple of PublishedEntry
    counts : ndarray of bool, shape (n_figures,)
        Whether a figure counts cases, and so is not below 0.
    log : ndarray of bool, shape (n_figures,)
        Whether a figure is on the log scale.
    unit : ndarray of float, shape (n_figures,)
        What figures on their own scale are divided by.
    kinds : tuple of str
        The measures; each has a discrepancy of its own size.
    kind : ndarray of int, shape (n_figures,)
    carried : ndarray of float, shape (n_figures, n_series * n_months)
        The change of a figure by a relative error of the flow of its series in each month.
    """

    figures: tuple[PublishedEntry, ...]
    counts: NDArray[np.bool_]
    log: NDArray[np.bool_]
    unit: Floats
    kinds: tuple[str, ...]
    kind: NDArray[np.int64]
    carried: Floats
    n_months: int

    def scaled(self, values: Floats) -> Floats:
        """Return values on the scales of the figures; infinity stays."""
        with np.errstate(divide="ignore"):
            return np.where(self.log, np.log(np.maximum(values, 0.5)), values / self.unit)

    def plain(self, scaled: Floats) -> Floats:
        """Return values on the figures' own scale."""
        values = np.where(self.log, np.exp(np.minimum(scaled, 700.0)), scaled * self.unit)
        return np.where(self.counts, np.maximum(values, 0.0), values)


def scales_of(scenario: Scenario, figures: Sequence[PublishedEntry], runs: Floats) -> Scales:
    """Return the scales of figures.

    Parameters
    ----------
    runs : ndarray of float, shape (n_runs, n_figures)
        What the runs of a design have.
    """
    descriptors, middle = describe(scenario), np.median(runs, axis=0)
    counts = np.array([descriptors[f.measure].unit == "cases" for f in figures])
    log = counts & (np.quantile(runs, 0.05, axis=0) >= _SMALL)
    spread = np.maximum(runs.std(axis=0, ddof=1), 1e-9 * np.maximum(1.0, np.abs(middle)))
    kinds = tuple(dict.fromkeys(f.measure for f in figures))
    series = list(dict.fromkeys((f.measure, f.court) for f in figures))
    n_months = max(1, math.ceil(max((f.at - scenario.starts).days + 1 for f in figures) / _DAYS_PER_MONTH))
    carried = np.zeros((len(figures), len(series), n_months))
    for s, (name, court) in enumerate(series):
        rows = sorted((i for i, f in enumerate(figures) if (f.measure, f.court) == (name, court)), key=lambda i: figures[i].at)
        levels = middle[rows]
        rises = bool((np.diff(np.concatenate([[0.0], levels])) >= 0).all())
        flows = descriptors[name].accumulates or descriptors[name].family is Family.DECLARED
        adds_up = bool(counts[rows[0]]) and rises and flows
        for i in rows:
            at = figures[i].at
            days, totals = ([figures[k].at for k in rows], levels) if adds_up else ([at], np.ones(1))
            carried[i, s] = _carried(scenario.starts, days, totals, at, n_months)
            level = max(abs(middle[i]), 1e-9)
            in_levels = 1.0 if adds_up else spread[i] / level / _FLOW_OF_SPREAD
            carried[i, s] *= in_levels * (1.0 if log[i] else level / spread[i])
    kind = np.array([kinds.index(f.measure) for f in figures])
    return Scales(tuple(figures), counts, log, spread, kinds, kind, carried.reshape(len(figures), -1), n_months)


def _carried(starts: dt.date, days: Sequence[dt.date], levels: Floats, at: dt.date, n_months: int) -> Floats:
    """Return the weight of the relative error of each month's flow in the relative error of a total.

    Parameters
    ----------
    days : sequence of date
        The dates of the total, increasing.
    levels : ndarray of float
        The total on these dates; the flow between two dates is taken to be even.
    """
    weights = np.zeros(n_months)
    ends = [(day - starts).days + 1 for day in days]
    last = (at - starts).days + 1
    begin, total = 0, max(levels[days.index(at)], 1e-9)
    for end, flow in zip(ends, np.diff(np.concatenate([[0.0], levels])), strict=True):
        if end > last:
            break
        for month in range(n_months):
            overlap = min(end, (month + 1) * _DAYS_PER_MONTH) - max(begin, month * _DAYS_PER_MONTH)
            weights[month] += max(0.0, overlap) / max(1, end - begin) * flow / total
        begin = end
    return weights
