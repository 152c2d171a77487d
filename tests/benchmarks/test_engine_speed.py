"""How fast is the SimPy engine, and how much memory does a replication of the pilot take? Run with ``make bench``."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from simulations import SamplePath, load_scenario, make_plan, simulate

pytestmark = pytest.mark.benchmark


def test_cases_per_second_of_the_simpy_engine_on_the_pilot(capsys: pytest.CaptureFixture[str]) -> None:
    """One replication of the pilot, engine only, best of five: the target is 15,000 cases per second."""
    path = SamplePath(1, 1)
    plan = make_plan(load_scenario("pilot"), path)
    plan.cases.facts, plan.cases.records  # noqa: B018 - made once, before the clock starts
    best, rows = float("inf"), 0
    for _ in range(5):
        start = time.perf_counter()
        rows = len(simulate(plan, path))
        best = min(best, time.perf_counter() - start)
    with capsys.disabled():
        print(f"\npilot, SimPy engine: {len(plan.cases) / best:,.0f} cases and {rows / best:,.0f} rows a second ({best:.2f} s)")
    assert rows > len(plan.cases)


def test_peak_memory_of_a_replication_of_the_pilot(capsys: pytest.CaptureFixture[str]) -> None:
    """A process that loads, plans and simulates one replication: the target is less than 300 MB in total."""
    program = (
        "from pathlib import Path; from simulations import *; path = SamplePath(1, 1);"
        "log = simulate(make_plan(load_scenario('pilot'), path), path);"
        # getrusage would include the peak of the parent process.
        "print(len(log), Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    rows, kilobytes = (int(word) for word in done.stdout.split())
    with capsys.disabled():
        print(f"\npilot, one replication: peak memory {kilobytes / 1024:,.0f} MB")
    assert rows > 11_682
