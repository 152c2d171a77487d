"""One program on workload W, measured in this process: ``python -m tests.benchmarks.measure SUBJECT N_CASES``.

Print JSON: seconds of processor time, rows of the log, and peak memory in MB. The programs are docketsim's engines, the bare loop and
the peers; `tests.benchmarks.table` starts a fresh process for each measurement.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from tests.benchmarks.peers.log import Log, Size, Spent, since

__all__ = ["SUBJECTS", "Measurement", "Subject", "importable", "measure"]

Measurement = tuple[Spent, int]
"""What was spent, and how many rows the log has."""

SEED = 1


def _ours(name: str) -> Callable[[Size], Measurement]:
    """Return a measurement of one of docketsim's engines, from the loaded scenario to the log, including the drawing of cases."""

    def run(size: Size) -> Measurement:
        from simulations import SamplePath, make_plan
        from simulations.engines import compiled_engine, simpy_engine
        from tests.benchmarks.workload import workload

        path = SamplePath(SEED, 1)
        engine = simpy_engine if name == "simpy" else compiled_engine
        engine.simulate(make_plan(workload(600), path), path)
        scenario = workload(size.n_cases, size.n_courts)
        start = time.process_time()
        log = engine.simulate(make_plan(scenario, path), path)
        return since(start), len(log)

    return run


def _alone(name: str) -> Callable[[Size], Measurement]:
    """Return the best of several measurements of the kernel or the bare loop alone, after a warm-up on a few cases."""

    def run(size: Size) -> Measurement:
        from simulations import SamplePath, make_plan
        from tests.benchmarks import alone
        from tests.benchmarks.workload import workload

        path = SamplePath(SEED, 1)
        timed = getattr(alone, name)
        timed(make_plan(workload(600), path), path)
        plan = make_plan(workload(size.n_cases, size.n_courts), path)
        tries = [timed(plan, path) for _ in range(3 if size.n_cases < 1_000_000 else 2)]
        seconds = min(seconds for seconds, _ in tries)
        return Spent(seconds, since(0).peak_mb), tries[0][1]

    return run


def _peer(module: str, **options: bool) -> Callable[[Size], Measurement]:
    """Return a measurement of a peer."""

    def run(size: Size) -> Measurement:
        timed: Callable[..., tuple[Log, Spent]] = import_module(f"tests.benchmarks.peers.{module}").run
        log, spent = timed(size, SEED, **options)
        return spent, len(log)

    return run


def _cimba(size: Size) -> Measurement:
    """Return the best of several measurements of Cimba, with the peak memory of the first."""
    once = _peer("in_cimba")
    tries = [once(size) for _ in range(3 if size.n_cases < 1_000_000 else 2)]
    return Spent(min(spent.seconds for spent, _ in tries), tries[0][0].peak_mb), tries[0][1]


@dataclass(frozen=True)
class Subject:
    """A program to measure.

    Attributes
    ----------
    label : str
        The name in the table.
    needs : str
        The package that it needs.
    run : callable
    most : int, optional
        The largest number of cases to measure, for a program that is quadratic in the number of waiting cases.
    """

    label: str
    needs: str
    run: Callable[[Size], Measurement]
    most: int | None = None


SUBJECTS: dict[str, Subject] = {
    "kernel": Subject("docketsim, compiled engine alone", "numba", _alone("kernel_alone")),
    "bare": Subject("a loop in numba, written for W by hand", "numba", _alone("bare_alone")),
    "compiled": Subject("docketsim, compiled engine, with its cases drawn and its log in columns", "numba", _ours("compiled")),
    "cimba": Subject("Cimba", "cimba", _cimba),
    "simpy": Subject("docketsim, SimPy engine, with its cases drawn", "simpy", _ours("simpy")),
    "naive": Subject("SimPy and `transitions`, one process per case", "simpy", _peer("naive_simpy")),
    "registered": Subject(
        "the same, each case registered (`add_model`)", "simpy", _peer("naive_simpy", registered=True), most=20_000
    ),
    "ciw": Subject("Ciw", "ciw", _peer("in_ciw"), most=20_000),
    "salabim": Subject("salabim", "salabim", _peer("in_salabim")),
}


def importable(subject: str) -> bool:
    """Return whether the package that a program needs is installed."""
    return find_spec(SUBJECTS[subject].needs) is not None


def measure(subject: str, n_cases: int) -> dict[str, float]:
    """Run a program on workload W, and return the measurement."""
    spent, rows = SUBJECTS[subject].run(Size(n_cases))
    return {"seconds": spent.seconds, "peak_mb": spent.peak_mb, "rows": rows}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
