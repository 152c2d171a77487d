"""The compiled engine: the same log as `simulations.engines.simpy_engine`, bit for bit, from a numba kernel."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.chance.distributions import Distribution, make_distribution
from simulations.chance.draws import SamplePath, purpose_hash
from simulations.chance.inverse_tables import InverseTable
from simulations.engines.codes import NOWHERE, SERVED, WAITING
from simulations.engines.kernel_cache import loaded_quickly
from simulations.log.eventlog import EventLog, Labels, OnRows
from simulations.log.row import BY_HORIZON, COLUMNS, NEVER
from simulations.scenarios.plan import Plan
from workflow.model.definition import StateKind

Integers = NDArray[np.int64]

ROWS_AT_ONCE = 1 << 13
SMALLEST_HEAP = 1 << 14

# A check for each of the two kernels, by whether it is the special one.
_SMALL = {False: "D1", True: "D5"}


def available() -> bool:
    """Return whether numba (the extra ``fast``) is installed."""
    return find_spec("numba") is not None


def is_compiled(special: bool) -> bool:
    """Return whether one of the two kernels (`simulations.engines.variants`) is in numba's cache.

    To compile it takes about half a minute.
    """
    if _never_compiled():
        return False
    from simulations.engines.kernel import loop

    return special in _compiled_kernels(loop)


def _compiled_kernels(loop: Any) -> set[bool]:
    """Return which kernels this process has, or finds in the cache: the special one, the other, both or none."""
    from simulations.engines.kernel.arrays import Model

    place = Model._fields.index("special")
    try:
        cached = loop.run._cache._cache_file._load_index() if _has_cache(loop) else {}
        signatures = [*loop.run.signatures, *(signature for signature, *_ in cached)]
        return {str(model.types[place]) != "none" for model, _ in signatures}
    except Exception:  # numba's private attributes may change; then no compilation is announced
        return {False, True}


def _never_compiled() -> bool:
    """Return, without loading numba, whether the cache folder beside the kernel is usable and has no compiled kernel."""
    folder = Path(__file__).parent / "kernel" / "__pycache__"
    usable = "NUMBA_CACHE_DIR" not in os.environ and folder.is_dir() and os.access(folder, os.W_OK)
    return usable and not any(folder.glob("loop.run-*.nbi"))


def _has_cache(loop: Any) -> bool:
    """Return whether the compiled kernel is cached for other processes."""
    return bool(loop.run.stats.cache_path)


def compile_kernel(special: bool) -> None:
    """Compile one of the two kernels or load it from the cache, once in a process, and what draws people, by running a few cases."""
    from simulations.engines.kernel import loop
    from simulations.loading import load_scenario
    from simulations.scenarios.plan import make_plan

    if not _has_cache(loop):
        if loop.run.signatures and special in _compiled_kernels(loop):
            return
        warnings.warn(
            "no cache folder can be written to, so the compiled engine is compiled again in each process:"
            " set NUMBA_CACHE_DIR to a writable folder",
            stacklevel=2,
        )
    path = CompiledPath(1, 1)
    simulate(make_plan(load_scenario(Path(__file__).parents[1] / "checks" / f"{_SMALL[special]}.yaml"), path), path)
    keys = np.zeros(1, np.uint64)
    for values in (np.array([True, False]), np.array([0, 1])):
        path.pick(keys, "", (0.5, 1.0), values)
    path.quantiles(keys, "", make_distribution("exponential", {"mean": 1.0}))


@dataclass(frozen=True, slots=True)
class CompiledPath(SamplePath):
    """The random draws of one replication, drawn for many cases at once by compiled code; the same bits."""

    def many(self, case_keys: NDArray[np.uint64], purpose: str, visit: int | NDArray[Any]) -> tuple[Integers, Integers]:
        """Draw the two uniform numerators of many cases; see `SamplePath.many`."""
        from simulations.engines.kernel import draws

        visits = np.empty(len(case_keys), np.uint64)
        visits[:] = visit
        lengths, outcomes = np.empty(len(case_keys), np.int64), np.empty(len(case_keys), np.int64)
        loaded_quickly(draws.draw)(*self._counters(case_keys, purpose), visits, lengths, outcomes)
        return lengths, outcomes

    def pick(
        self, case_keys: NDArray[np.uint64], purpose: str, cumulative: Sequence[float], values: NDArray[Any]
    ) -> NDArray[Any]:
        """Draw one of several values for each of many cases; see `SamplePath.pick`."""
        from simulations.engines.kernel import draws

        if len(values) == 1 or values.dtype not in (np.bool_, np.int64):
            return SamplePath.pick(self, case_keys, purpose, cumulative, values)
        numerators, picked = np.empty(len(case_keys), np.int64), np.empty(len(case_keys), values.dtype)
        bounds = np.array(cumulative[:-1], np.float64)
        loaded_quickly(draws.pick)(*self._counters(case_keys, purpose), bounds, values, numerators, picked)
        return picked

    def quantiles(self, case_keys: NDArray[np.uint64], purpose: str, distribution: Distribution) -> NDArray[np.float64]:
        """Draw a number from a distribution for each of many cases; see `SamplePath.quantiles`."""
        from simulations.engines.kernel import draws

        table = distribution.table
        if not isinstance(table, InverseTable):
            return SamplePath.quantiles(self, case_keys, purpose, distribution)
        numerators, drawn = np.empty(len(case_keys), np.int64), np.empty(len(case_keys), np.float64)
        loaded_quickly(draws.quantiles)(*self._counters(case_keys, purpose), table.cells, numerators, drawn)
        return drawn

    def _counters(self, case_keys: NDArray[np.uint64], purpose: str) -> tuple[NDArray[np.uint64], NDArray[np.uint64], np.uint64]:
        """Return the key of the replication, the keys of the cases, and the hash of the purpose, as compiled code takes them."""
        return np.array(self.key, np.uint64), np.ascontiguousarray(case_keys, np.uint64), np.uint64(purpose_hash(purpose))


def simulate(plan: Plan, path: SamplePath, on_rows: OnRows | None = None) -> EventLog:
    """Run a plan on the compiled engine.

    Parameters
    ----------
    plan : Plan
    path : SamplePath
        The source of draws that the plan was made with.
    on_rows : callable, optional
        Called with parts of the log while the run goes on: consecutive rows, numbered from 0 in each part.

    Returns
    -------
    EventLog

    Raises
    ------
    InputError
        If the model is too large for tables.
    StuckCase, VisitCap
        From the SimPy engine, with the history of the case.
    """
    from simulations.engines.kernel import arrays, loop
    from simulations.engines.kernel_plan import kernel_plan

    arguments = kernel_plan(plan, path)
    arguments["heap"] = np.empty(max(SMALLEST_HEAP, arguments["margin"] + 1), arrays.PENDING)
    arguments["far"] = np.empty(max(SMALLEST_HEAP, arguments["margin"] + 2), arrays.FAR)
    arguments["far"][0] = 0  # the others are written before they are read
    n_at_once = len(plan.scenario.workflow.states) + len(arguments["serving"])
    for name, kind in (("rows", arrays.ROW), ("moves", arrays.PAIR), ("batches", arrays.PAIR)):
        arguments[name] = arrays.aligned(ROWS_AT_ONCE + n_at_once + 8, kind, np.empty)
    arguments["holds"] = np.empty(ROWS_AT_ONCE + arguments["most_holds"], arrays.HOLD)
    log = _GrowingLog(plan, on_rows)
    run = loaded_quickly(loop.run)
    given = arrays.grouped(arguments)
    while True:
        code = run(*given)
        counters, rows = arguments["counters"][0], arguments["rows"]
        if code in (arrays.STUCK, arrays.TOO_MANY_VISITS):
            from simulations.engines import simpy_engine

            return simpy_engine.simulate(plan, path)  # raises the error with the history of the case
        if code in (arrays.HEAP_FULL, arrays.FAR_FULL):
            name = "heap" if code == arrays.HEAP_FULL else "far"
            full = arguments[name]
            arguments[name] = np.concatenate([full, np.zeros(len(full) + arguments["margin"], full.dtype)])
            given = arrays.grouped(arguments)
            continue
        log.add(
            rows[: counters["n_rows"]],
            *(
                arguments[name][: counters[n]].view(np.int64).reshape(-1, width)
                for name, n, width in (("holds", "n_holds", 3), ("moves", "n_moves", 2), ("batches", "n_batched", 2))
            ),
        )
        counters["n_rows"] = counters["n_holds"] = counters["n_moves"] = counters["n_batched"] = 0
        if code == arrays.DONE:
            break
    closing, held, together = _closing_rows(plan, arguments, log.labels)
    arguments.clear()  # frees as much memory as the log needs
    del given
    log.add(closing, held, np.zeros((0, 2), np.int64), together)
    return log.whole()


class _GrowingLog:
    """A log that is written part by part.

    Its columns have room for more rows, and are copied to larger ones when that is used up. Room that is never written is never
    allocated.
    """

    def __init__(self, plan: Plan, on_rows: OnRows | None) -> None:
        self.labels = Labels.of(plan.scenario)
        self._cases = plan.cases
        self._on_rows = on_rows
        self._n_rows = 0
        types, room = self.labels.types(), 6 * len(plan.cases) + ROWS_AT_ONCE
        self._none = {} if plan.scenario.hearing_dates else {"booked_for": types.pop("booked_for")(-1)}
        self._columns = {name: np.empty(room, dtype) for name, dtype in types.items()}
        self._further, self._transfers, self._batches = ([np.zeros((0, width), np.int64)] for width in (3, 2, 2))

    def add(self, rows: Any, further: Integers, transfers: Integers, batches: Integers) -> None:
        """Add rows, a structured array or columns, and what belongs to them, with row numbers from 0."""
        first = self._n_rows
        self._n_rows += len(rows["case_id"])
        for name, column in self._columns.items():
            if self._n_rows > len(column):
                self._columns[name] = np.empty(max(self._n_rows, len(column) * 3 // 2), column.dtype)
                self._columns[name][:first] = column[:first]
            self._columns[name][first : self._n_rows] = rows[name]
        for whole, part in ((self._further, further), (self._transfers, transfers), (self._batches, batches)):
            if len(part):
                whole.append(np.column_stack([part[:, 0] + first, part[:, 1:]]))
        if self._on_rows is not None:
            further, transfers, batches = further.copy(), transfers.copy(), batches.copy()  # the kernel writes there again
            self._on_rows(self._rows_from(first, further, transfers, batches))

    def whole(self) -> EventLog:
        """Return the log."""
        return self._rows_from(0, *(np.concatenate(parts) for parts in (self._further, self._transfers, self._batches)))

    def _rows_from(self, first: int, further: Integers, transfers: Integers, batches: Integers) -> EventLog:
        """Return the rows from a number on. A column without values takes no memory."""
        columns = {name: column[first : self._n_rows] for name, column in self._columns.items()}
        columns |= {name: np.broadcast_to(none, self._n_rows - first) for name, none in self._none.items()}
        return EventLog(self._cases, self.labels, columns, further=further, transfers=transfers, batches=batches)


def _closing_rows(plan: Plan, arguments: dict[str, Any], labels: Labels) -> tuple[dict[str, Any], Integers, Integers]:
    """Return a (right-censored) row for each case that is open at the horizon, as columns, further servers of teams, and batches."""
    cases, workflow = arguments["cases"], plan.scenario.workflow
    final = np.array([s.kind is StateKind.FINAL for s in workflow.states.values()])
    state = np.ascontiguousarray(cases["state"])
    open_ = np.flatnonzero((state >= 0) & ~final.take(state))
    n, at = len(open_), state.take(open_)
    types = labels.types()
    columns = {c.name: np.full(n, NEVER if c.kind == "instant" else -1, types[c.name]) for c in COLUMNS}
    columns["case_id"][:], columns["from_state"][:], columns["to_state"][:] = open_, at, at
    columns["cause"][:] = BY_HORIZON
    columns["happened_at"][:] = plan.scenario.horizon
    busy = np.flatnonzero(cases["status"].take(open_) != NOWHERE)  # only in a state with an activity
    here = cases.take(open_.take(busy))
    columns["activity"][busy] = activity = arguments["states"]["activity"].take(here["state"])
    columns["pool"][busy] = arguments["activities"]["pool"].take(activity)
    columns["enabled_at"][busy] = here["enabled"]
    columns["started_at"][busy] = np.where(here["status"] == WAITING, NEVER, here["started"])
    columns["server"][busy] = np.where(here["status"] == SERVED, here["server"], -1)
    dated = busy[arguments["activities"]["notice"][activity] != -1]
    date = arguments["booked"]["date"][open_[dated]]
    columns["booked_for"][dated] = np.where(date < 0, -1, arguments["hearings"]["day"][date])
    held = []
    stations, holder, links = arguments["stations"], arguments["holder"], arguments["links"]
    for row in busy[(here["status"] == SERVED) & (arguments["activities"]["kinds"][activity] >= 0)].tolist():
        place = int(cases["previous"][open_[row]])
        columns["pool"][row] = stations["pool"][holder[place]]
        while (place := int(links[place])) >= 0:
            held.append((row, stations["pool"][holder[place]], place - stations["free"][holder[place]]))
    pools = [k for k, pool in enumerate(plan.scenario.pools.values()) if pool.batch is not None]
    together = busy[(here["status"] == SERVED) & np.isin(columns["pool"][busy], pools)] if pools else busy[:0]
    return columns, np.array(held, np.int64).reshape(-1, 3), np.array([together, cases["next"][open_[together]]], np.int64).T
