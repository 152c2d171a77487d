"""The compiled kernel and the bare loop for workload W, each timed alone, with draws and the full log, on arrays made beforehand."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from simulations import SamplePath
from simulations.chance.draws import purpose_hash
from simulations.engines.kernel import arrays, loop
from simulations.engines.kernel_plan import kernel_plan
from tests.benchmarks.bare_loop import bare_loop

__all__ = ["bare_alone", "kernel_alone"]


def kernel_alone(plan: Any, path: SamplePath) -> tuple[float, int]:
    """Return the processor seconds of the compiled kernel alone, on arrays made beforehand, and its rows."""
    arguments = kernel_plan(plan, path)
    n = len(plan.cases)
    arguments["heap"] = np.zeros(n // 8 + 8 * arguments["margin"] + 1024, arrays.PENDING)
    arguments["far"] = np.zeros(n // 8 + 8 * arguments["margin"] + 1024, arrays.FAR)
    arguments["rows"] = _room_for_rows(n)
    for name, kind in (("holds", arrays.HOLD), ("moves", arrays.PAIR), ("batches", arrays.PAIR)):
        arguments[name] = np.empty(2 * n + 1000, kind)
    given = arrays.grouped(arguments)
    start = time.process_time()
    assert loop.run(*given) == arrays.DONE
    return time.process_time() - start, int(arguments["counters"][0]["n_rows"])


def bare_alone(plan: Any, path: SamplePath) -> tuple[float, int]:
    """Return the processor seconds of the loop written for W, on arrays made beforehand, and its rows."""
    arguments = kernel_plan(plan, path)
    cases, n = plan.cases, len(plan.cases)
    n_stations = len(plan.scenario.courts) + 1
    distributions = arguments["distributions"]
    heap, rows = np.zeros(n // 8 + 4096, arrays.PENDING), _room_for_rows(n)
    first, last = np.full(n_stations, -1, np.int64), np.full(n_stations, -1, np.int64)
    following = np.full(n, -1, np.int64)
    for c in range(n_stations - 1):
        mine = np.flatnonzero(cases.court == c)
        first[c], last[c] = mine[0], mine[-1]
        following[mine[:-1]] = mine[1:]
    names = ("activity:review", "activity:check", "event:crime", "activity:second_review")
    hashes = np.array([purpose_hash(name) for name in names], np.uint64)
    enabled, started, stage = (np.zeros(n, np.int64) for _ in range(3))

    def table(activity: int) -> int:
        return int(distributions[-3 - arguments["activities"][activity]["takes"]]["first"])  # equal for all cases

    given = (
        arguments["key"], cases.keys, cases.court.astype(np.int64), plan.scenario.horizon, table(0), table(1),
        arguments["unit"], arguments["rates"][0]["rate"], hashes, arguments["cells"], plan.scenario.pools["checkers"].sizes[0][0][1],
        heap, rows, first, last, np.zeros(n_stations, np.int64), enabled, started, stage, following,
    )  # fmt: skip
    start = time.process_time()
    result = bare_loop(*given)
    return time.process_time() - start, result


def _room_for_rows(n: int) -> Any:
    """Return room for the rows of n cases, which the operating system has provided already."""
    rows = arrays.aligned(2 * n + 1000, arrays.ROW)
    rows.view(np.uint8).fill(0)
    return rows
