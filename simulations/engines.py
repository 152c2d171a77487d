"""Which engine runs a plan? Both give the same log to the bit; it is a matter of speed only.

`simpy` is the readable reference, and the one that a user's own Python can take part in; `compiled` needs numba (the
extra ``fast``). `auto` takes the compiled one where the time to load it is won back.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Literal, get_args

from simulations import compiled_engine, simpy_engine
from simulations.draws import SamplePath
from simulations.eventlog import EventLog
from simulations.plan import Plan
from simulations.scenario import Scenario
from workflow.errors import InputError, nearest

__all__ = ["Chosen", "Engine", "check_engine", "choose_engine", "prepare", "simulate", "will_compile"]

Engine = Literal["auto", "simpy", "compiled"]
Chosen = Literal["simpy", "compiled"]

FEW_CASES = 25_000
"""Up to so many cases, over all replications, the SimPy engine is done before the compiled one is loaded."""

_MISSING = "the compiled engine needs numba: install the extra 'fast' (pip install 'docketsim[fast]')"


def check_engine(engine: str) -> None:
    """See whether there is such an engine, and whether it can run here.

    Raises
    ------
    InputError
        With the names of those that there are.
    """
    known = get_args(Engine)
    if engine not in known:
        raise InputError(
            [f"engine: must be {', '.join(known[:-1])} or {known[-1]}, not {engine!r}.{nearest(engine, known)}"]
        )
    if engine == "compiled" and not compiled_engine.available():
        raise InputError([f"{_MISSING}, or use --engine simpy"])


def choose_engine(engine: str, scenario: Scenario, replications: int, python: bool) -> Chosen:
    """Choose the engine of a run.

    Parameters
    ----------
    engine : str
    scenario : Scenario
    replications : int
    python : bool
        Whether hooks, processes or monitors take part, which only the SimPy engine has.

    Raises
    ------
    InputError
        If the compiled engine is asked for and cannot do it.
    """
    check_engine(engine)
    if engine == "compiled":
        if python:
            raise InputError(["hooks, processes and monitors take part in the SimPy engine only: use --engine simpy"])
        return "compiled"
    if engine == "simpy" or python or _about(scenario) * replications <= FEW_CASES:
        return "simpy"
    if compiled_engine.available():
        return "compiled"
    warnings.warn(f"a run of this size would be much faster: {_MISSING}", stacklevel=3)
    return "simpy"


def prepare(engine: Chosen) -> None:
    """Make an engine ready, once and here, so that it is not done in each of the processes at work."""
    if engine == "compiled":
        compiled_engine.compile_kernel()


def will_compile(engine: str, scenario: Scenario, replications: int, python: bool) -> bool:
    """Say whether a run would first compile the kernel, which is done once for an installation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chosen = choose_engine(engine, scenario, replications, python)
    return chosen == "compiled" and not compiled_engine.is_compiled()


def _about(scenario: Scenario) -> float:
    """Return about how many cases a replication has."""
    found = float(sum(backlog.count for backlog in scenario.backlog))
    for stream in scenario.streams:
        if stream.rate is not None:
            steps = [*stream.rate, (scenario.horizon, 0.0)]
            found += sum(max(0, b - max(a, 0)) * rate for (a, rate), (b, _) in itertools.pairwise(steps))
        elif stream.table is not None:
            found += len(stream.table)
        elif stream.interarrival is not None and stream.interarrival.law.mean > 0:
            found += min(scenario.horizon / stream.interarrival.law.mean, stream.count or float("inf"))
    return found


def simulate(engine: Chosen, plan: Plan, path: SamplePath) -> EventLog:
    """Run a plan on an engine."""
    return compiled_engine.simulate(plan, path) if engine == "compiled" else simpy_engine.simulate(plan, path)
