"""Run tasks on a Dask cluster, or start one on this machine.

The scheduler of a cluster gives each task to a worker, and to another one if that one dies. Dask is imported when a cluster is used.
A scenario with its tables is sent to each worker once, not with each task.
"""

from __future__ import annotations

import logging
import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from workflow.errors import DocketsimError, InputError

S = TypeVar("S")
T = TypeVar("T")

_AHEAD = 3  # tasks that wait at the scheduler for each thread of a worker
_SECONDS_TO_CONNECT = 10
_SECONDS_BETWEEN_COUNTS = 1.0
_MOST_FUNCTIONS = 3
_QUICK_WORKERS = {
    "distributed.worker.profile.enabled": False,
    "distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1},
}
"""Workers take no samples of themselves, and do not return memory to the system after each array, as Dask's own settings want it."""
_ENDED = "the scheduler of the cluster has ended. Start one, and resume with --resume (resume=True)."
_MISSING = "Dask is not installed: install the extra 'cluster' (pip install 'docketsim[cluster]')"


class ClusterLost(DocketsimError, RuntimeError):
    """The scheduler of a cluster ended, or a task killed several workers."""


def cluster_problems(address: str) -> list[str]:
    """Return what is wrong with the address of a cluster, before it is used."""
    if find_spec("distributed") is None:
        return [f"cluster: {_MISSING}"]
    if address.startswith(("tcp://", "tls://")) or Path(address).is_file():
        return []
    return [f"cluster: must be the address of a scheduler, such as tcp://host:8786, or its file, not {address!r}"]


def on_cluster(function: Callable[[S], T], items: Iterable[S], address: str, in_order: bool = True) -> Iterator[T]:
    """Apply a function to items on a cluster, and yield the results.

    Only a few tasks for each worker are at the scheduler at a time, so that memory does not grow with their number.

    Parameters
    ----------
    function : callable
        It and its results can be pickled.
    address : str
        Of the scheduler, ``tcp://host:port``, or the path of a scheduler file.
    in_order : bool
        Whether to yield results in the order of the items, or as they finish.

    Raises
    ------
    InputError
        If no scheduler answers.
    ClusterLost
        If the scheduler ends, or a task kills several workers.
    """
    with _connected(address) as client:
        yield from _Tasks(client, function, items).results(in_order)


class _Tasks:
    """Tasks at a scheduler, few at a time.

    The first ones bring the function, which may hold a large scenario. Workers remember it. One that has joined since then says
    that it does not know the function, and gets it with the same task again.
    """

    def __init__(self, client: Any, function: Callable[[Any], Any], items: Iterable[Any]) -> None:
        from distributed import as_completed

        self._client = client
        self._function = function
        self._todo = enumerate(items)
        self._run = uuid.uuid4().hex
        self._running: dict[str, tuple[int, Any, Any]] = {}
        self._completed = as_completed([], loop=client.loop)
        self._held: dict[int, Any] = {}
        self._next = 0
        self._most = 0
        self._counted = -_SECONDS_BETWEEN_COUNTS
        self._known = False

    def results(self, in_order: bool) -> Iterator[Any]:
        try:
            self._submit()
            while self._running:
                future = next(self._completed)
                number, item, _ = self._running.pop(future.key)
                result = _result(future)
                future.release()
                if isinstance(result, _Unknown):
                    self._start(number, item, known=False)
                    continue
                self._known = True
                if not in_order:
                    self._submit()
                    yield result
                    continue
                self._held[number] = result
                while self._next in self._held:
                    yield self._held.pop(self._next)
                    self._next += 1
                self._submit()
        finally:
            for _, _, future in self._running.values():
                future.release()  # nobody waits for it any more

    def _submit(self) -> None:
        """Submit tasks until enough are at the scheduler or held for their turn."""
        if time.monotonic() > self._counted + _SECONDS_BETWEEN_COUNTS:  # workers come and go
            self._most, self._counted = _AHEAD * max(2, _threads(self._client)), time.monotonic()
        while len(self._running) + len(self._held) < self._most:
            number, item = next(self._todo, (None, None))
            if number is None:
                return
            self._start(number, item, self._known)

    def _start(self, number: int, item: Any, known: bool) -> None:
        task, what = (_call_known, ()) if known else (_call, (self._function,))
        key = f"docketsim-{self._run}-{number}-{'known' if known else 'whole'}"
        future = self._client.submit(task, self._run, *what, item, key=key, pure=False)
        self._running[future.key] = number, item, future
        self._completed.add(future)


