"""How many cases of a scenario two workflows decided otherwise, when both were simulated.

A case that *could* be decided otherwise (`workflow.proving.difference`) seldom is: the event that it takes may never
come, or the outcome may be one that both workflows treat alike. And a case that both decide alike may still end otherwise,
because queues change the order of what happens to it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulations.comparing.case_pairs import Pairs
from simulations.comparing.comparison import compare
from simulations.loading import load_scenario
from simulations.running.options import RunOptions
from simulations.running.progress import Progress


@dataclass(frozen=True)
class Decided:
    """The ends of the same cases under two workflows.

    Attributes
    ----------
    pairs : dict of str to Pairs
        By category of the case-by-case comparison, all courts together; means over the replications.
    """

    ends: str
    options: RunOptions
    pairs: dict[str, Pairs]

    @property
    def n_cases(self) -> float:
        """Return the mean number of cases."""
        return sum(pairs.mean for pairs in self.pairs.values())

    def json(self) -> dict[str, Any]:
        """Return it as ``--json`` prints it."""
        of_options = {name: getattr(self.options, name) for name in ("replications", "seed", "confidence")}
        cases = [{name: value for name, value in p.json().items() if name != "court"} for p in self.pairs.values()]
        return {"until": self.ends, **of_options, "cases": self.n_cases, "pairs": cases}


def simulate_both(one: str, other: str, scenario: str | Path, options: RunOptions, progress: Progress = None) -> Decided:
    """Run a scenario under two workflows with the same cases and draws, and count the cases that end otherwise.

    Parameters
    ----------
    one, other : str
        Names or paths of the workflows; they replace that of the scenario.
    options : RunOptions
        With event logs. The run folders are temporary.

    Raises
    ------
    InputError
        If the scenario does not fit a workflow.
    """
    sides = [load_scenario(scenario, [f"workflow={name}"]) for name in (one, other)]
    with tempfile.TemporaryDirectory() as folder:
        options = replace(options, measures=("pending",))
        comparison = compare(*sides, out=Path(folder) / "both", options=options, progress=progress)
    (pairs,) = comparison.cases.values()
    return Decided(str(sides[0].ends), options, {p.what: p for p in pairs if p.court == "all"})
