"""The compiled engine: the log of `simulations.engines.simpy_engine`, to the bit, at the machine's limit."""

from __future__ import annotations

import inspect
import os
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.chance.draws import SamplePath, purpose_hash
from simulations.log.eventlog import HORIZON, NEVER, EventLog, Words
from simulations.scenarios.plan import Plan
from workflow.model.definition import StateKind

__all__ = ["CompiledPath", "available", "compile_kernel", "is_compiled", "simulate"]

Integers = NDArray[np.int64]

ROWS_AT_ONCE = 1 << 13
LEAST_HEAP = 1 << 14
_COLUMNS = {
    "case_id": "case", "transition": "transition", "cause": "cause", "from_state": "from_state", "to_state": "to_state",
    "activity": "activity", "pool": "pool", "server": "server", "enabled_at": "enabled", "started_at": "started",
    "completed_at": "completed", "outcome": "outcome", "happened_at": "happened",
}  # fmt: skip


def available() -> bool:
    """Say whether numba is installed (the extra ``fast``)."""
    return find_spec("numba") is not None


def is_compiled() -> bool:
    """Say whether the kernel is in numba's cache, so that it need not be compiled (some twenty seconds) first."""
    if _never_compiled():
        return False
    from simulations.engines import kernel

    if not _is_kept(kernel):
        return bool(kernel.run.signatures)
    try:
        return bool(kernel.run.signatures or kernel.run._cache._cache_file._load_index())
    except Exception:  # what numba keeps inside may change; then nothing is announced
        return True


def _never_compiled() -> bool:
    """Say, without loading numba, whether there is nothing in the folder beside this file in which it keeps what it can."""
    kept = Path(__file__).parent / "__pycache__"
    usable = "NUMBA_CACHE_DIR" not in os.environ and kept.is_dir() and os.access(kept, os.W_OK)
    return usable and not any(kept.glob("kernel.run-*.nbi"))


def _is_kept(kernel: Any) -> bool:
    """Say whether the compiled kernel is kept for the next process."""
    return bool(kernel.run.stats.cache_path)


def compile_kernel() -> None:
    """Compile the kernel, or load it from the cache, on three cases; once for a process."""
    from simulations.engines import kernel
    from simulations.loading import load_scenario
    from simulations.scenarios.plan import make_plan

    if kernel.run.signatures:
        return
    if not _is_kept(kernel):
        warnings.warn(
            "the compiled engine has no folder to be kept in and is compiled anew each time: set NUMBA_CACHE_DIR to a"
            " folder that can be written to",
            stacklevel=2,
        )
    path = CompiledPath(1, 1)
    simulate(make_plan(load_scenario(Path(__file__).parents[1] / "checks" / "D5.yaml"), path), path)


@dataclass(frozen=True, slots=True)
class CompiledPath(SamplePath):
    """The chance of one replication, drawn for many cases at once by compiled code: the same bits."""

    def many(self, case_keys: NDArray[np.uint64], purpose: str, visit: int | NDArray[Any]) -> tuple[Integers, Integers]:
        """Draw the two uniforms of many cases; see `SamplePath.many`."""
        from simulations.engines import kernel

        keys = np.ascontiguousarray(case_keys, np.uint64)
        visits = np.empty(keys.shape, np.uint64)
        visits[:] = visit
        lengths, outcomes = np.empty(keys.shape, np.int64), np.empty(keys.shape, np.int64)
        kernel.draw(np.array(self.key, np.uint64), keys, np.uint64(purpose_hash(purpose)), visits, lengths, outcomes)
        return lengths, outcomes


def simulate(plan: Plan, path: SamplePath) -> EventLog:
    """Run a plan on the compiled engine.

    Parameters
    ----------
    plan : Plan
    path : SamplePath
        The source of draws, the one that the plan was made with.

    Returns
    -------
    EventLog

    Raises
    ------
    InputError
        If the model is too large for tables.
    StuckCase, VisitCap
        As the SimPy engine, which tells the case's history.
    """
    from simulations.engines import kernel
    from simulations.engines.kernel_plan import kernel_plan

    arguments = kernel_plan(plan, path)
    arguments["heap"] = np.zeros(max(LEAST_HEAP, arguments["margin"] + 1), kernel.PENDING)
    arguments["far"] = np.zeros(max(LEAST_HEAP, arguments["margin"] + 2), kernel.FAR)
    arguments["rows"] = np.empty(ROWS_AT_ONCE + len(plan.scenario.workflow.states) + 8, kernel.ROW)
    order = list(inspect.signature(kernel.run.py_func).parameters)
    words = Words.of(plan.scenario)
    types, parts = words.types(), list[dict[str, Any]]()
    while True:
        code = kernel.run(*(arguments[name] for name in order))
        scalars, rows = arguments["scalars"], arguments["rows"]
        if code in (kernel.STUCK, kernel.TOO_MANY_VISITS):
            from simulations.engines.simpy_engine import simulate as readable

            return readable(plan, path)  # comes to the same case, and tells its history
        if code in (kernel.HEAP_FULL, kernel.FAR_FULL):
            name = "heap" if code == kernel.HEAP_FULL else "far"
            full = arguments[name]
            arguments[name] = np.concatenate([full, np.zeros(len(full) + arguments["margin"], full.dtype)])
            continue
        parts.append({name: rows[: scalars[kernel.N_ROWS]][_COLUMNS[name]].astype(of) for name, of in types.items()})
        scalars[kernel.N_ROWS] = 0
        if code == kernel.DONE:
            break
    parts.append(_closing(plan, arguments, words))
    arguments.clear()  # as much memory again as the log
    columns = {name: np.concatenate([part.pop(name) for part in parts]) for name in _COLUMNS}
    return EventLog(plan.cases, words, columns)


def _closing(plan: Plan, arguments: dict[str, Any], words: Words) -> dict[str, Any]:
    """Return a row for each case that is open at the end, in columns: right-censored."""
    cases, workflow = arguments["cases"], plan.scenario.workflow
    final = np.array([s.kind is StateKind.FINAL for s in workflow.states.values()])
    state = np.ascontiguousarray(cases["state"])
    open_ = np.flatnonzero((state >= 0) & ~final[state])
    n, at = len(open_), state[open_]
    columns = {name: np.full(n, NEVER if name.endswith("_at") else -1, of) for name, of in words.types().items()}
    columns["case_id"][:], columns["from_state"][:], columns["to_state"][:] = open_, at, at
    columns["cause"][:] = words.cause.index(HORIZON)
    columns["happened_at"][:] = plan.scenario.horizon
    busy = np.flatnonzero(cases["status"][open_] != 0)  # only in a state with an activity
    here = cases[open_[busy]]
    columns["activity"][busy] = activity = arguments["states"]["activity"][here["state"]]
    columns["pool"][busy] = arguments["activities"]["pool"][activity]
    columns["enabled_at"][busy] = here["enabled"]
    columns["started_at"][busy] = np.where(here["status"] == 1, NEVER, here["started"])
    columns["server"][busy] = np.where(here["status"] == 2, here["server"], -1)
    return columns
