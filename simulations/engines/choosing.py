"""Choose the engine of a run. Both engines give the same log, bit for bit; they differ in speed only.

`simpy` is the readable reference and supports users' hooks and processes. `compiled` needs numba (the extra ``fast``).
`auto` chooses the compiled engine when the run is large enough to repay the time to load it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

from simulations.chance.draws import SamplePath
from simulations.engines import compiled_engine, simpy_engine
from simulations.engines.simpy_engine import Monitoring
from simulations.engines.variants import is_special
from simulations.log.eventlog import EventLog, OnRows
from simulations.log.watching import Violation
from simulations.scenarios.plan import Plan
from simulations.scenarios.scenario import Scenario
from simulations.scenarios.workload import estimate
from workflow.errors import InputError, StuckCase, VisitCap, nearest

Engine = Literal["auto", "simpy", "compiled"]
Chosen = Literal["simpy", "compiled"]

FEW_CASES, SOME_CASES = 6_000, 25_000
"""Limits on the number of cases of all replications. Up to the first, the SimPy engine finishes before the compiled one is
loaded. Up to the second, it takes a few seconds, and to compile the other one takes half a minute, once. Whoever runs more will
run more again."""

_SECONDS_A_CASE: dict[Chosen, float] = {"simpy": 1e-4, "compiled": 1.2e-5}
_SECONDS_TO_START = 2.5
"""Time to start a process. Only its ratio to `_SECONDS_A_CASE` matters, which varies little between machines."""

_MISSING = "the compiled engine needs numba: install the extra 'fast' (pip install 'docketsim[fast]')"


def check_engine(engine: str) -> None:
    """Raise if an engine does not exist or cannot run here.

    Raises
    ------
    InputError
        With the names of the engines, or the extra to install.
    """
    known = get_args(Engine)
    if engine not in known:
        raise InputError([f"engine: must be {', '.join(known[:-1])} or {known[-1]}, not {engine!r}.{nearest(engine, known)}"])
    if engine == "compiled" and not compiled_engine.available():
        raise InputError([f"{_MISSING}, or use the engine simpy"])


def choose_engine(engine: str, scenario: Scenario, replications: int, python: bool) -> Chosen:
    """Choose the engine of a run.

    Parameters
    ----------
    engine : str
    scenario : Scenario
    replications : int
    python : bool
        Whether the run has hooks or processes, which only the SimPy engine supports.

    Raises
    ------
    InputError
        If the compiled engine is requested and cannot run it.
    """
    check_engine(engine)
    if engine == "compiled":
        if python:
            raise InputError(["hooks and processes take part in the SimPy engine only: use the engine simpy"])
        return "compiled"
    if engine == "simpy" or python or (cases := estimate(scenario).n_cases * replications) <= FEW_CASES:
        return "simpy"
    if compiled_engine.available():
        return "compiled" if cases > SOME_CASES or compiled_engine.is_compiled(is_special(scenario)) else "simpy"
    if cases > SOME_CASES:
        warnings.warn(f"a run of this size would be much faster: {_MISSING}", stacklevel=3)
    return "simpy"


def prepare(
    engine: Chosen, scenario: Scenario, announce: Callable[[str], AbstractContextManager[None]] = lambda what: nullcontext()
) -> None:
    """Compile what an engine needs for a scenario in this process, once per installation, so that worker processes need not.

    Parameters
    ----------
    announce : callable
        Shows a text while the engine is compiled. Default: nothing is shown.
    """
    if engine == "compiled" and not compiled_engine.is_compiled(special := is_special(scenario)):
        with announce("compiling the fast engine (once, about half a minute)"):
            compiled_engine.compile_kernel(special)


def sample_path(engine: Chosen, seed: int, replication: int) -> SamplePath:
    """Return the random draws of a replication: the same bits for both engines."""
    return (compiled_engine.CompiledPath if engine == "compiled" else SamplePath)(seed, replication)


def will_compile(engine: str, scenario: Scenario, replications: int) -> bool:
    """Return whether a run would compile the kernel first, which happens once per installation."""
    return _expected(engine, scenario, replications) == "compiled" and not compiled_engine.is_compiled(is_special(scenario))


def enough_workers(engine: str, scenario: Scenario, replications: int, runs: int = 1) -> int:
    """Return the number of worker processes that is worth starting, at most one per core.

    Parameters
    ----------
    replications : int
        Of one run.
    runs : int
        Number of consecutive runs that share the processes.
    """
    work = estimate(scenario).n_cases * replications * runs * _SECONDS_A_CASE[_expected(engine, scenario, replications)]
    return max(1, min(os.cpu_count() or 1, replications, int(work / _SECONDS_TO_START)))


def _expected(engine: str, scenario: Scenario, replications: int) -> Chosen:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return choose_engine(engine, scenario, replications, python=False)


def simulate(
    engine: Chosen, plan: Plan, path: SamplePath, monitor: Monitoring | None = None, violations: list[Violation] | None = None,
    on_rows: OnRows | None = None,
) -> EventLog:  # fmt: skip
    """Run a plan on an engine; see `simulations.engines.simpy_engine.simulate` for what is optional.

    The compiled engine checks rules on its finished log and finds the same violations.
    """
    if engine == "simpy":
        return simpy_engine.simulate(plan, path, monitor=monitor, violations=violations, on_rows=on_rows)
    try:
        log = compiled_engine.simulate(plan, path, on_rows)
    except (StuckCase, VisitCap):
        if monitor != "stop":
            raise
        return simpy_engine.simulate(plan, path, monitor=monitor)  # a rule may have been broken earlier
    if monitor is not None:
        from simulations.log.judging import violations_in

        broken = violations_in(log, stop=monitor == "stop")
        if violations is not None:
            violations += broken
    return log
