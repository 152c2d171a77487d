"""The programs that docketsim is compared with simulate the same model; otherwise their times could not be compared."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context

import numpy as np
import pytest
from scipy import stats

from simulations import SamplePath, make_plan
from simulations.engines import simpy_engine
from simulations.log.eventlog import EventLog
from tests.benchmarks.peers.log import CHECK, CLOSED, DOCKET, REVIEW, SECOND, Log, Size, answers, run_peer
from tests.benchmarks.workload import workload

pytestmark = pytest.mark.benchmark

SIZE = Size(2_400, 12)
OURS, THEIRS = 24, 8
"""Replications of docketsim, and of a peer."""
ALPHA = 1e-4
"""Each comparison's chance of a false alarm; there are some seventy."""

MICROSECONDS_A_DAY = 86_400e6
MOVES = {
    "refer": (REVIEW, CHECK), "keep": (REVIEW, DOCKET), "close": (CHECK, CLOSED), "refuse": (CHECK, DOCKET),
    "reopen": (CLOSED, SECOND), "send_back": (SECOND, DOCKET),
}  # fmt: skip
PEERS = [("naive_simpy", "simpy"), ("in_ciw", "ciw"), ("in_salabim", "salabim"), ("in_cimba", "cimba")]


def as_peers_log(log: EventLog) -> Log:
    """Return docketsim's log in the form of the peers' logs: without the closing rows of open cases."""
    codes = log.columns["transition"]
    rows = np.flatnonzero(codes >= 0)
    moves = np.array([MOVES[name] for name in log.labels.transition], np.int8)[codes[rows]]
    happened = log.columns["happened_at"][rows] / MICROSECONDS_A_DAY
    worked = moves[:, 0] != CLOSED
    enabled, started = (
        np.where(worked, log.columns[name][rows] / MICROSECONDS_A_DAY, happened) for name in ("enabled_at", "started_at")
    )
    return Log(log.columns["case_id"][rows], moves[:, 0], moves[:, 1], enabled, started, happened)


@pytest.fixture(scope="module")
def expected() -> dict[str, list[float]]:
    """The results of docketsim, by replication."""
    scenario = workload(SIZE.n_cases, SIZE.n_courts)
    paths = [SamplePath(1, k) for k in range(1, OURS + 1)]
    return _columns([as_peers_log(simpy_engine.simulate(make_plan(scenario, path), path)) for path in paths])


def _columns(logs: list[Log]) -> dict[str, list[float]]:
    answered = [answers(log) for log in logs]
    return {name: [one[name] for one in answered] for name in answered[0]}


def _logs(module: str, needs: str, n: int) -> list[Log]:
    """Return logs of a peer, from its own process: Cimba does not compile in a process in which numba has compiled other code."""
    if find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed: `make bench` installs it")
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        return list(alone.map(run_peer, [module] * n, [SIZE] * n, range(1, n + 1)))


@pytest.mark.parametrize(("module", "needs"), PEERS)
def test_a_peer_agrees_with_docketsim(module: str, needs: str, expected: dict[str, list[float]]) -> None:
    """Waiting times, lengths and numbers of moves agree within sampling error (Welch's t, seeds fixed)."""
    theirs = _columns(_logs(module, needs, THEIRS))
    doubtful = {
        name: (np.mean(theirs[name]), np.mean(values), p)
        for name, values in expected.items()
        if not (p := stats.ttest_ind(theirs[name], values, equal_var=False).pvalue) > ALPHA
    }
    assert doubtful == {}


@pytest.mark.parametrize(("module", "needs"), PEERS)
def test_a_peer_serves_in_order_and_with_its_servers(module: str, needs: str) -> None:
    """In each court work starts first come, first served, two at a time; the check pool has its size."""
    (log,) = _logs(module, needs, 1)
    assert len(np.unique(np.stack([log.case, log.stage]), axis=1).T) == len(log)
    court = log.case % SIZE.n_courts
    for k in range(SIZE.n_courts):
        _served(log, (court == k) & np.isin(log.stage, (REVIEW, SECOND)), 2)
    _served(log, log.stage == CHECK, SIZE.n_checkers)


def _served(log: Log, which: np.ndarray, servers: int) -> None:
    enabled, started, completed = (column[which] for column in (log.enabled, log.started, log.completed))
    assert (enabled <= started).all()
    assert (started <= completed).all()
    order = np.lexsort((started, enabled))
    assert (np.diff(started[order]) >= 0).all()
    at = np.concatenate([completed, started])
    steps = np.repeat([-1, 1], len(started))
    busy = np.cumsum(steps[np.lexsort((steps, at))])
    assert busy.max() == servers


def test_registered_and_other_cases_are_moved_alike() -> None:
    """Cases that are registered with the machine and cases that are not give the same log."""
    from tests.benchmarks.peers import naive_simpy

    size = Size(600, 3)
    known, unknown = (naive_simpy.run(size, 1, registered=registered)[0] for registered in (True, False))
    for name in ("case", "stage", "to", "enabled", "started", "completed"):
        assert np.array_equal(getattr(known, name), getattr(unknown, name))
