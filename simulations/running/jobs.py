"""The replications of a run: what is checked before the first, and how each is carried out in its process."""

from __future__ import annotations

import ctypes
import datetime as dt
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from simulations.chance.draws import SamplePath
from simulations.engines.choosing import Chosen, choose_engine, prepare, sample_path
from simulations.engines.choosing import simulate as simulate_on
from simulations.engines.simpy_engine import Hook, Monitoring, Process, simulate
from simulations.log.eventlog import EventLog, OnRows
from simulations.log.watching import Violation
from simulations.measuring.invariants import check_log
from simulations.measuring.measures import group_cases, measure
from simulations.measuring.trends import LongQueue, long_queues
from simulations.run_folder.folders import RunFolder, write_record
from simulations.run_folder.manifest import make_manifest
from simulations.run_folder.parts import (
    Span,
    kinds_of,
    part_path,
    record_path,
    write_cases,
    write_events,
    write_holds,
    write_measures,
)
from simulations.running.options import RunOptions
from simulations.running.precision import Precision
from simulations.running.progress import Report, doing
from simulations.running.results import estimates, read_values
from simulations.running.shared import Shared, in_processes
from simulations.scenarios.plan import Plan, make_plan
from simulations.scenarios.population import Cases
from simulations.scenarios.scenario import Scenario
from simulations.scenarios.workload import MOST_REPLICATIONS, estimate
from workflow.errors import DocketsimError, InputError, Problem
from workflow.run_files.manifest import MOST_IN_PART
from workflow.sql.reading import interruptible

T = TypeVar("T")

LEAST_FOR_PRECISION = 10
_MOST_GROUPS = 200
_FEW_CASES = 20_000
_CASES_OF_PART = 100_000
_LEAST_PARTS = 50
_KEPT, _KEPT_OF_LARGE = 32 << 20, 8 << 20
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h


class WorkerLost(DocketsimError, RuntimeError):
    """Worker processes were killed repeatedly."""


