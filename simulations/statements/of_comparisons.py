"""Sentences about a comparison."""

from __future__ import annotations

from collections.abc import Mapping

from simulations.comparing.comparison import Comparison
from simulations.comparing.differences import Difference
from simulations.measuring.descriptors import Family, describe
from simulations.statements.of_runs import growing
from simulations.statements.statement import Claim, Statement, join_names
from simulations.tables.comparison import format_levels, row_size
from simulations.tables.formatting import court_title, format_mean, number
from simulations.tables.ranking import compared, lead, ranked, stands_out, unchanged_courts

_MOST_DIFFERENCES, _MOST_COURTS = 3, 3


def difference_words(comparison: Comparison, d: Difference) -> str:
    """Describe a difference in the measure's own terms, such as ``14.0 ± 0.9 days earlier``."""
    measure, paired = describe(comparison.base)[d.measure], d.paired
    assert paired is not None
    if measure.is_date:
        words = ("later", "earlier")
    elif measure.family in (Family.WAITING, Family.PROCESSING):
        words = ("longer", "shorter")
    elif d.unit == "cases":
        words = ("more", "fewer")
    else:
        words = ("higher", "lower")
    low, high = paired.low, paired.high
    if paired.difference < 0 and low is not None and high is not None:
        low, high = -high, -low
    size = format_mean(abs(paired.difference), low, high, d.unit, words=True, size=row_size(d))
    return f"{size} {words[paired.difference < 0]}"


def difference(comparison: Comparison, d: Difference, claim: Claim = Claim.DIFFERENCE, lead_of: str | None = None) -> Statement:
    """Say how a measure differs, with both values.

    Parameters
    ----------
    lead_of : str, optional
        The court whose difference ranks so high, if another one is stated for it.
    """
    paired = d.paired
    assert paired is not None
    one, two = format_levels(comparison, d)
    where = "" if d.court == "all" else f", {court_title(d.court, comparison.base)}"
    always = f" in each of {paired.n} replications" if paired.constant else ""
    title = describe(comparison.base)[d.measure].title
    text = f"{title}{where}: {difference_words(comparison, d)}{always}, {two} instead of {one}"
    values = {"against": d.against, "base": paired.base, "other": paired.other, "difference": paired.difference}
    values["lead_of"] = lead_of or d.court
    return Statement(claim, text, d.measure, d.court, ends=comparison.base.ends, values=values)


def main_result(comparison: Comparison, against: str) -> list[Statement]:
    """Say how many measures differ, how the most important ones do, and which courts do not change."""
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
        text = f"{n_clear} of {len(measures)} measures of a court differ significantly, or by the same amount in each of {n} replications"
    statements = [Statement(Claim.SIGNIFICANT, text, ends=comparison.base.ends, values=values)]
    by_measure: dict[str, Difference] = {}
    for d in ranked(comparison, against):
        by_measure.setdefault(d.measure, d)
    for k, d in enumerate([*by_measure.values()][:_MOST_DIFFERENCES]):
        statements.append(difference(comparison, lead(comparison, d), Claim.ALSO if k else Claim.DIFFERENCE, d.court))
    return [*statements, *same_courts(comparison, against)]


def same_courts(comparison: Comparison, against: str) -> list[Statement]:
    """Say which courts do not change at all, if other courts do."""
    same, courts = unchanged_courts(comparison, against), comparison.base.courts
    if not same:
        return []
    titles = [court_title(court, comparison.base) for court in same]
    who = join_names(titles) if len(same) <= _MOST_COURTS else f"{len(same)} of {len(courts)} courts"
    always = f" in any of {comparison.replications} replications" if comparison.replications > 1 else ""
    text = f"{who} {'does' if len(same) == 1 else 'do'} not change{always}"
    values = {"against": against, "courts": same, "n": len(same), "of": len(courts)}
    return [Statement(Claim.SAME_COURTS, text, ends=comparison.base.ends, values=values)]


def answer_of_comparison(comparison: Comparison) -> list[Statement]:
    """Say in a few sentences what a comparison shows: the most important differences, courts that do not change, and warnings."""
    sentences: list[Statement] = []
    for name in comparison.against:
        count, *main = main_result(comparison, name)
        sentences += main or [count]
    return [*sentences, *growing_in_each(comparison)]


def growing_in_each(comparison: Comparison) -> list[Statement]:
    """Say which queues were still growing at the end of each scenario."""
    return [
        statement
        for name, queues in comparison.growing.items()
        for statement in growing(queues, f" in {'the base' if name == 'base' else name}", comparison.base)
    ]


def unchanged(n_same: int, n_measures: int, when: str) -> Statement:
    """Say how many measures are exactly the same in every replication."""
    text = f"Exactly the same in every replication, {when}: {n_same} of {n_measures} measures of a court."
    return Statement(Claim.UNCHANGED, text, values={"same": n_same, "measures": n_measures})


def pending_levels(comparison: Comparison, last: Mapping[str, float], court: str) -> Statement:
    """List the pending cases of each scenario at a court, or at all together, at the end."""
    listed = "; ".join(f"{name} {number(n, 'cases')}" for name, n in last.items())
    text = f"Pending at the end of {comparison.base.ends}, {court_title(court, comparison.base)}: {listed}"
    return Statement(Claim.LEVELS, text, "pending", court, ends=comparison.base.ends, values=dict(last))
