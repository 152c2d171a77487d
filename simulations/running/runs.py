"""Running a scenario: replications into a run folder, and results read back from it.

A run folder holds the scenario and its workflow as they were run, a manifest, and for each replication a part
of cases, of events and of measures. Replication k depends on the scenario, the seed and k alone: it can be
run by itself, on any number of workers, with the same bytes.
"""

from __future__ import annotations

import datetime as dt
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from simulations.chance.draws import SamplePath, seed_problems
from simulations.engines.choosing import Chosen, check_engine, choose_engine, prepare, sample_path
from simulations.engines.choosing import simulate as simulate_on
from simulations.engines.simpy_engine import Hook, Monitoring, Process, simulate
from simulations.loading import load_scenario
from simulations.log.eventlog import EventLog
from simulations.log.watching import Violation
from simulations.measuring.descriptors import describe
from simulations.measuring.honesty import check_log, growing_queues
from simulations.measuring.measures import group_cases, measure
from simulations.run_folder.folders import RunFolder, RunFolderExists, default_folder, open_folder, write_record
from simulations.run_folder.manifest import make_manifest
from simulations.run_folder.parts import KINDS, part_path, record_path, write_cases, write_events, write_measures
from simulations.running.results import CONFIDENCE, Estimate, estimates
from simulations.running.run_result import RunResult, gather
from simulations.running.shared import Shared, in_processes
from simulations.scenarios.plan import Plan, make_plan
from simulations.scenarios.scenario import Scenario
from workflow.errors import DocketsimError, InputError, Problem, nearest
from workflow.files.validation import listed

__all__ = ["Precision", "RunFolderExists", "WorkerLost", "check_run", "run"]

LEAST_FOR_PRECISION = 10
_MOST_GROUPS = 200


class WorkerLost(DocketsimError, RuntimeError):
    """Processes at work were ended from outside, again and again."""


@dataclass(frozen=True, slots=True)
class Precision:
    """How narrow the interval of a measure is to be: half its width, relative to the mean or in the measure's unit."""

    measure: str
    half_width: float
    relative: bool

    @classmethod
    def parse(cls, text: str, scenario: Scenario) -> Precision:
        """Read ``amenable=2%``, ``review_finished=1d`` or ``pending=50``."""
        name, equals, amount = (part.strip() for part in text.partition("="))
        measures = describe(scenario)
        if not equals:
            raise InputError([f"--precision {text}: must be measure=width, such as amenable=2% or review_finished=1d"])
        if name not in measures:
            raise InputError(
                [
                    f"--precision {text}: {name!r} is not a measure.{nearest(name, measures) or f' Known: {listed(measures, 60)}.'}"
                ]
            )
        relative = amount.endswith("%")
        in_days = measures[name].unit == "days"
        number = amount.rstrip("%") if relative else amount.removesuffix("d") if in_days else amount
        try:
            width = float(number) / (100 if relative else 1)
        except ValueError:
            width = -1.0
        if not 0 < width < float("inf"):
            raise InputError([f"--precision {text}: {amount!r} is not a width above 0, such as 2%, 1d or 50"])
        return cls(name, width, relative)

    def met(self, found: Sequence[Estimate]) -> bool:
        """Say whether the intervals of the measure, in every court, are narrow enough."""
        mine = [e for e in found if e.measure == self.measure and e.by is None and e.at is None]
        for estimate in mine:
            allowed = self.half_width * abs(estimate.mean or 0.0) if self.relative else self.half_width
            if estimate.mean is None or estimate.half_width is None or estimate.half_width > allowed:
                return False
        return True


@dataclass(frozen=True)
class _Job:
    """What a worker needs for one replication."""

    scenario: Scenario
    folder: Path
    seed: int
    days: tuple[dt.date | None, ...]
    by: tuple[str, ...]
    events: bool
    hooks: Mapping[str, Hook]
    processes: tuple[Process, ...]
    monitor: Monitoring | None = None
    engine: Chosen = "simpy"
    main: int = field(default_factory=os.getpid)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of parts that are written; the measures last."""
        return tuple(kind for kind in KINDS if self.events or kind != "events")

    def run(self, replication: int, plan: Plan | None = None) -> int:
        """Run one replication and write its parts, and at last the record that says that they are there."""
        path = sample_path(self.engine, self.seed, replication)
        plan = plan or make_plan(self.scenario, path)
        violations: list[Violation] = []
        with ThreadPoolExecutor(1) as beside:  # parts are written, and the log is checked, while others come to be
            cases = beside.submit(write_cases, part_path(self.folder, "cases", replication), plan.cases, replication)
            if self.engine == "simpy":
                log = simulate(plan, path, self.hooks, self.processes, self.monitor, violations)
            else:
                log = simulate_on(self.engine, plan, path, self.monitor, violations)
            self._end_if_orphaned()
            events = beside.submit(self._write_events, log, replication)
            values = measure(log, self.days, [group_cases(plan.cases, name) for name in self.by])
            laws = beside.submit(check_log, log)  # not before: both at once would need more memory
            for part in (cases, events):
                part.result()
            write_measures(part_path(self.folder, "measures", replication), values, replication)
            growing = growing_queues(log)
            laws.result()
        self._end_if_orphaned()
        write_record(self.folder, replication, self.kinds, growing, Counter(v.rule for v in violations))
        return replication

    def _write_events(self, log: EventLog, replication: int) -> None:
        if self.events:
            write_events(part_path(self.folder, "events", replication), log, replication)

    def _end_if_orphaned(self) -> None:
        """End a worker whose main process is gone: the folder may be somebody else's by now."""
        if self.main not in (os.getpid(), os.getppid()):
            os._exit(1)