@dataclass(frozen=True)
class Job:
    """The input of a worker process."""

    scenario: Scenario
    folder: Path
    options: RunOptions
    days: tuple[dt.date | None, ...]
    by: tuple[str, ...]
    hooks: Mapping[str, Hook]
    processes: tuple[Process, ...]
    monitor: Monitoring | None = None
    engine: Chosen = "simpy"
    main: int | None = field(default_factory=os.getpid)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of parts to write, measures last."""
        return kinds_of(self.options.keep, bool(self.scenario.queues_with_teams))

    def manifest(self) -> dict[str, Any]:
        """Return the manifest of the run folder."""
        return make_manifest(
            self.scenario, seed=self.options.seed, replications=self.options.replications, days=self.days, by=self.by,
            selection=self.options.selection, keep=self.options.keep, monitor=self.monitor, engine=self.engine,
            own_python=bool(self.hooks or self.processes), confidence=self.options.confidence,
        )  # fmt: skip

    @cached_property
    def per_part(self) -> int:
        """Return how many replications share a part: several if they are many and small."""
        of_size = _CASES_OF_PART // max(1, round(estimate(self.scenario).n_cases))
        return max(1, min(self.options.replications // _LEAST_PARTS, of_size, MOST_IN_PART))

    def spans(self, numbers: Iterable[int]) -> list[Span]:
        """Divide replications into those that share a part. An interrupted run is resumed with the same parts."""
        spans: list[Span] = []
        for k in numbers:
            if spans and spans[-1].last == k - 1 and (k - 1) % self.per_part:
                spans[-1] = Span(spans[-1].first, k)
            else:
                spans.append(Span(k, k))
        return spans

    def run(self, span: Span, plan: Plan | None = None) -> Span:
        """Run the replications of a part and write it, then the record that lists it.

        Parameters
        ----------
        plan : Plan, optional
            The plan of the first replication, if it has been made.
        """
        queues: dict[int, list[LongQueue]] = {}
        violations: dict[int, Counter[str]] = {}
        _keep_freed_memory(_KEPT if estimate(self.scenario).n_cases <= _FEW_CASES else _KEPT_OF_LARGE)
        with _Writing(self, span) as writing:
            for k in span.numbers:
                path = sample_path(self.engine, self.options.seed, k)
                plan = plan or make_plan(self.scenario, path)
                writing.add("cases", k, plan.cases)
                log, broken = self._simulate(plan, path, writing.as_it_comes(k))
                self._end_if_orphaned()
                writing.add_log(k, log)
                groupings = [group_cases(plan.cases, name) for name in self.by]
                checked, grown = writing.submit(check_log, log), writing.submit(long_queues, log)
                values = measure(log, self.days, groupings, self.options.selection)
                writing.add("measures", k, values)
                checked.result()
                queues[k], violations[k] = grown.result(), Counter(v.rule for v in broken)
                plan = None
        self._end_if_orphaned()
        write_record(self.folder, span, self.kinds, queues, violations)
        return span

    def _simulate(self, plan: Plan, path: SamplePath, on_rows: OnRows | None) -> tuple[EventLog, list[Violation]]:
        violations: list[Violation] = []
        if self.engine == "simpy":
            return simulate(plan, path, self.hooks, self.processes, self.monitor, violations, on_rows), violations
        return simulate_on(self.engine, plan, path, self.monitor, violations, on_rows), violations

    def _end_if_orphaned(self) -> None:
        """Exit if the main process of this machine has ended: another run may own the folder now."""
        if self.main is not None and self.main not in (os.getpid(), os.getppid()):
            os._exit(1)


def _keep_freed_memory(most: int) -> None:
    """Let the allocator of Linux keep blocks of up to this size when they are freed, and give larger ones back to the system.

    A small replication is faster with the memory of the one before it. Of a large one, memory that is kept would add to the peak.
    """
    if sys.platform == "linux":
        library = ctypes.CDLL(None)
        with suppress(AttributeError):  # another C library than that of GNU
            library.mallopt(_MMAP_THRESHOLD, most)
            library.mallopt(_TRIM_THRESHOLD, 2 * most)


_WRITERS: Mapping[str, Callable[[Path, Scenario, Any], None]] = {
    "cases": write_cases,
    "events": write_events,
    "holds": write_holds,
    "measures": write_measures,
}


class _Abandoned(DocketsimError, RuntimeError):
    """The log that was being written will not be finished."""


class _Rows:
    """The parts of a log on their way from an engine to the thread that writes them."""

    def __init__(self) -> None:
        self._queue = SimpleQueue[EventLog | None]()
        self._abandoned = False

    def put(self, part: EventLog | None) -> None:
        """Add the next rows; ``None`` after the last ones."""
        self._queue.put(part)

    def abandon(self) -> None:
        """Let the thread stop, whatever rows are still on their way."""
        self._abandoned = True
        self._queue.put(None)

    def __iter__(self) -> Iterator[EventLog]:
        while (part := self._queue.get()) is not None and not self._abandoned:
            yield part
        if self._abandoned:
            raise _Abandoned("the run was interrupted")


class _Writing:
    """Write the tables of a part as they become complete.

    One large replication is written, and its log checked, in another thread while the next table is computed; the rows of the log
    already while the engine runs. For small ones that would take longer.
    """

    def __init__(self, job: Job, span: Span) -> None:
        self._job = job
        self._span = span
        self._tables: dict[str, dict[int, Any]] = {kind: {} for kind in job.kinds}
        self._threads: ThreadPoolExecutor | None = None
        self._writing: list[Future[None]] = []
        self._rows: _Rows | None = None

    def add(self, kind: str, replication: int, rows: Any) -> None:
        """Add a table of a replication, and write the part if it was the last one."""
        if isinstance(rows, Cases):
            if kind in self._tables:
                rows.draw()  # before several threads read them
            if self._span.first == self._span.last and len(rows) > _FEW_CASES:
                self._threads = ThreadPoolExecutor(1)
        if kind in self._tables:
            table = self._tables[kind]
            table[replication] = rows
            if len(table) == len(self._span.numbers):
                path = part_path(self._job.folder, kind, self._span)
                submit = self._now if kind == "measures" else self.submit  # nothing is left to compute meanwhile
                self._writing.append(submit(_WRITERS[kind], path, self._job.scenario, self._tables.pop(kind)))

    def as_it_comes(self, replication: int) -> OnRows | None:
        """Begin to write the log of a large replication, and return what takes its rows; ``None`` if it is written as a whole."""
        if self._threads is None or "events" not in self._tables:
            return None
        self._rows = _Rows()
        self.add("events", replication, self._rows)
        return self._rows.put

    def add_log(self, replication: int, log: EventLog) -> None:
        """Add the log of a replication, of which the rows may have been written as they came."""
        if self._rows is None:
            self.add("events", replication, [log])
        else:
            self._rows.put(None)
        self.add("holds", replication, log)

    def submit(self, function: Callable[..., T], *arguments: object) -> Future[T]:
        """Run a function now or soon; an error is raised by the future's `result`."""
        if self._threads is not None:
            return self._threads.submit(function, *arguments)
        return self._now(function, *arguments)

    @staticmethod
    def _now(function: Callable[..., T], *arguments: object) -> Future[T]:
        future = Future[T]()
        future.set_result(function(*arguments))
        return future

    def __enter__(self) -> _Writing:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None and self._rows is not None:
            self._rows.abandon()
        if self._threads is not None:
            self._threads.shutdown()
        if kind is None:
            for future in self._writing:
                future.result()


