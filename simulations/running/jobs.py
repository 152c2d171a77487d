"""The replications of a run: what is checked before the first, and how each is carried out in its process."""

from __future__ import annotations

import datetime as dt
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from simulations.chance.draws import SamplePath
from simulations.engines.choosing import Chosen, prepare, sample_path
from simulations.engines.choosing import simulate as simulate_on
from simulations.engines.simpy_engine import Hook, Monitoring, Process, simulate
from simulations.log.eventlog import EventLog
from simulations.log.watching import Violation
from simulations.measuring.invariants import check_log
from simulations.measuring.measures import group_cases, measure
from simulations.measuring.trends import long_queues
from simulations.run_folder.folders import RunFolder, write_record
from simulations.run_folder.manifest import make_manifest
from simulations.run_folder.parts import kinds_of, part_path, record_path, write_cases, write_events, write_holds, write_measures
from simulations.running.options import RunOptions
from simulations.running.precision import Precision
from simulations.running.progress import Report
from simulations.running.results import estimates, read_values
from simulations.running.shared import Shared, in_processes
from simulations.scenarios.plan import Plan, make_plan
from simulations.scenarios.population import Cases
from simulations.scenarios.scenario import Scenario
from simulations.scenarios.workload import MOST_REPLICATIONS
from workflow.errors import DocketsimError, InputError, Problem

LEAST_FOR_PRECISION = 10
_MOST_GROUPS = 200
_FEW_CASES = 20_000


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
    main: int = field(default_factory=os.getpid)

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

    def run(self, replication: int, plan: Plan | None = None) -> int:
        """Run one replication and write its parts, then the record that lists them."""
        path = sample_path(self.engine, self.options.seed, replication)
        plan = plan or make_plan(self.scenario, path)
        violations: list[Violation] = []
        if "cases" in self.kinds:
            plan.cases.draw()
        with _Background(len(plan.cases)) as background:  # writes parts and checks the log while the next part is computed
            cases = background.submit(self._write_cases, plan.cases, replication)
            if self.engine == "simpy":
                log = simulate(plan, path, self.hooks, self.processes, self.monitor, violations)
            else:
                log = simulate_on(self.engine, plan, path, self.monitor, violations)
            self._end_if_orphaned()
            events = background.submit(self._write_events, log, replication)
            groupings = [group_cases(plan.cases, name) for name in self.by]
            values = measure(log, self.days, groupings, self.options.selection)
            checked = background.submit(check_log, log)  # after measuring: both at once need more memory
            for part in (cases, events):
                part.result()
            write_measures(part_path(self.folder, "measures", replication), values, replication)
            queues = long_queues(log)
            checked.result()
        self._end_if_orphaned()
        write_record(self.folder, replication, self.kinds, queues, Counter(v.rule for v in violations))
        return replication

    def _write_cases(self, cases: Cases, replication: int) -> None:
        if "cases" in self.kinds:
            write_cases(part_path(self.folder, "cases", replication), cases, replication)

    def _write_events(self, log: EventLog, replication: int) -> None:
        if "events" in self.kinds:
            write_events(part_path(self.folder, "events", replication), log, replication)
        if "holds" in self.kinds:
            write_holds(part_path(self.folder, "holds", replication), log, replication)

    def _end_if_orphaned(self) -> None:
        """Exit if the main process has ended: another run may own the folder now."""
        if self.main not in (os.getpid(), os.getppid()):
            os._exit(1)


class _Background:
    """Run functions in another thread; for few cases in this one, where that takes less time."""

    def __init__(self, n_cases: int) -> None:
        self._threads = ThreadPoolExecutor(1) if n_cases > _FEW_CASES else None

    def submit(self, function: Callable[..., object], *arguments: object) -> Future[object]:
        """Run a function now or soon; an error is raised by the future's `result`."""
        if self._threads is not None:
            return self._threads.submit(function, *arguments)
        future = Future[object]()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def __enter__(self) -> _Background:
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown()


def check_options(
    scenario: Scenario, options: RunOptions, only: int | None, targets: Sequence[Precision], max_replications: int | None,
    own_python: bool,
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
    check_first(scenario, options.seed, 1, ())


def check_first(scenario: Scenario, seed: int, replication: int, by: Sequence[str]) -> Plan:
    """Return the plan of a replication. Check its cases and every ``by`` before anything is written."""
    plan = make_plan(scenario, SamplePath(seed, replication))
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
    for k in todo:
        record_path(folder.path, k).unlink(missing_ok=True)
    if progress is not None:
        progress(len(complete), len(numbers))
    for finished, _ in enumerate(_each(job, todo, planned), start=len(complete) + 1):
        if progress is not None:
            progress(finished, len(numbers))


def _each(job: Job, numbers: Sequence[int], planned: dict[int, Plan]) -> Iterator[int]:
    """Run replications, and yield the number of each when it finishes."""
    workers = min(job.options.workers, len(numbers))
    if numbers:
        prepare(job.engine)
    if workers <= 1:
        yield from (job.run(k, planned.pop(k, None)) for k in numbers)
        return
    planned.clear()
    from joblib import delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError  # type: ignore[import-untyped]

    # A worker process may be older than this run, and have started in another folder.
    todo, shared = list(numbers), Shared(replace(job, folder=job.folder.absolute()))
    while todo:
        yielded: set[int] = set()
        try:
            for k in in_processes((delayed(_run)(shared, k) for k in todo), workers, in_order=False):
                yielded.add(k)
                yield k
            return
        except TerminatedWorkerError:
            finished = {k for k in todo if record_path(job.folder, k).exists()}
            if not finished:
                raise WorkerLost(
                    f"{job.folder}: worker processes were killed repeatedly, probably out of memory."
                    " Resume the run with --resume (resume=True) and fewer workers."
                ) from None
            warnings.warn("a worker process was killed, probably out of memory; its replications are run again", stacklevel=2)
            yield from finished - yielded
            todo = [k for k in todo if k not in finished]


def _run(job: Shared[Job], replication: int) -> int:
    return job.value.run(replication)


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
