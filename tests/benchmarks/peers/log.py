"""The result that each peer returns for workload W: the log of completed work, and its waiting times."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.workload import days

__all__ = ["CHECK", "CLOSED", "DOCKET", "REVIEW", "SECOND", "Log", "Size", "Spent", "answers", "run_peer", "since", "waits"]

REVIEW, CHECK, CLOSED, SECOND, DOCKET = range(5)
"""The stages of a case, numbered as `bare_loop` numbers them."""

SIGMA = 0.8
MU = -(SIGMA**2) / 2
"""The logarithm of a review's days is normal with these, so that the mean is a day."""

P_REFERRED, P_CLEARED, P_REOPENED = 0.14, 0.95, 0.03


@dataclass(frozen=True)
class Size:
    """The size of workload W, and the quantities that depend on it.

    Attributes
    ----------
    n_cases, n_courts : int
    """

    n_cases: int
    n_courts: int = 60

    @property
    def horizon(self) -> float:
        """Return the days that are simulated."""
        return float(days(self.n_cases, self.n_courts))

    @property
    def n_checkers(self) -> int:
        """Return the servers of the national pool."""
        return math.ceil(P_REFERRED * self.n_courts * 2 / 0.8)

    @property
    def reopening_days(self) -> float:
        """Return the mean of the exponential time until a closed case reopens."""
        return self.horizon / -math.log(1 - P_REOPENED)


def run_peer(module: str, size: Size, seed: int) -> Log:
    """Return the log of a peer, by the name of its module here."""
    log: Log = import_module(f"tests.benchmarks.peers.{module}").run(size, seed)[0]
    return log


@dataclass(frozen=True)
class Log:
    """One row for each completed work and each reopening; times in days since the start.

    Attributes
    ----------
    case : ndarray of int64, shape (n_rows,)
        Numbered from 0.
    stage, to : ndarray of int8
        The stage that the case leaves, and the one that it enters.
    enabled, started, completed : ndarray of float64
        When the case started to wait, when a server took it, and when it was done. A reopening starts when it is enabled.
    """

    case: NDArray[np.int64]
    stage: NDArray[np.int8]
    to: NDArray[np.int8]
    enabled: NDArray[np.float64]
    started: NDArray[np.float64]
    completed: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.case)

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]]) -> Log:
        """Make a log of rows (case, stage, to, enabled, started, completed)."""
        kinds = (np.int64, np.int8, np.int8, np.float64, np.float64, np.float64)
        columns = zip(*rows, strict=True) if rows else ((),) * len(kinds)
        return cls(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))


@dataclass(frozen=True)
class Spent:
    """The processor time and memory of a run.

    Attributes
    ----------
    seconds : float
        Processor seconds from the first case of the model to the last row of its log, on one processor. Other load on the
        machine affects them less than wall-clock time.
    peak_mb : float
        Peak memory of the process until then, in MB; nan where the system does not report it.
    """

    seconds: float
    peak_mb: float


def since(start: float) -> Spent:
    """Return what was spent since an instant of `time.process_time`."""
    seconds = time.process_time() - start
    # getrusage would include the peak of the parent process.
    status = Path("/proc/self/status")
    fields = status.read_text().partition("VmHWM:")[2].split() if status.exists() else []
    return Spent(seconds, int(fields[0]) / 1024 if fields else math.nan)


def waits(log: Log) -> dict[int, tuple[float, float]]:
    """Return the mean and the 95th percentile of the waiting time, in days, of each stage that has a queue."""
    values = {}
    for stage in (REVIEW, CHECK, SECOND):
        here = log.stage == stage
        waited = log.started[here] - log.enabled[here]
        values[stage] = (float(waited.mean()), float(np.quantile(waited, 0.95))) if len(waited) else (math.nan, math.nan)
    return values


def answers(log: Log) -> Mapping[str, float]:
    """Return the quantities on which two correct programs for workload W agree, except for chance."""
    values: dict[str, float] = {}
    for stage, (mean, high) in waits(log).items():
        name = ("review", "check", "closed", "second review")[stage]
        values |= {f"mean wait, {name}": mean, f"95th percentile of the wait, {name}": high}
    for name, stage, to in (
        ("referred", REVIEW, CHECK), ("kept", REVIEW, DOCKET), ("closed", CHECK, CLOSED), ("refused", CHECK, DOCKET),
        ("reopened", CLOSED, SECOND), ("sent back", SECOND, DOCKET),
    ):  # fmt: skip
        values[name] = float(np.count_nonzero((log.stage == stage) & (log.to == to)))
    worked = log.stage != CLOSED
    for stage in (REVIEW, CHECK):
        here = log.stage == stage
        values[f"mean length, stage {stage}"] = float((log.completed[here] - log.started[here]).mean())
    values["last completion"] = float(log.completed[worked & (log.stage != SECOND)].max())
    return values
