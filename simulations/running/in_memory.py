"""Runs whose measures are in memory, for the what-if page. They have estimates and daily series; no folder is written."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from simulations.engines.choosing import choose_engine
from simulations.log.eventlog import EventLog
from simulations.measuring.invariants import check_log
from simulations.measuring.measured import Daily, Measured
from simulations.measuring.measures import measure
from simulations.measuring.trends import LongQueue, long_queues
from simulations.running.growing import growing_queues
from simulations.running.options import CONFIDENCE, ReplicationOptions
from simulations.running.replicating import read_logs
from simulations.running.results import Series, Values
from simulations.running.run_result import RunResult
from simulations.scenarios.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Replication:
    """What one replication shows: its measures, and the queues that end it with many cases."""

    measured: Measured
    queues: Sequence[LongQueue]


@dataclass(frozen=True)
class RunInMemory(RunResult):
    """The result of replications in memory. What needs a folder, such as the event log, it does not have.

    Attributes
    ----------
    measured : tuple of Measured
        The measures of each replication.
    """

    measured: tuple[Measured, ...] = field(default=(), repr=False, compare=False)

    @property
    def _values(self) -> Values:
        return self.values

    @cached_property
    def values(self) -> Values:
        """Return the value of every measure in each replication, by measure, court, by, group, day and unit."""
        values: dict[Any, list[float | None]] = {}
        for measured in self.measured:
            for table in measured.tables:
                for court, row in zip(table.courts, table.values.tolist(), strict=True):
                    for group, value in zip(table.groups, row, strict=True):
                        key = (table.measure, court, table.by, group, table.at, table.unit)
                        values.setdefault(key, []).append(None if math.isnan(value) else value)
        return values

    @cached_property
    def pending(self) -> Series:
        """Return the pending cases at the end of each day."""
        return self._series([measured.daily for measured in self.measured])

    @cached_property
    def next_free(self) -> dict[str, Series]:
        """Return the days until the next free date at the end of each day, for each pool with hearing dates."""
        return {
            daily.measure.partition(".")[2]: self._series([measured.next_free[k] for measured in self.measured])
            for k, daily in enumerate(self.measured[0].next_free)
        }

    def _series(self, of_each: Sequence[Daily]) -> Series:
        daily = [_every_day(measured, one) for measured, one in zip(self.measured, of_each, strict=True)]
        values = np.stack([values for _, values in daily], axis=2)
        return Series(daily[0][0], of_each[0].courts, values, self.confidence, of_each[0].measure, of_each[0].unit)


def _every_day(measured: Measured, daily: Daily) -> tuple[Any, Any]:
    """Return the days and the values of a daily series of a replication; days that were asked for are in tables."""
    asked = [t for t in measured.tables if t.measure == daily.measure and t.at is not None and t.by is None]
    days = np.concatenate([daily.days, np.array([t.at for t in asked], "datetime64[D]")])
    rows = [daily.values.astype(float), *(t.values.reshape(1, -1) for t in asked)]
    order = np.argsort(days, kind="stable")
    return days[order], np.concatenate(rows)[order]


def replicate_in_memory(scenario: Scenario, number: int, options: ReplicationOptions) -> Replication:
    """Run one replication, the same as `simulations.run` with this seed, and check its log.

    Parameters
    ----------
    number : int
        The number of the replication, from 1.
    options : ReplicationOptions
        The number of replications only helps to choose the engine.
    """
    return read_logs(partial(_read, days=_days(scenario)), scenario, [number], options)[0]


def _read(log: EventLog, days: Sequence[dt.date | None]) -> Replication:
    check_log(log)
    return Replication(measure(log, days), long_queues(log))


def _days(scenario: Scenario) -> list[dt.date | None]:
    return [None, *sorted({figure.at for figure in scenario.published})]


def gather_in_memory(
    scenario: Scenario, replications: Mapping[int, Replication], options: ReplicationOptions, confidence: float = CONFIDENCE
) -> RunInMemory:
    """Return the result of one or more replications.

    Parameters
    ----------
    replications : mapping of int to Replication
        By number.
    """
    engine = choose_engine(options.engine, scenario, options.replications, python=False)
    growing = growing_queues(scenario, [one.queues for one in replications.values()], confidence)
    return RunInMemory(
        scenario, Path(), options.seed, engine, tuple(replications), confidence, (), growing,
        measured=tuple(one.measured for one in replications.values()),
    )  # fmt: skip
