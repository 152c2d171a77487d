"""The options of replications, of runs that write a run folder, and of calibrations. Each is declared here, and nowhere else.

The methods import what they check with, so that importing the options is quick.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, get_args

from workflow.errors import InputError, format_names, nearest
from workflow.files.arguments import check_arguments, date_problems, list_problems, number_problems

if TYPE_CHECKING:
    from simulations.measuring.selection import Selection
    from simulations.scenarios.scenario import Scenario

Keep = Literal["measures", "cases", "events"]
"""What a run writes. Each includes what stands before it."""

CONFIDENCE = 0.95
"""Default level of confidence and prediction intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How replications are simulated.

    Attributes
    ----------
    seed : int
        Random seed, from 0 to 2**63 - 1.
    workers : int
        Worker processes, 1 or more.
    engine : {"auto", "simpy", "compiled"}
        All engines return the same results.
    limit : float
        What the limits of work are multiplied by, from 1 to 1,000; see `simulations.scenarios.workload`.
    cluster : str, optional
        Run on a Dask cluster instead of worker processes: the address of its scheduler, ``tcp://host:port``, or its scheduler file.
    """

    seed: int = 1
    workers: int = 1
    engine: str = "auto"
    limit: float = 1.0
    cluster: str | None = None

    def __post_init__(self) -> None:
        """Raise `InputError` for a value of another type, which Python would misread or fail at."""
        check_arguments(self._misread())

    def _misread(self) -> list[str]:
        return [*number_problems(seed=self.seed, workers=self.workers), *number_problems(whole=False, limit=self.limit)]

    def problems(self) -> list[str]:
        """Return a message for each option that is not valid."""
        from simulations.chance.draws import seed_problems
        from simulations.engines.choosing import check_engine
        from simulations.scenarios.workload import MOST_FACTOR, MOST_WORKERS

        problems = seed_problems(self.seed)
        if self.workers < 1:
            problems.append(f"workers: must be 1 or more, not {self.workers}")
        elif self.workers > MOST_WORKERS:
            problems.append(f"workers: must be {MOST_WORKERS:,} or less, not {self.workers:,}")
        if not 1 <= self.limit <= MOST_FACTOR:
            problems.append(f"limit: must be from 1 to {MOST_FACTOR:,.0f}, not {self.limit:g}")
        if self.cluster is not None:
            from simulations.running.cluster import cluster_problems

            problems += cluster_problems(self.cluster)
        try:
            check_engine(self.engine)
        except InputError as error:
            problems += [p.message for p in error.problems]
        return problems

    def work_problems(self, scenario: Scenario, runs: int = 1, replications: int | None = None) -> list[str]:
        """Return a message for each option that is not valid, or else for each limit of work that a scenario exceeds.

        Parameters
        ----------
        runs : int
            Number of runs with these options.
        replications : int, optional
            Number of replications of each that are expected; by default, all.
        """
        from simulations.scenarios.workload import work_problems

        return self.problems() or work_problems(scenario, replications or 1, runs, self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationOptions(EngineOptions):
    """Options of replications, in memory or in a run folder.

    Attributes
    ----------
    replications : int
        Number of replications, 1 or more.
    """

    replications: int = 1

    def _misread(self) -> list[str]:
        return number_problems(replications=self.replications) + EngineOptions._misread(self)  # super() fails with slots

    def problems(self) -> list[str]:
        """Return a message for each option that is not valid."""
        from simulations.scenarios.workload import MOST_REPLICATIONS

        problems = []
        if self.replications < 1:
            problems.append(f"replications: must be 1 or more, not {self.replications}")
        elif self.replications > MOST_REPLICATIONS:
            problems.append(f"replications: must be {MOST_REPLICATIONS:,} or less, not {self.replications:,}")
        return problems + EngineOptions.problems(self)

    def work_problems(self, scenario: Scenario, runs: int = 1, replications: int | None = None) -> list[str]:
        """Return a message for each option that is not valid, or else for each limit of work that a scenario exceeds."""
        return EngineOptions.work_problems(self, scenario, runs, replications or self.replications)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(ReplicationOptions):
    """Options of a run, and of each run of a comparison or sweep.

    Attributes
    ----------
    at : sequence of date
        Measure at the end of these days, and at the end of the run.
    measures : sequence of str
        Compute these measures only. Default: all.
    courts : sequence of str
        Compute the measures of these courts only; ``all`` is all courts together. Default: each court, and all together.
    keep : {"measures", "cases", "events"}
        What to write: measures; also the cases with their facts; also the event log. With measures alone, facts that nothing
        reads are not drawn.
    resume : bool
        Resume an interrupted run in its folder. Complete parts are kept.
    confidence : float
        Confidence level of the intervals, between 0 and 1.
    """

    at: Sequence[dt.date] = ()
    measures: Sequence[str] = ()
    courts: Sequence[str] = ()
    keep: Keep = "events"
    resume: bool = False
    confidence: float = CONFIDENCE

    def _misread(self) -> list[str]:
        lists = list_problems(at=self.at, measures=self.measures, courts=self.courts)
        lists = lists or [problem for day in self.at for problem in date_problems(at=day)]
        return ReplicationOptions._misread(self) + lists

    @property
    def selection(self) -> Selection:
        """Return the measures and courts to compute."""
        from simulations.measuring.selection import Selection

        return Selection(tuple(self.measures), tuple(self.courts))

    def problems_in(self, scenario: Scenario, replications: int | None = None) -> list[str]:
        """Return a message for each option that is not valid for a scenario, and for each limit of work that it exceeds."""
        from simulations.running.intervals import confidence_problems

        problems = self.work_problems(scenario, replications=replications)
        problems += confidence_problems(self.confidence)
        if self.keep not in get_args(Keep):
            problems.append(f"keep: must be measures, cases or events, not {self.keep!r}.{nearest(self.keep, get_args(Keep))}")
        problems += [
            f"at: {day} is not between starts, {scenario.starts}, and ends, {scenario.ends}"
            for day in self.at
            if not scenario.starts <= day <= scenario.ends
        ]
        return problems + self.selection.problems_in(scenario)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationOptions(EngineOptions):
    """Options of a calibration, and of the calibrations of a hindcast.

    Attributes
    ----------
    free : sequence of str
        Paths of the inputs to calibrate. Default: all that have a distribution of their own.
    runs : int, optional
        Number of runs, 40 or more. Default: 15 for each input, at least 60.
    budget_seconds : float, optional
        Instead of `runs`: the time for the calibration, which becomes a number of runs.
    discrepancy : bool
        Whether the world may differ from the model with any inputs.
    resume : bool
        Use the runs of an interrupted calibration in its folder.
    confidence : float
        Level of the intervals, between 0 and 1.
    """

    free: Sequence[str] = ()
    runs: int | None = None
    budget_seconds: float | None = None
    discrepancy: bool = True
    resume: bool = False
    confidence: float = 0.9

    def _misread(self) -> list[str]:
        misread = EngineOptions._misread(self) + list_problems(free=self.free)
        misread += [] if self.runs is None else number_problems(runs=self.runs)
        misread += [] if self.budget_seconds is None else number_problems(whole=False, budget_seconds=self.budget_seconds)
        return misread


_Options = TypeVar("_Options", bound=EngineOptions)


def changed_options(options: _Options, changed: Mapping[str, Any], function: Callable[..., object]) -> _Options:
    """Return options with other values for some of them, which were keywords of a function.

    Raises
    ------
    TypeError
        If there is no option of this name, as for any unknown keyword, with the nearest that the function takes; or if `options`
        is something else, such as a path.
    InputError
        If a value is of another type.
    """
    if not isinstance(options, EngineOptions):
        wanted = type(signature(function).parameters["options"].default).__name__
        raise TypeError(
            f"{function.__name__}() takes options as a {wanted} or by name, not as {options!r}; give a folder as out=..."
        )
    names = [field.name for field in fields(options)]
    for name in changed:
        if name not in names:
            hint = nearest(name, [*names, *signature(function).parameters])
            raise TypeError(f"{function.__name__}() has no option {name!r}.{hint} Its options: {format_names(names, 20)}.")
    return replace(options, **changed)


class EngineKeywords(TypedDict, total=False):
    """Single `EngineOptions` as keyword arguments."""

    seed: int
    workers: int
    engine: str
    limit: float
    cluster: str | None


class ReplicationKeywords(EngineKeywords, total=False):
    """Single `ReplicationOptions` as keyword arguments."""

    replications: int


class CalibrationKeywords(EngineKeywords, total=False):
    """Single `CalibrationOptions` as keyword arguments."""

    free: Sequence[str]
    runs: int | None
    budget_seconds: float | None
    discrepancy: bool
    resume: bool
    confidence: float


class RunKeywords(ReplicationKeywords, total=False):
    """Single `RunOptions` as keyword arguments."""

    at: Sequence[dt.date]
    measures: Sequence[str]
    courts: Sequence[str]
    keep: Keep
    resume: bool
    confidence: float
