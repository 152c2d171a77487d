"""Run mutants in forks of one process that has imported docketsim, and judge how each ends.

Three things make a mutant cheap, and change nothing of what is judged. The limits of work are lowered, so that a mutant
which is not refused is small; one that then takes long or much memory was estimated too low. A workflow whose file is the
valid one is loaded once. In four of five batches the connections to DuckDB share one locked database, in which each has a
catalog of its own, because opening a database takes longer than most mutants.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.fuzzing.bases import write_valid
from tests.fuzzing.mutants import Mutant, Mutants

MOST_SECONDS, MOST_MEGABYTES = 10.0, 1000.0
LIMITS = {"MOST_CASES": 300, "MOST_EVENTS": 3000, "MOST_ALTOGETHER": 1000, "MOST_COURT_DAYS": 10_000}
_BATCH = 1000
_HANGS = 60
"""Seconds of processor time after which a batch is taken to hang in one mutant."""
_LINES = 60
"""Maximum number of lines of a message: fifty mistakes, and some more."""
_MOST_CHARACTERS = 4000
"""Maximum length of a line of a message."""


_SERVING = ("app", "cluster")
"""Commands that run until they are interrupted."""


def _parameters(command: Any) -> dict[str, Any]:
    """Return the parameters of each command that ends by itself."""
    return {name: one.params for name, one in command.commands.items() if name not in _SERVING}


def run_mutants(first: int, last: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Run mutants, and yield each finding, then a summary."""
    from typer.main import get_command

    from simulations.cli import app
    from tests.command_server import import_everything

    import_everything()
    command = get_command(app)
    _lower_limits()
    counts: dict[str, int] = {}
    slowest, most = 0.0, 0.0
    with tempfile.TemporaryDirectory(prefix="docketsim-fuzzing-", dir=_quick_folder()) as scratch:
        valid = Path(scratch) / "valid"
        valid.mkdir()
        if (child := os.fork()) == 0:  # DuckDB starts threads, which a fork of this process would miss
            code = 1
            try:
                write_valid(valid)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        mutants = Mutants(valid, _parameters(command), seed)
        _load_once(mutants.valid)
        begin = first
        while begin <= last:
            end = min(begin + _BATCH - 1, last)
            for report in _in_fork(command, mutants, begin, end, Path(scratch)):
                begin = report["mutant"] + 1
                mutant = mutants[report["mutant"]]
                if report["finding"]:
                    yield {**report, "arguments": mutant.arguments, "kind": mutant.kind}
                key = f"{mutant.kind} {report['code']}"
                counts[key] = counts.get(key, 0) + 1
                slowest, most = max(slowest, report["seconds"]), max(most, report["megabytes"])
    used = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    yield {
        "mutants": last - first + 1, "codes": dict(sorted(counts.items())), "slowest": slowest, "megabytes": round(most),
        "seconds": round(sum(u.ru_utime + u.ru_stime for u in used), 1), "finding": "",
    }  # fmt: skip


def write_mutant(number: int, seed: int, folder: Path) -> list[str]:
    """Write the valid files and those of a mutant to an empty folder, and return its command line."""
    from typer.main import get_command

    from simulations.cli import app

    write_valid(folder)
    mutant = Mutants(folder, _parameters(get_command(app)), seed)[number]
    for name, raw in mutant.files.items():
        (folder / name).write_bytes(raw)
    return mutant.arguments


def _quick_folder() -> str | None:
    """Return a folder in memory, if there is one: every part of a run is written to disk at once."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


# cheaper -------------------------------------------------------------------------------------------


def _lower_limits() -> None:
    from simulations.engines import simpy_engine
    from simulations.scenarios import workload

    for name, value in LIMITS.items():
        assert hasattr(workload, name)
        setattr(workload, name, value)
    assert simpy_engine.MOST_VISITS
    simpy_engine.MOST_VISITS = 50  # type: ignore[misc]


def _replace(module: str, name: str, value: Any) -> None:
    """Replace a function wherever it was imported."""
    original = getattr(sys.modules[module], name)
    for other in list(sys.modules.values()):
        if getattr(other, "__name__", "").startswith(("workflow.", "simulations.")) and vars(other).get(name) is original:
            setattr(other, name, value)


def _load_once(valid: dict[str, bytes]) -> None:
    """Remember the workflows of valid files."""
    from workflow.loading.workflows import load_workflow

    @functools.lru_cache(maxsize=100)
    def remembered(path: str) -> Any:
        return load_workflow(path)

    def load(workflow: Any, beside: Path | None = None) -> Any:
        path = Path(beside or ".", str(workflow)) if isinstance(workflow, str | Path) else Path()
        if path.name not in alone or not path.is_file() or path.read_bytes() != valid[path.name]:
            return load_workflow(workflow, beside)
        return remembered(str(path))

    alone = {name for name, raw in valid.items() if b"extends:" not in raw}  # what a file extends may be a mutant

    _replace("workflow.loading.workflows", "load_workflow", load)


def _share_database(folder: Path) -> None:
    """Let connections share a locked database, which reaches the files of a folder."""
    import duckdb

    database, numbers = duckdb.connect(), itertools.count()
    folders = f"['{folder}', '{tempfile.gettempdir()}']"
    for setting in (
        "threads = 1", "python_enable_replacements = false", f"allowed_directories = {folders}",
        "enable_external_access = false", "lock_configuration = true",
    ):  # fmt: skip
        database.execute(f"set {setting}")

    @contextlib.contextmanager
    def reader(paths: Iterable[str | Path], threads: int | None = None) -> Iterator[Any]:
        with database.cursor() as cursor:
            catalog = f"catalog_{next(numbers)}"
            cursor.execute(f"attach ':memory:' as {catalog}; use {catalog}")
            try:
                yield cursor
            finally:
                cursor.execute(f"use memory; detach {catalog}")

    _replace("workflow.sql.reading", "reader", reader)


# running -------------------------------------------------------------------------------------------


def _in_fork(command: Any, mutants: Mutants, first: int, last: int, scratch: Path) -> Iterator[dict[str, Any]]:
    """Run a batch in a fork; a fork that ends early is a finding of the mutant that it was running."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            _run_batch(command, mutants, first, last, scratch, writing)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    expected = first
    with open(reading, encoding="utf-8") as reports:
        for line in reports:
            expected += 1
            yield json.loads(line)
    _, status = os.waitpid(child, 0)
    if expected <= last:
        hangs = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM)
        finding = f"the process ended: {status}{' (it hangs)' if hangs else ''}"
        yield {"mutant": expected, "finding": finding, "code": None, "seconds": 0.0, "megabytes": 0.0, "error": ""}


