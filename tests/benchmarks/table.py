"""The tables of docs/explanation/speed.md: ``python -m tests.benchmarks.table`` measures and writes them.

Each measurement is a fresh process. The programs take turns, in several rounds if they are short, and the best counts, so
that other load on the machine affects all alike. A program is not run at a size where its growth so far predicts more
than `LONGEST`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.measure import SUBJECTS, importable
from tests.benchmarks.workload import write_workload

__all__ = ["main"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "speed.md"
BEGINS, ENDS = "<!-- bench -->", "<!-- /bench -->"

PROBE = 3_000
"""A size at which everything is run first, to see how it grows."""
SIZES = (11_682, 100_000, 300_000, 3_700_000)
MEMORY_AT = 100_000
LONGEST = 100.0
"""Seconds."""
SHORT = 3.0
"""Seconds up to which a measurement is repeated."""
MANY, FEWER = 1_000, 200
"""Replications of the pilot; the fewer where the many would take longer than `LONGEST`, twice over."""

Measured = dict[str, float]
Best = dict[tuple[str, int], Measured]


def _process(arguments: list[str]) -> Measured | None:
    """Run a Python process that prints JSON; ``None`` if it takes far longer than expected."""
    try:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=2 * LONGEST, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    measured: Measured = json.loads(done.stdout.splitlines()[-1])
    return measured


def _predicted(best: Best, subject: str, n_cases: int) -> float:
    """Return the seconds that a program would take, extrapolated from its growth between the two previous sizes."""
    known = sorted(n for name, n in best if name == subject)
    if not known:
        return math.inf if n_cases > PROBE else 0.0
    last = best[subject, known[-1]]["seconds"]
    if len(known) == 1:
        return last * n_cases / known[-1]
    before = best[subject, known[-2]]["seconds"]
    power = max(1.0, math.log(last / before) / math.log(known[-1] / known[-2]))
    return last * (n_cases / known[-1]) ** min(power, 2.0)


def measure_engines(sizes: tuple[int, ...]) -> Best:
    """Return the best measurement of each program at each size that it can run."""
    best: Best = {}
    subjects = [subject for subject in SUBJECTS if importable(subject)]
    for n_cases in (PROBE, *sizes):
        allowed = [s for s in subjects if _predicted(best, s, n_cases) <= LONGEST and n_cases <= (SUBJECTS[s].most or n_cases)]
        for lap in range(1 if n_cases in (PROBE, 3_700_000) else 3):
            for subject in allowed:
                known = best.get((subject, n_cases))
                if lap and (known is None or known["seconds"] > SHORT):
                    continue
                measured = _process(["-m", "tests.benchmarks.measure", subject, str(n_cases)])
                if measured is None:
                    continue
                # A number of rows far from the kernel's means another model. Our logs also have a row for each open case.
                rows = best["kernel", n_cases]["rows"] if ("kernel", n_cases) in best else measured["rows"]
                assert abs(measured["rows"] / rows - 1) < 0.2, (subject, n_cases, measured)
                if known is not None:
                    measured = {name: min(value, known[name]) for name, value in measured.items()}
                best[subject, n_cases] = measured
                print(f"{n_cases:>9,}  {subject:<10}  {measured['seconds']:9.3f} s  {measured['peak_mb']:7.0f} MB", flush=True)
    return best


def measure_runs() -> list[tuple[str, int, Measured]]:
    """Measure whole runs: each command from start to end, with the log on disk and all measures.

    Return for each run its name, the number of cases, and the minimum of each measurement over its repetitions.
    """
    kept: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory() as folder:

        def run(name: str, arguments: list[str]) -> Measured:
            measured = _watched([*arguments, "--quiet", "--out", str(Path(tempfile.mkdtemp(dir=folder), "run"))])
            before = kept.get(name, measured)
            kept[name] = {key: min(value, before[key]) for key, value in measured.items()}
            print(
                f"{name}: {measured['seconds']:.2f} s, {measured['busy']:.2f} s busy, {measured['peak_mb']:,.0f} MB", flush=True
            )
            return kept[name]

        runs = [(f"W, {n:,} cases", n, [str(write_workload(Path(tempfile.mkdtemp(dir=folder)), n))]) for n in SIZES[1:]]
        runs += [(f"`{name}`", _cases_of(name), [name]) for name in ("pilot", "nationwide")]
        for lap in range(3):
            for name, n_cases, arguments in runs:
                if lap < 2 or n_cases < 1_000_000:
                    run(name, arguments)
        some = _watched(["pilot", "--replications", "40", "--keep", "measures", "--quiet", "--out", str(Path(folder, "some"))])
        each = (some["seconds"] - kept["`pilot`"]["seconds"]) / 39
        many = MANY if each * MANY < 2 * LONGEST else FEWER
        name, n_cases = f"`pilot --replications {many} --keep measures`", many * _cases_of("pilot")
        run(name, ["pilot", "--replications", str(many), "--keep", "measures"])
    return [(name, n, kept[name]) for name, n in [*((name, n) for name, n, _ in runs), (name, n_cases)]]


def _cases_of(scenario: str) -> int:
    from simulations import SamplePath, load_scenario, make_plan

    return len(make_plan(load_scenario(scenario), SamplePath(1, 1)).cases)


def _watched(arguments: list[str]) -> Measured:
    """Run ``docketsim run``; return its seconds, its processor seconds, and the sum of the peak memory of its processes."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "simulations.cli", "run", *arguments], cwd=ROOT)
    peaks: dict[int, float] = {}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    while process.poll() is None:
        for number in _family(process.pid):
            try:
                status = Path(f"/proc/{number}/status").read_text()
            except OSError:
                continue
            words = status.partition("VmHWM:")[2].split()
            if words:
                peaks[number] = int(words[0]) / 1024
        time.sleep(0.02)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"docketsim run {' '.join(arguments)} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "busy": busy, "peak_mb": sum(peaks.values()) or math.nan}