def run(
    scenario: Scenario | str | Path,
    *,
    replications: int = 1,
    seed: int = 1,
    out: str | Path | None = None,
    at: Sequence[dt.date] = (),
    by: Sequence[str] = (),
    only: int | None = None,
    workers: int = 1,
    events: bool = True,
    resume: bool = False,
    precision: Sequence[str] = (),
    max_replications: int | None = None,
    engine: str = "auto",
    confidence: float = CONFIDENCE,
    hooks: Mapping[str, Hook] | None = None,
    processes: Iterable[Process] = (),
    monitor: Monitoring | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RunResult:
    """Run replications of a scenario.

    Parameters
    ----------
    scenario : Scenario, str or Path
        A scenario, or the name or path of one.
    replications : int
        How many, 1 or more; with `precision`, how many at least.
    seed : int
        The root of all draws, from 0 to 2**63 - 1.
    out : path, optional
        The run folder; ``runs/<scenario>-<date and time>`` if it is not given.
    at : sequence of date
        Days at whose end to measure, besides the end of the run.
    by : sequence of str
        Facts, definitions, ``court`` or ``origin`` by which to group every measure.
    only : int, optional
        Run this replication alone, from 1; with the bytes that it has among all.
    workers : int
        Processes at work at the same time.
    events : bool
        Whether to write the event log; cases and measures are always written.
    resume : bool
        Whether to go on with a folder that is there: parts that are whole are kept.
    precision : sequence of str
        Widths such as ``"amenable=2%"``: replications are added until all are met.
    max_replications : int, optional
        With `precision`: the most, 1,000 if it is not given.
    hooks, processes
        See `simulations.engines.simpy_engine.simulate`; with one worker only.
    monitor : {"stop", "count"}, optional
        Whether the workflow's rules are watched on every case, and a broken one stops the run or is counted.
    progress : callable, optional
        Called with the replications done and those to do.

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        For a mistake in the input; nothing has been written then.
    RunFolderExists
        If the folder is there and `resume` is not given.
    """
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    wanted = [Precision.parse(text, scenario) for text in precision]
    most = max_replications if max_replications is not None else max(1000, replications)
    _check(scenario, replications, seed, at, only, workers, engine, confidence, wanted, max_replications)
    processes = tuple(processes)
    if (hooks or processes) and workers > 1:
        raise InputError(["hooks and processes are Python of this process; run them with workers=1"])
    numbers = [only] if only is not None else list(range(1, replications + 1))
    planned = {numbers[0]: _check_first(scenario, seed, numbers[0], by)}
    folder = Path(out) if out is not None else default_folder(scenario.name)
    days: tuple[dt.date | None, ...] = (None, *sorted({*at, *(p.at for p in scenario.published)}))
    chosen = choose_engine(engine, scenario, len(numbers), bool(hooks or processes))
    job = _Job(scenario, folder, seed, days, tuple(by), events, dict(hooks or {}), processes, monitor, chosen)
    manifest = make_manifest(
        scenario, seed=seed, replications=replications, days=days, by=by, events=events, monitor=monitor,
        engine=chosen,
        own_python=bool(hooks or processes),
    )  # fmt: skip
    with open_folder(folder, scenario, manifest, resume) as open_one:
        _run_all(job, open_one, numbers, workers, progress, planned)
        if wanted and only is None:
            numbers = _until_precise(job, open_one, numbers, wanted, most, workers, confidence, progress)
        records = open_one.records()
        open_one.close()
    return gather(scenario, manifest, {k: records[k] for k in numbers}, folder, confidence)


def check_run(
    scenario: Scenario, *, replications: int, seed: int, at: Sequence[dt.date], workers: int, confidence: float,
    engine: str,
) -> None:  # fmt: skip
    """See whether a run could begin, before anything is written.

    Raises
    ------
    InputError
        With every mistake.
    """
    _check(scenario, replications, seed, at, None, workers, engine, confidence, (), None)
    _check_first(scenario, seed, 1, ())


def _check(
    scenario: Scenario, replications: int, seed: int, at: Sequence[dt.date], only: int | None, workers: int, engine: str,
    confidence: float, wanted: Sequence[Precision], most: int | None,
) -> None:  # fmt: skip
    problems = []
    if replications < 1:
        problems.append(f"replications: must be 1 or more, not {replications}")
    problems += seed_problems(seed)
    if only is not None and not 1 <= only <= replications:
        problems.append(f"only: must be one of the replications, from 1 to {replications}, not {only}")
    if workers < 1:
        problems.append(f"workers: must be 1 or more, not {workers}")
    if not 0 < confidence < 1:
        problems.append(f"confidence: must lie between 0 and 1, not {confidence}")
    try:
        check_engine(engine)
    except InputError as error:
        problems += [p.message for p in error.problems]
    if most is not None and (not wanted or most < replications):
        problems.append("max_replications: goes with precision, and is at least the number of replications")
    problems += [
        f"at: {day} is not between starts, {scenario.starts}, and ends, {scenario.ends}"
        for day in at
        if not scenario.starts <= day <= scenario.ends
    ]
    if problems:
        raise InputError(problems)


def _check_first(scenario: Scenario, seed: int, replication: int, by: Sequence[str]) -> Plan:
    """Find what is wrong with the people of a replication, or with a ``by``, before anything is written; return its plan."""
    plan = make_plan(scenario, SamplePath(seed, replication))
    problems: list[Problem] = []
    for name in by:
        try:
            groups = len(group_cases(plan.cases, name).labels)
        except InputError as error:
            problems += error.problems
        else:
            if groups > _MOST_GROUPS:
                message = f"each of its {groups:,} values would be a group; there can be {_MOST_GROUPS}"
                problems.append(Problem(f"--by {name}: {message}. A condition makes two groups: --by 'age >= 65'"))
    if problems:
        raise InputError(problems)
    return plan


# replications --------------------------------------------------------------------------------------


def _run_all(
    job: _Job,
    folder: RunFolder,
    numbers: Sequence[int],
    workers: int,
    progress: Callable[[int, int], None] | None,
    planned: dict[int, Plan],
) -> None:
    """Run what is not finished yet; `planned` has plans that are made already, and is empty afterwards."""
    whole = folder.whole(numbers)
    todo = [k for k in numbers if k not in whole]
    for k in todo:
        record_path(folder.path, k).unlink(missing_ok=True)
    if progress is not None:
        progress(len(whole), len(numbers))
    for finished, _ in enumerate(_each(job, todo, min(workers, len(todo)), planned), start=len(whole) + 1):
        if progress is not None:
            progress(finished, len(numbers))


def _each(job: _Job, numbers: Sequence[int], workers: int, planned: dict[int, Plan]) -> Iterator[int]:
    """Run replications, and yield each as it is finished."""
    if numbers:
        prepare(job.engine)
    if workers <= 1:
        yield from (job.run(k, planned.pop(k, None)) for k in numbers)
        return
    planned.clear()
    from joblib import delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError  # type: ignore[import-untyped]

    todo, shared = list(numbers), Shared(job)
    while todo:
        seen: set[int] = set()
        try:
            for k in in_processes((delayed(_run)(shared, k) for k in todo), workers, in_order=False):
                seen.add(k)
                yield k
            return
        except TerminatedWorkerError:
            finished = {k for k in todo if record_path(job.folder, k).exists()}
            if not finished:
                raise WorkerLost(
                    f"{job.folder}: a process at work was ended from outside, and again before it had finished a replication."
                    " Mostly this is for want of memory: go on with --resume and fewer --workers."
                ) from None
            warnings.warn("a process at work was ended from outside; what it had in hand is run again", stacklevel=2)
            yield from finished - seen
            todo = [k for k in todo if k not in finished]


def _run(job: Shared[_Job], replication: int) -> int:
    return job.value.run(replication)


def _until_precise(
    job: _Job, folder: RunFolder, numbers: list[int], wanted: Sequence[Precision], most: int, workers: int,
    confidence: float, progress: Callable[[int, int], None] | None,
) -> list[int]:  # fmt: skip
    """Add replications until every interval is narrow enough, or `most` are run."""
    while True:
        found = estimates(job.scenario, job.folder, numbers, confidence) if len(numbers) >= LEAST_FOR_PRECISION else []
        if found and all(p.met(found) for p in wanted):
            return numbers
        if len(numbers) >= most:
            missed = ", ".join(p.measure for p in wanted if not found or not p.met(found))
            warnings.warn(
                f"the precision of {missed} is not reached with {len(numbers)} replications, the most allowed",
                stacklevel=3,
            )
            return numbers
        target = min(most, max(LEAST_FOR_PRECISION, len(numbers) * 3 // 2))
        more = list(range(len(numbers) + 1, target + 1))
        numbers = [*numbers, *more]
        _run_all(job, folder, more, workers, _after(len(numbers) - len(more), progress), {})


def _after(before: int, progress: Callable[[int, int], None] | None) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, todo: progress(before + done, before + todo)
