"""The compiled engine on workload W, compared with a loop written for W alone and with the SimPy engine.

The table in docs/explanation/speed.md has the other sizes, and the other tools.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("numba")

from simulations import SamplePath, make_plan
from simulations.engines import compiled_engine, simpy_engine
from tests.benchmarks.alone import bare_alone, kernel_alone
from tests.benchmarks.workload import workload

pytestmark = pytest.mark.benchmark


def test_workload_w_against_a_loop_written_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    """300,000 cases, engine only, with draws and the full log: the target is 1.3 times the bare loop, at most 1.7 times."""
    path = SamplePath(1, 1)
    plan = make_plan(workload(300_000), path)
    pairs = [(kernel_alone(plan, path), bare_alone(plan, path)) for _ in range(8)][1:]
    ours, bare = (min(pair[k][0] for pair in pairs) for k in (0, 1))
    # The bare loop draws only one date of the hazard, so slightly fewer cases reopen.
    assert pairs[0][0][1] == pytest.approx(pairs[0][1][1], rel=1e-3)
    with capsys.disabled():
        print(
            f"\nW, 300,000 cases, {pairs[0][0][1]:,} rows: compiled {ours * 1e3:,.1f} ms, bare loop {bare * 1e3:,.1f} ms:"
            f" {ours / bare:.2f} x"
        )


def test_workload_w_against_the_readable_engine(capsys: pytest.CaptureFixture[str]) -> None:
    """The same log, 11,682 cases."""
    path = SamplePath(1, 1)
    plan = make_plan(workload(11_682), path)
    compiled_engine.simulate(plan, path)
    start = time.perf_counter()
    fast = compiled_engine.simulate(plan, path)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    readable = simpy_engine.simulate(plan, path)
    theirs = time.perf_counter() - start
    assert all(np.array_equal(fast.columns[name], readable.columns[name]) for name in fast.columns)
    with capsys.disabled():
        print(f"\nW, 11,682 cases: compiled {ours * 1e3:,.1f} ms, SimPy {theirs * 1e3:,.0f} ms: {theirs / ours:.0f} x")