def rerun(scenario: Scenario, folder: Path, options: RunOptions, by: Sequence[str], span: Span) -> None:
    """Run the replications of one part of a run again, into a folder without a manifest.

    Raises
    ------
    InputError
        For an option that is not valid.
    """
    check_options(scenario, options, span.first, (), None, False, None)
    engine = choose_engine(options.engine, scenario, len(span.numbers), False)
    job = Job(scenario, folder, options, (None, *options.at), tuple(by), {}, (), None, engine)
    for kind in job.kinds:
        (folder / kind).mkdir(parents=True)
    prepare(engine, scenario)
    job.run(span)


def check_options(
    scenario: Scenario, options: RunOptions, only: int | None, targets: Sequence[Precision], max_replications: int | None,
    own_python: bool, monitor: str | None,
) -> None:  # fmt: skip
    """Check the options of a run, each by itself and with the others."""
    problems = options.problems_in(scenario, None if only is None else 1)
    problems += [
        f"precision {target.measure}: is not measured; add the measure {target.measure}"
        for target in targets
        if options.measures and target.measure not in options.measures
    ]
    if only is not None and not 1 <= only <= options.replications:
        problems.append(f"only: must be one of the replications, from 1 to {options.replications}, not {only}")
    if max_replications is not None and (not targets or max_replications < options.replications):
        problems.append("max_replications: goes with precision, and is at least the number of replications")
    if max_replications is not None and max_replications > MOST_REPLICATIONS:
        problems.append(f"max_replications: must be {MOST_REPLICATIONS:,} or less, not {max_replications:,}")
    if monitor not in (None, "stop", "count"):
        problems.append(f"monitor: must be stop or count, not {monitor!r}")
    if own_python and options.cluster is not None:
        problems.append("hooks and processes are Python objects of this process; run them without a cluster")
    if own_python and options.workers > 1:
        problems.append("hooks and processes are Python objects of this process; run them with workers=1")
    if problems:
        raise InputError(problems)


def check_run(scenario: Scenario, options: RunOptions) -> None:
    """Check that a run can start, before anything is written.

    Raises
    ------
    InputError
        With every mistake.
    """
    problems = options.problems_in(scenario)
    if problems:
        raise InputError(problems)
    check_first(scenario, SamplePath(options.seed, 1), ())


