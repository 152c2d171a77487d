"""Which rows of a comparison are tested, and which of them are one hypothesis.

Several rows often say the same: `all` beside the only court, or `pending` and `disposals` where the inflow is the same. Such
rows count once when p-values are corrected. A difference that is the same in every replication is not tested, nor is a
clearance rate where hardly any case came in.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from simulations.comparing.differences import Difference
from simulations.comparing.paired import holm, replications_needed
from simulations.scenarios.scenario import Scenario
from workflow.model.definition import StateKind

_FEWEST_FOR_VECTORS = 5
"""Least number of replications in which equal differences are no coincidence."""

_DIGITS = 9

Vector = Sequence[float | None]


def correct(
    differences: Sequence[Difference], vectors: Sequence[Vector], scenarios: Sequence[Scenario], alpha: float
) -> list[Difference]:
    """Correct the p-values over the distinct hypotheses, and estimate the replications needed.

    Parameters
    ----------
    differences : sequence of Difference
        Of one comparison.
    vectors : sequence of Vector
        The difference of each row in each replication; ``None`` where it has no value.
    scenarios : sequence of Scenario
        The base and the other scenario.
    alpha : float
        Level of the tests.

    Notes
    -----
    Rows whose vectors are equal, or equal but for the sign, are one hypothesis. With fewer than five replications vectors
    of different hypotheses are equal by coincidence; then only rows that are equal by definition are one.
    """
    tested = [i for i, d in enumerate(differences) if d.paired is not None and d.paired.p is not None and not d.few_came_in]
    key_of: dict[int, Hashable] = {
        i: _vector_key(vectors[i]) if _length(vectors[i]) >= _FEWEST_FOR_VECTORS else _name_key(differences[i], scenarios)
        for i in tested
    }
    numbers = {key: number for number, key in enumerate(dict.fromkeys(key_of.values()), start=1)}
    p_values: dict[Hashable, float] = {}
    for i, key in key_of.items():
        paired = differences[i].paired
        assert paired is not None
        assert paired.p is not None
        p_values.setdefault(key, paired.p)
    corrected = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    n_undecided = sum(p >= alpha for p in corrected.values())
    corrected_rows = list(differences)
    for i, key in key_of.items():
        paired, p = differences[i].paired, corrected[key]
        assert paired is not None
        needed = replications_needed(paired, alpha / n_undecided) if p >= alpha else None
        corrected_rows[i] = replace(differences[i], hypothesis=numbers[key], p_corrected=p, needed=needed)
    return corrected_rows


def _length(vector: Vector) -> int:
    return sum(d is not None for d in vector)


def _vector_key(vector: Vector) -> Hashable:
    """Return the same key for equal and for negated vectors, whatever the rounding of their last digits."""
    size = max(abs(d) for d in vector if d is not None)
    signs = [d > 0 for d in vector if d is not None and abs(d) > size * 10.0**-_DIGITS]
    sign = 1 if signs[0] else -1
    shape = tuple(None if d is None else round(sign * d / size, _DIGITS) + 0.0 for d in vector)
    return f"{size:.{_DIGITS}e}", shape


def _name_key(d: Difference, scenarios: Sequence[Scenario]) -> Hashable:
    """Return the same key for rows that are equal by definition."""
    court, at, measure = d.court, d.at, d.measure
    if all(len(scenario.courts) == 1 for scenario in scenarios):
        court = "all"
    if at == scenarios[0].ends:
        at = None
    if measure == "pending" and not any(_has_resting_state(scenario) for scenario in scenarios):
        measure = "unfinished"
    if measure.startswith("cost.") and all(_has_one_price(scenario) for scenario in scenarios):
        measure = "cost"
    return measure, court, at


def _has_resting_state(scenario: Scenario) -> bool:
    states = (state for workflow in scenario.workflows for state in workflow.states.values())
    return any(state.kind is StateKind.RESTING for state in states)


def _has_one_price(scenario: Scenario) -> bool:
    costs = scenario.costs
    return costs is not None and len(costs.pools) + len(costs.activities) == 1
