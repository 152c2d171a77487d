"""Sentences about a comparison."""

from __future__ import annotations

from collections.abc import Mapping

from simulations.comparing.comparison import Comparison
from simulations.comparing.differences import Difference
from simulations.measuring.descriptors import Family, describe
from simulations.statements.of_runs import growing
from simulations.statements.statement import Claim, Statement
from simulations.tables.comparison import format_levels, row_size
from simulations.tables.formatting import court_title, format_mean, number
from simulations.tables.ranking import compared, ranked, stands_out


def difference_words(comparison: Comparison, d: Difference) -> str:
    """Describe a difference in the measure's own terms, such as ``14.0 ± 0.9 days earlier``."""
    measure, paired = describe(comparison.base)[d.measure], d.paired
    assert paired is not None
    if measure.is_date:
        words = ("later", "earlier")
    elif measure.family in (Family.WAITING, Family.PROCESSING):
        words = ("longer", "shorter")
    else:
        words = ("higher", "lower")
    low, high = paired.low, paired.high
    if paired.difference < 0 and low is not None and high is not None:
        low, high = -high, -low
    size = format_mean(abs(paired.difference), low, high, d.unit, words=True, size=row_size(d))
    cases = " cases" if d.unit == "cases" else ""
    return f"{size}{cases} {words[paired.difference < 0]}"


def difference(comparison: Comparison, d: Difference) -> Statement:
    """Say how a measure differs, with both values."""
    paired = d.paired
    assert paired is not None
    one, two = format_levels(comparison, d)
    where = "" if d.court == "all" else f" at {d.court}"
    always = f" in each of {paired.n} replications" if paired.constant else ""
    text = f"{d.measure}{where} is {difference_words(comparison, d)}{always}: {two} instead of {one}"
    values = {"against": d.against, "base": paired.base, "other": paired.other, "difference": paired.difference}
    return Statement(Claim.DIFFERENCE, text, d.measure, d.court, ends=comparison.base.ends, values=values)


def main_result(comparison: Comparison, against: str) -> list[Statement]:
    """Say how many measures differ, and how the most important one does."""
    measures = compared(comparison, against)
    n, n_clear = comparison.replications, sum(stands_out(comparison, d) for d in measures)
    n_same = sum(d.paired is not None and d.paired.same for d in measures)
    values = {"against": against, "clear": n_clear, "same": n_same, "measures": len(measures)}
    if n_same == len(measures):
        text = f"All {len(measures)} measures of a court are the same" + (f" in each of {n} replications" if n > 1 else "")
    elif n < 2:
        text = f"{n_clear} of {len(measures)} measures of a court differ in a single replication"
    elif not n_clear:
        text = f"No measure of a court differs significantly with {n} replications"
    else:
        text = f"{n_clear} of {len(measures)} measures of a court differ significantly or equally in all {n} replications"
    statements = [Statement(Claim.SIGNIFICANT, text, ends=comparison.base.ends, values=values)]
    order = ranked(comparison, against)
    return [*statements, difference(comparison, order[0])] if order else statements


def growing_in_each(comparison: Comparison) -> list[Statement]:
    """Say which queues were still growing at the end of each scenario."""
    return [
        statement
        for name, queues in comparison.growing.items()
        for statement in growing(queues, f" in {'the base' if name == 'base' else name}")
    ]


def unchanged(n_same: int, n_measures: int, when: str) -> Statement:
    """Say how many measures are exactly the same in every replication."""
    text = f"Exactly the same in every replication, {when}: {n_same} of {n_measures} measures of a court."
    return Statement(Claim.UNCHANGED, text, values={"same": n_same, "measures": n_measures})


def pending_levels(comparison: Comparison, last: Mapping[str, float], court: str) -> Statement:
    """List the pending cases of each scenario at a court, or at all together, at the end."""
    listed = "; ".join(f"{name} {number(n, 'cases')}" for name, n in last.items())
    text = f"Pending at the end of {comparison.base.ends}, {court_title(court)}: {listed}"
    return Statement(Claim.LEVELS, text, "pending", court, ends=comparison.base.ends, values=dict(last))