def _family(number: int) -> list[int]:
    """Return a process and its descendants."""
    try:
        lists = [each.read_text() for each in Path(f"/proc/{number}/task").glob("*/children")]
    except OSError:
        lists = []
    return [number, *(each for child in " ".join(lists).split() for each in _family(int(child)))]


def _figure(value: float) -> str:
    """Format a number with two or three significant digits."""
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def _memory(measured: Measured) -> str:
    return "–" if math.isnan(measured["peak_mb"]) else f"{measured['peak_mb']:,.0f} MB"


def tables(best: Best, sizes: tuple[int, ...], runs: list[tuple[str, int, Measured]]) -> str:
    """Return the text of the section."""
    tools = ("Cimba", "Ciw", "salabim", "SimPy", "transitions", "numba")
    versions = ", ".join(f"{name} {version(name)}" for name in tools if find_spec(name.lower()))
    lines = [
        f"One run of `make bench`, {dt.date.today().isoformat()}: {os.cpu_count()} processors, {platform.machine()}, Python"
        f" {platform.python_version()}; {versions}. The figures are of that run only.",
        "",
        "Workload W is a plain queueing model: 60 courts with two reviewers and a queue each, one national pool, and cases that reopen. Processor"
        " time relative to that of the compiled engine alone, with the log in memory. The programs took turns, and the best of several runs counts:",
        "",
        "| Cases | " + " | ".join(f"{n:,}" for n in sizes) + f" | peak memory at {MEMORY_AT:,} |",
        "|---|" + "---:|" * (len(sizes) + 1),
    ]
    for subject, program in SUBJECTS.items():
        cells = []
        for n_cases in sizes:
            measured = best.get((subject, n_cases))
            cells.append("–" if measured is None else f"{_figure(measured['seconds'] / best['kernel', n_cases]['seconds'])} ×")
        memory = best.get((subject, MEMORY_AT))
        cells.append("–" if memory is None else _memory(memory))
        lines.append(f"| {program.label} | " + " | ".join(cells) + " |")
    per_case = {n: best["kernel", n]["seconds"] / n for n in sizes}
    base = per_case.get(100_000, per_case[sizes[0]])
    cells = [f"{_figure(per_case[n] / base)} ×" for n in sizes]
    lines.append("| the compiled engine's time per case, relative to that at 100,000 | " + " | ".join(cells) + " | |")
    lines += [
        "",
        f"A dash means that it would take longer than {LONGEST:.0f} seconds, or is not installed. Tests check that the waiting times and the"
        " numbers of moves of all programs agree with those of docketsim within sampling error.",
        "",
        "Whole runs, from the start of the command to its end, with the log on disk and all measures:",
        "",
        "| `docketsim run` | seconds | processor seconds | seconds per 100,000 cases | peak memory |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, n_cases, measured in runs:
        seconds = measured["seconds"]
        lines.append(
            f"| {name} | {seconds:.1f} | {measured['busy']:.1f} | {seconds / n_cases * 1e5:.2f} | {measured['peak_mb']:,.0f} MB |"
        )
    return "\n".join(lines)


def write(text: str) -> None:
    """Write the text between the two markers of the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not (begins and ends):
        raise SystemExit(f"{PAGE.name} has no {BEGINS} … {ENDS} to write between")
    PAGE.write_text(f"{before}{BEGINS}\n{text}\n{ENDS}{after}", encoding="utf-8")


def main() -> None:
    """Measure and write the tables; with ``--sizes``, print those of the given sizes only."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sizes", help="numbers of cases, with commas between; prints, and writes nothing")
    chosen = parser.parse_args().sizes
    sizes = tuple(int(n) for n in chosen.split(",")) if chosen else SIZES
    text = tables(measure_engines(sizes), sizes, measure_runs())
    print(text)
    if not chosen:
        write(text)


if __name__ == "__main__":
    main()
