"""Workload W in Cimba: two reviewer processes a court and the checkers, each taking cases from a store.

Each server is a process with its own stack, and cases are numbers: the fast way to use Cimba. A closed
case that will reopen within the horizon is a small model that waits; the others are forgotten. Cimba returns numbers
and data sets but no tables, so the log is data sets side by side, four for each stage: the case with its outcome, when it
was enabled, when it started and when it was completed.
"""

from __future__ import annotations

import time

import cimba as cb
import numpy as np

from tests.benchmarks.peers.log import (
    CHECK,
    CLOSED,
    DOCKET,
    MU,
    P_CLEARED,
    P_REFERRED,
    REVIEW,
    SECOND,
    SIGMA,
    Log,
    Size,
    Spent,
    since,
)

__all__ = ["run"]


class Rows(cb.Model):
    """The rows of one stage: twice the case number, plus 1 for the rarer outcome; its times."""

    case: cb.Dataset
    enabled: cb.Dataset
    started: cb.Dataset
    completed: cb.Dataset

    def __init__(self) -> None:
        for name in ("case", "enabled", "started", "completed"):
            setattr(self, name, cb.Dataset())
            getattr(self, name).capture()


class Docket(cb.Model):
    """The courts, the check pool, when each case started to wait, and the log."""

    horizon: cb.Param[float]
    reopening_days: cb.Param[float]
    n_courts: cb.Param[int]
    enabled: cb.Array[float]
    again: cb.Array[bool]
    checks: cb.Store[int]
    courts: list[Court]
    checkers: list[Checker]
    reviewed: Rows
    checked: Rows
    reopened: Rows
    sent_back: Rows


class Reopening(cb.Model):
    """A closed case that will reopen."""

    docket: cb.Ref[Docket]
    case: int
    days: float

    @cb.process
    def wait(self):
        docket = self.docket
        closed = cb.now()
        cb.hold(self.days)
        rows = docket.reopened
        rows.case.record(2 * self.case)
        rows.enabled.record(closed)
        rows.started.record(closed)
        rows.completed.record(cb.now())
        docket.enabled[self.case] = cb.now()
        docket.again[self.case] = True
        docket.courts[self.case % docket.n_courts].queue.put(self.case)


class Court(cb.Model):
    """A court's queue and its two reviewers."""

    docket: cb.Ref[Docket]
    number: cb.Param[int]
    backlog: cb.Param[int]
    queue: cb.Store[int]

    @cb.on_start
    def fill(self):
        for k in range(self.backlog):
            self.queue.put(self.number + k * self.docket.n_courts)

    @cb.process(copies=2)
    def review(self):
        docket = self.docket
        while True:
            case = self.queue.get()
            started = cb.now()
            cb.hold(cb.random.lognormal(MU, SIGMA))
            if docket.again[case]:
                rows = docket.sent_back
                rows.case.record(2 * case)
            else:
                rows = docket.reviewed
                referred = cb.random.bernoulli(P_REFERRED)
                rows.case.record(2 * case + referred)
            rows.enabled.record(docket.enabled[case])
            rows.started.record(started)
            rows.completed.record(cb.now())
            if not docket.again[case] and referred:
                docket.enabled[case] = cb.now()
                docket.checks.put(case)


class Checker(cb.Model):
    """A server of the check pool."""

    docket: cb.Ref[Docket]

    @cb.process
    def check(self):
        docket = self.docket
        while True:
            case = docket.checks.get()
            started = cb.now()
            cb.hold(cb.random.exponential(1.0))
            cleared = cb.random.bernoulli(P_CLEARED)
            rows = docket.checked
            rows.case.record(2 * case + (not cleared))
            rows.enabled.record(docket.enabled[case])
            rows.started.record(started)
            rows.completed.record(cb.now())
            if cleared:
                days = cb.random.exponential(docket.reopening_days)
                if cb.now() + days < docket.horizon:
                    cb.spawn(Reopening, docket=docket, case=case, days=days)


def _docket(size: Size) -> Docket:
    """Return the model, not yet run."""
    n = size.n_courts
    docket = Docket()
    docket.horizon, docket.reopening_days, docket.n_courts = size.horizon, size.reopening_days, n
    docket.enabled, docket.again = cb.Array(size.n_cases), cb.Array(size.n_cases)
    docket.checks = cb.Store()
    docket.reviewed, docket.checked, docket.reopened, docket.sent_back = Rows(), Rows(), Rows(), Rows()
    courts = []
    for k in range(n):
        court = Court()
        court.docket, court.number, court.queue = docket, k, cb.Store()
        court.backlog = size.n_cases // n + (k < size.n_cases % n)
        courts.append(court)
    docket.courts = courts
    checkers = [Checker() for _ in range(size.n_checkers)]
    for checker in checkers:
        checker.docket = docket
    docket.checkers = checkers
    return docket


def run(size: Size, seed: int) -> tuple[Log, Spent]:
    """Return the log, and the cost of a run including the transfer of its data sets. The classes are compiled beforehand."""
    cb.Experiment(_docket(Size(600)), window=cb.Window(duration=1.0)).run(workers=1)
    docket = _docket(size)
    experiment = cb.Experiment(docket, window=cb.Window(duration=size.horizon), seed=seed)
    start = time.process_time()
    results = experiment.run(workers=1, on_failure="raise")
    spent = since(start)
    parts = []
    for model, stage, usual, rarer in (
        (docket.reviewed, REVIEW, DOCKET, CHECK), (docket.checked, CHECK, CLOSED, DOCKET),
        (docket.reopened, CLOSED, SECOND, SECOND), (docket.sent_back, SECOND, DOCKET, DOCKET),
    ):  # fmt: skip
        columns = (getattr(results[model], name).trial(0, 0)[1] for name in ("case", "enabled", "started", "completed"))
        coded, enabled, started, completed = columns
        code = coded.astype(np.int64)
        to = np.where(code % 2 == 1, rarer, usual).astype(np.int8)
        parts.append((code // 2, np.full(len(code), stage, np.int8), to, enabled, started, completed))
    return Log(*(np.concatenate(column) for column in zip(*parts, strict=True))), spent
