"""Run replications of a scenario into a run folder.

A run folder holds the scenario, its workflow, a manifest, and three parts for each replication: cases, events and
measures. Replication k depends only on the scenario, the seed and k. It has the same bytes when it runs alone, and
with any number of workers.

A run imports what it needs when it starts, so that importing `run` is quick.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from simulations.running.options import RunKeywords, RunOptions, changed_options
from simulations.running.progress import Progress, shown

if TYPE_CHECKING:
    from simulations.engines.simpy_engine import Hook, Monitoring, Process
    from simulations.running.run_result import RunResult
    from simulations.scenarios.scenario import Scenario

_DEFAULTS = RunOptions()


def run(
    scenario: Scenario | str | Path,
    options: RunOptions = _DEFAULTS,
    *,
    out: str | Path | None = None,
    by: Sequence[str] = (),
    only: int | None = None,
    precision: Sequence[str] = (),
    max_replications: int | None = None,
    hooks: Mapping[str, Hook] | None = None,
    processes: Iterable[Process] = (),
    monitor: Monitoring | None = None,
    progress: Progress = None,
    **changed: Unpack[RunKeywords],
) -> RunResult:
    """Run replications of a scenario.

    Parameters
    ----------
    scenario : Scenario, str or Path
        A scenario, or the name or path of one.
    options : RunOptions, optional
        Replications, seed, days to measure, workers, engine and so on.
    out : path, optional
        The run folder. Default: ``runs/<scenario>-<date and time>``.
    by : sequence of str
        Group every measure by these facts, definitions, ``court`` or ``origin``.
    only : int, optional
        Run only this replication, from 1. Its bytes are the same as in the full run.
    precision : sequence of str
        Half-widths such as ``"amenable=2%"``. Replications are added until all are reached; `replications` is the
        minimum.
    max_replications : int, optional
        With `precision`: the maximum. Default: 1,000.
    hooks, processes
        See `simulations.engines.simpy_engine.simulate`. They need ``workers=1``.
    monitor : {"stop", "count"}, optional
        Check the workflow's rules on every case. A violation stops the run or is counted.
    progress : callable or False, optional
        Called with the finished and the total number of replications. Default: a bar in a terminal, a line in a notebook,
        nothing in a pipe. ``False`` shows nothing.
    **changed
        Single options, such as ``replications=20, seed=5``: the fields of `RunOptions`.

    Raises
    ------
    InputError
        For a mistake in the input. Nothing has been written.
    RunFolderExists
        If the folder exists and `resume` is false.
    """
    from simulations.engines.choosing import choose_engine, sample_path, will_compile
    from simulations.loading import load_scenario
    from simulations.run_folder.folders import default_folder, open_folder
    from simulations.running.cluster import one_connection
    from simulations.running.jobs import Job, check_first, check_options, run_all, until_precise
    from simulations.running.precision import Precision
    from simulations.running.run_result import gather
    from simulations.scenarios.findings import findings
    from simulations.scenarios.scenario import Scenario
    from workflow.files.arguments import check_arguments, list_problems

    options = changed_options(options, changed, run)
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    check_arguments(list_problems(by=by, precision=precision))
    processes = tuple(processes)
    own_python = bool(hooks or processes)
    targets = [Precision.parse(text, scenario) for text in precision]
    check_options(scenario, options, only, targets, max_replications, own_python, monitor)
    for message in findings(scenario):
        warnings.warn(message, stacklevel=2)
    numbers = [only] if only is not None else list(range(1, options.replications + 1))
    engine = choose_engine(options.engine, scenario, len(numbers), own_python)
    # Drawing facts does not compile the kernel: that is announced later.
    drawn_by = engine if not will_compile(engine, scenario, len(numbers)) else "simpy"
    planned = {numbers[0]: check_first(scenario, sample_path(drawn_by, options.seed, numbers[0]), by)}
    folder = Path(out) if out is not None else default_folder(scenario.name)
    published = (p.at for p in scenario.published if options.selection.has(p.measure, p.court))
    days: tuple[dt.date | None, ...] = (None, *sorted({*options.at, *published}))
    job = Job(scenario, folder, options, days, tuple(by), dict(hooks or {}), processes, monitor, engine)
    manifest = job.manifest()
    opened = open_folder(folder, scenario, manifest, options.resume)
    with opened as run_folder, shown(progress) as report, one_connection(options.cluster if targets else None):
        run_all(job, run_folder, numbers, report, planned)
        if targets and only is None:
            most = max_replications or max(1000, options.replications)
            numbers = until_precise(job, run_folder, numbers, targets, most, report)
        records = run_folder.close(numbers)
    return gather(scenario, manifest, {k: records[k] for k in numbers}, folder)
