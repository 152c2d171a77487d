"""Run replications in memory, for studies that need only dates or pending cases. No folder is written."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simulations.engines.choosing import Chosen, choose_engine, prepare, sample_path, simulate
from simulations.log.eventlog import EventLog
from simulations.measuring.descriptors import describe
from simulations.measuring.measures import measure
from simulations.measuring.selection import Selection
from simulations.running.options import EngineOptions, ReplicationOptions
from simulations.running.progress import doing
from simulations.running.shared import Shared, in_processes
from simulations.scenarios.plan import make_plan
from simulations.scenarios.scenario import Scenario
from workflow.model.definition import StateKind

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Course:
    """Dates and daily pending of one court, or of all, in one replication.

    Attributes
    ----------
    dates : dict of str to float or None
        For each measure that is a date: days since the start, ``None`` if it was not reached.
    pending : tuple of float
        Cases pending at the end of each day.
    """

    dates: dict[str, float | None]
    pending: tuple[float, ...]


def until(scenario: Scenario, last: dt.date) -> Scenario:
    """Return the scenario with an earlier end. Everything up to that day stays the same."""
    return scenario.derive(partial(_until, last=last))


def _until(scenario: Scenario, last: dt.date) -> Scenario:
    return replace(scenario, ends=min(last, scenario.ends), published=())


def replicate(scenario: Scenario, numbers: Iterable[int], options: ReplicationOptions, court: str = "all") -> list[Course]:
    """Run replications, and return the course of one court, or of all courts, in each.

    Parameters
    ----------
    numbers : iterable of int
        Numbers of the replications, from 1. They are the replications of `simulations.running.runs.run` with this seed.
    options : ReplicationOptions
        The number of replications only helps to choose the engine.
    court : str
        ``all`` for all courts together.
    """
    return read_logs(partial(course_of, court=court), scenario, numbers, options)


def read_logs(
    read: Callable[[EventLog], T],
    scenario: Scenario,
    numbers: Iterable[int],
    options: ReplicationOptions,
    progress: Callable[[int, int], None] | None = None,
) -> list[T]:
    """Run replications, and return what `read` returns for the log of each. The logs are not kept.

    Parameters
    ----------
    progress : callable, optional
        Called with the finished and the total number of replications.
    """
    engine = choose_engine(options.engine, scenario, options.replications, False)
    return [
        *_each(partial(_one, read, Shared(scenario), options.seed, engine), list(numbers), scenario, engine, options, progress)
    ]


def _each(
    one: Callable[[S], T],
    todo: Sequence[S],
    scenario: Scenario,
    engine: Chosen,
    options: EngineOptions,
    progress: Callable[[int, int], None] | None,
) -> Iterator[T]:
    """Yield what `one` returns for each run, in their order: from this process, worker processes or a cluster."""
    values: Iterable[T]
    workers = min(options.workers, len(todo))
    if options.cluster is not None:
        from simulations.running.cluster import on_cluster

        values = on_cluster(one, todo, options.cluster) if todo else ()
    elif workers <= 1:
        if todo:
            prepare(engine, scenario, doing)
        values = map(one, todo)
    else:
        from joblib import delayed

        prepare(engine, scenario, doing)
        values = in_processes((delayed(one)(run) for run in todo), workers)
    for done, value in enumerate(values, start=1):
        if progress is not None:
            progress(done, len(todo))
        yield value


def _one(read: Callable[[EventLog], T], scenario: Shared[Scenario], seed: int, engine: Chosen, replication: int) -> T:
    path = sample_path(engine, seed, replication)
    return read(simulate(engine, make_plan(scenario.value, path), path))


@dataclass(frozen=True, slots=True)
class Design:
    """One run with given values of uncertain inputs.

    Attributes
    ----------
    inputs : mapping of str to float
        By the names of ``Scenario.inputs``.
    replication : int
        The number of the replication whose draws it uses, from 1.
    """

    inputs: Mapping[str, float]
    replication: int


def read_designs(
    read: Callable[[EventLog], T],
    scenario: Scenario,
    designs: Iterable[Design],
    options: EngineOptions,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[T]:
    """Run designs, and yield what `read` returns for the log of each, in their order. The logs are not kept.

    Parameters
    ----------
    options : EngineOptions
    progress : callable, optional
        Called with the finished and the total number of designs.
    """
    todo = list(designs)
    engine = choose_engine(options.engine, scenario, len(todo), False)
    yield from _each(
        partial(_one_design, read, Shared(scenario), options.seed, engine), todo, scenario, engine, options, progress
    )


def _one_design(read: Callable[[EventLog], T], scenario: Shared[Scenario], seed: int, engine: Chosen, design: Design) -> T:
    path = sample_path(engine, seed, design.replication)
    return read(simulate(engine, make_plan(scenario.value.with_inputs(design.inputs), path), path))


# reading a log -------------------------------------------------------------------------------------


def course_of(log: EventLog, court: str) -> Course:
    """Return the course of one court, or of all courts, in a log."""
    names = [name for name, descriptor in describe(log.cases.scenario).items() if descriptor.is_date]
    measured = measure(log, selection=Selection((*names, "pending"), (court,)))
    dates = {table.measure: float(table.values[0, 0]) for table in measured.tables if table.measure in names}
    pending = measured.daily.values[:, 0].astype(float).tolist()
    return Course({name: None if math.isnan(date) else date for name, date in dates.items()}, tuple(pending))


def in_court(log: EventLog, court: str) -> NDArray[np.bool_]:
    """Return a mask of the cases of a court; ``all`` selects every case."""
    courts = log.cases.scenario.courts
    return np.full(len(log.cases), True) if court == "all" else log.cases.court == courts.index(court)


def off_docket(scenario: Scenario) -> NDArray[np.bool_]:
    """Return a mask of the states in which a case is not pending."""
    kinds = [state.kind for state in scenario.workflow.states.values()]
    return np.array([kind in (StateKind.FINAL, StateKind.RESTING) for kind in kinds])
