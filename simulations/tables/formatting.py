"""Format numbers, estimates and dates for tables, figures and messages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from simulations.running.results import Contrast, Estimate
from simulations.tables.table import Cell

__all__ = [
    "court_title",
    "estimate_cell",
    "few",
    "few_came_in",
    "format_estimate",
    "format_half_width",
    "format_ratio",
    "format_replications",
    "format_when",
    "measure_cell",
    "number",
    "number_cell",
]

_FEW = 0.05
"""Least inflow, as a share of disposals, for which a clearance rate is shown."""


def number(value: float, unit: str) -> str:
    """Format a number with about three significant digits; a share with three decimals."""
    size = abs(value)
    if unit == "share":
        return f"{value:.3f}"
    if size >= 100 or (value == int(value) and unit == "cases"):
        return f"{value:,.0f}"
    if size >= 10 or unit == "cases":
        return f"{value:.1f}"
    return "0" if not size else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def number_cell(value: float, unit: str) -> Cell:
    """Return a cell with a number."""
    return Cell(number(value, unit), value)


def format_half_width(low: float | None, high: float | None, unit: str) -> str:
    """Format half the width of an interval, or return an empty text without an interval."""
    return "" if low is None or high is None else f" ± {number((high - low) / 2, unit)}"


def format_estimate(estimate: Estimate | None) -> str:
    """Format an estimate: the mean and half the width of its interval, or both ends of an asymmetric interval."""
    if estimate is None:
        return ""
    if estimate.mean is None:
        return f"in {estimate.n} of {estimate.of} runs" if estimate.n else "-"
    unit = " d" if estimate.unit == "days" else ""
    mean = number(estimate.mean, estimate.unit) if estimate.date is None else str(estimate.date)
    if not estimate.half_width:
        return mean if estimate.date is not None else mean + unit
    if not estimate.symmetric:
        low, high = (number(end or 0.0, estimate.unit) for end in (estimate.low, estimate.high))
        return f"{mean} ({low} to {high}){unit}"
    return f"{mean} ± {number(estimate.half_width, estimate.unit)}{unit}"


def estimate_cell(estimate: Estimate | None) -> Cell:
    """Return a cell with an estimate; an empty one for ``None``."""
    return Cell(format_estimate(estimate), None if estimate is None else estimate.mean)


def measure_cell(estimates: Mapping[tuple[str, Any], Estimate], measure: str, of: Any) -> Cell:
    """Return a cell with the estimate of a measure; a clearance rate of hardly any inflow is not shown.

    Parameters
    ----------
    estimates : mapping
        Estimates by measure and by court or group.
    measure : str
    of : str or None
        The court or group.
    """
    estimate = estimates.get((measure, of))
    if measure == "clearance_rate" and estimate is not None and few_came_in(estimates, of):
        return Cell("few came in")
    return estimate_cell(estimate)


def few_came_in(estimates: Mapping[tuple[str, Any], Estimate], of: Any) -> bool:
    """Return whether too few cases came in for a meaningful clearance rate of a court or group."""
    inflow, disposals = (estimates.get((name, of)) for name in ("inflow", "disposals"))
    return inflow is not None and disposals is not None and few(inflow.mean or 0.0, disposals.mean or 0.0)


def few(inflow: float, disposals: float) -> bool:
    """Return whether inflow is too small, compared with disposals, for a meaningful clearance rate."""
    return inflow < _FEW * disposals


def format_ratio(contrast: Contrast) -> str:
    """Format the ratio of the slowest to the fastest group, with half the width of its interval."""
    half = "" if contrast.low is None or contrast.high is None else f" ± {(contrast.high - contrast.low) / 2:.2f}"
    return f"{contrast.ratio:.2f}{half}"


def format_replications(n: int) -> str:
    """Format a number of replications."""
    return f"{n} replication{'s' if n > 1 else ''}"


def format_when(day: dt.date | None, ends: dt.date) -> str:
    """Format the time of a measure: the end of a day, or the end of the run for ``None``."""
    return f"at the end of {day}" if day is not None else f"at the end of the run, {ends}"


def court_title(court: str) -> str:
    """Return the title of a court."""
    return "all courts" if court == "all" else court
