"""The difference between two workflows as lines of text: what they could decide otherwise, and what they did."""

from __future__ import annotations

from simulations.comparing.case_pairs import DECIDED, ONE_ONLY
from simulations.comparing.decided import Decided
from simulations.tables.formatting import format_mean, format_replications, number
from workflow.model.definition import as_written
from workflow.proving.difference import Difference


def render_difference(difference: Difference, of: str) -> list[str]:
    """Return which cases could be decided otherwise.

    Parameters
    ----------
    of : str
        What was counted, such as ``people of pilot``.
    """
    a, b = difference.one, difference.other
    lines = [
        f"{difference.total:,} {of}: {difference.could_differ:,} could be decided otherwise by {b.name} than by {a.name} in some"
        f" course of events; {difference.same:,} are decided alike in every one"
    ]
    for region in difference.regions:
        odd = {k: v for k, v in region.example.items() if k in a.facts and v != a.defaults[k]}
        example = ", ".join(f"{k} = {as_written(v)}" for k, v in odd.items()) or "every fact at its default"
        lines += [
            f"\n{region.count:,} could be decided otherwise"
            + (f" when {region.when}" if region.example else ", whatever their facts"),
            *([f"  for example {example}"] if region.example else []),
            f"  decided by {b.name}, unlike {a.name}:",
            *(f"    {change}" for change in region.decided),
        ]
    return lines


def render_decided(decided: Decided) -> list[str]:
    """Return how many cases were decided otherwise when both workflows were simulated."""
    n, level = decided.options.replications, decided.options.confidence
    how = format_replications(n) + (f", means ± half a {level:.0%} confidence interval" if n > 1 else "")
    counts = (decided.pairs[DECIDED], decided.pairs[ONE_ONLY])
    otherwise, one_only = (format_mean(p.mean, p.low, p.high, "cases") for p in counts)
    return [
        f"Simulated to {decided.ends} with both workflows ({how}, seed {decided.options.seed}):",
        f"  {otherwise} of {number(decided.n_cases, 'cases')} cases were decided otherwise: in another state, or by another transition",
        f"  {one_only} were decided under one workflow only",
    ]
