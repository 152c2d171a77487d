"""What two workflows decided otherwise when both were simulated, as lines of text."""

from __future__ import annotations

from simulations.comparing.case_pairs import DECIDED, ONE_ONLY
from simulations.comparing.decided import Decided
from simulations.tables.formatting import format_mean, format_replications, number


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
