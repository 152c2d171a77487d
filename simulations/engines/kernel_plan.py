"""A plan as the arrays that the kernel reads and writes: its cases, and the arrays of the model."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulations.chance.draws import SamplePath
from simulations.engines.kernel import arrays
from simulations.engines.kernel_model import KernelModel, kernel_model, structured
from simulations.log.eventlog import NEVER
from simulations.scenarios.plan import Plan
from simulations.scenarios.population import Cases
from simulations.scenarios.quantities import Choice
from simulations.scenarios.scenario import Scenario
from workflow.deciding.table import FactClasses
from workflow.model.definition import Workflow
from workflow.predicates import Expression, names, vector

_CACHE_LINE = 32
_ROWS_AT_ONCE = 1 << 12


def kernel_plan(plan: Plan, path: SamplePath) -> dict[str, Any]:
    """Return the kernel's arguments for a plan.

    Returns
    -------
    dict of str to array or int
        By the fields of `simulations.engines.kernel.arrays.Model` and `World`; without the heaps and the rows.

    Raises
    ------
    InputError
        If the model is too large for tables. The SimPy engine can still run it.
    """
    cases, workflow = plan.cases, plan.scenario.workflow
    classes = _classes(plan)
    model = kernel_model(plan, classes)
    n, (queues, entries) = len(cases), _queues(cases, model)
    buckets = (plan.scenario.horizon >> model.fixed["shift"]) + 1
    arguments: dict[str, Any] = {
        **model.fixed,
        "counters": np.zeros(1, arrays.COUNTERS),
        "key": np.array(path.key, np.uint64),
        "cases": _initial_cases(cases, classes),
        "arrived": cases.arrived,
        "armed": np.zeros(n, np.uint64),
        "position": np.zeros(n, np.int32),
        "record": _record(workflow, cases, model.fixed["court_field"]),
        "stations": model.stations.copy(),
        **{name: array.copy() for name, array in model.bookings.items()},
        "booked": np.zeros(n + 1, arrays.BOOKED),
        "work": np.zeros(n + 1, arrays.WORK),  # memory that is never written is never allocated
        "serving": np.zeros(2 * model.n_free + 1, np.int64),
        "modes": np.zeros(model.n_free + 1, np.int64),
        "members": np.zeros(model.n_free + 1, np.int64),
        "occupant": np.full(model.n_free + 1, -1, np.int64),
        "free": np.zeros(model.n_free + 1, np.int64),
        "links": np.zeros(model.n_free + 1, np.int64),
        "queues": queues,
        "entries": entries,
        **_ranks(cases, model),
        "case_lengths": _columns_of([plan.times.lengths[source] for source in model.case_lengths], n),
        "brought": np.array([list(workflow.events).index(event) for event in plan.times.first_rings], np.int64),
        "first_rings": _columns_of(list(plan.times.first_rings.values()), n),
        "dates": model.fixed["dates"][: None if n else 0],
        "arrivals": np.argsort(np.maximum(cases.arrived, 0), kind="stable").astype(np.int32),
        "initial_states": cases.state,
        "buckets": np.zeros(buckets, arrays.BUCKETS),
        "touched": np.zeros(2 * len(model.stations) + 1, np.int64),
        "margin": model.margin,
    }
    arguments["counters"]["moved_on"] = True
    arguments["counters"]["bucket"] = 1  # events of the first bucket go into the heap at once
    arguments["counters"]["edge"] = 1 << model.fixed["shift"] if buckets > 1 else arrays.NO_EDGE
    return arguments


# fact classes ----------------------------------------------------------------------------------------


def _classes(plan: Plan) -> FactClasses:
    """Return the classes of cases that separate all values of all lookups."""
    cases = plan.cases

    def values() -> Iterator[NDArray[Any]]:
        yield plan.tables[0].classes.of_case
        for expression in _expressions(plan.scenario):
            yield from _columns(cases, expression)

    return FactClasses.by_columns(values(), cases.columns)


def _expressions(scenario: Scenario) -> list[Expression]:
    """Return every expression that a lookup depends on, without the guards; each once."""
    choices = [choice for work in scenario.work.values() for choice in work.choices]
    choices += [choice for timing in scenario.event_timings.values() for choice in timing.choices]
    ranks = [*(pool.order.value for pool in scenario.pools.values()), *(work.priority for work in scenario.work.values())]
    choices += [rank for rank in ranks if isinstance(rank, Choice)]
    choices += scenario.transfers.values()
    expressions = [e for choice in choices for e in choice.selectors()]
    expressions += [e for work in scenario.work.values() for e in work.conditions]
    expressions += [s.exempt for s in scenario.suspensions if s.exempt is not None]
    expressions += [rank for rank in ranks if isinstance(rank, Expression) and names(rank) & set(scenario.workflow.record)]
    return list(dict.fromkeys(expressions))


def _columns(cases: Cases, expression: Expression) -> Iterable[NDArray[Any]]:
    """Yield the values of an expression for all cases, once for each combination of the record fields that it reads."""
    workflow, columns, n = cases.scenario.workflow, cases.columns.only(names(expression)), len(cases)
    fields = [name for name in workflow.record if name in names(expression)]
    domains = [_domain(workflow, name) for name in fields]
    if cases.scenario.transfers and "court" in names(expression):
        fields, domains = [*fields, "court"], [*domains, list(range(len(cases.scenario.courts)))]
    for combination in itertools.product(*domains):
        values = {**columns.values, **{f: np.full(n, v) for f, v in zip(fields, combination, strict=True)}}
        yield vector(expression, values, columns.missing, n)


def _domain(workflow: Workflow, name: str) -> list[Any]:
    """Return the values of a record field as predicates read them."""
    declared = workflow.record[name]
    return list(range(len(declared.values))) if declared.kind == "enum" else list(declared.domain())


# cases -----------------------------------------------------------------------------------------------


def _initial_cases(cases: Cases, classes: FactClasses) -> Any:
    """Return the kernel's cases before their arrival."""
    table = arrays.aligned(len(cases), arrays.CASE, np.empty)
    case = np.zeros((), arrays.CASE)
    case["state"] = case["server"] = -1
    case["enabled"] = case["started"] = NEVER
    integers = np.dtype((np.uint64, arrays.CASE.itemsize // 8))  # copied faster than field by field
    for start in range(0, len(cases), _ROWS_AT_ONCE):  # that stay in the processor's cache
        part = slice(start, start + _ROWS_AT_ONCE)
        rows = table[part]
        rows.view(integers)[:] = case[None].view(integers)
        rows["key"], rows["court"], rows["fact_class"] = cases.keys[part], cases.court[part], classes.of_case[part]
    return table


def _record(workflow: Workflow, cases: Cases, court_field: int) -> NDArray[np.uint16]:
    """Return a row for each case: the codes of its record, the visits to each activity, the starts of each clock, and its court.

    A row is in one cache line if it fits.
    """
    width = max(len(workflow.record) + len(workflow.activities) + len(workflow.events), court_field + 1)
    width = 1 << (width - 1).bit_length() if width <= _CACHE_LINE else width
    table: NDArray[np.uint16] = arrays.aligned(len(cases) * width, np.dtype(np.uint16)).reshape(len(cases), width)
    for k, (name, declared) in enumerate(workflow.record.items()):
        low = int(declared.minimum) if declared.kind == "integer" else 0  # type: ignore[arg-type]
        column = cases.columns.values[name]
        if low or column.any():
            table[:, k] = column - low
    if court_field >= 0:
        table[:, court_field] = cases.court
    return table


def _queues(cases: Cases, model: KernelModel) -> tuple[Any, Any]:
    """Return the queues, and room for their entries; memory that is never written is never allocated."""
    in_court = np.bincount(cases.court, minlength=len(cases.scenario.courts)).tolist()
    most = [0 if court is None else len(cases) if court < 0 else in_court[court] for court in model.queues]
    first = itertools.accumulate(most, initial=0)
    queues = structured([(-1, -1, at, 0, 0) for at, _ in zip(first, most, strict=False)], arrays.QUEUE)
    return queues, np.empty(sum(most) + 1, arrays.ENTRY)


def _ranks(cases: Cases, model: KernelModel) -> dict[str, NDArray[np.int64]]:
    """Return the rank of each case in each order by facts alone, and the ranks of the priorities that lookups give.

    A priority is ranked among all priorities of its pool, an order by itself.
    """
    columns = [_values(cases, order.by) for order in model.orders] + [np.array([priority]) for _, priority in model.priorities]
    groups: list[str | int] = [order.pool or k for k, order in enumerate(model.orders)] + [pool for pool, _ in model.priorities]
    ranked = [np.zeros(0, np.int64)] * len(columns)
    for group in dict.fromkeys(groups):
        mine = [k for k, each in enumerate(groups) if each == group]
        ranks = np.unique(np.concatenate([columns[k] for k in mine]), return_inverse=True)[1]
        for k, part in zip(mine, np.split(ranks, np.cumsum([len(columns[k]) for k in mine[:-1]])), strict=True):
            ranked[k] = part
    n = len(model.orders)
    return {
        "orders": _columns_of(ranked[:n], len(cases)),
        "priorities": np.array([*(int(r[0]) for r in ranked[n:]), 0], np.int64),
    }


def _values(cases: Cases, by: Expression | str) -> NDArray[Any]:
    """Return the number of each case in an order by facts alone."""
    if isinstance(by, str):
        return cases.arrived if by == "oldest" else -cases.arrived
    return np.broadcast_to(vector(by, cases.columns.values, cases.columns.missing, len(cases)), len(cases))


def _columns_of(columns: list[NDArray[np.int64]], n: int) -> NDArray[np.int64]:
    """Return columns with a number for each of n cases, as rows of one array."""
    return np.array(columns, np.int64).reshape(len(columns), n) if columns else np.zeros((1, 1), np.int64)