def check_first(scenario: Scenario, path: SamplePath, by: Sequence[str]) -> Plan:
    """Return the plan of a replication. Check its cases and every ``by`` before anything is written."""
    plan = make_plan(scenario, path)
    problems: list[Problem] = []
    for name in by:
        try:
            groups = len(group_cases(plan.cases, name).labels)
        except InputError as error:
            problems += error.problems
        else:
            if groups > _MOST_GROUPS:
                message = f"each of its {groups:,} values would be a group, and the limit is {_MOST_GROUPS} groups"
                problems.append(Problem(f"by {name}: {message}. A condition makes two groups: 'age >= 65'"))
    if problems:
        raise InputError(problems)
    return plan


# replications --------------------------------------------------------------------------------------


def run_all(job: Job, folder: RunFolder, numbers: Sequence[int], progress: Report | None, planned: dict[int, Plan]) -> None:
    """Run the replications that are not finished. Plans in `planned` are used and removed."""
    complete = folder.complete(numbers)
    todo = [k for k in numbers if k not in complete]
    if todo:
        folder.reopen()
    spans = job.spans(todo)
    folder.forget(spans)
    finished = len(complete)
    if progress is not None:
        progress(finished, len(numbers))
    with interruptible():
        for span in _each(job, spans, planned):
            finished += len(span.numbers)
            if progress is not None:
                progress(finished, len(numbers))


def _each(job: Job, spans: Sequence[Span], planned: dict[int, Plan]) -> Iterator[Span]:
    """Run the replications of each part, and yield it when it is written."""
    if job.options.cluster is not None:
        from simulations.running.elsewhere import run_elsewhere

        planned.clear()
        yield from run_elsewhere(job, spans) if spans else ()
        return
    workers = min(job.options.workers, len(spans))
    if spans:
        prepare(job.engine, job.scenario, doing)
    if workers <= 1:
        yield from (job.run(span, planned.pop(span.first, None)) for span in spans)
        return
    planned.clear()
    from joblib import delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError  # type: ignore[import-untyped]

    # A worker process may be older than this run, and have started in another folder.
    todo, shared = list(spans), Shared(replace(job, folder=job.folder.absolute()))
    while todo:
        yielded: set[Span] = set()
        try:
            for span in in_processes((delayed(_run)(shared, span) for span in todo), workers, in_order=False):
                yielded.add(span)
                yield span
            return
        except TerminatedWorkerError:
            finished = {span for span in todo if record_path(job.folder, span).exists()}
            if not finished:
                raise WorkerLost(
                    f"{job.folder}: worker processes were killed repeatedly, probably out of memory."
                    " Resume the run with --resume (resume=True) and fewer workers."
                ) from None
            warnings.warn("a worker process was killed, probably out of memory; its replications are run again", stacklevel=2)
            yield from finished - yielded
            todo = [span for span in todo if span not in finished]


def _run(job: Shared[Job], span: Span) -> Span:
    return job.value.run(span)


def until_precise(
    job: Job, folder: RunFolder, numbers: list[int], targets: Sequence[Precision], most: int,
    progress: Report | None,
) -> list[int]:  # fmt: skip
    """Add replications until every interval is narrow enough, or `most` have run."""
    while True:
        enough = len(numbers) >= LEAST_FOR_PRECISION
        current = estimates(job.scenario, read_values(job.folder, numbers), job.options.confidence) if enough else []
        if current and all(p.met(current) for p in targets):
            return numbers
        if len(numbers) >= most:
            missed = ", ".join(p.measure for p in targets if not current or not p.met(current))
            warnings.warn(f"the precision of {missed} is not reached with {len(numbers)} replications, the maximum", stacklevel=3)
            return numbers
        target = min(most, max(LEAST_FOR_PRECISION, len(numbers) * 3 // 2))
        more = list(range(len(numbers) + 1, target + 1))
        numbers = [*numbers, *more]
        run_all(job, folder, more, _after(len(numbers) - len(more), progress), {})


def _after(before: int, progress: Report | None) -> Report | None:
    return None if progress is None else lambda done, todo: progress(before + done, before + todo)