def _run_batch(command: Any, mutants: Mutants, first: int, last: int, scratch: Path, writing: int) -> None:
    from simulations.running.shared import collect_seldom

    folder = scratch / "work"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(scratch / "valid", folder)
    os.chdir(folder)
    if first // _BATCH % 5 < 4:
        _share_database(folder)
    collect_seldom()
    before = _megabytes()
    for number in range(first, last + 1):
        signal.setitimer(signal.ITIMER_PROF, _HANGS)
        signal.alarm(10 * _HANGS)
        report = {"mutant": number, **_run_one(command, mutants[number], mutants.valid)}
        report["megabytes"] = _megabytes() - before
        if report["megabytes"] > MOST_MEGABYTES:
            report["finding"] += f" {report['megabytes']:.0f} MB;"
        os.write(writing, (json.dumps(report) + "\n").encode())
        if report["megabytes"] > MOST_MEGABYTES:
            os._exit(0)  # the largest size of a process does not shrink


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _run_one(command: Any, mutant: Mutant, valid: dict[str, bytes]) -> dict[str, Any]:
    """Run a mutant in the current folder, judge it, and restore the folder."""
    before = set(os.listdir("."))
    for name, raw in mutant.files.items():
        Path(name).write_bytes(raw)
    begun = time.process_time()
    code, out, err, error = _call(command, mutant.arguments)
    seconds = time.process_time() - begun
    for name in set(os.listdir(".")) - before:
        shutil.rmtree(name) if os.path.isdir(name) else os.unlink(name)
    if mutant.kind in ("folder", "command"):
        shutil.rmtree("finished", ignore_errors=True)
        shutil.copytree(Path.cwd().parent / "valid" / "finished", "finished")
    for name in valid if mutant.kind == "command" else mutant.files:
        if name in valid:
            Path(name).write_bytes(valid[name])
    return {
        "finding": _judge(code, out, err, error, seconds, mutant),
        "code": code,
        "seconds": round(seconds, 2),
        "error": error or err[-300:],
    }


def _call(command: Any, arguments: list[str]) -> tuple[int | None, str, str, str]:
    """Return the exit code, both outputs, and the traceback of an unforeseen error."""
    from typer import Exit

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: int | None = None
    error = ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if arguments[:1] == ["simulate"]:
                _simulate(arguments[1])
                code = 0
            else:
                command.main(arguments, prog_name="docketsim")
        except Exit as exit_:
            code = exit_.exit_code
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else 0 if exit_.code is None else 1
        except BaseException:
            error = traceback.format_exc()
    texts = [text.buffer.getvalue().decode("utf-8", "backslashreplace") for text in (out, err)]  # type: ignore[attr-defined]
    return code, *texts, error


def _simulate(scenario: str) -> None:
    """Do what `run` does to the replication of a scenario, but write and print nothing."""
    from simulations import SamplePath, load_scenario, make_plan, simulate
    from simulations.cli.common import report_errors
    from simulations.measuring.invariants import check_log
    from simulations.measuring.measures import measure
    from simulations.running.options import ReplicationOptions
    from workflow.errors import InputError

    with report_errors():
        loaded = load_scenario(scenario)
        if problems := ReplicationOptions().work_problems(loaded):
            raise InputError(problems)
        path = SamplePath(1, 1)
        log = simulate(make_plan(loaded, path), path, monitor="count", violations=[])
        measure(log)
        check_log(log)


# judging -------------------------------------------------------------------------------------------


def _judge(code: int | None, out: str, err: str, error: str, seconds: float, mutant: Mutant) -> str:
    """Return what is wrong with the way a command ended, or nothing."""
    found = []
    if error:
        found.append(error.splitlines()[-1])
    elif code not in (0, 1, 2, 3):
        found.append(f"exit code {code}")
    if code == 2 and not err.strip():
        found.append("refused without a word")
    if code == 1 and not (err + out).strip():
        found.append("failed without a word")
    if re.search(r"^(Traceback|\w+(Error|Exception): )", err, re.MULTILINE):
        found.append("a traceback or an error of a library in the message")
    lines = err.splitlines()
    if len(lines) > _LINES or any(len(line) > _MOST_CHARACTERS for line in lines):
        found.append(f"{len(lines)} lines, the longest of {max(map(len, lines))} characters")
    if re.search("[\x00-\x08\x0b-\x1f\x7f]", err + ("" if "export" in mutant.arguments else out)):
        found.append("control characters are printed")
    if "--json" in mutant.arguments and code in (0, 1, 3) and out.strip():
        try:
            json.loads(out, parse_constant=_refuse)
        except ValueError:
            found.append("invalid JSON")
    if seconds > MOST_SECONDS:
        found.append(f"{seconds:.1f} s")
    return "; ".join(found)


def _refuse(constant: str) -> None:
    raise ValueError(constant)
