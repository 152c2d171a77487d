"""Workload W in Ciw: a node a court, one for the checks, and one with any number of servers in which closed cases stay.

The records that Ciw keeps of a case hold its history: they decide its route, and they are the log. All cases of a court come
as one batch at the start.
"""

from __future__ import annotations

import random
import time
from typing import Any

import ciw

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


class FromCourt(ciw.routing.NodeRouting):
    """The route from a court: to the checks or out, and after a second review out. The record of this visit does not exist yet."""

    def __init__(self, check: int) -> None:
        self.check = check

    def next_node(self, ind: Any) -> Any:
        """Choose the next node."""
        referred = not ind.data_records and random.random() < P_REFERRED
        return self.simulation.nodes[self.check if referred else -1]


class ToOwnCourt(ciw.routing.NodeRouting):
    """The route from the closed cases: back to the first court of the case."""

    def next_node(self, ind: Any) -> Any:
        """Choose the next node."""
        return self.simulation.nodes[ind.starting_node]


def network(size: Size) -> Any:
    """Return the network of queues."""
    n = size.n_courts
    check, closed = n + 1, n + 2
    return ciw.create_network(
        arrival_distributions=[*(ciw.dists.Sequential([0.0, float("inf")]) for _ in range(n)), None, None],
        batching_distributions=[*(ciw.dists.Deterministic(m) for m in _per_court(size)), None, None],
        service_distributions=[
            *(ciw.dists.Lognormal(MU, SIGMA) for _ in range(n)),
            ciw.dists.Exponential(1.0),
            ciw.dists.Exponential(1 / size.reopening_days),
        ],
        number_of_servers=[*([2] * n), size.n_checkers, float("inf")],
        routing=ciw.routing.NetworkRouting(
            routers=[
                *(FromCourt(check) for _ in range(n)),
                ciw.routing.Probabilistic([closed, -1], [P_CLEARED, 1 - P_CLEARED]),
                ToOwnCourt(),
            ]
        ),
    )


def _per_court(size: Size) -> list[int]:
    return [size.n_cases // size.n_courts + (k < size.n_cases % size.n_courts) for k in range(size.n_courts)]


def _log(records: Any, size: Size) -> Log:
    """Return Ciw's records as the log; Ciw has numbered the cases from 1, court by court."""
    n_courts, rows = size.n_courts, []
    number = [k + j * n_courts for k, n in enumerate(_per_court(size)) for j in range(n)]
    for r in records:
        if r.record_type != "service":
            continue
        stage = {n_courts + 1: CHECK, n_courts + 2: CLOSED}.get(r.node, REVIEW)
        to = {n_courts + 1: CHECK, n_courts + 2: CLOSED, -1: DOCKET}.get(r.destination, SECOND)
        rows.append((number[r.id_number - 1], stage, to, r.arrival_date, r.service_start_date, r.exit_date))
    rows.sort(key=lambda row: (row[0], row[3]))
    again = [rows[k - 1][0] == row[0] and row[1] == REVIEW for k, row in enumerate(rows)]
    return Log.of([(row[0], SECOND, *row[2:]) if second else row for row, second in zip(rows, again, strict=True)])


def run(size: Size, seed: int) -> tuple[Log, Spent]:
    """Return the log, and the cost from the network to the last record."""
    ciw.seed(seed)
    start = time.process_time()
    simulation = ciw.Simulation(network(size))
    simulation.simulate_until_max_time(size.horizon)
    records = simulation.get_all_records()
    spent = since(start)
    return _log(records, size), spent