class _Unknown:
    """The result of a task whose worker does not know the function."""


_functions: dict[str, Callable[[Any], Any]] = {}
"""The functions that this worker knows, by the runs that sent them."""


def _call(run: str, function: Callable[[Any], Any], item: Any) -> Any:
    """Call a function on a worker, and remember it."""
    known = _functions.setdefault(run, function)
    while len(_functions) > _MOST_FUNCTIONS:
        _functions.pop(next(iter(_functions)), None)
    return known(item)


def _call_known(run: str, item: Any) -> Any:
    function = _functions.get(run)
    return _Unknown() if function is None else function(item)


def _result(future: Any) -> Any:
    """Return the result of a finished task, or raise its error."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise ClusterLost(
            f"several workers of the cluster were killed at the same task, probably out of memory: {str(error).splitlines()[0]}"
            " Resume with --resume (resume=True) on workers with more memory."
        ) from None
    except (CancelledError, OSError, TimeoutError):
        raise ClusterLost(_ENDED) from None


def _threads(client: Any) -> int:
    """Return how many threads all workers have."""
    try:
        return sum(client.nthreads().values())
    except (OSError, TimeoutError):
        raise ClusterLost(_ENDED) from None


_open: dict[str, Any] = {}
"""The connection to each scheduler that a study has opened."""


@contextmanager
def one_connection(address: str | None) -> Iterator[None]:
    """Use one connection for all runs within the block, if there is a cluster."""
    if address is None:
        yield
        return
    with _connected(address):
        yield


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    client = _open.get(address)
    if client is not None and client.status == "running":
        yield client
        return
    client = _open[address] = _connect(address)
    try:
        yield client
    finally:
        _open.pop(address, None)
        client.close(timeout=2)


def _connect(address: str) -> Any:
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it says of lost connections is said in one line here
    where: dict[str, Any] = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
    try:
        return Client(**where, timeout=_SECONDS_TO_CONNECT, set_as_default=False, name="docketsim")
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError([f"cluster: no scheduler answers at {address}: {str(error).splitlines()[0]}"]) from None


def start(workers: int, host: str, port: int, scheduler_file: Path | None, ready: Callable[[str], None]) -> None:
    """Run a scheduler and workers on this machine until the process is interrupted.

    Parameters
    ----------
    workers : int
        Number of worker processes. One that dies is started again.
    host : str
        The address at which the scheduler listens. Whoever reaches it can run code as this user.
    port : int
        Its port; 0 for any free one.
    scheduler_file : Path, optional
        A file to write with the address.
    ready : callable
        Called with the address when the cluster is ready.

    Raises
    ------
    InputError
        If Dask is not installed, or the port is in use.
    """
    if find_spec("distributed") is None:
        raise InputError([f"cluster: {_MISSING}"])
    import dask
    from distributed import LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    dask.config.set(_QUICK_WORKERS)
    try:
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # Dask leaves a socket to the garbage collection
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, host=host, scheduler_port=port, dashboard_address=f"{host}:0",
                memory_limit=0, silence_logs=logging.CRITICAL,
            )  # fmt: skip
    except (OSError, RuntimeError) as error:
        raise InputError([f"cluster: cannot start at {host}:{port}: {str(error).splitlines()[0]}"]) from None
    with cluster:
        if scheduler_file is not None:
            _write_file(cluster, scheduler_file)
        ready(cluster.scheduler_address)
        while True:
            time.sleep(3600)


def _write_file(cluster: Any, path: Path) -> None:
    """Write what a client needs to know of a scheduler, as Dask's own command does."""
    from simulations.run_folder.whole_files import write_text
    from workflow.files.json_text import json_text

    write_text(path, json_text(cluster.scheduler.identity(), indent=2) + "\n")
