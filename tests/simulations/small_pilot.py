"""A pilot of 300 cases, small enough for tests of the results of a run."""

from __future__ import annotations

from pathlib import Path

from simulations import RunResult, load_scenario, run

__all__ = ["run_small_pilot"]


def run_small_pilot(folder: Path) -> RunResult:
    """Run two replications into a folder."""
    sizes = ["courts.denver.backlog.pending.count=200", "courts.baltimore.backlog.pending.count=100"]
    return run(load_scenario("pilot", sizes), replications=2, seed=1, out=folder, by=["represented"], engine="simpy")
