"""Which differences of a comparison matter most."""

from __future__ import annotations

import datetime as dt

from simulations.comparing.comparison import Comparison
from simulations.comparing.differences import Difference
from simulations.measuring.descriptors import Family, describe
from simulations.tables.comparison import is_clear

OF_SERVERS = (Family.PROCESSING, Family.UTILISATION, Family.OVERTIME)
"""Families of measures of the work of servers, which often differ because it was changed."""


def compared(comparison: Comparison, against: str, at: dt.date | None = None) -> list[Difference]:
    """Return the differences on a day, or at the end of the run, that mean something.

    Left out: measures without a value, those of the only court (they say the same as those of all courts), and clearance
    rates where hardly any case came in.
    """
    only_court = comparison.base.courts[0] if len(comparison.base.courts) == 1 and not comparison.selection.courts else None
    differences = [d for d in comparison.differences if d.against == against and d.at == at and d.paired is not None]
    return [d for d in differences if d.court != only_court and not d.few_came_in]


def stands_out(comparison: Comparison, d: Difference) -> bool:
    """Return whether a difference is significant, or not 0 and the same in every replication."""
    if d.paired is None or d.paired.same:
        return False
    return is_clear(comparison, d) or d.paired.constant


def importance(d: Difference) -> float:
    """Return the size of a difference against its interval, in the measure's own terms: from 0 to 2.

    It is the part of the difference that its interval leaves certain (its size less half of the width of the interval),
    relative to the larger of the two values. A date counts in days since the start of the run.
    """
    paired = d.paired
    if paired is None or not paired.difference:
        return 0.0
    half = 0.0 if paired.low is None or paired.high is None else (paired.high - paired.low) / 2
    return max(0.0, abs(paired.difference) - half) / max(abs(paired.base), abs(paired.other))


def ranked(comparison: Comparison, against: str, at: dt.date | None = None) -> list[Difference]:
    """Return the differences on a day, or at the end of the run, that stand out, the most important first.

    Differences of all courts together come before those of one court, but a measure that the scenario shows keeps its place where
    it stands out at single courts only; then the measures that the scenario shows, in its order; then what happens to cases before the work of the servers. Left out: percentiles and parts of a mean time, and a measure that
    differs by exactly as much as one that ranks higher, such as `disposals` beside `pending`.
    """
    show = {name: k for k, name in enumerate(comparison.base.show)}
    measures = describe(comparison.base)

    def order(d: Difference) -> tuple[bool, int, bool, float]:
        of_one_court = d.court != "all" and (d.measure in together or d.measure not in show)
        return of_one_court, show.get(d.measure, len(show)), measures[d.measure].family in OF_SERVERS, -importance(d)

    chosen = [d for d in compared(comparison, against, at) if stands_out(comparison, d) and not comparison.is_detail(d)]
    together = {d.measure for d in chosen if d.court == "all"}
    kept: dict[tuple[str, float, float], Difference] = {}
    for d in sorted(chosen, key=order):
        assert d.paired is not None
        kept.setdefault((d.unit, round(abs(d.paired.difference), 9), round(d.paired.spread, 9)), d)
    return list(kept.values())


def lead(comparison: Comparison, d: Difference) -> Difference:
    """Return the difference that a sentence states for one of all courts together: that of a court, if only this one differs."""
    courts = comparison.base.courts
    if d.court != "all" or len(courts) < 2 or comparison.selection.courts:
        return d
    of_courts = [o for o in compared(comparison, d.against, d.at) if o.measure == d.measure and o.court in courts]
    differing = [o for o in of_courts if o.paired is not None and not o.paired.same]
    if len(of_courts) == len(courts) and len(differing) == 1 and stands_out(comparison, differing[0]):
        return differing[0]
    return d


def unchanged_courts(comparison: Comparison, against: str) -> list[str]:
    """Return the courts of which every measure is the same in every replication, if other courts are not."""
    courts = comparison.base.courts
    if len(courts) < 2 or comparison.selection.courts or comparison.selection.measures:
        return []
    differing = {d.court for d in compared(comparison, against) if d.paired is not None and not d.paired.same}
    return [court for court in courts if court not in differing] if differing & {*courts} else []
