"""Which engine runs a plan? Both give the same log to the bit; it is a matter of speed only.

`simpy` is the readable reference, and the one that a user's own Python can take part in; `compiled` needs numba (the
extra ``fast``). `auto` takes the compiled one where the time to load it is won back.
"""

from __future__ import annotations

import itertools
import os
import warnings
from typing import Literal, get_args

from simulations.chance.draws import SamplePath
from simulations.engines import compiled_engine, simpy_engine
from simulations.engines.simpy_engine import Monitoring
from simulations.log.eventlog import EventLog
from simulations.log.watching import Violation
from simulations.scenarios.plan import Plan
from simulations.scenarios.scenario import Scenario
from workflow.errors import InputError, StuckCase, VisitCap, nearest

__all__ = [
    "Chosen",
    "Engine",
    "check_engine",
    "choose_engine",
    "enough_workers",
    "prepare",
    "sample_path",
    "simulate",
    "will_compile",
]

Engine = Literal["auto", "simpy", "compiled"]
Chosen = Literal["simpy", "compiled"]

FEW_CASES, SOME_CASES = 6_000, 25_000
"""Up to the first number of cases, over all replications, the SimPy engine is done before the compiled one is loaded; up to
the second, long before it is compiled, where that has not been done yet."""

_SECONDS_A_CASE: dict[Chosen, float] = {"simpy": 1e-4, "compiled": 1.2e-5}
_SECONDS_TO_START = 2.5
"""Of a process; only the proportion to the seconds a case matters, which is much the same on every machine."""

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
        Whether hooks or processes take part, which only the SimPy engine has.

    Raises
    ------
    InputError
        If the compiled engine is asked for and cannot do it.
    """
    check_engine(engine)
    if engine == "compiled":
        if python:
            raise InputError(["hooks and processes take part in the SimPy engine only: use --engine simpy"])
        return "compiled"
    if engine == "simpy" or python or (cases := _about(scenario) * replications) <= FEW_CASES:
        return "simpy"
    if compiled_engine.available():
        return "compiled" if cases > SOME_CASES or compiled_engine.is_compiled() else "simpy"
    if cases > SOME_CASES:
        warnings.warn(f"a run of this size would be much faster: {_MISSING}", stacklevel=3)
    return "simpy"


def prepare(engine: Chosen) -> None:
    """Make an engine ready, once and here, so that it is not done in each of the processes at work."""
    if engine == "compiled" and not compiled_engine.is_compiled():
        compiled_engine.compile_kernel()


def sample_path(engine: Chosen, seed: int, replication: int) -> SamplePath:
    """Return the chance of a replication: the same bits for every engine, drawn by the means that it has."""
    return (compiled_engine.CompiledPath if engine == "compiled" else SamplePath)(seed, replication)


def will_compile(engine: str, scenario: Scenario, replications: int) -> bool:
    """Say whether a run would first compile the kernel, which is done once for an installation."""
    return _expected(engine, scenario, replications) == "compiled" and not compiled_engine.is_compiled()


def enough_workers(engine: str, scenario: Scenario, replications: int, runs: int = 1) -> int:
    """Return how many processes are worth starting, one for each core at most.

    Parameters
    ----------
    replications : int
        Of one run.
    runs : int
        How many there are one after another, which share the processes.
    """
    work = _about(scenario) * replications * runs * _SECONDS_A_CASE[_expected(engine, scenario, replications)]
    return max(1, min(os.cpu_count() or 1, replications, int(work / _SECONDS_TO_START)))


def _expected(engine: str, scenario: Scenario, replications: int) -> Chosen:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return choose_engine(engine, scenario, replications, python=False)


def _about(scenario: Scenario) -> float:
    """Return about how many cases a replication has."""
    found = float(sum(backlog.count for backlog in scenario.backlog))
    for stream in scenario.streams:
        if stream.rate is not None:
            steps = [*stream.rate, (scenario.horizon, 0.0)]
            found += sum(max(0, b - max(a, 0)) * rate for (a, rate), (b, _) in itertools.pairwise(steps))
        elif stream.table is not None:
            found += len(stream.table)
        elif stream.interarrival is not None and stream.interarrival.distribution.mean > 0:
            found += min(scenario.horizon / stream.interarrival.distribution.mean, stream.count or float("inf"))
    return found


def simulate(
    engine: Chosen,
    plan: Plan,
    path: SamplePath,
    monitor: Monitoring | None = None,
    violations: list[Violation] | None = None,
) -> EventLog:
    """Run a plan on an engine; `monitor` and `violations` as for `simulations.engines.simpy_engine.simulate`.

    The compiled engine's rules are judged on its log, with the same violations.
    """
    if engine == "simpy":
        return simpy_engine.simulate(plan, path, monitor=monitor, violations=violations)
    try:
        log = compiled_engine.simulate(plan, path)
    except (StuckCase, VisitCap):
        if monitor != "stop":
            raise
        return simpy_engine.simulate(plan, path, monitor=monitor)  # a rule may have been broken before
    if monitor is not None:
        from simulations.log.judging import violations_in

        found = violations_in(log, stop=monitor == "stop")
        if violations is not None:
            violations += found
    return log
