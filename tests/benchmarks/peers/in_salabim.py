"""Workload W in salabim: a component a case, a resource a court, with ``yield`` (no greenlets), monitors and trace off."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from typing import Any

import salabim as sim

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


class Case(sim.Component):
    """A case goes through its stages."""

    def setup(self, number: int, docket: Docket) -> None:
        """Store the number and the court of the case."""
        self.number, self.docket = number, docket

    def process(self) -> Generator[Any, Any, None]:
        """Be reviewed; perhaps be checked, closed, reopened and reviewed again."""
        docket, env = self.docket, self.env
        chance, log = docket.chance, docket.rows.append
        court = docket.courts[self.number % docket.size.n_courts]
        yield self.request(court)
        started = env.now()
        yield self.hold(chance.lognormvariate(MU, SIGMA))
        self.release(court)
        referred = chance.random() < P_REFERRED
        log((self.number, REVIEW, CHECK if referred else DOCKET, 0.0, started, env.now()))
        if not referred:
            return
        enabled = env.now()
        yield self.request(docket.checkers)
        started = env.now()
        yield self.hold(chance.expovariate(1.0))
        self.release(docket.checkers)
        cleared = chance.random() < P_CLEARED
        closed = env.now()
        log((self.number, CHECK, CLOSED if cleared else DOCKET, enabled, started, closed))
        if not cleared:
            return
        yield self.hold(chance.expovariate(1 / docket.size.reopening_days))
        enabled = env.now()
        log((self.number, CLOSED, SECOND, closed, closed, enabled))
        yield self.request(court)
        started = env.now()
        yield self.hold(chance.lognormvariate(MU, SIGMA))
        self.release(court)
        log((self.number, SECOND, DOCKET, enabled, started, env.now()))


class Docket:
    """The environment, the courts, the check pool and the log."""

    def __init__(self, size: Size, seed: int) -> None:
        self.size = size
        self.env = sim.Environment(trace=False, random_seed=None, yieldless=False)
        self.chance = random.Random(seed)
        self.courts = [sim.Resource(capacity=2, monitor=False, env=self.env) for _ in range(size.n_courts)]
        self.checkers = sim.Resource(capacity=size.n_checkers, monitor=False, env=self.env)
        self.rows: list[tuple[Any, ...]] = []


def run(size: Size, seed: int) -> tuple[Log, Spent]:
    """Return the log, and the cost from the first component to the last row."""
    start = time.process_time()
    docket = Docket(size, seed)
    for number in range(size.n_cases):
        Case(number=number, docket=docket, env=docket.env)
    docket.env.run(till=size.horizon)
    spent = since(start)
    return Log.of(docket.rows), spent
